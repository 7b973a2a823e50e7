/* Decoders: parents and children, offsets, continued regexes, plugins; hostile lines. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define ANY                                                                                        \
    "<group name=\"t,\"><rule id=\"100\" level=\"1\"><category>syslog</category>"                  \
    "<description>d</description></rule></group>"

static bool field_is(const struct rig *r, enum hin_log_field field, const char *text)
{
    return hin_view_equal(r->last->fields[field], hin_view_from_text(text)) ||
           (text == NULL && r->last->fields[field].data == NULL);
}

TEST(test_engine_log_decode__first_parent_then_first_child)
{
    struct rig r;
    CHECK(rig_init(
        &r,
        "<decoder name=\"p\"><program_name>^p</program_name><prematch>^one </prematch></decoder>"
        "<decoder name=\"q\"><program_name>^p</program_name></decoder>"
        "<decoder name=\"c1\"><parent>p</parent><prematch offset=\"after_parent\">^x</prematch>"
        "<regex offset=\"after_prematch\">^=(\\S+)</regex><order>id</order></decoder>"
        "<decoder name=\"c2\"><parent>p</parent><use_own_name>true</use_own_name>"
        "<prematch>one y</prematch><regex offset=\"after_parent\">^(\\S)</regex>"
        "<order>status</order></decoder>"
        "<decoder name=\"bare\"><prematch>^bare </prematch>"
        "<regex offset=\"after_prematch\">^(\\w+)</regex><order>user</order></decoder>",
        ANY));
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h p1: one x=7 z"), 100);
    CHECK(strcmp(r.last->decoder, "p") == 0 && field_is(&r, HIN_LOG_ID, "7"));
    (void)rig_run(&r, "Nov 10 10:00:00 h p1: one x-7");
    CHECK(strcmp(r.last->decoder, "p") == 0 && field_is(&r, HIN_LOG_ID, NULL));
    (void)rig_run(&r, "Nov 10 10:00:00 h p1: one y");
    CHECK(strcmp(r.last->decoder, "c2") == 0 && field_is(&r, HIN_LOG_STATUS, "y"));
    (void)rig_run(&r, "Nov 10 10:00:00 h p1: two");
    CHECK(strcmp(r.last->decoder, "q") == 0);
    (void)rig_run(&r, "bare metal");
    CHECK(strcmp(r.last->decoder, "bare") == 0 && field_is(&r, HIN_LOG_DSTUSER, "metal"));
    (void)rig_run(&r, "Nov 10 10:00:00 h z: bare metal"); /* a program: only decoders with one */
    CHECK(r.last->decoder == NULL);
    rig_done(&r);
}

TEST(test_engine_log_decode__children_of_one_name_continue_each_other)
{
    struct rig r;
    CHECK(rig_init(&r,
                   "<decoder name=\"p\"><program_name>^p$</program_name></decoder>"
                   "<decoder name=\"kv\"><parent>p</parent><prematch>kv:</prematch>"
                   "<pcre2 offset=\"after_prematch\">a=(\\d+)</pcre2><order>id</order></decoder>"
                   "<decoder name=\"kv\"><parent>p</parent>"
                   "<pcre2 offset=\"after_regex\">b=(\\d+)</pcre2><order>status</order></decoder>"
                   "<decoder name=\"kv\"><parent>p</parent>"
                   "<pcre2 offset=\"after_regex\">c=(\\d+) (x)?(y)</pcre2>"
                   "<order>url, shade, protocol</order></decoder>"
                   "<decoder name=\"rest\"><parent>p</parent><pcre2>z=(\\d+)</pcre2>"
                   "<order>action</order></decoder>",
                   ANY));
    (void)rig_run(&r, "Nov 10 10:00:00 h p: b=9 kv: a=1 b=2 c=3 y");
    CHECK(field_is(&r, HIN_LOG_ID, "1") && field_is(&r, HIN_LOG_STATUS, "2"));
    CHECK(field_is(&r, HIN_LOG_URL, "3"));
    /* a capture that took no part is left out: the next one gets its name */
    CHECK_INT(r.last->dynamic_count, 1);
    CHECK_VIEW(r.last->dynamic[0].value, "y");
    CHECK(strcmp(r.last->dynamic[0].name, "shade") == 0);
    (void)rig_run(&r, "Nov 10 10:00:00 h p: kv: a=1 c=3 xy"); /* one missing: the others still */
    CHECK(field_is(&r, HIN_LOG_ID, "1") && field_is(&r, HIN_LOG_STATUS, NULL));
    CHECK(field_is(&r, HIN_LOG_URL, "3") && field_is(&r, HIN_LOG_PROTOCOL, "y"));
    (void)rig_run(&r, "Nov 10 10:00:00 h p: z=4 a=1");
    CHECK(field_is(&r, HIN_LOG_ACTION, "4") && field_is(&r, HIN_LOG_ID, NULL));
    rig_done(&r);
}

TEST(test_engine_log_decode__runs_the_plugin_decoders)
{
    struct rig r;
    CHECK(rig_init(
        &r,
        "<decoder name=\"pf\"><program_name>^pf$</program_name>"
        "<plugin_decoder>PF_Decoder</plugin_decoder></decoder>"
        "<decoder name=\"sws\"><prematch>^\\d\\d\\d\\d\\d\\d\\d\\d,</prematch>"
        "<plugin_decoder>SymantecWS_Decoder</plugin_decoder></decoder>"
        "<decoder name=\"sonic\"><prematch>^id=firewall</prematch>"
        "<plugin_decoder>SonicWall_Decoder</plugin_decoder></decoder>"
        "<decoder name=\"oa\"><program_name>^ossec$</program_name>"
        "<plugin_decoder>OSSECAlert_Decoder</plugin_decoder></decoder>",
        ANY
        "<group name=\"fw\"><rule id=\"2\" level=\"0\" noalert=\"1\"><category>firewall</category>"
        "<description>d</description></rule><rule id=\"200\" level=\"5\">"
        "<category>firewall</category><action>drop</action><description>d</description></rule>"
        "</group>"));
    (void)rig_run(&r, "Mar 30 15:33:26 enigma pf: Mar 30 15:32:33.483712 rule 2/(match) pass in on "
                      "xl0: 140.211.166.3.6667 > 192.168.2.10.16290: P 7408:7677(269)");
    CHECK(field_is(&r, HIN_LOG_ACTION, "pass") && field_is(&r, HIN_LOG_SRCIP, "140.211.166.3"));
    CHECK(field_is(&r, HIN_LOG_SRCPORT, "6667") && field_is(&r, HIN_LOG_DSTIP, "192.168.2.10"));
    CHECK(field_is(&r, HIN_LOG_DSTPORT, "16290") && field_is(&r, HIN_LOG_PROTOCOL, "TCP"));
    (void)rig_run(&r, "20070717,73614,1=5,11=1.2.3.4,60=http://a.b/,10=userX,1000=2.5.2.4,2=27");
    CHECK(field_is(&r, HIN_LOG_SRCIP, "1.2.3.4") && field_is(&r, HIN_LOG_DSTUSER, "userX"));
    CHECK(field_is(&r, HIN_LOG_URL, "http://a.b/") && field_is(&r, HIN_LOG_ID, "2=27"));
    CHECK_INT(rig_run(&r,
                      "id=firewall sn=1 pri=5 c=64 m=36 msg=\"x\" n=2 src=67.101.200.27:4507:WAN "
                      "dst=67.32.44.2:445:LAN rule=0"),
              200);
    CHECK(field_is(&r, HIN_LOG_SRCIP, "67.101.200.27") && field_is(&r, HIN_LOG_DSTPORT, "445"));
    CHECK(field_is(&r, HIN_LOG_STATUS, "5") && field_is(&r, HIN_LOG_ID, "36"));
    (void)rig_run(&r,
                  "id=firewall pri=6 c=1024 m=97 src=1.2.3.4:1:LAN dst=4.3.2.1:80:WAN proto=tcp/80 "
                  "op=GET result=200 dstname=www.x.org arg=/index.html");
    CHECK(field_is(&r, HIN_LOG_ID, "200") && field_is(&r, HIN_LOG_URL, "www.x.org/index.html"));
    CHECK(field_is(&r, HIN_LOG_PROTOCOL, "tcp"));
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h ossec: Alert Level: 5; Rule: 200 - d; Location: a->b; "
                          "srcip: 9.9.9.9; user: root;  the line"),
              200);
    CHECK(field_is(&r, HIN_LOG_SRCIP, "9.9.9.9") && field_is(&r, HIN_LOG_DSTUSER, "root"));
    CHECK_VIEW(r.last->log, "the line");
    CHECK_VIEW(r.last->location, "/var/log/t|a->b");
    CHECK_INT(rig_run(&r, "Nov 10 10:00:00 h ossec: Alert Level: 5; Rule: 4711 - d; Location: a;"),
              0);
    rig_done(&r);
}

TEST(test_engine_log_decode__cuts_long_lines_and_takes_any_bytes)
{
    struct rig r;
    CHECK(rig_init(&r, NULL, ANY));
    size_t size = HIN_LOG_LINE_MAX_BYTES + 1000;
    char *text = malloc(size);
    CHECK(text != NULL);
    hin_fill(text, 'a', size);
    struct hin_log_line line = {hin_view_of(text, size), HIN_VIEW("x"), r.now_usec, 0, NULL, 0};
    r.last = hin_log_engine_run(r.engine, &line);
    bool cut =
        (r.last->flags & HIN_LOG_FLAG_CUT) != 0 && r.last->line.size == HIN_LOG_LINE_MAX_BYTES;
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(i * 7);
    }
    for (size_t i = 0; i < 600; i++) {
        line.line = hin_view_of(text + i, i);
        r.last = hin_log_engine_run(r.engine, &line);
    }
    free(text);
    rig_done(&r);
    CHECK(cut);
}
