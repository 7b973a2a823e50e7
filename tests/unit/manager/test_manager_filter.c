#include "harness.h"

#include <stdio.h>

#include "manager/worker/api/filter.h"
#include "manager/worker/api/tables.h"

static const char object[] =
    "{\"name\":\"Web "
    "server\",\"level\":7,\"active\":true,\"version\":\"20.0.10\",\"lastSeen\":1000,"
    "\"status\":{\"agentStatus\":\"active\"},\"list\":[{\"name\":\"x\"},{\"name\":\"y\"}]}";

/* 1 passes, 0 does not, -1 refused */
static int run(const char *criteria, int64_t id)
{
    char text[2048];
    struct hin_json_document *body = NULL;
    struct hin_json_document *stored = NULL;
    struct hin_api_filter filter;
    int answer = -1;
    snprintf(text, sizeof(text), "{\"searchCriteria\":[%s]}", criteria);
    if (hin_is_ok(hin_json_parse(hin_view_from_text(text), sizeof(text), &body, NULL)) &&
        hin_is_ok(hin_json_parse(hin_view_from_text(object), sizeof(object), &stored, NULL)) &&
        hin_is_ok(hin_api_validate(&hin_api_search_filter, hin_json_root(body), true, NULL)) &&
        hin_is_ok(hin_api_filter_parse(hin_json_root(body), &filter, NULL))) {
        answer = hin_api_filter_matches(&filter, hin_json_root(stored), id);
    }
    hin_json_free(body);
    hin_json_free(stored);
    return answer;
}

TEST(test_manager_filter__tests_by_kind)
{
    static const struct {
        const char *criteria;
        int wanted;
    } cases[] = {
        {"", 1},
        {"{\"fieldName\":\"name\",\"stringTest\":\"equal\",\"stringValue\":\"web SERVER\"}", 1},
        {"{\"fieldName\":\"name\",\"stringTest\":\"not-equal\",\"stringValue\":\"web server\"}", 0},
        {"{\"fieldName\":\"name\",\"stringValue\":\"web%\",\"stringWildcards\":true}", 1},
        {"{\"fieldName\":\"name\",\"stringValue\":\"web%\"}", 0},
        {"{\"fieldName\":\"level\",\"numericTest\":\"greater-than\",\"numericValue\":6}", 1},
        {"{\"fieldName\":\"level\",\"numericTest\":\"less-than-or-equal\",\"numericValue\":6}", 0},
        {"{\"fieldName\":\"active\",\"booleanTest\":true}", 1},
        {"{\"fieldName\":\"active\",\"booleanTest\":false}", 0},
        {"{\"fieldName\":\"version\",\"versionTest\":\"greater-than\",\"versionValue\":\"20.0.9\"}",
         1},
        {"{\"fieldName\":\"version\",\"versionTest\":\"equal\",\"versionValue\":\"20.0.10.0\"}", 1},
        {"{\"fieldName\":\"version\",\"versionTest\":\"less-than\",\"versionValue\":\"3\"}", 0},
        {"{\"fieldName\":\"lastSeen\",\"firstDateValue\":1000,\"lastDateValue\":1000}", 1},
        {"{\"fieldName\":\"lastSeen\",\"firstDateValue\":1000,\"firstDateInclusive\":false}", 0},
        {"{\"fieldName\":\"lastSeen\",\"lastDateValue\":999}", 0},
        {"{\"fieldName\":\"absent\",\"nullTest\":true}", 1},
        {"{\"fieldName\":\"name\",\"nullTest\":true}", 0},
        {"{\"fieldName\":\"name\",\"nullTest\":false}", 1},
        {"{\"fieldName\":\"absent\",\"stringTest\":\"not-equal\",\"stringValue\":\"x\"}", 1},
        {"{\"fieldName\":\"absent\",\"stringValue\":\"x\"}", 0},
        {"{\"fieldName\":\"status/"
         "agentStatus\",\"choiceTest\":\"equal\",\"choiceValue\":\"active\"}",
         1},
        {"{\"fieldName\":\"status.agentStatus\",\"choiceTest\":\"not-equal\",\"choiceValue\":"
         "\"active\"}",
         0},
        {"{\"fieldName\":\"list[1].name\",\"stringValue\":\"y\"}", 1},
        {"{\"fieldName\":\"list[2].name\",\"stringValue\":\"y\"}", 0},
        {"{\"idTest\":\"greater-than\",\"idValue\":9}", 1},
        {"{\"idTest\":\"greater-than\",\"idValue\":10}", 0},
        {"{\"idTest\":\"equal\",\"idValue\":10},{\"fieldName\":\"active\",\"booleanTest\":false}",
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int got = run(cases[i].criteria, 10);
        if (got != cases[i].wanted) {
            test_fail(__FILE__, __LINE__, "%s: %d, not %d", cases[i].criteria, got,
                      cases[i].wanted);
            return;
        }
    }
}

TEST(test_manager_filter__refuses_what_is_no_criterion)
{
    static const char *const cases[] = {
        "{\"fieldName\":\"name\"}",
        "{\"stringTest\":\"equal\",\"stringValue\":\"x\"}",
        "{\"fieldName\":\"name\",\"stringTest\":\"equal\"}",
        "{\"fieldName\":\"name\",\"stringTest\":\"like\",\"stringValue\":\"x\"}",
        "{\"fieldName\":\"name\",\"stringValue\":\"x\",\"numericValue\":1}",
        "{\"idTest\":\"greater-than\"}",
        "{\"idValue\":-1}",
        "{\"colour\":1}",
        "7",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (run(cases[i], 10) != -1) {
            test_fail(__FILE__, __LINE__, "%s is taken", cases[i]);
            return;
        }
    }
}

TEST(test_manager_filter__wildcards)
{
    CHECK(hin_api_wildcard_matches(HIN_VIEW("%"), HIN_VIEW_EMPTY));
    CHECK(hin_api_wildcard_matches(HIN_VIEW("a%b%c"), HIN_VIEW("aXXbYYbZc")));
    CHECK(hin_api_wildcard_matches(HIN_VIEW("_b_"), HIN_VIEW("aBc")));
    CHECK(!hin_api_wildcard_matches(HIN_VIEW("a%b"), HIN_VIEW("aXXbc")));
    CHECK(!hin_api_wildcard_matches(HIN_VIEW("_"), HIN_VIEW_EMPTY));
    CHECK(!hin_api_wildcard_matches(HIN_VIEW_EMPTY, HIN_VIEW("a")));
}
