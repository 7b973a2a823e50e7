/* hinomi backup restore and restores: a tenant put back out of a backup while the manager runs. */
#include "cli/restore.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/table.h"

enum { PATH_BYTES = 128, LINE_BYTES = 256, TIME_BYTES = 40 };

struct restore_options {
    const char *at, *backup, *from;
    bool yes, json, no_wait;
};

static const struct hin_option restore_table[] = {
    {"at", 0, HIN_OPTION_TEXT, offsetof(struct restore_options, at), "TIME",
     "As it was at this time, or the last moment before it that was shipped (RFC 3339); the newest "
     "unless set.",
     NULL, false, false},
    {"backup", 'b', HIN_OPTION_TEXT, offsetof(struct restore_options, backup), "ID",
     "As it was when this backup was made: an ID of `hinomi backup list`.", NULL, false, false},
    {"from", 'f', HIN_OPTION_TEXT, offsetof(struct restore_options, from), "DESTINATION",
     "From this destination; from the first that gives it whole unless set.", NULL, false, false},
    {"yes", 'y', HIN_OPTION_FLAG, offsetof(struct restore_options, yes), NULL,
     "Do not ask: for scripts. Without it the tenant's name is to be typed on the terminal.", NULL,
     false, false},
    {"no-wait", 0, HIN_OPTION_FLAG, offsetof(struct restore_options, no_wait), NULL,
     "Do not wait for the end.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct restore_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_option list_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct restore_options, json), NULL, "One JSON document.",
     NULL, false, false},
};

const struct hin_command hin_cli_backup_restore_usage = {
    "hinomi backup restore",
    "put a tenant back out of a backup, while the manager serves the others",
    "TENANT",
    "For key holders of the installation; once there are two, another one has to confirm it "
    "(hinomi "
    "key confirm). The backup is restored beside what the tenant holds and compared there; then, "
    "for some seconds, the tenant is not served (API: 503), what it holds goes into the backups, "
    "and "
    "the restored takes its place. So a restore is undone by another, to the time that is told at "
    "the end. What agents still hold since then they send again. API keys, users and computers are "
    "those of then too. TENANT is a name or an ID; the installation's own tenant, or a whole "
    "installation, is restored with the manager stopped: hinomi-manager restore.\nExit status: 0 "
    "restored, or noted for another key holder; 1 failed, the tenant is as before; 2 wrong usage.",
    restore_table,
    HIN_COUNT(restore_table),
    1,
    1};
const struct hin_command hin_cli_backup_restores_usage = {
    "hinomi backup restores",
    "list restores of tenants while the manager runs",
    NULL,
    "Newest first: what was restored, and as of when; what was there before, and when that was put "
    "into the backups; what one that is under way does.",
    list_table,
    HIN_COUNT(list_table),
    0,
    0};

/* ---- asking ---- */

struct restoring {
    struct hin_cli_api *api;
    const struct restore_options *options;
    const char *tenant;
    struct hin_error *error;
    int64_t id;
    bool failed, shown;
    char text[600];
};

static HIN_RESULT ask_for_name(const struct restoring *restoring)
{
    char line[LINE_BYTES] = "";
    if (isatty(STDIN_FILENO) != 1) {
        return hin_error_set(restoring->error, HIN_INVALID, NULL, 0, 0,
                             "nothing is done: type the name on a terminal, or give --yes");
    }
    fprintf(stderr,
            "What tenant %s holds now is put into the backups, and replaced.\nType its name to go "
            "on: ",
            restoring->tenant);
    if (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    return strcmp(line, restoring->tenant) == 0
               ? hin_ok()
               : hin_error_set(restoring->error, HIN_INVALID, NULL, 0, 0,
                               "nothing is done: another name");
}

static HIN_RESULT write_at(const struct restoring *restoring, struct hin_json_writer *writer)
{
    int64_t usec = 0;
    if (restoring->options->at == NULL) {
        return hin_ok();
    }
    if (!hin_is_ok(hin_time_parse_rfc3339(hin_view_from_text(restoring->options->at), &usec))) {
        return hin_error_set(restoring->error, HIN_INVALID, NULL, 0, 0,
                             "--at: not like 2026-11-29T12:00:00Z: %s", restoring->options->at);
    }
    hin_json_field_integer(writer, "at", usec / HIN_MSEC_USEC);
    return hin_ok();
}

static HIN_RESULT write_backup(const struct restoring *restoring, struct hin_json_writer *writer)
{
    int64_t id = 0;
    if (restoring->options->backup == NULL) {
        return hin_ok();
    }
    if (!hin_is_ok(hin_view_to_i64(hin_view_from_text(restoring->options->backup), &id)) ||
        id < 1) {
        return hin_error_set(restoring->error, HIN_INVALID, NULL, 0, 0,
                             "--backup: an ID as `hinomi backup list` shows it, not %s",
                             restoring->options->backup);
    }
    if (restoring->options->at != NULL) {
        return hin_error_set(restoring->error, HIN_INVALID, NULL, 0, 0,
                             "give --at or --backup, not both");
    }
    hin_json_field_integer(writer, "backupID", id);
    return hin_ok();
}

static HIN_RESULT write_body(const struct restoring *restoring, struct hin_buf *body)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "tenant", restoring->tenant);
    HIN_TRY(write_at(restoring, &writer));
    HIN_TRY(write_backup(restoring, &writer));
    if (restoring->options->from != NULL) {
        hin_json_field_cstring(&writer, "destination", restoring->options->from);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* ---- how far it is ---- */

static void show_progress(struct restoring *restoring, struct hin_json root, struct hin_view state)
{
    int64_t objects = 0, all = 0, bytes = 0;
    if (isatty(STDERR_FILENO) != 1) {
        return;
    }
    HIN_IGNORE(hin_json_get_integer(root, "objects", 0, INT64_MAX, &objects, NULL)); /* then 0 */
    HIN_IGNORE(hin_json_get_integer(root, "objectsAll", 0, INT64_MAX, &all, NULL));
    HIN_IGNORE(hin_json_get_integer(root, "readBytes", 0, INT64_MAX, &bytes, NULL));
    fprintf(stderr, "\r%-10.*s %lld of %lld objects, %lld MB ", HIN_ARGS(state), (long long)objects,
            (long long)HIN_MAX(all, objects), (long long)(bytes >> 20));
    restoring->shown = true;
}

static struct hin_result look(void *context, bool *ret_ended)
{
    struct restoring *restoring = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[PATH_BYTES];
    struct hin_view state, text = HIN_VIEW_EMPTY;
    snprintf(path, sizeof(path), "/backups/restores/%lld", (long long)restoring->id);
    HIN_TRY(hin_cli_api_call(restoring->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                             restoring->error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "state", &state, restoring->error));
    HIN_TRY(hin_json_opt_text(root, "text", &text, restoring->error));
    HIN_TRY(hin_view_to_text(text, restoring->text, sizeof(restoring->text)));
    restoring->failed = hin_view_is(state, "failed");
    *ret_ended = restoring->failed || hin_view_is(state, "done");
    show_progress(restoring, root, state);
    return hin_ok();
}

static void time_text(struct hin_json object, const char *member, char out[TIME_BYTES])
{
    int64_t msec = 0;
    out[0] = '\0';
    if (hin_is_ok(hin_json_get_integer(object, member, 0, INT64_MAX / 1000, &msec, NULL))) {
        hin_time_format_rfc3339(msec * HIN_MSEC_USEC, 3, out, TIME_BYTES);
    }
}

static HIN_RESULT print_done(struct restoring *restoring)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view place = HIN_VIEW_EMPTY;
    struct hin_json former;
    int64_t event = 0, from = 0, to = 0;
    char path[PATH_BYTES], at[TIME_BYTES], before[TIME_BYTES];
    snprintf(path, sizeof(path), "/backups/restores/%lld", (long long)restoring->id);
    HIN_TRY(hin_cli_api_call(restoring->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                             restoring->error));
    if (restoring->options->json) {
        hin_cli_api_print(restoring->api);
        return hin_ok();
    }
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_opt_text(root, "destination", &place, restoring->error));
    HIN_TRY(hin_json_opt_integer(root, "lastEventID", 0, INT64_MAX, &event, restoring->error));
    HIN_TRY(hin_json_opt_integer(root, "notServedFrom", 0, INT64_MAX, &from, restoring->error));
    HIN_TRY(hin_json_opt_integer(root, "servedFrom", 0, INT64_MAX, &to, restoring->error));
    HIN_TRY(hin_json_get_object(root, "former", &former, restoring->error));
    time_text(root, "at", at);
    time_text(former, "at", before);
    printf("tenant %s  as of %s, up to event %lld, from %.*s; not served for %.1f s\n",
           restoring->tenant, at, (long long)event, HIN_ARGS(place), (double)(to - from) / 1000);
    printf("what it held before is in the backups: hinomi backup restore %s --at %s\n",
           restoring->tenant, before);
    return hin_ok();
}

static HIN_RESULT wait_ended(struct restoring *restoring)
{
    HIN_TRY(hin_cli_api_wait(look, restoring, restoring->error));
    if (restoring->shown) {
        fprintf(stderr, "\n");
    }
    if (restoring->failed) {
        return hin_error_set(restoring->error, HIN_IO, NULL, 0, 0,
                             "tenant %s is as it was before: %s", restoring->tenant,
                             restoring->text);
    }
    return print_done(restoring);
}

static HIN_RESULT act_restore(struct hin_cli_api *api, const void *options, const char *tenant,
                              struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1024};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct restoring restoring = {.api = api, .options = options, .tenant = tenant, .error = error};
    int64_t request = 0;
    HIN_TRY(write_body(&restoring, &body));
    if (!restoring.options->yes) {
        HIN_TRY(ask_for_name(&restoring));
    }
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_POST, "/backups/restores", hin_buf_view(&body),
                             &document, error));
    struct hin_json root = hin_json_root(document);
    if (hin_is_ok(hin_json_get_integer(root, "request", 1, INT64_MAX, &request, NULL))) {
        if (restoring.options->json) {
            hin_cli_api_print(api);
        } else {
            printf("request %lld waits a day for another key holder: hinomi key confirm %lld\n",
                   (long long)request, (long long)request);
        }
        return hin_ok();
    }
    HIN_TRY(hin_json_get_integer(root, "ID", 1, INT64_MAX, &restoring.id, error));
    if (restoring.options->no_wait) {
        printf(restoring.options->json ? "{\"ID\":%lld}\n" : "restore %lld\n",
               (long long)restoring.id);
        return hin_ok();
    }
    return wait_ended(&restoring);
}

/* ---- the list ---- */

static HIN_RESULT add_row(struct hin_table *table, struct hin_json item, struct hin_error *error)
{
    struct hin_json former;
    HIN_TRY(hin_json_get_object(item, "former", &former, error));
    struct hin_view cells[] = {
        hin_table_cell(table, item, "ID"),          hin_table_cell(table, item, "name"),
        hin_table_cell(table, item, "state"),       hin_table_time_cell(table, item, "asked"),
        hin_table_cell(table, item, "requestedBy"), hin_table_cell(table, item, "destination"),
        hin_table_time_cell(table, item, "at"),     hin_table_cell(table, item, "lastEventID"),
        hin_table_time_cell(table, former, "at"),   hin_table_cell(table, former, "lastEventID"),
        hin_table_cell(table, item, "text")};
    return hin_table_add(table, cells);
}

static HIN_RESULT act_restores(struct hin_cli_api *api, const void *given, const char *operand,
                               struct hin_error *error)
{
    static const char *const headings[] = {"ID",    "TENANT", "STATE",  "ASKED", "BY",
                                           "AS OF", "EVENT",  "BEFORE", "TEXT"};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    const struct restore_options *options = given;
    struct hin_json items;
    size_t count = 0;
    (void)operand;
    HIN_TRY(
        hin_cli_api_call(api, HIN_HTTP_GET, "/backups/restores", HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(hin_json_get_array(hin_json_root(document), "restores", &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_row(&table, hin_json_at(items, i), error));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

int hin_cli_backup_restore(int argc, char **argv)
{
    struct restore_options options = {0};
    return hin_cli_run(&hin_cli_backup_restore_usage, argc, argv, &options, act_restore);
}

int hin_cli_backup_restores(int argc, char **argv)
{
    struct restore_options options = {0};
    return hin_cli_run(&hin_cli_backup_restores_usage, argc, argv, &options, act_restores);
}
