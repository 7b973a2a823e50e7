/* Committing a batch of events: second copies out, ids in commit order, segments, acknowledgements:
 * one transaction. */
#include "base/bytes.h"
#include "base/time.h"
#include "store/dedup.h"

struct batch {
    struct hin_store *store;
    struct hin_store_event *events;
    size_t count;
    int64_t now_usec, day;
    int64_t next_id;
    bool full; /* large enough to be segments of its own */
    struct hin_segment_summary summary;
    struct hin_dedup dedup;
};

static HIN_RESULT end_segment(struct batch *batch)
{
    if (batch->summary.count == 0) {
        return hin_ok();
    }
    int64_t id = batch->summary.first_id;
    if (batch->full) {
        HIN_TRY(hin_tail_end(batch->store, id));
    }
    HIN_TRY(hin_segment_store(batch->store, &batch->summary,
                              batch->full ? HIN_LEVEL_CLOSED : HIN_LEVEL_FRESH, batch->day,
                              batch->now_usec));
    return hin_dedup_segment_end(&batch->dedup, id);
}

static HIN_RESULT add_event(struct batch *batch, const struct hin_store_event *event)
{
    struct hin_store *store = batch->store;
    hin_buf_clear(&store->record);
    HIN_TRY(hin_record_write(event, !batch->full, &store->record));
    struct hin_result added =
        hin_segment_add(store->builder, (uint64_t)event->id, event->time_usec,
                        hin_buf_view(&store->record), event->tokens, event->token_count);
    if (added.code == HIN_LIMIT && batch->summary.count > 0) {
        batch->full = true; /* no room left: what is there is a segment of its own */
        HIN_TRY(end_segment(batch));
        added = hin_segment_add(store->builder, (uint64_t)event->id, event->time_usec,
                                hin_buf_view(&store->record), event->tokens, event->token_count);
    }
    HIN_TRY(added);
    hin_summary_add(&batch->summary, event);
    hin_dedup_segment_add(&batch->dedup, event);
    return hin_ok();
}

/* Between the tokens and this transaction the index key may have been rotated. */
static HIN_RESULT add_indexed(struct batch *batch, const struct hin_store_event *event)
{
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    uint32_t version = HIN_MAX(event->index_version, (uint32_t)HIN_INDEX_FIRST);
    if (event->token_count == 0 || version == batch->store->index_version) {
        return add_event(batch, event);
    }
    struct hin_store_event anew = *event;
    HIN_TRY(hin_store_make_tokens(batch->store, &anew, tokens));
    return add_event(batch, &anew);
}

static HIN_RESULT add_all(struct batch *batch, struct hin_store_committed *ret_committed)
{
    struct hin_store_committed committed = {0};
    for (size_t i = 0; i < batch->count; i++) {
        batch->events[i].id = 0;
        HIN_ENSURE(batch->events[i].bytes.size <= HIN_STORE_EVENT_MAX_BYTES &&
                       batch->events[i].token_count <= HIN_STORE_TOKENS_MAX,
                   LIMIT);
    }
    for (size_t i = 0; i < batch->count; i++) {
        bool copy = false;
        HIN_TRY(hin_dedup_judge(&batch->dedup, batch->events, i, &copy));
        if (copy) {
            committed.copy_count++;
            continue;
        }
        batch->events[i].id = batch->next_id++;
        HIN_TRY(add_indexed(batch, &batch->events[i]));
        committed.first_id = committed.first_id != 0 ? committed.first_id : batch->events[i].id;
        committed.last_id = batch->events[i].id;
        committed.stored_count++;
    }
    *ret_committed = committed;
    return hin_ok();
}

/* Nothing of the tail may be merged with what comes on another day, or behind a full segment. */
static HIN_RESULT close_tail_when_due(struct batch *batch)
{
    bool any = false;
    struct hin_segment_row last;
    HIN_TRY(hin_tail_row(batch->store, &any, &last));
    if (!any || (!batch->full && last.day == batch->day)) {
        return hin_ok();
    }
    HIN_TRY(hin_tail_close(batch->store, batch->now_usec));
    return hin_tail_end(batch->store, batch->next_id); /* also where merging was not possible now */
}

static HIN_RESULT store_acks(struct hin_store *store, const struct hin_store_ack *acks,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_statement *statement = NULL;
        HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_ACK, &statement));
        hin_db_bind(statement, 3, acks[i].agent, (int64_t)acks[i].generation,
                    (int64_t)acks[i].sequence);
        HIN_TRY(hin_db_run(store, statement));
    }
    return hin_ok();
}

static HIN_RESULT commit_events(struct batch *batch, struct hin_store_committed *ret_committed)
{
    struct hin_store *store = batch->store;
    int64_t last = 0;
    HIN_TRY(hin_db_number(store, "last_event", &last));
    batch->next_id = last + 1;
    HIN_TRY(close_tail_when_due(batch));
    hin_segment_builder_clear(store->builder);
    HIN_TRY(add_all(batch, ret_committed));
    HIN_TRY(end_segment(batch));
    HIN_TRY(hin_dedup_finish(&batch->dedup));
    if (ret_committed->stored_count == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_db_set_number(store, "last_event", batch->next_id - 1));
    return batch->full ? hin_ok() : hin_tail_merge_due(store, batch->now_usec);
}

static HIN_RESULT commit_all(struct batch *batch, const struct hin_store_ack *acks,
                             size_t ack_count, struct hin_store_committed *ret_committed)
{
    *ret_committed = (struct hin_store_committed){0};
    if (batch->count > 0) {
        struct hin_result result = hin_dedup_init(&batch->dedup, batch->store);
        if (hin_is_ok(result)) {
            result = commit_events(batch, ret_committed);
        }
        hin_dedup_done(&batch->dedup);
        HIN_TRY(result);
    }
    return store_acks(batch->store, acks, ack_count);
}

static HIN_RESULT commit_once(struct batch *batch, const struct hin_store_ack *acks,
                              size_t ack_count, struct hin_store_committed *ret_committed)
{
    struct hin_store *store = batch->store;
    store->damaged_segment = 0;
    HIN_TRY(hin_db_begin(store));
    hin_arena_reset(&store->arena);
    struct hin_result result = commit_all(batch, acks, ack_count, ret_committed);
    hin_segment_builder_clear(store->builder);
    return hin_db_end(store, result);
}

HIN_RESULT hin_store_commit(struct hin_store *store, struct hin_store_event *events, size_t count,
                            const struct hin_store_ack *acks, size_t ack_count, int64_t now_usec,
                            struct hin_store_committed *ret_committed)
{
    HIN_ENSURE(count <= HIN_STORE_COMMIT_MAX, LIMIT);
    HIN_TRY(hin_store_ready(store));
    struct hin_store_committed committed;
    struct hin_result result;
    do {
        struct batch batch = {.store = store,
                              .events = events,
                              .count = count,
                              .now_usec = now_usec,
                              .day = hin_day_of(now_usec),
                              .full = count >= HIN_SEGMENT_FULL_COUNT};
        result = commit_once(&batch, acks, ack_count, &committed);
    } while (hin_segment_step_aside(store, result));
    if (!hin_is_ok(result)) {
        for (size_t i = 0; i < count; i++) {
            events[i].id = 0;
        }
        return result;
    }
    HIN_IGNORE(hin_sheaf_make_due(store)); /* a search only takes longer without */
    *ret_committed = committed;
    return hin_ok();
}
