/* The spool: what the agent has found and the manager has not confirmed, on disk, sealed, in order.
 *
 * A folder of journal files (seal/journal.h), each beginning with its wrapped data key and the
 * positions known when it was begun. One record holds one commit of the log module: its events with
 * their identities and the read positions that belong to them, so both are durable or neither.
 * Events are numbered without gaps; acknowledged files are removed as a whole. At the bound (or on
 * a full disk) the oldest file goes and its unacknowledged events are counted as lost. Not
 * thread-safe.
 *
 * Record kinds: 1 positions (all of them, the last commit of each origin,
 * the clock), 2 commit. Its plain text, version 1:
 *   u8 version | origin 16 bytes | u64 commit | zigzag monotonic | zigzag wall | varint event count
 * | bytes events (wire/batch.h records) | varint position count, each: u64 id, bytes position
 * (empty: forgotten) */
#ifndef HIN_AGENT_SPOOL_H
#define HIN_AGENT_SPOOL_H

#include "base/result.h"
#include "base/time.h"
#include "base/view.h"
#include "seal/journal.h"
#include "seal/seal.h"

#define HIN_SPOOL_ORIGIN_BYTES      16
#define HIN_SPOOL_MAX_BYTES_DEFAULT (UINT64_C(512) << 20)
#define HIN_SPOOL_FILE_BYTES        (UINT64_C(8) << 20)
#define HIN_SPOOL_POSITIONS_MAX     16384

struct hin_spool;

struct hin_spool_options {
    int folder;         /* borrowed */
    uint64_t max_bytes; /* 0: the default */
    struct hin_view
        tenant; /* bound into the sealing, with the agent's id as row; borrowed for life */
    struct hin_view agent;
    struct hin_sealer *sealer;   /* of this process's fresh data key; borrowed */
    struct hin_view wrapped_key; /* that key, wrapped: begins each file; borrowed */
    /* Unwrap a key found in a file. */
    HIN_RESULT(*unwrap)
    (void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES], struct hin_view wrapped,
     struct hin_secret *ret_key);
    /* What was found damaged, or had to go. May be NULL. */
    void (*lost)(void *context, uint64_t event_count, const char *why);
    void (*corrupt)(void *context, const char *file, uint64_t offset, uint64_t end);
    /* How bytes reach a file: a test puts a recorder here. NULL: the descriptor. */
    struct hin_journal_sink (*sink)(void *context, int *fd);
    void *context;
};

/* Reads what is there: sequences, positions, the last commit of each origin. A torn end is cut,
 * damage is reported and stepped over. */
HIN_RESULT hin_spool_open(struct hin_spool **ret_spool,
                          const struct hin_spool_options *options) HIN_NONNULL;
void hin_spool_free(struct hin_spool *spool);

struct hin_spool_commit {
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES]; /* random, of the producing process */
    uint64_t number;                        /* 1, 2, ... within the origin */
    int64_t monotonic_usec, wall_usec;      /* the module's correlation clock, to go on from */
    uint64_t event_count;
    struct hin_view events; /* wire/batch.h records */
    uint64_t position_count;
    struct hin_view positions; /* u64 id, bytes position, one behind the other */
};

/* Append (in memory). EXISTS: this commit of this origin is there already (a resend): nothing is
 * done and that is success to the caller's peer. CONFLICT: the one before it is missing. INVALID:
 * malformed records. LIMIT: over what one commit may hold. */
HIN_RESULT hin_spool_append(struct hin_spool *spool,
                            const struct hin_spool_commit *commit) HIN_NONNULL;
/* Durable when it returns OK. NO_SPACE: nothing could be dropped to make room; call again later. */
HIN_RESULT hin_spool_sync(struct hin_spool *spool) HIN_NONNULL;

/* Everything up to and including this sequence is at the manager. */
void hin_spool_acknowledge(struct hin_spool *spool, uint64_t through) HIN_NONNULL;

/* Records from `from` on, as they go into a wire batch, at most about max_bytes and max_count, at
 * least one when there is one. *ret_first may be above `from` when older ones were lost. AGAIN:
 * nothing (durable) there. */
HIN_RESULT hin_spool_read(struct hin_spool *spool, uint64_t from, size_t max_bytes,
                          uint32_t max_count, struct hin_buf *out, uint64_t *ret_first,
                          uint32_t *ret_count) HIN_NONNULL;

/* The number of the last durable commit of an origin, 0 = none. */
uint64_t hin_spool_last_commit(const struct hin_spool *spool,
                               const uint8_t origin[HIN_SPOOL_ORIGIN_BYTES]) HIN_NONNULL;
/* All positions: appended as u64 id, bytes position. */
HIN_RESULT hin_spool_positions(const struct hin_spool *spool, struct hin_buf *out,
                               uint64_t *ret_count) HIN_NONNULL;

struct hin_spool_stats {
    uint64_t first, last; /* sequences held and not acknowledged; first = last + 1 when none */
    uint64_t durable;     /* last sequence that is synced */
    uint64_t bytes;       /* on disk */
    uint64_t lost_count, corrupt_count, sync_count;
    int64_t monotonic_usec, wall_usec; /* of the last commit that had them; 0 = none */
};
void hin_spool_stats(const struct hin_spool *spool, struct hin_spool_stats *ret_stats) HIN_NONNULL;

#endif
