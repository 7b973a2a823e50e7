/* A folder of this process's own in memory, for targets whose parser reads files; gone at the end.
 */
#ifndef HIN_FUZZ_SCRATCH_H
#define HIN_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

static char scratch_path[HIN_PATH_MAX];

static inline void scratch_require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static inline void scratch_end(void)
{
    HIN_IGNORE(hin_directory_remove(scratch_path));
}

/* The folder's path; made at the first call. */
static inline const char *scratch_folder(void)
{
    if (scratch_path[0] == '\0') {
        const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        (void)snprintf(scratch_path, sizeof(scratch_path), "%s/hinomi-fuzz-XXXXXX", base);
        scratch_require(mkdtemp(scratch_path) != NULL);
        (void)atexit(scratch_end);
    }
    return scratch_path;
}

/* A plain write: nothing of it has to last. */
static inline void scratch_write(const char *name, struct hin_view bytes, mode_t mode)
{
    char path[HIN_PATH_MAX];
    int fd = -1;
    scratch_require(hin_is_ok(hin_path_join(path, sizeof(path), scratch_folder(), name)));
    scratch_require(hin_is_ok(
        hin_fd_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode, &fd)));
    scratch_require(hin_is_ok(hin_fd_write_all(fd, bytes)));
    hin_fd_close(&fd);
}

#endif
