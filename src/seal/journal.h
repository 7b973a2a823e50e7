/* Journal: an append-only log of sealed records, for the agent's spool and the engines' saved
 * state. Each record stands for itself, so a damaged or torn one costs itself alone: the reader
 * reports it and goes on at the next.
 *
 * Record, version 1 (little-endian):
 *    0 "HJR" 1          magic and version
 *    4 u32 body_bytes
 *    8 u64 sequence     the caller's number
 *   16 u32 kind         HIN_JOURNAL_KIND_KEY, or the caller's (below 2^31)
 *   20 u32 body_crc     CRC-32C of the body
 *   24 u32 reserved     0
 *   28 u32 head_crc     CRC-32C over bytes 0..28
 *   32 body             key id (16), nonce (12), ciphertext, tag (16); of a key record: key id,
 * wrapped key Associated data: bytes 0..20, key id, nonce, then the place.
 *
 * A key record carries, wrapped, the data key of the records behind it, so that a file opens with
 * the ring alone. Pure over buffers; bytes go out through a sink, so that a test can record writes
 * and syncs and replay each prefix. */
#ifndef HIN_SEAL_JOURNAL_H
#define HIN_SEAL_JOURNAL_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "seal/seal.h"

#define HIN_JOURNAL_HEAD_BYTES     32
#define HIN_JOURNAL_OVERHEAD_BYTES (HIN_JOURNAL_HEAD_BYTES + 16 + 12 + 16)
#define HIN_JOURNAL_BODY_MAX       (UINT32_C(16) << 20)
#define HIN_JOURNAL_KIND_KEY       UINT32_C(0x80000000)

/* --- writing --- */
struct hin_journal_sink {
    HIN_RESULT(*write)
    (void *context, struct hin_view bytes); /* all of them, at the end of the file */
    HIN_RESULT (*sync)(void *context);      /* fdatasync; returns when it is durable */
    HIN_RESULT (*truncate)(void *context, uint64_t size); /* cut back after a failed write */
    void *context;
};
/* A sink on a descriptor opened with O_APPEND (borrowed; *fd must stay in place). */
struct hin_journal_sink hin_journal_sink_fd(int *fd) HIN_NONNULL;

struct hin_journal_writer;
/* sink is copied; sealer and the views of place are borrowed for the writer's life. size_bytes:
 * what the file holds already. wrapped_key: written as the first record with the sealer's key id
 * (empty: none). max_pending_bytes: what may gather before a commit. */
HIN_RESULT hin_journal_writer_new(struct hin_journal_writer **ret_writer,
                                  const struct hin_journal_sink *sink, struct hin_sealer *sealer,
                                  const struct hin_seal_place *place, struct hin_view wrapped_key,
                                  uint64_t size_bytes, size_t max_pending_bytes) HIN_NONNULL;
void hin_journal_writer_free(
    struct hin_journal_writer *writer); /* what is not committed is dropped */
static inline void hin_journal_writer_freep(struct hin_journal_writer **writer)
{
    hin_journal_writer_free(*writer);
}
/* Seals into memory. LIMIT: commit first (or the key is spent: hin_sealer_left_count tells). */
HIN_RESULT hin_journal_append(struct hin_journal_writer *writer, uint32_t kind, uint64_t sequence,
                              struct hin_view plain) HIN_NONNULL;
/* Writes and syncs all that was appended: durable when it returns OK. On failure the file is cut
 * back to what was durable and the records stay pending, so that it may be tried again (NO_SPACE
 * after making room); when even the cut fails every later call answers IO. */
HIN_RESULT hin_journal_commit(struct hin_journal_writer *writer) HIN_NONNULL;
void hin_journal_discard(struct hin_journal_writer *writer) HIN_NONNULL; /* drops what is pending */
uint64_t
hin_journal_size_bytes(const struct hin_journal_writer *writer) HIN_NONNULL; /* committed */
size_t hin_journal_pending_bytes(const struct hin_journal_writer *writer) HIN_NONNULL;

/* --- reading --- */
enum hin_journal_item_type {
    HIN_JOURNAL_RECORD, /* a whole, authentic record */
    HIN_JOURNAL_KEY,    /* a key record: unwrap bytes, hin_opener_add, go on */
    HIN_JOURNAL_DAMAGE, /* offset..end is unreadable; reason CORRUPT, AUTH or NOT_FOUND (key
                           unknown) */
    HIN_JOURNAL_TORN, /* the last record is incomplete: what a crash during a write leaves. Cut the
                         file at offset */
    HIN_JOURNAL_END,
};
struct hin_journal_item {
    enum hin_journal_item_type type;
    enum hin_code reason;
    uint64_t offset, end; /* in the bytes given */
    uint64_t sequence;    /* RECORD, KEY */
    uint32_t kind;
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_view bytes; /* plain text, or the wrapped key; borrowed until the next call */
};
struct hin_journal_reader {
    struct hin_view bytes;
    size_t offset;
    struct hin_opener *opener;
    const struct hin_seal_place *place;
    struct hin_buf plain;
    struct hin_buf associated;
};
/* All borrowed for the reader's life. opener NULL: heads and key records only, bytes of records
 * stay empty. */
void hin_journal_reader_init(struct hin_journal_reader *reader, struct hin_view bytes,
                             struct hin_opener *opener, const struct hin_seal_place *place);
void hin_journal_reader_done(struct hin_journal_reader *reader);
/* UNSUPPORTED: a record of a newer version, refused; NO_MEMORY; AGAIN from the key source (call
 * again). Damage is no failure but an item. */
HIN_RESULT hin_journal_next(struct hin_journal_reader *reader,
                            struct hin_journal_item *ret_item) HIN_NONNULL;

#endif
