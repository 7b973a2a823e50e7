/* What the process `clock` has measured, as it tells it to the processes beside it, and what
 * follows from it. Pure. */
#ifndef HIN_CLOCK_REPORT_H
#define HIN_CLOCK_REPORT_H

#include "base/buf.h"
#include "base/time.h"
#include "clock/settings.h"
#include "io/address.h"
#include "ipc/channel.h"

/* clock -> uplink, worker: the report. Above the numbers that the programs use for themselves. */
#define HIN_CLOCK_REPORT           (HIN_IPC_TYPE_PROGRAM + 96)
#define HIN_CLOCK_REPORT_MAX_BYTES 8192

/* How a server fares; name (of the API), text for people. Numbers go between processes of one
 * version only. */
#define HIN_CLOCK_STATES(X)                                                                        \
    X(WAITING, "waiting", "not answered yet")                                                      \
    X(AGREES, "agrees", "agrees with the majority")                                                \
    X(DISAGREES, "disagrees", "disagrees with the majority, or there is none")                     \
    X(UNSTABLE, "unstable", "contradicts itself")                                                  \
    X(SILENT, "silent", "does not answer")                                                         \
    X(UNKNOWN_NAME, "unknown-name", "its name is not known to the name server")                    \
    X(INVALID, "invalid", "what comes back is no answer to our question")                          \
    X(UNSYNCHRONISED, "unsynchronised", "is not synchronised itself")                              \
    X(DISTANT, "distant", "is too far from its own source")                                        \
    X(LIMITED, "limited", "asks to be asked less often")                                           \
    X(REFUSED, "refused", "refuses to answer; not asked again until the program is restarted")

enum hin_clock_state {
#define X(symbol, name, text) HIN_CLOCK_##symbol,
    HIN_CLOCK_STATES(X)
#undef X
        HIN_CLOCK_STATE_COUNT
};
const char *hin_clock_state_name(enum hin_clock_state state);
const char *hin_clock_state_text(enum hin_clock_state state);

struct hin_clock_source {
    char name[HIN_CLOCK_NAME_BYTES]; /* as configured */
    char address[HIN_ADDRESS_TEXT_BYTES];
    enum hin_clock_state state;
    uint8_t stratum;
    int64_t offset_usec, error_usec; /* as of the report; 0 while answer_usec is 0 */
    int64_t answer_usec;             /* when it last gave a usable answer; 0: not yet */
    uint64_t requests, answers;
};

struct hin_clock_report {
    bool measured;       /* a majority agrees: the next three count */
    int64_t offset_usec; /* true time minus this host's: positive, the host is behind */
    int64_t error_usec;  /* by how much that may be wrong */
    int64_t answer_usec; /* when the believed server answered */
    size_t chosen;       /* the believed one of sources[] */
    size_t agree_count;
    struct hin_clock_source sources[HIN_CLOCK_SOURCES_MAX];
    size_t source_count;
};

HIN_RESULT hin_clock_report_write(const struct hin_clock_report *report, struct hin_buf *out);
/* PROTOCOL for anything that hin_clock_report_write does not write. */
HIN_RESULT hin_clock_report_read(struct hin_view bytes, struct hin_clock_report *ret_report);

/* ---- the bound ---- */

enum hin_clock_crossing { HIN_CLOCK_STAYS, HIN_CLOCK_PASSED, HIN_CLOCK_BACK };

/* One verdict a crossing: passed when the clock is off by more than the bound even if the
 * measurement errs by all it can; back when it is off by no more than three quarters of it, so that
 * a clock near the bound does not tell again and again. */
struct hin_clock_watch {
    int64_t bound_usec;
    bool beyond;
};
enum hin_clock_crossing hin_clock_watch_step(struct hin_clock_watch *watch, int64_t offset_usec,
                                             int64_t error_usec);

/* "behind by 3.004 s, as ntp1.example:123 has it (2 of 3 sources agree; bound 2.000 s)" */
struct hin_clock_telling {
    int64_t offset_usec, bound_usec;
    const char *source;
    size_t agree_count, source_count; /* 0: no NTP servers */
};
void hin_clock_tell(const struct hin_clock_telling *telling, char *out, size_t out_bytes);

#endif
