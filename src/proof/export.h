/* The JSON forms in which the audit record leaves the manager, and the verifier of them. An export
 * is a file of JSON lines, in this order:
 *
 *     {"format":"hinomi-audit","version":1,"tenant":"UUID","exported":MILLISECONDS}
 *     {"number":1,"time":USEC,"hash":"HEX","body":"HEX","salt":"HEX","text":"THE ENTRY, JSON"}
 *     ... each number once, ascending ...
 *     {"format":"hinomi-checkpoint","version":1,"checkpoint":"HEX","key":"HEX","authority":"HEX"}
 *
 * The last line by itself is a checkpoint file, to be kept outside. `checkpoint` is that of
 * proof/checkpoint.h with its signature, `key` the statement of proof/key.h with its signature,
 * `authority` the certificate in DER. An entry whose text cannot be opened any more has neither
 * salt nor text. The API gives entries and checkpoint in the same forms. Unknown members are let
 * pass. */
#ifndef HIN_PROOF_EXPORT_H
#define HIN_PROOF_EXPORT_H

#include "data/json.h"
#include "proof/chain.h"
#include "proof/checkpoint.h"

enum {
    HIN_PROOF_VERSION = 1,
    HIN_PROOF_LINE_MAX = 4 << 20,
    HIN_PROOF_OUTSIDE_MAX = 16, /* checkpoints compared at once */
    HIN_PROOF_ACCEPT_MAX = 64,
};

/* ---- writing ---- */
HIN_RESULT hin_proof_write_header(struct hin_view tenant, int64_t now_usec,
                                  struct hin_buf *out) HIN_NONNULL;
/* link->salt empty: the text is not at hand. */
HIN_RESULT hin_proof_write_entry(const struct hin_chain_link *link,
                                 struct hin_buf *out) HIN_NONNULL;
struct hin_proof_checkpoint { /* views of bytes */
    struct hin_view checkpoint, key, authority;
};
HIN_RESULT hin_proof_write_checkpoint(const struct hin_proof_checkpoint *checkpoint,
                                      struct hin_buf *out) HIN_NONNULL;

/* ---- judging ---- */
struct hin_proof_range {
    int64_t first, last;
};

/* Starts zeroed but for the fingerprint, or by hin_proof_init; holds no memory of its own. */
struct hin_proof {
    uint8_t authority[HIN_SHA256_BYTES]; /* the fingerprint: all the trust there is. Authorities
                                            that it handed over to count as well */
    struct hin_chain chain;
    struct hin_checkpoint outside[HIN_PROOF_OUTSIDE_MAX]; /* verified; kept outside */
    size_t outside_count, outside_met;
    struct hin_proof_range accepted[HIN_PROOF_ACCEPT_MAX]; /* known losses */
    size_t accepted_count;
    struct hin_checkpoint closing; /* the record's own, at its end */
    bool begun, closed;
    int64_t line;
};

/* 64 hex digits. INVALID. */
HIN_RESULT hin_proof_init(struct hin_proof *proof, struct hin_view fingerprint) HIN_NONNULL;
/* A checkpoint that was kept outside: judged by the fingerprint, met on the way. AUTH with the
 * sentence. Before the first entry. */
HIN_RESULT hin_proof_keep(struct hin_proof *proof, struct hin_json object, struct hin_error *error)
    __attribute__((nonnull(1)));
/* Losses that are known: entries first to last may be missing or not fit, if the record says so
 * itself. */
HIN_RESULT hin_proof_accept(struct hin_proof *proof, int64_t first, int64_t last) HIN_NONNULL;
/* One entry, as object. CORRUPT with a sentence that names the first entry that does not fit. */
HIN_RESULT hin_proof_entry(struct hin_proof *proof, struct hin_json object, struct hin_error *error)
    __attribute__((nonnull(1)));
/* The record's own checkpoint, behind its last entry. */
HIN_RESULT hin_proof_close(struct hin_proof *proof, struct hin_json object, struct hin_error *error)
    __attribute__((nonnull(1)));
/* A line of a file, without its line end: the header, an entry or the checkpoint, in that order. */
HIN_RESULT hin_proof_line(struct hin_proof *proof, struct hin_view line, struct hin_error *error)
    __attribute__((nonnull(1)));
/* The end: everything was there, every outside checkpoint was met. */
HIN_RESULT hin_proof_end(struct hin_proof *proof, struct hin_error *error)
    __attribute__((nonnull(1)));
/* Reads and verifies a checkpoint object under the fingerprint, without an effect on the chain. */
HIN_RESULT hin_proof_read_checkpoint(const struct hin_proof *proof, struct hin_json object,
                                     struct hin_checkpoint *ret_checkpoint, struct hin_error *error)
    __attribute__((nonnull(1, 3)));

#endif
