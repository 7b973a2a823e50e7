/* A year and more of an installation, in minutes: backups, shipments, restores, destruction, drills
 * and probes by their real code, on clocks of the test's (simulated.h). In each step the states of
 * all claims are compared with what they should be, to the claim. HIN_DAYS says how many quiet days
 * come first: 400 by tests/torture/days, with backups kept for 35 days and each probe left out; in
 * ./test a few, with backups kept for 5, and some probes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/probe/chain.h"
#include "simulated.h"

enum { SHORT_DAYS = 9, LONG_KEEP = 35, SHORT_KEEP = 5, DRILL_DAY = 4 };

/* In helpers: the first difference is told and ends the test. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                       \
            return hin_fail(HIN_CONFLICT);                                                         \
        }                                                                                          \
    } while (0)
#define MUST_BE(got, wanted)                                                                       \
    do {                                                                                           \
        long long got_ = (long long)(got), wanted_ = (long long)(wanted);                          \
        if (got_ != wanted_) {                                                                     \
            test_fail(__FILE__, __LINE__, "%s: %lld, not %lld", #got, got_, wanted_);              \
            return hin_fail(HIN_CONFLICT);                                                         \
        }                                                                                          \
    } while (0)

static int days_to_live(void)
{
    return sim_number("HIN_DAYS", LONG_KEEP + 1, SHORT_DAYS);
}

static bool is_short(void)
{
    return days_to_live() == SHORT_DAYS;
}

static int keep_days(void)
{
    return is_short() ? SHORT_KEEP : LONG_KEEP;
}

static HIN_RESULT expect_step(struct sim *sim, const char *broken, const char *stale)
{
    HIN_TRY(sim_work(sim));
    HIN_TRY(sim_expect(sim, broken, stale));
    sim_pass(sim, SIM_STEP_HOURS * HIN_HOUR_USEC);
    return hin_ok();
}

static HIN_RESULT quiet_day(struct sim *sim)
{
    for (int i = 0; i < SIM_STEPS_A_DAY; i++) {
        HIN_TRY(expect_step(sim, NULL, NULL));
    }
    return hin_ok();
}

/* ---- all is done ---- */

/* After the work of day `day`, counted from 0. */
static HIN_RESULT check_counts(struct sim *sim, int day)
{
    struct sim_tally tally;
    int done = HIN_MIN(day + 1, keep_days());
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        HIN_TRY(sim_tally(sim, i, &tally));
        MUST_BE(tally.done, done);
        MUST_BE(tally.destroyed, day + 1 - done);
        MUST_BE(tally.there, SIM_PLACES * done);
        MUST_BE(tally.left + tally.failed + tally.failed_restores, 0);
        MUST_BE(tally.restores, day / 7);
    }
    for (size_t i = 0; i < SIM_PLACES; i++) {
        MUST_BE(sim_manifests(sim, i), SIM_TENANTS * done);
    }
    return hin_ok();
}

static HIN_RESULT live_quietly(struct sim *sim, int days)
{
    struct hin_drill drill, last;
    for (int day = 0; day < days; day++) {
        HIN_TRY(quiet_day(sim));
        HIN_TRY(check_counts(sim, day));
        if ((day + 1) % 50 == 0) {
            printf("# %d days, %d backups and %d restores of each tenant\n", day + 1, day + 1,
                   day / 7);
            (void)fflush(stdout);
        }
        if (day == DRILL_DAY) {
            MUST_BE(hin_drill_last(sim->own.store, sim->wall_usec, &last).code, HIN_NOT_FOUND);
            HIN_TRY(sim_drill(sim, &drill));
        }
        if (day >= DRILL_DAY) { /* it counts for a year */
            struct hin_result found = hin_drill_last(sim->own.store, sim->wall_usec, &last);
            MUST_BE(found.code, day - DRILL_DAY < 364 ? HIN_OK : HIN_NOT_FOUND);
        }
    }
    return hin_ok();
}

/* ---- one job is left out ---- */

static const struct left_out {
    enum sim_job job;
    const char *probe; /* that sees it; NULL: no claim of the catalogue hangs on it */
} jobs[] = {
    {SIM_BACKUP, "backup-made"},          {SIM_SHIPMENT, NULL},
    {SIM_RESTORE, "restore-weekly"},      {SIM_DESTRUCTION, "backup-destruction"},
    {SIM_SECOND_REGION, "second-region"},
};

/* Until the next restore is due today. */
static HIN_RESULT wait_for_restore(struct sim *sim)
{
    for (int i = 0; i < 8; i++) {
        struct hin_rehearsal last;
        HIN_TRY(hin_rehearsal_last(sim->own.store, 0, false, &last));
        if (sim->wall_usec - last.begun_usec >= HIN_REHEARSAL_USEC) {
            return hin_ok();
        }
        HIN_TRY(quiet_day(sim));
    }
    return hin_fail(HIN_NOT_FOUND);
}

/* One step in which exactly those claims are red that hang on the probe, if it has seen it. */
static HIN_RESULT step_judged(struct sim *sim, const char *probe, bool *ret_red)
{
    struct hin_record_state state = {0};
    HIN_TRY(sim_work(sim));
    if (probe != NULL) {
        HIN_TRY(hin_record_state_of(&sim->tenants[0], probe, &state));
    }
    HIN_TRY(sim_expect(sim, state.broken ? probe : NULL, NULL));
    sim_pass(sim, SIM_STEP_HOURS * HIN_HOUR_USEC);
    *ret_red = state.broken;
    return hin_ok();
}

/* A day without it: what depends on it turns red that day and nothing else ever; green when the
 * job was done again and its probe has looked, which takes half a day. */
static HIN_RESULT leave_out(struct sim *sim, const struct left_out *left)
{
    bool red = false, before = false;
    if (left->job == SIM_RESTORE) {
        HIN_TRY(wait_for_restore(sim));
    }
    MUST(left->probe == NULL || sim_dependants(sim, left->probe) > 0);
    sim->left_out = left->job;
    for (int i = 0; i < SIM_STEPS_A_DAY; i++) {
        before = red;
        HIN_TRY(step_judged(sim, left->probe, &red));
        MUST(red || !before); /* it stays so */
    }
    MUST(red == (left->probe != NULL));
    sim->left_out = 0;
    for (int i = 0; i < SIM_STEPS_A_DAY; i++) {
        HIN_TRY(step_judged(sim, left->probe, &red));
        MUST(!red || i < SIM_STEPS_A_DAY / 2);
    }
    return hin_ok();
}

/* ---- one probe's run is left out ---- */

static HIN_RESULT leave_probe_out(struct sim *sim, const struct hin_probe *probe)
{
    size_t dependants = sim_dependants(sim, probe->name);
    struct hin_record_state state;
    int grey = 0;
    HIN_TRY(quiet_day(sim));
    HIN_TRY(hin_record_state_of(&sim->tenants[0], probe->name, &state));
    sim->left_probe = probe;
    /* Until its next run but one would have been due, or a day. */
    int64_t wait_usec = HIN_MAX(2 * probe->cadence_usec, HIN_DAY_USEC);
    while (sim->wall_usec < state.observed_usec + wait_usec) {
        bool stale = sim->wall_usec - state.observed_usec >= probe->cadence_usec / 4 * 5;
        HIN_TRY(expect_step(sim, NULL, stale ? probe->name : NULL));
        grey += stale;
    }
    MUST(grey > 0);
    MUST(dependants > 0 || strcmp(probe->name, "kms-aws") == 0);
    sim->left_probe = NULL;
    while (sim->steps % SIM_STEPS_A_DAY != 0) {
        HIN_TRY(expect_step(sim, NULL, NULL)); /* green at once */
    }
    return hin_ok();
}

static bool is_tried_shortly(const struct hin_probe *probe)
{
    static const char *const names[] = {"backup-made", "restore-weekly", "clock-offset",
                                        "tenant-keys"};
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (strcmp(probe->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- nothing runs ---- */

static HIN_RESULT expect_nothing_green(struct sim *sim)
{
    enum hin_claim_status states[SIM_CLAIMS_MAX];
    size_t count = 0;
    HIN_TRY(sim_claims(sim, states, &count));
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(states[i] == HIN_CLAIM_STALE || states[i] == HIN_CLAIM_NOT_ASSESSED, CONFLICT);
    }
    return hin_ok();
}

static HIN_RESULT stand_still(struct sim *sim)
{
    sim_pass(sim, 3 * HIN_DAY_USEC);
    HIN_TRY(expect_nothing_green(sim));
    return quiet_day(sim);
}

/* ---- clocks that disagree ---- */

static HIN_RESULT same_number(struct sim *sim, const struct sim_tally *before)
{
    struct sim_tally now;
    HIN_TRY(sim_tally(sim, 1, &now));
    MUST_BE(now.destroyed, before->destroyed);
    MUST(now.done >= before->done);
    return hin_ok();
}

/* The wall clock alone jumps, for a day; then it is set right. Nothing is destroyed until both
 * agree, the claim about destruction is red and says why, and no other ever is. */
static HIN_RESULT jump(struct sim *sim, int64_t usec)
{
    char reason[HIN_CLAIM_REASON_MAX];
    struct sim_tally before, after;
    bool agree = false;
    HIN_TRY(sim_tally(sim, 1, &before));
    sim->wall_usec += usec;
    for (int i = 0; i < SIM_STEPS_A_DAY; i++) {
        HIN_TRY(expect_step(sim, "backup-destruction", NULL));
        MUST(strstr(sim_reason(sim, "backup-destruction", reason), "clock") != NULL);
        HIN_TRY(same_number(sim, &before));
    }
    sim->wall_usec -= usec;
    for (int i = 0; !agree; i++) { /* it follows eight times as fast as time passes */
        bool red = false;
        MUST(i < 3 * SIM_STEPS_A_DAY);
        HIN_TRY(step_judged(sim, "backup-destruction", &red));
        agree = !red;
    }
    while (sim->steps % SIM_STEPS_A_DAY != 0) {
        HIN_TRY(expect_step(sim, NULL, NULL));
    }
    HIN_TRY(sim_tally(sim, 1, &after));
    MUST(after.done + after.destroyed - before.done - before.destroyed <= 5); /* one a day */
    for (int day = 0; day < keep_days() + 2; day++) {
        HIN_TRY(quiet_day(sim));
    }
    HIN_TRY(sim_tally(sim, 1, &after)); /* what was made under the wrong clock is gone as well */
    MUST_BE(after.done, keep_days());
    MUST_BE(after.left + after.failed, 0);
    return hin_ok();
}

TEST(test_manager_days__what_is_left_out_is_seen_that_day_and_nothing_else_is)
{
    struct hin_record_chain chain;
    struct hin_error error = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = 65536};
    SIM(sim, "days", (unsigned)keep_days());
    CHECK_OK(live_quietly(&sim, days_to_live()));
    for (size_t i = 0; i < HIN_COUNT(jobs); i++) {
        CHECK_OK(leave_out(&sim, &jobs[i]));
    }
    for (size_t i = 0; i < hin_probe_count; i++) {
        bool left = !is_short() || is_tried_shortly(hin_probes[i]);
        CHECK_OK(left ? leave_probe_out(&sim, hin_probes[i]) : hin_ok());
    }
    CHECK_OK(stand_still(&sim));
    CHECK_OK(hin_vault_ca(sim.vault, &authority));
    struct hin_record_judges judges = {.authority = hin_buf_view(&authority)};
    CHECK_OK(hin_record_verify(&sim.tenants[0], &judges, NULL, &chain, &error));
    CHECK(chain.count > 10 * days_to_live() && chain.hole_count == 0);
}

TEST(test_manager_days__clocks_that_disagree_destroy_nothing_and_it_is_told)
{
    SIM(sim, "clocks", (unsigned)keep_days());
    for (int day = 0; day < HIN_MAX(keep_days(), SHORT_DAYS); day++) {
        CHECK_OK(quiet_day(&sim));
    }
    CHECK_OK(jump(&sim, 1000 * HIN_DAY_USEC));
    CHECK_OK(jump(&sim, -100 * HIN_DAY_USEC));
}
