/* hinomi health: does the manager answer? It needs no key, so that a script can tell a manager that
 * is away from one that refuses a key. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/api.h"
#include "cli/cli.h"

struct health_options {
    const char *ca_fingerprint;
    bool json;
};

static const struct hin_option health_table[] = {
    {"ca-fingerprint", 0, HIN_OPTION_TEXT, offsetof(struct health_options, ca_fingerprint), "HEX",
     "With URL: SHA-256 of the manager's authority; without it the system's authorities decide.",
     NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct health_options, json), NULL,
     "The API's JSON document.", NULL, false, false},
};
static const struct hin_command health_usage = {
    "hinomi health",
    "does the manager answer? Needs no key",
    "[URL]",
    "Asks the manager of the profile, or the one at URL (https://HOST:PORT). Exit status: 0 it "
    "answers and is well,\n1 it does not, or says that it is not well.",
    health_table,
    HIN_COUNT(health_table),
    0,
    1};

static HIN_RESULT open_api(struct hin_cli_api *api, const char *url, const char *fingerprint,
                           struct hin_error *error)
{
    if (url != NULL) {
        return hin_cli_api_connect_to(api, url, fingerprint, error);
    }
    return hin_cli_api_open(api, error);
}

static HIN_RESULT print_health(struct hin_cli_api *api, bool json, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view state = HIN_VIEW("?"), store = HIN_VIEW("?");
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/health", HIN_VIEW_EMPTY, &document, error));
    if (json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    HIN_TRY(hin_json_opt_text(hin_json_root(document), "status", &state, error));
    HIN_TRY(hin_json_opt_text(hin_json_root(document), "store", &store, error));
    printf("%s answers: ", api->profile.url);
    HIN_ENSURE(hin_terminal_put(state, stdout), IO);
    fputs(", store ", stdout);
    HIN_ENSURE(hin_terminal_put(store, stdout), IO);
    fputc('\n', stdout);
    return hin_ok();
}

static int run_health(int argc, char **argv)
{
    struct health_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&health_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result =
        open_api(&api, count > 0 ? operands[0] : NULL, options.ca_fingerprint, &error);
    if (hin_is_ok(result)) {
        result = print_health(&api, options.json, &error);
    }
    return hin_cli_finish(result, &error);
}

static const struct hin_cli_command health_commands[] = {{&health_usage, run_health}};
const struct hin_cli_group hin_cli_group_health = {"health", "does the manager answer",
                                                   health_commands, HIN_COUNT(health_commands)};
