/* Salvage: each table is read from the front until a damaged page stops it, then from the back
 * until the same; what both gave is put into a fresh database. Rows are copied as they are: sealed
 * things stay sealed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/sqlite/internal.h"
#include "store/sqlite/migrations.h"

#define DAMAGED_KEPT 3

struct table {
    const char *forward, *backward, *insert;
    int columns;
    int blob; /* column that must be readable, or -1 */
};

#define TABLE(name, order, order_back, list, marks, columns, blob)                                 \
    {                                                                                              \
        "SELECT " list " FROM " name " ORDER BY " order,                                           \
            "SELECT " list " FROM " name " ORDER BY " order_back,                                  \
            "INSERT OR IGNORE INTO " name "(" list ") VALUES(" marks ")", (columns), (blob)        \
    }

static const struct table tables[] = {
    TABLE("meta", "name", "name DESC", "name, number, bytes", "?,?,?", 3, -1),
    TABLE("key", "number", "number DESC", "number, id, version, created, wrapped", "?,?,?,?,?", 5,
          4),
    TABLE("segment", "id", "id DESC",
          "id, last_id, count, level, day, created, min_time, max_time, plain_bytes, damaged, "
          "classes, severities, computers, head",
          "?,?,?,?,?,?,?,?,?,?,?,?,?,?", 14, 13),
    TABLE("body", "id", "id DESC", "id, bytes", "?,?", 2, 1),
    TABLE("source", "agent, generation", "agent DESC, generation DESC",
          "agent, generation, position, finding, floor", "?,?,?,?,?", 5, -1),
    TABLE("span", "agent, generation, hi, segment",
          "agent DESC, generation DESC, hi DESC, segment DESC",
          "agent, generation, hi, segment, lo", "?,?,?,?,?", 5, -1),
    TABLE("agent", "id", "id DESC",
          "id, session, spool_generation, acked, seen, clock_offset, sealed", "?,?,?,?,?,?,?", 7,
          -1),
    TABLE("certificate", "serial", "serial DESC", "serial, agent, not_after, revoked", "?,?,?,?", 4,
          0),
    TABLE("sequence", "kind", "kind DESC", "kind, last", "?,?", 2, -1),
    TABLE("document", "rowid", "rowid DESC",
          "kind, id, version, created, updated, owner, expires, sealed", "?,?,?,?,?,?,?,?", 8, 7),
    TABLE("name", "kind, slot, token", "kind DESC, slot DESC, token DESC", "kind, slot, token, id",
          "?,?,?,?", 4, -1),
    TABLE("audit", "number", "number DESC", "number, time, hash, sealed", "?,?,?,?", 4, 3),
};

/* What follows from the rest, where its own row was lost. Segments that lost their row are listed
 * as damaged by nobody: their bodies are dropped. A mark rebuilt from spans is past every finding
 * at its position, so that the exact way decides. */
#define MEND                                                                                       \
    "INSERT INTO meta(name, number) VALUES('last_event', (SELECT max(last_id) FROM segment)) "     \
    "ON CONFLICT(name) DO UPDATE SET number = max(coalesce(number, 0), coalesce(excluded.number, " \
    "0));"                                                                                         \
    "INSERT INTO sequence(kind, last) SELECT kind, max(id) FROM document WHERE true GROUP BY "     \
    "kind ON CONFLICT(kind) DO UPDATE SET last = max(last, excluded.last);"                        \
    "INSERT INTO source(agent, generation, position, finding, floor) SELECT agent, generation, "   \
    "max(hi), 4294967295, -1 FROM span WHERE true GROUP BY agent, generation ON CONFLICT(agent, "  \
    "generation) DO NOTHING;"                                                                      \
    "DELETE FROM body WHERE id NOT IN (SELECT id FROM segment);"                                   \
    "UPDATE segment SET damaged = id NOT IN (SELECT id FROM body);"

static sqlite3 *db_of(const struct hin_store *store)
{
    const struct hin_sqlite *sqlite = store->connection;
    return sqlite->db;
}

struct copy {
    sqlite3 *from;
    struct hin_store *to;
    int64_t now_usec;
    struct hin_store_salvaged salvaged;
};

static int step_into(sqlite3_stmt *select, sqlite3_stmt *insert, const struct table *table)
{
    for (int i = 0; i < table->columns; i++) {
        int code = sqlite3_bind_value(insert, i + 1, sqlite3_column_value(select, i));
        if (code != SQLITE_OK) {
            return code;
        }
    }
    int code = sqlite3_step(insert);
    (void)sqlite3_reset(insert);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* One direction; *ret_whole: the end was reached and no row was left out. A failure to write is a
 * failure. */
static HIN_RESULT copy_direction(struct copy *copy, const struct table *table, const char *text,
                                 bool *ret_whole)
{
    sqlite3_stmt *select = NULL, *insert = NULL;
    struct hin_result result = hin_ok();
    bool whole = true;
    int code = sqlite3_prepare_v2(copy->from, text, -1, &select, NULL);
    if (code == SQLITE_OK &&
        sqlite3_prepare_v2(db_of(copy->to), table->insert, -1, &insert, NULL) != SQLITE_OK) {
        result = hin_fail(HIN_INTERNAL);
    }
    while (code == SQLITE_OK && hin_is_ok(result)) {
        code = sqlite3_step(select);
        if (code != SQLITE_ROW) {
            break;
        }
        code = SQLITE_OK;
        if (table->blob >= 0 && sqlite3_column_blob(select, table->blob) == NULL) {
            whole =
                false; /* its overflow pages cannot be read: the row is lost, the next may not be */
            continue;
        }
        result = hin_db_code(copy->to, step_into(select, insert, table));
        copy->salvaged.rows += hin_is_ok(result) ? (uint64_t)sqlite3_changes(db_of(copy->to)) : 0;
    }
    (void)sqlite3_finalize(select);
    (void)sqlite3_finalize(insert);
    *ret_whole = whole && code == SQLITE_DONE;
    return result;
}

/* IDs are given without gaps, and only the oldest are ever dropped by intent. */
#define LOST                                                                                       \
    "SELECT coalesce(max(last_id) - min(id) + 1 - sum(count), 0) + "                               \
    "coalesce(sum(count) FILTER (WHERE id NOT IN (SELECT id FROM body)), 0) FROM segment"

static HIN_RESULT count_lost(struct copy *copy)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db_of(copy->to), LOST, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    struct hin_result result = hin_db_code(copy->to, code);
    if (hin_is_ok(result) && code == SQLITE_ROW && sqlite3_column_int64(statement, 0) > 0) {
        copy->salvaged.events_lost = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return result;
}

/* In the fresh file itself: it is known for as long as the file lives. */
static HIN_RESULT remember(struct copy *copy)
{
    int64_t count = 0;
    HIN_TRY(hin_db_number(copy->to, "salvages", &count));
    HIN_TRY(hin_db_set_number(copy->to, "salvages", count + 1));
    HIN_TRY(hin_db_set_number(copy->to, "salvage_time", copy->now_usec));
    HIN_TRY(hin_db_set_number(copy->to, "salvage_rows", (int64_t)copy->salvaged.rows));
    HIN_TRY(hin_db_set_number(copy->to, "salvage_tables", (int64_t)copy->salvaged.tables_broken));
    return hin_db_set_number(copy->to, "salvage_lost", (int64_t)copy->salvaged.events_lost);
}

static HIN_RESULT copy_tables(struct copy *copy)
{
    for (size_t i = 0; i < HIN_COUNT(tables); i++) {
        bool whole = false, back = false;
        HIN_TRY(copy_direction(copy, &tables[i], tables[i].forward, &whole));
        if (!whole) {
            copy->salvaged.tables_broken++;
            HIN_TRY(copy_direction(copy, &tables[i], tables[i].backward, &back));
        }
    }
    HIN_TRY(hin_db_exec(copy->to, MEND));
    HIN_TRY(count_lost(copy));
    return remember(copy);
}

static HIN_RESULT copy_all(struct copy *copy)
{
    HIN_TRY(hin_db_begin(copy->to));
    HIN_TRY(hin_db_end(copy->to, copy_tables(copy)));
    return hin_store_checkpoint(copy->to);
}

static bool is_there(int directory, const char *name)
{
    struct stat info;
    return fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Where the damaged file goes: the first free name, at last the last. */
static void name_aside(int directory, const char *tenant, char *name, size_t name_bytes)
{
    (void)snprintf(name, name_bytes, "%s.db.damaged", tenant);
    for (int i = 2; i <= DAMAGED_KEPT && is_there(directory, name); i++) {
        (void)snprintf(name, name_bytes, "%s.db.damaged-%d", tenant, i);
    }
}

/* The damaged files aside, the finished one into their place. It may be cut off anywhere: as long
 * as there is "<tenant>.db.salvaged", what is called "<tenant>.db" is damaged. The log goes before
 * the file, so that a second attempt gives both the same name and no log ever stands beside a file
 * that is not its own. */
static HIN_RESULT exchange(int directory, const char *tenant)
{
    static const char *const parts[] = {"-wal", "-shm", ""};
    char from[128], to[160], aside[128];
    name_aside(directory, tenant, aside, sizeof(aside));
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        (void)snprintf(from, sizeof(from), "%s.db%s", tenant, parts[i]);
        (void)snprintf(to, sizeof(to), "%s%s", aside, parts[i]);
        if (renameat(directory, from, directory, to) != 0 && errno != ENOENT) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    (void)snprintf(from, sizeof(from), "%s.db.salvaged", tenant);
    (void)snprintf(to, sizeof(to), "%s.db", tenant);
    HIN_TRY(hin_directory_sync(directory));
    HIN_ENSURE(renameat(directory, from, directory, to) == 0, IO);
    return hin_directory_sync(directory);
}

/* Its first page can be read, and is that of one of our databases. */
static bool is_ours(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    bool ours =
        sqlite3_exec(db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA application_id", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_int(statement, 0) == HIN_STORE_APPLICATION_ID;
    (void)sqlite3_finalize(statement);
    return ours;
}

static HIN_RESULT read_damaged(const struct hin_store_options *options, struct copy *copy)
{
    struct hin_vfs *vfs = NULL;
    char name[128];
    (void)snprintf(name, sizeof(name), "%s.db", options->tenant);
    HIN_TRY(hin_vfs_new(&vfs, options->directory, NULL));
    int code = sqlite3_open_v2(name, &copy->from, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE,
                               hin_vfs_name(vfs));
    struct hin_result result = hin_ok();
    if (code != SQLITE_OK) {
        result = hin_fail(code == SQLITE_CANTOPEN ? HIN_NOT_FOUND : HIN_CORRUPT);
    } else if (!is_ours(copy->from)) {
        result = hin_fail(HIN_CORRUPT);
    } else {
        result = copy_all(copy);
    }
    (void)sqlite3_close(copy->from);
    hin_vfs_free(vfs);
    return result;
}

/* The fresh file, whole and closed, under the name that says so. */
static HIN_RESULT make_fresh(const struct hin_store_options *options, struct copy *copy,
                             const char *finished, struct hin_error *error)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    char fresh[HIN_STORE_TENANT_MAX + 1], file[128];
    (void)snprintf(fresh, sizeof(fresh), "%s--", options->tenant); /* no tenant is called so */
    for (size_t i = 0; i < HIN_COUNT(parts); i++) { /* of a salvage that was cut off */
        (void)snprintf(file, sizeof(file), "%s.db%s", fresh, parts[i]);
        (void)unlinkat(options->directory, file, 0);
    }
    struct hin_store_options target = {
        .directory = options->directory, .tenant = fresh, .create = true};
    HIN_TRY(hin_store_open(&copy->to, &target, error));
    struct hin_result result = read_damaged(options, copy);
    hin_store_close(copy->to);
    HIN_TRY(result);
    (void)snprintf(file, sizeof(file), "%s.db", fresh);
    HIN_ENSURE(renameat(options->directory, file, options->directory, finished) == 0, IO);
    return hin_directory_sync(options->directory);
}

HIN_RESULT hin_store_salvage(const struct hin_store_options *options, int64_t now_usec,
                             struct hin_store_salvaged *ret_salvaged, struct hin_error *error)
{
    struct copy copy = {.now_usec = now_usec};
    char finished[128];
    if (options->server != NULL) {
        return hin_error_set(error, HIN_UNSUPPORTED, options->tenant, 0, 0,
                             "a damaged PostgreSQL database is not salvaged: restore it from a "
                             "backup");
    }
    HIN_ENSURE(strlen(options->tenant) + 2 <= HIN_STORE_TENANT_MAX, LIMIT);
    (void)snprintf(finished, sizeof(finished), "%s.db.salvaged", options->tenant);
    if (!is_there(options->directory, finished)) { /* else only the exchange was cut off */
        HIN_TRY(make_fresh(options, &copy, finished, error));
    }
    HIN_TRY(exchange(options->directory, options->tenant));
    *ret_salvaged = copy.salvaged;
    return hin_ok();
}

HIN_RESULT hin_store_salvages(struct hin_store *store, struct hin_store_salvages *ret_salvages)
{
    static const char *const names[] = {"salvages",     "salvages_told",  "salvage_time",
                                        "salvage_rows", "salvage_tables", "salvage_lost"};
    int64_t numbers[HIN_COUNT(names)];
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        HIN_TRY(hin_db_number(store, names[i], &numbers[i]));
    }
    *ret_salvages = (struct hin_store_salvages){
        .count = (uint64_t)numbers[0],
        .told = (uint64_t)numbers[1],
        .last_usec = numbers[2],
        .last = {(uint64_t)numbers[3], (uint64_t)numbers[4], (uint64_t)numbers[5]},
    };
    return hin_ok();
}

HIN_RESULT hin_store_salvages_told(struct hin_store *store, uint64_t count)
{
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, hin_db_set_number(store, "salvages_told", (int64_t)count));
}
