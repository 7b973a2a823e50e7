#include "backup/reseal.h"

#include <stdlib.h>
#include <string.h>

#include "backup/internal.h"
#include "base/bytes.h"
#include "base/codec.h"

#define CLOSED_LEVEL 2 /* of a segment's row: never merged again (store/internal.h) */

/* What became of a segment's object. */
struct outcome {
    struct outcome *next;
    bool changed, lost;
    struct hin_backup_segment segment; /* changed: columns, key and object */
    uint8_t computers[HIN_COPY_COMPUTERS_BYTES];
};

struct document {
    int64_t kind, id, owner;
};

/* What a piece of documents holds that goes, or goes with an owner. */
struct contents {
    struct contents *next;
    struct document *list;
    size_t count, room;
    size_t going; /* of them, by themselves: those stand first when it is complete */
};

/* Pieces of a part, cut anew. */
struct part {
    struct part *next;
    struct hin_backup_piece *list;
    size_t count, room;
};

struct hin_backup_resealing {
    const struct hin_backup_sieve *sieve;
    struct hin_remaker *remaker;
    struct hin_map segments, contents, parts; /* of name and level; of name; of all that decides */
    struct outcome *outcomes;
    struct contents *all_contents;
    struct part *all_parts;
    struct hin_buf bytes, fresh;  /* one object; the one that takes its place */
    struct hin_buf plain, sought; /* rows of a piece, those that stay: wiped */
    struct hin_buf document;      /* wiped */
};

/* --- life --- */

static HIN_RESULT fill(struct hin_backup_resealing *r, const char *tenant)
{
    HIN_TRY(hin_map_init(&r->segments, 2 * HIN_BACKUP_SEGMENTS_MAX));
    HIN_TRY(hin_map_init(&r->contents, HIN_BACKUP_PIECES_MAX));
    HIN_TRY(hin_map_init(&r->parts, HIN_BACKUP_PIECES_MAX));
    HIN_TRY(hin_buf_reserve(&r->plain, HIN_BACKUP_PIECE_MAX)); /* they never move */
    HIN_TRY(hin_buf_reserve(&r->sought, HIN_BACKUP_PIECE_MAX));
    HIN_TRY(hin_buf_reserve(&r->document, HIN_STORE_DOCUMENT_BYTES + 1));
    return hin_remaker_new(&r->remaker, tenant);
}

HIN_RESULT hin_backup_resealing_new(struct hin_backup_resealing **ret_resealing, const char *tenant,
                                    const struct hin_backup_sieve *sieve)
{
    struct hin_backup_resealing *r = calloc(1, sizeof(*r));
    HIN_ENSURE(r != NULL, NO_MEMORY);
    r->sieve = sieve;
    hin_buf_init(&r->bytes, HIN_BACKUP_OBJECT_MAX + 1);
    hin_buf_init(&r->fresh, HIN_BACKUP_OBJECT_MAX);
    hin_buf_init(&r->plain, HIN_BACKUP_PIECE_MAX);
    hin_buf_init(&r->sought, HIN_BACKUP_PIECE_MAX);
    hin_buf_init(&r->document, HIN_STORE_DOCUMENT_BYTES + 1);
    struct hin_result filled = fill(r, tenant);
    if (!hin_is_ok(filled)) {
        hin_backup_resealing_free(r);
        return filled;
    }
    *ret_resealing = r;
    return hin_ok();
}

static void free_outcomes(struct hin_backup_resealing *r)
{
    while (r->outcomes != NULL) {
        struct outcome *outcome = r->outcomes;
        r->outcomes = outcome->next;
        hin_wipe(outcome, sizeof(*outcome));
        free(outcome);
    }
    while (r->all_contents != NULL) {
        struct contents *contents = r->all_contents;
        r->all_contents = contents->next;
        free(contents->list);
        free(contents);
    }
    while (r->all_parts != NULL) {
        struct part *part = r->all_parts;
        r->all_parts = part->next;
        hin_wipe(part->list, part->count * sizeof(*part->list));
        free(part->list);
        free(part);
    }
}

static void free_plain(struct hin_buf *buf)
{
    hin_wipe(buf->data, buf->capacity);
    hin_buf_done(buf);
}

void hin_backup_resealing_free(struct hin_backup_resealing *r)
{
    if (r == NULL) {
        return;
    }
    free_outcomes(r);
    hin_map_done(&r->segments);
    hin_map_done(&r->contents);
    hin_map_done(&r->parts);
    hin_buf_done(&r->bytes);
    hin_buf_done(&r->fresh);
    free_plain(&r->plain);
    free_plain(&r->sought);
    free_plain(&r->document);
    hin_remaker_free(r->remaker);
    free(r);
}

/* --- one run over one backup --- */

struct run {
    struct hin_backup *backup;
    struct hin_backup_resealing *r;
    const struct hin_backup_successor *successor;
    struct hin_backup_resealed done;
    struct document *going; /* documents, of one state */
    size_t going_count, going_room;
};

static struct hin_view name_view(const uint8_t *name)
{
    return hin_view_of(name, HIN_BACKUP_NAME_BYTES);
}

static HIN_RESULT put_object(struct run *run, struct hin_view bytes,
                             struct hin_backup_object *object)
{
    struct hin_backup *backup = run->backup;
    char path[HIN_DEPOT_NAME_MAX + 1];
    object->size = bytes.size;
    HIN_TRY(hin_sha256(bytes, object->hash));
    hin_backup_object_path(backup->tenant, object->name, path);
    HIN_TRY(hin_backup_depot_failed(backup,
                                    hin_depot_put(backup->depot, path, bytes, HIN_DEPOT_REPLACE)));
    return hin_backup_passed(backup, object->size, false);
}

/* --- segments --- */

static HIN_RESULT segment_name(struct hin_view head, uint8_t ret_name[HIN_BACKUP_NAME_BYTES])
{
    uint8_t hash[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(hin_view_sub(head, 0, HIN_COPY_HEAD_BYTES), hash));
    hin_copy(ret_name, hash, HIN_BACKUP_NAME_BYTES);
    return hin_ok();
}

/* Its computers are copied beside it. */
static HIN_RESULT keep_outcome(struct run *run, struct hin_view key, const struct outcome *found)
{
    struct hin_backup_resealing *r = run->r;
    struct outcome *kept = malloc(sizeof(*kept));
    HIN_ENSURE(kept != NULL, NO_MEMORY);
    *kept = *found;
    struct hin_view computers = found->segment.row.computers;
    hin_copy(kept->computers, computers.data, HIN_MIN(computers.size, sizeof(kept->computers)));
    kept->segment.row.computers = hin_view_of(kept->computers, computers.size);
    kept->next = r->outcomes;
    r->outcomes = kept;
    return hin_map_put(&r->segments, key, kept);
}

static HIN_RESULT store_segment(struct run *run, struct outcome *outcome)
{
    struct hin_view bytes = hin_buf_view(&run->r->fresh);
    HIN_ENSURE(bytes.size >= 4 + HIN_COPY_HEAD_BYTES, CORRUPT);
    HIN_TRY(segment_name(hin_view_sub(bytes, 4, bytes.size), outcome->segment.object.name));
    return put_object(run, bytes, &outcome->segment.object);
}

static HIN_RESULT remake(struct run *run, struct outcome *outcome)
{
    struct hin_backup_resealing *r = run->r;
    struct hin_remade remade;
    HIN_TRY(hin_backup_fetch(run->backup, &outcome->segment.object, &r->bytes));
    hin_buf_clear(&r->fresh);
    HIN_TRY(hin_remake_segment(r->remaker, run->successor->index, &r->sieve->events,
                               hin_buf_view(&r->bytes), &outcome->segment.row, &r->fresh, &remade));
    run->done.unread += remade.unread;
    run->done.events += remade.erased;
    outcome->changed = remade.changed;
    if (!remade.changed) {
        return hin_backup_passed(run->backup, outcome->segment.object.size, true);
    }
    run->done.segments++;
    return store_segment(run, outcome);
}

/* What opens for nobody is left out: nobody knows whom it is about. */
static HIN_RESULT judge_segment(struct run *run, const struct hin_backup_segment *segment,
                                struct outcome *outcome)
{
    *outcome = (struct outcome){.segment = *segment};
    struct hin_result remade = remake(run, outcome);
    if (hin_backup_is_damage(remade)) {
        outcome->lost = true;
        run->backup->error = (struct hin_error){0};
        return hin_ok();
    }
    return remade;
}

static void drop_object(struct hin_backup_segment *segment)
{
    hin_wipe(segment->row.key, sizeof(segment->row.key));
    segment->row.key_state = HIN_COPY_KEY_LOST;
    segment->row.damaged = 1;
    segment->object = (struct hin_backup_object){0};
}

/* The row is that of the state it stands in, but for what the content decides. */
static void take_over(const struct outcome *outcome, struct hin_backup_segment *segment)
{
    const struct hin_copy_segment *from = &outcome->segment.row;
    struct hin_copy_segment *row = &segment->row;
    row->count = from->count;
    row->min_time = from->min_time;
    row->max_time = from->max_time;
    row->plain_bytes = from->plain_bytes;
    row->classes = from->classes;
    row->severities = from->severities;
    row->computers_known = from->computers_known;
    row->computers = from->computers;
    row->key_state = from->key_state;
    hin_copy(row->key, from->key, sizeof(row->key));
    segment->object = outcome->segment.object;
}

/* An open segment keeps its tokens, for the merge that it waits for; a closed one does not. The
 * same object may be listed as either. */
static HIN_RESULT look_up(struct run *run, const struct hin_backup_segment *segment,
                          const struct outcome **ret_outcome)
{
    struct hin_backup_resealing *r = run->r;
    uint8_t key[HIN_BACKUP_NAME_BYTES + 1];
    struct outcome fresh;
    hin_copy(key, segment->object.name, HIN_BACKUP_NAME_BYTES);
    key[HIN_BACKUP_NAME_BYTES] = segment->row.level == CLOSED_LEVEL;
    struct hin_view view = hin_view_of(key, sizeof(key));
    *ret_outcome = hin_map_get(&r->segments, view);
    if (*ret_outcome != NULL) {
        return hin_ok();
    }
    struct hin_result judged = judge_segment(run, segment, &fresh);
    if (hin_is_ok(judged) && !fresh.changed && !fresh.lost) {
        judged = hin_map_put(r->sieve->clean, name_view(segment->object.name), r);
    } else if (hin_is_ok(judged)) {
        judged = keep_outcome(run, view, &fresh);
        *ret_outcome = hin_map_get(&r->segments, view);
    }
    hin_wipe(fresh.segment.row.key, sizeof(fresh.segment.row.key));
    return judged;
}

static HIN_RESULT sieve_segment(struct run *run, const struct hin_backup_segment *segment,
                                struct hin_backup_manifest *to)
{
    struct hin_backup_segment next = *segment;
    const struct outcome *outcome = NULL;
    bool clean = hin_map_get(run->r->sieve->clean, name_view(segment->object.name)) != NULL;
    if (segment->object.size == 0) {
        drop_object(&next);
    } else if (!clean) {
        HIN_TRY(look_up(run, segment, &outcome));
    }
    if (outcome != NULL && outcome->lost) {
        drop_object(&next);
        run->done.lost_segments += to->sequence == 0;
    } else if (outcome != NULL) {
        take_over(outcome, &next);
    }
    struct hin_result added = hin_backup_add_segment(to, &next);
    hin_wipe(next.row.key, sizeof(next.row.key));
    return added;
}

/* --- documents --- */

static HIN_RESULT open_piece(struct run *run, const struct hin_backup_piece *piece)
{
    struct hin_backup_resealing *r = run->r;
    HIN_TRY(hin_backup_fetch(run->backup, &piece->object, &r->bytes));
    HIN_TRY(hin_backup_open_piece(run->backup, piece, hin_buf_view(&r->bytes), &r->plain));
    return hin_backup_passed(run->backup, piece->object.size, true);
}

static HIN_RESULT each_row(struct run *run, const struct hin_backup_piece *piece,
                           HIN_RESULT (*visit)(struct run *run, struct hin_view row, void *context),
                           void *context)
{
    struct hin_reader reader = hin_reader_of(hin_buf_view(&run->r->plain));
    for (uint64_t i = 0; i < piece->rows; i++) {
        struct hin_view row;
        HIN_TRY(hin_read_bytes(&reader, HIN_BACKUP_PIECE_MAX, &row));
        HIN_TRY(visit(run, row, context));
    }
    return hin_read_end(&reader);
}

static HIN_RESULT note(struct document **list, size_t *count, size_t *room,
                       const struct document *added)
{
    if (*count == *room) {
        size_t more = HIN_MAX(*room * 2, (size_t)16);
        void *grown = realloc(*list, more * sizeof(**list));
        HIN_ENSURE(grown != NULL, NO_MEMORY);
        *list = grown;
        *room = more;
    }
    (*list)[(*count)++] = *added;
    return hin_ok();
}

static bool is_of(uint64_t kinds, int64_t kind)
{
    return kind > 0 && kind < 64 && (kinds >> kind & 1) != 0;
}

/* A document that opens for nobody stays: it will open for nobody in the restored store. */
static HIN_RESULT judge_document(struct run *run, struct hin_view row, bool *ret_goes)
{
    struct hin_backup_resealing *r = run->r;
    struct hin_store_document document;
    hin_buf_clear(&r->document);
    struct hin_result judged = hin_remake_open_document(r->remaker, row, &r->document, &document);
    if (hin_is_ok(judged)) {
        judged = r->sieve->judge(r->sieve->context, &document, ret_goes);
    } else if (hin_backup_is_damage(judged)) {
        judged = hin_ok();
    }
    hin_wipe(r->document.data, r->document.size);
    return judged;
}

static HIN_RESULT look_at_row(struct run *run, struct hin_view row, void *context)
{
    struct contents *contents = context;
    const struct hin_backup_sieve *sieve = run->r->sieve;
    struct hin_store_document document;
    bool goes = false;
    HIN_TRY(hin_remake_document(row, &document));
    struct document it = {document.kind, document.id, document.owner};
    if (is_of(sieve->kinds, it.kind)) {
        HIN_TRY(judge_document(run, row, &goes));
    }
    if (!goes && !is_of(sieve->owned_kinds, it.kind)) {
        return hin_ok();
    }
    HIN_TRY(note(&contents->list, &contents->count, &contents->room, &it));
    if (goes) { /* to the front */
        contents->list[contents->count - 1] = contents->list[contents->going];
        contents->list[contents->going++] = it;
    }
    return hin_ok();
}

static HIN_RESULT look_into(struct run *run, const struct hin_backup_piece *piece,
                            const struct contents **ret_contents)
{
    struct hin_backup_resealing *r = run->r;
    struct hin_view name = name_view(piece->object.name);
    struct contents *contents = hin_map_get(&r->contents, name);
    if (contents == NULL) {
        contents = calloc(1, sizeof(*contents));
        HIN_ENSURE(contents != NULL, NO_MEMORY);
        contents->next = r->all_contents;
        r->all_contents = contents;
        HIN_TRY(open_piece(run, piece));
        struct hin_result looked = each_row(run, piece, look_at_row, contents);
        hin_wipe(r->plain.data, r->plain.size);
        HIN_TRY(looked);
        HIN_TRY(hin_map_put(&r->contents, name, contents));
    }
    *ret_contents = contents;
    return hin_ok();
}

static HIN_RESULT add_going(struct run *run, const struct document *document)
{
    return note(&run->going, &run->going_count, &run->going_room, document);
}

static HIN_RESULT add_owned(struct run *run, const struct contents *contents, size_t owners)
{
    for (size_t i = contents->going; i < contents->count; i++) {
        const struct document *at = &contents->list[i];
        for (size_t k = 0; k < owners; k++) {
            if (run->going[k].kind == (int64_t)run->r->sieve->owner_kind &&
                run->going[k].id == at->owner) {
                HIN_TRY(add_going(run, at));
                break;
            }
        }
    }
    return hin_ok();
}

/* Which documents of a state go: by themselves, then with their owners. */
static HIN_RESULT find_going(struct run *run, const struct hin_backup_manifest *from)
{
    run->going_count = 0;
    for (int pass = 0; pass < 2; pass++) {
        size_t owners = run->going_count;
        for (size_t i = 0; i < from->piece_count; i++) {
            const struct contents *contents = NULL;
            if (from->pieces[i].part != HIN_PART_DOCUMENT) {
                continue;
            }
            HIN_TRY(look_into(run, &from->pieces[i], &contents));
            for (size_t k = 0; pass == 0 && k < contents->going; k++) {
                HIN_TRY(add_going(run, &contents->list[k]));
            }
            HIN_TRY(pass == 1 ? add_owned(run, contents, owners) : hin_ok());
        }
    }
    return hin_ok();
}

/* --- pieces --- */

static bool goes(const struct run *run, int64_t kind, int64_t id)
{
    for (size_t i = 0; i < run->going_count; i++) {
        if (run->going[i].kind == kind && run->going[i].id == id) {
            return true;
        }
    }
    return false;
}

struct cutting {
    struct part *part;
    int64_t range;
    struct hin_backup_piece piece;
};

static HIN_RESULT seal_piece(struct run *run, struct hin_backup_piece *piece)
{
    HIN_TRY(hin_backup_seal_piece(run->backup->tenant, piece, hin_buf_view(&run->r->sought),
                                  &run->r->fresh));
    return put_object(run, hin_buf_view(&run->r->fresh), &piece->object);
}

static HIN_RESULT end_piece(struct run *run, struct cutting *cutting)
{
    struct part *part = cutting->part;
    struct hin_buf *rows = &run->r->sought;
    HIN_TRY(hin_sha256(hin_buf_view(rows), cutting->piece.digest));
    struct hin_result sealed = seal_piece(run, &cutting->piece);
    hin_wipe(rows->data, rows->size);
    hin_buf_clear(rows);
    HIN_TRY(sealed);
    if (part->count == part->room) {
        size_t room = HIN_MAX(part->room * 2, (size_t)4);
        struct hin_backup_piece *grown = calloc(room, sizeof(*grown));
        HIN_ENSURE(grown != NULL, NO_MEMORY);
        hin_copy(grown, part->list, part->count * sizeof(*grown));
        hin_wipe(part->list, part->count * sizeof(*grown));
        free(part->list);
        part->list = grown;
        part->room = room;
    }
    part->list[part->count++] = cutting->piece;
    hin_wipe(cutting->piece.key, sizeof(cutting->piece.key));
    cutting->piece.chunk++;
    cutting->piece.rows = 0;
    return hin_ok();
}

/* Cut as hin_backup_take cuts, so that the next one finds it there. */
static HIN_RESULT keep_row(struct run *run, struct hin_view row, void *context)
{
    struct cutting *cutting = context;
    struct hin_buf *rows = &run->r->sought;
    struct hin_store_document document = {0};
    HIN_TRY(cutting->piece.part == HIN_PART_DOCUMENT
                ? hin_remake_document(row, &document)
                : hin_remake_name(row, &document.kind, &document.id));
    if (goes(run, document.kind, document.id)) {
        return hin_ok();
    }
    int64_t range = cutting->piece.part == HIN_PART_DOCUMENT
                        ? hin_backup_range_of((int64_t)document.kind, document.id)
                        : 0;
    bool full = rows->size + row.size > HIN_BACKUP_PIECE_BYTES || range != cutting->range;
    if (full && cutting->piece.rows > 0) {
        HIN_TRY(end_piece(run, cutting));
    }
    cutting->range = range;
    HIN_TRY(hin_write_varint(rows, row.size));
    HIN_TRY(hin_buf_append(rows, row));
    cutting->piece.rows++;
    return hin_ok();
}

static HIN_RESULT cut_part(struct run *run, const struct hin_backup_manifest *from,
                           struct cutting *cutting)
{
    struct hin_backup_resealing *r = run->r;
    hin_buf_clear(&r->sought);
    for (size_t i = 0; i < from->piece_count; i++) {
        const struct hin_backup_piece *piece = &from->pieces[i];
        if (piece->part != cutting->piece.part) {
            continue;
        }
        HIN_TRY(open_piece(run, piece));
        struct hin_result kept = each_row(run, piece, keep_row, cutting);
        hin_wipe(r->plain.data, r->plain.size);
        HIN_TRY(kept);
    }
    HIN_TRY(cutting->piece.rows > 0 ? end_piece(run, cutting) : hin_ok());
    if (cutting->part->count > 0) {
        cutting->part->list[cutting->part->count - 1].end = true;
    }
    return hin_ok();
}

/* All that decides what becomes of a part. */
static HIN_RESULT part_key(const struct run *run, const struct hin_backup_manifest *from,
                           uint32_t part, uint8_t ret_key[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_sha256_freep) struct hin_sha256 *hash = NULL;
    HIN_TRY(hin_sha256_new(&hash));
    HIN_TRY(hin_sha256_begin(hash));
    HIN_TRY(hin_sha256_add(hash, hin_view_of(&part, sizeof(part))));
    for (size_t i = 0; i < from->piece_count; i++) {
        if (from->pieces[i].part == part) {
            HIN_TRY(hin_sha256_add(hash, name_view(from->pieces[i].object.name)));
        }
    }
    HIN_TRY(hin_sha256_add(hash, hin_view_of(run->going, run->going_count * sizeof(*run->going))));
    return hin_sha256_end(hash, ret_key);
}

static HIN_RESULT remake_part(struct run *run, const struct hin_backup_manifest *from,
                              uint32_t number, struct hin_backup_manifest *to)
{
    struct hin_backup_resealing *r = run->r;
    uint8_t key[HIN_SHA256_BYTES];
    HIN_TRY(part_key(run, from, number, key));
    struct part *part = hin_map_get(&r->parts, hin_view_of(key, sizeof(key)));
    if (part == NULL) {
        part = calloc(1, sizeof(*part));
        HIN_ENSURE(part != NULL, NO_MEMORY);
        part->next = r->all_parts;
        r->all_parts = part;
        struct cutting cutting = {.part = part, .piece = {.part = number}};
        struct hin_result cut = cut_part(run, from, &cutting);
        hin_wipe(r->sought.data, r->sought.size);
        hin_wipe(&cutting, sizeof(cutting));
        HIN_TRY(cut);
        HIN_TRY(hin_map_put(&r->parts, hin_view_of(key, sizeof(key)), part));
    }
    for (size_t i = 0; i < part->count; i++) {
        HIN_TRY(hin_backup_add_piece(to, &part->list[i]));
    }
    return hin_ok();
}

static HIN_RESULT sieve_pieces(struct run *run, const struct hin_backup_manifest *from,
                               struct hin_backup_manifest *to)
{
    uint32_t former = 0;
    HIN_TRY(find_going(run, from));
    for (size_t i = 0; i < from->piece_count; i++) {
        const struct hin_backup_piece *piece = &from->pieces[i];
        bool affected = run->going_count > 0 &&
                        (piece->part == HIN_PART_DOCUMENT || piece->part == HIN_PART_NAME);
        if (!affected) {
            HIN_TRY(hin_backup_add_piece(to, piece));
        } else if (piece->part != former) { /* all of the part, once */
            HIN_TRY(remake_part(run, from, piece->part, to));
        }
        former = piece->part;
    }
    return hin_ok();
}

/* --- states --- */

static HIN_RESULT sieve(struct run *run, const struct hin_backup_manifest *from,
                        struct hin_backup_manifest *to)
{
    to->begun_usec = run->successor->begun_usec;
    to->sequence = from->sequence;
    to->at_usec = from->at_usec;
    to->schema = from->schema;
    to->position = from->position;
    hin_copy(to->tenant, from->tenant, sizeof(to->tenant));
    HIN_TRY(hin_vault_backup_version(run->successor->payload, &to->version));
    HIN_TRY(hin_buf_append(&to->payload, run->successor->payload));
    HIN_TRY(sieve_pieces(run, from, to));
    for (size_t i = 0; i < from->segment_count; i++) {
        HIN_TRY(sieve_segment(run, &from->segments[i], to));
    }
    return hin_ok();
}

static HIN_RESULT write_down(struct run *run, const struct hin_backup_manifest *to,
                             const struct hin_backup_manifest *base)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_FILE_MAX};
    struct hin_backup *backup = run->backup;
    char path[HIN_DEPOT_NAME_MAX + 1];
    HIN_TRY(hin_backup_manifest_write(to, base, run->successor->key, &bytes));
    hin_backup_manifest_path(backup->tenant, to->begun_usec, to->sequence, path);
    return hin_backup_depot_failed(
        backup, hin_depot_put(backup->depot, path, hin_buf_view(&bytes), HIN_DEPOT_REPLACE));
}

static HIN_RESULT reseal_shipment(struct run *run, const struct hin_backup_manifest *from,
                                  const struct hin_backup_manifest *base)
{
    struct hin_backup_manifest to;
    hin_backup_manifest_init(&to);
    struct hin_result sieved = sieve(run, from, &to);
    if (hin_is_ok(sieved)) {
        sieved = write_down(run, &to, base);
    }
    hin_backup_manifest_done(&to);
    HIN_TRY(sieved);
    run->done.shipments++;
    return hin_backup_passed(run->backup, 0, true);
}

/* One that cannot be read is no point in time, now as before. */
static HIN_RESULT reseal_shipments(struct run *run, const struct hin_backup_manifest *former,
                                   struct hin_vault_data_key *key, uint32_t last,
                                   const struct hin_backup_manifest *base)
{
    for (uint32_t sequence = 1; sequence <= last; sequence++) {
        struct hin_backup_manifest from;
        struct hin_result done =
            hin_backup_load_shipment(run->backup, former, sequence, key, &from);
        if (hin_backup_is_damage(done)) {
            run->done.lost_shipments += done.code != HIN_NOT_FOUND;
            continue;
        }
        HIN_TRY(done);
        done = reseal_shipment(run, &from, base);
        hin_backup_manifest_done(&from);
        if (hin_backup_is_damage(done)) { /* a piece: it does not restore */
            run->done.lost_shipments++;
            continue;
        }
        HIN_TRY(done);
    }
    run->backup->error = (struct hin_error){0};
    return hin_ok();
}

/* Shipments lie under a name of their own, and count for nothing before the manifest is there. */
static HIN_RESULT write_all(struct run *run, const struct hin_backup_manifest *former,
                            struct hin_vault_data_key *key, struct hin_backup_manifest *base)
{
    struct hin_backup *backup = run->backup;
    uint32_t last = 0;
    HIN_TRY(hin_backup_last_shipment(backup, former->begun_usec, &last));
    HIN_TRY(sieve(run, former, base));
    run->done.documents = run->going_count;
    HIN_TRY(reseal_shipments(run, former, key, last, base));
    HIN_TRY(hin_backup_depot_failed(backup, hin_depot_sync(backup->depot)));
    HIN_TRY(write_down(run, base, NULL));
    HIN_TRY(hin_backup_depot_failed(backup, hin_depot_sync(backup->depot)));
    run->done.at_usec = base->at_usec;
    run->done.position = base->position;
    run->done.segment_count = base->segment_count;
    run->done.object_count = base->segment_count + base->piece_count;
    run->done.bytes = hin_backup_bytes(base);
    return hin_ok();
}

HIN_RESULT hin_backup_reseal(struct hin_backup *backup, struct hin_backup_resealing *resealing,
                             int64_t begun_usec, const struct hin_backup_successor *successor,
                             struct hin_backup_resealed *ret_resealed)
{
    struct run run = {.backup = backup, .r = resealing, .successor = successor};
    struct hin_vault_data_key key = {0};
    struct hin_backup_manifest former, base;
    backup->error = (struct hin_error){0};
    HIN_ENSURE(successor->begun_usec != begun_usec, INVALID);
    HIN_TRY(hin_backup_load(backup, begun_usec, 0, &former, &key));
    hin_backup_manifest_init(&base);
    struct hin_result resealed = write_all(&run, &former, &key, &base);
    hin_backup_manifest_done(&base);
    hin_backup_manifest_done(&former);
    hin_secret_done(&key.key);
    free(run.going);
    HIN_TRY(resealed);
    *ret_resealed = run.done;
    return hin_ok();
}

/* --- what is clean --- */

enum { PAGE_SEGMENTS = 256 };

struct learning {
    struct hin_map *clean;
    int64_t last;
};

static HIN_RESULT learn_one(void *context, const struct hin_copy_segment *segment)
{
    struct learning *learning = context;
    uint8_t name[HIN_BACKUP_NAME_BYTES];
    learning->last = segment->id;
    if (segment->damaged != 0 || segment->head.size < HIN_COPY_HEAD_BYTES) {
        return hin_ok(); /* nobody looked into it */
    }
    HIN_TRY(segment_name(segment->head, name));
    return hin_map_put(learning->clean, name_view(name), learning->clean);
}

HIN_RESULT hin_backup_learn_clean(struct hin_store *store, struct hin_map *clean)
{
    struct learning learning = {clean, INT64_MIN};
    bool more = true;
    while (more) {
        HIN_TRY(hin_store_copy_segments(store, learning.last, PAGE_SEGMENTS, learn_one, &learning,
                                        &more));
    }
    return hin_ok();
}

/* --- from one depot into another --- */

struct copying {
    struct hin_backup *from, *to;
    struct hin_map done;
    struct hin_buf bytes;
};

static HIN_RESULT copy_object(struct copying *copying, const struct hin_backup_object *object)
{
    struct hin_backup *to = copying->to;
    char path[HIN_DEPOT_NAME_MAX + 1];
    struct hin_view name = name_view(object->name);
    if (object->size == 0 || hin_map_get(&copying->done, name) != NULL) {
        return hin_ok();
    }
    HIN_TRY(hin_map_put(&copying->done, name, copying));
    struct hin_result there = hin_backup_fetch(to, object, &copying->bytes);
    to->error = (struct hin_error){0};
    if (hin_is_ok(there)) {
        return hin_backup_passed(to, object->size, true);
    }
    HIN_ENSURE(hin_backup_is_damage(there), IO);
    HIN_TRY(hin_backup_fetch(copying->from, object, &copying->bytes));
    hin_backup_object_path(to->tenant, object->name, path);
    HIN_TRY(hin_backup_depot_failed(
        to, hin_depot_put(to->depot, path, hin_buf_view(&copying->bytes), HIN_DEPOT_REPLACE)));
    return hin_backup_passed(to, object->size, false);
}

static HIN_RESULT copy_objects(struct copying *copying, const struct hin_backup_manifest *manifest)
{
    for (size_t i = 0; i < manifest->piece_count; i++) {
        HIN_TRY(copy_object(copying, &manifest->pieces[i].object));
    }
    for (size_t i = 0; i < manifest->segment_count; i++) {
        HIN_TRY(copy_object(copying, &manifest->segments[i].object));
    }
    return hin_ok();
}

/* As it lies there: it names no place. */
static HIN_RESULT copy_file(struct copying *copying, int64_t begun_usec, uint32_t sequence)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_FILE_MAX};
    struct hin_backup *from = copying->from, *to = copying->to;
    char path[HIN_DEPOT_NAME_MAX + 1];
    hin_backup_manifest_path(to->tenant, begun_usec, sequence, path);
    HIN_TRY(hin_backup_depot_failed(
        from, hin_depot_get(from->depot, path, 0, HIN_BACKUP_FILE_MAX, &bytes)));
    HIN_TRY(hin_backup_depot_failed(to, hin_depot_sync(to->depot)));
    return hin_backup_depot_failed(
        to, hin_depot_put(to->depot, path, hin_buf_view(&bytes), HIN_DEPOT_REPLACE));
}

static HIN_RESULT copy_shipments(struct copying *copying, const struct hin_backup_manifest *base,
                                 struct hin_vault_data_key *key)
{
    uint32_t last = 0;
    HIN_TRY(hin_backup_last_shipment(copying->from, base->begun_usec, &last));
    for (uint32_t sequence = 1; sequence <= last; sequence++) {
        struct hin_backup_manifest shipment;
        struct hin_result copied =
            hin_backup_load_shipment(copying->from, base, sequence, key, &shipment);
        if (hin_backup_is_damage(copied)) {
            continue;
        }
        HIN_TRY(copied);
        copied = copy_objects(copying, &shipment);
        hin_backup_manifest_done(&shipment);
        HIN_TRY(copied);
        HIN_TRY(copy_file(copying, base->begun_usec, sequence));
    }
    return hin_ok();
}

static HIN_RESULT copy_all(struct copying *copying, const struct hin_backup_manifest *base,
                           struct hin_vault_data_key *key)
{
    HIN_TRY(copy_objects(copying, base));
    HIN_TRY(copy_shipments(copying, base, key));
    HIN_TRY(copy_file(copying, base->begun_usec, 0));
    return hin_backup_depot_failed(copying->to, hin_depot_sync(copying->to->depot));
}

HIN_RESULT hin_backup_copy(struct hin_backup *from, struct hin_backup *to, int64_t begun_usec)
{
    struct copying copying = {.from = from, .to = to, .bytes = {.max = HIN_BACKUP_OBJECT_MAX + 1}};
    struct hin_vault_data_key key = {0};
    struct hin_backup_manifest base;
    from->error = to->error = (struct hin_error){0};
    HIN_TRY(hin_map_init(&copying.done, 2 * HIN_BACKUP_SEGMENTS_MAX));
    struct hin_result copied = hin_backup_load(from, begun_usec, 0, &base, &key);
    if (hin_is_ok(copied)) {
        copied = copy_all(&copying, &base, &key);
        hin_backup_manifest_done(&base);
        hin_secret_done(&key.key);
    }
    hin_buf_done(&copying.bytes);
    hin_map_done(&copying.done);
    return copied;
}
