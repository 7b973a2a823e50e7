#include <stdint.h>
#include <stdlib.h>

#include "trust/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Whatever is read: a report on it goes through JSON and comes back the same, and every control
 * counts once. */
static void check(const struct hin_catalogue *catalogue)
{
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0}, again = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf first = {.max = 64 << 20};
    HIN_CLEANUP(hin_buf_done) struct hin_buf second = {.max = 64 << 20};
    size_t count = 0, frameworks = 0;
    const struct hin_claim *claims = hin_catalogue_claims(catalogue, &count);
    const struct hin_framework *framework = hin_catalogue_frameworks(catalogue, &frameworks);
    require(hin_is_ok(hin_report_make(catalogue, NULL, 0, 1000, HIN_VIEW_EMPTY, &report)));
    require(hin_is_ok(hin_report_write(&report, false, &first)));
    if (first.size <= HIN_REPORT_JSON_MAX) {
        require(hin_is_ok(hin_report_read(hin_buf_view(&first), catalogue, &again, NULL)));
        require(hin_is_ok(hin_report_write(&again, false, &second)));
        require(hin_view_equal(hin_buf_view(&first), hin_buf_view(&second)));
    }
    for (size_t i = 0; i < frameworks; i++) {
        struct hin_coverage coverage = hin_report_coverage(&report, &framework[i]);
        size_t sum = coverage.unmapped;
        for (unsigned k = 0; k < HIN_DEGREE_COUNT; k++) {
            sum += coverage.by_degree[k];
        }
        require(sum == framework[i].control_count && coverage.proven == 0);
    }
    for (size_t i = 0; i < count; i++) {
        require(hin_catalogue_claim(catalogue, claims[i].id) == &claims[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    struct hin_error error = {0};
    struct hin_result result =
        hin_catalogue_parse(hin_view_of(data, size), "input", &catalogue, &error);
    if (hin_is_ok(result)) {
        check(catalogue);
    } else {
        require(catalogue == NULL && error.text[0] != '\0');
    }
    return 0;
}
