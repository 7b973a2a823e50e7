#include "manager/restore/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/terminal.h"
#include "data/json.h"
#include "manager/holder_key.h"
#include "manager/restore/restoration.h"

static const struct hin_option option_rows[] = {
    HIN_RESTORE_WISH_OPTION_ROWS(struct hin_restore_options, wish),
    {"state", 's', HIN_OPTION_TEXT, offsetof(struct hin_restore_options, wish.state), "DIR",
     "A new folder for the installation; with --tenant the folder of one that is there.", NULL,
     true, false},
    {"tenant", 't', HIN_OPTION_TEXT, offsetof(struct hin_restore_options, tenant), "GUID",
     "Puts this tenant alone back, into the installation in DIR; what it holds now is moved aside.",
     NULL, false, false},
    HIN_HOLDER_KEY_OPTION_ROWS(struct hin_restore_options, holder_key),
    {"at", 0, HIN_OPTION_TEXT, offsetof(struct hin_restore_options, at), "TIME",
     "As it was at this time, or the last moment before it that was shipped (RFC 3339); the newest "
     "unless set.",
     NULL, false, false},
    {"new-keyring", 0, HIN_OPTION_TEXT, offsetof(struct hin_restore_options, new_keyring), "PATH",
     "Makes another key ring for the new installation, so that it shares no key with the former. "
     "The former's keys are used on unless this or --new-kms-settings is set.",
     NULL, false, false},
    {"new-tpm", 0, HIN_OPTION_TEXT, offsetof(struct hin_restore_options, new_tpm), "DEVICE",
     "Seals the new key ring by this TPM 2, as for `hinomi-manager init`.", NULL, false, false},
    {"new-tpm-pcrs", 0, HIN_OPTION_TEXT, offsetof(struct hin_restore_options, new_tpm_pcrs), "LIST",
     "That TPM opens it only while these PCRs hold what they hold now.", NULL, false, false},
    {"new-kms-settings", 0, HIN_OPTION_TEXT, offsetof(struct hin_restore_options, new_kms_settings),
     "FILE",
     "Makes the new installation's keys in the token or the AWS KMS of these settings, as for "
     "--kms-settings; always as an installation of its own there.",
     NULL, false, false},
    {"new-passphrase-file", 0, HIN_OPTION_TEXT,
     offsetof(struct hin_restore_options, new_secrets.passphrase.file), "F",
     "Seals the new key ring with the pass phrase in this file; with --new-tpm, the PIN. With "
     "--tenant: opens the ring of the installation in DIR where that is another than --keyring.",
     NULL, false, false},
    {"new-passphrase-fd", 0, HIN_OPTION_TEXT,
     offsetof(struct hin_restore_options, new_secrets.passphrase.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"new-kms-secret-file", 0, HIN_OPTION_TEXT,
     offsetof(struct hin_restore_options, new_secrets.secret.file), "F",
     "The PIN or the credentials for --new-kms-settings, in this file. With --tenant: those of the "
     "installation in DIR where its keys are elsewhere than those of the backups.",
     NULL, false, false},
    {"new-kms-secret-fd", 0, HIN_OPTION_TEXT,
     offsetof(struct hin_restore_options, new_secrets.secret.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"store", 0, HIN_OPTION_TEXT, offsetof(struct hin_restore_options, store), "URL",
     "PostgreSQL server that keeps the data, as for `hinomi-manager init`; SQLite in DIR unless "
     "set.",
     NULL, false, false},
    {"store-password-file", 0, HIN_OPTION_TEXT,
     offsetof(struct hin_restore_options, store_password.file), "F",
     "Password of the database role, in this file.", NULL, false, false},
    {"store-password-fd", 0, HIN_OPTION_TEXT,
     offsetof(struct hin_restore_options, store_password.fd), "N",
     "The same, read from a descriptor.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct hin_restore_options, json), NULL,
     "Print one JSON object instead of text.", NULL, false, false},
};

const struct hin_command hin_manager_restore_command = {
    .name = "hinomi-manager restore",
    .summary = "make an installation, or a tenant, out of backups",
    .details =
        "Everything is checked on the way: a damaged object is named and ends it. The authority "
        "stays the same, so agents, keys and people go on as before; addresses are those of the "
        "settings at the time of the backup (manager.json). The former installation must not run "
        "beside it. What came in after the last shipment is gone from here, but agents send again "
        "what they still hold.\nThe keys that the backups were made with are an input: --keyring, "
        "or --kms-settings with --kms-secret-file. With --tenant they are those of the "
        "installation in DIR unless given.\nA tenant that is put back alone (--tenant) is older "
        "than the vault knows: a key holder of the "
        "installation must agree (--holder-key-file).\n`hinomi-manager restore show` and `accept` "
        "are "
        "about files that were put back by hand.\nExit status: 0 done; 1 failed; 2 wrong usage; 3 "
        "a TPM refuses the PIN.",
    .options = option_rows,
    .option_count = HIN_COUNT(option_rows),
};

/* ---- what all parts share ---- */

HIN_RESULT hin_restore_fail(struct hin_restoration *restore, struct hin_result result,
                            const char *what)
{
    if (!hin_is_ok(result) && restore->error.text[0] == '\0') {
        return hin_error_set(&restore->error, result.code, NULL, 0, 0, "%s: %s (%s)", what,
                             hin_code_text(result.code), hin_code_hint(result.code));
    }
    return result;
}

bool hin_restore_pin_refused(const struct hin_restoration *restore)
{
    return restore->source_kms.pin_refused || restore->target_kms.pin_refused;
}

void hin_restoration_init(struct hin_restoration *restore, const struct hin_role_program *program)
{
    *restore = (struct hin_restoration){.program = program,
                                        .state_fd = -1,
                                        .vault_fd = -1,
                                        .database_fd = -1,
                                        .lock_fd = -1,
                                        .mark = -1,
                                        .at_usec = INT64_MAX};
    hin_manager_config_default(&restore->config);
    hin_manager_config_default(&restore->former);
    restore->begun_usec = hin_clock_monotonic_usec(hin_clock_system());
}

static struct hin_result drop_tenant(void *context, const char *tenant)
{
    hin_kms_access_drop_tenant(context, hin_view_from_text(tenant));
    return hin_ok();
}

/* Keys that were made for what is not to be, best effort; then the mark names none any more. */
static void drop_keys(struct hin_restoration *restore)
{
    if (!restore->target_kms.made) {
        return;
    }
    if (restore->vault != NULL) {
        HIN_IGNORE(hin_vault_each(restore->vault, drop_tenant, &restore->target_kms));
    }
    hin_kms_access_drop(&restore->target_kms);
    if (restore->mark >= 0) {
        (void)!ftruncate(restore->mark, 0);
    }
}

void hin_restoration_done(struct hin_restoration *restore, bool keep)
{
    bool new_folder = restore->options.tenant == NULL;
    if (!keep) {
        drop_keys(restore);
    }
    hin_database_close(&restore->database);
    hin_vault_free(restore->vault);
    hin_kms_access_close(&restore->target_kms);
    hin_kms_access_close(&restore->source_kms);
    hin_depot_close(restore->depot);
    hin_secret_done(&restore->secret);
    free(restore->list);
    free(restore->outcomes);
    hin_fd_close(&restore->mark);
    hin_fd_close(&restore->lock_fd);
    hin_fd_close(&restore->database_fd);
    hin_fd_close(&restore->vault_fd);
    hin_fd_close(&restore->state_fd);
    if (!keep && new_folder && restore->made_state) {
        HIN_IGNORE(hin_directory_remove(restore->state)); /* the failure that led here is told */
    }
}

/* ---- the command ---- */

static HIN_RESULT print_json(const struct hin_restoration *restore, int64_t took_usec)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 16 << 20};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "tookMsec", took_usec / HIN_MSEC_USEC);
    hin_json_key(&writer, "tenants");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < restore->outcome_count; i++) {
        const struct hin_restore_outcome *at = &restore->outcomes[i];
        hin_json_begin_object(&writer);
        hin_json_field_cstring(&writer, "guid", at->uuid);
        hin_json_field_boolean(&writer, "restored", at->restored);
        hin_json_field_integer(&writer, "at", at->at_usec / HIN_MSEC_USEC);
        hin_json_field_integer(&writer, "lastEventID", at->last_event);
        hin_json_field_integer(&writer, "lastAuditID", at->last_audit);
        hin_json_field_unsigned(&writer, "bytes", at->bytes);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    return hin_ok();
}

static void print_text(const struct hin_restoration *restore, int64_t took_usec)
{
    for (size_t i = 0; i < restore->outcome_count; i++) {
        const struct hin_restore_outcome *at = &restore->outcomes[i];
        char when[32];
        hin_time_format_rfc3339(at->at_usec, 0, when, sizeof(when));
        if (at->restored) {
            printf("tenant %s  as of %s, up to event %lld, %llu MB\n", at->uuid, when,
                   (long long)at->last_event, (unsigned long long)(at->bytes >> 20));
        } else {
            printf("tenant %s  not restored: no backup of it can be opened\n", at->uuid);
        }
    }
    printf("took %.1f s\n", (double)took_usec / (double)HIN_SEC_USEC);
}

static HIN_RESULT print(const struct hin_restoration *restore)
{
    int64_t took_usec = hin_clock_monotonic_usec(hin_clock_system()) - restore->begun_usec;
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\n");
    }
    if (restore->options.json) {
        return print_json(restore, took_usec);
    }
    print_text(restore, took_usec);
    return hin_ok();
}

/* What a new installation's keeper has to know of its keys. */
static void advise(const struct hin_restoration *restore)
{
    if (!restore->apart || restore->options.tenant != NULL) {
        return;
    }
    hin_kms_access_advise(&restore->target_kms, "new-", restore->pcrs);
    fprintf(stderr,
            "hinomi-manager: the former installation's keys still open its backups: destroy "
            "them when nobody needs those any more\n");
}

static HIN_RESULT run(struct hin_restoration *restore)
{
    const char *at = restore->options.at;
    if (at != NULL &&
        !hin_is_ok(hin_time_parse_rfc3339(hin_view_from_text(at), &restore->at_usec))) {
        return hin_error_set(&restore->error, HIN_INVALID, NULL, 0, 0,
                             "--at: not like 2026-11-29T12:00:00Z: %s", at);
    }
    HIN_TRY(hin_restore_settle_keys(restore));
    HIN_TRY(restore->options.tenant != NULL ? hin_restore_tenant(restore)
                                            : hin_restore_installation(restore));
    return print(restore);
}

static int exit_of(const struct hin_restoration *restore, struct hin_result result)
{
    if (hin_is_ok(result)) {
        advise(restore);
        return 0;
    }
    char text[1200];
    hin_error_format(&restore->error, text, sizeof(text));
    hin_terminal_line(stderr, "hinomi-manager restore: %s",
                      restore->error.text[0] != '\0' ? text : hin_code_text(result.code));
    return hin_restore_pin_refused(restore) ? HIN_RESTORE_EXIT_PIN : 1;
}

int hin_manager_restore(const struct hin_role_program *program, int argc, char **argv)
{
    struct hin_restoration restore;
    char **operands;
    size_t operand_count = 0;
    bool help = false;
    hin_restoration_init(&restore, program);
    struct hin_result result =
        hin_option_parse(&hin_manager_restore_command, argc, argv, &restore.options, &operands,
                         &operand_count, &help, &restore.error);
    if (help) {
        hin_option_help(&hin_manager_restore_command, stdout);
        return 0;
    }
    if (!hin_is_ok(result)) {
        hin_terminal_line(stderr, "hinomi-manager restore: %s", restore.error.text);
        return 2;
    }
    umask(077);
    hin_log_open("hinomi-manager", "restore", HIN_LOG_INFO);
    HIN_IGNORE(hin_process_protect()); /* a kernel that refuses it leaves us as safe as without */
    result = run(&restore);
    int status = exit_of(&restore, result);
    hin_restoration_done(&restore, hin_is_ok(result));
    return status;
}
