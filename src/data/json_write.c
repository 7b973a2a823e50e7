#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "data/json.h"

/* Per byte: 0 goes out as it is, 'u' as \u00XX, 1 starts UTF-8 beyond ASCII, else the letter after
 * the backslash. */
static const uint8_t escapes[256] = {
    [0x00 ... 0x07] = 'u', ['\b'] = 'b',  ['\t'] = 't', ['\n'] = 'n',
    [0x0b] = 'u',          ['\f'] = 'f',  ['\r'] = 'r', [0x0e ... 0x1f] = 'u',
    ['"'] = '"',           ['\\'] = '\\', [0x7f] = 'u', [0x80 ... 0xff] = 1,
};

/* Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), or 0 with *ret_bad =
 * the length of the maximal invalid part. */
static size_t utf8_length(const uint8_t *at, size_t left, size_t *ret_bad)
{

    uint8_t lead = at[0];
    size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                    : lead >= 0xe0 && lead <= 0xef ? 3
                    : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                   : 0;
    *ret_bad = 1;
    if (length == 0) {
        return 0;
    }
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < length; i++) {
        if (i >= left || at[i] < low || at[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

/* Where the run of bytes that need no escape ends. Eight bytes a step: a byte is special when its
 * high bit is set or it is below 0x20, '"', '\\' or 0x7f (Mycroft's test for a zero byte, after
 * xor). */
static size_t plain_run(const uint8_t *data, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word = 0;
        hin_copy(&word, data + at, 8);
        uint64_t quote = word ^ (ones * '"');
        uint64_t slash = word ^ (ones * '\\');
        uint64_t del = word ^ (ones * 0x7f);
        uint64_t special = word | (word - ones * 0x20) | ((quote - ones) & ~quote) |
                           ((slash - ones) & ~slash) | ((del - ones) & ~del);
        if ((special & highs) != 0) {
            break;
        }
    }
    while (at < size && escapes[data[at]] == 0) {
        at++;
    }
    return at;
}

static size_t put_escape(uint8_t *to, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t letter = escapes[byte];
    to[0] = '\\';
    to[1] = letter;
    if (letter != 'u') {
        return 2;
    }
    to[2] = '0';
    to[3] = '0';
    to[4] = (uint8_t)digits[byte >> 4];
    to[5] = (uint8_t)digits[byte & 15];
    return 6;
}

static struct hin_result append_special(struct hin_buf *buf, struct hin_view text, size_t *at)
{
    uint8_t byte = text.data[*at];
    if (byte < 0x80) {
        uint8_t escape[6];
        size_t size = put_escape(escape, byte);
        (*at)++;
        return hin_buf_append(buf, hin_view_of(escape, size));
    }
    size_t from = *at;
    size_t bad = 0;
    while (*at < text.size && text.data[*at] >= 0x80) {
        size_t length = utf8_length(text.data + *at, text.size - *at, &bad);
        if (length == 0) {
            HIN_TRY(hin_buf_append(buf, hin_view_of(text.data + from, *at - from)));
            *at += bad;
            return hin_buf_append(buf, HIN_VIEW("\xef\xbf\xbd"));
        }
        *at += length;
    }
    return hin_buf_append(buf, hin_view_of(text.data + from, *at - from));
}

static struct hin_result append_body(struct hin_buf *buf, struct hin_view text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t run = plain_run(text.data + at, text.size - at);
        HIN_TRY(hin_buf_append(buf, hin_view_of(text.data + at, run)));
        at += run;
        if (at < text.size) {
            HIN_TRY(append_special(buf, text, &at));
        }
    }
    return hin_buf_append_byte(buf, '"');
}

struct hin_result hin_json_append_text(struct hin_buf *buf, struct hin_view text)
{
    size_t before = buf->size;
    HIN_TRY(hin_buf_append_byte(buf, '"'));
    struct hin_result result = append_body(buf, text);
    if (!hin_is_ok(result)) {
        buf->size = before; /* as every appender: on failure the content is what it was */
    }
    return result;
}

void hin_json_writer_init(struct hin_json_writer *writer, struct hin_buf *buf, bool pretty)
{
    *writer = (struct hin_json_writer){.buf = buf, .pretty = pretty, .failure = HIN_OK};
}

static void note(struct hin_json_writer *writer, struct hin_result result)
{
    if (writer->failure == HIN_OK) {
        writer->failure = result.code;
    }
}

static void raw(struct hin_json_writer *writer, struct hin_view bytes)
{
    if (writer->failure == HIN_OK) {
        note(writer, hin_buf_append(writer->buf, bytes));
    }
}

static void new_line(struct hin_json_writer *writer)
{
    static const char spaces[] =
        "                                                                                        "
        "                                        ";
    raw(writer, HIN_VIEW("\n"));
    raw(writer, hin_view_of(spaces, HIN_MIN(2 * (size_t)writer->depth, sizeof(spaces) - 1)));
}

/* The bit of the level that is open; level 0, outside of everything, has none. */
static uint64_t level_bit(const struct hin_json_writer *writer)
{
    return writer->depth > 0 ? UINT64_C(1) << (writer->depth - 1) : 0;
}

static bool in_object(const struct hin_json_writer *writer)
{
    return (writer->in_object & level_bit(writer)) != 0;
}

/* Comma and line before an item (a key, or a value that is not a member's). */
static void before_item(struct hin_json_writer *writer)
{
    uint64_t bit = level_bit(writer);
    if ((writer->not_first & bit) != 0) {
        raw(writer, HIN_VIEW(","));
    }
    writer->not_first |= bit;
    if (writer->pretty && writer->depth > 0) {
        new_line(writer);
    }
}

static void before_value(struct hin_json_writer *writer)
{
    bool second = writer->depth == 0 && writer->has_root;
    if (in_object(writer) != writer->after_key || second) {
        note(writer,
             hin_fail(HIN_INVALID)); /* a value without key, a key in an array, two documents */
        return;
    }
    writer->has_root = true;
    if (writer->after_key) {
        writer->after_key = false;
    } else {
        before_item(writer);
    }
}

static void begin(struct hin_json_writer *writer, bool object)
{
    before_value(writer);
    if (writer->depth >= HIN_JSON_DEPTH_MAX) {
        note(writer, hin_fail(HIN_LIMIT));
        return;
    }
    raw(writer, object ? HIN_VIEW("{") : HIN_VIEW("["));
    writer->depth++;
    uint64_t bit = level_bit(writer);
    writer->not_first &= ~bit;
    writer->in_object = object ? writer->in_object | bit : writer->in_object & ~bit;
}

static void end(struct hin_json_writer *writer, bool object)
{
    if (writer->depth == 0 || in_object(writer) != object || writer->after_key) {
        note(writer, hin_fail(HIN_INVALID));
        return;
    }
    bool empty = (writer->not_first & level_bit(writer)) == 0;
    writer->depth--;
    if (writer->pretty && !empty) {
        new_line(writer);
    }
    raw(writer, object ? HIN_VIEW("}") : HIN_VIEW("]"));
}

void hin_json_begin_object(struct hin_json_writer *writer)
{
    begin(writer, true);
}

void hin_json_end_object(struct hin_json_writer *writer)
{
    end(writer, true);
}

void hin_json_begin_array(struct hin_json_writer *writer)
{
    begin(writer, false);
}

void hin_json_end_array(struct hin_json_writer *writer)
{
    end(writer, false);
}

void hin_json_key_view(struct hin_json_writer *writer, struct hin_view key)
{
    if (!in_object(writer) || writer->after_key) {
        note(writer, hin_fail(HIN_INVALID));
        return;
    }
    before_item(writer);
    if (writer->failure == HIN_OK) {
        note(writer, hin_json_append_text(writer->buf, key));
    }
    raw(writer, writer->pretty ? HIN_VIEW(": ") : HIN_VIEW(":"));
    writer->after_key = true;
}

void hin_json_key(struct hin_json_writer *writer, const char *key)
{
    hin_json_key_view(writer, hin_view_from_text(key));
}

void hin_json_put_raw(struct hin_json_writer *writer, struct hin_view json)
{
    before_value(writer);
    raw(writer, json);
}

void hin_json_put_text(struct hin_json_writer *writer, struct hin_view text)
{
    before_value(writer);
    if (writer->failure == HIN_OK) {
        note(writer, hin_json_append_text(writer->buf, text));
    }
}

void hin_json_put_cstring(struct hin_json_writer *writer, const char *text)
{
    if (text == NULL) {
        hin_json_put_null(writer);
    } else {
        hin_json_put_text(writer, hin_view_from_text(text));
    }
}

void hin_json_put_integer(struct hin_json_writer *writer, int64_t value)
{
    before_value(writer);
    if (writer->failure == HIN_OK) {
        note(writer, hin_buf_append_i64(writer->buf, value));
    }
}

void hin_json_put_unsigned(struct hin_json_writer *writer, uint64_t value)
{
    before_value(writer);
    if (writer->failure == HIN_OK) {
        note(writer, hin_buf_append_u64(writer->buf, value));
    }
}

void hin_json_put_real(struct hin_json_writer *writer, double value)
{
    if (!isfinite(value)) {
        hin_json_put_null(writer);
        return;
    }
    char text[40];
    int length = snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value) { /* the short form where it is the same number */
        length = snprintf(text, sizeof(text), "%.17g", value);
    }
    size_t size = length > 0 ? (size_t)length : 0;
    for (size_t i = 0; i < size; i++) {
        text[i] = text[i] == ',' ? '.' : text[i]; /* a locale may have changed the point */
    }
    if (strpbrk(text, ".eE") == NULL && size + 2 < sizeof(text)) {
        hin_copy(text + size, ".0", 3); /* reads as a real again */
        size += 2;
    }
    hin_json_put_raw(writer, hin_view_of(text, size));
}

void hin_json_put_boolean(struct hin_json_writer *writer, bool value)
{
    hin_json_put_raw(writer, value ? HIN_VIEW("true") : HIN_VIEW("false"));
}

void hin_json_put_null(struct hin_json_writer *writer)
{
    hin_json_put_raw(writer, HIN_VIEW("null"));
}

static void put_container(struct hin_json_writer *writer, struct hin_json value, bool object)
{
    begin(writer, object);
    struct hin_json_iterator it = hin_json_iterate(value);
    const char *key = NULL;
    struct hin_json item;
    while (writer->failure == HIN_OK && hin_json_next(&it, &key, &item)) {
        if (key != NULL) {
            hin_json_key(writer, key);
        }
        hin_json_put_value(writer, item); /* a document is never deeper than HIN_JSON_DEPTH_MAX */
    }
    end(writer, object);
}

void hin_json_put_value(struct hin_json_writer *writer, struct hin_json value)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    int64_t integer = 0;
    double number = 0;
    bool boolean = false;
    switch (hin_json_type_of(value)) {
    case HIN_JSON_NULL:
        hin_json_put_null(writer);
        break;
    case HIN_JSON_BOOLEAN:
        note(writer, hin_json_boolean(value, &boolean, NULL));
        hin_json_put_boolean(writer, boolean);
        break;
    case HIN_JSON_INTEGER:
        note(writer, hin_json_integer(value, INT64_MIN, INT64_MAX, &integer, NULL));
        hin_json_put_integer(writer, integer);
        break;
    case HIN_JSON_REAL:
        note(writer, hin_json_number(value, &number, NULL));
        hin_json_put_real(writer, number);
        break;
    case HIN_JSON_TEXT:
        note(writer, hin_json_text(value, &text, NULL));
        hin_json_put_text(writer, text);
        break;
    case HIN_JSON_ARRAY:
    case HIN_JSON_OBJECT:
        put_container(writer, value, hin_json_type_of(value) == HIN_JSON_OBJECT);
        break;
    }
}

struct hin_result hin_json_writer_finish(struct hin_json_writer *writer)
{
    if (writer->failure == HIN_OK && (writer->depth > 0 || !writer->has_root)) {
        writer->failure = HIN_INVALID; /* something is open, or nothing was written */
    }
    return hin_fail(writer->failure);
}

void hin_json_field_text(struct hin_json_writer *writer, const char *key, struct hin_view text)
{
    hin_json_key(writer, key);
    hin_json_put_text(writer, text);
}

void hin_json_field_cstring(struct hin_json_writer *writer, const char *key, const char *text)
{
    hin_json_key(writer, key);
    hin_json_put_cstring(writer, text);
}

void hin_json_field_integer(struct hin_json_writer *writer, const char *key, int64_t value)
{
    hin_json_key(writer, key);
    hin_json_put_integer(writer, value);
}

void hin_json_field_unsigned(struct hin_json_writer *writer, const char *key, uint64_t value)
{
    hin_json_key(writer, key);
    hin_json_put_unsigned(writer, value);
}

void hin_json_field_boolean(struct hin_json_writer *writer, const char *key, bool value)
{
    hin_json_key(writer, key);
    hin_json_put_boolean(writer, value);
}
