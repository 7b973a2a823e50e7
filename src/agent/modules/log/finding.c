/* From a line to an event. */
#include <string.h>

#include "agent/modules/log/internal.h"
#include "base/bytes.h"
#include "engine/log/given.h"
#include "event/codec.h"
#include "wire/batch.h"

#define DESCRIPTION_MAX_BYTES 8192
/* Room for what the manager adds to an event (which computer): one that it could not store would be
 * refused again and again, and all behind it would wait. */
#define MANAGER_BYTES    4096
#define BATCH_STOP_BYTES (2560U << 10)

static const struct rule_memo *memo_of(struct log_module *m, const struct hin_log_rule_info *rule)
{
    struct rule_memo *memo = &m->memo[((uintptr_t)rule >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
    if (memo->rule == rule) {
        return memo;
    }
    memo->rule = rule;
    memo->group_count = HIN_MIN(rule->group_count, (size_t)RULE_TEXTS_MAX);
    memo->mitre_count = HIN_MIN(rule->mitre_count, (size_t)RULE_TEXTS_MAX);
    for (size_t i = 0; i < memo->group_count; i++) {
        memo->groups[i] = hin_view_from_text(rule->groups[i]);
    }
    for (size_t i = 0; i < memo->mitre_count; i++) {
        memo->mitre[i] = hin_view_from_text(rule->mitre[i]);
    }
    return memo;
}

static HIN_RESULT set_some(struct hin_event *event, enum hin_field_id field, struct hin_view text)
{
    return text.size > 0 ? hin_event_set_text(event, field, text) : hin_ok();
}

static HIN_RESULT set_rule(struct log_module *m, struct hin_event *event,
                           const struct hin_log_finding *finding)
{
    const struct rule_memo *memo = memo_of(m, finding->rule);
    HIN_TRY(set_some(event, HIN_FIELD_RULE_DESCRIPTION,
                     hin_view_sub(finding->description, 0, DESCRIPTION_MAX_BYTES)));
    if (memo->group_count > 0) {
        HIN_TRY(hin_event_set_texts(event, HIN_FIELD_RULE_GROUPS, memo->groups, memo->group_count));
    }
    if (memo->mitre_count > 0) {
        HIN_TRY(hin_event_set_texts(event, HIN_FIELD_TECHNIQUES, memo->mitre, memo->mitre_count));
    }
    return hin_ok();
}

static HIN_RESULT set_decoded(struct log_module *m, struct hin_event *event,
                              const struct hin_log_finding *finding)
{
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        if (finding->fields[i].data != NULL && finding->fields[i].size > 0 &&
            m->fields[i] != NULL) {
            HIN_TRY(hin_event_set_decoded(event, m->fields[i], finding->fields[i]));
        }
    }
    for (size_t i = 0; i < finding->dynamic_count; i++) {
        struct hin_view name = hin_view_from_text(finding->dynamic[i].name);
        struct hin_result result = hin_event_set_extra(event, name, finding->dynamic[i].value);
        if (!hin_is_ok(result) &&
            result.code != HIN_LIMIT) { /* beyond the bound: the raw line still has it */
            return result;
        }
    }
    return hin_ok();
}

/* Where the line came from: by whom it was written, and its stamp as it stands. */
static HIN_RESULT set_origin(struct hin_event *event, const struct hin_log_finding *finding,
                             struct hin_view location)
{
    uint64_t pid = 0;
    HIN_TRY(set_some(event, HIN_FIELD_HOST, finding->host));
    HIN_TRY(set_some(event, HIN_FIELD_PROGRAM, finding->program));
    if (hin_is_ok(hin_view_to_u64(finding->pid, &pid)) && pid <= INT32_MAX) { /* RFC 5424: a word */
        HIN_TRY(hin_event_set_integer(event, HIN_FIELD_PID, (int64_t)pid));
    }
    HIN_TRY(set_some(event, HIN_FIELD_ORIGINAL_TIME, finding->stamp));
    return set_some(event, HIN_FIELD_LOCATION, location);
}

static HIN_RESULT finding_event(struct log_module *m, struct hin_event *event,
                                const struct hin_log_finding *finding, struct hin_view location,
                                bool cut, bool slim)
{
    hin_event_init_finding(event, &m->arena, finding->time_usec, m->now_wall,
                           (int64_t)finding->rule->id, finding->rule->level);
    HIN_TRY(set_origin(event, finding, location));
    if (finding->decoder != NULL) {
        HIN_TRY(hin_event_set_text(event, HIN_FIELD_DECODER, hin_view_from_text(finding->decoder)));
    }
    HIN_TRY(set_rule(m, event, finding));
    if (!slim) {
        HIN_TRY(set_decoded(m, event, finding));
    }
    if (cut || (finding->flags & HIN_LOG_FLAG_CUT) != 0) {
        HIN_TRY(hin_event_set_integer(event, HIN_FIELD_TRUNCATED, 1));
    }
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_POLICY_VERSION, (int64_t)m->serial));
    return set_some(event, HIN_FIELD_RAW, finding->line);
}

static HIN_RESULT keep(struct log_module *m, struct hin_event *event, uint64_t generation,
                       uint64_t offset)
{
    struct hin_event_identity identity = {generation, offset, 0};
    HIN_TRY(hin_event_set_identity(event, &identity));
    if (m->clock_known) {
        HIN_TRY(hin_event_set_integer(event, HIN_FIELD_CLOCK_OFFSET, m->clock_offset_usec));
        HIN_TRY(
            hin_event_set_text(event, HIN_FIELD_CLOCK_SOURCE, hin_view_from_text(m->clock_source)));
    }
    hin_buf_clear(&m->scratch);
    HIN_TRY(hin_event_encode(event, &m->scratch));
    HIN_ENSURE(m->scratch.size <= HIN_EVENT_MAX_BYTES - MANAGER_BYTES, LIMIT);
    struct hin_wire_record record = {
        .generation = generation,
        .offset = offset,
        .event = hin_buf_view(&m->scratch),
    };
    HIN_TRY(hin_wire_record_write(&m->batch, &record));
    m->batch_count++;
    if (m->batch_since == 0) {
        m->batch_since = m->now_monotonic;
    }
    return hin_ok();
}

struct hin_result log_state_event(struct log_module *m, enum hin_state_code state,
                                  struct hin_view detail, uint64_t count)
{
    struct hin_event event;
    if (m->now_monotonic - m->notices_since > HIN_MINUTE_USEC) {
        m->notices_since = m->now_monotonic;
        m->notices = 0;
    }
    if (m->notices++ >= NOTICES_PER_MINUTE) {
        return hin_ok(); /* the counters still tell */
    }
    hin_arena_reset(&m->arena);
    hin_event_init_state(&event, &m->arena, m->now_wall, state, HIN_VIEW("log"));
    HIN_TRY(set_some(&event, HIN_FIELD_DETAIL, hin_view_sub(detail, 0, 4096)));
    if (count > 0) {
        HIN_TRY(hin_event_set_integer(&event, HIN_FIELD_COUNT, (int64_t)count));
    }
    return keep(m, &event, m->own_generation, ++m->own_offset);
}

/* What the programs of this product log themselves never becomes an event again. */
static bool is_own(struct hin_view program)
{
    return hin_view_is(program, "hinomi-agent") || hin_view_is(program, "hinomi-manager") ||
           hin_view_is(program, "hinomi");
}

static HIN_RESULT conditions(struct log_module *m, const struct hin_log_finding *finding,
                             struct hin_view location, bool cut)
{
    if (cut || (finding->flags & HIN_LOG_FLAG_CUT) != 0) {
        m->counters[HIN_AGENT_COUNTER_CUT]++;
        HIN_TRY(log_state_event(m, HIN_STATE_LINE_CUT, location, 0));
    }
    if ((finding->flags & HIN_LOG_FLAG_PATTERN_LIMIT) != 0) {
        m->counters[HIN_AGENT_COUNTER_PCRE_LIMITS]++;
        HIN_TRY(log_state_event(m, HIN_STATE_REGEX_LIMIT, location, 0));
    }
    if ((finding->flags & HIN_LOG_FLAG_STATE_BOUND) != 0) {
        m->counters[HIN_AGENT_COUNTER_STATE_BOUNDS]++;
        HIN_TRY(log_state_event(m, HIN_STATE_STATE_BOUND, location, 0));
    }
    return hin_ok();
}

/* What the format makes of a record: the text that rules see, and fields. */
static HIN_RESULT shape(struct log_module *m, const struct log_text *text,
                        struct hin_log_line *ret_line)
{
    *ret_line = (struct hin_log_line){
        .line = text->text,
        .location = text->location,
        .received_usec = m->now_wall,
        .monotonic_usec = m->now_correlation,
    };
    if (text->format == NULL) {
        return hin_ok();
    }
    HIN_TRY(hin_framing_text(text->format, text->text, &m->format_text, &ret_line->line));
    if (text->format->kind != HIN_FRAMING_JSON) {
        return hin_ok();
    }
    hin_arena_reset(&m->given_arena);
    struct hin_result result =
        hin_log_given_json(text->text, &m->given_arena, &ret_line->given, &ret_line->given_count);
    return result.code == HIN_LIMIT ? hin_ok() : result; /* the text is there in any case */
}

static HIN_RESULT alert(struct log_module *m, const struct log_text *text,
                        const struct hin_log_finding *finding)
{
    struct hin_event event;
    m->counters[HIN_AGENT_COUNTER_ALERTS]++;
    m->state_urgent = m->state_urgent || finding->rule->composite;
    hin_arena_reset(&m->arena);
    struct hin_result result = finding_event(m, &event, finding, text->location, text->cut, false);
    if (hin_is_ok(result)) {
        result = keep(m, &event, text->generation, text->offset);
    }
    if (result.code == HIN_LIMIT) { /* fields of a huge line: the raw line says it all */
        hin_arena_reset(&m->arena);
        HIN_TRY(finding_event(m, &event, finding, text->location, text->cut, true));
        result = keep(m, &event, text->generation, text->offset);
    }
    return result;
}

struct hin_result log_line(struct log_module *m, const struct log_text *text)
{
    struct hin_log_line line;
    HIN_ENSURE(m->batch.size < BATCH_STOP_BYTES,
               AGAIN); /* the line comes again in the next batch */
    HIN_TRY(shape(m, text, &line));
    m->counters[HIN_AGENT_COUNTER_LINES]++;
    m->counters[HIN_AGENT_COUNTER_BYTES] += text->text.size;
    m->batch_lines++;
    m->positions_dirty = true;
    if (log_copies_second(m->copies, line.line, line.location, &m->zone, m->now_wall)) {
        m->counters[HIN_AGENT_COUNTER_COPIES]++;
        return hin_ok();
    }
    const struct hin_log_finding *finding = hin_log_engine_run(m->engine, &line);
    m->state_dirty = true;
    m->counters[HIN_AGENT_COUNTER_MATCHED] += finding->rule != NULL;
    if (finding->alert && !is_own(finding->program)) {
        HIN_TRY(alert(m, text, finding));
    }
    if (text->cut || (finding->flags & (HIN_LOG_FLAG_CUT | HIN_LOG_FLAG_PATTERN_LIMIT |
                                        HIN_LOG_FLAG_STATE_BOUND)) != 0) {
        HIN_TRY(conditions(m, finding, text->location, text->cut));
    }
    return hin_ok();
}
