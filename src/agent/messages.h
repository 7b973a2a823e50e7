/* What the agent's processes say to each other, beside the framework's own messages. One edge a
 * block; payloads are base/codec.h. Sizes are bounded in the permit tables of the receiving side.
 */
#ifndef HIN_AGENT_MESSAGES_H
#define HIN_AGENT_MESSAGES_H

#include "ipc/channel.h"

enum hin_agent_message {
    /* log -> parent */
    HIN_AGENT_OPEN_FILE =
        HIN_IPC_TYPE_PROGRAM, /* request: u8 root, bytes relative path; reply: 1 fd */
    HIN_AGENT_OPEN_FOLDER,    /* request: the same; reply: 1 fd */
    HIN_AGENT_WATCH, /* request: the same; reply: u32 watch descriptor of the inotify handed over at
                        start */
    HIN_AGENT_OPEN_JOURNAL, /* request: empty; reply: up to 8 fds of journal folders' files, see
                               journal.h */
    HIN_AGENT_LOADED,       /* u64 serial, bytes summary: compiled and locked; waits for GO */
    HIN_AGENT_REFUSED, /* u64 serial, bytes sentence: the rule set is wrong; the process ends */
    /* parent -> log */
    HIN_AGENT_GO, /* empty: the instance before is gone; attach to the spool and begin */

    /* uplink -> parent */
    HIN_AGENT_POLICY =
        HIN_IPC_TYPE_PROGRAM + 32, /* u64 serial; 1 fd: the bundle, a sealed memory file */
    HIN_AGENT_WRAP,   /* request: u8 purpose, 16 key id, bytes key; reply: the wrapped key */
    HIN_AGENT_UNWRAP, /* request: u8 purpose, 16 key id, bytes wrapped; reply: the key */
    /* parent -> uplink */
    HIN_AGENT_POLICY_RESULT, /* u64 serial, u8 applied, bytes sentence */
    HIN_AGENT_NOTE,          /* u16 state code, bytes component, bytes detail: make this an event */

    /* log -> uplink */
    HIN_AGENT_ATTACH =
        HIN_IPC_TYPE_PROGRAM + 64, /* request: 16 origin; reply: u64 last durable commit of that
                                      origin, zigzag monotonic, zigzag wall, then as
                                      HIN_AGENT_CLOCK; fds: positions, engine state */
    HIN_AGENT_COMMIT,   /* request: u64 number, zigzag monotonic, zigzag wall, varint events, bytes
                           events, varint   positions, the rest positions; reply: durable */
    HIN_AGENT_STATE,    /* request: 1 fd: the engine's state; reply: sealed and durable */
    HIN_AGENT_COUNTERS, /* varint count, count x u64 in the order of HIN_AGENT_COUNTER_LIST */
    /* uplink -> log; clock -> uplink is HIN_CLOCK_REPORT */
    HIN_AGENT_CLOCK, /* u8 known, zigzag offset, bytes source: to be stamped into events */
};

/* Totals the log module counts; they go into the heartbeat under these names. */
#define HIN_AGENT_COUNTER_LIST(X)                                                                  \
    X(LINES, lines)                                                                                \
    X(MATCHED, lines_matched)                                                                      \
    X(ALERTS, alerts)                                                                              \
    X(BYTES, bytes)                                                                                \
    X(CUT, lines_cut)                                                                              \
    X(PCRE_LIMITS, pcre_limits)                                                                    \
    X(STATE_BOUNDS, state_bounds)                                                                  \
    X(FILES, files)                                                                                \
    X(ENTRIES, journal_entries)                                                                    \
    X(COPIES, second_copies)

enum hin_agent_counter {
#define X(symbol, name) HIN_AGENT_COUNTER_##symbol,
    HIN_AGENT_COUNTER_LIST(X)
#undef X
        HIN_AGENT_COUNTER_COUNT
};

#define HIN_AGENT_PATH_MESSAGE_MAX 4224
#define HIN_AGENT_KEY_MESSAGE_MAX  8192

#endif
