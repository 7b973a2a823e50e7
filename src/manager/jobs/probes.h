/* What probes may use in `jobs`: its tenants, and the processes that it has edges to. */
#ifndef HIN_MANAGER_JOBS_PROBES_H
#define HIN_MANAGER_JOBS_PROBES_H

#include "manager/probe/runner.h"
#include "role/role.h"

/* Puts a question to another process; for hin_probe_tools.ask, whose context is the role. */
HIN_RESULT hin_jobs_ask(struct hin_role *role, const char *name, unsigned instance,
                        struct hin_view question, struct hin_buf *ret_trial) HIN_NONNULL;

/* Told of a record: it is logged, and a promise that was not seen broken before becomes an event of
 * the manager's own, which a worker makes. */
void hin_jobs_tell_probe(struct hin_role *role, unsigned workers, const struct hin_probe *probe,
                         const struct hin_trial *trial, bool broken) HIN_NONNULL;

/* About each second: what was asked for, then what is due, as much as finds room in a turn. What is
 * due waits in the first seconds, while other processes are still starting. */
struct hin_jobs_probes {
    int64_t from_usec;  /* monotonic: nothing that is due before */
    int64_t again_usec; /* monotonic: nothing at all before, after a failure */
};
#define HIN_JOBS_PROBES_DELAY_USEC (5 * HIN_SEC_USEC)
void hin_jobs_run_probes(struct hin_jobs_probes *probes,
                         const struct hin_probe_tools *tools) HIN_NONNULL;

#endif
