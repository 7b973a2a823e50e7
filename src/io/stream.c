#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "crypt/tls.h"
#include "io/loop_internal.h"
#include "io/stream_internal.h"

#define KIB           ((size_t)1024)
#define READ_ROUNDS   8 /* callbacks a turn, so that one busy peer does not starve the rest */
#define SMALL_READ    (4 * KIB)
#define WRITE_AT_ONCE (64 * KIB)

static void turn(struct hin_stream *stream, unsigned events);
static void queue_turn(struct hin_stream *stream);
static void queued_turn(void *context);

struct hin_stream_limits hin_stream_limits_default(void)
{
    return (struct hin_stream_limits){.input_max_bytes = 256 * KIB,
                                      .output_max_bytes = 8192 * KIB,
                                      .high_bytes = 256 * KIB,
                                      .low_bytes = 64 * KIB,
                                      .handshake_usec = 10 * HIN_SEC_USEC,
                                      .stall_usec = 30 * HIN_SEC_USEC,
                                      .linger_usec = 2 * HIN_SEC_USEC};
}

/* ---- ending ---- */

static void destroy(struct hin_stream *stream)
{
    if (stream->turn_queued) {
        hin_loop_defer_cancel(stream->loop, queued_turn, stream);
    }
    if (stream->listener != NULL) {
        listener_closed(stream->listener, stream);
    }
    hin_timer_free(stream->timer);
    hin_watch_free(stream->watch);
    SSL_free(stream->ssl);
    hin_fd_close(&stream->fd);
    hin_buf_done(&stream->in);
    hin_buf_done(&stream->out);
    free(stream);
}

/* The first reason stands. */
static void set_end(struct hin_stream *stream, enum hin_code code, const char *text)
{
    if (stream->end.text[0] == '\0') {
        stream->end.code = code;
        (void)snprintf(stream->end.text, sizeof(stream->end.text), "%s", text);
    }
}

static void die(struct hin_stream *stream, enum hin_code code, const char *text)
{
    set_end(stream, code, text);
    stream->state = STREAM_DEAD;
}

static const char *network_text(int fault)
{
    return fault == 0 ? "the connection was cut off" : strerror(fault);
}

static enum hin_code network_code(int fault)
{
    switch (fault) {
    case 0:
    case ECONNRESET:
    case EPIPE:
        return HIN_CLOSED;
    case ETIMEDOUT:
        return HIN_TIMEOUT;
    default:
        return HIN_NETWORK;
    }
}

/* A failed operation of OpenSSL: what it means, for the owner and, in a handshake, for the
 * listener's count. */
static void fail_tls(struct hin_stream *stream, int ssl_error, int fault)
{
    bool handshake = stream->state == STREAM_HANDSHAKE;
    enum hin_handshake_reason reason = handshake_reason(stream->ssl, ssl_error);
    char text[160] = "";
    enum hin_code code = HIN_CLOSED;
    if (reason == HIN_HANDSHAKE_CLOSED) {
        ERR_clear_error();
        code = network_code(fault);
        (void)snprintf(text, sizeof(text), "%s", network_text(fault));
    } else {
        code = hin_tls_failure(stream->ssl, text, sizeof(text));
    }
    set_end(stream, code, text);
    if (handshake && stream->listener != NULL) {
        listener_failed(stream->listener, stream, reason, text);
        /* Our alert says why; a reset, which unread input would cause, must not overtake it. */
        stream->state = STREAM_LINGER;
        stream->started_usec = hin_loop_now_usec(stream->loop);
        (void)shutdown(stream->fd, SHUT_WR);
        return;
    }
    stream->state = STREAM_DEAD;
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 ? b : b == 0 ? a : HIN_MIN(a, b);
}

static int64_t after(int64_t from, int64_t limit)
{
    return limit > 0 ? from + limit : 0;
}

/* When the present state has lasted too long; 0: never. */
static int64_t deadline_of(const struct hin_stream *stream)
{
    int64_t stall = stream->out.size > stream->out_at
                        ? after(stream->progress_usec, stream->limits.stall_usec)
                        : 0;
    switch (stream->state) {
    case STREAM_CONNECTING:
    case STREAM_HANDSHAKE:
        return after(stream->started_usec, stream->limits.handshake_usec);
    case STREAM_OPEN:
        return earlier(stall, after(stream->active_usec, stream->limits.idle_usec));
    case STREAM_CLOSING:
        return stall;
    case STREAM_LINGER:
        return stream->started_usec + HIN_MAX(stream->limits.linger_usec, 1);
    case STREAM_DEAD:
        break;
    }
    return 0;
}

static void update_timer(struct hin_stream *stream)
{
    int64_t deadline = deadline_of(stream);
    if (deadline == 0 || (stream->armed_usec != 0 && stream->armed_usec <= deadline)) {
        return; /* it fires early, then looks again: cheaper than moving it with each byte */
    }
    int64_t now = hin_loop_now_usec(stream->loop);
    if (hin_is_ok(hin_timer_once(stream->timer, HIN_MAX(deadline - now, 0), 0))) {
        stream->armed_usec = deadline;
    }
}

static void time_out(struct hin_stream *stream)
{
    static const char *const texts[] = {[STREAM_CONNECTING] = "no connection in time",
                                        [STREAM_HANDSHAKE] = "no TLS handshake in time",
                                        [STREAM_OPEN] = "silent for too long",
                                        [STREAM_CLOSING] = "the peer does not read",
                                        [STREAM_LINGER] = "closed",
                                        [STREAM_DEAD] = ""};
    bool stalled = stream->out.size > stream->out_at;
    if (stream->state == STREAM_HANDSHAKE && stream->listener != NULL) {
        listener_failed(stream->listener, stream, HIN_HANDSHAKE_TIMEOUT, texts[STREAM_HANDSHAKE]);
    }
    if (stream->state == STREAM_LINGER) {
        die(stream, HIN_OK, texts[STREAM_LINGER]);
    } else {
        die(stream, HIN_TIMEOUT,
            stream->state == STREAM_OPEN && stalled ? texts[STREAM_CLOSING] : texts[stream->state]);
    }
}

static void on_timer(void *context)
{
    struct hin_stream *stream = context;
    stream->armed_usec = 0;
    int64_t deadline = deadline_of(stream);
    /* The coarse clock may lag the timer by a tick. */
    if (deadline != 0 && hin_loop_now_usec(stream->loop) + 5 * HIN_MSEC_USEC >= deadline) {
        time_out(stream);
    }
    turn(stream, HIN_WATCH_NONE);
}

/* ---- input ---- */

static bool input_is_scratch(const struct hin_stream *stream)
{
    const uint8_t *scratch = hin_loop_scratch(stream->loop);
    return stream->input.data >= scratch && stream->input.data < scratch + HIN_LOOP_SCRATCH_BYTES;
}

/* What the owner left must outlive the scratch buffer; what it took is dropped. */
static void settle_input(struct hin_stream *stream)
{
    if (stream->input.size == 0) {
        hin_buf_done(&stream->in);
        stream->input = HIN_VIEW_EMPTY;
        return;
    }
    if (input_is_scratch(stream)) {
        if (!hin_is_ok(hin_buf_append(&stream->in, stream->input))) {
            die(stream, HIN_NO_MEMORY, "out of memory");
            return;
        }
    } else {
        hin_buf_consume(&stream->in, stream->in.size - stream->input.size);
    }
    stream->input = hin_buf_view(&stream->in);
}

static bool may_read(const struct hin_stream *stream)
{
    bool room = stream->input.size < stream->limits.input_max_bytes;
    return !stream->eof && ((stream->state == STREAM_OPEN && !stream->paused && room) ||
                            stream->state == STREAM_CLOSING);
}

/* Reads as much as the scratch buffer takes. *ret_size 0: nothing there now, or the end. */
static void read_some(struct hin_stream *stream, uint8_t *to, size_t room, size_t *ret_size)
{
    size_t size = 0;
    while (size < room) {
        size_t part = 0;
        ERR_clear_error();
        errno = 0;
        int outcome = SSL_read_ex(stream->ssl, to + size, room - size, &part);
        int fault = errno;
        if (outcome == 1) {
            size += part;
            if (part < SMALL_READ && SSL_has_pending(stream->ssl) == 0) {
                break; /* most likely all there is: the level-triggered watch tells of more, a call
                          less each time */
            }
            continue;
        }
        int ssl_error = SSL_get_error(stream->ssl, outcome);
        if (ssl_error == SSL_ERROR_ZERO_RETURN) {
            stream->eof = true;
        } else if (ssl_error == SSL_ERROR_WANT_WRITE) {
            stream->read_wants_write = true;
        } else if (ssl_error != SSL_ERROR_WANT_READ) {
            fail_tls(stream, ssl_error, fault);
        }
        break;
    }
    *ret_size = size;
}

static void take_input(struct hin_stream *stream, const uint8_t *data, size_t size)
{
    if (stream->input.size > 0) {
        hin_buf_consume(&stream->in, stream->in.size - stream->input.size);
        if (!hin_is_ok(hin_buf_append(&stream->in, hin_view_of(data, size)))) {
            die(stream, HIN_NO_MEMORY, "out of memory");
            return;
        }
        stream->input = hin_buf_view(&stream->in);
    } else {
        hin_buf_clear(&stream->in);
        stream->input = hin_view_of(data, size);
    }
    if (stream->events != NULL) {
        stream->events->on_data(stream->context, stream);
    }
    settle_input(stream);
}

static void pump_input(struct hin_stream *stream)
{
    stream->read_wants_write = false;
    for (int round = 0; may_read(stream); round++) {
        if (round == READ_ROUNDS) {
            queue_turn(
                stream); /* OpenSSL may hold bytes that the descriptor does not show any more */
            return;
        }
        uint8_t *scratch = hin_loop_scratch(stream->loop);
        size_t size = 0;
        enum stream_state before = stream->state;
        read_some(stream, scratch, HIN_LOOP_SCRATCH_BYTES, &size);
        if (size > 0) {
            stream->active_usec = hin_loop_now_usec(stream->loop);
            stream->read_bytes += size;
        }
        if (size > 0 && before == STREAM_OPEN) {
            /* Bytes that came before a failure are still handed over. */
            take_input(stream, scratch, size);
        }
        if (size < HIN_LOOP_SCRATCH_BYTES) {
            return;
        }
    }
}

static void tell_eof(struct hin_stream *stream)
{
    if (!stream->eof || stream->state != STREAM_OPEN || stream->eof_told) {
        return;
    }
    stream->eof_told = true;
    if (stream->events != NULL && stream->events->on_eof != NULL) {
        stream->events->on_eof(stream->context, stream);
    } else {
        set_end(stream, HIN_OK, "closed by the peer");
        stream->state = STREAM_CLOSING;
    }
}

/* ---- output ---- */

static void pump_output(struct hin_stream *stream)
{
    stream->write_wants_read = false;
    while (stream->out_at < stream->out.size) {
        size_t part = 0;
        size_t size = HIN_MIN(stream->out.size - stream->out_at, WRITE_AT_ONCE);
        ERR_clear_error();
        errno = 0;
        int outcome = SSL_write_ex(stream->ssl, stream->out.data + stream->out_at, size, &part);
        int fault = errno;
        if (outcome != 1) {
            int ssl_error = SSL_get_error(stream->ssl, outcome);
            if (ssl_error == SSL_ERROR_WANT_READ) {
                stream->write_wants_read = true;
            } else if (ssl_error != SSL_ERROR_WANT_WRITE) {
                fail_tls(stream, ssl_error, fault);
            }
            break;
        }
        stream->out_at += part;
        stream->written_bytes += part;
        stream->progress_usec = hin_loop_now_usec(stream->loop);
        stream->active_usec = stream->progress_usec;
    }
    if (stream->out_at == stream->out.size) {
        hin_buf_done(&stream->out);
        stream->out_at = 0;
    } else if (stream->out_at >= stream->limits.high_bytes) {
        hin_buf_consume(&stream->out, stream->out_at);
        stream->out_at = 0;
    }
}

static void tell_drain(struct hin_stream *stream)
{
    if (!stream->was_full || stream->state != STREAM_OPEN ||
        hin_stream_pending_bytes(stream) > stream->limits.low_bytes) {
        return;
    }
    stream->was_full = false;
    if (stream->events != NULL && stream->events->on_drain != NULL) {
        stream->events->on_drain(stream->context, stream);
    }
}

/* ---- states ---- */

static void do_connect(struct hin_stream *stream)
{
    int fault = 0;
    socklen_t size = sizeof(fault);
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &fault, &size) != 0) {
        fault = errno;
    }
    if (fault != 0) {
        char address[HIN_ADDRESS_TEXT_BYTES];
        char text[160];
        hin_address_format(&stream->peer, address, sizeof(address));
        (void)snprintf(text, sizeof(text), "%s by %s",
                       fault == ECONNREFUSED ? "connection refused" : strerror(fault), address);
        die(stream, network_code(fault), text);
        return;
    }
    stream->state = STREAM_HANDSHAKE;
}

static void do_handshake(struct hin_stream *stream)
{
    stream->read_wants_write = false;
    ERR_clear_error();
    errno = 0;
    int outcome = SSL_do_handshake(stream->ssl);
    int fault = errno;
    if (outcome != 1) {
        int ssl_error = SSL_get_error(stream->ssl, outcome);
        if (ssl_error == SSL_ERROR_WANT_WRITE) {
            stream->read_wants_write = true;
        } else if (ssl_error != SSL_ERROR_WANT_READ) {
            fail_tls(stream, ssl_error, fault);
        }
        return;
    }
    stream->state = STREAM_OPEN;
    stream->opened = true;
    stream->active_usec = hin_loop_now_usec(stream->loop);
    if (stream->listener != NULL) {
        listener_opened(stream->listener, stream);
    }
    if (stream->events != NULL && stream->events->on_open != NULL) {
        stream->events->on_open(stream->context, stream);
    }
}

static void start_linger(struct hin_stream *stream)
{
    ERR_clear_error();
    (void)SSL_shutdown(
        stream->ssl); /* sends close_notify; a failure means that nobody listens any more */
    ERR_clear_error();
    if (stream->eof || stream->limits.linger_usec == 0) {
        die(stream, HIN_OK, "closed");
        return;
    }
    (void)shutdown(stream->fd, SHUT_WR);
    stream->state = STREAM_LINGER;
    stream->started_usec = hin_loop_now_usec(stream->loop);
}

/* The peer's bytes are of no interest any more, only its end. */
static void do_linger(struct hin_stream *stream)
{
    uint8_t *scratch = hin_loop_scratch(stream->loop);
    for (int round = 0; round < READ_ROUNDS; round++) {
        ssize_t size = recv(stream->fd, scratch, HIN_LOOP_SCRATCH_BYTES, 0);
        if (size > 0 || (size < 0 && errno == EINTR)) {
            continue;
        }
        if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            die(stream, HIN_OK, "closed");
        }
        return;
    }
}

static unsigned wanted_events(const struct hin_stream *stream)
{
    bool output = stream->out_at < stream->out.size;
    switch (stream->state) {
    case STREAM_CONNECTING:
        return HIN_WATCH_WRITE;
    case STREAM_HANDSHAKE:
        return stream->read_wants_write ? HIN_WATCH_WRITE : HIN_WATCH_READ;
    case STREAM_OPEN:
    case STREAM_CLOSING:
        return (may_read(stream) || stream->write_wants_read ? HIN_WATCH_READ : 0u) |
               ((output && !stream->write_wants_read) || stream->read_wants_write ? HIN_WATCH_WRITE
                                                                                  : 0u);
    case STREAM_LINGER:
        return HIN_WATCH_READ;
    case STREAM_DEAD:
        break;
    }
    return HIN_WATCH_NONE;
}

static void run_states(struct hin_stream *stream, unsigned events)
{
    if (stream->state == STREAM_CONNECTING && (events & HIN_WATCH_WRITE) != 0) {
        do_connect(stream);
    }
    if (stream->state == STREAM_HANDSHAKE) {
        do_handshake(stream);
    }
    if (stream->state == STREAM_OPEN || stream->state == STREAM_CLOSING) {
        pump_input(stream);
        tell_eof(stream);
    }
    if (stream->state == STREAM_OPEN || stream->state == STREAM_CLOSING) {
        pump_output(stream);
        tell_drain(stream);
    }
    if (stream->state == STREAM_OPEN && hin_stream_pending_bytes(stream) > 0 &&
        !stream->write_wants_read && !stream->was_full) {
        pump_output(stream); /* what on_drain added; if that filled it again, the next turn does and
                                tells of it */
    }
    if (stream->state == STREAM_CLOSING && hin_stream_pending_bytes(stream) == 0) {
        start_linger(stream);
    }
    if (stream->state == STREAM_LINGER) {
        do_linger(stream);
    }
}

/* One turn of a stream: do what can be done, tell the owner, wait for the rest; the end comes last.
 */
static void turn(struct hin_stream *stream, unsigned events)
{
    stream->in_turn = true;
    run_states(stream, events);
    if (stream->state != STREAM_DEAD &&
        !hin_is_ok(hin_watch_set(stream->watch, wanted_events(stream)))) {
        die(stream, HIN_IO, "the kernel refuses to watch the connection");
    }
    if (stream->state != STREAM_DEAD) {
        update_timer(stream);
        stream->in_turn = false;
        return;
    }
    bool known = stream->opened || stream->listener == NULL;
    if (stream->events != NULL && known) {
        stream->end.opened = stream->opened;
        stream->end.by_us = stream->by_us;
        stream->events->on_close(stream->context, stream, &stream->end);
    }
    destroy(stream);
}

static void on_watch(void *context, unsigned events)
{
    turn(context, events);
}

static void queued_turn(void *context)
{
    struct hin_stream *stream = context;
    stream->turn_queued = false;
    turn(stream, HIN_WATCH_NONE);
}

/* A turn from the loop, soon: calls of the owner never call back. Inside a turn its rest does the
 * work. */
static void queue_turn(struct hin_stream *stream)
{
    if (stream->turn_queued) {
        return;
    }
    stream->turn_queued = hin_is_ok(hin_loop_defer(stream->loop, queued_turn, stream));
}

static void wake(struct hin_stream *stream)
{
    if (!stream->in_turn) {
        queue_turn(stream);
    }
}

/* ---- birth ---- */

static struct hin_result stream_new(struct hin_loop *loop, struct hin_tls *tls, const char *host,
                                    int fd, const struct hin_stream_limits *limits,
                                    struct hin_stream **ret_stream)
{
    HIN_CLEANUP_FD int owned = fd;
    struct hin_stream *stream = calloc(1, sizeof(*stream));
    HIN_ENSURE(stream != NULL, NO_MEMORY);
    *stream =
        (struct hin_stream){.loop = loop, .tls = tls, .fd = hin_fd_take(&owned), .limits = *limits};
    stream->started_usec = hin_loop_now_usec(loop);
    hin_buf_init(&stream->in, limits->input_max_bytes + HIN_LOOP_SCRATCH_BYTES);
    hin_buf_init(&stream->out, limits->output_max_bytes + limits->high_bytes);
    struct hin_result result = hin_tls_session(tls, host, &stream->ssl);
    if (hin_is_ok(result)) {
        result = hin_timer_new(loop, on_timer, stream, &stream->timer);
    }
    if (hin_is_ok(result)) {
        result = hin_watch_new(loop, stream->fd, on_watch, stream, &stream->watch);
    }
    if (hin_is_ok(result) && SSL_set_fd(stream->ssl, stream->fd) != 1) {
        result = hin_fail(HIN_CRYPTO);
    }
    if (!hin_is_ok(result)) {
        destroy(stream);
        return result;
    }
    SSL_set_mode(stream->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int on = 1;
    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* speed only */
    (void)setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    *ret_stream = stream;
    return hin_ok();
}

struct hin_result stream_accept(struct hin_listener *listener, struct hin_loop *loop,
                                struct hin_tls *tls, int fd, const struct hin_address *peer,
                                const struct hin_stream_limits *limits,
                                const struct hin_stream_events *events, void *context,
                                struct hin_stream **ret_stream)
{
    struct hin_stream *stream = NULL;
    HIN_TRY(stream_new(loop, tls, NULL, fd, limits, &stream));
    stream->peer = *peer;
    stream->events = events;
    stream->context = context;
    stream->state = STREAM_HANDSHAKE;
    struct hin_result result = hin_watch_set(stream->watch, HIN_WATCH_READ);
    if (!hin_is_ok(result)) {
        destroy(stream);
        return result;
    }
    update_timer(stream);
    stream->listener = listener;
    *ret_stream = stream;
    return hin_ok();
}

struct hin_result hin_stream_connect(struct hin_loop *loop,
                                     const struct hin_connect_options *options,
                                     const struct hin_stream_events *events, void *context,
                                     struct hin_stream **ret_stream)
{
    struct sockaddr_storage storage;
    socklen_t size = hin_address_to_sockaddr(&options->address, &storage);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    HIN_ENSURE(fd >= 0, NETWORK);
    struct hin_stream *stream = NULL;
    HIN_TRY(stream_new(loop, options->tls, options->host, fd, &options->limits, &stream));
    stream->peer = options->address;
    stream->events = events;
    stream->context = context;
    stream->state = STREAM_CONNECTING;
    if (connect(stream->fd, (struct sockaddr *)&storage, size) != 0 && errno != EINPROGRESS) {
        char address[HIN_ADDRESS_TEXT_BYTES];
        char text[160];
        int fault = errno;
        hin_address_format(&stream->peer, address, sizeof(address));
        (void)snprintf(text, sizeof(text), "%s: %s", address, strerror(fault));
        die(stream, network_code(fault), text);
    }
    queue_turn(stream); /* arms watch and timer, or tells of the failure from the loop */
    if (!stream->turn_queued) {
        destroy(stream);
        return hin_fail(HIN_NO_MEMORY);
    }
    *ret_stream = stream;
    return hin_ok();
}

/* ---- the owner's calls ---- */

struct hin_view hin_stream_input(const struct hin_stream *stream)
{
    return stream->input;
}

void hin_stream_consume(struct hin_stream *stream, size_t count)
{
    bool was_full = !may_read(stream);
    stream->input = hin_view_sub(stream->input, HIN_MIN(count, stream->input.size), SIZE_MAX);
    if (was_full && may_read(stream)) {
        wake(stream);
    }
}

void hin_stream_pause(struct hin_stream *stream, bool paused)
{
    if (stream->paused != paused) {
        stream->paused = paused;
        wake(stream);
    }
}

struct hin_result hin_stream_write(struct hin_stream *stream, struct hin_view bytes)
{
    HIN_ENSURE(stream->state <= STREAM_OPEN, CLOSED);
    size_t pending = hin_stream_pending_bytes(stream);
    HIN_ENSURE(bytes.size <= stream->limits.output_max_bytes &&
                   pending <= stream->limits.output_max_bytes - bytes.size,
               LIMIT);
    HIN_TRY(hin_buf_append(&stream->out, bytes));
    if (pending == 0) {
        stream->progress_usec = hin_loop_now_usec(stream->loop);
        wake(stream);
    }
    stream->was_full = stream->was_full || pending + bytes.size >= stream->limits.high_bytes;
    return hin_ok();
}

size_t hin_stream_pending_bytes(const struct hin_stream *stream)
{
    return stream->out.size - stream->out_at;
}

bool hin_stream_is_full(const struct hin_stream *stream)
{
    return hin_stream_pending_bytes(stream) >= stream->limits.high_bytes;
}

void hin_stream_close(struct hin_stream *stream)
{
    stream->by_us = true;
    if (stream->state < STREAM_OPEN) {
        die(stream, HIN_OK, "closed before it was open");
    } else if (stream->state == STREAM_OPEN) {
        set_end(stream, HIN_OK, "closed");
        stream->state = STREAM_CLOSING;
    }
    wake(stream);
}

void hin_stream_abort(struct hin_stream *stream, enum hin_code code, const char *text)
{
    stream->by_us = true;
    die(stream, code, text);
    wake(stream);
}

void hin_stream_drop(struct hin_stream *stream)
{
    stream->events = NULL;
    stream->state = STREAM_DEAD;
    if (!stream->in_turn) {
        destroy(stream);
    }
}

void hin_stream_set_context(struct hin_stream *stream, const struct hin_stream_events *events,
                            void *context)
{
    stream->events = events;
    stream->context = context;
}

void hin_stream_set_idle(struct hin_stream *stream, int64_t idle_usec)
{
    stream->limits.idle_usec = idle_usec;
    if (!stream->in_turn) {
        update_timer(stream);
    }
}

void *hin_stream_context(const struct hin_stream *stream)
{
    return stream->context;
}

const struct hin_address *hin_stream_peer(const struct hin_stream *stream)
{
    return &stream->peer;
}

const char *hin_stream_tls_version(const struct hin_stream *stream)
{
    return SSL_get_version(stream->ssl);
}

const char *hin_stream_tls_suite(const struct hin_stream *stream)
{
    return SSL_get_cipher_name(stream->ssl);
}

bool hin_stream_tls_resumed(const struct hin_stream *stream)
{
    return SSL_session_reused(stream->ssl) == 1;
}

struct hin_result hin_stream_tls_peer(const struct hin_stream *stream,
                                      struct hin_tls_peer *ret_peer)
{
    return hin_tls_peer(stream->tls, stream->ssl, ret_peer);
}

struct hin_result hin_stream_peer_certificate(const struct hin_stream *stream, struct hin_buf *buf)
{
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
    HIN_ENSURE(certificate != NULL, NOT_FOUND);
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    HIN_ENSURE(size > 0, CRYPTO);
    struct hin_result result = hin_buf_append(buf, hin_view_of(der, (size_t)size));
    OPENSSL_free(der);
    return result;
}

struct hin_result hin_stream_peer_ca(const struct hin_stream *stream, struct hin_buf *buf)
{
    return hin_tls_peer_ca(stream->ssl, buf);
}

uint64_t hin_stream_read_bytes(const struct hin_stream *stream)
{
    return stream->read_bytes;
}

uint64_t hin_stream_written_bytes(const struct hin_stream *stream)
{
    return stream->written_bytes;
}
