#include "base/result.h"

#include <errno.h>

#include "base/view.h"
#include "harness.h"

TEST(test_base_result__every_code_has_a_text)
{
    for (int code = 0; code < HIN_CODE_COUNT; code++) {
        CHECK(hin_code_text((enum hin_code)code)[0] != '\0');
        CHECK(code == HIN_OK || hin_code_hint((enum hin_code)code)[0] != '\0' ||
              code == HIN_INTERNAL);
    }
    CHECK(hin_code_from_errno(ENOSPC) == HIN_NO_SPACE);
    CHECK(hin_code_from_errno(EXDEV) == HIN_IO);
}

TEST(test_base_result__formats_place_and_text)
{
    struct hin_error error = {0};
    char out[128];
    CHECK_CODE(hin_error_set(&error, HIN_SYNTAX, "a.xml", 3, 7, "<%s> is not closed", "rule"),
               SYNTAX);
    hin_error_format(&error, out, sizeof(out));
    CHECK_VIEW(hin_view_from_text(out), "a.xml:3:7: <rule> is not closed");
}
