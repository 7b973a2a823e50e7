/* `hinomi-manager escrow`: writes a copy of the key ring that two key holders have agreed to, under
 * a pass phrase of its own; the manager may run. */
#ifndef HIN_MANAGER_INIT_ESCROW_H
#define HIN_MANAGER_INIT_ESCROW_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_escrow_command;
/* Exit status: 0 the copy is written and opens, 1 not, 2 usage. */
int hin_manager_escrow(const struct hin_role_program *program, int argc, char **argv);

#endif
