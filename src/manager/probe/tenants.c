/* Tenants apart from each other: their data, and their keys. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "manager/probe/probes.h"
#include "store/trial.h"

enum { TENANTS_MAX = 65536, KEYS_TRIED = 3 };

/* ---- who there is ---- */

struct round { /* of all tenants, each beside the next */
    const struct hin_probe_tools *tools;
    struct hin_trial *trial;
    char (*ids)[37];
    size_t count, capacity;
    int64_t tried, refused; /* ways in that were tried and refused */
    int64_t opened;         /* keys that opened where they belong */
};

static void round_done(struct round *round)
{
    free(round->ids);
}

static HIN_RESULT add_id(struct round *round, const struct hin_tenant *tenant)
{
    HIN_ENSURE(round->count < TENANTS_MAX, LIMIT);
    if (round->count == round->capacity) {
        size_t capacity = HIN_MAX(round->capacity * 2, (size_t)16);
        void *grown = realloc(round->ids, capacity * sizeof(*round->ids));
        HIN_ENSURE(grown != NULL, NO_MEMORY);
        round->ids = grown;
        round->capacity = capacity;
    }
    hin_copy(round->ids[round->count++], tenant->id, sizeof(tenant->id));
    return hin_ok();
}

static struct hin_result note_id(void *context, struct hin_tenant *tenant)
{
    return add_id(context, tenant);
}

/* Its place is there to be crossed into all the same. */
static void note_closed(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    struct round *round = context;
    hin_trial_obstacle(round->trial, "the database of tenant %lld does not open: %s",
                       (long long)tenant->number, hin_code_text(why.code));
    HIN_IGNORE(add_id(round, tenant)); /* an obstacle is told */
}

static void pass_over(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    (void)context; /* told in the first round */
    (void)tenant;
    (void)why;
}

/* The tenant that this one tries itself on: the next in the round, so that each is tried once. */
static const char *neighbour(const struct round *round, const struct hin_tenant *tenant)
{
    for (size_t i = 0; i < round->count; i++) {
        if (strcmp(round->ids[i], tenant->id) == 0) {
            return round->ids[(i + 1) % round->count];
        }
    }
    return round->ids[0]; /* made since */
}

/* Twice through all: first who there is, then each beside the next. */
static HIN_RESULT go_round(struct round *round,
                           struct hin_result (*visit)(void *context, struct hin_tenant *tenant))
{
    const struct hin_probe_tools *tools = round->tools;
    HIN_TRY(tools->each_tenant(tools->context, note_id, note_closed, round));
    hin_trial_measure(round->trial, "tenants", (int64_t)round->count);
    return tools->each_tenant(tools->context, visit, pass_over, round);
}

/* ---- schema-isolation ---- */

static struct hin_result cross(void *context, struct hin_tenant *tenant)
{
    struct round *round = context;
    struct hin_store_crossing crossing = {0};
    struct hin_store_options other = {.directory = tenant->place.directory,
                                      .tenant = neighbour(round, tenant),
                                      .server = tenant->place.server};
    if (strcmp(other.tenant, tenant->id) == 0) {
        return hin_ok();
    }
    struct hin_result tried = hin_store_cross(tenant->store, &other, &crossing);
    if (!hin_is_ok(tried)) {
        hin_trial_obstacle(round->trial,
                           "tenant %lld could not try to reach its neighbour's data: %s",
                           (long long)tenant->number, hin_code_text(tried.code));
        return hin_ok();
    }
    round->tried += crossing.tried;
    round->refused += crossing.tried - crossing.crossed;
    if (crossing.crossed > 0) {
        hin_trial_fail(round->trial, "tenant %lld reaches the data of tenant %s: %s",
                       (long long)tenant->number, other.tenant, crossing.first);
    }
    return hin_ok();
}

static struct hin_result run_isolation(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    HIN_CLEANUP(round_done) struct round round = {.tools = tools, .trial = trial};
    bool server = tools->own->place.server != NULL;
    hin_trial_input(trial, "store", "%s",
                    server ? "PostgreSQL, a schema and a role for each tenant"
                           : "SQLite, a file for each tenant");
    hin_trial_input(trial, "attempt", "%s",
                    server ? "each tenant's role reads and writes the next one's schema; each "
                             "tenant's keys open the next one's data"
                           : "each tenant's keys open the next one's file");
    HIN_TRY(go_round(&round, cross));
    hin_trial_measure(trial, "ways tried", round.tried);
    hin_trial_measure(trial, "ways refused", round.refused);
    if (round.count < 2) {
        hin_trial_obstacle(trial, "there is one tenant only: none could be crossed into");
        return hin_ok();
    }
    if (round.tried == 0) {
        hin_trial_obstacle(trial, "no way into another tenant's data could be tried");
    }
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_schema_isolation = {
    .name = "schema-isolation",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "two tenants whose databases open",
    .run = run_isolation,
};

/* ---- tenant-keys ---- */

/* Table keys as they stand in a tenant's database: the newest ones. */
struct wrapped_key {
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    uint8_t bytes[HIN_VAULT_WRAPPED_MAX];
    size_t size;
};
struct key_list {
    struct wrapped_key keys[KEYS_TRIED];
    size_t count;
};

static struct hin_result note_key(void *context, const struct hin_store_key *key)
{
    struct key_list *list = context;
    struct wrapped_key *slot = &list->keys[list->count++ % KEYS_TRIED];
    HIN_ENSURE(key->wrapped.size <= sizeof(slot->bytes), CORRUPT);
    hin_copy(slot->id, key->id, sizeof(slot->id));
    hin_copy(slot->bytes, key->wrapped.data, key->wrapped.size);
    slot->size = key->wrapped.size;
    return hin_ok();
}

static HIN_RESULT open_as(struct round *round, struct hin_tenant *tenant, const char *as,
                          const struct wrapped_key *key, struct hin_secret *ret_secret)
{
    tenant->key_use_count++;
    (void)round;
    return hin_keys_data_key_open(&tenant->keys, hin_view_from_text(as), HIN_VAULT_FOR_AUDIT,
                                  key->id, hin_view_of(key->bytes, key->size), ret_secret);
}

/* Whether the key service judged the key: it opens, or is none of the tenant's. Whatever else it
 * answers says nothing about the key. */
static bool is_judged(struct hin_result result)
{
    static const enum hin_code codes[] = {HIN_OK, HIN_AUTH, HIN_DENIED, HIN_NOT_FOUND, HIN_CORRUPT};
    for (size_t i = 0; i < HIN_COUNT(codes); i++) {
        if (result.code == codes[i]) {
            return true;
        }
    }
    return false;
}

static void try_own(struct round *round, struct hin_tenant *tenant, const struct wrapped_key *key)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    struct hin_result opened = open_as(round, tenant, tenant->id, key, &secret);
    if (!is_judged(opened)) {
        hin_trial_obstacle(round->trial, "the key service does not answer: %s",
                           hin_code_text(opened.code));
    } else if (!hin_is_ok(opened)) {
        hin_trial_fail(round->trial,
                       "a key in the database of tenant %lld is not wrapped under its own tenant "
                       "key: %s",
                       (long long)tenant->number, hin_code_text(opened.code));
    } else if (memmem(key->bytes, key->size, secret.data, secret.size) != NULL) {
        hin_trial_fail(round->trial, "a key of tenant %lld lies in its database unwrapped",
                       (long long)tenant->number);
    } else {
        round->opened++;
    }
}

static void try_other(struct round *round, struct hin_tenant *tenant, const struct wrapped_key *key)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret secret = {0};
    const char *other = neighbour(round, tenant);
    if (strcmp(other, tenant->id) == 0) {
        return;
    }
    struct hin_result opened = open_as(round, tenant, other, key, &secret);
    round->tried++;
    if (!is_judged(opened)) {
        hin_trial_obstacle(round->trial, "the key service does not answer: %s",
                           hin_code_text(opened.code));
    } else if (hin_is_ok(opened)) {
        hin_trial_fail(round->trial, "a key of tenant %lld opens under the key of tenant %s",
                       (long long)tenant->number, other);
    } else {
        round->refused++;
    }
}

static struct hin_result try_keys(void *context, struct hin_tenant *tenant)
{
    struct round *round = context;
    struct hin_vault_tenant_status status;
    struct key_list list = {.count = 0};
    tenant->key_use_count++;
    struct hin_result asked =
        hin_keys_tenant_status(&tenant->keys, hin_tenant_view(tenant), &status);
    if (!hin_is_ok(asked) && asked.code != HIN_NOT_FOUND) {
        hin_trial_obstacle(round->trial, "the key service does not answer: %s",
                           hin_code_text(asked.code));
        return hin_ok();
    }
    if (!hin_is_ok(asked) || status.wrapping.current_version == 0 ||
        status.tenant_version_count == 0) {
        hin_trial_fail(round->trial, "tenant %lld has no wrapping key or no tenant key",
                       (long long)tenant->number);
        return hin_ok();
    }
    HIN_TRY(hin_store_key_list(tenant->store, NULL, 0, note_key, &list));
    for (size_t i = 0; i < HIN_MIN(list.count, (size_t)KEYS_TRIED); i++) {
        try_own(round, tenant, &list.keys[i]);
    }
    if (list.count > 0) {
        try_other(round, tenant, &list.keys[(list.count - 1) % KEYS_TRIED]);
    }
    return hin_ok();
}

static struct hin_result run_keys(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    HIN_CLEANUP(round_done) struct round round = {.tools = tools, .trial = trial};
    hin_trial_input(trial, "keys",
                    "the %d newest table keys of each tenant, as they lie in its "
                    "database",
                    (int)KEYS_TRIED);
    hin_trial_input(trial, "attempt",
                    "each is unwrapped under its own tenant's key, which must "
                    "do, and under the next tenant's, which must not");
    HIN_TRY(go_round(&round, try_keys));
    hin_trial_measure(trial, "keys opened by their own tenant", round.opened);
    hin_trial_measure(trial, "keys tried by another tenant", round.tried);
    hin_trial_measure(trial, "keys refused to another tenant", round.refused);
    if (round.opened == 0) {
        hin_trial_obstacle(trial, "there is no key that could be tried");
    }
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_tenant_keys = {
    .name = "tenant-keys",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "the key service, and the tenants' databases",
    .run = run_keys,
};

/* ---- kms-aws ---- */

struct services {
    struct hin_trial *trial;
    int64_t tenants, held;
};

static void service_closed(void *context, const struct hin_tenant *tenant, struct hin_result why)
{
    struct services *services = context;
    hin_trial_obstacle(services->trial, "the database of tenant %lld does not open: %s",
                       (long long)tenant->number, hin_code_text(why.code));
}

static struct hin_result ask_service(void *context, struct hin_tenant *tenant)
{
    struct services *services = context;
    struct hin_vault_tenant_status status;
    tenant->key_use_count++;
    struct hin_result asked =
        hin_keys_tenant_status(&tenant->keys, hin_tenant_view(tenant), &status);
    if (!hin_is_ok(asked)) {
        hin_trial_obstacle(services->trial, "the key service does not answer: %s",
                           hin_code_text(asked.code));
        return hin_ok();
    }
    bool held = hin_view_is(hin_view_from_text(status.wrapping.name), "aws") &&
                status.wrapping.current_version > 0;
    services->tenants++;
    services->held += held;
    if (!held) {
        hin_trial_obstacle(services->trial,
                           "the wrapping key of tenant %lld is held by the service \"%s\", not by "
                           "AWS KMS",
                           (long long)tenant->number, status.wrapping.name);
    }
    return hin_ok();
}

/* An installation that uses another service broke no promise of its own: it has none to prove. */
static struct hin_result run_aws(const struct hin_probe_tools *tools, struct hin_trial *trial)
{
    struct services services = {.trial = trial};
    hin_trial_input(trial, "asked", "the service that holds each tenant's wrapping key");
    HIN_TRY(tools->each_tenant(tools->context, ask_service, service_closed, &services));
    hin_trial_measure(trial, "tenants", services.tenants);
    hin_trial_measure(trial, "wrapping keys held by AWS KMS", services.held);
    hin_trial_tried(trial);
    return hin_ok();
}

const struct hin_probe hin_probe_kms_aws = {
    .name = "kms-aws",
    .version = 1,
    .cadence_usec = HIN_DAY_USEC,
    .needs = "an installation whose wrapping keys AWS KMS holds",
    .run = run_aws,
};
