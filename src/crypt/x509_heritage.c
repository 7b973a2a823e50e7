/* An authority's heritage: the extension that says which authority it takes over from, and bears
 * that one's signature.
 *
 *   extension 2.25.146368786151673389670369492300703323363 (of a UUID, ITU-T X.667), not critical:
 *   varint length, certificate of the former authority (DER), then its signature (DER, ECDSA with
 *   SHA-256) over HERITAGE_DOMAIN || SHA-256 of that certificate || SHA-256 of the heir's
 *   SubjectPublicKeyInfo
 *
 * The former certificate holds its own heritage in turn, so one certificate proves the whole line.
 */
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/x509_internal.h"

#define HERITAGE_OID    "2.25.146368786151673389670369492300703323363"
#define HERITAGE_DOMAIN "hinomi authority heir v1\n"
#define HEIRS_MAX       16

static HIN_RESULT statement(const uint8_t *former, const uint8_t *key_id, struct hin_buf *out)
{
    HIN_TRY(hin_buf_append_text(out, HERITAGE_DOMAIN));
    HIN_TRY(hin_buf_append(out, hin_view_of(former, HIN_SHA256_BYTES)));
    return hin_buf_append(out, hin_view_of(key_id, HIN_SHA256_BYTES));
}

static HIN_RESULT write_heritage(const struct hin_x509_key *key,
                                 const struct hin_x509_issuer *former, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 256};
    uint8_t digest[HIN_SHA256_BYTES], key_id[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(former->ca_der, digest));
    HIN_TRY(hin_x509_key_id(key, key_id));
    HIN_TRY(statement(digest, key_id, &text));
    HIN_TRY(hin_write_bytes(out, former->ca_der));
    size_t at = out->size;
    HIN_TRY(hin_x509_sign(former->key, hin_buf_view(&text), out));
    /* The key is the certificate's? */
    return hin_x509_verify_statement(former->ca_der, hin_buf_view(&text),
                                     hin_view_sub(hin_buf_view(out), at, SIZE_MAX));
}

struct hin_result hin_x509_heritage_new(const struct hin_x509_key *key,
                                        const struct hin_x509_issuer *former,
                                        X509_EXTENSION **ret_extension)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_X509_MAX_BYTES};
    HIN_TRY(write_heritage(key, former, &bytes));
    ASN1_OBJECT *name = OBJ_txt2obj(HERITAGE_OID, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    if (name != NULL && value != NULL &&
        ASN1_OCTET_STRING_set(value, bytes.data, (int)bytes.size) == 1) {
        extension = X509_EXTENSION_create_by_OBJ(NULL, name, 0, value);
    }
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(name);
    HIN_ENSURE(extension != NULL, CRYPTO);
    *ret_extension = extension;
    return hin_ok();
}

/* The extension's bytes, borrowed from the certificate. AUTH: it has none. */
static HIN_RESULT find_heritage(const X509 *certificate, struct hin_view *ret_bytes)
{
    ASN1_OBJECT *name = OBJ_txt2obj(HERITAGE_OID, 1);
    HIN_ENSURE(name != NULL, CRYPTO);
    int at = X509_get_ext_by_OBJ(certificate, name, -1);
    ASN1_OBJECT_free(name);
    HIN_ENSURE(at >= 0, AUTH);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    *ret_bytes = hin_view_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    return hin_ok();
}

/* From an authority to the one it took over from: *line (a certificate) is replaced. AUTH: there is
 * none, or it did not sign. */
static HIN_RESULT step_back(struct hin_buf *line)
{
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 256};
    uint8_t digest[HIN_SHA256_BYTES];
    struct hin_x509_info info;
    struct hin_view bytes, former;
    HIN_TRY(hin_x509_decode(hin_buf_view(line), &certificate));
    HIN_TRY(hin_x509_read(certificate, &info));
    HIN_ENSURE(info.kind == HIN_X509_CA, AUTH);
    HIN_TRY(find_heritage(certificate, &bytes));
    struct hin_reader reader = hin_reader_of(bytes);
    HIN_ENSURE(hin_is_ok(hin_read_bytes(&reader, HIN_X509_MAX_BYTES, &former)), AUTH);
    HIN_TRY(hin_sha256(former, digest));
    HIN_TRY(statement(digest, info.key_id, &text));
    HIN_TRY(hin_x509_verify_statement(former, hin_buf_view(&text), reader.rest));
    hin_buf_clear(line); /* former stands in the certificate, not in line */
    return hin_buf_append(line, former);
}

struct hin_result hin_x509_succeeds(struct hin_view ca_der,
                                    const uint8_t fingerprint[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf line = {.max = HIN_X509_MAX_BYTES};
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_buf_append(&line, ca_der));
    for (size_t i = 0; i < HEIRS_MAX; i++) {
        HIN_TRY(hin_sha256(hin_buf_view(&line), digest));
        if (hin_equal_constant_time(digest, fingerprint, sizeof(digest))) {
            return hin_ok();
        }
        struct hin_result back = step_back(&line);
        ERR_clear_error();
        HIN_ENSURE(hin_is_ok(back) || back.code == HIN_NO_MEMORY, AUTH);
        HIN_TRY(back);
    }
    return hin_fail(HIN_AUTH);
}
