#include "aws/base64.h"

#include "base/bytes.h"
#include "harness.h"

TEST(test_aws_base64__is_that_of_rfc_4648)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xef\xbe", "/+++"}};
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zg==Zg==", "Zm9-"};
    uint8_t out[16];
    size_t size = 0;
    for (size_t i = 0; i < HIN_COUNT(pairs); i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 64};
        CHECK_OK(hin_base64_encode(hin_view_from_text(pairs[i][0]), &text));
        CHECK_VIEW(hin_buf_view(&text), pairs[i][1]);
        CHECK_OK(hin_base64_decode(hin_view_from_text(pairs[i][1]), out, sizeof(out), &size));
        CHECK_VIEW(hin_view_of(out, size), pairs[i][0]);
    }
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_base64_decode(hin_view_from_text(bad[i]), out, sizeof(out), &size), SYNTAX);
    }
    CHECK_CODE(hin_base64_decode(HIN_VIEW("Zm9vYmFy"), out, 5, &size), LIMIT);
}
