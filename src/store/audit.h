/* The append-only audit record: sealed entries, each chained to the one before (proof/chain.h says
 * how), so that a removed, altered or reordered entry shows. The database refuses update and
 * delete. A signed checkpoint of the newest (number, hash) proves that the end was not cut.
 *
 * The newest number and hash stand a second time in another table, written in the same transaction.
 * When the last entries are gone all the same (a damaged page, a salvage, somebody's hand), the
 * next append says so first: a gap entry that names what is lost, in the chain itself, under a
 * number that was not used. */
#ifndef HIN_STORE_AUDIT_H
#define HIN_STORE_AUDIT_H

#include "proof/chain.h"
#include "store/store.h"

#define HIN_STORE_AUDIT_HASH_BYTES HIN_CHAIN_HASH_BYTES
#define HIN_STORE_AUDIT_MAX_BYTES  (256 * 1024)

struct hin_store_audit {
    int64_t number; /* from 1, without gaps */
    int64_t time_usec;
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES];
    struct hin_view bytes; /* the caller's format (JSON) */
    struct hin_view body;  /* what the chain covers */
    bool erased;           /* its key was destroyed on purpose: `bytes` is empty for ever */
    struct hin_view salt;  /* of `bytes` in the body's commitment; empty: older, or damaged */
};

/* As the chain's judge takes it; views as of `entry`. */
struct hin_chain_link hin_store_audit_link(const struct hin_store_audit *entry) HIN_NONNULL;

HIN_RESULT hin_store_audit_append(struct hin_store *store, struct hin_view bytes, int64_t now_usec,
                                  int64_t *ret_number) HIN_NONNULL;
/* Ascending after `after`, or descending below it (0: from the newest). Damaged entries are visited
 * with empty bytes. */
HIN_RESULT
hin_store_audit_list(struct hin_store *store, int64_t after, bool descending, size_t limit,
                     HIN_RESULT (*visit)(void *context, const struct hin_store_audit *entry),
                     void *context);
/* Destroys the data key of an entry: its text opens no more, its place in the chain stays and is
 * verified as before. NOT_FOUND: no such entry; CONFLICT: one of format 1, which has no key of its
 * own (it shares one with others). OK when it was done before. */
HIN_RESULT hin_store_audit_erase(struct hin_store *store, int64_t number) HIN_NONNULL;
/* The newest number and hash; number 0 and zeroes when there is none. */
HIN_RESULT hin_store_audit_head(struct hin_store *store, int64_t *ret_number,
                                uint8_t ret_hash[HIN_STORE_AUDIT_HASH_BYTES]) HIN_NONNULL;
/* Recompute the whole chain. *ret_count: entries that fit. CORRUPT: *ret_broken is the first entry
 * that does not fit, or is missing, without a gap entry that says so. */
HIN_RESULT hin_store_audit_verify(struct hin_store *store, int64_t *ret_count,
                                  int64_t *ret_broken) HIN_NONNULL;
/* The same, and a gap entry for each place that does not fit. *ret_broken: the first of them, 0
 * when all is well (or said already). CORRUPT: more than gap entries can name, or an entry whose
 * hash fits and whose bytes are none; nothing is appended then. */
HIN_RESULT hin_store_audit_mend(struct hin_store *store, int64_t now_usec,
                                int64_t *ret_broken) HIN_NONNULL;
/* How many gap entries were made since this was last asked, by any process: for one to tell of. */
HIN_RESULT hin_store_audit_gaps_take(struct hin_store *store, int64_t *ret_fresh) HIN_NONNULL;

#endif
