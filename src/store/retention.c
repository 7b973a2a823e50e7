/* Dropping what is over, and the time that goes by. The wall clock alone is not trusted with that:
 * one step of it to the next century would drop everything. */
#include "store/retention.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "store/events.h"
#include "store/internal.h"

/* --- the time --- */

static const char time_name[] = "retention_time";

int64_t hin_retention_follow(int64_t kept_usec, int64_t wall_usec, int64_t elapsed_usec)
{
    int64_t kept = HIN_MAX(kept_usec, INT64_C(0)), wall = HIN_MAX(wall_usec, INT64_C(0));
    int64_t elapsed = HIN_MIN(HIN_MAX(elapsed_usec, INT64_C(0)), INT64_MAX / HIN_RETENTION_PACE);
    int64_t most = elapsed * HIN_RETENTION_PACE;
    return wall >= kept ? kept + HIN_MIN(wall - kept, most) : kept - HIN_MIN(kept - wall, most);
}

/* Days of segments are the wall clock's of their commit. */
static HIN_RESULT first_time(struct hin_store *store, int64_t wall_usec, int64_t *ret_usec)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    int64_t end_usec = wall_usec;
    HIN_TRY(hin_db_use(store, HIN_SQL_NEWEST_DAY, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    if (row) {
        int64_t day = hin_db_int(statement, 0);
        hin_db_reset(statement);
        HIN_ENSURE(day < INT64_MAX / HIN_DAY_USEC, CORRUPT);
        end_usec = HIN_MAX(day + 1, INT64_C(0)) * HIN_DAY_USEC;
    }
    *ret_usec = HIN_MIN(end_usec, wall_usec);
    return hin_ok();
}

static HIN_RESULT kept_time(struct hin_store *store, int64_t wall_usec, int64_t *ret_usec)
{
    int64_t kept = 0;
    HIN_TRY(hin_db_number(store, time_name, &kept));
    if (kept == 0) {
        HIN_TRY(first_time(store, wall_usec, &kept));
    }
    *ret_usec = kept;
    return hin_ok();
}

static HIN_RESULT move_time(struct hin_store *store, int64_t wall_usec, int64_t elapsed_usec,
                            int64_t *ret_usec)
{
    int64_t kept = 0;
    HIN_TRY(kept_time(store, wall_usec, &kept));
    int64_t moved = hin_retention_follow(kept, wall_usec, elapsed_usec);
    HIN_TRY(hin_db_set_number(store, time_name, moved));
    *ret_usec = HIN_MIN(moved, wall_usec);
    return hin_ok();
}

HIN_RESULT hin_store_retention_time(struct hin_store *store, int64_t wall_usec,
                                    int64_t elapsed_usec, int64_t *ret_usec)
{
    int64_t usec = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    HIN_TRY(hin_db_end(store, move_time(store, wall_usec, elapsed_usec, &usec)));
    *ret_usec = usec;
    return hin_ok();
}

HIN_RESULT hin_store_retention_now(struct hin_store *store, int64_t wall_usec, int64_t *ret_usec)
{
    int64_t kept = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(kept_time(store, wall_usec, &kept));
    *ret_usec = HIN_MIN(kept, wall_usec);
    return hin_ok();
}

/* --- which modules --- */

/* A module is known by the bit of its class, in segments as in events: a class that shares the bit
 * counts as it. */
static bool has_class(uint64_t classes, unsigned module)
{
    return (classes & hin_summary_class_bit(hin_modules[module].class_uid)) != 0;
}

struct computers { /* whose events a segment may hold */
    bool any, manager;
};

static bool has_whose(const struct computers *computers, unsigned module)
{
    enum hin_module_whose whose = hin_modules[module].whose;
    return whose == HIN_MODULE_OF_ALL || (whose == HIN_MODULE_OF_MANAGER && computers->manager) ||
           (whose == HIN_MODULE_OF_COMPUTERS && computers->any);
}

/* A bit for each module. */
static unsigned modules_of(uint64_t classes, const struct computers *computers)
{
    unsigned modules = 0;
    for (unsigned module = HIN_MODULE_OTHER + 1; module < HIN_MODULE_COUNT; module++) {
        if (has_class(classes, module) && has_whose(computers, module)) {
            modules |= 1u << module;
        }
    }
    for (unsigned module = HIN_MODULE_OTHER + 1; module < HIN_MODULE_COUNT; module++) {
        classes &= ~hin_summary_class_bit(hin_modules[module].class_uid);
    }
    return classes != 0 ? modules | 1u << HIN_MODULE_OTHER : modules;
}

static unsigned module_of_event(const struct hin_store_event *event)
{
    struct computers computers = {event->computer_id != 0, event->computer_id == 0};
    return modules_of(hin_summary_class_bit(event->class_uid), &computers);
}

/* known: as the column has it; none: any. */
static struct computers read_computers(struct hin_view known)
{
    struct computers computers = {known.data == NULL, known.data == NULL};
    for (size_t at = 0; at + 8 <= known.size; at += 8) {
        bool manager = hin_load_u64(known.data + at) == 0;
        computers.manager = computers.manager || manager;
        computers.any = computers.any || !manager;
    }
    return computers;
}

/* --- which segments --- */

enum { ROWS = 64, DROPS = 32 }; /* read, and dropped in one transaction */

struct row {
    int64_t id, count, day;
    unsigned modules;
    bool damaged;
};
struct rows {
    struct row list[ROWS];
    size_t count;
};

/* What stands for a lost segment says nothing of what it held: it may be of any module. */
static struct row read_row(struct hin_statement *statement)
{
    uint64_t classes = (uint64_t)hin_db_int(statement, 3);
    struct computers computers = read_computers(hin_db_blob(statement, 4));
    bool damaged = hin_db_int(statement, 5) != 0;
    return (struct row){
        .id = hin_db_int(statement, 0),
        .count = hin_db_int(statement, 1),
        .day = hin_db_int(statement, 2),
        .modules = damaged && classes == 0 ? (1u << HIN_MODULE_COUNT) - 1
                                           : modules_of(classes, &computers),
        .damaged = damaged,
    };
}

/* From (day, id) on, of days before `end`. */
static HIN_RESULT read_rows(struct hin_store *store, int64_t day, int64_t id, int64_t end,
                            struct rows *ret_rows)
{
    struct hin_statement *statement = NULL;
    bool any = true;
    ret_rows->count = 0;
    HIN_TRY(hin_db_use(store, HIN_SQL_DAY_ROWS, &statement));
    hin_db_bind(statement, 3, day, id, end);
    while (ret_rows->count < ROWS) {
        HIN_TRY(hin_db_step(store, statement, &any));
        if (!any) {
            return hin_ok();
        }
        ret_rows->list[ret_rows->count++] = read_row(statement);
    }
    hin_db_reset(statement);
    return hin_ok();
}

/* --- dropping --- */

/* body: whether it goes too. It stays when it goes on in a damaged page: SQLite cannot free what it
 * cannot read, and nothing leads to it any more. */
static HIN_RESULT drop_segment(struct hin_store *store, int64_t id, bool body)
{
    static const enum hin_sql steps[] = {HIN_SQL_SPAN_FLOOR, HIN_SQL_SPAN_DROP, HIN_SQL_BODY_DROP,
                                         HIN_SQL_SEGMENT_DROP};
    HIN_TRY(hin_data_key_drop(store, HIN_OWNER_SEGMENT, id));
    HIN_TRY(hin_sheaf_drop_over(store, id));
    for (size_t i = 0; i < HIN_COUNT(steps); i++) {
        if (steps[i] != HIN_SQL_BODY_DROP || body) {
            HIN_TRY(hin_db_run_on(store, steps[i], id));
        }
    }
    return hin_ok();
}

static HIN_RESULT drop_one(struct hin_store *store, int64_t id)
{
    bool broken = store->broken;
    HIN_TRY(hin_db_begin(store));
    struct hin_result dropped = hin_db_end(store, drop_segment(store, id, true));
    if (dropped.code != HIN_CORRUPT) {
        return dropped;
    }
    hin_db_isolate(store, HIN_SQL_BODY_STANDS, id, broken);
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, drop_segment(store, id, false));
}

struct dropping {
    struct row list[DROPS];
    size_t count;
};

static HIN_RESULT drop_together(struct hin_store *store, const struct dropping *dropping)
{
    for (size_t i = 0; i < dropping->count; i++) {
        HIN_TRY(drop_segment(store, dropping->list[i].id, true));
    }
    return hin_ok();
}

static void note_dropped(struct hin_retained *retained, const struct row *row)
{
    retained->segments_dropped++;
    retained->events += (uint64_t)row->count;
}

/* In one transaction, as nearly always they can; else one by one. One that a damaged page keeps
 * from being dropped stays, and the others go. */
static HIN_RESULT drop_all(struct hin_store *store, struct dropping *dropping,
                           struct hin_retained *retained)
{
    bool broken = store->broken;
    size_t count = dropping->count;
    if (count == 0) {
        return hin_ok();
    }
    HIN_TRY(hin_db_begin(store));
    struct hin_result together = hin_db_end(store, drop_together(store, dropping));
    if (!hin_is_ok(together) && together.code != HIN_CORRUPT) {
        return together;
    }
    dropping->count = 0;
    if (!hin_is_ok(together)) {
        store->broken = broken; /* who cannot be dropped alone says so again */
    }
    for (size_t i = 0; i < count; i++) {
        struct hin_result dropped =
            hin_is_ok(together) ? together : drop_one(store, dropping->list[i].id);
        if (hin_is_ok(dropped)) {
            note_dropped(retained, &dropping->list[i]);
        } else if (dropped.code == HIN_CORRUPT) {
            retained->segments_kept++;
        } else {
            return dropped;
        }
    }
    return hin_ok();
}

/* --- making anew --- */

static HIN_RESULT judge(void *context, const struct hin_store_event *event,
                        enum hin_store_verdict *ret_verdict, struct hin_store_event *replacement)
{
    const unsigned *over = context;
    (void)replacement;
    *ret_verdict = (module_of_event(event) & *over) != 0 ? HIN_STORE_ERASE : HIN_STORE_KEEP;
    return hin_ok();
}

/* Where nothing but identities is left, the whole goes. */
static HIN_RESULT make_anew(struct hin_store *store, const struct row *row, unsigned over,
                            struct hin_retained *retained)
{
    struct hin_store_rewritten done;
    struct hin_store_rewrite rewrite = {
        .judge = judge, .context = &over, .after_id = row->id - 1, .until_id = row->id};
    HIN_TRY(hin_store_rewrite(store, &rewrite, &done));
    retained->segments_kept += done.segments_damaged;
    if (done.segments_rewritten > 0 && done.events_erased == (uint64_t)row->count) {
        struct dropping all = {.list = {*row}, .count = 1};
        return drop_all(store, &all, retained);
    }
    retained->segments_rewritten += done.segments_rewritten;
    retained->events += done.events_erased;
    return hin_ok();
}

/* --- what was dropped already --- */

static const char seen_name[] = "retained"; /* the last event of the round before */

static void mark_name(unsigned module, char name[32])
{
    (void)snprintf(name, 32, "dropped.%s", hin_modules[module].name);
}

static HIN_RESULT read_marks(struct hin_store *store, int64_t *marks)
{
    char name[32];
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        mark_name(module, name);
        HIN_TRY(hin_db_number(store, name, &marks[module]));
    }
    return hin_ok();
}

static HIN_RESULT write_marks(struct hin_store *store, const int64_t *marks, int64_t *stored)
{
    char name[32];
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        if (marks[module] != stored[module]) {
            mark_name(module, name);
            HIN_TRY(hin_db_set_number(store, name, marks[module]));
        }
    }
    return hin_ok();
}

static bool any_mark(const int64_t *marks)
{
    bool any = false;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        any = any || marks[module] > 0;
    }
    return any;
}

/* What was committed since under the date of a day that is done: by a clock that was set back. */
static HIN_RESULT meet_late(struct hin_store *store, int64_t seen, int64_t *marks)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, HIN_SQL_LOWEST_DAY, &statement));
    hin_db_bind(statement, 1, seen);
    HIN_TRY(hin_db_step(store, statement, &row));
    if (row && !hin_db_is_null(statement, 0)) {
        int64_t day = HIN_MAX(hin_db_int(statement, 0), INT64_C(0));
        for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
            marks[module] = HIN_MIN(marks[module], day);
        }
    }
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT bring_marks(struct hin_store *store, int64_t *ret_marks)
{
    int64_t stored[HIN_MODULE_COUNT], last = 0, seen = 0;
    HIN_TRY(read_marks(store, ret_marks));
    hin_copy(stored, ret_marks, sizeof(stored));
    HIN_TRY(hin_db_number(store, "last_event", &last));
    HIN_TRY(hin_db_number(store, seen_name, &seen));
    if (last == seen) {
        return hin_ok();
    }
    if (any_mark(ret_marks)) {
        HIN_TRY(meet_late(store, seen, ret_marks));
    }
    HIN_TRY(write_marks(store, ret_marks, stored));
    return hin_db_set_number(store, seen_name, last);
}

/* All of the days before `day` is looked through. */
static HIN_RESULT advance(struct hin_store *store, struct hin_retention_round *round, int64_t day)
{
    int64_t stored[HIN_MODULE_COUNT];
    hin_copy(stored, round->dropped, sizeof(stored));
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        int64_t to = HIN_MIN(round->limits[module], day);
        round->dropped[module] = HIN_MAX(round->dropped[module], to);
    }
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, write_marks(store, round->dropped, stored));
}

/* --- a round: first the days that are over for all, then those that are over for some --- */

static void set_limits(struct hin_retention_round *round, int64_t now_usec,
                       const struct hin_retention *keep)
{
    round->low = INT64_MAX;
    round->high = INT64_MIN;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        uint32_t days = keep->keep_days[module];
        int64_t limit = days == 0 ? INT64_MIN : hin_day_of(now_usec) - (int64_t)days;
        round->limits[module] = limit;
        round->low = HIN_MIN(round->low, limit);
        round->high = HIN_MAX(round->high, limit);
    }
}

static unsigned modules_before(const int64_t *days, int64_t day)
{
    unsigned modules = 0;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        modules |= day < days[module] ? 1u << module : 0;
    }
    return modules;
}

/* The first day that is over for a module and not done; the greatest limit where there is none. */
static int64_t first_day(const struct hin_retention_round *round)
{
    int64_t first = round->high;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        if (round->dropped[module] < round->limits[module]) {
            first = HIN_MIN(first, round->dropped[module]);
        }
    }
    return HIN_MAX(first, round->low);
}

/* Nothing of a day that is over is merged any more: what stands open of it is closed before it is
 * dropped in parts. */
static HIN_RESULT close_tail(struct hin_store *store, int64_t end, int64_t now_usec)
{
    struct hin_segment_row last;
    int64_t number = 0;
    bool any = false;
    HIN_TRY(hin_tail_row(store, &any, &last));
    if (!any || last.day >= end) {
        return hin_ok();
    }
    HIN_TRY(hin_tail_close(store, now_usec));
    HIN_TRY(hin_db_number(store, "last_event", &number));
    return hin_tail_end(store, number + 1); /* also where merging was not possible now */
}

static HIN_RESULT prepare_parts(struct hin_store *store, struct hin_retention_round *round,
                                int64_t now_usec)
{
    HIN_TRY(bring_marks(store, round->dropped));
    round->day = first_day(round);
    round->id = INT64_MIN;
    return round->day < round->high ? close_tail(store, round->high, now_usec) : hin_ok();
}

struct pass {
    struct hin_store *store;
    struct hin_retention_round *round;
    struct hin_retained *retained;
    struct dropping dropping;
    size_t steps, steps_max;
};

static bool is_spent(const struct pass *pass)
{
    return pass->steps_max > 0 && pass->steps >= pass->steps_max;
}

static HIN_RESULT look_at(struct pass *pass, const struct row *row)
{
    unsigned over = modules_before(pass->round->limits, row->day);
    unsigned done = modules_before(pass->round->dropped, row->day);
    if ((row->modules & ~over) == 0) {
        pass->steps++;
        pass->dropping.list[pass->dropping.count++] = *row;
        return pass->dropping.count == DROPS
                   ? drop_all(pass->store, &pass->dropping, pass->retained)
                   : hin_ok();
    }
    if ((row->modules & over & ~done) == 0) {
        return hin_ok();
    }
    if (row->damaged) {
        pass->retained->segments_kept++;
        return hin_ok();
    }
    pass->steps++;
    return make_anew(pass->store, row, over, pass->retained);
}

static HIN_RESULT look_at_rows(struct pass *pass, const struct rows *rows, bool parts)
{
    struct hin_retention_round *round = pass->round;
    for (size_t i = 0; i < rows->count && !is_spent(pass); i++) {
        const struct row *row = &rows->list[i];
        if (parts && row->day > round->day) {
            HIN_TRY(drop_all(pass->store, &pass->dropping, pass->retained));
            HIN_TRY(advance(pass->store, round, row->day));
        }
        HIN_TRY(look_at(pass, row));
        round->day = row->day;
        round->id = row->id + 1;
    }
    return drop_all(pass->store, &pass->dropping, pass->retained);
}

/* From where the round stands to the days before `end`, or until the steps are spent. */
static HIN_RESULT go_through(struct pass *pass, int64_t end, bool parts)
{
    struct hin_retention_round *round = pass->round;
    struct rows rows = {.count = ROWS};
    while (rows.count == ROWS && round->day < end && !is_spent(pass)) {
        HIN_TRY(read_rows(pass->store, round->day, round->id, end, &rows));
        HIN_TRY(look_at_rows(pass, &rows, parts));
    }
    if (is_spent(pass) || round->day >= end) {
        return hin_ok();
    }
    if (parts) {
        HIN_TRY(advance(pass->store, round, end));
    }
    round->day = end;
    return hin_ok();
}

static HIN_RESULT go_on(struct pass *pass, int64_t now_usec)
{
    struct hin_retention_round *round = pass->round;
    struct hin_store *store = pass->store;
    if (round->day < round->low) {
        HIN_TRY(go_through(pass, round->low, false));
    }
    if (is_spent(pass) || round->low == round->high) {
        return hin_ok();
    }
    if (!round->parts) {
        HIN_TRY(hin_db_begin(store));
        HIN_TRY(hin_db_end(store, prepare_parts(store, round, now_usec)));
        round->parts = true;
    }
    return go_through(pass, round->high, true);
}

HIN_RESULT hin_store_retain(struct hin_store *store, int64_t now_usec,
                            const struct hin_retention *keep, size_t steps_max,
                            struct hin_retention_round *round, struct hin_retained *ret_retained)
{
    struct hin_retained retained = {0};
    struct hin_retention_round fresh = {.day = INT64_MIN, .id = INT64_MIN, .begun = true};
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(!store->in_transaction, CONFLICT);
    set_limits(&fresh, now_usec, keep);
    bool same = round->begun;
    for (unsigned module = 0; module < HIN_MODULE_COUNT; module++) {
        same = same && round->limits[module] == fresh.limits[module];
    }
    if (!same) {
        *round = fresh;
    }
    struct pass pass = {
        .store = store, .round = round, .retained = &retained, .steps_max = steps_max};
    if (round->high > INT64_MIN) { /* else all is kept for ever */
        HIN_TRY(go_on(&pass, now_usec));
    }
    retained.more = is_spent(&pass) && round->day < round->high;
    if (!retained.more) {
        *round = (struct hin_retention_round){0};
    }
    *ret_retained = retained;
    return hin_ok();
}

/* --- what would go --- */

struct forecast {
    struct hin_store *store;
    struct hin_retention_round round; /* limits and marks */
    int64_t last_day;
    struct hin_retention_due due;
};

static void note_due(struct forecast *forecast, const struct row *row)
{
    struct hin_retention_due *due = &forecast->due;
    unsigned over = modules_before(forecast->round.limits, row->day);
    unsigned done = modules_before(forecast->round.dropped, row->day);
    bool whole = (row->modules & ~over) == 0;
    if (!whole && (row->modules & over & ~done) == 0) {
        return;
    }
    due->first_day = due->segments == 0 ? row->day : due->first_day;
    due->days += due->segments == 0 || row->day != forecast->last_day;
    forecast->last_day = row->day;
    due->segments++;
    due->events += (uint64_t)row->count;
    due->events_whole += whole ? (uint64_t)row->count : 0;
}

static HIN_RESULT note_days(struct forecast *forecast, int64_t day, int64_t end)
{
    struct rows rows = {.count = ROWS};
    int64_t id = INT64_MIN;
    while (rows.count == ROWS && day < end) {
        HIN_TRY(read_rows(forecast->store, day, id, end, &rows));
        for (size_t i = 0; i < rows.count; i++) {
            note_due(forecast, &rows.list[i]);
            day = rows.list[i].day;
            id = rows.list[i].id + 1;
        }
    }
    return hin_ok();
}

HIN_RESULT hin_store_retention_due(struct hin_store *store, int64_t now_usec,
                                   const struct hin_retention *keep,
                                   struct hin_retention_due *ret_due)
{
    struct forecast forecast = {.store = store};
    HIN_TRY(hin_store_ready(store));
    set_limits(&forecast.round, now_usec, keep);
    HIN_TRY(read_marks(store, forecast.round.dropped));
    HIN_TRY(note_days(&forecast, INT64_MIN, forecast.round.low));
    HIN_TRY(note_days(&forecast, first_day(&forecast.round), forecast.round.high));
    *ret_due = forecast.due;
    return hin_ok();
}

static HIN_RESULT ask_day(struct hin_store *store, enum hin_sql sql, int64_t *ret_day)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_db_use(store, sql, &statement));
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    *ret_day = hin_db_int(statement, 0);
    hin_db_reset(statement);
    return hin_ok();
}

HIN_RESULT hin_store_retention_days(struct hin_store *store, int64_t *ret_first, int64_t *ret_last)
{
    int64_t first = 0, last = 0;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(ask_day(store, HIN_SQL_OLDEST_DAY, &first));
    HIN_TRY(ask_day(store, HIN_SQL_NEWEST_DAY, &last));
    *ret_first = first;
    *ret_last = last;
    return hin_ok();
}
