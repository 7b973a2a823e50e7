/* Index keys: rotated while all goes on. Two handles stand for two processes, which learn of a new
 * key at different times. */
#include <stdio.h>

#include "fixture.h"
#include "server.h"

/* Another process on the same data: its own keys, so it learns by itself. */
static HIN_RESULT open_other(struct fixture *other, const struct fixture *first)
{
    *other = (struct fixture){.directory = first->directory};
    (void)snprintf(other->tenant, sizeof(other->tenant), "%s", first->tenant);
    HIN_TRY(keys_new(&other->keys, first->keys.seed));
    keys_index(&other->keys, first->keys.index_versions[0], first->keys.index_versions[1]);
    return fixture_open(other);
}

static void close_other(struct fixture *other)
{
    fixture_close(other);
    keys_free(&other->keys);
}

static HIN_RESULT create(struct fixture *f, enum hin_store_kind kind, const char *name,
                         int64_t *ret_id)
{
    struct hin_view text = hin_view_from_text(name);
    struct hin_store_content content = {.bytes = text, .names = {text}};
    return hin_store_create(f->store, kind, &content, NOW, ret_id);
}

static HIN_RESULT find(struct fixture *f, enum hin_store_kind kind, const char *name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 20};
    struct hin_store_document found;
    HIN_TRY(hin_store_find(f->store, kind, 0, hin_view_from_text(name), &buf, &found));
    HIN_ENSURE(hin_view_is(found.bytes, name), CORRUPT);
    return hin_ok();
}

/* Five small commits of 20 (one segment each) and three full ones of 1,000: user0..user49. */
static HIN_RESULT fill(struct fixture *f)
{
    struct hin_store_committed committed;
    for (uint64_t i = 0; i < 5; i++) {
        HIN_TRY(commit_some(f, &(struct shape){1, 9, i * 10000, NOW, NULL}, 20, NOW, &committed));
    }
    for (uint64_t i = 1; i <= 3; i++) {
        struct shape shape = {1, 9, i * 1000000, NOW, NULL};
        HIN_TRY(commit_some(f, &shape, 1000, NOW, &committed));
    }
    return hin_ok();
}
enum { OF_USER7 = 2 + 3 + 60, SEGMENTS = 4 }; /* the small ones are merged when a full one comes */

/* The key service gets a new key, and this process is the first that knows. */
static HIN_RESULT rotate(struct fixture *f, uint32_t newest)
{
    keys_index(&f->keys, newest, newest - 1);
    HIN_TRY(hin_index_renew(f->keys.index));
    return hin_store_index_follow(f->store);
}

TEST(test_store_index__rotates_while_two_processes_write_and_search)
{
    struct fixture f = {0};
    struct fixture other = {0};
    struct hin_store_index index;
    struct hin_store_report report;
    struct hin_store_committed committed;
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "index"));
    CHECK_OK(fill(&f));
    CHECK_OK(create(&f, HIN_STORE_COMPUTERS, "one", &id));
    CHECK_OK(create(&f, HIN_STORE_API_KEYS, "digest", &id));
    CHECK_OK(open_other(&other, &f));
    CHECK_OK(hin_store_index(f.store, &index));
    CHECK(index.version == 1 && index.former == 0);
    CHECK_INT(search_term(&f, "user", "user7", &report), OF_USER7);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_passed_over, SEGMENTS);

    CHECK_OK(rotate(&f, 2));
    keys_index(&other.keys, 2, 1); /* not told yet */
    CHECK_OK(hin_store_index(f.store, &index));
    CHECK(index.version == 2 && index.former == 1 && !index.names_done);
    CHECK_INT(index.until_id, 3100);
    CHECK_INT(search_term(&f, "user", "user7", NULL), OF_USER7);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_passed_over, SEGMENTS); /* the former key still spares them */
    CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "one"));
    CHECK_CODE(create(&f, HIN_STORE_COMPUTERS, "one", &id), EXISTS);
    CHECK_OK(create(&f, HIN_STORE_COMPUTERS, "two", &id));
    CHECK_INT(hin_index_version(other.keys.index), 1);
    CHECK_OK(find(&other, HIN_STORE_COMPUTERS, "two")); /* a miss, and it learns */
    CHECK_INT(hin_index_version(other.keys.index), 2);
    CHECK_CODE(find(&other, HIN_STORE_COMPUTERS, "three"), NOT_FOUND);

    /* while it is made anew, step by step, all is found by both */
    for (uint64_t i = 0; index.former != 0; i++) {
        CHECK_OK(hin_store_reindex(i % 2 == 0 ? f.store : other.store, &content_namer, 1, &index));
        CHECK_OK(
            commit_some(&other, &(struct shape){2, 9, i * 1000, NOW, NULL}, 8, NOW, &committed));
        CHECK_INT(search_term(&f, "user", "user7", NULL), OF_USER7 + (long)i + 1);
        CHECK_INT(search_term(&other, "user", "user7", NULL), OF_USER7 + (long)i + 1);
        CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "one"));
        CHECK_OK(find(&other, HIN_STORE_API_KEYS, "digest"));
        CHECK(i < 20);
    }
    CHECK_INT(index.names, 2);
    CHECK_INT(index.segments, SEGMENTS);
    CHECK(index.stuck == 0 && index.damaged == 0 && index.unread == 0);

    /* the former is gone: everything is found, and nothing is opened in vain */
    keys_index(&f.keys, 2, 0);
    CHECK_OK(hin_index_renew(f.keys.index));
    long all = search_term(&other, "user", "user7", NULL);
    CHECK_INT(search_term(&f, "user", "user7", NULL), all);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_opened, 0);
    CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "one"));
    CHECK_OK(find(&f, HIN_STORE_API_KEYS, "digest"));
    CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "two"));
    CHECK_CODE(create(&f, HIN_STORE_COMPUTERS, "one", &id), EXISTS);
    struct hin_store_check check;
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok && check.segments_damaged + check.documents_damaged == 0);
    close_other(&other);
    fixture_stop(&f);
}

/* Tokens that were made before the rotation, and are stored behind it. */
TEST(test_store_index__tokens_on_their_way_are_made_anew)
{
    struct fixture f = {0};
    struct events events;
    struct hin_store_committed committed;
    struct hin_store_index index;
    struct hin_store_report report;
    CHECK_OK(fixture_start(&f, "way"));
    CHECK_OK(events_make(&events, &f.keys, &(struct shape){1, 9, 0, NOW, NULL}, 20));
    CHECK_OK(rotate(&f, 2));
    CHECK_OK(hin_store_commit(f.store, events.list, 20, NULL, 0, NOW, &committed));
    events_free(&events);
    CHECK_OK(reindex(&f, 8, &index)); /* nothing was there: it is settled */
    CHECK(index.former == 0 && index.segments == 0);
    keys_index(&f.keys, 2, 0);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_INT(search_term(&f, "user", "user7", NULL), 1);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_opened, 0);
    fixture_stop(&f);
}

/* A segment that is merged of old and new ones is found by either, and made anew once. */
TEST(test_store_index__merged_segments_hold_tokens_of_both)
{
    struct fixture f = {0};
    struct fixture other = {0};
    struct hin_store_index index;
    struct hin_store_committed committed;
    struct hin_store_report report;
    CHECK_OK(fixture_start(&f, "merged"));
    CHECK_OK(open_other(&other, &f));
    for (uint64_t i = 0; i < 6; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, i * 1000, NOW, NULL}, 8, NOW, &committed));
        if (i == 2) {
            CHECK_OK(rotate(&f, 2));
        }
    }
    CHECK_OK(hin_store_maintain(f.store, NOW + 60000000, 1));
    CHECK_INT(search_term(&f, "user", "user7", &report), 6);
    CHECK_INT(report.segments_opened, 1);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_passed_over, 1);
    keys_index(&other.keys, 2, 1); /* this one knows the former alone, and looks into the segment */
    CHECK_INT(search_term(&other, "user", "user7", &report), 6);
    CHECK_OK(reindex(&f, 1, &index));
    CHECK(index.former == 0 && index.segments == 1);
    keys_index(&f.keys, 2, 0);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_INT(search_term(&f, "user", "user7", NULL), 6);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_opened, 0);
    close_other(&other);
    fixture_stop(&f);
}

/* Where the new key is not to be had: nothing is stored that only the former finds, and searches
 * open what they cannot judge. */
TEST(test_store_index__a_key_service_that_is_away)
{
    struct fixture f = {0};
    struct fixture other = {0};
    struct hin_store_committed committed;
    struct hin_store_report report;
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "away"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 20, NOW, &committed));
    CHECK_OK(open_other(&other, &f));
    CHECK_OK(rotate(&f, 2));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 10000, NOW, NULL}, 20, NOW, &committed));
    other.keys.away = true;
    CHECK_CODE(commit_some(&other, &(struct shape){1, 9, 20000, NOW, NULL}, 20, NOW, &committed),
               AGAIN);
    CHECK_CODE(create(&other, HIN_STORE_COMPUTERS, "one", &id), AGAIN);
    CHECK_CODE(find(&other, HIN_STORE_COMPUTERS, "one"), AGAIN); /* nobody knows */
    CHECK_INT(search_term(&other, "user", "user7", &report), -1);
    CHECK_INT(search_count(&other, &(struct hin_store_filter){0}, &report), 40);
    other.keys.away = false;
    keys_index(&other.keys, 2, 1);
    CHECK_OK(commit_some(&other, &(struct shape){1, 9, 20000, NOW, NULL}, 20, NOW, &committed));
    CHECK_INT(committed.stored_count, 20);
    CHECK_INT(search_term(&other, "user", "user7", NULL), 3);
    close_other(&other);
    fixture_stop(&f);
}

/* A store of before is put back, and the key it was under is destroyed. */
TEST(test_store_index__a_store_of_before_is_found_by_keys_of_after)
{
    struct fixture f = {0};
    struct hin_store_index index;
    struct hin_store_report report;
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "put_back"));
    CHECK_OK(fill(&f));
    CHECK_OK(create(&f, HIN_STORE_COMPUTERS, "one", &id));
    keys_index(&f.keys, 3, 0);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_INT(search_term(&f, "user", "user7", &report), OF_USER7);
    CHECK_INT(report.segments_opened, SEGMENTS); /* all: which hold it, nobody can say */
    CHECK_OK(hin_store_index_follow(f.store));
    CHECK_INT(search_term(&f, "user", "user7", &report), OF_USER7);
    CHECK_OK(reindex(&f, 3, &index));
    CHECK(index.version == 3 && index.former == 0);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_opened, 0);
    CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "one")); /* by its only candidate */
    fixture_stop(&f);
}

static HIN_RESULT name_nothing(void *context, const struct hin_store_document *document,
                               size_t slot, struct hin_arena *arena, struct hin_view *ret_names,
                               size_t *ret_count)
{
    (void)context;
    (void)document;
    (void)slot;
    (void)arena;
    ret_names[0] = HIN_VIEW("something else");
    *ret_count = 1;
    return hin_ok();
}

/* What it is called cannot be told: the former key stays until it can. */
TEST(test_store_index__an_unknown_name_keeps_the_former_key)
{
    static const struct hin_store_namer nothing = {name_nothing, NULL};
    struct fixture f = {0};
    struct hin_store_index index;
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "stuck"));
    CHECK_OK(create(&f, HIN_STORE_COMPUTERS, "one", &id));
    CHECK_OK(create(&f, HIN_STORE_POLICIES, "two", &id));
    CHECK_OK(rotate(&f, 2));
    for (int i = 0; i < 4; i++) {
        CHECK_OK(hin_store_reindex(f.store, &nothing, 8, &index));
        CHECK(index.former == 1 && !index.names_done && index.names == 0);
        CHECK_INT(index.stuck, 2);
        CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "one"));
    }
    CHECK_OK(hin_store_reindex(f.store, &content_namer, 8, &index));
    CHECK(index.names == 2 && index.stuck == 0);
    CHECK_OK(reindex(&f, 8, &index));
    CHECK_INT(index.former, 0);
    CHECK_OK(hin_store_delete(f.store, HIN_STORE_POLICIES, id, 0));
    CHECK_OK(create(&f, HIN_STORE_POLICIES, "two", &id));
    fixture_stop(&f);
}

/* Rotated again and again; whoever rewrites for another reason judges by the right key. */
TEST(test_store_index__again_and_again)
{
    struct fixture f = {0};
    struct hin_store_index index;
    struct hin_store_report report;
    struct hin_store_committed committed;
    CHECK_OK(fixture_start(&f, "again"));
    for (uint32_t version = 2; version < 6; version++) {
        struct shape shape = {1, 9, version * 100000, NOW, NULL};
        CHECK_OK(commit_some(&f, &shape, 100, NOW, &committed));
        CHECK_OK(rotate(&f, version));
        CHECK_INT(search_term(&f, "user", "user7", NULL), 2 * (version - 1));
        CHECK_OK(reindex(&f, 4, &index));
        CHECK(index.version == version && index.former == 0);
        keys_index(&f.keys, version, 0);
        CHECK_OK(hin_index_renew(f.keys.index));
        CHECK_INT(search_term(&f, "user", "user7", NULL), 2 * (version - 1));
        CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
        CHECK_INT(report.segments_opened, 0);
    }
    fixture_stop(&f);
}

/* A backup brought the former key along, and its last part is under the one that came after: what
 * is found by neither key at hand is opened, and made anew. */
TEST(test_store_index__a_key_that_did_not_come_along)
{
    struct fixture f = {0};
    struct hin_store_index index;
    struct hin_store_report report;
    struct hin_store_committed committed;
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "along"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 1000, NOW, &committed));
    CHECK_OK(create(&f, HIN_STORE_COMPUTERS, "one", &id));
    CHECK_OK(rotate(&f, 2));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 200000, NOW, NULL}, 1000, NOW, &committed));
    CHECK_OK(create(&f, HIN_STORE_COMPUTERS, "two", &id));
    keys_index(&f.keys, 3, 1);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_INT(search_term(&f, "user", "user7", NULL), 40);
    CHECK_OK(hin_store_index_follow(f.store));
    CHECK_OK(hin_store_index(f.store, &index));
    CHECK(index.version == 3 && index.former == 2);
    CHECK_INT(search_term(&f, "user", "user7", NULL), 40);
    CHECK_OK(reindex(&f, 1, &index));
    CHECK(index.former == 0 && index.segments == 2 && index.names == 2);
    keys_index(&f.keys, 3, 0);
    CHECK_OK(hin_index_renew(f.keys.index));
    CHECK_INT(search_term(&f, "user", "user7", NULL), 40);
    CHECK_INT(search_term(&f, "user", "nobody4", &report), 0);
    CHECK_INT(report.segments_opened, 0);
    CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "one"));
    CHECK_OK(find(&f, HIN_STORE_COMPUTERS, "two"));
    fixture_stop(&f);
}
