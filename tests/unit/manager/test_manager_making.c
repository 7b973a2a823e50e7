/* A tenant whose making is cut off after each of its steps: what there was of it is cleared away,
 * and nothing else. */
#include "manager/making.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "harness.h"
#include "keys/ring.h"
#include "store/documents.h"

static const char own_id[] = "11111111-2222-4333-8444-555555555555";
static const char new_id[] = "99999999-2222-4333-8444-555555555555";

struct house {
    char folder[300], keyring[320];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_clock clock;
    int64_t ahead_usec;
    struct hin_keys_carrier carrier;
    struct hin_tenant own;
};

static int64_t wall(void *context)
{
    const struct house *house = context;
    return hin_clock_wall_usec(hin_clock_system()) + house->ahead_usec;
}

static int64_t monotonic(void *context)
{
    (void)context;
    return hin_clock_monotonic_usec(hin_clock_system());
}

static HIN_RESULT open_vault(struct house *house)
{
    HIN_TRY(hin_ring_create(AT_FDCWD, house->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&house->ring, AT_FDCWD, house->keyring, NULL, NULL));
    struct hin_vault_options options = {
        .provider = hin_ring_provider(house->ring),
        .storage = hin_vault_storage_folder(&house->vault_folder),
        .own = own_id,
    };
    HIN_TRY(hin_vault_create(&house->vault, &options, "test"));
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(own_id)));
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_WORKER};
    house->carrier = hin_keys_carrier_local(&house->local);
    return hin_ok();
}

static HIN_RESULT open_tenant(struct house *house, struct hin_tenant *tenant, const char *id)
{
    struct hin_error error = {0};
    struct hin_tenant_place place = {house->database, NULL};
    return hin_tenant_open(tenant, &place, id, &house->carrier, HIN_VAULT_FOR_CONFIG, &house->clock,
                           true, &error);
}

static HIN_RESULT build(struct house *house, const char *name)
{
    char path[320];
    *house = (struct house){.clock = {wall, monotonic, house}};
    snprintf(house->folder, sizeof(house->folder), "%s/%s", test_folder(), name);
    snprintf(house->keyring, sizeof(house->keyring), "%s.keyring", house->folder);
    snprintf(path, sizeof(path), "%s/db", house->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &house->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, house->folder, O_RDONLY | O_DIRECTORY, 0, &house->vault_folder));
    HIN_TRY(open_vault(house));
    return open_tenant(house, &house->own, own_id);
}

static void done(struct house *house)
{
    hin_tenant_close(&house->own);
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_fd_close(&house->database);
    hin_fd_close(&house->vault_folder);
}

/* As jobs does it; -1: a step failed. */
static int clear(struct house *house)
{
    bool idle = false;
    int steps = 0;
    for (; steps < 20; steps++) {
        if (!hin_is_ok(hin_making_clear(&house->own, &idle))) {
            return -1;
        }
        if (idle) {
            return steps;
        }
    }
    return -1;
}

enum step { NOTED, AT_THE_PROVIDER, IN_THE_VAULT, IN_THE_STORE, STEPS };

static HIN_RESULT make(struct house *house, enum step until)
{
    struct hin_view id = hin_view_from_text(new_id);
    struct hin_key_provider provider = hin_ring_provider(house->ring);
    struct hin_tenant tenant;
    HIN_TRY(hin_making_begin(&house->own, id));
    if (until == AT_THE_PROVIDER) {
        return provider.generate(provider.context, id);
    }
    if (until >= IN_THE_VAULT) {
        HIN_TRY(hin_keys_admin(&house->carrier, HIN_KEYS_TENANT_CREATE, id));
    }
    if (until >= IN_THE_STORE) {
        HIN_TRY(open_tenant(house, &tenant, new_id));
        hin_tenant_close(&tenant);
    }
    return hin_ok();
}

static bool has_file(const struct house *house, const char *suffix)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/db/%s%s", house->folder, new_id, suffix);
    return access(path, F_OK) == 0;
}

TEST(test_manager_making__cut_off_after_any_step_nothing_stays)
{
    for (int until = NOTED; until < STEPS; until++) {
        char name[32];
        struct house house;
        struct hin_key_provider_status status;
        uint64_t notes = 0;
        snprintf(name, sizeof(name), "cut%d", until);
        CHECK_OK(build(&house, name));
        CHECK_OK(make(&house, (enum step)until));
        CHECK_INT(has_file(&house, ".db"), until == IN_THE_STORE);
        CHECK_INT(clear(&house), 0); /* it may still be under way */
        CHECK_INT(has_file(&house, ".db"), until == IN_THE_STORE);
        house.ahead_usec = 11 * HIN_SEC_USEC;
        CHECK(clear(&house) > 0);
        CHECK(!has_file(&house, ".db") && !has_file(&house, ".lock") &&
              !has_file(&house, ".db-wal"));
        struct hin_key_provider provider = hin_ring_provider(house.ring);
        CHECK_OK(provider.status(provider.context, hin_view_from_text(new_id), &status));
        CHECK_INT(status.version_count, 0);
        CHECK_OK(provider.status(provider.context, hin_view_from_text(own_id), &status));
        CHECK_INT(status.version_count, 1);
        CHECK_OK(hin_store_count(house.own.store, HIN_STORE_MAKINGS, &notes));
        CHECK_INT(notes, 0);
        CHECK_CODE(hin_making_end(&house.own, hin_view_from_text(new_id)), CONFLICT);
        done(&house);
    }
}

TEST(test_manager_making__what_was_registered_is_left_alone)
{
    struct house house;
    CHECK_OK(build(&house, "made"));
    CHECK_OK(make(&house, IN_THE_STORE));
    CHECK_OK(hin_store_begin(house.own.store));
    CHECK_OK(hin_making_end(&house.own, hin_view_from_text(new_id)));
    CHECK_OK(hin_store_end(house.own.store, true));
    house.ahead_usec = HIN_HOUR_USEC;
    CHECK_INT(clear(&house), 0);
    CHECK(has_file(&house, ".db"));
    done(&house);
}

/* It comes back from a long wait when jobs has begun to clear: it must not be registered. */
TEST(test_manager_making__who_comes_late_finds_the_mark)
{
    struct house house;
    bool idle = true;
    CHECK_OK(build(&house, "late"));
    CHECK_OK(make(&house, IN_THE_STORE));
    house.ahead_usec = HIN_HOUR_USEC;
    CHECK_OK(hin_making_clear(&house.own, &idle)); /* the mark alone */
    CHECK(!idle && has_file(&house, ".db"));
    CHECK_CODE(hin_making_end(&house.own, hin_view_from_text(new_id)), CONFLICT);
    CHECK(clear(&house) > 0);
    CHECK(!has_file(&house, ".db"));
    done(&house);
}

/* Who makes it has its store open: keys go, its files once it has closed. */
TEST(test_manager_making__files_that_are_open_wait)
{
    struct house house;
    struct hin_tenant tenant;
    CHECK_OK(build(&house, "open"));
    CHECK_OK(make(&house, IN_THE_STORE));
    CHECK_OK(open_tenant(&house, &tenant, new_id));
    house.ahead_usec = HIN_HOUR_USEC;
    CHECK_INT(clear(&house), -1);
    CHECK(has_file(&house, ".db"));
    hin_tenant_close(&tenant);
    CHECK(clear(&house) > 0);
    CHECK(!has_file(&house, ".db"));
    done(&house);
}
