/* The fixed key under which the seeds were sealed. */
#ifndef HIN_FUZZ_SEAL_COMMON_H
#define HIN_FUZZ_SEAL_COMMON_H

#include "base/bytes.h"
#include "base/codec.h"
#include "seal/seal.h"

static inline struct hin_opener *fuzz_opener(void)
{
    struct hin_opener *opener = NULL;
    struct hin_secret key = {0};
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    hin_fill(key_id, 0xa5, sizeof(key_id));
    if (hin_is_ok(hin_secret_from(&key, HIN_VIEW("0123456789abcdef0123456789ABCDEF"))) &&
        hin_is_ok(hin_opener_new(&opener, NULL, 2))) {
        HIN_IGNORE(hin_opener_add(opener, key_id, &key));
    }
    hin_secret_done(&key);
    return opener;
}

/* A sealer of the same key. NULL when there is no memory. */
static inline struct hin_sealer *fuzz_sealer(void)
{
    struct hin_sealer *sealer = NULL;
    struct hin_secret key = {0};
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    hin_fill(key_id, 0xa5, sizeof(key_id));
    if (hin_is_ok(hin_secret_from(&key, HIN_VIEW("0123456789abcdef0123456789ABCDEF")))) {
        HIN_IGNORE(hin_sealer_new(&sealer, key_id, &key));
    }
    hin_secret_done(&key);
    return sealer;
}

/* Changes as an input names them: u16 offset, u8 XOR; an offset behind the end cuts. */
static inline void fuzz_change(struct hin_buf *file, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 3 <= size && at < 96; at += 3) {
        size_t offset = hin_load_u16(data + at);
        if (offset < file->size) {
            file->data[offset] ^= data[at + 2];
        } else {
            file->size = offset % (file->size + 1);
        }
    }
}

static const struct hin_seal_place fuzz_place = {
    {(const uint8_t *)"tenant", 6},
    {(const uint8_t *)"table", 5},
    {(const uint8_t *)"row", 3},
    {(const uint8_t *)"field", 5},
};

#endif
