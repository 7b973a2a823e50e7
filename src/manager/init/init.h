/* `hinomi-manager init`: makes key ring, vault, certificate authority, the tenant's database with
 * the shipped rules, and the first credentials, which are printed once. */
#ifndef HIN_MANAGER_INIT_INIT_H
#define HIN_MANAGER_INIT_INIT_H

#include "base/option.h"

extern const struct hin_command hin_manager_init_command;

/* The exit status: 0 done, 1 failed, 2 usage. */
int hin_manager_init(int argc, char **argv);

#endif
