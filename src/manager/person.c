#include "manager/person.h"

#include "base/bytes.h"

static bool is_address(struct hin_view text)
{
    char address[HIN_IP_TEXT_MAX];
    int version = 0;
    return hin_is_ok(hin_ip_canonical(text, address, &version));
}

HIN_RESULT hin_person_fields(struct hin_buf *out)
{
    size_t count = 0;
    size_t before = out->size;
    const struct hin_field *fields = hin_field_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].data == HIN_DATA_PERSONAL) {
            HIN_TRY(hin_buf_printf(out, "%s%s", out->size > before ? ", " : "", fields[i].name));
        }
    }
    return hin_ok();
}

static HIN_RESULT refuse_field(struct hin_json at, struct hin_view name,
                               const struct hin_field *field, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf names = {.max = 4096};
    HIN_TRY(hin_person_fields(&names));
    struct hin_view shown = hin_view_sub(name, 0, HIN_MIN(name.size, (size_t)64));
    return hin_json_refuse(at, error, HIN_INVALID,
                           field == NULL ? "%.*s is no field of the table; a person is selected by "
                                           "one of: %.*s"
                                         : "%.*s is not personal data; a person is selected by one "
                                           "of: %.*s",
                           HIN_ARGS(shown), HIN_ARGS(hin_buf_view(&names)));
}

/* Forwards to the table's name, so that an alias does not make a condition of its own. */
static bool stands_already(const struct hin_person *person, const struct hin_field *field)
{
    for (size_t i = 0; i < person->count; i++) {
        if (person->items[i].field == field) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT read_one(struct hin_json item, struct hin_arena *arena, struct hin_person *person,
                           struct hin_error *error)
{
    static const char *const known[] = {"field", "value"};
    struct hin_view name, value;
    HIN_TRY(hin_json_only(item, known, HIN_COUNT(known), error));
    HIN_TRY(hin_json_get_text(item, "field", &name, error));
    HIN_TRY(hin_json_get_text(item, "value", &value, error));
    const struct hin_field *field = hin_field_find(name);
    if (field == NULL || field->data != HIN_DATA_PERSONAL) {
        return refuse_field(item, name, field, error);
    }
    if (value.size == 0 || value.size > HIN_PERSON_VALUE_MAX) {
        return hin_json_refuse(item, error, HIN_INVALID, "%s: a value of 1 to %d bytes is needed",
                               field->name, HIN_PERSON_VALUE_MAX);
    }
    if (field->type == HIN_TYPE_IP && hin_view_find_byte(value, '/') != SIZE_MAX) {
        return hin_json_refuse(item, error, HIN_INVALID, "%s: one address is meant, not a network",
                               field->name);
    }
    if (stands_already(person, field)) {
        return hin_json_refuse(item, error, HIN_INVALID,
                               "%s stands twice: all conditions must hold, so ask once for each "
                               "value",
                               field->name);
    }
    struct hin_person_condition *condition = &person->items[person->count];
    *condition = (struct hin_person_condition){.field = field, .value = value};
    HIN_TRY(hin_canonical(field->canon, value, arena, &condition->canonical));
    person->count++;
    if (field->search == HIN_SEARCH_TOKEN) {
        person->terms[person->term_count++] =
            (struct hin_term){.field = field->id, .value = condition->canonical};
    }
    return hin_ok();
}

HIN_RESULT hin_person_read(struct hin_json where, struct hin_arena *arena,
                           struct hin_person *ret_person, struct hin_error *error)
{
    struct hin_person person = {0};
    size_t count = 0;
    HIN_TRY(hin_json_array(where, &count, error));
    if (count == 0 || count > HIN_PERSON_CONDITIONS_MAX) {
        return hin_json_refuse(where, error, HIN_INVALID, "1 to %d conditions are needed",
                               HIN_PERSON_CONDITIONS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(read_one(hin_json_at(where, i), arena, &person, error));
    }
    *ret_person = person;
    return hin_ok();
}

static bool condition_holds(const struct hin_person_condition *condition,
                            const struct hin_event *event, struct hin_arena *arena)
{
    struct hin_term term = {.field = condition->field->id, .value = condition->canonical};
    if (!hin_event_matches(event, &term, arena)) {
        return false;
    }
    return condition->field->canon != HIN_CANON_EXACT ||
           hin_view_equal(hin_event_text(event, (enum hin_field_id)condition->field->id),
                          condition->value);
}

bool hin_person_selects(const struct hin_person *person, const struct hin_event *event,
                        struct hin_arena *arena)
{
    for (size_t i = 0; i < person->count; i++) {
        if (!condition_holds(&person->items[i], event, arena)) {
            return false;
        }
    }
    return person->count > 0;
}

static bool same_address(struct hin_view text, const struct hin_person_condition *condition)
{
    char address[HIN_IP_TEXT_MAX];
    int version = 0;
    return is_address(condition->value) && hin_is_ok(hin_ip_canonical(text, address, &version)) &&
           hin_view_is(condition->canonical, address);
}

bool hin_person_is_named(const struct hin_person *person, struct hin_view text)
{
    for (size_t i = 0; i < person->count; i++) {
        const struct hin_person_condition *condition = &person->items[i];
        if (text.size > 0 &&
            (hin_view_equal_nocase(text, condition->value) ||
             (condition->field->type == HIN_TYPE_IP && same_address(text, condition)))) {
            return true;
        }
    }
    return false;
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
}

static bool stands_in(struct hin_view text, struct hin_view wanted)
{
    while (text.size >= wanted.size && wanted.size > 0) {
        size_t at = hin_view_find(text, wanted);
        if (at == SIZE_MAX) {
            return false;
        }
        size_t behind = at + wanted.size;
        /* "\n" before it is an escape, no letter. */
        bool escape = at > 1 && text.data[at - 2] == '\\';
        bool begins = at == 0 || escape || !is_word(text.data[at - 1]) || !is_word(wanted.data[0]);
        bool ends = behind == text.size || !is_word(text.data[behind]) ||
                    !is_word(wanted.data[wanted.size - 1]);
        if (begins && ends) {
            return true;
        }
        text = hin_view_sub(text, at + 1, text.size - at - 1);
    }
    return false;
}

bool hin_person_is_mentioned(const struct hin_person *person, struct hin_view json)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8 * HIN_PERSON_VALUE_MAX};
    for (size_t i = 0; i < person->count; i++) {
        hin_buf_clear(&text);
        if (!hin_is_ok(hin_json_append_text(&text, person->items[i].value)) || text.size < 2) {
            continue;
        }
        if (stands_in(json, hin_view_of(text.data + 1, text.size - 2))) {
            return true;
        }
    }
    return false;
}
