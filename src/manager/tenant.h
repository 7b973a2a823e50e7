/* One tenant's data as a process of the manager holds it: the store, unlocked with keys that came
 * from the key service. Workers and jobs reach the service over a channel, `init` has it in its own
 * process. */
#ifndef HIN_MANAGER_TENANT_H
#define HIN_MANAGER_TENANT_H

#include "base/time.h"
#include "keys/client.h"
#include "seal/index.h"
#include "seal/seal.h"
#include "store/store.h"

struct hin_tenant {
    char id[37]; /* UUID */
    struct hin_keys_carrier keys;
    enum hin_vault_reason reason;
    const struct hin_clock *clock;
    struct hin_store *store;
    struct hin_sealer *sealer;
    struct hin_opener *opener;
    struct hin_index *index;
    uint64_t key_use_count; /* calls of the key service by this process, for the metrics */
};

/* Opens and unlocks; the tenant must not move in memory afterwards. directory: of the database,
 * borrowed. A fresh data key is made and put into the key table before anything is sealed under it.
 */
HIN_RESULT hin_tenant_open(struct hin_tenant *tenant, int directory, const char *id,
                           const struct hin_keys_carrier *keys, enum hin_vault_reason reason,
                           const struct hin_clock *clock, bool create, struct hin_error *error);
void hin_tenant_close(struct hin_tenant *tenant);

/* Takes a new data key when the present one is nearly spent; call now and then, outside of any
 * operation. */
HIN_RESULT hin_tenant_refresh(struct hin_tenant *tenant) HIN_NONNULL;

static inline struct hin_view hin_tenant_view(const struct hin_tenant *tenant)
{
    return hin_view_from_text(tenant->id);
}
static inline int64_t hin_tenant_now_usec(const struct hin_tenant *tenant)
{
    return hin_clock_wall_usec(tenant->clock);
}

#endif
