#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"

#define MIN_CAPACITY 256

void hin_buf_init(struct hin_buf *buf, size_t max_bytes)
{
    *buf = (struct hin_buf){.max = max_bytes};
}

void hin_buf_done(struct hin_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    free(buf->data);
    *buf = (struct hin_buf){.max = buf->max};
}

struct hin_result hin_buf_reserve(struct hin_buf *buf, size_t extra)
{
    size_t wanted = 0;
    HIN_TRY(hin_add_size(buf->size, extra, &wanted));
    HIN_ENSURE(wanted <= buf->max, LIMIT);
    if (wanted <= buf->capacity && buf->data != NULL) {
        return hin_ok();
    }
    size_t doubled = buf->capacity <= buf->max / 2 ? buf->capacity * 2 : buf->max;
    size_t capacity = HIN_MAX(HIN_MAX(wanted, doubled), (size_t)MIN_CAPACITY);
    capacity = HIN_MIN(capacity, HIN_MAX(buf->max, (size_t)1));
    uint8_t *data = realloc(buf->data, capacity);
    HIN_ENSURE(data != NULL, NO_MEMORY);
    buf->data = data;
    buf->capacity = capacity;
    return hin_ok();
}

struct hin_result hin_buf_extend(struct hin_buf *buf, size_t extra, uint8_t **ret_at)
{
    HIN_TRY(hin_buf_reserve(buf, extra));
    *ret_at = buf->data + buf->size;
    buf->size += extra;
    return hin_ok();
}

struct hin_result hin_buf_append(struct hin_buf *buf, struct hin_view bytes)
{
    uint8_t *at = NULL;
    HIN_TRY(hin_buf_extend(buf, bytes.size, &at));
    hin_copy(at, bytes.data, bytes.size);
    return hin_ok();
}

struct hin_result hin_buf_append_text(struct hin_buf *buf, const char *text)
{
    return hin_buf_append(buf, hin_view_from_text(text));
}

struct hin_result hin_buf_append_byte(struct hin_buf *buf, uint8_t byte)
{
    return hin_buf_append(buf, (struct hin_view){&byte, 1});
}

struct hin_result hin_buf_vprintf(struct hin_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    HIN_ENSURE(length >= 0, INVALID);
    /* One more byte for the terminator of vsnprintf; a buffer that is full but for it still fits.
     */
    size_t size = (size_t)length;
    HIN_ENSURE(size <= buf->max - buf->size, LIMIT);
    if (size + 1 > buf->max - buf->size) {
        char small[512];
        HIN_ENSURE(size < sizeof(small), LIMIT);
        vsnprintf(small, sizeof(small), format, args);
        return hin_buf_append(buf, hin_view_of(small, size));
    }
    HIN_TRY(hin_buf_reserve(buf, size + 1));
    vsnprintf((char *)buf->data + buf->size, size + 1, format, args);
    buf->size += size;
    return hin_ok();
}

struct hin_result hin_buf_printf(struct hin_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct hin_result result = hin_buf_vprintf(buf, format, args);
    va_end(args);
    return result;
}

struct hin_result hin_buf_append_u64(struct hin_buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return hin_buf_append(buf, hin_view_of(digits + at, sizeof(digits) - at));
}

struct hin_result hin_buf_append_i64(struct hin_buf *buf, int64_t value)
{
    if (value >= 0) {
        return hin_buf_append_u64(buf, (uint64_t)value);
    }
    HIN_TRY(hin_buf_append_byte(buf, '-'));
    return hin_buf_append_u64(buf, 0 - (uint64_t)value);
}

void hin_buf_consume(struct hin_buf *buf, size_t count)
{
    count = HIN_MIN(count, buf->size);
    hin_move(buf->data, buf->data + count, buf->size - count);
    buf->size -= count;
}

struct hin_result hin_buf_text(struct hin_buf *buf, const char **ret_text)
{
    HIN_TRY(hin_buf_append_byte(buf, 0));
    buf->size--;
    *ret_text = (const char *)buf->data;
    return hin_ok();
}
