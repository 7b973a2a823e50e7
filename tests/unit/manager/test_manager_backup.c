/* Backups over time: the clock is an argument, so months pass in seconds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "event/codec.h"
#include "event/state.h"
#include "harness.h"
#include "house.h"
#include "keys/ring.h"
#include "manager/audit.h"
#include "manager/backup/cycle.h"
#include "manager/backup/cycle_internal.h"
#include "manager/backup/rehearsals.h"
#include "store/audit.h"
#include "store/events.h"

TEST(test_manager_backup__one_a_day_and_none_beyond_35_days)
{
    int64_t failures = 0;
    HOUSE(house, "days");
    for (int day = 0; day < 45; day++) {
        CHECK_OK(house_live(&house, "day"));
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_due(&house.cycle)); /* not twice */
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        struct house_tally tally = house_tally(&house);
        CHECK_INT(tally.states[HIN_BACKUP_DONE], HIN_MIN(day + 1, HOUSE_KEEP_DAYS));
        CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], HIN_MAX(day + 1 - HOUSE_KEEP_DAYS, 0));
        CHECK_INT(tally.left, 0);
        CHECK_INT(house_manifests(&house, 0), HIN_MIN(day + 1, HOUSE_KEEP_DAYS));
        CHECK(tally.oldest_usec > house.wall_usec - HOUSE_KEEP_DAYS * HIN_DAY_USEC);
        house_pass(&house, HIN_DAY_USEC);
    }
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, -1, &failures));
    CHECK_INT(failures, 0);
    CHECK_INT(house_manifests(&house, 1), HOUSE_KEEP_DAYS);
}

TEST(test_manager_backup__a_clock_that_jumps_destroys_nothing)
{
    HOUSE(house, "jump");
    for (int day = 0; day < 5; day++) {
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        house_pass(&house, HIN_DAY_USEC);
    }
    int64_t right_usec = house.wall_usec;
    house.wall_usec += 1000 * HIN_DAY_USEC; /* the wall clock alone */
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 5);
    house.wall_usec = right_usec - 1000 * HIN_DAY_USEC;
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_OK(hin_backup_cycle_due(&house.cycle)); /* backups are made all the same */
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 6);
    house.wall_usec = right_usec;
    house_pass(&house, 36 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 1);
}

TEST(test_manager_backup__the_last_one_stays_when_no_other_is_made)
{
    HOUSE(house, "last");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    house_pass(&house, 90 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 1);
}

/* One place away: the other has the backup, the key of an old one goes all the same, and what lies
 * at the place goes when it is back. */
TEST(test_manager_backup__a_place_that_is_away_is_caught_up_with)
{
    HOUSE(house, "away");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    struct hin_depot *away = house.cycle.depots[1];
    house.cycle.depots[1] = NULL;
    house_pass(&house, 20 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    struct house_tally tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 2);
    CHECK_INT(tally.there, 3);
    house_pass(&house, 20 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], 1);
    CHECK_INT(tally.left, 1);
    house.cycle.depots[1] = away;
    CHECK_INT(house_manifests(&house, 1), 1);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(house_tally(&house).left, 0);
    CHECK_INT(house_manifests(&house, 1), 0);
}

TEST(test_manager_backup__told_to_stop_it_goes_on_after_the_next_start)
{
    HOUSE(house, "stop");
    int stops = 0;
    for (int i = 1; i < 40; i++) {
        house.stop_after = i;
        struct hin_result due = hin_backup_cycle_due(&house.cycle);
        house.stop_after = 0;
        CHECK(hin_is_ok(due) || due.code == HIN_CLOSED);
        stops += due.code == HIN_CLOSED;
        house_end(&house);
        CHECK_OK(house_begin(&house));
        CHECK_INT(house_tally(&house).states[HIN_BACKUP_RUNNING], 0);
        house_pass(&house, 2 * HIN_HOUR_USEC);
        if (hin_is_ok(due)) {
            break;
        }
    }
    CHECK(stops >= 3);
    struct house_tally tally = house_tally(&house);
    CHECK(tally.states[HIN_BACKUP_DONE] >= 1);
    int64_t failures = 0;
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
}

TEST(test_manager_backup__the_catalogue_is_made_anew_from_what_lies_there)
{
    HOUSE(house, "catalogue");
    for (int i = 0; i < 3; i++) {
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        house_pass(&house, HIN_DAY_USEC);
    }
    for (int64_t id = 1; id <= 3; id++) {
        CHECK_OK(hin_store_delete(house.own.store, HIN_STORE_BACKUPS, id, 0));
    }
    house_end(&house);
    CHECK_OK(house_begin(&house));
    struct house_tally tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 3);
    CHECK_INT(tally.there, 6);
    house_pass(&house, 40 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle)); /* the time begins at the first look */
    house_pass(&house, HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 1);
}

/* As a restore under other keys leaves them (decision 40): what was made with the former's, whose
 * versions the new ones' count anew from. */
static HIN_RESULT leave_keys(struct house *house, int64_t count)
{
    HIN_TRY(hin_vault_backup_shred(house->vault, hin_view_from_text(house_id)));
    for (int64_t id = 1; id <= count; id++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
        struct hin_store_document document;
        struct hin_backup_record record;
        HIN_TRY(hin_store_get(house->own.store, HIN_STORE_BACKUPS, id, &buf, &document));
        HIN_TRY(hin_backup_record_read(id, document.bytes, &record));
        record.version = HIN_BACKUP_FORMER;
        if (id == count) { /* as that backup itself has it */
            record.state = HIN_BACKUP_RUNNING;
            record.place_count = 0;
        }
        HIN_TRY(hin_backup_record_write(house->own.store, &record, house->wall_usec));
    }
    return hin_ok();
}

TEST(test_manager_backup__those_made_with_other_keys_go_in_their_time_and_take_no_key_along)
{
    enum { BEFORE = 3, AFTER = HOUSE_KEEP_DAYS + BEFORE };
    int64_t failures = 0;
    HOUSE(house, "former");
    for (int day = 0; day < BEFORE; day++) {
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        house_pass(&house, HIN_DAY_USEC);
    }
    house.wall_usec -= HIN_DAY_USEC / 2; /* sooner than another would be due */
    house.monotonic_usec -= HIN_DAY_USEC / 2;
    house_end(&house);
    CHECK_OK(leave_keys(&house, BEFORE));
    CHECK_OK(house_begin(&house));
    for (int day = 0; day < AFTER; day++) {
        CHECK_OK(house_live(&house, "day"));
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        CHECK_OK(hin_backup_cycle_verify(&house.cycle, -1, &failures));
        CHECK_INT(failures, 0);
        CHECK_INT(house_manifests(&house, 0), house_tally(&house).states[HIN_BACKUP_DONE]);
        CHECK(house_manifests(&house, 0) >= HIN_MIN(day + 1 + BEFORE, HOUSE_KEEP_DAYS));
        house_pass(&house, HIN_DAY_USEC);
    }
    struct house_tally tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], HOUSE_KEEP_DAYS);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], AFTER + BEFORE - HOUSE_KEEP_DAYS);
    CHECK_INT(tally.left, 0);
    struct hin_key_provider_status status;
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(house_id), &status));
    CHECK_INT(status.version_count, HOUSE_KEEP_DAYS); /* each living one's key, and no other */
}

TEST(test_manager_backup__renewed_after_an_erasure)
{
    bool renewed = true, left = true, any = false;
    HOUSE(house, "renew");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    house_pass(&house, HIN_HOUR_USEC);
    int64_t erased_usec = house.wall_usec;
    for (int i = 0; i < 2; i++) { /* ordered once */
        CHECK_OK(hin_backup_renewed(house.own.store, 0, erased_usec, house.wall_usec,
                                    HIN_MINUTE_USEC, &renewed, &left));
        CHECK(!renewed);
    }
    CHECK_OK(hin_backup_cycle_serve(&house.cycle, &any));
    CHECK(any);
    CHECK_OK(hin_backup_cycle_serve(&house.cycle, &any));
    CHECK(!any);
    CHECK_OK(hin_backup_renewed(house.own.store, 0, erased_usec, house.wall_usec, HIN_MINUTE_USEC,
                                &renewed, &left));
    CHECK(renewed && !left);
    struct house_tally tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 1);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], 1);
    CHECK_INT(house_manifests(&house, 0), 1);
}

/* What was destroyed just before is no backup of the new keys'. */
TEST(test_manager_backup__after_a_restore_under_other_keys_one_is_due_at_once)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    struct hin_backup_record record;
    int64_t failures = 0;
    HOUSE(house, "other-keys");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    house_pass(&house, HIN_HOUR_USEC);
    CHECK_OK(hin_backup_cycle_renew(&house.cycle, 0, &failures)); /* the first one is destroyed */
    house_end(&house);
    CHECK_OK(hin_vault_backup_shred(house.vault, hin_view_from_text(house_id)));
    CHECK_OK(hin_store_get(house.own.store, HIN_STORE_BACKUPS, 2, &buf, &document));
    CHECK_OK(hin_backup_record_read(2, document.bytes, &record));
    record.version = HIN_BACKUP_FORMER;
    CHECK_OK(hin_backup_record_write(house.own.store, &record, house.wall_usec));
    CHECK_OK(house_begin(&house));
    house_pass(&house, HIN_HOUR_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    struct house_tally tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 2);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], 1);
    CHECK_OK(hin_backup_cycle_due(&house.cycle)); /* not twice */
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 2);
}

/* ---- weekly restores ---- */

static HIN_RESULT add_events(struct house *house, int count)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_EVENT_MAX_BYTES};
    struct hin_arena arena;
    struct hin_event event;
    struct hin_store_committed committed;
    hin_arena_init(&arena, 1 << 20);
    hin_event_init_state(&event, &arena, house->wall_usec, HIN_STATE_MANAGER_STARTED,
                         HIN_VIEW("test"));
    struct hin_result done = hin_event_encode(&event, &bytes);
    struct hin_store_event stored[20];
    for (int i = 0; i < count; i++) {
        stored[i] = (struct hin_store_event){.time_usec = house->wall_usec + i,
                                             .class_uid = 6002,
                                             .severity_id = 1,
                                             .bytes = hin_buf_view(&bytes)};
    }
    if (hin_is_ok(done)) {
        done = hin_store_commit(house->own.store, stored, (size_t)count, NULL, 0, house->wall_usec,
                                &committed);
    }
    hin_arena_done(&arena);
    return done;
}

struct rehearsals {
    int good, failed;
    struct hin_rehearsal last;
    bool both; /* destinations */
};

static HIN_RESULT count_rehearsal(void *context, const struct hin_store_document *document)
{
    struct rehearsals *rehearsals = context;
    const char *before = rehearsals->last.destination;
    struct hin_rehearsal rehearsal;
    HIN_TRY(hin_rehearsal_read(document->id, document->bytes, &rehearsal));
    rehearsals->both |= before[0] != '\0' && strcmp(before, rehearsal.destination) != 0;
    *(rehearsal.good ? &rehearsals->good : &rehearsals->failed) += 1;
    rehearsals->last = rehearsal;
    return hin_ok();
}

static struct rehearsals rehearsals_of(struct house *house)
{
    struct rehearsals rehearsals = {0};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_IGNORE(hin_store_list(house->own.store, HIN_STORE_REHEARSALS, &all, count_rehearsal,
                              &rehearsals, &listed)); /* then the checks fail */
    return rehearsals;
}

static HIN_RESULT count_event(void *context, const struct hin_store_event *event)
{
    (void)event;
    (*(int *)context)++;
    return hin_ok();
}

/* Events of severity High. */
static int alerts_of(struct house *house)
{
    int alerts = 0;
    struct hin_store_report report;
    struct hin_store_filter filter = {.severity_mask = 1 << 4};
    struct hin_result found =
        hin_store_search(house->own.store, &filter, count_event, &alerts, &report);
    return hin_is_ok(found) ? alerts : -1;
}

static bool has_scratch(struct house *house)
{
    struct stat about;
    return fstatat(house->database, "scratch", &about, AT_SYMLINK_NOFOLLOW) == 0;
}

static HIN_RESULT live_a_day(struct house *house)
{
    HIN_TRY(add_events(house, 3));
    HIN_TRY(house_live(house, "day"));
    HIN_TRY(hin_backup_cycle_due(&house->cycle));
    HIN_TRY(hin_backup_cycle_ship(&house->cycle, true));
    HIN_TRY(hin_backup_cycle_rehearse_due(&house->cycle));
    HIN_TRY(hin_backup_cycle_rehearse_due(&house->cycle)); /* not twice */
    house_pass(house, HIN_DAY_USEC);
    return hin_ok();
}

TEST(test_manager_backup__each_week_a_backup_is_restored)
{
    HOUSE(house, "weeks");
    for (int day = 0; day < 15; day++) {
        CHECK_OK(live_a_day(&house));
        CHECK_INT(rehearsals_of(&house).good, day / 7);
        CHECK(!has_scratch(&house));
    }
    struct rehearsals rehearsals = rehearsals_of(&house);
    CHECK_INT(rehearsals.failed, 0);
    CHECK(rehearsals.both);
    CHECK_INT(rehearsals.last.events, 14 * 3 + 3);
    CHECK(rehearsals.last.entries > 30 && rehearsals.last.documents > 14);
    CHECK_INT(rehearsals.last.lost_usec, 0);
    CHECK_INT(alerts_of(&house), 0);
    struct hin_rehearsal last;
    CHECK_OK(hin_rehearsal_last(house.own.store, 0, true, &last));
    CHECK_INT(last.id, rehearsals.last.id);
    CHECK_CODE(hin_rehearsal_last(house.own.store, 7, false, &last), NOT_FOUND);
}

struct names {
    char list[512][HIN_DEPOT_NAME_MAX + 1];
    size_t count;
};

static HIN_RESULT note_object(void *context, const struct hin_depot_entry *entry)
{
    struct names *names = context;
    HIN_ENSURE(names->count < HIN_COUNT(names->list), LIMIT);
    if (strstr(entry->name, "/o/") != NULL) {
        snprintf(names->list[names->count++], sizeof(names->list[0]), "%s", entry->name);
    }
    return hin_ok();
}

/* One byte of each object. */
static HIN_RESULT break_objects(struct house *house, size_t at)
{
    struct names *names = calloc(1, sizeof(*names));
    struct hin_depot *depot = house->cycle.depots[at];
    HIN_ENSURE(names != NULL, NO_MEMORY);
    struct hin_result done = hin_depot_list(depot, "t/", note_object, names);
    for (size_t i = 0; hin_is_ok(done) && i < names->count; i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 8 << 20};
        done = hin_depot_get(depot, names->list[i], 0, bytes.max, &bytes);
        if (hin_is_ok(done)) {
            bytes.data[60] ^= 1;
            done = hin_depot_put(depot, names->list[i], hin_buf_view(&bytes), HIN_DEPOT_REPLACE);
        }
    }
    free(names);
    return done;
}

/* Each day, with an event of severity High, until it restores again; the other place waits. */
TEST(test_manager_backup__one_that_does_not_restore_is_told)
{
    HOUSE(house, "broken");
    for (int day = 0; day < 7; day++) {
        CHECK_OK(live_a_day(&house));
    }
    CHECK_OK(break_objects(&house, 0));
    CHECK_OK(hin_backup_cycle_rehearse_due(&house.cycle));
    struct rehearsals rehearsals = rehearsals_of(&house);
    CHECK_INT(rehearsals.failed, 1);
    CHECK(strcmp(rehearsals.last.destination, "place-0") == 0);
    CHECK(strstr(rehearsals.last.error, "/o/") != NULL);
    CHECK_INT(alerts_of(&house), 1);
    CHECK(!has_scratch(&house));
    house_pass(&house, HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_rehearse_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_rehearse_due(&house.cycle));
    CHECK_INT(rehearsals_of(&house).failed, 2);
    struct hin_depot *away = house.cycle.depots[0];
    house.cycle.depots[0] = NULL;
    house_pass(&house, HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_rehearse_due(&house.cycle));
    house.cycle.depots[0] = away;
    CHECK_INT(rehearsals_of(&house).failed, 3);
    CHECK_INT(alerts_of(&house), 3);
}

/* ---- troubles are told, once, and when they are over ---- */

struct told {
    int begun, over; /* events of this state, and of troubles that are over */
    enum hin_state_code state;
    char status[40]; /* of the last one */
};

static HIN_RESULT count_told(void *context, const struct hin_store_event *stored)
{
    struct told *told = context;
    struct hin_arena arena;
    struct hin_event event;
    hin_arena_init(&arena, 1 << 20);
    struct hin_result read = hin_event_decode(stored->bytes, &arena, &event);
    if (hin_is_ok(read)) {
        int64_t state = hin_event_integer(&event, HIN_FIELD_STATE);
        told->begun += state == (int64_t)told->state;
        told->over += state == HIN_STATE_BACKUP_OVER;
        snprintf(told->status, sizeof(told->status), "%.*s",
                 HIN_ARGS(hin_event_text(&event, HIN_FIELD_STATUS)));
    }
    hin_arena_done(&arena);
    return read;
}

static struct told told_of(struct house *house, enum hin_state_code state)
{
    struct told told = {.state = state};
    struct hin_store_report report;
    struct hin_store_filter filter = {.severity_mask = 1 << 4 | 1 << 1};
    struct hin_result found =
        hin_store_search(house->own.store, &filter, count_told, &told, &report);
    return hin_is_ok(found) ? told : (struct told){.begun = -1, .over = -1};
}

#define CHECK_TOLD(house, of, times_begun, times_over)                                             \
    do {                                                                                           \
        struct told told_now = told_of(house, HIN_STATE_BACKUP_##of);                              \
        CHECK_INT(told_now.begun, times_begun);                                                    \
        CHECK_INT(told_now.over, times_over);                                                      \
    } while (0)

/* Some minutes of the process, a round every half minute. */
static HIN_RESULT go_on_for(struct house *house, int64_t usec)
{
    for (int64_t passed_usec = 0; passed_usec < usec; passed_usec += 30 * HIN_SEC_USEC) {
        bool more = true;
        HIN_TRY(hin_backup_cycle_due(&house->cycle));
        HIN_TRY(hin_backup_cycle_ship(&house->cycle, false));
        while (more) {
            HIN_TRY(hin_backup_cycle_look_back(&house->cycle, &more));
        }
        HIN_TRY(hin_backup_cycle_alert(&house->cycle));
        house_pass(house, 30 * HIN_SEC_USEC);
    }
    return hin_ok();
}

static int place_state(struct house *house, const char *name)
{
    struct hin_backup_record *records = NULL;
    size_t count = 0;
    int state = -1;
    if (hin_is_ok(hin_cycle_records(&house->cycle, 0, &records, &count)) && count > 0) {
        struct hin_backup_place *place = hin_backup_place_of(&records[count - 1], name);
        state = place != NULL ? (int)place->state : -1;
    }
    free(records);
    return state;
}

TEST(test_manager_backup__a_folder_that_is_removed_is_told_and_caught_up_with)
{
    HOUSE(house, "removed");
    CHECK_OK(add_events(&house, 3));
    CHECK_OK(go_on_for(&house, 5 * HIN_MINUTE_USEC));
    CHECK_TOLD(&house, PLACE_FAILS, 0, 0);
    CHECK_OK(hin_directory_remove(house.depot[1]));
    CHECK_OK(add_events(&house, 3));
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, PLACE_FAILS, 1, 0);
    CHECK(strcmp(told_of(&house, HIN_STATE_BACKUP_PLACE_FAILS).status, "destination") == 0);
    CHECK_TOLD(&house, OVERDUE, 0, 0); /* the other place has all of it */
    CHECK(house.cycle.subjects->stands[0].safe_usec > house.monotonic_usec - 3 * HIN_MINUTE_USEC);
    /* the process ends, since it cannot have another folder, and is started again and again */
    house_end(&house);
    CHECK_OK(hin_directory_make(house.depot[1], 0700));
    CHECK_OK(house_begin(&house));
    CHECK_TOLD(&house, PLACE_FAILS, 1, 0);
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, PLACE_FAILS, 1, 1);
    CHECK_INT(place_state(&house, "place-1"), HIN_BACKUP_THERE); /* one out of turn */
    CHECK(house_manifests(&house, 1) >= 1);
    CHECK(house_tally(&house).states[HIN_BACKUP_DONE] <= 3);
}

TEST(test_manager_backup__what_is_shipped_nowhere_is_told)
{
    HOUSE(house, "nowhere");
    CHECK_OK(go_on_for(&house, 5 * HIN_MINUTE_USEC));
    struct hin_depot *away[2] = {house.cycle.depots[0], house.cycle.depots[1]};
    house.cycle.depots[0] = house.cycle.depots[1] = NULL;
    CHECK_OK(add_events(&house, 3));
    CHECK_OK(go_on_for(&house, 5 * HIN_MINUTE_USEC));
    CHECK_TOLD(&house, PLACE_FAILS, 2, 0);
    CHECK_TOLD(&house, OVERDUE, 1, 0);
    house.cycle.depots[0] = away[0];
    CHECK_OK(go_on_for(&house, 5 * HIN_MINUTE_USEC));
    CHECK_TOLD(&house, OVERDUE, 1, 2);
    house.cycle.depots[0] = NULL;
    CHECK_OK(go_on_for(&house, 25 * HIN_HOUR_USEC));
    /* a shipment, and a backup that failed; hours later that none was made */
    CHECK_TOLD(&house, OVERDUE, 3, 2);
    CHECK_OK(go_on_for(&house, 4 * HIN_HOUR_USEC));
    CHECK_TOLD(&house, OVERDUE, 4, 2);
    house.cycle.depots[0] = away[0];
    house.cycle.depots[1] = away[1];
    CHECK_OK(go_on_for(&house, 2 * HIN_HOUR_USEC));
    CHECK_TOLD(&house, OVERDUE, 4, 7);
}

static HIN_RESULT remove_objects(struct house *house, size_t at, size_t every)
{
    struct names *names = calloc(1, sizeof(*names));
    struct hin_depot *depot = house->cycle.depots[at];
    HIN_ENSURE(names != NULL, NO_MEMORY);
    struct hin_result done = hin_depot_list(depot, "t/", note_object, names);
    for (size_t i = 0; hin_is_ok(done) && i < names->count; i += every) {
        done = hin_depot_remove(depot, names->list[i]);
    }
    free(names);
    return done;
}

/* What lies there is read back each day, a seventh of the old: what was lost is found within a
 * week, told, mended by a backup that trusts nothing, and told to be over. */
TEST(test_manager_backup__a_place_that_loses_is_found_out_and_mended)
{
    int64_t failures = 0;
    HOUSE(house, "loses");
    for (int day = 0; day < 3; day++) {
        CHECK_OK(add_events(&house, 3));
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        house_pass(&house, HIN_DAY_USEC);
    }
    CHECK_TOLD(&house, LOST, 0, 0);
    CHECK_OK(remove_objects(&house, 1, 1));
    int day = 0;
    for (; day < HIN_BACKUP_LOOK_TURNS && told_of(&house, HIN_STATE_BACKUP_LOST).begun == 0;
         day++) {
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        house_pass(&house, HIN_DAY_USEC);
    }
    CHECK_INT(day, 1); /* all is lost: the first look sees it */
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, LOST, 1, 1);
    CHECK_TOLD(&house, PLACE_FAILS, 0, 1);
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, -1, &failures));
    CHECK_INT(failures, 0);
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, LOST, 1, 1);
    /* older backups lost theirs too: that was seen when all was read, and is no news */
    for (day = 0; day < HIN_BACKUP_LOOK_TURNS; day++) {
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        house_pass(&house, HIN_DAY_USEC);
    }
    CHECK_TOLD(&house, LOST, 1, 1);
}

TEST(test_manager_backup__one_object_that_is_altered_is_found_within_a_week)
{
    HOUSE(house, "altered");
    for (int day = 0; day < 3; day++) {
        CHECK_OK(add_events(&house, 3));
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        house_pass(&house, HIN_DAY_USEC);
    }
    /* the oldest segment: nothing new about it */
    const struct hin_backup_chain *chain = &house.cycle.subjects->chains[0];
    CHECK(chain->loaded && chain->base.segment_count > 0);
    char path[HIN_DEPOT_NAME_MAX + 1];
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 8 << 20};
    hin_backup_object_path(house_id, chain->base.segments[0].object.name, path);
    CHECK_OK(hin_depot_get(house.cycle.depots[0], path, 0, bytes.max, &bytes));
    CHECK_OK(hin_depot_put(house.cycle.depots[0], path,
                           hin_view_sub(hin_buf_view(&bytes), 0, bytes.size - 1),
                           HIN_DEPOT_REPLACE));
    int day = 0;
    for (; day < HIN_BACKUP_LOOK_TURNS && told_of(&house, HIN_STATE_BACKUP_LOST).begun == 0;
         day++) {
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        house_pass(&house, HIN_DAY_USEC);
    }
    CHECK_TOLD(&house, LOST, 1, 0);
    CHECK(day <= HIN_BACKUP_LOOK_TURNS);
    const struct hin_backup_look *look = &house.cycle.subjects->stands[0].look;
    CHECK(look->lost_usec != 0 && strstr(look->text, path) != NULL);
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, LOST, 1, 1);
}

TEST(test_manager_backup__a_clock_that_holds_destruction_back_is_told)
{
    HOUSE(house, "held");
    CHECK_OK(go_on_for(&house, HIN_MINUTE_USEC));
    int64_t right_usec = house.wall_usec;
    house.wall_usec += 40 * HIN_DAY_USEC;
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_OK(hin_backup_cycle_alert(&house.cycle));
    CHECK_OK(hin_backup_cycle_alert(&house.cycle));
    CHECK_TOLD(&house, OVERDUE, 1, 0);
    CHECK(strcmp(told_of(&house, HIN_STATE_BACKUP_OVERDUE).status, "clock") == 0);
    house.wall_usec = right_usec;
    house_pass(&house, HIN_HOUR_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_OK(hin_backup_cycle_alert(&house.cycle));
    CHECK_TOLD(&house, OVERDUE, 1, 1);
}

TEST(test_manager_backup__a_year_without_a_drill_is_told)
{
    HOUSE(house, "year");
    house.cycle.settings.every_hours = 24 * 7;
    for (int week = 0; week < 52; week++) {
        CHECK_OK(go_on_for(&house, HIN_MINUTE_USEC));
        house_pass(&house, 7 * HIN_DAY_USEC - HIN_MINUTE_USEC);
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    }
    CHECK_TOLD(&house, OVERDUE, 0, 0);
    house_pass(&house, 2 * HIN_DAY_USEC);
    CHECK_OK(go_on_for(&house, 30 * HIN_MINUTE_USEC));
    CHECK_TOLD(&house, OVERDUE, 1, 0);
    CHECK(strcmp(told_of(&house, HIN_STATE_BACKUP_OVERDUE).status, "drill") == 0);
    struct hin_drill drill = {.state = HIN_DRILL_GOOD,
                              .begun_usec = house.wall_usec - HIN_HOUR_USEC,
                              .signed_usec = house.wall_usec};
    snprintf(drill.person, sizeof(drill.person), "Ada Kurosawa");
    CHECK_OK(hin_drill_write(house.own.store, &drill, HIN_VIEW("{}"), house.wall_usec));
    CHECK_OK(go_on_for(&house, 30 * HIN_MINUTE_USEC));
    CHECK_TOLD(&house, OVERDUE, 1, 1);
}

static HIN_RESULT erase_third(void *context, const struct hin_store_event *event,
                              enum hin_store_verdict *ret_verdict,
                              struct hin_store_event *replacement)
{
    (void)context;
    (void)replacement;
    *ret_verdict = event->id == 3 ? HIN_STORE_ERASE : HIN_STORE_KEEP;
    return hin_ok();
}

TEST(test_manager_backup__what_went_since_needs_a_reason)
{
    int64_t failures = 0;
    struct hin_store_rewritten rewritten;
    struct hin_store_rewrite rewrite = {.judge = erase_third};
    HOUSE(house, "reason");
    CHECK_OK(add_events(&house, 5));
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_store_rewrite(house.own.store, &rewrite, &rewritten));
    CHECK_INT(rewritten.events_erased, 1);
    CHECK_OK(hin_backup_cycle_rehearse(&house.cycle, 0, &failures));
    CHECK_INT(failures, 1);
    CHECK(strstr(rehearsals_of(&house).last.error, "event 3") != NULL);
    CHECK_OK(house_live(&house, "person.erased"));
    CHECK_OK(hin_backup_cycle_rehearse(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
    CHECK_INT(rehearsals_of(&house).last.gone, 1);
    CHECK_INT(rehearsals_of(&house).last.events, 4);
}

/* What came after it is as old as it is, however quiet it was before. */
TEST(test_manager_backup__what_would_be_lost)
{
    int64_t failures = 0;
    HOUSE(house, "lost");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_ship(&house.cycle, true));
    house.cycle.settings.ship_seconds = 0; /* else it ships while it restores */
    house_pass(&house, HIN_HOUR_USEC);
    CHECK_OK(house_live(&house, "something"));
    house_pass(&house, 40 * HIN_SEC_USEC);
    CHECK_OK(hin_backup_cycle_rehearse(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
    CHECK_INT(rehearsals_of(&house).last.lost_usec, 40 * HIN_SEC_USEC);
}

TEST(test_manager_backup__a_restore_that_is_cut_off_leaves_nothing)
{
    int64_t failures = 0;
    int stops = 0;
    HOUSE(house, "cut");
    CHECK_OK(add_events(&house, 20));
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    for (int i = 1; i < 900; i += 9) {
        house.stop_after = i;
        struct hin_result done = hin_backup_cycle_rehearse(&house.cycle, 0, &failures);
        house.stop_after = 0;
        CHECK(hin_is_ok(done) || done.code == HIN_CLOSED);
        CHECK(!has_scratch(&house));
        stops += done.code == HIN_CLOSED;
        if (hin_is_ok(done)) {
            break;
        }
    }
    CHECK(stops >= 5);
    CHECK_INT(failures, 0);
    CHECK_INT(rehearsals_of(&house).good, 1);             /* the others made no record */
    CHECK(mkdirat(house.database, "scratch", 0700) == 0); /* killed, so that nobody cleared it */
    int fd = openat(house.database, "scratch/left.db", O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    hin_fd_close(&fd);
    house_end(&house);
    CHECK_OK(house_begin(&house));
    CHECK(!has_scratch(&house));
}

/* ---- drills ---- */

static HIN_RESULT hand_in(struct house *house, int64_t took_usec, uint8_t flip, int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_drill_tenant tenant = {.restored = true, .verified = true};
    struct hin_drill_report report = {.begun_usec = house->wall_usec - took_usec,
                                      .took_usec = took_usec,
                                      .host = "elsewhere",
                                      .from = "file:///somewhere",
                                      .tenants = &tenant,
                                      .tenant_count = 1};
    struct hin_drill drill = {.state = HIN_DRILL_HANDED_IN,
                              .begun_usec = report.begun_usec,
                              .took_usec = took_usec,
                              .handed_usec = house->wall_usec};
    struct hin_store_position position;
    snprintf(tenant.uuid, sizeof(tenant.uuid), "%s", house_id);
    tenant.at_usec = report.begun_usec;
    HIN_TRY(hin_store_audit_head(house->own.store, &tenant.last_audit, tenant.audit_hash));
    HIN_TRY(hin_store_position(house->own.store, &position));
    tenant.last_event = position.last_event_id;
    tenant.audit_hash[0] ^= flip;
    HIN_TRY(hin_drill_report_write(&report, &text));
    HIN_TRY(hin_drill_write(house->own.store, &drill, hin_buf_view(&text), house->wall_usec));
    *ret_id = drill.id;
    return hin_ok();
}

static HIN_RESULT judged(struct house *house, int64_t id, struct hin_drill *ret_drill)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    bool any = false;
    HIN_TRY(hin_backup_cycle_judge(&house->cycle, &any));
    HIN_ENSURE(any, NOT_FOUND);
    HIN_TRY(hin_store_get(house->own.store, HIN_STORE_DRILLS, id, &text, &document));
    return hin_drill_read(id, document.bytes, ret_drill);
}

TEST(test_manager_backup__a_drill_counts_when_it_is_good_and_signed_for_a_year)
{
    int64_t id = 0;
    char why[96];
    struct hin_drill drill, last;
    HOUSE(house, "drill");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    house_pass(&house, HIN_DAY_USEC);
    CHECK_OK(hand_in(&house, HIN_MINUTE_USEC, 0, &id));
    CHECK_OK(judged(&house, id, &drill));
    CHECK_INT(drill.state, HIN_DRILL_GOOD);
    CHECK_INT(drill.lost_usec, 0);
    CHECK(!hin_drill_counts(&drill, house.wall_usec, why) && strstr(why, "signed") != NULL);
    CHECK_CODE(hin_drill_last(house.own.store, house.wall_usec, &last), NOT_FOUND);
    drill.signed_usec = house.wall_usec;
    CHECK_OK(hin_drill_write(house.own.store, &drill, HIN_VIEW("{}"), house.wall_usec));
    CHECK_OK(hin_drill_last(house.own.store, house.wall_usec, &last));
    CHECK_INT(last.id, id);
    house_pass(&house, 364 * HIN_DAY_USEC);
    CHECK(hin_drill_counts(&drill, house.wall_usec, why));
    house_pass(&house, HIN_DAY_USEC);
    CHECK(!hin_drill_counts(&drill, house.wall_usec, why) && strstr(why, "year") != NULL);
    CHECK_CODE(hin_drill_last(house.own.store, house.wall_usec, &last), NOT_FOUND);
}

TEST(test_manager_backup__a_drill_is_judged_by_what_is_here)
{
    int64_t id = 0;
    struct hin_drill drill;
    HOUSE(house, "judged");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    house_pass(&house, HIN_DAY_USEC);
    CHECK_OK(hand_in(&house, 2 * HIN_HOUR_USEC, 0, &id)); /* too slow */
    CHECK_OK(judged(&house, id, &drill));
    CHECK_INT(drill.state, HIN_DRILL_FAILED);
    CHECK(strstr(drill.text, "7200 s") != NULL);
    CHECK_OK(hand_in(&house, HIN_MINUTE_USEC, 1, &id)); /* another installation's */
    CHECK_OK(judged(&house, id, &drill));
    CHECK_INT(drill.state, HIN_DRILL_FAILED);
    CHECK(strstr(drill.text, "not the one of this installation") != NULL);
    CHECK_CODE(judged(&house, id, &drill), NOT_FOUND); /* each is judged once */
}
