/* The compiled form of rules and what the engine's own files share. Not for users of the engine. */
#ifndef HIN_ENGINE_LOG_INTERNAL_H
#define HIN_ENGINE_LOG_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "data/xml.h"
#include "engine/log/dialect.h"
#include "engine/log/log.h"
#include "match/ipset.h"
#include "match/pattern.h"
#include "match/prefilter.h"

#define NO_PATTERN UINT32_MAX

enum decoder_type {
    TYPE_SYSLOG,
    TYPE_FIREWALL,
    TYPE_IDS,
    TYPE_WEBLOG,
    TYPE_SQUID,
    TYPE_WINDOWS,
    TYPE_HOST_INFO,
    TYPE_OSSEC,
    TYPE_OSSEC_ALERT, /* set by the plugin decoder alone */
    TYPE_COUNT
};

/* What a pattern looks at. */
enum subject {
    SUBJECT_FIELD, /* + enum hin_log_field */
    SUBJECT_LOG = HIN_LOG_FIELD_COUNT,
    SUBJECT_PROGRAM,
    SUBJECT_HOST,
    SUBJECT_LOCATION,
    SUBJECT_USER,      /* dstuser, else srcuser */
    SUBJECT_LIST_USER, /* srcuser, else dstuser */
    SUBJECT_DYNAMIC,
    SUBJECT_NEVER, /* a field that this engine never fills */
    SUBJECT_COUNT
};

/* Keys of fts, ignore and check_if_ignored. */
enum seen_key {
    SEEN_NAME = 1,
    SEEN_ID = 2,
    SEEN_DSTUSER = 4,
    SEEN_SRCUSER = 8,
    SEEN_SRCIP = 16,
    SEEN_DSTIP = 32,
    SEEN_DATA = 64,
    SEEN_SYSTEM_NAME = 128,
    SEEN_LOCATION = 256,
};

/* Correlation keys. */
enum same_key {
    SAME_USER = 1,
    SAME_SRCIP = 2,
    SAME_ID = 4,
    SAME_LOCATION = 8,
    SAME_SRCPORT = 16,
    SAME_DSTPORT = 32,
    DIFFERENT_URL = 64,
    DIFFERENT_SRCIP = 128,
    DIFFERENT_SRCGEOIP = 256,
    DIFFERENT_DSTPORT = 512, /* ours; every port counts once */
};
#define SAME_ANY      (SAME_USER | SAME_SRCIP | SAME_ID | SAME_LOCATION | SAME_SRCPORT | SAME_DSTPORT)
#define DIFFERENT_ANY (DIFFERENT_URL | DIFFERENT_SRCIP | DIFFERENT_SRCGEOIP | DIFFERENT_DSTPORT)

enum offset {
    OFFSET_NONE,
    OFFSET_PARENT,
    OFFSET_PREMATCH,
    OFFSET_REGEX,
};

enum plugin { PLUGIN_NONE, PLUGIN_PF, PLUGIN_SYMANTEC_WS, PLUGIN_SONICWALL, PLUGIN_OSSEC_ALERT };

struct order_entry {
    enum hin_log_field field;
    const char *dynamic; /* not NULL: a dynamic field */
};

struct use { /* of a pattern */
    const struct hin_pattern *pattern;
    uint32_t id; /* in the set, NO_PATTERN: none */
};

struct decoder {
    const char *name; /* reported: the parent's, unless use_own_name */
    const char *own_name;
    const char *parent; /* NULL: a root */
    const char *file;
    uint32_t line, column;
    uint16_t id;
    enum decoder_type type;
    enum plugin plugin;
    bool use_own_name;
    bool get_next; /* the next sibling continues this one */
    bool accumulate;
    bool prematch_after_parent;
    bool prematch_is_pcre2;
    bool regex_is_pcre2;
    enum offset regex_offset;
    struct use program, prematch, regex;
    struct order_entry *order;
    uint32_t order_count;
    unsigned fts;
};

struct decoder_node {
    struct decoder *decoder;
    struct decoder_node *next;
    struct decoder_node *child;
    uint32_t index; /* among roots with program name */
};

struct condition {
    enum subject subject;
    struct use use;
    const char *dynamic;
    const char *element; /* as written, for --explain */
};

enum lookup {
    LOOKUP_KEY,
    LOOKUP_NOT_KEY,
    LOOKUP_KEY_VALUE,
    LOOKUP_ADDRESS,
    LOOKUP_NOT_ADDRESS,
    LOOKUP_ADDRESS_VALUE,
};

struct list_use {
    enum lookup lookup;
    enum subject subject;
    const char *name;
    const struct hin_map *map; /* key -> struct list_value; NULL: no such list */
    struct use value;          /* check_value */
};

struct list_value {
    struct hin_view text;
};

enum matched { MATCHED_NONE, MATCHED_SID, MATCHED_GROUP, MATCHED_REGEX };

enum compiled_rule {
    COMPILED_NONE,
    COMPILED_SRCUSER_DSTUSER,
    COMPILED_ID_SIZE,
    COMPILED_MSWIN_USERS_DIFFER,
    COMPILED_SIMPLE_HTTP,
    COMPILED_VALID_CRAWLER,
};

struct rule {
    struct hin_log_rule_info info;
    uint32_t id;
    uint32_t index; /* in load order */
    int32_t sort;   /* siblings stand by this, highest first */
    uint32_t column;
    enum decoder_type category;
    uint16_t decoded_as; /* 0: any */
    struct condition *conditions;
    uint32_t condition_count;
    uint32_t gate; /* pattern without which nothing can match, NO_PATTERN: none */
    enum subject gate_subject;
    struct hin_ipset *srcip;
    struct hin_ipset *dstip;
    const char *action;
    uint32_t size_min; /* `maxsize`: the log must be at least that long */
    bool has_time, time_negated;
    uint16_t time_from, time_to; /* minutes of the day, both inclusive */
    uint8_t weekdays;            /* bit 0 = Sunday; 0: any */
    enum compiled_rule compiled;
    bool check_diff;
    bool if_fts;
    bool no_alert; /* attribute noalert: never fires itself */
    bool no_log;
    bool overwrite;
    bool attached;           /* stands in the tree */
    uint32_t place_count;    /* how often */
    struct rule_node *place; /* the last one */
    bool fills;              /* the description has $(fields) */

    struct list_use *lists;
    uint32_t list_count;

    enum matched matched;
    bool counts_itself; /* composite, and hangs under what it counts: this event is one of them */
    uint32_t matched_sid;
    const char *matched_group;
    struct use matched_group_use;
    struct use matched_regex;
    unsigned same; /* enum same_key */
    uint32_t frequency;
    uint32_t timeframe_sec;
    uint32_t ignore_sec;
    unsigned ignore, check_ignored; /* enum seen_key */
    uint64_t identity;   /* of its windows: source, keys and level. Equal ones share them */
    uint32_t window_sec; /* the longest time frame of those that share */

    struct rule **watchers; /* rules in whose windows this rule's events count, one for each
                               window */
    uint32_t watcher_count;

    uint32_t *if_sid;
    uint32_t if_sid_count;
    const char *if_group;
    uint32_t if_level;
    const char *group_text; /* as OSSEC joins it */
};

struct rule_node {
    struct rule *rule;
    struct rule_node *next;  /* while building */
    struct rule_node *child; /* while building */
    struct rule_edge *edges;
    uint32_t edge_count;
    struct edge_table *by_decoder; /* for wide nodes: a list of edges for each decoder id */
};

/* What is asked of a child before anything else. */
struct rule_edge {
    uint32_t gate;         /* NO_PATTERN: none */
    uint16_t decoded_as;   /* 0: any */
    uint16_t gate_subject; /* enum subject */
    struct rule_node *node;
};

struct edge_list {
    const struct rule_edge *edges;
    uint32_t count;
};

struct edge_table {
    struct edge_list *lists; /* [decoder id]; edges NULL: the list of `rest` */
    struct edge_list rest;   /* children that name no decoder */
};

struct rule_file {
    const char *name;
    struct hin_xml_node *roots;
    bool refused;
    struct rule *rules; /* in order */
    uint32_t rule_count;
    uint32_t rule_capacity; /* the last one may be half read */
    struct decoder *decoders;
    uint32_t decoder_count;
};

struct hin_log_rules {
    struct hin_arena arena;
    const struct hin_log_dialect *dialect;

    struct hin_pattern **patterns;
    uint32_t pattern_count, pattern_capacity;
    struct hin_map pattern_ids;
    struct hin_prefilter *prefilter;
    uint64_t fingerprint; /* of all inputs */
    bool cache_used;
    bool in_order;   /* links see only what was loaded before, as the original does */
    bool alone;      /* one file is looked at by itself: lists and decoders need not be there */
    uint8_t *always; /* a bit a pattern */

    struct rule_file *decoder_files;
    size_t decoder_file_count;
    struct rule_file *files;
    size_t file_count;

    struct hin_map decoder_ids; /* name -> struct decoder_name */
    const char **decoder_names; /* [id] */
    uint32_t decoder_id_count;
    struct decoder_node *with_program; /* list of roots */
    struct decoder_node *without_program;
    struct decoder_node **program_roots; /* [index] */
    uint32_t program_root_count;
    uint32_t decoder_count;

    struct rule **rules; /* load order */
    uint32_t rule_count;
    struct hin_map rule_ids;
    struct rule_node *roots;
    uint32_t node_count;
    struct rule **regex_watchers; /* if_matched_regex */
    uint32_t regex_watcher_count;
    uint32_t frequency_max;

    struct hin_map lists; /* name -> struct hin_map */
    struct hin_ipset *crawlers;

    struct hin_log_diagnostic *diagnostics;
    size_t diagnostic_count, diagnostic_capacity;
    size_t error_count;
};

/* ---- loading (rules.c, pattern_set.c, decoder_file.c, rule_file.c, link.c, condition.c) -------
 */

/* Record that something is wrong with a file. */
HIN_RESULT hin_log_diagnose(struct hin_log_rules *rules, enum hin_log_severity severity,
                            const struct hin_error *error);

/* The pattern's place in the set; equal ones share one. The error is set for a pattern that does
 * not compile, at the place given. */
HIN_RESULT hin_log_pattern_add(struct hin_log_rules *rules, enum hin_pattern_kind kind,
                               struct hin_view text, struct hin_error *error, struct use *ret_use);

HIN_RESULT hin_log_decoder_file_read(struct hin_log_rules *rules, struct rule_file *file,
                                     struct hin_error *error);
/* Put all decoders into their trees. A failure is set in error, and *ret_file is the guilty one. */
HIN_RESULT hin_log_decoders_link(struct hin_log_rules *rules, struct hin_error *error,
                                 struct rule_file **ret_file);
HIN_RESULT hin_log_decoder_id(struct hin_log_rules *rules, const char *name, uint16_t *ret_id);

HIN_RESULT hin_log_rule_file_read(struct hin_log_rules *rules, struct rule_file *file,
                                  struct hin_error *error);
HIN_RESULT hin_log_rules_link(struct hin_log_rules *rules, struct hin_error *error,
                              struct rule_file **ret_file);
/* After the literal database stands: gates and flat child lists. */
HIN_RESULT hin_log_rules_flatten(struct hin_log_rules *rules);

/* "6 pm - 8:30 am", "!08:00-18:00" */
HIN_RESULT hin_log_time_parse(struct hin_view text, struct rule *rule);
/* "weekends", "monday - friday", "!sunday,monday" */
HIN_RESULT hin_log_weekday_parse(struct hin_view text, uint8_t *ret_mask);
HIN_RESULT hin_log_list_parse(struct hin_arena *arena, struct hin_view text, struct hin_map *map);

struct keyword {
    const char *word;
    unsigned value;
};
/* Is the trimmed view one of the words (exactly)? */
bool hin_log_keyword(const struct keyword *words, size_t count, struct hin_view text,
                     unsigned *ret_value);
/* A comma-separated list of words, or-ed. False: *ret_bad is none of them. */
bool hin_log_keywords(const struct keyword *words, size_t count, struct hin_view text,
                      unsigned *ret_value, struct hin_view *ret_bad);
extern const struct keyword hin_log_seen_words[];
extern const size_t hin_log_seen_word_count;

/* The if_group of OSSEC: one of the alternatives stands in the group text, case ignored. */
bool hin_log_word_match(const char *wanted, const char *groups);

/* ---- running (engine.c, decode.c, plugin.c, check.c, memory.c) --------------------------------
 */

struct event {
    struct hin_log_finding *finding;
    const struct decoder *decoder; /* NULL: none */
    enum decoder_type type;
    uint16_t decoder_id;
    struct hin_view host;      /* with the stand-in */
    unsigned foreign;          /* bit per subject: its value is not cut from the line */
    int64_t now_usec;          /* correlation clock */
    int64_t wall_usec;         /* for time and weekday */
    uint32_t seq;              /* number of the event */
    uint32_t times;            /* how often the line stands for it: "message repeated N times" */
    uint8_t matched;           /* level of the composite rule that took it, 0: none */
    const struct rule *forced; /* by the OSSECAlert plugin */
    bool has_local;
    uint16_t local_minute;
    uint8_t local_weekday;
};

struct memory; /* what is remembered */

struct program_slot {
    uint32_t count; /* roots that take this program */
    uint8_t size;
    bool used;
    char name[62];
    uint16_t roots[24];
};
#define PROGRAM_SLOTS 1024 /* a power of two */

struct hin_log_engine {
    const struct hin_log_rules *rules;
    struct hin_log_config config;
    struct hin_zone zone_utc;
    char *host;
    struct hin_pattern_scratch *scratch;
    struct hin_prefilter_scratch *prefilter;
    struct program_slot *programs;
    struct memory *memory;
    struct hin_log_finding finding;
    struct event event;
    struct hin_log_engine_stats stats;
    struct hin_buf text; /* joined values of this line */
    struct hin_buf key;  /* of a window */
    int64_t clock_last;  /* correlation by log time */
    int64_t clock_shift;
    int64_t zone_from, zone_until; /* in here zone_offset_sec holds */
    int64_t wall_minute;           /* memo of the last local time */
    uint16_t memo_minute;
    uint8_t memo_weekday;
};

void hin_log_decode(struct hin_log_engine *engine, struct event *event);
void hin_log_plugin_run(struct hin_log_engine *engine, struct event *event, enum plugin plugin);
bool hin_log_compiled_rule(const struct hin_log_engine *engine, const struct event *event,
                           enum compiled_rule which);
/* The rule that fires, or NULL. */
const struct rule *hin_log_check(struct hin_log_engine *engine, struct event *event);

/* The value of a subject; false: absent. */
bool hin_log_subject(const struct event *event, enum subject subject, const char *dynamic,
                     struct hin_view *ret_value);
/* Pre-filter, then pattern. */
bool hin_log_use_match(struct hin_log_engine *engine, const struct event *event,
                       const struct use *use, enum subject subject, struct hin_view value,
                       struct hin_match *ret_match);
void hin_log_trace_line(const struct hin_log_engine *engine, unsigned depth, const char *format,
                        ...) HIN_PRINTF(3, 4);

/* Text that is not in the line, kept until the next one. False: no room. */
bool hin_log_keep(struct hin_log_engine *engine, struct hin_view a, struct hin_view b,
                  struct hin_view *ret_text);

HIN_RESULT hin_log_memory_new(const struct hin_log_rules *rules,
                              const struct hin_log_bounds *bounds, struct memory **ret_memory);
void hin_log_memory_free(struct memory *memory);
/* Is there enough evidence for the composite rule? Uses it up if so. */
bool hin_log_memory_search(struct hin_log_engine *engine, struct event *event,
                           const struct rule *rule);
/* The rule fired: let the windows that watch it know. */
void hin_log_memory_record(struct hin_log_engine *engine, struct event *event,
                           const struct rule *rule);
bool hin_log_memory_first_seen(struct hin_log_engine *engine, struct event *event);
bool hin_log_memory_changed(struct hin_log_engine *engine, struct event *event,
                            const struct rule *rule);
bool hin_log_memory_ignored(struct hin_log_engine *engine, struct event *event,
                            const struct rule *rule);
void hin_log_memory_ignore(struct hin_log_engine *engine, struct event *event,
                           const struct rule *rule);
/* True while the rule's ignore time holds; starts it otherwise. */
bool hin_log_memory_ignore_time(struct hin_log_engine *engine, struct event *event,
                                const struct rule *rule);
void hin_log_memory_accumulate(struct hin_log_engine *engine, struct event *event);
uint32_t hin_log_memory_last_seq(const struct memory *memory);
size_t hin_log_memory_bytes(const struct memory *memory, uint32_t *ret_window_keys);
HIN_RESULT hin_log_memory_save(const struct memory *memory, const struct hin_log_rules *rules,
                               struct hin_buf *buf);
HIN_RESULT hin_log_memory_load(struct memory *memory, const struct hin_log_rules *rules,
                               struct hin_view image);

#endif
