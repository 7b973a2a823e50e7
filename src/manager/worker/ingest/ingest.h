/* Agent ingest of one worker: sessions, enrolment, batches to commits, policies to agents. */
#ifndef HIN_MANAGER_WORKER_INGEST_INGEST_H
#define HIN_MANAGER_WORKER_INGEST_INGEST_H

#include "manager/worker/worker.h"

HIN_RESULT hin_ingest_new(struct hin_worker *worker, struct hin_ingest **ret_ingest);
void hin_ingest_free(struct hin_ingest *ingest);
/* Serve on a listening socket, borrowed. */
HIN_RESULT hin_ingest_listen(struct hin_ingest *ingest, int fd, struct hin_tls *tls);
void hin_ingest_set_tls(struct hin_ingest *ingest, struct hin_tls *tls);
/* Tell agents that the manager stops, commit what has been taken. */
void hin_ingest_stop(struct hin_ingest *ingest);

/* For the metrics: what heartbeats said, and how long the last batch was under way. */
void hin_ingest_spool(const struct hin_ingest *ingest, uint64_t *ret_waiting, uint64_t *ret_lost);
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

#endif
