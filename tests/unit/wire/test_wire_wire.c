#include "wire/wire.h"

#include "base/bytes.h"
#include "harness.h"

#define CASES_MAX 32

static const struct hin_wire_message *cases(size_t *ret_count)
{
    static struct hin_wire_message list[CASES_MAX];
    size_t n = 0;
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_HELLO,
                                          .hello = {.version_oldest = 1,
                                                    .version_newest = 2,
                                                    .agent_id = {1, 2, 3},
                                                    .session_counter = 7,
                                                    .spool_first = 11,
                                                    .spool_last = 20,
                                                    .policy_serial = 3,
                                                    .wall_usec = -5,
                                                    .agent_version = HIN_VIEW("0.1.0"),
                                                    .host_name = HIN_VIEW("h\xc3\xa4uschen"),
                                                    .os_name = HIN_VIEW("Debian GNU/Linux 12"),
                                                    .platform = HIN_VIEW("x86_64"),
                                                    .checkpoint = HIN_VIEW("\0\1\2")}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_WELCOME,
                                          .welcome = {.version = 2,
                                                      .durable = UINT64_MAX,
                                                      .wall_usec = INT64_MAX,
                                                      .heartbeat_sec = 60,
                                                      .window_batches = 8,
                                                      .batch_max_bytes = 1U << 20,
                                                      .policy_serial = 9}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_ENROL,
                                          .enrol = {.version_oldest = 1,
                                                    .version_newest = 2,
                                                    .token = HIN_VIEW("token"),
                                                    .csr = HIN_VIEW("0\x82"),
                                                    .agent_version = HIN_VIEW("0.1.0"),
                                                    .host_name = HIN_VIEW("host")}};
    list[n++] =
        (struct hin_wire_message){.type = HIN_WIRE_ENROLLED,
                                  .enrolled = {.status = HIN_WIRE_ISSUED,
                                               .agent_id = {9},
                                               .tenant_id = {8},
                                               .certificate_count = 2,
                                               .certificates = {HIN_VIEW("leaf"), HIN_VIEW("ca")},
                                               .policy_key = HIN_VIEW("key")}};
    list[n++] = (struct hin_wire_message){
        .type = HIN_WIRE_ENROLLED, .enrolled = {.status = HIN_WIRE_PENDING, .retry_sec = 10}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_RENEW, .renew = {HIN_VIEW("csr")}};
    list[n++] = (struct hin_wire_message){
        .type = HIN_WIRE_RENEWED,
        .renewed = {.certificates = {HIN_VIEW("leaf"), HIN_VIEW("ca")}, .certificate_count = 2}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_BATCH,
                                          .batch = {.first = 1,
                                                    .count = 3,
                                                    .compression = HIN_WIRE_ZSTD,
                                                    .raw_bytes = 99,
                                                    .body = HIN_VIEW("squeezed")}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_ACK, .ack = {77}};
    list[n++] = (struct hin_wire_message){
        .type = HIN_WIRE_HEARTBEAT,
        .heartbeat = {.wall_usec = 1,
                      .clock_offset_usec = -2,
                      .spool_count = 3,
                      .spool_bytes = 4,
                      .policy_serial = 5,
                      .counters = {{HIN_VIEW("lines"), 6}, {HIN_VIEW("events_lost"), UINT64_MAX}},
                      .counter_count = 2,
                      .checkpoint = HIN_VIEW("signed")}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_HEARTBEAT_REPLY,
                                          .heartbeat_reply = {1, 2, HIN_VIEW("newer")}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_POLICY,
                                          .policy = {.serial = 4,
                                                     .total_bytes = 100,
                                                     .offset = 90,
                                                     .digest = {1, 2},
                                                     .chunk = HIN_VIEW("0123456789")}};
    list[n++] = (struct hin_wire_message){
        .type = HIN_WIRE_POLICY_STATUS,
        .policy_status = {4, HIN_WIRE_POLICY_REFUSED, HIN_VIEW("a.xml:3:9: unknown element")}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_PING, .ping = {1}};
    list[n++] = (struct hin_wire_message){.type = HIN_WIRE_PONG, .pong = {1}};
    list[n++] =
        (struct hin_wire_message){.type = HIN_WIRE_REFUSE,
                                  .refuse = {1, 2, HIN_WIRE_REFUSE_CLONED, 60,
                                             HIN_VIEW("another folder with this identity")}};
    list[n++] =
        (struct hin_wire_message){.type = HIN_WIRE_HELD, .held = {HIN_VIEW("wait for approval")}};
    *ret_count = n;
    return list;
}

static void round_trip(uint16_t version, const struct hin_wire_message *message)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf first = {.max = 5U << 20}, second = {.max = 5U << 20};
    CHECK_OK(hin_wire_encode(version, message, &first));
    struct hin_wire_frame frame;
    CHECK_OK(hin_wire_frame_next(hin_buf_view(&first), HIN_WIRE_PAYLOAD_MAX_BYTES, &frame));
    CHECK_INT(frame.size, first.size);
    CHECK_INT(frame.version, version);
    CHECK_INT(frame.type, message->type);
    struct hin_wire_message back;
    CHECK_OK(hin_wire_decode(version, frame.type, frame.payload, &back));
    CHECK_OK(hin_wire_encode(version, &back, &second));
    CHECK(hin_view_equal(hin_buf_view(&first), hin_buf_view(&second)));
    hin_buf_done(&second);
    /* Every shorter input is either not whole or not a message. */
    for (size_t cut = 0; cut < first.size; cut++) {
        CHECK_CODE(
            hin_wire_frame_next(hin_view_of(first.data, cut), HIN_WIRE_PAYLOAD_MAX_BYTES, &frame),
            AGAIN);
    }
}

TEST(test_wire_wire__every_message_comes_back_the_same_in_every_version)
{
    size_t count = 0;
    const struct hin_wire_message *list = cases(&count);
    for (uint16_t version = HIN_WIRE_VERSION_OLDEST; version <= HIN_WIRE_VERSION; version++) {
        for (size_t i = 0; i < count; i++) {
            round_trip(version, &list[i]);
        }
    }
}

TEST(test_wire_wire__every_type_has_a_case)
{
    size_t count = 0;
    const struct hin_wire_message *list = cases(&count);
    for (uint8_t type = 1; type < HIN_WIRE_TYPE_COUNT; type++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            found = found || list[i].type == type;
        }
        CHECK(found);
    }
    CHECK_VIEW(hin_view_from_text(hin_wire_type_name(9)), "heartbeat");
    CHECK_VIEW(hin_view_from_text(hin_wire_type_name(200)), "unknown");
}

TEST(test_wire_wire__a_shortened_or_lengthened_payload_is_refused)
{
    size_t count = 0;
    const struct hin_wire_message *list = cases(&count);
    for (size_t i = 0; i < count; i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1U << 20};
        CHECK_OK(hin_wire_encode(HIN_WIRE_VERSION, &list[i], &buf));
        struct hin_view payload =
            hin_view_sub(hin_buf_view(&buf), HIN_WIRE_FRAME_HEADER_BYTES, buf.size);
        struct hin_wire_message back;
        if (list[i].type != HIN_WIRE_BATCH) { /* whose body takes whatever is left */
            for (size_t cut = 0; cut < payload.size; cut++) {
                CHECK_CODE(hin_wire_decode(HIN_WIRE_VERSION, (uint8_t)list[i].type,
                                           hin_view_sub(payload, 0, cut), &back),
                           PROTOCOL);
            }
            CHECK_OK(hin_buf_append_byte(&buf, 0));
            payload = hin_view_sub(hin_buf_view(&buf), HIN_WIRE_FRAME_HEADER_BYTES, buf.size);
            CHECK_CODE(hin_wire_decode(HIN_WIRE_VERSION, (uint8_t)list[i].type, payload, &back),
                       PROTOCOL);
        }
    }
}

TEST(test_wire_wire__version_1_leaves_out_what_came_later)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4096};
    struct hin_wire_message heartbeat = {.type = HIN_WIRE_HEARTBEAT,
                                         .heartbeat = {.counters = {{HIN_VIEW("lines"), 1}},
                                                       .counter_count = 1,
                                                       .checkpoint = HIN_VIEW("x")}};
    CHECK_OK(hin_wire_encode(1, &heartbeat, &buf));
    struct hin_wire_frame frame;
    struct hin_wire_message back;
    CHECK_OK(hin_wire_frame_next(hin_buf_view(&buf), 4096, &frame));
    CHECK_OK(hin_wire_decode(1, frame.type, frame.payload, &back));
    CHECK_INT(back.heartbeat.counter_count, 0);
    CHECK_INT(back.heartbeat.checkpoint.size, 0);
    CHECK_CODE(hin_wire_decode(2, frame.type, frame.payload, &back), PROTOCOL);
}

TEST(test_wire_wire__negotiates_the_newest_common_version)
{
    uint16_t version = 0;
    CHECK_OK(hin_wire_negotiate(1, 2, 1, 2, &version));
    CHECK_INT(version, 2);
    CHECK_OK(hin_wire_negotiate(1, 2, 1, 1, &version));
    CHECK_INT(version, 1);
    CHECK_OK(hin_wire_negotiate(1, 2, 2, 9, &version));
    CHECK_INT(version, 2);
    CHECK_CODE(hin_wire_negotiate(1, 2, 3, 3, &version), UNSUPPORTED);
    CHECK_CODE(hin_wire_negotiate(2, 3, 1, 1, &version), UNSUPPORTED);
}

TEST(test_wire_wire__unknown_version_and_type_are_refused_by_name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 4096};
    struct hin_wire_message back, ping = {.type = HIN_WIRE_PING, .ping = {1}};
    CHECK_CODE(hin_wire_encode(HIN_WIRE_VERSION + 1, &ping, &buf), UNSUPPORTED);
    CHECK_CODE(hin_wire_decode(HIN_WIRE_VERSION + 1, HIN_WIRE_PING, HIN_VIEW("12345678"), &back),
               UNSUPPORTED);
    CHECK_CODE(hin_wire_decode(HIN_WIRE_VERSION, 0, HIN_VIEW_EMPTY, &back), UNSUPPORTED);
    CHECK_CODE(hin_wire_decode(HIN_WIRE_VERSION, 17, HIN_VIEW_EMPTY, &back), UNSUPPORTED);
    CHECK_CODE(hin_wire_decode(HIN_WIRE_VERSION, 255, HIN_VIEW_EMPTY, &back), UNSUPPORTED);
}

TEST(test_wire_wire__frame_with_wrong_header_is_refused_at_once)
{
    struct hin_wire_frame frame;
    CHECK_CODE(hin_wire_frame_next(HIN_VIEW("GET / HT"), 4096, &frame), PROTOCOL);
    CHECK_CODE(hin_wire_frame_next(HIN_VIEW("HNW2"), 4096, &frame), PROTOCOL);
    CHECK_CODE(hin_wire_frame_next(HIN_VIEW("HNW1\2\0\15\1\0\0\0\0"), 4096, &frame), PROTOCOL);
    CHECK_CODE(hin_wire_frame_next(HIN_VIEW("HNW1\2\0\15\0\1\20\0\0"), 4096, &frame), LIMIT);
    CHECK_CODE(hin_wire_frame_next(HIN_VIEW("HNW1\2\0\15\0\377\377\377\377"), SIZE_MAX, &frame),
               LIMIT);
    CHECK_CODE(hin_wire_frame_next(HIN_VIEW_EMPTY, 4096, &frame), AGAIN);
}

TEST(test_wire_wire__values_outside_their_limits_are_not_encoded)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1U << 20};
    static uint8_t big[HIN_WIRE_CSR_MAX_BYTES + 1];
    hin_fill(big, 'a', sizeof(big));
    struct hin_wire_message bad[] = {
        {.type = HIN_WIRE_HELLO, .hello = {.version_oldest = 2, .version_newest = 1}},
        {.type = HIN_WIRE_HELLO,
         .hello = {.version_oldest = 1, .version_newest = 1, .spool_first = 5, .spool_last = 3}},
        {.type = HIN_WIRE_RENEW, .renew = {hin_view_of(big, sizeof(big))}},
        {.type = HIN_WIRE_HELD, .held = {HIN_VIEW("line\nbreak")}},
        {.type = HIN_WIRE_HELD, .held = {HIN_VIEW("\xff")}},
        {.type = HIN_WIRE_HELD, .held = {HIN_VIEW("\xc0\x80")}},
        {.type = HIN_WIRE_HELD, .held = {HIN_VIEW("\xed\xa0\x80")}},
        {.type = HIN_WIRE_BATCH,
         .batch = {.first = 0, .count = 1, .raw_bytes = 1, .body = HIN_VIEW("a")}},
        {.type = HIN_WIRE_BATCH,
         .batch = {.first = UINT64_MAX, .count = 2, .raw_bytes = 1, .body = HIN_VIEW("a")}},
        {.type = HIN_WIRE_BATCH,
         .batch = {.first = 1, .count = 1, .raw_bytes = 2, .body = HIN_VIEW("a")}},
        {.type = HIN_WIRE_POLICY,
         .policy = {.serial = 1, .total_bytes = 3, .offset = 2, .chunk = HIN_VIEW("ab")}},
        {.type = HIN_WIRE_HEARTBEAT,
         .heartbeat = {.counters = {{HIN_VIEW("Upper"), 1}}, .counter_count = 1}},
        {.type = HIN_WIRE_ENROLLED, .enrolled = {.status = 3}},
        {.type = HIN_WIRE_ENROLLED, .enrolled = {.status = HIN_WIRE_ISSUED}},
    };
    for (size_t i = 0; i < HIN_COUNT(bad); i++) {
        CHECK_CODE(hin_wire_encode(HIN_WIRE_VERSION, &bad[i], &buf), INVALID);
        CHECK_INT(buf.size, 0);
    }
}

TEST(test_wire_wire__refusals_have_a_sentence)
{
    CHECK(hin_wire_refusal_text(HIN_WIRE_REFUSE_REVOKED)[0] != '\0');
    CHECK_VIEW(hin_view_from_text(hin_wire_refusal_text(999)), "refused");
}
