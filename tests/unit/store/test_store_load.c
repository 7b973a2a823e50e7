/* Filling a store with what a backup holds, many megabytes of it: the same on every database. Then
 * what is PostgreSQL's own: several connections at once, and what becomes of a failure of one. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "fixture.h"
#include "server.h"
#include "store/copy.h"

enum { SEGMENTS = 400, SPANS = 3000, RAW = 30000, PAUSE_EVERY = 100 };

/* One segment of a store with a large line in it, pasted again and again under other numbers. */
struct cargo {
    struct fixture source, target;
    struct hin_copy_segment row;
    struct hin_buf bytes;
};

static HIN_RESULT keep_segment(void *context, const struct hin_copy_segment *segment)
{
    struct cargo *cargo = context;
    cargo->row = *segment;
    cargo->row.head = cargo->row.computers = HIN_VIEW_EMPTY;
    cargo->row.computers_known = false;
    return hin_ok();
}

static HIN_RESULT cargo_start(struct cargo *cargo, const char *name)
{
    static uint8_t noise[RAW / 2];
    static char raw[RAW + 1];
    struct hin_store_committed committed;
    bool more = false;
    *cargo = (struct cargo){.bytes = {.max = 1 << 20}};
    HIN_TRY(hin_random(noise, sizeof(noise)));
    hin_hex(noise, sizeof(noise), raw);
    struct shape shape = {.agent = 1, .generation = 1, .time_usec = NOW, .raw = raw};
    HIN_TRY(fixture_start(&cargo->source, name));
    HIN_TRY(fixture_beside(&cargo->target, &cargo->source));
    HIN_TRY(commit_some(&cargo->source, &shape, 1, NOW, &committed));
    HIN_TRY(hin_store_copy_segments(cargo->source.store, 0, 1, keep_segment, cargo, &more));
    return hin_store_copy_segment(cargo->source.store, cargo->row.id, &cargo->bytes);
}

static void cargo_stop(struct cargo *cargo)
{
    fixture_stop(&cargo->target);
    fixture_stop(&cargo->source);
    hin_buf_done(&cargo->bytes);
}

static HIN_RESULT paste_segment(struct cargo *cargo, int64_t id)
{
    struct hin_copy_segment row = cargo->row;
    row.id = row.last_id = id;
    return hin_store_paste_segment(cargo->target.store, &row, hin_buf_view(&cargo->bytes));
}

static HIN_RESULT paste_span(struct hin_store *store, int64_t number)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf row = {.max = 100};
    const int64_t columns[] = {number % 50, 1, number * 100, (number * 7919) % SEGMENTS + 1,
                               number * 100 - 50};
    for (size_t i = 0; i < HIN_COUNT(columns); i++) {
        HIN_TRY(hin_write_zigzag(&row, columns[i]));
    }
    return hin_store_paste_row(store, HIN_PART_SPAN, hin_buf_view(&row));
}

static HIN_RESULT paste_last_event(struct hin_store *store)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf row = {.max = 100};
    HIN_TRY(hin_write_varint(&row, sizeof("last_event"))); /* its size, and one more */
    HIN_TRY(hin_buf_append_text(&row, "last_event"));
    HIN_TRY(hin_write_zigzag(&row, SEGMENTS));
    HIN_TRY(hin_write_varint(&row, 0)); /* no bytes */
    return hin_store_paste_row(store, HIN_PART_META, hin_buf_view(&row));
}

static HIN_RESULT paste_range(struct cargo *cargo, int64_t from, int64_t until)
{
    for (int64_t id = from; id <= until; id++) {
        HIN_TRY(paste_segment(cargo, id));
        if (id % PAUSE_EVERY == 0) {
            HIN_TRY(hin_store_paste_pause(cargo->target.store));
        }
    }
    return hin_ok();
}

/* From one end to the other; `between` in the middle. */
static HIN_RESULT paste_all(struct cargo *cargo, bool (*between)(struct cargo *cargo))
{
    struct hin_store *store = cargo->target.store;
    HIN_TRY(hin_store_paste_begin(store));
    struct hin_result pasted = paste_last_event(store);
    for (int64_t i = 1; hin_is_ok(pasted) && i <= SPANS; i++) {
        pasted = paste_span(store, i);
    }
    if (hin_is_ok(pasted)) {
        pasted = paste_range(cargo, 1, SEGMENTS / 2);
    }
    if (hin_is_ok(pasted) && between != NULL && !between(cargo)) {
        pasted = hin_fail(HIN_INTERNAL);
    }
    if (hin_is_ok(pasted)) {
        pasted = paste_range(cargo, SEGMENTS / 2 + 1, SEGMENTS);
    }
    struct hin_result ended = hin_store_paste_end(store, hin_is_ok(pasted));
    return hin_is_ok(pasted) ? ended : pasted;
}

struct found {
    struct cargo *cargo;
    int64_t last;
    int segments, spans;
};

static HIN_RESULT see_segment(void *context, const struct hin_copy_segment *segment)
{
    struct found *found = context;
    const struct hin_copy_segment *row = &found->cargo->row;
    HIN_ENSURE(segment->id == found->last + 1 && segment->count == row->count &&
                   segment->min_time == row->min_time && segment->key_state == row->key_state &&
                   memcmp(segment->key, row->key, sizeof(row->key)) == 0,
               CORRUPT);
    found->last = segment->id;
    found->segments++;
    return hin_ok();
}

static HIN_RESULT see_span(void *context, struct hin_view row)
{
    (void)row;
    ((struct found *)context)->spans++;
    return hin_ok();
}

static HIN_RESULT see_bodies(struct found *found, struct hin_store *store)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1 << 20};
    for (int64_t id = 1; id <= found->last; id++) {
        hin_buf_clear(&bytes);
        HIN_TRY(hin_store_copy_segment(store, id, &bytes));
        HIN_ENSURE(hin_view_equal(hin_buf_view(&bytes), hin_buf_view(&found->cargo->bytes)),
                   CORRUPT);
    }
    return hin_ok();
}

static HIN_RESULT see_all(struct cargo *cargo, struct found *found)
{
    struct hin_copy_cursor cursor = HIN_COPY_FIRST;
    struct hin_store *store = cargo->target.store;
    bool more = true;
    *found = (struct found){.cargo = cargo};
    while (more) {
        HIN_TRY(hin_store_copy_segments(store, found->last, 100, see_segment, found, &more));
    }
    for (more = true; more;) {
        HIN_TRY(hin_store_copy_rows(store, HIN_PART_SPAN, INT64_MAX, 500, &cursor, see_span, found,
                                    &more));
    }
    return see_bodies(found, store);
}

static void check_all_there(struct cargo *cargo)
{
    struct found found;
    CHECK_OK(see_all(cargo, &found));
    CHECK_INT(found.segments, SEGMENTS);
    CHECK_INT(found.spans, SPANS);
}

TEST(test_store_load__what_is_pasted_is_there)
{
    struct cargo cargo;
    struct shape more = {.agent = 9, .generation = 1, .time_usec = NOW};
    struct hin_store_committed committed;
    CHECK_OK(cargo_start(&cargo, "load"));
    CHECK_OK(paste_all(&cargo, NULL));
    check_all_there(&cargo);
    /* and is a store like any other from then on */
    CHECK_OK(commit_some(&cargo.target, &more, 10, NOW, &committed));
    CHECK_INT(committed.stored_count, 10);
    fixture_close(&cargo.target);
    CHECK_OK(fixture_open(&cargo.target));
    CHECK(search_count(&cargo.target, &(struct hin_store_filter){0}, NULL) >= 10);
    cargo_stop(&cargo);
}

static bool paste_first_again(struct cargo *cargo)
{
    return hin_is_ok(paste_segment(cargo, 1));
}

/* On a server it is known some rows later: at the end at the latest. */
TEST(test_store_load__a_row_that_comes_twice_fails_it)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "twice"));
    struct hin_store *store = cargo.target.store;
    CHECK_OK(hin_store_paste_begin(store));
    struct hin_result pasted = paste_range(&cargo, 1, 50);
    pasted = hin_is_ok(pasted) ? paste_segment(&cargo, 1) : pasted;
    struct hin_result ended = hin_store_paste_end(store, hin_is_ok(pasted));
    CHECK_INT(hin_is_ok(pasted) ? ended.code : pasted.code, HIN_EXISTS);
    cargo_stop(&cargo);
    CHECK_OK(cargo_start(&cargo, "twice-many"));
    struct hin_result all = paste_all(&cargo, paste_first_again);
    CHECK(!hin_is_ok(all));
    cargo_stop(&cargo);
}

TEST(test_store_load__given_up_it_says_nothing_more)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "given-up"));
    CHECK_OK(hin_store_paste_begin(cargo.target.store));
    CHECK_OK(paste_range(&cargo, 1, SEGMENTS / 2));
    CHECK_OK(hin_store_paste_end(cargo.target.store, false));
    cargo_stop(&cargo);
    CHECK_OK(cargo_start(&cargo, "closed")); /* in the midst of it */
    CHECK_OK(hin_store_paste_begin(cargo.target.store));
    CHECK_OK(paste_range(&cargo, 1, SEGMENTS / 2));
    cargo_stop(&cargo);
}

#ifndef TEST_LINK

/* The disk is full from some write on: pages are written some at a time, so that what a write fails
 * with may be known at another. */
struct full {
    long left, seen;
};

static HIN_RESULT refuse_write(void *context, const char *name, int64_t offset,
                               struct hin_view bytes)
{
    struct full *full = context;
    (void)name, (void)offset, (void)bytes;
    full->seen++;
    return full->left-- > 0 ? hin_ok() : hin_fail(HIN_NO_SPACE);
}

static HIN_RESULT paste_until_full(struct cargo *cargo, struct full *full, long left)
{
    static int number;
    char name[32];
    struct hin_store_observer observer = {.context = full, .write = refuse_write};
    struct fixture former = cargo->target;
    (void)snprintf(name, sizeof(name), "full%d", ++number);
    cargo->target = (struct fixture){.observer = &observer};
    *full = (struct full){.left = LONG_MAX};
    HIN_TRY(fixture_start(&cargo->target, name));
    *full = (struct full){.left = left};
    struct hin_result pasted = paste_all(cargo, NULL);
    long seen = full->seen;
    full->left = LONG_MAX;
    fixture_stop(&cargo->target);
    full->seen = seen;
    cargo->target = former;
    return pasted;
}

TEST(test_store_load__a_disk_that_is_full_at_any_write_fails_it)
{
    struct cargo cargo;
    struct full full;
    CHECK_OK(cargo_start(&cargo, "any-write"));
    CHECK_OK(paste_until_full(&cargo, &full, LONG_MAX));
    long writes = full.seen;
    CHECK(writes > 20 && writes < 400); /* of some 900 pages */
    for (long left = writes - 1; left >= 0; left -= left > writes - 8 ? 1 : 11) {
        struct hin_result pasted = paste_until_full(&cargo, &full, left);
        if (hin_is_ok(pasted)) {
            test_fail(__FILE__, __LINE__, "whole without its write %ld of %ld", left, writes);
            return;
        }
    }
    cargo_stop(&cargo);
}

#else

static long ask_number(const char *sql)
{
    char said[256] = "";
    return hin_is_ok(test_server_ask("sql", sql, said, sizeof(said))) && said[0] != '\0'
               ? strtol(said, NULL, 10)
               : -1;
}

/* As the superuser; @ in the text is the target's schema. */
static long by_hand(const struct cargo *cargo, const char *text)
{
    char sql[1024], schema[64];
    size_t size = 0;
    (void)snprintf(schema, sizeof(schema), "hinomi_%s", cargo->target.tenant);
    for (; *text != '\0' && size + sizeof(schema) < sizeof(sql); text++) {
        size += (size_t)(*text == '@' ? snprintf(sql + size, sizeof(schema), "%s", schema)
                                      : snprintf(sql + size, 2, "%c", *text));
    }
    return ask_number(sql);
}

#define OURS "FROM pg_stat_activity WHERE usename = 'hinomi' AND backend_type = 'client backend'"

/* What was left of a former test's connections goes. */
static long count_ours(long wanted)
{
    long count = -1;
    for (int i = 0; i < 100 && count != wanted; i++) {
        const struct timespec nap = {.tv_nsec = 50000000};
        count = ask_number("SELECT count(*) " OURS);
        if (count != wanted) {
            (void)nanosleep(&nap, NULL);
        }
    }
    return count;
}

static bool has_lanes(struct cargo *cargo)
{
    (void)cargo;
    return count_ours(4) == 4; /* of source and target, and two more */
}

TEST(test_store_load__two_connections_more_while_it_lasts)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "lanes"));
    CHECK_OK(paste_all(&cargo, has_lanes));
    CHECK_INT(count_ours(2), 2);
    check_all_there(&cargo);
    CHECK_INT(by_hand(&cargo, "SELECT count(*) FROM pg_indexes WHERE schemaname = '@' AND "
                              "indexname = 'span_segment'"),
              1);
    cargo_stop(&cargo);
}

TEST(test_store_load__where_the_server_gives_no_more_it_goes_over_one)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "one-lane"));
    CHECK(test_server_do("sql", "ALTER ROLE hinomi CONNECTION LIMIT 3"));
    CHECK_INT(count_ours(2), 2);
    CHECK_OK(paste_all(&cargo, NULL));
    check_all_there(&cargo);
    cargo_stop(&cargo);
    CHECK_OK(cargo_start(&cargo, "no-lane"));
    CHECK(test_server_do("sql", "ALTER ROLE hinomi CONNECTION LIMIT 2"));
    CHECK_INT(count_ours(2), 2);
    CHECK_OK(paste_all(&cargo, NULL));
    check_all_there(&cargo);
    CHECK(test_server_do("sql", "ALTER ROLE hinomi CONNECTION LIMIT -1"));
    cargo_stop(&cargo);
}

/* So that both are at work when they are looked for. */
#define SLOWLY                                                                                     \
    "CREATE FUNCTION @.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "             \
    "pg_sleep(0.01); RETURN NEW; END $$; CREATE TRIGGER slowly BEFORE INSERT ON @.body FOR EACH "  \
    "ROW EXECUTE FUNCTION @.slowly(); GRANT EXECUTE ON FUNCTION @.slowly() TO PUBLIC; SELECT 1"

static bool end_one(struct cargo *cargo)
{
    (void)cargo;
    for (int i = 0; i < 200; i++) {
        if (ask_number("SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid " OURS
                       " AND state = 'active' AND query LIKE 'COPY body%' LIMIT 1) AS one") == 1) {
            return true;
        }
    }
    return false;
}

TEST(test_store_load__a_connection_that_dies_fails_it)
{
    struct cargo cargo;
    struct hin_error error = {0};
    CHECK_OK(cargo_start(&cargo, "dies"));
    CHECK_INT(by_hand(&cargo, SLOWLY), 1);
    CHECK_CODE(paste_all(&cargo, end_one), AGAIN);
    CHECK(strstr(hin_store_trouble(cargo.target.store), "database server") != NULL);
    /* the other has stopped; what it left can be thrown away at once, and begun anew */
    fixture_close(&cargo.target);
    struct hin_store_options options = fixture_options(&cargo.target);
    for (bool done = false; !done;) {
        CHECK_OK(hin_store_erase(&options, &done, &error));
    }
    CHECK_OK(fixture_open(&cargo.target));
    CHECK_OK(paste_all(&cargo, NULL));
    check_all_there(&cargo);
    cargo_stop(&cargo);
}

#define FULL                                                                                       \
    "CREATE FUNCTION @.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 301 THEN "  \
    "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; "    \
    "END "                                                                                         \
    "$$; CREATE TRIGGER full_disk BEFORE INSERT ON @.body FOR EACH ROW EXECUTE FUNCTION "          \
    "@.full(); "                                                                                   \
    "GRANT EXECUTE ON FUNCTION @.full() TO PUBLIC; SELECT 1"

TEST(test_store_load__a_full_disk_under_one_of_them_fails_it)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "full"));
    CHECK_INT(by_hand(&cargo, FULL), 1);
    CHECK_CODE(paste_all(&cargo, NULL), NO_SPACE);
    CHECK(strstr(hin_store_trouble(cargo.target.store), "could not extend") != NULL);
    cargo_stop(&cargo);
}

static bool stop_server(struct cargo *cargo)
{
    (void)cargo;
    return test_server_do("stop", "--now");
}

static bool stop_and_start(struct cargo *cargo)
{
    return stop_server(cargo) && test_server_do("start", "--tls");
}

/* What was committed without waiting may be gone: it must not go on over a new connection. */
TEST(test_store_load__a_server_that_came_up_again_fails_it)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "restarted"));
    CHECK_CODE(paste_all(&cargo, stop_and_start), AGAIN);
    cargo_stop(&cargo);
}

TEST(test_store_load__what_ended_well_outlives_the_server)
{
    struct cargo cargo;
    CHECK_OK(cargo_start(&cargo, "durable"));
    CHECK_OK(paste_all(&cargo, NULL));
    CHECK(stop_and_start(&cargo)); /* as kill -9 of it all, at once */
    fixture_close(&cargo.target);
    CHECK_OK(fixture_open(&cargo.target));
    check_all_there(&cargo);
    cargo_stop(&cargo);
}

#endif
