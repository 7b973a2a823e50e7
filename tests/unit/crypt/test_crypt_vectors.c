/* Published vectors, each with its source. */
#include "base/buf.h"
#include "base/bytes.h"
#include "crypt/aead.h"
#include "crypt/hash.h"
#include "crypt/password.h"
#include "crypt/sign.h"
#include "harness.h"

#define BYTES_MAX 256

struct bytes {
    uint8_t data[BYTES_MAX];
    size_t size;
};

static struct hin_view unhex(struct bytes *out, const char *hex)
{
    struct hin_view text = hin_view_from_text(hex);
    out->size = text.size / 2;
    if (!hin_is_ok(hin_unhex(text, out->data, out->size))) {
        out->size = 0;
    }
    return hin_view_of(out->data, out->size);
}

static bool is_hex(const uint8_t *data, size_t size, const char *hex)
{
    struct bytes wanted;
    return hin_view_equal(hin_view_of(data, size), unhex(&wanted, hex));
}

struct gcm {
    const char *key, *nonce, *plain, *associated, *cipher, *tag;
};

/* NIST CAVP, gcmEncryptExtIV256.rsp: [Keylen = 256, IVlen = 96, Taglen = 128], the first of
 * PTlen/AADlen 0/0, 128/0 and 128/128; and test case 16 of "The Galois/Counter Mode of Operation
 * (GCM)" (McGrew, Viega). */
static const struct gcm gcm_vectors[] = {
    {"b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4", "516c33929df5a3284ff463d7",
     "", "", "", "bdc1ac884d332457a1d2664f168c76f0"},
    {"31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22", "0d18e06c7c725ac9e362e1ce",
     "2db5168e932556f8089a0622981d017d", "", "fa4362189661d163fcd6a56d8bf0405a",
     "d636ac1bbedd5cc3ee727dc2ab4a9489"},
    {"92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b", "ac93a1a6145299bde902f21a",
     "2d71bcfa914e4ac045b2aa60955fad24", "1e0889016f67601c8ebea4943bc23ad6",
     "8995ae2e6df3dbf96fac7b7137bae67f", "eca5aa77d51d4a0a14d9c51e1da474ab"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
     "5"
     "25b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
     "838"
     "c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void check_gcm(const struct gcm *vector)
{
    struct bytes key, nonce, plain, associated, cipher;
    uint8_t out[BYTES_MAX], back[BYTES_MAX];
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    HIN_CLEANUP(hin_aead_freep) struct hin_aead *aead = NULL;
    CHECK_OK(hin_secret_from(&secret, unhex(&key, vector->key)));
    CHECK_OK(hin_aead_new(&aead, &secret));
    unhex(&nonce, vector->nonce);
    unhex(&plain, vector->plain);
    unhex(&associated, vector->associated);
    unhex(&cipher, vector->cipher);
    struct hin_view n = hin_view_of(nonce.data, nonce.size);
    struct hin_view a = hin_view_of(associated.data, associated.size);
    CHECK_OK(hin_aead_seal(aead, n, a, hin_view_of(plain.data, plain.size), out));
    CHECK(is_hex(out, plain.size, vector->cipher));
    CHECK(is_hex(out + plain.size, HIN_AEAD_TAG_BYTES, vector->tag));
    size_t sealed = plain.size + HIN_AEAD_TAG_BYTES;
    CHECK_OK(hin_aead_open(aead, n, a, hin_view_of(out, sealed), back));
    CHECK(is_hex(back, plain.size, vector->plain));
}

TEST(test_crypt_aead__nist_gcm_vectors)
{
    for (size_t i = 0; i < HIN_COUNT(gcm_vectors); i++) {
        check_gcm(&gcm_vectors[i]);
    }
}

TEST(test_crypt_aead__refuses_what_was_altered)
{
    const struct gcm *vector = &gcm_vectors[3];
    struct bytes key, nonce, plain, associated;
    uint8_t out[BYTES_MAX], back[BYTES_MAX];
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    HIN_CLEANUP(hin_aead_freep) struct hin_aead *aead = NULL;
    CHECK_OK(hin_secret_from(&secret, unhex(&key, vector->key)));
    CHECK_OK(hin_aead_new(&aead, &secret));
    struct hin_view n = unhex(&nonce, vector->nonce);
    struct hin_view a = unhex(&associated, vector->associated);
    CHECK_OK(hin_aead_seal(aead, n, a, unhex(&plain, vector->plain), out));
    size_t size = plain.size + HIN_AEAD_TAG_BYTES;
    for (size_t i = 0; i < size; i++) { /* each byte of cipher text and tag */
        out[i] ^= 1;
        hin_fill(back, 0xee, sizeof(back));
        CHECK_CODE(hin_aead_open(aead, n, a, hin_view_of(out, size), back), AUTH);
        for (size_t j = 0; j < plain.size; j++) {
            CHECK(back[j] == 0); /* nothing unauthenticated is left */
        }
        out[i] ^= 1;
    }
    struct hin_view sealed = hin_view_of(out, size);
    CHECK_CODE(hin_aead_open(aead, n, hin_view_sub(a, 0, a.size - 1), sealed, back), AUTH);
    CHECK_CODE(hin_aead_open(aead, n, HIN_VIEW_EMPTY, sealed, back), AUTH);
    CHECK_CODE(hin_aead_open(aead, n, a, hin_view_sub(sealed, 0, size - 1), back), AUTH);
    CHECK_CODE(hin_aead_open(aead, n, a, hin_view_sub(sealed, 0, 15), back), TRUNCATED);
    nonce.data[11] ^= 1;
    CHECK_CODE(hin_aead_open(aead, n, a, sealed, back), AUTH);
    nonce.data[11] ^= 1;
    CHECK_CODE(hin_aead_open(aead, hin_view_sub(n, 0, 11), a, sealed, back), INVALID);
    CHECK_CODE(hin_aead_seal(aead, hin_view_sub(n, 0, 8), a, HIN_VIEW("x"), back), INVALID);
    CHECK_OK(hin_aead_open(aead, n, a, sealed, back)); /* refusals leave the context usable */
}

TEST(test_crypt_aead__refuses_keys_of_other_sizes)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_aead *aead = NULL;
    CHECK_OK(hin_secret_random(&key, 16));
    CHECK_CODE(hin_aead_new(&aead, &key), INVALID);
}

/* FIPS 180-4 examples (NIST "SHA256.pdf"). */
TEST(test_crypt_hash__sha256_examples)
{
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    CHECK_OK(hin_sha256(HIN_VIEW("abc"), digest));
    CHECK(is_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK_OK(hin_sha256(HIN_VIEW_EMPTY, digest));
    CHECK(is_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    CHECK_OK(hin_sha256_new(&hash));
    for (int i = 0; i < 2; i++) { /* reusable */
        CHECK_OK(hin_sha256_begin(hash));
        CHECK_OK(hin_sha256_add(hash, HIN_VIEW("abcdbcdecdefdefgefghfghi")));
        CHECK_OK(hin_sha256_add(hash, HIN_VIEW_EMPTY));
        CHECK_OK(hin_sha256_add(hash, HIN_VIEW("ghijhijkijkljklmklmnlmnomnopnopq")));
        CHECK_OK(hin_sha256_end(hash, digest));
        CHECK(
            is_hex(digest, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    }
}

/* RFC 4231, test cases 1 to 4. */
static const struct {
    const char *key, *data, *digest;
} hmac_vectors[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "ddd"
     "dddd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdc"
     "dcd"
     "cdcd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
};

TEST(test_crypt_hash__rfc4231_hmac)
{
    for (size_t i = 0; i < HIN_COUNT(hmac_vectors); i++) {
        struct bytes key, data;
        uint8_t digest[HIN_SHA256_BYTES];
        HIN_CLEANUP(hin_hmac_freep) struct hin_hmac *hmac = NULL;
        CHECK_OK(hin_hmac_new(&hmac, unhex(&key, hmac_vectors[i].key)));
        struct hin_view text = unhex(&data, hmac_vectors[i].data);
        for (size_t cut = 0; cut <= 4; cut += 2) { /* in one part or two, again and again */
            CHECK_OK(hin_hmac_sum(hmac, hin_view_sub(text, 0, cut),
                                  hin_view_sub(text, cut, text.size), digest));
            CHECK(is_hex(digest, 32, hmac_vectors[i].digest));
        }
    }
    struct hin_hmac *none = NULL;
    CHECK_CODE(hin_hmac_new(&none, HIN_VIEW_EMPTY), INVALID);
}

/* RFC 4231, test case 6: a key longer than a block. */
TEST(test_crypt_hash__rfc4231_long_key)
{
    uint8_t key[131], digest[HIN_SHA256_BYTES];
    HIN_CLEANUP(hin_hmac_freep) struct hin_hmac *hmac = NULL;
    hin_fill(key, 0xaa, sizeof(key));
    CHECK_OK(hin_hmac_new(&hmac, hin_view_of(key, sizeof(key))));
    CHECK_OK(hin_hmac_sum(hmac, HIN_VIEW("Test Using Larger Than Block-Size Key - "),
                          HIN_VIEW("Hash Key First"), digest));
    CHECK(is_hex(digest, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

/* RFC 5869, test cases 1 and 3. */
TEST(test_crypt_hash__rfc5869_hkdf)
{
    struct bytes input, salt, info;
    HIN_CLEANUP(hin_secret_done) struct hin_secret one = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret three = {0};
    struct hin_secret none = {0};
    unhex(&input, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    struct hin_view ikm = hin_view_of(input.data, input.size);
    CHECK_OK(hin_hkdf(ikm, unhex(&salt, "000102030405060708090a0b0c"),
                      unhex(&info, "f0f1f2f3f4f5f6f7f8f9"), 42, &one));
    CHECK(is_hex(
        one.data, one.size,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
    CHECK_OK(hin_hkdf(ikm, HIN_VIEW_EMPTY, HIN_VIEW_EMPTY, 42, &three));
    CHECK(is_hex(
        three.data, three.size,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
    CHECK_CODE(hin_hkdf(HIN_VIEW_EMPTY, ikm, ikm, 32, &none), INVALID);
    CHECK_CODE(hin_hkdf(ikm, ikm, ikm, 0, &none), INVALID);
    CHECK_CODE(hin_hkdf(ikm, ikm, ikm, 255 * 32 + 1, &none), INVALID);
}

/* RFC 8032, section 7.1, tests 1 to 3. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} sign_vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(test_crypt_sign__rfc8032_ed25519)
{
    for (size_t i = 0; i < HIN_COUNT(sign_vectors); i++) {
        struct bytes seed, message, signature;
        uint8_t public_key[HIN_SIGN_PUBLIC_BYTES], made[HIN_SIGN_BYTES];
        HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
        CHECK_OK(hin_secret_from(&secret, unhex(&seed, sign_vectors[i].seed)));
        CHECK_OK(hin_sign_public(&secret, public_key));
        CHECK(is_hex(public_key, sizeof(public_key), sign_vectors[i].public_key));
        struct hin_view text = unhex(&message, sign_vectors[i].message);
        CHECK_OK(hin_sign(&secret, text, made));
        CHECK(is_hex(made, sizeof(made), sign_vectors[i].signature));
        struct hin_view key = hin_view_of(public_key, sizeof(public_key));
        struct hin_view good = unhex(&signature, sign_vectors[i].signature);
        CHECK_OK(hin_sign_verify(key, text, good));
        CHECK_CODE(hin_sign_verify(key, HIN_VIEW("other"), good), AUTH);
        CHECK_CODE(hin_sign_verify(key, text, hin_view_sub(good, 0, 63)), INVALID);
        CHECK_CODE(hin_sign_verify(hin_view_sub(key, 0, 31), text, good), INVALID);
        signature.data[5] ^= 1;
        CHECK_CODE(hin_sign_verify(key, text, good), AUTH);
    }
}

/* The Argon2 reference implementation's own test: src/test.c, hashtest(version, 2, 16, 1,
 * "password", "somesalt", ...) of Argon2id v1.3. */
TEST(test_crypt_password__reference_argon2id)
{
    const struct hin_password_cost cost = {65536, 2, 1};
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    CHECK_OK(hin_password_derive(HIN_VIEW("password"), HIN_VIEW("somesalt"), &cost, 32, &key));
    CHECK(is_hex(key.data, key.size,
                 "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"));
}
