/* The key ring's file as bytes: writing it, and reading what may have been damaged or planted. */
#include "base/bytes.h"
#include "base/codec.h"
#include "keys/ring_internal.h"

static const uint8_t ring_magic[4] = {'H', 'K', 'R', 1};

#define HEAD_BYTES  40
#define CRC_BYTES   4
#define SALT_BYTES  HIN_PASSWORD_SALT_BYTES
#define FLAG_SEALED UINT32_C(1)
#define KEY_BYTES   HIN_AEAD_KEY_BYTES
#define ENTRY_BYTES (4 + KEY_BYTES)

enum at {
    AT_FLAGS = 4,
    AT_MEMORY = 8,
    AT_PASSES = 12,
    AT_LANES = 16,
    AT_SALT = 20,
    AT_BODY = 36,
};

static const struct hin_key_binding body_binding = {
    .tenant = {(const uint8_t *)"", 0},
    .key_id = {(const uint8_t *)"ring", 4},
    .purpose = HIN_KEY_RING,
    .version = 1,
};

/* --- the keys as bytes --- */

static HIN_RESULT encode_keys(const struct hin_ring *ring, struct hin_secret *ret_body)
{
    HIN_ENSURE(ring->count > 0 && ring->count < 128, INTERNAL); /* one byte of varint */
    struct hin_secret body = {0};
    HIN_TRY(hin_secret_new(&body, 1 + ring->count * ENTRY_BYTES));
    body.data[0] = (uint8_t)ring->count;
    for (size_t i = 0; i < ring->count; i++) {
        uint8_t *at = body.data + 1 + i * ENTRY_BYTES;
        hin_store_u32(at, ring->masters[i].version);
        hin_copy(at + 4, ring->masters[i].key.data, KEY_BYTES);
    }
    *ret_body = body;
    return hin_ok();
}

static HIN_RESULT decode_keys(struct hin_ring *ring, struct hin_view body)
{
    struct hin_reader reader = hin_reader_of(body);
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(&reader, &count));
    HIN_ENSURE(count > 0 && count <= HIN_RING_VERSIONS_MAX, CORRUPT);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t version = 0;
        struct hin_view key;
        HIN_TRY(hin_read_u32(&reader, &version));
        HIN_TRY(hin_read_exact(&reader, KEY_BYTES, &key));
        HIN_ENSURE(version > (i > 0 ? ring->masters[i - 1].version : 0), CORRUPT);
        HIN_TRY(hin_secret_from(&ring->masters[i].key, key));
        ring->masters[i].version = version;
        ring->count++;
    }
    return hin_read_end(&reader);
}

/* --- the file --- */

HIN_RESULT hin_ring_encode(const struct hin_ring *ring, struct hin_buf *ret_bytes)
{
    uint8_t head[HEAD_BYTES] = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret body = {0};
    HIN_TRY(encode_keys(ring, &body));
    hin_copy(head, ring_magic, sizeof(ring_magic));
    size_t size = body.size;
    if (ring->sealed) {
        hin_store_u32(head + AT_FLAGS, FLAG_SEALED);
        hin_store_u32(head + AT_MEMORY, ring->cost.memory_kib);
        hin_store_u32(head + AT_PASSES, ring->cost.passes);
        hin_store_u32(head + AT_LANES, ring->cost.lanes);
        hin_copy(head + AT_SALT, ring->salt, SALT_BYTES);
        size += HIN_WRAP_OVERHEAD_BYTES;
    }
    hin_store_u32(head + AT_BODY, (uint32_t)size);
    HIN_TRY(hin_buf_append(ret_bytes, hin_view_of(head, sizeof(head))));
    if (ring->sealed) {
        HIN_TRY(hin_key_wrap(&ring->phrase_key, 1, &body_binding, &body, ret_bytes));
    } else {
        HIN_TRY(hin_buf_append(ret_bytes, hin_secret_view(&body)));
    }
    return hin_write_u32(ret_bytes, hin_crc32c(0, hin_buf_view(ret_bytes)));
}

static HIN_RESULT check_file(struct hin_view bytes, struct hin_error *error)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        if (bytes.data[i] != ring_magic[i]) {
            return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "this is not a key ring of Hinomi");
        }
    }
    if (bytes.size >= 4 && bytes.data[3] != ring_magic[3]) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring is of format %u, and this program reads format %u: "
                             "update Hinomi",
                             bytes.data[3], ring_magic[3]);
    }
    size_t body = bytes.size >= HEAD_BYTES ? hin_load_u32(bytes.data + AT_BODY) : 0;
    if (bytes.size < HEAD_BYTES + CRC_BYTES || bytes.size - HEAD_BYTES - CRC_BYTES < body) {
        return hin_error_set(error, HIN_TRUNCATED, NULL, 0, 0,
                             "the key ring is cut short: restore it from where you keep its copy");
    }
    size_t covered = bytes.size - CRC_BYTES;
    if (body != covered - HEAD_BYTES ||
        hin_load_u32(bytes.data + covered) != hin_crc32c(0, hin_view_sub(bytes, 0, covered))) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the key ring is damaged: restore it from where you keep its copy");
    }
    return hin_ok();
}

HIN_RESULT hin_ring_derive(struct hin_ring *ring, const struct hin_secret *passphrase)
{
    return hin_password_derive(hin_secret_view(passphrase), hin_view_of(ring->salt, SALT_BYTES),
                               &ring->cost, KEY_BYTES, &ring->phrase_key);
}

static HIN_RESULT open_sealed(struct hin_ring *ring, struct hin_view bytes,
                              const struct hin_secret *passphrase, struct hin_view body,
                              struct hin_error *error)
{
    const uint8_t *head = bytes.data;
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    if (passphrase == NULL || passphrase->size == 0) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the key ring is sealed: give its pass phrase (--passphrase-file or "
                             "--passphrase-fd)");
    }
    ring->cost =
        (struct hin_password_cost){hin_load_u32(head + AT_MEMORY), hin_load_u32(head + AT_PASSES),
                                   hin_load_u32(head + AT_LANES)};
    hin_copy(ring->salt, head + AT_SALT, SALT_BYTES);
    struct hin_result result = hin_ring_derive(ring, passphrase);
    if (result.code == HIN_LIMIT || result.code == HIN_SYNTAX) {
        return hin_error_set(error, HIN_CORRUPT, NULL, 0, 0,
                             "the key ring asks for an impossible amount of work");
    }
    HIN_TRY(result);
    result = hin_key_unwrap(&ring->phrase_key, &body_binding, body, &plain);
    if (result.code == HIN_AUTH) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0, "wrong pass phrase for the key ring");
    }
    HIN_TRY(result);
    return decode_keys(ring, hin_secret_view(&plain));
}

static HIN_RESULT decode_body(struct hin_ring *ring, struct hin_view bytes,
                              const struct hin_secret *passphrase, struct hin_error *error)
{
    uint32_t flags = hin_load_u32(bytes.data + AT_FLAGS);
    struct hin_view body = hin_view_sub(bytes, HEAD_BYTES, bytes.size - HEAD_BYTES - CRC_BYTES);
    if ((flags & ~FLAG_SEALED) != 0) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the key ring uses a feature of a newer version: update Hinomi");
    }
    ring->sealed = (flags & FLAG_SEALED) != 0;
    if (ring->sealed) {
        return open_sealed(ring, bytes, passphrase, body, error);
    }
    if (passphrase != NULL && passphrase->size > 0) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the key ring is not sealed: leave the pass phrase out");
    }
    return decode_keys(ring, body);
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
