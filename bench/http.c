/* HTTPS: requests per core-second (512 B POST over TLS 1.3, keep-alive) and memory per idle
 * connection. bench_http [requests] [connections]... The server runs in a child, whose CPU is taken
 * by wait4(2) and whose memory is its PSS. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "crypt/tls.h"
#include "io/http_server.h"

#define IN_FLIGHT 16
#define IDLE_MAX  9000 /* of 20,000 descriptors, with both ends on one machine */

struct bench {
    struct hin_tls *server;
    struct hin_tls *client;
    struct hin_loop *loop;
    int fd;
    uint16_t port;
    size_t opened, answers, wanted, closed;
    struct hin_view request;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_http: %s failed\n", what);
    exit(1);
}

static void need(struct hin_result result, const char *what)
{
    if (!hin_is_ok(result)) {
        die(what);
    }
}

static void make_tls(struct bench *bench)
{
    struct hin_x509_key *ca_key = NULL;
    struct hin_x509_key *key = NULL;
    struct hin_buf ca = {.max = 16384};
    struct hin_buf request = {.max = 16384};
    struct hin_buf certificate = {.max = 16384};
    static const char *const names[] = {"127.0.0.1"};
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    struct hin_x509_validity validity = {now - HIN_HOUR_USEC, now + HIN_DAY_USEC};
    need(hin_x509_key_generate(&ca_key), "key");
    need(hin_x509_key_generate(&key), "key");
    need(hin_x509_ca_new(ca_key, "bench", &validity, &ca), "authority");
    need(hin_x509_request_new(key, "bench", &request), "request");
    struct hin_x509_issuer issuer = {.ca_der = hin_buf_view(&ca), .key = ca_key};
    need(hin_x509_issue_server(&issuer, hin_buf_view(&request), names, 1, &validity, &certificate),
         "certificate");
    struct hin_tls_options server = {.role = HIN_TLS_API_SERVER,
                                     .certificate = hin_buf_view(&certificate),
                                     .key = key,
                                     .ca = hin_buf_view(&ca)};
    struct hin_tls_options client = {.role = HIN_TLS_CLI_CLIENT, .ca = hin_buf_view(&ca)};
    need(hin_tls_new(&bench->server, &server), "server TLS");
    need(hin_tls_new(&bench->client, &client), "client TLS");
    hin_x509_key_free(ca_key);
    hin_x509_key_free(key);
    hin_buf_done(&ca);
    hin_buf_done(&request);
    hin_buf_done(&certificate);
}

static void handle(void *context, struct hin_http_exchange *exchange)
{
    HIN_IGNORE(hin_http_reply(exchange, 200, "application/json", HIN_VIEW("{}")));
}

static pid_t start_server(struct bench *bench)
{
    pid_t child = fork();
    if (child != 0) {
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct hin_loop *loop = NULL;
    struct hin_http_server *server = NULL;
    struct hin_http_server_options options = hin_http_server_options_default();
    options.tls = bench->server;
    options.handle = handle;
    options.head_usec = options.idle_usec = HIN_HOUR_USEC;
    options.requests_per_connection = UINT32_MAX;
    options.listener.connections_per_address_max = 0;
    need(hin_loop_new(NULL, &loop), "loop");
    need(hin_http_server_new(loop, bench->fd, &options, &server), "server");
    need(hin_loop_run(loop), "run");
    _exit(0);
}

static void on_open(void *context, struct hin_stream *stream)
{
    struct bench *bench = context;
    bench->opened++;
    if (bench->request.size > 0) {
        need(hin_stream_write(stream, bench->request), "write");
    }
}

static void on_data(void *context, struct hin_stream *stream)
{
    struct bench *bench = context;
    hin_stream_consume(stream, SIZE_MAX); /* an answer is one record */
    bench->answers++;
    if (bench->answers < bench->wanted) {
        need(hin_stream_write(stream, bench->request), "write");
    }
}

static void on_close(void *context, struct hin_stream *stream, const struct hin_stream_end *end)
{
    ((struct bench *)context)->closed++;
}

static const struct hin_stream_events events = {
    .on_open = on_open, .on_data = on_data, .on_close = on_close};

static void connect_one(struct bench *bench, struct hin_stream **ret_stream)
{
    struct hin_connect_options options = {
        .tls = bench->client, .host = "127.0.0.1", .limits = hin_stream_limits_default()};
    options.limits.handshake_usec = HIN_MINUTE_USEC;
    need(hin_address_parse("127.0.0.1", bench->port, &options.address), "address");
    need(hin_stream_connect(bench->loop, &options, &events, bench, ret_stream), "connect");
}

/* Kilobytes, from /proc/PID/smaps_rollup. */
static long pss_of(pid_t pid)
{
    char path[64];
    char line[256];
    long found = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Pss:", 4) == 0) {
            found = strtol(line + 4, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

static void bench_requests(struct bench *bench, size_t count)
{
    static char text[1024];
    int head = snprintf(text, sizeof(text),
                        "POST /api/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 512\r\n\r\n");
    for (int i = 0; i < 512; i++) {
        text[head + i] = 'x';
    }
    bench->request = hin_view_of(text, (size_t)head + 512);
    bench->wanted = count;
    struct hin_stream *streams[IN_FLIGHT];
    pid_t server = start_server(bench);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        connect_one(bench, &streams[i]);
    }
    int64_t began = hin_clock_monotonic_usec(hin_clock_system());
    while (bench->answers < count && bench->closed == 0) {
        need(hin_loop_run_once(bench->loop, HIN_SEC_USEC), "run");
    }
    double wall = (double)(hin_clock_monotonic_usec(hin_clock_system()) - began) / 1e6;
    struct rusage used;
    kill(server, SIGKILL);
    (void)wait4(server, NULL, 0, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("requests %zu wall_seconds %.2f server_cpu_seconds %.2f requests_per_core_second %.0f\n",
           bench->answers, wall, cpu, (double)bench->answers / cpu);
    for (size_t i = 0; i < IN_FLIGHT && bench->closed == 0; i++) {
        hin_stream_drop(streams[i]);
    }
}

static void bench_idle(struct bench *bench, size_t count)
{
    struct hin_stream **streams = calloc(count, sizeof(struct hin_stream *));
    if (streams == NULL) {
        die("memory");
    }
    bench->request = HIN_VIEW_EMPTY;
    bench->opened = bench->closed = 0;
    pid_t server = start_server(bench);
    (void)usleep(100000);
    long before = pss_of(server);
    size_t begun = 0;
    while (bench->opened < count && bench->closed == 0) {
        for (; begun < count && begun < bench->opened + 256; begun++) {
            connect_one(bench, &streams[begun]);
        }
        need(hin_loop_run_once(bench->loop, HIN_SEC_USEC), "run");
    }
    (void)usleep(500000);
    long after = pss_of(server);
    printf("idle_connections %zu server_pss_kib %ld bytes_per_connection %.0f\n", bench->opened,
           after, (double)(after - before) * 1024 / (double)bench->opened);
    for (size_t i = 0; i < begun && bench->closed == 0; i++) {
        hin_stream_drop(streams[i]);
    }
    free(streams);
    kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
}

int main(int argc, char **argv)
{
    struct bench bench = {.fd = -1};
    struct rlimit files;
    struct hin_error error = {0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* else the connects say so */
    }
    make_tls(&bench);
    need(hin_ignore_sigpipe(), "signals");
    need(hin_loop_new(NULL, &bench.loop), "loop");
    need(hin_listen_tcp("127.0.0.1", 0, &bench.fd, &bench.port, &error), error.text);
    bench_requests(&bench, argc > 1 ? strtoul(argv[1], NULL, 10) : 100000);
    for (int i = 2; i < argc; i++) {
        size_t count = strtoul(argv[i], NULL, 10);
        bench_idle(&bench, count < IDLE_MAX ? count : IDLE_MAX);
    }
    hin_loop_free(bench.loop);
    hin_tls_free(bench.server);
    hin_tls_free(bench.client);
    hin_fd_close(&bench.fd);
    return 0;
}
