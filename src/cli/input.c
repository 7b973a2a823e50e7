#include "cli/input.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

HIN_RESULT hin_cli_input(const char *path, const char *what, struct hin_buf *text,
                         struct hin_error *error)
{
    HIN_CLEANUP_FD int opened_fd = -1;
    bool standard = strcmp(path, "-") == 0;
    struct hin_result result =
        standard ? hin_ok() : hin_fd_open(AT_FDCWD, path, O_RDONLY, 0, &opened_fd);
    if (hin_is_ok(result)) {
        result = hin_fd_read_all(standard ? STDIN_FILENO : opened_fd, text);
    }
    return hin_is_ok(result)
               ? result
               : hin_error_set(error, result.code, path, 0, 0, "%s cannot be read: %s", what,
                               hin_code_text(result.code));
}
