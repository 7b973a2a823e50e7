/* RFC 5424 messages, and rows for a terminal. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "event/text.h"
#include "event/write.h"

static const struct hin_write_options no_options = {.facility = 16};

/* RFC 5424 6.3.3: quote, backslash and closing bracket are escaped in a parameter value. */
static const struct hin_text_escapes parameter_escapes = {
    .of = {['"'] = "\\\"", ['\\'] = "\\\\", [']'] = "\\]", ['\n'] = " ", ['\r'] = " ", [0] = " "}};
static const struct hin_text_escapes message_escapes = {
    .of = {['\n'] = " ", ['\r'] = " ", [0] = " "}};

#define CONTROL(c, text) [c] = text
static const struct hin_text_escapes terminal_escapes = {
    .no_c1 = true,
    .of = {CONTROL(0, "\\0"),    CONTROL(1, "\\x01"),  CONTROL(2, "\\x02"),  CONTROL(3, "\\x03"),
           CONTROL(4, "\\x04"),  CONTROL(5, "\\x05"),  CONTROL(6, "\\x06"),  CONTROL(7, "\\a"),
           CONTROL(8, "\\b"),    CONTROL(9, "\\t"),    CONTROL(10, "\\n"),   CONTROL(11, "\\v"),
           CONTROL(12, "\\f"),   CONTROL(13, "\\r"),   CONTROL(14, "\\x0e"), CONTROL(15, "\\x0f"),
           CONTROL(16, "\\x10"), CONTROL(17, "\\x11"), CONTROL(18, "\\x12"), CONTROL(19, "\\x13"),
           CONTROL(20, "\\x14"), CONTROL(21, "\\x15"), CONTROL(22, "\\x16"), CONTROL(23, "\\x17"),
           CONTROL(24, "\\x18"), CONTROL(25, "\\x19"), CONTROL(26, "\\x1a"), CONTROL(27, "\\x1b"),
           CONTROL(28, "\\x1c"), CONTROL(29, "\\x1d"), CONTROL(30, "\\x1e"), CONTROL(31, "\\x1f"),
           CONTROL(127, "\\x7f")}};

static unsigned priority_of(const struct hin_event *event, const struct hin_write_options *options)
{
    /* OCSF unknown..fatal to informational, informational, notice, warning, error, critical, alert
     */
    static const uint8_t severities[] = {6, 6, 5, 4, 3, 2, 1};
    int64_t severity = hin_event_integer(event, HIN_FIELD_SEVERITY);
    uint8_t level = severity >= 0 && severity <= 6 ? severities[severity] : 6;
    return (unsigned)(options->facility > 23 ? 23 : options->facility) * 8 + level;
}

/* PRINTUSASCII of bounded length, or the nil value (RFC 5424 6). */
static HIN_RESULT put_word(struct hin_buf *buf, struct hin_view word, size_t max)
{
    size_t written = 0;
    for (size_t i = 0; i < word.size && written < max; i++) {
        if (word.data[i] > 32 && word.data[i] < 127) {
            HIN_TRY(hin_buf_append_byte(buf, word.data[i]));
            written++;
        }
    }
    return written > 0 ? hin_ok() : hin_buf_append_byte(buf, '-');
}

static HIN_RESULT put_message_id(struct hin_buf *buf, const struct hin_event *event)
{
    if (hin_event_has(event, HIN_FIELD_RULE_ID)) {
        return hin_buf_printf(buf, "rule-%lld",
                              (long long)hin_event_integer(event, HIN_FIELD_RULE_ID));
    }
    const struct hin_state_info *state = hin_state_get(hin_event_integer(event, HIN_FIELD_STATE));
    return put_word(buf, hin_view_from_text(state != NULL ? state->name : NULL), 32);
}

/* Under the private enterprise number that RFC 5612 sets aside for examples, until we have one. */
static HIN_RESULT put_structured(struct hin_buf *buf, const struct hin_event *event,
                                 const struct hin_write_options *options)
{
    static const uint16_t shown[] = {
        HIN_FIELD_COMPUTER_ID, HIN_FIELD_RULE_ID, HIN_FIELD_RULE_LEVEL, HIN_FIELD_RULE_DESCRIPTION,
        HIN_FIELD_RULE_GROUPS, HIN_FIELD_DECODER, HIN_FIELD_LOCATION,   HIN_FIELD_SRC_IP,
        HIN_FIELD_DST_IP,      HIN_FIELD_USER,    HIN_FIELD_SRC_USER,   HIN_FIELD_COUNT};
    HIN_TRY(hin_buf_append_text(buf, "[hinomi@32473"));
    if (options->id != 0) {
        HIN_TRY(hin_buf_printf(buf, " id=\"%lld\"", (long long)options->id));
    }
    for (size_t i = 0; i < HIN_COUNT(shown); i++) {
        const struct hin_field *field = hin_field_get(shown[i]);
        if (hin_event_has(event, field->id)) {
            HIN_TRY(hin_buf_printf(buf, " %s=\"", field->name));
            HIN_TRY(hin_text_put_field(buf, event, field, &parameter_escapes));
            HIN_TRY(hin_buf_append_byte(buf, '"'));
        }
    }
    return hin_buf_append_byte(buf, ']');
}

static HIN_RESULT put_payload(struct hin_buf *buf, const struct hin_event *event,
                              const struct hin_write_options *options)
{
    switch (options->payload) {
    case HIN_RFC5424_CEF:
        return hin_event_write_cef(event, options, buf);
    case HIN_RFC5424_LEEF:
        return hin_event_write_leef(event, options, buf);
    case HIN_RFC5424_OCSF:
        return hin_event_write_ocsf(event, options, buf);
    case HIN_RFC5424_RAW:
        break;
    }
    bool raw = hin_event_has(event, HIN_FIELD_RAW);
    HIN_TRY(hin_buf_append_text(buf, "\xef\xbb\xbf")); /* the BOM says UTF-8 */
    return hin_text_put(buf, hin_event_text(event, raw ? HIN_FIELD_RAW : HIN_FIELD_MESSAGE),
                        &message_escapes);
}

static HIN_RESULT write_rfc5424(const struct hin_event *event,
                                const struct hin_write_options *options, struct hin_buf *buf)
{
    char stamp[32];
    hin_time_format_rfc3339(hin_event_integer(event, HIN_FIELD_TIME), 6, stamp, sizeof(stamp));
    HIN_TRY(hin_buf_printf(buf, "<%u>1 %s ", priority_of(event, options), stamp));
    bool named = hin_event_has(event, HIN_FIELD_COMPUTER);
    HIN_TRY(put_word(buf, hin_event_text(event, named ? HIN_FIELD_COMPUTER : HIN_FIELD_HOST), 255));
    HIN_TRY(hin_buf_append_text(buf, " hinomi - "));
    HIN_TRY(put_message_id(buf, event));
    HIN_TRY(hin_buf_append_byte(buf, ' '));
    HIN_TRY(put_structured(buf, event, options));
    HIN_TRY(hin_buf_append_byte(buf, ' '));
    return put_payload(buf, event, options);
}

HIN_RESULT hin_event_write_rfc5424(const struct hin_event *event,
                                   const struct hin_write_options *options, struct hin_buf *buf)
{
    size_t before = buf->size;
    struct hin_result result = write_rfc5424(event, options != NULL ? options : &no_options, buf);
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}

/* --- rows --- */

#define GROUPS_WIDTH 29

static size_t characters(struct hin_view text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += (text.data[i] & 0xc0) != 0x80;
    }
    return count;
}

/* A column of at least `width` characters, then a space. */
static HIN_RESULT put_column(struct hin_buf *buf, const struct hin_event *event,
                             enum hin_field_id field, size_t width)
{
    size_t before = buf->size;
    if (hin_event_has(event, field)) {
        HIN_TRY(hin_text_put_field(buf, event, hin_field_get((uint16_t)field), &terminal_escapes));
    }
    if (buf->size == before) {
        HIN_TRY(hin_buf_append_byte(buf, '-'));
    }
    size_t shown = characters(hin_view_sub(hin_buf_view(buf), before, buf->size));
    for (; shown < width + 1; shown++) {
        HIN_TRY(hin_buf_append_byte(buf, ' '));
    }
    return shown > width + 1 ? hin_buf_append_byte(buf, ' ') : hin_ok();
}

/* What says least goes last: nearly every rule of OSSEC's sets is of the group syslog. */
static bool goes_last(struct hin_view group)
{
    return hin_view_is(group, "syslog");
}

/* As many groups as fit, in their order, and "+N" for the others; at least one, cut to fit. */
static HIN_RESULT put_groups(struct hin_buf *buf, const struct hin_event *event)
{
    const struct hin_value *value = &event->values[HIN_FIELD_RULE_GROUPS];
    size_t count = hin_event_has(event, HIN_FIELD_RULE_GROUPS) ? value->texts.count : 0;
    size_t begin = buf->size, shown = 0, room = GROUPS_WIDTH - strlen("+99");
    for (int last = 0; last < 2; last++) {
        for (size_t i = 0; i < count; i++) {
            struct hin_view group = value->texts.items[i];
            size_t used = buf->size - begin + (shown > 0 ? 1 : 0);
            if (goes_last(group) != (last == 1) || (shown > 0 && used + group.size > room)) {
                continue;
            }
            HIN_TRY(shown > 0 ? hin_buf_append_byte(buf, ',') : hin_ok());
            HIN_TRY(hin_text_put(buf, hin_view_sub(group, 0, room), &terminal_escapes));
            shown++;
        }
    }
    if (shown < count) {
        HIN_TRY(hin_buf_printf(buf, "+%zu", count - shown));
    }
    if (count == 0) {
        HIN_TRY(hin_buf_append_byte(buf, '-'));
    }
    size_t width = characters(hin_view_sub(hin_buf_view(buf), begin, buf->size));
    do {
        HIN_TRY(hin_buf_append_byte(buf, ' '));
    } while (width++ < GROUPS_WIDTH);
    return hin_ok();
}

static HIN_RESULT put_row_text(struct hin_buf *buf, const struct hin_event *event)
{
    bool rule = hin_event_has(event, HIN_FIELD_RULE_DESCRIPTION);
    HIN_TRY(hin_text_put(
        buf, hin_event_text(event, rule ? HIN_FIELD_RULE_DESCRIPTION : HIN_FIELD_MESSAGE),
        &terminal_escapes));
    if (hin_event_has(event, HIN_FIELD_DETAIL)) {
        HIN_TRY(hin_buf_append_text(buf, ": "));
        HIN_TRY(hin_text_put(buf, hin_event_text(event, HIN_FIELD_DETAIL), &terminal_escapes));
    }
    if (hin_event_has(event, HIN_FIELD_RAW)) {
        HIN_TRY(hin_buf_append_text(buf, "  | "));
        HIN_TRY(hin_text_put(buf, hin_view_sub(hin_event_text(event, HIN_FIELD_RAW), 0, 512),
                             &terminal_escapes));
    }
    return hin_ok();
}

static HIN_RESULT write_row(const struct hin_event *event, const struct hin_write_options *options,
                            struct hin_buf *buf)
{
    char stamp[32];
    hin_time_format_rfc3339(hin_event_integer(event, HIN_FIELD_TIME), 0, stamp, sizeof(stamp));
    /* The first 80 columns say what happened where by which rule; what was decoded follows. */
    HIN_TRY(hin_buf_printf(buf, "%-6lld %s ", (long long)options->id, stamp));
    bool named = hin_event_has(event, HIN_FIELD_COMPUTER);
    HIN_TRY(put_column(buf, event, named ? HIN_FIELD_COMPUTER : HIN_FIELD_HOST, 10));
    HIN_TRY(put_column(buf, event, HIN_FIELD_RULE_LEVEL, 3));
    HIN_TRY(put_column(buf, event, HIN_FIELD_RULE_ID, 6));
    HIN_TRY(put_groups(buf, event));
    HIN_TRY(put_column(buf, event, HIN_FIELD_DECODER, 8));
    HIN_TRY(put_column(buf, event, HIN_FIELD_USER, 8));
    HIN_TRY(put_column(buf, event, HIN_FIELD_SRC_IP, 15));
    return put_row_text(buf, event);
}

HIN_RESULT hin_event_write_row(const struct hin_event *event,
                               const struct hin_write_options *options, struct hin_buf *buf)
{
    size_t before = buf->size;
    struct hin_result result = write_row(event, options != NULL ? options : &no_options, buf);
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}

const char *hin_event_row_heading(void)
{
    return "ID     TIME                 COMPUTER   LVL RULE   GROUPS                        "
           "DECODER  "
           "USER     SOURCE          WHAT";
}
