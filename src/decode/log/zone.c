/* TZif (RFC 8536) to a table of transitions, and conversions by it. */
#include "decode/log/zone.h"

#include "base/bytes.h"
#include "base/codec.h"

#define UNROLL_TO_YEAR 2100
#define DAY_SEC        86400
#define TYPES_MAX      256

void hin_zone_fixed(struct hin_zone *ret_zone, int32_t offset_sec)
{
    ret_zone->first_offset_sec = offset_sec;
    ret_zone->count = 0;
}

void hin_zone_utc(struct hin_zone *ret_zone)
{
    hin_zone_fixed(ret_zone, 0);
}

/* ---- reading big-endian ---- */

static int64_t load_be(const uint8_t *from, size_t size)
{
    uint64_t value = from[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | from[i];
    }
    return (int64_t)value;
}

struct tzif_header {
    uint8_t version;
    uint32_t utc_count;
    uint32_t std_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t char_count;
};

static HIN_RESULT read_header(struct hin_reader *reader, struct tzif_header *ret_header)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, 44, &bytes));
    HIN_ENSURE(hin_view_starts_with(bytes, HIN_VIEW("TZif")), SYNTAX);
    uint32_t counts[6];
    for (size_t i = 0; i < 6; i++) {
        int64_t count = load_be(bytes.data + 20 + 4 * i, 4);
        HIN_ENSURE(count >= 0 && count <= 65536, INVALID);
        counts[i] = (uint32_t)count;
    }
    *ret_header = (struct tzif_header){bytes.data[4], counts[0], counts[1], counts[2],
                                       counts[3],     counts[4], counts[5]};
    HIN_ENSURE(ret_header->type_count > 0 && ret_header->type_count <= TYPES_MAX, INVALID);
    return hin_ok();
}

static size_t block_size(const struct tzif_header *header, size_t time_bytes)
{
    return header->time_count * (time_bytes + 1) + (size_t)header->type_count * 6 +
           header->char_count + header->leap_count * (time_bytes + 4) + header->std_count +
           header->utc_count;
}

static HIN_RESULT read_block(struct hin_reader *reader, const struct tzif_header *header,
                             size_t time_bytes, struct hin_zone *zone)
{
    struct hin_view block;
    HIN_TRY(hin_read_exact(reader, block_size(header, time_bytes), &block));
    const uint8_t *types = block.data + header->time_count * time_bytes;
    const uint8_t *infos = types + header->time_count;
    int32_t offsets[TYPES_MAX] = {0};
    for (uint32_t i = 0; i < header->type_count; i++) {
        int64_t offset = load_be(infos + (size_t)i * 6, 4);
        HIN_ENSURE(offset >= -2 * DAY_SEC && offset <= 2 * DAY_SEC, INVALID);
        offsets[i] = (int32_t)offset;
    }
    zone->first_offset_sec = offsets[0];
    /* the newest ones are worth more than those of a hundred years ago */
    uint32_t skip = header->time_count > HIN_ZONE_TRANSITIONS_MAX / 2
                        ? header->time_count - HIN_ZONE_TRANSITIONS_MAX / 2
                        : 0;
    for (uint32_t i = 0; i < header->time_count; i++) {
        HIN_ENSURE(types[i] < header->type_count, INVALID);
        int64_t at = load_be(block.data + i * time_bytes, time_bytes);
        if (i < skip) {
            zone->first_offset_sec = offsets[types[i]];
            continue;
        }
        HIN_ENSURE(zone->count == 0 || at > zone->transitions[zone->count - 1].at_sec, INVALID);
        zone->transitions[zone->count++] = (struct hin_zone_transition){at, offsets[types[i]]};
    }
    return hin_ok();
}

/* ---- the footer: a POSIX TZ rule ---- */

struct tz_text {
    struct hin_view rest;
};

static bool peek(const struct tz_text *text, uint8_t byte)
{
    return text->rest.size > 0 && text->rest.data[0] == byte;
}

static bool take(struct tz_text *text, uint8_t byte)
{
    if (!peek(text, byte)) {
        return false;
    }
    text->rest = hin_view_sub(text->rest, 1, SIZE_MAX);
    return true;
}

static HIN_RESULT take_number(struct tz_text *text, int32_t max, int32_t *ret_number)
{
    int32_t number = 0;
    size_t digits = 0;
    while (text->rest.size > 0 && text->rest.data[0] >= '0' && text->rest.data[0] <= '9' &&
           digits < 4) {
        number = number * 10 + (text->rest.data[0] - '0');
        text->rest = hin_view_sub(text->rest, 1, SIZE_MAX);
        digits++;
    }
    HIN_ENSURE(digits > 0 && number <= max, SYNTAX);
    *ret_number = number;
    return hin_ok();
}

static HIN_RESULT take_name(struct tz_text *text)
{
    size_t size = 0;
    if (peek(text, '<')) {
        size_t close = hin_view_find_byte(text->rest, '>');
        HIN_ENSURE(close != SIZE_MAX, SYNTAX);
        size = close + 1;
    } else {
        while (size < text->rest.size &&
               ((text->rest.data[size] | 0x20) >= 'a' && (text->rest.data[size] | 0x20) <= 'z')) {
            size++;
        }
    }
    HIN_ENSURE(size >= 3, SYNTAX);
    text->rest = hin_view_sub(text->rest, size, SIZE_MAX);
    return hin_ok();
}

/* [+-]hh[:mm[:ss]] in seconds */
static HIN_RESULT take_duration(struct tz_text *text, int32_t *ret_sec)
{
    bool negative = take(text, '-');
    if (!negative) {
        (void)take(text, '+');
    }
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    HIN_TRY(take_number(text, 167, &hours));
    if (take(text, ':')) {
        HIN_TRY(take_number(text, 59, &minutes));
        if (take(text, ':')) {
            HIN_TRY(take_number(text, 59, &seconds));
        }
    }
    int32_t total = hours * 3600 + minutes * 60 + seconds;
    *ret_sec = negative ? -total : total;
    return hin_ok();
}

struct tz_day {
    char kind; /* 'M', 'J', or 'n' for a day counted from 0 */
    int32_t month;
    int32_t week;
    int32_t day;
    int32_t time_sec;
};

static HIN_RESULT take_day(struct tz_text *text, struct tz_day *ret_day)
{
    *ret_day = (struct tz_day){.kind = 'n', .time_sec = 7200};
    HIN_ENSURE(take(text, ','), SYNTAX);
    if (take(text, 'M')) {
        ret_day->kind = 'M';
        HIN_TRY(take_number(text, 12, &ret_day->month));
        HIN_ENSURE(take(text, '.'), SYNTAX);
        HIN_TRY(take_number(text, 5, &ret_day->week));
        HIN_ENSURE(take(text, '.'), SYNTAX);
        HIN_TRY(take_number(text, 6, &ret_day->day));
        HIN_ENSURE(ret_day->month > 0 && ret_day->week > 0, SYNTAX);
    } else {
        ret_day->kind = take(text, 'J') ? 'J' : 'n';
        HIN_TRY(take_number(text, 365, &ret_day->day));
        HIN_ENSURE(ret_day->kind == 'n' || ret_day->day > 0, SYNTAX);
    }
    return take(text, '/') ? take_duration(text, &ret_day->time_sec) : hin_ok();
}

static int64_t day_start_sec(int32_t year, int32_t month)
{
    int64_t usec = 0;
    struct hin_civil civil = {.year = year, .month = (uint8_t)month, .day = 1};
    HIN_IGNORE(hin_time_from_civil(&civil, &usec)); /* the first of a month always exists */
    return usec / HIN_SEC_USEC;
}

/* Local seconds of the rule's moment in that year. */
static int64_t moment_of(const struct tz_day *day, int32_t year)
{
    if (day->kind != 'M') {
        int64_t january = day_start_sec(year, 1);
        bool leap = day_start_sec(year, 3) - day_start_sec(year, 2) == 29 * DAY_SEC;
        int32_t index =
            day->kind == 'n' ? day->day : day->day - 1 + (leap && day->day > 59 ? 1 : 0);
        return january + (int64_t)index * DAY_SEC + day->time_sec;
    }
    int64_t first = day_start_sec(year, day->month);
    int64_t next =
        day->month == 12 ? day_start_sec(year + 1, 1) : day_start_sec(year, day->month + 1);
    int32_t weekday = hin_time_weekday(first * HIN_SEC_USEC);
    int64_t at = first + (int64_t)((day->day - weekday + 7) % 7 + 7 * (day->week - 1)) * DAY_SEC;
    while (at >= next) {
        at -= 7 * DAY_SEC;
    }
    return at + day->time_sec;
}

static void append_transition(struct hin_zone *zone, int64_t at_sec, int32_t offset_sec)
{
    bool later = zone->count == 0 || at_sec > zone->transitions[zone->count - 1].at_sec;
    if (later && zone->count < HIN_ZONE_TRANSITIONS_MAX) {
        zone->transitions[zone->count++] = (struct hin_zone_transition){at_sec, offset_sec};
    }
}

static HIN_RESULT apply_footer(struct hin_view footer, struct hin_zone *zone)
{
    struct tz_text text = {footer};
    int32_t standard = 0;
    HIN_TRY(take_name(&text));
    HIN_TRY(take_duration(&text, &standard));
    standard = -standard; /* POSIX counts to the west */
    if (text.rest.size == 0) {
        if (zone->count == 0) {
            zone->first_offset_sec = standard;
        }
        return hin_ok();
    }
    int32_t summer = standard + 3600;
    HIN_TRY(take_name(&text));
    if (!peek(&text, ',')) {
        HIN_TRY(take_duration(&text, &summer));
        summer = -summer;
    }
    struct tz_day start;
    struct tz_day end;
    HIN_TRY(take_day(&text, &start));
    HIN_TRY(take_day(&text, &end));
    HIN_ENSURE(text.rest.size == 0, SYNTAX);
    struct hin_civil last = {.year = 1970};
    if (zone->count > 0 && zone->transitions[zone->count - 1].at_sec > 0 &&
        zone->transitions[zone->count - 1].at_sec < INT64_C(4102444800)) {
        hin_time_to_civil(zone->transitions[zone->count - 1].at_sec * HIN_SEC_USEC, &last);
    }
    for (int32_t year = last.year; year <= UNROLL_TO_YEAR; year++) {
        int64_t to_summer = moment_of(&start, year) - standard;
        int64_t to_standard = moment_of(&end, year) - summer;
        if (to_summer < to_standard) {
            append_transition(zone, to_summer, summer);
            append_transition(zone, to_standard, standard);
        } else {
            append_transition(zone, to_standard, standard);
            append_transition(zone, to_summer, summer);
        }
    }
    return hin_ok();
}

static HIN_RESULT parse(struct hin_view tzif, struct hin_zone *zone)
{
    struct hin_reader reader = hin_reader_of(tzif);
    struct tzif_header header;
    HIN_TRY(read_header(&reader, &header));
    if (header.version < '2') {
        return read_block(&reader, &header, 4, zone);
    }
    struct hin_view skipped;
    HIN_TRY(hin_read_exact(&reader, block_size(&header, 4), &skipped));
    HIN_TRY(read_header(&reader, &header));
    HIN_TRY(read_block(&reader, &header, 8, zone));
    struct hin_view footer = reader.rest;
    HIN_ENSURE(footer.size >= 2 && footer.data[0] == '\n' && footer.data[footer.size - 1] == '\n',
               SYNTAX);
    footer = hin_view_sub(footer, 1, footer.size - 2);
    return footer.size == 0 ? hin_ok() : apply_footer(footer, zone);
}

HIN_RESULT hin_zone_parse(struct hin_view tzif, struct hin_zone *ret_zone)
{
    struct hin_zone zone = {0};
    HIN_TRY(parse(tzif, &zone));
    *ret_zone = zone;
    return hin_ok();
}

/* ---- conversions ---- */

static int32_t offset_at_sec(const struct hin_zone *zone, int64_t sec)
{
    uint32_t low = 0;
    uint32_t high = zone->count; /* transitions[low - 1] <= sec < transitions[high] */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->transitions[middle].at_sec <= sec) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? zone->first_offset_sec : zone->transitions[low - 1].offset_sec;
}

/* Rounded down: a second before 1970 as well. */
static int64_t floor_sec(int64_t usec)
{
    return usec / HIN_SEC_USEC - (usec % HIN_SEC_USEC < 0 ? 1 : 0);
}

int32_t hin_zone_offset_at(const struct hin_zone *zone, int64_t utc_usec)
{
    return offset_at_sec(zone, floor_sec(utc_usec));
}

HIN_RESULT hin_zone_to_utc(const struct hin_zone *zone, const struct hin_civil *local,
                           int64_t *ret_usec)
{
    int64_t usec = 0;
    HIN_TRY(hin_time_from_civil(local, &usec));
    if (zone->count == 0) {
        *ret_usec = usec - zone->first_offset_sec * HIN_SEC_USEC;
        return hin_ok();
    }
    int64_t sec = floor_sec(usec);
    int32_t before = offset_at_sec(zone, sec - DAY_SEC);
    int32_t after = offset_at_sec(zone, sec + DAY_SEC);
    int32_t offset = before;
    /* the old offset holds unless only the new one gives back this wall clock */
    if (after != before && offset_at_sec(zone, sec - before) != before &&
        offset_at_sec(zone, sec - after) == after) {
        offset = after;
    }
    *ret_usec = usec - offset * HIN_SEC_USEC;
    return hin_ok();
}

void hin_zone_to_local(const struct hin_zone *zone, int64_t utc_usec, struct hin_civil *ret_local)
{
    hin_time_to_civil(utc_usec + hin_zone_offset_at(zone, utc_usec) * HIN_SEC_USEC, ret_local);
}

uint8_t hin_zone_weekday(const struct hin_zone *zone, int64_t utc_usec)
{
    return hin_time_weekday(utc_usec + hin_zone_offset_at(zone, utc_usec) * HIN_SEC_USEC);
}
