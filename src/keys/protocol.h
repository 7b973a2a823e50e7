/* Messages between a worker and the `keys` process: pure encode and decode; ipc/ carries them. A
 * request is u16 verb, then the fields of its row in keys/protocol.c; an answer is u16 verb, u16
 * outcome (enum hin_code), then, when the outcome is OK, the result's fields. A closed list of
 * verbs: a process is given a mask of what it may ask. */
#ifndef HIN_KEYS_PROTOCOL_H
#define HIN_KEYS_PROTOCOL_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "keys/vault.h"

enum hin_keys_verb {
    HIN_KEYS_TENANT_CREATE = 1,
    HIN_KEYS_TENANT_ROTATE = 2,
    HIN_KEYS_TENANT_SHRED = 3,
    HIN_KEYS_MASTER_ROTATE = 4,
    HIN_KEYS_DATA_KEY_NEW = 5,
    HIN_KEYS_DATA_KEY_OPEN = 6,
    HIN_KEYS_INDEX_KEY = 7,
    HIN_KEYS_TICKET_KEY = 8,
    HIN_KEYS_CA = 9,
    HIN_KEYS_ISSUE_AGENT = 10,
    HIN_KEYS_ISSUE_SERVER = 11,
    HIN_KEYS_CHECKPOINT_SIGN = 12,
    HIN_KEYS_CHECKPOINT_PUBLIC = 13,
    HIN_KEYS_STATUS = 14,
    HIN_KEYS_CHECKPOINT_CERTIFY = 15,
    HIN_KEYS_WRAPPING_ROTATE = 16,
    HIN_KEYS_VAULT_REWRAP = 17,
    HIN_KEYS_DATA_KEY_REWRAP = 18,
    HIN_KEYS_RETIRE = 19,
    HIN_KEYS_TENANT_STATUS = 20,
    HIN_KEYS_PROVIDER_TEST = 21,
    HIN_KEYS_CERTIFICATE_SIGN = 28,
    HIN_KEYS_TENANT_ERASE = 29,
    HIN_KEYS_CA_ROTATE = 30,
    HIN_KEYS_CA_RETIRE = 31,
    HIN_KEYS_CA_RENEW = 32,
    HIN_KEYS_CA_STATE = 33,
    HIN_KEYS_GENERATION = 34,
    HIN_KEYS_REFUSED = 35,
    HIN_KEYS_HOLDERS_SET = 36,
    HIN_KEYS_INDEX_ROTATE = 37,
    HIN_KEYS_BACKUP_KEY_NEW = 40,
    HIN_KEYS_BACKUP_KEY_OPEN = 41,
    HIN_KEYS_BACKUP_KEY_DESTROY = 42,
    HIN_KEYS_BACKUP_KEY_STATUS = 43,
    HIN_KEYS_BACKUP_KEY_RESEAL = 44,
    HIN_KEYS_BACKUP_INDEX_KEY = 45,
    HIN_KEYS_RESTORE_CONSENT = 47,
    HIN_KEYS_RESTORE_FITS = 48,
    HIN_KEYS_RESTORE_GRANT = 49,
    HIN_KEYS_EVIDENCE_SIGN = 50,
    HIN_KEYS_VERB_COUNT
};
#define HIN_KEYS_MASK(verb) (UINT64_C(1) << (verb))
/* What a worker may ask; init may ask all. Rotation and retirement are among it, since the API's
 * key verbs end in a worker; shredding just any tenant is not, erasing one that is not the
 * installation's own is. */
#define HIN_KEYS_MASK_WORKER                                                                       \
    (HIN_KEYS_MASK(HIN_KEYS_TENANT_CREATE) | HIN_KEYS_MASK(HIN_KEYS_DATA_KEY_NEW) |                \
     HIN_KEYS_MASK(HIN_KEYS_DATA_KEY_OPEN) | HIN_KEYS_MASK(HIN_KEYS_INDEX_KEY) |                   \
     HIN_KEYS_MASK(HIN_KEYS_TICKET_KEY) | HIN_KEYS_MASK(HIN_KEYS_CA) |                             \
     HIN_KEYS_MASK(HIN_KEYS_ISSUE_AGENT) | HIN_KEYS_MASK(HIN_KEYS_ISSUE_SERVER) |                  \
     HIN_KEYS_MASK(HIN_KEYS_CHECKPOINT_SIGN) | HIN_KEYS_MASK(HIN_KEYS_CHECKPOINT_PUBLIC) |         \
     HIN_KEYS_MASK(HIN_KEYS_CHECKPOINT_CERTIFY) | HIN_KEYS_MASK(HIN_KEYS_STATUS) |                 \
     HIN_KEYS_MASK(HIN_KEYS_TENANT_ROTATE) | HIN_KEYS_MASK(HIN_KEYS_MASTER_ROTATE) |               \
     HIN_KEYS_MASK(HIN_KEYS_WRAPPING_ROTATE) | HIN_KEYS_MASK(HIN_KEYS_VAULT_REWRAP) |              \
     HIN_KEYS_MASK(HIN_KEYS_DATA_KEY_REWRAP) | HIN_KEYS_MASK(HIN_KEYS_RETIRE) |                    \
     HIN_KEYS_MASK(HIN_KEYS_CA_ROTATE) | HIN_KEYS_MASK(HIN_KEYS_CA_RETIRE) |                       \
     HIN_KEYS_MASK(HIN_KEYS_CA_RENEW) | HIN_KEYS_MASK(HIN_KEYS_CA_STATE) |                         \
     HIN_KEYS_MASK(HIN_KEYS_TENANT_STATUS) | HIN_KEYS_MASK(HIN_KEYS_PROVIDER_TEST) |               \
     HIN_KEYS_MASK(HIN_KEYS_GENERATION) | HIN_KEYS_MASK(HIN_KEYS_REFUSED) |                        \
     HIN_KEYS_MASK(HIN_KEYS_HOLDERS_SET) | HIN_KEYS_MASK(HIN_KEYS_CERTIFICATE_SIGN) |              \
     HIN_KEYS_MASK(HIN_KEYS_TENANT_ERASE) | HIN_KEYS_MASK(HIN_KEYS_INDEX_ROTATE) |                 \
     HIN_KEYS_MASK(HIN_KEYS_RESTORE_CONSENT))
/* What `jobs` may ask: it alone records evidence, so that no process that answers the network can
 * have any signed. */
#define HIN_KEYS_MASK_JOBS (HIN_KEYS_MASK_WORKER | HIN_KEYS_MASK(HIN_KEYS_EVIDENCE_SIGN))
/* What the `backup` process may ask: to read what there is, keys of backups, and that a store which
 * it has restored counts, with the consent of key holders. */
#define HIN_KEYS_MASK_BACKUP                                                                       \
    (HIN_KEYS_MASK(HIN_KEYS_DATA_KEY_NEW) | HIN_KEYS_MASK(HIN_KEYS_DATA_KEY_OPEN) |                \
     HIN_KEYS_MASK(HIN_KEYS_INDEX_KEY) | HIN_KEYS_MASK(HIN_KEYS_BACKUP_KEY_NEW) |                  \
     HIN_KEYS_MASK(HIN_KEYS_BACKUP_KEY_OPEN) | HIN_KEYS_MASK(HIN_KEYS_BACKUP_KEY_DESTROY) |        \
     HIN_KEYS_MASK(HIN_KEYS_BACKUP_KEY_STATUS) | HIN_KEYS_MASK(HIN_KEYS_BACKUP_KEY_RESEAL) |       \
     HIN_KEYS_MASK(HIN_KEYS_BACKUP_INDEX_KEY) | HIN_KEYS_MASK(HIN_KEYS_GENERATION) |               \
     HIN_KEYS_MASK(HIN_KEYS_CHECKPOINT_PUBLIC) | HIN_KEYS_MASK(HIN_KEYS_RESTORE_FITS) |            \
     HIN_KEYS_MASK(HIN_KEYS_RESTORE_GRANT))
#define HIN_KEYS_MASK_ALL (HIN_KEYS_MASK(HIN_KEYS_VERB_COUNT) - 2)

#define HIN_KEYS_MESSAGE_MAX 65536
const char *hin_keys_verb_name(enum hin_keys_verb verb); /* "data-key-new" */

/* Every field any request has; which ones count is the verb's affair. Views are borrowed. */
struct hin_keys_request {
    enum hin_keys_verb verb;
    enum hin_vault_reason reason;
    struct hin_view tenant;
    struct hin_view agent;
    struct hin_view key_id;  /* 16 bytes */
    struct hin_view payload; /* wrapped key, certificate request, statement */
    struct hin_view names;   /* server certificate */
    int64_t lifetime_usec;
    enum hin_vault_kind kind; /* retire */
    uint32_t version;
};
HIN_RESULT hin_keys_request_encode(const struct hin_keys_request *request,
                                   struct hin_buf *ret_bytes) HIN_NONNULL;
/* PROTOCOL for anything that is not exactly one request of the list. */
HIN_RESULT hin_keys_request_decode(struct hin_view bytes,
                                   struct hin_keys_request *ret_request) HIN_NONNULL;

struct hin_keys_answer {
    enum hin_keys_verb verb;
    enum hin_code outcome;
    struct hin_view key_id;  /* data-key-new */
    struct hin_view secret;  /* key material: copy into a hin_secret and wipe the message */
    struct hin_view payload; /* wrapped key, certificate, signature, public key; index-key: u32
                                version of each key of the secret, newest first */
    struct hin_key_provider_status status;
    struct hin_vault_tenant_status tenant;
    struct hin_vault_check checks[HIN_VAULT_CHECK_COUNT];
};
HIN_RESULT hin_keys_answer_encode(const struct hin_keys_answer *answer,
                                  struct hin_buf *ret_bytes) HIN_NONNULL;
HIN_RESULT hin_keys_answer_decode(struct hin_view bytes,
                                  struct hin_keys_answer *ret_answer) HIN_NONNULL;

/* The service's whole work: decode, check against the mask (DENIED), do, answer. Appends one
 * answer. A failure of the verb is in the answer; a failure returned here (PROTOCOL,
 * NO_MEMORY) means: end this peer. The answer may hold key material: hin_wipe it after
 * sending. */
HIN_RESULT hin_keys_serve(struct hin_vault *vault, uint64_t allowed_mask, struct hin_view request,
                          struct hin_buf *ret_answer) HIN_NONNULL;

#endif
