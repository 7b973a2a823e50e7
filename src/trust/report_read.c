/* A report out of its JSON. */
#include "base/time.h"
#include "trust/report_internal.h"

static HIN_RESULT check_head(struct hin_json root, const struct hin_catalogue *catalogue,
                             struct hin_error *error)
{
    struct hin_view format, digest;
    int64_t version = 0;
    char ours[HIN_SHA256_HEX_BYTES];
    HIN_TRY(hin_json_get_text(root, "format", &format, error));
    if (!hin_view_is(format, HIN_REPORT_FORMAT)) {
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

static HIN_RESULT read_installation(struct hin_json root, struct hin_report *report,
                                    struct hin_error *error)
{
    struct hin_view text;
    HIN_TRY(hin_json_get_text(root, "installation", &text, error));
    bool good = text.size < sizeof(report->installation);
    for (size_t i = 0; i < text.size && good; i++) {
        good = (text.data[i] >= '0' && text.data[i] <= '9') ||
               (text.data[i] >= 'a' && text.data[i] <= 'f');
    }
    if (!good) {
        return hin_json_refuse(root, error, HIN_INVALID, "\"installation\" is no fingerprint");
    }
    return hin_view_to_text(text, report->installation, sizeof(report->installation));
}

static HIN_RESULT read_all(struct hin_json root, struct hin_report *report, struct hin_error *error)
{
    int64_t at_msec = 0;
    HIN_TRY(check_head(root, report->catalogue, error));
    HIN_TRY(hin_json_get_integer(root, "at", 0, HIN_CLAIM_MSEC_MAX, &at_msec, error));
    HIN_TRY(read_installation(root, report, error));
    report->at_usec = at_msec * HIN_MSEC_USEC;
    return read_claims(root, report, error);
}

HIN_RESULT hin_report_read(struct hin_view json, const struct hin_catalogue *catalogue,
                           struct hin_report *ret_report, struct hin_error *error)
{
    struct hin_report report;
    HIN_TRY(hin_report_begin(catalogue, &report));
    struct hin_result result = hin_json_parse(json, HIN_REPORT_JSON_MAX, &report.document, error);
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
