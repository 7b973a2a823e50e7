/* What a worker says of the installation's promises: the catalogue of claims, and the state of each
 * by the newest evidence, whose signatures it judges. */
#ifndef HIN_MANAGER_WORKER_TRUST_H
#define HIN_MANAGER_WORKER_TRUST_H

#include "manager/probe/told.h"
#include "manager/worker/worker.h"
#include "trust/report.h"

enum { HIN_TRUST_REASON_MAX = 256 };

struct hin_worker_trust {
    struct hin_catalogue *catalogue; /* NULL: it is not installed */
    struct hin_told told;            /* what the audit record says of evidence */
    struct hin_report report;        /* as it was at made_usec */
    bool made;
    int64_t made_usec;                     /* monotonic */
    struct hin_json_document **documents;  /* that the report borrows from; one a probe */
    char (*reasons)[HIN_TRUST_REASON_MAX]; /* of ours, likewise */
    struct hin_trust_pages *pages;         /* api/page.c's; NULL: none was asked for yet */
};

/* Reads the catalogue from the folder that the parent handed over. What is wrong with it is logged:
 * a worker serves all else without. */
void hin_worker_trust_begin(struct hin_worker *worker) HIN_NONNULL;
void hin_worker_trust_end(struct hin_worker *worker) HIN_NONNULL;

/* Every claim with its state, at most HIN_TRUST_HELD_USEC old; the worker's, until the next call.
 * NOT_FOUND: no catalogue is installed. */
#define HIN_TRUST_HELD_USEC (250 * HIN_MSEC_USEC)
HIN_RESULT hin_worker_trust_report(struct hin_worker *worker,
                                   const struct hin_report **ret_report) HIN_NONNULL;

#endif
