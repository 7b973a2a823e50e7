#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "ipc/channel_internal.h"

#define SOCKET_BUFFER_BYTES                                                                        \
    (1 << 20) /* a few batches; less where the system's maximum is lower                           \
               */
#define FLUSH_PARTS 64

union fd_control { /* room for one SCM_RIGHTS, aligned as cmsg(3) wants it */
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * HIN_IPC_FDS_MAX)];
};

HIN_RESULT hin_ipc_pair(int *ret_a, int *ret_b)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    *ret_a = pair[0];
    *ret_b = pair[1];
    return hin_ok();
}

HIN_RESULT hin_ipc_new(int fd, size_t queue_max_bytes, struct hin_ipc **ret_channel)
{
    HIN_TRY(hin_fd_nonblocking(fd, true));
    struct hin_ipc *channel = calloc(1, sizeof(*channel));
    HIN_ENSURE(channel != NULL, NO_MEMORY);
    int size = SOCKET_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0) {
        /* without CAP_NET_ADMIN as much as the system grants; less is slower, not wrong */
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    channel->fd = fd;
    channel->out_max = queue_max_bytes > 0 ? queue_max_bytes : HIN_IPC_QUEUE_DEFAULT;
    channel->out_max = HIN_MAX(channel->out_max, (size_t)HIN_IPC_PAYLOAD_MAX + IPC_HEADER_BYTES);
    *ret_channel = channel;
    return hin_ok();
}

static void outgoing_free(struct ipc_outgoing *entry)
{
    for (size_t i = 0; i < entry->fd_count; i++) {
        hin_fd_close(&entry->fds[i]);
    }
    free(entry);
}

void hin_ipc_free(struct hin_ipc *channel)
{
    if (channel == NULL) {
        return;
    }
    while (channel->out_first != NULL) {
        struct ipc_outgoing *next = channel->out_first->next;
        outgoing_free(channel->out_first);
        channel->out_first = next;
    }
    hin_ipc_receive_done(channel);
    hin_fd_close(&channel->fd);
    free(channel);
}

int hin_ipc_fd(const struct hin_ipc *channel)
{
    return channel->fd;
}

bool hin_ipc_wants_write(const struct hin_ipc *channel)
{
    return channel->out_first != NULL;
}

size_t hin_ipc_queued_bytes(const struct hin_ipc *channel)
{
    return channel->out_bytes;
}

void hin_ipc_header_write(const struct ipc_header *header, uint8_t *out)
{
    hin_store_u32(out, IPC_MAGIC);
    hin_store_u16(out + 4, header->type);
    out[6] = header->flags;
    out[7] = header->fd_count;
    hin_store_u16(out + 8, header->code);
    hin_store_u16(out + 10, 0);
    hin_store_u32(out + 12, header->request);
    hin_store_u32(out + 16, header->length);
}

/* One sendmsg(2). *ret_sent may be short; AGAIN when nothing could go. */
static HIN_RESULT send_parts(int fd, struct iovec *parts, size_t part_count, const int *fds,
                             size_t fd_count, size_t *ret_sent)
{
    union fd_control control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = part_count};
    if (fd_count > 0) {
        hin_zero(&control, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        hin_copy(CMSG_DATA(rights), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        HIN_ENSURE(errno != EAGAIN && errno != EWOULDBLOCK, AGAIN);
        HIN_ENSURE(errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN, CLOSED);
        /* too many descriptors in flight (unix(7)): they drain as the peer reads */
        HIN_ENSURE(errno != ETOOMANYREFS && errno != ENOBUFS, AGAIN);
        return hin_fail(hin_code_from_errno(errno));
    }
    *ret_sent = (size_t)sent;
    return hin_ok();
}

/* Keep header and payload from byte `sent` on; descriptors only when none of it has gone. */
static HIN_RESULT enqueue(struct hin_ipc *channel, const uint8_t *header, struct hin_view payload,
                          size_t sent, const int *fds, size_t fd_count)
{
    size_t size = IPC_HEADER_BYTES + payload.size - sent;
    struct ipc_outgoing *entry = malloc(sizeof(*entry) + size);
    HIN_ENSURE(entry != NULL, NO_MEMORY);
    entry->next = NULL;
    entry->at = 0;
    entry->size = size;
    entry->fd_count = 0;
    for (size_t i = 0; sent == 0 && i < fd_count; i++) {
        int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            enum hin_code code = hin_code_from_errno(errno);
            outgoing_free(entry);
            return hin_fail(code);
        }
        entry->fds[entry->fd_count++] = copy;
    }
    size_t header_left = sent < IPC_HEADER_BYTES ? IPC_HEADER_BYTES - sent : 0;
    size_t payload_sent = sent - (IPC_HEADER_BYTES - header_left);
    hin_copy(entry->bytes, header + (IPC_HEADER_BYTES - header_left), header_left);
    if (payload.size > payload_sent) {
        hin_copy(entry->bytes + header_left, payload.data + payload_sent,
                 payload.size - payload_sent);
    }
    if (channel->out_last != NULL) {
        channel->out_last->next = entry;
    } else {
        channel->out_first = entry;
    }
    channel->out_last = entry;
    channel->out_bytes += size;
    return hin_ok();
}

HIN_RESULT hin_ipc_put(struct hin_ipc *channel, const struct ipc_header *header,
                       struct hin_view payload, const int *fds)
{
    uint8_t head[IPC_HEADER_BYTES];
    hin_ipc_header_write(header, head);
    if (channel->out_first != NULL) {
        struct hin_result flushed = hin_ipc_flush(channel);
        if (!hin_is_ok(flushed) && flushed.code != HIN_AGAIN) {
            return flushed;
        }
    }
    size_t sent = 0;
    if (channel->out_first == NULL) {
        struct iovec parts[2] = {{head, IPC_HEADER_BYTES},
                                 {(void *)(uintptr_t)payload.data, payload.size}};
        struct hin_result result = send_parts(channel->fd, parts, 2, fds, header->fd_count, &sent);
        if (!hin_is_ok(result) && result.code != HIN_AGAIN) {
            return result;
        }
        if (sent == IPC_HEADER_BYTES + payload.size) {
            return hin_ok();
        }
    }
    /* What has begun must go on, so the bound is judged only for a message of which nothing has
     * gone. */
    HIN_ENSURE(sent > 0 || channel->out_bytes + IPC_HEADER_BYTES + payload.size <= channel->out_max,
               AGAIN);
    struct hin_result result = enqueue(channel, head, payload, sent, fds, header->fd_count);
    if (!hin_is_ok(result) && sent > 0) {
        channel->dead = HIN_CLOSED; /* half a message is out: the stream is of no use any more */
        (void)shutdown(channel->fd, SHUT_RDWR);
    }
    return result;
}

HIN_RESULT hin_ipc_send_fds(struct hin_ipc *channel, uint16_t type, uint32_t request,
                            struct hin_view payload, const int *fds, size_t fd_count)
{
    HIN_ENSURE(payload.size <= HIN_IPC_PAYLOAD_MAX && fd_count <= HIN_IPC_FDS_MAX, LIMIT);
    struct ipc_header header = {.type = type,
                                .fd_count = (uint8_t)fd_count,
                                .request = request,
                                .length = (uint32_t)payload.size};
    return hin_ipc_put(channel, &header, payload, fds);
}

HIN_RESULT hin_ipc_send(struct hin_ipc *channel, uint16_t type, uint32_t request,
                        struct hin_view payload)
{
    return hin_ipc_send_fds(channel, type, request, payload, NULL, 0);
}

HIN_RESULT hin_ipc_reply_fds(struct hin_ipc *channel, const struct hin_ipc_message *to,
                             enum hin_code code, struct hin_view payload, const int *fds,
                             size_t fd_count)
{
    HIN_ENSURE(to->request != 0 && !to->reply, INVALID);
    HIN_ENSURE(payload.size <= HIN_IPC_PAYLOAD_MAX && fd_count <= HIN_IPC_FDS_MAX, LIMIT);
    struct ipc_header header = {.type = to->type,
                                .flags = IPC_FLAG_REPLY,
                                .fd_count = (uint8_t)fd_count,
                                .code = (uint16_t)code,
                                .request = to->request,
                                .length = (uint32_t)payload.size};
    return hin_ipc_put(channel, &header, payload, fds);
}

HIN_RESULT hin_ipc_reply(struct hin_ipc *channel, const struct hin_ipc_message *to,
                         enum hin_code code, struct hin_view payload)
{
    return hin_ipc_reply_fds(channel, to, code, payload, NULL, 0);
}

/* The entry at the front and those behind it that carry no descriptors, as parts of one write. */
static size_t gather(struct ipc_outgoing *entry, struct iovec *parts)
{
    size_t count = 0;
    for (; entry != NULL && count < FLUSH_PARTS; entry = entry->next) {
        if (count > 0 && entry->fd_count > 0) {
            break;
        }
        parts[count++] = (struct iovec){entry->bytes + entry->at, entry->size - entry->at};
    }
    return count;
}

static void drop_sent(struct hin_ipc *channel, size_t sent)
{
    channel->out_bytes -= sent;
    while (channel->out_first != NULL) {
        struct ipc_outgoing *entry = channel->out_first;
        for (size_t i = 0; i < entry->fd_count && sent > 0; i++) {
            hin_fd_close(&entry->fds[i]);
        }
        entry->fd_count = sent > 0 ? 0 : entry->fd_count;
        if (sent < entry->size - entry->at) {
            entry->at += sent;
            return;
        }
        sent -= entry->size - entry->at;
        channel->out_first = entry->next;
        outgoing_free(entry);
    }
    channel->out_last = NULL;
}

HIN_RESULT hin_ipc_flush(struct hin_ipc *channel)
{
    while (channel->out_first != NULL) {
        struct iovec parts[FLUSH_PARTS];
        size_t count = gather(channel->out_first, parts);
        size_t sent = 0;
        HIN_TRY(send_parts(channel->fd, parts, count, channel->out_first->fds,
                           channel->out_first->fd_count, &sent));
        drop_sent(channel, sent);
    }
    return hin_ok();
}

int64_t hin_ipc_deadline(int64_t timeout_usec)
{
    return timeout_usec < 0 ? -1 : hin_clock_monotonic_usec(hin_clock_system()) + timeout_usec;
}

HIN_RESULT hin_ipc_wait(struct hin_ipc *channel, short events, int64_t deadline_usec)
{
    struct pollfd poll_fd = {.fd = channel->fd, .events = events};
    if (channel->out_first != NULL) {
        poll_fd.events |= POLLOUT;
    }
    for (;;) {
        struct timespec left = {0};
        if (deadline_usec >= 0) {
            int64_t usec = deadline_usec - hin_clock_monotonic_usec(hin_clock_system());
            HIN_ENSURE(usec > 0, TIMEOUT);
            left = (struct timespec){usec / HIN_SEC_USEC, (usec % HIN_SEC_USEC) * 1000};
        }
        int count = ppoll(&poll_fd, 1, deadline_usec >= 0 ? &left : NULL, NULL);
        if (count > 0) {
            return hin_ok();
        }
        if (count < 0 && errno != EINTR) {
            return hin_fail(hin_code_from_errno(errno));
        }
    }
}

HIN_RESULT hin_ipc_flush_wait(struct hin_ipc *channel, int64_t timeout_usec)
{
    int64_t deadline = hin_ipc_deadline(timeout_usec);
    for (;;) {
        struct hin_result result = hin_ipc_flush(channel);
        if (result.code != HIN_AGAIN) {
            return result;
        }
        HIN_TRY(hin_ipc_wait(channel, POLLOUT, deadline));
    }
}

uint32_t hin_ipc_next_request(struct hin_ipc *channel)
{
    channel->last_request = (channel->last_request + 1) & ~IPC_CALL_BIT;
    if (channel->last_request == 0) {
        channel->last_request = 1;
    }
    return channel->last_request;
}
