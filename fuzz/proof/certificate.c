/* A certificate of erasure as `hinomi certificate verify FILE` reads it: the input as it is, which
 * nobody signed; then a good one of ours with bytes changed, cut off and added by the input; then a
 * certificate whose texts are the input's, which must hold and read as it was written. */
#include "proof/certificate.h"
#include "../scratch.h"
#include "base/bytes.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "proof/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct hin_secret seed;
    struct hin_buf der, key, file;
    char fingerprint[HIN_SHA256_HEX_BYTES];
    uint8_t installation[HIN_SHA256_BYTES];
} good = {.der = {.max = HIN_X509_MAX_BYTES},
          .key = {.max = HIN_KEY_STATEMENT_MAX},
          .file = {.max = HIN_CERTIFICATE_FILE_MAX}};

static HIN_RESULT install(void)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *ca = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_x509_validity validity = {0, INT64_C(4000000000000000)};
    struct hin_key_statement about = {0};
    HIN_TRY(hin_x509_key_generate(&ca));
    HIN_TRY(hin_x509_ca_new(ca, "fuzz", &validity, &good.der));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&good.der), good.fingerprint));
    HIN_TRY(hin_sha256(hin_buf_view(&good.der), good.installation));
    hin_copy(about.authority, good.installation, sizeof(about.authority));
    HIN_TRY(hin_sign_generate(&good.seed));
    HIN_TRY(hin_sign_public(&good.seed, about.public_key));
    HIN_TRY(hin_key_statement_encode(&about, &good.key));
    HIN_TRY(hin_key_statement_text(hin_buf_view(&good.key), &text));
    return hin_x509_sign(ca, hin_buf_view(&text), &good.key);
}

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

static void change(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bad = {.max = 1 << 20};
    scratch_require(hin_is_ok(hin_buf_append(&bad, hin_buf_view(&good.file))));
    for (size_t i = 0; i + 2 < size && i < 24; i += 3) {
        bad.data[(data[i] | (size_t)data[i + 1] << 8) % bad.size] = data[i + 2];
    }
    bool same = hin_view_equal(hin_buf_view(&bad), hin_buf_view(&good.file));
    scratch_require(holds(hin_buf_view(&bad)) == same);
    size_t cut = size > 1 ? (data[0] | (size_t)data[1] << 8) % good.file.size : 0;
    scratch_require(!holds(hin_view_of(good.file.data, cut)));
    hin_buf_clear(&bad);
    scratch_require(hin_is_ok(hin_buf_append(&bad, hin_buf_view(&good.file))) &&
                    hin_is_ok(hin_buf_append(&bad, hin_view_of(data, size))));
    scratch_require(holds(hin_buf_view(&bad)) == (size == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf own = {.max = 1 << 20};
    struct hin_view bytes = hin_view_of(data, size);
    if (good.file.size == 0) {
        scratch_require(hin_is_ok(install()) && hin_is_ok(issue(HIN_VIEW("red"), &good.file)));
        scratch_require(holds(hin_buf_view(&good.file)));
    }
    scratch_require(!holds(bytes)); /* nobody signed it */
    change(data, size);
    /* What is no UTF-8 or holds a NUL is replaced or refused. */
    if (size <= 128 && hin_is_ok(issue(bytes, &own))) {
        (void)holds(hin_buf_view(&own));
    }
    return 0;
}
