/* A trial: what a probe has to say while it runs, what it looked at, what it measured, whether the
 * promise holds. It becomes a record of evidence (record.h). Between processes it goes as bytes:
 * who does a part of a probe elsewhere answers with a trial of its own, which is merged. */
#ifndef HIN_MANAGER_PROBE_TRIAL_H
#define HIN_MANAGER_PROBE_TRIAL_H

#include "base/arena.h"
#include "proof/evidence.h"

struct hin_trial_rows {
    struct hin_evidence_row items[HIN_EVIDENCE_ROWS_MAX];
    size_t count;
};

struct hin_trial {
    struct hin_arena arena; /* of the texts */
    struct hin_trial_rows inputs, measurements;
    bool tried;               /* everything that was to be tried was */
    bool overflowed;          /* more to say than a record holds */
    struct hin_view failure;  /* why the promise does not hold; the first counts */
    struct hin_view obstacle; /* why something could not be tried; the first counts */
    uint64_t failure_count;
    struct hin_view remark; /* what has to be known beside a proof; it goes to no other process */
};

void hin_trial_init(struct hin_trial *trial) HIN_NONNULL;
void hin_trial_done(struct hin_trial *trial);

/* Rows of a record; names are copied. Numbers of one name are added up, a text that stands there
 * already is not repeated. */
void hin_trial_input(struct hin_trial *trial, const char *name, const char *format, ...)
    HIN_PRINTF(3, 4);
void hin_trial_measure(struct hin_trial *trial, const char *name, int64_t number) HIN_NONNULL;
void hin_trial_measure_text(struct hin_trial *trial, const char *name, const char *format, ...)
    HIN_PRINTF(3, 4);
/* The promise does not hold, in a sentence. */
void hin_trial_fail(struct hin_trial *trial, const char *format, ...) HIN_PRINTF(2, 3);
/* Something could not be tried: the record is "not run", unless the promise was seen not to hold.
 */
void hin_trial_obstacle(struct hin_trial *trial, const char *format, ...) HIN_PRINTF(2, 3);
/* What has to be known beside a proof: it becomes the reason of a record that is proven. */
void hin_trial_remark(struct hin_trial *trial, const char *format, ...) HIN_PRINTF(2, 3);
/* All was tried. Without it no trial is ever "proven". */
void hin_trial_tried(struct hin_trial *trial) HIN_NONNULL;

/* What comes of it: failed before not run before proven, and a trial that measured nothing is no
 * proof. */
enum hin_evidence_outcome hin_trial_outcome(const struct hin_trial *trial) HIN_NONNULL;
/* The sentence that goes with the outcome; when proven the remark, or nothing. */
struct hin_view hin_trial_reason(const struct hin_trial *trial) HIN_NONNULL;

enum { HIN_TRIAL_BYTES_MAX = 64 * 1024 };
HIN_RESULT hin_trial_write(const struct hin_trial *trial, struct hin_buf *out) HIN_NONNULL;
/* Adds another process's trial: its rows, its failures and obstacles. `tried` stays the asker's
 * affair, and an answer that was not tried to its end is an obstacle. PROTOCOL for anything that
 * hin_trial_write does not write. */
HIN_RESULT hin_trial_merge(struct hin_trial *trial, struct hin_view bytes) HIN_NONNULL;

#endif
