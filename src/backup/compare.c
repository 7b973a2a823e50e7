/* Whether a store that was made of a backup holds what the manifest says, row by row. */
#include <string.h>

#include "backup/internal.h"
#include "base/bytes.h"
#include "base/codec.h"

enum { PAGE_ROWS = 1000, PAGE_SEGMENTS = 256 };

struct comparing {
    struct hin_backup *backup;
    const struct hin_backup_manifest *manifest;
    uint32_t part, chunk;
    uint64_t rows;
    struct hin_buf plain; /* rows of one piece: wiped */
    size_t at;            /* the next segment */
    int64_t last;         /* its ID */
};

static HIN_RESULT differs(struct comparing *comparing, const char *what, long long which)
{
    return hin_error_set(&comparing->backup->error, HIN_CORRUPT, NULL, 0, 0,
                         "what was restored of tenant %s is not what was backed up: %s %lld",
                         comparing->backup->tenant, what, which);
}

static const struct hin_backup_piece *find(const struct comparing *comparing)
{
    const struct hin_backup_manifest *manifest = comparing->manifest;
    for (size_t i = 0; i < manifest->piece_count; i++) {
        const struct hin_backup_piece *piece = &manifest->pieces[i];
        if (piece->part == comparing->part && piece->chunk == comparing->chunk) {
            return piece;
        }
    }
    return NULL;
}

static HIN_RESULT end_piece(struct comparing *comparing)
{
    const struct hin_backup_piece *piece = find(comparing);
    uint8_t digest[HIN_SHA256_BYTES];
    struct hin_result hashed = hin_sha256(hin_buf_view(&comparing->plain), digest);
    hin_wipe(comparing->plain.data, comparing->plain.size);
    hin_buf_clear(&comparing->plain);
    HIN_TRY(hashed);
    if (piece == NULL || piece->rows != comparing->rows ||
        memcmp(piece->digest, digest, sizeof(digest)) != 0) {
        return differs(comparing, "rows of part", (long long)comparing->part);
    }
    comparing->rows = 0;
    comparing->chunk++;
    return hin_ok();
}

/* Cut into pieces as they were when it was taken: by how many rows each has. */
static HIN_RESULT add_row(void *context, struct hin_view row)
{
    struct comparing *comparing = context;
    const struct hin_backup_piece *piece = find(comparing);
    if (piece == NULL || comparing->plain.size + row.size + 16 > comparing->plain.max) {
        return differs(comparing, "rows of part", (long long)comparing->part);
    }
    HIN_TRY(hin_write_varint(&comparing->plain, row.size));
    HIN_TRY(hin_buf_append(&comparing->plain, row));
    comparing->rows++;
    return comparing->rows == piece->rows ? end_piece(comparing) : hin_ok();
}

static HIN_RESULT compare_part(struct comparing *comparing, struct hin_store *store)
{
    struct hin_copy_cursor cursor = HIN_COPY_FIRST;
    bool more = true;
    comparing->chunk = 0;
    while (more) {
        HIN_TRY(hin_store_copy_rows(store, (enum hin_store_part)comparing->part, INT64_MAX,
                                    PAGE_ROWS, &cursor, add_row, comparing, &more));
        HIN_TRY(comparing->backup->between == NULL
                    ? hin_ok()
                    : comparing->backup->between(comparing->backup->between_context,
                                                 &comparing->backup->progress));
    }
    if (comparing->rows > 0) {
        HIN_TRY(end_piece(comparing));
    }
    return find(comparing) == NULL
               ? hin_ok()
               : differs(comparing, "rows are missing of part", (long long)comparing->part);
}

static HIN_RESULT compare_segment(void *context, const struct hin_copy_segment *segment)
{
    struct comparing *comparing = context;
    const struct hin_backup_manifest *manifest = comparing->manifest;
    if (comparing->at == manifest->segment_count) {
        return differs(comparing, "there is a further segment,", (long long)segment->id);
    }
    const struct hin_copy_segment *row = &manifest->segments[comparing->at].row;
    if (segment->id != row->id || segment->last_id != row->last_id ||
        segment->count != row->count || (segment->damaged != 0) != (row->damaged != 0)) {
        return differs(comparing, "segment", (long long)row->id);
    }
    comparing->last = segment->id;
    comparing->at++;
    return hin_ok();
}

static HIN_RESULT compare_segments(struct comparing *comparing, struct hin_store *store)
{
    bool more = true;
    comparing->last = INT64_MIN;
    while (more) {
        HIN_TRY(hin_store_copy_segments(store, comparing->last, PAGE_SEGMENTS, compare_segment,
                                        comparing, &more));
    }
    if (comparing->at < comparing->manifest->segment_count) {
        return differs(comparing, "missing segment",
                       (long long)comparing->manifest->segments[comparing->at].row.id);
    }
    return hin_ok();
}

HIN_RESULT hin_backup_compare(struct hin_backup *backup, const struct hin_backup_manifest *manifest,
                              struct hin_store *store)
{
    struct comparing comparing = {.backup = backup, .manifest = manifest};
    struct hin_copy_position position;
    backup->error = (struct hin_error){0};
    hin_buf_init(&comparing.plain, HIN_BACKUP_PIECE_MAX);
    struct hin_result same = hin_buf_reserve(&comparing.plain, HIN_BACKUP_PIECE_MAX);
    for (uint32_t part = 1; hin_is_ok(same) && part < HIN_PART_COUNT; part++) {
        comparing.part = part;
        same = part != HIN_PART_AUDIT ? compare_part(&comparing, store) : hin_ok();
    }
    hin_wipe(comparing.plain.data, comparing.plain.size);
    hin_buf_done(&comparing.plain);
    HIN_TRY(same);
    HIN_TRY(compare_segments(&comparing, store));
    HIN_TRY(hin_store_copy_position(store, &position));
    if (position.last_event_id != manifest->position.last_event_id ||
        position.audit_number != manifest->position.audit_number ||
        memcmp(position.audit_hash, manifest->position.audit_hash, sizeof(position.audit_hash)) !=
            0) {
        return differs(&comparing, "its end, event", (long long)position.last_event_id);
    }
    return hin_ok();
}
