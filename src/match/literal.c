/* Alternatives of literals, found by comparing sixteen positions at a time. */
#include <stdlib.h>

#include "base/bytes.h"
#include "match/pattern_internal.h"

uint32_t hin_byte_rarity(uint8_t folded)
{
    /* quarter bits, from a count over mixed server logs; what is not listed is rare */
    static const uint8_t rarity[256] = {
        [' '] = 13, ['e'] = 17, ['a'] = 19, ['o'] = 19, ['t'] = 18, ['i'] = 19, ['n'] = 19,
        ['s'] = 18, ['r'] = 19, ['d'] = 20, ['c'] = 21, ['l'] = 21, ['p'] = 21, ['m'] = 22,
        ['u'] = 22, ['h'] = 23, ['f'] = 23, ['g'] = 24, ['b'] = 24, ['w'] = 26, ['y'] = 26,
        ['v'] = 27, ['k'] = 25, ['x'] = 27, ['j'] = 28, ['z'] = 29, ['q'] = 32, ['0'] = 18,
        ['1'] = 17, ['2'] = 18, ['3'] = 20, ['4'] = 20, ['5'] = 20, ['6'] = 20, ['7'] = 20,
        ['8'] = 20, ['9'] = 20, ['.'] = 18, [':'] = 19, ['/'] = 19, ['-'] = 21, ['='] = 23,
        ['['] = 23, [']'] = 23, ['('] = 25, [')'] = 25, ['"'] = 22, [','] = 24, ['_'] = 24,
        [';'] = 26, ['<'] = 28, ['>'] = 28, ['?'] = 29, ['%'] = 28, ['&'] = 29, ['\''] = 28,
        ['+'] = 29, ['*'] = 30, ['@'] = 29, ['#'] = 30, ['|'] = 31, ['!'] = 30, ['\\'] = 31,
    };
    return rarity[folded] != 0 ? rarity[folded] : 36;
}

/* ---- reading the PCRE2 text ---- */

struct literal_reader {
    struct hin_view text;
    size_t at;
};

static bool is_letter_or_digit(uint8_t byte)
{
    return (hin_fold(byte) >= 'a' && hin_fold(byte) <= 'z') || (byte >= '0' && byte <= '9');
}

/* One literal character; false when something else stands there. */
static bool read_character(struct literal_reader *reader, uint8_t *ret_byte)
{
    uint8_t byte = reader->text.data[reader->at];
    if (byte == '\\') {
        if (reader->at + 1 >= reader->text.size) {
            return false;
        }
        byte = reader->text.data[reader->at + 1];
        if (is_letter_or_digit(byte) || byte >= 0x80 || byte < 0x20) {
            return false;
        }
        reader->at += 2;
        *ret_byte = byte;
        return true;
    }
    if (byte == 0 || strchr("^$.[|()?*+{", byte) != NULL) {
        return false;
    }
    reader->at++;
    *ret_byte = byte;
    return true;
}

static void choose_probes(struct hin_literal *literal)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < literal->size; i++) {
        if (hin_byte_rarity(hin_fold(literal->bytes[i])) >
            hin_byte_rarity(hin_fold(literal->bytes[best]))) {
            best = i;
        }
    }
    uint32_t second = best == 0 && literal->size > 1 ? 1 : 0;
    for (uint32_t i = 0; i < literal->size; i++) {
        if (i != best && literal->bytes[i] != literal->bytes[best] &&
            (literal->bytes[second] == literal->bytes[best] ||
             hin_byte_rarity(hin_fold(literal->bytes[i])) >
                 hin_byte_rarity(hin_fold(literal->bytes[second])))) {
            second = i;
        }
    }
    literal->probe[0] = best;
    literal->probe[1] = second;
}

static HIN_RESULT read_alternative(struct literal_reader *reader, bool caseless,
                                   struct hin_literal *literal)
{
    struct hin_view text = reader->text;
    if (reader->at < text.size && text.data[reader->at] == '^') {
        literal->at_start = true;
        reader->at++;
    }
    literal->bytes = malloc(text.size - reader->at + 1);
    HIN_ENSURE(literal->bytes != NULL, NO_MEMORY);
    while (reader->at < text.size) {
        uint8_t byte = 0;
        if (text.data[reader->at] == '|') {
            break;
        }
        if (text.data[reader->at] == '$' &&
            (reader->at + 1 == text.size || text.data[reader->at + 1] == '|')) {
            literal->at_end = true;
            reader->at++;
            break;
        }
        HIN_ENSURE(read_character(reader, &byte), NOT_FOUND);
        literal->bytes[literal->size++] = caseless ? hin_fold(byte) : byte;
    }
    choose_probes(literal);
    return hin_ok();
}

static HIN_RESULT read_set(struct literal_reader *reader, struct hin_literal_set *set)
{
    for (;;) {
        struct hin_literal *items = realloc(set->items, (set->count + 1) * sizeof(*items));
        HIN_ENSURE(items != NULL, NO_MEMORY);
        set->items = items;
        items[set->count] = (struct hin_literal){0};
        set->count++;
        HIN_TRY(read_alternative(reader, set->caseless, &items[set->count - 1]));
        if (reader->at >= reader->text.size) {
            return hin_ok();
        }
        reader->at++; /* the bar */
    }
}

/* When every alternative is anchored in front and not empty, the first byte of the subject decides
 * most cases. */
static void note_first_bytes(struct hin_literal_set *set)
{
    set->all_at_start = true;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct hin_literal *literal = &set->items[i];
        if (!literal->at_start || literal->size == 0) {
            set->all_at_start = false;
            return;
        }
        uint8_t byte = literal->bytes[0];
        set->first_bytes[byte >> 6] |= UINT64_C(1) << (byte & 63);
    }
}

HIN_RESULT hin_literal_set_from(struct hin_view pcre2, bool caseless, bool end_only,
                                struct hin_literal_set *ret_set)
{
    struct literal_reader reader = {pcre2, 0};
    if (hin_view_starts_with(pcre2, HIN_VIEW("(?i)"))) {
        reader.at = 4;
        caseless = true;
    }
    struct hin_literal_set set = {.caseless = caseless, .end_before_newline = !end_only};
    struct hin_result result = read_set(&reader, &set);
    note_first_bytes(&set);
    if (!hin_is_ok(result)) {
        hin_literal_set_done(&set);
        return result;
    }
    *ret_set = set;
    return hin_ok();
}

void hin_literal_set_done(struct hin_literal_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        free(set->items[i].bytes);
    }
    free(set->items);
    *set = (struct hin_literal_set){0};
}

/* ---- matching ---- */

static bool equal_at(const struct hin_literal_set *set, const struct hin_literal *literal,
                     const uint8_t *at)
{
    if (literal->size == 0) {
        return true;
    }
    if (!set->caseless) {
        return memcmp(at, literal->bytes, literal->size) == 0;
    }
    for (uint32_t i = 0; i < literal->size; i++) {
        if (hin_fold(at[i]) != literal->bytes[i]) {
            return false;
        }
    }
    return true;
}

typedef uint8_t lanes __attribute__((vector_size(16)));

static inline lanes lanes_load(const uint8_t *from)
{
    lanes value;
    hin_copy(&value, from, sizeof(value));
    return value;
}

static inline bool lanes_any(lanes value)
{
    uint64_t halves[2];
    hin_copy(halves, &value, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* First occurrence at or after `start`, or SIZE_MAX. The literal is not empty. Both probes of
 * sixteen candidate positions are compared at once; with case ignored, bit 0x20 is set on both
 * sides first, which lets a few more candidates through and loses none. */
static size_t find_literal(const struct hin_literal_set *set, const struct hin_literal *literal,
                           struct hin_view subject, size_t start)
{
    if (subject.size < literal->size || start > subject.size - literal->size) {
        return SIZE_MAX;
    }
    size_t last = subject.size - literal->size; /* the last possible position */
    uint8_t mask = set->caseless ? 0x20 : 0;
    uint8_t first_byte = literal->bytes[literal->probe[0]] | mask;
    uint8_t second_byte = literal->bytes[literal->probe[1]] | mask;
    size_t at = start;
    for (; at + 15 <= last; at += 16) {
        lanes a = lanes_load(subject.data + at + literal->probe[0]) | mask;
        lanes b = lanes_load(subject.data + at + literal->probe[1]) | mask;
        lanes hits = (lanes)((a == first_byte) & (b == second_byte));
        if (!lanes_any(hits)) {
            continue;
        }
        for (size_t i = 0; i < 16; i++) {
            if (hits[i] != 0 && equal_at(set, literal, subject.data + at + i)) {
                return at + i;
            }
        }
    }
    for (; at <= last; at++) {
        if ((subject.data[at + literal->probe[0]] | mask) == first_byte &&
            equal_at(set, literal, subject.data + at)) {
            return at;
        }
    }
    return SIZE_MAX;
}

/* Where `$` holds: the end, and for PCRE2 before a last newline as well. */
static bool holds_at_end(const struct hin_literal_set *set, struct hin_view subject, size_t end)
{
    return end == subject.size ||
           (set->end_before_newline && end + 1 == subject.size && subject.data[end] == '\n');
}

static size_t find_at_end(const struct hin_literal_set *set, const struct hin_literal *literal,
                          struct hin_view subject, size_t start)
{
    /* leftmost first: before a last newline, then at the very end */
    for (size_t back = 2; back-- > 0;) {
        if (subject.size < literal->size + back) {
            continue;
        }
        size_t at = subject.size - literal->size - back;
        if (at >= start && (!literal->at_start || at == 0) &&
            holds_at_end(set, subject, at + literal->size) &&
            equal_at(set, literal, subject.data + at)) {
            return at;
        }
    }
    return SIZE_MAX;
}

static size_t find_one(const struct hin_literal_set *set, const struct hin_literal *literal,
                       struct hin_view subject, size_t start)
{
    if (literal->at_end) {
        return find_at_end(set, literal, subject, start);
    }
    if (literal->at_start) {
        bool found =
            start == 0 && literal->size <= subject.size && equal_at(set, literal, subject.data);
        return found ? 0 : SIZE_MAX;
    }
    if (literal->size == 0) {
        return start;
    }
    return find_literal(set, literal, subject, start);
}

bool hin_literal_set_find(const struct hin_literal_set *set, struct hin_view subject, size_t start,
                          struct hin_literal_hit *ret_hit)
{
    size_t best = SIZE_MAX;
    size_t end = 0;
    if (!hin_literal_set_may_find(set, subject, start)) {
        return false;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        size_t at = find_one(set, &set->items[i], subject, start);
        if (at < best) {
            best = at;
            end = at + set->items[i].size;
            if (ret_hit == NULL) {
                return true;
            }
        }
    }
    if (best == SIZE_MAX) {
        return false;
    }
    *ret_hit = (struct hin_literal_hit){best, end};
    return true;
}
