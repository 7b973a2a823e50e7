/* One use of a key on its way from `keys` to the audit record that `jobs` writes. */
#ifndef HIN_MANAGER_KEYS_USE_H
#define HIN_MANAGER_KEYS_USE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

enum { HIN_KEY_USE_MAX = 512 };

struct hin_key_use {
    struct hin_view verb;
    struct hin_view reason;
    struct hin_view tenant;
    uint8_t key_id[16];
    uint32_t outcome; /* enum hin_code */
    int64_t time_usec;
};

HIN_RESULT hin_key_use_encode(const struct hin_key_use *use, struct hin_buf *out) HIN_NONNULL;
HIN_RESULT hin_key_use_decode(struct hin_view bytes, struct hin_key_use *ret_use) HIN_NONNULL;

#endif
