#include "role/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"

HIN_RESULT hin_role_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL || path[0] == '\0') {
        return hin_ok();
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    HIN_ENSURE((path[0] == '/' || path[0] == '@') && size < sizeof(address.sun_path), INVALID);
    hin_copy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* abstract */
    }
    HIN_CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    HIN_ENSURE(fd >= 0, IO);
    socklen_t address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    ssize_t sent =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, address_bytes);
    return sent >= 0 ? hin_ok() : hin_fail(hin_code_from_errno(errno));
}

int64_t hin_role_notify_watchdog_usec(void)
{
    const char *interval = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    int64_t usec = 0;
    int64_t wanted_pid = 0;
    if (interval == NULL || !hin_is_ok(hin_view_to_i64(hin_view_from_text(interval), &usec)) ||
        usec <= 0) {
        return 0;
    }
    if (pid != NULL && (!hin_is_ok(hin_view_to_i64(hin_view_from_text(pid), &wanted_pid)) ||
                        wanted_pid != getpid())) {
        return 0;
    }
    return usec;
}
