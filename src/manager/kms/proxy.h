/* The key management service as a process of its own: `kms` holds the file ring, `keys` asks it to
 * wrap and unwrap. kms sees wrapped blobs and short-lived requests only, and can be replaced
 * without touching who holds tenant keys.
 *
 * Request: u32 purpose, u32 version, bytes tenant, bytes key id, bytes (key to wrap, or wrapped
 * key); the answer's payload is the wrapped, or the unwrapped, key. Status: empty; the answer's
 * fields in the order of the struct. */
#ifndef HIN_MANAGER_KMS_PROXY_H
#define HIN_MANAGER_KMS_PROXY_H

#include "ipc/channel.h"
#include "ipc/permit.h"
#include "keys/provider.h"
#include "role/role.h"

/* The side of `keys`: a provider over its edge to kms, AGAIN while kms is being restarted. What
 * changes the ring (generate, rotate, destroy) is refused: DENIED. The struct outlives the
 * provider. */
struct hin_kms_proxy {
    struct hin_role *role;
};
struct hin_key_provider hin_kms_proxy_provider(struct hin_kms_proxy *proxy) HIN_NONNULL;

/* The side of `kms`: what may be asked; the handlers' context is the `struct hin_key_provider`
 * behind it. */
extern const struct hin_ipc_table hin_kms_table;

#endif
