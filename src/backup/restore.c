/* A backup back into a store. */
#include "backup/internal.h"
#include "base/bytes.h"
#include "base/codec.h"

#define BATCH_BYTES ((uint64_t)16 << 20) /* in one transaction */

static HIN_RESULT paste_rows(struct hin_store *store, const struct hin_backup_piece *piece,
                             struct hin_view plain)
{
    struct hin_reader reader = hin_reader_of(plain);
    for (uint64_t i = 0; i < piece->rows; i++) {
        struct hin_view row;
        HIN_TRY(hin_read_bytes(&reader, HIN_BACKUP_PIECE_MAX, &row));
        HIN_TRY(hin_store_paste_row(store, (enum hin_store_part)piece->part, row));
    }
    return hin_read_end(&reader);
}

static HIN_RESULT restore_piece(struct hin_backup *backup, const struct hin_backup_piece *piece,
                                struct hin_store *store, struct hin_view sealed,
                                struct hin_buf *plain)
{
    struct hin_result pasted = hin_backup_open_piece(backup, piece, sealed, plain);
    if (hin_is_ok(pasted)) {
        pasted = paste_rows(store, piece, hin_buf_view(plain));
    }
    hin_wipe(plain->data, plain->size);
    return pasted;
}

/* What was pasted so far is written when it is much. */
static HIN_RESULT pace(struct hin_store *store, uint64_t size, uint64_t *pending)
{
    *pending += size;
    if (*pending < BATCH_BYTES) {
        return hin_ok();
    }
    *pending = 0;
    return hin_store_paste_pause(store);
}

static HIN_RESULT restore_all(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                              struct hin_store *store, struct hin_backup_ahead *ahead,
                              struct hin_buf *plain)
{
    uint64_t pending = 0;
    for (size_t i = 0; i < manifest->piece_count + manifest->segment_count; i++) {
        struct hin_view bytes;
        HIN_TRY(hin_backup_ahead_take(ahead, backup, &bytes));
        if (i < manifest->piece_count) {
            HIN_TRY(restore_piece(backup, &manifest->pieces[i], store, bytes, plain));
        } else {
            const struct hin_backup_segment *segment =
                &manifest->segments[i - manifest->piece_count];
            HIN_TRY(hin_store_paste_segment(store, &segment->row, bytes));
        }
        hin_backup_ahead_next(ahead);
        HIN_TRY(hin_backup_passed(backup, bytes.size, false));
        HIN_TRY(pace(store, bytes.size, &pending));
    }
    return hin_ok();
}

HIN_RESULT hin_backup_restore(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                              struct hin_store *store)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = HIN_BACKUP_PIECE_MAX};
    struct hin_backup_ahead *ahead = NULL;
    HIN_TRY(hin_buf_reserve(&plain, hin_backup_largest_piece(manifest))); /* it never moves */
    backup->error = (struct hin_error){0};
    backup->progress.objects_all = manifest->segment_count + manifest->piece_count;
    backup->progress.bytes_all = hin_backup_bytes(manifest);
    HIN_TRY(hin_store_paste_begin(store));
    struct hin_result restored = hin_backup_ahead_new(&ahead, backup, manifest);
    if (hin_is_ok(restored)) {
        restored = restore_all(backup, manifest, store, ahead, &plain);
    }
    hin_backup_ahead_free(ahead);
    struct hin_result ended = hin_store_paste_end(store, hin_is_ok(restored));
    if (hin_is_ok(restored)) {
        restored = ended;
    }
    if (!hin_is_ok(restored) && backup->error.text[0] == '\0') {
        return hin_error_set(&backup->error, restored.code, NULL, 0, 0,
                             "what the backup of tenant %s holds cannot be put into the store: %s",
                             backup->tenant, hin_code_text(restored.code));
    }
    return restored;
}
