#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "harness.h"
#include "ipc/channel.h"
#include "ipc/permit.h"

struct edge {
    struct hin_ipc *a, *b;
};

static HIN_RESULT edge_open(struct edge *edge, size_t queue_max)
{
    int a = -1;
    int b = -1;
    HIN_TRY(hin_ipc_pair(&a, &b));
    HIN_TRY(hin_ipc_new(a, queue_max, &edge->a));
    return hin_ipc_new(b, queue_max, &edge->b);
}

static void edge_close(struct edge *edge)
{
    hin_ipc_free(edge->a);
    hin_ipc_free(edge->b);
}

TEST(test_ipc_channel__carries_messages_in_order)
{
    struct edge edge;
    struct hin_ipc_message message;
    CHECK_OK(edge_open(&edge, 0));
    CHECK_CODE(hin_ipc_receive(edge.b, &message), AGAIN);
    CHECK_OK(hin_ipc_send(edge.a, 300, 0, HIN_VIEW("first")));
    CHECK_OK(hin_ipc_send(edge.a, 301, 7, HIN_VIEW_EMPTY));
    CHECK_OK(hin_ipc_receive(edge.b, &message));
    CHECK(message.type == 300 && message.request == 0 && !message.reply && message.fd_count == 0);
    CHECK_VIEW(message.payload, "first");
    CHECK(hin_ipc_has_message(edge.b));
    CHECK_OK(hin_ipc_receive(edge.b, &message));
    CHECK(message.type == 301 && message.request == 7 && message.payload.size == 0);
    CHECK_OK(hin_ipc_reply(edge.b, &message, HIN_DENIED, HIN_VIEW("no")));
    CHECK_OK(hin_ipc_receive(edge.a, &message));
    CHECK(message.reply && message.code == HIN_DENIED && message.request == 7);
    CHECK_CODE(hin_ipc_receive(edge.b, &message), AGAIN);
    hin_ipc_free(edge.a);
    CHECK_CODE(hin_ipc_receive(edge.b, &message), CLOSED);
    CHECK_CODE(hin_ipc_send(edge.b, 300, 0, HIN_VIEW("x")), CLOSED);
    hin_ipc_free(edge.b);
}

TEST(test_ipc_channel__carries_the_biggest_message_and_refuses_more)
{
    struct edge edge;
    CHECK_OK(edge_open(&edge, 0));
    uint8_t *big = malloc(HIN_IPC_PAYLOAD_MAX + 1);
    CHECK(big != NULL);
    for (size_t i = 0; i < HIN_IPC_PAYLOAD_MAX; i++) {
        big[i] = (uint8_t)(i * 7 + (i >> 12));
    }
    CHECK_CODE(hin_ipc_send(edge.a, 300, 0, hin_view_of(big, HIN_IPC_PAYLOAD_MAX + 1)), LIMIT);
    CHECK_OK(hin_ipc_send(edge.a, 300, 0, hin_view_of(big, HIN_IPC_PAYLOAD_MAX)));
    CHECK_OK(hin_ipc_send(edge.a, 301, 0, HIN_VIEW("after")));
    struct hin_ipc_message message;
    struct hin_result result = hin_fail(HIN_AGAIN);
    while (result.code == HIN_AGAIN) {
        HIN_IGNORE(hin_ipc_flush(edge.a));
        result = hin_ipc_receive(edge.b, &message);
    }
    CHECK_OK(result);
    CHECK(hin_view_equal(message.payload, hin_view_of(big, HIN_IPC_PAYLOAD_MAX)));
    HIN_IGNORE(hin_ipc_flush(edge.a));
    CHECK_OK(hin_ipc_receive_wait(edge.b, HIN_SEC_USEC, &message));
    CHECK_VIEW(message.payload, "after");
    free(big);
    edge_close(&edge);
}

static size_t open_fds(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

TEST(test_ipc_channel__passes_descriptors_with_their_message)
{
    size_t before = open_fds();
    struct edge edge;
    CHECK_OK(edge_open(&edge, 0));
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    int many[HIN_IPC_FDS_MAX + 1];
    for (size_t i = 0; i < HIN_COUNT(many); i++) {
        many[i] = pipes[1];
    }
    CHECK_CODE(hin_ipc_send_fds(edge.a, 300, 0, HIN_VIEW_EMPTY, many, HIN_COUNT(many)), LIMIT);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(hin_ipc_send(edge.a, 301, 0, HIN_VIEW("plain")));
        CHECK_OK(hin_ipc_send_fds(edge.a, 302, 0, HIN_VIEW("with"), many,
                                  (size_t)i % (HIN_IPC_FDS_MAX + 1)));
    }
    for (size_t i = 0; i < 20; i++) {
        struct hin_ipc_message message;
        CHECK_OK(hin_ipc_receive(edge.b, &message));
        CHECK(message.type == 301 && message.fd_count == 0);
        CHECK_OK(hin_ipc_receive(edge.b, &message));
        CHECK(message.type == 302);
        CHECK_INT(message.fd_count, i % (HIN_IPC_FDS_MAX + 1));
        if (i == 1) {
            int mine = hin_fd_take(&message.fds[0]);
            CHECK(write(mine, "x", 1) == 1 && (fcntl(mine, F_GETFD) & FD_CLOEXEC) != 0);
            close(mine);
        }
    }
    edge_close(&edge);
    char byte;
    CHECK(read(pipes[0], &byte, 1) == 1 && byte == 'x');
    close(pipes[0]);
    close(pipes[1]);
    CHECK_INT(open_fds(), before); /* none was lost, taken or not */
}

TEST(test_ipc_channel__bounds_what_waits)
{
    struct edge edge;
    CHECK_OK(edge_open(&edge, 1));
    static uint8_t block[256 * 1024];
    size_t sent = 0;
    struct hin_result result = hin_ok();
    while (hin_is_ok(result) && sent < 1000) {
        result = hin_ipc_send(edge.a, 300, 0, hin_view_of(block, sizeof(block)));
        sent += hin_is_ok(result) ? 1 : 0;
    }
    CHECK(result.code == HIN_AGAIN && hin_ipc_wants_write(edge.a));
    CHECK(hin_ipc_queued_bytes(edge.a) <= HIN_IPC_PAYLOAD_MAX + 64);
    CHECK_CODE(hin_ipc_flush_wait(edge.a, 10 * HIN_MSEC_USEC), TIMEOUT);
    size_t received = 0;
    while (received < sent) {
        struct hin_ipc_message message;
        HIN_IGNORE(hin_ipc_flush(edge.a));
        CHECK_OK(hin_ipc_receive_wait(edge.b, HIN_SEC_USEC, &message));
        CHECK_INT(message.payload.size, sizeof(block));
        received++;
    }
    CHECK(!hin_ipc_wants_write(edge.a));
    struct hin_ipc_message message;
    CHECK_CODE(hin_ipc_receive(edge.b, &message), AGAIN); /* what was refused is not half there */
    edge_close(&edge);
}

/* Bytes that no channel writes: after them the channel is dead. */
static void check_refused(const uint8_t *bytes, size_t size)
{
    int a = -1;
    int b = -1;
    struct hin_ipc *channel = NULL;
    struct hin_ipc_message message;
    CHECK_OK(hin_ipc_pair(&a, &b));
    CHECK_OK(hin_ipc_new(b, 0, &channel));
    CHECK(write(a, bytes, size) == (ssize_t)size);
    CHECK_CODE(hin_ipc_receive(channel, &message), PROTOCOL);
    CHECK_CODE(hin_ipc_receive(channel, &message), PROTOCOL);
    close(a);
    hin_ipc_free(channel);
}

TEST(test_ipc_channel__refuses_what_no_channel_writes)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } changes[] = {
        {0, 'X'},
        {3, 2} /* version */,
        {6, 2} /* flag */,
        {7, 9} /* descriptors */,
        {7, 1} /* that do not come */,
        {8, 5} /* code without reply */,
        {10, 1} /* reserved */,
        {19, 1} /* length */,
    };
    static const uint8_t good[20] = {'H', 'I', 'P', 1, 0, 2};
    for (size_t i = 0; i < HIN_COUNT(changes); i++) {
        uint8_t bytes[20];
        hin_copy(bytes, good, sizeof(good));
        bytes[changes[i].at] = changes[i].byte;
        check_refused(bytes, sizeof(bytes));
    }
    uint8_t reply[20] = {'H', 'I', 'P', 1, 0, 2, 1}; /* answers nothing */
    check_refused(reply, sizeof(reply));
}

TEST(test_ipc_channel__a_peer_that_dies_in_a_message_is_closed)
{
    int a = -1;
    int b = -1;
    struct hin_ipc *channel = NULL;
    struct hin_ipc_message message;
    CHECK_OK(hin_ipc_pair(&a, &b));
    CHECK_OK(hin_ipc_new(b, 0, &channel));
    CHECK(write(a, "HIP\1\0\2", 6) == 6);
    CHECK_CODE(hin_ipc_receive(channel, &message), AGAIN);
    close(a);
    CHECK_CODE(hin_ipc_receive(channel, &message), CLOSED);
    hin_ipc_free(channel);
}

/* Answers "slow" late, sends an event before each answer. */
static void serve_calls(struct hin_ipc *channel)
{
    struct hin_ipc_message message;
    while (hin_is_ok(hin_ipc_receive_wait(channel, 20 * HIN_SEC_USEC, &message))) {
        bool slow = hin_view_is(message.payload, "slow");
        if (slow) {
            usleep(150000);
        }
        struct hin_ipc_message to = message;
        HIN_IGNORE(hin_ipc_send(channel, 400, 0, HIN_VIEW("event")));
        HIN_IGNORE(
            hin_ipc_reply(channel, &to, HIN_OK, slow ? HIN_VIEW("late") : HIN_VIEW("answer")));
    }
}

TEST(test_ipc_channel__calls_and_keeps_what_comes_meanwhile)
{
    struct edge edge;
    CHECK_OK(edge_open(&edge, 0));
    pid_t pid = fork();
    if (pid == 0) {
        hin_ipc_free(edge.a);
        serve_calls(edge.b);
        _exit(0);
    }
    hin_ipc_free(edge.b);
    struct hin_ipc_message message;
    CHECK_OK(hin_ipc_call(edge.a, 300, HIN_VIEW("quick"), 5 * HIN_SEC_USEC, &message));
    CHECK_VIEW(message.payload, "answer");
    CHECK_CODE(hin_ipc_call(edge.a, 300, HIN_VIEW("slow"), 20 * HIN_MSEC_USEC, &message), TIMEOUT);
    CHECK_OK(hin_ipc_call(edge.a, 300, HIN_VIEW("quick"), 5 * HIN_SEC_USEC, &message));
    CHECK_VIEW(message.payload, "answer"); /* not the late one */
    for (int i = 0; i < 3; i++) {
        CHECK_OK(hin_ipc_receive(edge.a, &message));
        CHECK(message.type == 400 && hin_view_is(message.payload, "event"));
    }
    CHECK_CODE(hin_ipc_receive(edge.a, &message), AGAIN);
    hin_ipc_free(edge.a);
    waitpid(pid, NULL, 0);
}

static HIN_RESULT count_message(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    (*(unsigned *)context)++;
    return message->payload.size == 3 ? hin_fail(HIN_SYNTAX) : hin_ok();
}

static const struct hin_ipc_permit rows[] = {
    {300, 0, 0, 0, 1, 8, 0, count_message},
    {301, HIN_IPC_ONCE, 0, 0, 0, 0, 0, count_message},
    {302, HIN_IPC_REQUEST, 0, 0, 0, 0, 0, count_message},
    {303, HIN_IPC_REPLY, 1, 1, 4, 4, 0, count_message},
    {304, 0, 1, 2, 0, 0, 0, count_message},
    {305, 0, 0, 0, 0, 0, 2, count_message},
};
static const struct hin_ipc_table table = {"test", rows, HIN_COUNT(rows)};

static enum hin_code judge(uint16_t type, uint32_t request, bool reply, enum hin_code code,
                           size_t size, size_t fds)
{
    static const uint8_t bytes[16];
    struct hin_ipc_permits permits = {.table = &table, .state = 1};
    struct hin_ipc_message message = {.type = type,
                                      .request = request,
                                      .reply = reply,
                                      .code = code,
                                      .payload = {bytes, size},
                                      .fd_count = fds};
    const struct hin_ipc_permit *row = NULL;
    return hin_ipc_check(&permits, &message, &row).code;
}

TEST(test_ipc_permit__refuses_what_the_table_does_not_hold)
{
    CHECK_INT(judge(300, 0, false, HIN_OK, 8, 0), HIN_OK);
    CHECK_INT(judge(300, 0, false, HIN_OK, 0, 0), HIN_PROTOCOL); /* too short */
    CHECK_INT(judge(300, 0, false, HIN_OK, 9, 0), HIN_PROTOCOL); /* too long */
    CHECK_INT(judge(300, 0, false, HIN_OK, 8, 1), HIN_PROTOCOL); /* a descriptor too many */
    CHECK_INT(judge(300, 1, true, HIN_OK, 8, 0), HIN_PROTOCOL);  /* not asked */
    CHECK_INT(judge(299, 0, false, HIN_OK, 8, 0), HIN_PROTOCOL); /* unknown */
    CHECK_INT(judge(302, 0, false, HIN_OK, 0, 0), HIN_PROTOCOL); /* wants no answer */
    CHECK_INT(judge(302, 5, false, HIN_OK, 0, 0), HIN_OK);
    CHECK_INT(judge(303, 5, true, HIN_OK, 4, 1), HIN_OK);
    CHECK_INT(judge(303, 5, true, HIN_OK, 0, 0),
              HIN_PROTOCOL);                                  /* a yes must carry what it carries */
    CHECK_INT(judge(303, 5, true, HIN_DENIED, 0, 0), HIN_OK); /* a no need not */
    CHECK_INT(judge(303, 5, false, HIN_OK, 4, 1), HIN_PROTOCOL); /* no reply */
    CHECK_INT(judge(304, 0, false, HIN_OK, 0, 0), HIN_PROTOCOL); /* without its descriptor */
    CHECK_INT(judge(304, 0, false, HIN_OK, 0, 2), HIN_OK);
    CHECK_INT(judge(305, 0, false, HIN_OK, 0, 0), HIN_PROTOCOL); /* not in this state */
}

TEST(test_ipc_permit__dispatches_bounded_and_once)
{
    struct edge edge;
    unsigned count = 0;
    struct hin_ipc_permits permits = {.table = &table, .state = 1};
    CHECK_OK(edge_open(&edge, 0));
    for (int i = 0; i < 10; i++) {
        CHECK_OK(hin_ipc_send(edge.a, 300, 0, HIN_VIEW("x")));
    }
    CHECK_CODE(hin_ipc_dispatch(&permits, edge.b, 4, &count), AGAIN);
    CHECK_INT(count, 4);
    CHECK_OK(hin_ipc_dispatch(&permits, edge.b, 0, &count));
    CHECK_INT(count, 10);
    CHECK_OK(hin_ipc_send(edge.a, 301, 0, HIN_VIEW_EMPTY));
    CHECK_OK(hin_ipc_dispatch(&permits, edge.b, 0, &count));
    CHECK_OK(hin_ipc_send(edge.a, 301, 0, HIN_VIEW_EMPTY));
    CHECK_CODE(hin_ipc_dispatch(&permits, edge.b, 0, &count), PROTOCOL);
    CHECK_OK(hin_ipc_send(edge.a, 300, 0, HIN_VIEW("bad"))); /* the handler finds it malformed */
    CHECK_CODE(hin_ipc_dispatch(&permits, edge.b, 0, &count), PROTOCOL);
    edge_close(&edge);
}

TEST(test_ipc_channel__is_fast_enough_for_batches)
{
    enum { BATCHES = 2000 };
    struct edge edge;
    static uint8_t batch[256 * 1024];
    CHECK_OK(edge_open(&edge, 0));
    pid_t pid = fork();
    if (pid == 0) {
        hin_ipc_free(edge.b);
        for (int i = 0; i < BATCHES; i++) {
            while (!hin_is_ok(hin_ipc_send(edge.a, 300, 0, hin_view_of(batch, sizeof(batch))))) {
                HIN_IGNORE(hin_ipc_flush_wait(edge.a, -1));
            }
        }
        HIN_IGNORE(hin_ipc_flush_wait(edge.a, -1));
        _exit(0);
    }
    hin_ipc_free(edge.a);
    int64_t begin = hin_clock_monotonic_usec(hin_clock_system());
    for (int i = 0; i < BATCHES; i++) {
        struct hin_ipc_message message;
        CHECK_OK(hin_ipc_receive_wait(edge.b, 20 * HIN_SEC_USEC, &message));
        CHECK_INT(message.payload.size, sizeof(batch));
    }
    int64_t usec = hin_clock_monotonic_usec(hin_clock_system()) - begin;
    printf("# %d batches of 256 KiB in %lld ms: %lld MiB/s\n", BATCHES, (long long)(usec / 1000),
           (long long)(BATCHES / 4 * INT64_C(1000000) / usec));
    waitpid(pid, NULL, 0);
    hin_ipc_free(edge.b);
}
