#include "harness.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "decode/log/predecode.h"

/* 2026-11-22T22:00:00Z */
#define NOW (INT64_C(1795384800) * HIN_SEC_USEC)

static struct hin_predecoded decode(const char *line)
{
    struct hin_predecode_context context = {NOW, NULL};
    struct hin_predecoded out;
    hin_predecode(hin_view_from_text(line), &context, &out);
    return out;
}

struct sample {
    const char *line;
    enum hin_log_format format;
    const char *host;    /* NULL: none */
    const char *program; /* NULL: none */
    const char *pid;
    const char *log;
    const char *time; /* NULL: none */
};

static bool same(struct hin_view view, const char *text)
{
    return text == NULL ? view.data == NULL : view.data != NULL && hin_view_is(view, text);
}

static void check_samples(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *want = &samples[i];
        struct hin_predecoded got = decode(want->line);
        char stamp[40] = "";
        if (got.has_time) {
            hin_time_format_rfc3339(got.time_usec, 6, stamp, sizeof(stamp));
        }
        bool fine = got.format == want->format && same(got.host, want->host) &&
                    same(got.program, want->program) &&
                    hin_view_is(got.pid, want->pid != NULL ? want->pid : "") &&
                    same(got.log, want->log) &&
                    hin_view_is(hin_view_from_text(stamp), want->time != NULL ? want->time : "");
        if (!fine) {
            test_fail(__FILE__, __LINE__, "%s -> %s h=%.*s p=%.*s pid=%.*s t=%s log=%.*s",
                      want->line, hin_log_format_name(got.format), HIN_ARGS(got.host),
                      HIN_ARGS(got.program), HIN_ARGS(got.pid), stamp, HIN_ARGS(got.log));
            return;
        }
    }
}

TEST(test_decode_log_predecode__syslog_headers)
{
    static const struct sample samples[] = {
        {"Nov 22 10:00:01 web sshd[12]: hello", HIN_LOG_RFC3164, "web", "sshd", "12", "hello",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov  2 10:00:01 web su: x", HIN_LOG_RFC3164, "web", "su", NULL, "x",
         "2026-11-02T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web sudo:     bob : x", HIN_LOG_RFC3164, "web", "sudo", NULL,
         "    bob : x", "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web proftpd[9] x: y", HIN_LOG_RFC3164, "web", "proftpd", "9", "x: y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web su(pam_unix)[9]: y", HIN_LOG_RFC3164, "web", "su(pam_unix)", "9", "y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web postfix/smtpd[9]: y", HIN_LOG_RFC3164, "web", "postfix/smtpd", "9",
         "y", "2026-11-22T10:00:01.000000Z"},
        /* near misses of the program field stay in the log */
        {"Nov 22 10:00:01 web sshd[12]x: y", HIN_LOG_RFC3164, "web", NULL, NULL, "sshd[12]x: y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web sshd[ab]: y", HIN_LOG_RFC3164, "web", NULL, NULL, "sshd[ab]: y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web sshd:y", HIN_LOG_RFC3164, "web", NULL, NULL, "sshd:y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 10.0.0.1 %IPS-4-SIG: y", HIN_LOG_RFC3164, "10.0.0.1", NULL, NULL,
         "%IPS-4-SIG: y", "2026-11-22T10:00:01.000000Z"},
        /* without a host */
        {"Nov 22 10:00:01 su: y", HIN_LOG_RFC3164, NULL, "su", NULL, "y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 dnsmasq[3]: y", HIN_LOG_RFC3164, NULL, NULL, NULL, "dnsmasq[3]: y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web last message repeated 3 times", HIN_LOG_RFC3164, "web", NULL, NULL,
         "last message repeated 3 times", "2026-11-22T10:00:01.000000Z"},
        /* Solaris, AIX, an umlaut, a year in front */
        {"Nov 22 10:00:01 web su: [ID 366847 auth.info] y", HIN_LOG_RFC3164, "web", "su", NULL, "y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web su: [ID 366847 y", HIN_LOG_RFC3164, "web", "su", NULL, "[ID 366847 y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web auth|security:info sshd[5]: y", HIN_LOG_RFC3164, "web", "sshd", "5",
         "y", "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web auth|security:info su: y", HIN_LOG_RFC3164, "web", "su", NULL, "y",
         "2026-11-22T10:00:01.000000Z"},
        {"Nov 22 10:00:01 web auth|Security: y", HIN_LOG_RFC3164, "web", NULL, NULL,
         "auth|Security: y", "2026-11-22T10:00:01.000000Z"},
        {"M\xc3\xa4r 22 10:00:01 web su: y", HIN_LOG_RFC3164, "web", "su", NULL, "y",
         "2026-03-22T10:00:01.000000Z"},
        {"2015 Dec 29 10:00:01 web su: y", HIN_LOG_RFC3164, "web", "su", NULL, "y",
         "2015-12-29T10:00:01.000000Z"},
        /* signs of a stamp, but no date: the header is cut all the same, no time is told */
        {"Xxx 99 10:00:01 web su: y", HIN_LOG_RFC3164, "web", "su", NULL, "y", NULL},
        {"<38>Nov 22 10:00:01 web su: y", HIN_LOG_RFC3164, "web", "su", NULL, "y",
         "2026-11-22T10:00:01.000000Z"},
        {"<999>Nov 22 10:00:01 web su: y", HIN_LOG_PLAIN, NULL, NULL, NULL,
         "<999>Nov 22 10:00:01 web su: y", NULL},
        {"Nov 22 10:00:01", HIN_LOG_PLAIN, NULL, NULL, NULL, "Nov 22 10:00:01", NULL},
        {"", HIN_LOG_PLAIN, NULL, NULL, NULL, "", NULL},
    };
    check_samples(samples, HIN_COUNT(samples));
}

TEST(test_decode_log_predecode__iso_stamps)
{
    static const struct sample samples[] = {
        {"2007-06-14T15:48:55-04:00 web su: a long enough text", HIN_LOG_ISO, "web", "su", NULL,
         "a long enough text", "2007-06-14T19:48:55.000000Z"},
        {"2009-05-22T09:36:46.214994-07:00 web sshd[1]: y", HIN_LOG_ISO, "web", "sshd", "1", "y",
         "2009-05-22T16:36:46.214994Z"},
        {"2009-05-22T09:36:46.2+07:00 web sshd[1]: yyyy", HIN_LOG_ISO, "web", "sshd", "1", "yyyy",
         "2009-05-22T02:36:46.200000Z"},
        {"2009-05-22T09:36:46Z web sshd[1]: y", HIN_LOG_ISO, "web", "sshd", "1", "y",
         "2009-05-22T09:36:46.000000Z"},
        {"2009-05-22T09:36:46.123456789Z web su: y", HIN_LOG_ISO, "web", "su", NULL, "y",
         "2009-05-22T09:36:46.123456Z"},
        {"2009-05-22T09:36:46Zweb", HIN_LOG_PLAIN, NULL, NULL, NULL, "2009-05-22T09:36:46Zweb",
         NULL},
        {"2015-04-16 21:51:02,805 zuse proftpd[26189] x: y", HIN_LOG_PROFTPD, "zuse", "proftpd",
         "26189", "x: y", "2015-04-16T21:51:02.805000Z"},
    };
    check_samples(samples, HIN_COUNT(samples));
}

TEST(test_decode_log_predecode__vendor_stamps)
{
    static const struct sample samples[] = {
        {"[Fri Feb 11 18:06:35 2005] [warn] x", HIN_LOG_APACHE_ERROR, NULL, NULL, NULL, "[warn] x",
         "2005-02-11T18:06:35.000000Z"},
        {"[Tue Sep 30 11:30:13.262255 2014] [core:error] x", HIN_LOG_APACHE_ERROR, NULL, NULL, NULL,
         "[Tue Sep 30 11:30:13.262255 2014] [core:error] x", "2014-09-30T11:30:13.262255Z"},
        {"Mon Apr 17 18:27:14 2006 1 64.160.42.130 x", HIN_LOG_XFERLOG, NULL, NULL, NULL,
         " 1 64.160.42.130 x", "2006-04-17T18:27:14.000000Z"},
        {"01/28-09:13:16.240702  [**] [1:2:3] x", HIN_LOG_SNORT, NULL, NULL, NULL, "[**] [1:2:3] x",
         "2026-01-28T09:13:16.240702Z"},
        {"01/28/1979-09:13:16.240702  [**] [1:2:3] x", HIN_LOG_SURICATA, NULL, NULL, NULL,
         "[**] [1:2:3] x", "1979-01-28T09:13:16.240702Z"},
        {"1140804070.368  11623 1.2.3.4 TCP_MISS/200 x", HIN_LOG_SQUID, NULL, NULL, NULL,
         "11623 1.2.3.4 TCP_MISS/200 x", "2006-02-24T18:01:10.368000Z"},
        {"2012/01/10 14:00:20 [error] 1#0: x", HIN_LOG_NGINX, NULL, NULL, NULL,
         "2012/01/10 14:00:20 [error] 1#0: x", "2012-01-10T14:00:20.000000Z"},
        {"2014-12-20 21:34:37 W3SVC58 x", HIN_LOG_DATETIME, NULL, NULL, NULL,
         "2014-12-20 21:34:37 W3SVC58 x", "2014-12-20T21:34:37.000000Z"},
        {"10.0.0.5 - - [1/Apr/2014:00:00:01 -0500] \"GET / HTTP/1.1\" 403", HIN_LOG_ACCESS, NULL,
         NULL, NULL, "10.0.0.5 - - [1/Apr/2014:00:00:01 -0500] \"GET / HTTP/1.1\" 403",
         "2014-04-01T05:00:01.000000Z"},
        {"[2016-04-18 13:07:02 -0400] info [cpsrvd] x", HIN_LOG_DATETIME, NULL, NULL, NULL,
         "[2016-04-18 13:07:02 -0400] info [cpsrvd] x", "2016-04-18T17:07:02.000000Z"},
        {"[error] [client 1.2.3.4] x", HIN_LOG_PLAIN, NULL, NULL, NULL,
         "[error] [client 1.2.3.4] x", NULL},
        {"[Time 2006.12.28 15:53:55 UTC] [Facility auth] [Sender sshd] [PID 483] [Message error: "
         "PAM: x] [Level 3] [Host box]",
         HIN_LOG_ASL, "box", "sshd", "483", "error: PAM: x", "2006-12-28T15:53:55.000000Z"},
        /* a forged second message is not read */
        {"[Time 2006.12.28 15:53:55 UTC] [Sender a] [Message one] [Message two] [Sender b]",
         HIN_LOG_ASL, NULL, "a", NULL, "one", "2006-12-28T15:53:55.000000Z"},
    };
    check_samples(samples, HIN_COUNT(samples));
}

TEST(test_decode_log_predecode__rfc5424)
{
    static const struct sample samples[] = {
        {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed",
         HIN_LOG_RFC5424, "mymachine.example.com", "su", NULL, "'su root' failed",
         "2003-10-11T22:14:15.003000Z"},
        {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time",
         HIN_LOG_RFC5424, "192.0.2.1", "myproc", "8710", "%% It's time",
         "2003-08-24T12:14:15.000003Z"},
        {"<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [a@1 iut=\"3\\\"]\" x=\"y\"][b] "
         "\xef\xbb\xbfmsg",
         HIN_LOG_RFC5424, "h", "evntslog", NULL, "msg", "2003-10-11T22:14:15.003000Z"},
        {"<165>1 - - - - - -", HIN_LOG_RFC5424, NULL, NULL, NULL, "", NULL},
        /* broken: nothing is cut */
        {"<165>1 2003-10-11T22:14:15Z h p - - [a x=\"y\" msg", HIN_LOG_PLAIN, NULL, NULL, NULL,
         "<165>1 2003-10-11T22:14:15Z h p - - [a x=\"y\" msg", NULL},
        {"<165>2 2003-10-11T22:14:15Z h p - - - m", HIN_LOG_PLAIN, NULL, NULL, NULL,
         "<165>2 2003-10-11T22:14:15Z h p - - - m", NULL},
        {"<165>1 yesterday h p - - - m", HIN_LOG_PLAIN, NULL, NULL, NULL,
         "<165>1 yesterday h p - - - m", NULL},
    };
    check_samples(samples, HIN_COUNT(samples));
    struct hin_predecoded out = decode("<165>1 - h p - - [x y=\"z\"] m");
    CHECK_VIEW(out.structured_data, "[x y=\"z\"]");
    CHECK(out.has_priority);
    CHECK_INT(out.priority, 165);
}

TEST(test_decode_log_predecode__the_stamp_as_it_stands)
{
    static const struct {
        const char *line, *stamp;
    } samples[] = {
        {"Nov 22 10:00:01 web sshd[12]: hello", "Nov 22 10:00:01"},
        {"<34>Nov  2 10:00:01 web sshd[12]: hello", "Nov  2 10:00:01"},
        {"M\xc3\xa4r 02 17:30:52 web sshd[12]: hello", "M\xc3\xa4r 02 17:30:52"},
        {"2015 Dec 29 10:00:01 web su: x", "2015 Dec 29 10:00:01"},
        {"2009-05-22T09:36:46.214994-07:00 web su: x", "2009-05-22T09:36:46.214994-07:00"},
        {"2009-05-22T09:36:46Z web su: x", "2009-05-22T09:36:46Z"},
        {"2015-04-16 21:51:02,805 web proftpd[26189] web: x", "2015-04-16 21:51:02,805"},
        {"<34>1 2003-10-11T22:14:15.003Z web su - ID47 - x", "2003-10-11T22:14:15.003Z"},
        {"<34>1 - web su - ID47 - x", ""},
        {"Mon Apr 17 18:27:14 2006 1 64.160.42.130 x", "Mon Apr 17 18:27:14 2006"},
        {"01/28-09:13:16.240702  [**] x", "01/28-09:13:16.240702"},
        {"01/28/1979-09:13:16.240702  [**] x", "01/28/1979-09:13:16.240702"},
        {"[Fri Feb 11 18:06:35 2005] [warn] x", "Fri Feb 11 18:06:35 2005"},
        {"[Tue Sep 30 11:30:13.262255 2014] [core:error] x", "Tue Sep 30 11:30:13.262255 2014"},
        {"[2016-04-18 13:07:02 -0400] x", "2016-04-18 13:07:02 -0400"},
        {"[Time 2006.12.28 15:53:55 UTC] [Facility auth] [Message x]", "2006.12.28 15:53:55"},
        {"2012/01/10 14:00:20 [error] x", "2012/01/10 14:00:20"},
        {"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"GET\"", "10/Oct/2000:13:55:36 -0700"},
        {"1140701044.525   1231 192.168.1.201 TCP_DENIED/400", "1140701044.525"},
        {"Feb 30 10:00:01 web su: no such day", ""},
        {"hello", ""},
    };
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        CHECK_VIEW(decode(samples[i].line).stamp, samples[i].stamp);
    }
}

TEST(test_decode_log_predecode__repeats)
{
    CHECK_INT(decode("Nov 22 10:00:01 web last message repeated 3 times").repeat_count, 3);
    CHECK_INT(decode("Nov 22 10:00:01 web sshd[1]: message repeated 12 times: [ x]").repeat_count,
              12);
    CHECK_INT(decode("Nov 22 10:00:01 web sshd[1]: message repeated twelve times").repeat_count, 0);
    /* rsyslog's text between the brackets is the log */
    struct hin_predecoded line =
        decode("Nov 22 10:00:01 web sshd[1]: message repeated 9 times: [ last [x] of root]");
    CHECK(line.repeats_log && hin_view_is(line.log, "last [x] of root"));
    line = decode("Nov 22 10:00:01 web sshd[1]: message repeated 1 time: [x]");
    CHECK(line.repeats_log && line.repeat_count == 1 && hin_view_is(line.log, "x"));
    line = decode("Nov 22 10:00:01 web sshd[1]: message repeated 9 times: [ cut off");
    CHECK(!line.repeats_log && hin_view_is(line.log, "message repeated 9 times: [ cut off"));
    line = decode("Nov 22 10:00:01 web sshd[1]: message repeated 9 times: []");
    CHECK(!line.repeats_log);
    line = decode("Nov 22 10:00:01 web last message repeated 3 times");
    CHECK(!line.repeats_log && hin_view_is(line.log, "last message repeated 3 times"));
}

TEST(test_decode_log_predecode__the_missing_year)
{
    static const struct {
        int64_t now_sec;
        const char *line;
        const char *time; /* NULL: none */
    } samples[] = {
        {1767225600, "Dec 31 23:59:59 h a: b", "2025-12-31T23:59:59Z"}, /* 2026-01-01T00:00:00Z */
        {1767225600, "Jan  1 12:00:00 h a: b",
         "2026-01-01T12:00:00Z"}, /* clocks differ: up to a day ahead */
        {1767225600, "Jan  3 12:00:00 h a: b", "2025-01-03T12:00:00Z"},
        {1735689600, "Feb 29 12:00:00 h a: b", "2024-02-29T12:00:00Z"}, /* 2025-01-01 */
        {1709208000, "Feb 29 12:00:00 h a: b", "2024-02-29T12:00:00Z"}, /* 2024-02-29T12:00:00Z */
        {1709035200, "Feb 29 12:00:00 h a: b",
         "2020-02-29T12:00:00Z"}, /* 2024-02-27: not tomorrow yet */
        {4102444800, "Feb 29 12:00:00 h a: b", "2096-02-29T12:00:00Z"}, /* 2100 is no leap year */
        {4228329600, "Feb 29 12:00:00 h a: b",
         "2096-02-29T12:00:00Z"}, /* 2103-12-28: eight years back */
        {1767225600, "Feb 30 12:00:00 h a: b", NULL},
        {0, "Feb 20 12:00:00 h a: b", NULL},
    };
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        struct hin_predecode_context context = {samples[i].now_sec * HIN_SEC_USEC, NULL};
        struct hin_predecoded out;
        char stamp[40] = "";
        hin_predecode(hin_view_from_text(samples[i].line), &context, &out);
        CHECK(out.has_time == (samples[i].time != NULL));
        if (out.has_time) {
            hin_time_format_rfc3339(out.time_usec, 0, stamp, sizeof(stamp));
            CHECK_VIEW(hin_view_from_text(stamp), samples[i].time);
        }
    }
}

/* A line that comes late, or from a host whose clock is ahead, keeps its own time. */
TEST(test_decode_log_predecode__out_of_order_stamps)
{
    int64_t first = decode("Nov 22 21:00:00 h a: b").time_usec;
    int64_t late = decode("Nov 22 20:59:00 h a: b").time_usec;
    int64_t ahead = decode("Nov 23 21:00:00 h a: b").time_usec;
    CHECK_INT(first - late, 60 * HIN_SEC_USEC);
    CHECK_INT(ahead - first, HIN_DAY_USEC);
}

TEST(test_decode_log_predecode__cuts_long_lines_and_line_ends)
{
    size_t size = HIN_PREDECODE_LINE_MAX + 10;
    char *line = malloc(size);
    CHECK(line != NULL);
    hin_fill(line, 'x', size);
    hin_copy(line, "Nov 22 10:00:01 web su: ", 24);
    struct hin_predecoded out;
    hin_predecode(hin_view_of(line, size), NULL, &out);
    bool fine = out.cut && out.line.size == HIN_PREDECODE_LINE_MAX &&
                out.log.size == HIN_PREDECODE_LINE_MAX - 24 && !out.has_time;
    free(line);
    CHECK(fine);
    out = decode("Nov 22 10:00:01 web su: y\r\n");
    CHECK_VIEW(out.log, "y");
    CHECK(!out.cut);
}

TEST(test_decode_log_predecode__survives_any_bytes)
{
    static const char *const bases[] = {
        "Nov 22 10:00:01 web sshd[12]: y", "<34>1 2003-10-11T22:14:15.003Z h su - - [a b=\"c\"] m",
        "[Time 2006.12.28 15:53:55 UTC] [Sender a] [Message b]",
        "1140804070.368  11623 1.2.3.4 TCP", "2009-05-22T09:36:46.214994-07:00 web a|b:c d[1]: y"};
    uint32_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        uint8_t line[80];
        struct hin_view base = hin_view_from_text(bases[(size_t)round % HIN_COUNT(bases)]);
        seed = seed * 1664525 + 1013904223;
        size_t size = (seed >> 8) % (base.size + 1);
        hin_copy(line, base.data, base.size);
        for (int i = 0; i < round % 6; i++) {
            seed = seed * 1664525 + 1013904223;
            line[(seed >> 8) % base.size] = (uint8_t)(seed >> 24);
        }
        struct hin_predecode_context context = {NOW, NULL};
        struct hin_predecoded out;
        hin_predecode(hin_view_of(line, size), &context, &out);
        /* every view lies in the line */
        CHECK(out.log.data >= line && out.log.data + out.log.size <= line + size);
        CHECK(out.host.data == NULL ||
              (out.host.data >= line && out.host.data + out.host.size <= line + size));
        CHECK(out.program.data == NULL ||
              (out.program.data >= line && out.program.data + out.program.size <= line + size));
    }
}
