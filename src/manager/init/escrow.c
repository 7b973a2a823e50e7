#include "manager/init/escrow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/time.h"
#include "data/json.h"
#include "keys/ring.h"
#include "manager/config.h"
#include "manager/escrow.h"
#include "manager/kms/ringseal.h"
#include "manager/passphrase.h"

enum {
    PASSPHRASE_LEAST = 12, /* the copy leaves the host: who has it can guess without end */
    COPY_MODE = 0400,
};
#define CLOCKS_DIFFER_USEC (5 * HIN_MINUTE_USEC)

struct escrow_options {
    const char *state, *consent, *fingerprint, *to;
    struct hin_passphrase_source present;
    struct hin_passphrase_source next;
    bool json;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct escrow_options, state), "DIR",
     "Folder made by `hinomi-manager init`.", NULL, true, false},
    {"consent", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, consent), "FILE",
     "The certificate that two key holders agreed (`hinomi certificate show ID --output FILE`).",
     NULL, true, false},
    {"fingerprint", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, fingerprint), "HEX",
     "SHA-256 of the certificate authority, as for `hinomi certificate verify`.", NULL, true,
     false},
    {"to", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, to), "FILE",
     "Where the copy is written; nothing is overwritten.", NULL, true, false},
    {"escrow-passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, next.file), "F",
     "The pass phrase of the copy, at least 12 bytes, in this file.", NULL, false, false},
    {"escrow-passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, next.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, present.file), "F",
     "The key ring's own pass phrase, or its TPM's PIN, in this file.", NULL, false, false},
    {"passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct escrow_options, present.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"passphrase-credential", 0, HIN_OPTION_TEXT,
     offsetof(struct escrow_options, present.credential), "NAME",
     "The same, from a systemd credential.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct escrow_options, json), NULL,
     "Print one JSON object instead of text.", NULL, false, false},
};

const struct hin_command hin_manager_escrow_command = {
    .name = "hinomi-manager escrow",
    .summary = "write the copy of the key ring that two key holders have agreed to",
    .details =
        "The manager may run meanwhile. The copy is a key ring of its own under its own pass "
        "phrase, whatever guards the ring itself: `hinomi-manager restore --keyring FILE` "
        "takes it. It is read back and opened before the receipt is printed, which `hinomi "
        "key escrow written RECEIPT` notes. Keys that are made later, those of later backups "
        "among them, are not in it.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct escrow {
    struct escrow_options options;
    struct hin_manager_config config;
    int state_fd;
    struct hin_secret present, next;
    struct hin_ring *ring;
    struct hin_escrow_receipt receipt;
    char label[HIN_HOLDER_NAME_BYTES];
    struct hin_error error;
};

static HIN_RESULT refuse(struct escrow *escrow, enum hin_code code, const char *text)
{
    return hin_error_set(&escrow->error, code, NULL, 0, 0, "%s", text);
}

static HIN_RESULT read_all(struct escrow *escrow)
{
    struct escrow_options *options = &escrow->options;
    struct stat there;
    HIN_TRY(hin_fd_open(AT_FDCWD, options->state, O_RDONLY | O_DIRECTORY, 0, &escrow->state_fd));
    HIN_TRY(hin_manager_config_load(escrow->state_fd, &escrow->config, &escrow->error));
    if (escrow->config.kms.kind != HIN_KMS_FILE) {
        return refuse(escrow, HIN_UNSUPPORTED,
                      "this installation's keys are in no file: there is no key ring to copy");
    }
    if (fstatat(AT_FDCWD, options->to, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(&escrow->error, HIN_EXISTS, options->to, 0, 0,
                             "a file stands here already and is not overwritten: name another");
    }
    options->next.name = "escrow-passphrase";
    HIN_TRY(hin_passphrase_read(&options->next, &escrow->next, &escrow->error));
    if (escrow->next.size < PASSPHRASE_LEAST) {
        return refuse(escrow, HIN_INVALID,
                      "the copy needs a pass phrase of at least 12 bytes: --escrow-passphrase-file "
                      "or --escrow-passphrase-fd");
    }
    return hin_passphrase_read(&options->present, &escrow->present, &escrow->error);
}

/* ---- what the key holders agreed to ---- */

static HIN_RESULT read_consent(struct escrow *escrow, struct hin_buf *text)
{
    HIN_CLEANUP_FD int fd = -1;
    const char *path = escrow->options.consent;
    struct hin_result read = hin_fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &fd);
    if (hin_is_ok(read)) {
        read = hin_fd_read_all(fd, text);
    }
    if (!hin_is_ok(read)) {
        return hin_error_set(&escrow->error, read.code, path, 0, 0,
                             "the consent cannot be read: %s", hin_code_text(read.code));
    }
    return hin_ok();
}

static HIN_RESULT judge(struct escrow *escrow, const struct hin_certificate *certificate)
{
    int64_t age_usec =
        hin_clock_wall_usec(hin_clock_system()) - certificate->done_msec * HIN_MSEC_USEC;
    if (certificate->kind != HIN_CERTIFICATE_ESCROW) {
        return refuse(escrow, HIN_DENIED,
                      "the consent is a certificate of something else: hinomi key escrow ask");
    }
    if (!hin_view_is(certificate->tenant, escrow->config.tenant)) {
        return refuse(escrow, HIN_DENIED, "the consent is about another installation's key ring");
    }
    if (age_usec > HIN_ESCROW_GRANT_USEC || age_usec < -CLOCKS_DIFFER_USEC) {
        return refuse(escrow, HIN_EXPIRED,
                      "the consent is older than a day (or this clock is wrong): have it agreed to "
                      "anew (hinomi key escrow ask)");
    }
    HIN_TRY(hin_view_to_text(certificate->id, escrow->receipt.guid, sizeof(escrow->receipt.guid)));
    return hin_view_to_text(certificate->name, escrow->label, sizeof(escrow->label));
}

static HIN_RESULT check_consent(struct escrow *escrow)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_CERTIFICATE_FILE_MAX + 1};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_certificate certificate;
    HIN_TRY(read_consent(escrow, &text));
    struct hin_result held =
        hin_certificate_verify(hin_buf_view(&text), hin_view_from_text(escrow->options.fingerprint),
                               &document, &certificate, &escrow->error);
    if (!hin_is_ok(held)) {
        return hin_error_in_file(&escrow->error, held, escrow->options.consent);
    }
    return judge(escrow, &certificate);
}

/* ---- the copy ---- */

/* One that nobody can open is found out now, not when it is needed. */
static HIN_RESULT read_back(struct escrow *escrow)
{
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *copy = NULL;
    return hin_ring_read(&copy, AT_FDCWD, escrow->options.to, &escrow->next, &escrow->error);
}

static HIN_RESULT write_copy(struct escrow *escrow)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX}; /* sealed */
    uint8_t digest[HIN_SHA256_BYTES];
    const char *to = escrow->options.to;
    HIN_TRY(hin_ring_escrow(escrow->ring, &escrow->next, &bytes));
    HIN_TRY(hin_sha256(hin_buf_view(&bytes), digest));
    struct hin_result written = hin_file_replace(AT_FDCWD, to, hin_buf_view(&bytes), COPY_MODE);
    if (!hin_is_ok(written)) {
        return hin_error_set(&escrow->error, written.code, to, 0, 0,
                             "the copy cannot be written: %s", hin_code_text(written.code));
    }
    struct hin_result whole = read_back(escrow);
    if (!hin_is_ok(whole)) {
        (void)unlink(to);
        return whole;
    }
    escrow->receipt.generation = (int64_t)hin_ring_generation(escrow->ring);
    escrow->receipt.written_msec = hin_clock_wall_usec(hin_clock_system()) / HIN_MSEC_USEC;
    hin_hex(digest, sizeof(digest), escrow->receipt.digest);
    return hin_ok();
}

static HIN_RESULT copy_ring(struct escrow *escrow, const struct hin_role_program *program)
{
    HIN_TRY(read_all(escrow));
    HIN_TRY(check_consent(escrow));
    HIN_TRY(hin_ringseal_open(program, &escrow->config, &escrow->present, &escrow->error));
    HIN_TRY(hin_ring_read(&escrow->ring, AT_FDCWD, escrow->config.keyring,
                          escrow->present.size > 0 ? &escrow->present : NULL, &escrow->error));
    return write_copy(escrow);
}

static HIN_RESULT print_json(const struct escrow *escrow, struct hin_view receipt)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 8192};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "file", escrow->options.to);
    hin_json_field_cstring(&writer, "label", escrow->label);
    hin_json_field_integer(&writer, "generation", escrow->receipt.generation);
    hin_json_field_integer(&writer, "written", escrow->receipt.written_msec);
    hin_json_field_cstring(&writer, "digest", escrow->receipt.digest);
    hin_json_field_text(&writer, "receipt", receipt);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_buf_append_byte(&out, '\n'));
    HIN_ENSURE(fwrite(out.data, 1, out.size, stdout) == out.size, IO);
    return hin_ok();
}

static HIN_RESULT print_outcome(const struct escrow *escrow)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf receipt = {.max = HIN_ESCROW_RECEIPT_MAX};
    HIN_TRY(hin_escrow_receipt_write(&escrow->receipt, &receipt));
    if (escrow->options.json) {
        return print_json(escrow, hin_buf_view(&receipt));
    }
    hin_terminal_line(stdout, "the copy of the key ring for \"%s\" is %s, and opens", escrow->label,
                      escrow->options.to);
    hin_terminal_line(stdout, "have it noted: hinomi key escrow written %.*s",
                      HIN_ARGS(hin_buf_view(&receipt)));
    return hin_ok();
}

int hin_manager_escrow(const struct hin_role_program *program, int argc, char **argv)
{
    struct escrow escrow = {.state_fd = -1};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    struct hin_result result =
        hin_option_parse(&hin_manager_escrow_command, argc, argv, &escrow.options, &operands,
                         &operand_count, &help, &escrow.error);
    if (help) {
        hin_option_help(&hin_manager_escrow_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager escrow: %s", escrow.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "escrow", HIN_LOG_INFO);
    HIN_IGNORE(hin_process_protect()); /* a kernel that refuses it leaves us as safe as without */
    result = copy_ring(&escrow, program);
    if (hin_is_ok(result)) {
        result = print_outcome(&escrow);
    }
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&escrow.error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager escrow: %s",
                          escrow.error.text[0] != '\0' ? text : hin_code_text(result.code));
    }
    hin_ring_free(escrow.ring);
    hin_secret_done(&escrow.present);
    hin_secret_done(&escrow.next);
    hin_fd_close(&escrow.state_fd);
    return hin_is_ok(result) ? 0 : 1;
}
