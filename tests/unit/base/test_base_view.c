#include "base/view.h"
#include "harness.h"

TEST(test_base_view__splits_with_empty_parts)
{
    struct hin_view rest = HIN_VIEW("a,,b,");
    struct hin_view part;
    CHECK(hin_view_split(&rest, ',', &part));
    CHECK_VIEW(part, "a");
    CHECK(hin_view_split(&rest, ',', &part));
    CHECK_VIEW(part, "");
    CHECK(hin_view_split(&rest, ',', &part));
    CHECK_VIEW(part, "b");
    CHECK(hin_view_split(&rest, ',', &part));
    CHECK_VIEW(part, "");
    CHECK(!hin_view_split(&rest, ',', &part));
}

TEST(test_base_view__numbers_refuse_overflow_and_garbage)
{
    int64_t value = 7;
    CHECK_OK(hin_view_to_i64(HIN_VIEW("-9223372036854775808"), &value));
    CHECK(value == INT64_MIN);
    CHECK_CODE(hin_view_to_i64(HIN_VIEW("9223372036854775808"), &value), SYNTAX);
    CHECK_CODE(hin_view_to_i64(HIN_VIEW("-"), &value), SYNTAX);
    CHECK_CODE(hin_view_to_i64(HIN_VIEW("1x"), &value), SYNTAX);
    uint64_t wide = 0;
    CHECK_OK(hin_view_to_u64(HIN_VIEW("18446744073709551615"), &wide));
    CHECK(wide == UINT64_MAX);
    CHECK_CODE(hin_view_to_u64(HIN_VIEW("18446744073709551616"), &wide), SYNTAX);
}

TEST(test_base_view__sub_is_clamped)
{
    struct hin_view view = HIN_VIEW("abc");
    CHECK_VIEW(hin_view_sub(view, 1, SIZE_MAX), "bc");
    CHECK_INT(hin_view_sub(view, 9, 1).size, 0);
}

TEST(test_base_view__finds_compares_and_trims)
{
    CHECK_INT(hin_view_find(HIN_VIEW("hay needle"), HIN_VIEW("needle")), 4);
    CHECK(hin_view_find(HIN_VIEW("hay"), HIN_VIEW("needle")) == SIZE_MAX);
    CHECK(hin_view_compare(HIN_VIEW("ab"), HIN_VIEW("abc")) < 0);
    CHECK(hin_view_equal_nocase(HIN_VIEW("RooT"), HIN_VIEW("rOOt")));
    CHECK_VIEW(hin_view_trim(HIN_VIEW(" \t x y\r\n")), "x y");
    CHECK(hin_view_ends_with(HIN_VIEW("a.gz"), HIN_VIEW(".gz")));
    CHECK(!hin_view_starts_with(HIN_VIEW("a"), HIN_VIEW("ab")));
}

TEST(test_base_view__text_refuses_nul_and_overlong)
{
    char out[4];
    CHECK_OK(hin_view_to_text(HIN_VIEW("abc"), out, sizeof(out)));
    CHECK_CODE(hin_view_to_text(HIN_VIEW("abcd"), out, sizeof(out)), LIMIT);
    CHECK_CODE(hin_view_to_text(HIN_VIEW("a\0b"), out, sizeof(out)), INVALID);
}
