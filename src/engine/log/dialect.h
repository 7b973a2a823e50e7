/* Where the dialects of the OSSEC rule family differ. Nothing else in the engine asks which one it
 * reads. */
#ifndef HIN_ENGINE_LOG_DIALECT_H
#define HIN_ENGINE_LOG_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

struct hin_log_dialect {
    const char *name;
    /* A composite rule fires when this many earlier events plus `frequency` are in the window:
       OSSEC fires on event number frequency + 2, so 1. */
    int32_t frequency_extra;
    /* OSSEC folds case in its `_pcre2` elements too. */
    bool pcre2_caseless;
    uint32_t timeframe_default_sec;
    uint32_t rule_id_max;
    /* Seconds after which joined fields of `accumulate` expire. */
    uint32_t accumulate_sec;
    /* First-time-seen keys of type ids: how alike three of the last ones must be. */
    uint32_t fts_alike_bytes;
    uint32_t fts_recent;
};

extern const struct hin_log_dialect hin_log_dialect_ossec;

#endif
