/* Whether what was restored is what it came from: two stores of one tenant, one made of a backup,
 * the other the tenant's own, which has gone on since. What is in both must be the same; what went
 * since must have a reason that stands in the tenant's audit record or its settings. */
#ifndef HIN_MANAGER_BACKUP_SAME_H
#define HIN_MANAGER_BACKUP_SAME_H

#include "store/copy.h"

struct hin_same {
    struct hin_store *restored, *own;
    struct hin_copy_position position; /* of the backup */
    int64_t at_usec;                   /* as of */
    int64_t forgotten_usec; /* events from before may have gone by retention; INT64_MIN: none */
    HIN_RESULT (*between)(void *context); /* between pages, when neither store is in use */
    void *context;
    /* Filled: */
    int64_t events, documents, entries; /* compared */
    int64_t gone, changed;              /* since, with reason */
    char error[300];                    /* of CORRUPT: what differs */
};
/* CORRUPT: they differ, same->error says in what; other failures are a store's or `between`'s. */
HIN_RESULT hin_same_compare(struct hin_same *same) HIN_NONNULL;

/* How old, at until_usec, the oldest thing of a store is that lies beyond a position and came
 * before until_usec: what would be lost if the store were. 0: nothing. at_usec: what came before it
 * lies not beyond. */
HIN_RESULT hin_same_lost(struct hin_store *store, const struct hin_copy_position *position,
                         int64_t at_usec, int64_t until_usec, int64_t *ret_usec) HIN_NONNULL;

#endif
