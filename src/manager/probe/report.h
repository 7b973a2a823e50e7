/* What a probe has to say while it runs: what it looked at, what it measured, whether the promise
 * holds. It becomes a record of evidence (record.h). Between processes it goes as bytes: who runs a
 * part of a probe elsewhere sends its report, which is merged into the asker's. */
#ifndef HIN_MANAGER_PROBE_REPORT_H
#define HIN_MANAGER_PROBE_REPORT_H

#include "base/arena.h"
#include "proof/evidence.h"

struct hin_report_rows {
    struct hin_evidence_row items[HIN_EVIDENCE_ROWS_MAX];
    size_t count;
};

struct hin_report {
    struct hin_arena arena; /* of the texts */
    struct hin_report_rows inputs, measurements;
    bool tried;              /* everything that was to be tried was */
    bool overflowed;         /* more to say than a record holds */
    struct hin_view failure; /* why the promise does not hold; the first counts */
    struct hin_view obstacle; /* why something could not be tried; the first counts */
    uint64_t failure_count;
};

void hin_report_init(struct hin_report *report) HIN_NONNULL;
void hin_report_done(struct hin_report *report);

/* Rows of a record. Names live as long as the report. */
void hin_report_input(struct hin_report *report, const char *name, const char *format, ...)
    HIN_PRINTF(3, 4);
void hin_report_measure(struct hin_report *report, const char *name, int64_t number) HIN_NONNULL;
void hin_report_measure_text(struct hin_report *report, const char *name, const char *format, ...)
    HIN_PRINTF(3, 4);
/* The promise does not hold, in a sentence. */
void hin_report_fail(struct hin_report *report, const char *format, ...) HIN_PRINTF(2, 3);
/* Something could not be tried: the record is "not run", unless the promise was seen not to hold.
 */
void hin_report_obstacle(struct hin_report *report, const char *format, ...) HIN_PRINTF(2, 3);
/* All was tried. Without it no report is ever "proven". */
void hin_report_tried(struct hin_report *report) HIN_NONNULL;

/* What comes of it: failed before not run before proven, and a report that measured nothing is no
 * proof. */
enum hin_evidence_outcome hin_report_outcome(const struct hin_report *report) HIN_NONNULL;
/* The sentence that goes with the outcome; empty when proven. */
struct hin_view hin_report_reason(const struct hin_report *report) HIN_NONNULL;

enum { HIN_REPORT_BYTES_MAX = 64 * 1024 };
HIN_RESULT hin_report_write(const struct hin_report *report, struct hin_buf *out) HIN_NONNULL;
/* Adds another's report: its rows, its failures and obstacles. `tried` stays the asker's affair,
 * and an answer that was not tried to its end is an obstacle. PROTOCOL for anything that
 * hin_report_write does not write. */
HIN_RESULT hin_report_merge(struct hin_report *report, struct hin_view bytes) HIN_NONNULL;

#endif
