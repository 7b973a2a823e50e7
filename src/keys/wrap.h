/* One key wrapped under another. Each wrap has a key and nonce of its own, HKDF-SHA-256(wrapping
 * key, 32 random bytes), so that nonces cannot meet however often a key wraps. The associated data
 * says what the wrapped key is for.
 *
 * Wrapped key, version 1 (little-endian):
 *   0  "HWK" 1      magic and version
 *   4  u32 wrapping key's version
 *   8  salt         32 bytes
 *  40  ciphertext   as long as the key
 *   .  tag          16 bytes
 * Associated data: bytes 0..40, then purpose (u32), version (u32), tenant and key id with their
 * lengths. */
#ifndef HIN_KEYS_WRAP_H
#define HIN_KEYS_WRAP_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"

#define HIN_WRAP_OVERHEAD_BYTES 56

/* What a key is for. The numbers are part of formats: append only. */
enum hin_key_purpose {
    HIN_KEY_TENANT = 1,       /* wraps the tenant's data keys and its index key */
    HIN_KEY_DATA = 2,         /* seals values, segments */
    HIN_KEY_INDEX = 3,        /* blind index */
    HIN_KEY_CA = 4,           /* private key of the certificate authority (PKCS#8) */
    HIN_KEY_CHECKPOINT = 5,   /* Ed25519 seed that signs checkpoints */
    HIN_KEY_SERVICE = 6,      /* the manager's own: ticket keys are derived from it */
    HIN_KEY_SPOOL = 7,        /* an agent's journal */
    HIN_KEY_DEVICE = 8,       /* an agent's private key (PKCS#8) */
    HIN_KEY_STATE = 9,        /* an agent's or engine's saved state */
    HIN_KEY_RING = 10,        /* the body of a key ring under a pass phrase */
    HIN_KEY_BACKUP = 11,      /* seals a backup's manifest and shipments */
    HIN_KEY_BACKUP_PART = 12, /* seals what of the vault a backup holds */
};

/* Bound into each wrap; opening needs the very same. Views are borrowed. */
struct hin_key_binding {
    struct hin_view tenant; /* empty for the installation's own */
    struct hin_view key_id;
    enum hin_key_purpose purpose;
    uint32_t version; /* of the wrapped key */
};

/* Appends. wrapping: 32 bytes. */
HIN_RESULT hin_key_wrap(const struct hin_secret *wrapping, uint32_t wrapping_version,
                        const struct hin_key_binding *binding, const struct hin_secret *plain,
                        struct hin_buf *ret_wrapped) HIN_NONNULL;
/* AUTH: another key, another binding, or altered. TRUNCATED, SYNTAX, UNSUPPORTED (newer). */
HIN_RESULT hin_key_unwrap(const struct hin_secret *wrapping, const struct hin_key_binding *binding,
                          struct hin_view wrapped, struct hin_secret *ret_plain) HIN_NONNULL;
/* Which version of the wrapping key is needed. SYNTAX: of another format than this. */
HIN_RESULT hin_key_wrapped_version(struct hin_view wrapped, uint32_t *ret_version) HIN_NONNULL;
/* The same of any provider's bytes: provider.h says how they begin. TRUNCATED. */
HIN_RESULT hin_key_wrapped_under(struct hin_view wrapped, uint32_t *ret_version) HIN_NONNULL;

#endif
