/* Permit tables (after OpenSSH's monitor): what one process may ask of another, as a const table.
 * Everything that is not in the table, or not in this form, or not now, is PROTOCOL, and the
 * process that received it ends. */
#ifndef HIN_IPC_PERMIT_H
#define HIN_IPC_PERMIT_H

#include "ipc/channel.h"

enum hin_ipc_permit_flags {
    HIN_IPC_ONCE = 1 << 0,    /* at most once in the life of the channel */
    HIN_IPC_REQUEST = 1 << 1, /* must carry a request id (the handler answers, now or later) */
    HIN_IPC_REPLY = 1 << 2,   /* matches replies only; rows without it match none */
};

/* Answers OK, or a failure that ends the dispatch and goes to its caller. SYNTAX and TRUNCATED
 * (from the bounded readers of base/codec.h; call hin_read_end last) become PROTOCOL. A refusal the
 * peer may see is no failure: send a reply with a code and return OK. */
typedef struct hin_result hin_ipc_handler(void *context, struct hin_ipc *channel,
                                          struct hin_ipc_message *message);

struct hin_ipc_permit {
    uint16_t type;
    uint16_t flags;
    uint8_t fds_min, fds_max;
    uint32_t min_bytes, max_bytes; /* of the payload; a reply that refuses may be empty */
    uint32_t states;               /* bit mask of states in which it is permitted; 0 = in all */
    hin_ipc_handler *handle;
};

#define HIN_IPC_ROWS_MAX 64
struct hin_ipc_table {
    const char *name; /* of the edge, for messages to people: "worker -> keys" */
    const struct hin_ipc_permit *rows;
    size_t count; /* at most HIN_IPC_ROWS_MAX */
};

/* One per channel. Initialise with {.table = &table}. The handler may move `state` as the
 * conversation moves. */
struct hin_ipc_permits {
    const struct hin_ipc_table *table;
    uint32_t state; /* a single bit that is compared with `states` */
    uint64_t used;  /* rows used, for HIN_IPC_ONCE */
};

/* Is this message permitted now? Gives the row; PROTOCOL otherwise. */
HIN_RESULT hin_ipc_check(struct hin_ipc_permits *permits, const struct hin_ipc_message *message,
                         const struct hin_ipc_permit **ret_row) HIN_NONNULL;
/* Check one message and run its handler. */
HIN_RESULT hin_ipc_handle(struct hin_ipc_permits *permits, struct hin_ipc *channel,
                          struct hin_ipc_message *message, void *context)
    __attribute__((nonnull(1, 2, 3)));
/* Receive, check and handle until nothing waits or `max_messages` were handled (0 = no bound). OK:
 * nothing more is ready; AGAIN: the bound was reached, come back without waiting; any other code:
 * as received or from a handler. */
HIN_RESULT hin_ipc_dispatch(struct hin_ipc_permits *permits, struct hin_ipc *channel,
                            size_t max_messages, void *context) __attribute__((nonnull(1, 2)));

#endif
