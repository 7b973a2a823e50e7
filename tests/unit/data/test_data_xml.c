#include <string.h>

#include "base/bytes.h"
#include "data/xml.h"
#include "harness.h"

static struct hin_arena arena;

static struct hin_xml_node *parse(const char *text, struct hin_error *error)
{
    struct hin_xml_node *roots = NULL;
    hin_arena_done(&arena);
    hin_arena_init(&arena, 1 << 20);
    if (!hin_is_ok(hin_xml_parse(&arena, "t.xml", hin_view_from_text(text), error, &roots))) {
        return NULL;
    }
    return roots;
}

TEST(test_data_xml__reads_several_roots_attributes_and_text)
{
    struct hin_error error = {0};
    struct hin_xml_node *n = parse("<a x=\"1\" y='two'>text</a>\n <b><c/><d > t </d></b>", &error);
    CHECK(n != NULL && n->next != NULL && n->next->next == NULL);
    CHECK_VIEW(n->name, "a");
    CHECK_VIEW(n->text, "text");
    CHECK_INT(n->attribute_count, 2);
    CHECK_VIEW(hin_xml_attribute(n, "Y")->value, "two");
    CHECK(hin_xml_attribute(n, "z") == NULL);
    CHECK_INT(n->text_column, 18);
    n = n->next;
    CHECK_INT(n->line, 2);
    CHECK_INT(n->column, 2);
    CHECK_INT(n->child_count, 2);
    CHECK_VIEW(n->children->name, "c");
    CHECK_VIEW(n->children->next->name, "d");
    CHECK_VIEW(n->children->next->text, " t ");
    hin_arena_done(&arena);
}

TEST(test_data_xml__takes_an_escaped_angle_as_text)
{
    struct hin_error error = {0};
    struct hin_xml_node *n = parse("<r>a \\<b\\> & c &amp; d</r>", &error);
    CHECK(n != NULL);
    CHECK_VIEW(n->text, "a \\<b\\> & c &amp; d");
    hin_arena_done(&arena);
}

TEST(test_data_xml__leaves_comments_out_of_text)
{
    struct hin_error error = {0};
    struct hin_xml_node *n =
        parse("<!-- a -- b <x> !><r>one<!-- <two> -->three<!four!></r><!---->", &error);
    CHECK(n != NULL);
    CHECK_VIEW(n->name, "r");
    CHECK_VIEW(n->text, "onethree");
    CHECK(n->next == NULL);
    hin_arena_done(&arena);
}

TEST(test_data_xml__reads_nothing_from_nothing)
{
    struct hin_error error = {0};
    CHECK(parse("", &error) == NULL && error.code == HIN_OK);
    CHECK(parse(" \r\n\t", &error) == NULL && error.code == HIN_OK);
    CHECK(parse("\xef\xbb\xbf", &error) == NULL && error.code == HIN_OK);
    CHECK(parse("<!-- a <!-- b --> left over -->", &error) == NULL && error.code == HIN_OK);
    CHECK(parse("<?xml version=\"1.0\"?>", &error) == NULL && error.code == HIN_OK);
    hin_arena_done(&arena);
}

TEST(test_data_xml__names_the_place_of_what_is_wrong)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *says;
    } wrong[] = {
        {"<a>\n  <b>x</a>", 2, 7, "does not close"},
        {"<a>\n <b></b>", 1, 1, "not closed"},
        {"</a>", 1, 1, "no element is open"},
        {"<a x>t</a>", 1, 4, "no value"},
        {"<a x=1>t</a>", 1, 6, "quotes"},
        {"<a x=\"1>t</a>", 1, 7, "not closed"},
        {"<a x=\"1\" x=\"2\"/>", 1, 10, "twice"},
        {"\n<!-- open", 2, 1, "comment"},
        {"hello world", 1, 1, "outside"},
        {" \x01\x02\x03", 1, 2, "outside"},
        {"<!-- a --> b <c/>\n d", 2, 2, "outside"},
        {"\xef\xbb\xbf x", 1, 5, "outside"},
        {"<a", 1, 3, "file ends"},
        {"<>", 1, 1, "without a name"},
        {"<a<b>", 1, 1, "another"},
        {"<? x", 1, 1, "not closed"},
        {"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", 1, 49, "deeper"},
    };
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        struct hin_error error = {0};
        CHECK(parse(wrong[i].text, &error) == NULL);
        CHECK_INT(error.code, HIN_SYNTAX);
        if (error.line != wrong[i].line || error.column != wrong[i].column ||
            strstr(error.text, wrong[i].says) == NULL) {
            test_fail(__FILE__, __LINE__, "%s: %u:%u: %s", wrong[i].text, error.line, error.column,
                      error.text);
        }
    }
    hin_arena_done(&arena);
}

TEST(test_data_xml__stops_at_the_arenas_limit)
{
    static char text[9000];
    struct hin_xml_node *roots = NULL;
    hin_fill(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i + 4 < sizeof(text); i += 4) {
        hin_copy(text + i, "<a/>", 4);
    }
    struct hin_arena small;
    hin_arena_init(&small, 4096);
    struct hin_result result =
        hin_xml_parse(&small, "t.xml", hin_view_of(text, 8000), NULL, &roots);
    hin_arena_done(&small);
    CHECK_CODE(result, LIMIT);
}
