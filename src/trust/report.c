#include "trust/report.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/time.h"

static const struct hin_view format_name = {(const uint8_t *)"hinomi-trust", 12};

static HIN_RESULT begin(const struct hin_catalogue *catalogue, struct hin_report *report)
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
    HIN_TRY(begin(catalogue, &report));
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
    hin_json_field_text(&writer, "format", format_name);
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

/* ---- reading ---- */

static HIN_RESULT check_head(struct hin_json root, const struct hin_catalogue *catalogue,
                             struct hin_error *error)
{
    struct hin_view format, digest;
    int64_t version = 0;
    char ours[HIN_SHA256_HEX_BYTES];
    HIN_TRY(hin_json_get_text(root, "format", &format, error));
    if (!hin_view_equal(format, format_name)) {
        return hin_json_refuse(root, error, HIN_INVALID, "not the claims of a Hinomi manager");
    }
    HIN_TRY(hin_json_get_integer(root, "version", 1, INT64_MAX, &version, error));
    if (version > HIN_REPORT_VERSION) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "claims of version %lld: this program reads up to %d, update it",
                             (long long)version, HIN_REPORT_VERSION);
    }
    HIN_TRY(hin_json_get_text(root, "catalogue", &digest, error));
    hin_catalogue_digest(catalogue, ours);
    if (!hin_view_is(digest, ours)) {
        return hin_error_set(error, HIN_CONFLICT, NULL, 0, 0,
                             "the claims were made with another catalogue than the one here: take "
                             "this program and its content of the manager's version");
    }
    return hin_ok();
}

static HIN_RESULT read_claims(struct hin_json root, struct hin_report *report,
                              struct hin_error *error)
{
    struct hin_json list;
    size_t count = 0, wanted = 0;
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &wanted);
    HIN_TRY(hin_json_get_array(root, "claims", &list, &count, error));
    if (count != wanted) {
        return hin_json_refuse(list, error, HIN_INVALID, "%zu claims, the catalogue has %zu", count,
                               wanted);
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_json element = hin_json_at(list, i);
        struct hin_view id;
        HIN_TRY(hin_json_get_text(element, "ID", &id, error));
        if (!hin_view_equal(id, claims[i].id)) {
            return hin_json_refuse(element, error, HIN_INVALID,
                                   "\"%.*s\" where the catalogue has %.*s",
                                   HIN_ARGS(hin_view_sub(id, 0, 32)), HIN_ARGS(claims[i].id));
        }
        HIN_TRY(hin_claim_read_state(element, &report->states[i], error));
    }
    return hin_ok();
}

static HIN_RESULT read_all(struct hin_json root, struct hin_report *report,
                           struct hin_error *error)
{
    struct hin_view installation;
    int64_t at_msec = 0;
    HIN_TRY(check_head(root, report->catalogue, error));
    HIN_TRY(hin_json_get_integer(root, "at", INT64_MIN / HIN_MSEC_USEC, INT64_MAX / HIN_MSEC_USEC,
                                 &at_msec, error));
    HIN_TRY(hin_json_get_text(root, "installation", &installation, error));
    struct hin_result fits =
        hin_view_to_text(installation, report->installation, sizeof(report->installation));
    if (!hin_is_ok(fits)) {
        return hin_json_refuse(root, error, HIN_INVALID, "\"installation\" is no fingerprint");
    }
    report->at_usec = at_msec * HIN_MSEC_USEC;
    return read_claims(root, report, error);
}

HIN_RESULT hin_report_read(struct hin_view json, const struct hin_catalogue *catalogue,
                           struct hin_report *ret_report, struct hin_error *error)
{
    struct hin_report report;
    HIN_TRY(begin(catalogue, &report));
    struct hin_result result =
        hin_json_parse(json, HIN_REPORT_JSON_MAX, &report.document, error);
    if (hin_is_ok(result)) {
        result = read_all(hin_json_root(report.document), &report, error);
    }
    if (!hin_is_ok(result)) {
        hin_report_done(&report);
        return result;
    }
    *ret_report = report;
    return hin_ok();
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
            enum hin_claim_status of_claim = report->states[i].status;
            degree = HIN_MIN(degree, mapping->degree);
            status = weight[of_claim] > weight[status] ? of_claim : status;
        }
    }
    if (degree == HIN_DEGREE_COUNT) {
        return false;
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
