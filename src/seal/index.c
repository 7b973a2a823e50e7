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
    struct hin_hmac *hmac; /* NULL: expired */
    HIN_RESULT (*fetch)(void *context, struct hin_secret *ret_key);
    void *context;
    uint64_t uses, uses_before;
    bool noticed; /* by hin_index_expire, since the key came */
    int64_t since_usec, unused_since_usec;
    uint64_t hash_key[2];          /* random, so that input cannot aim at one place */
    struct remembered *remembered; /* REMEMBERED_COUNT, or NULL: none since it came to rest */
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
        hin_index_rest(index);
        free(index);
    }
}

void hin_index_rest(struct hin_index *index)
{
    if (index->remembered != NULL) { /* values stand there in the clear */
        hin_wipe(index->remembered, REMEMBERED_COUNT * sizeof(*index->remembered));
        free(index->remembered);
        index->remembered = NULL;
    }
}

void hin_index_source(struct hin_index *index,
                      HIN_RESULT (*fetch)(void *context, struct hin_secret *ret_key), void *context)
{
    index->fetch = fetch;
    index->context = context;
}

void hin_index_expire(struct hin_index *index, int64_t now_usec, int64_t unused_usec,
                      int64_t held_usec)
{
    if (index->hmac == NULL) {
        return;
    }
    if (!index->noticed) {
        index->since_usec = now_usec;
    }
    if (!index->noticed || index->uses != index->uses_before) {
        index->uses_before = index->uses;
        index->unused_since_usec = now_usec;
    }
    index->noticed = true;
    if (now_usec - index->unused_since_usec >= unused_usec ||
        now_usec - index->since_usec >= held_usec) {
        hin_hmac_free(index->hmac);
        index->hmac = NULL;
        hin_index_rest(index);
    }
}

static HIN_RESULT fetch_key(struct hin_index *index)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_ENSURE(index->fetch != NULL, NOT_FOUND);
    HIN_TRY(index->fetch(index->context, &key));
    HIN_ENSURE(key.size == HIN_INDEX_KEY_BYTES, INVALID);
    HIN_TRY(hin_hmac_new(&index->hmac, hin_secret_view(&key)));
    index->noticed = false;
    return hin_ok();
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
    index->uses++;
    if (index->hmac == NULL) {
        HIN_TRY(fetch_key(index));
    }
    if (index->remembered == NULL) { /* without, each is computed */
        index->remembered = calloc(REMEMBERED_COUNT, sizeof(*index->remembered));
    }
    if (canonical.size > REMEMBERED_BYTES || index->remembered == NULL) {
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
