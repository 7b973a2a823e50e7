/* hinomi rules: what is right and wrong with rule files. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/cli.h"
#include "cli/log_engine.h"
#include "policy/ruleset.h"

static const struct hin_command check_usage = {
    "hinomi rules check",
    "say of each rule file: loaded, or what is wrong",
    "DIR",
    "DIR holds decoder.xml, rules/ and, if there, order.txt. A file with an error is refused as a "
    "whole. Exit status: 0 all loaded, 1 something is wrong, 2 usage.",
    NULL,
    0,
    1,
    1};

static void tell(const struct hin_log_rules *rules, const struct hin_log_input *files, size_t count)
{
    for (size_t f = 0; f < count; f++) {
        bool loaded = hin_log_rules_file_loaded(rules, files[f].name);
        if (loaded) {
            hin_terminal_line(stdout, "%s: loaded", files[f].name);
        }
        for (size_t i = 0; i < hin_log_rules_diagnostic_count(rules); i++) {
            const struct hin_log_diagnostic *d = hin_log_rules_diagnostic(rules, i);
            if (strcmp(d->file, files[f].name) == 0) {
                hin_terminal_line(stdout, "%s:%u:%u: %s: %s", d->file, d->line, d->column,
                                  d->severity == HIN_LOG_RULES_ERROR ? "error" : "warning",
                                  d->text);
            }
        }
        if (!loaded) {
            hin_terminal_line(stdout, "%s: refused", files[f].name);
        }
    }
}

static int run_check(int argc, char **argv)
{
    char **operands = NULL;
    size_t count = 0;
    int status = 0, unused = 0;
    struct hin_error error = {HIN_OK};
    struct hin_ruleset *set HIN_CLEANUP(hin_ruleset_freep) = NULL;
    struct hin_log_rules *rules HIN_CLEANUP(hin_log_rules_freep) = NULL;
    if (!hin_cli_parse(&check_usage, argc, argv, &unused, &operands, &count, &status)) {
        return status;
    }
    struct hin_result result = hin_ruleset_read(operands[0], &error, &set);
    if (hin_is_ok(result)) {
        result = hin_ruleset_load(set, NULL, &rules);
    }
    if (!hin_is_ok(result)) {
        return hin_cli_finish(result, &error);
    }
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    tell(rules, inputs->decoders, inputs->decoder_count);
    tell(rules, inputs->rules, inputs->rule_count);
    struct hin_log_rules_stats stats = {0};
    hin_log_rules_stats(rules, &stats);
    printf("%u decoders and %u rules loaded, %zu files refused\n", stats.decoder_count,
           stats.rule_count, hin_log_rules_error_count(rules));
    return hin_log_rules_error_count(rules) == 0 ? HIN_CLI_OK : HIN_CLI_FAILED;
}

static const struct hin_cli_command rules_commands[] = {
    {&check_usage, run_check},
    {&hin_cli_rules_import_usage, hin_cli_rules_import},
};
const struct hin_cli_group hin_cli_group_rules = {"rules", "check and import log inspection rules",
                                                  rules_commands, HIN_COUNT(rules_commands)};
