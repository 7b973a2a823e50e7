/* `hinomi-manager doctor`: the files of an installation, looked at where they lie; the manager need
 * not run. */
#ifndef HIN_MANAGER_DOCTOR_H
#define HIN_MANAGER_DOCTOR_H

#include "base/option.h"
#include "role/role.h"

extern const struct hin_command hin_manager_doctor_command;
/* Exit status: 0 nothing above advice, 1 warnings or errors, 2 usage. */
int hin_manager_doctor(const struct hin_role_program *program, int argc, char **argv);

#endif
