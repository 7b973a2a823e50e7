#include "manager/tenant.h"

#include <stdio.h>

#include "base/bytes.h"

enum { OPENER_KEYS_MAX = 256, SEALER_RESERVE = 1 << 20 };

static HIN_RESULT find_key(void *context, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                           struct hin_secret *ret_key)
{
    struct hin_tenant *tenant = context;
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    uint32_t version = 0;
    HIN_TRY(hin_store_key_get(tenant->store, key_id, &wrapped, &version));
    tenant->key_use_count++;
    return hin_keys_data_key_open(&tenant->keys, hin_tenant_view(tenant), tenant->reason, key_id,
                                  hin_buf_view(&wrapped), ret_key);
}

static HIN_RESULT current_sealer(void *context, struct hin_sealer **ret_sealer)
{
    struct hin_tenant *tenant = context;
    HIN_ENSURE(tenant->sealer != NULL, CONFLICT);
    *ret_sealer = tenant->sealer;
    return hin_ok();
}

static HIN_RESULT take_data_key(struct hin_tenant *tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf wrapped = {.max = HIN_VAULT_WRAPPED_MAX};
    struct hin_vault_data_key key;
    struct hin_sealer *sealer = NULL;
    tenant->key_use_count++;
    HIN_TRY(hin_keys_data_key_new(&tenant->keys, hin_tenant_view(tenant), tenant->reason, &key,
                                  &wrapped));
    struct hin_result made = hin_store_key_put(tenant->store, key.id, 1, hin_buf_view(&wrapped),
                                               hin_tenant_now_usec(tenant));
    if (hin_is_ok(made)) {
        made = hin_sealer_new(&sealer, key.id, &key.key);
    }
    if (hin_is_ok(made)) {
        made = hin_opener_add(tenant->opener, key.id, &key.key);
    }
    hin_secret_done(&key.key);
    if (!hin_is_ok(made)) {
        hin_sealer_free(sealer);
        return made;
    }
    hin_sealer_free(tenant->sealer);
    tenant->sealer = sealer;
    return hin_ok();
}

static HIN_RESULT unlock(struct hin_tenant *tenant)
{
    struct hin_secret index_key = {0};
    struct hin_key_source source = {find_key, tenant};
    HIN_TRY(hin_opener_new(&tenant->opener, &source, OPENER_KEYS_MAX));
    tenant->key_use_count++;
    HIN_TRY(hin_keys_index_key(&tenant->keys, hin_tenant_view(tenant), tenant->reason, &index_key));
    struct hin_result indexed = hin_index_new(&tenant->index, &index_key);
    hin_secret_done(&index_key);
    HIN_TRY(indexed);
    HIN_TRY(take_data_key(tenant));
    struct hin_store_keys keys = {
        .sealer = current_sealer,
        .context = tenant,
        .opener = tenant->opener,
        .index = tenant->index,
    };
    return hin_store_unlock(tenant->store, &keys);
}

HIN_RESULT hin_tenant_open(struct hin_tenant *tenant, int directory, const char *id,
                           const struct hin_keys_carrier *keys, enum hin_vault_reason reason,
                           const struct hin_clock *clock, bool create, struct hin_error *error)
{
    *tenant = (struct hin_tenant){.keys = *keys, .reason = reason, .clock = clock};
    snprintf(tenant->id, sizeof(tenant->id), "%s", id);
    struct hin_store_options options = {
        .directory = directory, .tenant = tenant->id, .create = create};
    HIN_TRY(hin_store_open(&tenant->store, &options, error));
    struct hin_result unlocked = unlock(tenant);
    if (!hin_is_ok(unlocked)) {
        hin_tenant_close(tenant);
        return hin_error_set(error, unlocked.code, NULL, 0, 0, "the store cannot be unlocked: %s",
                             hin_code_text(unlocked.code));
    }
    return hin_ok();
}

void hin_tenant_close(struct hin_tenant *tenant)
{
    hin_store_close(tenant->store);
    hin_sealer_free(tenant->sealer);
    hin_opener_free(tenant->opener);
    hin_index_free(tenant->index);
    tenant->store = NULL;
    tenant->sealer = NULL;
    tenant->opener = NULL;
    tenant->index = NULL;
}

HIN_RESULT hin_tenant_refresh(struct hin_tenant *tenant)
{
    return hin_sealer_left_count(tenant->sealer) > SEALER_RESERVE ? hin_ok()
                                                                  : take_data_key(tenant);
}
