/* The handle: statements, transactions, sealing for a place. The same on every database. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/internal.h"

bool hin_store_is_broken(const struct hin_store *store)
{
    return store->broken;
}

const char *hin_store_trouble(const struct hin_store *store)
{
    return store->backend->trouble(store);
}

HIN_RESULT hin_db_use(struct hin_store *store, enum hin_sql sql,
                      struct hin_statement **ret_statement)
{
    struct hin_statement *statement = &store->statements[sql];
    HIN_TRY(store->backend->use(statement));
    *ret_statement = statement;
    return hin_ok();
}

HIN_RESULT hin_db_step(struct hin_store *store, struct hin_statement *statement, bool *ret_row)
{
    return store->backend->step(statement, ret_row);
}

HIN_RESULT hin_db_run(struct hin_store *store, struct hin_statement *statement)
{
    bool row = true;
    while (row) {
        HIN_TRY(store->backend->step(statement, &row));
    }
    return hin_ok();
}

void hin_db_isolate(struct hin_store *store, enum hin_sql stands, int64_t id, bool was_broken)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    if (!hin_is_ok(hin_db_use(store, stands, &statement))) {
        return;
    }
    hin_db_bind(statement, 1, id);
    if (hin_is_ok(hin_db_step(store, statement, &row)) && row) {
        store->broken = was_broken;
    }
    hin_db_reset(statement);
}

HIN_RESULT hin_db_inside(struct hin_store *store)
{
    HIN_ENSURE(store->backend->in_transaction(store), IO);
    return hin_ok();
}

void hin_db_bind(struct hin_statement *statement, int count, ...)
{
    va_list args;
    va_start(args, count);
    for (int i = 1; i <= count; i++) {
        hin_db_bind_int(statement, i, va_arg(args, int64_t));
    }
    va_end(args);
}

/* --- transactions --- */

HIN_RESULT hin_db_do(struct hin_store *store, enum hin_sql sql)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, sql, &statement));
    return hin_db_run(store, statement);
}

/* Nobody else writes from here to the end, so a key that may seal now may do so until then. */
static HIN_RESULT begin_outermost(struct hin_store *store)
{
    HIN_TRY(hin_db_do(store, HIN_SQL_BEGIN));
    if (!store->unlocked || store->renewing) {
        store->may_seal = !store->unlocked;
        return hin_ok();
    }
    struct hin_result checked = hin_store_check_sealer(store);
    if (!hin_is_ok(checked)) {
        HIN_IGNORE(hin_db_do(store, HIN_SQL_ROLLBACK));
    }
    return checked;
}

static HIN_RESULT renew(struct hin_store *store)
{
    store->renewing = true;
    struct hin_result renewed = store->keys.renew(store->keys.context);
    store->renewing = false;
    return renewed;
}

/* Whether keys that this handle writes with are of before: the table key, the index key. What needs
 * neither goes on without. */
static HIN_RESULT catch_up(struct hin_store *store, bool *ret_again)
{
    bool table = !store->may_seal && store->keys.renew != NULL;
    bool index = store->unlocked && hin_index_version(store->keys.index) < store->index_version;
    *ret_again = !store->renewing && (table || index);
    if (*ret_again) {
        HIN_TRY(hin_db_do(store, HIN_SQL_ROLLBACK));
        HIN_IGNORE(table ? renew(store) : hin_index_renew(store->keys.index));
    }
    return hin_ok();
}

HIN_RESULT hin_db_begin(struct hin_store *store)
{
    HIN_ENSURE(!store->read_only, DENIED);
    bool within = store->in_transaction || store->depth > 0;
    if (within) {
        HIN_TRY(hin_db_do(store, HIN_SQL_SAVE));
        store->depth++;
        return hin_ok();
    }
    HIN_TRY(begin_outermost(store));
    bool again = true;
    for (int i = 0; i < 2 && again; i++) { /* a new table key first, then the index key is seen */
        HIN_TRY(catch_up(store, &again));
        if (again) {
            HIN_TRY(begin_outermost(store));
        }
    }
    store->depth++;
    return hin_ok();
}

static HIN_RESULT commit(struct hin_store *store)
{
    struct hin_result result = hin_db_do(store, HIN_SQL_COMMIT);
    if (!hin_is_ok(result)) {
        HIN_IGNORE(hin_db_do(store, HIN_SQL_ROLLBACK)); /* it may be gone already */
        return result;
    }
    store->own_commits++;
    return result;
}

HIN_RESULT hin_db_end(struct hin_store *store, struct hin_result result)
{
    store->depth--;
    if (!store->in_transaction && store->depth == 0) {
        if (hin_is_ok(result)) {
            return commit(store);
        }
        HIN_IGNORE(
            hin_db_do(store, HIN_SQL_ROLLBACK)); /* some failures end the transaction themselves */
        return result;
    }
    if (!hin_is_ok(result)) {
        HIN_IGNORE(hin_db_do(store, HIN_SQL_BACK));
        HIN_IGNORE(hin_db_do(store, HIN_SQL_RELEASE));
        return result;
    }
    return hin_db_do(store, HIN_SQL_RELEASE);
}

HIN_RESULT hin_store_begin(struct hin_store *store)
{
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    HIN_TRY(hin_db_begin(store));
    store->depth--;
    store->in_transaction = true;
    return hin_ok();
}

HIN_RESULT hin_store_end(struct hin_store *store, bool keep)
{
    HIN_ENSURE(store->in_transaction, CONFLICT);
    store->in_transaction = false;
    if (!store->backend->in_transaction(store)) {
        return keep ? hin_fail(HIN_IO) : hin_ok(); /* a failure inside has undone it all */
    }
    return keep ? commit(store) : hin_db_do(store, HIN_SQL_ROLLBACK);
}

/* --- meta --- */

HIN_RESULT hin_db_number(struct hin_store *store, const char *name, int64_t *ret_number)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_GET, &statement));
    hin_db_bind_text(statement, 1, name);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_number = row ? hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_db_set_number(struct hin_store *store, const char *name, int64_t number)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_SET, &statement));
    hin_db_bind_text(statement, 1, name);
    hin_db_bind_int(statement, 2, number);
    return hin_db_run(store, statement);
}

/* --- opening --- */

static bool tenant_is_valid(const char *tenant)
{
    size_t size = 0;
    for (; tenant[size] != '\0'; size++) {
        char c = tenant[size];
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!good || size >= HIN_STORE_TENANT_MAX) {
            return false;
        }
    }
    return size > 0;
}

HIN_RESULT hin_store_open(struct hin_store **ret_store, const struct hin_store_options *options,
                          struct hin_error *error)
{
    HIN_ENSURE(tenant_is_valid(options->tenant), INVALID);
    struct hin_store *store = calloc(1, sizeof(*store));
    HIN_ENSURE(store != NULL, NO_MEMORY);
    (void)snprintf(store->tenant, sizeof(store->tenant), "%s", options->tenant);
    store->read_only = options->read_only;
    store->backend = options->server != NULL ? &hin_backend_postgres : &hin_backend_sqlite;
    for (size_t i = 0; i < HIN_SQL_COUNT; i++) {
        store->statements[i] = (struct hin_statement){.store = store, .sql = (enum hin_sql)i};
    }
    hin_arena_init(&store->arena, 256u << 20);
    hin_arena_init(&store->scratch, 16u << 20);
    hin_buf_init(&store->wrap, HIN_SEAL_OVERHEAD_BYTES + HIN_SEAL_KEY_BYTES);
    hin_buf_init(&store->head, HIN_SEALED_MAX);
    hin_buf_init(&store->body, HIN_SEALED_MAX);
    hin_buf_init(&store->record, HIN_SEALED_MAX);
    struct hin_result result = store->backend->open(store, options, error);
    if (hin_is_ok(result)) {
        result = hin_segment_builder_new(&store->builder, HIN_SEGMENT_MOST_COUNT,
                                         HIN_SEGMENT_MOST_BYTES);
    }
    if (hin_is_ok(result)) {
        result = hin_segment_reader_new(&store->reader);
    }
    if (hin_is_ok(result)) {
        result = hin_opener_new(&store->own, NULL, 1);
    }
    if (hin_is_ok(result)) {
        result = hin_secret_new(&store->own_key, HIN_SEAL_KEY_BYTES);
    }
    if (!hin_is_ok(result)) {
        hin_store_close(store);
        return result;
    }
    *ret_store = store;
    return hin_ok();
}

void hin_store_close(struct hin_store *store)
{
    if (store == NULL) {
        return;
    }
    store->backend->close(store);
    if (store->builder != NULL) {
        hin_segment_builder_free(store->builder);
    }
    if (store->reader != NULL) {
        hin_segment_reader_free(store->reader);
    }
    hin_opener_free(store->own);
    hin_secret_done(&store->own_key);
    hin_buf_done(&store->wrap);
    hin_arena_done(&store->arena);
    hin_arena_done(&store->scratch);
    hin_buf_done(&store->head);
    hin_buf_done(&store->body);
    hin_buf_done(&store->record);
    free(store);
}

void hin_store_closep(struct hin_store **store)
{
    hin_store_close(*store);
}

/* --- keys and places --- */

HIN_RESULT hin_store_ready(const struct hin_store *store)
{
    HIN_ENSURE(store->unlocked, CONFLICT);
    return hin_ok();
}

struct hin_seal_place hin_store_place(const struct hin_store *store, const char *table,
                                      const char *row, const char *field)
{
    return (struct hin_seal_place){hin_view_from_text(store->tenant), hin_view_from_text(table),
                                   hin_view_from_text(row), hin_view_from_text(field)};
}

bool hin_store_is_damage(struct hin_result result)
{
    switch (result.code) {
    case HIN_CORRUPT:
    case HIN_AUTH:
    case HIN_SYNTAX:
    case HIN_TRUNCATED:
    case HIN_NOT_FOUND:
        return true;
    default:
        return false;
    }
}

#define MARK HIN_VIEW("hinomi tenant database")

HIN_RESULT hin_store_put_mark(struct hin_store *store)
{
    struct hin_seal_place place = hin_store_place(store, "meta", "mark", "bytes");
    struct hin_statement *statement = NULL;
    struct hin_sealer *sealer = NULL;
    hin_buf_clear(&store->body);
    HIN_TRY(store->keys.sealer(store->keys.context, &sealer));
    HIN_TRY(hin_seal_value(sealer, &place, MARK, &store->body));
    HIN_TRY(hin_db_use(store, HIN_SQL_META_SET, &statement));
    hin_db_bind_text(statement, 1, "mark");
    hin_db_bind_blob(statement, 3, hin_buf_view(&store->body));
    return hin_db_run(store, statement);
}

/* The mark is a sealed constant: keys of another tenant do not open it. */
static HIN_RESULT check_mark(struct hin_store *store)
{
    struct hin_seal_place place = hin_store_place(store, "meta", "mark", "bytes");
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_GET, &statement));
    hin_db_bind_text(statement, 1, "mark");
    HIN_TRY(hin_db_step(store, statement, &row));
    hin_buf_clear(&store->body);
    if (row) {
        hin_buf_clear(&store->head);
        struct hin_result copied = hin_buf_append(&store->head, hin_db_blob(statement, 1));
        hin_db_reset(statement);
        HIN_TRY(copied);
        struct hin_result opened = hin_seal_open_value(store->keys.opener, &place,
                                                       hin_buf_view(&store->head), &store->body);
        HIN_ENSURE(!hin_store_is_damage(opened), AUTH);
        HIN_TRY(opened);
        HIN_ENSURE(hin_view_equal(hin_buf_view(&store->body), MARK), AUTH);
        return hin_ok();
    }
    HIN_ENSURE(!store->read_only, DENIED);
    return hin_store_put_mark(store);
}

HIN_RESULT hin_store_unlock(struct hin_store *store, const struct hin_store_keys *keys)
{
    HIN_ENSURE(keys->sealer != NULL && keys->opener != NULL && keys->index != NULL, INVALID);
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    store->keys = *keys;
    store->unlocked = false;
    if (store->read_only) {
        HIN_TRY(check_mark(store));
    } else {
        HIN_TRY(hin_db_begin(store));
        HIN_TRY(hin_db_end(store, check_mark(store)));
    }
    store->unlocked = true;
    return hin_ok();
}
