#include <stdlib.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

#define PATTERNS_MAX 262144

static HIN_RESULT grow(struct hin_log_rules *rules)
{
    if (rules->pattern_count < rules->pattern_capacity) {
        return hin_ok();
    }
    HIN_ENSURE(rules->pattern_capacity < PATTERNS_MAX, LIMIT);
    uint32_t capacity = rules->pattern_capacity == 0 ? 1024 : rules->pattern_capacity * 2;
    void *patterns = realloc(rules->patterns, capacity * sizeof(rules->patterns[0]));
    HIN_ENSURE(patterns != NULL, NO_MEMORY);
    rules->patterns = patterns;
    rules->pattern_capacity = capacity;
    return hin_ok();
}

HIN_RESULT hin_log_pattern_add(struct hin_log_rules *rules, enum hin_pattern_kind kind,
                               struct hin_view text, struct hin_error *error, struct use *ret_use)
{
    struct hin_view key = HIN_VIEW_EMPTY;
    if (kind == HIN_PATTERN_PCRE2 && rules->dialect->pcre2_caseless) {
        kind = HIN_PATTERN_PCRE2_CASELESS;
    }
    uint8_t *at = NULL;
    HIN_TRY(hin_arena_alloc(&rules->arena, text.size + 1, (void **)&at));
    at[0] = (uint8_t)kind;
    hin_copy(at + 1, text.data, text.size);
    key = hin_view_of(at, text.size + 1);
    struct use *known = hin_map_get(&rules->pattern_ids, key);
    if (known != NULL) {
        *ret_use = *known;
        return hin_ok();
    }
    HIN_TRY(grow(rules));
    struct hin_pattern *pattern = NULL;
    HIN_TRY(hin_pattern_compile(kind, text, error, &pattern));
    rules->patterns[rules->pattern_count] = pattern;
    struct use *use = NULL;
    rules->pattern_count++; /* from here on the set owns it */
    HIN_TRY(HIN_ARENA_NEW(&rules->arena, &use));
    use->pattern = pattern;
    use->id = rules->pattern_count - 1;
    HIN_TRY(hin_map_put(&rules->pattern_ids, key, use));
    *ret_use = *use;
    return hin_ok();
}
