#include "sensor/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/map.h"
#include "base/secret.h"
#include "sensor/tail_internal.h"

uint64_t tail_digest(const struct source *source, struct hin_view block)
{
    /* The generation is random and is stored sealed, so nobody can aim at a digest. */
    const uint64_t key[2] = {source->generation, UINT64_C(0x48696e6f6d695461)};
    return hin_siphash(key, block);
}

void tail_notice(struct hin_tail *tail, enum hin_tail_notice notice, const char *path)
{
    if (tail->options.notice != NULL) {
        tail->options.notice(tail->options.context, notice, path);
    }
}

struct hin_result tail_restart(struct source *source)
{
    uint64_t generation = 0;
    do {
        HIN_TRY(hin_random(&generation, sizeof(generation)));
        generation >>= 1;
    } while (generation == 0);
    source->generation = generation;
    source->offset = 0;
    source->block_bytes = 0;
    source->digest = tail_digest(source, HIN_VIEW_EMPTY);
    source->skipping = false;
    tail_close_record(source);
    source->changed = true;
    source->dirty = true;
    source->size_seen = UINT64_MAX;
    return hin_ok();
}

static HIN_RESULT read_at(int fd, uint64_t offset, uint8_t *to, size_t size, size_t *ret_size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, to + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        HIN_ENSURE(got >= 0, IO);
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_size = done;
    return hin_ok();
}

bool tail_continues(const struct source *source, int fd, uint64_t size)
{
    uint8_t block[TAIL_BLOCK_BYTES];
    size_t got = 0;
    if (size < source->offset + source->head_bytes) {
        return false;
    }
    if (source->head_bytes > 0 &&
        (!hin_is_ok(read_at(fd, source->offset, block, source->head_bytes, &got)) ||
         tail_digest(source, hin_view_of(block, got)) != source->head_digest)) {
        return false;
    }
    if (!hin_is_ok(
            read_at(fd, source->offset - source->block_bytes, block, source->block_bytes, &got))) {
        return false;
    }
    return got == source->block_bytes &&
           tail_digest(source, hin_view_of(block, got)) == source->digest;
}

struct hin_result tail_skip_history(struct source *source, uint64_t size)
{
    uint8_t block[TAIL_BLOCK_BYTES];
    size_t want = size < TAIL_BLOCK_BYTES ? (size_t)size : TAIL_BLOCK_BYTES, got = 0;
    HIN_TRY(read_at(source->fd, size - want, block, want, &got));
    if (got != want || want == 0) {
        return hin_ok(); /* it shrinks just now: from its start then */
    }
    source->offset = size;
    source->block_bytes = (uint16_t)got;
    source->digest = tail_digest(source, hin_view_of(block, got));
    source->skipping = block[got - 1] != '\n';
    return hin_ok();
}

static HIN_RESULT grow(struct hin_tail *tail)
{
    HIN_ENSURE(tail->source_count < 2 * HIN_TAIL_FILES_MAX, LIMIT);
    if (tail->source_count < tail->source_capacity) {
        return hin_ok();
    }
    size_t capacity = tail->source_capacity == 0 ? 16 : tail->source_capacity * 2;
    struct source **sources = realloc(tail->sources, capacity * sizeof(*sources));
    HIN_ENSURE(sources != NULL, NO_MEMORY);
    tail->sources = sources;
    tail->source_capacity = capacity;
    return hin_ok();
}

struct hin_result tail_source_add(struct hin_tail *tail, const char *path, unsigned root,
                                  unsigned glob, int fd, const struct stat *st,
                                  struct source **ret_source)
{
    HIN_TRY(grow(tail));
    struct source *source = calloc(1, sizeof(*source));
    HIN_ENSURE(source != NULL, NO_MEMORY);
    source->path = strdup(path);
    source->fd = -1;
    struct hin_result result = hin_random(&source->id, sizeof(source->id));
    if (hin_is_ok(result)) {
        result = source->path != NULL ? tail_restart(source) : hin_fail(HIN_NO_MEMORY);
    }
    if (!hin_is_ok(result)) {
        free(source->path);
        free(source);
        return result;
    }
    if (st != NULL) {
        source->device = st->st_dev;
        source->inode = st->st_ino;
        source->mtime_usec = stat_mtime_usec(st);
    }
    source->root = root;
    source->glob = glob;
    source->fd = fd;
    source->state = SOURCE_ACTIVE;
    source->order = ++tail->order;
    source->seen = true;
    tail->sources[tail->source_count++] = source;
    *ret_source = source;
    return hin_ok();
}

void tail_source_retire(struct source *source)
{
    if (source->state != SOURCE_RETIRED) {
        source->state = SOURCE_RETIRED;
        source->changed = true;
    }
    source->dirty = true;
    source->size_seen = UINT64_MAX;
}

void tail_source_forget(struct source *source)
{
    hin_fd_close(&source->fd);
    tail_close_record(source);
    source->state = SOURCE_DONE;
    source->forget = true;
    source->changed = true;
    source->dirty = false;
}

static void source_free(struct source *source)
{
    hin_fd_close(&source->fd);
    free(source->path);
    free(source);
}

/* ---- one portion ---- */

struct portion {
    const uint8_t *data; /* from `offset` on */
    size_t size;
    uint64_t offset;
    bool last; /* the file ends here and will not grow any more */
    bool due;  /* an unfinished record is handed out */
};

static HIN_RESULT hand_out(struct hin_tail *tail, struct source *source, uint64_t offset,
                           struct hin_view text, bool cut)
{
    struct hin_tail_line line = {
        .text = text,
        .location = hin_view_from_text(source->path),
        .generation = source->generation,
        .offset = offset,
        .cut = cut,
        .glob = source->glob,
    };
    HIN_TRY(tail->options.line(tail->options.context, &line));
    tail->line_count++;
    tail->cut_count += cut;
    return hin_ok();
}

/* What of a line whose end is not in sight can be given out: 0 = wait for more. */
static HIN_RESULT without_end(struct hin_tail *tail, struct source *source,
                              const struct portion *portion, size_t at, size_t *ret_used)
{
    size_t left = portion->size - at;
    *ret_used = 0;
    if (source->skipping) {
        *ret_used = left;
    } else if (left > HIN_TAIL_LINE_MAX_BYTES) {
        HIN_TRY(hand_out(tail, source, portion->offset + at,
                         hin_view_of(portion->data + at, HIN_TAIL_LINE_MAX_BYTES), true));
        source->skipping = true;
        *ret_used = left;
    } else if (portion->last && left > 0) {
        HIN_TRY(hand_out(tail, source, portion->offset + at, hin_view_of(portion->data + at, left),
                         false));
        *ret_used = left;
    }
    return hin_ok();
}

static HIN_RESULT lines_of(struct hin_tail *tail, struct source *source,
                           const struct portion *portion, size_t *ret_used)
{
    size_t at = 0;
    *ret_used = 0;
    while (at < portion->size) {
        const uint8_t *end = memchr(portion->data + at, '\n', portion->size - at);
        if (end == NULL) {
            size_t used = 0;
            HIN_TRY(without_end(tail, source, portion, at, &used));
            at += used;
            *ret_used = at;
            break;
        }
        size_t size = (size_t)(end - portion->data) - at;
        if (source->skipping) {
            source->skipping = false;
        } else {
            size_t kept = HIN_MIN(size, (size_t)HIN_TAIL_LINE_MAX_BYTES);
            HIN_TRY(hand_out(tail, source, portion->offset + at,
                             hin_view_of(portion->data + at, kept), kept < size));
        }
        at += size + 1;
        *ret_used = at;
    }
    return hin_ok();
}

/* ---- records of several lines ---- */

struct joining {
    struct hin_tail *tail;
    struct source *source;
    const struct portion *portion;
    struct hin_multiline joiner;
    size_t start; /* of the record being joined, in the portion */
    size_t used;  /* what lies before was handed out or skipped */
    bool cut;     /* some line of it was */
};

static const struct hin_multiline_options *join_of(const struct hin_tail *tail,
                                                   const struct source *source)
{
    return tail->options.joins != NULL && tail->options.glob_count > 0
               ? tail->options.joins[source->glob]
               : NULL;
}

/* `end`: where in the portion the record ends. */
static HIN_RESULT record_out(struct joining *j, const struct hin_multiline_record *record,
                             size_t end)
{
    HIN_TRY(hand_out(j->tail, j->source, j->portion->offset + j->start, record->text,
                     record->cut || j->cut));
    j->used = j->start = end;
    j->cut = false;
    return hin_ok();
}

/* Hand out what there is. `at`: where it ends. */
static HIN_RESULT record_force(struct joining *j, size_t at)
{
    struct hin_multiline_record record;
    bool ready = false;
    HIN_TRY(hin_multiline_flush(&j->joiner, 0, true, &ready, &record));
    return ready ? record_out(j, &record, at) : hin_ok();
}

/* A whole line at `at`, whose end is `end` (behind its newline). */
static HIN_RESULT join_line(struct joining *j, struct hin_view line, size_t at, size_t end)
{
    struct hin_multiline_record record;
    bool ready = false, cut = line.size > HIN_TAIL_LINE_MAX_BYTES;
    if (j->source->skipping) { /* the rest of a line that was cut */
        j->source->skipping = false;
        j->used = end;
        return hin_ok();
    }
    if (j->joiner.line_count > 0 && end - j->start > HIN_MULTILINE_MAX_BYTES) {
        j->cut = true; /* full: what follows is a record of its own, so nothing is lost */
        HIN_TRY(record_force(j, at));
    }
    if (j->joiner.line_count == 0) {
        j->start = at;
    }
    HIN_TRY(hin_multiline_add(&j->joiner, hin_view_sub(line, 0, HIN_TAIL_LINE_MAX_BYTES), 0, &ready,
                              &record));
    bool before = j->joiner.line_count > 0; /* what is ready ends before this line */
    if (ready && before) {
        HIN_TRY(record_out(j, &record, at));
    }
    j->cut = j->cut || cut;
    return ready && !before ? record_out(j, &record, end) : hin_ok();
}

/* The portion ends in a line without end at `at`. */
static HIN_RESULT join_rest(struct joining *j, size_t at)
{
    struct hin_view rest = hin_view_of(j->portion->data + at, j->portion->size - at);
    if (j->source->skipping) { /* nothing is being joined then */
        j->used = j->portion->size;
    } else if (rest.size > HIN_TAIL_LINE_MAX_BYTES) {
        HIN_TRY(join_line(j, rest, at, j->portion->size));
        HIN_TRY(record_force(j, j->portion->size));
        j->source->skipping = true;
    } else if (j->portion->last) {
        if (rest.size > 0) {
            HIN_TRY(join_line(j, rest, at, j->portion->size));
        }
        HIN_TRY(record_force(j, j->portion->size));
    } else if (j->portion->due) {
        HIN_TRY(record_force(j, at));
    }
    return hin_ok();
}

static HIN_RESULT join_lines(struct joining *j)
{
    const struct portion *portion = j->portion;
    size_t at = 0;
    while (at < portion->size) {
        const uint8_t *end = memchr(portion->data + at, '\n', portion->size - at);
        if (end == NULL) {
            break;
        }
        size_t next = (size_t)(end - portion->data) + 1;
        HIN_TRY(join_line(j, hin_view_of(portion->data + at, next - at - 1), at, next));
        at = next;
    }
    return join_rest(j, at);
}

/* As lines_of; *ret_open: an unfinished record stands behind what was used. */
static HIN_RESULT records_of(struct hin_tail *tail, struct source *source,
                             const struct hin_multiline_options *join,
                             const struct portion *portion, size_t *ret_used, bool *ret_open)
{
    struct joining j = {.tail = tail, .source = source, .portion = portion};
    HIN_TRY(hin_multiline_init(&j.joiner, join));
    struct hin_result result = join_lines(&j);
    *ret_open = hin_is_ok(result) && j.joiner.line_count > 0;
    *ret_used = j.used;
    hin_multiline_done(&j.joiner);
    return result;
}

/* After a portion: since when there is an unfinished record, and until when it may wait. */
static void record_opened(struct source *source, const struct hin_multiline_options *join,
                          const struct portion *portion, size_t used, int64_t now_usec)
{
    if (source->opened_usec == 0 || used > 0) {
        source->opened_usec = now_usec;
    }
    int64_t quiet = join->timeout_usec > 0 ? join->timeout_usec : HIN_MULTILINE_TIMEOUT_USEC;
    source->due_usec = now_usec + quiet;
    if (join->mode != HIN_MULTILINE_COUNT) {
        source->due_usec =
            HIN_MIN(source->due_usec, source->opened_usec + HIN_TAIL_RECORD_AGE_USEC);
    }
    source->head_bytes = (uint16_t)HIN_MIN(portion->size - used, (size_t)TAIL_BLOCK_BYTES);
    source->head_digest =
        tail_digest(source, hin_view_of(portion->data + used, source->head_bytes));
}

static void advance(struct source *source, const uint8_t *window, size_t used)
{
    size_t end = source->block_bytes + used;
    size_t block = HIN_MIN(end, (size_t)TAIL_BLOCK_BYTES);
    source->offset += used;
    source->block_bytes = (uint16_t)block;
    source->digest = tail_digest(source, hin_view_of(window + end - block, block));
    source->changed = true;
}

static HIN_RESULT truncated(struct hin_tail *tail, struct source *source)
{
    if (source->state == SOURCE_ACTIVE) {
        tail_find_copy(tail, source);
        source->order = ++tail->order; /* the copy is read first */
        return tail_restart(source);
    }
    /* Renamed and then cut: nobody will write what we missed again. */
    tail_notice(tail, HIN_TAIL_GAP, source->path);
    tail_source_forget(source);
    return hin_ok();
}

static void finish(struct source *source)
{
    hin_fd_close(&source->fd);
    tail_close_record(source);
    source->state = SOURCE_DONE;
    source->changed = true;
    source->dirty = false;
}

/* Is the record that was begun still there? Else the file was cut and written anew. */
static bool head_is_same(const struct source *source, const struct portion *portion)
{
    return source->head_bytes == 0 ||
           (portion->size >= source->head_bytes &&
            tail_digest(source, hin_view_of(portion->data, source->head_bytes)) ==
                source->head_digest);
}

enum portion_why {
    PORTION_GROWN, /* the file changed since it was read */
    PORTION_QUIET, /* it did not, and its unfinished record is due */
    PORTION_LAST,  /* it will not grow any more */
};

/* Is the unfinished record to be handed out as it is? */
static bool record_due(const struct source *source, const struct hin_multiline_options *join,
                       enum portion_why why, int64_t now_usec)
{
    if (join == NULL || source->opened_usec == 0) {
        return false;
    }
    bool old = join->mode != HIN_MULTILINE_COUNT &&
               now_usec - source->opened_usec >= HIN_TAIL_RECORD_AGE_USEC;
    return old || why == PORTION_QUIET;
}

static HIN_RESULT portion_read(struct hin_tail *tail, struct source *source, int64_t now_usec,
                               enum portion_why why, bool *ret_again)
{
    const struct hin_multiline_options *join = join_of(tail, source);
    size_t got = 0;
    HIN_TRY(read_at(source->fd, source->offset - source->block_bytes, tail->window,
                    TAIL_WINDOW_BYTES, &got));
    if (got < source->block_bytes ||
        tail_digest(source, hin_view_of(tail->window, source->block_bytes)) != source->digest) {
        *ret_again = true;
        return truncated(tail, source);
    }
    struct portion portion = {
        .data = tail->window + source->block_bytes,
        .size = got - source->block_bytes,
        .offset = source->offset,
        .last = why == PORTION_LAST,
        .due = record_due(source, join, why, now_usec),
    };
    if (!head_is_same(source, &portion)) {
        *ret_again = true;
        return truncated(tail, source);
    }
    size_t used = 0;
    bool open = false;
    struct hin_result result = join != NULL ? records_of(tail, source, join, &portion, &used, &open)
                                            : lines_of(tail, source, &portion, &used);
    if (open) {
        record_opened(source, join, &portion, used, now_usec);
    } else if (hin_is_ok(result) || used > 0) {
        tail_close_record(source);
    }
    if (used > 0) {
        tail->byte_count += used;
        advance(source, tail->window, used);
    }
    *ret_again = used > 0 && got == TAIL_WINDOW_BYTES;
    return result;
}

static HIN_RESULT source_read(struct hin_tail *tail, struct source *source, int64_t now_usec)
{
    struct stat st;
    HIN_ENSURE(fstat(source->fd, &st) == 0, IO);
    uint64_t size = (uint64_t)st.st_size;
    int64_t mtime = stat_mtime_usec(&st);
    bool again = false;
    bool due = source->due_usec != 0 && now_usec >= source->due_usec;
    bool grown = size != source->size_seen || mtime != source->mtime_usec;
    if (grown || due) {
        if (source->mtime_usec != mtime) {
            source->mtime_usec = mtime;
            source->changed = source->changed || source->state != SOURCE_ACTIVE;
        }
        source->grown_usec = grown ? now_usec : source->grown_usec;
        source->size_seen = UINT64_MAX; /* stays so when the round is cut short */
        if (size < source->offset) {
            again = true;
            HIN_TRY(truncated(tail, source));
        } else {
            HIN_TRY(portion_read(tail, source, now_usec, grown ? PORTION_GROWN : PORTION_QUIET,
                                 &again));
        }
        if (source->state == SOURCE_DONE) {
            return hin_ok();
        }
        source->size_seen = again ? UINT64_MAX : size;
        source->complete = !again && source->offset == size;
    }
    source->dirty = again || source->size_seen == UINT64_MAX;
    if (source->state == SOURCE_RETIRED && !source->dirty &&
        now_usec - source->grown_usec >= TAIL_GRACE_USEC) {
        HIN_TRY(portion_read(tail, source, now_usec, PORTION_LAST, &again));
        if (source->state == SOURCE_RETIRED) {
            finish(source);
        }
    }
    return hin_ok();
}

/* A file waits while an older one of its name still has something. */
static bool is_blocked(const struct hin_tail *tail, const struct source *source)
{
    for (size_t i = 0; i < tail->source_count; i++) {
        const struct source *other = tail->sources[i];
        bool busy = other->dirty || other->due_usec != 0;
        if (other != source && other->state == SOURCE_RETIRED && busy && other->fd >= 0 &&
            other->order < source->order && strcmp(other->path, source->path) == 0) {
            return true;
        }
    }
    return false;
}

struct hin_result hin_tail_read(struct hin_tail *tail, int64_t now_usec, bool *ret_more)
{
    *ret_more = false;
    for (size_t i = 0; i < tail->source_count; i++) {
        size_t at = (tail->next + i) % tail->source_count;
        struct source *source = tail->sources[at];
        bool due = source->due_usec != 0 && now_usec >= source->due_usec;
        if ((!source->dirty && !due) || source->fd < 0 || is_blocked(tail, source)) {
            continue;
        }
        tail->next = at + 1;
        *ret_more = true;
        return source_read(tail, source, now_usec);
    }
    return hin_ok();
}

int64_t hin_tail_due(const struct hin_tail *tail)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < tail->source_count; i++) {
        const struct source *source = tail->sources[i];
        if (source->due_usec != 0 && source->fd >= 0) {
            due = HIN_MIN(due, source->due_usec);
        }
    }
    return due;
}

/* ---- life ---- */

static HIN_RESULT globs_copy(struct hin_tail *tail, const struct hin_tail_options *options)
{
    tail->globs = calloc(options->glob_count + 1, sizeof(*tail->globs));
    tail->roots = calloc(options->root_count + 1, sizeof(*tail->roots));
    HIN_ENSURE(tail->globs != NULL && tail->roots != NULL, NO_MEMORY);
    for (size_t i = 0; i < options->root_count; i++) {
        tail->roots[i] = strdup(options->roots[i]);
        HIN_ENSURE(tail->roots[i] != NULL, NO_MEMORY);
    }
    for (size_t i = 0; i < options->glob_count; i++) {
        struct tail_glob *glob = &tail->globs[i];
        glob->pattern = strdup(options->globs[i]);
        HIN_ENSURE(glob->pattern != NULL, NO_MEMORY);
        glob->deep = strstr(glob->pattern, "**") != NULL;
        for (const char *at = glob->pattern; *at != '\0'; at++) {
            glob->depth += *at == '/';
        }
        size_t best = 0;
        for (size_t r = 0; r < options->root_count; r++) {
            size_t size = strlen(tail->roots[r]);
            if (size > best && strncmp(glob->pattern, tail->roots[r], size) == 0 &&
                glob->pattern[size] == '/') {
                best = size;
                glob->root = (unsigned)r;
            }
        }
        glob->usable = best > 0 && hin_path_is_clean(hin_view_from_text(glob->pattern));
        if (!glob->usable) {
            tail_notice(tail, HIN_TAIL_REFUSED, glob->pattern);
        }
    }
    return hin_ok();
}

struct hin_result hin_tail_new(struct hin_tail **ret_tail, const struct hin_tail_options *options)
{
    HIN_CLEANUP(hin_tail_freep) struct hin_tail *tail = calloc(1, sizeof(*tail));
    HIN_ENSURE(tail != NULL, NO_MEMORY);
    tail->options = *options;
    tail->window = malloc(TAIL_WINDOW_BYTES);
    tail->folders = calloc(HIN_TAIL_FOLDERS_MAX, sizeof(*tail->folders));
    HIN_ENSURE(tail->window != NULL && tail->folders != NULL, NO_MEMORY);
    HIN_TRY(hin_map_init(&tail->denied, HIN_TAIL_FILES_MAX));
    HIN_TRY(globs_copy(tail, options));
    *ret_tail = tail;
    tail = NULL;
    return hin_ok();
}

void hin_tail_free(struct hin_tail *tail)
{
    if (tail == NULL) {
        return;
    }
    for (size_t i = 0; i < tail->source_count; i++) {
        source_free(tail->sources[i]);
    }
    for (size_t i = 0; i < tail->folder_count; i++) {
        free(tail->folders[i].path);
    }
    for (size_t i = 0; tail->globs != NULL && i < tail->options.glob_count; i++) {
        free(tail->globs[i].pattern);
    }
    for (size_t i = 0; tail->roots != NULL && i < tail->options.root_count; i++) {
        free(tail->roots[i]);
    }
    hin_map_done(&tail->denied);
    free(tail->sources);
    free(tail->folders);
    free(tail->globs);
    free(tail->roots);
    free(tail->window);
    free(tail);
}

void hin_tail_freep(struct hin_tail **tail)
{
    hin_tail_free(*tail);
}

void hin_tail_stats(const struct hin_tail *tail, struct hin_tail_stats *ret_stats)
{
    *ret_stats = (struct hin_tail_stats){
        .folders = tail->folder_count,
        .lines = tail->line_count,
        .bytes = tail->byte_count,
        .cut = tail->cut_count,
    };
    for (size_t i = 0; i < tail->source_count; i++) {
        ret_stats->files += tail->sources[i]->state == SOURCE_ACTIVE;
    }
}
