/* The erasure or correction of one person's data, as a document of the tenant remembers it:
 * accepted by a worker, done by `jobs` in bounded steps. Each step may be the last; the next one
 * goes on where the document says. What it states was counted before anything went, so it is true
 * whatever was cut off.
 *
 * counting: events of the person are counted, up to the last one at acceptance. rewriting: their
 * segments are written anew without them. shredding: the document keeps digests in place of the
 * values, and copies become worthless (shred.h). certifying: backups of before are sealed anew
 * without the person (the process `backup` does that, by those digests), the write-ahead log is
 * folded, then certificate, audit entry and the state `done` are stored at once.
 *
 * A correction is done when the segments are written anew (person_change.h): the former values stay
 * in copies that were made before. */
#ifndef HIN_MANAGER_PERSON_ERASURE_H
#define HIN_MANAGER_PERSON_ERASURE_H

#include "manager/person.h"
#include "manager/person_trace.h"
#include "manager/tenant.h"

/* Within a transaction of the caller. `fields`: a JSON array of names. *ret_id: the document. */
struct hin_person_request {
    struct hin_json where; /* as hin_person_read took it */
    struct hin_view requested_by;
    const char *tenant_name;
    struct hin_json set; /* of a correction: as hin_person_change_read took it */
    struct hin_view note;
};
HIN_RESULT hin_person_erasure_accept(struct hin_tenant *tenant,
                                     const struct hin_person_request *request,
                                     int64_t *ret_id) HIN_NONNULL;

/* The same, for a correction. Its audit entry is the next that the caller writes, in the same
 * transaction: the events bear its number. */
HIN_RESULT hin_person_correction_accept(struct hin_tenant *tenant,
                                        const struct hin_person_request *request,
                                        int64_t *ret_id) HIN_NONNULL;

/* Before that, where another tenant than the installation's own asks: `jobs`, which lets tenants
 * rest, is told in the installation's own store. */
HIN_RESULT hin_person_errand(struct hin_tenant *own, int64_t number) HIN_NONNULL;
/* Calls `visit` with the number of each tenant that jobs has something to do for. */
HIN_RESULT hin_person_errands(struct hin_tenant *own, void (*visit)(void *context, int64_t number),
                              void *context) HIN_NONNULL;
/* Nothing is left to do there: forgotten, except for what is about to be accepted. */
HIN_RESULT hin_person_errand_done(struct hin_tenant *own, int64_t number) HIN_NONNULL;

/* Of each erasure whose events and keys are gone: what knows the person again in backups that were
 * made before. `visit` must not call back into the store. */
HIN_RESULT hin_person_traces(struct hin_store *store,
                             void (*visit)(void *context, const struct hin_person_trace *trace),
                             void *context) __attribute__((nonnull(1, 2)));

/* For who restores the tenant as of a time: whether an erasure or correction of a person's data is
 * under way, and whether an erasure was asked for since then, whose document knows what is still to
 * be erased where. Either would be forgotten, and the data be there again. */
HIN_RESULT hin_person_erasure_since(struct hin_tenant *tenant, int64_t at_usec, bool *ret_open,
                                    bool *ret_since) HIN_NONNULL;

struct hin_person_progress {
    bool idle;         /* nothing is to be done */
    bool done;         /* this step was the last of an erasure, or correction: */
    bool corrected;    /* which */
    int64_t id;        /* its document's ID */
    int64_t wait_usec; /* until a step has something to do; 0: at once */
};
/* One step of the oldest erasure that is not done, else of the oldest correction. A failure:
 * nothing is lost, call again later. own: the installation's own tenant, where backups are known;
 * it may be the same. */
HIN_RESULT hin_person_erasure_step(struct hin_tenant *tenant, struct hin_tenant *own,
                                   struct hin_person_progress *ret_progress) HIN_NONNULL;

#endif
