/* What a batch holds: records, compressed together with zstd level 1. Both contexts are made once a
 * connection and reused. Not thread-safe. */
#ifndef HIN_WIRE_BATCH_H
#define HIN_WIRE_BATCH_H

#include "wire/wire.h"

enum hin_wire_position { HIN_WIRE_OFFSET = 0, HIN_WIRE_CURSOR = 1 };

/* An event with its identity: (agent, generation, offset or journal cursor, finding number). The
 * manager refuses a second copy of an identity in the transaction that stores the first. An event
 * the agent makes about itself has the generation of that agent start and a running number as
 * offset. */
struct hin_wire_record {
    uint64_t generation;
    uint8_t position;       /* enum hin_wire_position */
    uint64_t offset;        /* OFFSET */
    struct hin_view cursor; /* CURSOR: 1..HIN_WIRE_CURSOR_MAX_BYTES bytes */
    uint32_t finding;       /* number of the finding at this position, from 0 */
    struct hin_view event;  /* encoded by event/codec; 1..HIN_WIRE_EVENT_MAX_BYTES bytes */
};

HIN_RESULT hin_wire_record_write(struct hin_buf *out,
                                 const struct hin_wire_record *record) HIN_NONNULL;
/* Advance over one record; views borrow from the reader's bytes. PROTOCOL when malformed. */
struct hin_reader;
HIN_RESULT hin_wire_record_read(struct hin_reader *reader,
                                struct hin_wire_record *ret_record) HIN_NONNULL;

/* The identity as bytes that compare equal exactly when the identities do (the agent is not in it):
 * generation, position kind, offset or cursor, finding. Appended to out. */
HIN_RESULT hin_wire_record_identity(const struct hin_wire_record *record,
                                    struct hin_buf *out) HIN_NONNULL;

struct hin_wire_packer;
HIN_RESULT hin_wire_packer_new(struct hin_wire_packer **ret_packer) HIN_NONNULL;
void hin_wire_packer_free(struct hin_wire_packer *packer);
void hin_wire_packer_freep(struct hin_wire_packer **packer); /* for HIN_CLEANUP */

/* Compress `raw` (records, one after another) into ret_batch; the body borrows from the packer
 * until the next call. Kept plain when compression does not make it smaller. */
HIN_RESULT hin_wire_pack(struct hin_wire_packer *packer, uint64_t first, uint32_t count,
                         struct hin_view raw, struct hin_wire_batch *ret_batch) HIN_NONNULL;
/* The records of a batch; the view borrows from the packer (or the batch) until the next call.
 * PROTOCOL when it does not decompress to exactly raw_bytes or does not hold exactly `count`
 * records, each well-formed: so after success hin_wire_record_read cannot fail within the batch. */
HIN_RESULT hin_wire_unpack(struct hin_wire_packer *packer, const struct hin_wire_batch *batch,
                           struct hin_view *ret_records) HIN_NONNULL;

#endif
