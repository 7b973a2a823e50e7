/* Keyed sliding windows. A map from key to slot; the slots form a ring list that expiry walks
 * round. */
#include "match/window.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/secret.h"

#define IMAGE_MAGIC   "HINWIN\0\1"
#define IMAGE_VERSION 1
#define SLOT_OVERHEAD 32 /* the table and the allocator, about */
#define ENTRIES_FIRST 4  /* these stand in the slot */
#define BUCKETS_FIRST 64

struct slot {
    struct slot *chain; /* the next of the same bucket */
    uint64_t hash;
    struct slot *next;
    struct slot *previous;
    struct hin_window_entry *entries; /* [start, start + count) are kept, oldest first */
    uint32_t start;
    uint32_t count;
    uint32_t capacity;
    int64_t span_usec;
    size_t key_bytes;
    struct hin_window_entry first[ENTRIES_FIRST]; /* `entries` points here until there are more */
    uint8_t key[];
};

struct hin_window {
    struct hin_window_limits limits;
    struct slot **buckets;
    size_t bucket_count; /* a power of two */
    size_t slot_count;
    uint64_t hash_key[2];
    struct slot *ring;        /* where the next expiry begins */
    int64_t now_usec;         /* the newest time seen */
    int64_t next_expiry_usec; /* no key expires before it */
    uint64_t entry_count;
    size_t bytes;
    uint64_t refused_count;
};

/* ---- the table ---- */

static HIN_RESULT table_init(struct hin_window *window)
{
    window->buckets = calloc(BUCKETS_FIRST, sizeof(struct slot *));
    HIN_ENSURE(window->buckets != NULL, NO_MEMORY);
    window->bucket_count = BUCKETS_FIRST;
    return hin_random(window->hash_key, sizeof(window->hash_key));
}

static struct slot *table_find(const struct hin_window *window, struct hin_view key, uint64_t hash)
{
    struct slot *slot = window->buckets[hash & (window->bucket_count - 1)];
    while (slot != NULL &&
           !(slot->hash == hash && hin_view_equal(key, hin_view_of(slot->key, slot->key_bytes)))) {
        slot = slot->chain;
    }
    return slot;
}

/* Twice the buckets. When there is no memory for them the chains just grow longer. */
static void table_grow(struct hin_window *window)
{
    size_t count = window->bucket_count * 2;
    struct slot **buckets = calloc(count, sizeof(struct slot *));
    if (buckets == NULL) {
        return;
    }
    for (size_t i = 0; i < window->bucket_count; i++) {
        struct slot *slot = window->buckets[i];
        while (slot != NULL) {
            struct slot *next = slot->chain;
            struct slot **bucket = &buckets[slot->hash & (count - 1)];
            slot->chain = *bucket;
            *bucket = slot;
            slot = next;
        }
    }
    free(window->buckets);
    window->buckets = buckets;
    window->bucket_count = count;
}

static void table_insert(struct hin_window *window, struct slot *slot)
{
    if (window->slot_count >= window->bucket_count) {
        table_grow(window);
    }
    struct slot **bucket = &window->buckets[slot->hash & (window->bucket_count - 1)];
    slot->chain = *bucket;
    *bucket = slot;
    window->slot_count++;
}

static void table_remove(struct hin_window *window, const struct slot *slot)
{
    struct slot **at = &window->buckets[slot->hash & (window->bucket_count - 1)];
    while (*at != slot) {
        at = &(*at)->chain;
    }
    *at = slot->chain;
    window->slot_count--;
}

HIN_RESULT hin_window_new(const struct hin_window_limits *limits, struct hin_window **ret_window)
{
    HIN_ENSURE(limits->keys_max > 0 && limits->entries_max > 0 &&
                   limits->entries_max <= UINT32_MAX / 4,
               INVALID);
    struct hin_window *window = calloc(1, sizeof(*window));
    HIN_ENSURE(window != NULL, NO_MEMORY);
    window->limits = *limits;
    window->now_usec = INT64_MIN;
    window->next_expiry_usec = INT64_MAX;
    struct hin_result result = table_init(window);
    if (!hin_is_ok(result)) {
        hin_window_free(window);
        return result;
    }
    *ret_window = window;
    return hin_ok();
}

static size_t slot_bytes(const struct slot *slot)
{
    size_t extra = slot->entries == slot->first ? 0 : slot->capacity * sizeof(*slot->entries);
    return sizeof(*slot) + slot->key_bytes + SLOT_OVERHEAD + extra;
}

static void slot_free(struct hin_window *window, struct slot *slot)
{
    window->entry_count -= slot->count;
    window->bytes -= slot_bytes(slot);
    slot->next->previous = slot->previous;
    slot->previous->next = slot->next;
    if (window->ring == slot) {
        window->ring = slot->next == slot ? NULL : slot->next;
    }
    table_remove(window, slot);
    if (slot->entries != slot->first) {
        free(slot->entries);
    }
    free(slot);
}

static void clear(struct hin_window *window)
{
    while (window->ring != NULL) {
        slot_free(window, window->ring);
    }
    window->next_expiry_usec = INT64_MAX;
}

void hin_window_free(struct hin_window *window)
{
    if (window != NULL) {
        clear(window);
        free(window->buckets);
        free(window);
    }
}

void hin_window_freep(struct hin_window **window)
{
    hin_window_free(*window);
    *window = NULL;
}

/* ---- expiry ---- */

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

/* A sighting lives for `span` and to the microsecond of its end. */
static bool has_expired(const struct slot *slot, const struct hin_window_entry *entry,
                        int64_t now_usec)
{
    return add_saturated(entry->time_usec, slot->span_usec) < now_usec;
}

static void drop_expired(struct hin_window *window, struct slot *slot)
{
    while (slot->count > 0 && has_expired(slot, &slot->entries[slot->start], window->now_usec)) {
        slot->start++;
        slot->count--;
        window->entry_count--;
    }
}

static int64_t expiry_of(const struct slot *slot)
{
    return slot->count == 0 ? INT64_MIN
                            : add_saturated(slot->entries[slot->start + slot->count - 1].time_usec,
                                            slot->span_usec);
}

/* Look at up to `keys_max` keys from where the last walk ended. */
static void walk(struct hin_window *window, size_t keys_max)
{
    size_t total = window->slot_count;
    int64_t next_expiry = INT64_MAX;
    for (size_t i = 0; i < total && i < keys_max && window->ring != NULL; i++) {
        struct slot *slot = window->ring;
        window->ring = slot->next;
        drop_expired(window, slot);
        if (slot->count == 0) {
            slot_free(window, slot);
        } else {
            next_expiry = HIN_MIN(next_expiry, expiry_of(slot));
        }
    }
    if (keys_max >= total) { /* all were seen */
        window->next_expiry_usec = next_expiry;
    }
}

static void advance(struct hin_window *window, int64_t now_usec)
{
    window->now_usec = HIN_MAX(window->now_usec, now_usec);
}

void hin_window_expire(struct hin_window *window, int64_t now_usec, uint32_t keys_max)
{
    advance(window, now_usec);
    if (window->next_expiry_usec < window->now_usec) {
        walk(window, keys_max == 0 ? SIZE_MAX : keys_max);
    }
}

/* ---- adding ---- */

static bool fits(const struct hin_window *window, size_t keys, size_t bytes)
{
    return window->slot_count + keys <= window->limits.keys_max &&
           window->bytes + bytes <= window->limits.bytes_max;
}

/* Room for that much, after dropping what has expired; a walk is made only when it can find
 * something. */
static HIN_RESULT make_room(struct hin_window *window, size_t keys, size_t bytes)
{
    if (!fits(window, keys, bytes) && window->next_expiry_usec < window->now_usec) {
        walk(window, SIZE_MAX);
    }
    if (!fits(window, keys, bytes)) {
        window->refused_count++;
        return hin_fail(HIN_LIMIT);
    }
    return hin_ok();
}

static HIN_RESULT slot_new(struct hin_window *window, struct hin_view key, uint64_t hash,
                           struct slot **ret_slot)
{
    struct slot *slot = malloc(sizeof(*slot) + key.size);
    HIN_ENSURE(slot != NULL, NO_MEMORY);
    *slot = (struct slot){.hash = hash, .key_bytes = key.size};
    slot->entries = slot->first;
    slot->capacity = HIN_MIN((uint32_t)ENTRIES_FIRST, window->limits.entries_max);
    hin_copy(slot->key, key.data, key.size);
    table_insert(window, slot);
    if (window->ring == NULL) {
        slot->next = slot;
        slot->previous = slot;
        window->ring = slot;
    } else { /* behind everything else */
        slot->next = window->ring;
        slot->previous = window->ring->previous;
        slot->previous->next = slot;
        slot->next->previous = slot;
    }
    window->bytes += slot_bytes(slot);
    *ret_slot = slot;
    return hin_ok();
}

static HIN_RESULT slot_grow(struct hin_window *window, struct slot *slot)
{
    uint32_t capacity = HIN_MIN(slot->capacity * 2, window->limits.entries_max);
    size_t old_bytes = slot_bytes(slot);
    size_t size = capacity * sizeof(*slot->entries);
    if (!fits(window, 0, size)) {
        window->refused_count++;
        return hin_fail(HIN_LIMIT);
    }
    bool inside = slot->entries == slot->first;
    struct hin_window_entry *entries = realloc(inside ? NULL : slot->entries, size);
    HIN_ENSURE(entries != NULL, NO_MEMORY);
    if (inside) {
        hin_copy(entries, slot->first, slot->count * sizeof(*entries));
    }
    slot->entries = entries;
    slot->capacity = capacity;
    window->bytes += slot_bytes(slot) - old_bytes;
    return hin_ok();
}

/* Behind the newest; the oldest gives way when there are entries_max already. */
static HIN_RESULT slot_append(struct hin_window *window, struct slot *slot,
                              const struct hin_window_entry *entry)
{
    if (slot->count == window->limits.entries_max) {
        slot->start++;
        slot->count--;
        window->entry_count--;
    }
    if (slot->start + slot->count == slot->capacity) {
        if (slot->start > 0) {
            hin_move(slot->entries, slot->entries + slot->start, slot->count * sizeof(*entry));
            slot->start = 0;
        } else {
            HIN_TRY(slot_grow(window, slot));
        }
    }
    slot->entries[slot->start + slot->count++] = *entry;
    window->entry_count++;
    window->next_expiry_usec = HIN_MIN(window->next_expiry_usec, expiry_of(slot));
    return hin_ok();
}

HIN_RESULT hin_window_add(struct hin_window *window, struct hin_view key, int64_t now_usec,
                          int64_t span_usec, uint64_t value, uint32_t *ret_count)
{
    HIN_ENSURE(key.size <= HIN_WINDOW_KEY_MAX_BYTES && span_usec >= 0, INVALID);
    advance(window, now_usec);
    uint64_t hash = hin_siphash(window->hash_key, key);
    struct slot *slot = table_find(window, key, hash);
    if (slot == NULL) {
        HIN_TRY(make_room(window, 1, sizeof(*slot) + SLOT_OVERHEAD + key.size));
        HIN_TRY(slot_new(window, key, hash, &slot));
    }
    slot->span_usec = span_usec;
    drop_expired(window, slot);
    struct hin_window_entry entry = {window->now_usec, value};
    struct hin_result result = slot_append(window, slot, &entry);
    if (!hin_is_ok(result)) {
        if (slot->count == 0) {
            slot_free(window, slot);
        }
        return result;
    }
    *ret_count = slot->count;
    return hin_ok();
}

void hin_window_get(struct hin_window *window, struct hin_view key, int64_t now_usec,
                    const struct hin_window_entry **ret_entries, uint32_t *ret_count)
{
    advance(window, now_usec);
    struct slot *slot = table_find(window, key, hin_siphash(window->hash_key, key));
    *ret_entries = NULL;
    *ret_count = 0;
    if (slot != NULL) {
        drop_expired(window, slot);
        *ret_entries = slot->entries + slot->start;
        *ret_count = slot->count;
    }
}

void hin_window_drop(struct hin_window *window, struct hin_view key)
{
    struct slot *slot = table_find(window, key, hin_siphash(window->hash_key, key));
    if (slot != NULL) {
        slot_free(window, slot);
    }
}

void hin_window_stats(const struct hin_window *window, struct hin_window_stats *ret_stats)
{
    *ret_stats = (struct hin_window_stats){(uint32_t)window->slot_count, window->entry_count,
                                           window->bytes, window->refused_count};
}

/* ---- image ---- */

static HIN_RESULT save_slot(const struct slot *slot, struct hin_buf *buf)
{
    HIN_TRY(hin_write_bytes(buf, hin_view_of(slot->key, slot->key_bytes)));
    HIN_TRY(hin_write_zigzag(buf, slot->span_usec));
    HIN_TRY(hin_write_varint(buf, slot->count));
    for (uint32_t i = 0; i < slot->count; i++) {
        HIN_TRY(hin_write_zigzag(buf, slot->entries[slot->start + i].time_usec));
        HIN_TRY(hin_write_varint(buf, slot->entries[slot->start + i].value));
    }
    return hin_ok();
}

HIN_RESULT hin_window_save(const struct hin_window *window, struct hin_buf *buf)
{
    size_t begin = buf->size;
    HIN_TRY(hin_buf_append(buf, HIN_VIEW(IMAGE_MAGIC)));
    HIN_TRY(hin_write_u32(buf, IMAGE_VERSION));
    HIN_TRY(hin_write_zigzag(buf, window->now_usec));
    HIN_TRY(hin_write_varint(buf, window->slot_count));
    const struct slot *slot = window->ring;
    for (size_t i = 0; i < window->slot_count; i++, slot = slot->next) {
        HIN_TRY(save_slot(slot, buf));
    }
    return hin_write_u32(buf, hin_crc32c(0, hin_view_sub(hin_buf_view(buf), begin, SIZE_MAX)));
}

static HIN_RESULT load_slot(struct hin_window *window, struct hin_reader *reader)
{
    struct hin_view key;
    int64_t span_usec = 0;
    uint64_t count = 0;
    int64_t last_usec = INT64_MIN;
    struct slot *slot = NULL;
    HIN_TRY(hin_read_bytes(reader, HIN_WINDOW_KEY_MAX_BYTES, &key));
    HIN_TRY(hin_read_zigzag(reader, &span_usec));
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(span_usec >= 0 && count <= window->limits.entries_max, LIMIT);
    uint64_t hash = hin_siphash(window->hash_key, key);
    HIN_ENSURE(table_find(window, key, hash) == NULL, CORRUPT);
    HIN_ENSURE(fits(window, 1, sizeof(*slot) + SLOT_OVERHEAD + key.size), LIMIT);
    HIN_TRY(slot_new(window, key, hash, &slot));
    slot->span_usec = span_usec;
    for (uint64_t i = 0; i < count; i++) {
        struct hin_window_entry entry = {0};
        HIN_TRY(hin_read_zigzag(reader, &entry.time_usec));
        HIN_TRY(hin_read_varint(reader, &entry.value));
        HIN_ENSURE(entry.time_usec >= last_usec && entry.time_usec <= window->now_usec, CORRUPT);
        last_usec = entry.time_usec;
        HIN_TRY(slot_append(window, slot, &entry));
    }
    return hin_ok();
}

static HIN_RESULT load(struct hin_window *window, struct hin_view image)
{
    uint32_t checksum = 0;
    uint32_t version = 0;
    uint64_t count = 0;
    struct hin_view magic;
    HIN_ENSURE(image.size > 4, TRUNCATED);
    struct hin_reader reader = hin_reader_of(hin_view_sub(image, 0, image.size - 4));
    struct hin_reader tail = hin_reader_of(hin_view_sub(image, image.size - 4, 4));
    HIN_TRY(hin_read_u32(&tail, &checksum));
    HIN_ENSURE(checksum == hin_crc32c(0, reader.rest), CORRUPT);
    HIN_TRY(hin_read_exact(&reader, sizeof(IMAGE_MAGIC) - 1, &magic));
    HIN_ENSURE(hin_view_equal(magic, HIN_VIEW(IMAGE_MAGIC)), CORRUPT);
    HIN_TRY(hin_read_u32(&reader, &version));
    HIN_ENSURE(version == IMAGE_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_zigzag(&reader, &window->now_usec));
    HIN_TRY(hin_read_varint(&reader, &count));
    HIN_ENSURE(count <= window->limits.keys_max, LIMIT);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(load_slot(window, &reader));
    }
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), CORRUPT);
    return hin_ok();
}

HIN_RESULT hin_window_load(struct hin_window *window, struct hin_view image)
{
    clear(window);
    window->now_usec = INT64_MIN;
    struct hin_result result = load(window, image);
    if (!hin_is_ok(result)) {
        clear(window);
        window->now_usec = INT64_MIN;
    } else if (window->next_expiry_usec < window->now_usec) {
        walk(window, SIZE_MAX);
    }
    return result;
}
