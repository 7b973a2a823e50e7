/* The append-only audit record: sealed entries, each chained to the one before by SHA-256 over
 * previous hash, number, time and sealed bytes, so that a removed, altered or reordered entry
 * shows. The database refuses update and delete. A signed checkpoint of the newest (number, hash)
 * proves that the end was not cut. */
#ifndef HIN_STORE_AUDIT_H
#define HIN_STORE_AUDIT_H

#include "store/store.h"

#define HIN_STORE_AUDIT_HASH_BYTES 32
#define HIN_STORE_AUDIT_MAX_BYTES  (256 * 1024)

struct hin_store_audit {
    int64_t number; /* from 1, without gaps */
    int64_t time_usec;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    struct hin_view bytes; /* the caller's format (JSON) */
};

HIN_RESULT hin_store_audit_append(struct hin_store *store, struct hin_view bytes, int64_t now_usec,
                                  int64_t *ret_number) HIN_NONNULL;
/* Ascending after `after`, or descending below it (0: from the newest). Damaged entries are visited
 * with empty bytes. */
HIN_RESULT
hin_store_audit_list(struct hin_store *store, int64_t after, bool descending, size_t limit,
                     HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry),
                     void *context);
/* The newest number and hash; number 0 and zeroes when there is none. */
HIN_RESULT hin_store_audit_head(struct hin_store *store, int64_t *ret_number,
                                uint8_t ret_hash[HIN_STORE_AUDIT_HASH_BYTES]) HIN_NONNULL;
/* Recompute the whole chain. CORRUPT: *ret_broken is the first entry that does not fit. */
HIN_RESULT hin_store_audit_verify(struct hin_store *store, int64_t *ret_count,
                                  int64_t *ret_broken) HIN_NONNULL;

#endif
