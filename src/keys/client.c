#include "keys/client.h"

#include "base/bytes.h"
#include "base/codec.h"

/* --- carriers --- */

static HIN_RESULT call_local(void *context, struct hin_view request, struct hin_buf *ret_answer)
{
    struct hin_keys_local *local = context;
    return hin_keys_serve(local->vault, local->allowed_mask, request, ret_answer);
}

struct hin_keys_carrier hin_keys_carrier_local(struct hin_keys_local *local)
{
    return (struct hin_keys_carrier){call_local, local};
}

static HIN_RESULT call_remote(void *context, struct hin_view request, struct hin_buf *ret_answer)
{
    struct hin_keys_remote *remote = context;
    struct hin_ipc_message reply;
    HIN_TRY(hin_ipc_call(remote->channel, remote->type, request, remote->timeout_usec, &reply));
    HIN_ENSURE(reply.code == HIN_OK, PROTOCOL);
    return hin_buf_append(ret_answer, reply.payload);
}

struct hin_keys_carrier hin_keys_carrier_remote(struct hin_keys_remote *remote)
{
    return (struct hin_keys_carrier){call_remote, remote};
}

struct hin_result hin_keys_serve_message(struct hin_vault *vault, uint64_t allowed_mask,
                                         struct hin_ipc *channel,
                                         const struct hin_ipc_message *message)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf answer = {.max = HIN_KEYS_MESSAGE_MAX};
    HIN_TRY(hin_keys_serve(vault, allowed_mask, message->payload, &answer));
    return hin_ipc_reply(channel, message, HIN_OK, hin_buf_view(&answer));
}

/* --- calls --- */

void hin_keys_bytes_done(struct hin_buf *bytes)
{
    hin_wipe(bytes->data, bytes->capacity);
    hin_buf_done(bytes);
}

struct hin_result hin_keys_call(const struct hin_keys_carrier *carrier,
                                const struct hin_keys_request *request, struct hin_buf *ret_bytes,
                                struct hin_keys_answer *ret_answer)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    HIN_TRY(hin_keys_request_encode(request, &bytes));
    HIN_TRY(carrier->call(carrier->context, hin_buf_view(&bytes), ret_bytes));
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_answer_decode(hin_buf_view(ret_bytes), &answer));
    HIN_ENSURE(answer.verb == request->verb, PROTOCOL);
    if (answer.outcome != HIN_OK) {
        return hin_fail(answer.outcome);
    }
    *ret_answer = answer;
    return hin_ok();
}

struct hin_result hin_keys_data_key_new(const struct hin_keys_carrier *carrier,
                                        struct hin_view tenant, enum hin_vault_reason reason,
                                        struct hin_vault_data_key *ret_key,
                                        struct hin_buf *ret_wrapped)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {
        .verb = HIN_KEYS_DATA_KEY_NEW, .reason = reason, .tenant = tenant};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    HIN_ENSURE(answer.secret.size == HIN_SEAL_KEY_BYTES, PROTOCOL);
    HIN_TRY(hin_buf_append(ret_wrapped, answer.payload));
    HIN_TRY(hin_secret_from(&ret_key->key, answer.secret));
    hin_copy(ret_key->id, answer.key_id.data, sizeof(ret_key->id));
    return hin_ok();
}

/* A call whose answer is one secret. */
static HIN_RESULT call_for_secret(const struct hin_keys_carrier *carrier,
                                  const struct hin_keys_request *request, size_t size,
                                  struct hin_secret *ret_key)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, request, &bytes, &answer));
    HIN_ENSURE(answer.secret.size == size, PROTOCOL);
    return hin_secret_from(ret_key, answer.secret);
}

struct hin_result hin_keys_data_key_open(const struct hin_keys_carrier *carrier,
                                         struct hin_view tenant, enum hin_vault_reason reason,
                                         const uint8_t id[HIN_SEAL_KEY_ID_BYTES],
                                         struct hin_view wrapped, struct hin_secret *ret_key)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_DATA_KEY_OPEN,
                                       .reason = reason,
                                       .tenant = tenant,
                                       .key_id = hin_view_of(id, HIN_SEAL_KEY_ID_BYTES),
                                       .payload = wrapped};
    return call_for_secret(carrier, &request, HIN_SEAL_KEY_BYTES, ret_key);
}

static HIN_RESULT call_for_index_keys(const struct hin_keys_carrier *carrier,
                                      const struct hin_keys_request *request,
                                      struct hin_index_keys *ret_keys)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, request, &bytes, &answer));
    size_t count = answer.payload.size / 4;
    HIN_ENSURE(count > 0 && count <= HIN_INDEX_VERSIONS_MAX && answer.payload.size == 4 * count &&
                   answer.secret.size == count * HIN_INDEX_KEY_BYTES,
               PROTOCOL);
    for (; keys.count < count; keys.count++) {
        keys.versions[keys.count] = hin_load_u32(answer.payload.data + 4 * keys.count);
        HIN_TRY(hin_secret_from(
            &keys.keys[keys.count],
            hin_view_sub(answer.secret, keys.count * HIN_INDEX_KEY_BYTES, HIN_INDEX_KEY_BYTES)));
    }
    *ret_keys = keys;
    keys = (struct hin_index_keys){0};
    return hin_ok();
}

struct hin_result hin_keys_index_keys(const struct hin_keys_carrier *carrier,
                                      struct hin_view tenant, enum hin_vault_reason reason,
                                      struct hin_index_keys *ret_keys)
{
    struct hin_keys_request request = {
        .verb = HIN_KEYS_INDEX_KEY, .reason = reason, .tenant = tenant};
    return call_for_index_keys(carrier, &request, ret_keys);
}

struct hin_result hin_keys_ticket_key(const struct hin_keys_carrier *carrier,
                                      struct hin_secret *ret_key)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_TICKET_KEY};
    return call_for_secret(carrier, &request, HIN_TLS_TICKET_KEY_BYTES, ret_key);
}

/* A call whose answer is bytes without a secret. */
static HIN_RESULT call_for_payload(const struct hin_keys_carrier *carrier,
                                   const struct hin_keys_request *request,
                                   struct hin_buf *ret_payload)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, request, &bytes, &answer));
    return hin_buf_append(ret_payload, answer.payload);
}

static HIN_RESULT call_for_exact(const struct hin_keys_carrier *carrier,
                                 const struct hin_keys_request *request, size_t size, uint8_t *to)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = HIN_KEYS_MESSAGE_MAX};
    HIN_TRY(call_for_payload(carrier, request, &payload));
    HIN_ENSURE(payload.size == size, PROTOCOL);
    hin_copy(to, payload.data, size);
    return hin_ok();
}

struct hin_result hin_keys_ca(const struct hin_keys_carrier *carrier, struct hin_buf *ret_der)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_CA};
    return call_for_payload(carrier, &request, ret_der);
}

struct hin_result hin_keys_ca_state(const struct hin_keys_carrier *carrier,
                                    struct hin_buf *ret_state)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_CA_STATE};
    return call_for_payload(carrier, &request, ret_state);
}

struct hin_result hin_keys_generation(const struct hin_keys_carrier *carrier,
                                      struct hin_view tenant, struct hin_view token,
                                      struct hin_vault_judgement *ret_judgement)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {
        .verb = HIN_KEYS_GENERATION, .tenant = tenant, .payload = token};
    HIN_TRY(call_for_payload(carrier, &request, &bytes));
    HIN_ENSURE(hin_is_ok(hin_vault_judgement_decode(hin_buf_view(&bytes), ret_judgement)),
               PROTOCOL);
    return hin_ok();
}

struct hin_result hin_keys_refused(const struct hin_keys_carrier *carrier,
                                   HIN_RESULT (*visit)(void *context, struct hin_view tenant,
                                                       const struct hin_vault_judgement *judgement),
                                   void *context)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_REFUSED};
    uint64_t count = 0;
    HIN_TRY(call_for_payload(carrier, &request, &bytes));
    struct hin_reader reader = hin_reader_of(hin_buf_view(&bytes));
    HIN_TRY(hin_read_varint(&reader, &count));
    for (uint64_t i = 0; i < count; i++) {
        struct hin_vault_judgement judgement;
        struct hin_view tenant, part;
        HIN_TRY(hin_read_bytes(&reader, HIN_RESTORE_NAME_BYTES - 1, &tenant));
        HIN_TRY(hin_read_bytes(&reader, bytes.size, &part));
        HIN_TRY(hin_vault_judgement_decode(part, &judgement));
        HIN_TRY(visit(context, tenant, &judgement));
    }
    return hin_read_end(&reader);
}

struct hin_result hin_keys_holders_set(const struct hin_keys_carrier *carrier,
                                       const struct hin_vault_holders *holders)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = 4096};
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf answer_bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_answer answer;
    HIN_TRY(hin_vault_holders_encode(holders, &bytes));
    struct hin_keys_request request = {.verb = HIN_KEYS_HOLDERS_SET,
                                       .payload = hin_buf_view(&bytes)};
    return hin_keys_call(carrier, &request, &answer_bytes, &answer);
}

struct hin_result hin_keys_issue_agent(const struct hin_keys_carrier *carrier,
                                       struct hin_view tenant, struct hin_view agent,
                                       enum hin_vault_reason reason, struct hin_view request_der,
                                       int64_t lifetime_usec, struct hin_buf *ret_der)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_ISSUE_AGENT,
                                       .reason = reason,
                                       .tenant = tenant,
                                       .agent = agent,
                                       .payload = request_der,
                                       .lifetime_usec = lifetime_usec};
    return call_for_payload(carrier, &request, ret_der);
}

struct hin_result hin_keys_issue_server(const struct hin_keys_carrier *carrier,
                                        struct hin_view names, struct hin_view request_der,
                                        int64_t lifetime_usec, struct hin_buf *ret_der)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_ISSUE_SERVER,
                                       .names = names,
                                       .payload = request_der,
                                       .lifetime_usec = lifetime_usec};
    return call_for_payload(carrier, &request, ret_der);
}

struct hin_result hin_keys_checkpoint_sign(const struct hin_keys_carrier *carrier,
                                           struct hin_view statement,
                                           uint8_t ret_signature[HIN_SIGN_BYTES])
{
    struct hin_keys_request request = {.verb = HIN_KEYS_CHECKPOINT_SIGN, .payload = statement};
    return call_for_exact(carrier, &request, HIN_SIGN_BYTES, ret_signature);
}

struct hin_result hin_keys_checkpoint_public(const struct hin_keys_carrier *carrier,
                                             uint8_t ret_public[HIN_SIGN_PUBLIC_BYTES])
{
    struct hin_keys_request request = {.verb = HIN_KEYS_CHECKPOINT_PUBLIC};
    return call_for_exact(carrier, &request, HIN_SIGN_PUBLIC_BYTES, ret_public);
}

struct hin_result hin_keys_checkpoint_certify(const struct hin_keys_carrier *carrier,
                                              struct hin_buf *ret_statement)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_CHECKPOINT_CERTIFY};
    return call_for_payload(carrier, &request, ret_statement);
}

struct hin_result hin_keys_tenant_erase(const struct hin_keys_carrier *carrier,
                                        struct hin_view tenant,
                                        struct hin_key_provider_status *ret_status)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_TENANT_ERASE, .tenant = tenant};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    *ret_status = answer.status;
    return hin_ok();
}

struct hin_result hin_keys_certificate_sign(const struct hin_keys_carrier *carrier,
                                            struct hin_view tenant, struct hin_view statement,
                                            uint8_t ret_signature[HIN_SIGN_BYTES])
{
    struct hin_keys_request request = {
        .verb = HIN_KEYS_CERTIFICATE_SIGN, .tenant = tenant, .payload = statement};
    return call_for_exact(carrier, &request, HIN_SIGN_BYTES, ret_signature);
}

struct hin_result hin_keys_evidence_sign(const struct hin_keys_carrier *carrier,
                                         struct hin_view statement,
                                         uint8_t ret_signature[HIN_SIGN_BYTES])
{
    struct hin_keys_request request = {.verb = HIN_KEYS_EVIDENCE_SIGN, .payload = statement};
    return call_for_exact(carrier, &request, HIN_SIGN_BYTES, ret_signature);
}

struct hin_result hin_keys_admin(const struct hin_keys_carrier *carrier, enum hin_keys_verb verb,
                                 struct hin_view tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = verb, .tenant = tenant};
    struct hin_keys_answer answer;
    HIN_ENSURE((verb >= HIN_KEYS_TENANT_CREATE && verb <= HIN_KEYS_MASTER_ROTATE) ||
                   verb == HIN_KEYS_WRAPPING_ROTATE || verb == HIN_KEYS_VAULT_REWRAP ||
                   verb == HIN_KEYS_INDEX_ROTATE ||
                   (verb >= HIN_KEYS_CA_ROTATE && verb <= HIN_KEYS_CA_RENEW),
               INVALID);
    return hin_keys_call(carrier, &request, &bytes, &answer);
}

struct hin_result hin_keys_status(const struct hin_keys_carrier *carrier,
                                  struct hin_key_provider_status *ret_status)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_STATUS};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    *ret_status = answer.status;
    return hin_ok();
}

struct hin_result hin_keys_data_key_rewrap(const struct hin_keys_carrier *carrier,
                                           struct hin_view tenant,
                                           const uint8_t id[HIN_SEAL_KEY_ID_BYTES],
                                           struct hin_view wrapped, struct hin_buf *ret_wrapped)
{
    struct hin_keys_request request = {.verb = HIN_KEYS_DATA_KEY_REWRAP,
                                       .tenant = tenant,
                                       .key_id = hin_view_of(id, HIN_SEAL_KEY_ID_BYTES),
                                       .payload = wrapped};
    return call_for_payload(carrier, &request, ret_wrapped);
}

struct hin_result hin_keys_retire(const struct hin_keys_carrier *carrier, struct hin_view tenant,
                                  enum hin_vault_kind kind, uint32_t version)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {
        .verb = HIN_KEYS_RETIRE, .tenant = tenant, .kind = kind, .version = version};
    struct hin_keys_answer answer;
    return hin_keys_call(carrier, &request, &bytes, &answer);
}

struct hin_result hin_keys_tenant_status(const struct hin_keys_carrier *carrier,
                                         struct hin_view tenant,
                                         struct hin_vault_tenant_status *ret_status)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_TENANT_STATUS, .tenant = tenant};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    *ret_status = answer.tenant;
    return hin_ok();
}

struct hin_result hin_keys_provider_test(const struct hin_keys_carrier *carrier,
                                         struct hin_view tenant,
                                         struct hin_vault_check ret_checks[HIN_VAULT_CHECK_COUNT])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_PROVIDER_TEST, .tenant = tenant};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    hin_copy(ret_checks, answer.checks, sizeof(answer.checks));
    return hin_ok();
}

/* --- backups --- */

static HIN_RESULT call_for_backup_key(const struct hin_keys_carrier *carrier,
                                      const struct hin_keys_request *request,
                                      struct hin_vault_data_key *ret_key,
                                      struct hin_buf *ret_payload)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, request, &bytes, &answer));
    HIN_ENSURE(answer.secret.size == HIN_SEAL_KEY_BYTES, PROTOCOL);
    if (ret_payload != NULL) {
        HIN_TRY(hin_buf_append(ret_payload, answer.payload));
    }
    HIN_TRY(hin_secret_from(&ret_key->key, answer.secret));
    hin_copy(ret_key->id, answer.key_id.data, sizeof(ret_key->id));
    return hin_ok();
}

struct hin_result hin_keys_backup_key_new(const struct hin_keys_carrier *carrier,
                                          struct hin_view tenant, uint32_t spare,
                                          struct hin_vault_data_key *ret_key,
                                          struct hin_buf *ret_payload)
{
    struct hin_keys_request request = {
        .verb = HIN_KEYS_BACKUP_KEY_NEW, .tenant = tenant, .version = spare};
    return call_for_backup_key(carrier, &request, ret_key, ret_payload);
}

struct hin_result hin_keys_backup_key_open(const struct hin_keys_carrier *carrier,
                                           struct hin_view tenant, struct hin_view payload,
                                           struct hin_vault_data_key *ret_key)
{
    struct hin_keys_request request = {
        .verb = HIN_KEYS_BACKUP_KEY_OPEN, .tenant = tenant, .payload = payload};
    return call_for_backup_key(carrier, &request, ret_key, NULL);
}

struct hin_result hin_keys_backup_key_reseal(const struct hin_keys_carrier *carrier,
                                             struct hin_view tenant, uint32_t spare,
                                             struct hin_view payload,
                                             struct hin_vault_data_key *ret_key,
                                             struct hin_buf *ret_payload)
{
    struct hin_keys_request request = {
        .verb = HIN_KEYS_BACKUP_KEY_RESEAL, .tenant = tenant, .version = spare, .payload = payload};
    return call_for_backup_key(carrier, &request, ret_key, ret_payload);
}

struct hin_result hin_keys_backup_index(const struct hin_keys_carrier *carrier,
                                        struct hin_view tenant, struct hin_view payload,
                                        struct hin_index_keys *ret_keys)
{
    struct hin_keys_request request = {
        .verb = HIN_KEYS_BACKUP_INDEX_KEY, .tenant = tenant, .payload = payload};
    return call_for_index_keys(carrier, &request, ret_keys);
}

struct hin_result hin_keys_backup_key_destroy(const struct hin_keys_carrier *carrier,
                                              struct hin_view tenant, uint32_t version)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {
        .verb = HIN_KEYS_BACKUP_KEY_DESTROY, .tenant = tenant, .version = version};
    struct hin_keys_answer answer;
    return hin_keys_call(carrier, &request, &bytes, &answer);
}

struct hin_result hin_keys_backup_key_status(const struct hin_keys_carrier *carrier,
                                             struct hin_view tenant,
                                             struct hin_key_provider_status *ret_status)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = HIN_KEYS_BACKUP_KEY_STATUS, .tenant = tenant};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    *ret_status = answer.status;
    return hin_ok();
}

/* --- restores while the manager runs --- */

static HIN_RESULT call_with_payload(const struct hin_keys_carrier *carrier, enum hin_keys_verb verb,
                                    struct hin_view tenant, struct hin_view payload,
                                    struct hin_buf *ret_payload)
{
    HIN_CLEANUP(hin_keys_bytes_done) struct hin_buf bytes = {.max = HIN_KEYS_MESSAGE_MAX};
    struct hin_keys_request request = {.verb = verb, .tenant = tenant, .payload = payload};
    struct hin_keys_answer answer;
    HIN_TRY(hin_keys_call(carrier, &request, &bytes, &answer));
    return ret_payload != NULL ? hin_buf_append(ret_payload, answer.payload) : hin_ok();
}

struct hin_result hin_keys_restore_consent(const struct hin_keys_carrier *carrier,
                                           struct hin_view tenant,
                                           const struct hin_vault_consent *given,
                                           struct hin_buf *ret_ticket)
{
    uint8_t payload[2 * HIN_SHA256_BYTES];
    hin_copy(payload, given->holder, HIN_SHA256_BYTES);
    hin_copy(payload + HIN_SHA256_BYTES, given->subject, HIN_SHA256_BYTES);
    return call_with_payload(carrier, HIN_KEYS_RESTORE_CONSENT, tenant,
                             hin_view_of(payload, sizeof(payload)), ret_ticket);
}

struct hin_result hin_keys_restore_fits(const struct hin_keys_carrier *carrier,
                                        struct hin_view tenant, struct hin_view payload)
{
    return call_with_payload(carrier, HIN_KEYS_RESTORE_FITS, tenant, payload, NULL);
}

struct hin_result hin_keys_restore_grant(const struct hin_keys_carrier *carrier,
                                         struct hin_view tenant,
                                         const struct hin_vault_grant *grant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 1024};
    HIN_TRY(hin_vault_grant_encode(grant, &payload));
    return call_with_payload(carrier, HIN_KEYS_RESTORE_GRANT, tenant, hin_buf_view(&payload), NULL);
}
