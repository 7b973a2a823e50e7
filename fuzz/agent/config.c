/* agent.json, identities in text, and os-release. What was read must be written and read again the
 * same. */
#include "agent/config.h"

#include <string.h>

#include "../scratch.h"
#include "agent/os_release.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(struct hin_view bytes)
{
    char text[64], again[HIN_AGENT_ID_TEXT_BYTES];
    uint8_t id[HIN_AGENT_ID_BYTES], id_again[HIN_AGENT_ID_BYTES];
    if (!hin_is_ok(hin_view_to_text(hin_view_sub(bytes, 0, 60), text, sizeof(text))) ||
        !hin_is_ok(hin_agent_id_parse(text, id))) {
        return;
    }
    hin_agent_id_format(id, again);
    scratch_require(hin_is_ok(hin_agent_id_parse(again, id_again)));
    scratch_require(memcmp(id, id_again, sizeof(id)) == 0);
}

/* A name that goes to the manager: never empty, never more than a line. */
static void check_os(struct hin_view bytes)
{
    char name[HIN_OS_NAME_BYTES];
    hin_os_release_name(bytes, name);
    scratch_require(name[0] != '\0' && strlen(name) <= 200 && strchr(name, '\n') == NULL);
}

/* The host allows the journal by its name, whatever else it allows. */
static void check_journal(struct hin_agent_config *config)
{
    bool named = false;
    for (size_t i = 0; i < config->root_count; i++) {
        named = named || strcmp(config->roots[i], HIN_AGENT_ROOT_JOURNAL) == 0;
    }
    scratch_require(hin_agent_config_allows_journal(config) || !named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hin_agent_config config, again; /* too large for a stack under a sanitizer */
    static struct hin_error error;
    static int folder = -1;
    if (folder < 0) {
        scratch_require(hin_is_ok(hin_fd_open(AT_FDCWD, scratch_folder(),
                                              O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &folder)));
    }
    check_id(hin_view_of(data, size));
    check_os(hin_view_of(data, size));
    scratch_write("agent.json", hin_view_of(data, size), 0600);
    if (!hin_is_ok(hin_agent_config_load(folder, &config, &error))) {
        return 0;
    }
    check_journal(&config);
    scratch_require(hin_is_ok(hin_agent_config_save(folder, &config)));
    scratch_require(hin_is_ok(hin_agent_config_load(folder, &again, &error)));
    scratch_require(
        strcmp(config.host, again.host) == 0 && config.port == again.port &&
        strcmp(config.ca_fingerprint, again.ca_fingerprint) == 0 &&
        strcmp(config.agent_id, again.agent_id) == 0 &&
        strcmp(config.tenant_id, again.tenant_id) == 0 && config.root_count == again.root_count &&
        config.spool_max_bytes == again.spool_max_bytes && config.uid_base == again.uid_base);
    for (size_t i = 0; i < config.root_count; i++) {
        scratch_require(strcmp(config.roots[i], again.roots[i]) == 0);
    }
    return 0;
}
