#include "harness.h"

#include "base/bytes.h"
#include "base/time.h"
#include "trust/report.h"

#define NOW (1000 * HIN_DAY_USEC)

static const char text[] =
    "owner: ops\nen: O\nja: O\n\nprobe: p-1\nen: P\nja: P\n\nprobe: p-2\nen: P\nja: P\n\n"
    "framework: f-1\nen: F\nja: F\n\nsection: 1\nen: S\nja: S\ncontrols: 1.1 1.2 1.3 1.4 1.5\n\n"
    "claim: S1\nservice: platform\npillar: security\nkind: probe\nowner: ops\ncadence: 1d\n"
    "rows: P1\nprobes: p-1\nen: E\nja: J\nf-1: 1.1 automated; 1.2 in part\n\n"
    "claim: S2\nservice: platform\npillar: privacy\nkind: probe\nowner: ops\ncadence: 1d\n"
    "rows: P1\nprobes: p-2\nen: E\nja: J\nf-1: 1.1 1.4 in part\n\n"
    "claim: S3\nservice: platform\npillar: privacy\nkind: document\nowner: ops\ncadence: 1d\n"
    "rows: P1\nen: E\nja: J\nf-1: 1.2 1.3 needs a person\n";

static struct hin_claim_evidence record(const char *probe, bool held)
{
    return (struct hin_claim_evidence){.probe = hin_view_from_text(probe),
                                       .id = HIN_VIEW("e"),
                                       .held = held,
                                       .observed_usec = NOW - HIN_HOUR_USEC,
                                       .valid_until_usec = NOW + HIN_HOUR_USEC,
                                       .reason = held ? HIN_VIEW_EMPTY : HIN_VIEW("open")};
}

TEST(test_trust_report__counts_each_control_once_by_its_best_degree)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    struct hin_claim_evidence evidence[] = {record("p-1", true), record("p-2", false)};
    size_t count = 0, tally[HIN_CLAIM_STATUS_COUNT];
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(hin_report_make(catalogue, evidence, 2, NOW, HIN_VIEW_EMPTY, &report));
    hin_report_tally(&report, tally);
    CHECK_INT(tally[HIN_CLAIM_PROVEN], 1);
    CHECK_INT(tally[HIN_CLAIM_FAILED], 1);
    CHECK_INT(tally[HIN_CLAIM_NOT_ASSESSED], 1);
    CHECK_INT(tally[HIN_CLAIM_STALE], 0);
    const struct hin_framework *framework = hin_catalogue_frameworks(catalogue, &count);
    struct hin_coverage coverage = hin_report_coverage(&report, framework);
    CHECK_INT(coverage.controls, 5);
    CHECK_INT(coverage.by_degree[HIN_DEGREE_AUTOMATED], 1);
    CHECK_INT(coverage.by_degree[HIN_DEGREE_IN_PART], 2);
    CHECK_INT(coverage.by_degree[HIN_DEGREE_PERSON], 1);
    CHECK_INT(coverage.unmapped, 1);
    CHECK_INT(coverage.proven, 1); /* 1.2; at 1.1 one of two claims has failed */
    CHECK_INT(coverage.failed, 2);
    enum hin_degree degree;
    enum hin_claim_status status;
    CHECK(hin_report_control(&report, framework, HIN_VIEW("1.1"), &degree, &status));
    CHECK_INT(degree, HIN_DEGREE_AUTOMATED);
    CHECK_INT(status, HIN_CLAIM_FAILED);
    CHECK(hin_report_control(&report, framework, HIN_VIEW("1.3"), &degree, &status));
    CHECK_INT(status, HIN_CLAIM_NOT_ASSESSED);
    CHECK(!hin_report_control(&report, framework, HIN_VIEW("1.5"), &degree, &status));
}

/* A control that a probe would show by itself is not proven by one that shows a part of it. */
TEST(test_trust_report__less_than_the_best_degree_proves_no_control)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    struct hin_claim_evidence evidence[] = {record("p-1", true), record("p-2", true)};
    enum hin_degree degree;
    enum hin_claim_status status;
    size_t count = 0;
    evidence[0].valid_until_usec = NOW;
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(hin_report_make(catalogue, evidence, 2, NOW, HIN_VIEW_EMPTY, &report));
    const struct hin_framework *framework = hin_catalogue_frameworks(catalogue, &count);
    CHECK(hin_report_control(&report, framework, HIN_VIEW("1.1"), &degree, &status));
    CHECK_INT(degree, HIN_DEGREE_AUTOMATED);
    CHECK_INT(status, HIN_CLAIM_STALE);
    struct hin_coverage coverage = hin_report_coverage(&report, framework);
    CHECK_INT(coverage.proven, 1); /* 1.4, in part */
}

TEST(test_trust_report__goes_through_json)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0}, read = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_REPORT_JSON_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_REPORT_JSON_MAX};
    struct hin_claim_evidence evidence[] = {record("p-1", true), record("p-2", false)};
    struct hin_error error = {0};
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(hin_report_make(catalogue, evidence, 2, NOW, HIN_VIEW("abcd"), &report));
    CHECK_OK(hin_report_write(&report, true, &out));
    CHECK_OK(hin_report_read(hin_buf_view(&out), catalogue, &read, &error));
    CHECK_INT(read.at_usec, NOW);
    CHECK(strcmp(read.installation, "abcd") == 0);
    CHECK_OK(hin_report_write(&read, true, &again));
    CHECK(hin_view_equal(hin_buf_view(&out), hin_buf_view(&again)));
}

TEST(test_trust_report__tells_strangers_no_reasons)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    struct hin_claim_evidence evidence[] = {record("p-1", true), record("p-2", false)};
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(hin_report_make(catalogue, evidence, 2, NOW, HIN_VIEW_EMPTY, &report));
    CHECK_VIEW(report.states[1].reason, "open");
    hin_report_make_public(&report);
    CHECK_VIEW(report.states[1].reason, "the probe saw it broken; the record says how");
    CHECK_INT(report.states[1].status, HIN_CLAIM_FAILED);
    CHECK_VIEW(report.states[1].evidence_id, "e");
    CHECK_VIEW(report.states[2].reason, "no probe looks at this yet");
}

static void swap(struct hin_buf *json, const char *from, const char *to)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_REPORT_JSON_MAX};
    struct hin_view all = hin_buf_view(json), old = hin_view_from_text(from);
    size_t at = hin_view_find(all, old);
    CHECK(at != SIZE_MAX);
    CHECK_OK(hin_buf_append(&out, hin_view_sub(all, 0, at)));
    CHECK_OK(hin_buf_append_text(&out, to));
    CHECK_OK(hin_buf_append(&out, hin_view_sub(all, at + old.size, all.size)));
    hin_buf_clear(json);
    CHECK_OK(hin_buf_append(json, hin_buf_view(&out)));
}

TEST(test_trust_report__refuses_what_is_of_another_kind)
{
    static const struct {
        const char *from, *to, *part;
        enum hin_code code;
    } wrong[] = {
        {"hinomi-trust", "other", "not the claims", HIN_INVALID},
        {"\"version\":1", "\"version\":2", "reads up to 1", HIN_UNSUPPORTED},
        {"\"catalogue\":\"", "\"catalogue\":\"0", "another catalogue", HIN_CONFLICT},
        {"\"S2\"", "\"S3\"", "\"S3\" where the catalogue has S2", HIN_INVALID},
        {"\"proven\"", "\"green\"", "no status", HIN_INVALID},
        {"\"installation\":\"", "\"installation\":\"\\u0000", "no fingerprint", HIN_INVALID},
        {"\"installation\":\"", "\"installation\":\"fg", "no fingerprint", HIN_INVALID},
        {"\"at\":", "\"at\":9999", "at: ", HIN_INVALID},
        {"\"claims\":[", "\"claims\":[1,", "4 claims, the catalogue has 3", HIN_INVALID},
        {"\"at\":", "\"at\":x", "", HIN_SYNTAX},
    };
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    struct hin_claim_evidence evidence[] = {record("p-1", true)};
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
        HIN_CLEANUP(hin_report_done) struct hin_report report = {0}, read = {0};
        HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = HIN_REPORT_JSON_MAX};
        struct hin_error error = {0};
        CHECK_OK(hin_report_make(catalogue, evidence, 1, NOW, HIN_VIEW_EMPTY, &report));
        CHECK_OK(hin_report_write(&report, false, &out));
        swap(&out, wrong[i].from, wrong[i].to);
        struct hin_result result = hin_report_read(hin_buf_view(&out), catalogue, &read, &error);
        if (result.code != wrong[i].code || strstr(error.text, wrong[i].part) == NULL) {
            test_fail(__FILE__, __LINE__, "case %zu: %s", i, error.text);
        }
    }
}
