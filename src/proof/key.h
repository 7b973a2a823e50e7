/* The authority vouches for the key that signs checkpoints, so that whoever has its fingerprint
 * alone can check one.
 *
 *     "HINK" | u16 version | SHA-256 of the authority's certificate (32) | public key (32, Ed25519)
 * | i64 time (usec) signature (DER): ECDSA with SHA-256 by the authority's key over
 * HIN_KEY_STATEMENT_DOMAIN || all before */
#ifndef HIN_PROOF_KEY_H
#define HIN_PROOF_KEY_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/hash.h"
#include "crypt/sign.h"

#define HIN_KEY_STATEMENT_DOMAIN "hinomi checkpoint key v1\n"

enum {
    HIN_KEY_STATEMENT_VERSION = 1,
    HIN_KEY_STATEMENT_BYTES = 4 + 2 + 32 + 32 + 8,
    HIN_KEY_STATEMENT_MAX = HIN_KEY_STATEMENT_BYTES + 256, /* with its signature */
};

struct hin_key_statement {
    uint8_t authority[HIN_SHA256_BYTES];
    uint8_t public_key[HIN_SIGN_PUBLIC_BYTES];
    int64_t time_usec;
};

/* Appends the statement, without signature. */
HIN_RESULT hin_key_statement_encode(const struct hin_key_statement *statement,
                                    struct hin_buf *out) HIN_NONNULL;
/* What is to be signed for it: domain and statement. */
HIN_RESULT hin_key_statement_text(struct hin_view statement, struct hin_buf *out) HIN_NONNULL;
/* Statement and signature, judged by the authority's certificate, which the caller has compared
 * with a fingerprint. AUTH: not signed by it, or about another; SYNTAX, TRUNCATED, PROTOCOL
 * (another magic), UNSUPPORTED (a newer version). */
HIN_RESULT hin_key_statement_verify(struct hin_view bytes, struct hin_view ca_der,
                                    struct hin_key_statement *ret_statement) HIN_NONNULL;
/* The same for many that follow each other: an authority that is the one before is not read anew.
 * Starts zeroed. */
struct hin_x509_authority;
struct hin_key_memo {
    struct hin_x509_authority *authority;
    uint8_t digest[HIN_SHA256_BYTES]; /* of its certificate */
};
void hin_key_memo_done(struct hin_key_memo *memo);
HIN_RESULT hin_key_statement_verify_next(struct hin_key_memo *memo, struct hin_view bytes,
                                         struct hin_view ca_der,
                                         struct hin_key_statement *ret_statement) HIN_NONNULL;

#endif
