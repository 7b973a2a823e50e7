#include "base/bytes.h"
#include "event/codec.h"
#include "harness.h"
#include "sample.h"

struct fixture {
    struct hin_arena arena;
    struct hin_buf buf;
    struct hin_event event;
};

static void start(struct fixture *f)
{
    hin_arena_init(&f->arena, 4 << 20);
    hin_buf_init(&f->buf, 4 << 20);
}

static void stop(struct fixture *f)
{
    hin_arena_done(&f->arena);
    hin_buf_done(&f->buf);
}

/* What was decoded encodes to the same bytes. */
static bool same_again(struct hin_view bytes)
{
    struct fixture f;
    start(&f);
    bool same = hin_is_ok(hin_event_decode(bytes, &f.arena, &f.event)) &&
                hin_is_ok(hin_event_encode(&f.event, &f.buf)) &&
                hin_view_equal(bytes, hin_buf_view(&f.buf));
    stop(&f);
    return same;
}

TEST(test_event_codec__decode_of_encode_is_the_same)
{
    struct fixture f;
    start(&f);
    CHECK_OK(sample_finding(&f.event, &f.arena));
    CHECK_OK(hin_event_encode(&f.event, &f.buf));
    CHECK(same_again(hin_buf_view(&f.buf)));
    struct hin_event got;
    CHECK_OK(hin_event_decode(hin_buf_view(&f.buf), &f.arena, &got));
    CHECK(got.present == f.event.present);
    CHECK_INT(got.extra_count, 2);
    CHECK_VIEW(hin_event_text(&got, HIN_FIELD_USER), "root");
    CHECK_INT(hin_event_integer(&got, HIN_FIELD_TIME), SAMPLE_TIME_USEC);
    CHECK_INT(hin_event_integer(&got, HIN_FIELD_CLOCK_OFFSET), -250);
    CHECK_VIEW(got.values[HIN_FIELD_TECHNIQUES].texts.items[1], "T1078");
    stop(&f);
}

TEST(test_event_codec__every_state_and_the_empty_event)
{
    struct fixture f;
    start(&f);
    for (int64_t code = 1; hin_state_get(code) != NULL; code++) {
        hin_buf_clear(&f.buf);
        CHECK_OK(sample_state(&f.event, &f.arena, (enum hin_state_code)code));
        CHECK_OK(hin_event_encode(&f.event, &f.buf));
        CHECK(same_again(hin_buf_view(&f.buf)));
    }
    hin_buf_clear(&f.buf);
    hin_event_init(&f.event, &f.arena);
    CHECK_OK(hin_event_encode(&f.event, &f.buf));
    CHECK_INT(f.buf.size, 2);
    CHECK(same_again(hin_buf_view(&f.buf)));
    stop(&f);
}

TEST(test_event_codec__peek_agrees_with_decode)
{
    struct fixture f;
    start(&f);
    CHECK_OK(sample_finding(&f.event, &f.arena));
    CHECK_OK(hin_event_encode(&f.event, &f.buf));
    struct hin_event_head head;
    CHECK_OK(hin_event_peek(hin_buf_view(&f.buf), &head));
    CHECK_INT(head.time_usec, SAMPLE_TIME_USEC);
    CHECK_INT(head.class_uid, HIN_CLASS_DETECTION_FINDING);
    CHECK_INT(head.severity_id, 2);
    CHECK_INT(head.computer_id, 7);
    CHECK(head.identity.generation == UINT64_C(0x7edcba9876543210));
    CHECK(head.identity.offset == 123456 && head.identity.finding == 2);
    stop(&f);
}

TEST(test_event_codec__every_cut_is_refused)
{
    struct fixture f;
    start(&f);
    CHECK_OK(sample_finding(&f.event, &f.arena));
    CHECK_OK(hin_event_encode(&f.event, &f.buf));
    size_t whole = 0;
    for (size_t size = 0; size < f.buf.size; size++) {
        struct hin_event event;
        struct hin_event_head head;
        struct hin_view cut = hin_view_sub(hin_buf_view(&f.buf), 0, size);
        bool decodes = hin_is_ok(hin_event_decode(cut, &f.arena, &event));
        CHECK(decodes == hin_is_ok(hin_event_peek(cut, &head)));
        whole += decodes; /* a cut between two entries is a smaller event */
    }
    CHECK(whole < 60);
    stop(&f);
}

TEST(test_event_codec__refuses_what_it_does_not_know)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum hin_code code;
    } cases[] = {
        {"", 0, HIN_TRUNCATED},
        {"\x02\x00", 2, HIN_UNSUPPORTED},                       /* a later version */
        {"\x00\x00", 2, HIN_SYNTAX},                            /* no version */
        {"\x01\x01", 2, HIN_SYNTAX},                            /* reserved byte */
        {"\x01\x00\x04\x02\x04\x02", 6, HIN_SYNTAX},            /* field 1 twice */
        {"\x01\x00\x0c\x02\x04\x02", 6, HIN_SYNTAX},            /* 3 before 1 */
        {"\x01\x00\x05\x01x", 5, HIN_SYNTAX},                   /* time as text */
        {"\x01\x00\x03\x00", 4, HIN_SYNTAX},                    /* no extras */
        {"\x01\x00\x03\x01\x00\x00", 6, HIN_SYNTAX},            /* an extra without a name */
        {"\x01\x00\x03\x02\x01x\x00\x01x\x00", 10, HIN_SYNTAX}, /* a name twice */
        {"\x01\x00\x88\x01\x04", 5, HIN_SYNTAX},                /* a flag of 2 */
        {"\x01\x00\x61\xff\xff\x7f", 6, HIN_LIMIT},             /* a text over the limit */
        {"\x01\x00\x42\x41", 4, HIN_LIMIT},                     /* a list over the limit */
        {"\x01\x00\x84\x00\x02", 5, HIN_SYNTAX},                /* a varint that is not minimal */
    };
    struct fixture f;
    start(&f);
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct hin_result result =
            hin_event_decode(hin_view_of(cases[i].bytes, cases[i].size), &f.arena, &f.event);
        if (result.code != cases[i].code) {
            test_fail(__FILE__, __LINE__, "case %zu: %s", i, hin_code_name(result.code));
        }
    }
    stop(&f);
}

TEST(test_event_codec__skips_fields_of_a_later_build)
{
    /* field 63 (integer), 100 (text), 101 (list) behind the time */
    static const char bytes[] = "\x01\x00\x04\x02\xfc\x01\x08\x91\x03\x02hi\x96\x03\x01\x01z";
    struct fixture f;
    start(&f);
    CHECK_OK(hin_event_decode(hin_view_of(bytes, sizeof(bytes) - 1), &f.arena, &f.event));
    CHECK_INT(hin_event_integer(&f.event, HIN_FIELD_TIME), 1);
    CHECK(f.event.present == UINT64_C(1) << HIN_FIELD_TIME);
    stop(&f);
}

TEST(test_event_codec__limits_leave_the_buffer_as_it_was)
{
    struct fixture f;
    start(&f);
    static uint8_t big[HIN_EVENT_TEXT_MAX];
    hin_fill(big, 'x', sizeof(big));
    hin_event_init(&f.event, &f.arena);
    static const uint16_t fields[] = {HIN_FIELD_RAW, HIN_FIELD_MESSAGE, HIN_FIELD_DATA,
                                      HIN_FIELD_URL};
    CHECK_CODE(hin_event_set_text(&f.event, HIN_FIELD_RAW, hin_view_of(big, sizeof(big) + 1)),
               LIMIT);
    for (size_t i = 0; i < HIN_COUNT(fields); i++) {
        CHECK_OK(hin_event_set_text(&f.event, fields[i], hin_view_of(big, sizeof(big))));
    }
    CHECK_CODE(hin_event_encode(&f.event, &f.buf), LIMIT);
    CHECK_INT(f.buf.size, 0);
    hin_event_unset(&f.event, HIN_FIELD_URL);
    CHECK_OK(hin_event_encode(&f.event, &f.buf));
    CHECK(same_again(hin_buf_view(&f.buf)));
    stop(&f);
}

/* The golden bytes of version 1: what this build wrote first must be readable for ever. */
TEST(test_event_codec__golden_version_1)
{
    static const char golden[] = "\x01\x00\x04\x80\x89\x7a\x0c\xa8\x1f\x14\x04\x18\x0e\x34\xa8\x59"
                                 "\x61\x04root\x03\x01\x03tty\x05pts/0";
    struct fixture f;
    start(&f);
    hin_event_init(&f.event, &f.arena);
    CHECK_OK(hin_event_set_integer(&f.event, HIN_FIELD_TIME, 1000000));
    CHECK_OK(hin_event_set_integer(&f.event, HIN_FIELD_CLASS, 2004));
    CHECK_OK(hin_event_set_integer(&f.event, HIN_FIELD_SEVERITY, 2));
    CHECK_OK(hin_event_set_integer(&f.event, HIN_FIELD_COMPUTER_ID, 7));
    CHECK_OK(hin_event_set_integer(&f.event, HIN_FIELD_RULE_ID, 5716));
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_USER, HIN_VIEW("root")));
    CHECK_OK(hin_event_set_extra(&f.event, HIN_VIEW("tty"), HIN_VIEW("pts/0")));
    CHECK_OK(hin_event_encode(&f.event, &f.buf));
    CHECK(hin_view_equal(hin_buf_view(&f.buf), hin_view_of(golden, sizeof(golden) - 1)));
    stop(&f);
}
