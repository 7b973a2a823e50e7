#include "sensor/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* What tells a tail that a file grew, came, went or was replaced. */
#define WATCH_MASK                                                                                 \
    (IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |            \
     IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW)

static void root_open(struct hin_roots *roots, size_t at)
{
    if (roots->fds[at] < 0) {
        /* A link in the host's own configuration is the administrator's word and is followed. */
        HIN_IGNORE(
            hin_fd_open(AT_FDCWD, roots->paths[at], O_PATH | O_DIRECTORY, 0, &roots->fds[at]));
    }
}

struct hin_result hin_roots_open(struct hin_roots *ret_roots, const char *const *paths,
                                 size_t count, struct hin_error *error)
{
    ret_roots->count = 0;
    if (count > HIN_ROOTS_MAX) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "more than %d log roots", HIN_ROOTS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_view path = hin_view_from_text(paths[i]);
        while (path.size > 1 && path.data[path.size - 1] == '/') {
            path.size--;
        }
        if (!hin_path_is_clean(path) || path.size >= HIN_PATH_MAX || path.size < 2) {
            return hin_error_set(
                error, HIN_INVALID, NULL, 0, 0,
                "%s: a log root is an absolute path without . or .. and not / itself", paths[i]);
        }
        HIN_TRY(hin_view_to_text(path, ret_roots->paths[i], sizeof(ret_roots->paths[i])));
        ret_roots->fds[i] = -1;
        root_open(ret_roots, i);
        ret_roots->count = i + 1;
    }
    return hin_ok();
}

void hin_roots_close(struct hin_roots *roots)
{
    for (size_t i = 0; i < roots->count; i++) {
        hin_fd_close(&roots->fds[i]);
    }
    roots->count = 0;
}

static HIN_RESULT beneath(struct hin_roots *roots, unsigned root, const char *relative, int flags,
                          int *ret_fd)
{
    HIN_ENSURE(root < roots->count && relative[0] != '/', INVALID);
    root_open(roots, root);
    HIN_ENSURE(roots->fds[root] >= 0, NOT_FOUND);
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    do {
        fd = syscall(SYS_openat2, roots->fds[root], relative[0] == '\0' ? "." : relative, &how,
                     sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd < 0) {
        bool refused = errno == ELOOP || errno == EXDEV || errno == EACCES || errno == EPERM;
        return hin_fail(refused ? HIN_DENIED : hin_code_from_errno(errno));
    }
    *ret_fd = (int)fd;
    return hin_ok();
}

struct hin_result hin_roots_open_file(struct hin_roots *roots, unsigned root, const char *relative,
                                      int *ret_fd)
{
    /* Looked at through O_PATH first: opening a device or a pipe can do things, even for reading.
     */
    HIN_CLEANUP_FD int fd = -1;
    HIN_CLEANUP_FD int look = -1;
    struct stat before, after;
    HIN_TRY(beneath(roots, root, relative, O_PATH, &look));
    HIN_ENSURE(fstat(look, &before) == 0 && S_ISREG(before.st_mode), DENIED);
    HIN_TRY(beneath(roots, root, relative, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd));
    HIN_ENSURE(fstat(fd, &after) == 0 && S_ISREG(after.st_mode), DENIED);
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}

struct hin_result hin_roots_open_directory(struct hin_roots *roots, unsigned root,
                                           const char *relative, int *ret_fd)
{
    return beneath(roots, root, relative, O_RDONLY | O_DIRECTORY, ret_fd);
}

struct hin_result hin_roots_watch(struct hin_roots *roots, int inotify, unsigned root,
                                  const char *relative, int *ret_watch)
{
    HIN_CLEANUP_FD int fd = -1;
    char path[64];
    HIN_TRY(hin_roots_open_directory(roots, root, relative, &fd));
    snprintf(path, sizeof(path), "/proc/self/fd/%d/.", fd);
    int watch = inotify_add_watch(inotify, path, WATCH_MASK);
    HIN_ENSURE(watch >= 0, LIMIT);
    *ret_watch = watch;
    return hin_ok();
}

struct hin_result hin_roots_find(const struct hin_roots *roots, const char *path,
                                 unsigned *ret_root, const char **ret_relative)
{
    size_t best = 0;
    for (size_t i = 0; i < roots->count; i++) {
        size_t size = strlen(roots->paths[i]);
        if (size > best && strncmp(path, roots->paths[i], size) == 0 && path[size] == '/') {
            best = size;
            *ret_root = (unsigned)i;
            *ret_relative = path + size + 1;
        }
    }
    HIN_ENSURE(best > 0, NOT_FOUND);
    return hin_ok();
}
