/* A certificate of erasure as `hinomi certificate verify FILE` reads it. */
#include "proof/certificate.h"

#include "paper.h"

static HIN_RESULT issue(struct hin_view text, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf signed_text = {.max = 65536};
    uint8_t signature[HIN_SIGN_BYTES];
    struct hin_certificate certificate = {
        .kind = text.size % 2 == 0 ? HIN_CERTIFICATE_TENANT : HIN_CERTIFICATE_PERSON,
        .tenant = HIN_VIEW("t"),
        .id = HIN_VIEW("c"),
        .number = (int64_t)text.size,
        .name = text,
        .selected = {{text, HIN_VIEW("00"), HIN_VIEW("11"), text}},
        .selected_count = 1,
        .keys = {{HIN_VIEW("wrapping"), text, 1, 1, HIN_VIEW("file"), 5, (int64_t)text.size}},
        .key_count = 1,
        .remains = {{text, text}},
        .remains_count = 1,
        .requested_by = text,
        .confirmed_by = text,
    };
    hin_copy(certificate.installation, good.installation, sizeof(certificate.installation));
    HIN_TRY(hin_certificate_encode(&certificate, &statement));
    HIN_TRY(hin_certificate_check(hin_buf_view(&statement), certificate.kind, good.installation,
                                  certificate.tenant));
    HIN_TRY(hin_certificate_text(hin_buf_view(&statement), &signed_text));
    HIN_TRY(hin_sign(&good.seed, hin_buf_view(&signed_text), signature));
    struct hin_certificate_seal seal = {hin_view_of(signature, sizeof(signature)),
                                        hin_buf_view(&good.key), hin_buf_view(&good.der)};
    return hin_certificate_write(&certificate, &seal, out);
}

static bool holds(struct hin_view file)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_certificate certificate;
    struct hin_error error = {0};
    return hin_is_ok(hin_certificate_verify(file, hin_view_from_text(good.fingerprint), &document,
                                            &certificate, &error));
}
