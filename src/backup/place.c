/* Where things lie in a depot, and how they are found and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/internal.h"
#include "base/bytes.h"

void hin_backup_object_path(const char *tenant, const uint8_t name[HIN_BACKUP_NAME_BYTES],
                            char out[HIN_DEPOT_NAME_MAX + 1])
{
    char hex[2 * HIN_BACKUP_NAME_BYTES + 1];
    hin_hex(name, HIN_BACKUP_NAME_BYTES, hex);
    snprintf(out, HIN_DEPOT_NAME_MAX + 1, "t/%s/o/%.2s/%s", tenant, hex, hex);
}

void hin_backup_manifest_path(const char *tenant, int64_t begun_usec, uint32_t sequence,
                              char out[HIN_DEPOT_NAME_MAX + 1])
{
    if (sequence == 0) {
        snprintf(out, HIN_DEPOT_NAME_MAX + 1, "t/%s/m/%016llx", tenant,
                 (unsigned long long)begun_usec);
    } else {
        snprintf(out, HIN_DEPOT_NAME_MAX + 1, "t/%s/s/%016llx/%08x", tenant,
                 (unsigned long long)begun_usec, sequence);
    }
}

bool hin_backup_is_damage(struct hin_result result)
{
    static const enum hin_code codes[] = {HIN_CORRUPT,   HIN_AUTH,      HIN_SYNTAX,
                                          HIN_TRUNCATED, HIN_NOT_FOUND, HIN_UNSUPPORTED};
    for (size_t i = 0; i < HIN_COUNT(codes); i++) {
        if (codes[i] == result.code) {
            return true;
        }
    }
    return false;
}

HIN_RESULT hin_backup_depot_failed(struct hin_backup *backup, struct hin_result result)
{
    if (!hin_is_ok(result)) {
        backup->error = *hin_depot_error(backup->depot);
        backup->error.code = result.code;
    }
    return result;
}

HIN_RESULT hin_backup_passed(struct hin_backup *backup, uint64_t bytes, bool shared)
{
    *(shared ? &backup->progress.objects_shared : &backup->progress.objects) += 1;
    *(shared ? &backup->progress.bytes_shared : &backup->progress.bytes) += bytes;
    return backup->between != NULL ? backup->between(backup->between_context, &backup->progress)
                                   : hin_ok();
}

/* --- listing --- */

struct listing {
    struct hin_backup_listed *list;
    size_t count, room;
};

static HIN_RESULT find_listed(struct listing *listing, const char *tenant, int64_t begun_usec,
                              struct hin_backup_listed **ret_listed)
{
    for (size_t i = listing->count; i > 0; i--) {
        struct hin_backup_listed *at = &listing->list[i - 1];
        if (at->begun_usec == begun_usec && strcmp(at->tenant, tenant) == 0) {
            *ret_listed = at;
            return hin_ok();
        }
    }
    if (listing->count == listing->room) {
        size_t room = HIN_MAX(listing->room * 2, (size_t)64);
        void *fresh = realloc(listing->list, room * sizeof(*listing->list));
        HIN_ENSURE(fresh != NULL, NO_MEMORY);
        listing->list = fresh;
        listing->room = room;
    }
    struct hin_backup_listed *added = &listing->list[listing->count++];
    *added = (struct hin_backup_listed){.begun_usec = begun_usec};
    snprintf(added->tenant, sizeof(added->tenant), "%s", tenant);
    *ret_listed = added;
    return hin_ok();
}

/* "t/TENANT/m/..." or "t/TENANT/s/.../..."; anything else is none of ours. */
static HIN_RESULT visit_name(void *context, const struct hin_depot_entry *entry)
{
    struct listing *listing = context;
    struct hin_backup_listed *listed = NULL;
    char tenant[HIN_STORE_TENANT_MAX + 1], path[HIN_DEPOT_NAME_MAX + 1];
    char kind = 0;
    unsigned long long begun = 0;
    unsigned sequence = 0;
    if (sscanf(entry->name, "t/%64[a-z0-9_-]/%c/%16llx/%8x", tenant, &kind, &begun, &sequence) <
            3 ||
        begun > INT64_MAX || (kind != 'm' && kind != 's')) {
        return hin_ok();
    }
    hin_backup_manifest_path(tenant, (int64_t)begun, sequence, path);
    if (strcmp(path, entry->name) != 0) {
        return hin_ok();
    }
    HIN_TRY(find_listed(listing, tenant, (int64_t)begun, &listed));
    if (sequence == 0) {
        listed->size = entry->size;
    } else {
        listed->shipment_count++;
        listed->last_sequence = HIN_MAX(listed->last_sequence, sequence);
    }
    return hin_ok();
}

static int by_age(const void *a, const void *b)
{
    const struct hin_backup_listed *one = a, *other = b;
    int tenants = strcmp(one->tenant, other->tenant);
    return tenants != 0
               ? tenants
               : (one->begun_usec > other->begun_usec) - (one->begun_usec < other->begun_usec);
}

/* shipments: "", or where those lie that are not beneath manifests. */
static HIN_RESULT list_under(struct hin_depot *depot, const char *manifests, const char *shipments,
                             struct hin_backup_listed **ret_list, size_t *ret_count)
{
    struct listing listing = {0};
    struct hin_result listed = hin_depot_list(depot, manifests, visit_name, &listing);
    if (hin_is_ok(listed) && shipments[0] != '\0') {
        listed = hin_depot_list(depot, shipments, visit_name, &listing);
    }
    if (!hin_is_ok(listed)) {
        free(listing.list);
        return listed;
    }
    /* Shipments whose manifest is gone stay from a removal that was cut off. */
    size_t kept = 0;
    for (size_t i = 0; i < listing.count; i++) {
        if (listing.list[i].size > 0) {
            listing.list[kept++] = listing.list[i];
        }
    }
    if (kept > 0) {
        qsort(listing.list, kept, sizeof(*listing.list), by_age);
    }
    *ret_list = listing.list;
    *ret_count = kept;
    return hin_ok();
}

HIN_RESULT hin_backup_list(struct hin_depot *depot, const char *tenant,
                           struct hin_backup_listed **ret_list, size_t *ret_count)
{
    char manifests[HIN_DEPOT_NAME_MAX + 1] = "t/", shipments[HIN_DEPOT_NAME_MAX + 1] = "";
    if (tenant != NULL) {
        snprintf(manifests, sizeof(manifests), "t/%s/m/", tenant);
        snprintf(shipments, sizeof(shipments), "t/%s/s/", tenant);
    }
    return list_under(depot, manifests, shipments, ret_list, ret_count);
}

HIN_RESULT hin_backup_list_manifests(struct hin_depot *depot, const char *tenant,
                                     struct hin_backup_listed **ret_list, size_t *ret_count)
{
    char manifests[HIN_DEPOT_NAME_MAX + 1];
    snprintf(manifests, sizeof(manifests), "t/%s/m/", tenant);
    return list_under(depot, manifests, "", ret_list, ret_count);
}

/* --- reading --- */

static HIN_RESULT name_failure(struct hin_backup *backup, struct hin_result result,
                               const char *path, const char *what)
{
    const char *why = result.code == HIN_NOT_FOUND ? "its key was destroyed"
                      : result.code == HIN_UNSUPPORTED
                          ? "a newer version has made it: update Hinomi"
                          : hin_code_text(result.code);
    return hin_error_set(&backup->error, result.code, path, 0, 0, "%s of tenant %s: %s", what,
                         backup->tenant, why);
}

/* The file at `path`, its head read and found to be where it belongs. */
static HIN_RESULT read_file(struct hin_backup *backup, const char *path, struct hin_buf *bytes,
                            struct hin_backup_manifest *manifest)
{
    char there[HIN_DEPOT_NAME_MAX + 1];
    size_t size = 0;
    struct hin_result got = hin_depot_get(backup->depot, path, 0, HIN_BACKUP_FILE_MAX, bytes);
    HIN_TRY(hin_backup_depot_failed(backup, got));
    struct hin_result read = hin_backup_head_read(hin_buf_view(bytes), manifest, &size);
    if (hin_is_ok(read)) {
        hin_backup_manifest_path(manifest->tenant, manifest->begun_usec, manifest->sequence, there);
        read = strcmp(there, path) == 0 ? read : hin_fail(HIN_CORRUPT);
    }
    return hin_is_ok(read) ? read : name_failure(backup, read, path, "this backup");
}

/* base: NULL for the manifest itself. *key: given for a shipment. */
static HIN_RESULT load(struct hin_backup *backup, const char *path,
                       const struct hin_backup_manifest *base, struct hin_vault_data_key *key,
                       struct hin_backup_manifest *manifest)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_BACKUP_FILE_MAX};
    HIN_TRY(read_file(backup, path, &bytes, manifest));
    struct hin_result opened = hin_ok();
    if (base == NULL) {
        opened = backup->open_key(backup->key_context, hin_view_from_text(backup->tenant),
                                  hin_buf_view(&manifest->payload), key);
    } else if (!hin_view_equal(hin_buf_view(&base->payload), hin_buf_view(&manifest->payload))) {
        opened = hin_fail(HIN_CORRUPT);
    }
    if (hin_is_ok(opened)) {
        opened = hin_backup_body_read(hin_buf_view(&bytes), key, base, manifest);
    }
    return hin_is_ok(opened) ? opened : name_failure(backup, opened, path, "this backup");
}

HIN_RESULT hin_backup_load_shipment(struct hin_backup *backup,
                                    const struct hin_backup_manifest *base, uint32_t sequence,
                                    struct hin_vault_data_key *key,
                                    struct hin_backup_manifest *ret_manifest)
{
    char path[HIN_DEPOT_NAME_MAX + 1];
    hin_backup_manifest_path(backup->tenant, base->begun_usec, sequence, path);
    hin_backup_manifest_init(ret_manifest);
    struct hin_result loaded = load(backup, path, base, key, ret_manifest);
    if (!hin_is_ok(loaded)) {
        hin_backup_manifest_done(ret_manifest);
    }
    return loaded;
}

HIN_RESULT hin_backup_last_shipment(struct hin_backup *backup, int64_t begun_usec,
                                    uint32_t *ret_last)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    HIN_TRY(hin_backup_depot_failed(backup,
                                    hin_backup_list(backup->depot, backup->tenant, &list, &count)));
    *ret_last = 0;
    for (size_t i = 0; i < count; i++) {
        *ret_last = list[i].begun_usec == begun_usec ? list[i].last_sequence : *ret_last;
    }
    free(list);
    return hin_ok();
}

/* The newest that can be read; the manifest itself when none can. */
static HIN_RESULT load_newest(struct hin_backup *backup, struct hin_backup_manifest *base,
                              struct hin_vault_data_key *key,
                              struct hin_backup_manifest *ret_manifest)
{
    struct hin_backup_listed *list = NULL;
    size_t count = 0;
    uint32_t newest = 0;
    HIN_TRY(hin_backup_depot_failed(backup,
                                    hin_backup_list(backup->depot, backup->tenant, &list, &count)));
    for (size_t i = 0; i < count; i++) {
        newest = list[i].begun_usec == base->begun_usec ? list[i].last_sequence : newest;
    }
    free(list);
    for (; newest > 0; newest--) {
        struct hin_result loaded =
            hin_backup_load_shipment(backup, base, newest, key, ret_manifest);
        if (hin_is_ok(loaded)) {
            hin_backup_manifest_done(base);
            return loaded;
        }
        HIN_ENSURE(hin_backup_is_damage(loaded), IO);
    }
    *ret_manifest = *base;
    *base = (struct hin_backup_manifest){0};
    return hin_ok();
}

HIN_RESULT hin_backup_load(struct hin_backup *backup, int64_t begun_usec, uint32_t sequence,
                           struct hin_backup_manifest *ret_manifest,
                           struct hin_vault_data_key *ret_key)
{
    char path[HIN_DEPOT_NAME_MAX + 1];
    struct hin_vault_data_key key = {0};
    struct hin_backup_manifest base;
    hin_backup_manifest_path(backup->tenant, begun_usec, 0, path);
    hin_backup_manifest_init(&base);
    struct hin_result loaded = load(backup, path, NULL, &key, &base);
    if (hin_is_ok(loaded) && sequence == UINT32_MAX) {
        loaded = load_newest(backup, &base, &key, ret_manifest);
    } else if (hin_is_ok(loaded) && sequence > 0) {
        loaded = hin_backup_load_shipment(backup, &base, sequence, &key, ret_manifest);
    } else if (hin_is_ok(loaded)) {
        *ret_manifest = base;
        base = (struct hin_backup_manifest){0};
    }
    hin_backup_manifest_done(&base);
    if (!hin_is_ok(loaded) || ret_key == NULL) {
        hin_secret_done(&key.key);
        return loaded;
    }
    *ret_key = key;
    return hin_ok();
}

size_t hin_backup_largest_piece(const struct hin_backup_manifest *manifest)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < manifest->piece_count; i++) {
        largest = HIN_MAX(largest, manifest->pieces[i].object.size);
    }
    return (size_t)HIN_MIN(largest, (uint64_t)HIN_BACKUP_PIECE_MAX);
}

static struct hin_seal_place piece_place(const char *tenant, const struct hin_backup_piece *piece,
                                         char row[2 * HIN_BACKUP_NAME_BYTES + 1])
{
    hin_hex(piece->object.name, HIN_BACKUP_NAME_BYTES, row);
    return (struct hin_seal_place){hin_view_from_text(tenant), HIN_VIEW("backup"),
                                   hin_view_from_text(row), HIN_VIEW("piece")};
}

HIN_RESULT hin_backup_seal_piece(const char *tenant, struct hin_backup_piece *piece,
                                 struct hin_view rows, struct hin_buf *sealed)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = NULL;
    char row[2 * HIN_BACKUP_NAME_BYTES + 1];
    HIN_TRY(hin_random(piece->object.name, sizeof(piece->object.name)));
    HIN_TRY(hin_secret_random(&key, HIN_SEAL_KEY_BYTES));
    hin_copy(piece->key, key.data, sizeof(piece->key));
    HIN_TRY(hin_sealer_new(&sealer, piece->object.name, &key));
    struct hin_seal_place place = piece_place(tenant, piece, row);
    hin_buf_clear(sealed);
    return hin_seal_value(sealer, &place, rows, sealed);
}

HIN_RESULT hin_backup_fetch(struct hin_backup *backup, const struct hin_backup_object *object,
                            struct hin_buf *bytes)
{
    char path[HIN_DEPOT_NAME_MAX + 1];
    uint8_t hash[HIN_SHA256_BYTES];
    hin_buf_clear(bytes);
    hin_backup_object_path(backup->tenant, object->name, path);
    /* One byte more, so that one that grew is seen. */
    struct hin_result got = hin_depot_get(backup->depot, path, 0, (size_t)object->size + 1, bytes);
    if (got.code == HIN_NOT_FOUND) {
        return hin_error_set(&backup->error, HIN_NOT_FOUND, path, 0, 0,
                             "this object of the backup of tenant %s is missing", backup->tenant);
    }
    HIN_TRY(hin_backup_depot_failed(backup, got));
    HIN_TRY(hin_sha256(hin_buf_view(bytes), hash));
    if (bytes->size != object->size || memcmp(hash, object->hash, sizeof(hash)) != 0) {
        return hin_error_set(&backup->error, HIN_CORRUPT, path, 0, 0,
                             "this object of the backup of tenant %s is not what was written (%zu "
                             "bytes of %llu)",
                             backup->tenant, bytes->size, (unsigned long long)object->size);
    }
    return hin_ok();
}

HIN_RESULT hin_backup_open_piece(struct hin_backup *backup, const struct hin_backup_piece *piece,
                                 struct hin_view sealed, struct hin_buf *plain)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    char row[2 * HIN_BACKUP_NAME_BYTES + 1];
    hin_buf_clear(plain);
    HIN_TRY(hin_secret_from(&key, hin_view_of(piece->key, sizeof(piece->key))));
    HIN_TRY(hin_opener_new(&opener, NULL, 1));
    HIN_TRY(hin_opener_add(opener, piece->object.name, &key));
    struct hin_seal_place place = piece_place(backup->tenant, piece, row);
    struct hin_result opened = hin_seal_open_value(opener, &place, sealed, plain);
    if (!hin_is_ok(opened)) {
        return hin_error_set(&backup->error, opened.code, row, 0, 0,
                             "this object of the backup of tenant %s does not open: %s",
                             backup->tenant, hin_code_text(opened.code));
    }
    return hin_ok();
}
