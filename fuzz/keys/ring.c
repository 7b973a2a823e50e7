/* The key ring's file; also with its checksum mended. Sealed rings are left to the unit tests:
 * Argon2id is slow. */
#include "keys/ring.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct hin_view bytes)
{
    struct hin_ring *ring = NULL;
    struct hin_error error = {0};
    if (hin_is_ok(hin_ring_decode(bytes, NULL, &ring, &error))) {
        hin_ring_free(ring);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode(hin_view_of(data, size));
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL && size > 4) {
        hin_copy(copy, data, size);
        hin_store_u32(copy + size - 4, hin_crc32c(0, hin_view_of(copy, size - 4)));
        decode(hin_view_of(copy, size));
    }
    free(copy);
    return 0;
}
