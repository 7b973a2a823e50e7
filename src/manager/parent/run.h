/* `hinomi-manager run`: the parent. Opens the listening sockets and the folders, hands them to its
 * processes, restarts what crashes. It has no key, reads no packet and no row. */
#ifndef HIN_MANAGER_PARENT_RUN_H
#define HIN_MANAGER_PARENT_RUN_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_run_command;

/* The exit status: 0 stopped in order, 1 failed, 2 usage, 3 a TPM refuses the PIN (not to be
 * tried again by itself: it counts), 4 store, vault or key ring were set back to an older state
 * (not to be tried again either: somebody must decide). */
#define HIN_MANAGER_EXIT_SET_BACK 4
int hin_manager_run(const struct hin_role_program *program, int argc, char **argv);

#endif
