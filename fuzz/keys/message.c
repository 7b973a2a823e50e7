/* Requests and answers of the key service: decode(encode(x)) = x for whatever decodes. */
#include <stdlib.h>

#include "keys/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    struct hin_keys_request request;
    struct hin_keys_answer answer;
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 1 << 20};
    if (hin_is_ok(hin_keys_request_decode(bytes, &request))) {
        if (!hin_is_ok(hin_keys_request_encode(&request, &again)) ||
            !hin_view_equal(hin_buf_view(&again), bytes)) {
            abort();
        }
    }
    hin_buf_clear(&again);
    if (hin_is_ok(hin_keys_answer_decode(bytes, &answer))) {
        if (!hin_is_ok(hin_keys_answer_encode(&answer, &again)) ||
            !hin_view_equal(hin_buf_view(&again), bytes)) {
            abort();
        }
    }
    return 0;
}
