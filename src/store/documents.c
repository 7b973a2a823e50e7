#include "store/documents.h"

#include <stdio.h>

#include "base/bytes.h"
#include "store/internal.h"

#define ROW_TEXT_MAX HIN_DOCUMENT_ROW_MAX

void hin_document_row(char out[HIN_DOCUMENT_ROW_MAX], int64_t kind, int64_t id, uint64_t version)
{
    (void)snprintf(out, HIN_DOCUMENT_ROW_MAX, "%lld/%lld/%llu", (long long)kind, (long long)id,
                   (unsigned long long)version);
}

static struct hin_stand stand_of(char row[ROW_TEXT_MAX], enum hin_store_kind kind, int64_t id,
                                 uint64_t version)
{
    hin_document_row(row, (int64_t)kind, id, version);
    return (struct hin_stand){HIN_OWNER_DOCUMENT + (int)kind, id, "document", row, "content"};
}

static HIN_RESULT check(const struct hin_store *store, enum hin_store_kind kind)
{
    HIN_ENSURE((int)kind > 0 && kind < HIN_STORE_KIND_LIMIT, INVALID);
    return hin_store_ready(store);
}

HIN_RESULT hin_name_tokens(struct hin_store *store, int kind, size_t slot, struct hin_view name,
                           struct hin_index_tokens *ret_tokens)
{
    uint32_t field =
        HIN_SEGMENT_TOKEN_FIELD_NAME + (uint32_t)kind * HIN_STORE_NAMES_MAX + (uint32_t)slot;
    return hin_index_tokens(store->keys.index, field, name, ret_tokens);
}

/* One statement for all versions: a token may be turned from one to the next at any time. */
static HIN_RESULT find_name(struct hin_store *store, enum hin_store_kind kind, size_t slot,
                            const struct hin_index_tokens *tokens, int64_t *ret_id, bool *ret_found)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_NAME_FIND, &statement));
    hin_db_bind(statement, 4, (int64_t)kind, (int64_t)slot, (int64_t)tokens->tokens[0],
                (int64_t)tokens->tokens[tokens->count - 1]);
    HIN_TRY(hin_db_step(store, statement, ret_found));
    if (*ret_found) {
        *ret_id = hin_db_int(statement, 0);
        hin_db_reset(statement);
    }
    return hin_ok();
}

static HIN_RESULT put_name(struct hin_store *store, enum hin_store_kind kind, size_t slot,
                           struct hin_view name, int64_t id)
{
    struct hin_index_tokens tokens;
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_name_tokens(store, kind, slot, name, &tokens));
    HIN_TRY(hin_store_index_in_force(store));
    if (tokens.count > 1) { /* taken by a document whose name was not turned yet? */
        int64_t other = 0;
        bool taken = false;
        HIN_TRY(find_name(store, kind, slot, &tokens, &other, &taken));
        HIN_ENSURE(!taken, EXISTS);
    }
    HIN_TRY(hin_db_use(store, HIN_SQL_NAME_PUT, &statement));
    hin_db_bind(statement, 4, (int64_t)kind, (int64_t)slot, (int64_t)tokens.tokens[0], id);
    return hin_db_run(store, statement);
}

static HIN_RESULT put_names(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            const struct hin_view *names)
{
    for (size_t slot = 0; slot < HIN_STORE_NAMES_MAX; slot++) {
        if (names[slot].size > 0) {
            HIN_TRY(put_name(store, kind, slot, names[slot], id));
        }
    }
    return hin_ok();
}

static HIN_RESULT drop_names(struct hin_store *store, enum hin_store_kind kind, int64_t id)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_NAME_DROP, &statement));
    hin_db_bind(statement, 2, (int64_t)kind, id);
    return hin_db_run(store, statement);
}

static HIN_RESULT seal_content(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                               uint64_t version, struct hin_view bytes)
{
    char row[ROW_TEXT_MAX];
    HIN_ENSURE(bytes.size <= HIN_STORE_DOCUMENT_BYTES, LIMIT);
    struct hin_stand stand = stand_of(row, kind, id, version);
    hin_buf_clear(&store->body);
    return hin_store_seal(store, &stand, bytes, &store->body);
}

/* --- create --- */

static HIN_RESULT next_id(struct hin_store *store, enum hin_store_kind kind, int64_t *ret_id)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SEQUENCE_NEXT, &statement));
    hin_db_bind(statement, 1, (int64_t)kind);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, INTERNAL);
    *ret_id = hin_db_int(statement, 0);
    return hin_db_run(store, statement); /* to the end, so that it takes effect */
}

static HIN_RESULT create(struct hin_store *store, enum hin_store_kind kind,
                         const struct hin_store_content *content, int64_t now_usec, int64_t *ret_id)
{
    struct hin_statement *statement = NULL;
    int64_t id = 0;
    HIN_TRY(next_id(store, kind, &id));
    HIN_TRY(seal_content(store, kind, id, 1, content->bytes));
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_PUT, &statement));
    hin_db_bind(statement, 5, (int64_t)kind, id, now_usec, content->owner, content->expires_usec);
    hin_db_bind_blob(statement, 6, hin_buf_view(&store->body));
    HIN_TRY(hin_db_run(store, statement));
    HIN_TRY(put_names(store, kind, id, content->names));
    *ret_id = id;
    return hin_ok();
}

HIN_RESULT hin_store_create(struct hin_store *store, enum hin_store_kind kind,
                            const struct hin_store_content *content, int64_t now_usec,
                            int64_t *ret_id)
{
    int64_t id = 0;
    HIN_TRY(check(store, kind));
    HIN_TRY(hin_db_begin(store));
    HIN_TRY(hin_db_end(store, create(store, kind, content, now_usec, &id)));
    *ret_id = id;
    return hin_ok();
}

/* --- get, find, list --- */

/* The row is there, its content is not. A version that is not known is damage too: a store that a
 * newer version has changed is refused when it is opened. */
static bool is_lost(struct hin_result result)
{
    return result.code == HIN_NOT_FOUND || result.code == HIN_TRUNCATED ||
           result.code == HIN_SYNTAX || result.code == HIN_UNSUPPORTED;
}

/* *document: what stands beside the content is filled in where that alone is damaged, too. */
static HIN_RESULT get(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                      struct hin_buf *buf, struct hin_store_document *document)
{
    struct hin_statement *statement = NULL;
    bool found = false;
    *document = (struct hin_store_document){.kind = kind, .id = id};
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_GET, &statement));
    hin_db_bind(statement, 2, (int64_t)kind, id);
    HIN_TRY(hin_db_step(store, statement, &found));
    HIN_ENSURE(found, NOT_FOUND);
    *document = (struct hin_store_document){
        .kind = kind,
        .id = id,
        .version = (uint64_t)hin_db_int(statement, 1),
        .created_usec = hin_db_int(statement, 2),
        .updated_usec = hin_db_int(statement, 3),
        .owner = hin_db_int(statement, 4),
        .expires_usec = hin_db_int(statement, 5),
    };
    char row[ROW_TEXT_MAX];
    struct hin_stand stand = stand_of(row, kind, id, document->version);
    struct hin_data_key key = hin_data_key_column(statement, 7);
    size_t begin = buf->size;
    struct hin_result result =
        hin_store_unseal(store, &stand, &key, hin_db_blob(statement, 6), buf);
    hin_db_reset(statement);
    HIN_ENSURE(!is_lost(result), CORRUPT);
    HIN_TRY(result);
    document->bytes = hin_view_of(buf->data + begin, buf->size - begin);
    return hin_ok();
}

HIN_RESULT hin_store_get(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                         struct hin_buf *buf, struct hin_store_document *ret_document)
{
    struct hin_store_document document;
    HIN_TRY(check(store, kind));
    HIN_TRY(get(store, kind, id, buf, &document));
    *ret_document = document;
    return hin_ok();
}

HIN_RESULT hin_store_find(struct hin_store *store, enum hin_store_kind kind, size_t slot,
                          struct hin_view name, struct hin_buf *buf,
                          struct hin_store_document *ret_document)
{
    struct hin_index_tokens tokens;
    struct hin_index_state state;
    int64_t id = 0;
    bool found = false;
    HIN_TRY(check(store, kind));
    HIN_ENSURE(slot < HIN_STORE_NAMES_MAX, INVALID);
    HIN_ENSURE(name.size > 0, NOT_FOUND);
    HIN_TRY(hin_name_tokens(store, (int)kind, slot, name, &tokens));
    HIN_TRY(find_name(store, kind, slot, &tokens, &id, &found));
    if (!found) { /* looked at afterwards: what was stored until then is of a key that is known */
        HIN_TRY(hin_index_see(store, &state));
        if (state.version > tokens.versions[0]) {
            HIN_TRY(hin_name_tokens(store, (int)kind, slot, name, &tokens));
            HIN_TRY(find_name(store, kind, slot, &tokens, &id, &found));
        }
    }
    HIN_ENSURE(found, NOT_FOUND);
    return hin_store_get(store, kind, id, buf, ret_document);
}

static struct hin_store_owners owners_of(const struct hin_store_page *page)
{
    static const struct hin_store_owners all = {INT64_MIN, INT64_MAX};
    if (page->owner != 0) {
        return (struct hin_store_owners){page->owner, page->owner};
    }
    return page->owners != NULL ? *page->owners : all;
}

static HIN_RESULT read_ids(struct hin_store *store, enum hin_store_kind kind,
                           const struct hin_store_page *page, int64_t after, int64_t *ids,
                           size_t room, size_t *ret_count)
{
    struct hin_statement *statement = NULL;
    struct hin_store_owners owners = owners_of(page);
    bool row = true;
    size_t count = 0;
    HIN_TRY(hin_db_use(
        store, page->descending ? HIN_SQL_DOCUMENT_IDS_DOWN : HIN_SQL_DOCUMENT_IDS_UP, &statement));
    hin_db_bind(statement, 4, (int64_t)kind, after, owners.least, owners.most);
    while (count < room) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            break;
        }
        ids[count++] = hin_db_int(statement, 0);
    }
    hin_db_reset(statement);
    *ret_count = count;
    return hin_ok();
}

struct lister {
    struct hin_store *store;
    enum hin_store_kind kind;
    const struct hin_store_page *page;
    HIN_RESULT (*visit)(void *context, const struct hin_store_document *document);
    void *context;
    struct hin_buf buf;
    struct hin_store_listed listed;
};

static HIN_RESULT list_one(struct lister *lister, int64_t id)
{
    struct hin_store_document document;
    hin_buf_clear(&lister->buf);
    struct hin_result result = get(lister->store, lister->kind, id, &lister->buf, &document);
    if (result.code == HIN_CORRUPT || result.code == HIN_AUTH) {
        lister->listed.damaged++;
        lister->store->damage_met++;
        return lister->page->damaged != NULL ? lister->page->damaged(lister->context, &document)
                                             : hin_ok();
    }
    if (result.code == HIN_NOT_FOUND) {
        return hin_ok(); /* deleted meanwhile */
    }
    HIN_TRY(result);
    lister->listed.visited++;
    return lister->visit(lister->context, &document);
}

static HIN_RESULT list_all(struct lister *lister)
{
    int64_t ids[256];
    size_t count = HIN_COUNT(ids);
    const struct hin_store_page *page = lister->page;
    int64_t after = page->descending && page->after_id == 0 ? INT64_MAX : page->after_id;
    while (count == HIN_COUNT(ids)) {
        HIN_TRY(read_ids(lister->store, lister->kind, page, after, ids, HIN_COUNT(ids), &count));
        for (size_t i = 0; i < count; i++) {
            if (page->limit > 0 && lister->listed.visited >= page->limit) {
                lister->listed.more = true;
                return hin_ok();
            }
            HIN_TRY(list_one(lister, ids[i]));
            after = ids[i];
        }
    }
    return hin_ok();
}

HIN_RESULT
hin_store_list(struct hin_store *store, enum hin_store_kind kind, const struct hin_store_page *page,
               HIN_RESULT (*visit)(void *context, const struct hin_store_document *document),
               void *context, struct hin_store_listed *ret_listed)
{
    HIN_TRY(check(store, kind));
    struct lister lister = {
        .store = store, .kind = kind, .page = page, .visit = visit, .context = context};
    hin_buf_init(&lister.buf, HIN_STORE_DOCUMENT_BYTES);
    struct hin_result result = list_all(&lister);
    hin_buf_done(&lister.buf);
    if (hin_is_ok(result)) {
        *ret_listed = lister.listed;
    }
    return result;
}

HIN_RESULT hin_store_count(struct hin_store *store, enum hin_store_kind kind, uint64_t *ret_count)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(check(store, kind));
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_COUNT, &statement));
    hin_db_bind(statement, 1, (int64_t)kind);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_count = row ? (uint64_t)hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    return hin_ok();
}

/* --- update, delete --- */

static HIN_RESULT version_of(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                             uint64_t expected, uint64_t *ret_version)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_GET, &statement));
    hin_db_bind(statement, 2, (int64_t)kind, id);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    uint64_t version = (uint64_t)hin_db_int(statement, 1);
    hin_db_reset(statement);
    HIN_ENSURE(expected == 0 || expected == version, CONFLICT);
    *ret_version = version;
    return hin_ok();
}

static HIN_RESULT replace(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                          uint64_t version, const struct hin_store_content *content,
                          bool keep_names, int64_t now_usec)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(seal_content(store, kind, id, version, content->bytes));
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_SET, &statement));
    hin_db_bind(statement, 6, (int64_t)kind, id, (int64_t)version, now_usec, content->owner,
                content->expires_usec);
    hin_db_bind_blob(statement, 7, hin_buf_view(&store->body));
    HIN_TRY(hin_db_run(store, statement));
    if (keep_names) {
        return hin_ok();
    }
    HIN_TRY(drop_names(store, kind, id));
    return put_names(store, kind, id, content->names);
}

static HIN_RESULT update(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                         uint64_t expected, const struct hin_store_content *content,
                         int64_t now_usec, uint64_t *ret_version)
{
    uint64_t version = 0;
    HIN_TRY(version_of(store, kind, id, expected, &version));
    *ret_version = version + 1;
    return replace(store, kind, id, version + 1, content, false, now_usec);
}

HIN_RESULT hin_store_update(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            uint64_t expected_version, const struct hin_store_content *content,
                            int64_t now_usec, uint64_t *ret_version)
{
    uint64_t version = 0;
    HIN_TRY(check(store, kind));
    HIN_TRY(hin_db_begin(store));
    HIN_TRY(
        hin_db_end(store, update(store, kind, id, expected_version, content, now_usec, &version)));
    *ret_version = version;
    return hin_ok();
}

HIN_RESULT hin_store_put(struct hin_store *store, enum hin_store_kind kind,
                         const struct hin_store_content *content, int64_t now_usec, int64_t *id)
{
    uint64_t version = 0;
    return *id == 0 ? hin_store_create(store, kind, content, now_usec, id)
                    : hin_store_update(store, kind, *id, 0, content, now_usec, &version);
}

static HIN_RESULT drop(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                       uint64_t expected)
{
    struct hin_statement *statement = NULL;
    uint64_t version = 0;
    HIN_TRY(version_of(store, kind, id, expected, &version));
    HIN_TRY(hin_data_key_drop(store, HIN_OWNER_DOCUMENT + (int)kind, id));
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_DROP, &statement));
    hin_db_bind(statement, 2, (int64_t)kind, id);
    HIN_TRY(hin_db_run(store, statement));
    return drop_names(store, kind, id);
}

HIN_RESULT hin_store_delete(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            uint64_t expected_version)
{
    HIN_TRY(check(store, kind));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, drop(store, kind, id, expected_version));
}

static HIN_RESULT modify(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                         const struct hin_store_change *change, int64_t now_usec,
                         struct hin_buf *old, struct hin_buf *bytes)
{
    struct hin_store_document document;
    bool keep_names = true;
    HIN_TRY(hin_store_get(store, kind, id, old, &document));
    struct hin_store_content content = {.owner = document.owner,
                                        .expires_usec = document.expires_usec};
    HIN_TRY(change->change(change->context, &document, bytes, &content, &keep_names));
    content.bytes = hin_buf_view(bytes);
    return replace(store, kind, id, document.version + 1, &content, keep_names, now_usec);
}

HIN_RESULT hin_store_modify(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            const struct hin_store_change *change, int64_t now_usec)
{
    HIN_TRY(check(store, kind));
    HIN_TRY(hin_db_begin(store));
    struct hin_buf old, bytes;
    hin_buf_init(&old, HIN_STORE_DOCUMENT_BYTES);
    hin_buf_init(&bytes, HIN_STORE_DOCUMENT_BYTES);
    struct hin_result result = modify(store, kind, id, change, now_usec, &old, &bytes);
    hin_buf_done(&old);
    hin_buf_done(&bytes);
    return hin_db_end(store, result);
}

HIN_RESULT hin_document_reseal(struct hin_store *store, int kind, int64_t id, struct hin_buf *buf)
{
    struct hin_store_document document;
    hin_buf_clear(buf);
    HIN_TRY(hin_store_get(store, (enum hin_store_kind)kind, id, buf, &document));
    struct hin_store_content content = {
        .bytes = document.bytes, .owner = document.owner, .expires_usec = document.expires_usec};
    return replace(store, (enum hin_store_kind)kind, id, document.version, &content, true,
                   document.updated_usec);
}

static HIN_RESULT expire_round(struct hin_store *store, enum hin_store_kind kind, int64_t now_usec,
                               size_t *ret_count)
{
    int64_t ids[1000];
    struct hin_statement *statement = NULL;
    bool row = true;
    size_t count = 0;
    HIN_TRY(hin_db_use(store, HIN_SQL_DOCUMENT_EXPIRED, &statement));
    hin_db_bind(statement, 2, (int64_t)kind, now_usec);
    while (count < HIN_COUNT(ids)) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            break;
        }
        ids[count++] = hin_db_int(statement, 0);
    }
    hin_db_reset(statement);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(drop(store, kind, ids[i], 0));
    }
    *ret_count = count;
    return hin_ok();
}

HIN_RESULT hin_store_expire(struct hin_store *store, enum hin_store_kind kind, int64_t now_usec,
                            uint64_t *ret_count)
{
    uint64_t total = 0;
    size_t count = 1000;
    HIN_TRY(check(store, kind));
    while (count == 1000) {
        HIN_TRY(hin_db_begin(store));
        HIN_TRY(hin_db_end(store, expire_round(store, kind, now_usec, &count)));
        total += count;
    }
    *ret_count = total;
    return hin_ok();
}
