#include "manager/person_change.h"

#include "base/bytes.h"
#include "base/time.h"

static HIN_RESULT check_field(struct hin_json item, struct hin_view name,
                              const struct hin_field *field, struct hin_error *error)
{
    if (field == NULL || field->data != HIN_DATA_PERSONAL) {
        return hin_json_refuse(item, error, HIN_INVALID,
                               "%.*s is no field with personal data: nothing else is corrected",
                               HIN_ARGS(name));
    }
    if (field->id == HIN_FIELD_RAW) {
        return hin_json_refuse(item, error, HIN_INVALID,
                               "the raw line is evidence and stays as it is: correct the fields "
                               "that were read from it, or erase the event");
    }
    return hin_ok();
}

static bool stands_already(const struct hin_person_change *change, const struct hin_field *field)
{
    bool stands = false;
    for (size_t i = 0; i < change->count; i++) {
        stands = stands || change->items[i].field == field;
    }
    return stands;
}

/* An address is stored in its canonical form, as agents do. */
static HIN_RESULT read_value(struct hin_json item, const struct hin_field *field,
                             struct hin_arena *arena, struct hin_view *value,
                             struct hin_error *error)
{
    char address[HIN_IP_TEXT_MAX];
    int version = 0;
    if (value->size == 0 || value->size > HIN_PERSON_VALUE_MAX) {
        return hin_json_refuse(item, error, HIN_INVALID, "%s: a value of 1 to %d bytes is needed",
                               field->name, HIN_PERSON_VALUE_MAX);
    }
    if (field->type != HIN_TYPE_IP) {
        return hin_ok();
    }
    if (!hin_is_ok(hin_ip_canonical(*value, address, &version))) {
        return hin_json_refuse(item, error, HIN_INVALID, "%s: not an address", field->name);
    }
    return hin_arena_copy(arena, hin_view_from_text(address), value);
}

static HIN_RESULT read_one(struct hin_json item, struct hin_arena *arena,
                           struct hin_person_change *change, struct hin_error *error)
{
    static const char *const known[] = {"field", "value"};
    struct hin_view name, value;
    HIN_TRY(hin_json_only(item, known, HIN_COUNT(known), error));
    HIN_TRY(hin_json_get_text(item, "field", &name, error));
    HIN_TRY(hin_json_get_text(item, "value", &value, error));
    const struct hin_field *field = hin_field_find(name);
    HIN_TRY(check_field(item, hin_view_sub(name, 0, HIN_MIN(name.size, (size_t)64)), field, error));
    HIN_TRY(read_value(item, field, arena, &value, error));
    if (stands_already(change, field)) {
        return hin_json_refuse(item, error, HIN_INVALID, "%s stands twice", field->name);
    }
    change->items[change->count].field = field;
    change->items[change->count++].value = value;
    return hin_ok();
}

HIN_RESULT hin_person_change_read(struct hin_json set, struct hin_arena *arena,
                                  struct hin_person_change *ret_change, struct hin_error *error)
{
    struct hin_person_change change = {0};
    size_t count = 0;
    HIN_TRY(hin_json_array(set, &count, error));
    if (count == 0 || count > HIN_PERSON_CONDITIONS_MAX) {
        return hin_json_refuse(set, error, HIN_INVALID, "1 to %d fields to set are needed",
                               HIN_PERSON_CONDITIONS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(read_one(hin_json_at(set, i), arena, &change, error));
    }
    *ret_change = change;
    return hin_ok();
}

/* ---- what an event bears ---- */

/* "audit entry 7: user, src_ip, 2026-11-29T11:40:00.000Z (note)"; the beginning names the change.
 */
static HIN_RESULT write_note(const struct hin_person_change *change, struct hin_view begin,
                             struct hin_buf *out)
{
    char time[40];
    HIN_TRY(hin_buf_append(out, begin));
    for (size_t i = 0; i < change->count; i++) {
        HIN_TRY(hin_buf_printf(out, "%s%s", i > 0 ? ", " : " ", change->items[i].field->name));
    }
    hin_time_format_rfc3339(change->time_usec, 0, time, sizeof(time));
    HIN_TRY(hin_buf_printf(out, ", %s", time));
    return change->note.size == 0 ? hin_ok()
                                  : hin_buf_printf(out, " (%.*s)", HIN_ARGS(change->note));
}

/* Behind those of earlier corrections; of too many the oldest goes. */
static HIN_RESULT add_note(const struct hin_person_change *change, struct hin_view begin,
                           struct hin_event *event, struct hin_arena *arena)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_view notes[HIN_EVENT_LIST_MAX];
    const struct hin_value *held = &event->values[HIN_FIELD_CORRECTED];
    size_t count = 0;
    size_t from = 0;
    if (hin_event_has(event, HIN_FIELD_CORRECTED)) {
        from = held->texts.count >= HIN_EVENT_LIST_MAX ? held->texts.count - HIN_EVENT_LIST_MAX + 1
                                                       : 0;
        for (size_t i = from; i < held->texts.count; i++) {
            notes[count++] = held->texts.items[i];
        }
    }
    HIN_TRY(write_note(change, begin, &text));
    HIN_TRY(hin_arena_copy(arena, hin_buf_view(&text), &notes[count]));
    return hin_event_set_texts(event, HIN_FIELD_CORRECTED, notes, count + 1);
}

static bool bears(const struct hin_event *event, struct hin_view begin)
{
    const struct hin_value *held = &event->values[HIN_FIELD_CORRECTED];
    size_t count = hin_event_has(event, HIN_FIELD_CORRECTED) ? held->texts.count : 0;
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || hin_view_starts_with(held->texts.items[i], begin);
    }
    return found;
}

HIN_RESULT hin_person_change_apply(const struct hin_person_change *change, struct hin_event *event,
                                   struct hin_arena *arena, bool *ret_changed)
{
    struct hin_view begin;
    HIN_TRY(hin_arena_printf(arena, &begin, "audit entry %lld:", (long long)change->entry));
    *ret_changed = !bears(event, begin);
    if (!*ret_changed) {
        return hin_ok();
    }
    for (size_t i = 0; i < change->count; i++) {
        HIN_TRY(hin_event_set_text(event, (enum hin_field_id)change->items[i].field->id,
                                   change->items[i].value));
    }
    return add_note(change, begin, event, arena);
}
