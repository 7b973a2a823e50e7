/* The erasure of a tenant, as its row in the register of tenants remembers it: asked for by key
 * holders, begun by a worker (which marks the row and has the key destroyed), ended by `jobs`
 * (which gives the room back and has it certified). Each step can be repeated; whatever was cut off
 * goes on where the row says. The row stays: its number, name and UUID are never used again. */
#ifndef HIN_MANAGER_ERASURE_H
#define HIN_MANAGER_ERASURE_H

#include "data/json.h"
#include "manager/tenant.h"

#define HIN_ERASURE_WHO_BYTES 96

/* What is known of it; kept in the row's hidden attribute "erasure". */
struct hin_erasure {
    char id[37]; /* of the certificate */
    char requested_by[HIN_ERASURE_WHO_BYTES], confirmed_by[HIN_ERASURE_WHO_BYTES];
    int64_t requested_usec;
    bool counted; /* the store could be read, and so the numbers below are true */
    int64_t events, segments, documents, exports, data_keys;
    int64_t wrapping_version, wrapping_count; /* of the wrapping key: newest, how many */
    int64_t tenant_version, tenant_count;     /* the same of the tenant key */
    char provider[32];
    bool exportable;        /* copies of the wrapping key can be kept outside */
    int64_t destroyed_usec; /* the key was destroyed, or disabled; 0: not yet */
    int64_t until_usec;     /* disabled now, gone for good then; 0: gone */
};

enum hin_tenant_state {
    HIN_TENANT_ACTIVE = 1,
    HIN_TENANT_SUSPENDED = 2,
    HIN_TENANT_ERASING = 3,
    HIN_TENANT_ERASED = 4,
};

/* A row of the register. */
struct hin_tenant_row {
    int64_t number;
    char uuid[37];
    char name[HIN_TENANT_NAME_BYTES];
    enum hin_tenant_state state;
    struct hin_erasure erasure; /* of ERASING and ERASED */
};
HIN_RESULT hin_tenant_row_read(int64_t number, struct hin_view document,
                               struct hin_tenant_row *ret_row) HIN_NONNULL;
/* Changes the row to what *row says of state and erasure; certificate: its document's ID, 0: none
 * yet. CONFLICT: the row's state is not `from` (0: active or suspended). */
HIN_RESULT hin_tenant_row_write(struct hin_tenant *own, const struct hin_tenant_row *row,
                                enum hin_tenant_state from, int64_t certificate) HIN_NONNULL;

/* Before anything is destroyed: what the tenant holds, and under which keys. */
void hin_erasure_count(struct hin_tenant *own, struct hin_tenant_row *row) HIN_NONNULL;
/* Has the wrapping key destroyed and notes it in *row, which the caller stores. From the key
 * service's answer on nothing of the tenant opens any more. */
HIN_RESULT hin_erasure_destroy_key(struct hin_tenant *own, struct hin_tenant_row *row) HIN_NONNULL;
/* Gives back what a tenant whose keys are destroyed lay in, in bounded steps. AGAIN: somebody has
 * it open. */
HIN_RESULT hin_erasure_reclaim(const struct hin_tenant *own, const char *uuid,
                               bool *ret_done) HIN_NONNULL;
/* One step of what is left for a row in the state ERASING; *ret_done: the row is ERASED. AGAIN:
 * later, somebody has the tenant open still, or a key or database service is away. */
HIN_RESULT hin_erasure_step(struct hin_tenant *own, struct hin_tenant_row *row,
                            bool *ret_done) HIN_NONNULL;

#endif
