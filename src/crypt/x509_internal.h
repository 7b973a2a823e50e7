/* Inside crypt/: OpenSSL's certificate objects behind x509.h. */
#ifndef HIN_CRYPT_X509_INTERNAL_H
#define HIN_CRYPT_X509_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypt/x509.h"

struct hin_x509_key {
    EVP_PKEY *pair;
};

static inline void hin_x509_freep(X509 **certificate)
{
    X509_free(*certificate);
}

static inline void hin_x509_request_freep(X509_REQ **request)
{
    X509_REQ_free(*request);
}

/* One whole DER object, nothing behind it. SYNTAX. */
HIN_RESULT hin_x509_decode(struct hin_view der, X509 **ret_certificate) HIN_NONNULL;
HIN_RESULT hin_x509_request_decode(struct hin_view der, X509_REQ **ret_request) HIN_NONNULL;
HIN_RESULT hin_x509_encode(X509 *certificate, struct hin_buf *ret_der) HIN_NONNULL;
HIN_RESULT hin_x509_read(X509 *certificate, struct hin_x509_info *ret_info) HIN_NONNULL;
HIN_RESULT hin_x509_validity_of(const X509 *certificate,
                                struct hin_x509_validity *ret_validity) HIN_NONNULL;
/* The extension of an authority that takes over from `former`: x509_heritage.c. */
HIN_RESULT hin_x509_heritage_new(const struct hin_x509_key *key,
                                 const struct hin_x509_issuer *former,
                                 X509_EXTENSION **ret_extension) HIN_NONNULL;
/* P-256 or P-384: UNSUPPORTED otherwise. */
HIN_RESULT hin_x509_key_allowed(EVP_PKEY *pair);

#endif
