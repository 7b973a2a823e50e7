/* The stamps that lines begin with, as a table. Inside decode/log only. */
#ifndef HIN_DECODE_LOG_STAMP_H
#define HIN_DECODE_LOG_STAMP_H

#include "decode/log/predecode.h"

enum hin_stamp_zone {
    HIN_STAMP_LOCAL,  /* the context's zone */
    HIN_STAMP_UTC,    /* says so, or is by definition */
    HIN_STAMP_OFFSET, /* an offset or Z follows the seconds and their fraction */
};

#define HIN_STAMP_NONE 255

struct hin_stamp_sign {
    uint8_t at;
    char byte;
};

struct hin_stamp {
    enum hin_log_format format;
    uint8_t size_min; /* of the whole line */
    bool digit_first;
    bool fraction_sign;              /* `.` or `,` at 19 */
    bool header;                     /* host and program follow */
    uint8_t log_at;                  /* where what follows begins; 0: the stamp stays in the log */
    uint8_t year, month, day, clock; /* offsets; year HIN_STAMP_NONE: there is none */
    bool month_name;
    enum hin_stamp_zone zone;
    struct hin_stamp_sign signs[9]; /* up to the first with byte 0 */
};

/* The first that fits the line, or NULL. */
const struct hin_stamp *hin_stamp_find(struct hin_view line);
/* The moment it names, UTC. INVALID when the digits are none or the date does not exist. */
HIN_RESULT hin_stamp_time(const struct hin_stamp *stamp, struct hin_view line,
                          const struct hin_predecode_context *context, int64_t *ret_usec);
/* RFC 3339 in front of the line: its length (without the blank behind it) and its moment. Z or
 * offset required. */
HIN_RESULT hin_stamp_rfc3339(struct hin_view line, size_t *ret_size, int64_t *ret_usec);
/* "10/Oct/2000:13:55:36 -0700" */
HIN_RESULT hin_stamp_access(struct hin_view text, int64_t *ret_usec);

#endif
