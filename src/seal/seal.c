#include "seal/seal.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"

static const uint8_t value_magic[4] = {'H', 'S', 'V', 1};

#define PLACE_MAX    (64 * 1024)
#define WRITER_BYTES 8
#define WRITER_ALIVE                                                                               \
    UINT64_C(0x68696e6f6d692e31) /* anything but the zeros a forked child finds                    \
                                  */
#define AT_KEY_ID 4
#define AT_NONCE  20

struct hin_result hin_seal_place_encode(const struct hin_seal_place *place,
                                        struct hin_buf *ret_bytes)
{
    const struct hin_view parts[] = {place->tenant, place->table, place->row, place->field};
    size_t before = ret_bytes->size;
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        struct hin_result result = hin_fail(HIN_LIMIT);
        if (parts[i].size <= PLACE_MAX) {
            result = hin_write_u32(ret_bytes, (uint32_t)parts[i].size);
        }
        if (result.code == HIN_OK) {
            result = hin_buf_append(ret_bytes, parts[i]);
        }
        if (result.code != HIN_OK) {
            ret_bytes->size = before;
            return result;
        }
    }
    return hin_ok();
}

/* --- sealing --- */

/* Lies on a page that fork(2) wipes in the child (base/secret.h). */
struct writer {
    uint64_t alive;
    uint8_t id[WRITER_BYTES];
    uint32_t next;
};

struct hin_sealer {
    struct hin_aead *aead;
    struct hin_secret page; /* holds the struct writer */
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_buf associated;
};

static struct writer *writer_of(const struct hin_sealer *sealer)
{
    return (struct writer *)(void *)sealer->page.data;
}

struct hin_result hin_sealer_new(struct hin_sealer **ret_sealer,
                                 const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                                 const struct hin_secret *key)
{
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = calloc(1, sizeof(*sealer));
    HIN_ENSURE(sealer != NULL, NO_MEMORY);
    hin_buf_init(&sealer->associated, (size_t)1 << 20);
    hin_copy(sealer->key_id, key_id, HIN_SEAL_KEY_ID_BYTES);
    HIN_TRY(hin_aead_new(&sealer->aead, key));
    HIN_TRY(hin_secret_new(&sealer->page, sizeof(struct writer)));
    struct writer *writer = writer_of(sealer);
    HIN_TRY(hin_random(writer->id, sizeof(writer->id)));
    writer->alive = WRITER_ALIVE;
    *ret_sealer = sealer;
    sealer = NULL;
    return hin_ok();
}

void hin_sealer_free(struct hin_sealer *sealer)
{
    if (sealer == NULL) {
        return;
    }
    hin_aead_free(sealer->aead);
    hin_secret_done(&sealer->page);
    hin_buf_done(&sealer->associated);
    free(sealer);
}

const uint8_t *hin_sealer_key_id(const struct hin_sealer *sealer)
{
    return sealer->key_id;
}

uint32_t hin_sealer_left_count(const struct hin_sealer *sealer)
{
    const struct writer *writer = writer_of(sealer);
    return writer->alive == WRITER_ALIVE ? HIN_SEAL_MESSAGES_MAX - writer->next : 0;
}

struct hin_result hin_sealer_nonce(struct hin_sealer *sealer,
                                   uint8_t ret_nonce[HIN_AEAD_NONCE_BYTES])
{
    struct writer *writer = writer_of(sealer);
    HIN_ENSURE(writer->alive == WRITER_ALIVE, CONFLICT);
    HIN_ENSURE(writer->next < HIN_SEAL_MESSAGES_MAX, LIMIT);
    hin_copy(ret_nonce, writer->id, WRITER_BYTES);
    hin_store_u32(ret_nonce + WRITER_BYTES, writer->next);
    writer->next++; /* before its use: a failure costs a number, never a repetition */
    return hin_ok();
}

struct hin_result hin_sealer_seal(struct hin_sealer *sealer,
                                  const uint8_t nonce[HIN_AEAD_NONCE_BYTES],
                                  struct hin_view associated, struct hin_view plain, uint8_t *to)
{
    return hin_aead_seal(sealer->aead, hin_view_of(nonce, HIN_AEAD_NONCE_BYTES), associated, plain,
                         to);
}

static HIN_RESULT associate(struct hin_buf *buf, const uint8_t *head,
                            const struct hin_seal_place *place)
{
    hin_buf_clear(buf);
    HIN_TRY(hin_buf_append(buf, hin_view_of(head, HIN_SEAL_HEAD_BYTES)));
    return hin_seal_place_encode(place, buf);
}

struct hin_result hin_seal_value(struct hin_sealer *sealer, const struct hin_seal_place *place,
                                 struct hin_view plain, struct hin_buf *ret_sealed)
{
    uint8_t head[HIN_SEAL_HEAD_BYTES];
    size_t size = 0;
    uint8_t *to = NULL;
    hin_copy(head, value_magic, sizeof(value_magic));
    hin_copy(head + AT_KEY_ID, sealer->key_id, HIN_SEAL_KEY_ID_BYTES);
    HIN_TRY(hin_sealer_nonce(sealer, head + AT_NONCE));
    HIN_TRY(associate(&sealer->associated, head, place));
    HIN_TRY(hin_add_size(plain.size, HIN_SEAL_OVERHEAD_BYTES, &size));
    HIN_TRY(hin_buf_extend(ret_sealed, size, &to));
    hin_copy(to, head, sizeof(head));
    struct hin_result result =
        hin_sealer_seal(sealer, head + AT_NONCE, hin_buf_view(&sealer->associated), plain,
                        to + HIN_SEAL_HEAD_BYTES);
    if (result.code != HIN_OK) {
        ret_sealed->size -= size;
    }
    return result;
}

/* --- opening --- */

struct known_key {
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_aead *aead; /* NULL = free */
    uint64_t used;
    uint64_t used_before; /* `used` at the last call of hin_opener_expire; 0: not there then */
    int64_t since_usec, unused_since_usec;
};

struct hin_opener {
    struct hin_key_source source;
    struct known_key *keys;
    size_t max;
    uint64_t uses;
    struct hin_buf associated;
};

struct hin_result hin_opener_new(struct hin_opener **ret_opener,
                                 const struct hin_key_source *source, size_t max_keys)
{
    HIN_ENSURE(max_keys > 0 && max_keys <= 65536, INVALID);
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = calloc(1, sizeof(*opener));
    HIN_ENSURE(opener != NULL, NO_MEMORY);
    hin_buf_init(&opener->associated, (size_t)1 << 20);
    opener->keys = calloc(max_keys, sizeof(*opener->keys));
    HIN_ENSURE(opener->keys != NULL, NO_MEMORY);
    opener->max = max_keys;
    if (source != NULL) {
        opener->source = *source;
    }
    *ret_opener = opener;
    opener = NULL;
    return hin_ok();
}

void hin_opener_free(struct hin_opener *opener)
{
    if (opener == NULL) {
        return;
    }
    if (opener->keys != NULL) {
        hin_opener_forget(opener, NULL);
    }
    free(opener->keys);
    hin_buf_done(&opener->associated);
    free(opener);
}

HIN_RESULT hin_opener_find(struct hin_opener *opener, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           struct hin_secret *ret_key)
{
    HIN_ENSURE(opener->source.find != NULL, NOT_FOUND);
    return opener->source.find(opener->source.context, key_id, ret_key);
}

void hin_opener_forget(struct hin_opener *opener, const uint8_t *key_id)
{
    for (size_t i = 0; i < opener->max; i++) {
        struct known_key *known = &opener->keys[i];
        if (key_id == NULL || memcmp(known->id, key_id, HIN_SEAL_KEY_ID_BYTES) == 0) {
            hin_aead_free(known->aead);
            *known = (struct known_key){0};
        }
    }
}

void hin_opener_expire(struct hin_opener *opener, int64_t now_usec, int64_t unused_usec,
                       int64_t held_usec)
{
    for (size_t i = 0; i < opener->max; i++) {
        struct known_key *known = &opener->keys[i];
        if (known->aead == NULL) {
            continue;
        }
        if (known->used_before == 0) {
            known->since_usec = now_usec;
        }
        if (known->used_before != known->used) {
            known->used_before = known->used;
            known->unused_since_usec = now_usec;
        }
        if (now_usec - known->unused_since_usec >= unused_usec ||
            now_usec - known->since_usec >= held_usec) {
            hin_aead_free(known->aead);
            *known = (struct known_key){0};
        }
    }
}

size_t hin_opener_key_count(const struct hin_opener *opener)
{
    size_t count = 0;
    for (size_t i = 0; i < opener->max; i++) {
        count += opener->keys[i].aead != NULL;
    }
    return count;
}

/* The entry of this key, or else a free one, or else the one longest unused. */
static struct known_key *place_for(struct hin_opener *opener, const uint8_t *key_id)
{
    struct known_key *best = &opener->keys[0];
    for (size_t i = 0; i < opener->max; i++) {
        struct known_key *known = &opener->keys[i];
        if (known->aead != NULL && memcmp(known->id, key_id, HIN_SEAL_KEY_ID_BYTES) == 0) {
            return known;
        }
        if (known->used < best->used) {
            best = known;
        }
    }
    return best;
}

struct hin_result hin_opener_add(struct hin_opener *opener,
                                 const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                                 const struct hin_secret *key)
{
    struct hin_aead *aead = NULL;
    HIN_TRY(hin_aead_new(&aead, key));
    struct known_key *known = place_for(opener, key_id);
    hin_aead_free(known->aead);
    *known = (struct known_key){.aead = aead, .used = ++opener->uses};
    hin_copy(known->id, key_id, HIN_SEAL_KEY_ID_BYTES);
    return hin_ok();
}

static HIN_RESULT find_key(struct hin_opener *opener, const uint8_t *key_id,
                           struct hin_aead **ret_aead)
{
    struct known_key *known = place_for(opener, key_id);
    if (known->aead == NULL || memcmp(known->id, key_id, HIN_SEAL_KEY_ID_BYTES) != 0) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
        HIN_ENSURE(opener->source.find != NULL, NOT_FOUND);
        HIN_TRY(opener->source.find(opener->source.context, key_id, &key));
        HIN_TRY(hin_opener_add(opener, key_id, &key));
        known = place_for(opener, key_id);
    }
    known->used = ++opener->uses;
    *ret_aead = known->aead;
    return hin_ok();
}

struct hin_result hin_opener_open(struct hin_opener *opener,
                                  const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                                  const uint8_t nonce[HIN_AEAD_NONCE_BYTES],
                                  struct hin_view associated, struct hin_view sealed, uint8_t *to)
{
    struct hin_aead *aead = NULL;
    HIN_TRY(find_key(opener, key_id, &aead));
    return hin_aead_open(aead, hin_view_of(nonce, HIN_AEAD_NONCE_BYTES), associated, sealed, to);
}

static HIN_RESULT check_head(struct hin_view sealed)
{
    size_t seen = HIN_MIN(sealed.size, 3);
    HIN_ENSURE(memcmp(sealed.data != NULL ? sealed.data : value_magic, value_magic, seen) == 0,
               SYNTAX);
    HIN_ENSURE(sealed.size >= 4, TRUNCATED);
    HIN_ENSURE(sealed.data[3] != 0, SYNTAX);
    HIN_ENSURE(sealed.data[3] == value_magic[3], UNSUPPORTED);
    HIN_ENSURE(sealed.size >= HIN_SEAL_OVERHEAD_BYTES, TRUNCATED);
    return hin_ok();
}

struct hin_result hin_seal_key_id(struct hin_view sealed, uint8_t ret_key_id[HIN_SEAL_KEY_ID_BYTES])
{
    HIN_TRY(check_head(sealed));
    hin_copy(ret_key_id, sealed.data + AT_KEY_ID, HIN_SEAL_KEY_ID_BYTES);
    return hin_ok();
}

static HIN_RESULT open_at(struct hin_opener *opener, const struct hin_seal_place *place,
                          struct hin_view sealed, uint8_t *to)
{
    HIN_TRY(associate(&opener->associated, sealed.data, place));
    return hin_opener_open(opener, sealed.data + AT_KEY_ID, sealed.data + AT_NONCE,
                           hin_buf_view(&opener->associated),
                           hin_view_sub(sealed, HIN_SEAL_HEAD_BYTES, sealed.size), to);
}

struct hin_result hin_seal_open_secret(struct hin_opener *opener,
                                       const struct hin_seal_place *place, struct hin_view sealed,
                                       struct hin_secret *ret_secret)
{
    HIN_TRY(check_head(sealed));
    HIN_ENSURE(sealed.size - HIN_SEAL_OVERHEAD_BYTES == ret_secret->size, SYNTAX);
    return open_at(opener, place, sealed, ret_secret->data);
}

struct hin_result hin_seal_open_value(struct hin_opener *opener, const struct hin_seal_place *place,
                                      struct hin_view sealed, struct hin_buf *ret_plain)
{
    HIN_TRY(check_head(sealed));
    size_t size = sealed.size - HIN_SEAL_OVERHEAD_BYTES;
    uint8_t *to = NULL;
    HIN_TRY(hin_buf_extend(ret_plain, size, &to));
    struct hin_result result = open_at(opener, place, sealed, to);
    if (result.code != HIN_OK) {
        ret_plain->size -= size;
    }
    return result;
}
