#include "store/audit.h"

#include <stdio.h>

#include "base/bytes.h"
#include "crypt/hash.h"
#include "store/internal.h"

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
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_LAST, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_number = 0;
    hin_zero(ret_hash, HIN_STORE_AUDIT_HASH_BYTES);
    if (row) {
        struct hin_view hash = hin_db_blob(statement, 1);
        *ret_number = hin_db_int(statement, 0);
        hin_copy(ret_hash, hash.data, HIN_MIN(hash.size, (size_t)HIN_STORE_AUDIT_HASH_BYTES));
        hin_db_reset(statement);
    }
    return hin_ok();
}

static HIN_RESULT append(struct hin_store *store, struct hin_view bytes, int64_t now_usec,
                         int64_t *ret_number)
{
    struct hin_statement *statement = NULL;
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
visit_entry(struct hin_store *store, struct hin_statement *statement, struct hin_buf *buf,
            HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry), void *context)
{
    struct hin_store_audit entry = {.number = hin_db_int(statement, 0),
                                    .time_usec = hin_db_int(statement, 1)};
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

enum { ROUND = 256 }; /* entries are asked for in rounds: a database may hand over a round whole */

struct lister {
    struct hin_store *store;
    bool descending;
    int64_t after; /* the last one visited */
    HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry);
    void *context;
    struct hin_buf buf;
};

static HIN_RESULT list_round(struct lister *lister, size_t limit, size_t *ret_count)
{
    struct hin_statement *statement = NULL;
    bool row = true;
    *ret_count = 0;
    HIN_TRY(hin_db_use(lister->store, lister->descending ? HIN_SQL_AUDIT_DOWN : HIN_SQL_AUDIT_UP,
                       &statement));
    hin_db_bind(statement, 2, lister->after, (int64_t)limit);
    for (;;) {
        HIN_TRY(hin_db_step(lister->store, statement, &row));
        if (!row) {
            return hin_ok();
        }
        lister->after = hin_db_int(statement, 0);
        (*ret_count)++;
        struct hin_result result =
            visit_entry(lister->store, statement, &lister->buf, lister->visit, lister->context);
        if (!hin_is_ok(result)) {
            hin_db_reset(statement);
            return result;
        }
    }
}

HIN_RESULT
hin_store_audit_list(struct hin_store *store, int64_t after, bool descending, size_t limit,
                     HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry),
                     void *context)
{
    HIN_TRY(hin_store_ready(store));
    struct lister lister = {.store = store,
                            .descending = descending,
                            .after = descending && after == 0 ? INT64_MAX : after,
                            .visit = visit,
                            .context = context};
    size_t left = limit == 0 ? SIZE_MAX : limit, asked = ROUND, count = ROUND;
    hin_buf_init(&lister.buf, HIN_STORE_AUDIT_MAX_BYTES);
    struct hin_result result = hin_ok();
    while (hin_is_ok(result) && count == asked && left > 0) {
        asked = HIN_MIN(left, (size_t)ROUND);
        result = list_round(&lister, asked, &count);
        left -= count;
    }
    hin_buf_done(&lister.buf);
    return result;
}

/* One row of the chain; *ret_fits when it follows on what stands in before, which then becomes its
 * hash. */
static HIN_RESULT check_row(struct hin_statement *statement, int64_t expected, uint8_t *before,
                            bool *ret_fits)
{
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    HIN_TRY(chain(before, expected, hin_db_int(statement, 1), hin_db_blob(statement, 3), hash));
    *ret_fits = hin_db_int(statement, 0) == expected &&
                hin_view_equal(hin_db_blob(statement, 2), hin_view_of(hash, sizeof(hash)));
    hin_copy(before, hash, sizeof(hash));
    return hin_ok();
}

/* *ret_more: the round was full, and all of it fits. */
static HIN_RESULT check_round(struct hin_store *store, uint8_t *before, int64_t *count,
                              bool *ret_more)
{
    struct hin_statement *statement = NULL;
    int64_t begin = *count;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_UP, &statement));
    hin_db_bind(statement, 2, begin, (int64_t)ROUND);
    for (;;) {
        bool row = false, fits = false;
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            *ret_more = *count - begin == ROUND;
            return hin_ok();
        }
        struct hin_result result = check_row(statement, *count + 1, before, &fits);
        if (!hin_is_ok(result) || !fits) {
            hin_db_reset(statement);
            return hin_is_ok(result) ? hin_fail(HIN_CORRUPT) : result;
        }
        (*count)++;
    }
}

HIN_RESULT hin_store_audit_verify(struct hin_store *store, int64_t *ret_count, int64_t *ret_broken)
{
    uint8_t before[HIN_STORE_AUDIT_HASH_BYTES] = {0};
    int64_t count = 0;
    bool more = true;
    struct hin_result result = hin_ok();
    while (hin_is_ok(result) && more) {
        result = check_round(store, before, &count, &more);
    }
    *ret_count = count;
    *ret_broken = hin_is_ok(result) ? 0 : count + 1;
    return result;
}
