/* Writing a ring's file: images in places that double in size. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "keys/ring_internal.h"

#define CHUNK_MAX   HIN_SECRET_MAX
#define ENTRY_BYTES (4 + HIN_RING_KEY_BYTES)

static void wipe_buf(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->capacity);
    hin_buf_done(buf);
}

static void write_head(const struct hin_ring *ring, uint8_t head[HIN_RING_HEAD_BYTES])
{
    hin_zero(head, HIN_RING_HEAD_BYTES);
    hin_copy(head, hin_ring_magic, sizeof(hin_ring_magic));
    head[3] = 2;
    if (ring->tpm.blob_size > 0) {
        hin_store_u32(head + HIN_RING_AT_FLAGS, HIN_RING_TPM);
        hin_store_u32(head + HIN_RING_AT_MEMORY, ring->tpm.pcrs);
        hin_store_u32(head + HIN_RING_AT_PASSES, ring->tpm.pin);
        hin_copy(head + HIN_RING_AT_SALT, ring->salt, sizeof(ring->salt));
    } else if (ring->sealed) {
        hin_store_u32(head + HIN_RING_AT_FLAGS, HIN_RING_SEALED);
        hin_store_u32(head + HIN_RING_AT_MEMORY, ring->cost.memory_kib);
        hin_store_u32(head + HIN_RING_AT_PASSES, ring->cost.passes);
        hin_store_u32(head + HIN_RING_AT_LANES, ring->cost.lanes);
        hin_copy(head + HIN_RING_AT_SALT, ring->salt, sizeof(ring->salt));
    }
    hin_store_u32(head + HIN_RING_AT_CRC, hin_crc32c(0, hin_view_of(head, HIN_RING_AT_CRC)));
}

static void write_blob(const struct hin_ring *ring, uint8_t *file)
{
    struct hin_view blob = hin_view_of(ring->tpm.blob, ring->tpm.blob_size);
    if (blob.size > 0) {
        hin_store_u32(file + HIN_RING_BLOB_AT, (uint32_t)blob.size);
        hin_copy(file + HIN_RING_BLOB_AT + 4, blob.data, blob.size);
        hin_store_u32(file + HIN_RING_BLOB_AT + 4 + blob.size, hin_crc32c(0, blob));
    }
}

static size_t varint_bytes(size_t value)
{
    return value < 128 ? 1 : 2; /* lengths and counts here are below 16384 */
}

static size_t group_bytes(const struct hin_ring_group *group)
{
    size_t name = hin_view_from_text(group->tenant).size;
    return varint_bytes(name) + name + varint_bytes(group->count) + group->count * ENTRY_BYTES;
}

static uint8_t *put_varint(uint8_t *to, size_t value)
{
    if (value < 128) {
        *to = (uint8_t)value;
        return to + 1;
    }
    to[0] = (uint8_t)(value | 0x80);
    to[1] = (uint8_t)(value >> 7);
    return to + 2;
}

/* Straight into the secret, so that no key stands in a buffer that is not wiped. */
static uint8_t *put_group(const struct hin_ring *ring, const struct hin_ring_group *group,
                          uint8_t *to)
{
    struct hin_view name = hin_view_from_text(group->tenant);
    to = put_varint(to, name.size);
    hin_copy(to, name.data, name.size);
    to = put_varint(to + name.size, group->count);
    for (size_t i = 0; i < group->count; i++) {
        struct hin_secret key = hin_ring_key_secret(ring, &group->keys[i]);
        hin_store_u32(to, group->keys[i].version);
        hin_copy(to + 4, key.data, HIN_RING_KEY_BYTES);
        to += ENTRY_BYTES;
    }
    return to;
}

struct chunk {
    struct hin_secret plain;
    size_t group_count, size; /* size: of the groups, the count stands before them */
    uint32_t number;
};

static void chunk_done(struct chunk *chunk)
{
    hin_secret_done(&chunk->plain);
}

static HIN_RESULT end_chunk(const struct hin_ring *ring, struct hin_view key_id,
                            struct chunk *chunk, struct hin_buf *body)
{
    if (chunk->group_count == 0) {
        return hin_ok();
    }
    chunk->plain.data[0] = (uint8_t)chunk->group_count; /* below 128: see add_group */
    struct hin_secret plain = {chunk->plain.data, 1 + chunk->size};
    struct hin_key_binding binding = {
        .key_id = key_id, .purpose = HIN_KEY_RING, .version = ++chunk->number};
    size_t stored = plain.size + (ring->sealed ? HIN_WRAP_OVERHEAD_BYTES : 0);
    HIN_TRY(hin_write_u32(body, (uint32_t)stored));
    HIN_TRY(ring->sealed ? hin_key_wrap(&ring->phrase_key, 1, &binding, &plain, body)
                         : hin_buf_append(body, hin_secret_view(&plain)));
    chunk->group_count = chunk->size = 0;
    return hin_ok();
}

static HIN_RESULT add_group(const struct hin_ring *ring, struct hin_view key_id,
                            const struct hin_ring_group *group, struct chunk *chunk,
                            struct hin_buf *body)
{
    size_t size = group_bytes(group);
    if (1 + chunk->size + size > CHUNK_MAX || chunk->group_count == 127) {
        HIN_TRY(end_chunk(ring, key_id, chunk, body));
    }
    (void)put_group(ring, group, chunk->plain.data + 1 + chunk->size);
    chunk->size += size;
    chunk->group_count++;
    return hin_ok();
}

/* How long the body will be: as the chunks will be cut, so that the image's head, which each chunk
 * is bound to, can say it. */
static size_t body_bytes(const struct hin_ring *ring)
{
    size_t at = 0, total = 0, chunk = 0, groups = 0;
    struct hin_view tenant;
    void *value = NULL;
    size_t overhead = 4 + 1 + (ring->sealed ? HIN_WRAP_OVERHEAD_BYTES : 0);
    while (hin_map_next(&ring->groups, &at, &tenant, &value)) {
        size_t size = group_bytes(value);
        if (groups == 0 || 1 + chunk + size > CHUNK_MAX || groups == 127) {
            total += overhead;
            chunk = groups = 0;
        }
        total += size;
        chunk += size;
        groups++;
    }
    return total;
}

static HIN_RESULT encode_image(const struct hin_ring *ring, uint64_t generation,
                               struct hin_buf *ret_image)
{
    uint8_t key_id[HIN_RING_ID_BYTES];
    uint8_t *head = key_id + HIN_RING_HEAD_BYTES;
    HIN_CLEANUP(chunk_done) struct chunk chunk = {0};
    size_t size = body_bytes(ring), at = 0;
    struct hin_view tenant;
    void *value = NULL;
    HIN_ENSURE(size > 0 && size <= HIN_RING_BODY_MAX, LIMIT);
    write_head(ring, key_id);
    hin_copy(head, hin_ring_image_magic, sizeof(hin_ring_image_magic));
    hin_store_u32(head + HIN_RING_AT_BODY, (uint32_t)size);
    hin_store_u64(head + HIN_RING_AT_GENERATION, generation);
    HIN_TRY(hin_random(head + HIN_RING_AT_ID, HIN_RING_IMAGE_HEAD - HIN_RING_AT_ID));
    HIN_TRY(hin_buf_reserve(ret_image, HIN_RING_IMAGE_HEAD + size +
                                           HIN_RING_CRC_BYTES)); /* never moved: wiped */
    HIN_TRY(hin_buf_append(ret_image, hin_view_of(head, HIN_RING_IMAGE_HEAD)));
    HIN_TRY(hin_secret_new(&chunk.plain, CHUNK_MAX));
    struct hin_view id = hin_view_of(key_id, sizeof(key_id));
    while (hin_map_next(&ring->groups, &at, &tenant, &value)) {
        HIN_TRY(add_group(ring, id, value, &chunk, ret_image));
    }
    HIN_TRY(end_chunk(ring, id, &chunk, ret_image));
    HIN_ENSURE(ret_image->size == HIN_RING_IMAGE_HEAD + size, INTERNAL);
    return hin_write_u32(ret_image, hin_crc32c(0, hin_buf_view(ret_image)));
}

struct hin_result hin_ring_encode(struct hin_ring *ring, struct hin_buf *ret_bytes)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf image = {.max = HIN_RING_FILE_MAX};
    uint8_t *to = NULL;
    size_t place = 0;
    HIN_TRY(encode_image(ring, ring->generation + 1, &image));
    HIN_TRY(hin_ring_place_for(image.size, &place));
    size_t size = hin_ring_place_at(place + 1) + image.size;
    HIN_TRY(hin_buf_extend(ret_bytes, size, &to));
    hin_zero(to, size);
    write_head(ring, to);
    write_blob(ring, to);
    hin_copy(to + hin_ring_place_at(place), image.data, image.size);
    hin_copy(to + hin_ring_place_at(place + 1), image.data, image.size);
    ring->generation++;
    ring->at = place;
    ring->untidy = false;
    ring->format = 2;
    return hin_ok();
}

static HIN_RESULT write_at(int file, struct hin_view bytes, size_t at)
{
    while (bytes.size > 0) {
        ssize_t wrote = pwrite(file, bytes.data, bytes.size, (off_t)at);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return hin_fail(hin_code_from_errno(errno));
        }
        HIN_ENSURE(wrote > 0, IO);
        bytes = hin_view_sub(bytes, (size_t)wrote, SIZE_MAX);
        at += (size_t)wrote;
    }
    return hin_ok();
}

/* Of what lies between two offsets, only what is not zero already, so that holes stay holes. */
static HIN_RESULT write_zeros(int file, size_t from, size_t to)
{
    static const uint8_t zeros[HIN_RING_FIRST_PLACE];
    uint8_t there[HIN_RING_FIRST_PLACE];
    while (from < to) {
        size_t part = HIN_MIN(to - from, sizeof(there));
        ssize_t got = pread(file, there, part, (off_t)from);
        if (got == 0) {
            break; /* the end of the file */
        }
        HIN_ENSURE(got > 0, IO);
        if (!hin_view_equal(hin_view_of(there, (size_t)got), hin_view_of(zeros, (size_t)got))) {
            HIN_TRY(write_at(file, hin_view_of(zeros, (size_t)got), from));
        }
        from += (size_t)got;
    }
    hin_wipe(there, sizeof(there));
    return hin_ok();
}

/* The present image once more, as `place` and the next one are to hold it; then nothing else. */
static HIN_RESULT settle(struct hin_ring *ring, struct hin_view image, size_t place)
{
    size_t other = ring->at == place ? place + 1 : place;
    HIN_TRY(write_at(ring->file, image, hin_ring_place_at(other)));
    HIN_TRY(hin_file_sync(ring->file));
    for (size_t i = 0; i < HIN_RING_PLACES; i++) {
        size_t used = i == place || i == place + 1 ? image.size : 0;
        HIN_TRY(write_zeros(ring->file, hin_ring_place_at(i) + used, 2 * hin_ring_place_at(i)));
    }
    if (ftruncate(ring->file, (off_t)(hin_ring_place_at(place + 1) + image.size)) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_file_sync(ring->file);
}

struct hin_result hin_ring_write(struct hin_ring *ring)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf image = {.max = HIN_RING_FILE_MAX};
    size_t place = 0;
    HIN_ENSURE(ring->file >= 0, DENIED);
    HIN_TRY(encode_image(ring, ring->generation + 1, &image));
    HIN_TRY(hin_ring_place_for(image.size, &place));
    size_t first = ring->at == place ? place + 1 : place;
    HIN_TRY(write_at(ring->file, hin_buf_view(&image), hin_ring_place_at(first)));
    HIN_TRY(hin_file_sync(ring->file));
    ring->generation++;
    ring->at = first;
    ring->untidy = !hin_is_ok(settle(ring, hin_buf_view(&image), place));
    return hin_ok();
}

struct hin_result hin_ring_tidy(struct hin_ring *ring)
{
    return ring->untidy ? hin_ring_write(ring) : hin_ok();
}
