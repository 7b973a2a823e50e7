/* What the files of store/sqlite share. */
#ifndef HIN_STORE_SQLITE_INTERNAL_H
#define HIN_STORE_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "store/internal.h"
#include "store/sqlite/vfs.h"

struct hin_sqlite { /* a store's connection */
    sqlite3 *db;
    struct hin_vfs *vfs;
    unsigned cache_kib;
    bool loading;       /* without a log */
    int file;           /* -1, or since a load: to have it written out early */
    int64_t busy_since; /* monotonic: since when another process's lock is awaited */
};

static inline sqlite3 *hin_sqlite_db(const struct hin_store *store)
{
    const struct hin_sqlite *sqlite = store->connection;
    return sqlite->db;
}
struct hin_view hin_sqlite_blob(sqlite3_stmt *statement, int column) HIN_NONNULL;

/* What a code of SQLite means; a page that is needed and damaged marks the store as broken. */
HIN_RESULT hin_db_code(struct hin_store *store, int code) HIN_NONNULL;
/* Statements of this backend alone: pragmas, migrations, salvage. */
HIN_RESULT hin_db_exec(struct hin_store *store, const char *sql) HIN_NONNULL;

#endif
