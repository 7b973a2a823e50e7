/* The keys of a ring in memory. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "crypt/x509.h"
#include "keys/ring_internal.h"

#define KEYS_A_PAGE (HIN_SECRET_MAX / HIN_RING_KEY_BYTES)

struct hin_result hin_ring_new(struct hin_ring **ret_ring)
{
    struct hin_ring *ring = calloc(1, sizeof(*ring));
    HIN_ENSURE(ring != NULL, NO_MEMORY);
    ring->directory = ring->file = -1;
    ring->format = 2;
    struct hin_result result = hin_map_init(&ring->groups, HIN_RING_TENANTS_MAX);
    if (result.code != HIN_OK) {
        free(ring);
        return result;
    }
    *ret_ring = ring;
    return hin_ok();
}

void hin_ring_free(struct hin_ring *ring)
{
    if (ring == NULL) {
        return;
    }
    size_t at = 0;
    struct hin_view tenant;
    void *group = NULL;
    while (hin_map_next(&ring->groups, &at, &tenant, &group)) {
        free(((struct hin_ring_group *)group)->keys);
        free(group);
    }
    hin_map_done(&ring->groups);
    for (size_t i = 0; i < ring->page_count; i++) {
        hin_secret_done(&ring->pages[i]);
    }
    free(ring->pages);
    free(ring->free_places);
    hin_secret_done(&ring->phrase_key);
    hin_fd_close(&ring->file);
    hin_fd_close(&ring->directory);
    free(ring);
}

/* --- places for keys --- */

static uint8_t *bytes_at(const struct hin_ring *ring, uint32_t place)
{
    return ring->pages[place / KEYS_A_PAGE].data +
           (size_t)(place % KEYS_A_PAGE) * HIN_RING_KEY_BYTES;
}

static HIN_RESULT add_page(struct hin_ring *ring)
{
    size_t places = (ring->page_count + 1) * KEYS_A_PAGE;
    HIN_ENSURE(places <= UINT32_MAX, LIMIT);
    struct hin_secret *pages = realloc(ring->pages, (ring->page_count + 1) * sizeof(*pages));
    HIN_ENSURE(pages != NULL, NO_MEMORY);
    ring->pages = pages;
    uint32_t *free_places = realloc(ring->free_places, places * sizeof(*free_places));
    HIN_ENSURE(free_places != NULL, NO_MEMORY);
    ring->free_places = free_places;
    HIN_TRY(hin_secret_new(&ring->pages[ring->page_count], HIN_SECRET_MAX));
    ring->page_count++;
    for (size_t i = KEYS_A_PAGE; i > 0; i--) {
        ring->free_places[ring->free_count++] = (uint32_t)(places - KEYS_A_PAGE + i - 1);
    }
    return hin_ok();
}

static void give_back(struct hin_ring *ring, uint32_t place)
{
    hin_wipe(bytes_at(ring, place), HIN_RING_KEY_BYTES);
    ring->free_places[ring->free_count++] = place;
}

struct hin_secret hin_ring_key_secret(const struct hin_ring *ring, const struct hin_ring_key *key)
{
    return (struct hin_secret){bytes_at(ring, key->place), HIN_RING_KEY_BYTES};
}

struct hin_result hin_ring_key_add(struct hin_ring *ring, struct hin_ring_group *group,
                                   uint32_t version, struct hin_view key)
{
    HIN_ENSURE(group->count < HIN_RING_VERSIONS_MAX, LIMIT);
    struct hin_ring_key *keys = realloc(group->keys, (group->count + 1) * sizeof(*keys));
    HIN_ENSURE(keys != NULL, NO_MEMORY);
    group->keys = keys;
    if (ring->free_count == 0) {
        HIN_TRY(add_page(ring));
    }
    uint32_t place = ring->free_places[ring->free_count - 1];
    if (key.size == HIN_RING_KEY_BYTES) {
        hin_copy(bytes_at(ring, place), key.data, key.size);
    } else {
        HIN_TRY(hin_random(bytes_at(ring, place), HIN_RING_KEY_BYTES));
    }
    ring->free_count--;
    group->keys[group->count++] = (struct hin_ring_key){version, place};
    return hin_ok();
}

void hin_ring_key_drop(struct hin_ring *ring, struct hin_ring_group *group, size_t at)
{
    give_back(ring, group->keys[at].place);
    group->count--;
    hin_move(&group->keys[at], &group->keys[at + 1], (group->count - at) * sizeof(*group->keys));
}

/* --- groups --- */

struct hin_ring_group *hin_ring_group(const struct hin_ring *ring, struct hin_view tenant)
{
    return hin_map_get(&ring->groups, tenant);
}

struct hin_result hin_ring_group_add(struct hin_ring *ring, struct hin_view tenant,
                                     struct hin_ring_group **ret_group)
{
    HIN_ENSURE(tenant.size < HIN_RING_NAME_BYTES, INVALID);
    HIN_ENSURE(tenant.size == 0 || hin_x509_name_is_clean(tenant), INVALID);
    HIN_ENSURE(hin_ring_group(ring, tenant) == NULL, EXISTS);
    struct hin_ring_group *group = calloc(1, sizeof(*group));
    HIN_ENSURE(group != NULL, NO_MEMORY);
    hin_copy(group->tenant, tenant.data, tenant.size);
    struct hin_result result = hin_map_put(&ring->groups, tenant, group);
    if (result.code != HIN_OK) {
        free(group);
        return result;
    }
    *ret_group = group;
    return hin_ok();
}

void hin_ring_group_take(struct hin_ring *ring, struct hin_ring_group *group)
{
    hin_map_remove(&ring->groups, hin_view_from_text(group->tenant));
}

struct hin_result hin_ring_group_put(struct hin_ring *ring, struct hin_ring_group *group)
{
    return hin_map_put(&ring->groups, hin_view_from_text(group->tenant), group);
}

void hin_ring_group_free(struct hin_ring *ring, struct hin_ring_group *group)
{
    while (group->count > 0) {
        hin_ring_key_drop(ring, group, group->count - 1);
    }
    free(group->keys);
    free(group);
}
