#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "crypt/x509_internal.h"

#define SERIAL_BYTES     16
#define SERVER_NAMES_MAX 64
#define COMMON_NAME_MAX  63

static HIN_RESULT set_serial(X509 *certificate)
{
    uint8_t bytes[SERIAL_BYTES];
    HIN_TRY(hin_random(bytes, sizeof(bytes)));
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive and of constant length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool done =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    HIN_ENSURE(done, CRYPTO);
    return hin_ok();
}

static HIN_RESULT set_validity(X509 *certificate, const struct hin_x509_validity *validity)
{
    HIN_ENSURE(validity->not_before_usec >= 0 &&
                   validity->not_before_usec < validity->not_after_usec,
               INVALID);
    time_t from = validity->not_before_usec / HIN_SEC_USEC;
    time_t to = validity->not_after_usec / HIN_SEC_USEC;
    HIN_ENSURE(ASN1_TIME_set(X509_getm_notBefore(certificate), from) != NULL &&
                   ASN1_TIME_set(X509_getm_notAfter(certificate), to) != NULL,
               INVALID);
    return hin_ok();
}

static HIN_RESULT set_name(X509_NAME *name, const char *common_name)
{
    size_t size = hin_view_from_text(common_name).size;
    HIN_ENSURE(size > 0 && size <= COMMON_NAME_MAX, INVALID);
    HIN_ENSURE(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                          hin_view_from_text(common_name).data, (int)size, -1,
                                          0) == 1,
               CRYPTO);
    return hin_ok();
}

/* Only constant values come here; names from outside are added as objects, never as configuration
 * text. */
static HIN_RESULT add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    HIN_ENSURE(done, CRYPTO);
    return hin_ok();
}

struct extension {
    int nid;
    const char *value;
};

static const struct extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

static const struct extension server_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

static const struct extension agent_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "clientAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};

static HIN_RESULT add_extensions(X509 *certificate, X509 *issuer, const struct extension *rows,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_extension(certificate, issuer, rows[i].nid, rows[i].value));
    }
    return hin_ok();
}

/* NULL extension: an authority without a predecessor. */
static HIN_RESULT new_ca(const struct hin_x509_key *key, const char *common_name,
                         const struct hin_x509_validity *validity, X509_EXTENSION *heritage,
                         struct hin_buf *ret_der)
{
    HIN_CLEANUP(hin_x509_freep) X509 *ca = X509_new();
    HIN_ENSURE(ca != NULL && X509_set_version(ca, X509_VERSION_3) == 1, NO_MEMORY);
    HIN_TRY(set_serial(ca));
    HIN_TRY(set_validity(ca, validity));
    HIN_TRY(set_name(X509_get_subject_name(ca), common_name));
    HIN_ENSURE(X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1 &&
                   X509_set_pubkey(ca, key->pair) == 1,
               CRYPTO);
    HIN_TRY(add_extensions(ca, ca, ca_extensions, HIN_COUNT(ca_extensions)));
    HIN_ENSURE(heritage == NULL || X509_add_ext(ca, heritage, -1) == 1, CRYPTO);
    HIN_ENSURE(X509_sign(ca, key->pair, EVP_sha256()) > 0, CRYPTO);
    return hin_x509_encode(ca, ret_der);
}

struct hin_result hin_x509_ca_new(const struct hin_x509_key *key, const char *common_name,
                                  const struct hin_x509_validity *validity, struct hin_buf *ret_der)
{
    return new_ca(key, common_name, validity, NULL, ret_der);
}

struct hin_result hin_x509_ca_succeed(const struct hin_x509_key *key, const char *common_name,
                                      const struct hin_x509_validity *validity,
                                      const struct hin_x509_issuer *former, struct hin_buf *ret_der)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    X509_EXTENSION *heritage = NULL;
    HIN_TRY(hin_x509_heritage_new(key, former, &heritage));
    struct hin_result made = new_ca(key, common_name, validity, heritage, &der);
    X509_EXTENSION_free(heritage);
    HIN_TRY(made);
    HIN_ENSURE(der.size <= HIN_X509_SUCCESSOR_MAX_BYTES, LIMIT);
    return hin_buf_append(ret_der, hin_buf_view(&der));
}

struct hin_result hin_x509_request_new(const struct hin_x509_key *key, const char *common_name,
                                       struct hin_buf *ret_der)
{
    HIN_CLEANUP(hin_x509_request_freep) X509_REQ *request = X509_REQ_new();
    HIN_ENSURE(request != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1,
               NO_MEMORY);
    HIN_TRY(set_name(X509_REQ_get_subject_name(request), common_name));
    HIN_ENSURE(X509_REQ_set_pubkey(request, key->pair) == 1 &&
                   X509_REQ_sign(request, key->pair, EVP_sha256()) > 0,
               CRYPTO);
    uint8_t *der = NULL;
    int size = i2d_X509_REQ(request, &der);
    HIN_ENSURE(size > 0, CRYPTO);
    struct hin_result result = hin_buf_append(ret_der, hin_view_of(der, (size_t)size));
    OPENSSL_free(der);
    return result;
}

/* --- issuing --- */

static void names_freep(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

static HIN_RESULT push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (name == NULL || value == NULL) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return hin_fail(HIN_NO_MEMORY);
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return hin_fail(HIN_NO_MEMORY);
    }
    return hin_ok();
}

static HIN_RESULT push_bytes(GENERAL_NAMES *names, int type, struct hin_view bytes)
{
    ASN1_STRING *value =
        ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    if (value != NULL && ASN1_STRING_set(value, bytes.data, (int)bytes.size) != 1) {
        ASN1_STRING_free(value);
        value = NULL;
    }
    return push_name(names, type, value);
}

static HIN_RESULT push_server_name(GENERAL_NAMES *names, const char *text)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, text, address) == 1) {
        return push_bytes(names, GEN_IPADD, hin_view_of(address, 4));
    }
    if (inet_pton(AF_INET6, text, address) == 1) {
        return push_bytes(names, GEN_IPADD, hin_view_of(address, 16));
    }
    struct hin_view name = hin_view_from_text(text);
    HIN_ENSURE(name.size > 0 && name.size <= 253, INVALID);
    for (size_t i = 0; i < name.size; i++) {
        struct hin_view one = hin_view_sub(name, i, 1);
        HIN_ENSURE(hin_x509_name_is_clean(one) || hin_view_is(one, "*"), INVALID);
    }
    return push_bytes(names, GEN_DNS, name);
}

struct plan {
    const char *common_name;
    const GENERAL_NAMES *names;
    const struct extension *extensions;
    size_t extension_count;
    struct hin_x509_validity validity;
};

static HIN_RESULT check_issuer(const struct hin_x509_issuer *issuer, X509 **ret_ca)
{
    HIN_CLEANUP(hin_x509_freep) X509 *ca = NULL;
    HIN_TRY(hin_x509_decode(issuer->ca_der, &ca));
    int match = X509_check_private_key(ca, issuer->key->pair);
    ERR_clear_error();
    HIN_ENSURE(match == 1, INVALID);
    *ret_ca = ca;
    ca = NULL;
    return hin_ok();
}

static HIN_RESULT issue(const struct hin_x509_issuer *issuer, struct hin_view request_der,
                        struct plan *plan, struct hin_buf *ret_der)
{
    HIN_CLEANUP(hin_x509_freep) X509 *ca = NULL;
    HIN_CLEANUP(hin_x509_request_freep) X509_REQ *request = NULL;
    HIN_TRY(check_issuer(issuer, &ca));
    HIN_TRY(hin_x509_request_check(request_der, NULL));
    HIN_TRY(hin_x509_request_decode(request_der, &request));
    struct hin_x509_validity of_ca;
    HIN_TRY(hin_x509_validity_of(ca, &of_ca));
    plan->validity.not_after_usec = HIN_MIN(plan->validity.not_after_usec, of_ca.not_after_usec);
    HIN_CLEANUP(hin_x509_freep) X509 *certificate = X509_new();
    HIN_ENSURE(certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1,
               NO_MEMORY);
    HIN_TRY(set_serial(certificate));
    HIN_TRY(set_validity(certificate, &plan->validity));
    HIN_TRY(set_name(X509_get_subject_name(certificate), plan->common_name));
    HIN_ENSURE(X509_set_issuer_name(certificate, X509_get_subject_name(ca)) == 1 &&
                   X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request)) == 1,
               CRYPTO);
    HIN_TRY(add_extensions(certificate, ca, plan->extensions, plan->extension_count));
    union {
        const GENERAL_NAMES *from;
        void *to;
    } names = {.from = plan->names};
    HIN_ENSURE(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.to, 0,
                                 X509V3_ADD_DEFAULT) == 1 &&
                   X509_sign(certificate, issuer->key->pair, EVP_sha256()) > 0,
               CRYPTO);
    return hin_x509_encode(certificate, ret_der);
}

struct hin_result hin_x509_issue_agent(const struct hin_x509_issuer *issuer,
                                       struct hin_view request_der, const char *tenant,
                                       const char *agent, const struct hin_x509_validity *validity,
                                       struct hin_buf *ret_der)
{
    HIN_ENSURE(hin_x509_name_is_clean(hin_view_from_text(tenant)) &&
                   hin_x509_name_is_clean(hin_view_from_text(agent)),
               INVALID);
    char urn[2 * HIN_X509_NAME_BYTES + 32];
    snprintf(urn, sizeof(urn), "urn:hinomi:tenant:%s:agent:%s", tenant, agent);
    HIN_CLEANUP(names_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
    HIN_ENSURE(names != NULL, NO_MEMORY);
    HIN_TRY(push_bytes(names, GEN_URI, hin_view_from_text(urn)));
    struct plan plan = {agent, names, agent_extensions, HIN_COUNT(agent_extensions), *validity};
    return issue(issuer, request_der, &plan, ret_der);
}

struct hin_result hin_x509_issue_server(const struct hin_x509_issuer *issuer,
                                        struct hin_view request_der, const char *const *names,
                                        size_t name_count, const struct hin_x509_validity *validity,
                                        struct hin_buf *ret_der)
{
    HIN_ENSURE(name_count > 0 && name_count <= SERVER_NAMES_MAX, INVALID);
    HIN_CLEANUP(names_freep) GENERAL_NAMES *list = GENERAL_NAMES_new();
    HIN_ENSURE(list != NULL, NO_MEMORY);
    for (size_t i = 0; i < name_count; i++) {
        HIN_TRY(push_server_name(list, names[i]));
    }
    /* A long DNS name does not fit a common name; what counts is the list anyway. */
    bool fits = hin_view_from_text(names[0]).size <= COMMON_NAME_MAX;
    struct plan plan = {fits ? names[0] : "hinomi-manager", list, server_extensions,
                        HIN_COUNT(server_extensions), *validity};
    return issue(issuer, request_der, &plan, ret_der);
}
