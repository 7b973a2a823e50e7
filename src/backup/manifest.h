/* What one backup of one tenant is: the objects it is made of, the key of each, the rows of its
 * segments. A manifest lists all; a shipment says what changed since the manifest it belongs to,
 * and is sealed under the same key.
 *
 * File, version 1 (little-endian):
 *   0  "HBM" 1
 *   4  u32 head_bytes   of all before the frames
 *   8  tenant (bytes), u64 when the manifest was begun (its name), u32 sequence (0: the manifest),
 *      what opens it (bytes: keys/vault.h, hin_vault_backup_*)
 *   .  u32 crc          CRC-32C over all before it
 *   .  frames: u32 size, a sealed value; each holds whole records. Its place: the tenant, "backup",
 *      "BEGUN/SEQUENCE/NUMBER" in hex, and "more" or "end".
 * Records: u8 kind, then
 *   1 about    u32 schema, zigzag when it was finished, zigzag last event, zigzag last audit entry,
 *              its hash, SHA-256 of the head with its crc, varint segments, varint pieces
 *   2 segment  12 zigzag columns, computers (varint length + 1, 0: not known), u8 key state, key,
 *              object
 *   3 piece    varint part, zigzag first, zigzag last, varint chunk, u8 end, varint rows, digest,
 *              key, object
 *   4 gone     zigzag id of a segment that the manifest has and this shipment has not, or has
 *              otherwise
 * An object: 16 bytes name, varint size, SHA-256. */
#ifndef HIN_BACKUP_MANIFEST_H
#define HIN_BACKUP_MANIFEST_H

#include "base/arena.h"
#include "base/map.h"
#include "crypt/hash.h"
#include "keys/vault.h"
#include "store/copy.h"

#define HIN_BACKUP_NAME_BYTES   16
#define HIN_BACKUP_FILE_MAX     ((size_t)512 << 20) /* of a manifest */
#define HIN_BACKUP_SEGMENTS_MAX ((size_t)4 << 20)
#define HIN_BACKUP_PIECES_MAX   ((size_t)1 << 20)
#define HIN_BACKUP_OBJECT_MAX   ((uint64_t)64 << 20)

struct hin_backup_object {
    uint8_t name[HIN_BACKUP_NAME_BYTES];
    uint64_t size; /* 0: there is none (a segment that was damaged before) */
    uint8_t hash[HIN_SHA256_BYTES];
};

struct hin_backup_segment {
    struct hin_copy_segment row; /* computers: the manifest's; head is not kept */
    struct hin_backup_object object;
};

/* Rows of one part of the store, sealed together under a key of their own. */
struct hin_backup_piece {
    uint32_t part;       /* enum hin_store_part */
    int64_t first, last; /* of the audit record: entries; else 0 */
    uint32_t chunk;      /* from 0, in order */
    bool end;            /* the last chunk of this part and range */
    uint64_t rows;
    uint8_t digest[HIN_SHA256_BYTES]; /* same rows, same digest */
    uint8_t key[HIN_SEAL_KEY_BYTES];
    struct hin_backup_object object;
};

struct hin_backup_manifest {
    char tenant[HIN_STORE_TENANT_MAX + 1];
    int64_t begun_usec; /* names it, among those of its tenant */
    uint32_t sequence;  /* 0: the manifest; else which shipment was added to it */
    int64_t at_usec;    /* what it holds was so at this time */
    uint32_t schema;    /* of the store it was taken from */
    uint32_t version;   /* of the wrapping key */
    struct hin_buf payload;
    struct hin_copy_position position;
    struct hin_backup_segment *segments; /* ascending by id */
    size_t segment_count, segment_room;
    struct hin_backup_piece *pieces;
    size_t piece_count, piece_room;
    struct hin_arena arena; /* computers */
};

void hin_backup_manifest_init(struct hin_backup_manifest *manifest) HIN_NONNULL;
/* Wipes what it held. */
void hin_backup_manifest_done(struct hin_backup_manifest *manifest) HIN_NONNULL;
/* LIMIT, NO_MEMORY. What is added is copied. */
HIN_RESULT hin_backup_add_segment(struct hin_backup_manifest *manifest,
                                  const struct hin_backup_segment *segment) HIN_NONNULL;
HIN_RESULT hin_backup_add_piece(struct hin_backup_manifest *manifest,
                                const struct hin_backup_piece *piece) HIN_NONNULL;
/* Sum of its objects. */
uint64_t hin_backup_bytes(const struct hin_backup_manifest *manifest) HIN_NONNULL;

/* Appends the file. base: NULL for a manifest; else the one that this is a shipment of. */
HIN_RESULT hin_backup_manifest_write(const struct hin_backup_manifest *manifest,
                                     const struct hin_backup_manifest *base,
                                     const struct hin_vault_data_key *key,
                                     struct hin_buf *ret_bytes) __attribute__((nonnull(1, 3, 4)));

/* The head alone, which needs no key: fills tenant, begun_usec, sequence, version, payload.
 * TRUNCATED, SYNTAX, CORRUPT; UNSUPPORTED: made by a newer version. *ret_size: where the frames
 * begin. */
HIN_RESULT hin_backup_head_read(struct hin_view bytes, struct hin_backup_manifest *manifest,
                                size_t *ret_size) HIN_NONNULL;
/* The frames, under its key, into a manifest that hin_backup_head_read has filled. For a shipment
 * `base` is its manifest, whose segments are taken over. AUTH: altered; the codes above. */
HIN_RESULT hin_backup_body_read(struct hin_view bytes, const struct hin_vault_data_key *key,
                                const struct hin_backup_manifest *base,
                                struct hin_backup_manifest *manifest)
    __attribute__((nonnull(2, 4)));
/* A shipment's own records alone: what it added, and the pieces. */
HIN_RESULT hin_backup_shipment_read(struct hin_view bytes, const struct hin_vault_data_key *key,
                                    struct hin_backup_manifest *manifest) HIN_NONNULL;
/* Whether both hold the very same; when, and where they lie, aside. */
bool hin_backup_same(const struct hin_backup_manifest *a,
                     const struct hin_backup_manifest *b) HIN_NONNULL;
/* The records of one frame: the parser behind it, for tests. */
struct hin_backup_reading {
    struct hin_backup_manifest *manifest;
    uint8_t head_hash[HIN_SHA256_BYTES];
    uint64_t segments, pieces; /* announced */
    struct hin_map *gone;
    bool about;
};
HIN_RESULT hin_backup_records_read(struct hin_view plain,
                                   struct hin_backup_reading *reading) HIN_NONNULL;

#endif
