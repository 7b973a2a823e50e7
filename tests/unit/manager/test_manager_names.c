/* An index key is rotated in a tenant with documents as the product makes them: what each is called
 * is told from it, and the rotation ends, wherever the key service goes away. */
#include "manager/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "data/json.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/credential.h"
#include "manager/holders.h"
#include "manager/person_erasure.h"
#include "manager/revision.h"

static const char tenant_id[] = "11111111-2222-4333-8444-555555555555";

struct house {
    char folder[300], keyring[320];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local;
    struct hin_keys_carrier inner;
    int calls_left; /* until the key service is away; below 0: it stays */
    struct hin_tenant tenant;
};

static HIN_RESULT call(void *context, struct hin_view request, struct hin_buf *ret_answer)
{
    struct house *house = context;
    HIN_ENSURE(house->calls_left != 0, AGAIN);
    house->calls_left -= house->calls_left > 0;
    return house->inner.call(house->inner.context, request, ret_answer);
}

static HIN_RESULT open_tenant(struct house *house, bool create)
{
    struct hin_error error = {0};
    struct hin_keys_carrier carrier = {call, house};
    return hin_tenant_open(&house->tenant, &(struct hin_tenant_place){house->database, NULL},
                           tenant_id, &carrier, HIN_VAULT_FOR_INGEST, hin_clock_system(), create,
                           &error);
}

static HIN_RESULT house_build(struct house *house, const char *name)
{
    char path[320];
    snprintf(house->folder, sizeof(house->folder), "%s/%s", test_folder(), name);
    snprintf(house->keyring, sizeof(house->keyring), "%s.keyring", house->folder);
    snprintf(path, sizeof(path), "%s/db", house->folder);
    HIN_TRY(hin_directory_make(path, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &house->database));
    HIN_TRY(hin_fd_open(AT_FDCWD, house->folder, O_RDONLY | O_DIRECTORY, 0, &house->vault_folder));
    HIN_TRY(hin_ring_create(AT_FDCWD, house->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&house->ring, AT_FDCWD, house->keyring, NULL, NULL));
    struct hin_vault_options options = {
        .provider = hin_ring_provider(house->ring),
        .storage = hin_vault_storage_folder(&house->vault_folder),
    };
    HIN_TRY(hin_vault_create(&house->vault, &options, "test"));
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(tenant_id)));
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_WORKER};
    house->inner = hin_keys_carrier_local(&house->local);
    return open_tenant(house, true);
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
    HIN_CLEANUP(house_done)                                                                        \
    struct house name = {.vault_folder = -1, .database = -1, .calls_left = -1};                    \
    CHECK_OK(house_build(&name, folder))

/* Those that other programs' parts make are laid there as they make them. */
static const struct {
    enum hin_store_kind kind;
    const char *text;
    const char *names[2];
} laid[] = {
    {HIN_STORE_COMPUTERS,
     "{\"hostGUID\":\"a-1\",\"enrolmentKeyDigest\":\"d1\",\"name\":\"x\"}",
     {"a-1", "d1"}},
    {HIN_STORE_POLICIES, "{\"name\":\"Base Policy\",\"guid\":\"x\"}", {"Base Policy", NULL}},
    {HIN_STORE_LOG_RULES,
     "{\"name\":\"renamed since\",\"identifier\":\"sshd_rules.xml\"}",
     {"sshd_rules.xml", NULL}},
    {HIN_STORE_LOG_DECODERS, "{\"identifier\":\"decoder.xml\"}", {"decoder.xml", NULL}},
    {HIN_STORE_TENANTS, "{\"name\":\"North Wind\",\"guid\":\"u-1\"}", {"north wind", "u-1"}},
    {HIN_STORE_CERTIFICATES, "{\"guid\":\"c-1\",\"tenantName\":\"x\"}", {"c-1", NULL}},
    {HIN_STORE_EVIDENCE, "{\"guid\":\"v-1\",\"number\":12}", {"12", "v-1"}},
    {HIN_STORE_PROBE_STATES, "{}", {"head", NULL}},
    {HIN_STORE_PROBE_STATES, "no JSON at all", {"canary", NULL}},
    {HIN_STORE_PROBE_STATES, "{\"last\":1}", {"probe second-region", NULL}},
    {HIN_STORE_MAKINGS, "0f0f", {"0f0f", NULL}},
    {HIN_STORE_RESTORES, "{\"restore\":\"r-1\",\"what\":\"store\"}", {"r-1", NULL}},
    {HIN_STORE_ESCROWS, "{\"guid\":\"k-1\",\"label\":\"safe\"}", {"k-1", NULL}},
    {HIN_STORE_EXPORTS, "{\"guid\":\"e-1\",\"keyID\":\"00\"}", {"e-1", NULL}},
};

static HIN_RESULT lay(struct house *house)
{
    for (size_t i = 0; i < HIN_COUNT(laid); i++) {
        struct hin_store_content content = {.bytes = hin_view_from_text(laid[i].text)};
        int64_t id = 0;
        for (size_t slot = 0; slot < 2 && laid[i].names[slot] != NULL; slot++) {
            content.names[slot] = hin_view_from_text(laid[i].names[slot]);
        }
        HIN_TRY(hin_store_create(house->tenant.store, laid[i].kind, &content, 1, &id));
    }
    return hin_ok();
}

static HIN_RESULT accept_erasure(struct house *house)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *where = NULL;
    struct hin_person_request request = {.requested_by = HIN_VIEW("me"), .tenant_name = "t"};
    int64_t id = 0;
    HIN_TRY(
        hin_json_parse(HIN_VIEW("[{\"field\":\"user\",\"value\":\"eve\"}]"), 4096, &where, NULL));
    request.where = hin_json_root(where);
    return hin_person_erasure_accept(&house->tenant, &request, &id);
}

/* *ret_key: the secret of an API key, which is found by its digest. */
static HIN_RESULT fill(struct house *house, struct hin_secret *ret_key)
{
    struct hin_secret token = {0};
    struct hin_holders holders;
    struct hin_tenant *tenant = &house->tenant;
    int64_t id = 0;
    HIN_CLEANUP(hin_secret_done) struct hin_secret password = {0};
    HIN_TRY(hin_secret_from(&password, HIN_VIEW("correct horse battery")));
    struct hin_credential_api_key key = {.name = HIN_VIEW("k"), .role = 1};
    struct hin_credential_token wanted = {.ttl_usec = HIN_HOUR_USEC, .uses = 1};
    struct hin_credential_administrator administrator = {
        .username = HIN_VIEW("ada"), .password = hin_secret_view(&password), .role = 1};
    HIN_TRY(hin_credential_api_key_new(tenant, &key, ret_key, &id));
    HIN_TRY(hin_credential_token_new(tenant, &wanted, &token, &id));
    hin_secret_done(&token);
    HIN_TRY(hin_credential_administrator_new(tenant, &administrator, &id));
    HIN_TRY(hin_revision_raise(tenant));
    HIN_TRY(hin_holders_load(tenant, &holders));
    HIN_TRY(hin_holders_save(tenant, &holders));
    HIN_TRY(accept_erasure(house));
    return lay(house);
}
enum { NAMES = 6 + 17 }; /* rows */

static bool is_found(struct house *house, enum hin_store_kind kind, size_t slot, const char *name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 20};
    struct hin_store_document found;
    return hin_is_ok(
        hin_store_find(house->tenant.store, kind, slot, hin_view_from_text(name), &buf, &found));
}

static void check_found(struct house *house, const struct hin_secret *key)
{
    char digest[HIN_SHA256_HEX_BYTES];
    struct hin_holders holders;
    uint64_t revision = 0;
    CHECK_OK(hin_credential_digest(HIN_TOKEN_API_KEY, hin_secret_view(key), digest));
    CHECK(is_found(house, HIN_STORE_API_KEYS, 0, digest));
    CHECK(is_found(house, HIN_STORE_ADMINISTRATORS, 0, "ada"));
    CHECK_OK(hin_holders_load(&house->tenant, &holders));
    CHECK(holders.document != 0);
    CHECK_OK(hin_revision_get(&house->tenant, &revision));
    CHECK_INT(revision, 2);
    for (size_t i = 0; i < HIN_COUNT(laid); i++) {
        for (size_t slot = 0; slot < 2 && laid[i].names[slot] != NULL; slot++) {
            CHECK(is_found(house, laid[i].kind, slot, laid[i].names[slot]));
        }
    }
}

/* All of it, as a holder and `jobs` do it; ends at the first failure. */
static HIN_RESULT rotate_whole(struct house *house, uint32_t newest)
{
    struct hin_store_index index;
    struct hin_tenant *tenant = &house->tenant;
    HIN_TRY(hin_store_index(tenant->store, &index));
    if (index.version < newest) {
        HIN_TRY(hin_tenant_rotate_index(tenant));
        HIN_TRY(hin_store_index(tenant->store, &index));
    }
    while (index.former != 0) {
        HIN_TRY(hin_store_reindex(tenant->store, &hin_document_namer, 2, &index));
        HIN_ENSURE(index.stuck == 0, CORRUPT);
    }
    struct hin_result retired =
        hin_keys_retire(&tenant->keys, hin_tenant_view(tenant), HIN_VAULT_INDEX, newest - 1);
    return retired.code == HIN_NOT_FOUND ? hin_ok() : retired;
}

TEST(test_manager_names__an_index_key_is_rotated_whole)
{
    HOUSE(h, "names");
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_store_index index;
    struct hin_vault_tenant_status status;
    CHECK_OK(fill(&h, &key));
    check_found(&h, &key);
    CHECK_OK(hin_tenant_rotate_index(&h.tenant));
    CHECK_CODE(hin_tenant_rotate_index(&h.tenant), CONFLICT);
    check_found(&h, &key);
    CHECK_OK(rotate_whole(&h, 2));
    CHECK_OK(hin_store_index(h.tenant.store, &index));
    CHECK_INT(index.names, NAMES);
    hin_tenant_close(&h.tenant); /* who comes new has the new key alone */
    CHECK_OK(open_tenant(&h, false));
    CHECK(!hin_index_knows(h.tenant.index, 1));
    check_found(&h, &key);
    CHECK_OK(rotate_whole(&h, 3));
    check_found(&h, &key);
    CHECK_OK(hin_keys_tenant_status(&h.tenant.keys, hin_tenant_view(&h.tenant), &status));
    CHECK(status.index_version_count == 1 && status.index_versions[0] == 3);
}

/* The key service goes away at each of its calls; a new process goes on. */
TEST(test_manager_names__goes_on_wherever_the_key_service_went_away)
{
    bool whole = false;
    int cuts = 0;
    for (; !whole && cuts < 40; cuts++) {
        char name[32];
        snprintf(name, sizeof(name), "cut%d", cuts);
        HOUSE(h, name);
        HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
        CHECK_OK(fill(&h, &key));
        h.calls_left = cuts;
        whole = hin_is_ok(rotate_whole(&h, 2));
        h.calls_left = -1;
        if (cuts % 2 == 0) {
            hin_tenant_close(&h.tenant);
            CHECK_OK(open_tenant(&h, false));
        }
        check_found(&h, &key);
        CHECK_OK(rotate_whole(&h, 2));
        CHECK_OK(hin_index_renew(h.tenant.index));
        CHECK(!hin_index_knows(h.tenant.index, 1));
        check_found(&h, &key);
    }
    CHECK(whole && cuts >= 5);
}
