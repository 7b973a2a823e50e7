/* One log line to its header and the rest, as OSSEC's pre-decoding does (RFC 3164, ISO 8601 and RFC
 * 3339, RFC 5424, Apple's ASL, xferlog and the stamps of Apache, nginx, squid, snort, suricata,
 * IIS, proftpd and others).
 *
 * Pure: no clock, no zone data but the arguments. Every view of the answer points into the line.
 * Any bytes are fine: what has no known header keeps everything as `log`, with empty host and
 * program. A line over HIN_PREDECODE_LINE_MAX is looked at up to there and marked `cut`. A trailing
 * CR or LF is not part of it. */
#ifndef HIN_DECODE_LOG_PREDECODE_H
#define HIN_DECODE_LOG_PREDECODE_H

#include "base/result.h"
#include "base/view.h"
#include "decode/log/zone.h"

#define HIN_PREDECODE_LINE_MAX 65536

enum hin_log_format {
    HIN_LOG_PLAIN,        /* no known header */
    HIN_LOG_RFC3164,      /* "Mon dd hh:mm:ss [host] [program[pid]:] ..." */
    HIN_LOG_ISO,          /* "2014-05-23T10:25:58.681222-04:00 host program: ..." */
    HIN_LOG_RFC5424,      /* "<34>1 2003-10-11T22:14:15.003Z host app procid msgid [sd] msg" */
    HIN_LOG_PROFTPD,      /* "2015-04-16 21:51:02,805 host proftpd[26189] ..." */
    HIN_LOG_DATETIME,     /* "yyyy-mm-dd hh:mm:ss ...": IIS, exim */
    HIN_LOG_XFERLOG,      /* "Mon Apr 17 18:27:14 2006 1 64.160.42.130 ..." */
    HIN_LOG_SNORT,        /* "01/28-09:13:16.240702  [**] ..." */
    HIN_LOG_SURICATA,     /* "01/28/1979-09:13:16.240702  [**] ..." */
    HIN_LOG_APACHE_ERROR, /* "[Fri Feb 11 18:06:35 2004] [warn] ..." and Apache 2.4's with fractions
                           */
    HIN_LOG_NGINX,        /* "2012/01/10 14:00:20 [error] ..." */
    HIN_LOG_SQUID,        /* "1140701044.525   1231 192.168.1.201 ..." */
    HIN_LOG_ASL, /* "[Time 2006.11.02 14:02:11 UTC] [Facility auth] [Sender sshd] ... [Message ...]"
                  */
    HIN_LOG_ACCESS, /* "1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] ...": only the time is taken */
    HIN_LOG_FORMAT_COUNT
};

const char *hin_log_format_name(enum hin_log_format format); /* "rfc3164" */

struct hin_predecode_context {
    int64_t now_usec; /* UTC: for a missing year; 0 means unknown (then the stamp gives no time) */
    const struct hin_zone *zone; /* for stamps without an offset; NULL means UTC */
};

struct hin_predecoded {
    struct hin_view line;            /* without line end, cut at the limit */
    struct hin_view log;             /* what decoders and rules see */
    struct hin_view host;            /* data NULL: none */
    struct hin_view program;         /* data NULL: none (an empty name is one that is there) */
    struct hin_view pid;             /* digits in the brackets, or empty. Ours: OSSEC drops it */
    struct hin_view stamp;           /* as it stands, without brackets; empty: none. Ours */
    struct hin_view structured_data; /* RFC 5424, with brackets; empty when "-" */
    int64_t time_usec;               /* of the stamp, UTC; valid with has_time */
    bool has_time;
    bool has_priority;
    bool cut;         /* the line was longer than the limit */
    uint8_t priority; /* PRI, with has_priority */
    /* "last message repeated N times" and "message repeated N times: [ TEXT]": N, else 0. The
       second one's `log` is the text between the brackets, and `repeats_log` says so. */
    uint32_t repeat_count;
    bool repeats_log;
    enum hin_log_format format;
};

/* Never fails. context may be NULL (no year inference, UTC). */
void hin_predecode(struct hin_view line, const struct hin_predecode_context *context,
                   struct hin_predecoded *ret_line);

/* The year that a stamp without one most likely has: the newest date not later than now + 1 day;
 * for 29 February the newest leap year for which that holds. INVALID when the date exists in no
 * such year. Writes local->year. */
HIN_RESULT hin_predecode_infer_year(const struct hin_predecode_context *context,
                                    struct hin_civil *local);

#endif
