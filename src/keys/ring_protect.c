/* A ring's keys under another guard. Its file is replaced, since head and images must change
 * together: the new one is written beside it (PATH.new), the two change names at once, and what is
 * then PATH.new is overwritten and removed. Cut off anywhere, PATH is a whole ring under the former
 * guard or the new one, and PATH.new is to be wiped whichever it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "keys/ring_internal.h"

enum { LOCK_TRIES = 100, LOCK_PAUSE_USEC = 50 * 1000 };

static void wipe_buf(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->capacity);
    hin_buf_done(buf);
}

static HIN_RESULT path_beside(const struct hin_ring *ring, char out[HIN_PATH_MAX])
{
    int size = snprintf(out, HIN_PATH_MAX, "%s.new", ring->path);
    HIN_ENSURE(size > 0 && size < HIN_PATH_MAX, LIMIT);
    return hin_ok();
}

static HIN_RESULT sync_folder(const struct hin_ring *ring)
{
    char folder[HIN_PATH_MAX];
    HIN_CLEANUP_FD int fd = -1;
    size_t size = (size_t)(hin_path_base(ring->path) - ring->path);
    HIN_TRY(hin_view_to_text(size > 0 ? hin_view_of(ring->path, size) : HIN_VIEW("."), folder,
                             sizeof(folder)));
    HIN_TRY(hin_fd_open(ring->directory, folder, O_RDONLY | O_DIRECTORY, 0, &fd));
    return hin_directory_sync(fd);
}

/* Its content first: a name that is gone leaves blocks with keys. */
static HIN_RESULT wipe_beside(const struct hin_ring *ring, const char *path)
{
    static const uint8_t zeros[4096];
    struct stat about;
    HIN_CLEANUP_FD int fd = -1;
    if (fstatat(ring->directory, path, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        return hin_ok();
    }
    HIN_ENSURE(S_ISREG(about.st_mode), DENIED);
    if (fchmodat(ring->directory, path, 0600, 0) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    HIN_TRY(hin_fd_open(ring->directory, path, O_WRONLY | O_NOFOLLOW, 0, &fd));
    for (off_t at = 0; at < about.st_size; at += (off_t)sizeof(zeros)) {
        HIN_TRY(hin_fd_write_all(fd, hin_view_of(zeros, sizeof(zeros))));
    }
    HIN_TRY(hin_file_sync(fd));
    if (unlinkat(ring->directory, path, 0) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return sync_folder(ring);
}

/* What was opened may have been replaced before the lock was had. */
static bool is_still_there(const struct hin_ring *ring)
{
    struct stat named, opened;
    return fstatat(ring->directory, ring->path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(ring->file, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

struct hin_result hin_ring_lock(struct hin_ring *ring, struct hin_error *error)
{
    char beside[HIN_PATH_MAX];
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_USEC * 1000L};
    int tries = 0;
    HIN_ENSURE(ring->file >= 0 && ring->directory >= 0, DENIED);
    while (flock(ring->file, LOCK_EX | LOCK_NB) != 0) {
        if (++tries == LOCK_TRIES) {
            return hin_error_set(error, HIN_CONFLICT, ring->path, 0, 0,
                                 "another process holds the key ring: stop the manager first");
        }
        (void)nanosleep(&pause, NULL); /* one that was killed ends in a moment */
    }
    if (!is_still_there(ring)) {
        return hin_error_set(error, HIN_CONFLICT, ring->path, 0, 0,
                             "the key ring was replaced meanwhile: try again");
    }
    HIN_TRY(path_beside(ring, beside));
    struct hin_result wiped = wipe_beside(ring, beside);
    if (!hin_is_ok(wiped)) {
        return hin_error_set(error, wiped.code, beside, 0, 0,
                             "what a change of the key ring's protection left behind cannot be "
                             "removed: %s",
                             hin_code_text(wiped.code));
    }
    return hin_ok();
}

static HIN_RESULT write_beside(const struct hin_ring *ring, const char *path, struct hin_view bytes)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(
        hin_fd_open(ring->directory, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0400, &fd));
    HIN_TRY(hin_fd_write_all(fd, bytes));
    return hin_file_sync(fd);
}

static HIN_RESULT exchange(struct hin_ring *ring, struct hin_view bytes)
{
    char beside[HIN_PATH_MAX];
    HIN_TRY(path_beside(ring, beside));
    struct hin_result result = write_beside(ring, beside, bytes);
    if (hin_is_ok(result) &&
        renameat2(ring->directory, beside, ring->directory, ring->path, RENAME_EXCHANGE) != 0) {
        result = hin_fail(errno == EINVAL ? HIN_UNSUPPORTED : hin_code_from_errno(errno));
    }
    if (hin_is_ok(result)) {
        result = sync_folder(ring);
    }
    struct hin_result wiped = wipe_beside(ring, beside);
    return hin_is_ok(result) ? wiped : result;
}

struct hin_result hin_ring_protect(struct hin_ring *ring, const struct hin_ring_tpm *tpm,
                                   const struct hin_secret *secret, struct hin_error *error)
{
    HIN_CLEANUP(wipe_buf) struct hin_buf bytes = {.max = HIN_RING_FILE_MAX};
    HIN_ENSURE(ring->format == 2 && ring->file >= 0, DENIED);
    HIN_TRY(hin_ring_guard(ring, tpm, secret));
    HIN_TRY(hin_ring_encode(ring, &bytes));
    struct hin_result result = exchange(ring, hin_buf_view(&bytes));
    hin_fd_close(&ring->file); /* the former file's: nothing may be written there any more */
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, ring->path, 0, 0,
                             "the key ring's protection was not changed, or what it was before is "
                             "still there (%s.new): %s",
                             ring->path, hin_code_text(result.code));
    }
    return hin_ok();
}
