/* hinomi ca: status, rotate, renew, retire. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"

struct ca_options {
    enum hin_http_method method; /* of the command, not of its user */
    const char *path;
    bool json;
};

static const struct hin_option json_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct ca_options, json), NULL, "One JSON document.",
     NULL, false, false},
};

static const struct hin_command status_usage = {
    "hinomi ca status",
    "the certificate authority, and who still depends on the one before it",
    NULL,
    NULL,
    json_table,
    HIN_COUNT(json_table),
    0,
    0};
static const struct hin_command rotate_usage = {
    "hinomi ca rotate",
    "a new certificate authority takes over",
    NULL,
    "The former one signs that it hands over, inside the new one's certificate; its key is gone "
    "then. Agents and profiles that trust the former one thereby trust the new one; connected "
    "agents come back within a minute or so and take new certificates. Certificates of the former "
    "authority count until hinomi ca retire.",
    json_table,
    HIN_COUNT(json_table),
    0,
    0};
static const struct hin_command renew_usage = {
    "hinomi ca renew",
    "new certificates for the manager's listeners, at once",
    NULL,
    "They are renewed each day by themselves.",
    json_table,
    HIN_COUNT(json_table),
    0,
    0};
static const struct hin_command retire_usage = {
    "hinomi ca retire",
    "certificates of the former authority count no more",
    NULL,
    "Refused while agents depend on it. Once there are two key holders, another one has to confirm "
    "it (hinomi key confirm).",
    json_table,
    HIN_COUNT(json_table),
    0,
    0};

static HIN_RESULT print_one(struct hin_table *table, const char *name, struct hin_json root,
                            const char *member)
{
    struct hin_json authority = {0};
    if (!hin_is_ok(hin_json_get_object(root, member, &authority, NULL))) {
        return hin_ok(); /* there is none */
    }
    struct hin_view cells[] = {hin_view_from_text(name),
                               hin_table_time_cell(table, authority, "notAfter"),
                               hin_table_cell(table, authority, "fingerprint")};
    return hin_table_add(table, cells);
}

static HIN_RESULT print_dependants(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"TENANT", "COMPUTER", "HOST"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json rows = {0};
    size_t count = 0;
    int64_t all = 0;
    HIN_TRY(hin_json_get_integer(root, "dependantCount", 0, INT64_MAX, &all, error));
    HIN_TRY(hin_json_get_array(root, "dependants", &rows, &count, error));
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < count; i++) {
        struct hin_json row = hin_json_at(rows, i);
        struct hin_view cells[] = {hin_table_cell(&table, row, "tenant"),
                                   hin_table_cell(&table, row, "computerID"),
                                   hin_table_cell(&table, row, "hostName")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    if (all == 0) {
        printf("nothing depends on the former authority: hinomi ca retire\n");
        return hin_ok();
    }
    printf("\n%lld depend on the former authority%s:\n", (long long)all,
           (int64_t)count < all ? ", among them" : "");
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT print_state(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"AUTHORITY", "UNTIL", "FINGERPRINT"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json former = {0}, server = {0};
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(print_one(&table, "in force", root, "authority"));
    HIN_TRY(print_one(&table, "former", root, "former"));
    HIN_TRY(hin_json_get_object(root, "serverCertificate", &server, error));
    struct hin_view cells[] = {HIN_VIEW("(listeners)"),
                               hin_table_time_cell(&table, server, "notAfter"), HIN_VIEW_EMPTY};
    HIN_TRY(hin_table_add(&table, cells));
    hin_table_print(&table, stdout);
    return hin_is_ok(hin_json_get_object(root, "former", &former, NULL))
               ? print_dependants(root, error)
               : hin_ok();
}

static HIN_RESULT print_answer(struct hin_json root, struct hin_error *error)
{
    int64_t id = 0;
    if (hin_is_ok(hin_json_get_integer(root, "request", 1, INT64_MAX, &id, NULL))) {
        printf("request %lld waits a day for another key holder: hinomi key confirm %lld\n",
               (long long)id, (long long)id);
        return hin_ok();
    }
    return print_state(root, error);
}

static HIN_RESULT ask(struct hin_cli_api *api, const void *given, const char *operand,
                      struct hin_error *error)
{
    const struct ca_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    (void)operand;
    HIN_TRY(
        hin_cli_api_call(api, options->method, options->path, HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_answer(hin_json_root(document), error);
}

static int run_status(int argc, char **argv)
{
    struct ca_options options = {.method = HIN_HTTP_GET, .path = "/ca"};
    return hin_cli_run(&status_usage, argc, argv, &options, ask);
}

static int run_rotate(int argc, char **argv)
{
    struct ca_options options = {.method = HIN_HTTP_POST, .path = "/ca/rotate"};
    return hin_cli_run(&rotate_usage, argc, argv, &options, ask);
}

static int run_renew(int argc, char **argv)
{
    struct ca_options options = {.method = HIN_HTTP_POST, .path = "/ca/renew"};
    return hin_cli_run(&renew_usage, argc, argv, &options, ask);
}

static int run_retire(int argc, char **argv)
{
    struct ca_options options = {.method = HIN_HTTP_POST, .path = "/ca/retire"};
    return hin_cli_run(&retire_usage, argc, argv, &options, ask);
}

static const struct hin_cli_command commands[] = {{&status_usage, run_status},
                                                  {&rotate_usage, run_rotate},
                                                  {&renew_usage, run_renew},
                                                  {&retire_usage, run_retire}};
const struct hin_cli_group hin_cli_group_ca = {"ca", "the certificate authority and its roll-over",
                                               commands, HIN_COUNT(commands)};
