/* Index keys in the store. Tokens of events and of unique names are made with the version that is
 * in force, which the row "index" of meta names; a segment's head names the oldest that its tokens
 * were made with. Whoever changes something, and knows a newer key than the store, moves the store
 * on to it in that same transaction: from its commit on nothing is written under the former, and
 * the row says how far what stands under it has been re-made. */
#include "base/bytes.h"
#include "base/codec.h"
#include "event/codec.h"
#include "store/documents.h"
#include "store/events.h"
#include "store/internal.h"

enum { STATE_FORMAT = 1, STATE_MAX = 128, SCRATCH_MAX = 16 << 20 };

/* --- where it stands. The row: number = the version in force; bytes = u8 1, u8 phase, u32 former,
 * then u64 each: at, until, names, segments, damaged, unread, stuck. No row: version 1, settled.
 * --- */

static HIN_RESULT read_state(struct hin_view bytes, struct hin_index_state *state)
{
    struct hin_reader reader = hin_reader_of(bytes);
    uint64_t *const numbers[] = {&state->at,      &state->until,  &state->names, &state->segments,
                                 &state->damaged, &state->unread, &state->stuck};
    uint8_t format = 0;
    HIN_TRY(hin_read_u8(&reader, &format));
    HIN_ENSURE(format == STATE_FORMAT, UNSUPPORTED);
    HIN_TRY(hin_read_u8(&reader, &state->phase));
    HIN_ENSURE(state->phase <= HIN_INDEX_EVENTS, CORRUPT);
    HIN_TRY(hin_read_u32(&reader, &state->former));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        HIN_TRY(hin_read_u64(&reader, numbers[i]));
        HIN_ENSURE(*numbers[i] <= INT64_MAX, CORRUPT);
    }
    return hin_read_end(&reader);
}

HIN_RESULT hin_index_state_get(struct hin_store *store, struct hin_index_state *ret_state)
{
    struct hin_statement *statement = NULL;
    struct hin_index_state state = {.version = HIN_INDEX_FIRST};
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_META_GET, &statement));
    hin_db_bind_text(statement, 1, "index");
    HIN_TRY(hin_db_step(store, statement, &row));
    struct hin_result read = hin_ok();
    if (row) {
        int64_t version = hin_db_int(statement, 0);
        read = version > 0 && version <= UINT32_MAX ? read_state(hin_db_blob(statement, 1), &state)
                                                    : hin_fail(HIN_CORRUPT);
        state.version = (uint32_t)version;
    }
    hin_db_reset(statement);
    HIN_TRY(read);
    *ret_state = state;
    return hin_ok();
}

static HIN_RESULT put_state(struct hin_store *store, const struct hin_index_state *state)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = STATE_MAX};
    const uint64_t numbers[] = {state->at,      state->until,  state->names, state->segments,
                                state->damaged, state->unread, state->stuck};
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_write_u8(&bytes, STATE_FORMAT));
    HIN_TRY(hin_write_u8(&bytes, state->phase));
    HIN_TRY(hin_write_u32(&bytes, state->former));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        HIN_TRY(hin_write_u64(&bytes, numbers[i]));
    }
    HIN_TRY(hin_db_use(store, HIN_SQL_META_SET, &statement));
    hin_db_bind_text(statement, 1, "index");
    hin_db_bind_int(statement, 2, state->version);
    hin_db_bind_blob(statement, 3, hin_buf_view(&bytes));
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_check_index(struct hin_store *store, int64_t version)
{
    uint32_t known = hin_index_version(store->keys.index);
    int64_t last = 0;
    HIN_ENSURE(version > 0 && version <= UINT32_MAX, CORRUPT);
    store->index_version = (uint32_t)version;
    if (known <= store->index_version) {
        return hin_ok();
    }
    HIN_TRY(hin_db_number(store, "last_event", &last));
    struct hin_index_state state = {.version = known,
                                    .former = store->index_version,
                                    .phase = HIN_INDEX_NAMES,
                                    .until = (uint64_t)last};
    HIN_TRY(put_state(store, &state));
    store->index_version = known;
    return hin_ok();
}

HIN_RESULT hin_store_index_in_force(const struct hin_store *store)
{
    HIN_ENSURE(hin_index_version(store->keys.index) == store->index_version, AGAIN);
    return hin_ok();
}

HIN_RESULT hin_store_index_follow(struct hin_store *store)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, hin_ok());
}

HIN_RESULT hin_store_index(struct hin_store *store, struct hin_store_index *ret_index)
{
    struct hin_index_state state;
    HIN_TRY(hin_index_state_get(store, &state));
    *ret_index = (struct hin_store_index){
        .version = state.version,
        .former = state.phase != HIN_INDEX_SETTLED ? state.former : 0,
        .names_done = state.phase != HIN_INDEX_NAMES,
        .at_id = state.phase == HIN_INDEX_EVENTS ? (int64_t)state.at : 0,
        .until_id = (int64_t)state.until,
        .names = state.names,
        .segments = state.segments,
        .damaged = state.damaged,
        .unread = state.unread,
        .stuck = state.stuck,
    };
    return hin_ok();
}

/* --- what a segment may hold --- */

bool hin_index_may_hold(const struct hin_index_tokens *tokens, const struct hin_segment_head *head)
{
    bool known = false, may = false;
    for (size_t i = 0; i < tokens->count; i++) {
        known = known || tokens->versions[i] == head->index_version;
        may = may || (tokens->versions[i] >= head->index_version &&
                      hin_segment_may_hold(head, tokens->tokens[i]));
    }
    return may || !known; /* of a key that is not to be had: opening it tells */
}

HIN_RESULT hin_index_see(struct hin_store *store, struct hin_index_state *ret_state)
{
    HIN_TRY(hin_index_state_get(store, ret_state));
    return ret_state->version > hin_index_version(store->keys.index)
               ? hin_index_renew(store->keys.index)
               : hin_ok();
}

HIN_RESULT hin_store_make_tokens(struct hin_store *store, struct hin_store_event *event,
                                 uint64_t *tokens)
{
    struct hin_event decoded;
    size_t count = 0;
    hin_arena_reset(&store->scratch);
    HIN_TRY(hin_event_decode(event->bytes, &store->scratch, &decoded));
    HIN_TRY(hin_store_tokens(store->keys.index, &decoded, &store->scratch, tokens, &count));
    event->tokens = tokens;
    event->token_count = count;
    event->index_version = store->index_version;
    return hin_store_index_in_force(store);
}

/* --- re-making: names of documents --- */

struct names {
    struct hin_store *store;
    const struct hin_store_namer *namer;
    struct hin_index_state *state;
    struct hin_arena arena;
    struct hin_buf buf;
};

struct name_row {
    size_t slot;
    uint64_t token;
};

static HIN_RESULT next_named(struct names *n, int64_t *ret_kind, int64_t *ret_id, bool *ret_any)
{
    struct hin_statement *statement = NULL;
    int64_t at = (int64_t)n->state->at;
    HIN_TRY(hin_db_use(n->store, HIN_SQL_NAME_NEXT, &statement));
    hin_db_bind(statement, 2, at >> 56, at & ((INT64_C(1) << 56) - 1));
    HIN_TRY(hin_db_step(n->store, statement, ret_any));
    if (*ret_any) {
        *ret_kind = hin_db_int(statement, 0);
        *ret_id = hin_db_int(statement, 1);
        hin_db_reset(statement);
    }
    return hin_ok();
}

static HIN_RESULT list_rows(struct names *n, int64_t kind, int64_t id, struct name_row *rows,
                            size_t *ret_count)
{
    struct hin_statement *statement = NULL;
    bool any = true;
    *ret_count = 0;
    HIN_TRY(hin_db_use(n->store, HIN_SQL_NAME_LIST, &statement));
    hin_db_bind(statement, 2, kind, id);
    while (*ret_count < HIN_STORE_NAMES_MAX) {
        HIN_TRY(hin_db_step(n->store, statement, &any));
        if (!any) {
            return hin_ok();
        }
        rows[(*ret_count)++] = (struct name_row){.slot = (size_t)hin_db_int(statement, 0),
                                                 .token = (uint64_t)hin_db_int(statement, 1)};
    }
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT turn_within(struct names *n, const struct hin_store_document *document,
                              const struct name_row *row, uint64_t token)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(n->store, HIN_SQL_NAME_TURN, &statement));
    hin_db_bind(statement, 4, (int64_t)document->kind, (int64_t)row->slot, (int64_t)row->token,
                (int64_t)token);
    return hin_db_run(n->store, statement);
}

/* A name that is taken ends no more than itself. */
static HIN_RESULT turn(struct names *n, const struct hin_store_document *document,
                       const struct name_row *row, uint64_t token)
{
    HIN_TRY(hin_db_begin(n->store));
    HIN_TRY(hin_db_end(n->store, turn_within(n, document, row, token)));
    n->state->names++;
    return hin_ok();
}

/* What the token was made of is among the candidates, and the former key says which. Where that key
 * is gone (a store of before was put back), the only candidate is taken at its word. */
static HIN_RESULT turn_row(struct names *n, const struct hin_store_document *document,
                           const struct name_row *row, bool *ret_known)
{
    struct hin_view names[HIN_STORE_CANDIDATES_MAX];
    size_t count = 0;
    *ret_known = false;
    HIN_TRY(n->namer->names(n->namer->context, document, row->slot, &n->arena, names, &count));
    for (size_t i = 0; i < count; i++) {
        struct hin_index_tokens tokens;
        HIN_TRY(hin_name_tokens(n->store, document->kind, row->slot, names[i], &tokens));
        HIN_TRY(hin_store_index_in_force(n->store));
        if (row->token == tokens.tokens[0]) {
            *ret_known = true;
            return hin_ok();
        }
        bool gone = !hin_index_knows(n->store->keys.index, n->state->former) && count == 1;
        if (gone || (tokens.count > 1 && row->token == tokens.tokens[1])) {
            *ret_known = true;
            return turn(n, document, row, tokens.tokens[0]);
        }
    }
    return hin_ok();
}

static HIN_RESULT turn_rows(struct names *n, const struct hin_store_document *document)
{
    struct name_row rows[HIN_STORE_NAMES_MAX];
    size_t count = 0;
    bool all = true;
    HIN_TRY(list_rows(n, (int64_t)document->kind, document->id, rows, &count));
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        struct hin_result turned = turn_row(n, document, &rows[i], &known);
        if (turned.code != HIN_EXISTS) {
            HIN_TRY(turned);
        }
        all = all && known && hin_is_ok(turned);
    }
    n->state->stuck += !all;
    return hin_ok();
}

/* A document that does not open is found by nobody, whatever it was called. */
static HIN_RESULT turn_document(struct names *n, int64_t kind, int64_t id)
{
    struct hin_store_document document;
    if (kind <= 0 || kind >= HIN_STORE_KIND_LIMIT) {
        n->state->stuck++;
        return hin_ok();
    }
    hin_arena_reset(&n->arena);
    hin_buf_clear(&n->buf);
    struct hin_result got =
        hin_store_get(n->store, (enum hin_store_kind)kind, id, &n->buf, &document);
    if (hin_is_ok(got)) {
        return turn_rows(n, &document);
    }
    bool lost = got.code == HIN_CORRUPT || got.code == HIN_AUTH || got.code == HIN_NOT_FOUND;
    n->state->damaged += lost;
    return lost ? hin_db_inside(n->store) : got;
}

static HIN_RESULT turn_names(struct names *n, size_t limit)
{
    bool any = true;
    if (n->state->at == 0) {
        n->state->stuck = 0;
    }
    for (size_t i = 0; i < limit && any; i++) {
        int64_t kind = 0, id = 0;
        HIN_TRY(next_named(n, &kind, &id, &any));
        if (any) {
            HIN_TRY(turn_document(n, kind, id));
            n->state->at = (uint64_t)(kind << 56 | id);
        }
    }
    if (!any) { /* what is stuck is tried again, and keeps the former key */
        n->state->at = 0;
        n->state->phase = n->state->stuck > 0 ? HIN_INDEX_NAMES : HIN_INDEX_EVENTS;
    }
    return put_state(n->store, n->state);
}

/* The state as it stands within the transaction; *ret_due false: it is in another phase by now. */
static HIN_RESULT same_phase(struct hin_store *store, struct hin_index_state *state, bool *ret_due)
{
    uint8_t phase = state->phase;
    uint32_t version = state->version;
    HIN_TRY(hin_index_state_get(store, state));
    *ret_due = state->phase == phase && state->version == version;
    return hin_ok();
}

static HIN_RESULT names_within(struct names *n, size_t limit)
{
    bool due = false;
    HIN_TRY(same_phase(n->store, n->state, &due));
    HIN_TRY(hin_store_index_in_force(n->store));
    return due ? turn_names(n, limit) : hin_ok();
}

static HIN_RESULT step_names(struct hin_store *store, const struct hin_store_namer *namer,
                             size_t limit, struct hin_index_state *state)
{
    struct names n = {.store = store, .namer = namer, .state = state};
    HIN_TRY(hin_db_begin(store));
    hin_arena_init(&n.arena, SCRATCH_MAX);
    hin_buf_init(&n.buf, HIN_STORE_DOCUMENT_BYTES);
    struct hin_result turned = names_within(&n, limit);
    hin_buf_done(&n.buf);
    hin_arena_done(&n.arena);
    return hin_db_end(store, turned);
}

/* --- re-making: segments --- */

static HIN_RESULT note_segments(struct hin_store *store, struct hin_index_state *state,
                                const struct hin_store_rewritten *done)
{
    bool due = false;
    HIN_TRY(same_phase(store, state, &due));
    if (!due) {
        return hin_ok();
    }
    state->segments += done->segments_rewritten;
    state->damaged += done->segments_damaged;
    state->unread += done->events_unread;
    state->at = (uint64_t)done->resume_id;
    if (!done->more) {
        state->phase = HIN_INDEX_SETTLED;
    }
    return put_state(store, state);
}

/* Cut off before the place is noted, the segments are met again, and passed over. */
static HIN_RESULT step_segments(struct hin_store *store, size_t limit,
                                struct hin_index_state *state)
{
    struct hin_store_rewritten done = {.resume_id = (int64_t)state->at};
    struct hin_store_rewrite rewrite = {.former_index = true,
                                        .after_id = (int64_t)state->at,
                                        .until_id = (int64_t)state->until,
                                        .segments_max = limit};
    if (state->at < state->until) {
        HIN_TRY(hin_store_rewrite(store, &rewrite, &done));
    }
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, note_segments(store, state, &done));
}

HIN_RESULT hin_store_reindex(struct hin_store *store, const struct hin_store_namer *namer,
                             size_t limit, struct hin_store_index *ret_index)
{
    struct hin_index_state state;
    HIN_ENSURE(limit > 0 && limit <= HIN_STORE_RESEAL_MOST, INVALID);
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    HIN_TRY(hin_index_state_get(store, &state));
    if (state.phase == HIN_INDEX_NAMES) {
        HIN_TRY(step_names(store, namer, limit, &state));
    } else if (state.phase == HIN_INDEX_EVENTS) {
        HIN_TRY(step_segments(store, limit, &state));
    }
    return hin_store_index(store, ret_index);
}
