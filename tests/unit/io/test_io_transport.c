/* Listener and clients of one process on one loop. */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "crypt/tls.h"
#include "harness.h"
#include "io/loop.h"
#include "io/transport.h"

struct side {
    struct hin_tls *server;
    struct hin_tls *stranger; /* an agent of another authority */
    struct hin_tls *enrolling;
};

struct seen {
    struct hin_stream *peer; /* the accepted stream */
    size_t opened, closed, drained, bytes, refused;
    enum hin_code code;
    enum hin_handshake_reason reason;
    bool pause;
};

static bool authority(struct hin_x509_key **ret_key, struct hin_buf *ret_der)
{
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    struct hin_x509_validity validity = {now - HIN_HOUR_USEC, now + HIN_DAY_USEC};
    return hin_is_ok(hin_x509_key_generate(ret_key)) &&
           hin_is_ok(hin_x509_ca_new(*ret_key, "test", &validity, ret_der));
}

static bool issue(const struct hin_x509_key *ca_key, struct hin_view ca, bool agent,
                  struct hin_tls_options *options, struct hin_tls **ret_tls)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf request = {.max = 16384};
    HIN_CLEANUP(hin_buf_done) struct hin_buf certificate = {.max = 16384};
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    struct hin_x509_validity validity = {now - HIN_HOUR_USEC, now + HIN_DAY_USEC};
    struct hin_x509_issuer issuer = {.ca_der = ca, .key = ca_key};
    static const char *const names[] = {"127.0.0.1"};
    bool fine = hin_is_ok(hin_x509_key_generate(&key)) &&
                hin_is_ok(hin_x509_request_new(key, "x", &request)) &&
                hin_is_ok(agent ? hin_x509_issue_agent(&issuer, hin_buf_view(&request), "t1", "a1",
                                                       &validity, &certificate)
                                : hin_x509_issue_server(&issuer, hin_buf_view(&request), names, 1,
                                                        &validity, &certificate));
    options->certificate = hin_buf_view(&certificate);
    options->key = key;
    return fine && hin_is_ok(hin_tls_new(ret_tls, options));
}

static bool make(struct side *side)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *ours = NULL;
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *theirs = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf our_ca = {.max = 16384};
    HIN_CLEANUP(hin_buf_done) struct hin_buf their_ca = {.max = 16384};
    char pin[HIN_SHA256_HEX_BYTES];
    *side = (struct side){0};
    if (!authority(&ours, &our_ca) || !authority(&theirs, &their_ca) ||
        !hin_is_ok(hin_x509_fingerprint(hin_buf_view(&our_ca), pin))) {
        return false;
    }
    struct hin_tls_options server = {.role = HIN_TLS_AGENT_SERVER, .ca = hin_buf_view(&our_ca)};
    struct hin_tls_options stranger = {.role = HIN_TLS_AGENT_CLIENT, .ca = hin_buf_view(&our_ca)};
    struct hin_tls_options enrolling = {.role = HIN_TLS_ENROL_CLIENT, .ca_fingerprint = pin};
    return issue(ours, hin_buf_view(&our_ca), false, &server, &side->server) &&
           issue(theirs, hin_buf_view(&their_ca), true, &stranger, &side->stranger) &&
           hin_is_ok(hin_tls_new(&side->enrolling, &enrolling));
}

static void done(struct side *side)
{
    hin_tls_free(side->server);
    hin_tls_free(side->stranger);
    hin_tls_free(side->enrolling);
}

static void on_open(void *context, struct hin_stream *stream)
{
    struct seen *seen = context;
    seen->opened++;
    seen->peer = stream;
    hin_stream_pause(stream, seen->pause);
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct seen *seen = context;
    size_t part = (hin_stream_input(stream).size + 1) / 2; /* leave some behind each time */
    seen->bytes += part;
    hin_stream_consume(stream, part);
}

static void on_drain(void *context, struct hin_stream *stream)
{
    ((struct seen *)context)->drained++;
}

static void on_close(void *context, struct hin_stream *stream,
                     const struct hin_stream_end *stream_end)
{
    struct seen *seen = context;
    seen->bytes += hin_stream_input(stream).size;
    seen->closed++;
    seen->code = stream_end->code;
}

static void on_refused(void *context, const struct hin_address *peer,
                       enum hin_handshake_reason reason, const char *text)
{
    struct seen *seen = context;
    seen->refused++;
    seen->reason = reason;
}

static const struct hin_stream_events events = {
    .on_open = on_open, .on_data = on_data, .on_drain = on_drain, .on_close = on_close};

struct pair {
    struct hin_loop *loop;
    struct hin_listener *listener;
    struct hin_stream *client;
    struct seen at_server, at_client;
    int fd;
};

static bool start(struct pair *pair, struct hin_tls *server, struct hin_tls *client)
{
    uint16_t port = 0;
    pair->fd = -1;
    struct hin_listener_options options = {.tls = server,
                                           .limits = hin_listener_limits_default(),
                                           .events = &events,
                                           .context = &pair->at_server,
                                           .on_refused = on_refused};
    struct hin_connect_options connect = {.tls = client, .limits = hin_stream_limits_default()};
    return hin_is_ok(hin_ignore_sigpipe()) && hin_is_ok(hin_loop_new(NULL, &pair->loop)) &&
           hin_is_ok(hin_listen_tcp("127.0.0.1", 0, &pair->fd, &port, NULL)) &&
           hin_is_ok(hin_listener_new(pair->loop, pair->fd, &options, &pair->listener)) &&
           hin_is_ok(hin_address_parse("127.0.0.1", port, &connect.address)) &&
           hin_is_ok(
               hin_stream_connect(pair->loop, &connect, &events, &pair->at_client, &pair->client));
}

static void stop(struct pair *pair)
{
    if (pair->at_client.closed == 0 && pair->client != NULL) {
        hin_stream_drop(pair->client);
    }
    hin_listener_free(pair->listener);
    hin_loop_free(pair->loop);
    hin_fd_close(&pair->fd);
}

static bool run_until(struct pair *pair, const size_t *counter, size_t wanted)
{
    for (int i = 0; i < 500 && *counter < wanted; i++) {
        if (!hin_is_ok(hin_loop_run_once(pair->loop, 10 * HIN_MSEC_USEC))) {
            return false;
        }
    }
    return *counter >= wanted;
}

TEST(test_io_transport__counts_and_tells_a_refused_certificate)
{
    HIN_CLEANUP(done) struct side side;
    CHECK(make(&side));
    HIN_CLEANUP(stop) struct pair pair = {0};
    CHECK(start(&pair, side.server, side.stranger));
    CHECK(run_until(&pair, &pair.at_client.closed, 1));
    CHECK_INT(pair.at_server.opened, 0);
    CHECK_INT(pair.at_server.refused, 1);
    CHECK_INT(pair.at_server.reason, HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED);
    CHECK_INT(hin_listener_stats(pair.listener)->failed[HIN_HANDSHAKE_CERTIFICATE_UNTRUSTED], 1);
    CHECK_INT(pair.at_client.code, HIN_AUTH); /* the alert arrived; no reset overtook it */
}

TEST(test_io_transport__holds_back_a_writer_whose_reader_pauses)
{
    HIN_CLEANUP(done) struct side side;
    CHECK(make(&side));
    HIN_CLEANUP(stop) struct pair pair = {.at_server.pause = true};
    CHECK(start(&pair, side.server, side.enrolling));
    CHECK(run_until(&pair, &pair.at_server.opened, 1));
    static uint8_t block[65536];
    size_t sent = 0;
    struct hin_result result = hin_ok();
    for (int i = 0; i < 2000 && hin_is_ok(result); i++) {
        result = hin_stream_write(pair.client, hin_view_of(block, sizeof(block)));
        sent += hin_is_ok(result) ? sizeof(block) : 0;
        CHECK_OK(hin_loop_run_once(pair.loop, 0));
    }
    CHECK_INT(result.code, HIN_LIMIT);
    CHECK(hin_stream_is_full(pair.client));
    CHECK_INT(pair.at_server.bytes, 0);
    hin_stream_pause(pair.at_server.peer, false);
    CHECK(run_until(&pair, &pair.at_client.drained, 1));
    hin_stream_close(pair.client);
    CHECK(run_until(&pair, &pair.at_server.closed, 1));
    CHECK_INT(pair.at_server.bytes, sent);
    CHECK_INT(pair.at_server.code, HIN_OK);
}

static void count_call(void *context)
{
    ++*(int *)context;
}

TEST(test_io_loop__timers_and_deferred_calls)
{
    HIN_CLEANUP(hin_loop_cleanup) struct hin_loop *loop = NULL;
    CHECK_OK(hin_loop_new(NULL, &loop));
    int once = 0;
    int often = 0;
    int deferred = 0;
    struct hin_timer *first = NULL;
    struct hin_timer *second = NULL;
    CHECK_OK(hin_timer_new(loop, count_call, &once, &first));
    CHECK_OK(hin_timer_new(loop, count_call, &often, &second));
    CHECK_OK(hin_timer_once(first, 1000, 50));
    CHECK_OK(hin_timer_repeat(second, 0, 1000, 0));
    CHECK_OK(hin_loop_defer(loop, count_call, &deferred));
    CHECK_OK(hin_loop_defer(loop, count_call, &once));
    hin_loop_defer_cancel(loop, count_call, &once);
    CHECK_INT(deferred, 0);
    for (int i = 0; i < 200 && often < 5; i++) {
        CHECK_OK(hin_loop_run_once(loop, 10 * HIN_MSEC_USEC));
    }
    CHECK_INT(once, 1);
    CHECK_INT(deferred, 1);
    CHECK(often >= 5);
    CHECK(!hin_timer_is_armed(first));
    hin_timer_free(first);
    hin_timer_free(second);
}
