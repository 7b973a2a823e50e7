/* The key service of the manager's `keys` process: opens and makes tenant keys, data keys and index
 * keys, issues certificates, signs checkpoints; no network, no parsing beyond requests. Wrapping
 * keys stay in the provider.
 *
 *   a tenant's wrapping key (provider) -> tenant key -> data keys, index key
 *   master: the installation's (provider) -> CA key, checkpoint key, service key
 *
 * Wrapped tenant and installation keys stand in the vault file (state folder: worthless without the
 * provider). Wrapped data keys are the caller's to store beside the data they open: they come out
 * of hin_vault_data_key_new and go back into hin_vault_data_key_open, so a tenant's database
 * carries its own. */
#ifndef HIN_KEYS_VAULT_H
#define HIN_KEYS_VAULT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "base/view.h"
#include "crypt/hash.h"
#include "crypt/sign.h"
#include "crypt/tls.h"
#include "crypt/x509.h"
#include "keys/provider.h"
#include "proof/restore.h"
#include "seal/index.h"
#include "seal/seal.h"

#define HIN_VAULT_WRAPPED_MAX 512 /* a wrapped data key is never longer */
#define HIN_VAULT_TENANTS_MAX 65536

/* What a key is wanted for: recorded with each use. Append only. */
enum hin_vault_reason {
    HIN_VAULT_FOR_INGEST = 1,
    HIN_VAULT_FOR_SEARCH = 2,
    HIN_VAULT_FOR_MERGE = 3,
    HIN_VAULT_FOR_CONFIG = 4, /* policies, people, keys of the API: mutable rows */
    HIN_VAULT_FOR_FORWARD = 5,
    HIN_VAULT_FOR_BACKUP = 6,
    HIN_VAULT_FOR_ENROL = 7,
    HIN_VAULT_FOR_RENEW = 8,
    HIN_VAULT_FOR_SERVE = 9,  /* a server certificate, ticket keys */
    HIN_VAULT_FOR_AUDIT = 10, /* checkpoints */
    HIN_VAULT_FOR_ADMIN = 11, /* tenants made, rotated, shredded */
    HIN_VAULT_REASON_COUNT
};
const char *hin_vault_reason_name(enum hin_vault_reason reason); /* "ingest" */

/* One use of a key, granted or refused, for the audit record. Views are borrowed during the call.
 */
struct hin_vault_use {
    const char *verb; /* "data-key-open" */
    struct hin_view tenant;
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES]; /* zero where there is none */
    enum hin_vault_reason reason;
    enum hin_code outcome;
    int64_t time_usec;
};

/* Where the vault file lies: load appends (NOT_FOUND: none yet), save replaces durably. */
struct hin_vault_storage {
    HIN_RESULT (*load)(void *context, struct hin_buf *ret_bytes);
    HIN_RESULT (*save)(void *context, struct hin_view bytes);
    void *context;
};
/* On a file "vault" in a directory (*directory borrowed and kept open by the caller), mode 0600. */
struct hin_vault_storage hin_vault_storage_folder(int *directory) HIN_NONNULL;

struct hin_vault_options {
    struct hin_key_provider provider; /* its context outlives the vault */
    struct hin_vault_storage storage;
    const struct hin_clock *clock;                                /* NULL = the machine's */
    void (*used)(void *context, const struct hin_vault_use *use); /* may be NULL */
    void *used_context;
    const char *own; /* the installation's own tenant, which is never erased; NULL: none is named.
                      * Borrowed for the life of the vault */
};

struct hin_vault;
/* `init`: makes CA, checkpoint and service keys and saves. EXISTS when there is a vault. ca_name:
 * common name. */
HIN_RESULT hin_vault_create(struct hin_vault **ret_vault, const struct hin_vault_options *options,
                            const char *ca_name) HIN_NONNULL;
/* NOT_FOUND, TRUNCATED, CORRUPT, SYNTAX, UNSUPPORTED of the file; AUTH when the provider is
 * another's. */
HIN_RESULT hin_vault_open(struct hin_vault **ret_vault,
                          const struct hin_vault_options *options) HIN_NONNULL;
void hin_vault_free(struct hin_vault *vault);
static inline void hin_vault_freep(struct hin_vault **vault)
{
    hin_vault_free(*vault);
}

/* --- tenants. A tenant id: 1 to 63 letters, digits, '.', '_', '-' --- */
HIN_RESULT hin_vault_tenant_create(struct hin_vault *vault,
                                   struct hin_view tenant) HIN_NONNULL; /* EXISTS */
/* Destroys the tenant's wrapping key at the provider, then its entry: nothing of it opens again,
 * also not from copies of vault and database (a copy of a file ring, taken before with its pass
 * phrase, still opens them). NOT_FOUND. */
HIN_RESULT hin_vault_tenant_shred(struct hin_vault *vault, struct hin_view tenant) HIN_NONNULL;
/* The same as a worker may ask for it: DENIED for options.own, OK when it was done before.
 * *ret_status is that of the wrapping key afterwards: when it is gone for good, if that is pending.
 */
HIN_RESULT hin_vault_tenant_erase(struct hin_vault *vault, struct hin_view tenant,
                                  struct hin_key_provider_status *ret_status) HIN_NONNULL;

/* --- rotation. A new version is in force at once; older ones open what they wrapped until they are
 * retired --- */
/* A new tenant key wraps from now on. */
HIN_RESULT hin_vault_tenant_rotate(struct hin_vault *vault, struct hin_view tenant) HIN_NONNULL;
/* A new version of the tenant's wrapping key at the provider; the tenant's keys in the vault file
 * are wrapped anew under it. */
HIN_RESULT hin_vault_wrapping_rotate(struct hin_vault *vault, struct hin_view tenant) HIN_NONNULL;
/* A new index key is in force from now on, and both are handed out until the former is retired.
 * CONFLICT: one of before is not retired yet. */
HIN_RESULT hin_vault_index_rotate(struct hin_vault *vault, struct hin_view tenant) HIN_NONNULL;
/* For a restored store, which may be under a newer index key than its backup brought along: a key
 * above that version, so that what is there is made anew. EXISTS: a key of it is known. */
HIN_RESULT hin_vault_index_raise(struct hin_vault *vault, struct hin_view tenant,
                                 uint32_t above) HIN_NONNULL;
/* The same for the installation's wrapping key and the installation's own keys. */
HIN_RESULT hin_vault_master_rotate(struct hin_vault *vault) HIN_NONNULL;
/* All that the vault file holds for this tenant and for the installation, under the newest
 * versions. */
HIN_RESULT hin_vault_rewrap_all(struct hin_vault *vault, struct hin_view tenant) HIN_NONNULL;
/* A data key under the newest tenant key. ret_wrapped: appended. */
HIN_RESULT hin_vault_data_key_rewrap(struct hin_vault *vault, struct hin_view tenant,
                                     const uint8_t id[HIN_SEAL_KEY_ID_BYTES],
                                     struct hin_view wrapped,
                                     struct hin_buf *ret_wrapped) HIN_NONNULL;

enum hin_vault_kind {
    HIN_VAULT_MASTER = 1,   /* the installation's wrapping key */
    HIN_VAULT_WRAPPING = 2, /* the tenant's wrapping key */
    HIN_VAULT_TENANT = 3,   /* the tenant key */
    HIN_VAULT_INDEX = 4,    /* the index key */
    HIN_VAULT_KIND_COUNT
};
/* A key that was wrapped just before a rotation may still be on its way into the key table. */
#define HIN_VAULT_RETIRE_REST_USEC (5 * HIN_SEC_USEC)
/* Destroys one old version. CONFLICT: it is the current one, or something of the vault file is
 * still wrapped under it. AGAIN: the last rotation is less than HIN_VAULT_RETIRE_REST_USEC ago.
 * NOT_FOUND. For HIN_VAULT_TENANT the caller makes sure that no data key of its key table depends
 * on it, for HIN_VAULT_INDEX that the store finds nothing by it any more. */
HIN_RESULT hin_vault_retire(struct hin_vault *vault, struct hin_view tenant,
                            enum hin_vault_kind kind, uint32_t version) HIN_NONNULL;

#define HIN_VAULT_VERSIONS_MAX 256 /* of a tenant key */
struct hin_vault_tenant_status {
    struct hin_key_provider_status master, wrapping;
    int64_t master_rotated_usec, wrapping_rotated_usec, tenant_rotated_usec; /* 0: not known */
    int64_t index_rotated_usec;                      /* 0: never, or not known */
    uint32_t index_versions[HIN_INDEX_VERSIONS_MAX]; /* ascending; the last is in force */
    uint32_t index_under[HIN_INDEX_VERSIONS_MAX];    /* version of the tenant key that wraps it */
    size_t index_version_count;
    uint32_t tenant_versions[HIN_VAULT_VERSIONS_MAX]; /* ascending; the last wraps */
    size_t tenant_version_count;
};
HIN_RESULT hin_vault_tenant_status(struct hin_vault *vault, struct hin_view tenant,
                                   struct hin_vault_tenant_status *ret_status) HIN_NONNULL;

/* A round trip at the provider with a key that is thrown away: it must come back, and must not
 * when anything is changed. */
#define HIN_VAULT_CHECK_COUNT 7
struct hin_vault_check {
    bool passed;
    uint32_t usec;
};
const char *hin_vault_check_name(size_t check); /* "wrap", "unwrap", "altered: refused", ... */
HIN_RESULT
hin_vault_provider_test(struct hin_vault *vault, struct hin_view tenant,
                        struct hin_vault_check ret_checks[HIN_VAULT_CHECK_COUNT]) HIN_NONNULL;

/* --- generations: whether a store, the vault or the key ring was set back (decision 24). The vault
 * knows a number for each tenant, its store holds a token for that number which only the vault
 * makes. The vault goes first, so that an honest store is at most one behind. --- */
struct hin_vault_generation {
    uint64_t number;  /* 0: none yet */
    uint64_t seen;    /* the highest that the store was seen with */
    uint64_t granted; /* a key holder lets a store of this one pass, once; meant while is_granted */
    bool is_granted;  /* until the number has been seen */
    int64_t seen_usec; /* 0: never */
};
enum hin_vault_verdict {
    HIN_VAULT_STORE_PRESENT,  /* the vault's number */
    HIN_VAULT_STORE_BEHIND,   /* cut off between vault and store: it gets the number */
    HIN_VAULT_STORE_GRANTED,  /* older or newer, and let pass */
    HIN_VAULT_STORE_SET_BACK, /* refused */
    HIN_VAULT_VAULT_SET_BACK, /* refused: the store has what this vault did not give yet */
    HIN_VAULT_VERDICT_COUNT
};
static inline bool hin_vault_is_refusal(enum hin_vault_verdict verdict)
{
    return verdict >= HIN_VAULT_STORE_SET_BACK;
}
/* Pure. */
enum hin_vault_verdict hin_vault_judge(uint64_t found,
                                       const struct hin_vault_generation *known) HIN_NONNULL;

#define HIN_VAULT_TOKEN_BYTES 41
/* How often the number moves on while stores are open: what is set back by less is not noticed. */
#define HIN_VAULT_GENERATION_USEC (5 * HIN_MINUTE_USEC)

struct hin_vault_judgement {
    enum hin_vault_verdict verdict;
    uint64_t found, known; /* the store's number, the vault's */
    int64_t seen_usec;     /* when the store was last seen with the vault's; 0: never */
    size_t token_size;     /* 0: the store keeps what it has */
    uint8_t token[HIN_VAULT_TOKEN_BYTES];   /* to take its place */
    size_t restore_size;                    /* 0: nothing was ever let pass */
    uint8_t restore[HIN_RESTORE_MAX_BYTES]; /* the last record of it (proof/restore.h) */
};
/* `token`: what the store holds, empty where it holds none. After a token that was answered was put
 * there, durably, the same is asked again, which is how the vault learns that it was. A refusal is
 * a verdict, no failure. AUTH: a token of another tenant or installation. CORRUPT: none at all. */
HIN_RESULT hin_vault_generation(struct hin_vault *vault, struct hin_view tenant,
                                struct hin_view token,
                                struct hin_vault_judgement *ret_judgement) HIN_NONNULL;
/* The same without any effect. */
HIN_RESULT hin_vault_generation_look(struct hin_vault *vault, struct hin_view tenant,
                                     struct hin_view token,
                                     struct hin_vault_judgement *ret_judgement) HIN_NONNULL;
HIN_RESULT hin_vault_judgement_encode(const struct hin_vault_judgement *judgement,
                                      struct hin_buf *ret_bytes) HIN_NONNULL;
HIN_RESULT hin_vault_judgement_decode(struct hin_view bytes,
                                      struct hin_vault_judgement *ret_judgement) HIN_NONNULL;
/* To be called once before anything is served, then each second, now: the monotonic clock. Stores
 * what was seen, moves numbers on when that is due and notes how far the key ring is, all in one
 * save. */
HIN_RESULT hin_vault_generation_tick(struct hin_vault *vault, int64_t now_usec) HIN_NONNULL;

/* Tenants whose last judgement was a refusal, since this process began. Appends varint count, then
 * each: tenant (bytes), judgement (bytes; without token and record). */
#define HIN_VAULT_REFUSED_MAX 50000
HIN_RESULT hin_vault_refused(struct hin_vault *vault, struct hin_buf *ret_bytes) HIN_NONNULL;

/* --- who may let a store pass: the key holders of the installation, by the SHA-256 of their API
 * keys, so that it can be judged without any store --- */
#define HIN_VAULT_HOLDERS_MAX 16
struct hin_vault_holder {
    char name[HIN_RESTORE_NAME_BYTES];
    uint8_t digest[HIN_SHA256_BYTES];
    int64_t lapses_usec; /* wall clock */
};
struct hin_vault_holders {
    struct hin_vault_holder list[HIN_VAULT_HOLDERS_MAX];
    size_t count;
};
HIN_RESULT hin_vault_holders_encode(const struct hin_vault_holders *holders,
                                    struct hin_buf *ret_bytes) HIN_NONNULL;
HIN_RESULT hin_vault_holders_decode(struct hin_view bytes,
                                    struct hin_vault_holders *ret_holders) HIN_NONNULL;
/* In place of those that were there; nothing is saved when they are the same. */
HIN_RESULT hin_vault_holders_set(struct hin_vault *vault,
                                 const struct hin_vault_holders *holders) HIN_NONNULL;
/* DENIED: no holder has a key of this digest. EXPIRED: nobody confirmed the one who has. */
HIN_RESULT hin_vault_holder_find(const struct hin_vault *vault,
                                 const uint8_t digest[HIN_SHA256_BYTES],
                                 struct hin_vault_holder *ret_holder) HIN_NONNULL;

/* --- letting a state pass that was refused, without `run` (init/restore.c) --- */
/* The store with this token, once: the number moves past all that were there, so that neither this
 * state nor the newer one passes again; and the key ring as it is. Makes a signed record, which is
 * kept until the next and handed out with judgements. CONFLICT: neither is refused. */
HIN_RESULT hin_vault_accept(struct hin_vault *vault, struct hin_view tenant, struct hin_view token,
                            const char *holder) HIN_NONNULL;

/* --- a restore while `run` goes on (vault_consent.c, decision 43): a holder's key was shown to a
 * worker, which has a ticket made; the process that restores hands it in. --- */
#define HIN_VAULT_CONSENT_USEC (24 * HIN_HOUR_USEC) /* how long a ticket counts */
#define HIN_VAULT_TICKET_MAX   160
#define HIN_VAULT_TICKETS_MAX  2
struct hin_vault_consent {
    uint8_t holder[HIN_SHA256_BYTES];  /* of whose API key */
    uint8_t subject[HIN_SHA256_BYTES]; /* what is agreed to: the same must be named at the grant */
};
/* Appends the ticket. DENIED, EXPIRED: as of hin_vault_holder_find. */
HIN_RESULT hin_vault_restore_consent(struct hin_vault *vault, struct hin_view tenant,
                                     const struct hin_vault_consent *given,
                                     struct hin_buf *ret_ticket) HIN_NONNULL;
HIN_RESULT hin_vault_consent_decode(struct hin_view bytes,
                                    struct hin_vault_consent *ret_consent) HIN_NONNULL;
struct hin_vault_grant {
    struct hin_view subject;
    struct hin_view tickets[HIN_VAULT_TICKETS_MAX];
    size_t ticket_count;
};
/* As hin_vault_accept of a store that has no token yet, by the consent of two holders where two are
 * in force. Done before and not met by a store since: OK again. DENIED: too few, one twice, or one
 * who is no holder any more. EXPIRED: a ticket older than a day, or than the tenant's last restore.
 * AUTH: made for another tenant or subject, or by another vault. */
HIN_RESULT hin_vault_restore_grant(struct hin_vault *vault, struct hin_view tenant,
                                   const struct hin_vault_grant *grant) HIN_NONNULL;
HIN_RESULT hin_vault_grant_encode(const struct hin_vault_grant *grant,
                                  struct hin_buf *ret_bytes) HIN_NONNULL;
HIN_RESULT hin_vault_grant_decode(struct hin_view bytes,
                                  struct hin_vault_grant *ret_grant) HIN_NONNULL;

/* Every tenant that the vault knows, in no order; a failure of `visit` ends it. */
HIN_RESULT hin_vault_each(struct hin_vault *vault,
                          HIN_RESULT (*visit)(void *context, const char *tenant), void *context);
/* Where the key ring is and where the vault knows it to have been; 0 where there is no file. */
HIN_RESULT hin_vault_keyring(struct hin_vault *vault, uint64_t *ret_found,
                             uint64_t *ret_known) HIN_NONNULL;

/* --- keys for workers. NOT_FOUND: no such tenant (or shredded) --- */
struct hin_vault_data_key {
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_secret key; /* the caller's to free */
};
/* A fresh data key; ret_wrapped (appended) is to be stored, by its id, before anything is sealed
 * under it. */
HIN_RESULT hin_vault_data_key_new(struct hin_vault *vault, struct hin_view tenant,
                                  enum hin_vault_reason reason, struct hin_vault_data_key *ret_key,
                                  struct hin_buf *ret_wrapped) HIN_NONNULL;
HIN_RESULT hin_vault_data_key_open(struct hin_vault *vault, struct hin_view tenant,
                                   enum hin_vault_reason reason,
                                   const uint8_t id[HIN_SEAL_KEY_ID_BYTES], struct hin_view wrapped,
                                   struct hin_secret *ret_key) HIN_NONNULL;
HIN_RESULT hin_vault_index_keys(struct hin_vault *vault, struct hin_view tenant,
                                enum hin_vault_reason reason,
                                struct hin_index_keys *ret_keys) HIN_NONNULL;
/* HIN_TLS_TICKET_KEY_BYTES, the same for all workers and over restarts within a day (UTC). */
HIN_RESULT hin_vault_ticket_key(struct hin_vault *vault, struct hin_secret *ret_key) HIN_NONNULL;

/* --- certificate authority: whole issuance here, the CA key never leaves --- */
/* Both end now + lifetime_usec (cut to the CA's own end) and begin an hour before now, for clocks
 * that lag. */
HIN_RESULT hin_vault_ca(struct hin_vault *vault, struct hin_buf *ret_der) HIN_NONNULL;
HIN_RESULT hin_vault_issue_agent(struct hin_vault *vault, struct hin_view tenant,
                                 struct hin_view agent, enum hin_vault_reason reason,
                                 struct hin_view request_der, int64_t lifetime_usec,
                                 struct hin_buf *ret_der) HIN_NONNULL;
/* names: comma-separated DNS names and addresses. */
HIN_RESULT hin_vault_issue_server(struct hin_vault *vault, struct hin_view names,
                                  struct hin_view request_der, int64_t lifetime_usec,
                                  struct hin_buf *ret_der) HIN_NONNULL;

#define HIN_VAULT_CA_LIFETIME_USEC (20 * 365 * HIN_DAY_USEC)
/* A new authority, in force at once: the former one signs that it hands over (hin_x509_ca_succeed),
 * then its key is gone. Its certificates count until it is retired. One file is replaced: cut off
 * anywhere, one authority or the other is in force. CONFLICT: a former one is not retired yet. */
HIN_RESULT hin_vault_ca_rotate(struct hin_vault *vault) HIN_NONNULL;
/* Certificates of the former authority count no more. NOT_FOUND: there is none. The caller makes
 * sure that nobody depends on it. */
HIN_RESULT hin_vault_ca_retire(struct hin_vault *vault) HIN_NONNULL;
/* Who serves is to take a new certificate. */
HIN_RESULT hin_vault_ca_renew(struct hin_vault *vault) HIN_NONNULL;
/* What servers go by, appended: u64 how often renewal was demanded since the start, u64 when the
 * authority took over (0: it is the first), the former authority (DER, nothing: there is none). */
#define HIN_VAULT_CA_STATE_BYTES 16
HIN_RESULT hin_vault_ca_state(struct hin_vault *vault, struct hin_buf *ret_state) HIN_NONNULL;

/* --- checkpoints: Ed25519 over "hinomi checkpoint v1\n" || statement, so that nothing else can be
 * had signed --- */
#define HIN_VAULT_CHECKPOINT_DOMAIN "hinomi checkpoint v1\n"
HIN_RESULT hin_vault_checkpoint_sign(struct hin_vault *vault, struct hin_view statement,
                                     uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;
/* The authority's statement that the present checkpoint key is this installation's (proof/key.h),
 * signature included, appended. It states nothing else, so it is no oracle for the CA key. */
HIN_RESULT hin_vault_checkpoint_certify(struct hin_vault *vault,
                                        struct hin_buf *ret_statement) HIN_NONNULL;
HIN_RESULT hin_vault_checkpoint_public(struct hin_vault *vault,
                                       uint8_t ret_public[HIN_SIGN_PUBLIC_BYTES]) HIN_NONNULL;
/* For anybody with the public key. AUTH. */
HIN_RESULT hin_vault_checkpoint_verify(struct hin_view public_key, struct hin_view statement,
                                       struct hin_view signature);

/* --- certificates of erasure (proof/certificate.h): Ed25519 by the same key under a domain of
 * their own. The statement begins with its kind, this installation and `tenant`, which is compared;
 * its rest is the caller's word. One about a tenant is signed only when the vault has no key of
 * that tenant any more (CONFLICT), one about a person only when it has one (NOT_FOUND). INVALID:
 * not such a statement; LIMIT. --- */
HIN_RESULT hin_vault_certificate_sign(struct hin_vault *vault, struct hin_view tenant,
                                      struct hin_view statement,
                                      uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;

/* --- evidence of probes (proof/evidence.h): the same key, under a domain of its own. The statement
 * begins with this installation, which is compared; its rest is the caller's word. INVALID: not
 * such a statement; LIMIT. --- */
HIN_RESULT hin_vault_evidence_sign(struct hin_vault *vault, struct hin_view statement,
                                   uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;
/* --- backups (vault_backup.c). Each has a key of its own, wrapped under a version of its own of
 * the provider's key "TENANT.backup"; the payload holds it wrapped, and sealed what of the vault
 * itself a restore needs. It lies with the backup: "HBK" 1, u32 version, 16 bytes id, wrapped key
 * (bytes), another wrapped key, what it seals. --- */
#define HIN_VAULT_BACKUP_MAX 60000 /* a payload is never longer */
/* A new version, or `spare`, where that is the newest: the caller knows that it wraps nothing (0:
 * none). LIMIT: the provider keeps no more of them (a file ring: 64), destroy backups. */
HIN_RESULT hin_vault_backup_new(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                                struct hin_vault_data_key *ret_key,
                                struct hin_buf *ret_payload) HIN_NONNULL;
/* NOT_FOUND: it is destroyed. */
HIN_RESULT hin_vault_backup_open(struct hin_vault *vault, struct hin_view tenant,
                                 struct hin_view payload,
                                 struct hin_vault_data_key *ret_key) HIN_NONNULL;
/* A new version for a backup that is written anew in the place of one that `payload` belongs to:
 * what of the vault it holds stays as it was then, so that a restore finds what it had found.
 * NOT_FOUND: the former is destroyed; LIMIT as above. */
HIN_RESULT hin_vault_backup_reseal(struct hin_vault *vault, struct hin_view tenant, uint32_t spare,
                                   struct hin_view payload, struct hin_vault_data_key *ret_key,
                                   struct hin_buf *ret_payload) HIN_NONNULL;
/* The index keys of that time: tokens in a backup that is written anew are made with them. The
 * caller frees. */
HIN_RESULT hin_vault_backup_index(struct hin_vault *vault, struct hin_view tenant,
                                  struct hin_view payload,
                                  struct hin_index_keys *ret_keys) HIN_NONNULL;
/* OK too when it was destroyed before. */
HIN_RESULT hin_vault_backup_destroy(struct hin_vault *vault, struct hin_view tenant,
                                    uint32_t version) HIN_NONNULL;
/* All of a tenant's. */
HIN_RESULT hin_vault_backup_shred(struct hin_vault *vault, struct hin_view tenant) HIN_NONNULL;
HIN_RESULT hin_vault_backup_status(struct hin_vault *vault, struct hin_view tenant,
                                   struct hin_key_provider_status *ret_status) HIN_NONNULL;
HIN_RESULT hin_vault_backup_version(struct hin_view payload, uint32_t *ret_version) HIN_NONNULL;

/* For who restores: with the provider alone, which is not asked to change anything. */
HIN_RESULT hin_vault_backup_unwrap(const struct hin_key_provider *provider, struct hin_view tenant,
                                   struct hin_view payload,
                                   struct hin_vault_data_key *ret_key) HIN_NONNULL;
/* A vault with the authority and the keys of the installation, out of a backup of its own tenant
 * (NOT_FOUND: of another), saved; then each tenant, with fresh tenant keys. source opens the
 * backup, options->provider is the new vault's: the same or another one. */
HIN_RESULT hin_vault_restore(struct hin_vault **ret_vault, const struct hin_vault_options *options,
                             const struct hin_key_provider *source, struct hin_view tenant,
                             struct hin_view payload) HIN_NONNULL;
HIN_RESULT hin_vault_restore_tenant(struct hin_vault *vault, const struct hin_key_provider *source,
                                    struct hin_view tenant,
                                    struct hin_view payload) HIN_NONNULL; /* EXISTS */
/* Whether a tenant that is there has the index key of a backup. CONFLICT: another. */
HIN_RESULT hin_vault_backup_fits(struct hin_vault *vault, const struct hin_key_provider *source,
                                 struct hin_view tenant, struct hin_view payload) HIN_NONNULL;
/* The same of a backup made here. */
HIN_RESULT hin_vault_backup_fits_here(struct hin_vault *vault, struct hin_view tenant,
                                      struct hin_view payload) HIN_NONNULL;

HIN_RESULT hin_vault_status(struct hin_vault *vault,
                            struct hin_key_provider_status *ret_status) HIN_NONNULL;

#endif
