#include "harness.h"

#include <string.h>

#include "base/time.h"
#include "trust/catalogue.h"

#define NOW  (1000 * HIN_DAY_USEC)
#define HOUR HIN_HOUR_USEC

static struct hin_claim claim_on(const char *first, const char *second)
{
    struct hin_claim claim = {.id = HIN_VIEW("S1")};
    claim.probes[0] = hin_view_from_text(first);
    claim.probes[1] = hin_view_from_text(second);
    claim.probe_count = (first != NULL ? 1u : 0u) + (second != NULL ? 1u : 0u);
    return claim;
}

static struct hin_claim_evidence held(const char *probe, const char *id, int64_t observed_usec,
                                      int64_t valid_until_usec)
{
    return (struct hin_claim_evidence){.probe = hin_view_from_text(probe),
                                       .id = hin_view_from_text(id),
                                       .held = true,
                                       .observed_usec = observed_usec,
                                       .valid_until_usec = valid_until_usec};
}

static struct hin_claim_evidence failed(const char *probe, const char *id, int64_t observed_usec)
{
    struct hin_claim_evidence record = held(probe, id, observed_usec, observed_usec + HOUR);
    record.held = false;
    record.reason = HIN_VIEW("it was open");
    return record;
}

TEST(test_trust_claim__hangs_on_nothing_and_is_not_assessed)
{
    struct hin_claim claim = claim_on(NULL, NULL);
    struct hin_claim_evidence evidence[] = {held("a", "e1", NOW - HOUR, NOW + HOUR)};
    struct hin_claim_state state = hin_claim_state_of(&claim, evidence, 1, NOW);
    CHECK_INT(state.status, HIN_CLAIM_NOT_ASSESSED);
    CHECK_VIEW(state.reason, "no probe looks at this yet");
    CHECK(state.evidence_id.size == 0 && state.evidence_count == 0);
    CHECK_INT(state.observed_usec, 0);
}

TEST(test_trust_claim__proven_while_valid_then_stale)
{
    struct hin_claim claim = claim_on("a", NULL);
    struct hin_claim_evidence evidence[] = {held("b", "e0", NOW, NOW + HOUR),
                                            held("a", "e1", NOW - HOUR, NOW + HOUR)};
    struct hin_claim_state state = hin_claim_state_of(&claim, evidence, 2, NOW);
    CHECK_INT(state.status, HIN_CLAIM_PROVEN);
    CHECK_VIEW(state.evidence_id, "e1");
    CHECK_VIEW(state.probe, "a");
    CHECK_INT(state.observed_usec, NOW - HOUR);
    CHECK_INT(state.valid_until_usec, NOW + HOUR);
    CHECK(state.reason.size == 0);
    CHECK_INT(hin_claim_state_of(&claim, evidence, 2, NOW + HOUR - 1).status, HIN_CLAIM_PROVEN);
    CHECK_INT(hin_claim_state_of(&claim, evidence, 2, NOW + HOUR).status, HIN_CLAIM_STALE);
}

TEST(test_trust_claim__failure_stays_until_proven_again)
{
    struct hin_claim claim = claim_on("a", NULL);
    struct hin_claim_evidence evidence[] = {held("a", "e1", NOW - 3 * HOUR, NOW + HOUR),
                                            failed("a", "e2", NOW - 2 * HOUR),
                                            held("a", "e3", NOW - HOUR, NOW + HOUR)};
    struct hin_claim_state state = hin_claim_state_of(&claim, evidence, 2, NOW);
    CHECK_INT(state.status, HIN_CLAIM_FAILED);
    CHECK_VIEW(state.reason, "it was open");
    CHECK_VIEW(state.evidence_id, "e2");
    CHECK_INT(hin_claim_state_of(&claim, evidence, 2, NOW + 400 * HIN_DAY_USEC).status,
              HIN_CLAIM_FAILED);
    CHECK_INT(hin_claim_state_of(&claim, evidence, 3, NOW).status, HIN_CLAIM_PROVEN);
}

TEST(test_trust_claim__newest_counts_in_whatever_order_it_comes)
{
    struct hin_claim claim = claim_on("a", NULL);
    struct hin_claim_evidence evidence[] = {failed("a", "e2", NOW - HOUR),
                                            held("a", "e1", NOW - 2 * HOUR, NOW + HOUR)};
    CHECK_INT(hin_claim_state_of(&claim, evidence, 2, NOW).status, HIN_CLAIM_FAILED);
}

TEST(test_trust_claim__all_probes_have_to_hold)
{
    struct hin_claim claim = claim_on("a", "b");
    struct hin_claim_evidence evidence[] = {held("a", "e1", NOW - HOUR, NOW + 2 * HOUR),
                                            held("b", "e2", NOW - 2 * HOUR, NOW + 3 * HOUR)};
    struct hin_claim_state state = hin_claim_state_of(&claim, evidence, 2, NOW);
    CHECK_INT(state.status, HIN_CLAIM_PROVEN);
    CHECK_INT(state.observed_usec, NOW - 2 * HOUR); /* the older proof decides */
    CHECK_VIEW(state.evidence_id, "e2");
    CHECK_INT(state.valid_until_usec, NOW + 2 * HOUR); /* the one that ends first */
    CHECK_INT(state.evidence_count, 2);
    CHECK_VIEW(state.evidence_ids[0], "e1");

    state = hin_claim_state_of(&claim, evidence, 1, NOW); /* b never ran */
    CHECK_INT(state.status, HIN_CLAIM_NOT_ASSESSED);
    CHECK_VIEW(state.probe, "b");
    CHECK_VIEW(state.reason, "this probe has not run yet");
    CHECK_INT(state.evidence_count, 1);

    state = hin_claim_state_of(&claim, evidence, 2, NOW + 2 * HOUR); /* a ran out */
    CHECK_INT(state.status, HIN_CLAIM_STALE);
    CHECK_VIEW(state.probe, "a");

    evidence[1] = failed("b", "e3", NOW - HOUR);
    state = hin_claim_state_of(&claim, evidence, 2, NOW + 2 * HOUR); /* a failure outweighs it */
    CHECK_INT(state.status, HIN_CLAIM_FAILED);
    CHECK_VIEW(state.probe, "b");
}

TEST(test_trust_claim__failure_outweighs_a_probe_that_never_ran)
{
    struct hin_claim claim = claim_on("a", "b");
    struct hin_claim_evidence evidence[] = {failed("b", "e1", NOW - HOUR)};
    CHECK_INT(hin_claim_state_of(&claim, evidence, 1, NOW).status, HIN_CLAIM_FAILED);
}

TEST(test_trust_claim__evidence_from_the_future_proves_nothing)
{
    struct hin_claim claim = claim_on("a", NULL);
    struct hin_claim_evidence evidence[] = {held("a", "e1", NOW + 1, NOW + HOUR)};
    struct hin_claim_state state = hin_claim_state_of(&claim, evidence, 1, NOW);
    CHECK_INT(state.status, HIN_CLAIM_STALE);
    CHECK(hin_view_find(state.reason, HIN_VIEW("clock")) != SIZE_MAX);
    CHECK_INT(hin_claim_state_of(&claim, evidence, 1, NOW + 1).status, HIN_CLAIM_PROVEN);
}

TEST(test_trust_claim__names_go_there_and_back)
{
    for (unsigned i = 0; i < HIN_CLAIM_STATUS_COUNT; i++) {
        enum hin_claim_status status = HIN_CLAIM_STATUS_COUNT;
        const char *name = hin_claim_status_name((enum hin_claim_status)i);
        CHECK(hin_claim_status_from_name(hin_view_from_text(name), &status));
        CHECK_INT(status, i);
    }
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
        enum hin_language language = HIN_LANGUAGE_COUNT;
        const char *name = hin_language_name((enum hin_language)i);
        CHECK(hin_language_from_name(hin_view_from_text(name), &language));
        CHECK_INT(language, i);
    }
    enum hin_claim_status status;
    CHECK(!hin_claim_status_from_name(HIN_VIEW("green"), &status));
}

TEST(test_trust_claim__state_goes_through_json)
{
    struct hin_text title = {{HIN_VIEW("Operations"), HIN_VIEW("運用")}};
    struct hin_role_owner owner = {HIN_VIEW("operations"), title};
    struct hin_framework framework = {.id = HIN_VIEW("f-1")};
    struct hin_claim_mapping mapping = {&framework, HIN_VIEW("1.2"), HIN_DEGREE_IN_PART};
    struct hin_claim claim = claim_on("a", "b");
    struct hin_claim_evidence evidence[] = {held("a", "e1", NOW - HOUR, NOW + 2 * HOUR),
                                            failed("b", "e2", NOW - 2 * HOUR)};
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 65536};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_claim_state read = {0}, state = hin_claim_state_of(&claim, evidence, 2, NOW);
    struct hin_json_writer writer;
    claim.owner = &owner;
    claim.rows = HIN_VIEW("P1 P5");
    claim.cadence = HIN_VIEW("1d");
    claim.mappings = &mapping;
    claim.mapping_count = 1;
    hin_json_writer_init(&writer, &out, false);
    hin_claim_write(&writer, &claim, &state);
    CHECK_OK(hin_json_writer_finish(&writer));
    CHECK(hin_view_find(hin_buf_view(&out), HIN_VIEW("\"rows\":[\"P1\",\"P5\"]")) != SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&out),
                        HIN_VIEW("{\"framework\":\"f-1\",\"control\":\"1.2\",\"degree\":\"in "
                                 "part\"}")) != SIZE_MAX);
    CHECK_OK(hin_json_parse(hin_buf_view(&out), 65536, &document, NULL));
    CHECK_OK(hin_claim_read_state(hin_json_root(document), &read, NULL));
    CHECK_INT(read.status, HIN_CLAIM_FAILED);
    CHECK_INT(read.observed_usec, state.observed_usec);
    CHECK_INT(read.valid_until_usec, state.valid_until_usec);
    CHECK_VIEW(read.evidence_id, "e2");
    CHECK_VIEW(read.probe, "b");
    CHECK_VIEW(read.reason, "it was open");
    CHECK_INT(read.evidence_count, 2);
    CHECK_VIEW(read.evidence_ids[0], "e1");
}

static void refused(const char *json, const char *part)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_claim_state state = {0};
    struct hin_error error = {0};
    CHECK_OK(hin_json_parse(hin_view_from_text(json), 65536, &document, NULL));
    CHECK_CODE(hin_claim_read_state(hin_json_root(document), &state, &error), INVALID);
    if (strstr(error.text, part) == NULL) {
        test_fail(__FILE__, __LINE__, "%s: \"%s\" lacks \"%s\"", json, error.text, part);
    }
}

TEST(test_trust_claim__refuses_states_that_are_none)
{
    refused("{\"evidenceIDs\":[]}", "status: missing");
    refused("{\"status\":\"green\",\"evidenceIDs\":[]}", "\"green\" is no status");
    refused("{\"status\":\"proven\",\"observed\":\"today\",\"evidenceIDs\":[]}", "observed");
    refused("{\"status\":\"proven\",\"evidenceIDs\":[1]}", "evidenceIDs[0]: not a string");
    refused("{\"status\":\"proven\",\"evidenceIDs\":[\"e\",\"\"]}", "evidenceIDs[1]: no evidence");
    refused("{\"status\":\"proven\",\"evidenceIDs\":[\"a b\"]}", "evidenceIDs[0]: no evidence");
    refused("{\"status\":\"proven\",\"observed\":-1,\"evidenceIDs\":[]}", "observed");
    refused("{\"status\":\"proven\",\"validUntil\":32503680000000,\"evidenceIDs\":[]}",
            "validUntil");
    refused(
        "{\"status\":\"proven\",\"evidenceIDs\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}",
        "more than 8");
}
