/* Segments in the database: storing, loading, and the merges of the tail.
 *
 * The tail is the run of small segments at the end, all of one day: fresh ones (a commit each),
 * behind merged ones. It is closed, that is merged into one that is never merged again, when it
 * reaches 1,000 events, when a full segment follows it, or when the day turns; so at most 16 merged
 * and 64 fresh ones stand open at a time. */
#include <stdio.h>

#include "base/bytes.h"
#include "store/events.h"
#include "store/internal.h"

enum { FRESH_MOST = 64, MERGED_MOST = 16, TAIL_MOST = FRESH_MOST + MERGED_MOST + 8 };

struct hin_seal_place hin_segment_place(const char *tenant)
{
    /* Ids are bound by the head, which is authenticated with the body. */
    return (struct hin_seal_place){hin_view_from_text(tenant), HIN_VIEW("event"), HIN_VIEW_EMPTY,
                                   HIN_VIEW("segment")};
}

uint64_t hin_summary_class_bit(uint32_t class_uid)
{
    return UINT64_C(1) << (class_uid % 61); /* a filter: others may share the bit */
}

static void note_computer(struct hin_segment_summary *summary, int64_t computer)
{
    size_t count = HIN_MIN(summary->computer_count, (size_t)HIN_SUMMARY_COMPUTERS_MAX);
    for (size_t i = count; i > 0; i--) { /* the last one met is the likeliest */
        if (summary->computers[i - 1] == computer) {
            return;
        }
    }
    if (summary->computer_count < HIN_SUMMARY_COMPUTERS_MAX) {
        summary->computers[summary->computer_count] = computer;
    }
    if (summary->computer_count <= HIN_SUMMARY_COMPUTERS_MAX) {
        summary->computer_count++;
    }
}

void hin_summary_add(struct hin_segment_summary *summary, const struct hin_store_event *event)
{
    if (summary->records++ == 0) {
        summary->first_id = event->id;
        summary->min_time = summary->max_time = event->time_usec;
    }
    summary->last_id = event->id;
    summary->min_time = HIN_MIN(summary->min_time, event->time_usec);
    summary->max_time = HIN_MAX(summary->max_time, event->time_usec);
    if (event->erased) {
        return;
    }
    summary->classes |= hin_summary_class_bit(event->class_uid);
    summary->severities |= UINT64_C(1) << (event->severity_id & 63);
    if (summary->computer_count <= HIN_SUMMARY_COMPUTERS_MAX) {
        note_computer(summary, event->computer_id);
    }
    summary->count++;
}

static HIN_RESULT insert_segment(struct hin_store *store, const struct hin_segment_summary *summary,
                                 int64_t level, int64_t day, int64_t now_usec)
{
    uint8_t computers[HIN_SUMMARY_COMPUTERS_MAX * 8];
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_SEGMENT_PUT, &statement));
    hin_db_bind(statement, 11, summary->first_id, summary->last_id, summary->count, level, day,
                now_usec, summary->min_time, summary->max_time, summary->plain_bytes,
                (int64_t)summary->classes, (int64_t)summary->severities);
    if (summary->computer_count <= HIN_SUMMARY_COMPUTERS_MAX) {
        for (size_t i = 0; i < summary->computer_count; i++) {
            hin_store_u64(&computers[i * 8], (uint64_t)summary->computers[i]);
        }
        hin_db_bind_blob(statement, 12, hin_view_of(computers, summary->computer_count * 8));
    }
    hin_db_bind_blob(statement, 13, hin_buf_view(&store->head));
    HIN_TRY(hin_db_run(store, statement));
    HIN_TRY(hin_db_use(store, HIN_SQL_BODY_PUT, &statement));
    hin_db_bind(statement, 1, summary->first_id);
    hin_db_bind_blob(statement, 2, hin_buf_view(&store->body));
    return hin_db_run(store, statement);
}

HIN_RESULT hin_segment_store(struct hin_store *store, struct hin_segment_summary *summary,
                             int64_t level, int64_t day, int64_t now_usec)
{
    struct hin_sealer *sealer = NULL;
    struct hin_seal_place place = hin_segment_place(store->tenant);
    summary->plain_bytes = (int64_t)hin_segment_builder_bytes(store->builder);
    hin_buf_clear(&store->head);
    hin_buf_clear(&store->body);
    hin_segment_note_index(store->builder, store->index_version);
    HIN_TRY(hin_data_key_new(store, HIN_OWNER_SEGMENT, summary->first_id, &sealer));
    struct hin_result sealed =
        hin_segment_finish(store->builder, sealer, &place, &store->head, &store->body);
    hin_sealer_free(sealer);
    HIN_TRY(sealed);
    HIN_TRY(insert_segment(store, summary, level, day, now_usec));
    store->closed_count += level == HIN_LEVEL_CLOSED;
    *summary = (struct hin_segment_summary){0};
    return hin_ok();
}

struct hin_result hin_store_append_blob(struct hin_store *store, enum hin_sql sql, int64_t id,
                                        struct hin_buf *buf)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, sql, &statement));
    hin_db_bind(statement, 1, id);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    struct hin_view blob = hin_db_blob(statement, 0);
    /* A blob that cannot be read whole (a damaged overflow page) reads as none. */
    struct hin_result result =
        blob.data != NULL ? hin_buf_append(buf, blob) : hin_fail(HIN_CORRUPT);
    hin_db_reset(statement);
    return result;
}

static HIN_RESULT fetch_blob(struct hin_store *store, enum hin_sql sql, int64_t id,
                             struct hin_buf *buf)
{
    hin_buf_clear(buf);
    return hin_store_append_blob(store, sql, id, buf);
}

/* A damaged page that a blob goes on in costs this segment; one of the table itself is no segment's
 * own. */
static HIN_RESULT fetch_part(struct hin_store *store, enum hin_sql sql, enum hin_sql stands,
                             int64_t id, struct hin_buf *buf)
{
    bool broken = store->broken;
    struct hin_result fetched = fetch_blob(store, sql, id, buf);
    if (fetched.code == HIN_CORRUPT) {
        hin_db_isolate(store, stands, id, broken);
    }
    return fetched;
}

/* store->head and, when it has a key of its own, store->wrap. */
static HIN_RESULT fetch_head_and_key(struct hin_store *store, int64_t id,
                                     struct hin_data_key *ret_key)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    hin_buf_clear(&store->head);
    hin_buf_clear(&store->wrap);
    HIN_TRY(hin_db_use(store, HIN_SQL_SEGMENT_HEAD, &statement));
    hin_db_bind(statement, 1, id);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    struct hin_view head = hin_db_blob(statement, 0);
    struct hin_data_key key = hin_data_key_column(statement, 1);
    struct hin_result result =
        head.data != NULL ? hin_buf_append(&store->head, head) : hin_fail(HIN_CORRUPT);
    if (hin_is_ok(result)) {
        result = key.sealed.size <= store->wrap.max ? hin_buf_append(&store->wrap, key.sealed)
                                                    : hin_fail(HIN_CORRUPT);
    }
    hin_db_reset(statement);
    *ret_key = (struct hin_data_key){key.there, hin_buf_view(&store->wrap)};
    return result;
}

/* As fetch_part; and when it is the page of the data key that is damaged, that is no segment's own:
 * asking for it says so. */
static HIN_RESULT fetch_head(struct hin_store *store, int64_t id, struct hin_data_key *ret_key)
{
    bool broken = store->broken;
    struct hin_result fetched = fetch_head_and_key(store, id, ret_key);
    if (fetched.code == HIN_CORRUPT) {
        hin_db_isolate(store, HIN_SQL_SEGMENT_STANDS, id, broken);
        HIN_IGNORE(
            hin_db_run_on(store, HIN_SQL_DATA_KEY_GET, hin_data_number(HIN_OWNER_SEGMENT, id)));
    }
    return fetched;
}

static HIN_RESULT load(struct hin_store *store, int64_t id)
{
    struct hin_seal_place place = hin_segment_place(store->tenant);
    struct hin_segment_head head;
    struct hin_data_key key;
    struct hin_opener *opener = NULL;
    HIN_TRY(fetch_head(store, id, &key));
    HIN_TRY(fetch_part(store, HIN_SQL_BODY_GET, HIN_SQL_BODY_STANDS, id, &store->body));
    HIN_TRY(hin_segment_read_head(hin_buf_view(&store->head), &head));
    HIN_ENSURE(head.first_sequence == (uint64_t)id, CORRUPT); /* a segment in another's row */
    store->loaded_index = head.index_version;
    HIN_TRY(hin_data_key_open(store, HIN_OWNER_SEGMENT, id, &key, head.key_id, &opener));
    struct hin_result opened = hin_segment_open(
        store->reader, opener, &place, hin_buf_view(&store->head), hin_buf_view(&store->body));
    hin_data_key_done(store);
    return opened;
}

HIN_RESULT hin_segment_load(struct hin_store *store, int64_t id)
{
    struct hin_result loaded = load(store, id);
    if (hin_store_is_damage(loaded) && !store->broken) {
        store->damaged_segment = id;
    }
    return loaded;
}

HIN_RESULT hin_tail_end(struct hin_store *store, int64_t id)
{
    return hin_db_run_on(store, HIN_SQL_SEGMENT_CLOSE_BEFORE, id);
}

HIN_RESULT hin_segment_mark_damaged(struct hin_store *store, int64_t id)
{
    HIN_TRY(hin_tail_end(store, id));
    HIN_TRY(hin_sheaf_drop_over(store, id));
    HIN_TRY(hin_db_run_on(store, HIN_SQL_SEGMENT_DAMAGED, id));
    store->damage_met++;
    return hin_ok();
}

/* --- merges --- */

static void read_row(struct hin_statement *statement, struct hin_segment_row *ret_row)
{
    *ret_row = (struct hin_segment_row){
        .id = hin_db_int(statement, 0),
        .last_id = hin_db_int(statement, 1),
        .count = hin_db_int(statement, 2),
        .level = hin_db_int(statement, 3),
        .day = hin_db_int(statement, 4),
        .plain_bytes = hin_db_int(statement, 5),
        .min_time = hin_db_int(statement, 6),
        .max_time = hin_db_int(statement, 7),
        .damaged = hin_db_int(statement, 8) != 0,
    };
}

HIN_RESULT hin_tail_row(struct hin_store *store, bool *ret_any, struct hin_segment_row *ret_last)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_TAIL_LAST, &statement));
    HIN_TRY(hin_db_step(store, statement, ret_any));
    if (*ret_any) {
        read_row(statement, ret_last);
        hin_db_reset(statement);
    }
    return hin_ok();
}

struct tail {
    struct hin_segment_row rows[TAIL_MOST];
    size_t count;
};

static HIN_RESULT read_tail(struct hin_store *store, struct tail *ret_tail)
{
    struct hin_statement *statement = NULL;
    bool row = true;
    ret_tail->count = 0;
    HIN_TRY(hin_db_use(store, HIN_SQL_TAIL, &statement));
    while (ret_tail->count < TAIL_MOST) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            return hin_ok();
        }
        read_row(statement, &ret_tail->rows[ret_tail->count++]);
    }
    hin_db_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_segment_put(struct hin_store *store, struct hin_segment_summary *summary,
                           const struct hin_store_event *event, bool keep_tokens)
{
    hin_buf_clear(&store->record);
    HIN_TRY(event->erased ? hin_record_write_erased(event, &store->record)
                          : hin_record_write(event, keep_tokens, &store->record));
    HIN_TRY(hin_segment_add(store->builder, (uint64_t)event->id, event->time_usec,
                            hin_buf_view(&store->record), event->tokens, event->token_count));
    if (event->token_count > 0) {
        hin_segment_note_index(store->builder, event->index_version);
    }
    hin_summary_add(summary, event);
    return hin_ok();
}

/* The records of one segment into the builder. */
static HIN_RESULT add_records(struct hin_store *store, struct hin_segment_summary *summary,
                              bool keep_tokens)
{
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    struct hin_segment_record record;
    while (hin_segment_next(store->reader, &record)) {
        struct hin_store_event event;
        HIN_TRY(hin_record_read(record.bytes, &event, tokens));
        event.id = (int64_t)record.sequence;
        event.time_usec = record.time_usec;
        event.index_version = store->loaded_index;
        HIN_TRY(hin_segment_put(store, summary, &event, keep_tokens));
    }
    return hin_ok();
}

HIN_RESULT hin_segment_drop(struct hin_store *store, int64_t id)
{
    HIN_TRY(hin_data_key_drop(store, HIN_OWNER_SEGMENT, id));
    HIN_TRY(hin_db_run_on(store, HIN_SQL_BODY_DROP, id));
    return hin_db_run_on(store, HIN_SQL_SEGMENT_DROP, id);
}

static HIN_RESULT drop_rows(struct hin_store *store, const struct hin_segment_row *rows,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_segment_drop(store, rows[i].id));
    }
    return hin_ok();
}

static HIN_RESULT join_spans(struct hin_store *store, int64_t first, int64_t last)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_SPAN_JOIN, &statement));
    hin_db_bind(statement, 3, first, last, first);
    HIN_TRY(hin_db_run(store, statement));
    HIN_TRY(hin_db_use(store, HIN_SQL_SPAN_CLEAR, &statement));
    hin_db_bind(statement, 2, first, last);
    HIN_TRY(hin_db_run(store, statement));
    HIN_TRY(hin_db_use(store, HIN_SQL_SPAN_TURN, &statement));
    return hin_db_run(store, statement);
}

/* Adjacent whole rows into one. */
static HIN_RESULT merge_good(struct hin_store *store, const struct hin_segment_row *rows,
                             size_t count, int64_t level, int64_t now_usec)
{
    if (count == 1) {
        return level == HIN_LEVEL_CLOSED ? hin_db_run_on(store, HIN_SQL_SEGMENT_CLOSE, rows[0].id)
                                         : hin_ok();
    }
    struct hin_segment_summary summary = {0};
    /* One that spanned another would hide it from who reads on by ID. */
    for (size_t i = 1; i < count; i++) {
        HIN_ENSURE(rows[i].id == rows[i - 1].last_id + 1 && rows[i].day == rows[0].day, CONFLICT);
    }
    hin_segment_builder_clear(store->builder);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_segment_load(store, rows[i].id));
        HIN_TRY(add_records(store, &summary, level != HIN_LEVEL_CLOSED));
    }
    HIN_TRY(drop_rows(store, rows, count));
    HIN_TRY(hin_segment_store(store, &summary, level, rows[0].day, now_usec));
    return join_spans(store, rows[0].id, rows[count - 1].id);
}

/* Rows whose body cannot be opened are marked and left where they are; what stands before one is
 * closed, since nothing may be merged across it. A closed segment of one row keeps its tokens,
 * which costs only room. */
static HIN_RESULT merge(struct hin_store *store, const struct hin_segment_row *rows, size_t count,
                        int64_t level, int64_t now_usec)
{
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        struct hin_result loaded = hin_segment_load(store, rows[i].id);
        if (hin_is_ok(loaded)) {
            continue;
        }
        if (!hin_store_is_damage(loaded)) {
            return loaded;
        }
        HIN_TRY(hin_db_inside(store));
        if (store->broken) {
            return loaded; /* it may be whole: a page that leads to it is damaged */
        }
        if (i > begin) {
            HIN_TRY(merge_good(store, &rows[begin], i - begin, HIN_LEVEL_CLOSED, now_usec));
        }
        HIN_TRY(hin_segment_mark_damaged(store, rows[i].id));
        begin = i + 1;
    }
    return begin < count ? merge_good(store, &rows[begin], count - begin, level, now_usec)
                         : hin_ok();
}

/* Nearly always all rows are whole; only when one is not are they looked at one by one. A merge
 * only saves room: when it fails (keys out of reach, say) the commit goes on without it. */
static HIN_RESULT try_merge(struct hin_store *store, const struct hin_segment_row *rows,
                            size_t count, int64_t level, int64_t now_usec)
{
    HIN_TRY(hin_db_do(store, HIN_SQL_MERGE_SAVE));
    struct hin_result result = merge_good(store, rows, count, level, now_usec);
    HIN_TRY(hin_db_inside(store));
    if (hin_store_is_damage(result)) {
        HIN_TRY(hin_db_do(store, HIN_SQL_MERGE_BACK));
        result = merge(store, rows, count, level, now_usec);
    }
    hin_segment_builder_clear(store->builder);
    HIN_TRY(hin_db_inside(store));
    if (!hin_is_ok(result)) {
        HIN_TRY(hin_db_do(store, HIN_SQL_MERGE_BACK));
    }
    HIN_TRY(hin_db_do(store, HIN_SQL_MERGE_RELEASE));
    return result.code == HIN_NO_SPACE ? result : hin_ok();
}

/* How many rows from `begin` fit one segment. */
static size_t fitting(const struct tail *tail, size_t begin)
{
    int64_t events = 0, bytes = 0;
    size_t count = 0;
    while (begin + count < tail->count) {
        events += hin_row_records(&tail->rows[begin + count]);
        bytes += tail->rows[begin + count].plain_bytes;
        if (count > 0 && (events > HIN_SEGMENT_MOST_COUNT || bytes > HIN_SEGMENT_MOST_BYTES / 2)) {
            break;
        }
        count++;
    }
    return count;
}

HIN_RESULT hin_tail_close(struct hin_store *store, int64_t now_usec)
{
    struct tail tail;
    HIN_TRY(read_tail(store, &tail));
    for (size_t begin = 0; begin < tail.count;) {
        size_t count = fitting(&tail, begin);
        HIN_TRY(try_merge(store, &tail.rows[begin], count, HIN_LEVEL_CLOSED, now_usec));
        begin += count;
    }
    return hin_ok();
}

HIN_RESULT hin_tail_merge_due(struct hin_store *store, int64_t now_usec)
{
    struct tail tail;
    int64_t events = 0, bytes = 0;
    size_t merged = 0;
    HIN_TRY(read_tail(store, &tail));
    for (size_t i = 0; i < tail.count; i++) {
        events += hin_row_records(&tail.rows[i]);
        bytes += tail.rows[i].plain_bytes;
        merged += tail.rows[i].level == HIN_LEVEL_MERGED;
    }
    if (events >= HIN_SEGMENT_FULL_COUNT || bytes >= HIN_SEGMENT_MOST_BYTES / 4) {
        return hin_tail_close(store, now_usec);
    }
    if (tail.count - merged >= FRESH_MOST) {
        return try_merge(store, &tail.rows[merged], tail.count - merged, HIN_LEVEL_MERGED,
                         now_usec);
    }
    if (merged >= MERGED_MOST) {
        return try_merge(store, tail.rows, merged, HIN_LEVEL_MERGED, now_usec);
    }
    return hin_ok();
}

static HIN_RESULT is_marked(struct hin_store *store, int64_t id, bool *ret_marked)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SEGMENT_IS_DAMAGED, &statement));
    hin_db_bind(statement, 1, id);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_marked = row && hin_db_int(statement, 0) != 0;
    hin_db_reset(statement);
    return hin_ok();
}

/* A segment that could not be loaded has ended the transaction: it is marked in one of its own, and
 * what was undone may be tried again. */
bool hin_segment_step_aside(struct hin_store *store, struct hin_result result)
{
    int64_t id = store->damaged_segment;
    if (hin_is_ok(result) || id == 0 || store->broken || store->in_transaction ||
        !hin_is_ok(hin_db_begin(store))) {
        return false;
    }
    bool changed = false;
    store->damaged_segment = 0;
    struct hin_result marked = hin_segment_mark_damaged(store, id);
    if (hin_is_ok(marked)) {
        marked = is_marked(store, id, &changed);
    }
    return hin_is_ok(hin_db_end(store, marked)) && changed;
}

static HIN_RESULT merge_tail(struct hin_store *store, int64_t now_usec)
{
    struct tail tail;
    HIN_TRY(hin_db_begin(store));
    struct hin_result result = read_tail(store, &tail);
    if (hin_is_ok(result) && tail.count > 1) {
        result = try_merge(store, tail.rows, fitting(&tail, 0), HIN_LEVEL_MERGED, now_usec);
    }
    return hin_db_end(store, result);
}

static HIN_RESULT merge_old_tail(struct hin_store *store, int64_t now_usec, int64_t age_usec)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_TAIL_OLDEST, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    bool due =
        row && !hin_db_is_null(statement, 0) && hin_db_int(statement, 0) + age_usec <= now_usec;
    hin_db_reset(statement);
    if (!due) {
        return hin_ok();
    }
    struct hin_result result;
    do {
        store->damaged_segment = 0;
        result = merge_tail(store, now_usec);
    } while (hin_segment_step_aside(store, result));
    return result;
}

HIN_RESULT hin_store_maintain(struct hin_store *store, int64_t now_usec, int64_t age_usec)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(merge_old_tail(store, now_usec, age_usec));
    return hin_sheaf_make(store);
}
