#include "agent/keys.h"

static struct hin_key_binding binding_of(enum hin_key_purpose purpose, const uint8_t *key_id)
{
    return (struct hin_key_binding){
        .key_id = hin_view_of(key_id, HIN_SEAL_KEY_ID_BYTES),
        .purpose = purpose,
        .version = 1,
    };
}

static HIN_RESULT provider_wrap(void *context, enum hin_key_purpose purpose, const uint8_t *key_id,
                                const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    struct hin_key_provider *provider = context;
    struct hin_key_binding binding = binding_of(purpose, key_id);
    return provider->wrap(provider->context, &binding, plain, ret_wrapped);
}

static HIN_RESULT provider_unwrap(void *context, enum hin_key_purpose purpose,
                                  const uint8_t *key_id, struct hin_view wrapped,
                                  struct hin_secret *ret_plain)
{
    struct hin_key_provider *provider = context;
    struct hin_key_binding binding = binding_of(purpose, key_id);
    return provider->unwrap(provider->context, &binding, wrapped, ret_plain);
}

struct hin_agent_keys hin_agent_keys_of_provider(struct hin_key_provider *provider)
{
    return (struct hin_agent_keys){provider_wrap, provider_unwrap, provider};
}

struct hin_result hin_agent_data_key(const struct hin_agent_keys *keys,
                                     enum hin_key_purpose purpose, struct hin_sealer **ret_sealer,
                                     struct hin_buf *ret_wrapped)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    HIN_TRY(hin_secret_random(&key, HIN_SEAL_KEY_BYTES));
    HIN_TRY(hin_random(key_id, sizeof(key_id)));
    HIN_TRY(keys->wrap(keys->context, purpose, key_id, &key, ret_wrapped));
    return hin_sealer_new(ret_sealer, key_id, &key);
}
