/* What `hinomi log` and `hinomi rules` share: the rule set of a folder, loaded with its cache, and
 * the machine's zone. */
#ifndef HIN_CLI_LOG_ENGINE_H
#define HIN_CLI_LOG_ENGINE_H

#include "decode/log/zone.h"
#include "engine/log/log.h"

/* `folder` NULL: our own rules, from HINOMI_RULES, beside the build, or where they are installed.
 * What is wrong with files goes to standard error; any error refuses the set. */
HIN_RESULT hin_cli_rules_open(const char *folder, bool cache, struct hin_error *error,
                              struct hin_log_rules **ret_rules);
/* "file:line:column: error: sentence" for each. */
void hin_cli_rules_print(const struct hin_log_rules *rules, bool only_errors);
/* The zone of that name: INVALID with a sentence when there is none. NULL: TZ or /etc/localtime,
 * UTC when neither can be read. */
HIN_RESULT hin_cli_zone(const char *name, struct hin_zone *ret_zone, struct hin_error *error);

#endif
