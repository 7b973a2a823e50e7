/* `hinomi-manager drill`: all of an installation is recovered from a destination into a clean
 * folder, verified, timed, and thrown away. Without a running manager; whose keys
 * open them is an input of its own (wish.h). What it writes is handed in with `hinomi backup drill
 * record`. */
#ifndef HIN_MANAGER_RESTORE_DRILL_H
#define HIN_MANAGER_RESTORE_DRILL_H

#include "base/option.h"
#include "manager/backup/rehearsals.h"
#include "manager/restore/wish.h"
#include "role/role.h"

extern const struct hin_command hin_manager_drill_command;

/* The exit status: 0 all tenants were restored and verify, 1 not, 2 usage, 3 a TPM refuses the PIN.
 */
int hin_manager_drill(const struct hin_role_program *program, int argc, char **argv);

/* Restores all into wish->state, a folder that is not there yet, verifies it and removes it. Fills
 * the tenants of the report (hin_drill_report_done), also on failure as far as it came;
 * ret_pin_refused always. */
HIN_RESULT hin_restore_try(const struct hin_role_program *program,
                           const struct hin_restore_wish *wish, struct hin_drill_report *report,
                           bool *ret_pin_refused, struct hin_error *error) HIN_NONNULL;

#endif
