#include "manager/worker/api/document.h"

#include "base/bytes.h"

/* ---- patches ---- */

static HIN_RESULT put_patch(struct hin_api_patches *patches, const struct hin_api_patch *patch)
{
    for (size_t i = 0; i < patches->count; i++) {
        if (strcmp(patches->items[i].name, patch->name) == 0) {
            patches->items[i] = *patch;
            return hin_ok();
        }
    }
    HIN_ENSURE(patches->count < HIN_API_PATCHES_MAX, LIMIT);
    patches->items[patches->count++] = *patch;
    return hin_ok();
}

HIN_RESULT hin_api_patch_text(struct hin_api_patches *patches, const char *name,
                              struct hin_view text)
{
    struct hin_api_patch patch = {.name = name, .type = HIN_API_PATCH_TEXT, .text = text};
    return put_patch(patches, &patch);
}

HIN_RESULT hin_api_patch_int(struct hin_api_patches *patches, const char *name, int64_t number)
{
    struct hin_api_patch patch = {.name = name, .type = HIN_API_PATCH_INT, .number = number};
    return put_patch(patches, &patch);
}

HIN_RESULT hin_api_patch_bool(struct hin_api_patches *patches, const char *name, bool value)
{
    struct hin_api_patch patch = {.name = name, .type = HIN_API_PATCH_BOOL, .number = value};
    return put_patch(patches, &patch);
}

HIN_RESULT hin_api_patch_json(struct hin_api_patches *patches, const char *name,
                              struct hin_view json)
{
    struct hin_api_patch patch = {.name = name, .type = HIN_API_PATCH_JSON, .text = json};
    return put_patch(patches, &patch);
}

HIN_RESULT hin_api_patch_none(struct hin_api_patches *patches, const char *name)
{
    struct hin_api_patch patch = {.name = name, .type = HIN_API_PATCH_NONE};
    return put_patch(patches, &patch);
}

static const struct hin_api_patch *find_patch(const struct hin_api_patches *patches,
                                              const char *name)
{
    for (size_t i = 0; patches != NULL && i < patches->count; i++) {
        if (strcmp(patches->items[i].name, name) == 0) {
            return &patches->items[i];
        }
    }
    return NULL;
}

static void write_patch(struct hin_json_writer *writer, const struct hin_api_patch *patch)
{
    if (patch->type == HIN_API_PATCH_NONE) {
        return;
    }
    hin_json_key(writer, patch->name);
    switch (patch->type) {
    case HIN_API_PATCH_TEXT:
        hin_json_put_text(writer, patch->text);
        break;
    case HIN_API_PATCH_INT:
        hin_json_put_integer(writer, patch->number);
        break;
    case HIN_API_PATCH_BOOL:
        hin_json_put_boolean(writer, patch->number != 0);
        break;
    case HIN_API_PATCH_JSON:
        hin_json_put_raw(writer, patch->text);
        break;
    case HIN_API_PATCH_NONE:
        break;
    }
}

/* ---- judging ---- */

static HIN_RESULT check_text(const struct hin_api_attribute *attribute, struct hin_json value,
                             struct hin_error *error)
{
    struct hin_view text;
    size_t max = attribute->max > 0 ? (size_t)attribute->max : HIN_API_TEXT_MAX;
    HIN_TRY(hin_json_text(value, &text, error));
    if (text.size > max) {
        return hin_json_refuse(value, error, HIN_INVALID, "longer than %zu bytes", max);
    }
    if (attribute->min > 0 && text.size < (size_t)attribute->min) {
        return hin_json_refuse(value, error, HIN_INVALID, "shorter than %zu bytes",
                               (size_t)attribute->min);
    }
    for (size_t i = 0; i < text.size; i++) {
        bool control = text.data[i] < 0x20 || text.data[i] == 0x7f;
        if (text.data[i] == 0 || (control && (attribute->flags & HIN_API_CLEAN) != 0)) {
            return hin_json_refuse(value, error, HIN_INVALID, "holds a control character");
        }
    }
    return hin_ok();
}

static HIN_RESULT check_integer(const struct hin_api_attribute *attribute, struct hin_json value,
                                struct hin_error *error)
{
    int64_t number;
    int64_t max = attribute->max == 0 && attribute->min == 0 ? INT64_MAX : attribute->max;
    return hin_json_integer(value, attribute->min, max, &number, error);
}

static HIN_RESULT check_boolean(const struct hin_api_attribute *attribute, struct hin_json value,
                                struct hin_error *error)
{
    bool flag;
    (void)attribute;
    return hin_json_boolean(value, &flag, error);
}

static HIN_RESULT check_choice(const struct hin_api_attribute *attribute, struct hin_json value,
                               struct hin_error *error)
{
    struct hin_view text;
    HIN_TRY(hin_json_text(value, &text, error));
    if (!hin_api_choice_is_valid(attribute->choices, text)) {
        return hin_json_refuse(value, error, HIN_INVALID, "not one of %s", attribute->choices);
    }
    return hin_ok();
}

static HIN_RESULT check_list_size(const struct hin_api_attribute *attribute, struct hin_json value,
                                  size_t *ret_count, struct hin_error *error)
{
    size_t max = attribute->max > 0 ? (size_t)attribute->max : HIN_API_LIST_MAX;
    size_t count = 0;
    HIN_TRY(hin_json_array(value, &count, error));
    if (count > max) {
        return hin_json_refuse(value, error, HIN_INVALID, "more than %zu items", max);
    }
    *ret_count = count;
    return hin_ok();
}

static HIN_RESULT check_integers(const struct hin_api_attribute *attribute, struct hin_json value,
                                 struct hin_error *error)
{
    size_t count = 0;
    HIN_TRY(check_list_size(attribute, value, &count, error));
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        HIN_TRY(hin_json_integer(hin_json_at(value, i), attribute->min, INT64_MAX, &number, error));
    }
    return hin_ok();
}

static HIN_RESULT check_texts(const struct hin_api_attribute *attribute, struct hin_json value,
                              struct hin_error *error)
{
    struct hin_api_attribute item = {.flags = attribute->flags};
    size_t count = 0;
    HIN_TRY(check_list_size(attribute, value, &count, error));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(check_text(&item, hin_json_at(value, i), error));
    }
    return hin_ok();
}

static HIN_RESULT check_object(const struct hin_api_attribute *attribute, struct hin_json value,
                               struct hin_error *error)
{
    return hin_api_validate(attribute->object, value, false, error);
}

static HIN_RESULT check_objects(const struct hin_api_attribute *attribute, struct hin_json value,
                                struct hin_error *error)
{
    size_t count = 0;
    HIN_TRY(check_list_size(attribute, value, &count, error));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_api_validate(attribute->object, hin_json_at(value, i), true, error));
    }
    return hin_ok();
}

typedef struct hin_result check_function(const struct hin_api_attribute *attribute,
                                         struct hin_json value, struct hin_error *error);

static check_function *const checks[] = {
    [HIN_API_BOOL] = check_boolean,    [HIN_API_INT] = check_integer,
    [HIN_API_TIME] = check_integer,    [HIN_API_TEXT] = check_text,
    [HIN_API_CHOICE] = check_choice,   [HIN_API_INTS] = check_integers,
    [HIN_API_TEXTS] = check_texts,     [HIN_API_OBJECT] = check_object,
    [HIN_API_OBJECTS] = check_objects,
};

HIN_RESULT hin_api_validate(const struct hin_api_attributes *attributes, struct hin_json body,
                            bool creating, struct hin_error *error)
{
    size_t count = 0;
    HIN_TRY(hin_json_object(body, &count, error));
    struct hin_json_iterator members = hin_json_iterate(body);
    const char *key;
    struct hin_json value;
    while (hin_json_next(&members, &key, &value)) {
        const struct hin_api_attribute *attribute =
            hin_api_attribute_find(attributes, hin_view_from_text(key));
        if (attribute == NULL || (attribute->flags & HIN_API_HIDDEN) != 0) {
            return hin_json_refuse(value, error, HIN_INVALID, "unknown field of %s",
                                   attributes->model);
        }
        if (!hin_json_is_null(value) && (attribute->flags & HIN_API_READ_ONLY) == 0) {
            HIN_TRY(checks[attribute->type](attribute, value, error));
        }
    }
    for (size_t i = 0; creating && i < attributes->count; i++) {
        if ((attributes->items[i].flags & HIN_API_REQUIRED) != 0) {
            struct hin_json member;
            HIN_TRY(hin_json_member(body, attributes->items[i].name, &member, error));
            if (hin_json_is_null(member)) {
                return hin_json_refuse(member, error, HIN_INVALID, "missing");
            }
        }
    }
    return hin_ok();
}

/* ---- storing ---- */

static void merge_members(const struct hin_api_attributes *attributes, struct hin_json stored,
                          struct hin_json body, const struct hin_api_patches *patches,
                          struct hin_json_writer *writer);

static bool is_taken_from_body(const struct hin_api_attribute *attribute, bool creating)
{
    unsigned never = HIN_API_READ_ONLY | HIN_API_COMPUTED | HIN_API_WRITE_ONLY;
    if ((attribute->flags & never) != 0) {
        return false;
    }
    return creating || (attribute->flags & HIN_API_FIXED) == 0;
}

static void merge_one(const struct hin_api_attribute *attribute, struct hin_json stored,
                      struct hin_json body, struct hin_json_writer *writer)
{
    struct hin_json old = {0};
    struct hin_json new = {0};
    bool has_old = hin_json_find(stored, attribute->name, &old);
    bool has_new = is_taken_from_body(attribute, stored.node == NULL) &&
                   hin_json_find(body, attribute->name, &new);
    if (has_new && hin_json_is_null(new)) {
        return;
    }
    if (has_new && attribute->type == HIN_API_OBJECT) {
        hin_json_key(writer, attribute->name);
        hin_json_begin_object(writer);
        merge_members(attribute->object, old, new, NULL, writer);
        hin_json_end_object(writer);
    } else if (has_new || has_old) {
        hin_json_key(writer, attribute->name);
        hin_json_put_value(writer, has_new ? new : old);
    }
}

static void merge_members(const struct hin_api_attributes *attributes, struct hin_json stored,
                          struct hin_json body, const struct hin_api_patches *patches,
                          struct hin_json_writer *writer)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct hin_api_attribute *attribute = &attributes->items[i];
        if ((attribute->flags & HIN_API_COMPUTED) != 0) {
            continue;
        }
        const struct hin_api_patch *patch = find_patch(patches, attribute->name);
        if (patch != NULL) {
            write_patch(writer, patch);
        } else {
            merge_one(attribute, stored, body, writer);
        }
    }
}

HIN_RESULT hin_api_merge(const struct hin_api_attributes *attributes, struct hin_json stored,
                         struct hin_json body, const struct hin_api_patches *patches,
                         struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    merge_members(attributes, stored, body, patches, &writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* ---- giving out ---- */

void hin_api_render(const struct hin_api_attributes *attributes, struct hin_json stored, int64_t id,
                    const struct hin_api_patches *computed, struct hin_json_writer *writer)
{
    hin_json_begin_object(writer);
    for (size_t i = 0; i < attributes->count; i++) {
        const struct hin_api_attribute *attribute = &attributes->items[i];
        const struct hin_api_patch *patch = find_patch(computed, attribute->name);
        struct hin_json value;
        if ((attribute->flags & (HIN_API_HIDDEN | HIN_API_WRITE_ONLY)) != 0) {
            continue;
        }
        if (strcmp(attribute->name, "ID") == 0) {
            hin_json_field_integer(writer, "ID", id);
        } else if (patch != NULL) {
            write_patch(writer, patch);
        } else if (hin_json_find(stored, attribute->name, &value)) {
            hin_json_key(writer, attribute->name);
            hin_json_put_value(writer, value);
        }
    }
    hin_json_end_object(writer);
}
