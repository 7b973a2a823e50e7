/* hinomi evidence: list, show, export, verify, acknowledge. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/evidence_series.h"
#include "cli/input.h"
#include "cli/table.h"
#include "cli/verdict.h"
#include "io/url.h"
#include "proof/evidence.h"

enum { FILES_MAX = 10000 };
#define SERIES_BYTES_MAX ((size_t)1 << 30)

struct evidence_options {
    const char *probe;
    uint64_t limit;
    bool json, all;
};

static const struct hin_option list_table[] = {
    {"probe", 0, HIN_OPTION_TEXT, offsetof(struct evidence_options, probe), "NAME",
     "Of this probe only.", NULL, false, false},
    {"limit", 0, HIN_OPTION_COUNT, offsetof(struct evidence_options, limit), "N",
     "At most so many, the newest first; 50 unless set.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct evidence_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_option show_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct evidence_options, json), NULL,
     "The record as it is, which is JSON.", NULL, false, false},
};
static const struct hin_command list_usage = {"hinomi evidence list",
                                              "list what probes found, the newest first",
                                              NULL,
                                              NULL,
                                              list_table,
                                              HIN_COUNT(list_table),
                                              0,
                                              0};
static const struct hin_command show_usage = {
    "hinomi evidence show",
    "show a record of evidence",
    "ID",
    "What is shown is judged by the profile's fingerprint first.",
    show_table,
    HIN_COUNT(show_table),
    1,
    1};
static const struct hin_option export_table[] = {
    {"all", 0, HIN_OPTION_FLAG, offsetof(struct evidence_options, all), NULL,
     "Every record that there is, one after the other, the oldest first.", NULL, false, false},
};
static const struct hin_command export_usage = {
    "hinomi evidence export",
    "write records of evidence into a file, to be given away and verified there",
    "ID|--all FILE",
    "The file must not exist yet.",
    export_table,
    HIN_COUNT(export_table),
    1,
    2};
static const struct hin_command verify_usage = {
    "hinomi evidence verify",
    "check records of evidence, and say in words what they show",
    "FILE...",
    "Nothing but the file (- is standard input) and the fingerprint is needed; no manager is "
    "asked. Of several records,\nin one file or in several, in whatever order, it is also checked "
    "that each names the one before: one that is\nmissing, altered or another's is told. Exit "
    "status 1: it does not hold, and why. A record that holds may well say\nthat a promise was "
    "seen "
    "broken, or was not tried.",
    hin_cli_verdict_table,
    HIN_COUNT(hin_cli_verdict_table),
    1,
    FILES_MAX};

/* ---- in words ---- */

static void put_line(const char *label, struct hin_view text)
{
    hin_terminal_line(stdout, "%s%.*s", label, HIN_ARGS(text));
}

static void put_time(const char *label, int64_t msec)
{
    char text[64];
    hin_time_format_rfc3339(msec * HIN_MSEC_USEC, 0, text, sizeof(text));
    printf("%s%s\n", label, text);
}

static void put_rows(const char *heading, const struct hin_evidence_row *rows, size_t count)
{
    if (count > 0) {
        printf("%s\n", heading);
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].text.data != NULL) {
            hin_terminal_line(stdout, "  %.*s: %.*s", HIN_ARGS(rows[i].name),
                              HIN_ARGS(rows[i].text));
        } else {
            hin_terminal_line(stdout, "  %.*s: %lld", HIN_ARGS(rows[i].name),
                              (long long)rows[i].number);
        }
    }
}

static void print_evidence(const struct hin_evidence *evidence)
{
    hin_terminal_line(stdout, "Evidence %lld of probe %.*s (version %lld): %s",
                      (long long)evidence->number, HIN_ARGS(evidence->probe),
                      (long long)evidence->probe_version,
                      hin_evidence_outcome_name(evidence->outcome));
    if (evidence->reason.size > 0) {
        put_line(evidence->outcome == HIN_EVIDENCE_PROVEN ? "To be known: " : "Because: ",
                 evidence->reason);
    }
    put_time("Observed    ", evidence->observed_msec);
    put_time("Valid until ", evidence->valid_until_msec);
    if (evidence->outcome == HIN_EVIDENCE_PROVEN &&
        evidence->valid_until_msec <= hin_clock_wall_usec(hin_clock_system()) / HIN_MSEC_USEC) {
        printf("            that is past: by itself it shows nothing about today\n");
    }
    put_line("Record      ", evidence->id);
    put_rows("What was tried:", evidence->inputs, evidence->input_count);
    put_rows("What was measured:", evidence->measurements, evidence->measurement_count);
}

static void print_verdict(const void *read)
{
    const struct hin_evidence *evidence = read;
    printf("The record holds: its text is signed by a key that the authority with this "
           "fingerprint vouches for.\nThat it is one of an unbroken chain is shown by its "
           "neighbours: each names the hash of the one before.\n\n");
    print_evidence(evidence);
}

/* ---- verify ---- */

static struct hin_result verify(struct hin_view file, struct hin_view fingerprint,
                                struct hin_json_document **ret_document, void *ret_paper,
                                struct hin_error *error)
{
    return hin_evidence_verify(file, fingerprint, ret_document, ret_paper, error);
}

static struct hin_result encode(const void *paper, struct hin_buf *out)
{
    return hin_evidence_encode(paper, out);
}

static const struct hin_cli_paper paper = {
    .name = "evidence",
    .what = "the record",
    .collection = "/evidence",
    .file_max = HIN_EVIDENCE_FILE_MAX,
    .statement_max = HIN_EVIDENCE_STATEMENT_MAX,
    .verify = verify,
    .encode = encode,
    .print = print_verdict,
};

static int run_verify(int argc, char **argv)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = SERIES_BYTES_MAX};
    struct hin_cli_verdict_options options = {0};
    struct hin_evidence evidence = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&verify_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    if (count > 1) {
        return hin_cli_evidence_verify_files(operands, count, &options);
    }
    struct hin_result read = hin_cli_input(operands[0], paper.what, &text, &error);
    return hin_is_ok(read) && hin_cli_evidence_is_series(hin_buf_view(&text))
               ? hin_cli_evidence_verify_text(hin_buf_view(&text), operands[0], &options)
               : hin_cli_paper_judge(&paper, &options, read, hin_buf_view(&text), &evidence,
                                     &error);
}

/* ---- list, show, export ---- */

static HIN_RESULT print_list(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID",       "PROBE",       "OUTCOME",
                                           "OBSERVED", "VALID UNTIL", "REASON"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json items;
    size_t count = 0;
    int64_t damaged = 0;
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(hin_json_get_array(root, "evidence", &items, &count, error));
    HIN_TRY(hin_json_get_integer(root, "damaged", 0, INT64_MAX, &damaged, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        struct hin_view cells[] = {hin_table_cell(&table, item, "ID"),
                                   hin_table_cell(&table, item, "probe"),
                                   hin_table_cell(&table, item, "outcome"),
                                   hin_table_time_cell(&table, item, "observed"),
                                   hin_table_time_cell(&table, item, "validUntil"),
                                   hin_table_cell(&table, item, "reason")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    if (damaged > 0) {
        hin_terminal_line(stderr, "hinomi: %lld records are damaged and left out",
                          (long long)damaged);
    }
    return hin_ok();
}

static HIN_RESULT list(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct evidence_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf path = {.max = 1024};
    const char *text = NULL;
    (void)operand;
    HIN_TRY(hin_buf_printf(&path, "/evidence?limit=%llu",
                           (unsigned long long)(options->limit > 0 ? options->limit : 50)));
    if (options->probe != NULL) {
        HIN_TRY(hin_buf_append_text(&path, "&probe="));
        HIN_TRY(hin_url_encode(hin_view_from_text(options->probe), false, &path));
    }
    HIN_TRY(hin_buf_text(&path, &text));
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, text, HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_list(hin_json_root(document), error);
}

static HIN_RESULT show(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct evidence_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_evidence evidence = {0};
    struct hin_view file;
    HIN_TRY(hin_cli_paper_fetch(&paper, api, operand, &document, &file, error));
    HIN_TRY(hin_evidence_verify(file, hin_view_from_text(api->profile.ca_fingerprint), &parsed,
                                &evidence, error));
    if (options->json) {
        printf("%.*s", HIN_ARGS(file));
        return hin_ok();
    }
    print_evidence(&evidence);
    return hin_ok();
}

static HIN_RESULT export(const char *id, const char *path, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view file;
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(hin_cli_paper_fetch(&paper, &api, id, &document, &file, error));
    return hin_cli_paper_save(path, file, error);
}

static int run_list(int argc, char **argv)
{
    struct evidence_options options = {0};
    return hin_cli_run(&list_usage, argc, argv, &options, list);
}

static int run_show(int argc, char **argv)
{
    struct evidence_options options = {0};
    return hin_cli_run(&show_usage, argc, argv, &options, show);
}

static int run_export(int argc, char **argv)
{
    struct evidence_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&export_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    if (count != (options.all ? 1 : 2)) {
        (void)hin_cli_complain_text("hinomi evidence export %s", export_usage.operands);
        return HIN_CLI_USAGE;
    }
    return hin_cli_finish(options.all ? hin_cli_evidence_export_all(operands[0], &error)
                                      : export(operands[0], operands[1], &error),
                          &error);
}

static const struct hin_cli_command commands[] = {
    {&list_usage, run_list},
    {&show_usage, run_show},
    {&export_usage, run_export},
    {&verify_usage, run_verify},
    {&hin_cli_evidence_acknowledge_usage, hin_cli_evidence_acknowledge}};
const struct hin_cli_group hin_cli_group_evidence = {"evidence", "what probes found, signed",
                                                     commands, HIN_COUNT(commands)};
