#include "manager/kms/mover.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "io/address.h"
#include "manager/roles.h"

enum {
    ADDRESSES_MAX = 8,
    CONNECT_MSEC = 4000, /* an address */
    MOVE_MSEC = 8000,
    DIAL_TIMEOUT_USEC = 20 * 1000 * 1000,
    MOVE_TIMEOUT_USEC = 10 * 1000 * 1000,
};

/* ---- the side of keys ---- */

static HIN_RESULT ask(struct hin_kms_mover *mover, uint16_t type, struct hin_view bytes,
                      int64_t timeout_usec, struct hin_ipc_message *ret_reply)
{
    struct hin_ipc *channel =
        mover->role != NULL ? hin_role_peer(mover->role, "kms", 0) : mover->channel;
    HIN_ENSURE(channel != NULL, CLOSED);
    HIN_TRY(hin_ipc_call(channel, type, bytes, timeout_usec, ret_reply));
    return (struct hin_result){ret_reply->code};
}

static HIN_RESULT mover_dial(void *context)
{
    struct hin_ipc_message reply;
    return ask(context, HIN_MESSAGE_KMS_DIAL, HIN_VIEW_EMPTY, DIAL_TIMEOUT_USEC, &reply);
}

static HIN_RESULT mover_send(void *context, struct hin_view bytes)
{
    struct hin_ipc_message reply;
    return ask(context, HIN_MESSAGE_KMS_SEND, bytes, MOVE_TIMEOUT_USEC, &reply);
}

static HIN_RESULT mover_receive(void *context, struct hin_buf *ret_bytes)
{
    struct hin_ipc_message reply;
    HIN_TRY(ask(context, HIN_MESSAGE_KMS_RECEIVE, HIN_VIEW_EMPTY, MOVE_TIMEOUT_USEC, &reply));
    HIN_ENSURE(reply.payload.size > 0 && reply.payload.size <= HIN_AWS_PIPE_MAX, PROTOCOL);
    return hin_buf_append(ret_bytes, reply.payload);
}

static void mover_hang_up(void *context)
{
    struct hin_kms_mover *mover = context;
    struct hin_ipc *channel =
        mover->role != NULL ? hin_role_peer(mover->role, "kms", 0) : mover->channel;
    if (channel != NULL) {
        /* one that is gone has hung up */
        HIN_IGNORE(hin_ipc_send(channel, HIN_MESSAGE_KMS_HANG_UP, 0, HIN_VIEW_EMPTY));
        HIN_IGNORE(hin_ipc_flush(channel));
    }
}

struct hin_aws_pipe hin_kms_mover_pipe(struct hin_kms_mover *mover)
{
    return (struct hin_aws_pipe){mover_dial, mover_send, mover_receive, mover_hang_up, mover};
}

/* ---- the side of kms ---- */

struct moving {
    const char *host;
    uint16_t port;
    int fd; /* -1: none */
};

static HIN_RESULT wait_for(int fd, short events, int msec)
{
    struct pollfd polled = {.fd = fd, .events = events};
    int ready;
    while ((ready = poll(&polled, 1, msec)) < 0 && errno == EINTR) {
    }
    HIN_ENSURE(ready > 0, TIMEOUT);
    return hin_ok();
}

static HIN_RESULT connect_to(const struct hin_address *address, int *ret_fd)
{
    struct sockaddr_storage to;
    socklen_t size = hin_address_to_sockaddr(address, &to);
    HIN_CLEANUP_FD int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    HIN_ENSURE(fd >= 0, NETWORK);
    if (connect(fd, (const struct sockaddr *)&to, size) != 0) {
        int error = 0;
        socklen_t error_size = sizeof(error);
        HIN_ENSURE(errno == EINPROGRESS, NETWORK);
        HIN_TRY(wait_for(fd, POLLOUT, CONNECT_MSEC));
        HIN_ENSURE(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error == 0,
                   NETWORK);
    }
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}

static HIN_RESULT dial(struct moving *moving)
{
    struct hin_address addresses[ADDRESSES_MAX];
    size_t count = 0;
    struct hin_error error = {0};
    struct hin_result result =
        hin_resolve(moving->host, moving->port, addresses, ADDRESSES_MAX, &count, &error);
    for (size_t i = 0; i < count; i++) {
        result = connect_to(&addresses[i], &moving->fd);
        if (hin_is_ok(result)) {
            return result;
        }
    }
    return hin_is_ok(result) ? hin_fail(HIN_NETWORK) : result;
}

static struct hin_result handle_dial(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct moving *moving = context;
    hin_fd_close(&moving->fd);
    struct hin_result dialled = dial(moving);
    return hin_ipc_reply(channel, message, dialled.code, HIN_VIEW_EMPTY);
}

static HIN_RESULT send_all(const struct moving *moving, struct hin_view bytes)
{
    HIN_ENSURE(moving->fd >= 0, CLOSED);
    while (bytes.size > 0) {
        ssize_t sent = send(moving->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            HIN_TRY(wait_for(moving->fd, POLLOUT, MOVE_MSEC));
            continue;
        }
        HIN_ENSURE(sent > 0, CLOSED);
        bytes = hin_view_sub(bytes, (size_t)sent, bytes.size);
    }
    return hin_ok();
}

static struct hin_result handle_send(void *context, struct hin_ipc *channel,
                                     struct hin_ipc_message *message)
{
    struct hin_result sent = send_all(context, message->payload);
    return hin_ipc_reply(channel, message, sent.code, HIN_VIEW_EMPTY);
}

static HIN_RESULT receive(const struct moving *moving, uint8_t *to, size_t *ret_size)
{
    HIN_ENSURE(moving->fd >= 0, CLOSED);
    for (;;) {
        ssize_t size = recv(moving->fd, to, HIN_AWS_PIPE_MAX, 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            HIN_TRY(wait_for(moving->fd, POLLIN, MOVE_MSEC));
            continue;
        }
        HIN_ENSURE(size > 0, CLOSED);
        *ret_size = (size_t)size;
        return hin_ok();
    }
}

static struct hin_result handle_receive(void *context, struct hin_ipc *channel,
                                        struct hin_ipc_message *message)
{
    uint8_t bytes[HIN_AWS_PIPE_MAX];
    size_t size = 0;
    struct hin_result received = receive(context, bytes, &size);
    return hin_ipc_reply(channel, message, received.code, hin_view_of(bytes, size));
}

static struct hin_result handle_hang_up(void *context, struct hin_ipc *channel,
                                        struct hin_ipc_message *message)
{
    struct moving *moving = context;
    (void)channel;
    (void)message;
    hin_fd_close(&moving->fd);
    return hin_ok();
}

static const struct hin_ipc_permit rows[] = {
    {HIN_MESSAGE_KMS_DIAL, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, handle_dial},
    {HIN_MESSAGE_KMS_SEND, HIN_IPC_REQUEST, 0, 0, 1, HIN_AWS_PIPE_MAX, 0, handle_send},
    {HIN_MESSAGE_KMS_RECEIVE, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, handle_receive},
    {HIN_MESSAGE_KMS_HANG_UP, 0, 0, 0, 0, 0, 0, handle_hang_up},
};
static const struct hin_ipc_table table = {"keys -> kms (bytes)", rows, HIN_COUNT(rows)};

bool hin_kms_is_mover(const struct hin_role *role)
{
    return hin_role_setting_text(role, "host") != NULL;
}

static HIN_RESULT read_port(const struct hin_role *role, uint16_t *ret_port)
{
    uint64_t port = 0;
    HIN_TRY(hin_view_to_u64(hin_role_setting(role, "port"), &port));
    HIN_ENSURE(port > 0 && port <= UINT16_MAX, INVALID);
    *ret_port = (uint16_t)port;
    return hin_ok();
}

struct hin_result hin_kms_mover_sandbox(struct hin_role *role, struct hin_sandbox *sandbox)
{
    uint16_t port = 0;
    HIN_TRY(read_port(role, &port));
    HIN_TRY(hin_process_protect());
    hin_sandbox_allow_syscalls(sandbox, HIN_SANDBOX_FILES_READ | HIN_SANDBOX_NET_CLIENT);
    HIN_TRY(hin_sandbox_allow_system_files(sandbox)); /* names */
    return hin_sandbox_allow_connect(sandbox, port);
}

struct hin_result hin_kms_mover_run(struct hin_role *role)
{
    static const struct hin_role_service services[] = {{"keys", &table}};
    struct moving moving = {.host = hin_role_setting_text(role, "host"), .fd = -1};
    struct hin_role_loop loop = {.services = services, .service_count = 1, .context = &moving};
    HIN_TRY(read_port(role, &moving.port));
    struct hin_result served = hin_role_serve(role, &loop);
    hin_fd_close(&moving.fd);
    return served;
}
