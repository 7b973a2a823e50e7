/* Entries of the catalogue of backups that are damaged: each costs itself alone, and is mended from
 * what lies at the destinations, or forgotten when somebody says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "damaged.h"
#include "harness.h"
#include "house.h"
#include "manager/backup/cycle_internal.h"

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
        HIN_TRY(house_live(house, "day"));
        HIN_TRY(hin_backup_cycle_due(&house->cycle));
        HIN_TRY(hin_backup_cycle_destroy(&house->cycle));
        house_pass(house, HIN_DAY_USEC);
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

TEST(test_manager_catalogue__an_entry_that_is_damaged_costs_itself_alone_and_is_mended)
{
    struct hin_backup_record before, after;
    int64_t failures = 0;
    HOUSE(house, "damaged");
    CHECK_OK(days_pass(&house, 3));
    CHECK_OK(record_of(&house, 2, &before));
    CHECK_OK(damage_entry(&house, 2));
    CHECK_CODE(record_of(&house, 2, &after), CORRUPT);
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DONE], 2); /* the others are listed */
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

TEST(test_manager_catalogue__while_an_entry_is_damaged_nothing_is_swept)
{
    enum { KEEP = 4 };
    HOUSE(house, "unswept");
    house.cycle.settings.keep_days = KEEP;
    CHECK_OK(days_pass(&house, 2));
    house.cycle.mended_usec = house.monotonic_usec + 400 * HIN_DAY_USEC; /* not by itself */
    CHECK_OK(damage_entry(&house, 2));
    CHECK_OK(days_pass(&house, KEEP + 1));
    CHECK_INT(house_tally(&house).states[HIN_BACKUP_DESTROYED], 2); /* the first, and one since */
    CHECK_INT(house_manifests(&house, 0), KEEP + 1); /* that of the damaged one too */
    int before = objects_at(&house, 0);
    house.cycle.mended_usec = 0;
    CHECK_OK(days_pass(&house, 2)); /* mended, and then its time is over */
    CHECK_INT(house_manifests(&house, 0), KEEP);
    CHECK(objects_at(&house, 0) < before);
    CHECK_INT(hin_cycle_damaged(&house.cycle, -1), 0);
}

TEST(test_manager_catalogue__mended_when_the_process_starts)
{
    struct hin_backup_record before, after;
    HOUSE(house, "start");
    CHECK_OK(days_pass(&house, 3));
    CHECK_OK(record_of(&house, 3, &before));
    CHECK_OK(damage_entry(&house, 3));
    CHECK_OK(damage_entry(&house, 1));
    house_end(&house);
    CHECK_OK(house_begin(&house));
    CHECK_OK(record_of(&house, 3, &after));
    CHECK(after.begun_usec == before.begun_usec && after.version == before.version);
    struct house_tally tally = house_tally(&house);
    CHECK_INT(tally.states[HIN_BACKUP_DONE], 3); /* each under its number, none twice */
    CHECK_INT(tally.there, 6);
}

TEST(test_manager_catalogue__an_entry_that_nothing_mends_is_forgotten_with_its_key)
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
        hin_backup_manifest_path(house_id, record.begun_usec, 0, path);
        CHECK_OK(hin_depot_remove(house.cycle.depots[i], path));
    }
    CHECK_OK(damage_entry(&house, 2));
    struct hin_depot *away = house.cycle.depots[1];
    house.cycle.depots[1] = NULL;
    CHECK(forgets(&house, 2, "does not answer"));
    house.cycle.depots[1] = away;
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(house_id), &status));
    CHECK_INT(status.version_count, 3);
    CHECK(forgets(&house, 2, NULL));
    CHECK_CODE(record_of(&house, 2, &record), NOT_FOUND);
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(house_id), &status));
    CHECK_INT(status.version_count, 2);
    CHECK_OK(damage_entry(&house, 3)); /* of the newest, whose key is in force */
    for (size_t i = 0; i < 2; i++) {
        char path[HIN_DEPOT_NAME_MAX + 1];
        struct hin_backup_listed *list = NULL;
        size_t count = 0;
        CHECK_OK(hin_backup_list(house.cycle.depots[i], house_id, &list, &count));
        hin_backup_manifest_path(house_id, list[count - 1].begun_usec, 0, path);
        free(list);
        CHECK_OK(hin_depot_remove(house.cycle.depots[i], path));
    }
    CHECK(forgets(&house, 3, NULL));
    CHECK_OK(hin_vault_backup_status(house.vault, hin_view_from_text(house_id), &status));
    CHECK_INT(status.version_count, 2); /* the first one's, and one that wraps nothing yet */
    CHECK_OK(record_of(&house, 1, &record));
    CHECK_INT(record.state, HIN_BACKUP_DONE);
    CHECK_OK(days_pass(&house, 2));
    int64_t failures = 0;
    CHECK_OK(hin_backup_cycle_verify(&house.cycle, 0, &failures));
    CHECK_INT(failures, 0);
}
