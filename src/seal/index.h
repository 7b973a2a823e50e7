/* Blind index: equality search over sealed fields. A token is the first 8 bytes of HMAC-SHA-256
 * under the tenant's index key over the field id and the canonical value (the field table of event/
 * makes values canonical). Without the key a token says only that two places hold the same value of
 * the same field. About 4 M tokens a second.
 *
 * The key has versions. While it is rotated there are two: the newest makes the tokens that are
 * stored, the former one finds what was stored before. */
#ifndef HIN_SEAL_INDEX_H
#define HIN_SEAL_INDEX_H

#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_INDEX_KEY_BYTES    32
#define HIN_INDEX_VERSIONS_MAX 2
#define HIN_INDEX_FIRST        1 /* version of the key that was never rotated */

struct hin_index_keys {
    struct hin_secret keys[HIN_INDEX_VERSIONS_MAX]; /* newest first */
    uint32_t versions[HIN_INDEX_VERSIONS_MAX];
    size_t count;
};
void hin_index_keys_done(struct hin_index_keys *keys) HIN_NONNULL;

struct hin_index;
/* key: exactly HIN_INDEX_KEY_BYTES, INVALID otherwise. Its version is HIN_INDEX_FIRST. */
HIN_RESULT hin_index_new(struct hin_index **ret_index, const struct hin_secret *key) HIN_NONNULL;
/* INVALID also for no key, and for versions that do not descend to 1 or more. */
HIN_RESULT hin_index_new_versions(struct hin_index **ret_index,
                                  const struct hin_index_keys *keys) HIN_NONNULL;
void hin_index_free(struct hin_index *index);
/* Where the keys come from again once they have expired, or when there may be a newer one. keys:
 * empty at the call, the index's to free. */
void hin_index_source(struct hin_index *index,
                      HIN_RESULT (*fetch)(void *context, struct hin_index_keys *ret_keys),
                      void *context) __attribute__((nonnull(1)));
/* Asks the source now. What fails leaves the index as it was; NOT_FOUND: it has no source. */
HIN_RESULT hin_index_renew(struct hin_index *index) HIN_NONNULL;
/* The newest version it knows, also when the keys have expired. */
uint32_t hin_index_version(const struct hin_index *index) HIN_NONNULL;
bool hin_index_knows(const struct hin_index *index, uint32_t version) HIN_NONNULL;
/* Gives back the memory (256 KiB) of values remembered to save computing; the key stays. */
void hin_index_rest(struct hin_index *index) HIN_NONNULL;
/* Forgets the keys, and the values remembered beside them, as hin_opener_expire does with its keys.
 * Tokens after that ask the source, and are NOT_FOUND without one. */
void hin_index_expire(struct hin_index *index, int64_t now_usec, int64_t unused_usec,
                      int64_t held_usec) HIN_NONNULL;
static inline void hin_index_freep(struct hin_index **index)
{
    hin_index_free(*index);
}
/* Under the newest key. field_id: the number of the field in the field table (never reused). */
HIN_RESULT hin_index_token(struct hin_index *index, uint32_t field_id, struct hin_view canonical,
                           uint64_t *ret_token) HIN_NONNULL;
/* Under each key, newest first: to find by. */
struct hin_index_tokens {
    uint64_t tokens[HIN_INDEX_VERSIONS_MAX];
    uint32_t versions[HIN_INDEX_VERSIONS_MAX];
    size_t count;
};
HIN_RESULT hin_index_tokens(struct hin_index *index, uint32_t field_id, struct hin_view canonical,
                            struct hin_index_tokens *ret_tokens) HIN_NONNULL;

#endif
