/* Rules that look at several lines: counting, keys, time, floods, restarts. */
#include <stdio.h>

#include "rig.h"

#define BASE                                                                                       \
    "<group name=\"t,\"><rule id=\"100\" level=\"0\"><decoded_as>app</decoded_as>"                 \
    "<description>app</description></rule>"                                                        \
    "<rule id=\"101\" level=\"5\"><if_sid>100</if_sid><match>fail</match>"                         \
    "<description>failed</description><group>auth_fail,</group></rule>"
#define END "</group>"

static char *text_of(const char *user, const char *ip, const char *id, const char *url)
{
    static char text[256];
    snprintf(text, sizeof(text), "user=%s ip=%s id=%s url=%s fail", user, ip, id, url);
    return text;
}

static char *from(const char *ip)
{
    return text_of("u", ip, "1", "/");
}

TEST(test_engine_log_composite__fires_on_frequency_plus_two)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"4\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><same_source_ip/>"
                        "<description>$(srcip) fails</description></rule>" END));
    for (int i = 0; i < 5; i++) {
        CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
        CHECK_INT(rig_app(&r, from("2.2.2.2")), 101); /* another source does not count */
    }
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 200);
    CHECK_VIEW(r.last->description, "1.1.1.1 fails");
    CHECK(r.last->alert);
    /* The evidence is used: it takes as many again. The other source has its own. */
    CHECK_INT(rig_app(&r, from("2.2.2.2")), 200);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    }
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__counts_only_within_the_time_frame)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"1\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    rig_advance(&r, 30);
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    rig_advance(&r, 30); /* the first is 60 s old: still in */
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 200);
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    rig_advance(&r, 61);
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__needs_the_value_that_must_be_the_same)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"0\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><same_id/><same_user/>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "fail without fields"), 101);
    CHECK_INT(rig_app(&r, "fail without fields"), 101);
    CHECK_INT(rig_app(&r, text_of("a", "1", "7", "/")), 101);
    CHECK_INT(rig_app(&r, text_of("b", "1", "7", "/")), 101);
    CHECK_INT(rig_app(&r, text_of("a", "1", "8", "/")), 101);
    CHECK_INT(rig_app(&r, text_of("a", "9", "7", "/x")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__takes_back_a_key_with_not_same)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"0\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><same_source_ip/>"
                        "<not_same_source_ip/><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    CHECK_INT(rig_app(&r, from("2.2.2.2")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__counts_different_urls_of_one_source)
{
    struct rig r;
    char url[32];
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"2\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><same_source_ip/><different_url/>"
                        "<description>d</description></rule>" END));
    for (int i = 0; i < 20; i++) {
        CHECK_INT(rig_app(&r, text_of("u", "1.1.1.1", "1", "/same")), 101);
    }
    CHECK_INT(rig_app(&r, text_of("u", "1.1.1.1", "1", "/other")), 200);
    for (int i = 0; i < 3; i++) {
        snprintf(url, sizeof(url), "/%d", i);
        CHECK_INT(rig_app(&r, text_of("u", "2.2.2.2", "1", url)), 101);
    }
    /* a flood of one value does not push the others out */
    for (int i = 0; i < 5000; i++) {
        uint32_t fired = rig_app(&r, text_of("u", "2.2.2.2", "1", "/1"));
        CHECK(fired == 101);
    }
    CHECK_INT(rig_app(&r, text_of("u", "2.2.2.2", "1", "/new")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__counts_each_destination_port_once)
{
    struct rig r;
    char line[160];
    CHECK(rig_init(&r,
                   "<decoder name=\"app\"><program_name>^app</program_name>"
                   "<pcre2>from=(\\S+) to=(\\d+)</pcre2><order>srcip, dstport</order></decoder>",
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"2\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><same_source_ip/>"
                        "<different_dst_port/><description>d</description></rule>" END));
    for (int i = 0; i < 50; i++) {
        CHECK_INT(rig_app(&r, "fail from=1.1.1.1 to=161"), 101);
    }
    CHECK_INT(rig_app(&r, "fail from=1.1.1.1 to=162"), 101);
    CHECK_INT(rig_app(&r, "fail from=2.2.2.2 to=163"), 101);
    CHECK_INT(rig_app(&r, "fail without a port from=1.1.1.1"), 101);
    CHECK_INT(rig_app(&r, "fail from=1.1.1.1 to=163"), 101);
    CHECK_INT(rig_app(&r, "fail from=1.1.1.1 to=162"), 101);
    CHECK_INT(rig_app(&r, "fail from=1.1.1.1 to=164"), 200);
    for (int i = 0; i < 4; i++) {
        snprintf(line, sizeof(line), "fail from=3.3.3.3 to=%d", i);
        CHECK_INT(rig_app(&r, line), i < 3 ? 101 : 200);
    }
    rig_done(&r);
}

TEST(test_engine_log_composite__counts_a_repeated_message_as_often_as_it_says)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"4\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><description>d</description></rule>"
                        "<rule id=\"102\" level=\"3\"><if_sid>100</if_sid><match>fine</match>"
                        "<description>d</description></rule>"
                        "<rule id=\"201\" level=\"12\" frequency=\"4\" timeframe=\"60\">"
                        "<if_sid>102</if_sid><if_matched_sid>101</if_matched_sid>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "message repeated 9 times: [ fine]"), 102); /* brings no failure */
    CHECK_INT(rig_app(&r, "fail"), 101);
    CHECK_INT(rig_app(&r, "message repeated 4 times: [ fail]"), 101);
    CHECK_INT(rig_app(&r, "message repeated 3 times: [ fine]"), 201); /* five stand there */
    CHECK_INT(rig_app(&r, "message repeated 5 times: [ fail]"), 101);
    CHECK_INT(rig_app(&r, "fail"), 200);
    CHECK_INT(rig_app(&r, "message repeated 6 times: [ fail]"), 200); /* alone */
    CHECK_INT(rig_app(&r, "message repeated 99999999 times: [ fail]"), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__counts_a_group_over_several_rules)
{
    struct rig r;
    CHECK(rig_init(
        &r, NULL,
        BASE
        "<rule id=\"102\" level=\"6\"><if_sid>100</if_sid><match>denied</match>"
        "<description>d</description><group>auth_fail,</group></rule>"
        "<rule id=\"103\" level=\"3\"><if_sid>100</if_sid><match>fine</match>"
        "<description>d</description><group>auth_ok,</group></rule>"
        "<rule id=\"200\" level=\"10\" frequency=\"1\" timeframe=\"60\">"
        "<if_matched_group>auth_fail</if_matched_group><description>d</description>"
        "<group>many_fail,</group></rule>"
        "<rule id=\"201\" level=\"12\" timeframe=\"60\"><if_group>auth_ok</if_group>"
        "<if_matched_group>many_fail</if_matched_group><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "fail"), 101);
    CHECK_INT(rig_app(&r, "fine"), 103);
    CHECK_INT(rig_app(&r, "denied"), 102);
    CHECK_INT(rig_app(&r, "fail"), 200);
    CHECK_INT(rig_app(&r, "fine"), 201);
    CHECK_INT(rig_app(&r, "fine"), 103);
    rig_done(&r);
}

TEST(test_engine_log_composite__matches_a_regex_over_earlier_lines)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"1\" timeframe=\"60\">"
                        "<if_sid>101</if_sid><if_matched_regex>id=\\d+ url=/x</if_matched_regex>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, text_of("u", "1", "1", "/x")), 101);
    CHECK_INT(rig_app(&r, text_of("u", "1", "1", "/y")), 101);
    CHECK_INT(rig_app(&r, text_of("u", "1", "2", "/x")), 101);
    CHECK_INT(rig_app(&r, text_of("u", "1", "1", "/y")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__a_higher_rule_counts_what_a_lower_one_used)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE
                   "<rule id=\"200\" level=\"8\" frequency=\"1\" timeframe=\"60\">"
                   "<if_matched_sid>101</if_matched_sid><description>d</description></rule>"
                   "<rule id=\"201\" level=\"12\" frequency=\"2\" timeframe=\"60\">"
                   "<if_matched_sid>101</if_matched_sid><description>d</description></rule>"
                   "<rule id=\"202\" level=\"7\" frequency=\"3\" timeframe=\"60\">"
                   "<if_matched_sid>101</if_matched_sid><description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "fail"), 101);
    CHECK_INT(rig_app(&r, "fail"), 101);
    CHECK_INT(rig_app(&r, "fail"), 200); /* uses both for level 8 and below */
    CHECK_INT(rig_app(&r, "fail"), 101);
    CHECK_INT(rig_app(&r, "fail"), 201); /* level 12 counts all three */
    CHECK_INT(rig_app(&r, "fail"), 101);
    rig_done(&r);
}

TEST(test_engine_log_composite__stands_a_flood_of_other_lines)
{
    struct rig r;
    char ip[32];
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"4\" timeframe=\"600\">"
                        "<if_matched_sid>101</if_matched_sid><same_source_ip/>"
                        "<description>d</description></rule>" END));
    for (int i = 0; i < 5; i++) {
        CHECK(rig_app(&r, from("9.9.9.9")) == 101);
        for (int k = 0; k < 20000; k++) {
            snprintf(ip, sizeof(ip), "10.%d.%d.%d", i, k / 250, k % 250);
            CHECK(rig_app(&r, from(ip)) == 101);
        }
    }
    CHECK_INT(rig_app(&r, from("9.9.9.9")), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__says_when_a_bound_keeps_evidence_out)
{
    struct rig r;
    char ip[32];
    struct hin_log_config config = {.bounds = {.window_keys_max = 100}};
    CHECK(rig_init_with(&r, NULL,
                        BASE "<rule id=\"200\" level=\"10\" frequency=\"1\" timeframe=\"60\">"
                             "<if_matched_sid>101</if_matched_sid><same_source_ip/>"
                             "<description>d</description></rule>"
                             "<rule id=\"201\" level=\"9\" frequency=\"8\" timeframe=\"60\">"
                             "<if_matched_sid>101</if_matched_sid><match>count</match>"
                             "<description>d</description></rule>" END,
                        &config, NULL));
    CHECK_INT(rig_app(&r, from("9.9.9.9")), 101);
    CHECK_INT(rig_app(&r, from("9.9.9.9")), 101);
    unsigned flagged = 0;
    for (int k = 0; k < 200; k++) {
        snprintf(ip, sizeof(ip), "10.0.0.%d", k);
        CHECK(rig_app(&r, from(ip)) == 101);
        flagged += (r.last->flags & HIN_LOG_FLAG_STATE_BOUND) != 0;
    }
    CHECK_INT(flagged, 101);
    CHECK_INT(rig_app(&r, from("9.9.9.9")), 200); /* what stood before is still there */
    /* a rule without keys needs no new one: it goes on after it has fired */
    for (int round = 0; round < 2; round++) {
        CHECK_INT(rig_app(&r, "fail count"), 201);
        for (int i = 0; i < 9; i++) {
            CHECK_INT(rig_app(&r, "fail"), 101);
        }
    }
    struct hin_log_engine_stats stats;
    hin_log_engine_stats(r.engine, &stats);
    CHECK_INT(stats.state_bound_count, 101);
    rig_done(&r);
}

TEST(test_engine_log_composite__goes_on_after_a_restart)
{
    struct rig r;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"2\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid><same_source_ip/>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 200);
    CHECK(rig_restart(&r));
    CHECK_INT(rig_app(&r, from("1.1.1.1")), 101);
    rig_done(&r);
}

TEST(test_engine_log_composite__correlates_on_the_lines_stamps_when_asked)
{
    struct rig r;
    struct hin_log_config config = {.correlate_on_log_time = true};
    CHECK(rig_init_with(&r, NULL,
                        BASE "<rule id=\"200\" level=\"10\" frequency=\"1\" timeframe=\"60\">"
                             "<if_matched_sid>101</if_matched_sid>"
                             "<description>d</description></rule>" END,
                        &config, NULL));
    CHECK_INT(rig_run(&r, "Nov 10 09:00:00 host app: fail"), 101);
    CHECK_INT(rig_run(&r, "Nov 10 09:02:00 host app: fail"), 101); /* too late for the first */
    CHECK_INT(rig_run(&r, "Nov 10 09:01:58 host app: fail"), 101); /* out of order: counts as now */
    CHECK_INT(rig_run(&r, "Nov 10 09:02:30 host app: fail"), 200);
    CHECK_INT(r.last->time_usec / HIN_SEC_USEC, 1794301350);
    /* a stamp of yesterday, then on from there: the sequence goes on */
    CHECK_INT(rig_run(&r, "Nov  9 09:00:00 host app: fail"), 101);
    CHECK_INT(rig_run(&r, "Nov  9 09:00:10 host app: fail"), 101);
    CHECK_INT(rig_run(&r, "Nov  9 09:00:20 host app: fail"), 200);
    rig_done(&r);
}

TEST(test_engine_log_composite__resolves_29_february_and_a_missing_year)
{
    struct rig r;
    CHECK(rig_init(&r, NULL, BASE END));
    CHECK_INT(rig_run(&r, "Feb 29 12:00:00 host app: fail"), 101);
    CHECK(r.last->has_time);
    CHECK_INT(r.last->time_usec / HIN_SEC_USEC, 1709208000); /* 2024 */
    CHECK_INT(rig_run(&r, "Dec 31 12:00:00 host app: fail"), 101);
    CHECK_INT(r.last->time_usec / HIN_SEC_USEC, 1767182400); /* 2025: 2026's is still to come */
    rig_done(&r);
}

TEST(test_engine_log_composite__refuses_a_damaged_state)
{
    struct rig r;
    struct hin_buf image;
    CHECK(rig_init(&r, NULL,
                   BASE "<rule id=\"200\" level=\"10\" frequency=\"0\" timeframe=\"60\">"
                        "<if_matched_sid>101</if_matched_sid>"
                        "<description>d</description></rule>" END));
    CHECK_INT(rig_app(&r, "fail"), 101);
    hin_buf_init(&image, 1 << 20);
    CHECK_OK(hin_log_engine_state_save(r.engine, &image));
    for (size_t size = 0; size < image.size; size += 97) {
        CHECK(!hin_is_ok(hin_log_engine_state_load(r.engine, hin_view_of(image.data, size))));
    }
    image.data[image.size / 2] ^= 1;
    CHECK_CODE(hin_log_engine_state_load(r.engine, hin_buf_view(&image)), CORRUPT);
    CHECK_INT(rig_app(&r, "fail"), 101); /* as new */
    image.data[image.size / 2] ^= 1;
    CHECK_OK(hin_log_engine_state_load(r.engine, hin_buf_view(&image)));
    CHECK_INT(rig_app(&r, "fail"), 200);
    hin_buf_done(&image);
    rig_done(&r);
}

TEST(test_engine_log_composite__keeps_what_fits_another_rule_set)
{
#define COUNTING(keys)                                                                             \
    "<rule id=\"200\" level=\"10\" frequency=\"1\" timeframe=\"60\">"                              \
    "<if_matched_sid>101</if_matched_sid>" keys "<description>d</description></rule>"
    struct rig old, same, changed;
    struct hin_buf image;
    CHECK(rig_init(&old, NULL, BASE COUNTING("<same_source_ip/>") END));
    CHECK(rig_init(&same, NULL,
                   "<group name=\"new\"><rule id=\"90\" level=\"1\"><match>zzz</match>"
                   "<description>d</description></rule></group>" BASE COUNTING("<same_source_ip/>")
                       END));
    CHECK(rig_init(&changed, NULL, BASE COUNTING("<same_user/>") END));
    CHECK_INT(rig_app(&old, from("1.1.1.1")), 101);
    CHECK_INT(rig_app(&old, from("1.1.1.1")), 101);
    hin_buf_init(&image, 1 << 20);
    CHECK_OK(hin_log_engine_state_save(old.engine, &image));
    CHECK_OK(hin_log_engine_state_load(same.engine, hin_buf_view(&image)));
    CHECK_OK(hin_log_engine_state_load(changed.engine, hin_buf_view(&image)));
    CHECK_INT(rig_app(&same, from("1.1.1.1")), 200);
    CHECK_INT(rig_app(&changed, from("1.1.1.1")), 101); /* other keys: other evidence */
    hin_buf_done(&image);
    rig_done(&old);
    rig_done(&same);
    rig_done(&changed);
#undef COUNTING
}
