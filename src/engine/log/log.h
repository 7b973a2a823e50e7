/* The log-inspection engine: OSSEC's rule language, compiled once and run line by line.
 *
 * `struct hin_log_rules` is immutable after _load and may be shared between threads.
 * `struct hin_log_engine` holds what one stream of lines remembers (windows of correlation, first
 * time seen, ignore lists, accumulated fields); it belongs to one thread and must be freed before
 * its rules. Everything is pure: no files, no clock, no globals. Bytes of lines are hostile.
 *
 * Language: the OSSEC rule family as documented in docs/RULES.md; differences between its dialects
 * stand in dialect.h alone. */
#ifndef HIN_ENGINE_LOG_LOG_H
#define HIN_ENGINE_LOG_LOG_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "decode/log/predecode.h"
#include "decode/log/zone.h"

#define HIN_LOG_LINE_MAX_BYTES HIN_PREDECODE_LINE_MAX
#define HIN_LOG_LEVEL_MAX      16
#define HIN_LOG_DYNAMIC_MAX    64

/* ---- rules --------------------------------------------------------------------------------- */

struct hin_log_input {
    const char *name; /* file name without folder: names the file in messages */
    struct hin_view text;
};

/* Rule files stand in load order. All of it is borrowed during the call only. */
struct hin_log_inputs {
    const struct hin_log_input *decoders;
    size_t decoder_count;
    const struct hin_log_input *rules;
    size_t rule_count;
    const struct hin_log_input *lists; /* `key:value` lines; named as <list> names them */
    size_t list_count;
    struct hin_view crawlers; /* addresses that compiled_rule is_valid_crawler accepts, ipset.h's
                                 grammar; empty: none */
};

enum hin_log_dialect_id { HIN_LOG_DIALECT_OSSEC, HIN_LOG_DIALECT_COUNT };

struct hin_log_load_options {
    enum hin_log_dialect_id dialect;
    bool in_order; /* the files stand in an order made for them (order.txt): if_group and if_level
                      link to what stands before, as in the original. Otherwise links see all files
                    */
    struct hin_view cache; /* an image of _cache_save, or empty. One that does not fit is ignored */
};

enum hin_log_severity { HIN_LOG_RULES_WARNING, HIN_LOG_RULES_ERROR };

struct hin_log_diagnostic {
    enum hin_log_severity severity;
    const char *file;
    uint32_t line;    /* 1-based, 0: none */
    uint32_t column;  /* 1-based, bytes */
    const char *text; /* one sentence: what is wrong, and the name of what was refused */
};

struct hin_log_rules;

/* Compile. OK even when files are wrong: each such file is refused as a whole (none of its decoders
 * or rules takes part) and says why in the diagnostics; ask hin_log_rules_error_count before
 * putting a set in force. Failures are NO_MEMORY, LIMIT and INTERNAL. */
HIN_RESULT hin_log_rules_load(const struct hin_log_inputs *inputs,
                              const struct hin_log_load_options *options,
                              struct hin_log_rules **ret_rules);
/* One file by itself: is it well-formed, are its elements and patterns right, is there a rule (or a
 * decoder) in it? What it links to (parents, groups, lists, other files) is not asked. SYNTAX with
 * line and column in error otherwise. */
HIN_RESULT hin_log_rules_check(const struct hin_log_input *file, bool decoders,
                               struct hin_error *error);
void hin_log_rules_free(struct hin_log_rules *rules);
void hin_log_rules_freep(struct hin_log_rules **rules);

size_t hin_log_rules_error_count(const struct hin_log_rules *rules);
size_t hin_log_rules_diagnostic_count(const struct hin_log_rules *rules);
const struct hin_log_diagnostic *hin_log_rules_diagnostic(const struct hin_log_rules *rules,
                                                          size_t index);
/* Was file `name` among the rule or decoder files and taken? */
bool hin_log_rules_file_loaded(const struct hin_log_rules *rules, const char *name);

/* The slow part of loading (the literal database) as an image: versioned, checksummed, bound to the
 * inputs. It is data for a cache that only its owner can write. */
HIN_RESULT hin_log_rules_cache_save(const struct hin_log_rules *rules, struct hin_buf *buf);
/* Did the cache given at _load fit? */
bool hin_log_rules_cache_used(const struct hin_log_rules *rules);

/* Make all machine code now, for processes that give up executable memory afterwards. */
HIN_RESULT hin_log_rules_prepare(const struct hin_log_rules *rules);

struct hin_log_rules_stats {
    uint32_t decoder_count;
    uint32_t rule_count;
    uint32_t node_count; /* places in the rule tree */
    uint32_t pattern_count;
    uint32_t literal_count;
    uint32_t always_count;
    size_t memory_bytes; /* arena and literal database, without PCRE2's own */
};
void hin_log_rules_stats(const struct hin_log_rules *rules, struct hin_log_rules_stats *ret_stats);

/* What is known of a rule. Texts live as long as the rules. */
struct hin_log_rule_info {
    uint32_t id;
    uint8_t level;
    const char *description;   /* as written; a finding has it with its $(fields) filled in */
    const char *const *groups; /* NULL-terminated, in order, without duplicates */
    size_t group_count;
    const char *const *mitre; /* ATT&CK technique ids of <mitre><id>, NULL-terminated */
    size_t mitre_count;
    const char *info; /* first <info>, "" when none */
    bool composite;   /* correlates over several lines */
    const char *file; /* where it stands */
    uint32_t line;
};

size_t hin_log_rules_count(const struct hin_log_rules *rules);
/* By position, in load order. NULL past the end. */
const struct hin_log_rule_info *hin_log_rules_at(const struct hin_log_rules *rules, size_t index);
const struct hin_log_rule_info *hin_log_rules_find(const struct hin_log_rules *rules, uint32_t id);

/* ---- engine -------------------------------------------------------------------------------- */

enum hin_log_field {
    HIN_LOG_SRCIP,
    HIN_LOG_DSTIP,
    HIN_LOG_SRCPORT,
    HIN_LOG_DSTPORT,
    HIN_LOG_SRCUSER,
    HIN_LOG_DSTUSER, /* also what rules call `user` */
    HIN_LOG_PROTOCOL,
    HIN_LOG_ACTION,
    HIN_LOG_ID,
    HIN_LOG_URL,
    HIN_LOG_DATA, /* `data` and `extra_data` */
    HIN_LOG_STATUS,
    HIN_LOG_SYSTEM_NAME,
    HIN_LOG_FILENAME,
    HIN_LOG_FIELD_COUNT
};

const char *hin_log_field_name(enum hin_log_field field); /* "srcip", "extra_data", ... */

struct hin_log_dynamic {
    const char *name;
    struct hin_view value;
};

enum hin_log_flag {
    HIN_LOG_FLAG_CUT = 1,           /* the line was longer than HIN_LOG_LINE_MAX_BYTES */
    HIN_LOG_FLAG_PATTERN_LIMIT = 2, /* a pattern ran into its limits on this line */
    HIN_LOG_FLAG_STATE_BOUND = 4,   /* a bound of the state kept something from being remembered */
    HIN_LOG_FLAG_IGNORED = 8,       /* the rule fired while its ignore time or list held */
};

struct hin_log_finding {
    struct hin_view line; /* without line end, cut at the limit */
    struct hin_view location;
    struct hin_view log;                         /* what decoders and rules saw */
    struct hin_view host;                        /* of the line; empty: none */
    struct hin_view program;                     /* empty: none */
    struct hin_view pid;                         /* what stands as its number; empty: none */
    struct hin_view stamp;                       /* the line's, as it stands; empty: none */
    const char *decoder;                         /* NULL: none matched */
    struct hin_view fields[HIN_LOG_FIELD_COUNT]; /* data NULL: absent */
    struct hin_log_dynamic dynamic[HIN_LOG_DYNAMIC_MAX];
    size_t dynamic_count;
    int64_t time_usec;                    /* of the line's stamp; of receipt when it has none */
    bool has_time;                        /* the line had a stamp */
    const struct hin_log_rule_info *rule; /* whatever fired, level 0 included; NULL: none */
    struct hin_view description;          /* of the rule, $(fields) filled in */
    bool alert;     /* level >= 1, no option no_log, not ignored: to be reported */
    unsigned flags; /* enum hin_log_flag */
};

/* One sentence of --explain. Called while _run works; text is borrowed. */
typedef void (*hin_log_trace)(void *context, unsigned depth, const char *text);

struct hin_log_bounds {
    uint32_t window_keys_max;
    size_t window_bytes_max;
    uint32_t fts_max;
    uint32_t ignore_max;
    uint32_t accumulate_max;
    uint32_t diff_max;
};

struct hin_log_config {
    const struct hin_zone *zone; /* stamps without offset, <time> and <weekday>; NULL: UTC. Borrowed
                                    as long as the engine */
    struct hin_view host;        /* stands in where a line names no host; copied */
    bool correlate_on_log_time;  /* by the lines' own stamps instead of by receipt */
    bool prefilter_off;          /* try every pattern: same answers, slowly */
    struct hin_log_bounds bounds; /* zero members: defaults */
    hin_log_trace trace;          /* NULL: none */
    void *trace_context;
};

struct hin_log_line {
    struct hin_view line;
    struct hin_view location; /* file or unit it came from */
    int64_t received_usec;    /* UTC; for missing years, <time> and <weekday> */
    int64_t monotonic_usec;   /* never goes back, persisted by the caller: the windows' clock;
                                 0: received_usec serves */
    /* Fields that the source knows already (of a JSON line), before decoders add theirs. A name of
     * enum hin_log_field sets that, others are dynamic; beyond HIN_LOG_DYNAMIC_MAX they are left
     * out. Names and values live as long as the finding. */
    const struct hin_log_dynamic *given;
    size_t given_count;
};

struct hin_log_engine;

HIN_RESULT hin_log_engine_new(const struct hin_log_rules *rules,
                              const struct hin_log_config *config,
                              struct hin_log_engine **ret_engine);
void hin_log_engine_free(struct hin_log_engine *engine);
void hin_log_engine_freep(struct hin_log_engine **engine);

/* Never fails: every line has a finding. It is borrowed until the next _run and points into the
 * line. */
const struct hin_log_finding *hin_log_engine_run(struct hin_log_engine *engine,
                                                 const struct hin_log_line *line);
/* Forget everything remembered: as new. Cheap when little was remembered. */
HIN_RESULT hin_log_engine_reset(struct hin_log_engine *engine);

struct hin_log_engine_stats {
    uint64_t line_count;
    uint64_t match_count; /* some rule fired */
    uint64_t alert_count;
    uint64_t cut_count;
    uint64_t pattern_limit_count;
    uint64_t state_bound_count;
    uint32_t window_key_count;
    size_t state_bytes;
};
void hin_log_engine_stats(const struct hin_log_engine *engine,
                          struct hin_log_engine_stats *ret_stats);

/* What the engine remembers, as a versioned image with checksum. _load replaces what is remembered;
 * evidence of rules that are not in the present set, or whose correlation keys changed, is left
 * out. On CORRUPT, TRUNCATED or UNSUPPORTED the engine is as new. */
HIN_RESULT hin_log_engine_state_save(const struct hin_log_engine *engine, struct hin_buf *buf);
HIN_RESULT hin_log_engine_state_load(struct hin_log_engine *engine, struct hin_view image);

#endif
