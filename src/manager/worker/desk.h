/* One tenant at a worker: its database, its agents' sessions, what was judged of it. The first desk
 * is that of the installation's own tenant, which knows all others by name, UUID and number. The
 * rest are opened when a credential names them, and let their databases rest when nobody asks. */
#ifndef HIN_MANAGER_WORKER_DESK_H
#define HIN_MANAGER_WORKER_DESK_H

#include "manager/worker/worker.h"

struct hin_ingest;

struct hin_desk {
    struct hin_worker *worker;
    struct hin_desk *next;
    struct hin_tenant tenant; /* tenant.number 0: the installation's own */
    struct hin_ingest *ingest;
    bool suspended;        /* erased too */
    bool erased;           /* or being erased: it never opens again */
    int64_t judged_usec;   /* monotonic, when `suspended` was read */
    int64_t used_usec;     /* monotonic, when it was last woken */
    int64_t last_event_id; /* as far as streams know */
    bool store_looked;     /* for the health page: */
    int store_state;       /* enum hin_store_state, as it was at store_state_usec */
    int64_t store_state_usec;
    int64_t audit_window_usec; /* refusals written in this minute, bounded */
    unsigned audit_window_count;
};

/* The installation's own tenant, `id` its UUID. Call first, once. */
HIN_RESULT hin_desk_open_first(struct hin_worker *worker, const char *id) HIN_NONNULL;
/* A tenant by the number that a credential names, or by UUID or name: its desk, awake. NOT_FOUND:
 * no such tenant. SET_BACK: its store or the vault is older than it was. REVOKED: it is suspended.
 * EXPIRED: it is erased. AGAIN: its database cannot be opened now; the log says why. */
HIN_RESULT hin_desk_find(struct hin_worker *worker, uint64_t number,
                         struct hin_desk **ret_desk) HIN_NONNULL;
HIN_RESULT hin_desk_find_uuid(struct hin_worker *worker, const char *uuid,
                              struct hin_desk **ret_desk) HIN_NONNULL;
HIN_RESULT hin_desk_find_name(struct hin_worker *worker, struct hin_view name,
                              struct hin_desk **ret_desk) HIN_NONNULL;
/* Whether the tenant with this number is being put back out of a backup: why AGAIN was answered. */
bool hin_desk_is_restored(struct hin_worker *worker, uint64_t number) HIN_NONNULL;
/* A desk that this worker has already, asleep or not; NULL. */
struct hin_desk *hin_desk_known(struct hin_worker *worker, int64_t number) HIN_NONNULL;
/* To be called before the store of a desk is used, once an event of the loop. AGAIN: as above. */
HIN_RESULT hin_desk_wake(struct hin_desk *desk) HIN_NONNULL;
/* About each second, outside of any operation: keys expire, what nobody asks for rests. CORRUPT:
 * the first desk's database is to be salvaged, this process must end for it. */
HIN_RESULT hin_desks_watch(struct hin_worker *worker) HIN_NONNULL;
/* Segments that were found damaged become events of their tenants. */
void hin_desks_tell_damage(struct hin_worker *worker) HIN_NONNULL;
/* New data keys where the present ones are a day old. */
HIN_RESULT hin_desks_refresh(struct hin_worker *worker) HIN_NONNULL;
/* A tenant was suspended, resumed or erased: judged anew, and a suspended one's sessions end. */
void hin_desks_judge(struct hin_worker *worker, int64_t number) HIN_NONNULL;
void hin_desks_free(struct hin_worker *worker) HIN_NONNULL;

/* Something stored was changed by this worker: told to its own parts and to the other workers. */
void hin_desk_changed(struct hin_desk *desk, enum hin_store_kind kind, int64_t id) HIN_NONNULL;
/* The part of it that is this worker's own. */
void hin_desk_on_changed(struct hin_desk *desk, enum hin_store_kind kind, int64_t id) HIN_NONNULL;
/* Events were committed up to this ID. */
void hin_desk_committed(struct hin_desk *desk, int64_t last_id) HIN_NONNULL;
/* A refusal for the tenant's audit record: at most 600 a minute are written, all are counted. */
void hin_desk_refused(struct hin_desk *desk, const struct hin_audit *audit) HIN_NONNULL;

#endif
