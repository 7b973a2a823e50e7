/* hinomi trust: claims, and what is made of them. */
#include "cli/trust.h"

#include "base/bytes.h"

static const struct hin_cli_command trust_commands[] = {
    {&hin_cli_trust_list_usage, hin_cli_trust_list},
    {&hin_cli_trust_show_usage, hin_cli_trust_show},
    {&hin_cli_trust_run_usage, hin_cli_trust_run},
    {&hin_cli_trust_publish_usage, hin_cli_trust_publish},
    {&hin_cli_trust_export_usage, hin_cli_trust_export},
    {&hin_cli_trust_check_usage, hin_cli_trust_check},
};
const struct hin_cli_group hin_cli_group_trust = {"trust", "what is promised, and whether it holds",
                                                  trust_commands, HIN_COUNT(trust_commands)};
