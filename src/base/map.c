#include "base/map.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/secret.h"

/* Open addressing with linear probing and backward-shift deletion; at most 3/4 full. */
struct hin_map_slot {
    uint64_t hash;
    uint8_t *key;
    size_t key_size;
    void *value; /* NULL = free */
};

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

uint64_t hin_siphash(const uint64_t key[2], struct hin_view bytes)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)(bytes.size & 0xff) << 56;
    while (bytes.size >= 8) {
        uint64_t word = hin_load_u64(bytes.data);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
        bytes = hin_view_of(bytes.data + 8, bytes.size - 8);
    }
    for (size_t i = 0; i < bytes.size; i++) {
        last |= (uint64_t)bytes.data[i] << (8 * i);
    }
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hin_result hin_map_init(struct hin_map *map, size_t max_count)
{
    struct hin_map fresh = {.max = max_count};
    HIN_TRY(hin_random(fresh.key, sizeof(fresh.key)));
    *map = fresh;
    return hin_ok();
}

void hin_map_done(struct hin_map *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        free(map->slots[i].key);
    }
    free(map->slots);
    *map = (struct hin_map){0};
}

static size_t find_slot(const struct hin_map *map, uint64_t hash, struct hin_view key)
{
    size_t mask = map->capacity - 1;
    size_t at = (size_t)hash & mask;
    while (map->slots[at].value != NULL) {
        const struct hin_map_slot *slot = &map->slots[at];
        if (slot->hash == hash && hin_view_equal(hin_view_of(slot->key, slot->key_size), key)) {
            return at;
        }
        at = (at + 1) & mask;
    }
    return at;
}

void *hin_map_get(const struct hin_map *map, struct hin_view key)
{
    if (map->count == 0) {
        return NULL;
    }
    return map->slots[find_slot(map, hin_siphash(map->key, key), key)].value;
}

static HIN_RESULT grow(struct hin_map *map)
{
    size_t capacity = map->capacity > 0 ? map->capacity * 2 : 16;
    struct hin_map_slot *slots = calloc(capacity, sizeof(*slots));
    HIN_ENSURE(slots != NULL, NO_MEMORY);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value == NULL) {
            continue;
        }
        size_t at = (size_t)map->slots[i].hash & (capacity - 1);
        while (slots[at].value != NULL) {
            at = (at + 1) & (capacity - 1);
        }
        slots[at] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return hin_ok();
}

struct hin_result hin_map_put(struct hin_map *map, struct hin_view key, void *value)
{
    uint64_t hash = hin_siphash(map->key, key);
    if (map->capacity > 0) {
        struct hin_map_slot *present = &map->slots[find_slot(map, hash, key)];
        if (present->value != NULL) {
            present->value = value;
            return hin_ok();
        }
    }
    HIN_ENSURE(map->count < map->max, LIMIT);
    if (map->count >= map->capacity - map->capacity / 4) {
        HIN_TRY(grow(map));
    }
    uint8_t *copy = malloc(key.size > 0 ? key.size : 1);
    HIN_ENSURE(copy != NULL, NO_MEMORY);
    hin_copy(copy, key.data, key.size);
    map->slots[find_slot(map, hash, key)] = (struct hin_map_slot){hash, copy, key.size, value};
    map->count++;
    return hin_ok();
}

void *hin_map_remove(struct hin_map *map, struct hin_view key)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t mask = map->capacity - 1;
    size_t hole = find_slot(map, hin_siphash(map->key, key), key);
    void *value = map->slots[hole].value;
    if (value == NULL) {
        return NULL;
    }
    free(map->slots[hole].key);
    /* Move later members of the run back over the hole, unless their home lies behind it. */
    for (size_t at = (hole + 1) & mask; map->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = (size_t)map->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct hin_map_slot){0};
    map->count--;
    return value;
}

bool hin_map_next(const struct hin_map *map, size_t *at, struct hin_view *ret_key, void **ret_value)
{
    while (*at < map->capacity) {
        const struct hin_map_slot *slot = &map->slots[(*at)++];
        if (slot->value != NULL) {
            *ret_key = hin_view_of(slot->key, slot->key_size);
            *ret_value = slot->value;
            return true;
        }
    }
    return false;
}
