/* `hinomi backup rehearsals` and `hinomi backup drill`, in a file of their own beside the rest of
 * the group. */
#ifndef HIN_CLI_DRILL_H
#define HIN_CLI_DRILL_H

#include "cli/cli.h"

extern const struct hin_command hin_cli_backup_rehearsals_usage;
extern const struct hin_command hin_cli_backup_drill_usage;
int hin_cli_backup_rehearsals(int argc, char **argv);
int hin_cli_backup_drill(int argc, char **argv);

#endif
