/* What the `kms` process is given, by whom it is started: `run`, and `init` for a moment. */
#ifndef HIN_MANAGER_KMS_HAND_H
#define HIN_MANAGER_KMS_HAND_H

#include "base/secret.h"
#include "manager/config.h"
#include "manager/kms/proxy.h"
#include "manager/passphrase.h"
#include "role/parent.h"

/* secret: pass phrase of the ring or PIN of the token; may be empty for the ring. (For AWS KMS it
 * is `keys` that has the credentials: aws.h.) error says which program is missing. */
HIN_RESULT hin_kms_hand(struct hin_role_hand *hand, const struct hin_manager_config *config,
                        const struct hin_secret *secret, struct hin_error *error) HIN_NONNULL;

/* A program that stands beside our own, wherever that was installed; name: at most 63 bytes. */
HIN_RESULT hin_kms_program_open(const char *name, int *ret_fd, struct hin_error *error) HIN_NONNULL;

/* The secret of this kind of service: INVALID when the other kind's was given. The caller frees
 * *ret_secret, which is empty when nothing was given. */
HIN_RESULT hin_kms_secret_read(enum hin_kms_kind kind,
                               const struct hin_passphrase_source *passphrase,
                               struct hin_passphrase_source *kms_secret,
                               struct hin_secret *ret_secret, struct hin_error *error) HIN_NONNULL;

/* The service outside `run`: kms alone, with this process as its only peer. */
struct hin_kms_alone {
    struct hin_role_parent *parent;
    const struct hin_manager_config *config;
    const struct hin_secret *secret;
    struct hin_kms_proxy proxy;
    bool failed;
    struct hin_error *error;
};
/* Starts it and waits until it serves; what went wrong there stands in its log (standard error).
 * alone must not move; config, secret and error are borrowed until _end. */
HIN_RESULT hin_kms_alone_begin(struct hin_kms_alone *alone, const struct hin_role_program *program,
                               const struct hin_manager_config *config,
                               const struct hin_secret *secret,
                               struct hin_error *error) HIN_NONNULL;
/* Fine on a zeroed one. */
void hin_kms_alone_end(struct hin_kms_alone *alone) HIN_NONNULL;

#endif
