/* Salvage: the files. What can be read of the damaged one (salvage_copy.c) is made into a fresh one
 * beside it, which then takes its place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/salvage.h"

#define DAMAGED_KEPT 3

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

/* Each of these is durable before the next, and each may be the last that was done: called again it
 * goes on. The log goes before the file, so that no log ever stands beside a file that is not its
 * own: SQLite would play it into that. */
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
        HIN_TRY(hin_directory_sync(directory));
    }
    (void)snprintf(from, sizeof(from), "%s.db.salvaged", tenant);
    (void)snprintf(to, sizeof(to), "%s.db", tenant);
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

static HIN_RESULT read_damaged(const struct hin_store_options *options, struct hin_store *to,
                               int64_t now_usec, struct hin_store_salvaged *ret_salvaged,
                               struct hin_error *error)
{
    struct hin_vfs *vfs = NULL;
    sqlite3 *from = NULL;
    char name[128];
    (void)snprintf(name, sizeof(name), "%s.db", options->tenant);
    HIN_TRY(hin_vfs_new(&vfs, options->directory, NULL));
    int code = sqlite3_open_v2(name, &from, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE,
                               hin_vfs_name(vfs));
    struct hin_result result = hin_ok();
    if (code == SQLITE_CANTOPEN) {
        result = hin_error_set(error, HIN_NOT_FOUND, name, 0, 0, "the database is not there");
    } else if (code != SQLITE_OK || !is_ours(from)) {
        result = hin_error_set(error, HIN_CORRUPT, name, 0, 0,
                               "its first page is damaged, or the file is no Hinomi database: "
                               "restore it from a backup");
    } else {
        result = hin_salvage_copy(from, to, now_usec, ret_salvaged, error);
    }
    (void)sqlite3_close(from);
    hin_vfs_free(vfs);
    return result;
}

static void remove_fresh(int directory, const char *fresh)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    char file[128];
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        (void)snprintf(file, sizeof(file), "%s.db%s", fresh, parts[i]);
        (void)unlinkat(directory, file, 0);
    }
}

static void name_finished(const struct hin_store_options *options, char name[128])
{
    (void)snprintf(name, 128, "%s.db.salvaged", options->tenant);
}

/* The fresh file, whole and closed, under the name that says so. */
static HIN_RESULT make_fresh(const struct hin_store_options *options, int64_t now_usec,
                             struct hin_store_salvaged *ret_salvaged, struct hin_error *error)
{
    char fresh[HIN_STORE_TENANT_MAX + 1], file[128], finished[128];
    struct hin_store *to = NULL;
    (void)snprintf(fresh, sizeof(fresh), "%s--", options->tenant); /* no tenant is called so */
    remove_fresh(options->directory, fresh); /* of a salvage that was cut off */
    struct hin_store_options target = {
        .directory = options->directory, .tenant = fresh, .create = true};
    HIN_TRY(hin_store_open(&to, &target, error));
    struct hin_result result = read_damaged(options, to, now_usec, ret_salvaged, error);
    hin_store_close(to);
    if (!hin_is_ok(result)) {
        remove_fresh(options->directory, fresh);
        return result;
    }
    (void)snprintf(file, sizeof(file), "%s.db", fresh);
    name_finished(options, finished);
    HIN_ENSURE(renameat(options->directory, file, options->directory, finished) == 0, IO);
    return hin_directory_sync(options->directory);
}

bool hin_store_salvage_is_made(const struct hin_store_options *options)
{
    char finished[128];
    name_finished(options, finished);
    return is_there(options->directory, finished);
}

HIN_RESULT hin_store_salvage_make(const struct hin_store_options *options, int64_t now_usec,
                                  struct hin_store_salvaged *ret_salvaged, struct hin_error *error)
{
    struct hin_store_salvaged salvaged = {0};
    if (options->server != NULL) {
        return hin_error_set(error, HIN_UNSUPPORTED, options->tenant, 0, 0,
                             "a damaged PostgreSQL database is not salvaged: restore it from a "
                             "backup");
    }
    HIN_ENSURE(strlen(options->tenant) + 2 <= HIN_STORE_TENANT_MAX, LIMIT);
    HIN_ENSURE(!hin_store_salvage_is_made(options), EXISTS);
    HIN_TRY(make_fresh(options, now_usec, &salvaged, error));
    *ret_salvaged = salvaged;
    return hin_ok();
}

HIN_RESULT hin_store_salvage_take(const struct hin_store_options *options)
{
    HIN_ENSURE(hin_store_salvage_is_made(options), NOT_FOUND);
    return exchange(options->directory, options->tenant);
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

HIN_RESULT hin_store_damage_told(struct hin_store *store, uint64_t *ret_count)
{
    int64_t count = 0;
    HIN_TRY(hin_db_number(store, HIN_DAMAGE_TOLD, &count));
    *ret_count = (uint64_t)count;
    return hin_ok();
}

HIN_RESULT hin_store_tell_damage(struct hin_store *store, uint64_t count)
{
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, hin_db_set_number(store, HIN_DAMAGE_TOLD, (int64_t)count));
}
