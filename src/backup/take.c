/* A backup being taken. What is large and never changes, the segments, is copied ahead, piece by
 * piece, while the store goes on; then the store is read as it stands at one moment, and of the
 * segments only those are copied that came in between. So the moment is short, however slow the
 * depot is: on SQLite the write-ahead log cannot be folded while it lasts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/internal.h"
#include "base/bytes.h"
#include "base/codec.h"

enum { PAGE_SEGMENTS = 256, PAGE_ROWS = 1000, AUDIT_RANGE = 4096, ROUNDS_AHEAD = 4, FEW = 64 };

struct taking {
    struct hin_backup *backup;
    const struct hin_backup_take *take;
    struct hin_backup_manifest *next;
    struct hin_map known;   /* a segment's object that is in the depot: name -> the object */
    struct hin_map pieces;  /* of the former backup, by what they hold */
    struct hin_map damaged; /* segments that cannot be read: id -> anything */
    bool met_damage;        /* one more of them, in this moment, which ended with it */
    struct hin_arena arena; /* objects of this call */
    struct hin_buf bytes;   /* one object */
    struct hin_buf plain;   /* rows of one piece: wiped */
    uint64_t rows;
    struct hin_backup_segment page[PAGE_SEGMENTS];
    size_t page_count;
};

/* --- objects into the depot --- */

/* What lies there from a run that was cut off, and is the same, stays. */
static HIN_RESULT put_again(struct taking *taking, const char *path, struct hin_view bytes,
                            const struct hin_backup_object *object)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf there = {.max = bytes.size + 1};
    struct hin_backup *backup = taking->backup;
    if (hin_is_ok(hin_backup_fetch(backup, object, &there))) {
        return hin_ok();
    }
    return hin_backup_depot_failed(backup,
                                   hin_depot_put(backup->depot, path, bytes, HIN_DEPOT_REPLACE));
}

static HIN_RESULT put_object(struct taking *taking, struct hin_view bytes,
                             struct hin_backup_object *object)
{
    struct hin_backup *backup = taking->backup;
    char path[HIN_DEPOT_NAME_MAX + 1];
    object->size = bytes.size;
    HIN_TRY(hin_sha256(bytes, object->hash));
    hin_backup_object_path(backup->tenant, object->name, path);
    struct hin_result put = hin_depot_put(backup->depot, path, bytes, HIN_DEPOT_NEW);
    HIN_TRY(put.code == HIN_EXISTS ? put_again(taking, path, bytes, object)
                                   : hin_backup_depot_failed(backup, put));
    return hin_backup_passed(backup, object->size, false);
}

/* --- segments --- */

static HIN_RESULT name_segment(struct hin_view head, uint8_t ret_name[HIN_BACKUP_NAME_BYTES])
{
    uint8_t hash[HIN_SHA256_BYTES];
    HIN_ENSURE(head.size >= HIN_COPY_HEAD_BYTES, CORRUPT);
    HIN_TRY(hin_sha256(hin_view_sub(head, 0, HIN_COPY_HEAD_BYTES), hash));
    hin_copy(ret_name, hash, HIN_BACKUP_NAME_BYTES);
    return hin_ok();
}

static struct hin_view name_view(const uint8_t *name)
{
    return hin_view_of(name, HIN_BACKUP_NAME_BYTES);
}

/* Copies a segment's bytes to the depot; *ret_object is the known one then. */
static HIN_RESULT copy_segment(struct taking *taking, int64_t id,
                               const struct hin_backup_object **ret_object)
{
    struct hin_backup_object *object = NULL;
    hin_buf_clear(&taking->bytes);
    HIN_TRY(hin_store_copy_segment(taking->take->store, id, &taking->bytes));
    struct hin_view bytes = hin_buf_view(&taking->bytes);
    HIN_TRY(HIN_ARENA_NEW(&taking->arena, &object));
    HIN_TRY(name_segment(hin_view_sub(bytes, 4, bytes.size), object->name));
    *ret_object = hin_map_get(&taking->known, name_view(object->name));
    if (*ret_object != NULL) {
        return hin_ok(); /* it changed after it was listed, and is here already */
    }
    HIN_TRY(put_object(taking, bytes, object));
    *ret_object = object;
    return hin_map_put(&taking->known, name_view(object->name), object);
}

static HIN_RESULT add_to_page(void *context, const struct hin_copy_segment *row)
{
    struct taking *taking = context;
    struct hin_backup_segment *segment = &taking->page[taking->page_count];
    HIN_ENSURE(taking->page_count < PAGE_SEGMENTS, LIMIT);
    *segment = (struct hin_backup_segment){.row = *row};
    if (row->damaged == 0) {
        HIN_TRY(name_segment(row->head, segment->object.name));
    }
    struct hin_view computers = HIN_VIEW_EMPTY;
    if (row->computers.size > 0) {
        HIN_TRY(hin_arena_copy(&taking->next->arena, row->computers, &computers));
    }
    segment->row.computers = computers;
    segment->row.head = HIN_VIEW_EMPTY;
    taking->page_count++;
    return hin_ok();
}

/* Of the former backup, by ID; NULL: it has none. */
static const struct hin_backup_segment *former_segment(const struct taking *taking, int64_t id)
{
    const struct hin_backup_manifest *former = taking->take->former;
    size_t low = 0, high = former != NULL ? former->segment_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (former->segments[middle].row.id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found =
        former != NULL && low < former->segment_count && former->segments[low].row.id == id;
    return found ? &former->segments[low] : NULL;
}

/* The former backup says the key of a segment that is the same: what its name is made of, and so
 * what was sealed, and under which key. It need not be asked for. */
static bool knows_key(void *context, struct hin_copy_segment *row)
{
    const struct taking *taking = context;
    const struct hin_backup_segment *former = former_segment(taking, row->id);
    uint8_t name[HIN_BACKUP_NAME_BYTES];
    if (former == NULL || former->row.key_state != HIN_COPY_KEY_HERE || former->object.size == 0 ||
        !hin_is_ok(name_segment(row->head, name)) ||
        memcmp(name, former->object.name, sizeof(name)) != 0) {
        return false;
    }
    hin_copy(row->key, former->row.key, sizeof(row->key));
    return true;
}

static void drop_page(struct taking *taking)
{
    hin_wipe(taking->page, taking->page_count * sizeof(taking->page[0]));
    taking->page_count = 0;
}

static HIN_RESULT each_segment(struct taking *taking,
                               HIN_RESULT (*visit)(struct taking *taking,
                                                   struct hin_backup_segment *segment))
{
    int64_t after = INT64_MIN;
    bool more = true;
    struct hin_result result = hin_ok();
    while (more && hin_is_ok(result)) {
        drop_page(taking);
        result = hin_store_copy_segments_known(taking->take->store, after, PAGE_SEGMENTS, knows_key,
                                               add_to_page, taking, &more);
        for (size_t i = 0; hin_is_ok(result) && i < taking->page_count; i++) {
            after = taking->page[i].row.id;
            result = visit(taking, &taking->page[i]);
        }
    }
    drop_page(taking);
    return result;
}

/* Ahead of the moment: what is gone or damaged by now is that moment's affair. */
static HIN_RESULT copy_ahead(struct taking *taking, struct hin_backup_segment *segment)
{
    const struct hin_backup_object *object = NULL;
    bool there = hin_map_get(&taking->known, name_view(segment->object.name)) != NULL;
    if (there || segment->row.damaged != 0) {
        return hin_ok();
    }
    struct hin_result copied = copy_segment(taking, segment->row.id, &object);
    return copied.code == HIN_NOT_FOUND || copied.code == HIN_CORRUPT ? hin_ok() : copied;
}

/* Whatever cannot be read is marked as damaged, and the restored store says so too. */
static HIN_RESULT list_segment(struct taking *taking, struct hin_backup_segment *segment)
{
    struct hin_view id = hin_view_of(&segment->row.id, sizeof(segment->row.id));
    const struct hin_backup_object *object =
        hin_map_get(&taking->known, name_view(segment->object.name));
    bool damaged = segment->row.damaged != 0 || hin_map_get(&taking->damaged, id) != NULL;
    if (object == NULL && !damaged) {
        struct hin_result copied = copy_segment(taking, segment->row.id, &object);
        if (copied.code == HIN_CORRUPT) {
            HIN_TRY(hin_map_put(&taking->damaged, id, taking));
            taking->met_damage = true;
        }
        HIN_TRY(copied);
    } else if (object != NULL) {
        HIN_TRY(hin_backup_passed(taking->backup, object->size, true));
    }
    segment->row.damaged = object == NULL;
    segment->object = object != NULL ? *object : (struct hin_backup_object){0};
    return hin_backup_add_segment(taking->next, segment);
}

/* --- rows --- */

static HIN_RESULT piece_key(const struct hin_backup_piece *piece, struct hin_buf *key)
{
    hin_buf_clear(key);
    HIN_TRY(hin_write_u32(key, piece->part));
    HIN_TRY(hin_write_u64(key, (uint64_t)piece->first));
    HIN_TRY(hin_write_u64(key, (uint64_t)piece->last));
    HIN_TRY(hin_write_u32(key, piece->first != 0 ? piece->chunk : 0));
    return hin_buf_append(key, hin_view_of(piece->digest, sizeof(piece->digest)));
}

/* The same rows in the former backup; NULL: none. */
static struct hin_backup_piece *find_piece(struct taking *taking,
                                           const struct hin_backup_piece *piece)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf key = {.max = 128};
    return hin_is_ok(piece_key(piece, &key)) ? hin_map_get(&taking->pieces, hin_buf_view(&key))
                                             : NULL;
}

static HIN_RESULT seal_piece(struct taking *taking, struct hin_backup_piece *piece)
{
    HIN_TRY(hin_backup_seal_piece(taking->backup->tenant, piece, hin_buf_view(&taking->plain),
                                  &taking->bytes));
    return put_object(taking, hin_buf_view(&taking->bytes), &piece->object);
}

static HIN_RESULT add_known(struct taking *taking, const struct hin_backup_piece *known,
                            uint32_t chunk, bool end)
{
    struct hin_backup_piece again = *known;
    again.chunk = chunk;
    again.end = end;
    struct hin_result added = hin_backup_add_piece(taking->next, &again);
    hin_wipe(again.key, sizeof(again.key));
    HIN_TRY(added);
    return hin_backup_passed(taking->backup, known->object.size, true);
}

/* The rows gathered so far become a piece, or are found to be one that is there. */
static HIN_RESULT end_piece(struct taking *taking, struct hin_backup_piece *piece)
{
    const struct hin_backup_piece *known = NULL;
    piece->rows = taking->rows;
    if (piece->first == 0) { /* a range of the audit record has a digest already */
        HIN_TRY(hin_sha256(hin_buf_view(&taking->plain), piece->digest));
        known = find_piece(taking, piece);
    }
    if (known != NULL) {
        HIN_TRY(add_known(taking, known, piece->chunk, piece->end));
    } else {
        HIN_TRY(seal_piece(taking, piece));
        HIN_TRY(hin_backup_add_piece(taking->next, piece));
    }
    hin_wipe(piece->key, sizeof(piece->key));
    hin_wipe(taking->plain.data, taking->plain.size);
    hin_buf_clear(&taking->plain);
    taking->rows = 0;
    piece->chunk++;
    return hin_ok();
}

struct gathering {
    struct taking *taking;
    struct hin_backup_piece piece;
};

static HIN_RESULT gather_row(void *context, struct hin_view row)
{
    struct gathering *gathering = context;
    struct taking *taking = gathering->taking;
    if (taking->plain.size + row.size > HIN_BACKUP_PIECE_BYTES && taking->rows > 0) {
        HIN_TRY(end_piece(taking, &gathering->piece));
    }
    HIN_TRY(hin_write_varint(&taking->plain, row.size));
    HIN_TRY(hin_buf_append(&taking->plain, row));
    taking->rows++;
    return hin_ok();
}

static HIN_RESULT take_rows(struct taking *taking, const struct hin_backup_piece *piece)
{
    struct gathering gathering = {taking, *piece};
    struct hin_copy_cursor cursor = HIN_COPY_FIRST;
    bool more = true;
    cursor.numbers[0] = piece->first != 0 ? piece->first - 1 : cursor.numbers[0];
    while (more) {
        HIN_TRY(hin_store_copy_rows(taking->take->store, (enum hin_store_part)piece->part,
                                    piece->last, PAGE_ROWS, &cursor, gather_row, &gathering,
                                    &more));
    }
    gathering.piece.end = true;
    return taking->rows > 0 ? end_piece(taking, &gathering.piece) : hin_ok();
}

/* What an entry says never changes, and the chain's hash covers all before it: the hash of the
 * range's last entry and the number of keys that are left tell whether anything did. Where the last
 * one is lost, the range is read each time. */
static HIN_RESULT digest_range(struct taking *taking, struct hin_backup_piece *piece)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 128};
    uint8_t hash[HIN_STORE_AUDIT_HASH_BYTES] = {0};
    int64_t keys = 0;
    struct hin_store *store = taking->take->store;
    struct hin_result found = hin_store_copy_audit_hash(store, piece->last, hash);
    if (found.code == HIN_NOT_FOUND || found.code == HIN_CORRUPT) {
        return hin_random(piece->digest, sizeof(piece->digest));
    }
    HIN_TRY(found);
    HIN_TRY(hin_store_copy_audit_keys(store, piece->first, piece->last, &keys));
    HIN_TRY(hin_buf_append(&text, hin_view_of(hash, sizeof(hash))));
    HIN_TRY(hin_write_zigzag(&text, keys));
    return hin_sha256(hin_buf_view(&text), piece->digest);
}

static HIN_RESULT take_range(struct taking *taking, int64_t first, int64_t last)
{
    struct hin_backup_piece piece = {.part = HIN_PART_AUDIT, .first = first, .last = last};
    HIN_TRY(digest_range(taking, &piece));
    struct hin_backup_piece *known = find_piece(taking, &piece);
    if (known == NULL) {
        return take_rows(taking, &piece);
    }
    while (known != NULL) {
        HIN_TRY(add_known(taking, known, known->chunk, known->end));
        piece.chunk++;
        known = known->end ? NULL : find_piece(taking, &piece);
    }
    return hin_ok();
}

/* --- documents --- */

struct hin_backup_read {
    struct hin_copy_state state; /* count 0: not known */
    uint8_t digest[HIN_SHA256_BYTES];
};

void hin_backup_memory_done(struct hin_backup_memory *memory)
{
    free(memory->reads);
    *memory = (struct hin_backup_memory){0};
}

/* Of a range, from 1; NULL: nothing is remembered. */
static struct hin_backup_read *remembered(struct taking *taking, int64_t range)
{
    struct hin_backup_memory *memory = taking->take->memory;
    if (memory == NULL) {
        return NULL;
    }
    if ((size_t)range > memory->count) {
        size_t count = HIN_MAX(2 * memory->count, (size_t)range + 15);
        struct hin_backup_read *grown = calloc(count, sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        hin_copy(grown, memory->reads, memory->count * sizeof(*grown));
        free(memory->reads);
        memory->reads = grown;
        memory->count = count;
    }
    return &memory->reads[range - 1];
}

static bool is_same(const struct hin_copy_state *a, const struct hin_copy_state *b)
{
    return a->count == b->count && a->versions == b->versions &&
           a->created_usec == b->created_usec && a->updated_usec == b->updated_usec &&
           a->keys == b->keys;
}

static HIN_RESULT take_some(struct gathering *gathering, struct hin_copy_cursor *cursor,
                            int64_t until, size_t limit, bool *ret_more)
{
    return hin_store_copy_rows(gathering->taking->take->store, HIN_PART_DOCUMENT, until, limit,
                               cursor, gather_row, gathering, ret_more);
}

static HIN_RESULT end_rows(struct gathering *gathering)
{
    return gathering->taking->rows > 0 ? end_piece(gathering->taking, &gathering->piece) : hin_ok();
}

/* All of the kinds after the cursor up to and including `until`. */
static HIN_RESULT take_kinds(struct gathering *gathering, struct hin_copy_cursor *cursor,
                             int64_t until)
{
    bool more = true;
    while (more) {
        HIN_TRY(take_some(gathering, cursor, until, PAGE_ROWS, &more));
    }
    return end_rows(gathering);
}

/* Only a full range is remembered: nothing can come to it. */
static HIN_RESULT take_documents_range(struct gathering *gathering, int64_t range)
{
    struct taking *taking = gathering->taking;
    int64_t last = range * HIN_BACKUP_RANGE_COUNT, first = last - HIN_BACKUP_RANGE_COUNT + 1;
    uint32_t chunk = gathering->piece.chunk;
    struct hin_copy_cursor cursor = {.numbers = {HIN_BACKUP_RANGE_KIND, first - 1}};
    struct hin_copy_state state;
    bool more = false;
    HIN_TRY(hin_store_copy_state(taking->take->store, HIN_BACKUP_RANGE_KIND, first, last, &state));
    struct hin_backup_read *read =
        state.count == HIN_BACKUP_RANGE_COUNT ? remembered(taking, range) : NULL;
    if (read != NULL && is_same(&read->state, &state)) {
        struct hin_backup_piece sought = gathering->piece;
        hin_copy(sought.digest, read->digest, sizeof(sought.digest));
        const struct hin_backup_piece *known = find_piece(taking, &sought);
        if (known != NULL) {
            return add_known(taking, known, gathering->piece.chunk++, false);
        }
    }
    if (state.count > 0) {
        HIN_TRY(take_some(gathering, &cursor, HIN_BACKUP_RANGE_KIND, (size_t)state.count, &more));
    }
    HIN_TRY(end_rows(gathering));
    if (read != NULL && gathering->piece.chunk == chunk + 1) {
        read->state = state;
        hin_copy(read->digest, gathering->piece.digest, sizeof(read->digest));
    }
    return hin_ok();
}

static HIN_RESULT take_documents(struct taking *taking)
{
    struct gathering gathering = {taking, {.part = HIN_PART_DOCUMENT}};
    struct hin_copy_cursor cursor = HIN_COPY_FIRST;
    size_t before = taking->next->piece_count;
    int64_t last = 0;
    HIN_TRY(take_kinds(&gathering, &cursor, HIN_BACKUP_RANGE_KIND - 1));
    HIN_TRY(hin_store_copy_last(taking->take->store, HIN_BACKUP_RANGE_KIND, &last));
    for (int64_t range = 1; range <= hin_backup_range_of(HIN_BACKUP_RANGE_KIND, last); range++) {
        HIN_TRY(take_documents_range(&gathering, range));
    }
    cursor.numbers[0] = HIN_BACKUP_RANGE_KIND;
    cursor.numbers[1] = INT64_MAX;
    HIN_TRY(take_kinds(&gathering, &cursor, INT64_MAX));
    if (taking->next->piece_count > before) {
        taking->next->pieces[taking->next->piece_count - 1].end = true;
    }
    return hin_ok();
}

static HIN_RESULT take_parts(struct taking *taking)
{
    int64_t last = taking->next->position.audit_number;
    for (uint32_t part = 1; part < HIN_PART_COUNT; part++) {
        struct hin_backup_piece piece = {.part = part};
        if (part == HIN_PART_DOCUMENT) {
            HIN_TRY(take_documents(taking));
        } else if (part != HIN_PART_AUDIT) {
            HIN_TRY(take_rows(taking, &piece));
        }
    }
    for (int64_t first = 1; first <= last; first += AUDIT_RANGE) {
        HIN_TRY(take_range(taking, first, HIN_MIN(first + AUDIT_RANGE - 1, last)));
    }
    return hin_ok();
}

/* --- all of it --- */

static HIN_RESULT learn(struct taking *taking, const struct hin_backup_manifest *former)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf key = {.max = 128};
    for (size_t i = 0; i < former->segment_count; i++) {
        struct hin_backup_object *object = &former->segments[i].object;
        if (object->size > 0) {
            HIN_TRY(hin_map_put(&taking->known, name_view(object->name), object));
        }
    }
    for (size_t i = 0; i < former->piece_count; i++) {
        HIN_TRY(piece_key(&former->pieces[i], &key));
        HIN_TRY(hin_map_put(&taking->pieces, hin_buf_view(&key), &former->pieces[i]));
    }
    return hin_ok();
}

static HIN_RESULT run_ahead(struct taking *taking)
{
    uint64_t before = 0;
    for (int round = 0; round < ROUNDS_AHEAD; round++) {
        before = taking->backup->progress.objects;
        HIN_TRY(each_segment(taking, copy_ahead));
        if (taking->backup->progress.objects - before < FEW) {
            break;
        }
    }
    return hin_ok();
}

static HIN_RESULT take_moment(struct taking *taking)
{
    struct hin_store *store = taking->take->store;
    taking->met_damage = false;
    taking->next->segment_count = taking->next->piece_count = 0;
    taking->backup->progress.objects_shared = taking->backup->progress.bytes_shared = 0;
    HIN_TRY(hin_store_copy_begin(store));
    struct hin_result taken = hin_store_copy_position(store, &taking->next->position);
    if (hin_is_ok(taken)) {
        taken = each_segment(taking, list_segment);
    }
    if (hin_is_ok(taken)) {
        taken = take_parts(taking);
    }
    struct hin_result ended = hin_store_copy_end(store);
    return hin_is_ok(taken) ? ended : taken;
}

/* A page that cannot be read ends the moment: then another, without what lies on it. */
static HIN_RESULT take_whole_moment(struct taking *taking)
{
    struct hin_result taken = take_moment(taking);
    while (taken.code == HIN_CORRUPT && taking->met_damage) {
        taken = take_moment(taking);
    }
    return taken;
}

static HIN_RESULT write_down(struct taking *taking)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_FILE_MAX};
    struct hin_backup *backup = taking->backup;
    const struct hin_backup_manifest *next = taking->next;
    char path[HIN_DEPOT_NAME_MAX + 1];
    HIN_TRY(hin_backup_manifest_write(next, taking->take->base, taking->take->key, &bytes));
    hin_backup_manifest_path(backup->tenant, next->begun_usec, next->sequence, path);
    HIN_TRY(hin_backup_depot_failed(backup, hin_depot_sync(backup->depot)));
    HIN_TRY(hin_backup_depot_failed(
        backup, hin_depot_put(backup->depot, path, hin_buf_view(&bytes), HIN_DEPOT_REPLACE)));
    return hin_backup_depot_failed(backup, hin_depot_sync(backup->depot));
}

static HIN_RESULT take_all(struct taking *taking, bool *ret_changed)
{
    const struct hin_backup_take *take = taking->take;
    struct hin_backup_manifest *next = taking->next;
    struct hin_store_stats stats;
    if (take->former != NULL) {
        HIN_TRY(learn(taking, take->former));
    }
    if (hin_is_ok(hin_store_stats(take->store, &stats))) {
        taking->backup->progress.objects_all = stats.segments;
    }
    next->schema = HIN_STORE_SCHEMA_VERSION;
    next->at_usec = take->now_usec;
    snprintf(next->tenant, sizeof(next->tenant), "%s", taking->backup->tenant);
    HIN_TRY(run_ahead(taking));
    HIN_TRY(take_whole_moment(taking));
    *ret_changed =
        take->base == NULL || take->former == NULL || !hin_backup_same(take->former, next);
    return *ret_changed ? write_down(taking) : hin_ok();
}

HIN_RESULT hin_backup_take(struct hin_backup *backup, const struct hin_backup_take *take,
                           struct hin_backup_manifest *next, bool *ret_changed)
{
    struct taking *taking = calloc(1, sizeof(*taking));
    HIN_ENSURE(taking != NULL, NO_MEMORY);
    backup->error = (struct hin_error){0};
    taking->backup = backup;
    taking->take = take;
    taking->next = next;
    hin_arena_init(&taking->arena, (size_t)1 << 30);
    hin_buf_init(&taking->bytes, HIN_BACKUP_OBJECT_MAX);
    hin_buf_init(&taking->plain, HIN_BACKUP_PIECE_MAX);
    struct hin_result taken = hin_buf_reserve(&taking->plain, HIN_BACKUP_PIECE_MAX);
    if (hin_is_ok(taken)) {
        taken = hin_map_init(&taking->known, 2 * HIN_BACKUP_SEGMENTS_MAX);
    }
    if (hin_is_ok(taken)) {
        taken = hin_map_init(&taking->pieces, HIN_BACKUP_PIECES_MAX);
    }
    if (hin_is_ok(taken)) {
        taken = hin_map_init(&taking->damaged, HIN_BACKUP_SEGMENTS_MAX);
    }
    if (hin_is_ok(taken)) {
        taken = take_all(taking, ret_changed);
    }
    hin_map_done(&taking->known);
    hin_map_done(&taking->pieces);
    hin_map_done(&taking->damaged);
    hin_arena_done(&taking->arena);
    hin_buf_done(&taking->bytes);
    hin_wipe(taking->plain.data, taking->plain.size);
    hin_buf_done(&taking->plain);
    free(taking);
    return taken;
}
