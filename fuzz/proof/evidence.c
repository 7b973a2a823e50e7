/* Evidence as `hinomi evidence verify FILE` reads it; the first of a chain begins it. */
#include "proof/evidence.h"

#include "paper.h"

static HIN_RESULT issue(struct hin_view text, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_EVIDENCE_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf signed_text = {.max = 65536};
    uint8_t signature[HIN_SIGN_BYTES];
    struct hin_evidence evidence = {
        .number = 1 + (int64_t)text.size,
        .id = HIN_VIEW("e"),
        .probe = hin_view_sub(text, 0, HIN_EVIDENCE_PROBE_MAX),
        .probe_version = 1,
        .observed_msec = 5,
        .valid_until_msec = (int64_t)text.size,
        .outcome = (enum hin_evidence_outcome)(1 + text.size % 3),
        .reason = text,
        .inputs = {{text, text, 0}},
        .input_count = 1,
        .measurements = {{text, HIN_VIEW_EMPTY, -(int64_t)text.size}, {HIN_VIEW("n"), text, 0}},
        .measurement_count = 2,
    };
    hin_copy(evidence.installation, good.installation, sizeof(evidence.installation));
    HIN_TRY(hin_evidence_encode(&evidence, &statement));
    HIN_TRY(hin_evidence_check(hin_buf_view(&statement), good.installation));
    HIN_TRY(hin_evidence_text(hin_buf_view(&statement), &signed_text));
    HIN_TRY(hin_sign(&good.seed, hin_buf_view(&signed_text), signature));
    struct hin_evidence_seal seal = {hin_view_of(signature, sizeof(signature)),
                                     hin_buf_view(&good.key), hin_buf_view(&good.der)};
    return hin_evidence_write(&evidence, &seal, out);
}

static bool holds(struct hin_view file)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_evidence evidence;
    struct hin_evidence_chain chain = {0};
    struct hin_error error = {0};
    if (!hin_is_ok(hin_evidence_verify(file, hin_view_from_text(good.fingerprint), &document,
                                       &evidence, &error))) {
        return false;
    }
    bool first = hin_is_ok(hin_evidence_chain_add(&chain, &evidence, &error));
    scratch_require(first == (evidence.number == 1));
    return true;
}
