/* Saved read positions. First byte: 0 = the rest is a tail's position, whose folder holds a log and
 * a rotated one: whatever it says, what is saved after it must restore, and leave nothing to be
 * read. 2 = turns of a log that grows and is rotated and of a tail that reads, saves and is
 * restarted from what it saved: every line once, in order. Else the journal's position. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../scratch.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "sensor/journal.h"
#include "sensor/roots.h"
#include "sensor/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAVED_MAX     64
#define TURNS_MAX     96
#define ROTATIONS_MAX 8
#define LINE_BYTES    7 /* "000001\n" */

/* What a tail has saved, as the spool keeps it: by id, the last one counts. */
struct saved {
    uint64_t id;
    uint8_t bytes[HIN_TAIL_POSITION_MAX_BYTES];
    size_t size; /* 0: forgotten */
};

struct world {
    struct hin_roots roots; /* a folder of ours, which the tail knows as /var/log */
    struct hin_tail *tail;
    struct saved saved[SAVED_MAX];
    size_t saved_count;
    unsigned saves_left; /* then saving fails */
    unsigned lines_left; /* then the reader fails */
    int64_t now;
    unsigned written;   /* whole lines in all logs */
    bool half;          /* of the next line stands at the end */
    unsigned rotations; /* so far */
    unsigned next;      /* line that is to come */
    unsigned saved_next;
    bool in_order; /* lines are numbered */
    size_t lines;  /* handed out since the tail was opened */
};

static HIN_RESULT open_file(void *context, unsigned root, const char *relative, int *ret_fd)
{
    return hin_roots_open_file(&((struct world *)context)->roots, root, relative, ret_fd);
}

static HIN_RESULT open_directory(void *context, unsigned root, const char *relative, int *ret_fd)
{
    return hin_roots_open_directory(&((struct world *)context)->roots, root, relative, ret_fd);
}

static HIN_RESULT no_watch(void *context, unsigned root, const char *relative, int *ret_watch)
{
    (void)context;
    (void)root;
    (void)relative;
    (void)ret_watch;
    return hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT take_line(void *context, const struct hin_tail_line *line)
{
    struct world *w = context;
    uint64_t number = 0;
    HIN_ENSURE(w->lines_left > 0, AGAIN);
    w->lines_left--;
    w->lines++;
    if (w->in_order) {
        scratch_require(!line->cut && line->text.size == LINE_BYTES - 1 &&
                        hin_is_ok(hin_view_to_u64(line->text, &number)) && number == w->next);
        w->next++;
    }
    return hin_ok();
}

static HIN_RESULT save(void *context, uint64_t id, struct hin_view position)
{
    struct world *w = context;
    size_t at = 0;
    HIN_ENSURE(w->saves_left > 0, AGAIN);
    w->saves_left--;
    while (at < w->saved_count && w->saved[at].id != id) {
        at++;
    }
    struct saved *place = &w->saved[at];
    scratch_require(at < SAVED_MAX && position.size <= sizeof(place->bytes));
    w->saved_count = HIN_MAX(w->saved_count, at + 1);
    place->id = id;
    place->size = position.size;
    hin_copy(place->bytes, position.data, position.size);
    return hin_ok();
}

static void path_of(char out[HIN_PATH_MAX], const char *name)
{
    char folder[HIN_PATH_MAX];
    scratch_require(hin_is_ok(hin_path_join(folder, sizeof(folder), scratch_folder(), "logs")) &&
                    hin_is_ok(hin_path_join(out, HIN_PATH_MAX, folder, name)));
}

/* Each time a second later, for in reality rotations lie further apart than a clock's tick. */
static void append(const char *name, const char *text)
{
    static time_t second;
    second++;
    const struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};
    char path[HIN_PATH_MAX];
    int fd = -1;
    path_of(path, name);
    scratch_require(hin_is_ok(
        hin_fd_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600, &fd)));
    scratch_require(hin_is_ok(hin_fd_write_all(fd, hin_view_from_text(text))) &&
                    futimens(fd, times) == 0);
    hin_fd_close(&fd);
}

static void tail_begin(struct world *w)
{
    const char *root = "/var/log", *glob = "/var/log/*.log";
    const struct hin_tail_options options = {
        .host = {open_file, open_directory, no_watch, w},
        .inotify = -1,
        .roots = &root,
        .root_count = 1,
        .globs = &glob,
        .glob_count = 1,
        .context = w,
        .line = take_line,
    };
    scratch_require(hin_is_ok(hin_tail_new(&w->tail, &options)));
    w->lines = 0;
}

/* The spool gives positions back in any order. */
static void tail_again(struct world *w, bool backwards)
{
    hin_tail_free(w->tail);
    tail_begin(w);
    for (size_t i = 0; i < w->saved_count; i++) {
        const struct saved *saved = &w->saved[backwards ? w->saved_count - 1 - i : i];
        if (saved->size > 0) { /* what was saved can be restored */
            scratch_require(
                hin_is_ok(hin_tail_restore(w->tail, hin_view_of(saved->bytes, saved->size))));
        }
    }
}

/* Until nothing is left, or a line is not taken. */
static void read_all(struct world *w, unsigned lines_left)
{
    bool more = true;
    struct hin_result result = hin_ok();
    w->lines_left = lines_left;
    scratch_require(hin_is_ok(hin_tail_scan(w->tail, w->now)));
    while (more && hin_is_ok(result)) {
        result = hin_tail_read(w->tail, w->now, &more);
    }
    scratch_require(hin_is_ok(result) || (result.code == HIN_AGAIN && w->lines_left == 0));
}

/* First as many as may be saved, then the rest: what failed must still be marked. */
static void save_all(struct world *w, unsigned saves_left)
{
    w->saves_left = saves_left;
    struct hin_result result = hin_tail_positions(w->tail, w, save);
    scratch_require(hin_is_ok(result) || (result.code == HIN_AGAIN && w->saves_left == 0));
    w->saves_left = SAVED_MAX * 2;
    scratch_require(hin_is_ok(hin_tail_positions(w->tail, w, save)));
    w->saves_left = 0; /* nothing has changed since */
    scratch_require(hin_is_ok(hin_tail_positions(w->tail, w, save)));
    w->saved_next = w->next;
}

static struct world *world_open(void)
{
    static struct world w; /* too large for a stack under a sanitizer */
    char path[HIN_PATH_MAX];
    struct hin_error error;
    const char *root = path;
    scratch_require(hin_is_ok(hin_path_join(path, sizeof(path), scratch_folder(), "logs")) &&
                    hin_is_ok(hin_directory_remove(path)) &&
                    hin_is_ok(hin_directory_make(path, 0700)));
    w = (struct world){.now = 1000000};
    scratch_require(hin_is_ok(hin_roots_open(&w.roots, &root, 1, &error)));
    tail_begin(&w);
    return &w;
}

static void world_close(struct world *w)
{
    hin_tail_free(w->tail);
    hin_roots_close(&w->roots);
}

/* A position of unknown origin, and a folder that has other things to tell. */
static void restore_input(struct hin_view position)
{
    struct world *w = world_open();
    append("a.log", "one\ntwo\n");
    append("a.log.1", "zero\n");
    if (hin_is_ok(hin_tail_restore(w->tail, position))) {
        read_all(w, 100);
        save_all(w, 1);
        tail_again(w, true);
        read_all(w, 100);
        scratch_require(w->lines == 0);
    }
    world_close(w);
}

static void write_line(struct world *w, bool half)
{
    char text[16], rest[16];
    (void)snprintf(text, sizeof(text), "%06u\n", w->written);
    if (w->half) {
        (void)snprintf(rest, sizeof(rest), "%s", text + 3);
        append("a.log", rest);
        w->half = false;
        w->written++;
    } else if (half) {
        text[3] = '\0';
        append("a.log", text);
        w->half = true;
    } else {
        append("a.log", text);
        w->written++;
    }
}

/* a.log becomes a.log.1, that a.log.2, and so on; the next line makes a new a.log. */
static void rotate(struct world *w)
{
    char from[HIN_PATH_MAX], to[HIN_PATH_MAX], name[32];
    if (w->half) {
        write_line(w, false);
    }
    path_of(from, "a.log");
    if (w->rotations == ROTATIONS_MAX || access(from, F_OK) != 0) {
        return;
    }
    w->rotations++;
    for (unsigned i = w->rotations; i > 0; i--) {
        (void)snprintf(name, sizeof(name), "a.log.%u", i);
        path_of(to, name);
        (void)snprintf(name, sizeof(name), i > 1 ? "a.log.%u" : "a.log", i - 1);
        path_of(from, name);
        scratch_require(rename(from, to) == 0);
    }
}

/* Bits 0-2 what, the others how much. */
static void take_turns(struct hin_view turns)
{
    struct world *w = world_open();
    w->in_order = true;
    write_line(w, false);
    read_all(w, 100);
    save_all(w, 1);
    for (size_t i = 0; i < turns.size && i < TURNS_MAX; i++) {
        unsigned amount = turns.data[i] >> 3;
        switch (turns.data[i] & 7) {
        case 0:
            for (unsigned n = 0; n <= amount; n++) {
                write_line(w, false);
            }
            break;
        case 1:
            write_line(w, true);
            break;
        case 2:
            rotate(w);
            break;
        case 3:
            read_all(w, 100000);
            break;
        case 4:
            read_all(w, amount);
            break;
        case 5:
            save_all(w, amount);
            break;
        case 6:
            tail_again(w, (amount & 1) != 0);
            w->next = w->saved_next;
            break;
        default:
            w->now += amount * INT64_C(10000000);
        }
    }
    read_all(w, 100000);
    scratch_require(w->next == w->written);
    world_close(w);
}

static void no_field(void *context, struct hin_view field)
{
    (void)context;
    (void)field;
}

static HIN_RESULT no_entry(void *context, uint64_t generation, uint64_t offset)
{
    (void)context;
    (void)generation;
    (void)offset;
    return hin_ok();
}

static void journal_run(struct hin_view position)
{
    struct hin_journal_source *source = NULL;
    struct hin_journal_source_options options = {NULL, no_field, no_entry};
    if (!hin_is_ok(hin_journal_source_new(&source, &options))) {
        abort();
    }
    HIN_IGNORE(hin_journal_source_restore(source,
                                          position)); /* any answer is fine, as long as it is one */
    hin_journal_source_free(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct hin_view rest = hin_view_of(data + 1, size - 1);
    switch (data[0]) {
    case 0:
        restore_input(rest);
        break;
    case 2:
        take_turns(rest);
        break;
    default:
        journal_run(rest);
    }
    return 0;
}
