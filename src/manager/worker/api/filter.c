#include "manager/worker/api/filter.h"

#include "base/bytes.h"

static const char *const test_names[] = {
    [HIN_API_LESS] = "less-than",       [HIN_API_LESS_OR_EQUAL] = "less-than-or-equal",
    [HIN_API_EQUAL] = "equal",          [HIN_API_GREATER_OR_EQUAL] = "greater-than-or-equal",
    [HIN_API_GREATER] = "greater-than", [HIN_API_NOT_EQUAL] = "not-equal",
};

HIN_RESULT hin_api_test_parse(struct hin_view text, enum hin_api_test *ret_test)
{
    for (size_t i = 0; i < HIN_COUNT(test_names); i++) {
        if (hin_view_is(text, test_names[i])) {
            *ret_test = (enum hin_api_test)i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_INVALID);
}

bool hin_api_test_holds(enum hin_api_test test, int64_t left, int64_t right)
{
    switch (test) {
    case HIN_API_LESS:
        return left < right;
    case HIN_API_LESS_OR_EQUAL:
        return left <= right;
    case HIN_API_EQUAL:
        return left == right;
    case HIN_API_GREATER_OR_EQUAL:
        return left >= right;
    case HIN_API_GREATER:
        return left > right;
    case HIN_API_NOT_EQUAL:
        return left != right;
    }
    return false;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Greedy with one point of return, the last %: time is at most the product of both lengths, never
 * worse. */
bool hin_api_wildcard_matches(struct hin_view pattern, struct hin_view text)
{
    size_t at = 0;
    size_t in = 0;
    size_t star = SIZE_MAX;
    size_t resume = 0;
    while (at < text.size) {
        if (in < pattern.size && pattern.data[in] == '%') {
            star = in++;
            resume = at;
        } else if (in < pattern.size &&
                   (pattern.data[in] == '_' || fold(pattern.data[in]) == fold(text.data[at]))) {
            in++;
            at++;
        } else if (star != SIZE_MAX) {
            in = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (in < pattern.size && pattern.data[in] == '%') {
        in++;
    }
    return in == pattern.size;
}

/* ---- parsing ---- */

static HIN_RESULT parse_test(struct hin_json item, const char *name, enum hin_api_test *ret_test,
                             struct hin_error *error)
{
    struct hin_view text = HIN_VIEW("equal");
    HIN_TRY(hin_json_opt_text(item, name, &text, error));
    return hin_is_ok(hin_api_test_parse(text, ret_test))
               ? hin_ok()
               : hin_json_refuse(item, error, HIN_INVALID, "%s is no test", name);
}

static HIN_RESULT parse_boolean(struct hin_json item, struct hin_api_criterion *criterion,
                                struct hin_error *error)
{
    return hin_json_get_boolean(item, "booleanTest", &criterion->flag, error);
}

static HIN_RESULT parse_number(struct hin_json item, struct hin_api_criterion *criterion,
                               struct hin_error *error)
{
    HIN_TRY(parse_test(item, "numericTest", &criterion->test, error));
    return hin_json_get_integer(item, "numericValue", INT64_MIN, INT64_MAX, &criterion->number,
                                error);
}

static HIN_RESULT parse_text(struct hin_json item, struct hin_api_criterion *criterion,
                             struct hin_error *error)
{
    HIN_TRY(parse_test(item, "stringTest", &criterion->test, error));
    HIN_TRY(hin_json_opt_boolean(item, "stringWildcards", &criterion->flag, error));
    return hin_json_get_text(item, "stringValue", &criterion->text, error);
}

static HIN_RESULT parse_choice(struct hin_json item, struct hin_api_criterion *criterion,
                               struct hin_error *error)
{
    HIN_TRY(parse_test(item, "choiceTest", &criterion->test, error));
    return hin_json_get_text(item, "choiceValue", &criterion->text, error);
}

static HIN_RESULT parse_date(struct hin_json item, struct hin_api_criterion *criterion,
                             struct hin_error *error)
{
    bool first_inclusive = true;
    bool last_inclusive = true;
    criterion->first = 0;
    criterion->last = INT64_MAX - 1;
    HIN_TRY(
        hin_json_opt_integer(item, "firstDateValue", 0, INT64_MAX - 1, &criterion->first, error));
    HIN_TRY(hin_json_opt_integer(item, "lastDateValue", 0, INT64_MAX - 1, &criterion->last, error));
    HIN_TRY(hin_json_opt_boolean(item, "firstDateInclusive", &first_inclusive, error));
    HIN_TRY(hin_json_opt_boolean(item, "lastDateInclusive", &last_inclusive, error));
    criterion->first += first_inclusive ? 0 : 1;
    criterion->last -= last_inclusive ? 0 : 1;
    return hin_ok();
}

static HIN_RESULT parse_null(struct hin_json item, struct hin_api_criterion *criterion,
                             struct hin_error *error)
{
    return hin_json_get_boolean(item, "nullTest", &criterion->flag, error);
}

static HIN_RESULT parse_version(struct hin_json item, struct hin_api_criterion *criterion,
                                struct hin_error *error)
{
    HIN_TRY(parse_test(item, "versionTest", &criterion->test, error));
    return hin_json_get_text(item, "versionValue", &criterion->text, error);
}

static HIN_RESULT parse_id(struct hin_json item, struct hin_api_criterion *criterion,
                           struct hin_error *error)
{
    HIN_TRY(parse_test(item, "idTest", &criterion->test, error));
    return hin_json_get_integer(item, "idValue", 0, INT64_MAX, &criterion->number, error);
}

/* By which member a criterion of each kind is known, and how it is read. */
static const struct criterion_kind {
    const char *member;
    const char *other; /* a second member that also tells, or NULL */
    enum hin_api_criterion_type type;
    bool needs_field;
    struct hin_result (*parse)(struct hin_json item, struct hin_api_criterion *criterion,
                               struct hin_error *error);
} kinds[] = {
    {"booleanTest", NULL, HIN_API_BY_BOOLEAN, true, parse_boolean},
    {"numericValue", "numericTest", HIN_API_BY_NUMBER, true, parse_number},
    {"stringValue", "stringTest", HIN_API_BY_TEXT, true, parse_text},
    {"choiceValue", "choiceTest", HIN_API_BY_TEXT, true, parse_choice},
    {"firstDateValue", "lastDateValue", HIN_API_BY_DATE, true, parse_date},
    {"nullTest", NULL, HIN_API_BY_NULL, true, parse_null},
    {"versionValue", "versionTest", HIN_API_BY_VERSION, true, parse_version},
    {"idValue", "idTest", HIN_API_BY_ID, false, parse_id},
};

static bool has_member(struct hin_json item, const char *name)
{
    struct hin_json value;
    return name != NULL && hin_json_find(item, name, &value) && !hin_json_is_null(value);
}

static HIN_RESULT parse_criterion(struct hin_json item, struct hin_api_criterion *ret_criterion,
                                  struct hin_error *error)
{
    struct hin_api_criterion criterion = {0};
    const struct criterion_kind *kind = NULL;
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        if (has_member(item, kinds[i].member) || has_member(item, kinds[i].other)) {
            if (kind != NULL) {
                return hin_json_refuse(item, error, HIN_INVALID, "has both %s and %s", kind->member,
                                       kinds[i].member);
            }
            kind = &kinds[i];
        }
    }
    if (kind == NULL) {
        return hin_json_refuse(item, error, HIN_INVALID, "has no test");
    }
    criterion.type = kind->type;
    HIN_TRY(hin_json_opt_text(item, "fieldName", &criterion.field, error));
    if (kind->needs_field && criterion.field.size == 0) {
        return hin_json_refuse(item, error, HIN_INVALID, "fieldName is missing");
    }
    HIN_TRY(kind->parse(item, &criterion, error));
    *ret_criterion = criterion;
    return hin_ok();
}

HIN_RESULT hin_api_filter_parse(struct hin_json body, struct hin_api_filter *ret_filter,
                                struct hin_error *error)
{
    struct hin_json criteria;
    int64_t max_items = HIN_API_ITEMS_MAX;
    ret_filter->count = 0;
    ret_filter->sort_by_id = false;
    HIN_TRY(hin_json_opt_integer(body, "maxItems", 1, HIN_API_ITEMS_MAX, &max_items, error));
    HIN_TRY(hin_json_opt_boolean(body, "sortByObjectID", &ret_filter->sort_by_id, error));
    ret_filter->max_items = (size_t)max_items;
    if (!hin_json_find(body, "searchCriteria", &criteria) || hin_json_is_null(criteria)) {
        return hin_ok();
    }
    struct hin_json_iterator items = hin_json_iterate(criteria);
    const char *key;
    struct hin_json item;
    while (hin_json_next(&items, &key, &item)) {
        HIN_ENSURE(ret_filter->count < HIN_API_CRITERIA_MAX, LIMIT);
        HIN_TRY(parse_criterion(item, &ret_filter->items[ret_filter->count], error));
        ret_filter->count++;
    }
    return hin_ok();
}

/* ---- matching ---- */

/* One step of a path: "name", or "name[3]" into a list. */
static bool find_part(struct hin_json object, struct hin_view part, struct hin_json *ret_value)
{
    char name[128];
    uint64_t index = 0;
    size_t bracket = hin_view_find_byte(part, '[');
    if (!hin_is_ok(hin_view_to_text(hin_view_sub(part, 0, bracket), name, sizeof(name))) ||
        !hin_json_find(object, name, ret_value)) {
        return false;
    }
    if (bracket == SIZE_MAX) {
        return true;
    }
    struct hin_view number = hin_view_sub(part, bracket + 1, part.size);
    if (!hin_view_ends_with(number, HIN_VIEW("]")) ||
        !hin_is_ok(hin_view_to_u64(hin_view_sub(number, 0, number.size - 1), &index))) {
        return false;
    }
    *ret_value = hin_json_at(*ret_value, (size_t)index);
    return ret_value->node != NULL;
}

/* "a/b" and "a.b" reach into objects. */
static bool find_field(struct hin_json object, struct hin_view path, struct hin_json *ret_value)
{
    for (;;) {
        size_t end = 0;
        while (end < path.size && path.data[end] != '/' && path.data[end] != '.') {
            end++;
        }
        if (!find_part(object, hin_view_sub(path, 0, end), ret_value)) {
            return false;
        }
        if (end == path.size) {
            return !hin_json_is_null(*ret_value);
        }
        object = *ret_value;
        if (hin_json_type_of(object) == HIN_JSON_ARRAY) { /* "a.b" means "a[0].b" */
            object = hin_json_at(object, 0);
        }
        path = hin_view_sub(path, end + 1, path.size);
    }
}

/* The next number of "20.0.1"; what is no digit stands between numbers. */
static uint64_t next_number(struct hin_view *rest)
{
    uint64_t number = 0;
    size_t at = 0;
    while (at < rest->size && (rest->data[at] < '0' || rest->data[at] > '9')) {
        at++;
    }
    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        number = number > UINT64_MAX / 20 ? number : number * 10 + (rest->data[at] - '0');
    }
    *rest = hin_view_sub(*rest, at, rest->size);
    return number;
}

static int compare_versions(struct hin_view left, struct hin_view right)
{
    while (left.size > 0 || right.size > 0) {
        uint64_t a = next_number(&left);
        uint64_t b = next_number(&right);
        if (a != b) {
            return a < b ? -1 : 1;
        }
    }
    return 0;
}

static bool text_holds(const struct hin_api_criterion *criterion, struct hin_view text)
{
    bool equal = criterion->flag ? hin_api_wildcard_matches(criterion->text, text)
                                 : hin_view_equal_nocase(criterion->text, text);
    return equal == (criterion->test != HIN_API_NOT_EQUAL);
}

/* OCSF writes some numbers as text (identifiers, levels). */
static bool read_number(struct hin_json value, int64_t *ret_number)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    return hin_is_ok(hin_json_integer(value, INT64_MIN, INT64_MAX, ret_number, NULL)) ||
           (hin_is_ok(hin_json_text(value, &text, NULL)) &&
            hin_is_ok(hin_view_to_i64(text, ret_number)));
}

static bool one_holds(const struct hin_api_criterion *criterion, struct hin_json value)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    int64_t number = 0;
    bool flag = false;
    switch (criterion->type) {
    case HIN_API_BY_BOOLEAN:
        return hin_is_ok(hin_json_boolean(value, &flag, NULL)) && flag == criterion->flag;
    case HIN_API_BY_NUMBER:
        return read_number(value, &number) &&
               hin_api_test_holds(criterion->test, number, criterion->number);
    case HIN_API_BY_DATE:
        return hin_is_ok(hin_json_integer(value, INT64_MIN, INT64_MAX, &number, NULL)) &&
               number >= criterion->first && number <= criterion->last;
    case HIN_API_BY_TEXT:
        return hin_is_ok(hin_json_text(value, &text, NULL)) && text_holds(criterion, text);
    case HIN_API_BY_VERSION:
        return hin_is_ok(hin_json_text(value, &text, NULL)) &&
               hin_api_test_holds(criterion->test, compare_versions(text, criterion->text), 0);
    case HIN_API_BY_NULL:
        return !criterion->flag;
    case HIN_API_BY_ID:
        break;
    }
    return false;
}

/* Of a list one item has to hold, or, where the test is for not being equal, all. */
static bool value_holds(const struct hin_api_criterion *criterion, struct hin_json value)
{
    bool all = criterion->test == HIN_API_NOT_EQUAL;
    if (hin_json_type_of(value) != HIN_JSON_ARRAY || criterion->type == HIN_API_BY_NULL) {
        return one_holds(criterion, value);
    }
    struct hin_json_iterator items = hin_json_iterate(value);
    const char *key;
    struct hin_json item;
    while (hin_json_next(&items, &key, &item)) {
        if (one_holds(criterion, item) != all) {
            return !all;
        }
    }
    return all;
}

static bool absent_holds(const struct hin_api_criterion *criterion)
{
    switch (criterion->type) {
    case HIN_API_BY_NULL:
        return criterion->flag;
    case HIN_API_BY_NUMBER:
    case HIN_API_BY_TEXT:
    case HIN_API_BY_VERSION:
        return criterion->test == HIN_API_NOT_EQUAL;
    default:
        return false;
    }
}

bool hin_api_filter_matches(const struct hin_api_filter *filter, struct hin_json object, int64_t id)
{
    for (size_t i = 0; i < filter->count; i++) {
        const struct hin_api_criterion *criterion = &filter->items[i];
        struct hin_json value;
        bool holds;
        if (criterion->type == HIN_API_BY_ID) {
            holds = hin_api_test_holds(criterion->test, id, criterion->number);
        } else if (find_field(object, criterion->field, &value)) {
            holds = value_holds(criterion, value);
        } else {
            holds = absent_holds(criterion);
        }
        if (!holds) {
            return false;
        }
    }
    return true;
}
