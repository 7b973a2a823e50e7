/* Running the decoders: the first root that takes the line, then its first child, then the fields.
 * The order of every step is the original's. */
#include "base/bytes.h"
#include "engine/log/internal.h"

/* Where the next pattern may begin: offsets into the log. */
struct places {
    size_t parent;   /* behind the root's prematch */
    size_t prematch; /* behind the child's */
    size_t regex;    /* behind the last regex */
    bool has_regex;
};

static struct hin_view from(const struct event *event, size_t at)
{
    return hin_view_sub(event->finding->log, at, SIZE_MAX);
}

static bool match(struct hin_log_engine *engine, const struct event *event, const struct use *use,
                  size_t at, size_t *ret_end)
{
    HIN_MATCH_LOCAL struct hin_match m;
    if (!hin_log_use_match(engine, event, use, SUBJECT_LOG, from(event, at), &m)) {
        return false;
    }
    *ret_end = at + m.end;
    return true;
}

static void take(struct event *event, const struct decoder *decoder)
{
    event->decoder = decoder;
    event->decoder_id = decoder->id;
    event->type = decoder->type;
    event->finding->decoder = decoder->name;
}

/* ---- fields -------------------------------------------------------------------------------- */

static void set_field(struct event *event, const struct order_entry *entry, struct hin_view value)
{
    struct hin_log_finding *f = event->finding;
    if (entry->dynamic == NULL) {
        f->fields[entry->field] = value;
        return;
    }
    size_t i = 0;
    while (i < f->dynamic_count && f->dynamic[i].name != entry->dynamic &&
           strcmp(f->dynamic[i].name, entry->dynamic) != 0) {
        i++;
    }
    if (i == HIN_LOG_DYNAMIC_MAX) {
        return;
    }
    f->dynamic[i] = (struct hin_log_dynamic){entry->dynamic, value};
    f->dynamic_count = HIN_MAX(f->dynamic_count, i + 1);
}

/* Captures that took no part are left out, the rest get the names of <order> one by one. */
static void set_fields(struct event *event, const struct decoder *decoder, struct hin_view subject,
                       const struct hin_match *m)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < m->span_count && named < decoder->order_count; i++) {
        if (m->spans[i].start == HIN_SPAN_UNSET) {
            continue;
        }
        struct hin_view value = {subject.data + m->spans[i].start,
                                 m->spans[i].end - m->spans[i].start};
        set_field(event, &decoder->order[named++], value);
    }
}

static size_t regex_start(const struct decoder *decoder, const struct places *places)
{
    switch (decoder->regex_offset) {
    case OFFSET_PARENT:
        return places->parent;
    case OFFSET_PREMATCH:
        return places->prematch;
    case OFFSET_REGEX:
        return places->has_regex ? places->regex : places->prematch;
    default:
        return 0;
    }
}

/* From this sibling on: one regex, or several of one name that continue each other. */
static void run_regexes(struct hin_log_engine *engine, struct event *event,
                        const struct decoder_node *node, struct places *places)
{
    for (; node != NULL; node = node->next) {
        const struct decoder *d = node->decoder;
        if (d->regex.pattern == NULL) {
            return;
        }
        size_t at = regex_start(d, places);
        struct hin_view subject = from(event, at);
        HIN_MATCH_LOCAL struct hin_match m;
        places->has_regex = hin_log_use_match(engine, event, &d->regex, SUBJECT_LOG, subject, &m);
        if (places->has_regex) {
            places->regex = at + m.end;
            take(event, d);
            set_fields(event, d, subject, &m);
        } else if (engine->config.trace != NULL) {
            hin_log_trace_line(engine, 2, "decoder '%s': its regex does not match", d->own_name);
        }
        if (!d->get_next) {
            return;
        }
    }
}

/* ---- children ------------------------------------------------------------------------------ */

/* A child whose prematch failed takes with it those that continue it. */
static const struct decoder_node *skip(const struct decoder_node *node)
{
    while (node != NULL && node->decoder->get_next) {
        node = node->next;
    }
    return node != NULL ? node->next : NULL;
}

static const struct decoder_node *find_child(struct hin_log_engine *engine, struct event *event,
                                             const struct decoder_node *node, struct places *places)
{
    while (node != NULL) {
        const struct decoder *d = node->decoder;
        if (d->prematch.pattern == NULL) {
            places->prematch = places->parent;
            return node;
        }
        size_t at = d->prematch_after_parent ? places->parent : 0;
        if (match(engine, event, &d->prematch, at, &places->prematch)) {
            take(event, d);
            return node;
        }
        if (engine->config.trace != NULL) {
            hin_log_trace_line(engine, 2, "child decoder '%s': its prematch does not match",
                               d->own_name);
        }
        node = skip(node);
    }
    return NULL;
}

static void run_root(struct hin_log_engine *engine, struct event *event,
                     const struct decoder_node *root, struct places *places)
{
    take(event, root->decoder);
    if (engine->config.trace != NULL) {
        hin_log_trace_line(engine, 1, "decoder '%s' takes the line", root->decoder->own_name);
    }
    const struct decoder_node *chosen = root;
    if (root->child != NULL) {
        chosen = find_child(engine, event, root->child, places);
        if (chosen == NULL) {
            return;
        }
    }
    if (chosen->decoder->plugin != PLUGIN_NONE) {
        hin_log_plugin_run(engine, event, chosen->decoder->plugin);
        return;
    }
    /* A root without children plays its own child, but its siblings do not continue it. */
    if (root->child == NULL) {
        struct decoder_node alone = *root;
        alone.next = NULL;
        run_regexes(engine, event, &alone, places);
    } else {
        run_regexes(engine, event, chosen, places);
    }
}

static bool try_root(struct hin_log_engine *engine, struct event *event,
                     const struct decoder_node *root)
{
    struct places places = {0};
    const struct decoder *d = root->decoder;
    if (d->prematch.pattern != NULL && !match(engine, event, &d->prematch, 0, &places.parent)) {
        return false;
    }
    run_root(engine, event, root, &places);
    return true;
}

/* ---- roots --------------------------------------------------------------------------------- */

static uint32_t slot_hash(struct hin_view name)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ name.data[i]) * 16777619U;
    }
    return (hash ^ hash >> 15) & (PROGRAM_SLOTS - 1);
}

static bool takes_program(struct hin_log_engine *engine, const struct event *event,
                          const struct decoder_node *root)
{
    return hin_pattern_match(root->decoder->program.pattern, engine->scratch,
                             event->finding->program, 0, NULL) == HIN_MATCH_YES;
}

/* Which roots take this program: asked once for each name, then remembered. NULL: ask each. */
static const struct program_slot *program_slot(struct hin_log_engine *engine,
                                               const struct event *event)
{
    struct hin_view name = event->finding->program;
    struct program_slot *slot = &engine->programs[slot_hash(name)];
    if (name.size > sizeof(slot->name)) {
        return NULL;
    }
    if (slot->used && hin_view_equal(hin_view_of(slot->name, slot->size), name)) {
        return slot->count <= HIN_COUNT(slot->roots) ? slot : NULL;
    }
    uint64_t limits = hin_pattern_scratch_limit_count(engine->scratch);
    slot->used = false;
    slot->count = 0;
    for (uint32_t i = 0; i < engine->rules->program_root_count; i++) {
        if (takes_program(engine, event, engine->rules->program_roots[i])) {
            if (slot->count < HIN_COUNT(slot->roots)) {
                slot->roots[slot->count] = (uint16_t)i;
            }
            slot->count++;
        }
    }
    slot->used = limits == hin_pattern_scratch_limit_count(engine->scratch);
    slot->size = (uint8_t)name.size;
    hin_copy(slot->name, name.data, name.size);
    return slot->count <= HIN_COUNT(slot->roots) ? slot : NULL;
}

static void decode_program(struct hin_log_engine *engine, struct event *event)
{
    const struct program_slot *slot = program_slot(engine, event);
    if (slot != NULL) {
        for (uint32_t i = 0; i < slot->count; i++) {
            if (try_root(engine, event, engine->rules->program_roots[slot->roots[i]])) {
                return;
            }
        }
        return;
    }
    for (uint32_t i = 0; i < engine->rules->program_root_count; i++) {
        const struct decoder_node *root = engine->rules->program_roots[i];
        if (takes_program(engine, event, root) && try_root(engine, event, root)) {
            return;
        }
    }
}

void hin_log_decode(struct hin_log_engine *engine, struct event *event)
{
    if (event->finding->program.size > 0) {
        decode_program(engine, event);
    } else {
        for (const struct decoder_node *root = engine->rules->without_program; root != NULL;
             root = root->next) {
            if (try_root(engine, event, root)) {
                break;
            }
        }
    }
    if (event->decoder == NULL && engine->config.trace != NULL) {
        hin_log_trace_line(engine, 1, "no decoder takes the line");
    }
}
