/* What is in the agent's state folder, and what the host itself decided at enrolment.
 *
 *   DIR/agent.json       manager, pinned authority, log roots, identity: plain, nothing sensitive
 *   DIR/policy.key       whose policies count; only the parent may write it
 *   DIR/lock             held while the agent runs
 *   DIR/status           what `status` prints, replaced by the parent
 *   DIR/uplink/          the uplink's: certificates, policy.key, sealed files (cabinet.h), spool/
 *   DIR.key              the key file, beside the folder so that a stolen folder opens nothing */
#ifndef HIN_AGENT_CONFIG_H
#define HIN_AGENT_CONFIG_H

#include "base/option.h"
#include "base/path.h"
#include "base/result.h"
#include "clock/settings.h"
#include "io/url.h"

#define HIN_AGENT_ID_BYTES      16
#define HIN_AGENT_ID_TEXT_BYTES 37
#define HIN_AGENT_UID_BASE      64800

struct hin_agent_config {
    char host[HIN_URL_HOST_BYTES];
    uint16_t port;
    char ca_fingerprint[65];
    char agent_id[HIN_AGENT_ID_TEXT_BYTES]; /* "" before enrolment is complete */
    char tenant_id[HIN_AGENT_ID_TEXT_BYTES];
    char roots[HIN_OPTION_TEXTS_MAX][HIN_PATH_MAX];
    size_t root_count;
    uint64_t spool_max_bytes;
    uint32_t uid_base;
    struct hin_clock_settings clock;
};

/* Among the log roots: the journal may be read, whatever else may. */
#define HIN_AGENT_ROOT_JOURNAL "journald"
/* Does the host allow the journal? It says so by name, or allows a folder that its files lie in. */
bool hin_agent_config_allows_journal(const struct hin_agent_config *config);

void hin_agent_config_default(struct hin_agent_config *ret_config);
/* folder: descriptor of DIR. NOT_FOUND before enrolment; a wrong file names its place in error. */
HIN_RESULT hin_agent_config_load(int folder, struct hin_agent_config *ret_config,
                                 struct hin_error *error);
HIN_RESULT hin_agent_config_save(int folder, const struct hin_agent_config *config);

/* "xxxxxxxx-xxxx-..." lower case. */
void hin_agent_id_format(const uint8_t id[HIN_AGENT_ID_BYTES],
                         char ret_text[HIN_AGENT_ID_TEXT_BYTES]);
HIN_RESULT hin_agent_id_parse(const char *text, uint8_t ret_id[HIN_AGENT_ID_BYTES]);

#endif
