#include "sensor/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "sensor/roots.h"

#define LINES_MAX 20000
#define SAVED_MAX 256

/* One tail over one folder, what it handed out, and what it saved. */
struct world {
    char folder[HIN_PATH_MAX];
    char glob[HIN_PATH_MAX];
    struct hin_roots roots;
    struct hin_tail *tail;
    int inotify;
    int64_t now;
    struct hin_buf got; /* lines, each with newline */
    size_t lines, cuts;
    uint64_t generation;
    unsigned notices[4];
    struct hin_buf saved[SAVED_MAX];
    uint64_t ids[SAVED_MAX];
    size_t saved_count;
    bool backwards; /* positions come back in another order than they were saved */
    int64_t history_usec;
    int fail_after; /* lines, -1: never */
    const struct hin_multiline_options *join;
    uint64_t offset; /* of the last line */
};

static HIN_RESULT open_file(void *context, unsigned root, const char *relative, int *ret_fd)
{
    return hin_roots_open_file(&((struct world *)context)->roots, root, relative, ret_fd);
}

static HIN_RESULT open_directory(void *context, unsigned root, const char *relative, int *ret_fd)
{
    return hin_roots_open_directory(&((struct world *)context)->roots, root, relative, ret_fd);
}

static HIN_RESULT watch(void *context, unsigned root, const char *relative, int *ret_watch)
{
    struct world *w = context;
    return hin_roots_watch(&w->roots, w->inotify, root, relative, ret_watch);
}

static HIN_RESULT take(void *context, const struct hin_tail_line *line)
{
    struct world *w = context;
    HIN_ENSURE(w->fail_after != 0, AGAIN);
    w->fail_after -= w->fail_after > 0;
    w->lines++;
    w->cuts += line->cut;
    w->generation = line->generation;
    w->offset = line->offset;
    HIN_TRY(hin_buf_append(&w->got, hin_view_sub(line->text, 0, 200)));
    return hin_buf_append_byte(&w->got, '\n');
}

static void notice(void *context, enum hin_tail_notice kind, const char *path)
{
    (void)path;
    ((struct world *)context)->notices[kind]++;
}

static HIN_RESULT save(void *context, uint64_t id, struct hin_view position)
{
    struct world *w = context;
    size_t at = 0;
    while (at < w->saved_count && w->ids[at] != id) {
        at++;
    }
    for (size_t i = 0; i < w->saved_count && at == w->saved_count; i++) {
        at = w->saved[i].size == 0 ? i : at;
    }
    HIN_ENSURE(at < SAVED_MAX, LIMIT);
    w->ids[at] = id;
    w->saved_count = HIN_MAX(w->saved_count, at + 1);
    hin_buf_done(&w->saved[at]);
    hin_buf_init(&w->saved[at], 8192);
    return hin_buf_append(&w->saved[at], position);
}

static void tail_open(struct world *w)
{
    const char *root = w->folder, *glob = w->glob;
    struct hin_tail_options options = {
        .host = {open_file, open_directory, watch, w},
        .inotify = w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
        .roots = &root,
        .root_count = 1,
        .globs = &glob,
        .glob_count = 1,
        .history_usec = w->history_usec,
        .joins = &w->join,
        .context = w,
        .line = take,
        .notice = notice,
    };
    CHECK_OK(hin_tail_new(&w->tail, &options));
    for (size_t i = 0; i < w->saved_count; i++) {
        const struct hin_buf *saved = &w->saved[w->backwards ? w->saved_count - 1 - i : i];
        if (saved->size > 0) {
            CHECK_OK(hin_tail_restore(w->tail, hin_buf_view(saved)));
        }
    }
}

static void tail_close(struct world *w)
{
    hin_tail_free(w->tail);
    w->tail = NULL;
    close(w->inotify);
}

static struct world *world_new(const char *pattern)
{
    struct world *w = calloc(1, sizeof(*w));
    const char *folder = test_folder();
    static int number;
    snprintf(w->folder, sizeof(w->folder), "%s/w%d", folder, number++);
    if (mkdir(w->folder, 0755) != 0) {
        abort();
    }
    snprintf(w->glob, sizeof(w->glob), "%.2000s/%s", w->folder, pattern);
    hin_buf_init(&w->got, 64U << 20);
    w->fail_after = -1;
    w->now = 1000000;
    const char *root = w->folder;
    struct hin_error error;
    if (!hin_is_ok(hin_roots_open(&w->roots, &root, 1, &error))) {
        abort();
    }
    tail_open(w);
    return w;
}

static void world_free(struct world *w)
{
    tail_close(w);
    hin_roots_close(&w->roots);
    hin_buf_done(&w->got);
    for (size_t i = 0; i < w->saved_count; i++) {
        hin_buf_done(&w->saved[i]);
    }
    free(w);
}

static void put(struct world *w, const char *name, const char *text)
{
    char path[HIN_PATH_MAX];
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, name));
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK_OK(hin_fd_write_all(fd, hin_view_from_text(text)));
    close(fd);
}

static void move(struct world *w, const char *from, const char *to)
{
    char a[HIN_PATH_MAX], b[HIN_PATH_MAX];
    CHECK_OK(hin_path_join(a, sizeof(a), w->folder, from));
    CHECK_OK(hin_path_join(b, sizeof(b), w->folder, to));
    CHECK(rename(a, b) == 0);
}

static void drain(struct world *w)
{
    bool more = true;
    while (more) {
        CHECK_OK(hin_tail_read(w->tail, w->now, &more));
    }
    CHECK_OK(hin_tail_positions(w->tail, w, save));
}

static void look(struct world *w)
{
    w->now += 100000;
    CHECK_OK(hin_tail_notified(w->tail, w->now));
    drain(w);
}

static void scan(struct world *w)
{
    w->now += 100000;
    CHECK_OK(hin_tail_scan(w->tail, w->now));
    drain(w);
}

static void restart(struct world *w)
{
    tail_close(w);
    tail_open(w);
    scan(w);
}

#define CHECK_GOT(w, text) CHECK_VIEW(hin_buf_view(&(w)->got), text)

TEST(test_sensor_tail__appended_lines_come_once_and_partial_lines_wait)
{
    struct world *w = world_new("*.log");
    put(w, "a.log", "one\ntwo\nthr");
    scan(w);
    CHECK_GOT(w, "one\ntwo\n");
    put(w, "a.log", "ee\n");
    look(w);
    CHECK_GOT(w, "one\ntwo\nthree\n");
    scan(w);
    CHECK_INT(w->lines, 3);
    world_free(w);
}

TEST(test_sensor_tail__a_new_file_is_seen_by_inotify)
{
    struct world *w = world_new("*.log");
    scan(w);
    put(w, "new.log", "hello\n");
    put(w, "other.txt", "not watched\n");
    look(w);
    CHECK_GOT(w, "hello\n");
    world_free(w);
}

TEST(test_sensor_tail__rename_rotation_finishes_the_old_file_first)
{
    struct world *w = world_new("*.log");
    put(w, "a.log", "1\n");
    scan(w);
    put(w, "a.log", "2\n");
    move(w, "a.log", "a.log.1");
    put(w, "a.log.1", "3\n");
    put(w, "a.log", "4\n");
    look(w);
    CHECK_GOT(w, "1\n2\n3\n4\n");
    put(w, "a.log.1", "5\n"); /* the writer had not opened the new one yet */
    put(w, "a.log", "6\n");
    scan(w);
    CHECK_INT(w->lines, 6);
    world_free(w);
}

TEST(test_sensor_tail__rotation_between_two_looks_misses_nothing)
{
    struct world *w = world_new("*.log");
    put(w, "a.log", "1\n");
    scan(w);
    put(w, "a.log", "2\n");
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "3\n");
    move(w, "a.log.1", "a.log.2");
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "4\n");
    move(w, "a.log.2", "a.log.3");
    move(w, "a.log.1", "a.log.2");
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "5\n");
    look(w);
    CHECK_GOT(w, "1\n2\n3\n4\n5\n");
    scan(w);
    scan(w);
    CHECK_INT(w->lines, 5);
    world_free(w);
}

TEST(test_sensor_tail__files_of_one_name_keep_their_order_over_a_restart)
{
    for (int backwards = 0; backwards < 2; backwards++) {
        struct world *w = world_new("*.log");
        w->backwards = backwards != 0;
        put(w, "a.log", "1\n");
        scan(w);
        put(w, "a.log", "2\n");
        move(w, "a.log", "a.log.1");
        put(w, "a.log", "3\n");
        w->fail_after = 0; /* both are known, and nothing of them is read */
        bool more = false;
        CHECK_OK(hin_tail_notified(w->tail, w->now));
        CHECK_CODE(hin_tail_read(w->tail, w->now, &more), AGAIN);
        CHECK_OK(hin_tail_positions(w->tail, w, save));
        w->fail_after = -1;
        restart(w);
        CHECK_GOT(w, "1\n2\n3\n");
        world_free(w);
    }
}

/* A program that opens its log only when it has something to say. */
TEST(test_sensor_tail__a_file_that_came_and_went_is_found_while_the_name_is_away)
{
    struct world *w = world_new("*.log");
    put(w, "a.log", "1\n");
    scan(w);
    move(w, "a.log", "a.log.1");
    look(w);
    put(w, "a.log", "2\n");
    move(w, "a.log.1", "a.log.2");
    move(w, "a.log", "a.log.1");
    look(w);
    CHECK_GOT(w, "1\n2\n");
    w->now += 120 * INT64_C(1000000); /* all of them are finished */
    scan(w);
    scan(w);
    put(w, "a.log", "3\n");
    move(w, "a.log.2", "a.log.3");
    move(w, "a.log.1", "a.log.2");
    move(w, "a.log", "a.log.1");
    look(w);
    CHECK_GOT(w, "1\n2\n3\n");
    scan(w);
    CHECK_INT(w->lines, 3);
    world_free(w);
}

TEST(test_sensor_tail__rotated_files_are_history_however_many_there_are)
{
    struct world *w = world_new("*.log");
    char name[32];
    put(w, "a.log", "1\n");
    for (int i = 2; i <= 150; i++) {
        snprintf(name, sizeof(name), "a.log.%d", i);
        put(w, name, "history\n");
    }
    scan(w);
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "2\n");
    look(w);
    CHECK_GOT(w, "1\n2\n");
    world_free(w);
}

TEST(test_sensor_tail__rotation_while_away_misses_nothing_and_repeats_nothing)
{
    struct world *w = world_new("*.log");
    put(w, "a.log.1", "history\n");
    put(w, "a.log", "1\n");
    scan(w);
    CHECK_GOT(w, "1\n");
    put(w, "a.log", "2\n");
    move(w, "a.log.1", "a.log.2");
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "3\n");
    move(w, "a.log.2", "a.log.3");
    move(w, "a.log.1", "a.log.2");
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "4\n");
    restart(w);
    CHECK_GOT(w, "1\n2\n3\n4\n");
    restart(w);
    CHECK_INT(w->lines, 4);
    world_free(w);
}

TEST(test_sensor_tail__truncation_begins_a_new_generation)
{
    struct world *w = world_new("*.log");
    char path[HIN_PATH_MAX];
    put(w, "a.log", "one\ntwo\n");
    scan(w);
    uint64_t before = w->generation;
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
    CHECK(truncate(path, 0) == 0);
    put(w, "a.log", "three\n");
    look(w);
    CHECK_GOT(w, "one\ntwo\nthree\n");
    CHECK(w->generation != before);
    world_free(w);
}

TEST(test_sensor_tail__truncation_that_grew_past_the_old_end_is_seen_by_the_digest)
{
    struct world *w = world_new("*.log");
    char path[HIN_PATH_MAX];
    put(w, "a.log", "one\n");
    scan(w);
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
    CHECK(truncate(path, 0) == 0);
    put(w, "a.log", "two two\nthree\n");
    restart(w);
    CHECK_GOT(w, "one\ntwo two\nthree\n");
    world_free(w);
}

TEST(test_sensor_tail__copytruncate_reads_the_rest_from_the_copy)
{
    struct world *w = world_new("*.log");
    char path[HIN_PATH_MAX];
    put(w, "a.log", "1\n");
    scan(w);
    put(w, "a.log", "2\n");
    put(w, "a.log.1", "1\n2\n"); /* logrotate copies, then cuts */
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
    CHECK(truncate(path, 0) == 0);
    put(w, "a.log", "3\n");
    look(w);
    look(w);
    CHECK_GOT(w, "1\n2\n3\n");
    world_free(w);
}

TEST(test_sensor_tail__a_long_line_is_cut_and_marked_once)
{
    struct world *w = world_new("*.log");
    static char text[300001];
    hin_fill(text, 'x', 300000);
    put(w, "a.log", text);
    scan(w);
    put(w, "a.log", text);
    look(w);
    put(w, "a.log", "\nafter\n");
    look(w);
    CHECK_INT(w->lines, 2);
    CHECK_INT(w->cuts, 1);
    CHECK(hin_view_ends_with(hin_buf_view(&w->got), HIN_VIEW("\nafter\n")));
    world_free(w);
}

TEST(test_sensor_tail__a_cut_line_stays_cut_over_a_restart)
{
    struct world *w = world_new("*.log");
    static char text[200001];
    hin_fill(text, 'y', 200000);
    put(w, "a.log", text);
    scan(w);
    restart(w);
    put(w, "a.log", "rest\nnext\n");
    restart(w);
    CHECK_INT(w->lines, 2);
    CHECK(hin_view_ends_with(hin_buf_view(&w->got), HIN_VIEW("\nnext\n")));
    world_free(w);
}

TEST(test_sensor_tail__packed_and_linked_files_are_left_alone)
{
    struct world *w = world_new("*");
    char path[HIN_PATH_MAX];
    put(w, "a.log.2.gz", "packed\n");
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "link.log"));
    CHECK(symlink("/etc/passwd", path) == 0);
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "pipe.log"));
    CHECK(mkfifo(path, 0644) == 0);
    put(w, "a.log", "plain\n");
    scan(w);
    CHECK_GOT(w, "plain\n");
    world_free(w);
}

TEST(test_sensor_tail__a_glob_outside_the_roots_is_refused)
{
    struct world *w = world_new("../*.log");
    CHECK_INT(w->notices[HIN_TAIL_REFUSED], 1);
    scan(w);
    tail_close(w);
    snprintf(w->glob, sizeof(w->glob), "/etc/pass*");
    tail_open(w);
    CHECK_INT(w->notices[HIN_TAIL_REFUSED], 2);
    scan(w);
    CHECK_INT(w->lines, 0);
    world_free(w);
}

TEST(test_sensor_tail__globs_cross_folders_only_where_they_say_so)
{
    struct world *w = world_new("*/x.log");
    char path[HIN_PATH_MAX];
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "sub"));
    CHECK(mkdir(path, 0755) == 0);
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "sub/deep"));
    CHECK(mkdir(path, 0755) == 0);
    put(w, "sub/x.log", "yes\n");
    put(w, "sub/deep/x.log", "no\n");
    put(w, "x.log", "no\n");
    scan(w);
    CHECK_GOT(w, "yes\n");
    world_free(w);
}

TEST(test_sensor_tail__a_refused_line_comes_again)
{
    struct world *w = world_new("*.log");
    bool more = false;
    put(w, "a.log", "1\n2\n3\n");
    CHECK_OK(hin_tail_scan(w->tail, w->now));
    w->fail_after = 2;
    CHECK_CODE(hin_tail_read(w->tail, w->now, &more), AGAIN);
    w->fail_after = -1;
    drain(w);
    CHECK_GOT(w, "1\n2\n3\n");
    world_free(w);
}

TEST(test_sensor_tail__a_deleted_file_is_read_to_its_end)
{
    struct world *w = world_new("*.log");
    char path[HIN_PATH_MAX];
    put(w, "a.log", "1\n");
    scan(w);
    put(w, "a.log", "2\n");
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
    CHECK(unlink(path) == 0);
    look(w);
    CHECK_GOT(w, "1\n2\n");
    put(w, "a.log", "3\n");
    look(w);
    CHECK_GOT(w, "1\n2\n3\n");
    world_free(w);
}

TEST(test_sensor_tail__a_file_lost_while_away_is_a_gap)
{
    struct world *w = world_new("*.log");
    char path[HIN_PATH_MAX];
    put(w, "a.log", "1\n");
    scan(w);
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
    CHECK(unlink(path) == 0);
    put(w, "b.log", "keeps the inode from being used again\n");
    put(w, "a.log", "2\n");
    restart(w);
    CHECK_INT(w->notices[HIN_TAIL_GAP], 1);
    CHECK_INT(w->lines, 3);
    world_free(w);
}

TEST(test_sensor_tail__many_rotations_under_restarts_lose_and_repeat_nothing)
{
    struct world *w = world_new("*.log");
    unsigned written = 0, seed = 12345, rotations = 0;
    scan(w);
    for (int round = 0; round < 300; round++) {
        char text[64];
        seed = seed * 1103515245 + 12345;
        for (unsigned i = 0; i < seed >> 28; i++) {
            snprintf(text, sizeof(text), "line %u\n", written++);
            put(w, "a.log", text);
        }
        unsigned what = seed >> 16 & 7;
        char path[HIN_PATH_MAX];
        CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
        if (what < 3 && access(path, F_OK) == 0) {
            for (int k = 8; k >= 1; k--) {
                char from[32], to[32];
                snprintf(from, sizeof(from), "a.log.%d", k);
                snprintf(to, sizeof(to), "a.log.%d", k + 1);
                CHECK_OK(hin_path_join(path, sizeof(path), w->folder, from));
                if (access(path, F_OK) == 0) {
                    move(w, from, to);
                }
            }
            move(w, "a.log", "a.log.1");
            if (++rotations % 6 == 0) { /* what leaves the folder unread is lost, to anybody */
                look(w);
            }
        } else if (what == 3) {
            restart(w);
        } else if (what < 6) {
            look(w);
        }
    }
    restart(w);
    scan(w);
    CHECK_INT(w->lines, written);
    struct hin_view rest = hin_buf_view(&w->got), line;
    for (unsigned i = 0; i < written; i++) {
        char text[64];
        snprintf(text, sizeof(text), "line %u", i);
        CHECK(hin_view_split(&rest, '\n', &line));
        CHECK_VIEW(line, text);
    }
    world_free(w);
}

TEST(test_sensor_tail__what_was_there_before_us_is_history)
{
    struct world *w = world_new("*.log");
    put(w, "a.log", "old\nhalf");
    tail_close(w);
    w->history_usec = INT64_MAX;
    tail_open(w);
    scan(w);
    CHECK_INT(w->lines, 0);
    put(w, "a.log", " a line\nnew\n");
    look(w);
    put(w, "b.log", "first\n");
    look(w);
    CHECK_GOT(w, "new\nfirst\n");
    put(w, "c.log", "while away\n");
    restart(w);
    CHECK_GOT(w, "new\nfirst\nwhile away\n");
    world_free(w);
}

TEST(test_sensor_tail__a_broken_position_is_refused)
{
    struct world *w = world_new("*.log");
    CHECK(!hin_is_ok(hin_tail_restore(w->tail, HIN_VIEW_EMPTY)));
    CHECK_CODE(hin_tail_restore(w->tail, HIN_VIEW("\2")), UNSUPPORTED);
    CHECK(!hin_is_ok(hin_tail_restore(w->tail, HIN_VIEW("\1abc"))));
    world_free(w);
}

/* ---- records of several lines ---- */

static bool unindented(void *context, struct hin_view line)
{
    (void)context;
    return line.size > 0 && line.data[0] != ' ';
}

static const struct hin_multiline_options by_start = {.mode = HIN_MULTILINE_START,
                                                      .starts = unindented};
static const struct hin_multiline_options by_three = {.mode = HIN_MULTILINE_COUNT, .count = 3};

static struct world *world_joining(const struct hin_multiline_options *join)
{
    struct world *w = world_new("*.log");
    tail_close(w);
    w->join = join;
    tail_open(w);
    return w;
}

static void wait_quietly(struct world *w)
{
    CHECK(hin_tail_due(w->tail) < INT64_MAX);
    w->now = hin_tail_due(w->tail);
    drain(w);
}

TEST(test_sensor_tail__a_record_waits_for_the_next_or_for_quiet)
{
    struct world *w = world_joining(&by_start);
    put(w, "a.log", "one\n 1\ntwo\n");
    scan(w);
    CHECK_GOT(w, "one  1\n");
    CHECK_INT(w->offset, 0);
    put(w, "a.log", " 2\n");
    look(w);
    CHECK_INT(w->lines, 1);
    wait_quietly(w);
    CHECK_GOT(w, "one  1\ntwo  2\n");
    CHECK_INT(w->offset, 7);
    CHECK(hin_tail_due(w->tail) == INT64_MAX);
    put(w, "a.log", " late\n"); /* neither lost nor joined to what was handed out */
    look(w);
    wait_quietly(w);
    CHECK_GOT(w, "one  1\ntwo  2\n late\n");
    world_free(w);
}

TEST(test_sensor_tail__a_record_that_grows_for_ever_is_handed_out)
{
    struct world *w = world_joining(&by_start);
    put(w, "a.log", "one\n");
    scan(w);
    for (int i = 0; i < 30 && w->lines == 0; i++) {
        w->now += 400000;
        put(w, "a.log", " x\n");
        look(w);
    }
    CHECK_INT(w->lines, 1);
    world_free(w);
}

TEST(test_sensor_tail__a_restart_in_a_record_neither_loses_nor_doubles_it)
{
    struct world *w = world_joining(&by_three);
    put(w, "a.log", "1\n2\n3\n4\n5\n");
    scan(w);
    CHECK_GOT(w, "1 2 3\n");
    restart(w);
    CHECK_INT(w->lines, 1);
    put(w, "a.log", "6\n");
    look(w);
    CHECK_GOT(w, "1 2 3\n4 5 6\n");
    CHECK_INT(w->offset, 6);
    restart(w);
    CHECK_INT(w->lines, 2);
    world_free(w);
}

TEST(test_sensor_tail__a_record_goes_on_in_the_renamed_file)
{
    struct world *w = world_joining(&by_three);
    put(w, "a.log", "1\n2\n");
    scan(w);
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "4\n5\n6\n");
    put(w, "a.log.1", "3\n");
    scan(w);
    CHECK_GOT(w, "1 2 3\n4 5 6\n");
    /* and over a restart, when only its name's glob tells how it is read */
    put(w, "a.log", "7\n8\n");
    scan(w);
    tail_close(w);
    put(w, "a.log", "9\n");
    move(w, "a.log", "a.log.1");
    put(w, "a.log", "10\n11\n12\n");
    tail_open(w);
    scan(w);
    CHECK_GOT(w, "1 2 3\n4 5 6\n7 8 9\n10 11 12\n");
    world_free(w);
}

TEST(test_sensor_tail__a_record_at_the_start_of_a_truncated_file_is_found_in_its_copy)
{
    struct world *w = world_joining(&by_three);
    char path[HIN_PATH_MAX];
    put(w, "a.log", "1\n2\n");
    scan(w);
    put(w, "a.log.1", "1\n2\n3\n");
    CHECK_OK(hin_path_join(path, sizeof(path), w->folder, "a.log"));
    CHECK(truncate(path, 0) == 0);
    put(w, "a.log", "4\n5\n6\n");
    scan(w);
    scan(w);
    CHECK_GOT(w, "1 2 3\n4 5 6\n");
    world_free(w);
}

TEST(test_sensor_tail__a_long_record_is_cut_and_its_rest_is_another)
{
    struct world *w = world_joining(&by_start);
    char line[1001];
    for (int i = 0; i < 1000; i++) {
        line[i] = 'x';
    }
    line[0] = ' ';
    line[999] = '\n';
    line[1000] = '\0';
    put(w, "a.log", "begin\n");
    for (int i = 0; i < 100; i++) {
        put(w, "a.log", line);
    }
    put(w, "a.log", "next\n");
    scan(w);
    CHECK_INT(w->lines, 2);
    CHECK_INT(w->cuts, 1);
    wait_quietly(w);
    CHECK_INT(w->lines, 3);
    world_free(w);
}

TEST(test_sensor_tail__a_record_that_was_not_taken_comes_again)
{
    struct world *w = world_joining(&by_three);
    bool more = false;
    w->fail_after = 1;
    put(w, "a.log", "1\n2\n3\n4\n5\n6\n");
    CHECK_OK(hin_tail_scan(w->tail, w->now));
    CHECK(hin_tail_read(w->tail, w->now, &more).code == HIN_AGAIN);
    CHECK_OK(hin_tail_positions(w->tail, w, save));
    w->fail_after = -1;
    drain(w);
    CHECK_GOT(w, "1 2 3\n4 5 6\n");
    world_free(w);
}
