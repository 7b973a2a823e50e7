/* hinomi certificate: verify, list, show. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "cli/verdict.h"
#include "proof/certificate.h"

struct certificate_options {
    const char *output;
    bool json;
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
    hin_cli_verdict_table,
    HIN_COUNT(hin_cli_verdict_table),
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

/* Nothing was erased. */
static void print_consent(const struct hin_certificate *certificate)
{
    printf("Agreed: a copy of the key ring of installation ");
    put(certificate->tenant);
    printf(" may be written, to be kept at: ");
    put(certificate->name);
    printf("\n");
}

static void print_subject(const struct hin_certificate *certificate)
{
    if (certificate->kind == HIN_CERTIFICATE_ESCROW) {
        print_consent(certificate);
        return;
    }
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

static void print_verdict(const void *read)
{
    const struct hin_certificate *certificate = read;
    printf("The certificate holds: its text is signed by a key that the authority with this "
           "fingerprint vouches for.\n");
    printf(certificate->kind == HIN_CERTIFICATE_TENANT
               ? "The key process signs one about a tenant only once it has no key of that tenant "
                 "any more. "
               : "");
    printf("All else below is what the manager stated when it was done.\n\n");
    print_certificate(certificate);
}

/* ---- verify ---- */

static struct hin_result verify(struct hin_view file, struct hin_view fingerprint,
                                struct hin_json_document **ret_document, void *ret_paper,
                                struct hin_error *error)
{
    return hin_certificate_verify(file, fingerprint, ret_document, ret_paper, error);
}

static struct hin_result encode(const void *paper, struct hin_buf *out)
{
    return hin_certificate_encode(paper, out);
}

static const struct hin_cli_paper paper = {
    .name = "certificate",
    .what = "the certificate",
    .collection = "/certificates",
    .file_max = HIN_CERTIFICATE_FILE_MAX,
    .statement_max = HIN_CERTIFICATE_STATEMENT_MAX,
    .verify = verify,
    .encode = encode,
    .print = print_verdict,
};

static int run_verify(int argc, char **argv)
{
    struct hin_certificate certificate = {0};
    return hin_cli_paper_verify(&paper, &verify_usage, argc, argv, &certificate);
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

static HIN_RESULT show(struct hin_cli_api *api, const void *given, const char *operand,
                       struct hin_error *error)
{
    const struct certificate_options *options = given;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_certificate certificate = {0};
    struct hin_view file;
    HIN_TRY(hin_cli_paper_fetch(&paper, api, operand, &document, &file, error));
    if (options->output != NULL) {
        return hin_cli_paper_save(options->output, file, error);
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
