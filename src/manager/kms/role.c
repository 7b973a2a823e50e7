/* The `kms` process: holds the file key ring, opened for writing before the lock; afterwards it can
 * open nothing and has no network. Or, for AWS KMS, moves bytes (mover.h). */
#include <fcntl.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "keys/ring.h"
#include "manager/kms/mover.h"
#include "manager/kms/proxy.h"
#include "manager/roles.h"

struct kms {
    struct hin_ring *ring;
    struct hin_key_provider provider;
};

static struct hin_result kms_setup(struct hin_role *role)
{
    if (hin_kms_is_mover(role)) {
        return hin_ok();
    }
    struct hin_error error = {0};
    struct hin_secret passphrase = {0};
    struct hin_ring *ring = NULL;
    HIN_CLEANUP_FD int fd = hin_role_fd_take(role, "passphrase");
    if (fd >= 0) {
        HIN_TRY(hin_secret_read_fd(&passphrase, fd));
    }
    struct hin_result opened =
        hin_ring_open(&ring, AT_FDCWD, hin_role_setting_text(role, "keyring"),
                      passphrase.size > 0 ? &passphrase : NULL, &error);
    hin_secret_done(&passphrase);
    if (hin_is_ok(opened)) {
        opened = hin_ring_upgrade(ring, &error);
    }
    if (hin_is_ok(opened)) {
        opened = hin_ring_lock(ring, &error);
        if (opened.code == HIN_DENIED && error.text[0] == '\0') {
            opened = hin_ok(); /* on a read-only file system nobody writes */
        }
    }
    if (!hin_is_ok(opened)) {
        char text[1200];
        hin_error_format(&error, text, sizeof(text));
        hin_log(HIN_LOG_ERROR, "the key ring cannot be opened: %s", text);
        hin_ring_free(ring);
        return opened;
    }
    struct kms *kms = calloc(1, sizeof(*kms));
    if (kms == NULL) {
        hin_ring_free(ring);
        return hin_fail(HIN_NO_MEMORY);
    }
    *kms = (struct kms){.ring = ring, .provider = hin_ring_provider(ring)};
    hin_role_set_context(role, kms);
    return hin_ok();
}

static struct hin_result kms_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    if (hin_kms_is_mover(role)) {
        return hin_kms_mover_sandbox(role, sandbox);
    }
    /* The strictest profile there is: nothing but what is open already (the ring's file, which it
     * overwrites in place). */
    return hin_process_protect();
}

static struct hin_result kms_run(struct hin_role *role)
{
    if (hin_kms_is_mover(role)) {
        return hin_kms_mover_run(role);
    }
    struct kms *kms = hin_role_context(role);
    static const struct hin_role_service services[] = {{"keys", &hin_kms_table}};
    struct hin_role_loop loop = {
        .services = services, .service_count = 1, .context = &kms->provider};
    struct hin_result served = hin_role_serve(role, &loop);
    hin_ring_free(kms->ring);
    free(kms);
    return served;
}

const struct hin_role_definition hin_manager_role_kms = {
    .name = "kms",
    .setup = kms_setup,
    .sandbox = kms_sandbox,
    .run = kms_run,
    .user = HIN_ROLE_USER_KMS,
    .instances = 1,
    .restart = HIN_ROLE_ALWAYS,
};
