/* Sheaves: the filters of up to 256 closed segments in a row, turned, so that one question tells
 * for all of them which may hold a token.
 *
 * A filter's bit stands for an interval of the hashes (seal/segment.h), whatever the filter's size.
 * So a sheaf is cut by hashes into slices of some 2 KB: slice n of N has, for each segment in turn,
 * the bytes of its filter that stand for hashes from n / N to (n + 1) / N of all. A token's seven
 * probes lie in seven slices at most, and what they tell is what the segments' own filters would.
 *
 * Row `sheaf`: id = that of its first segment, last_id; count of segments; grows: 1 while more may
 * be added at its end; slices = N; times, classes and severities of all; members: for each segment
 * varint(id - that of the one before), varint(bytes of its filter + 1; 0: not known, it may hold
 * anything), u32 checksum (CRC-32C over the id
 * and that). Rows `slice`: number = id of the sheaf * 4096 + n;
 * bytes, in one sheaf all of one length, zeros behind, then u32 checksum (over number and bytes).
 *
 * A sheaf is made of nothing but heads, and can be made anew at any time: it is in no copy and no
 * backup. Whatever changes or drops a segment drops the sheaf over it in the same transaction, so
 * that none tells of what is gone; where there is none, the segments' own filters are asked. */
#include "base/bytes.h"
#include "base/codec.h"
#include "base/time.h"
#include "store/events.h"
#include "store/internal.h"

enum { LEAST = 64, SLICES_MAX = 4096, HEADS_ROUND = 16, CRC_BYTES = 4 };
#define SLICE_BYTES  1996        /* four rows of a page of PostgreSQL, two of SQLite */
#define FILTERS_MOST (4u << 20)  /* no more is added above this */
#define FILTERS_MAX  (16u << 20) /* with the last one */
#define SLICES_BYTES (64u << 20)
#define ID_MOST      (INT64_C(1) << 50)
#define STEP_USEC    (300 * HIN_MSEC_USEC)

static int64_t slice_number(int64_t sheaf, uint64_t slice)
{
    return sheaf * SLICES_MAX + (int64_t)slice;
}

/* Of what stands under a number. */
static uint32_t checksum(int64_t number, struct hin_view bytes)
{
    uint8_t place[8];
    hin_store_u64(place, (uint64_t)number);
    return hin_crc32c(hin_crc32c(0, hin_view_of(place, sizeof(place))), bytes);
}

/* Where the bytes of a filter of `size` begin that stand for slice n, and where they end. */
static size_t part_begin(size_t size, uint64_t slice, uint64_t slices)
{
    return (size_t)(slice * size / slices);
}

static size_t part_end(size_t size, uint64_t slice, uint64_t slices)
{
    return (size_t)(((slice + 1) * size + slices - 1) / slices);
}

/* --- what is to be made --- */

struct due {
    int64_t from, until; /* ids of segments, until exclusive */
    bool open;           /* nothing stands behind */
    bool any;
};

struct member {
    int64_t id, last_id, min_time, max_time;
    size_t size; /* of its filter */
    bool known;
};

struct building {
    struct hin_store *store;
    struct member members[HIN_SHEAF_MEMBERS];
    size_t count;
    struct hin_buf filters; /* of all members, one behind the other */
    uint64_t classes, severities;
    int64_t min_time, max_time;
    uint64_t slices;
    size_t width;
};

static HIN_RESULT find_gap(struct hin_store *store, struct due *due)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_SHEAF_GAP, &statement));
    HIN_TRY(hin_db_step(store, statement, &due->any));
    if (due->any) {
        due->from = hin_db_int(statement, 0);
        due->until = hin_db_int(statement, 1);
        due->open = due->until == INT64_MAX;
        hin_db_reset(statement);
    }
    return hin_ok();
}

/* The closed segments from due->from on, without their filters. */
static HIN_RESULT list_members(struct building *building, const struct due *due)
{
    struct hin_statement *statement = NULL;
    bool row = true;
    building->count = 0;
    HIN_TRY(hin_db_use(building->store, HIN_SQL_SHEAF_SEGMENTS, &statement));
    hin_db_bind(statement, 2, due->from, due->until);
    while (building->count < HIN_SHEAF_MEMBERS) {
        HIN_TRY(hin_db_step(building->store, statement, &row));
        if (!row) {
            return hin_ok();
        }
        if (hin_db_int(statement, 2) != HIN_LEVEL_CLOSED) {
            break;
        }
        building->members[building->count++] =
            (struct member){.id = hin_db_int(statement, 0),
                            .last_id = hin_db_int(statement, 1),
                            .min_time = hin_db_int(statement, 4),
                            .max_time = hin_db_int(statement, 5),
                            .known = hin_db_int(statement, 3) == 0};
    }
    hin_db_reset(statement);
    return hin_ok();
}

/* The last one is made anew with what has come since, as long as it grows. */
static HIN_RESULT widen(struct hin_store *store, struct due *due)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SHEAF_LAST, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    if (row && hin_db_int(statement, 1) != 0) {
        due->from = hin_db_int(statement, 0);
    }
    hin_db_reset(statement);
    return hin_ok();
}

/* Fills due->any, and the members. */
static HIN_RESULT find_due(struct building *building, struct due *due)
{
    HIN_TRY(find_gap(building->store, due));
    if (!due->any) {
        return hin_ok();
    }
    HIN_TRY(list_members(building, due));
    due->any = building->count >= (due->open ? (size_t)LEAST : 1);
    if (due->any && due->open) {
        HIN_TRY(widen(building->store, due));
        HIN_TRY(list_members(building, due));
    }
    due->any =
        due->any && building->count > 0 && building->members[building->count - 1].id < ID_MOST;
    return hin_ok();
}

/* --- making one --- */

static HIN_RESULT take_head(struct building *building, struct hin_statement *statement,
                            struct member *member)
{
    struct hin_segment_head head;
    building->classes |= (uint64_t)hin_db_int(statement, 1);
    building->severities |= (uint64_t)hin_db_int(statement, 2);
    struct hin_view bytes = hin_db_blob(statement, 3);
    member->known = member->known && hin_is_ok(hin_segment_read_head(bytes, &head)) &&
                    head.first_sequence == (uint64_t)member->id;
    if (!member->known) {
        return hin_ok();
    }
    member->size = head.filter.size;
    return hin_buf_append(&building->filters, head.filter);
}

/* The heads of members from..until (exclusive), in one statement. */
static HIN_RESULT take_heads(struct building *building, size_t from, size_t until)
{
    struct hin_store *store = building->store;
    struct hin_statement *statement = NULL;
    bool row = false, broken = store->broken;
    HIN_TRY(hin_db_use(store, HIN_SQL_SHEAF_HEADS, &statement));
    hin_db_bind(statement, 2, building->members[from].id, building->members[until - 1].id);
    for (size_t i = from; i < until; i++) {
        struct member *member = &building->members[i];
        struct hin_result taken = hin_db_step(store, statement, &row);
        if (taken.code == HIN_CORRUPT) { /* its page: the segment is marked, and all tried again */
            hin_db_isolate(store, HIN_SQL_SEGMENT_STANDS, member->id, broken);
            store->damaged_segment = member->id;
        }
        HIN_TRY(taken);
        taken = row && hin_db_int(statement, 0) == member->id
                    ? take_head(building, statement, member)
                    : hin_fail(HIN_CORRUPT);
        if (!hin_is_ok(taken)) {
            hin_db_reset(statement);
            return taken;
        }
    }
    hin_db_reset(statement);
    return hin_ok();
}

/* Times of all; of what is not known nothing else can be told. */
static void sum_up(struct building *building)
{
    building->min_time = INT64_MAX;
    building->max_time = INT64_MIN;
    for (size_t i = 0; i < building->count; i++) {
        building->min_time = HIN_MIN(building->min_time, building->members[i].min_time);
        building->max_time = HIN_MAX(building->max_time, building->members[i].max_time);
        if (!building->members[i].known) {
            building->classes = building->severities = UINT64_MAX;
        }
    }
}

static HIN_RESULT take_filters(struct building *building)
{
    size_t done = 0;
    while (done < building->count && building->filters.size < FILTERS_MOST) {
        size_t until = HIN_MIN(done + HEADS_ROUND, building->count);
        HIN_TRY(take_heads(building, done, until));
        done = until;
    }
    building->count = done;
    sum_up(building);
    return hin_ok();
}

static size_t slice_width(const struct building *building, uint64_t slice)
{
    size_t width = 0;
    for (size_t i = 0; i < building->count; i++) {
        width += part_end(building->members[i].size, slice, building->slices) -
                 part_begin(building->members[i].size, slice, building->slices);
    }
    return width;
}

/* Each segment's part is rounded up to bytes at both ends. */
static void choose_slices(struct building *building)
{
    size_t room = SLICE_BYTES - CRC_BYTES - 2 * building->count;
    building->slices = HIN_MIN(building->filters.size / room + 1, (uint64_t)SLICES_MAX);
    building->width = 1;
    for (uint64_t slice = 0; slice < building->slices; slice++) {
        building->width = HIN_MAX(building->width, slice_width(building, slice));
    }
    building->width += CRC_BYTES;
}

static HIN_RESULT cut(const struct building *building, struct hin_buf *slices)
{
    uint8_t *to = NULL;
    size_t size = (size_t)building->slices * building->width;
    HIN_TRY(hin_buf_extend(slices, size, &to));
    hin_zero(to, size);
    for (uint64_t slice = 0; slice < building->slices; slice++) {
        const uint8_t *filter = building->filters.data;
        uint8_t *at = to + slice * building->width;
        for (size_t i = 0; i < building->count; i++) {
            size_t bytes = building->members[i].size;
            size_t begin = part_begin(bytes, slice, building->slices);
            size_t end = part_end(bytes, slice, building->slices);
            hin_copy(at, filter + begin, end - begin);
            at += end - begin;
            filter += bytes;
        }
        uint8_t *begin_at = to + slice * building->width;
        size_t data = building->width - CRC_BYTES;
        hin_store_u32(begin_at + data, checksum(slice_number(building->members[0].id, slice),
                                                hin_view_of(begin_at, data)));
    }
    return hin_ok();
}

static HIN_RESULT write_members(const struct building *building, struct hin_buf *buf)
{
    int64_t before = building->members[0].id;
    for (size_t i = 0; i < building->count; i++) {
        const struct member *member = &building->members[i];
        HIN_TRY(hin_write_varint(buf, (uint64_t)(member->id - before)));
        HIN_TRY(hin_write_varint(buf, member->known ? member->size + 1 : 0));
        before = member->id;
    }
    return hin_write_u32(buf, checksum(building->members[0].id, hin_buf_view(buf)));
}

static HIN_RESULT put(const struct building *building, bool grows, struct hin_view members,
                      struct hin_view slices)
{
    struct hin_store *store = building->store;
    struct hin_statement *statement = NULL;
    int64_t id = building->members[0].id;
    HIN_TRY(hin_db_use(store, HIN_SQL_SHEAF_PUT, &statement));
    hin_db_bind(statement, 9, id, building->members[building->count - 1].last_id,
                (int64_t)building->count, (int64_t)grows, (int64_t)building->slices,
                building->min_time, building->max_time, (int64_t)building->classes,
                (int64_t)building->severities);
    hin_db_bind_blob(statement, 10, members);
    HIN_TRY(hin_db_run(store, statement));
    HIN_TRY(hin_db_use(store, HIN_SQL_SLICE_PUT, &statement));
    hin_db_bind(statement, 1, slice_number(id, 0));
    hin_db_bind_blob(statement, 2, slices);
    hin_db_bind_int(statement, 3, (int64_t)building->width);
    hin_db_bind_int(statement, 4, (int64_t)building->slices);
    return hin_db_run(store, statement);
}

static HIN_RESULT drop(struct hin_store *store, int64_t sheaf)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_SLICE_DROP, &statement));
    hin_db_bind(statement, 2, slice_number(sheaf, 0), slice_number(sheaf, SLICES_MAX - 1));
    HIN_TRY(hin_db_run(store, statement));
    return hin_db_run_on(store, HIN_SQL_SHEAF_DROP, sheaf);
}

/* What the members' heads make. */
static HIN_RESULT compose(struct building *building, struct hin_buf *members,
                          struct hin_buf *slices)
{
    building->classes = building->severities = 0;
    hin_buf_clear(&building->filters);
    HIN_TRY(take_filters(building));
    choose_slices(building);
    HIN_TRY(write_members(building, members));
    return cut(building, slices);
}

static HIN_RESULT build(struct building *building, const struct due *due)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf members = {.max = 1u << 16};
    HIN_CLEANUP(hin_buf_done) struct hin_buf slices = {.max = SLICES_BYTES};
    HIN_TRY(compose(building, &members, &slices));
    HIN_TRY(drop(building->store, building->members[0].id));
    bool grows =
        due->open && building->count < HIN_SHEAF_MEMBERS && building->filters.size < FILTERS_MOST;
    return put(building, grows, hin_buf_view(&members), hin_buf_view(&slices));
}

/* One sheaf, if one is due: first a look without the writers' lock. */
static HIN_RESULT make_one(struct building *building, bool *ret_made)
{
    struct hin_store *store = building->store;
    struct due due = {0};
    *ret_made = false;
    HIN_TRY(find_due(building, &due));
    if (!due.any) {
        return hin_ok();
    }
    HIN_TRY(hin_db_begin(store));
    struct hin_result made = find_due(building, &due);
    if (hin_is_ok(made) && due.any) {
        made = build(building, &due);
    }
    HIN_TRY(hin_db_end(store, made));
    *ret_made = due.any;
    return hin_ok();
}

static HIN_RESULT building_new(struct hin_store *store, struct building **ret_building)
{
    hin_arena_reset(&store->arena);
    HIN_TRY(HIN_ARENA_NEW(&store->arena, ret_building));
    (*ret_building)->store = store;
    hin_buf_init(&(*ret_building)->filters, FILTERS_MAX);
    return hin_ok();
}

HIN_RESULT hin_sheaf_make(struct hin_store *store)
{
    struct building *building = NULL;
    int64_t begin = hin_clock_monotonic_usec(hin_clock_system());
    HIN_TRY(building_new(store, &building));
    struct hin_result result = hin_ok();
    bool more = true;
    store->closed_count = 0;
    while (more && hin_clock_monotonic_usec(hin_clock_system()) - begin < STEP_USEC) {
        store->damaged_segment = 0;
        result = make_one(building, &more);
        more = hin_is_ok(result) ? more : hin_segment_step_aside(store, result);
    }
    hin_buf_done(&building->filters);
    return result;
}

HIN_RESULT hin_sheaf_make_due(struct hin_store *store)
{
    return store->closed_count >= LEAST && !store->in_transaction ? hin_sheaf_make(store)
                                                                  : hin_ok();
}

HIN_RESULT hin_sheaf_drop_over(struct hin_store *store, int64_t segment)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SHEAF_OVER, &statement));
    hin_db_bind(statement, 1, segment);
    HIN_TRY(hin_db_step(store, statement, &row));
    if (!row) {
        return hin_ok();
    }
    int64_t sheaf = hin_db_int(statement, 0);
    hin_db_reset(statement);
    return drop(store, sheaf);
}

/* --- asking --- */

static HIN_RESULT read_sheaf(struct hin_statement *statement, struct hin_arena *arena,
                             struct hin_sheaf *ret_sheaf)
{
    *ret_sheaf = (struct hin_sheaf){
        .id = hin_db_int(statement, 0),
        .last_id = hin_db_int(statement, 1),
        .count = (size_t)hin_db_int(statement, 2),
        .slices = (uint64_t)hin_db_int(statement, 3),
        .classes = (uint64_t)hin_db_int(statement, 4),
        .severities = (uint64_t)hin_db_int(statement, 5),
        .in_time = !hin_db_is_null(statement, 6),
        .min_time = hin_db_int(statement, 7),
        .max_time = hin_db_int(statement, 8),
    };
    HIN_ENSURE(ret_sheaf->slices > 0 && ret_sheaf->slices <= SLICES_MAX, CORRUPT);
    return hin_arena_copy(arena, hin_db_blob(statement, 6), &ret_sheaf->members);
}

HIN_RESULT hin_sheaf_list(struct hin_store *store, const struct hin_sheaf_range *range,
                          struct hin_arena *arena, struct hin_sheaf *list, size_t *ret_count)
{
    struct hin_statement *statement = NULL;
    size_t count = 0;
    bool row = true;
    HIN_TRY(
        hin_db_use(store, range->descending ? HIN_SQL_SHEAF_DOWN : HIN_SQL_SHEAF_UP, &statement));
    hin_db_bind(statement, 4, range->low, range->high, range->since_usec, range->until_usec);
    while (count < HIN_SHEAF_ROUND) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            break;
        }
        struct hin_result read = read_sheaf(statement, arena, &list[count++]);
        if (!hin_is_ok(read)) {
            hin_db_reset(statement);
            return read;
        }
    }
    hin_db_reset(statement);
    *ret_count = count;
    return hin_ok();
}

/* What stands before the checksum at the end. */
static HIN_RESULT checked(int64_t number, struct hin_view bytes, struct hin_view *ret_bytes)
{
    HIN_ENSURE(bytes.size > CRC_BYTES, CORRUPT);
    *ret_bytes = hin_view_sub(bytes, 0, bytes.size - CRC_BYTES);
    HIN_ENSURE(hin_load_u32(bytes.data + bytes.size - CRC_BYTES) == checksum(number, *ret_bytes),
               CORRUPT);
    return hin_ok();
}

HIN_RESULT hin_sheaf_members(const struct hin_sheaf *sheaf, struct hin_sheaf_look *ret_look)
{
    struct hin_view members = HIN_VIEW_EMPTY;
    HIN_TRY(checked(sheaf->id, sheaf->members, &members));
    struct hin_reader reader = hin_reader_of(members);
    uint64_t id = (uint64_t)sheaf->id;
    HIN_ENSURE(sheaf->count > 0 && sheaf->count <= HIN_SHEAF_MEMBERS, CORRUPT);
    ret_look->count = sheaf->count;
    for (size_t i = 0; i < sheaf->count; i++) {
        uint64_t more = 0, size = 0;
        HIN_ENSURE(hin_is_ok(hin_read_varint(&reader, &more)), CORRUPT);
        HIN_ENSURE(hin_is_ok(hin_read_varint(&reader, &size)), CORRUPT);
        HIN_ENSURE(size <= (uint64_t)HIN_SEGMENT_FILTER_MAX + 1, CORRUPT);
        id += more;
        ret_look->ids[i] = (int64_t)id;
        ret_look->known[i] = size > 0;
        ret_look->sizes[i] = size > 0 ? (uint32_t)size - 1 : 0;
        ret_look->may[i] = true;
    }
    return hin_is_ok(hin_read_end(&reader)) ? hin_ok() : hin_fail(HIN_CORRUPT);
}

/* What one slice says of a probe that lies in it. */
static HIN_RESULT judge_slice(const struct hin_sheaf *sheaf, const struct hin_sheaf_look *look,
                              uint32_t probe, struct hin_view bytes, bool *may)
{
    uint64_t slice = (uint64_t)probe * sheaf->slices >> 32;
    size_t at = 0;
    for (size_t i = 0; i < look->count; i++) {
        uint64_t size = look->sizes[i];
        size_t begin = part_begin(size, slice, sheaf->slices);
        uint64_t bit = (uint64_t)probe * (size * 8) >> 32;
        size_t byte = at + (size_t)(bit / 8) - begin;
        at += part_end(size, slice, sheaf->slices) - begin;
        HIN_ENSURE(at <= bytes.size, CORRUPT);
        may[i] =
            may[i] && (!look->known[i] || (size > 0 && (bytes.data[byte] >> bit % 8 & 1) != 0));
    }
    return hin_ok();
}

static HIN_RESULT judge_row(const struct hin_sheaf *sheaf, const struct hin_sheaf_look *look,
                            const uint32_t *probes, struct hin_statement *statement, bool *may,
                            int *told)
{
    int64_t number = hin_db_int(statement, 0);
    struct hin_view bytes = HIN_VIEW_EMPTY;
    HIN_TRY(checked(number, hin_db_blob(statement, 1), &bytes));
    for (int i = 0; i < HIN_SEGMENT_PROBES; i++) {
        if (slice_number(sheaf->id, (uint64_t)probes[i] * sheaf->slices >> 32) == number) {
            HIN_TRY(judge_slice(sheaf, look, probes[i], bytes, may));
            *told += 1;
        }
    }
    return hin_ok();
}

/* Which members may hold the token. */
static HIN_RESULT judge_token(struct hin_store *store, const struct hin_sheaf *sheaf,
                              const struct hin_sheaf_look *look, uint64_t token, bool *may)
{
    uint32_t probes[HIN_SEGMENT_PROBES];
    struct hin_statement *statement = NULL;
    int told = 0;
    bool row = true;
    hin_segment_probes(token, probes);
    HIN_TRY(hin_db_use(store, HIN_SQL_SLICE_GET, &statement));
    for (int i = 0; i < HIN_SEGMENT_PROBES; i++) {
        hin_db_bind_int(statement, i + 1,
                        slice_number(sheaf->id, (uint64_t)probes[i] * sheaf->slices >> 32));
    }
    for (;;) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            break;
        }
        struct hin_result judged = judge_row(sheaf, look, probes, statement, may, &told);
        if (!hin_is_ok(judged)) {
            hin_db_reset(statement);
            return judged;
        }
    }
    HIN_ENSURE(told == HIN_SEGMENT_PROBES, CORRUPT); /* a slice is not there */
    return hin_ok();
}

HIN_RESULT hin_sheaf_judge(struct hin_store *store, const struct hin_sheaf *sheaf,
                           const uint64_t *tokens, size_t count, struct hin_sheaf_look *look)
{
    bool either[HIN_SHEAF_MEMBERS] = {false};
    for (size_t token = 0; token < count; token++) {
        bool may[HIN_SHEAF_MEMBERS];
        for (size_t i = 0; i < look->count; i++) {
            may[i] = true;
        }
        HIN_TRY(judge_token(store, sheaf, look, tokens[token], may));
        for (size_t i = 0; i < look->count; i++) {
            either[i] = either[i] || may[i];
        }
    }
    for (size_t i = 0; i < look->count; i++) {
        look->may[i] = look->may[i] && either[i];
    }
    return hin_ok();
}

/* --- the check of a whole database --- */

static HIN_RESULT same_slices(struct hin_store *store, const struct building *building,
                              struct hin_view slices, bool *ret_same)
{
    struct hin_statement *statement = NULL;
    int64_t id = building->members[0].id;
    uint64_t count = 0;
    bool row = true, same = true;
    HIN_TRY(hin_db_use(store, HIN_SQL_SLICE_LIST, &statement));
    hin_db_bind(statement, 2, slice_number(id, 0), slice_number(id, SLICES_MAX - 1));
    for (;; count++) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            break;
        }
        same =
            same && count < building->slices &&
            hin_db_int(statement, 0) == slice_number(id, count) &&
            hin_view_equal(hin_db_blob(statement, 1),
                           hin_view_sub(slices, (size_t)count * building->width, building->width));
    }
    *ret_same = same && count == building->slices;
    return hin_ok();
}

/* Whether it is what the heads of today make. */
static HIN_RESULT compare(struct building *building, const struct hin_sheaf *sheaf, bool *ret_same)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf members = {.max = 1u << 16};
    HIN_CLEANUP(hin_buf_done) struct hin_buf slices = {.max = SLICES_BYTES};
    struct due due = {.from = sheaf->id, .until = sheaf->last_id + 1};
    *ret_same = false;
    HIN_TRY(list_members(building, &due));
    if (building->count == 0) {
        return hin_ok();
    }
    HIN_TRY(compose(building, &members, &slices));
    HIN_TRY(same_slices(building->store, building, hin_buf_view(&slices), ret_same));
    *ret_same = *ret_same && building->count == sheaf->count && building->slices == sheaf->slices &&
                building->classes == sheaf->classes && building->severities == sheaf->severities &&
                building->min_time == sheaf->min_time && building->max_time == sheaf->max_time &&
                hin_view_equal(hin_buf_view(&members), sheaf->members);
    return hin_ok();
}

static HIN_RESULT check_next(struct building *building, struct hin_arena *arena, int64_t *after,
                             uint64_t *ret_wrong)
{
    struct hin_store *store = building->store;
    struct hin_sheaf list[HIN_SHEAF_ROUND];
    struct hin_sheaf_range range = {.low = *after + 1, .high = INT64_MAX};
    size_t count = 0;
    bool same = true;
    hin_arena_reset(arena);
    HIN_TRY(hin_sheaf_list(store, &range, arena, list, &count));
    *after = count > 0 ? list[0].last_id : INT64_MAX;
    if (count > 0) {
        HIN_TRY(compare(building, &list[0], &same));
        *ret_wrong += !same;
    }
    return same ? hin_ok() : drop(store, list[0].id);
}

HIN_RESULT hin_sheaf_check(struct hin_store *store, uint64_t *ret_wrong)
{
    struct building *building = NULL;
    struct hin_arena arena;
    struct hin_result result = hin_ok();
    *ret_wrong = 0;
    HIN_TRY(building_new(store, &building));
    hin_arena_init(&arena, 1u << 20);
    for (int64_t after = 0; hin_is_ok(result) && after < INT64_MAX;) {
        result = hin_db_begin(store);
        if (hin_is_ok(result)) {
            result = hin_db_end(store, check_next(building, &arena, &after, ret_wrong));
        }
    }
    hin_arena_done(&arena);
    hin_buf_done(&building->filters);
    return result;
}
