#include "base/buf.h"
#include "harness.h"

TEST(test_base_buf__refuses_to_grow_past_max)
{
    struct hin_buf buf;
    hin_buf_init(&buf, 8);
    CHECK_OK(hin_buf_append_text(&buf, "12345678"));
    CHECK_CODE(hin_buf_append_byte(&buf, '9'), LIMIT);
    CHECK_VIEW(hin_buf_view(&buf), "12345678");
    hin_buf_done(&buf);
}

TEST(test_base_buf__printf_fits_exactly_or_changes_nothing)
{
    struct hin_buf buf;
    hin_buf_init(&buf, 5);
    CHECK_OK(hin_buf_printf(&buf, "%s", "abcde"));
    CHECK_CODE(hin_buf_printf(&buf, "%d", 1), LIMIT);
    CHECK_VIEW(hin_buf_view(&buf), "abcde");
    hin_buf_done(&buf);
}

TEST(test_base_buf__writes_the_extremes_of_integers)
{
    struct hin_buf buf;
    hin_buf_init(&buf, 100);
    CHECK_OK(hin_buf_append_i64(&buf, INT64_MIN));
    CHECK_OK(hin_buf_append_byte(&buf, ' '));
    CHECK_OK(hin_buf_append_u64(&buf, UINT64_MAX));
    CHECK_VIEW(hin_buf_view(&buf), "-9223372036854775808 18446744073709551615");
    hin_buf_done(&buf);
}

TEST(test_base_buf__consumes_at_the_front)
{
    struct hin_buf buf;
    hin_buf_init(&buf, 100);
    CHECK_OK(hin_buf_append_text(&buf, "headtail"));
    hin_buf_consume(&buf, 4);
    CHECK_VIEW(hin_buf_view(&buf), "tail");
    hin_buf_consume(&buf, 99);
    CHECK_INT(buf.size, 0);
    hin_buf_done(&buf);
}
