#include "decode/log/stamp.h"

#include "base/bytes.h"

#define NONE HIN_STAMP_NONE
#define ISO_SIGNS                                                                                  \
    {4, '-'}, {7, '-'}, {10, 'T'}, {13, ':'},                                                      \
    {                                                                                              \
        16, ':'                                                                                    \
    }
#define ISO_DATE .year = 0, .month = 5, .day = 8, .clock = 11
#define ISO_FRACTION(colon_at)                                                                     \
    {                                                                                              \
        .format = HIN_LOG_ISO, .size_min = 33, .fraction_sign = true, .header = true,              \
        .log_at = (colon_at) + 3, ISO_DATE, .zone = HIN_STAMP_OFFSET,                              \
        .signs = {ISO_SIGNS, {(colon_at), ':'}},                                                   \
    }

/* In the order in which OSSEC's pre-decoding tries them; it looks at the signs only, and so does
 * this. Those that it does not know follow at the end: they give a time and leave the log as it is.
 */
static const struct hin_stamp stamps[] = {
    /* Dec 29 10:00:01 */
    {.format = HIN_LOG_RFC3164,
     .size_min = 17,
     .header = true,
     .log_at = 16,
     .year = NONE,
     .month = 0,
     .day = 4,
     .clock = 7,
     .month_name = true,
     .signs = {{3, ' '}, {6, ' '}, {9, ':'}, {12, ':'}, {15, ' '}}},
    /* 2015-04-16 21:51:02,805 */
    {.format = HIN_LOG_PROFTPD,
     .size_min = 24,
     .header = true,
     .log_at = 23,
     ISO_DATE,
     .signs = {{4, '-'}, {7, '-'}, {10, ' '}, {13, ':'}, {16, ':'}, {19, ','}}},
    /* 2007-06-14T15:48:55-04:00 */
    {.format = HIN_LOG_ISO,
     .size_min = 33,
     .header = true,
     .log_at = 26,
     ISO_DATE,
     .zone = HIN_STAMP_OFFSET,
     .signs = {ISO_SIGNS, {22, ':'}, {25, ' '}}},
    /* 2009-05-22T09:36:46.214994-07:00, one to six digits of fraction */
    ISO_FRACTION(24),
    ISO_FRACTION(25),
    ISO_FRACTION(26),
    ISO_FRACTION(27),
    ISO_FRACTION(28),
    ISO_FRACTION(29),
    /* 2015 Dec 29 10:00:01 */
    {.format = HIN_LOG_RFC3164,
     .size_min = 21,
     .digit_first = true,
     .header = true,
     .log_at = 21,
     .year = 0,
     .month = 5,
     .day = 9,
     .clock = 12,
     .month_name = true,
     .signs = {{4, ' '}, {8, ' '}, {11, ' '}, {14, ':'}, {17, ':'}, {20, ' '}}},
    /* 2019:11:06-00:08:03 */
    {.format = HIN_LOG_DATETIME,
     .size_min = 20,
     .digit_first = true,
     .header = true,
     .log_at = 20,
     ISO_DATE,
     .signs = {{4, ':'}, {7, ':'}, {10, '-'}, {13, ':'}, {16, ':'}}},
    /* Mon Apr 17 18:27:14 2006 1 64.160.42.130 */
    {.format = HIN_LOG_XFERLOG,
     .size_min = 28,
     .log_at = 24,
     .year = 20,
     .month = 4,
     .day = 8,
     .clock = 11,
     .month_name = true,
     .signs =
         {{3, ' '}, {7, ' '}, {10, ' '}, {13, ':'}, {16, ':'}, {19, ' '}, {24, ' '}, {26, ' '}}},
    /* 01/28-09:13:16.240702  [**] */
    {.format = HIN_LOG_SNORT,
     .size_min = 24,
     .log_at = 23,
     .year = NONE,
     .month = 0,
     .day = 3,
     .clock = 6,
     .signs = {{2, '/'}, {5, '-'}, {8, ':'}, {11, ':'}, {14, '.'}, {21, ' '}}},
    /* 01/28/1979-09:13:16.240702  [**] */
    {.format = HIN_LOG_SURICATA,
     .size_min = 26,
     .log_at = 28,
     .year = 6,
     .month = 0,
     .day = 3,
     .clock = 11,
     .signs = {{2, '/'}, {5, '/'}, {10, '-'}, {13, ':'}, {16, ':'}, {19, '.'}, {26, ' '}}},
    /* [Fri Feb 11 18:06:35 2004] [warn] */
    {.format = HIN_LOG_APACHE_ERROR,
     .size_min = 27,
     .log_at = 27,
     .year = 21,
     .month = 5,
     .day = 9,
     .clock = 12,
     .month_name = true,
     .signs =
         {{0, '['}, {4, ' '}, {8, ' '}, {11, ' '}, {14, ':'}, {17, ':'}, {20, ' '}, {25, ']'}}},
    /* [Time 2006.12.28 15:53:55 UTC] [Facility auth] ... */
    {.format = HIN_LOG_ASL,
     .size_min = 26,
     .log_at = 25,
     .year = 6,
     .month = 11,
     .day = 14,
     .clock = 17,
     .zone = HIN_STAMP_UTC,
     .signs = {{0, '['}, {1, 'T'}, {5, ' '}, {10, '.'}, {13, '.'}, {16, ' '}, {19, ':'}}},
    /* [Tue Sep 30 11:30:13.262255 2014] [core:error] */
    {.format = HIN_LOG_APACHE_ERROR,
     .size_min = 33,
     .year = 28,
     .month = 5,
     .day = 9,
     .clock = 12,
     .month_name = true,
     .signs = {{0, '['},
               {4, ' '},
               {8, ' '},
               {11, ' '},
               {14, ':'},
               {17, ':'},
               {20, '.'},
               {27, ' '},
               {32, ']'}}},
    /* Wed Jul 27 18:32:27 2016 [pid 2] CONNECT */
    {.format = HIN_LOG_DATETIME,
     .size_min = 24,
     .year = 20,
     .month = 4,
     .day = 8,
     .clock = 11,
     .month_name = true,
     .signs = {{3, ' '}, {7, ' '}, {10, ' '}, {13, ':'}, {16, ':'}, {19, ' '}}},
    /* 2012/01/10 14:00:20 [error] */
    {.format = HIN_LOG_NGINX,
     .size_min = 19,
     .digit_first = true,
     ISO_DATE,
     .signs = {{4, '/'}, {7, '/'}, {10, ' '}, {13, ':'}, {16, ':'}}},
    /* 2014-12-20 21:34:37 */
    {.format = HIN_LOG_DATETIME,
     .size_min = 19,
     .digit_first = true,
     ISO_DATE,
     .signs = {{4, '-'}, {7, '-'}, {10, ' '}, {13, ':'}, {16, ':'}}},
    /* [2016-04-18 13:07:02 -0400] */
    {.format = HIN_LOG_DATETIME,
     .size_min = 27,
     .year = 1,
     .month = 6,
     .day = 9,
     .clock = 12,
     .zone = HIN_STAMP_OFFSET,
     .signs =
         {{0, '['}, {5, '-'}, {8, '-'}, {11, ' '}, {14, ':'}, {17, ':'}, {20, ' '}, {26, ']'}}},
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool fits(const struct hin_stamp *stamp, struct hin_view line)
{
    if (line.size < stamp->size_min) {
        return false;
    }
    for (size_t i = 0; i < HIN_COUNT(stamp->signs) && stamp->signs[i].byte != 0; i++) {
        size_t at = stamp->signs[i].at;
        if (at >= line.size || line.data[at] != (uint8_t)stamp->signs[i].byte) {
            return false;
        }
    }
    if (stamp->digit_first && !is_digit(line.data[0])) {
        return false;
    }
    return !stamp->fraction_sign || line.data[19] == '.' || line.data[19] == ',';
}

const struct hin_stamp *hin_stamp_find(struct hin_view line)
{
    for (size_t i = 0; i < HIN_COUNT(stamps); i++) {
        if (fits(&stamps[i], line)) {
            return &stamps[i];
        }
    }
    return NULL;
}

/* ---- digits ---- */

static HIN_RESULT number_at(struct hin_view line, size_t at, size_t digits, uint32_t *ret_number)
{
    HIN_ENSURE(at + digits <= line.size, INVALID);
    uint32_t number = 0;
    for (size_t i = 0; i < digits; i++) {
        uint8_t byte = line.data[at + i];
        if (i == 0 && byte == ' ' && digits == 2) {
            continue; /* " 1" */
        }
        HIN_ENSURE(is_digit(byte), INVALID);
        number = number * 10 + (byte - '0');
    }
    *ret_number = number;
    return hin_ok();
}

static HIN_RESULT month_at(struct hin_view line, size_t at, uint32_t *ret_month)
{
    /* English, and what German systems write */
    static const struct {
        char name[4];
        uint8_t month;
    } names[] = {{"jan", 1},  {"feb", 2},  {"mar", 3}, {"apr", 4},  {"may", 5},
                 {"jun", 6},  {"jul", 7},  {"aug", 8}, {"sep", 9},  {"oct", 10},
                 {"nov", 11}, {"dec", 12}, {"mai", 5}, {"okt", 10}, {"dez", 12}};
    HIN_ENSURE(at + 3 <= line.size, INVALID);
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        const uint8_t *text = line.data + at;
        if ((text[0] | 0x20) == names[i].name[0] && (text[1] | 0x20) == names[i].name[1] &&
            (text[2] | 0x20) == names[i].name[2]) {
            *ret_month = names[i].month;
            return hin_ok();
        }
    }
    return hin_fail(HIN_INVALID);
}

static HIN_RESULT clock_at(struct hin_view line, size_t at, struct hin_civil *civil)
{
    uint32_t hour = 0;
    uint32_t minute = 0;
    uint32_t second = 0;
    HIN_TRY(number_at(line, at, 2, &hour));
    HIN_TRY(number_at(line, at + 3, 2, &minute));
    HIN_TRY(number_at(line, at + 6, 2, &second));
    HIN_ENSURE(hour < 24 && minute < 60 && second <= 60, INVALID);
    civil->hour = (uint8_t)hour;
    civil->minute = (uint8_t)minute;
    civil->second = (uint8_t)second;
    return hin_ok();
}

/* `.` or `,` and digits at *at, if they stand there: microseconds, and *at behind them. */
static uint32_t fraction_at(struct hin_view line, size_t *at)
{
    size_t i = *at;
    if (i + 1 >= line.size || (line.data[i] != '.' && line.data[i] != ',') ||
        !is_digit(line.data[i + 1])) {
        return 0;
    }
    uint32_t usec = 0;
    uint32_t unit = 100000;
    for (i++; i < line.size && is_digit(line.data[i]); i++) {
        usec += (line.data[i] - '0') * unit;
        unit /= 10;
    }
    *at = i;
    return usec;
}

/* "Z", "+hh:mm" or "+hhmm" at *at; *at behind it. */
static HIN_RESULT offset_at(struct hin_view line, size_t *at, int32_t *ret_sec)
{
    HIN_ENSURE(*at < line.size, INVALID);
    uint8_t sign = line.data[*at];
    if (sign == 'Z' || sign == 'z') {
        *ret_sec = 0;
        (*at)++;
        return hin_ok();
    }
    HIN_ENSURE(sign == '+' || sign == '-', INVALID);
    uint32_t hours = 0;
    uint32_t minutes = 0;
    bool colon = *at + 3 < line.size && line.data[*at + 3] == ':';
    HIN_TRY(number_at(line, *at + 1, 2, &hours));
    HIN_TRY(number_at(line, *at + (colon ? 4 : 3), 2, &minutes));
    HIN_ENSURE(hours < 24 && minutes < 60, INVALID);
    int32_t total = (int32_t)(hours * 3600 + minutes * 60);
    *ret_sec = sign == '-' ? -total : total;
    *at += colon ? 6 : 5;
    return hin_ok();
}

/* ---- whole stamps ---- */

static HIN_RESULT civil_at(const struct hin_stamp *stamp, struct hin_view line,
                           struct hin_civil *civil)
{
    uint32_t year = 0;
    uint32_t month = 0;
    uint32_t day = 0;
    if (stamp->year != NONE) {
        HIN_TRY(number_at(line, stamp->year, 4, &year));
    }
    if (stamp->month_name) {
        HIN_TRY(month_at(line, stamp->month, &month));
    } else {
        HIN_TRY(number_at(line, stamp->month, 2, &month));
    }
    HIN_TRY(number_at(line, stamp->day, 2, &day));
    HIN_ENSURE(month >= 1 && month <= 12 && day >= 1 && day <= 31, INVALID);
    civil->year = (int32_t)year;
    civil->month = (uint8_t)month;
    civil->day = (uint8_t)day;
    return clock_at(line, stamp->clock, civil);
}

HIN_RESULT hin_stamp_time(const struct hin_stamp *stamp, struct hin_view line,
                          const struct hin_predecode_context *context, int64_t *ret_usec)
{
    struct hin_civil civil = {0};
    int32_t offset_sec = 0;
    size_t at = (size_t)stamp->clock + 8;
    HIN_TRY(civil_at(stamp, line, &civil));
    civil.usec = fraction_at(line, &at);
    if (stamp->zone == HIN_STAMP_OFFSET) {
        at += at < line.size && line.data[at] == ' ' ? 1 : 0;
        HIN_TRY(offset_at(line, &at, &offset_sec));
    }
    if (stamp->year == NONE) {
        HIN_TRY(hin_predecode_infer_year(context, &civil));
    }
    if (stamp->zone == HIN_STAMP_LOCAL && context != NULL && context->zone != NULL) {
        return hin_zone_to_utc(context->zone, &civil, ret_usec);
    }
    int64_t usec = 0;
    HIN_TRY(hin_time_from_civil(&civil, &usec));
    *ret_usec = usec - offset_sec * HIN_SEC_USEC;
    return hin_ok();
}

HIN_RESULT hin_stamp_rfc3339(struct hin_view line, size_t *ret_size, int64_t *ret_usec)
{
    static const struct hin_stamp stamp = {.size_min = 20,
                                           .digit_first = true,
                                           ISO_DATE,
                                           .zone = HIN_STAMP_OFFSET,
                                           .signs = {ISO_SIGNS}};
    int32_t offset_sec = 0;
    size_t at = 19;
    int64_t usec = 0;
    HIN_ENSURE(fits(&stamp, line), SYNTAX);
    (void)fraction_at(line, &at);
    HIN_TRY(offset_at(line, &at, &offset_sec));
    HIN_TRY(hin_stamp_time(&stamp, line, NULL, &usec));
    *ret_size = at;
    *ret_usec = usec;
    return hin_ok();
}

HIN_RESULT hin_stamp_access(struct hin_view text, int64_t *ret_usec)
{
    struct hin_civil civil = {0};
    uint32_t day = 0;
    uint32_t month = 0;
    uint32_t year = 0;
    int32_t offset_sec = 0;
    int64_t usec = 0;
    size_t slash = text.size > 2 && text.data[1] == '/' ? 1 : 2;
    HIN_ENSURE(text.size >= slash + 24 && text.data[slash] == '/' && text.data[slash + 4] == '/' &&
                   text.data[slash + 9] == ':' && text.data[slash + 12] == ':' &&
                   text.data[slash + 15] == ':' && text.data[slash + 18] == ' ',
               SYNTAX);
    HIN_TRY(number_at(text, 0, slash, &day));
    HIN_TRY(month_at(text, slash + 1, &month));
    HIN_TRY(number_at(text, slash + 5, 4, &year));
    HIN_TRY(clock_at(text, slash + 10, &civil));
    size_t at = slash + 19;
    HIN_TRY(offset_at(text, &at, &offset_sec));
    civil.day = (uint8_t)day;
    civil.month = (uint8_t)month;
    civil.year = (int32_t)year;
    HIN_TRY(hin_time_from_civil(&civil, &usec));
    *ret_usec = usec - offset_sec * HIN_SEC_USEC;
    return hin_ok();
}
