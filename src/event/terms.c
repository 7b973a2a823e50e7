#include "event/terms.h"

#include "base/bytes.h"
#include "base/codec.h"

struct collector {
    struct hin_term *terms;
    size_t count;
    size_t capacity;
    struct hin_arena *arena;
};

static HIN_RESULT collect(struct collector *collector, uint16_t field, enum hin_field_canon canon,
                          struct hin_view name, struct hin_view value)
{
    if (collector->count == collector->capacity) {
        return hin_ok();
    }
    struct hin_term term = {.field = field, .name = name};
    HIN_TRY(hin_canonical(canon, value, collector->arena, &term.value));
    collector->terms[collector->count++] = term;
    return hin_ok();
}

static HIN_RESULT integer_text(int64_t value, struct hin_arena *arena, struct hin_view *ret_text)
{
    uint8_t digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    return hin_arena_copy(arena, hin_view_of(&digits[at], sizeof(digits) - at), ret_text);
}

static HIN_RESULT collect_field(struct collector *collector, const struct hin_event *event,
                                const struct hin_field *field)
{
    const struct hin_value *value = &event->values[field->id];
    if (field->type == HIN_TYPE_TEXT || field->type == HIN_TYPE_IP) {
        return collect(collector, field->id, field->canon, HIN_VIEW_EMPTY, value->text);
    }
    if (field->type == HIN_TYPE_TEXTS) {
        for (size_t i = 0; i < value->texts.count; i++) {
            HIN_TRY(
                collect(collector, field->id, field->canon, HIN_VIEW_EMPTY, value->texts.items[i]));
        }
        return hin_ok();
    }
    struct hin_view text;
    HIN_TRY(integer_text(value->integer, collector->arena, &text));
    return collect(collector, field->id, HIN_CANON_EXACT, HIN_VIEW_EMPTY, text);
}

static size_t count_bound(const struct hin_event *event)
{
    size_t bound = event->extra_count;
    for (uint64_t left = event->present; left != 0; left &= left - 1) {
        unsigned id = (unsigned)__builtin_ctzll(left);
        bound +=
            hin_field_get((uint16_t)id)->type == HIN_TYPE_TEXTS ? event->values[id].texts.count : 1;
    }
    return HIN_MIN(bound, (size_t)HIN_EVENT_TERMS_MAX);
}

HIN_RESULT hin_event_terms(const struct hin_event *event, struct hin_arena *arena,
                           const struct hin_term **ret_terms, size_t *ret_count)
{
    struct collector collector = {.capacity = count_bound(event), .arena = arena};
    void *memory = NULL;
    HIN_TRY(hin_arena_alloc(arena, (collector.capacity + 1) * sizeof(struct hin_term), &memory));
    collector.terms = memory;
    for (uint64_t left = event->present; left != 0; left &= left - 1) {
        const struct hin_field *field = hin_field_get((uint16_t)__builtin_ctzll(left));
        if (field->search == HIN_SEARCH_TOKEN) {
            HIN_TRY(collect_field(&collector, event, field));
        }
    }
    for (size_t i = 0; i < event->extra_count; i++) {
        struct hin_view name;
        HIN_TRY(hin_canonical(HIN_CANON_FOLD, event->extras[i].name, arena, &name));
        HIN_TRY(collect(&collector, 0, HIN_CANON_FOLD, name, event->extras[i].value));
    }
    *ret_terms = collector.terms;
    *ret_count = collector.count;
    return hin_ok();
}

HIN_RESULT hin_term_parse(struct hin_view name, struct hin_view value, struct hin_arena *arena,
                          struct hin_term *ret_term)
{
    struct hin_term term = {0};
    HIN_ENSURE(name.size > 0 && name.size <= HIN_EVENT_NAME_MAX, INVALID);
    struct hin_view prefix = HIN_VIEW("field.");
    bool forced = name.size > prefix.size &&
                  hin_view_equal_nocase(hin_view_sub(name, 0, prefix.size), prefix);
    const struct hin_field *field = forced ? NULL : hin_field_find(name);
    if (field == NULL) {
        struct hin_view bare = forced ? hin_view_sub(name, prefix.size, name.size) : name;
        HIN_TRY(hin_canonical(HIN_CANON_FOLD, bare, arena, &term.name));
        HIN_TRY(hin_arena_copy(arena, term.name, &term.name));
    } else {
        HIN_ENSURE(field->search == HIN_SEARCH_TOKEN, INVALID);
        term.field = field->id;
    }
    enum hin_field_canon canon = field != NULL ? field->canon : HIN_CANON_FOLD;
    HIN_TRY(hin_canonical(canon, value, arena, &term.value));
    HIN_TRY(hin_arena_copy(arena, term.value, &term.value));
    *ret_term = term;
    return hin_ok();
}

static bool value_matches(enum hin_field_canon canon, struct hin_view value, struct hin_view wanted,
                          struct hin_arena *arena)
{
    struct hin_view canonical;
    return hin_is_ok(hin_canonical(canon, value, arena, &canonical)) &&
           hin_view_equal(canonical, wanted);
}

static bool extra_matches(const struct hin_event *event, const struct hin_term *term,
                          struct hin_arena *arena)
{
    for (size_t i = 0; i < event->extra_count; i++) {
        if (hin_view_equal_nocase(event->extras[i].name, term->name) &&
            value_matches(HIN_CANON_FOLD, event->extras[i].value, term->value, arena)) {
            return true;
        }
    }
    return false;
}

bool hin_event_matches(const struct hin_event *event, const struct hin_term *term,
                       struct hin_arena *arena)
{
    if (term->field == 0) {
        return extra_matches(event, term, arena);
    }
    const struct hin_field *field = hin_field_get(term->field);
    if (field == NULL || !hin_event_has(event, field->id)) {
        return false;
    }
    const struct hin_value *value = &event->values[field->id];
    if (field->type == HIN_TYPE_TEXT || field->type == HIN_TYPE_IP) {
        return value_matches(field->canon, value->text, term->value, arena);
    }
    if (field->type != HIN_TYPE_TEXTS) {
        int64_t wanted = 0;
        return hin_is_ok(hin_view_to_i64(term->value, &wanted)) && wanted == value->integer;
    }
    for (size_t i = 0; i < value->texts.count; i++) {
        if (value_matches(field->canon, value->texts.items[i], term->value, arena)) {
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_term_bytes(const struct hin_term *term, struct hin_buf *buf)
{
    size_t before = buf->size;
    struct hin_result result = hin_write_u8(buf, 1);
    if (hin_is_ok(result)) {
        result = hin_write_u16(buf, term->field);
    }
    if (hin_is_ok(result)) {
        result = hin_write_bytes(buf, term->name);
    }
    if (hin_is_ok(result)) {
        result = hin_write_bytes(buf, term->value);
    }
    if (!hin_is_ok(result)) {
        buf->size = before;
    }
    return result;
}
