/* The log-inspection module: one process without network or files of its own. Log files come as
 * descriptors from the parent; lines go through the engine; findings go, with the read positions,
 * to the uplink's spool. */
#ifndef HIN_AGENT_MODULES_LOG_LOG_H
#define HIN_AGENT_MODULES_LOG_LOG_H

#include "role/role.h"

struct hin_result hin_agent_log_setup(struct hin_role *role);
struct hin_result hin_agent_log_sandbox(struct hin_role *role, struct hin_sandbox *sandbox);
struct hin_result hin_agent_log_run(struct hin_role *role);

#endif
