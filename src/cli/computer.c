/* hinomi computer: list, approve, revoke, delete, token. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/object.h"
#include "cli/table.h"

struct computer_options {
    bool json;
    uint64_t uses;
    int64_t ttl_usec;
};

static const struct hin_option json_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct computer_options, json), NULL,
     "One JSON document instead of a table.", NULL, false, false},
};
static const struct hin_option token_table[] = {
    {"uses", 0, HIN_OPTION_COUNT, offsetof(struct computer_options, uses), "N",
     "How many agents it admits; any number unless given.", NULL, false, false},
    {"ttl", 0, HIN_OPTION_DURATION, offsetof(struct computer_options, ttl_usec), "TIME",
     "How long it is good for; 24h unless given.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct computer_options, json), NULL,
     "One JSON document.", NULL, false, false},
};

static const struct hin_command list_usage = {"hinomi computer list",
                                              "list the computers of the tenant",
                                              NULL,
                                              NULL,
                                              json_table,
                                              HIN_COUNT(json_table),
                                              0,
                                              0};
static const struct hin_command approve_usage = {
    "hinomi computer approve",
    "admit computers that wait or are held",
    "COMPUTER...",
    "COMPUTER is an ID, or a host name that only one computer has.",
    json_table,
    HIN_COUNT(json_table),
    1,
    SIZE_MAX};
static const struct hin_command revoke_usage = {
    "hinomi computer revoke",
    "take a computer's certificate back: it is refused from now on",
    "COMPUTER...",
    "COMPUTER is an ID, or a host name that only one computer has.",
    json_table,
    HIN_COUNT(json_table),
    1,
    SIZE_MAX};
static const struct hin_command delete_usage = {
    "hinomi computer delete",
    "revoke a computer and remove it from the list; its events stay",
    "COMPUTER...",
    "COMPUTER is an ID, or a host name that only one computer has.",
    json_table,
    HIN_COUNT(json_table),
    1,
    SIZE_MAX};
static const struct hin_command token_usage = {
    "hinomi computer token",
    "make an enrolment token",
    NULL,
    "The token is shown once. An agent that enrols with it needs no approval.",
    token_table,
    HIN_COUNT(token_table),
    0,
    0};

static HIN_RESULT print_computers(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID",         "HOST",    "ADMISSION", "STATUS",
                                           "LAST HEARD", "ADDRESS", "VERSION",   "POLICY"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    struct hin_json computers;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "computers", &computers, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json computer = hin_json_at(computers, i);
        struct hin_json status = {0};
        struct hin_view agent = HIN_VIEW("-");
        if (hin_json_find(computer, "computerStatus", &status)) {
            agent = hin_table_cell(&table, status, "agentStatus");
        }
        struct hin_view cells[] = {hin_table_cell(&table, computer, "ID"),
                                   hin_table_cell(&table, computer, "hostName"),
                                   hin_table_cell(&table, computer, "enrolment"),
                                   agent,
                                   hin_table_time_cell(&table, computer, "lastAgentCommunication"),
                                   hin_table_cell(&table, computer, "lastIPUsed"),
                                   hin_table_cell(&table, computer, "agentVersion"),
                                   hin_table_cell(&table, computer, "policyID")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT list(struct hin_cli_api *api, const struct computer_options *options,
                       struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/computers", HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_computers(hin_json_root(document), error);
}

static int run_list(int argc, char **argv)
{
    struct computer_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&list_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    return hin_cli_finish(hin_is_ok(result) ? list(&api, &options, &error) : result, &error);
}

static const struct hin_cli_collection computers = {"/computers", "computers", "hostName",
                                                    "computer"};

static int run_approve(int argc, char **argv)
{
    static const struct hin_cli_verb verb = {&approve_usage, &computers, HIN_HTTP_POST, "/approve",
                                             "approved"};
    return hin_cli_run_verb(&verb, argc, argv);
}

static int run_revoke(int argc, char **argv)
{
    static const struct hin_cli_verb verb = {&revoke_usage, &computers, HIN_HTTP_POST, "/revoke",
                                             "revoked"};
    return hin_cli_run_verb(&verb, argc, argv);
}

static int run_delete(int argc, char **argv)
{
    static const struct hin_cli_verb verb = {&delete_usage, &computers, HIN_HTTP_DELETE, "",
                                             "deleted"};
    return hin_cli_run_verb(&verb, argc, argv);
}

static HIN_RESULT make_token(struct hin_cli_api *api, const struct computer_options *options,
                             struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body;
    hin_buf_init(&body, 4096);
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    if (options->uses > 0) {
        hin_json_field_unsigned(&writer, "uses", options->uses);
    }
    hin_json_field_integer(&writer, "ttl", options->ttl_usec / HIN_SEC_USEC);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_POST, "/enrolmenttokens", hin_buf_view(&body), &document,
                             error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    struct hin_view token;
    HIN_TRY(hin_json_get_text(hin_json_root(document), "token", &token, error));
    printf("%.*s\n", HIN_ARGS(token));
    return hin_ok();
}

static int run_token(int argc, char **argv)
{
    struct computer_options options = {.ttl_usec = 24 * HIN_HOUR_USEC};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&token_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    return hin_cli_finish(hin_is_ok(result) ? make_token(&api, &options, &error) : result, &error);
}

static const struct hin_cli_command computer_commands[] = {{&list_usage, run_list},
                                                           {&approve_usage, run_approve},
                                                           {&revoke_usage, run_revoke},
                                                           {&delete_usage, run_delete},
                                                           {&token_usage, run_token}};
const struct hin_cli_group hin_cli_group_computer = {
    "computer", "computers and how they are admitted", computer_commands,
    HIN_COUNT(computer_commands)};
