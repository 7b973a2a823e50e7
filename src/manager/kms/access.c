#include "manager/kms/access.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "manager/kms/ringseal.h"

#define SETTINGS_MAX ((size_t)1 << 20)

/* Says what was being done, unless something better has been said. */
static HIN_RESULT told(struct hin_result result, const char *what, struct hin_error *error)
{
    if (!hin_is_ok(result) && error->text[0] == '\0') {
        return hin_error_set(error, result.code, NULL, 0, 0, "%s: %s (%s)", what,
                             hin_code_text(result.code), hin_code_hint(result.code));
    }
    return result;
}

static const struct hin_secret *phrase_of(const struct hin_kms_access *access)
{
    return access->secret.size > 0 ? &access->secret : NULL;
}

/* ---- a file ring ---- */

static HIN_RESULT read_ring(struct hin_kms_access *access, enum hin_kms_use use,
                            struct hin_error *error)
{
    const char *keyring = access->config->keyring;
    if (use == HIN_KMS_USE_READ) {
        return hin_ring_read(&access->ring, AT_FDCWD, keyring, phrase_of(access), error);
    }
    HIN_TRY(hin_ring_open(&access->ring, AT_FDCWD, keyring, phrase_of(access), error));
    if (use == HIN_KMS_USE_WRITE) {
        return hin_ok();
    }
    struct hin_result locked = hin_ring_lock(access->ring, error);
    /* on a read-only file system nobody writes */
    return locked.code == HIN_DENIED && error->text[0] == '\0' ? hin_ok() : locked;
}

static HIN_RESULT open_ring(struct hin_kms_access *access, const struct hin_role_program *program,
                            enum hin_kms_use use, struct hin_error *error)
{
    struct hin_result unsealed = hin_ringseal_open(program, access->config, &access->secret, error);
    access->pin_refused = unsealed.code == HIN_AUTH || unsealed.code == HIN_LIMIT;
    HIN_TRY(unsealed);
    HIN_TRY(told(read_ring(access, use, error), "opening the key ring", error));
    access->provider = hin_ring_provider(access->ring);
    return hin_ok();
}

static HIN_RESULT create_ring(struct hin_kms_access *access, const struct hin_role_program *program,
                              uint32_t pcrs, struct hin_error *error)
{
    const struct hin_manager_config *config = access->config;
    struct hin_ring_tpm tpm;
    struct hin_secret secret = {0};
    if (config->kms.tpm[0] == '\0') {
        return told(hin_ring_create(AT_FDCWD, config->keyring, phrase_of(access), error),
                    "making the key ring", error);
    }
    HIN_TRY(told(hin_ringseal_new(program, config, pcrs, &access->secret, &tpm, &secret, error),
                 "asking the TPM", error));
    access->pin = access->secret.size > 0;
    hin_secret_done(&access->secret);
    access->secret = secret; /* what opens the ring from here on */
    return told(hin_ring_create_tpm(AT_FDCWD, config->keyring, &tpm, &secret, error),
                "making the key ring", error);
}

static HIN_RESULT make_ring(struct hin_kms_access *access, const struct hin_role_program *program,
                            uint32_t pcrs, struct hin_error *error)
{
    HIN_TRY(create_ring(access, program, pcrs, error));
    access->made = true;
    HIN_TRY(told(read_ring(access, HIN_KMS_USE_WRITE, error), "opening the key ring", error));
    access->provider = hin_ring_provider(access->ring);
    return hin_ok();
}

/* ---- a service in a process of its own: the same that `run` starts ---- */

/* A parent of processes keeps them to itself; but a command that takes long is to end when it is
 * told, and what it started ends with it. */
static void hear_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static HIN_RESULT open_service(struct hin_kms_access *access,
                               const struct hin_role_program *program, struct hin_error *error)
{
    const struct hin_kms_settings *settings = &access->config->kms;
    HIN_TRY(
        told(hin_kms_alone_begin(&access->alone, program, access->config, &access->secret, error),
             "opening the key management service", error));
    hear_signals();
    access->provider = hin_kms_proxy_provider(&access->alone.proxy);
    if (settings->kind == HIN_KMS_AWS) {
        access->aws.mover.channel = access->alone.proxy.channel;
        HIN_TRY(told(hin_kms_aws_open(&access->aws, settings, &access->secret, error),
                     "opening AWS KMS", error));
        access->provider = hin_aws_provider(access->aws.aws);
    }
    return hin_ok();
}

static HIN_RESULT make_first_key(struct hin_kms_access *access, struct hin_error *error)
{
    struct hin_key_provider *provider = &access->provider;
    access->made = true;
    struct hin_result made = provider->generate(provider->context, HIN_VIEW_EMPTY);
    return made.code == HIN_EXISTS
               ? hin_ok()
               : told(made, "making the installation's key in the key management service", error);
}

/* ---- open and close ---- */

static HIN_RESULT begin(struct hin_kms_access *access, const struct hin_manager_config *config,
                        struct hin_kms_sources *sources, struct hin_error *error)
{
    *access = (struct hin_kms_access){.config = config};
    return hin_kms_secret_read(config->kms.kind, &sources->passphrase, &sources->secret,
                               &access->secret, error);
}

HIN_RESULT hin_kms_access_open(struct hin_kms_access *access,
                               const struct hin_role_program *program,
                               const struct hin_manager_config *config, enum hin_kms_use use,
                               struct hin_kms_sources *sources, struct hin_error *error)
{
    HIN_TRY(begin(access, config, sources, error));
    return config->kms.kind == HIN_KMS_FILE ? open_ring(access, program, use, error)
                                            : open_service(access, program, error);
}

HIN_RESULT hin_kms_access_create(struct hin_kms_access *access,
                                 const struct hin_role_program *program,
                                 const struct hin_manager_config *config, uint32_t pcrs,
                                 struct hin_kms_sources *sources, struct hin_error *error)
{
    HIN_TRY(begin(access, config, sources, error));
    if (config->kms.kind == HIN_KMS_FILE) {
        return make_ring(access, program, pcrs, error);
    }
    HIN_TRY(open_service(access, program, error));
    return make_first_key(access, error);
}

void hin_kms_access_drop_tenant(struct hin_kms_access *access, struct hin_view tenant)
{
    struct hin_key_provider *provider = &access->provider;
    if (access->made && access->ring == NULL && provider->destroy != NULL) {
        /* one that was never made is not there */
        HIN_IGNORE(provider->destroy(provider->context, tenant, HIN_KEY_ALL_VERSIONS));
    }
}

void hin_kms_access_drop(struct hin_kms_access *access)
{
    hin_kms_access_drop_tenant(access, HIN_VIEW_EMPTY);
    if (access->made && access->config->kms.kind == HIN_KMS_FILE) {
        (void)unlink(access->config->keyring);
    }
    access->made = false;
}

void hin_kms_access_close(struct hin_kms_access *access)
{
    hin_ring_free(access->ring);
    hin_kms_aws_close(&access->aws);
    hin_kms_alone_end(&access->alone);
    hin_secret_done(&access->secret);
    *access = (struct hin_kms_access){0};
}

void hin_kms_access_advise(const struct hin_kms_access *access, const char *prefix, uint32_t pcrs)
{
    const struct hin_manager_config *config = access->config;
    if (config->kms.kind == HIN_KMS_FILE && access->secret.size == 0) {
        fprintf(stderr,
                "hinomi-manager: the key ring %s is protected by its mode alone; "
                "--%spassphrase-file seals it\n",
                config->keyring, prefix);
    }
    if (config->kms.tpm[0] == '\0') {
        return;
    }
    if (pcrs == 0 && !access->pin) {
        fprintf(
            stderr,
            "hinomi-manager: the TPM opens the key ring to whatever starts on this machine with "
            "this disk: it guards against a disk or a copy that is taken away, no more. "
            "--%stpm-pcrs binds it to what was booted, --%spassphrase-file to a PIN\n",
            prefix, prefix);
    }
    fprintf(
        stderr,
        "hinomi-manager: when the TPM is lost or cleared%s, the key ring %s opens no more, and all "
        "data is lost with it\n",
        pcrs != 0 ? ", or what it measured changes" : "", config->keyring);
}

/* ---- settings in a file ---- */

static HIN_RESULT take_settings(struct hin_json root, struct hin_manager_config *config,
                                struct hin_error *error)
{
    struct hin_json kms;
    struct hin_view keyring = HIN_VIEW_EMPTY;
    int64_t uid_base = config->uid_base;
    HIN_TRY(hin_json_opt_text(root, "keyring", &keyring, error));
    HIN_TRY(hin_json_opt_integer(root, "uidBase", 0, INT32_MAX, &uid_base, error));
    if (!hin_json_find(root, "kms", &kms) && keyring.size == 0) {
        return hin_json_refuse(root, error, HIN_INVALID,
                               "neither \"kms\" nor \"keyring\" stands here: give a copy of the "
                               "installation's manager.json");
    }
    HIN_TRY(hin_kms_settings_read_any(root, &config->kms, error));
    HIN_TRY(hin_view_to_text(keyring, config->keyring, sizeof(config->keyring)));
    config->uid_base = geteuid() == 0 ? (uint32_t)uid_base : 0;
    return hin_ok();
}

HIN_RESULT hin_kms_access_settings(const char *path, struct hin_manager_config *config,
                                   struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = SETTINGS_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_result read = hin_file_read(AT_FDCWD, path, &text);
    if (!hin_is_ok(read)) {
        return hin_error_set(error, read.code, path, 0, 0,
                             "the settings of the key management service cannot be read: %s",
                             hin_code_text(read.code));
    }
    read = hin_json_parse(hin_buf_view(&text), SETTINGS_MAX, &document, error);
    if (hin_is_ok(read)) {
        read = take_settings(hin_json_root(document), config, error);
    }
    return hin_is_ok(read) ? read : hin_error_in_file(error, read, path);
}

HIN_RESULT hin_kms_keyring_check(const char *keyring, const char *state, struct hin_error *error)
{
    char folder[HIN_PATH_MAX], inside[PATH_MAX], real[PATH_MAX];
    HIN_TRY(hin_view_to_text(hin_view_of(keyring, (size_t)(hin_path_base(keyring) - keyring)),
                             folder, sizeof(folder)));
    if (realpath(state, inside) == NULL || realpath(folder, real) == NULL) {
        return hin_ok(); /* making the ring tells */
    }
    size_t size = strlen(inside);
    if (strncmp(real, inside, size) != 0 || (real[size] != '/' && real[size] != '\0')) {
        return hin_ok();
    }
    return hin_error_set(error, HIN_INVALID, keyring, 0, 0,
                         "the key ring would lie inside the state folder: whoever takes the folder "
                         "could open it. Name a place outside");
}
