#include "keys/vault.h"
#include "proof/certificate.h"

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
#define BUF(name)        HIN_CLEANUP(hin_buf_done) struct hin_buf name = {.max = 1 << 20}
#define INDEX_KEYS(name) HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys name = {0}
#define SECRET(name)     HIN_CLEANUP(hin_secret_done) struct hin_secret name = {0}

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
    for (int round = 0; round < 5; round++) {
        SECRET(back);
        if (round == 1) {
            CHECK_OK(hin_vault_tenant_rotate(s.vault, t0));
        } else if (round == 2) {
            CHECK_OK(hin_vault_master_rotate(s.vault));
            struct hin_key_provider provider = s.options.provider;
            CHECK_OK(
                provider.destroy(provider.context, HIN_VIEW_EMPTY, 1)); /* nothing hangs on it */
        } else if (round == 3) {
            CHECK_OK(hin_vault_wrapping_rotate(s.vault, t0));
            struct hin_key_provider provider = s.options.provider;
            CHECK_OK(provider.destroy(provider.context, t0, 1));
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
    INDEX_KEYS(a);
    INDEX_KEYS(b);
    SECRET(none);
    CHECK_OK(hin_vault_tenant_create(s.vault, HIN_VIEW("t1")));
    CHECK_CODE(hin_vault_tenant_create(s.vault, HIN_VIEW("t1")), EXISTS);
    CHECK_CODE(hin_vault_tenant_create(s.vault, HIN_VIEW("../t1")), INVALID);
    CHECK_OK(hin_vault_index_keys(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_INGEST, &a));
    CHECK_OK(hin_vault_index_keys(s.vault, HIN_VIEW("t1"), HIN_VAULT_FOR_INGEST, &b));
    CHECK(!hin_secret_equal(&a.keys[0], &b.keys[0]));
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
    BUF(before);
    BUF(ring);
    INDEX_KEYS(no_index);
    SECRET(none);
    struct hin_view t0 = HIN_VIEW("t0");
    CHECK_OK(hin_vault_data_key_new(s.vault, t0, HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_OK(hin_file_read(s.directory, "vault", &before));
    CHECK_OK(hin_file_read(AT_FDCWD, s.keyring, &ring));
    CHECK_OK(hin_vault_tenant_shred(s.vault, t0));
    /* the copy of the vault, with the provider as it is now */
    CHECK_OK(hin_file_replace(s.directory, "vault", hin_buf_view(&before), 0600));
    CHECK_OK(reopen(&s));
    CHECK_CODE(hin_vault_data_key_open(s.vault, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                       hin_buf_view(&wrapped), &none),
               AUTH);
    CHECK_CODE(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &no_index), AUTH);
    CHECK_OK(hin_vault_tenant_shred(s.vault, t0)); /* cut off between the two steps: goes on */
    CHECK_CODE(hin_vault_tenant_shred(s.vault, t0), NOT_FOUND);
    CHECK_OK(hin_vault_tenant_create(s.vault, t0)); /* the same name again is another tenant */
    CHECK_OK(reopen(&s));
    CHECK_CODE(hin_vault_data_key_open(s.vault, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                       hin_buf_view(&wrapped), &none),
               AUTH);
    /* What remains, and is told (THREAT_MODEL.md): a copy of the ring itself, taken before. */
    hin_vault_free(s.vault);
    hin_ring_free(s.ring);
    s.vault = NULL;
    s.ring = NULL;
    CHECK_OK(hin_file_replace(AT_FDCWD, s.keyring, hin_buf_view(&ring), 0400));
    CHECK_OK(hin_file_replace(s.directory, "vault", hin_buf_view(&before), 0600));
    CHECK_OK(hin_ring_open(&s.ring, AT_FDCWD, s.keyring, NULL, NULL));
    s.options.provider = hin_ring_provider(s.ring);
    CHECK_OK(hin_vault_open(&s.vault, &s.options));
    CHECK_OK(hin_vault_data_key_open(s.vault, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                     hin_buf_view(&wrapped), &none));
    CHECK(hin_secret_equal(&none, &key.key));
}

/* The state folder is copied away; the ring is not: whatever ring the thief brings, nothing opens.
 */
static HIN_RESULT state_erasure(const struct site *s, enum hin_certificate_kind kind,
                                struct hin_view tenant, struct hin_buf *ret_statement)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = HIN_X509_MAX_BYTES};
    struct hin_certificate certificate = {.kind = kind, .tenant = tenant, .id = HIN_VIEW("c")};
    HIN_TRY(hin_vault_ca(s->vault, &der));
    HIN_TRY(hin_sha256(hin_buf_view(&der), certificate.installation));
    hin_buf_clear(ret_statement);
    return hin_certificate_encode(&certificate, ret_statement);
}

TEST(test_keys_vault__certifies_only_what_it_has_destroyed)
{
    SITE(s, "vault3c");
    struct hin_view t0 = HIN_VIEW("t0");
    uint8_t signature[HIN_SIGN_BYTES], public_key[HIN_SIGN_PUBLIC_BYTES];
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf is_signed = {.max = 65536};
    CHECK_OK(state_erasure(&s, HIN_CERTIFICATE_TENANT, t0, &text));
    CHECK_CODE(hin_vault_certificate_sign(s.vault, t0, hin_buf_view(&text), signature), CONFLICT);
    CHECK_OK(hin_vault_tenant_shred(s.vault, t0));
    CHECK_OK(hin_vault_certificate_sign(s.vault, t0, hin_buf_view(&text), signature));
    CHECK_OK(hin_vault_checkpoint_public(s.vault, public_key));
    CHECK_OK(hin_certificate_text(hin_buf_view(&text), &is_signed));
    CHECK_OK(hin_sign_verify(hin_view_of(public_key, sizeof(public_key)), hin_buf_view(&is_signed),
                             hin_view_of(signature, sizeof(signature))));
    CHECK_CODE(hin_vault_checkpoint_verify(hin_view_of(public_key, sizeof(public_key)),
                                           hin_buf_view(&text),
                                           hin_view_of(signature, sizeof(signature))),
               AUTH);
    /* About another tenant than it says, about a person of a tenant that is gone, or no statement.
     */
    CHECK_CODE(hin_vault_certificate_sign(s.vault, HIN_VIEW("t9"), hin_buf_view(&text), signature),
               INVALID);
    CHECK_OK(state_erasure(&s, HIN_CERTIFICATE_PERSON, t0, &text));
    CHECK_CODE(hin_vault_certificate_sign(s.vault, t0, hin_buf_view(&text), signature), NOT_FOUND);
    CHECK_CODE(hin_vault_certificate_sign(s.vault, t0, HIN_VIEW("{}"), signature), INVALID);
    CHECK_OK(hin_vault_tenant_create(s.vault, t0));
    CHECK_OK(hin_vault_certificate_sign(s.vault, t0, hin_buf_view(&text), signature));
    /* The key ring is the installation's affair. */
    CHECK_OK(state_erasure(&s, HIN_CERTIFICATE_ESCROW, t0, &text));
    CHECK_CODE(hin_vault_certificate_sign(s.vault, t0, hin_buf_view(&text), signature), DENIED);
}

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
    file.data[3] = 6;
    CHECK_OK(hin_file_replace(s.directory, "vault", hin_buf_view(&file), 0600));
    CHECK_CODE(hin_vault_open(&none, &s.options), UNSUPPORTED);
    CHECK(unlinkat(s.directory, "vault", 0) == 0);
    CHECK_CODE(hin_vault_open(&none, &s.options), NOT_FOUND);
}

TEST(test_keys_vault__the_authority_rolls_over)
{
    SITE(s, "vault_ca");
    BUF(first);
    BUF(second);
    BUF(state);
    uint8_t fingerprint[HIN_SHA256_BYTES];
    CHECK_OK(hin_vault_ca(s.vault, &first));
    CHECK_OK(hin_sha256(hin_buf_view(&first), fingerprint));
    CHECK_CODE(hin_vault_ca_retire(s.vault), NOT_FOUND);
    CHECK_OK(hin_vault_ca_state(s.vault, &state));
    CHECK_INT(state.size, HIN_VAULT_CA_STATE_BYTES);
    CHECK_OK(hin_vault_ca_rotate(s.vault));
    CHECK_CODE(hin_vault_ca_rotate(s.vault), CONFLICT); /* the one before is not retired */
    CHECK_OK(reopen(&s));
    CHECK_OK(hin_vault_ca(s.vault, &second));
    CHECK_OK(hin_x509_succeeds(hin_buf_view(&second), fingerprint));
    CHECK(!hin_view_equal(hin_buf_view(&first), hin_buf_view(&second)));
    hin_buf_clear(&state);
    CHECK_OK(hin_vault_ca_state(s.vault, &state));
    CHECK(hin_view_equal(hin_view_sub(hin_buf_view(&state), HIN_VAULT_CA_STATE_BYTES, SIZE_MAX),
                         hin_buf_view(&first)));
    CHECK_OK(hin_vault_master_rotate(s.vault)); /* wraps the new key, too */
    CHECK_OK(hin_vault_ca_retire(s.vault));
    CHECK_OK(reopen(&s));
    hin_buf_clear(&state);
    CHECK_OK(hin_vault_ca_state(s.vault, &state));
    CHECK_INT(state.size, HIN_VAULT_CA_STATE_BYTES);
    CHECK_OK(hin_vault_ca_renew(s.vault));
    hin_buf_clear(&state);
    CHECK_OK(hin_vault_ca_state(s.vault, &state));
    CHECK_INT(state.data[0], 1);
    CHECK_OK(hin_vault_ca_rotate(s.vault));
    hin_buf_clear(&second);
    CHECK_OK(hin_vault_ca(s.vault, &second));
    CHECK_OK(hin_x509_succeeds(hin_buf_view(&second), fingerprint));
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
    INDEX_KEYS(index);
    SECRET(tickets);
    struct hin_view t0 = HIN_VIEW("t0");
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    CHECK_OK(hin_keys_data_key_new(&carrier, t0, HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_OK(hin_keys_data_key_open(&carrier, t0, HIN_VAULT_FOR_INGEST, key.id,
                                    hin_buf_view(&wrapped), &back));
    CHECK(hin_secret_equal(&key.key, &back));
    CHECK_OK(hin_keys_index_keys(&carrier, t0, HIN_VAULT_FOR_INGEST, &index));
    CHECK_INT(index.count, 1);
    CHECK_INT(index.versions[0], 1);
    hin_index_keys_done(&index);
    CHECK_OK(hin_keys_admin(&carrier, HIN_KEYS_INDEX_ROTATE, t0));
    CHECK_OK(hin_keys_index_keys(&carrier, t0, HIN_VAULT_FOR_INGEST, &index));
    CHECK_INT(index.count, 2);
    CHECK_INT(index.versions[0], 2); /* newest first */
    CHECK_INT(index.versions[1], 1);
    CHECK(!hin_secret_equal(&index.keys[0], &index.keys[1]));
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
    local.allowed_mask = HIN_KEYS_MASK_ALL;
    CHECK_OK(hin_keys_admin(&carrier, HIN_KEYS_TENANT_SHRED, t0));
}

/* --- rotation and retirement --- */

struct slow_clock {
    int64_t wall_usec;
};

static int64_t read_clock(void *context)
{
    const struct slow_clock *slow = context;
    return slow->wall_usec;
}

TEST(test_keys_vault__retires_only_what_nothing_depends_on)
{
    SITE(s, "vault8");
    struct slow_clock slow = {.wall_usec = hin_clock_wall_usec(hin_clock_system())};
    struct hin_clock clock = {
        .wall_usec = read_clock, .monotonic_usec = read_clock, .context = &slow};
    DATA_KEY(key);
    BUF(wrapped);
    BUF(fresh);
    SECRET(back);
    struct hin_view t0 = HIN_VIEW("t0");
    struct hin_vault_tenant_status status;
    s.options.clock = &clock;
    CHECK_OK(reopen(&s));
    struct hin_keys_local local = {s.vault, HIN_KEYS_MASK_WORKER};
    struct hin_keys_carrier keys = hin_keys_carrier_local(&local);
    CHECK_OK(hin_keys_data_key_new(&keys, t0, HIN_VAULT_FOR_INGEST, &key, &wrapped));
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_TENANT, 1), CONFLICT); /* current */
    CHECK_OK(hin_keys_admin(&keys, HIN_KEYS_TENANT_ROTATE, t0));
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_TENANT, 1), CONFLICT); /* the index key */
    CHECK_OK(hin_keys_admin(&keys, HIN_KEYS_VAULT_REWRAP, t0));
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_TENANT, 1), AGAIN); /* just rotated */
    CHECK_OK(hin_keys_data_key_rewrap(&keys, t0, key.id, hin_buf_view(&wrapped), &fresh));
    slow.wall_usec += HIN_VAULT_RETIRE_REST_USEC;
    CHECK_OK(hin_keys_retire(&keys, t0, HIN_VAULT_TENANT, 1));
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_TENANT, 1), NOT_FOUND);
    CHECK_CODE(hin_keys_data_key_open(&keys, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                      hin_buf_view(&wrapped), &back),
               NOT_FOUND);
    CHECK_OK(hin_keys_data_key_open(&keys, t0, HIN_VAULT_FOR_SEARCH, key.id, hin_buf_view(&fresh),
                                    &back));
    CHECK(hin_secret_equal(&back, &key.key));
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_MASTER, 1), CONFLICT);
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_WRAPPING, 1), CONFLICT);
    CHECK_CODE(hin_keys_retire(&keys, t0, HIN_VAULT_WRAPPING, 0), NOT_FOUND);
    CHECK_OK(hin_keys_admin(&keys, HIN_KEYS_MASTER_ROTATE, HIN_VIEW_EMPTY));
    CHECK_OK(hin_keys_admin(&keys, HIN_KEYS_WRAPPING_ROTATE, t0));
    CHECK_OK(hin_keys_tenant_status(&keys, t0, &status));
    CHECK_INT(status.master.current_version, 2);
    CHECK_INT(status.master.version_count, 2);
    CHECK_INT(status.wrapping.current_version, 2);
    CHECK_INT(status.tenant_version_count, 1);
    CHECK_INT(status.tenant_versions[0], 2);
    CHECK_INT(status.index_under[0], 2);
    CHECK_INT(status.wrapping_rotated_usec, slow.wall_usec);
    CHECK_OK(hin_keys_retire(&keys, t0, HIN_VAULT_MASTER, 1));
    CHECK_OK(hin_keys_retire(&keys, t0, HIN_VAULT_WRAPPING, 1));
    CHECK_OK(reopen(&s));
    CHECK_OK(hin_vault_data_key_open(s.vault, t0, HIN_VAULT_FOR_SEARCH, key.id,
                                     hin_buf_view(&fresh), &back));
}

TEST(test_keys_vault__tests_its_provider)
{
    SITE(s, "vault9");
    struct hin_keys_local local = {s.vault, HIN_KEYS_MASK_WORKER};
    struct hin_keys_carrier keys = hin_keys_carrier_local(&local);
    struct hin_vault_check checks[HIN_VAULT_CHECK_COUNT];
    CHECK_OK(hin_keys_provider_test(&keys, HIN_VIEW("t0"), checks));
    for (size_t i = 0; i < HIN_VAULT_CHECK_COUNT; i++) {
        CHECK(checks[i].passed && hin_vault_check_name(i)[0] != '\0');
    }
    CHECK_CODE(hin_keys_provider_test(&keys, HIN_VIEW("t9"), checks), NOT_FOUND);
}

TEST(test_keys_vault__only_jobs_has_evidence_signed)
{
    SITE(s, "vault_evidence");
    struct hin_keys_local worker = {s.vault, HIN_KEYS_MASK_WORKER};
    struct hin_keys_local jobs = {s.vault, HIN_KEYS_MASK_JOBS};
    struct hin_keys_carrier as_worker = hin_keys_carrier_local(&worker);
    struct hin_keys_carrier as_jobs = hin_keys_carrier_local(&jobs);
    uint8_t signature[HIN_SIGN_BYTES];
    CHECK_CODE(hin_keys_evidence_sign(&as_worker, HIN_VIEW("{}"), signature), DENIED);
    CHECK_CODE(hin_keys_evidence_sign(&as_jobs, HIN_VIEW("{}"), signature), INVALID);
}

/* --- a provider that fails from its n-th change on --- */

struct frail {
    struct hin_key_provider real;
    struct hin_vault_storage storage;
    int left; /* changes that still go through */
};

static HIN_RESULT frail_step(struct frail *frail)
{
    HIN_ENSURE(frail->left > 0, IO);
    frail->left--;
    return hin_ok();
}

static HIN_RESULT frail_generate(void *context, struct hin_view tenant)
{
    struct frail *frail = context;
    HIN_TRY(frail_step(frail));
    return frail->real.generate(frail->real.context, tenant);
}

static HIN_RESULT frail_rotate(void *context, struct hin_view tenant)
{
    struct frail *frail = context;
    HIN_TRY(frail_step(frail));
    return frail->real.rotate(frail->real.context, tenant);
}

static HIN_RESULT frail_destroy(void *context, struct hin_view tenant, uint32_t version)
{
    struct frail *frail = context;
    HIN_TRY(frail_step(frail));
    return frail->real.destroy(frail->real.context, tenant, version);
}

static HIN_RESULT frail_wrap(void *context, const struct hin_key_binding *binding,
                             const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    struct frail *frail = context;
    return frail->real.wrap(frail->real.context, binding, plain, ret_wrapped);
}

static HIN_RESULT frail_unwrap(void *context, const struct hin_key_binding *binding,
                               struct hin_view wrapped, struct hin_secret *ret_plain)
{
    struct frail *frail = context;
    return frail->real.unwrap(frail->real.context, binding, wrapped, ret_plain);
}

static HIN_RESULT frail_status(void *context, struct hin_view tenant,
                               struct hin_key_provider_status *ret_status)
{
    struct frail *frail = context;
    return frail->real.status(frail->real.context, tenant, ret_status);
}

static HIN_RESULT frail_load(void *context, struct hin_buf *ret_bytes)
{
    struct frail *frail = context;
    return frail->storage.load(frail->storage.context, ret_bytes);
}

static HIN_RESULT frail_save(void *context, struct hin_view bytes)
{
    struct frail *frail = context;
    HIN_TRY(frail_step(frail));
    return frail->storage.save(frail->storage.context, bytes);
}

static bool same_keys(const struct hin_index_keys *a, size_t at, const struct hin_index_keys *b,
                      size_t other)
{
    return a->versions[at] == b->versions[other] && hin_secret_equal(&a->keys[at], &b->keys[other]);
}

TEST(test_keys_vault__an_index_key_rotates_and_the_former_is_there_until_retired)
{
    SITE(s, "vault_index");
    struct slow_clock slow = {.wall_usec = hin_clock_wall_usec(hin_clock_system())};
    struct hin_clock clock = {
        .wall_usec = read_clock, .monotonic_usec = read_clock, .context = &slow};
    struct hin_view t0 = HIN_VIEW("t0");
    struct hin_vault_tenant_status status;
    INDEX_KEYS(first);
    INDEX_KEYS(both);
    INDEX_KEYS(last);
    s.options.clock = &clock;
    CHECK_OK(reopen(&s));
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &first));
    CHECK_CODE(hin_vault_retire(s.vault, t0, HIN_VAULT_INDEX, 1), CONFLICT);
    CHECK_OK(hin_vault_index_rotate(s.vault, t0));
    CHECK(strcmp(s.uses.last.verb, "index-rotate") == 0);
    CHECK_CODE(hin_vault_index_rotate(s.vault, t0), CONFLICT); /* one at a time */
    CHECK_CODE(hin_vault_index_rotate(s.vault, HIN_VIEW("t9")), NOT_FOUND);
    CHECK_OK(reopen(&s));
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &both));
    CHECK_INT(both.count, 2);
    CHECK_INT(both.versions[0], 2);
    CHECK(same_keys(&both, 1, &first, 0));
    /* a tenant key on which the former one depends stays until it is wrapped anew, as both are */
    CHECK_OK(hin_vault_tenant_rotate(s.vault, t0));
    slow.wall_usec += HIN_VAULT_RETIRE_REST_USEC;
    CHECK_CODE(hin_vault_retire(s.vault, t0, HIN_VAULT_TENANT, 1), CONFLICT);
    CHECK_OK(hin_vault_rewrap_all(s.vault, t0));
    CHECK_OK(hin_vault_retire(s.vault, t0, HIN_VAULT_TENANT, 1));
    CHECK_OK(hin_vault_tenant_status(s.vault, t0, &status));
    CHECK_INT(status.index_version_count, 2);
    CHECK_INT(status.index_versions[0], 1);
    CHECK_INT(status.index_versions[1], 2);
    CHECK(status.index_under[0] == 2 && status.index_under[1] == 2);
    CHECK(status.index_rotated_usec > 0);
    hin_index_keys_done(&last);
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &last));
    CHECK(same_keys(&last, 0, &both, 0) && same_keys(&last, 1, &both, 1));
    CHECK_CODE(hin_vault_retire(s.vault, t0, HIN_VAULT_INDEX, 2), CONFLICT);
    CHECK_CODE(hin_vault_retire(s.vault, t0, HIN_VAULT_INDEX, 3), NOT_FOUND);
    CHECK_OK(hin_vault_retire(s.vault, t0, HIN_VAULT_INDEX, 1));
    CHECK(strcmp(s.uses.last.verb, "index-retire") == 0);
    CHECK_CODE(hin_vault_retire(s.vault, t0, HIN_VAULT_INDEX, 1), NOT_FOUND);
    CHECK_OK(reopen(&s));
    hin_index_keys_done(&last);
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &last));
    CHECK_INT(last.count, 1);
    CHECK(same_keys(&last, 0, &both, 0));
    CHECK_OK(hin_vault_index_rotate(s.vault, t0));
    CHECK_OK(hin_vault_tenant_status(s.vault, t0, &status));
    CHECK_INT(status.index_versions[1], 3);
}

/* For a restored store: a key above the one that its backup did not bring along. */
TEST(test_keys_vault__an_index_key_is_raised_above_a_restored_store)
{
    SITE(s, "vault_raise");
    struct hin_view t0 = HIN_VIEW("t0");
    INDEX_KEYS(first);
    INDEX_KEYS(raised);
    INDEX_KEYS(again);
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &first));
    CHECK_CODE(hin_vault_index_raise(s.vault, t0, 1), EXISTS);
    CHECK_OK(hin_vault_index_raise(s.vault, t0, 4));
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &raised));
    CHECK(raised.count == 2 && raised.versions[0] == 5 && same_keys(&raised, 1, &first, 0));
    CHECK_OK(hin_vault_index_raise(s.vault, t0, 9)); /* the older one goes */
    CHECK_OK(reopen(&s));
    CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &again));
    CHECK(again.count == 2 && again.versions[0] == 10 && same_keys(&again, 1, &raised, 0));
}

/* Whatever change fails: both keys, or as before. */
TEST(test_keys_vault__an_index_key_is_not_half_rotated)
{
    bool whole = false;
    int cuts = 0;
    for (; !whole; cuts++) {
        char name[32];
        INDEX_KEYS(before);
        INDEX_KEYS(after);
        INDEX_KEYS(again);
        struct hin_view t0 = HIN_VIEW("t0");
        snprintf(name, sizeof(name), "index_cut%d", cuts);
        SITE(s, name);
        CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &before));
        struct frail frail = {
            .real = s.options.provider, .storage = s.options.storage, .left = cuts};
        struct hin_vault_options sound = s.options;
        s.options.storage = (struct hin_vault_storage){frail_load, frail_save, &frail};
        CHECK_OK(reopen(&s));
        struct hin_result rotated = hin_vault_index_rotate(s.vault, t0);
        struct hin_result retired =
            hin_is_ok(rotated) ? hin_vault_retire(s.vault, t0, HIN_VAULT_INDEX, 1) : rotated;
        CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &after));
        whole = hin_is_ok(retired);
        CHECK_INT(after.count, hin_is_ok(rotated) && !whole ? 2 : 1);
        CHECK_INT(after.versions[0], hin_is_ok(rotated) ? 2 : 1);
        CHECK(hin_is_ok(rotated) || same_keys(&before, 0, &after, 0));
        s.options = sound;
        CHECK_OK(reopen(&s));
        CHECK_OK(hin_vault_index_keys(s.vault, t0, HIN_VAULT_FOR_SEARCH, &again));
        CHECK_INT(again.count, after.count); /* as the file has it */
        for (size_t i = 0; i < again.count; i++) {
            CHECK(same_keys(&again, i, &after, i));
        }
    }
    CHECK_INT(cuts, 3); /* two saves */
}

static HIN_RESULT put_golden(const char *golden, const char *path)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1 << 20};
    HIN_TRY(hin_file_read(AT_FDCWD, golden, &bytes));
    return hin_file_replace(AT_FDCWD, path, hin_buf_view(&bytes), 0400);
}

/* The vault of format 1 ("t0", "t1" rotated once) with its ring, sealed under "open sesame". */
static HIN_RESULT site_of_version_1(struct site *site, const char *name)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret phrase = {0};
    char vault[320];
    snprintf(site->state, sizeof(site->state), "%s/%s", test_folder(), name);
    snprintf(site->keyring, sizeof(site->keyring), "%s/%s.keyring", test_folder(), name);
    snprintf(vault, sizeof(vault), "%s/vault", site->state);
    HIN_TRY(hin_directory_make(site->state, 0700));
    HIN_TRY(put_golden(GOLDEN_FOLDER "/keys_vault_v1.bin", vault));
    HIN_TRY(put_golden(GOLDEN_FOLDER "/keys_vault_v1_ring.bin", site->keyring));
    HIN_TRY(hin_fd_open(AT_FDCWD, site->state, O_RDONLY | O_DIRECTORY, 0, &site->directory));
    HIN_TRY(hin_secret_from(&phrase, HIN_VIEW("open sesame")));
    HIN_TRY(hin_ring_open(&site->ring, AT_FDCWD, site->keyring, &phrase, NULL));
    site->options =
        (struct hin_vault_options){.provider = hin_ring_provider(site->ring),
                                   .storage = hin_vault_storage_folder(&site->directory)};
    return hin_ok();
}

/* id, key, wrapped key of "t0" in the golden data. */
static HIN_RESULT opens_golden_data(struct site *site, bool *ret_same)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf data = {.max = 4096};
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_TRY(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_vault_v1_data.bin", &data));
    struct hin_view bytes = hin_buf_view(&data);
    HIN_TRY(hin_vault_data_key_open(site->vault, HIN_VIEW("t0"), HIN_VAULT_FOR_SEARCH, bytes.data,
                                    hin_view_sub(bytes, 48, SIZE_MAX), &key));
    *ret_same = hin_view_equal(hin_secret_view(&key), hin_view_sub(bytes, 16, 32));
    return hin_ok();
}

TEST(test_keys_vault__golden_version_1_moves_forward_also_when_cut_off)
{
    int cuts = 0;
    for (bool whole = false; !whole; cuts++) {
        char name[32];
        bool same = false;
        INDEX_KEYS(index);
        BUF(former);
        struct hin_key_provider_status master;
        snprintf(name, sizeof(name), "migrate%d", cuts);
        HIN_CLEANUP(site_done) struct site s = {.directory = -1};
        CHECK_OK(site_of_version_1(&s, name));
        CHECK_OK(hin_file_read(s.directory, "vault", &former));
        struct frail frail = {
            .real = s.options.provider, .storage = s.options.storage, .left = cuts};
        struct hin_vault_options sound = s.options;
        s.options.provider =
            (struct hin_key_provider){frail_generate, frail_rotate, frail_wrap, frail_unwrap,
                                      frail_destroy,  frail_status, &frail};
        s.options.storage = (struct hin_vault_storage){frail_load, frail_save, &frail};
        struct hin_result cut = hin_vault_open(&s.vault, &s.options);
        CHECK(hin_is_ok(cut) || cut.code == HIN_IO);
        whole = hin_is_ok(cut);
        s.options = sound;
        CHECK_OK(reopen(&s));
        CHECK_OK(opens_golden_data(&s, &same));
        CHECK(same);
        CHECK_OK(hin_vault_index_keys(s.vault, HIN_VIEW("t1"), HIN_VAULT_FOR_SEARCH, &index));
        CHECK_OK(hin_vault_status(s.vault, &master));
        CHECK_INT(master.current_version, 2);
        CHECK_INT(master.version_count, 1); /* the key of format 1 is gone, */
        CHECK_OK(hin_file_replace(s.directory, "vault", hin_buf_view(&former), 0600));
        CHECK_CODE(reopen(&s), AUTH); /* and with it what copies of the former file held */
    }
    CHECK(cuts >= 7); /* two tenants, three saves, rotate, destroy */
}

/* Format 2 as it was first written must open for ever. */
TEST(test_keys_vault__golden_version_2)
{
    BUF(data);
    SECRET(phrase);
    SECRET(key);
    HIN_CLEANUP(site_done) struct site s = {.directory = -1};
    CHECK_OK(site_of_version_1(&s, "golden2"));
    char vault[320];
    snprintf(vault, sizeof(vault), "%s/vault", s.state);
    hin_ring_free(s.ring);
    s.ring = NULL;
    CHECK_OK(put_golden(GOLDEN_FOLDER "/keys_vault_v2.bin", vault));
    CHECK_OK(put_golden(GOLDEN_FOLDER "/keys_vault_v2_ring.bin", s.keyring));
    CHECK_OK(hin_secret_from(&phrase, HIN_VIEW("open sesame")));
    CHECK_OK(hin_ring_open(&s.ring, AT_FDCWD, s.keyring, &phrase, NULL));
    s.options.provider = hin_ring_provider(s.ring);
    CHECK_OK(hin_vault_open(&s.vault, &s.options));
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_vault_v2_data.bin", &data));
    struct hin_view bytes = hin_buf_view(&data);
    CHECK_OK(hin_vault_data_key_open(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_SEARCH, bytes.data,
                                     hin_view_sub(bytes, 48, SIZE_MAX), &key));
    CHECK(hin_view_equal(hin_secret_view(&key), hin_view_sub(bytes, 16, 32)));
}

/* Format 3: "t0" with a rotated wrapping key, "t1" with two tenant keys, an authority that has
 * taken over from another. The data: id and key of a table key of t0, u32 size of the wrapped key,
 * that key, the authority. */
TEST(test_keys_vault__golden_version_3)
{
    BUF(data);
    BUF(authority);
    BUF(state);
    SECRET(phrase);
    SECRET(key);
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys index = {0};
    HIN_CLEANUP(site_done) struct site s = {.directory = -1};
    CHECK_OK(site_of_version_1(&s, "golden3"));
    char vault[320];
    snprintf(vault, sizeof(vault), "%s/vault", s.state);
    hin_ring_free(s.ring);
    s.ring = NULL;
    CHECK_OK(put_golden(GOLDEN_FOLDER "/keys_vault_v3.bin", vault));
    CHECK_OK(put_golden(GOLDEN_FOLDER "/keys_vault_v3_ring.bin", s.keyring));
    CHECK_OK(hin_secret_from(&phrase, HIN_VIEW("open sesame")));
    CHECK_OK(hin_ring_open(&s.ring, AT_FDCWD, s.keyring, &phrase, NULL));
    s.options.provider = hin_ring_provider(s.ring);
    CHECK_OK(hin_file_read(AT_FDCWD, GOLDEN_FOLDER "/keys_vault_v3_data.bin", &data));
    struct hin_view bytes = hin_buf_view(&data);
    uint32_t size = hin_load_u32(bytes.data + 48);
    for (int round = 0; round < 2; round++) { /* as it was written, and as it is saved now */
        CHECK_OK(reopen(&s));
        hin_secret_done(&key);
        hin_index_keys_done(&index);
        hin_buf_clear(&authority);
        hin_buf_clear(&state);
        CHECK_OK(hin_vault_data_key_open(s.vault, HIN_VIEW("t0"), HIN_VAULT_FOR_SEARCH, bytes.data,
                                         hin_view_sub(bytes, 52, size), &key));
        CHECK(hin_view_equal(hin_secret_view(&key), hin_view_sub(bytes, 16, 32)));
        CHECK_OK(hin_vault_index_keys(s.vault, HIN_VIEW("t1"), HIN_VAULT_FOR_SEARCH, &index));
        CHECK_OK(hin_vault_ca(s.vault, &authority));
        CHECK(hin_view_equal(hin_buf_view(&authority), hin_view_sub(bytes, 52 + size, SIZE_MAX)));
        CHECK_OK(hin_vault_ca_state(s.vault, &state));
        CHECK_INT(state.size > HIN_VAULT_CA_STATE_BYTES, round == 0); /* the former one */
        if (round == 0) {
            CHECK_OK(hin_vault_ca_retire(s.vault));
        }
    }
    CHECK_OK(hin_vault_ca_rotate(s.vault)); /* its key signs for the heir */
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
