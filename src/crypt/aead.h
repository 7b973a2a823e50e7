/* AES-256-GCM (NIST SP 800-38D) over OpenSSL EVP, with the algorithm fetched once and contexts
 * reused: a new message costs no allocation and no key schedule. The caller brings the nonce and
 * answers for its being used once under a key; nearly everybody should use seal/ instead, whose
 * nonces are unique by construction. Not thread-safe. */
#ifndef HIN_CRYPT_AEAD_H
#define HIN_CRYPT_AEAD_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_AEAD_KEY_BYTES   32
#define HIN_AEAD_NONCE_BYTES 12
#define HIN_AEAD_TAG_BYTES   16

struct hin_aead;

/* key: exactly HIN_AEAD_KEY_BYTES (INVALID otherwise). It is expanded into the context; the secret
 * may go afterwards. */
HIN_RESULT hin_aead_new(struct hin_aead **ret_aead, const struct hin_secret *key) HIN_NONNULL;
/* Wipes the key schedule. NULL is fine. */
void hin_aead_free(struct hin_aead *aead);
static inline void hin_aead_freep(struct hin_aead **aead)
{
    hin_aead_free(*aead);
}

/* Encrypts `plain` and writes plain.size + HIN_AEAD_TAG_BYTES bytes to `to` (ciphertext, then tag).
 * `to` may be plain.data. nonce: exactly 12 bytes, INVALID otherwise. Parts over 1 GiB: LIMIT. */
HIN_RESULT hin_aead_seal(struct hin_aead *aead, struct hin_view nonce, struct hin_view associated,
                         struct hin_view plain, uint8_t *to);
/* Reverses it: `sealed` is ciphertext + tag, sealed.size - HIN_AEAD_TAG_BYTES bytes are written to
 * `to`. AUTH when tag, nonce, key or associated data do not belong together (`to` is then wiped),
 * TRUNCATED when sealed is shorter than a tag, INVALID when the nonce is not 12 bytes long. */
HIN_RESULT hin_aead_open(struct hin_aead *aead, struct hin_view nonce, struct hin_view associated,
                         struct hin_view sealed, uint8_t *to);

#endif
