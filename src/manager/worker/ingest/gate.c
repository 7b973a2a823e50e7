/* Where agents come in: connections of all tenants, until the certificate or the token says whose
 * they are. */
#include "manager/worker/ingest/internal.h"
#include "proof/key.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "keys/client.h"

enum { FORMER_ENDED_AT_ONCE = 50 };
#define MUTE_USEC (20 * HIN_SEC_USEC) /* before the first message */

/* ---- a new connection ---- */

/* The tenant that a certificate names: its desk. *ret_refusal stays 0 when there is one. */
static HIN_RESULT find_tenant(struct session *session, const char *uuid, uint16_t *ret_refusal)
{
    struct hin_desk *desk = NULL;
    struct hin_result found = hin_desk_find_uuid(session->ingest->worker, uuid, &desk);
    if (found.code == HIN_NOT_FOUND) {
        *ret_refusal = HIN_WIRE_REFUSE_IDENTITY;
        return hin_ok();
    }
    if (found.code == HIN_REVOKED) { /* suspended: agents keep their events and ask again */
        *ret_refusal = HIN_WIRE_REFUSE_BUSY;
        return hin_ok();
    }
    if (found.code == HIN_EXPIRED) {
        *ret_refusal = HIN_WIRE_REFUSE_ERASED;
        return hin_ok();
    }
    HIN_TRY(found);
    hin_ingest_move(session, desk->ingest);
    return hin_ok();
}

/* Which certificate came decides where a connection starts. */
static HIN_RESULT judge_peer(struct session *session, uint16_t *ret_refusal)
{
    struct hin_tls_peer *peer = &session->ingest->gate->peer;
    struct hin_store_certificate certificate;
    uint8_t serial[HIN_STORE_SERIAL_MAX];
    *ret_refusal = 0;
    HIN_TRY(hin_stream_tls_peer(session->stream, peer));
    session->wire = hin_wire_session_begin(HIN_WIRE_STATE_ANONYMOUS);
    if (peer->state == HIN_TLS_PEER_NONE) {
        return hin_ok();
    }
    snprintf(session->agent, sizeof(session->agent), "%.36s", peer->certificate.agent);
    hin_copy(session->authority, peer->certificate.authority, sizeof(session->authority));
    session->certificate_end_usec = peer->certificate.validity.not_after_usec;
    size_t size = strlen(peer->certificate.serial) / 2;
    HIN_TRY(find_tenant(session, peer->certificate.tenant, ret_refusal));
    if (*ret_refusal != 0) {
        return hin_ok();
    }
    *ret_refusal = HIN_WIRE_REFUSE_IDENTITY;
    if (size > sizeof(serial) ||
        !hin_is_ok(hin_unhex(hin_view_from_text(peer->certificate.serial), serial, size)) ||
        !hin_is_ok(hin_ingest_uuid_parse(session->agent, session->agent_id))) {
        return hin_ok();
    }
    struct hin_result found = hin_store_certificate_get(session->ingest->tenant->store,
                                                        hin_view_of(serial, size), &certificate);
    if (found.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(found);
    session->computer = certificate.agent;
    int64_t now_usec = hin_clock_wall_usec(session->ingest->worker->clock);
    bool lapsed = peer->state == HIN_TLS_PEER_EXPIRED;
    if (certificate.revoked_usec != 0) {
        *ret_refusal = HIN_WIRE_REFUSE_REVOKED;
    } else if (lapsed && now_usec - peer->certificate.validity.not_after_usec > RENEW_GRACE_USEC) {
        *ret_refusal = HIN_WIRE_REFUSE_EXPIRED;
    } else {
        *ret_refusal = 0;
        session->wire =
            hin_wire_session_begin(lapsed ? HIN_WIRE_STATE_LAPSED : HIN_WIRE_STATE_KNOWN);
    }
    return hin_ok();
}

static void on_open(void *context, struct hin_stream *stream);

static const struct hin_stream_events session_events = {on_open, hin_ingest_on_data, NULL, NULL,
                                                        hin_ingest_on_close};

static void on_open(void *context, struct hin_stream *stream)
{
    struct hin_gate *gate = context;
    uint16_t refusal = 0;
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        hin_stream_set_context(stream, &session_events, &gate->nobody);
        hin_stream_abort(stream, HIN_NO_MEMORY, "out of memory");
        return;
    }
    session->stream = stream;
    session->number = ++gate->last_number;
    hin_address_format_host(hin_stream_peer(stream), session->peer, sizeof(session->peer));
    session->first_batch = true;
    hin_ingest_link(gate->worker->desks->ingest, session); /* until it is known whose it is */
    hin_stream_set_context(stream, &session_events, session);
    hin_stream_set_idle(stream, MUTE_USEC);
    struct hin_result judged = judge_peer(session, &refusal);
    if (!hin_is_ok(judged)) {
        session->wire = hin_wire_session_begin(HIN_WIRE_STATE_KNOWN);
        refusal = judged.code == HIN_AUTH ? HIN_WIRE_REFUSE_IDENTITY : HIN_WIRE_REFUSE_BUSY;
    }
    if (refusal != 0) {
        hin_ingest_refuse(session, refusal, NULL);
    } else if (session->ingest->blocked) {
        session->paused = true;
        hin_stream_pause(stream, true);
    }
}

/* A handshake that failed: counted by the listener, written into the audit record. */
static void on_handshake_refused(void *context, const struct hin_address *peer,
                                 enum hin_handshake_reason reason, const char *text)
{
    struct hin_gate *gate = context;
    char address[64];
    hin_address_format_host(peer, address, sizeof(address));
    if (reason == HIN_HANDSHAKE_CLOSED || reason == HIN_HANDSHAKE_TIMEOUT) {
        return; /* port scanners and broken networks: the counter tells */
    }
    struct hin_audit audit = {
        .action = "agent.connection",
        .outcome = "refused",
        .actor = HIN_VIEW("anonymous"),
        .peer = hin_view_from_text(address),
        .detail = hin_view_from_text(text),
    };
    gate->worker->counters.refusals++;
    hin_desk_refused(gate->worker->desks, &audit);
}

/* ---- life ---- */

static HIN_RESULT make(struct hin_gate *gate)
{
    const struct hin_keys_carrier *keys = &gate->worker->keys;
    uint8_t public_key[HIN_SIGN_PUBLIC_BYTES];
    hin_arena_init(&gate->scratch, (size_t)16 << 20);
    hin_buf_init(&gate->policy_key, 256);
    hin_buf_init(&gate->key_statement, HIN_KEY_STATEMENT_MAX);
    hin_buf_init(&gate->ca, HIN_X509_MAX_BYTES);
    hin_buf_init(&gate->out, GATE_OUT_MAX);
    HIN_TRY(hin_wire_packer_new(&gate->packer));
    HIN_TRY(hin_keys_checkpoint_public(keys, public_key));
    HIN_TRY(hin_policy_key_encode(public_key, &gate->policy_key));
    return hin_keys_ca(keys, &gate->ca);
}

HIN_RESULT hin_gate_new(struct hin_worker *worker, struct hin_gate **ret_gate)
{
    struct hin_gate *gate = calloc(1, sizeof(*gate));
    HIN_ENSURE(gate != NULL, NO_MEMORY);
    gate->worker = worker;
    struct hin_result made = make(gate);
    if (!hin_is_ok(made)) {
        hin_gate_free(gate);
        return made;
    }
    *ret_gate = gate;
    return hin_ok();
}

HIN_RESULT hin_gate_listen(struct hin_gate *gate, int fd, struct hin_tls *tls)
{
    struct hin_listener_options options = {
        .tls = tls,
        .limits = hin_listener_limits_default(),
        .events = &session_events,
        .context = gate,
        .on_refused = on_handshake_refused,
    };
    options.limits.stream.input_max_bytes =
        HIN_WIRE_PAYLOAD_MAX_BYTES + HIN_WIRE_FRAME_HEADER_BYTES;
    options.limits.stream.output_max_bytes = GATE_OUT_MAX;
    return hin_listener_new(gate->worker->loop, fd, &options, &gate->listener);
}

void hin_gate_set_tls(struct hin_gate *gate, struct hin_tls *tls)
{
    hin_listener_set_tls(gate->listener, tls);
}

HIN_RESULT hin_gate_authority_changed(struct hin_gate *gate)
{
    hin_buf_clear(&gate->ca);
    hin_buf_clear(&gate->key_statement); /* the former's: asked anew when it is wanted */
    gate->former_through = gate->last_number;
    return hin_buf_append(&gate->ca, hin_buf_view(&gate->worker->authority.der));
}

void hin_gate_end_former(struct hin_gate *gate)
{
    unsigned left = FORMER_ENDED_AT_ONCE;
    for (struct hin_desk *desk = gate->worker->desks; desk != NULL; desk = desk->next) {
        struct session *next;
        for (struct session *session = desk->ingest->first; session != NULL; session = next) {
            next = session->next;
            if (left > 0 && session->number <= gate->former_through && !session->gone &&
                session->wire.state == HIN_WIRE_STATE_OPEN && session->in_commit == 0 &&
                strcmp(session->authority, gate->worker->authority.key) != 0) {
                left--;
                hin_ingest_refuse(session, HIN_WIRE_REFUSE_SHUTDOWN, NULL);
            }
        }
    }
}

void hin_gate_stop(struct hin_gate *gate)
{
    if (gate == NULL) {
        return;
    }
    struct hin_desk *first = gate->worker->desks;
    if (gate->listener != NULL) {
        hin_listener_pause(gate->listener, true);
    }
    if (gate->worker->instance == 0 && gate->listener != NULL) {
        /* Said once, by the worker that is always there; without room for it the log has it. */
        HIN_IGNORE(hin_ingest_state_event(first->ingest, HIN_STATE_MANAGER_STOPPED, 0, "", NULL));
    }
    for (struct hin_desk *desk = first; desk != NULL; desk = desk->next) {
        hin_ingest_flush(desk->ingest);
    }
}

void hin_gate_free(struct hin_gate *gate)
{
    if (gate == NULL) {
        return;
    }
    hin_listener_free(gate->listener);
    hin_wire_packer_free(gate->packer);
    hin_arena_done(&gate->scratch);
    hin_buf_done(&gate->policy_key);
    hin_buf_done(&gate->key_statement);
    hin_buf_done(&gate->ca);
    hin_buf_done(&gate->out);
    free(gate);
}
