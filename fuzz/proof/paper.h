/* A paper of ours (proof/paper.h) as the command line verifies it, whichever it is: the input as it
 * is, which nobody signed; then a good one with bytes changed, cut off and added by the input; then
 * one whose texts are the input's. The target has `issue`, which signs one, and `holds`. */
#ifndef FUZZ_PROOF_PAPER_H
#define FUZZ_PROOF_PAPER_H

#include "../scratch.h"
#include "base/bytes.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "proof/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static HIN_RESULT issue(struct hin_view text, struct hin_buf *out);
static bool holds(struct hin_view file);

static struct {
    struct hin_secret seed;
    struct hin_buf der, key, file;
    char fingerprint[HIN_SHA256_HEX_BYTES];
    uint8_t installation[HIN_SHA256_BYTES];
} good = {.der = {.max = HIN_X509_MAX_BYTES},
          .key = {.max = HIN_KEY_STATEMENT_MAX},
          .file = {.max = 1 << 20}};

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

#endif
