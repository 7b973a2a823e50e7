#include "seal/index.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "crypt/hash.h"

struct hin_index {
    struct hin_hmac *hmac;
};

struct hin_result hin_index_new(struct hin_index **ret_index, const struct hin_secret *key)
{
    HIN_ENSURE(key->size == HIN_INDEX_KEY_BYTES, INVALID);
    HIN_CLEANUP(hin_index_freep) struct hin_index *index = calloc(1, sizeof(*index));
    HIN_ENSURE(index != NULL, NO_MEMORY);
    HIN_TRY(hin_hmac_new(&index->hmac, hin_secret_view(key)));
    *ret_index = index;
    index = NULL;
    return hin_ok();
}

void hin_index_free(struct hin_index *index)
{
    if (index != NULL) {
        hin_hmac_free(index->hmac);
        free(index);
    }
}

struct hin_result hin_index_token(struct hin_index *index, uint32_t field_id,
                                  struct hin_view canonical, uint64_t *ret_token)
{
    uint8_t field[4]; /* of fixed length, so that field and value cannot run into each other */
    uint8_t digest[HIN_SHA256_BYTES];
    hin_store_u32(field, field_id);
    HIN_TRY(hin_hmac_sum(index->hmac, hin_view_of(field, sizeof(field)), canonical, digest));
    *ret_token = hin_load_u64(digest);
    return hin_ok();
}
