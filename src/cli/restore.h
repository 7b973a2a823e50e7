/* `hinomi backup restore` and `hinomi backup restores`, in a file of their own beside the rest of
 * the group. */
#ifndef HIN_CLI_RESTORE_H
#define HIN_CLI_RESTORE_H

#include "cli/cli.h"

extern const struct hin_command hin_cli_backup_restore_usage;
extern const struct hin_command hin_cli_backup_restores_usage;
int hin_cli_backup_restore(int argc, char **argv);
int hin_cli_backup_restores(int argc, char **argv);

#endif
