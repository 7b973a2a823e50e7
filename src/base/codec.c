#include "base/codec.h"

#include "base/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

struct hin_result hin_read_exact(struct hin_reader *reader, size_t size, struct hin_view *ret_bytes)
{
    HIN_ENSURE(size <= reader->rest.size, TRUNCATED);
    *ret_bytes = hin_view_sub(reader->rest, 0, size);
    reader->rest = hin_view_sub(reader->rest, size, reader->rest.size);
    return hin_ok();
}

struct hin_result hin_read_u8(struct hin_reader *reader, uint8_t *ret_value)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, 1, &bytes));
    *ret_value = bytes.data[0];
    return hin_ok();
}

struct hin_result hin_read_u16(struct hin_reader *reader, uint16_t *ret_value)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, 2, &bytes));
    *ret_value = hin_load_u16(bytes.data);
    return hin_ok();
}

struct hin_result hin_read_u32(struct hin_reader *reader, uint32_t *ret_value)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, 4, &bytes));
    *ret_value = hin_load_u32(bytes.data);
    return hin_ok();
}

struct hin_result hin_read_u64(struct hin_reader *reader, uint64_t *ret_value)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, 8, &bytes));
    *ret_value = hin_load_u64(bytes.data);
    return hin_ok();
}

struct hin_result hin_read_varint(struct hin_reader *reader, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 10; i++) {
        HIN_ENSURE(i < reader->rest.size, TRUNCATED);
        uint8_t byte = reader->rest.data[i];
        HIN_ENSURE(i < 9 || byte <= 1, SYNTAX);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            HIN_ENSURE(byte != 0 || i == 0, SYNTAX); /* a longer form of a smaller number */
            reader->rest = hin_view_sub(reader->rest, i + 1, reader->rest.size);
            *ret_value = value;
            return hin_ok();
        }
    }
    return hin_fail(HIN_SYNTAX);
}

struct hin_result hin_read_zigzag(struct hin_reader *reader, int64_t *ret_value)
{
    uint64_t value = 0;
    HIN_TRY(hin_read_varint(reader, &value));
    *ret_value = (int64_t)(value >> 1 ^ (0 - (value & 1)));
    return hin_ok();
}

struct hin_result hin_read_bytes(struct hin_reader *reader, size_t max_bytes,
                                 struct hin_view *ret_bytes)
{
    struct hin_reader at = *reader;
    uint64_t size = 0;
    HIN_TRY(hin_read_varint(&at, &size));
    HIN_ENSURE(size <= max_bytes, LIMIT);
    HIN_TRY(hin_read_exact(&at, (size_t)size, ret_bytes));
    *reader = at;
    return hin_ok();
}

struct hin_result hin_read_end(const struct hin_reader *reader)
{
    HIN_ENSURE(reader->rest.size == 0, SYNTAX);
    return hin_ok();
}

struct hin_result hin_write_u8(struct hin_buf *buf, uint8_t value)
{
    return hin_buf_append_byte(buf, value);
}

struct hin_result hin_write_u16(struct hin_buf *buf, uint16_t value)
{
    uint8_t *at = NULL;
    HIN_TRY(hin_buf_extend(buf, 2, &at));
    hin_store_u16(at, value);
    return hin_ok();
}

struct hin_result hin_write_u32(struct hin_buf *buf, uint32_t value)
{
    uint8_t *at = NULL;
    HIN_TRY(hin_buf_extend(buf, 4, &at));
    hin_store_u32(at, value);
    return hin_ok();
}

struct hin_result hin_write_u64(struct hin_buf *buf, uint64_t value)
{
    uint8_t *at = NULL;
    HIN_TRY(hin_buf_extend(buf, 8, &at));
    hin_store_u64(at, value);
    return hin_ok();
}

struct hin_result hin_write_varint(struct hin_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    return hin_buf_append(buf, (struct hin_view){bytes, size});
}

struct hin_result hin_write_zigzag(struct hin_buf *buf, int64_t value)
{
    return hin_write_varint(buf, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

struct hin_result hin_write_bytes(struct hin_buf *buf, struct hin_view bytes)
{
    size_t before = buf->size;
    HIN_TRY(hin_write_varint(buf, bytes.size));
    struct hin_result result = hin_buf_append(buf, bytes);
    if (result.code != HIN_OK) {
        buf->size = before;
    }
    return result;
}

static uint32_t crc32c_portable(uint32_t crc, struct hin_view bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82f63b78u & (0 - (crc & 1)));
        }
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, struct hin_view bytes)
{
    uint64_t wide = crc;
    size_t at = 0;
    for (; bytes.size - at >= 8; at += 8) {
        wide = _mm_crc32_u64(wide, hin_load_u64(bytes.data + at));
    }
    crc = (uint32_t)wide;
    for (; at < bytes.size; at++) {
        crc = _mm_crc32_u8(crc, bytes.data[at]);
    }
    return crc;
}
#endif

uint32_t hin_crc32c(uint32_t crc, struct hin_view bytes)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_sse42(crc, bytes);
    }
#endif
    return ~crc32c_portable(crc, bytes);
}
