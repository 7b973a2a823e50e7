#include "recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"

static HIN_RESULT record(struct recorder *recorder, enum op_type type, const char *name,
                         int64_t offset, struct hin_view bytes)
{
    if (recorder->count == recorder->capacity) {
        size_t capacity = recorder->capacity > 0 ? recorder->capacity * 2 : 1024;
        struct op *ops = realloc(recorder->ops, capacity * sizeof(*ops));
        HIN_ENSURE(ops != NULL, NO_MEMORY);
        recorder->ops = ops;
        recorder->capacity = capacity;
    }
    struct op *op = &recorder->ops[recorder->count];
    *op = (struct op){.type = type, .offset = offset, .size = bytes.size};
    (void)snprintf(op->name, sizeof(op->name), "%s", name);
    op->bytes = malloc(bytes.size > 0 ? bytes.size : 1);
    HIN_ENSURE(op->bytes != NULL, NO_MEMORY);
    hin_copy(op->bytes, bytes.data, bytes.size);
    recorder->count++;
    return hin_ok();
}

static HIN_RESULT on_write(void *context, const char *name, int64_t offset, struct hin_view bytes)
{
    struct recorder *recorder = context;
    recorder->write_count++;
    HIN_ENSURE(recorder->fail_at == 0 || recorder->write_count < recorder->fail_at, NO_SPACE);
    return record(recorder, OP_WRITE, name, offset, bytes);
}

static HIN_RESULT on_truncate(void *context, const char *name, int64_t size)
{
    return record(context, OP_TRUNCATE, name, size, HIN_VIEW_EMPTY);
}

static HIN_RESULT on_sync(void *context, const char *name)
{
    return record(context, OP_SYNC, name, 0, HIN_VIEW_EMPTY);
}

static HIN_RESULT on_remove(void *context, const char *name)
{
    return record(context, OP_REMOVE, name, 0, HIN_VIEW_EMPTY);
}

struct hin_store_observer observer_of(struct recorder *recorder)
{
    return (struct hin_store_observer){on_write, on_truncate, on_sync, on_remove, recorder};
}

static void drop(struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->count; i++) {
        free(recorder->ops[i].bytes);
    }
    free(recorder->ops);
    recorder->ops = NULL;
    recorder->count = recorder->capacity = recorder->write_count = 0;
}

void recorder_free(struct recorder *recorder)
{
    drop(recorder);
    hin_buf_done(&recorder->base);
}

HIN_RESULT recorder_begin(struct recorder *recorder, const struct fixture *f)
{
    drop(recorder);
    hin_buf_init(&recorder->base, 64u << 20);
    return hin_file_read(f->directory, "t0.db", &recorder->base);
}

/* --- replay --- */

static HIN_RESULT apply(int directory, const struct op *op)
{
    if (op->type == OP_SYNC) {
        return hin_ok();
    }
    if (op->type == OP_REMOVE) {
        (void)unlinkat(directory, op->name, 0);
        return hin_ok();
    }
    int fd = openat(directory, op->name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    HIN_ENSURE(fd >= 0, IO);
    bool ok = op->type == OP_TRUNCATE
                  ? ftruncate(fd, op->offset) == 0
                  : pwrite(fd, op->bytes, op->size, op->offset) == (ssize_t)op->size;
    close(fd);
    return ok ? hin_ok() : hin_fail(HIN_IO);
}

/* Whether a later sync of the same file, before `end`, made the operation durable. */
static bool was_synced(const struct recorder *recorder, size_t at, size_t end)
{
    for (size_t i = at + 1; i < end; i++) {
        if (recorder->ops[i].type == OP_SYNC &&
            strcmp(recorder->ops[i].name, recorder->ops[at].name) == 0) {
            return true;
        }
    }
    return false;
}

const char *const keep_names[KEEPS] = {"all writes", "synced writes", "some writes"};

HIN_RESULT recorder_rebuild(const struct recorder *recorder, size_t end, enum keep keep,
                            const char *folder)
{
    HIN_TRY(hin_directory_remove(folder));
    HIN_TRY(hin_directory_make(folder, 0700));
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HIN_ENSURE(directory >= 0, IO);
    struct hin_result result = hin_ok();
    if (recorder->base.size > 0) {
        result = hin_file_replace(directory, "t0.db", hin_buf_view(&recorder->base), 0600);
    }
    for (size_t i = 0; i < end && hin_is_ok(result); i++) {
        bool kept = keep == KEEP_ALL || recorder->ops[i].type == OP_REMOVE ||
                    was_synced(recorder, i, end) ||
                    (keep == KEEP_SOME && (i * 2654435761u >> 7 & 1) != 0);
        if (kept) {
            result = apply(directory, &recorder->ops[i]);
        }
    }
    close(directory);
    return result;
}
