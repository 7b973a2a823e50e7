/* `hinomi-manager drill`: all of an installation is recovered from a destination into a clean
 * folder, verified, timed, and thrown away. Without a running manager; the key ring is an input of
 * its own. What it writes is handed in with `hinomi backup drill record`. */
#ifndef HIN_MANAGER_RESTORE_DRILL_H
#define HIN_MANAGER_RESTORE_DRILL_H

#include "base/option.h"
#include "manager/backup/rehearsals.h"
#include "manager/passphrase.h"
#include "role/role.h"

extern const struct hin_command hin_manager_drill_command;

/* The exit status: 0 all tenants were restored and verify, 1 not, 2 usage. */
int hin_manager_drill(const struct hin_role_program *program, int argc, char **argv);

/* As the options of `hinomi-manager restore`; borrowed. */
struct hin_restore_wish {
    const char *from, *secret_file, *keyring, *state;
    struct hin_option_texts settings;
    struct hin_passphrase_source passphrase;
};
/* Restores all into wish->state, a folder that is not there yet, verifies it and removes it. Fills
 * the tenants of the report (hin_drill_report_done), also on failure as far as it came. */
HIN_RESULT hin_restore_try(const struct hin_restore_wish *wish, struct hin_drill_report *report,
                           struct hin_error *error) HIN_NONNULL;

#endif
