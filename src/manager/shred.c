#include "manager/shred.h"

#include "base/bytes.h"

enum stage { /* stored */
             STAGE_NONE,
             STAGE_RESEAL, /* data keys under new table keys */
             STAGE_ROTATE, /* tenant key and wrapping key */
             STAGE_RETIRE, /* table keys of before go, what stays is wrapped anew, old versions go
                            */
};
enum { KEYS_A_STEP = 64 };

struct shredding {
    struct hin_tenant *tenant;
    struct hin_store_shred shred;
    struct hin_shred_report report;
};

static HIN_RESULT save(struct shredding *s, int64_t stage)
{
    struct hin_store_shred next = s->shred;
    next.stage = stage;
    next.since_usec = hin_tenant_now_usec(s->tenant);
    HIN_TRY(hin_store_shred_set(s->tenant->store, &next));
    s->shred = next;
    return hin_ok();
}

HIN_RESULT hin_tenant_shred_begin(struct hin_tenant *tenant)
{
    struct hin_store_shred shred = {.stage = STAGE_RESEAL,
                                    .since_usec = hin_tenant_now_usec(tenant)};
    HIN_TRY(hin_store_begin(tenant->store));
    struct hin_result begun = hin_store_reseal_begin(tenant->store);
    if (hin_is_ok(begun)) {
        begun = hin_store_shred_set(tenant->store, &shred);
    }
    struct hin_result ended = hin_store_end(tenant->store, hin_is_ok(begun));
    HIN_TRY(begun);
    return ended;
}

static HIN_RESULT read_status(struct hin_tenant *tenant, struct hin_vault_tenant_status *ret_status)
{
    tenant->key_use_count++;
    HIN_TRY(hin_keys_tenant_status(&tenant->keys, hin_tenant_view(tenant), ret_status));
    HIN_ENSURE(ret_status->tenant_version_count > 0, PROTOCOL);
    return hin_ok();
}

static uint32_t present_version(const struct hin_vault_tenant_status *status)
{
    return status->tenant_versions[status->tenant_version_count - 1];
}

static HIN_RESULT reseal(struct shredding *s)
{
    struct hin_store_resealed done = {0};
    HIN_TRY(hin_store_reseal_step(s->tenant->store, KEYS_A_STEP, hin_tenant_now_usec(s->tenant),
                                  &done));
    s->report.data_keys += done.keys + done.things;
    s->report.damaged += done.damaged;
    return done.sealed ? save(s, STAGE_ROTATE) : hin_ok();
}

static HIN_RESULT ask(struct shredding *s, enum hin_keys_verb verb)
{
    s->tenant->key_use_count++;
    return hin_keys_admin(&s->tenant->keys, verb, hin_tenant_view(s->tenant));
}

/* Which versions are to go is noted first: however often this is cut off, there is one rotation. */
static HIN_RESULT rotate(struct shredding *s)
{
    struct hin_vault_tenant_status status;
    HIN_TRY(read_status(s->tenant, &status));
    if (s->shred.tenant_below == 0) {
        s->shred.tenant_below = (int64_t)present_version(&status) + 1;
        s->shred.wrapping_below = (int64_t)status.wrapping.current_version + 1;
        HIN_TRY(save(s, STAGE_ROTATE));
    }
    if (present_version(&status) < s->shred.tenant_below) {
        HIN_TRY(ask(s, HIN_KEYS_TENANT_ROTATE));
    }
    if (status.wrapping.current_version < s->shred.wrapping_below) {
        HIN_TRY(ask(s, HIN_KEYS_WRAPPING_ROTATE));
    }
    HIN_TRY(ask(s, HIN_KEYS_VAULT_REWRAP)); /* the index key, and what a crash left behind */
    return save(s, STAGE_RETIRE);
}

/* --- what stays in the key table --- */

struct old_keys {
    int64_t below;
    struct hin_store_key keys[KEYS_A_STEP];
    uint8_t wrapped[KEYS_A_STEP][HIN_VAULT_WRAPPED_MAX];
    size_t count;
};

static HIN_RESULT collect(void *context, const struct hin_store_key *key)
{
    struct old_keys *old = context;
    uint32_t under = 0;
    HIN_TRY(hin_key_wrapped_under(key->wrapped, &under));
    if (under >= old->below || old->count == KEYS_A_STEP) {
        return hin_ok();
    }
    HIN_ENSURE(key->wrapped.size <= HIN_VAULT_WRAPPED_MAX, CORRUPT);
    struct hin_store_key *kept = &old->keys[old->count];
    *kept = *key;
    hin_copy(old->wrapped[old->count], key->wrapped.data, key->wrapped.size);
    kept->wrapped = hin_view_of(old->wrapped[old->count], key->wrapped.size);
    old->count++;
    return hin_ok();
}

/* *ret_all: none is left under an old version. */
static HIN_RESULT rewrap(struct shredding *s, bool *ret_all)
{
    struct hin_tenant *tenant = s->tenant;
    struct old_keys old = {.below = s->shred.tenant_below};
    HIN_TRY(hin_store_key_list(tenant->store, NULL, 0, collect, &old));
    for (size_t i = 0; i < old.count; i++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf fresh = {.max = HIN_VAULT_WRAPPED_MAX};
        const struct hin_store_key *key = &old.keys[i];
        tenant->key_use_count++;
        HIN_TRY(hin_keys_data_key_rewrap(&tenant->keys, hin_tenant_view(tenant), key->id,
                                         key->wrapped, &fresh));
        HIN_TRY(hin_store_key_rewrap(tenant->store, key->id, key->version, hin_buf_view(&fresh)));
    }
    *ret_all = old.count == 0;
    return hin_ok();
}

/* --- destruction --- */

static HIN_RESULT retire_one(struct shredding *s, enum hin_vault_kind kind, uint32_t version)
{
    s->tenant->key_use_count++;
    struct hin_result retired =
        hin_keys_retire(&s->tenant->keys, hin_tenant_view(s->tenant), kind, version);
    return retired.code == HIN_NOT_FOUND ? hin_ok() : retired; /* gone before */
}

static HIN_RESULT retire_all(struct shredding *s)
{
    struct hin_vault_tenant_status status;
    HIN_TRY(read_status(s->tenant, &status));
    for (size_t i = 0; i < status.tenant_version_count; i++) {
        if (status.tenant_versions[i] < s->shred.tenant_below) {
            HIN_TRY(retire_one(s, HIN_VAULT_TENANT, status.tenant_versions[i]));
        }
    }
    for (uint32_t version = 1; version < s->shred.wrapping_below; version++) {
        HIN_TRY(retire_one(s, HIN_VAULT_WRAPPING, version));
    }
    HIN_TRY(read_status(s->tenant, &status));
    s->report.tenant_below = (uint32_t)s->shred.tenant_below;
    s->report.wrapping_below = (uint32_t)s->shred.wrapping_below;
    s->report.destruction_usec = status.wrapping.destruction_usec;
    s->report.exportable = status.wrapping.exportable;
    return hin_ok();
}

/* The table keys of before go when readers of before have had the time to end. */
static HIN_RESULT drop_table_keys(struct shredding *s)
{
    struct hin_result dropped =
        hin_store_reseal_end(s->tenant->store, &s->report.table_keys, &s->report.table_keys_kept);
    return dropped.code == HIN_CONFLICT ? hin_ok() : dropped; /* done before */
}

static HIN_RESULT finish(struct shredding *s)
{
    bool all = false;
    int64_t passed_usec = hin_tenant_now_usec(s->tenant) - s->shred.since_usec;
    if (passed_usec >= 0 && passed_usec < HIN_VAULT_RETIRE_REST_USEC) {
        s->report.wait_usec = HIN_VAULT_RETIRE_REST_USEC - passed_usec;
        return hin_ok();
    }
    HIN_TRY(drop_table_keys(s));
    HIN_TRY(rewrap(s, &all));
    if (!all) {
        return hin_ok();
    }
    struct hin_result retired = retire_all(s);
    if (retired.code == HIN_AGAIN) { /* rotated anew meanwhile */
        s->report.wait_usec = HIN_SEC_USEC;
        return hin_ok();
    }
    HIN_TRY(retired);
    s->shred.tenant_below = s->shred.wrapping_below = 0;
    HIN_TRY(save(s, STAGE_NONE));
    s->report.log_folded = hin_is_ok(hin_store_checkpoint(s->tenant->store));
    s->report.done = true;
    return hin_ok();
}

HIN_RESULT hin_tenant_shred_copies(struct hin_tenant *tenant, int64_t budget_usec,
                                   struct hin_shred_report *ret_report)
{
    static struct hin_result (*const stages[])(struct shredding * s) = {
        [STAGE_RESEAL] = reseal, [STAGE_ROTATE] = rotate, [STAGE_RETIRE] = finish};
    struct shredding s = {.tenant = tenant};
    int64_t until_usec = hin_clock_monotonic_usec(tenant->clock) + budget_usec;
    HIN_TRY(hin_store_shred_get(tenant->store, &s.shred));
    HIN_ENSURE(s.shred.stage != STAGE_NONE, NOT_FOUND);
    do {
        HIN_ENSURE(s.shred.stage > 0 && s.shred.stage < (int64_t)HIN_COUNT(stages), UNSUPPORTED);
        HIN_TRY(stages[s.shred.stage](&s));
    } while (!s.report.done && s.report.wait_usec == 0 &&
             hin_clock_monotonic_usec(tenant->clock) < until_usec);
    *ret_report = s.report;
    return hin_ok();
}
