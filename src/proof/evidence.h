/* Evidence: what a probe tried, when, and what came of it, signed by the installation. Records are
 * numbered from 1 without gaps, and each names the hash of the one before, so that a missing or
 * altered one is seen. A file is checked with nothing but the authority's fingerprint.
 *
 *     {"format":"hinomi-evidence","version":1,
 *      "evidence":{"installation":"HEX","number":N,"previous":"HEX","id":"UUID",
 *       "probe":"TEXT","probeVersion":N,"observed":MSEC,"validUntil":MSEC,
 *       "outcome":"proven|failed|not run","reason":"TEXT",
 *       "inputs":[{"name":"TEXT","value":"TEXT" or N}, ...],
 *       "measurements":[{"name":"TEXT","value":"TEXT" or N}, ...]},
 *      "signature":"HEX","key":"HEX","authority":"HEX"}
 *
 * and a line end; written with two spaces a level, in this one form: whatever differs from it in a
 * byte is refused. `signature` is Ed25519 over HIN_EVIDENCE_DOMAIN || statement, the statement
 * being the member `evidence` without spaces; `key` is the statement of proof/key.h about the
 * signing key, `authority` the certificate in DER. `previous` is SHA-256 of "hinomi evidence chain
 * v1\n" || the statement before, zeroes for the first. A record that was not run proves nothing,
 * and says why in `reason`; one that is proven may say there what has to be known beside it. */
#ifndef HIN_PROOF_EVIDENCE_H
#define HIN_PROOF_EVIDENCE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/hash.h"

#define HIN_EVIDENCE_DOMAIN "hinomi evidence v1\n"

enum {
    HIN_EVIDENCE_VERSION = 1,
    HIN_EVIDENCE_STATEMENT_MAX = 32 * 1024,
    HIN_EVIDENCE_FILE_MAX = 64 * 1024,
    HIN_EVIDENCE_ROWS_MAX = 64, /* inputs, and measurements */
    HIN_EVIDENCE_TEXT_MAX = 512,
    HIN_EVIDENCE_REASON_MAX = 1024,
    HIN_EVIDENCE_PROBE_MAX = 64,
};

enum hin_evidence_outcome {
    HIN_EVIDENCE_PROVEN = 1,
    HIN_EVIDENCE_FAILED = 2,
    HIN_EVIDENCE_NOT_RUN = 3,
    HIN_EVIDENCE_OUTCOME_COUNT
};
const char *hin_evidence_outcome_name(enum hin_evidence_outcome outcome); /* "not run" */
bool hin_evidence_outcome_from_name(struct hin_view name, enum hin_evidence_outcome *ret_outcome);

/* A number, or a text where there is one (data not NULL). */
struct hin_evidence_row {
    struct hin_view name, text;
    int64_t number;
};

/* Views are borrowed. */
struct hin_evidence {
    uint8_t installation[HIN_SHA256_BYTES]; /* the authority's fingerprint */
    int64_t number;
    uint8_t previous[HIN_SHA256_BYTES];
    struct hin_view id; /* UUID */
    struct hin_view probe;
    int64_t probe_version;
    int64_t observed_msec, valid_until_msec;
    enum hin_evidence_outcome outcome;
    struct hin_view reason; /* when proven: empty, or what has to be known beside it */
    struct hin_evidence_row inputs[HIN_EVIDENCE_ROWS_MAX];
    size_t input_count;
    struct hin_evidence_row measurements[HIN_EVIDENCE_ROWS_MAX];
    size_t measurement_count;
};

/* Appends the statement that is to be signed. LIMIT: over HIN_EVIDENCE_STATEMENT_MAX. */
HIN_RESULT hin_evidence_encode(const struct hin_evidence *evidence,
                               struct hin_buf *out) HIN_NONNULL;
/* What is signed: domain and statement. */
HIN_RESULT hin_evidence_text(struct hin_view statement, struct hin_buf *out) HIN_NONNULL;
/* What the record after this one names as `previous`. */
HIN_RESULT hin_evidence_hash(struct hin_view statement, uint8_t ret_hash[HIN_SHA256_BYTES]);
/* Is the statement evidence of this installation, as far as can be told without parsing it? What
 * the keys process asks before it signs. INVALID; LIMIT. */
HIN_RESULT hin_evidence_check(struct hin_view statement,
                              const uint8_t installation[HIN_SHA256_BYTES]);

struct hin_evidence_seal { /* bytes, not hex */
    struct hin_view signature, key, authority;
};
/* Appends the file. */
HIN_RESULT hin_evidence_write(const struct hin_evidence *evidence,
                              const struct hin_evidence_seal *seal,
                              struct hin_buf *out) HIN_NONNULL;

struct hin_json_document;
/* Reads a file and judges it by the authority's fingerprint (64 hex digits). The sentence says what
 * is wrong: cut off (TRUNCATED), something behind its end or another form (SYNTAX), of a newer
 * version (UNSUPPORTED), of another installation, signed for something else, or altered (AUTH).
 * *ret_evidence borrows from *ret_document, which the caller frees with hin_json_free. */
HIN_RESULT hin_evidence_verify(struct hin_view file, struct hin_view fingerprint,
                               struct hin_json_document **ret_document,
                               struct hin_evidence *ret_evidence, struct hin_error *error)
    __attribute__((nonnull(3, 4)));
/* The same for one of many, with what is remembered of the one before (key.h). */
struct hin_key_memo;
HIN_RESULT hin_evidence_verify_next(struct hin_view file, struct hin_view fingerprint,
                                    struct hin_key_memo *memo,
                                    struct hin_json_document **ret_document,
                                    struct hin_evidence *ret_evidence, struct hin_error *error)
    __attribute__((nonnull(4, 5)));

/* ---- the chain, record by record in the order of their numbers ---- */

/* Starts zeroed: before the first record. */
struct hin_evidence_chain {
    int64_t number; /* of the last that fitted */
    uint8_t hash[HIN_SHA256_BYTES];
};
/* CORRUPT with a sentence: a record is missing before this one, or the one before was altered. The
 * record itself has been verified by the caller. */
HIN_RESULT hin_evidence_chain_add(struct hin_evidence_chain *chain,
                                  const struct hin_evidence *evidence, struct hin_error *error)
    __attribute__((nonnull(1, 2)));

/* ---- losses that somebody acknowledged ---- */

/* A loss is never undone. What can be done is to say who knows of it: a record of evidence like any
 * other, of this "probe", which proves nothing and stands in the chain behind what is lost. It
 * names the range and the hash of the last record that is lost, so that the chain can be followed
 * across. */
#define HIN_EVIDENCE_LOSS "evidence-loss"

struct hin_evidence_loss {
    int64_t first, last;
    uint8_t hash[HIN_SHA256_BYTES]; /* of record `last`, as the one after it names it */
    struct hin_view by, note;
};
/* Fills in outcome, reason (printed into `text`) and rows; the caller gives number, times and ID.
 */
HIN_RESULT hin_evidence_loss_put(const struct hin_evidence_loss *loss, struct hin_buf *text,
                                 struct hin_evidence *evidence) HIN_NONNULL;
/* False: the record is no such one, or not in its form. Borrows. */
bool hin_evidence_loss_get(const struct hin_evidence *evidence,
                           struct hin_evidence_loss *ret_loss) HIN_NONNULL;

/* A hole in a chain: records that are missing, or do not fit. */
struct hin_evidence_hole {
    int64_t first, last;
    uint8_t hash[HIN_SHA256_BYTES]; /* that the record after it names */
    int64_t acknowledged;           /* number of the record that says so; 0: nobody has */
};
/* Goes on at `evidence`, whose number is greater than the chain's: what lies between is the hole,
 * or, when nothing does, the record before, which is another than this one names. */
HIN_RESULT hin_evidence_chain_jump(struct hin_evidence_chain *chain,
                                   const struct hin_evidence *evidence,
                                   struct hin_evidence_hole *ret_hole) HIN_NONNULL;
/* Does the record acknowledge just this hole? */
bool hin_evidence_closes(const struct hin_evidence *evidence,
                         const struct hin_evidence_hole *hole) HIN_NONNULL;

#endif
