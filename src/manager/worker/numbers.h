/* What one worker can say of itself in numbers: for metrics and health, which speak for all. Each
 * worker answers for itself at the moment it is asked (bus.h), so that what was shown once never
 * goes back. */
#ifndef HIN_MANAGER_WORKER_NUMBERS_H
#define HIN_MANAGER_WORKER_NUMBERS_H

#include "base/codec.h"
#include "manager/worker/desk.h"

/* How a database stands, from the best to the worst. "salvaged" for as long as the damaged file
 * stands beside the new one: whoever has looked into it takes it away. */
enum hin_store_state {
    HIN_STORE_STATE_WHOLE,
    HIN_STORE_STATE_SALVAGED,
    HIN_STORE_STATE_DAMAGED,
    HIN_STORE_STATE_UNREACHABLE,
    HIN_STORE_STATE_COUNT,
};
const char *hin_store_state_name(enum hin_store_state state);
/* A look walks over all segments: one serves for some seconds. The desk is awake. */
enum hin_store_state hin_desk_store_state(struct hin_desk *desk) HIN_NONNULL;

struct hin_worker_numbers {
    struct hin_worker_counters counters; /* of the worker, all tenants */
    uint64_t api_connections;
    uint64_t api_failures[HIN_HANDSHAKE_REASON_COUNT];
    uint64_t blocked;     /* 1: agents are asked to hold, for want of room or of keys */
    uint64_t store_state; /* of the installation's own tenant; only where health is asked */
    uint64_t spool_events, events_lost; /* of the tenant's agents here */
    uint64_t lag_usec;
    uint64_t key_uses;
};

#define HIN_WORKER_NUMBERS_BYTES sizeof(struct hin_worker_numbers)

/* tenant: by number. health: look at the database too. */
void hin_worker_numbers(struct hin_worker *worker, int64_t tenant, bool health,
                        struct hin_worker_numbers *ret_numbers) HIN_NONNULL;
HIN_RESULT hin_worker_numbers_write(const struct hin_worker_numbers *numbers,
                                    struct hin_buf *out) HIN_NONNULL;
HIN_RESULT hin_worker_numbers_read(struct hin_reader *reader,
                                   struct hin_worker_numbers *ret_numbers) HIN_NONNULL;

#endif
