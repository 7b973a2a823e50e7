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

/* Where tenants' data lie; both borrowed. */
struct hin_tenant_place {
    int directory;                         /* of the databases, and of what stands beside them */
    const struct hin_store_server *server; /* NULL: SQLite in the directory */
    bool scratch; /* a copy that is looked at and thrown away: its generation means nothing */
    enum hin_store_aside aside; /* a store beside the tenant's own, of its maker alone: not marked,
                                   not locked, not judged */
    bool restores; /* who has marked the tenant as being restored, and so may open it */
};

struct hin_tenant {
    char id[37];    /* UUID */
    int64_t number; /* among the tenants of the installation; 0: its own. Ends the credentials. */
    struct hin_keys_carrier keys;
    enum hin_vault_reason reason;
    const struct hin_clock *clock;
    struct hin_store *store;
    struct hin_sealer *sealer;
    struct hin_opener *opener;
    struct hin_index *index;
    uint64_t key_use_count; /* calls of the key service by this process, for the metrics */
    struct hin_tenant_place place;
    int lock;            /* held, shared, while the database is open; alone, to salvage it */
    int64_t sealer_usec; /* monotonic, when the sealer's key was taken */
    uint8_t sealer_key[HIN_SEAL_KEY_ID_BYTES];
    bool is_another;     /* the store that was opened last is another than before: whatever was
                            kept of it is to be forgotten; the owner resets it */
    bool is_judged;      /* its generation, by this process; see hin_vault_generation */
    int64_t judged_usec; /* monotonic, when it was */
    struct hin_vault_judgement judgement; /* the last one */
    uint32_t data_version;                /* of the sealer's key; see hin_tenant_rotate_data */
};

/* The register of tenants, documents of the installation's own: which name is which. */
enum { HIN_TENANT_SLOT_NAME = 0, HIN_TENANT_SLOT_UUID = 1 };
/* A name as it is looked for: lower case. INVALID: letters and digits, and inside also space, dot,
 * dash and underscore, 63 bytes at most. */
#define HIN_TENANT_NAME_BYTES 64
HIN_RESULT hin_tenant_name(struct hin_view name, char ret_canonical[HIN_TENANT_NAME_BYTES]);

/* A process that is captured has the keys it holds: few are enough. A segment is searched in bursts
 * (a console, an investigation), so a key that rested ten minutes is rarely wanted again soon; an
 * hour bounds how long a key withdrawn at `keys` still opens. Fetching one again costs an ipc call
 * and an audit entry. */
#define HIN_TENANT_KEY_UNUSED_USEC (10 * HIN_MINUTE_USEC)
#define HIN_TENANT_KEY_HELD_USEC   HIN_HOUR_USEC
/* New data is sealed under one data key a day and process: each is a row that stays as long as what
 * it opens. When no new one can be had, sealing ends HIN_TENANT_KEY_HELD_USEC after it was due;
 * events, which need the index key, are refused HIN_TENANT_KEY_HELD_USEC after the key service was
 * last there. */
#define HIN_TENANT_SEALER_USEC HIN_DAY_USEC

/* Opens and unlocks. SET_BACK: store or vault were set back; error says which, `judgement` more. A
 * database whose damaged pages forbid it, or that a process has found damaged
 * (hin_tenant_watch), is salvaged first: by one process, once all have closed it; AGAIN after 30 s
 * of waiting for that. `store` then tells of it (hin_store_salvages). The tenant must not move in
 * memory afterwards. A fresh data key is made and put into
 * the key table before anything is sealed under it.
 */
HIN_RESULT hin_tenant_open(struct hin_tenant *tenant, const struct hin_tenant_place *place,
                           const char *id, const struct hin_keys_carrier *keys,
                           enum hin_vault_reason reason, const struct hin_clock *clock, bool create,
                           struct hin_error *error);
void hin_tenant_close(struct hin_tenant *tenant);

/* One that is not opened yet, asleep. */
void hin_tenant_init(struct hin_tenant *tenant, const struct hin_tenant_place *place,
                     const char *id, const struct hin_keys_carrier *keys,
                     enum hin_vault_reason reason, const struct hin_clock *clock) HIN_NONNULL;

/* A tenant that nobody asks for rests: its database is closed, its keys stay until they expire.
 * Before the store of a tenant that may rest is used, it is woken, which does nothing when it is
 * awake; the codes are those of hin_tenant_open. Never let it rest within an operation. */
HIN_RESULT hin_tenant_wake(struct hin_tenant *tenant) HIN_NONNULL;
void hin_tenant_rest(struct hin_tenant *tenant) HIN_NONNULL;
/* Once in a process that many tenants come and go in: what a rested one has held (megabytes of a
 * compressor's tables and buffers) is the system's again at once, not a hole in the heap. */
void hin_tenant_give_memory_back(void);
/* What small things of rested tenants have left in the heap, too: call after some have come to
 * rest, at most once in a second (milliseconds of work). */
void hin_tenant_sweep_memory(void);
bool hin_tenant_is_awake(const struct hin_tenant *tenant) HIN_NONNULL;

/* Takes a new data key when the present one is nearly spent or a day old; call now and then,
 * outside of any operation. */
HIN_RESULT hin_tenant_refresh(struct hin_tenant *tenant) HIN_NONNULL;

/* All processes that have the tenant open seal under new data keys: this one at once, the others at
 * their next hin_tenant_watch or _refresh. */
HIN_RESULT hin_tenant_rotate_data(struct hin_tenant *tenant) HIN_NONNULL;

/* A new index key: the vault makes it, this process learns of it, the store follows (store.h); what
 * is there is made anew by `jobs`. Cut off in between, it goes on when it is called again, or when
 * any process asks for the keys anew. CONFLICT: the former one is not retired yet. */
HIN_RESULT hin_tenant_rotate_index(struct hin_tenant *tenant) HIN_NONNULL;

/* To be called about each second, outside of any operation: lets keys expire, takes a new data key
 * when another process has rotated them, answers SET_BACK when the store was set back under this
 * process, and CORRUPT when this process or another has met
 * damage that needs a salvage: then end, all do, and the next start salvages. Call it too when a
 * start failed. */
HIN_RESULT hin_tenant_watch(struct hin_tenant *tenant) HIN_NONNULL;

/* While a tenant is put back out of a backup nobody opens it (AGAIN), and whoever has it open is to
 * close it within a second or two: a mark beside the database says so. _settle waits up to `usec`
 * until all have; AGAIN. */
bool hin_tenant_is_restored(const struct hin_tenant *tenant) HIN_NONNULL;
HIN_RESULT hin_tenant_restore_begin(const struct hin_tenant *tenant) HIN_NONNULL;
HIN_RESULT hin_tenant_restore_settle(const struct hin_tenant *tenant, int64_t usec) HIN_NONNULL;
HIN_RESULT hin_tenant_restore_end(const struct hin_tenant *tenant) HIN_NONNULL;

/* In words: what was set back, and what to do. own: the installation's own tenant. */
void hin_tenant_refusal_text(const struct hin_vault_judgement *judgement, bool own,
                             const char *tenant, char *out, size_t out_bytes) HIN_NONNULL;

/* Whether a damaged file still stands beside the database that was made from it. */
bool hin_tenant_keeps_damaged(const struct hin_tenant *tenant) HIN_NONNULL;

static inline struct hin_view hin_tenant_view(const struct hin_tenant *tenant)
{
    return hin_view_from_text(tenant->id);
}
static inline int64_t hin_tenant_now_usec(const struct hin_tenant *tenant)
{
    return hin_clock_wall_usec(tenant->clock);
}

#endif
