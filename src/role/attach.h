/* All edges of a role in an event loop (io/loop.h): the loop's counterpart of hin_role_serve.
 * Channels to peers come, go and come back by themselves; what arrives is checked and handled by
 * the tables of the services. */
#ifndef HIN_ROLE_ATTACH_H
#define HIN_ROLE_ATTACH_H

#include "io/loop.h"
#include "role/role.h"

struct hin_role_attached;

struct hin_role_attachment {
    const struct hin_role_service
        *services; /* by peer name; "parent" for the program's messages from there. A peer
                      without a service may send nothing, not even replies */
    size_t service_count;
    void *context; /* of the handlers and of the calls below */
    /* The channel is there (again): may be used until peer_down, which is called before it is
     * freed. May be NULL. */
    void (*peer_up)(void *context, const char *name, unsigned instance, struct hin_ipc *channel);
    void (*peer_down)(void *context, const char *name, unsigned instance, struct hin_ipc *channel);
    void (*stop)(void *context); /* the parent says stop: finish, then hin_loop_stop */
    /* The process is to end with this result (return it from run): the parent is gone, or somebody
     * broke the protocol. Called once; nothing is read from then on. */
    void (*failed)(void *context, struct hin_result result);
};

/* role, loop and attachment are borrowed until hin_role_detach. peer_up is called from inside for
 * peers that are there. Does not say ready: call hin_role_ready when you serve. */
HIN_RESULT hin_role_attach(struct hin_role *role, struct hin_loop *loop,
                           const struct hin_role_attachment *attachment,
                           struct hin_role_attached **ret_attached) HIN_NONNULL;
/* Before the loop is freed. NULL is fine. Not from inside a callback of this attachment. */
void hin_role_detach(struct hin_role_attached *attached);

/* After sending on a peer's or the parent's channel, or after hin_ipc_call on it, outside a
 * handler: so that what is queued goes out, and what came meanwhile is handled. Inside handlers it
 * happens by itself. Cheap. */
void hin_role_wake(struct hin_role_attached *attached) HIN_NONNULL;
/* Stop (and begin again) reading from one peer: back-pressure. What it sends waits in the socket,
 * then with it. */
void hin_role_pause(struct hin_role_attached *attached, struct hin_ipc *channel,
                    bool pause) HIN_NONNULL;

#endif
