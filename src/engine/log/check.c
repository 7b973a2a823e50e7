/* Walking the rule tree: the deepest rule that holds fires. Conditions stand cheapest first; those
 * with a memory come last, in the original's order. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

bool hin_log_subject(const struct event *event, enum subject subject, const char *dynamic,
                     struct hin_view *ret_value)
{
    const struct hin_log_finding *f = event->finding;
    struct hin_view value = HIN_VIEW_EMPTY;
    switch (subject) {
    case SUBJECT_LOG:
        *ret_value = f->log;
        return true;
    case SUBJECT_PROGRAM:
        value = f->program;
        break;
    case SUBJECT_HOST:
        value = event->host;
        break;
    case SUBJECT_LOCATION:
        value = f->location;
        break;
    case SUBJECT_USER:
        value = f->fields[HIN_LOG_DSTUSER].data != NULL ? f->fields[HIN_LOG_DSTUSER]
                                                        : f->fields[HIN_LOG_SRCUSER];
        break;
    case SUBJECT_LIST_USER:
        value = f->fields[HIN_LOG_SRCUSER].data != NULL ? f->fields[HIN_LOG_SRCUSER]
                                                        : f->fields[HIN_LOG_DSTUSER];
        break;
    case SUBJECT_DYNAMIC:
        for (size_t i = 0; i < f->dynamic_count && value.data == NULL; i++) {
            if (strcmp(f->dynamic[i].name, dynamic) == 0) {
                value = f->dynamic[i].value;
            }
        }
        break;
    default:
        value = subject < (enum subject)HIN_LOG_FIELD_COUNT ? f->fields[subject] : value;
        break;
    }
    *ret_value = value;
    return value.data != NULL;
}

bool hin_log_use_match(struct hin_log_engine *engine, const struct event *event,
                       const struct use *use, enum subject subject, struct hin_view value,
                       struct hin_match *ret_match)
{
    bool from_line = subject != SUBJECT_LOCATION && (event->foreign >> subject & 1) == 0;
    if (from_line && !hin_prefilter_possible(engine->prefilter, use->id)) {
        return false;
    }
    return hin_pattern_match(use->pattern, engine->scratch, value, 0, ret_match) == HIN_MATCH_YES;
}

/* ---- conditions ---------------------------------------------------------------------------- */

static bool patterns_hold(struct hin_log_engine *engine, const struct event *event,
                          const struct rule *rule, const char **ret_failed)
{
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        const struct condition *c = &rule->conditions[i];
        struct hin_view value = HIN_VIEW_EMPTY;
        if (!hin_log_subject(event, c->subject, c->dynamic, &value) ||
            !hin_log_use_match(engine, event, &c->use, c->subject, value, NULL)) {
            *ret_failed = c->element;
            return false;
        }
    }
    return true;
}

static void local_time(struct hin_log_engine *engine, struct event *event)
{
    int64_t minute = event->wall_usec / HIN_MINUTE_USEC;
    if (minute != engine->wall_minute) {
        const struct hin_zone *zone =
            engine->config.zone != NULL ? engine->config.zone : &engine->zone_utc;
        struct hin_civil civil = {0};
        hin_zone_to_local(zone, event->wall_usec, &civil);
        engine->memo_minute = (uint16_t)(civil.hour * 60 + civil.minute);
        engine->memo_weekday = hin_zone_weekday(zone, event->wall_usec);
        engine->wall_minute = minute;
    }
    event->local_minute = engine->memo_minute;
    event->local_weekday = engine->memo_weekday;
}

static bool time_holds(struct hin_log_engine *engine, struct event *event, const struct rule *rule)
{
    local_time(engine, event);
    if (rule->has_time) {
        bool inside =
            event->local_minute >= rule->time_from && event->local_minute <= rule->time_to;
        if (inside == rule->time_negated) {
            return false;
        }
    }
    return rule->weekdays == 0 || (rule->weekdays >> event->local_weekday & 1) != 0;
}

static bool address_in(const struct event *event, enum hin_log_field field,
                       const struct hin_ipset *set)
{
    struct hin_view value = event->finding->fields[field];
    return value.data != NULL && hin_ipset_has_text(set, value);
}

static const struct list_value *list_find(const struct hin_map *map, struct hin_view key,
                                          bool address)
{
    const struct list_value *value = hin_map_get(map, key);
    /* An address also matches the prefixes of it that end in a dot. */
    for (size_t size = key.size; address && value == NULL && size > 0; size--) {
        if (key.data[size - 1] == '.') {
            value = hin_map_get(map, hin_view_sub(key, 0, size));
        }
    }
    return value;
}

static bool list_holds(struct hin_log_engine *engine, const struct event *event,
                       const struct list_use *list)
{
    struct hin_view key = HIN_VIEW_EMPTY;
    if (!hin_log_subject(event, list->subject, NULL, &key)) {
        return false;
    }
    bool address = list->lookup >= LOOKUP_ADDRESS;
    const struct list_value *value = list_find(list->map, key, address);
    switch (list->lookup) {
    case LOOKUP_NOT_KEY:
    case LOOKUP_NOT_ADDRESS:
        return value == NULL;
    case LOOKUP_KEY_VALUE:
    case LOOKUP_ADDRESS_VALUE:
        return value != NULL && hin_pattern_match(list->value.pattern, engine->scratch, value->text,
                                                  0, NULL) == HIN_MATCH_YES;
    default:
        return value != NULL;
    }
}

static bool lists_hold(struct hin_log_engine *engine, const struct event *event,
                       const struct rule *rule)
{
    for (uint32_t i = 0; i < rule->list_count; i++) {
        if (!list_holds(engine, event, &rule->lists[i])) {
            return false;
        }
    }
    return true;
}

/* NULL: the rule holds. Otherwise the name of the condition that does not. */
static const char *what_fails(struct hin_log_engine *engine, struct event *event,
                              const struct rule *rule)
{
    const struct hin_log_finding *f = event->finding;
    const char *failed = NULL;
    if (rule->decoded_as != 0 && rule->decoded_as != event->decoder_id) {
        return "decoded_as";
    }
    if (rule->size_min > 0 && f->log.size < rule->size_min) {
        return "maxsize";
    }
    if (rule->action != NULL && !hin_view_is(f->fields[HIN_LOG_ACTION], rule->action)) {
        return "action";
    }
    if (!patterns_hold(engine, event, rule, &failed)) {
        return failed;
    }
    if (rule->srcip != NULL && !address_in(event, HIN_LOG_SRCIP, rule->srcip)) {
        return "srcip";
    }
    if (rule->dstip != NULL && !address_in(event, HIN_LOG_DSTIP, rule->dstip)) {
        return "dstip";
    }
    if (rule->compiled != COMPILED_NONE && !hin_log_compiled_rule(engine, event, rule->compiled)) {
        return "compiled_rule";
    }
    if ((rule->has_time || rule->weekdays != 0) && !time_holds(engine, event, rule)) {
        return "time or weekday";
    }
    if (rule->check_diff && !hin_log_memory_changed(engine, event, rule)) {
        return "check_diff";
    }
    if (rule->if_fts && !hin_log_memory_first_seen(engine, event)) {
        return "if_fts";
    }
    if (rule->list_count > 0 && !lists_hold(engine, event, rule)) {
        return "list";
    }
    if (rule->matched != MATCHED_NONE && !hin_log_memory_search(engine, event, rule)) {
        return "frequency: not enough earlier events within the time frame";
    }
    return NULL;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static const struct rule *check_node(struct hin_log_engine *engine, struct event *event,
                                     const struct rule_node *node, unsigned depth);

static bool gate_open(const struct hin_log_engine *engine, const struct event *event,
                      const struct rule_edge *edge)
{
    return edge->gate == NO_PATTERN || hin_prefilter_possible(engine->prefilter, edge->gate) ||
           (event->foreign >> edge->gate_subject & 1) != 0;
}

static const struct rule *check_children(struct hin_log_engine *engine, struct event *event,
                                         const struct rule_node *node, unsigned depth)
{
    const struct rule_edge *edges = node->edges;
    uint32_t count = node->edge_count;
    bool explain = engine->config.trace != NULL;
    if (node->by_decoder != NULL && !explain) {
        const struct edge_list *list = &node->by_decoder->lists[event->decoder_id];
        list = list->edges != NULL ? list : &node->by_decoder->rest;
        edges = list->edges;
        count = list->count;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool candidate = (edges[i].decoded_as == 0 || edges[i].decoded_as == event->decoder_id) &&
                         gate_open(engine, event, &edges[i]);
        if (!candidate && !explain) {
            continue;
        }
        const struct rule *fired = check_node(engine, event, edges[i].node, depth);
        if (fired != NULL) {
            return fired;
        }
    }
    return NULL;
}

static const struct rule *check_node(struct hin_log_engine *engine, struct event *event,
                                     const struct rule_node *node, unsigned depth)
{
    const struct rule *rule = node->rule;
    const char *failed = what_fails(engine, event, rule);
    if (engine->config.trace != NULL) {
        hin_log_trace_line(engine, depth, "rule %u (level %u, %s): %s%s%s", rule->id,
                           rule->info.level, rule->info.description,
                           failed == NULL ? "holds" : "does not hold", failed == NULL ? "" : ": ",
                           failed == NULL ? "" : failed);
    }
    if (failed != NULL) {
        return NULL;
    }
    const struct rule *deeper = check_children(engine, event, node, depth + 1);
    if (deeper != NULL) {
        return deeper;
    }
    if (rule->no_alert && engine->config.trace != NULL) {
        hin_log_trace_line(engine, depth, "rule %u never fires itself (noalert)", rule->id);
    }
    return rule->no_alert ? NULL : rule;
}

const struct rule *hin_log_check(struct hin_log_engine *engine, struct event *event)
{
    if (event->type == TYPE_OSSEC_ALERT) {
        return event->forced;
    }
    for (const struct rule_node *root = engine->rules->roots; root != NULL; root = root->next) {
        if (root->rule->category != event->type) {
            continue;
        }
        const struct rule *fired = check_node(engine, event, root, 1);
        if (fired != NULL) {
            return fired;
        }
    }
    return NULL;
}

void hin_log_trace_line(const struct hin_log_engine *engine, unsigned depth, const char *format,
                        ...)
{
    char text[1024];
    va_list args;
    if (engine->config.trace == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    engine->config.trace(engine->config.trace_context, depth, text);
}
