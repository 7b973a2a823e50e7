/* The key management service as a process of its own: `kms` holds the wrapping keys, `keys` asks
 * it. kms sees wrapped blobs and short-lived requests only, and can be replaced without touching
 * who holds tenant keys: by `hinomi-kms-pkcs11`, a program of its own that speaks the same.
 *
 * Wrap and unwrap: u32 purpose, u32 version, bytes tenant, bytes key id, bytes (key to wrap, or
 * wrapped key); the answer's payload is the wrapped, or the unwrapped, key. The others: u32 version
 * (0 where there is none), bytes tenant; the answer is empty, that of status has the fields of its
 * struct in their order. */
#ifndef HIN_MANAGER_KMS_PROXY_H
#define HIN_MANAGER_KMS_PROXY_H

#include "ipc/channel.h"
#include "ipc/permit.h"
#include "keys/provider.h"
#include "role/role.h"

/* The side of `keys`: a provider over its edge to kms, AGAIN while kms is being restarted; or, for
 * `init`, over a channel. The struct outlives the provider. */
struct hin_kms_proxy {
    struct hin_role *role;   /* whose edge to kms is taken; NULL: */
    struct hin_ipc *channel; /* this one */
};
struct hin_key_provider hin_kms_proxy_provider(struct hin_kms_proxy *proxy) HIN_NONNULL;

/* The side of `kms`: what may be asked; the handlers' context is the `struct hin_key_provider`
 * behind it. */
extern const struct hin_ipc_table hin_kms_table;

#endif
