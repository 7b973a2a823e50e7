/* The installation's settings: written by `init` into STATE/manager.json (0600, no secrets), read
 * by `run`. */
#ifndef HIN_MANAGER_CONFIG_H
#define HIN_MANAGER_CONFIG_H

#include "base/path.h"
#include "base/result.h"
#include "clock/settings.h"
#include "manager/backup/settings.h"
#include "manager/database.h"
#include "manager/kms/settings.h"

enum {
    HIN_MANAGER_HOST_MAX = 256,
    HIN_MANAGER_API_PORT = 4119,
    HIN_MANAGER_AGENTS_PORT = 4120,
    HIN_MANAGER_FRONTS_MAX = 4,
    HIN_MANAGER_RESTART_SECONDS = 30,
    HIN_MANAGER_RESTART_SECONDS_MAX = 3600,
    HIN_MANAGER_UID_BASE = 64900, /* as root, roles take uids from here on unless set otherwise */
};

struct hin_manager_endpoint {
    char host[HIN_MANAGER_HOST_MAX]; /* what is listened on: an address, a name, or "*" */
    uint16_t port;
};

struct hin_manager_config {
    struct hin_manager_endpoint api;
    struct hin_manager_endpoint agents;
    char keyring[HIN_PATH_MAX]; /* absolute; of the file key ring */
    struct hin_kms_settings kms;
    char tenant[37]; /* UUID */
    uint32_t uid_base;
    uint32_t workers;   /* 0: as many as processors */
    uint32_t keep_days; /* events are dropped after so many days; 0: never */
    /* A process that ends unexpectedly is started again after a pause that doubles each time, up to
     * this; from the beginning once it ran for twice as long. */
    uint32_t restart_seconds;
    struct hin_clock_settings clock;
    /* Listeners before ours that stand for this installation (a proxy): probes try them too. */
    struct hin_manager_endpoint fronts[HIN_MANAGER_FRONTS_MAX];
    size_t front_count;
    char store[HIN_MANAGER_STORE_MAX]; /* address of a PostgreSQL server; empty: SQLite */
    char store_files[HIN_PATH_MAX];    /* folder of that server's own files, where this host has it:
                                          a probe looks through them; empty: it does not */
    struct hin_backup_settings backup;
};

void hin_manager_config_default(struct hin_manager_config *config) HIN_NONNULL;

/* "127.0.0.1:4119", "[::1]:4119", "name:4119", ":4119" or "*:4119" (all addresses). */
HIN_RESULT hin_manager_endpoint_parse(const char *text,
                                      struct hin_manager_endpoint *ret_endpoint) HIN_NONNULL;
/* All addresses: "*", "0.0.0.0", "::". */
bool hin_manager_is_wildcard(const char *host) HIN_NONNULL;
/* The address that others use: the host's name where all addresses are listened on.
 * "https://HOST:PORT". */
void hin_manager_endpoint_url(const struct hin_manager_endpoint *endpoint, char *out,
                              size_t out_bytes) HIN_NONNULL;

HIN_RESULT hin_manager_config_load(int state, struct hin_manager_config *ret_config,
                                   struct hin_error *error);
/* The text of such a file, which a backup holds. */
HIN_RESULT hin_manager_config_parse(struct hin_view text, struct hin_manager_config *ret_config,
                                    struct hin_error *error) __attribute__((nonnull(2)));
HIN_RESULT hin_manager_config_save(int state, const struct hin_manager_config *config);

#endif
