#include "manager/init/protect.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "keys/ring.h"
#include "manager/config.h"
#include "manager/kms/ringseal.h"
#include "manager/passphrase.h"

struct protect_options {
    const char *state;
    const char *to;
    struct hin_passphrase_source present;
    struct hin_passphrase_source next;
    const char *tpm;
    const char *tpm_pcrs;
};

static const struct hin_option option_rows[] = {
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct protect_options, state), "DIR",
     "Folder made by `hinomi-manager init`.", NULL, true, false},
    {"to", 0, HIN_OPTION_CHOICE, offsetof(struct protect_options, to), "WHAT",
     "What guards the key ring from now on: its mode alone, a pass phrase, or a TPM 2.",
     "mode|passphrase|tpm", true, false},
    {"passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct protect_options, present.file), "F",
     "The present pass phrase, or the TPM's present PIN, in this file.", NULL, false, false},
    {"passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct protect_options, present.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"passphrase-credential", 0, HIN_OPTION_TEXT,
     offsetof(struct protect_options, present.credential), "NAME",
     "The same, from a systemd credential.", NULL, false, false},
    {"new-passphrase-file", 0, HIN_OPTION_TEXT, offsetof(struct protect_options, next.file), "F",
     "The new pass phrase, or a PIN for the TPM (at most 32 bytes), in this file.", NULL, false,
     false},
    {"new-passphrase-fd", 0, HIN_OPTION_TEXT, offsetof(struct protect_options, next.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"tpm", 0, HIN_OPTION_TEXT, offsetof(struct protect_options, tpm), "DEVICE",
     "The TPM: /dev/tpmrm0, or swtpm:path=SOCKET; the one in manager.json unless set.", NULL, false,
     false},
    {"tpm-pcrs", 0, HIN_OPTION_TEXT, offsetof(struct protect_options, tpm_pcrs), "LIST",
     "The TPM opens it only while these PCRs (SHA-256) hold what they hold now.", NULL, false,
     false},
};

const struct hin_command hin_manager_protect_command = {
    .name = "hinomi-manager protect",
    .summary = "change what guards the key ring",
    .details = "The manager must not run. The keys stay the same: whoever has a copy of the ring "
               "and of what guarded it before has them still (`hinomi key rotate`).",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

struct protect {
    struct protect_options options;
    struct hin_manager_config config;
    int state_fd;
    uint32_t pcrs;
    struct hin_secret present, next;
    struct hin_ring_tpm tpm;
    struct hin_ring *ring;
    bool pin_refused;
    struct hin_error error;
};

static bool is_to(const struct protect *protect, const char *what)
{
    return strcmp(protect->options.to, what) == 0;
}

static HIN_RESULT refuse(struct protect *protect, const char *text)
{
    return hin_error_set(&protect->error, HIN_INVALID, NULL, 0, 0, "%s", text);
}

static HIN_RESULT read_all(struct protect *protect)
{
    struct protect_options *options = &protect->options;
    HIN_TRY(hin_fd_open(AT_FDCWD, options->state, O_RDONLY | O_DIRECTORY, 0, &protect->state_fd));
    HIN_TRY(hin_manager_config_load(protect->state_fd, &protect->config, &protect->error));
    if (protect->config.kms.kind != HIN_KMS_FILE) {
        return refuse(protect, "this installation's keys are in no file: there is no key ring");
    }
    options->next.name = "new-passphrase";
    HIN_TRY(hin_passphrase_read(&options->present, &protect->present, &protect->error));
    HIN_TRY(hin_passphrase_read(&options->next, &protect->next, &protect->error));
    if (!is_to(protect, "tpm") && (options->tpm != NULL || options->tpm_pcrs != NULL)) {
        return refuse(protect, "--tpm and --tpm-pcrs go with --to tpm");
    }
    if (is_to(protect, "passphrase") && protect->next.size == 0) {
        return refuse(protect,
                      "--to passphrase needs --new-passphrase-file or --new-passphrase-fd");
    }
    if (is_to(protect, "mode") && protect->next.size > 0) {
        return refuse(protect, "--to mode takes no new pass phrase");
    }
    return options->tpm_pcrs != NULL
               ? hin_ringseal_pcrs(options->tpm_pcrs, &protect->pcrs, &protect->error)
               : hin_ok();
}

static HIN_RESULT open_ring(struct protect *protect, const struct hin_role_program *program)
{
    struct hin_result opened =
        hin_ringseal_open(program, &protect->config, &protect->present, &protect->error);
    protect->pin_refused = opened.code == HIN_AUTH || opened.code == HIN_LIMIT;
    HIN_TRY(opened);
    HIN_TRY(hin_ring_open(&protect->ring, AT_FDCWD, protect->config.keyring,
                          protect->present.size > 0 ? &protect->present : NULL, &protect->error));
    HIN_TRY(hin_ring_upgrade(protect->ring, &protect->error));
    return hin_ring_lock(protect->ring, &protect->error);
}

/* The settings name the TPM before the ring needs it. */
static HIN_RESULT take_tpm(struct protect *protect, const struct hin_role_program *program)
{
    struct hin_secret secret = {0};
    char *device = protect->config.kms.tpm;
    if (protect->options.tpm != NULL) {
        HIN_TRY(hin_view_to_text(hin_view_from_text(protect->options.tpm), device,
                                 sizeof(protect->config.kms.tpm)));
    }
    if (device[0] == '\0') {
        return refuse(protect, "--to tpm needs --tpm DEVICE");
    }
    HIN_TRY(hin_ringseal_new(program, &protect->config, protect->pcrs, &protect->next,
                             &protect->tpm, &secret, &protect->error));
    hin_secret_done(&protect->next);
    protect->next = secret;
    return hin_manager_config_save(protect->state_fd, &protect->config);
}

static HIN_RESULT change(struct protect *protect, const struct hin_role_program *program)
{
    bool tpm = is_to(protect, "tpm");
    HIN_TRY(read_all(protect));
    HIN_TRY(open_ring(protect, program));
    if (tpm) {
        HIN_TRY(take_tpm(protect, program));
    }
    HIN_TRY(hin_ring_protect(protect->ring, tpm ? &protect->tpm : NULL,
                             protect->next.size > 0 ? &protect->next : NULL, &protect->error));
    if (!tpm && protect->config.kms.tpm[0] != '\0') {
        protect->config.kms.tpm[0] = '\0';
        HIN_TRY(hin_manager_config_save(protect->state_fd, &protect->config));
    }
    return hin_ok();
}

int hin_manager_protect(const struct hin_role_program *program, int argc, char **argv)
{
    struct protect protect = {.state_fd = -1};
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    struct hin_result result =
        hin_option_parse(&hin_manager_protect_command, argc, argv, &protect.options, &operands,
                         &operand_count, &help, &protect.error);
    if (help) {
        hin_option_help(&hin_manager_protect_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager protect: %s", protect.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "protect", HIN_LOG_INFO);
    HIN_IGNORE(hin_process_protect()); /* a kernel that refuses it leaves us as safe as without */
    result = change(&protect, program);
    if (!hin_is_ok(result)) {
        char text[1200];
        hin_error_format(&protect.error, text, sizeof(text));
        hin_terminal_line(stderr, "hinomi-manager protect: %s",
                          protect.error.text[0] != '\0' ? text : hin_code_text(result.code));
    } else {
        hin_terminal_line(stdout, "the key ring %s is guarded by %s now", protect.config.keyring,
                          is_to(&protect, "tpm")          ? "the TPM"
                          : is_to(&protect, "passphrase") ? "the new pass phrase"
                                                          : "its mode alone");
    }
    hin_ring_free(protect.ring);
    hin_secret_done(&protect.present);
    hin_secret_done(&protect.next);
    hin_fd_close(&protect.state_fd);
    return hin_is_ok(result) ? 0 : protect.pin_refused ? 3 : 1;
}
