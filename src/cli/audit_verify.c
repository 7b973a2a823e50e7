/* hinomi audit verify: judges an export, or the record as the manager gives it, by nothing but the
 * authority's fingerprint and checkpoints that were kept outside. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "proof/export.h"

enum { CHUNK_BYTES = 256 * 1024 };

struct verify_options {
    const char *fingerprint;
    struct hin_option_texts checkpoints, accepted;
    bool json;
};

static const struct hin_option verify_table[] = {
    {"fingerprint", 'f', HIN_OPTION_TEXT, offsetof(struct verify_options, fingerprint), "HEX",
     "SHA-256 of the installation's authority, as `hinomi-manager init` printed it. Needed with "
     "FILE; without, the profile's unless given.",
     NULL, false, false},
    {"checkpoint", 'c', HIN_OPTION_TEXTS, offsetof(struct verify_options, checkpoints), "FILE",
     "A checkpoint that was kept outside: the record must hold what it was signed for. Up to 16.",
     NULL, false, false},
    {"accept", 0, HIN_OPTION_TEXTS, offsetof(struct verify_options, accepted), "FIRST-LAST",
     "A loss that is known: go on behind entries FIRST to LAST, if the record itself says that "
     "they "
     "were lost.",
     NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct verify_options, json), NULL,
     "The verdict as a JSON object.", NULL, false, false},
};
const struct hin_command hin_cli_audit_verify_usage = {
    "hinomi audit verify",
    "prove that nobody rewrote the audit record, or name the first entry that does not fit",
    "[FILE]",
    "With FILE (- is standard input), an export: nothing else is read, no manager is asked. "
    "Without, "
    "the manager's record is "
    "fetched and judged here. Exit status 1: it does not hold.\n"
    "A checkpoint inside the record shows that the manager's key stands behind it; only one that "
    "was "
    "kept outside shows that it was not rewritten, or put back from a copy, as a whole.",
    verify_table,
    HIN_COUNT(verify_table),
    0,
    1};

/* ---- what it is judged by ---- */

static HIN_RESULT keep_outside(struct hin_proof *proof, const char *path, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 256 * 1024};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP_FD int fd = -1;
    struct hin_result read = hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd);
    if (hin_is_ok(read)) {
        read = hin_fd_read_all(fd, &text);
    }
    if (!hin_is_ok(read)) {
        return hin_error_set(error, read.code, path, 0, 0, "the checkpoint cannot be read: %s",
                             hin_code_text(read.code));
    }
    struct hin_result kept =
        hin_json_parse(hin_view_trim(hin_buf_view(&text)), text.max, &document, error);
    if (hin_is_ok(kept)) {
        kept = hin_proof_keep(proof, hin_json_root(document), error);
    }
    if (!hin_is_ok(kept) && error->file[0] == '\0') {
        char sentence[1024];
        hin_error_format(error, sentence, sizeof(sentence));
        return hin_error_set(error, kept.code, path, 0, 0, "%s", sentence);
    }
    return kept;
}

static HIN_RESULT accept_loss(struct hin_proof *proof, const char *text, struct hin_error *error)
{
    struct hin_view rest = hin_view_from_text(text);
    struct hin_view first_text, last_text = HIN_VIEW_EMPTY;
    int64_t first = 0, last = 0;
    bool split = hin_view_split(&rest, '-', &first_text);
    last_text = rest.size > 0 ? rest : first_text;
    if (!split || !hin_is_ok(hin_view_to_i64(first_text, &first)) ||
        !hin_is_ok(hin_view_to_i64(last_text, &last)) ||
        !hin_is_ok(hin_proof_accept(proof, first, last))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "--accept %s: two numbers of entries are needed, 96-100", text);
    }
    return hin_ok();
}

static HIN_RESULT prepare(struct hin_proof *proof, const struct verify_options *options,
                          const char *fingerprint, struct hin_error *error)
{
    if (!hin_is_ok(hin_proof_init(proof, hin_view_from_text(fingerprint)))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the fingerprint is not usable: 64 hex digits are needed, as "
                             "`hinomi-manager init` prints them");
    }
    for (size_t i = 0; i < options->accepted.count; i++) {
        HIN_TRY(accept_loss(proof, options->accepted.items[i], error));
    }
    for (size_t i = 0; i < options->checkpoints.count; i++) {
        HIN_TRY(keep_outside(proof, options->checkpoints.items[i], error));
    }
    return hin_ok();
}

/* ---- the two sources ---- */

/* Lines of a file, in bounded memory whatever they are. */
struct lines {
    int fd;
    struct hin_buf held;
    size_t at; /* of held: where the next line begins */
    bool end;
};

/* More of the file behind what is left of held. */
static HIN_RESULT refill(struct lines *lines)
{
    uint8_t *to = NULL;
    size_t size = 0;
    hin_buf_consume(&lines->held, lines->at);
    lines->at = 0;
    HIN_ENSURE(lines->held.size <= HIN_PROOF_LINE_MAX, LIMIT);
    size_t before = lines->held.size;
    HIN_TRY(hin_buf_extend(&lines->held, CHUNK_BYTES, &to));
    struct hin_result read = hin_fd_read_some(lines->fd, to, CHUNK_BYTES, &size);
    lines->held.size = before + (hin_is_ok(read) ? size : 0);
    HIN_TRY(read);
    lines->end = size == 0;
    return hin_ok();
}

/* *ret_line.data NULL: there is none left. LIMIT: a line over HIN_PROOF_LINE_MAX. */
static HIN_RESULT next_line(struct lines *lines, struct hin_view *ret_line)
{
    size_t looked = 0;
    for (;;) {
        struct hin_view rest =
            hin_view_sub(hin_buf_view(&lines->held), lines->at, lines->held.size);
        size_t found = hin_view_find_byte(hin_view_sub(rest, looked, rest.size), '\n');
        if (found != SIZE_MAX || lines->end) {
            size_t size = found != SIZE_MAX ? looked + found : rest.size;
            *ret_line = rest.size > 0 ? hin_view_sub(rest, 0, size) : (struct hin_view){0};
            lines->at += HIN_MIN(size + 1, rest.size);
            return hin_ok();
        }
        looked = rest.size;
        HIN_TRY(refill(lines));
    }
}

static HIN_RESULT judge_lines(struct hin_proof *proof, struct lines *lines, struct hin_error *error)
{
    struct hin_view line = HIN_VIEW_EMPTY;
    for (;;) {
        HIN_TRY(next_line(lines, &line));
        if (line.data == NULL) {
            return hin_ok();
        }
        line = hin_view_trim(line);
        if (line.size > 0) {
            HIN_TRY(hin_proof_line(proof, line, error));
        }
    }
}

static HIN_RESULT judge_file(struct hin_proof *proof, const char *path, struct hin_error *error)
{
    HIN_CLEANUP_FD int opened_fd = -1;
    struct lines lines = {.fd = STDIN_FILENO};
    bool standard = strcmp(path, "-") == 0;
    struct hin_result result =
        standard ? hin_ok() : hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &opened_fd);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, path, 0, 0, "the export cannot be read: %s",
                             hin_code_text(result.code));
    }
    lines.fd = standard ? STDIN_FILENO : opened_fd;
    hin_buf_init(&lines.held, HIN_PROOF_LINE_MAX + 2 * CHUNK_BYTES);
    result = judge_lines(proof, &lines, error);
    hin_buf_done(&lines.held);
    if (!hin_is_ok(result) && error->file[0] == '\0') { /* the place, before the sentence */
        char sentence[sizeof(error->text)];
        snprintf(sentence, sizeof(sentence), "%s",
                 error->text[0] != '\0' ? error->text : hin_code_text(result.code));
        return hin_error_set(error, result.code, path, (uint32_t)proof->line, 0, "%s", sentence);
    }
    return result;
}

static HIN_RESULT judge_entry(void *context, struct hin_json entry, struct hin_error *error)
{
    return hin_proof_entry(context, entry, error);
}

static HIN_RESULT judge_manager(struct hin_cli_api *api, struct hin_proof *proof,
                                struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_checkpoint checkpoint;
    HIN_TRY(hin_cli_audit_checkpoint(api, &document, error));
    HIN_TRY(hin_proof_read_checkpoint(proof, hin_json_root(document), &checkpoint, error));
    HIN_TRY(hin_cli_audit_chain(api, (int64_t)checkpoint.audit_number, judge_entry, proof, error));
    return hin_proof_close(proof, hin_json_root(document), error);
}

/* ---- the verdict ---- */

static void print_json(const struct hin_proof *proof, struct hin_result result,
                       const struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_json_writer writer;
    char sentence[1200] = "";
    hin_error_format(error, sentence, sizeof(sentence));
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_boolean(&writer, "holds", hin_is_ok(result));
    hin_json_field_integer(&writer, "entries", proof->chain.entries);
    hin_json_field_integer(&writer, "last", proof->chain.number);
    hin_json_field_integer(&writer, "lost", proof->chain.lost);
    hin_json_field_integer(&writer, "textNotBound", proof->chain.unbound);
    hin_json_field_integer(&writer, "textNotShown", proof->chain.unread);
    hin_json_field_unsigned(&writer, "checkpointsMet", proof->outside_met);
    if (proof->closed) {
        hin_json_field_integer(&writer, "signed", proof->closing.time_usec / HIN_MSEC_USEC);
    }
    if (!hin_is_ok(result)) {
        hin_json_field_cstring(&writer, "why", sentence);
    }
    hin_json_end_object(&writer);
    if (hin_is_ok(hin_json_writer_finish(&writer))) {
        printf("%.*s\n", HIN_ARGS(hin_buf_view(&text)));
    }
}

static void print_verdict(const struct hin_proof *proof)
{
    char time[64];
    hin_time_format_rfc3339(proof->closing.time_usec, 0, time, sizeof(time));
    printf("The audit record holds: %lld entries, up to number %lld, signed %s.\n",
           (long long)proof->chain.entries, (long long)proof->chain.number, time);
    if (proof->outside_count > 0) {
        printf("It holds what %zu checkpoints kept outside were signed for.\n", proof->outside_met);
    } else {
        printf(
            "No checkpoint kept outside was given (--checkpoint): that the whole was not rewritten "
            "is not shown.\n");
    }
    if (proof->chain.lost > 0) {
        printf("%lld entries are lost, as was accepted.\n", (long long)proof->chain.lost);
    }
    if (proof->chain.unbound > 0) {
        printf("The texts of %lld entries of an older form are not bound by the chain.\n",
               (long long)proof->chain.unbound);
    }
    if (proof->chain.unread > 0) {
        printf("The texts of %lld entries cannot be opened any more; the chain over them holds.\n",
               (long long)proof->chain.unread);
    }
}

static HIN_RESULT judge(struct hin_proof *proof, const struct verify_options *options,
                        const char *path, struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    const char *fingerprint = options->fingerprint;
    if (path == NULL) {
        HIN_TRY(hin_cli_api_open(&api, error));
        fingerprint = fingerprint != NULL ? fingerprint : api.profile.ca_fingerprint;
    }
    HIN_TRY(prepare(proof, options, fingerprint, error));
    HIN_TRY(path != NULL ? judge_file(proof, path, error) : judge_manager(&api, proof, error));
    return hin_proof_end(proof, error);
}

int hin_cli_audit_verify(int argc, char **argv)
{
    struct verify_options options = {0};
    struct hin_error error = {0};
    struct hin_proof proof = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_audit_verify_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    const char *path = count > 0 ? operands[0] : NULL;
    if (path != NULL && options.fingerprint == NULL) {
        (void)hin_cli_complain_text(
            "--fingerprint is needed with a file: it is all that the file is "
            "judged by");
        return HIN_CLI_USAGE;
    }
    struct hin_result result = judge(&proof, &options, path, &error);
    if (options.json) {
        print_json(&proof, result, &error);
    } else if (hin_is_ok(result)) {
        print_verdict(&proof);
    }
    return hin_cli_finish(result, &error);
}
