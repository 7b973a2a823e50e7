/* Enrolment and renewal: a certificate for who brings a token or was approved. */
#include "manager/worker/ingest/internal.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "crypt/uuid.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "keys/client.h"
#include "manager/credential.h"
#include "manager/worker/api/changes.h"
#include "manager/worker/api/document.h"
#include "manager/worker/api/tables.h"
#include "store/audit.h"

/* ---- identifiers ---- */

void hin_ingest_uuid_text(const uint8_t id[HIN_WIRE_ID_BYTES], char out[37])
{
    char hex[33];
    hin_hex(id, HIN_WIRE_ID_BYTES, hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

HIN_RESULT hin_ingest_uuid_parse(const char *text, uint8_t ret_id[HIN_WIRE_ID_BYTES])
{
    char hex[33];
    size_t size = 0;
    HIN_ENSURE(strlen(text) == 36, SYNTAX);
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        HIN_ENSURE(dash == (text[i] == '-'), SYNTAX);
        if (!dash) {
            hex[size++] = text[i];
        }
    }
    return hin_unhex(hin_view_of(hex, 32), ret_id, HIN_WIRE_ID_BYTES);
}

static HIN_RESULT find_computer(struct hin_ingest *ingest, size_t slot, struct hin_view name,
                                struct hin_json_document **ret_document, int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(
        hin_store_find(ingest->tenant->store, HIN_STORE_COMPUTERS, slot, name, &text, &document));
    HIN_TRY(hin_json_parse(document.bytes, text.max, ret_document, NULL));
    *ret_id = document.id;
    return hin_ok();
}

HIN_RESULT hin_ingest_load_computer(struct hin_ingest *ingest, struct hin_view uuid,
                                    struct hin_json_document **ret_document, int64_t *ret_id)
{
    return find_computer(ingest, 0, uuid, ret_document, ret_id);
}

/* ---- certificates ---- */

static HIN_RESULT issue(struct session *session, enum hin_vault_reason reason, struct hin_view csr,
                        int64_t computer, struct hin_buf *certificate)
{
    struct hin_tenant *tenant = session->ingest->tenant;
    struct hin_x509_info info;
    struct hin_store_certificate row = {.agent = computer};
    tenant->key_use_count++;
    HIN_TRY(hin_keys_issue_agent(&tenant->keys, hin_tenant_view(tenant),
                                 hin_view_from_text(session->agent), reason, csr,
                                 AGENT_LIFETIME_USEC, certificate));
    HIN_TRY(hin_x509_parse(hin_buf_view(certificate), &info));
    /* Of an authority that took over a moment ago and that this worker does not serve under yet:
     * the agent would not know it. It asks again. */
    HIN_ENSURE(strcmp(info.authority, session->ingest->worker->authority.key) == 0, AGAIN);
    hin_copy(session->authority, info.authority, sizeof(session->authority));
    session->certificate_end_usec = info.validity.not_after_usec;
    row.serial_bytes = strlen(info.serial) / 2;
    HIN_ENSURE(row.serial_bytes <= sizeof(row.serial), INTERNAL);
    HIN_TRY(hin_unhex(hin_view_from_text(info.serial), row.serial, row.serial_bytes));
    row.not_after_usec = info.validity.not_after_usec;
    return hin_store_certificate_put(tenant->store, &row);
}

static HIN_RESULT write_audit(struct session *session, const char *action, int64_t computer,
                              const char *detail, struct hin_view changes)
{
    char peer[64];
    char actor[64];
    hin_address_format_host(hin_stream_peer(session->stream), peer, sizeof(peer));
    snprintf(actor, sizeof(actor), "agent %s", session->agent);
    struct hin_audit audit = {
        .action = action,
        .outcome = "done",
        .actor = hin_view_from_text(actor),
        .peer = hin_view_from_text(peer),
        .kind = "computers",
        .object = computer,
        .detail = hin_view_from_text(detail),
        .changes = changes,
    };
    return hin_audit_write(session->ingest->tenant, &audit);
}

/* ---- enrolment ---- */

struct enrolment {
    const struct hin_wire_enrol *said;
    char key_digest[HIN_SHA256_HEX_BYTES];
    int64_t computer; /* 0: not known yet */
    int64_t token;    /* 0: came without one */
    int64_t policy;
    bool issue;
    bool held;  /* waits for an administrator, which no token replaces */
    bool heard; /* has spoken under this identity: a certificate has arrived */
    struct hin_buf certificate;
};

struct token_use {
    int64_t now_msec;
    int64_t policy;
};

/* REVOKED: used up; EXPIRED. */
static struct hin_result use_token(void *context, const struct hin_store_document *document,
                                   struct hin_buf *bytes, struct hin_store_content *content,
                                   bool *keep_names)
{
    struct token_use *use = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_api_patches patches = {0};
    int64_t uses = 0;
    int64_t used = 0;
    int64_t expires_msec = 0;
    *keep_names = true;
    content->expires_usec = document->expires_usec;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json token = hin_json_root(parsed);
    HIN_TRY(hin_json_opt_integer(token, "uses", 0, INT64_MAX, &uses, NULL));
    HIN_TRY(hin_json_opt_integer(token, "used", 0, INT64_MAX, &used, NULL));
    HIN_TRY(hin_json_opt_integer(token, "expiryDate", 0, INT64_MAX, &expires_msec, NULL));
    HIN_TRY(hin_json_opt_integer(token, "policyID", 0, INT64_MAX, &use->policy, NULL));
    HIN_ENSURE(expires_msec == 0 || use->now_msec < expires_msec, EXPIRED);
    HIN_ENSURE(uses == 0 || used < uses, REVOKED);
    HIN_TRY(hin_api_patch_int(&patches, "used", used + 1));
    return hin_api_merge(&hin_api_enrolment_token, token, (struct hin_json){0}, &patches, bytes);
}

static HIN_RESULT take_token(struct session *session, struct enrolment *enrolment)
{
    struct hin_store *store = session->ingest->tenant->store;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    char digest[HIN_SHA256_HEX_BYTES];
    int64_t now_usec = hin_clock_wall_usec(session->ingest->worker->clock);
    struct token_use use = {.now_msec = now_usec / HIN_MSEC_USEC};
    struct hin_store_change change = {use_token, &use};
    HIN_ENSURE(
        hin_is_ok(hin_credential_digest(HIN_TOKEN_ENROLMENT, enrolment->said->token, digest)),
        AUTH);
    struct hin_result found = hin_store_find(store, HIN_STORE_ENROLMENT_TOKENS, 0,
                                             hin_view_from_text(digest), &text, &document);
    HIN_ENSURE(found.code != HIN_NOT_FOUND, AUTH);
    HIN_TRY(found);
    HIN_TRY(hin_store_modify(store, HIN_STORE_ENROLMENT_TOKENS, document.id, &change, now_usec));
    enrolment->token = document.id;
    enrolment->policy = use.policy;
    return hin_ok();
}

static struct hin_result count_waiting(void *context, const struct hin_store_document *document)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_view state = HIN_VIEW_EMPTY;
    size_t *count = context;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "enrolment", &state, NULL));
    *count += hin_view_is(state, "pending");
    return hin_ok();
}

/* Who asks without a token need not show anything: LIMIT when too many wait already. */
static HIN_RESULT take_waiting_room(struct hin_ingest *ingest)
{
    int64_t now_usec = hin_clock_monotonic_usec(ingest->worker->clock);
    if (ingest->pending_counted_usec == 0 ||
        now_usec - ingest->pending_counted_usec > PENDING_COUNT_USEC) {
        struct hin_store_page all = {0};
        struct hin_store_listed listed;
        size_t count = 0;
        HIN_TRY(hin_store_list(ingest->tenant->store, HIN_STORE_COMPUTERS, &all, count_waiting,
                               &count, &listed));
        ingest->pending_count = count;
        ingest->pending_counted_usec = now_usec;
    }
    HIN_ENSURE(ingest->pending_count < PENDING_COMPUTERS_MAX, LIMIT);
    ingest->pending_count++;
    return hin_ok();
}

static HIN_RESULT create_computer(struct session *session, struct enrolment *enrolment)
{
    struct hin_tenant *tenant = session->ingest->tenant;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536};
    struct hin_api_patches patches = {0};
    struct hin_store_content content = {
        .names = {hin_view_from_text(session->agent), hin_view_from_text(enrolment->key_digest)},
    };
    if (enrolment->policy == 0) {
        HIN_TRY(hin_policy_default(tenant, &enrolment->policy));
    }
    HIN_TRY(hin_api_patch_text(&patches, "hostName", enrolment->said->host_name));
    HIN_TRY(hin_api_patch_text(&patches, "displayName", enrolment->said->host_name));
    HIN_TRY(hin_api_patch_text(&patches, "platform", enrolment->said->os_name));
    HIN_TRY(hin_api_patch_text(&patches, "agentVersion", enrolment->said->agent_version));
    HIN_TRY(hin_api_patch_text(&patches, "hostGUID", hin_view_from_text(session->agent)));
    HIN_TRY(hin_api_patch_int(&patches, "policyID", enrolment->policy));
    HIN_TRY(hin_api_patch_text(&patches, "enrolment",
                               enrolment->issue ? HIN_VIEW("approved") : HIN_VIEW("pending")));
    HIN_TRY(hin_api_patch_text(&patches, "enrolmentKeyDigest",
                               hin_view_from_text(enrolment->key_digest)));
    HIN_TRY(hin_api_merge(&hin_api_computer, (struct hin_json){0}, (struct hin_json){0}, &patches,
                          &text));
    content.bytes = hin_buf_view(&text);
    HIN_TRY(hin_store_create(tenant->store, HIN_STORE_COMPUTERS, &content,
                             hin_tenant_now_usec(tenant), &enrolment->computer));
    HIN_CLEANUP(hin_buf_done) struct hin_buf changes = {.max = HIN_STORE_AUDIT_MAX_BYTES};
    HIN_TRY(hin_changes_write_stored(&hin_api_computer, HIN_VIEW_EMPTY, content.bytes, &changes));
    return write_audit(session, "computer.enrol", enrolment->computer,
                       enrolment->issue ? "by token" : "waits for approval",
                       hin_buf_view(&changes));
}

/* Has an agent ever said hello as this computer? */
static HIN_RESULT was_heard(struct session *session, int64_t computer, bool *ret_heard)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf blob = {.max = 1 << 20};
    struct hin_store_agent agent = {0};
    struct hin_result found =
        hin_store_agent_get(session->ingest->tenant->store, computer, &blob, &agent);
    if (!hin_is_ok(found) && found.code != HIN_NOT_FOUND) {
        return found;
    }
    *ret_heard = agent.last_seen_usec > 0 || agent.session_counter > 0;
    return hin_ok();
}

/* The same request again asks after the same computer. DENIED: it was revoked. */
static HIN_RESULT find_earlier(struct session *session, struct enrolment *enrolment)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view state = HIN_VIEW_EMPTY;
    struct hin_view uuid = HIN_VIEW_EMPTY;
    HIN_TRY(find_computer(session->ingest, 1, hin_view_from_text(enrolment->key_digest), &document,
                          &enrolment->computer));
    HIN_TRY(hin_json_opt_text(hin_json_root(document), "enrolment", &state, NULL));
    HIN_TRY(hin_json_get_text(hin_json_root(document), "hostGUID", &uuid, NULL));
    HIN_ENSURE(!hin_view_is(state, "revoked"), DENIED);
    HIN_TRY(hin_view_to_text(uuid, session->agent, sizeof(session->agent)));
    enrolment->issue = hin_view_is(state, "approved");
    enrolment->held = hin_view_is(state, "held");
    return was_heard(session, enrolment->computer, &enrolment->heard);
}

/* An approval is good until the agent has its certificate and has spoken; from then on there is
 * `renew`. Else the key of the first request would open this identity for ever, when long replaced.
 */
static HIN_RESULT admit(struct session *session, struct enrolment *enrolment)
{
    struct hin_result earlier = find_earlier(session, enrolment);
    if (!hin_is_ok(earlier) && earlier.code != HIN_NOT_FOUND) {
        return earlier;
    }
    bool has_token = enrolment->said->token.size > 0;
    HIN_ENSURE(!enrolment->heard || enrolment->held || has_token, DENIED);
    if (has_token && !enrolment->held && (enrolment->heard || !enrolment->issue)) {
        HIN_TRY(take_token(session, enrolment));
        enrolment->issue = true;
    }
    if (earlier.code == HIN_NOT_FOUND) {
        if (!enrolment->issue) {
            HIN_TRY(take_waiting_room(session->ingest));
        }
        HIN_TRY(hin_uuid_new(session->agent));
        HIN_TRY(create_computer(session, enrolment));
    } else if (enrolment->token != 0) {
        HIN_TRY(hin_ingest_approve(session, enrolment->computer));
    }
    if (enrolment->issue) {
        HIN_TRY(issue(session, HIN_VAULT_FOR_ENROL, enrolment->said->csr, enrolment->computer,
                      &enrolment->certificate));
        HIN_TRY(write_audit(session, "certificate.issue", enrolment->computer, "enrolment",
                            HIN_VIEW_EMPTY));
    }
    return hin_ingest_uuid_parse(session->agent, session->agent_id);
}

static struct hin_result approve_pending(void *context, const struct hin_store_document *document,
                                         struct hin_buf *bytes, struct hin_store_content *content,
                                         bool *keep_names)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *stored = NULL;
    struct hin_api_patches patches = {0};
    (void)content;
    *keep_names = true;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &stored, NULL));
    HIN_TRY(hin_api_patch_text(&patches, "enrolment", HIN_VIEW("approved")));
    HIN_TRY(hin_api_merge(&hin_api_computer, hin_json_root(stored), (struct hin_json){0}, &patches,
                          bytes));
    return hin_changes_write_stored(&hin_api_computer, document->bytes, hin_buf_view(bytes),
                                    context);
}

HIN_RESULT hin_ingest_approve(struct session *session, int64_t computer)
{
    struct hin_tenant *tenant = session->ingest->tenant;
    HIN_CLEANUP(hin_buf_done) struct hin_buf changes = {.max = HIN_STORE_AUDIT_MAX_BYTES};
    struct hin_store_change change = {approve_pending, &changes};
    HIN_TRY(hin_store_modify(tenant->store, HIN_STORE_COMPUTERS, computer, &change,
                             hin_tenant_now_usec(tenant)));
    return write_audit(session, "computer.approve", computer, "by token", hin_buf_view(&changes));
}

static HIN_RESULT answer(struct session *session, struct enrolment *enrolment)
{
    struct hin_ingest *ingest = session->ingest;
    struct hin_wire_message message = {.type = HIN_WIRE_ENROLLED,
                                       .enrolled = {.status = HIN_WIRE_PENDING}};
    struct hin_wire_enrolled *enrolled = &message.enrolled;
    hin_copy(enrolled->agent_id, session->agent_id, sizeof(enrolled->agent_id));
    if (enrolment->issue) {
        enrolled->status = HIN_WIRE_ISSUED;
        hin_copy(enrolled->tenant_id, ingest->tenant_id, sizeof(enrolled->tenant_id));
        enrolled->certificates[0] = hin_buf_view(&enrolment->certificate);
        enrolled->certificates[1] = hin_buf_view(&ingest->gate->ca);
        enrolled->certificate_count = 2;
        enrolled->policy_key = hin_buf_view(&ingest->gate->policy_key);
    } else {
        enrolled->retry_sec = PENDING_RETRY_SEC;
    }
    HIN_TRY(hin_ingest_send(session, &message));
    hin_stream_close(session->stream);
    return hin_ok();
}

static void refuse(struct session *session, struct hin_result result)
{
    static const struct {
        enum hin_code code;
        uint16_t reason;
        const char *detail;
    } reasons[] = {
        {HIN_AUTH, HIN_WIRE_REFUSE_TOKEN, "unknown token"},
        {HIN_EXPIRED, HIN_WIRE_REFUSE_TOKEN, "expired token"},
        {HIN_REVOKED, HIN_WIRE_REFUSE_TOKEN, "token is used up"},
        {HIN_DENIED, HIN_WIRE_REFUSE_DENIED, "the computer is revoked, or has its certificate"},
        {HIN_LIMIT, HIN_WIRE_REFUSE_BUSY, "too many computers wait for approval"},
        {HIN_SYNTAX, HIN_WIRE_REFUSE_REQUEST, "malformed request"},
        {HIN_UNSUPPORTED, HIN_WIRE_REFUSE_REQUEST, "key type"},
    };
    for (size_t i = 0; i < HIN_COUNT(reasons); i++) {
        if (reasons[i].code == result.code) {
            hin_ingest_refuse_later(session, reasons[i].reason, reasons[i].detail);
            return;
        }
    }
    hin_log_result(HIN_LOG_ERROR, result, "enrolment");
    hin_ingest_refuse(session, HIN_WIRE_REFUSE_BUSY, hin_code_text(result.code));
}

/* The tenant that the token names; without a token, the installation's own. AUTH: there is none. */
static HIN_RESULT find_tenant(struct session *session, struct hin_view token)
{
    struct hin_desk *desk = NULL;
    uint64_t number = 0;
    if (token.size == 0) {
        return hin_ok();
    }
    HIN_ENSURE(hin_is_ok(hin_token_tenant(HIN_TOKEN_ENROLMENT, token, &number)), AUTH);
    struct hin_result found = hin_desk_find(session->ingest->worker, number, &desk);
    HIN_ENSURE(found.code != HIN_NOT_FOUND && found.code != HIN_REVOKED, AUTH);
    HIN_TRY(found);
    hin_ingest_move(session, desk->ingest);
    return hin_ok();
}

void hin_ingest_enrol(struct session *session, const struct hin_wire_enrol *enrol)
{
    struct hin_worker *worker = session->ingest->worker;
    struct enrolment enrolment = {.said = enrol, .certificate = {.max = HIN_X509_MAX_BYTES}};
    uint8_t key_id[HIN_SHA256_BYTES];
    if (!hin_is_ok(hin_wire_negotiate(HIN_WIRE_VERSION_OLDEST, HIN_WIRE_VERSION,
                                      enrol->version_oldest, enrol->version_newest,
                                      &session->wire.version))) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_VERSION, NULL);
        return;
    }
    struct hin_result result = hin_x509_request_check(enrol->csr, key_id);
    if (!hin_is_ok(result)) {
        hin_ingest_refuse_later(session, HIN_WIRE_REFUSE_REQUEST, hin_code_text(result.code));
        return;
    }
    result = find_tenant(session, enrol->token);
    if (!hin_is_ok(result)) {
        refuse(session, result);
        return;
    }
    hin_hex(key_id, sizeof(key_id), enrolment.key_digest);
    result = hin_store_begin(session->ingest->tenant->store);
    if (hin_is_ok(result)) {
        result = admit(session, &enrolment);
        struct hin_result ended = hin_store_end(session->ingest->tenant->store, hin_is_ok(result));
        result = hin_is_ok(result) ? ended : result;
    }
    if (hin_is_ok(result)) {
        worker->counters.enrolments += enrolment.issue;
        result = answer(session, &enrolment);
    }
    if (!hin_is_ok(result)) {
        refuse(session, result);
    } else if (enrolment.computer != 0) {
        hin_desk_changed(session->ingest->desk, HIN_STORE_COMPUTERS, enrolment.computer);
    }
    hin_buf_done(&enrolment.certificate);
}

/* ---- renewal ---- */

static HIN_RESULT renew(struct session *session, struct hin_view csr, struct hin_buf *certificate)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view state = HIN_VIEW_EMPTY;
    int64_t computer = 0;
    HIN_TRY(hin_x509_request_check(csr, NULL));
    struct hin_result found = hin_ingest_load_computer(
        session->ingest, hin_view_from_text(session->agent), &document, &computer);
    HIN_ENSURE(found.code != HIN_NOT_FOUND, DENIED);
    HIN_TRY(found);
    HIN_TRY(hin_json_opt_text(hin_json_root(document), "enrolment", &state, NULL));
    HIN_ENSURE(hin_view_is(state, "approved") && computer == session->computer, DENIED);
    HIN_TRY(issue(session, HIN_VAULT_FOR_RENEW, csr, computer, certificate));
    return write_audit(session, "certificate.renew", computer, "", HIN_VIEW_EMPTY);
}

void hin_ingest_renew(struct session *session, const struct hin_wire_renew *said)
{
    struct hin_worker *worker = session->ingest->worker;
    HIN_CLEANUP(hin_buf_done) struct hin_buf certificate = {.max = HIN_X509_MAX_BYTES};
    bool lapsed = session->wire.state == HIN_WIRE_STATE_RENEWING;
    struct hin_result result = hin_store_begin(session->ingest->tenant->store);
    if (hin_is_ok(result)) {
        result = renew(session, said->csr, &certificate);
        struct hin_result ended = hin_store_end(session->ingest->tenant->store, hin_is_ok(result));
        result = hin_is_ok(result) ? ended : result;
    }
    if (!hin_is_ok(result)) {
        uint16_t reason = result.code == HIN_DENIED  ? HIN_WIRE_REFUSE_REVOKED
                          : result.code == HIN_AGAIN ? HIN_WIRE_REFUSE_BUSY
                                                     : HIN_WIRE_REFUSE_REQUEST;
        hin_ingest_refuse(session, reason, hin_code_text(result.code));
        return;
    }
    struct hin_wire_message message = {
        .type = HIN_WIRE_RENEWED,
        .renewed = {.certificates = {hin_buf_view(&certificate),
                                     hin_buf_view(&session->ingest->gate->ca)},
                    .certificate_count = 2},
    };
    worker->counters.renewals++;
    hin_ingest_note_facts(session);
    HIN_IGNORE(hin_ingest_send(session, &message)); /* an agent that is gone asks again */
    if (lapsed) {
        hin_stream_close(session->stream);
    }
}
