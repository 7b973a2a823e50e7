/* Inside keys/: the vault's memory and its file. */
#ifndef HIN_KEYS_VAULT_INTERNAL_H
#define HIN_KEYS_VAULT_INTERNAL_H

#include "base/codec.h"
#include "base/map.h"
#include "crypt/hash.h"
#include "crypt/x509.h"
#include "keys/vault.h"

/* A key as it lies in the file. */
struct hin_vault_wrapped {
    uint32_t version;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_buf bytes;
};

#define HIN_VAULT_FORMAT        5
#define HIN_VAULT_HOLDERS_BYTES 4096 /* sealed */
#define HIN_VAULT_RESTORE_BYTES (HIN_RESTORE_MAX_BYTES + 128)

struct hin_vault_tenant {
    char id[HIN_X509_NAME_BYTES];
    int64_t wrapping_rotated_usec; /* when its wrapping key at the provider was made or rotated */
    int64_t rotated_usec;          /* the same of its tenant key */
    struct hin_vault_generation generation;
    uint8_t restore[HIN_VAULT_RESTORE_BYTES]; /* the last record of a state that was let pass, as
                                                 the holders are */
    size_t restore_size;
    /* Not stored: */
    bool moved;   /* its number, since this process began */
    uint64_t met; /* the number that its store came with, to be noted as seen */
    bool refused; /* at the last judgement: why, and with what number */
    enum hin_vault_verdict refusal;
    uint64_t refusal_found;
    struct hin_vault_generation before; /* while it is being saved */
    uint32_t backup_spare; /* version of its backups' key that wraps nothing yet; 0: none known */

    struct hin_vault_wrapped *keys; /* ascending by version; the last wraps */
    size_t key_count;
    struct hin_vault_wrapped index[HIN_INDEX_VERSIONS_MAX]; /* under a tenant key; ascending by
                                                               version, the last is in force */
    size_t index_count;
    int64_t index_rotated_usec; /* 0: never, or not known */
};

/* The installation's own keys, under the master key. */
enum { HIN_VAULT_OWN_CA, HIN_VAULT_OWN_CHECKPOINT, HIN_VAULT_OWN_SERVICE, HIN_VAULT_OWN_COUNT };

struct hin_vault {
    struct hin_vault_options options;
    const struct hin_clock *clock;
    struct hin_vault_wrapped own[HIN_VAULT_OWN_COUNT];
    struct hin_buf ca_der;
    struct hin_buf former_der; /* the authority before: agents may still have its certificates;
                                  empty: retired, or there was none */
    int64_t ca_rotated_usec;   /* 0: never */
    uint64_t renewals;         /* how often server certificates were demanded anew; not stored */
    struct hin_map tenants;    /* id -> struct hin_vault_tenant, ours */
    int format;
    /* Versions of the installation's wrapping key below this are to be destroyed: they wrapped keys
     * of tenants in format 1. 0: nothing is left to do. */
    uint32_t destroy_below;
    int64_t master_rotated_usec;
    struct hin_buf holders; /* who may let a state pass that was refused; sealed: vault_accept.c */
    struct hin_vault_holders holders_known; /* the same in the clear, once it was needed */
    bool holders_are_known;
    uint64_t keyring; /* the highest generation of the key ring that was met */
    /* Not stored: */
    bool provider_changed; /* the key ring has moved on, perhaps */
    bool ticked;
    int64_t due_usec; /* monotonic; when numbers move on */
    struct hin_hmac *generation_key;
};

void hin_vault_tenant_free(struct hin_vault_tenant *tenant);
/* Vault file, version 5: "HVT" 5, u32 body_bytes, body, u32 CRC-32C over all before it. Body: u32
 * destroy_below, u64 when the installation's wrapping key was rotated, u64 generation of the key
 * ring, key holders (bytes), authority (bytes), u64 when it took over, the former authority (bytes;
 * empty: none), the own keys, varint tenant count, then each tenant: id, u64 when its wrapping key
 * was rotated, u64 when its tenant key was, generation (u64 number, seen, when seen, u8 granted,
 * u64 granted), restore record (bytes), varint key count, keys, u64 when its index key was rotated,
 * varint count, index keys. A key: u32 version, 16 bytes id, wrapped (bytes). Key holders and
 * restore record: empty, or 16 bytes id and a sealed value (vault_accept.c). Version 4 was never
 * written. Version 3 (read only): without key ring's generation, holders, generations and records,
 * one index key, without count and time. Version 2 (read only): also without former authority and
 * its time. Version 1 (read only): also without any time and destroy_below; its tenant keys are
 * wrapped under the installation's wrapping key. */
HIN_RESULT hin_vault_encode(const struct hin_vault *vault, struct hin_buf *ret_bytes) HIN_NONNULL;
/* Into an empty vault whose map is initialised. */
HIN_RESULT hin_vault_decode(struct hin_vault *vault, struct hin_view bytes) HIN_NONNULL;

/* --- vault.c, for the other files --- */
/* Every use goes through here, granted or refused: answers `result`. */
struct hin_result hin_vault_report(struct hin_vault *vault, const char *verb,
                                   struct hin_view tenant, const uint8_t *key_id,
                                   enum hin_vault_reason reason, struct hin_result result);
HIN_RESULT hin_vault_save(const struct hin_vault *vault) HIN_NONNULL;
HIN_RESULT hin_vault_find(const struct hin_vault *vault, struct hin_view id,
                          struct hin_vault_tenant **ret_tenant) HIN_NONNULL;
HIN_RESULT hin_vault_push_key(struct hin_vault *vault, struct hin_vault_tenant *tenant) HIN_NONNULL;
/* A fresh one, of a version above `above` and all there are. CONFLICT: a former one is not retired
 * yet. */
HIN_RESULT hin_vault_push_index_key(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                                    uint32_t above) HIN_NONNULL;
/* The same key under the newest version of the tenant's wrapping key ("": the installation's). */
HIN_RESULT hin_vault_rewrap(struct hin_vault *vault, struct hin_view tenant,
                            enum hin_key_purpose purpose,
                            struct hin_vault_wrapped *wrapped) HIN_NONNULL;
/* The same for what the tenant key wraps. ret_wrapped: appended. */
HIN_RESULT hin_vault_rewrap_by_tenant(const struct hin_vault *vault,
                                      const struct hin_vault_tenant *tenant,
                                      const struct hin_key_binding *binding,
                                      struct hin_view wrapped,
                                      struct hin_buf *ret_wrapped) HIN_NONNULL;
/* A key of the installation's own under the newest master key; and opened. */
HIN_RESULT hin_vault_wrap_own(struct hin_vault *vault, size_t which, const struct hin_secret *plain,
                              struct hin_vault_wrapped *ret_wrapped) HIN_NONNULL;
HIN_RESULT hin_vault_open_authority(const struct hin_vault *vault,
                                    struct hin_x509_key **ret_key) HIN_NONNULL;
HIN_RESULT hin_vault_open_own(const struct hin_vault *vault, size_t which,
                              struct hin_secret *ret_key) HIN_NONNULL;
enum hin_key_purpose hin_vault_own_purpose(size_t which);
/* --- vault_accept.c --- */
/* Appends the last record of a state of the tenant that was let pass; nothing when there is none.
 */
HIN_RESULT hin_vault_last_restore(const struct hin_vault *vault,
                                  const struct hin_vault_tenant *tenant,
                                  struct hin_buf *ret_record) HIN_NONNULL;
HIN_RESULT hin_vault_accept_as(struct hin_vault *vault, struct hin_vault_tenant *tenant,
                               const struct hin_vault_generation *next, uint64_t keyring,
                               struct hin_restore *restore, const char *holder) HIN_NONNULL;
/* The key holders, opened when it was not yet. */
HIN_RESULT hin_vault_holders_known(const struct hin_vault *vault,
                                   struct hin_vault_holders *ret_holders) HIN_NONNULL;
HIN_RESULT hin_vault_open_index(const struct hin_vault *vault, struct hin_view tenant,
                                struct hin_index_keys *ret_keys) HIN_NONNULL;
/* An empty one in memory. */
HIN_RESULT hin_vault_new(const struct hin_vault_options *options,
                         struct hin_vault **ret_vault) HIN_NONNULL;
/* A tenant with fresh keys, and these index keys (NULL: a fresh one too); saved. */
HIN_RESULT hin_vault_tenant_make(struct hin_vault *vault, struct hin_view tenant,
                                 const struct hin_index_keys *index) __attribute__((nonnull(1)));
void hin_vault_wrapped_done(struct hin_vault_wrapped *wrapped);

/* --- vault_rotate.c --- */
/* From format 1: a wrapping key for each tenant. Cut off anywhere, the next call goes on. */
HIN_RESULT hin_vault_migrate(struct hin_vault *vault) HIN_NONNULL;

#endif
