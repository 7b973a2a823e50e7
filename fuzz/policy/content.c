#include "policy/bundle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The content of a policy bundle: what is accepted encodes back to itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_arena arena;
    struct hin_policy_content content;
    hin_arena_init(&arena, 1 << 20);
    if (hin_is_ok(hin_policy_content_decode(hin_view_of(data, size), &arena, &content))) {
        struct hin_buf again;
        hin_buf_init(&again, 2 * size + 64);
        if (!hin_is_ok(hin_policy_content_encode(&content, &again)) || again.size != size ||
            memcmp(again.data, data, size) != 0) {
            abort();
        }
        hin_buf_done(&again);
    }
    struct hin_policy_manifest manifest;
    if (hin_is_ok(hin_policy_manifest_decode(hin_view_of(data, size), &manifest))) {
        struct hin_buf again;
        hin_buf_init(&again, 256);
        if (!hin_is_ok(hin_policy_manifest_encode(&manifest, &again)) ||
            memcmp(again.data, data, size) != 0) {
            abort();
        }
        hin_buf_done(&again);
    }
    hin_arena_done(&arena);
    return 0;
}
