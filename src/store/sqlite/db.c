/* SQLite behind the seam: opening, migrations, statements. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "store/sqlite/internal.h"
#include "store/sqlite/migrations.h"

#define BUSY_PAUSE_NSEC 200000 /* between two attempts to get the lock, once more each time */
#define BUSY_PAUSES     10     /* up to this many */
#define CACHE_KIB       8192   /* of pages, unless less is wanted */
#define LOAD_CACHE_KIB  65536  /* while a store is filled: its indexes */

static const char *const statement_texts[] = {
#define SAME(name, text)             [HIN_SQL_##name] = text,
#define EACH(name, sqlite, postgres) [HIN_SQL_##name] = sqlite,
    HIN_SQL(SAME, EACH)
#undef SAME
#undef EACH
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
    int extended =
        hin_sqlite_db(store) != NULL ? sqlite3_extended_errcode(hin_sqlite_db(store)) : code;
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

HIN_RESULT hin_db_exec(struct hin_store *store, const char *sql)
{
    return hin_db_code(store, sqlite3_exec(hin_sqlite_db(store), sql, NULL, NULL, NULL));
}

/* --- statements --- */

static sqlite3_stmt *handle_of(const struct hin_statement *statement)
{
    return statement->prepared;
}

static HIN_RESULT use(struct hin_statement *statement)
{
    if (statement->prepared == NULL) {
        struct hin_store *store = statement->store;
        sqlite3_stmt *handle = NULL;
        int code = sqlite3_prepare_v3(hin_sqlite_db(store), statement_texts[statement->sql], -1,
                                      SQLITE_PREPARE_PERSISTENT, &handle, NULL);
        if (code != SQLITE_OK) {
            return hin_db_code(store, code);
        }
        statement->prepared = handle;
    }
    (void)sqlite3_reset(handle_of(statement));
    (void)sqlite3_clear_bindings(handle_of(statement));
    return hin_ok();
}

static HIN_RESULT step(struct hin_statement *statement, bool *ret_row)
{
    int code = sqlite3_step(handle_of(statement));
    if (code == SQLITE_ROW) {
        *ret_row = true;
        return hin_ok();
    }
    struct hin_result result = hin_db_code(statement->store, code);
    (void)sqlite3_reset(handle_of(statement));
    if (hin_is_ok(result)) {
        *ret_row = false;
    }
    return result;
}

static void bind_number(struct hin_statement *statement, int at, int64_t value)
{
    (void)sqlite3_bind_int64(handle_of(statement), at, value);
}

static void bind_bytes(struct hin_statement *statement, int at, struct hin_view bytes)
{
    const void *data = bytes.size > 0 ? (const void *)bytes.data : "";
    (void)sqlite3_bind_blob64(handle_of(statement), at, data, bytes.size, SQLITE_STATIC);
}

static void bind_text(struct hin_statement *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(handle_of(statement), at, text, -1, SQLITE_STATIC);
}

static int64_t number(struct hin_statement *statement, int column)
{
    return sqlite3_column_int64(handle_of(statement), column);
}

struct hin_view hin_sqlite_blob(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return hin_view_of(data, data != NULL ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

static struct hin_view bytes(struct hin_statement *statement, int column)
{
    return hin_sqlite_blob(handle_of(statement), column);
}

static bool is_null(struct hin_statement *statement, int column)
{
    return sqlite3_column_type(handle_of(statement), column) == SQLITE_NULL;
}

static void reset(struct hin_statement *statement)
{
    (void)sqlite3_reset(handle_of(statement));
}

static bool in_transaction(struct hin_store *store)
{
    return sqlite3_get_autocommit(hin_sqlite_db(store)) == 0;
}

static const char *trouble(const struct hin_store *store)
{
    (void)store;
    return "";
}

static HIN_RESULT checkpoint(struct hin_store *store)
{
    return hin_db_code(store, sqlite3_wal_checkpoint_v2(hin_sqlite_db(store), NULL,
                                                        SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

static HIN_RESULT set_cache(struct hin_store *store, unsigned kib)
{
    char cache[64];
    (void)snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%u", kib);
    return hin_db_exec(store, cache);
}

static HIN_RESULT sync_file(struct hin_store *store)
{
    sqlite3_file *file = NULL;
    HIN_TRY(hin_db_code(store, sqlite3_file_control(hin_sqlite_db(store), "main",
                                                    SQLITE_FCNTL_FILE_POINTER, &file)));
    return hin_db_code(store, file->pMethods->xSync(file, SQLITE_SYNC_FULL));
}

/* To the disk it goes while the next part is made ready, rather than at the end. A second
 * descriptor of a file takes a process's locks with it when it is closed, so it stays until SQLite
 * has closed its own. */
static void write_out(struct hin_store *store)
{
    struct hin_sqlite *sqlite = store->connection;
    if (sqlite->file < 0) {
        sqlite->file =
            open(sqlite3_db_filename(sqlite->db, "main"), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    }
    if (sqlite->file >= 0) { /* a hint: the end makes it durable, and says what fails */
        (void)sync_file_range(sqlite->file, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
}

/* False: another process has the file open after all. */
static bool leave_log(struct hin_store *store)
{
    sqlite3_stmt *statement = NULL;
    bool left = sqlite3_prepare_v2(hin_sqlite_db(store), "PRAGMA journal_mode = OFF", -1,
                                   &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW &&
                hin_view_is(hin_sqlite_blob(statement, 0), "off");
    (void)sqlite3_finalize(statement);
    return left;
}

static HIN_RESULT end_load(struct hin_store *store)
{
    struct hin_sqlite *sqlite = store->connection;
    sqlite->loading = false;
    HIN_TRY(hin_db_exec(store, HIN_STORE_SPAN_SEGMENT));
    struct hin_result synced = sync_file(store);
    struct hin_result gathered = hin_vfs_gather(sqlite->vfs, false);
    HIN_TRY(synced);
    HIN_TRY(gathered);
    HIN_TRY(set_cache(store, sqlite->cache_kib));
    return hin_db_exec(store, "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
}

/* Without the write-ahead log each page is written once, not twice, and none is read again; the
 * index whose rows come in no order is made at the end. Where the log cannot be left all goes as
 * usual: slower, and as good. */
static HIN_RESULT load(struct hin_store *store, enum hin_load step)
{
    struct hin_sqlite *sqlite = store->connection;
    if (step == HIN_LOAD_BEGIN && leave_log(store)) {
        sqlite->loading = true;
        HIN_TRY(hin_vfs_gather(sqlite->vfs, true));
        HIN_TRY(set_cache(store, LOAD_CACHE_KIB));
        return hin_db_exec(store, "PRAGMA synchronous = OFF; DROP INDEX span_segment");
    }
    if (step == HIN_LOAD_BEGIN || !sqlite->loading) {
        return hin_ok();
    }
    if (step == HIN_LOAD_GO_ON) {
        write_out(store);
        return hin_ok();
    }
    return end_load(store);
}

/* Freed pages too, which costs a write each: not for everyday deletions. */
static void overwrite(struct hin_store *store, bool all)
{
    HIN_IGNORE(
        hin_db_exec(store, all ? "PRAGMA secure_delete = ON" : "PRAGMA secure_delete = FAST"));
}

static uint64_t damage_count(struct hin_store *store)
{
    const struct hin_sqlite *sqlite = store->connection;
    return hin_vfs_damage_count(sqlite->vfs);
}

/* --- opening --- */

static HIN_RESULT pragma_number(struct hin_store *store, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(hin_sqlite_db(store), sql, -1, &statement, NULL);
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
    static const char *const steps[HIN_STORE_SCHEMA_VERSION] = {
        HIN_STORE_MIGRATION_1, HIN_STORE_MIGRATION_2, HIN_STORE_MIGRATION_3};
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
    struct hin_sqlite *sqlite = context;
    int64_t now = hin_clock_monotonic_usec(hin_clock_system());
    if (attempt == 0) {
        sqlite->busy_since = now;
    }
    if (now - sqlite->busy_since >= HIN_STORE_BUSY_USEC) {
        return 0;
    }
    const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NSEC * HIN_MIN(attempt + 1, BUSY_PAUSES)};
    (void)nanosleep(&pause, NULL);
    return 1;
}

static HIN_RESULT configure(struct hin_store *store)
{
    int reserve = HIN_VFS_CHECKSUM_BYTES;
    HIN_TRY(hin_db_code(store, sqlite3_file_control(hin_sqlite_db(store), "main",
                                                    SQLITE_FCNTL_RESERVE_BYTES, &reserve)));
    const struct hin_sqlite *sqlite = store->connection;
    char pages[64];
    (void)snprintf(pages, sizeof(pages), "PRAGMA page_size = %d", HIN_VFS_PAGE_BYTES);
    HIN_TRY(hin_db_exec(store, pages));
    HIN_TRY(set_cache(store, sqlite->cache_kib));
    return hin_db_exec(store, "PRAGMA temp_store = MEMORY; "
                              "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                              "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                              "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST");
}

static HIN_RESULT prepare(struct hin_store *store, struct hin_error *error)
{
    HIN_TRY(check_identity(store, error));
    if (store->read_only) {
        int64_t version = 0;
        HIN_TRY(pragma_number(store, "PRAGMA user_version", &version));
        HIN_ENSURE(version == HIN_STORE_SCHEMA_VERSION, UNSUPPORTED);
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

static HIN_RESULT open_store(struct hin_store *store, const struct hin_store_options *options,
                             struct hin_error *error)
{
    struct hin_sqlite *sqlite = calloc(1, sizeof(*sqlite));
    HIN_ENSURE(sqlite != NULL, NO_MEMORY);
    store->connection = sqlite;
    sqlite->file = -1;
    sqlite->cache_kib = options->cache_kib != 0 ? options->cache_kib : CACHE_KIB;
    char name[HIN_STORE_TENANT_MAX + 16];
    (void)snprintf(name, sizeof(name), "%s%s.db",
                   options->place != NULL ? options->place : store->tenant,
                   hin_store_aside_ending(options->aside));
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                (options->create && !options->read_only ? SQLITE_OPEN_CREATE : 0);
    if ((flags & SQLITE_OPEN_CREATE) != 0) {
        HIN_TRY(make_file(name, options->directory));
    }
    HIN_TRY(hin_vfs_new(&sqlite->vfs, options->directory, options->observer));
    int code = sqlite3_open_v2(name, &sqlite->db, flags, hin_vfs_name(sqlite->vfs));
    HIN_TRY(hin_db_code(store, code));
    /* Before the first read already: another process may be recovering the log just now. */
    (void)sqlite3_extended_result_codes(sqlite->db, 0);
    (void)sqlite3_busy_handler(sqlite->db, wait_for_lock, sqlite);
    return prepare(store, error);
}

static void close_store(struct hin_store *store)
{
    struct hin_sqlite *sqlite = store->connection;
    if (sqlite == NULL) {
        return;
    }
    for (size_t i = 0; i < HIN_SQL_COUNT; i++) {
        (void)sqlite3_finalize(handle_of(&store->statements[i]));
    }
    (void)sqlite3_close(sqlite->db);
    hin_fd_close(&sqlite->file);
    hin_vfs_free(sqlite->vfs);
    free(sqlite);
}

const struct hin_backend hin_backend_sqlite = {
    .name = "sqlite",
    .open = open_store,
    .close = close_store,
    .use = use,
    .bind_number = bind_number,
    .bind_bytes = bind_bytes,
    .bind_text = bind_text,
    .step = step,
    .number = number,
    .bytes = bytes,
    .is_null = is_null,
    .reset = reset,
    .in_transaction = in_transaction,
    .checkpoint = checkpoint,
    .load = load,
    .overwrite = overwrite,
    .damage_count = damage_count,
    .trouble = trouble,
    .search_plain = hin_sqlite_search_plain,
};
