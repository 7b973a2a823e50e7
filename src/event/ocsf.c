/* OCSF 1.8.0 JSON. A const plan lists, in the order of writing, where each field goes; objects on
 * the way are opened when the first value below them is written. What a class has no place for
 * stands under "unmapped", so that nothing an event holds is left out. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "data/json.h"
#include "event/text.h"
#include "event/write.h"

enum { FINDING = 1, LIFECYCLE = 2, BOTH = FINDING | LIFECYCLE };
enum { ACTIVITY_OTHER = 99 }; /* the greatest of any class */
#define PATH_DEPTH_MAX 8

struct ocsf {
    struct hin_json_writer json;
    const struct hin_event *event;
    const struct hin_write_options *options;
    struct hin_view open[PATH_DEPTH_MAX]; /* parts of the path that stand open, "[0]" included */
    size_t open_count;
    uint64_t written; /* bit per field number */
};

struct row;
typedef void (*row_writer)(struct ocsf *ocsf, const struct row *row);
struct row {
    const char *path; /* NULL: that of the field */
    uint16_t field;   /* 0: none; else the row is passed over when the field is absent */
    uint8_t classes;
    row_writer write;
};

/* --- paths --- */

static bool is_element(struct hin_view part)
{
    return hin_view_ends_with(part, HIN_VIEW("[0]"));
}

static void close_last(struct ocsf *ocsf)
{
    ocsf->open_count--;
    hin_json_end_object(&ocsf->json);
    if (is_element(ocsf->open[ocsf->open_count])) {
        hin_json_end_array(&ocsf->json);
    }
}

/* What an object must hold besides what the event gives. */
static const struct {
    const char *part;
    const char *key;
    int64_t number;
    const char *text; /* in place of number */
} companions[] = {
    {"device", "type_id", 1, NULL},                                                 /* server */
    {"device", "type", 0, "Server"},  {"connection_info", "direction_id", 0, NULL}, /* unknown */
    {"analytic", "type_id", 1, NULL}, {"analytic", "type", 0, "Rule"},
};

static void open_part(struct ocsf *ocsf, struct hin_view part)
{
    if (is_element(part)) {
        hin_json_key_view(&ocsf->json, hin_view_sub(part, 0, part.size - 3));
        hin_json_begin_array(&ocsf->json);
    } else {
        hin_json_key_view(&ocsf->json, part);
    }
    hin_json_begin_object(&ocsf->json);
    ocsf->open[ocsf->open_count++] = part;
    for (size_t i = 0; i < HIN_COUNT(companions); i++) {
        if (!hin_view_is(part, companions[i].part)) {
            continue;
        }
        if (companions[i].text != NULL) {
            hin_json_field_cstring(&ocsf->json, companions[i].key, companions[i].text);
        } else {
            hin_json_field_integer(&ocsf->json, companions[i].key, companions[i].number);
        }
    }
}

/* Open exactly the objects above the last part of `path`; answers the last part. */
static struct hin_view open_parents(struct ocsf *ocsf, const char *path)
{
    struct hin_view parts[PATH_DEPTH_MAX];
    size_t count = 0;
    struct hin_view rest = hin_view_from_text(path);
    while (count < PATH_DEPTH_MAX && hin_view_split(&rest, '.', &parts[count])) {
        count++;
    }
    size_t same = 0;
    while (same < ocsf->open_count && same + 1 < count &&
           hin_view_equal(ocsf->open[same], parts[same])) {
        same++;
    }
    while (ocsf->open_count > same) {
        close_last(ocsf);
    }
    while (ocsf->open_count + 1 < count) {
        open_part(ocsf, parts[ocsf->open_count]);
    }
    return parts[count - 1];
}

static void open_key(struct ocsf *ocsf, const char *path)
{
    struct hin_view key = open_parents(ocsf, path);
    hin_json_key_view(&ocsf->json, key);
}

static void open_row(struct ocsf *ocsf, const struct row *row)
{
    open_key(ocsf, row->path != NULL ? row->path : hin_field_get(row->field)->ocsf);
    ocsf->written |= UINT64_C(1) << row->field;
}

/* --- values --- */

static int64_t integer_of(const struct ocsf *ocsf, const struct row *row)
{
    return ocsf->event->values[row->field].integer;
}

/* A value in the form its type has by nature. */
static void put_value(struct ocsf *ocsf, const struct hin_field *field)
{
    const struct hin_value *value = &ocsf->event->values[field->id];
    if (field->type == HIN_TYPE_TEXT || field->type == HIN_TYPE_IP) {
        hin_json_put_text(&ocsf->json, value->text);
        return;
    }
    if (field->type != HIN_TYPE_TEXTS) {
        hin_json_put_integer(&ocsf->json, value->integer);
        return;
    }
    hin_json_begin_array(&ocsf->json);
    for (size_t i = 0; i < value->texts.count; i++) {
        hin_json_put_text(&ocsf->json, value->texts.items[i]);
    }
    hin_json_end_array(&ocsf->json);
}

static void put_plain(struct ocsf *ocsf, const struct row *row)
{
    open_row(ocsf, row);
    put_value(ocsf, hin_field_get(row->field));
}

static void put_number_as_text(struct ocsf *ocsf, const struct row *row)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)integer_of(ocsf, row));
    open_row(ocsf, row);
    hin_json_put_cstring(&ocsf->json, text);
}

static void put_millis(struct ocsf *ocsf, const struct row *row)
{
    open_row(ocsf, row);
    hin_json_put_integer(&ocsf->json, integer_of(ocsf, row) / HIN_MSEC_USEC);
}

static void put_boolean(struct ocsf *ocsf, const struct row *row)
{
    open_row(ocsf, row);
    hin_json_put_boolean(&ocsf->json, integer_of(ocsf, row) != 0);
}

/* An address, or, when the source writes names there, "hostname" beside it. */
static void put_address(struct ocsf *ocsf, const struct row *row)
{
    struct hin_view text = ocsf->event->values[row->field].text;
    char address[HIN_IP_TEXT_MAX];
    int version = 0;
    struct hin_view key = open_parents(ocsf, hin_field_get(row->field)->ocsf);
    ocsf->written |= UINT64_C(1) << row->field;
    if (hin_is_ok(hin_ip_canonical(text, address, &version))) {
        hin_json_key_view(&ocsf->json, key);
        hin_json_put_cstring(&ocsf->json, address);
        return;
    }
    hin_json_key(&ocsf->json, "hostname");
    hin_json_put_text(&ocsf->json, text);
}

/* An endpoint needs more than its port. */
static void put_port(struct ocsf *ocsf, const struct row *row)
{
    enum hin_field_id address =
        row->field == HIN_FIELD_SRC_PORT ? HIN_FIELD_SRC_IP : HIN_FIELD_DST_IP;
    int64_t port = integer_of(ocsf, row);
    if (hin_event_has(ocsf->event, address) && port >= 0 && port <= 65535) {
        put_plain(ocsf, row);
    }
}

static void put_attacks(struct ocsf *ocsf, const struct row *row)
{
    const struct hin_value *value = &ocsf->event->values[row->field];
    open_row(ocsf, row);
    hin_json_begin_array(&ocsf->json);
    for (size_t i = 0; i < value->texts.count; i++) {
        struct hin_view uid = value->texts.items[i];
        size_t dot = hin_view_find_byte(uid, '.');
        hin_json_begin_object(&ocsf->json);
        hin_json_key(&ocsf->json, "technique");
        hin_json_begin_object(&ocsf->json);
        hin_json_field_text(&ocsf->json, "uid", hin_view_sub(uid, 0, dot));
        hin_json_end_object(&ocsf->json);
        if (dot != SIZE_MAX) {
            hin_json_key(&ocsf->json, "sub_technique");
            hin_json_begin_object(&ocsf->json);
            hin_json_field_text(&ocsf->json, "uid", uid);
            hin_json_end_object(&ocsf->json);
        }
        hin_json_end_object(&ocsf->json);
    }
    hin_json_end_array(&ocsf->json);
}

static void put_process_name(struct ocsf *ocsf, const struct row *row)
{
    if (hin_event_has(ocsf->event, HIN_FIELD_PID)) {
        put_plain(ocsf, row);
    }
}

static void put_state_name(struct ocsf *ocsf, const struct row *row)
{
    const struct hin_state_info *state = hin_state_get(integer_of(ocsf, row));
    if (state != NULL) {
        open_row(ocsf, row);
        hin_json_put_cstring(&ocsf->json, state->name);
    }
}

static void put_message(struct ocsf *ocsf, const struct row *row)
{
    bool own = hin_event_has(ocsf->event, HIN_FIELD_MESSAGE);
    enum hin_field_id field = own ? HIN_FIELD_MESSAGE : HIN_FIELD_RULE_DESCRIPTION;
    if (hin_event_has(ocsf->event, field)) {
        open_key(ocsf, row->path);
        hin_json_put_text(&ocsf->json, ocsf->event->values[field].text);
        ocsf->written |= UINT64_C(1) << HIN_FIELD_MESSAGE;
    }
}

static void put_uid(struct ocsf *ocsf, const struct row *row)
{
    char uid[HIN_EVENT_UID_MAX];
    hin_event_uid_text(ocsf->event, uid);
    open_key(ocsf, row->path);
    hin_json_put_cstring(&ocsf->json, uid);
}

static const char *version_of(const struct ocsf *ocsf)
{
    return ocsf->options->version != NULL ? ocsf->options->version : HIN_VERSION;
}

static void put_product(struct ocsf *ocsf, const struct row *row)
{
    struct hin_json_writer *json = &ocsf->json;
    open_key(ocsf, row->path);
    hin_json_begin_object(json);
    hin_json_field_cstring(json, "name",
                           hin_event_is_managers(ocsf->event) ? "Hinomi Manager" : "Hinomi Agent");
    hin_json_field_cstring(json, "vendor_name", "Hinomi");
    if (hin_event_has(ocsf->event, HIN_FIELD_AGENT_VERSION)) {
        hin_json_field_text(json, "version", hin_event_text(ocsf->event, HIN_FIELD_AGENT_VERSION));
    } else {
        hin_json_field_cstring(json, "version", version_of(ocsf));
    }
    ocsf->written |= UINT64_C(1) << HIN_FIELD_AGENT_VERSION;
    if (row->classes == LIFECYCLE && hin_event_has(ocsf->event, HIN_FIELD_COMPONENT)) {
        hin_json_key(json, "feature");
        hin_json_begin_object(json);
        hin_json_field_text(json, "name", hin_event_text(ocsf->event, HIN_FIELD_COMPONENT));
        hin_json_end_object(json);
        ocsf->written |= UINT64_C(1) << HIN_FIELD_COMPONENT;
    }
    hin_json_end_object(json);
}

static void put_profiles(struct ocsf *ocsf, const struct row *row)
{
    open_key(ocsf, row->path);
    hin_json_begin_array(&ocsf->json);
    hin_json_put_cstring(&ocsf->json, "host");
    if (hin_event_has(ocsf->event, HIN_FIELD_ACTION)) {
        hin_json_put_cstring(&ocsf->json, "security_control");
    }
    hin_json_end_array(&ocsf->json);
}

static void put_schema_version(struct ocsf *ocsf, const struct row *row)
{
    open_key(ocsf, row->path);
    hin_json_put_cstring(&ocsf->json, "1.8.0");
}

static void put_action(struct ocsf *ocsf, const struct row *row)
{
    put_plain(ocsf, row);
    hin_json_field_integer(&ocsf->json, "action_id", 99); /* as the source names it */
}

static void put_raw(struct ocsf *ocsf, const struct row *row)
{
    put_plain(ocsf, row);
    hin_json_field_unsigned(&ocsf->json, "raw_data_size",
                            ocsf->event->values[row->field].text.size);
}

/* --- captions --- */

static const char *const finding_activities[] = {"Unknown", "Create", "Update", "Close"};
static const char *const lifecycle_activities[] = {"Unknown", "Install", "Remove",  "Start", "Stop",
                                                   "Restart", "Enable",  "Disable", "Update"};
static const char *const severities[] = {"Unknown", "Informational", "Low",  "Medium",
                                         "High",    "Critical",      "Fatal"};

HIN_RESULT hin_severity_parse(struct hin_view word, int64_t *ret_severity)
{
    for (size_t i = 0; i < HIN_COUNT(severities); i++) {
        if (hin_view_equal_nocase(hin_view_from_text(severities[i]), word)) {
            *ret_severity = (int64_t)i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_INVALID);
}

static const char *caption(const char *const *captions, size_t count, int64_t number)
{
    return number >= 0 && (uint64_t)number < count ? captions[number] : "Other";
}

static void put_classification(struct ocsf *ocsf, const struct row *row)
{
    (void)open_parents(ocsf, row->path);
    struct hin_json_writer *json = &ocsf->json;
    int64_t class_uid = hin_event_integer(ocsf->event, HIN_FIELD_CLASS);
    int64_t activity = hin_event_integer(ocsf->event, HIN_FIELD_ACTIVITY);
    int64_t severity = hin_event_integer(ocsf->event, HIN_FIELD_SEVERITY);
    if (activity < 0 || activity > ACTIVITY_OTHER) {
        activity = ACTIVITY_OTHER; /* type_uid has two digits for it */
    }
    bool finding = class_uid == HIN_CLASS_DETECTION_FINDING;
    const char *class_name = finding ? "Detection Finding" : "Application Lifecycle";
    const char *activity_name =
        finding ? caption(finding_activities, HIN_COUNT(finding_activities), activity)
                : caption(lifecycle_activities, HIN_COUNT(lifecycle_activities), activity);
    char type_name[64];
    (void)snprintf(type_name, sizeof(type_name), "%s: %s", class_name, activity_name);
    hin_json_field_integer(json, "category_uid", class_uid / 1000);
    hin_json_field_cstring(json, "category_name", finding ? "Findings" : "Application Activity");
    hin_json_field_integer(json, "class_uid", class_uid);
    hin_json_field_cstring(json, "class_name", class_name);
    hin_json_field_integer(json, "activity_id", activity);
    hin_json_field_cstring(json, "activity_name", activity_name);
    hin_json_field_integer(json, "type_uid", class_uid * 100 + activity);
    hin_json_field_cstring(json, "type_name", type_name);
    hin_json_field_integer(json, "severity_id", severity);
    hin_json_field_cstring(json, "severity", caption(severities, HIN_COUNT(severities), severity));
    if (finding) {
        hin_json_field_integer(json, "status_id", 1);
        hin_json_field_cstring(json, "status", "New");
    }
    ocsf->written |= UINT64_C(1) << HIN_FIELD_CLASS | UINT64_C(1) << HIN_FIELD_ACTIVITY |
                     UINT64_C(1) << HIN_FIELD_SEVERITY;
}

/* Rows below one object stand together. */
static const struct row plan[] = {
    {"class_uid", 0, BOTH, put_classification},
    {NULL, HIN_FIELD_TIME, BOTH, put_millis},
    {"message", 0, BOTH, put_message},
    {NULL, HIN_FIELD_COUNT, BOTH, put_plain},
    {NULL, HIN_FIELD_STATUS, BOTH, put_plain},
    {NULL, HIN_FIELD_DETAIL, BOTH, put_plain},
    {NULL, HIN_FIELD_ACTION, BOTH, put_action},
    {"metadata.version", 0, BOTH, put_schema_version},
    {"metadata.profiles", 0, BOTH, put_profiles},
    {"metadata.uid", 0, BOTH, put_uid},
    {"metadata.product", 0, BOTH, put_product},
    {NULL, HIN_FIELD_STATE, BOTH, put_state_name},
    {NULL, HIN_FIELD_PROGRAM, BOTH, put_plain},
    {NULL, HIN_FIELD_LOCATION, BOTH, put_plain},
    {NULL, HIN_FIELD_RECEIVED, BOTH, put_millis},
    {NULL, HIN_FIELD_ORIGINAL_TIME, BOTH, put_plain},
    {NULL, HIN_FIELD_LOG_ID, BOTH, put_plain},
    {NULL, HIN_FIELD_TRUNCATED, BOTH, put_boolean},
    {NULL, HIN_FIELD_UNTRUNCATED_BYTES, BOTH, put_plain},
    {"app", 0, LIFECYCLE, put_product},
    {NULL, HIN_FIELD_COMPUTER_ID, BOTH, put_number_as_text},
    {NULL, HIN_FIELD_COMPUTER, BOTH, put_plain},
    {NULL, HIN_FIELD_HOST, BOTH, put_plain},
    {"finding_info.uid", 0, FINDING, put_uid},
    {NULL, HIN_FIELD_RULE_DESCRIPTION, FINDING, put_plain},
    {NULL, HIN_FIELD_RULE_GROUPS, FINDING, put_plain},
    {NULL, HIN_FIELD_TECHNIQUES, FINDING, put_attacks},
    {NULL, HIN_FIELD_RULE_ID, FINDING, put_number_as_text},
    {NULL, HIN_FIELD_RULE_LEVEL, FINDING, put_number_as_text},
    {NULL, HIN_FIELD_SRC_IP, FINDING, put_address},
    {NULL, HIN_FIELD_SRC_PORT, FINDING, put_port},
    {NULL, HIN_FIELD_DST_IP, FINDING, put_address},
    {NULL, HIN_FIELD_DST_PORT, FINDING, put_port},
    {NULL, HIN_FIELD_USER, FINDING, put_plain},
    {NULL, HIN_FIELD_SRC_USER, FINDING, put_plain},
    {NULL, HIN_FIELD_PID, FINDING, put_plain},
    {"evidences[0].process.name", HIN_FIELD_PROGRAM, FINDING, put_process_name},
    {NULL, HIN_FIELD_PROTOCOL, FINDING, put_plain},
    {NULL, HIN_FIELD_URL, FINDING, put_plain},
    {NULL, HIN_FIELD_RAW, BOTH, put_raw},
    {NULL, HIN_FIELD_DECODER, BOTH, put_plain},
    {NULL, HIN_FIELD_DATA, BOTH, put_plain},
    {NULL, HIN_FIELD_EXTRA_DATA, BOTH, put_plain},
    {NULL, HIN_FIELD_SYSTEM_NAME, BOTH, put_plain},
    {NULL, HIN_FIELD_POLICY_VERSION, BOTH, put_plain},
    {NULL, HIN_FIELD_CLOCK_OFFSET, BOTH, put_plain},
    {NULL, HIN_FIELD_CLOCK_SOURCE, BOTH, put_plain},
    {NULL, HIN_FIELD_CORRECTED, BOTH, put_plain},
};

/* What the plan had no place for, under its own name. */
static void put_leftovers(struct ocsf *ocsf)
{
    uint64_t identity = UINT64_C(1) << HIN_FIELD_GENERATION | UINT64_C(1) << HIN_FIELD_OFFSET |
                        UINT64_C(1) << HIN_FIELD_FINDING;
    uint64_t left = ocsf->event->present & ~ocsf->written & ~identity;
    for (; left != 0; left &= left - 1) {
        const struct hin_field *field = hin_field_get((uint16_t)__builtin_ctzll(left));
        (void)open_parents(ocsf, "unmapped.x");
        hin_json_key(&ocsf->json, field->name);
        put_value(ocsf, field);
    }
}

static void put_extras(struct ocsf *ocsf)
{
    for (size_t i = 0; i < ocsf->event->extra_count; i++) {
        if (i == 0) {
            (void)open_parents(ocsf, "unmapped.fields.x");
        }
        hin_json_key_view(&ocsf->json, ocsf->event->extras[i].name);
        hin_json_put_text(&ocsf->json, ocsf->event->extras[i].value);
    }
}

static const struct hin_write_options no_options = {.facility = 16};

HIN_RESULT hin_event_write_ocsf(const struct hin_event *event,
                                const struct hin_write_options *options, struct hin_buf *buf)
{
    size_t before = buf->size;
    struct ocsf ocsf = {.event = event, .options = options != NULL ? options : &no_options};
    int64_t class_uid = hin_event_integer(event, HIN_FIELD_CLASS);
    uint8_t class_bit = class_uid == HIN_CLASS_DETECTION_FINDING       ? FINDING
                        : class_uid == HIN_CLASS_APPLICATION_LIFECYCLE ? LIFECYCLE
                                                                       : 0;
    HIN_ENSURE(class_bit != 0, UNSUPPORTED);
    hin_json_writer_init(&ocsf.json, buf, false);
    hin_json_begin_object(&ocsf.json);
    if (ocsf.options->id != 0) {
        hin_json_field_integer(&ocsf.json, "ID", ocsf.options->id);
    }
    for (size_t i = 0; i < HIN_COUNT(plan); i++) {
        if ((plan[i].classes & class_bit) != 0 &&
            (plan[i].field == 0 || hin_event_has(event, plan[i].field))) {
            plan[i].write(&ocsf, &plan[i]);
        }
    }
    put_leftovers(&ocsf);
    put_extras(&ocsf);
    while (ocsf.open_count > 0) {
        close_last(&ocsf);
    }
    hin_json_end_object(&ocsf.json);
    struct hin_result result = hin_json_writer_finish(&ocsf.json);
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}
