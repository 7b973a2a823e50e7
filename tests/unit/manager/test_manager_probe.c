/* Probes on real stores, keys and vault, with the clock as an argument: each promise that needs no
 * network is broken for real, and the claims that the catalogue hangs on its probe turn red, and no
 * others. What needs other processes is tried by tests/integration/trust.sh. */
#include "manager/probe/chain.h"
#include "manager/probe/probes.h"
#include "manager/probe/runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "crypt/password.h"
#include "data/json.h"
#include "harness.h"
#include "keys/ring.h"
#include "manager/backup/rehearsals.h"
#include "store/documents.h"
#include "trust/catalogue.h"

enum { TENANTS = 3, ALL_RED_MAX = 256 };

static const char *const ids[TENANTS] = {"11111111-2222-4333-8444-555555555555",
                                         "22222222-2222-4333-8444-555555555555",
                                         "33333333-2222-4333-8444-555555555555"};

/* As init makes one; the hash is of nothing, which no probe can see. */
static const char first_administrator[] =
    "{\"username\":\"admin\",\"fullName\":\"Annegret Beispielhaft\",\"emailAddress\":"
    "\"annegret@beispielhaft.example\",\"oneTime\":true,\"passwordHash\":"
    "\"$argon2id$v=19$m=32768,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$"
    "c29tZWRpZ2VzdHNvbWVkaWdlc3Rzb21lZGlnZXN0c28\"}";

struct house {
    char folder[300], keyring[300];
    int vault_folder, database;
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_keys_local local;
    int64_t now_usec;
    struct hin_clock clock;
    struct hin_tenant tenants[TENANTS];
    size_t count; /* of tenants that are shown to probes */
    bool closed;  /* the last of them does not open */
    struct hin_probe_tools tools;
    struct hin_told told;                /* kept, as a worker keeps it */
    struct hin_record_followed followed; /* kept, as `jobs` keeps it */
    struct hin_catalogue *catalogue;
};

static int64_t house_time(void *context)
{
    const struct house *house = context;
    return house->now_usec;
}

static struct hin_result
each_tenant(void *context, struct hin_result (*visit)(void *visitor, struct hin_tenant *tenant),
            void (*closed)(void *visitor, const struct hin_tenant *tenant, struct hin_result why),
            void *visitor)
{
    struct house *house = context;
    for (size_t i = 0; i < house->count; i++) {
        if (house->closed && i + 1 == house->count) {
            closed(visitor, &house->tenants[i], hin_fail(HIN_AUTH));
        } else {
            HIN_TRY(visit(visitor, &house->tenants[i]));
        }
    }
    return hin_ok();
}

/* There is no other process here. */
static struct hin_result ask(void *context, const char *role, unsigned instance,
                             struct hin_view question, struct hin_buf *ret_trial)
{
    (void)context;
    (void)role;
    (void)instance;
    (void)question;
    (void)ret_trial;
    return hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT move_in(struct house *house, size_t i)
{
    struct hin_error error = {0};
    struct hin_keys_carrier carrier = hin_keys_carrier_local(&house->local);
    struct hin_store_content administrator = {.bytes = hin_view_from_text(first_administrator)};
    int64_t id = 0;
    HIN_TRY(hin_vault_tenant_create(house->vault, hin_view_from_text(ids[i])));
    HIN_TRY(hin_tenant_open(&house->tenants[i], &(struct hin_tenant_place){house->database, NULL},
                            ids[i], &carrier, HIN_VAULT_FOR_MERGE, &house->clock, true, &error));
    house->tenants[i].number = (int64_t)i;
    return hin_store_create(house->tenants[i].store, HIN_STORE_ADMINISTRATORS, &administrator,
                            house->now_usec, &id);
}

static HIN_RESULT furnish(struct house *house)
{
    HIN_CLEANUP_FD int content = -1;
    struct hin_error error = {0};
    HIN_TRY(hin_fd_open(AT_FDCWD, HIN_CONTENT, O_RDONLY | O_DIRECTORY, 0, &content));
    HIN_TRY(hin_catalogue_load(content, &house->catalogue, &error));
    for (size_t i = 0; i < TENANTS; i++) {
        HIN_TRY(move_in(house, i));
    }
    house->count = TENANTS;
    house->tools = (struct hin_probe_tools){.context = house,
                                            .own = &house->tenants[0],
                                            .clock = &house->clock,
                                            .each_tenant = each_tenant,
                                            .ask = ask,
                                            .workers = 1,
                                            .followed = &house->followed};
    return hin_ok();
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
    house->local = (struct hin_keys_local){house->vault, HIN_KEYS_MASK_JOBS};
    return furnish(house);
}

static void house_done(struct house *house)
{
    for (size_t i = 0; i < TENANTS; i++) {
        hin_tenant_close(&house->tenants[i]);
    }
    hin_vault_free(house->vault);
    hin_ring_free(house->ring);
    hin_catalogue_free(house->catalogue);
    hin_fd_close(&house->vault_folder);
    hin_fd_close(&house->database);
}

#define HOUSE(name, folder)                                                                        \
    HIN_CLEANUP(house_done) struct house name = {.vault_folder = -1, .database = -1};              \
    CHECK_OK(house_build(&name, folder))

/* ---- what claims say then ---- */

static HIN_RESULT authority_of(struct house *house, struct hin_buf *der)
{
    return hin_vault_ca(house->vault, der);
}

/* One probe's newest evidence into a row; false: there is none. */
static bool newest(struct house *house, const struct hin_probe *probe,
                   struct hin_json_document **document, struct hin_claim_evidence *row)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = 65536};
    struct hin_evidence evidence;
    struct hin_error error = {0};
    if (!hin_is_ok(authority_of(house, &der))) {
        return false;
    }
    struct hin_record_judges judges = {hin_buf_view(&der), HIN_VIEW_EMPTY};
    struct hin_result found = hin_record_newest(&house->tenants[0], probe->name, &judges,
                                                &house->told, document, &evidence, &error);
    if (found.code == HIN_NOT_FOUND) {
        return false;
    }
    *row = (struct hin_claim_evidence){.probe = hin_view_from_text(probe->name),
                                       .reason = HIN_VIEW("missing"),
                                       .observed_usec = house->now_usec};
    if (hin_is_ok(found)) {
        row->id = evidence.id;
        row->held = evidence.outcome == HIN_EVIDENCE_PROVEN;
        row->observed_usec = evidence.observed_msec * HIN_MSEC_USEC;
        row->valid_until_usec = evidence.valid_until_msec * HIN_MSEC_USEC;
        row->reason = evidence.reason;
    }
    return true;
}

/* The IDs of the claims of this status, with a blank behind each. */
static const char *claims_of(struct house *house, enum hin_claim_status status,
                             char out[ALL_RED_MAX])
{
    struct hin_json_document *documents[32] = {NULL};
    struct hin_claim_evidence rows[32];
    size_t row_count = 0, count = 0, size = 0;
    out[0] = '\0';
    for (size_t i = 0; i < hin_probe_count; i++) {
        row_count += newest(house, hin_probes[i], &documents[i], &rows[row_count]);
    }
    const struct hin_claim *claims = hin_catalogue_claims(house->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        struct hin_claim_state state =
            hin_claim_state_of(&claims[i], rows, row_count, house->now_usec);
        if (state.status == status && size + 8 < ALL_RED_MAX) {
            size +=
                (size_t)snprintf(out + size, ALL_RED_MAX - size, "%.*s ", HIN_ARGS(claims[i].id));
        }
    }
    for (size_t i = 0; i < hin_probe_count; i++) {
        hin_json_free(documents[i]);
    }
    return out;
}

#define CHECK_CLAIMS(house, status, wanted)                                                        \
    do {                                                                                           \
        char text_[ALL_RED_MAX];                                                                   \
        CHECK_VIEW(hin_view_from_text(claims_of(&(house), HIN_CLAIM_##status, text_)), wanted);    \
    } while (0)

/* Without network, other processes and AWS KMS. */
#define GREEN "S43 S62 S91 S93 S96 "

static HIN_RESULT run_all(struct house *house)
{
    for (size_t i = 0; i < hin_probe_count; i++) {
        int64_t number = 0;
        HIN_TRY(hin_probe_run(&house->tools, hin_probes[i], &number));
    }
    return hin_ok();
}

/* Who goes on from what was followed before sees what one sees who follows all. */
static HIN_RESULT follow_both_ways(struct house *house)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf authority = {.max = 65536};
    struct hin_record_chain all, on;
    HIN_TRY(hin_vault_ca(house->vault, &authority));
    struct hin_record_judges judges = {.authority = hin_buf_view(&authority)};
    struct hin_result whole = hin_record_verify(&house->tenants[0], &judges, NULL, &all, NULL);
    struct hin_result rest =
        hin_record_verify(&house->tenants[0], &judges, &house->followed, &on, NULL);
    HIN_ENSURE(whole.code == rest.code && all.count == on.count && all.lost == on.lost &&
                   all.broken == on.broken && all.hole_count == on.hole_count &&
                   memcmp(all.holes, on.holes, all.hole_count * sizeof(all.holes[0])) == 0,
               CONFLICT);
    return hin_ok();
}

static HIN_RESULT run_one(struct house *house, const char *name)
{
    int64_t number = 0;
    HIN_TRY(hin_probe_run(&house->tools, hin_probe_find(hin_view_from_text(name)), &number));
    return follow_both_ways(house);
}

/* How the newest record of a probe came out; 0: there is none. */
static enum hin_evidence_outcome outcome_of(struct house *house, const char *name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_record_state state = {0};
    struct hin_json statement;
    struct hin_view text;
    enum hin_evidence_outcome outcome = 0;
    bool read =
        hin_is_ok(hin_record_state_of(&house->tenants[0], name, &state)) && state.last > 0 &&
        hin_is_ok(hin_record_file(&house->tenants[0], state.last, &file)) &&
        hin_is_ok(hin_json_parse(hin_buf_view(&file), file.max, &document, NULL)) &&
        hin_is_ok(hin_json_get_object(hin_json_root(document), "evidence", &statement, NULL)) &&
        hin_is_ok(hin_json_get_text(statement, "outcome", &text, NULL)) &&
        hin_evidence_outcome_from_name(text, &outcome);
    return read ? outcome : 0;
}

TEST(test_manager_probe__what_can_be_tried_here_holds_and_the_rest_is_not_run)
{
    HOUSE(h, "whole");
    CHECK_CLAIMS(h, PROVEN, "");
    CHECK_OK(run_all(&h));
    CHECK_CLAIMS(h, PROVEN, GREEN);
    CHECK_CLAIMS(h, FAILED, "");
    static const char *const held[] = {"schema-isolation", "sealing-canary", "tenant-keys",
                                       "contacts-sealed",  "audit-chain",    "password-hashing"};
    static const char *const hindered[] = {
        "tls-floor",   "tls-weak-ciphers", "kms-reach",          "clock-offset", "kms-aws",
        "backup-made", "restore-weekly",   "backup-destruction", "second-region"};
    for (size_t i = 0; i < HIN_COUNT(held); i++) {
        CHECK_INT(outcome_of(&h, held[i]), HIN_EVIDENCE_PROVEN);
    }
    for (size_t i = 0; i < HIN_COUNT(hindered); i++) {
        CHECK_INT(outcome_of(&h, hindered[i]), HIN_EVIDENCE_NOT_RUN);
    }
}

/* Stored as any other bytes of a row. */
static HIN_RESULT lay_down(struct house *house, size_t tenant, struct hin_view bytes)
{
    uint8_t id[HIN_SEAL_KEY_ID_BYTES] = "plain plain plai";
    return hin_store_key_put(house->tenants[tenant].store, id, 1, bytes, house->now_usec);
}

TEST(test_manager_probe__a_canary_that_lies_in_the_clear_is_found)
{
    HOUSE(h, "canary");
    char text[128];
    CHECK_OK(run_all(&h));
    snprintf(text, sizeof(text), "hinomi canary, sealed or not? %s", ids[1]);
    CHECK_OK(lay_down(&h, 1, hin_view_from_text(text)));
    CHECK_OK(run_one(&h, "sealing-canary"));
    CHECK_OK(run_one(&h, "contacts-sealed"));
    CHECK_CLAIMS(h, FAILED, "S62 ");
    CHECK_CLAIMS(h, PROVEN, "S43 S91 S93 S96 ");
    CHECK_OK(hin_store_checkpoint(h.tenants[1].store)); /* out of the log, into the file */
    CHECK_OK(run_one(&h, "sealing-canary"));
    CHECK_CLAIMS(h, FAILED, "S62 ");
}

TEST(test_manager_probe__a_canary_in_a_disguise_is_found_and_the_disguise_told)
{
    HOUSE(h, "disguise");
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    struct hin_record_state state;
    char text[128], hex[256];
    snprintf(text, sizeof(text), "hinomi canary, sealed or not? %s", ids[1]);
    hin_hex(text, strlen(text), hex);
    CHECK_OK(lay_down(&h, 1, hin_view_from_text(hex)));
    CHECK_OK(run_all(&h));
    CHECK_CLAIMS(h, FAILED, "S62 ");
    CHECK_OK(hin_record_state_of(&h.tenants[0], "sealing-canary", &state));
    CHECK_OK(hin_record_file(&h.tenants[0], state.last, &file));
    CHECK(hin_view_find(hin_buf_view(&file), HIN_VIEW("in the clear, as hex")) != SIZE_MAX);
    CHECK(hin_view_find(hin_buf_view(&file), HIN_VIEW("base64, UTF-16, and compressed")) !=
          SIZE_MAX);
}

TEST(test_manager_probe__a_contact_that_lies_in_the_clear_is_found)
{
    HOUSE(h, "contact");
    CHECK_OK(run_all(&h));
    CHECK_OK(lay_down(&h, 2, HIN_VIEW("to: annegret@beispielhaft.example")));
    CHECK_OK(run_one(&h, "sealing-canary"));
    CHECK_OK(run_one(&h, "contacts-sealed"));
    CHECK_CLAIMS(h, FAILED, "S93 ");
    CHECK_CLAIMS(h, PROVEN, "S43 S62 S91 S96 ");
}

struct taken {
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_buf wrapped;
};

static struct hin_result take_key(void *context, const struct hin_store_key *key)
{
    struct taken *taken = context;
    hin_buf_clear(&taken->wrapped);
    hin_copy(taken->id, key->id, sizeof(taken->id));
    return hin_buf_append(&taken->wrapped, key->wrapped);
}

TEST(test_manager_probe__a_key_of_another_tenant_in_the_place_of_ones_own_is_found)
{
    HOUSE(h, "keys");
    HIN_CLEANUP(hin_buf_done) struct hin_buf kept = {.max = 1024};
    struct taken other = {.wrapped = {.max = 1024}};
    CHECK_OK(run_all(&h));
    struct hin_result listed = hin_store_key_list(h.tenants[2].store, NULL, 0, take_key, &other);
    kept = other.wrapped; /* freed at the end */
    CHECK_OK(listed);
    CHECK_OK(hin_store_key_put(h.tenants[1].store, other.id, 1, hin_buf_view(&kept), h.now_usec));
    CHECK_OK(run_one(&h, "tenant-keys"));
    CHECK_OK(run_one(&h, "schema-isolation"));
    CHECK_CLAIMS(h, FAILED, "S96 S97 ");
    CHECK_CLAIMS(h, PROVEN, "S43 S62 S91 S93 ");
}

TEST(test_manager_probe__one_tenants_data_in_anothers_place_is_found)
{
    HOUSE(h, "crossing");
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 64 << 20};
    char name[64];
    CHECK_OK(run_all(&h));
    CHECK_OK(hin_store_checkpoint(h.tenants[1].store));
    snprintf(name, sizeof(name), "%s.db", ids[1]);
    CHECK_OK(hin_file_read(h.database, name, &file));
    hin_tenant_close(&h.tenants[2]);
    snprintf(name, sizeof(name), "%s.db", ids[2]);
    CHECK_OK(hin_file_replace(h.database, name, hin_buf_view(&file), 0600));
    h.closed = true;
    CHECK_OK(run_one(&h, "schema-isolation"));
    CHECK_CLAIMS(h, FAILED, "S91 ");
    CHECK_CLAIMS(h, PROVEN, "S43 S62 S93 S96 ");
    CHECK_OK(run_one(&h, "tenant-keys")); /* what does not open hides nothing, and proves nothing */
    CHECK_INT(outcome_of(&h, "tenant-keys"), HIN_EVIDENCE_NOT_RUN);
    CHECK_CLAIMS(h, FAILED, "S91 ");
}

TEST(test_manager_probe__one_tenant_alone_can_be_crossed_into_by_nobody)
{
    HOUSE(h, "alone");
    h.count = 1;
    CHECK_OK(run_one(&h, "schema-isolation"));
    CHECK_INT(outcome_of(&h, "schema-isolation"), HIN_EVIDENCE_NOT_RUN);
    CHECK_CLAIMS(h, PROVEN, "");
}

static HIN_RESULT add_administrator(struct house *house, const char *body)
{
    int64_t id = 0;
    struct hin_store_content content = {.bytes = hin_view_from_text(body)};
    return hin_store_create(house->tenants[1].store, HIN_STORE_ADMINISTRATORS, &content,
                            house->now_usec, &id);
}

TEST(test_manager_probe__a_password_that_is_stored_weakly_is_found)
{
    static const char *const weak[] = {
        "{\"passwordHash\":\"$argon2id$v=19$m=32768,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
        "c29tZWRpZ2VzdHNvbWVkaWdlc3Rzb21lZGlnZXN0c28\"}",
        "{\"passwordHash\":\"$argon2id$v=19$m=32768,t=3,p=1$c2FsdA$"
        "c29tZWRpZ2VzdHNvbWVkaWdlc3Rzb21lZGlnZXN0c28\"}",
        "{\"passwordHash\":\"5f4dcc3b5aa765d61d8327deb882cf99\"}",
        "{\"passwordHash\":\"a plain one\"}",
    };
    HOUSE(h, "passwords");
    char sound[HIN_PASSWORD_TEXT_BYTES], body[256];
    CHECK_OK(hin_password_encode(HIN_VIEW("right horse"), sound));
    snprintf(body, sizeof(body), "{\"passwordHash\":\"%s\",\"oneTime\":true}", sound);
    CHECK_OK(add_administrator(&h, body));
    CHECK_OK(run_all(&h));
    CHECK_INT(outcome_of(&h, "password-hashing"), HIN_EVIDENCE_PROVEN);
    for (size_t i = 0; i < HIN_COUNT(weak); i++) {
        int64_t id = (int64_t)i + 3;
        CHECK_OK(add_administrator(&h, weak[i]));
        CHECK_OK(run_one(&h, "password-hashing"));
        CHECK_CLAIMS(h, FAILED, "S30 ");
        CHECK_OK(hin_store_delete(h.tenants[1].store, HIN_STORE_ADMINISTRATORS, id, 0));
    }
    snprintf(body, sizeof(body), "{\"passwordHash\":\"%s\",\"password\":\"right horse\"}", sound);
    CHECK_OK(add_administrator(&h, body));
    CHECK_OK(run_one(&h, "password-hashing"));
    CHECK_CLAIMS(h, FAILED, "S30 ");
    CHECK_CLAIMS(h, PROVEN, GREEN);
}

/* ---- the records themselves ---- */

TEST(test_manager_probe__a_record_taken_away_is_seen_wherever_it_stood)
{
    HOUSE(h, "missing");
    struct hin_store *store = NULL;
    struct hin_record_state state;
    CHECK_OK(run_all(&h));
    CHECK_OK(run_all(&h));
    store = h.tenants[0].store;
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, PROVEN, GREEN);
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, 3, 0)); /* an old one */
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, FAILED, "S43 ");
    CHECK_OK(hin_record_state_of(&h.tenants[0], "sealing-canary", &state));
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, state.last_ran, 0)); /* that counts now */
    CHECK_CLAIMS(h, FAILED, "S43 S62 ");
}

/* The end of the record cut off, with all that says how far it was but the audit record. */
TEST(test_manager_probe__a_record_that_was_cut_is_seen_by_the_audit_record)
{
    HOUSE(h, "cut");
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_store_document head;
    uint64_t version = 0;
    CHECK_OK(run_all(&h));
    struct hin_store *store = h.tenants[0].store;
    CHECK_OK(hin_store_find(store, HIN_STORE_PROBE_STATES, 0, HIN_VIEW("head"), &text, &head));
    CHECK_OK(run_one(&h, "sealing-canary"));
    struct hin_store_content content = {.bytes = hin_buf_view(&text), .names = {HIN_VIEW("head")}};
    CHECK_OK(hin_store_update(store, HIN_STORE_PROBE_STATES, head.id, 0, &content, h.now_usec,
                              &version));
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, (int64_t)hin_probe_count + 1, 0));
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, FAILED, "S43 S62 ");
}

static HIN_RESULT put_state(struct house *house, const char *name, struct hin_view text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf old = {.max = 65536};
    struct hin_store *store = house->tenants[0].store;
    struct hin_store_document document;
    uint64_t version = 0;
    struct hin_store_content content = {.bytes = text, .names = {hin_view_from_text(name)}};
    HIN_TRY(hin_store_find(store, HIN_STORE_PROBE_STATES, 0, hin_view_from_text(name), &old,
                           &document));
    return hin_store_update(store, HIN_STORE_PROBE_STATES, document.id, 0, &content,
                            house->now_usec, &version);
}

static HIN_RESULT get_state(struct house *house, const char *name, struct hin_buf *out)
{
    struct hin_store_document document;
    return hin_store_find(house->tenants[0].store, HIN_STORE_PROBE_STATES, 0,
                          hin_view_from_text(name), out, &document);
}

/* The records are true ones, signed and valid still: what tells that one proves nothing any more
 * are the record after it, and the audit record. */
TEST(test_manager_probe__an_old_proof_put_back_over_a_failure_makes_nothing_green)
{
    HOUSE(h, "replay");
    HIN_CLEANUP(hin_buf_done) struct hin_buf state = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf head = {.max = 65536};
    struct hin_record_state failed;
    char text[128];
    CHECK_OK(run_all(&h));
    CHECK_CLAIMS(h, PROVEN, GREEN);
    CHECK_OK(get_state(&h, "probe sealing-canary", &state));
    CHECK_OK(get_state(&h, "head", &head));
    h.closed = true;
    CHECK_OK(run_one(&h, "sealing-canary")); /* not run: what was found before stands */
    CHECK_CLAIMS(h, PROVEN, GREEN);
    h.closed = false;
    snprintf(text, sizeof(text), "hinomi canary, sealed or not? %s", ids[1]);
    CHECK_OK(lay_down(&h, 1, hin_view_from_text(text)));
    CHECK_OK(run_one(&h, "sealing-canary"));
    CHECK_CLAIMS(h, FAILED, "S62 ");
    CHECK_OK(hin_record_state_of(&h.tenants[0], "sealing-canary", &failed));
    CHECK_OK(put_state(&h, "probe sealing-canary", hin_buf_view(&state)));
    CHECK_CLAIMS(h, FAILED, "S62 ");
    CHECK_OK(hin_store_delete(h.tenants[0].store, HIN_STORE_EVIDENCE, failed.last_ran, 0));
    CHECK_OK(put_state(&h, "head", hin_buf_view(&head)));
    CHECK_CLAIMS(h, FAILED, "S62 ");
    h.told = (struct hin_told){0}; /* a worker that was started since */
    CHECK_CLAIMS(h, FAILED, "S62 ");
}

TEST(test_manager_probe__a_proof_of_another_probe_proves_nothing)
{
    HOUSE(h, "other");
    struct hin_record_state state;
    char text[200];
    CHECK_OK(run_all(&h));
    CHECK_OK(hin_record_state_of(&h.tenants[0], "tenant-keys", &state));
    snprintf(text, sizeof(text),
             "{\"last\":%lld,\"lastRan\":%lld,\"observed\":%lld,\"idle\":0,\"broken\":false}",
             (long long)state.last, (long long)state.last, (long long)h.now_usec);
    CHECK_OK(put_state(&h, "probe schema-isolation", hin_view_from_text(text)));
    CHECK_CLAIMS(h, FAILED, "S91 ");
}

/* A true record that the audit record does not know. */
TEST(test_manager_probe__a_proof_that_was_planted_proves_nothing)
{
    HOUSE(h, "planted");
    struct hin_told none = {.begun = true};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf der = {.max = 65536};
    struct hin_evidence evidence;
    struct hin_error error = {0};
    CHECK_OK(authority_of(&h, &der));
    CHECK_OK(run_one(&h, "tenant-keys"));
    struct hin_record_judges judges = {hin_buf_view(&der), HIN_VIEW_EMPTY};
    CHECK_OK(hin_record_newest(&h.tenants[0], "tenant-keys", &judges, &h.told, &document, &evidence,
                               &error));
    CHECK_CODE(hin_told_check(&none, &evidence, h.now_usec, &error), CORRUPT);
    CHECK(strstr(error.text, "planted") != NULL);
    CHECK_OK(hin_told_check(&none, &evidence, h.now_usec + HIN_TOLD_BACK_USEC + 1000, &error));
    evidence.outcome = HIN_EVIDENCE_FAILED;
    CHECK_CODE(hin_told_check(&h.told, &evidence, h.now_usec, &error), CORRUPT);
}

/* What the newest run of audit-chain says beside its outcome. */
static void reason_of(struct house *house, char out[1100])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = HIN_EVIDENCE_FILE_MAX};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_record_state state = {0};
    struct hin_json statement;
    struct hin_view text = HIN_VIEW_EMPTY;
    bool read =
        hin_is_ok(hin_record_state_of(&house->tenants[0], "audit-chain", &state)) &&
        hin_is_ok(hin_record_file(&house->tenants[0], state.last, &file)) &&
        hin_is_ok(hin_json_parse(hin_buf_view(&file), file.max, &document, NULL)) &&
        hin_is_ok(hin_json_get_object(hin_json_root(document), "evidence", &statement, NULL)) &&
        hin_is_ok(hin_json_get_text(statement, "reason", &text, NULL));
    snprintf(out, 1100, "%.*s", read ? (int)text.size : 0, read ? (const char *)text.data : "");
}

static enum hin_code acknowledge(struct house *house, int64_t first, int64_t last,
                                 struct hin_error *error)
{
    struct hin_evidence_loss loss = {
        .first = first, .last = last, .by = HIN_VIEW("ada"), .note = HIN_VIEW("a disk broke")};
    int64_t number = 0;
    *error = (struct hin_error){0};
    return hin_probe_acknowledge(&house->tools, &loss, &number, error).code;
}

TEST(test_manager_probe__a_loss_that_a_key_holder_acknowledged_is_told_for_ever_and_breaks_nothing)
{
    HOUSE(h, "loss");
    struct hin_error error;
    struct hin_record_head head;
    char reason[1100];
    CHECK_OK(run_all(&h));
    CHECK_OK(run_all(&h));
    struct hin_store *store = h.tenants[0].store;
    CHECK_INT(acknowledge(&h, 3, 4, &error), HIN_NOT_FOUND); /* nothing is lost */
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, 3, 0));
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, 4, 0));
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, 8, 0));
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, FAILED, "S43 ");
    reason_of(&h, reason);
    CHECK(strstr(reason, "breaks at number 3: evidence 3 is missing") != NULL);
    CHECK(strstr(reason, "hinomi evidence acknowledge 3-4") != NULL);
    static const int64_t others[][2] = {{3, 3}, {4, 4}, {2, 4}, {3, 5}, {1, 2}, {3, 8}};
    for (size_t i = 0; i < HIN_COUNT(others); i++) {
        CHECK_INT(acknowledge(&h, others[i][0], others[i][1], &error), HIN_NOT_FOUND);
        CHECK(error.text[0] != '\0');
    }
    CHECK_INT(acknowledge(&h, 3, 4, &error), HIN_OK);
    CHECK_INT(acknowledge(&h, 3, 4, &error), HIN_EXISTS);
    CHECK_OK(run_one(&h, "audit-chain")); /* the other one is not acknowledged */
    CHECK_CLAIMS(h, FAILED, "S43 ");
    reason_of(&h, reason);
    CHECK(strstr(reason, "breaks at number 8") != NULL);
    CHECK_INT(acknowledge(&h, 8, 8, &error), HIN_OK);
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, PROVEN, GREEN);
    reason_of(&h, reason);
    CHECK(strstr(reason, "proven since 20") == reason);
    CHECK(strstr(reason, "is lost, acknowledged by ada (and 1 losses before)") != NULL);
    /* Whoever takes the acknowledgement away breaks the chain anew. */
    CHECK_OK(hin_record_head_of(&h.tenants[0], &head));
    CHECK_OK(hin_store_delete(store, HIN_STORE_EVIDENCE, head.number - 3, 0));
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, FAILED, "S43 ");
}

TEST(test_manager_probe__a_loss_at_the_end_is_acknowledged_by_what_the_audit_record_says)
{
    HOUSE(h, "last");
    struct hin_error error;
    struct hin_record_head head;
    CHECK_OK(run_all(&h));
    CHECK_OK(hin_record_head_of(&h.tenants[0], &head));
    CHECK_OK(hin_store_delete(h.tenants[0].store, HIN_STORE_EVIDENCE, head.number, 0));
    CHECK_INT(acknowledge(&h, head.number, head.number, &error), HIN_OK);
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, PROVEN, GREEN);
}

/* Records that were cut off with the state that remembered them are no hole: what is there and what
 * the audit record says differ, and nobody acknowledges that. */
TEST(test_manager_probe__a_chain_that_was_set_back_cannot_be_acknowledged)
{
    HOUSE(h, "setback");
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_error error;
    CHECK_OK(run_all(&h));
    CHECK_OK(get_state(&h, "head", &text));
    CHECK_OK(run_one(&h, "sealing-canary"));
    int64_t cut = (int64_t)hin_probe_count + 1;
    CHECK_OK(hin_store_delete(h.tenants[0].store, HIN_STORE_EVIDENCE, cut, 0));
    CHECK_OK(put_state(&h, "head", hin_buf_view(&text)));
    CHECK_INT(acknowledge(&h, cut, cut, &error), HIN_NOT_FOUND);
    CHECK_OK(run_one(&h, "audit-chain"));
    CHECK_CLAIMS(h, FAILED, "S43 S62 ");
}

/* ---- time ---- */

TEST(test_manager_probe__due_by_its_cadence_and_sooner_when_it_could_not_be_run)
{
    static const struct hin_probe daily = {.name = "x", .cadence_usec = HIN_DAY_USEC};
    struct hin_record_state state = {.last = 1, .last_ran = 1, .observed_usec = HIN_DAY_USEC};
    CHECK(hin_probe_is_due(&daily, &(struct hin_record_state){0}, HIN_DAY_USEC));
    CHECK(!hin_probe_is_due(&daily, &state, 2 * HIN_DAY_USEC - 1));
    CHECK(hin_probe_is_due(&daily, &state, 2 * HIN_DAY_USEC));
    CHECK(hin_probe_is_due(&daily, &state, HIN_DAY_USEC - 1)); /* the clock was set back */
    state.idle = 1;
    CHECK(!hin_probe_is_due(&daily, &state, HIN_DAY_USEC + 6 * HIN_HOUR_USEC - 1));
    CHECK(hin_probe_is_due(&daily, &state, HIN_DAY_USEC + 6 * HIN_HOUR_USEC));
    state.idle = 2; /* what cannot be run fills no disk */
    CHECK(!hin_probe_is_due(&daily, &state, 2 * HIN_DAY_USEC - 1));
}

/* All that is due, as `jobs` does it each second; at most so many. */
static HIN_RESULT live(struct house *house)
{
    bool ran = true;
    for (size_t i = 0; ran && i < 4 * hin_probe_count; i++) {
        HIN_TRY(hin_probe_run_due(&house->tools, &ran));
    }
    return hin_ok();
}

/* Time passes as it does in a process that looks after its keys. */
static HIN_RESULT pass(struct house *house, int64_t usec)
{
    house->now_usec += usec;
    for (size_t i = 0; i < TENANTS; i++) {
        HIN_TRY(hin_tenant_refresh(&house->tenants[i]));
        HIN_TRY(hin_tenant_watch(&house->tenants[i]));
    }
    return hin_ok();
}

TEST(test_manager_probe__a_week_passes_and_a_probe_that_is_left_out_turns_its_claims_grey)
{
    HOUSE(h, "week");
    struct hin_record_state state;
    for (int day = 0; day < 7; day++) {
        CHECK_OK(live(&h));
        CHECK_CLAIMS(h, PROVEN, GREEN);
        CHECK_OK(pass(&h, HIN_DAY_USEC));
    }
    CHECK_OK(hin_record_state_of(&h.tenants[0], "sealing-canary", &state));
    CHECK(state.idle == 0 && h.now_usec - state.observed_usec == HIN_DAY_USEC);
    /* all but one */
    for (size_t i = 0; i < hin_probe_count; i++) {
        int64_t number = 0;
        if (strcmp(hin_probes[i]->name, "sealing-canary") != 0) {
            CHECK_OK(hin_probe_run(&h.tools, hin_probes[i], &number));
        }
    }
    CHECK_CLAIMS(h, PROVEN, GREEN);
    CHECK_OK(pass(&h, 6 * HIN_HOUR_USEC));
    CHECK_CLAIMS(h, STALE, "S62 ");
    CHECK_CLAIMS(h, PROVEN, "S43 S91 S93 S96 ");
    CHECK_CLAIMS(h, FAILED, "");
    /* nothing at all */
    CHECK_OK(pass(&h, HIN_DAY_USEC));
    CHECK_CLAIMS(h, STALE, GREEN);
    CHECK_OK(live(&h));
    CHECK_CLAIMS(h, PROVEN, GREEN);
    /* what comes from the future proves nothing */
    h.now_usec -= 2 * HIN_DAY_USEC;
    CHECK_CLAIMS(h, PROVEN, "");
}

TEST(test_manager_probe__what_somebody_asked_for_runs_once)
{
    HOUSE(h, "asked");
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_view names[] = {HIN_VIEW("sealing-canary"), HIN_VIEW("of another version")};
    struct hin_store_document document;
    bool ran = false;
    int64_t id = 0;
    CHECK_OK(hin_probe_request(&h.tenants[0], names, 2, &id));
    CHECK_OK(hin_probe_run_requested(&h.tools, &ran));
    CHECK(ran);
    CHECK_CLAIMS(h, PROVEN, "S62 ");
    CHECK_OK(hin_store_get(h.tenants[0].store, HIN_STORE_PROBE_RUNS, id, &text, &document));
    CHECK(hin_view_find(document.bytes, HIN_VIEW("\"evidence\":[1],\"state\":\"done\"")) !=
          SIZE_MAX);
    CHECK_OK(hin_probe_run_requested(&h.tools, &ran));
    CHECK(!ran);
}

/* ---- trials ---- */

TEST(test_manager_probe__a_trial_is_proof_only_when_all_was_tried_and_something_measured)
{
    HIN_CLEANUP(hin_trial_done) struct hin_trial trial;
    hin_trial_init(&trial);
    CHECK_INT(hin_trial_outcome(&trial), HIN_EVIDENCE_NOT_RUN);
    hin_trial_tried(&trial);
    CHECK_INT(hin_trial_outcome(&trial), HIN_EVIDENCE_NOT_RUN);
    hin_trial_measure(&trial, "n", 1);
    hin_trial_measure(&trial, "n", 2);
    CHECK_INT(hin_trial_outcome(&trial), HIN_EVIDENCE_PROVEN);
    CHECK_INT(trial.measurements.count, 1);
    CHECK_INT(trial.measurements.items[0].number, 3);
    hin_trial_obstacle(&trial, "not %s", "there");
    CHECK_INT(hin_trial_outcome(&trial), HIN_EVIDENCE_NOT_RUN);
    CHECK_VIEW(hin_trial_reason(&trial), "not there");
    hin_trial_fail(&trial, "broken");
    hin_trial_fail(&trial, "broken again");
    CHECK_INT(hin_trial_outcome(&trial), HIN_EVIDENCE_FAILED);
    CHECK_VIEW(hin_trial_reason(&trial), "broken");
}

TEST(test_manager_probe__what_another_process_tried_is_merged_and_bounded)
{
    HIN_CLEANUP(hin_trial_done) struct hin_trial part, whole;
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1 << 20};
    char name[16];
    hin_trial_init(&part);
    hin_trial_init(&whole);
    hin_trial_measure_text(&part, "port", "refused");
    hin_trial_tried(&part);
    CHECK_OK(hin_trial_write(&part, &bytes));
    CHECK_OK(hin_trial_merge(&whole, hin_buf_view(&bytes)));
    CHECK_INT(hin_trial_outcome(&whole), HIN_EVIDENCE_NOT_RUN); /* the asker has not said so */
    hin_trial_tried(&whole);
    CHECK_INT(hin_trial_outcome(&whole), HIN_EVIDENCE_PROVEN);
    for (size_t i = 0; i < bytes.size; i++) { /* cut anywhere */
        CHECK_CODE(hin_trial_merge(&whole, hin_view_sub(hin_buf_view(&bytes), 0, i)), PROTOCOL);
    }
    for (int i = 0; i < HIN_EVIDENCE_ROWS_MAX + 1; i++) {
        snprintf(name, sizeof(name), "row %d", i);
        hin_trial_measure(&part, name, i);
    }
    CHECK_INT(hin_trial_outcome(&part), HIN_EVIDENCE_NOT_RUN); /* a record that says half */
}

/* ---- promises about backups, as the catalogue has them ---- */

#define BACKED_UP "S63 S64 S65 "

static HIN_RESULT set_places(struct house *house, bool agree, const char *second_region)
{
    char text[400];
    int64_t id = 0;
    uint64_t version = 0, count = 0;
    snprintf(text, sizeof(text),
             "{\"time\":1,\"clocksAgree\":%s,\"keepDays\":35,\"everyHours\":24,\"shipSeconds\":60,"
             "\"destinations\":[{\"name\":\"here\",\"url\":\"file:///a\",\"region\":\"dc1\"},"
             "{\"name\":\"far\",\"url\":\"file:///b\",\"region\":\"%s\"}]}",
             agree ? "true" : "false", second_region);
    struct hin_store_content content = {.bytes = hin_view_from_text(text)};
    struct hin_store *own = house->tenants[0].store;
    HIN_TRY(hin_store_count(own, HIN_STORE_BACKUP_STATE, &count));
    return count == 0
               ? hin_store_create(own, HIN_STORE_BACKUP_STATE, &content, house->now_usec, &id)
               : hin_store_update(own, HIN_STORE_BACKUP_STATE, 1, 0, &content, house->now_usec,
                                  &version);
}

/* One that was begun so long ago, whole at both places. */
static HIN_RESULT back_up(struct house *house, size_t tenant, int64_t ago_usec,
                          struct hin_backup_record *ret_record)
{
    struct hin_backup_record record = {.tenant = house->tenants[tenant].number,
                                       .begun_usec = house->now_usec - ago_usec,
                                       .version = 1,
                                       .state = HIN_BACKUP_DONE};
    snprintf(record.uuid, sizeof(record.uuid), "%s", ids[tenant]);
    hin_backup_place_of(&record, "here")->state = HIN_BACKUP_THERE;
    hin_backup_place_of(&record, "far")->state = HIN_BACKUP_THERE;
    HIN_TRY(hin_backup_record_write(house->tenants[0].store, &record, house->now_usec));
    *ret_record = record;
    return hin_ok();
}

static HIN_RESULT rehearse(struct house *house, size_t tenant, bool good)
{
    struct hin_rehearsal rehearsal = {.tenant = house->tenants[tenant].number,
                                      .destination = "here",
                                      .begun_usec = house->now_usec,
                                      .ended_usec = house->now_usec,
                                      .events = 3,
                                      .good = good};
    snprintf(rehearsal.uuid, sizeof(rehearsal.uuid), "%s", ids[tenant]);
    snprintf(rehearsal.error, sizeof(rehearsal.error), "%s", good ? "" : "event 2 is another");
    return hin_rehearsal_add(house->tenants[0].store, &rehearsal, house->now_usec);
}

static HIN_RESULT back_up_all(struct house *house, struct hin_backup_record newest[TENANTS])
{
    HIN_TRY(set_places(house, true, "dc2"));
    for (size_t i = 0; i < TENANTS; i++) {
        HIN_TRY(back_up(house, i, HIN_HOUR_USEC, &newest[i]));
        HIN_TRY(rehearse(house, i, true));
    }
    return hin_ok();
}

static HIN_RESULT run_backup_probes(struct house *house)
{
    HIN_TRY(run_one(house, "backup-made"));
    HIN_TRY(run_one(house, "restore-weekly"));
    HIN_TRY(run_one(house, "backup-destruction"));
    return run_one(house, "second-region");
}

TEST(test_manager_probe__backups_that_are_made_restored_destroyed_and_elsewhere_are_proven)
{
    HOUSE(h, "backups");
    struct hin_backup_record newest[TENANTS], old;
    CHECK_OK(back_up_all(&h, newest));
    CHECK_OK(back_up(&h, 1, 40 * HIN_DAY_USEC, &old));
    old.state = HIN_BACKUP_DESTROYED;
    old.destroyed_usec = h.now_usec - 4 * HIN_DAY_USEC;
    old.places[0].state = old.places[1].state = HIN_BACKUP_REMOVED;
    CHECK_OK(hin_backup_record_write(h.tenants[0].store, &old, h.now_usec));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, PROVEN, BACKED_UP);
    CHECK_OK(pass(&h, 2 * HIN_DAY_USEC)); /* and nothing happened: it is seen */
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S65 ");
    CHECK_INT(outcome_of(&h, "backup-destruction"), HIN_EVIDENCE_PROVEN);
    CHECK_OK(pass(&h, 7 * HIN_DAY_USEC));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S63 S65 ");
}

TEST(test_manager_probe__a_backup_that_is_amiss_at_all_places_is_found)
{
    HOUSE(h, "amiss");
    struct hin_backup_record newest[TENANTS];
    CHECK_OK(back_up_all(&h, newest));
    newest[2].places[1].damaged = 1;
    newest[2].places[0].state = HIN_BACKUP_FAILED;
    CHECK_OK(hin_backup_record_write(h.tenants[0].store, &newest[2], h.now_usec));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S64 S65 ");
    CHECK_CLAIMS(h, PROVEN, "S63 ");
}

TEST(test_manager_probe__a_restore_that_failed_is_found)
{
    HOUSE(h, "restore");
    struct hin_backup_record newest[TENANTS];
    CHECK_OK(back_up_all(&h, newest));
    h.now_usec += HIN_SEC_USEC;
    CHECK_OK(rehearse(&h, 1, false));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S63 ");
    CHECK_CLAIMS(h, PROVEN, "S64 S65 ");
}

TEST(test_manager_probe__a_backup_beyond_its_time_whose_key_lives_or_that_still_lies_there_is_found)
{
    HOUSE(h, "destruction");
    struct hin_backup_record newest[TENANTS], old;
    CHECK_OK(back_up_all(&h, newest));
    CHECK_OK(back_up(&h, 1, 37 * HIN_DAY_USEC, &old));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S65 ");
    CHECK_CLAIMS(h, PROVEN, "S63 S64 ");
    old.state = HIN_BACKUP_DESTROYED;
    old.destroyed_usec = h.now_usec;
    old.places[0].state = old.places[1].state = HIN_BACKUP_LEFT;
    CHECK_OK(hin_backup_record_write(h.tenants[0].store, &old, h.now_usec));
    CHECK_OK(run_one(&h, "backup-destruction"));
    CHECK_CLAIMS(h, FAILED, "");
    old.destroyed_usec = h.now_usec - 2 * HIN_DAY_USEC;
    CHECK_OK(hin_backup_record_write(h.tenants[0].store, &old, h.now_usec));
    CHECK_OK(run_one(&h, "backup-destruction"));
    CHECK_CLAIMS(h, FAILED, "S65 ");
}

TEST(test_manager_probe__nothing_is_destroyed_by_clocks_that_disagree_and_that_is_told)
{
    HOUSE(h, "clocks");
    struct hin_backup_record newest[TENANTS];
    CHECK_OK(back_up_all(&h, newest));
    CHECK_OK(set_places(&h, false, "dc2"));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S65 ");
}

TEST(test_manager_probe__two_places_in_one_region_are_no_second_one)
{
    HOUSE(h, "region");
    struct hin_backup_record newest[TENANTS];
    CHECK_OK(back_up_all(&h, newest));
    CHECK_OK(set_places(&h, true, "dc1"));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "S64 ");
    CHECK_CLAIMS(h, PROVEN, "S63 S65 ");
}

TEST(test_manager_probe__a_tenant_without_a_backup_keeps_them_from_being_proven)
{
    HOUSE(h, "young");
    struct hin_backup_record newest;
    CHECK_OK(set_places(&h, true, "dc2"));
    CHECK_OK(back_up(&h, 0, HIN_HOUR_USEC, &newest));
    CHECK_OK(run_backup_probes(&h));
    CHECK_CLAIMS(h, FAILED, "");
    CHECK_CLAIMS(h, PROVEN, "");
    CHECK_INT(outcome_of(&h, "backup-made"), HIN_EVIDENCE_NOT_RUN);
    CHECK_INT(outcome_of(&h, "restore-weekly"), HIN_EVIDENCE_NOT_RUN);
}
