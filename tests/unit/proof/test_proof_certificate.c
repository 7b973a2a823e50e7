/* Certificates of erasure: a true one, and each way in which one could be none. */
#include <stdio.h>
#include <string.h>

#include "harness.h"

#include "base/bytes.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "proof/certificate.h"
#include "proof/checkpoint.h"
#include "proof/key.h"

struct installation {
    struct hin_secret seed;
    struct hin_buf der, key;
    char fingerprint[HIN_SHA256_HEX_BYTES];
};

static HIN_RESULT install(struct installation *in)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *ca = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_x509_validity validity = {0, INT64_C(4000000000000000)};
    struct hin_key_statement about = {.time_usec = 5};
    *in = (struct installation){.der = {.max = HIN_X509_MAX_BYTES},
                                .key = {.max = HIN_KEY_STATEMENT_MAX}};
    HIN_TRY(hin_x509_key_generate(&ca));
    HIN_TRY(hin_x509_ca_new(ca, "test", &validity, &in->der));
    HIN_TRY(hin_x509_fingerprint(hin_buf_view(&in->der), in->fingerprint));
    HIN_TRY(hin_sha256(hin_buf_view(&in->der), about.authority));
    HIN_TRY(hin_sign_generate(&in->seed));
    HIN_TRY(hin_sign_public(&in->seed, about.public_key));
    HIN_TRY(hin_key_statement_encode(&about, &in->key));
    HIN_TRY(hin_key_statement_text(hin_buf_view(&in->key), &text));
    return hin_x509_sign(ca, hin_buf_view(&text), &in->key);
}

static void uninstall(struct installation *in)
{
    hin_secret_done(&in->seed);
    hin_buf_done(&in->der);
    hin_buf_done(&in->key);
}

static struct hin_certificate sample(void)
{
    return (struct hin_certificate){
        .kind = HIN_CERTIFICATE_PERSON,
        .tenant = HIN_VIEW("0b8dd1f2-0000-4000-8000-000000000001"),
        .id = HIN_VIEW("0b8dd1f2-0000-4000-8000-000000000002"),
        .number = 7,
        .name = HIN_VIEW("red \"and\" \xc3\xa4"),
        .selected = {{HIN_VIEW("user"), HIN_VIEW("00ff"), HIN_VIEW("aa"), HIN_VIEW_EMPTY},
                     {HIN_VIEW("mail"), HIN_VIEW("01ff"), HIN_VIEW("bb"), HIN_VIEW("a@b")}},
        .selected_count = 2,
        .events = 10,
        .segments = 2,
        .documents = 3,
        .exports = 1,
        .keys = {{HIN_VIEW("table"), HIN_VIEW("k1"), 4, 1, HIN_VIEW("file"), 1000, 0},
                 {HIN_VIEW("wrapping"), HIN_VIEW("k2"), 1, 1, HIN_VIEW("aws"), 1000, 9000}},
        .key_count = 2,
        .remains = {{HIN_VIEW("the audit record"), HIN_VIEW("it is kept")}},
        .remains_count = 1,
        .requested_by = HIN_VIEW("key 1 (a)"),
        .confirmed_by = HIN_VIEW("key 2 (b)"),
        .requested_msec = 900,
        .done_msec = 1100,
    };
}

/* Signed under `domain`. */
static HIN_RESULT issue(struct installation *in, const char *domain,
                        struct hin_certificate *certificate, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_CERTIFICATE_STATEMENT_MAX};
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_certificate_encode(certificate, &statement));
    HIN_TRY(hin_buf_append_text(&text, domain));
    HIN_TRY(hin_buf_append(&text, hin_buf_view(&statement)));
    HIN_TRY(hin_sign(&in->seed, hin_buf_view(&text), signature));
    struct hin_certificate_seal seal = {hin_view_of(signature, sizeof(signature)),
                                        hin_buf_view(&in->key), hin_buf_view(&in->der)};
    return hin_certificate_write(certificate, &seal, out);
}

static enum hin_code judge(struct hin_view file, const char *fingerprint, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_certificate certificate;
    *error = (struct hin_error){0};
    return hin_certificate_verify(file, hin_view_from_text(fingerprint), &document, &certificate,
                                  error)
        .code;
}

static HIN_RESULT make(struct installation *in, struct hin_certificate *certificate)
{
    HIN_TRY(install(in));
    *certificate = sample();
    return hin_sha256(hin_buf_view(&in->der), certificate->installation);
}

TEST(test_proof_certificate__holds_and_reads_as_it_was_written)
{
    HIN_CLEANUP(uninstall) struct installation in;
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CERTIFICATE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_certificate certificate, read;
    struct hin_error error = {0};
    CHECK_OK(make(&in, &certificate));
    CHECK_OK(issue(&in, HIN_CERTIFICATE_DOMAIN, &certificate, &file));
    CHECK_OK(hin_certificate_verify(hin_buf_view(&file), hin_view_from_text(in.fingerprint),
                                    &document, &read, &error));
    CHECK(read.kind == HIN_CERTIFICATE_PERSON && read.number == 7 && read.selected_count == 2);
    CHECK(hin_view_equal(read.name, certificate.name));
    CHECK(hin_view_is(read.selected[1].value, "a@b") && read.selected[0].value.size == 0);
    CHECK(read.keys[0].until_msec == 0 && read.keys[1].until_msec == 9000);
    CHECK(hin_view_is(read.remains[0].why, "it is kept"));
    CHECK(read.events == 10 && read.done_msec == 1100);
}

TEST(test_proof_certificate__refuses_every_changed_byte)
{
    HIN_CLEANUP(uninstall) struct installation in;
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CERTIFICATE_FILE_MAX};
    struct hin_certificate certificate;
    struct hin_error error;
    CHECK_OK(make(&in, &certificate));
    CHECK_OK(issue(&in, HIN_CERTIFICATE_DOMAIN, &certificate, &file));
    for (size_t i = 0; i < file.size; i++) {
        uint8_t before = file.data[i];
        file.data[i] = before == '1' ? '2' : '1';
        CHECK(judge(hin_buf_view(&file), in.fingerprint, &error) != HIN_OK);
        file.data[i] = before;
    }
    CHECK(judge(hin_buf_view(&file), in.fingerprint, &error) == HIN_OK);
}

TEST(test_proof_certificate__names_what_is_cut_off_or_stands_behind_the_end)
{
    HIN_CLEANUP(uninstall) struct installation in;
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CERTIFICATE_FILE_MAX};
    struct hin_certificate certificate;
    struct hin_error error;
    CHECK_OK(make(&in, &certificate));
    CHECK_OK(issue(&in, HIN_CERTIFICATE_DOMAIN, &certificate, &file));
    for (size_t size = 0; size < file.size; size++) {
        CHECK(judge(hin_view_of(file.data, size), in.fingerprint, &error) == HIN_TRUNCATED);
        CHECK(strstr(error.text, "cut off") != NULL);
    }
    CHECK_OK(hin_buf_append_byte(&file, '\n'));
    CHECK(judge(hin_buf_view(&file), in.fingerprint, &error) == HIN_SYNTAX);
    CHECK(strstr(error.text, "behind") != NULL);
}

TEST(test_proof_certificate__refuses_another_installation_and_another_domain)
{
    HIN_CLEANUP(uninstall) struct installation in;
    HIN_CLEANUP(uninstall) struct installation other;
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CERTIFICATE_FILE_MAX};
    struct hin_certificate certificate;
    struct hin_error error;
    CHECK_OK(make(&in, &certificate));
    CHECK_OK(install(&other));
    CHECK_OK(issue(&in, HIN_CERTIFICATE_DOMAIN, &certificate, &file));
    CHECK(judge(hin_buf_view(&file), other.fingerprint, &error) == HIN_AUTH);
    CHECK(strstr(error.text, "another installation") != NULL);
    CHECK(strstr(error.text, in.fingerprint) != NULL);
    CHECK(judge(hin_buf_view(&file), "abc", &error) == HIN_INVALID);
    hin_buf_clear(&file);
    CHECK_OK(issue(&in, HIN_CHECKPOINT_DOMAIN, &certificate, &file));
    CHECK(judge(hin_buf_view(&file), in.fingerprint, &error) == HIN_AUTH);
    CHECK(strstr(error.text, "checkpoint") != NULL);
    hin_buf_clear(&file);
    CHECK_OK(issue(&other, HIN_CERTIFICATE_DOMAIN, &certificate, &file));
    CHECK(judge(hin_buf_view(&file), other.fingerprint, &error) == HIN_AUTH);
    CHECK(strstr(error.text, "states another installation") != NULL);
}

TEST(test_proof_certificate__check_binds_kind_installation_and_tenant)
{
    HIN_CLEANUP(uninstall) struct installation in;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    struct hin_certificate certificate;
    uint8_t zero[HIN_SHA256_BYTES] = {0};
    CHECK_OK(make(&in, &certificate));
    CHECK_OK(hin_certificate_encode(&certificate, &text));
    struct hin_view statement = hin_buf_view(&text);
    CHECK_OK(hin_certificate_check(statement, HIN_CERTIFICATE_PERSON, certificate.installation,
                                   certificate.tenant));
    CHECK_CODE(hin_certificate_check(statement, HIN_CERTIFICATE_TENANT, certificate.installation,
                                     certificate.tenant),
               INVALID);
    CHECK_CODE(hin_certificate_check(statement, HIN_CERTIFICATE_PERSON, zero, certificate.tenant),
               INVALID);
    CHECK_CODE(hin_certificate_check(statement, HIN_CERTIFICATE_PERSON, certificate.installation,
                                     HIN_VIEW("other")),
               INVALID);
    text.data[text.size - 3] = '\n';
    CHECK_CODE(hin_certificate_check(statement, HIN_CERTIFICATE_PERSON, certificate.installation,
                                     certificate.tenant),
               INVALID);
}
