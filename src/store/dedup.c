/* Second copies. Within one (agent, generation) an agent sends in ascending (position, finding), so
 * that an event above the high-water mark is new: no look-up, no row for each event. At or below it
 * the answer is in the segments: spans name those whose positions may hold it, and their identities
 * are compared whole. */
#include "store/dedup.h"

#include "base/bytes.h"
#include "base/codec.h"

#define SEEN_MAX (4u << 20)

/* The position an event is ordered by: its offset, or the number in its journal cursor
 * ("...;i=4f2;..."). */
static int64_t position_of(const struct hin_store_identity *identity)
{
    if (identity->cursor.size == 0) {
        return (int64_t)(identity->offset & INT64_MAX);
    }
    struct hin_view rest = identity->cursor, part;
    while (hin_view_split(&rest, ';', &part)) {
        if (part.size < 3 || part.size > 17 || part.data[0] != 'i' || part.data[1] != '=') {
            continue;
        }
        uint64_t number = 0;
        for (size_t i = 2; i < part.size; i++) {
            uint8_t c = part.data[i];
            int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) {
                return 0;
            }
            number = number << 4 | (uint64_t)digit;
        }
        return (int64_t)(number & INT64_MAX);
    }
    return 0;
}

HIN_RESULT hin_dedup_init(struct hin_dedup *dedup, struct hin_store *store)
{
    *dedup = (struct hin_dedup){.store = store};
    HIN_TRY(hin_map_init(&dedup->sources, SEEN_MAX));
    HIN_TRY(hin_map_init(&dedup->seen, SEEN_MAX));
    return hin_map_init(&dedup->loaded, SEEN_MAX);
}

void hin_dedup_done(struct hin_dedup *dedup)
{
    hin_map_done(&dedup->sources);
    hin_map_done(&dedup->seen);
    hin_map_done(&dedup->loaded);
}

static HIN_RESULT read_source(struct hin_store *store, struct source *source)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SOURCE_GET, &statement));
    hin_db_bind(statement, 2, source->agent, source->generation);
    HIN_TRY(hin_db_step(store, statement, &row));
    source->floor = -1;
    if (row) {
        source->known = true;
        source->position = hin_db_int(statement, 0);
        source->finding = hin_db_int(statement, 1);
        source->floor = hin_db_int(statement, 2);
        hin_db_reset(statement);
    }
    return hin_ok();
}

static HIN_RESULT list_source(struct hin_dedup *dedup, struct source *source)
{
    if (dedup->count == dedup->capacity) {
        size_t capacity = dedup->capacity > 0 ? dedup->capacity * 2 : 64;
        struct source **list = NULL;
        HIN_TRY(HIN_ARENA_ARRAY(&dedup->store->arena, capacity, &list));
        hin_copy(list, dedup->list, dedup->count * sizeof(*list));
        dedup->list = list;
        dedup->capacity = capacity;
    }
    dedup->list[dedup->count++] = source;
    return hin_ok();
}

static HIN_RESULT find_source(struct hin_dedup *dedup, const struct hin_store_identity *identity,
                              struct source **ret_source)
{
    struct source *last = dedup->last;
    if (last != NULL && last->agent == identity->agent &&
        last->generation == (int64_t)identity->generation) {
        *ret_source = last;
        return hin_ok();
    }
    uint8_t key[16];
    hin_store_u64(key, (uint64_t)identity->agent);
    hin_store_u64(key + 8, identity->generation);
    struct hin_view key_view = hin_view_of(key, sizeof(key));
    struct source *source = hin_map_get(&dedup->sources, key_view);
    if (source == NULL) {
        HIN_TRY(HIN_ARENA_NEW(&dedup->store->arena, &source));
        source->agent = identity->agent;
        source->generation = (int64_t)identity->generation;
        HIN_TRY(read_source(dedup->store, source));
        HIN_TRY(hin_map_put(&dedup->sources, key_view, source));
        HIN_TRY(list_source(dedup, source));
    }
    dedup->last = source;
    *ret_source = source;
    return hin_ok();
}

/* --- the exact way --- */

static struct hin_view identity_key(const struct hin_store_identity *identity,
                                    uint8_t room[32 + HIN_STORE_CURSOR_MAX_BYTES])
{
    hin_store_u64(room, (uint64_t)identity->agent);
    hin_store_u64(room + 8, identity->generation);
    hin_store_u64(room + 16, identity->offset);
    hin_store_u32(room + 24, identity->finding);
    size_t cursor = HIN_MIN(identity->cursor.size, (size_t)HIN_STORE_CURSOR_MAX_BYTES);
    hin_store_u32(room + 28, (uint32_t)cursor);
    hin_copy(room + 32, identity->cursor.data, cursor);
    return hin_view_of(room, 32 + cursor);
}

static HIN_RESULT note_seen(struct hin_dedup *dedup, const struct hin_store_identity *identity)
{
    uint8_t room[32 + HIN_STORE_CURSOR_MAX_BYTES];
    return hin_map_put(&dedup->seen, identity_key(identity, room), dedup);
}

static HIN_RESULT is_marked(struct hin_store *store, int64_t segment, bool *ret_marked)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_SEGMENT_IS_DAMAGED, &statement));
    hin_db_bind(statement, 1, segment);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_marked = row && hin_db_int(statement, 0) != 0;
    hin_db_reset(statement);
    return hin_ok();
}

/* A damaged segment says nothing: what it held may be stored again. */
static HIN_RESULT load_identities(struct hin_dedup *dedup, int64_t segment)
{
    uint8_t key[8];
    hin_store_u64(key, (uint64_t)segment);
    if (hin_map_get(&dedup->loaded, hin_view_of(key, sizeof(key))) != NULL) {
        return hin_ok();
    }
    HIN_TRY(hin_map_put(&dedup->loaded, hin_view_of(key, sizeof(key)), dedup));
    bool damaged = false;
    HIN_TRY(is_marked(dedup->store, segment, &damaged));
    if (damaged) {
        return hin_ok();
    }
    struct hin_result opened = hin_segment_load(dedup->store, segment);
    if (hin_store_is_damage(opened)) {
        HIN_TRY(hin_db_inside(dedup->store));
        dedup->store->damage_met++;
        return hin_ok();
    }
    HIN_TRY(opened);
    uint64_t tokens[HIN_STORE_TOKENS_MAX];
    struct hin_segment_record record;
    while (hin_segment_next(dedup->store->reader, &record)) {
        struct hin_store_event event;
        HIN_TRY(hin_record_read(record.bytes, &event, tokens));
        HIN_TRY(note_seen(dedup, &event.identity));
    }
    return hin_ok();
}

static HIN_RESULT load_candidates(struct hin_dedup *dedup, const struct source *source,
                                  int64_t position)
{
    int64_t segments[256];
    bool row = true;
    while (row) { /* in rounds: loading uses the database itself */
        struct hin_statement *statement = NULL;
        size_t count = 0;
        HIN_TRY(hin_db_use(dedup->store, HIN_SQL_SPAN_FIND, &statement));
        hin_db_bind(statement, 3, source->agent, source->generation, position);
        while (count < HIN_COUNT(segments)) {
            HIN_TRY(hin_db_step(dedup->store, statement, &row));
            if (!row) {
                break;
            }
            uint8_t key[8];
            hin_store_u64(key, (uint64_t)hin_db_int(statement, 0));
            if (hin_map_get(&dedup->loaded, hin_view_of(key, sizeof(key))) == NULL) {
                segments[count++] = hin_db_int(statement, 0);
            }
        }
        hin_db_reset(statement);
        for (size_t i = 0; i < count; i++) {
            HIN_TRY(load_identities(dedup, segments[i]));
        }
    }
    return hin_ok();
}

static HIN_RESULT judge_exactly(struct hin_dedup *dedup, const struct hin_store_event *events,
                                size_t at, const struct source *source, int64_t position,
                                bool *ret_copy)
{
    if (!dedup->exact) {
        for (size_t i = 0; i < at; i++) {
            if (events[i].id != 0 && events[i].identity.generation != 0) {
                HIN_TRY(note_seen(dedup, &events[i].identity));
            }
        }
        dedup->exact = true;
    }
    HIN_TRY(load_candidates(dedup, source, position));
    uint8_t room[32 + HIN_STORE_CURSOR_MAX_BYTES];
    *ret_copy = hin_map_get(&dedup->seen, identity_key(&events[at].identity, room)) != NULL;
    return hin_ok();
}

HIN_RESULT hin_dedup_judge(struct hin_dedup *dedup, const struct hin_store_event *events, size_t at,
                           bool *ret_copy)
{
    const struct hin_store_identity *identity = &events[at].identity;
    *ret_copy = false;
    if (identity->generation == 0) {
        return hin_ok();
    }
    HIN_ENSURE(identity->cursor.size <= HIN_STORE_CURSOR_MAX_BYTES, LIMIT);
    struct source *source = NULL;
    HIN_TRY(find_source(dedup, identity, &source));
    int64_t position = position_of(identity);
    bool above = !source->known || position > source->position ||
                 (position == source->position && (int64_t)identity->finding > source->finding);
    if (!above) {
        if (position <= source->floor) {
            *ret_copy = true;
            return hin_ok();
        }
        HIN_TRY(judge_exactly(dedup, events, at, source, position, ret_copy));
    } else {
        source->known = source->changed = true;
        source->position = position;
        source->finding = identity->finding;
    }
    if (!*ret_copy && dedup->exact) {
        HIN_TRY(note_seen(dedup, identity));
    }
    return hin_ok();
}

/* --- what the commit leaves behind --- */

void hin_dedup_segment_add(struct hin_dedup *dedup, const struct hin_store_event *event)
{
    struct source *source = dedup->last; /* that of the event just judged */
    if (event->identity.generation == 0 || source == NULL) {
        return;
    }
    int64_t position = position_of(&event->identity);
    source->lo = source->in_segment ? HIN_MIN(source->lo, position) : position;
    source->hi = source->in_segment ? HIN_MAX(source->hi, position) : position;
    source->in_segment = true;
}

HIN_RESULT hin_dedup_segment_end(struct hin_dedup *dedup, int64_t segment)
{
    for (size_t i = 0; i < dedup->count; i++) {
        struct source *source = dedup->list[i];
        if (!source->in_segment) {
            continue;
        }
        struct hin_statement *statement = NULL;
        HIN_TRY(hin_db_use(dedup->store, HIN_SQL_SPAN_PUT, &statement));
        hin_db_bind(statement, 5, source->agent, source->generation, source->lo, source->hi,
                    segment);
        HIN_TRY(hin_db_run(dedup->store, statement));
        source->in_segment = false;
    }
    return hin_ok();
}

HIN_RESULT hin_dedup_finish(struct hin_dedup *dedup)
{
    for (size_t i = 0; i < dedup->count; i++) {
        const struct source *source = dedup->list[i];
        if (!source->changed) {
            continue;
        }
        struct hin_statement *statement = NULL;
        HIN_TRY(hin_db_use(dedup->store, HIN_SQL_SOURCE_SET, &statement));
        hin_db_bind(statement, 4, source->agent, source->generation, source->position,
                    source->finding);
        HIN_TRY(hin_db_run(dedup->store, statement));
    }
    return hin_ok();
}
