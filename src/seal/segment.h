/* Segments: up to some thousand events, compressed together (zstd level 1) and sealed once, with a
 * plain head that a query can judge without a key: identifiers, times, and a Bloom filter of
 * blind-index tokens. The events' encoding is opaque here. Head and body may lie in two columns (or
 * files) or one behind the other.
 *
 * Head, versions 1 and 2 (little-endian):
 *    0 "HSG" 1           magic and version; 2 only where the index key was ever rotated
 *    4 key id            16 bytes
 *   20 nonce             12 bytes
 *   32 u32 count         number of records, at least 1
 *   36 u32 plain_bytes   payload before compression
 *   40 u64 first, last   lowest and highest sequence
 *   56 i64 min, max      lowest and highest time, microseconds
 *   72 u32 body_bytes    sealed body: zstd frame + 16 of tag
 *   76 u32 body_crc      CRC-32C of the body, which tells accident from tampering
 *   80 u32 filter_bytes  0 = no tokens
 *   84 u32 index         version 1: 0. Version 2: the lowest version of the index key that any of
 *                        its tokens was made with, 2 or more; in version 1 that is 1
 *   88 u32 head_crc      CRC-32C over bytes 0..88 and the filter
 *   92 filter            filter_bytes
 * Associated data: the head but both CRCs, with the filter, then the place. */
#ifndef HIN_SEAL_SEGMENT_H
#define HIN_SEAL_SEGMENT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "seal/seal.h"

#define HIN_SEGMENT_HEAD_BYTES  92
#define HIN_SEGMENT_RECORDS_MAX 65536
#define HIN_SEGMENT_PLAIN_MAX   (UINT32_C(64) << 20)
#define HIN_SEGMENT_FILTER_MAX  (UINT32_C(4) << 20)

/* --- building --- */
struct hin_segment_builder;
/* max_count 1..HIN_SEGMENT_RECORDS_MAX, max_bytes of plain payload up to HIN_SEGMENT_PLAIN_MAX.
 * Reusable, without allocating anew, after _finish or _clear. */
HIN_RESULT hin_segment_builder_new(struct hin_segment_builder **ret_builder, size_t max_count,
                                   size_t max_bytes) HIN_NONNULL;
void hin_segment_builder_free(struct hin_segment_builder *builder);
static inline void hin_segment_builder_freep(struct hin_segment_builder **builder)
{
    hin_segment_builder_free(*builder);
}
void hin_segment_builder_clear(struct hin_segment_builder *builder) HIN_NONNULL;
size_t hin_segment_builder_count(const struct hin_segment_builder *builder) HIN_NONNULL;
size_t hin_segment_builder_bytes(const struct hin_segment_builder *builder) HIN_NONNULL;
/* LIMIT when the segment is full (nothing was added: finish it, add again). sequence need not be in
 * order. */
HIN_RESULT hin_segment_add(struct hin_segment_builder *builder, uint64_t sequence,
                           int64_t time_usec, struct hin_view record, const uint64_t *tokens,
                           size_t token_count);
/* Which version of the index key tokens that are added, or will be, were made with: the lowest that
 * was noted since the last _finish or _clear is kept in the head. None noted: 1. */
void hin_segment_note_index(struct hin_segment_builder *builder, uint32_t version) HIN_NONNULL;
/* Appends head and body (which may be one and the same buffer: head first) and clears the builder.
 * INVALID when empty. On failure both buffers are as before and the builder still holds its
 * records. */
HIN_RESULT hin_segment_finish(struct hin_segment_builder *builder, struct hin_sealer *sealer,
                              const struct hin_seal_place *place, struct hin_buf *ret_head,
                              struct hin_buf *ret_body) HIN_NONNULL;

/* --- the head alone, without a key --- */
struct hin_segment_head {
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    uint32_t count;
    uint64_t first_sequence, last_sequence;
    int64_t min_time_usec, max_time_usec;
    uint32_t plain_bytes, body_bytes;
    uint32_t index_version; /* of the oldest tokens; newer ones may stand beside them */
    struct hin_view filter; /* borrowed from the bytes read */
    size_t head_bytes;      /* where the body begins when both lie in one buffer */
};
/* Bytes may go on behind the head. TRUNCATED, SYNTAX (no segment), UNSUPPORTED (newer), CORRUPT
 * (checksum, or numbers that contradict each other). */
HIN_RESULT hin_segment_read_head(struct hin_view bytes,
                                 struct hin_segment_head *ret_head) HIN_NONNULL;
/* Whether `body` is the one that the head was made with, by length and checksum. */
bool hin_segment_is_body(struct hin_view head, struct hin_view body);
/* False: no record of the segment carries the token. True: one may (1 in 5,000 is a false alarm; of
 * segments made before filters were doubled, 1 in 100). */
bool hin_segment_may_hold(const struct hin_segment_head *head, uint64_t token) HIN_NONNULL;
/* The same for who holds the filter where this code is not: bit (probe * bits of the filter) >> 32,
 * counted from the low bit of the first byte, is set for each probe when the token may be there. */
#define HIN_SEGMENT_PROBES 7 /* can never change for heads of versions 1 and 2 */
void hin_segment_probes(uint64_t token, uint32_t ret_probes[HIN_SEGMENT_PROBES]) HIN_NONNULL;

/* --- opening --- */
struct hin_segment_record {
    uint64_t sequence;
    int64_t time_usec;
    struct hin_view bytes; /* borrowed until the next _open or _free */
};
/* Reusable: keeps its decompressor and buffer between segments. */
struct hin_segment_reader;
HIN_RESULT hin_segment_reader_new(struct hin_segment_reader **ret_reader) HIN_NONNULL;
void hin_segment_reader_free(struct hin_segment_reader *reader);
static inline void hin_segment_reader_freep(struct hin_segment_reader **reader)
{
    hin_segment_reader_free(*reader);
}
/* head: the head's bytes (more may follow); body: exactly the body. CORRUPT: damaged by accident,
 * this segment only; AUTH: altered on purpose, or of another place; or what the key source
 * answered. */
HIN_RESULT hin_segment_open(struct hin_segment_reader *reader, struct hin_opener *opener,
                            const struct hin_seal_place *place, struct hin_view head,
                            struct hin_view body) HIN_NONNULL;
/* The next record in the order in which they were added; false at the end (or when nothing is
 * open). The payload was checked as a whole by _open. */
bool hin_segment_next(struct hin_segment_reader *reader,
                      struct hin_segment_record *ret_record) HIN_NONNULL;

#endif
