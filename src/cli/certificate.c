/* hinomi certificate: verify, list, show. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/table.h"
#include "proof/certificate.h"

struct certificate_options {
    const char *fingerprint;
    const char *output;
    bool json;
};

static const struct hin_option verify_table[] = {
    {"fingerprint", 'f', HIN_OPTION_TEXT, offsetof(struct certificate_options, fingerprint), "HEX",
     "SHA-256 of the installation's authority, as `hinomi-manager init` printed it.", NULL, true,
     false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct certificate_options, json), NULL,
     "The verdict as a JSON object.", NULL, false, false},
};
static const struct hin_option list_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct certificate_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_option show_table[] = {
    {"output", 'o', HIN_OPTION_TEXT, offsetof(struct certificate_options, output), "FILE",
     "Write the certificate into a new file, to be given away and verified there.", NULL, false,
     false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct certificate_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
static const struct hin_command verify_usage = {
    "hinomi certificate verify",
    "check a certificate of erasure, and say in words what it proves",
    "FILE",
    "Nothing but the file (- is standard input) and the fingerprint is needed; no manager is "
    "asked. "
    "Exit status 1: it does not hold, and why.",
    verify_table,
    HIN_COUNT(verify_table),
    1,
    1};
static const struct hin_command list_usage = {"hinomi certificate list",
                                              "list the certificates of erasure",
                                              NULL,
                                              NULL,
                                              list_table,
                                              HIN_COUNT(list_table),
                                              0,
                                              0};
static const struct hin_command show_usage = {
    "hinomi certificate show",
    "show a certificate of erasure, or write its file",
    "ID",
    "What is shown is judged by the profile's fingerprint first.",
    show_table,
    HIN_COUNT(show_table),
    1,
    1};

/* ---- in words ---- */

static void put(struct hin_view text)
{
    (void)hin_terminal_put(text, stdout);
}

static void put_labelled(const char *label, struct hin_view text)
{
    if (text.size > 0) {
        printf("%s", label);
        put(text);
        printf("\n");
    }
}

static void put_time(const char *before, int64_t msec)
{
    char text[64];
    hin_time_format_rfc3339(msec * HIN_MSEC_USEC, 0, text, sizeof(text));
    printf("%s%s", before, text);
}

static void print_subject(const struct hin_certificate *certificate)
{
    printf(certificate->kind == HIN_CERTIFICATE_TENANT
               ? "Erased: all data of tenant "
               : "Erased: the data of a person, of tenant ");
    put(certificate->name);
    printf(" (number %lld, ", (long long)certificate->number);
    put(certificate->tenant);
    printf(")\n");
    for (size_t i = 0; i < certificate->selected_count; i++) {
        const struct hin_certificate_selected *row = &certificate->selected[i];
        printf("  selected by ");
        put(row->field);
        if (row->value.size > 0) {
            printf(" = ");
            put(row->value);
        } else {
            printf(", a value with salted digest ");
            put(row->digest);
        }
        printf("\n");
    }
    printf("  %lld events in %lld segments, %lld documents, %lld exports that were taken of it\n",
           (long long)certificate->events, (long long)certificate->segments,
           (long long)certificate->documents, (long long)certificate->exports);
}

static void print_keys(const struct hin_certificate *certificate)
{
    for (size_t i = 0; i < certificate->key_count; i++) {
        const struct hin_certificate_key *row = &certificate->keys[i];
        printf("Key: ");
        put(row->kind);
        printf(" key");
        if (row->id.size > 0) {
            printf(" ");
            put(row->id);
        }
        printf(", %lld versions up to %lld, provider ", (long long)row->count,
               (long long)row->version);
        put(row->provider);
        if (row->until_msec > 0) {
            put_time(", disabled ", row->destroyed_msec);
            put_time(", its destruction is pending until ", row->until_msec);
        } else {
            put_time(", destroyed ", row->destroyed_msec);
        }
        printf("\n");
    }
}

static void print_certificate(const struct hin_certificate *certificate)
{
    put_labelled("Certificate ", certificate->id);
    print_subject(certificate);
    print_keys(certificate);
    for (size_t i = 0; i < certificate->remains_count; i++) {
        printf("Remains: ");
        put(certificate->remains[i].what);
        printf(": ");
        put(certificate->remains[i].why);
        printf("\n");
    }
    put_labelled("Requested by ", certificate->requested_by);
    put_labelled("Confirmed by ", certificate->confirmed_by);
    put_time("Requested ", certificate->requested_msec);
    put_time(", done ", certificate->done_msec);
    printf("\n");
}

static void print_verdict(const struct hin_certificate *certificate)
{
    printf("The certificate holds: its text is signed by a key that the authority with this "
           "fingerprint vouches for.\n");
    printf(certificate->kind == HIN_CERTIFICATE_TENANT
               ? "The key process signs one about a tenant only once it has no key of that tenant "
                 "any more. "
               : "");
    printf("All else below is what the manager stated when it was done.\n\n");
    print_certificate(certificate);
}

static HIN_RESULT write_verdict(const struct hin_certificate *certificate, struct hin_result result,
                                const struct hin_error *error, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    struct hin_json_writer writer;
    char sentence[1200] = "";
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_boolean(&writer, "holds", hin_is_ok(result));
    if (hin_is_ok(result)) {
        HIN_TRY(hin_certificate_encode(certificate, &statement));
        hin_json_key(&writer, "certificate");
        hin_json_put_raw(&writer, hin_buf_view(&statement));
    } else {
        hin_error_format(error, sentence, sizeof(sentence));
        hin_json_field_cstring(&writer, "why",
                               sentence[0] != '\0' ? sentence : hin_code_text(result.code));
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* ---- verify ---- */

static int run_verify(int argc, char **argv)
{
    struct certificate_options options = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4 * HIN_CERTIFICATE_FILE_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf verdict = {.max = 4 * HIN_CERTIFICATE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_certificate certificate = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&verify_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_result result = hin_cli_input(operands[0], "the certificate", &text, &error);
    if (hin_is_ok(result)) {
        result =
            hin_certificate_verify(hin_buf_view(&text), hin_view_from_text(options.fingerprint),
                                   &document, &certificate, &error);
    }
    if (options.json && hin_is_ok(write_verdict(&certificate, result, &error, &verdict))) {
        printf("%.*s\n", HIN_ARGS(hin_buf_view(&verdict)));
    } else if (hin_is_ok(result)) {
        print_verdict(&certificate);
    }
    bool usage = result.code == HIN_INVALID && document == NULL && error.file[0] == '\0' &&
                 strlen(options.fingerprint) != HIN_SHA256_HEX_BYTES - 1;
    status = hin_cli_finish(result, &error);
    return usage ? HIN_CLI_USAGE : status;
}

/* ---- list and show ---- */

static HIN_RESULT print_list(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID", "KIND", "TENANT", "NAME", "DONE", "CERTIFICATE"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json items;
    size_t count = 0;
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(hin_json_get_array(root, "certificates", &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        struct hin_view cells[] = {
            hin_table_cell(&table, item, "ID"),        hin_table_cell(&table, item, "kind"),
            hin_table_cell(&table, item, "tenantID"),  hin_table_cell(&table, item, "tenantName"),
            hin_table_time_cell(&table, item, "done"), hin_table_cell(&table, item, "guid")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT list(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct certificate_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    (void)operand;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/certificates", HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_list(hin_json_root(document), error);
}

static HIN_RESULT write_output(const char *path, struct hin_view file, struct hin_error *error)
{
    struct hin_cli_output output = {0};
    HIN_TRY(hin_cli_output_open(&output, path, HIN_CLI_OUTPUT_NEW, error));
    return hin_cli_output_close(&output, hin_cli_output_write(&output, file), error);
}

static HIN_RESULT show(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct certificate_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_certificate certificate = {0};
    struct hin_view file;
    char path[64];
    uint64_t id = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(operand), &id))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "%s: no ID: hinomi certificate list shows them", operand);
    }
    snprintf(path, sizeof(path), "/certificates/%llu", (unsigned long long)id);
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "file", &file, error));
    if (options->output != NULL) {
        return write_output(options->output, file, error);
    }
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    HIN_TRY(hin_certificate_verify(file, hin_view_from_text(api->profile.ca_fingerprint), &parsed,
                                   &certificate, error));
    print_certificate(&certificate);
    return hin_ok();
}

static int run_list(int argc, char **argv)
{
    struct certificate_options options = {0};
    return hin_cli_run(&list_usage, argc, argv, &options, list);
}

static int run_show(int argc, char **argv)
{
    struct certificate_options options = {0};
    return hin_cli_run(&show_usage, argc, argv, &options, show);
}

static const struct hin_cli_command commands[] = {
    {&verify_usage, run_verify}, {&list_usage, run_list}, {&show_usage, run_show}};
const struct hin_cli_group hin_cli_group_certificate = {"certificate", "certificates of erasure",
                                                        commands, HIN_COUNT(commands)};
