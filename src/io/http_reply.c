#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "data/json.h"
#include "io/http_server_internal.h"

#define HEAD_OUT_MAX  ((size_t)16 * 1024)
#define EVENT_OUT_MAX ((size_t)8 * 1024 * 1024)

static const struct {
    const char *name;
    const char *line; /* whole, since every answer carries it */
} defaults[] = {
    {"Cache-Control", "Cache-Control: no-store\r\n"},
    {"X-Content-Type-Options", "X-Content-Type-Options: nosniff\r\n"},
    {"X-Frame-Options", "X-Frame-Options: DENY\r\n"},
    {"Referrer-Policy", "Referrer-Policy: no-referrer\r\n"},
    {"Content-Security-Policy",
     "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"},
    {"Cross-Origin-Resource-Policy", "Cross-Origin-Resource-Policy: same-origin\r\n"},
};

/* RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT" */
static struct hin_result put_date(struct hin_buf *out, int64_t now_usec)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct hin_civil civil;
    hin_time_to_civil(now_usec, &civil);
    return hin_buf_printf(out, "Date: %s, %02u %s %04d %02u:%02u:%02u GMT\r\n",
                          days[hin_time_weekday(now_usec) % 7], civil.day,
                          months[(civil.month - 1) % 12], civil.year, civil.hour, civil.minute,
                          civil.second);
}

struct hin_result reply_head(struct connection *connection, struct hin_http_exchange *exchange,
                             unsigned status, const char *content_type, int64_t length, bool close,
                             struct hin_buf *out)
{
    struct hin_http_server *server = connection->server;
    HIN_TRY(hin_buf_printf(out, "HTTP/1.1 %u %s\r\n", status, hin_http_status_text(status)));
    HIN_TRY(put_date(out, hin_clock_wall_usec(hin_loop_clock(server->loop))));
    if (content_type != NULL) {
        HIN_TRY(hin_buf_printf(out, "Content-Type: %s\r\n", content_type));
    }
    if (length >= 0 && status != 204 && status != 304) {
        HIN_TRY(hin_buf_printf(out, "Content-Length: %lld\r\n", (long long)length));
    } else if (length < 0) {
        HIN_TRY(hin_buf_append_text(out, "Transfer-Encoding: chunked\r\n"));
    }
    if (close) {
        HIN_TRY(hin_buf_append_text(out, "Connection: close\r\n"));
    }
    for (size_t i = 0; i < HIN_COUNT(defaults); i++) {
        if (exchange == NULL || (exchange->replaced & (1u << i)) == 0) {
            HIN_TRY(hin_buf_append_text(out, defaults[i].line));
        }
    }
    if (server->options.hsts) {
        HIN_TRY(hin_buf_append_text(out, "Strict-Transport-Security: max-age=31536000\r\n"));
    }
    if (exchange != NULL) {
        HIN_TRY(hin_buf_append(out, hin_buf_view(&exchange->headers)));
    }
    return hin_buf_append_text(out, "\r\n");
}

struct hin_result reply_message_body(const char *text, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "message", text);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static bool is_header_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (!letter && !(*at >= '0' && *at <= '9') && *at != '-') {
            return false;
        }
    }
    return name[0] != '\0';
}

static bool is_header_value(const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if ((uint8_t)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    return true;
}

struct hin_result hin_http_reply_header(struct hin_http_exchange *exchange, const char *name,
                                        const char *value)
{
    HIN_ENSURE(exchange->state == EXCHANGE_NEW, CONFLICT);
    HIN_ENSURE(is_header_name(name) && is_header_value(value), INVALID);
    HIN_TRY(hin_buf_printf(&exchange->headers, "%s: %s\r\n", name, value));
    for (size_t i = 0; i < HIN_COUNT(defaults); i++) {
        exchange->replaced |= strcasecmp(defaults[i].name, name) == 0 ? 1u << i : 0;
    }
    return hin_ok();
}

/* The connection ends after this answer: by the client's wish, by ours, or since the body was not
 * read. */
static bool must_close(const struct connection *connection)
{
    return !connection->keep_alive || connection->server->draining ||
           connection->state == CONNECTION_BODY ||
           connection->requests >= connection->server->options.requests_per_connection;
}

static struct hin_result send_whole(struct connection *connection,
                                    struct hin_http_exchange *exchange, unsigned status,
                                    const char *content_type, struct hin_view body)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out;
    hin_buf_init(&out, HEAD_OUT_MAX + exchange->headers.size + body.size);
    connection->keep_alive = !must_close(connection);
    HIN_TRY(reply_head(connection, exchange, status, content_type, (int64_t)body.size,
                       !connection->keep_alive, &out));
    if (exchange->request.method != HIN_HTTP_HEAD && status != 204 && status != 304) {
        HIN_TRY(hin_buf_append(&out, body));
    }
    return hin_stream_write(connection->stream, hin_buf_view(&out));
}

struct hin_result hin_http_reply(struct hin_http_exchange *exchange, unsigned status,
                                 const char *content_type, struct hin_view body)
{
    struct connection *connection = exchange->connection;
    HIN_ENSURE(exchange->state == EXCHANGE_NEW, CONFLICT);
    exchange->state = EXCHANGE_DONE;
    struct hin_result result = status >= 200 && status <= 599
                                   ? send_whole(connection, exchange, status, content_type, body)
                                   : hin_fail(HIN_INVALID);
    if (!hin_is_ok(result)) {
        connection->keep_alive = false;
        hin_stream_abort(connection->stream, result.code, "the answer could not be sent");
    }
    connection_answered(connection);
    return result;
}

struct hin_result hin_http_reply_message(struct hin_http_exchange *exchange, unsigned status,
                                         const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body;
    hin_buf_init(&body, HEAD_OUT_MAX);
    struct hin_result result = reply_message_body(text, &body);
    if (!hin_is_ok(result)) {
        hin_buf_clear(&body); /* the status alone says enough */
    }
    return hin_http_reply(exchange, status, "application/json", hin_buf_view(&body));
}

struct hin_result hin_http_reply_begin(struct hin_http_exchange *exchange, unsigned status,
                                       const char *content_type)
{
    struct connection *connection = exchange->connection;
    HIN_ENSURE(exchange->state == EXCHANGE_NEW, CONFLICT);
    HIN_ENSURE(status >= 200 && status <= 599 && status != 204 && status != 304, INVALID);
    HIN_CLEANUP(hin_buf_done) struct hin_buf out;
    hin_buf_init(&out, HEAD_OUT_MAX + exchange->headers.size);
    /* HTTP/1.0 knows no chunks: such a client is told to come with 1.1. */
    HIN_ENSURE(exchange->head.minor_version >= 1, UNSUPPORTED);
    connection->keep_alive = !must_close(connection);
    HIN_TRY(
        reply_head(connection, exchange, status, content_type, -1, !connection->keep_alive, &out));
    HIN_TRY(hin_stream_write(connection->stream, hin_buf_view(&out)));
    exchange->state = EXCHANGE_STREAMING;
    return hin_ok();
}

struct hin_result hin_http_reply_write(struct hin_http_exchange *exchange, struct hin_view bytes)
{
    HIN_ENSURE(exchange->state == EXCHANGE_STREAMING, CONFLICT);
    if (bytes.size == 0 || exchange->request.method == HIN_HTTP_HEAD) {
        return hin_ok(); /* an empty chunk would end the answer */
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf out;
    hin_buf_init(&out, bytes.size + 32);
    HIN_TRY(hin_buf_printf(&out, "%zx\r\n", bytes.size));
    HIN_TRY(hin_buf_append(&out, bytes));
    HIN_TRY(hin_buf_append_text(&out, "\r\n"));
    return hin_stream_write(exchange->connection->stream, hin_buf_view(&out));
}

bool hin_http_reply_is_full(const struct hin_http_exchange *exchange)
{
    return hin_stream_is_full(exchange->connection->stream);
}

struct hin_result hin_http_reply_event(struct hin_http_exchange *exchange, struct hin_view id,
                                       struct hin_view type, struct hin_view data)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out;
    hin_buf_init(&out, EVENT_OUT_MAX);
    HIN_TRY(hin_sse_write(&out, id, type, data));
    return hin_http_reply_write(exchange, hin_buf_view(&out));
}

struct hin_result hin_http_reply_end(struct hin_http_exchange *exchange)
{
    struct connection *connection = exchange->connection;
    HIN_ENSURE(exchange->state == EXCHANGE_STREAMING, CONFLICT);
    struct hin_result result = hin_ok();
    if (exchange->request.method != HIN_HTTP_HEAD) {
        result = hin_stream_write(connection->stream, HIN_VIEW("0\r\n\r\n"));
    }
    if (!hin_is_ok(result)) {
        connection->keep_alive = false;
        hin_stream_abort(connection->stream, result.code, "the answer could not be ended");
    }
    exchange->state = EXCHANGE_DONE;
    connection_answered(connection);
    return result;
}

void hin_http_reply_abort(struct hin_http_exchange *exchange)
{
    struct connection *connection = exchange->connection;
    exchange->state = EXCHANGE_DONE;
    exchange->events = NULL;
    connection->keep_alive = false;
    hin_stream_abort(connection->stream, HIN_CLOSED, "the answer was given up");
    connection_answered(connection);
}
