#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "data/json.h"
#include "harness.h"

#define MAX 4096

static struct hin_result parse(const char *text, struct hin_json_document **document,
                               struct hin_error *error)
{
    return hin_json_parse(hin_view_from_text(text), MAX, document, error);
}

TEST(test_data_json__names_the_path_of_a_bad_field)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_error error = {0};
    CHECK_OK(parse("{\"policies\":[{\"computerIDs\":[1,2,3,true]}]}", &document, &error));
    struct hin_json policies;
    struct hin_json ids;
    size_t count = 0;
    CHECK_OK(hin_json_get_array(hin_json_root(document), "policies", &policies, &count, &error));
    CHECK_OK(hin_json_get_array(hin_json_at(policies, 0), "computerIDs", &ids, &count, &error));
    CHECK_INT(count, 4);
    int64_t id = 0;
    CHECK_OK(hin_json_integer(hin_json_at(ids, 1), 0, 10, &id, &error));
    CHECK_INT(id, 2);
    CHECK_CODE(hin_json_integer(hin_json_at(ids, 3), 0, 10, &id, &error), INVALID);
    CHECK_VIEW(hin_view_from_text(error.text), "policies[0].computerIDs[3]: not an integer");
    CHECK_CODE(hin_json_integer(hin_json_at(ids, 2), 0, 2, &id, &error), INVALID);
    CHECK_VIEW(hin_view_from_text(error.text), "policies[0].computerIDs[2]: 3 is outside 0..2");
    struct hin_view text;
    CHECK_CODE(hin_json_get_text(hin_json_at(policies, 0), "name", &text, &error), INVALID);
    CHECK_VIEW(hin_view_from_text(error.text), "policies[0].name: missing");
}

TEST(test_data_json__refuses_what_is_not_one_clean_value)
{
    static const char *const bad[] = {"",      "{",        "{\"a\":1,\"a\":2}",    "[1,]",
                                      "{} x",  "\"\xff\"", "99999999999999999999", "nul",
                                      "[1 2]", "{\"a\"}",  "\"\\ud800\"",          "'a'"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hin_json_document *document = NULL;
        CHECK_CODE(parse(bad[i], &document, NULL), SYNTAX);
        CHECK(document == NULL);
    }
}

TEST(test_data_json__tells_line_and_column)
{
    struct hin_json_document *document = NULL;
    struct hin_error error = {0};
    CHECK_CODE(parse("{\n  \"a\": tru\n}", &document, &error), SYNTAX);
    CHECK_INT(error.line, 2);
    CHECK(error.column >= 8 && error.column <= 11);
}

TEST(test_data_json__bounds_depth_and_size)
{
    char text[2 * 65 + 1];
    for (size_t depth = 64; depth <= 65; depth++) {
        for (size_t i = 0; i < depth; i++) {
            text[i] = '[';
            text[depth + i] = ']';
        }
        text[2 * depth] = '\0';
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        struct hin_result result = parse(text, &document, NULL);
        CHECK_INT(result.code, depth == 64 ? HIN_OK : HIN_LIMIT);
        if (document != NULL) {
            HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
            hin_buf_init(&buf, MAX);
            struct hin_json_writer writer;
            hin_json_writer_init(&writer, &buf, false);
            hin_json_put_value(&writer, hin_json_root(document));
            CHECK_OK(hin_json_writer_finish(&writer));
            CHECK_VIEW(hin_buf_view(&buf), text);
        }
    }
    struct hin_json_document *document = NULL;
    CHECK_CODE(hin_json_parse(HIN_VIEW("[1,2,3]"), 6, &document, NULL), LIMIT);
    /* brackets inside strings do not count */
    CHECK_OK(parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"",
                   &document, NULL));
    hin_json_free(document);
}

TEST(test_data_json__writes_valid_json_whatever_comes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, 1 << 20);
    uint8_t bytes[600];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t from = 0; from < 300; from++) {
        hin_buf_clear(&buf);
        CHECK_OK(hin_json_append_text(&buf, hin_view_of(bytes + from, 300)));
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        CHECK_OK(hin_json_parse(hin_buf_view(&buf), 1 << 20, &document, NULL));
    }
    hin_buf_clear(&buf);
    CHECK_OK(
        hin_json_append_text(&buf, hin_view_of("a\xe2\x82z\xf0\x9f\x98\x80\xed\xa0\x80\0\n", 13)));
    CHECK_VIEW(hin_buf_view(&buf),
               "\"a\xef\xbf\xbdz\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u0000\\n\"");
}

TEST(test_data_json__writer_keeps_grammar)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, MAX);
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &buf, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "n", INT64_MIN);
    hin_json_key(&writer, "list");
    hin_json_begin_array(&writer);
    hin_json_put_boolean(&writer, true);
    hin_json_put_null(&writer);
    hin_json_put_real(&writer, 1);
    hin_json_end_array(&writer);
    hin_json_key(&writer, "empty");
    hin_json_begin_object(&writer);
    hin_json_end_object(&writer);
    hin_json_end_object(&writer);
    CHECK_OK(hin_json_writer_finish(&writer));
    CHECK_VIEW(
        hin_buf_view(&buf),
        "{\n  \"n\": -9223372036854775808,\n  \"list\": [\n    true,\n    null,\n    1.0\n  ],\n"
        "  \"empty\": {}\n}");
    hin_json_writer_init(&writer, &buf, false);
    hin_json_begin_object(&writer);
    hin_json_put_integer(&writer, 1); /* no key */
    hin_json_end_object(&writer);
    CHECK_CODE(hin_json_writer_finish(&writer), INVALID);
    hin_json_writer_init(&writer, &buf, false);
    hin_json_begin_array(&writer);
    CHECK_CODE(hin_json_writer_finish(&writer), INVALID);
    struct hin_buf small;
    hin_buf_init(&small, 4);
    hin_json_writer_init(&writer, &small, false);
    hin_json_put_cstring(&writer, "too long");
    CHECK_CODE(hin_json_writer_finish(&writer), LIMIT);
    hin_buf_done(&small);
}

TEST(test_data_json__only_known_members)
{
    static const char *const keys[] = {"name", "uses"};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_error error = {0};
    CHECK_OK(parse("{\"name\":\"x\",\"colour\":1,\"uses\":null}", &document, &error));
    CHECK_CODE(hin_json_only(hin_json_root(document), keys, 2, &error), INVALID);
    CHECK_VIEW(hin_view_from_text(error.text), "colour: unknown field");
    int64_t uses = 7;
    CHECK_OK(hin_json_opt_integer(hin_json_root(document), "uses", 0, 9, &uses, &error));
    CHECK_INT(uses, 7);
    CHECK_CODE(hin_json_opt_integer(hin_json_root(document), "name", 0, 9, &uses, &error), INVALID);
}
