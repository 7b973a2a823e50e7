/* One tenant of an installation that is there, put back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "manager/holder_key.h"
#include "manager/restore/restoration.h"
#include "manager/roles.h"

/* Who has the installation's own tenant open holds a lock on this file: manager/tenant.c. */
static HIN_RESULT lock(struct hin_restoration *restore)
{
    char name[64];
    struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)snprintf(name, sizeof(name), "%s.lock", restore->config.tenant);
    STEP(hin_fd_open(restore->database_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600,
                     &restore->lock_fd),
         "opening the lock of the database");
    if (fcntl(restore->lock_fd, F_OFD_SETLK, &wanted) != 0) {
        return hin_error_set(&restore->error, HIN_CONFLICT, restore->options.wish.state, 0, 0,
                             "the manager runs: stop it first");
    }
    return hin_ok();
}

/* The store that is filled takes a share of it. */
static HIN_RESULT share_lock(struct hin_restoration *restore)
{
    struct flock wanted = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    HIN_ENSURE(fcntl(restore->lock_fd, F_OFD_SETLK, &wanted) == 0, IO);
    return hin_ok();
}

static HIN_RESULT open_installation(struct hin_restoration *restore)
{
    STEP(hin_fd_open(AT_FDCWD, restore->options.wish.state, O_RDONLY | O_DIRECTORY, 0,
                     &restore->state_fd),
         "opening the state folder");
    HIN_TRY(hin_manager_config_load(restore->state_fd, &restore->config, &restore->error));
    STEP(hin_fd_open(restore->state_fd, "vault", O_RDONLY | O_DIRECTORY, 0, &restore->vault_fd),
         "opening the vault's folder");
    STEP(hin_fd_open(restore->state_fd, "db", O_RDONLY | O_DIRECTORY, 0, &restore->database_fd),
         "opening the database's folder");
    HIN_TRY(lock(restore));
    HIN_TRY(hin_restore_open_both(restore));
    restore->vault_options =
        (struct hin_vault_options){.provider = restore->target,
                                   .storage = hin_vault_storage_folder(&restore->vault_fd),
                                   .own = restore->config.tenant};
    struct hin_result opened = hin_vault_open(&restore->vault, &restore->vault_options);
    if (opened.code == HIN_AUTH || opened.code == HIN_NOT_FOUND) {
        return hin_error_set(&restore->error, opened.code, restore->options.wish.state, 0, 0,
                             "these keys do not open the vault of the installation there");
    }
    STEP(opened, "opening the vault");
    restore->local = (struct hin_keys_local){restore->vault, HIN_KEYS_MASK_ALL};
    return hin_restore_open_database(restore);
}

/* Its blind tokens were made with the index key of then: the vault must have the same. */
static HIN_RESULT match_keys(struct hin_restoration *restore,
                             const struct hin_backup_manifest *manifest)
{
    struct hin_view tenant = hin_view_from_text(manifest->tenant);
    struct hin_result made = hin_vault_restore_tenant(restore->vault, &restore->source, tenant,
                                                      hin_buf_view(&manifest->payload));
    if (made.code != HIN_EXISTS) {
        return hin_restore_fail(restore, made, "making the tenant's keys");
    }
    struct hin_result same = hin_vault_backup_fits(restore->vault, &restore->source, tenant,
                                                   hin_buf_view(&manifest->payload));
    if (same.code == HIN_CONFLICT) {
        return hin_error_set(&restore->error, HIN_CONFLICT, NULL, 0, 0,
                             "the index key of tenant %s was rotated after this backup: restore "
                             "the whole installation into a new folder, or a newer backup",
                             manifest->tenant);
    }
    return hin_restore_fail(restore, same, "comparing the tenant's keys");
}

/* The store that is made has no generation yet. One that was never opened is none that was set
 * back.
 */
static HIN_RESULT let_pass(struct hin_restoration *restore, const char *uuid, const char *holder)
{
    struct hin_result granted =
        hin_vault_accept(restore->vault, hin_view_from_text(uuid), HIN_VIEW_EMPTY, holder);
    return granted.code == HIN_CONFLICT ? hin_ok() : granted;
}

HIN_RESULT hin_restore_tenant(struct hin_restoration *restore)
{
    struct hin_backup_manifest manifest;
    struct hin_tenant tenant = {.lock = -1};
    HIN_TRY(hin_restore_open_depot(restore));
    HIN_TRY(open_installation(restore));
    HIN_TRY(hin_restore_choose(restore, restore->options.tenant, &manifest));
    struct hin_vault_holder holder;
    struct hin_result done = match_keys(restore, &manifest);
    if (hin_is_ok(done)) {
        done = hin_holder_key_find(restore->vault, &restore->options.holder_key, &holder,
                                   &restore->error);
    }
    if (hin_is_ok(done)) {
        done = hin_restore_fail(restore, let_pass(restore, manifest.tenant, holder.name),
                                "storing in the vault that it may be older");
    }
    if (hin_is_ok(done)) {
        done = hin_restore_fail(restore, hin_restore_move_aside(restore, manifest.tenant),
                                "moving the former aside");
    }
    if (hin_is_ok(done)) {
        done = share_lock(restore);
    }
    if (hin_is_ok(done)) {
        done = hin_restore_fill(restore, &manifest, &tenant);
        hin_tenant_close(&tenant);
    }
    hin_backup_manifest_done(&manifest);
    HIN_TRY(done);
    STEP(hin_restore_give_away(restore, restore->vault_fd, HIN_ROLE_USER_KEYS),
         "giving the vault to its user");
    return hin_restore_fail(
        restore, hin_restore_give_away(restore, restore->database_fd, HIN_ROLE_USER_DATA),
        "giving the database to its user");
}
