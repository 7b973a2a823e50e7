#include "harness.h"

#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "trust/oscal.h"

#define NOW (20000 * HIN_DAY_USEC)

static const char text[] =
    "owner: ops\nen: O\nja: O\n\nprobe: p-1\nen: P\nja: P\n\nprobe: p-2\nen: P\nja: P\n\n"
    "framework: f-0\nen: F\nja: F\n\nsection: 1\nen: S\nja: S\ncontrols: 1\n\n"
    "framework: f-1\nen: F\nja: 枠\n\nsection: 1\nen: S\nja: S\ncontrols: 1(1)(a) 1.2 1.3 1.4\n\n"
    "claim: S1\nservice: platform\npillar: security\nkind: probe\nowner: ops\ncadence: 1d\n"
    "rows: P1\nprobes: p-1\nen: One\nja: 一\nf-1: 1(1)(a) automated; 1.2 in part\n\n"
    "claim: S2\nservice: platform\npillar: privacy\nkind: probe\nowner: ops\ncadence: 1d\n"
    "rows: P1\nprobes: p-1 p-2\nen: Two\nja: 二\nf-1: 1.3 automated\n";

static struct hin_claim_evidence record(const char *probe, const char *id, bool held)
{
    return (struct hin_claim_evidence){.probe = hin_view_from_text(probe),
                                       .id = hin_view_from_text(id),
                                       .held = held,
                                       .observed_usec = NOW - HIN_HOUR_USEC,
                                       .valid_until_usec = NOW + HIN_HOUR_USEC,
                                       .reason = held ? HIN_VIEW_EMPTY : HIN_VIEW("open")};
}

static HIN_RESULT write(const struct hin_catalogue *catalogue,
                        const struct hin_claim_evidence *evidence, size_t count,
                        enum hin_language language, struct hin_buf *out)
{
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    HIN_TRY(hin_report_make(catalogue, evidence, count, NOW, HIN_VIEW_EMPTY, &report));
    hin_buf_clear(out);
    return hin_oscal_write(&report, hin_catalogue_framework(catalogue, HIN_VIEW("f-1")), language,
                           out);
}

/* state and reason of the finding about a control's token */
static void finding(const struct hin_buf *out, const char *token, const char *state,
                    const char *reason, size_t observations)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json results, findings, target, status, related;
    struct hin_view got;
    size_t count = 0, related_count = 0;
    CHECK_OK(hin_json_parse(hin_buf_view(out), 1 << 20, &document, NULL));
    CHECK_OK(hin_json_get_object(hin_json_root(document), "assessment-results", &results, NULL));
    CHECK_OK(hin_json_get_array(results, "results", &results, &count, NULL));
    CHECK_OK(hin_json_get_array(hin_json_at(results, 0), "findings", &findings, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        struct hin_json one = hin_json_at(findings, i);
        CHECK_OK(hin_json_get_object(one, "target", &target, NULL));
        CHECK_OK(hin_json_get_text(target, "target-id", &got, NULL));
        if (!hin_view_is(got, token)) {
            continue;
        }
        CHECK_OK(hin_json_get_object(target, "status", &status, NULL));
        CHECK_OK(hin_json_get_text(status, "state", &got, NULL));
        CHECK_VIEW(got, state);
        CHECK_OK(hin_json_get_text(status, "reason", &got, NULL));
        CHECK_VIEW(got, reason);
        if (hin_json_find(one, "related-observations", &related)) {
            CHECK_OK(hin_json_array(related, &related_count, NULL));
        }
        CHECK_INT(related_count, observations);
        return;
    }
    test_fail(__FILE__, __LINE__, "no finding on %s", token);
}

TEST(test_trust_oscal__is_satisfied_by_automated_proof_alone)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1 << 20};
    struct hin_claim_evidence evidence[] = {record("p-1", "e1", true), record("p-2", "e2", true)};
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(write(catalogue, evidence, 2, HIN_ENGLISH, &out));
    finding(&out, "f-1_1.1.a", "satisfied", "pass", 1);
    finding(&out, "f-1_1.2", "not-satisfied", "other", 1); /* in part: a person shows the rest */
    finding(&out, "f-1_1.3", "satisfied", "pass", 1);
    evidence[1] = record("p-2", "e2", false);
    CHECK_OK(write(catalogue, evidence, 2, HIN_ENGLISH, &out));
    finding(&out, "f-1_1.3", "not-satisfied", "fail", 1);
    CHECK_OK(write(catalogue, evidence, 1, HIN_ENGLISH, &out)); /* p-2 never ran */
    finding(&out, "f-1_1.3", "not-satisfied", "other", 0);
    CHECK_OK(write(catalogue, NULL, 0, HIN_ENGLISH, &out));
    finding(&out, "f-1_1.1.a", "not-satisfied", "other", 0);
    CHECK(hin_view_find(hin_buf_view(&out), HIN_VIEW("\"observations\"")) == SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&out), HIN_VIEW("f-1_1.4")) == SIZE_MAX); /* not mapped */
}

TEST(test_trust_oscal__same_content_same_bytes_another_other_uuids)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf first = {.max = 1 << 20};
    HIN_CLEANUP(hin_buf_done) struct hin_buf second = {.max = 1 << 20};
    struct hin_claim_evidence evidence[] = {record("p-1", "e1", true)};
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(write(catalogue, evidence, 1, HIN_ENGLISH, &first));
    CHECK_OK(write(catalogue, evidence, 1, HIN_ENGLISH, &second));
    CHECK(hin_view_equal(hin_buf_view(&first), hin_buf_view(&second)));
    size_t at = hin_view_find(hin_buf_view(&first), HIN_VIEW("\"uuid\": \""));
    CHECK(at != SIZE_MAX);
    struct hin_view uuid = hin_view_sub(hin_buf_view(&first), at + 9, 36);
    CHECK(uuid.data[14] == '5' && strchr("89ab", uuid.data[19]) != NULL);
    CHECK_OK(write(catalogue, evidence, 1, HIN_JAPANESE, &second));
    CHECK(hin_view_find(hin_buf_view(&second), uuid) == SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&second), HIN_VIEW("S1: 一")) != SIZE_MAX);
}

/* A token of OSCAL begins with a letter or '_'; what has no place in one stands as its byte. */
TEST(test_trust_oscal__makes_tokens_of_other_names)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1 << 20};
    CHECK_OK(hin_catalogue_parse(
        HIN_VIEW("owner: ops\nen: O\nja: O\n\nframework: 9-f\nen: F\nja: F\n\nsection: 1\nen: S\n"
                 "ja: S\ncontrols: A_1(2) \xc3\xa9-1\n\nclaim: S1\nservice: platform\n"
                 "pillar: security\nkind: probe\nowner: ops\ncadence: 1d\nrows: P1\nen: One\n"
                 "ja: J\n9-f: A_1(2) \xc3\xa9-1 needs a person\n"),
        "t", &catalogue, NULL));
    CHECK_OK(hin_report_make(catalogue, NULL, 0, NOW, HIN_VIEW_EMPTY, &report));
    CHECK_OK(hin_oscal_write(&report, hin_catalogue_framework(catalogue, HIN_VIEW("9-f")),
                             HIN_ENGLISH, &out));
    finding(&out, "_9-f_A_5f1.2", "not-satisfied", "other", 0);
    finding(&out, "_9-f__c3_a9-1", "not-satisfied", "other", 0);
}

TEST(test_trust_oscal__refuses_a_framework_that_nothing_maps_to)
{
    HIN_CLEANUP(hin_catalogue_cleanup) struct hin_catalogue *catalogue = NULL;
    HIN_CLEANUP(hin_report_done) struct hin_report report = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1 << 20};
    CHECK_OK(hin_catalogue_parse(hin_view_from_text(text), "t", &catalogue, NULL));
    CHECK_OK(hin_report_make(catalogue, NULL, 0, NOW, HIN_VIEW_EMPTY, &report));
    CHECK_CODE(hin_oscal_write(&report, hin_catalogue_framework(catalogue, HIN_VIEW("f-0")),
                               HIN_ENGLISH, &out),
               INVALID);
}
