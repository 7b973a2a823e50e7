/* Reading a ring's file, both formats. */
#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/hash.h"
#include "keys/ring_internal.h"

#define V1_BODY_AT 36

/* The smaller of the two places for an image of this size. */
struct hin_result hin_ring_place_for(size_t size, size_t *ret_place)
{
    for (size_t place = 0; place + 1 < HIN_RING_PLACES; place++) {
        if (hin_ring_place_at(place) >= size) {
            *ret_place = place;
            return hin_ok();
        }
    }
    return hin_fail(HIN_LIMIT);
}

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
    uint8_t key_id[HIN_RING_ID_BYTES];
    uint32_t number = 0, size = 0;
    struct hin_view stored;
    hin_copy(key_id, file.data, HIN_RING_HEAD_BYTES);
    hin_copy(key_id + HIN_RING_HEAD_BYTES, image.data, HIN_RING_IMAGE_HEAD);
    struct hin_reader reader = hin_reader_of(hin_view_sub(
        image, HIN_RING_IMAGE_HEAD, image.size - HIN_RING_IMAGE_HEAD - HIN_RING_CRC_BYTES));
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
    struct hin_view rest =
        hin_view_sub(file, HIN_MIN(hin_ring_place_at(place), file.size), SIZE_MAX);
    rest = hin_view_sub(rest, 0, HIN_MIN(rest.size, hin_ring_place_at(place)));
    if (rest.size < HIN_RING_IMAGE_HEAD + HIN_RING_CRC_BYTES ||
        !hin_view_equal(hin_view_sub(rest, 0, 4), hin_view_of(hin_ring_image_magic, 4))) {
        return HIN_VIEW_EMPTY;
    }
    size_t body = hin_load_u32(rest.data + HIN_RING_AT_BODY);
    if (hin_load_u64(rest.data + HIN_RING_AT_GENERATION) == UINT64_MAX || /* nothing could follow */
        body > rest.size - HIN_RING_IMAGE_HEAD - HIN_RING_CRC_BYTES) {
        return HIN_VIEW_EMPTY;
    }
    size_t covered = HIN_RING_IMAGE_HEAD + body;
    bool whole = hin_load_u32(rest.data + covered) == hin_crc32c(0, hin_view_sub(rest, 0, covered));
    return whole ? hin_view_sub(rest, 0, covered + HIN_RING_CRC_BYTES) : HIN_VIEW_EMPTY;
}

/* Whether the file holds the image twice where it belongs, and nothing else. */
static bool is_tidy(struct hin_view file, struct hin_view image)
{
    size_t place = 0;
    if (!hin_is_ok(hin_ring_place_for(image.size, &place))) {
        return false;
    }
    for (size_t i = 0; i < HIN_RING_PLACES; i++) {
        bool used = i == place || i == place + 1;
        if (used != hin_view_equal(image_at(file, i), image)) {
            return false;
        }
        size_t from = HIN_MIN(hin_ring_place_at(i) + (used ? image.size : 0), file.size);
        for (size_t at = from; at < HIN_MIN(2 * hin_ring_place_at(i), file.size); at++) {
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
    for (size_t place = 0; place < HIN_RING_PLACES; place++) {
        struct hin_view image = image_at(file, place);
        uint64_t generation =
            image.size > 0 ? hin_load_u64(image.data + HIN_RING_AT_GENERATION) : 0;
        if (image.size > 0 && (best.size == 0 || generation > ring->generation)) {
            best = image;
            ring->generation = generation;
            ring->at = place;
        }
    }
    if (best.size == 0) {
        return damaged(error, file.size < hin_ring_place_at(1) + HIN_RING_IMAGE_HEAD);
    }
    ring->untidy = !is_tidy(file, best);
    return read_image(ring, file, best);
}

struct hin_result hin_ring_tpm_of(struct hin_view file, struct hin_ring_tpm *ret_tpm,
                                  struct hin_error *error)
{
    struct hin_ring_tpm tpm = {0};
    struct hin_reader reader = hin_reader_of(hin_view_sub(file, HIN_RING_BLOB_AT, SIZE_MAX));
    struct hin_view blob;
    uint32_t size = 0, crc = 0, pin = hin_load_u32(file.data + HIN_RING_AT_PASSES);
    tpm.pcrs = hin_load_u32(file.data + HIN_RING_AT_MEMORY);
    tpm.pin = pin == 1;
    HIN_ENSURE(file.data[3] == 2 && pin <= 1, CORRUPT);
    if (!hin_is_ok(hin_read_u32(&reader, &size)) || size == 0 || size > sizeof(tpm.blob) ||
        !hin_is_ok(hin_read_exact(&reader, size, &blob)) ||
        !hin_is_ok(hin_read_u32(&reader, &crc)) || crc != hin_crc32c(0, blob)) {
        return damaged(error, false);
    }
    hin_copy(tpm.blob, blob.data, blob.size);
    tpm.blob_size = size;
    *ret_tpm = tpm;
    return hin_ok();
}

struct hin_result hin_ring_derive(struct hin_ring *ring, const struct hin_secret *passphrase)
{
    if (ring->tpm.blob_size > 0) {
        HIN_ENSURE(passphrase->size == HIN_RING_TPM_SECRET, INVALID);
        return hin_hkdf(hin_secret_view(passphrase), hin_view_of(ring->salt, sizeof(ring->salt)),
                        HIN_VIEW("hinomi key ring, TPM"), HIN_RING_KEY_BYTES, &ring->phrase_key);
    }
    return hin_password_derive(hin_secret_view(passphrase),
                               hin_view_of(ring->salt, sizeof(ring->salt)), &ring->cost,
                               HIN_RING_KEY_BYTES, &ring->phrase_key);
}

static HIN_RESULT read_tpm(struct hin_ring *ring, struct hin_view file,
                           const struct hin_secret *secret, struct hin_error *error)
{
    HIN_TRY(hin_ring_tpm_of(file, &ring->tpm, error));
    hin_copy(ring->salt, file.data + HIN_RING_AT_SALT, sizeof(ring->salt));
    if (secret == NULL || secret->size == 0) {
        return hin_error_set(
            error, HIN_AUTH, NULL, 0, 0,
            "the key ring is sealed by a TPM, which only `hinomi-manager run` asks");
    }
    if (secret->size != HIN_RING_TPM_SECRET) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the key ring is sealed by a TPM, not under a pass phrase");
    }
    return hin_ring_derive(ring, secret);
}

static HIN_RESULT read_phrase(struct hin_ring *ring, const uint8_t *head,
                              const struct hin_secret *passphrase, struct hin_error *error)
{
    if (passphrase == NULL || passphrase->size == 0) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the key ring is sealed: give its pass phrase (--passphrase-file or "
                             "--passphrase-fd)");
    }
    ring->cost = (struct hin_password_cost){hin_load_u32(head + HIN_RING_AT_MEMORY),
                                            hin_load_u32(head + HIN_RING_AT_PASSES),
                                            hin_load_u32(head + HIN_RING_AT_LANES)};
    hin_copy(ring->salt, head + HIN_RING_AT_SALT, sizeof(ring->salt));
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
    struct hin_view body = hin_view_sub(file, HIN_RING_HEAD_BYTES,
                                        file.size - HIN_RING_HEAD_BYTES - HIN_RING_CRC_BYTES);
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
    uint32_t flags = hin_load_u32(file.data + HIN_RING_AT_FLAGS);
    if ((flags & ~(HIN_RING_SEALED | HIN_RING_TPM)) != 0 ||
        flags == (HIN_RING_SEALED | HIN_RING_TPM)) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring uses a feature of a newer version: update Hinomi");
    }
    ring->sealed = flags != 0;
    if (flags == HIN_RING_TPM) {
        HIN_TRY(read_tpm(ring, file, passphrase, error));
    } else if (ring->sealed) {
        HIN_TRY(read_phrase(ring, file.data, passphrase, error));
    } else if (passphrase != NULL && passphrase->size > 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the key ring is not sealed: leave the pass phrase out");
    }
    struct hin_result result =
        file.data[3] == 1 ? read_version_1(ring, file) : read_places(ring, file, error);
    if (result.code == HIN_AUTH) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             ring->tpm.blob_size > 0
                                 ? "what the TPM holds is not the key of this ring"
                                 : "wrong pass phrase for the key ring");
    }
    return result;
}

struct hin_result hin_ring_check_file(struct hin_view bytes, struct hin_error *error)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        if (bytes.data[i] != hin_ring_magic[i]) {
            return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "this is not a key ring of Hinomi");
        }
    }
    if (bytes.size >= 4 && bytes.data[3] != 1 && bytes.data[3] != 2) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring is of format %u, and this program reads formats 1 and "
                             "2: update Hinomi",
                             bytes.data[3]);
    }
    if (bytes.size < HIN_RING_HEAD_BYTES + HIN_RING_CRC_BYTES) {
        return damaged(error, true);
    }
    size_t covered = HIN_RING_AT_CRC; /* version 2 */
    if (bytes.data[3] == 1) {
        size_t body = hin_load_u32(bytes.data + V1_BODY_AT);
        covered = bytes.size - HIN_RING_CRC_BYTES;
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
    HIN_TRY(hin_ring_check_file(bytes, error));
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
