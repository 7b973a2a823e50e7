#include "crypt/password.h"

#include <stdio.h>

#include "base/bytes.h"
#include "harness.h"

TEST(test_crypt_password__encodes_and_verifies)
{
    char text[HIN_PASSWORD_TEXT_BYTES], other[HIN_PASSWORD_TEXT_BYTES];
    CHECK_OK(hin_password_encode(HIN_VIEW("correct horse"), text));
    CHECK_OK(hin_password_encode(HIN_VIEW("correct horse"), other));
    CHECK(hin_view_starts_with(hin_view_from_text(text),
                               HIN_VIEW("$argon2id$v=19$m=32768,t=3,p=1$")));
    CHECK(!hin_view_is(hin_view_from_text(text), other)); /* salted */
    CHECK_OK(hin_password_verify(text, HIN_VIEW("correct horse")));
    CHECK_CODE(hin_password_verify(text, HIN_VIEW("correct horsf")), AUTH);
    CHECK_CODE(hin_password_verify(text, HIN_VIEW_EMPTY), AUTH);
    CHECK(!hin_password_is_outdated(text));
    CHECK(hin_password_is_outdated("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$AAAA"));
}

TEST(test_crypt_password__refuses_planted_rows)
{
    char text[HIN_PASSWORD_TEXT_BYTES];
    static const char *const costly[] = {"m=4194304,t=3,p=1", "m=32768,t=999,p=1",
                                         "m=32768,t=3,p=100"};
    for (size_t i = 0; i < HIN_COUNT(costly); i++) {
        snprintf(text, sizeof(text), "$argon2id$v=19$%s$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
                 costly[i]);
        CHECK_CODE(hin_password_verify(text, HIN_VIEW("x")), LIMIT);
    }
    CHECK_CODE(hin_password_verify("", HIN_VIEW("x")), SYNTAX);
    CHECK_CODE(hin_password_verify("plain", HIN_VIEW("x")), SYNTAX);
    CHECK_CODE(hin_password_verify("$argon2i$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$AAAA", HIN_VIEW("x")),
               SYNTAX);
    CHECK_CODE(hin_password_verify("$argon2id$v=19$m=1024,t=1,p=1$!!!$AAAA", HIN_VIEW("x")),
               SYNTAX);
    CHECK_CODE(hin_password_encode(HIN_VIEW_EMPTY, text), INVALID);
}
