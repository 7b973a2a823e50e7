/* hinomi status: what the manager says of itself. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"

struct status_options {
    bool json;
};

static const struct hin_option status_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct status_options, json), NULL,
     "The API's JSON document.", NULL, false, false},
};
static const struct hin_command status_usage = {
    "hinomi status",
    "state of the manager, its agents, keys and what is weaker than it could be",
    NULL,
    NULL,
    status_table,
    HIN_COUNT(status_table),
    0,
    0};

/* Members that are moments: milliseconds to programs, a date to people. */
static bool is_time(const char *name)
{
    static const char *const names[] = {"started", "time", "lastSeen"};
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The document as indented lines "name: value": it needs no second list of what the manager
 * reports. */
static void print_value(struct hin_json value, const char *name, int depth)
{
    enum hin_json_type type = hin_json_type_of(value);
    if (type == HIN_JSON_OBJECT || type == HIN_JSON_ARRAY) {
        if (name != NULL) {
            printf("%*s%s:\n", depth * 2, "", name);
        }
        struct hin_json_iterator members = hin_json_iterate(value);
        const char *key = NULL;
        struct hin_json member;
        while (hin_json_next(&members, &key, &member)) {
            print_value(member, key != NULL ? key : "-", name != NULL ? depth + 1 : depth);
        }
        return;
    }
    int64_t msec = 0;
    if (name != NULL && is_time(name) &&
        hin_is_ok(hin_json_integer(value, 1, INT64_MAX / HIN_MSEC_USEC, &msec, NULL))) {
        char stamp[32];
        hin_time_format_rfc3339(msec * HIN_MSEC_USEC, 0, stamp, sizeof(stamp));
        printf("%*s%s: %s\n", depth * 2, "", name, stamp);
        return;
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf text;
    hin_buf_init(&text, (size_t)64 * 1024);
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_put_value(&writer, value);
    struct hin_view shown =
        hin_is_ok(hin_json_writer_finish(&writer)) ? hin_buf_view(&text) : HIN_VIEW("?");
    if (type == HIN_JSON_TEXT && shown.size >= 2) {
        shown = hin_view_sub(shown, 1, shown.size - 2);
    }
    hin_terminal_line(stdout, "%*s%s: %.*s", depth * 2, "", name != NULL ? name : "-",
                      HIN_ARGS(shown));
}

static int run_status(int argc, char **argv)
{
    struct status_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&status_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = hin_cli_api_call(&api, HIN_HTTP_GET, "/status", HIN_VIEW_EMPTY, &document, &error);
    }
    if (!hin_is_ok(result)) {
        return hin_cli_finish(result, &error);
    }
    if (options.json) {
        hin_cli_api_print(&api);
    } else {
        print_value(hin_json_root(document), NULL, 0);
    }
    return HIN_CLI_OK;
}

static const struct hin_cli_command status_commands[] = {{&status_usage, run_status}};
const struct hin_cli_group hin_cli_group_status = {"status", "state of the manager",
                                                   status_commands, HIN_COUNT(status_commands)};
