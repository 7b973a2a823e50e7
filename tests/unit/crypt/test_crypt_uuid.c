#include "crypt/uuid.h"

#include <string.h>

#include "harness.h"

TEST(test_crypt_uuid__makes_version_4_uuids)
{
    char uuid[HIN_UUID_TEXT_BYTES];
    CHECK_OK(hin_uuid_new(uuid));
    CHECK_INT(strlen(uuid), 36);
    CHECK(uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' && uuid[23] == '-');
    CHECK(uuid[14] == '4' && strchr("89ab", uuid[19]) != NULL);
}
