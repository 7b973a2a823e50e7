/* What the names of log formats mean: `format` of a log location in a policy, and of `hinomi log
 * test`. Three things can differ: how lines become records, what rules see of a record, and the
 * fields it brings along. Pure. */
#ifndef HIN_DECODE_LOG_FRAMING_H
#define HIN_DECODE_LOG_FRAMING_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "decode/log/multiline.h"

/* As a list of choices; ":N" stands for a number of lines, 1..HIN_MULTILINE_COUNT_MAX. */
#define HIN_FRAMING_NAMES                                                                          \
    "syslog|snort-full|snort-fast|apache|iis|squid|nmapg|mysql-log|postgresql-log|dbj-multilog|"   \
    "eventlog|single-line-text-log|multi-line:N|json"

enum hin_framing_kind {
    HIN_FRAMING_LINES,      /* each line by itself; also a format without a name */
    HIN_FRAMING_SNORT_FULL, /* blocks that begin with "[**] [" */
    HIN_FRAMING_MYSQL,      /* lines without a stamp continue; rules see "MySQL log: " before */
    HIN_FRAMING_POSTGRESQL, /* lines without a stamp or severity, and indented ones, continue */
    HIN_FRAMING_COUNT,      /* so many lines are a record */
    HIN_FRAMING_JSON,       /* each line an object, whose members are fields */
};

struct hin_framing {
    enum hin_framing_kind kind;
    uint32_t line_count; /* of kind COUNT */
};

/* INVALID for a name that is none. Empty is LINES. */
HIN_RESULT hin_framing_parse(struct hin_view name, struct hin_framing *ret_format);
/* false when each line is a record. */
bool hin_framing_joins(const struct hin_framing *format, struct hin_multiline_options *ret_options);
/* What rules see of a record: `record` itself, or a text made in `scratch`, which must have room
 * for 64 bytes more than the record. */
HIN_RESULT hin_framing_text(const struct hin_framing *format, struct hin_view record,
                            struct hin_buf *scratch, struct hin_view *ret_text);

#endif
