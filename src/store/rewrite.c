/* Rewriting stored events. What is erased leaves a record of its number and identity alone: numbers
 * stay without gaps, and the event is refused when an agent sends it again. */
#include "base/bytes.h"
#include "event/codec.h"
#include "store/events.h"
#include "store/internal.h"

struct rewriting {
    struct hin_store *store;
    const struct hin_store_rewrite *rewrite;
    struct hin_segment_row row;
    struct hin_segment_summary summary;
    int64_t created;
    bool changed;
    struct hin_store_rewritten done; /* of this segment */
};

/* Records of closed segments carry no tokens. */
static HIN_RESULT make_tokens(struct rewriting *r, struct hin_store_event *event, uint64_t *tokens)
{
    struct hin_result made = hin_store_make_tokens(r->store, event, tokens);
    if (made.code == HIN_UNSUPPORTED || made.code == HIN_SYNTAX || made.code == HIN_TRUNCATED) {
        r->done.events_unread++;
        event->token_count = r->rewrite->former_index ? 0 : event->token_count;
        return hin_ok();
    }
    return made;
}

static bool is_anew(const struct hin_store_rewrite *rewrite)
{
    return rewrite->always || rewrite->former_index;
}

static HIN_RESULT judge(struct rewriting *r, struct hin_store_event *event, uint64_t *tokens)
{
    const struct hin_store_rewrite *rewrite = r->rewrite;
    enum hin_store_verdict verdict = HIN_STORE_KEEP;
    struct hin_store_event replacement = *event;
    if (!rewrite->former_index) {
        HIN_TRY(rewrite->judge(rewrite->context, event, &verdict, &replacement));
    }
    if (verdict == HIN_STORE_ERASE) {
        *event = (struct hin_store_event){.id = event->id,
                                          .time_usec = r->row.min_time,
                                          .identity = event->identity,
                                          .erased = true};
        r->done.events_erased++;
        r->changed = true;
        return hin_ok();
    }
    if (verdict == HIN_STORE_REPLACE) {
        event->bytes = replacement.bytes;
        event->class_uid = replacement.class_uid;
        event->severity_id = replacement.severity_id;
        r->done.events_replaced++;
        r->changed = true;
    }
    bool known = event->token_count > 0 && verdict == HIN_STORE_KEEP && !is_anew(rewrite);
    return known ? hin_ok() : make_tokens(r, event, tokens);
}

static HIN_RESULT judge_all(struct rewriting *r)
{
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    struct hin_segment_record record;
    while (hin_segment_next(r->store->reader, &record)) {
        struct hin_store_event event;
        HIN_TRY(hin_record_read(record.bytes, &event, tokens));
        event.id = (int64_t)record.sequence;
        event.time_usec = record.time_usec;
        event.index_version = r->store->loaded_index;
        if (!event.erased) {
            HIN_TRY(judge(r, &event, tokens));
        }
        HIN_TRY(hin_segment_put(r->store, &r->summary, &event, r->row.level != HIN_LEVEL_CLOSED));
    }
    return hin_ok();
}

/* *ret_there false: it was merged or dropped meanwhile. */
static HIN_RESULT read_row(struct rewriting *r, int64_t id, bool *ret_there)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(r->store, HIN_SQL_SEGMENT_ROW, &statement));
    hin_db_bind(statement, 1, id);
    HIN_TRY(hin_db_step(r->store, statement, ret_there));
    if (*ret_there) {
        r->row = (struct hin_segment_row){.id = hin_db_int(statement, 0),
                                          .last_id = hin_db_int(statement, 1),
                                          .count = hin_db_int(statement, 2),
                                          .level = hin_db_int(statement, 3),
                                          .day = hin_db_int(statement, 4),
                                          .min_time = hin_db_int(statement, 6),
                                          .damaged = hin_db_int(statement, 8) != 0};
        r->created = hin_db_int(statement, 9);
        hin_db_reset(statement);
    }
    return hin_ok();
}

static HIN_RESULT store_anew(struct rewriting *r)
{
    HIN_ENSURE(r->summary.first_id == r->row.id && r->summary.last_id == r->row.last_id, CORRUPT);
    HIN_TRY(hin_sheaf_drop_over(r->store, r->row.id));
    HIN_TRY(hin_segment_drop(r->store, r->row.id));
    HIN_TRY(hin_segment_store(r->store, &r->summary, r->row.level, r->row.day, r->created));
    r->done.segments_rewritten++;
    return hin_ok();
}

static HIN_RESULT rewrite_row(struct rewriting *r, int64_t id)
{
    bool there = false;
    HIN_TRY(read_row(r, id, &there));
    if (!there) {
        return hin_ok();
    }
    if (r->row.damaged) {
        r->done.segments_damaged++;
        r->done.events_damaged += (uint64_t)r->row.count;
        return hin_ok();
    }
    hin_segment_builder_clear(r->store->builder);
    HIN_TRY(hin_segment_load(r->store, id));
    r->done.segments_opened++;
    HIN_TRY(judge_all(r));
    return r->changed || is_anew(r->rewrite) ? store_anew(r) : hin_ok();
}

static void add(struct hin_store_rewritten *to, const struct hin_store_rewritten *from)
{
    to->segments_opened += from->segments_opened;
    to->segments_rewritten += from->segments_rewritten;
    to->segments_damaged += from->segments_damaged;
    to->events_damaged += from->events_damaged;
    to->events_erased += from->events_erased;
    to->events_replaced += from->events_replaced;
    to->events_unread += from->events_unread;
}

HIN_RESULT hin_segment_rewrite(struct hin_store *store, const struct hin_store_rewrite *rewrite,
                               int64_t id, struct hin_store_rewritten *done)
{
    struct rewriting r = {.store = store, .rewrite = rewrite};
    struct hin_result result = rewrite_row(&r, id);
    hin_segment_builder_clear(store->builder);
    HIN_TRY(result);
    add(done, &r.done);
    return hin_ok();
}

/* --- which segments --- */

struct pass {
    struct hin_store *store;
    const struct hin_store_rewrite *rewrite;
    struct hin_index_tokens tokens[HIN_STORE_TERMS_MAX];
    uint32_t index_version; /* that tokens[] reach to; with former_index: in force */
    struct hin_store_rewritten done;
};

static HIN_RESULT see_index(struct pass *pass)
{
    struct hin_index_state state;
    HIN_TRY(hin_index_see(pass->store, &state));
    pass->index_version = state.version;
    for (size_t i = 0; i < pass->rewrite->term_count; i++) {
        HIN_TRY(
            hin_term_tokens(pass->store->keys.index, &pass->rewrite->terms[i], &pass->tokens[i]));
    }
    return hin_ok();
}

static HIN_RESULT find_next(struct pass *pass, int64_t from, struct hin_segment_row *ret_row,
                            bool *ret_any)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(pass->store, HIN_SQL_SEGMENT_NEXT, &statement));
    hin_db_bind(statement, 1, from);
    HIN_TRY(hin_db_step(pass->store, statement, ret_any));
    if (*ret_any) {
        *ret_row = (struct hin_segment_row){.id = hin_db_int(statement, 0),
                                            .last_id = hin_db_int(statement, 1),
                                            .count = hin_db_int(statement, 2),
                                            .damaged = hin_db_int(statement, 3) != 0};
        hin_db_reset(statement);
    }
    return hin_ok();
}

static bool head_may_hold(const struct pass *pass, const struct hin_segment_head *head)
{
    bool may = pass->rewrite->former_index && head->index_version < pass->index_version;
    for (size_t i = 0; !pass->rewrite->former_index && i < pass->rewrite->term_count; i++) {
        may = may || hin_index_may_hold(&pass->tokens[i], head);
    }
    return may;
}

/* A head that cannot be read may hold anything: opening the segment says what is the matter. */
static HIN_RESULT judge_head(struct pass *pass, int64_t id, bool *ret_may)
{
    struct hin_statement *statement = NULL;
    struct hin_segment_head head;
    bool row = false;
    *ret_may = true;
    HIN_TRY(hin_db_use(pass->store, HIN_SQL_SEGMENT_GET, &statement));
    hin_db_bind(statement, 2, id, INT64_C(1));
    HIN_TRY(hin_db_step(pass->store, statement, &row));
    if (row && hin_is_ok(hin_segment_read_head(hin_db_blob(statement, 3), &head))) {
        *ret_may = head_may_hold(pass, &head);
    }
    hin_db_reset(statement);
    return hin_ok();
}

/* The index key may be rotated meanwhile. Looked at after the head was read: had it been before,
 * the head is judged again. */
static HIN_RESULT may_hold(struct pass *pass, int64_t id, bool *ret_may)
{
    struct hin_index_state state;
    *ret_may = true;
    if (pass->rewrite->term_count == 0 && !pass->rewrite->former_index) {
        return hin_ok();
    }
    HIN_TRY(judge_head(pass, id, ret_may));
    if (*ret_may) {
        return hin_ok();
    }
    HIN_TRY(hin_index_state_get(pass->store, &state));
    if (state.version > pass->index_version) {
        HIN_TRY(see_index(pass));
        HIN_TRY(judge_head(pass, id, ret_may));
    }
    return hin_ok();
}

/* In a transaction of its own. One that is damaged is marked and passed over. */
static HIN_RESULT rewrite_one(struct pass *pass, const struct hin_segment_row *row)
{
    struct hin_store *store = pass->store;
    store->damaged_segment = 0;
    HIN_TRY(hin_db_begin(store));
    struct hin_result done =
        hin_db_end(store, hin_segment_rewrite(store, pass->rewrite, row->id, &pass->done));
    if (hin_store_is_damage(done) && hin_segment_step_aside(store, done)) {
        pass->done.segments_damaged++;
        pass->done.events_damaged += (uint64_t)row->count;
        return hin_ok();
    }
    return done;
}

static HIN_RESULT rewrite_all(struct pass *pass)
{
    const struct hin_store_rewrite *rewrite = pass->rewrite;
    int64_t until = rewrite->until_id > 0 ? rewrite->until_id : INT64_MAX;
    pass->done.resume_id = rewrite->after_id;
    while (pass->done.resume_id < until) {
        struct hin_segment_row row;
        bool any = false, may = false;
        HIN_TRY(find_next(pass, pass->done.resume_id + 1, &row, &any));
        if (!any || row.id > until) {
            return hin_ok();
        }
        if (rewrite->segments_max > 0 && pass->done.segments_opened >= rewrite->segments_max) {
            pass->done.more = true;
            return hin_ok();
        }
        HIN_TRY(may_hold(pass, row.id, &may));
        if (may) {
            HIN_TRY(rewrite_one(pass, &row));
        } else {
            pass->done.segments_passed_over++;
        }
        pass->done.resume_id = row.last_id;
    }
    return hin_ok();
}

HIN_RESULT hin_store_rewrite(struct hin_store *store, const struct hin_store_rewrite *rewrite,
                             struct hin_store_rewritten *ret_rewritten)
{
    struct pass pass = {.store = store, .rewrite = rewrite};
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    HIN_ENSURE(rewrite->term_count <= HIN_STORE_TERMS_MAX, LIMIT);
    HIN_ENSURE(rewrite->after_id >= 0 && rewrite->until_id >= 0, INVALID);
    HIN_TRY(see_index(&pass));
    bool erases = !rewrite->former_index; /* tokens of before are worth nothing without their key */
    store->backend->overwrite(store, erases);
    struct hin_result result = rewrite_all(&pass);
    store->backend->overwrite(store, false);
    HIN_TRY(result);
    *ret_rewritten = pass.done;
    return hin_ok();
}
