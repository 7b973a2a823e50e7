/* The rule tree: every rule hangs under all rules that its links name, siblings by level. Then
 * which rules feed which composite ones, and last the flat lists that the engine walks. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

#define NODES_MAX       262144
#define TEMPLATE_ID_MAX 10 /* ids below are the roots of their category */
#define WIDE_NODE       12

struct linking {
    struct hin_log_rules *rules;
    struct hin_error *error;
    uint32_t sid; /* what is looked for */
    int32_t sort;
    const char *group;
    struct rule *rule; /* what is hung up */
    bool late;         /* the second sweep */
};

static HIN_RESULT hang(struct linking *l, struct rule_node **list)
{
    HIN_ENSURE(l->rules->node_count < NODES_MAX, LIMIT);
    struct rule_node *node = NULL;
    HIN_TRY(HIN_ARENA_NEW(&l->rules->arena, &node));
    node->rule = l->rule;
    while (*list != NULL && (*list)->rule->sort >= l->rule->sort) {
        list = &(*list)->next;
    }
    node->next = *list;
    *list = node;
    l->rule->place = node;
    l->rule->place_count++;
    l->rules->node_count++;
    return hin_ok();
}

static bool has_child(const struct rule_node *parent, const struct rule *rule)
{
    for (const struct rule_node *node = parent->child; node != NULL; node = node->next) {
        if (node->rule == rule) {
            return true;
        }
    }
    return false;
}

/* In the late sweep group rules do not hang under group rules: they would nest without end. */
static bool takes(const struct linking *l, const struct rule_node *node)
{
    const struct rule *r = node->rule;
    if (l->late && (r->if_group != NULL || r->if_level > 0 || has_child(node, l->rule))) {
        return false;
    }
    if (r == l->rule) {
        return false;
    }
    return l->group != NULL ? hin_log_word_match(l->group, r->group_text) : r->sort >= l->sort;
}

/* Walks as the original does, so that rules under several parents end up in the same places. */
static HIN_RESULT attach(struct linking *l, struct rule_node *list, unsigned depth, bool *ret_found)
{
    HIN_ENSURE(depth < 64, LIMIT);
    for (struct rule_node *node = list; node != NULL; node = node->next) {
        if (l->sid != 0) {
            if (node->rule->id == l->sid) {
                l->rule->category = node->rule->category;
                *ret_found = true;
                return hang(l, &node->child);
            }
        } else if (takes(l, node)) {
            *ret_found = true;
            HIN_TRY(hang(l, &node->child));
        }
        HIN_TRY(attach(l, node->child, depth + 1, ret_found));
    }
    return hin_ok();
}

static struct rule *find_rule(const struct hin_log_rules *rules, uint32_t id)
{
    char key[16];
    int size = snprintf(key, sizeof(key), "%u", id);
    return hin_map_get(&rules->rule_ids, hin_view_of(key, (size_t)size));
}

static HIN_RESULT attach_to_rule(struct linking *l, uint32_t id, bool *ret_found)
{
    struct rule *parent = find_rule(l->rules, id);
    if (parent != NULL && parent->place_count == 1) { /* no need to look for it */
        l->rule->category = parent->category;
        *ret_found = true;
        return hang(l, &parent->place->child);
    }
    l->sid = id;
    return attach(l, l->rules->roots, 0, ret_found);
}

static HIN_RESULT attach_to_category(struct linking *l, bool *ret_found)
{
    for (struct rule_node *node = l->rules->roots; node != NULL; node = node->next) {
        if (node->rule->category == l->rule->category) {
            *ret_found = true;
            return hang(l, &node->child);
        }
    }
    return hin_ok();
}

static bool parents_stand(const struct hin_log_rules *rules, const struct rule *rule,
                          uint32_t *ret_missing)
{
    for (uint32_t i = 0; i < rule->if_sid_count; i++) {
        const struct rule *parent = find_rule(rules, rule->if_sid[i]);
        if (parent == NULL || !parent->attached) {
            *ret_missing = rule->if_sid[i];
            return false;
        }
    }
    return true;
}

/* *ret_found false: a parent is not there (yet). */
static HIN_RESULT place(struct linking *l, bool *ret_found)
{
    struct rule *rule = l->rule;
    uint32_t missing = 0;
    *ret_found = false;
    l->sid = 0;
    l->sort = 0;
    l->group = NULL;
    if (rule->id < TEMPLATE_ID_MAX) {
        *ret_found = true;
        return hang(l, &l->rules->roots);
    }
    if (rule->if_sid_count > 0) {
        if (!parents_stand(l->rules, rule, &missing)) {
            return hin_ok();
        }
        for (uint32_t i = 0; i < rule->if_sid_count; i++) {
            HIN_TRY(attach_to_rule(l, rule->if_sid[i], ret_found));
        }
        return hin_ok();
    }
    if (rule->if_level > 0 || rule->if_group != NULL) {
        l->sort = (int32_t)rule->if_level * 100;
        l->group = rule->if_level > 0 ? NULL : rule->if_group;
        return attach(l, l->rules->roots, 0, ret_found);
    }
    return attach_to_category(l, ret_found);
}

static HIN_RESULT missing_parent(struct linking *l)
{
    const struct rule *rule = l->rule;
    uint32_t missing = 0;
    if (!parents_stand(l->rules, rule, &missing)) {
        return hin_error_set(l->error, HIN_NOT_FOUND, rule->info.file, rule->info.line,
                             rule->column, "rule %u: if_sid names rule %u, which does not exist",
                             rule->id, missing);
    }
    if (rule->if_group != NULL) {
        return hin_error_set(l->error, HIN_NOT_FOUND, rule->info.file, rule->info.line,
                             rule->column, "rule %u: no rule is in group '%s'", rule->id,
                             rule->if_group);
    }
    return hin_error_set(l->error, HIN_NOT_FOUND, rule->info.file, rule->info.line, rule->column,
                         "rule %u: nothing to hang it under: no %s", rule->id,
                         rule->if_level > 0 ? "rule has that level"
                                            : "template rule (id 1 to 9) has its category");
}

static HIN_RESULT sweep(struct linking *l, size_t *ret_placed, struct rule **ret_left)
{
    *ret_placed = 0;
    *ret_left = NULL;
    for (uint32_t i = 0; i < l->rules->rule_count; i++) {
        bool found = false;
        l->rule = l->rules->rules[i];
        if (l->rule->attached) {
            continue;
        }
        HIN_TRY(place(l, &found));
        if (found) {
            l->rule->attached = true;
            (*ret_placed)++;
        } else if (*ret_left == NULL) {
            *ret_left = l->rule;
        }
    }
    return hin_ok();
}

static HIN_RESULT build_tree(struct linking *l)
{
    size_t placed = 0;
    struct rule *left = NULL;
    do {
        HIN_TRY(sweep(l, &placed, &left));
    } while (left != NULL && placed > 0);
    if (left != NULL) {
        l->rule = left;
        return missing_parent(l);
    }
    l->late = true;
    for (uint32_t i = 0; !l->rules->in_order && i < l->rules->rule_count; i++) {
        l->rule = l->rules->rules[i];
        if (l->rule->if_sid_count == 0 && (l->rule->if_group != NULL || l->rule->if_level > 0)) {
            bool found = false;
            HIN_TRY(place(l, &found));
        }
    }
    return hin_ok();
}

/* ---- collecting rules ---------------------------------------------------------------------- */

static HIN_RESULT overwrite(struct linking *l, struct rule *old, const struct rule *fresh)
{
    struct rule keep = *old;
    if (old == fresh) {
        return hin_ok();
    }
    *old = *fresh;
    /* What stays: the place in the tree. */
    old->index = keep.index;
    old->sort = keep.sort;
    old->category = keep.category;
    old->if_sid = keep.if_sid;
    old->if_sid_count = keep.if_sid_count;
    old->if_group = keep.if_group;
    old->if_level = keep.if_level;
    old->overwrite = false;
    return hin_ok();
}

static HIN_RESULT collect(struct linking *l, const struct rule *from)
{
    struct hin_log_rules *rules = l->rules;
    char key[16];
    int size = snprintf(key, sizeof(key), "%u", from->id);
    struct rule *known = hin_map_get(&rules->rule_ids, hin_view_of(key, (size_t)size));
    if (from->overwrite) {
        if (known == NULL) {
            return hin_error_set(
                l->error, HIN_NOT_FOUND, from->info.file, from->info.line, from->column,
                "rule %u: overwrite=\"yes\", but no rule before it has this id", from->id);
        }
        return overwrite(l, known, from);
    }
    if (known != NULL) {
        return hin_error_set(l->error, HIN_EXISTS, from->info.file, from->info.line, from->column,
                             "rule %u: the id is taken by %s line %u", from->id, known->info.file,
                             known->info.line);
    }
    struct rule *rule = NULL;
    HIN_TRY(HIN_ARENA_NEW(&rules->arena, &rule));
    *rule = *from;
    rule->index = rules->rule_count;
    rules->rules[rules->rule_count++] = rule;
    return hin_map_put(&rules->rule_ids, hin_view_of(key, (size_t)size), rule);
}

static HIN_RESULT collect_all(struct linking *l, struct rule_file **ret_file)
{
    struct hin_log_rules *rules = l->rules;
    uint32_t count = 0;
    for (size_t f = 0; f < rules->file_count; f++) {
        count += rules->files[f].rule_count;
    }
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, HIN_MAX(count, 1U), &rules->rules));
    hin_map_done(&rules->rule_ids);
    HIN_TRY(hin_map_init(&rules->rule_ids, 1U << 20));
    rules->rule_count = 0;
    rules->node_count = 0;
    rules->roots = NULL;
    for (size_t f = 0; f < rules->file_count; f++) {
        *ret_file = &rules->files[f];
        for (uint32_t i = 0; !(*ret_file)->refused && i < (*ret_file)->rule_count; i++) {
            HIN_TRY(collect(l, &(*ret_file)->rules[i]));
        }
    }
    *ret_file = NULL;
    return hin_ok();
}

/* ---- who feeds whom ------------------------------------------------------------------------ */

/* A number for a rule's windows, the same in every set. Composite rules of one level that count the
 * same source by the same keys share them: when one fires, the original takes the evidence from all
 * rules of its level. */
static HIN_RESULT identify(struct hin_log_rules *rules)
{
    static const uint64_t key[2] = {0x48696e6f6d690002, 0x77696e646f777300};
    struct hin_map classes HIN_CLEANUP(hin_map_done) = {0};
    HIN_TRY(hin_map_init(&classes, 1U << 20));
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < rules->rule_count; i++) {
            struct rule *rule = rules->rules[i];
            struct hin_view text = HIN_VIEW_EMPTY;
            if (rule->matched == MATCHED_NONE) {
                continue;
            }
            struct hin_view regex = rule->matched == MATCHED_REGEX
                                        ? hin_pattern_text(rule->matched_regex.pattern)
                                        : HIN_VIEW_EMPTY;
            HIN_TRY(hin_arena_printf(
                &rules->arena, &text, "%u %u %u %u %s %.*s", (unsigned)rule->matched, rule->same,
                rule->info.level, rule->matched == MATCHED_SID ? rule->matched_sid : 0,
                rule->matched == MATCHED_GROUP ? rule->matched_group : "", HIN_ARGS(regex)));
            struct rule *first = hin_map_get(&classes, text);
            if (first == NULL) {
                first = rule;
                rule->window_sec = 0;
                HIN_TRY(hin_map_put(&classes, text, rule));
            }
            first->window_sec = HIN_MAX(first->window_sec, rule->timeframe_sec);
            rule->window_sec = first->window_sec;
            rule->identity = hin_siphash(key, text);
        }
    }
    return hin_ok();
}

/* Composite rules by what they count: an id, or a group. */
struct composites {
    struct rule **by_sid;
    struct rule **by_group;
    uint32_t sid_count, group_count;
    struct rule **found; /* room for all of one source */
};

/* Add to the list, unless the window is there already. */
static uint32_t add_window(struct rule **list, uint32_t count, struct rule *composite)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i]->identity == composite->identity) {
            return count;
        }
    }
    list[count] = composite;
    return count + 1;
}

static HIN_RESULT sort_composites(struct hin_log_rules *rules, struct composites *c)
{
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rules->rule_count + 1, &c->by_sid));
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rules->rule_count + 1, &c->by_group));
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rules->rule_count + 1, &c->found));
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rules->rule_count + 1, &rules->regex_watchers));
    rules->regex_watcher_count = 0;
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        struct rule *rule = rules->rules[i];
        rules->frequency_max = HIN_MAX(rules->frequency_max, rule->frequency);
        if (rule->matched == MATCHED_SID) {
            c->by_sid[c->sid_count++] = rule;
        } else if (rule->matched == MATCHED_GROUP) {
            c->by_group[c->group_count++] = rule;
        } else if (rule->matched == MATCHED_REGEX) {
            rules->regex_watcher_count =
                add_window(rules->regex_watchers, rules->regex_watcher_count, rule);
        }
    }
    return hin_ok();
}

static uint32_t who_counts(const struct composites *c, const struct rule *source,
                           struct hin_pattern_scratch *scratch)
{
    uint32_t count = 0;
    struct hin_view groups = hin_view_from_text(source->group_text);
    for (uint32_t i = 0; i < c->sid_count; i++) {
        if (c->by_sid[i]->matched_sid == source->id) {
            count = add_window(c->found, count, c->by_sid[i]);
        }
    }
    hin_pattern_scratch_begin(scratch, HIN_PATTERN_BUDGET_STEPS);
    for (uint32_t i = 0; i < c->group_count; i++) {
        if (hin_pattern_match(c->by_group[i]->matched_group_use.pattern, scratch, groups, 0,
                              NULL) == HIN_MATCH_YES) {
            count = add_window(c->found, count, c->by_group[i]);
        }
    }
    return count;
}

static HIN_RESULT watch(struct linking *l, struct hin_pattern_scratch *scratch)
{
    struct hin_log_rules *rules = l->rules;
    struct composites c = {0};
    HIN_TRY(sort_composites(rules, &c));
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        struct rule *rule = rules->rules[i];
        rule->watcher_count = who_counts(&c, rule, scratch);
        rule->watchers = NULL;
        if (rule->watcher_count > 0) {
            HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rule->watcher_count, &rule->watchers));
            hin_copy(rule->watchers, c.found, rule->watcher_count * sizeof(c.found[0]));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_log_rules_link(struct hin_log_rules *rules, struct hin_error *error,
                              struct rule_file **ret_file)
{
    struct linking l = {.rules = rules, .error = error};
    struct hin_pattern_scratch *scratch HIN_CLEANUP(hin_pattern_scratch_freep) = NULL;
    HIN_TRY(hin_pattern_scratch_new(&scratch));
    HIN_TRY(collect_all(&l, ret_file));
    struct hin_result result = build_tree(&l);
    if (result.code == HIN_LIMIT && l.rule != NULL) {
        result =
            hin_error_set(error, HIN_INVALID, l.rule->info.file, l.rule->info.line, l.rule->column,
                          "rule %u: with its links the rule tree is too large (over %d places) "
                          "or too deep",
                          l.rule->id, NODES_MAX);
    }
    if (result.code == HIN_NOT_FOUND || result.code == HIN_INVALID) {
        for (size_t f = 0; f < rules->file_count; f++) {
            if (rules->files[f].name == l.rule->info.file) {
                *ret_file = &rules->files[f];
            }
        }
    }
    HIN_TRY(result);
    HIN_TRY(identify(rules));
    return watch(&l, scratch);
}

/* ---- flat lists ---------------------------------------------------------------------------- */

static void choose_gate(const struct hin_log_rules *rules, struct rule *rule)
{
    rule->gate = NO_PATTERN;
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        const struct condition *c = &rule->conditions[i];
        bool from_line = c->subject != SUBJECT_LOCATION && c->subject != SUBJECT_NEVER;
        if (from_line && (rules->always[c->use.id >> 3] >> (c->use.id & 7) & 1) == 0) {
            rule->gate = c->use.id;
            rule->gate_subject = c->subject;
            return;
        }
    }
}

static HIN_RESULT split_by_decoder(struct hin_log_rules *rules, struct rule_node *node)
{
    struct edge_table *table = NULL;
    HIN_TRY(HIN_ARENA_NEW(&rules->arena, &table));
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rules->decoder_id_count + 1, &table->lists));
    struct rule_edge *rest = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, node->edge_count, &rest));
    for (uint32_t i = 0; i < node->edge_count; i++) {
        if (node->edges[i].decoded_as == 0) {
            rest[table->rest.count++] = node->edges[i];
        }
    }
    table->rest.edges = rest;
    for (uint32_t i = 0; i < node->edge_count; i++) {
        uint16_t id = node->edges[i].decoded_as;
        if (id == 0 || table->lists[id].edges != NULL) {
            continue;
        }
        struct rule_edge *list = NULL;
        HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, node->edge_count, &list));
        for (uint32_t k = 0; k < node->edge_count; k++) {
            if (node->edges[k].decoded_as == 0 || node->edges[k].decoded_as == id) {
                list[table->lists[id].count++] = node->edges[k];
            }
        }
        table->lists[id].edges = list;
    }
    node->by_decoder = table;
    return hin_ok();
}

static HIN_RESULT flatten(struct hin_log_rules *rules, struct rule_node *node)
{
    uint32_t count = 0;
    for (struct rule_node *child = node->child; child != NULL; child = child->next) {
        count++;
    }
    if (count == 0) {
        return hin_ok();
    }
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, count, &node->edges));
    for (struct rule_node *child = node->child; child != NULL; child = child->next) {
        node->edges[node->edge_count++] = (struct rule_edge){
            child->rule->gate, child->rule->decoded_as, (uint16_t)child->rule->gate_subject, child};
        HIN_TRY(flatten(rules, child));
    }
    if (count > WIDE_NODE) {
        HIN_TRY(split_by_decoder(rules, node));
    }
    return hin_ok();
}

HIN_RESULT hin_log_rules_flatten(struct hin_log_rules *rules)
{
    const uint32_t *ids = NULL;
    size_t count = 0;
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, rules->pattern_count / 8 + 1, &rules->always));
    hin_prefilter_always(rules->prefilter, &ids, &count);
    for (size_t i = 0; i < count; i++) {
        rules->always[ids[i] >> 3] |= (uint8_t)(1U << (ids[i] & 7));
    }
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        choose_gate(rules, rules->rules[i]);
    }
    for (struct rule_node *node = rules->roots; node != NULL; node = node->next) {
        HIN_TRY(flatten(rules, node));
    }
    return hin_ok();
}
