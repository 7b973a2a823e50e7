/* An image from a file that somebody may have damaged. */
#include <stdint.h>

#include "match/prefilter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *one = NULL;
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *two = NULL;
    HIN_CLEANUP(hin_prefilter_freep) struct hin_prefilter *prefilter = NULL;
    HIN_CLEANUP(hin_prefilter_scratch_freep) struct hin_prefilter_scratch *scan = NULL;
    if (!hin_is_ok(
            hin_pattern_compile(HIN_PATTERN_OSMATCH, HIN_VIEW("session opened"), NULL, &one)) ||
        !hin_is_ok(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("reverse mapping \\S+ failed"),
                                       NULL, &two))) {
        return 0;
    }
    const struct hin_pattern *all[] = {one, two};
    if (hin_is_ok(hin_prefilter_load(hin_view_of(data, size), all, 2, &prefilter)) &&
        hin_is_ok(hin_prefilter_scratch_new(prefilter, &scan))) {
        HIN_IGNORE(hin_prefilter_scan(
            scan, HIN_VIEW("a session opened for root"))); /* any answer will do */
    }
    return 0;
}
