/* The reading half of a channel, and the synchronous call that stands on it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "ipc/channel_internal.h"

#define READ_BYTES 65536u /* what the buffer holds at least */
#define SHRINK_OVER                                                                                \
    (1u << 20) /* a buffer that a big message made bigger than this is given back                  \
                */

union fd_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * HIN_IPC_FDS_MAX)];
};

static void close_all(int *fds, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        hin_fd_close(&fds[i]);
    }
    *count = 0;
}

/* The message the caller held is his no more. */
static void forget_message(struct hin_ipc *channel)
{
    close_all(channel->message_fds, &channel->message_fd_count);
    if (channel->kept_now != NULL) {
        close_all(channel->kept_now->fds, &channel->kept_now->message.fd_count);
        free(channel->kept_now);
        channel->kept_now = NULL;
    }
}

void hin_ipc_receive_done(struct hin_ipc *channel)
{
    forget_message(channel);
    close_all(channel->fds, &channel->fd_count);
    while (channel->kept_first != NULL) {
        struct ipc_kept *kept = channel->kept_first;
        channel->kept_first = kept->next;
        close_all(kept->fds, &kept->message.fd_count);
        free(kept);
    }
    free(channel->in);
}

HIN_RESULT hin_ipc_header_read(const uint8_t *bytes, struct ipc_header *ret_header)
{
    struct ipc_header header = {
        .type = hin_load_u16(bytes + 4),
        .flags = bytes[6],
        .fd_count = bytes[7],
        .code = hin_load_u16(bytes + 8),
        .request = hin_load_u32(bytes + 12),
        .length = hin_load_u32(bytes + 16),
    };
    HIN_ENSURE(hin_load_u32(bytes) == IPC_MAGIC && hin_load_u16(bytes + 10) == 0, PROTOCOL);
    HIN_ENSURE((header.flags & ~IPC_FLAG_REPLY) == 0, PROTOCOL);
    HIN_ENSURE(header.fd_count <= HIN_IPC_FDS_MAX && header.length <= HIN_IPC_PAYLOAD_MAX,
               PROTOCOL);
    bool reply = (header.flags & IPC_FLAG_REPLY) != 0;
    HIN_ENSURE(header.code < HIN_CODE_COUNT && (reply || header.code == HIN_OK), PROTOCOL);
    HIN_ENSURE(!reply || header.request != 0, PROTOCOL);
    *ret_header = header;
    return hin_ok();
}

/* A whole message at the front of the buffer, or AGAIN. *ret_need: bytes the one that has begun
 * takes in all. */
static HIN_RESULT parse(struct hin_ipc *channel, struct hin_ipc_message *ret_message,
                        size_t *ret_need)
{
    size_t have = channel->in_end - channel->in_start;
    *ret_need = IPC_HEADER_BYTES;
    HIN_ENSURE(have >= IPC_HEADER_BYTES, AGAIN);
    const uint8_t *at = channel->in + channel->in_start;
    struct ipc_header header;
    HIN_TRY(hin_ipc_header_read(at, &header));
    *ret_need = IPC_HEADER_BYTES + header.length;
    HIN_ENSURE(have >= *ret_need, AGAIN);
    /* descriptors come with a message's first byte, so all of them are here */
    HIN_ENSURE(header.fd_count <= channel->fd_count, PROTOCOL);
    hin_copy(channel->message_fds, channel->fds, sizeof(int) * header.fd_count);
    channel->message_fd_count = header.fd_count;
    channel->fd_count -= header.fd_count;
    hin_move(channel->fds, channel->fds + header.fd_count, sizeof(int) * channel->fd_count);
    channel->in_start += *ret_need;
    *ret_message = (struct hin_ipc_message){
        .type = header.type,
        .reply = (header.flags & IPC_FLAG_REPLY) != 0,
        .code = (enum hin_code)header.code,
        .request = header.request,
        .payload = {at + IPC_HEADER_BYTES, header.length},
        .fds = channel->message_fds,
        .fd_count = header.fd_count,
    };
    return hin_ok();
}

bool hin_ipc_has_message(const struct hin_ipc *channel)
{
    size_t have = channel->in_end - channel->in_start;
    return channel->kept_first != NULL ||
           (have >= IPC_HEADER_BYTES &&
            have - IPC_HEADER_BYTES >= hin_load_u32(channel->in + channel->in_start + 16));
}

/* Room for a message of `need` bytes in all, with what has been read moved to the front. */
static HIN_RESULT make_room(struct hin_ipc *channel, size_t need)
{
    size_t have = channel->in_end - channel->in_start;
    if (have == 0 && channel->in_capacity > SHRINK_OVER && need <= SHRINK_OVER) {
        free(channel->in);
        channel->in = NULL;
        channel->in_capacity = 0;
    }
    if (channel->in_start > 0 && have > 0) {
        hin_move(channel->in, channel->in + channel->in_start, have);
    }
    channel->in_start = 0;
    channel->in_end = have;
    need = HIN_MAX(need, READ_BYTES);
    if (need > channel->in_capacity) {
        uint8_t *bigger = realloc(channel->in, need);
        HIN_ENSURE(bigger != NULL, NO_MEMORY);
        channel->in = bigger;
        channel->in_capacity = need;
    }
    return hin_ok();
}

/* Take over what came as SCM_RIGHTS, all of it even when it is too much, so that nothing leaks. */
static HIN_RESULT take_fds(struct hin_ipc *channel, struct msghdr *message)
{
    bool fits = (message->msg_flags & MSG_CTRUNC) == 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at != NULL; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            hin_copy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
            if (channel->fd_count < IPC_FDS_WAITING_MAX) {
                channel->fds[channel->fd_count++] = fd;
            } else {
                fits = false;
                hin_fd_close(&fd);
            }
        }
    }
    HIN_ENSURE(fits, PROTOCOL);
    return hin_ok();
}

static HIN_RESULT read_more(struct hin_ipc *channel, size_t need)
{
    HIN_TRY(make_room(channel, need));
    union fd_control control;
    struct iovec part = {channel->in + channel->in_end, channel->in_capacity - channel->in_end};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t size;
    do {
        size = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        HIN_ENSURE(errno != EAGAIN && errno != EWOULDBLOCK, AGAIN);
        HIN_ENSURE(errno != ECONNRESET, CLOSED);
        return hin_fail(hin_code_from_errno(errno));
    }
    HIN_TRY(take_fds(channel, &message));
    HIN_ENSURE(size > 0, CLOSED);
    channel->in_end += (size_t)size;
    return hin_ok();
}

/* The next message of the stream itself, not of those kept. */
static HIN_RESULT receive_stream(struct hin_ipc *channel, struct hin_ipc_message *ret_message)
{
    for (;;) {
        size_t need = 0;
        struct hin_result result = parse(channel, ret_message, &need);
        if (result.code == HIN_AGAIN && channel->dead != HIN_OK) {
            result = hin_fail(channel->dead);
        } else if (result.code == HIN_AGAIN) {
            result = read_more(channel, need);
            if (hin_is_ok(result)) {
                continue;
            }
        }
        if (result.code == HIN_PROTOCOL || result.code == HIN_CLOSED) {
            channel->dead = result.code;
        }
        if (result.code == HIN_PROTOCOL) {
            channel->in_start = channel->in_end = 0; /* nothing after a breach is looked at */
        }
        /* a late answer to a synchronous call that has given up */
        if (hin_is_ok(result) && ret_message->reply && (ret_message->request & IPC_CALL_BIT) != 0 &&
            ret_message->request != channel->last_call) {
            close_all(channel->message_fds, &channel->message_fd_count);
            continue;
        }
        return result;
    }
}

HIN_RESULT hin_ipc_receive(struct hin_ipc *channel, struct hin_ipc_message *ret_message)
{
    forget_message(channel);
    if (channel->kept_first != NULL) {
        struct ipc_kept *kept = channel->kept_first;
        channel->kept_first = kept->next;
        channel->kept_last = kept->next != NULL ? channel->kept_last : NULL;
        channel->kept_bytes -= kept->message.payload.size + sizeof(*kept);
        channel->kept_now = kept;
        *ret_message = kept->message;
        return hin_ok();
    }
    for (;;) {
        struct hin_ipc_message message;
        HIN_TRY(receive_stream(channel, &message));
        if (message.reply && (message.request & IPC_CALL_BIT) != 0) {
            close_all(channel->message_fds, &channel->message_fd_count);
            continue; /* no call waits now, so this one is late too */
        }
        *ret_message = message;
        return hin_ok();
    }
}

HIN_RESULT hin_ipc_receive_wait(struct hin_ipc *channel, int64_t timeout_usec,
                                struct hin_ipc_message *ret_message)
{
    int64_t deadline = hin_ipc_deadline(timeout_usec);
    for (;;) {
        struct hin_result flushed = hin_ipc_flush(channel);
        struct hin_result result = hin_ipc_receive(channel, ret_message);
        if (result.code != HIN_AGAIN) {
            return result;
        }
        if (!hin_is_ok(flushed) && flushed.code != HIN_AGAIN) {
            return flushed;
        }
        HIN_TRY(hin_ipc_wait(channel, POLLIN, deadline));
    }
}

HIN_RESULT hin_ipc_wait_readable(struct hin_ipc *channel, int64_t timeout_usec)
{
    if (hin_ipc_has_message(channel)) {
        return hin_ok();
    }
    return hin_ipc_wait(channel, POLLIN, hin_ipc_deadline(timeout_usec));
}

/* Copy a message that is not the awaited reply for a later receive. */
static HIN_RESULT keep(struct hin_ipc *channel, const struct hin_ipc_message *message)
{
    size_t size = sizeof(struct ipc_kept) + message->payload.size;
    HIN_ENSURE(channel->kept_bytes + size <= IPC_KEPT_MAX_BYTES, LIMIT);
    struct ipc_kept *kept = malloc(size);
    HIN_ENSURE(kept != NULL, NO_MEMORY);
    kept->next = NULL;
    kept->message = *message;
    hin_copy(kept->payload, message->payload.data, message->payload.size);
    hin_copy(kept->fds, channel->message_fds, sizeof(int) * message->fd_count);
    kept->message.payload.data = kept->payload;
    kept->message.fds = kept->fds;
    channel->message_fd_count = 0; /* they are kept now */
    if (channel->kept_last != NULL) {
        channel->kept_last->next = kept;
    } else {
        channel->kept_first = kept;
    }
    channel->kept_last = kept;
    channel->kept_bytes += size;
    return hin_ok();
}

static HIN_RESULT await_reply(struct hin_ipc *channel, uint32_t request, int64_t deadline,
                              struct hin_ipc_message *ret_reply)
{
    for (;;) {
        struct hin_result flushed = hin_ipc_flush(channel);
        struct hin_ipc_message message;
        struct hin_result result = receive_stream(channel, &message);
        if (result.code == HIN_AGAIN) {
            if (!hin_is_ok(flushed) && flushed.code != HIN_AGAIN) {
                return flushed;
            }
            HIN_TRY(hin_ipc_wait(channel, POLLIN, deadline));
            continue;
        }
        HIN_TRY(result);
        if (message.reply && message.request == request) {
            *ret_reply = message;
            return hin_ok();
        }
        HIN_TRY(keep(channel, &message));
    }
}

HIN_RESULT hin_ipc_call_fds(struct hin_ipc *channel, uint16_t type, struct hin_view payload,
                            const int *fds, size_t fd_count, int64_t timeout_usec,
                            struct hin_ipc_message *ret_reply)
{
    int64_t deadline = hin_ipc_deadline(timeout_usec);
    forget_message(channel);
    channel->last_call = (channel->last_call + 1) | IPC_CALL_BIT;
    uint32_t request = channel->last_call;
    for (;;) {
        struct hin_result result = hin_ipc_send_fds(channel, type, request, payload, fds, fd_count);
        if (hin_is_ok(result)) {
            break;
        }
        if (result.code != HIN_AGAIN) {
            return result;
        }
        HIN_TRY(hin_ipc_wait(channel, POLLOUT, deadline));
    }
    struct hin_result result = await_reply(channel, request, deadline, ret_reply);
    if (!hin_is_ok(result)) {
        channel->last_call++; /* so that its answer, if it comes, is a late one */
        channel->last_call |= IPC_CALL_BIT;
    }
    return result;
}

HIN_RESULT hin_ipc_call(struct hin_ipc *channel, uint16_t type, struct hin_view payload,
                        int64_t timeout_usec, struct hin_ipc_message *ret_reply)
{
    return hin_ipc_call_fds(channel, type, payload, NULL, 0, timeout_usec, ret_reply);
}
