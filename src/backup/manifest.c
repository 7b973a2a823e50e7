#include "backup/manifest.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"

static const uint8_t magic[4] = {'H', 'B', 'M', 1};

enum { RECORD_ABOUT = 1, RECORD_SEGMENT = 2, RECORD_PIECE = 3, RECORD_GONE = 4 };
enum { HEAD_MAX = HIN_VAULT_BACKUP_MAX + 256, COLUMNS = 12 };
#define FRAME_BYTES ((size_t)256 << 10)
#define FRAME_MAX   ((size_t)1 << 20)

void hin_backup_manifest_init(struct hin_backup_manifest *manifest)
{
    *manifest = (struct hin_backup_manifest){.payload = {.max = HIN_VAULT_BACKUP_MAX}};
    hin_arena_init(&manifest->arena, (size_t)1 << 30);
}

void hin_backup_manifest_done(struct hin_backup_manifest *manifest)
{
    hin_wipe(manifest->segments, manifest->segment_room * sizeof(*manifest->segments));
    hin_wipe(manifest->pieces, manifest->piece_room * sizeof(*manifest->pieces));
    free(manifest->segments);
    free(manifest->pieces);
    hin_buf_done(&manifest->payload);
    hin_arena_done(&manifest->arena);
    *manifest = (struct hin_backup_manifest){0};
}

/* Room for one more; what moves leaves nothing behind. */
static HIN_RESULT grow(void **list, size_t count, size_t *room, size_t size, size_t most)
{
    if (count < *room) {
        return hin_ok();
    }
    HIN_ENSURE(count < most, LIMIT);
    size_t wanted = HIN_MIN(HIN_MAX(*room * 2, (size_t)64), most);
    void *fresh = calloc(wanted, size);
    HIN_ENSURE(fresh != NULL, NO_MEMORY);
    hin_copy(fresh, *list, count * size);
    hin_wipe(*list, count * size);
    free(*list);
    *list = fresh;
    *room = wanted;
    return hin_ok();
}

HIN_RESULT hin_backup_add_segment(struct hin_backup_manifest *manifest,
                                  const struct hin_backup_segment *segment)
{
    struct hin_view computers = HIN_VIEW_EMPTY;
    HIN_TRY(grow((void **)&manifest->segments, manifest->segment_count, &manifest->segment_room,
                 sizeof(*segment), HIN_BACKUP_SEGMENTS_MAX));
    if (segment->row.computers.size > 0) {
        HIN_TRY(hin_arena_copy(&manifest->arena, segment->row.computers, &computers));
    }
    struct hin_backup_segment *added = &manifest->segments[manifest->segment_count++];
    *added = *segment;
    added->row.computers = computers;
    added->row.head = HIN_VIEW_EMPTY;
    return hin_ok();
}

HIN_RESULT hin_backup_add_piece(struct hin_backup_manifest *manifest,
                                const struct hin_backup_piece *piece)
{
    HIN_TRY(grow((void **)&manifest->pieces, manifest->piece_count, &manifest->piece_room,
                 sizeof(*piece), HIN_BACKUP_PIECES_MAX));
    manifest->pieces[manifest->piece_count++] = *piece;
    return hin_ok();
}

uint64_t hin_backup_bytes(const struct hin_backup_manifest *manifest)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < manifest->segment_count; i++) {
        bytes += manifest->segments[i].object.size;
    }
    for (size_t i = 0; i < manifest->piece_count; i++) {
        bytes += manifest->pieces[i].object.size;
    }
    return bytes;
}

/* --- the columns of a segment's row, once for both ways --- */

static void columns_of(struct hin_copy_segment *row, int64_t *columns[COLUMNS])
{
    int64_t *const all[COLUMNS] = {&row->id,       &row->last_id,  &row->count,
                                   &row->level,    &row->day,      &row->created_usec,
                                   &row->min_time, &row->max_time, &row->plain_bytes,
                                   &row->damaged,  &row->classes,  &row->severities};
    hin_copy(columns, all, sizeof(all));
}

static void place_row(const struct hin_backup_manifest *manifest, uint32_t number, char out[64])
{
    snprintf(out, 64, "%016llx/%08x/%08x", (unsigned long long)manifest->begun_usec,
             manifest->sequence, number);
}

static struct hin_seal_place frame_place(const struct hin_backup_manifest *manifest,
                                         const char *row, bool end)
{
    return (struct hin_seal_place){hin_view_from_text(manifest->tenant), HIN_VIEW("backup"),
                                   hin_view_from_text(row),
                                   end ? HIN_VIEW("end") : HIN_VIEW("more")};
}

/* --- writing --- */

struct writing {
    const struct hin_backup_manifest *manifest;
    struct hin_sealer *sealer;
    struct hin_buf frame; /* plain; never moves */
    struct hin_buf *out;
    uint32_t number;
};

static HIN_RESULT flush(struct writing *writing, bool end)
{
    char row[64];
    size_t begin = writing->out->size;
    place_row(writing->manifest, writing->number++, row);
    struct hin_seal_place place = frame_place(writing->manifest, row, end);
    HIN_TRY(hin_write_u32(writing->out, 0));
    HIN_TRY(hin_seal_value(writing->sealer, &place, hin_buf_view(&writing->frame), writing->out));
    hin_store_u32(writing->out->data + begin, (uint32_t)(writing->out->size - begin - 4));
    hin_buf_clear(&writing->frame);
    return hin_ok();
}

static HIN_RESULT flush_full(struct writing *writing)
{
    return writing->frame.size >= FRAME_BYTES ? flush(writing, false) : hin_ok();
}

static HIN_RESULT write_object(struct hin_buf *out, const struct hin_backup_object *object)
{
    HIN_TRY(hin_buf_append(out, hin_view_of(object->name, sizeof(object->name))));
    HIN_TRY(hin_write_varint(out, object->size));
    return hin_buf_append(out, hin_view_of(object->hash, sizeof(object->hash)));
}

static HIN_RESULT write_segment(struct writing *writing, const struct hin_backup_segment *segment)
{
    struct hin_buf *out = &writing->frame;
    struct hin_copy_segment row = segment->row;
    int64_t *columns[COLUMNS];
    columns_of(&row, columns);
    HIN_TRY(flush_full(writing));
    HIN_TRY(hin_write_u8(out, RECORD_SEGMENT));
    for (size_t i = 0; i < COLUMNS; i++) {
        HIN_TRY(hin_write_zigzag(out, *columns[i]));
    }
    HIN_TRY(hin_write_varint(out, row.computers_known ? row.computers.size + 1 : 0));
    HIN_TRY(hin_buf_append(out, row.computers));
    HIN_TRY(hin_write_u8(out, (uint8_t)row.key_state));
    HIN_TRY(hin_buf_append(out, hin_view_of(row.key, sizeof(row.key))));
    hin_wipe(row.key, sizeof(row.key));
    return write_object(out, &segment->object);
}

static HIN_RESULT write_piece(struct writing *writing, const struct hin_backup_piece *piece)
{
    struct hin_buf *out = &writing->frame;
    HIN_TRY(flush_full(writing));
    HIN_TRY(hin_write_u8(out, RECORD_PIECE));
    HIN_TRY(hin_write_varint(out, piece->part));
    HIN_TRY(hin_write_zigzag(out, piece->first));
    HIN_TRY(hin_write_zigzag(out, piece->last));
    HIN_TRY(hin_write_varint(out, piece->chunk));
    HIN_TRY(hin_write_u8(out, piece->end));
    HIN_TRY(hin_write_varint(out, piece->rows));
    HIN_TRY(hin_buf_append(out, hin_view_of(piece->digest, sizeof(piece->digest))));
    HIN_TRY(hin_buf_append(out, hin_view_of(piece->key, sizeof(piece->key))));
    return write_object(out, &piece->object);
}

static HIN_RESULT write_head(const struct hin_backup_manifest *manifest, struct hin_buf *out,
                             uint8_t ret_hash[HIN_SHA256_BYTES])
{
    size_t begin = out->size;
    HIN_TRY(hin_buf_append(out, hin_view_of(magic, sizeof(magic))));
    HIN_TRY(hin_write_u32(out, 0));
    HIN_TRY(hin_write_bytes(out, hin_view_from_text(manifest->tenant)));
    HIN_TRY(hin_write_u64(out, (uint64_t)manifest->begun_usec));
    HIN_TRY(hin_write_u32(out, manifest->sequence));
    HIN_TRY(hin_write_bytes(out, hin_buf_view(&manifest->payload)));
    hin_store_u32(out->data + begin + 4, (uint32_t)(out->size - begin + 4));
    HIN_TRY(hin_write_u32(out, hin_crc32c(0, hin_view_sub(hin_buf_view(out), begin, out->size))));
    return hin_sha256(hin_view_sub(hin_buf_view(out), begin, out->size), ret_hash);
}

static HIN_RESULT write_about(struct writing *writing, const uint8_t *head_hash, uint64_t segments)
{
    const struct hin_backup_manifest *manifest = writing->manifest;
    struct hin_buf *out = &writing->frame;
    HIN_TRY(hin_write_u8(out, RECORD_ABOUT));
    HIN_TRY(hin_write_u32(out, manifest->schema));
    HIN_TRY(hin_write_zigzag(out, manifest->at_usec));
    HIN_TRY(hin_write_zigzag(out, manifest->position.last_event_id));
    HIN_TRY(hin_write_zigzag(out, manifest->position.audit_number));
    HIN_TRY(hin_buf_append(
        out, hin_view_of(manifest->position.audit_hash, sizeof(manifest->position.audit_hash))));
    HIN_TRY(hin_buf_append(out, hin_view_of(head_hash, HIN_SHA256_BYTES)));
    HIN_TRY(hin_write_varint(out, segments));
    return hin_write_varint(out, manifest->piece_count);
}

static bool same_segment(const struct hin_backup_segment *a, const struct hin_backup_segment *b)
{
    struct hin_copy_segment one = a->row, other = b->row;
    int64_t *ones[COLUMNS], *others[COLUMNS];
    columns_of(&one, ones);
    columns_of(&other, others);
    bool same = memcmp(&a->object, &b->object, sizeof(a->object)) == 0;
    for (size_t i = 0; same && i < COLUMNS; i++) {
        same = *ones[i] == *others[i];
    }
    hin_wipe(one.key, sizeof(one.key));
    hin_wipe(other.key, sizeof(other.key));
    return same;
}

bool hin_backup_same(const struct hin_backup_manifest *a, const struct hin_backup_manifest *b)
{
    bool same = a->segment_count == b->segment_count && a->piece_count == b->piece_count;
    for (size_t i = 0; same && i < a->segment_count; i++) {
        same = same_segment(&a->segments[i], &b->segments[i]);
    }
    for (size_t i = 0; same && i < a->piece_count; i++) {
        same = memcmp(&a->pieces[i].object, &b->pieces[i].object, sizeof(a->pieces[i].object)) == 0;
    }
    return same;
}

/* Both lists ascend by id. What the base has and the manifest has not, or has otherwise, is gone.
 */
static HIN_RESULT write_change(struct writing *writing, const struct hin_backup_manifest *base)
{
    const struct hin_backup_manifest *manifest = writing->manifest;
    size_t at = 0;
    for (size_t i = 0; i < manifest->segment_count || at < base->segment_count;) {
        const struct hin_backup_segment *now =
            i < manifest->segment_count ? &manifest->segments[i] : NULL;
        const struct hin_backup_segment *then =
            at < base->segment_count ? &base->segments[at] : NULL;
        if (then != NULL && now != NULL && same_segment(now, then)) {
            i++;
            at++;
        } else if (then != NULL && (now == NULL || then->row.id <= now->row.id)) {
            HIN_TRY(flush_full(writing));
            HIN_TRY(hin_write_u8(&writing->frame, RECORD_GONE));
            HIN_TRY(hin_write_zigzag(&writing->frame, then->row.id));
            at++;
        } else if (now != NULL) {
            HIN_TRY(write_segment(writing, now));
            i++;
        }
    }
    return hin_ok();
}

static HIN_RESULT write_body(struct writing *writing, const struct hin_backup_manifest *base,
                             const uint8_t *head_hash)
{
    const struct hin_backup_manifest *manifest = writing->manifest;
    HIN_TRY(write_about(writing, head_hash, manifest->segment_count));
    for (size_t i = 0; i < manifest->piece_count; i++) {
        HIN_TRY(write_piece(writing, &manifest->pieces[i]));
    }
    for (size_t i = 0; base == NULL && i < manifest->segment_count; i++) {
        HIN_TRY(write_segment(writing, &manifest->segments[i]));
    }
    if (base != NULL) {
        HIN_TRY(write_change(writing, base));
    }
    return flush(writing, true);
}

HIN_RESULT hin_backup_manifest_write(const struct hin_backup_manifest *manifest,
                                     const struct hin_backup_manifest *base,
                                     const struct hin_vault_data_key *key,
                                     struct hin_buf *ret_bytes)
{
    uint8_t head_hash[HIN_SHA256_BYTES];
    struct writing writing = {.manifest = manifest, .frame = {.max = FRAME_MAX}, .out = ret_bytes};
    HIN_TRY(hin_buf_reserve(&writing.frame, FRAME_MAX));
    struct hin_result written = hin_sealer_new(&writing.sealer, key->id, &key->key);
    if (hin_is_ok(written)) {
        written = write_head(manifest, ret_bytes, head_hash);
    }
    if (hin_is_ok(written)) {
        written = write_body(&writing, base, head_hash);
    }
    hin_sealer_free(writing.sealer);
    hin_wipe(writing.frame.data, writing.frame.capacity);
    hin_buf_done(&writing.frame);
    return written;
}

/* --- reading --- */

static HIN_RESULT read_head_fields(struct hin_view fields, struct hin_backup_manifest *manifest)
{
    struct hin_reader reader = hin_reader_of(fields);
    struct hin_view tenant, payload;
    uint64_t begun = 0;
    HIN_TRY(hin_read_bytes(&reader, HIN_STORE_TENANT_MAX, &tenant));
    HIN_TRY(hin_read_u64(&reader, &begun));
    HIN_TRY(hin_read_u32(&reader, &manifest->sequence));
    HIN_TRY(hin_read_bytes(&reader, HIN_VAULT_BACKUP_MAX, &payload));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(begun <= INT64_MAX, SYNTAX);
    manifest->begun_usec = (int64_t)begun;
    HIN_TRY(hin_view_to_text(tenant, manifest->tenant, sizeof(manifest->tenant)));
    HIN_TRY(hin_vault_backup_version(payload, &manifest->version));
    hin_buf_clear(&manifest->payload);
    return hin_buf_append(&manifest->payload, payload);
}

HIN_RESULT hin_backup_head_read(struct hin_view bytes, struct hin_backup_manifest *manifest,
                                size_t *ret_size)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        HIN_ENSURE(bytes.data[i] == magic[i], SYNTAX);
    }
    HIN_ENSURE(bytes.size >= 16, TRUNCATED);
    HIN_ENSURE(bytes.data[3] <= magic[3], UNSUPPORTED);
    HIN_ENSURE(bytes.data[3] == magic[3], SYNTAX);
    size_t size = hin_load_u32(bytes.data + 4);
    HIN_ENSURE(size >= 16 && size <= HEAD_MAX, CORRUPT);
    HIN_ENSURE(size <= bytes.size, TRUNCATED);
    HIN_ENSURE(hin_load_u32(bytes.data + size - 4) ==
                   hin_crc32c(0, hin_view_sub(bytes, 0, size - 4)),
               CORRUPT);
    struct hin_result read = read_head_fields(hin_view_sub(bytes, 8, size - 12), manifest);
    HIN_ENSURE(hin_is_ok(read) || read.code == HIN_UNSUPPORTED || read.code == HIN_NO_MEMORY,
               CORRUPT);
    HIN_TRY(read);
    *ret_size = size;
    return hin_ok();
}

static HIN_RESULT read_object(struct hin_reader *reader, struct hin_backup_object *object)
{
    struct hin_view name, hash;
    HIN_TRY(hin_read_exact(reader, sizeof(object->name), &name));
    HIN_TRY(hin_read_varint(reader, &object->size));
    HIN_TRY(hin_read_exact(reader, sizeof(object->hash), &hash));
    HIN_ENSURE(object->size <= HIN_BACKUP_OBJECT_MAX, LIMIT);
    hin_copy(object->name, name.data, name.size);
    hin_copy(object->hash, hash.data, hash.size);
    return hin_ok();
}

static HIN_RESULT read_segment(struct hin_reader *reader, struct hin_backup_reading *reading)
{
    struct hin_backup_segment segment = {0};
    int64_t *columns[COLUMNS];
    uint64_t computers = 0;
    uint8_t state = 0;
    struct hin_view key;
    columns_of(&segment.row, columns);
    for (size_t i = 0; i < COLUMNS; i++) {
        HIN_TRY(hin_read_zigzag(reader, columns[i]));
    }
    HIN_TRY(hin_read_varint(reader, &computers));
    HIN_ENSURE(computers <= HIN_COPY_COMPUTERS_BYTES + 1, LIMIT);
    segment.row.computers_known = computers > 0;
    HIN_TRY(
        hin_read_exact(reader, computers > 0 ? (size_t)computers - 1 : 0, &segment.row.computers));
    HIN_TRY(hin_read_u8(reader, &state));
    HIN_ENSURE(state <= HIN_COPY_KEY_LOST, SYNTAX);
    segment.row.key_state = (enum hin_copy_key)state;
    HIN_TRY(hin_read_exact(reader, HIN_SEAL_KEY_BYTES, &key));
    HIN_TRY(read_object(reader, &segment.object));
    hin_copy(segment.row.key, key.data, key.size);
    struct hin_result added = hin_backup_add_segment(reading->manifest, &segment);
    hin_wipe(segment.row.key, sizeof(segment.row.key));
    return added;
}

static HIN_RESULT read_piece(struct hin_reader *reader, struct hin_backup_reading *reading)
{
    struct hin_backup_piece piece = {0};
    struct hin_view digest, key;
    uint64_t part = 0, chunk = 0;
    uint8_t end = 0;
    HIN_TRY(hin_read_varint(reader, &part));
    HIN_TRY(hin_read_zigzag(reader, &piece.first));
    HIN_TRY(hin_read_zigzag(reader, &piece.last));
    HIN_TRY(hin_read_varint(reader, &chunk));
    HIN_TRY(hin_read_u8(reader, &end));
    HIN_TRY(hin_read_varint(reader, &piece.rows));
    HIN_TRY(hin_read_exact(reader, sizeof(piece.digest), &digest));
    HIN_TRY(hin_read_exact(reader, sizeof(piece.key), &key));
    HIN_TRY(read_object(reader, &piece.object));
    HIN_ENSURE(part > 0 && chunk <= UINT32_MAX && end <= 1, SYNTAX);
    HIN_ENSURE(part < HIN_PART_COUNT, UNSUPPORTED);
    piece.part = (uint32_t)part;
    piece.chunk = (uint32_t)chunk;
    piece.end = end == 1;
    hin_copy(piece.digest, digest.data, digest.size);
    hin_copy(piece.key, key.data, key.size);
    struct hin_result added = hin_backup_add_piece(reading->manifest, &piece);
    hin_wipe(piece.key, sizeof(piece.key));
    return added;
}

static HIN_RESULT read_about(struct hin_reader *reader, struct hin_backup_reading *reading)
{
    struct hin_backup_manifest *manifest = reading->manifest;
    struct hin_view audit_hash, head_hash;
    HIN_ENSURE(!reading->about, SYNTAX);
    HIN_TRY(hin_read_u32(reader, &manifest->schema));
    HIN_TRY(hin_read_zigzag(reader, &manifest->at_usec));
    HIN_TRY(hin_read_zigzag(reader, &manifest->position.last_event_id));
    HIN_TRY(hin_read_zigzag(reader, &manifest->position.audit_number));
    HIN_TRY(hin_read_exact(reader, sizeof(manifest->position.audit_hash), &audit_hash));
    HIN_TRY(hin_read_exact(reader, HIN_SHA256_BYTES, &head_hash));
    HIN_TRY(hin_read_varint(reader, &reading->segments));
    HIN_TRY(hin_read_varint(reader, &reading->pieces));
    HIN_ENSURE(manifest->schema <= HIN_STORE_SCHEMA_VERSION, UNSUPPORTED);
    HIN_ENSURE(memcmp(head_hash.data, reading->head_hash, HIN_SHA256_BYTES) == 0, AUTH);
    hin_copy(manifest->position.audit_hash, audit_hash.data, audit_hash.size);
    reading->about = true;
    return hin_ok();
}

static HIN_RESULT read_gone(struct hin_reader *reader, struct hin_backup_reading *reading)
{
    int64_t id = 0;
    HIN_TRY(hin_read_zigzag(reader, &id));
    HIN_ENSURE(reading->gone != NULL, SYNTAX);
    return hin_map_put(reading->gone, hin_view_of(&id, sizeof(id)), reading);
}

HIN_RESULT hin_backup_records_read(struct hin_view plain, struct hin_backup_reading *reading)
{
    static struct hin_result (*const readers[])(struct hin_reader *,
                                                struct hin_backup_reading *) = {
        [RECORD_ABOUT] = read_about,
        [RECORD_SEGMENT] = read_segment,
        [RECORD_PIECE] = read_piece,
        [RECORD_GONE] = read_gone,
    };
    struct hin_reader reader = hin_reader_of(plain);
    while (reader.rest.size > 0) {
        uint8_t kind = 0;
        HIN_TRY(hin_read_u8(&reader, &kind));
        HIN_ENSURE(kind < HIN_COUNT(readers) && readers[kind] != NULL, SYNTAX);
        HIN_ENSURE(reading->about || kind == RECORD_ABOUT, SYNTAX);
        HIN_TRY(readers[kind](&reader, reading));
    }
    return hin_ok();
}

/* One frame; *ret_end: it was the last. */
static HIN_RESULT read_frame(struct hin_reader *reader, struct hin_opener *opener, uint32_t number,
                             struct hin_buf *plain, struct hin_backup_reading *reading,
                             bool *ret_end)
{
    char row[64];
    uint32_t size = 0;
    struct hin_view sealed;
    HIN_TRY(hin_read_u32(reader, &size));
    HIN_ENSURE(size <= FRAME_MAX + HIN_SEAL_OVERHEAD_BYTES, CORRUPT);
    HIN_TRY(hin_read_exact(reader, size, &sealed));
    bool end = reader->rest.size == 0;
    place_row(reading->manifest, number, row);
    struct hin_seal_place place = frame_place(reading->manifest, row, end);
    hin_buf_clear(plain);
    HIN_TRY(hin_seal_open_value(opener, &place, sealed, plain));
    *ret_end = end;
    return hin_backup_records_read(hin_buf_view(plain), reading);
}

static HIN_RESULT read_frames(struct hin_view frames, struct hin_opener *opener,
                              struct hin_backup_reading *reading)
{
    struct hin_reader reader = hin_reader_of(frames);
    struct hin_buf plain = {.max = FRAME_MAX};
    HIN_TRY(hin_buf_reserve(&plain, FRAME_MAX));
    struct hin_result read = hin_ok();
    bool end = false;
    for (uint32_t number = 0; hin_is_ok(read) && !end; number++) {
        read = read_frame(&reader, opener, number, &plain, reading, &end);
    }
    hin_wipe(plain.data, plain.capacity);
    hin_buf_done(&plain);
    return read;
}

static int by_id(const void *a, const void *b)
{
    const struct hin_backup_segment *one = a, *other = b;
    return one->row.id < other->row.id ? -1 : one->row.id > other->row.id;
}

/* What the base has and nothing says of that it is gone. */
static HIN_RESULT take_over(const struct hin_backup_manifest *base, const struct hin_map *gone,
                            struct hin_backup_manifest *manifest)
{
    for (size_t i = 0; i < base->segment_count; i++) {
        int64_t id = base->segments[i].row.id;
        if (hin_map_get(gone, hin_view_of(&id, sizeof(id))) == NULL) {
            HIN_TRY(hin_backup_add_segment(manifest, &base->segments[i]));
        }
    }
    if (manifest->segment_count > 0) {
        qsort(manifest->segments, manifest->segment_count, sizeof(*manifest->segments), by_id);
    }
    return hin_ok();
}

static HIN_RESULT read_body(struct hin_view bytes, struct hin_opener *opener,
                            const struct hin_backup_manifest *base, bool own_only,
                            struct hin_backup_reading *reading)
{
    struct hin_backup_manifest *manifest = reading->manifest;
    size_t head = hin_load_u32(bytes.data + 4);
    HIN_TRY(hin_sha256(hin_view_sub(bytes, 0, head), reading->head_hash));
    HIN_TRY(read_frames(hin_view_sub(bytes, head, bytes.size), opener, reading));
    if (base != NULL) {
        HIN_TRY(take_over(base, reading->gone, manifest));
    }
    HIN_ENSURE(reading->about && manifest->piece_count == reading->pieces, CORRUPT);
    HIN_ENSURE(own_only || manifest->segment_count == reading->segments, CORRUPT);
    return hin_ok();
}

static HIN_RESULT read_under(struct hin_view bytes, const struct hin_vault_data_key *key,
                             const struct hin_backup_manifest *base, bool own_only,
                             struct hin_backup_manifest *manifest)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    struct hin_map gone;
    HIN_ENSURE(bytes.size >= 16, TRUNCATED);
    HIN_TRY(hin_opener_new(&opener, NULL, 1));
    HIN_TRY(hin_opener_add(opener, key->id, &key->key));
    HIN_TRY(hin_map_init(&gone, HIN_BACKUP_SEGMENTS_MAX));
    struct hin_backup_reading reading = {.manifest = manifest,
                                         .gone = manifest->sequence > 0 ? &gone : NULL};
    struct hin_result read = read_body(bytes, opener, base, own_only, &reading);
    hin_map_done(&gone);
    return read;
}

HIN_RESULT hin_backup_body_read(struct hin_view bytes, const struct hin_vault_data_key *key,
                                const struct hin_backup_manifest *base,
                                struct hin_backup_manifest *manifest)
{
    HIN_ENSURE((manifest->sequence == 0) == (base == NULL), INVALID);
    return read_under(bytes, key, base, false, manifest);
}

HIN_RESULT hin_backup_shipment_read(struct hin_view bytes, const struct hin_vault_data_key *key,
                                    struct hin_backup_manifest *manifest)
{
    HIN_ENSURE(manifest->sequence > 0, INVALID);
    return read_under(bytes, key, NULL, true, manifest);
}
