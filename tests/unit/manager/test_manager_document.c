#include "harness.h"

#include <string.h>

#include "manager/worker/api/document.h"
#include "manager/worker/api/tables.h"

static struct hin_json_document *parse(const char *text)
{
    struct hin_json_document *document = NULL;
    struct hin_result parsed = hin_json_parse(hin_view_from_text(text), 1 << 20, &document, NULL);
    return hin_is_ok(parsed) ? document : NULL;
}

/* Judged, and what the client would be told. */
static struct hin_result judge(const struct hin_api_attributes *attributes, const char *text,
                               bool creating, struct hin_error *error)
{
    struct hin_json_document *document = parse(text);
    *error = (struct hin_error){0};
    struct hin_result result =
        hin_api_validate(attributes, hin_json_root(document), creating, error);
    hin_json_free(document);
    return result;
}

TEST(test_manager_document__refuses_by_name)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"{\"colour\":1}", "colour"},
        {"{\"name\":7}", "name"},
        {"{\"name\":\"\"}", "name"},
        {"{\"name\":\"a\\nb\"}", "name"},
        {"{\"description\":\"no name\"}", "name"},
        {"{\"name\":null}", "name"},
        {"{\"name\":\"a\",\"parentID\":-1}", "parentID"},
        {"{\"name\":\"a\",\"parentID\":1.5}", "parentID"},
        {"{\"name\":\"a\",\"logInspection\":[]}", "logInspection"},
        {"{\"name\":\"a\",\"logInspection\":{\"state\":\"maybe\"}}", "logInspection.state"},
        {"{\"name\":\"a\",\"logInspection\":{\"ruleIDs\":[1,\"2\"]}}", "logInspection.ruleIDs[1]"},
        {"{\"name\":\"a\",\"logInspection\":{\"ruleIDs\":[0]}}", "logInspection.ruleIDs[0]"},
        {"{\"name\":\"a\",\"logInspection\":{\"colour\":1}}", "logInspection.colour"},
    };
    struct hin_error error;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_CODE(judge(&hin_api_policy, cases[i].body, true, &error), INVALID);
        if (strstr(error.text, cases[i].says) == NULL) {
            test_fail(__FILE__, __LINE__, "%s says: %s", cases[i].body, error.text);
            return;
        }
    }
}

TEST(test_manager_document__takes_what_was_read_back)
{
    struct hin_error error;
    CHECK_OK(judge(&hin_api_policy,
                   "{\"ID\":4,\"name\":\"a\",\"logInspection\":{\"state\":\"on\",\"ruleIDs\":[3],"
                   "\"moduleStatus\":{}}}",
                   true, &error));
    CHECK_OK(judge(&hin_api_policy, "{\"description\":null}", false, &error));
}

TEST(test_manager_document__hidden_attributes_do_not_exist_outside)
{
    struct hin_error error;
    CHECK_CODE(judge(&hin_api_apikey, "{\"keyName\":\"a\",\"roleID\":1,\"secretDigest\":\"00\"}",
                     true, &error),
               INVALID);
}

static HIN_RESULT merge(const struct hin_api_attributes *attributes, const char *stored,
                        const char *body, const struct hin_api_patches *patches,
                        struct hin_buf *out)
{
    struct hin_json_document *old = stored != NULL ? parse(stored) : NULL;
    struct hin_json_document *new = parse(body);
    struct hin_json none = {0};
    hin_buf_clear(out);
    struct hin_result result = hin_api_merge(attributes, old != NULL ? hin_json_root(old) : none,
                                             hin_json_root(new), patches, out);
    hin_json_free(old);
    hin_json_free(new);
    return result;
}

TEST(test_manager_document__merges_objects_and_removes_by_null)
{
    struct hin_buf out;
    hin_buf_init(&out, 65536);
    CHECK_OK(merge(&hin_api_policy,
                   "{\"name\":\"a\",\"description\":\"d\",\"logInspection\":{\"state\":\"on\","
                   "\"ruleIDs\":[1]}}",
                   "{\"description\":null,\"logInspection\":{\"ruleIDs\":[2,3]}}", NULL, &out));
    CHECK_VIEW(hin_buf_view(&out),
               "{\"name\":\"a\",\"logInspection\":{\"state\":\"on\",\"ruleIDs\":[2,3]}}");
    hin_buf_done(&out);
}

TEST(test_manager_document__server_side_attributes_are_the_servers)
{
    struct hin_buf out;
    struct hin_api_patches patches = {0};
    hin_buf_init(&out, 65536);
    CHECK_OK(hin_api_patch_int(&patches, "created", 5));
    CHECK_OK(hin_api_patch_text(&patches, "secretDigest", HIN_VIEW("ab")));
    CHECK_OK(merge(&hin_api_apikey, NULL,
                   "{\"keyName\":\"k\",\"roleID\":1,\"created\":9,\"secretKey\":\"mine\","
                   "\"lastSignIn\":9,\"ID\":7}",
                   &patches, &out));
    CHECK_VIEW(hin_buf_view(&out),
               "{\"keyName\":\"k\",\"roleID\":1,\"created\":5,\"secretDigest\":\"ab\"}");
    CHECK_OK(merge(&hin_api_administrator, "{\"username\":\"a\",\"roleID\":1}",
                   "{\"username\":\"b\",\"password\":\"long password\"}", NULL, &out));
    CHECK_VIEW(hin_buf_view(&out),
               "{\"username\":\"a\",\"roleID\":1}"); /* fixed; and a password is not stored */
    hin_buf_done(&out);
}

TEST(test_manager_document__gives_out_no_hidden_attribute)
{
    struct hin_buf out;
    struct hin_json_writer writer;
    struct hin_json_document *stored =
        parse("{\"keyName\":\"k\",\"roleID\":1,\"secretDigest\":\"ab\"}");
    struct hin_api_patches computed = {0};
    hin_buf_init(&out, 65536);
    CHECK_OK(hin_api_patch_text(&computed, "secretKey", HIN_VIEW("s")));
    hin_json_writer_init(&writer, &out, false);
    hin_api_render(&hin_api_apikey, hin_json_root(stored), 3, &computed, &writer);
    CHECK_OK(hin_json_writer_finish(&writer));
    CHECK_VIEW(hin_buf_view(&out), "{\"keyName\":\"k\",\"roleID\":1,\"secretKey\":\"s\",\"ID\":3}");
    hin_json_free(stored);
    hin_buf_done(&out);
}
