#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/map.h"
#include "io/limiter_internal.h"
#include "io/loop_internal.h"
#include "io/stream_internal.h"

#define ACCEPTS_A_TURN  32
#define EXHAUSTED_PAUSE (100 * HIN_MSEC_USEC)

struct hin_listener {
    struct hin_loop *loop;
    int fd;
    struct hin_listener_options options;
    struct hin_listener_stats stats;
    struct hin_watch *watch;
    struct hin_timer
        *retry; /* accepting again after the process ran out of descriptors or memory */
    struct hin_stream *streams;
    struct hin_map hosts; /* address -> struct host, for connections_per_address_max */
    struct limiter rate;
    bool paused;
    bool exhausted;
};

struct host {
    uint32_t count;
};

struct hin_listener_limits hin_listener_limits_default(void)
{
    return (struct hin_listener_limits){
        .connections_max = 16384, .handshakes_max = 1024, .stream = hin_stream_limits_default()};
}

static struct hin_view host_key(const struct hin_address *address)
{
    return hin_view_of(address->bytes, address->family == 6 ? 16 : 4);
}

static void update_watch(struct hin_listener *listener)
{
    bool room = listener->stats.open < listener->options.limits.connections_max &&
                listener->stats.handshaking < listener->options.limits.handshakes_max;
    bool accept = room && !listener->paused && !listener->exhausted;
    if (!hin_is_ok(hin_watch_set(listener->watch, accept ? HIN_WATCH_READ : HIN_WATCH_NONE))) {
        listener->exhausted = true;
        HIN_IGNORE(hin_timer_once(listener->retry, EXHAUSTED_PAUSE,
                                  0)); /* allocated already: cannot fail */
    }
}

static void on_retry(void *context)
{
    struct hin_listener *listener = context;
    listener->exhausted = false;
    update_watch(listener);
}

/* Counts one more of this host; false when it has its share. */
static bool take_host(struct hin_listener *listener, const struct hin_address *peer)
{
    uint32_t max = listener->options.limits.connections_per_address_max;
    if (max == 0) {
        return true;
    }
    struct host *host = hin_map_get(&listener->hosts, host_key(peer));
    if (host == NULL) {
        host = calloc(1, sizeof(*host));
        if (host == NULL || !hin_is_ok(hin_map_put(&listener->hosts, host_key(peer), host))) {
            free(host);
            return false;
        }
    }
    if (host->count >= max) {
        return false;
    }
    host->count++;
    return true;
}

static void give_host(struct hin_listener *listener, const struct hin_address *peer)
{
    struct host *host = hin_map_get(&listener->hosts, host_key(peer));
    if (host != NULL && --host->count == 0) {
        (void)hin_map_remove(&listener->hosts, host_key(peer));
        free(host);
    }
}

/* Takes fd. */
static void admit(struct hin_listener *listener, int fd, const struct hin_address *peer)
{
    HIN_CLEANUP_FD int owned = fd;
    listener->stats.accepted++;
    if (!limiter_take(&listener->rate, peer, hin_loop_now_usec(listener->loop))) {
        listener->stats.refused_address_rate++;
        return;
    }
    if (!take_host(listener, peer)) {
        listener->stats.refused_address_count++;
        return;
    }
    struct hin_stream *stream = NULL;
    struct hin_result result =
        stream_accept(listener, listener->loop, listener->options.tls, hin_fd_take(&owned), peer,
                      &listener->options.limits.stream, listener->options.events,
                      listener->options.context, &stream);
    if (!hin_is_ok(result)) {
        give_host(listener, peer);
        return;
    }
    stream->next = listener->streams;
    if (stream->next != NULL) {
        stream->next->previous = stream;
    }
    listener->streams = stream;
    listener->stats.open++;
    listener->stats.handshaking++;
}

static void on_connection(void *context, unsigned events)
{
    struct hin_listener *listener = context;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        bool room = listener->stats.open < listener->options.limits.connections_max &&
                    listener->stats.handshaking < listener->options.limits.handshakes_max;
        if (!room) {
            break;
        }
        struct sockaddr_storage storage;
        socklen_t size = sizeof(storage);
        int fd =
            accept4(listener->fd, (struct sockaddr *)&storage, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            /* EAGAIN also when another worker was faster. Without descriptors or memory the kernel
             * would report the same connection for ever: wait a little. */
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                listener->exhausted = true;
                HIN_IGNORE(hin_timer_once(listener->retry, EXHAUSTED_PAUSE, 0)); /* cannot fail */
            }
            break;
        }
        struct hin_address peer = {0};
        if (!hin_is_ok(hin_address_from_sockaddr((struct sockaddr *)&storage, &peer))) {
            hin_fd_close(&fd);
            continue;
        }
        admit(listener, fd, &peer);
    }
    update_watch(listener);
}

void listener_opened(struct hin_listener *listener, struct hin_stream *stream)
{
    listener->stats.handshaking--;
    listener->stats.handshakes++;
    listener->stats.resumed += hin_stream_tls_resumed(stream) ? 1 : 0;
    hin_tls_tally_session(&listener->stats.tls, stream->ssl);
    update_watch(listener);
}

void listener_failed(struct hin_listener *listener, struct hin_stream *stream,
                     enum hin_handshake_reason reason, const char *text)
{
    listener->stats.failed[reason]++;
    if (listener->options.on_refused != NULL) {
        listener->options.on_refused(listener->options.context, &stream->peer, reason, text);
    }
}

void listener_closed(struct hin_listener *listener, struct hin_stream *stream)
{
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        listener->streams = stream->next;
    }
    if (stream->next != NULL) {
        stream->next->previous = stream->previous;
    }
    listener->stats.open--;
    listener->stats.handshaking -= stream->opened ? 0 : 1;
    give_host(listener, &stream->peer);
    update_watch(listener);
}

static struct hin_result set_up(struct hin_listener *listener)
{
    const struct hin_listener_limits *limits = &listener->options.limits;
    HIN_TRY(hin_map_init(&listener->hosts, (size_t)limits->connections_max + 1));
    HIN_TRY(hin_random(listener->rate.key, sizeof(listener->rate.key)));
    listener->rate.per_second = limits->handshakes_per_second;
    listener->rate.burst =
        limits->handshakes_burst > 0 ? limits->handshakes_burst : 2 * limits->handshakes_per_second;
    listener->rate.slots = calloc(LIMITER_SLOTS, sizeof(*listener->rate.slots));
    HIN_ENSURE(listener->rate.slots != NULL, NO_MEMORY);
    HIN_TRY(hin_timer_new(listener->loop, on_retry, listener, &listener->retry));
    HIN_TRY(hin_watch_new(listener->loop, listener->fd, on_connection, listener, &listener->watch));
    return hin_watch_set(listener->watch, HIN_WATCH_READ);
}

struct hin_result hin_listener_new(struct hin_loop *loop, int fd,
                                   const struct hin_listener_options *options,
                                   struct hin_listener **ret_listener)
{
    HIN_ENSURE(options->limits.connections_max > 0 && options->limits.handshakes_max > 0, INVALID);
    struct hin_listener *listener = calloc(1, sizeof(*listener));
    HIN_ENSURE(listener != NULL, NO_MEMORY);
    listener->loop = loop;
    listener->fd = fd;
    listener->options = *options;
    struct hin_result result = set_up(listener);
    if (!hin_is_ok(result)) {
        hin_listener_free(listener);
        return result;
    }
    *ret_listener = listener;
    return hin_ok();
}

void hin_listener_free(struct hin_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    struct hin_stream *next = NULL;
    for (struct hin_stream *stream = listener->streams; stream != NULL; stream = next) {
        next = stream->next;
        stream->listener = NULL;
        hin_stream_drop(stream);
    }
    size_t at = 0;
    struct hin_view key;
    void *host = NULL;
    while (hin_map_next(&listener->hosts, &at, &key, &host)) {
        free(host);
    }
    hin_map_done(&listener->hosts);
    hin_watch_free(listener->watch);
    hin_timer_free(listener->retry);
    free(listener->rate.slots);
    free(listener);
}

void hin_listener_set_tls(struct hin_listener *listener, struct hin_tls *tls)
{
    listener->options.tls = tls;
}

void hin_listener_pause(struct hin_listener *listener, bool paused)
{
    listener->paused = paused;
    update_watch(listener);
}

const struct hin_listener_stats *hin_listener_stats(const struct hin_listener *listener)
{
    return &listener->stats;
}
