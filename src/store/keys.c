/* The key table, the position, figures. */
#include "base/bytes.h"
#include "store/internal.h"

static struct hin_view id_view(const uint8_t *id)
{
    return hin_view_of(id, HIN_SEAL_KEY_ID_BYTES);
}

static HIN_RESULT put_key(struct hin_store *store, const uint8_t *key_id, uint32_t version,
                          struct hin_view wrapped, int64_t now_usec)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_PUT, &statement));
    hin_db_bind_blob(statement, 1, id_view(key_id));
    hin_db_bind_int(statement, 2, version);
    hin_db_bind_int(statement, 3, now_usec);
    hin_db_bind_blob(statement, 4, wrapped);
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_key_put(struct hin_store *store, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                             uint32_t version, struct hin_view wrapped, int64_t now_usec)
{
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, put_key(store, key_id, version, wrapped, now_usec));
}

HIN_RESULT hin_store_key_get(struct hin_store *store, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                             struct hin_buf *ret_wrapped, uint32_t *ret_version)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_GET, &statement));
    hin_db_bind_blob(statement, 1, id_view(key_id));
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    struct hin_result result = hin_buf_append(ret_wrapped, hin_db_blob(statement, 1));
    if (hin_is_ok(result)) {
        *ret_version = (uint32_t)hin_db_int(statement, 0);
    }
    hin_db_reset(statement);
    return result;
}

static HIN_RESULT rewrap(struct hin_store *store, const uint8_t *key_id, uint32_t version,
                         struct hin_view wrapped)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_REWRAP, &statement));
    hin_db_bind_blob(statement, 1, id_view(key_id));
    hin_db_bind_int(statement, 2, version);
    hin_db_bind_blob(statement, 3, wrapped);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    return hin_db_run(store, statement); /* to the end, so that it takes effect */
}

HIN_RESULT hin_store_key_rewrap(struct hin_store *store,
                                const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES], uint32_t version,
                                struct hin_view wrapped)
{
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, rewrap(store, key_id, version, wrapped));
}

static HIN_RESULT key_number(struct hin_store *store, const uint8_t *id, int64_t *ret_number)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_NUMBER, &statement));
    hin_db_bind_blob(statement, 1, id_view(id));
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    *ret_number = hin_db_int(statement, 0);
    hin_db_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_store_key_list(struct hin_store *store, const uint8_t *after, size_t limit,
                              HIN_RESULT (*visit)(void *context, const struct hin_store_key *key),
                              void *context)
{
    struct hin_statement *statement = NULL;
    int64_t number = 0;
    bool row = false;
    if (after != NULL) {
        HIN_TRY(key_number(store, after, &number));
    }
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_LIST, &statement));
    hin_db_bind(statement, 2, number, limit == 0 ? INT64_MAX : (int64_t)limit);
    for (;;) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            return hin_ok();
        }
        struct hin_store_key key = {.version = (uint32_t)hin_db_int(statement, 1),
                                    .created_usec = hin_db_int(statement, 2),
                                    .wrapped = hin_db_blob(statement, 3)};
        struct hin_view id = hin_db_blob(statement, 0);
        hin_copy(key.id, id.data, HIN_MIN(id.size, sizeof(key.id)));
        struct hin_result result = visit(context, &key);
        if (!hin_is_ok(result)) {
            hin_db_reset(statement);
            return result;
        }
    }
}

HIN_RESULT hin_store_position(struct hin_store *store, struct hin_store_position *ret_position)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_CHANGE, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    uint64_t version = row ? (uint64_t)hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    int64_t last = 0;
    HIN_TRY(hin_db_number(store, "last_event", &last));
    ret_position->change = version << 32 | (store->own_commits & UINT32_MAX);
    ret_position->last_event_id = last;
    return hin_ok();
}

void hin_store_tally(const struct hin_store *store, struct hin_tls_tally *tally)
{
    if (store->backend->tally != NULL) {
        store->backend->tally(store, tally);
    }
}

HIN_RESULT hin_store_stats(struct hin_store *store, struct hin_store_stats *ret_stats)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    struct hin_store_stats stats = {0};
    HIN_TRY(hin_db_use(store, HIN_SQL_STATS, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    if (row) {
        stats.events = (uint64_t)hin_db_int(statement, 0);
        stats.segments = (uint64_t)hin_db_int(statement, 1);
        stats.segments_full = (uint64_t)hin_db_int(statement, 2);
        stats.segments_damaged = (uint64_t)hin_db_int(statement, 3);
        stats.sheaves = (uint64_t)hin_db_int(statement, 4);
    }
    hin_db_reset(statement);
    HIN_TRY(hin_db_use(store, HIN_SQL_PAGES, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    stats.bytes = row ? (uint64_t)hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    stats.damage_met = store->damage_met + store->backend->damage_count(store);
    *ret_stats = stats;
    return hin_ok();
}

HIN_RESULT hin_store_checkpoint(struct hin_store *store)
{
    return store->backend->checkpoint(store);
}
