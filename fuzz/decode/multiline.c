/* First two bytes: mode and count. The rest: lines, with a clock that moves and flushes between. No
 * byte is invented and no record grows past its bound. */
#include <stdint.h>
#include <stdlib.h>

#include "decode/log/multiline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool starts(void *context, struct hin_view line)
{
    (void)context;
    return line.size > 0 && (line.data[0] & 1) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct hin_multiline_options options = {
        .mode = (enum hin_multiline_mode)(data[0] % 3), .count = data[1], .starts = starts};
    struct hin_multiline joiner;
    struct hin_multiline_record record = {0};
    struct hin_view rest = hin_view_of(data + 2, size - 2);
    struct hin_view line;
    bool ready = false;
    int64_t now = 0;
    uint64_t in = 0;
    uint64_t out = 0;
    if (!hin_is_ok(hin_multiline_init(&joiner, &options))) {
        return 0;
    }
    while (hin_view_split(&rest, '\n', &line)) {
        now += line.size * INT64_C(10000);
        in++;
        for (int repeat = line.size > 3 && line.data[1] == 'R' ? 2000 : 1; repeat > 0; repeat--) {
            if (!hin_is_ok(hin_multiline_add(&joiner, line, now, &ready, &record))) {
                abort();
            }
            out += ready ? record.line_count : 0;
            if (ready && record.text.size > HIN_MULTILINE_MAX_BYTES) {
                abort();
            }
            in += repeat > 1 ? 1 : 0;
        }
        if (!hin_is_ok(hin_multiline_flush(&joiner, now, line.size % 7 == 0, &ready, &record))) {
            abort();
        }
        out += ready ? record.line_count : 0;
    }
    HIN_IGNORE(hin_multiline_flush(&joiner, now, true, &ready,
                                   &record)); /* cannot fail: nothing is allocated */
    out += ready ? record.line_count : 0;
    if (in != out) {
        abort();
    }
    hin_multiline_done(&joiner);
    return 0;
}
