#include "store/audit.h"

#include <stdio.h>

#include "base/bytes.h"
#include "crypt/hash.h"
#include "store/sqlite/internal.h"

/* hash = SHA-256(hash before || u64 number || u64 time || sealed bytes) */
static HIN_RESULT chain(const uint8_t *before, int64_t number, int64_t time_usec,
                        struct hin_view sealed, uint8_t *ret_hash)
{
    struct hin_sha256 *sha = NULL;
    uint8_t head[HIN_STORE_AUDIT_HASH_BYTES + 16];
    hin_copy(head, before, HIN_STORE_AUDIT_HASH_BYTES);
    hin_store_u64(head + HIN_STORE_AUDIT_HASH_BYTES, (uint64_t)number);
    hin_store_u64(head + HIN_STORE_AUDIT_HASH_BYTES + 8, (uint64_t)time_usec);
    HIN_TRY(hin_sha256_new(&sha));
    struct hin_result result = hin_sha256_begin(sha);
    if (hin_is_ok(result)) {
        result = hin_sha256_add(sha, hin_view_of(head, sizeof(head)));
    }
    if (hin_is_ok(result)) {
        result = hin_sha256_add(sha, sealed);
    }
    if (hin_is_ok(result)) {
        result = hin_sha256_end(sha, ret_hash);
    }
    hin_sha256_free(sha);
    return result;
}

HIN_RESULT hin_store_audit_head(struct hin_store *store, int64_t *ret_number,
                                uint8_t ret_hash[HIN_STORE_AUDIT_HASH_BYTES])
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_LAST, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_number = 0;
    hin_zero(ret_hash, HIN_STORE_AUDIT_HASH_BYTES);
    if (row) {
        struct hin_view hash = hin_db_blob(statement, 1);
        *ret_number = sqlite3_column_int64(statement, 0);
        hin_copy(ret_hash, hash.data, HIN_MIN(hash.size, (size_t)HIN_STORE_AUDIT_HASH_BYTES));
        (void)sqlite3_reset(statement);
    }
    return hin_ok();
}

static HIN_RESULT append(struct hin_store *store, struct hin_view bytes, int64_t now_usec,
                         int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    uint8_t before[HIN_STORE_AUDIT_HASH_BYTES], hash[HIN_STORE_AUDIT_HASH_BYTES];
    HIN_TRY(hin_store_audit_head(store, &number, before));
    number++;
    char row[32];
    (void)snprintf(row, sizeof(row), "%lld", (long long)number);
    hin_buf_clear(&store->body);
    HIN_TRY(hin_store_seal(store, "audit", row, "entry", bytes, &store->body));
    HIN_TRY(chain(before, number, now_usec, hin_buf_view(&store->body), hash));
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_PUT, &statement));
    hin_db_bind(statement, 2, number, now_usec);
    hin_db_bind_blob(statement, 3, hin_view_of(hash, sizeof(hash)));
    hin_db_bind_blob(statement, 4, hin_buf_view(&store->body));
    HIN_TRY(hin_db_run(store, statement));
    *ret_number = number;
    return hin_ok();
}

HIN_RESULT hin_store_audit_append(struct hin_store *store, struct hin_view bytes, int64_t now_usec,
                                  int64_t *ret_number)
{
    int64_t number = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(bytes.size <= HIN_STORE_AUDIT_MAX_BYTES, LIMIT);
    HIN_TRY(hin_db_begin(store));
    HIN_TRY(hin_db_end(store, append(store, bytes, now_usec, &number)));
    *ret_number = number;
    return hin_ok();
}

static HIN_RESULT
visit_entry(struct hin_store *store, sqlite3_stmt *statement, struct hin_buf *buf,
            HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry), void *context)
{
    struct hin_store_audit entry = {.number = sqlite3_column_int64(statement, 0),
                                    .time_usec = sqlite3_column_int64(statement, 1)};
    struct hin_view hash = hin_db_blob(statement, 2);
    hin_copy(entry.hash, hash.data, HIN_MIN(hash.size, sizeof(entry.hash)));
    char row[32];
    (void)snprintf(row, sizeof(row), "%lld", (long long)entry.number);
    hin_buf_clear(buf);
    struct hin_result opened =
        hin_store_unseal(store, "audit", row, "entry", hin_db_blob(statement, 3), buf);
    if (hin_is_ok(opened)) {
        entry.bytes = hin_buf_view(buf);
    } else if (hin_store_is_damage(opened)) {
        store->damage_met++;
    } else {
        return opened;
    }
    return visit(context, &entry);
}

HIN_RESULT
hin_store_audit_list(struct hin_store *store, int64_t after, bool descending, size_t limit,
                     HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry),
                     void *context)
{
    sqlite3_stmt *statement = NULL;
    struct hin_buf buf;
    bool row = true;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, descending ? HIN_SQL_AUDIT_DOWN : HIN_SQL_AUDIT_UP, &statement));
    hin_db_bind(statement, 2, descending && after == 0 ? INT64_MAX : after,
                limit == 0 ? (int64_t)-1 : (int64_t)limit);
    hin_buf_init(&buf, HIN_STORE_AUDIT_MAX_BYTES);
    struct hin_result result = hin_ok();
    while (hin_is_ok(result)) {
        result = hin_db_step(store, statement, &row);
        if (!hin_is_ok(result) || !row) {
            break;
        }
        result = visit_entry(store, statement, &buf, visit, context);
    }
    (void)sqlite3_reset(statement);
    hin_buf_done(&buf);
    return result;
}

/* One row of the chain; *ret_fits when it follows on what stands in before, which then becomes its
 * hash. */
static HIN_RESULT check_row(sqlite3_stmt *statement, int64_t expected, uint8_t *before,
                            bool *ret_fits)
{
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    HIN_TRY(chain(before, expected, sqlite3_column_int64(statement, 1), hin_db_blob(statement, 3),
                  hash));
    *ret_fits = sqlite3_column_int64(statement, 0) == expected &&
                hin_view_equal(hin_db_blob(statement, 2), hin_view_of(hash, sizeof(hash)));
    hin_copy(before, hash, sizeof(hash));
    return hin_ok();
}

HIN_RESULT hin_store_audit_verify(struct hin_store *store, int64_t *ret_count, int64_t *ret_broken)
{
    sqlite3_stmt *statement = NULL;
    uint8_t before[HIN_STORE_AUDIT_HASH_BYTES] = {0};
    int64_t count = 0;
    bool row = true;
    *ret_broken = 0;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_UP, &statement));
    hin_db_bind(statement, 2, INT64_C(0), INT64_C(-1));
    for (;;) {
        bool fits = false;
        struct hin_result result = hin_db_step(store, statement, &row);
        if (hin_is_ok(result) && !row) {
            *ret_count = count;
            return hin_ok();
        }
        if (hin_is_ok(result)) {
            result = check_row(statement, count + 1, before, &fits);
        }
        if (!hin_is_ok(result) || !fits) {
            (void)sqlite3_reset(statement);
            *ret_count = count;
            *ret_broken = count + 1;
            return hin_is_ok(result) ? hin_fail(HIN_CORRUPT) : result;
        }
        count++;
    }
}
