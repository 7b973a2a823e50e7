/* Policies to agents: a change reaches every open session within seconds, a few sessions a turn. */
#include "manager/worker/ingest/internal.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "data/json.h"
#include "keys/client.h"
#include "keys/vault.h"

enum { SESSIONS_PER_TURN = 32, CACHE_MAX = 64, GATHER_MAX = 256 << 20 };
#define SETTLE_USEC (200 * HIN_MSEC_USEC) /* changes that come together are told together */
#define TURN_USEC   (5 * HIN_MSEC_USEC)

_Static_assert(sizeof(HIN_POLICY_SIGNING_DOMAIN) == sizeof(HIN_VAULT_CHECKPOINT_DOMAIN),
               "the keys process signs with the domain that agents verify with");

/* ---- content ---- */

static HIN_RESULT encode(struct hin_ingest *ingest, int64_t policy,
                         const struct hin_policy_module *computer, struct cached_policy *made)
{
    struct hin_arena arena;
    struct hin_policy_content content;
    hin_arena_init(&arena, GATHER_MAX);
    struct hin_result result =
        hin_policy_gather(ingest->tenant, policy, computer, &arena, &content);
    if (result.code == HIN_NOT_FOUND) { /* no policy: nothing is watched */
        content = (struct hin_policy_content){0};
        result = hin_ok();
    }
    if (hin_is_ok(result)) {
        result = hin_policy_content_encode(&content, &made->content);
    }
    hin_arena_done(&arena);
    HIN_TRY(result);
    return hin_policy_content_digest(hin_buf_view(&made->content), made->digest);
}

static HIN_RESULT make_policy(struct hin_ingest *ingest, int64_t policy,
                              const struct hin_policy_module *computer,
                              struct cached_policy **ret_made)
{
    struct cached_policy *made = calloc(1, sizeof(*made));
    HIN_ENSURE(made != NULL, NO_MEMORY);
    made->policy = policy;
    hin_buf_init(&made->content, HIN_POLICY_BUNDLE_MAX_BYTES);
    struct hin_result result = encode(ingest, policy, computer, made);
    if (!hin_is_ok(result)) {
        hin_buf_done(&made->content);
        free(made);
        return result;
    }
    *ret_made = made;
    return hin_ok();
}

static void free_policy(struct cached_policy *policy)
{
    hin_buf_done(&policy->content);
    free(policy);
}

void hin_ingest_policies_forget(struct hin_ingest *ingest)
{
    while (ingest->policies != NULL) {
        struct cached_policy *next = ingest->policies->next;
        free_policy(ingest->policies);
        ingest->policies = next;
    }
}

static HIN_RESULT cached(struct hin_ingest *ingest, int64_t policy,
                         struct cached_policy **ret_policy)
{
    size_t count = 0;
    for (struct cached_policy *at = ingest->policies; at != NULL; at = at->next) {
        if (at->policy == policy) {
            *ret_policy = at;
            return hin_ok();
        }
        count++;
    }
    if (count >= CACHE_MAX) {
        hin_ingest_policies_forget(ingest);
    }
    HIN_TRY(make_policy(ingest, policy, NULL, ret_policy));
    (*ret_policy)->next = ingest->policies;
    ingest->policies = *ret_policy;
    return hin_ok();
}

/* ---- bundle ---- */

static HIN_RESULT sign(struct session *session, int64_t policy, const uint8_t *digest,
                       struct hin_buf *manifest, uint8_t signature[HIN_POLICY_SIGNATURE_BYTES])
{
    struct hin_ingest *ingest = session->ingest;
    struct hin_tenant *tenant = ingest->tenant;
    struct hin_policy_manifest head = {
        .version = ingest->revision,
        .policy = (uint64_t)policy,
        .issued_usec = hin_tenant_now_usec(tenant),
    };
    hin_copy(head.tenant, ingest->tenant_id, sizeof(head.tenant));
    hin_copy(head.agent, session->agent_id, sizeof(head.agent));
    hin_copy(head.content_digest, digest, sizeof(head.content_digest));
    HIN_TRY(hin_policy_manifest_encode(&head, manifest));
    tenant->key_use_count++;
    return hin_keys_checkpoint_sign(&tenant->keys, hin_buf_view(manifest), signature);
}

static HIN_RESULT send_chunks(struct session *session, struct hin_view bundle)
{
    struct hin_wire_message message = {
        .type = HIN_WIRE_POLICY,
        .policy = {.serial = session->ingest->revision, .total_bytes = (uint32_t)bundle.size},
    };
    HIN_TRY(hin_sha256(bundle, message.policy.digest));
    for (size_t at = 0; at < bundle.size; at += message.policy.chunk.size) {
        message.policy.offset = (uint32_t)at;
        message.policy.chunk = hin_view_sub(bundle, at, HIN_WIRE_POLICY_CHUNK_MAX_BYTES);
        HIN_TRY(hin_ingest_send(session, &message));
    }
    return hin_ok();
}

static HIN_RESULT send_policy(struct session *session, int64_t policy,
                              const struct cached_policy *made)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf manifest = {.max = 4096};
    HIN_CLEANUP(hin_buf_done) struct hin_buf bundle = {.max = HIN_POLICY_BUNDLE_MAX_BYTES + 4096};
    uint8_t signature[HIN_POLICY_SIGNATURE_BYTES];
    HIN_TRY(sign(session, policy, made->digest, &manifest, signature));
    HIN_TRY(hin_policy_bundle_assemble(hin_buf_view(&manifest), signature,
                                       hin_buf_view(&made->content), &bundle));
    HIN_TRY(send_chunks(session, hin_buf_view(&bundle)));
    hin_copy(session->sent_digest, made->digest, sizeof(session->sent_digest));
    session->sent_serial = session->ingest->revision;
    session->policy_sent_msec = hin_clock_wall_usec(session->ingest->worker->clock) / HIN_MSEC_USEC;
    session->ingest->worker->counters.policies_sent++;
    return hin_ok();
}

/* What was sent in this session and has not changed is not sent again, whatever else did. */
static HIN_RESULT send_if_changed(struct session *session, int64_t policy,
                                  const struct cached_policy *made)
{
    bool same = session->sent_serial != 0 &&
                memcmp(session->sent_digest, made->digest, sizeof(made->digest)) == 0;
    return same ? hin_ok() : send_policy(session, policy, made);
}

static HIN_RESULT push(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_json module;
    struct cached_policy *made = NULL;
    int64_t computer = 0;
    int64_t policy = 0;
    HIN_TRY(
        hin_ingest_load_computer(ingest, hin_view_from_text(session->agent), &document, &computer));
    HIN_TRY(hin_json_opt_integer(hin_json_root(document), "policyID", 0, INT64_MAX, &policy, NULL));
    if (!hin_json_find(hin_json_root(document), "logInspection", &module)) {
        HIN_TRY(cached(ingest, policy, &made));
        return send_if_changed(session, policy, made);
    }
    struct hin_policy_module own;
    hin_arena_reset(&ingest->gate->scratch);
    HIN_TRY(hin_policy_module_read(&module, &ingest->gate->scratch, &own));
    HIN_TRY(make_policy(ingest, policy, &own, &made));
    struct hin_result sent = send_if_changed(session, policy, made);
    free_policy(made);
    return sent;
}

/* ---- rounds ---- */

void hin_ingest_policy_due(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    session->policy_due = true;
    if (!hin_timer_is_armed(ingest->policy_timer)) {
        HIN_IGNORE(hin_timer_once(ingest->policy_timer, 0, 0)); /* else with the next change */
    }
}

void hin_ingest_read_revision(struct hin_ingest *ingest)
{
    struct hin_result read = hin_revision_get(ingest->tenant, &ingest->revision);
    if (!hin_is_ok(read)) {
        hin_log_result(HIN_LOG_ERROR, read, "the revision of the policies cannot be read");
    }
}

void hin_ingest_policies_changed(struct hin_ingest *ingest, int64_t computer)
{
    if (computer == 0) {
        hin_ingest_policies_forget(ingest);
    }
    for (struct session *session = ingest->first; session != NULL; session = session->next) {
        if (computer == 0 || session->computer == computer) {
            session->policy_due = true;
        }
    }
    HIN_IGNORE(
        hin_timer_once(ingest->policy_timer, SETTLE_USEC, 0)); /* else with the next change */
}

void hin_ingest_policy_round(void *context)
{
    struct hin_ingest *ingest = context;
    size_t turn = 0;
    bool more = false;
    if (!hin_is_ok(hin_desk_wake(ingest->desk))) {                         /* said already */
        HIN_IGNORE(hin_timer_once(ingest->policy_timer, HIN_SEC_USEC, 0)); /* as below */
        return;
    }
    for (struct session *session = ingest->first; session != NULL; session = session->next) {
        if (!session->policy_due || session->gone || session->wire.state != HIN_WIRE_STATE_OPEN) {
            continue;
        }
        if (turn == SESSIONS_PER_TURN) {
            more = true;
            break;
        }
        turn++;
        session->policy_due = false;
        struct hin_result pushed = push(session);
        if (!hin_is_ok(pushed)) {
            hin_log_result(HIN_LOG_ERROR, pushed, "the policy cannot be sent to computer %lld",
                           (long long)session->computer);
        } else {
            hin_ingest_note_facts(session);
        }
    }
    if (more) {
        HIN_IGNORE(
            hin_timer_once(ingest->policy_timer, TURN_USEC, 0)); /* else with the next change */
    } else if (ingest->tenant->number != 0) {
        hin_ingest_policies_forget(ingest); /* rule sets are large, and tenants may be many */
    }
}
