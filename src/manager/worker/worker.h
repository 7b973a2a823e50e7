/* One worker process: TLS, the API, agent ingest, its handle on the database. Workers are equal;
 * what one commits or changes it tells the others over the bus. */
#ifndef HIN_MANAGER_WORKER_WORKER_H
#define HIN_MANAGER_WORKER_WORKER_H

#include "crypt/tls.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "manager/audit.h"
#include "manager/database.h"
#include "manager/roles.h"
#include "manager/tenant.h"
#include "manager/worker/clock.h"
#include "store/documents.h"

struct hin_api;
struct hin_gate;
struct hin_bus;
struct hin_desk;
struct hin_worker_trust;

/* What a worker counts; the names are those of the metrics, without "hinomi_" and "_total". */
#define HIN_WORKER_COUNTERS(X)                                                                     \
    X(events_committed, "Events committed.")                                                       \
    X(events_repeated, "Second copies of events, refused.")                                        \
    X(batches, "Batches of agents.")                                                               \
    X(batch_bytes, "Bytes of batches before compression.")                                         \
    X(commits, "Transactions of the ingest.")                                                      \
    X(commit_failures, "Transactions that failed; agents hold.")                                   \
    X(enrolments, "Certificates issued to new agents.")                                            \
    X(renewals, "Certificates renewed.")                                                           \
    X(refusals, "Connections and requests of agents refused.")                                     \
    X(sessions_replaced, "Silent sessions replaced by a newer one.")                               \
    X(clones, "Cloned agents noticed.")                                                            \
    X(policies_sent, "Policy bundles sent.")                                                       \
    X(api_requests, "API requests handled.")                                                       \
    X(api_refusals, "API requests refused for want of a key or a right.")                          \
    X(api_limited, "API requests over the rate limit.")                                            \
    X(sign_ins, "Sign-ins.")                                                                       \
    X(sign_in_failures, "Sign-ins refused.")                                                       \
    X(store_damage_met, "Answers that damaged segments or documents were left out of.")            \
    X(audit_suppressed, "Refusals counted but not written, over the limit of the audit record.")

struct hin_worker_counters {
#define X(name, text) uint64_t name;
    HIN_WORKER_COUNTERS(X)
#undef X
};

/* The certificate authority as this worker serves under it. */
struct hin_worker_authority {
    struct hin_buf der;
    struct hin_buf former;             /* whose agents' certificates still count; empty: none */
    char key[HIN_X509_SERIAL_BYTES];   /* its key identifier, as certificates name their issuer */
    uint64_t renewals;                 /* demanded so far */
    int64_t rotated_usec;              /* when it took over; 0: it is the first */
    int64_t issued_usec, expires_usec; /* of this worker's own certificate */
};

/* What handshakes under way may still use. */
struct hin_retired_tls {
    struct hin_tls *api, *agents;
    int64_t since_usec; /* monotonic */
    struct hin_retired_tls *next;
};

struct hin_worker {
    struct hin_role *role;
    unsigned instance, worker_count;
    struct hin_loop *loop;
    const struct hin_clock *clock;
    struct hin_keys_carrier keys;
    bool rested;            /* a tenant has come to rest since memory was swept */
    struct hin_desk *desks; /* the first is the installation's own tenant's, always open */
    struct hin_database database;
    struct hin_tls *api_tls, *agents_tls;
    struct hin_worker_authority authority;
    struct hin_retired_tls *retired_tls;
    struct hin_api *api;
    struct hin_gate *gate;
    struct hin_bus *bus;
    struct hin_worker_counters counters;
    struct hin_worker_clock ntp;
    struct hin_worker_trust *trust; /* NULL: no catalogue of claims is installed */
    int64_t started_usec;
};
/* role.c: new certificates for the listeners, of the authority that `keys` has in force. What fails
 * is logged and tried again in a second. */
HIN_RESULT hin_worker_renew_tls(struct hin_worker *worker) HIN_NONNULL;
/* The same where it is due: the authority has changed, or new certificates were demanded. About
 * each second, and before the authority's state is told. */
void hin_worker_watch_authority(struct hin_worker *worker) HIN_NONNULL;

#endif
