/* Joins physical lines to records: by leading white space, by a start test of the caller's (a
 * pattern), or N at a time as OSSEC's log_format "multi-line:N" does (joined by one space). Bounded
 * at HIN_MULTILINE_MAX_BYTES: the rest of a longer record is dropped and it is marked cut. Pure:
 * the time is an argument. */
#ifndef HIN_DECODE_LOG_MULTILINE_H
#define HIN_DECODE_LOG_MULTILINE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_MULTILINE_MAX_BYTES    65536
#define HIN_MULTILINE_COUNT_MAX    1024
#define HIN_MULTILINE_TIMEOUT_USEC INT64_C(1000000)

enum hin_multiline_mode {
    HIN_MULTILINE_INDENT, /* a line that begins with space or tab continues the record */
    HIN_MULTILINE_START,  /* a line for which `starts` answers true begins a new record */
    HIN_MULTILINE_COUNT,  /* every `count` lines are a record */
};

struct hin_multiline_options {
    enum hin_multiline_mode mode;
    uint32_t count; /* mode COUNT: 1..HIN_MULTILINE_COUNT_MAX */
    bool (*starts)(void *context, struct hin_view line); /* mode START */
    void *context;
    char separator;       /* between joined lines; 0 means a space */
    int64_t timeout_usec; /* an unfinished record this old is given out; 0 means 1 s */
};

struct hin_multiline {
    struct hin_multiline_options options;
    struct hin_buf open;  /* the record being joined */
    struct hin_buf ready; /* the finished one, borrowed by the caller */
    int64_t opened_usec;
    uint32_t line_count; /* in `open` */
    bool cut;            /* `open` lost bytes */
};

struct hin_multiline_record {
    struct hin_view text; /* valid until the next call */
    uint32_t line_count;
    bool cut;
};

/* INVALID for options out of range. */
HIN_RESULT hin_multiline_init(struct hin_multiline *joiner,
                              const struct hin_multiline_options *options);
void hin_multiline_done(struct hin_multiline *joiner);
/* Would this line begin a new record? Never, in mode COUNT. */
bool hin_multiline_begins(const struct hin_multiline *joiner, struct hin_view line);
/* One physical line, without its line end. *ret_ready: a record was finished and stands in
 * *ret_record (it may be the one before this line). At most one a call. */
HIN_RESULT hin_multiline_add(struct hin_multiline *joiner, struct hin_view line, int64_t now_usec,
                             bool *ret_ready, struct hin_multiline_record *ret_record);
/* Call at times, and at the end with force: gives out the unfinished record when it is due. */
HIN_RESULT hin_multiline_flush(struct hin_multiline *joiner, int64_t now_usec, bool force,
                               bool *ret_ready, struct hin_multiline_record *ret_record);

#endif
