/* Server and client over real TLS on 127.0.0.1: the server in a forked child, the client here. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "crypt/tls.h"
#include "harness.h"
#include "io/http_client.h"
#include "io/http_server.h"

struct place {
    struct hin_tls *server_tls;
    struct hin_tls *client_tls;
    int fd;
    uint16_t port;
    pid_t child;
    struct hin_http_client *client;
    char url[128];
};

struct ticker {
    struct hin_http_exchange *exchange;
    struct hin_loop *loop;
    struct hin_timer *timer;
    uint64_t id;
    uint64_t until;
};

static void ticker_end(struct ticker *ticker)
{
    hin_timer_free(ticker->timer);
    free(ticker);
}

/* Three events a connection: the client must resume to see more. */
static void tick(void *context)
{
    struct ticker *ticker = context;
    char id[24];
    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)++ticker->id);
    HIN_IGNORE(hin_http_reply_event(ticker->exchange, hin_view_from_text(id), HIN_VIEW_EMPTY,
                                    hin_view_from_text(id)));
    if (ticker->id == ticker->until) {
        HIN_IGNORE(hin_http_reply_end(ticker->exchange));
        ticker_end(ticker);
    }
}

static void ticker_gone(void *context, struct hin_http_exchange *exchange)
{
    ticker_end(context);
}

static const struct hin_http_stream_events ticker_events = {.on_gone = ticker_gone};

static void serve_events(struct hin_loop *loop, struct hin_http_exchange *exchange)
{
    struct ticker *ticker = calloc(1, sizeof(*ticker));
    struct hin_view last = HIN_VIEW("0");
    (void)hin_http_request_header(exchange, "last-event-id", &last);
    if (ticker == NULL || !hin_is_ok(hin_view_to_u64(last, &ticker->id)) ||
        !hin_is_ok(hin_timer_new(loop, tick, ticker, &ticker->timer)) ||
        !hin_is_ok(hin_http_reply_begin(exchange, 200, "text/event-stream")) ||
        !hin_is_ok(hin_http_reply_write(exchange, HIN_VIEW("retry: 10\n\n")))) {
        abort();
    }
    ticker->exchange = exchange;
    ticker->until = ticker->id + 3;
    hin_http_exchange_watch(exchange, &ticker_events, ticker);
    HIN_IGNORE(hin_timer_repeat(ticker->timer, 0, 2000, 0));
}

static struct hin_loop *child_loop;

static void handle(void *context, struct hin_http_exchange *exchange)
{
    const struct hin_http_request *request = hin_http_exchange_request(exchange);
    struct hin_view value;
    if (hin_view_is(request->path, "/echo")) {
        HIN_IGNORE(hin_http_reply(exchange, 200, "text/plain", request->body));
    } else if (hin_view_is(request->path, "/param") &&
               hin_is_ok(hin_http_request_param(exchange, "q", &value))) {
        HIN_IGNORE(hin_http_reply(exchange, 200, "text/plain", value));
    } else if (hin_view_is(request->path, "/silent")) {
        return; /* for good */
    } else if (hin_view_is(request->path, "/events")) {
        serve_events(child_loop, exchange);
    } else {
        HIN_IGNORE(hin_http_reply_message(exchange, 404, "no such thing"));
    }
}

static bool make_tls(struct place *place)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *ca_key = NULL;
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf ca = {.max = 16384};
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = 16384};
    HIN_CLEANUP(hin_buf_done) struct hin_buf certificate = {.max = 16384};
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    struct hin_x509_validity validity = {now - HIN_HOUR_USEC, now + HIN_DAY_USEC};
    static const char *const names[] = {"127.0.0.1", "localhost"};
    bool fine = hin_is_ok(hin_x509_key_generate(&ca_key)) &&
                hin_is_ok(hin_x509_key_generate(&key)) &&
                hin_is_ok(hin_x509_ca_new(ca_key, "test", &validity, &ca)) &&
                hin_is_ok(hin_x509_request_new(key, "server", &request));
    struct hin_x509_issuer issuer = {.ca_der = hin_buf_view(&ca), .key = ca_key};
    fine = fine && hin_is_ok(hin_x509_issue_server(&issuer, hin_buf_view(&request), names, 2,
                                                   &validity, &certificate));
    struct hin_tls_options server = {.role = HIN_TLS_API_SERVER,
                                     .certificate = hin_buf_view(&certificate),
                                     .key = key,
                                     .ca = hin_buf_view(&ca)};
    struct hin_tls_options client = {.role = HIN_TLS_CLI_CLIENT, .ca = hin_buf_view(&ca)};
    return fine && hin_is_ok(hin_tls_new(&place->server_tls, &server)) &&
           hin_is_ok(hin_tls_new(&place->client_tls, &client));
}

/* limit_usec: what a client takes for a head or a body, at most. */
static void run_server(struct place *place, int64_t limit_usec)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct hin_http_server *server = NULL;
    struct hin_http_server_options options = hin_http_server_options_default();
    options.tls = place->server_tls;
    options.handle = handle;
    options.head_usec = limit_usec;
    options.body_usec = limit_usec;
    options.body_max_bytes = 300000;
    options.listener.connections_per_address_max = 0;
    options.listener.stream.handshake_usec = HIN_MINUTE_USEC;
    bool fine = hin_is_ok(hin_ignore_sigpipe()) && hin_is_ok(hin_loop_new(NULL, &child_loop)) &&
                hin_is_ok(hin_http_server_new(child_loop, place->fd, &options, &server)) &&
                hin_is_ok(hin_loop_run(child_loop));
    _exit(fine ? 0 : 1);
}

static bool begin_with(struct place *place, int64_t limit_usec)
{
    *place = (struct place){.fd = -1};
    struct hin_error error;
    if (!hin_is_ok(hin_ignore_sigpipe()) || !make_tls(place) ||
        !hin_is_ok(hin_listen_tcp("127.0.0.1", 0, &place->fd, &place->port, &error))) {
        return false;
    }
    fflush(stdout);
    place->child = fork();
    if (place->child == 0) {
        run_server(place, limit_usec);
    }
    struct hin_http_client_options options = hin_http_client_options_default();
    options.tls = place->client_tls;
    options.peer_name = "manager";
    return place->child > 0 && hin_is_ok(hin_http_client_new(&options, &place->client));
}

static bool begin(struct place *place)
{
    return begin_with(place, 500 * HIN_MSEC_USEC);
}

static void end(struct place *place)
{
    if (place->child > 0) {
        kill(place->child, SIGKILL);
        waitpid(place->child, NULL, 0);
    }
    hin_http_client_free(place->client);
    hin_tls_free(place->server_tls);
    hin_tls_free(place->client_tls);
    hin_fd_close(&place->fd);
}

static const char *url(struct place *place, const char *path)
{
    (void)snprintf(place->url, sizeof(place->url), "https://127.0.0.1:%u%s", place->port, path);
    return place->url;
}

TEST(test_io_http_server__echoes_over_a_kept_connection)
{
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 400000};
    static const size_t sizes[] = {0, 1, 512, 16384, 16385, 70000, 300000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *at = NULL;
        hin_buf_clear(&body);
        CHECK_OK(hin_buf_extend(&body, sizes[i], &at));
        for (size_t k = 0; k < sizes[i]; k++) {
            at[k] = (uint8_t)(k * 31 + i);
        }
        struct hin_http_call call = {
            .method = HIN_HTTP_POST, .url = url(&place, "/echo"), .body = hin_buf_view(&body)};
        struct hin_result result = hin_http_client_call(place.client, &call, &answer, &error);
        if (!hin_is_ok(result)) {
            test_fail(__FILE__, __LINE__, "%zu bytes: %s: %s", sizes[i], hin_code_name(result.code),
                      error.text);
            return;
        }
        CHECK_INT(answer.head.status, 200);
        CHECK(hin_view_equal(hin_buf_view(&answer.body), hin_buf_view(&body)));
    }
    struct hin_view value;
    CHECK(hin_http_header_find(&answer.head, "x-content-type-options", &value));
    CHECK(!hin_http_header_find(&answer.head, "server", &value));
    struct hin_http_call get = {.method = HIN_HTTP_GET, .url = url(&place, "/param?q=a%20b%2Bc")};
    CHECK_OK(hin_http_client_call(place.client, &get, &answer, &error));
    CHECK_VIEW(hin_buf_view(&answer.body), "a b+c");
    get.method = HIN_HTTP_HEAD;
    CHECK_OK(hin_http_client_call(place.client, &get, &answer, &error));
    CHECK_INT(answer.head.length, 5);
    CHECK_INT(answer.body.size, 0);
    get = (struct hin_http_call){.method = HIN_HTTP_GET, .url = url(&place, "/nothing")};
    CHECK_OK(hin_http_client_call(place.client, &get, &answer, &error));
    CHECK_INT(answer.head.status, 404);
    CHECK_VIEW(hin_buf_view(&answer.body), "{\"message\":\"no such thing\"}");
}

TEST(test_io_http_server__refuses_a_body_that_is_too_long)
{
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 12000000};
    uint8_t *at = NULL;
    CHECK_OK(hin_buf_extend(&body, body.max, &at));
    for (size_t i = 0; i < body.max; i++) {
        at[i] = 'x';
    }
    struct hin_http_call call = {
        .method = HIN_HTTP_POST, .url = url(&place, "/echo"), .body = HIN_VIEW("first")};
    CHECK_OK(hin_http_client_call(place.client, &call, &answer, &error));
    CHECK_INT(answer.head.status, 200);
    /* over the connection that is kept, and over what a stream queues; and again over a new one,
     * since a request that was not sent to its end ends the former */
    call.body = hin_buf_view(&body);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(hin_http_client_call(place.client, &call, &answer, &error));
        CHECK_INT(answer.head.status, 413);
    }
    call.body = HIN_VIEW("last");
    CHECK_OK(hin_http_client_call(place.client, &call, &answer, &error));
    CHECK_VIEW(hin_buf_view(&answer.body), "last");
}

TEST(test_io_http_client__bears_silence_no_longer_than_told)
{
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_error error = {0};
    struct hin_http_client_options options = hin_http_client_options_default();
    struct hin_http_client *client = NULL;
    options.tls = place.client_tls;
    options.silence_usec = 200 * HIN_MSEC_USEC;
    CHECK_OK(hin_http_client_new(&options, &client));
    struct hin_http_call call = {.method = HIN_HTTP_GET, .url = url(&place, "/silent")};
    int64_t begun_usec = hin_clock_monotonic_usec(hin_clock_system());
    struct hin_result result = hin_http_client_call(client, &call, &answer, &error);
    int64_t took_usec = hin_clock_monotonic_usec(hin_clock_system()) - begun_usec;
    hin_http_client_free(client);
    CHECK_CODE(result, TIMEOUT);
    CHECK(took_usec < 30 * HIN_SEC_USEC);
}

static bool count_event(void *context, const struct hin_http_event *event)
{
    uint64_t *seen = context;
    uint64_t id = 0;
    if (!hin_is_ok(hin_view_to_u64(event->data, &id)) || id != *seen + 1) {
        *seen = 999;
        return false;
    }
    return ++*seen < 10;
}

TEST(test_io_http_client__follows_events_and_resumes)
{
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    uint64_t seen = 0;
    struct hin_error error = {0};
    struct hin_http_follow follow = {
        .call = {.method = HIN_HTTP_GET, .url = url(&place, "/events")},
        .on_event = count_event,
        .context = &seen};
    struct hin_result result = hin_http_client_follow(place.client, &follow, &error);
    if (!hin_is_ok(result)) {
        test_fail(__FILE__, __LINE__, "%s: %s", hin_code_name(result.code), error.text);
        return;
    }
    CHECK_INT(seen, 10); /* three a connection: it came back three times */
}

TEST(test_io_http_client__says_what_to_do)
{
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    kill(place.child, SIGKILL);
    waitpid(place.child, NULL, 0);
    place.child = 0;
    hin_fd_close(&place.fd);
    HIN_CLEANUP(hin_http_answer_done) struct hin_http_answer answer = {0};
    struct hin_error error = {0};
    char wanted[128];
    (void)snprintf(wanted, sizeof(wanted),
                   "connection refused by 127.0.0.1:%u: is the manager running?", place.port);
    struct hin_http_call call = {.method = HIN_HTTP_GET, .url = url(&place, "/")};
    CHECK_CODE(hin_http_client_call(place.client, &call, &answer, &error), NETWORK);
    CHECK_VIEW(hin_view_from_text(error.text), wanted);
}

/* ---- raw clients: what a proper client would not send ---- */

struct raw {
    struct hin_loop *loop;
    struct hin_buf got;
    struct hin_stream *stream;
    struct hin_view send;
    size_t opened, closed;
    enum hin_code code;
};

static void raw_open(void *context, struct hin_stream *stream)
{
    struct raw *raw = context;
    raw->opened++;
    if (raw->send.size > 0) {
        HIN_IGNORE(hin_stream_write(stream, raw->send));
    }
}

static void raw_data(void *context, struct hin_stream *stream)
{
    struct raw *raw = context;
    HIN_IGNORE(hin_buf_append(&raw->got, hin_stream_input(stream)));
    hin_stream_consume(stream, SIZE_MAX);
}

static void raw_close(void *context, struct hin_stream *stream,
                      const struct hin_stream_end *stream_end)
{
    struct raw *raw = context;
    raw->closed++;
    raw->code = stream_end->code;
}

static const struct hin_stream_events raw_events = {
    .on_open = raw_open, .on_data = raw_data, .on_close = raw_close};

/* Long, since the machine may be busy with others. */
static int64_t patience(void)
{
    return hin_clock_monotonic_usec(hin_clock_system()) + HIN_MINUTE_USEC;
}

static bool is_before(int64_t until_usec)
{
    return hin_clock_monotonic_usec(hin_clock_system()) < until_usec;
}

static void raw_talk(struct place *place, const char *text, struct raw *raw)
{
    *raw = (struct raw){.got = {.max = 65536}, .send = hin_view_from_text(text)};
    struct hin_connect_options options = {
        .tls = place->client_tls, .host = "127.0.0.1", .limits = hin_stream_limits_default()};
    CHECK_OK(hin_address_parse("127.0.0.1", place->port, &options.address));
    CHECK_OK(hin_loop_new(NULL, &raw->loop));
    CHECK_OK(hin_stream_connect(raw->loop, &options, &raw_events, raw, &raw->stream));
    for (int64_t until_usec = patience(); raw->closed == 0 && is_before(until_usec);) {
        CHECK_OK(hin_loop_run_once(raw->loop, 10 * HIN_MSEC_USEC));
    }
    if (raw->closed == 0) {
        hin_stream_drop(raw->stream);
    }
    hin_loop_free(raw->loop);
}

TEST(test_io_http_server__answers_bad_requests_and_closes)
{
    static const struct {
        const char *status;
        const char *text;
    } rows[] = {
        {"HTTP/1.1 400", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n0\r\n\r\nGET /x"},
        {"HTTP/1.1 400", "GET / HTTP/1.1\nHost: x\n\n"},
        {"HTTP/1.1 400", "GET /../etc HTTP/1.1\r\nHost: x\r\n\r\n"},
        {"HTTP/1.1 408", "GET / HTTP/1.1\r\nHost: x\r\nA: slow"},
        {"HTTP/1.1 408", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"},
        {"HTTP/1.1 413", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\nabc"},
        {"HTTP/1.1 400",
         "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
    };
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw raw;
        raw_talk(&place, rows[i].text, &raw);
        bool fine = raw.closed == 1 && hin_view_starts_with(hin_buf_view(&raw.got),
                                                            hin_view_from_text(rows[i].status));
        if (!fine) {
            test_fail(__FILE__, __LINE__, "row %zu: closed %zu, got %.*s", i, raw.closed,
                      HIN_ARGS(hin_buf_view(&raw.got)));
        }
        hin_buf_done(&raw.got);
    }
}

TEST(test_io_http_server__answers_pipelined_requests_in_order)
{
    HIN_CLEANUP(end) struct place place;
    CHECK(begin(&place));
    struct raw raw;
    raw_talk(&place,
             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /param?q=two "
             "HTTP/1.1\r\nHost: x\r\n\r\n"
             "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
             "chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n",
             &raw);
    struct hin_view got = hin_buf_view(&raw.got);
    size_t one = hin_view_find(got, HIN_VIEW("\r\n\r\none"));
    size_t two = hin_view_find(got, HIN_VIEW("\r\n\r\ntwo"));
    size_t three = hin_view_find(got, HIN_VIEW("\r\n\r\nthree"));
    size_t closed = raw.closed;
    hin_buf_done(&raw.got);
    CHECK(one < two && two < three && three != SIZE_MAX);
    CHECK_INT(closed, 1);
}

static size_t occurrences(const struct hin_buf *bytes, const char *text)
{
    struct hin_view rest = hin_buf_view(bytes), wanted = hin_view_from_text(text);
    size_t count = 0;
    for (size_t at = hin_view_find(rest, wanted); at != SIZE_MAX;
         at = hin_view_find(rest, wanted)) {
        count++;
        rest = hin_view_sub(rest, at + wanted.size, SIZE_MAX);
    }
    return count;
}

TEST(test_io_transport__holds_500_connections)
{
    enum { COUNT = 500 };
    HIN_CLEANUP(end) struct place place;
    CHECK(begin_with(&place, HIN_MINUTE_USEC));
    struct raw raw = {
        .got = {.max = 1 << 20},
        .send = HIN_VIEW("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")};
    struct hin_connect_options options = {
        .tls = place.client_tls, .host = "127.0.0.1", .limits = hin_stream_limits_default()};
    options.limits.handshake_usec = HIN_MINUTE_USEC;
    CHECK_OK(hin_address_parse("127.0.0.1", place.port, &options.address));
    CHECK_OK(hin_loop_new(NULL, &raw.loop));
    static struct hin_stream *streams[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_OK(hin_stream_connect(raw.loop, &options, &raw_events, &raw, &streams[i]));
    }
    size_t answers = 0;
    for (int64_t until_usec = patience(); answers < COUNT && is_before(until_usec);) {
        CHECK_OK(hin_loop_run_once(raw.loop, 10 * HIN_MSEC_USEC));
        answers = occurrences(&raw.got, "ok"); /* another's answer may come between head and body */
    }
    CHECK_INT(occurrences(&raw.got, "HTTP/1.1 200 "), COUNT);
    CHECK_INT(raw.opened, COUNT);
    CHECK_INT(answers, COUNT);
    CHECK_INT(raw.closed, 0);
    for (size_t i = 0; i < COUNT; i++) {
        hin_stream_drop(streams[i]);
    }
    hin_loop_free(raw.loop);
    hin_buf_done(&raw.got);
}
