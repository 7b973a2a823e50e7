#include "damaged.h"

#include <sqlite3.h>

#include "store/sqlite/internal.h"

static bool open_sealed(sqlite3 *db, enum hin_store_kind kind, int64_t id, sqlite3_stmt **row,
                        sqlite3_blob **blob)
{
    return sqlite3_prepare_v2(db, "SELECT rowid FROM document WHERE kind = ? AND id = ?", -1, row,
                              NULL) == SQLITE_OK &&
           sqlite3_bind_int64(*row, 1, kind) == SQLITE_OK &&
           sqlite3_bind_int64(*row, 2, id) == SQLITE_OK && sqlite3_step(*row) == SQLITE_ROW &&
           sqlite3_blob_open(db, "main", "document", "sealed", sqlite3_column_int64(*row, 0), 1,
                             blob) == SQLITE_OK;
}

HIN_RESULT damage_document(struct hin_store *store, enum hin_store_kind kind, int64_t id, int at,
                           uint8_t bits)
{
    sqlite3_stmt *row = NULL;
    sqlite3_blob *blob = NULL;
    uint8_t byte = 0;
    bool done = open_sealed(hin_sqlite_db(store), kind, id, &row, &blob);
    done = done && sqlite3_blob_read(blob, &byte, 1, at % sqlite3_blob_bytes(blob)) == SQLITE_OK;
    byte ^= bits;
    done = done && sqlite3_blob_write(blob, &byte, 1, at % sqlite3_blob_bytes(blob)) == SQLITE_OK;
    done = sqlite3_blob_close(blob) == SQLITE_OK && done;
    (void)sqlite3_finalize(row);
    return done ? hin_ok() : hin_fail(HIN_IO);
}
