/* Batches to commits: decode, complete, tokens, one transaction for what several agents sent,
 * acknowledge after it. */
#include "manager/worker/ingest/internal.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/log.h"

static bool is_full(const struct hin_ingest *ingest, size_t count, size_t bytes)
{
    return ingest->event_count + count > PENDING_EVENTS_MAX ||
           ingest->event_bytes + bytes > PENDING_BYTES_MAX;
}

/* Which computer it was, when it was received and whether it was corrected are the manager's to
 * say, whatever the agent wrote. */
static HIN_RESULT complete(struct hin_event *event, int64_t computer, const char *host)
{
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_COMPUTER_ID, computer));
    hin_event_unset(event, HIN_FIELD_CORRECTED);
    return hin_event_set_text(event, HIN_FIELD_COMPUTER, hin_view_from_text(host));
}

static HIN_RESULT make_room(struct hin_ingest *ingest)
{
    HIN_ENSURE(ingest->event_count < PENDING_EVENTS_MAX, LIMIT);
    if (ingest->event_count < ingest->event_capacity) {
        return hin_ok();
    }
    size_t capacity = HIN_MAX(ingest->event_capacity * 2, (size_t)256);
    struct hin_store_event *events = realloc(ingest->events, capacity * sizeof(*events));
    HIN_ENSURE(events != NULL, NO_MEMORY);
    ingest->events = events;
    ingest->event_capacity = capacity;
    return hin_ok();
}

static HIN_RESULT add_event(struct hin_ingest *ingest, struct hin_event *event,
                            const struct hin_store_identity *identity, int64_t computer)
{
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    size_t token_count = 0;
    struct hin_view stored;
    void *own_tokens = NULL;
    HIN_TRY(make_room(ingest));
    hin_buf_clear(&ingest->gate->out);
    HIN_TRY(hin_event_encode(event, &ingest->gate->out));
    HIN_TRY(hin_store_tokens(ingest->tenant->index, event, &ingest->gate->scratch, tokens,
                             &token_count));
    HIN_TRY(hin_arena_copy(&ingest->arena, hin_buf_view(&ingest->gate->out), &stored));
    HIN_TRY(hin_arena_alloc(&ingest->arena, token_count * sizeof(*tokens) + 1, &own_tokens));
    hin_copy(own_tokens, tokens, token_count * sizeof(*tokens));
    ingest->events[ingest->event_count++] = (struct hin_store_event){
        .time_usec = hin_event_integer(event, HIN_FIELD_TIME),
        .computer_id = computer,
        .class_uid = (uint32_t)hin_event_integer(event, HIN_FIELD_CLASS),
        .severity_id = (uint8_t)hin_event_integer(event, HIN_FIELD_SEVERITY),
        .identity = *identity,
        .bytes = stored,
        .tokens = own_tokens,
        .token_count = token_count,
        .index_version = hin_index_version(ingest->tenant->index),
    };
    ingest->event_bytes += stored.size;
    return hin_ok();
}

static HIN_RESULT add_record(struct session *session, const struct hin_wire_record *record)
{
    struct hin_ingest *ingest = session->ingest;
    struct hin_event event;
    struct hin_store_identity identity = {
        .agent = session->computer,
        .generation = record->generation,
        .offset = record->position == HIN_WIRE_OFFSET ? record->offset : 0,
        .finding = record->finding,
    };
    hin_arena_reset(&ingest->gate->scratch);
    HIN_ENSURE(record->event.size <= HIN_STORE_EVENT_MAX_BYTES, PROTOCOL);
    HIN_ENSURE(hin_is_ok(hin_event_decode(record->event, &ingest->gate->scratch, &event)),
               PROTOCOL);
    HIN_TRY(complete(&event, session->computer, session->host));
    if (record->position == HIN_WIRE_CURSOR) {
        HIN_ENSURE(record->cursor.size <= HIN_STORE_CURSOR_MAX_BYTES, PROTOCOL);
        HIN_TRY(hin_arena_copy(&ingest->arena, record->cursor, &identity.cursor));
    }
    int64_t received_usec = hin_event_integer(&event, HIN_FIELD_RECEIVED);
    if (received_usec > 0) {
        ingest->lag_usec = hin_clock_wall_usec(ingest->worker->clock) - received_usec;
    }
    return add_event(ingest, &event, &identity, session->computer);
}

static HIN_RESULT add_records(struct session *session, const struct hin_wire_batch *batch,
                              struct hin_view records)
{
    struct hin_reader reader = hin_reader_of(records);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct hin_wire_record record;
        HIN_TRY(hin_wire_record_read(&reader, &record));
        if (batch->first + i > session->taken) {
            HIN_TRY(add_record(session, &record));
        }
    }
    return hin_ok();
}

static HIN_RESULT send_ack(struct session *session)
{
    struct hin_wire_message message = {.type = HIN_WIRE_ACK, .ack = {session->durable}};
    return hin_ingest_send(session, &message);
}

static HIN_RESULT push_ack(struct hin_ingest *ingest, struct session *session, uint64_t through)
{
    if (ingest->ack_count == ingest->ack_capacity) {
        size_t capacity = ingest->ack_capacity == 0 ? 256 : ingest->ack_capacity * 2;
        struct ack *acks = realloc(ingest->acks, capacity * sizeof(*acks));
        HIN_ENSURE(acks != NULL, NO_MEMORY);
        ingest->acks = acks;
        ingest->ack_capacity = capacity;
    }
    ingest->acks[ingest->ack_count++] = (struct ack){session, through};
    session->in_commit++;
    return hin_ok();
}

static void schedule(struct hin_ingest *ingest)
{
    bool soon = ingest->event_count >= COMMIT_SOON_EVENTS;
    if (ingest->commit_due && !soon) {
        return;
    }
    ingest->commit_due = true;
    struct hin_result armed = hin_timer_once(ingest->retry, soon ? 0 : COMMIT_DELAY_USEC, 0);
    if (!hin_is_ok(armed)) {
        hin_ingest_commit(ingest);
    }
}

/* AGAIN: nothing was taken; the frame stays in the stream until the store takes events again. */
HIN_RESULT hin_ingest_batch(struct session *session, const struct hin_wire_batch *batch)
{
    struct hin_ingest *ingest = session->ingest;
    uint64_t last = batch->first + batch->count - 1;
    struct hin_view records;
    HIN_ENSURE(batch->first >= 1 && last >= batch->first, PROTOCOL);
    if (last <= session->durable) {
        return send_ack(session);
    }
    HIN_ENSURE(batch->first <= session->taken + 1 || session->first_batch, PROTOCOL);
    if (is_full(ingest, batch->count, batch->raw_bytes)) {
        hin_ingest_commit(ingest);
    }
    if (ingest->blocked || is_full(ingest, batch->count, batch->raw_bytes)) {
        session->paused = true;
        hin_stream_pause(session->stream, true);
        return hin_fail(HIN_AGAIN);
    }
    HIN_TRY(hin_wire_unpack(ingest->gate->packer, batch, &records));
    size_t before = ingest->event_count;
    size_t bytes_before = ingest->event_bytes;
    struct hin_result added = add_records(session, batch, records);
    if (hin_is_ok(added)) {
        added = push_ack(ingest, session, last);
    }
    if (!hin_is_ok(added)) {
        ingest->event_bytes = bytes_before;
        ingest->event_count = before; /* what it holds in the arena goes with the next commit */
        return added;
    }
    session->first_batch = false;
    session->taken = HIN_MAX(session->taken, last);
    ingest->worker->counters.batches++;
    ingest->worker->counters.batch_bytes += batch->raw_bytes;
    schedule(ingest);
    return hin_ok();
}

HIN_RESULT hin_ingest_add_own(struct hin_ingest *ingest, struct hin_event *event, int64_t computer)
{
    struct hin_store_identity none = {0};
    HIN_TRY(add_event(ingest, event, &none, computer));
    schedule(ingest);
    return hin_ok();
}

/* ---- the commit ---- */

static int by_agent(const void *a, const void *b)
{
    const struct hin_store_ack *left = a;
    const struct hin_store_ack *right = b;
    return (left->agent > right->agent) - (left->agent < right->agent);
}

/* One a computer, the highest; a commit may hold a batch of each of thousands. */
static HIN_RESULT gather_acks(struct hin_ingest *ingest, struct hin_store_ack **ret_acks,
                              size_t *ret_count)
{
    struct hin_store_ack *acks = NULL;
    size_t count = 0;
    HIN_TRY(HIN_ARENA_ARRAY(&ingest->arena, ingest->ack_count + 1, &acks));
    for (size_t i = 0; i < ingest->ack_count; i++) {
        const struct ack *ack = &ingest->acks[i];
        acks[i] = (struct hin_store_ack){ack->session->computer, SPOOL_GENERATION, ack->through};
    }
    qsort(acks, ingest->ack_count, sizeof(*acks), by_agent);
    for (size_t i = 0; i < ingest->ack_count; i++) {
        if (count > 0 && acks[count - 1].agent == acks[i].agent) {
            acks[count - 1].sequence = HIN_MAX(acks[count - 1].sequence, acks[i].sequence);
        } else {
            acks[count++] = acks[i];
        }
    }
    *ret_acks = acks;
    *ret_count = count;
    return hin_ok();
}

static void acknowledge(struct hin_ingest *ingest)
{
    for (size_t i = 0; i < ingest->ack_count; i++) {
        struct session *session = ingest->acks[i].session;
        session->durable = HIN_MAX(session->durable, ingest->acks[i].through);
        if (--session->in_commit > 0) {
            continue; /* a later batch of the same agent: one acknowledgement says all */
        }
        if (session->gone) {
            hin_ingest_drop(session);
        } else if (session->wire.state == HIN_WIRE_STATE_OPEN ||
                   session->wire.state == HIN_WIRE_STATE_HELD) {
            HIN_IGNORE(send_ack(session)); /* an agent that is gone asks at its next hello */
        }
    }
    ingest->ack_count = 0;
}

static void resume_all(struct hin_ingest *ingest)
{
    struct session *next;
    hin_ingest_pause_all(ingest, false);
    for (struct session *session = ingest->first; session != NULL; session = next) {
        next = session->next;
        hin_ingest_input(session);
    }
}

static void block(struct hin_ingest *ingest, struct hin_result why)
{
    ingest->worker->counters.commit_failures++;
    if (!ingest->blocked) {
        const struct hin_store *store = ingest->tenant->store; /* NULL: it could not be opened */
        const char *trouble = store != NULL ? hin_store_trouble(store) : "";
        hin_log_result(HIN_LOG_ERROR, why, "events cannot be stored; agents hold them%s%s",
                       trouble[0] != 0 ? ": " : "", trouble);
        ingest->blocked = true;
        hin_ingest_pause_all(ingest, true);
    }
    HIN_IGNORE(hin_timer_once(ingest->retry, RETRY_USEC, 0)); /* else the next batch tries */
}

/* The installation's own tenant keeps its room for the next commit; one of a thousand others gives
 * it back. */
static void clear(struct hin_ingest *ingest)
{
    ingest->event_count = 0;
    ingest->event_bytes = 0;
    hin_arena_reset(&ingest->arena);
    if (ingest->tenant->number != 0) {
        hin_arena_done(&ingest->arena);
        hin_arena_init(&ingest->arena, ARENA_MAX);
        free(ingest->events);
        ingest->events = NULL;
        ingest->event_capacity = 0;
    }
}

void hin_ingest_commit(void *context)
{
    struct hin_ingest *ingest = context;
    struct hin_worker *worker = ingest->worker;
    struct hin_store_committed committed = {0};
    struct hin_store_ack *acks = NULL;
    size_t ack_count = 0;
    ingest->commit_due = false;
    if (ingest->event_count == 0 && ingest->ack_count == 0) {
        return;
    }
    struct hin_result result = hin_desk_wake(ingest->desk);
    if (hin_is_ok(result)) {
        result = gather_acks(ingest, &acks, &ack_count);
    }
    if (hin_is_ok(result)) {
        result = hin_store_commit(ingest->tenant->store, ingest->events, ingest->event_count, acks,
                                  ack_count, hin_clock_wall_usec(worker->clock), &committed);
    }
    if (!hin_is_ok(result)) {
        block(ingest, result);
        return;
    }
    worker->counters.commits++;
    worker->counters.events_committed += committed.stored_count;
    worker->counters.events_repeated += committed.copy_count;
    acknowledge(ingest);
    clear(ingest);
    if (committed.last_id > 0) {
        hin_desk_committed(ingest->desk, committed.last_id);
    }
    if (ingest->blocked) {
        ingest->blocked = false;
        hin_log(HIN_LOG_NOTICE, "events are stored again");
        resume_all(ingest);
    }
}
