#include "role/attach.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "role/role_internal.h"

#define BURST 64 /* messages of one peer before the loop turns to others */

struct edge {
    struct edge *next;
    struct hin_role_attached *attached;
    struct hin_ipc *channel; /* NULL: the peer is gone, to be swept */
    struct hin_watch *watch;
    struct hin_ipc_permits permits;
    bool parent, paused;
};

struct hin_role_attached {
    struct hin_role *role;
    struct hin_loop *loop;
    const struct hin_role_attachment *attachment;
    struct hin_role_events events;
    struct hin_ipc_permits from_parent;
    struct edge *edges;
    bool failed, waking;
};

static const struct hin_ipc_table nothing = {"no service", NULL, 0};

static const struct hin_ipc_table *find_table(const struct hin_role_attachment *attachment,
                                              const char *peer)
{
    for (size_t i = 0; i < attachment->service_count; i++) {
        if (strcmp(attachment->services[i].peer, peer) == 0) {
            return attachment->services[i].table;
        }
    }
    return &nothing;
}

static void fail(struct hin_role_attached *attached, struct hin_result result)
{
    if (attached->failed) {
        return;
    }
    attached->failed = true;
    for (struct edge *edge = attached->edges; edge != NULL; edge = edge->next) {
        if (edge->watch != NULL) {
            HIN_IGNORE(
                hin_watch_set(edge->watch, HIN_WATCH_NONE)); /* the process ends either way */
        }
    }
    if (attached->attachment->failed != NULL) {
        attached->attachment->failed(attached->attachment->context, result);
    }
}

static void wake_later(void *context);

/* What each edge waits for now; and another turn when messages lie in a buffer. */
static void arm(struct hin_role_attached *attached)
{
    bool waiting = false;
    for (struct edge *edge = attached->edges; edge != NULL && !attached->failed;
         edge = edge->next) {
        if (edge->channel == NULL) {
            continue;
        }
        unsigned events = (edge->paused ? 0u : HIN_WATCH_READ) |
                          (hin_ipc_wants_write(edge->channel) ? HIN_WATCH_WRITE : 0u);
        struct hin_result result = hin_watch_set(edge->watch, events);
        if (!hin_is_ok(result)) {
            fail(attached, result);
            return;
        }
        waiting = waiting || (!edge->paused && hin_ipc_has_message(edge->channel));
    }
    if (waiting && !attached->waking) {
        struct hin_result result = hin_loop_defer(attached->loop, wake_later, attached);
        attached->waking = hin_is_ok(result);
        if (!hin_is_ok(result)) {
            fail(attached, result);
        }
    }
}

static void sweep(struct hin_role_attached *attached)
{
    for (struct edge **at = &attached->edges; *at != NULL;) {
        struct edge *edge = *at;
        if (edge->channel != NULL) {
            at = &edge->next;
            continue;
        }
        *at = edge->next;
        hin_watch_free(edge->watch);
        free(edge);
    }
}

/* One turn of an edge. It may vanish meanwhile: `channel` becomes NULL, the sweep comes later. */
static void serve(struct edge *edge)
{
    struct hin_role_attached *attached = edge->attached;
    struct hin_ipc *channel = edge->channel;
    struct hin_result result = hin_ipc_flush(channel);
    if (edge->paused && (hin_is_ok(result) || result.code == HIN_AGAIN)) {
        return;
    }
    if (edge->parent) {
        result = hin_role_handle_parent(attached->role);
    } else if (hin_is_ok(result) || result.code == HIN_AGAIN || result.code == HIN_CLOSED) {
        result = hin_ipc_dispatch(&edge->permits, channel, BURST, attached->attachment->context);
        if (result.code == HIN_CLOSED) {
            if (edge->channel != NULL) {
                hin_role_peer_closed(attached->role, channel);
            }
            return;
        }
    }
    if (!hin_is_ok(result) && result.code != HIN_AGAIN) {
        fail(attached, result);
    }
}

static void on_event(void *context, unsigned events)
{
    struct edge *edge = context;
    struct hin_role_attached *attached = edge->attached;
    if (attached->failed || edge->channel == NULL) {
        return;
    }
    serve(edge);
    sweep(attached);
    arm(attached);
}

static void wake_later(void *context)
{
    struct hin_role_attached *attached = context;
    attached->waking = false;
    /* edges that come up meanwhile stand in front and have their own events */
    for (struct edge *edge = attached->edges; edge != NULL && !attached->failed;
         edge = edge->next) {
        if (edge->channel != NULL && hin_ipc_has_message(edge->channel)) {
            serve(edge);
        }
    }
    sweep(attached);
    arm(attached);
}

static HIN_RESULT add_edge(struct hin_role_attached *attached, struct hin_ipc *channel,
                           const char *name, struct edge **ret_edge)
{
    struct edge *edge = calloc(1, sizeof(*edge));
    HIN_ENSURE(edge != NULL, NO_MEMORY);
    edge->attached = attached;
    edge->channel = channel;
    edge->permits =
        (struct hin_ipc_permits){.table = find_table(attached->attachment, name), .state = 1};
    struct hin_result result =
        hin_watch_new(attached->loop, hin_ipc_fd(channel), on_event, edge, &edge->watch);
    if (!hin_is_ok(result)) {
        free(edge);
        return result;
    }
    edge->next = attached->edges;
    attached->edges = edge;
    *ret_edge = edge;
    return hin_watch_set(edge->watch, HIN_WATCH_READ);
}

static void on_up(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct hin_role_attached *attached = context;
    struct edge *edge = NULL;
    struct hin_result result = add_edge(attached, channel, name, &edge);
    if (!hin_is_ok(result)) {
        fail(attached, result);
    } else if (attached->attachment->peer_up != NULL) {
        attached->attachment->peer_up(attached->attachment->context, name, instance, channel);
    }
}

static void on_down(void *context, const char *name, unsigned instance, struct hin_ipc *channel)
{
    struct hin_role_attached *attached = context;
    for (struct edge *edge = attached->edges; edge != NULL; edge = edge->next) {
        if (edge->channel == channel) {
            edge->channel = NULL;
            hin_watch_free(edge->watch); /* before the descriptor is closed */
            edge->watch = NULL;
        }
    }
    if (attached->attachment->peer_down != NULL) {
        attached->attachment->peer_down(attached->attachment->context, name, instance, channel);
    }
}

static void on_stop(void *context)
{
    struct hin_role_attached *attached = context;
    if (attached->attachment->stop != NULL) {
        attached->attachment->stop(attached->attachment->context);
    }
}

HIN_RESULT hin_role_attach(struct hin_role *role, struct hin_loop *loop,
                           const struct hin_role_attachment *attachment,
                           struct hin_role_attached **ret_attached)
{
    struct hin_role_attached *attached = calloc(1, sizeof(*attached));
    HIN_ENSURE(attached != NULL, NO_MEMORY);
    attached->role = role;
    attached->loop = loop;
    attached->attachment = attachment;
    attached->from_parent =
        (struct hin_ipc_permits){.table = find_table(attachment, "parent"), .state = 1};
    attached->events = (struct hin_role_events){.context = attached,
                                                .up = on_up,
                                                .down = on_down,
                                                .stop = on_stop,
                                                .from_parent = &attached->from_parent,
                                                .from_parent_context = attachment->context};
    struct edge *edge = NULL;
    struct hin_result result = add_edge(attached, role->parent, "parent", &edge);
    if (!hin_is_ok(result)) {
        hin_role_detach(attached);
        return result;
    }
    edge->parent = true;
    *ret_attached = attached;
    hin_role_listen(role, &attached->events);
    arm(attached);
    return hin_ok();
}

void hin_role_detach(struct hin_role_attached *attached)
{
    if (attached == NULL) {
        return;
    }
    if (attached->role->events == &attached->events) {
        attached->role->events = NULL;
    }
    hin_loop_defer_cancel(attached->loop, wake_later, attached);
    while (attached->edges != NULL) {
        struct edge *edge = attached->edges;
        attached->edges = edge->next;
        hin_watch_free(edge->watch);
        free(edge);
    }
    free(attached);
}

void hin_role_wake(struct hin_role_attached *attached)
{
    arm(attached);
}

void hin_role_pause(struct hin_role_attached *attached, struct hin_ipc *channel, bool pause)
{
    for (struct edge *edge = attached->edges; edge != NULL; edge = edge->next) {
        if (edge->channel == channel) {
            edge->paused = pause;
        }
    }
    arm(attached);
}
