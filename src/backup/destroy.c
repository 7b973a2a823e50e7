/* What is left of a backup whose key was destroyed goes: the manifest with its shipments, then the
 * objects that nothing names any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/internal.h"
#include "base/bytes.h"

/* Names gathered by a listing, which must not call back into the depot. */
struct names {
    char (*list)[HIN_DEPOT_NAME_MAX + 1];
    uint64_t *sizes;
    size_t count, room;
};

static void names_done(struct names *names)
{
    free(names->list);
    free(names->sizes);
}

static HIN_RESULT add_name(void *context, const struct hin_depot_entry *entry)
{
    struct names *names = context;
    if (names->count == names->room) {
        size_t room = HIN_MAX(names->room * 2, (size_t)64);
        void *list = realloc(names->list, room * sizeof(*names->list));
        HIN_ENSURE(list != NULL, NO_MEMORY);
        names->list = list;
        void *sizes = realloc(names->sizes, room * sizeof(*names->sizes));
        HIN_ENSURE(sizes != NULL, NO_MEMORY);
        names->sizes = sizes;
        names->room = room;
    }
    snprintf(names->list[names->count], sizeof(names->list[0]), "%s", entry->name);
    names->sizes[names->count++] = entry->size;
    return hin_ok();
}

static HIN_RESULT remove_one(struct hin_backup *backup, const char *name)
{
    struct hin_result removed = hin_depot_remove(backup->depot, name);
    return removed.code == HIN_NOT_FOUND ? hin_ok() : hin_backup_depot_failed(backup, removed);
}

HIN_RESULT hin_backup_remove(struct hin_backup *backup, int64_t begun_usec)
{
    HIN_CLEANUP(names_done) struct names names = {0};
    char path[HIN_DEPOT_NAME_MAX + 1];
    snprintf(path, sizeof(path), "t/%s/s/%016llx/", backup->tenant, (unsigned long long)begun_usec);
    HIN_TRY(hin_backup_depot_failed(backup, hin_depot_list(backup->depot, path, add_name, &names)));
    for (size_t i = 0; i < names.count; i++) {
        HIN_TRY(remove_one(backup, names.list[i]));
    }
    hin_backup_manifest_path(backup->tenant, begun_usec, 0, path);
    HIN_TRY(remove_one(backup, path));
    return hin_backup_depot_failed(backup, hin_depot_sync(backup->depot));
}

/* --- objects that nothing names --- */

static HIN_RESULT keep(struct hin_map *living, const struct hin_backup_object *object)
{
    return object->size > 0
               ? hin_map_put(living, hin_view_of(object->name, sizeof(object->name)), living)
               : hin_ok();
}

static HIN_RESULT keep_all(struct hin_map *living, const struct hin_backup_manifest *manifest)
{
    for (size_t i = 0; i < manifest->segment_count; i++) {
        HIN_TRY(keep(living, &manifest->segments[i].object));
    }
    for (size_t i = 0; i < manifest->piece_count; i++) {
        HIN_TRY(keep(living, &manifest->pieces[i].object));
    }
    return hin_ok();
}

static HIN_RESULT keep_shipment(struct hin_backup *backup, const char *name,
                                const struct hin_vault_data_key *key, struct hin_map *living)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_FILE_MAX};
    struct hin_backup_manifest shipment;
    size_t size = 0;
    HIN_TRY(hin_backup_depot_failed(
        backup, hin_depot_get(backup->depot, name, 0, HIN_BACKUP_FILE_MAX, &bytes)));
    hin_backup_manifest_init(&shipment);
    struct hin_result read = hin_backup_head_read(hin_buf_view(&bytes), &shipment, &size);
    if (hin_is_ok(read)) {
        read = hin_backup_shipment_read(hin_buf_view(&bytes), key, &shipment);
    }
    if (hin_is_ok(read)) {
        read = keep_all(living, &shipment);
    }
    hin_backup_manifest_done(&shipment);
    return hin_is_ok(read) ? read
                           : hin_error_set(&backup->error, read.code, name, 0, 0,
                                           "this shipment of tenant %s cannot be read: %s",
                                           backup->tenant, hin_code_text(read.code));
}

static HIN_RESULT keep_shipments(struct hin_backup *backup, int64_t begun_usec,
                                 const struct hin_vault_data_key *key, struct hin_map *living)
{
    HIN_CLEANUP(names_done) struct names names = {0};
    char prefix[HIN_DEPOT_NAME_MAX + 1];
    snprintf(prefix, sizeof(prefix), "t/%s/s/%016llx/", backup->tenant,
             (unsigned long long)begun_usec);
    HIN_TRY(
        hin_backup_depot_failed(backup, hin_depot_list(backup->depot, prefix, add_name, &names)));
    for (size_t i = 0; i < names.count; i++) {
        HIN_TRY(keep_shipment(backup, names.list[i], key, living));
    }
    return hin_ok();
}

static HIN_RESULT keep_backup(struct hin_backup *backup, int64_t begun_usec, struct hin_map *living)
{
    struct hin_backup_manifest manifest;
    struct hin_vault_data_key key = {0};
    struct hin_result loaded = hin_backup_load(backup, begun_usec, 0, &manifest, &key);
    if (loaded.code == HIN_NOT_FOUND) {
        return hin_ok(); /* its key is destroyed */
    }
    HIN_TRY(loaded);
    struct hin_result kept = keep_all(living, &manifest);
    if (hin_is_ok(kept)) {
        kept = keep_shipments(backup, begun_usec, &key, living);
    }
    hin_backup_manifest_done(&manifest);
    hin_secret_done(&key.key);
    return kept;
}

static HIN_RESULT find_living(struct hin_backup *backup, struct hin_map *living)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    HIN_TRY(hin_backup_depot_failed(
        backup, hin_backup_list_manifests(backup->depot, backup->tenant, &list, &count)));
    struct hin_result found = hin_ok();
    for (size_t i = 0; hin_is_ok(found) && i < count; i++) {
        found = keep_backup(backup, list[i].begun_usec, living);
    }
    free(list);
    return found;
}

static HIN_RESULT remove_others(struct hin_backup *backup, const struct hin_map *living,
                                uint64_t *objects, uint64_t *bytes)
{
    HIN_CLEANUP(names_done) struct names names = {0};
    char prefix[HIN_DEPOT_NAME_MAX + 1];
    snprintf(prefix, sizeof(prefix), "t/%s/o/", backup->tenant);
    HIN_TRY(
        hin_backup_depot_failed(backup, hin_depot_list(backup->depot, prefix, add_name, &names)));
    for (size_t i = 0; i < names.count; i++) {
        uint8_t name[HIN_BACKUP_NAME_BYTES];
        const char *base = strrchr(names.list[i], '/') + 1;
        bool ours = hin_is_ok(hin_unhex(hin_view_from_text(base), name, sizeof(name)));
        if (!ours || hin_map_get(living, hin_view_of(name, sizeof(name))) != NULL) {
            continue;
        }
        HIN_TRY(remove_one(backup, names.list[i]));
        *objects += 1;
        *bytes += names.sizes[i];
        HIN_TRY(hin_backup_passed(backup, names.sizes[i], false));
    }
    return hin_ok();
}

HIN_RESULT hin_backup_sweep(struct hin_backup *backup, uint64_t *ret_objects, uint64_t *ret_bytes)
{
    struct hin_map living;
    uint64_t objects = 0, bytes = 0;
    backup->error = (struct hin_error){0};
    HIN_TRY(hin_map_init(&living, 4 * HIN_BACKUP_SEGMENTS_MAX));
    struct hin_result swept = find_living(backup, &living);
    if (hin_is_ok(swept)) {
        swept = remove_others(backup, &living, &objects, &bytes);
    }
    hin_map_done(&living);
    HIN_TRY(swept);
    *ret_objects = objects;
    *ret_bytes = bytes;
    return hin_ok();
}
