#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "clock/report.h"
#include "harness.h"

static struct hin_clock_report sample(void)
{
    struct hin_clock_report report = {
        .measured = true,
        .offset_usec = -250003,
        .error_usec = 5016,
        .answer_usec = INT64_C(1795918173162379),
        .chosen = 1,
        .agree_count = 1,
        .source_count = 2,
    };
    report.sources[0] = (struct hin_clock_source){
        .name = "a.example:123", .state = HIN_CLOCK_SILENT, .requests = 7};
    report.sources[1] = (struct hin_clock_source){.name = "[::1]:11123",
                                                  .address = "[::1]:11123",
                                                  .state = HIN_CLOCK_AGREES,
                                                  .stratum = 3,
                                                  .offset_usec = -250003,
                                                  .error_usec = 5016,
                                                  .answer_usec = INT64_C(1795918173162379),
                                                  .requests = 9,
                                                  .answers = 8};
    return report;
}

TEST(test_clock_report__there_and_back)
{
    struct hin_clock_report report = sample(), got;
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_CLOCK_REPORT_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_CLOCK_REPORT_MAX_BYTES};
    CHECK_OK(hin_clock_report_write(&report, &bytes));
    CHECK_OK(hin_clock_report_read(hin_buf_view(&bytes), &got));
    CHECK(got.measured && got.offset_usec == -250003 && got.chosen == 1);
    CHECK(strcmp(got.sources[1].address, "[::1]:11123") == 0);
    CHECK_INT(got.sources[0].state, HIN_CLOCK_SILENT);
    CHECK_OK(hin_clock_report_write(&got, &again));
    CHECK(hin_view_equal(hin_buf_view(&bytes), hin_buf_view(&again)));
    for (size_t size = 0; size < bytes.size; size++) {
        CHECK_CODE(hin_clock_report_read(hin_view_of(bytes.data, size), &got), PROTOCOL);
    }
    CHECK_OK(hin_buf_append_byte(&bytes, 0));
    CHECK_CODE(hin_clock_report_read(hin_buf_view(&bytes), &got), PROTOCOL);
}

/* The largest: eight servers with the longest names. */
TEST(test_clock_report__the_largest_fits)
{
    struct hin_clock_report report = {.source_count = HIN_CLOCK_SOURCES_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_CLOCK_REPORT_MAX_BYTES};
    for (size_t i = 0; i < HIN_CLOCK_SOURCES_MAX; i++) {
        struct hin_clock_source *source = &report.sources[i];
        for (size_t j = 0; j + 1 < sizeof(source->name); j++) {
            source->name[j] = 'n';
        }
        source->offset_usec = source->error_usec = source->answer_usec = -(INT64_C(1) << 52);
        source->requests = source->answers = UINT64_MAX;
    }
    CHECK_OK(hin_clock_report_write(&report, &bytes));
}

static bool is_refused(struct hin_clock_report report)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_CLOCK_REPORT_MAX_BYTES};
    struct hin_clock_report got;
    return !hin_is_ok(hin_clock_report_write(&report, &bytes)) ||
           hin_clock_report_read(hin_buf_view(&bytes), &got).code == HIN_PROTOCOL;
}

TEST(test_clock_report__refuses_what_is_not_written)
{
    struct hin_clock_report report = sample();
    CHECK(!is_refused(report));
    report.chosen = 2;
    CHECK(is_refused(report));
    report = sample();
    report.agree_count = 3;
    CHECK(is_refused(report));
    report = sample();
    report.source_count = HIN_CLOCK_SOURCES_MAX + 1;
    CHECK(is_refused(report));
    report = sample();
    report.offset_usec = INT64_C(1) << 60;
    CHECK(is_refused(report));
    report = sample();
    report.error_usec = -1;
    CHECK(is_refused(report));
    report = sample();
    report.sources[0].state = HIN_CLOCK_STATE_COUNT;
    CHECK(is_refused(report));
    report = sample();
    report.sources[0].name[0] = '\n'; /* it is logged and shown */
    CHECK(is_refused(report));
}

TEST(test_clock_report__names)
{
    for (int i = 0; i < HIN_CLOCK_STATE_COUNT; i++) {
        CHECK(hin_clock_state_name((enum hin_clock_state)i)[0] != '\0');
        CHECK(hin_clock_state_text((enum hin_clock_state)i)[0] != '\0');
    }
    CHECK_VIEW(hin_view_from_text(hin_clock_state_name(HIN_CLOCK_UNKNOWN_NAME)), "unknown-name");
}

TEST(test_clock_report__one_verdict_a_crossing)
{
    struct hin_clock_watch watch = {.bound_usec = 2000000};
    CHECK_INT(hin_clock_watch_step(&watch, 1900000, 5000), HIN_CLOCK_STAYS);
    /* over the bound, but perhaps only by what the measurement may be wrong */
    CHECK_INT(hin_clock_watch_step(&watch, 2004000, 5000), HIN_CLOCK_STAYS);
    CHECK_INT(hin_clock_watch_step(&watch, 2006000, 5000), HIN_CLOCK_PASSED);
    CHECK_INT(hin_clock_watch_step(&watch, 9000000, 5000), HIN_CLOCK_STAYS);
    CHECK_INT(hin_clock_watch_step(&watch, -9000000, 5000), HIN_CLOCK_STAYS);
    CHECK_INT(hin_clock_watch_step(&watch, 1999000, 5000), HIN_CLOCK_STAYS); /* near it: not yet */
    CHECK_INT(hin_clock_watch_step(&watch, 1500000, 5000), HIN_CLOCK_BACK);
    CHECK_INT(hin_clock_watch_step(&watch, 0, 5000), HIN_CLOCK_STAYS);
    CHECK_INT(hin_clock_watch_step(&watch, -2100000, 5000), HIN_CLOCK_PASSED);
    CHECK_INT(hin_clock_watch_step(&watch, -1500001, 5000), HIN_CLOCK_STAYS);
    CHECK_INT(hin_clock_watch_step(&watch, -1500000, 5000), HIN_CLOCK_BACK);
}

TEST(test_clock_report__in_words)
{
    char text[256];
    struct hin_clock_telling telling = {-3004005, 2500000, "ntp1:123", 2, 3};
    hin_clock_tell(&telling, text, sizeof(text));
    CHECK_VIEW(hin_view_from_text(text), "ahead by 3.004005 s, as ntp1:123 has it (2 of 3 sources "
                                         "agree; bound 2.500 s)");
    telling = (struct hin_clock_telling){50, 2000000, "manager", 0, 0};
    hin_clock_tell(&telling, text, sizeof(text));
    CHECK_VIEW(hin_view_from_text(text), "behind by 0.000050 s, as manager has it (bound 2.000 s)");
}
