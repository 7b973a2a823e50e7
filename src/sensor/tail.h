/* Following log files by name: globs beneath the log roots, through rotation and truncation, line
 * by line, from a position that survives restarts.
 *
 * A source is one file (device and inode), whatever it is called by now. A renamed or deleted file
 * is read to its end before the one that took its name; files that came and went between two looks
 * are found among its rotated siblings
 * ("NAME.1", "NAME-20260101") by their times. Its generation is a random number, drawn when it is
 * first opened and again whenever it turns out not to continue the bytes last read (a digest of the
 * last block decides), was truncated or replaced. Lines are handed out once, in order; a partial
 * last line waits for its newline, or for the end of a rotated file. No path is opened here: `host`
 * does that, in another process if need be. Single-threaded.
 *
 * Where a glob joins lines to records, a record is what a line is elsewhere: its identity is its
 * first line's offset, and the position stands before it until it was handed out. Nothing of an
 * unfinished record is kept but its place in the file: it is read again, so a restart neither loses
 * nor doubles it. It is handed out when the next one begins, when its file was quiet for the
 * time-out, after HIN_TAIL_RECORD_AGE_USEC in any case, or when HIN_MULTILINE_MAX_BYTES are full:
 * it is then marked cut, and its rest makes another one. A record is never joined over two files.
 */
#ifndef HIN_SENSOR_TAIL_H
#define HIN_SENSOR_TAIL_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "decode/log/multiline.h"

#define HIN_TAIL_LINE_MAX_BYTES     65536
#define HIN_TAIL_FILES_MAX          4096
#define HIN_TAIL_FOLDERS_MAX        1024
#define HIN_TAIL_POSITION_MAX_BYTES 4352
#define HIN_TAIL_RECORD_AGE_USEC    INT64_C(10000000) /* except for records of a number of lines */

struct hin_tail;

/* roots.h, by direct call or by message. */
struct hin_tail_host {
    HIN_RESULT (*open_file)(void *context, unsigned root, const char *relative, int *ret_fd);
    HIN_RESULT (*open_directory)(void *context, unsigned root, const char *relative, int *ret_fd);
    HIN_RESULT (*watch)(void *context, unsigned root, const char *relative, int *ret_watch);
    void *context;
};

struct hin_tail_line {
    struct hin_view
        text; /* without newline; at most HIN_TAIL_LINE_MAX_BYTES; valid during the call */
    struct hin_view location; /* absolute path that the file was found under */
    uint64_t generation;      /* 1 .. 2^63-1 */
    uint64_t offset;          /* of the line's first byte */
    bool cut;                 /* it was longer; the rest is skipped */
    unsigned glob;            /* index of the glob that found it */
};

enum hin_tail_notice {
    HIN_TAIL_REFUSED, /* a glob outside the log roots */
    HIN_TAIL_DENIED,  /* a file that may not be read; told once */
    HIN_TAIL_GAP,     /* a file vanished or was cut before it was read to the end */
    HIN_TAIL_BOUND,   /* more files or folders than the maximum */
};

struct hin_tail_options {
    struct hin_tail_host host;
    int inotify;              /* borrowed, non-blocking; the host adds watches to it */
    const char *const *roots; /* as in struct hin_roots; copied */
    size_t root_count;
    const char *const *globs; /* absolute; copied */
    size_t glob_count;
    /* How each glob's lines become records; an entry NULL, or all NULL: they are records
     * themselves. Borrowed for life. */
    const struct hin_multiline_options *const *joins;
    /* Files born before this (wall time) and found by the first scan, without any saved position,
     * are history: they are followed from their end. 0: every file is read from its start. */
    int64_t history_usec;
    void *context;
    /* A failure stops the round; the line is then handed out again. */
    HIN_RESULT (*line)(void *context, const struct hin_tail_line *line);
    void (*notice)(void *context, enum hin_tail_notice notice, const char *path);
};

HIN_RESULT hin_tail_new(struct hin_tail **ret_tail,
                        const struct hin_tail_options *options) HIN_NONNULL;
void hin_tail_free(struct hin_tail *tail);
void hin_tail_freep(struct hin_tail **tail);

/* A position that was saved; before the first scan, in any order. SYNTAX, UNSUPPORTED (a newer
 * version): the caller decides. */
HIN_RESULT hin_tail_restore(struct hin_tail *tail, struct hin_view position) HIN_NONNULL;

/* Look at every folder anew: at start, and now and then (what inotify missed). now_usec: monotonic.
 */
HIN_RESULT hin_tail_scan(struct hin_tail *tail, int64_t now_usec) HIN_NONNULL;
/* inotify is readable: take in what changed, and look again at the folders that need it. */
HIN_RESULT hin_tail_notified(struct hin_tail *tail, int64_t now_usec) HIN_NONNULL;
/* Read one portion (at most 256 KiB) of the next file that has something. *ret_more: call again. */
HIN_RESULT hin_tail_read(struct hin_tail *tail, int64_t now_usec, bool *ret_more) HIN_NONNULL;

/* When hin_tail_read has something to do although no file changed: monotonic, INT64_MAX for never.
 */
int64_t hin_tail_due(const struct hin_tail *tail) HIN_NONNULL;

/* Every position that changed since the last call, to be saved with what the lines became; position
 * is empty when the source is to be forgotten. id names the source over its life. When `save`
 * fails, the rest stays marked. */
HIN_RESULT hin_tail_positions(struct hin_tail *tail, void *context,
                              HIN_RESULT (*save)(void *context, uint64_t id,
                                                 struct hin_view position));

struct hin_tail_stats {
    size_t files, folders;
    uint64_t lines, bytes, cut;
};
void hin_tail_stats(const struct hin_tail *tail, struct hin_tail_stats *ret_stats) HIN_NONNULL;

#endif
