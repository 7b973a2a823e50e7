/* Time: one unit, microseconds. Wall time counts from 1970-01-01T00:00:00Z and may jump; monotonic
 * time does not. Everything that runs by schedule takes its clock as an argument, so that a year
 * can be lived through in a test. */
#ifndef HIN_BASE_TIME_H
#define HIN_BASE_TIME_H

#include <stdint.h>

#include "base/result.h"
#include "base/view.h"

#define HIN_MSEC_USEC   INT64_C(1000)
#define HIN_SEC_USEC    INT64_C(1000000)
#define HIN_MINUTE_USEC (60 * HIN_SEC_USEC)
#define HIN_HOUR_USEC   (60 * HIN_MINUTE_USEC)
#define HIN_DAY_USEC    (24 * HIN_HOUR_USEC)

struct hin_clock {
    int64_t (*wall_usec)(void *context);
    int64_t (*monotonic_usec)(void *context);
    void *context;
};

/* The machine's clocks. Static, never freed. */
const struct hin_clock *hin_clock_system(void);

static inline int64_t hin_clock_wall_usec(const struct hin_clock *clock)
{
    return clock->wall_usec(clock->context);
}

static inline int64_t hin_clock_monotonic_usec(const struct hin_clock *clock)
{
    return clock->monotonic_usec(clock->context);
}

struct hin_civil { /* a date and time of day without a zone */
    int32_t year;
    uint8_t month;  /* 1..12 */
    uint8_t day;    /* 1..31 */
    uint8_t hour;   /* 0..23 */
    uint8_t minute; /* 0..59 */
    uint8_t second; /* 0..60 (a leap second reads as the next second) */
    uint32_t usec;
};

/* Proleptic Gregorian, UTC. from_civil answers INVALID for a date that does not exist. */
HIN_RESULT hin_time_from_civil(const struct hin_civil *civil, int64_t *ret_usec);
void hin_time_to_civil(int64_t usec, struct hin_civil *ret_civil);
uint8_t hin_time_weekday(int64_t usec); /* 0 = Sunday */

/* "2026-11-22T22:24:46.123456Z" into out (at least 32 bytes); digits of fraction: 0, 3 or 6. */
void hin_time_format_rfc3339(int64_t usec, unsigned fraction_digits, char *out, size_t out_bytes);
/* RFC 3339 (zone required, any number of fraction digits). SYNTAX / INVALID. */
HIN_RESULT hin_time_parse_rfc3339(struct hin_view text, int64_t *ret_usec);
/* "90s", "15m", "1h", "7d", "2w", bare number = seconds. */
HIN_RESULT hin_time_parse_duration(struct hin_view text, int64_t *ret_usec);

#endif
