#include <stdio.h>

#include "agent/modules/log/copies.h"
#include "base/time.h"
#include "harness.h"

#define NOW (INT64_C(1795392000) * HIN_SEC_USEC) /* 2026-11-23 */

static bool second(struct log_copies *copies, const char *text, const char *location)
{
    return log_copies_second(copies, hin_view_from_text(text), hin_view_from_text(location), NULL,
                             NOW);
}

static const char line[] = "Nov 22 10:00:00 h kernel: [1.2] eth0: link down";

TEST(test_agent_copies__a_line_of_two_files_counts_once)
{
    struct log_copies *copies = NULL;
    CHECK_OK(log_copies_new(&copies));
    CHECK(!second(copies, "Nov 22 09:59:59 h x: y", "/var/log/syslog"));
    CHECK(!second(copies, line, "/var/log/kern.log"));
    CHECK(second(copies, line, "/var/log/syslog"));
    CHECK(second(copies, line, "journald"));
    log_copies_free(copies);
}

TEST(test_agent_copies__what_one_source_repeats_is_no_copy)
{
    struct log_copies *copies = NULL;
    CHECK_OK(log_copies_new(&copies));
    CHECK(!second(copies, "Nov 22 09:59:59 h x: y", "journald"));
    CHECK(!second(copies, line, "/a"));
    CHECK(!second(copies, line, "/a"));
    CHECK(!second(copies, line, "/a"));
    CHECK(second(copies, line, "/b")); /* the other file holds the three as well ... */
    CHECK(second(copies, line, "/b"));
    CHECK(second(copies, line, "/b"));
    CHECK(!second(copies, line, "/b")); /* ... and a fourth that only it has */
    CHECK(second(copies, line, "/a"));
    log_copies_free(copies);
}

TEST(test_agent_copies__other_stamps_of_one_moment_are_the_same_line)
{
    struct log_copies *copies = NULL;
    CHECK_OK(log_copies_new(&copies));
    CHECK(!second(copies, "Nov 22 09:59:59 h x: y", "/c"));
    CHECK(!second(copies,
                  "Nov 22 10:00:00 h sshd[7]: Failed password for root from 1.2.3.4 port 5 ssh2",
                  "/a"));
    CHECK(second(copies,
                 "2026-11-22T10:00:00.123456+00:00 h sshd[7]: Failed password for root from "
                 "1.2.3.4 port 5 ssh2",
                 "/b"));
    log_copies_free(copies);
}

TEST(test_agent_copies__another_second_program_or_text_is_another_line)
{
    static const char *const others[] = {
        "Nov 22 10:00:01 h sshd[7]: Failed password for root from 1.2.3.4 port 5 ssh2",
        "Nov 22 10:00:00 h sshd[7]: Failed password for root from 1.2.3.4 port 6 ssh2",
        "Nov 22 10:00:00 h sshx[7]: Failed password for root from 1.2.3.4 port 5 ssh2",
    };
    struct log_copies *copies = NULL;
    CHECK_OK(log_copies_new(&copies));
    CHECK(!second(copies, "Nov 22 09:59:59 h x: y", "/c"));
    CHECK(!second(copies,
                  "Nov 22 10:00:00 h sshd[7]: Failed password for root from 1.2.3.4 port 5 ssh2",
                  "/a"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(!second(copies, others[i], "/b"));
    }
    log_copies_free(copies);
}

TEST(test_agent_copies__files_of_applications_are_left_alone)
{
    static const char access[] =
        "1.2.3.4 - - [22/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5";
    struct log_copies *copies = NULL;
    CHECK_OK(log_copies_new(&copies));
    CHECK(!second(copies, access, "/a"));
    CHECK(!second(copies, access, "/b"));
    CHECK(!second(copies, "no header at all", "/a"));
    CHECK(!second(copies, "no header at all", "/b"));
    log_copies_free(copies);
}

TEST(test_agent_copies__is_bounded)
{
    struct log_copies *copies = NULL;
    CHECK_OK(log_copies_new(&copies));
    for (int i = 0; i < 200000; i++) {
        char text[96];
        snprintf(text, sizeof(text), "Nov 22 10:00:00 h p[%d]: number %d", i % 100, i);
        CHECK(!second(copies, text,
                      i % 2 == 0 ? "/a" : "/b")); /* each is new, whatever was forgotten */
    }
    log_copies_free(copies);
}
