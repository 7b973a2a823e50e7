/* Opening a session: who says hello, whether somebody else speaks with the same identity, what
 * waits for approval. */
#include "manager/worker/ingest/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/secret.h"
#include "data/json.h"
#include "manager/worker/api/changes.h"
#include "manager/worker/api/document.h"
#include "manager/worker/api/tables.h"
#include "store/audit.h"

/* ---- facts ---- */

static HIN_RESULT write_facts(struct session *session)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 8192};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "lastIPUsed", session->peer);
    hin_json_field_cstring(&writer, "agentVersion", session->agent_version);
    hin_json_field_cstring(&writer, "platform", session->platform);
    hin_json_field_integer(&writer, "lastSendPolicyRequest", session->policy_sent_msec);
    hin_json_field_integer(&writer, "lastSendPolicySuccess", session->policy_applied_msec);
    hin_json_field_cstring(&writer, "authority", session->authority);
    hin_json_field_integer(&writer, "certificateEnd",
                           session->certificate_end_usec / HIN_MSEC_USEC);
    if (session->clock_source != NULL) {
        hin_json_field_cstring(&writer, "clockSource", session->clock_source);
        hin_json_field_boolean(&writer, "clockBeyondBound", session->clock_beyond);
    }
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_store_agent_blob(session->ingest->tenant->store, session->computer,
                                hin_buf_view(&text));
}

void hin_ingest_note_facts(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    session->facts_due = true;
    if (!hin_timer_is_armed(ingest->facts_timer)) {
        HIN_IGNORE(
            hin_timer_once(ingest->facts_timer, FACTS_USEC, 0)); /* else with the next ones */
    }
}

static bool any_facts_are_due(const struct hin_ingest *ingest)
{
    for (const struct session *session = ingest->first; session != NULL; session = session->next) {
        if (session->facts_due) {
            return true;
        }
    }
    return false;
}

/* Many agents in one transaction: 10,000 that come back at once are a few commits, not tens of
 * thousands. */
void hin_ingest_write_facts(void *context)
{
    struct hin_ingest *ingest = context;
    if (!any_facts_are_due(ingest)) {
        return; /* of a tenant that is erased, or at rest, nothing is asked at the end */
    }
    struct hin_result result = hin_desk_wake(ingest->desk);
    struct hin_store *store = ingest->tenant->store;
    if (hin_is_ok(result)) {
        result = hin_store_begin(store);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "facts about computers");
        return;
    }
    for (struct session *session = ingest->first; session != NULL && hin_is_ok(result);
         session = session->next) {
        if (session->facts_due) {
            session->facts_due = false;
            result = write_facts(session);
        }
    }
    struct hin_result ended = hin_store_end(store, true);
    if (!hin_is_ok(result) || !hin_is_ok(ended)) {
        hin_log_result(HIN_LOG_WARNING, hin_is_ok(result) ? ended : result,
                       "facts about computers");
    }
}

HIN_RESULT hin_ingest_state_event(struct hin_ingest *ingest, enum hin_state_code state,
                                  int64_t computer, const char *host, const char *text)
{
    struct hin_event event;
    hin_arena_reset(&ingest->gate->scratch);
    hin_event_init_state(&event, &ingest->gate->scratch, hin_clock_wall_usec(ingest->worker->clock),
                         state, HIN_VIEW("manager"));
    if (computer != 0) { /* else it is the manager's own */
        HIN_TRY(hin_event_set_integer(&event, HIN_FIELD_COMPUTER_ID, computer));
        HIN_TRY(hin_event_set_text(&event, HIN_FIELD_COMPUTER, hin_view_from_text(host)));
    }
    if (text != NULL) {
        HIN_TRY(hin_event_set_text(&event, HIN_FIELD_MESSAGE, hin_view_from_text(text)));
    }
    HIN_TRY(hin_worker_clock_stamp(ingest->worker, &event));
    return hin_ingest_add_own(ingest, &event, computer);
}

/* ---- holding ---- */

struct hold {
    const char *reason;
    struct hin_buf changes;
};

static struct hin_result write_hold(void *context, const struct hin_store_document *document,
                                    struct hin_buf *bytes, struct hin_store_content *content,
                                    bool *keep_names)
{
    struct hold *hold = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *stored = NULL;
    struct hin_api_patches patches = {0};
    (void)content;
    *keep_names = true;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &stored, NULL));
    HIN_TRY(hin_api_patch_text(&patches, "enrolment", HIN_VIEW("held")));
    HIN_TRY(hin_api_patch_text(&patches, "enrolmentReason", hin_view_from_text(hold->reason)));
    HIN_TRY(hin_api_merge(&hin_api_computer, hin_json_root(stored), (struct hin_json){0}, &patches,
                          bytes));
    return hin_changes_write_stored(&hin_api_computer, document->bytes, hin_buf_view(bytes),
                                    &hold->changes);
}

static void say_held(struct session *session)
{
    struct hin_wire_message message = {
        .type = HIN_WIRE_HELD,
        .held = {HIN_VIEW("held for approval by an administrator")},
    };
    session->waiting = false;
    if (session->wire.state == HIN_WIRE_STATE_GREETED ||
        session->wire.state == HIN_WIRE_STATE_OPEN) {
        HIN_IGNORE(hin_ingest_send(
            session, &message)); /* an agent that is gone learns it at its next hello */
    }
}

void hin_ingest_on_hold(struct hin_ingest *ingest, int64_t computer)
{
    for (struct session *session = ingest->first; session != NULL; session = session->next) {
        if (session->registered && session->computer == computer && !session->gone) {
            say_held(session);
        }
    }
}

/* Held, and written into the audit record, in one transaction. */
static HIN_RESULT hold_computer(struct session *session, struct hold *hold)
{
    struct hin_store *store = session->ingest->tenant->store;
    struct hin_store_change change = {write_hold, hold};
    struct hin_audit audit = {
        .action = "agent.session",
        .outcome = "refused",
        .actor = hin_view_from_text(session->agent),
        .kind = "computers",
        .object = session->computer,
        .detail = hin_view_from_text(hold->reason),
    };
    HIN_TRY(hin_store_begin(store));
    struct hin_result held =
        hin_store_modify(store, HIN_STORE_COMPUTERS, session->computer, &change,
                         hin_clock_wall_usec(session->ingest->worker->clock));
    audit.changes = hin_buf_view(&hold->changes);
    hin_desk_refused(session->ingest->desk, &audit);
    struct hin_result ended = hin_store_end(store, true);
    HIN_TRY(held);
    return ended;
}

/* Two agents use one identity: an event, an entry in the audit record, and both wait for approval.
 */
static void hold_all(struct session *session, const char *reason)
{
    struct hin_ingest *ingest = session->ingest;
    struct hin_worker *worker = ingest->worker;
    struct hold hold = {.reason = reason, .changes = {.max = HIN_STORE_AUDIT_MAX_BYTES}};
    worker->counters.clones++;
    struct hin_result result = hold_computer(session, &hold);
    hin_buf_done(&hold.changes);
    if (hin_is_ok(result)) {
        result = hin_ingest_state_event(ingest, HIN_STATE_AGENT_CLONED, session->computer,
                                        session->host, reason);
    }
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_ERROR, result, "computer %lld cannot be held",
                       (long long)session->computer);
    }
    hin_ingest_on_hold(ingest, session->computer);
    hin_bus_hold(worker->bus, ingest->tenant->number, session->computer);
}

/* ---- welcome ---- */

static void welcome(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf = {.max = 1 << 20};
    struct hin_store_agent agent = {0};
    session->waiting = false;
    struct hin_result result =
        hin_store_agent_get(ingest->tenant->store, session->computer, &buf, &agent);
    if (!hin_is_ok(result) && result.code != HIN_NOT_FOUND) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_BUSY, hin_code_text(result.code));
        return;
    }
    session->durable = agent.acked_sequence;
    session->taken = agent.acked_sequence;
    session->first_batch = true;
    if (session->hello_serial >
        ingest->revision) { /* what another worker told has not arrived yet */
        hin_ingest_read_revision(ingest);
    }
    struct hin_wire_message message = {
        .type = HIN_WIRE_WELCOME,
        .welcome = {.version = session->wire.version,
                    .durable = session->durable,
                    .wall_usec = hin_clock_wall_usec(ingest->worker->clock),
                    .heartbeat_sec = HEARTBEAT_SEC,
                    .window_batches = WINDOW_BATCHES,
                    .batch_max_bytes = 1 << 20,
                    .policy_serial = ingest->revision},
    };
    result = hin_ingest_send(session, &message);
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_ERROR, result, "welcome");
        return;
    }
    hin_ingest_note_facts(session);
    if (session->hello_serial != ingest->revision) {
        hin_ingest_policy_due(session);
    }
}

/* ---- one identity, two sessions ---- */

static void settle_own(struct session *older, bool alive);
static void settle_hello(struct session *session, bool alive);

void hin_ingest_end_ping(struct session *session, bool alive)
{
    if (session->ping_nonce == 0) {
        return;
    }
    session->ping_nonce = 0;
    if (session->ping_for_worker == OWN_WORKER) {
        settle_own(session, alive);
        return;
    }
    if (session->ping_for_worker == OWN_HELLO) {
        settle_hello(session, alive);
        return;
    }
    hin_bus_claim_answer(session->ingest->worker->bus, session->ping_for_worker,
                         session->ping_for_claim, alive);
    if (!alive) {
        session->ingest->worker->counters.sessions_replaced++;
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_REPLACED, NULL);
    }
}

void hin_ingest_pong(struct session *session, uint64_t nonce)
{
    if (session->ping_nonce != 0 && session->ping_nonce == nonce) {
        hin_timer_free(session->timer);
        session->timer = NULL;
        hin_ingest_end_ping(session, true);
    }
}

static void no_pong(void *context)
{
    hin_ingest_end_ping(context, false);
}

/* False: it is dead already. */
static bool ping(struct session *session, unsigned worker, uint64_t claim)
{
    struct hin_wire_message message = {.type = HIN_WIRE_PING};
    if (session->gone || session->ping_nonce != 0 ||
        !hin_is_ok(hin_random(&message.ping.nonce, sizeof(message.ping.nonce)))) {
        return false;
    }
    message.ping.nonce |= 1; /* never 0 */
    session->ping_nonce = message.ping.nonce;
    session->ping_for_worker = worker;
    session->ping_for_claim = claim;
    if (!hin_is_ok(hin_ingest_send(session, &message)) ||
        !hin_is_ok(hin_ingest_timer(session, PING_USEC, no_pong))) {
        session->ping_nonce = 0;
        return false;
    }
    return true;
}

static struct session *find_waiting(struct hin_ingest *ingest, uint64_t number)
{
    for (struct session *session = ingest->first; session != NULL; session = session->next) {
        if (session->number == number && session->waiting && !session->gone) {
            return session;
        }
    }
    return NULL;
}

/* The older session of this very worker has answered, or has not. */
static void settle_own(struct session *older, bool alive)
{
    struct hin_ingest *ingest = older->ingest;
    struct session *newer = find_waiting(ingest, older->ping_for_claim);
    if (newer == NULL) {
        return; /* it went away meanwhile: the older one stays */
    }
    if (alive) {
        hold_all(newer, "two sessions of one agent answer at the same time");
        return;
    }
    ingest->worker->counters.sessions_replaced++;
    if (!older->gone) {
        hin_ingest_refuse(older, HIN_WIRE_REFUSE_REPLACED, NULL);
    }
    hin_bus_claim(ingest->worker->bus,
                  &(struct hin_session_claim){newer->number, ingest->tenant->number,
                                              newer->computer, newer->counter});
}

void hin_ingest_claim_settled(struct hin_ingest *ingest, uint64_t number, bool alive)
{
    struct session *session = find_waiting(ingest, number);
    if (session == NULL) {
        return;
    }
    if (alive) {
        hold_all(session, "two sessions of one agent answer at the same time");
    } else {
        welcome(session);
    }
}

void hin_ingest_on_claim(struct hin_ingest *ingest, unsigned worker,
                         const struct hin_session_claim *claim)
{
    struct session *session = hin_ingest_find(ingest, claim->computer);
    /* Of two that say hello at once to two workers, the lower counter is the older session. */
    if (session == NULL || (session->waiting && session->counter >= claim->counter) ||
        !ping(session, worker, claim->number)) {
        hin_bus_claim_answer(ingest->worker->bus, worker, claim->number, false);
    }
}

static void claim(struct session *session)
{
    struct hin_ingest *ingest = session->ingest;
    struct session *older = hin_ingest_find(ingest, session->computer);
    session->waiting = true;
    if (!hin_is_ok(hin_ingest_register(session))) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_BUSY, "too many sessions");
        return;
    }
    if (older != NULL && older != session && ping(older, OWN_WORKER, session->number)) {
        return;
    }
    hin_bus_claim(ingest->worker->bus,
                  &(struct hin_session_claim){session->number, ingest->tenant->number,
                                              session->computer, session->counter});
}

/* ---- hello ---- */

/* A counter that was used can be a copy of the state folder, or the hello of a process that died
 * since and whose next one was faster through another worker: only a copy answers. */
static void settle_hello(struct session *session, bool alive)
{
    if (!alive) {
        session->ingest->worker->counters.sessions_replaced++;
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_REPLACED, NULL);
        return;
    }
    HIN_IGNORE(hin_ingest_register(session)); /* else an approval reaches it at its next hello */
    hold_all(session, "the session counter is not above the last one seen: a copy of the state "
                      "folder is in use");
}

static HIN_RESULT note_hello(struct session *session, const struct hin_wire_hello *hello)
{
    session->counter = hello->session_counter;
    session->hello_serial = hello->policy_serial;
    snprintf(session->agent_version, sizeof(session->agent_version), "%.*s",
             HIN_ARGS(hello->agent_version));
    snprintf(session->platform, sizeof(session->platform), "%.*s (%.*s)", HIN_ARGS(hello->os_name),
             HIN_ARGS(hello->platform));
    return hin_wire_negotiate(HIN_WIRE_VERSION_OLDEST, HIN_WIRE_VERSION, hello->version_oldest,
                              hello->version_newest, &session->wire.version);
}

static void admit(struct session *session, struct hin_view enrolment)
{
    struct hin_ingest *ingest = session->ingest;
    struct hin_store *store = ingest->tenant->store;
    if (hin_view_is(enrolment, "revoked")) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_REVOKED, NULL);
        return;
    }
    if (hin_view_is(enrolment, "held")) {
        HIN_IGNORE(
            hin_ingest_register(session)); /* else an approval reaches it at its next hello */
        say_held(session);
        return;
    }
    struct hin_result counted = hin_store_agent_session(store, session->computer, session->counter,
                                                        hin_clock_wall_usec(ingest->worker->clock));
    if (counted.code == HIN_CONFLICT) {
        if (!ping(session, OWN_HELLO, 0)) {
            settle_hello(session, false);
        }
        return;
    }
    if (!hin_is_ok(counted)) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_BUSY, hin_code_text(counted.code));
        return;
    }
    claim(session);
}

void hin_ingest_hello(struct session *session, const struct hin_wire_hello *hello)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view enrolment = HIN_VIEW("approved");
    struct hin_view host = HIN_VIEW_EMPTY;
    int64_t computer = 0;
    if (!hin_is_ok(note_hello(session, hello))) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_VERSION, NULL);
        return;
    }
    if (memcmp(hello->agent_id, session->agent_id, sizeof(session->agent_id)) != 0) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_IDENTITY, "hello names another agent");
        return;
    }
    struct hin_result found = hin_ingest_load_computer(
        session->ingest, hin_view_from_text(session->agent), &document, &computer);
    if (found.code == HIN_NOT_FOUND || (hin_is_ok(found) && computer != session->computer)) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_REVOKED, "the computer was deleted");
        return;
    }
    if (hin_is_ok(found)) {
        found = hin_json_opt_text(hin_json_root(document), "enrolment", &enrolment, NULL);
    }
    if (hin_is_ok(found)) {
        found = hin_json_opt_text(hin_json_root(document), "hostName", &host, NULL);
    }
    if (!hin_is_ok(found)) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_BUSY, hin_code_text(found.code));
        return;
    }
    snprintf(session->host, sizeof(session->host), "%.*s", HIN_ARGS(host));
    hin_ingest_compare(session, hello->checkpoint);
    admit(session, enrolment);
}

void hin_ingest_reconsider(struct session *session)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view enrolment = HIN_VIEW("approved");
    int64_t computer = 0;
    if (session->gone) {
        return;
    }
    struct hin_result found = hin_ingest_load_computer(
        session->ingest, hin_view_from_text(session->agent), &document, &computer);
    if (hin_is_ok(found)) {
        found = hin_json_opt_text(hin_json_root(document), "enrolment", &enrolment, NULL);
    }
    if (found.code == HIN_NOT_FOUND || hin_view_is(enrolment, "revoked")) {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_REVOKED, NULL);
        return;
    }
    if (!hin_is_ok(found) || !hin_view_is(enrolment, "approved") ||
        session->wire.state != HIN_WIRE_STATE_HELD) {
        return;
    }
    if (hin_ingest_find(session->ingest, session->computer) == session) {
        /* The approval has reset what was known of its counter; this one is the last seen from here
         * on. */
        HIN_IGNORE(hin_store_agent_session(session->ingest->tenant->store, session->computer,
                                           session->counter,
                                           hin_clock_wall_usec(session->ingest->worker->clock)));
        welcome(session);
    } else {
        hin_ingest_refuse(session, HIN_WIRE_REFUSE_REPLACED, NULL);
    }
}
