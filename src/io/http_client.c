#include "io/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "data/json.h"
#include "io/loop.h"
#include "io/transport.h"

#define KIB            ((size_t)1024)
#define ADDRESSES_MAX  8
#define RETRY_FIRST    HIN_SEC_USEC
#define RETRY_MAX      (30 * HIN_SEC_USEC)
#define ERROR_BODY_MAX (64 * KIB)
#define SEND_BYTES     (64 * KIB) /* of a body, in one go */

enum call_phase { CALL_CONNECT, CALL_HEAD, CALL_BODY, CALL_DONE };

struct hin_http_client {
    struct hin_http_client_options options;
    struct hin_loop *loop;
    struct hin_timer *timer;
    struct hin_watch *wake;
    int wake_fd;
    struct hin_stream *stream; /* open or being opened, of `host` and `port` */
    char host[HIN_URL_HOST_BYTES];
    uint16_t port;
    bool reused; /* the stream served a call before */

    /* the call that runs */
    enum call_phase phase;
    bool running, interrupted, any_byte, ended_well;
    uint64_t moved_bytes; /* by the stream, when the timer last ran */
    enum hin_http_method method;
    struct hin_view request, body; /* its head, and what follows */
    struct hin_view unsent;        /* of the body */
    struct hin_http_answer *answer;
    struct hin_http_chunks chunks;
    struct hin_result outcome;
    char text[256];
    const struct hin_http_follow *follow; /* NULL: a plain call */
    struct hin_sse_reader *sse;
    bool follow_stop;
};

struct hin_http_client_options hin_http_client_options_default(void)
{
    return (struct hin_http_client_options){.connect_usec = 10 * HIN_SEC_USEC,
                                            .answer_usec = 60 * HIN_SEC_USEC,
                                            .stream_idle_usec = 90 * HIN_SEC_USEC,
                                            .head_max_bytes = 64 * KIB,
                                            .body_max_bytes = 64 * 1024 * KIB,
                                            .event_max_bytes = 4 * 1024 * KIB,
                                            .peer_name = "server"};
}

void hin_http_answer_done(struct hin_http_answer *answer)
{
    hin_buf_done(&answer->head_bytes);
    hin_buf_done(&answer->body);
}

static void finish(struct hin_http_client *client, enum hin_code code, const char *text)
{
    if (client->phase != CALL_DONE) {
        client->phase = CALL_DONE;
        client->outcome = hin_fail(code);
        (void)snprintf(client->text, sizeof(client->text), "%s", text);
    }
    client->running = false;
}

static void drop_stream(struct hin_http_client *client)
{
    if (client->stream != NULL) {
        hin_stream_drop(client->stream);
        client->stream = NULL;
    }
}

/* How long an answer is waited for, or silence is borne. */
static int64_t patience(const struct hin_http_client *client)
{
    return client->options.silence_usec > 0 ? client->options.silence_usec
                                            : client->options.answer_usec;
}

/* Something moved since the timer was set: wait on. */
static bool still_moves(struct hin_http_client *client)
{
    if (client->options.silence_usec == 0 || client->stream == NULL ||
        client->phase == CALL_CONNECT || client->phase == CALL_DONE) {
        return false;
    }
    uint64_t moved =
        hin_stream_read_bytes(client->stream) + hin_stream_written_bytes(client->stream);
    bool more = moved != client->moved_bytes;
    client->moved_bytes = moved;
    return more && hin_is_ok(hin_timer_once(client->timer, client->options.silence_usec, 0));
}

static void on_timer(void *context)
{
    struct hin_http_client *client = context;
    if (still_moves(client)) {
        return;
    }
    finish(client, HIN_TIMEOUT,
           client->phase == CALL_CONNECT ? "no connection in time" : "no answer in time");
}

static void on_wake(void *context, unsigned events)
{
    struct hin_http_client *client = context;
    uint64_t count = 0;
    size_t size = 0;
    HIN_IGNORE(hin_fd_read_some(client->wake_fd, &count, sizeof(count),
                                &size)); /* that it woke us says all */
    client->interrupted = true;
    finish(client, HIN_CONFLICT, "interrupted");
}

void hin_http_client_interrupt(struct hin_http_client *client)
{
    uint64_t one = 1;
    ssize_t written = write(client->wake_fd, &one, sizeof(one));
    (void)written; /* a full counter wakes as well */
}

struct hin_result hin_http_client_new(const struct hin_http_client_options *options,
                                      struct hin_http_client **ret_client)
{
    struct hin_http_client *client = calloc(1, sizeof(*client));
    HIN_ENSURE(client != NULL, NO_MEMORY);
    client->options = *options;
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct hin_result result =
        client->wake_fd >= 0 ? hin_loop_new(NULL, &client->loop) : hin_fail(HIN_IO);
    if (hin_is_ok(result)) {
        result = hin_timer_new(client->loop, on_timer, client, &client->timer);
    }
    if (hin_is_ok(result)) {
        result = hin_watch_new(client->loop, client->wake_fd, on_wake, client, &client->wake);
    }
    if (hin_is_ok(result)) {
        result = hin_watch_set(client->wake, HIN_WATCH_READ);
    }
    if (!hin_is_ok(result)) {
        hin_http_client_free(client);
        return result;
    }
    *ret_client = client;
    return hin_ok();
}

void hin_http_client_free(struct hin_http_client *client)
{
    if (client == NULL) {
        return;
    }
    drop_stream(client);
    hin_watch_free(client->wake);
    hin_timer_free(client->timer);
    hin_loop_free(client->loop);
    hin_fd_close(&client->wake_fd);
    free(client);
}

/* ---- the answer ---- */

static bool is_event_stream(const struct hin_http_head *head)
{
    struct hin_view type = HIN_VIEW_EMPTY;
    return head->status == 200 && hin_http_header_find(head, "content-type", &type) &&
           hin_view_equal_nocase(hin_view_sub(type, 0, 17), HIN_VIEW("text/event-stream"));
}

static bool has_no_body(const struct hin_http_client *client)
{
    unsigned status = client->answer->head.status;
    return client->method == HIN_HTTP_HEAD || status == 204 || status == 304;
}

/* False: wait for more. */
static bool take_head(struct hin_http_client *client, struct hin_stream *stream)
{
    struct hin_http_answer *answer = client->answer;
    struct hin_http_refusal refusal = {0, "malformed"};
    size_t scanned = 0;
    size_t size = 0;
    struct hin_view input = hin_stream_input(stream);
    struct hin_result found =
        hin_http_head_find(input, client->options.head_max_bytes, &scanned, &size);
    if (found.code == HIN_AGAIN) {
        return false;
    }
    hin_buf_clear(&answer->head_bytes);
    if (!hin_is_ok(found) ||
        !hin_is_ok(hin_buf_append(&answer->head_bytes, hin_view_sub(input, 0, size))) ||
        !hin_is_ok(
            hin_http_parse_response(hin_buf_view(&answer->head_bytes), &answer->head, &refusal))) {
        finish(client, HIN_PROTOCOL, "the answer is not proper HTTP");
        return false;
    }
    hin_stream_consume(stream, size);
    if (answer->head.status < 200) {
        return true; /* 100 Continue and the like: the answer follows */
    }
    client->phase = CALL_BODY;
    bool empty = has_no_body(client) || (answer->head.has_length && answer->head.length == 0);
    if (empty) {
        client->ended_well = true;
        finish(client, HIN_OK, "");
        return false;
    }
    if (client->follow != NULL && is_event_stream(&answer->head)) {
        HIN_IGNORE(hin_timer_once(client->timer, client->options.stream_idle_usec,
                                  0)); /* armed before: no memory */
    }
    return true;
}

static bool on_event(void *context, const struct hin_http_event *event)
{
    struct hin_http_client *client = context;
    client->follow_stop = !client->follow->on_event(client->follow->context, event);
    return !client->follow_stop;
}

/* Hands what the body holds so far to the event reader. */
static void feed_events(struct hin_http_client *client)
{
    struct hin_buf *body = &client->answer->body;
    HIN_IGNORE(hin_timer_once(client->timer, client->options.stream_idle_usec,
                              0)); /* armed before: no memory */
    struct hin_result result = hin_sse_feed(client->sse, hin_buf_view(body), on_event, client);
    hin_buf_clear(body);
    if (!hin_is_ok(result)) {
        finish(client, result.code, "an event is longer than the client takes");
    } else if (client->follow_stop) {
        finish(client, HIN_OK, "");
    }
}

static void take_body(struct hin_http_client *client, struct hin_stream *stream)
{
    struct hin_http_answer *answer = client->answer;
    struct hin_view input = hin_stream_input(stream);
    struct hin_result result = hin_fail(HIN_AGAIN);
    size_t used = 0;
    if (answer->head.chunked) {
        result = hin_http_chunks_feed(&client->chunks, input, &answer->body, &used);
    } else {
        size_t left =
            answer->head.has_length ? (size_t)answer->head.length - answer->body.size : SIZE_MAX;
        used = HIN_MIN(left, input.size);
        result = hin_buf_append(&answer->body, hin_view_sub(input, 0, used));
        if (hin_is_ok(result) && (!answer->head.has_length || used < left)) {
            result = hin_fail(HIN_AGAIN);
        }
    }
    hin_stream_consume(stream, used);
    if (client->sse != NULL && is_event_stream(&answer->head)) {
        feed_events(client);
    }
    if (result.code == HIN_OK) {
        client->ended_well = true;
        finish(client, HIN_OK, "");
    } else if (result.code != HIN_AGAIN) {
        finish(client, result.code == HIN_SYNTAX ? HIN_PROTOCOL : result.code,
               result.code == HIN_LIMIT ? "the answer is longer than the client takes"
                                        : "the answer is not proper HTTP");
    }
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct hin_http_client *client = context;
    client->any_byte = true;
    while (client->phase == CALL_HEAD && take_head(client, stream)) {
        ;
    }
    if (client->phase == CALL_BODY && hin_stream_input(stream).size > 0) {
        take_body(client, stream);
    }
}

/* Hands over what the stream has room for: a body is in memory once. */
static void send_more(struct hin_http_client *client)
{
    while (client->unsent.size > 0 && !hin_stream_is_full(client->stream)) {
        struct hin_view part = hin_view_sub(client->unsent, 0, SEND_BYTES);
        struct hin_result result = hin_stream_write(client->stream, part);
        if (!hin_is_ok(result)) {
            finish(client, result.code, "the request could not be sent");
            return;
        }
        client->unsent = hin_view_sub(client->unsent, part.size, client->unsent.size);
    }
}

static void send_request(struct hin_http_client *client)
{
    client->phase = CALL_HEAD;
    client->unsent = client->body;
    struct hin_result result = hin_stream_write(client->stream, client->request);
    if (!hin_is_ok(result)) {
        finish(client, result.code, "the request could not be sent");
        return;
    }
    send_more(client);
}

static void on_drain(void *context, struct hin_stream *stream)
{
    struct hin_http_client *client = context;
    if (client->phase == CALL_HEAD || client->phase == CALL_BODY) {
        send_more(client);
    }
}

static void on_open(void *context, struct hin_stream *stream)
{
    struct hin_http_client *client = context;
    HIN_IGNORE(hin_timer_once(client->timer, patience(client), 0)); /* armed before: no memory */
    send_request(client);
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    struct hin_http_client *client = context;
    client->stream = NULL;
    bool until_close = client->phase == CALL_BODY && !client->answer->head.chunked &&
                       !client->answer->head.has_length;
    if (until_close && end->code == HIN_OK) {
        finish(client, HIN_OK, ""); /* close_notify: truly the end, not a cut */
        return;
    }
    finish(client, end->code == HIN_OK ? HIN_CLOSED : end->code,
           end->text[0] != '\0' && end->code != HIN_OK
               ? end->text
               : "the connection was closed before the answer");
}

static const struct hin_stream_events client_events = {
    .on_open = on_open, .on_data = on_data, .on_drain = on_drain, .on_close = on_close};

/* ---- a call ---- */

static struct hin_result build_request(const struct hin_http_call *call, const struct hin_url *url,
                                       struct hin_view last_event_id, struct hin_buf *out)
{
    HIN_TRY(hin_buf_printf(out, "%s ", hin_http_method_name(call->method)));
    HIN_TRY(url->path.size > 0 ? hin_buf_append(out, url->path) : hin_buf_append_byte(out, '/'));
    if (url->has_query) {
        HIN_TRY(hin_buf_append_byte(out, '?'));
        HIN_TRY(hin_buf_append(out, url->query));
    }
    HIN_TRY(hin_buf_append_text(out, " HTTP/1.1\r\nHost: "));
    HIN_TRY(hin_url_format_authority(url, out));
    HIN_TRY(hin_buf_append_text(out, "\r\n"));
    for (size_t i = 0; i < call->header_count; i++) {
        const struct hin_http_client_header *header = &call->headers[i];
        HIN_ENSURE(strpbrk(header->name, "\r\n: ") == NULL &&
                       strpbrk(header->value, "\r\n") == NULL,
                   INVALID);
        HIN_TRY(hin_buf_printf(out, "%s: %s\r\n", header->name, header->value));
    }
    if (last_event_id.size > 0) {
        HIN_ENSURE(hin_view_find_byte(last_event_id, '\n') == SIZE_MAX &&
                       hin_view_find_byte(last_event_id, '\r') == SIZE_MAX,
                   INVALID);
        HIN_TRY(hin_buf_printf(out, "Last-Event-ID: %.*s\r\n", HIN_ARGS(last_event_id)));
    }
    if (call->content_type != NULL) {
        HIN_TRY(hin_buf_printf(out, "Content-Type: %s\r\n", call->content_type));
    }
    bool sends = call->body.size > 0 || call->method == HIN_HTTP_POST ||
                 call->method == HIN_HTTP_PUT || call->method == HIN_HTTP_PATCH;
    if (sends) {
        HIN_TRY(hin_buf_printf(out, "Content-Length: %zu\r\n", call->body.size));
    }
    return hin_buf_append_text(out, "\r\n");
}

/* One try over an address that is known, or over the kept connection. */
static struct hin_result attempt(struct hin_http_client *client, const struct hin_address *address)
{
    client->phase = CALL_CONNECT;
    client->any_byte = client->ended_well = client->interrupted = false;
    client->running = true;
    client->outcome = hin_ok();
    client->chunks = (struct hin_http_chunks){0};
    hin_buf_clear(&client->answer->body);
    client->reused = client->stream != NULL;
    HIN_TRY(hin_timer_once(client->timer,
                           client->reused ? patience(client) : client->options.connect_usec, 0));
    if (client->reused) {
        send_request(client);
    } else {
        struct hin_connect_options options = {.tls = client->options.tls,
                                              .address = *address,
                                              .host = client->host,
                                              .limits = hin_stream_limits_default()};
        options.limits.handshake_usec = client->options.connect_usec;
        if (client->options.silence_usec > 0) {
            options.limits.stall_usec = client->options.silence_usec;
        }
        options.limits.input_max_bytes =
            HIN_MAX(options.limits.input_max_bytes, client->options.head_max_bytes + 1);
        HIN_TRY(
            hin_stream_connect(client->loop, &options, &client_events, client, &client->stream));
    }
    while (client->running) {
        HIN_TRY(hin_loop_run_once(client->loop, -1));
    }
    hin_timer_stop(client->timer);
    bool keep = hin_is_ok(client->outcome) && client->ended_well &&
                client->answer->head.keep_alive && client->unsent.size == 0;
    if (!keep) {
        drop_stream(client);
    }
    return client->outcome;
}

/* A kept connection that the server closed meanwhile: nothing of this request was answered. */
static bool may_repeat(const struct hin_http_client *client, struct hin_result result)
{
    static const bool idempotent[HIN_HTTP_METHOD_COUNT] = {[HIN_HTTP_GET] = true,
                                                           [HIN_HTTP_HEAD] = true,
                                                           [HIN_HTTP_PUT] = true,
                                                           [HIN_HTTP_DELETE] = true,
                                                           [HIN_HTTP_OPTIONS] = true};
    bool closed = result.code == HIN_CLOSED || result.code == HIN_NETWORK;
    return closed && client->reused && !client->any_byte && idempotent[client->method];
}

static struct hin_result explain(struct hin_http_client *client, struct hin_result result,
                                 struct hin_error *error)
{
    if (hin_is_ok(result)) {
        return result;
    }
    bool refused = strncmp(client->text, "connection refused", 18) == 0;
    const char *name = client->options.peer_name != NULL ? client->options.peer_name : "server";
    return hin_error_set(error, result.code, NULL, 0, 0, "%s%s%s%s",
                         client->text[0] != '\0' ? client->text : hin_code_text(result.code),
                         refused ? ": is the " : "", refused ? name : "",
                         refused ? " running?" : "");
}

/* Drains what the kept connection has to say (its end, most of all) before it is used again. */
static void look_at_kept(struct hin_http_client *client, const struct hin_url *url)
{
    if (client->stream != NULL &&
        (strcmp(client->host, url->host) != 0 || client->port != url->port)) {
        drop_stream(client);
    }
    if (client->stream != NULL) {
        client->phase = CALL_DONE;
        HIN_IGNORE(
            hin_loop_run_once(client->loop, 0)); /* a failure shows again when the call runs */
        client->outcome = hin_ok();
    }
    (void)snprintf(client->host, sizeof(client->host), "%s", url->host);
    client->port = url->port;
}

static struct hin_result run_call(struct hin_http_client *client, const struct hin_http_call *call,
                                  struct hin_view last_event_id, struct hin_http_answer *answer,
                                  struct hin_error *error)
{
    struct hin_url url;
    HIN_TRY(hin_url_parse(hin_view_from_text(call->url), &url, error));
    if (strcmp(url.scheme, "https") != 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s: only https:// is spoken",
                             call->url);
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf request;
    hin_buf_init(&request, client->options.head_max_bytes);
    HIN_TRY(build_request(call, &url, last_event_id, &request));
    hin_http_answer_done(answer);
    hin_buf_init(&answer->head_bytes, client->options.head_max_bytes);
    hin_buf_init(&answer->body, client->options.body_max_bytes);
    client->answer = answer;
    client->method = call->method;
    client->request = hin_buf_view(&request);
    client->body = call->body;
    client->text[0] = '\0';
    look_at_kept(client, &url);
    struct hin_result result = hin_fail(HIN_CLOSED);
    if (client->stream != NULL) {
        result = attempt(client, NULL);
        if (!may_repeat(client, result)) {
            return explain(client, result, error);
        }
    }
    struct hin_address addresses[ADDRESSES_MAX];
    size_t count = 0;
    HIN_TRY(hin_resolve(url.host, url.port, addresses, ADDRESSES_MAX, &count, error));
    for (size_t i = 0; i < count; i++) {
        result = attempt(client, &addresses[i]);
        if (hin_is_ok(result) || client->phase != CALL_DONE || client->any_byte ||
            client->interrupted) {
            break;
        }
    }
    return explain(client, result, error);
}

struct hin_result hin_http_client_call(struct hin_http_client *client,
                                       const struct hin_http_call *call,
                                       struct hin_http_answer *answer, struct hin_error *error)
{
    client->follow = NULL;
    client->sse = NULL;
    return run_call(client, call, HIN_VIEW_EMPTY, answer, error);
}

/* ---- following ---- */

/* The server's own words: {"message": "..."} */
static struct hin_result refused_by_server(const struct hin_http_answer *answer,
                                           struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view message = hin_view_from_text(hin_http_status_text(answer->head.status));
    if (hin_is_ok(hin_json_parse(hin_buf_view(&answer->body), ERROR_BODY_MAX, &document, NULL))) {
        HIN_IGNORE(hin_json_opt_text(hin_json_root(document), "message", &message,
                                     NULL)); /* else the status */
    }
    enum hin_code code = answer->head.status == 401                                 ? HIN_AUTH
                         : answer->head.status == 403                               ? HIN_DENIED
                         : answer->head.status == 404                               ? HIN_NOT_FOUND
                         : answer->head.status >= 500 || answer->head.status == 429 ? HIN_AGAIN
                                                                                    : HIN_PROTOCOL;
    return hin_error_set(error, code, NULL, 0, 0, "the server answered %u: %.*s",
                         answer->head.status, HIN_ARGS(message));
}

static bool worth_a_retry(struct hin_result result)
{
    static const bool worth[HIN_CODE_COUNT] = {
        [HIN_AGAIN] = true, [HIN_TIMEOUT] = true, [HIN_CLOSED] = true, [HIN_NETWORK] = true};
    return worth[result.code];
}

/* Waits in the loop, so that an interruption ends it. */
static struct hin_result wait_before_retry(struct hin_http_client *client, int64_t usec)
{
    client->phase = CALL_CONNECT;
    client->running = true;
    client->interrupted = false;
    HIN_TRY(hin_timer_once(client->timer, usec, 20));
    while (client->running) {
        HIN_TRY(hin_loop_run_once(client->loop, -1));
    }
    hin_timer_stop(client->timer);
    return client->interrupted ? hin_fail(HIN_CONFLICT) : hin_ok();
}

static struct hin_result follow_once(struct hin_http_client *client,
                                     const struct hin_http_follow *follow,
                                     struct hin_sse_reader *sse, struct hin_buf *id,
                                     struct hin_error *error)
{
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    client->follow = follow;
    client->sse = sse;
    client->follow_stop = false;
    struct hin_result result = run_call(client, &follow->call, hin_buf_view(id), &answer, error);
    if (sse->id.size > 0) {
        hin_buf_clear(id);
        HIN_TRY(hin_buf_append(id, hin_buf_view(&sse->id)));
    }
    if (hin_is_ok(result) && !client->follow_stop && answer.head.status != 204) {
        result = is_event_stream(&answer.head)
                     ? hin_error_set(error, HIN_CLOSED, NULL, 0, 0, "the server ended the stream")
                     : refused_by_server(&answer, error);
    }
    return result;
}

struct hin_result hin_http_client_follow(struct hin_http_client *client,
                                         const struct hin_http_follow *follow,
                                         struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf id;
    hin_buf_init(&id, 4 * KIB);
    HIN_TRY(hin_buf_append(&id, follow->last_event_id));
    struct hin_error local = {0};
    struct hin_error *report = error != NULL ? error : &local;
    int64_t first = RETRY_FIRST;
    int64_t wait = first;
    for (unsigned tries = 1;; tries++) {
        HIN_CLEANUP(hin_sse_done) struct hin_sse_reader sse;
        hin_sse_init(&sse, client->options.event_max_bytes);
        struct hin_result result = follow_once(client, follow, &sse, &id, report);
        first = sse.retry_usec >= 0 ? HIN_MIN(sse.retry_usec, RETRY_MAX) : first;
        if (sse.started) {
            tries = 1; /* it had worked: begin with the short pause again */
            wait = first;
        }
        if (!worth_a_retry(result)) {
            return result;
        }
        if (follow->on_retry != NULL && !follow->on_retry(follow->context, report, tries, wait)) {
            return result;
        }
        if (!hin_is_ok(wait_before_retry(client, wait))) {
            return hin_error_set(error, HIN_CONFLICT, NULL, 0, 0, "interrupted");
        }
        wait = HIN_MIN(HIN_MAX(wait, HIN_MSEC_USEC) * 2, RETRY_MAX);
    }
}
