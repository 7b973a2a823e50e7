/* Shared by stream.c (one connection), listener.c (accepting) and tls_reason.c (why a handshake
 * failed). */
#ifndef HIN_IO_STREAM_INTERNAL_H
#define HIN_IO_STREAM_INTERNAL_H

#include <openssl/ssl.h>

#include "io/transport.h"

enum stream_state {
    STREAM_CONNECTING, /* client: TCP */
    STREAM_HANDSHAKE,
    STREAM_OPEN,
    STREAM_CLOSING, /* output is being flushed, input is dropped */
    STREAM_LINGER,  /* our side is shut; waiting for the peer, so that it reads what we said before
                       any reset */
    STREAM_DEAD,
};

struct hin_stream {
    struct hin_loop *loop;
    struct hin_listener *listener; /* NULL: client */
    struct hin_stream *previous;   /* in the listener's list */
    struct hin_stream *next;
    struct hin_tls *tls;
    SSL *ssl;
    int fd;
    enum stream_state state;
    struct hin_watch *watch;
    struct hin_timer *timer;
    const struct hin_stream_events *events; /* NULL: dropped */
    void *context;
    struct hin_stream_limits limits;
    struct hin_address peer;

    struct hin_view
        input; /* not consumed yet: in the loop's scratch buffer, or at the end of `in` */
    struct hin_buf in;
    struct hin_buf out;
    size_t out_at; /* written already */

    int64_t started_usec;  /* of the state that has a limit: handshake or linger */
    int64_t active_usec;   /* last byte read or written */
    int64_t progress_usec; /* last byte written, or output began to wait */
    int64_t armed_usec;    /* when the timer fires, 0 = not armed */
    uint64_t read_bytes;
    uint64_t written_bytes;

    bool opened, by_us, paused, eof, in_turn, turn_queued, was_full, eof_told;
    bool read_wants_write, write_wants_read; /* TLS asks for the other direction */
    struct hin_stream_end end;
};

/* A server stream over an accepted descriptor, which it takes also on failure. */
HIN_RESULT stream_accept(struct hin_listener *listener, struct hin_loop *loop, struct hin_tls *tls,
                         int fd, const struct hin_address *peer,
                         const struct hin_stream_limits *limits,
                         const struct hin_stream_events *events, void *context,
                         struct hin_stream **ret_stream);

/* The listener's part, told by its streams. */
void listener_opened(struct hin_listener *listener, struct hin_stream *stream);
void listener_failed(struct hin_listener *listener, struct hin_stream *stream,
                     enum hin_handshake_reason reason, const char *text);
void listener_closed(struct hin_listener *listener, struct hin_stream *stream);

/* From OpenSSL's error queue (peeked, not emptied) and the session's verdict. */
enum hin_handshake_reason handshake_reason(const SSL *ssl, int ssl_error);

#endif
