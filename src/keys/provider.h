/* The contract of a key management service: who holds the wrapping keys, one for each tenant and
 * one of the installation's own. The file key ring (ring.h) is the first. A wrapping key never
 * leaves its provider; every error of a provider is a refusal: nobody falls back to plain text.
 *
 * Tenant: 1 to 63 letters, digits, '.', '_', '-' as in vault.h, or "" for the installation itself.
 * A wrap's associated data is its whole binding: tenant, key id, purpose, version.
 *
 * Wrapped bytes of every provider begin alike, the rest is the provider's own (the file ring: the
 * format of wrap.h):
 *   0  three letters and a format number
 *   4  u32 little-endian: version of the wrapping key (hin_key_wrapped_under reads it)
 * They are at most HIN_KEY_WRAP_GROWTH_MAX longer than the key. */
#ifndef HIN_KEYS_PROVIDER_H
#define HIN_KEYS_PROVIDER_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"
#include "keys/wrap.h"

#define HIN_KEY_ALL_VERSIONS    UINT32_C(0) /* versions count from 1 */
#define HIN_KEY_WRAP_GROWTH_MAX 448

/* Of one tenant's wrapping key. */
struct hin_key_provider_status {
    char name[32];            /* "file", "pkcs11", "aws" */
    uint32_t current_version; /* 0: the tenant has no key here (none yet, or destroyed) */
    uint32_t version_count;   /* that still unwrap */
    bool sealed;              /* protected by something outside the disk (a pass phrase, an HSM) */
    bool exportable;          /* a copy of the key can be kept by somebody: a file yes, an HSM no */
    int64_t destruction_usec; /* the key is disabled now and gone for good at this time (wall
                               * clock); 0: nothing is pending */
    uint64_t generation;      /* of a file: grows with each change of it; 0: there is no file */
    char advice[160];         /* "" or what is weak and how to mend it, for `status` */
};

struct hin_key_provider {
    /* The tenant's first wrapping key. EXISTS when it has one; CONFLICT when one of its name was
     * destroyed or is being destroyed and the provider cannot make another. Calls are repeated
     * after a crash: whatever was half-made is finished or replaced, never doubled. */
    HIN_RESULT (*generate)(void *context, struct hin_view tenant);
    /* A new version becomes the current one; older ones still unwrap. NOT_FOUND: no key. */
    HIN_RESULT (*rotate)(void *context, struct hin_view tenant);
    /* Under the current version of binding->tenant's key. Appends; see above for the bytes.
     * NOT_FOUND: no key. */
    HIN_RESULT(*wrap)
    (void *context, const struct hin_key_binding *binding, const struct hin_secret *plain,
     struct hin_buf *ret_wrapped);
    /* NOT_FOUND when the key or this version of it is destroyed or unknown; AUTH: another binding,
     * or altered; TRUNCATED, SYNTAX, UNSUPPORTED of the bytes; AGAIN, TIMEOUT, CLOSED, NETWORK or
     * IO: the provider is not there at the moment. */
    HIN_RESULT(*unwrap)
    (void *context, const struct hin_key_binding *binding, struct hin_view wrapped,
     struct hin_secret *ret_plain);
    /* Shreds one old version (CONFLICT for the current one), or with HIN_KEY_ALL_VERSIONS the
     * tenant's key as a whole. On OK it unwraps no more, from this moment on; what is pending
     * until it is gone for good stands in the status. NOT_FOUND: there is none (also when it was
     * destroyed before, so a repeat after a crash is told apart from a failure). */
    HIN_RESULT (*destroy)(void *context, struct hin_view tenant, uint32_t version);
    HIN_RESULT(*status)
    (void *context, struct hin_view tenant, struct hin_key_provider_status *ret_status);
    void *context;
};

#endif
