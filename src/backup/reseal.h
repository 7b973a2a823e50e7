/* A backup without what was erased since: its manifest and each of its shipments written anew in
 * the place of the former, beside it, under another name and key. Points in time stay; of each
 * what goes is taken out, and everything else is as it was. The former manifest's key is then the
 * caller's to destroy, and its remains to be removed: only with that is anything gone.
 *
 * A segment that holds something of it is fetched, opened and made anew under a key of its own
 * (store/remake.h); so are the pieces of documents, and of their names. What is not affected stays
 * the object that it is. New objects, then shipments, then the manifest: until that is there, the
 * former stands alone, and a run that was cut off is repeated. */
#ifndef HIN_BACKUP_RESEAL_H
#define HIN_BACKUP_RESEAL_H

#include "backup/backup.h"
#include "store/remake.h"

/* What goes. */
struct hin_backup_sieve {
    struct hin_remake_judge events;
    /* Asked about documents of `kinds` (bit 1 << kind) alone; those of owned_kinds go with the
     * document of owner_kind that is their owner. */
    HIN_RESULT (*judge)(void *context, const struct hin_store_document *document, bool *ret_goes);
    void *context;
    uint64_t kinds, owned_kinds;
    enum hin_store_kind owner_kind;
    /* Names of segments' objects that are known to hold nothing of it (value: anything), which are
     * not read. Those that are found to hold nothing are added. The caller's. */
    struct hin_map *clean;
};

/* Names of all segments that a store holds, for `clean`, when it holds nothing of it any more. */
HIN_RESULT hin_backup_learn_clean(struct hin_store *store, struct hin_map *clean) HIN_NONNULL;

/* One pass over backups of a tenant in one depot: what was opened once is remembered. Ends before
 * anything is swept from there. */
struct hin_backup_resealing;
HIN_RESULT hin_backup_resealing_new(struct hin_backup_resealing **ret_resealing, const char *tenant,
                                    const struct hin_backup_sieve *sieve) HIN_NONNULL;
void hin_backup_resealing_free(struct hin_backup_resealing *resealing);

struct hin_backup_successor {
    int64_t begun_usec; /* its name; no other backup's */
    const struct hin_vault_data_key *key;
    struct hin_view payload;
    struct hin_index *index; /* of the time of the former */
};
struct hin_backup_resealed {
    uint64_t shipments, segments, events, documents; /* made anew; taken out */
    uint64_t lost_segments, lost_shipments; /* opened for nobody: left out, the former marked as
                                               damaged, as it was before */
    uint64_t unread;                        /* events of a later version: they stay */
    int64_t at_usec;
    struct hin_copy_position position;
    size_t segment_count, object_count;
    uint64_t bytes; /* of all objects of the manifest */
};
/* The backup `begun_usec` of backup->depot. NOT_FOUND, CORRUPT...: it cannot be read
 * (backup->error); the depot's failure. */
HIN_RESULT hin_backup_reseal(struct hin_backup *backup, struct hin_backup_resealing *resealing,
                             int64_t begun_usec, const struct hin_backup_successor *successor,
                             struct hin_backup_resealed *ret_resealed) HIN_NONNULL;

/* A backup with its shipments, and the objects it needs, from one depot into another; what lies
 * there and is the same is not written again. The failure of either is in its error. */
HIN_RESULT hin_backup_copy(struct hin_backup *from, struct hin_backup *to,
                           int64_t begun_usec) HIN_NONNULL;

#endif
