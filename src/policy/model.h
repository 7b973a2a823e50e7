/* Policies as a tree: what a policy says itself, and what holds for a computer after inheritance.
 *
 * After the reference: a policy has a parent (0 = a root), a state that may be "inherited", and
 * rule assignments that add to those of its ancestors. A computer names one policy and may override
 * its state and add rules. Pure. */
#ifndef HIN_POLICY_MODEL_H
#define HIN_POLICY_MODEL_H

#include "base/arena.h"
#include "base/result.h"
#include "base/view.h"

enum { HIN_POLICY_DEPTH_MAX = 32 };

enum hin_policy_state { HIN_POLICY_INHERITED, HIN_POLICY_ON, HIN_POLICY_OFF };

struct hin_policy_module {
    enum hin_policy_state state;
    const uint64_t *rule_ids;
    size_t rule_count;
};

struct hin_policy {
    uint64_t id;
    uint64_t parent_id; /* 0 = none */
    struct hin_policy_module log_inspection;
};

struct hin_policy_effective {
    bool log_inspection;
    uint64_t *rule_ids; /* ascending, each once; in the caller's arena */
    size_t rule_count;
};

/* "inherited", "on", "off"; INVALID for anything else. */
HIN_RESULT hin_policy_state_parse(struct hin_view text,
                                  enum hin_policy_state *ret_state) HIN_NONNULL;
const char *hin_policy_state_text(enum hin_policy_state state);

/* What holds for a computer that names policy `id` (0: none) and has overrides of its own (NULL:
 * none). A root that says "inherited" is off. NOT_FOUND: a policy of the chain is missing; LIMIT:
 * deeper than HIN_POLICY_DEPTH_MAX, which a circle is too. */
HIN_RESULT hin_policy_resolve(const struct hin_policy *policies, size_t policy_count, uint64_t id,
                              const struct hin_policy_module *computer, struct hin_arena *arena,
                              struct hin_policy_effective *ret_effective);

/* May `id` take `parent_id` as its parent? CONFLICT when that would close a circle, NOT_FOUND when
 * it is missing. */
HIN_RESULT hin_policy_check_parent(const struct hin_policy *policies, size_t policy_count,
                                   uint64_t id, uint64_t parent_id);

#endif
