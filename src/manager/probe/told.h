/* What the audit record says about evidence: of each probe the newest record that was run. Whoever
 * puts an older state of a document back into the database does not change that, so what is shown
 * of a promise is compared with it. */
#ifndef HIN_MANAGER_PROBE_TOLD_H
#define HIN_MANAGER_PROBE_TOLD_H

#include "base/time.h"
#include "manager/tenant.h"
#include "proof/evidence.h"

/* Longer than any record is valid: what is older makes no claim green. */
#define HIN_TOLD_BACK_USEC (2 * HIN_DAY_USEC)

enum { HIN_TOLD_PROBES_MAX = 32 };

struct hin_told_row {
    int64_t number;                  /* 0: none since then */
    char hash[HIN_SHA256_HEX_BYTES]; /* of its statement */
};

/* Starts zeroed, and is kept: what was read once is not read again. */
struct hin_told {
    bool begun;
    int64_t seen;                                  /* the newest entry that was looked at */
    struct hin_told_row rows[HIN_TOLD_PROBES_MAX]; /* in the order of the table of probes */
};

/* Reads on to the end of the record; the first time from its end back to now - HIN_TOLD_BACK_USEC.
 * own: the installation's own tenant. */
HIN_RESULT hin_told_read(struct hin_tenant *own, struct hin_told *told,
                         int64_t now_usec) HIN_NONNULL;

/* Is this record, which is the newest of its probe by the store, the newest by the audit record?
 * CORRUPT, with a sentence. */
HIN_RESULT hin_told_check(const struct hin_told *told, const struct hin_evidence *evidence,
                          int64_t now_usec, struct hin_error *error) __attribute__((nonnull(1, 2)));

#endif
