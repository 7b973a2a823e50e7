/* A KMS behind PKCS#11 v2.40: each tenant has AES-256 keys that were generated in the token, one
 * object a version, never readable (CKA_SENSITIVE) and never extractable. The token encrypts and
 * decrypts by CKM_AES_GCM; an object found under our name that is not of this kind is refused.
 *
 * An object's CKA_ID is "hinomi/INSTALLATION/TENANT", its CKA_LABEL that and "/VERSION".
 *
 * Wrapped key, version 1 (little-endian):
 *   0  "HWP" 1      magic and version
 *   4  u32 wrapping key's version
 *   8  IV           12 bytes
 *  20  ciphertext   as long as the key
 *   .  tag          16 bytes
 * Associated data: bytes 0..8, then purpose (u32), version (u32), tenant and key id with their
 * lengths.
 *
 * IVs are 96 random bits of the kernel's (NIST SP 800-38D 8.2.2), so a key may wrap 2^32 times
 * (8.3). A process wraps 2^28 times in all and then answers LIMIT until it is started again; data
 * keys are few, see docs/decisions/0018.
 *
 * A session or token that is lost is connected anew at once, then with back-off (250 ms doubled up
 * to 30 s); meanwhile AGAIN. A PIN that was refused is not tried a second time: AUTH from then on.
 * Tampering, another binding and another key are told apart by no module (SoftHSM says
 * CKR_GENERAL_ERROR): AUTH when the token is well and the key is there. Not thread-safe. */
#ifndef HIN_KMS_PKCS11_PROVIDER_H
#define HIN_KMS_PKCS11_PROVIDER_H

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "keys/provider.h"

#define HIN_PKCS11_LABEL_MAX        32  /* a token's, without NUL */
#define HIN_PKCS11_VERSIONS_MAX     256 /* of one tenant's key */
#define HIN_PKCS11_INSTALLATION_MAX 36

struct hin_pkcs11;

struct hin_pkcs11_options {
    const char *module;            /* path of the shared object */
    const char *token;             /* its label */
    const char *installation;      /* tells installations on one token apart: a UUID */
    const struct hin_secret *pin;  /* the user's; copied */
    const struct hin_clock *clock; /* NULL = the machine's; for the back-off */
    /* The token was lost, is back, or holds a key that is refused; may be NULL. */
    void (*notice)(void *context, const char *text);
    void *notice_context;
};

/* Loads the module. NOT_FOUND; UNSUPPORTED: it is no module. error may be NULL. */
HIN_RESULT hin_pkcs11_new(struct hin_pkcs11 **ret_token, const struct hin_pkcs11_options *options,
                          struct hin_error *error) __attribute__((nonnull(1, 2)));
/* Connects now, so that what is wrong is said before anything is asked. NOT_FOUND: no such token;
 * UNSUPPORTED: it has no AES-GCM; AUTH: the PIN, and from then on every call answers that; IO.
 * Called once. error may be NULL. */
HIN_RESULT hin_pkcs11_begin(struct hin_pkcs11 *token, struct hin_error *error)
    __attribute__((nonnull(1)));
void hin_pkcs11_free(struct hin_pkcs11 *token);
static inline void hin_pkcs11_freep(struct hin_pkcs11 **token)
{
    hin_pkcs11_free(*token);
}
struct hin_key_provider hin_pkcs11_provider(struct hin_pkcs11 *token) HIN_NONNULL;

#endif
