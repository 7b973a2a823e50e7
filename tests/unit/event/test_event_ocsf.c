/* Every kind of event against the JSON Schemas of OCSF 1.8.0, with a small validator of the
 * keywords they use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "data/json.h"
#include "event/write.h"
#include "harness.h"
#include "sample.h"

struct schema {
    struct hin_json_document *document;
    struct hin_json root;
};

static bool valid(const struct schema *schema, struct hin_json rule, struct hin_json value,
                  int depth);

static bool complain(struct hin_json value, const char *what)
{
    char path[256];
    hin_json_path(value, path, sizeof(path));
    test_fail(__FILE__, __LINE__, "%s: %s", path, what);
    return false;
}

static bool type_is(struct hin_json value, struct hin_view type)
{
    static const struct {
        const char *name;
        enum hin_json_type type;
    } types[] = {{"string", HIN_JSON_TEXT},     {"integer", HIN_JSON_INTEGER},
                 {"boolean", HIN_JSON_BOOLEAN}, {"array", HIN_JSON_ARRAY},
                 {"object", HIN_JSON_OBJECT},   {"number", HIN_JSON_REAL}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (hin_view_is(type, types[i].name)) {
            return hin_json_type_of(value) == types[i].type;
        }
    }
    return false;
}

static bool integer_in(struct hin_json list, int64_t wanted)
{
    int64_t item = 0;
    size_t count = 0;
    bool ok = hin_is_ok(hin_json_array(list, &count, NULL));
    for (size_t i = 0; ok && i < count; i++) {
        if (hin_is_ok(hin_json_integer(hin_json_at(list, i), INT64_MIN, INT64_MAX, &item, NULL)) &&
            item == wanted) {
            return true;
        }
    }
    return false;
}

static bool all_required(struct hin_json rule, struct hin_json value)
{
    struct hin_json required, member;
    size_t count = 0;
    if (!hin_json_find(rule, "required", &required)) {
        return true;
    }
    bool ok = hin_is_ok(hin_json_array(required, &count, NULL));
    for (size_t i = 0; ok && i < count; i++) {
        struct hin_view name;
        char text[128];
        ok = hin_is_ok(hin_json_text(hin_json_at(required, i), &name, NULL)) &&
             hin_is_ok(hin_view_to_text(name, text, sizeof(text))) &&
             hin_json_find(value, text, &member);
    }
    return ok;
}

static bool any_of(struct hin_json rule, struct hin_json value)
{
    struct hin_json any;
    size_t count = 0;
    if (!hin_json_find(rule, "anyOf", &any)) {
        return true;
    }
    bool ok = hin_is_ok(hin_json_array(any, &count, NULL));
    for (size_t i = 0; ok && i < count; i++) {
        if (all_required(hin_json_at(any, i), value)) {
            return true;
        }
    }
    return false;
}

static bool members_valid(const struct schema *schema, struct hin_json rule, struct hin_json value,
                          int depth)
{
    struct hin_json properties, additional, member_rule, member;
    bool closed = hin_json_find(rule, "additionalProperties", &additional);
    bool any = false;
    closed = closed && hin_is_ok(hin_json_boolean(additional, &any, NULL)) && !any;
    bool have = hin_json_find(rule, "properties", &properties);
    const char *key = NULL;
    struct hin_json_iterator at = hin_json_iterate(value);
    while (hin_json_next(&at, &key, &member)) {
        if (have && hin_json_find(properties, key, &member_rule)) {
            if (!valid(schema, member_rule, member, depth + 1)) {
                return false;
            }
        } else if (closed) {
            return complain(member, "not in the schema");
        }
    }
    return true;
}

static bool scalar_valid(struct hin_json rule, struct hin_json value)
{
    struct hin_json item;
    int64_t number = 0, wanted = 0;
    bool is_integer = hin_is_ok(hin_json_integer(value, INT64_MIN, INT64_MAX, &number, NULL));
    if (hin_json_find(rule, "enum", &item) && is_integer && !integer_in(item, number)) {
        return complain(value, "not in the enum");
    }
    if (hin_json_find(rule, "const", &item) &&
        (!is_integer || !hin_is_ok(hin_json_integer(item, INT64_MIN, INT64_MAX, &wanted, NULL)) ||
         wanted != number)) {
        return complain(value, "not the constant");
    }
    if (hin_json_find(rule, "maximum", &item) &&
        (!hin_is_ok(hin_json_integer(item, INT64_MIN, INT64_MAX, &wanted, NULL)) ||
         number > wanted)) {
        return complain(value, "over the maximum");
    }
    return true;
}

static bool valid(const struct schema *schema, struct hin_json rule, struct hin_json value,
                  int depth)
{
    struct hin_json item;
    struct hin_view text;
    if (depth > 20) {
        return complain(value, "too deep");
    }
    if (hin_json_find(rule, "$ref", &item)) {
        char name[128];
        struct hin_json defs;
        if (!hin_is_ok(hin_json_text(item, &text, NULL)) ||
            !hin_is_ok(hin_view_to_text(hin_view_sub(text, strlen("#/$defs/"), text.size), name,
                                        sizeof(name))) ||
            !hin_json_find(schema->root, "$defs", &defs) || !hin_json_find(defs, name, &item)) {
            return complain(value, "dangling $ref");
        }
        return valid(schema, item, value, depth + 1);
    }
    if (hin_json_find(rule, "type", &item) && hin_is_ok(hin_json_text(item, &text, NULL)) &&
        !type_is(value, text)) {
        return complain(value, "wrong type");
    }
    if (hin_json_type_of(value) == HIN_JSON_OBJECT) {
        if (!all_required(rule, value)) {
            return complain(value, "a required attribute is missing");
        }
        return (any_of(rule, value) || complain(value, "anyOf")) &&
               members_valid(schema, rule, value, depth);
    }
    if (hin_json_type_of(value) == HIN_JSON_ARRAY && hin_json_find(rule, "items", &item)) {
        size_t count = 0;
        bool ok = hin_is_ok(hin_json_array(value, &count, NULL));
        for (size_t i = 0; ok && i < count; i++) {
            ok = valid(schema, item, hin_json_at(value, i), depth + 1);
        }
        return ok;
    }
    return scalar_valid(rule, value);
}

static bool schema_open(struct schema *schema, const char *name)
{
    const char *root = getenv("HIN_SHARED");
    static const char *const fallbacks[] = {"../shared", "../../shared"};
    struct hin_buf text;
    hin_buf_init(&text, 4 << 20);
    bool found = false;
    for (size_t i = 0; i < 3 && !found; i++) {
        const char *folder = i == 0 ? root : fallbacks[i - 1];
        char path[512];
        if (folder != NULL &&
            snprintf(path, sizeof(path), "%s/reference/ocsf/%s.json", folder, name) < 512) {
            hin_buf_clear(&text);
            found =
                hin_is_ok(hin_file_read(-100 /* AT_FDCWD */, path, &text)) &&
                hin_is_ok(hin_json_parse(hin_buf_view(&text), 4 << 20, &schema->document, NULL));
        }
    }
    hin_buf_done(&text);
    if (!found) {
        printf("# skipped: 1 cases (OCSF schema %s not found; set HIN_SHARED)\n", name);
        return false;
    }
    schema->root = hin_json_root(schema->document);
    return true;
}

static bool event_valid(const struct schema *schema, const struct hin_event *event)
{
    struct hin_buf buf;
    hin_buf_init(&buf, 4 << 20);
    struct hin_json_document *document = NULL;
    struct hin_error error = {0};
    bool ok = hin_is_ok(hin_event_write_ocsf(event, NULL, &buf)) &&
              hin_is_ok(hin_json_parse(hin_buf_view(&buf), 4 << 20, &document, &error)) &&
              valid(schema, schema->root, hin_json_root(document), 0);
    if (!ok) {
        test_fail(__FILE__, __LINE__, "%s in %.*s", error.text, HIN_ARGS(hin_buf_view(&buf)));
    }
    hin_json_free(document);
    hin_buf_done(&buf);
    return ok;
}

TEST(test_event_ocsf__findings_are_valid)
{
    struct schema schema = {0};
    if (!schema_open(&schema, "detection_finding")) {
        return;
    }
    struct hin_arena arena;
    hin_arena_init(&arena, 4 << 20);
    struct hin_event event;
    CHECK_OK(sample_finding(&event, &arena));
    CHECK(event_valid(&schema, &event));
    /* and with each field missing in turn, and each alone */
    uint64_t needed = UINT64_C(1) << HIN_FIELD_TIME | UINT64_C(1) << HIN_FIELD_CLASS |
                      UINT64_C(1) << HIN_FIELD_ACTIVITY | UINT64_C(1) << HIN_FIELD_SEVERITY;
    uint64_t all = event.present;
    for (unsigned id = 1; id < HIN_FIELD_LIMIT; id++) {
        event.present = (all & ~(UINT64_C(1) << id)) | needed;
        CHECK(event_valid(&schema, &event));
        event.present = needed | (all & UINT64_C(1) << id);
        CHECK(event_valid(&schema, &event));
    }
    event.present = all;
    CHECK_OK(hin_event_set_text(&event, HIN_FIELD_SRC_IP, HIN_VIEW("gateway.example")));
    CHECK_OK(hin_event_set_integer(&event, HIN_FIELD_SRC_PORT, 70000));
    CHECK(event_valid(&schema, &event));
    hin_arena_done(&arena);
    hin_json_free(schema.document);
}

TEST(test_event_ocsf__states_are_valid)
{
    struct schema schema = {0};
    if (!schema_open(&schema, "application_lifecycle")) {
        return;
    }
    struct hin_arena arena;
    hin_arena_init(&arena, 4 << 20);
    struct hin_event event;
    for (int64_t code = 1; hin_state_get(code) != NULL; code++) {
        CHECK_OK(sample_state(&event, &arena, (enum hin_state_code)code));
        CHECK(event_valid(&schema, &event));
        hin_event_init_state(&event, &arena, 1, (enum hin_state_code)code, HIN_VIEW_EMPTY);
        CHECK(event_valid(&schema, &event));
    }
    hin_arena_done(&arena);
    hin_json_free(schema.document);
}

/* Nothing that an event holds is left out, and each field stands where the table says. */
TEST(test_event_ocsf__every_field_is_written)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 4 << 20);
    struct hin_buf buf;
    hin_buf_init(&buf, 1 << 20);
    struct hin_event event;
    CHECK_OK(sample_finding(&event, &arena));
    struct hin_write_options options = {.id = 31};
    CHECK_OK(hin_event_write_ocsf(&event, &options, &buf));
    static const char *const wanted[] = {
        "{\"ID\":31,",
        "\"raw_data\":\"Nov 22 ",
        "\"hostname\":\"Web-1\"",
        "\"uid\":\"5716\"",
        "\"severity\":\"5\"",
        "\"src_endpoint\":{\"ip\":\"203.0.113.7\",\"port\":22}",
        "\"ip\":\"2001:db8::5\"",
        "\"name\":\"root\"",
        "\"name\":\"alice\"",
        "\"pid\":812",
        "\"log_provider\":\"sshd\"",
        "\"log_source\":\"/var/log/auth.log\"",
        "\"technique\":{\"uid\":\"T1110\"},\"sub_technique\":{\"uid\":\"T1110.001\"}",
        "\"types\":[\"syslog\",\"authentication_failed\"]",
        "\"url_string\":\"/login?a=b|c\"",
        "\"protocol_name\":\"TCP\"",
        "\"action\":\"Deny\",\"action_id\":99",
        "\"status_code\":\"FAILED\"",
        "\"original_event_uid\":\"A-17\"",
        "\"is_truncated\":true",
        "\"untruncated_size\":70000",
        "\"decoder\":\"sshd\"",
        "\"fields\":{\"tty\":\"pts/0\",\"Decoder\":\"an extra of that name\"}",
        "\"uid\":\"7edcba9876543210-123456-2\"",
        "\"time\":1795386286123",
        "\"logged_time\":1795386286124",
        "\"count\":3",
        "\"message\":\"SSHD authentication failed.\"",
        "\"data\":\"some data\"",
        "\"extra_data\":\"more data\"",
        "\"system_name\":\"SYS1\"",
        "\"policy_version\":4"};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (hin_view_find(hin_buf_view(&buf), hin_view_from_text(wanted[i])) == SIZE_MAX) {
            test_fail(__FILE__, __LINE__, "no %s in %.*s", wanted[i], HIN_ARGS(hin_buf_view(&buf)));
        }
    }
    hin_buf_done(&buf);
    hin_arena_done(&arena);
}

/* An agent may send any number; what is given out keeps to the schema (found by fuzzing). */
TEST(test_event_ocsf__an_activity_out_of_range_is_other)
{
    static const int64_t numbers[] = {-1, 100, INT64_MAX, INT64_MIN};
    struct hin_arena arena;
    hin_arena_init(&arena, 4 << 20);
    struct hin_buf buf;
    hin_buf_init(&buf, 1 << 20);
    struct hin_event event;
    CHECK_OK(sample_finding(&event, &arena));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        hin_buf_clear(&buf);
        CHECK_OK(hin_event_set_integer(&event, HIN_FIELD_ACTIVITY, numbers[i]));
        CHECK_OK(hin_event_write_ocsf(&event, NULL, &buf));
        CHECK(hin_view_find(hin_buf_view(&buf), HIN_VIEW("\"type_uid\":200499")) != SIZE_MAX);
    }
    hin_buf_done(&buf);
    hin_arena_done(&arena);
}
