/* Sheaves: whatever a store went through, a search finds what is there, all of it, with sheaves as
 * without; and with them it asks few. Segments of 3 events, one a day: user0, user1, user2, and
 * each with an id of its own. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "event/codec.h"
#include "fixture.h"

enum { EACH = 3, DAYS_MANY = 330 };

/* Segments first..until (exclusive), in one transaction; the last is the tail. */
static HIN_RESULT fill(struct fixture *f, int first, int until)
{
    struct hin_store_committed committed;
    HIN_TRY(hin_store_begin(f->store));
    struct hin_result done = hin_ok();
    for (int day = first; hin_is_ok(done) && day < until; day++) {
        int64_t now_usec = NOW + day * HIN_DAY_USEC;
        done = commit_some(f, &(struct shape){1, 9, (uint64_t)day * 1000, now_usec, NULL}, EACH,
                           now_usec, &committed);
    }
    HIN_TRY(hin_store_end(f->store, hin_is_ok(done)));
    return done;
}

static uint64_t sheaves(struct fixture *f)
{
    struct hin_store_stats stats = {0};
    return hin_is_ok(hin_store_stats(f->store, &stats)) ? stats.sheaves : UINT64_MAX;
}

static HIN_RESULT make(struct fixture *f, uint64_t wanted)
{
    for (int i = 0; i < 20 && sheaves(f) != wanted; i++) {
        HIN_TRY(hin_store_maintain(f->store, NOW, HIN_DAY_USEC));
    }
    HIN_ENSURE(sheaves(f) == wanted, INTERNAL);
    return hin_ok();
}

/* Events of `day` that are found by their ids. */
static long found_by_id(struct fixture *f, int day, struct hin_store_report *ret_report)
{
    long found = 0;
    for (int i = 0; i < EACH; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "id-%d", day * 1000 + i * 100);
        found += search_term(f, "log_id", id, ret_report);
    }
    return found;
}

static void expect_each(struct fixture *f, int first, int until, long wanted)
{
    struct hin_store_report report;
    for (int day = first; day < until; day += 23) {
        CHECK_INT(found_by_id(f, day, &report), wanted);
    }
}

/* user1 within some days, in pages of 7, both ways. */
static void expect_range(struct fixture *f, int first, int until, bool descending)
{
    struct hin_arena arena;
    struct hin_term term;
    struct hin_store_report report = {.more = true};
    long found = 0;
    hin_arena_init(&arena, 1 << 16);
    CHECK_OK(hin_term_parse(HIN_VIEW("user"), HIN_VIEW("user1"), &arena, &term));
    struct hin_store_filter filter = {.terms = &term,
                                      .term_count = 1,
                                      .since_usec = NOW + first * HIN_DAY_USEC,
                                      .until_usec = NOW + until * HIN_DAY_USEC,
                                      .descending = descending,
                                      .limit = 7};
    while (report.more) {
        long count = search_count(f, &filter, &report);
        CHECK(count >= 0);
        found += count;
        filter.after_id = descending ? 0 : report.resume_id;
        filter.before_id = descending ? report.resume_id : 0;
    }
    CHECK_INT(found, until - first);
    hin_arena_done(&arena);
}

TEST(test_store_sheaf__what_is_there_is_found_through_them)
{
    struct fixture f = {0};
    struct hin_store_report report;
    CHECK_OK(fixture_start(&f, "sheaf"));
    CHECK_OK(fill(&f, 0, 60));
    CHECK_OK(make(&f, 0)); /* too few */
    CHECK_OK(fill(&f, 60, 100));
    CHECK_OK(make(&f, 1));
    expect_each(&f, 0, 100, EACH);
    CHECK_OK(fill(&f, 100, DAYS_MANY)); /* the first grows to its most, a second begins */
    CHECK_OK(make(&f, 2));
    expect_each(&f, 0, DAYS_MANY, EACH);
    CHECK_INT(search_term(&f, "user", "user1", &report), DAYS_MANY);
    CHECK_INT(report.segments_opened, DAYS_MANY);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_opened + report.segments_passed_over, DAYS_MANY);
    CHECK(report.segments_opened < 4);
    for (int i = 0; i < 12; i++) {
        expect_range(&f, i * 27, i * 27 + i + 1, i % 2 == 0);
    }
    expect_range(&f, 0, DAYS_MANY, true);
    expect_range(&f, 0, DAYS_MANY, false);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){.class_uid = 6002}, &report), 0);
    CHECK_INT(report.segments_opened, 0);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, &report), DAYS_MANY * EACH);
    fixture_stop(&f);
}

/* --- what changes a segment --- */

static HIN_RESULT judge_user1(void *context, const struct hin_store_event *event,
                              enum hin_store_verdict *ret_verdict,
                              struct hin_store_event *replacement)
{
    (void)replacement;
    *ret_verdict = hin_view_find(event->bytes, HIN_VIEW("user1")) != SIZE_MAX
                       ? *(enum hin_store_verdict *)context
                       : HIN_STORE_KEEP;
    return hin_ok();
}

/* The value that stands in its place; the bytes last until the next. */
static HIN_RESULT judge_rename(void *context, const struct hin_store_event *event,
                               enum hin_store_verdict *ret_verdict,
                               struct hin_store_event *replacement)
{
    struct hin_buf *buf = context;
    size_t at = hin_view_find(event->bytes, HIN_VIEW("user2"));
    *ret_verdict = at != SIZE_MAX ? HIN_STORE_REPLACE : HIN_STORE_KEEP;
    if (at != SIZE_MAX) {
        hin_buf_clear(buf);
        HIN_TRY(hin_buf_append(buf, event->bytes));
        hin_copy(buf->data + at, (const uint8_t *)"other", 5);
        replacement->bytes = hin_buf_view(buf);
    }
    return hin_ok();
}

static HIN_RESULT rewrite(struct fixture *f, struct hin_store_rewrite *rewrite, int from, int until)
{
    struct hin_store_rewritten done;
    rewrite->after_id = (int64_t)from * EACH;
    rewrite->until_id = (int64_t)until * EACH;
    return hin_store_rewrite(f->store, rewrite, &done);
}

TEST(test_store_sheaf__none_tells_of_what_was_changed)
{
    struct fixture f = {0};
    struct hin_store_report report;
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1u << 16};
    enum hin_store_verdict verdict = HIN_STORE_ERASE;
    uint64_t dropped = 0;
    CHECK_OK(fixture_start(&f, "changed"));
    CHECK_OK(fill(&f, 0, DAYS_MANY));
    CHECK_OK(make(&f, 2));
    struct hin_store_rewrite keep = {.judge = judge_user1, .context = &verdict};
    struct hin_store_rewrite rename = {.judge = judge_rename, .context = &buf};
    CHECK_OK(rewrite(&f, &keep, 20, 30));
    CHECK_INT(sheaves(&f), 1);
    for (int round = 0; round < 2; round++) { /* without one, and with the next */
        CHECK_INT(search_term(&f, "user", "user1", &report), DAYS_MANY - 10);
        CHECK_INT(report.segments_opened, DAYS_MANY - 10);
        expect_each(&f, 20, 30, EACH - 1);
        expect_each(&f, 30, DAYS_MANY, EACH);
        CHECK_OK(make(&f, 2));
    }
    CHECK_OK(rewrite(&f, &rename, 246, 266)); /* over the end of the first */
    CHECK_INT(sheaves(&f), 0);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(search_term(&f, "user", "other", &report), 20);
        CHECK_INT(report.segments_opened, 20);
        CHECK_INT(search_term(&f, "user", "user2", NULL), DAYS_MANY - 20);
        CHECK_OK(make(&f, 2));
    }
    CHECK_OK(retain_all(&f, NOW + 300 * HIN_DAY_USEC, 200, &dropped));
    CHECK_INT(dropped, 100 * EACH - 10);
    CHECK_INT(sheaves(&f), 1);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(search_term(&f, "user", "user0", NULL), DAYS_MANY - 100);
        expect_each(&f, 100, DAYS_MANY, EACH);
        CHECK_OK(make(&f, 2));
    }
    fixture_stop(&f);
}

/* --- the index key --- */

TEST(test_store_sheaf__an_index_key_is_rotated_under_them)
{
    struct fixture f = {0};
    struct hin_store_index index;
    struct hin_store_report report;
    CHECK_OK(fixture_start(&f, "rotated"));
    CHECK_OK(fill(&f, 0, 150));
    CHECK_OK(make(&f, 1));
    keys_index(&f.keys, 2, 1);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_OK(hin_store_index_follow(f.store));
    CHECK_OK(hin_store_index(f.store, &index));
    for (int i = 0; index.former != 0; i++) {
        CHECK_INT(search_term(&f, "user", "user1", &report), 150);
        CHECK_INT(report.segments_opened, 150);
        expect_each(&f, i, 150, EACH);
        CHECK_OK(hin_store_reindex(f.store, &content_namer, 40, &index));
        CHECK(i < 20);
        if (i % 2 == 0) { /* of some under the one key, some under the other */
            CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
        }
    }
    keys_index(&f.keys, 2, 0);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_OK(make(&f, 1));
    expect_each(&f, 0, 150, EACH);
    CHECK_INT(search_term(&f, "user", "user1", NULL), 150);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK(report.segments_opened < 3);
    fixture_stop(&f);
}

/* --- any sizes --- */

/* Segments of 1 to 60 events, some of 1,300, one without a token: each value is found, and hardly
 * anything is opened for one that is not there. */
TEST(test_store_sheaf__no_value_is_missed_whatever_the_sizes)
{
    struct fixture f = {0};
    struct hin_store_report report;
    uint64_t offset = 0, opened = 0, state = 12345;
    CHECK_OK(fixture_start(&f, "sizes"));
    CHECK_OK(hin_store_begin(f.store));
    for (int day = 0; day < 140; day++) {
        struct hin_store_committed committed;
        int64_t now_usec = NOW + day * HIN_DAY_USEC;
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        size_t count = day % 50 == 7 ? 1300 : 1 + (size_t)(state >> 33) % 60;
        if (day == 30) {
            struct hin_store_event bare = {.time_usec = now_usec, .bytes = HIN_VIEW("?")};
            CHECK_OK(hin_store_commit(f.store, &bare, 1, NULL, 0, now_usec, &committed));
            continue;
        }
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, offset, now_usec, NULL}, count, now_usec,
                             &committed));
        offset += count * 100;
    }
    CHECK_OK(hin_store_end(f.store, true));
    CHECK_OK(make(&f, 1));
    for (uint64_t id = 0; id < offset; id += 2300) {
        char text[32];
        (void)snprintf(text, sizeof(text), "id-%llu", (unsigned long long)id);
        CHECK_INT(search_term(&f, "log_id", text, NULL), 1);
        (void)snprintf(text, sizeof(text), "id-%llu", (unsigned long long)id + 1);
        CHECK_INT(search_term(&f, "log_id", text, &report), 0);
        opened += report.segments_opened;
    }
    CHECK(opened < offset / 2300); /* 140 segments each: 2 in 10,000 */
    struct hin_store_check check;
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok && check.sheaves_wrong == 0);
    CHECK_INT(sheaves(&f), 1);
    fixture_stop(&f);
}
