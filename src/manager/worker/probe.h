/* What a worker tries of probes, asked by `jobs`: whether it can reach what it must not, what it
 * knows of the clock, what its sessions negotiated. */
#ifndef HIN_MANAGER_WORKER_PROBE_H
#define HIN_MANAGER_WORKER_PROBE_H

#include "manager/probe/trial.h"
#include "manager/worker/worker.h"

/* The trial, as bytes, appended. NOT_FOUND: no such question. */
HIN_RESULT hin_worker_probe(struct hin_worker *worker, struct hin_view question,
                            struct hin_buf *ret_trial) HIN_NONNULL;

#endif
