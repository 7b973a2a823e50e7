/* The vault's file, also with its length and checksum mended, so that the body is reached. What
 * decodes must encode to something that decodes to the same. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "keys/vault_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_vault *vault_empty(void)
{
    struct hin_vault *vault = calloc(1, sizeof(*vault));
    if (vault == NULL || !hin_is_ok(hin_map_init(&vault->tenants, HIN_VAULT_TENANTS_MAX))) {
        abort();
    }
    return vault;
}

static void decode(struct hin_view bytes)
{
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = vault_empty();
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *again = vault_empty();
    HIN_CLEANUP(hin_buf_done) struct hin_buf first = {.max = 1 << 24}, second = {.max = 1 << 24};
    if (hin_is_ok(hin_vault_decode(vault, bytes))) {
        bool same = vault->format == HIN_VAULT_FORMAT; /* as older ones are written */
        if (!hin_is_ok(hin_vault_encode(vault, &first)) || (same && first.size != bytes.size) ||
            !hin_is_ok(hin_vault_decode(again, hin_buf_view(&first))) ||
            !hin_is_ok(hin_vault_encode(again, &second)) || second.size != first.size) {
            abort();
        }
    }
    hin_buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode(hin_view_of(data, size));
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL && size >= 12) {
        hin_copy(copy, data, size);
        for (uint8_t format = 1; format <= HIN_VAULT_FORMAT; format++) {
            hin_copy(copy, "HVT", 3);
            copy[3] = format;
            hin_store_u32(copy + 4, (uint32_t)(size - 12));
            hin_store_u32(copy + size - 4, hin_crc32c(0, hin_view_of(copy, size - 4)));
            decode(hin_view_of(copy, size));
        }
    }
    free(copy);
    return 0;
}
