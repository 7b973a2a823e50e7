/* First byte, bit 0: 0 = the rest is what a peer that was taken over writes, cut into pieces; the
 * permit table must let nothing through that it does not name. 1 = a sequence of messages that we
 * send; each must arrive as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "ipc/channel.h"
#include "ipc/permit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct peer {
    size_t handled;
    struct hin_ipc_permits *permits;
};

static struct hin_result on_message(void *context, struct hin_ipc *channel,
                                    struct hin_ipc_message *message)
{
    struct peer *peer = context;
    must(message->payload.size <= 4096 && message->fd_count == 0);
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
    {.type = 2, .flags = HIN_IPC_REPLY, .max_bytes = 16, .handle = on_message},
};
static const struct hin_ipc_table table = {"fuzz", rows, HIN_COUNT(rows)};

static void listen_to(struct hin_view bytes)
{
    int a = -1, b = -1;
    struct hin_ipc *channel = NULL;
    struct hin_ipc_permits permits = {.table = &table, .state = 1};
    struct peer peer = {.permits = &permits};
    struct hin_result result = hin_ok();
    must(hin_is_ok(hin_ipc_pair(&a, &b)) && hin_is_ok(hin_ipc_new(b, 0, &channel)));
    size_t step = bytes.size > 0 ? (size_t)bytes.data[0] + 1 : 1;
    for (size_t at = 1; at < bytes.size && result.code == HIN_OK; at += step) {
        struct hin_view piece = hin_view_sub(bytes, at, at + step);
        if (send(a, piece.data, piece.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            break;
        }
        do {
            result = hin_ipc_dispatch(&permits, channel, 2, &peer);
        } while (result.code == HIN_AGAIN);
    }
    if (result.code == HIN_PROTOCOL && peer.handled == 0) {
        struct hin_ipc_message message;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct hin_view rest = hin_view_of(data + 1, size - 1);
    if ((data[0] & 1) != 0) {
        round_trip(rest);
    } else {
        listen_to(rest);
    }
    return 0;
}
