/* `hinomi-manager restore`: makes a new installation out of backups, or puts one tenant of an
 * installation back. Without a running manager; whose keys open the backups is an input of its
 * own (wish.h), and so is where those of a new installation are. */
#ifndef HIN_MANAGER_RESTORE_RESTORE_H
#define HIN_MANAGER_RESTORE_RESTORE_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_restore_command;

/* The exit status: 0 done, 1 failed, 2 usage, 3 a TPM refuses the PIN. */
int hin_manager_restore(const struct hin_role_program *program, int argc, char **argv);

#endif
