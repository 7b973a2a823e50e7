#include "depot/settings.h"

#include "base/bytes.h"

static bool is_printable(struct hin_view value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < ' ' || value.data[i] > '~') {
            return false;
        }
    }
    return value.size > 0;
}

static HIN_RESULT set(const struct hin_depot_setting *setting, struct hin_view value, void *into,
                      struct hin_error *error)
{
    char *text = (char *)into + setting->offset;
    if (text[0] != '\0') {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s is given twice", setting->name);
    }
    if (!is_printable(value) || value.size >= setting->bytes ||
        (setting->fits != NULL && !setting->fits(value))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s=%.*s: it wants %s", setting->name,
                             (int)HIN_MIN(value.size, 100), (const char *)value.data,
                             setting->wants);
    }
    return hin_view_to_text(value, text, setting->bytes);
}

HIN_RESULT hin_depot_settings_read(const struct hin_depot_setting *table, size_t count,
                                   const char *const *settings, void *into, struct hin_error *error)
{
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
        struct hin_view value = hin_view_from_text(settings[i]);
        struct hin_view name = HIN_VIEW_EMPTY;
        const struct hin_depot_setting *found = NULL;
        bool is_pair = hin_view_find_byte(value, '=') != SIZE_MAX;
        HIN_ENSURE(hin_view_split(&value, '=', &name), INVALID);
        for (size_t j = 0; is_pair && j < count && found == NULL; j++) {
            found = hin_view_is(name, table[j].name) ? &table[j] : NULL;
        }
        if (found == NULL) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "\"%.100s\" is no setting of this kind of destination",
                                 settings[i]);
        }
        HIN_TRY(set(found, value, into, error));
    }
    return hin_ok();
}

bool hin_depot_is_made_of(struct hin_view value, const char *others)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && hin_view_find_byte(hin_view_from_text(others), c) == SIZE_MAX) {
            return false;
        }
    }
    return value.size > 0;
}
