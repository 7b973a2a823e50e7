/* What the engine remembers between lines, every part with a bound of its own: windows of
 * correlation, first-time-seen keys, ignore lists and times, joined fields, last outputs.
 *
 * Windows. Each composite rule has one window for each combination of its same_* values. Evidence
 * is added when a rule that it watches fires; when the composite rule fires its window is emptied.
 * The original keeps one list a rule, 128 long, which any flood empties: here a flood of other
 * lines cannot push evidence out. What the original's `matched` mark does beyond that (an event
 * that took part in one composite rule hides what came before from others of the same or a lower
 * level) is kept as marks on event numbers. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "engine/log/internal.h"
#include "match/window.h"

#define MARKS            4096 /* a power of two */
#define VARIED_ENTRIES   1024
#define SWEEP_KEYS       2
#define ENTRIES_MIN      16
#define DIGEST_BYTES     16
#define KEY_PLAIN_BYTES  512
#define ACCUMULATE_BYTES 80
#define DIFF_MAX_BYTES   8192
#define STATE_MAGIC      UINT64_C(0x314d454d4e4948) /* "HINMEM1" */
#define STATE_VERSION    2
#define SINGLE_MAX_BYTES ((size_t)64 << 20)
#define STATE_PART_MAX   ((size_t)128 << 20)
#define RECENT_MAX       32
#define RECENT_BYTES     16

static const enum hin_log_field joined_fields[] = {
    HIN_LOG_DSTUSER, HIN_LOG_SRCUSER, HIN_LOG_DSTIP, HIN_LOG_SRCIP,
    HIN_LOG_DSTPORT, HIN_LOG_SRCPORT, HIN_LOG_DATA,
};
#define JOINED HIN_COUNT(joined_fields)

struct joined {
    int64_t time_usec;
    uint8_t size[JOINED];
    char text[JOINED][ACCUMULATE_BYTES];
};

struct output {
    uint8_t digest[DIGEST_BYTES];
};

struct mark {
    uint32_t seq;
    uint8_t level;
};

struct memory {
    struct hin_log_bounds bounds;
    uint64_t key[2];           /* of digests, drawn by chance, saved with them */
    struct hin_window *single; /* rules without any key: one window each, so never out of room */
    struct hin_window *plain;  /* rules with same_* alone */
    struct hin_window *varied; /* rules with different_* */
    struct mark marks[MARKS];
    /* the last search: asked again for the same line it would answer no */
    uint64_t asked_identity;
    uint32_t asked_seq, asked_frequency, asked_timeframe;
    struct hin_map seen;                   /* digest -> PRESENT */
    struct hin_map ignored;                /* digest -> PRESENT */
    struct hin_map joined;                 /* digest -> struct joined */
    struct hin_map outputs;                /* digest -> struct output */
    char recent[RECENT_MAX][RECENT_BYTES]; /* beginnings of the last keys of type ids */
    uint8_t recent_size[RECENT_MAX];
    uint32_t recent_count;
    uint32_t last_seq;     /* of recorded evidence: numbering goes on from here after a restart */
    int64_t *ignore_since; /* [rule index], 0: not */
    size_t rule_count;
    struct hin_buf line;
};

static const char present_byte = 0;
#define PRESENT ((void *)(uintptr_t)&present_byte) /* what sets map to */

/* ---- birth and end ------------------------------------------------------------------------- */

static HIN_RESULT new_windows(struct memory *m, const struct hin_log_rules *rules)
{
    uint32_t needed = rules->frequency_max + (uint32_t)rules->dialect->frequency_extra + 1;
    struct hin_window_limits limits = {
        .keys_max = m->bounds.window_keys_max,
        .entries_max = HIN_MAX(needed, (uint32_t)ENTRIES_MIN),
        .bytes_max = m->bounds.window_bytes_max,
    };
    HIN_TRY(hin_window_new(&limits, &m->plain));
    struct hin_window_limits single = limits;
    single.keys_max = rules->rule_count + 1;
    single.bytes_max = SINGLE_MAX_BYTES;
    HIN_TRY(hin_window_new(&single, &m->single));
    limits.entries_max = HIN_MAX(needed * 2, (uint32_t)VARIED_ENTRIES);
    return hin_window_new(&limits, &m->varied);
}

static HIN_RESULT build(struct memory *m, const struct hin_log_rules *rules)
{
    HIN_TRY(hin_map_init(&m->seen, m->bounds.fts_max));
    HIN_TRY(hin_map_init(&m->ignored, m->bounds.ignore_max));
    HIN_TRY(hin_map_init(&m->joined, m->bounds.accumulate_max));
    HIN_TRY(hin_map_init(&m->outputs, m->bounds.diff_max));
    m->key[0] = m->seen.key[0];
    m->key[1] = m->seen.key[1];
    m->rule_count = rules->rule_count;
    m->ignore_since = calloc(rules->rule_count + 1, sizeof(m->ignore_since[0]));
    HIN_ENSURE(m->ignore_since != NULL, NO_MEMORY);
    hin_buf_init(&m->line, (size_t)1 << 20);
    return new_windows(m, rules);
}

HIN_RESULT hin_log_memory_new(const struct hin_log_rules *rules,
                              const struct hin_log_bounds *bounds, struct memory **ret_memory)
{
    struct memory *m = calloc(1, sizeof(*m));
    HIN_ENSURE(m != NULL, NO_MEMORY);
    m->bounds = *bounds;
    struct hin_result result = build(m, rules);
    if (!hin_is_ok(result)) {
        hin_log_memory_free(m);
        return result;
    }
    *ret_memory = m;
    return hin_ok();
}

static void free_values(struct hin_map *map)
{
    size_t at = 0;
    struct hin_view key = HIN_VIEW_EMPTY;
    void *value = NULL;
    while (map->capacity > 0 && hin_map_next(map, &at, &key, &value)) {
        free(value);
    }
    hin_map_done(map);
}

void hin_log_memory_free(struct memory *m)
{
    if (m == NULL) {
        return;
    }
    hin_window_free(m->single);
    hin_window_free(m->plain);
    hin_window_free(m->varied);
    hin_map_done(&m->seen);
    hin_map_done(&m->ignored);
    free_values(&m->joined);
    free_values(&m->outputs);
    free(m->ignore_since);
    hin_buf_done(&m->line);
    free(m);
}

static void digest(const struct memory *m, struct hin_view text, uint8_t *out)
{
    const uint64_t second[2] = {~m->key[0], m->key[1] ^ 0x5555555555555555U};
    hin_store_u64(out, hin_siphash(m->key, text));
    hin_store_u64(out + 8, hin_siphash(second, text));
}

static void bound_reached(struct event *event)
{
    event->finding->flags |= HIN_LOG_FLAG_STATE_BOUND;
}

/* ---- windows ------------------------------------------------------------------------------- */

static bool put_part(struct hin_buf *key, struct hin_view value)
{
    return value.data != NULL && hin_is_ok(hin_write_varint(key, value.size)) &&
           hin_is_ok(hin_buf_append(key, value));
}

/* The rule's window that this event belongs to; false: it lacks a value that must be the same. */
static bool window_key(struct hin_log_engine *engine, const struct event *event,
                       const struct rule *rule, struct hin_view *ret_key)
{
    const struct hin_view *fields = event->finding->fields;
    const struct {
        unsigned flag;
        struct hin_view value;
    } parts[] = {
        {SAME_ID, fields[HIN_LOG_ID]},           {SAME_SRCIP, fields[HIN_LOG_SRCIP]},
        {SAME_USER, fields[HIN_LOG_DSTUSER]},    {SAME_SRCPORT, fields[HIN_LOG_SRCPORT]},
        {SAME_DSTPORT, fields[HIN_LOG_DSTPORT]}, {SAME_LOCATION, event->host},
    };
    struct hin_buf *key = &engine->key;
    hin_buf_clear(key);
    bool ok = hin_is_ok(hin_write_u64(key, rule->identity));
    for (size_t i = 0; ok && i < HIN_COUNT(parts); i++) {
        if ((rule->same & parts[i].flag) != 0) {
            bool absent = parts[i].flag == SAME_LOCATION && parts[i].value.data == NULL;
            ok = put_part(key, absent ? HIN_VIEW("") : parts[i].value);
        }
    }
    if (ok && key->size > KEY_PLAIN_BYTES) { /* long values count by their digest */
        uint8_t sum[DIGEST_BYTES];
        digest(engine->memory, hin_buf_view(key), sum);
        hin_buf_clear(key);
        ok = hin_is_ok(hin_write_u64(key, rule->identity)) &&
             hin_is_ok(hin_buf_append(key, hin_view_of(sum, sizeof(sum))));
    }
    *ret_key = hin_buf_view(key);
    return ok;
}

/* What different_* compares, 32 bits; false: a value that must differ is absent. */
static bool varied_value(const struct memory *m, const struct event *event, const struct rule *rule,
                         uint32_t *ret_value)
{
    struct hin_view url = event->finding->fields[HIN_LOG_URL];
    struct hin_view ip = event->finding->fields[HIN_LOG_SRCIP];
    struct hin_view port = event->finding->fields[HIN_LOG_DSTPORT];
    bool by_url = (rule->same & DIFFERENT_URL) != 0, by_ip = (rule->same & DIFFERENT_SRCIP) != 0;
    bool by_port = (rule->same & DIFFERENT_DSTPORT) != 0;
    *ret_value = 0;
    if ((rule->same & DIFFERENT_SRCGEOIP) != 0 || (by_url && url.data == NULL) ||
        (by_ip && ip.data == NULL) || (by_port && port.data == NULL)) {
        return false; /* no event has a geoip here */
    }
    uint32_t a = by_url ? (uint32_t)hin_siphash(m->key, url) : 0;
    uint32_t b = by_ip ? (uint32_t)hin_siphash(m->key, ip) : 0;
    *ret_value = by_url && by_ip ? (a & 0xffff) << 16 | (b & 0xffff) : a ^ b;
    if (by_port) {
        *ret_value ^= (uint32_t)hin_siphash(m->key, port);
    }
    return true;
}

static bool differs(const struct rule *rule, uint32_t a, uint32_t b)
{
    if ((rule->same & DIFFERENT_ANY) == (DIFFERENT_URL | DIFFERENT_SRCIP)) {
        return a >> 16 != b >> 16 && (a & 0xffff) != (b & 0xffff);
    }
    return a != b;
}

static struct hin_window *window_of(const struct memory *m, const struct rule *rule)
{
    if ((rule->same & DIFFERENT_ANY) != 0) {
        return m->varied;
    }
    return (rule->same & SAME_ANY) != 0 ? m->plain : m->single;
}

static uint8_t mark_of(const struct memory *m, uint32_t seq)
{
    const struct mark *mark = &m->marks[seq & (MARKS - 1)];
    return mark->seq == seq ? mark->level : 0;
}

static void set_mark(struct memory *m, uint32_t seq, uint8_t level)
{
    m->marks[seq & (MARKS - 1)] = (struct mark){seq, level};
}

/* Was this very question the last one? Its answer was no, or it used the evidence up. */
static bool asked_before(struct memory *m, const struct event *event, const struct rule *rule)
{
    bool before = m->asked_seq == event->seq && m->asked_identity == rule->identity &&
                  m->asked_frequency == rule->frequency &&
                  m->asked_timeframe == rule->timeframe_sec;
    m->asked_seq = event->seq;
    m->asked_identity = rule->identity;
    m->asked_frequency = rule->frequency;
    m->asked_timeframe = rule->timeframe_sec;
    return before;
}

/* The events before this one that are still needed. A line that stands for several brings its own,
 * unless they would have to differ. */
static uint32_t earlier_needed(const struct hin_log_engine *engine, const struct event *event,
                               const struct rule *rule)
{
    uint32_t needed = rule->frequency + (uint32_t)engine->rules->dialect->frequency_extra;
    bool own = rule->counts_itself && (rule->same & DIFFERENT_ANY) == 0;
    return own ? needed - HIN_MIN(needed, event->times - 1) : needed;
}

bool hin_log_memory_search(struct hin_log_engine *engine, struct event *event,
                           const struct rule *rule)
{
    struct memory *m = engine->memory;
    struct hin_window *window = window_of(m, rule);
    const struct hin_window_entry *entries = NULL;
    uint32_t count = 0, found = 0, mine = 0;
    uint32_t needed = earlier_needed(engine, event, rule);
    struct hin_view key = HIN_VIEW_EMPTY;
    if (asked_before(m, event, rule) || !window_key(engine, event, rule, &key) ||
        !varied_value(m, event, rule, &mine)) {
        return false;
    }
    int64_t oldest = event->now_usec - (int64_t)rule->timeframe_sec * HIN_SEC_USEC;
    hin_window_get(window, key, event->now_usec, &entries, &count);
    if (needed == 0) {
        event->matched = rule->info.level;
        hin_window_drop(window, key);
        return true;
    }
    for (uint32_t i = count; i > 0; i--) {
        const struct hin_window_entry *entry = &entries[i - 1];
        uint32_t seq = (uint32_t)entry->value;
        if (entry->time_usec < oldest) {
            return false;
        }
        if (mark_of(m, seq) >= HIN_MAX(rule->info.level, (uint8_t)1)) {
            return false; /* what came before has been used by a rule of this level or above */
        }
        if ((rule->same & DIFFERENT_ANY) != 0 &&
            !differs(rule, (uint32_t)(entry->value >> 32), mine)) {
            continue;
        }
        if (++found == needed) {
            set_mark(m, (uint32_t)entries[count - 1].value, rule->info.level);
            set_mark(m, seq, rule->info.level);
            event->matched = rule->info.level;
            hin_window_drop(window, key);
            return true;
        }
    }
    return false;
}

/* Do as many sightings of the same value stand there already as could ever count? */
static bool saturated(const struct hin_window_entry *entries, uint32_t count, uint32_t value,
                      uint32_t enough)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < count; i++) {
        same += (uint32_t)(entries[i].value >> 32) == value;
    }
    return same >= enough;
}

static void add_evidence(struct hin_log_engine *engine, struct event *event,
                         const struct rule *rule)
{
    struct memory *m = engine->memory;
    struct hin_window *window = window_of(m, rule);
    struct hin_view key = HIN_VIEW_EMPTY;
    uint32_t value = 0, count = 0;
    if (!window_key(engine, event, rule, &key) || !varied_value(m, event, rule, &value)) {
        return;
    }
    if ((rule->same & DIFFERENT_ANY) != 0) {
        const struct hin_window_entry *entries = NULL;
        hin_window_get(window, key, event->now_usec, &entries, &count);
        bool once = (rule->same & DIFFERENT_DSTPORT) != 0;
        if (saturated(entries, count, value, once ? 1 : 2 * engine->rules->frequency_max + 4)) {
            return; /* so that a flood of one value does not push the others out */
        }
    }
    /* A little sweeping with every sighting, so that no line pays for all that has expired. */
    hin_window_expire(window, event->now_usec, SWEEP_KEYS);
    struct hin_result result =
        hin_window_add(window, key, event->now_usec, (int64_t)rule->window_sec * HIN_SEC_USEC,
                       (uint64_t)value << 32 | event->seq, &count);
    if (!hin_is_ok(result)) {
        bound_reached(event);
    }
}

void hin_log_memory_record(struct hin_log_engine *engine, struct event *event,
                           const struct rule *rule)
{
    const struct hin_log_rules *rules = engine->rules;
    engine->memory->last_seq = event->seq;
    if (event->matched > 0) {
        set_mark(engine->memory, event->seq, event->matched);
    }
    uint32_t times = HIN_MIN(event->times, rules->frequency_max + 2);
    for (uint32_t i = 0; i < rule->watcher_count; i++) {
        bool varied = (rule->watchers[i]->same & DIFFERENT_ANY) != 0;
        for (uint32_t k = 0; k < (varied ? 1 : times); k++) {
            add_evidence(engine, event, rule->watchers[i]);
        }
    }
    for (uint32_t i = 0; i < rules->regex_watcher_count; i++) {
        const struct rule *watcher = rules->regex_watchers[i];
        if (watcher->category == event->type &&
            hin_log_use_match(engine, event, &watcher->matched_regex, SUBJECT_LOG,
                              event->finding->log, NULL)) {
            add_evidence(engine, event, watcher);
        }
    }
}

/* ---- first time seen, ignore --------------------------------------------------------------- */

static bool put_seen(struct hin_buf *line, bool wanted, struct hin_view value)
{
    return hin_is_ok(hin_buf_append(line, wanted ? value : HIN_VIEW_EMPTY)) &&
           hin_is_ok(hin_buf_append_byte(line, ' '));
}

static bool seen_line(struct hin_log_engine *engine, const struct event *event, unsigned keys)
{
    const struct hin_view *f = event->finding->fields;
    struct hin_buf *line = &engine->memory->line;
    struct hin_view name = hin_view_from_text(event->finding->decoder);
    hin_buf_clear(line);
    return put_seen(line, (keys & SEEN_NAME) != 0, name) &&
           put_seen(line, (keys & SEEN_ID) != 0, f[HIN_LOG_ID]) &&
           put_seen(line, (keys & SEEN_DSTUSER) != 0, f[HIN_LOG_DSTUSER]) &&
           put_seen(line, (keys & SEEN_SRCUSER) != 0, f[HIN_LOG_SRCUSER]) &&
           put_seen(line, (keys & SEEN_SRCIP) != 0, f[HIN_LOG_SRCIP]) &&
           put_seen(line, (keys & SEEN_DSTIP) != 0, f[HIN_LOG_DSTIP]) &&
           put_seen(line, (keys & SEEN_DATA) != 0, f[HIN_LOG_DATA]) &&
           put_seen(line, (keys & SEEN_SYSTEM_NAME) != 0, f[HIN_LOG_SYSTEM_NAME]) &&
           put_seen(line, (keys & SEEN_LOCATION) != 0, event->finding->location);
}

/* Three of the last keys began like this one: it is taken as one more of a kind, by its beginning.
 */
static void fold_alike(struct memory *m, const struct hin_log_dialect *dialect)
{
    uint32_t alike = 0, window = HIN_MIN(m->recent_count, dialect->fts_recent);
    uint32_t head = HIN_MIN(dialect->fts_alike_bytes + 1, (uint32_t)RECENT_BYTES);
    for (uint32_t i = 0; i < window && alike <= 2; i++) {
        uint32_t at = (m->recent_count - 1 - i) % RECENT_MAX;
        alike += m->line.size >= head && m->recent_size[at] >= head &&
                 hin_view_equal(hin_view_of(m->recent[at], head), hin_view_of(m->line.data, head));
    }
    if (alike > 2) {
        m->line.size = HIN_MIN(m->line.size, (size_t)dialect->fts_alike_bytes);
    }
    uint32_t at = m->recent_count++ % RECENT_MAX;
    m->recent_size[at] = (uint8_t)HIN_MIN(m->line.size, (size_t)RECENT_BYTES);
    hin_copy(m->recent[at], m->line.data, m->recent_size[at]);
}

/* True: it was not there, and now is. */
static bool remember(struct memory *m, struct hin_map *map, struct event *event)
{
    uint8_t sum[DIGEST_BYTES];
    digest(m, hin_buf_view(&m->line), sum);
    struct hin_view key = hin_view_of(sum, sizeof(sum));
    if (hin_map_get(map, key) != NULL) {
        return false;
    }
    if (!hin_is_ok(hin_map_put(map, key, PRESENT))) {
        bound_reached(event);
        return false;
    }
    return true;
}

bool hin_log_memory_first_seen(struct hin_log_engine *engine, struct event *event)
{
    struct memory *m = engine->memory;
    if (event->decoder == NULL || event->decoder->fts == 0 ||
        !seen_line(engine, event, event->decoder->fts | SEEN_NAME)) {
        return false;
    }
    uint8_t sum[DIGEST_BYTES];
    digest(m, hin_buf_view(&m->line), sum);
    if (hin_map_get(&m->seen, hin_view_of(sum, sizeof(sum))) != NULL) {
        return false;
    }
    if (event->type == TYPE_IDS) {
        fold_alike(m, engine->rules->dialect);
    }
    return remember(m, &m->seen, event);
}

bool hin_log_memory_ignored(struct hin_log_engine *engine, struct event *event,
                            const struct rule *rule)
{
    struct memory *m = engine->memory;
    uint8_t sum[DIGEST_BYTES];
    if (m->ignored.count == 0 || !seen_line(engine, event, rule->check_ignored)) {
        return false;
    }
    digest(m, hin_buf_view(&m->line), sum);
    return hin_map_get(&m->ignored, hin_view_of(sum, sizeof(sum))) != NULL;
}

void hin_log_memory_ignore(struct hin_log_engine *engine, struct event *event,
                           const struct rule *rule)
{
    if (seen_line(engine, event, rule->ignore)) {
        (void)remember(engine->memory, &engine->memory->ignored, event);
    }
}

bool hin_log_memory_ignore_time(struct hin_log_engine *engine, struct event *event,
                                const struct rule *rule)
{
    int64_t *since = &engine->memory->ignore_since[rule->index];
    if (*since != 0 && event->now_usec - *since < (int64_t)rule->ignore_sec * HIN_SEC_USEC) {
        return true;
    }
    *since = event->now_usec != 0 ? event->now_usec : 1;
    return false;
}

/* ---- last output, joined fields ------------------------------------------------------------ */

/* The value behind a key of the map, new and zeroed when it was not there; NULL at the bound. */
static void *slot(struct hin_map *map, struct hin_view key, size_t size, bool *ret_fresh)
{
    void *value = hin_map_get(map, key);
    *ret_fresh = value == NULL;
    if (value != NULL) {
        return value;
    }
    value = calloc(1, size);
    if (value == NULL || !hin_is_ok(hin_map_put(map, key, value))) {
        free(value);
        return NULL;
    }
    return value;
}

bool hin_log_memory_changed(struct hin_log_engine *engine, struct event *event,
                            const struct rule *rule)
{
    struct memory *m = engine->memory;
    uint8_t sum[DIGEST_BYTES], now[DIGEST_BYTES];
    bool fresh = false;
    hin_buf_clear(&m->line);
    if (event->finding->log.size >= DIFF_MAX_BYTES ||
        !hin_is_ok(hin_buf_printf(&m->line, "%u ", rule->id)) ||
        !hin_is_ok(hin_buf_append(&m->line, event->host))) {
        return false;
    }
    digest(m, hin_buf_view(&m->line), sum);
    digest(m, event->finding->log, now);
    struct output *last = slot(&m->outputs, hin_view_of(sum, sizeof(sum)), sizeof(*last), &fresh);
    if (last == NULL) {
        bound_reached(event);
        return false;
    }
    bool changed = !fresh && !hin_view_equal(hin_view_of(last->digest, DIGEST_BYTES),
                                             hin_view_of(now, DIGEST_BYTES));
    hin_copy(last->digest, now, DIGEST_BYTES);
    return changed;
}

static void expire_joined(struct memory *m, int64_t before_usec)
{
    size_t at = 0;
    struct hin_view key = HIN_VIEW_EMPTY;
    void *value = NULL;
    while (hin_map_next(&m->joined, &at, &key, &value)) {
        if (((struct joined *)value)->time_usec < before_usec) {
            uint8_t copy[DIGEST_BYTES];
            hin_copy(copy, key.data, HIN_MIN(key.size, sizeof(copy)));
            free(hin_map_remove(&m->joined, hin_view_of(copy, sizeof(copy))));
            at = 0; /* the map moved under the walk */
        }
    }
}

static bool empty(struct hin_view value)
{
    return value.size == 0;
}

void hin_log_memory_accumulate(struct hin_log_engine *engine, struct event *event)
{
    struct memory *m = engine->memory;
    struct hin_view *fields = event->finding->fields;
    int64_t expired =
        event->now_usec - (int64_t)engine->rules->dialect->accumulate_sec * HIN_SEC_USEC;
    uint8_t sum[DIGEST_BYTES];
    bool fresh = false;
    hin_buf_clear(&m->line);
    if (fields[HIN_LOG_ID].data == NULL || !put_seen(&m->line, true, event->host) ||
        !put_seen(&m->line, true, hin_view_from_text(event->finding->decoder)) ||
        !put_seen(&m->line, true, fields[HIN_LOG_ID])) {
        return;
    }
    digest(m, hin_buf_view(&m->line), sum);
    if (m->joined.count >= m->bounds.accumulate_max) {
        expire_joined(m, expired);
    }
    struct joined *j = slot(&m->joined, hin_view_of(sum, sizeof(sum)), sizeof(*j), &fresh);
    if (j == NULL) {
        bound_reached(event);
        return;
    }
    if (!fresh && j->time_usec < expired) {
        hin_zero(j, sizeof(*j));
    }
    j->time_usec = event->now_usec;
    for (size_t i = 0; i < JOINED; i++) {
        struct hin_view *value = &fields[joined_fields[i]];
        if (empty(*value) && j->size[i] > 0 &&
            hin_log_keep(engine, hin_view_of(j->text[i], j->size[i]), HIN_VIEW_EMPTY, value)) {
            event->foreign |= 1U << joined_fields[i] | 1U << SUBJECT_USER;
        } else if (j->size[i] == 0 && !empty(*value) && value->size < ACCUMULATE_BYTES) {
            hin_copy(j->text[i], value->data, value->size);
            j->size[i] = (uint8_t)value->size;
        }
    }
}

uint32_t hin_log_memory_last_seq(const struct memory *m)
{
    return m->last_seq;
}

size_t hin_log_memory_bytes(const struct memory *m, uint32_t *ret_window_keys)
{
    struct hin_window_stats single = {0}, plain = {0}, varied = {0};
    hin_window_stats(m->single, &single);
    hin_window_stats(m->plain, &plain);
    hin_window_stats(m->varied, &varied);
    *ret_window_keys = single.key_count + plain.key_count + varied.key_count;
    return sizeof(*m) + single.bytes + plain.bytes + varied.bytes +
           (m->seen.capacity + m->ignored.capacity + m->joined.capacity + m->outputs.capacity) *
               32 +
           m->joined.count * sizeof(struct joined) + m->outputs.count * sizeof(struct output);
}

/* ---- image --------------------------------------------------------------------------------- */

static HIN_RESULT save_window(const struct hin_window *window, struct hin_buf *buf)
{
    struct hin_buf image HIN_CLEANUP(hin_buf_done) = {0};
    hin_buf_init(&image, STATE_PART_MAX);
    HIN_TRY(hin_window_save(window, &image));
    return hin_write_bytes(buf, hin_buf_view(&image));
}

static HIN_RESULT save_set(const struct hin_map *map, struct hin_buf *buf)
{
    size_t at = 0;
    struct hin_view key = HIN_VIEW_EMPTY;
    void *value = NULL;
    HIN_TRY(hin_write_varint(buf, map->count));
    while (hin_map_next(map, &at, &key, &value)) {
        HIN_TRY(hin_buf_append(buf, key));
    }
    return hin_ok();
}

static HIN_RESULT save_maps(const struct memory *m, struct hin_buf *buf)
{
    size_t at = 0;
    struct hin_view key = HIN_VIEW_EMPTY;
    void *value = NULL;
    HIN_TRY(hin_write_varint(buf, m->outputs.count));
    while (hin_map_next(&m->outputs, &at, &key, &value)) {
        HIN_TRY(hin_buf_append(buf, key));
        HIN_TRY(hin_buf_append(buf, hin_view_of(((struct output *)value)->digest, DIGEST_BYTES)));
    }
    at = 0;
    HIN_TRY(hin_write_varint(buf, m->joined.count));
    while (hin_map_next(&m->joined, &at, &key, &value)) {
        const struct joined *j = value;
        HIN_TRY(hin_buf_append(buf, key));
        HIN_TRY(hin_write_zigzag(buf, j->time_usec));
        for (size_t i = 0; i < JOINED; i++) {
            HIN_TRY(hin_write_bytes(buf, hin_view_of(j->text[i], j->size[i])));
        }
    }
    return hin_ok();
}

static HIN_RESULT save_small(const struct memory *m, const struct hin_log_rules *rules,
                             struct hin_buf *buf)
{
    HIN_TRY(hin_write_u32(buf, m->last_seq));
    HIN_TRY(hin_write_varint(buf, m->recent_count));
    for (size_t i = 0; i < RECENT_MAX; i++) {
        HIN_TRY(hin_write_bytes(buf, hin_view_of(m->recent[i], m->recent_size[i])));
    }
    uint32_t running = 0;
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        running += m->ignore_since[i] != 0;
    }
    HIN_TRY(hin_write_varint(buf, running));
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        if (m->ignore_since[i] != 0) {
            HIN_TRY(hin_write_varint(buf, rules->rules[i]->id));
            HIN_TRY(hin_write_zigzag(buf, m->ignore_since[i]));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_log_memory_save(const struct memory *m, const struct hin_log_rules *rules,
                               struct hin_buf *buf)
{
    size_t start = buf->size;
    HIN_TRY(hin_write_u64(buf, STATE_MAGIC));
    HIN_TRY(hin_write_u32(buf, STATE_VERSION));
    HIN_TRY(hin_write_u64(buf, m->key[0]));
    HIN_TRY(hin_write_u64(buf, m->key[1]));
    HIN_TRY(save_window(m->single, buf));
    HIN_TRY(save_window(m->plain, buf));
    HIN_TRY(save_window(m->varied, buf));
    for (size_t i = 0; i < MARKS; i++) {
        HIN_TRY(hin_write_varint(buf, m->marks[i].seq));
        HIN_TRY(hin_write_u8(buf, m->marks[i].level));
    }
    HIN_TRY(save_set(&m->seen, buf));
    HIN_TRY(save_set(&m->ignored, buf));
    HIN_TRY(save_maps(m, buf));
    HIN_TRY(save_small(m, rules, buf));
    struct hin_view body = hin_view_of(buf->data + start, buf->size - start);
    return hin_write_u32(buf, hin_crc32c(0, body));
}

static HIN_RESULT load_window(struct hin_reader *reader, struct hin_window *window)
{
    struct hin_view image = HIN_VIEW_EMPTY;
    HIN_TRY(hin_read_bytes(reader, STATE_PART_MAX, &image));
    return hin_window_load(window, image);
}

static HIN_RESULT load_set(struct hin_reader *reader, struct hin_map *map)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct hin_view key = HIN_VIEW_EMPTY;
        HIN_TRY(hin_read_exact(reader, DIGEST_BYTES, &key));
        HIN_TRY(hin_map_put(map, key, PRESENT));
    }
    return hin_ok();
}

static HIN_RESULT load_outputs(struct hin_reader *reader, struct memory *m)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct hin_view key = HIN_VIEW_EMPTY, sum = HIN_VIEW_EMPTY;
        bool fresh = false;
        HIN_TRY(hin_read_exact(reader, DIGEST_BYTES, &key));
        HIN_TRY(hin_read_exact(reader, DIGEST_BYTES, &sum));
        struct output *o = slot(&m->outputs, key, sizeof(*o), &fresh);
        HIN_ENSURE(o != NULL, LIMIT);
        hin_copy(o->digest, sum.data, DIGEST_BYTES);
    }
    return hin_ok();
}

static HIN_RESULT load_joined(struct hin_reader *reader, struct memory *m)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct hin_view key = HIN_VIEW_EMPTY, text = HIN_VIEW_EMPTY;
        bool fresh = false;
        int64_t time = 0;
        HIN_TRY(hin_read_exact(reader, DIGEST_BYTES, &key));
        HIN_TRY(hin_read_zigzag(reader, &time));
        struct joined *j = slot(&m->joined, key, sizeof(*j), &fresh);
        HIN_ENSURE(j != NULL, LIMIT);
        j->time_usec = time;
        for (size_t f = 0; f < JOINED; f++) {
            HIN_TRY(hin_read_bytes(reader, ACCUMULATE_BYTES, &text));
            hin_copy(j->text[f], text.data, text.size);
            j->size[f] = (uint8_t)text.size;
        }
    }
    return hin_ok();
}

static HIN_RESULT load_small(struct hin_reader *reader, struct memory *m,
                             const struct hin_log_rules *rules)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_u32(reader, &m->last_seq));
    HIN_TRY(hin_read_varint(reader, &count));
    m->recent_count = (uint32_t)count;
    for (size_t i = 0; i < RECENT_MAX; i++) {
        struct hin_view text = HIN_VIEW_EMPTY;
        HIN_TRY(hin_read_bytes(reader, RECENT_BYTES, &text));
        hin_copy(m->recent[i], text.data, text.size);
        m->recent_size[i] = (uint8_t)text.size;
    }
    HIN_TRY(hin_read_varint(reader, &count));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t id = 0;
        int64_t since = 0;
        HIN_TRY(hin_read_varint(reader, &id));
        HIN_TRY(hin_read_zigzag(reader, &since));
        for (uint32_t r = 0; r < rules->rule_count; r++) {
            if (rules->rules[r]->id == id) {
                m->ignore_since[r] = since;
            }
        }
    }
    return hin_ok();
}

HIN_RESULT hin_log_memory_load(struct memory *m, const struct hin_log_rules *rules,
                               struct hin_view image)
{
    uint64_t magic = 0;
    uint32_t version = 0;
    HIN_ENSURE(image.size > 4, TRUNCATED);
    struct hin_view body = hin_view_sub(image, 0, image.size - 4);
    struct hin_reader reader = hin_reader_of(body);
    HIN_TRY(hin_read_u64(&reader, &magic));
    HIN_TRY(hin_read_u32(&reader, &version));
    HIN_ENSURE(magic == STATE_MAGIC, CORRUPT);
    HIN_ENSURE(version == STATE_VERSION, UNSUPPORTED);
    HIN_ENSURE(hin_load_u32(image.data + body.size) == hin_crc32c(0, body), CORRUPT);
    HIN_TRY(hin_read_u64(&reader, &m->key[0]));
    HIN_TRY(hin_read_u64(&reader, &m->key[1]));
    HIN_TRY(load_window(&reader, m->single));
    HIN_TRY(load_window(&reader, m->plain));
    HIN_TRY(load_window(&reader, m->varied));
    for (size_t i = 0; i < MARKS; i++) {
        uint64_t seq = 0;
        HIN_TRY(hin_read_varint(&reader, &seq));
        HIN_TRY(hin_read_u8(&reader, &m->marks[i].level));
        m->marks[i].seq = (uint32_t)seq;
    }
    HIN_TRY(load_set(&reader, &m->seen));
    HIN_TRY(load_set(&reader, &m->ignored));
    HIN_TRY(load_outputs(&reader, m));
    HIN_TRY(load_joined(&reader, m));
    HIN_TRY(load_small(&reader, m, rules));
    return hin_read_end(&reader);
}
