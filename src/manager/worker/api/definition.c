#include "manager/worker/api/definition.h"

#include "base/bytes.h"
#include "decode/log/multiline.h"

static const struct hin_api_role roles[] = {
    {1, "Full Access",
     HIN_RIGHT_VIEW | HIN_RIGHT_EDIT | HIN_RIGHT_EVENTS | HIN_RIGHT_ACCESS | HIN_RIGHT_METRICS |
         HIN_RIGHT_SELF | HIN_RIGHT_TENANTS | HIN_RIGHT_AUDIT | HIN_RIGHT_KEYS | HIN_RIGHT_PERSONS |
         HIN_RIGHT_TRUST | HIN_RIGHT_RECOVERY},
    {2, "Auditor", HIN_RIGHT_VIEW | HIN_RIGHT_EVENTS | HIN_RIGHT_SELF | HIN_RIGHT_AUDIT},
    {3, "Metrics", HIN_RIGHT_METRICS | HIN_RIGHT_SELF},
    {HIN_API_ROLE_HOLDER, "Key Holder", HIN_RIGHT_KEYS | HIN_RIGHT_SELF | HIN_RIGHT_RECOVERY},
};

const struct hin_api_role *hin_api_role_find(int64_t id)
{
    for (size_t i = 0; i < HIN_COUNT(roles); i++) {
        if (roles[i].id == id) {
            return &roles[i];
        }
    }
    return NULL;
}

const struct hin_api_attribute *hin_api_attribute_find(const struct hin_api_attributes *attributes,
                                                       struct hin_view name)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (hin_view_is(name, attributes->items[i].name)) {
            return &attributes->items[i];
        }
    }
    return NULL;
}

/* "a:N" is "a:" and a number, 1 to 1024. */
static bool is_numbered(struct hin_view choice, struct hin_view value)
{
    uint64_t number = 0;
    size_t head = choice.size - 1;
    return hin_view_ends_with(choice, HIN_VIEW(":N")) &&
           hin_view_starts_with(value, hin_view_sub(choice, 0, head)) &&
           hin_is_ok(hin_view_to_u64(hin_view_sub(value, head, SIZE_MAX), &number)) &&
           number >= 1 && number <= HIN_MULTILINE_COUNT_MAX;
}

bool hin_api_choice_is_valid(const char *choices, struct hin_view value)
{
    struct hin_view rest = hin_view_from_text(choices);
    struct hin_view choice;
    while (hin_view_split(&rest, '|', &choice)) {
        if (hin_view_equal(choice, value) || is_numbered(choice, value)) {
            return true;
        }
    }
    return false;
}
