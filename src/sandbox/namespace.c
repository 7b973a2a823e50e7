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
#include <sys/stat.h>
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
    if ((sandbox->syscalls & (HIN_SANDBOX_NET_CLIENT | HIN_SANDBOX_NET_SERVER |
                              HIN_SANDBOX_NET_DATAGRAM | HIN_SANDBOX_CONNECT_TCP)) != 0) {
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

/* A descriptor from before belongs to the mounts of before, which cannot be bound here: the same
 * thing is opened anew, by the name that it has. */
static HIN_RESULT open_anew(int old, int *ret_fd)
{
    char link[64], path[4096];
    struct stat before, now;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", old);
    ssize_t size = readlink(link, path, sizeof(path) - 1);
    HIN_ENSURE(size > 0, IO);
    path[size] = '\0';
    HIN_CLEANUP_FD int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    HIN_ENSURE(fd >= 0 && fstat(fd, &now) == 0 && fstat(old, &before) == 0, NOT_FOUND);
    HIN_ENSURE(now.st_dev == before.st_dev && now.st_ino == before.st_ino, CONFLICT);
    *ret_fd = fd;
    fd = -1;
    return hin_ok();
}

/* One thing of the old root that stays to be seen in the new one, at `place` still. */
static HIN_RESULT show(const char *place, int shown, const char *name)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char from[64], to[64 + SANDBOX_NAME_MAX];
    struct stat about;
    HIN_ENSURE(fstat(shown, &about) == 0, IO);
    snprintf(from, sizeof(from), "/proc/self/fd/%d", shown);
    snprintf(to, sizeof(to), "%s/%s", place, name);
    if (S_ISDIR(about.st_mode)) {
        HIN_ENSURE(mkdir(to, 0555) == 0, DENIED);
    } else {
        HIN_CLEANUP_FD int fd = -1;
        HIN_TRY(hin_fd_open(AT_FDCWD, to, O_WRONLY | O_CREAT | O_EXCL, 0444, &fd));
    }
    HIN_ENSURE(mount(from, to, NULL, MS_BIND, NULL) == 0, DENIED);
    HIN_ENSURE(mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) == 0, DENIED);
    return hin_ok();
}

static HIN_RESULT make_root(const struct hin_sandbox *sandbox, const int *shown)
{
    static const char *const places[] = {"/tmp", "/run", "/var", "/usr"};
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const char *place = NULL;
    for (size_t i = 0; i < HIN_COUNT(places) && place == NULL; i++) {
        if (mount("hinomi", places[i], "tmpfs", flags, "size=4k,nr_inodes=8,mode=0555") == 0) {
            place = places[i];
        }
    }
    HIN_ENSURE(place != NULL, DENIED);
    for (size_t i = 0; i < sandbox->shown_count; i++) {
        HIN_TRY(show(place, shown[i], sandbox->shown[i].name));
    }
    HIN_ENSURE(chdir(place) == 0, DENIED);
    HIN_ENSURE(syscall(SYS_pivot_root, ".", ".") == 0, DENIED);
    HIN_ENSURE(umount2(".", MNT_DETACH) == 0 && chdir("/") == 0, DENIED);
    HIN_ENSURE(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) == 0, DENIED);
    return hin_ok();
}

/* An empty, read-only root; the old one is let go. What is held by descriptor stays reachable. */
static HIN_RESULT empty_root(const struct hin_sandbox *sandbox)
{
    int shown[SANDBOX_SHOWN_MAX];
    size_t count = 0;
    HIN_ENSURE(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0, DENIED);
    struct hin_result result = hin_ok();
    for (; count < sandbox->shown_count && hin_is_ok(result); count++) {
        shown[count] = -1;
        result = open_anew(sandbox->shown[count].fd, &shown[count]);
    }
    if (hin_is_ok(result)) {
        result = make_root(sandbox, shown);
    }
    for (size_t i = 0; i < count; i++) {
        hin_fd_close(&shown[i]);
    }
    return result;
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
    if (with_root && !hin_sandbox_is_sanitized() && !hin_is_ok(empty_root(sandbox))) {
        hin_sandbox_note(weaker, "no empty root folder: %s (Landlock guards it)", strerror(errno));
    }
    return hin_ok();
}
