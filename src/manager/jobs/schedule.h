/* Work that comes round: each row has an interval, and is due when that much time has passed since
 * it last ran. Time is an argument, so that a year can be lived through in a test. */
#ifndef HIN_MANAGER_JOBS_SCHEDULE_H
#define HIN_MANAGER_JOBS_SCHEDULE_H

#include "base/result.h"

struct hin_job {
    const char *name;
    int64_t every_usec;
    struct hin_result (*run)(void *context, int64_t now_usec);
};

struct hin_job_state {
    int64_t last_usec; /* wall time; 0: never ran */
    uint64_t run_count, failure_count;
};

/* Runs what is due at `now_usec`, in the order of the table; a clock that was set back makes a job
 * due at once rather than never. A failure is counted and told to on_failure (may be NULL), the job
 * is due again after its interval. Answers how long until the next one is due. */
int64_t hin_jobs_run(const struct hin_job *jobs, struct hin_job_state *states, size_t count,
                     void *context, int64_t now_usec,
                     void (*on_failure)(void *context, const struct hin_job *job,
                                        struct hin_result result));

#endif
