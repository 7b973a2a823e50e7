#include "seal/index.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/map.h"
#include "crypt/hash.h"

/* Most terms of an event are those of the event before (program, decoder, rule, groups, host):
 * their tokens are remembered, which costs a tenth of computing them. One place for each hash, the
 * newest stays. */
#define REMEMBERED_COUNT 4096 /* a power of two */
#define REMEMBERED_BYTES 47   /* longer values are computed each time */

struct remembered {
    uint64_t token;
    uint32_t field_id;
    uint8_t used;
    uint8_t size;
    uint8_t value[REMEMBERED_BYTES];
};

struct hin_index {
    struct hin_hmac *hmac;
    uint64_t hash_key[2]; /* random, so that input cannot aim at one place */
    struct remembered remembered[REMEMBERED_COUNT];
};

struct hin_result hin_index_new(struct hin_index **ret_index, const struct hin_secret *key)
{
    HIN_ENSURE(key->size == HIN_INDEX_KEY_BYTES, INVALID);
    HIN_CLEANUP(hin_index_freep) struct hin_index *index = calloc(1, sizeof(*index));
    HIN_ENSURE(index != NULL, NO_MEMORY);
    HIN_TRY(hin_random(index->hash_key, sizeof(index->hash_key)));
    HIN_TRY(hin_hmac_new(&index->hmac, hin_secret_view(key)));
    *ret_index = index;
    index = NULL;
    return hin_ok();
}

void hin_index_free(struct hin_index *index)
{
    if (index != NULL) {
        hin_hmac_free(index->hmac);
        hin_wipe(index->remembered,
                 sizeof(index->remembered)); /* values stand there in the clear */
        free(index);
    }
}

static struct hin_result compute_token(struct hin_index *index, uint32_t field_id,
                                       struct hin_view canonical, uint64_t *ret_token)
{
    uint8_t field[4]; /* of fixed length, so that field and value cannot run into each other */
    uint8_t digest[HIN_SHA256_BYTES];
    hin_store_u32(field, field_id);
    HIN_TRY(hin_hmac_sum(index->hmac, hin_view_of(field, sizeof(field)), canonical, digest));
    *ret_token = hin_load_u64(digest);
    return hin_ok();
}

struct hin_result hin_index_token(struct hin_index *index, uint32_t field_id,
                                  struct hin_view canonical, uint64_t *ret_token)
{
    if (canonical.size > REMEMBERED_BYTES) {
        return compute_token(index, field_id, canonical, ret_token);
    }
    uint64_t hash = hin_siphash(index->hash_key, canonical) + field_id;
    struct remembered *place = &index->remembered[hash & (REMEMBERED_COUNT - 1)];
    if (place->used != 0 && place->field_id == field_id &&
        hin_view_equal(hin_view_of(place->value, place->size), canonical)) {
        *ret_token = place->token;
        return hin_ok();
    }
    HIN_TRY(compute_token(index, field_id, canonical, ret_token));
    *place = (struct remembered){
        .token = *ret_token, .field_id = field_id, .used = 1, .size = (uint8_t)canonical.size};
    hin_copy(place->value, canonical.data, canonical.size);
    return hin_ok();
}
