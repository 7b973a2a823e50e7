/* The engine: lines of the input, one after the other, with and without the pre-filter; both must
 * answer the same. In between its state is saved and loaded, and the input itself is taken as a
 * state. */
#include <stddef.h>
#include <stdint.h>

#include "engine/log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char decoders[] =
    "<decoder name=\"app\"><program_name>^app|^su</program_name></decoder>"
    "<decoder name=\"f\"><parent>app</parent><prematch>user</prematch>"
    "<pcre2>user=(\\S*) ip=(\\S*) id=(\\S*) url=(\\S*)</pcre2><order>user, srcip, id, url</order>"
    "<fts>name, user, location</fts></decoder>"
    "<decoder name=\"f\"><parent>app</parent><pcre2 offset=\"after_regex\">more=(\\w+) "
    "(\\d+)?</pcre2>"
    "<order>status, x</order></decoder>"
    "<decoder name=\"pf\"><program_name>^pf</program_name>"
    "<plugin_decoder>PF_Decoder</plugin_decoder></decoder>"
    "<decoder name=\"oa\"><program_name>^ossec</program_name>"
    "<plugin_decoder>OSSECAlert_Decoder</plugin_decoder></decoder>"
    "<decoder name=\"sws\"><prematch>^\\d+,</prematch>"
    "<plugin_decoder>SymantecWS_Decoder</plugin_decoder></decoder>"
    "<decoder name=\"sonic\"><prematch>^id=firewall</prematch>"
    "<plugin_decoder>SonicWall_Decoder</plugin_decoder></decoder>"
    "<decoder name=\"acc\"><prematch>^acc</prematch><regex>id=(\\S+) (\\S*)</regex>"
    "<order>id, srcip</order><accumulate/></decoder>"
    "<decoder name=\"web\"><prematch>^GET|^POST</prematch><type>web-log</type>"
    "<regex offset=\"after_prematch\">^ (\\S+)</regex><order>url</order></decoder>";

static const char text[] =
    "<group name=\"syslog\"><rule id=\"1\" level=\"0\" noalert=\"1\"><category>syslog</category>"
    "</rule><rule id=\"10\" level=\"2\"><match>fail|error$|^deny</match>"
    "<description>$(user) $(x)</description><group>bad,</group></rule>"
    "<rule id=\"11\" level=\"3\"><decoded_as>app</decoded_as><if_fts/></rule>"
    "<rule id=\"12\" level=\"9\" frequency=\"1\" "
    "timeframe=\"60\"><if_matched_sid>10</if_matched_sid>"
    "<same_source_ip/></rule><rule id=\"13\" level=\"8\" frequency=\"1\"><if_matched_group>bad"
    "</if_matched_group><same_user/><different_url/></rule>"
    "<rule id=\"14\" level=\"1\"><match>output</match><check_diff/></rule>"
    "<rule id=\"15\" level=\"4\" ignore=\"5\"><pcre2>(a|aa)+$</pcre2><ignore>srcip, "
    "id</ignore></rule>"
    "<rule id=\"16\" level=\"5\"><regex>\\w+@\\.+ \\d</regex>"
    "<check_if_ignored>srcip, id</check_if_ignored></rule></group>"
    "<group name=\"web-log\"><rule id=\"4\" level=\"0\" "
    "noalert=\"1\"><category>web-log</category></rule>"
    "<rule id=\"20\" level=\"3\"><category>web-log</category><url>.php|/admin</url></rule>"
    "<rule id=\"21\" level=\"2\"><category>web-log</category>"
    "<compiled_rule>is_simple_http_request</compiled_rule></rule></group>";

static struct hin_log_rules *load(void)
{
    const struct hin_log_input decoder_files[] = {{"decoder.xml", hin_view_from_text(decoders)}};
    const struct hin_log_input files[] = {{"f.xml", hin_view_from_text(text)}};
    const struct hin_log_inputs inputs = {
        .decoders = decoder_files, .decoder_count = 1, .rules = files, .rule_count = 1};
    struct hin_log_rules *rules = NULL;
    if (!hin_is_ok(hin_log_rules_load(&inputs, NULL, &rules)) ||
        hin_log_rules_error_count(rules) > 0) {
        __builtin_trap();
    }
    return rules;
}

static void compare(const struct hin_log_finding *a, const struct hin_log_finding *b)
{
    bool same = a->rule == b->rule && a->decoder == b->decoder && a->alert == b->alert &&
                hin_view_equal(a->description, b->description);
    for (size_t i = 0; i < HIN_LOG_FIELD_COUNT; i++) {
        same = same && hin_view_equal(a->fields[i], b->fields[i]);
    }
    /* limits may be reached on one side only */
    if (!same && ((a->flags | b->flags) & HIN_LOG_FLAG_PATTERN_LIMIT) == 0) {
        __builtin_trap();
    }
}

static void restart(struct hin_log_engine *engine)
{
    struct hin_buf image;
    hin_buf_init(&image, (size_t)16 << 20);
    if (!hin_is_ok(hin_log_engine_state_save(engine, &image)) ||
        !hin_is_ok(hin_log_engine_state_load(engine, hin_buf_view(&image)))) {
        __builtin_trap();
    }
    hin_buf_done(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hin_log_rules *rules; /* loading takes longer than a run */
    rules = rules != NULL ? rules : load();
    struct hin_log_engine *engine = NULL, *plain = NULL;
    const struct hin_log_config usual = {.correlate_on_log_time = true};
    const struct hin_log_config off = {.correlate_on_log_time = true, .prefilter_off = true};
    struct hin_view rest = hin_view_of(data, size), line = HIN_VIEW_EMPTY;
    if (!hin_is_ok(hin_log_engine_new(rules, &usual, &engine)) ||
        !hin_is_ok(hin_log_engine_new(rules, &off, &plain))) {
        __builtin_trap();
    }
    bool stateful = size > 0 && (data[0] & 1) != 0;
    for (size_t i = 0; i < 64 && hin_view_split(&rest, '\n', &line); i++) {
        const struct hin_log_line input = {line, HIN_VIEW("f"), INT64_C(1794304800000000),
                                           0,    NULL,          0};
        compare(hin_log_engine_run(engine, &input), hin_log_engine_run(plain, &input));
        if (stateful && i == 8) {
            restart(engine);
            restart(plain);
        }
    }
    struct hin_result unused = hin_log_engine_state_load(plain, hin_view_of(data, size));
    (void)unused;
    hin_log_engine_free(engine);
    hin_log_engine_free(plain);
    return 0;
}
