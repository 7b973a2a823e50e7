/* One rule at a time: conditions, memory of single lines, and what the loader refuses. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define BASE                                                                                       \
    "<group name=\"t,\"><rule id=\"100\" level=\"0\"><decoded_as>app</decoded_as>"                 \
    "<description>app</description></rule>"
#define END "</group>"

TEST(test_engine_log_rules__orders_siblings_by_level_with_zero_first)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"3\"><if_sid>100</if_sid><match>x</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"102\" level=\"9\"><if_sid>100</if_sid><match>x</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"103\" level=\"0\"><if_sid>100</if_sid><match>xz</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"104\" level=\"9\"><if_sid>100</if_sid><match>x</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"105\" level=\"15\" accuracy=\"0\"><if_sid>100</if_sid>"
                        "<match>x|last</match><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "x"), 102);
    CHECK_INT(rig_app(&r, "xz"), 103);
    CHECK(!r.last->alert);
    CHECK_INT(rig_app(&r, "last"), 105);
    CHECK_INT(rig_app(&r, "other"), 100);
    CHECK_INT(rig_run(&r, "no header"), 0);
    CHECK(r.last->decoder == NULL);
    rig_done(&r);
}

TEST(test_engine_log_rules__hangs_a_rule_under_all_its_parents)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"110\" level=\"4\"><if_sid>101, 102</if_sid><match>deep</match>"
                        "<description>d</description></rule>" /* before its parents */
                        "<rule id=\"101\" level=\"3\"><if_sid>100</if_sid><match>one</match>"
                        "<description>d</description><group>g1,</group></rule>"
                        "<rule id=\"102\" level=\"3\"><if_sid>100</if_sid><match>two</match>"
                        "<description>d</description><group>g2,</group></rule>"
                        "<rule id=\"111\" level=\"5\"><if_group>g2</if_group><match>grp</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"112\" level=\"6\"><if_level>3</if_level><match>lvl</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"113\" level=\"7\"><if_sid>110</if_sid><match>deeper</match>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "one"), 101);
    CHECK_INT(rig_app(&r, "one deep"), 110);
    CHECK_INT(rig_app(&r, "two deep"), 110);
    CHECK_INT(rig_app(&r, "two deeper"), 113);
    CHECK_INT(rig_app(&r, "one deeper"), 113);
    CHECK_INT(rig_app(&r, "two grp"), 111);
    CHECK_INT(rig_app(&r, "one grp"), 101);
    CHECK_INT(rig_app(&r, "one lvl"), 112);
    rig_done(&r);
}

TEST(test_engine_log_rules__noalert_leaves_the_line_to_the_next)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"9\" noalert=\"1\"><if_sid>100</if_sid>"
                        "<match>x</match><description>d</description></rule>"
                        "<rule id=\"102\" level=\"4\"><if_sid>101</if_sid><match>y</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"103\" level=\"2\"><if_sid>100</if_sid><match>x</match>"
                        "<description>d</description><options>no_log</options></rule>" END));
    CHECK_INT(rig_app(&r, "xy"), 102);
    CHECK(r.last->alert);
    CHECK_INT(rig_app(&r, "x"), 103);
    CHECK(!r.last->alert);
    rig_done(&r);
}

TEST(test_engine_log_rules__overwrite_keeps_the_place_in_the_tree)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"3\"><if_sid>100</if_sid><match>old</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"102\" level=\"4\"><if_sid>101</if_sid><match>sub</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"101\" level=\"7\" overwrite=\"yes\"><match>new</match>"
                        "<description>other</description></rule>" END));
    CHECK_INT(rig_app(&r, "old"), 100);
    CHECK_INT(rig_app(&r, "new"), 101);
    CHECK_INT(r.last->rule->level, 7);
    CHECK_VIEW(r.last->description, "other");
    CHECK_INT(rig_app(&r, "new sub"), 102);
    rig_done(&r);
}

TEST(test_engine_log_rules__ignore_time_silences_a_rule)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"3\" ignore=\"60\"><if_sid>100</if_sid>"
                        "<match>x</match><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "x"), 101);
    CHECK(r.last->alert && r.last->flags == 0);
    rig_advance(&r, 59);
    CHECK_INT(rig_app(&r, "x"), 101);
    CHECK(!r.last->alert && r.last->flags == HIN_LOG_FLAG_IGNORED);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, "x"), 101);
    CHECK(!r.last->alert);
    rig_advance(&r, 1);
    CHECK_INT(rig_app(&r, "x"), 101);
    CHECK(r.last->alert);
    rig_done(&r);
}

TEST(test_engine_log_rules__ignore_list_silences_other_rules)
{
    struct rig r;
    CHECK(rig_init(
        &r, NULL,
        BASE
        "<rule id=\"101\" level=\"3\"><if_sid>100</if_sid><match>mute</match>"
        "<ignore>srcip, id</ignore><description>d</description></rule>"
        "<rule id=\"102\" level=\"5\"><if_sid>100</if_sid><match>loud</match>"
        "<check_if_ignored>srcip, id</check_if_ignored><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "user=a ip=1.1.1.1 id=7 url=/ loud"), 102);
    CHECK(r.last->alert);
    CHECK_INT(rig_app(&r, "user=a ip=1.1.1.1 id=7 url=/ mute"), 101);
    CHECK(r.last->alert);
    CHECK_INT(rig_app(&r, "user=b ip=1.1.1.1 id=7 url=/ loud"), 102);
    CHECK(!r.last->alert && r.last->flags == HIN_LOG_FLAG_IGNORED);
    CHECK_INT(rig_app(&r, "user=b ip=1.1.1.1 id=8 url=/ loud"), 102);
    CHECK(r.last->alert);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, "user=b ip=1.1.1.1 id=7 url=/ loud"), 102);
    CHECK(!r.last->alert);
    rig_done(&r);
}

TEST(test_engine_log_rules__if_fts_fires_once_for_a_key)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"4\"><if_sid>100</if_sid><if_fts/>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "user=a ip=1.1.1.1 id=7 url=/"), 101);
    CHECK_INT(rig_app(&r, "user=a ip=2.2.2.2 id=8 url=/"), 100); /* the key is user, location */
    CHECK_INT(rig_app(&r, "user=b ip=1.1.1.1 id=7 url=/"), 101);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, "user=b ip=1.1.1.1 id=7 url=/"), 100);
    CHECK_INT(rig_app(&r, "no fields"), 100); /* its decoder has no fts */
    rig_done(&r);
}

TEST(test_engine_log_rules__if_fts_folds_what_is_alike_of_type_ids)
{
    struct rig r;
    CHECK(rig_init(&r,
                   "<decoder name=\"nids\"><program_name>^nids$</program_name><type>ids</type>"
                   "<pcre2>^(\\S+) (\\S+)</pcre2><order>id, srcip</order>"
                   "<fts>name, id, srcip</fts></decoder>",
                   "<group name=\"ids,\"><rule id=\"20\" level=\"8\"><category>ids</category>"
                   "<if_fts/><description>d</description></rule></group>"));
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: signature-7 1.1.1.1"), 20);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: signature-7 1.1.1.1"), 0);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: signature-7 1.1.1.2"), 20);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: signature-7 1.1.1.3"), 20);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: signature-7 1.1.1.4"), 20); /* once as a kind */
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: signature-7 1.1.1.5"), 0);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h nids: another-one 1.1.1.5"), 20);
    rig_done(&r);
}

TEST(test_engine_log_rules__check_diff_tells_changed_output)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"7\"><if_sid>100</if_sid><match>output</match>"
                        "<check_diff/><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "output a"), 100);
    CHECK_INT(rig_app(&r, "output a"), 100);
    CHECK_INT(rig_app(&r, "output b"), 101);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, "output b"), 100);
    CHECK_INT(rig_app(&r, "output a"), 101);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 other app: output z"), 100); /* its own last output */
    rig_done(&r);
}

TEST(test_engine_log_rules__accumulate_joins_fields_by_id)
{
    struct rig r;
    CHECK(
        rig_init(&r,
                 "<decoder name=\"acc\"><program_name>^acc$</program_name><accumulate/></decoder>"
                 "<decoder name=\"acc-1\"><parent>acc</parent><prematch>^conn</prematch>"
                 "<pcre2>id=(\\S+) ip=(\\S+)</pcre2><order>id, srcip</order><accumulate/></decoder>"
                 "<decoder name=\"acc-2\"><parent>acc</parent><pcre2>id=(\\S+)</pcre2>"
                 "<order>id</order><accumulate/></decoder>",
                 "<group name=\"t,\"><rule id=\"100\" level=\"3\"><decoded_as>acc</decoded_as>"
                 "<srcip>10.0.0.0/8</srcip><match>fail</match>"
                 "<description>d</description></rule></group>"));
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h acc: conn id=5 ip=10.1.2.3"), 0);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h acc: fail id=6"), 0);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h acc: fail id=5"), 100);
    CHECK_VIEW(r.last->fields[HIN_LOG_SRCIP], "10.1.2.3");
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 i acc: fail id=5"), 0); /* another host */
    CHECK(rig_restart(&r));
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h acc: fail id=5"), 100);
    rig_advance(&r, 121);
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h acc: fail id=5"), 0);
    rig_done(&r);
}

TEST(test_engine_log_rules__looks_into_lists)
{
    static const char text[] = "1.1.1.1:bad\n10.2.:net\n#x\nroot:admin\n1.1.1.1:second\n";
    const struct hin_log_input list = {"lists/known", hin_view_from_text(text)};
    struct rig r;
    CHECK(rig_init_with(
        &r, NULL,
        BASE
        "<rule id=\"101\" level=\"9\"><if_sid>100</if_sid>"
        "<list field=\"srcip\" lookup=\"match_key_value\" check_value=\"bad\">lists/known</list>"
        "<description>d</description></rule>"
        "<rule id=\"102\" level=\"8\"><if_sid>100</if_sid>"
        "<list field=\"srcip\" lookup=\"address_match_key\">known</list>"
        "<description>d</description></rule>"
        "<rule id=\"103\" level=\"7\"><if_sid>100</if_sid><match>url=/n</match>"
        "<list field=\"user\" lookup=\"not_match_key\">lists/known</list>"
        "<description>d</description></rule>" END,
        NULL, &list));
    CHECK_INT(rig_app(&r, "user=a ip=1.1.1.1 id=7 url=/"), 101);
    CHECK_INT(rig_app(&r, "user=a ip=10.2.3.4 id=7 url=/"), 102);
    CHECK_INT(rig_app(&r, "user=a ip=10.3.3.4 id=7 url=/"), 100);
    CHECK_INT(rig_app(&r, "user=a ip=10.3.3.4 id=7 url=/n"), 103);
    CHECK_INT(rig_app(&r, "user=root ip=10.3.3.4 id=7 url=/n"), 100);
    CHECK_INT(rig_app(&r, "nothing"), 100);
    rig_done(&r);
}

TEST(test_engine_log_rules__knows_time_and_weekday_of_the_zone)
{
    struct rig r;
    struct hin_zone zone;
    hin_zone_fixed(&zone, 3 * 3600);
    struct hin_log_config config = {.zone = &zone};
    CHECK(rig_init_with(&r, NULL,
                        BASE "<rule id=\"101\" level=\"9\"><if_sid>100</if_sid><match>n</match>"
                             "<time>6 pm - 8:30 am</time><description>d</description></rule>"
                             "<rule id=\"102\" level=\"8\"><if_sid>100</if_sid><match>w</match>"
                             "<weekday>weekends</weekday><description>d</description></rule>"
                             "<rule id=\"103\" level=\"7\"><if_sid>100</if_sid><match>w</match>"
                             "<weekday>!monday - thursday</weekday>"
                             "<description>d</description></rule>" END,
                        &config, NULL));
    /* Tuesday 10:00 UTC is 13:00 here */
    CHECK_INT(rig_app(&r, "n"), 100);
    CHECK_INT(rig_app(&r, "w"), 100);
    rig_advance(&r, 5 * 3600); /* 18:00: the end of the day counts */
    CHECK_INT(rig_app(&r, "n"), 100);
    rig_advance(&r, 60);
    CHECK_INT(rig_app(&r, "n"), 101);
    rig_advance(&r, 3 * 86400); /* Friday */
    CHECK_INT(rig_app(&r, "w"), 103);
    rig_advance(&r, 5 * 3600 + 58 * 60); /* 23:59 */
    CHECK_INT(rig_app(&r, "w"), 103);
    rig_advance(&r, 60); /* Saturday 00:00 here, Friday in UTC */
    CHECK_INT(rig_app(&r, "w"), 102);
    CHECK_INT(rig_app(&r, "n"), 101);
    rig_done(&r);
}

TEST(test_engine_log_rules__checks_fields_addresses_and_compiled_rules)
{
    struct rig r;
    CHECK(rig_init(
        &r, NULL,
        BASE "<rule id=\"101\" level=\"9\"><if_sid>100</if_sid><srcip>!10.0.0.0/8</srcip>"
             "<srcip>192.168.0.0/16</srcip><description>d</description></rule>"
             "<rule id=\"102\" level=\"8\"><if_sid>100</if_sid><user>^adm|bob$</user>"
             "<description>d</description></rule>"
             "<rule id=\"103\" level=\"7\"><if_sid>100</if_sid><url_pcre2>^/x</url_pcre2>"
             "<compiled_rule>is_simple_http_request</compiled_rule>"
             "<description>d</description></rule>"
             "<rule id=\"104\" level=\"6\"><if_sid>100</if_sid>"
             "<compiled_rule>is_valid_crawler</compiled_rule><description>d</description></rule>"
             "<rule id=\"105\" level=\"5\"><if_sid>100</if_sid>"
             "<compiled_rule>check_id_size</compiled_rule><description>d</description></rule>"
             "<rule id=\"106\" level=\"4\" maxsize=\"60\"><if_sid>100</if_sid>"
             "<description>d</description></rule>"
             "<rule id=\"107\" level=\"3\"><if_sid>100</if_sid><hostname>^ho</hostname>"
             "<location>/var/log/t</location><match>here</match>"
             "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "user=x ip=192.168.1.1 id=7 url=/"), 101);
    CHECK_INT(rig_app(&r, "user=x ip=10.1.1.1 id=7 url=/"), 100);
    CHECK_INT(rig_app(&r, "user=Admin ip=10.1.1.1 id=7 url=/"), 102);
    CHECK_INT(rig_app(&r, "user=xbob ip=10.1.1.1 id=7 url=/"), 102);
    CHECK_INT(rig_app(&r, "user=bobx ip=10.1.1.1 id=7 url=/"), 100);
    CHECK_INT(rig_app(&r, "user=x ip=10.1.1.1 id=7 url=/X/y"), 103); /* _pcre2 folds case */
    CHECK_INT(rig_app(&r, "user=x ip=10.1.1.1 id=7 url=/x?y"), 100);
    CHECK_INT(rig_app(&r, "user=x ip=72.14.3.4 id=7 url=/"), 104);
    CHECK_INT(rig_app(&r, "user=x ip=10.1.1.1 id=0123456789 url=/"), 105);
    CHECK_INT(rig_app(&r, "user=x ip=10.1.1.1 id=7 url=/ and so on, until there are sixty bytes"),
              106);
    CHECK_INT(rig_app(&r, "here"), 107);
    rig_done(&r);
}

TEST(test_engine_log_rules__expands_variables_of_its_file)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   "<var name=\"WORDS\">alpha|beta$</var><var name=\"LEVEL\">6</var>" BASE
                   "<rule id=\"101\" level=\"$LEVEL\"><if_sid>100</if_sid><match>$WORDS</match>"
                   "<description>$UNKNOWN costs $</description></rule>"
                   "<rule id=\"102\" level=\"3\"><if_sid>100</if_sid>"
                   "<pcre2>^(?:$WORDS|gam$)$</pcre2><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "x ALPHA x"), 101);
    CHECK_INT(r.last->rule->level, 6);
    CHECK_VIEW(r.last->description, "$UNKNOWN costs $");
    CHECK_INT(rig_app(&r, "beta"), 101);
    CHECK_INT(rig_app(&r, "beta x"), 100);
    CHECK_INT(rig_app(&r, "gam"), 102);
    rig_done(&r);
}

TEST(test_engine_log_rules__knows_groups_and_techniques)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"101\" level=\"6\"><if_sid>100</if_sid><match>x</match>"
                        "<description>d</description><group>pci_dss_10.2.4,t,</group>"
                        "<mitre><id>T1110</id><id>T1021.004</id></mitre>"
                        "<info type=\"link\">http://x</info></rule>" END));
    const struct hin_log_rule_info *info = hin_log_rules_find(r.rules, 101);
    CHECK(info != NULL && hin_log_rules_find(r.rules, 999) == NULL);
    CHECK_INT(info->group_count, 2);
    CHECK(strcmp(info->groups[0], "t") == 0 && strcmp(info->groups[1], "pci_dss_10.2.4") == 0);
    CHECK_INT(info->mitre_count, 2);
    CHECK(strcmp(info->mitre[1], "T1021.004") == 0);
    CHECK(strcmp(info->info, "http://x") == 0);
    CHECK(!info->composite);
    rig_done(&r);
}

/* ---- what is refused ----------------------------------------------------------------------- */

struct refusal {
    const char *text;
    uint32_t line, column;
    const char *says;
};

static void check_refused(const struct refusal *c, bool as_decoders)
{
    const struct hin_log_input decoders[] = {
        {"decoder.xml", hin_view_from_text(rig_decoders)},
        {"bad.xml", hin_view_from_text(c->text)},
    };
    const struct hin_log_input files[] = {
        {"rules_config.xml", hin_view_from_text(rig_templates)},
        {"good.xml", hin_view_from_text(BASE END)},
        {"bad.xml", hin_view_from_text(c->text)},
    };
    const struct hin_log_inputs inputs = {.decoders = decoders,
                                          .decoder_count = as_decoders ? 2 : 1,
                                          .rules = files,
                                          .rule_count = as_decoders ? 2 : 3};
    struct hin_log_rules *rules = NULL;
    CHECK_OK(hin_log_rules_load(&inputs, NULL, &rules));
    const struct hin_log_diagnostic *d = hin_log_rules_diagnostic(rules, 0);
    if (d == NULL || strcmp(d->file, "bad.xml") != 0 || d->line != c->line ||
        d->column != c->column || strstr(d->text, c->says) == NULL) {
        test_fail(__FILE__, __LINE__, "%s\n  says %s:%u:%u: %s", c->text, d ? d->file : "nothing",
                  d ? d->line : 0, d ? d->column : 0, d ? d->text : "");
    }
    bool whole = hin_log_rules_error_count(rules) == 1 &&
                 !hin_log_rules_file_loaded(rules, "bad.xml") &&
                 hin_log_rules_file_loaded(rules, "rules_config.xml");
    bool left_out = hin_log_rules_find(rules, 500) == NULL;
    hin_log_rules_free(rules);
    CHECK(whole && left_out);
}

TEST(test_engine_log_rules__refuses_wrong_rule_files_with_their_place)
{
#define R(attributes, body)                                                                        \
    "<group name=\"g\">\n<rule id=\"500\" level=\"3\"><match>ok</match></rule>\n "                 \
    "<rule " attributes ">" body "</rule>\n</group>"
    static const struct refusal cases[] = {
        {R("id=\"501\" level=\"3\"", "<mach>x</mach>"), 3, 27, "unknown element <mach>"},
        {R("id=\"501\" level=\"17\"", "<match>x</match>"), 3, 24, "level=\"17\""},
        {R("id=\"x\" level=\"1\"", "<match>x</match>"), 3, 12, "id=\"x\""},
        {R("level=\"1\"", "<match>x</match>"), 3, 2, "needs an id"},
        {R("id=\"501\" level=\"3\" colour=\"1\"", "<match>x</match>"), 3, 27, "colour"},
        {R("id=\"501\" level=\"3\" overwrite=\"maybe\"", "<match>x</match>"), 3, 38, "maybe"},
        {R("id=\"501\" level=\"3\"", "<pcre2>ab(c</pcre2>"), 3, 38, "<pcre2> is wrong"},
        {R("id=\"501\" level=\"3\"", "<decoded_as>nobody</decoded_as>"), 3, 39, "nobody"},
        {R("id=\"501\" level=\"3\"", "<category>x</category>"), 3, 37, "category"},
        {R("id=\"501\" level=\"3\"", "<if_sid>12x</if_sid>"), 3, 35, "if_sid"},
        {R("id=\"501\" level=\"3\"", "<if_sid>4711</if_sid>"), 3, 2, "rule 4711"},
        {R("id=\"501\" level=\"3\"", "<if_group>none</if_group>"), 3, 2, "group 'none'"},
        {R("id=\"501\" level=\"3\"", "<if_level>99</if_level>"), 3, 37, "if_level"},
        {R("id=\"501\" level=\"3\" frequency=\"3\"", "<match>x</match>"), 3, 2, "if_matched_"},
        {R("id=\"501\" level=\"3\"", "<same_user/>"), 3, 2, "if_matched_"},
        {R("id=\"501\" level=\"3\"", "<time>25 - 26</time>"), 3, 33, "time span"},
        {R("id=\"501\" level=\"3\"", "<weekday>someday</weekday>"), 3, 36, "names no days"},
        {R("id=\"501\" level=\"3\"", "<srcip>300.1.1.1</srcip>"), 3, 34, "srcip"},
        {R("id=\"501\" level=\"3\"", "<compiled_rule>rm</compiled_rule>"), 3, 42, "rm"},
        {R("id=\"501\" level=\"3\"", "<options>shout</options>"), 3, 36, "shout"},
        {R("id=\"501\" level=\"3\"", "<ignore>colour</ignore>"), 3, 35, "colour"},
        {R("id=\"501\" level=\"3\"", "<list field=\"srcip\">nowhere</list>"), 3, 47, "nowhere"},
        {R("id=\"501\" level=\"3\"", "<list>x</list>"), 3, 27, "needs field"},
        {R("id=\"501\" level=\"3\"", "<match negate=\"yes\">x</match>"), 3, 34, "negate"},
        {R("id=\"501\" level=\"3\"", "<field>x</field>"), 3, 27, "needs a name"},
        {R("id=\"100\" level=\"3\"", "<match>x</match>"), 3, 2, "is taken by good.xml line 1"},
        {R("id=\"501\" level=\"3\" overwrite=\"yes\"", "<match>x</match>"), 3, 2, "no rule before"},
        {R("id=\"501\" level=\"3\"", ""), 3, 2, "empty"},
        {"<group name=\"g\">\n  <rule id=\"1\"", 2, 15, "file ends"},
        {"<rule id=\"500\" level=\"3\"/>", 1, 1, "only <group> and <var>"},
        {"<group><rule id=\"500\" level=\"1\"><match>x</match></rule></group>", 1, 1, "name="},
        {"<group name=\"g\">\n<!-- x</group>", 2, 1, "comment"},
        {"<var>x</var>", 1, 1, "<var> needs"},
    };
#undef R
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        check_refused(&cases[i], false);
    }
}

TEST(test_engine_log_rules__refuses_links_that_explode)
{
    static char text[8192];
    size_t size = (size_t)snprintf(text, sizeof(text), "<group name=\"g,\">\n");
    for (unsigned i = 0; i < 30; i++) { /* each hangs under all before it: doubles the tree */
        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 "<rule id=\"%u\" level=\"3\"><if_group>%s</if_group></rule>\n",
                                 600 + i, i == 0 ? "t" : "g");
    }
    snprintf(text + size, sizeof(text) - size, "</group>");
    const struct hin_log_input decoders[] = {{"decoder.xml", hin_view_from_text(rig_decoders)}};
    const struct hin_log_input files[] = {{"rules_config.xml", hin_view_from_text(rig_templates)},
                                          {"good.xml", hin_view_from_text(BASE END)},
                                          {"bad.xml", hin_view_from_text(text)}};
    const struct hin_log_inputs inputs = {
        .decoders = decoders, .decoder_count = 1, .rules = files, .rule_count = 3};
    struct hin_log_rules *rules = NULL;
    CHECK_OK(hin_log_rules_load(&inputs, NULL, &rules));
    bool refused = !hin_log_rules_file_loaded(rules, "bad.xml") &&
                   hin_log_rules_diagnostic_count(rules) == 1 &&
                   strstr(hin_log_rules_diagnostic(rules, 0)->text, "too large") != NULL &&
                   hin_log_rules_find(rules, 100) != NULL;
    hin_log_rules_free(rules);
    CHECK(refused);
}

TEST(test_engine_log_rules__refuses_wrong_decoder_files_with_their_place)
{
#define D(body) "\n <decoder name=\"d\">" body "</decoder>"
    static const struct refusal cases[] = {
        {D("<prematch>x</prematch><colour/>"), 2, 42, "<colour>"},
        {D("<prematch offset=\"after_lunch\">x</prematch>"), 2, 38, "after_lunch"},
        {D("<prematch offset=\"after_regex\">x</prematch>"), 2, 20, "only have offset"},
        {D("<order>id</order>"), 2, 2, "nothing selects it"},
        {D("<prematch>x</prematch><order>id</order>"), 2, 2, "<order> without"},
        {D("<prematch>x</prematch><fts>name</fts>"), 2, 2, "<fts> without"},
        {D("<prematch>x</prematch><regex>(x)</regex>"), 2, 2, "without <order>"},
        {D("<prematch>x</prematch><regex offset=\"after_parent\">(x)</regex><order>id</order>"), 2,
         2, "without <parent>"},
        {D("<parent>nobody</parent><prematch>x</prematch>"), 2, 2, "'nobody' does not stand"},
        {D("<prematch>x</prematch><type>odd</type>"), 2, 42, "odd"},
        {D("<prematch>x</prematch><plugin_decoder>odd</plugin_decoder>"), 2, 42, "odd"},
        {D("<prematch_pcre2>x(</prematch_pcre2>"), 2, 38, "prematch_pcre2> is wrong"},
        {D("<parent>app</parent><regex offset=\"after_regex\">(x)</regex><order>id</order>"), 2, 2,
         "no earlier child"},
        {D(""), 2, 2, "empty"},
        {"<rule/>", 1, 1, "only <decoder>"},
        {"<decoder/>", 1, 1, "needs a name"},
        {"<decoder name=\"x\" colour=\"y\"/>", 1, 19, "colour"},
    };
#undef D
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        check_refused(&cases[i], true);
    }
}

TEST(test_engine_log_rules__keeps_a_cache_for_these_inputs_only)
{
    const struct hin_log_input decoders[] = {{"decoder.xml", hin_view_from_text(rig_decoders)}};
    struct hin_log_input files[] = {{"rules_config.xml", hin_view_from_text(rig_templates)},
                                    {"t.xml", hin_view_from_text(BASE END)}};
    const struct hin_log_inputs inputs = {
        .decoders = decoders, .decoder_count = 1, .rules = files, .rule_count = 2};
    struct hin_log_rules *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;
    struct hin_buf image;
    hin_buf_init(&image, 64 << 20);
    CHECK_OK(hin_log_rules_load(&inputs, NULL, &first));
    CHECK(!hin_log_rules_cache_used(first));
    CHECK_OK(hin_log_rules_cache_save(first, &image));
    struct hin_log_load_options options = {.cache = hin_buf_view(&image)};
    CHECK_OK(hin_log_rules_load(&inputs, &options, &second));
    CHECK(hin_log_rules_cache_used(second));
    files[1].text = HIN_VIEW(BASE " " END);
    CHECK_OK(hin_log_rules_load(&inputs, &options, &third));
    CHECK(!hin_log_rules_cache_used(third));
    files[1].text = hin_view_from_text(BASE END);
    image.data[image.size - 5] ^= 1;
    CHECK_OK(hin_log_rules_load(&inputs, &options, &fourth));
    CHECK(!hin_log_rules_cache_used(fourth));
    for (size_t size = 0; size < image.size; size += 211) {
        struct hin_log_rules *cut = NULL;
        options.cache = hin_view_of(image.data, size);
        CHECK_OK(hin_log_rules_load(&inputs, &options, &cut));
        bool used = hin_log_rules_cache_used(cut);
        hin_log_rules_free(cut);
        CHECK(!used);
    }
    hin_log_rules_free(first);
    hin_log_rules_free(second);
    hin_log_rules_free(third);
    hin_log_rules_free(fourth);
    hin_buf_done(&image);
}
