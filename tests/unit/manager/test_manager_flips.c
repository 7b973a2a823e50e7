/* Single bits, flipped anywhere in backups that lie at a destination: in manifests, shipments,
 * segments and pieces, and in the catalogue. The process's own verification (cycle.h) has to find
 * each and to name object and tenant, and to say nothing of the other destination. HIN_FLIPS says
 * how many: 10,000 by tests/torture/flips, fewer in ./test. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "damaged.h"
#include "simulated.h"

enum { SHORT_FLIPS = 150, FILES_MAX = 2048, DAYS = 3 };

struct files {
    char names[FILES_MAX][HIN_DEPOT_NAME_MAX + 1];
    uint64_t sizes[FILES_MAX];
    size_t count;
};

struct scene {
    struct sim sim;
    struct files files[SIM_PLACES];
    struct hin_backup_record newest[SIM_TENANTS];
};

/* ---- what there is to be damaged ---- */

static HIN_RESULT note_newest(void *context, const struct hin_store_document *document)
{
    struct scene *scene = context;
    struct hin_backup_record record;
    HIN_TRY(hin_backup_record_read(document->id, document->bytes, &record));
    HIN_ENSURE(record.tenant < SIM_TENANTS, INTERNAL);
    if (record.begun_usec >= scene->newest[record.tenant].begun_usec) {
        scene->newest[record.tenant] = record;
    }
    return hin_ok();
}

static HIN_RESULT look(struct scene *scene)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    return hin_store_list(scene->sim.own.store, HIN_STORE_BACKUPS, &all, note_newest, scene,
                          &listed);
}

static HIN_RESULT note_file(struct files *files, const char *name, uint64_t size)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->names[i], name) == 0) {
            return hin_ok();
        }
    }
    HIN_ENSURE(files->count < FILES_MAX, LIMIT);
    snprintf(files->names[files->count], sizeof(files->names[0]), "%s", name);
    files->sizes[files->count++] = size;
    return hin_ok();
}

/* Every file of the newest backups: what their manifests and shipments name, and themselves. */
static HIN_RESULT note_manifest(struct files *files, const struct hin_backup_manifest *manifest)
{
    char path[HIN_DEPOT_NAME_MAX + 1];
    for (size_t i = 0; i < manifest->piece_count + manifest->segment_count; i++) {
        const struct hin_backup_object *object =
            i < manifest->piece_count ? &manifest->pieces[i].object
                                      : &manifest->segments[i - manifest->piece_count].object;
        hin_backup_object_path(manifest->tenant, object->name, path);
        HIN_TRY(object->size > 0 ? note_file(files, path, object->size) : hin_ok());
    }
    return hin_ok();
}

static HIN_RESULT open_key(void *context, struct hin_view tenant, struct hin_view payload,
                           struct hin_vault_data_key *ret_key)
{
    struct sim *sim = context;
    return hin_keys_backup_key_open(&sim->cycle.keys, tenant, payload, ret_key);
}

static HIN_RESULT note_one(struct scene *scene, size_t place, size_t tenant, uint32_t sequence,
                           uint64_t size)
{
    char path[HIN_DEPOT_NAME_MAX + 1];
    struct hin_backup_manifest manifest;
    const struct hin_backup_record *record = &scene->newest[tenant];
    struct hin_backup backup = {.depot = scene->sim.places[place],
                                .tenant = record->uuid,
                                .open_key = open_key,
                                .key_context = &scene->sim};
    HIN_TRY(hin_backup_load(&backup, record->begun_usec, sequence, &manifest, NULL));
    hin_backup_manifest_path(record->uuid, record->begun_usec, sequence, path);
    struct hin_result noted = note_file(&scene->files[place], path, size);
    if (hin_is_ok(noted)) {
        noted = note_manifest(&scene->files[place], &manifest);
    }
    hin_backup_manifest_done(&manifest);
    return noted;
}

struct naming { /* manifests and shipments as they lie there */
    struct scene *scene;
    size_t place;
};

static HIN_RESULT note_entry(void *context, const struct hin_depot_entry *entry)
{
    struct naming *naming = context;
    char path[HIN_DEPOT_NAME_MAX + 1];
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        const struct hin_backup_record *record = &naming->scene->newest[i];
        for (uint32_t sequence = 0; sequence < 16; sequence++) {
            hin_backup_manifest_path(record->uuid, record->begun_usec, sequence, path);
            if (strcmp(path, entry->name) == 0) {
                HIN_TRY(note_one(naming->scene, naming->place, i, sequence, entry->size));
            }
        }
    }
    return hin_ok();
}

/* Three days, and shipments after the last backup. */
static HIN_RESULT scene_build(struct scene *scene, const char *name)
{
    HIN_TRY(sim_build(&scene->sim, name, 35));
    for (int i = 0; i < DAYS * SIM_STEPS_A_DAY; i++) {
        HIN_TRY(sim_step(&scene->sim));
    }
    for (int i = 0; i < 3; i++) {
        HIN_TRY(sim_live(&scene->sim));
        HIN_TRY(hin_backup_cycle_ship(&scene->sim.cycle, true));
        sim_pass(&scene->sim, HIN_MINUTE_USEC);
    }
    HIN_TRY(look(scene));
    for (size_t i = 0; i < SIM_PLACES; i++) {
        struct naming naming = {scene, i};
        HIN_TRY(hin_depot_list(scene->sim.places[i], "t/", note_entry, &naming));
    }
    return hin_ok();
}

/* ---- damaging and judging ---- */

static HIN_RESULT flip(struct scene *scene, size_t place, const char *name, uint64_t at,
                       uint8_t bits)
{
    char path[1024];
    uint8_t byte = 0;
    snprintf(path, sizeof(path), "%s/%s", scene->sim.depots[place], name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    HIN_ENSURE(fd >= 0, IO);
    bool done = pread(fd, &byte, 1, (off_t)at) == 1;
    byte ^= bits;
    done = done && pwrite(fd, &byte, 1, (off_t)at) == 1;
    close(fd);
    return done ? hin_ok() : hin_fail(HIN_IO);
}

static size_t tenant_of(struct scene *scene, const char *name)
{
    size_t tenant = 0;
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        tenant = strstr(name, scene->newest[i].uuid) != NULL ? i : tenant;
    }
    return tenant;
}

/* What the catalogue says of one tenant's newest backup after a verification of it. */
static HIN_RESULT verify(struct scene *scene, size_t tenant, int64_t *ret_failures,
                         struct hin_backup_record *ret_record)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    int64_t id = scene->newest[tenant].id;
    HIN_TRY(hin_backup_cycle_verify(&scene->sim.cycle, (int64_t)tenant, ret_failures));
    HIN_TRY(hin_store_get(scene->sim.own.store, HIN_STORE_BACKUPS, id, &text, &document));
    return hin_backup_record_read(id, document.bytes, ret_record);
}

/* Of one flipped bit: found, and rightly named. */
static HIN_RESULT find(struct scene *scene, size_t place, const char *name, uint64_t at,
                       uint8_t bits)
{
    struct hin_backup_record record;
    int64_t failures = 0;
    size_t tenant = tenant_of(scene, name);
    HIN_TRY(flip(scene, place, name, at, bits));
    struct hin_result verified = verify(scene, tenant, &failures, &record);
    HIN_TRY(flip(scene, place, name, at, bits));
    HIN_TRY(verified);
    const struct hin_backup_place *here = &record.places[place], *there = &record.places[1 - place];
    bool found = failures == 1 && here->damaged == 1 && there->damaged == 0 &&
                 strstr(here->error, name) != NULL &&
                 strstr(here->error, scene->newest[tenant].uuid) != NULL && there->error[0] == 0;
    if (!found) {
        test_fail(__FILE__, __LINE__, "bit %x of byte %llu of %s: %lld failures, \"%s\", \"%s\"",
                  bits, (unsigned long long)at, name, (long long)failures, here->error,
                  there->error);
    }
    return found ? hin_ok() : hin_fail(HIN_CORRUPT);
}

static HIN_RESULT find_none(struct scene *scene)
{
    struct hin_backup_record record;
    for (size_t i = 0; i < SIM_TENANTS; i++) {
        int64_t failures = 0;
        HIN_TRY(verify(scene, i, &failures, &record));
        HIN_ENSURE(failures == 0, CORRUPT);
    }
    return hin_ok();
}

static int flips(void)
{
    return sim_number("HIN_FLIPS", 1, SHORT_FLIPS);
}

/* Heads of manifests and shipments byte by byte, bit by bit in turn; of each file its middle and
 * its end; of objects what stands at the beginning, too. */
static HIN_RESULT go_through(struct scene *scene, size_t place, const char *name, uint64_t size,
                             bool all)
{
    bool is_object = strstr(name, "/o/") != NULL;
    uint64_t head = HIN_MIN(size, is_object ? 8 : 200);
    for (uint64_t at = 0; at < head; at += all ? 1 : 7) {
        HIN_TRY(find(scene, place, name, at, (uint8_t)(1u << (at % 8))));
    }
    HIN_TRY(find(scene, place, name, size / 2, 0x10));
    return find(scene, place, name, size - 1, 0x80);
}

/* At one place, of the last tenant: its manifest, one shipment and all objects; so each kind of
 * file and each part of it. */
static HIN_RESULT go_through_classes(struct scene *scene, size_t *ret_manifests,
                                     size_t *ret_shipments, size_t *ret_objects)
{
    const struct files *files = &scene->files[1];
    const char *uuid = scene->newest[SIM_TENANTS - 1].uuid;
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i];
        bool is_object = strstr(name, "/o/") != NULL, is_manifest = strstr(name, "/m/") != NULL;
        if (strstr(name, uuid) == NULL || (!is_object && !is_manifest && *ret_shipments > 0)) {
            continue;
        }
        HIN_TRY(go_through(scene, 1, name, files->sizes[i], getenv("HIN_FLIPS") != NULL));
        *(is_object ? ret_objects : is_manifest ? ret_manifests : ret_shipments) += 1;
    }
    return hin_ok();
}

TEST(test_manager_flips__of_each_class_of_bytes_are_found_and_named)
{
    static struct scene scene;
    size_t manifests = 0, shipments = 0, objects = 0;
    scene = (struct scene){.sim = {.vault_folder = -1, .database = -1}};
    struct hin_result done = scene_build(&scene, "classes");
    if (hin_is_ok(done)) {
        done = go_through_classes(&scene, &manifests, &shipments, &objects);
    }
    if (hin_is_ok(done)) {
        done = find_none(&scene);
    }
    sim_done(&scene.sim);
    CHECK_OK(done);
    CHECK(manifests == 1 && shipments == 1 && objects > 8);
}

static HIN_RESULT flip_at_random(struct scene *scene, int count)
{
    size_t kinds[3] = {0};
    for (int i = 0; i < count; i++) {
        size_t place = (size_t)random() % SIM_PLACES;
        const struct files *files = &scene->files[place];
        size_t file = (size_t)random() % files->count;
        uint64_t at = (uint64_t)random() % files->sizes[file];
        const char *name = files->names[file];
        HIN_TRY(find(scene, place, name, at, (uint8_t)(1u << ((unsigned)random() % 8))));
        kinds[strstr(name, "/m/") != NULL ? 0 : strstr(name, "/s/") != NULL ? 1 : 2]++;
    }
    printf("# %d bits flipped, one at a time: %zu in manifests, %zu in shipments, %zu in objects; "
           "each found and named\n",
           count, kinds[0], kinds[1], kinds[2]);
    return hin_ok();
}

TEST(test_manager_flips__anywhere_are_found_and_named)
{
    static struct scene scene;
    scene = (struct scene){.sim = {.vault_folder = -1, .database = -1}};
    srandom(20261129);
    struct hin_result done = scene_build(&scene, "flips");
    if (hin_is_ok(done)) {
        done = flip_at_random(&scene, flips());
    }
    if (hin_is_ok(done)) {
        done = find_none(&scene);
    }
    sim_done(&scene.sim);
    CHECK_OK(done);
}

/* ---- the catalogue ---- */

static bool is_damaged(struct scene *scene, int64_t id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    return !hin_is_ok(hin_store_get(scene->sim.own.store, HIN_STORE_BACKUPS, id, &text, &document));
}

/* Any record of the tenant, not its newest only: a verification that knows less than there is says
 * so. What lies at a destination mends it; what was destroyed leaves nothing to mend it from. */
static HIN_RESULT find_in_catalogue(struct scene *scene, size_t tenant, int64_t id, int at)
{
    struct hin_backup_order order = {.tenant = (int64_t)tenant};
    struct hin_store *own = scene->sim.own.store;
    uint8_t bit = (uint8_t)(1u << (at % 8));
    int64_t failures = 0;
    HIN_TRY(damage_document(own, HIN_STORE_BACKUPS, id, at, bit));
    scene->sim.cycle.order = &order;
    struct hin_result verified =
        hin_backup_cycle_verify(&scene->sim.cycle, (int64_t)tenant, &failures);
    scene->sim.cycle.order = NULL;
    HIN_TRY(verified);
    bool found = failures == 1 && strstr(order.text, "catalogue") != NULL &&
                 strstr(order.text, scene->newest[tenant].uuid) != NULL;
    if (!found || is_damaged(scene, id)) {
        test_fail(__FILE__, __LINE__, "byte %d of record %lld: %lld failures, \"%s\"", at,
                  (long long)id, (long long)failures, order.text);
        return hin_fail(HIN_CORRUPT);
    }
    return hin_ok();
}

TEST(test_manager_flips__in_the_catalogue_are_found_and_named)
{
    static struct scene scene;
    scene = (struct scene){.sim = {.vault_folder = -1, .database = -1}};
    struct hin_result done = scene_build(&scene, "catalogue");
    for (int i = 0; hin_is_ok(done) && i < HIN_MAX(flips() / 20, 24); i++) {
        size_t tenant = 1 + (size_t)i % (SIM_TENANTS - 1);
        int64_t id = i % 3 == 0 ? (int64_t)tenant + 1 : scene.newest[tenant].id;
        done = find_in_catalogue(&scene, tenant, id, i < 24 ? i : (int)(random() % 4096));
    }
    if (hin_is_ok(done)) {
        done = find_none(&scene);
    }
    sim_done(&scene.sim);
    CHECK_OK(done);
}
