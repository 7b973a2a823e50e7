/* The handle: opening, migrations, statements, transactions, sealing for a place. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"
#include "store/sqlite/internal.h"
#include "store/sqlite/migrations.h"

#define BUSY_PAUSE_NSEC 200000 /* between two attempts to get the lock, once more each time */
#define BUSY_PAUSES     10     /* up to this many */
#define CACHE_KIB       8192   /* of pages, unless less is wanted */

static const char *const statement_texts[] = {
#define X(name, text) text,
    HIN_SQL(X)
#undef X
};

static const struct {
    int sqlite;
    enum hin_code code;
} codes[] = {
    {SQLITE_BUSY, HIN_AGAIN},        {SQLITE_LOCKED, HIN_AGAIN},
    {SQLITE_FULL, HIN_NO_SPACE},     {SQLITE_CORRUPT, HIN_CORRUPT},
    {SQLITE_NOTADB, HIN_CORRUPT},    {SQLITE_NOMEM, HIN_NO_MEMORY},
    {SQLITE_READONLY, HIN_DENIED},   {SQLITE_PERM, HIN_DENIED},
    {SQLITE_TOOBIG, HIN_LIMIT},      {SQLITE_CANTOPEN, HIN_NOT_FOUND},
    {SQLITE_CONSTRAINT, HIN_EXISTS}, {SQLITE_MISUSE, HIN_INTERNAL},
    {SQLITE_RANGE, HIN_INTERNAL},
};

static HIN_RESULT translate(const struct hin_store *store, int code)
{
    int extended = store->db != NULL ? sqlite3_extended_errcode(store->db) : code;
    if (extended == SQLITE_IOERR_DATA || extended == SQLITE_IOERR_CORRUPTFS ||
        extended == SQLITE_IOERR_SHORT_READ) {
        return hin_fail(HIN_CORRUPT);
    }
    for (size_t i = 0; i < HIN_COUNT(codes); i++) {
        if (codes[i].sqlite == (code & 0xff)) {
            return hin_fail(codes[i].code);
        }
    }
    return hin_fail(HIN_IO);
}

HIN_RESULT hin_db_code(struct hin_store *store, int code)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) {
        return hin_ok();
    }
    struct hin_result result = translate(store, code);
    store->broken = store->broken || result.code == HIN_CORRUPT;
    return result;
}

bool hin_store_is_broken(const struct hin_store *store)
{
    return store->broken;
}

HIN_RESULT hin_db_exec(struct hin_store *store, const char *sql)
{
    return hin_db_code(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

HIN_RESULT hin_db_use(struct hin_store *store, enum hin_sql sql, sqlite3_stmt **ret_statement)
{
    if (store->statements[sql] == NULL) {
        int code = sqlite3_prepare_v3(store->db, statement_texts[sql], -1,
                                      SQLITE_PREPARE_PERSISTENT, &store->statements[sql], NULL);
        if (code != SQLITE_OK) {
            store->statements[sql] = NULL;
            return hin_db_code(store, code);
        }
    }
    sqlite3_stmt *statement = store->statements[sql];
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    *ret_statement = statement;
    return hin_ok();
}

HIN_RESULT hin_db_step(struct hin_store *store, sqlite3_stmt *statement, bool *ret_row)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *ret_row = true;
        return hin_ok();
    }
    struct hin_result result = hin_db_code(store, code);
    (void)sqlite3_reset(statement);
    if (hin_is_ok(result)) {
        *ret_row = false;
    }
    return result;
}

HIN_RESULT hin_db_run(struct hin_store *store, sqlite3_stmt *statement)
{
    bool row = true;
    while (row) {
        HIN_TRY(hin_db_step(store, statement, &row));
    }
    return hin_ok();
}

void hin_db_isolate(struct hin_store *store, enum hin_sql stands, int64_t id, bool was_broken)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    if (!hin_is_ok(hin_db_use(store, stands, &statement))) {
        return;
    }
    hin_db_bind(statement, 1, id);
    if (hin_is_ok(hin_db_step(store, statement, &row)) && row) {
        store->broken = was_broken;
    }
    (void)sqlite3_reset(statement);
}

HIN_RESULT hin_db_inside(const struct hin_store *store)
{
    HIN_ENSURE(sqlite3_get_autocommit(store->db) == 0, IO);
    return hin_ok();
}

void hin_db_bind(sqlite3_stmt *statement, int count, ...)
{
    va_list args;
    va_start(args, count);
    for (int i = 1; i <= count; i++) {
        (void)sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
    }
    va_end(args);
}

void hin_db_bind_blob(sqlite3_stmt *statement, int at, struct hin_view bytes)
{
    const void *data = bytes.size > 0 ? (const void *)bytes.data : "";
    (void)sqlite3_bind_blob64(statement, at, data, bytes.size, SQLITE_STATIC);
}

struct hin_view hin_db_blob(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return hin_view_of(data, data != NULL ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

/* --- transactions --- */

static HIN_RESULT run(struct hin_store *store, enum hin_sql sql)
{
    sqlite3_stmt *statement = NULL;
    HIN_TRY(hin_db_use(store, sql, &statement));
    return hin_db_run(store, statement);
}

HIN_RESULT hin_db_begin(struct hin_store *store)
{
    HIN_ENSURE(!store->read_only, DENIED);
    return run(store, store->in_transaction ? HIN_SQL_SAVE : HIN_SQL_BEGIN);
}

static HIN_RESULT commit(struct hin_store *store)
{
    struct hin_result result = run(store, HIN_SQL_COMMIT);
    if (!hin_is_ok(result)) {
        HIN_IGNORE(run(store, HIN_SQL_ROLLBACK)); /* it may be gone already */
        return result;
    }
    store->own_commits++;
    return result;
}

HIN_RESULT hin_db_end(struct hin_store *store, struct hin_result result)
{
    if (!store->in_transaction) {
        if (hin_is_ok(result)) {
            return commit(store);
        }
        HIN_IGNORE(run(store, HIN_SQL_ROLLBACK)); /* some failures end the transaction themselves */
        return result;
    }
    if (!hin_is_ok(result)) {
        HIN_IGNORE(run(store, HIN_SQL_BACK));
        HIN_IGNORE(run(store, HIN_SQL_RELEASE));
        return result;
    }
    return run(store, HIN_SQL_RELEASE);
}

HIN_RESULT hin_store_begin(struct hin_store *store)
{
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    HIN_TRY(hin_db_begin(store));
    store->in_transaction = true;
    return hin_ok();
}

HIN_RESULT hin_store_end(struct hin_store *store, bool keep)
{
    HIN_ENSURE(store->in_transaction, CONFLICT);
    store->in_transaction = false;
    if (sqlite3_get_autocommit(store->db) != 0) {
        return keep ? hin_fail(HIN_IO) : hin_ok(); /* a failure inside has undone it all */
    }
    return keep ? commit(store) : run(store, HIN_SQL_ROLLBACK);
}

/* --- meta --- */

HIN_RESULT hin_db_number(struct hin_store *store, const char *name, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_GET, &statement));
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_number = row ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_db_set_number(struct hin_store *store, const char *name, int64_t number)
{
    sqlite3_stmt *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_SET, &statement));
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, number);
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

static HIN_RESULT pragma_number(struct hin_store *store, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    struct hin_result result = hin_db_code(store, code);
    if (hin_is_ok(result)) {
        *ret_number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    }
    (void)sqlite3_finalize(statement);
    return result;
}

/* Under a write lock, so that two processes that create the file do not run a step twice. */
static HIN_RESULT migrate(struct hin_store *store, struct hin_error *error)
{
    static const char *const steps[HIN_STORE_SCHEMA_VERSION] = {HIN_STORE_MIGRATION_1};
    int64_t version = 0;
    HIN_TRY(pragma_number(store, "PRAGMA user_version", &version));
    if (version > HIN_STORE_SCHEMA_VERSION) {
        return hin_error_set(error, HIN_UNSUPPORTED, store->tenant, 0, 0,
                             "the database was written by a newer version (format %lld, this "
                             "version knows %d): update Hinomi",
                             (long long)version, HIN_STORE_SCHEMA_VERSION);
    }
    for (; version < HIN_STORE_SCHEMA_VERSION; version++) {
        char after[128];
        (void)snprintf(after, sizeof(after), "PRAGMA application_id = %d; PRAGMA user_version = %d",
                       HIN_STORE_APPLICATION_ID, (int)version + 1);
        HIN_TRY(hin_db_exec(store, steps[version]));
        HIN_TRY(hin_db_exec(store, after));
    }
    return hin_ok();
}

static HIN_RESULT check_identity(struct hin_store *store, struct hin_error *error)
{
    int64_t application = 0, version = 0;
    HIN_TRY(pragma_number(store, "PRAGMA application_id", &application));
    HIN_TRY(pragma_number(store, "PRAGMA user_version", &version));
    if (application != HIN_STORE_APPLICATION_ID && (application != 0 || version != 0)) {
        return hin_error_set(error, HIN_CORRUPT, store->tenant, 0, 0,
                             "the file is no Hinomi database: restore it from a backup");
    }
    return hin_ok();
}

/* The lock is held for as long as one transaction and its fdatasync take. SQLite's own handler
 * sleeps up to 100 ms between its attempts, so that a worker that commits all the time starves the
 * others. */
static int wait_for_lock(void *context, int attempt)
{
    struct hin_store *store = context;
    int64_t now = hin_clock_monotonic_usec(hin_clock_system());
    if (attempt == 0) {
        store->busy_since = now;
    }
    if (now - store->busy_since >= HIN_STORE_BUSY_USEC) {
        return 0;
    }
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NSEC * HIN_MIN(attempt + 1, BUSY_PAUSES)};
    (void)nanosleep(&pause, NULL);
    return 1;
}

static HIN_RESULT configure(struct hin_store *store)
{
    int reserve = HIN_VFS_CHECKSUM_BYTES;
    HIN_TRY(hin_db_code(
        store, sqlite3_file_control(store->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve)));
    char pages[64];
    char cache[64];
    (void)snprintf(pages, sizeof(pages), "PRAGMA page_size = %d", HIN_VFS_PAGE_BYTES);
    HIN_TRY(hin_db_exec(store, pages));
    (void)snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%u", store->cache_kib);
    HIN_TRY(hin_db_exec(store, cache));
    return hin_db_exec(store, "PRAGMA temp_store = MEMORY; "
                              "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                              "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                              "PRAGMA journal_size_limit = 67108864");
}

static HIN_RESULT prepare(struct hin_store *store, struct hin_error *error)
{
    HIN_TRY(check_identity(store, error));
    if (store->read_only) {
        return hin_ok();
    }
    HIN_TRY(configure(store));
    HIN_TRY(hin_db_exec(store, "BEGIN IMMEDIATE"));
    struct hin_result result = migrate(store, error);
    HIN_IGNORE(hin_db_exec(store, hin_is_ok(result) ? "COMMIT" : "ROLLBACK"));
    return result;
}

/* SQLite would make it readable to all that may enter the folder; the log beside it takes over the
 * mode. */
static HIN_RESULT make_file(const char *name, int directory)
{
    int fd = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    close(fd);
    return hin_ok();
}

static HIN_RESULT open_database(struct hin_store *store, const struct hin_store_options *options,
                                struct hin_error *error)
{
    char name[HIN_STORE_TENANT_MAX + 4];
    (void)snprintf(name, sizeof(name), "%s.db", store->tenant);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                (options->create && !options->read_only ? SQLITE_OPEN_CREATE : 0);
    if ((flags & SQLITE_OPEN_CREATE) != 0) {
        HIN_TRY(make_file(name, options->directory));
    }
    HIN_TRY(hin_vfs_new(&store->vfs, options->directory, options->observer));
    int code = sqlite3_open_v2(name, &store->db, flags, hin_vfs_name(store->vfs));
    HIN_TRY(hin_db_code(store, code));
    /* Before the first read already: another process may be recovering the log just now. */
    (void)sqlite3_extended_result_codes(store->db, 0);
    (void)sqlite3_busy_handler(store->db, wait_for_lock, store);
    return prepare(store, error);
}

HIN_RESULT hin_store_open(struct hin_store **ret_store, const struct hin_store_options *options,
                          struct hin_error *error)
{
    HIN_ENSURE(tenant_is_valid(options->tenant), INVALID);
    struct hin_store *store = calloc(1, sizeof(*store));
    HIN_ENSURE(store != NULL, NO_MEMORY);
    (void)snprintf(store->tenant, sizeof(store->tenant), "%s", options->tenant);
    store->read_only = options->read_only;
    store->cache_kib = options->cache_kib != 0 ? options->cache_kib : CACHE_KIB;
    hin_arena_init(&store->arena, 256u << 20);
    hin_buf_init(&store->head, HIN_SEALED_MAX);
    hin_buf_init(&store->body, HIN_SEALED_MAX);
    hin_buf_init(&store->record, HIN_SEALED_MAX);
    struct hin_result result = open_database(store, options, error);
    if (hin_is_ok(result)) {
        result = hin_segment_builder_new(&store->builder, HIN_SEGMENT_MOST_COUNT,
                                         HIN_SEGMENT_MOST_BYTES);
    }
    if (hin_is_ok(result)) {
        result = hin_segment_reader_new(&store->reader);
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
    for (size_t i = 0; i < HIN_SQL_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    (void)sqlite3_close(store->db);
    hin_vfs_free(store->vfs);
    if (store->builder != NULL) {
        hin_segment_builder_free(store->builder);
    }
    if (store->reader != NULL) {
        hin_segment_reader_free(store->reader);
    }
    hin_arena_done(&store->arena);
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

static struct hin_seal_place place_of(const struct hin_store *store, const char *table,
                                      const char *row, const char *field)
{
    return (struct hin_seal_place){hin_view_from_text(store->tenant), hin_view_from_text(table),
                                   hin_view_from_text(row), hin_view_from_text(field)};
}

HIN_RESULT hin_store_seal(struct hin_store *store, const char *table, const char *row,
                          const char *field, struct hin_view plain, struct hin_buf *ret_sealed)
{
    struct hin_sealer *sealer = NULL;
    struct hin_seal_place place = place_of(store, table, row, field);
    HIN_TRY(store->keys.sealer(store->keys.context, &sealer));
    return hin_seal_value(sealer, &place, plain, ret_sealed);
}

HIN_RESULT hin_store_unseal(struct hin_store *store, const char *table, const char *row,
                            const char *field, struct hin_view sealed, struct hin_buf *ret_plain)
{
    struct hin_seal_place place = place_of(store, table, row, field);
    return hin_seal_open_value(store->keys.opener, &place, sealed, ret_plain);
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

/* The mark is a sealed constant: keys of another tenant do not open it. */
static HIN_RESULT check_mark(struct hin_store *store)
{
    struct hin_view mark = HIN_VIEW("hinomi tenant database");
    sqlite3_stmt *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_GET, &statement));
    (void)sqlite3_bind_text(statement, 1, "mark", -1, SQLITE_STATIC);
    HIN_TRY(hin_db_step(store, statement, &row));
    hin_buf_clear(&store->body);
    if (row) {
        hin_buf_clear(&store->head);
        struct hin_result copied = hin_buf_append(&store->head, hin_db_blob(statement, 1));
        (void)sqlite3_reset(statement);
        HIN_TRY(copied);
        struct hin_result opened = hin_store_unseal(store, "meta", "mark", "bytes",
                                                    hin_buf_view(&store->head), &store->body);
        HIN_ENSURE(!hin_store_is_damage(opened), AUTH);
        HIN_TRY(opened);
        HIN_ENSURE(hin_view_equal(hin_buf_view(&store->body), mark), AUTH);
        return hin_ok();
    }
    HIN_ENSURE(!store->read_only, DENIED);
    HIN_TRY(hin_store_seal(store, "meta", "mark", "bytes", mark, &store->body));
    HIN_TRY(hin_db_use(store, HIN_SQL_META_SET, &statement));
    (void)sqlite3_bind_text(statement, 1, "mark", -1, SQLITE_STATIC);
    hin_db_bind_blob(statement, 3, hin_buf_view(&store->body));
    return hin_db_run(store, statement);
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
