/* Evidence as the installation keeps it, in its own tenant's store: the records themselves (never
 * deleted), the newest of each probe, and how far the chain is. Each record has an entry in the
 * audit record, written in the same transaction, that names its number and hash: whoever takes
 * records away would have to change the audit record too, which checkpoints kept outside show. */
#ifndef HIN_MANAGER_PROBE_RECORD_H
#define HIN_MANAGER_PROBE_RECORD_H

#include "data/json.h"
#include "manager/probe/probe.h"
#include "manager/probe/told.h"
#include "store/audit.h"

/* Signs and stores what a probe had to say at `now`. One process records: `jobs`. */
HIN_RESULT hin_record_evidence(struct hin_tenant *own, const struct hin_probe *probe,
                               const struct hin_trial *trial, int64_t now_usec,
                               int64_t *ret_number) HIN_NONNULL;

/* That somebody acknowledged a loss (chain.h says of what) is a record too, of no probe. */
HIN_RESULT hin_record_loss(struct hin_tenant *own, const struct hin_evidence_loss *loss,
                           int64_t now_usec, int64_t *ret_number) HIN_NONNULL;

/* How far the chain is; number 0: there is none. */
struct hin_record_head {
    int64_t number;
    uint8_t hash[HIN_SHA256_BYTES];
};
HIN_RESULT hin_record_head_of(struct hin_tenant *own, struct hin_record_head *ret_head) HIN_NONNULL;

/* The newest records of a probe, by number; 0: none. */
struct hin_record_state {
    int64_t last;          /* whatever came of it */
    int64_t last_ran;      /* that was run: proven or failed */
    int64_t observed_usec; /* of `last` */
    int64_t idle;          /* how many at the end were not run */
    int64_t version;       /* of the probe that made `last`; 0: not known */
    bool broken;           /* `last_ran` says that the promise does not hold */
};
/* What the document with a probe's state is called. */
#define HIN_RECORD_STATE_NAME_BYTES (HIN_EVIDENCE_PROBE_MAX + 8)
void hin_record_state_name(const char *probe, char name[HIN_RECORD_STATE_NAME_BYTES]) HIN_NONNULL;
HIN_RESULT hin_record_state_of(struct hin_tenant *own, const char *probe,
                               struct hin_record_state *ret_state) HIN_NONNULL;
/* A record as the store has it, appended; NOT_FOUND. And the file in it, appended. */
#define HIN_RECORD_TEXT_MAX ((size_t)4 * HIN_EVIDENCE_FILE_MAX)
HIN_RESULT hin_record_text(struct hin_tenant *own, int64_t number,
                           struct hin_buf *ret_text) HIN_NONNULL;
HIN_RESULT hin_record_file_of(struct hin_view text, struct hin_buf *ret_file) HIN_NONNULL;
/* Both. */
HIN_RESULT hin_record_file(struct hin_tenant *own, int64_t number,
                           struct hin_buf *ret_file) HIN_NONNULL;

/* Who judges records: DER; the former may be empty. memo: of whoever judges many (proof/key.h), or
 * NULL. */
struct hin_record_judges {
    struct hin_view authority, former;
    struct hin_key_memo *memo;
};
/* AUTH and what hin_evidence_verify answers. */
HIN_RESULT hin_record_judge(struct hin_view file, const struct hin_record_judges *judges,
                            struct hin_json_document **ret_document,
                            struct hin_evidence *ret_evidence, struct hin_error *error)
    __attribute__((nonnull(2, 3, 4)));

/* The newest record of a probe that was run: verified by one of the authorities, of this probe and
 * number, and the one that the audit record names. `told` is read on. Freed with *ret_document
 * (hin_json_free). NOT_FOUND: there is none. */
HIN_RESULT hin_record_newest(struct hin_tenant *own, const char *probe,
                             const struct hin_record_judges *judges, struct hin_told *told,
                             struct hin_json_document **ret_document,
                             struct hin_evidence *ret_evidence, struct hin_error *error)
    __attribute__((nonnull(1, 2, 3, 4, 5, 6)));

/* An entry of the audit record about evidence; views live with *ret_document. False: it is about
 * something else, or does not open. */
struct hin_record_entry {
    int64_t number;
    struct hin_view hash; /* hex */
    struct hin_view probe;
    enum hin_evidence_outcome outcome;
};
bool hin_record_entry_read(const struct hin_store_audit *stored,
                           struct hin_json_document **ret_document,
                           struct hin_record_entry *ret_entry) HIN_NONNULL;

#endif
