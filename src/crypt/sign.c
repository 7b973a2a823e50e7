#include "crypt/sign.h"

#include <openssl/evp.h>

static void key_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void digest_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static HIN_RESULT load_seed(const struct hin_secret *seed, EVP_PKEY **ret_key)
{
    HIN_ENSURE(seed->size == HIN_SIGN_SEED_BYTES, INVALID);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed->data, seed->size);
    HIN_ENSURE(key != NULL, CRYPTO);
    *ret_key = key;
    return hin_ok();
}

struct hin_result hin_sign_generate(struct hin_secret *ret_seed)
{
    return hin_secret_random(ret_seed, HIN_SIGN_SEED_BYTES);
}

struct hin_result hin_sign_public(const struct hin_secret *seed,
                                  uint8_t ret_public[HIN_SIGN_PUBLIC_BYTES])
{
    HIN_CLEANUP(key_freep) EVP_PKEY *key = NULL;
    HIN_TRY(load_seed(seed, &key));
    size_t size = HIN_SIGN_PUBLIC_BYTES;
    HIN_ENSURE(EVP_PKEY_get_raw_public_key(key, ret_public, &size) == 1, CRYPTO);
    return hin_ok();
}

struct hin_result hin_sign(const struct hin_secret *seed, struct hin_view message,
                           uint8_t ret_signature[HIN_SIGN_BYTES])
{
    HIN_CLEANUP(key_freep) EVP_PKEY *key = NULL;
    HIN_TRY(load_seed(seed, &key));
    HIN_CLEANUP(digest_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    HIN_ENSURE(context != NULL, NO_MEMORY);
    size_t size = HIN_SIGN_BYTES;
    HIN_ENSURE(EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1, CRYPTO);
    HIN_ENSURE(EVP_DigestSign(context, ret_signature, &size, message.data, message.size) == 1 &&
                   size == HIN_SIGN_BYTES,
               CRYPTO);
    return hin_ok();
}

struct hin_result hin_sign_verify(struct hin_view public_key, struct hin_view message,
                                  struct hin_view signature)
{
    HIN_ENSURE(public_key.size == HIN_SIGN_PUBLIC_BYTES && signature.size == HIN_SIGN_BYTES,
               INVALID);
    HIN_CLEANUP(key_freep)
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, public_key.data, public_key.size);
    HIN_CLEANUP(digest_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    HIN_ENSURE(key != NULL && context != NULL, CRYPTO);
    HIN_ENSURE(EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1, CRYPTO);
    HIN_ENSURE(
        EVP_DigestVerify(context, signature.data, signature.size, message.data, message.size) == 1,
        AUTH);
    return hin_ok();
}
