/* A series of evidence records out of one file or several, judged together: each by itself
 * (evidence.h), then as a chain, in the order of their numbers, however they came. A file is any
 * number of records, one after the other. */
#ifndef HIN_PROOF_SERIES_H
#define HIN_PROOF_SERIES_H

#include "proof/evidence.h"

enum {
    HIN_SERIES_RECORDS_MAX = 4 * 1000 * 1000,
    HIN_SERIES_HOLES_MAX = 64,
    HIN_SERIES_BY_BYTES = 128,
};

struct hin_series_record {
    int64_t number;
    uint8_t previous[HIN_SHA256_BYTES], hash[HIN_SHA256_BYTES];
};
struct hin_series_loss { /* that a record of the series acknowledges */
    int64_t number, first, last, when_msec;
    uint8_t hash[HIN_SHA256_BYTES];
    char by[HIN_SERIES_BY_BYTES]; /* cut where it is longer */
};

/* Starts zeroed. */
struct hin_series {
    struct hin_series_record *records;
    size_t count, capacity;
    struct hin_series_loss losses[HIN_SERIES_HOLES_MAX];
    size_t loss_count;
};
void hin_series_done(struct hin_series *series);

/* Takes in the records of a file, each judged by the fingerprint. The sentence names the record by
 * its place in the file. LIMIT. */
HIN_RESULT hin_series_read(struct hin_series *series, struct hin_view file,
                           struct hin_view fingerprint, struct hin_error *error)
    __attribute__((nonnull(1)));

struct hin_series_verdict {
    int64_t first, last;                                /* numbers */
    size_t count;                                       /* of records */
    struct hin_series_loss holes[HIN_SERIES_HOLES_MAX]; /* lost, acknowledged within the series */
    size_t hole_count;
};
/* Does each name the one before it? CORRUPT, with a sentence: one is missing (and no record of the
 * series acknowledges just that), was altered, or is there twice and differs. What stands before
 * the first and after the last is shown by others. Sorts the records. */
HIN_RESULT hin_series_judge(struct hin_series *series, struct hin_series_verdict *ret_verdict,
                            struct hin_error *error) __attribute__((nonnull(1, 2)));

#endif
