/* hinomi trust publish: the public pages as files, for any web server. */
#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "cli/trust.h"
#include "trust/page.h"
#include "trust/words.h"

struct publish_options {
    const char *claims, *content;
    bool quiet, reasons;
};

static const struct hin_option publish_table[] = {
    {"claims", 0, HIN_OPTION_TEXT, offsetof(struct publish_options, claims), "FILE",
     "Do not ask the manager: the claims as it answered them before (claims.json of published "
     "pages, or - for standard input).",
     NULL, false, false},
    {"content", 0, HIN_OPTION_TEXT, offsetof(struct publish_options, content), "DIR",
     "The catalogue's folder, when it does not lie beside this program.", NULL, false, false},
    {"reasons", 0, HIN_OPTION_FLAG, offsetof(struct publish_options, reasons), NULL,
     "Tell why a claim failed too, which may name tenants, accounts and ports: for pages that only "
     "one's own people see.",
     NULL, false, false},
    {"quiet", 'q', HIN_OPTION_FLAG, offsetof(struct publish_options, quiet), NULL,
     "Say nothing when all went well.", NULL, false, false},
};
const struct hin_command hin_cli_trust_publish_usage = {
    "hinomi trust publish",
    "write the public pages of claims as files",
    "DIR",
    "English and Japanese: every claim with its state, a page a framework, a style sheet, and the "
    "same as data (claims.json). No scripts, nothing from elsewhere: any web server will do. That "
    "a "
    "claim failed is told, how it came about is not. Files of these names in DIR give way, others "
    "stay.",
    publish_table,
    HIN_COUNT(publish_table),
    1,
    1};

struct publication {
    const struct hin_report *report;
    const char *path;
    int folder;
    size_t file_count;
    struct hin_buf page;
};

static HIN_RESULT put_file(struct publication *to, const char *name, struct hin_view content,
                           struct hin_error *error)
{
    struct hin_result written = hin_file_replace(to->folder, name, content, 0644);
    if (!hin_is_ok(written)) {
        return hin_error_set(error, written.code, to->path, 0, 0, "%s cannot be written: %s", name,
                             hin_code_text(written.code));
    }
    to->file_count++;
    return written;
}

/* framework NULL: the index. */
static HIN_RESULT put_page(struct publication *to, const struct hin_framework *framework,
                           enum hin_language language, struct hin_error *error)
{
    struct hin_page page = {.report = to->report, .language = language, .prefix = ""};
    char name[HIN_PAGE_NAME_MAX];
    hin_buf_clear(&to->page);
    hin_page_name(framework, language, name);
    HIN_TRY(framework != NULL ? hin_page_framework(&page, framework, &to->page)
                              : hin_page_index(&page, &to->page));
    return put_file(to, name, hin_buf_view(&to->page), error);
}

/* What pages refer to comes before them, the index last. */
static HIN_RESULT put_all(struct publication *to, struct hin_error *error)
{
    size_t count = 0;
    const struct hin_framework *frameworks =
        hin_catalogue_frameworks(to->report->catalogue, &count);
    HIN_TRY(put_file(to, HIN_PAGE_STYLE_NAME, hin_page_style(), error));
    hin_buf_clear(&to->page);
    HIN_TRY(hin_report_write(to->report, true, &to->page));
    HIN_TRY(hin_buf_append_text(&to->page, "\n"));
    HIN_TRY(put_file(to, HIN_PAGE_DATA_NAME, hin_buf_view(&to->page), error));
    for (size_t i = 0; i <= count; i++) {
        for (unsigned language = 0; language < HIN_LANGUAGE_COUNT; language++) {
            HIN_TRY(put_page(to, i < count ? &frameworks[i] : NULL, (enum hin_language)language,
                             error));
        }
    }
    return hin_ok();
}

static void tell(const struct publication *to)
{
    size_t tally[HIN_CLAIM_STATUS_COUNT];
    char when[40];
    hin_report_tally(to->report, tally);
    hin_word_time(to->report->at_usec, when, sizeof(when));
    hin_terminal_line(stdout,
                      "%s: %zu files; as of %s: %zu proven, %zu failed, %zu stale, %zu not "
                      "assessed",
                      to->path, to->file_count, when, tally[HIN_CLAIM_PROVEN],
                      tally[HIN_CLAIM_FAILED], tally[HIN_CLAIM_STALE],
                      tally[HIN_CLAIM_NOT_ASSESSED]);
}

static HIN_RESULT publish(const struct publish_options *options, const char *path,
                          struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_trust_done) struct hin_cli_trust trust = {0};
    HIN_CLEANUP_FD int folder = -1;
    struct publication to = {.path = path, .page = {.max = HIN_PAGE_MAX}};
    HIN_TRY(hin_cli_trust_open(&trust, options->claims, options->content, error));
    struct hin_result made = hin_directory_make(path, 0755);
    made = hin_is_ok(made) ? hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &folder) : made;
    if (!hin_is_ok(made)) {
        return hin_error_set(error, made.code, path, 0, 0, "the folder cannot be made: %s",
                             hin_code_text(made.code));
    }
    if (!options->reasons) {
        hin_report_make_public(&trust.report);
    }
    to.report = &trust.report;
    to.folder = folder;
    struct hin_result result = put_all(&to, error);
    hin_buf_done(&to.page);
    if (hin_is_ok(result) && !options->quiet) {
        tell(&to);
    }
    return result;
}

int hin_cli_trust_publish(int argc, char **argv)
{
    struct publish_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_trust_publish_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    return hin_cli_finish(publish(&options, operands[0], &error), &error);
}
