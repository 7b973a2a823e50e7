#include <stdlib.h>

#include "base/bytes.h"
#include "base/time.h"
#include "trust/report_internal.h"

HIN_RESULT hin_report_begin(const struct hin_catalogue *catalogue, struct hin_report *report)
{
    size_t count = 0;
    (void)hin_catalogue_claims(catalogue, &count);
    *report = (struct hin_report){.catalogue = catalogue};
    report->states = calloc(HIN_MAX(count, (size_t)1), sizeof(*report->states));
    HIN_ENSURE(report->states != NULL, NO_MEMORY);
    return hin_ok();
}

void hin_report_done(struct hin_report *report)
{
    free(report->states);
    hin_json_free(report->document);
    *report = (struct hin_report){0};
}

HIN_RESULT hin_report_make(const struct hin_catalogue *catalogue,
                           const struct hin_claim_evidence *evidence, size_t evidence_count,
                           int64_t now_usec, struct hin_view installation,
                           struct hin_report *ret_report)
{
    struct hin_report report;
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(catalogue, &count);
    char hex[HIN_SHA256_HEX_BYTES] = "";
    HIN_TRY(hin_view_to_text(installation, hex, sizeof(hex)));
    HIN_TRY(hin_report_begin(catalogue, &report));
    hin_copy(report.installation, hex, sizeof(hex));
    report.at_usec = now_usec;
    for (size_t i = 0; i < count; i++) {
        report.states[i] = hin_claim_state_of(&claims[i], evidence, evidence_count, now_usec);
    }
    *ret_report = report;
    return hin_ok();
}

HIN_RESULT hin_report_write(const struct hin_report *report, bool pretty, struct hin_buf *out)
{
    struct hin_json_writer writer;
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &count);
    char digest[HIN_SHA256_HEX_BYTES];
    hin_catalogue_digest(report->catalogue, digest);
    hin_json_writer_init(&writer, out, pretty);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "format", HIN_REPORT_FORMAT);
    hin_json_field_integer(&writer, "version", HIN_REPORT_VERSION);
    hin_json_field_cstring(&writer, "catalogue", digest);
    hin_json_field_integer(&writer, "at", report->at_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(&writer, "installation", report->installation);
    hin_json_key(&writer, "claims");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        hin_claim_write(&writer, &claims[i], &report->states[i]);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

void hin_report_make_public(struct hin_report *report)
{
    size_t count = 0;
    (void)hin_catalogue_claims(report->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        struct hin_claim_state *state = &report->states[i];
        if (state->status == HIN_CLAIM_FAILED) {
            state->reason = HIN_VIEW("the probe saw it broken; the record says how");
        } else if (state->status == HIN_CLAIM_PROVEN && state->reason.size > 0) {
            state->reason =
                HIN_VIEW("a loss of records is acknowledged; the record says which and by whom");
        }
    }
}

/* ---- coverage ---- */

static const struct hin_claim_mapping *mapping_to(const struct hin_claim *claim,
                                                  const struct hin_framework *framework,
                                                  struct hin_view control)
{
    for (size_t i = 0; i < claim->mapping_count; i++) {
        if (claim->mappings[i].framework == framework &&
            hin_view_equal(claim->mappings[i].control, control)) {
            return &claim->mappings[i];
        }
    }
    return NULL;
}

bool hin_report_control(const struct hin_report *report, const struct hin_framework *framework,
                        struct hin_view control, enum hin_degree *ret_degree,
                        enum hin_claim_status *ret_status)
{
    static const uint8_t weight[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_NOT_ASSESSED] = 0,
        [HIN_CLAIM_STALE] = 1,
        [HIN_CLAIM_PROVEN] = 2,
        [HIN_CLAIM_FAILED] = 3,
    };
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &count);
    enum hin_degree degree = HIN_DEGREE_COUNT;
    enum hin_claim_status status = HIN_CLAIM_NOT_ASSESSED;
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_mapping *mapping = mapping_to(&claims[i], framework, control);
        if (mapping != NULL) {
            degree = HIN_MIN(degree, mapping->degree);
        }
    }
    if (degree == HIN_DEGREE_COUNT) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_mapping *mapping = mapping_to(&claims[i], framework, control);
        enum hin_claim_status of_claim = report->states[i].status;
        /* What answers less than the degree says proves nothing of it, but its failure counts. */
        bool counts =
            mapping != NULL && (mapping->degree == degree || of_claim == HIN_CLAIM_FAILED);
        status = counts && weight[of_claim] > weight[status] ? of_claim : status;
    }
    *ret_degree = degree;
    *ret_status = status;
    return true;
}

struct hin_coverage hin_report_coverage(const struct hin_report *report,
                                        const struct hin_framework *framework)
{
    struct hin_coverage coverage = {.controls = framework->control_count};
    for (size_t i = 0; i < framework->control_count; i++) {
        enum hin_degree degree = HIN_DEGREE_COUNT;
        enum hin_claim_status status = HIN_CLAIM_NOT_ASSESSED;
        if (!hin_report_control(report, framework, framework->controls[i], &degree, &status)) {
            coverage.unmapped++;
            continue;
        }
        coverage.by_degree[degree]++;
        coverage.proven += status == HIN_CLAIM_PROVEN ? 1 : 0;
        coverage.failed += status == HIN_CLAIM_FAILED ? 1 : 0;
    }
    return coverage;
}

void hin_report_tally(const struct hin_report *report, size_t ret_count[HIN_CLAIM_STATUS_COUNT])
{
    size_t count = 0;
    (void)hin_catalogue_claims(report->catalogue, &count);
    for (unsigned i = 0; i < HIN_CLAIM_STATUS_COUNT; i++) {
        ret_count[i] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        ret_count[report->states[i].status]++;
    }
}
