#include <string.h>

#include "base/bytes.h"
#include "data/json.h"
#include "event/write.h"
#include "harness.h"
#include "sample.h"

struct fixture {
    struct hin_arena arena;
    struct hin_buf buf;
    struct hin_event event;
};

static void start(struct fixture *f)
{
    hin_arena_init(&f->arena, 4 << 20);
    hin_buf_init(&f->buf, 4 << 20);
    if (!hin_is_ok(sample_finding(&f->event, &f->arena))) {
        test_fail(__FILE__, __LINE__, "sample");
    }
}

static void stop(struct fixture *f)
{
    hin_arena_done(&f->arena);
    hin_buf_done(&f->buf);
}

static bool holds(const struct fixture *f, const char *text)
{
    bool found = hin_view_find(hin_buf_view(&f->buf), hin_view_from_text(text)) != SIZE_MAX;
    if (!found) {
        test_fail(__FILE__, __LINE__, "no '%s' in: %.*s", text, HIN_ARGS(hin_buf_view(&f->buf)));
    }
    return found;
}

TEST(test_event_write__cef_of_a_finding)
{
    struct fixture f;
    start(&f);
    struct hin_write_options options = {.version = "1|2"};
    CHECK_OK(hin_event_write_cef(&f.event, &options, &f.buf));
    CHECK(hin_view_starts_with(
        hin_buf_view(&f.buf),
        HIN_VIEW("CEF:0|Hinomi|Hinomi Agent|1\\|2|5716|SSHD authentication failed.|3|")));
    CHECK(holds(&f, "cn1=7 cn1Label=Host ID"));
    CHECK(holds(&f, " src=203.0.113.7 "));
    CHECK(holds(&f, " c6a3=2001:db8::5 c6a3Label=Destination IPv6 Address"));
    CHECK(holds(&f, " duser=root "));
    CHECK(holds(&f, " request=/login?a\\=b|c"));
    CHECK(holds(&f, " cs2=syslog,authentication_failed cs2Label=Rule Groups"));
    CHECK(holds(&f, " HinomiField_tty=pts/0"));
    stop(&f);
}

TEST(test_event_write__cef_in_the_style_of_the_reference)
{
    struct fixture f;
    start(&f);
    struct hin_write_options options = {
        .style = HIN_VENDOR_TREND_MICRO, .tenant = "Primary", .version = "20.0"};
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_RAW, HIN_VIEW("a=b\\c\nd")));
    CHECK_OK(hin_event_write_cef(&f.event, &options, &f.buf));
    CHECK(holds(&f, "CEF:0|Trend Micro|Deep Security Agent|20.0|5716|"));
    CHECK(holds(&f, " msg=a\\=b\\\\c\\nd"));
    CHECK(holds(&f, " TrendMicroDsTenant=Primary TrendMicroDsTenantId=0"));
    stop(&f);
}

TEST(test_event_write__leef_keeps_one_line_and_its_delimiter)
{
    struct fixture f;
    start(&f);
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_RAW, HIN_VIEW("x\ty\nz")));
    CHECK_OK(hin_event_write_leef(&f.event, NULL, &f.buf));
    CHECK(holds(&f, "LEEF:2.0|Hinomi|Hinomi Agent|"));
    CHECK(holds(&f, "|5716|cat=Log Inspection\tname=SSHD authentication failed.\tsev=3\t"));
    CHECK(holds(&f, "\tusrName=root\t"));
    CHECK(holds(&f, "\tmsg=x\\ty\\nz\t"));
    CHECK(hin_view_find_byte(hin_buf_view(&f.buf), '\n') == SIZE_MAX);
    stop(&f);
}

TEST(test_event_write__rfc5424_header_and_escapes)
{
    struct fixture f;
    start(&f);
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_USER, HIN_VIEW("a\"b]c\\d")));
    struct hin_write_options options = {.facility = 16, .id = 9};
    CHECK_OK(hin_event_write_rfc5424(&f.event, &options, &f.buf));
    CHECK(holds(&f, "<133>1 2026-11-22T22:24:46.123456Z web-1.example hinomi - rule-5716 "
                    "[hinomi@32473 id=\"9\""));
    CHECK(holds(&f, "user=\"a\\\"b\\]c\\\\d\""));
    CHECK(holds(&f, "] \xef\xbb\xbfNov 22"));
    hin_buf_clear(&f.buf);
    options.payload = HIN_RFC5424_CEF;
    CHECK_OK(hin_event_write_rfc5424(&f.event, &options, &f.buf));
    CHECK(holds(&f, "] CEF:0|Hinomi|"));
    stop(&f);
}

TEST(test_event_write__rows_cannot_drive_a_terminal)
{
    struct fixture f;
    start(&f);
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_RAW,
                                hin_view_of("\x1b]0;x\x07\xc2\x9b\xff\x7f\x00z", 12)));
    CHECK_OK(hin_event_write_row(&f.event, NULL, &f.buf));
    for (size_t i = 0; i < f.buf.size; i++) {
        CHECK(f.buf.data[i] >= 0x20 && f.buf.data[i] != 0x7f);
    }
    CHECK(hin_view_find(hin_buf_view(&f.buf), HIN_VIEW("\xc2\x9b")) == SIZE_MAX);
    CHECK(holds(&f, "\\x1b]0;x\\a\xef\xbf\xbd\xef\xbf\xbd\\x7f\\0z"));
    CHECK(strncmp(hin_event_row_heading(), "ID", 2) == 0);
    stop(&f);
}

TEST(test_event_write__leef_writes_one_spelling_of_an_address)
{
    static const char *const spellings[][2] = {{"::ffff:10.0.0.1", "src=10.0.0.1\t"},
                                               {"2001:DB8:0:0::1", "src=2001:db8::1\t"},
                                               {"Web1.example", "src=Web1.example\t"}};
    for (size_t i = 0; i < HIN_COUNT(spellings); i++) {
        struct fixture f;
        start(&f);
        CHECK_OK(
            hin_event_set_text(&f.event, HIN_FIELD_SRC_IP, hin_view_from_text(spellings[i][0])));
        CHECK_OK(hin_event_write_leef(&f.event, NULL, &f.buf));
        CHECK(holds(&f, spellings[i][1]));
        stop(&f);
    }
}

TEST(test_event_write__rows_show_as_many_groups_as_fit)
{
    static const struct {
        struct hin_view groups[5];
        size_t count;
        const char *shown; /* with the blanks on both sides */
    } cases[] = {
        {{HIN_VIEW("sshd"), HIN_VIEW("syslog")}, 2, " sshd,syslog                   "},
        {{HIN_VIEW("sshd"), HIN_VIEW("syslog"), HIN_VIEW("authentication_failed"),
          HIN_VIEW("pci_dss_10.2.1.4"), HIN_VIEW("gdpr_32")},
         5,
         " sshd,authentication_failed+3  "},
        {{HIN_VIEW("a_group_with_a_name_that_is_longer_than_the_column"), HIN_VIEW("x")},
         2,
         " a_group_with_a_name_that_i+1  "},
        {{HIN_VIEW("\x1b[2Jx")}, 1, " \\x1b[2Jx                      "},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        struct fixture f;
        start(&f);
        CHECK_OK(
            hin_event_set_texts(&f.event, HIN_FIELD_RULE_GROUPS, cases[i].groups, cases[i].count));
        CHECK_OK(hin_event_write_row(&f.event, NULL, &f.buf));
        CHECK(holds(&f, cases[i].shown));
        stop(&f);
    }
}

TEST(test_event_write__a_row_stands_under_its_heading)
{
    static const char *const words[][2] = {{"ID", "7 "}, {"GROUPS", "sshd "}, {"DECODER", "sshd "}};
    struct fixture f;
    struct hin_view groups[] = {HIN_VIEW("sshd")};
    start(&f);
    CHECK_OK(hin_event_set_texts(&f.event, HIN_FIELD_RULE_GROUPS, groups, 1));
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_COMPUTER, HIN_VIEW("web1")));
    CHECK_OK(hin_event_set_text(&f.event, HIN_FIELD_DECODER, HIN_VIEW("sshd")));
    struct hin_write_options options = {.id = 7};
    CHECK_OK(hin_event_write_row(&f.event, &options, &f.buf));
    for (size_t i = 0; i < HIN_COUNT(words); i++) {
        size_t at = hin_view_find(hin_view_from_text(hin_event_row_heading()),
                                  hin_view_from_text(words[i][0]));
        CHECK(hin_view_starts_with(hin_view_sub(hin_buf_view(&f.buf), at, SIZE_MAX),
                                   hin_view_from_text(words[i][1])));
    }
    stop(&f);
}

TEST(test_event_write__a_full_buffer_is_left_as_it_was)
{
    struct fixture f;
    start(&f);
    struct hin_buf small;
    hin_buf_init(&small, 200);
    CHECK_OK(hin_buf_append_text(&small, "before"));
    CHECK_CODE(hin_event_write_ocsf(&f.event, NULL, &small), LIMIT);
    CHECK_CODE(hin_event_write_cef(&f.event, NULL, &small), LIMIT);
    CHECK_CODE(hin_event_write_leef(&f.event, NULL, &small), LIMIT);
    CHECK_CODE(hin_event_write_rfc5424(&f.event, NULL, &small), LIMIT);
    CHECK_CODE(hin_event_write_row(&f.event, NULL, &small), LIMIT);
    CHECK_VIEW(hin_buf_view(&small), "before");
    hin_buf_done(&small);
    stop(&f);
}

TEST(test_event_write__states_name_manager_or_agent)
{
    struct fixture f;
    start(&f);
    hin_event_init_state(&f.event, &f.arena, SAMPLE_TIME_USEC, HIN_STATE_MANAGER_STARTED,
                         HIN_VIEW_EMPTY);
    CHECK_OK(hin_event_write_cef(&f.event, NULL, &f.buf));
    CHECK(holds(&f, "|Hinomi Manager|"));
    CHECK(holds(&f, "|25|Manager started|1|"));
    stop(&f);
}
