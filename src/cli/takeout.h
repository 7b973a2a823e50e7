/* `hinomi tenant export` and `open`, in a file of their own beside the rest of their group. */
#ifndef HIN_CLI_TAKEOUT_H
#define HIN_CLI_TAKEOUT_H

#include "cli/cli.h"

extern const struct hin_command hin_cli_tenant_export_usage;
extern const struct hin_command hin_cli_tenant_open_usage;
int hin_cli_tenant_export(int argc, char **argv);
int hin_cli_tenant_open(int argc, char **argv);

#endif
