/* Backups of a tenant in a depot: taking, shipping what is new, checking, restoring, destroying.
 *
 * In a depot, of a tenant: "t/TENANT/o/XX/NAME" objects, "t/TENANT/m/BEGUN" manifests,
 * "t/TENANT/s/BEGUN/SEQUENCE" shipments; numbers in hex. An object is a segment as the store holds
 * it, sealed under its own data key and named by what tells it from every other (its key id, nonce
 * and checksums), or a piece: rows of one part, sealed under a fresh key and named by that key's
 * id. So nothing is written twice, and what was cut off goes on. Whatever names an object is
 * written after it is durable.
 *
 * Nothing here has a clock or sleeps of its own: time is an argument, and `between` is called
 * between objects, for progress, for pauses, and to stop (its failure is answered). Not
 * thread-safe; a restore may use a thread of its own. */
#ifndef HIN_BACKUP_BACKUP_H
#define HIN_BACKUP_BACKUP_H

#include "backup/manifest.h"
#include "depot/depot.h"

struct hin_backup_progress {
    uint64_t objects, bytes;               /* written (or read) by this call */
    uint64_t objects_shared, bytes_shared; /* that lay there before */
    uint64_t objects_all, bytes_all;       /* of all there is to do, as far as it is known; or 0 */
};

struct hin_backup {
    struct hin_depot *depot;
    const char *tenant;
    /* Opens a manifest's key: by the key service, or by the provider itself (restoring). */
    HIN_RESULT(*open_key)
    (void *context, struct hin_view tenant, struct hin_view payload,
     struct hin_vault_data_key *ret_key);
    void *key_context;
    /* NULL: nobody asks. */
    HIN_RESULT (*between)(void *context, const struct hin_backup_progress *progress);
    void *between_context;
    /* A restore reads ahead by a second thread, which alone uses the depot meanwhile. Not where the
     * process may have one thread only, nor with a depot that is reached through others' hands. */
    bool read_ahead;
    struct hin_backup_progress progress;
    struct hin_error error; /* what is wrong with which object of which tenant */
};

/* --- where things lie --- */
void hin_backup_object_path(const char *tenant, const uint8_t name[HIN_BACKUP_NAME_BYTES],
                            char out[HIN_DEPOT_NAME_MAX + 1]) HIN_NONNULL;
/* sequence 0: the manifest. */
void hin_backup_manifest_path(const char *tenant, int64_t begun_usec, uint32_t sequence,
                              char out[HIN_DEPOT_NAME_MAX + 1]) HIN_NONNULL;
/* The manifests of a tenant (all tenants: NULL), oldest first; *ret_list is the caller's to free.
 */
struct hin_backup_listed {
    char tenant[HIN_STORE_TENANT_MAX + 1];
    int64_t begun_usec;
    uint64_t size;
    uint32_t shipment_count, last_sequence;
};
HIN_RESULT hin_backup_list(struct hin_depot *depot, const char *tenant,
                           struct hin_backup_listed **ret_list, size_t *ret_count)
    __attribute__((nonnull(1, 3, 4)));
/* Of one tenant, without looking for shipments: those lie in a folder for each backup, and a host
 * that is far off takes its time for each folder. */
HIN_RESULT hin_backup_list_manifests(struct hin_depot *depot, const char *tenant,
                                     struct hin_backup_listed **ret_list,
                                     size_t *ret_count) HIN_NONNULL;

/* A manifest, or the state a shipment of it has brought about. UINT32_MAX: its newest shipment that
 * can be read (0 where there is none). *ret_key: the caller's to free, may be NULL. On failure
 * `backup->error` names what is wrong. */
HIN_RESULT hin_backup_load(struct hin_backup *backup, int64_t begun_usec, uint32_t sequence,
                           struct hin_backup_manifest *ret_manifest,
                           struct hin_vault_data_key *ret_key) __attribute__((nonnull(1, 4)));

/* --- taking --- */

/* What ranges of documents held when they were read last: what is as it was is not read again.
 * Starts zeroed; for one handle of a store. */
struct hin_backup_memory {
    struct hin_backup_read *reads; /* by range */
    size_t count;
};
void hin_backup_memory_done(struct hin_backup_memory *memory);

/* Takes what `store` holds into the depot. former: what an earlier backup of the tenant in this
 * depot holds (NULL: none); its objects are not written again. next is filled (begun_usec, payload,
 * sequence and version are the caller's); writes objects, then the manifest, or, with base, the
 * shipment of base under base's key. The store is read in one moment, which it is at the end; what
 * takes long is read before.
 * *ret_changed: with base, whether there was anything to ship; nothing is written when not. */
struct hin_backup_take {
    struct hin_store *store;
    struct hin_backup_memory *memory; /* kept from one to the next of the same store; or NULL */
    const struct hin_backup_manifest *former;
    const struct hin_backup_manifest *base;
    const struct hin_vault_data_key *key;
    int64_t now_usec;
};
HIN_RESULT hin_backup_take(struct hin_backup *backup, const struct hin_backup_take *take,
                           struct hin_backup_manifest *next, bool *ret_changed) HIN_NONNULL;

/* --- checking --- */

struct hin_backup_verdict {
    uint64_t objects, bytes, damaged, missing;
    char first[HIN_DEPOT_NAME_MAX + 1]; /* the first that is not as it was */
};
/* Reads back every object of a manifest, compares size and checksum and opens what is sealed under
 * the manifest's keys. OK: the verdict says; the failure of a depot that cannot be asked, or of the
 * manifest itself, is answered. */
HIN_RESULT hin_backup_check(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                            struct hin_backup_verdict *ret_verdict) HIN_NONNULL;

/* The same of all that a backup consists of: its manifest, each of its shipments, and every object
 * that any of them names. The failure of the manifest is answered; a shipment that cannot be read,
 * or that lacks while a later one is there, counts as one damaged or missing. */
HIN_RESULT hin_backup_check_all(struct hin_backup *backup, int64_t begun_usec,
                                struct hin_backup_verdict *ret_verdict) HIN_NONNULL;

/* --- restoring --- */

/* Into a store that was made for it and is unlocked with new keys. Every object is checked on the
 * way: CORRUPT, AUTH, NOT_FOUND name it in backup->error. Cut off, the store is to be thrown away.
 */
HIN_RESULT hin_backup_restore(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                              struct hin_store *store) HIN_NONNULL;

/* Whether a store that was just made of a manifest, and in which nothing was written since, holds
 * its rows, segments and position. CORRUPT: backup->error says what differs. What segments and the
 * audit record hold is the caller's to compare. */
HIN_RESULT hin_backup_compare(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                              struct hin_store *store) HIN_NONNULL;

/* --- destroying --- */

/* Removes a manifest and its shipments, whose key was destroyed before; repeats are harmless. */
HIN_RESULT hin_backup_remove(struct hin_backup *backup, int64_t begun_usec) HIN_NONNULL;
/* Removes objects that no manifest of the tenant names, nor any shipment. One that cannot be read
 * (other than by a destroyed key: NOT_FOUND of open_key, which is as good as removed) ends it
 * before anything is removed. Not while the tenant's backup is being taken. */
HIN_RESULT hin_backup_sweep(struct hin_backup *backup, uint64_t *ret_objects,
                            uint64_t *ret_bytes) HIN_NONNULL;

#endif
