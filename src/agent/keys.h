/* Where the agent's processes get their data keys from: the key file beside the state folder, which
 * only the parent opens (enrol opens it itself). A data key is drawn fresh by each process that
 * seals, and lies wrapped beside what it sealed. */
#ifndef HIN_AGENT_KEYS_H
#define HIN_AGENT_KEYS_H

#include "base/buf.h"
#include "keys/provider.h"
#include "seal/seal.h"

struct hin_agent_keys {
    HIN_RESULT(*wrap)
    (void *context, enum hin_key_purpose purpose, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
     const struct hin_secret *plain, struct hin_buf *ret_wrapped);
    HIN_RESULT(*unwrap)
    (void *context, enum hin_key_purpose purpose, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
     struct hin_view wrapped, struct hin_secret *ret_plain);
    void *context;
};

/* Over an open key ring (keys/ring.h); provider is borrowed. */
struct hin_agent_keys hin_agent_keys_of_provider(struct hin_key_provider *provider) HIN_NONNULL;

/* A fresh data key with its sealer; its wrapped form is appended. */
HIN_RESULT hin_agent_data_key(const struct hin_agent_keys *keys, enum hin_key_purpose purpose,
                              struct hin_sealer **ret_sealer,
                              struct hin_buf *ret_wrapped) HIN_NONNULL;

#endif
