#include "event/terms.h"
#include "harness.h"
#include "sample.h"

static bool finds(const char *name, const char *value)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_event event;
    struct hin_term term;
    const struct hin_term *terms = NULL;
    size_t count = 0;
    bool found = false;
    if (hin_is_ok(sample_finding(&event, &arena)) &&
        hin_is_ok(
            hin_term_parse(hin_view_from_text(name), hin_view_from_text(value), &arena, &term)) &&
        hin_is_ok(hin_event_terms(&event, &arena, &terms, &count))) {
        for (size_t i = 0; i < count; i++) {
            found |= terms[i].field == term.field && hin_view_equal(terms[i].name, term.name) &&
                     hin_view_equal(terms[i].value, term.value);
        }
        if (found != hin_event_matches(&event, &term, &arena)) {
            test_fail(__FILE__, __LINE__, "%s=%s: terms and check disagree", name, value);
        }
    }
    hin_arena_done(&arena);
    return found;
}

TEST(test_event_terms__what_people_ask_for_is_found)
{
    CHECK(finds("user", "root"));
    CHECK(!finds("user", "Root"));
    CHECK(finds("srcip", "::ffff:203.0.113.7"));
    CHECK(finds("dst_ip", "2001:db8:0:0::5"));
    CHECK(finds("hostname", "WEB-1"));
    CHECK(finds("rule", "05716"));
    CHECK(!finds("rule", "5717"));
    CHECK(finds("group", "Authentication_Failed"));
    CHECK(finds("technique", "t1078"));
    CHECK(finds("srcport", "22"));
    CHECK(finds("tty", "PTS/0"));
    CHECK(finds("field.decoder", "an extra of that name"));
    CHECK(!finds("decoder", "an extra of that name"));
    CHECK(!finds("tty", "pts/1"));
}

TEST(test_event_terms__free_text_and_columns_are_refused)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1 << 20);
    struct hin_term term;
    CHECK_CODE(hin_term_parse(HIN_VIEW("raw"), HIN_VIEW("x"), &arena, &term), INVALID);
    CHECK_CODE(hin_term_parse(HIN_VIEW("severity"), HIN_VIEW("1"), &arena, &term), INVALID);
    CHECK_CODE(hin_term_parse(HIN_VIEW("rule"), HIN_VIEW("x"), &arena, &term), SYNTAX);
    CHECK_CODE(hin_term_parse(HIN_VIEW(""), HIN_VIEW("x"), &arena, &term), INVALID);
    hin_arena_done(&arena);
}

TEST(test_event_terms__bytes_are_unambiguous)
{
    struct hin_buf a, b;
    hin_buf_init(&a, 1024);
    hin_buf_init(&b, 1024);
    struct hin_term one = {0, HIN_VIEW("ab"), HIN_VIEW("c")},
                    two = {0, HIN_VIEW("a"), HIN_VIEW("bc")};
    CHECK_OK(hin_term_bytes(&one, &a));
    CHECK_OK(hin_term_bytes(&two, &b));
    CHECK(!hin_view_equal(hin_buf_view(&a), hin_buf_view(&b)));
    hin_buf_done(&a);
    hin_buf_done(&b);
}
