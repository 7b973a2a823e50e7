/* Envelope sealing: AES-256-GCM under data keys, with nonces unique by construction and associated
 * data that binds each sealed value to the place it stands in. Keys come in as arguments; where
 * they come from is keys/'s affair.
 *
 * Sealed value, version 1 (little-endian):
 *   0  "HSV" 1        magic and version
 *   4  key id         16 bytes
 *  20  nonce          12 bytes: writer (8, random) || counter (4)
 *  32  ciphertext     as long as the plain text
 *   .  tag            16 bytes
 * Associated data: bytes 0..32, then tenant, table, row and field, each with its length before it.
 */
#ifndef HIN_SEAL_SEAL_H
#define HIN_SEAL_SEAL_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"
#include "crypt/aead.h"

#define HIN_SEAL_KEY_ID_BYTES   16
#define HIN_SEAL_KEY_BYTES      HIN_AEAD_KEY_BYTES
#define HIN_SEAL_HEAD_BYTES     32
#define HIN_SEAL_OVERHEAD_BYTES (HIN_SEAL_HEAD_BYTES + HIN_AEAD_TAG_BYTES)
#define HIN_SEAL_MESSAGES_MAX   (UINT32_C(1) << 30) /* per key; can never change */

/* Where a sealed thing stands. Parts may be empty; a value opens only at the very place it was
 * sealed for. */
struct hin_seal_place {
    struct hin_view tenant;
    struct hin_view table;
    struct hin_view row;
    struct hin_view field;
};

/* --- sealing --- */

/* One writer under one data key. A process takes a fresh data key at each start, so neither a
 * restored state folder nor a clock set back can bring a nonce back; within the process a counter
 * moves on, beside a random writer id; a forked child finds its copy wiped and is refused. After
 * 2^30 messages the key is spent. */
struct hin_sealer;
HIN_RESULT hin_sealer_new(struct hin_sealer **ret_sealer,
                          const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                          const struct hin_secret *key) HIN_NONNULL;
void hin_sealer_free(struct hin_sealer *sealer);
static inline void hin_sealer_freep(struct hin_sealer **sealer)
{
    hin_sealer_free(*sealer);
}
const uint8_t *
hin_sealer_key_id(const struct hin_sealer *sealer) HIN_NONNULL; /* borrowed, 16 bytes */
uint32_t hin_sealer_left_count(const struct hin_sealer *sealer)
    HIN_NONNULL; /* messages until LIMIT; 0 in a child */

/* Appends the sealed value. LIMIT: this key is spent, take a new one (or the buffer's maximum is
 * reached); CONFLICT: this process is a fork of the one that made the sealer. */
HIN_RESULT hin_seal_value(struct hin_sealer *sealer, const struct hin_seal_place *place,
                          struct hin_view plain, struct hin_buf *ret_sealed) HIN_NONNULL;

/* The parts, for formats with a header of their own (segment, journal): draws the next nonce,
 * seals, and writes ciphertext and tag. The codes of hin_seal_value. */
HIN_RESULT hin_sealer_nonce(struct hin_sealer *sealer,
                            uint8_t ret_nonce[HIN_AEAD_NONCE_BYTES]) HIN_NONNULL;
HIN_RESULT hin_sealer_seal(struct hin_sealer *sealer, const uint8_t nonce[HIN_AEAD_NONCE_BYTES],
                           struct hin_view associated, struct hin_view plain,
                           uint8_t *to) HIN_NONNULL;

/* --- opening --- */

/* Where an opener finds a key it does not hold. find answers NOT_FOUND for an unknown (or shredded)
 * key, AGAIN when it has to be fetched first; what it answers is passed on. ret_key is the opener's
 * to free. */
struct hin_key_source {
    HIN_RESULT(*find)
    (void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES], struct hin_secret *ret_key);
    void *context;
};

/* Opens what any sealer sealed, keeping the keys it met last (at most `max_keys`, oldest use out
 * first). */
struct hin_opener;
/* source may be NULL: then only keys that were added are known. */
HIN_RESULT hin_opener_new(struct hin_opener **ret_opener, const struct hin_key_source *source,
                          size_t max_keys);
void hin_opener_free(struct hin_opener *opener);
static inline void hin_opener_freep(struct hin_opener **opener)
{
    hin_opener_free(*opener);
}
HIN_RESULT hin_opener_add(struct hin_opener *opener, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                          const struct hin_secret *key) HIN_NONNULL;
/* The key itself, asked of the source: for who copies sealed things together with their keys. What
 * the source answers; NOT_FOUND without one. */
HIN_RESULT hin_opener_find(struct hin_opener *opener, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           struct hin_secret *ret_key) HIN_NONNULL;
/* Forget one key (it expired or was shredded), or all (key_id NULL). */
void hin_opener_forget(struct hin_opener *opener, const uint8_t *key_id);
/* Forgets keys that were not used for unused_usec, and those held for held_usec however much they
 * are used: what is needed again is asked of the source again. Call now and then with a monotonic
 * clock; times count from the first call after the event, so the interval of the calls is added. */
void hin_opener_expire(struct hin_opener *opener, int64_t now_usec, int64_t unused_usec,
                       int64_t held_usec) HIN_NONNULL;
size_t hin_opener_key_count(const struct hin_opener *opener) HIN_NONNULL;

/* Appends the plain text. TRUNCATED, SYNTAX (not a sealed value), UNSUPPORTED (a newer version),
 * AUTH (altered, or it belongs to another tenant, table, row or field), or what the key source
 * answered. */
HIN_RESULT hin_seal_open_value(struct hin_opener *opener, const struct hin_seal_place *place,
                               struct hin_view sealed, struct hin_buf *ret_plain);
/* The same for a value that is a key: exactly ret_secret->size bytes are written to its pages.
 * SYNTAX when it is of another size. */
HIN_RESULT hin_seal_open_secret(struct hin_opener *opener, const struct hin_seal_place *place,
                                struct hin_view sealed, struct hin_secret *ret_secret) HIN_NONNULL;
/* The key id that a sealed value names. The codes of hin_seal_open_value but AUTH. */
HIN_RESULT hin_seal_key_id(struct hin_view sealed, uint8_t ret_key_id[HIN_SEAL_KEY_ID_BYTES]);
/* The part, for formats with a header of their own: sealed is ciphertext + tag, `to` holds
 * sealed.size - 16 bytes. */
HIN_RESULT hin_opener_open(struct hin_opener *opener, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           const uint8_t nonce[HIN_AEAD_NONCE_BYTES], struct hin_view associated,
                           struct hin_view sealed, uint8_t *to);

/* Appends tenant, table, row and field in their associated-data form (each u32 length + bytes). */
HIN_RESULT hin_seal_place_encode(const struct hin_seal_place *place,
                                 struct hin_buf *ret_bytes) HIN_NONNULL;

#endif
