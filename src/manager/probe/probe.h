/* Probes: each tries one promise of the installation and says what came of it. A folder that keeps
 * a promise registers its probe by a row in the one table (table.c). Nothing here knows a process:
 * what a probe needs it is given as tools, so that the same probe runs in `jobs`, in a test, and in
 * a simulation, with the clock as an argument. */
#ifndef HIN_MANAGER_PROBE_PROBE_H
#define HIN_MANAGER_PROBE_PROBE_H

#include "base/time.h"
#include "manager/probe/trial.h"
#include "manager/tenant.h"

struct hin_probe;
struct hin_record_followed; /* chain.h */

/* What a probe may use. */
struct hin_probe_tools {
    void *context;
    struct hin_tenant *own; /* the installation's own tenant, awake */
    const struct hin_clock *clock;
    /* Every tenant that is not erased, the own one first; awake during the call. A failure of
     * `visit` ends it and is answered; one that cannot be opened is given to `closed`. */
    HIN_RESULT(*each_tenant)
    (void *context, HIN_RESULT (*visit)(void *visitor, struct hin_tenant *tenant),
     void (*closed)(void *visitor, const struct hin_tenant *tenant, struct hin_result why),
     void *visitor);
    /* Has a part of a probe done by another process: "worker" or "probe", which sends its trial
     * (ask.h). NOT_FOUND: there is no such process now. */
    HIN_RESULT(*ask)
    (void *context, const char *role, unsigned instance, struct hin_view question,
     struct hin_buf *ret_trial);
    unsigned workers;       /* how many there are to be */
    const int *store_files; /* folder of a database server's own files, to read; NULL: not to be had
                             */
    /* How far the chain of evidence was followed, kept from one run to the next; or NULL. */
    struct hin_record_followed *followed;
    /* Told of each record, once it is stored: `broken` when the promise was not seen broken before.
     * May be NULL. */
    void (*told)(void *context, const struct hin_probe *probe, const struct hin_trial *trial,
                 bool broken);
};

struct hin_probe {
    const char *name;
    int64_t version; /* raise it when what is tried changes */
    int64_t cadence_usec;
    const char *needs; /* in words: without it the record is "not run" */
    /* Whatever it answers but OK is "not run", by that code. */
    struct hin_result (*run)(const struct hin_probe_tools *tools, struct hin_trial *trial);
};

/* The one table. */
extern const struct hin_probe *const hin_probes[];
extern const size_t hin_probe_count;
const struct hin_probe *hin_probe_find(struct hin_view name); /* NULL */

/* A record is valid a quarter longer than until the next is due. */
static inline int64_t hin_probe_valid_usec(const struct hin_probe *probe)
{
    return probe->cadence_usec / 4 * 5;
}

/* Puts a question to another process and merges its trial; that it is not there is an obstacle. */
void hin_probe_ask(const struct hin_probe_tools *tools, const char *role, unsigned instance,
                   const char *question, struct hin_trial *trial) HIN_NONNULL;

#endif
