/* Any bytes as a line. Every view of the answer lies in it. */
#include <stdint.h>
#include <stdlib.h>

#include "decode/log/predecode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct hin_view part, const uint8_t *data, size_t size)
{
    if (size > 0 && part.data != NULL && part.size > 0 &&
        (part.data < data || part.data + part.size > data + size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_predecode_context context = {INT64_C(1795384800) * HIN_SEC_USEC, NULL};
    struct hin_predecoded out;
    hin_predecode(hin_view_of(data, size), &context, &out);
    inside(out.log, data, size);
    inside(out.host, data, size);
    inside(out.program, data, size);
    inside(out.pid, data, size);
    inside(out.structured_data, data, size);
    if (out.format >= HIN_LOG_FORMAT_COUNT || out.line.size > HIN_PREDECODE_LINE_MAX) {
        abort();
    }
    return 0;
}
