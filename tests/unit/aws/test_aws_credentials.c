#include "aws/credentials.h"

#include <string.h>

#include "base/bytes.h"
#include "harness.h"

TEST(test_aws_credentials__are_read_strictly)
{
    static const char *const bad[] = {
        "",
        "aws_access_key_id=A\n",
        "aws_secret_access_key=B\n",
        "aws_access_key_id\n",
        "aws_access_key_id=A\naws_access_key_id=B\naws_secret_access_key=C\n",
        "aws_access_key_id=A\naws_secret_access_key=two words\n",
        "aws_access_key_id=\naws_secret_access_key=C\n",
    };
    struct hin_aws_credentials credentials;
    struct hin_error error;
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_aws_credentials_parse(hin_view_from_text(bad[i]), &credentials, &error),
                   SYNTAX);
    }
    CHECK_OK(hin_aws_credentials_parse(
        HIN_VIEW("; mine\n[one]\naws_access_key_id = A\naws_secret_access_key = B=\n"
                 "[two]\naws_access_key_id = C\n"),
        &credentials, &error));
    CHECK(strcmp(credentials.access_key, "A") == 0 &&
          hin_view_is(hin_secret_view(&credentials.secret_key), "B=") &&
          credentials.session_token.size == 0);
    hin_aws_credentials_done(&credentials);
}
