#include "event/field.h"

#include "base/bytes.h"
#include "event/state.h"

static const struct hin_field fields[] = {
#define X(id, symbol, name, aliases, type, canon, search, data, ocsf, cef, label, leef, purpose)   \
    {(id),                                                                                         \
     (name),                                                                                       \
     (aliases),                                                                                    \
     HIN_TYPE_##type,                                                                              \
     HIN_CANON_##canon,                                                                            \
     HIN_SEARCH_##search,                                                                          \
     HIN_DATA_##data,                                                                              \
     (ocsf),                                                                                       \
     (cef),                                                                                        \
     (label),                                                                                      \
     (leef),                                                                                       \
     (purpose)},
    HIN_EVENT_FIELDS(X)
#undef X
};

/* Rows stand in the order of their numbers without gaps, so that a number is an index. */
_Static_assert(HIN_COUNT(fields) == HIN_FIELD_LIMIT - 1, "field numbers have a gap");
_Static_assert(HIN_FIELD_LIMIT <= 64, "the presence mask of struct hin_event holds 64 fields");

static const struct hin_state_info states[] = {
#define X(code, symbol, name, activity, severity, text)                                            \
    {(code), (activity), (severity), (name), (text)},
    HIN_EVENT_STATES(X)
#undef X
};

const struct hin_field *hin_field_table(size_t *ret_count)
{
    *ret_count = HIN_COUNT(fields);
    return fields;
}

const struct hin_field *hin_field_get(uint16_t id)
{
    return id >= 1 && id < HIN_FIELD_LIMIT ? &fields[id - 1] : NULL;
}

static bool alias_holds(const char *aliases, struct hin_view name)
{
    struct hin_view rest = hin_view_from_text(aliases);
    struct hin_view alias;
    while (hin_view_split(&rest, ' ', &alias)) {
        if (alias.size > 0 && hin_view_equal_nocase(alias, name)) {
            return true;
        }
    }
    return false;
}

/* "evidences[0].user.name" is also found as "evidences.user.name". */
static bool path_holds(const char *path, struct hin_view name)
{
    static const struct hin_view first = {(const uint8_t *)"[0]", 3};
    struct hin_view rest = hin_view_from_text(path);
    size_t at = hin_view_find(rest, first);
    if (hin_view_equal_nocase(rest, name) || at == SIZE_MAX) {
        return rest.size > 0 && hin_view_equal_nocase(rest, name);
    }
    return hin_view_equal_nocase(hin_view_sub(rest, 0, at), hin_view_sub(name, 0, at)) &&
           hin_view_equal_nocase(hin_view_sub(rest, at + first.size, SIZE_MAX),
                                 hin_view_sub(name, at, SIZE_MAX));
}

const struct hin_field *hin_field_find(struct hin_view name)
{
    if (name.size == 0) {
        return NULL;
    }
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        if (hin_view_equal_nocase(hin_view_from_text(fields[i].name), name)) {
            return &fields[i];
        }
    }
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        if (alias_holds(fields[i].aliases, name) || path_holds(fields[i].ocsf, name)) {
            return &fields[i];
        }
    }
    return NULL;
}

static const struct {
    const char *name;
    uint16_t field;
} decoded_names[] = {
    {"srcip", HIN_FIELD_SRC_IP},
    {"dstip", HIN_FIELD_DST_IP},
    {"srcport", HIN_FIELD_SRC_PORT},
    {"dstport", HIN_FIELD_DST_PORT},
    {"user", HIN_FIELD_USER},
    {"dstuser", HIN_FIELD_USER},
    {"srcuser", HIN_FIELD_SRC_USER},
    {"protocol", HIN_FIELD_PROTOCOL},
    {"action", HIN_FIELD_ACTION},
    {"id", HIN_FIELD_LOG_ID},
    {"url", HIN_FIELD_URL},
    {"data", HIN_FIELD_EXTRA_DATA}, /* one field of the rule language */
    {"extra_data", HIN_FIELD_EXTRA_DATA},
    {"status", HIN_FIELD_STATUS},
    {"system_name", HIN_FIELD_SYSTEM_NAME},
};

const struct hin_field *hin_field_find_decoded(struct hin_view name)
{
    for (size_t i = 0; i < HIN_COUNT(decoded_names); i++) {
        if (hin_view_equal_nocase(hin_view_from_text(decoded_names[i].name), name)) {
            return hin_field_get(decoded_names[i].field);
        }
    }
    return NULL;
}

const char *hin_field_type_name(enum hin_field_type type)
{
    static const char *const names[] = {"text", "integer", "time", "flag", "ip", "texts"};
    return (size_t)type < HIN_COUNT(names) ? names[type] : "unknown";
}

const char *hin_data_class_name(enum hin_data_class data)
{
    static const char *const names[] = {"plain", "sensitive", "personal"};
    return (size_t)data < HIN_COUNT(names) ? names[data] : "unknown";
}

const struct hin_state_info *hin_state_get(int64_t code)
{
    for (size_t i = 0; i < HIN_COUNT(states); i++) {
        if (states[i].code == code) {
            return &states[i];
        }
    }
    return NULL;
}

const struct hin_state_info *hin_state_find(struct hin_view name)
{
    for (size_t i = 0; i < HIN_COUNT(states); i++) {
        if (hin_view_equal_nocase(hin_view_from_text(states[i].name), name)) {
            return &states[i];
        }
    }
    return NULL;
}
