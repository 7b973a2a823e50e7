/* Whether a store or the vault was set back; what is cut off anywhere is never taken for it. */
#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "harness.h"
#include "keys/client.h"
#include "keys/ring.h"

/* A vault file in memory, which fails before or after it was replaced, and a store's one row. */
struct site {
    char keyring[300];
    struct hin_ring *ring;
    struct hin_vault *vault;
    struct hin_buf file;
    enum { SAVES, FAILS_BEFORE, FAILS_AFTER } save;
    int saves;
    struct hin_vault_use last;
    struct hin_vault_judgement said;
    int64_t now_usec;
    struct hin_vault_options options;
};

static HIN_RESULT load(void *context, struct hin_buf *ret_bytes)
{
    struct site *site = context;
    HIN_ENSURE(site->file.size > 0, NOT_FOUND);
    return hin_buf_append(ret_bytes, hin_buf_view(&site->file));
}

static HIN_RESULT save(void *context, struct hin_view bytes)
{
    struct site *site = context;
    HIN_ENSURE(site->save != FAILS_BEFORE, NO_SPACE);
    site->saves++;
    hin_buf_clear(&site->file);
    HIN_TRY(hin_buf_append(&site->file, bytes));
    HIN_ENSURE(site->save != FAILS_AFTER, IO);
    return hin_ok();
}

static void used(void *context, const struct hin_vault_use *use)
{
    struct site *site = context;
    site->last = *use;
}

static HIN_RESULT site_build(struct site *site, const char *name)
{
    snprintf(site->keyring, sizeof(site->keyring), "%s/%s.keyring", test_folder(), name);
    site->file.max = 1 << 20;
    HIN_TRY(hin_ring_create(AT_FDCWD, site->keyring, NULL, NULL));
    HIN_TRY(hin_ring_open(&site->ring, AT_FDCWD, site->keyring, NULL, NULL));
    site->options = (struct hin_vault_options){.provider = hin_ring_provider(site->ring),
                                               .storage = {load, save, site},
                                               .used = used,
                                               .used_context = site};
    HIN_TRY(hin_vault_create(&site->vault, &site->options, "Hinomi test"));
    HIN_TRY(hin_vault_tenant_create(site->vault, HIN_VIEW("t0")));
    return hin_vault_tenant_create(site->vault, HIN_VIEW("t1"));
}

static void site_done(struct site *site)
{
    hin_vault_free(site->vault);
    hin_ring_free(site->ring);
    hin_buf_done(&site->file);
}

/* As the manager's `keys` begins: numbers move on. */
static HIN_RESULT restart(struct site *site)
{
    hin_vault_free(site->vault);
    site->vault = NULL;
    site->save = SAVES;
    site->now_usec = 0;
    HIN_TRY(hin_vault_open(&site->vault, &site->options));
    return hin_vault_generation_tick(site->vault, 0);
}

/* A second or a period passes. */
static HIN_RESULT pass(struct site *site, int64_t usec)
{
    site->now_usec += usec;
    return hin_vault_generation_tick(site->vault, site->now_usec);
}

#define SITE(name, folder)                                                                         \
    HIN_CLEANUP(site_done) struct site name = {0};                                                 \
    CHECK_OK(site_build(&name, folder))
#define BUF(name) HIN_CLEANUP(hin_buf_done) struct hin_buf name = {.max = 1 << 20}

static HIN_RESULT copy(struct hin_buf *to, const struct hin_buf *from)
{
    hin_buf_clear(to);
    return hin_buf_append(to, hin_buf_view(from));
}

static HIN_RESULT ask(struct site *site, const struct hin_buf *store)
{
    return hin_vault_generation(site->vault, HIN_VIEW("t0"), hin_buf_view(store), &site->said);
}

/* As a worker does it; `cut`: how many of its steps are done. */
static HIN_RESULT wake(struct site *site, struct hin_buf *store, int cut)
{
    for (int step = 0; step < cut; step += 2) {
        HIN_TRY(ask(site, store));
        HIN_ENSURE(!hin_vault_is_refusal(site->said.verdict), SET_BACK);
        if (site->said.token_size == 0 || step + 1 >= cut) {
            return hin_ok();
        }
        hin_buf_clear(store);
        HIN_TRY(hin_buf_append(store, hin_view_of(site->said.token, site->said.token_size)));
    }
    return hin_ok();
}
enum { ALL = 100 };

static uint64_t number_in(const struct hin_buf *token)
{
    return token->size == 0 ? 0 : hin_load_u64(token->data + 1);
}

TEST(test_keys_generation__is_judged_by_two_numbers)
{
    static const struct {
        uint64_t found, number, seen, granted;
        bool is_granted;
        enum hin_vault_verdict verdict;
    } rows[] = {
        {0, 0, 0, 0, false, HIN_VAULT_STORE_PRESENT},
        {0, 1, 0, 0, false, HIN_VAULT_STORE_BEHIND},
        {0, 1, 1, 0, false, HIN_VAULT_STORE_SET_BACK},
        {1, 0, 0, 0, false, HIN_VAULT_VAULT_SET_BACK},
        {7, 7, 6, 0, false, HIN_VAULT_STORE_PRESENT},
        {7, 7, 7, 0, false, HIN_VAULT_STORE_PRESENT},
        {6, 7, 6, 0, false, HIN_VAULT_STORE_BEHIND},
        {6, 7, 7, 0, false, HIN_VAULT_STORE_SET_BACK},
        {5, 7, 6, 0, false, HIN_VAULT_STORE_SET_BACK},
        {8, 7, 7, 0, false, HIN_VAULT_VAULT_SET_BACK},
        {0, 9, 6, 0, true, HIN_VAULT_STORE_GRANTED},
        {1, 9, 6, 0, true, HIN_VAULT_STORE_SET_BACK},
        {7, 9, 6, 0, true, HIN_VAULT_STORE_SET_BACK},
        {9, 9, 6, 0, true, HIN_VAULT_STORE_PRESENT},
        {UINT64_MAX, 1, 1, 0, false, HIN_VAULT_VAULT_SET_BACK},
    };
    for (size_t i = 0; i < HIN_COUNT(rows); i++) {
        struct hin_vault_generation known = {.number = rows[i].number,
                                             .seen = rows[i].seen,
                                             .granted = rows[i].granted,
                                             .is_granted = rows[i].is_granted};
        CHECK_INT(hin_vault_judge(rows[i].found, &known), rows[i].verdict);
    }
}

TEST(test_keys_generation__a_store_set_back_is_refused)
{
    SITE(s, "generation_store");
    BUF(store);
    BUF(old);
    BUF(vault);
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_INT(number_in(&store), 1);
    CHECK_OK(copy(&old, &store));
    int saves = s.saves;
    CHECK_OK(wake(&s, &store, ALL)); /* a second worker: nothing moves, nothing is written */
    CHECK_INT(s.saves, saves);
    CHECK_INT(number_in(&store), 1);
    CHECK_OK(copy(&vault, &s.file));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_INT(number_in(&store), 2);
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    CHECK_INT(s.said.verdict, HIN_VAULT_STORE_SET_BACK);
    CHECK_INT(s.said.found, 1);
    CHECK_INT(s.said.known, 2);
    CHECK(s.said.seen_usec > 0);
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    BUF(none);
    CHECK_CODE(wake(&s, &none, ALL), SET_BACK); /* without a token is no way around */
    CHECK_OK(wake(&s, &store, ALL));
    /* The vault alone. */
    CHECK_OK(copy(&s.file, &vault));
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK);
    CHECK_INT(s.said.verdict, HIN_VAULT_VAULT_SET_BACK);
    CHECK(s.said.found > s.said.known);
    /* Both, as a backup has them. */
    CHECK_OK(wake(&s, &old, ALL));
}

/* While the manager runs, numbers move on all the same: a copy of an hour ago is noticed. */
TEST(test_keys_generation__moves_on_while_stores_are_open)
{
    SITE(s, "generation_period");
    BUF(store);
    BUF(old);
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_OK(copy(&old, &store));
    int saves = s.saves;
    for (int second = 0; second < 200; second++) {
        CHECK_OK(wake(&s, &store, ALL));
        CHECK_OK(pass(&s, HIN_SEC_USEC));
    }
    CHECK_INT(s.saves, saves);
    CHECK_INT(number_in(&store), number_in(&old));
    CHECK_OK(pass(&s, HIN_VAULT_GENERATION_USEC));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_INT(number_in(&store), number_in(&old) + 1);
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    /* One that sleeps for long is no further away when it wakes. */
    for (int period = 0; period < 10; period++) {
        CHECK_OK(pass(&s, HIN_VAULT_GENERATION_USEC));
    }
    saves = s.saves;
    CHECK_OK(pass(&s, HIN_VAULT_GENERATION_USEC)); /* nothing is to be saved for it */
    CHECK_INT(s.saves, saves);
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_INT(number_in(&store), number_in(&old) + 2);
}

TEST(test_keys_generation__a_token_is_its_tenants_and_installations)
{
    SITE(s, "generation_token");
    SITE(other, "generation_other");
    BUF(store);
    struct hin_vault_judgement said;
    CHECK_OK(wake(&s, &store, ALL));
    struct hin_view token = hin_buf_view(&store);
    CHECK_CODE(hin_vault_generation(s.vault, HIN_VIEW("t1"), token, &said), AUTH);
    CHECK_CODE(hin_vault_generation(other.vault, HIN_VIEW("t0"), token, &said), AUTH);
    CHECK_INT(other.last.outcome, HIN_AUTH); /* which is reported */
    CHECK_CODE(hin_vault_generation(s.vault, HIN_VIEW("t9"), token, &said), NOT_FOUND);
    for (size_t i = 0; i < store.size; i++) {
        store.data[i] ^= 1;
        CHECK(!hin_is_ok(hin_vault_generation(s.vault, HIN_VIEW("t0"), token, &said)));
        store.data[i] ^= 1;
    }
    CHECK_CODE(hin_vault_generation(s.vault, HIN_VIEW("t0"), hin_view_sub(token, 0, store.size - 1),
                                    &said),
               CORRUPT);
    CHECK_OK(hin_vault_master_rotate(s.vault)); /* rotation does not touch it */
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
}

/* Every step of every start may be the last, every save may fail on either side of the disk, and
 * what one of the token's two copies lost the other has. */
TEST(test_keys_generation__an_honest_store_is_never_refused)
{
    SITE(s, "generation_cut");
    BUF(store);
    BUF(again);
    uint32_t dice = 12345;
    for (int round = 0; round < 5000; round++) {
        dice = dice * 1664525 + 1013904223;
        int cut = (int)((dice >> 16) % 6);
        s.save = (dice >> 24) % 3;
        struct hin_result woken = wake(&s, &store, cut);
        CHECK(woken.code == HIN_OK || woken.code == HIN_NO_SPACE || woken.code == HIN_IO);
        CHECK_OK(copy(&again, &store)); /* both in one transaction */
        s.save = (dice >> 27) % 3;
        if ((dice >> 12) % 2 == 0) {
            struct hin_result passed =
                pass(&s, (dice >> 20) % 4 == 0 ? HIN_VAULT_GENERATION_USEC : HIN_SEC_USEC);
            CHECK(passed.code == HIN_OK || passed.code == HIN_NO_SPACE || passed.code == HIN_IO);
        }
        if ((dice >> 8) % 7 == 0) { /* salvaged: the page of the first copy is lost */
            hin_buf_clear(&store);
            CHECK_OK(copy(&store, &again));
        }
        if ((dice >> 10) % 3 != 0) {
            CHECK_OK(restart(&s));
        }
        s.save = SAVES;
    }
    CHECK(number_in(&store) > 1000);
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
}

static void check_record(struct site *s, enum hin_restore_what what, uint64_t found, uint64_t known)
{
    struct hin_restore restore;
    struct hin_view statement, signature;
    uint8_t key[HIN_SIGN_PUBLIC_BYTES];
    CHECK(s->said.restore_size > 0);
    CHECK_OK(hin_restore_decode(hin_view_of(s->said.restore, s->said.restore_size), &restore,
                                &statement, &signature));
    CHECK_OK(hin_vault_checkpoint_public(s->vault, key));
    CHECK_OK(hin_restore_verify(hin_view_of(key, sizeof(key)), statement, signature));
    CHECK_INT(restore.what, what);
    CHECK_INT(restore.found, found);
    CHECK_INT(restore.known, known);
    CHECK_VIEW(hin_view_from_text(restore.tenant), "t0");
    CHECK_VIEW(hin_view_from_text(restore.holder), "ada");
    key[0] ^= 1;
    CHECK(!hin_is_ok(hin_restore_verify(hin_view_of(key, sizeof(key)), statement, signature)));
}

TEST(test_keys_generation__what_is_granted_passes_once)
{
    SITE(s, "generation_grant");
    BUF(store);
    BUF(old);
    BUF(again);
    struct hin_view t0 = HIN_VIEW("t0");
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_CODE(hin_vault_accept(s.vault, t0, hin_buf_view(&store), "ada"), CONFLICT);
    CHECK_OK(copy(&old, &store));
    CHECK_OK(copy(&again, &store));
    for (int i = 0; i < 5; i++) {
        CHECK_OK(restart(&s));
        CHECK_OK(wake(&s, &store, ALL));
        CHECK_OK(pass(&s, HIN_SEC_USEC));
    }
    s.save = FAILS_BEFORE;
    CHECK_CODE(hin_vault_accept(s.vault, t0, hin_buf_view(&old), "ada"), NO_SPACE);
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    CHECK_INT(s.said.restore_size, 0);
    s.save = SAVES;
    uint64_t found = s.said.found, known = s.said.known;
    CHECK_OK(hin_vault_accept(s.vault, t0, hin_buf_view(&old), "ada"));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &old, 1)); /* cut off before the store has it */
    check_record(&s, HIN_RESTORE_STORE, found, known);
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK); /* the newer one is not the present one now */
    CHECK_OK(wake(&s, &old, ALL));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &old, ALL));
    check_record(&s, HIN_RESTORE_STORE, found, known); /* kept, for whoever asks */
    CHECK_CODE(wake(&s, &again, ALL), SET_BACK);
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK);
}

TEST(test_keys_generation__a_vault_set_back_is_granted_too)
{
    SITE(s, "generation_vault");
    BUF(store);
    BUF(vault);
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_OK(copy(&vault, &s.file));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(restart(&s));
        CHECK_OK(wake(&s, &store, ALL));
        CHECK_OK(pass(&s, HIN_SEC_USEC));
    }
    CHECK_OK(copy(&s.file, &vault));
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK);
    uint64_t found = s.said.found, known = s.said.known;
    CHECK_OK(hin_vault_accept(s.vault, HIN_VIEW("t0"), hin_buf_view(&store), "ada"));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    check_record(&s, HIN_RESTORE_VAULT, found, known);
    CHECK(number_in(&store) > found);
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
}

TEST(test_keys_generation__a_key_ring_set_back_is_noticed)
{
    SITE(s, "generation_ring");
    BUF(ring);
    BUF(store);
    uint64_t found = 0, known = 0;
    CHECK_OK(restart(&s));
    CHECK_OK(hin_vault_keyring(s.vault, &found, &known));
    CHECK(found > 0);
    CHECK_INT(found, known);
    ring.max = HIN_RING_FILE_MAX;
    CHECK_OK(hin_file_read(AT_FDCWD, s.keyring, &ring));
    CHECK_OK(hin_vault_tenant_create(s.vault, HIN_VIEW("t2")));
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_OK(hin_vault_tenant_shred(s.vault, HIN_VIEW("t2")));
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_OK(hin_vault_keyring(s.vault, &found, &known));
    CHECK_INT(found, known);
    hin_ring_free(s.ring);
    s.ring = NULL;
    CHECK_OK(hin_file_replace(AT_FDCWD, s.keyring, hin_buf_view(&ring), 0400));
    CHECK_OK(hin_ring_open(&s.ring, AT_FDCWD, s.keyring, NULL, NULL));
    s.options.provider = hin_ring_provider(s.ring);
    CHECK_OK(restart(&s));
    CHECK_OK(hin_vault_keyring(s.vault, &found, &known));
    CHECK(found < known); /* the start does not make it forget */
    CHECK_OK(wake(&s, &store, ALL));
    uint64_t number = number_in(&store);
    struct hin_view t0 = HIN_VIEW("t0");
    CHECK_OK(hin_vault_accept(s.vault, t0, hin_buf_view(&store), "ada"));
    CHECK_CODE(hin_vault_accept(s.vault, t0, hin_buf_view(&store), "ada"), CONFLICT);
    CHECK_OK(wake(&s, &store, 1));
    check_record(&s, HIN_RESTORE_KEYRING, number, number);
    CHECK_OK(restart(&s));
    CHECK_OK(hin_vault_keyring(s.vault, &found, &known));
    CHECK_INT(found, known);
}

static int refused_count(struct site *s)
{
    BUF(bytes);
    return hin_is_ok(hin_vault_refused(s->vault, &bytes)) ? bytes.data[0] : -1;
}

TEST(test_keys_generation__who_is_refused_is_listed)
{
    SITE(s, "generation_refused");
    BUF(store);
    BUF(none);
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_INT(refused_count(&s), 0);
    CHECK_CODE(wake(&s, &none, ALL), SET_BACK);
    CHECK_INT(refused_count(&s), 1);
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_INT(refused_count(&s), 0);
    /* To look has no effect. */
    struct hin_vault_judgement said;
    int saves = s.saves;
    CHECK_OK(hin_vault_generation_look(s.vault, HIN_VIEW("t0"), hin_buf_view(&none), &said));
    CHECK_INT(said.verdict, HIN_VAULT_STORE_SET_BACK);
    CHECK_INT(refused_count(&s), 0);
    CHECK_INT(s.saves, saves);
}

TEST(test_keys_generation__holders_are_judged_without_a_store)
{
    SITE(s, "generation_holders");
    struct hin_vault_holders holders = {.count = 2}, read;
    struct hin_vault_holder found;
    BUF(bytes);
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    uint8_t unknown[HIN_SHA256_BYTES] = {9};
    snprintf(holders.list[0].name, sizeof(holders.list[0].name), "ada");
    snprintf(holders.list[1].name, sizeof(holders.list[1].name), "bob");
    holders.list[0].digest[0] = 1;
    holders.list[1].digest[0] = 2;
    holders.list[0].lapses_usec = now_usec + HIN_HOUR_USEC;
    holders.list[1].lapses_usec = now_usec - 1;
    CHECK_CODE(hin_vault_holder_find(s.vault, holders.list[0].digest, &found), DENIED);
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    int saves = s.saves;
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    CHECK_INT(s.saves, saves);
    CHECK_OK(restart(&s));
    CHECK_OK(hin_vault_holder_find(s.vault, holders.list[0].digest, &found));
    CHECK_VIEW(hin_view_from_text(found.name), "ada");
    CHECK_CODE(hin_vault_holder_find(s.vault, holders.list[1].digest, &found), EXPIRED);
    CHECK_CODE(hin_vault_holder_find(s.vault, unknown, &found), DENIED);
    CHECK_OK(hin_vault_holders_encode(&holders, &bytes));
    for (size_t size = 0; size < bytes.size; size++) {
        CHECK(!hin_is_ok(
            hin_vault_holders_decode(hin_view_sub(hin_buf_view(&bytes), 0, size), &read)));
    }
    CHECK_OK(hin_vault_holders_decode(hin_buf_view(&bytes), &read));
    CHECK_INT(read.count, 2);
}

/* ---- a restore while the manager runs ---- */

static struct hin_vault_holders two_holders(void)
{
    int64_t lapses_usec = hin_clock_wall_usec(hin_clock_system()) + HIN_HOUR_USEC;
    struct hin_vault_holders holders = {.count = 2};
    holders.list[0] = (struct hin_vault_holder){.name = "ada", .digest = {1}};
    holders.list[1] = (struct hin_vault_holder){.name = "bob", .digest = {2}};
    holders.list[0].lapses_usec = holders.list[1].lapses_usec = lapses_usec;
    return holders;
}

static const struct hin_vault_consent by_ada = {.holder = {1}, .subject = {7}},
                                      by_bob = {.holder = {2}, .subject = {7}},
                                      by_nobody = {.holder = {9}, .subject = {7}};

/* With these tickets, of `tenant`. */
static HIN_RESULT grant(struct site *site, const char *tenant,
                        const struct hin_vault_consent *subject, const struct hin_buf *one,
                        const struct hin_buf *other)
{
    struct hin_vault_grant given = {.subject =
                                        hin_view_of(subject->subject, sizeof(subject->subject)),
                                    .tickets = {hin_buf_view(one)},
                                    .ticket_count = 1};
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 4096};
    struct hin_vault_grant read;
    if (other != NULL) {
        given.tickets[given.ticket_count++] = hin_buf_view(other);
    }
    HIN_TRY(hin_vault_grant_encode(&given, &bytes));
    HIN_TRY(hin_vault_grant_decode(hin_buf_view(&bytes), &read));
    return hin_vault_restore_grant(site->vault, hin_view_from_text(tenant), &read);
}

static HIN_RESULT consent(struct site *site, const char *tenant,
                          const struct hin_vault_consent *given, struct hin_buf *ticket)
{
    hin_buf_clear(ticket);
    return hin_vault_restore_consent(site->vault, hin_view_from_text(tenant), given, ticket);
}

TEST(test_keys_consent__a_store_takes_the_place_of_another_as_two_holders_agree)
{
    SITE(s, "consent");
    BUF(former);
    BUF(restored);
    BUF(ada);
    BUF(bob);
    struct hin_vault_holders holders = two_holders();
    struct hin_restore restore;
    struct hin_view statement, signature;
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &former, ALL));
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    CHECK_CODE(consent(&s, "t0", &by_nobody, &ada), DENIED);
    CHECK_OK(consent(&s, "t0", &by_ada, &ada));
    CHECK_OK(consent(&s, "t0", &by_bob, &bob));
    CHECK_CODE(grant(&s, "t0", &by_ada, &ada, NULL), DENIED); /* two are in force */
    CHECK_CODE(grant(&s, "t0", &by_ada, &ada, &ada), DENIED); /* one twice */
    CHECK_CODE(wake(&s, &restored, ALL), SET_BACK);
    CHECK_OK(grant(&s, "t0", &by_ada, &ada, &bob));
    CHECK_OK(grant(&s, "t0", &by_ada, &ada, &bob)); /* cut off, and asked again */
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &former, ALL), SET_BACK); /* what was left does not come back unasked */
    CHECK_OK(wake(&s, &restored, ALL));
    CHECK_INT(number_in(&restored) > number_in(&former), 1);
    CHECK_OK(hin_restore_decode(hin_view_of(s.said.restore, s.said.restore_size), &restore,
                                &statement, &signature));
    CHECK_VIEW(hin_view_from_text(restore.holder), "ada, bob");
    CHECK_INT(restore.found, 0);
    CHECK_OK(pass(&s, HIN_SEC_USEC));
    hin_buf_clear(&restored);
    CHECK_CODE(grant(&s, "t0", &by_ada, &ada, &bob), EXPIRED); /* no consent counts twice */
    CHECK_CODE(wake(&s, &restored, ALL), SET_BACK);
}

TEST(test_keys_consent__a_ticket_is_of_one_tenant_one_subject_and_a_holder_in_force)
{
    SITE(s, "tickets");
    BUF(ada);
    BUF(bob);
    struct hin_vault_holders holders = two_holders();
    struct hin_vault_consent else_ = {.holder = {1}, .subject = {8}};
    CHECK_OK(restart(&s));
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    CHECK_OK(consent(&s, "t0", &by_ada, &ada));
    CHECK_OK(consent(&s, "t0", &by_bob, &bob));
    CHECK_CODE(grant(&s, "t1", &by_ada, &ada, &bob), AUTH);
    CHECK_CODE(grant(&s, "t0", &else_, &ada, &bob), AUTH);
    CHECK_CODE(grant(&s, "nobody", &by_ada, &ada, &bob), NOT_FOUND);
    for (size_t i = 0; i < bob.size; i++) { /* altered anywhere, or cut short */
        struct hin_buf cut = bob;
        cut.size = i;
        bob.data[i] ^= 1;
        CHECK(!hin_is_ok(grant(&s, "t0", &by_ada, &ada, &bob)));
        bob.data[i] ^= 1;
        CHECK(!hin_is_ok(grant(&s, "t0", &by_ada, &ada, &cut)));
    }
    holders.count = 1; /* bob is none any more, so ada alone is enough */
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    CHECK_CODE(grant(&s, "t0", &by_ada, &ada, &bob), DENIED);
    holders.list[0].lapses_usec = 1;
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    CHECK_CODE(grant(&s, "t0", &by_ada, &ada, NULL), EXPIRED);
    holders.list[0].lapses_usec = INT64_MAX;
    CHECK_OK(hin_vault_holders_set(s.vault, &holders));
    s.save = FAILS_BEFORE;
    CHECK_CODE(grant(&s, "t0", &by_ada, &ada, NULL), NO_SPACE);
    s.save = SAVES;
    CHECK_OK(grant(&s, "t0", &by_ada, &ada, NULL));
}
