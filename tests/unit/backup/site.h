/* A tenant's store with something of everything in it, its key ring and vault, and a depot: what
 * the tests of backups begin with. */
#ifndef HIN_TESTS_BACKUP_SITE_H
#define HIN_TESTS_BACKUP_SITE_H

#include "../store/fixture.h"
#include "backup/backup.h"
#include "keys/ring.h"

struct site {
    struct fixture source;
    char folder[512], depot_folder[600], url[640];
    int vault_fd;
    struct hin_ring *ring;
    struct hin_vault_options vault_options;
    struct hin_vault *vault;
    struct hin_depot *depot;
    struct hin_backup backup;
    struct hin_backup_memory memory; /* of the source */
};

HIN_RESULT site_start(struct site *site, const char *name);
void site_stop(struct site *site);
/* Events, documents, agents, certificates, audit entries, some erased. */
HIN_RESULT site_fill(struct site *site, int scale);
/* A full backup, begun at `begun`. */
HIN_RESULT site_take(struct site *site, int64_t begun, const struct hin_backup_manifest *former,
                     struct hin_backup_manifest *ret_manifest, struct hin_vault_data_key *ret_key);
/* One shipment of it. *state: what was shipped last; replaced. */
HIN_RESULT site_ship(struct site *site, const struct hin_backup_manifest *base,
                     const struct hin_vault_data_key *key, uint32_t sequence,
                     struct hin_backup_manifest *state, bool *ret_changed);

/* A fresh store for the same tenant, with other table keys, in a folder of its own (SQLite). */
HIN_RESULT target_open(struct fixture *target, const struct site *site, const char *name);
/* The same beside the tenant's own: on the server where that lies on one. One at a time. */
HIN_RESULT target_open_beside(struct fixture *target, const struct site *site, const char *name);
void target_stop(struct fixture *target);
HIN_RESULT target_erase_beside(const struct site *site);
/* All that a store holds, as one digest in hex. */
HIN_RESULT digest_of(struct hin_store *store, char ret_hex[HIN_SHA256_HEX_BYTES]);
/* Restores a backup (or shipment) into a fresh store and compares it with `wanted`. */
HIN_RESULT restores_beside(struct site *site, int64_t begun, const char *name, const char *wanted,
                           bool *ret_same);
HIN_RESULT restores_to(struct site *site, int64_t begun, uint32_t sequence, const char *name,
                       const char *wanted, bool *ret_same);

#endif
