#include "base/codec.h"
#include "harness.h"

TEST(test_base_codec__round_trip_of_extremes)
{
    static const int64_t values[] = {0, 1, -1, 63, -64, 64, 300, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct hin_buf buf;
        hin_buf_init(&buf, 64);
        CHECK_OK(hin_write_zigzag(&buf, values[i]));
        CHECK_OK(hin_write_varint(&buf, (uint64_t)values[i]));
        struct hin_reader reader = hin_reader_of(hin_buf_view(&buf));
        int64_t got = 0;
        uint64_t wide = 0;
        CHECK_OK(hin_read_zigzag(&reader, &got));
        CHECK_OK(hin_read_varint(&reader, &wide));
        CHECK(got == values[i] && wide == (uint64_t)values[i]);
        CHECK_OK(hin_read_end(&reader));
        hin_buf_done(&buf);
    }
}

TEST(test_base_codec__refuses_long_forms_and_overflow)
{
    uint64_t value = 0;
    struct hin_reader longer = hin_reader_of(HIN_VIEW("\x81\x00"));
    CHECK_CODE(hin_read_varint(&longer, &value), SYNTAX);
    struct hin_reader over = hin_reader_of(HIN_VIEW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    CHECK_CODE(hin_read_varint(&over, &value), SYNTAX);
    struct hin_reader cut = hin_reader_of(HIN_VIEW("\xff"));
    CHECK_CODE(hin_read_varint(&cut, &value), TRUNCATED);
}

TEST(test_base_codec__bytes_are_bounded_and_leave_the_cursor_on_failure)
{
    struct hin_reader reader = hin_reader_of(HIN_VIEW("\x03"
                                                      "ab"));
    struct hin_view bytes;
    CHECK_CODE(hin_read_bytes(&reader, 10, &bytes), TRUNCATED);
    CHECK_INT(reader.rest.size, 3);
    CHECK_CODE(hin_read_bytes(&reader, 2, &bytes), LIMIT);
    CHECK_CODE(hin_read_end(&reader), SYNTAX);
}

TEST(test_base_codec__crc32c_vectors)
{
    /* RFC 3720, B.4 */
    uint8_t zeroes[32] = {0};
    CHECK(hin_crc32c(0, hin_view_of(zeroes, 32)) == 0x8a9136aa);
    CHECK(hin_crc32c(0, HIN_VIEW("123456789")) == 0xe3069283);
    uint32_t parts = hin_crc32c(hin_crc32c(0, HIN_VIEW("1234")), HIN_VIEW("56789"));
    CHECK(parts == 0xe3069283);
}
