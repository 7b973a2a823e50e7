/* JSON lines to flat fields, on the one JSON reader of the house. */
#include "decode/log/jsonline.h"

#include <stdio.h>

#include "base/bytes.h"
#include "data/json.h"

#define LINE_MAX_BYTES 65536
#define NAME_MAX_BYTES 512

struct flattener {
    struct hin_arena *arena;
    struct hin_jsonline *out;
    char name[NAME_MAX_BYTES];
    size_t name_size;
};

static HIN_RESULT add_field(struct flattener *flattener, struct hin_view value)
{
    struct hin_jsonline *out = flattener->out;
    if (out->count == HIN_JSONLINE_FIELDS_MAX) {
        out->cut = true;
        return hin_ok();
    }
    struct hin_jsonline_field *field = &out->fields[out->count];
    HIN_TRY(hin_arena_copy(flattener->arena, hin_view_of(flattener->name, flattener->name_size),
                           &field->name));
    HIN_TRY(hin_arena_copy(flattener->arena, value, &field->value));
    out->count++;
    return hin_ok();
}

/* The shortest decimal that reads back as the same number. */
static HIN_RESULT add_real(struct flattener *flattener, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        double back = 0;
        if (sscanf(text, "%lf", &back) == 1 && back == number) {
            break;
        }
    }
    return add_field(flattener, hin_view_from_text(text));
}

static HIN_RESULT add_scalar(struct flattener *flattener, struct hin_json value)
{
    struct hin_view text;
    int64_t integer = 0;
    double number = 0;
    bool truth = false;
    char digits[24];
    switch (hin_json_type_of(value)) {
    case HIN_JSON_TEXT:
        HIN_TRY(hin_json_text(value, &text, NULL));
        return add_field(flattener, text);
    case HIN_JSON_INTEGER:
        HIN_TRY(hin_json_integer(value, INT64_MIN, INT64_MAX, &integer, NULL));
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)integer);
        return add_field(flattener, hin_view_from_text(digits));
    case HIN_JSON_REAL:
        HIN_TRY(hin_json_number(value, &number, NULL));
        return add_real(flattener, number);
    case HIN_JSON_BOOLEAN:
        HIN_TRY(hin_json_boolean(value, &truth, NULL));
        return add_field(flattener, truth ? HIN_VIEW("true") : HIN_VIEW("false"));
    default:
        return add_field(flattener, HIN_VIEW("null"));
    }
}

/* Appends ".name" or ".3"; false when it grows too long. */
static bool push_name(struct flattener *flattener, const char *key, size_t index)
{
    size_t room = sizeof(flattener->name) - flattener->name_size;
    const char *dot = flattener->name_size > 0 ? "." : "";
    int size = key != NULL
                   ? snprintf(flattener->name + flattener->name_size, room, "%s%s", dot, key)
                   : snprintf(flattener->name + flattener->name_size, room, "%s%zu", dot, index);
    if (size < 0 || (size_t)size >= room) {
        return false;
    }
    flattener->name_size += (size_t)size;
    return true;
}

static HIN_RESULT flatten(struct flattener *flattener, struct hin_json value, unsigned depth)
{
    enum hin_json_type type = hin_json_type_of(value);
    if (type != HIN_JSON_OBJECT && type != HIN_JSON_ARRAY) {
        return add_scalar(flattener, value);
    }
    if (depth == HIN_JSONLINE_DEPTH_MAX) {
        flattener->out->cut = true;
        return hin_ok();
    }
    struct hin_json_iterator iterator = hin_json_iterate(value);
    const char *key = NULL;
    struct hin_json item;
    size_t before = flattener->name_size;
    for (size_t index = 0; hin_json_next(&iterator, &key, &item); index++) {
        if (push_name(flattener, key, index)) {
            HIN_TRY(flatten(flattener, item, depth + 1));
        } else {
            flattener->out->cut = true;
        }
        flattener->name_size = before;
    }
    return hin_ok();
}

HIN_RESULT hin_jsonline_parse(struct hin_view line, struct hin_arena *arena,
                              struct hin_jsonline *ret_fields)
{
    line = hin_view_trim(line);
    HIN_ENSURE(line.size >= 2 && line.data[0] == '{', SYNTAX);
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_json_parse(line, LINE_MAX_BYTES, &document, NULL));
    struct hin_jsonline out = {0};
    struct flattener flattener = {.arena = arena, .out = &out};
    HIN_TRY(HIN_ARENA_ARRAY(arena, HIN_JSONLINE_FIELDS_MAX, &out.fields));
    HIN_TRY(flatten(&flattener, hin_json_root(document), 0));
    *ret_fields = out;
    return hin_ok();
}

const struct hin_jsonline_field *hin_jsonline_get(const struct hin_jsonline *fields,
                                                  struct hin_view name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (hin_view_equal(fields->fields[i].name, name)) {
            return &fields->fields[i];
        }
    }
    return NULL;
}
