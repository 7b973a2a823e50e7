#include "event/text.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"

/* Length of the valid UTF-8 sequence at the front (RFC 3629: no overlong forms, no surrogates, up
 * to U+10FFFF); 0 when there is none. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                    : lead >= 0xe0 && lead <= 0xef ? 3
                    : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static size_t plain_run(struct hin_view text, size_t at, const struct hin_text_escapes *escapes)
{
    size_t begin = at;
    while (at < text.size && text.data[at] < 0x80 && escapes->of[text.data[at]] == NULL) {
        at++;
    }
    return at - begin;
}

static HIN_RESULT put_one(struct hin_buf *buf, struct hin_view text, size_t *at,
                          const struct hin_text_escapes *escapes)
{
    uint8_t byte = text.data[*at];
    if (byte < 0x80) {
        (*at)++;
        return hin_buf_append_text(buf, escapes->of[byte]);
    }
    size_t length = utf8_length(&text.data[*at], text.size - *at);
    bool is_c1 = length == 2 && byte == 0xc2 && text.data[*at + 1] <= 0x9f;
    if (length == 0 || (is_c1 && escapes->no_c1)) {
        *at += length > 0 ? length : 1;
        return hin_buf_append_text(buf, "\xef\xbf\xbd");
    }
    struct hin_view sequence = hin_view_sub(text, *at, length);
    *at += length;
    return hin_buf_append(buf, sequence);
}

HIN_RESULT hin_text_put(struct hin_buf *buf, struct hin_view text,
                        const struct hin_text_escapes *escapes)
{
    size_t at = 0;
    while (at < text.size) {
        size_t run = plain_run(text, at, escapes);
        if (run > 0) {
            HIN_TRY(hin_buf_append(buf, hin_view_sub(text, at, run)));
            at += run;
            continue;
        }
        HIN_TRY(put_one(buf, text, &at, escapes));
    }
    return hin_ok();
}

HIN_RESULT hin_text_put_field(struct hin_buf *buf, const struct hin_event *event,
                              const struct hin_field *field, const struct hin_text_escapes *escapes)
{
    const struct hin_value *value = &event->values[field->id];
    switch (field->type) {
    case HIN_TYPE_TEXT:
    case HIN_TYPE_IP:
        return hin_text_put(buf, value->text, escapes);
    case HIN_TYPE_TIME:
        return hin_buf_append_i64(buf, value->integer / HIN_MSEC_USEC);
    case HIN_TYPE_INTEGER:
    case HIN_TYPE_FLAG:
        return hin_buf_append_i64(buf, value->integer);
    case HIN_TYPE_TEXTS:
        break;
    }
    for (size_t i = 0; i < value->texts.count; i++) {
        if (i > 0) {
            HIN_TRY(hin_buf_append_byte(buf, ','));
        }
        HIN_TRY(hin_text_put(buf, value->texts.items[i], escapes));
    }
    return hin_ok();
}

void hin_event_uid_text(const struct hin_event *event, char *out)
{
    struct hin_event_identity identity;
    if (hin_is_ok(hin_event_identity(event, &identity))) {
        (void)snprintf(out, HIN_EVENT_UID_MAX, "%016llx-%llu-%u",
                       (unsigned long long)identity.generation, (unsigned long long)identity.offset,
                       identity.finding);
        return;
    }
    enum hin_field_id what =
        hin_event_has(event, HIN_FIELD_RULE_ID) ? HIN_FIELD_RULE_ID : HIN_FIELD_STATE;
    (void)snprintf(out, HIN_EVENT_UID_MAX, "%lld-%lld", (long long)hin_event_integer(event, what),
                   (long long)hin_event_integer(event, HIN_FIELD_TIME));
}

bool hin_event_is_managers(const struct hin_event *event)
{
    return hin_event_integer(event, HIN_FIELD_CLASS) == HIN_CLASS_APPLICATION_LIFECYCLE &&
           hin_event_integer(event, HIN_FIELD_COMPUTER_ID) == 0 &&
           !hin_event_has(event, HIN_FIELD_COMPUTER);
}
