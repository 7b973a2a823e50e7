/* What is written to: the folder, the database, one tenant's store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "manager/audit.h"
#include "manager/restore/restoration.h"
#include "manager/roles.h"

/* ---- the folder ---- */

static HIN_RESULT make_folder(struct hin_restoration *restore, const char *name, unsigned user,
                              int *ret_fd)
{
    if (mkdirat(restore->state_fd, name, 0700) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    if (restore->config.uid_base != 0) {
        uid_t uid = restore->config.uid_base + user;
        if (fchownat(restore->state_fd, name, uid, uid, AT_SYMLINK_NOFOLLOW) != 0) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    return hin_fd_open(restore->state_fd, name, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static HIN_RESULT take_mark(struct hin_restoration *restore)
{
    static const char mark[] = "restore.unfinished";
    struct stat about;
    restore->unfinished = fstatat(restore->state_fd, mark, &about, AT_SYMLINK_NOFOLLOW) == 0;
    HIN_TRY(
        hin_fd_open(restore->state_fd, mark, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &restore->mark));
    if (flock(restore->mark, LOCK_EX | LOCK_NB) != 0) {
        return hin_error_set(&restore->error, HIN_CONFLICT, restore->state, 0, 0,
                             "another restore into this folder is at work");
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = sizeof(restore->marked) - 1};
    HIN_TRY(hin_fd_read_all(restore->mark, &text));
    HIN_TRY(hin_view_to_text(hin_buf_view(&text), restore->marked, sizeof(restore->marked)));
    return hin_directory_sync(restore->state_fd);
}

/* A restore that was cut off leaves no manager.json: what it made is thrown away. Anything else in
 * the folder is somebody's. */
static HIN_RESULT clear_state(struct hin_restoration *restore)
{
    static const char *const ours[] = {"vault", "db", "ca.pem"};
    struct stat about;
    if (fstatat(restore->state_fd, "manager.json", &about, AT_SYMLINK_NOFOLLOW) == 0) {
        return hin_error_set(&restore->error, HIN_EXISTS, restore->state, 0, 0,
                             "there is an installation in this folder already: name a new folder, "
                             "or a tenant with --tenant");
    }
    HIN_TRY(take_mark(restore));
    for (size_t i = 0; restore->unfinished && i < HIN_COUNT(ours); i++) {
        char path[HIN_PATH_MAX];
        HIN_TRY(hin_path_join(path, sizeof(path), restore->state, ours[i]));
        HIN_TRY(hin_directory_remove(path));
    }
    return hin_ok();
}

HIN_RESULT hin_restore_make_state(struct hin_restoration *restore)
{
    struct stat about;
    STEP(hin_path_absolute(restore->options.wish.state, restore->state), "--state");
    restore->made_state = stat(restore->state, &about) != 0;
    STEP(hin_directory_make(restore->state, 0700), "making the state folder");
    STEP(hin_fd_open(AT_FDCWD, restore->state, O_RDONLY | O_DIRECTORY, 0, &restore->state_fd),
         "opening the state folder");
    STEP(clear_state(restore), "making room in the state folder");
    STEP(make_folder(restore, "vault", HIN_ROLE_USER_KEYS, &restore->vault_fd),
         "making the vault's folder");
    return hin_restore_fail(restore,
                            make_folder(restore, "db", HIN_ROLE_USER_DATA, &restore->database_fd),
                            "making the database's folder");
}

/* ---- the database ---- */

HIN_RESULT hin_restore_open_database(struct hin_restoration *restore)
{
    if (restore->options.store != NULL) {
        STEP(hin_database_settle(restore->options.store, restore->config.store,
                                 sizeof(restore->config.store), &restore->error),
             "--store");
    }
    return hin_restore_fail(restore,
                            hin_database_open(&restore->database, restore->config.store,
                                              &restore->options.store_password, &restore->error),
                            "reaching the database");
}

/* ---- one tenant ---- */

HIN_RESULT hin_restore_keep_outcome(struct hin_restoration *restore, const char *uuid,
                                    const struct hin_backup_manifest *manifest)
{
    void *fresh = realloc(restore->outcomes,
                          (restore->outcome_count + 1) * sizeof(struct hin_restore_outcome));
    HIN_ENSURE(fresh != NULL, NO_MEMORY);
    restore->outcomes = fresh;
    struct hin_restore_outcome *outcome = &restore->outcomes[restore->outcome_count++];
    *outcome = (struct hin_restore_outcome){0};
    snprintf(outcome->uuid, sizeof(outcome->uuid), "%s", uuid);
    if (manifest != NULL) {
        outcome->restored = true;
        outcome->at_usec = manifest->at_usec;
        outcome->last_event = manifest->position.last_event_id;
        outcome->last_audit = manifest->position.audit_number;
        outcome->bytes = hin_backup_bytes(manifest);
        hin_copy(outcome->audit_hash, manifest->position.audit_hash, sizeof(outcome->audit_hash));
        for (size_t i = 0; i < manifest->segment_count; i++) {
            outcome->damaged += manifest->segments[i].row.damaged != 0;
        }
    }
    return hin_ok();
}

/* The entry goes into the record that was restored: what came after it there is gone. */
static HIN_RESULT record(struct hin_tenant *tenant, const struct hin_backup_manifest *manifest)
{
    char when[32], detail[200];
    hin_time_format_rfc3339(manifest->at_usec, 3, when, sizeof(when));
    snprintf(detail, sizeof(detail),
             "from the backup begun at %lld us, shipment %u: as of %s, up to event %lld",
             (long long)manifest->begun_usec, manifest->sequence, when,
             (long long)manifest->position.last_event_id);
    struct hin_audit audit = {.action = "backup.restore",
                              .outcome = "done",
                              .actor = HIN_VIEW("restore"),
                              .detail = hin_view_from_text(detail)};
    return hin_audit_write(tenant, &audit);
}

/* What the tenant holds now stays beside it: SQLite's files under another name. A server's schema
 * goes: it has backups of its own, and room for one schema of a name. */
HIN_RESULT hin_restore_move_aside(struct hin_restoration *restore, const char *uuid)
{
    static const char *const endings[] = {"db", "db-wal", "db-shm"};
    bool done = false;
    if (restore->database.is_server) {
        struct hin_store_options options = {
            .directory = restore->database_fd, .tenant = uuid, .server = &restore->database.server};
        while (!done) {
            HIN_TRY(hin_store_erase(&options, &done, &restore->error));
        }
        return hin_ok();
    }
    for (size_t i = 0; i < HIN_COUNT(endings); i++) {
        char from[64], to[64];
        snprintf(from, sizeof(from), "%s.%s", uuid, endings[i]);
        snprintf(to, sizeof(to), "%s.former.%s", uuid, endings[i]);
        if (renameat(restore->database_fd, from, restore->database_fd, to) != 0 &&
            errno != ENOENT) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
    return hin_directory_sync(restore->database_fd);
}

/* The index key may have been rotated between the backup's key and its last increment: what is
 * there is then made anew under one that is newer still. */
static HIN_RESULT fit_index(struct hin_restoration *restore, struct hin_tenant *tenant)
{
    struct hin_store_index index;
    HIN_TRY(hin_store_index(tenant->store, &index));
    if (index.version > hin_index_version(tenant->index)) {
        HIN_TRY(hin_vault_index_raise(restore->vault, hin_tenant_view(tenant), index.version));
        HIN_TRY(hin_index_renew(tenant->index));
    }
    return hin_store_index_follow(tenant->store);
}

/* The tenant's keys are in the vault. *tenant stays open. */
HIN_RESULT hin_restore_fill(struct hin_restoration *restore,
                            const struct hin_backup_manifest *manifest, struct hin_tenant *tenant)
{
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&restore->local);
    struct hin_tenant_place place = {restore->database_fd, hin_database_server(&restore->database)};
    struct hin_backup backup = hin_restore_handle(restore, manifest->tenant);
    if (restore->unfinished && restore->database.is_server) {
        STEP(hin_restore_move_aside(restore, manifest->tenant), "removing what was half restored");
    }
    STEP(hin_tenant_open(tenant, &place, manifest->tenant, &carrier, HIN_VAULT_FOR_BACKUP,
                         hin_clock_system(), true, &restore->error),
         "making the database");
    struct hin_result filled = hin_backup_restore(&backup, manifest, tenant->store);
    if (!hin_is_ok(filled)) {
        restore->error = backup.error;
        return filled;
    }
    STEP(fit_index(restore, tenant), "fitting the index key");
    STEP(record(tenant, manifest), "writing the audit record");
    return hin_restore_keep_outcome(restore, manifest->tenant, manifest);
}
