/* Inside keys/: the vault's memory and its file. */
#ifndef HIN_KEYS_VAULT_INTERNAL_H
#define HIN_KEYS_VAULT_INTERNAL_H

#include "base/map.h"
#include "crypt/x509.h"
#include "keys/vault.h"

#define HIN_VAULT_TENANT_KEYS_MAX 256

/* A key as it lies in the file. */
struct hin_vault_wrapped {
    uint32_t version;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_buf bytes;
};

struct hin_vault_tenant {
    char id[HIN_X509_NAME_BYTES];
    struct hin_vault_wrapped *keys; /* ascending by version; the last wraps */
    size_t key_count;
    struct hin_vault_wrapped index; /* under a tenant key */
};

/* The installation's own keys, under the master key. */
enum { HIN_VAULT_OWN_CA, HIN_VAULT_OWN_CHECKPOINT, HIN_VAULT_OWN_SERVICE, HIN_VAULT_OWN_COUNT };

struct hin_vault {
    struct hin_vault_options options;
    const struct hin_clock *clock;
    struct hin_vault_wrapped own[HIN_VAULT_OWN_COUNT];
    struct hin_buf ca_der;
    struct hin_map tenants; /* id -> struct hin_vault_tenant, ours */
};

void hin_vault_tenant_free(struct hin_vault_tenant *tenant);
/* Vault file, version 1: "HVT" 1, u32 body_bytes, body, u32 CRC-32C over all before it. Body:
 * authority (bytes), the own keys, varint tenant count, then each tenant: id, varint key count,
 * keys, index key. A key: u32 version, 16 bytes id, wrapped (bytes). */
HIN_RESULT hin_vault_encode(const struct hin_vault *vault, struct hin_buf *ret_bytes) HIN_NONNULL;
/* Into an empty vault whose map is initialised. */
HIN_RESULT hin_vault_decode(struct hin_vault *vault, struct hin_view bytes) HIN_NONNULL;

#endif
