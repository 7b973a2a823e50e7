/* HTTP/1.1 messages (RFC 9110, RFC 9112): the pure part that server and client share. No I/O.
 *
 * Written by hand, since libevent's evhttp 2.1.12 accepts bare LF, folded headers and duplicate
 * Content-Length, and has one time-out for everything. This reader accepts only what has one
 * meaning: CRLF line ends, no folding, no space before the colon, one Content-Length or one
 * "Transfer-Encoding: chunked", never both, no control characters. */
#ifndef HIN_IO_HTTP_H
#define HIN_IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_HTTP_METHODS(X) X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(OPTIONS)
enum hin_http_method {
#define X(name) HIN_HTTP_##name,
    HIN_HTTP_METHODS(X)
#undef X
        HIN_HTTP_METHOD_COUNT
};
const char *hin_http_method_name(enum hin_http_method method);
const char *hin_http_status_text(unsigned status); /* "Not Found"; "Unknown" */

#define HIN_HTTP_HEADERS_MAX 64

struct hin_http_header {
    struct hin_view name;
    struct hin_view value; /* without white space around it */
};

struct hin_http_head {
    enum hin_http_method method; /* requests */
    struct hin_view target;      /* requests: raw, "/api/events?x=1" */
    unsigned status;             /* responses */
    uint8_t minor_version;       /* HTTP/1.x */
    struct hin_http_header headers[HIN_HTTP_HEADERS_MAX];
    size_t header_count;
    bool chunked;
    bool has_length;
    uint64_t length;      /* Content-Length */
    bool keep_alive;      /* by version and Connection */
    bool expect_continue; /* requests */
};

/* The value of a header, case-insensitive; false when absent. */
bool hin_http_header_find(const struct hin_http_head *head, const char *name,
                          struct hin_view *ret_value);

/* A message head that was refused: the status to answer with (400, 405, 414, 417, 431, 501, 505)
 * and why. */
struct hin_http_refusal {
    unsigned status;
    const char *text; /* static */
};

/* Find the end of the head (after the empty line) in what has arrived. *scanned keeps what was
 * looked at already, 0 at first. AGAIN: not whole yet; LIMIT: longer than max_bytes; SYNTAX: a line
 * end that is not CRLF, or a control character. */
HIN_RESULT hin_http_head_find(struct hin_view input, size_t max_bytes, size_t *scanned,
                              size_t *ret_head_bytes);
/* Parse a whole head. Views point into it. SYNTAX: see *ret_refusal. */
HIN_RESULT hin_http_parse_request(struct hin_view bytes, struct hin_http_head *ret_head,
                                  struct hin_http_refusal *ret_refusal);
HIN_RESULT hin_http_parse_response(struct hin_view bytes, struct hin_http_head *ret_head,
                                   struct hin_http_refusal *ret_refusal);

/* Chunked bodies, incremental. Feed what has arrived; decoded bytes are appended to body. *ret_used
 * bytes were taken. OK: the body is whole (trailers were read and dropped); AGAIN: more is needed;
 * SYNTAX; LIMIT: body's maximum. */
struct hin_http_chunks {
    uint8_t state;
    uint8_t digits;
    uint64_t left;
    uint32_t trailer_bytes;
};
HIN_RESULT hin_http_chunks_feed(struct hin_http_chunks *chunks, struct hin_view input,
                                struct hin_buf *body, size_t *ret_used);

/* Server-sent events (WHATWG HTML, 9.2), incremental: the reader. */
struct hin_http_event {
    struct hin_view id;   /* last id seen */
    struct hin_view type; /* "message" when not given */
    struct hin_view data; /* lines joined by LF */
};
struct hin_sse_reader {
    struct hin_buf line;
    struct hin_buf data;
    struct hin_buf type;
    struct hin_buf id;
    int64_t retry_usec; /* -1: not given */
    bool has_data;
    bool after_cr;
    bool started;
};
void hin_sse_init(struct hin_sse_reader *reader, size_t event_max_bytes);
void hin_sse_done(struct hin_sse_reader *reader);
/* Calls `call` for each whole event; false from it ends the feed with OK. LIMIT: an event over its
 * maximum. */
HIN_RESULT hin_sse_feed(struct hin_sse_reader *reader, struct hin_view input,
                        bool (*call)(void *context, const struct hin_http_event *event),
                        void *context);
/* The writer: one event appended to buf. id and type may be empty; INVALID when they hold CR, LF or
 * NUL. Data is split at line ends. */
HIN_RESULT hin_sse_write(struct hin_buf *buf, struct hin_view id, struct hin_view type,
                         struct hin_view data);

#endif
