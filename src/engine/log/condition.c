/* The small languages inside elements: times, days, word lists, and the texts of lists. */
#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

const struct keyword hin_log_seen_words[] = {
    {"name", SEEN_NAME},         {"id", SEEN_ID},
    {"user", SEEN_DSTUSER},      {"dstuser", SEEN_DSTUSER},
    {"srcuser", SEEN_SRCUSER},   {"srcip", SEEN_SRCIP},
    {"dstip", SEEN_DSTIP},       {"data", SEEN_DATA},
    {"extra_data", SEEN_DATA},   {"system_name", SEEN_SYSTEM_NAME},
    {"location", SEEN_LOCATION},
};
const size_t hin_log_seen_word_count = HIN_COUNT(hin_log_seen_words);

bool hin_log_keyword(const struct keyword *words, size_t count, struct hin_view text,
                     unsigned *ret_value)
{
    text = hin_view_trim(text);
    for (size_t i = 0; i < count; i++) {
        if (hin_view_is(text, words[i].word)) {
            *ret_value = words[i].value;
            return true;
        }
    }
    return false;
}

bool hin_log_keywords(const struct keyword *words, size_t count, struct hin_view text,
                      unsigned *ret_value, struct hin_view *ret_bad)
{
    unsigned all = 0;
    struct hin_view part = HIN_VIEW_EMPTY;
    while (hin_view_split(&text, ',', &part)) {
        part = hin_view_trim(part);
        if (part.size == 0) {
            continue;
        }
        unsigned value = 0;
        if (!hin_log_keyword(words, count, part, &value)) {
            *ret_bad = part;
            return false;
        }
        all |= value;
    }
    *ret_value = all;
    return true;
}

struct cursor {
    struct hin_view rest;
};

static void skip_spaces(struct cursor *c)
{
    while (c->rest.size > 0 && (c->rest.data[0] == ' ' || c->rest.data[0] == '\t' ||
                                c->rest.data[0] == '\n' || c->rest.data[0] == '\r')) {
        c->rest = hin_view_sub(c->rest, 1, SIZE_MAX);
    }
}

static bool take(struct cursor *c, char wanted)
{
    skip_spaces(c);
    if (c->rest.size == 0 || c->rest.data[0] != (uint8_t)wanted) {
        return false;
    }
    c->rest = hin_view_sub(c->rest, 1, SIZE_MAX);
    return true;
}

static bool take_number(struct cursor *c, unsigned *ret_value)
{
    size_t digits = 0;
    unsigned value = 0;
    while (digits < c->rest.size && digits < 2 && c->rest.data[digits] >= '0' &&
           c->rest.data[digits] <= '9') {
        value = value * 10 + (unsigned)(c->rest.data[digits] - '0');
        digits++;
    }
    c->rest = hin_view_sub(c->rest, digits, SIZE_MAX);
    *ret_value = value;
    return digits > 0;
}

/* "6 pm", "18:00", "8:30 am" */
static bool take_hour(struct cursor *c, uint16_t *ret_minute)
{
    unsigned hour = 0, minute = 0;
    skip_spaces(c);
    if (!take_number(c, &hour)) {
        return false;
    }
    if (c->rest.size > 0 && c->rest.data[0] == ':') {
        c->rest = hin_view_sub(c->rest, 1, SIZE_MAX);
        if (!take_number(c, &minute)) {
            return false;
        }
    }
    skip_spaces(c);
    bool am = hin_view_equal_nocase(hin_view_sub(c->rest, 0, 2), HIN_VIEW("am"));
    bool pm = hin_view_equal_nocase(hin_view_sub(c->rest, 0, 2), HIN_VIEW("pm"));
    if (am || pm) {
        if (hour < 1 || hour > 12) {
            return false;
        }
        hour = hour % 12 + (pm ? 12 : 0);
        c->rest = hin_view_sub(c->rest, 2, SIZE_MAX);
    }
    if (hour > 23 || minute > 59) {
        return false;
    }
    *ret_minute = (uint16_t)(hour * 60 + minute);
    return true;
}

HIN_RESULT hin_log_time_parse(struct hin_view text, struct rule *rule)
{
    struct cursor c = {text};
    uint16_t from = 0, to = 0;
    bool negated = take(&c, '!');
    HIN_ENSURE(take_hour(&c, &from) && take(&c, '-') && take_hour(&c, &to), SYNTAX);
    skip_spaces(&c);
    HIN_ENSURE(c.rest.size == 0 && from != to, SYNTAX);
    if (from > to) { /* over midnight: everything but the time between */
        uint16_t swap = from;
        from = to;
        to = swap;
        negated = !negated;
    }
    rule->has_time = true;
    rule->time_negated = negated;
    rule->time_from = from;
    rule->time_to = to;
    return hin_ok();
}

static bool take_day(struct cursor *c, uint8_t *ret_mask, int *ret_day)
{
    static const char *const days[] = {"sunday",   "monday", "tuesday", "wednesday",
                                       "thursday", "friday", "saturday"};
    skip_spaces(c);
    size_t size = 0;
    while (size < c->rest.size && ((c->rest.data[size] | 0x20) >= 'a') &&
           ((c->rest.data[size] | 0x20) <= 'z')) {
        size++;
    }
    struct hin_view word = hin_view_sub(c->rest, 0, size);
    c->rest = hin_view_sub(c->rest, size, SIZE_MAX);
    *ret_day = -1;
    if (hin_view_equal_nocase(word, HIN_VIEW("weekdays"))) {
        *ret_mask = 0x3e;
        return true;
    }
    if (hin_view_equal_nocase(word, HIN_VIEW("weekends"))) {
        *ret_mask = 0x41;
        return true;
    }
    for (int i = 0; i < 7; i++) {
        struct hin_view day = hin_view_from_text(days[i]);
        if (hin_view_equal_nocase(word, day) ||
            (size == 3 && hin_view_equal_nocase(word, hin_view_sub(day, 0, 3)))) {
            *ret_mask = (uint8_t)(1U << i);
            *ret_day = i;
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_log_weekday_parse(struct hin_view text, uint8_t *ret_mask)
{
    struct cursor c = {text};
    uint8_t mask = 0;
    bool negated = take(&c, '!');
    do {
        uint8_t part = 0;
        int from = 0, to = 0;
        HIN_ENSURE(take_day(&c, &part, &from), SYNTAX);
        mask |= part;
        if (take(&c, '-')) {
            HIN_ENSURE(from >= 0 && take_day(&c, &part, &to) && to >= 0, SYNTAX);
            for (int day = from; day != to; day = (day + 1) % 7) {
                mask |= (uint8_t)(1U << day);
            }
            mask |= part;
        }
        (void)take(&c, ',');
        skip_spaces(&c);
    } while (c.rest.size > 0);
    mask = negated ? (uint8_t)(~mask & 0x7f) : mask;
    HIN_ENSURE(mask != 0, SYNTAX);
    *ret_mask = mask;
    return hin_ok();
}

HIN_RESULT hin_log_list_parse(struct hin_arena *arena, struct hin_view text, struct hin_map *map)
{
    struct hin_view line = HIN_VIEW_EMPTY;
    while (hin_view_split(&text, '\n', &line)) {
        if (line.size > 0 && line.data[line.size - 1] == '\r') {
            line.size--;
        }
        size_t colon = hin_view_find_byte(line, ':');
        if (colon == SIZE_MAX || colon == 0) {
            continue; /* OSSEC's compiler takes only lines with a key and a colon */
        }
        struct list_value *value = NULL;
        HIN_TRY(HIN_ARENA_NEW(arena, &value));
        HIN_TRY(hin_arena_copy(arena, hin_view_sub(line, colon + 1, SIZE_MAX), &value->text));
        if (hin_map_get(map, hin_view_sub(line, 0, colon)) == NULL) { /* the first one counts */
            HIN_TRY(hin_map_put(map, hin_view_sub(line, 0, colon), value));
        }
    }
    return hin_ok();
}

static bool contains_nocase(struct hin_view hay, struct hin_view needle)
{
    if (needle.size == 0) {
        return true;
    }
    for (size_t i = 0; i + needle.size <= hay.size; i++) {
        if (hin_view_equal_nocase(hin_view_sub(hay, i, needle.size), needle)) {
            return true;
        }
    }
    return false;
}

bool hin_log_word_match(const char *wanted, const char *groups)
{
    struct hin_view rest = hin_view_from_text(wanted);
    struct hin_view all = hin_view_from_text(groups);
    struct hin_view part = HIN_VIEW_EMPTY;
    while (hin_view_split(&rest, '|', &part)) {
        bool anchored = part.size > 0 && part.data[0] == '^';
        if (anchored) {
            part = hin_view_sub(part, 1, SIZE_MAX);
            if (hin_view_equal_nocase(hin_view_sub(all, 0, part.size), part)) {
                return true;
            }
        } else if (contains_nocase(all, part)) {
            return true;
        }
    }
    return false;
}
