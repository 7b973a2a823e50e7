/* The agent-manager protocol, as pure codecs: bytes in, messages out, and back. No socket, no
 * clock, no key. The prose that goes with it is docs/PROTOCOL.agent.md; both sides of the
 * connection use this one header.
 *
 * A connection is a TLS stream. On it run frames (frame.h's header, then a payload of at most 4
 * MiB); each payload is one message, coded by hin_wire_encode and hin_wire_decode. What may be said
 * when is a const table (session.h). */
#ifndef HIN_WIRE_WIRE_H
#define HIN_WIRE_WIRE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

/* The newest protocol version that this build speaks, and the oldest. Version 1 is the made-up
 * predecessor of version 2: its heartbeat has neither counters nor a checkpoint, and its hello no
 * checkpoint. Version 2 lacks the heartbeat reply's restore. */
#define HIN_WIRE_VERSION        3
#define HIN_WIRE_VERSION_OLDEST 1

#define HIN_WIRE_PORT               4120
#define HIN_WIRE_FRAME_HEADER_BYTES 12
#define HIN_WIRE_PAYLOAD_MAX_BYTES  (4U << 20)
/* A batch before compression. */
#define HIN_WIRE_BATCH_RAW_MAX_BYTES    (4U << 20)
#define HIN_WIRE_BATCH_RECORDS_MAX      65536
#define HIN_WIRE_EVENT_MAX_BYTES        (1U << 20)
#define HIN_WIRE_CURSOR_MAX_BYTES       1024
#define HIN_WIRE_ID_BYTES               16
#define HIN_WIRE_TEXT_MAX_BYTES         255
#define HIN_WIRE_SENTENCE_MAX_BYTES     1024
#define HIN_WIRE_TOKEN_MAX_BYTES        256
#define HIN_WIRE_CSR_MAX_BYTES          8192
#define HIN_WIRE_CERTIFICATE_MAX_BYTES  8192
#define HIN_WIRE_CHAIN_MAX              4
#define HIN_WIRE_CHECKPOINT_MAX_BYTES   1024
#define HIN_WIRE_COUNTERS_MAX           48
#define HIN_WIRE_POLICY_MAX_BYTES       (64U << 20)
#define HIN_WIRE_POLICY_CHUNK_MAX_BYTES (1U << 20)
#define HIN_WIRE_DIGEST_BYTES           32

/* Numbers are for ever. name, direction (A: agent to manager, M: manager to agent, B: both) */
#define HIN_WIRE_TYPES(X)                                                                          \
    X(HELLO, hello, 1, A)                                                                          \
    X(WELCOME, welcome, 2, M)                                                                      \
    X(ENROL, enrol, 3, A)                                                                          \
    X(ENROLLED, enrolled, 4, M)                                                                    \
    X(RENEW, renew, 5, A)                                                                          \
    X(RENEWED, renewed, 6, M)                                                                      \
    X(BATCH, batch, 7, A)                                                                          \
    X(ACK, ack, 8, M)                                                                              \
    X(HEARTBEAT, heartbeat, 9, A)                                                                  \
    X(HEARTBEAT_REPLY, heartbeat_reply, 10, M)                                                     \
    X(POLICY, policy, 11, M)                                                                       \
    X(POLICY_STATUS, policy_status, 12, A)                                                         \
    X(PING, ping, 13, B)                                                                           \
    X(PONG, pong, 14, B)                                                                           \
    X(REFUSE, refuse, 15, M)                                                                       \
    X(HELD, held, 16, M)

enum hin_wire_type {
#define X(name, member, number, direction) HIN_WIRE_##name = (number),
    HIN_WIRE_TYPES(X)
#undef X
        HIN_WIRE_TYPE_COUNT = 17
};

/* The first message of a known agent. The layout of the first two fields, and of the frame header,
 * never changes between versions, so that a manager of any version can refuse by name. */
struct hin_wire_hello {
    uint16_t version_oldest,
        version_newest;                  /* what the agent speaks; oldest <= newest, both >= 1 */
    uint8_t agent_id[HIN_WIRE_ID_BYTES]; /* must equal the one in the certificate */
    uint64_t session_counter;            /* from sealed state, raised before each hello */
    uint64_t spool_first,
        spool_last;                /* sequences in the spool; first = last + 1 when it is empty */
    uint64_t policy_serial;        /* policy in force, 0 = none yet */
    int64_t wall_usec;             /* the agent's clock */
    struct hin_view agent_version; /* "0.1.0" */
    struct hin_view host_name;
    struct hin_view os_name;    /* "Debian GNU/Linux 12 (bookworm)" */
    struct hin_view platform;   /* "x86_64" */
    struct hin_view checkpoint; /* the last signed checkpoint seen, opaque; since version 2 */
};

struct hin_wire_welcome {
    uint16_t version;         /* chosen: the newest that both speak; all later frames are in it */
    uint64_t durable;         /* highest sequence the manager has committed, 0 = none */
    int64_t wall_usec;        /* the manager's clock */
    uint32_t heartbeat_sec;   /* 1..3600 */
    uint32_t window_batches;  /* batches that may be on their way without an ack; 1..64 */
    uint32_t batch_max_bytes; /* before compression; 64 KiB .. HIN_WIRE_BATCH_RAW_MAX_BYTES */
    uint64_t policy_serial;   /* the policy the manager wants in force */
};

/* Sent without a client certificate. The signature on the CSR proves possession of the key; the
 * same CSR sent again asks after the same request. */
struct hin_wire_enrol {
    uint16_t version_oldest, version_newest;
    struct hin_view token; /* empty: wait for approval */
    struct hin_view csr;   /* PKCS #10, DER */
    struct hin_view agent_version, host_name, os_name, platform;
};

enum hin_wire_enrolment { HIN_WIRE_ISSUED = 1, HIN_WIRE_PENDING = 2 };

struct hin_wire_enrolled {
    uint8_t status;     /* enum hin_wire_enrolment */
    uint32_t retry_sec; /* PENDING: ask again after this */
    uint8_t agent_id[HIN_WIRE_ID_BYTES];
    uint8_t tenant_id[HIN_WIRE_ID_BYTES];             /* zero while PENDING */
    struct hin_view certificates[HIN_WIRE_CHAIN_MAX]; /* ISSUED: DER, leaf first, the CA last */
    size_t certificate_count;
    struct hin_view policy_key; /* ISSUED: public key that signs policies and checkpoints,
                                   SubjectPublicKeyInfo DER */
};

struct hin_wire_renew {
    struct hin_view csr; /* a new key each time */
};

struct hin_wire_renewed {
    struct hin_view certificates[HIN_WIRE_CHAIN_MAX];
    size_t certificate_count;
};

enum hin_wire_compression { HIN_WIRE_PLAIN = 0, HIN_WIRE_ZSTD = 1 };

/* Sequences run without a gap: first, first + 1, ... first + count - 1. See batch.h for what is
 * inside. */
struct hin_wire_batch {
    uint64_t first;
    uint32_t count;      /* 1..HIN_WIRE_BATCH_RECORDS_MAX */
    uint8_t compression; /* enum hin_wire_compression */
    uint32_t raw_bytes;  /* size after decompression, at most HIN_WIRE_BATCH_RAW_MAX_BYTES */
    struct hin_view body;
};

/* Everything up to and including `through` is durable (the commit's fdatasync has returned). */
struct hin_wire_ack {
    uint64_t through;
};

struct hin_wire_counter {
    struct hin_view name; /* [a-z0-9_]+, at most 63 bytes */
    uint64_t value;
};

struct hin_wire_heartbeat {
    int64_t wall_usec;
    int64_t
        clock_offset_usec; /* manager's clock minus the agent's, as last measured; 0 before that */
    uint64_t spool_count, spool_bytes;
    uint64_t policy_serial;
    struct hin_wire_counter counters[HIN_WIRE_COUNTERS_MAX]; /* since version 2 */
    size_t counter_count;
    struct hin_view checkpoint; /* since version 2 */
};

struct hin_wire_heartbeat_reply {
    int64_t echo_usec;          /* the heartbeat's wall_usec */
    int64_t wall_usec;          /* the manager's clock */
    struct hin_view checkpoint; /* a new signed checkpoint, or empty; since version 2 */
    struct hin_view restore;    /* that an older state of the manager's was accepted last, as a
                                   sentence with its id, or empty; since version 3 */
};

/* A signed bundle in chunks, in order, without another bundle between. */
struct hin_wire_policy {
    uint64_t serial;
    uint32_t total_bytes; /* 1..HIN_WIRE_POLICY_MAX_BYTES */
    uint32_t offset;
    uint8_t digest[HIN_WIRE_DIGEST_BYTES]; /* SHA-256 of the whole bundle */
    struct hin_view chunk;                 /* at most HIN_WIRE_POLICY_CHUNK_MAX_BYTES */
};

enum hin_wire_policy_state { HIN_WIRE_POLICY_APPLIED = 1, HIN_WIRE_POLICY_REFUSED = 2 };

struct hin_wire_policy_status {
    uint64_t serial;
    uint8_t state;            /* enum hin_wire_policy_state */
    struct hin_view sentence; /* REFUSED: "file:line:column: what" */
};

struct hin_wire_ping { /* and pong, which returns the nonce */
    uint64_t nonce;
};

/* Why a manager ends the connection. Numbers are for ever. */
#define HIN_WIRE_REFUSALS(X)                                                                       \
    X(VERSION, 1, "no common protocol version")                                                    \
    X(PROTOCOL, 2, "the agent broke the protocol")                                                 \
    X(TOKEN, 3, "the enrolment token is wrong, used up or expired")                                \
    X(IDENTITY, 4, "the certificate does not belong to this agent")                                \
    X(REVOKED, 5, "the computer is revoked")                                                       \
    X(EXPIRED, 6, "the certificate is expired: only a renewal is allowed")                         \
    X(CLONED, 7, "another folder with the same identity was seen")                                 \
    X(REPLACED, 8, "a newer session of this agent took over")                                      \
    X(BUSY, 9, "the manager is busy, come back later")                                             \
    X(DENIED, 10, "the request was denied by an administrator")                                    \
    X(REQUEST, 11, "the certificate request is not acceptable")                                    \
    X(SHUTDOWN, 12, "the manager is stopping")                                                     \
    X(ERASED, 13, "the tenant of this computer was erased")

enum hin_wire_refusal {
#define X(name, number, text) HIN_WIRE_REFUSE_##name = (number),
    HIN_WIRE_REFUSALS(X)
#undef X
        HIN_WIRE_REFUSAL_COUNT = 14
};

struct hin_wire_refuse {
    uint16_t version_oldest,
        version_newest; /* what the manager speaks (never moves between versions) */
    uint16_t reason;    /* enum hin_wire_refusal */
    uint32_t retry_sec; /* 0 = as the agent sees fit */
    struct hin_view sentence;
};

/* The session stays open but is held for approval: the agent keeps its events, heartbeats and pings
 * go on. It ends with a welcome or with the connection. */
struct hin_wire_held {
    struct hin_view sentence;
};

struct hin_wire_message {
    enum hin_wire_type type;
    union {
        struct hin_wire_hello hello;
        struct hin_wire_welcome welcome;
        struct hin_wire_enrol enrol;
        struct hin_wire_enrolled enrolled;
        struct hin_wire_renew renew;
        struct hin_wire_renewed renewed;
        struct hin_wire_batch batch;
        struct hin_wire_ack ack;
        struct hin_wire_heartbeat heartbeat;
        struct hin_wire_heartbeat_reply heartbeat_reply;
        struct hin_wire_policy policy;
        struct hin_wire_policy_status policy_status;
        struct hin_wire_ping ping;
        struct hin_wire_ping pong;
        struct hin_wire_refuse refuse;
        struct hin_wire_held held;
    };
};

/* "hello"; "unknown" for a number that stands for nothing. */
const char *hin_wire_type_name(uint8_t type);
/* The table's sentence; "refused" for an unknown reason. */
const char *hin_wire_refusal_text(uint16_t reason);

/* The newest version that both ranges hold; UNSUPPORTED when there is none. */
HIN_RESULT hin_wire_negotiate(uint16_t our_oldest, uint16_t our_newest, uint16_t their_oldest,
                              uint16_t their_newest, uint16_t *ret_version) HIN_NONNULL;

/* Append one whole frame (header and payload) to `out`. version: the one negotiated; hello, enrol
 * and refuse are written before one is (give HIN_WIRE_VERSION, or the version a test plays). On
 * failure `out` is as it was. INVALID: a value outside the limits above. LIMIT: over
 * HIN_WIRE_PAYLOAD_MAX_BYTES or the buffer's maximum. */
HIN_RESULT hin_wire_encode(uint16_t version, const struct hin_wire_message *message,
                           struct hin_buf *out) HIN_NONNULL;

/* Decode one payload. Views in the message borrow from `payload`. Each limit above is checked,
 * nothing is allocated, and every accepted payload encodes back to itself. PROTOCOL on anything
 * else, UNSUPPORTED for an unknown type. */
HIN_RESULT hin_wire_decode(uint16_t version, uint8_t type, struct hin_view payload,
                           struct hin_wire_message *ret_message) HIN_NONNULL;

struct hin_wire_frame {
    uint8_t type;
    uint16_t version;
    struct hin_view payload; /* borrows from the input */
    size_t size;             /* header and payload: how much input it takes */
};

/* The first frame of `input`. AGAIN: not whole yet. PROTOCOL: wrong magic or reserved bits. LIMIT:
 * a longer payload than payload_max_bytes is announced; said as soon as the header is there. */
HIN_RESULT hin_wire_frame_next(struct hin_view input, size_t payload_max_bytes,
                               struct hin_wire_frame *ret_frame) HIN_NONNULL;

#endif
