/* Memory by lifetime: one arena for an event, a request, a rule set; free the arena, not the nodes.
 * A hard maximum is stated at birth. Not thread-safe. Memory is aligned for any type; _zalloc
 * zeroes. */
#ifndef HIN_BASE_ARENA_H
#define HIN_BASE_ARENA_H

#include "base/result.h"
#include "base/view.h"

struct hin_arena_block;

struct hin_arena {
    struct hin_arena_block *head; /* newest block */
    size_t used;                  /* bytes handed out, over all blocks */
    size_t max;
};

void hin_arena_init(struct hin_arena *arena, size_t max_bytes) HIN_NONNULL;
void hin_arena_done(struct hin_arena *arena);
/* Forget everything but keep one block (the biggest) for reuse: cheap between events. */
void hin_arena_reset(struct hin_arena *arena) HIN_NONNULL;

HIN_RESULT hin_arena_alloc(struct hin_arena *arena, size_t size, void **ret_at) HIN_NONNULL;
HIN_RESULT hin_arena_zalloc(struct hin_arena *arena, size_t size, void **ret_at) HIN_NONNULL;
/* count * size, overflow checked, zeroed. */
HIN_RESULT hin_arena_array(struct hin_arena *arena, size_t count, size_t size,
                           void **ret_at) HIN_NONNULL;
HIN_RESULT hin_arena_copy(struct hin_arena *arena, struct hin_view from,
                          struct hin_view *ret_copy) HIN_NONNULL;
/* A NUL-terminated copy; the view may hold NUL bytes, which then stand inside. */
HIN_RESULT hin_arena_text(struct hin_arena *arena, struct hin_view from,
                          const char **ret_text) HIN_NONNULL;
HIN_RESULT hin_arena_printf(struct hin_arena *arena, struct hin_view *ret_text, const char *format,
                            ...) HIN_PRINTF(3, 4);

/* Typed: struct foo *f; HIN_TRY(HIN_ARENA_NEW(arena, &f)); */
#define HIN_ARENA_NEW(arena, ret) hin_arena_zalloc((arena), sizeof(**(ret)), (void **)(ret))
#define HIN_ARENA_ARRAY(arena, count, ret)                                                         \
    hin_arena_array((arena), (count), sizeof(**(ret)), (void **)(ret))

#endif
