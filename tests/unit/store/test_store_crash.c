/* Every prefix of writes that fsync permits: a recorded run is replayed up to each operation, once
 * with all writes so far, once with only what had been synced, and once with a part of the rest;
 * each time the database opens and holds what was acknowledged until then, whole batches only. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "recorder.h"

/* --- the recorded run --- */

enum { BATCHES = 40, BATCH = 3 };

struct acknowledged {
    size_t at[BATCHES]; /* operations recorded when batch n was acknowledged */
};

static HIN_RESULT record_run(struct fixture *f, struct recorder *recorder,
                             struct acknowledged *acknowledged)
{
    for (size_t i = 0; i < BATCHES; i++) {
        struct hin_store_committed committed;
        HIN_TRY(commit_some(f, &(struct shape){1, 9, i * 1000, NOW, NULL}, BATCH, NOW, &committed));
        acknowledged->at[i] = recorder->count;
        if (i % 13 == 12) {
            HIN_TRY(hin_store_checkpoint(f->store));
        }
    }
    return hin_ok();
}

/* Opens a copy and judges what it holds. */
static void check_state(struct fixture *from, const char *folder, size_t batches, const char *what,
                        size_t at)
{
    struct fixture copy = {.directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                           .keys = from->keys};
    struct hin_store_report report;
    struct hin_store_committed committed;
    if (!hin_is_ok(fixture_open(&copy))) {
        test_fail(__FILE__, __LINE__, "%s at %zu: does not open", what, at);
        close(copy.directory);
        return;
    }
    long count = search_count(&copy, &(struct hin_store_filter){0}, &report);
    if (count < (long)(batches * BATCH) || count % BATCH != 0 || report.segments_damaged != 0) {
        test_fail(__FILE__, __LINE__, "%s at %zu: %ld events, %zu batches were acknowledged", what,
                  at, count, batches);
    }
    /* and it goes on: the next batch again, exactly once */
    struct shape shape = {1, 9, (uint64_t)(count / BATCH) * 1000, NOW, NULL};
    if (!hin_is_ok(commit_some(&copy, &shape, BATCH, NOW, &committed)) ||
        committed.stored_count != BATCH) {
        test_fail(__FILE__, __LINE__, "%s at %zu: does not go on", what, at);
    }
    fixture_close(&copy);
    close(copy.directory);
}

TEST(test_store_crash__every_prefix_that_fsync_permits)
{
    static struct recorder recorder;
    struct hin_store_observer observer = observer_of(&recorder);
    struct acknowledged acknowledged;
    struct fixture f = {.observer = &observer};
    char folder[600];
    CHECK_OK(fixture_start(&f, "crash"));
    size_t opened = recorder.count;
    CHECK_OK(record_run(&f, &recorder, &acknowledged));
    (void)snprintf(folder, sizeof(folder), "%s/crash_copy", test_folder());
    size_t states = 0;
    for (size_t end = opened; end <= recorder.count; end += end % 3 == 0 ? 2 : 5) {
        size_t batches = 0;
        while (batches < BATCHES && acknowledged.at[batches] <= end) {
            batches++;
        }
        for (int keep = KEEP_ALL; keep <= KEEP_SOME; keep++) {
            CHECK_OK(recorder_rebuild(&recorder, end, (enum keep)keep, folder));
            check_state(&f, folder, batches, keep_names[keep], end);
            states++;
        }
    }
    printf("# %zu states of %zu operations\n", states, recorder.count);
    fixture_stop(&f);
    recorder_free(&recorder); /* closing is recorded too */
}

/* --- the index key is rotated, and what is there made anew --- */

static HIN_RESULT name_documents(struct fixture *f)
{
    static const char *const names[] = {"one", "two", "three"};
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        struct hin_view name = hin_view_from_text(names[i]);
        struct hin_store_content content = {.bytes = name, .names = {name}};
        int64_t id = 0;
        HIN_TRY(hin_store_create(f->store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    }
    return hin_ok();
}

/* A batch after each step: it holds one event of user1. */
static HIN_RESULT record_rotation(struct fixture *f, struct recorder *recorder,
                                  struct acknowledged *acknowledged, size_t *ret_batches)
{
    struct hin_store_index index = {.former = 1};
    keys_index(&f->keys, 2, 1);
    HIN_TRY(hin_index_renew(f->keys.index));
    HIN_TRY(hin_store_index_follow(f->store));
    for (size_t i = 0; index.former != 0 && i < BATCHES; i++) {
        struct hin_store_committed committed;
        struct shape shape = {2, 9, i * 1000, NOW, NULL};
        HIN_TRY(hin_store_reindex(f->store, &content_namer, 1, &index));
        HIN_TRY(commit_some(f, &shape, BATCH, NOW, &committed));
        acknowledged->at[i] = recorder->count;
        *ret_batches = i + 1;
    }
    HIN_ENSURE(index.former == 0 && index.names == 3, INTERNAL);
    return hin_ok();
}

enum { BEFORE = 6 }; /* batches that were there */

static bool all_is_found(struct fixture *copy, size_t batches)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 16};
    struct hin_store_document found;
    long users = search_term(copy, "user", "user1", NULL);
    long events = search_count(copy, &(struct hin_store_filter){0}, NULL);
    return users >= (long)(BEFORE + batches) && events == users * BATCH &&
           hin_is_ok(hin_store_find(copy->store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("one"), &buf,
                                    &found)) &&
           hin_is_ok(hin_store_find(copy->store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("three"), &buf,
                                    &found));
}

/* Whatever was cut off: all is found with both keys; it goes on; then with the new one alone. */
static void check_rotation(struct fixture *from, const char *folder, size_t batches,
                           const char *what, size_t at)
{
    struct fixture copy = {.directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                           .keys = from->keys};
    struct hin_store_index index = {.former = 1};
    bool found = hin_is_ok(fixture_open(&copy)) && all_is_found(&copy, batches);
    bool done = found && hin_is_ok(hin_store_index_follow(copy.store)) &&
                hin_is_ok(reindex(&copy, 2, &index)) && index.former == 0 && index.version == 2 &&
                index.damaged == 0;
    keys_index(&from->keys, 2, 0);
    bool alone =
        done && hin_is_ok(hin_index_renew(from->keys.index)) && all_is_found(&copy, batches);
    keys_index(&from->keys, 2, 1);
    if (!alone || !hin_is_ok(hin_index_renew(from->keys.index))) {
        test_fail(__FILE__, __LINE__, "%s at %zu: %s", what, at,
                  !found  ? "not all is found"
                  : !done ? "it does not go on"
                          : "not all is found by the new key");
    }
    fixture_close(&copy);
    close(copy.directory);
}

TEST(test_store_crash__an_index_key_is_rotated_at_every_prefix)
{
    static struct recorder recorder;
    struct hin_store_observer observer = observer_of(&recorder);
    struct acknowledged acknowledged = {0};
    struct fixture f = {.observer = &observer};
    struct hin_store_committed committed;
    static const char *const names[] = {"all writes", "synced writes", "some writes"};
    char folder[600];
    size_t states = 0, total = 0;
    CHECK_OK(fixture_start(&f, "crash_index"));
    for (uint64_t i = 0; i < BEFORE; i++) {
        CHECK_OK(
            commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, BATCH, NOW, &committed));
    }
    CHECK_OK(name_documents(&f));
    size_t begun = recorder.count;
    CHECK_OK(record_rotation(&f, &recorder, &acknowledged, &total));
    (void)snprintf(folder, sizeof(folder), "%s/crash_index_copy", test_folder());
    for (size_t end = begun; end <= recorder.count; end += end % 3 == 0 ? 1 : 3) {
        size_t batches = 0;
        while (batches < total && acknowledged.at[batches] <= end) {
            batches++;
        }
        for (int keep = KEEP_ALL; keep <= KEEP_SOME; keep++) {
            CHECK_OK(rebuild(&recorder, end, (enum keep)keep, folder));
            check_rotation(&f, folder, batches, names[keep], end);
            states++;
        }
    }
    printf("# %zu states of %zu operations\n", states, recorder.count - begun);
    CHECK(states > 100);
    fixture_stop(&f);
    recorder_free(&recorder); /* closing is recorded too */
}

/* Before each acknowledgement the write-ahead log was synced after its last write. */
TEST(test_store_crash__sync_returns_before_the_acknowledgement)
{
    static struct recorder recorder;
    struct hin_store_observer observer = observer_of(&recorder);
    struct fixture f = {.observer = &observer};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "sync"));
    for (size_t i = 0; i < 20; i++) {
        size_t before = recorder.count;
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, 2, NOW, &committed));
        CHECK(recorder.count > before);
        CHECK_INT(recorder.ops[recorder.count - 1].type, OP_SYNC);
        CHECK(strcmp(recorder.ops[recorder.count - 1].name, "t0.db-wal") == 0);
    }
    fixture_stop(&f);
    recorder_free(&recorder); /* closing is recorded too */
}

TEST(test_store_crash__a_full_disk_acknowledges_nothing)
{
    static struct recorder recorder;
    struct hin_store_observer observer = observer_of(&recorder);
    struct fixture f = {.observer = &observer};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "full"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 3, NOW, &committed));
    for (size_t after = 1; after < 6; after++) {
        recorder.fail_at = recorder.write_count + after;
        struct hin_result result =
            commit_some(&f, &(struct shape){1, 9, 5000, NOW, NULL}, 1500, NOW, &committed);
        CHECK_CODE(result, NO_SPACE);
        recorder.fail_at = 0;
        CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 3);
    }
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 5000, NOW, NULL}, 1500, NOW, &committed));
    CHECK_INT(committed.first_id, 4);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 1503);
    fixture_stop(&f);
    recorder_free(&recorder); /* closing is recorded too */
}

/* --- a round of retention: segments dropped whole and made anew, in the smallest steps --- */

enum { DAYS = 8, DAY_EVENTS = 30, DAY_FINDINGS = 20, LOG_DAYS = 1, OWN_DAYS = 5 };

/* Even days: the manager's own events alone; odd ones: findings too. */
static HIN_RESULT commit_day(struct fixture *f, int64_t day,
                             struct hin_store_committed *ret_committed)
{
    struct events events;
    struct shape shape = {1, 9, (uint64_t)day * 100000, NOW, NULL};
    struct hin_result result = events_make(&events, &f->keys, &shape, DAY_EVENTS);
    for (size_t i = 0; hin_is_ok(result) && i < DAY_EVENTS; i++) {
        bool finding = day % 2 == 1 && i < DAY_FINDINGS;
        events.list[i].class_uid =
            finding ? HIN_CLASS_DETECTION_FINDING : HIN_CLASS_APPLICATION_LIFECYCLE;
        events.list[i].computer_id = finding;
    }
    if (hin_is_ok(result)) {
        result = hin_store_commit(f->store, events.list, DAY_EVENTS, NULL, 0,
                                  NOW + day * HIN_DAY_USEC, ret_committed);
    }
    events_free(&events);
    return result;
}

static HIN_RESULT retain_in_steps(struct fixture *f)
{
    struct hin_retention keep = {0};
    struct hin_retention_round round = {0};
    struct hin_retained done = {.more = true};
    keep.keep_days[HIN_MODULE_LOG_INSPECTION] = LOG_DAYS;
    keep.keep_days[HIN_MODULE_MANAGER] = OWN_DAYS;
    while (done.more) {
        HIN_TRY(hin_store_retain(f->store, NOW + DAYS * HIN_DAY_USEC, &keep, 1, &round, &done));
    }
    return hin_ok();
}

/* What is left of a day: all of it, or all but what is over. */
static bool day_is_whole(struct fixture *f, int64_t day, bool done)
{
    struct hin_store_filter filter = {.after_id = day * DAY_EVENTS,
                                      .before_id = (day + 1) * DAY_EVENTS + 1,
                                      .class_uid = HIN_CLASS_DETECTION_FINDING};
    long had = day % 2 == 1 ? DAY_FINDINGS : 0;
    long findings = search_count(f, &filter, NULL);
    filter.class_uid = HIN_CLASS_APPLICATION_LIFECYCLE;
    long own = search_count(f, &filter, NULL);
    bool as_before = findings == had && own == DAY_EVENTS - had;
    bool as_after = findings == (day < DAYS - LOG_DAYS ? 0 : had) &&
                    own == (day < DAYS - OWN_DAYS ? 0 : DAY_EVENTS - had);
    return as_after || (as_before && !done);
}

static bool days_are_whole(struct fixture *f, bool done)
{
    struct hin_store_report report;
    bool whole = search_count(f, &(struct hin_store_filter){0}, &report) >= 0 &&
                 report.segments_damaged == 0;
    for (int64_t day = 0; day < DAYS; day++) {
        whole = whole && day_is_whole(f, day, done);
    }
    return whole;
}

/* Opens a copy: each day is as before or as after; a round that begins anew ends it; what went is
 * refused when it is sent again. */
static const char *judge_round(struct fixture *from, const char *folder)
{
    struct fixture copy = {.directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                           .keys = from->keys};
    struct hin_store_committed committed = {0};
    struct hin_store_check check = {0};
    const char *wrong = NULL;
    if (!hin_is_ok(fixture_open(&copy))) {
        wrong = "does not open";
    } else if (!days_are_whole(&copy, false)) {
        wrong = "a day is neither as before nor as after";
    } else if (!hin_is_ok(retain_in_steps(&copy)) || !days_are_whole(&copy, true)) {
        wrong = "the round does not end what was begun";
    } else if (!hin_is_ok(commit_day(&copy, 1, &committed)) ||
               !hin_is_ok(commit_day(&copy, 5, &committed)) || committed.stored_count != 0) {
        wrong = "what went is taken again";
    } else if (!hin_is_ok(hin_store_check(copy.store, &check)) || !check.structure_ok ||
               check.segments_damaged != 0) {
        wrong = "the check finds fault";
    }
    fixture_close(&copy);
    close(copy.directory);
    return wrong;
}

TEST(test_store_crash__a_round_of_retention_at_every_write)
{
    static struct recorder recorder;
    struct hin_store_observer observer = observer_of(&recorder);
    struct hin_store_committed committed;
    struct fixture f = {.observer = &observer};
    char folder[600];
    size_t states = 0;
    CHECK_OK(fixture_start(&f, "crash_round"));
    for (int64_t day = 0; day < DAYS; day++) {
        CHECK_OK(commit_day(&f, day, &committed));
    }
    CHECK_OK(hin_store_checkpoint(f.store));
    size_t begin = recorder.count;
    CHECK_OK(retain_in_steps(&f));
    CHECK_OK(hin_store_checkpoint(f.store));
    CHECK(days_are_whole(&f, true));
    (void)snprintf(folder, sizeof(folder), "%s/crash_round_copy", test_folder());
    for (size_t end = begin; end <= recorder.count; end++) {
        for (int keep = KEEP_ALL; keep <= KEEP_SOME; keep++) {
            if (keep != (int)(end % 3) && recorder.ops[end - 1].type != OP_SYNC) {
                continue;
            }
            CHECK_OK(recorder_rebuild(&recorder, end, (enum keep)keep, folder));
            const char *wrong = judge_round(&f, folder);
            if (wrong != NULL) {
                test_fail(__FILE__, __LINE__, "%s at %zu: %s", keep_names[keep], end, wrong);
            }
            states++;
        }
    }
    printf("# %zu states of %zu operations\n", states, recorder.count - begin);
    fixture_stop(&f);
    recorder_free(&recorder); /* closing is recorded too */
}
