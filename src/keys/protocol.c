#include "keys/protocol.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"

/* Which fields a verb's request and answer carry, in this order. */
enum field {
    F_REASON = 1 << 0,
    F_TENANT = 1 << 1,
    F_AGENT = 1 << 2,
    F_KEY_ID = 1 << 3,
    F_PAYLOAD = 1 << 4,
    F_NAMES = 1 << 5,
    F_LIFETIME = 1 << 6,
    F_SECRET = 1 << 7,
    F_STATUS = 1 << 8,
    F_KIND = 1 << 9,
    F_VERSION = 1 << 10,
    F_TENANT_STATUS = 1 << 11,
    F_CHECKS = 1 << 12,
};

#define PAYLOAD_MAX 60000
#define NAMES_MAX   4096
#define SECRET_MAX  HIN_SECRET_MAX
#define ANSWER_ROOM 2048 /* for all that is neither secret nor payload */

struct parts {
    uint8_t key_id[HIN_SEAL_KEY_ID_BYTES];
    struct hin_secret secret;
    struct hin_buf payload;
    struct hin_key_provider_status status;
    struct hin_vault_tenant_status tenant;
    struct hin_vault_check checks[HIN_VAULT_CHECK_COUNT];
};

typedef struct hin_result verb_handler(struct hin_vault *vault,
                                       const struct hin_keys_request *request, struct parts *parts);

static HIN_RESULT do_tenant_create(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    (void)parts;
    return hin_vault_tenant_create(vault, request->tenant);
}

static HIN_RESULT do_tenant_rotate(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    (void)parts;
    return hin_vault_tenant_rotate(vault, request->tenant);
}

static HIN_RESULT do_tenant_shred(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    (void)parts;
    return hin_vault_tenant_shred(vault, request->tenant);
}

static HIN_RESULT do_tenant_erase(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    return hin_vault_tenant_erase(vault, request->tenant, &parts->status);
}

static HIN_RESULT do_master_rotate(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    (void)request;
    (void)parts;
    return hin_vault_master_rotate(vault);
}

static HIN_RESULT do_data_key_new(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    struct hin_vault_data_key key;
    HIN_TRY(hin_vault_data_key_new(vault, request->tenant, request->reason, &key, &parts->payload));
    hin_copy(parts->key_id, key.id, sizeof(key.id));
    parts->secret = key.key;
    return hin_ok();
}

static HIN_RESULT do_data_key_open(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    return hin_vault_data_key_open(vault, request->tenant, request->reason, request->key_id.data,
                                   request->payload, &parts->secret);
}

static HIN_RESULT answer_index_keys(const struct hin_index_keys *keys, struct parts *parts)
{
    HIN_TRY(hin_secret_new(&parts->secret, keys->count * HIN_INDEX_KEY_BYTES));
    for (size_t i = 0; i < keys->count; i++) {
        HIN_ENSURE(keys->keys[i].size == HIN_INDEX_KEY_BYTES, CORRUPT);
        hin_copy(parts->secret.data + i * HIN_INDEX_KEY_BYTES, keys->keys[i].data,
                 HIN_INDEX_KEY_BYTES);
        HIN_TRY(hin_write_u32(&parts->payload, keys->versions[i]));
    }
    return hin_ok();
}

static HIN_RESULT do_index_key(struct hin_vault *vault, const struct hin_keys_request *request,
                               struct parts *parts)
{
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    HIN_TRY(hin_vault_index_keys(vault, request->tenant, request->reason, &keys));
    return answer_index_keys(&keys, parts);
}

static HIN_RESULT do_ticket_key(struct hin_vault *vault, const struct hin_keys_request *request,
                                struct parts *parts)
{
    (void)request;
    return hin_vault_ticket_key(vault, &parts->secret);
}

static HIN_RESULT do_ca(struct hin_vault *vault, const struct hin_keys_request *request,
                        struct parts *parts)
{
    (void)request;
    return hin_vault_ca(vault, &parts->payload);
}

static HIN_RESULT do_issue_agent(struct hin_vault *vault, const struct hin_keys_request *request,
                                 struct parts *parts)
{
    return hin_vault_issue_agent(vault, request->tenant, request->agent, request->reason,
                                 request->payload, request->lifetime_usec, &parts->payload);
}

static HIN_RESULT do_issue_server(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    return hin_vault_issue_server(vault, request->names, request->payload, request->lifetime_usec,
                                  &parts->payload);
}

static HIN_RESULT do_checkpoint_sign(struct hin_vault *vault,
                                     const struct hin_keys_request *request, struct parts *parts)
{
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_vault_checkpoint_sign(vault, request->payload, signature));
    return hin_buf_append(&parts->payload, hin_view_of(signature, sizeof(signature)));
}

static HIN_RESULT do_checkpoint_public(struct hin_vault *vault,
                                       const struct hin_keys_request *request, struct parts *parts)
{
    uint8_t key[HIN_SIGN_PUBLIC_BYTES];
    (void)request;
    HIN_TRY(hin_vault_checkpoint_public(vault, key));
    return hin_buf_append(&parts->payload, hin_view_of(key, sizeof(key)));
}

static HIN_RESULT do_checkpoint_certify(struct hin_vault *vault,
                                        const struct hin_keys_request *request, struct parts *parts)
{
    (void)request;
    return hin_vault_checkpoint_certify(vault, &parts->payload);
}

static HIN_RESULT do_certificate_sign(struct hin_vault *vault,
                                      const struct hin_keys_request *request, struct parts *parts)
{
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_vault_certificate_sign(vault, request->tenant, request->payload, signature));
    return hin_buf_append(&parts->payload, hin_view_of(signature, sizeof(signature)));
}

static HIN_RESULT do_evidence_sign(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    uint8_t signature[HIN_SIGN_BYTES];
    HIN_TRY(hin_vault_evidence_sign(vault, request->payload, signature));
    return hin_buf_append(&parts->payload, hin_view_of(signature, sizeof(signature)));
}

static HIN_RESULT do_status(struct hin_vault *vault, const struct hin_keys_request *request,
                            struct parts *parts)
{
    (void)request;
    return hin_vault_status(vault, &parts->status);
}

static HIN_RESULT do_wrapping_rotate(struct hin_vault *vault,
                                     const struct hin_keys_request *request, struct parts *parts)
{
    (void)parts;
    return hin_vault_wrapping_rotate(vault, request->tenant);
}

static HIN_RESULT do_vault_rewrap(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    (void)parts;
    return hin_vault_rewrap_all(vault, request->tenant);
}

static HIN_RESULT do_index_rotate(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    (void)parts;
    return hin_vault_index_rotate(vault, request->tenant);
}

static HIN_RESULT do_data_key_rewrap(struct hin_vault *vault,
                                     const struct hin_keys_request *request, struct parts *parts)
{
    return hin_vault_data_key_rewrap(vault, request->tenant, request->key_id.data, request->payload,
                                     &parts->payload);
}

static HIN_RESULT do_retire(struct hin_vault *vault, const struct hin_keys_request *request,
                            struct parts *parts)
{
    (void)parts;
    return hin_vault_retire(vault, request->tenant, request->kind, request->version);
}

static HIN_RESULT do_tenant_status(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    return hin_vault_tenant_status(vault, request->tenant, &parts->tenant);
}

static HIN_RESULT do_provider_test(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    return hin_vault_provider_test(vault, request->tenant, parts->checks);
}

static HIN_RESULT do_generation(struct hin_vault *vault, const struct hin_keys_request *request,
                                struct parts *parts)
{
    struct hin_vault_judgement judgement;
    HIN_TRY(hin_vault_generation(vault, request->tenant, request->payload, &judgement));
    return hin_vault_judgement_encode(&judgement, &parts->payload);
}

static HIN_RESULT do_refused(struct hin_vault *vault, const struct hin_keys_request *request,
                             struct parts *parts)
{
    (void)request;
    return hin_vault_refused(vault, &parts->payload);
}

static HIN_RESULT do_holders_set(struct hin_vault *vault, const struct hin_keys_request *request,
                                 struct parts *parts)
{
    struct hin_vault_holders holders;
    (void)parts;
    HIN_TRY(hin_vault_holders_decode(request->payload, &holders));
    return hin_vault_holders_set(vault, &holders);
}

static HIN_RESULT do_ca_rotate(struct hin_vault *vault, const struct hin_keys_request *request,
                               struct parts *parts)
{
    (void)request;
    (void)parts;
    return hin_vault_ca_rotate(vault);
}

static HIN_RESULT do_ca_retire(struct hin_vault *vault, const struct hin_keys_request *request,
                               struct parts *parts)
{
    (void)request;
    (void)parts;
    return hin_vault_ca_retire(vault);
}

static HIN_RESULT do_ca_renew(struct hin_vault *vault, const struct hin_keys_request *request,
                              struct parts *parts)
{
    (void)request;
    (void)parts;
    return hin_vault_ca_renew(vault);
}

static HIN_RESULT do_ca_state(struct hin_vault *vault, const struct hin_keys_request *request,
                              struct parts *parts)
{
    (void)request;
    return hin_vault_ca_state(vault, &parts->payload);
}

static HIN_RESULT do_backup_key_new(struct hin_vault *vault, const struct hin_keys_request *request,
                                    struct parts *parts)
{
    struct hin_vault_data_key key;
    HIN_TRY(hin_vault_backup_new(vault, request->tenant, request->version, &key, &parts->payload));
    hin_copy(parts->key_id, key.id, sizeof(key.id));
    parts->secret = key.key;
    return hin_ok();
}

static HIN_RESULT do_backup_key_open(struct hin_vault *vault,
                                     const struct hin_keys_request *request, struct parts *parts)
{
    struct hin_vault_data_key key = {0};
    HIN_TRY(hin_vault_backup_open(vault, request->tenant, request->payload, &key));
    hin_copy(parts->key_id, key.id, sizeof(key.id));
    parts->secret = key.key;
    return hin_ok();
}

static HIN_RESULT do_backup_key_destroy(struct hin_vault *vault,
                                        const struct hin_keys_request *request, struct parts *parts)
{
    (void)parts;
    return hin_vault_backup_destroy(vault, request->tenant, request->version);
}

static HIN_RESULT do_backup_key_status(struct hin_vault *vault,
                                       const struct hin_keys_request *request, struct parts *parts)
{
    return hin_vault_backup_status(vault, request->tenant, &parts->status);
}

static HIN_RESULT do_backup_key_reseal(struct hin_vault *vault,
                                       const struct hin_keys_request *request, struct parts *parts)
{
    struct hin_vault_data_key key;
    HIN_TRY(hin_vault_backup_reseal(vault, request->tenant, request->version, request->payload,
                                    &key, &parts->payload));
    hin_copy(parts->key_id, key.id, sizeof(key.id));
    parts->secret = key.key;
    return hin_ok();
}

static HIN_RESULT do_backup_index_key(struct hin_vault *vault,
                                      const struct hin_keys_request *request, struct parts *parts)
{
    HIN_CLEANUP(hin_index_keys_done) struct hin_index_keys keys = {0};
    HIN_TRY(hin_vault_backup_index(vault, request->tenant, request->payload, &keys));
    return answer_index_keys(&keys, parts);
}

static HIN_RESULT do_restore_consent(struct hin_vault *vault,
                                     const struct hin_keys_request *request, struct parts *parts)
{
    struct hin_vault_consent consent;
    HIN_TRY(hin_vault_consent_decode(request->payload, &consent));
    return hin_vault_restore_consent(vault, request->tenant, &consent, &parts->payload);
}

static HIN_RESULT do_restore_fits(struct hin_vault *vault, const struct hin_keys_request *request,
                                  struct parts *parts)
{
    (void)parts;
    return hin_vault_backup_fits_here(vault, request->tenant, request->payload);
}

static HIN_RESULT do_restore_grant(struct hin_vault *vault, const struct hin_keys_request *request,
                                   struct parts *parts)
{
    struct hin_vault_grant grant;
    (void)parts;
    HIN_TRY(hin_vault_grant_decode(request->payload, &grant));
    return hin_vault_restore_grant(vault, request->tenant, &grant);
}

struct verb {
    const char *name;
    unsigned request;
    unsigned answer;
    verb_handler *handle;
};

static const struct verb verbs[HIN_KEYS_VERB_COUNT] = {
    [HIN_KEYS_TENANT_CREATE] = {"tenant-create", F_TENANT, 0, do_tenant_create},
    [HIN_KEYS_TENANT_ROTATE] = {"tenant-rotate", F_TENANT, 0, do_tenant_rotate},
    [HIN_KEYS_TENANT_SHRED] = {"tenant-shred", F_TENANT, 0, do_tenant_shred},
    [HIN_KEYS_MASTER_ROTATE] = {"master-rotate", 0, 0, do_master_rotate},
    [HIN_KEYS_DATA_KEY_NEW] = {"data-key-new", F_REASON | F_TENANT, F_KEY_ID | F_PAYLOAD | F_SECRET,
                               do_data_key_new},
    [HIN_KEYS_DATA_KEY_OPEN] = {"data-key-open", F_REASON | F_TENANT | F_KEY_ID | F_PAYLOAD,
                                F_SECRET, do_data_key_open},
    [HIN_KEYS_INDEX_KEY] = {"index-key", F_REASON | F_TENANT, F_SECRET | F_PAYLOAD, do_index_key},
    [HIN_KEYS_INDEX_ROTATE] = {"index-rotate", F_TENANT, 0, do_index_rotate},
    [HIN_KEYS_TICKET_KEY] = {"ticket-key", 0, F_SECRET, do_ticket_key},
    [HIN_KEYS_CA] = {"ca", 0, F_PAYLOAD, do_ca},
    [HIN_KEYS_ISSUE_AGENT] = {"issue-agent", F_REASON | F_TENANT | F_AGENT | F_PAYLOAD | F_LIFETIME,
                              F_PAYLOAD, do_issue_agent},
    [HIN_KEYS_ISSUE_SERVER] = {"issue-server", F_PAYLOAD | F_NAMES | F_LIFETIME, F_PAYLOAD,
                               do_issue_server},
    [HIN_KEYS_CHECKPOINT_SIGN] = {"checkpoint-sign", F_PAYLOAD, F_PAYLOAD, do_checkpoint_sign},
    [HIN_KEYS_CHECKPOINT_PUBLIC] = {"checkpoint-public", 0, F_PAYLOAD, do_checkpoint_public},
    [HIN_KEYS_STATUS] = {"status", 0, F_STATUS, do_status},
    [HIN_KEYS_CHECKPOINT_CERTIFY] = {"checkpoint-certify", 0, F_PAYLOAD, do_checkpoint_certify},
    [HIN_KEYS_WRAPPING_ROTATE] = {"wrapping-rotate", F_TENANT, 0, do_wrapping_rotate},
    [HIN_KEYS_VAULT_REWRAP] = {"vault-rewrap", F_TENANT, 0, do_vault_rewrap},
    [HIN_KEYS_DATA_KEY_REWRAP] = {"data-key-rewrap", F_TENANT | F_KEY_ID | F_PAYLOAD, F_PAYLOAD,
                                  do_data_key_rewrap},
    [HIN_KEYS_RETIRE] = {"retire", F_TENANT | F_KIND | F_VERSION, 0, do_retire},
    [HIN_KEYS_TENANT_STATUS] = {"tenant-status", F_TENANT, F_TENANT_STATUS, do_tenant_status},
    [HIN_KEYS_PROVIDER_TEST] = {"provider-test", F_TENANT, F_CHECKS, do_provider_test},
    [HIN_KEYS_TENANT_ERASE] = {"tenant-erase", F_TENANT, F_STATUS, do_tenant_erase},
    [HIN_KEYS_CERTIFICATE_SIGN] = {"certificate-sign", F_TENANT | F_PAYLOAD, F_PAYLOAD,
                                   do_certificate_sign},
    [HIN_KEYS_CA_ROTATE] = {"ca-rotate", 0, 0, do_ca_rotate},
    [HIN_KEYS_CA_RETIRE] = {"ca-retire", 0, 0, do_ca_retire},
    [HIN_KEYS_CA_RENEW] = {"ca-renew", 0, 0, do_ca_renew},
    [HIN_KEYS_GENERATION] = {"generation", F_TENANT | F_PAYLOAD, F_PAYLOAD, do_generation},
    [HIN_KEYS_REFUSED] = {"refused", 0, F_PAYLOAD, do_refused},
    [HIN_KEYS_HOLDERS_SET] = {"holders-set", F_PAYLOAD, 0, do_holders_set},
    [HIN_KEYS_CA_STATE] = {"ca-state", 0, F_PAYLOAD, do_ca_state},
    [HIN_KEYS_EVIDENCE_SIGN] = {"evidence-sign", F_PAYLOAD, F_PAYLOAD, do_evidence_sign},
    [HIN_KEYS_BACKUP_KEY_NEW] = {"backup-key-new", F_TENANT | F_VERSION,
                                 F_KEY_ID | F_SECRET | F_PAYLOAD, do_backup_key_new},
    [HIN_KEYS_BACKUP_KEY_OPEN] = {"backup-key-open", F_TENANT | F_PAYLOAD, F_KEY_ID | F_SECRET,
                                  do_backup_key_open},
    [HIN_KEYS_BACKUP_KEY_DESTROY] = {"backup-key-destroy", F_TENANT | F_VERSION, 0,
                                     do_backup_key_destroy},
    [HIN_KEYS_BACKUP_KEY_STATUS] = {"backup-key-status", F_TENANT, F_STATUS, do_backup_key_status},
    [HIN_KEYS_BACKUP_KEY_RESEAL] = {"backup-key-reseal", F_TENANT | F_PAYLOAD | F_VERSION,
                                    F_KEY_ID | F_SECRET | F_PAYLOAD, do_backup_key_reseal},
    [HIN_KEYS_BACKUP_INDEX_KEY] = {"backup-index-key", F_TENANT | F_PAYLOAD, F_SECRET | F_PAYLOAD,
                                   do_backup_index_key},
    [HIN_KEYS_RESTORE_CONSENT] = {"restore-consent", F_TENANT | F_PAYLOAD, F_PAYLOAD,
                                  do_restore_consent},
    [HIN_KEYS_RESTORE_FITS] = {"restore-fits", F_TENANT | F_PAYLOAD, 0, do_restore_fits},
    [HIN_KEYS_RESTORE_GRANT] = {"restore-grant", F_TENANT | F_PAYLOAD, 0, do_restore_grant},
};

static const struct verb *find_verb(unsigned verb)
{
    return verb < HIN_KEYS_VERB_COUNT && verbs[verb].name != NULL ? &verbs[verb] : NULL;
}

const char *hin_keys_verb_name(enum hin_keys_verb verb)
{
    const struct verb *row = find_verb(verb);
    return row != NULL ? row->name : "unknown";
}

/* --- fields --- */

static HIN_RESULT write_field(struct hin_buf *buf, unsigned fields, enum field field,
                              struct hin_view bytes)
{
    return (fields & field) != 0 ? hin_write_bytes(buf, bytes) : hin_ok();
}

static HIN_RESULT read_field(struct hin_reader *reader, unsigned fields, enum field field,
                             size_t max, struct hin_view *ret_bytes)
{
    return (fields & field) != 0 ? hin_read_bytes(reader, max, ret_bytes) : hin_ok();
}

static HIN_RESULT read_key_id(struct hin_reader *reader, unsigned fields,
                              struct hin_view *ret_key_id)
{
    HIN_TRY(read_field(reader, fields, F_KEY_ID, HIN_SEAL_KEY_ID_BYTES, ret_key_id));
    HIN_ENSURE((fields & F_KEY_ID) == 0 || ret_key_id->size == HIN_SEAL_KEY_ID_BYTES, SYNTAX);
    return hin_ok();
}

struct hin_result hin_keys_request_encode(const struct hin_keys_request *request,
                                          struct hin_buf *ret_bytes)
{
    const struct verb *verb = find_verb(request->verb);
    HIN_ENSURE(verb != NULL, INVALID);
    unsigned fields = verb->request;
    HIN_TRY(hin_write_u16(ret_bytes, (uint16_t)request->verb));
    if ((fields & F_REASON) != 0) {
        HIN_TRY(hin_write_u16(ret_bytes, (uint16_t)request->reason));
    }
    HIN_TRY(write_field(ret_bytes, fields, F_TENANT, request->tenant));
    HIN_TRY(write_field(ret_bytes, fields, F_AGENT, request->agent));
    HIN_TRY(write_field(ret_bytes, fields, F_KEY_ID, request->key_id));
    HIN_TRY(write_field(ret_bytes, fields, F_PAYLOAD, request->payload));
    HIN_TRY(write_field(ret_bytes, fields, F_NAMES, request->names));
    if ((fields & F_LIFETIME) != 0) {
        HIN_TRY(hin_write_zigzag(ret_bytes, request->lifetime_usec));
    }
    if ((fields & F_KIND) != 0) {
        HIN_TRY(hin_write_u8(ret_bytes, (uint8_t)request->kind));
    }
    return (fields & F_VERSION) != 0 ? hin_write_u32(ret_bytes, request->version) : hin_ok();
}

static HIN_RESULT read_request(struct hin_view bytes, struct hin_keys_request *request)
{
    struct hin_reader reader = hin_reader_of(bytes);
    uint16_t number = 0, reason = 0;
    HIN_TRY(hin_read_u16(&reader, &number));
    const struct verb *verb = find_verb(number);
    HIN_ENSURE(verb != NULL, SYNTAX);
    unsigned fields = verb->request;
    request->verb = number;
    if ((fields & F_REASON) != 0) {
        HIN_TRY(hin_read_u16(&reader, &reason));
        HIN_ENSURE(reason > 0 && reason < HIN_VAULT_REASON_COUNT, SYNTAX);
        request->reason = reason;
    }
    HIN_TRY(read_field(&reader, fields, F_TENANT, HIN_X509_NAME_BYTES - 1, &request->tenant));
    HIN_TRY(read_field(&reader, fields, F_AGENT, HIN_X509_NAME_BYTES - 1, &request->agent));
    HIN_TRY(read_key_id(&reader, fields, &request->key_id));
    HIN_TRY(read_field(&reader, fields, F_PAYLOAD, PAYLOAD_MAX, &request->payload));
    HIN_TRY(read_field(&reader, fields, F_NAMES, NAMES_MAX, &request->names));
    if ((fields & F_LIFETIME) != 0) {
        HIN_TRY(hin_read_zigzag(&reader, &request->lifetime_usec));
    }
    if ((fields & F_KIND) != 0) {
        uint8_t kind = 0;
        HIN_TRY(hin_read_u8(&reader, &kind));
        HIN_ENSURE(kind > 0 && kind < HIN_VAULT_KIND_COUNT, SYNTAX);
        request->kind = kind;
    }
    if ((fields & F_VERSION) != 0) {
        HIN_TRY(hin_read_u32(&reader, &request->version));
    }
    return hin_read_end(&reader);
}

struct hin_result hin_keys_request_decode(struct hin_view bytes,
                                          struct hin_keys_request *ret_request)
{
    struct hin_keys_request request = {0};
    HIN_ENSURE(hin_is_ok(read_request(bytes, &request)), PROTOCOL);
    *ret_request = request;
    return hin_ok();
}

static HIN_RESULT write_status(struct hin_buf *buf, const struct hin_key_provider_status *status)
{
    HIN_TRY(hin_write_bytes(buf, hin_view_from_text(status->name)));
    HIN_TRY(hin_write_u32(buf, status->current_version));
    HIN_TRY(hin_write_u32(buf, status->version_count));
    HIN_TRY(hin_write_u8(buf, status->sealed));
    HIN_TRY(hin_write_u8(buf, status->exportable));
    HIN_TRY(hin_write_zigzag(buf, status->destruction_usec));
    return hin_write_bytes(buf, hin_view_from_text(status->advice));
}

static HIN_RESULT read_flag(struct hin_reader *reader, bool *ret_flag)
{
    uint8_t flag = 0;
    HIN_TRY(hin_read_u8(reader, &flag));
    HIN_ENSURE(flag <= 1, SYNTAX);
    *ret_flag = flag == 1;
    return hin_ok();
}

static HIN_RESULT read_status(struct hin_reader *reader, struct hin_key_provider_status *status)
{
    struct hin_view name, advice;
    HIN_TRY(hin_read_bytes(reader, sizeof(status->name) - 1, &name));
    HIN_TRY(hin_read_u32(reader, &status->current_version));
    HIN_TRY(hin_read_u32(reader, &status->version_count));
    HIN_TRY(read_flag(reader, &status->sealed));
    HIN_TRY(read_flag(reader, &status->exportable));
    HIN_TRY(hin_read_zigzag(reader, &status->destruction_usec));
    HIN_TRY(hin_read_bytes(reader, sizeof(status->advice) - 1, &advice));
    HIN_TRY(hin_view_to_text(name, status->name, sizeof(status->name)));
    return hin_view_to_text(advice, status->advice, sizeof(status->advice));
}

static HIN_RESULT write_tenant_status(struct hin_buf *buf,
                                      const struct hin_vault_tenant_status *status)
{
    HIN_TRY(write_status(buf, &status->master));
    HIN_TRY(write_status(buf, &status->wrapping));
    HIN_TRY(hin_write_zigzag(buf, status->master_rotated_usec));
    HIN_TRY(hin_write_zigzag(buf, status->wrapping_rotated_usec));
    HIN_TRY(hin_write_zigzag(buf, status->tenant_rotated_usec));
    HIN_TRY(hin_write_zigzag(buf, status->index_rotated_usec));
    HIN_TRY(hin_write_varint(buf, status->index_version_count));
    for (size_t i = 0; i < status->index_version_count; i++) {
        HIN_TRY(hin_write_u32(buf, status->index_versions[i]));
        HIN_TRY(hin_write_u32(buf, status->index_under[i]));
    }
    HIN_TRY(hin_write_varint(buf, status->tenant_version_count));
    for (size_t i = 0; i < status->tenant_version_count; i++) {
        HIN_TRY(hin_write_u32(buf, status->tenant_versions[i]));
    }
    return hin_ok();
}

static HIN_RESULT read_index_status(struct hin_reader *reader,
                                    struct hin_vault_tenant_status *status)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_zigzag(reader, &status->index_rotated_usec));
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_INDEX_VERSIONS_MAX, SYNTAX);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_u32(reader, &status->index_versions[i]));
        HIN_TRY(hin_read_u32(reader, &status->index_under[i]));
    }
    status->index_version_count = (size_t)count;
    return hin_ok();
}

static HIN_RESULT read_tenant_status(struct hin_reader *reader,
                                     struct hin_vault_tenant_status *status)
{
    uint64_t count = 0;
    HIN_TRY(read_status(reader, &status->master));
    HIN_TRY(read_status(reader, &status->wrapping));
    HIN_TRY(hin_read_zigzag(reader, &status->master_rotated_usec));
    HIN_TRY(hin_read_zigzag(reader, &status->wrapping_rotated_usec));
    HIN_TRY(hin_read_zigzag(reader, &status->tenant_rotated_usec));
    HIN_TRY(read_index_status(reader, status));
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_VAULT_VERSIONS_MAX, SYNTAX);
    for (uint64_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_u32(reader, &status->tenant_versions[i]));
    }
    status->tenant_version_count = (size_t)count;
    return hin_ok();
}

static HIN_RESULT write_checks(struct hin_buf *buf, const struct hin_vault_check *checks)
{
    for (size_t i = 0; i < HIN_VAULT_CHECK_COUNT; i++) {
        HIN_TRY(hin_write_u8(buf, checks[i].passed));
        HIN_TRY(hin_write_u32(buf, checks[i].usec));
    }
    return hin_ok();
}

static HIN_RESULT read_checks(struct hin_reader *reader, struct hin_vault_check *checks)
{
    for (size_t i = 0; i < HIN_VAULT_CHECK_COUNT; i++) {
        HIN_TRY(read_flag(reader, &checks[i].passed));
        HIN_TRY(hin_read_u32(reader, &checks[i].usec));
    }
    return hin_ok();
}

struct hin_result hin_keys_answer_encode(const struct hin_keys_answer *answer,
                                         struct hin_buf *ret_bytes)
{
    const struct verb *verb = find_verb(answer->verb);
    HIN_ENSURE(verb != NULL, INVALID);
    HIN_TRY(hin_write_u16(ret_bytes, (uint16_t)answer->verb));
    HIN_TRY(hin_write_u16(ret_bytes, (uint16_t)answer->outcome));
    if (answer->outcome != HIN_OK) {
        return hin_ok();
    }
    HIN_TRY(write_field(ret_bytes, verb->answer, F_KEY_ID, answer->key_id));
    HIN_TRY(write_field(ret_bytes, verb->answer, F_SECRET, answer->secret));
    HIN_TRY(write_field(ret_bytes, verb->answer, F_PAYLOAD, answer->payload));
    if ((verb->answer & F_STATUS) != 0) {
        HIN_TRY(write_status(ret_bytes, &answer->status));
    }
    if ((verb->answer & F_TENANT_STATUS) != 0) {
        HIN_TRY(write_tenant_status(ret_bytes, &answer->tenant));
    }
    return (verb->answer & F_CHECKS) != 0 ? write_checks(ret_bytes, answer->checks) : hin_ok();
}

static HIN_RESULT read_answer(struct hin_view bytes, struct hin_keys_answer *answer)
{
    struct hin_reader reader = hin_reader_of(bytes);
    uint16_t number = 0, outcome = 0;
    HIN_TRY(hin_read_u16(&reader, &number));
    HIN_TRY(hin_read_u16(&reader, &outcome));
    const struct verb *verb = find_verb(number);
    HIN_ENSURE(verb != NULL && outcome < HIN_CODE_COUNT, SYNTAX);
    answer->verb = number;
    answer->outcome = outcome;
    if (outcome == HIN_OK) {
        HIN_TRY(read_key_id(&reader, verb->answer, &answer->key_id));
        HIN_TRY(read_field(&reader, verb->answer, F_SECRET, SECRET_MAX, &answer->secret));
        HIN_TRY(read_field(&reader, verb->answer, F_PAYLOAD, PAYLOAD_MAX, &answer->payload));
        if ((verb->answer & F_STATUS) != 0) {
            HIN_TRY(read_status(&reader, &answer->status));
        }
        if ((verb->answer & F_TENANT_STATUS) != 0) {
            HIN_TRY(read_tenant_status(&reader, &answer->tenant));
        }
        if ((verb->answer & F_CHECKS) != 0) {
            HIN_TRY(read_checks(&reader, answer->checks));
        }
    }
    return hin_read_end(&reader);
}

struct hin_result hin_keys_answer_decode(struct hin_view bytes, struct hin_keys_answer *ret_answer)
{
    struct hin_keys_answer answer = {0};
    HIN_ENSURE(hin_is_ok(read_answer(bytes, &answer)), PROTOCOL);
    *ret_answer = answer;
    return hin_ok();
}

/* --- serving --- */

static void parts_done(struct parts *parts)
{
    hin_secret_done(&parts->secret);
    hin_buf_done(&parts->payload);
}

struct hin_result hin_keys_serve(struct hin_vault *vault, uint64_t allowed_mask,
                                 struct hin_view request, struct hin_buf *ret_answer)
{
    struct hin_keys_request asked;
    HIN_CLEANUP(parts_done) struct parts parts = {.payload = {.max = PAYLOAD_MAX}};
    HIN_TRY(hin_keys_request_decode(request, &asked));
    struct hin_result result = hin_fail(HIN_DENIED);
    if ((allowed_mask & HIN_KEYS_MASK(asked.verb)) != 0) {
        result = verbs[asked.verb].handle(vault, &asked, &parts);
    }
    struct hin_keys_answer answer = {
        .verb = asked.verb,
        .outcome = result.code,
        .key_id = hin_view_of(parts.key_id, sizeof(parts.key_id)),
        .secret = hin_secret_view(&parts.secret),
        .payload = hin_buf_view(&parts.payload),
        .status = parts.status,
        .tenant = parts.tenant,
    };
    hin_copy(answer.checks, parts.checks, sizeof(answer.checks));
    /* Room first, so that key material is never left behind by a buffer that moves. */
    HIN_TRY(hin_buf_reserve(ret_answer, answer.secret.size + answer.payload.size + ANSWER_ROOM));
    return hin_keys_answer_encode(&answer, ret_answer);
}
