/* What holds for a computer: its policy, after inheritance, as the content of a bundle. Read from
 * the store. */
#ifndef HIN_MANAGER_WORKER_POLICY_H
#define HIN_MANAGER_WORKER_POLICY_H

#include "base/arena.h"
#include "manager/tenant.h"
#include "policy/bundle.h"
#include "policy/model.h"

/* The content for a computer with this policy (0: none) and these overrides (NULL: none).
 * Everything lies in the arena. NOT_FOUND: the policy is missing. A rule that was deleted meanwhile
 * is left out. */
HIN_RESULT hin_policy_gather(struct hin_tenant *tenant, int64_t policy,
                             const struct hin_policy_module *computer, struct hin_arena *arena,
                             struct hin_policy_content *ret_content);

/* A logInspection object of a policy or computer as the model has it. */
struct hin_json;
HIN_RESULT hin_policy_module_read(struct hin_json *object, struct hin_arena *arena,
                                  struct hin_policy_module *ret_module);

/* Compile the rules of a content as an agent would. INVALID with file, line and column of the first
 * error. */
HIN_RESULT hin_policy_compile(const struct hin_policy_content *content, struct hin_arena *arena,
                              struct hin_error *error);

/* All policies, for the model. */
HIN_RESULT hin_policy_list(struct hin_tenant *tenant, struct hin_arena *arena,
                           struct hin_policy **ret_policies, size_t *ret_count);

/* The policy that a computer gets when nothing else is said: the oldest root. 0: there is none. */
HIN_RESULT hin_policy_default(struct hin_tenant *tenant, int64_t *ret_policy);

#endif
