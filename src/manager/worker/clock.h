/* What a worker knows of the manager's own clock: told by the process `clock`, shown by the API,
 * stamped into the manager's own events. The first worker makes the event when the bound is passed.
 */
#ifndef HIN_MANAGER_WORKER_CLOCK_H
#define HIN_MANAGER_WORKER_CLOCK_H

#include "clock/report.h"
#include "event/event.h"

struct hin_worker;

struct hin_worker_clock {
    struct hin_clock_settings settings;
    struct hin_clock_report report;
    struct hin_clock_watch watch;
};

HIN_RESULT hin_worker_clock_begin(struct hin_worker *worker) HIN_NONNULL;
/* A message HIN_CLOCK_REPORT. PROTOCOL. */
HIN_RESULT hin_worker_clock_take(struct hin_worker *worker, struct hin_view payload) HIN_NONNULL;
/* The process is gone: what it said last is not true for ever. */
void hin_worker_clock_lost(struct hin_worker *worker) HIN_NONNULL;
/* Nothing while the offset is not known. */
HIN_RESULT hin_worker_clock_stamp(const struct hin_worker *worker,
                                  struct hin_event *event) HIN_NONNULL;
/* The object "clock" of GET /api/status. */
void hin_worker_clock_show(const struct hin_worker *worker,
                           struct hin_json_writer *writer) HIN_NONNULL;

#endif
