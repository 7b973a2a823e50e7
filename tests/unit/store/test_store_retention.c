/* How long events are kept, by module: what goes, what stays, and what it costs to look. */
#include "base/bytes.h"
#include "fixture.h"
#include "store/internal.h"

enum { LOG = HIN_MODULE_LOG_INSPECTION, AGENT = HIN_MODULE_AGENT, MANAGER = HIN_MODULE_MANAGER };

static const struct hin_store_filter all = {0};
static const struct hin_store_filter findings = {.class_uid = HIN_CLASS_DETECTION_FINDING};
static const struct hin_store_filter states = {.class_uid = HIN_CLASS_APPLICATION_LIFECYCLE};
static const int64_t own[] = {0};
static const struct hin_store_filter managers = {.computers = own, .computer_count = 1};

static HIN_RESULT commit_mixed(struct fixture *f, uint64_t offset, size_t count, int64_t now_usec)
{
    static const unsigned modules[] = {LOG, LOG, AGENT, MANAGER};
    struct hin_store_committed committed;
    return commit_modules(f, modules, HIN_COUNT(modules), &(struct shape){1, 9, offset, NOW, NULL},
                          count, now_usec, &committed);
}

static struct hin_retention keep_of(uint32_t own_days, unsigned module, uint32_t days)
{
    struct hin_retention keep;
    for (size_t i = 0; i < HIN_MODULE_COUNT; i++) {
        keep.keep_days[i] = i == module ? days : own_days;
    }
    return keep;
}

/* A whole round, in calls of `steps`. more: it failed, or has no end. */
static struct hin_retained retain(struct fixture *f, int64_t day, const struct hin_retention *keep,
                                  size_t steps)
{
    struct hin_retention_round round = {0};
    struct hin_retained sum = {0}, done = {.more = true};
    for (int calls = 0; done.more && calls < 1000; calls++) {
        if (!hin_is_ok(
                hin_store_retain(f->store, NOW + day * HIN_DAY_USEC, keep, steps, &round, &done))) {
            return (struct hin_retained){.events = UINT64_MAX};
        }
        sum.events += done.events;
        sum.segments_dropped += done.segments_dropped;
        sum.segments_rewritten += done.segments_rewritten;
        sum.segments_kept += done.segments_kept;
    }
    return done.more ? (struct hin_retained){.events = UINT64_MAX} : sum;
}

static struct hin_retention_due due_of(struct fixture *f, int64_t day,
                                       const struct hin_retention *keep)
{
    struct hin_retention_due due = {0};
    bool ok = hin_is_ok(hin_store_retention_due(f->store, NOW + day * HIN_DAY_USEC, keep, &due));
    return ok ? due : (struct hin_retention_due){.events = UINT64_MAX};
}

/* Of segments; -1: the table cannot be read. */
static long count_data_keys(struct fixture *f)
{
    struct hin_statement *statement = NULL;
    long count = 0;
    bool row = true, ok = hin_is_ok(hin_db_use(f->store, HIN_SQL_DATA_KEY_LIST, &statement));
    if (ok) {
        hin_db_bind(statement, 2, hin_data_number(HIN_OWNER_SEGMENT, 0), INT64_C(100000));
    }
    while (ok && row) {
        ok = hin_is_ok(hin_db_step(f->store, statement, &row));
        count += ok && row && hin_db_int(statement, 0) >> 56 == HIN_OWNER_SEGMENT;
    }
    return ok ? count : -1;
}

static uint64_t count_segments(struct fixture *f)
{
    struct hin_store_stats stats = {0};
    return hin_is_ok(hin_store_stats(f->store, &stats)) ? stats.segments : UINT64_MAX;
}

TEST(test_store_retention__segments_of_one_module_go_whole)
{
    static const unsigned log[] = {LOG}, manager[] = {MANAGER};
    struct fixture f = {0};
    struct hin_store_committed committed;
    const struct hin_retention keep = keep_of(0, MANAGER, 1);
    CHECK_OK(fixture_start(&f, "module_whole"));
    for (uint64_t i = 0; i < 6; i++) {
        CHECK_OK(commit_modules(&f, i % 2 == 0 ? log : manager, 1,
                                &(struct shape){1, 9, i * 1000000, NOW, NULL}, 1000, NOW,
                                &committed));
    }
    CHECK_INT(due_of(&f, 1, &keep).events, 0); /* the day is not over for long enough */
    CHECK_INT(retain(&f, 1, &keep, 0).events, 0);
    struct hin_retention_due due = due_of(&f, 2, &keep);
    CHECK_INT(due.events, 3000);
    CHECK_INT(due.events_whole, 3000);
    CHECK_INT(due.days, 1);
    CHECK_INT(due.first_day, NOW / HIN_DAY_USEC);
    keys_leave(&f.keys); /* nothing is opened for it */
    struct hin_retained done = retain(&f, 2, &keep, 0);
    f.keys.away = false;
    CHECK_INT(done.events, 3000);
    CHECK_INT(done.segments_dropped, 3);
    CHECK_INT(done.segments_rewritten, 0);
    CHECK_INT(search_count(&f, &all, NULL), 3000);
    CHECK_INT(search_count(&f, &managers, NULL), 0);
    CHECK_INT(count_data_keys(&f), 3);
    /* what went is refused, and new ones go on behind it */
    CHECK_OK(commit_modules(&f, manager, 1, &(struct shape){1, 9, 5000000, NOW, NULL}, 1000, NOW,
                            &committed));
    CHECK_INT(committed.copy_count, 1000);
    CHECK_OK(commit_modules(&f, manager, 1, &(struct shape){1, 9, 6000000, NOW, NULL}, 10,
                            NOW + 2 * HIN_DAY_USEC, &committed));
    CHECK_INT(committed.first_id, 6001);
    fixture_stop(&f);
}

TEST(test_store_retention__mixed_segments_are_made_anew_once)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    const struct hin_retention keep = keep_of(30, LOG, 2);
    CHECK_OK(fixture_start(&f, "module_mixed"));
    for (uint64_t day = 0; day < 4; day++) {
        CHECK_OK(commit_mixed(&f, day * 1000000, 1200, NOW + (int64_t)day * HIN_DAY_USEC));
        CHECK_OK(commit_mixed(&f, day * 1000000 + 500000, 40, NOW + (int64_t)day * HIN_DAY_USEC));
    }
    CHECK_INT(due_of(&f, 4, &keep).events, 2480);
    CHECK_INT(due_of(&f, 4, &keep).events_whole, 0);
    CHECK_INT(due_of(&f, 4, &keep).days, 2);
    long keys = count_data_keys(&f);
    struct hin_retained done = retain(&f, 4, &keep, 0);
    CHECK_INT(done.events, 1240);
    CHECK_INT(done.segments_rewritten, 4);
    CHECK_INT(done.segments_dropped, 0);
    CHECK_INT(count_data_keys(&f), keys);
    CHECK_INT(search_count(&f, &findings, NULL), 1240);
    CHECK_INT(search_count(&f, &states, NULL), 2480);
    CHECK_INT(search_count(&f, &managers, NULL), 1240);
    /* 25 a day and user before; of the first two days the findings among them are gone */
    CHECK_INT(search_term(&f, "user", "user0", NULL), 2 * 25 + 2 * 12);
    CHECK_INT(search_term(&f, "user", "user3", NULL), 2 * 25 + 2 * 13);
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 1200, NOW, &committed));
    CHECK_INT(committed.copy_count, 1200);
    CHECK_INT(due_of(&f, 4, &keep).events, 0);
    keys_leave(&f.keys); /* nothing is opened again */
    done = retain(&f, 4, &keep, 0);
    CHECK_INT(done.events + done.segments_rewritten + done.segments_kept, 0);
    f.keys.away = false;
    done = retain(&f, 34, &keep, 0); /* over for all */
    CHECK_INT(done.events, 3720);
    CHECK_INT(count_segments(&f), 0);
    CHECK_INT(count_data_keys(&f), 0);
    fixture_stop(&f);
}

/* Whole when both are over, though it had been made anew for one before. */
TEST(test_store_retention__longer_brings_nothing_back_and_shorter_goes_on)
{
    struct fixture f = {0};
    CHECK_OK(fixture_start(&f, "module_longer"));
    for (uint64_t day = 0; day < 6; day++) {
        CHECK_OK(commit_mixed(&f, day * 1000000, 1000, NOW + (int64_t)day * HIN_DAY_USEC));
    }
    struct hin_retention keep = keep_of(0, AGENT, 4);
    CHECK_INT(retain(&f, 6, &keep, 0).events, 500);
    keep = keep_of(0, AGENT, 5);
    CHECK_INT(retain(&f, 6, &keep, 0).events, 0);
    CHECK_INT(search_count(&f, &states, NULL), 2500);
    keep = keep_of(0, AGENT, 2);
    CHECK_INT(due_of(&f, 6, &keep).days, 2);
    CHECK_INT(retain(&f, 6, &keep, 0).events, 500);
    keep = keep_of(4, AGENT, 2); /* of the first two days all that is left, too */
    CHECK_INT(retain(&f, 6, &keep, 0).events, 1500);
    CHECK_INT(count_segments(&f), 4);
    keep = keep_of(2, AGENT, 0); /* and of two more; of agents nothing but what is gone */
    struct hin_retained done = retain(&f, 6, &keep, 0);
    CHECK_INT(done.events, 1500);
    CHECK_INT(count_segments(&f), 2);
    fixture_stop(&f);
}

TEST(test_store_retention__in_steps_and_with_other_settings_between)
{
    struct fixture f = {0};
    struct hin_retention_round round = {0};
    struct hin_retained done;
    const struct hin_retention keep = keep_of(20, MANAGER, 1), shorter = keep_of(3, MANAGER, 1);
    CHECK_OK(fixture_start(&f, "module_steps"));
    for (uint64_t i = 0; i < 12; i++) {
        CHECK_OK(commit_mixed(&f, i * 1000000, 1000, NOW + (int64_t)(i / 3) * HIN_DAY_USEC));
    }
    CHECK_OK(hin_store_retain(f.store, NOW + 4 * HIN_DAY_USEC, &keep, 2, &round, &done));
    CHECK(done.more);
    CHECK_INT(done.segments_rewritten, 2);
    CHECK_OK(hin_store_retain(f.store, NOW + 4 * HIN_DAY_USEC, &keep, 2, &round, &done));
    CHECK_INT(done.segments_rewritten, 2);
    CHECK_INT(search_count(&f, &managers, NULL), 3000 - 1000);
    /* a process that begins anew finds the rest, and opens nothing twice */
    CHECK_INT(retain(&f, 4, &keep, 2).segments_rewritten, 5);
    CHECK_INT(search_count(&f, &managers, NULL), 750);
    CHECK_OK(hin_store_retain(f.store, NOW + 6 * HIN_DAY_USEC, &keep, 1, &round, &done));
    CHECK(done.more);
    CHECK_OK(hin_store_retain(f.store, NOW + 6 * HIN_DAY_USEC, &shorter, 0, &round, &done));
    CHECK(!done.more);
    CHECK_INT(search_count(&f, &all, NULL), 2250);
    CHECK_INT(search_count(&f, &managers, NULL), 0);
    fixture_stop(&f);
}

TEST(test_store_retention__what_a_clock_set_back_commits_is_met)
{
    struct fixture f = {0};
    const struct hin_retention keep = keep_of(100, LOG, 5);
    int64_t first = 0, last = 0;
    CHECK_OK(fixture_start(&f, "module_late"));
    CHECK_CODE(hin_store_retention_days(f.store, &first, &last), NOT_FOUND);
    CHECK_OK(commit_mixed(&f, 0, 1000, NOW + 20 * HIN_DAY_USEC));
    CHECK_OK(commit_mixed(&f, 1000000, 1000, NOW + 30 * HIN_DAY_USEC));
    CHECK_INT(retain(&f, 30, &keep, 0).events, 500);
    for (uint64_t i = 2; i < 5; i++) { /* a tail, merged over the event the round knew last */
        CHECK_OK(commit_mixed(&f, i * 1000000, 20, NOW + 10 * HIN_DAY_USEC));
    }
    CHECK_OK(hin_store_retention_days(f.store, &first, &last));
    CHECK_INT(first, NOW / HIN_DAY_USEC + 10);
    CHECK_INT(last, first);
    CHECK_INT(retain(&f, 30, &keep, 0).events, 30);
    CHECK_OK(commit_mixed(&f, 5000000, 20, NOW + 10 * HIN_DAY_USEC));
    CHECK_INT(retain(&f, 30, &keep, 0).events, 10);
    CHECK_INT(retain(&f, 30, &keep, 0).events, 0);
    CHECK_INT(search_count(&f, &findings, NULL), 500);
    fixture_stop(&f);
}

TEST(test_store_retention__a_clock_that_jumps_drops_nothing_of_a_module)
{
    struct fixture f = {0};
    const struct hin_retention keep = keep_of(0, LOG, 6);
    struct hin_retention_round round = {0};
    struct hin_retained done;
    int64_t by = 0, jumped = NOW + 3650 * HIN_DAY_USEC, newest = NOW + 4 * HIN_DAY_USEC;
    CHECK_OK(fixture_start(&f, "module_jump"));
    for (uint64_t day = 0; day < 5; day++) {
        CHECK_OK(commit_mixed(&f, day * 1000000, 100, NOW + (int64_t)day * HIN_DAY_USEC));
    }
    CHECK_OK(hin_store_retention_time(f.store, newest, 0, &by));
    CHECK_OK(hin_store_retention_now(f.store, jumped, &by));
    CHECK_INT(by, newest);
    CHECK_OK(hin_store_retention_time(f.store, jumped, HIN_HOUR_USEC, &by));
    CHECK_INT(by, newest + 8 * HIN_HOUR_USEC);
    CHECK_OK(hin_store_retain(f.store, by, &keep, 0, &round, &done));
    CHECK_INT(done.events, 0);
    CHECK_OK(hin_store_retention_time(f.store, jumped, 9 * HIN_HOUR_USEC, &by));
    CHECK_OK(hin_store_retain(f.store, by, &keep, 0, &round, &done));
    CHECK_INT(done.events,
              100); /* 80 hours on, past midnight: the first two days, as it should be */
    fixture_stop(&f);
}

/* An event of a class that no module has is kept as the tenant's own time says. */
TEST(test_store_retention__other_classes_have_no_setting)
{
    struct fixture f = {0};
    struct events events;
    struct hin_store_committed committed;
    struct hin_retention keep = keep_of(1, HIN_MODULE_OTHER, 10);
    CHECK_OK(fixture_start(&f, "module_other"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){1, 9, 0, NOW, NULL}, 100));
    for (size_t i = 0; i < events.count; i += 2) {
        events.list[i].class_uid = 4002;
    }
    CHECK_OK(hin_store_commit(f.store, events.list, events.count, NULL, 0, NOW, &committed));
    CHECK_INT(retain(&f, 5, &keep, 0).events, 50);
    CHECK_INT(search_count(&f, &all, NULL), 50);
    CHECK_INT(retain(&f, 11, &keep, 0).events, 50);
    CHECK_INT(count_segments(&f), 0);
    events_free(&events);
    fixture_stop(&f);
}

TEST(test_store_retention__classes_of_modules_share_no_bit)
{
    for (unsigned i = 1; i < HIN_MODULE_COUNT; i++) {
        CHECK_INT(hin_module_find(hin_view_from_text(hin_modules[i].name)), i);
        for (unsigned j = 1; j < i; j++) {
            uint32_t a = hin_modules[i].class_uid, b = hin_modules[j].class_uid;
            CHECK(a == b || hin_summary_class_bit(a) != hin_summary_class_bit(b));
        }
    }
    CHECK_INT(hin_module_find(HIN_VIEW("other")), HIN_MODULE_COUNT);
    CHECK_INT(hin_module_find(HIN_VIEW_EMPTY), HIN_MODULE_COUNT);
}
