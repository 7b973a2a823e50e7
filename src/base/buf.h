/* An owned, growing byte buffer with a hard maximum, stated at birth. It never grows past it: the
 * appender answers LIMIT and the content stays as it was. Initialise with hin_buf_init (or {0} with
 * max set), end with hin_buf_done, which is fine on a zeroed buffer. Not for secrets: see secret.h.
 */
#ifndef HIN_BASE_BUF_H
#define HIN_BASE_BUF_H

#include <stdarg.h>

#include "base/result.h"
#include "base/view.h"

struct hin_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t max;
};

void hin_buf_init(struct hin_buf *buf, size_t max_bytes) HIN_NONNULL;
void hin_buf_done(struct hin_buf *buf);
static inline void hin_buf_clear(struct hin_buf *buf)
{
    buf->size = 0;
}

/* The content; invalid after the next append. */
static inline struct hin_view hin_buf_view(const struct hin_buf *buf)
{
    return (struct hin_view){buf->data, buf->size};
}

/* Room for `extra` more bytes without moving. */
HIN_RESULT hin_buf_reserve(struct hin_buf *buf, size_t extra) HIN_NONNULL;
HIN_RESULT hin_buf_append(struct hin_buf *buf, struct hin_view bytes) HIN_NONNULL;
HIN_RESULT hin_buf_append_text(struct hin_buf *buf, const char *text) HIN_NONNULL;
HIN_RESULT hin_buf_append_byte(struct hin_buf *buf, uint8_t byte) HIN_NONNULL;
HIN_RESULT hin_buf_printf(struct hin_buf *buf, const char *format, ...) HIN_PRINTF(2, 3);
HIN_RESULT hin_buf_vprintf(struct hin_buf *buf, const char *format, va_list args) HIN_PRINTF(2, 0);
HIN_RESULT hin_buf_append_i64(struct hin_buf *buf, int64_t value); /* decimal */
HIN_RESULT hin_buf_append_u64(struct hin_buf *buf, uint64_t value);

/* Extend by `extra` uninitialised bytes and return where they begin. */
HIN_RESULT hin_buf_extend(struct hin_buf *buf, size_t extra, uint8_t **ret_at) HIN_NONNULL;
/* Drop `count` bytes at the front (clamped). Costs a move of the rest. */
void hin_buf_consume(struct hin_buf *buf, size_t count) HIN_NONNULL;
/* A NUL-terminated C string over the content (the NUL is not counted in size). */
HIN_RESULT hin_buf_text(struct hin_buf *buf, const char **ret_text) HIN_NONNULL;

#endif
