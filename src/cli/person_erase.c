/* hinomi person erase. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/output.h"
#include "cli/person.h"

enum { STATE_BYTES = 32, ANSWER_BYTES = 16, PATH_BYTES = 256 };

struct erase_options {
    struct hin_option_texts where;
    const char *certificate;
    uint64_t status;
    bool yes, json, no_wait;
};

static const struct hin_option table[] = {
    {"where", 'w', HIN_OPTION_TEXTS, offsetof(struct erase_options, where), "FIELD=VALUE",
     "Whose data: as for `hinomi person find`; several must all hold.", NULL, false, false},
    {"yes", 'y', HIN_OPTION_FLAG, offsetof(struct erase_options, yes), NULL,
     "Do not ask: for scripts. Without it what there is is shown, and `yes` is to be typed.", NULL,
     false, false},
    {"certificate", 'c', HIN_OPTION_TEXT, offsetof(struct erase_options, certificate), "FILE",
     "Where the certificate goes, mode 0600, never over a file that is there; erasure-ID.json "
     "unless given.",
     NULL, false, false},
    {"no-wait", 0, HIN_OPTION_FLAG, offsetof(struct erase_options, no_wait), NULL,
     "Do not wait for the end.", NULL, false, false},
    {"status", 0, HIN_OPTION_COUNT, offsetof(struct erase_options, status), "ID",
     "Erase nothing: say how far the erasure with this ID is; with --certificate, write its "
     "certificate.",
     NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct erase_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
const struct hin_command hin_cli_person_erase_usage = {
    "hinomi person erase",
    "erase the events about a person, in copies and backups too, and have it certified",
    NULL,
    "The manager erases the events that there are now, makes new keys for all that stays and "
    "destroys the former ones: backups and exports taken before open no more. It takes 10 seconds "
    "at least and goes on when this command ends. Accounts of the person are removed before. The "
    "certificate says what was erased and what remains; hinomi certificate verify judges it.",
    table,
    HIN_COUNT(table),
    0,
    0};

struct erasing {
    struct hin_cli_api *api;
    const struct erase_options *options;
    struct hin_error *error;
    int64_t id, events, certificate;
    bool done;
    char told[STATE_BYTES]; /* the state that was told last */
};

static HIN_RESULT fail(const struct erasing *e, enum hin_code code, const char *text)
{
    return hin_error_set(e->error, code, NULL, 0, 0, "%s", text);
}

/* ---- asked for ---- */

static HIN_RESULT check_options(const struct erasing *e)
{
    const struct erase_options *options = e->options;
    bool status = options->status > 0;
    if (status == (options->where.count > 0)) {
        return fail(e, HIN_INVALID, "either --where or --status is needed");
    }
    if (!status && !options->yes && (options->json || isatty(STDIN_FILENO) != 1)) {
        return fail(e, HIN_INVALID,
                    "nothing is done: without a terminal, and with --json, --yes is needed");
    }
    if (options->certificate != NULL &&
        faccessat(AT_FDCWD, options->certificate, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(e->error, HIN_EXISTS, options->certificate, 0, 0,
                             "is there already and is not overwritten: name another file");
    }
    return hin_ok();
}

static HIN_RESULT ask_first(const struct erasing *e)
{
    char line[ANSWER_BYTES] = "";
    HIN_TRY(hin_cli_person_show(e->api, &e->options->where, e->error));
    (void)fflush(stdout);
    fprintf(stderr, "These events become unreadable for good, and what was copied or exported "
                    "before with them. Type yes to go on: ");
    if (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0) {
        return hin_ok();
    }
    return fail(e, HIN_INVALID, "nothing is done");
}

static HIN_RESULT request(struct erasing *e)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1 << 20};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    HIN_TRY(hin_cli_person_list("where", &e->options->where, &writer, e->error));
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_cli_api_call(e->api, HIN_HTTP_POST, "/persons/erase", hin_buf_view(&body),
                             &document, e->error));
    return hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, &e->id, e->error);
}

/* ---- how far it is ---- */

static HIN_RESULT look(struct erasing *e, char ret_state[STATE_BYTES])
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[PATH_BYTES];
    struct hin_view state;
    snprintf(path, sizeof(path), "/persons/erasures/%lld", (long long)e->id);
    HIN_TRY(hin_cli_api_call(e->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, e->error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "state", &state, e->error));
    HIN_TRY(hin_json_opt_integer(root, "events", 0, INT64_MAX, &e->events, e->error));
    HIN_TRY(hin_json_opt_integer(root, "certificateID", 0, INT64_MAX, &e->certificate, e->error));
    e->done = hin_view_is(state, "done");
    return hin_view_to_text(state, ret_state, STATE_BYTES);
}

static struct hin_result look_and_say(void *context, bool *ret_ended)
{
    struct erasing *e = context;
    char state[STATE_BYTES] = "";
    HIN_TRY(look(e, state));
    if (strcmp(state, e->told) != 0) {
        hin_terminal_line(stderr, "hinomi: %s (%lld events of the person)", state,
                          (long long)e->events);
        snprintf(e->told, sizeof(e->told), "%s", state);
    }
    *ret_ended = e->done;
    return hin_ok();
}

static HIN_RESULT wait_done(struct erasing *e)
{
    struct hin_result waited = hin_cli_api_wait(look_and_say, e, e->error);
    if (!hin_is_ok(waited)) {
        hin_cli_complain_text("the erasure goes on by itself: hinomi person erase --status %lld",
                              (long long)e->id);
    }
    return waited;
}

/* ---- the certificate ---- */

static HIN_RESULT write_certificate(struct erasing *e, const char *path)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char from[PATH_BYTES];
    struct hin_view file;
    snprintf(from, sizeof(from), "/certificates/%lld", (long long)e->certificate);
    HIN_TRY(hin_cli_api_call(e->api, HIN_HTTP_GET, from, HIN_VIEW_EMPTY, &document, e->error));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "file", &file, e->error));
    struct hin_cli_output output = {0};
    struct hin_result written = hin_cli_output_open(&output, path, HIN_CLI_OUTPUT_NEW, e->error);
    if (hin_is_ok(written)) {
        written = hin_cli_output_write(&output, file);
    }
    written = hin_cli_output_close(&output, written, e->error);
    return hin_is_ok(written)
               ? written
               : hin_error_set(e->error, written.code, path, 0, 0,
                               "the certificate cannot be written (%s): hinomi certificate show "
                               "%lld --output FILE does so",
                               hin_code_text(written.code), (long long)e->certificate);
}

static HIN_RESULT print_end(const struct erasing *e, const char *state, const char *path)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 16};
    struct hin_json_writer writer;
    if (!e->options->json) {
        printf("erasure %lld: %s, %lld events", (long long)e->id, state, (long long)e->events);
        if (e->done) {
            printf(", certificate %lld", (long long)e->certificate);
        }
        printf("%s%s\n", path != NULL ? " in " : "", path != NULL ? path : "");
        return hin_ok();
    }
    hin_json_writer_init(&writer, &text, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", e->id);
    hin_json_field_cstring(&writer, "state", state);
    hin_json_field_integer(&writer, "events", e->events);
    if (e->done) {
        hin_json_field_integer(&writer, "certificateID", e->certificate);
    }
    if (path != NULL) {
        hin_json_field_cstring(&writer, "file", path);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&text)));
    return hin_ok();
}

static HIN_RESULT tell(struct erasing *e)
{
    char path[PATH_BYTES], state[STATE_BYTES] = "";
    const char *file = e->options->certificate;
    HIN_TRY(look(e, state));
    snprintf(path, sizeof(path), "erasure-%lld.json", (long long)e->id);
    bool asked = e->options->status > 0 || e->options->no_wait;
    file = file != NULL || asked ? file : path;
    if (!e->done && e->options->status > 0 && file != NULL) {
        return fail(e, HIN_CONFLICT, "it is not done, so there is no certificate yet");
    }
    file = e->done ? file : NULL;
    if (file != NULL) {
        HIN_TRY(write_certificate(e, file));
    }
    return print_end(e, state, file);
}

static HIN_RESULT erase(struct erasing *e)
{
    e->id = (int64_t)e->options->status;
    if (e->id > 0) {
        return tell(e);
    }
    if (!e->options->yes) {
        HIN_TRY(ask_first(e));
    }
    HIN_TRY(request(e));
    hin_terminal_line(stderr, "hinomi: erasure %lld is accepted", (long long)e->id);
    if (!e->options->no_wait) {
        HIN_TRY(wait_done(e));
    }
    return tell(e);
}

int hin_cli_person_erase(int argc, char **argv)
{
    struct erase_options options = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct erasing erasing = {.api = &api, .options = &options, .error = &error};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_person_erase_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    struct hin_result result = check_options(&erasing);
    if (!hin_is_ok(result)) {
        status = hin_cli_finish(result, &error);
        return result.code == HIN_INVALID ? HIN_CLI_USAGE : status;
    }
    result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = erase(&erasing);
    }
    return hin_cli_finish(result, &error);
}
