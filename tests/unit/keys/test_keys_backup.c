/* Keys of backups, and a vault that comes back out of one. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "keys/client.h"
#include "keys/ring.h"

struct site {
    char state[300], keyring[300];
    int directory;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_vault_options options;
};

static HIN_RESULT site_ring(struct site *site, const char *name)
{
    site->directory = -1;
    snprintf(site->state, sizeof(site->state), "%s/%s", test_folder(), name);
    snprintf(site->keyring, sizeof(site->keyring), "%s/%s.keyring", test_folder(), name);
    HIN_TRY(hin_directory_make(site->state, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, site->state, O_RDONLY | O_DIRECTORY, 0, &site->directory));
    HIN_TRY(hin_ring_create(AT_FDCWD, site->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&site->ring, AT_FDCWD, site->keyring, NULL, NULL));
    site->options =
        (struct hin_vault_options){.provider = hin_ring_provider(site->ring),
                                   .storage = hin_vault_storage_folder(&site->directory),
                                   .own = "own"};
    return hin_ok();
}

static HIN_RESULT site_build(struct site *site, const char *name)
{
    HIN_TRY(site_ring(site, name));
    HIN_TRY(hin_vault_create(&site->vault, &site->options, "Hinomi test"));
    HIN_TRY(hin_vault_tenant_create(site->vault, HIN_VIEW("own")));
    return hin_vault_tenant_create(site->vault, HIN_VIEW("red"));
}

static void site_done(struct site *site)
{
    hin_vault_free(site->vault);
    hin_ring_free(site->ring);
    hin_fd_close(&site->directory);
}

static HIN_RESULT backup_of(struct site *site, const char *tenant, struct hin_buf *payload)
{
    struct hin_vault_data_key key;
    HIN_TRY(hin_vault_backup_new(site->vault, hin_view_from_text(tenant), 0, &key, payload));
    hin_secret_done(&key.key);
    return hin_ok();
}

static bool opens(struct site *site, const char *tenant, const struct hin_buf *payload)
{
    struct hin_vault_data_key key = {0};
    bool opened = hin_is_ok(hin_vault_backup_open(site->vault, hin_view_from_text(tenant),
                                                  hin_buf_view(payload), &key));
    hin_secret_done(&key.key);
    return opened;
}

#define PAYLOAD(name) HIN_CLEANUP(hin_buf_done) struct hin_buf name = {.max = HIN_VAULT_BACKUP_MAX}

TEST(test_keys_backup__each_has_a_key_of_its_own_that_goes_alone)
{
    HIN_CLEANUP(site_done) struct site site = {0};
    PAYLOAD(one);
    PAYLOAD(two);
    PAYLOAD(red);
    uint32_t versions[2];
    CHECK_OK(site_build(&site, "alone"));
    CHECK_OK(backup_of(&site, "own", &one));
    CHECK_OK(backup_of(&site, "own", &two));
    CHECK_OK(backup_of(&site, "red", &red));
    CHECK_OK(hin_vault_backup_version(hin_buf_view(&one), &versions[0]));
    CHECK_OK(hin_vault_backup_version(hin_buf_view(&two), &versions[1]));
    CHECK(versions[0] != versions[1]);
    CHECK(opens(&site, "own", &one) && opens(&site, "own", &two) && opens(&site, "red", &red));
    CHECK(!opens(&site, "red", &one)); /* another tenant's */
    CHECK_OK(hin_vault_backup_destroy(site.vault, HIN_VIEW("own"), versions[0]));
    CHECK(!opens(&site, "own", &one) && opens(&site, "own", &two));
    CHECK_OK(hin_vault_backup_destroy(site.vault, HIN_VIEW("own"), versions[1])); /* the newest */
    CHECK(!opens(&site, "own", &two) && opens(&site, "red", &red));
    CHECK_OK(hin_vault_tenant_shred(site.vault, HIN_VIEW("red")));
    CHECK(!opens(&site, "red", &red));
}

TEST(test_keys_backup__the_former_ring_opens_it_and_a_rotation_does_not_matter)
{
    HIN_CLEANUP(site_done) struct site site = {0};
    PAYLOAD(payload);
    CHECK_OK(site_build(&site, "rotated"));
    CHECK_OK(backup_of(&site, "own", &payload));
    CHECK_OK(hin_vault_tenant_rotate(site.vault, HIN_VIEW("own")));
    CHECK_OK(hin_vault_wrapping_rotate(site.vault, HIN_VIEW("own")));
    CHECK_OK(hin_vault_master_rotate(site.vault));
    CHECK(opens(&site, "own", &payload));
}

TEST(test_keys_backup__a_vault_comes_back_with_the_authority_under_another_ring)
{
    HIN_CLEANUP(site_done) struct site site = {0};
    HIN_CLEANUP(site_done) struct site other = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf was = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf is = {.max = 65536};
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys indexed = {0};
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys back = {0};
    PAYLOAD(own);
    PAYLOAD(red);
    uint8_t keys[2][HIN_SIGN_PUBLIC_BYTES];
    CHECK_OK(site_build(&site, "former"));
    CHECK_OK(backup_of(&site, "own", &own));
    CHECK_OK(backup_of(&site, "red", &red));
    CHECK_OK(site_ring(&other, "other"));
    CHECK_CODE(hin_vault_restore(&other.vault, &other.options, &site.options.provider,
                                 HIN_VIEW("red"), hin_buf_view(&red)),
               NOT_FOUND); /* only the own tenant's has the installation's keys */
    CHECK(!hin_is_ok(hin_vault_restore(&other.vault, &other.options, &other.options.provider,
                                       HIN_VIEW("own"), hin_buf_view(&own))));
    CHECK_OK(hin_vault_restore(&other.vault, &other.options, &site.options.provider,
                               HIN_VIEW("own"), hin_buf_view(&own)));
    CHECK_OK(hin_vault_restore_tenant(other.vault, &site.options.provider, HIN_VIEW("red"),
                                      hin_buf_view(&red)));
    CHECK_CODE(hin_vault_restore_tenant(other.vault, &site.options.provider, HIN_VIEW("red"),
                                        hin_buf_view(&red)),
               EXISTS);
    CHECK_OK(hin_vault_ca(site.vault, &was));
    CHECK_OK(hin_vault_ca(other.vault, &is));
    CHECK(hin_view_equal(hin_buf_view(&was), hin_buf_view(&is)));
    CHECK_OK(hin_vault_checkpoint_public(site.vault, keys[0]));
    CHECK_OK(hin_vault_checkpoint_public(other.vault, keys[1]));
    CHECK(memcmp(keys[0], keys[1], sizeof(keys[0])) == 0);
    CHECK_OK(hin_vault_index_keys(site.vault, HIN_VIEW("red"), HIN_VAULT_FOR_BACKUP, &indexed));
    CHECK_OK(hin_vault_index_keys(other.vault, HIN_VIEW("red"), HIN_VAULT_FOR_BACKUP, &back));
    CHECK(indexed.count == 1 && back.count == 1);
    CHECK(hin_secret_equal(&indexed.keys[0], &back.keys[0]));
    /* it opens again from its file, with its own ring alone */
    hin_vault_free(other.vault);
    other.vault = NULL;
    CHECK_OK(hin_vault_open(&other.vault, &other.options));
}

TEST(test_keys_backup__a_worker_may_not_ask_and_the_process_backup_gets_no_authority)
{
    HIN_CLEANUP(site_done) struct site site = {0};
    PAYLOAD(payload);
    struct hin_vault_data_key key = {0};
    CHECK_OK(site_build(&site, "asks"));
    struct hin_keys_local worker = {site.vault, HIN_KEYS_MASK_WORKER};
    struct hin_keys_local backup = {site.vault, HIN_KEYS_MASK_BACKUP};
    struct hin_keys_carrier carriers[] = {hin_keys_carrier_local(&worker),
                                          hin_keys_carrier_local(&backup)};
    CHECK_CODE(hin_keys_backup_key_new(&carriers[0], HIN_VIEW("own"), 0, &key, &payload), DENIED);
    CHECK_CODE(hin_keys_backup_key_destroy(&carriers[0], HIN_VIEW("own"), 1), DENIED);
    CHECK_OK(hin_keys_backup_key_new(&carriers[1], HIN_VIEW("own"), 0, &key, &payload));
    CHECK_CODE(
        hin_keys_tenant_erase(&carriers[1], HIN_VIEW("red"), &(struct hin_key_provider_status){0}),
        DENIED);
    /* the key it got does not open what is sealed of the vault */
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf plain = {.max = 65536};
    size_t sealed = hin_view_find(hin_buf_view(&payload), HIN_VIEW("HSV"));
    CHECK(sealed != SIZE_MAX);
    CHECK_OK(hin_opener_new(&opener, NULL, 1));
    CHECK_OK(hin_opener_add(opener, key.id, &key.key));
    struct hin_seal_place place = {HIN_VIEW("own"), HIN_VIEW("backup"), HIN_VIEW("vault"),
                                   HIN_VIEW("part")};
    CHECK_CODE(hin_seal_open_value(opener, &place,
                                   hin_view_sub(hin_buf_view(&payload), sealed, SIZE_MAX), &plain),
               AUTH);
    hin_secret_done(&key.key);
}
