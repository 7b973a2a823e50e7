/* hinomi trust export: what an auditor takes along on one framework. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "cli/output.h"
#include "cli/program.h"
#include "cli/trust.h"
#include "trust/oscal.h"
#include "trust/page.h"
#include "trust/printout.h"

struct export_options {
    const char *framework, *format, *language, *output, *claims, *content;
};

static const struct hin_option export_table[] = {
    {"framework", 0, HIN_OPTION_TEXT, offsetof(struct export_options, framework), "NAME",
     "Which: `hinomi trust check` lists them.", NULL, true, false},
    {"format", 0, HIN_OPTION_CHOICE, offsetof(struct export_options, format), "FORMAT",
     "OSCAL assessment results (JSON), one HTML file, or a PDF.", "oscal|html|pdf", false, false},
    {"language", 0, HIN_OPTION_CHOICE, offsetof(struct export_options, language), "LANGUAGE",
     "English or Japanese.", "en|ja", false, false},
    {"output", 'o', HIN_OPTION_TEXT, offsetof(struct export_options, output), "FILE",
     "The file to make, mode 0600; one that is there already is never overwritten. Without it, or "
     "-: standard output.",
     NULL, false, false},
    {"claims", 0, HIN_OPTION_TEXT, offsetof(struct export_options, claims), "FILE",
     "Do not ask the manager: the claims as it answered them before (claims.json of published "
     "pages, or - for standard input).",
     NULL, false, false},
    {"content", 0, HIN_OPTION_TEXT, offsetof(struct export_options, content), "DIR",
     "The catalogue's folder, when it does not lie beside this program.", NULL, false, false},
};
const struct hin_command hin_cli_trust_export_usage = {
    "hinomi trust export",
    "what of a framework is mapped, proven, or needs a person, for an auditor",
    NULL,
    "Each control with how far it is mapped, the claims that answer it, their state and their "
    "evidence. Mapped does not say that anybody is certified. PDF needs the program hinomi-pdf "
    "beside this one, and a font with Japanese.",
    export_table,
    HIN_COUNT(export_table),
    0,
    0};

struct export
{
    const struct hin_report *report;
    const struct hin_framework *framework;
    enum hin_language language;
    struct hin_buf text;
    struct hin_cli_output to;
};

/* ---- formats ---- */

static HIN_RESULT put_oscal(struct export *export, struct hin_error *error)
{
    (void)error;
    HIN_TRY(hin_oscal_write(export->report, export->framework, export->language, &export->text));
    return hin_cli_output_write(&export->to, hin_buf_view(&export->text));
}

static HIN_RESULT put_html(struct export *export, struct hin_error *error)
{
    struct hin_page page = {
        .report = export->report, .language = export->language, .prefix = "", .alone = true};
    (void)error;
    HIN_TRY(hin_page_framework(&page, export->framework, &export->text));
    return hin_cli_output_write(&export->to, hin_buf_view(&export->text));
}

/* ---- PDF: by a program of its own, since the libraries it needs are many ---- */

static HIN_RESULT put_pdf(struct export *export, struct hin_error *error)
{
    static const char *const arguments[] = {"hinomi-pdf", NULL};
    char program[HIN_PATH_MAX] = "";
    HIN_CLEANUP_FD int in = -1;
    int status = 0;
    if (!hin_is_ok(hin_cli_program_find(arguments[0], program))) {
        return hin_error_set(error, HIN_NOT_FOUND, program, 0, 0,
                             "this program makes PDF, and is not here: it is built where "
                             "libpango1.0-dev is. --format html prints well too");
    }
    HIN_TRY(hin_printout_write(export->report, export->framework, export->language, &export->text));
    HIN_TRY(hin_memfd_from("hinomi-printout", hin_buf_view(&export->text), &in));
    if (fflush(export->to.file) != 0) {
        return hin_fail(HIN_IO);
    }
    HIN_TRY(hin_cli_program_run(program, arguments, in, fileno(export->to.file), &status));
    /* It has said why on standard error. */
    return status == 0 ? hin_ok() : hin_error_set(error, HIN_IO, program, 0, 0, "made no PDF");
}

static const struct {
    const char *name;
    HIN_RESULT (*put)(struct export *export, struct hin_error *error);
} formats[] = {{"oscal", put_oscal}, {"html", put_html}, {"pdf", put_pdf}};

/* ---- the command ---- */

static HIN_RESULT find_framework(const struct hin_catalogue *catalogue, const char *name,
                                 const struct hin_framework **ret_framework,
                                 struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf names = {.max = 700};
    size_t count = 0;
    const struct hin_framework *all = hin_catalogue_frameworks(catalogue, &count);
    *ret_framework = hin_catalogue_framework(catalogue, hin_view_from_text(name));
    if (*ret_framework != NULL) {
        return hin_ok();
    }
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_buf_printf(&names, "%s%.*s", i > 0 ? ", " : "", HIN_ARGS(all[i].id)));
    }
    return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0, "no framework \"%.64s\": there are %.*s",
                         name, HIN_ARGS(hin_buf_view(&names)));
}

static HIN_RESULT put(struct export *export, const struct export_options *options,
                      struct hin_error *error)
{
    const char *output = options->output != NULL ? options->output : "-";
    for (size_t i = 0; i < HIN_COUNT(formats); i++) {
        if (strcmp(formats[i].name, options->format) == 0) {
            HIN_TRY(hin_cli_output_open(&export->to, output, HIN_CLI_OUTPUT_NEW, error));
            return hin_cli_output_close(&export->to, formats[i].put(export, error), error);
        }
    }
    return hin_fail(HIN_INTERNAL); /* the table of options takes no other */
}

static HIN_RESULT run(const struct export_options *options, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_trust_done) struct hin_cli_trust trust = {0};
    struct export export = {.text = {.max = HIN_PAGE_MAX}};
    (void)hin_language_from_name(hin_view_from_text(options->language), &export.language);
    HIN_TRY(hin_cli_trust_catalogue(options->content, &trust.catalogue, error));
    HIN_TRY(find_framework(trust.catalogue, options->framework, &export.framework, error));
    HIN_TRY(hin_cli_trust_report(&trust, options->claims, error));
    export.report = &trust.report;
    struct hin_result result = put(&export, options, error);
    hin_buf_done(&export.text);
    return result;
}

int hin_cli_trust_export(int argc, char **argv)
{
    struct export_options options = {.format = "oscal", .language = "en"};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_trust_export_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    return hin_cli_finish(run(&options, &error), &error);
}
