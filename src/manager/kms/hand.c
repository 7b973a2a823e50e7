#include "manager/kms/hand.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/time.h"
#include "manager/kms/aws.h"

HIN_RESULT hin_kms_program_open(const char *name, int *ret_fd, struct hin_error *error)
{
    char folder[HIN_PATH_MAX], path[HIN_PATH_MAX];
    HIN_TRY(hin_path_of_program(folder));
    HIN_TRY(hin_path_join(path, sizeof(path), folder, name));
    struct hin_result opened = hin_fd_open(AT_FDCWD, path, O_PATH, 0, ret_fd);
    if (!hin_is_ok(opened)) {
        return hin_error_set(error, opened.code, path, 0, 0,
                             "the program that speaks to keys kept elsewhere: %s",
                             hin_code_text(opened.code));
    }
    return hin_ok();
}

static HIN_RESULT hand_pkcs11(struct hin_role_hand *hand, const struct hin_kms_settings *settings,
                              struct hin_error *error)
{
    const struct {
        const char *name, *value;
    } given[] = {
        {"installation", settings->installation},
        {"module", settings->module},
        {"token", settings->token},
        {"environment", settings->environment},
        {"readable", settings->readable},
        {"writable", settings->writable},
    };
    HIN_CLEANUP_FD int program = -1;
    HIN_TRY(hin_kms_program_open("hinomi-kms-pkcs11", &program, error));
    HIN_TRY(hin_role_hand_program(hand, program));
    for (size_t i = 0; i < HIN_COUNT(given); i++) {
        HIN_TRY(hin_role_hand_setting(hand, given[i].name, hin_view_from_text(given[i].value)));
    }
    return hin_ok();
}

/* No secret: it only moves bytes. */
static HIN_RESULT hand_mover(struct hin_role_hand *hand, const struct hin_kms_settings *settings,
                             struct hin_error *error)
{
    struct hin_manager_endpoint endpoint;
    char port[16];
    if (!hin_is_ok(hin_kms_aws_endpoint(settings, &endpoint))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "--aws-endpoint %s: not HOST:PORT",
                             settings->endpoint);
    }
    snprintf(port, sizeof(port), "%u", endpoint.port);
    HIN_TRY(hin_role_hand_setting(hand, "host", hin_view_from_text(endpoint.host)));
    return hin_role_hand_setting(hand, "port", hin_view_from_text(port));
}

HIN_RESULT hin_kms_hand(struct hin_role_hand *hand, const struct hin_manager_config *config,
                        const struct hin_secret *secret, struct hin_error *error)
{
    if (config->kms.kind == HIN_KMS_AWS) {
        return hand_mover(hand, &config->kms, error);
    }
    if (config->kms.kind == HIN_KMS_PKCS11) {
        HIN_TRY(hand_pkcs11(hand, &config->kms, error));
    } else {
        HIN_TRY(hin_role_hand_setting(hand, "keyring", hin_view_from_text(config->keyring)));
    }
    if (secret->size == 0) {
        return hin_ok();
    }
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_memfd_from("passphrase", hin_secret_view(secret), &fd));
    return hin_role_hand_fd(hand, "passphrase", fd);
}

HIN_RESULT hin_kms_secret_read(enum hin_kms_kind kind,
                               const struct hin_passphrase_source *passphrase,
                               struct hin_passphrase_source *kms_secret,
                               struct hin_secret *ret_secret, struct hin_error *error)
{
    bool file = kind == HIN_KMS_FILE;
    const struct hin_passphrase_source *wrong = file ? kms_secret : passphrase;
    const char *phrase = passphrase->name != NULL ? passphrase->name : "passphrase";
    kms_secret->name = kms_secret->name != NULL ? kms_secret->name : "kms-secret";
    if (wrong->file != NULL || wrong->fd != NULL || wrong->credential != NULL) {
        return hin_error_set(
            error, HIN_INVALID, NULL, 0, 0,
            file ? "--%s goes with another service than the file key ring, which takes --%s"
                 : "--%s goes with the file key ring; this service takes --%s",
            file ? kms_secret->name : phrase, file ? phrase : kms_secret->name);
    }
    return hin_passphrase_read(file ? passphrase : kms_secret, ret_secret, error);
}

/* ---- alone ---- */

static struct hin_result prepare(void *context, const char *name, unsigned instance,
                                 struct hin_role_hand *hand)
{
    struct hin_kms_alone *alone = context;
    (void)name;
    (void)instance;
    struct hin_result handed = hin_kms_hand(hand, alone->config, alone->secret, alone->error);
    alone->failed = alone->failed || !hin_is_ok(handed);
    return handed;
}

static void on_exit_of(void *context, const struct hin_role_exit *exit)
{
    struct hin_kms_alone *alone = context;
    (void)exit;
    alone->failed = true;
}

static void on_ready(void *context, const char *name, unsigned instance)
{
    struct hin_kms_alone *alone = context;
    (void)name;
    struct hin_result connected =
        hin_role_parent_connect(alone->parent, "kms", instance, "keys", &alone->proxy.channel);
    alone->failed = alone->failed || !hin_is_ok(connected);
}

HIN_RESULT hin_kms_alone_begin(struct hin_kms_alone *alone, const struct hin_role_program *program,
                               const struct hin_manager_config *config,
                               const struct hin_secret *secret, struct hin_error *error)
{
    struct hin_role_parent_config parent = {
        .program = program,
        .context = alone,
        .prepare = prepare,
        .on_exit = on_exit_of,
        .on_ready = on_ready,
        .uid_base = geteuid() == 0 ? config->uid_base : 0,
    };
    *alone = (struct hin_kms_alone){.config = config, .secret = secret, .error = error};
    HIN_TRY(hin_role_parent_new(&parent, &alone->parent));
    HIN_TRY(hin_role_parent_start(alone->parent, "kms", 0));
    while (!alone->failed && alone->proxy.channel == NULL) {
        HIN_TRY(hin_role_parent_step(alone->parent, HIN_SEC_USEC));
    }
    if (alone->failed) {
        return error->text[0] != '\0'
                   ? hin_fail(error->code)
                   : hin_error_set(error, HIN_CLOSED, NULL, 0, 0,
                                   "the key management service does not open (see above)");
    }
    return hin_ok();
}

void hin_kms_alone_end(struct hin_kms_alone *alone)
{
    hin_ipc_free(alone->proxy.channel);
    if (alone->parent != NULL) {
        hin_role_parent_stop(alone->parent);
        /* CLOSED when it has ended; it is killed after the parent's patience is */
        while (hin_is_ok(hin_role_parent_step(alone->parent, HIN_SEC_USEC))) {
        }
    }
    hin_role_parent_free(alone->parent);
    *alone = (struct hin_kms_alone){0};
}
