/* Raw memory and checked arithmetic: the only place in the tree where memcpy, memmove and memset
 * stand. */
#ifndef HIN_BASE_BYTES_H
#define HIN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/result.h"
#include "base/view.h"

/* size 0 is allowed with NULL pointers (which memcpy itself forbids). */
static inline void hin_copy(void *to, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(to, from, size);
    }
}

static inline void hin_move(void *to, const void *from, size_t size)
{
    if (size > 0) {
        memmove(to, from, size);
    }
}

static inline void hin_fill(void *to, uint8_t byte, size_t size)
{
    if (size > 0) {
        memset(to, byte, size);
    }
}

static inline void hin_zero(void *to, size_t size)
{
    hin_fill(to, 0, size);
}

/* Zeroes in a way the optimiser keeps: for secrets. */
static inline void hin_wipe(void *to, size_t size)
{
    if (size > 0) {
        explicit_bzero(to, size);
    }
}

/* Time depends on size only. */
bool hin_equal_constant_time(const void *a, const void *b, size_t size);

static inline HIN_RESULT hin_add_size(size_t a, size_t b, size_t *ret_sum)
{
    size_t sum = 0;
    HIN_ENSURE(!__builtin_add_overflow(a, b, &sum), LIMIT);
    *ret_sum = sum;
    return hin_ok();
}

static inline HIN_RESULT hin_mul_size(size_t a, size_t b, size_t *ret_product)
{
    size_t product = 0;
    HIN_ENSURE(!__builtin_mul_overflow(a, b, &product), LIMIT);
    *ret_product = product;
    return hin_ok();
}

#define HIN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HIN_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define HIN_MAX(a, b)    ((a) > (b) ? (a) : (b))

/* Little-endian loads and stores; all formats of ours are little-endian. */
static inline void hin_store_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void hin_store_u32(uint8_t *to, uint32_t value)
{
    hin_store_u16(to, (uint16_t)value);
    hin_store_u16(to + 2, (uint16_t)(value >> 16));
}

static inline void hin_store_u64(uint8_t *to, uint64_t value)
{
    hin_store_u32(to, (uint32_t)value);
    hin_store_u32(to + 4, (uint32_t)(value >> 32));
}

static inline uint16_t hin_load_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | (uint16_t)(from[1] << 8));
}

static inline uint32_t hin_load_u32(const uint8_t *from)
{
    return (uint32_t)hin_load_u16(from) | (uint32_t)hin_load_u16(from + 2) << 16;
}

static inline uint64_t hin_load_u64(const uint8_t *from)
{
    return (uint64_t)hin_load_u32(from) | (uint64_t)hin_load_u32(from + 4) << 32;
}

/* Lower-case hex; out holds 2 * size + 1 bytes. */
void hin_hex(const void *data, size_t size, char *out);
/* Exactly 2 * size hex digits of either case; SYNTAX otherwise. */
HIN_RESULT hin_unhex(struct hin_view text, uint8_t *out, size_t size);

#endif
