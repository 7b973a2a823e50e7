#include "agent/config.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "data/json.h"

#define CONFIG_MAX_BYTES (1U << 20)

void hin_agent_config_default(struct hin_agent_config *ret_config)
{
    *ret_config = (struct hin_agent_config){.uid_base = HIN_AGENT_UID_BASE};
    hin_clock_settings_default(&ret_config->clock);
}

static HIN_RESULT text_into(struct hin_json object, const char *key, char *out, size_t out_bytes,
                            bool optional, struct hin_error *error)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    if (optional) {
        HIN_TRY(hin_json_opt_text(object, key, &text, error));
    } else {
        HIN_TRY(hin_json_get_text(object, key, &text, error));
    }
    if (!hin_is_ok(hin_view_to_text(text, out, out_bytes))) {
        return hin_json_refuse(object, error, HIN_INVALID, "%s is too long", key);
    }
    return hin_ok();
}

static HIN_RESULT config_read(struct hin_json root, struct hin_agent_config *config,
                              struct hin_error *error)
{
    int64_t port = 0, spool = 0, uid_base = HIN_AGENT_UID_BASE;
    struct hin_json roots;
    static const char *const known[] = {"managerHost", "managerPort", "caFingerprint",
                                        "agentID",     "tenantID",    "spoolMaxBytes",
                                        "uidBase",     "logRoots",    HIN_CLOCK_SETTINGS_KEYS};
    HIN_TRY(hin_json_only(root, known, HIN_COUNT(known), error));
    HIN_TRY(text_into(root, "managerHost", config->host, sizeof(config->host), false, error));
    HIN_TRY(hin_json_get_integer(root, "managerPort", 1, 65535, &port, error));
    HIN_TRY(text_into(root, "caFingerprint", config->ca_fingerprint, sizeof(config->ca_fingerprint),
                      false, error));
    HIN_TRY(text_into(root, "agentID", config->agent_id, sizeof(config->agent_id), true, error));
    HIN_TRY(text_into(root, "tenantID", config->tenant_id, sizeof(config->tenant_id), true, error));
    HIN_TRY(hin_json_opt_integer(root, "spoolMaxBytes", 1 << 20, INT64_MAX, &spool, error));
    HIN_TRY(hin_json_opt_integer(root, "uidBase", 1, 2000000000, &uid_base, error));
    HIN_TRY(hin_json_get_array(root, "logRoots", &roots, &config->root_count, error));
    if (config->root_count > HIN_OPTION_TEXTS_MAX) {
        return hin_json_refuse(roots, error, HIN_LIMIT, "more than %d log roots",
                               HIN_OPTION_TEXTS_MAX);
    }
    for (size_t i = 0; i < config->root_count; i++) {
        struct hin_view path;
        HIN_TRY(hin_json_text(hin_json_at(roots, i), &path, error));
        if (!hin_is_ok(hin_view_to_text(path, config->roots[i], sizeof(config->roots[i])))) {
            return hin_json_refuse(roots, error, HIN_INVALID, "a path is too long");
        }
    }
    HIN_TRY(hin_clock_settings_read(root, &config->clock, error));
    config->port = (uint16_t)port;
    config->spool_max_bytes = (uint64_t)spool;
    config->uid_base = (uint32_t)uid_base;
    return hin_ok();
}

bool hin_agent_config_allows_journal(const struct hin_agent_config *config)
{
    static const char *const folders[] = {"/var/log/journal", "/run/log/journal"};
    for (size_t i = 0; i < config->root_count; i++) {
        struct hin_view root = hin_view_from_text(config->roots[i]);
        while (root.size > 1 && root.data[root.size - 1] == '/') {
            root.size--;
        }
        if (hin_view_is(root, HIN_AGENT_ROOT_JOURNAL)) {
            return true;
        }
        for (size_t f = 0; f < HIN_COUNT(folders); f++) {
            struct hin_view folder = hin_view_from_text(folders[f]);
            if (hin_view_starts_with(folder, root) &&
                (root.size == folder.size || folder.data[root.size] == '/')) {
                return true;
            }
        }
    }
    return false;
}

struct hin_result hin_agent_config_load(int folder, struct hin_agent_config *ret_config,
                                        struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = CONFIG_MAX_BYTES};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_result result = hin_file_read(folder, "agent.json", &text);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, "agent.json", 0, 0,
                             "%s: not enrolled? (hinomi-agent enrol --help)",
                             hin_code_text(result.code));
    }
    struct hin_agent_config config;
    hin_agent_config_default(&config);
    result = hin_json_parse(hin_buf_view(&text), CONFIG_MAX_BYTES, &document, error);
    if (hin_is_ok(result)) {
        result = config_read(hin_json_root(document), &config, error);
    }
    if (!hin_is_ok(result)) {
        return hin_error_in_file(error, result, "agent.json");
    }
    *ret_config = config;
    return result;
}

struct hin_result hin_agent_config_save(int folder, const struct hin_agent_config *config)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = CONFIG_MAX_BYTES};
    struct hin_json_writer json;
    hin_json_writer_init(&json, &text, true);
    hin_json_begin_object(&json);
    hin_json_key(&json, "managerHost");
    hin_json_put_cstring(&json, config->host);
    hin_json_key(&json, "managerPort");
    hin_json_put_integer(&json, config->port);
    hin_json_key(&json, "caFingerprint");
    hin_json_put_cstring(&json, config->ca_fingerprint);
    hin_json_key(&json, "agentID");
    hin_json_put_cstring(&json, config->agent_id);
    hin_json_key(&json, "tenantID");
    hin_json_put_cstring(&json, config->tenant_id);
    if (config->spool_max_bytes != 0) {
        hin_json_key(&json, "spoolMaxBytes");
        hin_json_put_unsigned(&json, config->spool_max_bytes);
    }
    hin_json_key(&json, "uidBase");
    hin_json_put_unsigned(&json, config->uid_base);
    hin_json_key(&json, "logRoots");
    hin_json_begin_array(&json);
    for (size_t i = 0; i < config->root_count; i++) {
        hin_json_put_cstring(&json, config->roots[i]);
    }
    hin_json_end_array(&json);
    hin_clock_settings_write(&json, &config->clock);
    hin_json_end_object(&json);
    HIN_TRY(hin_json_writer_finish(&json));
    HIN_TRY(hin_buf_append_text(&text, "\n"));
    return hin_file_replace(folder, "agent.json", hin_buf_view(&text), 0600);
}

void hin_agent_id_format(const uint8_t id[HIN_AGENT_ID_BYTES],
                         char ret_text[HIN_AGENT_ID_TEXT_BYTES])
{
    char hex[2 * HIN_AGENT_ID_BYTES + 1];
    hin_hex(id, HIN_AGENT_ID_BYTES, hex);
    snprintf(ret_text, HIN_AGENT_ID_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
             hex + 16, hex + 20);
}

struct hin_result hin_agent_id_parse(const char *text, uint8_t ret_id[HIN_AGENT_ID_BYTES])
{
    char hex[2 * HIN_AGENT_ID_BYTES];
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '-') {
            HIN_ENSURE(count < sizeof(hex), SYNTAX);
            hex[count++] = *at;
        }
    }
    return hin_unhex(hin_view_of(hex, count), ret_id, HIN_AGENT_ID_BYTES);
}
