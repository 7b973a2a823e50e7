#include "policy/model.h"

#include <stdlib.h>

#include "base/bytes.h"

static const char *const state_texts[] = {
    [HIN_POLICY_INHERITED] = "inherited",
    [HIN_POLICY_ON] = "on",
    [HIN_POLICY_OFF] = "off",
};

HIN_RESULT hin_policy_state_parse(struct hin_view text, enum hin_policy_state *ret_state)
{
    for (size_t i = 0; i < HIN_COUNT(state_texts); i++) {
        if (hin_view_is(text, state_texts[i])) {
            *ret_state = (enum hin_policy_state)i;
            return hin_ok();
        }
    }
    return hin_fail(HIN_INVALID);
}

const char *hin_policy_state_text(enum hin_policy_state state)
{
    return (size_t)state < HIN_COUNT(state_texts) ? state_texts[state]
                                                  : state_texts[HIN_POLICY_INHERITED];
}

static const struct hin_policy *find(const struct hin_policy *policies, size_t policy_count,
                                     uint64_t id)
{
    for (size_t i = 0; i < policy_count; i++) {
        if (policies[i].id == id) {
            return &policies[i];
        }
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static size_t sort_unique(uint64_t *ids, size_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (ids[i] != ids[kept - 1]) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

/* The modules that count, the nearest first: the computer's own, then the policies up to the root.
 */
static HIN_RESULT collect_chain(const struct hin_policy *policies, size_t policy_count, uint64_t id,
                                const struct hin_policy_module *computer,
                                const struct hin_policy_module *chain[HIN_POLICY_DEPTH_MAX + 1],
                                size_t *ret_count)
{
    size_t count = 0;
    if (computer != NULL) {
        chain[count++] = computer;
    }
    for (size_t depth = 0; id != 0; depth++) {
        HIN_ENSURE(depth < HIN_POLICY_DEPTH_MAX, LIMIT);
        const struct hin_policy *policy = find(policies, policy_count, id);
        HIN_ENSURE(policy != NULL, NOT_FOUND);
        chain[count++] = &policy->log_inspection;
        id = policy->parent_id;
    }
    *ret_count = count;
    return hin_ok();
}

HIN_RESULT hin_policy_resolve(const struct hin_policy *policies, size_t policy_count, uint64_t id,
                              const struct hin_policy_module *computer, struct hin_arena *arena,
                              struct hin_policy_effective *ret_effective)
{
    const struct hin_policy_module *chain[HIN_POLICY_DEPTH_MAX + 1];
    size_t chain_count = 0;
    HIN_TRY(collect_chain(policies, policy_count, id, computer, chain, &chain_count));

    enum hin_policy_state state = HIN_POLICY_INHERITED;
    size_t total = 0;
    for (size_t i = 0; i < chain_count; i++) {
        if (state == HIN_POLICY_INHERITED) {
            state = chain[i]->state;
        }
        HIN_TRY(hin_add_size(total, chain[i]->rule_count, &total));
    }
    uint64_t *ids = NULL;
    HIN_TRY(hin_arena_array(arena, total + 1, sizeof(*ids), (void **)&ids));
    size_t count = 0;
    for (size_t i = 0; i < chain_count; i++) {
        hin_copy(ids + count, chain[i]->rule_ids, chain[i]->rule_count * sizeof(*ids));
        count += chain[i]->rule_count;
    }
    *ret_effective = (struct hin_policy_effective){
        .log_inspection = state == HIN_POLICY_ON,
        .rule_ids = ids,
        .rule_count = sort_unique(ids, count),
    };
    return hin_ok();
}

HIN_RESULT hin_policy_check_parent(const struct hin_policy *policies, size_t policy_count,
                                   uint64_t id, uint64_t parent_id)
{
    for (size_t depth = 0; parent_id != 0; depth++) {
        HIN_ENSURE(parent_id != id && depth < HIN_POLICY_DEPTH_MAX, CONFLICT);
        const struct hin_policy *parent = find(policies, policy_count, parent_id);
        HIN_ENSURE(parent != NULL, NOT_FOUND);
        parent_id = parent->parent_id;
    }
    return hin_ok();
}
