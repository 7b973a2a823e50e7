/* Bounded reading and writing of our own binary formats: little-endian integers, LEB128 varints,
 * length-prefixed bytes. Used by ipc, wire, event, seal and spool. A reader never reads past its
 * view; a failed read leaves the cursor where it was. Writers append to a hin_buf. */
#ifndef HIN_BASE_CODEC_H
#define HIN_BASE_CODEC_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

struct hin_reader {
    struct hin_view rest;
};

static inline struct hin_reader hin_reader_of(struct hin_view bytes)
{
    return (struct hin_reader){bytes};
}

HIN_RESULT hin_read_u8(struct hin_reader *reader, uint8_t *ret_value);
HIN_RESULT hin_read_u16(struct hin_reader *reader, uint16_t *ret_value);
HIN_RESULT hin_read_u32(struct hin_reader *reader, uint32_t *ret_value);
HIN_RESULT hin_read_u64(struct hin_reader *reader, uint64_t *ret_value);
HIN_RESULT hin_read_varint(struct hin_reader *reader,
                           uint64_t *ret_value); /* at most 10 bytes, minimal form only */
HIN_RESULT hin_read_zigzag(struct hin_reader *reader, int64_t *ret_value); /* signed varint */
HIN_RESULT hin_read_exact(struct hin_reader *reader, size_t size,
                          struct hin_view *ret_bytes); /* borrowed */
HIN_RESULT hin_read_bytes(struct hin_reader *reader, size_t max_bytes,
                          struct hin_view *ret_bytes); /* varint length + bytes; LIMIT over max */
/* TRUNCATED when anything is missing; call last: SYNTAX when bytes are left over. */
HIN_RESULT hin_read_end(const struct hin_reader *reader);

HIN_RESULT hin_write_u8(struct hin_buf *buf, uint8_t value);
HIN_RESULT hin_write_u16(struct hin_buf *buf, uint16_t value);
HIN_RESULT hin_write_u32(struct hin_buf *buf, uint32_t value);
HIN_RESULT hin_write_u64(struct hin_buf *buf, uint64_t value);
HIN_RESULT hin_write_varint(struct hin_buf *buf, uint64_t value);
HIN_RESULT hin_write_zigzag(struct hin_buf *buf, int64_t value);
HIN_RESULT hin_write_bytes(struct hin_buf *buf, struct hin_view bytes);

/* CRC-32C (Castagnoli), RFC 3720 B.4: checksum of frames and records against accidents, never
 * against people. */
uint32_t hin_crc32c(uint32_t crc, struct hin_view bytes);

#endif
