/* File descriptors and whole files. Every descriptor is opened close-on-exec. */
#ifndef HIN_BASE_FD_H
#define HIN_BASE_FD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

/* Closes *fd unless it is negative and sets it to -1; errno is kept. For HIN_CLEANUP. */
void hin_fd_close(int *fd);
#define HIN_CLEANUP_FD HIN_CLEANUP(hin_fd_close)
/* Ownership leaves: returns *fd and sets it to -1. */
int hin_fd_take(int *fd);

HIN_RESULT hin_fd_open(int directory, const char *path, int flags, mode_t mode, int *ret_fd);
/* Appends up to the end of file; LIMIT when the buffer's maximum is reached first. */
HIN_RESULT hin_fd_read_all(int fd, struct hin_buf *buf);
/* One read(2), EINTR retried. *ret_size 0 = end of file; AGAIN when it would block. */
HIN_RESULT hin_fd_read_some(int fd, void *to, size_t size, size_t *ret_size);
HIN_RESULT hin_fd_write_all(int fd, struct hin_view bytes);
HIN_RESULT hin_fd_nonblocking(int fd, bool on);

/* Whole file, at most buf's maximum. directory: AT_FDCWD or a descriptor. */
HIN_RESULT hin_file_read(int directory, const char *path, struct hin_buf *buf);
/* Write beside, fdatasync, rename over, fsync the directory: afterwards either the old or the new
 * content stands. */
HIN_RESULT hin_file_replace(int directory, const char *path, struct hin_view content, mode_t mode);
HIN_RESULT hin_file_sync(int fd);                             /* fdatasync */
HIN_RESULT hin_directory_make(const char *path, mode_t mode); /* mkdir -p; existing is fine */
HIN_RESULT hin_directory_sync(int directory);
/* Remove a tree; absent is fine. Never follows links. */
HIN_RESULT hin_directory_remove(const char *path);
/* An anonymous sealed memory file with this content (F_SEAL_WRITE|SHRINK|GROW), to be passed
 * between processes. */
HIN_RESULT hin_memfd_from(const char *name, struct hin_view content, int *ret_fd);
/* Is it one that nobody can change or shrink any more? Only then what was checked in it is what is
 * used, and a map of it cannot fault. */
bool hin_memfd_is_sealed(int fd);

#endif
