#include "store/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "store/internal.h"

struct place { /* an end of the chain */
    int64_t number;
    uint8_t hash[HIN_CHAIN_HASH_BYTES];
};

static void take_hash(struct place *place, struct hin_view hash)
{
    hin_copy(place->hash, hash.data, HIN_MIN(hash.size, sizeof(place->hash)));
}

static HIN_RESULT last_row(struct hin_store *store, struct place *ret_place)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_LAST, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_place = (struct place){0};
    if (row) {
        ret_place->number = hin_db_int(statement, 0);
        take_hash(ret_place, hin_db_blob(statement, 1));
        hin_db_reset(statement);
    }
    return hin_ok();
}

/* The second copy of the end; number 0 when there is none (an older version, or it was lost). */
static HIN_RESULT noted_end(struct hin_store *store, struct place *ret_place)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_GET, &statement));
    hin_db_bind_text(statement, 1, "audit_end");
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_place = (struct place){0};
    if (row && hin_db_blob(statement, 1).size == sizeof(ret_place->hash)) {
        ret_place->number = hin_db_int(statement, 0);
        take_hash(ret_place, hin_db_blob(statement, 1));
    }
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT note_end(struct hin_store *store, const struct place *place)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_SET, &statement));
    hin_db_bind_text(statement, 1, "audit_end");
    hin_db_bind_int(statement, 2, place->number);
    hin_db_bind_blob(statement, 3, hin_view_of(place->hash, sizeof(place->hash)));
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_audit_head(struct hin_store *store, int64_t *ret_number,
                                uint8_t ret_hash[HIN_STORE_AUDIT_HASH_BYTES])
{
    struct place place;
    HIN_TRY(last_row(store, &place));
    *ret_number = place.number;
    hin_copy(ret_hash, place.hash, sizeof(place.hash));
    return hin_ok();
}

/* ---- appending ---- */

static struct hin_stand stand_of(char row[32], int64_t number)
{
    (void)snprintf(row, 32, "%lld", (long long)number);
    return (struct hin_stand){HIN_OWNER_AUDIT, number, "audit", row, "entry"};
}

/* The body of an entry: its head, then salt and text sealed, into store->body. */
static HIN_RESULT make_body(struct hin_store *store, int64_t number, struct hin_chain_body *body,
                            struct hin_view text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = HIN_STORE_AUDIT_MAX_BYTES + 64};
    uint8_t salt[HIN_CHAIN_SALT_BYTES];
    char row[32];
    HIN_TRY(hin_random(salt, sizeof(salt)));
    HIN_TRY(hin_chain_commit(hin_view_of(salt, sizeof(salt)), text, body->commitment));
    HIN_TRY(hin_buf_append(&plain, hin_view_of(salt, sizeof(salt))));
    HIN_TRY(hin_buf_append(&plain, text));
    struct hin_stand stand = stand_of(row, number);
    hin_buf_clear(&store->body);
    HIN_TRY(hin_chain_body_head(body, &store->body));
    return hin_store_seal(store, &stand, hin_buf_view(&plain), &store->body);
}

/* Behind `end`, which moves on. */
static HIN_RESULT put_entry(struct hin_store *store, struct place *end, struct hin_chain_body *body,
                            struct hin_view text, int64_t now_usec)
{
    struct hin_statement *statement = NULL;
    struct place next = {.number = end->number + 1};
    HIN_TRY(make_body(store, next.number, body, text));
    HIN_TRY(
        hin_chain_hash(end->hash, next.number, now_usec, hin_buf_view(&store->body), next.hash));
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_PUT, &statement));
    hin_db_bind(statement, 2, next.number, now_usec);
    hin_db_bind_blob(statement, 3, hin_view_of(next.hash, sizeof(next.hash)));
    hin_db_bind_blob(statement, 4, hin_buf_view(&store->body));
    HIN_TRY(hin_db_run(store, statement));
    *end = next;
    return hin_ok();
}

static HIN_RESULT put_gap(struct hin_store *store, struct place *end,
                          const struct hin_chain_hole *hole, const char *why, int64_t now_usec)
{
    char text[256];
    int64_t count = 0;
    struct hin_chain_body body = {.kind = HIN_CHAIN_GAP, .hole = *hole};
    (void)snprintf(text, sizeof(text),
                   "{\"time\":%lld,\"action\":\"audit.gap\",\"outcome\":\"done\",\"actor\":"
                   "\"store\",\"detail\":\"entries %lld to %lld %s\"}",
                   (long long)(now_usec / 1000), (long long)hole->first, (long long)hole->last,
                   why);
    HIN_TRY(put_entry(store, end, &body, hin_view_from_text(text), now_usec));
    HIN_TRY(hin_db_number(store, "audit_gaps", &count));
    return hin_db_set_number(store, "audit_gaps", count + 1);
}

/* What was noted and is not there any more. *ret_hole is of the end that there is, when there is
 * one. */
static HIN_RESULT compare_ends(struct hin_store *store, struct place *ret_end,
                               struct hin_chain_hole *ret_hole, bool *ret_cut)
{
    struct place noted;
    HIN_TRY(last_row(store, ret_end));
    HIN_TRY(noted_end(store, &noted));
    bool other = noted.number > 0 && noted.number == ret_end->number &&
                 memcmp(noted.hash, ret_end->hash, sizeof(noted.hash)) != 0;
    *ret_cut = noted.number > ret_end->number;
    *ret_hole = (struct hin_chain_hole){0};
    if (*ret_cut || other) {
        const struct place *resume = *ret_cut ? &noted : ret_end;
        ret_hole->first = *ret_cut ? ret_end->number + 1 : ret_end->number;
        ret_hole->last = noted.number;
        hin_copy(ret_hole->resume, resume->hash, sizeof(ret_hole->resume));
        *ret_end = *resume;
    }
    return hin_ok();
}

/* Where the next entry goes. What was noted and is not there any more is named first. */
static HIN_RESULT find_end(struct hin_store *store, int64_t now_usec, struct place *ret_end)
{
    struct place end;
    struct hin_chain_hole hole;
    bool cut = false;
    HIN_TRY(compare_ends(store, &end, &hole, &cut));
    if (hole.first > 0) {
        HIN_TRY(put_gap(store, &end, &hole,
                        cut ? "are lost: they were the last, and are not there any more"
                            : "are not what was written last",
                        now_usec));
    }
    *ret_end = end;
    return hin_ok();
}

static HIN_RESULT append(struct hin_store *store, struct hin_view bytes, int64_t now_usec,
                         int64_t *ret_number)
{
    struct place end;
    struct hin_chain_body body = {.kind = HIN_CHAIN_ENTRY};
    HIN_TRY(find_end(store, now_usec, &end));
    HIN_TRY(put_entry(store, &end, &body, bytes, now_usec));
    HIN_TRY(note_end(store, &end));
    *ret_number = end.number;
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

/* ---- reading ---- */

/* The text of an entry, opened into `plain`. */
static HIN_RESULT open_entry(struct hin_store *store, struct hin_store_audit *entry,
                             const struct hin_data_key *key, struct hin_buf *plain)
{
    char row[32];
    struct hin_chain_body body;
    struct hin_stand stand = stand_of(row, entry->number);
    HIN_ENSURE(hin_is_ok(hin_chain_body_read(entry->body, &body)), CORRUPT);
    HIN_TRY(hin_store_unseal(store, &stand, key, body.sealed, plain));
    struct hin_view text = hin_buf_view(plain);
    if (body.kind != HIN_CHAIN_OLD) {
        HIN_ENSURE(text.size >= HIN_CHAIN_SALT_BYTES, CORRUPT);
        entry->salt = hin_view_sub(text, 0, HIN_CHAIN_SALT_BYTES);
        text = hin_view_sub(text, HIN_CHAIN_SALT_BYTES, text.size);
    }
    entry->bytes = text;
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
    entry.body = hin_db_blob(statement, 3);
    struct hin_data_key key = hin_data_key_column(statement, 4);
    entry.erased = key.there && key.sealed.size == 0;
    hin_buf_clear(buf);
    struct hin_result opened = open_entry(store, &entry, &key, buf);
    if (hin_is_ok(opened) || entry.erased) {
        return visit(context, &entry);
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
    hin_buf_init(&lister.buf, HIN_STORE_AUDIT_MAX_BYTES + HIN_CHAIN_SALT_BYTES);
    struct hin_result result = hin_ok();
    while (hin_is_ok(result) && count == asked && left > 0) {
        asked = HIN_MIN(left, (size_t)ROUND);
        result = list_round(&lister, asked, &count);
        left -= count;
    }
    hin_buf_done(&lister.buf);
    return result;
}

/* ---- erasing ---- */

static HIN_RESULT erase(struct hin_store *store, int64_t number)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_UP, &statement));
    hin_db_bind(statement, 2, number - 1, INT64_C(1));
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    bool found = hin_db_int(statement, 0) == number;
    bool own = !hin_db_is_null(statement, 4);
    hin_db_reset(statement);
    HIN_ENSURE(found, NOT_FOUND);
    HIN_ENSURE(own, CONFLICT);
    HIN_TRY(hin_db_use(store, HIN_SQL_DATA_KEY_PUT, &statement));
    hin_db_bind(statement, 1, hin_data_number(HIN_OWNER_AUDIT, number));
    hin_db_bind_blob(statement, 2, HIN_VIEW_EMPTY);
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_audit_erase(struct hin_store *store, int64_t number)
{
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(number > 0, NOT_FOUND);
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, erase(store, number));
}

/* ---- verifying ---- */

static HIN_RESULT add_row(struct hin_chain *chain, struct hin_statement *statement)
{
    struct hin_chain_fault fault;
    struct hin_chain_link link = {.number = hin_db_int(statement, 0),
                                  .time_usec = hin_db_int(statement, 1),
                                  .body = hin_db_blob(statement, 3)};
    struct hin_view hash = hin_db_blob(statement, 2);
    hin_copy(link.hash, hash.data, HIN_MIN(hash.size, sizeof(link.hash)));
    struct hin_result added = hin_chain_add(chain, &link, &fault);
    if (added.code == HIN_CORRUPT && hin_is_ok(hin_chain_skip(chain, &fault))) {
        /* A hole that this entry names: now the entry itself. */
        added = fault.why == HIN_CHAIN_LOST ? hin_chain_add(chain, &link, &fault) : hin_ok();
        if (added.code == HIN_CORRUPT) {
            added = hin_chain_skip(chain, &fault);
        }
    }
    return added.code == HIN_INVALID || added.code == HIN_LIMIT ? hin_fail(HIN_CORRUPT) : added;
}

static HIN_RESULT run_round(struct hin_store *store, struct hin_chain *chain, int64_t *after,
                            bool *ret_more)
{
    struct hin_statement *statement = NULL;
    size_t count = 0;
    bool row = true;
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_LINKS, &statement));
    hin_db_bind(statement, 2, *after, (int64_t)ROUND);
    for (;; count++) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            *ret_more = count == ROUND;
            return hin_ok();
        }
        *after = hin_db_int(statement, 0);
        struct hin_result added = add_row(chain, statement);
        if (!hin_is_ok(added)) {
            hin_db_reset(statement);
            return added;
        }
    }
}

/* Every entry. CORRUPT: one that cannot be gone around; chain->number is the last before it. */
static HIN_RESULT run_chain(struct hin_store *store, struct hin_chain *chain)
{
    int64_t after = 0;
    for (bool more = true; more;) {
        HIN_TRY(run_round(store, chain, &after, &more));
    }
    return hin_ok();
}

/* The lowest of the places that no gap entry names yet; tail: of the end, or 0. */
static int64_t first_hole(const struct hin_chain *chain, int64_t tail)
{
    int64_t first = tail;
    for (size_t i = 0; i < chain->hole_count; i++) {
        first = first == 0 || chain->holes[i].first < first ? chain->holes[i].first : first;
    }
    return first;
}

HIN_RESULT hin_store_audit_verify(struct hin_store *store, int64_t *ret_count, int64_t *ret_broken)
{
    struct hin_chain chain = {0};
    struct hin_chain_hole tail;
    struct place end;
    bool cut = false;
    struct hin_result result = run_chain(store, &chain);
    HIN_TRY(compare_ends(store, &end, &tail, &cut));
    *ret_count = chain.entries;
    *ret_broken = first_hole(&chain, tail.first);
    if (!hin_is_ok(result) && *ret_broken == 0) {
        *ret_broken = chain.number + 1;
    }
    HIN_TRY(result);
    return *ret_broken == 0 ? hin_ok() : hin_fail(HIN_CORRUPT);
}

static HIN_RESULT declare(struct hin_store *store, const struct hin_chain *chain, int64_t now_usec)
{
    struct place end;
    HIN_TRY(find_end(store, now_usec, &end));
    for (size_t i = 0; i < chain->hole_count; i++) {
        HIN_TRY(put_gap(store, &end, &chain->holes[i],
                        "do not fit, or are missing: what they were cannot be proven", now_usec));
    }
    return note_end(store, &end);
}

HIN_RESULT hin_store_audit_mend(struct hin_store *store, int64_t now_usec, int64_t *ret_broken)
{
    struct hin_chain chain = {0};
    struct hin_chain_hole tail;
    struct place end;
    bool cut = false;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(run_chain(store, &chain));
    HIN_TRY(compare_ends(store, &end, &tail, &cut));
    if (chain.hole_count > 0 || tail.first > 0) {
        HIN_TRY(hin_db_begin(store));
        HIN_TRY(hin_db_end(store, declare(store, &chain, now_usec)));
    }
    *ret_broken = first_hole(&chain, tail.first);
    return hin_ok();
}

static HIN_RESULT fresh_gaps(struct hin_store *store, int64_t *ret_count, int64_t *ret_fresh)
{
    int64_t told = 0;
    HIN_TRY(hin_db_number(store, "audit_gaps", ret_count));
    HIN_TRY(hin_db_number(store, "audit_gaps_told", &told));
    *ret_fresh = HIN_MAX(*ret_count - told, INT64_C(0));
    return hin_ok();
}

static HIN_RESULT take_gaps(struct hin_store *store, int64_t *ret_fresh)
{
    int64_t count = 0;
    HIN_TRY(fresh_gaps(store, &count, ret_fresh));
    return *ret_fresh > 0 ? hin_db_set_number(store, "audit_gaps_told", count) : hin_ok();
}

HIN_RESULT hin_store_audit_gaps_take(struct hin_store *store, int64_t *ret_fresh)
{
    int64_t count = 0;
    HIN_TRY(fresh_gaps(store, &count, ret_fresh)); /* mostly none: without a transaction */
    if (*ret_fresh == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, take_gaps(store, ret_fresh));
}

struct hin_chain_link hin_store_audit_link(const struct hin_store_audit *entry)
{
    struct hin_chain_link link = {.number = entry->number,
                                  .time_usec = entry->time_usec,
                                  .body = entry->body,
                                  .salt = entry->salt,
                                  .text = entry->bytes};
    hin_copy(link.hash, entry->hash, sizeof(link.hash));
    return link;
}
