/* What holds for every kind of destination (depot.h). Run alone it is about a folder;
 * tests/integration/depots.sh runs it over an object store and a host over SSH too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "harness.h"
#include "subject.h"

#define MIB ((size_t)1024 * 1024)

struct place {
    struct subject subject;
    struct hin_depot *depot;
    struct hin_error error;
    char run[24]; /* of this test: places are used again */
};

static void place_done(struct place *place)
{
    if (place->depot != NULL && hin_depot_error(place->depot)->text[0] != '\0') {
        printf("# the last error: %s\n", hin_depot_error(place->depot)->text);
    }
    hin_depot_close(place->depot);
    subject_done(&place->subject);
}

static HIN_RESULT place_open(struct place *place)
{
    uint8_t run[8];
    char hex[17];
    HIN_TRY(hin_random(run, sizeof(run)));
    hin_hex(run, sizeof(run), hex);
    snprintf(place->run, sizeof(place->run), "t-%s", hex);
    HIN_TRY(subject_read(getenv("HIN_DEPOT_SUBJECT"), test_folder(), &place->subject));
    struct hin_result opened =
        hin_depot_open(&place->depot, &place->subject.options, &place->error);
    if (!hin_is_ok(opened)) {
        printf("# %s\n", place->error.text);
    }
    return opened;
}

#define PLACE(name)                                                                                \
    HIN_CLEANUP(place_done) struct place name = {.depot = NULL};                                   \
    CHECK_OK(place_open(&name))

/* Names of this run; four may be in use at a time. */
static const char *named(const struct place *place, const char *name)
{
    static char texts[4][HIN_DEPOT_NAME_MAX + 1];
    static size_t next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), "%s/%s", place->run, name);
    return text;
}

static HIN_RESULT put(struct place *place, const char *name, const char *text,
                      enum hin_depot_mode mode)
{
    return hin_depot_put(place->depot, named(place, name), hin_view_from_text(text), mode);
}

/* Whether all of it is this text. */
static bool reads(struct place *place, const char *name, const char *wanted)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = MIB};
    struct hin_result read = hin_depot_get(place->depot, named(place, name), 0, MIB, &got);
    return hin_is_ok(read) && hin_view_is(hin_buf_view(&got), wanted);
}

struct found {
    size_t count;
    uint64_t bytes;
    char last[HIN_DEPOT_NAME_MAX + 1];
    enum hin_code answer;
};

static HIN_RESULT find(void *context, const struct hin_depot_entry *entry)
{
    struct found *found = context;
    found->count++;
    found->bytes += entry->size;
    snprintf(found->last, sizeof(found->last), "%s", entry->name);
    return hin_fail(found->answer);
}

static size_t listed(struct place *place, const char *prefix)
{
    struct found found = {0};
    return hin_is_ok(hin_depot_list(place->depot, named(place, prefix), find, &found)) ? found.count
                                                                                       : SIZE_MAX;
}

TEST(test_depot_contract__what_is_put_is_read)
{
    PLACE(place);
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 100};
    CHECK_OK(put(&place, "a/b/c.1", "0123456789", HIN_DEPOT_NEW));
    CHECK_OK(hin_depot_sync(place.depot));
    CHECK(reads(&place, "a/b/c.1", "0123456789"));
    const char *name = named(&place, "a/b/c.1");
    CHECK_OK(hin_buf_append_text(&got, "before "));
    CHECK_OK(hin_depot_get(place.depot, name, 2, 3, &got));
    CHECK_OK(hin_depot_get(place.depot, name, 8, 50, &got));
    CHECK_OK(hin_depot_get(place.depot, name, 10, 5, &got));
    CHECK_OK(hin_depot_get(place.depot, name, 1 << 20, 5, &got));
    CHECK_OK(hin_depot_get(place.depot, name, 0, 0, &got));
    CHECK_VIEW(hin_buf_view(&got), "before 23489");
    CHECK_OK(hin_depot_remove(place.depot, name));
}

TEST(test_depot_contract__an_empty_object_is_one)
{
    PLACE(place);
    CHECK_OK(put(&place, "empty", "", HIN_DEPOT_NEW));
    CHECK(reads(&place, "empty", ""));
    CHECK_INT(listed(&place, "empty"), 1);
    CHECK_CODE(put(&place, "empty", "x", HIN_DEPOT_NEW), EXISTS);
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "empty")));
}

TEST(test_depot_contract__new_refuses_what_is_there_and_replace_replaces)
{
    PLACE(place);
    CHECK_OK(put(&place, "n", "first", HIN_DEPOT_NEW));
    CHECK_CODE(put(&place, "n", "second", HIN_DEPOT_NEW), EXISTS);
    CHECK_INT(hin_depot_error(place.depot)->code, HIN_EXISTS);
    CHECK(reads(&place, "n", "first"));
    CHECK_OK(put(&place, "n", "the third is longer", HIN_DEPOT_REPLACE));
    CHECK(reads(&place, "n", "the third is longer"));
    CHECK_OK(put(&place, "n", "4", HIN_DEPOT_REPLACE));
    CHECK(reads(&place, "n", "4"));
    CHECK_OK(put(&place, "fresh", "5", HIN_DEPOT_REPLACE));
    CHECK(reads(&place, "fresh", "5"));
    CHECK_INT(listed(&place, ""), 2);
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "n")));
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "fresh")));
}

TEST(test_depot_contract__lists_by_prefix)
{
    PLACE(place);
    struct found all = {0}, ended = {.answer = HIN_CONFLICT};
    char name[32];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "%s/%d.x", i % 2 == 0 ? "even" : "odd/deep", i);
        CHECK_OK(put(&place, name, "1234", HIN_DEPOT_NEW));
    }
    CHECK_INT(listed(&place, "even/"), 10);
    CHECK_INT(listed(&place, "od"), 10);
    CHECK_INT(listed(&place, "odd/deep/1"), 6);
    CHECK_INT(listed(&place, "odd/deep/11.x"), 1);
    CHECK_INT(listed(&place, "none/"), 0);
    CHECK_INT(listed(&place, "even/0.x/"), 0);
    CHECK_OK(hin_depot_list(place.depot, place.run, find, &all));
    CHECK_INT(all.count, 20);
    CHECK_INT(all.bytes, 80);
    CHECK(hin_depot_name_is_valid(all.last) && strncmp(all.last, place.run, 10) == 0);
    CHECK_CODE(hin_depot_list(place.depot, place.run, find, &ended), CONFLICT);
    CHECK_INT(ended.count, 1);
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "%s/%d.x", i % 2 == 0 ? "even" : "odd/deep", i);
        CHECK_OK(hin_depot_remove(place.depot, named(&place, name)));
    }
    CHECK_INT(listed(&place, ""), 0);
}

TEST(test_depot_contract__what_is_not_there_is_not_found)
{
    PLACE(place);
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 100};
    CHECK_CODE(hin_depot_get(place.depot, named(&place, "no"), 0, 10, &got), NOT_FOUND);
    CHECK_CODE(hin_depot_get(place.depot, named(&place, "no/such"), 5, 10, &got), NOT_FOUND);
    CHECK_CODE(hin_depot_remove(place.depot, named(&place, "no")), NOT_FOUND);
    CHECK(hin_depot_error(place.depot)->text[0] != '\0');
    CHECK_INT(got.size, 0);
    CHECK_OK(put(&place, "yes", "1", HIN_DEPOT_NEW));
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "yes")));
    CHECK_CODE(hin_depot_remove(place.depot, named(&place, "yes")), NOT_FOUND);
    CHECK_CODE(hin_depot_get(place.depot, named(&place, "yes"), 0, 10, &got), NOT_FOUND);
    CHECK_OK(put(&place, "yes", "2", HIN_DEPOT_NEW));
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "yes")));
}

/* Bytes that tell where they stand. */
static void fill(uint8_t *to, size_t size, uint64_t offset)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t at = (offset + i) * UINT64_C(0x9e3779b97f4a7c15);
        to[i] = (uint8_t)(at >> 56);
    }
}

/* Pieces of an awkward size, up to `bytes` in all. */
static HIN_RESULT append(struct place *place, uint64_t bytes)
{
    static uint8_t piece[300007];
    for (uint64_t done = 0; done < bytes;) {
        size_t size = (size_t)HIN_MIN(bytes - done, sizeof(piece));
        fill(piece, size, done);
        HIN_TRY(hin_depot_append(place->depot, hin_view_of(piece, size)));
        done += size;
    }
    return hin_ok();
}

static bool reads_back(struct place *place, const char *name, uint64_t bytes)
{
    static uint8_t wanted[700001];
    for (uint64_t done = 0; done <= bytes;) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = sizeof(wanted)};
        if (!hin_is_ok(hin_depot_get(place->depot, name, done, sizeof(wanted), &got))) {
            return false;
        }
        fill(wanted, got.size, done);
        if (!hin_view_equal(hin_buf_view(&got), hin_view_of(wanted, got.size))) {
            return false;
        }
        done += got.size;
        if (got.size == 0) {
            return done == bytes;
        }
    }
    return false;
}

TEST(test_depot_contract__a_large_object_goes_in_pieces)
{
    PLACE(place);
    char name[64];
    uint64_t bytes = 18 * MIB + 12345;
    snprintf(name, sizeof(name), "%s", named(&place, "large"));
    CHECK_OK(hin_depot_begin(place.depot, name, HIN_DEPOT_NEW));
    CHECK_OK(append(&place, bytes));
    CHECK_INT(listed(&place, ""), 0); /* not before it is whole */
    CHECK_OK(hin_depot_commit(place.depot));
    CHECK_OK(hin_depot_sync(place.depot));
    CHECK_INT(listed(&place, ""), 1);
    CHECK(reads_back(&place, name, bytes));
    CHECK_CODE(put(&place, "large", "x", HIN_DEPOT_NEW), EXISTS);
    CHECK_OK(put(&place, "large", "small", HIN_DEPOT_REPLACE));
    CHECK(reads(&place, "large", "small"));
    CHECK_OK(hin_depot_remove(place.depot, name));
}

TEST(test_depot_contract__a_whole_read_may_be_large)
{
    PLACE(place);
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 20 * MIB};
    size_t bytes = 17 * MIB + 1;
    uint8_t *wanted = malloc(bytes);
    CHECK(wanted != NULL);
    fill(wanted, bytes, 0);
    struct hin_result done =
        hin_depot_put(place.depot, named(&place, "l"), hin_view_of(wanted, bytes), HIN_DEPOT_NEW);
    if (hin_is_ok(done)) {
        done = hin_depot_get(place.depot, named(&place, "l"), 0, 20 * MIB, &got);
    }
    bool same = hin_view_equal(hin_buf_view(&got), hin_view_of(wanted, bytes));
    free(wanted);
    CHECK_OK(done);
    CHECK(same);
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "l")));
}

TEST(test_depot_contract__what_is_aborted_leaves_nothing)
{
    PLACE(place);
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 100};
    hin_depot_abort(place.depot);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(hin_depot_begin(place.depot, named(&place, "gone"), HIN_DEPOT_NEW));
        CHECK_OK(append(&place, i == 0 ? 1000 : 9 * MIB));
        hin_depot_abort(place.depot);
    }
    CHECK_INT(listed(&place, ""), 0);
    CHECK_CODE(hin_depot_get(place.depot, named(&place, "gone"), 0, 10, &got), NOT_FOUND);
    CHECK_OK(put(&place, "gone", "after all", HIN_DEPOT_NEW));
    CHECK_OK(hin_depot_begin(place.depot, named(&place, "gone"), HIN_DEPOT_REPLACE));
    CHECK_OK(append(&place, 9 * MIB));
    CHECK(reads(&place, "gone", "after all"));
    hin_depot_abort(place.depot);
    CHECK(reads(&place, "gone", "after all"));
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "gone")));
}

TEST(test_depot_contract__calls_out_of_order_and_bad_names_are_refused)
{
    static const char *const bad[] = {"",       "/a", "a/",  "a//b", ".a",   "a/.b",
                                      "a/../b", "A",  "a b", "a\nb", "a%2f", "ä"};
    PLACE(place);
    HIN_CLEANUP(hin_buf_done) struct hin_buf got = {.max = 100};
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_depot_put(place.depot, bad[i], HIN_VIEW("x"), HIN_DEPOT_REPLACE), INVALID);
        CHECK_CODE(hin_depot_get(place.depot, bad[i], 0, 1, &got), INVALID);
        CHECK_CODE(hin_depot_remove(place.depot, bad[i]), INVALID);
    }
    CHECK_CODE(hin_depot_append(place.depot, HIN_VIEW("x")), CONFLICT);
    CHECK_CODE(hin_depot_commit(place.depot), CONFLICT);
    CHECK_OK(hin_depot_begin(place.depot, named(&place, "one"), HIN_DEPOT_NEW));
    CHECK_CODE(hin_depot_begin(place.depot, named(&place, "two"), HIN_DEPOT_NEW), CONFLICT);
    hin_depot_abort(place.depot);
}

TEST(test_depot_contract__a_reader_changes_nothing)
{
    PLACE(place);
    struct hin_depot *reader = NULL;
    CHECK_OK(put(&place, "r", "1", HIN_DEPOT_NEW));
    place.subject.options.read_only = true;
    CHECK_OK(hin_depot_open(&reader, &place.subject.options, &place.error));
    struct hin_depot *writer = place.depot;
    place.depot = reader;
    bool sees = reads(&place, "r", "1");
    struct hin_result puts = put(&place, "r", "2", HIN_DEPOT_REPLACE);
    struct hin_result removes = hin_depot_remove(reader, named(&place, "r"));
    place.depot = writer;
    hin_depot_close(reader);
    CHECK(sees);
    CHECK_CODE(puts, DENIED);
    CHECK_CODE(removes, DENIED);
    CHECK(reads(&place, "r", "1"));
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "r")));
}

TEST(test_depot_contract__two_handles_see_one_place)
{
    PLACE(place);
    struct hin_depot *other = NULL, *first = place.depot;
    CHECK_OK(hin_depot_open(&other, &place.subject.options, &place.error));
    CHECK_OK(hin_depot_begin(first, named(&place, "n"), HIN_DEPOT_NEW));
    struct hin_result appended = hin_depot_append(first, HIN_VIEW("first"));
    place.depot = other;
    struct hin_result wins = put(&place, "n", "other", HIN_DEPOT_NEW);
    place.depot = first;
    struct hin_result loses = hin_depot_commit(first);
    bool stands = reads(&place, "n", "other");
    hin_depot_close(other);
    CHECK_OK(appended);
    CHECK_OK(wins);
    CHECK_CODE(loses, EXISTS);
    CHECK(stands);
    CHECK_INT(listed(&place, ""), 1);
    CHECK_OK(hin_depot_remove(place.depot, named(&place, "n")));
}
