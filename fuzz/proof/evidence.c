/* Evidence as `hinomi evidence verify FILE` reads it: the input as it is, which nobody signed; then
 * a good record of ours with bytes changed, cut off and added by the input; then a record whose
 * texts are the input's, which must hold and read as it was written. */
#include "proof/evidence.h"
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
          .file = {.max = HIN_EVIDENCE_FILE_MAX}};

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
