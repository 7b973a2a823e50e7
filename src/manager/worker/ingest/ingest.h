/* Agent ingest: sessions, enrolment, batches to commits, policies to agents. */
#ifndef HIN_MANAGER_WORKER_INGEST_INGEST_H
#define HIN_MANAGER_WORKER_INGEST_INGEST_H

#include "manager/worker/desk.h"
#include "proof/export.h"

/* The listener of a worker, for the agents of all tenants. */
HIN_RESULT hin_gate_new(struct hin_worker *worker, struct hin_gate **ret_gate) HIN_NONNULL;
/* Before the desks, whose sessions end with it. */
void hin_gate_free(struct hin_gate *gate);
/* Serve on a listening socket, borrowed. */
HIN_RESULT hin_gate_listen(struct hin_gate *gate, int fd, struct hin_tls *tls) HIN_NONNULL;
/* What its connections negotiated. */
void hin_gate_tally(const struct hin_gate *gate, struct hin_tls_tally *ret_tally) HIN_NONNULL;
void hin_gate_set_tls(struct hin_gate *gate, struct hin_tls *tls) HIN_NONNULL;
/* Another authority is in force at the worker: what was signed by the former is made anew, and
 * sessions that began before are to end (hin_gate_end_former). */
HIN_RESULT hin_gate_authority_changed(struct hin_gate *gate) HIN_NONNULL;
/* About each second: a few of the sessions that began under the former authority end, so that their
 * agents come back, meet the new one and take a certificate of it. */
void hin_gate_end_former(struct hin_gate *gate) HIN_NONNULL;
/* Take nobody in any more, commit what has been taken. */
void hin_gate_stop(struct hin_gate *gate);

/* The agents of one tenant. */
HIN_RESULT hin_ingest_new(struct hin_desk *desk, struct hin_ingest **ret_ingest) HIN_NONNULL;
void hin_ingest_free(struct hin_ingest *ingest);
/* What sessions of this worker told is written now, not in a moment. */
void hin_ingest_write_told(struct hin_ingest *ingest) HIN_NONNULL;
/* Commit what has been taken. */
void hin_ingest_flush(struct hin_ingest *ingest) HIN_NONNULL;
/* Refuse whoever is connected; why: for the audit record, NULL: the tenant is erased. */
void hin_ingest_end_sessions(struct hin_ingest *ingest, const char *why)
    __attribute__((nonnull(1)));
/* The store is another than before: what is known of it is read anew. */
void hin_ingest_begin_anew(struct hin_ingest *ingest) HIN_NONNULL;

/* For the metrics: what heartbeats said, and how long the last batch was under way. */
void hin_ingest_spool(const struct hin_ingest *ingest, uint64_t *ret_waiting, uint64_t *ret_lost);
/* Open sessions whose agents say that their clock is off by more than their bound. */
uint64_t hin_ingest_clocks_beyond(const struct hin_ingest *ingest);
/* The store takes nothing at the moment; agents hold. */
bool hin_ingest_is_blocked(const struct hin_ingest *ingest);
int64_t hin_ingest_lag_usec(const struct hin_ingest *ingest);

/* An event of segments that were marked as damaged and of which none told yet. */
HIN_RESULT hin_ingest_tell_damage(struct hin_ingest *ingest);
/* A reader met `count` damaged things in the store: counted, and once an hour an event. */
void hin_ingest_damage(struct hin_ingest *ingest, uint64_t count);
/* That the database was salvaged: said once, by the first worker, in an event and in the audit
 * record. */
HIN_RESULT hin_ingest_tell_salvage(struct hin_ingest *ingest) HIN_NONNULL;
/* States that were let pass become events, once each. */
HIN_RESULT hin_ingest_tell_restore(struct hin_ingest *ingest) HIN_NONNULL;
/* Gap entries that were made in the audit record since somebody was told of one: an event each
 * time, whichever worker comes first. About each second, while the tenant is awake. */
void hin_ingest_tell_gaps(struct hin_ingest *ingest) HIN_NONNULL;

/* A checkpoint signed now, with all that its judge needs. Views are good until the next call. */
HIN_RESULT hin_ingest_proof(struct hin_ingest *ingest,
                            struct hin_proof_checkpoint *ret_proof) HIN_NONNULL;

#endif
