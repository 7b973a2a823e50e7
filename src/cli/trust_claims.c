/* hinomi trust: list, show, run. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/trust.h"
#include "io/url.h"

enum { WAIT_SECONDS = 600, LOOK_MSEC = 300, PROBES_MAX = 64 };

struct trust_options {
    const char *language;
    const char *status;
    bool json;
};

#define LANGUAGE_ROW                                                                               \
    {                                                                                              \
        "language", 0, HIN_OPTION_CHOICE, offsetof(struct trust_options, language), "LANGUAGE",    \
            "Of the statements: en (unless set) or ja.", "en|ja", false, false                     \
    }

static const struct hin_option list_table[] = {
    {"status", 0, HIN_OPTION_CHOICE, offsetof(struct trust_options, status), "STATUS",
     "Claims of this status only.", "proven|failed|stale|not assessed", false, false},
    LANGUAGE_ROW,
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct trust_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_option show_table[] = {
    LANGUAGE_ROW,
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct trust_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_option run_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct trust_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
const struct hin_command hin_cli_trust_list_usage = {
    "hinomi trust list",
    "list what the installation promises, and whether it "
    "holds",
    NULL,
    NULL,
    list_table,
    HIN_COUNT(list_table),
    0,
    0};
const struct hin_command hin_cli_trust_show_usage = {
    "hinomi trust show", "show one claim", "ID", NULL, show_table, HIN_COUNT(show_table), 1, 1};
const struct hin_command hin_cli_trust_run_usage = {
    "hinomi trust run",
    "have probes run now, and wait for what they find",
    "[PROBE...]",
    "Without a name all run. Exit status: 0 no promise was seen broken, 1 one was, or it could not "
    "be asked.\nWhat could not be tried is told, and proves nothing.",
    run_table,
    HIN_COUNT(run_table),
    0,
    PROBES_MAX};

/* ---- colours, on a terminal only ---- */

static const struct {
    const char *status, *begin;
} colours[] = {{"proven", "\033[32m"},
               {"failed", "\033[31m"},
               {"stale", "\033[2m"},
               {"not assessed", "\033[2m"},
               {"not run", "\033[2m"}};

static const char *colour_of(struct hin_view status)
{
    for (size_t i = 0; i < HIN_COUNT(colours) && isatty(STDOUT_FILENO) == 1; i++) {
        if (hin_view_is(status, colours[i].status)) {
            return colours[i].begin;
        }
    }
    return "";
}

/* Padded to `width`. */
static void put_status(struct hin_view status, int width)
{
    const char *begin = colour_of(status);
    printf("%s", begin);
    (void)hin_terminal_put(status, stdout);
    printf("%s%*s", begin[0] != '\0' ? "\033[0m" : "",
           HIN_MAX(width - (int)HIN_MIN(status.size, (size_t)width), 0), "");
}

static void put_time(struct hin_json object, const char *key)
{
    char text[64] = "-";
    int64_t msec = 0;
    if (hin_is_ok(hin_json_opt_integer(object, key, 0, INT64_MAX / HIN_MSEC_USEC, &msec, NULL)) &&
        msec > 0) {
        hin_time_format_rfc3339(msec * HIN_MSEC_USEC, 0, text, sizeof(text));
    }
    printf("%-21s", text);
}

/* ---- list ---- */

static HIN_RESULT get_statement(struct hin_json claim, const struct trust_options *options,
                                struct hin_view *ret_text, struct hin_error *error)
{
    struct hin_json statement;
    HIN_TRY(hin_json_get_object(claim, "statement", &statement, error));
    return hin_json_get_text(statement, options->language != NULL ? options->language : "en",
                             ret_text, error);
}

static HIN_RESULT print_claim(struct hin_json claim, const struct trust_options *options,
                              struct hin_error *error)
{
    struct hin_view id, status, statement;
    HIN_TRY(hin_json_get_text(claim, "ID", &id, error));
    HIN_TRY(hin_json_get_text(claim, "status", &status, error));
    HIN_TRY(get_statement(claim, options, &statement, error));
    if (options->status != NULL && !hin_view_is(status, options->status)) {
        return hin_ok();
    }
    (void)hin_terminal_put(id, stdout);
    printf("%*s", HIN_MAX(6 - (int)HIN_MIN(id.size, (size_t)6), 1), "");
    put_status(status, 14);
    put_time(claim, "observed");
    hin_terminal_line(stdout, " %.*s", HIN_ARGS(statement));
    return hin_ok();
}

static HIN_RESULT list(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct trust_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json claims;
    size_t count = 0;
    (void)operand;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/trust/claims", HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    HIN_TRY(hin_json_get_array(hin_json_root(document), "claims", &claims, &count, error));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(print_claim(hin_json_at(claims, i), options, error));
    }
    return hin_ok();
}

/* ---- show ---- */

static void put_list(struct hin_json claim, const char *key, const char *label)
{
    struct hin_json items;
    struct hin_view text;
    size_t count = 0;
    if (!hin_is_ok(hin_json_get_array(claim, key, &items, &count, NULL)) || count == 0) {
        return;
    }
    printf("%s", label);
    for (size_t i = 0; i < count; i++) {
        if (hin_is_ok(hin_json_text(hin_json_at(items, i), &text, NULL))) {
            printf("%s", i > 0 ? ", " : "");
            (void)hin_terminal_put(text, stdout);
        }
    }
    printf("\n");
}

static void put_mappings(struct hin_json claim)
{
    struct hin_json items;
    size_t count = 0;
    if (!hin_is_ok(hin_json_get_array(claim, "mappings", &items, &count, NULL))) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        struct hin_view framework, control, degree;
        if (hin_is_ok(hin_json_get_text(item, "framework", &framework, NULL)) &&
            hin_is_ok(hin_json_get_text(item, "control", &control, NULL)) &&
            hin_is_ok(hin_json_get_text(item, "degree", &degree, NULL))) {
            hin_terminal_line(stdout, "Mapped to    %.*s %.*s, %.*s", HIN_ARGS(framework),
                              HIN_ARGS(control), HIN_ARGS(degree));
        }
    }
}

static HIN_RESULT print_whole(struct hin_json claim, const struct trust_options *options,
                              struct hin_error *error)
{
    struct hin_view id, status, statement, owner, cadence, reason;
    HIN_TRY(hin_json_get_text(claim, "ID", &id, error));
    HIN_TRY(hin_json_get_text(claim, "status", &status, error));
    HIN_TRY(hin_json_get_text(claim, "owner", &owner, error));
    HIN_TRY(hin_json_get_text(claim, "cadence", &cadence, error));
    HIN_TRY(hin_json_get_text(claim, "reason", &reason, error));
    HIN_TRY(get_statement(claim, options, &statement, error));
    hin_terminal_line(stdout, "%.*s %.*s", HIN_ARGS(id), HIN_ARGS(statement));
    printf("Status       ");
    put_status(status, 0);
    printf("\n");
    if (reason.size > 0) {
        hin_terminal_line(stdout, "%s%.*s",
                          hin_view_is(status, "proven") ? "To be known  " : "Because      ",
                          HIN_ARGS(reason));
    }
    printf("Observed     ");
    put_time(claim, "observed");
    printf("\nValid until  ");
    put_time(claim, "validUntil");
    printf("\n");
    hin_terminal_line(stdout, "Answers      %.*s, looked at every %.*s", HIN_ARGS(owner),
                      HIN_ARGS(cadence));
    put_list(claim, "probes", "Probes       ");
    put_list(claim, "evidenceIDs", "Evidence     ");
    put_mappings(claim);
    return hin_ok();
}

static HIN_RESULT show(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct trust_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf path = {.max = 1024};
    const char *text = NULL;
    HIN_TRY(hin_buf_append_text(&path, "/trust/claims/"));
    HIN_TRY(hin_url_encode(hin_view_from_text(operand), false, &path));
    HIN_TRY(hin_buf_text(&path, &text));
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, text, HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_whole(hin_json_root(document), options, error);
}

/* ---- run ---- */

static HIN_RESULT ask(struct hin_cli_api *api, char **names, size_t count, int64_t *ret_run,
                      struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 65536};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    if (count > 0) {
        hin_json_key(&writer, "probes");
        hin_json_begin_array(&writer);
        for (size_t i = 0; i < count; i++) {
            hin_json_put_cstring(&writer, names[i]);
        }
        hin_json_end_array(&writer);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(
        hin_cli_api_call(api, HIN_HTTP_POST, "/trust/run", hin_buf_view(&body), &document, error));
    return hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, ret_run, error);
}

static HIN_RESULT wait_for(struct hin_cli_api *api, int64_t run,
                           struct hin_json_document **ret_document, struct hin_error *error)
{
    char path[64];
    bool terminal = isatty(STDERR_FILENO) == 1;
    struct timespec pause = {.tv_nsec = LOOK_MSEC * 1000 * 1000};
    snprintf(path, sizeof(path), "/trust/runs/%lld", (long long)run);
    for (int i = 0; i < WAIT_SECONDS * 1000 / LOOK_MSEC; i++) {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        struct hin_view state;
        HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
        HIN_TRY(hin_json_get_text(hin_json_root(document), "state", &state, error));
        if (!hin_view_is(state, "waiting")) {
            if (terminal) {
                fprintf(stderr, "\r\033[K");
            }
            *ret_document = document;
            document = NULL;
            return hin_ok();
        }
        if (terminal) {
            fprintf(stderr, "\rprobes run, %d s", i * LOOK_MSEC / 1000);
        }
        (void)nanosleep(&pause, NULL);
    }
    return hin_error_set(error, HIN_TIMEOUT, NULL, 0, 0,
                         "run %lld is not done after %d s: see the log of hinomi-manager",
                         (long long)run, (int)WAIT_SECONDS);
}

struct outcome {
    struct hin_json_writer *writer; /* NULL: for people */
    bool broken;                    /* a promise was */
};

static HIN_RESULT tell_one(struct hin_cli_api *api, int64_t id, struct outcome *outcome,
                           struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view probe, result, reason;
    char path[64];
    snprintf(path, sizeof(path), "/evidence/%lld", (long long)id);
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "probe", &probe, error));
    HIN_TRY(hin_json_get_text(root, "outcome", &result, error));
    HIN_TRY(hin_json_get_text(root, "reason", &reason, error));
    outcome->broken = outcome->broken || hin_view_is(result, "failed");
    if (outcome->writer != NULL) {
        hin_json_begin_object(outcome->writer);
        hin_json_field_integer(outcome->writer, "evidence", id);
        hin_json_field_text(outcome->writer, "probe", probe);
        hin_json_field_text(outcome->writer, "outcome", result);
        hin_json_field_text(outcome->writer, "reason", reason);
        hin_json_end_object(outcome->writer);
        return hin_ok();
    }
    put_status(result, 9);
    hin_terminal_line(stdout, "%.*s (evidence %lld)%s%.*s", HIN_ARGS(probe), (long long)id,
                      reason.size > 0 ? ": " : "", HIN_ARGS(reason));
    return hin_ok();
}

static HIN_RESULT tell_all(struct hin_cli_api *api, struct hin_json run, struct outcome *outcome,
                           struct hin_error *error)
{
    struct hin_json ids;
    struct hin_view state, reason;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(run, "evidence", &ids, &count, error));
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        HIN_TRY(hin_json_integer(hin_json_at(ids, i), 1, INT64_MAX, &id, error));
        HIN_TRY(tell_one(api, id, outcome, error));
    }
    HIN_TRY(hin_json_get_text(run, "state", &state, error));
    HIN_TRY(hin_json_get_text(run, "reason", &reason, error));
    if (!hin_view_is(state, "done")) {
        return hin_error_set(error, HIN_IO, NULL, 0, 0, "not all could be recorded: %.*s",
                             HIN_ARGS(reason));
    }
    return hin_ok();
}

static HIN_RESULT run_probes(const struct trust_options *options, char **names, size_t count,
                             bool *ret_broken, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1 << 20};
    struct hin_json_writer writer;
    struct outcome outcome = {.writer = options->json ? &writer : NULL};
    int64_t run = 0;
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(ask(&api, names, count, &run, error));
    HIN_TRY(wait_for(&api, run, &document, error));
    hin_json_writer_init(&writer, &out, false);
    hin_json_begin_array(&writer);
    HIN_TRY(tell_all(&api, hin_json_root(document), &outcome, error));
    hin_json_end_array(&writer);
    if (options->json) {
        HIN_TRY(hin_json_writer_finish(&writer));
        printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    }
    *ret_broken = outcome.broken;
    return hin_ok();
}

int hin_cli_trust_list(int argc, char **argv)
{
    struct trust_options options = {0};
    return hin_cli_run(&hin_cli_trust_list_usage, argc, argv, &options, list);
}

int hin_cli_trust_show(int argc, char **argv)
{
    struct trust_options options = {0};
    return hin_cli_run(&hin_cli_trust_show_usage, argc, argv, &options, show);
}

int hin_cli_trust_run(int argc, char **argv)
{
    struct trust_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    bool broken = false;
    if (!hin_cli_parse(&hin_cli_trust_run_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    struct hin_result result = run_probes(&options, operands, count, &broken, &error);
    (void)fflush(stdout);
    return hin_is_ok(result) && broken ? HIN_CLI_FAILED : hin_cli_finish(result, &error);
}
