/* Shared by uplink.c (processes and spool), uplink_session.c (the manager), uplink_identity.c
 * (keys, certificates, policy), uplink_clock.c (how far this host's clock is off). */
#ifndef HIN_AGENT_UPLINK_INTERNAL_H
#define HIN_AGENT_UPLINK_INTERNAL_H

#include "agent/cabinet.h"
#include "agent/config.h"
#include "agent/facts.h"
#include "agent/messages.h"
#include "agent/spool.h"
#include "agent/uplink.h"
#include "base/log.h"
#include "clock/report.h"
#include "crypt/tls.h"
#include "crypt/x509.h"
#include "event/event.h"
#include "io/transport.h"
#include "wire/batch.h"
#include "wire/session.h"

#define UPLINK_PEERS_MAX    5
#define UPLINK_WAITING_MAX  64
#define UPLINK_INFLIGHT_MAX 64

struct uplink;

struct uplink_peer {
    struct uplink *uplink;
    struct hin_ipc *channel; /* NULL: free */
    struct hin_watch *watch;
    struct hin_ipc_permits permits;
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES];
    bool attached;
    uint64_t counters[HIN_AGENT_COUNTER_COUNT];
};

struct uplink_waiting { /* a commit to be answered when it is durable */
    struct uplink_peer *peer;
    uint16_t type;
    uint32_t request;
};

struct uplink {
    struct hin_role *role;
    struct hin_loop *loop;
    struct hin_watch *parent_watch;
    struct hin_timer *reconnect, *heartbeat, *silence, *retry_sync, *daily;
    struct hin_role_events events;
    struct hin_ipc_permits from_parent;
    struct uplink_peer peers[UPLINK_PEERS_MAX];
    struct uplink_waiting waiting[UPLINK_WAITING_MAX];
    size_t waiting_count;
    struct hin_result ending; /* why the loop ends, when not because of stop */

    /* identity */
    int folder, spool_folder;
    char agent_id[HIN_AGENT_ID_TEXT_BYTES], tenant_id[HIN_AGENT_ID_TEXT_BYTES];
    uint8_t agent_bytes[HIN_AGENT_ID_BYTES], tenant_bytes[HIN_AGENT_ID_BYTES];
    struct hin_agent_host host;
    struct hin_agent_keys keys;
    struct hin_cabinet cabinet;
    struct hin_x509_key *key, *key_next; /* _next: of the renewal under way */
    struct hin_buf certificate, ca, policy_key, checkpoint;
    struct hin_x509_validity validity;
    char authority[HIN_X509_SERIAL_BYTES]; /* who issued the certificate */
    struct hin_tls *tls;
    bool tls_stale; /* the certificate changed since */
    uint64_t session_counter;
    /* What managers have acknowledged: in this session (stored with each new checkpoint), and
     * before it, until the manager has heard of that; what it said to have when it welcomed us. */
    uint64_t acknowledged, claimed, welcomed;

    /* spool */
    struct hin_sealer *spool_sealer;
    struct hin_buf spool_wrapped;
    struct hin_spool *spool;
    uint8_t origin[HIN_SPOOL_ORIGIN_BYTES]; /* of the uplink's own events */
    uint64_t own_commits, own_generation, own_offset;
    uint64_t lost_pending; /* dropped and not logged yet */
    uint64_t corrupt_pending;
    bool dropped, damaged; /* files were dropped from the full spool; records were damaged */
    /* What the manager has been told to be lost: up to which sequence, and the event that says so.
     * An event that tells of losses can be dropped itself; its count then goes into the next. */
    uint64_t told_through, told_event, told_count;
    struct hin_arena arena;
    struct hin_buf scratch, record;

    /* manager */
    char manager_host[HIN_URL_HOST_BYTES];
    uint16_t manager_port;
    struct hin_stream *stream;
    struct hin_wire_session session;
    struct hin_wire_packer *packer;
    struct hin_buf frame, raw;
    uint64_t next_send;
    uint64_t inflight[UPLINK_INFLIGHT_MAX]; /* last sequence of each batch under way */
    size_t inflight_count;
    uint32_t window, batch_max_bytes, heartbeat_sec;
    unsigned attempts;
    int64_t opened_usec, heard_usec, offset_usec, retry_at_least_usec;
    uint64_t reconnects, bytes_sent;
    bool renewing;
    const char *state_text;

    /* clock: by time servers where some are configured, else by the manager */
    struct hin_clock_settings clock_settings;
    struct hin_clock_report clock_report;
    struct hin_clock_watch clock_watch;
    bool clock_known;
    int64_t clock_offset_usec;
    const char *clock_source;

    /* policy */
    uint64_t policy_serial, policy_pending_serial, policy_tried_serial;
    struct hin_buf policy_pending; /* as received so far, or handed to the parent */
    uint8_t policy_digest[HIN_WIRE_DIGEST_BYTES];
    uint32_t policy_total;
};

/* uplink.c */
void uplink_end(struct uplink *u, struct hin_result result);
/* An event of our own into the spool; synced soon. detail may be empty. count 0: none. */
void uplink_event(struct uplink *u, enum hin_state_code state, struct hin_view component,
                  struct hin_view detail, uint64_t count);
/* The batch that follows begins at `first` where `expected` should come: those between are gone. */
void uplink_tell_gap(struct uplink *u, uint64_t expected, uint64_t first);
void uplink_report(struct uplink *u);
HIN_RESULT uplink_sync(struct uplink *u);
void uplink_counters(const struct uplink *u, struct hin_wire_heartbeat *heartbeat);

/* uplink_clock.c */
HIN_RESULT uplink_clock_begin(struct uplink *u);
extern const struct hin_ipc_table uplink_clock_table; /* clock -> uplink */
void uplink_clock_lost(struct uplink *u);             /* the process is gone */
/* The manager's clock minus ours, from a heartbeat and its reply. */
void uplink_clock_by_manager(struct uplink *u, int64_t offset_usec, int64_t error_usec);
/* As modules are told it: HIN_AGENT_CLOCK, and at the end of the reply to HIN_AGENT_ATTACH. */
HIN_RESULT uplink_clock_write(const struct uplink *u, struct hin_buf *out);
HIN_RESULT uplink_clock_stamp(const struct uplink *u, struct hin_event *event);
void uplink_clock_counters(const struct uplink *u, struct hin_wire_heartbeat *heartbeat);

/* uplink_identity.c */
HIN_RESULT uplink_identity_load(struct uplink *u);
HIN_RESULT uplink_session_count(struct uplink *u);
HIN_RESULT uplink_acknowledged_save(struct uplink *u);
void uplink_reserve(struct uplink *u);
HIN_RESULT uplink_tls_make(struct uplink *u);
/* After a handshake: an authority that took over from the one trusted so far is trusted in its
 * place.
 */
HIN_RESULT uplink_authority_met(struct uplink *u) HIN_NONNULL;
bool uplink_renewal_due(const struct uplink *u);
HIN_RESULT uplink_renewal_request(struct uplink *u, struct hin_buf *ret_csr);
HIN_RESULT uplink_renewed(struct uplink *u, const struct hin_wire_renewed *renewed);
HIN_RESULT uplink_policy_load(struct uplink *u);
HIN_RESULT uplink_policy_chunk(struct uplink *u, const struct hin_wire_policy *policy);
void uplink_policy_result(struct uplink *u, uint64_t serial, bool applied,
                          struct hin_view sentence);

/* uplink_session.c */
void uplink_connect(void *context);
void uplink_pump(struct uplink *u);
void uplink_disconnect(struct uplink *u, const char *why);
HIN_RESULT uplink_say(struct uplink *u, const struct hin_wire_message *message);
void uplink_heartbeat(void *context);
void uplink_silence(void *context);

#endif
