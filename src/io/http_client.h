/* The HTTPS client, synchronous: for the CLI and for jobs that may block. One connection is kept
 * alive per client and reused for the same origin. Not thread-safe. Redirects are not followed. */
#ifndef HIN_IO_HTTP_CLIENT_H
#define HIN_IO_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "io/http.h"
#include "io/url.h"

struct hin_tls;
struct hin_http_client;

struct hin_http_client_options {
    struct hin_tls *tls;      /* trust anchors, pins and client certificate are its business */
    int64_t connect_usec;     /* TCP and TLS; default 10 s */
    int64_t answer_usec;      /* whole answer; default 60 s */
    int64_t silence_usec;     /* in place of answer_usec: how long nothing may move in either
                                 direction, however long it takes in all; at most twice that passes.
                                 0 (default): not so */
    int64_t stream_idle_usec; /* streams: silence after which the connection counts as lost; default
                                 90 s */
    size_t head_max_bytes;    /* default 64 KiB */
    size_t body_max_bytes;    /* LIMIT beyond; default 64 MiB */
    size_t event_max_bytes;   /* one server-sent event; default 4 MiB */
    const char *peer_name;    /* for messages: "manager"; default "server" */
};
struct hin_http_client_options hin_http_client_options_default(void);

HIN_RESULT hin_http_client_new(const struct hin_http_client_options *options,
                               struct hin_http_client **ret_client);
void hin_http_client_free(struct hin_http_client *client);
/* Ends a call that blocks now, which answers CONFLICT with text "interrupted". Safe in a signal
 * handler. */
void hin_http_client_interrupt(struct hin_http_client *client);

struct hin_http_client_header {
    const char *name;
    const char *value;
};

struct hin_http_call {
    enum hin_http_method method;
    const char *url;
    const struct hin_http_client_header *headers;
    size_t header_count;
    struct hin_view body;
    const char *content_type; /* of body, or NULL */
};

struct hin_http_answer {
    struct hin_http_head head; /* views into head_bytes */
    struct hin_buf head_bytes;
    struct hin_buf body;
};
void hin_http_answer_done(struct hin_http_answer *answer); /* fine on a zeroed one */

/* One request. Any status is success; look at answer->head.status. *answer is zeroed or used before
 * (it is cleared). A kept-alive connection that turns out dead before the first byte of the answer
 * is replaced once, for every method, only when the request cannot have been acted on or the method
 * is idempotent (RFC 9110, 9.2.2). `error` says what to do: "connection refused by 127.0.0.1:4119:
 * is the manager running?". */
HIN_RESULT hin_http_client_call(struct hin_http_client *client, const struct hin_http_call *call,
                                struct hin_http_answer *answer, struct hin_error *error);

struct hin_http_follow {
    struct hin_http_call call;
    struct hin_view last_event_id; /* where to resume, or empty */
    /* For each event; false ends the call with OK. */
    bool (*on_event)(void *context, const struct hin_http_event *event);
    /* Before each try to connect again; false ends the call with the failure. NULL: for ever. */
    bool (*on_retry)(void *context, const struct hin_error *error, unsigned attempt,
                     int64_t wait_usec);
    void *context;
};

/* Server-sent events: blocks, resumes by Last-Event-ID with growing pauses (1 s, or the server's
 * `retry:`, up to 30 s, with jitter). An answer other than 200 text/event-stream ends it: 204 as
 * OK, others with the server's words in error (5xx and 429 are retried). */
HIN_RESULT hin_http_client_follow(struct hin_http_client *client,
                                  const struct hin_http_follow *follow, struct hin_error *error);

#endif
