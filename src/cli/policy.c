/* hinomi policy: show, set. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"

struct policy_options {
    bool json;
    const char *state;
    const char *rules;
    struct hin_option_texts computers;
};

static const struct hin_option show_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct policy_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_command show_usage = {
    "hinomi policy show", "list policies, or show one", "[POLICY]", "POLICY is an ID.",
    show_table,           HIN_COUNT(show_table),        0,          1};

static const struct hin_option set_table[] = {
    {"log-inspection", 0, HIN_OPTION_CHOICE, offsetof(struct policy_options, state), "STATE",
     "Whether logs are watched.", "inherited|on|off", false, false},
    {"rules", 0, HIN_OPTION_TEXT, offsetof(struct policy_options, rules), "ID,ID-ID,...",
     "The log inspection rules assigned: IDs and ranges between commas, in place of the present "
     "ones.",
     NULL, false, false},
    {"computer", 0, HIN_OPTION_TEXTS, offsetof(struct policy_options, computers), "ID",
     "Give this computer the policy (repeatable).", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct policy_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_command set_usage = {
    "hinomi policy set",
    "change a policy, or what it applies to",
    "POLICY",
    "POLICY is an ID. Connected agents have the change within five seconds.",
    set_table,
    HIN_COUNT(set_table),
    1,
    1};

static struct hin_json member(struct hin_json object, const char *key)
{
    struct hin_json value = {0};
    return hin_json_find(object, key, &value) ? value : (struct hin_json){0};
}

/* "5 (1-3,7,9)": how many, and which. */
static HIN_RESULT list_rules(struct hin_json ids, struct hin_arena *arena,
                             struct hin_view *ret_text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text;
    int64_t first = 0, last = 0, id = 0;
    size_t count = 0;
    hin_buf_init(&text, (size_t)256 * 1024);
    HIN_IGNORE(hin_json_array(ids, &count, NULL)); /* absent: none */
    HIN_TRY(hin_buf_printf(&text, "%zu", count));
    for (size_t i = 0; i < count; i++) {
        const char *before = i == 0 ? " (" : ",";
        HIN_TRY(hin_json_integer(hin_json_at(ids, i), 0, INT64_MAX, &id, NULL));
        first = id;
        for (last = id;
             i + 1 < count &&
             hin_is_ok(hin_json_integer(hin_json_at(ids, i + 1), 0, INT64_MAX, &id, NULL)) &&
             id == last + 1;
             i++) {
            last = id;
        }
        HIN_TRY(hin_buf_printf(&text, "%s%lld", before, (long long)first));
        if (last > first) {
            HIN_TRY(hin_buf_printf(&text, "-%lld", (long long)last));
        }
    }
    HIN_TRY(count > 0 ? hin_buf_append_byte(&text, ')') : hin_ok());
    return hin_arena_copy(arena, hin_buf_view(&text), ret_text);
}

static HIN_RESULT print_policies(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID",    "NAME",       "PARENT", "LOG INSPECTION",
                                           "RULES", "DESCRIPTION"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    struct hin_json list;
    size_t count = 1;
    bool many = hin_json_find(root, "policies", &list);
    if (many) {
        HIN_TRY(hin_json_array(list, &count, error));
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_json policy = many ? hin_json_at(list, i) : root;
        struct hin_json log = member(policy, "logInspection");
        struct hin_view rule_text;
        HIN_TRY(list_rules(member(log, "ruleIDs"), &table.arena, &rule_text));
        struct hin_view cells[] = {hin_table_cell(&table, policy, "ID"),
                                   hin_table_cell(&table, policy, "name"),
                                   hin_table_cell(&table, policy, "parentID"),
                                   hin_table_cell(&table, log, "state"),
                                   rule_text,
                                   hin_table_cell(&table, policy, "description")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT policy_path(const char *operand, char *out, size_t out_bytes,
                              struct hin_error *error)
{
    uint64_t id = 0;
    if (operand == NULL) {
        snprintf(out, out_bytes, "/policies");
        return hin_ok();
    }
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(operand), &id))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: the ID of a policy is needed (see `hinomi policy show`)",
                             operand);
    }
    snprintf(out, out_bytes, "/policies/%llu", (unsigned long long)id);
    return hin_ok();
}

static HIN_RESULT show(struct hin_cli_api *api, const char *operand, bool json,
                       struct hin_error *error)
{
    char path[64];
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(policy_path(operand, path, sizeof(path), error));
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    if (json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_policies(hin_json_root(document), error);
}

static int run_show(int argc, char **argv)
{
    struct policy_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&show_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = show(&api, count > 0 ? operands[0] : NULL, options.json, &error);
    }
    return hin_cli_finish(result, &error);
}

/* "1,4-7" as the items of an array. */
static HIN_RESULT put_rules(struct hin_json_writer *writer, const char *text,
                            struct hin_error *error)
{
    struct hin_view rest = hin_view_from_text(text);
    struct hin_view part;
    while (hin_view_split(&rest, ',', &part)) {
        struct hin_view range = hin_view_trim(part);
        struct hin_view low;
        uint64_t first = 0;
        uint64_t last = 0;
        struct hin_result result =
            hin_view_split(&range, '-', &low) ? hin_view_to_u64(low, &first) : hin_fail(HIN_SYNTAX);
        if (hin_is_ok(result)) {
            last = first;
            result = range.data != NULL ? hin_view_to_u64(range, &last) : result;
        }
        if (!hin_is_ok(result) || last < first || last - first > 100000) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "--rules: \"%.*s\" is neither an ID nor a range", HIN_ARGS(part));
        }
        for (uint64_t id = first; id <= last; id++) {
            hin_json_put_unsigned(writer, id);
        }
    }
    return hin_ok();
}

static HIN_RESULT set_policy(struct hin_cli_api *api, const char *path,
                             const struct policy_options *options, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body;
    hin_buf_init(&body, (size_t)4 << 20);
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "logInspection");
    hin_json_begin_object(&writer);
    if (options->state != NULL) {
        hin_json_field_cstring(&writer, "state", options->state);
    }
    if (options->rules != NULL) {
        hin_json_key(&writer, "ruleIDs");
        hin_json_begin_array(&writer);
        if (options->rules[0] != '\0') {
            HIN_TRY(put_rules(&writer, options->rules, error));
        }
        hin_json_end_array(&writer);
    }
    hin_json_end_object(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_cli_api_call(api, HIN_HTTP_POST, path, hin_buf_view(&body), NULL, error);
}

static HIN_RESULT assign(struct hin_cli_api *api, const char *policy, const char *computer,
                         struct hin_error *error)
{
    char path[64];
    char body[64];
    uint64_t id = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(computer), &id))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "--computer %s: the ID of a computer is needed", computer);
    }
    snprintf(path, sizeof(path), "/computers/%llu", (unsigned long long)id);
    int size = snprintf(body, sizeof(body), "{\"policyID\":%s}", policy);
    HIN_ENSURE(size > 0 && (size_t)size < sizeof(body), LIMIT);
    return hin_cli_api_call(api, HIN_HTTP_POST, path, hin_view_of(body, (size_t)size), NULL, error);
}

static HIN_RESULT set(struct hin_cli_api *api, const char *operand,
                      const struct policy_options *options, struct hin_error *error)
{
    char path[64];
    HIN_TRY(policy_path(operand, path, sizeof(path), error));
    if (options->state == NULL && options->rules == NULL && options->computers.count == 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "nothing to set: see `hinomi policy set --help`");
    }
    if (options->state != NULL || options->rules != NULL) {
        HIN_TRY(set_policy(api, path, options, error));
    }
    for (size_t i = 0; i < options->computers.count; i++) {
        HIN_TRY(assign(api, operand, options->computers.items[i], error));
    }
    return show(api, operand, options->json, error);
}

static int run_set(int argc, char **argv)
{
    struct policy_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&set_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    return hin_cli_finish(hin_is_ok(result) ? set(&api, operands[0], &options, &error) : result,
                          &error);
}

static const struct hin_cli_command policy_commands[] = {{&show_usage, run_show},
                                                         {&set_usage, run_set}};
const struct hin_cli_group hin_cli_group_policy = {"policy", "policies: what agents do",
                                                   policy_commands, HIN_COUNT(policy_commands)};
