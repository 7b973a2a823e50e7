/* A tenant's erasure, cut off at each of its questions to the key service and between its steps: it
 * ends erased, certified once, and never half. */
#include "manager/erasure.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/certificate.h"
#include "store/documents.h"

static const char own_id[] = "11111111-2222-4333-8444-555555555555";
static const char gone_id[] = "99999999-2222-4333-8444-555555555555";

struct house {
    char folder[300], keyring[320];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_keys_carrier inner, carrier;
    int calls_left; /* until the key service is away; below 0: it stays */
    struct hin_tenant own;
    int64_t number; /* of the one that is erased */
};

static HIN_RESULT call(void *context, struct hin_view request, struct hin_buf *ret_answer)
{
    struct house *house = context;
    HIN_ENSURE(house->calls_left != 0, AGAIN);
    house->calls_left -= house->calls_left > 0;
    return house->inner.call(house->inner.context, request, ret_answer);
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
    house->inner = hin_keys_carrier_local(&house->local);
    house->carrier = (struct hin_keys_carrier){call, house};
    house->calls_left = -1;
    return hin_vault_tenant_create(house->vault, hin_view_from_text(gone_id));
}

static HIN_RESULT open_tenant(struct house *house, struct hin_tenant *tenant, const char *id,
                              bool create)
{
    struct hin_error error = {0};
    struct hin_tenant_place place = {house->database, NULL};
    return hin_tenant_open(tenant, &place, id, &house->carrier, HIN_VAULT_FOR_CONFIG,
                           hin_clock_system(), create, &error);
}

static HIN_RESULT build(struct house *house, int number)
{
    char path[320];
    struct hin_tenant gone;
    struct hin_store_content row = {
        .bytes = HIN_VIEW("{\"guid\":\"99999999-2222-4333-8444-555555555555\",\"name\":\"Gone\","
                          "\"tenantState\":\"active\",\"description\":\"stays\"}"),
        .names = {HIN_VIEW("gone"), hin_view_from_text(gone_id)}};
    *house = (struct house){0};
    snprintf(house->folder, sizeof(house->folder), "%s/erasure%d", test_folder(), number);
    snprintf(house->keyring, sizeof(house->keyring), "%s.keyring", house->folder);
    snprintf(path, sizeof(path), "%s/db", house->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &house->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, house->folder, O_RDONLY | O_DIRECTORY, 0, &house->vault_folder));
    HIN_TRY(open_vault(house));
    HIN_TRY(open_tenant(house, &house->own, own_id, true));
    HIN_TRY(open_tenant(house, &gone, gone_id, true));
    hin_tenant_close(&gone);
    return hin_store_create(house->own.store, HIN_STORE_TENANTS, &row,
                            hin_tenant_now_usec(&house->own), &house->number);
}

static void done(struct house *house)
{
    hin_tenant_close(&house->own);
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_fd_close(&house->database);
    hin_fd_close(&house->vault_folder);
}

static HIN_RESULT read_row(struct house *house, struct hin_tenant_row *ret_row)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_store_document found;
    HIN_TRY(hin_store_get(house->own.store, HIN_STORE_TENANTS, house->number, &text, &found));
    return hin_tenant_row_read(house->number, found.bytes, ret_row);
}

/* As the worker does it. */
static HIN_RESULT begin(struct house *house)
{
    struct hin_tenant_row row;
    HIN_TRY(read_row(house, &row));
    hin_erasure_count(&house->own, &row);
    row.state = HIN_TENANT_ERASING;
    snprintf(row.erasure.id, sizeof(row.erasure.id), "22222222-2222-4333-8444-555555555555");
    HIN_TRY(hin_tenant_row_write(&house->own, &row, 0, 0));
    HIN_TRY(hin_erasure_destroy_key(&house->own, &row));
    return hin_tenant_row_write(&house->own, &row, HIN_TENANT_ERASING, 0);
}

/* As jobs does it: the row is read anew for each step, as by a process that has just started. */
static HIN_RESULT go_on(struct house *house)
{
    bool ended = false;
    for (int i = 0; !ended && i < 100; i++) {
        struct hin_tenant_row row;
        HIN_TRY(read_row(house, &row));
        HIN_ENSURE(row.state == HIN_TENANT_ERASING, CONFLICT);
        HIN_TRY(hin_erasure_step(&house->own, &row, &ended));
    }
    return ended ? hin_ok() : hin_fail(HIN_LIMIT);
}

static bool is_gone(struct house *house)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.db", gone_id);
    return faccessat(house->database, name, F_OK, 0) != 0;
}

static void check_end(struct house *house)
{
    struct hin_tenant_row row;
    struct hin_tenant gone;
    uint64_t count = 0;
    CHECK_OK(read_row(house, &row));
    CHECK_INT(row.state, HIN_TENANT_ERASED);
    CHECK(row.erasure.destroyed_usec > 0 && row.erasure.exportable);
    CHECK(is_gone(house));
    CHECK_OK(hin_store_count(house->own.store, HIN_STORE_CERTIFICATES, &count));
    CHECK_INT(count, 1);
    CHECK(!hin_is_ok(open_tenant(house, &gone, gone_id, false)));
    row.state = HIN_TENANT_ACTIVE;
    CHECK_CODE(hin_tenant_row_write(&house->own, &row, 0, 0), CONFLICT);
}

TEST(test_manager_erasure__ends_wherever_it_is_cut_off)
{
    int cuts = 0;
    for (int calls = 0; calls < 30; calls++) {
        struct house house;
        CHECK_OK(build(&house, calls));
        house.calls_left = calls;
        struct hin_result begun = begin(&house);
        struct hin_result ended = hin_is_ok(begun) ? go_on(&house) : begun;
        bool cut = !hin_is_ok(ended);
        cuts += cut;
        house.calls_left = -1;
        if (cut) {
            CHECK_CODE(ended, AGAIN);
            CHECK_OK(go_on(&house));
        }
        check_end(&house);
        done(&house);
        if (!cut) {
            break;
        }
    }
    CHECK(cuts >= 6); /* count, destroy, authority, sign, vouch were each refused once */
    printf("# cut off in %d places\n", cuts);
}

TEST(test_manager_erasure__waits_for_who_has_it_open)
{
    struct house house;
    struct hin_tenant gone;
    CHECK_OK(build(&house, 100));
    CHECK_OK(open_tenant(&house, &gone, gone_id, false));
    CHECK_OK(begin(&house));
    CHECK_CODE(go_on(&house), AGAIN);
    CHECK(!is_gone(&house));
    hin_tenant_close(&gone);
    CHECK_OK(go_on(&house));
    check_end(&house);
    done(&house);
}

TEST(test_manager_erasure__never_the_installation_itself)
{
    struct house house;
    struct hin_key_provider_status status;
    CHECK_OK(build(&house, 101));
    CHECK_CODE(hin_keys_tenant_erase(&house.carrier, hin_view_from_text(own_id), &status), DENIED);
    CHECK_OK(hin_keys_tenant_erase(&house.carrier, hin_view_from_text(gone_id), &status));
    CHECK_INT(status.current_version, 0);
    CHECK_OK(hin_keys_tenant_erase(&house.carrier, hin_view_from_text(gone_id), &status));
    done(&house);
}
