/* TLS byte streams on the event loop: listeners and client connections. There is no plaintext
 * variant.
 *
 * A stream is owned by the transport. It reports through `struct hin_stream_events`; every stream
 * that reported on_open, and every client connection, reports on_close exactly once, and its
 * pointer is dead when on_close returns. Callbacks come from the loop only, never inside a call
 * that the owner makes (so closing in a callback is safe).
 *
 * TLS 1.3 (RFC 8446, 4.4.4): a client is done before the server has judged its certificate. on_open
 * at a client means "the server proved itself", not "we are accepted": a refusal arrives afterwards
 * as on_close with code AUTH/EXPIRED/REVOKED. Count a client as accepted when the first byte of the
 * peer's answer has arrived.
 *
 * Memory: an idle stream holds no buffers of ours, and OpenSSL's are released
 * (SSL_MODE_RELEASE_BUFFERS). */
#ifndef HIN_IO_TRANSPORT_H
#define HIN_IO_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "crypt/link.h"
#include "io/address.h"
#include "io/loop.h"

struct hin_tls; /* crypt/tls.h; must outlive every stream made with it */
struct hin_tls_peer;
struct hin_stream;
struct hin_listener;

/* Why a stream ended. code OK: the peer closed in order (close_notify) or we did. */
struct hin_stream_end {
    enum hin_code code; /* OK, CLOSED (cut off without close_notify), TIMEOUT, AUTH, EXPIRED,
                           REVOKED, PROTOCOL, NETWORK... */
    bool opened;        /* on_open was called */
    bool by_us;         /* hin_stream_close or _abort was called first */
    char text[160];     /* for people: "the peer refused our certificate (expired)" */
};

struct hin_stream_events {
    void (*on_open)(void *context, struct hin_stream *stream);
    /* Input is there: see hin_stream_input. Called again only when more has arrived. */
    void (*on_data)(void *context, struct hin_stream *stream);
    /* Output has fallen to the low watermark after it had passed the high one. May be NULL. */
    void (*on_drain)(void *context, struct hin_stream *stream);
    /* The peer sent close_notify; what is queued can still be written (half close). NULL: closes in
     * order. */
    void (*on_eof)(void *context, struct hin_stream *stream);
    void (*on_close)(void *context, struct hin_stream *stream, const struct hin_stream_end *end);
};

struct hin_stream_limits {
    size_t input_max_bytes;  /* unconsumed input beyond this stops reading until it is consumed;
                                default 256 KiB */
    size_t output_max_bytes; /* hin_stream_write answers LIMIT beyond; default 8 MiB */
    size_t high_bytes;       /* hin_stream_is_full from here on; default 256 KiB */
    size_t low_bytes;        /* on_drain here; default 64 KiB */
    int64_t handshake_usec;  /* TCP and TLS together; default 10 s */
    int64_t idle_usec;       /* nothing read and nothing written; 0 = no limit (default) */
    int64_t stall_usec;      /* output waits and the peer takes none of it; default 30 s */
    int64_t linger_usec;     /* an orderly close waits this long for the peer; default 2 s */
};
/* The defaults above. */
struct hin_stream_limits hin_stream_limits_default(void);

/* ---- a stream ---- */

/* What has arrived and is not consumed. Valid until the next hin_stream_consume or return to the
 * loop. */
struct hin_view hin_stream_input(const struct hin_stream *stream);
void hin_stream_consume(struct hin_stream *stream, size_t count); /* clamped */
/* Back-pressure on the peer: no more is read while paused. */
void hin_stream_pause(struct hin_stream *stream, bool paused);

/* Queue bytes (copied). LIMIT: over output_max_bytes, nothing was taken. CLOSED: the stream ends
 * already. */
HIN_RESULT hin_stream_write(struct hin_stream *stream, struct hin_view bytes);
size_t hin_stream_pending_bytes(const struct hin_stream *stream);
bool hin_stream_is_full(
    const struct hin_stream *stream); /* at or over high_bytes: wait for on_drain */

/* Orderly: what is queued is written, close_notify is sent, the peer's is awaited for linger_usec.
 */
void hin_stream_close(struct hin_stream *stream);
/* At once, queued output is lost. `code` and `text` are what on_close reports. */
void hin_stream_abort(struct hin_stream *stream, enum hin_code code, const char *text);
/* As _abort, and no callback comes any more: for an owner that goes away. The pointer is dead. */
void hin_stream_drop(struct hin_stream *stream);

void hin_stream_set_context(struct hin_stream *stream, const struct hin_stream_events *events,
                            void *context);
void hin_stream_set_idle(struct hin_stream *stream, int64_t idle_usec);
/* Not read, counted or timed by the transport: a place for the owner. */
void *hin_stream_context(const struct hin_stream *stream);

const struct hin_address *hin_stream_peer(const struct hin_stream *stream);
const char *hin_stream_tls_version(const struct hin_stream *stream); /* "TLSv1.3" */
const char *hin_stream_tls_suite(const struct hin_stream *stream);   /* "TLS_AES_256_GCM_SHA384" */
bool hin_stream_tls_resumed(const struct hin_stream *stream);
/* Who the peer is, judged now: see hin_tls_peer in crypt/tls.h. */
HIN_RESULT hin_stream_tls_peer(const struct hin_stream *stream, struct hin_tls_peer *ret_peer);
/* The peer's certificate in DER, appended to buf; NOT_FOUND when it sent none. */
HIN_RESULT hin_stream_peer_certificate(const struct hin_stream *stream, struct hin_buf *buf);
/* Clients: the authority that the server's chain ended in: see hin_tls_peer_ca. */
HIN_RESULT hin_stream_peer_ca(const struct hin_stream *stream, struct hin_buf *buf);
uint64_t hin_stream_read_bytes(const struct hin_stream *stream);
uint64_t hin_stream_written_bytes(const struct hin_stream *stream);

/* ---- client ---- */

struct hin_connect_options {
    struct hin_tls *tls;
    struct hin_address address;
    const char *host; /* the name or address meant, for SNI and the check of the certificate: see
                         crypt/tls.h */
    struct hin_stream_limits limits;
};

/* Begins to connect; failures that come later are told by on_close. Sessions are resumed by
 * crypt/tls. */
HIN_RESULT hin_stream_connect(struct hin_loop *loop, const struct hin_connect_options *options,
                              const struct hin_stream_events *events, void *context,
                              struct hin_stream **ret_stream);

/* ---- server ---- */

struct hin_listener_limits {
    uint32_t connections_max; /* handshakes included; at it no more is accepted; default 16,384 */
    uint32_t
        connections_per_address_max; /* further ones are closed at once; 0 = no limit; default 0 */
    uint32_t handshakes_max;         /* at the same time; default 1,024 */
    uint32_t handshakes_per_second;  /* per address (IPv6: per /64), token bucket; 0 = no limit;
                                        default 0 */
    uint32_t handshakes_burst;       /* depth of that bucket; default twice the rate */
    struct hin_stream_limits stream;
};
struct hin_listener_limits hin_listener_limits_default(void);

/* Why handshakes failed. Names are the labels of the metrics. */
#define HIN_HANDSHAKE_REASONS(X)                                                                   \
    X(TIMEOUT, "timeout")                                                                          \
    X(CLOSED, "closed_by_peer")                                                                    \
    X(NO_CERTIFICATE, "no_certificate")                                                            \
    X(CERTIFICATE_EXPIRED, "certificate_expired")                                                  \
    X(CERTIFICATE_REVOKED, "certificate_revoked")                                                  \
    X(CERTIFICATE_UNTRUSTED, "certificate_untrusted")                                              \
    X(CERTIFICATE_OTHER, "certificate_other")                                                      \
    X(VERSION, "version")                                                                          \
    X(SUITE, "no_shared_suite")                                                                    \
    X(NOT_TLS, "not_tls")                                                                          \
    X(PEER_ALERT, "alert_from_peer")                                                               \
    X(OTHER, "other")
enum hin_handshake_reason {
#define X(name, label) HIN_HANDSHAKE_##name,
    HIN_HANDSHAKE_REASONS(X)
#undef X
        HIN_HANDSHAKE_REASON_COUNT
};
const char *hin_handshake_reason_name(enum hin_handshake_reason reason);

struct hin_listener_stats {
    uint64_t accepted;              /* TCP */
    uint64_t handshakes;            /* TLS done */
    uint64_t resumed;               /* of these */
    struct hin_tls_tally tls;       /* what they negotiated */
    uint64_t refused_address_count; /* too many of one address */
    uint64_t refused_address_rate;  /* too fast from one address */
    uint64_t failed[HIN_HANDSHAKE_REASON_COUNT];
    uint32_t open; /* now, handshakes included */
    uint32_t handshaking;
};

struct hin_listener_options {
    struct hin_tls *tls;
    struct hin_listener_limits limits;
    const struct hin_stream_events
        *events;   /* of every accepted stream; must outlive the listener */
    void *context; /* what they get until hin_stream_set_context */
    /* A handshake failed or a connection was refused, for the audit record; may be NULL. Rate-limit
     * what you do. */
    void (*on_refused)(void *context, const struct hin_address *peer,
                       enum hin_handshake_reason reason, const char *text);
};

/* Accepts from fd, a listening non-blocking socket that stays the caller's and may be shared by
 * several processes. hin_listener_free stops accepting and drops every stream still open, without
 * callbacks. */
HIN_RESULT hin_listener_new(struct hin_loop *loop, int fd,
                            const struct hin_listener_options *options,
                            struct hin_listener **ret_listener);
void hin_listener_free(struct hin_listener *listener);
/* Certificates changed: connections from now on use `tls`; the old one is needed as long as its
 * streams. */
void hin_listener_set_tls(struct hin_listener *listener, struct hin_tls *tls);
/* Stop accepting (drain before exit), or go on. */
void hin_listener_pause(struct hin_listener *listener, bool paused);
const struct hin_listener_stats *hin_listener_stats(const struct hin_listener *listener);

#endif
