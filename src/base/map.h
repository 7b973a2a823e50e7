/* A hash map from byte strings to pointers. Keys are copied; values are the caller's. The hash is
 * SipHash-2-4 under a key drawn at _init, so that input cannot aim at one bucket. Bounded: an
 * insert past max answers LIMIT. */
#ifndef HIN_BASE_MAP_H
#define HIN_BASE_MAP_H

#include "base/result.h"
#include "base/view.h"

struct hin_map_slot;

struct hin_map {
    struct hin_map_slot *slots;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
    size_t max;
    uint64_t key[2];
};

HIN_RESULT hin_map_init(struct hin_map *map, size_t max_count) HIN_NONNULL;
/* Frees keys and slots, never values. */
void hin_map_done(struct hin_map *map);
void *hin_map_get(const struct hin_map *map, struct hin_view key); /* NULL when absent */
/* Insert or replace. value must not be NULL. */
HIN_RESULT hin_map_put(struct hin_map *map, struct hin_view key, void *value) HIN_NONNULL;
/* Returns the value that was there, or NULL. */
void *hin_map_remove(struct hin_map *map, struct hin_view key);
/* Iterate: size_t at = 0; while (hin_map_next(map, &at, &key, &value)) ...; the map must not change
 * meanwhile. */
bool hin_map_next(const struct hin_map *map, size_t *at, struct hin_view *ret_key,
                  void **ret_value);

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
uint64_t hin_siphash(const uint64_t key[2], struct hin_view bytes);

#endif
