/* The loader: the input is decoders and rules, cut at the first NUL byte. What loads also runs. */
#include <stddef.h>
#include <stdint.h>

#include "engine/log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const struct hin_log_rules *rules)
{
    static const char *const lines[] = {"Nov 10 10:00:00 host app[1]: user=a ip=1.2.3.4 fail",
                                        "GET /x HTTP/1.0", ""};
    struct hin_log_engine *engine = NULL;
    if (!hin_is_ok(hin_log_engine_new(rules, NULL, &engine))) {
        return;
    }
    for (size_t i = 0; i < 9; i++) {
        const struct hin_log_line line = {
            hin_view_from_text(lines[i % 3]), HIN_VIEW("f"), INT64_C(1794304800000000), 0, NULL, 0};
        (void)hin_log_engine_run(engine, &line);
    }
    hin_log_engine_free(engine);
}

/* The literal database saved and taken from the cache: the same set must load. */
static void reload(const struct hin_log_inputs *inputs, const struct hin_log_rules *rules)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf image = {.max = (size_t)64 << 20};
    HIN_CLEANUP(hin_log_rules_freep) struct hin_log_rules *again = NULL;
    struct hin_log_load_options cached = {0};
    struct hin_log_rules_stats stats;
    hin_log_rules_stats(rules, &stats);
    if (!hin_is_ok(hin_log_rules_cache_save(rules, &image))) {
        return;
    }
    cached.cache = hin_buf_view(&image);
    if (!hin_is_ok(hin_log_rules_load(inputs, &cached, &again)) ||
        hin_log_rules_error_count(again) != hin_log_rules_error_count(rules)) {
        __builtin_trap();
    }
    (void)hin_log_rules_find(again, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view all = hin_view_of(data, size);
    size_t cut = hin_view_find_byte(all, 0);
    cut = cut == SIZE_MAX ? 0 : cut;
    const struct hin_log_input decoders[] = {{"decoder.xml", hin_view_sub(all, 0, cut)}};
    const struct hin_log_input files[] = {
        {"base.xml", HIN_VIEW("<group name=\"syslog\"><rule id=\"1\" level=\"0\" noalert=\"1\">"
                              "<category>syslog</category></rule></group>")},
        {"f.xml", hin_view_sub(all, cut + (cut > 0), SIZE_MAX)}};
    const struct hin_log_inputs inputs = {
        .decoders = decoders, .decoder_count = 1, .rules = files, .rule_count = 2};
    struct hin_log_rules *rules = NULL;
    if (!hin_is_ok(hin_log_rules_load(&inputs, NULL, &rules))) {
        return 0;
    }
    for (size_t i = 0; i < hin_log_rules_diagnostic_count(rules); i++) {
        if (hin_log_rules_diagnostic(rules, i)->text[0] == '\0') {
            __builtin_trap(); /* every refusal says why */
        }
    }
    run(rules);
    if (hin_log_rules_error_count(rules) == 0) {
        reload(&inputs, rules);
    }
    hin_log_rules_free(rules);
    return 0;
}
