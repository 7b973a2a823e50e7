/* Backups over time: the clock is an argument, so months pass in seconds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/audit.h"
#include "manager/backup/cycle.h"
#include "store/audit.h"

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
