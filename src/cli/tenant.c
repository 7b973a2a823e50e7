/* hinomi tenant: list, show, create, suspend, resume, erase. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/object.h"
#include "cli/table.h"
#include "cli/takeout.h"

enum { LINE_BYTES = 256 };

struct tenant_options {
    bool json;
    const char *administrator;
    const char *admin_name, *admin_mail;
    const char *description;
    bool yes;
};

static const struct hin_option json_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct tenant_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_option create_table[] = {
    {"administrator", 'u', HIN_OPTION_TEXT, offsetof(struct tenant_options, administrator), "NAME",
     "Name of the tenant's first administrator; admin unless given.", NULL, false, false},
    {"admin-name", 0, HIN_OPTION_TEXT, offsetof(struct tenant_options, admin_name), "NAME",
     "That person's name; kept sealed.", NULL, false, false},
    {"admin-email", 0, HIN_OPTION_TEXT, offsetof(struct tenant_options, admin_mail), "ADDRESS",
     "That person's e-mail address; kept sealed.", NULL, false, false},
    {"description", 0, HIN_OPTION_TEXT, offsetof(struct tenant_options, description), "TEXT",
     "What it is for.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct tenant_options, json), NULL, "One JSON document.",
     NULL, false, false},
};

static const char named[] = "TENANT is an ID or a name. Needs a key of the installation's own "
                            "tenant with full access.";
static const struct hin_command list_usage = {"hinomi tenant list",
                                              "list the tenants of the installation",
                                              NULL,
                                              NULL,
                                              json_table,
                                              HIN_COUNT(json_table),
                                              0,
                                              0};
static const struct hin_command show_usage = {
    "hinomi tenant show", "show a tenant",       "TENANT", named,
    json_table,           HIN_COUNT(json_table), 1,        1};
static const struct hin_command create_usage = {
    "hinomi tenant create",
    "make a tenant: a database and keys of its own",
    "NAME",
    "Prints its first administrator with a one-time password, an API key and an enrolment token, "
    "once.\n"
    "Its people sign in with `hinomi login URL --tenant NAME`.",
    create_table,
    HIN_COUNT(create_table),
    1,
    1};
static const struct hin_command suspend_usage = {
    "hinomi tenant suspend",
    "refuse a tenant's keys, people and agents; its data stays",
    "TENANT...",
    named,
    json_table,
    HIN_COUNT(json_table),
    1,
    SIZE_MAX};
static const struct hin_command resume_usage = {"hinomi tenant resume",
                                                "let a suspended tenant in again",
                                                "TENANT...",
                                                named,
                                                json_table,
                                                HIN_COUNT(json_table),
                                                1,
                                                SIZE_MAX};

static const struct hin_option erase_table[] = {
    {"yes", 'y', HIN_OPTION_FLAG, offsetof(struct tenant_options, yes), NULL,
     "Do not ask: for scripts. Without it the tenant's name is to be typed on the terminal.", NULL,
     false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct tenant_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_command erase_usage = {
    "hinomi tenant erase",
    "destroy all keys of a tenant, and with them all it holds, copies included",
    "TENANT",
    "For key holders of the installation; once there are two, another one has to confirm it "
    "(hinomi key confirm). There is no way back. Its people, keys and agents are refused at once, "
    "events, exports and copies cannot be read from then on; the room is given back in the "
    "background, and a signed certificate tells what was destroyed and what remains (hinomi "
    "certificate). TENANT is a name or an ID.",
    erase_table,
    HIN_COUNT(erase_table),
    1,
    1};

static const struct hin_cli_collection tenants = {"/tenants", "tenants", "name", "tenant"};

static HIN_RESULT print_tenants(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID", "NAME", "STATE", "CREATED", "GUID", "CERTIFICATE"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    struct hin_json items;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "tenants", &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json tenant = hin_json_at(items, i);
        struct hin_view cells[] = {hin_table_cell(&table, tenant, "ID"),
                                   hin_table_cell(&table, tenant, "name"),
                                   hin_table_cell(&table, tenant, "tenantState"),
                                   hin_table_time_cell(&table, tenant, "created"),
                                   hin_table_cell(&table, tenant, "guid"),
                                   hin_table_cell(&table, tenant, "certificateID")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT list(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct tenant_options *options = given;
    (void)operand;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/tenants", HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_tenants(hin_json_root(document), error);
}

static void print_member(struct hin_json object, const char *member, const char *title)
{
    struct hin_view value = HIN_VIEW_EMPTY;
    int64_t number = 0;
    if (hin_is_ok(hin_json_opt_text(object, member, &value, NULL)) && value.size > 0) {
        printf("%-18s  %.*s\n", title, HIN_ARGS(value));
    } else if (hin_is_ok(hin_json_get_integer(object, member, 0, INT64_MAX, &number, NULL))) {
        printf("%-18s  %lld\n", title, (long long)number);
    }
}

/* Members of a tenant's answer, in the order in which they are shown. */
static void print_tenant(struct hin_json tenant)
{
    static const struct {
        const char *member, *title;
    } rows[] = {
        {"ID", "ID"},
        {"name", "Name"},
        {"guid", "GUID"},
        {"tenantState", "State"},
        {"description", "Description"},
        {"certificate", "Certificate"},
        {"certificateID", "Certificate ID"},
        {"oneTimePassword", "One-time password"},
        {"apiKey", "API key"},
        {"enrolmentToken", "Enrolment token"},
    };
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        print_member(tenant, rows[i].member, rows[i].title);
    }
}

static HIN_RESULT show(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct tenant_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[64];
    int64_t id = 0;
    HIN_TRY(hin_cli_find(api, &tenants, operand, &id, error));
    snprintf(path, sizeof(path), "/tenants/%lld", (long long)id);
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
    } else {
        print_tenant(hin_json_root(document));
    }
    return hin_ok();
}

static HIN_RESULT create(struct hin_cli_api *api, const void *given, const char *name,
                         struct hin_error *error)
{
    const struct tenant_options *options = given;
    HIN_CLEANUP(hin_buf_done) struct hin_buf body;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    hin_buf_init(&body, 16384);
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "name", name);
    hin_json_field_cstring(&writer, "administrator", options->administrator);
    if (options->admin_name != NULL) {
        hin_json_field_cstring(&writer, "adminName", options->admin_name);
    }
    if (options->admin_mail != NULL) {
        hin_json_field_cstring(&writer, "adminEmail", options->admin_mail);
    }
    if (options->description != NULL) {
        hin_json_field_cstring(&writer, "description", options->description);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(
        hin_cli_api_call(api, HIN_HTTP_POST, "/tenants", hin_buf_view(&body), &document, error));
    if (options->json) {
        hin_cli_api_print(api);
    } else {
        print_tenant(hin_json_root(document));
        printf("%-18s  %s\n", "Administrator", options->administrator);
    }
    return hin_ok();
}

static int run_list(int argc, char **argv)
{
    struct tenant_options options = {0};
    return hin_cli_run(&list_usage, argc, argv, &options, list);
}

static int run_show(int argc, char **argv)
{
    struct tenant_options options = {0};
    return hin_cli_run(&show_usage, argc, argv, &options, show);
}

static int run_create(int argc, char **argv)
{
    struct tenant_options options = {.administrator = "admin"};
    return hin_cli_run(&create_usage, argc, argv, &options, create);
}

static int run_suspend(int argc, char **argv)
{
    static const struct hin_cli_verb verb = {&suspend_usage, &tenants, HIN_HTTP_POST, "/suspend",
                                             "suspended"};
    return hin_cli_run_verb(&verb, argc, argv);
}

static int run_resume(int argc, char **argv)
{
    static const struct hin_cli_verb verb = {&resume_usage, &tenants, HIN_HTTP_POST, "/resume",
                                             "resumed"};
    return hin_cli_run_verb(&verb, argc, argv);
}

/* ---- erase ---- */

static HIN_RESULT ask_for_name(const char *name, struct hin_error *error)
{
    char line[LINE_BYTES] = "";
    if (isatty(STDIN_FILENO) != 1) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "nothing is done: type the name on a terminal, or give --yes");
    }
    fprintf(stderr,
            "All that tenant %s holds becomes unreadable for good, copies and exports too.\n"
            "Type its name to go on: ",
            name);
    if (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    return strcmp(line, name) == 0
               ? hin_ok()
               : hin_error_set(error, HIN_INVALID, NULL, 0, 0, "nothing is done: another name");
}

static HIN_RESULT erase(struct hin_cli_api *api, const void *given, const char *name,
                        struct hin_error *error)
{
    const struct tenant_options *options = given;
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1024};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    int64_t request = 0;
    if (!options->yes) {
        HIN_TRY(ask_for_name(name, error));
    }
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "tenant", name);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_POST, "/tenants/erase", hin_buf_view(&body), &document,
                             error));
    struct hin_json root = hin_json_root(document);
    if (options->json) {
        hin_cli_api_print(api);
    } else if (hin_is_ok(hin_json_get_integer(root, "request", 1, INT64_MAX, &request, NULL))) {
        printf("request %lld waits a day for another key holder: hinomi key confirm %lld\n",
               (long long)request, (long long)request);
    } else {
        printf("tenant %s is unreadable; its room is given back, then it is certified: hinomi "
               "tenant show\n",
               name);
    }
    return hin_ok();
}

static int run_erase(int argc, char **argv)
{
    struct tenant_options options = {0};
    return hin_cli_run(&erase_usage, argc, argv, &options, erase);
}

static const struct hin_cli_command tenant_commands[] = {
    {&list_usage, run_list},
    {&show_usage, run_show},
    {&create_usage, run_create},
    {&suspend_usage, run_suspend},
    {&resume_usage, run_resume},
    {&erase_usage, run_erase},
    {&hin_cli_tenant_export_usage, hin_cli_tenant_export},
    {&hin_cli_tenant_open_usage, hin_cli_tenant_open}};
const struct hin_cli_group hin_cli_group_tenant = {"tenant", "tenants of the installation",
                                                   tenant_commands, HIN_COUNT(tenant_commands)};
