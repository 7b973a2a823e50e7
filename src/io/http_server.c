#include <stdlib.h>

#include "base/bytes.h"
#include "io/http_server_internal.h"
#include "io/loop_internal.h"
#include "io/url.h"

#define KIB              ((size_t)1024)
#define ANSWER_HEADS_MAX (8 * KIB)

static void step(struct connection *connection);

struct hin_http_server_options hin_http_server_options_default(void)
{
    struct hin_http_server_options options = {.listener = hin_listener_limits_default(),
                                              .head_max_bytes = 16 * KIB,
                                              .body_max_bytes = 1024 * KIB,
                                              .body_total_max_bytes = 128 * 1024 * KIB,
                                              .head_usec = 10 * HIN_SEC_USEC,
                                              .body_usec = 60 * HIN_SEC_USEC,
                                              .idle_usec = 75 * HIN_SEC_USEC,
                                              .requests_per_connection = 10000};
    options.listener.connections_per_address_max = 256;
    return options;
}

/* ---- life of an exchange ---- */

static void exchange_free(struct hin_http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    hin_buf_done(&exchange->head_bytes);
    hin_buf_done(&exchange->path);
    hin_buf_done(&exchange->body);
    hin_buf_done(&exchange->headers);
    hin_arena_done(&exchange->arena);
    free(exchange);
}

static void drop_exchange(struct connection *connection)
{
    struct hin_http_server *server = connection->server;
    if (connection->exchange != NULL) {
        server->stats.open_exchanges--;
        exchange_free(connection->exchange);
        connection->exchange = NULL;
    }
    server->body_total_bytes -= connection->body_counted_bytes;
    connection->body_counted_bytes = 0;
}

static struct hin_result new_exchange(struct connection *connection, struct hin_view head)
{
    const struct hin_http_server_options *options = &connection->server->options;
    struct hin_http_exchange *exchange = calloc(1, sizeof(*exchange));
    HIN_ENSURE(exchange != NULL, NO_MEMORY);
    exchange->connection = connection;
    hin_buf_init(&exchange->head_bytes, options->head_max_bytes);
    hin_buf_init(&exchange->path, options->head_max_bytes);
    hin_buf_init(&exchange->headers, ANSWER_HEADS_MAX);
    hin_arena_init(&exchange->arena, 4 * options->head_max_bytes);
    struct hin_result result = hin_buf_append(&exchange->head_bytes, head);
    if (!hin_is_ok(result)) {
        exchange_free(exchange);
        return result;
    }
    connection->exchange = exchange;
    connection->server->stats.open_exchanges++;
    return hin_ok();
}

/* ---- life of a connection ---- */

static void arm(struct connection *connection, int64_t usec)
{
    if (usec > 0) {
        HIN_IGNORE(hin_timer_once(connection->timer, usec,
                                  0)); /* an event that exists is added without memory */
    } else {
        hin_timer_stop(connection->timer);
    }
}

static void to_idle(struct connection *connection)
{
    connection->state = CONNECTION_IDLE;
    connection->scanned = 0;
    arm(connection, connection->server->options.idle_usec);
}

static void start_closing(struct connection *connection)
{
    connection->state = CONNECTION_CLOSING;
    hin_timer_stop(connection->timer); /* the transport's own limits see to the rest */
    hin_stream_close(connection->stream);
}

void connection_refuse(struct connection *connection, unsigned status, const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out;
    hin_buf_init(&body, ANSWER_HEADS_MAX);
    hin_buf_init(&out, 2 * ANSWER_HEADS_MAX);
    connection->server->stats.refused[status % HIN_COUNT(connection->server->stats.refused)]++;
    struct hin_result result = reply_message_body(text, &body);
    if (hin_is_ok(result)) {
        result = reply_head(connection, connection->exchange, status, "application/json",
                            (int64_t)body.size, true, &out);
    }
    bool head_only =
        connection->exchange != NULL && connection->exchange->head.method == HIN_HTTP_HEAD;
    if (hin_is_ok(result) && !head_only) {
        result = hin_buf_append(&out, hin_buf_view(&body));
    }
    if (hin_is_ok(result)) {
        result = hin_stream_write(connection->stream, hin_buf_view(&out));
    }
    HIN_IGNORE(result); /* the connection ends either way, and the refusal is counted */
    drop_exchange(connection);
    start_closing(connection);
}

void connection_answered(struct connection *connection)
{
    drop_exchange(connection);
    hin_stream_pause(connection->stream, false);
    if (!connection->keep_alive) {
        start_closing(connection);
        return;
    }
    to_idle(connection);
    if (!connection->in_step) {
        step(connection); /* a pipelined request may wait */
    }
}

static void on_timer(void *context)
{
    struct connection *connection = context;
    switch (connection->state) {
    case CONNECTION_IDLE:
        start_closing(connection);
        break;
    case CONNECTION_HEAD:
        connection_refuse(connection, 408, "the request did not arrive in time");
        break;
    case CONNECTION_BODY:
        connection_refuse(connection, 408, "the body did not arrive in time");
        break;
    case CONNECTION_ANSWER:
    case CONNECTION_CLOSING:
        break;
    }
}

/* ---- a request ---- */

/* Splits the target and decodes the path. False: refused. */
static bool take_target(struct connection *connection)
{
    struct hin_http_exchange *exchange = connection->exchange;
    struct hin_view path = exchange->head.target;
    size_t mark = hin_view_find_byte(path, '?');
    if (mark != SIZE_MAX) {
        exchange->request.query = hin_view_sub(path, mark + 1, SIZE_MAX);
        path = hin_view_sub(path, 0, mark);
    }
    if (!hin_is_ok(hin_url_decode_path(path, &exchange->path))) {
        connection_refuse(connection, 400, "the path is not in its plain form");
        return false;
    }
    exchange->request.method = exchange->head.method;
    exchange->request.path = hin_buf_view(&exchange->path);
    exchange->request.head = &exchange->head;
    exchange->request.stream = connection->stream;
    return true;
}

static bool within_rate(struct connection *connection)
{
    struct hin_http_server *server = connection->server;
    if (limiter_take(&server->rate, hin_stream_peer(connection->stream),
                     hin_loop_now_usec(server->loop))) {
        return true;
    }
    HIN_IGNORE(hin_http_reply_header(connection->exchange, "Retry-After", "1")); /* a courtesy */
    connection_refuse(connection, 429, "too many requests from this address");
    return false;
}

static void hand_over(struct connection *connection)
{
    struct hin_http_server *server = connection->server;
    struct hin_http_exchange *exchange = connection->exchange;
    exchange->request.body = hin_buf_view(&exchange->body);
    connection->state = CONNECTION_ANSWER;
    hin_timer_stop(connection->timer);
    server->stats.requests++;
    server->options.handle(server->options.context, exchange);
}

/* After a good head: the limits, the caller's word, then the body. */
static void begin_request(struct connection *connection)
{
    struct hin_http_server *server = connection->server;
    struct hin_http_exchange *exchange = connection->exchange;
    connection->requests++;
    connection->keep_alive = exchange->head.keep_alive;
    connection->body_max_bytes = server->options.body_max_bytes;
    connection->chunks = (struct hin_http_chunks){0};
    bool empty = !exchange->head.chunked && exchange->head.length == 0;
    connection->state = empty ? CONNECTION_ANSWER : CONNECTION_BODY;
    if (!take_target(connection) || !within_rate(connection)) {
        return;
    }
    if (server->options.admit != NULL) {
        server->options.admit(server->options.context, exchange, &connection->body_max_bytes);
        if (connection->exchange != exchange) {
            return; /* answered; must_close() sees that a body was left unread */
        }
    }
    if (exchange->head.has_length && exchange->head.length > connection->body_max_bytes) {
        connection_refuse(connection, 413, "the body is too long");
        return;
    }
    hin_buf_init(&exchange->body, connection->body_max_bytes);
    if (empty) {
        hand_over(connection);
        return;
    }
    arm(connection, server->options.body_usec);
    if (exchange->head.expect_continue && hin_stream_input(connection->stream).size == 0) {
        HIN_IGNORE(hin_stream_write(connection->stream, HIN_VIEW("HTTP/1.1 100 Continue\r\n\r\n")));
    }
}

/* False: more input is needed, or the connection ends. */
static bool step_head(struct connection *connection)
{
    struct hin_http_server *server = connection->server;
    struct hin_view input = hin_stream_input(connection->stream);
    if (connection->state == CONNECTION_IDLE) {
        while (connection->scanned == 0 && hin_view_starts_with(input, HIN_VIEW("\r\n"))) {
            hin_stream_consume(connection->stream,
                               2); /* RFC 9112, 2.2: empty lines before a request */
            input = hin_stream_input(connection->stream);
        }
        if (input.size == 0) {
            return false;
        }
        connection->state = CONNECTION_HEAD;
        arm(connection, server->options.head_usec);
    }
    size_t size = 0;
    struct hin_result found =
        hin_http_head_find(input, server->options.head_max_bytes, &connection->scanned, &size);
    if (found.code == HIN_AGAIN) {
        return false;
    }
    if (found.code == HIN_LIMIT) {
        bool line = hin_view_find_byte(hin_view_sub(input, 0, server->options.head_max_bytes),
                                       '\n') == SIZE_MAX;
        connection_refuse(connection, line ? 414 : 431,
                          line ? "the request line is too long" : "the request head is too long");
        return false;
    }
    if (!hin_is_ok(found)) {
        connection_refuse(connection, 400,
                          "the request head holds a bare line end or a control character");
        return false;
    }
    connection->scanned = 0;
    if (!hin_is_ok(new_exchange(connection, hin_view_sub(input, 0, size)))) {
        connection_refuse(connection, 503, "out of memory");
        return false;
    }
    hin_stream_consume(connection->stream, size);
    struct hin_http_refusal refusal = {400, "malformed"};
    if (!hin_is_ok(hin_http_parse_request(hin_buf_view(&connection->exchange->head_bytes),
                                          &connection->exchange->head, &refusal))) {
        connection_refuse(connection, refusal.status, refusal.text);
        return false;
    }
    begin_request(connection);
    return true;
}

static struct hin_result feed_body(struct connection *connection, struct hin_view input,
                                   size_t *ret_used)
{
    struct hin_http_exchange *exchange = connection->exchange;
    if (exchange->head.chunked) {
        return hin_http_chunks_feed(&connection->chunks, input, &exchange->body, ret_used);
    }
    size_t left = (size_t)exchange->head.length - exchange->body.size;
    size_t size = HIN_MIN(left, input.size);
    HIN_TRY(hin_buf_append(&exchange->body, hin_view_sub(input, 0, size)));
    *ret_used = size;
    return size == left ? hin_ok() : hin_fail(HIN_AGAIN);
}

static bool step_body(struct connection *connection)
{
    struct hin_http_server *server = connection->server;
    struct hin_http_exchange *exchange = connection->exchange;
    size_t before = exchange->body.size;
    size_t used = 0;
    struct hin_result result = feed_body(connection, hin_stream_input(connection->stream), &used);
    server->body_total_bytes += exchange->body.size - before;
    connection->body_counted_bytes += exchange->body.size - before;
    hin_stream_consume(connection->stream, used);
    if (server->body_total_bytes > server->options.body_total_max_bytes) {
        connection_refuse(connection, 503, "too many bodies are on their way; try again");
        return false;
    }
    switch (result.code) {
    case HIN_OK:
        hand_over(connection);
        return true;
    case HIN_AGAIN:
        return false;
    case HIN_LIMIT:
        connection_refuse(connection, 413, "the body is too long");
        return false;
    case HIN_NO_MEMORY:
        connection_refuse(connection, 503, "out of memory");
        return false;
    default:
        connection_refuse(connection, 400, "the chunks of the body are malformed");
        return false;
    }
}

/* Works through what has arrived, request by request. */
static void step(struct connection *connection)
{
    connection->in_step = true;
    bool more = true;
    while (more) {
        switch (connection->state) {
        case CONNECTION_IDLE:
        case CONNECTION_HEAD:
            more = step_head(connection);
            break;
        case CONNECTION_BODY:
            more = step_body(connection);
            break;
        case CONNECTION_ANSWER:
            /* A pipelined request waits in the stream, whose limit holds it; the end of the peer is
             * still seen. */
            more = false;
            break;
        case CONNECTION_CLOSING:
            hin_stream_consume(connection->stream, SIZE_MAX);
            more = false;
            break;
        }
    }
    connection->in_step = false;
}

/* ---- the stream's words ---- */

static void on_data(void *context, struct hin_stream *stream)
{
    step(context);
}

static void on_drain(void *context, struct hin_stream *stream)
{
    struct connection *connection = context;
    struct hin_http_exchange *exchange = connection->exchange;
    if (exchange != NULL && exchange->events != NULL && exchange->events->on_drain != NULL) {
        exchange->events->on_drain(exchange->events_context, exchange);
    }
}

static void tell_gone(struct connection *connection)
{
    struct hin_http_exchange *exchange = connection->exchange;
    if (exchange == NULL) {
        return;
    }
    connection->server->stats.cut_off++;
    if (exchange->events != NULL && exchange->events->on_gone != NULL) {
        exchange->events->on_gone(exchange->events_context, exchange);
    }
    drop_exchange(connection);
}

static void connection_free(struct connection *connection)
{
    drop_exchange(connection);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        connection->server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    hin_timer_free(connection->timer);
    free(connection);
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    struct connection *connection = context;
    connection->state = CONNECTION_CLOSING;
    tell_gone(connection);
    connection_free(connection);
}

/* A client that says close_notify while it waits for its answer is gone: HTTP/1.1 has no use for
 * half-open TLS. */
static const struct hin_stream_events connection_events = {
    .on_data = on_data, .on_drain = on_drain, .on_close = on_close};

static void refuse_open(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
}

static const struct hin_stream_events lost_events = {.on_close = refuse_open};

static void on_open(void *context, struct hin_stream *stream)
{
    struct hin_http_server *server = context;
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL ||
        !hin_is_ok(hin_timer_new(server->loop, on_timer, connection, &connection->timer))) {
        free(connection);
        hin_stream_set_context(stream, &lost_events, NULL);
        hin_stream_abort(stream, HIN_NO_MEMORY, "out of memory");
        return;
    }
    connection->server = server;
    connection->stream = stream;
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    hin_stream_set_context(stream, &connection_events, connection);
    /* The first request is due as a head is: a silent connection is not worth an idle one's
     * patience. */
    connection->state = CONNECTION_IDLE;
    arm(connection, server->options.head_usec);
}

static const struct hin_stream_events server_events = {.on_open = on_open, .on_close = refuse_open};

static void on_refused(void *context, const struct hin_address *peer,
                       enum hin_handshake_reason reason, const char *text)
{
    struct hin_http_server *server = context;
    if (server->options.on_refused != NULL) {
        server->options.on_refused(server->options.context, peer, reason, text);
    }
}

/* ---- the server ---- */

static struct hin_result set_up(struct hin_http_server *server, int fd)
{
    struct hin_http_server_options *options = &server->options;
    HIN_TRY(hin_random(server->rate.key, sizeof(server->rate.key)));
    server->rate.per_second = options->requests_per_second;
    server->rate.burst =
        options->requests_burst > 0 ? options->requests_burst : 2 * options->requests_per_second;
    server->rate.slots = calloc(LIMITER_SLOTS, sizeof(*server->rate.slots));
    HIN_ENSURE(server->rate.slots != NULL, NO_MEMORY);
    options->listener.stream.input_max_bytes =
        HIN_MAX(options->listener.stream.input_max_bytes, options->head_max_bytes + 1);
    struct hin_listener_options listener = {.tls = options->tls,
                                            .limits = options->listener,
                                            .events = &server_events,
                                            .context = server,
                                            .on_refused = on_refused};
    return hin_listener_new(server->loop, fd, &listener, &server->listener);
}

struct hin_result hin_http_server_new(struct hin_loop *loop, int fd,
                                      const struct hin_http_server_options *options,
                                      struct hin_http_server **ret_server)
{
    HIN_ENSURE(options->handle != NULL && options->head_max_bytes >= 256, INVALID);
    struct hin_http_server *server = calloc(1, sizeof(*server));
    HIN_ENSURE(server != NULL, NO_MEMORY);
    server->loop = loop;
    server->options = *options;
    struct hin_result result = set_up(server, fd);
    if (!hin_is_ok(result)) {
        hin_http_server_free(server);
        return result;
    }
    *ret_server = server;
    return hin_ok();
}

void hin_http_server_free(struct hin_http_server *server)
{
    if (server == NULL) {
        return;
    }
    hin_listener_free(server->listener); /* drops the streams, which tell nobody */
    while (server->connections != NULL) {
        connection_free(server->connections);
    }
    free(server->rate.slots);
    free(server);
}

void hin_http_server_drain(struct hin_http_server *server)
{
    server->draining = true;
    hin_listener_pause(server->listener, true);
    for (struct connection *at = server->connections; at != NULL; at = at->next) {
        if (at->state == CONNECTION_IDLE) {
            start_closing(at);
        }
    }
}

void hin_http_server_set_tls(struct hin_http_server *server, struct hin_tls *tls)
{
    hin_listener_set_tls(server->listener, tls);
}

const struct hin_http_server_stats *hin_http_server_stats(const struct hin_http_server *server)
{
    return &server->stats;
}

const struct hin_listener_stats *
hin_http_server_listener_stats(const struct hin_http_server *server)
{
    return hin_listener_stats(server->listener);
}

/* ---- reading a request ---- */

const struct hin_http_request *hin_http_exchange_request(const struct hin_http_exchange *exchange)
{
    return &exchange->request;
}

bool hin_http_request_header(const struct hin_http_exchange *exchange, const char *name,
                             struct hin_view *ret_value)
{
    return hin_http_header_find(&exchange->head, name, ret_value);
}

static struct hin_result decode(struct hin_http_exchange *exchange, struct hin_view text,
                                struct hin_view *ret_plain)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain;
    hin_buf_init(&plain, text.size + 1);
    HIN_ENSURE(hin_is_ok(hin_url_decode(text, true, &plain)), INVALID);
    return hin_arena_copy(&exchange->arena, hin_buf_view(&plain), ret_plain);
}

struct hin_result hin_http_request_param(struct hin_http_exchange *exchange, const char *name,
                                         struct hin_view *ret_value)
{
    struct hin_view rest = exchange->request.query;
    struct hin_view raw_name;
    struct hin_view raw_value;
    struct hin_view found = HIN_VIEW_EMPTY;
    size_t count = 0;
    while (hin_url_query_next(&rest, &raw_name, &raw_value)) {
        struct hin_view plain;
        HIN_TRY(decode(exchange, raw_name, &plain));
        if (hin_view_is(plain, name)) {
            found = raw_value;
            count++;
        }
    }
    HIN_ENSURE(count > 0, NOT_FOUND);
    HIN_ENSURE(count == 1, INVALID);
    return decode(exchange, found, ret_value);
}

void hin_http_exchange_set_context(struct hin_http_exchange *exchange, void *context)
{
    exchange->context = context;
}

void *hin_http_exchange_context(const struct hin_http_exchange *exchange)
{
    return exchange->context;
}

void hin_http_exchange_watch(struct hin_http_exchange *exchange,
                             const struct hin_http_stream_events *events, void *context)
{
    exchange->events = events;
    exchange->events_context = context;
}
