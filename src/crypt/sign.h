/* Ed25519 signatures (RFC 8032, pure) with raw keys: checkpoints, policy bundles. */
#ifndef HIN_CRYPT_SIGN_H
#define HIN_CRYPT_SIGN_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_SIGN_SEED_BYTES   32
#define HIN_SIGN_PUBLIC_BYTES 32
#define HIN_SIGN_BYTES        64

/* A fresh private key (the 32-byte seed of RFC 8032). */
HIN_RESULT hin_sign_generate(struct hin_secret *ret_seed) HIN_NONNULL;
HIN_RESULT hin_sign_public(const struct hin_secret *seed,
                           uint8_t ret_public[HIN_SIGN_PUBLIC_BYTES]) HIN_NONNULL;
/* INVALID when the seed is not 32 bytes long. */
HIN_RESULT hin_sign(const struct hin_secret *seed, struct hin_view message,
                    uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;
/* AUTH when the signature does not match; INVALID when a part has the wrong length. */
HIN_RESULT hin_sign_verify(struct hin_view public_key, struct hin_view message,
                           struct hin_view signature);

#endif
