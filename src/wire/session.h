/* What may be said when: the states of a connection as one const table that both sides share. Pure.
 */
#ifndef HIN_WIRE_SESSION_H
#define HIN_WIRE_SESSION_H

#include "wire/wire.h"

enum hin_wire_state {
    HIN_WIRE_STATE_ANONYMOUS, /* start: no client certificate; only enrol */
    HIN_WIRE_STATE_ENROLLING, /* enrol was sent */
    HIN_WIRE_STATE_KNOWN,     /* start: valid client certificate; hello first */
    HIN_WIRE_STATE_LAPSED,    /* start: expired but not revoked, within the grace; only renew */
    HIN_WIRE_STATE_GREETED,   /* hello was sent; the manager may ping an older session meanwhile */
    HIN_WIRE_STATE_OPEN,      /* welcome was said */
    HIN_WIRE_STATE_HELD,      /* held for approval: no batches */
    HIN_WIRE_STATE_RENEWING,  /* renew sent on a LAPSED connection */
    HIN_WIRE_STATE_CLOSED,    /* refused, or enrolled or renewed to the end: nothing more */
    HIN_WIRE_STATE_COUNT
};

enum hin_wire_direction { HIN_WIRE_FROM_AGENT = 1, HIN_WIRE_FROM_MANAGER = 2 };

struct hin_wire_session {
    enum hin_wire_state state;
    uint16_t version; /* for encode and decode: HIN_WIRE_VERSION until a welcome sets it */
};

static inline struct hin_wire_session hin_wire_session_begin(enum hin_wire_state start)
{
    return (struct hin_wire_session){start, HIN_WIRE_VERSION};
}

/* A message of this type goes by in this direction, sent or received: PROTOCOL when the table does
 * not allow it in the present state (nothing changes then), else the state moves on. Call for both
 * what you send and what you get. The version is the caller's to set from the welcome. */
HIN_RESULT hin_wire_session_step(struct hin_wire_session *session,
                                 enum hin_wire_direction direction,
                                 enum hin_wire_type type) HIN_NONNULL;
bool hin_wire_session_allows(const struct hin_wire_session *session,
                             enum hin_wire_direction direction, uint8_t type);
const char *hin_wire_state_name(enum hin_wire_state state);

#endif
