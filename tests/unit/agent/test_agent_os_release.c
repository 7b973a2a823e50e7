#include "agent/os_release.h"

#include <string.h>

#include "harness.h"

static bool is(const char *text, const char *name)
{
    char got[HIN_OS_NAME_BYTES];
    hin_os_release_name(hin_view_from_text(text), got);
    return strcmp(got, name) == 0;
}

TEST(test_agent_os_release__gives_the_pretty_name_or_linux)
{
    CHECK(
        is("NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", "Debian GNU/Linux 12"));
    CHECK(is("PRETTY_NAME=Alpine", "Alpine"));
    CHECK(is("NAME=Debian\n", "Linux"));
    CHECK(is("PRETTY_NAME=\"\"\n", "Linux"));
    CHECK(is("", "Linux"));
}

TEST(test_agent_os_release__cuts_a_name_that_is_too_long)
{
    char text[400] = "PRETTY_NAME=", got[HIN_OS_NAME_BYTES];
    for (size_t i = strlen(text); i < sizeof(text) - 1; i++) {
        text[i] = 'x';
    }
    hin_os_release_name(hin_view_from_text(text), got);
    CHECK_INT(strlen(got), 200);
}
