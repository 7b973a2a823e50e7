/* Reading a backup back. */
#include <stdlib.h>

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

struct checking {
    struct hin_backup *backup;
    struct hin_buf bytes, plain;
    struct hin_map *seen; /* names of objects that were judged before; NULL: none can have been */
    struct hin_backup_verdict verdict;
};

static void checking_done(struct checking *checking)
{
    hin_buf_done(&checking->bytes);
    hin_buf_done(&checking->plain);
}

/* *ret_new: it was not judged before. */
static HIN_RESULT is_new(struct checking *checking, const struct hin_backup_object *object,
                         bool *ret_new)
{
    struct hin_view name = hin_view_of(object->name, sizeof(object->name));
    *ret_new = checking->seen == NULL || hin_map_get(checking->seen, name) == NULL;
    return *ret_new && checking->seen != NULL ? hin_map_put(checking->seen, name, checking)
                                              : hin_ok();
}

static HIN_RESULT check_objects(struct checking *checking,
                                const struct hin_backup_manifest *manifest)
{
    struct hin_backup *backup = checking->backup;
    bool fresh = false;
    hin_buf_clear(&checking->plain); /* wiped after each piece; within one it never moves */
    HIN_TRY(hin_buf_reserve(&checking->plain, hin_backup_largest_piece(manifest)));
    for (size_t i = 0; i < manifest->piece_count; i++) {
        const struct hin_backup_piece *piece = &manifest->pieces[i];
        HIN_TRY(is_new(checking, &piece->object, &fresh));
        if (fresh) {
            HIN_TRY(judge(backup, check_piece(backup, piece, &checking->bytes, &checking->plain),
                          &piece->object, &checking->verdict));
        }
    }
    for (size_t i = 0; i < manifest->segment_count; i++) {
        const struct hin_backup_segment *segment = &manifest->segments[i];
        HIN_TRY(is_new(checking, &segment->object, &fresh));
        if (fresh && segment->object.size > 0) {
            HIN_TRY(judge(backup, check_segment(backup, segment, &checking->bytes),
                          &segment->object, &checking->verdict));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_backup_check(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                            struct hin_backup_verdict *ret_verdict)
{
    HIN_CLEANUP(checking_done)
    struct checking checking = {.backup = backup,
                                .bytes = {.max = HIN_BACKUP_OBJECT_MAX + 1},
                                .plain = {.max = HIN_BACKUP_PIECE_MAX}};
    backup->error = (struct hin_error){0};
    backup->progress.objects_all = manifest->segment_count + manifest->piece_count;
    backup->progress.bytes_all = hin_backup_bytes(manifest);
    HIN_TRY(check_objects(&checking, manifest));
    *ret_verdict = checking.verdict;
    return hin_ok();
}

/* ---- with all shipments ---- */

/* One that cannot be read, or is not there though a later one is, is one damaged (missing) thing
 * among the others. */
static HIN_RESULT check_shipment(struct checking *checking, const struct hin_backup_manifest *base,
                                 uint32_t sequence, struct hin_vault_data_key *key)
{
    struct hin_backup *backup = checking->backup;
    struct hin_backup_verdict *verdict = &checking->verdict;
    struct hin_backup_manifest manifest;
    struct hin_result loaded = hin_backup_load_shipment(backup, base, sequence, key, &manifest);
    if (hin_is_ok(loaded)) {
        verdict->objects++;
        struct hin_result checked = check_objects(checking, &manifest);
        hin_backup_manifest_done(&manifest);
        return checked;
    }
    if (!hin_backup_is_damage(loaded)) {
        return loaded;
    }
    verdict->objects++;
    *(loaded.code == HIN_NOT_FOUND ? &verdict->missing : &verdict->damaged) += 1;
    if (verdict->first[0] == '\0') {
        hin_backup_manifest_path(backup->tenant, base->begun_usec, sequence, verdict->first);
    }
    return hin_ok();
}

static HIN_RESULT check_all(struct checking *checking, const struct hin_backup_manifest *base,
                            struct hin_vault_data_key *key)
{
    struct hin_backup *backup = checking->backup;
    uint32_t last = 0;
    backup->error = (struct hin_error){0};
    backup->progress.objects_all = base->segment_count + base->piece_count;
    backup->progress.bytes_all = hin_backup_bytes(base);
    HIN_TRY(check_objects(checking, base));
    HIN_TRY(hin_backup_last_shipment(backup, base->begun_usec, &last));
    for (uint32_t sequence = 1; sequence <= last; sequence++) {
        HIN_TRY(check_shipment(checking, base, sequence, key));
    }
    return hin_ok();
}

HIN_RESULT hin_backup_check_all(struct hin_backup *backup, int64_t begun_usec,
                                struct hin_backup_verdict *ret_verdict)
{
    HIN_CLEANUP(hin_map_done) struct hin_map seen = {0};
    HIN_CLEANUP(checking_done)
    struct checking checking = {.backup = backup,
                                .bytes = {.max = HIN_BACKUP_OBJECT_MAX + 1},
                                .plain = {.max = HIN_BACKUP_PIECE_MAX},
                                .seen = &seen};
    struct hin_vault_data_key key = {0};
    struct hin_backup_manifest base;
    HIN_TRY(hin_map_init(&seen, HIN_BACKUP_SEGMENTS_MAX + HIN_BACKUP_PIECES_MAX));
    HIN_TRY(hin_backup_load(backup, begun_usec, 0, &base, &key));
    struct hin_result checked = check_all(&checking, &base, &key);
    hin_secret_done(&key.key);
    hin_backup_manifest_done(&base);
    HIN_TRY(checked);
    *ret_verdict = checking.verdict;
    return hin_ok();
}
