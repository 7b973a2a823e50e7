/* A complete loop for roles that only answer: poll(2) over the parent and all peers. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/time.h"
#include "role/role_internal.h"

#define BURST 64 /* messages of one peer before the next has its turn */

struct server {
    struct hin_role *role;
    const struct hin_role_loop *loop;
    struct hin_role_events events;
    struct hin_ipc_permits from_parent;
    struct pollfd polled[HIN_ROLE_COUNT_MAX + 1];
    struct role_peer *peers[HIN_ROLE_COUNT_MAX + 1];
    size_t count;
};

static const struct hin_ipc_table nothing = {"no service", NULL, 0};

static const struct hin_ipc_table *find_table(const struct hin_role_loop *loop, const char *peer)
{
    for (size_t i = 0; i < loop->service_count; i++) {
        if (hin_view_is(hin_view_from_text(peer), loop->services[i].peer)) {
            return loop->services[i].table;
        }
    }
    return &nothing;
}

static void on_down(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct server *server = context;
    if (server->loop->peer_down != NULL) {
        server->loop->peer_down(server->loop->context, name, instance);
    }
}

static void on_up(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct server *server = context;
    struct role_peer *peer = hin_role_find_peer(server->role, hin_view_from_text(name), instance);
    peer->permits = (struct hin_ipc_permits){.table = find_table(server->loop, name), .state = 1};
}

static void add(struct server *server, struct hin_ipc *channel, struct role_peer *peer)
{
    if (server->count < HIN_COUNT(server->polled)) {
        short events = (short)(POLLIN | (hin_ipc_wants_write(channel) ? POLLOUT : 0));
        server->polled[server->count] =
            (struct pollfd){.fd = hin_ipc_fd(channel), .events = events};
        server->peers[server->count++] = peer;
    }
}

/* Poll all; without waiting when a message lies in a buffer already. */
static HIN_RESULT wait_all(struct server *server, int64_t timeout_usec)
{
    struct hin_role *role = server->role;
    bool busy = hin_ipc_has_message(role->parent);
    server->count = 0;
    add(server, role->parent, NULL);
    for (struct role_peer *peer = role->peers; peer != NULL; peer = peer->next) {
        if (peer->channel != NULL) {
            add(server, peer->channel, peer);
            busy = busy || hin_ipc_has_message(peer->channel);
        }
    }
    timeout_usec = busy ? 0 : timeout_usec;
    struct timespec timeout = {timeout_usec / HIN_SEC_USEC, (timeout_usec % HIN_SEC_USEC) * 1000};
    if (ppoll(server->polled, server->count, timeout_usec < 0 ? NULL : &timeout, NULL) < 0 &&
        errno != EINTR) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_ok();
}

static HIN_RESULT serve_peer(struct server *server, size_t at)
{
    struct role_peer *peer = server->peers[at];
    struct hin_ipc *channel = peer->channel;
    /* the parent may have rewired the edge meanwhile: then its turn comes with the next round */
    if (channel == NULL || hin_ipc_fd(channel) != server->polled[at].fd ||
        (server->polled[at].revents == 0 && !hin_ipc_has_message(channel))) {
        return hin_ok();
    }
    struct hin_result result = hin_ok();
    if (hin_ipc_wants_write(channel)) {
        result = hin_ipc_flush(channel);
    }
    if (hin_is_ok(result) || result.code == HIN_AGAIN || result.code == HIN_CLOSED) {
        result = hin_ipc_dispatch(&peer->permits, channel, BURST, server->loop->context);
    }
    if (result.code == HIN_CLOSED) {
        hin_role_peer_closed(server->role, channel);
        return hin_ok();
    }
    return result.code == HIN_AGAIN ? hin_ok() : result;
}

static HIN_RESULT turn(struct server *server, int64_t *next_tick)
{
    const struct hin_role_loop *loop = server->loop;
    int64_t now = hin_clock_monotonic_usec(hin_clock_system());
    if (loop->tick != NULL && now >= *next_tick) {
        HIN_TRY(loop->tick(loop->context, now));
        *next_tick = now + loop->tick_usec;
    }
    HIN_TRY(wait_all(server, loop->tick != NULL ? HIN_MAX(*next_tick - now, 0) : -1));
    HIN_TRY(hin_role_handle_parent(server->role));
    for (size_t i = 1; i < server->count && !server->role->stopping; i++) {
        HIN_TRY(serve_peer(server, i));
    }
    return hin_ok();
}

HIN_RESULT hin_role_serve(struct hin_role *role, const struct hin_role_loop *loop)
{
    struct server *server = calloc(1, sizeof(*server));
    HIN_ENSURE(server != NULL, NO_MEMORY);
    server->role = role;
    server->loop = loop;
    server->from_parent = (struct hin_ipc_permits){.table = find_table(loop, "parent"), .state = 1};
    server->events = (struct hin_role_events){.context = server,
                                              .up = on_up,
                                              .down = on_down,
                                              .from_parent = &server->from_parent,
                                              .from_parent_context = loop->context};
    hin_role_listen(role, &server->events);
    struct hin_result result = hin_role_ready(role);
    int64_t next_tick = 0;
    while (hin_is_ok(result) && !role->stopping) {
        result = turn(server, &next_tick);
    }
    role->events = NULL;
    free(server);
    return result;
}
