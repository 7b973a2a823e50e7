#include "base/terminal.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "harness.h"

TEST(test_base_terminal__what_a_host_sent_does_not_drive_the_terminal)
{
    static const struct {
        struct hin_view text;
        const char *shown;
    } cases[] = {
        {HIN_VIEW("a\tb\n"), "a\tb\n"},
        {HIN_VIEW("\x1b]0;title\x07"), "\\u001b]0;title\\u0007"},
        {HIN_VIEW("\x7f\r\b"), "\\u007f\\u000d\\u0008"},
        {HIN_VIEW("\xc2\x9b"
                  "31m"),
         "\\u009b31m"},                                       /* CSI in one character */
        {HIN_VIEW("x\xe2\x80\xaey"), "x\\u202ey"},            /* right-to-left override */
        {HIN_VIEW("\xe2\x81\xa6\xd8\x9c"), "\\u2066\\u061c"}, /* isolate, Arabic letter mark */
        {HIN_VIEW("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"), "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"},
        {HIN_VIEW("\xc2"),
         "\\xc2"}, /* what is none of UTF-8: a terminal of 8 bits reads 9b as CSI */
        {HIN_VIEW("\xe2\x80"), "\\xe2\\x80"},
        {HIN_VIEW("\x9b"
                  "31m"),
         "\\x9b31m"},
        {HIN_VIEW("\xc0\x9b\xed\xa0\x80\xf8"), "\\xc0\\x9b\\xed\\xa0\\x80\\xf8"},
        {HIN_VIEW("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"},
    };
    for (size_t i = 0; i < HIN_COUNT(cases); i++) {
        char *shown = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&shown, &size);
        CHECK(hin_terminal_put(cases[i].text, out));
        fclose(out);
        CHECK_VIEW(hin_view_of(shown, size), cases[i].shown);
        free(shown);
    }
}

TEST(test_base_terminal__a_line_stays_one_line)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    hin_terminal_line(out, "%s:%d: %s", "a\nb", 3, "\x1b[2J\tx");
    fclose(out);
    CHECK_VIEW(hin_view_of(shown, size), "a\\u000ab:3: \\u001b[2J\tx\n");
    free(shown);
}
