/* A ring's file: images in places that double in size. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "keys/ring_internal.h"

#define FIRST_PLACE  ((size_t)4096)
#define PLACES       13 /* the last ends at HIN_RING_FILE_MAX / 2 or before */
#define IMAGE_HEAD   32
#define CRC_BYTES    4
#define FLAG_SEALED  UINT32_C(1)
#define CHUNK_MAX    HIN_SECRET_MAX
#define ENTRY_BYTES  (4 + HIN_RING_KEY_BYTES)
#define BODY_MAX     ((size_t)16 << 20)
#define V1_BODY_AT   36
#define KEY_ID_BYTES (HIN_RING_HEAD_BYTES + IMAGE_HEAD)

enum at {
    AT_FLAGS = 4,
    AT_MEMORY = 8,
    AT_PASSES = 12,
    AT_LANES = 16,
    AT_SALT = 20,
    AT_CRC = 36,
    AT_IMAGE_BODY = 4,
    AT_IMAGE_GENERATION = 8,
    AT_IMAGE_ID = 16,
};

static const uint8_t ring_magic[3] = {'H', 'K', 'R'};
static const uint8_t image_magic[4] = {'H', 'K', 'I', 2};

static size_t place_at(size_t place)
{
    return FIRST_PLACE << place; /* where it begins, and how long it is */
}

static void wipe_buf(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->capacity);
    hin_buf_done(buf);
}

/* --- writing --- */

static void write_head(const struct hin_ring *ring, uint8_t head[HIN_RING_HEAD_BYTES])
{
    hin_zero(head, HIN_RING_HEAD_BYTES);
    hin_copy(head, ring_magic, sizeof(ring_magic));
    head[3] = 2;
    if (ring->sealed) {
        hin_store_u32(head + AT_FLAGS, FLAG_SEALED);
        hin_store_u32(head + AT_MEMORY, ring->cost.memory_kib);
        hin_store_u32(head + AT_PASSES, ring->cost.passes);
        hin_store_u32(head + AT_LANES, ring->cost.lanes);
        hin_copy(head + AT_SALT, ring->salt, sizeof(ring->salt));
    }
    hin_store_u32(head + AT_CRC, hin_crc32c(0, hin_view_of(head, AT_CRC)));
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
    uint8_t key_id[KEY_ID_BYTES];
    uint8_t *head = key_id + HIN_RING_HEAD_BYTES;
    HIN_CLEANUP(chunk_done) struct chunk chunk = {0};
    size_t size = body_bytes(ring), at = 0;
    struct hin_view tenant;
    void *value = NULL;
    HIN_ENSURE(size > 0 && size <= BODY_MAX, LIMIT);
    write_head(ring, key_id);
    hin_copy(head, image_magic, sizeof(image_magic));
    hin_store_u32(head + AT_IMAGE_BODY, (uint32_t)size);
    hin_store_u64(head + AT_IMAGE_GENERATION, generation);
    HIN_TRY(hin_random(head + AT_IMAGE_ID, IMAGE_HEAD - AT_IMAGE_ID));
    HIN_TRY(hin_buf_reserve(ret_image, IMAGE_HEAD + size + CRC_BYTES)); /* never moved: wiped */
    HIN_TRY(hin_buf_append(ret_image, hin_view_of(head, IMAGE_HEAD)));
    HIN_TRY(hin_secret_new(&chunk.plain, CHUNK_MAX));
    struct hin_view id = hin_view_of(key_id, sizeof(key_id));
    while (hin_map_next(&ring->groups, &at, &tenant, &value)) {
        HIN_TRY(add_group(ring, id, value, &chunk, ret_image));
    }
    HIN_TRY(end_chunk(ring, id, &chunk, ret_image));
    HIN_ENSURE(ret_image->size == IMAGE_HEAD + size, INTERNAL);
    return hin_write_u32(ret_image, hin_crc32c(0, hin_buf_view(ret_image)));
}

/* The smaller of the two places for an image of this size. */
static HIN_RESULT place_for(size_t size, size_t *ret_place)
{
    for (size_t place = 0; place + 1 < PLACES; place++) {
        if (place_at(place) >= size) {
            *ret_place = place;
            return hin_ok();
        }
    }
    return hin_fail(HIN_LIMIT);
}

struct hin_result hin_ring_encode(struct hin_ring *ring, struct hin_buf *ret_bytes)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf image = {.max = HIN_RING_FILE_MAX};
    uint8_t *to = NULL;
    size_t place = 0;
    HIN_TRY(encode_image(ring, ring->generation + 1, &image));
    HIN_TRY(place_for(image.size, &place));
    size_t size = place_at(place + 1) + image.size;
    HIN_TRY(hin_buf_extend(ret_bytes, size, &to));
    hin_zero(to, size);
    write_head(ring, to);
    hin_copy(to + place_at(place), image.data, image.size);
    hin_copy(to + place_at(place + 1), image.data, image.size);
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
    static const uint8_t zeros[FIRST_PLACE];
    uint8_t there[FIRST_PLACE];
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
    HIN_TRY(write_at(ring->file, image, place_at(other)));
    HIN_TRY(hin_file_sync(ring->file));
    for (size_t i = 0; i < PLACES; i++) {
        size_t used = i == place || i == place + 1 ? image.size : 0;
        HIN_TRY(write_zeros(ring->file, place_at(i) + used, 2 * place_at(i)));
    }
    if (ftruncate(ring->file, (off_t)(place_at(place + 1) + image.size)) != 0) {
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
    HIN_TRY(place_for(image.size, &place));
    size_t first = ring->at == place ? place + 1 : place;
    HIN_TRY(write_at(ring->file, hin_buf_view(&image), place_at(first)));
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

/* --- reading --- */

static HIN_RESULT damaged(struct hin_error *error, bool cut)
{
    return hin_error_set(error, cut ? HIN_TRUNCATED : HIN_CORRUPT, NULL, 0, 0,
                         "the key ring is %s: restore it from where you keep its copy",
                         cut ? "cut short" : "damaged");
}

static HIN_RESULT read_key(struct hin_ring *ring, struct hin_ring_group *group,
                           struct hin_reader *reader)
{
    uint32_t version = 0;
    struct hin_view key;
    HIN_TRY(hin_read_u32(reader, &version));
    HIN_TRY(hin_read_exact(reader, HIN_RING_KEY_BYTES, &key));
    HIN_ENSURE(version > (group->count > 0 ? group->keys[group->count - 1].version : 0), CORRUPT);
    return hin_ring_key_add(ring, group, version, key);
}

static HIN_RESULT read_keys(struct hin_ring *ring, struct hin_view tenant,
                            struct hin_reader *reader)
{
    struct hin_ring_group *group = NULL;
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count > 0 && count <= HIN_RING_VERSIONS_MAX, CORRUPT);
    HIN_TRY(hin_ring_group_add(ring, tenant, &group));
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(read_key(ring, group, reader));
    }
    return hin_ok();
}

static HIN_RESULT read_groups(struct hin_ring *ring, struct hin_view plain)
{
    struct hin_reader reader = hin_reader_of(plain);
    struct hin_view tenant;
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(&reader, &count));
    HIN_ENSURE(count > 0 && count < 128, CORRUPT);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_bytes(&reader, HIN_RING_NAME_BYTES - 1, &tenant));
        HIN_TRY(read_keys(ring, tenant, &reader));
    }
    return hin_read_end(&reader);
}

/* AUTH on the first sealed chunk: the pass phrase is another. */
static HIN_RESULT read_chunk(struct hin_ring *ring, struct hin_view key_id, uint32_t number,
                             struct hin_view stored)
{
    if (!ring->sealed) {
        return read_groups(ring, stored);
    }
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    struct hin_key_binding binding = {.key_id = key_id, .purpose = HIN_KEY_RING, .version = number};
    struct hin_result opened = hin_key_unwrap(&ring->phrase_key, &binding, stored, &plain);
    HIN_ENSURE(number == 1 || opened.code != HIN_AUTH, CORRUPT);
    HIN_TRY(opened);
    return read_groups(ring, hin_secret_view(&plain));
}

static HIN_RESULT read_image(struct hin_ring *ring, struct hin_view file, struct hin_view image)
{
    uint8_t key_id[KEY_ID_BYTES];
    uint32_t number = 0, size = 0;
    struct hin_view stored;
    hin_copy(key_id, file.data, HIN_RING_HEAD_BYTES);
    hin_copy(key_id + HIN_RING_HEAD_BYTES, image.data, IMAGE_HEAD);
    struct hin_reader reader =
        hin_reader_of(hin_view_sub(image, IMAGE_HEAD, image.size - IMAGE_HEAD - CRC_BYTES));
    while (!hin_is_ok(hin_read_end(&reader))) {
        HIN_TRY(hin_read_u32(&reader, &size));
        HIN_TRY(hin_read_exact(&reader, size, &stored));
        HIN_TRY(read_chunk(ring, hin_view_of(key_id, sizeof(key_id)), ++number, stored));
    }
    HIN_ENSURE(hin_ring_group(ring, HIN_VIEW_EMPTY) != NULL, CORRUPT);
    return hin_ok();
}

/* The whole image at a place of the file, or the empty view. */
static struct hin_view image_at(struct hin_view file, size_t place)
{
    struct hin_view rest = hin_view_sub(file, HIN_MIN(place_at(place), file.size), SIZE_MAX);
    rest = hin_view_sub(rest, 0, HIN_MIN(rest.size, place_at(place)));
    if (rest.size < IMAGE_HEAD + CRC_BYTES ||
        !hin_view_equal(hin_view_sub(rest, 0, 4), hin_view_of(image_magic, 4))) {
        return HIN_VIEW_EMPTY;
    }
    size_t body = hin_load_u32(rest.data + AT_IMAGE_BODY);
    if (body > rest.size - IMAGE_HEAD - CRC_BYTES) {
        return HIN_VIEW_EMPTY;
    }
    size_t covered = IMAGE_HEAD + body;
    bool whole = hin_load_u32(rest.data + covered) == hin_crc32c(0, hin_view_sub(rest, 0, covered));
    return whole ? hin_view_sub(rest, 0, covered + CRC_BYTES) : HIN_VIEW_EMPTY;
}

/* Whether the file holds the image twice where it belongs, and nothing else. */
static bool is_tidy(struct hin_view file, struct hin_view image)
{
    size_t place = 0;
    if (!hin_is_ok(place_for(image.size, &place))) {
        return false;
    }
    for (size_t i = 0; i < PLACES; i++) {
        bool used = i == place || i == place + 1;
        if (used != hin_view_equal(image_at(file, i), image)) {
            return false;
        }
        size_t from = HIN_MIN(place_at(i) + (used ? image.size : 0), file.size);
        for (size_t at = from; at < HIN_MIN(2 * place_at(i), file.size); at++) {
            if (file.data[at] != 0) {
                return false;
            }
        }
    }
    return true;
}

static HIN_RESULT read_places(struct hin_ring *ring, struct hin_view file, struct hin_error *error)
{
    struct hin_view best = HIN_VIEW_EMPTY;
    for (size_t place = 0; place < PLACES; place++) {
        struct hin_view image = image_at(file, place);
        uint64_t generation = image.size > 0 ? hin_load_u64(image.data + AT_IMAGE_GENERATION) : 0;
        if (image.size > 0 && (best.size == 0 || generation > ring->generation)) {
            best = image;
            ring->generation = generation;
            ring->at = place;
        }
    }
    if (best.size == 0) {
        return damaged(error, file.size < place_at(1) + IMAGE_HEAD);
    }
    ring->untidy = !is_tidy(file, best);
    return read_image(ring, file, best);
}

struct hin_result hin_ring_derive(struct hin_ring *ring, const struct hin_secret *passphrase)
{
    return hin_password_derive(hin_secret_view(passphrase),
                               hin_view_of(ring->salt, sizeof(ring->salt)), &ring->cost,
                               HIN_RING_KEY_BYTES, &ring->phrase_key);
}

static HIN_RESULT read_phrase(struct hin_ring *ring, const uint8_t *head,
                              const struct hin_secret *passphrase, struct hin_error *error)
{
    if (passphrase == NULL || passphrase->size == 0) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the key ring is sealed: give its pass phrase (--passphrase-file or "
                             "--passphrase-fd)");
    }
    ring->cost =
        (struct hin_password_cost){hin_load_u32(head + AT_MEMORY), hin_load_u32(head + AT_PASSES),
                                   hin_load_u32(head + AT_LANES)};
    hin_copy(ring->salt, head + AT_SALT, sizeof(ring->salt));
    struct hin_result result = hin_ring_derive(ring, passphrase);
    if (result.code == HIN_LIMIT || result.code == HIN_SYNTAX) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the key ring asks for an impossible amount of work");
    }
    return result;
}

/* Version 1: one list of keys, the installation's. */
static HIN_RESULT read_version_1(struct hin_ring *ring, struct hin_view file)
{
    static const struct hin_key_binding binding = {
        .tenant = {(const uint8_t *)"", 0},
        .key_id = {(const uint8_t *)"ring", 4},
        .purpose = HIN_KEY_RING,
        .version = 1,
    };
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    struct hin_view body =
        hin_view_sub(file, HIN_RING_HEAD_BYTES, file.size - HIN_RING_HEAD_BYTES - CRC_BYTES);
    if (ring->sealed) {
        HIN_TRY(hin_key_unwrap(&ring->phrase_key, &binding, body, &plain));
        body = hin_secret_view(&plain);
    }
    struct hin_reader reader = hin_reader_of(body);
    ring->format = 1;
    HIN_TRY(read_keys(ring, HIN_VIEW_EMPTY, &reader));
    return hin_read_end(&reader);
}

static HIN_RESULT decode_body(struct hin_ring *ring, struct hin_view file,
                              const struct hin_secret *passphrase, struct hin_error *error)
{
    uint32_t flags = hin_load_u32(file.data + AT_FLAGS);
    if ((flags & ~FLAG_SEALED) != 0) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring uses a feature of a newer version: update Hinomi");
    }
    ring->sealed = (flags & FLAG_SEALED) != 0;
    if (ring->sealed) {
        HIN_TRY(read_phrase(ring, file.data, passphrase, error));
    } else if (passphrase != NULL && passphrase->size > 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the key ring is not sealed: leave the pass phrase out");
    }
    struct hin_result result =
        file.data[3] == 1 ? read_version_1(ring, file) : read_places(ring, file, error);
    if (result.code == HIN_AUTH) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0, "wrong pass phrase for the key ring");
    }
    return result;
}

static HIN_RESULT check_file(struct hin_view bytes, struct hin_error *error)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        if (bytes.data[i] != ring_magic[i]) {
            return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "this is not a key ring of Hinomi");
        }
    }
    if (bytes.size >= 4 && bytes.data[3] != 1 && bytes.data[3] != 2) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring is of format %u, and this program reads formats 1 and "
                             "2: update Hinomi",
                             bytes.data[3]);
    }
    if (bytes.size < HIN_RING_HEAD_BYTES + CRC_BYTES) {
        return damaged(error, true);
    }
    size_t covered = AT_CRC; /* version 2 */
    if (bytes.data[3] == 1) {
        size_t body = hin_load_u32(bytes.data + V1_BODY_AT);
        covered = bytes.size - CRC_BYTES;
        if (covered - HIN_RING_HEAD_BYTES != body) {
            return damaged(error, covered - HIN_RING_HEAD_BYTES < body);
        }
    }
    return hin_load_u32(bytes.data + covered) == hin_crc32c(0, hin_view_sub(bytes, 0, covered))
               ? hin_ok()
               : damaged(error, false);
}

struct hin_result hin_ring_decode(struct hin_view bytes, const struct hin_secret *passphrase,
                                  struct hin_ring **ret_ring, struct hin_error *error)
{
    struct hin_error own = {0};
    error = error != NULL ? error : &own;
    HIN_TRY(check_file(bytes, error));
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL;
    HIN_TRY(hin_ring_new(&ring));
    error->text[0] = '\0';
    struct hin_result result = decode_body(ring, bytes, passphrase, error);
    if (result.code != HIN_OK) {
        /* The checksum holds but the content does not: written wrong, not damaged since. */
        bool named = error->text[0] != '\0' || result.code == HIN_NO_MEMORY;
        return named ? result
                     : hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                                     "the key ring's content is damaged");
    }
    *ret_ring = ring;
    ring = NULL;
    return hin_ok();
}
