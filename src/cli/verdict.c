#include "cli/verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/output.h"
#include "crypt/hash.h"

const struct hin_option hin_cli_verdict_table[2] = {
    {"fingerprint", 'f', HIN_OPTION_TEXT, offsetof(struct hin_cli_verdict_options, fingerprint),
     "HEX", "SHA-256 of the installation's authority, as `hinomi-manager init` printed it.", NULL,
     true, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct hin_cli_verdict_options, json), NULL,
     "The verdict as a JSON object.", NULL, false, false},
};

static HIN_RESULT write_verdict(const struct hin_cli_paper *paper, const void *read,
                                struct hin_result result, const struct hin_error *error,
                                struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = paper->statement_max};
    struct hin_json_writer writer;
    char sentence[1200] = "";
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_boolean(&writer, "holds", hin_is_ok(result));
    if (hin_is_ok(result)) {
        HIN_TRY(paper->encode(read, &statement));
        hin_json_key(&writer, paper->name);
        hin_json_put_raw(&writer, hin_buf_view(&statement));
    } else {
        hin_error_format(error, sentence, sizeof(sentence));
        hin_json_field_cstring(&writer, "why",
                               sentence[0] != '\0' ? sentence : hin_code_text(result.code));
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

int hin_cli_paper_verify(const struct hin_cli_paper *paper, const struct hin_command *usage,
                         int argc, char **argv, void *ret_paper)
{
    struct hin_cli_verdict_options options = {0};
    struct hin_error error = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4 * paper->file_max};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_result read = hin_cli_input(operands[0], paper->what, &text, &error);
    return hin_cli_paper_judge(paper, &options, read, hin_buf_view(&text), ret_paper, &error);
}

int hin_cli_paper_judge(const struct hin_cli_paper *paper,
                        const struct hin_cli_verdict_options *options, struct hin_result read,
                        struct hin_view text, void *ret_paper, struct hin_error *said)
{
    struct hin_error error = *said;
    HIN_CLEANUP(hin_buf_done) struct hin_buf verdict = {.max = 4 * paper->file_max};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_result result = read;
    if (hin_is_ok(result)) {
        result = paper->verify(text, hin_view_from_text(options->fingerprint), &document, ret_paper,
                               &error);
    }
    if (options->json && hin_is_ok(write_verdict(paper, ret_paper, result, &error, &verdict))) {
        printf("%.*s\n", HIN_ARGS(hin_buf_view(&verdict)));
    } else if (hin_is_ok(result)) {
        paper->print(ret_paper);
    }
    bool misused = result.code == HIN_INVALID && document == NULL && error.file[0] == '\0' &&
                   strlen(options->fingerprint) != HIN_SHA256_HEX_BYTES - 1;
    int status = hin_cli_finish(result, &error);
    return misused ? HIN_CLI_USAGE : status;
}

HIN_RESULT hin_cli_paper_fetch(const struct hin_cli_paper *paper, struct hin_cli_api *api,
                               const char *id, struct hin_json_document **ret_document,
                               struct hin_view *ret_file, struct hin_error *error)
{
    char path[64];
    uint64_t number = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(id), &number))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s: no ID: hinomi %s list shows them",
                             id, paper->name);
    }
    snprintf(path, sizeof(path), "%s/%llu", paper->collection, (unsigned long long)number);
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, ret_document, error));
    return hin_json_get_text(hin_json_root(*ret_document), "file", ret_file, error);
}

HIN_RESULT hin_cli_paper_save(const char *path, struct hin_view file, struct hin_error *error)
{
    struct hin_cli_output output = {0};
    HIN_TRY(hin_cli_output_open(&output, path, HIN_CLI_OUTPUT_NEW, error));
    return hin_cli_output_close(&output, hin_cli_output_write(&output, file), error);
}
