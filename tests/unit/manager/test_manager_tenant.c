/* What a process does with the keys it holds while the key service is away, and when data keys are
 * rotated by another process. */
#include "manager/tenant.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/shred.h"
#include "store/documents.h"

static const char tenant_id[] = "11111111-2222-4333-8444-555555555555";

struct house {
    char folder[300], keyring[300];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_keys_carrier inner;
    bool away; /* the key service */
    int64_t now_usec;
    struct hin_clock clock;
    struct hin_tenant tenant;
};

static int64_t house_time(void *context)
{
    const struct house *house = context;
    return house->now_usec;
}

static HIN_RESULT house_call(void *context, struct hin_view request, struct hin_buf *ret_answer)
{
    struct house *house = context;
    HIN_ENSURE(!house->away, AGAIN);
    return house->inner.call(house->inner.context, request, ret_answer);
}

static HIN_RESULT house_open(struct house *house, bool create)
{
    struct hin_error error = {0};
    struct hin_keys_carrier carrier = {house_call, house};
    return hin_tenant_open(&house->tenant, &(struct hin_tenant_place){house->database, NULL},
                           tenant_id, &carrier, HIN_VAULT_FOR_INGEST, &house->clock, create,
                           &error);
}

static HIN_RESULT house_build(struct house *house, const char *name)
{
    char path[320];
    house->now_usec = hin_clock_wall_usec(hin_clock_system());
    house->clock = (struct hin_clock){house_time, house_time, house};
    snprintf(house->folder, sizeof(house->folder), "%s/%s", test_folder(), name);
    snprintf(house->keyring, sizeof(house->keyring), "%s/%s.keyring", test_folder(), name);
    snprintf(path, sizeof(path), "%s/db", house->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &house->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, house->folder, O_RDONLY | O_DIRECTORY, 0, &house->vault_folder));
    HIN_TRY(hin_ring_create(AT_FDCWD, house->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&house->ring, AT_FDCWD, house->keyring, NULL, NULL));
    struct hin_vault_options options = {
        .provider = hin_ring_provider(house->ring),
        .storage = hin_vault_storage_folder(&house->vault_folder),
        .clock = &house->clock,
    };
    HIN_TRY(hin_vault_create(&house->vault, &options, "test"));
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(tenant_id)));
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_WORKER};
    house->inner = hin_keys_carrier_local(&house->local);
    return house_open(house, true);
}

static void house_done(struct house *house)
{
    hin_tenant_close(&house->tenant);
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_fd_close(&house->vault_folder);
    hin_fd_close(&house->database);
}

#define HOUSE(name, folder)                                                                        \
    HIN_CLEANUP(house_done) struct house name = {.vault_folder = -1, .database = -1};              \
    CHECK_OK(house_build(&name, folder))

static HIN_RESULT put(struct house *house, const char *text, int64_t *ret_id)
{
    struct hin_store_content content = {.bytes = hin_view_from_text(text)};
    return hin_store_create(house->tenant.store, HIN_STORE_SETTINGS, &content, house->now_usec,
                            ret_id);
}

static HIN_RESULT get(struct house *house, int64_t id, struct hin_buf *buf)
{
    struct hin_store_document document;
    hin_buf_clear(buf);
    return hin_store_get(house->tenant.store, HIN_STORE_SETTINGS, id, buf, &document);
}

/* Time passes as it does in a process that looks each minute. */
static HIN_RESULT pass(struct house *house, int64_t usec)
{
    while (usec > 0) {
        int64_t step_usec = HIN_MIN(usec, HIN_MINUTE_USEC);
        house->now_usec += step_usec;
        usec -= step_usec;
        HIN_TRY(hin_tenant_watch(&house->tenant));
    }
    return hin_ok();
}

TEST(test_manager_tenant__held_keys_serve_up_to_their_bound_then_nothing_opens)
{
    HOUSE(h, "outage");
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 16 << 20};
    uint64_t token = 0;
    int64_t id = 0, other = 0, none = 0;
    CHECK_OK(put(&h, "a settled secret", &id));
    CHECK_OK(hin_tenant_watch(&h.tenant)); /* the keys' time begins */
    h.away = true;
    /* in use all the time, so that only the hour bounds it */
    for (int64_t passed = 0; passed + 5 * HIN_MINUTE_USEC < HIN_TENANT_KEY_HELD_USEC;
         passed += 5 * HIN_MINUTE_USEC) {
        CHECK_OK(get(&h, id, &buf));
        CHECK_OK(hin_index_token(h.tenant.index, 1, HIN_VIEW("x"), &token));
        CHECK_OK(pass(&h, 5 * HIN_MINUTE_USEC));
    }
    CHECK_VIEW(hin_buf_view(&buf), "a settled secret");
    CHECK_OK(put(&h, "a later secret", &other));
    CHECK_OK(pass(&h, 5 * HIN_MINUTE_USEC));
    CHECK_CODE(get(&h, id, &buf), AGAIN);
    CHECK_CODE(hin_index_token(h.tenant.index, 1, HIN_VIEW("x"), &token), AGAIN);
    CHECK_CODE(hin_tenant_rotate_data(&h.tenant), AGAIN);
    /* sealing goes on for the day of its key, and the hour */
    CHECK_OK(pass(&h, HIN_TENANT_SEALER_USEC - HIN_HOUR_USEC));
    CHECK_CODE(hin_tenant_refresh(&h.tenant), AGAIN);
    CHECK_OK(put(&h, "a last secret", &other));
    CHECK_OK(pass(&h, HIN_TENANT_KEY_HELD_USEC));
    CHECK_CODE(put(&h, "one too many", &none), AGAIN);
    /* never in the clear */
    char name[64];
    snprintf(name, sizeof(name), "%s.db-wal", tenant_id);
    CHECK_OK(hin_file_read(h.database, name, &file));
    CHECK(hin_view_find(hin_buf_view(&file), HIN_VIEW("secret")) == SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&file), HIN_VIEW("one too many")) == SIZE_MAX);
    /* and all is well again when the service is back */
    h.away = false;
    CHECK_OK(hin_tenant_refresh(&h.tenant));
    CHECK_OK(get(&h, id, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "a settled secret");
    CHECK_OK(get(&h, other, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "a last secret");
    CHECK_OK(put(&h, "one too many", &none));
}

TEST(test_manager_tenant__follows_a_rotation_of_data_keys)
{
    HOUSE(h, "rotation");
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 65536};
    struct hin_tenant other;
    struct hin_error error = {0};
    struct hin_keys_carrier carrier = {house_call, &h};
    uint8_t before[HIN_SEAL_KEY_ID_BYTES];
    int64_t id = 0;
    CHECK_OK(put(&h, "old", &id));
    CHECK_OK(hin_tenant_open(&other, &(struct hin_tenant_place){h.database, NULL}, tenant_id,
                             &carrier, HIN_VAULT_FOR_MERGE, &h.clock, false, &error));
    CHECK_INT(other.data_version, 1);
    hin_copy(before, other.sealer_key, sizeof(before));
    struct hin_result rotated = hin_tenant_rotate_data(&h.tenant);
    struct hin_result unmoved = hin_tenant_watch(&h.tenant);
    struct hin_result watched = hin_tenant_watch(&other);
    uint32_t version = other.data_version;
    bool fresh = !hin_view_equal(hin_view_of(before, sizeof(before)),
                                 hin_view_of(other.sealer_key, sizeof(before)));
    hin_tenant_close(&other);
    CHECK(hin_is_ok(rotated) && hin_is_ok(watched) && hin_is_ok(unmoved));
    CHECK_INT(h.tenant.data_version, 2);
    CHECK_INT(version, 2);
    CHECK(fresh);
    CHECK_OK(get(&h, id, &buf));
    /* a later start takes the version that is in force */
    hin_tenant_close(&h.tenant);
    CHECK_OK(house_open(&h, false));
    CHECK_INT(h.tenant.data_version, 2);
    CHECK_OK(get(&h, id, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "old");
}

static HIN_RESULT copy_file(int from, const char *name, int to, const char *to_name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 64 << 20};
    HIN_TRY(hin_file_read(from, name, &bytes));
    return hin_file_replace(to, to_name, hin_buf_view(&bytes), 0600);
}

/* A house out of copies of database and vault; its key ring is `keyring`. */
static HIN_RESULT house_of_copies(struct house *copy, const struct house *from, const char *folder,
                                  const char *keyring)
{
    char path[320];
    *copy = (struct house){.now_usec = from->now_usec};
    copy->clock = (struct hin_clock){house_time, house_time, copy};
    snprintf(path, sizeof(path), "%s/db", folder);
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &copy->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &copy->vault_folder));
    HIN_TRY(hin_ring_open(&copy->ring, AT_FDCWD, keyring, NULL, NULL));
    struct hin_vault_options options = {
        .provider = hin_ring_provider(copy->ring),
        .storage = hin_vault_storage_folder(&copy->vault_folder),
    };
    HIN_TRY(hin_vault_open(&copy->vault, &options));
    copy->local = (struct hin_keys_local){copy->vault, HIN_KEYS_MASK_WORKER};
    copy->inner = hin_keys_carrier_local(&copy->local);
    return house_open(copy, false);
}

static HIN_RESULT take_copies(const struct house *house, const char *folder, const char *keyring)
{
    char path[400], name[64];
    HIN_CLEANUP_FD int top = -1;
    HIN_CLEANUP_FD int database = -1;
    snprintf(path, sizeof(path), "%s/db", folder);
    snprintf(name, sizeof(name), "%s.db", tenant_id);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0, &top));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &database));
    HIN_TRY(hin_store_checkpoint(house->tenant.store));
    HIN_TRY(copy_file(house->database, name, database, name));
    HIN_TRY(copy_file(house->vault_folder, "vault", top, "vault"));
    return copy_file(AT_FDCWD, house->keyring, AT_FDCWD, keyring);
}

/* Copies of database and vault taken before, with the key ring as it is after: nothing opens. With
 * a copy of the ring of before it does. */
TEST(test_manager_tenant__shredding_makes_copies_worthless)
{
    HOUSE(h, "shred");
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 65536};
    char folder[400], keyring[420];
    int64_t id = 0;
    int calls = 0;
    struct hin_shred_report report = {0};
    snprintf(folder, sizeof(folder), "%s/shred_copy", test_folder());
    snprintf(keyring, sizeof(keyring), "%s.keyring", folder);
    CHECK_CODE(hin_tenant_shred_copies(&h.tenant, 0, &report), NOT_FOUND);
    CHECK_OK(put(&h, "stays readable", &id));
    CHECK_OK(take_copies(&h, folder, keyring));
    CHECK_OK(hin_tenant_shred_begin(&h.tenant));
    while (!report.done && calls++ < 50) { /* one step a call, ended and begun anew in between */
        CHECK_OK(hin_tenant_shred_copies(&h.tenant, 0, &report));
        h.now_usec += report.wait_usec;
        hin_tenant_close(&h.tenant);
        CHECK_OK(house_open(&h, false));
    }
    CHECK(report.done);
    CHECK(report.log_folded);
    CHECK(report.exportable);
    CHECK_INT(report.tenant_below, 2);
    CHECK_INT(report.wrapping_below, 2);
    CHECK_OK(get(&h, id, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "stays readable");

    struct house copy;
    CHECK_OK(house_of_copies(&copy, &h, folder, keyring)); /* the ring of before, and its copy */
    CHECK_OK(get(&copy, id, &buf));
    house_done(&copy);
    CHECK(!hin_is_ok(house_of_copies(&copy, &h, folder, h.keyring)));
    house_done(&copy);
}

/* Another process has the tenant too, and rests with its keys while all table keys are made anew
 * and those of before go. */
TEST(test_manager_tenant__wakes_behind_a_shredding)
{
    HOUSE(h, "rested");
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 65536};
    struct hin_keys_carrier carrier = {house_call, &h};
    struct hin_tenant_place place = {h.database, NULL};
    struct hin_error error = {0};
    struct hin_shred_report report = {0};
    struct hin_store_content after = {.bytes = HIN_VIEW("written after")};
    struct hin_store_document document;
    struct hin_tenant other;
    int64_t id = 0;
    CHECK_OK(put(&h, "stays readable", &id));
    CHECK_OK(hin_tenant_open(&other, &place, tenant_id, &carrier, HIN_VAULT_FOR_SEARCH, &h.clock,
                             false, &error));
    for (int i = 0; i < 2; i++) { /* resting, and awake without a write */
        if (i == 0) {
            hin_tenant_rest(&other);
        }
        CHECK_OK(hin_tenant_shred_begin(&h.tenant));
        for (report.done = false; !report.done; h.now_usec += report.wait_usec) {
            CHECK_OK(hin_tenant_shred_copies(&h.tenant, 0, &report));
        }
        CHECK_OK(hin_tenant_wake(&other));
        CHECK_OK(hin_tenant_refresh(&other));
        hin_buf_clear(&buf);
        CHECK_OK(hin_store_get(other.store, HIN_STORE_SETTINGS, id, &buf, &document));
        CHECK_OK(hin_store_create(other.store, HIN_STORE_SETTINGS, &after, h.now_usec, &id));
        CHECK_OK(get(&h, id, &buf));
    }
    hin_tenant_close(&other);
}
