/* Facts about this host for hello and enrol. */
#ifndef HIN_AGENT_FACTS_H
#define HIN_AGENT_FACTS_H

#include "agent/os_release.h"

struct hin_agent_host {
    char name[256];
    char os[HIN_OS_NAME_BYTES];
    char platform[256];
};
void hin_agent_host_facts(struct hin_agent_host *ret_host);

#endif
