#include "event/event.h"

#include "base/bytes.h"

void hin_event_init(struct hin_event *event, struct hin_arena *arena)
{
    event->arena = arena;
    event->present = 0;
    event->extras = NULL;
    event->extra_count = 0;
    event->extra_capacity = 0;
}

static void put_integer(struct hin_event *event, enum hin_field_id field, int64_t value)
{
    event->values[field].integer = value;
    event->present |= UINT64_C(1) << field;
}

static void put_text(struct hin_event *event, enum hin_field_id field, struct hin_view text)
{
    event->values[field].text = text;
    event->present |= UINT64_C(1) << field;
}

void hin_event_init_finding(struct hin_event *event, struct hin_arena *arena, int64_t time_usec,
                            int64_t received_usec, int64_t rule_id, int64_t rule_level)
{
    hin_event_init(event, arena);
    put_integer(event, HIN_FIELD_TIME, time_usec);
    put_integer(event, HIN_FIELD_RECEIVED, received_usec);
    put_integer(event, HIN_FIELD_CLASS, HIN_CLASS_DETECTION_FINDING);
    put_integer(event, HIN_FIELD_ACTIVITY, 1); /* create */
    put_integer(event, HIN_FIELD_SEVERITY, hin_severity_from_level(rule_level));
    put_integer(event, HIN_FIELD_RULE_ID, rule_id);
    put_integer(event, HIN_FIELD_RULE_LEVEL, rule_level);
}

void hin_event_init_state(struct hin_event *event, struct hin_arena *arena, int64_t time_usec,
                          enum hin_state_code state, struct hin_view component)
{
    const struct hin_state_info *info = hin_state_get((int64_t)state);
    hin_event_init(event, arena);
    put_integer(event, HIN_FIELD_TIME, time_usec);
    put_integer(event, HIN_FIELD_CLASS, HIN_CLASS_APPLICATION_LIFECYCLE);
    put_integer(event, HIN_FIELD_ACTIVITY, info != NULL ? info->activity : 0);
    put_integer(event, HIN_FIELD_SEVERITY, info != NULL ? info->severity : 0);
    put_integer(event, HIN_FIELD_STATE, (int64_t)state);
    put_text(event, HIN_FIELD_MESSAGE, hin_view_from_text(info != NULL ? info->text : "Unknown"));
    if (component.size > 0) {
        put_text(event, HIN_FIELD_COMPONENT, component);
    }
}

HIN_RESULT hin_event_set_text(struct hin_event *event, enum hin_field_id field,
                              struct hin_view text)
{
    const struct hin_field *row = hin_field_get((uint16_t)field);
    HIN_ENSURE(row != NULL && (row->type == HIN_TYPE_TEXT || row->type == HIN_TYPE_IP), INVALID);
    HIN_ENSURE(text.size <= HIN_EVENT_TEXT_MAX, LIMIT);
    put_text(event, field, text);
    return hin_ok();
}

HIN_RESULT hin_event_set_copy(struct hin_event *event, enum hin_field_id field,
                              struct hin_view text)
{
    HIN_ENSURE(text.size <= HIN_EVENT_TEXT_MAX, LIMIT);
    struct hin_view copy;
    HIN_TRY(hin_arena_copy(event->arena, text, &copy));
    return hin_event_set_text(event, field, copy);
}

HIN_RESULT hin_event_set_integer(struct hin_event *event, enum hin_field_id field, int64_t value)
{
    const struct hin_field *row = hin_field_get((uint16_t)field);
    HIN_ENSURE(row != NULL, INVALID);
    HIN_ENSURE(row->type == HIN_TYPE_INTEGER || row->type == HIN_TYPE_TIME ||
                   (row->type == HIN_TYPE_FLAG && (value == 0 || value == 1)),
               INVALID);
    put_integer(event, field, value);
    return hin_ok();
}

HIN_RESULT hin_event_set_texts(struct hin_event *event, enum hin_field_id field,
                               const struct hin_view *items, size_t count)
{
    const struct hin_field *row = hin_field_get((uint16_t)field);
    HIN_ENSURE(row != NULL && row->type == HIN_TYPE_TEXTS, INVALID);
    HIN_ENSURE(count <= HIN_EVENT_LIST_MAX, LIMIT);
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(items[i].size <= HIN_EVENT_TEXT_MAX, LIMIT);
    }
    struct hin_view *copy = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(event->arena, count > 0 ? count : 1, &copy));
    hin_copy(copy, items, count * sizeof(*copy));
    event->values[field].texts.items = copy;
    event->values[field].texts.count = count;
    event->present |= UINT64_C(1) << field;
    return hin_ok();
}

static HIN_RESULT extras_grow(struct hin_event *event)
{
    HIN_ENSURE(event->extra_count < HIN_EVENT_EXTRAS_MAX, LIMIT);
    if (event->extra_count < event->extra_capacity) {
        return hin_ok();
    }
    size_t capacity = event->extra_capacity > 0 ? event->extra_capacity * 2 : 8;
    struct hin_event_extra *extras = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(event->arena, capacity, &extras));
    hin_copy(extras, event->extras, event->extra_count * sizeof(*extras));
    event->extras = extras;
    event->extra_capacity = capacity;
    return hin_ok();
}

HIN_RESULT hin_event_set_extra(struct hin_event *event, struct hin_view name, struct hin_view value)
{
    HIN_ENSURE(name.size > 0 && name.size <= HIN_EVENT_NAME_MAX, INVALID);
    HIN_ENSURE(value.size <= HIN_EVENT_TEXT_MAX, LIMIT);
    for (size_t i = 0; i < event->extra_count; i++) {
        if (hin_view_equal(event->extras[i].name, name)) {
            event->extras[i].value = value;
            return hin_ok();
        }
    }
    HIN_TRY(extras_grow(event));
    event->extras[event->extra_count++] = (struct hin_event_extra){name, value};
    return hin_ok();
}

void hin_event_unset(struct hin_event *event, enum hin_field_id field)
{
    event->present &= ~(UINT64_C(1) << field);
}

static HIN_RESULT append_item(struct hin_event *event, const struct hin_field *field,
                              struct hin_view text)
{
    struct hin_view items[HIN_EVENT_LIST_MAX];
    size_t count = 0;
    if (hin_event_has(event, field->id)) {
        count = event->values[field->id].texts.count;
        hin_copy(items, event->values[field->id].texts.items, count * sizeof(*items));
    }
    HIN_ENSURE(count < HIN_EVENT_LIST_MAX, LIMIT);
    items[count++] = text;
    return hin_event_set_texts(event, field->id, items, count);
}

HIN_RESULT hin_event_set_decoded(struct hin_event *event, const struct hin_field *field,
                                 struct hin_view text)
{
    if (field->type == HIN_TYPE_TEXT || field->type == HIN_TYPE_IP) {
        return hin_event_set_text(event, field->id, text);
    }
    if (field->type == HIN_TYPE_TEXTS) {
        return append_item(event, field, text);
    }
    int64_t number = 0;
    if (hin_is_ok(hin_view_to_i64(hin_view_trim(text), &number)) &&
        hin_is_ok(hin_event_set_integer(event, field->id, number))) {
        return hin_ok();
    }
    return hin_event_set_extra(event, hin_view_from_text(field->name), text);
}

int64_t hin_event_integer(const struct hin_event *event, enum hin_field_id field)
{
    return hin_event_has(event, field) ? event->values[field].integer : 0;
}

struct hin_view hin_event_text(const struct hin_event *event, enum hin_field_id field)
{
    return hin_event_has(event, field) ? event->values[field].text : HIN_VIEW_EMPTY;
}

bool hin_event_extra(const struct hin_event *event, struct hin_view name,
                     struct hin_view *ret_value)
{
    for (size_t i = 0; i < event->extra_count; i++) {
        if (hin_view_equal(event->extras[i].name, name)) {
            *ret_value = event->extras[i].value;
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_event_set_identity(struct hin_event *event,
                                  const struct hin_event_identity *identity)
{
    HIN_ENSURE(identity->generation > 0 && identity->generation <= INT64_MAX, INVALID);
    HIN_ENSURE(identity->offset <= INT64_MAX, INVALID);
    put_integer(event, HIN_FIELD_GENERATION, (int64_t)identity->generation);
    put_integer(event, HIN_FIELD_OFFSET, (int64_t)identity->offset);
    put_integer(event, HIN_FIELD_FINDING, identity->finding);
    return hin_ok();
}

HIN_RESULT hin_event_identity(const struct hin_event *event,
                              struct hin_event_identity *ret_identity)
{
    int64_t generation = hin_event_integer(event, HIN_FIELD_GENERATION);
    int64_t offset = hin_event_integer(event, HIN_FIELD_OFFSET);
    int64_t finding = hin_event_integer(event, HIN_FIELD_FINDING);
    HIN_ENSURE(generation > 0, NOT_FOUND);
    HIN_ENSURE(offset >= 0 && finding >= 0 && finding <= UINT32_MAX, INVALID);
    *ret_identity =
        (struct hin_event_identity){(uint64_t)generation, (uint64_t)offset, (uint32_t)finding};
    return hin_ok();
}

/* Bands of levels: 0-3, 4-6, 7-9, 10-12, 13-16. */
static int level_band(int64_t level)
{
    return level <= 3 ? 0 : level <= 6 ? 1 : level <= 9 ? 2 : level <= 12 ? 3 : 4;
}

int64_t hin_severity_from_level(int64_t level)
{
    return level_band(level) + 1;
}

int hin_cef_severity_from_level(int64_t level)
{
    /* 0-3 -> 0-2, 4-6 -> 3-4, 7-9 -> 5-6, 10-12 -> 7-8, 13-16 -> 9-10 */
    static const uint8_t severities[17] = {0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 10};
    return severities[level < 0 ? 0 : level > 16 ? 16 : level];
}

int hin_cef_severity_from_ocsf(int64_t severity_id)
{
    static const uint8_t severities[7] = {0, 1, 3, 5, 8, 9, 10};
    return severity_id >= 0 && severity_id <= 6 ? severities[severity_id] : 0;
}
