#include "wire/batch.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "harness.h"

static struct hin_wire_record record_of(uint64_t i, uint8_t *event)
{
    struct hin_wire_record record = {.generation = 42 + i,
                                     .offset = i * 100,
                                     .finding = (uint32_t)i,
                                     .event = hin_view_of(event, 200)};
    if (i % 3 == 0) {
        record.position = HIN_WIRE_CURSOR;
        record.cursor = HIN_VIEW("s=1;i=2");
        record.offset = 0;
    }
    return record;
}

static void build(struct hin_buf *raw, uint32_t count)
{
    uint8_t event[200];
    for (uint32_t i = 0; i < count; i++) {
        hin_fill(event, (uint8_t)('a' + i % 7), sizeof(event));
        struct hin_wire_record record = record_of(i, event);
        CHECK_OK(hin_wire_record_write(raw, &record));
    }
}

TEST(test_wire_batch__records_come_back)
{
    HIN_CLEANUP(hin_wire_packer_freep) struct hin_wire_packer *packer = NULL, *other = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf raw = {.max = HIN_WIRE_BATCH_RAW_MAX_BYTES};
    CHECK_OK(hin_wire_packer_new(&packer));
    build(&raw, 1000);
    struct hin_wire_batch batch;
    CHECK_OK(hin_wire_pack(packer, 5, 1000, hin_buf_view(&raw), &batch));
    CHECK_INT(batch.compression, HIN_WIRE_ZSTD);
    CHECK(batch.body.size < raw.size / 4);
    struct hin_view records;
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1U << 20};
    CHECK_OK(hin_buf_append(&body, batch.body));
    batch.body = hin_buf_view(&body);
    CHECK_OK(hin_wire_packer_new(&other));
    CHECK_OK(hin_wire_unpack(other, &batch, &records));
    CHECK(hin_view_equal(records, hin_buf_view(&raw)));
    struct hin_reader reader = hin_reader_of(records);
    struct hin_wire_record record;
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(hin_wire_record_read(&reader, &record));
        CHECK_INT(record.generation, 42 + i);
        CHECK_INT(record.finding, i);
    }
    CHECK_OK(hin_read_end(&reader));
    hin_wire_packer_free(other);
    other = NULL;
}

TEST(test_wire_batch__a_wrong_count_or_size_is_refused)
{
    HIN_CLEANUP(hin_wire_packer_freep) struct hin_wire_packer *packer = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf raw = {.max = HIN_WIRE_BATCH_RAW_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1U << 20};
    CHECK_OK(hin_wire_packer_new(&packer));
    build(&raw, 10);
    struct hin_wire_batch batch;
    struct hin_view records;
    CHECK_OK(hin_wire_pack(packer, 1, 10, hin_buf_view(&raw), &batch));
    CHECK_OK(hin_buf_append(&body, batch.body));
    batch.body = hin_buf_view(&body);
    batch.count = 9;
    CHECK_CODE(hin_wire_unpack(packer, &batch, &records), PROTOCOL);
    batch.count = 11;
    CHECK_CODE(hin_wire_unpack(packer, &batch, &records), PROTOCOL);
    batch.count = 10;
    batch.raw_bytes--;
    CHECK_CODE(hin_wire_unpack(packer, &batch, &records), PROTOCOL);
    batch.raw_bytes += 2;
    CHECK_CODE(hin_wire_unpack(packer, &batch, &records), PROTOCOL);
    batch.raw_bytes--;
    body.data[body.size / 2] ^= 0x55;
    body.data[4] ^= 0xff;
    CHECK_CODE(hin_wire_unpack(packer, &batch, &records), PROTOCOL);
}

TEST(test_wire_batch__a_bomb_stops_at_the_announced_size)
{
    HIN_CLEANUP(hin_wire_packer_freep) struct hin_wire_packer *packer = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf raw = {.max = HIN_WIRE_BATCH_RAW_MAX_BYTES};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 1U << 20};
    uint8_t *zeroes = NULL;
    CHECK_OK(hin_buf_extend(&raw, HIN_WIRE_BATCH_RAW_MAX_BYTES, &zeroes));
    hin_zero(zeroes, HIN_WIRE_BATCH_RAW_MAX_BYTES);
    CHECK_OK(hin_wire_packer_new(&packer));
    struct hin_wire_batch batch;
    struct hin_view records;
    CHECK_OK(hin_wire_pack(packer, 1, 1, hin_buf_view(&raw), &batch));
    CHECK_OK(hin_buf_append(&body, batch.body));
    batch.body = hin_buf_view(&body);
    batch.raw_bytes = 100;
    CHECK_CODE(hin_wire_unpack(packer, &batch, &records), PROTOCOL);
}

TEST(test_wire_batch__identities_differ_when_any_part_does)
{
    struct hin_wire_record list[] = {
        {.generation = 1, .offset = 1, .finding = 1},
        {.generation = 2, .offset = 1, .finding = 1},
        {.generation = 1, .offset = 2, .finding = 1},
        {.generation = 1, .offset = 1, .finding = 2},
        {.generation = 1,
         .position = HIN_WIRE_CURSOR,
         .cursor = HIN_VIEW("\1\0\0\0\0\0\0\0"),
         .finding = 1},
        {.generation = 1,
         .position = HIN_WIRE_CURSOR,
         .cursor = HIN_VIEW("\1\0\0\0\0\0\0"),
         .finding = 1},
    };
    for (size_t i = 0; i < HIN_COUNT(list); i++) {
        for (size_t j = 0; j < HIN_COUNT(list); j++) {
            HIN_CLEANUP(hin_buf_done) struct hin_buf a = {.max = 100}, b = {.max = 100};
            CHECK_OK(hin_wire_record_identity(&list[i], &a));
            CHECK_OK(hin_wire_record_identity(&list[j], &b));
            bool same = hin_view_equal(hin_buf_view(&a), hin_buf_view(&b));
            hin_buf_done(&b);
            CHECK_INT(same, i == j);
        }
    }
}

TEST(test_wire_batch__a_record_without_event_or_cursor_is_refused)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 100};
    struct hin_wire_record record = {.generation = 1};
    CHECK_CODE(hin_wire_record_write(&buf, &record), INVALID);
    record = (struct hin_wire_record){.position = HIN_WIRE_CURSOR, .event = HIN_VIEW("x")};
    buf.size = 0;
    CHECK_CODE(hin_wire_record_write(&buf, &record), INVALID);
    struct hin_reader reader = hin_reader_of(HIN_VIEW("12345678\2\0\0\1a"));
    CHECK_CODE(hin_wire_record_read(&reader, &record), PROTOCOL);
    reader = hin_reader_of(HIN_VIEW("12345678\0\0\0\0"));
    CHECK_CODE(hin_wire_record_read(&reader, &record), PROTOCOL);
    CHECK_INT(reader.rest.size, 12);
}
