/* Old and new values for the audit record. */
#include "harness.h"

#include "base/bytes.h"
#include "manager/worker/api/changes.h"
#include "manager/worker/api/tables.h"

static HIN_RESULT changed(const struct hin_api_attributes *attributes, const char *before,
                          const char *after, const char *body, struct hin_buf *out)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *old = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *new = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *sent = NULL;
    struct hin_json none = {0};
    hin_buf_init(out, HIN_CHANGES_MAX * 2);
    if (before != NULL) {
        HIN_TRY(hin_json_parse(hin_view_from_text(before), 1 << 20, &old, NULL));
    }
    if (after != NULL) {
        HIN_TRY(hin_json_parse(hin_view_from_text(after), 1 << 20, &new, NULL));
    }
    if (body != NULL) {
        HIN_TRY(hin_json_parse(hin_view_from_text(body), 1 << 20, &sent, NULL));
    }
    return hin_changes_write(attributes, old != NULL ? hin_json_root(old) : none,
                             new != NULL ? hin_json_root(new) : none,
                             sent != NULL ? hin_json_root(sent) : none, out);
}

TEST(test_manager_changes__name_what_differs)
{
    static const struct {
        const char *before, *after, *wanted;
    } cases[] = {
        {"{\"name\":\"a\",\"parentID\":1}", "{\"name\":\"b\",\"parentID\":1}",
         "[{\"attribute\":\"name\",\"old\":\"a\",\"new\":\"b\"}]"},
        {"{\"name\":\"a\"}", "{\"name\":\"a\"}", ""},
        {NULL, "{\"name\":\"a\"}", "[{\"attribute\":\"name\",\"new\":\"a\"}]"},
        {"{\"name\":\"a\"}", NULL, "[{\"attribute\":\"name\",\"old\":\"a\"}]"},
        {"{\"name\":\"a\",\"logInspection\":{\"state\":\"on\",\"ruleIDs\":[1,2]}}",
         "{\"name\":\"a\",\"logInspection\":{\"state\":\"on\",\"ruleIDs\":[1]}}",
         "[{\"attribute\":\"logInspection\",\"old\":{\"state\":\"on\",\"ruleIDs\":[1,2]},\"new\":"
         "{\"state\":\"on\",\"ruleIDs\":[1]}}]"},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_buf out;
        CHECK_OK(changed(&hin_api_policy, cases[i].before, cases[i].after, NULL, &out));
        CHECK(hin_view_is(hin_buf_view(&out), cases[i].wanted));
        hin_buf_done(&out);
    }
}

/* A password, its hash and a key's digest: that they changed, and no more. */
TEST(test_manager_changes__hold_no_secret)
{
    struct hin_buf out;
    CHECK_OK(changed(&hin_api_administrator,
                     "{\"username\":\"a\",\"passwordHash\":\"$argon2id$1\"}",
                     "{\"username\":\"a\",\"passwordHash\":\"$argon2id$2\"}",
                     "{\"password\":\"open sesame\"}", &out));
    CHECK_VIEW(hin_buf_view(&out), "[{\"attribute\":\"password\",\"secret\":true},{\"attribute\":"
                                   "\"passwordHash\",\"secret\":true}]");
    hin_buf_done(&out);
    CHECK_OK(changed(&hin_api_apikey, NULL, "{\"keyName\":\"k\",\"secretDigest\":\"abcd\"}", NULL,
                     &out));
    CHECK_VIEW(hin_buf_view(&out), "[{\"attribute\":\"keyName\",\"new\":\"k\"},{\"attribute\":"
                                   "\"secretDigest\",\"secret\":true}]");
    hin_buf_done(&out);
}

/* A file of rules is named by size and digest, so that an entry stays within its bound. */
TEST(test_manager_changes__long_values_are_digests)
{
    static const char wanted[] =
        "[{\"attribute\":\"ruleXML\",\"old\":\"short\",\"new\":{\"bytes\":9002,"
        "\"sha256\":\"";
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 16};
    struct hin_buf out;
    uint8_t *at = NULL;
    const char *after = NULL;
    CHECK_OK(hin_buf_append_text(&text, "{\"ruleXML\":\""));
    CHECK_OK(hin_buf_extend(&text, 9000, &at));
    hin_fill(at, 'x', 9000);
    CHECK_OK(hin_buf_append_text(&text, "\"}"));
    CHECK_OK(hin_buf_text(&text, &after));
    CHECK_OK(changed(&hin_api_rule, "{\"ruleXML\":\"short\"}", after, NULL, &out));
    CHECK(hin_view_starts_with(hin_buf_view(&out), hin_view_from_text(wanted)));
    CHECK(out.size < 256);
    hin_buf_done(&out);
}
