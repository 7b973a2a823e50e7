/* `hinomi-manager init`: makes key ring, vault, certificate authority, the tenant's database with
 * the shipped rules, and the first credentials, which are printed once. */
#ifndef HIN_MANAGER_INIT_INIT_H
#define HIN_MANAGER_INIT_INIT_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_init_command;

/* program: to start a key management service that is a process. The exit status: 0 done, 1 failed,
 * 2 usage. */
int hin_manager_init(const struct hin_role_program *program, int argc, char **argv);

#endif
