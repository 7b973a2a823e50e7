#include "house.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "manager/audit.h"

const char house_id[] = "11111111-2222-4333-8444-555555555555";

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
        .own = house_id,
    };
    HIN_TRY(hin_vault_create(&house->vault, &options, "test"));
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(house_id)));
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_BACKUP};
    house->all = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_ALL};
    return hin_ok();
}

HIN_RESULT house_begin(struct house *house)
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

void house_end(struct house *house)
{
    hin_backup_cycle_end(&house->cycle);
    for (size_t i = 0; i < 2; i++) {
        hin_depot_close(house->cycle.depots[i]);
        house->cycle.depots[i] = NULL;
    }
}

HIN_RESULT house_build(struct house *house, const char *name)
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
    HIN_TRY(hin_tenant_open(&house->own, &place, house_id, &carrier, HIN_VAULT_FOR_BACKUP,
                            &house->clock, true, &error));
    return house_begin(house);
}

void house_demolish(struct house *house)
{
    house_end(house);
    hin_tenant_close(&house->own);
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_fd_close(&house->vault_folder);
    hin_fd_close(&house->database);
}

void house_pass(struct house *house, int64_t usec)
{
    house->wall_usec += usec;
    house->monotonic_usec += usec;
    HIN_IGNORE(hin_tenant_refresh(&house->own)); /* as the process does; else what seals fails */
}

HIN_RESULT house_live(struct house *house, const char *what)
{
    struct hin_audit audit = {.action = what, .outcome = "done", .actor = HIN_VIEW("test")};
    return hin_audit_write(&house->own, &audit);
}

static HIN_RESULT count_one(void *context, const struct hin_store_document *document)
{
    struct house_tally *tally = context;
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

struct house_tally house_tally(struct house *house)
{
    struct house_tally tally = {0};
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    HIN_IGNORE(hin_store_list(house->own.store, HIN_STORE_BACKUPS, &all, count_one, &tally,
                              &listed)); /* then nothing is counted, and the checks fail */
    return tally;
}

int house_manifests(struct house *house, size_t at)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    struct hin_result listed = hin_backup_list(house->cycle.depots[at], house_id, &list, &count);
    free(list);
    return hin_is_ok(listed) ? (int)count : -1;
}
