#include "crypt/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/bytes.h"

struct hin_result hin_sha256(struct hin_view bytes, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    static const uint8_t nothing[1];
    HIN_ENSURE(SHA256(bytes.size > 0 ? bytes.data : nothing, bytes.size, ret_digest) != NULL,
               CRYPTO);
    return hin_ok();
}

struct hin_sha256 {
    EVP_MD *digest;
    EVP_MD_CTX *context;
};

struct hin_result hin_sha256_new(struct hin_sha256 **ret_hash)
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = calloc(1, sizeof(*hash));
    HIN_ENSURE(hash != NULL, NO_MEMORY);
    hash->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash->context = EVP_MD_CTX_new();
    HIN_ENSURE(hash->digest != NULL && hash->context != NULL, CRYPTO);
    *ret_hash = hash;
    hash = NULL;
    return hin_ok();
}

void hin_sha256_free(struct hin_sha256 *hash)
{
    if (hash == NULL) {
        return;
    }
    EVP_MD_CTX_free(hash->context);
    EVP_MD_free(hash->digest);
    free(hash);
}

struct hin_result hin_sha256_begin(struct hin_sha256 *hash)
{
    HIN_ENSURE(EVP_DigestInit_ex2(hash->context, hash->digest, NULL) == 1, CRYPTO);
    return hin_ok();
}

struct hin_result hin_sha256_add(struct hin_sha256 *hash, struct hin_view bytes)
{
    HIN_ENSURE(bytes.size == 0 || EVP_DigestUpdate(hash->context, bytes.data, bytes.size) == 1,
               CRYPTO);
    return hin_ok();
}

struct hin_result hin_sha256_end(struct hin_sha256 *hash, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    HIN_ENSURE(EVP_DigestFinal_ex(hash->context, ret_digest, NULL) == 1, CRYPTO);
    return hin_ok();
}

struct hin_hmac {
    EVP_MAC *mac;
    EVP_MAC_CTX *context;
};

struct hin_result hin_hmac_new(struct hin_hmac **ret_hmac, struct hin_view key)
{
    HIN_ENSURE(key.size > 0, INVALID);
    HIN_CLEANUP(hin_hmac_freep) struct hin_hmac *hmac = calloc(1, sizeof(*hmac));
    HIN_ENSURE(hmac != NULL, NO_MEMORY);
    hmac->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    HIN_ENSURE(hmac->mac != NULL, CRYPTO);
    hmac->context = EVP_MAC_CTX_new(hmac->mac);
    HIN_ENSURE(hmac->context != NULL, CRYPTO);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    HIN_ENSURE(EVP_MAC_init(hmac->context, key.data, key.size, params) == 1, CRYPTO);
    *ret_hmac = hmac;
    hmac = NULL;
    return hin_ok();
}

void hin_hmac_free(struct hin_hmac *hmac)
{
    if (hmac == NULL) {
        return;
    }
    EVP_MAC_CTX_free(hmac->context);
    EVP_MAC_free(hmac->mac);
    free(hmac);
}

struct hin_result hin_hmac_sum(struct hin_hmac *hmac, struct hin_view first, struct hin_view second,
                               uint8_t ret_digest[HIN_SHA256_BYTES])
{
    size_t size = 0;
    /* Without a key it starts again from the padded key's saved state: no key schedule. */
    HIN_ENSURE(EVP_MAC_init(hmac->context, NULL, 0, NULL) == 1, CRYPTO);
    HIN_ENSURE(first.size == 0 || EVP_MAC_update(hmac->context, first.data, first.size) == 1,
               CRYPTO);
    HIN_ENSURE(second.size == 0 || EVP_MAC_update(hmac->context, second.data, second.size) == 1,
               CRYPTO);
    HIN_ENSURE(EVP_MAC_final(hmac->context, ret_digest, &size, HIN_SHA256_BYTES) == 1 &&
                   size == HIN_SHA256_BYTES,
               CRYPTO);
    return hin_ok();
}

static OSSL_PARAM octets(const char *name, struct hin_view bytes)
{
    /* OpenSSL's parameters take a mutable pointer, which it does not write through. */
    union {
        const uint8_t *from;
        void *to;
    } pointer = {.from = bytes.data};
    return OSSL_PARAM_construct_octet_string(name, pointer.to, bytes.size);
}

struct hin_result hin_hkdf(struct hin_view input, struct hin_view salt, struct hin_view info,
                           size_t size, struct hin_secret *ret_key)
{
    HIN_ENSURE(input.size > 0 && size > 0 &&
                   size <= HIN_MIN(255 * HIN_SHA256_BYTES, HIN_SECRET_MAX),
               INVALID);
    char digest[] = "SHA256";
    OSSL_PARAM params[5];
    size_t count = 0;
    params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    params[count++] = octets(OSSL_KDF_PARAM_KEY, input);
    if (salt.size > 0) {
        params[count++] = octets(OSSL_KDF_PARAM_SALT, salt);
    }
    if (info.size > 0) {
        params[count++] = octets(OSSL_KDF_PARAM_INFO, info);
    }
    params[count] = OSSL_PARAM_construct_end();
    struct hin_secret key = {0};
    HIN_TRY(hin_secret_new(&key, size));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done = context != NULL && EVP_KDF_derive(context, key.data, size, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (!done) {
        hin_secret_done(&key);
        return hin_fail(HIN_CRYPTO);
    }
    *ret_key = key;
    return hin_ok();
}
