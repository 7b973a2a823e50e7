/* Whether a store or the vault was set back: docs/decisions/0024-generations.md. */
#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/hash.h"
#include "keys/vault_internal.h"

#define TOKEN_VERSION 1
#define DOMAIN        "hinomi store generation v1\n"
#define NUMBER_MAX    ((uint64_t)INT64_MAX)

enum hin_vault_verdict hin_vault_judge(uint64_t found, const struct hin_vault_generation *known)
{
    if (found == known->number) {
        return HIN_VAULT_STORE_PRESENT;
    }
    if (known->is_granted && found == known->granted) {
        return HIN_VAULT_STORE_GRANTED;
    }
    if (found > known->number) {
        return HIN_VAULT_VAULT_SET_BACK;
    }
    /* One that was seen with the present number had it: it does not lose it by a crash. */
    return found + 1 == known->number && known->seen < known->number ? HIN_VAULT_STORE_BEHIND
                                                                     : HIN_VAULT_STORE_SET_BACK;
}

/* ---- tokens ---- */

/* Asked for often, and the service key's provider may be far away: the key is derived once. */
static HIN_RESULT take_key(struct hin_vault *vault)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret service = {0}, key = {0};
    if (vault->generation_key != NULL) {
        return hin_ok();
    }
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_SERVICE, &service));
    HIN_TRY(hin_hkdf(hin_secret_view(&service), HIN_VIEW_EMPTY, HIN_VIEW(DOMAIN), HIN_SHA256_BYTES,
                     &key));
    return hin_hmac_new(&vault->generation_key, hin_secret_view(&key));
}

/* Token: u8 version, u64 number, HMAC over domain, tenant (bytes), number. */
static HIN_RESULT make_token(struct hin_vault *vault, struct hin_view tenant, uint64_t number,
                             uint8_t ret_token[HIN_VAULT_TOKEN_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf said = {.max = 256};
    HIN_TRY(take_key(vault));
    HIN_TRY(hin_write_bytes(&said, tenant));
    HIN_TRY(hin_write_u64(&said, number));
    HIN_TRY(
        hin_hmac_sum(vault->generation_key, HIN_VIEW(DOMAIN), hin_buf_view(&said), ret_token + 9));
    ret_token[0] = TOKEN_VERSION;
    hin_store_u64(ret_token + 1, number);
    return hin_ok();
}

static HIN_RESULT read_token(struct hin_vault *vault, struct hin_view tenant, struct hin_view token,
                             uint64_t *ret_number)
{
    uint8_t right[HIN_VAULT_TOKEN_BYTES];
    if (token.size == 0) { /* a new store, or one from before there were generations */
        *ret_number = 0;
        return hin_ok();
    }
    HIN_ENSURE(token.size == HIN_VAULT_TOKEN_BYTES, CORRUPT);
    HIN_ENSURE(token.data[0] == TOKEN_VERSION, UNSUPPORTED);
    uint64_t number = hin_load_u64(token.data + 1);
    HIN_TRY(make_token(vault, tenant, number, right));
    HIN_ENSURE(hin_equal_constant_time(right, token.data, token.size), AUTH);
    HIN_ENSURE(number > 0 && number < NUMBER_MAX, CORRUPT);
    *ret_number = number;
    return hin_ok();
}

/* ---- moving on ---- */

/* The store has the present number and the next one is not reserved: what `init` or a process that
 * was cut off left. In the file, or not at all. A save that failed may have reached the disk all
 * the same: that is a number which the store was not given yet, as after a crash. */
static HIN_RESULT move_on(struct hin_vault *vault, struct hin_vault_tenant *tenant)
{
    struct hin_vault_generation before = tenant->generation;
    struct hin_vault_generation *next = &tenant->generation;
    HIN_ENSURE(next->number < NUMBER_MAX - 2, LIMIT);
    next->seen = next->number++;
    next->is_granted = false;
    next->granted = 0;
    next->seen_usec = HIN_MAX(hin_clock_wall_usec(vault->clock), 0);
    struct hin_result saved = hin_vault_save(vault);
    if (!hin_is_ok(saved)) {
        *next = before;
        return saved;
    }
    tenant->moved = true;
    return hin_ok();
}

static HIN_RESULT look(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                       struct hin_view token, struct hin_vault_judgement *judgement)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf record = {.max = HIN_RESTORE_MAX_BYTES};
    HIN_TRY(read_token(vault, hin_view_from_text(tenant->id), token, &judgement->found));
    HIN_TRY(hin_vault_last_restore(vault, tenant, &record));
    judgement->known = tenant->generation.number;
    judgement->seen_usec = tenant->generation.seen_usec;
    judgement->verdict = hin_vault_judge(judgement->found, &tenant->generation);
    judgement->restore_size = record.size;
    hin_copy(judgement->restore, record.data, record.size);
    return hin_ok();
}

static HIN_RESULT judge(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                        struct hin_view token, struct hin_vault_judgement *judgement)
{
    HIN_TRY(look(vault, tenant, token, judgement));
    tenant->refused = hin_vault_is_refusal(judgement->verdict);
    tenant->refusal = judgement->verdict;
    tenant->refusal_found = judgement->found;
    if (tenant->refused) {
        return hin_ok();
    }
    /* A vault that cannot be saved moves on later: a full disk is no reason not to be read. */
    bool present = judgement->verdict == HIN_VAULT_STORE_PRESENT;
    if (present && (tenant->moved || !hin_is_ok(move_on(vault, tenant)))) {
        tenant->met = judgement->found;
        return hin_ok();
    }
    tenant->moved = true;
    judgement->token_size = HIN_VAULT_TOKEN_BYTES;
    return make_token(vault, hin_view_from_text(tenant->id), tenant->generation.number,
                      judgement->token);
}

struct hin_result hin_vault_generation(struct hin_vault *vault, struct hin_view id,
                                       struct hin_view token,
                                       struct hin_vault_judgement *ret_judgement)
{
    struct hin_vault_judgement judgement = {0};
    struct hin_vault_tenant *tenant = NULL;
    struct hin_result judged = hin_vault_find(vault, id, &tenant);
    if (hin_is_ok(judged)) {
        judged = judge(vault, tenant, token, &judgement);
    }
    if (!hin_is_ok(judged)) { /* who looks is no news; whose token is wrong is */
        return hin_vault_report(vault, "generation", id, NULL, HIN_VAULT_FOR_ADMIN, judged);
    }
    *ret_judgement = judgement;
    return hin_ok();
}

struct hin_result hin_vault_generation_look(struct hin_vault *vault, struct hin_view id,
                                            struct hin_view token,
                                            struct hin_vault_judgement *ret_judgement)
{
    struct hin_vault_judgement judgement = {0};
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_TRY(look(vault, tenant, token, &judgement));
    *ret_judgement = judgement;
    return hin_ok();
}

/* ---- each second ---- */

/* What was met is seen; then, when it is due, the next number is reserved for every store that has
 * the present one. A store that sleeps does not get further away by that. */
static bool settle(struct hin_vault *vault, struct hin_vault_tenant *tenant, bool due)
{
    struct hin_vault_generation *next = &tenant->generation;
    bool changed = false;
    tenant->before = *next;
    if (tenant->met == next->number && next->seen < next->number) {
        next->seen = next->number;
        next->is_granted = false;
        next->granted = 0;
        next->seen_usec = HIN_MAX(hin_clock_wall_usec(vault->clock), 0);
        changed = true;
    }
    if (due && next->seen == next->number && next->number < NUMBER_MAX - 2) {
        next->number++;
        changed = true;
    }
    return changed;
}

static bool settle_all(struct hin_vault *vault, bool due)
{
    size_t at = 0;
    struct hin_view id;
    void *tenant = NULL;
    bool changed = false;
    while (hin_map_next(&vault->tenants, &at, &id, &tenant)) {
        changed = settle(vault, tenant, due) || changed;
    }
    return changed;
}

/* kept: the save stands. */
static void end_all(struct hin_vault *vault, bool kept)
{
    size_t at = 0;
    struct hin_view id;
    void *value = NULL;
    while (hin_map_next(&vault->tenants, &at, &id, &value)) {
        struct hin_vault_tenant *tenant = value;
        if (!kept) {
            tenant->generation = tenant->before;
        } else if (tenant->generation.number != tenant->before.number) {
            tenant->moved = true;
        }
    }
}

struct hin_result hin_vault_generation_tick(struct hin_vault *vault, int64_t now_usec)
{
    uint64_t keyring = vault->keyring, known = 0;
    bool due = !vault->ticked || now_usec - vault->due_usec >= 0;
    if (vault->provider_changed || !vault->ticked) {
        HIN_TRY(hin_vault_keyring(vault, &keyring, &known));
        keyring = HIN_MAX(keyring, known);
    }
    bool changed = settle_all(vault, due) || keyring != vault->keyring;
    uint64_t before = vault->keyring;
    vault->keyring = keyring;
    struct hin_result saved = changed ? hin_vault_save(vault) : hin_ok();
    end_all(vault, hin_is_ok(saved));
    if (!hin_is_ok(saved)) {
        vault->keyring = before;
        return saved;
    }
    vault->provider_changed = false;
    if (due) {
        vault->ticked = true;
        vault->due_usec = now_usec + HIN_VAULT_GENERATION_USEC;
    }
    return hin_ok();
}

/* ---- judgements as bytes ---- */

/* u8 verdict, u64 found, known, when seen, token (bytes), record (bytes). */
struct hin_result hin_vault_judgement_encode(const struct hin_vault_judgement *judgement,
                                             struct hin_buf *ret_bytes)
{
    HIN_TRY(hin_write_u8(ret_bytes, (uint8_t)judgement->verdict));
    HIN_TRY(hin_write_u64(ret_bytes, judgement->found));
    HIN_TRY(hin_write_u64(ret_bytes, judgement->known));
    HIN_TRY(hin_write_u64(ret_bytes, (uint64_t)judgement->seen_usec));
    HIN_TRY(hin_write_bytes(ret_bytes, hin_view_of(judgement->token, judgement->token_size)));
    return hin_write_bytes(ret_bytes, hin_view_of(judgement->restore, judgement->restore_size));
}

struct hin_result hin_vault_judgement_decode(struct hin_view bytes,
                                             struct hin_vault_judgement *ret_judgement)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_vault_judgement judgement = {0};
    struct hin_view token, restore;
    uint8_t verdict = 0;
    uint64_t seen = 0;
    HIN_TRY(hin_read_u8(&reader, &verdict));
    HIN_ENSURE(verdict < HIN_VAULT_VERDICT_COUNT, PROTOCOL);
    judgement.verdict = (enum hin_vault_verdict)verdict;
    HIN_TRY(hin_read_u64(&reader, &judgement.found));
    HIN_TRY(hin_read_u64(&reader, &judgement.known));
    HIN_TRY(hin_read_u64(&reader, &seen));
    HIN_ENSURE(seen <= INT64_MAX, PROTOCOL);
    judgement.seen_usec = (int64_t)seen;
    HIN_TRY(hin_read_bytes(&reader, sizeof(judgement.token), &token));
    HIN_TRY(hin_read_bytes(&reader, sizeof(judgement.restore), &restore));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(token.size == 0 || token.size == sizeof(judgement.token), PROTOCOL);
    hin_copy(judgement.token, token.data, token.size);
    hin_copy(judgement.restore, restore.data, restore.size);
    judgement.token_size = token.size;
    judgement.restore_size = restore.size;
    *ret_judgement = judgement;
    return hin_ok();
}

/* ---- who was refused ---- */

static HIN_RESULT write_refused(const struct hin_vault_tenant *tenant, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 1024};
    struct hin_vault_judgement judgement = {.verdict = tenant->refusal,
                                            .found = tenant->refusal_found,
                                            .known = tenant->generation.number,
                                            .seen_usec = tenant->generation.seen_usec};
    HIN_TRY(hin_vault_judgement_encode(&judgement, &bytes));
    HIN_TRY(hin_write_bytes(out, hin_view_from_text(tenant->id)));
    return hin_write_bytes(out, hin_buf_view(&bytes));
}

struct hin_result hin_vault_refused(struct hin_vault *vault, struct hin_buf *ret_bytes)
{
    enum { LISTED_MAX = 256 }; /* an answer's room; whoever has more has one cause */
    HIN_CLEANUP(hin_buf_done) struct hin_buf list = {.max = HIN_VAULT_REFUSED_MAX};
    size_t at = 0, count = 0;
    struct hin_view id;
    void *value = NULL;
    while (count < LISTED_MAX && hin_map_next(&vault->tenants, &at, &id, &value)) {
        const struct hin_vault_tenant *tenant = value;
        if (tenant->refused) {
            HIN_TRY(write_refused(tenant, &list));
            count++;
        }
    }
    HIN_TRY(hin_write_varint(ret_bytes, count));
    return hin_buf_append(ret_bytes, hin_buf_view(&list));
}

/* ---- letting pass: the record is vault_accept.c's ---- */

static HIN_RESULT grant(struct hin_vault *vault, struct hin_view id, struct hin_view token,
                        const char *holder)
{
    struct hin_vault_tenant *tenant = NULL;
    struct hin_vault_judgement judgement = {0};
    uint64_t ring_found = 0, ring_known = 0;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_TRY(look(vault, tenant, token, &judgement));
    HIN_TRY(hin_vault_keyring(vault, &ring_found, &ring_known));
    bool refused = hin_vault_is_refusal(judgement.verdict);
    HIN_ENSURE(refused || ring_found < ring_known, CONFLICT);
    struct hin_vault_generation next = tenant->generation;
    if (refused) {
        uint64_t top = HIN_MAX(judgement.found, judgement.known);
        HIN_ENSURE(top < NUMBER_MAX - 2, LIMIT);
        next.number = top + 2; /* one behind would be a crash, which passes */
        next.is_granted = true;
        next.granted = judgement.found;
    }
    struct hin_restore restore = {
        .what = !refused                                        ? HIN_RESTORE_KEYRING
                : judgement.verdict == HIN_VAULT_STORE_SET_BACK ? HIN_RESTORE_STORE
                                                                : HIN_RESTORE_VAULT,
        .found = judgement.found,
        .known = judgement.known,
        .next = next.number,
        .ring_found = ring_found,
        .ring_known = HIN_MAX(ring_found, ring_known),
    };
    return hin_vault_accept_as(vault, tenant, &next, ring_found, &restore, holder);
}

struct hin_result hin_vault_accept(struct hin_vault *vault, struct hin_view tenant,
                                   struct hin_view token, const char *holder)
{
    return hin_vault_report(vault, "restore-grant", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            grant(vault, tenant, token, holder));
}
