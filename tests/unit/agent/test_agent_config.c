#include "agent/config.h"

#include <stdio.h>

#include "harness.h"

static bool allows(const char *root)
{
    static struct hin_agent_config config;
    config.root_count = 2;
    snprintf(config.roots[0], sizeof(config.roots[0]), "/srv/logs");
    snprintf(config.roots[1], sizeof(config.roots[1]), "%s", root);
    return hin_agent_config_allows_journal(&config);
}

TEST(test_agent_config__the_journal_is_the_hosts_choice)
{
    static const char *const yes[] = {"/var/log",         "/var/log/",        "/var",    "/run/log",
                                      "/var/log/journal", "/run/log/journal", "journald"};
    static const char *const no[] = {
        "/var/log/nginx", "/var/lo",   "/run/logs", "/var/log/journals",
        "/etc",           "/journald", "journal"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        CHECK(allows(yes[i]));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        CHECK(!allows(no[i]));
    }
}
