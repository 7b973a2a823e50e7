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

static HIN_RESULT restart(struct site *site)
{
    hin_vault_free(site->vault);
    site->vault = NULL;
    site->save = SAVES;
    return hin_vault_open(&site->vault, &site->options);
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

/* As a worker does it; `cut`: how many of its steps are done. */
static HIN_RESULT wake(struct site *site, struct hin_buf *store, int cut)
{
    for (int step = 0; step < cut; step += 2) {
        BUF(next);
        HIN_TRY(hin_vault_generation(site->vault, HIN_VIEW("t0"), hin_buf_view(store), &next));
        if (next.size == 0 || step + 1 >= cut) {
            return hin_ok();
        }
        HIN_TRY(copy(store, &next));
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
        {0, 0, 0, 0, false, HIN_VAULT_STORE_PRESENT},  {0, 1, 0, 0, false, HIN_VAULT_STORE_BEHIND},
        {0, 1, 1, 0, false, HIN_VAULT_STORE_SET_BACK}, {1, 0, 0, 0, false, HIN_VAULT_VAULT_SET_BACK},
        {7, 7, 6, 0, false, HIN_VAULT_STORE_PRESENT},  {7, 7, 7, 0, false, HIN_VAULT_STORE_PRESENT},
        {6, 7, 6, 0, false, HIN_VAULT_STORE_BEHIND},   {6, 7, 7, 0, false, HIN_VAULT_STORE_SET_BACK},
        {5, 7, 6, 0, false, HIN_VAULT_STORE_SET_BACK}, {8, 7, 7, 0, false, HIN_VAULT_VAULT_SET_BACK},
        {0, 9, 6, 0, true, HIN_VAULT_STORE_GRANTED},   {1, 9, 6, 0, true, HIN_VAULT_STORE_SET_BACK},
        {7, 9, 6, 0, true, HIN_VAULT_STORE_SET_BACK},  {9, 9, 6, 0, true, HIN_VAULT_STORE_PRESENT},
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
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    CHECK_INT(s.last.found, 1);
    CHECK_INT(s.last.known, 2);
    CHECK(s.last.seen_usec > 0);
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    BUF(none);
    CHECK_CODE(wake(&s, &none, ALL), SET_BACK); /* without a token is no way around */
    CHECK_OK(wake(&s, &store, ALL));
    /* The vault alone. */
    CHECK_OK(copy(&s.file, &vault));
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK);
    CHECK(s.last.found > s.last.known);
    /* Both, as a backup has them. */
    CHECK_OK(wake(&s, &old, ALL));
}

TEST(test_keys_generation__a_token_is_its_tenants_and_installations)
{
    SITE(s, "generation_token");
    SITE(other, "generation_other");
    BUF(store);
    BUF(next);
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_CODE(hin_vault_generation(s.vault, HIN_VIEW("t1"), hin_buf_view(&store), &next), AUTH);
    CHECK_CODE(hin_vault_generation(other.vault, HIN_VIEW("t0"), hin_buf_view(&store), &next),
               AUTH);
    CHECK_CODE(hin_vault_generation(s.vault, HIN_VIEW("t9"), hin_buf_view(&store), &next),
               NOT_FOUND);
    for (size_t i = 0; i < store.size; i++) {
        store.data[i] ^= 1;
        CHECK(!hin_is_ok(
            hin_vault_generation(s.vault, HIN_VIEW("t0"), hin_buf_view(&store), &next)));
        store.data[i] ^= 1;
    }
    CHECK_CODE(hin_vault_generation(s.vault, HIN_VIEW("t0"),
                                    hin_view_sub(hin_buf_view(&store), 0, store.size - 1), &next),
               CORRUPT);
    CHECK_OK(hin_vault_master_rotate(s.vault)); /* rotation does not touch it */
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
}

/* Every step of every start may be the last, and every save may fail on either side of the disk. */
TEST(test_keys_generation__an_honest_store_is_never_refused)
{
    SITE(s, "generation_cut");
    BUF(store);
    uint32_t dice = 12345;
    for (int round = 0; round < 3000; round++) {
        dice = dice * 1664525 + 1013904223;
        int cut = (int)((dice >> 16) % 6);
        s.save = (dice >> 24) % 3;
        struct hin_result woken = wake(&s, &store, cut);
        CHECK(woken.code == HIN_OK || woken.code == HIN_NO_SPACE || woken.code == HIN_IO);
        if ((dice >> 10) % 3 != 0) {
            CHECK_OK(restart(&s));
        }
        s.save = SAVES;
    }
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &store, ALL));
}

TEST(test_keys_generation__what_is_granted_passes_once)
{
    SITE(s, "generation_grant");
    BUF(store);
    BUF(old);
    BUF(again);
    struct hin_view t0 = HIN_VIEW("t0");
    CHECK_OK(wake(&s, &store, ALL));
    CHECK_CODE(hin_vault_generation_grant(s.vault, t0, hin_buf_view(&store)), CONFLICT);
    CHECK_OK(copy(&old, &store));
    CHECK_OK(copy(&again, &store));
    for (int i = 0; i < 5; i++) {
        CHECK_OK(restart(&s));
        CHECK_OK(wake(&s, &store, ALL));
    }
    s.save = FAILS_BEFORE;
    CHECK_CODE(hin_vault_generation_grant(s.vault, t0, hin_buf_view(&old)), NO_SPACE);
    CHECK_CODE(wake(&s, &old, ALL), SET_BACK);
    s.save = SAVES;
    CHECK_OK(hin_vault_generation_grant(s.vault, t0, hin_buf_view(&old)));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &old, 1)); /* cut off before the store has it */
    CHECK_OK(restart(&s));
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK); /* the newer one is not the present one now */
    CHECK_OK(wake(&s, &old, ALL));
    CHECK_OK(restart(&s));
    CHECK_OK(wake(&s, &old, ALL));
    CHECK_CODE(wake(&s, &again, ALL), SET_BACK);
    CHECK_CODE(wake(&s, &store, ALL), SET_BACK);
}
