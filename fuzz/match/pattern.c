/* First byte: grammar. Up to the first NUL: the pattern. The rest: the subject. What matches must
 * not be ruled out by the literals taken from the pattern. */
#include <stdint.h>
#include <stdlib.h>

#include "match/prefilter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hin_pattern *pattern, struct hin_view subject)
{
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    HIN_CLEANUP(hin_prefilter_freep) struct hin_prefilter *prefilter = NULL;
    HIN_CLEANUP(hin_prefilter_scratch_freep) struct hin_prefilter_scratch *scan = NULL;
    struct hin_match match;
    if (!hin_is_ok(hin_pattern_scratch_new(&scratch)) ||
        !hin_is_ok(hin_prefilter_new(&pattern, 1, &prefilter)) ||
        !hin_is_ok(hin_prefilter_scratch_new(prefilter, &scan)) ||
        !hin_is_ok(hin_prefilter_scan(scan, subject))) {
        return;
    }
    hin_pattern_scratch_begin(scratch, 50000);
    if (hin_pattern_match(pattern, scratch, subject, 0, &match) == HIN_MATCH_YES) {
        if (!hin_prefilter_possible(scan, 0) || match.start > match.end ||
            match.end > subject.size) {
            abort();
        }
        for (uint32_t i = 0; i < match.span_count; i++) {
            if (match.spans[i].start != HIN_SPAN_UNSET && match.spans[i].end > subject.size) {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096) {
        return 0;
    }
    enum hin_pattern_kind kind = (enum hin_pattern_kind)(data[0] % HIN_PATTERN_KIND_COUNT);
    struct hin_view rest = hin_view_of(data + 1, size - 1);
    size_t end = hin_view_find_byte(rest, 0);
    struct hin_view subject = end == SIZE_MAX ? rest : hin_view_sub(rest, end + 1, SIZE_MAX);
    struct hin_pattern *pattern = NULL;
    struct hin_error error = {0};
    struct hin_result result =
        hin_pattern_compile(kind, hin_view_sub(rest, 0, end), &error, &pattern);
    if (hin_is_ok(result)) {
        const struct hin_pattern *prepared = pattern;
        if ((data[0] & 0x80) != 0 && !hin_is_ok(hin_pattern_prepare_all(&prepared, 1))) {
            abort();
        }
        check(pattern, subject);
        hin_pattern_free(pattern);
    } else if (result.code == HIN_SYNTAX && (error.column == 0 || error.column > rest.size + 1)) {
        abort();
    }
    return 0;
}
