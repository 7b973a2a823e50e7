#include "keys/vault.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "keys/client.h"
#include "keys/ring.h"
#include "proof/key.h"

struct uses {
    size_t granted, refused;
    struct hin_vault_use last;
};

struct site { /* a state folder and a key ring beside it */
    char state[300], keyring[300];
    int directory;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct uses uses;
    struct hin_vault_options options;
};

static void count_use(void *context, const struct hin_vault_use *use)
{
    struct uses *uses = context;
    uses->granted += use->outcome == HIN_OK;
    uses->refused += use->outcome != HIN_OK;
    uses->last = *use;
}

static HIN_RESULT site_build(struct site *site, const char *name)
{
    snprintf(site->state, sizeof(site->state), "%s/%s", test_folder(), name);
    snprintf(site->keyring, sizeof(site->keyring), "%s/%s.keyring", test_folder(), name);
    site->directory = -1;
    HIN_TRY(hin_directory_make(site->state, 0700));
    HIN_TRY(hin_fd_open(AT_FDCWD, site->state, O_RDONLY | O_DIRECTORY, 0, &site->directory));
    HIN_TRY(hin_ring_create(AT_FDCWD, site->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&site->ring, AT_FDCWD, site->keyring, NULL, NULL));
    site->options =
        (struct hin_vault_options){.provider = hin_ring_provider(site->ring),
                                   .storage = hin_vault_storage_folder(&site->directory),
                                   .used = count_use,
                                   .used_context = &site->uses};
    HIN_TRY(hin_vault_create(&site->vault, &site->options, "Hinomi test"));
    return hin_vault_tenant_create(site->vault, HIN_VIEW("t0"));
}

static void site_done(struct site *site)
{
    hin_vault_free(site->vault);
    hin_ring_free(site->ring);
    hin_fd_close(&site->directory);
}

static HIN_RESULT reopen(struct site *site)
{
    hin_vault_free(site->vault);
    site->vault = NULL;
    return hin_vault_open(&site->vault, &site->options);
}

#define SITE(name, folder)                                                                         \
    HIN_CLEANUP(site_done) struct site name = {.directory = -1};                                   \
    CHECK_OK(site_build(&name, folder))
#define BUF(name)    HIN_CLEANUP(hin_buf_done) struct hin_buf name = {.max = 1 << 20}
#define SECRET(name) HIN_CLEANUP(hin_secret_done) struct hin_secret name = {0}

static void data_key_done(struct hin_vault_data_key *key)
{
    hin_secret_done(&key->key);
}

#define DATA_KEY(name) HIN_CLEANUP(data_key_done) struct hin_vault_data_key name = {0}

TEST(test_keys_vault__data_keys_open_again_after_restart_and_rotations)
{
    SITE(s, "vault1");
    DATA_KEY(key);
    BUF(wrapped);
    struct hin_view t0 = HIN_VIEW("t0");
    CHECK_OK(hin_vault_data_key_new(s.vault, t0, HIN_VAULT_FOR_INGEST, &key, &wrapped));
    for (int round = 0; round < 4; round++) {
        SECRET(back);
        if (round == 1) {
            CHECK_OK(hin_vault_tenant_rotate(s.vault, t0));
        } else if (round == 2) {
            CHECK_OK(hin_vault_master_rotate(s.vault));
            struct hin_key_provider provider = s.options.provider;
            CHECK_OK(provider.destroy(provider.context, 1)); /* nothing hangs on the old one */
        }
        CHECK_OK(reopen(&s));
        CHECK_OK(hin_vault_data_key_open(s.vault, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                         hin_buf_view(&wrapped), &back));
        CHECK(hin_secret_equal(&key.key, &back));
    }
    CHECK_CODE(hin_vault_create(&s.vault, &s.options, "again"), EXISTS);
}

TEST(test_keys_vault__keys_of_tenants_are_apart)
{
    SITE(s, "vault2");
    DATA_KEY(key);
    BUF(wrapped);
    SECRET(a);
    SECRET(b);
    SECRET(none);
    CHECK_OK(hin_vault_tenant_create(s.vault, HIN_VIEW("t1")));
    CHECK_CODE(hin_vault_tenant_create(s.vault, HIN_VIEW("t1")), EXISTS);
    CHECK_CODE(hin_vault_tenant_create(s.vault, HIN_VIEW("../t1")), INVALID);
    CHECK_OK(hin_vault_index_key(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_INGEST, &a));
    CHECK_OK(hin_vault_index_key(s.vault, HIN_VIEW("t1"), HIN_VAULT_FOR_INGEST, &b));
    CHECK(!hin_secret_equal(&a, &b));
    CHECK_OK(hin_vault_data_key_new(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_CODE(hin_vault_data_key_open(s.vault, HIN_VIEW("t1"), HIN_VAULT_FOR_INGEST, key.id,
                                       hin_buf_view(&wrapped), &none),
               AUTH);
    CHECK_CODE(hin_vault_data_key_open(s.vault, HIN_VIEW("t9"), HIN_VAULT_FOR_INGEST, key.id,
                                       hin_buf_view(&wrapped), &none),
               NOT_FOUND);
    key.id[0] ^= 1;
    CHECK_CODE(hin_vault_data_key_open(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_INGEST, key.id,
                                       hin_buf_view(&wrapped), &none),
               AUTH);
    CHECK_INT(s.uses.last.outcome, HIN_AUTH);
    CHECK_INT(s.uses.last.reason, HIN_VAULT_FOR_INGEST);
    CHECK(strcmp(s.uses.last.verb, "data-key-open") == 0);
    CHECK_INT(s.uses.refused, 5);
}

TEST(test_keys_vault__a_shredded_tenant_never_opens)
{
    SITE(s, "vault3");
    DATA_KEY(key);
    BUF(wrapped);
    SECRET(none);
    struct hin_view t0 = HIN_VIEW("t0");
    CHECK_OK(hin_vault_data_key_new(s.vault, t0, HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_OK(hin_vault_tenant_shred(s.vault, t0));
    CHECK_OK(hin_vault_tenant_create(s.vault, t0)); /* the same name again is another tenant */
    CHECK_OK(reopen(&s));
    CHECK_CODE(hin_vault_data_key_open(s.vault, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                       hin_buf_view(&wrapped), &none),
               AUTH);
}

/* The state folder is copied away; the ring is not: whatever ring the thief brings, nothing opens.
 */
TEST(test_keys_vault__a_stolen_state_folder_opens_nothing)
{
    SITE(s, "vault4");
    SITE(thief, "vault5");
    DATA_KEY(key);
    BUF(wrapped);
    BUF(file);
    SECRET(none);
    struct hin_vault *stolen = NULL;
    CHECK_OK(hin_vault_data_key_new(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_OK(hin_file_read(s.directory, "vault", &file));
    CHECK(hin_view_find(hin_buf_view(&file), hin_secret_view(&key.key)) == SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&wrapped), hin_secret_view(&key.key)) == SIZE_MAX);
    CHECK_CODE(hin_vault_data_key_open(thief.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_SEARCH, key.id,
                                       hin_buf_view(&wrapped), &none),
               AUTH);
    CHECK_OK(hin_file_replace(thief.directory, "vault", hin_buf_view(&file), 0600));
    CHECK_CODE(hin_vault_open(&stolen, &thief.options), AUTH);
}

TEST(test_keys_vault__names_what_is_wrong_with_its_file)
{
    SITE(s, "vault6");
    BUF(file);
    struct hin_vault *none = NULL;
    CHECK_OK(hin_file_read(s.directory, "vault", &file));
    file.data[file.size / 2] ^= 1;
    CHECK_OK(hin_file_replace(s.directory, "vault", hin_buf_view(&file), 0600));
    CHECK_CODE(hin_vault_open(&none, &s.options), CORRUPT);
    CHECK_OK(hin_file_replace(s.directory, "vault",
                              hin_view_sub(hin_buf_view(&file), 0, file.size - 9), 0600));
    CHECK_CODE(hin_vault_open(&none, &s.options), TRUNCATED);
    file.data[3] = 2;
    CHECK_OK(hin_file_replace(s.directory, "vault", hin_buf_view(&file), 0600));
    CHECK_CODE(hin_vault_open(&none, &s.options), UNSUPPORTED);
    CHECK(unlinkat(s.directory, "vault", 0) == 0);
    CHECK_CODE(hin_vault_open(&none, &s.options), NOT_FOUND);
}

/* Everything a worker asks, through the messages. */
TEST(test_keys_client__asks_for_all_a_worker_needs)
{
    SITE(s, "vault7");
    struct hin_keys_local local = {s.vault, HIN_KEYS_MASK_WORKER};
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&local);
    DATA_KEY(key);
    BUF(wrapped);
    BUF(ca);
    BUF(request);
    BUF(agent);
    BUF(server);
    SECRET(back);
    SECRET(index);
    SECRET(tickets);
    struct hin_view t0 = HIN_VIEW("t0");
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    CHECK_OK(hin_keys_data_key_new(&carrier, t0, HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_OK(hin_keys_data_key_open(&carrier, t0, HIN_VAULT_FOR_INGEST, key.id,
                                    hin_buf_view(&wrapped), &back));
    CHECK(hin_secret_equal(&key.key, &back));
    CHECK_OK(hin_keys_index_key(&carrier, t0, HIN_VAULT_FOR_INGEST, &index));
    CHECK_OK(hin_keys_ticket_key(&carrier, &tickets));
    CHECK_OK(hin_keys_ca(&carrier, &ca));
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *pair = NULL;
    CHECK_OK(hin_x509_key_generate(&pair));
    CHECK_OK(hin_x509_request_new(pair, "x", &request));
    CHECK_OK(hin_keys_issue_agent(&carrier, t0, HIN_VIEW("a-1"), HIN_VAULT_FOR_ENROL,
                                  hin_buf_view(&request), 30 * HIN_DAY_USEC, &agent));
    CHECK_OK(hin_x509_verify(hin_buf_view(&agent), hin_buf_view(&ca), HIN_X509_AGENT, now_usec));
    CHECK_OK(hin_keys_issue_server(&carrier, HIN_VIEW("localhost, 127.0.0.1,::1"),
                                   hin_buf_view(&request), HIN_DAY_USEC, &server));
    CHECK_OK(hin_x509_verify(hin_buf_view(&server), hin_buf_view(&ca), HIN_X509_SERVER, now_usec));
    CHECK_CODE(hin_keys_issue_agent(&carrier, HIN_VIEW("t9"), HIN_VIEW("a"), HIN_VAULT_FOR_ENROL,
                                    hin_buf_view(&request), HIN_DAY_USEC, &agent),
               NOT_FOUND);
    uint8_t public_key[HIN_SIGN_PUBLIC_BYTES], signature[HIN_SIGN_BYTES];
    CHECK_OK(hin_keys_checkpoint_public(&carrier, public_key));
    CHECK_OK(hin_keys_checkpoint_sign(&carrier, HIN_VIEW("root 1"), signature));
    struct hin_view p = hin_view_of(public_key, sizeof(public_key));
    struct hin_view g = hin_view_of(signature, sizeof(signature));
    CHECK_OK(hin_vault_checkpoint_verify(p, HIN_VIEW("root 1"), g));
    CHECK_CODE(hin_vault_checkpoint_verify(p, HIN_VIEW("root 2"), g), AUTH);
    CHECK_CODE(hin_sign_verify(p, HIN_VIEW("root 1"), g), AUTH); /* the domain stands before */
    /* The authority says which key signs checkpoints, and nothing else can be had from it so. */
    struct hin_buf certified = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_key_statement about;
    CHECK_OK(hin_keys_checkpoint_certify(&carrier, &certified));
    CHECK_OK(hin_key_statement_verify(hin_buf_view(&certified), hin_buf_view(&ca), &about));
    CHECK(memcmp(about.public_key, public_key, sizeof(public_key)) == 0);
    certified.data[certified.size - 1] ^= 1;
    CHECK_CODE(hin_key_statement_verify(hin_buf_view(&certified), hin_buf_view(&ca), &about), AUTH);
    hin_buf_done(&certified);
    struct hin_key_provider_status status;
    CHECK_OK(hin_keys_status(&carrier, &status));
    CHECK(strcmp(status.name, "file") == 0);
    /* and what a worker may not */
    CHECK_CODE(hin_keys_admin(&carrier, HIN_KEYS_TENANT_SHRED, t0), DENIED);
    CHECK_CODE(hin_keys_admin(&carrier, HIN_KEYS_MASTER_ROTATE, HIN_VIEW_EMPTY), DENIED);
    local.allowed_mask = HIN_KEYS_MASK_ALL;
    CHECK_OK(hin_keys_admin(&carrier, HIN_KEYS_TENANT_SHRED, t0));
}

TEST(test_keys_protocol__refuses_what_is_not_a_request)
{
    BUF(bytes);
    struct hin_keys_request back;
    struct hin_keys_request request = {
        .verb = HIN_KEYS_INDEX_KEY, .reason = HIN_VAULT_FOR_SEARCH, .tenant = HIN_VIEW("t0")};
    CHECK_OK(hin_keys_request_encode(&request, &bytes));
    CHECK_OK(hin_keys_request_decode(hin_buf_view(&bytes), &back));
    CHECK_VIEW(back.tenant, "t0");
    for (size_t i = 0; i < bytes.size; i++) {
        CHECK_CODE(hin_keys_request_decode(hin_view_sub(hin_buf_view(&bytes), 0, i), &back),
                   PROTOCOL);
    }
    bytes.data[2] = HIN_VAULT_REASON_COUNT;
    CHECK_CODE(hin_keys_request_decode(hin_buf_view(&bytes), &back), PROTOCOL);
    bytes.data[2] = 1;
    CHECK_OK(hin_buf_append_byte(&bytes, 0));
    CHECK_CODE(hin_keys_request_decode(hin_buf_view(&bytes), &back), PROTOCOL);
    CHECK_CODE(hin_keys_request_decode(HIN_VIEW("\xff\xff"), &back), PROTOCOL);
}
