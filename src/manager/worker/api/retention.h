/* What holds for the tenant of a call. */
#ifndef HIN_MANAGER_WORKER_API_RETENTION_H
#define HIN_MANAGER_WORKER_API_RETENTION_H

#include "manager/retention.h"
#include "manager/worker/api/call.h"

HIN_RESULT hin_api_retention_in_force(struct hin_api_call *call,
                                      struct hin_retention *ret_keep) HIN_NONNULL;

#endif
