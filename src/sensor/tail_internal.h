/* Shared between tail.c (reading), tail_scan.c (folders and rotation) and tail_position.c (saved
 * form). */
#ifndef HIN_SENSOR_TAIL_INTERNAL_H
#define HIN_SENSOR_TAIL_INTERNAL_H

#include <sys/stat.h>

#include "base/map.h"
#include "base/path.h"
#include "sensor/tail.h"

#define TAIL_BLOCK_BYTES  256          /* whose digest decides whether a file continues */
#define TAIL_WINDOW_BYTES (256 * 1024) /* one portion */
#define TAIL_GRACE_USEC                                                                            \
    (60 * INT64_C(1000000))     /* a rotated file is followed this long after its last growth */
#define TAIL_ENTRIES_MAX  16384 /* of one folder */
#define TAIL_SIBLINGS_MAX 64
#define TAIL_LOOKS        8 /* at a folder whose names move meanwhile */

enum source_state {
    SOURCE_COLD,    /* restored, not seen yet */
    SOURCE_ACTIVE,  /* has its name */
    SOURCE_RETIRED, /* its name went to another file, or away: to be finished */
    SOURCE_DONE, /* finished; remembered while its inode is there, so that it is not read again */
};

struct source {
    uint64_t id;
    uint64_t generation;
    uint64_t device, inode;
    char *path; /* absolute; the name it was found under, also when it was renamed since */
    unsigned root;
    unsigned glob;
    enum source_state state;
    uint64_t order; /* of two with one path, the lower is read first */
    int fd;
    uint64_t offset; /* first byte that was not handed out */
    uint64_t digest; /* of the block before it */
    uint16_t block_bytes;
    bool retired;    /* restored: its name had gone to another file already */
    bool complete;   /* was read to its end when last looked at */
    bool skipping;   /* inside a line that was cut */
    bool dirty;      /* may have something to read */
    bool changed;    /* position not saved yet */
    bool forget;     /* to be removed, once that is saved */
    bool seen;       /* by the present scan of its folder */
    uint8_t missing; /* looks in a row that did not find its inode */
    uint64_t size_seen;
    int64_t mtime_usec; /* of the file when it was last read */
    int64_t grown_usec; /* monotonic: when it last grew */
    /* an unfinished record stands at `offset` */
    int64_t opened_usec; /* monotonic: since when; 0: none */
    int64_t due_usec;    /* monotonic: when it is handed out as it is */
    uint16_t head_bytes; /* its first bytes, which tell a copy of a file not yet read otherwise */
    uint64_t head_digest;
};

struct folder {
    char *path; /* absolute */
    unsigned root;
    int watch; /* -1: none */
    bool dirty;
    bool present; /* by the present walk */
};

struct tail_glob {
    char *pattern;
    unsigned root;
    bool usable;
    bool deep;      /* has ** */
    unsigned depth; /* number of slashes */
};

struct hin_tail {
    struct hin_tail_options options;
    char **roots;
    struct tail_glob *globs;
    struct source **sources;
    size_t source_count, source_capacity;
    struct folder *folders;
    size_t folder_count;
    size_t next; /* round robin */
    uint64_t order;
    uint8_t *window;
    uint64_t line_count, byte_count, cut_count;
    bool bound_told;
    struct hin_map denied; /* paths told of already */
    bool known;            /* there was a scan or a saved position: nothing is history any more */
    bool restored;         /* positions came in any order, and no scan since */
    bool raced;            /* names moved while a folder was looked at: look again */
};

static inline int64_t stat_mtime_usec(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

bool tail_glob_of(const struct hin_tail *tail, const char *path, unsigned *ret_glob);
/* Forget that a record was begun. */
static inline void tail_close_record(struct source *source)
{
    source->opened_usec = source->due_usec = 0;
    source->head_bytes = 0;
}

uint64_t tail_digest(const struct source *source, struct hin_view block);
/* Draw a new generation and begin at the start of the file. */
HIN_RESULT tail_restart(struct source *source);
/* It was there before us: go on from its end. */
HIN_RESULT tail_skip_history(struct source *source, uint64_t size);
/* Does the file behind fd continue what was read? */
bool tail_continues(const struct source *source, int fd, uint64_t size);
HIN_RESULT tail_source_add(struct hin_tail *tail, const char *path, unsigned root, unsigned glob,
                           int fd, const struct stat *st, struct source **ret_source);
void tail_source_retire(struct source *source);
void tail_source_forget(struct source *source);
void tail_notice(struct hin_tail *tail, enum hin_tail_notice notice, const char *path);
const char *tail_relative(const struct hin_tail *tail, unsigned root, const char *path);
/* Whoever kept the positions kept no order: put the files of one name back in theirs. */
void tail_order_restored(struct hin_tail *tail);
/* A truncated file may have been copied away first (copytruncate): find the copy and finish that.
 */
void tail_find_copy(struct hin_tail *tail, const struct source *source);

#endif
