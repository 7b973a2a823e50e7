/* The rule set shipped with Hinomi, put into a new tenant: its decoders, its rules, and the default
 * policy that assigns them. */
#ifndef HIN_MANAGER_CONTENT_H
#define HIN_MANAGER_CONTENT_H

#include "base/arena.h"
#include "manager/tenant.h"

/* Where the rule set lies: `wanted` when given, else beside the program (built in the source tree,
 * or installed). NOT_FOUND when there is none. out: HIN_PATH_MAX bytes. */
HIN_RESULT hin_content_find(const char *wanted, char *out);

/* The same for the catalogue of claims (content/trust). */
HIN_RESULT hin_content_find_trust(char *out);

struct hin_content_report {
    size_t decoder_count;
    size_t rule_count;
    int64_t policy; /* ID of the default policy */
};

/* folder NULL: the default policy is made without rules. */
HIN_RESULT hin_content_store(struct hin_tenant *tenant, const char *folder,
                             struct hin_content_report *ret_report, struct hin_error *error);

/* What was shipped stands with one tenant: another gets the same. The arena holds the files. */
HIN_RESULT hin_content_copy(struct hin_tenant *from, struct hin_tenant *to, struct hin_arena *arena,
                            struct hin_content_report *ret_report) HIN_NONNULL;

#endif
