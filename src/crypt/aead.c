#include "crypt/aead.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/bytes.h"

#define PART_MAX ((size_t)1 << 30)

/* A context a direction: turning one around would expand the key anew. */
struct hin_aead {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *seal;
    EVP_CIPHER_CTX *open;
};

struct hin_result hin_aead_new(struct hin_aead **ret_aead, const struct hin_secret *key)
{
    HIN_ENSURE(key->size == HIN_AEAD_KEY_BYTES, INVALID);
    HIN_CLEANUP(hin_aead_freep) struct hin_aead *aead = calloc(1, sizeof(*aead));
    HIN_ENSURE(aead != NULL, NO_MEMORY);
    aead->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    aead->seal = EVP_CIPHER_CTX_new();
    aead->open = EVP_CIPHER_CTX_new();
    HIN_ENSURE(aead->cipher != NULL && aead->seal != NULL && aead->open != NULL, CRYPTO);
    HIN_ENSURE(EVP_EncryptInit_ex2(aead->seal, aead->cipher, key->data, NULL, NULL) == 1, CRYPTO);
    HIN_ENSURE(EVP_DecryptInit_ex2(aead->open, aead->cipher, key->data, NULL, NULL) == 1, CRYPTO);
    *ret_aead = aead;
    aead = NULL;
    return hin_ok();
}

void hin_aead_free(struct hin_aead *aead)
{
    if (aead == NULL) {
        return;
    }
    EVP_CIPHER_CTX_free(aead->seal); /* cleanses the key schedule */
    EVP_CIPHER_CTX_free(aead->open);
    EVP_CIPHER_free(aead->cipher);
    free(aead);
}

static bool sizes_fit(struct hin_view associated, size_t size)
{
    return associated.size <= PART_MAX && size <= PART_MAX;
}

struct hin_result hin_aead_seal(struct hin_aead *aead, struct hin_view nonce,
                                struct hin_view associated, struct hin_view plain, uint8_t *to)
{
    HIN_ENSURE(nonce.size == HIN_AEAD_NONCE_BYTES, INVALID);
    HIN_ENSURE(sizes_fit(associated, plain.size), LIMIT);
    EVP_CIPHER_CTX *context = aead->seal;
    int size = 0;
    HIN_ENSURE(EVP_EncryptInit_ex2(context, NULL, NULL, nonce.data, NULL) == 1, CRYPTO);
    if (associated.size > 0) {
        HIN_ENSURE(EVP_EncryptUpdate(context, NULL, &size, associated.data, (int)associated.size) ==
                       1,
                   CRYPTO);
    }
    if (plain.size > 0) {
        HIN_ENSURE(EVP_EncryptUpdate(context, to, &size, plain.data, (int)plain.size) == 1 &&
                       (size_t)size == plain.size,
                   CRYPTO);
    }
    HIN_ENSURE(EVP_EncryptFinal_ex(context, to + plain.size, &size) == 1 && size == 0, CRYPTO);
    HIN_ENSURE(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, HIN_AEAD_TAG_BYTES,
                                   to + plain.size) == 1,
               CRYPTO);
    return hin_ok();
}

static HIN_RESULT open_parts(EVP_CIPHER_CTX *context, struct hin_view nonce,
                             struct hin_view associated, struct hin_view cipher, const uint8_t *tag,
                             uint8_t *to)
{
    int size = 0;
    uint8_t expected[HIN_AEAD_TAG_BYTES];
    uint8_t nothing[1];
    hin_copy(expected, tag, sizeof(expected));
    HIN_ENSURE(EVP_DecryptInit_ex2(context, NULL, NULL, nonce.data, NULL) == 1, CRYPTO);
    HIN_ENSURE(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, HIN_AEAD_TAG_BYTES, expected) ==
                   1,
               CRYPTO);
    if (associated.size > 0) {
        HIN_ENSURE(EVP_DecryptUpdate(context, NULL, &size, associated.data, (int)associated.size) ==
                       1,
                   CRYPTO);
    }
    if (cipher.size > 0) {
        HIN_ENSURE(EVP_DecryptUpdate(context, to, &size, cipher.data, (int)cipher.size) == 1 &&
                       (size_t)size == cipher.size,
                   CRYPTO);
    }
    HIN_ENSURE(EVP_DecryptFinal_ex(context, nothing, &size) == 1, AUTH);
    return hin_ok();
}

struct hin_result hin_aead_open(struct hin_aead *aead, struct hin_view nonce,
                                struct hin_view associated, struct hin_view sealed, uint8_t *to)
{
    HIN_ENSURE(nonce.size == HIN_AEAD_NONCE_BYTES, INVALID);
    HIN_ENSURE(sealed.size >= HIN_AEAD_TAG_BYTES, TRUNCATED);
    size_t size = sealed.size - HIN_AEAD_TAG_BYTES;
    HIN_ENSURE(sizes_fit(associated, size), LIMIT);
    struct hin_result result = open_parts(aead->open, nonce, associated,
                                          hin_view_sub(sealed, 0, size), sealed.data + size, to);
    if (result.code != HIN_OK) {
        hin_wipe(to, size); /* unauthenticated plain text is nobody's to see */
    }
    return result;
}
