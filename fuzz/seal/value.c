#include <stdlib.h>

#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = fuzz_opener();
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 1 << 20};
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_view bytes = hin_view_of(data, size);
    HIN_IGNORE(hin_seal_key_id(bytes, key_id));
    HIN_IGNORE(hin_seal_open_value(opener, &fuzz_place, bytes, &plain));
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = fuzz_sealer();
    HIN_CLEANUP(hin_buf_done) struct hin_buf sealed = {.max = 1 << 21};
    hin_buf_clear(&plain);
    if (size < 65536 && hin_is_ok(hin_seal_value(sealer, &fuzz_place, bytes, &sealed))) {
        if (!hin_is_ok(hin_seal_open_value(opener, &fuzz_place, hin_buf_view(&sealed), &plain)) ||
            !hin_view_equal(hin_buf_view(&plain), bytes)) {
            abort();
        }
        size_t whole = sealed.size;
        sealed.data[size % whole] ^= (uint8_t)(1 + size % 255);
        hin_buf_clear(&plain);
        if (hin_is_ok(hin_seal_open_value(opener, &fuzz_place, hin_buf_view(&sealed), &plain))) {
            abort(); /* one changed byte anywhere */
        }
    }
    return 0;
}
