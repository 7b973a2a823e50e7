/* A question that all workers answer, for one caller of the API. */
#ifndef HIN_MANAGER_WORKER_API_INQUIRY_H
#define HIN_MANAGER_WORKER_API_INQUIRY_H

#include "manager/worker/api/call.h"
#include "manager/worker/bus.h"

struct hin_api_inquiry {
    struct hin_gather gather;           /* first: the bus frees it when it ends itself */
    struct hin_http_exchange *exchange; /* NULL: whoever asked has gone */
};
/* `done` is given the inquiry's gather; it answers and frees the inquiry. */
HIN_RESULT hin_api_inquire(struct hin_api_call *call, bool health,
                           void (*done)(struct hin_gather *gather));

#endif
