/* Fields that a line brings along, for struct hin_log_line: the members of a JSON object, flattened
 * (decode/log/jsonline.h), so that rules see {"user":{"name":"x"}} as field user.name. */
#ifndef HIN_ENGINE_LOG_GIVEN_H
#define HIN_ENGINE_LOG_GIVEN_H

#include "base/arena.h"
#include "engine/log/log.h"

#define HIN_LOG_GIVEN_NAME_MAX                                                                     \
    128 /* bytes; members with longer names, or blanks in them, are left out */

/* *ret_count is 0 for a line that is no JSON object: it is then a line like any other. All in the
 * arena. */
HIN_RESULT hin_log_given_json(struct hin_view line, struct hin_arena *arena,
                              const struct hin_log_dynamic **ret_given, size_t *ret_count);

#endif
