/* What the files of ipc/ share. */
#ifndef HIN_IPC_CHANNEL_INTERNAL_H
#define HIN_IPC_CHANNEL_INTERNAL_H

#include "ipc/channel.h"

/* The header on the wire, little-endian, 20 bytes. Change anything and bump the last byte of the
 * magic. */
#define IPC_MAGIC        0x01504948u /* "HIP" and version 1 */
#define IPC_HEADER_BYTES 20u
#define IPC_FLAG_REPLY   0x01u
#define IPC_CALL_BIT     0x80000000u /* ids of synchronous calls */

/* One read never glues two batches of descriptors together (unix(7)) and happens only while no
 * whole message lies in the buffer: at most one message's descriptors and the next one's wait. */
#define IPC_FDS_WAITING_MAX (2 * HIN_IPC_FDS_MAX)

#define IPC_KEPT_MAX_BYTES (8u << 20)

struct ipc_header {
    uint16_t type;
    uint8_t flags;
    uint8_t fd_count;
    uint16_t code;
    uint32_t request;
    uint32_t length;
};

struct ipc_outgoing { /* a message, or the rest of one, that waits to be sent */
    struct ipc_outgoing *next;
    size_t at, size; /* sent so far; size of bytes */
    int fds[HIN_IPC_FDS_MAX];
    size_t fd_count; /* go out with the first byte */
    uint8_t bytes[];
};

struct ipc_kept { /* a message that came while a call waited for its reply */
    struct ipc_kept *next;
    struct hin_ipc_message message;
    int fds[HIN_IPC_FDS_MAX];
    uint8_t payload[];
};

struct hin_ipc {
    int fd;
    enum hin_code dead; /* OK, or what every further receive answers */

    struct ipc_outgoing *out_first, *out_last;
    size_t out_bytes, out_max;

    uint8_t *in; /* in_capacity bytes, of which [in_start, in_end) are unread */
    size_t in_start, in_end, in_capacity;
    int fds[IPC_FDS_WAITING_MAX]; /* received, not yet given to a message */
    size_t fd_count;

    int message_fds[HIN_IPC_FDS_MAX]; /* of the message the caller holds */
    size_t message_fd_count;

    struct ipc_kept *kept_first, *kept_last;
    struct ipc_kept *kept_now; /* the one the caller holds */
    size_t kept_bytes;

    uint32_t last_request, last_call;
};

/* Bytes of a header for a message; out holds IPC_HEADER_BYTES. */
void hin_ipc_header_write(const struct ipc_header *header, uint8_t *out);
/* PROTOCOL for anything that this version never writes. */
HIN_RESULT hin_ipc_header_read(const uint8_t *bytes, struct ipc_header *ret_header);

/* Send or queue one message with its header made. */
HIN_RESULT hin_ipc_put(struct hin_ipc *channel, const struct ipc_header *header,
                       struct hin_view payload, const int *fds);
/* Poll until readable (or, when something is queued, writable, and then flush). deadline:
 * monotonic, negative = none. */
HIN_RESULT hin_ipc_wait(struct hin_ipc *channel, short events, int64_t deadline_usec);
int64_t hin_ipc_deadline(int64_t timeout_usec);
/* Frees what receiving holds. */
void hin_ipc_receive_done(struct hin_ipc *channel);

#endif
