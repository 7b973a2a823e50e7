#include "base/time.h"

#include <stdio.h>
#include <time.h>

#include "base/bytes.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * HIN_SEC_USEC + now.tv_nsec / 1000;
}

static int64_t system_wall(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic(void *context)
{
    (void)context;
    return read_clock(CLOCK_BOOTTIME);
}

const struct hin_clock *hin_clock_system(void)
{
    static const struct hin_clock clock = {system_wall, system_monotonic, NULL};
    return &clock;
}

/* Days from 1970-01-01 of a Gregorian date: era arithmetic with the year beginning in March. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static unsigned days_in_month(int32_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

struct hin_result hin_time_from_civil(const struct hin_civil *civil, int64_t *ret_usec)
{
    HIN_ENSURE(civil->year >= -9999 && civil->year <= 9999, INVALID);
    HIN_ENSURE(civil->month >= 1 && civil->month <= 12, INVALID);
    HIN_ENSURE(civil->day >= 1 && civil->day <= days_in_month(civil->year, civil->month), INVALID);
    HIN_ENSURE(civil->hour <= 23 && civil->minute <= 59 && civil->second <= 60, INVALID);
    HIN_ENSURE(civil->usec < HIN_SEC_USEC, INVALID);
    int64_t days = days_from_date(civil->year, civil->month, civil->day);
    int64_t seconds =
        days * 86400 + civil->hour * INT64_C(3600) + civil->minute * INT64_C(60) + civil->second;
    *ret_usec = seconds * HIN_SEC_USEC + civil->usec;
    return hin_ok();
}

static int64_t floor_div(int64_t value, int64_t by)
{
    int64_t quotient = value / by;
    return value % by < 0 ? quotient - 1 : quotient;
}

void hin_time_to_civil(int64_t usec, struct hin_civil *ret_civil)
{
    int64_t days = floor_div(usec, HIN_DAY_USEC);
    int64_t in_day = usec - days * HIN_DAY_USEC;
    int64_t shifted = days + 719468;
    int64_t era = floor_div(shifted, 146097);
    unsigned day_of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *ret_civil = (struct hin_civil){
        .year = (int32_t)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
        .month = (uint8_t)month,
        .day = (uint8_t)(day_of_year - (153 * shifted_month + 2) / 5 + 1),
        .hour = (uint8_t)(in_day / HIN_HOUR_USEC),
        .minute = (uint8_t)(in_day / HIN_MINUTE_USEC % 60),
        .second = (uint8_t)(in_day / HIN_SEC_USEC % 60),
        .usec = (uint32_t)(in_day % HIN_SEC_USEC),
    };
}

uint8_t hin_time_weekday(int64_t usec)
{
    int64_t days = floor_div(usec, HIN_DAY_USEC) + 4; /* 1970-01-01 was a Thursday */
    return (uint8_t)(days - floor_div(days, 7) * 7);
}

void hin_time_format_rfc3339(int64_t usec, unsigned fraction_digits, char *out, size_t out_bytes)
{
    struct hin_civil c;
    hin_time_to_civil(usec, &c);
    char fraction[16] = "";
    if (fraction_digits >= 6) {
        snprintf(fraction, sizeof(fraction), ".%06u", c.usec);
    } else if (fraction_digits >= 3) {
        snprintf(fraction, sizeof(fraction), ".%03u", c.usec / 1000);
    }
    snprintf(out, out_bytes, "%04d-%02u-%02uT%02u:%02u:%02u%sZ", (int)c.year, c.month, c.day,
             c.hour, c.minute, c.second, fraction);
}

static HIN_RESULT read_digits(struct hin_view *rest, size_t count, uint32_t *ret_value)
{
    uint64_t value = 0;
    HIN_ENSURE(rest->size >= count, SYNTAX);
    HIN_TRY(hin_view_to_u64(hin_view_sub(*rest, 0, count), &value));
    *rest = hin_view_sub(*rest, count, rest->size);
    *ret_value = (uint32_t)value;
    return hin_ok();
}

static HIN_RESULT read_one_of(struct hin_view *rest, const char *set, char *ret_byte)
{
    HIN_ENSURE(rest->size > 0, SYNTAX);
    for (const char *at = set; *at != '\0'; at++) {
        if (rest->data[0] == (uint8_t)*at) {
            *rest = hin_view_sub(*rest, 1, rest->size);
            *ret_byte = *at;
            return hin_ok();
        }
    }
    return hin_fail(HIN_SYNTAX);
}

static HIN_RESULT read_fraction(struct hin_view *rest, uint32_t *ret_usec)
{
    uint32_t usec = 0;
    uint32_t scale = 100000;
    size_t digits = 0;
    while (rest->size > 0 && rest->data[0] >= '0' && rest->data[0] <= '9') {
        usec += (uint32_t)(rest->data[0] - '0') * scale;
        scale /= 10;
        digits++;
        *rest = hin_view_sub(*rest, 1, rest->size);
    }
    HIN_ENSURE(digits > 0, SYNTAX);
    *ret_usec = usec;
    return hin_ok();
}

static HIN_RESULT read_zone(struct hin_view *rest, int64_t *ret_offset_usec)
{
    char sign = 0;
    HIN_TRY(read_one_of(rest, "Zz+-", &sign));
    if (sign == 'Z' || sign == 'z') {
        *ret_offset_usec = 0;
        return hin_ok();
    }
    uint32_t hours = 0;
    uint32_t minutes = 0;
    char colon = 0;
    HIN_TRY(read_digits(rest, 2, &hours));
    HIN_TRY(read_one_of(rest, ":", &colon));
    HIN_TRY(read_digits(rest, 2, &minutes));
    HIN_ENSURE(hours <= 23 && minutes <= 59, INVALID);
    int64_t offset = hours * HIN_HOUR_USEC + minutes * HIN_MINUTE_USEC;
    *ret_offset_usec = sign == '-' ? -offset : offset;
    return hin_ok();
}

struct hin_result hin_time_parse_rfc3339(struct hin_view text, int64_t *ret_usec)
{
    uint32_t part[6] = {0};
    static const char *const separators[6] = {"-", "-", "Tt ", ":", ":", NULL};
    for (size_t i = 0; i < HIN_COUNT(part); i++) {
        char separator = 0;
        HIN_TRY(read_digits(&text, i == 0 ? 4 : 2, &part[i]));
        if (separators[i] != NULL) {
            HIN_TRY(read_one_of(&text, separators[i], &separator));
        }
    }
    uint32_t usec = 0;
    if (text.size > 0 && text.data[0] == '.') {
        text = hin_view_sub(text, 1, text.size);
        HIN_TRY(read_fraction(&text, &usec));
    }
    int64_t offset = 0;
    HIN_TRY(read_zone(&text, &offset));
    HIN_ENSURE(text.size == 0, SYNTAX);
    struct hin_civil civil = {(int32_t)part[0],
                              (uint8_t)part[1],
                              (uint8_t)part[2],
                              (uint8_t)part[3],
                              (uint8_t)part[4],
                              (uint8_t)part[5],
                              usec};
    int64_t local = 0;
    HIN_TRY(hin_time_from_civil(&civil, &local));
    *ret_usec = local - offset;
    return hin_ok();
}

struct hin_result hin_time_parse_duration(struct hin_view text, int64_t *ret_usec)
{
    static const struct {
        char unit;
        int64_t usec;
    } units[] = {{'s', HIN_SEC_USEC},
                 {'m', HIN_MINUTE_USEC},
                 {'h', HIN_HOUR_USEC},
                 {'d', HIN_DAY_USEC},
                 {'w', 7 * HIN_DAY_USEC}};
    int64_t factor = HIN_SEC_USEC;
    HIN_ENSURE(text.size > 0, SYNTAX);
    for (size_t i = 0; i < HIN_COUNT(units); i++) {
        if (text.data[text.size - 1] == (uint8_t)units[i].unit) {
            factor = units[i].usec;
            text.size--;
            break;
        }
    }
    uint64_t count = 0;
    HIN_TRY(hin_view_to_u64(text, &count));
    int64_t usec = 0;
    HIN_ENSURE(count <= INT64_MAX && !__builtin_mul_overflow((int64_t)count, factor, &usec),
               INVALID);
    *ret_usec = usec;
    return hin_ok();
}
