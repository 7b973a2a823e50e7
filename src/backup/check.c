/* Reading a backup back. */
#include "backup/internal.h"
#include "base/bytes.h"
#include "seal/segment.h"

static HIN_RESULT judge(struct hin_backup *backup, struct hin_result result,
                        const struct hin_backup_object *object, struct hin_backup_verdict *verdict)
{
    verdict->objects++;
    verdict->bytes += object->size;
    if (hin_is_ok(result)) {
        return hin_backup_passed(backup, object->size, false);
    }
    if (!hin_backup_is_damage(result)) {
        return result;
    }
    *(result.code == HIN_NOT_FOUND ? &verdict->missing : &verdict->damaged) += 1;
    if (verdict->first[0] == '\0') {
        hin_backup_object_path(backup->tenant, object->name, verdict->first);
    }
    return hin_ok();
}

/* That it is what was written, its checksum says; that it is the one of this row, its name. */
static HIN_RESULT check_segment(struct hin_backup *backup, const struct hin_backup_segment *segment,
                                struct hin_buf *bytes)
{
    struct hin_segment_head head;
    HIN_TRY(hin_backup_fetch(backup, &segment->object, bytes));
    struct hin_view all = hin_buf_view(bytes);
    HIN_TRY(hin_segment_read_head(hin_view_sub(all, 4, all.size), &head));
    HIN_ENSURE(all.size >= 4 && hin_load_u32(all.data) == head.head_bytes, CORRUPT);
    HIN_ENSURE(hin_segment_is_body(hin_view_sub(all, 4, head.head_bytes),
                                   hin_view_sub(all, 4 + head.head_bytes, all.size)),
               CORRUPT);
    return hin_ok();
}

static HIN_RESULT check_piece(struct hin_backup *backup, const struct hin_backup_piece *piece,
                              struct hin_buf *bytes, struct hin_buf *plain)
{
    HIN_TRY(hin_backup_fetch(backup, &piece->object, bytes));
    struct hin_result opened = hin_backup_open_piece(backup, piece, hin_buf_view(bytes), plain);
    hin_wipe(plain->data, plain->size);
    return opened;
}

HIN_RESULT hin_backup_check(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                            struct hin_backup_verdict *ret_verdict)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_OBJECT_MAX + 1};
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = HIN_BACKUP_PIECE_MAX};
    struct hin_backup_verdict verdict = {0};
    HIN_TRY(hin_buf_reserve(&plain, HIN_BACKUP_PIECE_MAX)); /* it never moves */
    backup->error = (struct hin_error){0};
    backup->progress.objects_all = manifest->segment_count + manifest->piece_count;
    backup->progress.bytes_all = hin_backup_bytes(manifest);
    for (size_t i = 0; i < manifest->piece_count; i++) {
        const struct hin_backup_piece *piece = &manifest->pieces[i];
        HIN_TRY(
            judge(backup, check_piece(backup, piece, &bytes, &plain), &piece->object, &verdict));
    }
    for (size_t i = 0; i < manifest->segment_count; i++) {
        const struct hin_backup_segment *segment = &manifest->segments[i];
        if (segment->object.size > 0) {
            HIN_TRY(
                judge(backup, check_segment(backup, segment, &bytes), &segment->object, &verdict));
        }
    }
    *ret_verdict = verdict;
    return hin_ok();
}
