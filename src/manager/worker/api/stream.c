#include "manager/worker/api/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/auth.h"
#include "manager/worker/api/query.h"
#include "manager/worker/api/reads.h"

enum { EVENTS_PER_TURN = 200, PING_USEC = 15 * 1000 * 1000, POLL_USEC = 1000 * 1000 };

struct stream {
    struct hin_streams *owner;
    struct hin_desk *desk; /* whose events */
    struct hin_http_exchange *exchange;
    struct hin_query query;
    int64_t sent_id; /* everything up to here was looked at */
    int64_t key, expires_usec;
    bool stuck; /* the peer reads too slowly: go on when it has drained */
    struct stream *next;
};

struct hin_streams {
    struct hin_worker *worker;
    struct stream *first;
    size_t count;
    struct hin_timer *timer;
    int64_t next_ping_usec;
};

static void drop(struct stream *stream, bool abort)
{
    struct hin_streams *owner = stream->owner;
    for (struct stream **at = &owner->first; *at != NULL; at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            owner->count--;
            break;
        }
    }
    if (abort) {
        hin_http_reply_abort(stream->exchange);
    }
    hin_query_done(&stream->query);
    free(stream);
}

struct turn {
    struct stream *stream;
    struct hin_arena *arena;
    struct hin_buf text;
};

static struct hin_result send_event(void *context, const struct hin_store_event *event)
{
    struct turn *turn = context;
    char id[32];
    bool passes = false;
    hin_buf_clear(&turn->text);
    hin_arena_reset(turn->arena);
    HIN_TRY(hin_query_write(&turn->stream->query, event, turn->arena, &turn->text, &passes));
    if (passes) {
        snprintf(id, sizeof(id), "%lld", (long long)event->id);
        HIN_TRY(hin_http_reply_event(turn->stream->exchange, hin_view_from_text(id), HIN_VIEW_EMPTY,
                                     hin_buf_view(&turn->text)));
    }
    turn->stream->sent_id = event->id;
    return hin_ok();
}

/* Send what there is. False: the stream has ended and is gone. */
static bool pump(struct stream *stream)
{
    struct hin_arena arena;
    struct turn turn = {.stream = stream, .arena = &arena, .text = {.max = 4 << 20}};
    struct hin_desk *desk = stream->desk;
    hin_arena_init(&arena, 16 << 20);
    struct hin_result result = hin_desk_wake(desk);
    while (hin_is_ok(result) && stream->sent_id < desk->last_event_id && !stream->stuck) {
        struct hin_store_report report = {0};
        int64_t wanted = desk->last_event_id;
        stream->query.filter.after_id = stream->sent_id;
        stream->query.filter.before_id = 0;
        stream->query.filter.limit = EVENTS_PER_TURN;
        result =
            hin_store_search(desk->tenant.store, &stream->query.filter, send_event, &turn, &report);
        if (hin_is_ok(result) && !report.more) {
            stream->sent_id = HIN_MAX(stream->sent_id,
                                      wanted); /* what did not match need not be looked at again */
        } else if (hin_is_ok(result) && report.resume_id > stream->sent_id) {
            stream->sent_id = report.resume_id;
        }
        stream->stuck = hin_http_reply_is_full(stream->exchange) || result.code == HIN_LIMIT;
        if (result.code == HIN_LIMIT) {
            result = hin_ok();
        }
    }
    hin_arena_done(&arena);
    hin_buf_done(&turn.text);
    if (result.code == HIN_CLOSED) {
        return true; /* on_gone follows and frees it */
    }
    if (!hin_is_ok(result)) {
        drop(stream, true);
        return false;
    }
    return true;
}

void hin_streams_wake(struct hin_streams *streams, struct hin_desk *desk, int64_t last_id)
{
    struct stream *next;
    if (last_id <= desk->last_event_id) {
        return;
    }
    desk->last_event_id = last_id;
    for (struct stream *stream = streams->first; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->desk == desk) {
            pump(stream);
        }
    }
}

void hin_streams_end(struct hin_streams *streams, const struct hin_desk *desk)
{
    struct stream *next;
    for (struct stream *stream = streams->first; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->desk == desk) {
            drop(stream, true);
        }
    }
}

static void on_drain(void *context, struct hin_http_exchange *exchange)
{
    struct stream *stream = context;
    (void)exchange;
    stream->stuck = false;
    pump(stream);
}

static void on_gone(void *context, struct hin_http_exchange *exchange)
{
    (void)exchange;
    drop(context, false);
}

static const struct hin_http_stream_events stream_events = {on_drain, on_gone};

/* A commit whose announcement was lost. A wake may drop streams: begin anew after each. */
static void look_for_events(struct hin_streams *streams)
{
    struct hin_worker *worker = streams->worker;
    for (struct hin_desk *desk = worker->desks; desk != NULL; desk = desk->next) {
        struct hin_store_position position;
        const struct stream *stream = streams->first;
        while (stream != NULL && stream->desk != desk) {
            stream = stream->next;
        }
        if (stream != NULL && hin_is_ok(hin_desk_wake(desk)) &&
            hin_is_ok(hin_store_position(desk->tenant.store, &position))) {
            hin_streams_wake(streams, desk, position.last_event_id);
        }
    }
}

/* Comments keep middle boxes from closing, and show a peer that is gone. */
static void on_timer(void *context)
{
    struct hin_streams *streams = context;
    int64_t now_usec = hin_clock_monotonic_usec(streams->worker->clock);
    int64_t wall_usec = hin_clock_wall_usec(streams->worker->clock);
    if (streams->first == NULL) {
        return;
    }
    look_for_events(streams);
    bool ping = now_usec >= streams->next_ping_usec;
    struct stream *next;
    if (ping) { /* and a change of keys, likewise */
        hin_streams_check(streams);
    }
    for (struct stream *stream = streams->first; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->expires_usec != 0 && wall_usec >= stream->expires_usec) {
            drop(stream, true);
        } else if (ping && !stream->stuck) {
            HIN_IGNORE(hin_http_reply_write(stream->exchange,
                                            HIN_VIEW(": still here\n\n"))); /* on_gone tells */
        }
    }
    if (ping) {
        streams->next_ping_usec = now_usec + PING_USEC;
    }
}

void hin_streams_check(struct hin_streams *streams)
{
    struct hin_auth *auth = hin_api_auth(streams->worker->api);
    struct stream *next;
    for (struct stream *stream = streams->first; stream != NULL; stream = next) {
        struct hin_api_principal who;
        next = stream->next;
        /* Whatever the reason: who still may connects anew, and goes on after the last ID. */
        if (!hin_is_ok(hin_auth_again(auth, stream->desk, stream->key, &who)) ||
            (who.rights & HIN_RIGHT_EVENTS) == 0) {
            drop(stream, true);
        } else {
            stream->expires_usec = who.expires_usec;
        }
    }
}

static HIN_RESULT start_id(struct hin_api_call *call, struct stream *stream)
{
    struct hin_store_position position;
    struct hin_view text;
    HIN_TRY(hin_store_position(call->tenant->store, &position));
    hin_streams_wake(stream->owner, stream->desk, position.last_event_id);
    stream->sent_id = stream->desk->last_event_id;
    if (hin_http_request_header(call->exchange, "last-event-id", &text)) {
        if (!hin_is_ok(hin_view_to_i64(text, &stream->sent_id)) || stream->sent_id < 0) {
            return hin_api_fail(call, HIN_INVALID, "Last-Event-ID: not the ID of an event");
        }
    } else if (stream->query.filter.after_id > 0) {
        stream->sent_id = stream->query.filter.after_id;
    }
    return hin_ok();
}

static HIN_RESULT open_stream(struct hin_api_call *call, struct stream *stream)
{
    HIN_TRY(hin_query_from_parameters(call, &stream->query));
    HIN_TRY(start_id(call, stream));
    struct hin_view fields;
    HIN_TRY(hin_query_fields(call, &stream->query, &fields));
    HIN_TRY(hin_reads_begin(call, "events.follow", "events", 0, fields));
    hin_http_exchange_watch(call->exchange, &stream_events, stream);
    call->taken = true;
    return hin_http_reply_begin(call->exchange, 200, "text/event-stream");
}

struct hin_result hin_streams_open(struct hin_api_call *call)
{
    struct hin_streams *streams = hin_api_streams(call->worker->api);
    if (streams->count == HIN_STREAMS_MAX) {
        return hin_api_fail(call, HIN_AGAIN, "too many streams are open");
    }
    struct stream *stream = calloc(1, sizeof(*stream));
    HIN_ENSURE(stream != NULL, NO_MEMORY);
    stream->owner = streams;
    stream->desk = call->desk;
    stream->exchange = call->exchange;
    stream->key = call->who->key;
    stream->expires_usec = call->who->expires_usec;
    hin_query_init(&stream->query);
    struct hin_result opened = open_stream(call, stream);
    if (!hin_is_ok(opened)) {
        drop(stream, call->taken);
        return opened;
    }
    stream->next = streams->first;
    streams->first = stream;
    streams->count++;
    HIN_IGNORE(
        hin_http_reply_write(call->exchange, HIN_VIEW(": events follow\n\n"))); /* on_gone tells */
    pump(stream);
    return hin_ok();
}

HIN_RESULT hin_streams_new(struct hin_worker *worker, struct hin_streams **ret_streams)
{
    struct hin_streams *streams = calloc(1, sizeof(*streams));
    HIN_ENSURE(streams != NULL, NO_MEMORY);
    streams->worker = worker;
    struct hin_result made = hin_timer_new(worker->loop, on_timer, streams, &streams->timer);
    if (hin_is_ok(made)) {
        made = hin_timer_repeat(streams->timer, POLL_USEC, POLL_USEC, 0);
    }
    if (!hin_is_ok(made)) {
        hin_streams_free(streams);
        return made;
    }
    *ret_streams = streams;
    return hin_ok();
}

void hin_streams_free(struct hin_streams *streams)
{
    if (streams != NULL) {
        while (streams->first != NULL) {
            drop(streams->first, true);
        }
        hin_timer_free(streams->timer);
        free(streams);
    }
}
