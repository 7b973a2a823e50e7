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
    return 0;
}
