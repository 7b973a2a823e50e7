#include "agent/os_release.h"

#include <stdio.h>

void hin_os_release_name(struct hin_view os_release, char ret_name[HIN_OS_NAME_BYTES])
{
    struct hin_view rest = os_release, line;
    snprintf(ret_name, HIN_OS_NAME_BYTES, "Linux");
    while (hin_view_split(&rest, '\n', &line)) {
        if (hin_view_starts_with(line, HIN_VIEW("PRETTY_NAME=")) && line.size > 14) {
            struct hin_view value = hin_view_sub(line, 12, line.size);
            if (value.data[0] == '"') {
                value = hin_view_sub(value, 1, value.size - 2);
            }
            HIN_IGNORE(hin_view_to_text(hin_view_sub(value, 0, 200), ret_name,
                                        HIN_OS_NAME_BYTES)); /* "Linux" stands */
        }
    }
}
