/* All data keys under new table keys: the step of an erasure after which the table keys of before,
 * and with them copies of the table data_key, are worth nothing. Where it stands is in meta. */
#include "base/bytes.h"
#include "store/events.h"
#include "store/internal.h"

enum phase { /* stored */
             PHASE_NONE,
             PHASE_KEYS,
             PHASE_SEGMENTS, /* what version 1 sealed directly: these three */
             PHASE_DOCUMENTS,
             PHASE_AGENTS,
             PHASE_MARK,
             PHASE_SEALED,
};
enum { SEGMENTS_A_STEP = 4 };

static HIN_RESULT set_place(struct hin_store *store, int64_t phase, int64_t at)
{
    HIN_TRY(hin_db_set_number(store, "reseal_phase", phase));
    return hin_db_set_number(store, "reseal_at", at);
}

static HIN_RESULT begin(struct hin_store *store)
{
    int64_t epoch = 0;
    HIN_TRY(hin_db_number(store, "epoch", &epoch));
    HIN_TRY(hin_db_set_number(store, "epoch", epoch + 1));
    return set_place(store, PHASE_KEYS, 0);
}

HIN_RESULT hin_store_reseal_begin(struct hin_store *store)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, begin(store));
}

/* --- data keys --- */

struct row {
    int64_t number;
    uint8_t sealed[HIN_SEAL_OVERHEAD_BYTES + HIN_SEAL_KEY_BYTES];
    size_t size;
};

struct round {
    struct hin_store *store;
    size_t limit, count;
    struct row rows[HIN_STORE_RESEAL_MOST];
    struct hin_store_resealed *progress;
    struct hin_buf buf;
    int64_t phase, at;
};

static HIN_RESULT list(struct round *round, enum hin_sql sql, size_t limit)
{
    struct hin_statement *statement = NULL;
    bool any = true;
    round->count = 0;
    HIN_TRY(hin_db_use(round->store, sql, &statement));
    hin_db_bind(statement, 2, round->at, (int64_t)limit);
    while (round->count < limit) {
        HIN_TRY(hin_db_step(round->store, statement, &any));
        if (!any) {
            return hin_ok();
        }
        struct row *row = &round->rows[round->count++];
        row->number = hin_db_int(statement, 0);
        row->size = 0;
        if (sql == HIN_SQL_DATA_KEY_LIST) {
            struct hin_view sealed = hin_db_blob(statement, 1);
            row->size = HIN_MIN(sealed.size, sizeof(row->sealed));
            hin_copy(row->sealed, sealed.data, row->size);
        }
    }
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT is_present(struct hin_store *store, struct hin_view sealed, bool *ret_present)
{
    struct hin_statement *statement = NULL;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    *ret_present = false;
    if (!hin_is_ok(hin_seal_key_id(sealed, id))) {
        return hin_ok(); /* damaged, which opening it says */
    }
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_SEALS, &statement));
    hin_db_bind_blob(statement, 1, hin_view_of(id, sizeof(id)));
    HIN_TRY(hin_db_step(store, statement, ret_present));
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT note_damage(struct round *round, int64_t number)
{
    round->progress->damaged++;
    return number >> 56 == HIN_OWNER_SEGMENT
               ? hin_segment_mark_damaged(round->store, number - hin_data_number(1, 0))
               : hin_ok();
}

static HIN_RESULT reseal_key(struct round *round, const struct row *row)
{
    struct hin_store *store = round->store;
    struct hin_view sealed = hin_view_of(row->sealed, row->size);
    bool present = false;
    if (row->size == 0) {
        return hin_ok(); /* erased on purpose */
    }
    HIN_TRY(is_present(store, sealed, &present));
    if (present) {
        return hin_ok();
    }
    struct hin_result got = hin_data_key_read(store, row->number, sealed);
    if (hin_is_ok(got)) {
        got = hin_data_key_put(store, row->number);
        round->progress->keys += hin_is_ok(got);
    } else if (hin_store_is_damage(got)) {
        got = note_damage(round, row->number);
    }
    hin_wipe(store->own_key.data, store->own_key.size);
    return got;
}

/* --- what version 1 sealed directly --- */

static HIN_RESULT keep_event(void *context, const struct hin_store_event *event,
                             enum hin_store_verdict *ret_verdict,
                             struct hin_store_event *replacement)
{
    (void)context, (void)event, (void)replacement;
    *ret_verdict = HIN_STORE_KEEP;
    return hin_ok();
}

static HIN_RESULT reseal_segment(struct round *round, const struct row *row)
{
    struct hin_store *store = round->store;
    struct hin_store_rewrite rewrite = {.judge = keep_event, .always = true};
    struct hin_store_rewritten done = {0};
    struct hin_result sealed = hin_segment_rewrite(store, &rewrite, row->number, &done);
    round->progress->things += done.segments_rewritten;
    if (hin_store_is_damage(sealed)) {
        HIN_TRY(hin_db_inside(store));
        return note_damage(round, hin_data_number(HIN_OWNER_SEGMENT, row->number));
    }
    return sealed;
}

static HIN_RESULT reseal_value(struct round *round, struct hin_result sealed)
{
    if (hin_store_is_damage(sealed)) {
        HIN_TRY(hin_db_inside(round->store));
        round->progress->damaged++;
        return hin_ok();
    }
    round->progress->things += hin_is_ok(sealed);
    return sealed;
}

static HIN_RESULT reseal_document(struct round *round, const struct row *row)
{
    int kind = (int)(row->number >> 56) - HIN_OWNER_DOCUMENT;
    int64_t id = row->number - hin_data_number(HIN_OWNER_DOCUMENT + kind, 0);
    return reseal_value(round, hin_document_reseal(round->store, kind, id, &round->buf));
}

static HIN_RESULT reseal_agent(struct round *round, const struct row *row)
{
    return reseal_value(round, hin_agent_reseal(round->store, row->number, &round->buf));
}

static const struct {
    enum hin_sql list;
    HIN_RESULT (*reseal)(struct round *round, const struct row *row);
} phases[PHASE_MARK] = {
    [PHASE_KEYS] = {HIN_SQL_DATA_KEY_LIST, reseal_key},
    [PHASE_SEGMENTS] = {HIN_SQL_SEGMENT_DIRECT, reseal_segment},
    [PHASE_DOCUMENTS] = {HIN_SQL_DOCUMENT_DIRECT, reseal_document},
    [PHASE_AGENTS] = {HIN_SQL_AGENT_DIRECT, reseal_agent},
};

static HIN_RESULT any_direct(struct hin_store *store, bool *ret_any)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_DIRECT, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_any = row && hin_db_int(statement, 0) > 0;
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT do_phase(struct round *round)
{
    bool segments = round->phase == PHASE_SEGMENTS, direct = true;
    size_t limit = segments ? HIN_MIN(round->limit, (size_t)SEGMENTS_A_STEP) : round->limit;
    HIN_TRY(list(round, phases[round->phase].list, limit));
    for (size_t i = 0; i < round->count; i++) {
        HIN_TRY(phases[round->phase].reseal(round, &round->rows[i]));
        round->at = round->rows[i].number;
    }
    if (round->count == limit) {
        return set_place(round->store, round->phase, round->at);
    }
    if (round->phase == PHASE_KEYS) { /* mostly there are none of version 1 */
        HIN_TRY(any_direct(round->store, &direct));
    }
    return set_place(round->store, direct ? round->phase + 1 : PHASE_MARK, 0);
}

static HIN_RESULT step(struct round *round)
{
    struct hin_sealer *sealer = NULL;
    HIN_TRY(hin_db_number(round->store, "reseal_phase", &round->phase));
    HIN_TRY(hin_db_number(round->store, "reseal_at", &round->at));
    HIN_ENSURE(round->phase > PHASE_NONE, CONFLICT);
    HIN_TRY(hin_store_sealer(round->store, &sealer)); /* of this epoch */
    if (round->phase < PHASE_MARK) {
        return do_phase(round);
    }
    if (round->phase == PHASE_MARK) {
        HIN_TRY(hin_store_put_mark(round->store));
        HIN_TRY(set_place(round->store, PHASE_SEALED, 0));
    }
    round->progress->sealed = true;
    return hin_ok();
}

HIN_RESULT hin_store_reseal_step(struct hin_store *store, size_t limit, int64_t now_usec,
                                 struct hin_store_resealed *progress)
{
    struct hin_store_resealed done = *progress;
    struct round *round = NULL;
    (void)now_usec;
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction && limit > 0 && limit <= HIN_STORE_RESEAL_MOST, INVALID);
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_result result = HIN_ARENA_NEW(&arena, &round);
    if (hin_is_ok(result)) {
        *round = (struct round){.store = store, .limit = limit, .progress = &done};
        hin_buf_init(&round->buf, HIN_SEALED_MAX);
        store->backend->overwrite(store, true);
        result = hin_db_begin(store);
        if (hin_is_ok(result)) {
            result = hin_db_end(store, step(round));
        }
        store->backend->overwrite(store, false);
        hin_buf_done(&round->buf);
    }
    hin_arena_done(&arena);
    HIN_TRY(result);
    *progress = done;
    return hin_ok();
}

/* --- the end --- */

/* Keys of version 1 go together: each process of that version sealed all kinds of things under one.
 */
static HIN_RESULT drop_keys(struct hin_store *store, uint64_t *ret_dropped, uint64_t *ret_kept)
{
    struct hin_statement *statement = NULL;
    int64_t phase = 0;
    bool row = false, audit = false;
    HIN_TRY(hin_db_number(store, "reseal_phase", &phase));
    HIN_ENSURE(phase == PHASE_SEALED, CONFLICT);
    HIN_TRY(hin_db_use(store, HIN_SQL_AUDIT_DIRECT, &statement));
    HIN_TRY(hin_db_step(store, statement, &audit));
    hin_db_reset(statement);
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_DROP, &statement));
    hin_db_bind(statement, 1, (int64_t)audit);
    *ret_dropped = 0;
    do {
        HIN_TRY(hin_db_step(store, statement, &row));
        *ret_dropped += row;
    } while (row);
    HIN_TRY(hin_db_use(store, HIN_SQL_KEY_DIRECT, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_kept = row ? (uint64_t)hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    return set_place(store, PHASE_NONE, 0);
}

HIN_RESULT hin_store_reseal_end(struct hin_store *store, uint64_t *ret_dropped, uint64_t *ret_kept)
{
    HIN_TRY(hin_store_ready(store));
    store->backend->overwrite(store, true);
    struct hin_result result = hin_db_begin(store);
    if (hin_is_ok(result)) {
        result = hin_db_end(store, drop_keys(store, ret_dropped, ret_kept));
    }
    store->backend->overwrite(store, false);
    return result;
}

/* --- where the whole stands --- */

static const char *const shred_names[] = {"shred_stage", "shred_tenant", "shred_wrapping",
                                          "shred_since"};

HIN_RESULT hin_store_shred_get(struct hin_store *store, struct hin_store_shred *ret_shred)
{
    int64_t numbers[HIN_COUNT(shred_names)];
    for (size_t i = 0; i < HIN_COUNT(shred_names); i++) {
        HIN_TRY(hin_db_number(store, shred_names[i], &numbers[i]));
    }
    *ret_shred = (struct hin_store_shred){numbers[0], numbers[1], numbers[2], numbers[3]};
    return hin_ok();
}

static HIN_RESULT set_shred(struct hin_store *store, const struct hin_store_shred *shred)
{
    const int64_t numbers[] = {shred->stage, shred->tenant_below, shred->wrapping_below,
                               shred->since_usec};
    for (size_t i = 0; i < HIN_COUNT(shred_names); i++) {
        HIN_TRY(hin_db_set_number(store, shred_names[i], numbers[i]));
    }
    return hin_ok();
}

HIN_RESULT hin_store_shred_set(struct hin_store *store, const struct hin_store_shred *shred)
{
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, set_shred(store, shred));
}
