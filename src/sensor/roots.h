/* The log roots of a host: the only folders below which a log may be opened, whatever a policy
 * says. Opened once by the parent from the host's own configuration; everything else is reached by
 * openat2(2) beneath them, without symbolic or magic links, and only regular files and directories
 * are handed out. */
#ifndef HIN_SENSOR_ROOTS_H
#define HIN_SENSOR_ROOTS_H

#include "base/path.h"
#include "base/result.h"

#define HIN_ROOTS_MAX 64

struct hin_roots {
    size_t count;
    char paths[HIN_ROOTS_MAX][HIN_PATH_MAX]; /* absolute and clean */
    int fds[HIN_ROOTS_MAX];                  /* -1: absent when the program started */
};

/* Opens each path (a folder that is absent now keeps its place and is tried again at each use).
 * INVALID for a path that is not absolute and clean, with a sentence in error. */
HIN_RESULT hin_roots_open(struct hin_roots *ret_roots, const char *const *paths, size_t count,
                          struct hin_error *error);
void hin_roots_close(struct hin_roots *roots);

/* relative: clean, without leading slash; "" or "." is the root itself (directories only). DENIED:
 * outside, a link on the way, not a regular file, or no permission; NOT_FOUND. The descriptor is
 * for reading, close-on-exec. */
HIN_RESULT hin_roots_open_file(struct hin_roots *roots, unsigned root, const char *relative,
                               int *ret_fd);
HIN_RESULT hin_roots_open_directory(struct hin_roots *roots, unsigned root, const char *relative,
                                    int *ret_fd);
/* Watch a directory for what a tail needs to know. inotify: inotify_init1(2). */
HIN_RESULT hin_roots_watch(struct hin_roots *roots, int inotify, unsigned root,
                           const char *relative, int *ret_watch);

/* The root that an absolute path or glob lies beneath; NOT_FOUND when none. *ret_relative points
 * into path. */
HIN_RESULT hin_roots_find(const struct hin_roots *roots, const char *path, unsigned *ret_root,
                          const char **ret_relative);

#endif
