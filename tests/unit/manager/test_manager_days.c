/* A year and more of an installation, in minutes: backups, shipments, restores, destruction, drills
 * and probes by their real code, on clocks of the test's (simulated.h). In each step the states of
 * all claims are compared with what they should be, to the claim. HIN_DAYS says how many quiet days
 * come first: 400 by tests/torture/days, with backups kept for 35 days and each probe left out; in
 * ./test a few, with backups kept for 5, and some probes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    struct sim_tally tallies[SIM_TENANTS];
    int done = HIN_MIN(day + 1, keep_days());
    HIN_TRY(sim_tally(sim, tallies));
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        const struct sim_tally *tally = &tallies[i];
        MUST_BE(tally->done, done);
        MUST_BE(tally->destroyed, day + 1 - done);
        MUST_BE(tally->there, SIM_PLACES * done);
        MUST_BE(tally->left + tally->failed + tally->failed_restores, 0);
        MUST_BE(tally->restores, day / 7);
    }
    for (size_t i = 0; i < SIM_PLACES; i++) {
        MUST_BE(sim_manifests(sim, i), SIM_TENANTS * done);
    }
    return hin_ok();
}

/* What check_counts has found right. */
static HIN_RESULT tell_counts(struct sim *sim, int day)
{
    struct sim_tally tallies[SIM_TENANTS];
    HIN_TRY(sim_tally(sim, tallies));
    const struct sim_tally tally = tallies[1];
    printf("# %d days: of each tenant %d daily backups, %d restores verified, %d destroyed after "
           "%d days, %d drill; %d places; %.0f s of CPU\n",
           day + 1, tally.done + tally.destroyed, tally.restores, tally.destroyed, keep_days(),
           day >= DRILL_DAY, SIM_PLACES, (double)clock() / CLOCKS_PER_SEC);
    (void)fflush(stdout);
    return hin_ok();
}

static HIN_RESULT live_quietly(struct sim *sim, int days)
{
    struct hin_drill drill, last;
    for (int day = 0; day < days; day++) {
        HIN_TRY(quiet_day(sim));
        HIN_TRY(check_counts(sim, day));
        HIN_TRY((day + 1) % 50 == 0 || day + 1 == days ? tell_counts(sim, day) : hin_ok());
        if (day == DRILL_DAY) {
            MUST_BE(hin_drill_last(sim->own.store, sim->wall_usec, &last).code, HIN_NOT_FOUND);
            HIN_TRY(sim_drill(sim, &drill));
        }
        if (day >= DRILL_DAY) { /* it was begun a minute before, and counts for 365 days */
            struct hin_result found = hin_drill_last(sim->own.store, sim->wall_usec, &last);
            MUST_BE(found.code, day - DRILL_DAY < 365 ? HIN_OK : HIN_NOT_FOUND);
            if (day - DRILL_DAY == 365) {
                printf("# %d days: the drill is a year old and counts no more\n", day + 1);
            }
        }
    }
    return hin_ok();
}

/* ---- one job is left out ---- */

static const struct left_out {
    enum sim_job job;
    const char *name;
    const char *probe; /* that sees it; NULL: no claim of the catalogue hangs on it */
} jobs[] = {
    {SIM_BACKUP, "the daily backup", "backup-made"},
    {SIM_SHIPMENT, "the last shipment", NULL},
    {SIM_RESTORE, "the weekly restore", "restore-weekly"},
    {SIM_DESTRUCTION, "the daily destruction", "backup-destruction"},
    {SIM_SECOND_REGION, "the second region", "second-region"},
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
    char names[400];
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
    if (red) {
        printf("# %s left out for a day: red that day, and no other: %s\n", left->name,
               sim_name_dependants(sim, left->probe, names, sizeof(names)));
    } else {
        printf("# %s left out for a day: no claim hangs on it, none turns\n", left->name);
    }
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
    char names[400];
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
    printf("# probe %s not run: grey when its record was no longer valid, and no other: %s\n",
           probe->name, sim_name_dependants(sim, probe->name, names, sizeof(names)));
    (void)fflush(stdout);
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
    struct sim_tally now[SIM_TENANTS];
    HIN_TRY(sim_tally(sim, now));
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        MUST_BE(now[i].destroyed, before[i].destroyed);
        MUST(now[i].done >= before[i].done);
    }
    return hin_ok();
}

/* The wall clock alone jumps, for a day; then it is set right. Nothing is destroyed until both
 * agree, the claim about destruction is red and says why, and no other ever is. */
static HIN_RESULT jump(struct sim *sim, int64_t usec)
{
    char reason[HIN_CLAIM_REASON_MAX];
    struct sim_tally before[SIM_TENANTS], after[SIM_TENANTS];
    bool agree = false;
    HIN_TRY(sim_tally(sim, before));
    sim->wall_usec += usec;
    for (int i = 0; i < SIM_STEPS_A_DAY; i++) {
        HIN_TRY(expect_step(sim, "backup-destruction", NULL));
        MUST(strstr(sim_reason(sim, "backup-destruction", reason), "clock") != NULL);
        HIN_TRY(same_number(sim, before));
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
    HIN_TRY(sim_tally(sim, after));
    for (size_t i = 0; i < SIM_TENANTS; i++) { /* one a day */
        MUST(after[i].done + after[i].destroyed - before[i].done - before[i].destroyed <= 5);
    }
    for (int day = 0; day < keep_days() + 2; day++) {
        HIN_TRY(quiet_day(sim));
    }
    HIN_TRY(sim_tally(sim, after)); /* what was made under the wrong clock is gone as well */
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        MUST_BE(after[i].done, keep_days());
        MUST_BE(after[i].left + after[i].failed, 0);
    }
    return hin_ok();
}

/* ---- records of what was destroyed ---- */

static HIN_RESULT count_any(void *context, const struct hin_store_document *document)
{
    (void)document;
    ++*(int *)context;
    return hin_ok();
}

static HIN_RESULT pass_days(struct sim *sim, int days)
{
    sim_pass(sim, days * HIN_DAY_USEC);
    return hin_tenant_refresh(&sim->own); /* as the process does; else what seals fails */
}

static bool is_shown(struct sim *sim, int64_t id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_store_document document;
    return hin_is_ok(hin_store_get(sim->own.store, HIN_STORE_BACKUPS, id, &text, &document));
}

static int living(struct sim *sim)
{
    struct hin_store_listed listed;
    int count = 0;
    struct hin_result got = hin_backup_records_list(sim->own.store, 0, HIN_BACKUP_RECORDS_LIVING,
                                                    count_any, NULL, &count, &listed);
    return hin_is_ok(got) ? count : -1;
}

/* What is destroyed is shown for 400 days, and read by nobody who looks what is to be done: also
 * one that was written down before there was such a thing. */
TEST(test_manager_days__what_is_destroyed_is_shown_and_not_read_at_each_look)
{
    struct sim_tally tallies[SIM_TENANTS];
    SIM(sim, "settled", 3);
    struct hin_backup_record old = {.tenant = 0,
                                    .begun_usec = sim.wall_usec - 50 * HIN_DAY_USEC,
                                    .ended_usec = sim.wall_usec - 50 * HIN_DAY_USEC,
                                    .destroyed_usec = sim.wall_usec - 20 * HIN_DAY_USEC,
                                    .version = 1,
                                    .state = HIN_BACKUP_DESTROYED};
    snprintf(old.uuid, sizeof(old.uuid), "%s", sim.own.id);
    CHECK_OK(hin_backup_record_write(sim.own.store, &old, sim.wall_usec));
    CHECK_INT(living(&sim), 1);
    for (int day = 0; day < 10; day++) {
        CHECK_OK(hin_backup_cycle_due(&sim.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&sim.cycle));
        CHECK_INT(living(&sim), HIN_MIN(day + 1, 3));
        CHECK_OK(sim_tally(&sim, tallies));
        CHECK_INT(tallies[0].destroyed, HIN_MAX(day - 2, 0) + 1);
        CHECK(sim.cycle.subjects->first_usec == old.begun_usec); /* though it is settled */
        CHECK_OK(pass_days(&sim, 1));
    }
    for (int day = 10; day < 403; day += 9) { /* its time to be shown is over */
        CHECK_OK(hin_backup_cycle_due(&sim.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&sim.cycle));
        bool shown = day <= 380;
        CHECK_INT(is_shown(&sim, old.id), shown);
        CHECK_OK(pass_days(&sim, 9));
    }
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
