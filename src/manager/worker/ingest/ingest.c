/* Connections of agents: streams to frames, frames to messages, messages to handlers by the table
 * of states. */
#include "manager/worker/ingest/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "data/json.h"
#include "keys/client.h"
#include "manager/restored.h"

enum { SEEN_MAX = 4096, SESSIONS_MAX = 65536 };
#define SEEN_USEC   (5 * HIN_SEC_USEC)
#define SILENT_USEC (3 * HEARTBEAT_SEC * HIN_SEC_USEC)

/* ---- sending ---- */

HIN_RESULT hin_ingest_send(struct session *session, const struct hin_wire_message *message)
{
    struct hin_ingest *ingest = session->ingest;
    HIN_ENSURE(!session->gone, CLOSED);
    HIN_TRY(hin_wire_session_step(&session->wire, HIN_WIRE_FROM_MANAGER, message->type));
    hin_buf_clear(&ingest->gate->out);
    HIN_TRY(hin_wire_encode(session->wire.version, message, &ingest->gate->out));
    return hin_stream_write(session->stream, hin_buf_view(&ingest->gate->out));
}

static void audit_refusal(struct session *session, uint16_t reason, const char *detail)
{
    struct hin_worker *worker = session->ingest->worker;
    char peer[64];
    char actor[96];
    char text[512];
    hin_address_format_host(hin_stream_peer(session->stream), peer, sizeof(peer));
    snprintf(actor, sizeof(actor), session->agent[0] != 0 ? "agent %s" : "an agent",
             session->agent);
    snprintf(text, sizeof(text), "%s%s%s", hin_wire_refusal_text(reason),
             detail != NULL ? ": " : "", detail != NULL ? detail : "");
    struct hin_audit audit = {
        .action = "agent.session",
        .outcome = "refused",
        .actor = hin_view_from_text(actor),
        .peer = hin_view_from_text(peer),
        .kind = session->computer != 0 ? "computers" : NULL,
        .object = session->computer,
        .detail = hin_view_from_text(text),
    };
    worker->counters.refusals++;
    hin_desk_refused(session->ingest->desk, &audit);
}

static void say_refuse(struct session *session, uint16_t reason)
{
    struct hin_wire_message message = {
        .type = HIN_WIRE_REFUSE,
        .refuse = {.version_oldest = HIN_WIRE_VERSION_OLDEST,
                   .version_newest = HIN_WIRE_VERSION,
                   .reason = reason,
                   .sentence = hin_view_from_text(hin_wire_refusal_text(reason))},
    };
    HIN_IGNORE(hin_ingest_send(
        session, &message)); /* the peer may have gone, or may hear nothing any more */
    session->wire.state = HIN_WIRE_STATE_CLOSED;
    hin_stream_close(session->stream);
}

void hin_ingest_refuse(struct session *session, uint16_t reason, const char *detail)
{
    if (session->gone || session->wire.state == HIN_WIRE_STATE_CLOSED) {
        return;
    }
    if (reason != HIN_WIRE_REFUSE_REPLACED && reason != HIN_WIRE_REFUSE_SHUTDOWN) {
        audit_refusal(session, reason, detail);
    }
    say_refuse(session, reason);
}

static void refuse_now(void *context)
{
    struct session *session = context;
    if (!session->gone && session->wire.state != HIN_WIRE_STATE_CLOSED) {
        say_refuse(session, session->refusal);
    }
}

/* The same delay for every wrong token, so that guessing is slow and time tells nothing. */
void hin_ingest_refuse_later(struct session *session, uint16_t reason, const char *detail)
{
    audit_refusal(session, reason, detail);
    session->refusal = reason;
    if (!hin_is_ok(hin_ingest_timer(session, REFUSE_DELAY_USEC, refuse_now))) {
        say_refuse(session, reason);
    }
}

HIN_RESULT hin_ingest_timer(struct session *session, int64_t delay_usec,
                            void (*call)(void *context))
{
    hin_timer_free(session->timer);
    session->timer = NULL;
    HIN_TRY(hin_timer_new(session->ingest->worker->loop, call, session, &session->timer));
    return hin_timer_once(session->timer, delay_usec, 0);
}

/* ---- sessions ---- */

static struct hin_view computer_key(const int64_t *computer)
{
    return hin_view_of(computer, sizeof(*computer));
}

struct session *hin_ingest_find(struct hin_ingest *ingest, int64_t computer)
{
    return hin_map_get(&ingest->open, computer_key(&computer));
}

HIN_RESULT hin_ingest_register(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    HIN_TRY(hin_map_put(&ingest->open, computer_key(&session->computer), session));
    if (!session->registered) {
        session->registered = true;
        ingest->session_count++;
    }
    return hin_ok();
}

static void unregister(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    if (!session->registered) {
        return;
    }
    session->registered = false;
    ingest->session_count--;
    if (hin_ingest_find(ingest, session->computer) == session) {
        hin_map_remove(&ingest->open, computer_key(&session->computer));
    }
}

void hin_ingest_link(struct hin_ingest *ingest, struct session *session)
{
    session->ingest = ingest;
    session->prev = NULL;
    session->next = ingest->first;
    if (ingest->first != NULL) {
        ingest->first->prev = session;
    }
    ingest->first = session;
}

static void unlink_session(struct session *session)
{
    if (session->prev != NULL) {
        session->prev->next = session->next;
    } else {
        session->ingest->first = session->next;
    }
    if (session->next != NULL) {
        session->next->prev = session->prev;
    }
}

void hin_ingest_move(struct session *session, struct hin_ingest *ingest)
{
    if (session->ingest != ingest) {
        unlink_session(session);
        hin_ingest_link(ingest, session);
    }
}

static void free_session(struct session *session)
{
    unlink_session(session);
    hin_timer_free(session->timer);
    free(session);
}

void hin_ingest_end_sessions(struct hin_ingest *ingest, const char *why)
{
    struct session *next;
    for (struct session *session = ingest->first; session != NULL; session = next) {
        next = session->next;
        hin_ingest_refuse(session, why == NULL ? HIN_WIRE_REFUSE_ERASED : HIN_WIRE_REFUSE_BUSY,
                          why);
    }
}

void hin_ingest_begin_anew(struct hin_ingest *ingest)
{
    hin_ingest_policies_forget(ingest);
    hin_ingest_read_revision(ingest);
    ingest->checkpoint_usec = 0;
    ingest->rolled_back = false;
    ingest->damage_usec = 0;
    ingest->pending_counted_usec = 0;
}

void hin_ingest_on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    struct session *session = context;
    (void)stream;
    if (!end->opened || session->ingest == NULL) {
        return; /* never had a session */
    }
    unregister(session);
    session->gone = true; /* before who waits for its answer is told: nothing more is said to it */
    session->stream = NULL;
    hin_ingest_end_ping(session, false);
    hin_ingest_drop(session);
}

void hin_ingest_drop(struct session *session)
{
    if (session->gone && session->in_commit == 0) {
        free_session(session);
    }
}

void hin_ingest_pause_all(struct hin_ingest *ingest, bool paused)
{
    for (struct session *session = ingest->first; session != NULL; session = session->next) {
        if (!session->gone && session->paused != paused) {
            session->paused = paused;
            hin_stream_pause(session->stream, paused);
        }
    }
}

/* ---- messages ---- */

static void note_seen(struct session *session, int64_t offset_usec)
{
    struct hin_ingest *ingest = session->ingest;
    if (ingest->seen == NULL) {
        ingest->seen = calloc(SEEN_MAX, sizeof(*ingest->seen));
    }
    if (ingest->seen == NULL) {
        return; /* the next heartbeat says as much */
    }
    if (ingest->seen_count == 0) {
        HIN_IGNORE(hin_timer_once(ingest->seen_timer, SEEN_USEC, 10)); /* else at the bound */
    }
    if (ingest->seen_count == SEEN_MAX) {
        HIN_IGNORE(hin_store_agents_seen(ingest->tenant->store, ingest->seen, ingest->seen_count));
        ingest->seen_count = 0;
    }
    ingest->seen[ingest->seen_count++] = (struct hin_store_seen){
        .agent = session->computer,
        .seen_usec = hin_clock_wall_usec(ingest->worker->clock),
        .clock_offset_usec = offset_usec,
    };
}

static void flush_seen(void *context)
{
    struct hin_ingest *ingest = context;
    if (ingest->seen_count == 0) {
        return;
    }
    struct hin_result written = hin_desk_wake(ingest->desk);
    if (hin_is_ok(written)) {
        written = hin_store_agents_seen(ingest->tenant->store, ingest->seen, ingest->seen_count);
    }
    if (!hin_is_ok(written)) {
        hin_log_result(HIN_LOG_WARNING, written, "heartbeats cannot be stored");
    }
    ingest->seen_count = 0; /* the next ones say as much */
}

/* What a heartbeat's counters say that the manager looks at; the rest is for people. */
struct told {
    uint64_t events_lost, clock_beyond_bound, ntp_behind_usec, ntp_ahead_usec, acknowledged;
    bool has_events_lost, has_clock_beyond_bound, has_ntp_behind_usec, has_ntp_ahead_usec,
        has_acknowledged;
};

static struct told read_counters(const struct hin_wire_heartbeat *heartbeat)
{
#define COUNTER(name)                                                                              \
    {                                                                                              \
#name, offsetof(struct told, name), offsetof(struct told, has_##name)                      \
    }
    static const struct {
        const char *name;
        size_t value, has;
    } counters[] = {COUNTER(events_lost), COUNTER(clock_beyond_bound), COUNTER(ntp_behind_usec),
                    COUNTER(ntp_ahead_usec), COUNTER(acknowledged)};
#undef COUNTER
    struct told told = {0};
    for (size_t i = 0; i < heartbeat->counter_count; i++) {
        for (size_t j = 0; j < HIN_COUNT(counters); j++) {
            if (hin_view_is(heartbeat->counters[i].name, counters[j].name)) {
                *(uint64_t *)(void *)((uint8_t *)&told + counters[j].value) =
                    heartbeat->counters[i].value;
                *((bool *)&told + counters[j].has) = true;
            }
        }
    }
    return told;
}

/* By time servers where the agent has them and a majority agrees, else by this manager's clock. */
static void take_clock(struct session *session, const struct hin_wire_heartbeat *heartbeat,
                       const struct told *told)
{
    bool ntp = told->has_ntp_behind_usec || told->has_ntp_ahead_usec;
    const char *source = ntp ? "ntp" : "manager";
    bool beyond = told->clock_beyond_bound != 0;
    uint64_t size = HIN_MIN(told->ntp_behind_usec + told->ntp_ahead_usec, (uint64_t)INT64_MAX);
    session->clock_offset_usec = !ntp                        ? heartbeat->clock_offset_usec
                                 : told->has_ntp_behind_usec ? (int64_t)size
                                                             : -(int64_t)size;
    if (session->clock_source != source || session->clock_beyond != beyond) {
        session->clock_source = source;
        session->clock_beyond = beyond;
        hin_ingest_note_facts(session);
    }
}

static void take_counters(struct session *session, const struct hin_wire_heartbeat *heartbeat)
{
    struct told told = read_counters(heartbeat);
    session->spool_count = heartbeat->spool_count;
    session->lost_count = told.has_events_lost ? told.events_lost : session->lost_count;
    take_clock(session, heartbeat, &told);
    hin_ingest_compare_acknowledged(session, told.acknowledged);
}

static HIN_RESULT on_heartbeat(struct session *session, const struct hin_wire_message *message)
{
    const struct hin_wire_heartbeat *heartbeat = &message->heartbeat;
    struct hin_ingest *ingest = session->ingest;
    hin_ingest_compare(session, heartbeat->checkpoint); /* signed, so it speaks first */
    take_counters(session, heartbeat);
    hin_ingest_checkpoint(ingest);
    note_seen(session, session->clock_offset_usec);
    bool newer = !hin_view_equal(heartbeat->checkpoint, hin_buf_view(&ingest->checkpoint));
    char restore[HIN_RESTORED_TEXT_BYTES];
    hin_restored_last_text(ingest->tenant, restore, sizeof(restore));
    struct hin_wire_message reply = {
        .type = HIN_WIRE_HEARTBEAT_REPLY,
        .heartbeat_reply = {.echo_usec = heartbeat->wall_usec,
                            .wall_usec = hin_clock_wall_usec(ingest->worker->clock),
                            .checkpoint = newer && session->wire.version >= 2
                                              ? hin_buf_view(&ingest->checkpoint)
                                              : HIN_VIEW_EMPTY,
                            .restore = hin_view_from_text(restore)},
    };
    return hin_ingest_send(session, &reply);
}

static HIN_RESULT on_hello(struct session *session, const struct hin_wire_message *message)
{
    hin_stream_set_idle(session->stream, SILENT_USEC);
    hin_ingest_hello(session, &message->hello);
    return hin_ok();
}

static HIN_RESULT on_enrol(struct session *session, const struct hin_wire_message *message)
{
    hin_ingest_enrol(session, &message->enrol);
    return hin_ok();
}

static HIN_RESULT on_renew(struct session *session, const struct hin_wire_message *message)
{
    hin_ingest_renew(session, &message->renew);
    return hin_ok();
}

static HIN_RESULT on_batch(struct session *session, const struct hin_wire_message *message)
{
    if (session->wire.state == HIN_WIRE_STATE_HELD) {
        return hin_ok(); /* under way when `held` was said: dropped unread, the agent keeps it */
    }
    return hin_ingest_batch(session, &message->batch);
}

static HIN_RESULT on_ping(struct session *session, const struct hin_wire_message *message)
{
    struct hin_wire_message reply = {.type = HIN_WIRE_PONG, .pong = message->ping};
    return hin_ingest_send(session, &reply);
}

static HIN_RESULT on_pong(struct session *session, const struct hin_wire_message *message)
{
    hin_ingest_pong(session, message->pong.nonce);
    return hin_ok();
}

static HIN_RESULT on_policy_status(struct session *session, const struct hin_wire_message *message)
{
    const struct hin_wire_policy_status *status = &message->policy_status;
    if (status->state == HIN_WIRE_POLICY_APPLIED) {
        session->policy_applied_msec =
            hin_clock_wall_usec(session->ingest->worker->clock) / HIN_MSEC_USEC;
    } else {
        hin_log(HIN_LOG_WARNING, "computer %lld refuses policy %llu: %.*s",
                (long long)session->computer, (unsigned long long)status->serial,
                HIN_ARGS(status->sentence));
    }
    hin_ingest_note_facts(session);
    return hin_ok();
}

static const struct {
    enum hin_wire_type type;
    struct hin_result (*handle)(struct session *session, const struct hin_wire_message *message);
} handlers[] = {
    {HIN_WIRE_HELLO, on_hello},         {HIN_WIRE_ENROL, on_enrol},
    {HIN_WIRE_RENEW, on_renew},         {HIN_WIRE_BATCH, on_batch},
    {HIN_WIRE_HEARTBEAT, on_heartbeat}, {HIN_WIRE_PING, on_ping},
    {HIN_WIRE_PONG, on_pong},           {HIN_WIRE_POLICY_STATUS, on_policy_status},
};

static HIN_RESULT handle_message(struct session *session, const struct hin_wire_message *message)
{
    HIN_TRY(hin_wire_session_step(&session->wire, HIN_WIRE_FROM_AGENT, message->type));
    for (size_t i = 0; i < HIN_COUNT(handlers); i++) {
        if (handlers[i].type == message->type) {
            return handlers[i].handle(session, message);
        }
    }
    return hin_fail(HIN_PROTOCOL);
}

/* hello and enrol may be in a version that this build does not know: their range, which never
 * moves, decides. */
static HIN_RESULT decode_frame(struct session *session, const struct hin_wire_frame *frame,
                               struct hin_wire_message *message)
{
    bool opening = frame->type == HIN_WIRE_HELLO || frame->type == HIN_WIRE_ENROL;
    if (opening && frame->version > HIN_WIRE_VERSION && frame->payload.size >= 2) {
        HIN_ENSURE(hin_load_u16(frame->payload.data) > HIN_WIRE_VERSION, PROTOCOL);
        return hin_fail(HIN_UNSUPPORTED);
    }
    HIN_ENSURE(opening || frame->version == session->wire.version, PROTOCOL);
    HIN_ENSURE(frame->version >= 1 && frame->version <= HIN_WIRE_VERSION, UNSUPPORTED);
    return hin_wire_decode(frame->version, frame->type, frame->payload, message);
}

void hin_ingest_on_data(void *context, struct hin_stream *stream)
{
    struct session *session = context;
    struct hin_wire_message *message = &session->ingest->gate->message;
    if (!session->gone && !hin_is_ok(hin_desk_wake(session->ingest->desk))) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_BUSY, "the database cannot be opened");
        return;
    }
    while (!session->gone && session->wire.state != HIN_WIRE_STATE_CLOSED && !session->paused) {
        struct hin_wire_frame frame;
        struct hin_result result =
            hin_wire_frame_next(hin_stream_input(stream), HIN_WIRE_PAYLOAD_MAX_BYTES, &frame);
        if (result.code == HIN_AGAIN) {
            return;
        }
        if (hin_is_ok(result)) {
            result = decode_frame(session, &frame, message);
        }
        if (hin_is_ok(result)) {
            result = handle_message(session, message);
        }
        if (result.code == HIN_AGAIN) {
            return; /* held back: the frame stays where it is until there is room */
        }
        if (!hin_is_ok(result)) {
            hin_ingest_refuse(session,
                              result.code == HIN_UNSUPPORTED ? HIN_WIRE_REFUSE_VERSION
                                                             : HIN_WIRE_REFUSE_PROTOCOL,
                              hin_code_text(result.code));
            return;
        }
        hin_stream_consume(stream, frame.size);
    }
}

void hin_ingest_input(struct session *session)
{
    if (!session->gone) {
        hin_ingest_on_data(session, session->stream);
    }
}

/* ---- what the bus brings ---- */

/* Only the sessions of that computer: 10,000 agents that enrol must not make each other's policies
 * be looked up. */
static void computer_changed(struct hin_ingest *ingest, int64_t computer)
{
    struct session *next;
    bool found = false;
    for (struct session *session = ingest->first; session != NULL; session = next) {
        next = session->next;
        if (session->registered && session->computer == computer) {
            found = true;
            hin_ingest_reconsider(session);
        }
    }
    if (found) {
        hin_ingest_policies_changed(ingest, computer);
    }
}

void hin_ingest_on_changed(struct hin_ingest *ingest, enum hin_store_kind kind, int64_t id)
{
    if (ingest == NULL) {
        return;
    }
    if (!hin_revision_counts(kind)) {
        return;
    }
    hin_ingest_read_revision(ingest);
    if (kind == HIN_STORE_COMPUTERS) {
        computer_changed(ingest, id);
    } else {
        hin_ingest_policies_changed(ingest, 0);
    }
}

uint64_t hin_ingest_session_count(const struct hin_ingest *ingest)
{
    return ingest != NULL ? ingest->session_count : 0;
}

uint64_t hin_ingest_clocks_beyond(const struct hin_ingest *ingest)
{
    uint64_t count = 0;
    for (const struct session *session = ingest != NULL ? ingest->first : NULL; session != NULL;
         session = session->next) {
        count += !session->gone && session->clock_beyond;
    }
    return count;
}

void hin_ingest_spool(const struct hin_ingest *ingest, uint64_t *ret_waiting, uint64_t *ret_lost)
{
    uint64_t waiting = 0;
    uint64_t lost = 0;
    for (const struct session *session = ingest->first; session != NULL; session = session->next) {
        waiting += session->spool_count;
        lost += session->lost_count;
    }
    *ret_waiting = waiting;
    *ret_lost = lost;
}

bool hin_ingest_is_blocked(const struct hin_ingest *ingest)
{
    return ingest->blocked;
}

int64_t hin_ingest_lag_usec(const struct hin_ingest *ingest)
{
    return ingest->lag_usec;
}

/* ---- life ---- */

static HIN_RESULT make(struct hin_ingest *ingest)
{
    struct hin_loop *loop = ingest->worker->loop;
    hin_arena_init(&ingest->arena, ARENA_MAX);
    hin_buf_init(&ingest->checkpoint, HIN_WIRE_CHECKPOINT_MAX_BYTES);
    HIN_TRY(hin_map_init(&ingest->open, SESSIONS_MAX));
    HIN_TRY(hin_ingest_uuid_parse(ingest->tenant->id, ingest->tenant_id));
    HIN_TRY(hin_revision_get(ingest->tenant, &ingest->revision));
    HIN_TRY(hin_timer_new(loop, hin_ingest_commit, ingest, &ingest->retry));
    HIN_TRY(hin_timer_new(loop, hin_ingest_policy_round, ingest, &ingest->policy_timer));
    HIN_TRY(hin_timer_new(loop, flush_seen, ingest, &ingest->seen_timer));
    return hin_timer_new(loop, hin_ingest_write_facts, ingest, &ingest->facts_timer);
}

HIN_RESULT hin_ingest_new(struct hin_desk *desk, struct hin_ingest **ret_ingest)
{
    struct hin_ingest *ingest = calloc(1, sizeof(*ingest));
    HIN_ENSURE(ingest != NULL, NO_MEMORY);
    ingest->worker = desk->worker;
    ingest->gate = desk->worker->gate;
    ingest->desk = desk;
    ingest->tenant = &desk->tenant;
    struct hin_result made = make(ingest);
    if (!hin_is_ok(made)) {
        hin_ingest_free(ingest);
        return made;
    }
    *ret_ingest = ingest;
    return hin_ok();
}

void hin_ingest_flush(struct hin_ingest *ingest)
{
    hin_ingest_commit(ingest);
    hin_ingest_write_facts(ingest);
    flush_seen(ingest);
}

void hin_ingest_write_told(struct hin_ingest *ingest)
{
    hin_ingest_write_facts(ingest);
}

void hin_ingest_free(struct hin_ingest *ingest)
{
    if (ingest == NULL) {
        return;
    }
    hin_loop_defer_cancel(ingest->worker->loop, hin_ingest_commit, ingest);
    while (ingest->first != NULL) {
        free_session(ingest->first);
    }
    hin_ingest_policies_forget(ingest);
    hin_timer_free(ingest->retry);
    hin_timer_free(ingest->policy_timer);
    hin_timer_free(ingest->seen_timer);
    hin_timer_free(ingest->facts_timer);
    hin_map_done(&ingest->open);
    hin_arena_done(&ingest->arena);
    hin_buf_done(&ingest->checkpoint);
    free(ingest->events);
    free(ingest->acks);
    free(ingest->seen);
    free(ingest);
}
