#include "keys/vault.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "keys/vault_internal.h"
#include "proof/certificate.h"
#include "proof/checkpoint.h"
#include "proof/evidence.h"
#include "proof/key.h"

_Static_assert(sizeof(HIN_VAULT_CHECKPOINT_DOMAIN) == sizeof(HIN_CHECKPOINT_DOMAIN),
               "one domain, named in two headers");

#define KEY_BYTES        HIN_SEAL_KEY_BYTES
#define WRAPPED_MAX      (HIN_SECRET_MAX + HIN_VAULT_WRAPPED_MAX)
#define FILE_MAX         ((size_t)256 << 20)
#define ISSUE_MAX_USEC   (10 * 365 * HIN_DAY_USEC)
#define CLOCK_SLACK_USEC HIN_HOUR_USEC
#define SERVER_NAMES_MAX 16
#define STATEMENT_MAX    65536

static const char *const reason_names[HIN_VAULT_REASON_COUNT] = {
    [HIN_VAULT_FOR_INGEST] = "ingest",   [HIN_VAULT_FOR_SEARCH] = "search",
    [HIN_VAULT_FOR_MERGE] = "merge",     [HIN_VAULT_FOR_CONFIG] = "config",
    [HIN_VAULT_FOR_FORWARD] = "forward", [HIN_VAULT_FOR_BACKUP] = "backup",
    [HIN_VAULT_FOR_ENROL] = "enrol",     [HIN_VAULT_FOR_RENEW] = "renew",
    [HIN_VAULT_FOR_SERVE] = "serve",     [HIN_VAULT_FOR_AUDIT] = "audit",
    [HIN_VAULT_FOR_ADMIN] = "admin",
};

const char *hin_vault_reason_name(enum hin_vault_reason reason)
{
    bool known = reason < HIN_VAULT_REASON_COUNT && reason_names[reason] != NULL;
    return known ? reason_names[reason] : "unknown";
}

struct hin_result hin_vault_report(struct hin_vault *vault, const char *verb,
                                   struct hin_view tenant, const uint8_t *key_id,
                                   enum hin_vault_reason reason, struct hin_result result)
{
    if (vault->options.used == NULL) {
        return result;
    }
    struct hin_vault_use use = {.verb = verb,
                                .tenant = tenant,
                                .reason = reason,
                                .outcome = result.code,
                                .time_usec = hin_clock_wall_usec(vault->clock)};
    if (key_id != NULL) {
        hin_copy(use.key_id, key_id, sizeof(use.key_id));
    }
    vault->options.used(vault->options.used_context, &use);
    return result;
}

/* --- wrapping --- */

void hin_vault_wrapped_done(struct hin_vault_wrapped *wrapped)
{
    hin_buf_done(&wrapped->bytes);
}

void hin_vault_tenant_free(struct hin_vault_tenant *tenant)
{
    if (tenant == NULL) {
        return;
    }
    for (size_t i = 0; i < tenant->key_count; i++) {
        hin_vault_wrapped_done(&tenant->keys[i]);
    }
    free(tenant->keys);
    for (size_t i = 0; i < tenant->index_count; i++) {
        hin_vault_wrapped_done(&tenant->index[i]);
    }
    free(tenant);
}

static struct hin_key_binding binding_of(struct hin_view tenant,
                                         const struct hin_vault_wrapped *wrapped,
                                         enum hin_key_purpose purpose)
{
    return (struct hin_key_binding){tenant, hin_view_of(wrapped->id, sizeof(wrapped->id)), purpose,
                                    wrapped->version};
}

static HIN_RESULT wrap_by_provider(struct hin_vault *vault, struct hin_view tenant,
                                   enum hin_key_purpose purpose, uint32_t version,
                                   const struct hin_secret *plain,
                                   struct hin_vault_wrapped *ret_wrapped)
{
    HIN_CLEANUP(hin_vault_wrapped_done)
    struct hin_vault_wrapped wrapped = {.version = version, .bytes = {.max = WRAPPED_MAX}};
    HIN_TRY(hin_random(wrapped.id, sizeof(wrapped.id)));
    struct hin_key_binding binding = binding_of(tenant, &wrapped, purpose);
    const struct hin_key_provider *provider = &vault->options.provider;
    HIN_TRY(provider->wrap(provider->context, &binding, plain, &wrapped.bytes));
    *ret_wrapped = wrapped;
    wrapped.bytes = (struct hin_buf){0};
    return hin_ok();
}

static HIN_RESULT unwrap_by_provider(const struct hin_vault *vault, struct hin_view tenant,
                                     enum hin_key_purpose purpose,
                                     const struct hin_vault_wrapped *wrapped,
                                     struct hin_secret *ret_plain)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_key_binding binding = binding_of(tenant, wrapped, purpose);
    struct hin_result result =
        provider->unwrap(provider->context, &binding, hin_buf_view(&wrapped->bytes), ret_plain);
    /* A master key that is gone is no "no such tenant". */
    return result.code == HIN_NOT_FOUND ? hin_fail(HIN_AUTH) : result;
}

enum hin_key_purpose hin_vault_own_purpose(size_t which)
{
    static const enum hin_key_purpose purposes[HIN_VAULT_OWN_COUNT] = {
        HIN_KEY_CA, HIN_KEY_CHECKPOINT, HIN_KEY_SERVICE};
    return purposes[which];
}

struct hin_result hin_vault_open_own(const struct hin_vault *vault, size_t which,
                                     struct hin_secret *ret_key)
{
    return unwrap_by_provider(vault, HIN_VIEW_EMPTY, hin_vault_own_purpose(which),
                              &vault->own[which], ret_key);
}

struct hin_result hin_vault_wrap_own(struct hin_vault *vault, size_t which,
                                     const struct hin_secret *plain,
                                     struct hin_vault_wrapped *ret_wrapped)
{
    return wrap_by_provider(vault, HIN_VIEW_EMPTY, hin_vault_own_purpose(which), 1, plain,
                            ret_wrapped);
}

struct hin_result hin_vault_save(const struct hin_vault *vault)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = FILE_MAX};
    HIN_TRY(hin_vault_encode(vault, &bytes));
    return vault->options.storage.save(vault->options.storage.context, hin_buf_view(&bytes));
}

/* --- making and opening --- */

struct hin_result hin_vault_new(const struct hin_vault_options *options,
                                struct hin_vault **ret_vault)
{
    struct hin_vault *vault = calloc(1, sizeof(*vault));
    HIN_ENSURE(vault != NULL, NO_MEMORY);
    vault->options = *options;
    vault->clock = options->clock != NULL ? options->clock : hin_clock_system();
    vault->format = HIN_VAULT_FORMAT;
    hin_buf_init(&vault->ca_der, HIN_X509_MAX_BYTES);
    hin_buf_init(&vault->former_der, HIN_X509_MAX_BYTES);
    hin_buf_init(&vault->holders, HIN_VAULT_HOLDERS_BYTES);
    struct hin_result result = hin_map_init(&vault->tenants, HIN_VAULT_TENANTS_MAX);
    if (result.code != HIN_OK) {
        free(vault);
        return result;
    }
    *ret_vault = vault;
    return hin_ok();
}

void hin_vault_free(struct hin_vault *vault)
{
    if (vault == NULL) {
        return;
    }
    size_t at = 0;
    struct hin_view id;
    void *tenant = NULL;
    while (hin_map_next(&vault->tenants, &at, &id, &tenant)) {
        hin_vault_tenant_free(tenant);
    }
    hin_map_done(&vault->tenants);
    for (size_t i = 0; i < HIN_VAULT_OWN_COUNT; i++) {
        hin_vault_wrapped_done(&vault->own[i]);
    }
    hin_hmac_free(vault->generation_key);
    hin_buf_done(&vault->ca_der);
    hin_buf_done(&vault->former_der);
    hin_buf_done(&vault->holders);
    free(vault);
}

static HIN_RESULT make_authority(struct hin_vault *vault, const char *ca_name)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    int64_t now_usec = hin_clock_wall_usec(vault->clock);
    struct hin_x509_validity validity = {HIN_MAX(now_usec - CLOCK_SLACK_USEC, 0),
                                         now_usec + HIN_VAULT_CA_LIFETIME_USEC};
    HIN_TRY(hin_x509_key_generate(&key));
    HIN_TRY(hin_x509_ca_new(key, ca_name, &validity, &vault->ca_der));
    HIN_TRY(hin_x509_key_export(key, &der));
    return wrap_by_provider(vault, HIN_VIEW_EMPTY, HIN_KEY_CA, 1, &der,
                            &vault->own[HIN_VAULT_OWN_CA]);
}

static HIN_RESULT make_random_own(struct hin_vault *vault, size_t which,
                                  enum hin_key_purpose purpose)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_TRY(hin_secret_random(&key, KEY_BYTES));
    return wrap_by_provider(vault, HIN_VIEW_EMPTY, purpose, 1, &key, &vault->own[which]);
}

struct hin_result hin_vault_create(struct hin_vault **ret_vault,
                                   const struct hin_vault_options *options, const char *ca_name)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf there = {.max = FILE_MAX};
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = NULL;
    struct hin_result result = options->storage.load(options->storage.context, &there);
    HIN_ENSURE(result.code != HIN_OK && result.code != HIN_LIMIT, EXISTS);
    HIN_ENSURE(result.code == HIN_NOT_FOUND, IO);
    HIN_TRY(hin_vault_new(options, &vault));
    vault->master_rotated_usec = hin_clock_wall_usec(vault->clock);
    HIN_TRY(make_authority(vault, ca_name));
    HIN_TRY(make_random_own(vault, HIN_VAULT_OWN_CHECKPOINT, HIN_KEY_CHECKPOINT));
    HIN_TRY(make_random_own(vault, HIN_VAULT_OWN_SERVICE, HIN_KEY_SERVICE));
    HIN_TRY(hin_vault_save(vault));
    *ret_vault = vault;
    vault = NULL;
    return hin_ok();
}

/* The provider opens what the file holds, and the authority's certificate is of its key. */
static HIN_RESULT check_provider(const struct hin_vault *vault)
{
    uint8_t key_id[HIN_SHA256_BYTES];
    struct hin_x509_info ca;
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CA, &der));
    HIN_TRY(hin_x509_key_import(&key, hin_secret_view(&der)));
    HIN_TRY(hin_x509_key_id(key, key_id));
    HIN_ENSURE(hin_is_ok(hin_x509_parse(hin_buf_view(&vault->ca_der), &ca)), CORRUPT);
    HIN_ENSURE(ca.kind == HIN_X509_CA && memcmp(ca.key_id, key_id, sizeof(key_id)) == 0, CORRUPT);
    return hin_ok();
}

struct hin_result hin_vault_open(struct hin_vault **ret_vault,
                                 const struct hin_vault_options *options)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = FILE_MAX};
    HIN_CLEANUP(hin_vault_freep) struct hin_vault *vault = NULL;
    HIN_TRY(options->storage.load(options->storage.context, &bytes));
    HIN_TRY(hin_vault_new(options, &vault));
    HIN_TRY(hin_vault_decode(vault, hin_buf_view(&bytes)));
    HIN_TRY(check_provider(vault));
    HIN_TRY(hin_vault_migrate(vault));
    *ret_vault = vault;
    vault = NULL;
    return hin_ok();
}

/* --- tenants --- */

struct hin_result hin_vault_find(const struct hin_vault *vault, struct hin_view id,
                                 struct hin_vault_tenant **ret_tenant)
{
    struct hin_vault_tenant *tenant = hin_map_get(&vault->tenants, id);
    HIN_ENSURE(tenant != NULL, NOT_FOUND);
    *ret_tenant = tenant;
    return hin_ok();
}

struct hin_result hin_vault_push_key(struct hin_vault *vault, struct hin_vault_tenant *tenant)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_ENSURE(tenant->key_count < HIN_VAULT_VERSIONS_MAX, LIMIT);
    struct hin_vault_wrapped *keys = realloc(tenant->keys, (tenant->key_count + 1) * sizeof(*keys));
    HIN_ENSURE(keys != NULL, NO_MEMORY);
    tenant->keys = keys;
    uint32_t version = tenant->key_count > 0 ? keys[tenant->key_count - 1].version + 1 : 1;
    HIN_TRY(hin_secret_random(&key, KEY_BYTES));
    HIN_TRY(wrap_by_provider(vault, hin_view_from_text(tenant->id), HIN_KEY_TENANT, version, &key,
                             &keys[tenant->key_count]));
    tenant->key_count++;
    tenant->rotated_usec = hin_clock_wall_usec(vault->clock);
    return hin_ok();
}

static HIN_RESULT open_tenant_key(const struct hin_vault *vault,
                                  const struct hin_vault_tenant *tenant, uint32_t version,
                                  struct hin_secret *ret_key)
{
    for (size_t i = 0; i < tenant->key_count; i++) {
        if (tenant->keys[i].version == version) {
            return unwrap_by_provider(vault, hin_view_from_text(tenant->id), HIN_KEY_TENANT,
                                      &tenant->keys[i], ret_key);
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT wrap_by_tenant(const struct hin_vault *vault,
                                 const struct hin_vault_tenant *tenant,
                                 const struct hin_key_binding *binding,
                                 const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    uint32_t version = tenant->keys[tenant->key_count - 1].version;
    HIN_TRY(open_tenant_key(vault, tenant, version, &key));
    return hin_key_wrap(&key, version, binding, plain, ret_wrapped);
}

static HIN_RESULT unwrap_by_tenant(const struct hin_vault *vault,
                                   const struct hin_vault_tenant *tenant,
                                   const struct hin_key_binding *binding, struct hin_view wrapped,
                                   struct hin_secret *ret_plain)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    uint32_t version = 0;
    HIN_TRY(hin_key_wrapped_version(wrapped, &version));
    HIN_TRY(open_tenant_key(vault, tenant, version, &key));
    return hin_key_unwrap(&key, binding, wrapped, ret_plain);
}

static HIN_RESULT put_index_key(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                uint32_t version, const struct hin_secret *key)
{
    HIN_ENSURE(tenant->index_count < HIN_INDEX_VERSIONS_MAX, CONFLICT);
    HIN_CLEANUP(hin_vault_wrapped_done)
    struct hin_vault_wrapped index = {.version = version, .bytes = {.max = HIN_VAULT_WRAPPED_MAX}};
    HIN_TRY(hin_random(index.id, sizeof(index.id)));
    struct hin_key_binding binding =
        binding_of(hin_view_from_text(tenant->id), &index, HIN_KEY_INDEX);
    HIN_TRY(wrap_by_tenant(vault, tenant, &binding, key, &index.bytes));
    tenant->index[tenant->index_count++] = index;
    index.bytes = (struct hin_buf){0};
    return hin_ok();
}

HIN_RESULT hin_vault_push_index_key(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                    uint32_t above)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    uint32_t version = above;
    if (tenant->index_count > 0) {
        version = HIN_MAX(version, tenant->index[tenant->index_count - 1].version);
    }
    HIN_ENSURE(version < UINT32_MAX, LIMIT);
    HIN_TRY(hin_secret_random(&key, HIN_INDEX_KEY_BYTES));
    return put_index_key(vault, tenant, version + 1, &key);
}

/* given: newest first; NULL: a fresh one. */
static HIN_RESULT make_index_keys(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                  const struct hin_index_keys *given)
{
    if (given == NULL) {
        return hin_vault_push_index_key(vault, tenant, 0);
    }
    for (size_t i = given->count; i > 0; i--) {
        HIN_TRY(put_index_key(vault, tenant, given->versions[i - 1], &given->keys[i - 1]));
    }
    return hin_ok();
}

static void tenant_freep(struct hin_vault_tenant **tenant)
{
    hin_vault_tenant_free(*tenant);
}

struct hin_result hin_vault_tenant_make(struct hin_vault *vault, struct hin_view id,
                                        const struct hin_index_keys *index)
{
    HIN_ENSURE(hin_x509_name_is_clean(id), INVALID);
    HIN_ENSURE(hin_map_get(&vault->tenants, id) == NULL, EXISTS);
    HIN_CLEANUP(tenant_freep) struct hin_vault_tenant *tenant = calloc(1, sizeof(*tenant));
    HIN_ENSURE(tenant != NULL, NO_MEMORY);
    HIN_TRY(hin_view_to_text(id, tenant->id, sizeof(tenant->id)));
    /* One that stands there already was made by a call that was cut off before it could save: it
     * has wrapped nothing. */
    const struct hin_key_provider *provider = &vault->options.provider;
    vault->provider_changed = true;
    struct hin_result made = provider->generate(provider->context, id);
    if (made.code != HIN_EXISTS) {
        HIN_TRY(made);
    }
    tenant->wrapping_rotated_usec = hin_clock_wall_usec(vault->clock);
    tenant->generation.number = 1; /* which its store gets when it is first opened */
    tenant->moved = true;
    HIN_TRY(hin_vault_push_key(vault, tenant));
    HIN_TRY(make_index_keys(vault, tenant, index));
    HIN_TRY(hin_map_put(&vault->tenants, id, tenant));
    struct hin_result result = hin_vault_save(vault);
    if (result.code != HIN_OK) {
        hin_map_remove(&vault->tenants, id);
        return result;
    }
    tenant = NULL;
    return hin_ok();
}

struct hin_result hin_vault_tenant_create(struct hin_vault *vault, struct hin_view tenant)
{
    return hin_vault_report(vault, "tenant-create", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            hin_vault_tenant_make(vault, tenant, NULL));
}

static HIN_RESULT shred_tenant(struct hin_vault *vault, struct hin_view id)
{
    struct hin_vault_tenant *tenant = NULL;
    const struct hin_key_provider *provider = &vault->options.provider;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    /* First at the provider: from then on no copy of anything opens. Cut off here, the call is
     * repeated, and finds nothing there any more. */
    vault->provider_changed = true;
    struct hin_result destroyed = provider->destroy(provider->context, id, HIN_KEY_ALL_VERSIONS);
    if (destroyed.code != HIN_NOT_FOUND) {
        HIN_TRY(destroyed);
    }
    HIN_TRY(hin_vault_backup_shred(vault, id)); /* nor any backup */
    hin_map_remove(&vault->tenants, id);
    struct hin_result result = hin_vault_save(vault);
    if (result.code != HIN_OK) {
        /* There was room for it a moment ago; should it fail now, a restart brings it back from the
         * file. */
        HIN_IGNORE(hin_map_put(&vault->tenants, id, tenant));
        return result;
    }
    hin_vault_tenant_free(tenant);
    return hin_ok();
}

struct hin_result hin_vault_tenant_shred(struct hin_vault *vault, struct hin_view tenant)
{
    return hin_vault_report(vault, "tenant-shred", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            shred_tenant(vault, tenant));
}

static HIN_RESULT erase_tenant(struct hin_vault *vault, struct hin_view id,
                               struct hin_key_provider_status *ret_status)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    HIN_ENSURE(vault->options.own == NULL || !hin_view_is(id, vault->options.own), DENIED);
    struct hin_result shredded = shred_tenant(vault, id);
    if (shredded.code ==
        HIN_NOT_FOUND) { /* made at the provider alone, and cut off there; or done */
        shredded = provider->destroy(provider->context, id, HIN_KEY_ALL_VERSIONS);
    }
    if (shredded.code != HIN_NOT_FOUND) {
        HIN_TRY(shredded);
    }
    return provider->status(provider->context, id, ret_status);
}

struct hin_result hin_vault_tenant_erase(struct hin_vault *vault, struct hin_view tenant,
                                         struct hin_key_provider_status *ret_status)
{
    return hin_vault_report(vault, "tenant-erase", tenant, NULL, HIN_VAULT_FOR_ADMIN,
                            erase_tenant(vault, tenant, ret_status));
}

struct hin_result hin_vault_rewrap(struct hin_vault *vault, struct hin_view tenant,
                                   enum hin_key_purpose purpose, struct hin_vault_wrapped *wrapped)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_vault_wrapped fresh = *wrapped; /* the same id: another would be another key */
    hin_buf_init(&fresh.bytes, WRAPPED_MAX);
    HIN_TRY(unwrap_by_provider(vault, tenant, purpose, wrapped, &key));
    struct hin_key_binding binding = binding_of(tenant, wrapped, purpose);
    const struct hin_key_provider *provider = &vault->options.provider;
    struct hin_result result = provider->wrap(provider->context, &binding, &key, &fresh.bytes);
    if (result.code != HIN_OK) {
        hin_vault_wrapped_done(&fresh);
        return result;
    }
    hin_vault_wrapped_done(wrapped);
    *wrapped = fresh;
    return hin_ok();
}

struct hin_result hin_vault_rewrap_by_tenant(const struct hin_vault *vault,
                                             const struct hin_vault_tenant *tenant,
                                             const struct hin_key_binding *binding,
                                             struct hin_view wrapped, struct hin_buf *ret_wrapped)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_TRY(unwrap_by_tenant(vault, tenant, binding, wrapped, &key));
    return wrap_by_tenant(vault, tenant, binding, &key, ret_wrapped);
}

/* --- keys for workers --- */

static struct hin_key_binding data_binding(struct hin_view tenant, const uint8_t *id)
{
    return (struct hin_key_binding){tenant, hin_view_of(id, HIN_SEAL_KEY_ID_BYTES), HIN_KEY_DATA,
                                    1};
}

static HIN_RESULT new_data_key(struct hin_vault *vault, struct hin_view id,
                               struct hin_vault_data_key *ret_key, struct hin_buf *ret_wrapped)
{
    struct hin_vault_tenant *tenant = NULL;
    struct hin_vault_data_key key = {0};
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_TRY(hin_random(key.id, sizeof(key.id)));
    HIN_TRY(hin_secret_random(&key.key, KEY_BYTES));
    struct hin_key_binding binding = data_binding(id, key.id);
    struct hin_result result = wrap_by_tenant(vault, tenant, &binding, &key.key, ret_wrapped);
    if (result.code != HIN_OK) {
        hin_secret_done(&key.key);
        return result;
    }
    *ret_key = key;
    return hin_ok();
}

struct hin_result hin_vault_data_key_new(struct hin_vault *vault, struct hin_view tenant,
                                         enum hin_vault_reason reason,
                                         struct hin_vault_data_key *ret_key,
                                         struct hin_buf *ret_wrapped)
{
    struct hin_result result = new_data_key(vault, tenant, ret_key, ret_wrapped);
    return hin_vault_report(vault, "data-key-new", tenant,
                            result.code == HIN_OK ? ret_key->id : NULL, reason, result);
}

static HIN_RESULT open_data_key(struct hin_vault *vault, struct hin_view id, const uint8_t *key_id,
                                struct hin_view wrapped, struct hin_secret *ret_key)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    struct hin_key_binding binding = data_binding(id, key_id);
    return unwrap_by_tenant(vault, tenant, &binding, wrapped, ret_key);
}

struct hin_result hin_vault_data_key_open(struct hin_vault *vault, struct hin_view tenant,
                                          enum hin_vault_reason reason,
                                          const uint8_t id[HIN_SEAL_KEY_ID_BYTES],
                                          struct hin_view wrapped, struct hin_secret *ret_key)
{
    return hin_vault_report(vault, "data-key-open", tenant, id, reason,
                            open_data_key(vault, tenant, id, wrapped, ret_key));
}

struct hin_result hin_vault_open_index(const struct hin_vault *vault, struct hin_view id,
                                       struct hin_index_keys *ret_keys)
{
    struct hin_vault_tenant *tenant = NULL;
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    while (keys.count < tenant->index_count) {
        const struct hin_vault_wrapped *key = &tenant->index[tenant->index_count - keys.count - 1];
        struct hin_key_binding binding = binding_of(id, key, HIN_KEY_INDEX);
        HIN_TRY(unwrap_by_tenant(vault, tenant, &binding, hin_buf_view(&key->bytes),
                                 &keys.keys[keys.count]));
        keys.versions[keys.count++] = key->version;
    }
    *ret_keys = keys;
    keys = (struct hin_index_keys){0};
    return hin_ok();
}

struct hin_result hin_vault_index_keys(struct hin_vault *vault, struct hin_view tenant,
                                       enum hin_vault_reason reason,
                                       struct hin_index_keys *ret_keys)
{
    return hin_vault_report(vault, "index-key", tenant, NULL, reason,
                            hin_vault_open_index(vault, tenant, ret_keys));
}

static HIN_RESULT derive_ticket_key(struct hin_vault *vault, struct hin_secret *ret_key)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret service = {0};
    uint8_t info[8 + sizeof("hinomi tls tickets v1") - 1];
    hin_store_u64(info, (uint64_t)(hin_clock_wall_usec(vault->clock) / HIN_DAY_USEC));
    hin_copy(info + 8, "hinomi tls tickets v1", sizeof(info) - 8);
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_SERVICE, &service));
    return hin_hkdf(hin_secret_view(&service), HIN_VIEW_EMPTY, hin_view_of(info, sizeof(info)),
                    HIN_TLS_TICKET_KEY_BYTES, ret_key);
}

struct hin_result hin_vault_ticket_key(struct hin_vault *vault, struct hin_secret *ret_key)
{
    return hin_vault_report(vault, "ticket-key", HIN_VIEW_EMPTY, NULL, HIN_VAULT_FOR_SERVE,
                            derive_ticket_key(vault, ret_key));
}

/* --- the certificate authority --- */

struct hin_result hin_vault_ca(struct hin_vault *vault, struct hin_buf *ret_der)
{
    return hin_buf_append(ret_der, hin_buf_view(&vault->ca_der)); /* public: nothing to record */
}

struct hin_result hin_vault_open_authority(const struct hin_vault *vault,
                                           struct hin_x509_key **ret_key)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret der = {0};
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CA, &der));
    return hin_x509_key_import(ret_key, hin_secret_view(&der));
}

static HIN_RESULT validity_for(const struct hin_vault *vault, int64_t lifetime_usec,
                               struct hin_x509_validity *ret_validity)
{
    HIN_ENSURE(lifetime_usec > 0 && lifetime_usec <= ISSUE_MAX_USEC, INVALID);
    int64_t now_usec = hin_clock_wall_usec(vault->clock);
    *ret_validity = (struct hin_x509_validity){HIN_MAX(now_usec - CLOCK_SLACK_USEC, 0),
                                               now_usec + lifetime_usec};
    return hin_ok();
}

static HIN_RESULT issue_agent(struct hin_vault *vault, struct hin_view id, struct hin_view agent,
                              struct hin_view request_der, int64_t lifetime_usec,
                              struct hin_buf *ret_der)
{
    char tenant_text[HIN_X509_NAME_BYTES], agent_text[HIN_X509_NAME_BYTES];
    struct hin_vault_tenant *tenant = NULL;
    struct hin_x509_validity validity;
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_TRY(hin_vault_find(vault, id, &tenant));
    HIN_ENSURE(hin_is_ok(hin_view_to_text(id, tenant_text, sizeof(tenant_text))), INVALID);
    HIN_ENSURE(hin_is_ok(hin_view_to_text(agent, agent_text, sizeof(agent_text))), INVALID);
    HIN_TRY(validity_for(vault, lifetime_usec, &validity));
    HIN_TRY(hin_vault_open_authority(vault, &key));
    struct hin_x509_issuer issuer = {hin_buf_view(&vault->ca_der), key};
    return hin_x509_issue_agent(&issuer, request_der, tenant_text, agent_text, &validity, ret_der);
}

struct hin_result hin_vault_issue_agent(struct hin_vault *vault, struct hin_view tenant,
                                        struct hin_view agent, enum hin_vault_reason reason,
                                        struct hin_view request_der, int64_t lifetime_usec,
                                        struct hin_buf *ret_der)
{
    return hin_vault_report(vault, "issue-agent", tenant, vault->own[HIN_VAULT_OWN_CA].id, reason,
                            issue_agent(vault, tenant, agent, request_der, lifetime_usec, ret_der));
}

static HIN_RESULT issue_server(struct hin_vault *vault, struct hin_view names,
                               struct hin_view request_der, int64_t lifetime_usec,
                               struct hin_buf *ret_der)
{
    char texts[SERVER_NAMES_MAX][256];
    const char *list[SERVER_NAMES_MAX];
    size_t count = 0;
    struct hin_view part;
    struct hin_x509_validity validity;
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    while (hin_view_split(&names, ',', &part)) {
        HIN_ENSURE(count < SERVER_NAMES_MAX, LIMIT);
        HIN_ENSURE(hin_is_ok(hin_view_to_text(hin_view_trim(part), texts[count], sizeof(*texts))),
                   INVALID);
        list[count] = texts[count];
        count++;
    }
    HIN_ENSURE(count > 0, INVALID);
    HIN_TRY(validity_for(vault, lifetime_usec, &validity));
    HIN_TRY(hin_vault_open_authority(vault, &key));
    struct hin_x509_issuer issuer = {hin_buf_view(&vault->ca_der), key};
    return hin_x509_issue_server(&issuer, request_der, list, count, &validity, ret_der);
}

struct hin_result hin_vault_issue_server(struct hin_vault *vault, struct hin_view names,
                                         struct hin_view request_der, int64_t lifetime_usec,
                                         struct hin_buf *ret_der)
{
    return hin_vault_report(vault, "issue-server", HIN_VIEW_EMPTY, vault->own[HIN_VAULT_OWN_CA].id,
                            HIN_VAULT_FOR_SERVE,
                            issue_server(vault, names, request_der, lifetime_usec, ret_der));
}

/* --- checkpoints --- */

static HIN_RESULT checkpoint_text(struct hin_view statement, struct hin_buf *ret_text)
{
    HIN_ENSURE(statement.size <= STATEMENT_MAX, LIMIT);
    HIN_TRY(hin_buf_append_text(ret_text, HIN_VAULT_CHECKPOINT_DOMAIN));
    return hin_buf_append(ret_text, statement);
}

static HIN_RESULT sign_checkpoint(const struct hin_vault *vault, struct hin_view statement,
                                  uint8_t *ret_signature)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * STATEMENT_MAX};
    HIN_TRY(checkpoint_text(statement, &text));
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CHECKPOINT, &seed));
    return hin_sign(&seed, hin_buf_view(&text), ret_signature);
}

struct hin_result hin_vault_checkpoint_sign(struct hin_vault *vault, struct hin_view statement,
                                            uint8_t ret_signature[HIN_SIGN_BYTES])
{
    return hin_vault_report(vault, "checkpoint-sign", HIN_VIEW_EMPTY,
                            vault->own[HIN_VAULT_OWN_CHECKPOINT].id, HIN_VAULT_FOR_AUDIT,
                            sign_checkpoint(vault, statement, ret_signature));
}

struct hin_result hin_vault_checkpoint_public(struct hin_vault *vault,
                                              uint8_t ret_public[HIN_SIGN_PUBLIC_BYTES])
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CHECKPOINT, &seed));
    return hin_sign_public(&seed, ret_public);
}

static HIN_RESULT certify_checkpoint(struct hin_vault *vault, struct hin_buf *ret_statement)
{
    HIN_CLEANUP(hin_x509_key_freep) struct hin_x509_key *key = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEY_STATEMENT_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    struct hin_key_statement statement = {.time_usec = hin_clock_wall_usec(vault->clock)};
    HIN_TRY(hin_sha256(hin_buf_view(&vault->ca_der), statement.authority));
    HIN_TRY(hin_vault_checkpoint_public(vault, statement.public_key));
    HIN_TRY(hin_key_statement_encode(&statement, &bytes));
    HIN_TRY(hin_key_statement_text(hin_buf_view(&bytes), &text));
    HIN_TRY(hin_vault_open_authority(vault, &key));
    HIN_TRY(hin_x509_sign(key, hin_buf_view(&text), &bytes));
    return hin_buf_append(ret_statement, hin_buf_view(&bytes));
}

struct hin_result hin_vault_checkpoint_certify(struct hin_vault *vault,
                                               struct hin_buf *ret_statement)
{
    return hin_vault_report(vault, "checkpoint-certify", HIN_VIEW_EMPTY,
                            vault->own[HIN_VAULT_OWN_CA].id, HIN_VAULT_FOR_AUDIT,
                            certify_checkpoint(vault, ret_statement));
}

struct hin_result hin_vault_checkpoint_verify(struct hin_view public_key, struct hin_view statement,
                                              struct hin_view signature)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * STATEMENT_MAX};
    HIN_TRY(checkpoint_text(statement, &text));
    return hin_sign_verify(public_key, hin_buf_view(&text), signature);
}

/* --- certificates of erasure --- */

static HIN_RESULT check_certificate(struct hin_vault *vault, struct hin_view tenant,
                                    struct hin_view statement)
{
    uint8_t installation[HIN_SHA256_BYTES];
    struct hin_vault_tenant *found = NULL;
    HIN_TRY(hin_sha256(hin_buf_view(&vault->ca_der), installation));
    bool lives = hin_is_ok(hin_vault_find(vault, tenant, &found));
    if (hin_is_ok(hin_certificate_check(statement, HIN_CERTIFICATE_TENANT, installation, tenant))) {
        return lives ? hin_fail(HIN_CONFLICT) : hin_ok();
    }
    if (hin_is_ok(hin_certificate_check(statement, HIN_CERTIFICATE_ESCROW, installation, tenant))) {
        bool own = vault->options.own != NULL && hin_view_is(tenant, vault->options.own);
        return own ? hin_ok() : hin_fail(HIN_DENIED);
    }
    HIN_TRY(hin_certificate_check(statement, HIN_CERTIFICATE_PERSON, installation, tenant));
    return lives ? hin_ok() : hin_fail(HIN_NOT_FOUND);
}

static HIN_RESULT sign_certificate(struct hin_vault *vault, struct hin_view tenant,
                                   struct hin_view statement, uint8_t *ret_signature)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_CERTIFICATE_STATEMENT_MAX};
    HIN_TRY(check_certificate(vault, tenant, statement));
    HIN_TRY(hin_certificate_text(statement, &text));
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CHECKPOINT, &seed));
    return hin_sign(&seed, hin_buf_view(&text), ret_signature);
}

struct hin_result hin_vault_certificate_sign(struct hin_vault *vault, struct hin_view tenant,
                                             struct hin_view statement,
                                             uint8_t ret_signature[HIN_SIGN_BYTES])
{
    return hin_vault_report(vault, "certificate-sign", tenant,
                            vault->own[HIN_VAULT_OWN_CHECKPOINT].id, HIN_VAULT_FOR_ADMIN,
                            sign_certificate(vault, tenant, statement, ret_signature));
}

/* --- evidence --- */

static HIN_RESULT sign_evidence(struct hin_vault *vault, struct hin_view statement,
                                uint8_t *ret_signature)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret seed = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_EVIDENCE_STATEMENT_MAX};
    uint8_t installation[HIN_SHA256_BYTES];
    HIN_TRY(hin_sha256(hin_buf_view(&vault->ca_der), installation));
    HIN_TRY(hin_evidence_check(statement, installation));
    HIN_TRY(hin_evidence_text(statement, &text));
    HIN_TRY(hin_vault_open_own(vault, HIN_VAULT_OWN_CHECKPOINT, &seed));
    return hin_sign(&seed, hin_buf_view(&text), ret_signature);
}

struct hin_result hin_vault_evidence_sign(struct hin_vault *vault, struct hin_view statement,
                                          uint8_t ret_signature[HIN_SIGN_BYTES])
{
    return hin_vault_report(vault, "evidence-sign", HIN_VIEW_EMPTY,
                            vault->own[HIN_VAULT_OWN_CHECKPOINT].id, HIN_VAULT_FOR_AUDIT,
                            sign_evidence(vault, statement, ret_signature));
}

struct hin_result hin_vault_status(struct hin_vault *vault,
                                   struct hin_key_provider_status *ret_status)
{
    const struct hin_key_provider *provider = &vault->options.provider;
    return provider->status(provider->context, HIN_VIEW_EMPTY, ret_status);
}
