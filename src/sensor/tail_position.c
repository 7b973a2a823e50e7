/* The saved form of a position, version 1:
 *   u8 version | u64 id | u64 generation | u64 device | u64 inode | u64 offset | u64 digest | u16
 * block | zigzag mtime | u8 state | u8 flags (1 skipping, 2 complete) | bytes path */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/fd.h"
#include "sensor/tail_internal.h"

#define POSITION_VERSION 1

static HIN_RESULT position_write(const struct source *source, struct hin_buf *out)
{
    HIN_TRY(hin_write_u8(out, POSITION_VERSION));
    HIN_TRY(hin_write_u64(out, source->id));
    HIN_TRY(hin_write_u64(out, source->generation));
    HIN_TRY(hin_write_u64(out, source->device));
    HIN_TRY(hin_write_u64(out, source->inode));
    HIN_TRY(hin_write_u64(out, source->offset));
    HIN_TRY(hin_write_u64(out, source->digest));
    HIN_TRY(hin_write_u16(out, source->block_bytes));
    HIN_TRY(hin_write_zigzag(out, source->mtime_usec));
    HIN_TRY(hin_write_u8(out, (uint8_t)source->state));
    HIN_TRY(hin_write_u8(out, (uint8_t)(source->skipping | source->complete << 1)));
    return hin_write_bytes(out, hin_view_from_text(source->path));
}

static HIN_RESULT position_read(struct hin_reader *reader, struct source *source,
                                struct hin_view *ret_path)
{
    uint8_t version = 0, state = 0, skipping = 0;
    HIN_TRY(hin_read_u8(reader, &version));
    HIN_ENSURE(version == POSITION_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_u64(reader, &source->id));
    HIN_TRY(hin_read_u64(reader, &source->generation));
    HIN_TRY(hin_read_u64(reader, &source->device));
    HIN_TRY(hin_read_u64(reader, &source->inode));
    HIN_TRY(hin_read_u64(reader, &source->offset));
    HIN_TRY(hin_read_u64(reader, &source->digest));
    HIN_TRY(hin_read_u16(reader, &source->block_bytes));
    HIN_TRY(hin_read_zigzag(reader, &source->mtime_usec));
    HIN_TRY(hin_read_u8(reader, &state));
    HIN_TRY(hin_read_u8(reader, &skipping));
    HIN_TRY(hin_read_bytes(reader, HIN_PATH_MAX - 1, ret_path));
    HIN_TRY(hin_read_end(reader));
    HIN_ENSURE(state <= SOURCE_DONE && skipping <= 3, SYNTAX);
    HIN_ENSURE(source->block_bytes <= TAIL_BLOCK_BYTES && source->block_bytes <= source->offset,
               SYNTAX);
    HIN_ENSURE(source->generation != 0 && source->offset <= INT64_MAX, SYNTAX);
    HIN_ENSURE(hin_path_is_clean(*ret_path), SYNTAX);
    source->state = state == SOURCE_DONE ? SOURCE_DONE : SOURCE_COLD;
    source->retired = state == SOURCE_RETIRED;
    source->skipping = (skipping & 1) != 0;
    source->complete = (skipping & 2) != 0;
    return hin_ok();
}

struct hin_result hin_tail_restore(struct hin_tail *tail, struct hin_view position)
{
    struct source saved = {0};
    struct hin_view path_bytes;
    struct hin_reader reader = hin_reader_of(position);
    char path[HIN_PATH_MAX];
    HIN_TRY(position_read(&reader, &saved, &path_bytes));
    HIN_TRY(hin_view_to_text(path_bytes, path, sizeof(path)));
    struct source *source = NULL;
    HIN_TRY(tail_source_add(tail, path, 0, 0, -1, NULL, &source));
    saved.path = source->path;
    (void)tail_glob_of(tail, path, &saved.glob); /* decides how its lines are joined */
    saved.order = source->order;
    saved.fd = -1;
    saved.size_seen = UINT64_MAX;
    *source = saved;
    tail->known = tail->restored = true;
    return hin_ok();
}

/* Finished and renamed files before the one that has the name, older ones before newer ones. */
static int restored_order(const void *a, const void *b)
{
    const struct source *left = *(struct source *const *)a, *right = *(struct source *const *)b;
    bool left_live = left->state == SOURCE_COLD && !left->retired;
    bool right_live = right->state == SOURCE_COLD && !right->retired;
    if (left_live != right_live) {
        return left_live ? 1 : -1;
    }
    if (left->mtime_usec != right->mtime_usec) {
        return left->mtime_usec < right->mtime_usec ? -1 : 1;
    }
    return left->order < right->order ? -1 : 1;
}

void tail_order_restored(struct hin_tail *tail)
{
    if (!tail->restored) {
        return;
    }
    qsort(tail->sources, tail->source_count, sizeof(struct source *), restored_order);
    for (size_t i = 0; i < tail->source_count; i++) {
        tail->sources[i]->order = i + 1;
    }
    tail->order = tail->source_count;
    tail->restored = false;
}

struct hin_result hin_tail_positions(struct hin_tail *tail, void *context,
                                     HIN_RESULT (*save)(void *context, uint64_t id,
                                                        struct hin_view position))
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_TAIL_POSITION_MAX_BYTES};
    size_t kept = 0;
    struct hin_result result = hin_ok();
    for (size_t i = 0; i < tail->source_count; i++) {
        struct source *source = tail->sources[i];
        if (source->changed && hin_is_ok(result)) {
            hin_buf_clear(&buf);
            result = source->forget ? hin_ok() : position_write(source, &buf);
            if (hin_is_ok(result)) {
                result = save(context, source->id, hin_buf_view(&buf));
            }
            source->changed = !hin_is_ok(result);
        }
        if (source->forget && !source->changed) {
            free(source->path);
            free(source);
        } else {
            tail->sources[kept++] = source;
        }
    }
    tail->source_count = kept;
    return result;
}
