/* Shared by log.c (life and loop), commit.c (batches to the spool), finding.c (events), host.c
 * (files by way of the parent). */
#ifndef HIN_AGENT_MODULES_LOG_INTERNAL_H
#define HIN_AGENT_MODULES_LOG_INTERNAL_H

#include "agent/config.h"
#include "agent/facts.h"
#include "agent/messages.h"
#include "agent/modules/log/copies.h"
#include "agent/modules/log/log.h"
#include "agent/spool.h"
#include "base/log.h"
#include "base/time.h"
#include "decode/log/framing.h"
#include "decode/log/journald.h"
#include "engine/log/log.h"
#include "event/event.h"
#include "policy/bundle.h"
#include "sensor/journal.h"
#include "sensor/tail.h"

#define COMMITS_MAX 4 /* under way to the spool */
#define COMMIT_EVENTS_BYTES                                                                        \
    (1536U << 10) /* then a commit goes, however much more there is to read */
#define COMMIT_EVENTS_MAX   8192
#define COMMIT_LINES_MAX    16384
#define POSITIONS_ONLY_USEC HIN_SEC_USEC /* a commit without events may wait this long */
#define NOTICES_PER_MINUTE  30
#define RULE_MEMO           1024 /* a power of two */
#define RULE_TEXTS_MAX      24

/* What an event says of its rule, as views, made once a rule. */
struct rule_memo {
    const struct hin_log_rule_info *rule;
    struct hin_view groups[RULE_TEXTS_MAX];
    size_t group_count;
    struct hin_view mitre[RULE_TEXTS_MAX];
    size_t mitre_count;
};

struct commit {      /* kept until the spool has it */
    uint64_t number; /* 0: free */
    uint32_t request;
    bool sent;
    struct hin_buf payload;
};

struct log_format {
    struct hin_framing format;
    struct hin_multiline_options join;
};

/* Locations of the policy that this host does not allow: told as one event, when they are others
 * than those told last. */
#define LOG_REFUSED_TEXT_BYTES 1024
#define LOG_REFUSED_ID         UINT64_C(2) /* the digest is kept among the positions under this */
struct log_refused {
    size_t count;
    char text[LOG_REFUSED_TEXT_BYTES]; /* names, as many as fit */
    size_t size;
    uint64_t digest, told; /* 0: none */
    bool save;
};

/* A line or record, as it comes from its source. */
struct log_text {
    struct hin_view text, location;
    uint64_t generation, offset;
    bool cut;
    const struct hin_framing *format; /* NULL: lines */
};

struct log_module {
    struct hin_role *role;
    struct hin_ipc *uplink; /* NULL while it is away */
    bool attached, stopping, go, fresh, refused;
    struct hin_role_events events;
    struct hin_ipc_permits from_parent;
    uint64_t serial;

    /* policy and rules */
    struct hin_arena policy_arena;
    struct hin_policy_bundle bundle;
    const uint8_t *bundle_map;
    size_t bundle_bytes;
    struct hin_log_rules *rules;
    struct hin_log_engine *engine;
    struct log_copies *copies;
    struct hin_zone zone;
    struct hin_agent_host host;

    /* sources */
    char (*roots)[HIN_PATH_MAX];
    const char *root_texts[HIN_OPTION_TEXTS_MAX];
    size_t root_count;
    const char **globs;
    struct log_format *formats; /* of each glob */
    const struct hin_multiline_options **joins;
    size_t glob_count;
    bool journal_allowed;
    struct log_refused refused_places;
    struct hin_buf format_text;
    struct hin_arena given_arena;
    int inotify;
    struct hin_tail *tail;
    bool tail_more;
    bool wants_journal, journal_more;
    struct hin_journal_source *journal;
    struct hin_journal_entry journal_entry;
    struct hin_arena journal_arena;
    struct hin_buf journal_line;

    /* how far the clock is off, as the uplink tells it */
    bool clock_known;
    int64_t clock_offset_usec;
    char clock_source[HIN_CLOCK_NAME_BYTES];

    /* time */
    int64_t monotonic_base, monotonic_start; /* correlation clock = base + (monotonic - start) */
    int64_t now_wall, now_monotonic, now_correlation;
    int64_t drift_usec; /* wall - monotonic, to see jumps */
    int64_t next_scan, next_state, urgent_state, next_counters, notices_since;
    unsigned notices;

    /* the batch being built */
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES];
    uint64_t commit_number;
    struct commit commits[COMMITS_MAX];
    struct hin_buf batch, positions, scratch;
    uint64_t batch_count, batch_lines, position_count;
    int64_t batch_since; /* monotonic, 0 = empty */
    int64_t retry_at;
    bool state_dirty, positions_dirty;
    bool state_urgent; /* it holds what a composite rule told of */

    /* events */
    struct hin_arena arena;
    uint64_t own_generation, own_offset;
    const struct hin_field *fields[HIN_LOG_FIELD_COUNT];
    struct rule_memo memo[RULE_MEMO];
    uint64_t counters[HIN_AGENT_COUNTER_COUNT];
};

/* finding.c */
HIN_RESULT log_line(struct log_module *m, const struct log_text *text);
HIN_RESULT log_state_event(struct log_module *m, enum hin_state_code state, struct hin_view detail,
                           uint64_t count);

/* commit.c */
void log_commit_init(struct log_module *m);
/* Send what was gathered when it is time; `idle`: nothing more to read now. */
HIN_RESULT log_commit(struct log_module *m, bool idle);
bool log_commit_room(const struct log_module *m);
bool log_commit_pending(const struct log_module *m);
HIN_RESULT log_attach(struct log_module *m);
HIN_RESULT log_replies(struct log_module *m);
/* Save what the engine remembers, when it is time. */
HIN_RESULT log_state_turn(struct log_module *m);
HIN_RESULT log_state_save(struct log_module *m, bool wait);
HIN_RESULT log_counters_send(struct log_module *m);

/* journal.c */
HIN_RESULT log_journal_make(struct log_module *m);
HIN_RESULT log_journal_open(struct log_module *m);
HIN_RESULT log_journal_read(struct log_module *m);

/* refused.c */
void log_refused_add(struct log_module *m, const char *location);
HIN_RESULT log_refused_restore(struct log_module *m, struct hin_view saved);
/* After positions were restored. */
HIN_RESULT log_refused_tell(struct log_module *m);

/* host.c */
struct hin_tail_host log_host(struct log_module *m);

#endif
