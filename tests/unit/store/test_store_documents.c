#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "fixture.h"

static struct hin_store_content content_of(const char *bytes, const char *name)
{
    return (struct hin_store_content){.bytes = hin_view_from_text(bytes),
                                      .names = {hin_view_from_text(name)}};
}

TEST(test_store_documents__create_get_find_update_delete)
{
    struct fixture f = {0};
    struct hin_store_document document;
    struct hin_buf buf;
    int64_t id = 0;
    uint64_t version = 0;
    hin_buf_init(&buf, 1 << 20);
    CHECK_OK(fixture_start(&f, "documents"));
    struct hin_store_content content = content_of("{\"a\":1}", "web-1");
    content.owner = 5;
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_INT(id, 1);
    CHECK_OK(hin_store_get(f.store, HIN_STORE_COMPUTERS, 1, &buf, &document));
    CHECK_VIEW(document.bytes, "{\"a\":1}");
    CHECK_INT(document.version, 1);
    CHECK_INT(document.owner, 5);
    CHECK_INT(document.created_usec, NOW);
    CHECK_OK(hin_store_find(f.store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("web-1"), &buf, &document));
    CHECK_INT(document.id, 1);
    CHECK_CODE(hin_store_find(f.store, HIN_STORE_COMPUTERS, 1, HIN_VIEW("web-1"), &buf, &document),
               NOT_FOUND);
    CHECK_CODE(hin_store_find(f.store, HIN_STORE_POLICIES, 0, HIN_VIEW("web-1"), &buf, &document),
               NOT_FOUND);
    content = content_of("{\"a\":2}", "web-2");
    CHECK_OK(hin_store_update(f.store, HIN_STORE_COMPUTERS, 1, 1, &content, NOW + 1, &version));
    CHECK_INT(version, 2);
    CHECK_CODE(hin_store_update(f.store, HIN_STORE_COMPUTERS, 1, 1, &content, NOW + 2, &version),
               CONFLICT);
    CHECK_CODE(hin_store_find(f.store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("web-1"), &buf, &document),
               NOT_FOUND);
    CHECK_OK(hin_store_find(f.store, HIN_STORE_COMPUTERS, 0, HIN_VIEW("web-2"), &buf, &document));
    CHECK_VIEW(document.bytes, "{\"a\":2}");
    CHECK_CODE(hin_store_delete(f.store, HIN_STORE_COMPUTERS, 1, 1), CONFLICT);
    CHECK_OK(hin_store_delete(f.store, HIN_STORE_COMPUTERS, 1, 2));
    CHECK_CODE(hin_store_get(f.store, HIN_STORE_COMPUTERS, 1, &buf, &document), NOT_FOUND);
    CHECK_CODE(hin_store_delete(f.store, HIN_STORE_COMPUTERS, 1, 0), NOT_FOUND);
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_INT(id, 2); /* a number is never used again */
    hin_buf_done(&buf);
    fixture_stop(&f);
}

TEST(test_store_documents__names_are_unique_and_a_clash_changes_nothing)
{
    struct fixture f = {0};
    struct hin_store_document document;
    struct hin_buf buf;
    int64_t id = 0;
    uint64_t version = 0, count = 0;
    hin_buf_init(&buf, 1 << 20);
    CHECK_OK(fixture_start(&f, "names"));
    struct hin_store_content one = content_of("1", "a"), two = content_of("2", "b");
    CHECK_OK(hin_store_create(f.store, HIN_STORE_POLICIES, &one, NOW, &id));
    CHECK_CODE(hin_store_create(f.store, HIN_STORE_POLICIES, &one, NOW, &id), EXISTS);
    CHECK_OK(hin_store_create(f.store, HIN_STORE_LOG_RULES, &one, NOW, &id)); /* another kind */
    CHECK_OK(hin_store_create(f.store, HIN_STORE_POLICIES, &two, NOW, &id));
    CHECK_CODE(hin_store_update(f.store, HIN_STORE_POLICIES, id, 0, &one, NOW, &version), EXISTS);
    CHECK_OK(hin_store_find(f.store, HIN_STORE_POLICIES, 0, HIN_VIEW("b"), &buf, &document));
    CHECK_VIEW(document.bytes, "2");
    CHECK_INT(document.version, 1);
    CHECK_OK(hin_store_count(f.store, HIN_STORE_POLICIES, &count));
    CHECK_INT(count, 2);
    struct hin_store_content nameless = content_of("3", "");
    CHECK_OK(hin_store_create(f.store, HIN_STORE_POLICIES, &nameless, NOW, &id));
    CHECK_OK(hin_store_create(f.store, HIN_STORE_POLICIES, &nameless, NOW, &id));
    hin_buf_done(&buf);
    fixture_stop(&f);
}

struct listed {
    char text[512];
};

static HIN_RESULT note(void *context, const struct hin_store_document *document)
{
    struct listed *listed = context;
    size_t at = strlen(listed->text);
    (void)snprintf(listed->text + at, sizeof(listed->text) - at, "%lld ", (long long)document->id);
    return hin_ok();
}

TEST(test_store_documents__lists_in_pages_both_ways_and_by_owner)
{
    struct fixture f = {0};
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "lists"));
    for (int i = 0; i < 9; i++) {
        struct hin_store_content content = content_of("x", "");
        content.owner = i % 3 + 1;
        CHECK_OK(hin_store_create(f.store, HIN_STORE_API_KEYS, &content, NOW, &id));
    }
    struct hin_store_listed listed;
    struct listed up = {""}, down = {""}, owned = {""}, some = {""};
    struct hin_store_page page = {.after_id = 2, .limit = 3};
    CHECK_OK(hin_store_list(f.store, HIN_STORE_API_KEYS, &page, note, &up, &listed));
    CHECK(strcmp(up.text, "3 4 5 ") == 0);
    CHECK(listed.more && listed.visited == 3);
    page = (struct hin_store_page){.descending = true, .limit = 100};
    CHECK_OK(hin_store_list(f.store, HIN_STORE_API_KEYS, &page, note, &down, &listed));
    CHECK(strcmp(down.text, "9 8 7 6 5 4 3 2 1 ") == 0);
    CHECK(!listed.more);
    page = (struct hin_store_page){.owner = 2};
    CHECK_OK(hin_store_list(f.store, HIN_STORE_API_KEYS, &page, note, &owned, &listed));
    CHECK(strcmp(owned.text, "2 5 8 ") == 0);
    const struct hin_store_owners owners = {2, 3};
    page = (struct hin_store_page){.owners = &owners, .after_id = 2};
    CHECK_OK(hin_store_list(f.store, HIN_STORE_API_KEYS, &page, note, &some, &listed));
    CHECK(strcmp(some.text, "3 5 6 8 9 ") == 0);
    fixture_stop(&f);
}

static HIN_RESULT count_up(void *context, const struct hin_store_document *document,
                           struct hin_buf *bytes, struct hin_store_content *content,
                           bool *keep_names)
{
    (void)content;
    (void)keep_names;
    int64_t number = 0;
    HIN_ENSURE(context == NULL, DENIED);
    HIN_TRY(hin_view_to_i64(document->bytes, &number));
    return hin_buf_printf(bytes, "%lld", (long long)number + 1);
}

TEST(test_store_documents__modify_is_one_transaction)
{
    struct fixture f = {0};
    struct hin_store_document document;
    struct hin_buf buf;
    int64_t id = 0;
    hin_buf_init(&buf, 1 << 20);
    CHECK_OK(fixture_start(&f, "modify"));
    struct hin_store_content content = content_of("7", "counter");
    CHECK_OK(hin_store_create(f.store, HIN_STORE_SETTINGS, &content, NOW, &id));
    struct hin_store_change change = {count_up, NULL};
    CHECK_OK(hin_store_modify(f.store, HIN_STORE_SETTINGS, id, &change, NOW));
    CHECK_OK(hin_store_find(f.store, HIN_STORE_SETTINGS, 0, HIN_VIEW("counter"), &buf, &document));
    CHECK_VIEW(document.bytes, "8");
    change.context = &f; /* refused: nothing changes */
    CHECK_CODE(hin_store_modify(f.store, HIN_STORE_SETTINGS, id, &change, NOW), DENIED);
    hin_buf_clear(&buf);
    CHECK_OK(hin_store_get(f.store, HIN_STORE_SETTINGS, id, &buf, &document));
    CHECK_VIEW(document.bytes, "8");
    CHECK_INT(document.version, 2);
    hin_buf_done(&buf);
    fixture_stop(&f);
}

TEST(test_store_documents__expire)
{
    struct fixture f = {0};
    int64_t id = 0;
    uint64_t count = 0;
    CHECK_OK(fixture_start(&f, "expire"));
    for (int i = 0; i < 4; i++) {
        struct hin_store_content content = content_of("x", "");
        content.expires_usec = i == 0 ? 0 : NOW + i * HIN_HOUR_USEC;
        CHECK_OK(hin_store_create(f.store, HIN_STORE_SESSIONS, &content, NOW, &id));
    }
    CHECK_OK(hin_store_expire(f.store, HIN_STORE_SESSIONS, NOW + 2 * HIN_HOUR_USEC, &count));
    CHECK_INT(count, 2);
    CHECK_OK(hin_store_count(f.store, HIN_STORE_SESSIONS, &count));
    CHECK_INT(count, 2);
    fixture_stop(&f);
}

TEST(test_store_documents__several_operations_or_none)
{
    struct fixture f = {0};
    int64_t id = 0, number = 0;
    uint64_t count = 0;
    CHECK_OK(fixture_start(&f, "transaction"));
    struct hin_store_content content = content_of("x", "only");
    CHECK_OK(hin_store_begin(f.store));
    CHECK_CODE(hin_store_begin(f.store), CONFLICT);
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_CODE(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id), EXISTS);
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("made one"), NOW, &number));
    CHECK_OK(hin_store_end(f.store, false));
    CHECK_OK(hin_store_count(f.store, HIN_STORE_COMPUTERS, &count));
    CHECK_INT(count, 0);
    CHECK_OK(hin_store_begin(f.store));
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_CODE(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id), EXISTS);
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("made one"), NOW, &number));
    CHECK_OK(hin_store_end(f.store, true));
    CHECK_CODE(hin_store_end(f.store, true), CONFLICT);
    CHECK_OK(hin_store_count(f.store, HIN_STORE_COMPUTERS, &count));
    CHECK_INT(count, 1);
    CHECK_INT(number, 1);
    fixture_stop(&f);
}

TEST(test_store_documents__locked_handles_give_nothing)
{
    struct fixture f = {0};
    struct hin_store *store = NULL;
    struct hin_store_committed committed;
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "locked"));
    struct hin_store_options options = fixture_options(&f);
    CHECK_OK(hin_store_open(&store, &options, NULL));
    struct hin_store_content content = content_of("x", "n");
    CHECK_CODE(hin_store_create(store, HIN_STORE_COMPUTERS, &content, NOW, &id), CONFLICT);
    CHECK_CODE(hin_store_commit(store, NULL, 0, NULL, 0, NOW, &committed), CONFLICT);
    CHECK_CODE(hin_store_audit_append(store, HIN_VIEW("x"), NOW, &id), CONFLICT);
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES] = {9};
    struct hin_buf buf;
    uint32_t version = 0;
    hin_buf_init(&buf, 1024);
    CHECK_OK(hin_store_key_put(store, key_id, 3, HIN_VIEW("wrapped"), NOW));
    CHECK_CODE(hin_store_key_put(store, key_id, 3, HIN_VIEW("other"), NOW), EXISTS);
    CHECK_OK(hin_store_key_rewrap(store, key_id, 4, HIN_VIEW("anew")));
    CHECK_OK(hin_store_key_get(store, key_id, &buf, &version));
    CHECK_VIEW(hin_buf_view(&buf), "anew");
    CHECK_INT(version, 4);
    key_id[0] = 8;
    CHECK_CODE(hin_store_key_get(store, key_id, &buf, &version), NOT_FOUND);
    CHECK_CODE(hin_store_key_rewrap(store, key_id, 4, HIN_VIEW("anew")), NOT_FOUND);
    hin_buf_done(&buf);
    hin_store_close(store);
    fixture_stop(&f);
}
