/* Catalogue and report for `hinomi trust`; hinomi trust check. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/terminal.h"
#include "cli/api.h"
#include "cli/trust.h"

/* Where the catalogue lies: build/hinomi finds it in the source tree, bin/hinomi under share. */
static HIN_RESULT own_folder(char *out, size_t out_bytes)
{
    static const char *const places[] = {"content/trust", "../content/trust",
                                         "../share/hinomi/content/trust"};
    char self[HIN_PATH_MAX];
    HIN_TRY(hin_path_of_program(self));
    for (size_t i = 0; i < HIN_COUNT(places); i++) {
        struct stat about;
        HIN_TRY(hin_path_join(out, out_bytes, self, places[i]));
        if (stat(out, &about) == 0 && S_ISDIR(about.st_mode)) {
            return hin_ok();
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

/* "folder/file:3:7: text": the reader knows the file's name only. */
static HIN_RESULT within(struct hin_result result, const char *folder, struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    if (!hin_is_ok(result) && error->file[0] != '\0' &&
        hin_is_ok(hin_path_join(path, sizeof(path), folder, error->file))) {
        (void)snprintf(error->file, sizeof(error->file), "%s", path);
    }
    return result;
}

HIN_RESULT hin_cli_trust_catalogue(const char *content, struct hin_catalogue **ret_catalogue,
                                   struct hin_error *error)
{
    char path[HIN_PATH_MAX];
    HIN_CLEANUP_FD int folder = -1;
    struct hin_result found = content != NULL ? hin_path_join(path, sizeof(path), "", content)
                                              : own_folder(path, sizeof(path));
    if (!hin_is_ok(found)) {
        return hin_error_set(error, found.code, NULL, 0, 0,
                             "the catalogue of claims does not lie beside this program: name its "
                             "folder with --content");
    }
    struct hin_result opened =
        hin_fd_open(AT_FDCWD, content != NULL ? content : path, O_RDONLY | O_DIRECTORY, 0, &folder);
    if (!hin_is_ok(opened)) {
        return hin_error_set(error, opened.code, content != NULL ? content : path, 0, 0,
                             "the folder cannot be opened: %s", hin_code_text(opened.code));
    }
    return within(hin_catalogue_load(folder, ret_catalogue, error),
                  content != NULL ? content : path, error);
}

/* ---- the report ---- */

static HIN_RESULT read_file(struct hin_cli_trust *trust, const char *path, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_REPORT_JSON_MAX};
    struct hin_result read = strcmp(path, "-") == 0 ? hin_fd_read_all(STDIN_FILENO, &text)
                                                    : hin_file_read(AT_FDCWD, path, &text);
    if (!hin_is_ok(read)) {
        return hin_error_set(error, read.code, path, 0, 0, "the claims cannot be read: %s",
                             hin_code_text(read.code));
    }
    return hin_error_in_file(
        error, hin_report_read(hin_buf_view(&text), trust->catalogue, &trust->report, error), path);
}

static HIN_RESULT ask_manager(struct hin_cli_trust *trust, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(hin_cli_api_call(&api, HIN_HTTP_GET, "/trust/claims", HIN_VIEW_EMPTY, NULL, error));
    return hin_report_read(hin_buf_view(&api.answer.body), trust->catalogue, &trust->report, error);
}

HIN_RESULT hin_cli_trust_report(struct hin_cli_trust *trust, const char *claims,
                                struct hin_error *error)
{
    return claims != NULL ? read_file(trust, claims, error) : ask_manager(trust, error);
}

HIN_RESULT hin_cli_trust_open(struct hin_cli_trust *trust, const char *claims, const char *content,
                              struct hin_error *error)
{
    HIN_TRY(hin_cli_trust_catalogue(content, &trust->catalogue, error));
    return hin_cli_trust_report(trust, claims, error);
}

void hin_cli_trust_done(struct hin_cli_trust *trust)
{
    hin_report_done(&trust->report);
    hin_catalogue_cleanup(&trust->catalogue);
}

/* ---- check ---- */

struct check_options {
    bool json;
};
static const struct hin_option check_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct check_options, json), NULL,
     "One JSON document instead of text.", NULL, false, false},
};
const struct hin_command hin_cli_trust_check_usage = {
    "hinomi trust check",
    "read a catalogue of claims, and say what is wrong with it",
    "[FOLDER]",
    "Without FOLDER the one that ships with this program. No manager is asked. Exit status 1: it "
    "cannot be read, and where.",
    check_table,
    HIN_COUNT(check_table),
    0,
    1};

static HIN_RESULT print_json(const struct hin_catalogue *catalogue)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1 << 20};
    struct hin_json_writer writer;
    char digest[HIN_SHA256_HEX_BYTES];
    size_t claims = 0, probes = 0, count = 0;
    const struct hin_framework *frameworks = hin_catalogue_frameworks(catalogue, &count);
    (void)hin_catalogue_claims(catalogue, &claims);
    (void)hin_catalogue_probes(catalogue, &probes);
    hin_catalogue_digest(catalogue, digest);
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "catalogue", digest);
    hin_json_field_unsigned(&writer, "claims", claims);
    hin_json_field_unsigned(&writer, "probes", probes);
    hin_json_key(&writer, "frameworks");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_begin_object(&writer);
        hin_json_field_text(&writer, "ID", frameworks[i].id);
        hin_json_field_text(&writer, "title", frameworks[i].title.in[HIN_ENGLISH]);
        hin_json_field_unsigned(&writer, "controls", frameworks[i].control_count);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    return hin_ok();
}

static HIN_RESULT print_text(const struct hin_catalogue *catalogue)
{
    char digest[HIN_SHA256_HEX_BYTES];
    size_t claims = 0, probes = 0, count = 0;
    const struct hin_framework *frameworks = hin_catalogue_frameworks(catalogue, &count);
    (void)hin_catalogue_claims(catalogue, &claims);
    (void)hin_catalogue_probes(catalogue, &probes);
    hin_catalogue_digest(catalogue, digest);
    printf("%zu claims, %zu probes, %zu frameworks\n", claims, probes, count);
    for (size_t i = 0; i < count; i++) {
        hin_terminal_line(stdout, "  %-16.*s %4zu controls", HIN_ARGS(frameworks[i].id),
                          frameworks[i].control_count);
    }
    printf("SHA-256 %s\n", digest);
    return hin_ok();
}

int hin_cli_trust_check(int argc, char **argv)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    struct check_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_trust_check_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    struct hin_result result =
        hin_cli_trust_catalogue(count > 0 ? operands[0] : NULL, &catalogue, &error);
    if (hin_is_ok(result)) {
        result = options.json ? print_json(catalogue) : print_text(catalogue);
    }
    return hin_cli_finish(result, &error);
}
