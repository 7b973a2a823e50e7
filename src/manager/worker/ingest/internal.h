/* What the files of ingest share. */
#ifndef HIN_MANAGER_WORKER_INGEST_INTERNAL_H
#define HIN_MANAGER_WORKER_INGEST_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "data/json.h"
#include "event/codec.h"
#include "io/transport.h"
#include "manager/revision.h"
#include "manager/worker/bus.h"
#include "manager/worker/desk.h"
#include "manager/worker/ingest/ingest.h"
#include "manager/worker/policy.h"
#include "store/agents.h"
#include "store/events.h"
#include "wire/batch.h"
#include "wire/session.h"

enum {
    PENDING_EVENTS_MAX = HIN_STORE_COMMIT_MAX,
    PENDING_BYTES_MAX = 64 << 20,
    COMMIT_SOON_EVENTS = 4096,
    COMMIT_DELAY_USEC = 10 * 1000,
    SPOOL_GENERATION =
        1, /* an agent's spool never starts anew under one identity: it enrols again */
    HEARTBEAT_SEC = 60,
    WINDOW_BATCHES = 8,
    REFUSE_DELAY_USEC = 1000 * 1000,
    PING_USEC = 5 * 1000 * 1000,
    RETRY_USEC = 1000 * 1000,
    FACTS_USEC = 300 * 1000,
    PENDING_RETRY_SEC = 10,
    PENDING_COMPUTERS_MAX = 1000, /* anybody may ask: what they ask for must end somewhere */
    PENDING_COUNT_USEC = 10 * 1000 * 1000,
    GATE_OUT_MAX = 24 << 20,
    ARENA_MAX = 512 << 20, /* of a pending commit, with tokens and what decoding leaves */
};
#define AGENT_LIFETIME_USEC (90 * HIN_DAY_USEC)
#define RENEW_GRACE_USEC    (30 * HIN_DAY_USEC)

/* One connection of an agent. */
struct session {
    struct hin_ingest *ingest;
    struct hin_stream *stream;
    struct hin_wire_session wire;
    struct hin_timer
        *timer; /* the delay before a refusal, or the wait for a pong; made when needed */
    struct session *prev, *next;
    uint64_t number; /* of this process; names claims */
    int64_t computer;
    uint8_t agent_id[HIN_WIRE_ID_BYTES];
    char agent[37];                        /* UUID */
    char authority[HIN_X509_SERIAL_BYTES]; /* who issued its newest certificate */
    int64_t certificate_end_usec;
    char host[256];   /* the computer's name, set on its events */
    uint64_t counter; /* of the hello */
    uint64_t taken;   /* highest sequence taken into the pending commit or durable */
    uint64_t durable;
    uint64_t welcomed; /* what was durable when the session began */
    bool first_batch;
    bool registered; /* in the map of computers: says hello, is open or held */
    bool waiting;    /* said hello; an older session is being pinged */
    bool gone;       /* the stream is dead; freed when nothing pending names it */
    bool paused;
    uint32_t in_commit;       /* batches in the pending commit */
    uint64_t ping_nonce;      /* 0: none is out */
    unsigned ping_for_worker; /* who asked: a worker, OWN_WORKER or OWN_HELLO */
    uint64_t ping_for_claim;
    uint64_t hello_serial;
    uint64_t sent_serial;
    uint8_t sent_digest[HIN_POLICY_DIGEST_BYTES];
    bool policy_due;
    bool facts_due;
    char peer[64]; /* address */
    uint64_t spool_count, lost_count;
    const char *clock_source; /* what its clock was measured against; NULL: not told yet */
    int64_t clock_offset_usec;
    bool clock_beyond; /* its bound, by its own judgement */
    char agent_version[64], platform[256];
    int64_t policy_sent_msec, policy_applied_msec;
    uint16_t refusal; /* to be said when the timer fires */
};

#define OWN_WORKER UINT32_MAX       /* a newer session of this worker asks */
#define OWN_HELLO  (UINT32_MAX - 1) /* its own hello is doubted */

/* An encoded policy content, shared by all computers of a policy without overrides. */
struct cached_policy {
    int64_t policy;
    struct hin_buf content;
    uint8_t digest[HIN_POLICY_DIGEST_BYTES];
    struct cached_policy *next;
};

struct ack {
    struct session *session;
    uint64_t through;
};

/* What the sessions of all tenants share: where they come in, and scratch of the one frame that is
 * being handled. */
struct hin_gate {
    struct hin_worker *worker;
    struct hin_listener *listener;
    uint64_t last_number;      /* of a session */
    struct hin_buf policy_key; /* SubjectPublicKeyInfo DER */
    struct hin_buf
        key_statement; /* the authority's about the checkpoint key; empty: not asked yet */
    struct hin_buf ca;
    uint64_t former_through; /* sessions up to this number began under a former authority */
    struct hin_wire_packer *packer;
    struct hin_arena scratch;
    struct hin_buf out;              /* frames on their way into a stream */
    struct hin_tls_peer peer;        /* of the connection that is being judged */
    struct hin_wire_message message; /* of the frame that is being handled */
    struct session nobody;           /* context of a stream that could not get one */
};

struct hin_ingest {
    struct hin_worker *worker;
    struct hin_gate *gate;
    struct hin_desk *desk;
    struct hin_tenant *tenant; /* the desk's */
    struct session *first;     /* all sessions */
    struct hin_map open;       /* computer (8 bytes) -> struct session, its newest in this worker */
    uint64_t session_count;

    /* the commit that is being gathered */
    struct hin_arena arena;
    struct hin_store_event *events;
    size_t event_count, event_capacity, event_bytes;
    struct ack *acks;
    size_t ack_count, ack_capacity;
    bool commit_due; /* the timer runs, or a deferred call is on its way */
    bool blocked;    /* the store takes nothing: agents hold, tried again each second */
    int64_t lag_usec;
    struct hin_timer
        *retry; /* also the short wait in which batches of other agents join a commit */

    /* heartbeats, written together */
    struct hin_store_seen *seen;
    size_t seen_count;
    struct hin_timer *seen_timer;
    struct hin_timer *facts_timer;

    /* policies */
    uint64_t revision;
    struct cached_policy *policies;
    struct hin_timer *policy_timer;
    struct hin_buf checkpoint;
    int64_t checkpoint_usec;
    struct hin_buf
        key_statement;   /* the authority's about the checkpoint key; empty: not asked yet */
    bool rolled_back;    /* an agent has seen more than there is */
    int64_t damage_usec; /* monotonic, when damage of the store was last told; 0: never */
    uint8_t tenant_id[HIN_WIRE_ID_BYTES];

    /* computers that wait for approval, as counted a moment ago */
    size_t pending_count;
    int64_t pending_counted_usec;
};

/* ---- ingest.c ---- */
HIN_RESULT hin_ingest_send(struct session *session, const struct hin_wire_message *message);
/* Say why and end; counted and audited. */
void hin_ingest_refuse(struct session *session, uint16_t reason, const char *detail);
void hin_ingest_refuse_later(struct session *session, uint16_t reason, const char *detail);
HIN_RESULT hin_ingest_timer(struct session *session, int64_t delay_usec,
                            void (*call)(void *context));
struct session *hin_ingest_find(struct hin_ingest *ingest, int64_t computer);
HIN_RESULT hin_ingest_register(struct session *session);
void hin_ingest_pause_all(struct hin_ingest *ingest, bool paused);

/* A session whose stream has ended and that nothing names any more. */
void hin_ingest_drop(struct session *session);
/* A new session's first place, and its right one once it is known. */
void hin_ingest_link(struct hin_ingest *ingest, struct session *session);
void hin_ingest_move(struct session *session, struct hin_ingest *ingest);
void hin_ingest_on_data(void *context, struct hin_stream *stream);
void hin_ingest_on_close(void *context, struct hin_stream *stream,
                         const struct hin_stream_end *end);

/* ---- hello.c ---- */
/* What the session told is kept beside the agent's counters, for `computers`: written soon, with
 * that of others. */
void hin_ingest_note_facts(struct session *session);
void hin_ingest_write_facts(void *context);
void hin_ingest_hello(struct session *session, const struct hin_wire_hello *hello);
void hin_ingest_pong(struct session *session, uint64_t nonce);
/* The computer's document was changed: revoked, approved, deleted. */
void hin_ingest_reconsider(struct session *session);
void hin_ingest_end_ping(struct session *session, bool alive);
HIN_RESULT hin_ingest_state_event(struct hin_ingest *ingest, enum hin_state_code state,
                                  int64_t computer, const char *host, const char *text);

/* ---- enrol.c ---- */
/* A computer that waited is admitted, by a token it brought. */
HIN_RESULT hin_ingest_approve(struct session *session, int64_t computer);
void hin_ingest_enrol(struct session *session, const struct hin_wire_enrol *enrol);
void hin_ingest_renew(struct session *session, const struct hin_wire_renew *renew);
HIN_RESULT hin_ingest_load_computer(struct hin_ingest *ingest, struct hin_view uuid,
                                    struct hin_json_document **ret_document, int64_t *ret_id);
void hin_ingest_uuid_text(const uint8_t id[HIN_WIRE_ID_BYTES], char out[37]);
HIN_RESULT hin_ingest_uuid_parse(const char *text, uint8_t ret_id[HIN_WIRE_ID_BYTES]);

/* Handle what has arrived and waits; after a pause. */
void hin_ingest_input(struct session *session);

/* ---- commit.c ---- */
/* One event of the manager's own, with the next commit. */
HIN_RESULT hin_ingest_add_own(struct hin_ingest *ingest, struct hin_event *event, int64_t computer);
HIN_RESULT hin_ingest_batch(struct session *session, const struct hin_wire_batch *batch);
void hin_ingest_commit(void *context);

/* ---- watch.c ---- */
/* Make a new checkpoint when the last one has aged. */
void hin_ingest_checkpoint(struct hin_ingest *ingest);
/* What an agent has seen: ahead of what there is? */
/* The highest sequence that the agent says was acknowledged before this session; 0: it has said so.
 */
void hin_ingest_compare_acknowledged(struct session *session, uint64_t acknowledged);
void hin_ingest_compare(struct session *session, struct hin_view checkpoint);

/* ---- policies.c ---- */
/* The serial that bundles have from now on: also when none of the agents here is concerned. */
void hin_ingest_read_revision(struct hin_ingest *ingest);
/* What computers are to do was changed: of one, or (0) of any. */
void hin_ingest_policies_changed(struct hin_ingest *ingest, int64_t computer);
void hin_ingest_policy_due(struct session *session);
void hin_ingest_policies_forget(struct hin_ingest *ingest);
void hin_ingest_policy_round(void *context);

#endif
