/* A restore at work: what the parts of `hinomi-manager restore` share, and `drill` tries. */
#ifndef HIN_MANAGER_RESTORE_RESTORATION_H
#define HIN_MANAGER_RESTORE_RESTORATION_H

#include "backup/backup.h"
#include "manager/config.h"
#include "manager/restore/wish.h"
#include "manager/tenant.h"

enum { HIN_RESTORE_EXIT_PIN = 3 };

struct hin_restore_options {
    struct hin_restore_wish wish;
    const char *new_keyring, *new_kms_settings, *new_tpm, *new_tpm_pcrs;
    struct hin_kms_sources new_secrets;
    const char *tenant, *at, *store;
    struct hin_passphrase_source store_password, holder_key;
    bool json;
};

struct hin_restore_outcome { /* of one tenant */
    char uuid[37];
    int64_t at_usec, last_event, last_audit;
    uint64_t bytes, damaged; /* segments that were damaged before they were backed up */
    uint8_t audit_hash[HIN_STORE_AUDIT_HASH_BYTES];
    bool restored;
};

struct hin_restoration {
    const struct hin_role_program *program;
    struct hin_restore_options options;
    struct hin_manager_config config; /* of the installation that is made, or is there */
    struct hin_manager_config former; /* kms, keyring, uid_base of the one that was backed up */
    char state[HIN_PATH_MAX];
    int state_fd, vault_fd, database_fd, lock_fd;
    bool made_state;
    bool is_drill;                  /* nothing is made at the key management service */
    bool unfinished;                /* a restore into this folder was cut off before */
    int mark;                       /* its mark, locked: one at a time */
    char marked[HIN_PATH_MAX + 64]; /* what that one wrote there of the keys it made */
    int64_t at_usec;                /* INT64_MAX: the newest */
    struct hin_depot *depot;
    struct hin_secret secret; /* what the destination asks for */
    struct hin_backup_listed *list;
    size_t list_count;
    bool foreign; /* the last key that was asked for is not one of these */
    bool apart;   /* the keys of what is made are elsewhere than those of the backups */
    uint32_t pcrs;
    struct hin_kms_access source_kms, target_kms; /* the latter only where they are apart */
    struct hin_key_provider source, target;
    struct hin_vault_options vault_options;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_database database;
    struct hin_restore_outcome *outcomes;
    size_t outcome_count;
    int64_t begun_usec, told_usec;
    struct hin_error error;
};

/* Nothing open yet. */
void hin_restoration_init(struct hin_restoration *restore,
                          const struct hin_role_program *program) HIN_NONNULL;
/* keep: what was made stays; otherwise it is removed, and its keys. */
void hin_restoration_done(struct hin_restoration *restore, bool keep) HIN_NONNULL;
/* Says what was being done, unless something better has been said. */
HIN_RESULT hin_restore_fail(struct hin_restoration *restore, struct hin_result result,
                            const char *what) HIN_NONNULL;
bool hin_restore_pin_refused(const struct hin_restoration *restore) HIN_NONNULL;

#define STEP(expression, what)                                                                     \
    do {                                                                                           \
        struct hin_result step_ = (expression);                                                    \
        if (!hin_is_ok(step_)) {                                                                   \
            return hin_restore_fail(restore, step_, (what));                                       \
        }                                                                                          \
    } while (0)

/* --- sources.c: what is read from, and whose keys open it --- */
HIN_RESULT hin_restore_open_depot(struct hin_restoration *restore) HIN_NONNULL;
struct hin_backup hin_restore_handle(struct hin_restoration *restore,
                                     const char *tenant) HIN_NONNULL;
/* The newest backup of the tenant at the time that was asked for whose key is not destroyed. */
HIN_RESULT hin_restore_choose(struct hin_restoration *restore, const char *tenant,
                              struct hin_backup_manifest *ret_manifest) HIN_NONNULL;

/* --- keys.c: key management services, of the former and of what is made --- */
/* Before anything is made: what the options say. */
HIN_RESULT hin_restore_settle_keys(struct hin_restoration *restore) HIN_NONNULL;
HIN_RESULT hin_restore_open_source(struct hin_restoration *restore) HIN_NONNULL;
/* After the folder is there, which remembers what is made. */
HIN_RESULT hin_restore_open_target(struct hin_restoration *restore) HIN_NONNULL;
/* Of one tenant that is put back, into the installation whose settings were read: its own keys, and
 * those of the backups. */
HIN_RESULT hin_restore_open_both(struct hin_restoration *restore) HIN_NONNULL;

/* --- making.c: what is written to --- */
HIN_RESULT hin_restore_make_state(struct hin_restoration *restore) HIN_NONNULL;
HIN_RESULT hin_restore_open_database(struct hin_restoration *restore) HIN_NONNULL;
HIN_RESULT hin_restore_move_aside(struct hin_restoration *restore, const char *uuid) HIN_NONNULL;
/* manifest: NULL, the tenant was not restored. */
HIN_RESULT hin_restore_keep_outcome(struct hin_restoration *restore, const char *uuid,
                                    const struct hin_backup_manifest *manifest)
    __attribute__((nonnull(1, 2)));
/* The tenant's keys are in the vault. *tenant stays open. */
HIN_RESULT hin_restore_fill(struct hin_restoration *restore,
                            const struct hin_backup_manifest *manifest,
                            struct hin_tenant *tenant) HIN_NONNULL;
/* The roles that serve the files have users of their own. */
HIN_RESULT hin_restore_give_away(const struct hin_restoration *restore, int folder,
                                 unsigned user) HIN_NONNULL;

/* --- catalogue.c --- */
/* Where the keys are apart: the backups that are there stay somebody else's. */
HIN_RESULT hin_restore_leave_backups(struct hin_restoration *restore,
                                     struct hin_store *own) HIN_NONNULL;

/* --- installation.c, tenant.c: the two things that can be restored --- */
HIN_RESULT hin_restore_installation(struct hin_restoration *restore) HIN_NONNULL;
HIN_RESULT hin_restore_tenant(struct hin_restoration *restore) HIN_NONNULL;

#endif
