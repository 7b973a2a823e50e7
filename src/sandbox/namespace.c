/* namespaces(7). As root directly; as an ordinary user inside a user namespace of our own
 * (user_namespaces(7)), whose capabilities are dropped again right after. Everything here is a
 * second wall: what cannot be had is noted. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "sandbox/sandbox_internal.h"

static const struct {
    unsigned bit;
    int flag;
    const char *name;
} kinds[] = {
    {HIN_SANDBOX_NEW_NET, CLONE_NEWNET, "network"},
    {HIN_SANDBOX_NEW_IPC, CLONE_NEWIPC, "ipc"},
    {HIN_SANDBOX_NEW_UTS, CLONE_NEWUTS, "uts"},
    {HIN_SANDBOX_NEW_MOUNT, CLONE_NEWNS, "mount"},
    {HIN_SANDBOX_NEW_CGROUP, CLONE_NEWCGROUP, "cgroup"},
};

static HIN_RESULT write_proc(const char *path, const char *text)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_WRONLY, 0, &fd));
    return hin_fd_write_all(fd, hin_view_from_text(text));
}

/* The same ids inside as outside, so that nothing looks different. */
static HIN_RESULT enter_user_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char line[64];
    HIN_ENSURE(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, INTERNAL); /* or /proc/self is root's */
    HIN_ENSURE(unshare(CLONE_NEWUSER) == 0, DENIED);
    HIN_TRY(write_proc("/proc/self/setgroups", "deny"));
    snprintf(line, sizeof(line), "%u %u 1", (unsigned)uid, (unsigned)uid);
    HIN_TRY(write_proc("/proc/self/uid_map", line));
    snprintf(line, sizeof(line), "%u %u 1", (unsigned)gid, (unsigned)gid);
    return write_proc("/proc/self/gid_map", line);
}

static unsigned wanted(const struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    unsigned bits = sandbox->namespaces;
    if ((sandbox->syscalls &
         (HIN_SANDBOX_NET_CLIENT | HIN_SANDBOX_NET_SERVER | HIN_SANDBOX_NET_DATAGRAM)) != 0) {
        bits &= ~(unsigned)HIN_SANDBOX_NEW_NET;
    }
    bool by_text = false;
    for (size_t i = 0; i < sandbox->path_count; i++) {
        by_text = by_text || sandbox->paths[i].by_text;
    }
    if ((bits & HIN_SANDBOX_EMPTY_ROOT) != 0 && by_text) {
        bits &= ~(unsigned)(HIN_SANDBOX_EMPTY_ROOT | HIN_SANDBOX_NEW_MOUNT);
        hin_sandbox_note(
            weaker,
            "the role names files by path and keeps sight of the root folder (Landlock guards it)");
    }
    return (bits & HIN_SANDBOX_EMPTY_ROOT) != 0 ? bits | HIN_SANDBOX_NEW_MOUNT : bits;
}

/* An empty, read-only root; the old one is let go. What is held by descriptor stays reachable. */
static HIN_RESULT empty_root(void)
{
    static const char *const places[] = {"/tmp", "/run", "/var", "/usr"};
    HIN_ENSURE(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0, DENIED);
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const char *place = NULL;
    for (size_t i = 0; i < HIN_COUNT(places) && place == NULL; i++) {
        if (mount("hinomi", places[i], "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555") == 0) {
            place = places[i];
        }
    }
    HIN_ENSURE(place != NULL && chdir(place) == 0, DENIED);
    HIN_ENSURE(syscall(SYS_pivot_root, ".", ".") == 0, DENIED);
    HIN_ENSURE(umount2(".", MNT_DETACH) == 0 && chdir("/") == 0, DENIED);
    HIN_ENSURE(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) == 0, DENIED);
    return hin_ok();
}

HIN_RESULT hin_sandbox_enter_namespaces(const struct hin_sandbox *sandbox, struct hin_buf *weaker)
{
    unsigned bits = wanted(sandbox, weaker);
    if (bits == 0) {
        return hin_ok();
    }
    if (geteuid() != 0) {
        struct hin_result result = enter_user_namespace();
        if (!hin_is_ok(result)) {
            hin_sandbox_note(
                weaker,
                "user namespaces are not allowed here: no namespaces of its own for this role");
            return hin_ok();
        }
    }
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        if ((bits & kinds[i].bit) != 0 && unshare(kinds[i].flag) != 0) {
            hin_sandbox_note(weaker, "no %s namespace of its own: %s", kinds[i].name,
                             strerror(errno));
            bits &= ~kinds[i].bit;
        }
    }
    bool with_root = (bits & HIN_SANDBOX_EMPTY_ROOT) != 0 && (bits & HIN_SANDBOX_NEW_MOUNT) != 0;
    if (with_root && !hin_sandbox_is_sanitized() && !hin_is_ok(empty_root())) {
        hin_sandbox_note(weaker, "no empty root folder: %s (Landlock guards it)", strerror(errno));
    }
    return hin_ok();
}
