#include "wire/session.h"

#include "harness.h"

static const enum hin_wire_direction A = HIN_WIRE_FROM_AGENT, M = HIN_WIRE_FROM_MANAGER;

TEST(test_wire_session__a_whole_life_is_allowed)
{
    struct hin_wire_session s = hin_wire_session_begin(HIN_WIRE_STATE_KNOWN);
    CHECK_OK(hin_wire_session_step(&s, A, HIN_WIRE_HELLO));
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_WELCOME));
    CHECK_OK(hin_wire_session_step(&s, A, HIN_WIRE_BATCH));
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_ACK));
    CHECK_OK(hin_wire_session_step(&s, A, HIN_WIRE_HEARTBEAT));
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_POLICY));
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_HELD));
    CHECK_INT(s.state, HIN_WIRE_STATE_HELD);
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_WELCOME));
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_REFUSE));
    CHECK_INT(s.state, HIN_WIRE_STATE_CLOSED);
}

TEST(test_wire_session__anonymous_may_only_enrol)
{
    for (unsigned type = 0; type < 256; type++) {
        struct hin_wire_session s = hin_wire_session_begin(HIN_WIRE_STATE_ANONYMOUS);
        CHECK_INT(hin_wire_session_allows(&s, A, (uint8_t)type), type == HIN_WIRE_ENROL);
    }
}

TEST(test_wire_session__lapsed_may_only_renew)
{
    for (unsigned type = 0; type < 256; type++) {
        struct hin_wire_session s = hin_wire_session_begin(HIN_WIRE_STATE_LAPSED);
        CHECK_INT(hin_wire_session_allows(&s, A, (uint8_t)type), type == HIN_WIRE_RENEW);
    }
}

TEST(test_wire_session__nothing_before_hello_and_nothing_after_the_end)
{
    struct hin_wire_session s = hin_wire_session_begin(HIN_WIRE_STATE_KNOWN);
    CHECK_CODE(hin_wire_session_step(&s, A, HIN_WIRE_BATCH), PROTOCOL);
    CHECK_CODE(hin_wire_session_step(&s, M, HIN_WIRE_WELCOME), PROTOCOL);
    CHECK_INT(s.state, HIN_WIRE_STATE_KNOWN);
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_REFUSE));
    for (unsigned type = 0; type < 256; type++) {
        CHECK(!hin_wire_session_allows(&s, A, (uint8_t)type));
        CHECK(!hin_wire_session_allows(&s, M, (uint8_t)type));
    }
}

TEST(test_wire_session__second_hello_is_refused)
{
    struct hin_wire_session s = hin_wire_session_begin(HIN_WIRE_STATE_KNOWN);
    CHECK_OK(hin_wire_session_step(&s, A, HIN_WIRE_HELLO));
    CHECK_CODE(hin_wire_session_step(&s, A, HIN_WIRE_HELLO), PROTOCOL);
    CHECK_CODE(hin_wire_session_step(&s, A, HIN_WIRE_BATCH), PROTOCOL);
    CHECK_OK(hin_wire_session_step(&s, M, HIN_WIRE_WELCOME));
    CHECK_CODE(hin_wire_session_step(&s, A, HIN_WIRE_HELLO), PROTOCOL);
    CHECK_CODE(hin_wire_session_step(&s, M, HIN_WIRE_WELCOME), PROTOCOL);
}

TEST(test_wire_session__no_policy_and_no_new_ack_path_while_held)
{
    struct hin_wire_session s = hin_wire_session_begin(HIN_WIRE_STATE_HELD);
    CHECK_CODE(hin_wire_session_step(&s, M, HIN_WIRE_POLICY), PROTOCOL);
    CHECK_CODE(hin_wire_session_step(&s, A, HIN_WIRE_HELLO), PROTOCOL);
    CHECK_OK(hin_wire_session_step(&s, A, HIN_WIRE_PONG));
}
