#include "harness.h"

#include "base/time.h"
#include "manager/jobs/schedule.h"

struct ran {
    int counts[2];
    bool fail;
    int failures;
};

static struct hin_result run_first(void *context, int64_t now_usec)
{
    struct ran *ran = context;
    (void)now_usec;
    ran->counts[0]++;
    return ran->fail ? hin_fail(HIN_IO) : hin_ok();
}

static struct hin_result run_second(void *context, int64_t now_usec)
{
    struct ran *ran = context;
    (void)now_usec;
    ran->counts[1]++;
    return hin_ok();
}

static void on_failure(void *context, const struct hin_job *job, struct hin_result result)
{
    struct ran *ran = context;
    (void)job;
    (void)result;
    ran->failures++;
}

static const struct hin_job jobs[] = {
    {"minute", HIN_MINUTE_USEC, run_first},
    {"day", HIN_DAY_USEC, run_second},
};

TEST(test_manager_schedule__lives_through_a_year)
{
    struct ran ran = {.counts = {0}};
    struct hin_job_state states[2] = {{0}};
    int64_t start_usec = HIN_DAY_USEC;
    int64_t now_usec = start_usec;
    while (now_usec - start_usec < 365 * HIN_DAY_USEC) {
        now_usec += hin_jobs_run(jobs, states, 2, &ran, now_usec, NULL);
    }
    CHECK_INT(ran.counts[0], 365 * 24 * 60);
    CHECK_INT(ran.counts[1], 365);
}

TEST(test_manager_schedule__a_clock_set_back_stops_nothing)
{
    struct ran ran = {.counts = {0}};
    struct hin_job_state states[2] = {{0}};
    int64_t now_usec = 1000 * HIN_DAY_USEC;
    (void)hin_jobs_run(jobs, states, 2, &ran, now_usec, NULL);
    (void)hin_jobs_run(jobs, states, 2, &ran, now_usec - 500 * HIN_DAY_USEC, NULL);
    CHECK_INT(ran.counts[1], 2);
    (void)hin_jobs_run(jobs, states, 2, &ran, now_usec - 500 * HIN_DAY_USEC + HIN_MINUTE_USEC,
                       NULL);
    CHECK_INT(ran.counts[0], 3);
    CHECK_INT(ran.counts[1], 2);
}

TEST(test_manager_schedule__failures_are_told_and_tried_again)
{
    struct ran ran = {.fail = true};
    struct hin_job_state states[2] = {{0}};
    (void)hin_jobs_run(jobs, states, 2, &ran, HIN_DAY_USEC, on_failure);
    (void)hin_jobs_run(jobs, states, 2, &ran, HIN_DAY_USEC + HIN_MINUTE_USEC, on_failure);
    CHECK_INT(ran.failures, 2);
    CHECK_INT(states[0].failure_count, 2);
    CHECK_INT(states[1].run_count, 1);
}
