/* The contract of a key management service: who holds the master keys. The file key ring (ring.h)
 * is the first. A master key never leaves its provider; every error of a provider is a refusal. */
#ifndef HIN_KEYS_PROVIDER_H
#define HIN_KEYS_PROVIDER_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"
#include "keys/wrap.h"

struct hin_key_provider_status {
    char name[32];            /* "file" */
    uint32_t current_version; /* of the master key */
    uint32_t version_count;
    bool sealed;      /* protected by something outside the disk (a pass phrase, an HSM) */
    char advice[160]; /* "" or what is weak and how to mend it, for `status` */
};

struct hin_key_provider {
    /* A new master key becomes the current version; older ones still unwrap. generate makes the
     * first, and is CONFLICT when there is one; rotate makes the next. */
    HIN_RESULT (*generate)(void *context);
    HIN_RESULT (*rotate)(void *context);
    /* Under the current version. Appends. */
    HIN_RESULT(*wrap)
    (void *context, const struct hin_key_binding *binding, const struct hin_secret *plain,
     struct hin_buf *ret_wrapped);
    /* NOT_FOUND when the version is destroyed or unknown; otherwise hin_key_unwrap's codes. */
    HIN_RESULT(*unwrap)
    (void *context, const struct hin_key_binding *binding, struct hin_view wrapped,
     struct hin_secret *ret_plain);
    /* Shreds one version for good: CONFLICT for the current one. */
    HIN_RESULT (*destroy)(void *context, uint32_t version);
    HIN_RESULT (*status)(void *context, struct hin_key_provider_status *ret_status);
    void *context;
};

#endif
