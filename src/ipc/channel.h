/* Typed messages over a socket pair: one edge between two of our own processes.
 *
 * A channel owns one end of an AF_UNIX stream pair. A message is a header of 20 bytes (magic and
 * version, type, flags, code, request id, length), at most 4 MiB of payload and at most 8
 * descriptors (SCM_RIGHTS, unix(7)). The socket is always non-blocking; the _wait calls poll. Not
 * thread-safe: one thread owns a channel.
 *
 * Trust: both ends are ours, but one of them may have been taken over. A wrong magic, version,
 * length or number of descriptors answers PROTOCOL, the channel is dead from then on, and the
 * process that received it is to end (its parent restarts it). Permit tables (permit.h) add what
 * each message may look like. A peer that dies in the middle of a message is CLOSED, which is no
 * reason to end. */
#ifndef HIN_IPC_CHANNEL_H
#define HIN_IPC_CHANNEL_H

#include "base/result.h"
#include "base/view.h"

#define HIN_IPC_PAYLOAD_MAX   (4u << 20) /* bytes a message */
#define HIN_IPC_FDS_MAX       8u         /* descriptors a message */
#define HIN_IPC_QUEUE_DEFAULT (8u << 20) /* bytes that may wait to be sent, unless set */
#define HIN_IPC_TYPE_PROGRAM                                                                       \
    0x100u /* types below are the framework's (role/), from here on the program's */
#define HIN_IPC_WAIT_FOREVER_USEC INT64_C(-1)

struct hin_ipc;

struct hin_ipc_message {
    uint16_t type;
    bool reply;              /* an answer to the request of this id */
    enum hin_code code;      /* replies: how the request ended; HIN_OK in all other messages */
    uint32_t request;        /* 0 = no answer wanted; otherwise the id to answer with */
    struct hin_view payload; /* borrowed from the channel until its next receive, call or free */
    int *
        fds; /* received descriptors (close-on-exec). Take one with hin_fd_take(&message.fds[i]); */
    size_t fd_count; /* what is not taken is closed by the next receive, call or free */
};

/* A connected pair of sockets, close-on-exec, for two processes to make channels of. */
HIN_RESULT hin_ipc_pair(int *ret_a, int *ret_b) HIN_NONNULL;

/* Takes ownership of fd on success (made non-blocking); on failure it stays the caller's.
 * queue_max_bytes bounds what waits to be sent, at least one message of full size fits whatever is
 * given; 0 = HIN_IPC_QUEUE_DEFAULT. */
HIN_RESULT hin_ipc_new(int fd, size_t queue_max_bytes, struct hin_ipc **ret_channel) HIN_NONNULL;
/* Closes; what is still queued is lost. NULL is fine. */
void hin_ipc_free(struct hin_ipc *channel);

/* To poll: readable always, writable while hin_ipc_wants_write. The same until the channel is
 * freed. A message may already lie in the buffer: call hin_ipc_receive until AGAIN before waiting.
 */
int hin_ipc_fd(const struct hin_ipc *channel) HIN_NONNULL;
bool hin_ipc_wants_write(const struct hin_ipc *channel) HIN_NONNULL;
/* A whole message lies in the buffer already, which no poll would tell. */
bool hin_ipc_has_message(const struct hin_ipc *channel) HIN_NONNULL;
size_t hin_ipc_queued_bytes(const struct hin_ipc *channel) HIN_NONNULL;

/* Send or queue, all or nothing: AGAIN when the queue is full (nothing was queued; back-pressure is
 * the caller's to apply). fds are borrowed (duplicated when they must wait). payload may be empty;
 * LIMIT over 4 MiB or 8 descriptors, CLOSED when the peer is gone. Never raises SIGPIPE. */
HIN_RESULT hin_ipc_send(struct hin_ipc *channel, uint16_t type, uint32_t request,
                        struct hin_view payload) __attribute__((nonnull(1)));
HIN_RESULT hin_ipc_send_fds(struct hin_ipc *channel, uint16_t type, uint32_t request,
                            struct hin_view payload, const int *fds, size_t fd_count)
    __attribute__((nonnull(1)));
/* Answer `to` (which must carry a request id): same type and id, with a code. */
HIN_RESULT hin_ipc_reply(struct hin_ipc *channel, const struct hin_ipc_message *to,
                         enum hin_code code, struct hin_view payload) HIN_NONNULL;
HIN_RESULT hin_ipc_reply_fds(struct hin_ipc *channel, const struct hin_ipc_message *to,
                             enum hin_code code, struct hin_view payload, const int *fds,
                             size_t fd_count) __attribute__((nonnull(1, 2)));

/* Write what waits. OK: all is out; AGAIN: some is left (poll for writable). */
HIN_RESULT hin_ipc_flush(struct hin_ipc *channel) HIN_NONNULL;
/* Block until all is out. TIMEOUT leaves the rest queued. Two processes that both block in it can
 * wait for each other: only one side of an edge may use it (or both use non-blocking sends). */
HIN_RESULT hin_ipc_flush_wait(struct hin_ipc *channel, int64_t timeout_usec) HIN_NONNULL;

/* The next whole message; AGAIN when there is none yet, CLOSED at the end, PROTOCOL as above.
 * Descriptors of the message before are closed, its payload is invalid. */
HIN_RESULT hin_ipc_receive(struct hin_ipc *channel,
                           struct hin_ipc_message *ret_message) HIN_NONNULL;
/* The same, blocking; also writes what is queued while it waits. TIMEOUT when nothing came. */
HIN_RESULT hin_ipc_receive_wait(struct hin_ipc *channel, int64_t timeout_usec,
                                struct hin_ipc_message *ret_message) HIN_NONNULL;

/* Block until something can be received or, with a full queue, sent; TIMEOUT. Negative: without
 * end. */
HIN_RESULT hin_ipc_wait_readable(struct hin_ipc *channel, int64_t timeout_usec) HIN_NONNULL;

/* A request id for asynchronous use (never 0, bit 31 clear; wraps). The reply comes through
 * hin_ipc_receive. */
uint32_t hin_ipc_next_request(struct hin_ipc *channel) HIN_NONNULL;

/* Synchronous request: sends, waits for the reply of the same id and gives it (`ret_reply->code` is
 * the peer's verdict; a code other than OK is not a failure of the call). Messages that are no
 * reply and come meanwhile are kept for the next hin_ipc_receive, at most 8 MiB of them (LIMIT
 * beyond). A reply that comes after its TIMEOUT is dropped silently later. */
HIN_RESULT hin_ipc_call(struct hin_ipc *channel, uint16_t type, struct hin_view payload,
                        int64_t timeout_usec, struct hin_ipc_message *ret_reply)
    __attribute__((nonnull(1, 5)));
HIN_RESULT hin_ipc_call_fds(struct hin_ipc *channel, uint16_t type, struct hin_view payload,
                            const int *fds, size_t fd_count, int64_t timeout_usec,
                            struct hin_ipc_message *ret_reply) __attribute__((nonnull(1, 7)));

#endif
