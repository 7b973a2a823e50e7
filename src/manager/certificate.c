#include "manager/certificate.h"

#include "base/bytes.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "proof/key.h"
#include "store/documents.h"

static HIN_RESULT make_file(struct hin_tenant *home, struct hin_certificate *certificate,
                            struct hin_buf *ret_file)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = HIN_X509_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf key = {.max = HIN_KEY_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_keys_ca(&home->keys, &authority));
    HIN_TRY(hin_sha256(hin_buf_view(&authority), certificate->installation));
    HIN_TRY(hin_certificate_encode(certificate, &statement));
    home->key_use_count += 2;
    HIN_TRY(hin_keys_certificate_sign(&home->keys, certificate->tenant, hin_buf_view(&statement),
                                      signature));
    HIN_TRY(hin_keys_checkpoint_certify(&home->keys, &key));
    struct hin_certificate_seal seal = {hin_view_of(signature, sizeof(signature)),
                                        hin_buf_view(&key), hin_buf_view(&authority)};
    return hin_certificate_write(certificate, &seal, ret_file);
}

/* As the API's table "ErasureCertificate" has it. */
static HIN_RESULT make_document(const struct hin_certificate *certificate, struct hin_view file,
                                struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_text(&writer, "guid", certificate->id);
    hin_json_field_cstring(&writer, "kind", hin_certificate_kind_name(certificate->kind));
    hin_json_field_integer(&writer, "tenantID", certificate->number);
    hin_json_field_text(&writer, "tenantName", certificate->name);
    hin_json_field_integer(&writer, "done", certificate->done_msec);
    hin_json_field_text(&writer, "file", file);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_certificate_issue(struct hin_tenant *home, struct hin_certificate *certificate,
                                 int64_t *ret_number)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_CERTIFICATE_FILE_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4 * HIN_CERTIFICATE_FILE_MAX};
    struct hin_store_document found;
    struct hin_result known =
        hin_store_find(home->store, HIN_STORE_CERTIFICATES, 0, certificate->id, &text, &found);
    if (hin_is_ok(known)) {
        *ret_number = found.id;
        return hin_fail(HIN_EXISTS);
    }
    HIN_ENSURE(known.code == HIN_NOT_FOUND, CORRUPT);
    hin_buf_clear(&text);
    HIN_TRY(make_file(home, certificate, &file));
    HIN_TRY(make_document(certificate, hin_buf_view(&file), &text));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .names = {certificate->id}};
    return hin_store_create(home->store, HIN_STORE_CERTIFICATES, &content,
                            hin_tenant_now_usec(home), ret_number);
}

void hin_certificate_add_remainder(struct hin_certificate *certificate, bool holds,
                                   const char *what, const char *why)
{
    if (holds && certificate->remains_count < HIN_CERTIFICATE_ROWS_MAX) {
        certificate->remains[certificate->remains_count++] =
            (struct hin_certificate_remainder){hin_view_from_text(what), hin_view_from_text(why)};
    }
}
