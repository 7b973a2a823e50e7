/* Key management services: the one that wrapped the backups' keys, and that of what is made. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "crypt/uuid.h"
#include "manager/kms/ringseal.h"
#include "manager/restore/restoration.h"

static HIN_RESULT refuse(struct hin_restoration *restore, const char *text)
{
    return hin_error_set(&restore->error, HIN_INVALID, NULL, 0, 0, "%s", text);
}

/* ---- what the options say ---- */

struct said {
    const char *keyring, *settings, *tpm;
    const char *wrong; /* a ring's option for a service that is none */
};

static HIN_RESULT take(struct hin_restoration *restore, const struct said *said,
                       struct hin_manager_config *config)
{
    if (said->settings != NULL) {
        HIN_TRY(hin_kms_access_settings(said->settings, config, &restore->error));
    }
    if (config->kms.kind != HIN_KMS_FILE && (said->keyring != NULL || said->tpm != NULL)) {
        return hin_error_set(&restore->error, HIN_INVALID, said->settings, 0, 0,
                             "the keys are in no file by these settings: leave %s out",
                             said->wrong);
    }
    if (said->keyring != NULL) {
        STEP(hin_path_absolute(said->keyring, config->keyring), "the path of the key ring");
    }
    if (said->tpm != NULL) {
        STEP(hin_view_to_text(hin_view_from_text(said->tpm), config->kms.tpm,
                              sizeof(config->kms.tpm)),
             "the name of the TPM");
    }
    return hin_ok();
}

static bool is_file(const struct hin_manager_config *config)
{
    return config->kms.kind == HIN_KMS_FILE;
}

static HIN_RESULT settle_source(struct hin_restoration *restore)
{
    const struct hin_restore_wish *wish = &restore->options.wish;
    const struct said said = {wish->keyring, wish->kms_settings, wish->tpm, "--keyring and --tpm"};
    struct hin_manager_config *former = &restore->former;
    HIN_TRY(take(restore, &said, former));
    if (is_file(former) && former->keyring[0] == '\0') {
        return refuse(restore,
                      "which keys were the backups made with? --keyring PATH names the key "
                      "ring (or an escrow copy of it); --kms-settings FILE, a copy of the "
                      "former manager.json, the token or AWS KMS");
    }
    if (!is_file(former) && former->kms.installation[0] == '\0') {
        return hin_error_set(&restore->error, HIN_INVALID, wish->kms_settings, 0, 0,
                             "\"installation\" is missing in \"kms\": the UUID that the labels of "
                             "the token's keys begin with (hinomi/UUID/), in AWS KMS their aliases "
                             "(alias/hinomi/UUID/)");
    }
    return hin_ok();
}

static bool has_target(const struct hin_restore_options *options)
{
    return options->new_keyring != NULL || options->new_kms_settings != NULL;
}

static bool is_given(const struct hin_passphrase_source *source)
{
    return source->file != NULL || source->fd != NULL || source->credential != NULL;
}

/* What goes with another service than the former's, and nothing else. */
static HIN_RESULT check_target(struct hin_restoration *restore)
{
    const struct hin_restore_options *options = &restore->options;
    bool secrets =
        is_given(&options->new_secrets.passphrase) || is_given(&options->new_secrets.secret);
    if (options->tenant != NULL &&
        (has_target(options) || options->new_tpm != NULL || options->new_tpm_pcrs != NULL)) {
        return refuse(restore, "--new-keyring, --new-kms-settings and --new-tpm go with a new "
                               "installation, not with --tenant");
    }
    if (options->tenant == NULL && !has_target(options) &&
        (secrets || options->new_tpm != NULL || options->new_tpm_pcrs != NULL)) {
        return refuse(restore, "options that begin with --new go with --new-keyring or "
                               "--new-kms-settings");
    }
    return hin_ok();
}

static HIN_RESULT settle_target(struct hin_restoration *restore)
{
    const struct hin_restore_options *options = &restore->options;
    const struct said said = {options->new_keyring, options->new_kms_settings, options->new_tpm,
                              "--new-keyring and --new-tpm"};
    struct hin_manager_config *config = &restore->config;
    if (!has_target(options)) {
        config->kms = restore->former.kms;
        config->uid_base = restore->former.uid_base;
        hin_copy(config->keyring, restore->former.keyring, sizeof(config->keyring));
        return hin_ok();
    }
    restore->apart = true;
    HIN_TRY(take(restore, &said, config));
    if (is_file(config) && config->keyring[0] == '\0') {
        return refuse(restore, "a new key ring needs a place: --new-keyring PATH");
    }
    if (options->new_tpm_pcrs != NULL) {
        HIN_TRY(hin_ringseal_pcrs(options->new_tpm_pcrs, &restore->pcrs, &restore->error));
    }
    if (options->new_tpm_pcrs != NULL && config->kms.tpm[0] == '\0') {
        return refuse(restore, "--new-tpm-pcrs goes with --new-tpm");
    }
    /* Nobody else's keys, whatever the file says. */
    return hin_uuid_new(config->kms.installation);
}

HIN_RESULT hin_restore_settle_keys(struct hin_restoration *restore)
{
    uint32_t uid_base = geteuid() == 0 ? HIN_MANAGER_UID_BASE : 0;
    restore->config.uid_base = restore->former.uid_base = uid_base;
    restore->options.new_secrets.passphrase.name = "new-passphrase";
    restore->options.new_secrets.secret.name = "new-kms-secret";
    HIN_TRY(check_target(restore));
    if (restore->options.tenant != NULL) {
        return hin_ok(); /* by the settings of what is there */
    }
    HIN_TRY(settle_source(restore));
    return settle_target(restore);
}

/* ---- a new installation ---- */

HIN_RESULT hin_restore_open_source(struct hin_restoration *restore)
{
    /* It is not written for a drill, nor where its installation is left behind. */
    bool look = restore->apart || restore->is_drill;
    HIN_TRY(hin_kms_access_open(&restore->source_kms, restore->program, &restore->former,
                                look ? HIN_KMS_USE_READ : HIN_KMS_USE_ALONE,
                                &restore->options.wish.secrets, &restore->error));
    restore->source = restore->target = restore->source_kms.provider;
    return hin_ok();
}

/* The folder's mark says which keys were made, so that the same command, begun anew after it was
 * cut off, makes no others. */
static HIN_RESULT write_mark(struct hin_restoration *restore)
{
    char text[sizeof(restore->marked)];
    const struct hin_manager_config *config = &restore->config;
    int size = snprintf(text, sizeof(text), "%s %s\n", hin_kms_name(config->kms.kind),
                        is_file(config) ? config->keyring : config->kms.installation);
    HIN_ENSURE(size > 0 && (size_t)size < sizeof(text), LIMIT);
    HIN_ENSURE(ftruncate(restore->mark, 0) == 0 && lseek(restore->mark, 0, SEEK_SET) == 0, IO);
    HIN_TRY(hin_fd_write_all(restore->mark, hin_view_from_text(text)));
    return hin_file_sync(restore->mark);
}

/* Whether a restore that was cut off has made the ring. */
static HIN_RESULT find_ring(struct hin_restoration *restore, bool *ret_made)
{
    struct stat about;
    const char *keyring = restore->config.keyring;
    char text[sizeof(restore->marked)];
    HIN_TRY(hin_kms_keyring_check(keyring, restore->state, &restore->error));
    bool there = lstat(keyring, &about) == 0;
    snprintf(text, sizeof(text), "file %s\n", keyring);
    bool ours = strcmp(text, restore->marked) == 0;
    if (there && !ours) {
        return hin_error_set(&restore->error, HIN_EXISTS, keyring, 0, 0,
                             "a file stands here already and is not overwritten: name another");
    }
    *ret_made = there;
    return hin_ok();
}

/* Of a service it has told the installation's number. */
static void find_installation(struct hin_restoration *restore)
{
    struct hin_view rest = hin_view_from_text(restore->marked);
    struct hin_view kind, number;
    if (hin_view_split(&rest, ' ', &kind) && hin_view_split(&rest, '\n', &number) &&
        hin_view_is(kind, hin_kms_name(restore->config.kms.kind)) &&
        number.size == HIN_UUID_TEXT_BYTES - 1) {
        HIN_IGNORE(hin_view_to_text(number, restore->config.kms.installation,
                                    sizeof(restore->config.kms.installation)));
    }
}

HIN_RESULT hin_restore_open_target(struct hin_restoration *restore)
{
    struct hin_kms_access *access = &restore->target_kms;
    struct hin_kms_sources *secrets = &restore->options.new_secrets;
    bool made = false;
    if (!restore->apart) {
        return hin_ok();
    }
    if (is_file(&restore->config)) {
        HIN_TRY(find_ring(restore, &made));
    } else {
        find_installation(restore);
    }
    STEP(write_mark(restore), "writing which keys are made");
    HIN_TRY(made ? hin_kms_access_open(access, restore->program, &restore->config,
                                       HIN_KMS_USE_WRITE, secrets, &restore->error)
                 : hin_kms_access_create(access, restore->program, &restore->config, restore->pcrs,
                                         secrets, &restore->error));
    access->made = true;
    restore->target = access->provider;
    return hin_ok();
}

/* ---- one tenant of an installation that is there ---- */

static bool same_file(const char *one, const char *other)
{
    struct stat a, b;
    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static bool is_own(const struct hin_restoration *restore)
{
    const struct hin_manager_config *own = &restore->config, *former = &restore->former;
    if (own->kms.kind != former->kms.kind) {
        return false;
    }
    return is_file(own) ? same_file(own->keyring, former->keyring)
                        : strcmp(own->kms.installation, former->kms.installation) == 0;
}

HIN_RESULT hin_restore_open_both(struct hin_restoration *restore)
{
    const struct hin_restore_wish *wish = &restore->options.wish;
    struct hin_kms_sources *secrets = &restore->options.wish.secrets;
    bool own = wish->keyring == NULL && wish->kms_settings == NULL;
    if (!own) {
        HIN_TRY(settle_source(restore));
        own = is_own(restore);
    }
    restore->apart = !own;
    if (restore->apart) {
        HIN_TRY(hin_kms_access_open(&restore->source_kms, restore->program, &restore->former,
                                    HIN_KMS_USE_READ, secrets, &restore->error));
        restore->source = restore->source_kms.provider;
        secrets = &restore->options.new_secrets;
    }
    HIN_TRY(hin_kms_access_open(&restore->target_kms, restore->program, &restore->config,
                                HIN_KMS_USE_ALONE, secrets, &restore->error));
    restore->target = restore->target_kms.provider;
    restore->source = restore->apart ? restore->source : restore->target;
    return hin_ok();
}
