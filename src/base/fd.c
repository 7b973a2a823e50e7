#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/path.h"
#include "base/secret.h"

#define READ_BYTES ((size_t)64 * 1024)

void hin_fd_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
        *fd = -1;
    }
}

int hin_fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static HIN_RESULT fail_errno(void)
{
    return hin_fail(hin_code_from_errno(errno));
}

struct hin_result hin_fd_open(int directory, const char *path, int flags, mode_t mode, int *ret_fd)
{
    int fd = -1;
    do {
        fd = openat(directory, path, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return fail_errno();
    }
    *ret_fd = fd;
    return hin_ok();
}

struct hin_result hin_fd_read_some(int fd, void *to, size_t size, size_t *ret_size)
{
    ssize_t got = 0;
    do {
        got = read(fd, to, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return fail_errno();
    }
    *ret_size = (size_t)got;
    return hin_ok();
}

struct hin_result hin_fd_read_all(int fd, struct hin_buf *buf)
{
    for (;;) {
        size_t room = HIN_MIN(READ_BYTES, buf->max - buf->size);
        if (room == 0) {
            uint8_t probe = 0;
            size_t more = 0;
            HIN_TRY(hin_fd_read_some(fd, &probe, 1, &more));
            HIN_ENSURE(more == 0, LIMIT);
            return hin_ok();
        }
        HIN_TRY(hin_buf_reserve(buf, room));
        size_t got = 0;
        HIN_TRY(hin_fd_read_some(fd, buf->data + buf->size, room, &got));
        if (got == 0) {
            return hin_ok();
        }
        buf->size += got;
    }
}

struct hin_result hin_fd_write_all(int fd, struct hin_view bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(fd, bytes.data, bytes.size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return fail_errno();
        }
        bytes = hin_view_sub(bytes, (size_t)put, bytes.size);
    }
    return hin_ok();
}

struct hin_result hin_fd_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) {
        return fail_errno();
    }
    int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags && fcntl(fd, F_SETFL, wanted) < 0) {
        return fail_errno();
    }
    return hin_ok();
}

struct hin_result hin_file_read(int directory, const char *path, struct hin_buf *buf)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_fd_open(directory, path, O_RDONLY, 0, &fd));
    return hin_fd_read_all(fd, buf);
}

struct hin_result hin_file_sync(int fd)
{
    return fdatasync(fd) == 0 ? hin_ok() : fail_errno();
}

struct hin_result hin_directory_sync(int directory)
{
    return fsync(directory) == 0 ? hin_ok() : fail_errno();
}

/* The folder that holds `path`, opened; *ret_name points at the last part of path. */
static HIN_RESULT open_parent(int directory, const char *path, int *ret_fd, const char **ret_name)
{
    const char *name = hin_path_base(path);
    char parent[HIN_PATH_MAX];
    size_t length = (size_t)(name - path);
    HIN_ENSURE(length < sizeof(parent) && name[0] != '\0', INVALID);
    HIN_TRY(hin_view_to_text(hin_view_of(path, length), parent, sizeof(parent)));
    HIN_TRY(hin_fd_open(directory, length > 0 ? parent : ".", O_RDONLY | O_DIRECTORY, 0, ret_fd));
    *ret_name = name;
    return hin_ok();
}

static HIN_RESULT write_beside(int parent, const char *temporary, struct hin_view content,
                               mode_t mode)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_fd_open(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode, &fd));
    if (fchmod(fd, mode) != 0) { /* whatever the umask */
        return fail_errno();
    }
    HIN_TRY(hin_fd_write_all(fd, content));
    return hin_file_sync(fd);
}

struct hin_result hin_file_replace(int directory, const char *path, struct hin_view content,
                                   mode_t mode)
{
    HIN_CLEANUP_FD int parent = -1;
    const char *name = NULL;
    HIN_TRY(open_parent(directory, path, &parent, &name));
    uint64_t unique = 0;
    HIN_TRY(hin_random(&unique, sizeof(unique)));
    char temporary[NAME_MAX + 1];
    int length =
        snprintf(temporary, sizeof(temporary), ".%.200s.%016llx", name, (unsigned long long)unique);
    HIN_ENSURE(length > 0 && (size_t)length < sizeof(temporary), LIMIT);
    struct hin_result result = write_beside(parent, temporary, content, mode);
    if (result.code == HIN_OK && renameat(parent, temporary, parent, name) != 0) {
        result = fail_errno();
    }
    if (result.code != HIN_OK) {
        unlinkat(parent, temporary, 0);
        return result;
    }
    return hin_directory_sync(parent);
}

struct hin_result hin_directory_make(const char *path, mode_t mode)
{
    char copy[HIN_PATH_MAX];
    HIN_TRY(hin_view_to_text(hin_view_from_text(path), copy, sizeof(copy)));
    for (char *at = copy + 1; copy[0] != '\0'; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        char kept = *at;
        *at = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST) {
            return fail_errno();
        }
        if (kept == '\0') {
            break;
        }
        *at = kept;
    }
    struct stat status;
    HIN_ENSURE(stat(path, &status) == 0 && S_ISDIR(status.st_mode), EXISTS);
    return hin_ok();
}

static void close_directory(DIR **directory)
{
    if (*directory != NULL) {
        closedir(*directory);
    }
}

static HIN_RESULT remove_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return hin_ok();
    }
    if (errno != EISDIR && errno != EPERM) {
        return fail_errno();
    }
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_fd_open(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd));
    HIN_CLEANUP(close_directory) DIR *directory = fdopendir(dup(fd));
    HIN_ENSURE(directory != NULL, IO);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            HIN_TRY(remove_at(fd, entry->d_name));
        }
    }
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? hin_ok() : fail_errno();
}

struct hin_result hin_directory_remove(const char *path)
{
    return remove_at(AT_FDCWD, path);
}

bool hin_memfd_is_sealed(int fd)
{
    int wanted = F_SEAL_WRITE | F_SEAL_SHRINK;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted;
}

struct hin_result hin_memfd_from(const char *name, struct hin_view content, int *ret_fd)
{
    HIN_CLEANUP_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return fail_errno();
    }
    HIN_TRY(hin_fd_write_all(fd, content));
    if (lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        return fail_errno();
    }
    *ret_fd = hin_fd_take(&fd);
    return hin_ok();
}
