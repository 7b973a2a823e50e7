#include "rig.h"

#include <stdio.h>

const char rig_decoders[] =
    "<decoder name=\"app\"><program_name>^app$</program_name></decoder>\n"
    "<decoder name=\"app-fields\"><parent>app</parent>\n"
    "  <pcre2>user=(\\S*) ip=(\\S*) id=(\\S*) url=(\\S*)</pcre2>\n"
    "  <order>user, srcip, id, url</order><fts>name, user, location</fts></decoder>\n"
    "<decoder name=\"webby\"><prematch>^GET </prematch><type>web-log</type></decoder>\n";

const char rig_templates[] =
    "<group name=\"syslog\"><rule id=\"1\" level=\"0\" noalert=\"1\"><category>syslog</category>"
    "<description>t</description></rule></group>\n"
    "<group name=\"web-log\"><rule id=\"4\" level=\"0\" noalert=\"1\"><category>web-log</category>"
    "<description>t</description></rule></group>\n"
    "<group name=\"ids\"><rule id=\"3\" level=\"0\" noalert=\"1\"><category>ids</category>"
    "<description>t</description></rule></group>\n";

bool rig_init_with(struct rig *rig, const char *decoders, const char *text,
                   const struct hin_log_config *config, const struct hin_log_input *list)
{
    const struct hin_log_input decoder_files[] = {
        {"decoder.xml", hin_view_from_text(decoders != NULL ? decoders : rig_decoders)}};
    const struct hin_log_input files[] = {
        {"rules_config.xml", hin_view_from_text(rig_templates)},
        {"t.xml", hin_view_from_text(text)},
    };
    const struct hin_log_inputs inputs = {.decoders = decoder_files,
                                          .decoder_count = 1,
                                          .rules = files,
                                          .rule_count = 2,
                                          .lists = list,
                                          .list_count = list != NULL ? 1 : 0,
                                          .crawlers = HIN_VIEW("72.14.0.0/16")};
    *rig = (struct rig){.now_usec = INT64_C(1794304800) * HIN_SEC_USEC}; /* 2026-11-10 10:00 UTC */
    hin_zone_utc(&rig->zone);
    struct hin_log_config own = {.zone = &rig->zone};
    if (!hin_is_ok(hin_log_rules_load(&inputs, NULL, &rig->rules))) {
        test_fail(__FILE__, __LINE__, "the rules do not load");
        return false;
    }
    if (hin_log_rules_diagnostic_count(rig->rules) > 0) {
        const struct hin_log_diagnostic *d = hin_log_rules_diagnostic(rig->rules, 0);
        test_fail(__FILE__, __LINE__, "%s:%u:%u: %s", d->file, d->line, d->column, d->text);
        return false;
    }
    if (!hin_is_ok(hin_log_engine_new(rig->rules, config != NULL ? config : &own, &rig->engine))) {
        test_fail(__FILE__, __LINE__, "no engine");
        return false;
    }
    return true;
}

bool rig_init(struct rig *rig, const char *decoders, const char *text)
{
    return rig_init_with(rig, decoders, text, NULL, NULL);
}

void rig_done(struct rig *rig)
{
    hin_log_engine_free(rig->engine);
    hin_log_rules_free(rig->rules);
}

uint32_t rig_run(struct rig *rig, const char *line)
{
    const struct hin_log_line input = {
        hin_view_from_text(line), HIN_VIEW("/var/log/t"), rig->now_usec, rig->now_usec, NULL, 0};
    rig->last = hin_log_engine_run(rig->engine, &input);
    return rig->last->rule != NULL ? rig->last->rule->id : 0;
}

uint32_t rig_app(struct rig *rig, const char *text)
{
    char line[2048];
    snprintf(line, sizeof(line), "Nov 10 10:00:00 host app: %s", text);
    return rig_run(rig, line);
}

void rig_advance(struct rig *rig, int64_t seconds)
{
    rig->now_usec += seconds * HIN_SEC_USEC;
}

bool rig_restart(struct rig *rig)
{
    struct hin_buf image;
    struct hin_log_engine *fresh = NULL;
    const struct hin_log_config config = {.zone = &rig->zone};
    hin_buf_init(&image, (size_t)64 << 20);
    bool ok = hin_is_ok(hin_log_engine_state_save(rig->engine, &image)) &&
              hin_is_ok(hin_log_engine_new(rig->rules, &config, &fresh)) &&
              hin_is_ok(hin_log_engine_state_load(fresh, hin_buf_view(&image)));
    hin_buf_done(&image);
    hin_log_engine_free(rig->engine);
    rig->engine = fresh;
    return ok;
}
