#include "crypt/x509.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypt/x509_internal.h"

/* --- keys --- */

static HIN_RESULT adopt(EVP_PKEY *pair, struct hin_x509_key **ret_key)
{
    struct hin_x509_key *key = malloc(sizeof(*key));
    if (key == NULL) {
        EVP_PKEY_free(pair);
        return hin_fail(HIN_NO_MEMORY);
    }
    key->pair = pair;
    *ret_key = key;
    return hin_ok();
}

struct hin_result hin_x509_key_generate(struct hin_x509_key **ret_key)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    HIN_ENSURE(pair != NULL, CRYPTO);
    return adopt(pair, ret_key);
}

static void pkcs8_freep(PKCS8_PRIV_KEY_INFO **info)
{
    PKCS8_PRIV_KEY_INFO_free(*info);
}

struct hin_result hin_x509_key_export(const struct hin_x509_key *key, struct hin_secret *ret_der)
{
    HIN_CLEANUP(pkcs8_freep) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pair);
    HIN_ENSURE(info != NULL, CRYPTO);
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    HIN_ENSURE(size > 0 && size <= HIN_SECRET_MAX, CRYPTO);
    struct hin_secret der = {0};
    HIN_TRY(hin_secret_new(&der, (size_t)size));
    uint8_t *at = der.data;
    if (i2d_PKCS8_PRIV_KEY_INFO(info, &at) != size) {
        hin_secret_done(&der);
        return hin_fail(HIN_CRYPTO);
    }
    *ret_der = der;
    return hin_ok();
}

struct hin_result hin_x509_key_allowed(EVP_PKEY *pair)
{
    char group[32];
    size_t size = 0;
    HIN_ENSURE(pair != NULL && EVP_PKEY_is_a(pair, "EC"), UNSUPPORTED);
    HIN_ENSURE(EVP_PKEY_get_group_name(pair, group, sizeof(group), &size) == 1, UNSUPPORTED);
    struct hin_view name = hin_view_of(group, size);
    HIN_ENSURE(hin_view_is(name, "prime256v1") || hin_view_is(name, "secp384r1"), UNSUPPORTED);
    return hin_ok();
}

struct hin_result hin_x509_key_import(struct hin_x509_key **ret_key, struct hin_view der)
{
    HIN_ENSURE(der.size > 0 && der.size <= HIN_SECRET_MAX, SYNTAX);
    const uint8_t *at = der.data;
    HIN_CLEANUP(pkcs8_freep)
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.size);
    ERR_clear_error();
    HIN_ENSURE(info != NULL && at == der.data + der.size, SYNTAX);
    EVP_PKEY *pair = EVP_PKCS82PKEY(info);
    ERR_clear_error();
    HIN_ENSURE(pair != NULL, SYNTAX);
    struct hin_result result = hin_x509_key_allowed(pair);
    if (result.code != HIN_OK) {
        EVP_PKEY_free(pair);
        return result;
    }
    return adopt(pair, ret_key);
}

void hin_x509_key_free(struct hin_x509_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pair);
        free(key);
    }
}

static HIN_RESULT digest_public(EVP_PKEY *pair, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(pair, &der);
    HIN_ENSURE(size > 0, CRYPTO);
    struct hin_result result = hin_sha256(hin_view_of(der, (size_t)size), ret_digest);
    OPENSSL_free(der);
    return result;
}

/* The same bytes as they stand in the certificate: writing the key anew would search OpenSSL's
 * encoders, which costs more than all the rest of reading a certificate. */
static HIN_RESULT digest_stored_public(X509 *certificate, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    uint8_t *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    HIN_ENSURE(size > 0, CRYPTO);
    struct hin_result result = hin_sha256(hin_view_of(der, (size_t)size), ret_digest);
    OPENSSL_free(der);
    return result;
}

struct hin_result hin_x509_key_id(const struct hin_x509_key *key,
                                  uint8_t ret_digest[HIN_SHA256_BYTES])
{
    return digest_public(key->pair, ret_digest);
}

/* --- DER --- */

struct hin_result hin_x509_decode(struct hin_view der, X509 **ret_certificate)
{
    HIN_ENSURE(der.size > 0 && der.size <= HIN_X509_MAX_BYTES, SYNTAX);
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    ERR_clear_error(); /* refused input leaves nothing in the queue for others to find */
    if (certificate == NULL || at != der.data + der.size) {
        X509_free(certificate);
        return hin_fail(HIN_SYNTAX);
    }
    *ret_certificate = certificate;
    return hin_ok();
}

struct hin_result hin_x509_request_decode(struct hin_view der, X509_REQ **ret_request)
{
    HIN_ENSURE(der.size > 0 && der.size <= HIN_X509_MAX_BYTES, SYNTAX);
    const uint8_t *at = der.data;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.size);
    ERR_clear_error();
    if (request == NULL || at != der.data + der.size) {
        X509_REQ_free(request);
        return hin_fail(HIN_SYNTAX);
    }
    *ret_request = request;
    return hin_ok();
}

struct hin_result hin_x509_encode(X509 *certificate, struct hin_buf *ret_der)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    HIN_ENSURE(size > 0, CRYPTO);
    struct hin_result result = hin_buf_append(ret_der, hin_view_of(der, (size_t)size));
    OPENSSL_free(der);
    return result;
}

struct hin_result hin_x509_request_check(struct hin_view request_der, uint8_t *ret_key_id)
{
    HIN_CLEANUP(hin_x509_request_freep) X509_REQ *request = NULL;
    HIN_TRY(hin_x509_request_decode(request_der, &request));
    EVP_PKEY *pair = X509_REQ_get0_pubkey(request);
    struct hin_result result = hin_x509_key_allowed(pair);
    if (result.code == HIN_OK && X509_REQ_verify(request, pair) != 1) {
        result = hin_fail(HIN_AUTH);
    }
    ERR_clear_error();
    HIN_TRY(result);
    return ret_key_id != NULL ? digest_public(pair, ret_key_id) : hin_ok();
}

/* --- reading --- */

bool hin_x509_name_is_clean(struct hin_view name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (name.size == 0 || name.size >= HIN_X509_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (hin_view_find_byte(hin_view_from_text(allowed), name.data[i]) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static HIN_RESULT time_of(const ASN1_TIME *from, int64_t *ret_usec)
{
    struct tm tm = {0};
    HIN_ENSURE(ASN1_TIME_to_tm(from, &tm) == 1, SYNTAX);
    struct hin_civil civil = {.year = tm.tm_year + 1900,
                              .month = (uint8_t)(tm.tm_mon + 1),
                              .day = (uint8_t)tm.tm_mday,
                              .hour = (uint8_t)tm.tm_hour,
                              .minute = (uint8_t)tm.tm_min,
                              .second = (uint8_t)tm.tm_sec};
    HIN_ENSURE(hin_is_ok(hin_time_from_civil(&civil, ret_usec)), SYNTAX);
    return hin_ok();
}

struct hin_result hin_x509_validity_of(const X509 *certificate,
                                       struct hin_x509_validity *ret_validity)
{
    HIN_TRY(time_of(X509_get0_notBefore(certificate), &ret_validity->not_before_usec));
    return time_of(X509_get0_notAfter(certificate), &ret_validity->not_after_usec);
}

static HIN_RESULT serial_of(const X509 *certificate, char out[HIN_X509_SERIAL_BYTES])
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    int size = ASN1_STRING_length(serial);
    HIN_ENSURE(size > 0 && 2 * size < HIN_X509_SERIAL_BYTES, SYNTAX);
    hin_hex(ASN1_STRING_get0_data(serial), (size_t)size, out);
    return hin_ok();
}

/* "urn:hinomi:tenant:ID:agent:UUID"; anything else is none of ours and stays unread. */
static bool read_urn(struct hin_view urn, struct hin_x509_info *info)
{
    const struct hin_view head = HIN_VIEW("urn:hinomi:tenant:");
    const struct hin_view middle = HIN_VIEW(":agent:");
    if (!hin_view_starts_with(urn, head)) {
        return false;
    }
    struct hin_view rest = hin_view_sub(urn, head.size, urn.size);
    size_t at = hin_view_find(rest, middle);
    if (at == SIZE_MAX) {
        return false;
    }
    struct hin_view tenant = hin_view_sub(rest, 0, at);
    struct hin_view agent = hin_view_sub(rest, at + middle.size, rest.size);
    return hin_x509_name_is_clean(tenant) && hin_x509_name_is_clean(agent) &&
           hin_is_ok(hin_view_to_text(tenant, info->tenant, sizeof(info->tenant))) &&
           hin_is_ok(hin_view_to_text(agent, info->agent, sizeof(info->agent)));
}

static size_t read_names(X509 *certificate, struct hin_x509_info *info)
{
    size_t count = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_URI) {
            const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
            count += read_urn(
                hin_view_of(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)), info);
        }
    }
    GENERAL_NAMES_free(names);
    return count;
}

static HIN_RESULT read_agent(X509 *certificate, struct hin_x509_info *info)
{
    size_t count = read_names(certificate, info);
    if (count == 0) {
        return hin_ok(); /* a client certificate, but none of ours: kind OTHER */
    }
    HIN_ENSURE(count == 1, SYNTAX);
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    HIN_ENSURE(at >= 0, SYNTAX);
    const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    struct hin_view text =
        hin_view_of(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
    HIN_ENSURE(hin_view_is(text, info->agent), SYNTAX);
    info->kind = HIN_X509_AGENT;
    return hin_ok();
}

struct hin_result hin_x509_read(X509 *certificate, struct hin_x509_info *ret_info)
{
    struct hin_x509_info info = {0};
    HIN_TRY(serial_of(certificate, info.serial));
    HIN_TRY(hin_x509_validity_of(certificate, &info.validity));
    uint8_t digest[HIN_SHA256_BYTES];
    unsigned size = 0;
    HIN_ENSURE(X509_digest(certificate, EVP_sha256(), digest, &size) == 1, CRYPTO);
    hin_hex(digest, sizeof(digest), info.fingerprint);
    HIN_ENSURE(X509_get0_pubkey(certificate) != NULL, SYNTAX);
    HIN_TRY(digest_stored_public(certificate, info.key_id));
    const ASN1_OCTET_STRING *authority = X509_get0_authority_key_id(certificate);
    if (authority != NULL && 2 * ASN1_STRING_length(authority) < HIN_X509_SERIAL_BYTES) {
        hin_hex(ASN1_STRING_get0_data(authority), (size_t)ASN1_STRING_length(authority),
                info.authority);
    }
    uint32_t usage = X509_get_extended_key_usage(certificate);
    if (X509_check_ca(certificate) == 1) {
        info.kind = HIN_X509_CA;
    } else if (usage == XKU_SSL_SERVER) {
        info.kind = HIN_X509_SERVER;
    } else if (usage == XKU_SSL_CLIENT) {
        HIN_TRY(read_agent(certificate, &info));
    }
    *ret_info = info;
    return hin_ok();
}

struct hin_result hin_x509_parse(struct hin_view der, struct hin_x509_info *ret_info)
{
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = NULL;
    HIN_TRY(hin_x509_decode(der, &certificate));
    struct hin_result result = hin_x509_read(certificate, ret_info);
    ERR_clear_error();
    return result.code == HIN_CRYPTO ? hin_fail(HIN_SYNTAX) : result;
}

/* --- verification without a connection --- */

static HIN_RESULT verify_chain(X509 *leaf, X509 *ca, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool good = store != NULL && context != NULL && X509_STORE_add_cert(store, ca) == 1 &&
                X509_STORE_CTX_init(context, store, leaf, NULL) == 1;
    if (good) {
        /* Time is judged apart, so that "expired" can be told from "not ours". */
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        good = X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME |
                                                      X509_V_FLAG_X509_STRICT) == 1 &&
               (purpose == 0 || X509_VERIFY_PARAM_set_purpose(param, purpose) == 1) &&
               X509_verify_cert(context) == 1;
    }
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    HIN_ENSURE(good, AUTH);
    return hin_ok();
}

struct hin_result hin_x509_verify(struct hin_view der, struct hin_view ca_der,
                                  enum hin_x509_kind kind, int64_t now_usec)
{
    static const int purposes[] = {
        [HIN_X509_SERVER] = X509_PURPOSE_SSL_SERVER, [HIN_X509_AGENT] = X509_PURPOSE_SSL_CLIENT};
    HIN_CLEANUP(hin_x509_freep) X509 *leaf = NULL;
    HIN_CLEANUP(hin_x509_freep) X509 *ca = NULL;
    HIN_TRY(hin_x509_decode(der, &leaf));
    HIN_TRY(hin_x509_decode(ca_der, &ca));
    struct hin_x509_info info;
    HIN_TRY(hin_x509_read(leaf, &info));
    HIN_ENSURE(info.kind == kind, AUTH);
    HIN_TRY(verify_chain(leaf, ca, kind < HIN_COUNT(purposes) ? purposes[kind] : 0));
    struct hin_x509_validity of_ca;
    HIN_TRY(hin_x509_validity_of(ca, &of_ca));
    HIN_ENSURE(now_usec >= info.validity.not_before_usec && now_usec >= of_ca.not_before_usec,
               AUTH);
    HIN_ENSURE(now_usec <= info.validity.not_after_usec && now_usec <= of_ca.not_after_usec,
               EXPIRED);
    return hin_ok();
}

struct hin_result hin_x509_fingerprint(struct hin_view der, char ret_text[HIN_SHA256_HEX_BYTES])
{
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = NULL;
    HIN_TRY(hin_x509_decode(der, &certificate));
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(der, digest));
    hin_hex(digest, sizeof(digest), ret_text);
    return hin_ok();
}

/* --- PEM --- */

static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}

struct hin_result hin_x509_to_pem(struct hin_view der, struct hin_buf *ret_pem)
{
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = NULL;
    HIN_TRY(hin_x509_decode(der, &certificate));
    HIN_CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
    HIN_ENSURE(bio != NULL, NO_MEMORY);
    HIN_ENSURE(PEM_write_bio_X509(bio, certificate) == 1, CRYPTO);
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);
    HIN_ENSURE(size > 0, CRYPTO);
    return hin_buf_append(ret_pem, hin_view_of(text, (size_t)size));
}

struct hin_result hin_x509_from_pem(struct hin_view pem, struct hin_buf *ret_der)
{
    HIN_ENSURE(pem.size > 0 && pem.size <= 16 * HIN_X509_MAX_BYTES, SYNTAX);
    HIN_CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    HIN_ENSURE(bio != NULL, NO_MEMORY);
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    ERR_clear_error();
    HIN_ENSURE(certificate != NULL, SYNTAX);
    return hin_x509_encode(certificate, ret_der);
}

/* --- statements --- */

static void digest_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static bool is_no_certificate(struct hin_view message)
{
    return message.size > 0 && message.data[0] != 0x30;
}

struct hin_result hin_x509_sign(const struct hin_x509_key *key, struct hin_view message,
                                struct hin_buf *ret_signature)
{
    uint8_t signature[256];
    size_t size = sizeof(signature);
    HIN_ENSURE(is_no_certificate(message), INVALID);
    HIN_CLEANUP(digest_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    HIN_ENSURE(context != NULL, NO_MEMORY);
    HIN_ENSURE(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key->pair, NULL) == 1 &&
                   EVP_DigestSign(context, signature, &size, message.data, message.size) == 1,
               CRYPTO);
    return hin_buf_append(ret_signature, hin_view_of(signature, size));
}

struct hin_x509_authority {
    X509 *certificate;
};

HIN_RESULT hin_x509_authority_new(struct hin_x509_authority **ret_authority, struct hin_view ca_der)
{
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = NULL;
    struct hin_x509_info info;
    HIN_TRY(hin_x509_decode(ca_der, &certificate));
    HIN_TRY(hin_x509_read(certificate, &info));
    HIN_ENSURE(info.kind == HIN_X509_CA, SYNTAX);
    HIN_TRY(hin_x509_key_allowed(X509_get0_pubkey(certificate)));
    struct hin_x509_authority *authority = calloc(1, sizeof(*authority));
    HIN_ENSURE(authority != NULL, NO_MEMORY);
    authority->certificate = certificate;
    certificate = NULL;
    *ret_authority = authority;
    return hin_ok();
}

void hin_x509_authority_free(struct hin_x509_authority *authority)
{
    if (authority != NULL) {
        X509_free(authority->certificate);
        free(authority);
    }
}

static void authority_freep(struct hin_x509_authority **authority)
{
    hin_x509_authority_free(*authority);
}

HIN_RESULT hin_x509_authority_verify(const struct hin_x509_authority *authority,
                                     struct hin_view message, struct hin_view signature)
{
    EVP_PKEY *key = X509_get0_pubkey(authority->certificate);
    HIN_ENSURE(is_no_certificate(message) && signature.size > 0, AUTH);
    HIN_CLEANUP(digest_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    HIN_ENSURE(context != NULL, NO_MEMORY);
    HIN_ENSURE(EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1,
               CRYPTO);
    int verified =
        EVP_DigestVerify(context, signature.data, signature.size, message.data, message.size);
    ERR_clear_error();
    HIN_ENSURE(verified == 1, AUTH);
    return hin_ok();
}

struct hin_result hin_x509_verify_statement(struct hin_view ca_der, struct hin_view message,
                                            struct hin_view signature)
{
    HIN_CLEANUP(authority_freep) struct hin_x509_authority *authority = NULL;
    HIN_TRY(hin_x509_authority_new(&authority, ca_der));
    return hin_x509_authority_verify(authority, message, signature);
}
