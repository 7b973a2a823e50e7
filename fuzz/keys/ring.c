/* The key ring's file, both formats; also with its checksum mended; and the input as the list of
 * keys, or as the body of an image, within a ring that is sealed under a pass phrase or open.
 * What decodes is encoded, and decodes again to the same keys. Argon2id is slow, so only cheap
 * settings are followed; that dear ones are refused is the unit tests' affair. */
#include "keys/ring.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "keys/ring_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The groups may stand in another order. */
static void must_be_same(const struct hin_ring *ring, const struct hin_ring *again)
{
    size_t at = 0;
    struct hin_view tenant;
    void *value = NULL;
    must(ring->groups.count == again->groups.count && ring->sealed == again->sealed);
    while (hin_map_next(&ring->groups, &at, &tenant, &value)) {
        const struct hin_ring_group *group = value;
        const struct hin_ring_group *other = hin_ring_group(again, tenant);
        must(other != NULL && other->count == group->count && group->count > 0);
        for (size_t i = 0; i < group->count; i++) {
            struct hin_secret one = hin_ring_key_secret(ring, &group->keys[i]);
            struct hin_secret two = hin_ring_key_secret(again, &other->keys[i]);
            must(group->keys[i].version == other->keys[i].version &&
                 hin_view_equal(hin_secret_view(&one), hin_secret_view(&two)));
        }
    }
}

static void decode(struct hin_view bytes, const struct hin_secret *passphrase)
{
    HIN_CLEANUP(hin_ring_freep) struct hin_ring *ring = NULL, *again = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_RING_FILE_MAX};
    struct hin_error error = {0};
    struct hin_result result = hin_ring_decode(bytes, passphrase, &ring, &error);
    if (!hin_is_ok(result)) { /* whoever cannot open his keys is told why */
        must(error.text[0] != '\0' || result.code == HIN_NO_MEMORY);
        return;
    }
    must(hin_ring_group(ring, HIN_VIEW_EMPTY) != NULL && hin_is_ok(hin_ring_encode(ring, &file)) &&
         hin_is_ok(hin_ring_decode(hin_buf_view(&file), passphrase, &again, &error)));
    must_be_same(ring, again);
}

static bool is_cheap(struct hin_view bytes)
{
    return bytes.size >= 20 && hin_load_u32(bytes.data + 8) <= 64 &&
           hin_load_u32(bytes.data + 12) <= 2 && hin_load_u32(bytes.data + 16) <= 1;
}

/* A ring, sealed at the least cost, whose body is the input. */
static void decode_sealed(struct hin_view keys, const struct hin_secret *passphrase)
{
    static const struct hin_password_cost least = {.memory_kib = 8, .passes = 1, .lanes = 1};
    static const struct hin_key_binding binding = {
        .key_id = HIN_VIEW("ring"), .purpose = HIN_KEY_RING, .version = 1};
    static struct hin_secret key; /* derived once */
    HIN_CLEANUP(hin_secret_done) struct hin_secret body = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_RING_FILE_MAX};
    uint8_t head[40] = {'H', 'K', 'R', 1, 1};
    struct hin_view salt = hin_view_of(head + 20, 16);
    head[8] = 8;
    head[12] = 1;
    head[16] = 1;
    hin_store_u32(head + 36, (uint32_t)(keys.size + HIN_WRAP_OVERHEAD_BYTES));
    if (keys.size == 0 || !hin_is_ok(hin_secret_from(&body, keys)) ||
        (key.size == 0 &&
         !hin_is_ok(hin_password_derive(hin_secret_view(passphrase), salt, &least, 32, &key))) ||
        !hin_is_ok(hin_buf_append(&file, hin_view_of(head, sizeof(head)))) ||
        !hin_is_ok(hin_key_wrap(&key, 1, &binding, &body, &file)) ||
        !hin_is_ok(hin_write_u32(&file, hin_crc32c(0, hin_buf_view(&file))))) {
        return;
    }
    decode(hin_buf_view(&file), passphrase);
}

/* A file of format 2 whose one image has the input as its body. Sealed: as its one chunk. */
static void decode_image(struct hin_view input, const struct hin_secret *passphrase)
{
    static const struct hin_password_cost least = {.memory_kib = 8, .passes = 1, .lanes = 1};
    static const uint8_t zeros[4096];
    static struct hin_secret key; /* derived once */
    HIN_CLEANUP(hin_secret_done) struct hin_secret chunk = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_RING_FILE_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = HIN_RING_FILE_MAX};
    uint8_t id[72] = {'H', 'K', 'R', 2};
    uint8_t *image = id + 40;
    struct hin_view key_id = hin_view_of(id, sizeof(id));
    struct hin_key_binding binding = {.key_id = key_id, .purpose = HIN_KEY_RING, .version = 1};
    size_t size = input.size;
    if (passphrase != NULL) {
        id[4] = 1;
        id[8] = 8;
        id[12] = 1;
        id[16] = 1;
        size += 4 + HIN_WRAP_OVERHEAD_BYTES;
    }
    hin_store_u32(id + 36, hin_crc32c(0, hin_view_of(id, 36)));
    hin_copy(image, "HKI\2", 4);
    hin_store_u32(image + 4, (uint32_t)size);
    if (passphrase == NULL) {
        if (!hin_is_ok(hin_buf_append(&body, input))) {
            return;
        }
    } else if ((key.size == 0 &&
                !hin_is_ok(hin_password_derive(hin_secret_view(passphrase),
                                               hin_view_of(id + 20, 16), &least, 32, &key))) ||
               !hin_is_ok(hin_secret_from(&chunk, input)) ||
               !hin_is_ok(hin_write_u32(&body, (uint32_t)size - 4)) ||
               !hin_is_ok(hin_key_wrap(&key, 1, &binding, &chunk, &body))) {
        return;
    }
    if (hin_is_ok(hin_buf_append(&file, hin_view_of(id, 40))) &&
        hin_is_ok(hin_buf_append(&file, hin_view_of(zeros, 4096 - 40))) &&
        hin_is_ok(hin_buf_append(&file, hin_view_of(image, 32))) &&
        hin_is_ok(hin_buf_append(&file, hin_buf_view(&body))) &&
        hin_is_ok(hin_write_u32(
            &file, hin_crc32c(0, hin_view_sub(hin_buf_view(&file), 4096, SIZE_MAX))))) {
        decode(hin_buf_view(&file), passphrase);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret passphrase = {0};
    if (!hin_is_ok(hin_secret_from(&passphrase, HIN_VIEW("fuzz")))) {
        return 0;
    }
    decode(hin_view_of(data, size), NULL);
    decode_sealed(hin_view_of(data, HIN_MIN(size, HIN_SECRET_MAX)), &passphrase);
    decode_image(hin_view_of(data, HIN_MIN(size, HIN_SECRET_MAX)), NULL);
    decode_image(hin_view_of(data, HIN_MIN(size, HIN_SECRET_MAX)), &passphrase);
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL && size > 4) {
        hin_copy(copy, data, size);
        if (size >= 44) {
            hin_store_u32(copy + 36, (uint32_t)(size - 44));
        }
        hin_store_u32(copy + size - 4, hin_crc32c(0, hin_view_of(copy, size - 4)));
        struct hin_view mended = hin_view_of(copy, size);
        decode(mended, NULL);
        if (is_cheap(mended)) {
            decode(mended, &passphrase);
        }
    }
    free(copy);
    return 0;
}
