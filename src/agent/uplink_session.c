/* The conversation with the manager: docs/PROTOCOL.agent.md. */
#include <stdio.h>
#include <string.h>

#include "agent/uplink_internal.h"
#include "base/bytes.h"
#include "base/codec.h"

#define BACKOFF_FIRST_USEC (HIN_SEC_USEC)
#define BACKOFF_MAX_USEC   (30 * HIN_SEC_USEC)
#define ANSWER_USEC        (20 * HIN_SEC_USEC)
#define CHECKPOINT_FILE    "checkpoint"
#define RAW_MAX_BYTES      (1U << 20) /* a batch; more brings nothing but memory */
#define OUTPUT_MAX_BYTES   (16U << 20)

static int64_t now_monotonic(const struct uplink *u)
{
    return hin_clock_monotonic_usec(hin_loop_clock(u->loop));
}

static int64_t now_wall(const struct uplink *u)
{
    return hin_clock_wall_usec(hin_loop_clock(u->loop));
}

struct hin_result uplink_say(struct uplink *u, const struct hin_wire_message *message)
{
    HIN_ENSURE(u->stream != NULL, CLOSED);
    HIN_ENSURE(hin_wire_session_allows(&u->session, HIN_WIRE_FROM_AGENT, (uint8_t)message->type),
               CONFLICT);
    hin_buf_clear(&u->frame);
    HIN_TRY(hin_wire_encode(u->session.version, message, &u->frame));
    HIN_TRY(hin_stream_write(u->stream, hin_buf_view(&u->frame)));
    u->bytes_sent += u->frame.size;
    return hin_wire_session_step(&u->session, HIN_WIRE_FROM_AGENT, message->type);
}

/* The wait before the next attempt: evenly from the upper half of a doubling interval. */
static void plan_reconnect(struct uplink *u)
{
    int64_t wait = BACKOFF_FIRST_USEC;
    for (unsigned i = 0; i < u->attempts && wait < BACKOFF_MAX_USEC; i++) {
        wait *= 2;
    }
    wait = HIN_MIN(wait, BACKOFF_MAX_USEC);
    uint64_t random = 0;
    HIN_IGNORE(hin_random(&random, sizeof(random))); /* without it: less jitter */
    wait = wait / 2 + (int64_t)(random % (uint64_t)(wait / 2 + 1));
    wait = HIN_MAX(wait, u->retry_at_least_usec);
    u->retry_at_least_usec = 0;
    u->attempts++;
    struct hin_result result = hin_timer_once(u->reconnect, wait, 0);
    if (!hin_is_ok(result)) {
        uplink_end(u, result);
    }
}

void uplink_disconnect(struct uplink *u, const char *why)
{
    if (u->stream != NULL) {
        hin_log(HIN_LOG_WARNING, "disconnecting: %s", why);
        hin_stream_abort(u->stream, HIN_PROTOCOL, why);
    }
}

/* ---- sending ---- */

static HIN_RESULT send_batch(struct uplink *u)
{
    uint64_t first = 0;
    uint32_t count = 0;
    hin_buf_clear(&u->raw);
    HIN_TRY(hin_spool_read(u->spool, u->next_send, HIN_MIN(u->batch_max_bytes, RAW_MAX_BYTES),
                           HIN_WIRE_BATCH_RECORDS_MAX, &u->raw, &first, &count));
    struct hin_wire_message message = {.type = HIN_WIRE_BATCH};
    HIN_TRY(hin_wire_pack(u->packer, first, count, hin_buf_view(&u->raw), &message.batch));
    HIN_TRY(uplink_say(u, &message));
    uplink_tell_gap(u, u->next_send, first);
    u->next_send = first + count;
    u->inflight[u->inflight_count++] = u->next_send - 1;
    return hin_ok();
}

void uplink_pump(struct uplink *u)
{
    while (u->stream != NULL && u->session.state == HIN_WIRE_STATE_OPEN &&
           u->inflight_count < u->window && !hin_stream_is_full(u->stream)) {
        struct hin_result result = send_batch(u);
        if (result.code == HIN_AGAIN) {
            return;
        }
        if (!hin_is_ok(result)) {
            hin_log_result(HIN_LOG_WARNING, result, "sending events");
            uplink_disconnect(u, "events could not be sent");
            return;
        }
    }
}

void uplink_heartbeat(void *context)
{
    struct uplink *u = context;
    if (u->stream == NULL) {
        return;
    }
    struct hin_wire_message message = {
        .type = HIN_WIRE_HEARTBEAT,
        .heartbeat = {.wall_usec = now_wall(u),
                      .clock_offset_usec = u->offset_usec,
                      .policy_serial = u->policy_serial,
                      .checkpoint = hin_buf_view(&u->checkpoint)},
    };
    uplink_counters(u, &message.heartbeat);
    struct hin_result result = uplink_say(u, &message);
    if (!hin_is_ok(result) && result.code != HIN_CONFLICT) {
        uplink_disconnect(u, "the heartbeat could not be sent");
    }
}

void uplink_silence(void *context)
{
    struct uplink *u = context;
    if (u->stream == NULL) {
        return;
    }
    bool waiting =
        u->session.state == HIN_WIRE_STATE_GREETED || u->session.state == HIN_WIRE_STATE_RENEWING;
    int64_t limit = waiting ? ANSWER_USEC : 3 * (int64_t)u->heartbeat_sec * HIN_SEC_USEC;
    int64_t left = u->heard_usec + limit - now_monotonic(u);
    if (left <= 0) {
        uplink_disconnect(u, "the manager is silent");
    } else if (!hin_is_ok(hin_timer_once(u->silence, left, 0))) {
        uplink_disconnect(u, "no timer");
    }
}

/* ---- receiving ---- */

static HIN_RESULT got_welcome(struct uplink *u, const struct hin_wire_welcome *welcome)
{
    HIN_ENSURE(welcome->version >= HIN_WIRE_VERSION_OLDEST && welcome->version <= HIN_WIRE_VERSION,
               PROTOCOL);
    u->session.version = welcome->version;
    u->window = HIN_MIN(welcome->window_batches, (uint32_t)UPLINK_INFLIGHT_MAX);
    u->batch_max_bytes = welcome->batch_max_bytes;
    u->heartbeat_sec = welcome->heartbeat_sec;
    u->inflight_count = 0;
    hin_spool_acknowledge(u->spool, welcome->durable);
    u->next_send = welcome->durable + 1;
    u->welcomed = welcome->durable;
    u->claimed = HIN_MAX(u->claimed, u->acknowledged);
    u->acknowledged = welcome->durable;
    u->offset_usec = welcome->wall_usec - now_wall(u);
    u->opened_usec = now_monotonic(u);
    u->state_text = "connected";
    hin_log(HIN_LOG_NOTICE, "connected to %s:%u, protocol %u, %s", u->manager_host, u->manager_port,
            welcome->version, hin_stream_tls_version(u->stream));
    int64_t period = (int64_t)u->heartbeat_sec * HIN_SEC_USEC;
    HIN_TRY(hin_timer_repeat(u->heartbeat, HIN_MIN(period, 2 * HIN_SEC_USEC), period, 5));
    uplink_report(u);
    uplink_pump(u);
    return hin_ok();
}

static HIN_RESULT got_ack(struct uplink *u, uint64_t through)
{
    HIN_ENSURE(through < u->next_send, PROTOCOL);
    size_t done = 0;
    while (done < u->inflight_count && u->inflight[done] <= through) {
        done++;
    }
    if (done > 0) {
        u->attempts = 0; /* a manager that stores is no manager to be spared */
    }
    hin_move(u->inflight, u->inflight + done, (u->inflight_count - done) * sizeof(u->inflight[0]));
    u->inflight_count -= done;
    hin_spool_acknowledge(u->spool, through);
    u->acknowledged = HIN_MAX(u->acknowledged, through);
    uplink_pump(u);
    return hin_ok();
}

/* The manager has heard by the heartbeat what it had acknowledged: said once by both. */
static void warn_of_rollback(struct uplink *u, struct hin_view restore)
{
    if (u->welcomed < u->claimed) {
        hin_log(HIN_LOG_WARNING,
                "the manager's database is older than it was: it has events up to %llu of those it "
                "acknowledged up to %llu%s%.*s",
                (unsigned long long)u->welcomed, (unsigned long long)u->claimed,
                restore.size > 0 ? "; " : ", and it says nothing of a restore", HIN_ARGS(restore));
    }
    u->claimed = 0;
}

static HIN_RESULT got_heartbeat_reply(struct uplink *u,
                                      const struct hin_wire_heartbeat_reply *reply)
{
    int64_t now = now_wall(u);
    if (reply->echo_usec <= now && now - reply->echo_usec < HIN_MINUTE_USEC) {
        int64_t half = (now - reply->echo_usec) / 2;
        u->offset_usec = reply->wall_usec - (reply->echo_usec + half);
        uplink_clock_by_manager(u, u->offset_usec, half);
    }
    if (reply->checkpoint.size > 0 &&
        !hin_view_equal(reply->checkpoint, hin_buf_view(&u->checkpoint))) {
        hin_buf_clear(&u->checkpoint);
        HIN_TRY(hin_buf_append(&u->checkpoint, reply->checkpoint));
        HIN_TRY(hin_cabinet_put(&u->cabinet, CHECKPOINT_FILE, reply->checkpoint));
        HIN_TRY(uplink_acknowledged_save(u));
    }
    warn_of_rollback(u, reply->restore);
    return hin_ok();
}

static HIN_RESULT got_renewed(struct uplink *u, const struct hin_wire_renewed *renewed)
{
    HIN_TRY(uplink_renewed(u, renewed));
    u->renewing = false;
    hin_log(HIN_LOG_NOTICE, "the certificate was renewed");
    if (u->session.state == HIN_WIRE_STATE_CLOSED) {
        u->attempts = 0;
        hin_stream_close(u->stream);
    }
    return hin_ok();
}

static HIN_RESULT got_refuse(struct uplink *u, const struct hin_wire_refuse *refuse)
{
    u->retry_at_least_usec = (int64_t)refuse->retry_sec * HIN_SEC_USEC;
    if (refuse->reason == HIN_WIRE_REFUSE_VERSION) {
        hin_log(HIN_LOG_ERROR,
                "the manager speaks protocol %u to %u, this agent %d to %d: update the older one",
                refuse->version_oldest, refuse->version_newest, HIN_WIRE_VERSION_OLDEST,
                HIN_WIRE_VERSION);
    } else {
        hin_log(HIN_LOG_WARNING, "refused: %s (%.*s)", hin_wire_refusal_text(refuse->reason),
                HIN_ARGS(refuse->sentence));
    }
    u->state_text = hin_wire_refusal_text(refuse->reason);
    if (refuse->reason == HIN_WIRE_REFUSE_REVOKED || refuse->reason == HIN_WIRE_REFUSE_ERASED ||
        refuse->reason == HIN_WIRE_REFUSE_VERSION) {
        u->retry_at_least_usec = HIN_MAX(u->retry_at_least_usec, BACKOFF_MAX_USEC);
    }
    hin_stream_close(u->stream);
    return hin_ok();
}

static HIN_RESULT got_held(struct uplink *u, const struct hin_wire_held *held)
{
    hin_log(HIN_LOG_WARNING, "held: %.*s", HIN_ARGS(held->sentence));
    u->state_text = "held for approval";
    u->inflight_count = 0;
    uplink_report(u);
    return hin_ok();
}

static HIN_RESULT got_ping(struct uplink *u, uint64_t nonce)
{
    struct hin_wire_message pong = {.type = HIN_WIRE_PONG, .pong = {nonce}};
    struct hin_result result = uplink_say(u, &pong);
    return result.code == HIN_CONFLICT ? hin_ok() : result;
}

static HIN_RESULT got_message(struct uplink *u, const struct hin_wire_message *m)
{
    switch (m->type) {
    case HIN_WIRE_WELCOME:
        return got_welcome(u, &m->welcome);
    case HIN_WIRE_ACK:
        return got_ack(u, m->ack.through);
    case HIN_WIRE_HEARTBEAT_REPLY:
        return got_heartbeat_reply(u, &m->heartbeat_reply);
    case HIN_WIRE_POLICY:
        return uplink_policy_chunk(u, &m->policy);
    case HIN_WIRE_RENEWED:
        return got_renewed(u, &m->renewed);
    case HIN_WIRE_REFUSE:
        return got_refuse(u, &m->refuse);
    case HIN_WIRE_HELD:
        return got_held(u, &m->held);
    case HIN_WIRE_PING:
        return got_ping(u, m->ping.nonce);
    default:
        return hin_ok(); /* a pong; the table let nothing else through */
    }
}

/* A refusal is readable in every version: its first fields and the frame never change. */
static uint16_t version_of(const struct uplink *u, const struct hin_wire_frame *frame)
{
    bool first = frame->type == HIN_WIRE_WELCOME || frame->type == HIN_WIRE_REFUSE ||
                 frame->type == HIN_WIRE_HELD;
    bool known = frame->version >= HIN_WIRE_VERSION_OLDEST && frame->version <= HIN_WIRE_VERSION;
    return first && known ? frame->version : u->session.version;
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct uplink *u = context;
    struct hin_wire_frame frame;
    struct hin_result result = hin_ok();
    u->heard_usec = now_monotonic(u);
    while (hin_is_ok(result) && u->stream == stream) {
        result = hin_wire_frame_next(hin_stream_input(stream), HIN_WIRE_PAYLOAD_MAX_BYTES, &frame);
        if (!hin_is_ok(result)) {
            break;
        }
        struct hin_wire_message message;
        result = hin_wire_decode(version_of(u, &frame), frame.type, frame.payload, &message);
        if (hin_is_ok(result)) {
            result = hin_wire_session_step(&u->session, HIN_WIRE_FROM_MANAGER, message.type);
        }
        if (hin_is_ok(result)) {
            result = got_message(u, &message);
        }
        hin_stream_consume(stream, frame.size);
    }
    if (!hin_is_ok(result) && result.code != HIN_AGAIN) {
        hin_log_result(HIN_LOG_WARNING, result, "a message of the manager");
        uplink_disconnect(u, hin_code_text(result.code));
    }
}

static HIN_RESULT greet(struct uplink *u)
{
    if (now_wall(u) > u->validity.not_after_usec) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf csr = {.max = HIN_WIRE_CSR_MAX_BYTES};
        u->session = hin_wire_session_begin(HIN_WIRE_STATE_LAPSED);
        HIN_TRY(uplink_renewal_request(u, &csr));
        struct hin_wire_message renew = {.type = HIN_WIRE_RENEW, .renew = {hin_buf_view(&csr)}};
        return uplink_say(u, &renew);
    }
    struct hin_spool_stats stats;
    hin_spool_stats(u->spool, &stats);
    HIN_TRY(uplink_session_count(u));
    u->session = hin_wire_session_begin(HIN_WIRE_STATE_KNOWN);
    struct hin_wire_message hello = {
        .type = HIN_WIRE_HELLO,
        .hello = {.version_oldest = HIN_WIRE_VERSION_OLDEST,
                  .version_newest = HIN_WIRE_VERSION,
                  .session_counter = u->session_counter,
                  .spool_first = stats.first,
                  .spool_last = stats.last,
                  .policy_serial = u->policy_serial,
                  .wall_usec = now_wall(u),
                  .agent_version = HIN_VIEW(HIN_VERSION),
                  .host_name = hin_view_from_text(u->host.name),
                  .os_name = hin_view_from_text(u->host.os),
                  .platform = hin_view_from_text(u->host.platform),
                  .checkpoint = hin_buf_view(&u->checkpoint)},
    };
    hin_copy(hello.hello.agent_id, u->agent_bytes, sizeof(hello.hello.agent_id));
    return uplink_say(u, &hello);
}

static void on_open(void *context, struct hin_stream *stream)
{
    struct uplink *u = context;
    (void)stream;
    u->heard_usec = now_monotonic(u);
    u->heartbeat_sec = 60;
    struct hin_result result = uplink_authority_met(u);
    if (hin_is_ok(result)) {
        result = greet(u);
    }
    if (hin_is_ok(result)) {
        result = hin_timer_once(u->silence, ANSWER_USEC, 0);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "greeting the manager");
        uplink_disconnect(u, "no greeting");
    }
}

static void on_drain(void *context, struct hin_stream *stream)
{
    (void)stream;
    uplink_pump(context);
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    struct uplink *u = context;
    (void)stream;
    bool was_open = u->opened_usec != 0;
    if (was_open && now_monotonic(u) - u->opened_usec >= HIN_MINUTE_USEC) {
        u->attempts = 0;
    }
    if (was_open || u->attempts < 3) {
        hin_log(HIN_LOG_NOTICE, "disconnected from %s:%u: %s", u->manager_host, u->manager_port,
                end->text[0] != '\0' ? end->text : hin_code_text(end->code));
    }
    u->stream = NULL;
    u->opened_usec = 0;
    u->inflight_count = 0;
    u->renewing = false;
    u->session.state = HIN_WIRE_STATE_CLOSED;
    u->reconnects += was_open;
    if (strcmp(u->state_text, "connected") == 0) {
        u->state_text = "not connected";
    }
    hin_timer_stop(u->heartbeat);
    hin_timer_stop(u->silence);
    uplink_report(u);
    plan_reconnect(u);
}

void uplink_connect(void *context)
{
    static const struct hin_stream_events events = {
        .on_open = on_open,
        .on_data = on_data,
        .on_drain = on_drain,
        .on_close = on_close,
    };
    struct uplink *u = context;
    struct hin_connect_options options = {.host = u->manager_host,
                                          .limits = hin_stream_limits_default()};
    struct hin_error error = {.code = HIN_OK};
    size_t count = 0;
    options.limits.input_max_bytes = HIN_WIRE_PAYLOAD_MAX_BYTES + 4096;
    options.limits.output_max_bytes = OUTPUT_MAX_BYTES;
    options.limits.high_bytes = 2U << 20;
    struct hin_result result =
        hin_resolve(u->manager_host, u->manager_port, &options.address, 1, &count, &error);
    if (hin_is_ok(result) && u->tls_stale) {
        result = uplink_tls_make(u);
    }
    if (hin_is_ok(result)) {
        options.tls = u->tls;
        result = hin_stream_connect(u->loop, &options, &events, u, &u->stream);
    }
    if (!hin_is_ok(result)) {
        u->stream = NULL;
        if (u->attempts < 3) {
            hin_log_result(HIN_LOG_WARNING, result, "connecting to %s:%u: %s", u->manager_host,
                           u->manager_port, error.text);
        }
        plan_reconnect(u);
    }
}
