/* Blind index: equality search over sealed fields. A token is the first 8 bytes of HMAC-SHA-256
 * under the tenant's index key over the field id and the canonical value (the field table of event/
 * makes values canonical). Without the key a token says only that two places hold the same value of
 * the same field. About 4 M tokens a second. */
#ifndef HIN_SEAL_INDEX_H
#define HIN_SEAL_INDEX_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_INDEX_KEY_BYTES 32

struct hin_index;
/* key: exactly HIN_INDEX_KEY_BYTES, INVALID otherwise. */
HIN_RESULT hin_index_new(struct hin_index **ret_index, const struct hin_secret *key) HIN_NONNULL;
void hin_index_free(struct hin_index *index);
/* Where the key comes from again once it has expired. key: the index's to free. */
void hin_index_source(struct hin_index *index,
                      HIN_RESULT (*fetch)(void *context, struct hin_secret *ret_key), void *context)
    __attribute__((nonnull(1)));
/* Gives back the memory (256 KiB) of values remembered to save computing; the key stays. */
void hin_index_rest(struct hin_index *index) HIN_NONNULL;
/* Forgets the key, and the values remembered beside it, as hin_opener_expire does with its keys.
 * Tokens after that ask the source, and are NOT_FOUND without one. */
void hin_index_expire(struct hin_index *index, int64_t now_usec, int64_t unused_usec,
                      int64_t held_usec) HIN_NONNULL;
static inline void hin_index_freep(struct hin_index **index)
{
    hin_index_free(*index);
}
/* field_id: the number of the field in the field table (never reused). */
HIN_RESULT hin_index_token(struct hin_index *index, uint32_t field_id, struct hin_view canonical,
                           uint64_t *ret_token) HIN_NONNULL;

#endif
