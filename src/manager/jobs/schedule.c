#include "manager/jobs/schedule.h"

int64_t hin_jobs_run(const struct hin_job *jobs, struct hin_job_state *states, size_t count,
                     void *context, int64_t now_usec,
                     void (*on_failure)(void *context, const struct hin_job *job,
                                        struct hin_result result))
{
    int64_t next_usec = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct hin_job_state *state = &states[i];
        bool set_back = now_usec < state->last_usec;
        if (state->last_usec == 0 || set_back ||
            now_usec - state->last_usec >= jobs[i].every_usec) {
            state->last_usec = now_usec;
            state->run_count++;
            struct hin_result result = jobs[i].run(context, now_usec);
            if (!hin_is_ok(result)) {
                state->failure_count++;
                if (on_failure != NULL) {
                    on_failure(context, &jobs[i], result);
                }
            }
        }
        int64_t left_usec = jobs[i].every_usec - (now_usec - state->last_usec);
        next_usec = left_usec < next_usec ? left_usec : next_usec;
    }
    return next_usec < 0 ? 0 : next_usec;
}
