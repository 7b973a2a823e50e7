#include "seal/segment.h"

#include <string.h>

#include "harness.h"
#include "seal_fixture.h"

static HIN_RESULT fill(struct hin_segment_builder *builder, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[64];
        uint64_t tokens[2] = {i * UINT64_C(0x9e3779b97f4a7c15), 0};
        int size = snprintf(text, sizeof(text), "event %zu of user root", i);
        HIN_TRY(hin_segment_add(builder, 100 + i, -5 + (int64_t)(i % 7) * 1000,
                                hin_view_of(text, (size_t)size), tokens, 2));
    }
    return hin_ok();
}

struct made {
    struct hin_segment_builder *builder;
    struct hin_segment_reader *reader;
    struct hin_buf head, body;
};

static void made_done(struct made *made)
{
    hin_segment_builder_free(made->builder);
    hin_segment_reader_free(made->reader);
    hin_buf_done(&made->head);
    hin_buf_done(&made->body);
}

static HIN_RESULT make(struct made *made, struct fixture *fixture, size_t count)
{
    made->head.max = made->body.max = (size_t)8 << 20;
    HIN_TRY(hin_segment_builder_new(&made->builder, 1000, 1 << 20));
    HIN_TRY(hin_segment_reader_new(&made->reader));
    HIN_TRY(fill(made->builder, count));
    return hin_segment_finish(made->builder, fixture->sealer, &fixture->place, &made->head,
                              &made->body);
}

#define MADE(name, fixture, count)                                                                 \
    HIN_CLEANUP(made_done) struct made name = {0};                                                 \
    CHECK_OK(make(&name, &fixture, count))

TEST(test_seal_segment__gives_back_what_went_in)
{
    FIXTURE(f);
    MADE(m, f, 1000);
    struct hin_segment_head head;
    struct hin_segment_record record;
    CHECK_OK(hin_segment_read_head(hin_buf_view(&m.head), &head));
    CHECK_INT(head.count, 1000);
    CHECK_INT(head.first_sequence, 100);
    CHECK_INT(head.last_sequence, 1099);
    CHECK_INT(head.min_time_usec, -5);
    CHECK_INT(head.max_time_usec, 5995);
    CHECK_INT(head.head_bytes, m.head.size);
    CHECK_OK(hin_segment_open(m.reader, f.opener, &f.place, hin_buf_view(&m.head),
                              hin_buf_view(&m.body)));
    for (size_t i = 0; i < 1000; i++) {
        char text[64];
        snprintf(text, sizeof(text), "event %zu of user root", i);
        CHECK(hin_segment_next(m.reader, &record));
        CHECK_INT(record.sequence, 100 + i);
        CHECK_INT(record.time_usec, -5 + (int64_t)(i % 7) * 1000);
        CHECK_VIEW(record.bytes, text);
    }
    CHECK(!hin_segment_next(m.reader, &record));
    CHECK(hin_view_find(hin_buf_view(&m.body), HIN_VIEW("root")) == SIZE_MAX);
}

TEST(test_seal_segment__filter_has_no_misses_and_few_false_alarms)
{
    FIXTURE(f);
    MADE(m, f, 1000);
    struct hin_segment_head head;
    size_t alarms = 0;
    CHECK_OK(hin_segment_read_head(hin_buf_view(&m.head), &head));
    CHECK(hin_segment_may_hold(&head, 0));
    for (uint64_t i = 0; i < 1000; i++) {
        CHECK(hin_segment_may_hold(&head, i * UINT64_C(0x9e3779b97f4a7c15)));
    }
    for (uint64_t i = 1; i <= 10000; i++) {
        uint64_t mixed = i * UINT64_C(0xbf58476d1ce4e5b9);
        alarms += hin_segment_may_hold(&head, mixed ^ mixed >> 29);
    }
    CHECK(alarms < 200); /* 2 %; about 0.8 % is expected */
}

TEST(test_seal_segment__rejects_wrong_tenant)
{
    FIXTURE(f);
    MADE(m, f, 10);
    struct hin_seal_place other = f.place;
    struct hin_segment_record record;
    other.tenant = HIN_VIEW("another");
    CHECK_CODE(
        hin_segment_open(m.reader, f.opener, &other, hin_buf_view(&m.head), hin_buf_view(&m.body)),
        AUTH);
    CHECK(!hin_segment_next(m.reader, &record));
}

TEST(test_seal_segment__damage_is_corrupt_and_stays_alone)
{
    FIXTURE(f);
    MADE(m, f, 50);
    MADE(neighbour, f, 50);
    struct hin_view head = hin_buf_view(&m.head), body = hin_buf_view(&m.body);
    for (size_t i = 4; i < m.head.size; i++) {
        m.head.data[i] ^= 1;
        struct hin_result result = hin_segment_open(m.reader, f.opener, &f.place, head, body);
        CHECK(result.code == HIN_CORRUPT || result.code == HIN_TRUNCATED);
        m.head.data[i] ^= 1;
    }
    for (size_t i = 0; i < m.body.size; i += 7) {
        m.body.data[i] ^= 1;
        CHECK_CODE(hin_segment_open(m.reader, f.opener, &f.place, head, body), CORRUPT);
        m.body.data[i] ^= 1;
    }
    CHECK_CODE(
        hin_segment_open(m.reader, f.opener, &f.place, head, hin_view_sub(body, 0, body.size - 1)),
        TRUNCATED);
    CHECK_CODE(hin_segment_open(m.reader, f.opener, &f.place, hin_view_sub(head, 0, 91), body),
               TRUNCATED);
    CHECK_OK(hin_segment_open(neighbour.reader, f.opener, &f.place, hin_buf_view(&neighbour.head),
                              hin_buf_view(&neighbour.body)));
}

/* Whoever alters body or filter can mend the checksums too, which hold no secret: the tag does. */
TEST(test_seal_segment__tampering_is_auth)
{
    FIXTURE(f);
    MADE(m, f, 50);
    MADE(other, f, 50);
    struct hin_view head = hin_buf_view(&m.head);
    /* another segment's body under this head, with its size and checksum */
    hin_copy(m.head.data + 72, other.head.data + 72, 8);
    uint32_t crc = hin_crc32c(0, hin_view_sub(head, 0, 88));
    crc = hin_crc32c(crc, hin_view_sub(head, HIN_SEGMENT_HEAD_BYTES, head.size));
    hin_store_u32(m.head.data + 88, crc);
    CHECK_CODE(hin_segment_open(m.reader, f.opener, &f.place, head, hin_buf_view(&other.body)),
               AUTH);
}

TEST(test_seal_segment__full_builder_keeps_what_it_has)
{
    FIXTURE(f);
    HIN_CLEANUP(made_done) struct made m = {.head = {.max = 200000}, .body = {.max = 10}};
    CHECK_OK(hin_segment_builder_new(&m.builder, 3, 1 << 20));
    CHECK_OK(hin_segment_reader_new(&m.reader));
    CHECK_CODE(hin_segment_finish(m.builder, f.sealer, &f.place, &m.head, &m.body), INVALID);
    CHECK_CODE(fill(m.builder, 4), LIMIT);
    CHECK_INT(hin_segment_builder_count(m.builder), 3);
    CHECK_CODE(hin_segment_finish(m.builder, f.sealer, &f.place, &m.head, &m.body), LIMIT);
    CHECK_INT(m.head.size, 0);
    CHECK_OK(hin_segment_finish(m.builder, f.sealer, &f.place, &m.head, &m.head)); /* one buffer */
    CHECK_INT(hin_segment_builder_count(m.builder), 0);
    struct hin_segment_head head;
    struct hin_view all = hin_buf_view(&m.head);
    CHECK_OK(hin_segment_read_head(all, &head));
    CHECK_OK(hin_segment_open(m.reader, f.opener, &f.place, all,
                              hin_view_sub(all, head.head_bytes, all.size)));
}

TEST(test_seal_segment__newer_version_is_refused_by_name)
{
    FIXTURE(f);
    MADE(m, f, 1);
    struct hin_segment_head head;
    m.head.data[3] = 3;
    CHECK_CODE(hin_segment_read_head(hin_buf_view(&m.head), &head), UNSUPPORTED);
    CHECK_CODE(hin_segment_read_head(HIN_VIEW("PK nonsense"), &head), SYNTAX);
}

/* The lowest version of the index key that any token was made with stands in the head, sealed. */
TEST(test_seal_segment__names_the_index_key_of_its_tokens)
{
    static const struct {
        uint32_t noted[2], kept;
    } rows[] = {{{0, 0}, 1}, {{1, 1}, 1}, {{3, 2}, 2}, {{2, 3}, 2}, {{7, 1}, 1}, {{7, 7}, 7}};
    FIXTURE(f);
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        MADE(m, f, 3);
        struct hin_segment_head head;
        CHECK_OK(hin_segment_read_head(hin_buf_view(&m.head), &head));
        CHECK_INT(head.index_version, 1); /* of the one before; it is forgotten with it */
        hin_buf_clear(&m.head);
        hin_buf_clear(&m.body);
        CHECK_OK(fill(m.builder, 3));
        for (size_t n = 0; n < 2 && rows[i].noted[n] > 0; n++) {
            hin_segment_note_index(m.builder, rows[i].noted[n]);
        }
        CHECK_OK(hin_segment_finish(m.builder, f.sealer, &f.place, &m.head, &m.body));
        CHECK_OK(hin_segment_read_head(hin_buf_view(&m.head), &head));
        CHECK_INT(head.index_version, rows[i].kept);
        CHECK_INT(m.head.data[3], rows[i].kept > 1 ? 2 : 1);
        CHECK_OK(hin_segment_open(m.reader, f.opener, &f.place, hin_buf_view(&m.head),
                                  hin_buf_view(&m.body)));
    }
}

TEST(test_seal_segment__golden_version_2)
{
    FIXTURE(f);
    MADE(m, f, 1);
    BUF(golden);
    struct hin_segment_head head;
    struct hin_segment_record record;
    hin_buf_clear(&m.head);
    hin_buf_clear(&m.body);
    CHECK_OK(fill(m.builder, 20));
    hin_segment_note_index(m.builder, 2);
    CHECK_OK(hin_segment_finish(m.builder, f.sealer, &f.place, &m.head, &m.body));
    CHECK_OK(hin_buf_append(&m.head, hin_buf_view(&m.body)));
    CHECK_OK(golden_read("seal_segment_v2.bin", hin_buf_view(&m.head), &golden));
    struct hin_view all = hin_buf_view(&golden);
    CHECK_OK(hin_segment_read_head(all, &head));
    CHECK_INT(head.index_version, 2);
    CHECK_OK(hin_segment_open(m.reader, f.opener, &f.place, all,
                              hin_view_sub(all, head.head_bytes, all.size)));
    CHECK(hin_segment_next(m.reader, &record));
    CHECK_VIEW(record.bytes, "event 0 of user root");
    /* version and key are bound: the same as version 1 does not open */
    golden.data[3] = 1;
    CHECK_CODE(hin_segment_read_head(hin_buf_view(&golden), &head), CORRUPT);
}

TEST(test_seal_segment__golden_version_1)
{
    FIXTURE(f);
    MADE(m, f, 20);
    BUF(golden);
    struct hin_segment_head head;
    struct hin_segment_record record;
    CHECK_OK(hin_buf_append(&m.head, hin_buf_view(&m.body)));
    CHECK_OK(golden_read("seal_segment_v1.bin", hin_buf_view(&m.head), &golden));
    struct hin_view all = hin_buf_view(&golden);
    CHECK_OK(hin_segment_read_head(all, &head));
    CHECK_OK(hin_segment_open(m.reader, f.opener, &f.place, all,
                              hin_view_sub(all, head.head_bytes, all.size)));
    CHECK(hin_segment_next(m.reader, &record));
    CHECK_VIEW(record.bytes, "event 0 of user root");
}
