#include "agent/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/map.h"
#include "wire/batch.h"

#define KIND_POSITIONS    1
#define KIND_COMMIT       2
#define RECORD_VERSION    1
#define COMMIT_MAX_BYTES  (HIN_JOURNAL_BODY_MAX - 4096)
#define PENDING_MAX_BYTES (UINT64_C(32) << 20)
#define FILES_MAX         4096
#define ORIGINS_MAX       64
#define NAME_BYTES        40
#define OPENER_KEYS       8

struct file {
    char name[NAME_BYTES];
    uint64_t first, last; /* sequences inside; first = last + 1 when none */
    uint64_t bytes;
};

struct origin {
    uint8_t id[HIN_SPOOL_ORIGIN_BYTES];
    uint64_t appended, durable; /* commit numbers */
};

struct cursor { /* where reading goes on */
    char name[NAME_BYTES];
    int fd;
    const uint8_t *map;
    size_t map_bytes;
    size_t offset;
    uint64_t next; /* sequence that the record at offset begins with, or later */
};

struct hin_spool {
    struct hin_spool_options options;
    struct hin_seal_place place;
    struct hin_opener *opener;
    struct file *files; /* oldest first; the last is the one written to, if writer is there */
    size_t file_count;
    struct hin_journal_writer *writer;
    int fd;
    bool fresh;       /* its name is not durable yet */
    uint64_t next;    /* sequence of the next event */
    uint64_t durable; /* last synced */
    uint64_t acknowledged;
    struct origin origins[ORIGINS_MAX];
    size_t origin_count, origin_next;
    struct hin_map positions; /* id (8 bytes) -> struct hin_buf * */
    struct cursor cursor;
    struct hin_buf plain;
    uint64_t lost_count, corrupt_count, sync_count, name_count;
    int64_t monotonic_usec, wall_usec;
};

/* ---- positions ---- */

static void position_free(struct hin_buf *position)
{
    if (position != NULL) {
        hin_buf_done(position);
        free(position);
    }
}

static HIN_RESULT position_set(struct hin_spool *spool, struct hin_view id, struct hin_view bytes)
{
    if (bytes.size == 0) {
        position_free(hin_map_remove(&spool->positions, id));
        return hin_ok();
    }
    struct hin_buf *position = hin_map_get(&spool->positions, id);
    if (position == NULL) {
        position = calloc(1, sizeof(*position));
        HIN_ENSURE(position != NULL, NO_MEMORY);
        hin_buf_init(position, 8192);
        struct hin_result result = hin_map_put(&spool->positions, id, position);
        if (!hin_is_ok(result)) {
            free(position);
            return result;
        }
    }
    hin_buf_clear(position);
    return hin_buf_append(position, bytes);
}

static void positions_clear(struct hin_spool *spool)
{
    size_t at = 0;
    struct hin_view id;
    void *value = NULL;
    while (hin_map_next(&spool->positions, &at, &id, &value)) {
        position_free(value);
    }
    size_t max = spool->positions.max;
    hin_map_done(&spool->positions);
    HIN_IGNORE(hin_map_init(&spool->positions, max)); /* allocates nothing yet */
}

static HIN_RESULT positions_apply(struct hin_spool *spool, struct hin_reader *reader,
                                  uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct hin_view id, bytes;
        HIN_TRY(hin_read_exact(reader, 8, &id));
        HIN_TRY(hin_read_bytes(reader, 8192, &bytes));
        HIN_TRY(position_set(spool, id, bytes));
    }
    return hin_ok();
}

struct hin_result hin_spool_positions(const struct hin_spool *spool, struct hin_buf *out,
                                      uint64_t *ret_count)
{
    size_t at = 0;
    uint64_t count = 0;
    struct hin_view id;
    void *value = NULL;
    while (hin_map_next(&spool->positions, &at, &id, &value)) {
        HIN_TRY(hin_buf_append(out, id));
        HIN_TRY(hin_write_bytes(out, hin_buf_view(value)));
        count++;
    }
    *ret_count = count;
    return hin_ok();
}

/* ---- origins ---- */

static struct origin *origin_get(struct hin_spool *spool, const uint8_t *id, bool make)
{
    for (size_t i = 0; i < spool->origin_count; i++) {
        if (memcmp(spool->origins[i].id, id, HIN_SPOOL_ORIGIN_BYTES) == 0) {
            return &spool->origins[i];
        }
    }
    if (!make) {
        return NULL;
    }
    size_t at = spool->origin_count < ORIGINS_MAX ? spool->origin_count++
                                                  : spool->origin_next++ % ORIGINS_MAX;
    spool->origins[at] = (struct origin){.appended = 0};
    hin_copy(spool->origins[at].id, id, HIN_SPOOL_ORIGIN_BYTES);
    return &spool->origins[at];
}

uint64_t hin_spool_last_commit(const struct hin_spool *spool,
                               const uint8_t origin[HIN_SPOOL_ORIGIN_BYTES])
{
    for (size_t i = 0; i < spool->origin_count; i++) {
        if (memcmp(spool->origins[i].id, origin, HIN_SPOOL_ORIGIN_BYTES) == 0) {
            return spool->origins[i].durable;
        }
    }
    return 0;
}

/* ---- records ---- */

static HIN_RESULT commit_write(const struct hin_spool_commit *commit, struct hin_buf *out)
{
    HIN_TRY(hin_write_u8(out, RECORD_VERSION));
    HIN_TRY(hin_buf_append(out, hin_view_of(commit->origin, sizeof(commit->origin))));
    HIN_TRY(hin_write_u64(out, commit->number));
    HIN_TRY(hin_write_zigzag(out, commit->monotonic_usec));
    HIN_TRY(hin_write_zigzag(out, commit->wall_usec));
    HIN_TRY(hin_write_varint(out, commit->event_count));
    HIN_TRY(hin_write_bytes(out, commit->events));
    HIN_TRY(hin_write_varint(out, commit->position_count));
    return hin_buf_append(out, commit->positions);
}

static HIN_RESULT commit_read(struct hin_view plain, struct hin_spool_commit *ret_commit)
{
    struct hin_reader reader = hin_reader_of(plain);
    struct hin_view origin;
    uint8_t version = 0;
    HIN_TRY(hin_read_u8(&reader, &version));
    HIN_ENSURE(version == RECORD_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_exact(&reader, HIN_SPOOL_ORIGIN_BYTES, &origin));
    hin_copy(ret_commit->origin, origin.data, origin.size);
    HIN_TRY(hin_read_u64(&reader, &ret_commit->number));
    HIN_TRY(hin_read_zigzag(&reader, &ret_commit->monotonic_usec));
    HIN_TRY(hin_read_zigzag(&reader, &ret_commit->wall_usec));
    HIN_TRY(hin_read_varint(&reader, &ret_commit->event_count));
    HIN_TRY(hin_read_bytes(&reader, COMMIT_MAX_BYTES, &ret_commit->events));
    HIN_TRY(hin_read_varint(&reader, &ret_commit->position_count));
    ret_commit->positions = reader.rest;
    return hin_ok();
}

/* ---- opening ---- */

static int name_order(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static HIN_RESULT files_list(struct hin_spool *spool)
{
    int fd = -1;
    HIN_TRY(hin_fd_open(spool->options.folder, ".", O_RDONLY | O_DIRECTORY, 0, &fd));
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        hin_fd_close(&fd);
        return hin_fail(HIN_IO);
    }
    for (struct dirent *d = readdir(directory); d != NULL; d = readdir(directory)) {
        struct hin_view name = hin_view_from_text(d->d_name);
        if (hin_view_ends_with(name, HIN_VIEW(".spool")) && name.size < NAME_BYTES &&
            spool->file_count < FILES_MAX) {
            struct file *file = &spool->files[spool->file_count++];
            *file = (struct file){.first = 1};
            hin_copy(file->name, d->d_name, name.size + 1);
        }
    }
    closedir(directory);
    qsort(spool->files, spool->file_count, sizeof(*spool->files), name_order);
    return hin_ok();
}

static HIN_RESULT take_key(struct hin_spool *spool, const struct hin_journal_item *item)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_TRY(spool->options.unwrap(spool->options.context, item->key_id, item->bytes, &key));
    return hin_opener_add(spool->opener, item->key_id, &key);
}

static HIN_RESULT replay_commit(struct hin_spool *spool, struct file *file,
                                const struct hin_journal_item *item)
{
    struct hin_spool_commit commit = {.number = 0};
    HIN_TRY(commit_read(item->bytes, &commit));
    HIN_ENSURE(item->sequence + commit.event_count >= item->sequence, CORRUPT);
    struct hin_reader positions = hin_reader_of(commit.positions);
    HIN_TRY(positions_apply(spool, &positions, commit.position_count));
    struct origin *origin = origin_get(spool, commit.origin, true);
    origin->appended = origin->durable = HIN_MAX(origin->durable, commit.number);
    if (commit.monotonic_usec != 0) {
        spool->monotonic_usec = commit.monotonic_usec;
        spool->wall_usec = commit.wall_usec;
    }
    if (commit.event_count > 0) {
        if (file->last < file->first) {
            file->first = item->sequence;
        }
        file->last = item->sequence + commit.event_count - 1;
        spool->next = HIN_MAX(spool->next, file->last + 1);
    }
    return hin_ok();
}

static HIN_RESULT replay_positions(struct hin_spool *spool, const struct hin_journal_item *item)
{
    struct hin_reader reader = hin_reader_of(item->bytes);
    uint64_t count = 0;
    positions_clear(spool);
    HIN_TRY(hin_read_varint(&reader, &count));
    spool->next = HIN_MAX(spool->next, item->sequence);
    HIN_TRY(positions_apply(spool, &reader, count));
    HIN_TRY(hin_read_varint(&reader, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct hin_view id;
        uint64_t number = 0;
        HIN_TRY(hin_read_exact(&reader, HIN_SPOOL_ORIGIN_BYTES, &id));
        HIN_TRY(hin_read_u64(&reader, &number));
        struct origin *origin = origin_get(spool, id.data, true);
        origin->appended = origin->durable = HIN_MAX(origin->durable, number);
    }
    HIN_TRY(hin_read_zigzag(&reader, &spool->monotonic_usec));
    HIN_TRY(hin_read_zigzag(&reader, &spool->wall_usec));
    return hin_read_end(&reader);
}

static void damaged(struct hin_spool *spool, const char *name, uint64_t offset, uint64_t end)
{
    spool->corrupt_count++;
    if (spool->options.corrupt != NULL) {
        spool->options.corrupt(spool->options.context, name, offset, end);
    }
}

static HIN_RESULT replay_item(struct hin_spool *spool, struct file *file, int fd,
                              const struct hin_journal_item *item)
{
    struct hin_result result = hin_ok();
    switch (item->type) {
    case HIN_JOURNAL_KEY:
        result = take_key(spool, item);
        break;
    case HIN_JOURNAL_RECORD:
        result = item->kind == KIND_COMMIT      ? replay_commit(spool, file, item)
                 : item->kind == KIND_POSITIONS ? replay_positions(spool, item)
                                                : hin_fail(HIN_UNSUPPORTED);
        break;
    case HIN_JOURNAL_DAMAGE:
        damaged(spool, file->name, item->offset, item->end);
        return hin_ok();
    case HIN_JOURNAL_TORN:
        HIN_ENSURE(ftruncate(fd, (off_t)item->offset) == 0, IO);
        file->bytes = item->offset;
        return hin_ok();
    case HIN_JOURNAL_END:
        return hin_ok();
    }
    if (result.code == HIN_NO_MEMORY || result.code == HIN_UNSUPPORTED) {
        return result; /* a newer version's spool is refused, not eaten */
    }
    if (!hin_is_ok(result)) {
        damaged(spool, file->name, item->offset, item->end);
    }
    return hin_ok();
}

static HIN_RESULT replay_file(struct hin_spool *spool, struct file *file)
{
    HIN_CLEANUP_FD int fd = -1;
    struct stat st;
    HIN_TRY(hin_fd_open(spool->options.folder, file->name, O_RDWR | O_NOFOLLOW, 0, &fd));
    HIN_ENSURE(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), CORRUPT);
    file->bytes = (uint64_t)st.st_size;
    if (st.st_size == 0) {
        return hin_ok();
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    HIN_ENSURE(map != MAP_FAILED, NO_MEMORY);
    struct hin_journal_reader reader;
    hin_journal_reader_init(&reader, hin_view_of(map, (size_t)st.st_size), spool->opener,
                            &spool->place);
    struct hin_result result = hin_ok();
    struct hin_journal_item item = {.type = HIN_JOURNAL_KEY};
    while (hin_is_ok(result) && item.type != HIN_JOURNAL_END && item.type != HIN_JOURNAL_TORN) {
        result = hin_journal_next(&reader, &item);
        if (hin_is_ok(result)) {
            result = replay_item(spool, file, fd, &item);
        }
    }
    hin_journal_reader_done(&reader);
    munmap(map, (size_t)st.st_size);
    return result;
}

struct hin_result hin_spool_open(struct hin_spool **ret_spool,
                                 const struct hin_spool_options *options)
{
    struct hin_spool *spool = calloc(1, sizeof(*spool));
    HIN_ENSURE(spool != NULL, NO_MEMORY);
    spool->options = *options;
    spool->options.max_bytes =
        options->max_bytes != 0 ? options->max_bytes : HIN_SPOOL_MAX_BYTES_DEFAULT;
    spool->place =
        (struct hin_seal_place){options->tenant, HIN_VIEW("spool"), options->agent, HIN_VIEW_EMPTY};
    spool->fd = -1;
    spool->cursor.fd = -1;
    spool->next = 1;
    hin_buf_init(&spool->plain, HIN_JOURNAL_BODY_MAX);
    spool->files = calloc(FILES_MAX, sizeof(*spool->files));
    struct hin_result result = spool->files != NULL
                                   ? hin_map_init(&spool->positions, HIN_SPOOL_POSITIONS_MAX)
                                   : hin_fail(HIN_NO_MEMORY);
    if (hin_is_ok(result)) {
        result = hin_opener_new(&spool->opener, NULL, OPENER_KEYS);
    }
    if (hin_is_ok(result)) {
        result = files_list(spool);
    }
    for (size_t i = 0; i < spool->file_count && hin_is_ok(result); i++) {
        result = replay_file(spool, &spool->files[i]);
    }
    if (!hin_is_ok(result)) {
        hin_spool_free(spool);
        return result;
    }
    spool->durable = spool->next - 1;
    *ret_spool = spool;
    return hin_ok();
}

static void cursor_close(struct cursor *cursor)
{
    if (cursor->map != NULL) {
        munmap((void *)(uintptr_t)cursor->map, cursor->map_bytes);
    }
    hin_fd_close(&cursor->fd);
    *cursor = (struct cursor){.fd = -1};
}

void hin_spool_free(struct hin_spool *spool)
{
    if (spool == NULL) {
        return;
    }
    cursor_close(&spool->cursor);
    hin_journal_writer_free(spool->writer);
    hin_fd_close(&spool->fd);
    positions_clear(spool);
    hin_map_done(&spool->positions);
    hin_opener_free(spool->opener);
    hin_buf_done(&spool->plain);
    free(spool->files);
    free(spool);
}

/* ---- files ---- */

static uint64_t bytes_total(const struct hin_spool *spool)
{
    uint64_t total = 0;
    for (size_t i = 0; i < spool->file_count; i++) {
        total += spool->files[i].bytes;
    }
    return total;
}

static void file_remove(struct hin_spool *spool, size_t at)
{
    if (strcmp(spool->cursor.name, spool->files[at].name) == 0) {
        cursor_close(&spool->cursor);
    }
    (void)unlinkat(spool->options.folder, spool->files[at].name, 0);
    hin_move(&spool->files[at], &spool->files[at + 1],
             (spool->file_count - at - 1) * sizeof(*spool->files));
    spool->file_count--;
}

static bool is_written_to(const struct hin_spool *spool, size_t at)
{
    return spool->writer != NULL && at + 1 == spool->file_count;
}

/* The oldest file goes, whatever it holds. False: only the one that is written to is left. */
static bool drop_oldest(struct hin_spool *spool, const char *why)
{
    if (spool->file_count == 0 || is_written_to(spool, 0)) {
        return false;
    }
    const struct file *file = &spool->files[0];
    uint64_t from = HIN_MAX(file->first, spool->acknowledged + 1);
    uint64_t lost = file->last >= from ? file->last - from + 1 : 0;
    file_remove(spool, 0);
    if (lost > 0) {
        spool->lost_count += lost;
        if (spool->options.lost != NULL) {
            spool->options.lost(spool->options.context, lost, why);
        }
    }
    return true;
}

/* Confirmed files, and files without events that a newer one's complete positions have replaced:
 * only once that newer one is on the disk, or a crash would leave no positions at all. */
static void tidy(struct hin_spool *spool)
{
    if (spool->fresh) {
        return;
    }
    for (size_t i = 0;
         i < spool->file_count && !is_written_to(spool, i) && spool->writer != NULL;) {
        const struct file *file = &spool->files[i];
        if (file->last < file->first || file->last <= spool->acknowledged) {
            file_remove(spool, i);
        } else {
            i++;
        }
    }
}

static HIN_RESULT append_positions(struct hin_spool *spool)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf list = {.max = HIN_JOURNAL_BODY_MAX / 2};
    uint64_t count = 0;
    HIN_TRY(hin_spool_positions(spool, &list, &count));
    hin_buf_clear(&spool->plain);
    HIN_TRY(hin_write_varint(&spool->plain, count));
    HIN_TRY(hin_buf_append(&spool->plain, hin_buf_view(&list)));
    HIN_TRY(hin_write_varint(&spool->plain, spool->origin_count));
    for (size_t i = 0; i < spool->origin_count; i++) {
        HIN_TRY(hin_buf_append(&spool->plain,
                               hin_view_of(spool->origins[i].id, HIN_SPOOL_ORIGIN_BYTES)));
        HIN_TRY(hin_write_u64(&spool->plain, spool->origins[i].appended));
    }
    HIN_TRY(hin_write_zigzag(&spool->plain, spool->monotonic_usec));
    HIN_TRY(hin_write_zigzag(&spool->plain, spool->wall_usec));
    return hin_journal_append(spool->writer, KIND_POSITIONS, spool->next,
                              hin_buf_view(&spool->plain));
}

static HIN_RESULT file_begin(struct hin_spool *spool)
{
    HIN_ENSURE(spool->file_count < FILES_MAX, LIMIT);
    struct file file = {.first = spool->next, .last = spool->next - 1};
    HIN_CLEANUP_FD int fd = -1;
    struct hin_result result = hin_fail(HIN_EXISTS);
    while (result.code == HIN_EXISTS) {
        snprintf(file.name, sizeof(file.name), "%016llx-%04llx.spool",
                 (unsigned long long)spool->next,
                 (unsigned long long)(spool->name_count++ & 0xffff));
        result = hin_fd_open(spool->options.folder, file.name,
                             O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600, &fd);
    }
    HIN_TRY(result);
    spool->fd = hin_fd_take(&fd);
    struct hin_journal_sink sink = spool->options.sink != NULL
                                       ? spool->options.sink(spool->options.context, &spool->fd)
                                       : hin_journal_sink_fd(&spool->fd);
    result = hin_journal_writer_new(&spool->writer, &sink, spool->options.sealer, &spool->place,
                                    spool->options.wrapped_key, 0, PENDING_MAX_BYTES);
    if (hin_is_ok(result)) {
        spool->files[spool->file_count++] = file;
        spool->fresh = true;
        return append_positions(spool);
    }
    hin_fd_close(&spool->fd);
    (void)unlinkat(spool->options.folder, file.name, 0);
    return result;
}

static void file_end(struct hin_spool *spool)
{
    hin_journal_writer_free(spool->writer);
    spool->writer = NULL;
    hin_fd_close(&spool->fd);
}

static uint64_t file_bytes_max(const struct hin_spool *spool)
{
    return HIN_MIN(HIN_SPOOL_FILE_BYTES, spool->options.max_bytes / 4);
}

/* ---- writing ---- */

static HIN_RESULT events_check(const struct hin_spool_commit *commit)
{
    struct hin_reader reader = hin_reader_of(commit->events);
    struct hin_wire_record record;
    for (uint64_t i = 0; i < commit->event_count; i++) {
        HIN_ENSURE(hin_is_ok(hin_wire_record_read(&reader, &record)), INVALID);
    }
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), INVALID);
    reader = hin_reader_of(commit->positions);
    for (uint64_t i = 0; i < commit->position_count; i++) {
        struct hin_view part;
        HIN_ENSURE(hin_is_ok(hin_read_exact(&reader, 8, &part)), INVALID);
        HIN_ENSURE(hin_is_ok(hin_read_bytes(&reader, 8192, &part)), INVALID);
    }
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), INVALID);
    return hin_ok();
}

static HIN_RESULT writer_ready(struct hin_spool *spool)
{
    if (spool->writer != NULL &&
        spool->files[spool->file_count - 1].bytes >= file_bytes_max(spool) &&
        hin_journal_pending_bytes(spool->writer) == 0) {
        file_end(spool);
    }
    if (spool->writer != NULL) {
        return hin_ok();
    }
    while (bytes_total(spool) + file_bytes_max(spool) > spool->options.max_bytes &&
           drop_oldest(spool, "the bound is reached")) {
    }
    struct hin_result result = file_begin(spool);
    while (result.code == HIN_NO_SPACE && drop_oldest(spool, "the disk is full")) {
        result = file_begin(spool);
    }
    return result;
}

struct hin_result hin_spool_append(struct hin_spool *spool, const struct hin_spool_commit *commit)
{
    struct origin *origin = origin_get(spool, commit->origin, true);
    HIN_ENSURE(commit->number > origin->appended, EXISTS);
    HIN_ENSURE(origin->appended == 0 || commit->number == origin->appended + 1, CONFLICT);
    HIN_ENSURE(commit->events.size + commit->positions.size <= COMMIT_MAX_BYTES, LIMIT);
    HIN_TRY(events_check(commit));
    HIN_TRY(writer_ready(spool));
    hin_buf_clear(&spool->plain);
    HIN_TRY(commit_write(commit, &spool->plain));
    HIN_TRY(
        hin_journal_append(spool->writer, KIND_COMMIT, spool->next, hin_buf_view(&spool->plain)));
    struct hin_reader positions = hin_reader_of(commit->positions);
    HIN_TRY(positions_apply(spool, &positions, commit->position_count));
    origin->appended = commit->number;
    if (commit->monotonic_usec != 0) {
        spool->monotonic_usec = commit->monotonic_usec;
        spool->wall_usec = commit->wall_usec;
    }
    struct file *file = &spool->files[spool->file_count - 1];
    if (commit->event_count > 0) {
        if (file->last < file->first) {
            file->first = spool->next;
        }
        spool->next += commit->event_count;
        file->last = spool->next - 1;
    }
    return hin_ok();
}

struct hin_result hin_spool_sync(struct hin_spool *spool)
{
    if (spool->writer == NULL || hin_journal_pending_bytes(spool->writer) == 0) {
        return hin_ok();
    }
    struct hin_result result = hin_journal_commit(spool->writer);
    while (result.code == HIN_NO_SPACE && drop_oldest(spool, "the disk is full")) {
        result = hin_journal_commit(spool->writer);
    }
    HIN_TRY(result);
    if (spool->fresh) {
        HIN_TRY(hin_directory_sync(spool->options.folder));
        spool->fresh = false;
    }
    spool->sync_count++;
    spool->files[spool->file_count - 1].bytes = hin_journal_size_bytes(spool->writer);
    spool->durable = spool->next - 1;
    for (size_t i = 0; i < spool->origin_count; i++) {
        spool->origins[i].durable = spool->origins[i].appended;
    }
    tidy(spool);
    return hin_ok();
}

void hin_spool_acknowledge(struct hin_spool *spool, uint64_t through)
{
    spool->acknowledged = HIN_MAX(spool->acknowledged, through);
    if (through >= spool->next &&
        (spool->writer == NULL || hin_journal_pending_bytes(spool->writer) == 0)) {
        spool->next = through + 1; /* the folder was emptied: never give a number twice */
        spool->durable = through;
        if (spool->writer != NULL) {
            file_end(spool);
        }
    }
    tidy(spool);
}

/* ---- reading ---- */

static HIN_RESULT cursor_map(struct hin_spool *spool, const struct file *file)
{
    struct cursor *cursor = &spool->cursor;
    if (cursor->map_bytes == file->bytes) {
        return hin_ok();
    }
    if (cursor->map != NULL) {
        munmap((void *)(uintptr_t)cursor->map, cursor->map_bytes);
        cursor->map = NULL;
        cursor->map_bytes = 0;
    }
    void *map = mmap(NULL, (size_t)file->bytes, PROT_READ, MAP_SHARED, cursor->fd, 0);
    HIN_ENSURE(map != MAP_FAILED, NO_MEMORY);
    cursor->map = map;
    cursor->map_bytes = (size_t)file->bytes;
    return hin_ok();
}

/* The file that holds `from`, or the first one after it. */
static struct file *file_of(struct hin_spool *spool, uint64_t from)
{
    for (size_t i = 0; i < spool->file_count; i++) {
        struct file *file = &spool->files[i];
        if (file->last >= file->first && file->last >= from && file->first <= spool->durable &&
            file->bytes > 0) {
            return file;
        }
    }
    return NULL;
}

static HIN_RESULT cursor_seek(struct hin_spool *spool, uint64_t from, struct file **ret_file)
{
    struct cursor *cursor = &spool->cursor;
    struct file *file = file_of(spool, from);
    HIN_ENSURE(file != NULL, AGAIN);
    if (strcmp(cursor->name, file->name) != 0 || cursor->next > from) {
        cursor_close(cursor);
        HIN_TRY(
            hin_fd_open(spool->options.folder, file->name, O_RDONLY | O_NOFOLLOW, 0, &cursor->fd));
        hin_copy(cursor->name, file->name, sizeof(cursor->name));
    }
    *ret_file = file;
    return cursor_map(spool, file);
}

struct reading {
    uint64_t from;
    size_t max_bytes;
    uint32_t max_count;
    struct hin_buf *out;
    uint64_t first;
    uint32_t count;
    bool full;
};

static HIN_RESULT take_events(struct reading *reading, uint64_t sequence,
                              const struct hin_spool_commit *commit)
{
    struct hin_reader reader = hin_reader_of(commit->events);
    for (uint64_t i = 0; i < commit->event_count; i++, sequence++) {
        struct hin_view start = reader.rest;
        struct hin_wire_record record;
        HIN_TRY(hin_wire_record_read(&reader, &record));
        if (sequence < reading->from) {
            continue;
        }
        size_t size = start.size - reader.rest.size;
        if (reading->count > 0 &&
            (reading->first + reading->count != sequence || reading->count == reading->max_count ||
             reading->out->size + size > reading->max_bytes)) {
            reading->full = true;
            return hin_ok();
        }
        if (reading->count == 0) {
            reading->first = sequence;
        }
        HIN_TRY(hin_buf_append(reading->out, hin_view_of(start.data, size)));
        reading->count++;
    }
    return hin_ok();
}

static HIN_RESULT read_item(struct hin_spool *spool, struct reading *reading,
                            const struct hin_journal_item *item)
{
    if (item->type == HIN_JOURNAL_KEY) {
        HIN_IGNORE(take_key(spool, item)); /* without it the records show as damage */
    }
    if (item->type != HIN_JOURNAL_RECORD || item->kind != KIND_COMMIT) {
        return hin_ok();
    }
    struct hin_spool_commit commit = {.number = 0};
    HIN_TRY(commit_read(item->bytes, &commit));
    return take_events(reading, item->sequence, &commit);
}

struct hin_result hin_spool_read(struct hin_spool *spool, uint64_t from, size_t max_bytes,
                                 uint32_t max_count, struct hin_buf *out, uint64_t *ret_first,
                                 uint32_t *ret_count)
{
    struct reading reading = {
        .from = from, .max_bytes = max_bytes, .max_count = max_count, .out = out};
    while (reading.count == 0) {
        struct file *file = NULL;
        HIN_TRY(cursor_seek(spool, reading.from, &file));
        struct cursor *cursor = &spool->cursor;
        struct hin_journal_reader reader;
        hin_journal_reader_init(
            &reader, hin_view_of(cursor->map + cursor->offset, cursor->map_bytes - cursor->offset),
            spool->opener, &spool->place);
        struct hin_result result = hin_ok();
        struct hin_journal_item item = {.type = HIN_JOURNAL_RECORD};
        size_t base = cursor->offset;
        while (hin_is_ok(result) && !reading.full) {
            result = hin_journal_next(&reader, &item);
            if (!hin_is_ok(result) || item.type == HIN_JOURNAL_END ||
                item.type == HIN_JOURNAL_TORN) {
                break;
            }
            result = read_item(spool, &reading, &item);
            if (!reading.full) { /* all of it was taken: go on behind it */
                cursor->offset = base + (size_t)item.end;
                cursor->next = item.type == HIN_JOURNAL_RECORD ? item.sequence : cursor->next;
            }
        }
        hin_journal_reader_done(&reader);
        HIN_TRY(result);
        if (reading.count == 0) { /* nothing (left) in this file: damaged, or below `from` */
            HIN_ENSURE(reading.from <= file->last, AGAIN);
            reading.from = file->last + 1;
        } else {
            cursor->next = reading.first + reading.count;
        }
    }
    *ret_first = reading.first;
    *ret_count = reading.count;
    return hin_ok();
}

void hin_spool_stats(const struct hin_spool *spool, struct hin_spool_stats *ret_stats)
{
    uint64_t first = spool->next;
    for (size_t i = 0; i < spool->file_count; i++) {
        if (spool->files[i].last >= spool->files[i].first &&
            spool->files[i].last > spool->acknowledged) {
            first = HIN_MAX(spool->files[i].first, spool->acknowledged + 1);
            break;
        }
    }
    *ret_stats = (struct hin_spool_stats){
        .first = first,
        .last = spool->next - 1,
        .durable = spool->durable,
        .bytes = bytes_total(spool),
        .lost_count = spool->lost_count,
        .corrupt_count = spool->corrupt_count,
        .sync_count = spool->sync_count,
        .monotonic_usec = spool->monotonic_usec,
        .wall_usec = spool->wall_usec,
    };
}
