/* SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869) over OpenSSL EVP. The
 * objects are there to be reused; none is thread-safe. */
#ifndef HIN_CRYPT_HASH_H
#define HIN_CRYPT_HASH_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_SHA256_BYTES     32
#define HIN_SHA256_HEX_BYTES 65 /* lower-case hex with its NUL */

/* One shot. For many digests in a row take struct hin_sha256. */
HIN_RESULT hin_sha256(struct hin_view bytes, uint8_t ret_digest[HIN_SHA256_BYTES]);

/* Streaming and reuse: new, then any number of (begin, add..., end). */
struct hin_sha256;
HIN_RESULT hin_sha256_new(struct hin_sha256 **ret_hash) HIN_NONNULL;
void hin_sha256_free(struct hin_sha256 *hash);
static inline void hin_sha256_freep(struct hin_sha256 **hash)
{
    hin_sha256_free(*hash);
}
HIN_RESULT hin_sha256_begin(struct hin_sha256 *hash) HIN_NONNULL;
HIN_RESULT hin_sha256_add(struct hin_sha256 *hash, struct hin_view bytes) HIN_NONNULL;
HIN_RESULT hin_sha256_end(struct hin_sha256 *hash,
                          uint8_t ret_digest[HIN_SHA256_BYTES]) HIN_NONNULL;

/* Keyed once, used many times. A key of any size from 1 byte (INVALID when empty). */
struct hin_hmac;
HIN_RESULT hin_hmac_new(struct hin_hmac **ret_hmac, struct hin_view key) HIN_NONNULL;
void hin_hmac_free(struct hin_hmac *hmac); /* wipes the key */
static inline void hin_hmac_freep(struct hin_hmac **hmac)
{
    hin_hmac_free(*hmac);
}
/* HMAC over first || second (either may be empty): the shape "domain, value" without a copy. */
HIN_RESULT hin_hmac_sum(struct hin_hmac *hmac, struct hin_view first, struct hin_view second,
                        uint8_t ret_digest[HIN_SHA256_BYTES]) HIN_NONNULL;

/* HKDF extract-and-expand: ret_key gets `size` bytes (1..255*32, and at most HIN_SECRET_MAX). salt
 * and info may be empty, input may not. */
HIN_RESULT hin_hkdf(struct hin_view input, struct hin_view salt, struct hin_view info, size_t size,
                    struct hin_secret *ret_key) HIN_NONNULL;

#endif
