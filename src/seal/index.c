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

struct version {
    struct hin_hmac *hmac; /* NULL: expired */
    uint32_t number;
};

struct hin_index {
    struct version versions[HIN_INDEX_VERSIONS_MAX]; /* newest first */
    size_t count;
    HIN_RESULT (*fetch)(void *context, struct hin_index_keys *ret_keys);
    void *context;
    uint64_t uses, uses_before;
    bool noticed; /* by hin_index_expire, since the keys came */
    int64_t since_usec, unused_since_usec;
    uint64_t hash_key[2];          /* random, so that input cannot aim at one place */
    struct remembered *remembered; /* REMEMBERED_COUNT, or NULL: none since it came to rest */
};

void hin_index_keys_done(struct hin_index_keys *keys)
{
    for (size_t i = 0; i < HIN_INDEX_VERSIONS_MAX; i++) {
        hin_secret_done(&keys->keys[i]);
    }
    keys->count = 0;
}

static void forget(struct hin_index *index)
{
    for (size_t i = 0; i < HIN_INDEX_VERSIONS_MAX; i++) {
        hin_hmac_free(index->versions[i].hmac);
        index->versions[i].hmac = NULL;
    }
    hin_index_rest(index);
}

static bool is_sound(const struct hin_index_keys *keys)
{
    bool sound = keys->count > 0 && keys->count <= HIN_INDEX_VERSIONS_MAX;
    for (size_t i = 0; sound && i < keys->count; i++) {
        sound = keys->keys[i].size == HIN_INDEX_KEY_BYTES && keys->versions[i] > 0 &&
                (i == 0 || keys->versions[i] < keys->versions[i - 1]);
    }
    return sound;
}

static void versions_done(struct version *versions)
{
    for (size_t i = 0; i < HIN_INDEX_VERSIONS_MAX; i++) {
        hin_hmac_free(versions[i].hmac);
    }
}

static HIN_RESULT take(struct hin_index *index, const struct hin_index_keys *keys)
{
    struct version fresh[HIN_INDEX_VERSIONS_MAX] = {0};
    struct hin_result made = is_sound(keys) ? hin_ok() : hin_fail(HIN_INVALID);
    for (size_t i = 0; hin_is_ok(made) && i < keys->count; i++) {
        fresh[i].number = keys->versions[i];
        made = hin_hmac_new(&fresh[i].hmac, hin_secret_view(&keys->keys[i]));
    }
    if (!hin_is_ok(made)) {
        versions_done(fresh);
        return made;
    }
    forget(index); /* tokens that are remembered are of the former keys */
    hin_copy(index->versions, fresh, sizeof(fresh));
    index->count = keys->count;
    index->noticed = false;
    return hin_ok();
}

struct hin_result hin_index_new_versions(struct hin_index **ret_index,
                                         const struct hin_index_keys *keys)
{
    HIN_CLEANUP(hin_index_freep) struct hin_index *index = calloc(1, sizeof(*index));
    HIN_ENSURE(index != NULL, NO_MEMORY);
    HIN_TRY(hin_random(index->hash_key, sizeof(index->hash_key)));
    HIN_TRY(take(index, keys));
    *ret_index = index;
    index = NULL;
    return hin_ok();
}

struct hin_result hin_index_new(struct hin_index **ret_index, const struct hin_secret *key)
{
    HIN_CLEANUP(hin_index_keys_done)
    struct hin_index_keys keys = {.versions = {HIN_INDEX_FIRST}, .count = 1};
    HIN_TRY(hin_secret_from(&keys.keys[0], hin_secret_view(key)));
    return hin_index_new_versions(ret_index, &keys);
}

void hin_index_free(struct hin_index *index)
{
    if (index != NULL) {
        forget(index);
        free(index);
    }
}

uint32_t hin_index_version(const struct hin_index *index)
{
    return index->versions[0].number;
}

bool hin_index_knows(const struct hin_index *index, uint32_t version)
{
    bool known = false;
    for (size_t i = 0; i < index->count; i++) {
        known = known || index->versions[i].number == version;
    }
    return known;
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
                      HIN_RESULT (*fetch)(void *context, struct hin_index_keys *ret_keys),
                      void *context)
{
    index->fetch = fetch;
    index->context = context;
}

void hin_index_expire(struct hin_index *index, int64_t now_usec, int64_t unused_usec,
                      int64_t held_usec)
{
    if (index->versions[0].hmac == NULL) {
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
        forget(index);
    }
}

struct hin_result hin_index_renew(struct hin_index *index)
{
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    HIN_ENSURE(index->fetch != NULL, NOT_FOUND);
    HIN_TRY(index->fetch(index->context, &keys));
    return take(index, &keys);
}

static HIN_RESULT use(struct hin_index *index)
{
    index->uses++;
    return index->versions[0].hmac != NULL ? hin_ok() : hin_index_renew(index);
}

static HIN_RESULT compute_token(const struct version *version, uint32_t field_id,
                                struct hin_view canonical, uint64_t *ret_token)
{
    uint8_t field[4]; /* of fixed length, so that field and value cannot run into each other */
    uint8_t digest[HIN_SHA256_BYTES];
    hin_store_u32(field, field_id);
    HIN_TRY(hin_hmac_sum(version->hmac, hin_view_of(field, sizeof(field)), canonical, digest));
    *ret_token = hin_load_u64(digest);
    return hin_ok();
}

struct hin_result hin_index_token(struct hin_index *index, uint32_t field_id,
                                  struct hin_view canonical, uint64_t *ret_token)
{
    HIN_TRY(use(index));
    if (index->remembered == NULL) { /* without, each is computed */
        index->remembered = calloc(REMEMBERED_COUNT, sizeof(*index->remembered));
    }
    if (canonical.size > REMEMBERED_BYTES || index->remembered == NULL) {
        return compute_token(&index->versions[0], field_id, canonical, ret_token);
    }
    uint64_t hash = hin_siphash(index->hash_key, canonical) + field_id;
    struct remembered *place = &index->remembered[hash & (REMEMBERED_COUNT - 1)];
    if (place->used != 0 && place->field_id == field_id &&
        hin_view_equal(hin_view_of(place->value, place->size), canonical)) {
        *ret_token = place->token;
        return hin_ok();
    }
    HIN_TRY(compute_token(&index->versions[0], field_id, canonical, ret_token));
    *place = (struct remembered){
        .token = *ret_token, .field_id = field_id, .used = 1, .size = (uint8_t)canonical.size};
    hin_copy(place->value, canonical.data, canonical.size);
    return hin_ok();
}

struct hin_result hin_index_tokens(struct hin_index *index, uint32_t field_id,
                                   struct hin_view canonical, struct hin_index_tokens *ret_tokens)
{
    HIN_TRY(use(index));
    struct hin_index_tokens tokens = {.count = index->count};
    for (size_t i = 0; i < index->count; i++) {
        tokens.versions[i] = index->versions[i].number;
        HIN_TRY(compute_token(&index->versions[i], field_id, canonical, &tokens.tokens[i]));
    }
    *ret_tokens = tokens;
    return hin_ok();
}
