#include "base/bytes.h"
#include "harness.h"

TEST(test_base_bytes__hex_round_trip_and_negatives)
{
    uint8_t bytes[4] = {0};
    char text[9];
    CHECK_OK(hin_unhex(HIN_VIEW("00fFa5C3"), bytes, 4));
    hin_hex(bytes, 4, text);
    CHECK_VIEW(hin_view_from_text(text), "00ffa5c3");
    CHECK_CODE(hin_unhex(HIN_VIEW("00ff"), bytes, 4), SYNTAX);
    CHECK_CODE(hin_unhex(HIN_VIEW("0g"), bytes, 1), SYNTAX);
}

TEST(test_base_bytes__checked_arithmetic_sees_overflow)
{
    size_t out = 0;
    CHECK_CODE(hin_add_size(SIZE_MAX, 1, &out), LIMIT);
    CHECK_CODE(hin_mul_size(SIZE_MAX / 2, 3, &out), LIMIT);
    CHECK_OK(hin_mul_size(6, 7, &out));
    CHECK_INT(out, 42);
}

TEST(test_base_bytes__little_endian)
{
    uint8_t at[8];
    hin_store_u64(at, UINT64_C(0x1122334455667788));
    CHECK_INT(at[0], 0x88);
    CHECK(hin_load_u64(at) == UINT64_C(0x1122334455667788));
    CHECK_INT(hin_load_u16(at), 0x7788);
}

TEST(test_base_bytes__constant_time_equality)
{
    CHECK(hin_equal_constant_time("abc", "abc", 3));
    CHECK(!hin_equal_constant_time("abc", "abd", 3));
}
