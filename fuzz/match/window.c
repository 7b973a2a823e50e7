/* The image of a window: loaded, used, saved and loaded again. Also a sequence of operations read
 * from the input. */
#include <stdint.h>
#include <stdlib.h>

#include "match/window.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void operate(struct hin_window *window, struct hin_view script)
{
    int64_t now = 0;
    for (size_t i = 0; i + 3 < script.size; i += 4) {
        const uint8_t *step = script.data + i;
        struct hin_view key = hin_view_of(step + 1, step[1] % 3);
        uint32_t count = 0;
        now += step[2] * INT64_C(1000);
        switch (step[0] % 4) {
        case 0:
        case 1:
            if (hin_is_ok(hin_window_add(window, key, now, step[3] * INT64_C(1000), i, &count)) &&
                (count == 0 || count > 5)) {
                abort();
            }
            break;
        case 2:
            hin_window_drop(window, key);
            break;
        default:
            hin_window_expire(window, now, step[3]);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hin_window_limits limits = {
        .keys_max = 8, .entries_max = 5, .bytes_max = 2048};
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    HIN_CLEANUP(hin_window_freep) struct hin_window *again = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf image;
    struct hin_window_stats stats;
    hin_buf_init(&image, 1 << 20);
    if (!hin_is_ok(hin_window_new(&limits, &window)) ||
        !hin_is_ok(hin_window_new(&limits, &again))) {
        return 0;
    }
    if (!hin_is_ok(hin_window_load(window, hin_view_of(data, size)))) {
        operate(window, hin_view_of(data, size));
    }
    hin_window_stats(window, &stats);
    if (stats.key_count > limits.keys_max || stats.bytes > limits.bytes_max) {
        abort();
    }
    if (!hin_is_ok(hin_window_save(window, &image)) ||
        !hin_is_ok(hin_window_load(again, hin_buf_view(&image)))) {
        abort();
    }
    return 0;
}
