/* hinomi retention: show, set. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "event/module.h"

enum { BODY_MAX = 4096 };

struct retention_options {
    const char *module;
    uint64_t days; /* DAYS_UNSET: not given */
    bool forever, standard, yes, json;
};
#define DAYS_UNSET UINT64_MAX

static const struct hin_option show_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct retention_options, json), NULL,
     "One JSON document.", NULL, false, false},
};
static const struct hin_command show_usage = {
    "hinomi retention show",
    "how long events are kept, and what goes next",
    NULL,
    "Whole days go, an hour or so after they are over. Days count from the one on which the "
    "manager stored an event (UTC).",
    show_table,
    HIN_COUNT(show_table),
    0,
    0};

static const struct hin_option set_table[] = {
    {"module", 0, HIN_OPTION_TEXT, offsetof(struct retention_options, module), "NAME",
     "Only the events of logInspection, agent or manager; without it, of all that have no time of "
     "their own.",
     NULL, false, false},
    {"days", 0, HIN_OPTION_COUNT, offsetof(struct retention_options, days), "N",
     "Keep them for so many whole days, 1 to 36500.", NULL, false, false},
    {"forever", 0, HIN_OPTION_FLAG, offsetof(struct retention_options, forever), NULL,
     "Keep them for ever.", NULL, false, false},
    {"default", 0, HIN_OPTION_FLAG, offsetof(struct retention_options, standard), NULL,
     "No time of their own: a module's as the tenant's, the tenant's as the installation's.", NULL,
     false, false},
    {"yes", 0, HIN_OPTION_FLAG, offsetof(struct retention_options, yes), NULL,
     "Also when events go by that within the hour.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct retention_options, json), NULL,
     "One JSON document.", NULL, false, false},
};
static const struct hin_command set_usage = {
    "hinomi retention set",
    "keep events for a longer or a shorter time",
    NULL,
    "A longer time brings nothing back. A shorter one that would drop events is refused, and says "
    "how many, unless --yes is given. The change is in the audit record with old and new value.",
    set_table,
    HIN_COUNT(set_table),
    0,
    0};

/* ---- for people ---- */

/* Days of a member: "90 days", "for ever"; absent: `absent`. */
static HIN_RESULT days_text(struct hin_json object, const char *name, const char *absent,
                            char *text, size_t bytes, struct hin_error *error)
{
    int64_t days = -1;
    HIN_TRY(hin_json_opt_integer(object, name, 0, HIN_KEEP_DAYS_MAX, &days, error));
    if (days < 0) {
        (void)snprintf(text, bytes, "%s", absent);
    } else if (days == 0) {
        (void)snprintf(text, bytes, "for ever");
    } else {
        (void)snprintf(text, bytes, "%lld day%s", (long long)days, days == 1 ? "" : "s");
    }
    return hin_ok();
}

static HIN_RESULT add_row(struct hin_table *table, const char *name, const char *set,
                          const char *in_force)
{
    struct hin_view cells[] = {hin_view_from_text(name), hin_view_from_text(set),
                               hin_view_from_text(in_force)};
    return hin_table_add(table, cells);
}

static HIN_RESULT print_times(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"EVENTS OF", "SET", "IN FORCE"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json in_force = {0}, modules = {0};
    char set[32], holds[32];
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(days_text(root, "installationKeepDays", "", holds, sizeof(holds), error));
    HIN_TRY(add_row(&table, "(installation)", "", holds));
    HIN_TRY(days_text(root, "keepDays", "", set, sizeof(set), error));
    HIN_TRY(add_row(&table, "(tenant)", set, set[0] != '\0' ? set : holds));
    HIN_TRY(hin_json_get_object(root, "inForce", &in_force, error));
    bool some = hin_is_ok(hin_json_get_object(root, "modules", &modules, NULL));
    for (unsigned module = HIN_MODULE_OTHER + 1; module < HIN_MODULE_COUNT; module++) {
        const char *name = hin_modules[module].name;
        set[0] = '\0';
        if (some) {
            HIN_TRY(days_text(modules, name, "", set, sizeof(set), error));
        }
        HIN_TRY(days_text(in_force, name, "", holds, sizeof(holds), error));
        HIN_TRY(add_row(&table, name, set, holds));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT print_due(struct hin_json root, struct hin_error *error)
{
    struct hin_json due = {0};
    int64_t events = 0, days = 0, first_msec = 0;
    char stamp[32];
    HIN_TRY(hin_json_get_object(root, "due", &due, error));
    HIN_TRY(hin_json_get_integer(due, "events", 0, INT64_MAX, &events, error));
    HIN_TRY(hin_json_get_integer(due, "days", 0, INT64_MAX, &days, error));
    HIN_TRY(hin_json_opt_integer(due, "first", INT64_MIN, INT64_MAX, &first_msec, error));
    if (days == 0) {
        printf("nothing goes within the hour\n");
        return hin_ok();
    }
    hin_time_format_rfc3339(first_msec * HIN_MSEC_USEC, 0, stamp, sizeof(stamp));
    printf("within the hour at most %lld events go, stored on %lld day%s from %.10s on\n",
           (long long)events, (long long)days, days == 1 ? "" : "s", stamp);
    return hin_ok();
}

static HIN_RESULT print_answer(struct hin_cli_api *api, const struct retention_options *options,
                               struct hin_json root, struct hin_error *error)
{
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    HIN_TRY(print_times(root, error));
    return print_due(root, error);
}

/* ---- show ---- */

static HIN_RESULT show(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    (void)operand;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/retention", HIN_VIEW_EMPTY, &document, error));
    return print_answer(api, given, hin_json_root(document), error);
}

static int run_show(int argc, char **argv)
{
    struct retention_options options = {0};
    return hin_cli_run(&show_usage, argc, argv, &options, show);
}

/* ---- set ---- */

static void write_time(struct hin_json_writer *writer, const char *name,
                       const struct retention_options *options)
{
    if (options->standard) {
        hin_json_key(writer, name);
        hin_json_put_null(writer);
    } else {
        hin_json_field_unsigned(writer, name, options->forever ? 0 : options->days);
    }
}

static HIN_RESULT write_body(const struct retention_options *options, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    if (options->module != NULL) {
        hin_json_key(&writer, "modules");
        hin_json_begin_object(&writer);
        write_time(&writer, options->module, options);
        hin_json_end_object(&writer);
    } else {
        write_time(&writer, "keepDays", options);
    }
    if (options->yes) {
        hin_json_field_boolean(&writer, "confirm", true);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT set(const struct retention_options *options, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = BODY_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(write_body(options, &body));
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(
        hin_cli_api_call(&api, HIN_HTTP_POST, "/retention", hin_buf_view(&body), &document, error));
    return print_answer(&api, options, hin_json_root(document), error);
}

/* NULL: as it should be. */
static const char *what_is_wrong(const struct retention_options *options)
{
    int times = (options->days != DAYS_UNSET) + options->forever + options->standard;
    if (times != 1) {
        return "say one of --days N, --forever and --default";
    }
    if (options->days != DAYS_UNSET && (options->days < 1 || options->days > HIN_KEEP_DAYS_MAX)) {
        return "--days takes 1 to 36500 (--forever keeps for ever)";
    }
    if (options->module != NULL &&
        hin_module_find(hin_view_from_text(options->module)) == HIN_MODULE_COUNT) {
        return "--module takes logInspection, agent or manager";
    }
    return NULL;
}

static int run_set(int argc, char **argv)
{
    struct retention_options options = {.days = DAYS_UNSET};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&set_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    const char *wrong = what_is_wrong(&options);
    if (wrong != NULL) {
        (void)hin_cli_complain_text("%s: %s", set_usage.name, wrong);
        return HIN_CLI_USAGE;
    }
    return hin_cli_finish(set(&options, &error), &error);
}

static const struct hin_cli_command commands[] = {{&show_usage, run_show}, {&set_usage, run_set}};
const struct hin_cli_group hin_cli_group_retention = {"retention", "how long events are kept",
                                                      commands, HIN_COUNT(commands)};
