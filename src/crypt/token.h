/* Bearer credentials as text a person can read out: Crockford's base32 in lower case (no i, l, o,
 * u), random from the kernel. Only the SHA-256 of the canonical form is ever stored; a random
 * 160-bit value needs no slow hash. */
#ifndef HIN_CRYPT_TOKEN_H
#define HIN_CRYPT_TOKEN_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"
#include "crypt/hash.h"

enum hin_token_kind {
    HIN_TOKEN_API_KEY,   /* "hin_key_" + 52 digits (256 bits) */
    HIN_TOKEN_ENROLMENT, /* "hin_enrol_" + 32 digits (160 bits) */
    HIN_TOKEN_PASSWORD,  /* one-time password: "xxxxx-xxxxx-xxxxx-xxxxx", 100 bits */
    HIN_TOKEN_SESSION,   /* "hin_session_" + 52 digits */
    HIN_TOKEN_KIND_COUNT
};
/* Keys and tokens of a tenant other than the installation's first end in "_" and that tenant's
 * number in the same digits, so that who reads one knows where to look for it. */

/* ret_text holds the text without NUL. */
HIN_RESULT hin_token_new(enum hin_token_kind kind, struct hin_secret *ret_text) HIN_NONNULL;
/* The number that a token names, 0 when it names none; SYNTAX when that part is malformed. */
HIN_RESULT hin_token_tenant(enum hin_token_kind kind, struct hin_view text,
                            uint64_t *ret_tenant) HIN_NONNULL;
/* Appends the tenant's number to a token; 0: leaves it as it is. */
HIN_RESULT hin_token_name_tenant(struct hin_secret *text, uint64_t tenant) HIN_NONNULL;
/* SHA-256 over the canonical form without the tenant: surrounding white space and dashes dropped,
 * lower case, and Crockford's readings (o = 0, i and l = 1) in the part after the prefix. SYNTAX
 * when the text is not a token of this kind. */
HIN_RESULT hin_token_hash(enum hin_token_kind kind, struct hin_view text,
                          uint8_t ret_digest[HIN_SHA256_BYTES]) HIN_NONNULL;

#endif
