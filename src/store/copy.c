/* The parts of a store as rows of bytes. Each part is a row of the table below: a statement that
 * lists it by its key, one that puts a row, and its columns. */
#include "store/copy.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "store/internal.h"

enum { COLUMNS_MAX = 8 };
#define ROW_MAX ((size_t)HIN_SEALED_MAX)

struct part {
    enum hin_sql list, put;
    /* n: number, b: bytes or NULL, t: text. The first key_count of them are the order. */
    const char *columns;
    int key_count;
    int owner;         /* whose things have keys of their own (enum hin_owner); 0: none */
    int sealed_column; /* the thing itself */
};

static const struct part parts[HIN_PART_COUNT] = {
    [HIN_PART_META] = {HIN_SQL_COPY_META, HIN_SQL_META_SET, "tnb", 1, 0, 0},
    [HIN_PART_SOURCE] = {HIN_SQL_COPY_SOURCE, HIN_SQL_PASTE_SOURCE, "nnnnn", 2, 0, 0},
    [HIN_PART_SPAN] = {HIN_SQL_COPY_SPAN, HIN_SQL_PASTE_SPAN, "nnnnn", 4, 0, 0},
    [HIN_PART_AGENT] = {HIN_SQL_COPY_AGENT, HIN_SQL_PASTE_AGENT, "nnnnnnb", 1, HIN_OWNER_AGENT, 6},
    [HIN_PART_CERTIFICATE] = {HIN_SQL_COPY_CERTIFICATE, HIN_SQL_CERTIFICATE_PUT, "bnnn", 1, 0, 0},
    [HIN_PART_SEQUENCE] = {HIN_SQL_COPY_SEQUENCE, HIN_SQL_PASTE_SEQUENCE, "nn", 1, 0, 0},
    [HIN_PART_DOCUMENT] = {HIN_SQL_COPY_DOCUMENT, HIN_SQL_PASTE_DOCUMENT, "nnnnnnnb", 2,
                           HIN_OWNER_DOCUMENT, 7},
    [HIN_PART_NAME] = {HIN_SQL_COPY_NAME, HIN_SQL_NAME_PUT, "nnnn", 3, 0, 0},
    [HIN_PART_AUDIT] = {HIN_SQL_COPY_AUDIT, HIN_SQL_AUDIT_PUT, "nnbb", 1, HIN_OWNER_AUDIT, 3},
};

/* What is of one database and its keys alone: a restored one has its own. */
static bool is_local(struct hin_view name)
{
    static const char *const names[] = {
        "mark",        "epoch",        "change",         "reseal_phase", "reseal_at",
        "shred_stage", "shred_tenant", "shred_wrapping", "shred_since",  HIN_GENERATION};
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        if (hin_view_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_store_copy_begin(struct hin_store *store)
{
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction && store->depth == 0, CONFLICT);
    return hin_db_do(store, HIN_SQL_SNAPSHOT);
}

HIN_RESULT hin_store_copy_end(struct hin_store *store)
{
    HIN_TRY(hin_db_inside(store));
    HIN_IGNORE(hin_db_do(store, HIN_SQL_COMMIT)); /* nothing was written */
    return hin_ok();
}

HIN_RESULT hin_store_copy_position(struct hin_store *store, struct hin_copy_position *ret_position)
{
    struct hin_copy_position position = {0};
    HIN_TRY(hin_db_number(store, "last_event", &position.last_event_id));
    HIN_TRY(hin_store_audit_head(store, &position.audit_number, position.audit_hash));
    *ret_position = position;
    return hin_ok();
}

/* --- keys --- */

/* The key of a thing into `out`. Where it has none of its own (version 1), that of the table which
 * sealed it: in a restored store it is the thing's own. */
static HIN_RESULT take_key(struct hin_store *store, int64_t number, const struct hin_data_key *key,
                           const uint8_t *key_id, enum hin_copy_key *ret_state, uint8_t *out)
{
    struct hin_secret found = {0};
    struct hin_result got = hin_ok();
    if (key->there && key->sealed.size == 0) {
        *ret_state = HIN_COPY_KEY_ERASED;
        return hin_ok();
    }
    if (key->there) {
        got = hin_data_key_read(store, number, key->sealed);
        if (hin_is_ok(got)) {
            hin_copy(out, store->own_key.data, HIN_SEAL_KEY_BYTES);
        }
        hin_wipe(store->own_key.data, store->own_key.size);
    } else {
        got = hin_opener_find(store->keys.opener, key_id, &found);
        if (hin_is_ok(got)) {
            hin_copy(out, found.data, HIN_MIN(found.size, (size_t)HIN_SEAL_KEY_BYTES));
        }
        hin_secret_done(&found);
    }
    if (hin_store_is_damage(got)) {
        *ret_state = HIN_COPY_KEY_LOST;
        return hin_ok();
    }
    *ret_state = HIN_COPY_KEY_HERE;
    return got;
}

/* Puts a key under the number of its thing. */
static HIN_RESULT put_key(struct hin_store *store, int64_t number, enum hin_copy_key state,
                          struct hin_view key)
{
    struct hin_statement *statement = NULL;
    if (state == HIN_COPY_KEY_HERE) {
        hin_copy(store->own_key.data, key.data, HIN_MIN(key.size, store->own_key.size));
        struct hin_result put = hin_data_key_paste(store, number);
        hin_wipe(store->own_key.data, store->own_key.size);
        return put;
    }
    if (state == HIN_COPY_KEY_ERASED) {
        HIN_TRY(hin_db_use(store, HIN_SQL_PASTE_DATA_KEY, &statement));
        hin_db_bind(statement, 1, number);
        hin_db_bind_blob(statement, 2, HIN_VIEW_EMPTY);
        return hin_db_run(store, statement);
    }
    return hin_ok();
}

/* --- rows --- */

static HIN_RESULT write_columns(struct hin_statement *statement, const struct part *part,
                                struct hin_buf *row)
{
    for (int i = 0; part->columns[i] != '\0'; i++) {
        if (part->columns[i] == 'n') {
            HIN_TRY(hin_write_zigzag(row, hin_db_int(statement, i)));
            continue;
        }
        struct hin_view bytes = hin_db_blob(statement, i);
        bool null = hin_db_is_null(statement, i);
        HIN_ENSURE(bytes.data != NULL || bytes.size == 0, CORRUPT);
        HIN_TRY(hin_write_varint(row, null ? 0 : bytes.size + 1));
        HIN_TRY(hin_buf_append(row, bytes));
    }
    return hin_ok();
}

static int64_t number_of(const struct part *part, struct hin_statement *statement)
{
    if (part->owner == HIN_OWNER_DOCUMENT) {
        return hin_data_number(HIN_OWNER_DOCUMENT + (int)hin_db_int(statement, 0),
                               hin_db_int(statement, 1));
    }
    return hin_data_number(part->owner, hin_db_int(statement, 0));
}

static HIN_RESULT write_key(struct hin_store *store, struct hin_statement *statement,
                            const struct part *part, struct hin_buf *row)
{
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES] = {0};
    uint8_t key[HIN_SEAL_KEY_BYTES];
    enum hin_copy_key state = HIN_COPY_KEY_NONE;
    struct hin_view sealed = hin_db_blob(statement, part->sealed_column);
    struct hin_data_key there = hin_data_key_column(statement, part->sealed_column + 1);
    if (sealed.size > 0 && !hin_is_ok(hin_seal_key_id(sealed, key_id)) && !there.there) {
        state = HIN_COPY_KEY_LOST;
    } else if (sealed.size > 0) {
        HIN_TRY(take_key(store, number_of(part, statement), &there, key_id, &state, key));
    }
    HIN_TRY(hin_write_u8(row, (uint8_t)state));
    struct hin_result written =
        state == HIN_COPY_KEY_HERE ? hin_buf_append(row, hin_view_of(key, sizeof(key))) : hin_ok();
    hin_wipe(key, sizeof(key));
    return written;
}

static void bind_cursor(struct hin_statement *statement, const struct part *part,
                        const struct hin_copy_cursor *cursor, int64_t until, size_t limit)
{
    int at = 1;
    for (int i = 0; i < part->key_count; i++, at++) {
        if (part->columns[i] == 'n') {
            hin_db_bind_int(statement, at, cursor->numbers[i]);
        } else if (part->columns[i] == 'b') {
            hin_db_bind_blob(statement, at, hin_view_of(cursor->bytes, cursor->byte_count));
        } else {
            hin_db_bind_text(statement, at, (const char *)cursor->bytes);
        }
    }
    if (part->owner == HIN_OWNER_AUDIT || part->owner == HIN_OWNER_DOCUMENT) {
        hin_db_bind_int(statement, at++, until);
    }
    hin_db_bind_int(statement, at, (int64_t)limit);
}

static HIN_RESULT move_cursor(struct hin_statement *statement, const struct part *part,
                              struct hin_copy_cursor *cursor)
{
    for (int i = 0; i < part->key_count; i++) {
        if (part->columns[i] == 'n') {
            cursor->numbers[i] = hin_db_int(statement, i);
            continue;
        }
        struct hin_view bytes = hin_db_blob(statement, i);
        HIN_ENSURE(bytes.size < sizeof(cursor->bytes), CORRUPT);
        hin_copy(cursor->bytes, bytes.data, bytes.size);
        cursor->bytes[bytes.size] = 0;
        cursor->byte_count = bytes.size;
    }
    return hin_ok();
}

struct listing {
    struct hin_store *store;
    const struct part *part;
    struct hin_statement *statement;
    struct hin_copy_cursor *cursor;
    struct hin_buf *row;
    HIN_RESULT (*visit)(void *context, struct hin_view row);
    void *context;
};

static HIN_RESULT list_row(struct listing *listing)
{
    hin_buf_clear(listing->row);
    HIN_TRY(move_cursor(listing->statement, listing->part, listing->cursor));
    if (listing->part == &parts[HIN_PART_META] && is_local(hin_db_blob(listing->statement, 0))) {
        return hin_ok();
    }
    HIN_TRY(write_columns(listing->statement, listing->part, listing->row));
    if (listing->part->owner != 0) {
        HIN_TRY(write_key(listing->store, listing->statement, listing->part, listing->row));
    }
    return listing->visit(listing->context, hin_buf_view(listing->row));
}

static HIN_RESULT list_rows(struct listing *listing, size_t limit, bool *ret_more)
{
    size_t count = 0;
    bool row = true;
    while (row) {
        HIN_TRY(hin_db_step(listing->store, listing->statement, &row));
        if (!row) {
            break;
        }
        struct hin_result listed = list_row(listing);
        if (!hin_is_ok(listed)) {
            hin_db_reset(listing->statement);
            return listed;
        }
        count++;
    }
    *ret_more = count == limit;
    return hin_ok();
}

HIN_RESULT hin_store_copy_rows(struct hin_store *store, enum hin_store_part part, int64_t until,
                               size_t limit, struct hin_copy_cursor *cursor,
                               HIN_RESULT (*visit)(void *context, struct hin_view row),
                               void *context, bool *ret_more)
{
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(part > 0 && part < HIN_PART_COUNT && limit > 0, INVALID);
    struct hin_buf row = {.max = ROW_MAX};
    struct listing listing = {.store = store,
                              .part = &parts[part],
                              .cursor = cursor,
                              .row = &row,
                              .visit = visit,
                              .context = context};
    HIN_TRY(hin_db_use(store, listing.part->list, &listing.statement));
    bind_cursor(listing.statement, listing.part, cursor, until, limit);
    struct hin_result listed = list_rows(&listing, limit, ret_more);
    hin_wipe(row.data, row.capacity);
    hin_buf_done(&row);
    return listed;
}

static HIN_RESULT count_keys(struct hin_store *store, int owner, int64_t from, int64_t until,
                             int64_t *ret_count)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_COPY_KEYS, &statement));
    hin_db_bind(statement, 2, hin_data_number(owner, from), hin_data_number(owner, until));
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_count = row ? hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_store_copy_audit_keys(struct hin_store *store, int64_t from, int64_t until,
                                     int64_t *ret_count)
{
    return count_keys(store, HIN_OWNER_AUDIT, from, until, ret_count);
}

HIN_RESULT hin_store_copy_state(struct hin_store *store, int64_t kind, int64_t first, int64_t last,
                                struct hin_copy_state *ret_state)
{
    struct hin_statement *statement = NULL;
    struct hin_copy_state state = {0};
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_COPY_DOCUMENT_STATE, &statement));
    hin_db_bind(statement, 3, kind, first, last);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, INTERNAL);
    state.count = hin_db_int(statement, 0);
    if (state.count > 0) {
        state.versions = hin_db_int(statement, 1);
        state.created_usec = hin_db_int(statement, 2);
        state.updated_usec = hin_db_int(statement, 3);
    }
    hin_db_reset(statement);
    HIN_TRY(count_keys(store, HIN_OWNER_DOCUMENT + (int)kind, first, last, &state.keys));
    *ret_state = state;
    return hin_ok();
}

HIN_RESULT hin_store_copy_last(struct hin_store *store, int64_t kind, int64_t *ret_last)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SEQUENCE_GET, &statement));
    hin_db_bind(statement, 1, kind);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_last = row ? hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_store_copy_audit_hash(struct hin_store *store, int64_t number,
                                     uint8_t ret_hash[HIN_STORE_AUDIT_HASH_BYTES])
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_COPY_AUDIT_HASH, &statement));
    hin_db_bind(statement, 1, number);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    struct hin_view hash = hin_db_blob(statement, 0);
    bool whole = hash.size == HIN_STORE_AUDIT_HASH_BYTES;
    hin_copy(ret_hash, hash.data, whole ? hash.size : 0);
    hin_db_reset(statement);
    HIN_ENSURE(whole, CORRUPT);
    return hin_ok();
}

/* --- segments --- */

struct segments {
    struct hin_store *store;
    struct hin_statement *statement;
    bool (*known)(void *context, struct hin_copy_segment *segment); /* or NULL */
    HIN_RESULT (*visit)(void *context, const struct hin_copy_segment *segment);
    void *context;
};

static HIN_RESULT read_segment(const struct segments *listing, struct hin_copy_segment *segment)
{
    struct hin_statement *statement = listing->statement;
    int64_t *const numbers[] = {&segment->id,       &segment->last_id,  &segment->count,
                                &segment->level,    &segment->day,      &segment->created_usec,
                                &segment->min_time, &segment->max_time, &segment->plain_bytes,
                                &segment->damaged,  &segment->classes,  &segment->severities};
    for (size_t i = 0; i < HIN_COUNT(numbers); i++) {
        *numbers[i] = hin_db_int(statement, (int)i);
    }
    segment->computers_known = !hin_db_is_null(statement, 12);
    segment->computers = hin_db_blob(statement, 12);
    segment->head = hin_db_blob(statement, 13);
    HIN_ENSURE(segment->computers.size <= HIN_COPY_COMPUTERS_BYTES, CORRUPT);
    segment->key_state = HIN_COPY_KEY_LOST;
    if (segment->damaged != 0 || segment->head.size < HIN_COPY_HEAD_BYTES) {
        segment->damaged = 1;
        return hin_ok();
    }
    struct hin_data_key key = hin_data_key_column(statement, 14);
    bool erased = key.there && key.sealed.size == 0;
    if (!erased && listing->known != NULL && listing->known(listing->context, segment)) {
        segment->key_state = HIN_COPY_KEY_HERE;
        return hin_ok();
    }
    return take_key(listing->store, hin_data_number(HIN_OWNER_SEGMENT, segment->id), &key,
                    segment->head.data + 4, &segment->key_state, segment->key);
}

static HIN_RESULT list_segments(const struct segments *listing, size_t *count)
{
    for (;;) {
        struct hin_copy_segment segment = {0};
        bool row = false;
        HIN_TRY(hin_db_step(listing->store, listing->statement, &row));
        if (!row) {
            return hin_ok();
        }
        struct hin_result visited = read_segment(listing, &segment);
        if (hin_is_ok(visited)) {
            visited = listing->visit(listing->context, &segment);
        }
        hin_wipe(segment.key, sizeof(segment.key));
        if (!hin_is_ok(visited)) {
            hin_db_reset(listing->statement);
            return visited;
        }
        *count += 1;
    }
}

HIN_RESULT hin_store_copy_segments_known(
    struct hin_store *store, int64_t after_id, size_t limit,
    bool (*known)(void *context, struct hin_copy_segment *segment),
    HIN_RESULT (*visit)(void *context, const struct hin_copy_segment *segment), void *context,
    bool *ret_more)
{
    struct hin_statement *statement = NULL;
    size_t count = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, HIN_SQL_COPY_SEGMENT, &statement));
    struct segments listing = {store, statement, known, visit, context};
    hin_db_bind(statement, 2, after_id, (int64_t)limit);
    HIN_TRY(list_segments(&listing, &count));
    *ret_more = count == limit;
    return hin_ok();
}

HIN_RESULT hin_store_copy_segments(struct hin_store *store, int64_t after_id, size_t limit,
                                   HIN_RESULT (*visit)(void *context,
                                                       const struct hin_copy_segment *segment),
                                   void *context, bool *ret_more)
{
    return hin_store_copy_segments_known(store, after_id, limit, NULL, visit, context, ret_more);
}

static HIN_RESULT append_segment(struct hin_store *store, int64_t id, struct hin_buf *ret_bytes)
{
    size_t begin = ret_bytes->size;
    bool broken = store->broken;
    HIN_TRY(hin_write_u32(ret_bytes, 0));
    struct hin_result got = hin_store_append_blob(store, HIN_SQL_SEGMENT_HEAD, id, ret_bytes);
    hin_store_u32(ret_bytes->data + begin, (uint32_t)(ret_bytes->size - begin - 4));
    if (hin_is_ok(got)) {
        got = hin_store_append_blob(store, HIN_SQL_BODY_GET, id, ret_bytes);
    }
    if (got.code == HIN_CORRUPT) {
        hin_db_isolate(store, HIN_SQL_SEGMENT_STANDS, id, broken);
    }
    return got;
}

HIN_RESULT hin_store_copy_segment(struct hin_store *store, int64_t id, struct hin_buf *ret_bytes)
{
    size_t begin = ret_bytes->size;
    HIN_TRY(hin_store_ready(store));
    struct hin_result got = append_segment(store, id, ret_bytes);
    if (!hin_is_ok(got)) {
        ret_bytes->size = begin;
    }
    return got;
}

/* --- into a fresh store --- */

struct column {
    int64_t number;
    struct hin_view bytes;
    bool null;
    char text[64];
};

/* There are many of them, and small: a statement for each would be most of the work. */
static HIN_RESULT put_spans(struct hin_store *store)
{
    struct hin_statement *statement = NULL;
    bool all = store->span_count == HIN_PASTE_SPANS;
    int count = store->span_count;
    store->span_count = 0;
    for (int row = 0; row < count; row++) {
        if (row == 0 || !all) {
            HIN_TRY(hin_db_use(store, all ? HIN_SQL_PASTE_SPANS : HIN_SQL_PASTE_SPAN, &statement));
        }
        for (int i = 0; i < 5; i++) {
            hin_db_bind_int(statement, (all ? row * 5 : 0) + i + 1, store->spans[row][i]);
        }
        if (!all || row == count - 1) {
            HIN_TRY(hin_db_run(store, statement));
        }
    }
    return hin_ok();
}

static HIN_RESULT add_span(struct hin_store *store, const struct column *columns)
{
    for (int i = 0; i < 5; i++) {
        store->spans[store->span_count][i] = columns[i].number;
    }
    return ++store->span_count == HIN_PASTE_SPANS ? put_spans(store) : hin_ok();
}

HIN_RESULT hin_store_paste_begin(struct hin_store *store)
{
    HIN_TRY(hin_store_ready(store));
    store->span_count = 0;
    HIN_ENSURE(!store->in_transaction && store->depth == 0, CONFLICT);
    struct hin_result begun = store->backend->load(store, HIN_LOAD_BEGIN);
    if (hin_is_ok(begun)) {
        begun = hin_store_begin(store);
    }
    if (!hin_is_ok(begun)) { /* why it did not begin is what is told */
        HIN_IGNORE(store->backend->load(store, HIN_LOAD_DROP));
    }
    return begun;
}

HIN_RESULT hin_store_paste_end(struct hin_store *store, bool keep)
{
    struct hin_result put = keep ? put_spans(store) : hin_ok();
    struct hin_result ended = hin_store_end(store, keep && hin_is_ok(put));
    bool whole = keep && hin_is_ok(put) && hin_is_ok(ended);
    struct hin_result loaded = store->backend->load(store, whole ? HIN_LOAD_END : HIN_LOAD_DROP);
    return !hin_is_ok(put) ? put : hin_is_ok(ended) ? loaded : ended;
}

HIN_RESULT hin_store_paste_pause(struct hin_store *store)
{
    HIN_TRY(put_spans(store));
    HIN_TRY(hin_store_end(store, true));
    HIN_TRY(store->backend->load(store, HIN_LOAD_GO_ON));
    return hin_store_begin(store);
}

static HIN_RESULT read_column(struct hin_reader *reader, char type, struct column *column)
{
    uint64_t size = 0;
    if (type == 'n') {
        return hin_read_zigzag(reader, &column->number);
    }
    HIN_TRY(hin_read_varint(reader, &size));
    column->null = size == 0;
    HIN_ENSURE(size <= ROW_MAX, SYNTAX);
    HIN_TRY(hin_read_exact(reader, size > 0 ? (size_t)size - 1 : 0, &column->bytes));
    return type == 't' ? hin_view_to_text(column->bytes, column->text, sizeof(column->text))
                       : hin_ok();
}

static void bind_column(struct hin_statement *statement, int at, char type,
                        const struct column *column)
{
    if (type == 'n') {
        hin_db_bind_int(statement, at, column->number);
    } else if (type == 't') {
        hin_db_bind_text(statement, at, column->text);
    } else if (!column->null) {
        hin_db_bind_blob(statement, at, column->bytes);
    }
}

static HIN_RESULT read_key(struct hin_reader *reader, enum hin_copy_key *ret_state,
                           struct hin_view *ret_key)
{
    uint8_t state = 0;
    HIN_TRY(hin_read_u8(reader, &state));
    HIN_ENSURE(state <= HIN_COPY_KEY_LOST, SYNTAX);
    *ret_state = (enum hin_copy_key)state;
    return state == HIN_COPY_KEY_HERE ? hin_read_exact(reader, HIN_SEAL_KEY_BYTES, ret_key)
                                      : hin_ok();
}

static HIN_RESULT paste(struct hin_store *store, const struct part *part,
                        const struct column *columns, enum hin_copy_key state, struct hin_view key)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, part->put, &statement));
    for (int i = 0; part->columns[i] != '\0'; i++) {
        bind_column(statement, i + 1, part->columns[i], &columns[i]);
    }
    HIN_TRY(hin_db_run(store, statement));
    int64_t id = columns[part->owner == HIN_OWNER_DOCUMENT ? 1 : 0].number;
    int owner =
        part->owner == HIN_OWNER_DOCUMENT ? part->owner + (int)columns[0].number : part->owner;
    return put_key(store, hin_data_number(owner, id), state, key);
}

HIN_RESULT hin_store_paste_row(struct hin_store *store, enum hin_store_part part,
                               struct hin_view row)
{
    struct column columns[COLUMNS_MAX] = {0};
    struct hin_reader reader = hin_reader_of(row);
    enum hin_copy_key state = HIN_COPY_KEY_NONE;
    struct hin_view key = HIN_VIEW_EMPTY;
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(part > 0 && part < HIN_PART_COUNT, SYNTAX);
    HIN_ENSURE(store->in_transaction, CONFLICT);
    const struct part *known = &parts[part];
    for (int i = 0; known->columns[i] != '\0'; i++) {
        HIN_ENSURE(hin_is_ok(read_column(&reader, known->columns[i], &columns[i])), SYNTAX);
    }
    if (known->owner != 0) {
        HIN_ENSURE(hin_is_ok(read_key(&reader, &state, &key)), SYNTAX);
    }
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), SYNTAX);
    HIN_ENSURE(part != HIN_PART_META || !is_local(columns[0].bytes), SYNTAX);
    if (part == HIN_PART_SPAN) {
        return add_span(store, columns);
    }
    return paste(store, known, columns, state, key);
}

static HIN_RESULT put_segment(struct hin_store *store, const struct hin_copy_segment *segment,
                              struct hin_view head, struct hin_view body)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_PASTE_SEGMENT, &statement));
    hin_db_bind(statement, 12, segment->id, segment->last_id, segment->count, segment->level,
                segment->day, segment->created_usec, segment->min_time, segment->max_time,
                segment->plain_bytes, segment->damaged, segment->classes, segment->severities);
    if (segment->computers_known) {
        hin_db_bind_blob(statement, 13, segment->computers);
    }
    hin_db_bind_blob(statement, 14, head);
    HIN_TRY(hin_db_run(store, statement));
    if (body.size == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_db_use(store, HIN_SQL_BODY_PUT, &statement));
    hin_db_bind(statement, 1, segment->id);
    hin_db_bind_blob(statement, 2, body);
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_paste_segment(struct hin_store *store, const struct hin_copy_segment *segment,
                                   struct hin_view bytes)
{
    struct hin_copy_segment placed = *segment;
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_view head = HIN_VIEW_EMPTY;
    uint32_t size = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(store->in_transaction, CONFLICT);
    if (bytes.size > 0) {
        HIN_ENSURE(hin_is_ok(hin_read_u32(&reader, &size)), SYNTAX);
        HIN_ENSURE(hin_is_ok(hin_read_exact(&reader, size, &head)), SYNTAX);
        HIN_ENSURE(hin_segment_is_body(head, reader.rest), CORRUPT);
    } else {
        placed.damaged = 1;
    }
    struct hin_result put = put_segment(store, &placed, head, reader.rest);
    if (hin_is_ok(put)) {
        put = put_key(store, hin_data_number(HIN_OWNER_SEGMENT, segment->id), segment->key_state,
                      hin_view_of(segment->key, sizeof(segment->key)));
    }
    hin_wipe(placed.key, sizeof(placed.key));
    return put;
}
