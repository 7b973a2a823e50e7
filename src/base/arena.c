#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"

#define BLOCK_BYTES ((size_t)16 * 1024)
#define ALIGNMENT   alignof(max_align_t)

struct hin_arena_block {
    struct hin_arena_block *next;
    size_t capacity;
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

void hin_arena_init(struct hin_arena *arena, size_t max_bytes)
{
    *arena = (struct hin_arena){.max = max_bytes};
}

static void free_blocks(struct hin_arena_block *block)
{
    while (block != NULL) {
        struct hin_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void hin_arena_done(struct hin_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    free_blocks(arena->head);
    *arena = (struct hin_arena){.max = arena->max};
}

void hin_arena_reset(struct hin_arena *arena)
{
    /* Blocks grow, so the head is the biggest: keep it. */
    if (arena->head != NULL) {
        free_blocks(arena->head->next);
        arena->head->next = NULL;
        arena->head->used = 0;
    }
    arena->used = 0;
}

static HIN_RESULT add_block(struct hin_arena *arena, size_t size)
{
    size_t capacity = arena->head != NULL ? arena->head->capacity : BLOCK_BYTES / 2;
    capacity = capacity < ((size_t)1 << 24) ? capacity * 2 : capacity;
    capacity = HIN_MAX(capacity, size);
    size_t total = 0;
    HIN_TRY(hin_add_size(sizeof(struct hin_arena_block), capacity, &total));
    struct hin_arena_block *block = malloc(total);
    HIN_ENSURE(block != NULL, NO_MEMORY);
    block->next = arena->head;
    block->capacity = capacity;
    block->used = 0;
    arena->head = block;
    return hin_ok();
}

struct hin_result hin_arena_alloc(struct hin_arena *arena, size_t size, void **ret_at)
{
    size_t rounded = 0;
    HIN_TRY(hin_add_size(size, ALIGNMENT - 1, &rounded));
    rounded -= rounded % ALIGNMENT;
    HIN_ENSURE(rounded <= arena->max - HIN_MIN(arena->used, arena->max), LIMIT);
    if (arena->head == NULL || rounded > arena->head->capacity - arena->head->used) {
        HIN_TRY(add_block(arena, rounded));
    }
    *ret_at = arena->head->data + arena->head->used;
    arena->head->used += rounded;
    arena->used += rounded;
    return hin_ok();
}

struct hin_result hin_arena_zalloc(struct hin_arena *arena, size_t size, void **ret_at)
{
    void *at = NULL;
    HIN_TRY(hin_arena_alloc(arena, size, &at));
    hin_zero(at, size);
    *ret_at = at;
    return hin_ok();
}

struct hin_result hin_arena_array(struct hin_arena *arena, size_t count, size_t size, void **ret_at)
{
    size_t total = 0;
    HIN_TRY(hin_mul_size(count, size, &total));
    return hin_arena_zalloc(arena, total, ret_at);
}

struct hin_result hin_arena_copy(struct hin_arena *arena, struct hin_view from,
                                 struct hin_view *ret_copy)
{
    void *at = NULL;
    HIN_TRY(hin_arena_alloc(arena, from.size, &at));
    hin_copy(at, from.data, from.size);
    *ret_copy = hin_view_of(at, from.size);
    return hin_ok();
}

struct hin_result hin_arena_text(struct hin_arena *arena, struct hin_view from,
                                 const char **ret_text)
{
    void *at = NULL;
    size_t size = 0;
    HIN_TRY(hin_add_size(from.size, 1, &size));
    HIN_TRY(hin_arena_alloc(arena, size, &at));
    hin_copy(at, from.data, from.size);
    ((char *)at)[from.size] = '\0';
    *ret_text = at;
    return hin_ok();
}

struct hin_result hin_arena_printf(struct hin_arena *arena, struct hin_view *ret_text,
                                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    HIN_ENSURE(length >= 0, INVALID);
    void *at = NULL;
    HIN_TRY(hin_arena_alloc(arena, (size_t)length + 1, &at));
    va_start(args, format);
    vsnprintf(at, (size_t)length + 1, format, args);
    va_end(args);
    *ret_text = hin_view_of(at, (size_t)length);
    return hin_ok();
}
