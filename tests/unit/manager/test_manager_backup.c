/* Backups over time: the clock is an argument, so months pass in seconds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "damaged.h"
#include "event/codec.h"
#include "event/state.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/audit.h"
#include "manager/backup/cycle.h"
#include "manager/backup/cycle_internal.h"
#include "manager/backup/rehearsals.h"
#include "store/audit.h"
#include "store/events.h"

static const char own_id[] = "11111111-2222-4333-8444-555555555555";
enum { KEEP_DAYS = 35 };

struct house {
    char folder[300], keyring[320], depot[2][340];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local, all;
    int64_t wall_usec, monotonic_usec;
    struct hin_clock clock;
    struct hin_tenant own;
    struct hin_backup_cycle cycle;
    int stop_after; /* turns until the process is told to stop; 0: never */
};

static int64_t wall_of(void *context)
{
    return ((const struct house *)context)->wall_usec;
}

static int64_t monotonic_of(void *context)
{
    return ((const struct house *)context)->monotonic_usec;
}

static struct hin_result turn(void *context)
{
    struct house *house = context;
    return house->stop_after > 0 && --house->stop_after == 0 ? hin_fail(HIN_CLOSED) : hin_ok();
}

static void rest(void *context, int64_t usec)
{
    ((struct house *)context)->monotonic_usec += usec;
}

static HIN_RESULT build_keys(struct house *house)
{
    HIN_TRY(hin_ring_create(AT_FDCWD, house->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&house->ring, AT_FDCWD, house->keyring, NULL, NULL));
    struct hin_vault_options options = {
        .provider = hin_ring_provider(house->ring),
        .storage = hin_vault_storage_folder(&house->vault_folder),
        .clock = &house->clock,
        .own = own_id,
    };
    HIN_TRY(hin_vault_create(&house->vault, &options, "test"));
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(own_id)));
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_BACKUP};
    house->all = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_ALL};
    return hin_ok();
}

/* The process starts. */
static HIN_RESULT begin(struct house *house)
{
    struct hin_backup_cycle *cycle = &house->cycle;
    *cycle = (struct hin_backup_cycle){.own = &house->own,
                                       .keys = hin_keys_carrier_local(&house->local),
                                       .place = {house->database, NULL},
                                       .clock = &house->clock,
                                       .turn = turn,
                                       .pause = rest,
                                       .context = house};
    hin_backup_settings_default(&cycle->settings);
    for (size_t i = 0; i < 2; i++) {
        struct hin_backup_destination *at = &cycle->settings.destinations[cycle->settings.count++];
        snprintf(at->name, sizeof(at->name), "place-%zu", i);
        snprintf(at->url, sizeof(at->url), "file://%s", house->depot[i]);
        struct hin_depot_options options = {.url = at->url, .directory = -1};
        HIN_TRY(hin_depot_open(&cycle->depots[i], &options, NULL));
    }
    return hin_backup_cycle_begin(cycle);
}

static void end(struct house *house)
{
    hin_backup_cycle_end(&house->cycle);
    for (size_t i = 0; i < 2; i++) {
        hin_depot_close(house->cycle.depots[i]);
        house->cycle.depots[i] = NULL;
    }
}

static HIN_RESULT build(struct house *house, const char *name)
{
    char path[340];
    struct hin_error error = {0};
    house->wall_usec = hin_clock_wall_usec(hin_clock_system());
    house->monotonic_usec = HIN_HOUR_USEC;
    house->clock = (struct hin_clock){wall_of, monotonic_of, house};
    snprintf(house->folder, sizeof(house->folder), "%s/%s", test_folder(), name);
    snprintf(house->keyring, sizeof(house->keyring), "%s.keyring", house->folder);
    for (size_t i = 0; i < 2; i++) {
        snprintf(house->depot[i], sizeof(house->depot[i]), "%s/depot-%zu", house->folder, i);
        HIN_TRY(hin_directory_make(house->depot[i], 0700));
    }
    snprintf(path, sizeof(path), "%s/db", house->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &house->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, house->folder, O_RDONLY | O_DIRECTORY, 0, &house->vault_folder));
    HIN_TRY(build_keys(house));
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&house->all);
    struct hin_tenant_place place = {house->database, NULL};
    HIN_TRY(hin_tenant_open(&house->own, &place, own_id, &carrier, HIN_VAULT_FOR_BACKUP,
                            &house->clock, true, &error));
    return begin(house);
}

static void demolish(struct house *house)
{
    end(house);
    hin_tenant_close(&house->own);
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_fd_close(&house->vault_folder);
    hin_fd_close(&house->database);
}

#define HOUSE(name, folder)                                                                        \
    HIN_CLEANUP(demolish) struct house name = {.vault_folder = -1, .database = -1};                \
    CHECK_OK(build(&name, folder))

static void pass(struct house *house, int64_t usec)
{
    house->wall_usec += usec;
    house->monotonic_usec += usec;
    HIN_IGNORE(hin_tenant_refresh(&house->own)); /* as the process does; else what seals fails */
}

static HIN_RESULT live(struct house *house, const char *what)
{
    struct hin_audit audit = {.action = what, .outcome = "done", .actor = HIN_VIEW("test")};
    return hin_audit_write(&house->own, &audit);
}

struct tally {
    int states[HIN_BACKUP_DESTROYED + 1];
    int left, removed, there;
    int64_t oldest_usec; /* of those that are done */
};

static HIN_RESULT count_one(void *context, const struct hin_store_document *document)
{
    struct tally *tally = context;
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    tally->states[record.state]++;
    for (size_t i = 0; i < record.place_count; i++) {
        tally->left += record.places[i].state == HIN_BACKUP_LEFT;
        tally->removed += record.places[i].state == HIN_BACKUP_REMOVED;
        tally->there += record.places[i].state == HIN_BACKUP_THERE;
    }
    if (record.state == HIN_BACKUP_DONE &&
        (tally->oldest_usec == 0 || record.begun_usec < tally->oldest_usec)) {
        tally->oldest_usec = record.begun_usec;
    }
    return hin_ok();
}

static struct tally tally_of(struct house *house)
{
    struct tally tally = {0};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_IGNORE(hin_store_list(house->own.store, HIN_STORE_BACKUPS, &all, count_one, &tally,
                              &listed)); /* then nothing is counted, and the checks fail */
    return tally;
}

static int manifests_at(struct house *house, size_t at)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    struct hin_result listed = hin_backup_list(house->cycle.depots[at], own_id, &list, &count);
    free(list);
    return hin_is_ok(listed) ? (int)count : -1;
}

TEST(test_manager_backup__one_a_day_and_none_beyond_35_days)
{
    int64_t failures = 0;
    HOUSE(house, "days");
    for (int day = 0; day < 45; day++) {
        CHECK_OK(live(&house, "day"));
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_due(&house.cycle)); /* not twice */
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        struct tally tally = tally_of(&house);
        CHECK_INT(tally.states[HIN_BACKUP_DONE], HIN_MIN(day + 1, KEEP_DAYS));
        CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], HIN_MAX(day + 1 - KEEP_DAYS, 0));
        CHECK_INT(tally.left, 0);
        CHECK_INT(manifests_at(&house, 0), HIN_MIN(day + 1, KEEP_DAYS));
        CHECK(tally.oldest_usec > house.wall_usec - KEEP_DAYS * HIN_DAY_USEC);
        pass(&house, HIN_DAY_USEC);
    }
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, -1, &failures));
    CHECK_INT(failures, 0);
    CHECK_INT(manifests_at(&house, 1), KEEP_DAYS);
}

TEST(test_manager_backup__a_clock_that_jumps_destroys_nothing)
{
    HOUSE(house, "jump");
    for (int day = 0; day < 5; day++) {
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        pass(&house, HIN_DAY_USEC);
    }
    int64_t right_usec = house.wall_usec;
    house.wall_usec += 1000 * HIN_DAY_USEC; /* the wall clock alone */
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DONE], 5);
    house.wall_usec = right_usec - 1000 * HIN_DAY_USEC;
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_OK(hin_backup_cycle_due(&house.cycle)); /* backups are made all the same */
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DONE], 6);
    house.wall_usec = right_usec;
    pass(&house, 36 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DONE], 1);
}

TEST(test_manager_backup__the_last_one_stays_when_no_other_is_made)
{
    HOUSE(house, "last");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    pass(&house, 90 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DONE], 1);
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
    pass(&house, 20 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    struct tally tally = tally_of(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 2);
    CHECK_INT(tally.there, 3);
    pass(&house, 20 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    tally = tally_of(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], 1);
    CHECK_INT(tally.left, 1);
    house.cycle.depots[1] = away;
    CHECK_INT(manifests_at(&house, 1), 1);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(tally_of(&house).left, 0);
    CHECK_INT(manifests_at(&house, 1), 0);
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
        end(&house);
        CHECK_OK(begin(&house));
        CHECK_INT(tally_of(&house).states[HIN_BACKUP_RUNNING], 0);
        pass(&house, 2 * HIN_HOUR_USEC);
        if (hin_is_ok(due)) {
            break;
        }
    }
    CHECK(stops >= 3);
    struct tally tally = tally_of(&house);
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
        pass(&house, HIN_DAY_USEC);
    }
    for (int64_t id = 1; id <= 3; id++) {
        CHECK_OK(hin_store_delete(house.own.store, HIN_STORE_BACKUPS, id, 0));
    }
    end(&house);
    CHECK_OK(begin(&house));
    struct tally tally = tally_of(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 3);
    CHECK_INT(tally.there, 6);
    pass(&house, 40 * HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle)); /* the time begins at the first look */
    pass(&house, HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DONE], 1);
}

/* As a restore under other keys leaves them (decision 40): what was made with the former's, whose
 * versions the new ones' count anew from. */
static HIN_RESULT leave_keys(struct house *house, int64_t count)
{
    HIN_TRY(hin_vault_backup_shred(house->vault, hin_view_from_text(own_id)));
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
    enum { BEFORE = 3, AFTER = KEEP_DAYS + BEFORE };
    int64_t failures = 0;
    HOUSE(house, "former");
    for (int day = 0; day < BEFORE; day++) {
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        pass(&house, HIN_DAY_USEC);
    }
    house.wall_usec -= HIN_DAY_USEC / 2; /* sooner than another would be due */
    house.monotonic_usec -= HIN_DAY_USEC / 2;
    end(&house);
    CHECK_OK(leave_keys(&house, BEFORE));
    CHECK_OK(begin(&house));
    for (int day = 0; day < AFTER; day++) {
        CHECK_OK(live(&house, "day"));
        CHECK_OK(hin_backup_cycle_due(&house.cycle));
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
        CHECK_OK(hin_backup_cycle_verify(&house.cycle, -1, &failures));
        CHECK_INT(failures, 0);
        CHECK_INT(manifests_at(&house, 0), tally_of(&house).states[HIN_BACKUP_DONE]);
        CHECK(manifests_at(&house, 0) >= HIN_MIN(day + 1 + BEFORE, KEEP_DAYS));
        pass(&house, HIN_DAY_USEC);
    }
    struct tally tally = tally_of(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], KEEP_DAYS);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], AFTER + BEFORE - KEEP_DAYS);
    CHECK_INT(tally.left, 0);
    struct hin_key_provider_status status;
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(own_id), &status));
    CHECK_INT(status.version_count, KEEP_DAYS); /* each living one's key, and no other */
}

TEST(test_manager_backup__renewed_after_an_erasure)
{
    bool renewed = true, left = true, any = false;
    HOUSE(house, "renew");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    pass(&house, HIN_HOUR_USEC);
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
    struct tally tally = tally_of(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 1);
    CHECK_INT(tally.states[HIN_BACKUP_DESTROYED], 1);
    CHECK_INT(manifests_at(&house, 0), 1);
}

/* ---- entries that are damaged ---- */

static HIN_RESULT record_of(struct house *house, int64_t id, struct hin_backup_record *ret_record)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_store_get(house->own.store, HIN_STORE_BACKUPS, id, &buf, &document));
    return hin_backup_record_read(id, document.bytes, ret_record);
}

/* The byte that says which version the sealed value is of; every other one is test_manager_flips's.
 */
static HIN_RESULT damage_entry(struct house *house, int64_t id)
{
    return damage_document(house->own.store, HIN_STORE_BACKUPS, id, 3, 2);
}

static HIN_RESULT days_pass(struct house *house, int days)
{
    for (int day = 0; day < days; day++) {
        HIN_TRY(live(house, "day"));
        HIN_TRY(hin_backup_cycle_due(&house->cycle));
        HIN_TRY(hin_backup_cycle_destroy(&house->cycle));
        pass(house, HIN_DAY_USEC);
    }
    return hin_ok();
}

static bool forgets(struct house *house, int64_t id, const char *text)
{
    struct hin_backup_order order = {.task = HIN_BACKUP_TASK_FORGET, .backup = id};
    int64_t failures = 0;
    house->cycle.order = &order;
    struct hin_result done = hin_backup_cycle_forget(&house->cycle, id, &failures);
    house->cycle.order = NULL;
    bool as_said = text == NULL ? failures == 0 : failures == 1 && strstr(order.text, text) != NULL;
    return hin_is_ok(done) && as_said;
}

TEST(test_manager_backup__an_entry_that_is_damaged_costs_itself_alone_and_is_mended)
{
    struct hin_backup_record before, after;
    int64_t failures = 0;
    HOUSE(house, "damaged");
    CHECK_OK(days_pass(&house, 3));
    CHECK_OK(record_of(&house, 2, &before));
    CHECK_OK(damage_entry(&house, 2));
    CHECK_CODE(record_of(&house, 2, &after), CORRUPT);
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DONE], 2); /* the others are listed */
    struct hin_depot *away[2] = {house.cycle.depots[0], house.cycle.depots[1]};
    house.cycle.depots[0] = NULL;
    CHECK_OK(hin_backup_cycle_due(&house.cycle)); /* another one, though a place is away */
    CHECK_OK(record_of(&house, 4, &after));
    CHECK_INT(after.state, HIN_BACKUP_DONE);
    house.cycle.depots[0] = away[0];
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, 0, &failures));
    CHECK_INT(failures, 1); /* it is told once */
    CHECK_OK(record_of(&house, 2, &after));
    CHECK(after.begun_usec == before.begun_usec && after.version == before.version);
    CHECK(after.state == HIN_BACKUP_DONE && after.last_audit == before.last_audit);
    CHECK_INT(after.places[0].state, HIN_BACKUP_THERE);
    CHECK_INT(after.places[1].state, HIN_BACKUP_THERE);
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
    house.cycle.settings.keep_days = 4;
    CHECK_OK(days_pass(&house, 5)); /* and goes in its time */
    CHECK_OK(record_of(&house, 2, &after));
    CHECK_INT(after.state, HIN_BACKUP_DESTROYED);
    CHECK_INT(after.places[1].state, HIN_BACKUP_REMOVED);
}

/* Objects of a place, whatever names them. */
static HIN_RESULT count_object(void *context, const struct hin_depot_entry *entry)
{
    *(int *)context += strstr(entry->name, "/o/") != NULL;
    return hin_ok();
}

static int objects_at(struct house *house, size_t at)
{
    int count = 0;
    struct hin_result listed = hin_depot_list(house->cycle.depots[at], "t/", count_object, &count);
    return hin_is_ok(listed) ? count : -1;
}

TEST(test_manager_backup__while_an_entry_is_damaged_nothing_is_swept)
{
    enum { KEEP = 4 };
    HOUSE(house, "unswept");
    house.cycle.settings.keep_days = KEEP;
    CHECK_OK(days_pass(&house, 2));
    house.cycle.mended_usec = house.monotonic_usec + 400 * HIN_DAY_USEC; /* not by itself */
    CHECK_OK(damage_entry(&house, 2));
    CHECK_OK(days_pass(&house, KEEP + 1));
    CHECK_INT(tally_of(&house).states[HIN_BACKUP_DESTROYED], 2); /* the first, and one since */
    CHECK_INT(manifests_at(&house, 0), KEEP + 1);                /* that of the damaged one too */
    int before = objects_at(&house, 0);
    house.cycle.mended_usec = 0;
    CHECK_OK(days_pass(&house, 2)); /* mended, and then its time is over */
    CHECK_INT(manifests_at(&house, 0), KEEP);
    CHECK(objects_at(&house, 0) < before);
    CHECK_INT(hin_cycle_damaged(&house.cycle, -1), 0);
}

TEST(test_manager_backup__mended_when_the_process_starts)
{
    struct hin_backup_record before, after;
    HOUSE(house, "start");
    CHECK_OK(days_pass(&house, 3));
    CHECK_OK(record_of(&house, 3, &before));
    CHECK_OK(damage_entry(&house, 3));
    CHECK_OK(damage_entry(&house, 1));
    end(&house);
    CHECK_OK(begin(&house));
    CHECK_OK(record_of(&house, 3, &after));
    CHECK(after.begun_usec == before.begun_usec && after.version == before.version);
    struct tally tally = tally_of(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 3); /* each under its number, none twice */
    CHECK_INT(tally.there, 6);
}

TEST(test_manager_backup__an_entry_that_nothing_mends_is_forgotten_with_its_key)
{
    struct hin_backup_record record;
    struct hin_key_provider_status status;
    HOUSE(house, "forget");
    CHECK_OK(days_pass(&house, 3));
    CHECK(forgets(&house, 2, "is not damaged"));
    CHECK(forgets(&house, 99, "is not there"));
    CHECK_OK(damage_entry(&house, 2));
    CHECK(forgets(&house, 2, "was made anew"));
    CHECK_OK(record_of(&house, 2, &record));
    for (size_t i = 0; i < 2; i++) { /* its manifests are gone */
        char path[HIN_DEPOT_NAME_MAX + 1];
        hin_backup_manifest_path(own_id, record.begun_usec, 0, path);
        CHECK_OK(hin_depot_remove(house.cycle.depots[i], path));
    }
    CHECK_OK(damage_entry(&house, 2));
    struct hin_depot *away = house.cycle.depots[1];
    house.cycle.depots[1] = NULL;
    CHECK(forgets(&house, 2, "does not answer"));
    house.cycle.depots[1] = away;
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(own_id), &status));
    CHECK_INT(status.version_count, 3);
    CHECK(forgets(&house, 2, NULL));
    CHECK_CODE(record_of(&house, 2, &record), NOT_FOUND);
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(own_id), &status));
    CHECK_INT(status.version_count, 2);
    CHECK_OK(damage_entry(&house, 3)); /* of the newest, whose key is in force */
    for (size_t i = 0; i < 2; i++) {
        char path[HIN_DEPOT_NAME_MAX + 1];
        struct hin_backup_listed *list = NULL;
        size_t count = 0;
        CHECK_OK(hin_backup_list(house.cycle.depots[i], own_id, &list, &count));
        hin_backup_manifest_path(own_id, list[count - 1].begun_usec, 0, path);
        free(list);
        CHECK_OK(hin_depot_remove(house.cycle.depots[i], path));
    }
    CHECK(forgets(&house, 3, NULL));
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(own_id), &status));
    CHECK_INT(status.version_count, 2); /* the first one's, and one that wraps nothing yet */
    CHECK_OK(record_of(&house, 1, &record));
    CHECK_INT(record.state, HIN_BACKUP_DONE);
    CHECK_OK(days_pass(&house, 2));
    int64_t failures = 0;
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
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
    HIN_TRY(live(house, "day"));
    HIN_TRY(hin_backup_cycle_due(&house->cycle));
    HIN_TRY(hin_backup_cycle_ship(&house->cycle, true));
    HIN_TRY(hin_backup_cycle_rehearse_due(&house->cycle));
    HIN_TRY(hin_backup_cycle_rehearse_due(&house->cycle)); /* not twice */
    pass(house, HIN_DAY_USEC);
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
    pass(&house, HIN_DAY_USEC);
    CHECK_OK(hin_backup_cycle_rehearse_due(&house.cycle));
    CHECK_OK(hin_backup_cycle_rehearse_due(&house.cycle));
    CHECK_INT(rehearsals_of(&house).failed, 2);
    struct hin_depot *away = house.cycle.depots[0];
    house.cycle.depots[0] = NULL;
    pass(&house, HIN_DAY_USEC);
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
        pass(house, 30 * HIN_SEC_USEC);
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
    end(&house);
    CHECK_OK(hin_directory_make(house.depot[1], 0700));
    CHECK_OK(begin(&house));
    CHECK_TOLD(&house, PLACE_FAILS, 1, 0);
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, PLACE_FAILS, 1, 1);
    CHECK_INT(place_state(&house, "place-1"), HIN_BACKUP_THERE); /* one out of turn */
    CHECK(manifests_at(&house, 1) >= 1);
    CHECK(tally_of(&house).states[HIN_BACKUP_DONE] <= 3);
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
        pass(&house, HIN_DAY_USEC);
    }
    CHECK_TOLD(&house, LOST, 0, 0);
    CHECK_OK(remove_objects(&house, 1, 1));
    int day = 0;
    for (; day < HIN_BACKUP_LOOK_TURNS && told_of(&house, HIN_STATE_BACKUP_LOST).begun == 0;
         day++) {
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        pass(&house, HIN_DAY_USEC);
    }
    CHECK_INT(day, 1); /* all is lost: the first look sees it */
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, LOST, 1, 1);
    CHECK_TOLD(&house, PLACE_FAILS, 0, 1);
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, -1, &failures));
    CHECK_INT(failures, 0);
    CHECK_OK(go_on_for(&house, HIN_HOUR_USEC));
    CHECK_TOLD(&house, LOST, 1, 1);
}

TEST(test_manager_backup__one_object_that_is_altered_is_found_within_a_week)
{
    HOUSE(house, "altered");
    for (int day = 0; day < 3; day++) {
        CHECK_OK(add_events(&house, 3));
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        pass(&house, HIN_DAY_USEC);
    }
    /* the oldest segment: nothing new about it */
    const struct hin_backup_chain *chain = &house.cycle.subjects->chains[0];
    CHECK(chain->loaded && chain->base.segment_count > 0);
    char path[HIN_DEPOT_NAME_MAX + 1];
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 8 << 20};
    hin_backup_object_path(own_id, chain->base.segments[0].object.name, path);
    CHECK_OK(hin_depot_get(house.cycle.depots[0], path, 0, bytes.max, &bytes));
    CHECK_OK(hin_depot_put(house.cycle.depots[0], path,
                           hin_view_sub(hin_buf_view(&bytes), 0, bytes.size - 1),
                           HIN_DEPOT_REPLACE));
    int day = 0;
    for (; day < HIN_BACKUP_LOOK_TURNS && told_of(&house, HIN_STATE_BACKUP_LOST).begun == 0;
         day++) {
        CHECK_OK(go_on_for(&house, 2 * HIN_MINUTE_USEC));
        pass(&house, HIN_DAY_USEC);
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
    pass(&house, HIN_HOUR_USEC);
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
        pass(&house, 7 * HIN_DAY_USEC - HIN_MINUTE_USEC);
        CHECK_OK(hin_backup_cycle_destroy(&house.cycle));
    }
    CHECK_TOLD(&house, OVERDUE, 0, 0);
    pass(&house, 2 * HIN_DAY_USEC);
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
    CHECK_OK(live(&house, "person.erased"));
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
    pass(&house, HIN_HOUR_USEC);
    CHECK_OK(live(&house, "something"));
    pass(&house, 40 * HIN_SEC_USEC);
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
    end(&house);
    CHECK_OK(begin(&house));
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
    snprintf(tenant.uuid, sizeof(tenant.uuid), "%s", own_id);
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
    pass(&house, HIN_DAY_USEC);
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
    pass(&house, 364 * HIN_DAY_USEC);
    CHECK(hin_drill_counts(&drill, house.wall_usec, why));
    pass(&house, HIN_DAY_USEC);
    CHECK(!hin_drill_counts(&drill, house.wall_usec, why) && strstr(why, "year") != NULL);
    CHECK_CODE(hin_drill_last(house.own.store, house.wall_usec, &last), NOT_FOUND);
}

TEST(test_manager_backup__a_drill_is_judged_by_what_is_here)
{
    int64_t id = 0;
    struct hin_drill drill;
    HOUSE(house, "judged");
    CHECK_OK(hin_backup_cycle_due(&house.cycle));
    pass(&house, HIN_DAY_USEC);
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
