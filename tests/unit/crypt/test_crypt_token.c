#include "crypt/token.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "harness.h"

TEST(test_crypt_token__is_unlike_any_other)
{
    for (int kind = 0; kind < HIN_TOKEN_KIND_COUNT; kind++) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret one = {0};
        HIN_CLEANUP(hin_secret_done) struct hin_secret two = {0};
        uint8_t a[HIN_SHA256_BYTES], b[HIN_SHA256_BYTES];
        CHECK_OK(hin_token_new((enum hin_token_kind)kind, &one));
        CHECK_OK(hin_token_new((enum hin_token_kind)kind, &two));
        CHECK_OK(hin_token_hash((enum hin_token_kind)kind, hin_secret_view(&one), a));
        CHECK_OK(hin_token_hash((enum hin_token_kind)kind, hin_secret_view(&two), b));
        CHECK(memcmp(a, b, sizeof(a)) != 0);
    }
}

TEST(test_crypt_token__reads_what_a_person_types)
{
    uint8_t a[HIN_SHA256_BYTES], b[HIN_SHA256_BYTES];
    CHECK_OK(hin_token_hash(HIN_TOKEN_PASSWORD, HIN_VIEW("0123a-1abcd-00000-zzzzz"), a));
    CHECK_OK(hin_token_hash(HIN_TOKEN_PASSWORD, HIN_VIEW("  O123A1ABCDooooo-ZZZZZ\r\n"), b));
    CHECK(memcmp(a, b, sizeof(a)) == 0);
    CHECK_OK(hin_token_hash(HIN_TOKEN_PASSWORD, HIN_VIEW("0123a-labcd-00000-zzzzz"), b));
    CHECK(memcmp(a, b, sizeof(a)) == 0);
}

TEST(test_crypt_token__names_its_tenant)
{
    static const uint64_t numbers[] = {1, 31, 32, 1000, UINT64_C(1) << 40, (UINT64_C(1) << 60) - 1};
    HIN_CLEANUP(hin_secret_done) struct hin_secret plain = {0};
    uint8_t a[HIN_SHA256_BYTES], b[HIN_SHA256_BYTES];
    uint64_t number = 7;
    CHECK_OK(hin_token_new(HIN_TOKEN_API_KEY, &plain));
    CHECK_OK(hin_token_tenant(HIN_TOKEN_API_KEY, hin_secret_view(&plain), &number));
    CHECK(number == 0);
    CHECK_OK(hin_token_hash(HIN_TOKEN_API_KEY, hin_secret_view(&plain), a));
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        HIN_CLEANUP(hin_secret_done) struct hin_secret token = {0};
        CHECK_OK(hin_secret_from(&token, hin_secret_view(&plain)));
        CHECK_OK(hin_token_name_tenant(&token, numbers[i]));
        CHECK_OK(hin_token_tenant(HIN_TOKEN_API_KEY, hin_secret_view(&token), &number));
        CHECK(number == numbers[i]);
        CHECK_OK(hin_token_hash(HIN_TOKEN_API_KEY, hin_secret_view(&token), b));
        CHECK(memcmp(a, b, sizeof(a)) == 0);
    }
    CHECK_CODE(hin_token_name_tenant(&plain, UINT64_C(1) << 60), INVALID);
    CHECK_CODE(hin_token_tenant(HIN_TOKEN_API_KEY, HIN_VIEW("hin_key_0_"), &number), SYNTAX);
    CHECK_CODE(hin_token_tenant(HIN_TOKEN_API_KEY, HIN_VIEW("hin_key_0_0"), &number), SYNTAX);
    CHECK_CODE(hin_token_tenant(HIN_TOKEN_API_KEY, HIN_VIEW("hin_key_0_u"), &number), SYNTAX);
    CHECK_CODE(hin_token_tenant(HIN_TOKEN_API_KEY, HIN_VIEW("hin_key_0_1_1"), &number), SYNTAX);
    CHECK_CODE(hin_token_tenant(HIN_TOKEN_API_KEY, HIN_VIEW("hin_key_0_1234567890123"), &number),
               SYNTAX);
}

TEST(test_crypt_token__refuses_other_texts)
{
    uint8_t digest[HIN_SHA256_BYTES];
    CHECK_CODE(hin_token_hash(HIN_TOKEN_PASSWORD, HIN_VIEW("0123a-1abcd-00000-zzzz"), digest),
               SYNTAX);
    CHECK_CODE(hin_token_hash(HIN_TOKEN_PASSWORD, HIN_VIEW("0123a-1abcd-00000-zzzzzz"), digest),
               SYNTAX);
    CHECK_CODE(hin_token_hash(HIN_TOKEN_PASSWORD, HIN_VIEW("0123u-1abcd-00000-zzzzz"), digest),
               SYNTAX);
    CHECK_CODE(hin_token_hash(HIN_TOKEN_API_KEY, HIN_VIEW("hin_enrol_0000"), digest), SYNTAX);
    CHECK_CODE(hin_token_hash(HIN_TOKEN_API_KEY, HIN_VIEW_EMPTY, digest), SYNTAX);
}
