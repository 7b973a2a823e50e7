/* Shared by http_server.c (connections, framing, limits) and http_reply.c (answers). */
#ifndef HIN_IO_HTTP_SERVER_INTERNAL_H
#define HIN_IO_HTTP_SERVER_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "io/http_server.h"
#include "io/limiter_internal.h"

enum connection_state {
    CONNECTION_IDLE, /* between requests */
    CONNECTION_HEAD, /* part of a head has arrived */
    CONNECTION_BODY,
    CONNECTION_ANSWER, /* the handler has it */
    CONNECTION_CLOSING,
};

enum exchange_state { EXCHANGE_NEW, EXCHANGE_STREAMING, EXCHANGE_DONE };

struct hin_http_exchange {
    struct connection *connection;
    enum exchange_state state;
    struct hin_http_request request;
    struct hin_http_head head;
    struct hin_buf head_bytes; /* the request's views point into it */
    struct hin_buf path;
    struct hin_buf body;
    struct hin_arena arena; /* decoded parameters */
    struct hin_buf headers; /* of the answer, as lines */
    uint32_t replaced;      /* defaults that the handler set itself, by their place in the table */
    const struct hin_http_stream_events *events;
    void *events_context;
    void *context;
};

struct connection {
    struct hin_http_server *server;
    struct connection *previous;
    struct connection *next;
    struct hin_stream *stream;
    struct hin_timer *timer;
    enum connection_state state;
    size_t scanned;
    size_t body_max_bytes;
    size_t body_counted_bytes; /* this connection's part of the server's total */
    struct hin_http_chunks chunks;
    struct hin_http_exchange *exchange; /* NULL: none */
    uint32_t requests;
    bool keep_alive;
    bool in_step;
};

struct hin_http_server {
    struct hin_loop *loop;
    struct hin_http_server_options options;
    struct hin_http_server_stats stats;
    struct hin_listener *listener;
    struct connection *connections;
    struct limiter rate;
    size_t body_total_bytes;
    bool draining;
};

/* The answer is complete: the exchange goes, the next request may come. */
void connection_answered(struct connection *connection);
/* Answer by the server itself, then close. */
void connection_refuse(struct connection *connection, unsigned status, const char *text);
/* A head of an answer with the default headers. length < 0: chunked. */
HIN_RESULT reply_head(struct connection *connection, struct hin_http_exchange *exchange,
                      unsigned status, const char *content_type, int64_t length, bool close,
                      struct hin_buf *out);
/* {"message": text} */
HIN_RESULT reply_message_body(const char *text, struct hin_buf *out);

#endif
