#include <stdint.h>
#include <stdlib.h>

#include "trust/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "owner: o\nen: O\nja: O\n\nprobe: p\nen: P\nja: P\n\nframework: f\nen: F\nja: F\n\n"
    "section: 1\nen: S\nja: S\ncontrols: 1\n\nclaim: S1\nservice: platform\npillar: faq\n"
    "kind: probe\nowner: o\ncadence: 1d\nrows: P1\nprobes: p\nen: E\nja: J\nf: 1 automated\n";

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What was read and written again reads the same once more. */
static void check(const struct hin_catalogue *catalogue, const struct hin_report *report)
{
    HIN_CLEANUP(hin_report_done) struct hin_report again = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf first = {.max = 64 << 20};
    HIN_CLEANUP(hin_buf_done) struct hin_buf second = {.max = 64 << 20};
    require(hin_is_ok(hin_report_write(report, false, &first)));
    if (first.size <= HIN_REPORT_JSON_MAX) {
        require(hin_is_ok(hin_report_read(hin_buf_view(&first), catalogue, &again, NULL)));
        require(hin_is_ok(hin_report_write(&again, false, &second)));
        require(hin_view_equal(hin_buf_view(&first), hin_buf_view(&second)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    struct hin_error error = {0};
    require(hin_is_ok(hin_catalogue_parse(hin_view_from_text(text), "text", &catalogue, NULL)));
    if (hin_is_ok(hin_report_read(hin_view_of(data, size), catalogue, &report, &error))) {
        check(catalogue, &report);
    }
    return 0;
}
