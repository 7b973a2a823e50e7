/* What a role sees: its gifts, its edges, its parent. */
#include "role/role.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/time.h"
#include "role/role_internal.h"

const struct hin_role_definition *hin_role_find(const struct hin_role_program *program,
                                                struct hin_view name)
{
    for (size_t i = 0; i < program->role_count; i++) {
        if (hin_view_is(name, program->roles[i].name)) {
            return &program->roles[i];
        }
    }
    return NULL;
}

/* ---- Messages of the parent
 * --------------------------------------------------------------------------------- */

static HIN_RESULT take_setting(void *context, struct hin_ipc *channel,
                               struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_view name, value;
    HIN_TRY(hin_read_bytes(&reader, HIN_ROLE_NAME_MAX - 1, &name));
    HIN_TRY(hin_read_bytes(&reader, ROLE_SETTINGS_BYTES, &value));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(role->setting_count < ROLE_SETTINGS_MAX, PROTOCOL);
    struct role_setting *setting = &role->settings[role->setting_count];
    HIN_TRY(hin_view_to_text(name, setting->name, sizeof(setting->name)));
    setting->value = malloc(value.size + 1);
    HIN_ENSURE(setting->value != NULL, NO_MEMORY);
    hin_copy(setting->value, value.data, value.size);
    setting->value[value.size] = '\0';
    setting->size = value.size;
    role->setting_count++;
    return hin_ok();
}

static HIN_RESULT take_fd(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_view name;
    HIN_TRY(hin_read_bytes(&reader, HIN_ROLE_NAME_MAX - 1, &name));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(role->fd_count < HIN_ROLE_FDS_MAX, PROTOCOL);
    struct role_fd *entry = &role->fds[role->fd_count];
    HIN_TRY(hin_view_to_text(name, entry->name, sizeof(entry->name)));
    entry->fd = hin_fd_take(&message->fds[0]);
    role->fd_count++;
    return hin_ok();
}

static void peer_down(struct hin_role *role, struct role_peer *peer)
{
    if (peer->channel != NULL && role->events != NULL && role->events->down != NULL) {
        role->events->down(role->events->context, peer->name, peer->instance, peer->channel);
    }
    hin_ipc_free(peer->channel);
    peer->channel = NULL;
}

static HIN_RESULT add_peer(struct hin_role *role, struct hin_view name, unsigned instance,
                           struct role_peer **ret_peer)
{
    struct role_peer *peer = calloc(1, sizeof(*peer));
    HIN_ENSURE(peer != NULL, NO_MEMORY);
    struct hin_result result = hin_view_to_text(name, peer->name, sizeof(peer->name));
    if (!hin_is_ok(result)) {
        free(peer);
        return result;
    }
    peer->instance = instance;
    peer->next = role->peers;
    role->peers = peer;
    *ret_peer = peer;
    return hin_ok();
}

static HIN_RESULT take_peer(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    struct hin_view name;
    uint32_t instance = 0;
    HIN_TRY(hin_read_bytes(&reader, HIN_ROLE_NAME_MAX - 1, &name));
    HIN_TRY(hin_read_u32(&reader, &instance));
    HIN_TRY(hin_read_end(&reader));
    struct role_peer *peer = hin_role_find_peer(role, name, instance);
    if (peer == NULL) {
        HIN_TRY(add_peer(role, name, instance, &peer));
    }
    peer_down(role, peer);
    HIN_TRY(hin_ipc_new(message->fds[0], 0, &peer->channel));
    message->fds[0] = -1; /* the channel has it */
    if (role->events != NULL && role->events->up != NULL) {
        role->events->up(role->events->context, peer->name, peer->instance, peer->channel);
    }
    return hin_ok();
}

static HIN_RESULT take_start(void *context, struct hin_ipc *channel,
                             struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint32_t user = 0;
    struct hin_view version;
    HIN_TRY(hin_read_u32(&reader, &user));
    HIN_TRY(hin_read_bytes(&reader, 64, &version));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(hin_view_is(version, HIN_VERSION), PROTOCOL); /* the same binary, or nothing */
    role->user = (uid_t)user;
    role->started = true;
    return hin_ok();
}

static HIN_RESULT take_stop(void *context, struct hin_ipc *channel, struct hin_ipc_message *message)
{
    struct hin_role *role = context;
    role->stopping = true;
    if (role->events != NULL && role->events->stop != NULL) {
        role->events->stop(role->events->context);
    }
    return hin_ok();
}

#define BEFORE_START 1u
#define AFTER_START  2u

static const struct hin_ipc_permit from_parent_rows[] = {
    {ROLE_SETTING, 0, 0, 0, 2, HIN_IPC_PAYLOAD_MAX, BEFORE_START, take_setting},
    {ROLE_FD, 0, 1, 1, 1, HIN_ROLE_NAME_MAX, BEFORE_START, take_fd},
    {ROLE_START, HIN_IPC_ONCE, 0, 0, 5, 128, BEFORE_START, take_start},
    {ROLE_PEER, 0, 1, 1, 6, 2 * HIN_ROLE_NAME_MAX, BEFORE_START | AFTER_START, take_peer},
    {ROLE_STOP, 0, 0, 0, 0, 0, BEFORE_START | AFTER_START, take_stop},
};

static const struct hin_ipc_table from_parent = {"parent -> role", from_parent_rows,
                                                 HIN_COUNT(from_parent_rows)};

static HIN_RESULT handle_framework(struct hin_role *role, struct hin_ipc_message *message)
{
    struct hin_ipc_permits permits = {.table = &from_parent,
                                      .state = role->started ? AFTER_START : BEFORE_START};
    return hin_ipc_handle(&permits, role->parent, message, role);
}

HIN_RESULT hin_role_receive_gifts(struct hin_role *role)
{
    while (!role->started) {
        struct hin_ipc_message message;
        HIN_TRY(hin_ipc_receive_wait(role->parent, ROLE_HANDSHAKE_USEC, &message));
        HIN_TRY(handle_framework(role, &message));
    }
    return hin_ok();
}

HIN_RESULT hin_role_handle_parent(struct hin_role *role)
{
    struct hin_result flushed = hin_ipc_flush(role->parent);
    if (!hin_is_ok(flushed) && flushed.code != HIN_AGAIN && flushed.code != HIN_CLOSED) {
        return flushed;
    }
    for (;;) {
        struct hin_ipc_message message;
        struct hin_result result = hin_ipc_receive(role->parent, &message);
        if (result.code == HIN_AGAIN) {
            return hin_ok();
        }
        HIN_TRY(result);
        if (message.type < HIN_IPC_TYPE_PROGRAM) {
            HIN_TRY(handle_framework(role, &message));
            continue;
        }
        HIN_ENSURE(role->events != NULL && role->events->from_parent != NULL, PROTOCOL);
        const struct hin_role_events *events = role->events;
        void *context =
            events->from_parent_context != NULL ? events->from_parent_context : events->context;
        HIN_TRY(hin_ipc_handle(events->from_parent, role->parent, &message, context));
    }
}

/* ---- Edges
 * --------------------------------------------------------------------------------------------------
 */

struct role_peer *hin_role_find_peer(const struct hin_role *role, struct hin_view name,
                                     unsigned instance)
{
    for (struct role_peer *peer = role->peers; peer != NULL; peer = peer->next) {
        if (peer->instance == instance && hin_view_is(name, peer->name)) {
            return peer;
        }
    }
    return NULL;
}

struct hin_ipc *hin_role_peer(const struct hin_role *role, const char *name, unsigned instance)
{
    struct role_peer *peer = hin_role_find_peer(role, hin_view_from_text(name), instance);
    return peer != NULL ? peer->channel : NULL;
}

bool hin_role_peer_name(const struct hin_role *role, const struct hin_ipc *channel,
                        const char **ret_name, unsigned *ret_instance)
{
    for (struct role_peer *peer = role->peers; peer != NULL; peer = peer->next) {
        if (peer->channel == channel) {
            *ret_name = peer->name;
            *ret_instance = peer->instance;
            return true;
        }
    }
    return false;
}

void hin_role_listen(struct hin_role *role, const struct hin_role_events *events)
{
    role->events = events;
    for (struct role_peer *peer = role->peers; peer != NULL; peer = peer->next) {
        if (peer->channel != NULL && events->up != NULL) {
            events->up(events->context, peer->name, peer->instance, peer->channel);
        }
    }
    if (role->stopping && events->stop != NULL) {
        events->stop(events->context);
    }
}

void hin_role_peer_closed(struct hin_role *role, struct hin_ipc *channel)
{
    for (struct role_peer *peer = role->peers; peer != NULL; peer = peer->next) {
        if (peer->channel == channel) {
            peer_down(role, peer);
            return;
        }
    }
}

HIN_RESULT hin_role_wait_peer(struct hin_role *role, const char *name, unsigned instance,
                              int64_t timeout_usec, struct hin_ipc **ret_channel)
{
    const struct hin_clock *clock = hin_clock_system();
    int64_t deadline = hin_clock_monotonic_usec(clock) + timeout_usec;
    for (;;) {
        HIN_TRY(hin_role_handle_parent(role));
        HIN_ENSURE(!role->stopping, CLOSED);
        struct hin_ipc *channel = hin_role_peer(role, name, instance);
        if (channel != NULL) {
            *ret_channel = channel;
            return hin_ok();
        }
        int64_t left = timeout_usec < 0 ? -1 : deadline - hin_clock_monotonic_usec(clock);
        HIN_ENSURE(timeout_usec < 0 || left > 0, TIMEOUT);
        HIN_TRY(hin_ipc_wait_readable(role->parent, left));
    }
}

/* ---- The rest
 * -----------------------------------------------------------------------------------------------
 */

const char *hin_role_name(const struct hin_role *role)
{
    return role->definition->name;
}

unsigned hin_role_instance(const struct hin_role *role)
{
    return role->instance;
}

static const struct role_setting *find_setting(const struct hin_role *role, const char *name)
{
    for (size_t i = 0; i < role->setting_count; i++) {
        if (strcmp(role->settings[i].name, name) == 0) {
            return &role->settings[i];
        }
    }
    return NULL;
}

struct hin_view hin_role_setting(const struct hin_role *role, const char *name)
{
    const struct role_setting *setting = find_setting(role, name);
    return setting != NULL ? hin_view_of(setting->value, setting->size) : HIN_VIEW_EMPTY;
}

const char *hin_role_setting_text(const struct hin_role *role, const char *name)
{
    const struct role_setting *setting = find_setting(role, name);
    return setting != NULL ? (const char *)setting->value : NULL;
}

static const struct role_fd *find_fd(const struct hin_role *role, const char *name)
{
    for (size_t i = 0; i < role->fd_count; i++) {
        if (role->fds[i].fd >= 0 && strcmp(role->fds[i].name, name) == 0) {
            return &role->fds[i];
        }
    }
    return NULL;
}

int hin_role_fd(const struct hin_role *role, const char *name)
{
    const struct role_fd *entry = find_fd(role, name);
    return entry != NULL ? entry->fd : -1;
}

int hin_role_fd_take(struct hin_role *role, const char *name)
{
    const struct role_fd *entry = find_fd(role, name);
    return entry != NULL ? hin_fd_take(&role->fds[entry - role->fds].fd) : -1;
}

void hin_role_set_context(struct hin_role *role, void *context)
{
    role->context = context;
}

void *hin_role_context(const struct hin_role *role)
{
    return role->context;
}

uid_t hin_role_user(const struct hin_role *role)
{
    return role->user;
}

struct hin_view hin_role_weaker(const struct hin_role *role)
{
    return hin_buf_view(&role->weaker);
}

struct hin_ipc *hin_role_parent_channel(const struct hin_role *role)
{
    return role->parent;
}

HIN_RESULT hin_role_ready(struct hin_role *role)
{
    if (role->ready) {
        return hin_ok();
    }
    HIN_TRY(hin_ipc_send(role->parent, ROLE_READY, 0, HIN_VIEW_EMPTY));
    role->ready = true;
    return hin_ok();
}

HIN_RESULT hin_role_report(struct hin_role *role, struct hin_view text)
{
    HIN_ENSURE(text.size <= ROLE_REPORT_MAX_BYTES, LIMIT);
    return hin_ipc_send(role->parent, ROLE_REPORT, 0, text);
}

bool hin_role_stopping(const struct hin_role *role)
{
    return role->stopping;
}

void hin_role_done(struct hin_role *role)
{
    while (role->peers != NULL) {
        struct role_peer *peer = role->peers;
        role->peers = peer->next;
        hin_ipc_free(peer->channel);
        free(peer);
    }
    for (size_t i = 0; i < role->setting_count; i++) {
        hin_wipe(role->settings[i].value, role->settings[i].size);
        free(role->settings[i].value);
    }
    for (size_t i = 0; i < role->fd_count; i++) {
        hin_fd_close(&role->fds[i].fd);
    }
    hin_buf_done(&role->weaker);
    hin_ipc_free(role->parent);
}
