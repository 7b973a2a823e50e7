#include "wire/session.h"

#include "base/bytes.h"

struct permit {
    uint8_t state;
    uint8_t direction;
    uint8_t type;
    uint8_t next;
};

#define AGENT(state, type, next)                                                                   \
    {                                                                                              \
        HIN_WIRE_STATE_##state, HIN_WIRE_FROM_AGENT, HIN_WIRE_##type, HIN_WIRE_STATE_##next        \
    }
#define MANAGER(state, type, next)                                                                 \
    {                                                                                              \
        HIN_WIRE_STATE_##state, HIN_WIRE_FROM_MANAGER, HIN_WIRE_##type, HIN_WIRE_STATE_##next      \
    }

/* docs/PROTOCOL.agent.md, "States". What is not here is forbidden. */
static const struct permit permits[] = {
    AGENT(ANONYMOUS, ENROL, ENROLLING),
    MANAGER(ANONYMOUS, REFUSE, CLOSED),

    MANAGER(ENROLLING, ENROLLED, CLOSED),
    MANAGER(ENROLLING, REFUSE, CLOSED),

    AGENT(KNOWN, HELLO, GREETED),
    MANAGER(KNOWN, REFUSE, CLOSED),
    MANAGER(KNOWN, PING, KNOWN),

    AGENT(GREETED, PING, GREETED),
    AGENT(GREETED, PONG, GREETED),
    MANAGER(GREETED, PING, GREETED),
    MANAGER(GREETED, PONG, GREETED),
    MANAGER(GREETED, WELCOME, OPEN),
    MANAGER(GREETED, HELD, HELD),
    MANAGER(GREETED, REFUSE, CLOSED),

    AGENT(OPEN, BATCH, OPEN),
    AGENT(OPEN, HEARTBEAT, OPEN),
    AGENT(OPEN, RENEW, OPEN),
    AGENT(OPEN, POLICY_STATUS, OPEN),
    AGENT(OPEN, PING, OPEN),
    AGENT(OPEN, PONG, OPEN),
    MANAGER(OPEN, ACK, OPEN),
    MANAGER(OPEN, HEARTBEAT_REPLY, OPEN),
    MANAGER(OPEN, RENEWED, OPEN),
    MANAGER(OPEN, POLICY, OPEN),
    MANAGER(OPEN, PING, OPEN),
    MANAGER(OPEN, PONG, OPEN),
    MANAGER(OPEN, HELD, HELD),
    MANAGER(OPEN, REFUSE, CLOSED),

    /* What was under way when "held" was said still arrives. */
    AGENT(HELD, BATCH, HELD),
    AGENT(HELD, HEARTBEAT, HELD),
    AGENT(HELD, RENEW, HELD),
    AGENT(HELD, POLICY_STATUS, HELD),
    AGENT(HELD, PING, HELD),
    AGENT(HELD, PONG, HELD),
    MANAGER(HELD, ACK, HELD),
    MANAGER(HELD, HEARTBEAT_REPLY, HELD),
    MANAGER(HELD, RENEWED, HELD),
    MANAGER(HELD, PING, HELD),
    MANAGER(HELD, PONG, HELD),
    MANAGER(HELD, WELCOME, OPEN),
    MANAGER(HELD, REFUSE, CLOSED),

    AGENT(LAPSED, RENEW, RENEWING),
    MANAGER(LAPSED, REFUSE, CLOSED),

    MANAGER(RENEWING, RENEWED, CLOSED),
    MANAGER(RENEWING, REFUSE, CLOSED),
};

static const struct permit *permit_find(enum hin_wire_state state,
                                        enum hin_wire_direction direction, uint8_t type)
{
    for (size_t i = 0; i < HIN_COUNT(permits); i++) {
        if (permits[i].state == state && permits[i].direction == direction &&
            permits[i].type == type) {
            return &permits[i];
        }
    }
    return NULL;
}

struct hin_result hin_wire_session_step(struct hin_wire_session *session,
                                        enum hin_wire_direction direction, enum hin_wire_type type)
{
    const struct permit *permit = permit_find(session->state, direction, (uint8_t)type);
    HIN_ENSURE(permit != NULL, PROTOCOL);
    session->state = (enum hin_wire_state)permit->next;
    return hin_ok();
}

bool hin_wire_session_allows(const struct hin_wire_session *session,
                             enum hin_wire_direction direction, uint8_t type)
{
    return permit_find(session->state, direction, type) != NULL;
}

const char *hin_wire_state_name(enum hin_wire_state state)
{
    static const char *const names[HIN_WIRE_STATE_COUNT] = {
        [HIN_WIRE_STATE_ANONYMOUS] = "anonymous", [HIN_WIRE_STATE_ENROLLING] = "enrolling",
        [HIN_WIRE_STATE_KNOWN] = "known",         [HIN_WIRE_STATE_LAPSED] = "lapsed",
        [HIN_WIRE_STATE_GREETED] = "greeted",     [HIN_WIRE_STATE_OPEN] = "open",
        [HIN_WIRE_STATE_HELD] = "held",           [HIN_WIRE_STATE_RENEWING] = "renewing",
        [HIN_WIRE_STATE_CLOSED] = "closed",
    };
    return state < HIN_WIRE_STATE_COUNT ? names[state] : "unknown";
}
