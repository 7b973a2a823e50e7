/* `hinomi-manager protect`: another guard for the key ring of a manager that does not run. */
#ifndef HIN_MANAGER_INIT_PROTECT_H
#define HIN_MANAGER_INIT_PROTECT_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_protect_command;

/* The exit status: 0 done, 1 failed, 2 usage, 3 a TPM refuses the PIN. */
int hin_manager_protect(const struct hin_role_program *program, int argc, char **argv);

#endif
