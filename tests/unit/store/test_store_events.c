#include <stdio.h>

#include "base/time.h"
#include "fixture.h"
#include "server.h"

struct seen {
    int64_t ids[4096];
    size_t count;
};

static HIN_RESULT note(void *context, const struct hin_store_event *event)
{
    struct seen *seen = context;
    HIN_ENSURE(seen->count < 4096, LIMIT);
    seen->ids[seen->count++] = event->id;
    return hin_ok();
}

TEST(test_store_events__commits_and_finds)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "find"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 2500, NOW, &committed));
    CHECK_INT(committed.first_id, 1);
    CHECK_INT(committed.last_id, 2500);
    CHECK_INT(committed.stored_count, 2500);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 2500);
    CHECK_INT(search_term(&f, "user", "user7", NULL), 50);
    CHECK_INT(search_term(&f, "srcip", "::ffff:203.0.113.7", NULL), 10);
    CHECK_INT(search_term(&f, "id", "id-124900", NULL), 1);
    CHECK_INT(search_term(&f, "user", "nobody", NULL), 0);
    CHECK_INT(search_term(&f, "rule", "5717", NULL), 833);
    struct hin_store_position position;
    CHECK_OK(hin_store_position(f.store, &position));
    CHECK_INT(position.last_event_id, 2500);
    fixture_stop(&f);
}

TEST(test_store_events__survive_reopening_and_go_on_numbering)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "reopen"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 3, NOW, &committed));
    fixture_close(&f);
    CHECK_OK(fixture_open(&f));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 300, NOW, NULL}, 3, NOW, &committed));
    CHECK_INT(committed.first_id, 4);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 6);
    fixture_stop(&f);
}

TEST(test_store_events__plain_columns_filter)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "columns"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 1200, NOW, &committed));
    CHECK_OK(commit_some(&f, &(struct shape){2, 9, 0, NOW + 5000 * HIN_SEC_USEC, NULL}, 1200, NOW,
                         &committed));
    CHECK_INT(
        search_count(&f, &(struct hin_store_filter){.since_usec = NOW + 5000 * HIN_SEC_USEC}, NULL),
        1200);
    CHECK_INT(
        search_count(&f, &(struct hin_store_filter){.until_usec = NOW + 10 * HIN_SEC_USEC}, NULL),
        10);
    int64_t two = 2, three = 3;
    struct hin_store_report report;
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.computers = &two, .computer_count = 1},
                           &report),
              1200);
    CHECK_INT(report.segments_opened, 1);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.computers = &three, .computer_count = 1},
                           &report),
              0);
    CHECK_INT(report.segments_opened, 0);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.class_uid = 6002}, NULL), 0);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.class_uid = 2004}, NULL), 2400);
    /* levels 13..16 of 0..16: critical */
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.severity_mask = 1 << 5}, NULL),
              2 * (1200 / 17 * 4 + 0));
    fixture_stop(&f);
}

/* All events in both directions, a page at a time: each once, in order. */
static void check_pages(struct fixture *f, int64_t last)
{
    static struct seen up, down;
    up.count = down.count = 0;
    for (int64_t after = 0;;) {
        struct hin_store_filter filter = {.after_id = after, .limit = 100};
        struct hin_store_report report;
        CHECK_OK(hin_store_search(f->store, &filter, note, &up, &report));
        after = report.resume_id;
        if (!report.more) {
            break;
        }
    }
    for (int64_t before = 0;;) {
        struct hin_store_filter filter = {.before_id = before, .limit = 99, .descending = true};
        struct hin_store_report report;
        CHECK_OK(hin_store_search(f->store, &filter, note, &down, &report));
        before = report.resume_id;
        if (!report.more) {
            break;
        }
    }
    CHECK_INT(up.count, last);
    CHECK_INT(down.count, last);
    for (size_t i = 0; i < up.count; i++) {
        CHECK_INT(up.ids[i], i + 1);
        CHECK_INT(down.ids[i], last - (int64_t)i);
    }
}

TEST(test_store_events__pages_both_ways_without_gap_or_repeat)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "paging"));
    for (size_t i = 0; i < 9; i++) { /* small ones, full ones, small ones */
        size_t count = i % 3 == 1 ? 1001 : 7;
        CHECK_OK(commit_some(&f, &(struct shape){1, 9 + i, 0, NOW, NULL}, count, NOW, &committed));
    }
    check_pages(&f, committed.last_id);
    struct hin_store_filter middle = {.after_id = 500, .before_id = 511};
    CHECK_INT(search_count(&f, &middle, NULL), 10);
    fixture_stop(&f);
}

/* The tail cannot be merged while its keys are out of reach. What is committed behind it must not
 * be spanned later by a segment of what stands before and after. */
TEST(test_store_events__pages_hold_when_merging_was_not_possible)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "unmerged"));
    for (size_t round = 0; round < 4; round++) {
        int64_t now = NOW + (round == 3 ? HIN_DAY_USEC : 0); /* the last in another day */
        for (size_t i = 0; i < 9; i++) {
            bool away = i == 4;
            size_t count = away && round < 3 ? 1001 : 7;
            if (away) {
                keys_leave(&f.keys);
            }
            CHECK_OK(commit_some(&f, &(struct shape){1, 100 * round + i + 1, 0, NOW, NULL}, count,
                                 now, &committed));
            f.keys.away = false;
        }
        CHECK_OK(hin_store_maintain(f.store, now + HIN_HOUR_USEC, HIN_MINUTE_USEC));
    }
    check_pages(&f, committed.last_id);
    fixture_stop(&f);
}

TEST(test_store_events__work_is_bounded_and_resumes)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "bounded"));
    for (size_t i = 0; i < 5; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9 + i, 0, NOW, NULL}, 1000, NOW, &committed));
    }
    for (int descending = 0; descending < 2; descending++) {
        static struct seen seen;
        size_t total = 0, rounds = 0;
        struct hin_store_filter filter = {.segments_max = 1, .descending = descending != 0};
        struct hin_store_report report = {.more = true};
        while (report.more && rounds++ < 10) {
            seen.count = 0;
            CHECK_OK(hin_store_search(f.store, &filter, note, &seen, &report));
            CHECK(report.segments_opened <= 1);
            total += seen.count;
            if (descending) {
                filter.before_id = report.resume_id;
            } else {
                filter.after_id = report.resume_id;
            }
        }
        CHECK_INT(total, 5000);
    }
    fixture_stop(&f);
}

/* For speed many commits are one transaction (durability is not what is tested here), and behind a
 * socket the day is an hour. */
static HIN_RESULT commit_one_by_one(struct fixture *f, const struct events *events)
{
    struct hin_store_committed committed;
    for (size_t i = 0; i < events->count; i++) {
        if (i % 600 == 0) {
            HIN_TRY(hin_store_begin(f->store));
        }
        HIN_TRY(hin_store_commit(f->store, &events->list[i], 1, NULL, 0,
                                 NOW + (int64_t)i * HIN_SEC_USEC, &committed));
        if (i % 600 == 599) {
            HIN_TRY(hin_store_end(f->store, true));
        }
    }
    return hin_ok();
}

TEST(test_store_events__a_day_of_one_a_second_leaves_at_most_200_segments)
{
    struct fixture f = {0};
    struct events events;
    size_t count = test_server() == NULL ? 86400 : 3600;
    CHECK_OK(fixture_start(&f, "day"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){1, 9, 0, NOW, NULL}, count));
    CHECK_OK(commit_one_by_one(&f, &events));
    events_free(&events);
    struct hin_store_stats stats;
    CHECK_OK(hin_store_stats(f.store, &stats));
    printf("# %llu segments, %llu bytes\n", (unsigned long long)stats.segments,
           (unsigned long long)stats.bytes);
    CHECK_INT(stats.events, count);
    CHECK(stats.segments <= 200);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), (long)count);
    CHECK_INT(search_term(&f, "id", "id-321000", NULL), 1);
    fixture_stop(&f);
}

/* More segments than a round of the directory: one a day. */
TEST(test_store_events__a_long_directory_is_walked_both_ways)
{
    enum { DAYS = 600 };
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_report report;
    static struct seen up, down, page;
    up.count = down.count = page.count = 0;
    CHECK_OK(fixture_start(&f, "directory"));
    CHECK_OK(hin_store_begin(f.store));
    for (uint64_t day = 0; day < DAYS; day++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, day * 1000, NOW, NULL}, 1,
                             NOW + (int64_t)day * HIN_DAY_USEC, &committed));
    }
    CHECK_OK(hin_store_end(f.store, true));
    CHECK_OK(hin_store_search(f.store, &(struct hin_store_filter){0}, note, &up, &report));
    CHECK_INT(report.segments_opened, DAYS);
    CHECK_OK(hin_store_search(f.store, &(struct hin_store_filter){.descending = true}, note, &down,
                              &report));
    CHECK(up.count == DAYS && down.count == DAYS);
    for (size_t i = 0; i < DAYS; i++) {
        CHECK(up.ids[i] == (int64_t)i + 1 && down.ids[i] == DAYS - (int64_t)i);
    }
    struct hin_store_filter filter = {.after_id = 100, .before_id = 500, .limit = 300};
    CHECK_OK(hin_store_search(f.store, &filter, note, &page, &report));
    CHECK(page.count == 300 && page.ids[0] == 101 && page.ids[299] == 400 && report.more);
    filter = (struct hin_store_filter){.after_id = 244, .before_id = 501, .limit = 256};
    CHECK_OK(hin_store_search(f.store, &filter, note, &page, &report)); /* a round, and its end */
    CHECK(page.count == 556 && page.ids[555] == 500 && !report.more);
    CHECK_INT(search_term(&f, "id", "id-599000", &report), 1);
    CHECK(report.segments_opened + report.segments_passed_over == DAYS);
    CHECK_INT(search_term(&f, "id", "id-7", &report), 0);
    fixture_stop(&f);
}

TEST(test_store_events__the_tail_is_merged_by_age)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_stats stats;
    CHECK_OK(fixture_start(&f, "age"));
    for (size_t i = 0; i < 20; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, 2, NOW, &committed));
    }
    CHECK_OK(hin_store_maintain(f.store, NOW + HIN_MINUTE_USEC, HIN_HOUR_USEC));
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.segments, 20);
    CHECK_OK(hin_store_maintain(f.store, NOW + HIN_HOUR_USEC, HIN_HOUR_USEC));
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.segments, 1);
    CHECK_INT(search_term(&f, "user", "user1", NULL), 20);
    fixture_stop(&f);
}

TEST(test_store_events__retention_drops_whole_days_and_keeps_refusing)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    uint64_t dropped = 0;
    CHECK_OK(fixture_start(&f, "retention"));
    for (size_t day = 0; day < 5; day++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, day * 100000, NOW, NULL}, 30,
                             NOW + (int64_t)day * HIN_DAY_USEC, &committed));
    }
    CHECK_OK(retain_all(&f, NOW + 4 * HIN_DAY_USEC, 4, &dropped));
    CHECK_INT(dropped, 0);
    CHECK_OK(retain_all(&f, NOW + 4 * HIN_DAY_USEC, 2, &dropped));
    CHECK_INT(dropped, 60);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 90);
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 100000, NOW, NULL}, 30, NOW + 4 * HIN_DAY_USEC,
                         &committed));
    CHECK_INT(committed.copy_count, 30);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 90);
    fixture_stop(&f);
}

TEST(test_store_events__retention_follows_a_clock_at_a_pace)
{
    const int64_t hour = HIN_HOUR_USEC, day = HIN_DAY_USEC;
    CHECK_INT(hin_retention_follow(NOW, NOW + hour, hour), NOW + hour);
    CHECK_INT(hin_retention_follow(NOW, NOW + 3650 * day, hour), NOW + 8 * hour);
    CHECK_INT(hin_retention_follow(NOW, NOW + 3650 * day, 0), NOW);
    CHECK_INT(hin_retention_follow(NOW, NOW + day, -hour), NOW);
    CHECK_INT(hin_retention_follow(NOW, NOW - 2 * hour, hour), NOW - 2 * hour);
    CHECK_INT(hin_retention_follow(NOW, 0, hour), NOW - 8 * hour); /* and not back to 1970 */
    CHECK_INT(hin_retention_follow(-1, INT64_MIN, INT64_MAX), 0);
    CHECK_INT(hin_retention_follow(0, INT64_MAX, INT64_MAX), INT64_MAX / 8 * 8);
    CHECK_INT(hin_retention_follow(INT64_MAX, INT64_MIN, 1), INT64_MAX - 8);
}

TEST(test_store_events__retention_holds_back_when_the_clock_jumps)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    uint64_t dropped = 0;
    int64_t by = 0;
    const int64_t newest = NOW + 4 * HIN_DAY_USEC, jumped = NOW + 3650 * HIN_DAY_USEC;
    CHECK_OK(fixture_start(&f, "retention_jump"));
    CHECK_OK(hin_store_retention_time(f.store, NOW, 0, &by)); /* nothing stored: the wall clock's */
    CHECK_INT(by, NOW);
    for (size_t day = 0; day < 5; day++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, day * 100000, NOW, NULL}, 30,
                             NOW + (int64_t)day * HIN_DAY_USEC, &committed));
    }
    CHECK_OK(hin_store_retention_time(f.store, newest, 4 * HIN_DAY_USEC, &by));
    CHECK_INT(by, newest);
    CHECK_OK(hin_store_retention_time(f.store, jumped, HIN_HOUR_USEC, &by));
    CHECK_INT(by, newest + 8 * HIN_HOUR_USEC);
    CHECK_OK(retain_all(&f, by, 6, &dropped));
    CHECK_INT(dropped, 0);
    fixture_close(&f); /* what was kept outlives the process */
    CHECK_OK(fixture_open(&f));
    CHECK_OK(hin_store_retention_time(f.store, jumped, 0, &by));
    CHECK_INT(by, newest + 8 * HIN_HOUR_USEC);
    CHECK_OK(hin_store_retention_time(f.store, newest, 0, &by)); /* never later than the wall */
    CHECK_INT(by, newest);
    CHECK_OK(retain_all(&f, by, 2, &dropped));
    CHECK_INT(dropped, 60);
    fixture_stop(&f);
}

TEST(test_store_events__retention_begins_at_the_newest_day)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    uint64_t dropped = 0;
    int64_t by = 0;
    CHECK_OK(fixture_start(&f, "retention_begin"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 30, NOW, &committed));
    CHECK_OK(hin_store_retention_time(f.store, NOW + 3650 * HIN_DAY_USEC, 0, &by));
    CHECK_INT(by, (NOW / HIN_DAY_USEC + 1) * HIN_DAY_USEC);
    CHECK_OK(retain_all(&f, by, 1, &dropped));
    CHECK_INT(dropped, 0);
    fixture_stop(&f);
}

TEST(test_store_events__one_by_id)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_event event;
    struct hin_buf buf;
    hin_buf_init(&buf, 1 << 20);
    CHECK_OK(fixture_start(&f, "by_id"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 5, NOW, &committed));
    CHECK_OK(hin_store_event_get(f.store, 3, &buf, &event));
    CHECK_INT(event.id, 3);
    CHECK_INT(event.identity.offset, 200);
    CHECK(event.bytes.size > 10);
    CHECK_CODE(hin_store_event_get(f.store, 6, &buf, &event), NOT_FOUND);
    CHECK_CODE(hin_store_event_get(f.store, 0, &buf, &event), NOT_FOUND);
    hin_buf_done(&buf);
    fixture_stop(&f);
}

TEST(test_store_events__acknowledgements_are_part_of_the_commit)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct events events;
    CHECK_OK(fixture_start(&f, "acks"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){4, 9, 0, NOW, NULL}, 2));
    struct hin_store_ack ack = {4, 77, 15};
    CHECK_OK(hin_store_commit(f.store, events.list, 2, &ack, 1, NOW, &committed));
    struct hin_store_agent agent;
    struct hin_buf buf;
    hin_buf_init(&buf, 1024);
    CHECK_OK(hin_store_agent_get(f.store, 4, &buf, &agent));
    CHECK_INT(agent.acked_sequence, 15);
    CHECK_INT(agent.spool_generation, 77);
    ack.sequence = 3; /* never back within a generation */
    CHECK_OK(hin_store_commit(f.store, NULL, 0, &ack, 1, NOW, &committed));
    CHECK_OK(hin_store_agent_get(f.store, 4, &buf, &agent));
    CHECK_INT(agent.acked_sequence, 15);
    ack.generation = 78;
    CHECK_OK(hin_store_commit(f.store, NULL, 0, &ack, 1, NOW, &committed));
    CHECK_OK(hin_store_agent_get(f.store, 4, &buf, &agent));
    CHECK_INT(agent.acked_sequence, 3);
    hin_buf_done(&buf);
    events_free(&events);
    fixture_stop(&f);
}

TEST(test_store_events__limits_refuse_the_whole_batch)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct events events;
    CHECK_OK(fixture_start(&f, "limits"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){4, 9, 0, NOW, NULL}, 3));
    static uint8_t big[HIN_STORE_EVENT_MAX_BYTES + 1];
    events.list[2].bytes = hin_view_of(big, sizeof(big));
    CHECK_CODE(hin_store_commit(f.store, events.list, 3, NULL, 0, NOW, &committed), LIMIT);
    CHECK_INT(events.list[0].id, 0);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 0);
    events_free(&events);
    fixture_stop(&f);
}

TEST(test_store_events__big_events_split_into_segments)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct events events;
    CHECK_OK(fixture_start(&f, "big"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){4, 9, 0, NOW, NULL}, 200));
    static uint8_t big[200 * 1024];
    for (size_t i = 0; i < events.count; i++) {
        events.list[i].bytes = hin_view_of(big, sizeof(big));
    }
    CHECK_OK(hin_store_commit(f.store, events.list, 200, NULL, 0, NOW, &committed));
    CHECK_INT(committed.stored_count, 200);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 200);
    CHECK_OK(hin_store_commit(f.store, events.list, 200, NULL, 0, NOW, &committed));
    CHECK_INT(committed.copy_count, 200);
    events_free(&events);
    fixture_stop(&f);
}
