/* Any bytes as a JSON line. */
#include <stdint.h>
#include <stdlib.h>

#include "decode/log/jsonline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_arena arena;
    struct hin_jsonline out;
    hin_arena_init(&arena, 1 << 20);
    if (hin_is_ok(hin_jsonline_parse(hin_view_of(data, size), &arena, &out))) {
        for (size_t i = 0; i < out.count; i++) {
            if (hin_jsonline_get(&out, out.fields[i].name) == NULL) {
                abort();
            }
        }
    }
    hin_arena_done(&arena);
    return 0;
}
