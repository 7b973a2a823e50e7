#include "manager/holders.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "store/documents.h"

enum { TEXT_MAX = 65536 };

static const struct hin_view setting_name = {(const uint8_t *)HIN_SETTING_HOLDERS,
                                             sizeof(HIN_SETTING_HOLDERS) - 1};

static const char *const action_names[HIN_HOLDER_ACTION_COUNT] = {
    [HIN_HOLDER_ADD] = "add",         [HIN_HOLDER_REMOVE] = "remove",
    [HIN_HOLDER_LIMIT] = "limit",     [HIN_HOLDER_RETIRE] = "retire",
    [HIN_HOLDER_ERASE] = "erase",     [HIN_HOLDER_ESCROW] = "escrow",
    [HIN_HOLDER_RESTORE] = "restore",
};

const char *hin_holder_action_name(enum hin_holder_action action)
{
    return action > 0 && action < HIN_HOLDER_ACTION_COUNT && action_names[action] != NULL
               ? action_names[action]
               : "unknown";
}

/* ---- as text ---- */

static void put_holder(struct hin_json_writer *writer, const struct hin_holder *holder)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", holder->name);
    hin_json_field_integer(writer, "keyID", holder->key);
    hin_json_field_integer(writer, "added", holder->added_usec);
    hin_json_field_integer(writer, "confirmed", holder->confirmed_usec);
    hin_json_end_object(writer);
}

static void put_request(struct hin_json_writer *writer, const struct hin_holder_request *request)
{
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "ID", request->id);
    hin_json_field_integer(writer, "action", (int64_t)request->action);
    hin_json_field_cstring(writer, "name", request->name);
    hin_json_field_integer(writer, "number", request->number);
    hin_json_field_integer(writer, "by", request->by);
    hin_json_field_integer(writer, "expires", request->expires_usec);
    hin_json_end_object(writer);
}

struct hin_result hin_holders_encode(const struct hin_holders *holders, struct hin_buf *ret_text)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, ret_text, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "limit", holders->limit);
    hin_json_field_integer(&writer, "review", holders->review_usec);
    hin_json_field_integer(&writer, "lastRequest", holders->last_request);
    hin_json_key(&writer, "holders");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < holders->count; i++) {
        put_holder(&writer, &holders->list[i]);
    }
    hin_json_end_array(&writer);
    hin_json_key(&writer, "requests");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < holders->request_count; i++) {
        put_request(&writer, &holders->requests[i]);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT get_number(struct hin_json object, const char *key, int64_t *ret_number)
{
    return hin_json_get_integer(object, key, 0, INT64_MAX, ret_number, NULL);
}

static HIN_RESULT get_name(struct hin_json object, char ret_name[HIN_HOLDER_NAME_BYTES])
{
    struct hin_view name;
    HIN_TRY(hin_json_get_text(object, "name", &name, NULL));
    return hin_view_to_text(name, ret_name, HIN_HOLDER_NAME_BYTES);
}

static HIN_RESULT read_holder(struct hin_json object, struct hin_holder *holder)
{
    HIN_TRY(get_name(object, holder->name));
    HIN_TRY(get_number(object, "keyID", &holder->key));
    HIN_TRY(get_number(object, "added", &holder->added_usec));
    return get_number(object, "confirmed", &holder->confirmed_usec);
}

static HIN_RESULT read_request(struct hin_json object, struct hin_holder_request *request)
{
    int64_t action = 0;
    HIN_TRY(hin_json_get_integer(object, "action", 1, HIN_HOLDER_ACTION_COUNT - 1, &action, NULL));
    request->action = (enum hin_holder_action)action;
    HIN_TRY(get_name(object, request->name));
    HIN_TRY(get_number(object, "ID", &request->id));
    HIN_TRY(get_number(object, "number", &request->number));
    HIN_TRY(get_number(object, "by", &request->by));
    return get_number(object, "expires", &request->expires_usec);
}

struct hin_result hin_holders_decode(struct hin_view text, struct hin_holders *ret_holders)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_holders holders = {0};
    struct hin_json list, requests;
    HIN_TRY(hin_json_parse(text, TEXT_MAX, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_integer(root, "limit", 1, HIN_HOLDERS_MOST, &holders.limit, NULL));
    HIN_TRY(get_number(root, "review", &holders.review_usec));
    HIN_TRY(get_number(root, "lastRequest", &holders.last_request));
    HIN_TRY(hin_json_get_array(root, "holders", &list, &holders.count, NULL));
    HIN_TRY(hin_json_get_array(root, "requests", &requests, &holders.request_count, NULL));
    HIN_ENSURE(holders.count <= HIN_HOLDERS_MOST &&
                   holders.request_count <= HIN_HOLDER_REQUESTS_MOST,
               CORRUPT);
    for (size_t i = 0; i < holders.count; i++) {
        HIN_TRY(read_holder(hin_json_at(list, i), &holders.list[i]));
    }
    for (size_t i = 0; i < holders.request_count; i++) {
        HIN_TRY(read_request(hin_json_at(requests, i), &holders.requests[i]));
    }
    *ret_holders = holders;
    return hin_ok();
}

/* ---- in the store ---- */

struct hin_result hin_holders_load(struct hin_tenant *tenant, struct hin_holders *ret_holders)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    struct hin_store_document found;
    struct hin_holders holders = {.limit = HIN_HOLDERS_LIMIT};
    struct hin_result result =
        hin_store_find(tenant->store, HIN_STORE_SETTINGS, 0, setting_name, &text, &found);
    if (result.code != HIN_NOT_FOUND) {
        HIN_TRY(result);
        HIN_TRY(hin_holders_decode(found.bytes, &holders));
        holders.document = found.id;
        holders.version = found.version;
    }
    *ret_holders = holders;
    return hin_ok();
}

struct hin_result hin_holders_save(struct hin_tenant *tenant, struct hin_holders *holders)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = TEXT_MAX};
    HIN_TRY(hin_holders_encode(holders, &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .names = {setting_name}};
    int64_t now_usec = hin_tenant_now_usec(tenant);
    if (holders->document == 0) {
        holders->version = 1;
        struct hin_result made = hin_store_create(tenant->store, HIN_STORE_SETTINGS, &content,
                                                  now_usec, &holders->document);
        return made.code == HIN_EXISTS ? hin_fail(HIN_CONFLICT) : made;
    }
    return hin_store_update(tenant->store, HIN_STORE_SETTINGS, holders->document, holders->version,
                            &content, now_usec, &holders->version);
}

/* ---- in the vault ---- */

/* NOT_FOUND: the key was deleted, or is not in force. */
static HIN_RESULT read_digest(struct hin_tenant *own, int64_t key,
                              struct hin_vault_holder *ret_holder)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_store_document found;
    struct hin_view digest;
    bool active = true;
    HIN_TRY(hin_store_get(own->store, HIN_STORE_API_KEYS, key, &text, &found));
    HIN_TRY(hin_json_parse(found.bytes, HIN_STORE_DOCUMENT_BYTES, &document, NULL));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_opt_boolean(root, "active", &active, NULL));
    HIN_ENSURE(active, NOT_FOUND);
    HIN_TRY(hin_json_get_text(root, "secretDigest", &digest, NULL));
    HIN_TRY(hin_unhex(digest, ret_holder->digest, sizeof(ret_holder->digest)));
    if (found.expires_usec != 0) {
        ret_holder->lapses_usec = HIN_MIN(ret_holder->lapses_usec, found.expires_usec);
    }
    return hin_ok();
}

static HIN_RESULT gather(struct hin_tenant *own, struct hin_vault_holders *ret_holders)
{
    struct hin_vault_holders holders = {0};
    struct hin_holders known;
    HIN_TRY(hin_holders_load(own, &known));
    for (size_t i = 0; i < known.count && holders.count < HIN_VAULT_HOLDERS_MAX; i++) {
        struct hin_vault_holder *holder = &holders.list[holders.count];
        *holder = (struct hin_vault_holder){.lapses_usec = known.list[i].confirmed_usec +
                                                           HIN_HOLDER_QUARTER_USEC};
        HIN_TRY(hin_view_to_text(hin_view_from_text(known.list[i].name), holder->name,
                                 sizeof(holder->name)));
        struct hin_result read = read_digest(own, known.list[i].key, holder);
        if (read.code != HIN_NOT_FOUND) {
            HIN_TRY(read);
            holders.count++;
        }
    }
    *ret_holders = holders;
    return hin_ok();
}

HIN_RESULT hin_holders_publish(struct hin_tenant *own, uint8_t told[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 8192};
    struct hin_vault_holders holders;
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(gather(own, &holders));
    HIN_TRY(hin_vault_holders_encode(&holders, &bytes));
    HIN_TRY(hin_sha256(hin_buf_view(&bytes), digest));
    if (memcmp(digest, told, sizeof(digest)) == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_keys_holders_set(&own->keys, &holders));
    hin_copy(told, digest, sizeof(digest));
    return hin_ok();
}

/* ---- who ---- */

/* A clock that was set back lets nobody lapse. */
bool hin_holder_is_in_force(const struct hin_holder *holder, int64_t now_usec)
{
    return now_usec - holder->confirmed_usec < HIN_HOLDER_QUARTER_USEC;
}

size_t hin_holders_in_force(const struct hin_holders *holders, int64_t now_usec)
{
    size_t count = 0;
    for (size_t i = 0; i < holders->count; i++) {
        count += hin_holder_is_in_force(&holders->list[i], now_usec);
    }
    return count;
}

const struct hin_holder *hin_holders_by_key(const struct hin_holders *holders, int64_t key)
{
    for (size_t i = 0; i < holders->count; i++) {
        if (holders->list[i].key == key) {
            return &holders->list[i];
        }
    }
    return NULL;
}

static size_t index_of(const struct hin_holders *holders, struct hin_view name)
{
    size_t at = 0;
    while (at < holders->count && !hin_view_is(name, holders->list[at].name)) {
        at++;
    }
    return at;
}

const struct hin_holder *hin_holders_by_name(const struct hin_holders *holders,
                                             struct hin_view name)
{
    size_t at = index_of(holders, name);
    return at < holders->count ? &holders->list[at] : NULL;
}

static void drop(struct hin_holders *holders, size_t at)
{
    holders->count--;
    hin_move(&holders->list[at], &holders->list[at + 1],
             (holders->count - at) * sizeof(holders->list[0]));
}

static HIN_RESULT check_caller(const struct hin_holders *holders, int64_t key, int64_t now_usec)
{
    const struct hin_holder *holder = hin_holders_by_key(holders, key);
    HIN_ENSURE(holder != NULL && hin_holder_is_in_force(holder, now_usec), DENIED);
    return hin_ok();
}

struct hin_result hin_holders_add(struct hin_holders *holders, struct hin_view name, int64_t key,
                                  int64_t now_usec)
{
    struct hin_holder fresh = {.key = key, .added_usec = now_usec, .confirmed_usec = now_usec};
    HIN_ENSURE(name.size > 0, INVALID);
    HIN_TRY(hin_view_to_text(name, fresh.name, sizeof(fresh.name)));
    const struct hin_holder *there = hin_holders_by_name(holders, name);
    HIN_ENSURE(there == NULL || !hin_holder_is_in_force(there, now_usec), EXISTS);
    const struct hin_holder *same = hin_holders_by_key(holders, key);
    HIN_ENSURE(same == NULL || !hin_holder_is_in_force(same, now_usec), EXISTS);
    HIN_ENSURE((int64_t)hin_holders_in_force(holders, now_usec) < holders->limit, LIMIT);
    for (size_t i = holders->count; i > 0; i--) { /* those who lapsed make room */
        if (!hin_holder_is_in_force(&holders->list[i - 1], now_usec)) {
            drop(holders, i - 1);
        }
    }
    holders->list[holders->count++] = fresh;
    return hin_ok();
}

struct hin_result hin_holders_remove(struct hin_holders *holders, struct hin_view name,
                                     int64_t now_usec)
{
    size_t at = index_of(holders, name);
    HIN_ENSURE(at < holders->count, NOT_FOUND);
    HIN_ENSURE(!hin_holder_is_in_force(&holders->list[at], now_usec) ||
                   hin_holders_in_force(holders, now_usec) > 1,
               CONFLICT);
    drop(holders, at);
    return hin_ok();
}

struct hin_result hin_holders_confirm(struct hin_holders *holders, int64_t by, struct hin_view name,
                                      int64_t now_usec)
{
    HIN_TRY(check_caller(holders, by, now_usec));
    size_t at = index_of(holders, name);
    HIN_ENSURE(at < holders->count, NOT_FOUND);
    struct hin_holder *holder = &holders->list[at];
    HIN_ENSURE(hin_holder_is_in_force(holder, now_usec), EXPIRED);
    HIN_ENSURE(holder->key != by || hin_holders_in_force(holders, now_usec) == 1, DENIED);
    holder->confirmed_usec = holders->review_usec = now_usec;
    return hin_ok();
}

/* ---- two of them ---- */

static void drop_request(struct hin_holders *holders, size_t at)
{
    holders->request_count--;
    hin_move(&holders->requests[at], &holders->requests[at + 1],
             (holders->request_count - at) * sizeof(holders->requests[0]));
}

static void drop_expired(struct hin_holders *holders, int64_t now_usec)
{
    for (size_t i = holders->request_count; i > 0; i--) {
        if (now_usec >= holders->requests[i - 1].expires_usec) {
            drop_request(holders, i - 1);
        }
    }
}

struct hin_result hin_holders_ask(struct hin_holders *holders,
                                  const struct hin_holder_request *wanted, int64_t now_usec,
                                  bool *ret_alone, int64_t *ret_id)
{
    HIN_TRY(check_caller(holders, wanted->by, now_usec));
    drop_expired(holders, now_usec);
    if (hin_holders_in_force(holders, now_usec) == 1) {
        *ret_alone = true;
        *ret_id = 0;
        return hin_ok();
    }
    HIN_ENSURE(holders->request_count < HIN_HOLDER_REQUESTS_MOST, LIMIT);
    struct hin_holder_request *request = &holders->requests[holders->request_count++];
    *request = *wanted;
    request->id = ++holders->last_request;
    request->expires_usec = now_usec + HIN_HOLDER_REQUEST_USEC;
    *ret_alone = false;
    *ret_id = request->id;
    return hin_ok();
}

struct hin_result hin_holders_agree(struct hin_holders *holders, int64_t id, int64_t by,
                                    int64_t now_usec, struct hin_holder_request *ret_request)
{
    HIN_TRY(check_caller(holders, by, now_usec));
    drop_expired(holders, now_usec);
    size_t at = 0;
    while (at < holders->request_count && holders->requests[at].id != id) {
        at++;
    }
    HIN_ENSURE(at < holders->request_count, NOT_FOUND);
    HIN_ENSURE(holders->requests[at].by != by, DENIED);
    /* One who asked and has lapsed or left since does not count as the first of two. */
    HIN_TRY(check_caller(holders, holders->requests[at].by, now_usec));
    *ret_request = holders->requests[at];
    drop_request(holders, at);
    return hin_ok();
}
