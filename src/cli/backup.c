/* hinomi backup: now, list, verify, rehearse, forget, destinations; restore.c and drill.c have the
 * rest. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/drill.h"
#include "cli/restore.h"
#include "cli/table.h"

enum { PATH_BYTES = 128 };

struct backup_options {
    const char *tenant;
    bool json, no_wait;
};

static const struct hin_option order_table[] = {
    {"tenant", 't', HIN_OPTION_TEXT, offsetof(struct backup_options, tenant), "ID",
     "Of this tenant alone; 0 is the installation's own. All unless given.", NULL, false, false},
    {"no-wait", 0, HIN_OPTION_FLAG, offsetof(struct backup_options, no_wait), NULL,
     "Do not wait for the end.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct backup_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_option list_table[] = {
    {"tenant", 't', HIN_OPTION_TEXT, offsetof(struct backup_options, tenant), "ID",
     "Of this tenant alone.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct backup_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_option json_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct backup_options, json), NULL, "One JSON document.",
     NULL, false, false},
};

static const struct hin_command now_usage = {
    "hinomi backup now",
    "make a backup now, while events flow",
    NULL,
    "To each destination, of each tenant. Only what is new is written. Needs a key of the "
    "installation's own tenant with full access. Destinations are set on the manager's host: "
    "hinomi-manager destination. A tenant is put back with hinomi backup restore; the whole "
    "installation on the manager's host: hinomi-manager restore.",
    order_table,
    HIN_COUNT(order_table),
    0,
    0};
static const struct hin_command verify_usage = {
    "hinomi backup verify",
    "read the newest backup back and compare it with what was written",
    NULL,
    "Every object at each destination, and the newest shipment. What is damaged or missing is "
    "named "
    "by object and tenant, and the exit status is 1. A damaged entry of the catalogue is made anew "
    "from what lies at the destinations, and told, with exit status 1 that once.",
    order_table,
    HIN_COUNT(order_table),
    0,
    0};
static const struct hin_command rehearse_usage = {
    "hinomi backup rehearse",
    "restore the newest backup into a scratch place and compare it with what it came from",
    NULL,
    "As it is done each week by itself: `hinomi backup rehearsals` lists what came of it. Needs "
    "room in the state folder's file system for the tenant's data once more, for as long as it "
    "takes.",
    order_table,
    HIN_COUNT(order_table),
    0,
    0};
static const struct hin_option forget_table[] = {
    {"no-wait", 0, HIN_OPTION_FLAG, offsetof(struct backup_options, no_wait), NULL,
     "Do not wait for the end.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct backup_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_command forget_usage = {
    "hinomi backup forget",
    "drop a damaged entry of the catalogue that nothing can mend",
    "ID",
    "Of those that `hinomi backup list` shows as damaged. It is made anew where a destination "
    "still "
    "has what it was about, and stays then; refused while a destination does not answer. A key "
    "that "
    "no other entry names is destroyed: what it was about opens for nobody, wherever it may lie.",
    forget_table,
    HIN_COUNT(forget_table),
    1,
    1};
static const struct hin_command list_usage = {
    "hinomi backup list", "list backups and their state", NULL, NULL,
    list_table,           HIN_COUNT(list_table),          0,    0};
static const struct hin_command destinations_usage = {"hinomi backup destinations",
                                                      "list where backups go",
                                                      NULL,
                                                      NULL,
                                                      json_table,
                                                      HIN_COUNT(json_table),
                                                      0,
                                                      0};

/* ---- orders ---- */

struct ordering {
    struct hin_cli_api *api;
    const struct backup_options *options;
    struct hin_error *error;
    int64_t backup; /* to forget; 0: none */
    int64_t id;
    bool failed;
    char text[600];
};

static HIN_RESULT tenant_number(const struct ordering *ordering, int64_t *ret_number)
{
    if (!hin_is_ok(hin_view_to_i64(hin_view_from_text(ordering->options->tenant), ret_number)) ||
        *ret_number < 0) {
        return hin_error_set(ordering->error, HIN_INVALID, NULL, 0, 0,
                             "--tenant: an ID as `hinomi tenant list` shows it, not %s",
                             ordering->options->tenant);
    }
    return hin_ok();
}

static HIN_RESULT request(struct ordering *ordering, const char *task)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1024};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    int64_t number = 0;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "task", task);
    if (ordering->options->tenant != NULL) {
        HIN_TRY(tenant_number(ordering, &number));
        hin_json_field_integer(&writer, "tenantID", number);
    }
    if (ordering->backup > 0) {
        hin_json_field_integer(&writer, "backupID", ordering->backup);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_cli_api_call(ordering->api, HIN_HTTP_POST, "/backups/orders", hin_buf_view(&body),
                             &document, ordering->error));
    return hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, &ordering->id,
                                ordering->error);
}

static void show_progress(struct hin_json root)
{
    int64_t objects = 0, all = 0, bytes = 0;
    if (isatty(STDERR_FILENO) != 1 ||
        !hin_is_ok(hin_json_get_integer(root, "objects", 0, INT64_MAX, &objects, NULL)) ||
        !hin_is_ok(hin_json_get_integer(root, "objectsAll", 0, INT64_MAX, &all, NULL)) ||
        !hin_is_ok(hin_json_get_integer(root, "bytes", 0, INT64_MAX, &bytes, NULL))) {
        return;
    }
    fprintf(stderr, "\r%lld of %lld objects, %lld MB ", (long long)objects,
            (long long)HIN_MAX(all, objects), (long long)(bytes >> 20));
}

static struct hin_result look(void *context, bool *ret_ended)
{
    struct ordering *ordering = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[PATH_BYTES];
    struct hin_view state, text = HIN_VIEW_EMPTY;
    snprintf(path, sizeof(path), "/backups/orders/%lld", (long long)ordering->id);
    HIN_TRY(hin_cli_api_call(ordering->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                             ordering->error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "state", &state, ordering->error));
    HIN_TRY(hin_json_opt_text(root, "text", &text, ordering->error));
    HIN_TRY(hin_view_to_text(text, ordering->text, sizeof(ordering->text)));
    ordering->failed = hin_view_is(state, "failed");
    *ret_ended = ordering->failed || hin_view_is(state, "done");
    show_progress(root);
    return hin_ok();
}

static HIN_RESULT wait_ended(struct ordering *ordering)
{
    HIN_TRY(hin_cli_api_wait(look, ordering, ordering->error));
    if (isatty(STDERR_FILENO) == 1) {
        fprintf(stderr, "\n");
    }
    return hin_ok();
}

static const char *said(const char *task)
{
    static const char *const words[][2] = {{"backup", "done"},
                                           {"verify", "every object is as it was written"},
                                           {"rehearse", "restored, and as it is here"},
                                           {"forget", "forgotten"}};
    size_t at = 0;
    while (at + 1 < HIN_COUNT(words) && strcmp(words[at][0], task) != 0) {
        at++;
    }
    return words[at][1];
}

static HIN_RESULT order(struct hin_cli_api *api, const struct backup_options *options,
                        const char *task, int64_t backup, struct hin_error *error)
{
    struct ordering ordering = {.api = api, .options = options, .error = error, .backup = backup};
    HIN_TRY(request(&ordering, task));
    if (options->no_wait) {
        printf(options->json ? "{\"ID\":%lld}\n" : "order %lld\n", (long long)ordering.id);
        return hin_ok();
    }
    HIN_TRY(wait_ended(&ordering));
    if (options->json) {
        hin_cli_api_print(api);
    }
    if (ordering.failed) {
        return hin_error_set(error, HIN_IO, NULL, 0, 0, "%s", ordering.text);
    }
    if (!options->json) {
        printf("%s\n", said(task));
    }
    return hin_ok();
}

static HIN_RESULT act_now(struct hin_cli_api *api, const void *options, const char *operand,
                          struct hin_error *error)
{
    (void)operand;
    return order(api, options, "backup", 0, error);
}

static HIN_RESULT act_verify(struct hin_cli_api *api, const void *options, const char *operand,
                             struct hin_error *error)
{
    (void)operand;
    return order(api, options, "verify", 0, error);
}

static HIN_RESULT act_rehearse(struct hin_cli_api *api, const void *options, const char *operand,
                               struct hin_error *error)
{
    (void)operand;
    return order(api, options, "rehearse", 0, error);
}

static HIN_RESULT act_forget(struct hin_cli_api *api, const void *options, const char *operand,
                             struct hin_error *error)
{
    int64_t backup = 0;
    if (!hin_is_ok(hin_view_to_i64(hin_view_from_text(operand), &backup)) || backup < 1) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "an ID as `hinomi backup list` shows it, not %s", operand);
    }
    return order(api, options, "forget", backup, error);
}

/* ---- lists ---- */

static HIN_RESULT add_places(struct hin_table *table, struct hin_json backup,
                             struct hin_error *error)
{
    struct hin_json places;
    size_t count = 0;
    bool former = false;
    HIN_TRY(hin_json_get_array(backup, "destinations", &places, &count, error));
    HIN_TRY(hin_json_opt_boolean(backup, "former", &former, error));
    former = former && hin_view_is(hin_table_cell(table, backup, "state"), "done");
    for (size_t i = 0; i < count || i == 0; i++) {
        struct hin_json place = i < count ? hin_json_at(places, i) : backup;
        struct hin_view cells[] = {
            hin_table_cell(table, backup, "ID"),
            hin_table_cell(table, backup, "tenantID"),
            hin_table_time_cell(table, backup, "begun"),
            former ? HIN_VIEW("former") : hin_table_cell(table, backup, "state"),
            i < count ? hin_table_cell(table, place, "name") : HIN_VIEW("-"),
            i < count ? hin_table_cell(table, place, "state") : HIN_VIEW("-"),
            hin_table_cell(table, place, "bytes"),
            hin_table_cell(table, place, "writtenBytes"),
            hin_table_time_cell(table, place, "verified"),
            hin_table_cell(table, place, "error")}; /* its own, where it has no place */
        HIN_TRY(hin_table_add(table, cells));
    }
    return hin_ok();
}

static HIN_RESULT print_list(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID",    "TENANT", "BEGUN",   "STATE",    "DESTINATION",
                                           "THERE", "BYTES",  "WRITTEN", "VERIFIED", "ERROR"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json items;
    size_t count = 0;
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(hin_json_get_array(root, "backups", &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_places(&table, hin_json_at(items, i), error));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT act_list(struct hin_cli_api *api, const void *given, const char *operand,
                           struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    const struct backup_options *options = given;
    struct ordering ordering = {.options = options, .error = error};
    char path[PATH_BYTES] = "/backups";
    int64_t number = 0;
    (void)operand;
    if (options->tenant != NULL) {
        HIN_TRY(tenant_number(&ordering, &number));
        snprintf(path, sizeof(path), "/backups?tenant=%lld", (long long)number);
    }
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_list(hin_json_root(document), error);
}

static HIN_RESULT act_destinations(struct hin_cli_api *api, const void *given, const char *operand,
                                   struct hin_error *error)
{
    static const char *const headings[] = {"NAME", "URL", "REGION", "ERROR"};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    const struct backup_options *options = given;
    struct hin_json items;
    size_t count = 0;
    (void)operand;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/backups/destinations", HIN_VIEW_EMPTY, &document,
                             error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(hin_json_get_array(hin_json_root(document), "destinations", &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        struct hin_view cells[] = {
            hin_table_cell(&table, item, "name"), hin_table_cell(&table, item, "url"),
            hin_table_cell(&table, item, "region"), hin_table_cell(&table, item, "error")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static int run_now(int argc, char **argv)
{
    struct backup_options options = {0};
    return hin_cli_run(&now_usage, argc, argv, &options, act_now);
}

static int run_verify(int argc, char **argv)
{
    struct backup_options options = {0};
    return hin_cli_run(&verify_usage, argc, argv, &options, act_verify);
}

static int run_rehearse(int argc, char **argv)
{
    struct backup_options options = {0};
    return hin_cli_run(&rehearse_usage, argc, argv, &options, act_rehearse);
}

static int run_forget(int argc, char **argv)
{
    struct backup_options options = {0};
    return hin_cli_run(&forget_usage, argc, argv, &options, act_forget);
}

static int run_list(int argc, char **argv)
{
    struct backup_options options = {0};
    return hin_cli_run(&list_usage, argc, argv, &options, act_list);
}

static int run_destinations(int argc, char **argv)
{
    struct backup_options options = {0};
    return hin_cli_run(&destinations_usage, argc, argv, &options, act_destinations);
}

static const struct hin_cli_command backup_commands[] = {
    {&now_usage, run_now},
    {&list_usage, run_list},
    {&verify_usage, run_verify},
    {&rehearse_usage, run_rehearse},
    {&forget_usage, run_forget},
    {&hin_cli_backup_restore_usage, hin_cli_backup_restore},
    {&hin_cli_backup_restores_usage, hin_cli_backup_restores},
    {&hin_cli_backup_rehearsals_usage, hin_cli_backup_rehearsals},
    {&hin_cli_backup_drill_usage, hin_cli_backup_drill},
    {&destinations_usage, run_destinations}};
const struct hin_cli_group hin_cli_group_backup = {"backup",
                                                   "backups of everything the manager holds",
                                                   backup_commands, HIN_COUNT(backup_commands)};
