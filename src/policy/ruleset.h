/* A rule set in a folder: decoder.xml (and decoders/NAME.xml), rules/NAME.xml, order.txt when
 * there, lists/NAME and crawlers.txt. The one reader that the agent, the CLI and tests share; the
 * only part of this folder that touches files.
 *
 * Load order: the names in order.txt, separated by white space; without it rules_config.xml first,
 * then by name. */
#ifndef HIN_POLICY_RULESET_H
#define HIN_POLICY_RULESET_H

#include "base/result.h"
#include "engine/log/log.h"

#define HIN_RULESET_FILE_MAX_BYTES ((size_t)16 << 20)
#define HIN_RULESET_FILES_MAX      4096

struct hin_ruleset;

/* Read it all into memory. NOT_FOUND, LIMIT, IO with the file in error (which may be NULL). */
HIN_RESULT hin_ruleset_read(const char *folder, struct hin_error *error,
                            struct hin_ruleset **ret_ruleset);
void hin_ruleset_free(struct hin_ruleset *ruleset);
void hin_ruleset_freep(struct hin_ruleset **ruleset); /* for HIN_CLEANUP */

/* Borrowed from the rule set. */
const struct hin_log_inputs *hin_ruleset_inputs(const struct hin_ruleset *ruleset);
bool hin_ruleset_in_order(const struct hin_ruleset *ruleset); /* there was an order.txt */

/* Compile, with the literal database from `cache_path` when it fits; a new one is written there
 * (mode 0600) when it does not. cache_path NULL: no cache. A cache that cannot be read or written
 * is no failure. */
HIN_RESULT hin_ruleset_load(const struct hin_ruleset *ruleset, const char *cache_path,
                            struct hin_log_rules **ret_rules);

#endif
