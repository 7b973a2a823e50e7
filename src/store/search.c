/* Searching: the directory (an index of its own, so that a damaged page of the table hides no
 * neighbour) gives the segments in order; plain columns and the Bloom filter of tokens pass most of
 * them over; what is opened is checked event by event, exactly. Where a sheaf is over them, it is
 * asked first, and only those that it leaves are looked for in the directory. */
#include "base/bytes.h"
#include "base/codec.h"
#include "event/codec.h"
#include "store/events.h"
#include "store/internal.h"

struct search {
    struct hin_store *store;
    struct hin_store_filter rest;          /* what of the filter is not answered yet */
    const struct hin_store_filter *filter; /* = &rest */
    HIN_RESULT (*visit)(void *context, const struct hin_store_event *event);
    void *context;
    struct hin_index_tokens tokens[HIN_STORE_TERMS_MAX];
    bool settled, known; /* all is under one index key; all keys that anything is under are known */
    struct hin_segment_row *rows;
    size_t row_count, row_capacity;
    int64_t low, high; /* the ids of events that are left, both ends included */
    struct hin_sheaf sheaves[HIN_SHEAF_ROUND]; /* the next ones */
    size_t sheaf_count, sheaf_at;
    struct hin_arena sheaf_arena;
    struct hin_sheaf_look look;
    bool judged;     /* by a sheaf: only segments of `look` that may, their filters need no look */
    bool no_sheaves; /* one cannot be read: without any */
    bool stopped;    /* limits */
    struct hin_arena scratch; /* one event */
    struct hin_arena list;    /* the records of one segment */
    struct hin_store_report report;
};

/* --- which segments --- */

static bool row_may_hold(const struct hin_store_filter *filter, const struct hin_segment_row *row)
{
    return (filter->since_usec == 0 || row->max_time >= filter->since_usec) &&
           (filter->until_usec == 0 || row->min_time < filter->until_usec) &&
           row->last_id > filter->after_id &&
           (filter->before_id == 0 || row->id < filter->before_id);
}

static bool bits_may_hold(const struct hin_store_filter *filter, uint64_t classes,
                          uint64_t severities)
{
    return (filter->class_uid == 0 || (classes & hin_summary_class_bit(filter->class_uid)) != 0) &&
           (filter->severity_mask == 0 || (severities & filter->severity_mask) != 0);
}

static HIN_RESULT push_row(struct search *search, const struct hin_segment_row *row)
{
    if (search->row_count == search->row_capacity) {
        size_t more = search->row_capacity > 0 ? search->row_capacity * 2 : 256;
        struct hin_segment_row *rows = NULL;
        HIN_TRY(HIN_ARENA_ARRAY(&search->store->arena, more, &rows));
        hin_copy(rows, search->rows, search->row_count * sizeof(*rows));
        search->rows = rows;
        search->row_capacity = more;
    }
    search->rows[search->row_count++] = *row;
    return hin_ok();
}

/* A database that judges is asked for a round of segments at a time, with the probes of the first
 * term's tokens: what it judges behind the limit of a page is for nothing. */
enum { DIRECTORY_ROUND = 256 };

/* How many tokens of the first term it is to judge by; 0: by none. */
static size_t judge_count(const struct search *search)
{
    if (search->judged || !search->store->backend->judges || search->filter->term_count == 0 ||
        !search->known) {
        return 0;
    }
    return search->settled ? 1 : search->tokens[0].count;
}

static HIN_RESULT use_directory(struct search *search, struct hin_statement **ret_statement)
{
    static const enum hin_sql ways[HIN_INDEX_VERSIONS_MAX + 1][2] = {
        {HIN_SQL_DIRECTORY_UP, HIN_SQL_DIRECTORY_DOWN},
        {HIN_SQL_DIRECTORY_UP_TERM, HIN_SQL_DIRECTORY_DOWN_TERM},
        {HIN_SQL_DIRECTORY_UP_EITHER, HIN_SQL_DIRECTORY_DOWN_EITHER}};
    const struct hin_store_filter *filter = search->filter;
    size_t judges = judge_count(search);
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(search->store, ways[judges][filter->descending], &statement));
    hin_db_bind(statement, 2, search->low, search->high);
    int at = 3;
    for (size_t token = 0; token < judges; token++) {
        uint32_t probes[HIN_SEGMENT_PROBES];
        hin_segment_probes(search->tokens[0].tokens[token], probes);
        for (int i = 0; i < HIN_SEGMENT_PROBES; i++) {
            hin_db_bind_int(statement, at++, probes[i]);
        }
    }
    if (search->store->backend->judges) {
        hin_db_bind_int(statement, at, DIRECTORY_ROUND);
    }
    *ret_statement = statement;
    return hin_ok();
}

/* What a database that judges says beside the columns of each. */
static bool judged_may_hold(const struct hin_store_filter *filter, struct hin_statement *statement)
{
    return bits_may_hold(filter, (uint64_t)hin_db_int(statement, 6),
                         (uint64_t)hin_db_int(statement, 7)) &&
           hin_db_int(statement, 8) != 0;
}

/* The next round starts behind this one. */
static void note_row(struct search *search, const struct hin_segment_row *row)
{
    if (search->filter->descending) {
        search->high = row->id - 1;
    } else {
        search->low = row->last_id + 1;
    }
}

static bool sheaf_leaves(const struct search *search, int64_t segment)
{
    const struct hin_sheaf_look *look = &search->look;
    size_t low = 0, high = look->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (look->ids[middle] < segment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == look->count || look->ids[low] != segment || look->may[low];
}

/* *ret_more: it may not be the end of the directory. */
static HIN_RESULT read_directory(struct search *search, bool *ret_more)
{
    const struct hin_store_filter *filter = search->filter;
    bool judges = search->store->backend->judges;
    struct hin_statement *statement = NULL;
    size_t count = 0;
    int64_t low = search->low;
    bool row = true;
    search->row_count = 0;
    HIN_TRY(use_directory(search, &statement));
    for (;; count++) {
        HIN_TRY(hin_db_step(search->store, statement, &row));
        if (!row) {
            *ret_more = judges && count == DIRECTORY_ROUND;
            return hin_ok();
        }
        struct hin_segment_row found = {
            .id = hin_db_int(statement, 0),
            .last_id = hin_db_int(statement, 1),
            .count = hin_db_int(statement, 2),
            .min_time = hin_db_int(statement, 3),
            .max_time = hin_db_int(statement, 4),
            .damaged = hin_db_int(statement, 5) != 0,
        };
        if (found.last_id < low) {
            continue; /* the one before: the id of its first event is the nearest below */
        }
        note_row(search, &found);
        if (row_may_hold(filter, &found) && (!search->judged || sheaf_leaves(search, found.id)) &&
            (!judges || found.damaged || judged_may_hold(filter, statement))) {
            HIN_TRY(push_row(search, &found));
        } else {
            search->report.segments_passed_over++;
        }
    }
}

static bool computers_may_hold(const struct hin_store_filter *filter, struct hin_view known)
{
    if (filter->computer_count == 0 || known.data == NULL) {
        return true;
    }
    for (size_t at = 0; at + 8 <= known.size; at += 8) {
        int64_t computer = (int64_t)hin_load_u64(known.data + at);
        for (size_t i = 0; i < filter->computer_count; i++) {
            if (filter->computers[i] == computer) {
                return true;
            }
        }
    }
    return false;
}

/* Plain columns and Bloom filter. */
static HIN_RESULT may_hold(struct search *search, int64_t id, bool *ret_may)
{
    const struct hin_store_filter *filter = search->filter;
    struct hin_statement *statement = NULL;
    bool row = false;
    bool broken = search->store->broken;
    HIN_TRY(hin_db_use(search->store, HIN_SQL_SEGMENT_GET, &statement));
    bool asks = filter->term_count > 0 && !search->judged;
    hin_db_bind(statement, 2, id, (int64_t)asks);
    struct hin_result stepped = hin_db_step(search->store, statement, &row);
    if (stepped.code == HIN_CORRUPT) {
        hin_db_isolate(search->store, HIN_SQL_SEGMENT_STANDS, id, broken);
    }
    HIN_TRY(stepped);
    HIN_ENSURE(row, NOT_FOUND);
    uint64_t classes = (uint64_t)hin_db_int(statement, 0);
    uint64_t severities = (uint64_t)hin_db_int(statement, 1);
    bool may = bits_may_hold(filter, classes, severities) &&
               computers_may_hold(filter, hin_db_blob(statement, 2));
    struct hin_result result = hin_ok();
    if (may && asks) {
        struct hin_segment_head head;
        struct hin_view bytes = hin_db_blob(statement, 3);
        result = bytes.data != NULL ? hin_segment_read_head(bytes, &head) : hin_fail(HIN_CORRUPT);
        for (size_t i = 0; hin_is_ok(result) && may && i < filter->term_count; i++) {
            may = !search->known || hin_index_may_hold(&search->tokens[i], &head);
        }
    }
    hin_db_reset(statement);
    *ret_may = may;
    return result;
}

/* --- which events --- */

static bool columns_hold(const struct hin_store_filter *filter, const struct hin_store_event *event)
{
    bool computer = filter->computer_count == 0;
    for (size_t i = 0; !computer && i < filter->computer_count; i++) {
        computer = filter->computers[i] == event->computer_id;
    }
    return computer && event->id > filter->after_id &&
           (filter->before_id == 0 || event->id < filter->before_id) &&
           (filter->since_usec == 0 || event->time_usec >= filter->since_usec) &&
           (filter->until_usec == 0 || event->time_usec < filter->until_usec) &&
           (filter->class_uid == 0 || event->class_uid == filter->class_uid) &&
           (filter->severity_mask == 0 ||
            (event->severity_id < 16 && (filter->severity_mask >> event->severity_id & 1) != 0));
}

/* A value compared byte by byte must stand in the encoded event: most events of an opened segment
 * are passed over without being decoded. */
static bool bytes_may_hold(const struct search *search, struct hin_view bytes)
{
    for (size_t i = 0; i < search->filter->term_count; i++) {
        const struct hin_term *term = &search->filter->terms[i];
        const struct hin_field *field = hin_field_get(term->field);
        if (field != NULL && field->type == HIN_TYPE_TEXT && field->canon == HIN_CANON_EXACT &&
            hin_view_find(bytes, term->value) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static HIN_RESULT terms_hold(struct search *search, const struct hin_store_event *event,
                             bool *ret_hold)
{
    *ret_hold = true;
    if (search->filter->term_count == 0) {
        return hin_ok();
    }
    if (!bytes_may_hold(search, event->bytes)) {
        *ret_hold = false;
        return hin_ok();
    }
    struct hin_event decoded;
    hin_arena_reset(&search->scratch);
    HIN_TRY(hin_event_decode(event->bytes, &search->scratch, &decoded));
    for (size_t i = 0; *ret_hold && i < search->filter->term_count; i++) {
        *ret_hold = hin_event_matches(&decoded, &search->filter->terms[i], &search->scratch);
    }
    return hin_ok();
}

static bool is_limited(const struct search *search)
{
    return search->filter->limit > 0 && search->report.visited >= search->filter->limit;
}

/* *ret_stop: the limit was reached and at least this event is left, or the visitor has enough. */
static HIN_RESULT offer(struct search *search, const struct hin_segment_record *record,
                        bool *ret_stop)
{
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    struct hin_store_event event;
    bool hold = false;
    HIN_TRY(hin_record_read(record->bytes, &event, tokens));
    event.id = (int64_t)record->sequence;
    event.time_usec = record->time_usec;
    if (event.erased || !columns_hold(search->filter, &event)) {
        return hin_ok();
    }
    if (is_limited(search)) {
        *ret_stop = true;
        return hin_ok();
    }
    struct hin_result judged = terms_hold(search, &event, &hold);
    if (!hin_is_ok(judged) || !hold) {
        /* An event that this build cannot read (a later version's) holds no term that it could
         * check. */
        return judged.code == HIN_NO_MEMORY ? judged : hin_ok();
    }
    search->report.visited++;
    search->report.resume_id = event.id;
    struct hin_result visited = search->visit(search->context, &event);
    *ret_stop = visited.code == HIN_EXISTS;
    return *ret_stop ? hin_ok() : visited;
}

static HIN_RESULT collect_records(struct search *search, int64_t expected,
                                  struct hin_segment_record **ret_records, size_t *ret_count)
{
    size_t capacity = (size_t)HIN_MAX(expected, INT64_C(1)), count = 0;
    struct hin_segment_record *records = NULL;
    hin_arena_reset(&search->list);
    HIN_TRY(HIN_ARENA_ARRAY(&search->list, capacity, &records));
    while (count < capacity && hin_segment_next(search->store->reader, &records[count])) {
        count++;
    }
    *ret_records = records;
    *ret_count = count;
    return hin_ok();
}

static HIN_RESULT search_segment(struct search *search, const struct hin_segment_row *row,
                                 bool *ret_stop)
{
    struct hin_segment_record *records = NULL;
    size_t count = 0;
    HIN_TRY(collect_records(search, HIN_MIN(hin_row_records(row), (int64_t)HIN_SEGMENT_RECORDS_MAX),
                            &records, &count));
    for (size_t i = 0; i < count && !*ret_stop; i++) {
        HIN_TRY(offer(search, &records[search->filter->descending ? count - 1 - i : i], ret_stop));
    }
    return hin_ok();
}

static void note_damage(struct search *search, const struct hin_segment_row *row)
{
    search->report.segments_damaged++;
    search->report.events_damaged += (uint64_t)row->count;
    search->store->damage_met += !row->damaged;
}

static HIN_RESULT search_row(struct search *search, const struct hin_segment_row *row,
                             bool *ret_stop)
{
    bool may = false;
    if (row->damaged) {
        note_damage(search, row);
        return hin_ok();
    }
    struct hin_result result = may_hold(search, row->id, &may);
    if (hin_is_ok(result) && !may) {
        search->report.segments_passed_over++;
        return hin_ok();
    }
    if (hin_is_ok(result)) {
        search->report.segments_opened++;
        result = hin_segment_load(search->store, row->id);
    }
    if (hin_store_is_damage(result)) {
        note_damage(search, row);
        return hin_ok();
    }
    HIN_TRY(result);
    return search_segment(search, row, ret_stop);
}

/* Behind this row in the order of the search. */
static void pass(struct search *search, const struct hin_segment_row *row)
{
    if (search->rest.descending) {
        search->rest.before_id = row->id;
    } else {
        search->rest.after_id = row->last_id;
    }
}

/* *ret_more: a damaged page has ended the snapshot that the rows came from; what is left is read
 * anew. */
static HIN_RESULT search_rows(struct search *search, bool *ret_more)
{
    const struct hin_store_filter *filter = search->filter;
    for (size_t i = 0; i < search->row_count; i++) {
        const struct hin_segment_row *row = &search->rows[i];
        bool stop = is_limited(search);
        if (stop) {
            search->report.more = search->stopped = true;
            return hin_ok();
        }
        if (filter->segments_max > 0 && search->report.segments_opened >= filter->segments_max) {
            search->report.more = search->stopped = true;
            search->report.resume_id = filter->descending ? row->last_id + 1 : row->id - 1;
            return hin_ok();
        }
        HIN_TRY(search_row(search, row, &stop));
        if (stop) {
            search->report.more = search->stopped = true;
            return hin_ok();
        }
        if (!hin_is_ok(hin_db_inside(search->store))) {
            pass(search, row);
            *ret_more = true;
            return hin_ok();
        }
    }
    return hin_ok();
}

static HIN_RESULT check_filter(struct search *search)
{
    const struct hin_store_filter *filter = search->filter;
    HIN_ENSURE(filter->term_count <= HIN_STORE_TERMS_MAX, LIMIT);
    HIN_ENSURE(filter->computer_count <= HIN_STORE_COMPUTERS_MAX, LIMIT);
    HIN_ENSURE(filter->after_id >= 0 && filter->before_id >= 0, INVALID);
    return hin_ok();
}

/* Within the snapshot: tokens under each key that anything in it may be under. Where one is not to
 * be had, every segment is opened. */
static HIN_RESULT learn_tokens(struct search *search)
{
    const struct hin_store_filter *filter = search->filter;
    struct hin_index *index = search->store->keys.index;
    struct hin_index_state state;
    if (filter->term_count == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_index_see(search->store, &state));
    for (size_t i = 0; i < filter->term_count; i++) {
        HIN_TRY(hin_term_tokens(index, &filter->terms[i], &search->tokens[i]));
    }
    bool single = state.phase == HIN_INDEX_SETTLED;
    search->settled = single && search->tokens[0].versions[0] == state.version;
    search->known =
        hin_index_knows(index, state.version) && (single || hin_index_knows(index, state.former));
    return hin_ok();
}

/* The segments of a stretch, in rounds. */
static HIN_RESULT search_stretch(struct search *search, int64_t low, int64_t high, bool *ret_more)
{
    bool rounds = low <= high;
    search->low = low;
    search->high = high;
    while (rounds && !search->stopped && !*ret_more) {
        HIN_TRY(read_directory(search, &rounds));
        HIN_TRY(search_rows(search, ret_more));
    }
    return hin_ok();
}

/* --- sheaves --- */

/* Where all of it is wanted they spare nothing; and tokens under all keys must be known. */
static bool uses_sheaves(const struct search *search)
{
    const struct hin_store_filter *filter = search->filter;
    bool chooses = filter->term_count > 0 || filter->class_uid != 0 || filter->severity_mask != 0 ||
                   filter->since_usec != 0 || filter->until_usec != 0;
    return chooses && !search->no_sheaves && (filter->term_count == 0 || search->known);
}

/* Fills search->look: what of a sheaf is left. */
static HIN_RESULT ask_sheaf(struct search *search, const struct hin_sheaf *sheaf)
{
    const struct hin_store_filter *filter = search->filter;
    search->look.count = 0;
    if (!sheaf->in_time || !bits_may_hold(filter, sheaf->classes, sheaf->severities)) {
        return hin_ok();
    }
    HIN_TRY(hin_sheaf_members(sheaf, &search->look));
    for (size_t i = 0; i < filter->term_count; i++) {
        const struct hin_index_tokens *tokens = &search->tokens[i];
        HIN_TRY(hin_sheaf_judge(search->store, sheaf, tokens->tokens,
                                search->settled ? 1 : tokens->count, &search->look));
    }
    return hin_ok();
}

/* A sheaf that cannot be read costs time, never an event: the segments are asked themselves, from
 * here on. Where the snapshot went with it, what is left is read anew. */
static HIN_RESULT do_without(struct search *search, struct hin_result asked, int64_t low,
                             int64_t high, bool *ret_more)
{
    HIN_ENSURE(hin_store_is_damage(asked), INTERNAL);
    search->no_sheaves = true;
    if (hin_is_ok(hin_db_inside(search->store))) {
        return search_stretch(search, low, high, ret_more);
    }
    if (search->rest.descending) {
        search->rest.before_id = high < INT64_MAX ? high + 1 : search->rest.before_id;
    } else {
        search->rest.after_id = low - 1;
    }
    *ret_more = true;
    return hin_ok();
}

/* The segments that the sheaf leaves, from the first of them to the last. */
static HIN_RESULT search_left(struct search *search, int64_t low, int64_t high, bool *ret_more)
{
    const struct hin_sheaf_look *look = &search->look;
    size_t first = 0, last = look->count;
    while (first < look->count && !look->may[first]) {
        first++;
    }
    while (last > first && !look->may[last - 1]) {
        last--;
    }
    search->report.segments_passed_over += look->count - (last - first);
    if (first == last) {
        return hin_ok();
    }
    search->judged = search->filter->term_count > 0;
    struct hin_result result = search_stretch(
        search, HIN_MAX(low, look->ids[first]),
        HIN_MIN(high, last < look->count ? look->ids[last] - 1 : INT64_MAX), ret_more);
    search->judged = false;
    return result;
}

/* low, high: what of the sheaf's range is asked for. */
static HIN_RESULT search_sheaf(struct search *search, const struct hin_sheaf *sheaf, int64_t low,
                               int64_t high, bool *ret_more)
{
    struct hin_result asked = ask_sheaf(search, sheaf);
    if (hin_store_is_damage(asked)) {
        return do_without(search, asked, low, high, ret_more);
    }
    HIN_TRY(asked);
    if (search->look.count == 0) {
        search->report.segments_passed_over += sheaf->count;
        return hin_ok();
    }
    return search_left(search, low, high, ret_more);
}

/* The next sheaf in the order of the search; none: *ret_sheaf = NULL. */
static HIN_RESULT next_sheaf(struct search *search, int64_t low, int64_t high,
                             const struct hin_sheaf **ret_sheaf)
{
    const struct hin_store_filter *filter = search->filter;
    bool all = search->sheaf_at > 0 && search->sheaf_count < HIN_SHEAF_ROUND;
    *ret_sheaf = NULL;
    if (search->sheaf_at == search->sheaf_count && !all && low <= high) {
        struct hin_sheaf_range range = {low, high, filter->since_usec, filter->until_usec,
                                        filter->descending};
        hin_arena_reset(&search->sheaf_arena);
        search->sheaf_at = 0;
        HIN_TRY(hin_sheaf_list(search->store, &range, &search->sheaf_arena, search->sheaves,
                               &search->sheaf_count));
    }
    if (search->sheaf_at < search->sheaf_count) {
        *ret_sheaf = &search->sheaves[search->sheaf_at++];
    }
    return hin_ok();
}

/* What stands before the next sheaf, and then the sheaf; without one, all the rest. */
static HIN_RESULT search_next(struct search *search, int64_t *low, int64_t *high, bool *ret_more)
{
    const struct hin_sheaf *sheaf = NULL;
    bool down = search->filter->descending;
    int64_t from = *low, until = *high;
    struct hin_result found = next_sheaf(search, from, until, &sheaf);
    if (!hin_is_ok(found) || sheaf == NULL) {
        *high = from - 1; /* all of it at once */
    }
    if (hin_store_is_damage(found)) {
        return do_without(search, found, from, until, ret_more);
    }
    HIN_TRY(found);
    if (sheaf == NULL) {
        return search_stretch(search, from, until, ret_more);
    }
    int64_t first = HIN_MAX(sheaf->id, from), last = HIN_MIN(sheaf->last_id, until);
    HIN_TRY(search_stretch(search, down ? last + 1 : from, down ? until : first - 1, ret_more));
    if (down) {
        *high = first - 1;
    } else {
        *low = last + 1;
    }
    return search->stopped || *ret_more ? hin_ok()
                                        : search_sheaf(search, sheaf, first, last, ret_more);
}

static HIN_RESULT search_snapshot(struct search *search, bool *ret_more)
{
    const struct hin_store_filter *filter = search->filter;
    int64_t low = filter->after_id + 1;
    int64_t high = filter->before_id > 0 ? filter->before_id - 1 : INT64_MAX;
    search->rows = NULL;
    search->row_count = search->row_capacity = 0;
    search->sheaf_count = search->sheaf_at = 0;
    hin_arena_reset(&search->store->arena);
    while (low <= high && !search->stopped && !*ret_more) {
        if (!uses_sheaves(search)) {
            return search_stretch(search, low, high, ret_more);
        }
        HIN_TRY(search_next(search, &low, &high, ret_more));
    }
    return hin_ok();
}

/* One snapshot for all: merges of other processes do not show in between. */
static HIN_RESULT search_all(struct search *search)
{
    HIN_TRY(check_filter(search));
    bool own = !search->store->backend->in_transaction(search->store);
    bool more = true;
    struct hin_result result = hin_ok();
    while (more && hin_is_ok(result)) {
        more = false;
        if (own) {
            HIN_TRY(hin_db_do(search->store, HIN_SQL_SNAPSHOT));
        }
        result = learn_tokens(search);
        if (hin_is_ok(result)) {
            result = search_snapshot(search, &more);
        }
        if (own && hin_is_ok(hin_db_inside(search->store))) {
            HIN_IGNORE(hin_db_do(search->store, HIN_SQL_COMMIT)); /* nothing was written */
        }
        if (more && !own) {
            result = hin_fail(HIN_IO); /* the caller's transaction is gone */
        }
    }
    return result;
}

HIN_RESULT hin_store_search(struct hin_store *store, const struct hin_store_filter *filter,
                            HIN_RESULT (*visit)(void *context, const struct hin_store_event *event),
                            void *context, struct hin_store_report *ret_report)
{
    HIN_TRY(hin_store_ready(store));
    struct search search = {.store = store, .rest = *filter, .visit = visit, .context = context};
    search.filter = &search.rest;
    hin_arena_init(&search.scratch, 16u << 20);
    hin_arena_init(&search.list, 16u << 20);
    hin_arena_init(&search.sheaf_arena, 16u << 20);
    struct hin_result result = search_all(&search);
    hin_arena_done(&search.scratch);
    hin_arena_done(&search.list);
    hin_arena_done(&search.sheaf_arena);
    if (hin_is_ok(result)) {
        *ret_report = search.report;
    }
    return result;
}

struct getter {
    struct hin_buf *buf;
    struct hin_store_event *event;
    bool found;
};

static HIN_RESULT take_event(void *context, const struct hin_store_event *event)
{
    struct getter *getter = context;
    size_t begin = getter->buf->size;
    HIN_TRY(hin_buf_append(getter->buf, event->identity.cursor));
    HIN_TRY(hin_buf_append(getter->buf, event->bytes));
    *getter->event = *event;
    getter->event->identity.cursor =
        hin_view_of(getter->buf->data + begin, event->identity.cursor.size);
    getter->event->bytes =
        hin_view_of(getter->buf->data + begin + event->identity.cursor.size, event->bytes.size);
    getter->event->tokens = NULL;
    getter->event->token_count = 0;
    getter->found = true;
    return hin_ok();
}

HIN_RESULT hin_store_event_get(struct hin_store *store, int64_t id, struct hin_buf *buf,
                               struct hin_store_event *ret_event)
{
    HIN_ENSURE(id > 0 && id < INT64_MAX, NOT_FOUND);
    struct hin_store_event event;
    struct getter getter = {buf, &event, false};
    struct hin_store_filter filter = {.after_id = id - 1, .before_id = id + 1};
    struct hin_store_report report;
    HIN_TRY(hin_store_search(store, &filter, take_event, &getter, &report));
    if (!getter.found) {
        return hin_fail(report.segments_damaged > 0 ? HIN_CORRUPT : HIN_NOT_FOUND);
    }
    *ret_event = event;
    return hin_ok();
}

/* --- tokens --- */

enum { NAMED_MAX = HIN_EVENT_NAME_MAX + HIN_CANONICAL_MAX + 16 };

/* What a term's token is made of; a field that is not in the table goes by its name. */
static struct hin_view indexed_value(const struct hin_term *term, uint8_t room[NAMED_MAX])
{
    if (term->field != 0) {
        return term->value;
    }
    size_t name = HIN_MIN(term->name.size, (size_t)HIN_EVENT_NAME_MAX);
    size_t value = HIN_MIN(term->value.size, (size_t)HIN_CANONICAL_MAX);
    hin_store_u32(room, (uint32_t)name);
    hin_copy(room + 4, term->name.data, name);
    hin_copy(room + 4 + name, term->value.data, value);
    return hin_view_of(room, 4 + name + value);
}

HIN_RESULT hin_store_token(struct hin_index *index, const struct hin_term *term,
                           uint64_t *ret_token)
{
    uint8_t room[NAMED_MAX];
    return hin_index_token(index, term->field, indexed_value(term, room), ret_token);
}

HIN_RESULT hin_term_tokens(struct hin_index *index, const struct hin_term *term,
                           struct hin_index_tokens *ret_tokens)
{
    uint8_t room[NAMED_MAX];
    return hin_index_tokens(index, term->field, indexed_value(term, room), ret_tokens);
}

HIN_RESULT hin_store_tokens(struct hin_index *index, const struct hin_event *event,
                            struct hin_arena *arena, uint64_t *tokens, size_t *ret_count)
{
    const struct hin_term *terms = NULL;
    size_t count = 0;
    HIN_TRY(hin_event_terms(event, arena, &terms, &count));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_store_token(index, &terms[i], &tokens[i]));
    }
    *ret_count = count;
    return hin_ok();
}
