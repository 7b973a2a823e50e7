#include "manager/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "data/json.h"

static const char file_name[] = "manager.json";
enum { FILE_MAX = 65536 };

void hin_manager_config_default(struct hin_manager_config *config)
{
    *config = (struct hin_manager_config){
        .api = {"127.0.0.1", HIN_MANAGER_API_PORT},
        .agents = {"127.0.0.1", HIN_MANAGER_AGENTS_PORT},
        .uid_base = HIN_MANAGER_UID_BASE,
        .restart_seconds = HIN_MANAGER_RESTART_SECONDS,
    };
    hin_clock_settings_default(&config->clock);
    hin_backup_settings_default(&config->backup);
}

HIN_RESULT hin_manager_endpoint_parse(const char *text, struct hin_manager_endpoint *ret_endpoint)
{
    struct hin_manager_endpoint endpoint = {0};
    struct hin_view all = hin_view_from_text(text);
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    HIN_ENSURE(colon != NULL, SYNTAX);
    size_t host_bytes = (size_t)(colon - text);
    struct hin_view host = hin_view_sub(all, 0, host_bytes);
    HIN_TRY(hin_view_to_u64(hin_view_sub(all, host_bytes + 1, all.size), &port));
    HIN_ENSURE(port <= UINT16_MAX, INVALID);
    if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']') {
        host = hin_view_sub(host, 1, host.size - 2);
    } else {
        HIN_ENSURE(hin_view_find_byte(host, ':') == SIZE_MAX, SYNTAX);
    }
    if (host.size == 0) {
        host = HIN_VIEW("*");
    }
    HIN_TRY(hin_view_to_text(host, endpoint.host, sizeof(endpoint.host)));
    endpoint.port = (uint16_t)port;
    *ret_endpoint = endpoint;
    return hin_ok();
}

bool hin_manager_is_wildcard(const char *host)
{
    return strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

void hin_manager_endpoint_url(const struct hin_manager_endpoint *endpoint, char *out,
                              size_t out_bytes)
{
    char name[HIN_MANAGER_HOST_MAX] = "localhost";
    const char *host = endpoint->host;
    if (hin_manager_is_wildcard(host)) {
        if (gethostname(name, sizeof(name)) != 0) {
            hin_copy(name, "localhost", sizeof("localhost"));
        }
        name[sizeof(name) - 1] = 0;
        host = name;
    }
    bool brackets = strchr(host, ':') != NULL;
    snprintf(out, out_bytes, "https://%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "",
             endpoint->port);
}

static HIN_RESULT read_endpoint(struct hin_json root, const char *key,
                                struct hin_manager_endpoint *endpoint, struct hin_error *error)
{
    struct hin_json object;
    struct hin_view host;
    int64_t port = 0;
    static const char *const known[] = {"host", "port"};
    HIN_TRY(hin_json_get_object(root, key, &object, error));
    HIN_TRY(hin_json_only(object, known, HIN_COUNT(known), error));
    HIN_TRY(hin_json_get_text(object, "host", &host, error));
    HIN_TRY(hin_json_get_integer(object, "port", 1, UINT16_MAX, &port, error));
    HIN_TRY(hin_view_to_text(host, endpoint->host, sizeof(endpoint->host)));
    endpoint->port = (uint16_t)port;
    return hin_ok();
}

/* "fronts": ["HOST:PORT", ...] */
static HIN_RESULT read_fronts(struct hin_json root, struct hin_manager_config *config,
                              struct hin_error *error)
{
    struct hin_json list;
    size_t count = 0;
    if (!hin_json_find(root, "fronts", &list)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_array(list, &count, error));
    if (count > HIN_MANAGER_FRONTS_MAX) {
        return hin_json_refuse(list, error, HIN_LIMIT, "at most %d", (int)HIN_MANAGER_FRONTS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        char text[HIN_MANAGER_HOST_MAX + 8];
        struct hin_view item;
        struct hin_manager_endpoint *front = &config->fronts[i];
        HIN_TRY(hin_json_text(hin_json_at(list, i), &item, error));
        if (!hin_is_ok(hin_view_to_text(item, text, sizeof(text))) ||
            !hin_is_ok(hin_manager_endpoint_parse(text, front)) ||
            hin_manager_is_wildcard(front->host) || front->port == 0) {
            return hin_json_refuse(hin_json_at(list, i), error, HIN_INVALID, "not HOST:PORT");
        }
    }
    config->front_count = count;
    return hin_ok();
}

static HIN_RESULT read_store_files(struct hin_json root, struct hin_manager_config *config,
                                   struct hin_error *error)
{
    struct hin_view folder = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_opt_text(root, "storeFiles", &folder, error));
    if (folder.size > 0 && folder.data[0] != '/') {
        return hin_json_refuse(root, error, HIN_INVALID, "storeFiles: no absolute path");
    }
    return hin_view_to_text(folder, config->store_files, sizeof(config->store_files));
}

static HIN_RESULT read_config(struct hin_json root, struct hin_manager_config *config,
                              struct hin_error *error)
{
    struct hin_view keyring;
    struct hin_view tenant;
    struct hin_view store = HIN_VIEW_EMPTY;
    int64_t uid_base = config->uid_base;
    int64_t workers = 0;
    int64_t keep_days = 0;
    int64_t restart_seconds = config->restart_seconds;
    /* A mistyped name would quietly leave the default in force. */
    static const char *const known[] = {"api",        "agents",
                                        "keyring",    "tenant",
                                        "uidBase",    "workers",
                                        "keepDays",   "restartSeconds",
                                        "kms",        "store",
                                        "fronts",     "backup",
                                        "storeFiles", HIN_CLOCK_SETTINGS_KEYS};
    HIN_TRY(hin_json_only(root, known, HIN_COUNT(known), error));
    HIN_TRY(read_endpoint(root, "api", &config->api, error));
    HIN_TRY(read_endpoint(root, "agents", &config->agents, error));
    HIN_TRY(hin_kms_settings_read(root, &config->kms, error));
    HIN_TRY(hin_json_get_text(root, "keyring", &keyring, error));
    HIN_TRY(hin_json_get_text(root, "tenant", &tenant, error));
    HIN_TRY(hin_json_opt_integer(root, "uidBase", 0, INT32_MAX, &uid_base, error));
    HIN_TRY(hin_json_opt_integer(root, "workers", 0, 64, &workers, error));
    HIN_TRY(hin_json_opt_integer(root, "keepDays", 0, 36500, &keep_days, error));
    HIN_TRY(hin_json_opt_integer(root, "restartSeconds", 1, HIN_MANAGER_RESTART_SECONDS_MAX,
                                 &restart_seconds, error));
    HIN_TRY(hin_clock_settings_read(root, &config->clock, error));
    HIN_TRY(read_fronts(root, config, error));
    HIN_TRY(hin_backup_settings_read(root, &config->backup, error));
    HIN_TRY(hin_json_opt_text(root, "store", &store, error));
    HIN_TRY(hin_view_to_text(store, config->store, sizeof(config->store)));
    HIN_TRY(read_store_files(root, config, error));
    HIN_TRY(hin_view_to_text(keyring, config->keyring, sizeof(config->keyring)));
    HIN_TRY(hin_view_to_text(tenant, config->tenant, sizeof(config->tenant)));
    config->uid_base = (uint32_t)uid_base;
    config->workers = (uint32_t)workers;
    config->keep_days = (uint32_t)keep_days;
    config->restart_seconds = (uint32_t)restart_seconds;
    return hin_ok();
}

HIN_RESULT hin_manager_config_parse(struct hin_view text, struct hin_manager_config *ret_config,
                                    struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_manager_config config;
    hin_manager_config_default(&config);
    struct hin_result parsed = hin_json_parse(text, FILE_MAX, &document, error);
    if (hin_is_ok(parsed)) {
        parsed = read_config(hin_json_root(document), &config, error);
    }
    if (!hin_is_ok(parsed)) {
        return hin_error_in_file(error, parsed, file_name);
    }
    *ret_config = config;
    return hin_ok();
}

HIN_RESULT hin_manager_config_load(int state, struct hin_manager_config *ret_config,
                                   struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = FILE_MAX};
    struct hin_result read = hin_file_read(state, file_name, &text);
    if (read.code == HIN_NOT_FOUND) {
        return hin_error_set(error, read.code, file_name, 0, 0,
                             "not in this folder: --state is the one that `hinomi-manager init` "
                             "made (./run: manager, in its own)");
    }
    if (!hin_is_ok(read)) {
        return hin_error_set(error, read.code, file_name, 0, 0, "%s", hin_code_text(read.code));
    }
    return hin_manager_config_parse(hin_buf_view(&text), ret_config, error);
}

static void write_endpoint(struct hin_json_writer *writer, const char *key,
                           const struct hin_manager_endpoint *endpoint)
{
    hin_json_key(writer, key);
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "host", endpoint->host);
    hin_json_field_integer(writer, "port", endpoint->port);
    hin_json_end_object(writer);
}

static void write_fronts(struct hin_json_writer *writer, const struct hin_manager_config *config)
{
    hin_json_key(writer, "fronts");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < config->front_count; i++) {
        char text[HIN_MANAGER_HOST_MAX + 16];
        const struct hin_manager_endpoint *front = &config->fronts[i];
        bool brackets = strchr(front->host, ':') != NULL;
        snprintf(text, sizeof(text), "%s%s%s:%u", brackets ? "[" : "", front->host,
                 brackets ? "]" : "", front->port);
        hin_json_put_cstring(writer, text);
    }
    hin_json_end_array(writer);
}

HIN_RESULT hin_manager_config_save(int state, const struct hin_manager_config *config)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, true);
    hin_json_begin_object(&writer);
    write_endpoint(&writer, "api", &config->api);
    write_endpoint(&writer, "agents", &config->agents);
    hin_json_field_cstring(&writer, "keyring", config->keyring);
    hin_kms_settings_write(&writer, &config->kms);
    hin_json_field_cstring(&writer, "tenant", config->tenant);
    hin_json_field_integer(&writer, "uidBase", config->uid_base);
    hin_json_field_integer(&writer, "workers", config->workers);
    hin_json_field_integer(&writer, "keepDays", config->keep_days);
    hin_json_field_integer(&writer, "restartSeconds", config->restart_seconds);
    hin_clock_settings_write(&writer, &config->clock);
    if (config->front_count > 0) {
        write_fronts(&writer, config);
    }
    hin_backup_settings_write(&writer, &config->backup);
    if (config->store[0] != 0) {
        hin_json_field_cstring(&writer, "store", config->store);
    }
    if (config->store_files[0] != 0) {
        hin_json_field_cstring(&writer, "storeFiles", config->store_files);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_buf_append_byte(&text, '\n'));
    return hin_file_replace(state, file_name, hin_buf_view(&text), 0600);
}
