/* Many records of evidence: hinomi evidence verify FILE..., export --all; hinomi evidence
 * acknowledge. */
#include "cli/evidence_series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/output.h"
#include "proof/series.h"

enum { PAGE = 1000, PROGRESS_EACH = 100 };
#define SERIES_BYTES_MAX ((size_t)1 << 30)

/* ---- verify ---- */

bool hin_cli_evidence_is_series(struct hin_view text)
{
    return hin_view_find(text, HIN_VIEW("\n}\n{")) != SIZE_MAX;
}

static HIN_RESULT read_files(char **files, size_t count, const char *fingerprint,
                             struct hin_series *series, struct hin_error *error)
{
    for (size_t i = 0; i < count; i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = SERIES_BYTES_MAX};
        HIN_TRY(hin_cli_input(files[i], "the records", &text, error));
        struct hin_result taken =
            hin_series_read(series, hin_buf_view(&text), hin_view_from_text(fingerprint), error);
        HIN_TRY(hin_error_in_file(error, taken, files[i]));
    }
    return hin_ok();
}

static void print_verdict(const struct hin_series_verdict *verdict)
{
    printf(
        "All %zu records hold, evidence %lld to %lld: each is signed by a key that the authority "
        "with this\nfingerprint vouches for, and names the one before.\n",
        verdict->count, (long long)verdict->first, (long long)verdict->last);
    for (size_t i = 0; i < verdict->hole_count; i++) {
        const struct hin_series_loss *hole = &verdict->holes[i];
        char when[64];
        hin_time_format_rfc3339(hole->when_msec * HIN_MSEC_USEC, 0, when, sizeof(when));
        hin_terminal_line(
            stdout, "Lost: evidence %lld to %lld, acknowledged by %s at %s (evidence %lld)",
            (long long)hole->first, (long long)hole->last, hole->by, when, (long long)hole->number);
    }
    if (verdict->first > 1) {
        printf("What came before evidence %lld is not among them.\n", (long long)verdict->first);
    }
    printf("That none came after evidence %lld is shown by the audit record, which names the "
           "newest.\n",
           (long long)verdict->last);
}

static HIN_RESULT write_verdict(struct hin_result result, const struct hin_series_verdict *verdict,
                                const struct hin_error *error, struct hin_buf *out)
{
    struct hin_json_writer writer;
    char sentence[1200] = "";
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_boolean(&writer, "holds", hin_is_ok(result));
    if (!hin_is_ok(result)) {
        hin_error_format(error, sentence, sizeof(sentence));
        hin_json_field_cstring(&writer, "why",
                               sentence[0] != '\0' ? sentence : hin_code_text(result.code));
        hin_json_end_object(&writer);
        return hin_json_writer_finish(&writer);
    }
    hin_json_field_unsigned(&writer, "count", verdict->count);
    hin_json_field_integer(&writer, "first", verdict->first);
    hin_json_field_integer(&writer, "last", verdict->last);
    hin_json_key(&writer, "lost");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < verdict->hole_count; i++) {
        hin_json_begin_object(&writer);
        hin_json_field_integer(&writer, "first", verdict->holes[i].first);
        hin_json_field_integer(&writer, "last", verdict->holes[i].last);
        hin_json_field_cstring(&writer, "acknowledgedBy", verdict->holes[i].by);
        hin_json_field_integer(&writer, "acknowledged", verdict->holes[i].when_msec);
        hin_json_field_integer(&writer, "evidence", verdict->holes[i].number);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static int judge(struct hin_series *series, struct hin_result read, struct hin_error *said,
                 const struct hin_cli_verdict_options *options)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    struct hin_series_verdict verdict = {0};
    struct hin_error error = *said;
    struct hin_result result = read;
    if (hin_is_ok(result)) {
        result = hin_series_judge(series, &verdict, &error);
    }
    if (options->json && hin_is_ok(write_verdict(result, &verdict, &error, &text))) {
        printf("%.*s\n", HIN_ARGS(hin_buf_view(&text)));
    } else if (hin_is_ok(result)) {
        print_verdict(&verdict);
    }
    bool misused =
        result.code == HIN_INVALID && strlen(options->fingerprint) != HIN_SHA256_HEX_BYTES - 1;
    int status = hin_cli_finish(result, &error);
    return misused ? HIN_CLI_USAGE : status;
}

int hin_cli_evidence_verify_files(char **files, size_t count,
                                  const struct hin_cli_verdict_options *options)
{
    HIN_CLEANUP(hin_series_done) struct hin_series series = {0};
    struct hin_error error = {0};
    struct hin_result read = read_files(files, count, options->fingerprint, &series, &error);
    return judge(&series, read, &error, options);
}

int hin_cli_evidence_verify_text(struct hin_view text, const char *file,
                                 const struct hin_cli_verdict_options *options)
{
    HIN_CLEANUP(hin_series_done) struct hin_series series = {0};
    struct hin_error error = {0};
    struct hin_result read =
        hin_series_read(&series, text, hin_view_from_text(options->fingerprint), &error);
    return judge(&series, hin_error_in_file(&error, read, file), &error, options);
}

/* ---- export --all ---- */

struct ids { /* the newest first */
    int64_t *items;
    size_t count;
};

static void ids_done(struct ids *ids)
{
    free(ids->items);
}

static HIN_RESULT add_page(struct ids *ids, struct hin_json list, size_t count,
                           struct hin_error *error)
{
    void *grown = realloc(ids->items, (ids->count + count + 1) * sizeof(*ids->items));
    HIN_ENSURE(grown != NULL, NO_MEMORY);
    ids->items = grown;
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_json_get_integer(hin_json_at(list, i), "ID", 1, INT64_MAX,
                                     &ids->items[ids->count], error));
        ids->count++;
    }
    return hin_ok();
}

static HIN_RESULT list_all(struct hin_cli_api *api, struct ids *ids, struct hin_error *error)
{
    int64_t before = 0;
    do {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        char path[96], from[32] = "";
        struct hin_json list;
        size_t count = 0;
        if (before > 0) {
            snprintf(from, sizeof(from), "&before=%lld", (long long)before);
        }
        snprintf(path, sizeof(path), "/evidence?limit=%d%s", (int)PAGE, from);
        HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
        struct hin_json root = hin_json_root(document);
        HIN_TRY(hin_json_get_array(root, "evidence", &list, &count, error));
        HIN_TRY(add_page(ids, list, count, error));
        before = 0;
        HIN_TRY(hin_json_opt_integer(root, "before", 1, INT64_MAX, &before, error));
    } while (before > 0);
    return hin_ok();
}

static HIN_RESULT write_one(struct hin_cli_api *api, int64_t id, struct hin_cli_output *output,
                            struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[64];
    struct hin_view file;
    snprintf(path, sizeof(path), "/evidence/%lld", (long long)id);
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "file", &file, error));
    return hin_cli_output_write(output, file);
}

static HIN_RESULT write_all(struct hin_cli_api *api, const struct ids *ids,
                            struct hin_cli_output *output, struct hin_error *error)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    for (size_t i = 0; i < ids->count; i++) {
        HIN_TRY(write_one(api, ids->items[ids->count - 1 - i], output, error));
        if (terminal && (i % PROGRESS_EACH == 0 || i + 1 == ids->count)) {
            fprintf(stderr, "\r%zu of %zu records%s", i + 1, ids->count,
                    i + 1 == ids->count ? "\n" : "");
        }
    }
    return hin_ok();
}

HIN_RESULT hin_cli_evidence_export_all(const char *path, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(ids_done) struct ids ids = {0};
    struct hin_cli_output output = {0};
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(list_all(&api, &ids, error));
    if (ids.count == 0) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                             "there is no evidence: probes are the installation's, and its own "
                             "tenant has what they found");
    }
    HIN_TRY(hin_cli_output_open(&output, path, HIN_CLI_OUTPUT_NEW, error));
    return hin_cli_output_close(&output, write_all(&api, &ids, &output, error), error);
}

/* ---- acknowledge ---- */

struct acknowledge_options {
    const char *note;
    bool json;
};
static const struct hin_option acknowledge_table[] = {
    {"note", 0, HIN_OPTION_TEXT, offsetof(struct acknowledge_options, note), "TEXT",
     "What is known about why; it stands in the record.", NULL, true, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct acknowledge_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
const struct hin_command hin_cli_evidence_acknowledge_usage = {
    "hinomi evidence acknowledge",
    "say, as a key holder, that a loss of evidence is known",
    "FIRST-LAST",
    "The numbers of just the records that are lost, as the probe audit-chain names them (one "
    "alone: "
    "8). Nothing is\ndeleted and nothing comes back: a record of evidence is made that names them, "
    "you, and why, and the claim that\nhangs on the chain says so from then on.",
    acknowledge_table,
    HIN_COUNT(acknowledge_table),
    1,
    1};

static HIN_RESULT read_range(const char *text, int64_t *ret_first, int64_t *ret_last,
                             struct hin_error *error)
{
    struct hin_view rest = hin_view_from_text(text), first;
    uint64_t from = 0, to = 0;
    bool read = hin_view_split(&rest, '-', &first) && hin_is_ok(hin_view_to_u64(first, &from));
    to = from;
    if (read && rest.data != NULL) {
        read = hin_is_ok(hin_view_to_u64(rest, &to));
    }
    if (!read || from < 1 || to < from || to > INT64_MAX) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: no range of numbers, such as 3-4 or 8", text);
    }
    *ret_first = (int64_t)from;
    *ret_last = (int64_t)to;
    return hin_ok();
}

static HIN_RESULT ask(struct hin_cli_api *api, const struct acknowledge_options *options,
                      int64_t first, int64_t last, int64_t *ret_run, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 65536};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &body, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "first", first);
    hin_json_field_integer(&writer, "last", last);
    hin_json_field_cstring(&writer, "note", options->note);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_POST, "/trust/losses", hin_buf_view(&body), &document,
                             error));
    return hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, ret_run, error);
}

struct waiting {
    struct hin_cli_api *api;
    int64_t run;
    struct hin_json_document *document; /* once it has ended */
    struct hin_error *error;
};

static struct hin_result look(void *context, bool *ret_ended)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct waiting *waiting = context;
    struct hin_view state;
    char path[64];
    snprintf(path, sizeof(path), "/trust/losses/%lld", (long long)waiting->run);
    HIN_TRY(hin_cli_api_call(waiting->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                             waiting->error));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "state", &state, waiting->error));
    *ret_ended = !hin_view_is(state, "waiting");
    if (*ret_ended) {
        waiting->document = document;
        document = NULL;
    }
    return hin_ok();
}

static HIN_RESULT tell(struct hin_json root, int64_t first, int64_t last, struct hin_error *error)
{
    struct hin_json records;
    struct hin_view state, reason;
    size_t count = 0;
    int64_t number = 0;
    HIN_TRY(hin_json_get_text(root, "state", &state, error));
    HIN_TRY(hin_json_get_text(root, "reason", &reason, error));
    HIN_TRY(hin_json_get_array(root, "evidence", &records, &count, error));
    if (!hin_view_is(state, "done") || count == 0) {
        return hin_error_set(error, HIN_CONFLICT, NULL, 0, 0, "%.*s", HIN_ARGS(reason));
    }
    HIN_TRY(hin_json_integer(hin_json_at(records, 0), 1, INT64_MAX, &number, error));
    printf("Evidence %lld says that the loss of evidence %lld to %lld is known.\n",
           (long long)number, (long long)first, (long long)last);
    return hin_ok();
}

static HIN_RESULT acknowledge(struct hin_cli_api *api, const void *given, const char *operand,
                              struct hin_error *error)
{
    const struct acknowledge_options *options = given;
    struct waiting waiting = {.api = api, .error = error};
    int64_t first = 0, last = 0;
    HIN_TRY(read_range(operand, &first, &last, error));
    HIN_TRY(ask(api, options, first, last, &waiting.run, error));
    HIN_TRY(hin_cli_api_wait(look, &waiting, error));
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = waiting.document;
    if (options->json) {
        hin_cli_api_print(api);
        fflush(stdout);
        struct hin_view state = HIN_VIEW_EMPTY, reason = HIN_VIEW_EMPTY;
        HIN_TRY(hin_json_get_text(hin_json_root(document), "state", &state, error));
        HIN_TRY(hin_json_get_text(hin_json_root(document), "reason", &reason, error));
        return hin_view_is(state, "done")
                   ? hin_ok()
                   : hin_error_set(error, HIN_CONFLICT, NULL, 0, 0, "%.*s", HIN_ARGS(reason));
    }
    return tell(hin_json_root(document), first, last, error);
}

int hin_cli_evidence_acknowledge(int argc, char **argv)
{
    struct acknowledge_options options = {0};
    return hin_cli_run(&hin_cli_evidence_acknowledge_usage, argc, argv, &options, acknowledge);
}
