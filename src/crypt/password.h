/* Pass words and pass phrases by Argon2id (RFC 9106), libargon2: m = 32 MiB, t = 3, p = 1, about
 * 100 ms. */
#ifndef HIN_CRYPT_PASSWORD_H
#define HIN_CRYPT_PASSWORD_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_PASSWORD_MEMORY_KIB 32768
#define HIN_PASSWORD_PASSES     3
#define HIN_PASSWORD_LANES      1
#define HIN_PASSWORD_SALT_BYTES 16
#define HIN_PASSWORD_TEXT_BYTES 128 /* room for the PHC string and its NUL */

/* "$argon2id$v=19$m=32768,t=3,p=1$salt$hash" with a random salt. INVALID for an empty or over-long
 * (4 KiB) password. */
HIN_RESULT hin_password_encode(struct hin_view password,
                               char ret_text[HIN_PASSWORD_TEXT_BYTES]) HIN_NONNULL;
/* AUTH when it does not match; SYNTAX when the text is not an Argon2id PHC string; LIMIT when the
 * text asks for more than 256 MiB, 16 passes or 16 lanes (a planted row must not exhaust the
 * manager). */
HIN_RESULT hin_password_verify(const char *text, struct hin_view password) HIN_NONNULL;
/* True when the text was made with weaker parameters than today's: encode anew at the next sign-in.
 */
bool hin_password_is_outdated(const char *text);

/* Whether a stored text is what _encode makes: an Argon2id PHC string of at least today's costs
 * with a salt of at least HIN_PASSWORD_SALT_BYTES and a digest. */
bool hin_password_is_sound(const char *text);

struct hin_password_cost {
    uint32_t memory_kib;
    uint32_t passes;
    uint32_t lanes;
};
/* A key from a pass phrase, with the bounds of _verify. salt: at least 8 bytes. */
HIN_RESULT hin_password_derive(struct hin_view password, struct hin_view salt,
                               const struct hin_password_cost *cost, size_t size,
                               struct hin_secret *ret_key) HIN_NONNULL;

#endif
