/* The worker's side of the key service: the verbs as calls over any synchronous carrier (an ipc
 * channel, or in a test the vault itself). What it keeps of the keys, and for how long:
 * hin_opener_expire. */
#ifndef HIN_KEYS_CLIENT_H
#define HIN_KEYS_CLIENT_H

#include "base/buf.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/view.h"
#include "ipc/channel.h"
#include "keys/protocol.h"

/* Sends one request and appends its answer. */
struct hin_keys_carrier {
    HIN_RESULT (*call)(void *context, struct hin_view request, struct hin_buf *ret_answer);
    void *context;
};
/* A carrier that calls a vault in this process: tests, and tools that hold the ring themselves
 * (init). */
struct hin_keys_local {
    struct hin_vault *vault;
    uint64_t allowed_mask;
};
struct hin_keys_carrier hin_keys_carrier_local(struct hin_keys_local *local) HIN_NONNULL;

/* A carrier over a channel to the `keys` process: synchronous calls of one message type. */
struct hin_keys_remote {
    struct hin_ipc *channel;
    uint16_t type;
    int64_t timeout_usec;
};
struct hin_keys_carrier hin_keys_carrier_remote(struct hin_keys_remote *remote) HIN_NONNULL;
/* The other end, from a permit row's handler: serves one request and replies. */
HIN_RESULT hin_keys_serve_message(struct hin_vault *vault, uint64_t allowed_mask,
                                  struct hin_ipc *channel,
                                  const struct hin_ipc_message *message) HIN_NONNULL;

/* One call: encodes `request`, carries it, decodes. *ret_bytes (initialised by the caller, max at
 * least HIN_KEYS_MESSAGE_MAX) holds what the answer's views point into: wipe it with
 * hin_keys_bytes_done. A failed outcome comes back as this function's result; an answer to another
 * verb is PROTOCOL. */
HIN_RESULT hin_keys_call(const struct hin_keys_carrier *carrier,
                         const struct hin_keys_request *request, struct hin_buf *ret_bytes,
                         struct hin_keys_answer *ret_answer) HIN_NONNULL;
void hin_keys_bytes_done(struct hin_buf *bytes); /* wipes, then frees; for HIN_CLEANUP */

/* The verbs one by one; see vault.h for what each does. Secrets are the caller's to free. */
HIN_RESULT hin_keys_data_key_new(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                 enum hin_vault_reason reason, struct hin_vault_data_key *ret_key,
                                 struct hin_buf *ret_wrapped) HIN_NONNULL;
HIN_RESULT hin_keys_data_key_open(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                  enum hin_vault_reason reason,
                                  const uint8_t id[HIN_SEAL_KEY_ID_BYTES], struct hin_view wrapped,
                                  struct hin_secret *ret_key) HIN_NONNULL;
/* All versions, newest first. */
HIN_RESULT hin_keys_index_keys(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                               enum hin_vault_reason reason,
                               struct hin_index_keys *ret_keys) HIN_NONNULL;
HIN_RESULT hin_keys_ticket_key(const struct hin_keys_carrier *carrier,
                               struct hin_secret *ret_key) HIN_NONNULL;
HIN_RESULT hin_keys_ca(const struct hin_keys_carrier *carrier, struct hin_buf *ret_der) HIN_NONNULL;
HIN_RESULT hin_keys_ca_state(const struct hin_keys_carrier *carrier,
                             struct hin_buf *ret_state) HIN_NONNULL;
/* See hin_vault_generation, _refused, _holders_set. */
HIN_RESULT hin_keys_generation(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                               struct hin_view token,
                               struct hin_vault_judgement *ret_judgement) HIN_NONNULL;
HIN_RESULT hin_keys_refused(const struct hin_keys_carrier *carrier,
                            HIN_RESULT (*visit)(void *context, struct hin_view tenant,
                                                const struct hin_vault_judgement *judgement),
                            void *context);
HIN_RESULT hin_keys_holders_set(const struct hin_keys_carrier *carrier,
                                const struct hin_vault_holders *holders) HIN_NONNULL;
HIN_RESULT hin_keys_issue_agent(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                struct hin_view agent, enum hin_vault_reason reason,
                                struct hin_view request_der, int64_t lifetime_usec,
                                struct hin_buf *ret_der) HIN_NONNULL;
HIN_RESULT hin_keys_issue_server(const struct hin_keys_carrier *carrier, struct hin_view names,
                                 struct hin_view request_der, int64_t lifetime_usec,
                                 struct hin_buf *ret_der) HIN_NONNULL;
HIN_RESULT hin_keys_checkpoint_sign(const struct hin_keys_carrier *carrier,
                                    struct hin_view statement,
                                    uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;
HIN_RESULT hin_keys_checkpoint_public(const struct hin_keys_carrier *carrier,
                                      uint8_t ret_public[HIN_SIGN_PUBLIC_BYTES]) HIN_NONNULL;
HIN_RESULT hin_keys_checkpoint_certify(const struct hin_keys_carrier *carrier,
                                       struct hin_buf *ret_statement) HIN_NONNULL;
HIN_RESULT hin_keys_tenant_erase(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                 struct hin_key_provider_status *ret_status) HIN_NONNULL;
HIN_RESULT hin_keys_certificate_sign(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                     struct hin_view statement,
                                     uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;
HIN_RESULT hin_keys_evidence_sign(const struct hin_keys_carrier *carrier, struct hin_view statement,
                                  uint8_t ret_signature[HIN_SIGN_BYTES]) HIN_NONNULL;
/* tenant-create, -rotate, -shred, master-rotate (tenant empty), wrapping-rotate, index-rotate,
 * vault-rewrap, ca-rotate, ca-retire, ca-renew. */
HIN_RESULT hin_keys_admin(const struct hin_keys_carrier *carrier, enum hin_keys_verb verb,
                          struct hin_view tenant) HIN_NONNULL;
HIN_RESULT hin_keys_status(const struct hin_keys_carrier *carrier,
                           struct hin_key_provider_status *ret_status) HIN_NONNULL;
HIN_RESULT hin_keys_data_key_rewrap(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                    const uint8_t id[HIN_SEAL_KEY_ID_BYTES],
                                    struct hin_view wrapped,
                                    struct hin_buf *ret_wrapped) HIN_NONNULL;
HIN_RESULT hin_keys_retire(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                           enum hin_vault_kind kind, uint32_t version) HIN_NONNULL;
HIN_RESULT hin_keys_tenant_status(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                  struct hin_vault_tenant_status *ret_status) HIN_NONNULL;
HIN_RESULT hin_keys_backup_key_new(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                   uint32_t spare, struct hin_vault_data_key *ret_key,
                                   struct hin_buf *ret_payload) HIN_NONNULL;
HIN_RESULT hin_keys_backup_key_open(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                    struct hin_view payload,
                                    struct hin_vault_data_key *ret_key) HIN_NONNULL;
HIN_RESULT hin_keys_backup_key_reseal(const struct hin_keys_carrier *carrier,
                                      struct hin_view tenant, uint32_t spare,
                                      struct hin_view payload, struct hin_vault_data_key *ret_key,
                                      struct hin_buf *ret_payload) HIN_NONNULL;
HIN_RESULT hin_keys_backup_index(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                 struct hin_view payload,
                                 struct hin_index_keys *ret_keys) HIN_NONNULL;
HIN_RESULT hin_keys_backup_key_destroy(const struct hin_keys_carrier *carrier,
                                       struct hin_view tenant, uint32_t version) HIN_NONNULL;
HIN_RESULT hin_keys_backup_key_status(const struct hin_keys_carrier *carrier,
                                      struct hin_view tenant,
                                      struct hin_key_provider_status *ret_status) HIN_NONNULL;
/* See hin_vault_restore_consent, _backup_fits_here, _restore_grant. */
HIN_RESULT hin_keys_restore_consent(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                    const struct hin_vault_consent *given,
                                    struct hin_buf *ret_ticket) HIN_NONNULL;
HIN_RESULT hin_keys_restore_fits(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                 struct hin_view payload) HIN_NONNULL;
HIN_RESULT hin_keys_restore_grant(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                  const struct hin_vault_grant *grant) HIN_NONNULL;
HIN_RESULT
hin_keys_provider_test(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                       struct hin_vault_check ret_checks[HIN_VAULT_CHECK_COUNT]) HIN_NONNULL;

#endif
