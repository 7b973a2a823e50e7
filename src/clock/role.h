/* The process `clock` of manager and agent: it asks time servers and tells its peers. It has the
 * network (datagrams only), name resolution, and nothing else: no key, no data, no folder. */
#ifndef HIN_CLOCK_ROLE_H
#define HIN_CLOCK_ROLE_H

#include "role/role.h"

#define HIN_CLOCK_ROLE "clock"

/* For the program's table of roles. The parent hands it hin_clock_settings_hand; every peer gets
 * HIN_CLOCK_REPORT when it comes up and whenever something changed. */
struct hin_result hin_clock_role_sandbox(struct hin_role *role, struct hin_sandbox *sandbox);
struct hin_result hin_clock_role_run(struct hin_role *role);

#endif
