/* The HTTPS server: HTTP/1.1 with keep-alive on TLS streams, one handler, limits of its own.
 *
 * For each request the handler gets an exchange and answers it once: at once or later, whole
 * (hin_http_reply) or as a stream (hin_http_reply_begin, _write ..., _end). The exchange belongs to
 * the server; it is dead after the answer has been given whole, after _end, or when on_gone has
 * been called. The request's views live until the answer is given (for streams: until _begin
 * returns).
 *
 * Answered without the handler: 400, 405, 408, 413, 414, 417, 429, 431, 501, 503, 505, all as JSON
 * {"message": ...}. Every answer carries Cache-Control: no-store, X-Content-Type-Options,
 * Referrer-Policy, X-Frame-Options and a closed Content-Security-Policy, unless the handler sets
 * its own; none names the server. */
#ifndef HIN_IO_HTTP_SERVER_H
#define HIN_IO_HTTP_SERVER_H

#include "base/result.h"
#include "base/view.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/transport.h"

struct hin_http_server;
struct hin_http_exchange;

struct hin_http_request {
    enum hin_http_method method;
    struct hin_view path;  /* decoded and clean: see hin_url_decode_path */
    struct hin_view query; /* raw */
    const struct hin_http_head *head;
    struct hin_view body;
    struct hin_stream
        *stream; /* peer address and TLS facts: hin_stream_peer, hin_stream_tls_version, ... */
};

struct hin_http_server_options {
    struct hin_tls *tls;
    struct hin_listener_limits listener; /* connections_per_address_max: default 256 here */
    size_t head_max_bytes;               /* 431 (the request line: 414); default 16 KiB */
    size_t body_max_bytes;               /* 413; default 1 MiB; admit may change it for a request */
    size_t body_total_max_bytes;         /* over all connections, 503; default 128 MiB */
    int64_t
        head_usec; /* from the first byte of a request to the end of its head, 408; default 10 s */
    int64_t body_usec;                /* whole body, 408; default 60 s */
    int64_t idle_usec;                /* between requests; default 75 s */
    uint32_t requests_per_connection; /* then it is closed; default 10,000 */
    uint32_t requests_per_second;     /* per address (IPv6: /64), 429 with Retry-After; 0 = no limit
                                         (default) */
    uint32_t requests_burst;          /* default twice the rate */
    bool hsts;                        /* send Strict-Transport-Security; not for localhost */

    /* The head has arrived, the body has not: refuse early by answering (hin_http_reply), or change
     * *body_max_bytes. May be NULL. */
    void (*admit)(void *context, struct hin_http_exchange *exchange, size_t *body_max_bytes);
    void (*handle)(void *context, struct hin_http_exchange *exchange);
    void (*on_refused)(void *context, const struct hin_address *peer,
                       enum hin_handshake_reason reason,
                       const char *text); /* see transport.h; may be NULL */
    void *context;
};
struct hin_http_server_options hin_http_server_options_default(void);

struct hin_http_server_stats {
    uint64_t requests;       /* that reached the handler */
    uint64_t refused[600];   /* answered by the server itself, by status */
    uint64_t cut_off;        /* the peer went away before the answer was complete */
    uint64_t open_exchanges; /* now */
};

/* fd: listening, the caller's, may be shared by several processes. _free drops all connections
 * without callbacks. */
HIN_RESULT hin_http_server_new(struct hin_loop *loop, int fd,
                               const struct hin_http_server_options *options,
                               struct hin_http_server **ret_server);
void hin_http_server_free(struct hin_http_server *server);
/* No new connections or requests; open exchanges may finish. */
void hin_http_server_drain(struct hin_http_server *server);
void hin_http_server_set_tls(struct hin_http_server *server, struct hin_tls *tls);
const struct hin_http_server_stats *hin_http_server_stats(const struct hin_http_server *server);
const struct hin_listener_stats *
hin_http_server_listener_stats(const struct hin_http_server *server);

/* ---- request ---- */
const struct hin_http_request *hin_http_exchange_request(const struct hin_http_exchange *exchange);
/* A header's value, case-insensitive; false when absent. */
bool hin_http_request_header(const struct hin_http_exchange *exchange, const char *name,
                             struct hin_view *ret_value);
/* A query parameter, decoded; a name given twice answers INVALID, absent NOT_FOUND. Valid as long
 * as the request. */
HIN_RESULT hin_http_request_param(struct hin_http_exchange *exchange, const char *name,
                                  struct hin_view *ret_value);
/* A place for the handler's own state of a long answer. */
void hin_http_exchange_set_context(struct hin_http_exchange *exchange, void *context);
void *hin_http_exchange_context(const struct hin_http_exchange *exchange);

/* ---- answer ---- */
/* A further header, before the answer; replaces a default of the same name. INVALID: not a header.
 */
HIN_RESULT hin_http_reply_header(struct hin_http_exchange *exchange, const char *name,
                                 const char *value);
/* The whole answer. content_type NULL with an empty body: none. The exchange is dead afterwards,
 * also on failure. For HEAD the body is not sent but its length is. */
HIN_RESULT hin_http_reply(struct hin_http_exchange *exchange, unsigned status,
                          const char *content_type, struct hin_view body);
/* {"message": text} with this status. */
HIN_RESULT hin_http_reply_message(struct hin_http_exchange *exchange, unsigned status,
                                  const char *text);

/* Streamed answer (chunked). on_drain: room again after _is_full; on_gone: the peer is gone or the
 * server ends, the exchange is dead when it returns. Either may be NULL. */
struct hin_http_stream_events {
    void (*on_drain)(void *context, struct hin_http_exchange *exchange);
    void (*on_gone)(void *context, struct hin_http_exchange *exchange);
};
/* Also for a handler that answers later: hear of a peer that goes away meanwhile. */
void hin_http_exchange_watch(struct hin_http_exchange *exchange,
                             const struct hin_http_stream_events *events, void *context);
HIN_RESULT hin_http_reply_begin(struct hin_http_exchange *exchange, unsigned status,
                                const char *content_type);
/* LIMIT: the peer reads too slowly, nothing was taken. CLOSED: gone (on_gone follows). */
HIN_RESULT hin_http_reply_write(struct hin_http_exchange *exchange, struct hin_view bytes);
bool hin_http_reply_is_full(const struct hin_http_exchange *exchange);
/* One server-sent event; begin with content type "text/event-stream". */
HIN_RESULT hin_http_reply_event(struct hin_http_exchange *exchange, struct hin_view id,
                                struct hin_view type, struct hin_view data);
HIN_RESULT hin_http_reply_end(struct hin_http_exchange *exchange);
/* Cut the connection: for an answer that cannot be completed after _begin. */
void hin_http_reply_abort(struct hin_http_exchange *exchange);

#endif
