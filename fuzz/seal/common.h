/* The fixed key under which the seeds were sealed. */
#ifndef HIN_FUZZ_SEAL_COMMON_H
#define HIN_FUZZ_SEAL_COMMON_H

#include "base/bytes.h"
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

static const struct hin_seal_place fuzz_place = {
    {(const uint8_t *)"tenant", 6},
    {(const uint8_t *)"table", 5},
    {(const uint8_t *)"row", 3},
    {(const uint8_t *)"field", 5},
};

#endif
