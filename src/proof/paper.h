/* What certificates and evidence have in common: a JSON file that has one form, holds a statement,
 * its signature (Ed25519 over a domain and the statement), the statement of proof/key.h about the
 * signing key, and the authority's certificate. Inside proof/ only. */
#ifndef HIN_PROOF_PAPER_H
#define HIN_PROOF_PAPER_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/hash.h"
#include "data/json.h"

/* A kind of such files, and what sentences call it. */
struct hin_paper {
    const char *format; /* member "format" */
    const char *name;   /* "certificate": also the member that holds the statement */
    const char *domain; /* what is signed begins with it */
    const char *some;   /* "a certificate" */
    size_t file_max, statement_max;
};

struct hin_key_memo;
struct hin_paper_seal { /* bytes, not hex */
    struct hin_view signature, key, authority;
    struct hin_key_memo *memo; /* of whoever judges many (key.h), or NULL */
};
/* The same as it is read from a file. Start with hin_paper_bytes_init. */
struct hin_paper_bytes {
    struct hin_buf signature, key, authority;
};
void hin_paper_bytes_init(struct hin_paper_bytes *bytes) HIN_NONNULL;
void hin_paper_bytes_done(struct hin_paper_bytes *bytes);
struct hin_paper_seal hin_paper_seal_of(const struct hin_paper_bytes *bytes) HIN_NONNULL;

/* Members in hex. Reading: SYNTAX with the member's name. */
void hin_paper_put_hex(struct hin_json_writer *writer, const char *name, struct hin_view bytes);
HIN_RESULT hin_paper_get_hex(struct hin_json object, const char *name, struct hin_buf *out,
                             struct hin_error *error);
/* Into exactly `size` bytes. */
HIN_RESULT hin_paper_get_digest(struct hin_json object, const char *name, uint8_t *ret_bytes,
                                size_t size, struct hin_error *error);

/* The file is begun and ended; between them the caller writes the statement. */
void hin_paper_begin(const struct hin_paper *paper, int64_t version,
                     struct hin_json_writer *writer) HIN_NONNULL;
HIN_RESULT hin_paper_end(const struct hin_paper_seal *seal, struct hin_json_writer *writer,
                         struct hin_buf *out) HIN_NONNULL;
/* What is signed: domain and statement. */
HIN_RESULT hin_paper_text(const struct hin_paper *paper, struct hin_view statement,
                          struct hin_buf *out) HIN_NONNULL;

/* Begins as such a file, ends with its one object and a line end. LIMIT, SYNTAX, TRUNCATED. */
HIN_RESULT hin_paper_check_frame(const struct hin_paper *paper, struct hin_view file,
                                 struct hin_error *error) __attribute__((nonnull(1)));
/* Reads version, statement (an object) and seal. UNSUPPORTED: a newer version. */
HIN_RESULT hin_paper_read(const struct hin_paper *paper, int64_t version, struct hin_json root,
                          struct hin_json *ret_statement, struct hin_paper_bytes *bytes,
                          struct hin_error *error) __attribute__((nonnull(1, 4, 5)));
/* Is it the form that it has when written anew? */
HIN_RESULT hin_paper_check_form(const struct hin_paper *paper, struct hin_view file,
                                struct hin_view again, struct hin_error *error)
    __attribute__((nonnull(1)));
/* By the fingerprint (64 hex digits): authority (that one, or an heir that it handed over to),
 * installation, key, signature. AUTH; INVALID: no fingerprint. */
HIN_RESULT hin_paper_judge(const struct hin_paper *paper, struct hin_view statement,
                           const uint8_t installation[HIN_SHA256_BYTES],
                           const struct hin_paper_seal *seal, struct hin_view fingerprint,
                           struct hin_error *error) __attribute__((nonnull(1, 3, 4)));

#endif
