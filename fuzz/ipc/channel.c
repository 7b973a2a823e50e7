/* First byte, bits 0-1: 0 = the rest is what a peer that was taken over writes, cut into pieces,
 * each with as many descriptors as bits 2-5 say; the permit table must let nothing through that it
 * does not name. 1 and 3 = a sequence of messages that we send; each must arrive as it was. 2 =
 * what both ends of an edge do (conversation.h). No run may leave a descriptor open. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "conversation.h"
#include "ipc/permit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
    size_t handled;
    struct hin_ipc_permits *permits;
};

static struct hin_result on_message(void *context, struct hin_ipc *channel,
                                    struct hin_ipc_message *message)
{
    struct peer *peer = context;
    must(message->payload.size <= 4096 && message->fd_count <= (message->type == 4 ? 2 : 0));
    if (message->fd_count > 0) {
        int mine = hin_fd_take(&message->fds[0]);
        must((fcntl(mine, F_GETFD) & FD_CLOEXEC) != 0);
        hin_fd_close(&mine);
    }
    peer->handled++;
    if (message->request != 0 && !message->reply) {
        struct hin_result sent = hin_ipc_reply(channel, message, HIN_DENIED, HIN_VIEW("no"));
        must(sent.code == HIN_OK || sent.code == HIN_AGAIN || sent.code == HIN_CLOSED);
    }
    peer->permits->state = message->payload.size > 0 ? 2 : 1;
    struct hin_reader reader = hin_reader_of(message->payload);
    uint64_t number = 0;
    struct hin_view text;
    if (message->type == 3) {
        HIN_TRY(hin_read_varint(&reader, &number));
        HIN_TRY(hin_read_bytes(&reader, 64, &text));
        return hin_read_end(&reader);
    }
    return hin_ok();
}

static const struct hin_ipc_permit rows[] = {
    {.type = 1, .flags = HIN_IPC_ONCE, .max_bytes = 64, .handle = on_message},
    {.type = 2, .flags = HIN_IPC_REQUEST, .min_bytes = 1, .max_bytes = 4096, .handle = on_message},
    {.type = 3, .max_bytes = 4096, .states = 2, .handle = on_message},
    {.type = 4, .fds_min = 1, .fds_max = 2, .max_bytes = 64, .handle = on_message},
    {.type = 2, .flags = HIN_IPC_REPLY, .max_bytes = 16, .handle = on_message},
};
static const struct hin_ipc_table table = {"fuzz", rows, HIN_COUNT(rows)};

#define RAW_FDS_MAX 15

/* As a peer without our code would send it. False: the edge is full or closed. */
static bool send_raw(int fd, struct hin_view piece, size_t fd_count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * RAW_FDS_MAX)];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)piece.data, piece.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        for (size_t i = 0; i < fd_count; i++) {
            hin_copy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof(int));
        }
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void listen_to(struct hin_view bytes, size_t fd_count)
{
    int a = -1, b = -1;
    struct hin_ipc *channel = NULL;
    struct hin_ipc_permits permits = {.table = &table, .state = 1};
    struct peer peer = {.permits = &permits};
    struct hin_result result = hin_ok();
    must(hin_is_ok(hin_ipc_pair(&a, &b)) && hin_is_ok(hin_ipc_new(b, 0, &channel)));
    size_t step = bytes.size > 0 ? (size_t)bytes.data[0] + 1 : 1;
    for (size_t at = 1; at < bytes.size && result.code == HIN_OK; at += step) {
        if (!send_raw(a, hin_view_sub(bytes, at, step), fd_count)) {
            break;
        }
        do {
            result = hin_ipc_dispatch(&permits, channel, 2, &peer);
        } while (result.code == HIN_AGAIN);
    }
    /* LIMIT: the handler's own, of a text that is longer than it takes. */
    must(result.code == HIN_OK || result.code == HIN_PROTOCOL || result.code == HIN_CLOSED ||
         (result.code == HIN_LIMIT && peer.handled > 0));
    if (result.code == HIN_PROTOCOL && peer.handled == 0) {
        struct hin_ipc_message message; /* the breach was the channel's to see, or the table's */
        struct hin_result next = hin_ipc_receive(channel, &message);
        must(next.code != HIN_SYNTAX && next.code != HIN_TRUNCATED);
    }
    hin_fd_close(&a);
    hin_ipc_free(channel);
}

static void round_trip(struct hin_view bytes)
{
    int a = -1, b = -1, nothing[2] = {-1, -1};
    struct hin_ipc *from = NULL, *to = NULL;
    struct hin_reader reader = hin_reader_of(bytes);
    uint16_t type = 0;
    uint8_t how = 0;
    struct hin_view payload;
    must(hin_is_ok(hin_ipc_pair(&a, &b)) && hin_is_ok(hin_ipc_new(a, 0, &from)) &&
         hin_is_ok(hin_ipc_new(b, 0, &to)) && pipe(nothing) == 0);
    while (hin_is_ok(hin_read_u16(&reader, &type)) && hin_is_ok(hin_read_u8(&reader, &how)) &&
           hin_is_ok(hin_read_bytes(&reader, 65536, &payload))) {
        uint32_t request = how & 1 ? hin_ipc_next_request(from) : 0;
        size_t fd_count = how >> 6 & 1;
        struct hin_ipc_message got = {0}, answer = {0};
        must(hin_is_ok(hin_ipc_send_fds(from, type, request, payload, fd_count > 0 ? nothing : NULL,
                                        fd_count)));
        must(hin_is_ok(hin_ipc_receive_wait(to, INT64_C(1000000), &got)));
        must(got.type == type && got.request == request && !got.reply && got.code == HIN_OK);
        must(got.fd_count == fd_count && hin_view_equal(got.payload, payload));
        if (request != 0) {
            enum hin_code code = (enum hin_code)((how >> 1 & 31) % HIN_CODE_COUNT);
            must(hin_is_ok(hin_ipc_reply(to, &got, code, payload)));
            must(hin_is_ok(hin_ipc_receive_wait(from, INT64_C(1000000), &answer)));
            must(answer.reply && answer.request == request && answer.code == code);
            must(hin_view_equal(answer.payload, payload));
        }
    }
    hin_fd_close(&nothing[0]);
    hin_fd_close(&nothing[1]);
    hin_ipc_free(from);
    hin_ipc_free(to);
}

/* The lowest descriptor that is free: it is another one when something was left open. */
static int lowest_free(void)
{
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
    int lowest = fd;
    hin_fd_close(&fd);
    return lowest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct hin_view rest = hin_view_of(data + 1, size - 1);
    int before = lowest_free();
    switch (data[0] & 3) {
    case 0:
        listen_to(rest, data[0] >> 2 & RAW_FDS_MAX);
        break;
    case 2:
        converse(rest);
        break;
    default:
        round_trip(rest);
    }
    must(lowest_free() == before);
    return 0;
}
