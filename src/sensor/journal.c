#include "sensor/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/secret.h"

#define POSITION_VERSION 1
#define CURSOR_MAX_BYTES 1024
#define FIRST_LOOK_USEC  (INT64_C(600) * 1000000)

struct hin_journal_source {
    struct hin_journal_source_options options;
    sd_journal *journal;
    int fds[HIN_JOURNAL_FILES_MAX];
    uint64_t inodes[HIN_JOURNAL_FILES_MAX];
    size_t count;
    uint64_t generation;
    uint64_t offset;   /* of the last entry handed out */
    char sequence[64]; /* "s=" of the cursor */
    char cursor[CURSOR_MAX_BYTES];
    bool changed;
};

static HIN_RESULT code_of(int error)
{
    return error >= 0 ? hin_ok() : hin_fail(hin_code_from_errno(-error));
}

struct hin_result hin_journal_source_new(struct hin_journal_source **ret_source,
                                         const struct hin_journal_source_options *options)
{
    struct hin_journal_source *source = calloc(1, sizeof(*source));
    HIN_ENSURE(source != NULL, NO_MEMORY);
    source->options = *options;
    *ret_source = source;
    return hin_ok();
}

static void close_files(struct hin_journal_source *source)
{
    sd_journal_close(source->journal);
    source->journal = NULL;
    for (size_t i = 0; i < source->count; i++) {
        hin_fd_close(&source->fds[i]);
    }
    source->count = 0;
}

void hin_journal_source_free(struct hin_journal_source *source)
{
    if (source != NULL) {
        close_files(source);
        free(source);
    }
}

/* ---- position: u8 version | u64 generation | u64 offset | bytes sequence | bytes cursor ---- */

struct hin_result hin_journal_source_restore(struct hin_journal_source *source,
                                             struct hin_view position)
{
    struct hin_reader reader = hin_reader_of(position);
    uint8_t version = 0;
    struct hin_view sequence, cursor;
    HIN_TRY(hin_read_u8(&reader, &version));
    HIN_ENSURE(version == POSITION_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_u64(&reader, &source->generation));
    HIN_TRY(hin_read_u64(&reader, &source->offset));
    HIN_TRY(hin_read_bytes(&reader, sizeof(source->sequence) - 1, &sequence));
    HIN_TRY(hin_read_bytes(&reader, sizeof(source->cursor) - 1, &cursor));
    HIN_TRY(hin_read_end(&reader));
    HIN_TRY(hin_view_to_text(sequence, source->sequence, sizeof(source->sequence)));
    return hin_view_to_text(cursor, source->cursor, sizeof(source->cursor));
}

struct hin_result hin_journal_source_position(struct hin_journal_source *source, void *context,
                                              HIN_RESULT (*save)(void *context, uint64_t id,
                                                                 struct hin_view position))
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 2048};
    if (!source->changed) {
        return hin_ok();
    }
    HIN_TRY(hin_write_u8(&buf, POSITION_VERSION));
    HIN_TRY(hin_write_u64(&buf, source->generation));
    HIN_TRY(hin_write_u64(&buf, source->offset));
    HIN_TRY(hin_write_bytes(&buf, hin_view_from_text(source->sequence)));
    HIN_TRY(hin_write_bytes(&buf, hin_view_from_text(source->cursor)));
    HIN_TRY(save(context, HIN_JOURNAL_POSITION_ID, hin_buf_view(&buf)));
    source->changed = false;
    return hin_ok();
}

/* ---- opening ---- */

static HIN_RESULT seek(struct hin_journal_source *source, int64_t now_wall_usec)
{
    if (source->cursor[0] == '\0') {
        int64_t from = now_wall_usec > FIRST_LOOK_USEC ? now_wall_usec - FIRST_LOOK_USEC : 0;
        return code_of(sd_journal_seek_realtime_usec(source->journal, (uint64_t)from));
    }
    HIN_TRY(code_of(sd_journal_seek_cursor(source->journal, source->cursor)));
    int found = sd_journal_next(source->journal);
    if (found > 0 && sd_journal_test_cursor(source->journal, source->cursor) <= 0) {
        /* That entry is gone: this is the first one after it, and belongs to us. */
        return code_of(sd_journal_previous(source->journal));
    }
    return code_of(found);
}

static bool is_same_set(const struct hin_journal_source *source, const uint64_t *inodes,
                        size_t count)
{
    return source->journal != NULL && source->count == count &&
           memcmp(source->inodes, inodes, count * sizeof(*inodes)) == 0;
}

struct hin_result hin_journal_source_open(struct hin_journal_source *source, int *fds, size_t count,
                                          int64_t now_wall_usec)
{
    uint64_t inodes[HIN_JOURNAL_FILES_MAX] = {0};
    struct hin_result result = count <= HIN_JOURNAL_FILES_MAX ? hin_ok() : hin_fail(HIN_LIMIT);
    for (size_t i = 0; i < count && hin_is_ok(result); i++) {
        struct stat st;
        inodes[i] = fstat(fds[i], &st) == 0 ? st.st_ino : 0;
    }
    if (!hin_is_ok(result) || count == 0 || is_same_set(source, inodes, count)) {
        for (size_t i = 0; i < count; i++) {
            hin_fd_close(&fds[i]);
        }
        return result;
    }
    close_files(source);
    source->count = count;
    for (size_t i = 0; i < count; i++) {
        source->fds[i] = hin_fd_take(&fds[i]);
        source->inodes[i] = inodes[i];
    }
    result = code_of(sd_journal_open_files_fd(&source->journal, source->fds, (unsigned)count, 0));
    if (hin_is_ok(result)) {
        result = seek(source, now_wall_usec);
    }
    if (!hin_is_ok(result)) {
        close_files(source);
    }
    return result;
}

/* ---- reading ---- */

/* "s=SEQUENCE-ID;i=HEX;..." as sd_journal_get_cursor(3) makes it. */
static HIN_RESULT cursor_take(struct hin_journal_source *source, const char *cursor,
                              uint64_t *ret_offset)
{
    char sequence[64];
    const char *s = strstr(cursor, "s="), *i = strstr(cursor, "i=");
    HIN_ENSURE(s == cursor && i != NULL && strlen(cursor) < sizeof(source->cursor), SYNTAX);
    size_t size = strcspn(s + 2, ";");
    HIN_TRY(hin_view_to_text(hin_view_of(s + 2, size), sequence, sizeof(sequence)));
    *ret_offset = strtoull(i + 2, NULL, 16) & INT64_MAX;
    /* A generation's entries leave in ascending order. */
    if (source->generation == 0 || strcmp(sequence, source->sequence) != 0 ||
        *ret_offset <= source->offset) {
        HIN_TRY(hin_random(&source->generation, sizeof(source->generation)));
        source->generation = (source->generation >> 1) | 1;
        hin_copy(source->sequence, sequence, sizeof(sequence));
    }
    return hin_ok();
}

static void fields_hand_out(struct hin_journal_source *source)
{
    const void *data = NULL;
    size_t size = 0;
    char stamp[64];
    uint64_t usec = 0;
    sd_journal_restart_data(source->journal);
    while (sd_journal_enumerate_available_data(source->journal, &data, &size) > 0) {
        source->options.field(source->options.context,
                              hin_view_of(data, HIN_MIN(size, (size_t)HIN_JOURNAL_FIELD_MAX)));
    }
    if (sd_journal_get_realtime_usec(source->journal, &usec) >= 0) {
        snprintf(stamp, sizeof(stamp), "__REALTIME_TIMESTAMP=%llu", (unsigned long long)usec);
        source->options.field(source->options.context, hin_view_from_text(stamp));
    }
}

static HIN_RESULT entry_take(struct hin_journal_source *source)
{
    char *cursor = NULL;
    uint64_t offset = 0;
    HIN_TRY(code_of(sd_journal_get_cursor(source->journal, &cursor)));
    struct hin_result result = cursor_take(source, cursor, &offset);
    if (hin_is_ok(result)) {
        fields_hand_out(source);
        result = source->options.entry(source->options.context, source->generation, offset);
    }
    if (hin_is_ok(result)) {
        hin_copy(source->cursor, cursor, strlen(cursor) + 1);
        source->offset = offset;
        source->changed = true;
    }
    free(cursor);
    return result;
}

struct hin_result hin_journal_source_read(struct hin_journal_source *source, bool *ret_more)
{
    *ret_more = false;
    for (int i = 0; i < HIN_JOURNAL_PORTION_COUNT && source->journal != NULL; i++) {
        int found = sd_journal_next(source->journal);
        if (found <= 0) {
            return code_of(found);
        }
        struct hin_result result = entry_take(source);
        if (result.code == HIN_SYNTAX) {
            continue;
        }
        if (!hin_is_ok(result)) {
            HIN_TRY(code_of(sd_journal_previous(source->journal)));
            return result;
        }
    }
    *ret_more = source->journal != NULL;
    return hin_ok();
}
