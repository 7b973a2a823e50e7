/* Two ends of an edge in one process, and turns they take. What one end has sent the other must
 * receive, whole and in order, however much of it waited in a queue, in the socket, or beside a
 * call. Nothing ever blocks: all time-outs are 0. */
#ifndef HIN_FUZZ_IPC_CONVERSATION_H
#define HIN_FUZZ_IPC_CONVERSATION_H

#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "ipc/channel_internal.h"

#define EXPECTED_MAX      256u
#define CONVERSATION_MAX  (20u << 20) /* payload bytes in all */
#define CONVERSATION_FDS  256         /* less than a process may open */
#define CONVERSATION_TYPE 300

static inline void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct expected { /* a message that one end has sent and the other has not received */
    uint32_t request;
    bool reply;
    enum hin_code code;
    struct hin_view payload;
    size_t fd_count;
};

struct end {
    struct hin_ipc *channel; /* NULL: closed */
    struct expected sent[EXPECTED_MAX];
    size_t first, count;
};

struct conversation {
    struct end ends[2];
    int nothing; /* a descriptor to pass */
    size_t left; /* payload bytes that may still be sent */
    size_t fds_left;
    bool over;
};

static inline void expect(struct end *end, struct expected message)
{
    end->sent[(end->first + end->count++) % EXPECTED_MAX] = message;
}

/* A payload of one of eight sizes; its bytes tell where in the pattern it begins. */
static inline struct hin_view payload_of(struct conversation *c, unsigned size, unsigned seed)
{
    static const size_t sizes[8] = {0, 1, 19, 4096, 65516, 300000, 1 << 20, HIN_IPC_PAYLOAD_MAX};
    static uint8_t pattern[HIN_IPC_PAYLOAD_MAX + 256];
    for (size_t i = pattern[0] == 0 ? 0 : sizeof(pattern); i < sizeof(pattern); i++) {
        pattern[i] = (uint8_t)((uint32_t)i * 2654435761u >> 24) | 1;
    }
    struct hin_view payload = hin_view_of(pattern + (seed & 255), sizes[size & 7]);
    if (payload.size > c->left) {
        payload.size = 0;
    }
    c->left -= payload.size;
    return payload;
}

static inline bool has_room(const struct hin_ipc *channel, size_t payload_bytes)
{
    return hin_ipc_queued_bytes(channel) + IPC_HEADER_BYTES + payload_bytes <=
           HIN_IPC_PAYLOAD_MAX + IPC_HEADER_BYTES;
}

static inline void turn_send(struct conversation *c, struct end *from, unsigned size, uint8_t how)
{
    struct hin_view payload = payload_of(c, size, how);
    int fds[HIN_IPC_FDS_MAX + 1];
    size_t fd_count = how & 15;
    fd_count = HIN_MIN(HIN_MIN(fd_count, HIN_COUNT(fds)), c->fds_left);
    c->fds_left -= fd_count;
    for (size_t i = 0; i < fd_count; i++) {
        fds[i] = c->nothing;
    }
    uint32_t request = how & 16 ? hin_ipc_next_request(from->channel) : 0;
    bool room = has_room(from->channel, payload.size);
    struct hin_result result =
        hin_ipc_send_fds(from->channel, CONVERSATION_TYPE, request, payload, fds, fd_count);
    if (fd_count > HIN_IPC_FDS_MAX) {
        must(result.code == HIN_LIMIT);
        return;
    }
    must(hin_is_ok(result) || (result.code == HIN_AGAIN && !room));
    if (hin_is_ok(result)) {
        expect(from,
               (struct expected){.request = request, .payload = payload, .fd_count = fd_count});
    }
}

/* An answer to what was received; one to a call is late by now, and is to be dropped. */
static inline void answer(struct conversation *c, struct end *end, const struct hin_ipc_message *to,
                          uint8_t how)
{
    struct hin_view payload = payload_of(c, how >> 5, how);
    enum hin_code code = (enum hin_code)(how % HIN_CODE_COUNT);
    struct hin_result result = hin_ipc_reply(end->channel, to, code, payload);
    if (to->request == 0 || to->reply) {
        must(result.code == HIN_INVALID);
        return;
    }
    must(hin_is_ok(result) || result.code == HIN_AGAIN);
    if (hin_is_ok(result) && (to->request & IPC_CALL_BIT) == 0) {
        expect(end, (struct expected){
                        .request = to->request, .reply = true, .code = code, .payload = payload});
    }
}

/* Bit 0: with a wait; bit 1: an answer; bit 2: a descriptor is taken. */
static inline void turn_receive(struct conversation *c, struct end *end, struct end *from,
                                unsigned flags, uint8_t how)
{
    struct hin_ipc_message got = {0};
    bool whole = from->channel != NULL && !hin_ipc_wants_write(from->channel);
    struct hin_result result = flags & 1 ? hin_ipc_receive_wait(end->channel, 0, &got)
                                         : hin_ipc_receive(end->channel, &got);
    if (from->channel == NULL && result.code == HIN_CLOSED) {
        c->over = true;
        return;
    }
    if (!hin_is_ok(result)) {
        must(result.code == (flags & 1 ? HIN_TIMEOUT : HIN_AGAIN) &&
             (from->count == 0 || !whole)); /* nothing that has been sent is lost */
        return;
    }
    must(from->count > 0);
    struct expected want = from->sent[from->first];
    from->first = (from->first + 1) % EXPECTED_MAX;
    from->count--;
    must(got.type == CONVERSATION_TYPE && got.request == want.request && got.reply == want.reply &&
         got.code == want.code && got.fd_count == want.fd_count &&
         hin_view_equal(got.payload, want.payload));
    if (got.fd_count > 0 && (flags & 4) != 0) {
        int mine = hin_fd_take(&got.fds[got.fd_count - 1]);
        hin_fd_close(&mine);
    }
    if ((flags & 2) != 0 && from->channel != NULL && end->count < EXPECTED_MAX) {
        answer(c, end, &got, how);
    }
}

/* A call; bit 0 of flags: its answer is under way already. */
static inline void turn_call(struct conversation *c, struct end *end, struct end *other,
                             unsigned flags, uint8_t how)
{
    struct hin_view payload = payload_of(c, how & 7, how), said = payload_of(c, how >> 5, how);
    struct hin_ipc_message reply = {0};
    struct hin_ipc_message call = {.type = CONVERSATION_TYPE,
                                   .request = (end->channel->last_call + 1) | IPC_CALL_BIT};
    bool answered = false;
    if (!has_room(end->channel, payload.size)) {
        must(hin_ipc_call(end->channel, CONVERSATION_TYPE, hin_view_of(payload.data, 0), 0, &reply)
                 .code != HIN_OK);
        c->over = true; /* whether it was sent is not told */
        return;
    }
    if ((flags & 1) != 0) {
        answered = hin_is_ok(hin_ipc_reply(other->channel, &call, HIN_DENIED, said)) &&
                   !hin_ipc_wants_write(other->channel);
    }
    struct hin_result result = hin_ipc_call(end->channel, CONVERSATION_TYPE, payload, 0, &reply);
    if (result.code == HIN_LIMIT) {
        c->over = true; /* too much came meanwhile, and one of it is lost */
        return;
    }
    expect(end, (struct expected){.request = call.request, .payload = payload});
    must(result.code == (answered ? HIN_OK : HIN_TIMEOUT));
    must(!answered || (reply.reply && reply.request == call.request && reply.code == HIN_DENIED &&
                       hin_view_equal(reply.payload, said)));
}

static inline void turn_flush(struct end *end, unsigned flags)
{
    size_t before = hin_ipc_queued_bytes(end->channel);
    struct hin_result result =
        flags & 1 ? hin_ipc_flush_wait(end->channel, 0) : hin_ipc_flush(end->channel);
    must(hin_is_ok(result) || result.code == (flags & 1 ? HIN_TIMEOUT : HIN_AGAIN));
    must(hin_is_ok(result) == !hin_ipc_wants_write(end->channel) &&
         hin_is_ok(result) == (hin_ipc_queued_bytes(end->channel) == 0) &&
         hin_ipc_queued_bytes(end->channel) <= before);
}

static inline void turn_wait(struct end *end, const struct end *from)
{
    bool there = from->count > 0 && !hin_ipc_wants_write(from->channel);
    bool buffered = hin_ipc_has_message(end->channel);
    struct hin_result result = hin_ipc_wait_readable(end->channel, INT64_C(100));
    must(hin_is_ok(result) || (result.code == HIN_TIMEOUT && !there && !buffered));
}

/* One end goes; the other gets what has come through, and then hears of it. */
static inline void turn_close(struct conversation *c, struct end *end, struct end *other)
{
    struct hin_ipc_message reply = {0};
    hin_ipc_free(end->channel);
    end->channel = NULL;
    must(hin_ipc_send(other->channel, 1, 0, HIN_VIEW("x")).code == HIN_CLOSED);
    while (!c->over) {
        turn_receive(c, other, end, 0, 0);
    }
    must(hin_ipc_receive_wait(other->channel, 0, &reply).code == HIN_CLOSED &&
         hin_ipc_call(other->channel, 1, HIN_VIEW("x"), 0, &reply).code == HIN_CLOSED &&
         hin_ipc_flush_wait(other->channel, 0).code != HIN_TIMEOUT);
}

/* Two bytes a turn: bits 0-2 what, bit 3 who, bits 4-6 flags or a size; then how. */
static inline void turn(struct conversation *c, uint8_t what, uint8_t how)
{
    struct end *end = &c->ends[what >> 3 & 1], *other = &c->ends[~what >> 3 & 1];
    unsigned flags = what >> 4 & 7;
    if (end->count >= EXPECTED_MAX - 1) {
        c->over = true;
        return;
    }
    switch (what & 7) {
    case 0:
    case 1:
        turn_send(c, end, flags, how);
        break;
    case 2:
    case 3:
        turn_receive(c, end, other, flags, how);
        break;
    case 4:
        turn_call(c, end, other, flags, how);
        break;
    case 5:
        turn_flush(end, flags);
        break;
    case 6:
        turn_wait(end, other);
        break;
    default:
        turn_close(c, end, other);
    }
}

static inline void converse(struct hin_view turns)
{
    int a = -1, b = -1, spare = -1;
    static struct conversation c;
    c = (struct conversation){
        .nothing = -1, .left = CONVERSATION_MAX, .fds_left = CONVERSATION_FDS};
    must(hin_is_ok(hin_ipc_pair(&a, &b)) && hin_is_ok(hin_ipc_new(a, 1, &c.ends[0].channel)) &&
         hin_is_ok(hin_ipc_new(b, 1, &c.ends[1].channel)) &&
         hin_is_ok(hin_ipc_pair(&c.nothing, &spare)));
    for (size_t at = 0; at + 1 < turns.size && !c.over; at += 2) {
        turn(&c, turns.data[at], turns.data[at + 1]);
    }
    for (int drained = 0; !c.over && drained < 2; drained++) {
        struct end *end = &c.ends[drained], *from = &c.ends[1 - drained];
        while (from->count > 0 && !c.over) {
            HIN_IGNORE(hin_ipc_flush(from->channel));
            turn_receive(&c, end, from, 0, 0);
        }
    }
    hin_fd_close(&c.nothing);
    hin_fd_close(&spare);
    hin_ipc_free(c.ends[0].channel);
    hin_ipc_free(c.ends[1].channel);
}

#endif
