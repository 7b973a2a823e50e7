/* ArcSight CEF version 0 and IBM LEEF 2.0: a header, then key=value pairs of the field table. */
#include <stdio.h>

#include "base/bytes.h"
#include "event/text.h"
#include "event/write.h"

static const struct hin_text_escapes header_escapes = {
    .of = {['\\'] = "\\\\", ['|'] = "\\|", ['\n'] = " ", ['\r'] = " ", [0] = " "}};
static const struct hin_text_escapes cef_escapes = {
    .of = {['\\'] = "\\\\", ['='] = "\\=", ['\n'] = "\\n", ['\r'] = "\\r", [0] = " "}};
/* LEEF defines no escape; its delimiter and line ends must not stand in a value. */
static const struct hin_text_escapes leef_escapes = {
    .of = {['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r", [0] = " "}};

static const struct hin_write_options no_options = {.facility = 16};

/* --- header --- */

struct product {
    const char *vendor;
    const char *agent;
    const char *manager;
};
static const struct product products[] = {
    [HIN_VENDOR_HINOMI] = {"Hinomi", "Hinomi Agent", "Hinomi Manager"},
    [HIN_VENDOR_TREND_MICRO] = {"Trend Micro", "Deep Security Agent", "Deep Security Manager"},
};

static int64_t signature_of(const struct hin_event *event)
{
    bool rule = hin_event_has(event, HIN_FIELD_RULE_ID);
    return hin_event_integer(event, rule ? HIN_FIELD_RULE_ID : HIN_FIELD_STATE);
}

static int severity_of(const struct hin_event *event)
{
    return hin_event_has(event, HIN_FIELD_RULE_LEVEL)
               ? hin_cef_severity_from_level(hin_event_integer(event, HIN_FIELD_RULE_LEVEL))
               : hin_cef_severity_from_ocsf(hin_event_integer(event, HIN_FIELD_SEVERITY));
}

static struct hin_view name_of(const struct hin_event *event)
{
    bool rule = hin_event_has(event, HIN_FIELD_RULE_DESCRIPTION);
    return hin_event_text(event, rule ? HIN_FIELD_RULE_DESCRIPTION : HIN_FIELD_MESSAGE);
}

/* "FORMAT|vendor|product|version|signature|" */
static HIN_RESULT put_header(struct hin_buf *buf, const char *format, const struct hin_event *event,
                             const struct hin_write_options *options)
{
    const struct product *product =
        &products[options->style == HIN_VENDOR_TREND_MICRO ? HIN_VENDOR_TREND_MICRO
                                                           : HIN_VENDOR_HINOMI];
    const char *version = options->version != NULL ? options->version : HIN_VERSION;
    HIN_TRY(hin_buf_printf(buf, "%s|%s|%s|", format, product->vendor,
                           hin_event_is_managers(event) ? product->manager : product->agent));
    HIN_TRY(hin_text_put(buf, hin_view_from_text(version), &header_escapes));
    return hin_buf_printf(buf, "|%lld|", (long long)signature_of(event));
}

/* --- extension --- */

struct line {
    struct hin_buf *buf;
    const struct hin_event *event;
    const struct hin_text_escapes *escapes;
    char separator;
    bool first;
};

static HIN_RESULT begin_pair(struct line *line, const char *key)
{
    if (!line->first) {
        HIN_TRY(hin_buf_append_byte(line->buf, (uint8_t)line->separator));
    }
    line->first = false;
    HIN_TRY(hin_buf_append_text(line->buf, key));
    return hin_buf_append_byte(line->buf, '=');
}

static HIN_RESULT put_pair(struct line *line, const char *key, struct hin_view value)
{
    HIN_TRY(begin_pair(line, key));
    return hin_text_put(line->buf, value, line->escapes);
}

static HIN_RESULT put_labelled(struct line *line, const char *key, const char *label,
                               const struct hin_field *field)
{
    HIN_TRY(begin_pair(line, key));
    HIN_TRY(hin_text_put_field(line->buf, line->event, field, line->escapes));
    if (label == NULL) {
        return hin_ok();
    }
    return hin_buf_printf(line->buf, " %sLabel=%s", key, label);
}

/* Addresses: src and dst are IPv4 only; IPv6 has custom keys; a name goes where names go. */
static HIN_RESULT put_cef_address(struct line *line, const struct hin_field *field)
{
    bool source = field->id == HIN_FIELD_SRC_IP;
    char text[HIN_IP_TEXT_MAX];
    int version = 0;
    if (!hin_is_ok(hin_ip_canonical(hin_event_text(line->event, field->id), text, &version))) {
        bool taken = source && (hin_event_has(line->event, HIN_FIELD_HOST) ||
                                hin_event_has(line->event, HIN_FIELD_SYSTEM_NAME));
        return taken ? put_labelled(line, "flexString1", "Source Name", field)
                     : put_labelled(line, source ? "shost" : "dhost", NULL, field);
    }
    if (version == 4) {
        return put_pair(line, field->cef, hin_view_from_text(text));
    }
    HIN_TRY(put_pair(line, source ? "c6a2" : "c6a3", hin_view_from_text(text)));
    return put_pair(line, source ? "c6a2Label" : "c6a3Label",
                    source ? HIN_VIEW("Source IPv6 Address")
                           : HIN_VIEW("Destination IPv6 Address"));
}

static HIN_RESULT put_computer(struct line *line, const struct hin_field *field)
{
    char text[HIN_IP_TEXT_MAX];
    int version = 0;
    bool v4 = hin_is_ok(hin_ip_canonical(hin_event_text(line->event, field->id), text, &version)) &&
              version == 4;
    return put_labelled(line, v4 ? "dvc" : field->cef, NULL, field);
}

/* Keys that two fields share: the first of them that is present takes it. */
static bool key_is_taken(const struct hin_event *event, uint16_t field)
{
    return (field == HIN_FIELD_MESSAGE && hin_event_has(event, HIN_FIELD_RAW)) ||
           (field == HIN_FIELD_SYSTEM_NAME && hin_event_has(event, HIN_FIELD_HOST));
}

static HIN_RESULT put_cef_field(struct line *line, const struct hin_field *field)
{
    if (field->cef == NULL || key_is_taken(line->event, field->id)) {
        return hin_ok();
    }
    if (field->type == HIN_TYPE_IP) {
        return put_cef_address(line, field);
    }
    if (field->id == HIN_FIELD_COMPUTER) {
        return put_computer(line, field);
    }
    return put_labelled(line, field->cef, field->cef_label, field);
}

static HIN_RESULT put_leef_field(struct line *line, const struct hin_field *field)
{
    if (field->leef == NULL ||
        (field->id == HIN_FIELD_MESSAGE && key_is_taken(line->event, field->id))) {
        return hin_ok();
    }
    char text[HIN_IP_TEXT_MAX];
    int version = 0;
    if (field->type == HIN_TYPE_IP && /* one spelling of one address, as in CEF */
        hin_is_ok(hin_ip_canonical(hin_event_text(line->event, field->id), text, &version))) {
        return put_pair(line, field->leef, hin_view_from_text(text));
    }
    return put_labelled(line, field->leef, NULL, field);
}

/* Keys are alphanumeric: whatever else a decoder's field name holds becomes an underscore. */
static HIN_RESULT put_extra(struct line *line, const struct hin_event_extra *extra)
{
    char key[16 + HIN_EVENT_NAME_MAX];
    size_t at = (size_t)snprintf(key, sizeof(key), "HinomiField_");
    for (size_t i = 0; i < extra->name.size && at + 1 < sizeof(key); i++) {
        uint8_t byte = extra->name.data[i];
        bool keep = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                    (byte >= 'A' && byte <= 'Z');
        key[at++] = keep ? (char)byte : '_';
    }
    key[at] = '\0';
    return put_pair(line, key, extra->value);
}

static HIN_RESULT put_tenant(struct line *line, const struct hin_write_options *options)
{
    if (options->style != HIN_VENDOR_TREND_MICRO || options->tenant == NULL) {
        return hin_ok();
    }
    HIN_TRY(put_pair(line, "TrendMicroDsTenant", hin_view_from_text(options->tenant)));
    HIN_TRY(begin_pair(line, "TrendMicroDsTenantId"));
    return hin_buf_append_i64(line->buf, options->tenant_id);
}

static HIN_RESULT put_fields(struct line *line, const struct hin_write_options *options,
                             HIN_RESULT (*put)(struct line *line, const struct hin_field *field))
{
    for (uint64_t left = line->event->present; left != 0; left &= left - 1) {
        HIN_TRY(put(line, hin_field_get((uint16_t)__builtin_ctzll(left))));
    }
    for (size_t i = 0; i < line->event->extra_count; i++) {
        HIN_TRY(put_extra(line, &line->event->extras[i]));
    }
    return put_tenant(line, options);
}

static HIN_RESULT write_cef(const struct hin_event *event, const struct hin_write_options *options,
                            struct hin_buf *buf)
{
    HIN_TRY(put_header(buf, "CEF:0", event, options));
    HIN_TRY(hin_text_put(buf, name_of(event), &header_escapes));
    HIN_TRY(hin_buf_printf(buf, "|%d|", severity_of(event)));
    struct line line = {buf, event, &cef_escapes, ' ', true};
    return put_fields(&line, options, put_cef_field);
}

static HIN_RESULT write_leef(const struct hin_event *event, const struct hin_write_options *options,
                             struct hin_buf *buf)
{
    HIN_TRY(put_header(buf, "LEEF:2.0", event, options));
    struct line line = {buf, event, &leef_escapes, '\t', true};
    bool finding = hin_event_integer(event, HIN_FIELD_CLASS) == HIN_CLASS_DETECTION_FINDING;
    HIN_TRY(put_pair(&line, "cat", finding ? HIN_VIEW("Log Inspection") : HIN_VIEW("System")));
    HIN_TRY(put_pair(&line, "name", name_of(event)));
    HIN_TRY(begin_pair(&line, "sev"));
    HIN_TRY(hin_buf_append_i64(buf, HIN_MAX(severity_of(event), 1))); /* LEEF: 1 to 10 */
    return put_fields(&line, options, put_leef_field);
}

HIN_RESULT hin_event_write_cef(const struct hin_event *event,
                               const struct hin_write_options *options, struct hin_buf *buf)
{
    size_t before = buf->size;
    struct hin_result result = write_cef(event, options != NULL ? options : &no_options, buf);
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}

HIN_RESULT hin_event_write_leef(const struct hin_event *event,
                                const struct hin_write_options *options, struct hin_buf *buf)
{
    size_t before = buf->size;
    struct hin_result result = write_leef(event, options != NULL ? options : &no_options, buf);
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}
