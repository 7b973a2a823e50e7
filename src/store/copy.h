/* All that a tenant's store holds, as it stood at one moment, and the way of it into an empty one,
 * of either database: rows of parts as bytes, and segments as they are sealed. Sealed things stay
 * sealed; the key of each comes with it in the clear, so what is read here is to be sealed by the
 * caller, and wiped.
 *
 * A row: the columns of its part (copy.c) as zigzag numbers and length-prefixed bytes (length + 1;
 * 0: NULL), then, where its things have keys of their own, u8 state and perhaps 32 bytes. Formats
 * of rows are stored in backups: a part's columns never change; another set is another part. */
#ifndef HIN_STORE_COPY_H
#define HIN_STORE_COPY_H

#include "store/audit.h"
#include "store/store.h"

/* Stored: append only. */
enum hin_store_part {
    HIN_PART_META = 1,
    HIN_PART_SOURCE = 2,
    HIN_PART_SPAN = 3,
    HIN_PART_AGENT = 4,
    HIN_PART_CERTIFICATE = 5,
    HIN_PART_SEQUENCE = 6,
    HIN_PART_DOCUMENT = 7,
    HIN_PART_NAME = 8,
    HIN_PART_AUDIT = 9,
    HIN_PART_COUNT
};

/* What is known of the key of a thing. Stored. */
enum hin_copy_key {
    HIN_COPY_KEY_NONE = 0,   /* the thing is not there */
    HIN_COPY_KEY_ERASED = 1, /* it was destroyed on purpose */
    HIN_COPY_KEY_HERE = 2,
    HIN_COPY_KEY_LOST = 3, /* damaged: the thing opens for nobody */
};

/* From here to the end this handle sees one moment; nothing may be written on it. On SQLite the
 * write-ahead log cannot be folded meanwhile: be quick. The store is unlocked. */
HIN_RESULT hin_store_copy_begin(struct hin_store *store) HIN_NONNULL;
/* IO: the moment was over before: on SQLite, a damaged page ends it. */
HIN_RESULT hin_store_copy_end(struct hin_store *store) HIN_NONNULL;

struct hin_copy_position {
    int64_t last_event_id; /* 0: none yet */
    int64_t audit_number;
    uint8_t audit_hash[HIN_STORE_AUDIT_HASH_BYTES];
};
HIN_RESULT hin_store_copy_position(struct hin_store *store,
                                   struct hin_copy_position *ret_position) HIN_NONNULL;

/* Where the next rows of a part begin. */
struct hin_copy_cursor {
    int64_t numbers[4];
    uint8_t bytes[64];
    size_t byte_count;
};
#define HIN_COPY_FIRST                                                                             \
    ((struct hin_copy_cursor){.numbers = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN}})
/* The next rows, at most `limit`; *ret_more: call again. `visit` gets each row's bytes, borrowed
 * until it returns. Of the audit record: entries above cursor->numbers[0], up to and including
 * `until`; of documents: of kinds up to and including it (ignored elsewhere). */
HIN_RESULT hin_store_copy_rows(struct hin_store *store, enum hin_store_part part, int64_t until,
                               size_t limit, struct hin_copy_cursor *cursor,
                               HIN_RESULT (*visit)(void *context, struct hin_view row),
                               void *context, bool *ret_more);
/* How many entries from..until of the audit record have a key: it goes down when one is erased, and
 * nothing else about them can change. */
HIN_RESULT hin_store_copy_audit_keys(struct hin_store *store, int64_t from, int64_t until,
                                     int64_t *ret_count) HIN_NONNULL;
/* What can change of a range of documents that all are there: as long as these numbers are the same
 * it holds the same, in one store. count 0: the others are, too. */
struct hin_copy_state {
    int64_t count, versions, created_usec, updated_usec, keys; /* sums */
};
HIN_RESULT hin_store_copy_state(struct hin_store *store, int64_t kind, int64_t first, int64_t last,
                                struct hin_copy_state *ret_state) HIN_NONNULL;
/* The highest number a document of the kind has ever had; 0: none. */
HIN_RESULT hin_store_copy_last(struct hin_store *store, int64_t kind,
                               int64_t *ret_last) HIN_NONNULL;
/* The chain's hash of an entry. NOT_FOUND. */
HIN_RESULT
hin_store_copy_audit_hash(struct hin_store *store, int64_t number,
                          uint8_t ret_hash[HIN_STORE_AUDIT_HASH_BYTES]) HIN_NONNULL;

#define HIN_COPY_HEAD_BYTES      92 /* of a segment's head (seal/segment.h): tells it from others */
#define HIN_COPY_COMPUTERS_BYTES 1024 /* at most */
struct hin_copy_segment {
    int64_t id, last_id, count, level, day, created_usec, min_time, max_time, plain_bytes, damaged;
    int64_t classes, severities;
    bool computers_known;
    struct hin_view computers, head; /* the head's beginning; borrowed */
    enum hin_copy_key key_state;
    uint8_t key[HIN_SEAL_KEY_BYTES]; /* wipe it */
};
/* Segments above after_id, ascending. */
HIN_RESULT hin_store_copy_segments(struct hin_store *store, int64_t after_id, size_t limit,
                                   HIN_RESULT (*visit)(void *context,
                                                       const struct hin_copy_segment *segment),
                                   void *context, bool *ret_more) __attribute__((nonnull(1, 4, 6)));
/* The same for who has the keys of most: `known` fills in segment->key and answers true, where the
 * key was not destroyed; else it is opened here. */
HIN_RESULT hin_store_copy_segments_known(
    struct hin_store *store, int64_t after_id, size_t limit,
    bool (*known)(void *context, struct hin_copy_segment *segment),
    HIN_RESULT (*visit)(void *context, const struct hin_copy_segment *segment), void *context,
    bool *ret_more) __attribute__((nonnull(1, 5, 7)));
/* Appends a segment's sealed bytes: u32 size of the head, head, body. NOT_FOUND: it is gone
 * (merged, dropped); CORRUPT: damaged. */
HIN_RESULT hin_store_copy_segment(struct hin_store *store, int64_t id,
                                  struct hin_buf *ret_bytes) HIN_NONNULL;

/* --- into a store that was just made, and that nobody else has open --- */

/* What is pasted from here to hin_store_paste_end is durable after it, when it is kept; before, or
 * when it is not kept, or when either fails, the store is to be thrown away. */
HIN_RESULT hin_store_paste_begin(struct hin_store *store) HIN_NONNULL;
HIN_RESULT hin_store_paste_end(struct hin_store *store, bool keep) HIN_NONNULL;
/* So much was pasted that it should leave memory. */
HIN_RESULT hin_store_paste_pause(struct hin_store *store) HIN_NONNULL;

/* SYNTAX: no row of this part. */
HIN_RESULT hin_store_paste_row(struct hin_store *store, enum hin_store_part part,
                               struct hin_view row) HIN_NONNULL;
/* bytes: as of hin_store_copy_segment; empty: there were none, and the row is marked as damaged.
 * segment->head is not used. */
HIN_RESULT hin_store_paste_segment(struct hin_store *store, const struct hin_copy_segment *segment,
                                   struct hin_view bytes) HIN_NONNULL;

#endif
