/* The uplink: the one process of the agent that has network. It holds the spool and the device key,
 * takes commits from the modules, sends batches, and hands signed policies on. */
#ifndef HIN_AGENT_UPLINK_H
#define HIN_AGENT_UPLINK_H

#include "role/role.h"

#define HIN_AGENT_ROLE_UPLINK "uplink"
#define HIN_AGENT_ROLE_LOG    "log"

struct hin_result hin_agent_uplink_setup(struct hin_role *role);
struct hin_result hin_agent_uplink_sandbox(struct hin_role *role, struct hin_sandbox *sandbox);
struct hin_result hin_agent_uplink_run(struct hin_role *role);

#endif
