/* hinomi person correct. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/person.h"

enum { STATE_BYTES = 32, ANSWER_BYTES = 16, PATH_BYTES = 128 };

struct correct_options {
    struct hin_option_texts where, set;
    const char *note;
    uint64_t status;
    bool yes, json, no_wait;
};

static const struct hin_option table[] = {
    {"where", 'w', HIN_OPTION_TEXTS, offsetof(struct correct_options, where), "FIELD=VALUE",
     "Whose events: as for `hinomi person find`; several must all hold.", NULL, false, false},
    {"set", 's', HIN_OPTION_TEXTS, offsetof(struct correct_options, set), "FIELD=VALUE",
     "A field with personal data, and what it is to hold; several times for several fields.", NULL,
     false, false},
    {"note", 0, HIN_OPTION_TEXT, offsetof(struct correct_options, note), "TEXT",
     "Why: each corrected event bears it.", NULL, false, false},
    {"yes", 'y', HIN_OPTION_FLAG, offsetof(struct correct_options, yes), NULL,
     "Do not ask: for scripts. Without it what there is is shown, and `yes` is to be typed.", NULL,
     false, false},
    {"no-wait", 0, HIN_OPTION_FLAG, offsetof(struct correct_options, no_wait), NULL,
     "Do not wait for the end.", NULL, false, false},
    {"status", 0, HIN_OPTION_COUNT, offsetof(struct correct_options, status), "ID",
     "Correct nothing: say how far the correction with this ID is.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct correct_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
const struct hin_command hin_cli_person_correct_usage = {
    "hinomi person correct",
    "put right what fields of the events about a person hold",
    NULL,
    "The manager writes the events that there are now anew, with the fields as given, and notes in "
    "each when that was and which entry of the audit record stands for it. The raw line stays as "
    "it was read: it is evidence. Copies and backups made before hold the former values; hinomi "
    "person erase is what makes them unreadable. It goes on when this command ends.",
    table,
    HIN_COUNT(table),
    0,
    0};

struct correcting {
    struct hin_cli_api *api;
    const struct correct_options *options;
    struct hin_error *error;
    int64_t id, events, entry;
    bool done;
    char told[STATE_BYTES]; /* the state that was told last */
};

static HIN_RESULT fail(const struct correcting *c, enum hin_code code, const char *text)
{
    return hin_error_set(c->error, code, NULL, 0, 0, "%s", text);
}

static HIN_RESULT check_options(const struct correcting *c)
{
    const struct correct_options *options = c->options;
    bool status = options->status > 0;
    bool asked = options->where.count > 0 || options->set.count > 0;
    if (status == asked) {
        return fail(c, HIN_INVALID, "either --where and --set, or --status is needed");
    }
    if (!status && (options->where.count == 0 || options->set.count == 0)) {
        return fail(c, HIN_INVALID,
                    "--where says whose events, --set what is put right: both are needed");
    }
    if (!status && !options->yes && (options->json || isatty(STDIN_FILENO) != 1)) {
        return fail(c, HIN_INVALID,
                    "nothing is done: without a terminal, and with --json, --yes is needed");
    }
    return hin_ok();
}

static HIN_RESULT ask_first(const struct correcting *c)
{
    char line[ANSWER_BYTES] = "";
    HIN_TRY(hin_cli_person_show(c->api, &c->options->where, c->error));
    (void)fflush(stdout);
    fprintf(stderr, "These events get other values. Type yes to go on: ");
    if (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0) {
        return hin_ok();
    }
    return fail(c, HIN_INVALID, "nothing is done");
}

static HIN_RESULT request(struct correcting *c)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1 << 20};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    HIN_TRY(hin_cli_person_list("where", &c->options->where, &writer, c->error));
    HIN_TRY(hin_cli_person_list("set", &c->options->set, &writer, c->error));
    if (c->options->note != NULL) {
        hin_json_field_cstring(&writer, "note", c->options->note);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_cli_api_call(c->api, HIN_HTTP_POST, "/persons/correct", hin_buf_view(&body),
                             &document, c->error));
    return hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, &c->id, c->error);
}

static HIN_RESULT look(struct correcting *c, char ret_state[STATE_BYTES])
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[PATH_BYTES];
    struct hin_view state;
    snprintf(path, sizeof(path), "/persons/corrections/%lld", (long long)c->id);
    HIN_TRY(hin_cli_api_call(c->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, c->error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_text(root, "state", &state, c->error));
    HIN_TRY(hin_json_opt_integer(root, "events", 0, INT64_MAX, &c->events, c->error));
    HIN_TRY(hin_json_opt_integer(root, "auditID", 0, INT64_MAX, &c->entry, c->error));
    c->done = hin_view_is(state, "done");
    return hin_view_to_text(state, ret_state, STATE_BYTES);
}

static struct hin_result look_and_say(void *context, bool *ret_ended)
{
    struct correcting *c = context;
    char state[STATE_BYTES] = "";
    HIN_TRY(look(c, state));
    if (strcmp(state, c->told) != 0) {
        hin_terminal_line(stderr, "hinomi: %s (%lld events of the person)", state,
                          (long long)c->events);
        snprintf(c->told, sizeof(c->told), "%s", state);
    }
    *ret_ended = c->done;
    return hin_ok();
}

static HIN_RESULT wait_done(struct correcting *c)
{
    struct hin_result waited = hin_cli_api_wait(look_and_say, c, c->error);
    if (!hin_is_ok(waited)) {
        hin_cli_complain_text(
            "the correction goes on by itself: hinomi person correct --status %lld",
            (long long)c->id);
    }
    return waited;
}

static HIN_RESULT tell(struct correcting *c)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    struct hin_json_writer writer;
    char state[STATE_BYTES] = "";
    HIN_TRY(look(c, state));
    if (!c->options->json) {
        printf("correction %lld: %s, %lld events, entry %lld of the audit record\n",
               (long long)c->id, state, (long long)c->events, (long long)c->entry);
        return hin_ok();
    }
    hin_json_writer_init(&writer, &text, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "ID", c->id);
    hin_json_field_cstring(&writer, "state", state);
    hin_json_field_integer(&writer, "events", c->events);
    hin_json_field_integer(&writer, "auditID", c->entry);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&text)));
    return hin_ok();
}

static HIN_RESULT correct(struct correcting *c)
{
    c->id = (int64_t)c->options->status;
    if (c->id > 0) {
        return tell(c);
    }
    if (!c->options->yes) {
        HIN_TRY(ask_first(c));
    }
    HIN_TRY(request(c));
    hin_terminal_line(stderr, "hinomi: correction %lld is accepted", (long long)c->id);
    if (!c->options->no_wait) {
        HIN_TRY(wait_done(c));
    }
    return tell(c);
}

int hin_cli_person_correct(int argc, char **argv)
{
    struct correct_options options = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct correcting correcting = {.api = &api, .options = &options, .error = &error};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_person_correct_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    struct hin_result result = check_options(&correcting);
    if (!hin_is_ok(result)) {
        (void)hin_cli_finish(result, &error);
        return HIN_CLI_USAGE;
    }
    result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = correct(&correcting);
    }
    return hin_cli_finish(result, &error);
}
