/* One line through the engine. */
#include <stdlib.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

#define TEXT_MAX_BYTES ((size_t)1 << 20)
#define HOST_MAX_BYTES 255

static void fill_bounds(struct hin_log_bounds *bounds)
{
    static const struct hin_log_bounds usual = {
        .window_keys_max = 200000,
        .window_bytes_max = (size_t)64 << 20,
        .fts_max = 262144,
        .ignore_max = 65536,
        .accumulate_max = 8192,
        .diff_max = 16384,
    };
#define DEFAULT(member) bounds->member = bounds->member != 0 ? bounds->member : usual.member
    DEFAULT(window_keys_max);
    DEFAULT(window_bytes_max);
    DEFAULT(fts_max);
    DEFAULT(ignore_max);
    DEFAULT(accumulate_max);
    DEFAULT(diff_max);
#undef DEFAULT
}

static HIN_RESULT build(struct hin_log_engine *engine)
{
    struct hin_view host = hin_view_sub(engine->config.host, 0, HOST_MAX_BYTES);
    engine->host = malloc(host.size + 1);
    engine->programs = calloc(PROGRAM_SLOTS, sizeof(engine->programs[0]));
    HIN_ENSURE(engine->host != NULL && engine->programs != NULL, NO_MEMORY);
    hin_copy(engine->host, host.data, host.size);
    engine->config.host = hin_view_of(engine->host, host.size);
    hin_zone_utc(&engine->zone_utc);
    hin_buf_init(&engine->text, TEXT_MAX_BYTES);
    hin_buf_init(&engine->key, TEXT_MAX_BYTES);
    HIN_TRY(hin_buf_reserve(&engine->text, 4096));
    HIN_TRY(hin_pattern_scratch_new(&engine->scratch));
    HIN_TRY(hin_prefilter_scratch_new(engine->rules->prefilter, &engine->prefilter));
    engine->wall_minute = INT64_MIN;
    engine->clock_last = INT64_MIN;
    return hin_log_memory_new(engine->rules, &engine->config.bounds, &engine->memory);
}

HIN_RESULT hin_log_engine_new(const struct hin_log_rules *rules,
                              const struct hin_log_config *config,
                              struct hin_log_engine **ret_engine)
{
    struct hin_log_engine *engine = calloc(1, sizeof(*engine));
    HIN_ENSURE(engine != NULL, NO_MEMORY);
    engine->rules = rules;
    if (config != NULL) {
        engine->config = *config;
    }
    fill_bounds(&engine->config.bounds);
    struct hin_result result = build(engine);
    if (!hin_is_ok(result)) {
        hin_log_engine_free(engine);
        return result;
    }
    *ret_engine = engine;
    return hin_ok();
}

void hin_log_engine_free(struct hin_log_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    hin_log_memory_free(engine->memory);
    hin_prefilter_scratch_free(engine->prefilter);
    hin_pattern_scratch_free(engine->scratch);
    hin_buf_done(&engine->text);
    hin_buf_done(&engine->key);
    free(engine->programs);
    free(engine->host);
    free(engine);
}

void hin_log_engine_freep(struct hin_log_engine **engine)
{
    hin_log_engine_free(*engine);
    *engine = NULL;
}

HIN_RESULT hin_log_engine_reset(struct hin_log_engine *engine)
{
    struct memory *fresh = NULL;
    HIN_TRY(hin_log_memory_new(engine->rules, &engine->config.bounds, &fresh));
    hin_log_memory_free(engine->memory);
    engine->memory = fresh;
    engine->clock_last = INT64_MIN;
    engine->clock_shift = 0;
    return hin_ok();
}

bool hin_log_keep(struct hin_log_engine *engine, struct hin_view a, struct hin_view b,
                  struct hin_view *ret_text)
{
    /* Earlier values of this line point into the buffer, so it must not move. */
    size_t at = engine->text.size;
    if (a.size > SIZE_MAX / 4 || b.size > SIZE_MAX / 4 ||
        engine->text.capacity - at < a.size + b.size) {
        return false;
    }
    hin_copy(engine->text.data + at, a.data, a.size);
    hin_copy(engine->text.data + at + a.size, b.data, b.size);
    engine->text.size += a.size + b.size;
    *ret_text = hin_view_of(engine->text.data + at, a.size + b.size);
    return true;
}

/* ---- clocks -------------------------------------------------------------------------------- */

/* The windows' clock by the lines' own stamps: it never goes back. Stamps a little out of order
 * count as now; after a step back of more than an hour the sequence goes on from where it was. */
static int64_t log_clock(struct hin_log_engine *engine, int64_t stamp)
{
    int64_t now = stamp + engine->clock_shift;
    if (engine->clock_last != INT64_MIN && now < engine->clock_last) {
        if (now < engine->clock_last - HIN_HOUR_USEC) {
            engine->clock_shift = engine->clock_last - stamp;
        }
        now = engine->clock_last;
    }
    engine->clock_last = now;
    return now;
}

static void set_times(struct hin_log_engine *engine, const struct hin_log_line *line,
                      const struct hin_predecoded *pre)
{
    struct event *event = &engine->event;
    struct hin_log_finding *f = &engine->finding;
    f->has_time = pre->has_time;
    f->time_usec = pre->has_time ? pre->time_usec : line->received_usec;
    if (engine->config.correlate_on_log_time) {
        /* a line without a stamp belongs to the one before it */
        bool follows = !pre->has_time && engine->clock_last != INT64_MIN;
        event->now_usec = follows ? engine->clock_last : log_clock(engine, f->time_usec);
        event->wall_usec = follows ? engine->clock_last - engine->clock_shift : f->time_usec;
    } else {
        event->wall_usec = line->received_usec;
        event->now_usec = line->monotonic_usec != 0 ? line->monotonic_usec : line->received_usec;
    }
}

/* ---- description --------------------------------------------------------------------------- */

static bool field_by_name(const struct hin_log_engine *engine, struct hin_view name,
                          struct hin_view *ret_value)
{
    const struct hin_log_finding *f = &engine->finding;
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        if (hin_view_is(name, hin_log_field_name((enum hin_log_field)i))) {
            *ret_value = f->fields[i];
            return true;
        }
    }
    for (size_t i = 0; i < f->dynamic_count; i++) {
        if (hin_view_is(name, f->dynamic[i].name)) {
            *ret_value = f->dynamic[i].value;
            return true;
        }
    }
    const struct {
        const char *name;
        struct hin_view value;
    } others[] = {{"user", f->fields[HIN_LOG_DSTUSER]},
                  {"data", f->fields[HIN_LOG_DATA]},
                  {"hostname", engine->event.host},
                  {"program_name", f->program},
                  {"location", f->location}};
    for (size_t i = 0; i < HIN_COUNT(others); i++) {
        if (hin_view_is(name, others[i].name)) {
            *ret_value = others[i].value;
            return true;
        }
    }
    return false;
}

/* "$(srcip)" of the description to its value; what the line does not have is a dash. */
static struct hin_view describe(struct hin_log_engine *engine, const struct rule *rule)
{
    struct hin_view rest = hin_view_from_text(rule->info.description);
    if (!rule->fills) {
        return rest;
    }
    struct hin_view whole = rest;
    hin_buf_clear(&engine->key);
    while (rest.size > 0) {
        size_t at = hin_view_find(rest, HIN_VIEW("$("));
        size_t end =
            at == SIZE_MAX ? SIZE_MAX : hin_view_find_byte(hin_view_sub(rest, at, SIZE_MAX), ')');
        if (end == SIZE_MAX) {
            break;
        }
        struct hin_view value = HIN_VIEW_EMPTY;
        bool known =
            field_by_name(engine, hin_view_sub(rest, at + 2, end - 2), &value) && value.size > 0;
        if (!hin_is_ok(hin_buf_append(&engine->key, hin_view_sub(rest, 0, at))) ||
            !hin_is_ok(hin_buf_append(&engine->key, known ? value : HIN_VIEW("-")))) {
            return whole;
        }
        rest = hin_view_sub(rest, at + end + 1, SIZE_MAX);
    }
    return hin_is_ok(hin_buf_append(&engine->key, rest)) ? hin_buf_view(&engine->key) : whole;
}

/* ---- a line -------------------------------------------------------------------------------- */

static void give(struct hin_log_finding *f, const struct hin_log_dynamic *given)
{
    struct hin_view name = hin_view_from_text(given->name);
    name = hin_view_is(name, "user") ? HIN_VIEW("dstuser") : name; /* as in <order> */
    name = hin_view_is(name, "data") ? HIN_VIEW("extra_data") : name;
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        if (hin_view_is(name, hin_log_field_name((enum hin_log_field)i))) {
            f->fields[i] = given->value;
            return;
        }
    }
    if (f->dynamic_count < HIN_LOG_DYNAMIC_MAX) {
        f->dynamic[f->dynamic_count++] = *given;
    }
}

/* Which patterns are possible at all. Given fields may hold what the line does not (an escaped
 * character), so they are looked at too. */
static void prefilter(struct hin_log_engine *engine, const struct hin_log_line *line)
{
    struct hin_view subject = engine->finding.line;
    if (line->given_count > 0) {
        struct hin_buf *all = &engine->key;
        hin_buf_clear(all);
        struct hin_result result = hin_buf_append(all, subject);
        for (size_t i = 0; i < line->given_count && hin_is_ok(result); i++) {
            result = hin_buf_append_byte(all, '\n');
            if (hin_is_ok(result)) {
                result = hin_buf_append(all, line->given[i].value);
            }
        }
        if (!hin_is_ok(result)) {
            hin_prefilter_all(engine->prefilter);
            return;
        }
        subject = hin_buf_view(all);
    }
    /* a failed scan leaves everything possible, which is slow and right */
    HIN_IGNORE(hin_prefilter_scan(engine->prefilter, subject));
}

static void begin(struct hin_log_engine *engine, const struct hin_log_line *line)
{
    struct hin_log_finding *f = &engine->finding;
    struct event *event = &engine->event;
    uint32_t seq = event->seq + 1;
    struct hin_predecoded pre;
    const struct hin_predecode_context context = {line->received_usec, engine->config.zone};
    hin_predecode(line->line, &context, &pre);
    f->line = pre.line;
    f->location = line->location;
    f->log = pre.log;
    f->host = pre.host;
    f->program = pre.program;
    f->pid = pre.pid;
    f->stamp = pre.stamp;
    f->decoder = NULL;
    hin_zero(f->fields, sizeof(f->fields));
    f->dynamic_count = 0;
    for (size_t i = 0; i < line->given_count; i++) {
        give(f, &line->given[i]);
    }
    f->rule = NULL;
    f->description = HIN_VIEW_EMPTY;
    f->alert = false;
    f->flags = pre.cut ? HIN_LOG_FLAG_CUT : 0;
    hin_zero(event, sizeof(*event));
    event->finding = f;
    event->seq = seq;
    event->times = pre.repeats_log ? pre.repeat_count : 1;
    event->type = TYPE_SYSLOG;
    event->host = pre.host;
    if (pre.host.size == 0) {
        event->host = engine->config.host;
        event->foreign = 1U << SUBJECT_HOST;
    }
    set_times(engine, line, &pre);
    hin_buf_clear(&engine->text);
}

static void fire(struct hin_log_engine *engine, const struct rule *rule)
{
    struct hin_log_finding *f = &engine->finding;
    struct event *event = &engine->event;
    f->rule = &rule->info;
    if (rule->info.level > 0) {
        if (rule->ignore_sec > 0 && hin_log_memory_ignore_time(engine, event, rule)) {
            f->flags |= HIN_LOG_FLAG_IGNORED;
        } else if (rule->check_ignored != 0 && hin_log_memory_ignored(engine, event, rule)) {
            f->flags |= HIN_LOG_FLAG_IGNORED;
        } else {
            if (rule->ignore != 0) {
                hin_log_memory_ignore(engine, event, rule);
            }
            f->alert = !rule->no_log;
            hin_log_memory_record(engine, event, rule);
        }
    }
    f->description = describe(engine, rule);
}

static void count(struct hin_log_engine *engine, bool limit_hit)
{
    struct hin_log_finding *f = &engine->finding;
    struct hin_log_engine_stats *s = &engine->stats;
    f->flags |= limit_hit ? HIN_LOG_FLAG_PATTERN_LIMIT : 0;
    s->line_count++;
    s->match_count += f->rule != NULL;
    s->alert_count += f->alert;
    s->cut_count += (f->flags & HIN_LOG_FLAG_CUT) != 0;
    s->pattern_limit_count += (f->flags & HIN_LOG_FLAG_PATTERN_LIMIT) != 0;
    s->state_bound_count += (f->flags & HIN_LOG_FLAG_STATE_BOUND) != 0;
}

const struct hin_log_finding *hin_log_engine_run(struct hin_log_engine *engine,
                                                 const struct hin_log_line *line)
{
    struct event *event = &engine->event;
    begin(engine, line);
    hin_pattern_scratch_begin(engine->scratch, HIN_PATTERN_BUDGET_STEPS);
    uint64_t limits = hin_pattern_scratch_limit_count(engine->scratch);
    if (engine->config.prefilter_off) {
        hin_prefilter_all(engine->prefilter);
    } else {
        prefilter(engine, line);
    }
    hin_log_decode(engine, event);
    if (event->decoder != NULL && event->decoder->accumulate) {
        hin_log_memory_accumulate(engine, event);
    }
    const struct rule *rule = hin_log_check(engine, event);
    if (rule != NULL) {
        fire(engine, rule);
    }
    count(engine, limits != hin_pattern_scratch_limit_count(engine->scratch));
    return &engine->finding;
}

void hin_log_engine_stats(const struct hin_log_engine *engine,
                          struct hin_log_engine_stats *ret_stats)
{
    *ret_stats = engine->stats;
    ret_stats->state_bytes = hin_log_memory_bytes(engine->memory, &ret_stats->window_key_count);
}

HIN_RESULT hin_log_engine_state_save(const struct hin_log_engine *engine, struct hin_buf *buf)
{
    return hin_log_memory_save(engine->memory, engine->rules, buf);
}

HIN_RESULT hin_log_engine_state_load(struct hin_log_engine *engine, struct hin_view image)
{
    HIN_TRY(hin_log_engine_reset(engine));
    struct hin_result result = hin_log_memory_load(engine->memory, engine->rules, image);
    if (!hin_is_ok(result)) {
        HIN_TRY(hin_log_engine_reset(engine));
        return result;
    }
    engine->event.seq = hin_log_memory_last_seq(engine->memory);
    return hin_ok();
}
