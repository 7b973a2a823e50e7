/* What the files of backup/ share. */
#ifndef HIN_BACKUP_INTERNAL_H
#define HIN_BACKUP_INTERNAL_H

#include "backup/backup.h"
#include "store/documents.h"

#define HIN_BACKUP_PIECE_BYTES ((size_t)4 << 20) /* of rows; one row more at most */
#define HIN_BACKUP_PIECE_MAX   ((size_t)32 << 20)

/* Evidence is only ever added to, and kept: among documents it is cut by its numbers, so that what
 * comes in, there or before it, leaves the pieces that were written as they are. */
#define HIN_BACKUP_RANGE_KIND  HIN_STORE_EVIDENCE
#define HIN_BACKUP_RANGE_COUNT 256
/* From 1; 0: it is in none. */
static inline int64_t hin_backup_range_of(int64_t kind, int64_t id)
{
    return kind == HIN_BACKUP_RANGE_KIND && id > 0 ? (id - 1) / HIN_BACKUP_RANGE_COUNT + 1 : 0;
}

/* An object's bytes into `bytes` (cleared before), compared with what the manifest says of it.
 * CORRUPT, NOT_FOUND, or the depot's failure; backup->error names it. */
HIN_RESULT hin_backup_fetch(struct hin_backup *backup, const struct hin_backup_object *object,
                            struct hin_buf *bytes) HIN_NONNULL;
/* The objects of a manifest one after the other, pieces first, read as hin_backup_fetch does; by a
 * second thread where backup->read_ahead is set. */
struct hin_backup_ahead;
HIN_RESULT hin_backup_ahead_new(struct hin_backup_ahead **ret_ahead, struct hin_backup *backup,
                                const struct hin_backup_manifest *manifest) HIN_NONNULL;
void hin_backup_ahead_free(struct hin_backup_ahead *ahead);
/* The object that is next (empty where it has no bytes), valid until _next, which passes on to the
 * one after it. What it fails with stays so. */
HIN_RESULT hin_backup_ahead_take(struct hin_backup_ahead *ahead, struct hin_backup *backup,
                                 struct hin_view *ret_bytes) HIN_NONNULL;
void hin_backup_ahead_next(struct hin_backup_ahead *ahead) HIN_NONNULL;
/* Rows (each: varint size, the row) under a name and a key that the piece gets. sealed: cleared
 * before. */
HIN_RESULT hin_backup_seal_piece(const char *tenant, struct hin_backup_piece *piece,
                                 struct hin_view rows, struct hin_buf *sealed) HIN_NONNULL;
/* The rows of a piece, opened. plain: cleared before, wiped by the caller. */
HIN_RESULT hin_backup_open_piece(struct hin_backup *backup, const struct hin_backup_piece *piece,
                                 struct hin_view sealed, struct hin_buf *plain) HIN_NONNULL;
/* The highest number of a shipment of that backup that lies there; 0: none. */
HIN_RESULT hin_backup_last_shipment(struct hin_backup *backup, int64_t begun_usec,
                                    uint32_t *ret_last) HIN_NONNULL;
/* The state that one shipment of a loaded manifest, whose key is given, has brought about. */
HIN_RESULT hin_backup_load_shipment(struct hin_backup *backup,
                                    const struct hin_backup_manifest *base, uint32_t sequence,
                                    struct hin_vault_data_key *key,
                                    struct hin_backup_manifest *ret_manifest) HIN_NONNULL;
/* Fills backup->error with what the depot said, and answers its code. */
HIN_RESULT hin_backup_depot_failed(struct hin_backup *backup, struct hin_result result) HIN_NONNULL;
/* Bytes of the largest one: it is longer than its rows. */
size_t hin_backup_largest_piece(const struct hin_backup_manifest *manifest) HIN_NONNULL;
/* What is there is not what was written: not the depot out of reach. */
bool hin_backup_is_damage(struct hin_result result);
/* Counts, and asks `between`. */
HIN_RESULT hin_backup_passed(struct hin_backup *backup, uint64_t bytes, bool shared) HIN_NONNULL;

#endif
