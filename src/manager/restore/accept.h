/* `hinomi-manager restore show` and `accept`: what a manager that does not start, or a tenant that
 * is not served, is refused for, and the way for a key holder to accept it (decision 24). The
 * manager must not run.
 */
#ifndef HIN_MANAGER_RESTORE_ACCEPT_H
#define HIN_MANAGER_RESTORE_ACCEPT_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_accept_command;

/* argv[0]: "show" or "accept". The exit status: 0 nothing is refused, or it was accepted; 1 failed;
 * 2 usage; 3 a TPM refuses the PIN; 4 `show`: something is refused. */
int hin_manager_accept(const struct hin_role_program *program, int argc, char **argv);

#endif
