#include "agent/facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "agent/os_release.h"
#include "base/fd.h"

#define OS_RELEASE_MAX_BYTES 65536

void hin_agent_host_facts(struct hin_agent_host *ret_host)
{
    struct utsname uts;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = OS_RELEASE_MAX_BYTES};
    *ret_host = (struct hin_agent_host){.name = "unknown"};
    if (uname(&uts) == 0) {
        snprintf(ret_host->name, sizeof(ret_host->name), "%.200s", uts.nodename);
        snprintf(ret_host->platform, sizeof(ret_host->platform), "%.60s", uts.machine);
    }
    if (!hin_is_ok(hin_file_read(AT_FDCWD, "/etc/os-release", &text))) {
        hin_buf_clear(&text); /* no name is better than half a file's */
    }
    hin_os_release_name(hin_buf_view(&text), ret_host->os);
}
