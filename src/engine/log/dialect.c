#include "engine/log/dialect.h"

const struct hin_log_dialect hin_log_dialect_ossec = {
    .name = "ossec",
    .frequency_extra = 1,
    .pcre2_caseless = true,
    .timeframe_default_sec = 360,
    .rule_id_max = 999999,
    .accumulate_sec = 120,
    .fts_alike_bytes = 14,
    .fts_recent = 32,
};
