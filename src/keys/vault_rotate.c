/* Rotation, wrapping anew, retirement, the provider's test, and the way from format 1. */
#include "base/bytes.h"
#include "keys/vault_internal.h"

static HIN_RESULT rotate_at_provider(const struct hin_vault *vault, struct hin_view tenant)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    return provider->rotate(provider->context, tenant);
}

static HIN_RESULT rewrap_own(struct hin_vault *vault)
{
    for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
        HIN_TRY(hin_vault_rewrap(vault, HIN_VIEW_EMPTY, hin_vault_own_purpose(i), &vault->own[i]));
    }
    return hin_ok();
}

static HIN_RESULT rewrap_tenant_keys(struct hin_vault *vault, struct hin_vault_tenant *tenant)
{
    for (size_t i = 0; i < tenant->key_count; i++) {
        HIN_TRY(hin_vault_rewrap(vault, hin_view_from_text(tenant->id), HIN_KEY_TENANT,
                                 &tenant->keys[i]));
    }
    return hin_ok();
}

static HIN_RESULT rewrap_index(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                               struct hin_vault_wrapped *index)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf fresh = {.max = HIN_VAULT_WRAPPED_MAX};
    struct hin_key_binding binding = {hin_view_from_text(tenant->id),
                                      hin_view_of(index->id, sizeof(index->id)), HIN_KEY_INDEX,
                                      index->version};
    HIN_TRY(
        hin_vault_rewrap_by_tenant(vault, tenant, &binding, hin_buf_view(&index->bytes), &fresh));
    struct hin_buf old = index->bytes;
    index->bytes = fresh;
    fresh = old;
    return hin_ok();
}

/* --- rotation. Whatever fails half-way, each key is wrapped under one version or the other, and
 * both still open; rewrap_all makes up for it --- */

static HIN_RESULT rotate_tenant(struct hin_vault *vault, struct hin_view id)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    int64_t before_usec = tenant->rotated_usec;
    HIN_TRY(hin_vault_push_key(vault, tenant));
    struct hin_result result = hin_vault_save(vault);
    if (result.code != HIN_OK) {
        hin_vault_wrapped_done(&tenant->keys[--tenant->key_count]);
        tenant->rotated_usec = before_usec;
    }
    return result;
}

struct hin_result hin_vault_tenant_rotate(struct hin_vault *vault, struct hin_view tenant)
{
    return hin_vault_report(vault, "tenant-rotate", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            rotate_tenant(vault, tenant));
}

static HIN_RESULT rotate_wrapping(struct hin_vault *vault, struct hin_view id)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_TRY(rotate_at_provider(vault, id));
    tenant->wrapping_rotated_usec = hin_clock_wall_usec(vault->clock);
    HIN_TRY(rewrap_tenant_keys(vault, tenant));
    return hin_vault_save(vault);
}

struct hin_result hin_vault_wrapping_rotate(struct hin_vault *vault, struct hin_view tenant)
{
    return hin_vault_report(vault, "wrapping-rotate", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            rotate_wrapping(vault, tenant));
}

static HIN_RESULT rotate_index(struct hin_vault *vault, struct hin_view id)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    int64_t before_usec = tenant->index_rotated_usec;
    HIN_TRY(hin_vault_push_index_key(vault, tenant, 0));
    tenant->index_rotated_usec = hin_clock_wall_usec(vault->clock);
    struct hin_result result = hin_vault_save(vault);
    if (result.code != HIN_OK) {
        hin_vault_wrapped_done(&tenant->index[--tenant->index_count]);
        tenant->index_rotated_usec = before_usec;
    }
    return result;
}

struct hin_result hin_vault_index_rotate(struct hin_vault *vault, struct hin_view tenant)
{
    return hin_vault_report(vault, "index-rotate", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            rotate_index(vault, tenant));
}

static HIN_RESULT retire_index_key(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                   uint32_t version)
{
    struct hin_vault_wrapped *keys = tenant->index;
    size_t newest = tenant->index_count - 1;
    HIN_ENSURE(keys[newest].version != version, CONFLICT);
    HIN_ENSURE(newest > 0 && keys[0].version == version, NOT_FOUND);
    struct hin_vault_wrapped retired = keys[0];
    keys[0] = keys[newest];
    tenant->index_count--;
    struct hin_result result = hin_vault_save(vault);
    if (result.code != HIN_OK) {
        keys[newest] = keys[0];
        keys[0] = retired;
        tenant->index_count++;
        return result;
    }
    hin_vault_wrapped_done(&retired);
    return hin_ok();
}

/* A restored store is under a key that did not come with it. */
static HIN_RESULT raise_index(struct hin_vault *vault, struct hin_view id, uint32_t above)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_ENSURE(tenant->index[tenant->index_count - 1].version < above, EXISTS);
    if (tenant->index_count == HIN_INDEX_VERSIONS_MAX) { /* the older one goes */
        HIN_TRY(retire_index_key(vault, tenant, tenant->index[0].version));
    }
    HIN_TRY(hin_vault_push_index_key(vault, tenant, above));
    tenant->index_rotated_usec = hin_clock_wall_usec(vault->clock);
    return hin_vault_save(vault);
}

struct hin_result hin_vault_index_raise(struct hin_vault *vault, struct hin_view tenant,
                                        uint32_t above)
{
    return hin_vault_report(vault, "index-rotate", tenant, NULL, HIN_VAULT_FOR_BACKUP,
                            raise_index(vault, tenant, above));
}

static HIN_RESULT rotate_master(struct hin_vault *vault)
{
    HIN_TRY(rotate_at_provider(vault, HIN_VIEW_EMPTY));
    vault->master_rotated_usec = hin_clock_wall_usec(vault->clock);
    HIN_TRY(rewrap_own(vault));
    return hin_vault_save(vault);
}

struct hin_result hin_vault_master_rotate(struct hin_vault *vault)
{
    return hin_vault_report(vault, "master-rotate", HIN_VIEW_EMPTY, NULL, HIN_VAULT_FOR_ADMIN,
                            rotate_master(vault));
}

static HIN_RESULT rewrap_all(struct hin_vault *vault, struct hin_view id)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_TRY(rewrap_own(vault));
    HIN_TRY(rewrap_tenant_keys(vault, tenant));
    for (size_t i = 0; i < tenant->index_count; i++) {
        HIN_TRY(rewrap_index(vault, tenant, &tenant->index[i]));
    }
    return hin_vault_save(vault);
}

struct hin_result hin_vault_rewrap_all(struct hin_vault *vault, struct hin_view tenant)
{
    return hin_vault_report(vault, "vault-rewrap", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            rewrap_all(vault, tenant));
}

static HIN_RESULT rewrap_data_key(struct hin_vault *vault, struct hin_view id,
                                  const uint8_t *key_id, struct hin_view wrapped,
                                  struct hin_buf *ret_wrapped)
{
    struct hin_vault_tenant *tenant = NULL;
    struct hin_key_binding binding = {id, hin_view_of(key_id, HIN_SEAL_KEY_ID_BYTES), HIN_KEY_DATA,
                                      1};
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    return hin_vault_rewrap_by_tenant(vault, tenant, &binding, wrapped, ret_wrapped);
}

struct hin_result hin_vault_data_key_rewrap(struct hin_vault *vault, struct hin_view tenant,
                                            const uint8_t id[HIN_SEAL_KEY_ID_BYTES],
                                            struct hin_view wrapped, struct hin_buf *ret_wrapped)
{
    return hin_vault_report(vault, "data-key-rewrap", tenant, id, HIN_VAULT_FOR_ADMIN,
                            rewrap_data_key(vault, tenant, id, wrapped, ret_wrapped));
}

/* --- retirement --- */

/* CONFLICT when one of these is wrapped under the version. */
static HIN_RESULT check_unused(const struct hin_vault_wrapped *keys, size_t count, uint32_t version)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t under = 0;
        HIN_TRY(hin_key_wrapped_under(hin_buf_view(&keys[i].bytes), &under));
        HIN_ENSURE(under != version, CONFLICT);
    }
    return hin_ok();
}

/* The clock may have been set back since. */
static HIN_RESULT check_rested(const struct hin_vault *vault, int64_t rotated_usec)
{
    int64_t now_usec = hin_clock_wall_usec(vault->clock);
    HIN_ENSURE(now_usec < rotated_usec || now_usec - rotated_usec >= HIN_VAULT_RETIRE_REST_USEC,
               AGAIN);
    return hin_ok();
}

static HIN_RESULT retire_at_provider(const struct hin_vault *vault, struct hin_view tenant,
                                     uint32_t version)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    HIN_ENSURE(version != HIN_KEY_ALL_VERSIONS, NOT_FOUND);
    return provider->destroy(provider->context, tenant, version);
}

static HIN_RESULT retire_tenant_key(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                    uint32_t version)
{
    size_t at = 0;
    while (at < tenant->key_count && tenant->keys[at].version != version) {
        at++;
    }
    HIN_ENSURE(at < tenant->key_count, NOT_FOUND);
    HIN_ENSURE(at + 1 < tenant->key_count, CONFLICT);
    HIN_TRY(check_unused(tenant->index, tenant->index_count, version));
    HIN_TRY(check_rested(vault, tenant->rotated_usec));
    struct hin_vault_wrapped retired = tenant->keys[at];
    size_t behind = (tenant->key_count - at - 1) * sizeof(*tenant->keys);
    hin_move(&tenant->keys[at], &tenant->keys[at + 1], behind);
    tenant->key_count--;
    struct hin_result result = hin_vault_save(vault);
    if (result.code != HIN_OK) {
        hin_move(&tenant->keys[at + 1], &tenant->keys[at], behind);
        tenant->keys[at] = retired;
        tenant->key_count++;
        return result;
    }
    hin_vault_wrapped_done(&retired);
    return hin_ok();
}

static HIN_RESULT retire(struct hin_vault *vault, struct hin_view id, enum hin_vault_kind kind,
                         uint32_t version)
{
    struct hin_vault_tenant *tenant = NULL;
    if (kind == HIN_VAULT_MASTER) {
        HIN_TRY(check_unused(vault->own, HIN_VAULT_OWN_COUNT, version));
        return retire_at_provider(vault, HIN_VIEW_EMPTY, version);
    }
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    if (kind == HIN_VAULT_WRAPPING) {
        HIN_TRY(check_unused(tenant->keys, tenant->key_count, version));
        return retire_at_provider(vault, id, version);
    }
    if (kind == HIN_VAULT_INDEX) {
        return retire_index_key(vault, tenant, version);
    }
    HIN_ENSURE(kind == HIN_VAULT_TENANT, INVALID);
    return retire_tenant_key(vault, tenant, version);
}

struct hin_result hin_vault_retire(struct hin_vault *vault, struct hin_view tenant,
                                   enum hin_vault_kind kind, uint32_t version)
{
    static const char *const verbs[HIN_VAULT_KIND_COUNT] = {[HIN_VAULT_MASTER] = "master-retire",
                                                            [HIN_VAULT_WRAPPING] =
                                                                "wrapping-retire",
                                                            [HIN_VAULT_TENANT] = "tenant-retire",
                                                            [HIN_VAULT_INDEX] = "index-retire"};
    HIN_ENSURE(kind > 0 && kind < HIN_VAULT_KIND_COUNT, INVALID);
    return hin_vault_report(vault, verbs[kind], tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            retire(vault, tenant, kind, version));
}

/* --- status --- */

struct hin_result hin_vault_tenant_status(struct hin_vault *vault, struct hin_view id,
                                          struct hin_vault_tenant_status *ret_status)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    struct hin_vault_tenant_status status = {
        .master_rotated_usec = vault->master_rotated_usec,
        .wrapping_rotated_usec = tenant->wrapping_rotated_usec,
        .tenant_rotated_usec = tenant->rotated_usec,
        .index_rotated_usec = tenant->index_rotated_usec,
        .index_version_count = tenant->index_count,
        .tenant_version_count = tenant->key_count,
    };
    HIN_TRY(provider->status(provider->context, HIN_VIEW_EMPTY, &status.master));
    HIN_TRY(provider->status(provider->context, id, &status.wrapping));
    for (size_t i = 0; i < tenant->index_count; i++) {
        status.index_versions[i] = tenant->index[i].version;
        HIN_TRY(
            hin_key_wrapped_under(hin_buf_view(&tenant->index[i].bytes), &status.index_under[i]));
    }
    for (size_t i = 0; i < tenant->key_count; i++) {
        status.tenant_versions[i] = tenant->keys[i].version;
    }
    *ret_status = status;
    return hin_ok();
}

/* --- the provider's test --- */

enum {
    CHECK_WRAP,
    CHECK_UNWRAP,
    CHECK_ALTERED,
    CHECK_TENANT,
    CHECK_KEY_ID,
    CHECK_PURPOSE,
    CHECK_VERSION,
};

const char *hin_vault_check_name(size_t check)
{
    static const char *const names[HIN_VAULT_CHECK_COUNT] = {
        [CHECK_WRAP] = "wrap",
        [CHECK_UNWRAP] = "unwrap",
        [CHECK_ALTERED] = "altered bytes are refused",
        [CHECK_TENANT] = "another tenant is refused",
        [CHECK_KEY_ID] = "another key id is refused",
        [CHECK_PURPOSE] = "another purpose is refused",
        [CHECK_VERSION] = "another version is refused",
    };
    return check < HIN_VAULT_CHECK_COUNT ? names[check] : "unknown";
}

/* Whether it must open decides what passes; a provider that is not there passes nothing. */
static struct hin_vault_check try_unwrap(const struct hin_vault *vault,
                                         const struct hin_key_binding *binding,
                                         struct hin_view wrapped, const struct hin_secret *wanted)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret back = {0};
    const struct hin_key_provider *provider = &vault->options.provider;
    int64_t since_usec = hin_clock_monotonic_usec(vault->clock);
    struct hin_result result = provider->unwrap(provider->context, binding, wrapped, &back);
    struct hin_vault_check check = {
        .usec = (uint32_t)(hin_clock_monotonic_usec(vault->clock) - since_usec)};
    if (wanted != NULL) {
        check.passed = result.code == HIN_OK && hin_secret_equal(&back, wanted);
    } else {
        check.passed = result.code == HIN_AUTH || result.code == HIN_SYNTAX ||
                       result.code == HIN_CORRUPT || result.code == HIN_NOT_FOUND;
    }
    return check;
}

static HIN_RESULT test_provider(struct hin_vault *vault, struct hin_view tenant,
                                struct hin_vault_check *checks)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_key_binding right = {tenant, HIN_VIEW("kms test"), HIN_KEY_DATA, 1};
    struct hin_key_binding wrong[] = {[CHECK_TENANT] = right,
                                      [CHECK_KEY_ID] = right,
                                      [CHECK_PURPOSE] = right,
                                      [CHECK_VERSION] = right};
    wrong[CHECK_TENANT].tenant = HIN_VIEW_EMPTY;
    wrong[CHECK_KEY_ID].key_id = HIN_VIEW("kms tesu");
    wrong[CHECK_PURPOSE].purpose = HIN_KEY_INDEX;
    wrong[CHECK_VERSION].version = 2;
    HIN_TRY(hin_secret_random(&key, HIN_SEAL_KEY_BYTES));
    int64_t since_usec = hin_clock_monotonic_usec(vault->clock);
    HIN_TRY(provider->wrap(provider->context, &right, &key, &wrapped));
    checks[CHECK_WRAP] = (struct hin_vault_check){
        true, (uint32_t)(hin_clock_monotonic_usec(vault->clock) - since_usec)};
    struct hin_view bytes = hin_buf_view(&wrapped);
    checks[CHECK_UNWRAP] = try_unwrap(vault, &right, bytes, &key);
    for (size_t i = CHECK_TENANT; i < HIN_COUNT(wrong); i++) {
        checks[i] = try_unwrap(vault, &wrong[i], bytes, NULL);
    }
    wrapped.data[wrapped.size - 1] ^= 1;
    checks[CHECK_ALTERED] = try_unwrap(vault, &right, bytes, NULL);
    return hin_ok();
}

struct hin_result hin_vault_provider_test(struct hin_vault *vault, struct hin_view tenant,
                                          struct hin_vault_check ret_checks[HIN_VAULT_CHECK_COUNT])
{
    struct hin_vault_tenant *known = NULL;
    HIN_TRY(hin_vault_find(vault, tenant, &known));
    return hin_vault_report(vault, "provider-test", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            test_provider(vault, tenant, ret_checks));
}

/* --- from format 1 --- */

static HIN_RESULT give_wrapping_keys(struct hin_vault *vault)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_key_provider_status status;
    size_t at = 0;
    struct hin_view id;
    void *value = NULL;
    while (hin_map_next(&vault->tenants, &at, &id, &value)) {
        struct hin_vault_tenant *tenant = value;
        struct hin_result made = provider->generate(provider->context, id);
        if (made.code != HIN_EXISTS) { /* else an attempt before this one made it */
            HIN_TRY(made);
        }
        tenant->wrapping_rotated_usec = hin_clock_wall_usec(vault->clock);
        HIN_TRY(rewrap_tenant_keys(vault, tenant));
    }
    HIN_TRY(provider->status(provider->context, HIN_VIEW_EMPTY, &status));
    vault->destroy_below = status.current_version + 1;
    vault->format = HIN_VAULT_FORMAT;
    return hin_vault_save(vault);
}

/* Copies of the former vault file are worthless only when the keys that open them are gone. */
static HIN_RESULT destroy_former(struct hin_vault *vault)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_key_provider_status status;
    HIN_TRY(provider->status(provider->context, HIN_VIEW_EMPTY, &status));
    if (status.current_version < vault->destroy_below) {
        HIN_TRY(rotate_at_provider(vault, HIN_VIEW_EMPTY));
    }
    vault->master_rotated_usec = hin_clock_wall_usec(vault->clock);
    HIN_TRY(rewrap_own(vault));
    HIN_TRY(hin_vault_save(vault));
    HIN_TRY(provider->status(provider->context, HIN_VIEW_EMPTY, &status));
    uint32_t below = HIN_MIN(vault->destroy_below, status.current_version);
    for (uint32_t version = 1; version < below; version++) {
        struct hin_result gone = provider->destroy(provider->context, HIN_VIEW_EMPTY, version);
        if (gone.code != HIN_NOT_FOUND) {
            HIN_TRY(gone);
        }
    }
    vault->destroy_below = 0;
    return hin_vault_save(vault);
}

struct hin_result hin_vault_migrate(struct hin_vault *vault)
{
    if (vault->format < 2) {
        HIN_TRY(hin_vault_report(vault, "vault-migrate", HIN_VIEW_EMPTY, NULL, HIN_VAULT_FOR_ADMIN,
                                 give_wrapping_keys(vault)));
    }
    if (vault->destroy_below > 0) {
        HIN_TRY(hin_vault_report(vault, "master-rotate", HIN_VIEW_EMPTY, NULL, HIN_VAULT_FOR_ADMIN,
                                 destroy_former(vault)));
    }
    return hin_ok();
}
