/* Which probe is due, and the running of it. Time is an argument; what ran when stands with the
 * records, so that a restart neither repeats nor skips anything. */
#ifndef HIN_MANAGER_PROBE_RUNNER_H
#define HIN_MANAGER_PROBE_RUNNER_H

#include "manager/probe/record.h"

/* Is the probe due? Once in its cadence; one that could not be run is tried once more after a
 * quarter of it; a clock that was set back makes it due at once, and so does another version of the
 * probe, which tries something else. */
bool hin_probe_is_due(const struct hin_probe *probe, const struct hin_record_state *state,
                      int64_t now_usec) HIN_NONNULL;

/* Runs one probe and records what came of it. */
HIN_RESULT hin_probe_run(const struct hin_probe_tools *tools, const struct hin_probe *probe,
                         int64_t *ret_number) HIN_NONNULL;

/* Runs the first one that is due, if one is. `after` (may be NULL) is told of each record. */
HIN_RESULT hin_probe_run_due(const struct hin_probe_tools *tools, bool *ret_ran) HIN_NONNULL;

/* ---- runs that somebody asked for: documents of the installation's own tenant ---- */

/* Asks for these probes (NULL: all); within a transaction of the caller's. *ret_id: of the
 * document. */
HIN_RESULT hin_probe_request(struct hin_tenant *own, const struct hin_view *names, size_t count,
                             int64_t *ret_id) __attribute__((nonnull(1, 4)));
/* Asks that a loss be acknowledged (chain.h); likewise. */
HIN_RESULT hin_probe_request_loss(struct hin_tenant *own, const struct hin_evidence_loss *loss,
                                  int64_t *ret_id) HIN_NONNULL;
/* Runs what was asked for: one request, the oldest. */
HIN_RESULT hin_probe_run_requested(const struct hin_probe_tools *tools, bool *ret_ran) HIN_NONNULL;

#define HIN_PROBE_REQUEST_KEPT_USEC HIN_DAY_USEC

#endif
