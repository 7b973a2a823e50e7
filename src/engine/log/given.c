#include "engine/log/given.h"

#include "decode/log/jsonline.h"

static bool is_name(struct hin_view name)
{
    if (name.size == 0 || name.size > HIN_LOG_GIVEN_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= 0x20 || name.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

HIN_RESULT hin_log_given_json(struct hin_view line, struct hin_arena *arena,
                              const struct hin_log_dynamic **ret_given, size_t *ret_count)
{
    struct hin_jsonline fields;
    struct hin_log_dynamic *given = NULL;
    size_t count = 0;
    *ret_given = NULL;
    *ret_count = 0;
    struct hin_result result = hin_jsonline_parse(line, arena, &fields);
    if (!hin_is_ok(result)) {
        return result.code == HIN_NO_MEMORY ? result : hin_ok();
    }
    HIN_TRY(HIN_ARENA_ARRAY(arena, fields.count + 1, &given));
    for (size_t i = 0; i < fields.count; i++) {
        const char *name = NULL;
        if (is_name(fields.fields[i].name)) {
            HIN_TRY(hin_arena_text(arena, fields.fields[i].name, &name));
            given[count++] = (struct hin_log_dynamic){name, fields.fields[i].value};
        }
    }
    *ret_given = given;
    *ret_count = count;
    return hin_ok();
}
