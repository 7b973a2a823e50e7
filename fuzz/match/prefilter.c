/* An image from a file that somebody may have damaged: the input, and one of our own with the bytes
 * that the input names (u16 offset, u8 XOR) changed. Undamaged it must answer as before. */
#include <stdint.h>

#include <stdlib.h>

#include "match/prefilter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan_loaded(struct hin_view image, const struct hin_pattern *const *all, bool whole)
{
    HIN_CLEANUP(hin_prefilter_freep) struct hin_prefilter *prefilter = NULL;
    HIN_CLEANUP(hin_prefilter_scratch_freep) struct hin_prefilter_scratch *scan = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_prefilter_stats stats;
    if (hin_is_ok(hin_prefilter_load(image, all, 2, &prefilter)) &&
        hin_is_ok(hin_prefilter_scratch_new(prefilter, &scan))) {
        struct hin_result scanned = hin_prefilter_scan(scan, HIN_VIEW("a session opened for root"));
        if (whole && (!hin_is_ok(scanned) || !hin_prefilter_possible(scan, 0) ||
                      hin_prefilter_possible(scan, 1))) {
            abort();
        }
        hin_prefilter_stats(prefilter, &stats);
        HIN_IGNORE(hin_prefilter_explain(prefilter, 1, &text));
        hin_prefilter_all(scan);
    } else if (whole) {
        abort();
    }
}

static void damage(const struct hin_pattern *const *all, const uint8_t *data, size_t size)
{
    static struct hin_buf image = {.max = 1 << 22}; /* made once */
    HIN_CLEANUP(hin_prefilter_freep) struct hin_prefilter *made = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf copy = {.max = 1 << 22};
    if (image.size == 0 && (!hin_is_ok(hin_prefilter_new(all, 2, &made)) ||
                            !hin_is_ok(hin_prefilter_save(made, &image)))) {
        abort();
    }
    if (!hin_is_ok(hin_buf_append(&copy, hin_buf_view(&image)))) {
        return;
    }
    for (size_t at = 0; at + 3 <= size; at += 3) {
        copy.data[(size_t)(data[at] | data[at + 1] << 8) % copy.size] ^= data[at + 2];
    }
    scan_loaded(hin_buf_view(&copy), all,
                hin_view_equal(hin_buf_view(&copy), hin_buf_view(&image)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *one = NULL;
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *two = NULL;
    if (!hin_is_ok(
            hin_pattern_compile(HIN_PATTERN_OSMATCH, HIN_VIEW("session opened"), NULL, &one)) ||
        !hin_is_ok(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("reverse mapping \\S+ failed"),
                                       NULL, &two))) {
        return 0;
    }
    const struct hin_pattern *all[] = {one, two};
    scan_loaded(hin_view_of(data, size), all, false);
    damage(all, data, size);
    return 0;
}
