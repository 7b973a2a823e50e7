/* What the process `backup` does, apart from being a process: backups of tenants at destinations,
 * shipments, reading back, destruction. All time comes from the clock it is given; nothing sleeps
 * but by `pause`.
 *
 * One order of things throughout: the catalogue says what is about to be, then it is done, then the
 * catalogue says what was. Cut off anywhere, hin_backup_cycle_begin finds out from the destinations
 * how far it came. */
#ifndef HIN_MANAGER_BACKUP_CYCLE_H
#define HIN_MANAGER_BACKUP_CYCLE_H

#include <time.h>

#include "backup/backup.h"
#include "manager/backup/records.h"
#include "manager/tenant.h"

/* The newest backup of a tenant at a destination, as it is known here. */
struct hin_backup_chain {
    bool loaded;
    struct hin_vault_data_key key;
    struct hin_backup_manifest base, state; /* state: with all that was shipped */
    bool shipped;                           /* state counts; else base does */
    uint32_t sequence;
    int64_t shipped_usec;
};

/* A tenant as backups see it. */
struct hin_backup_subject {
    struct hin_backup_subject *next;
    struct hin_tenant tenant;
    bool there;                      /* at the last look into the register */
    int64_t shipped_usec, used_usec; /* monotonic */
    struct timespec stamp;           /* of its files, when it was shipped last */
    struct hin_backup_chain chains[HIN_BACKUP_DESTINATIONS_MAX];
};

struct hin_backup_cycle {
    /* The caller's. */
    struct hin_tenant *own; /* the installation's own, for the records; another handle than that of
                               the subjects */
    struct hin_keys_carrier keys;
    struct hin_tenant_place place;
    const struct hin_clock *clock;
    struct hin_backup_settings settings;
    struct hin_depot *depots[HIN_BACKUP_DESTINATIONS_MAX]; /* NULL: out of reach */
    char troubles[HIN_BACKUP_DESTINATIONS_MAX][240];       /* why */
    /* Between any two objects; a failure (CLOSED: told to stop) ends what is done. */
    HIN_RESULT (*turn)(void *context);
    void (*pause)(void *context, int64_t usec);
    void *context;
    /* Its own. */
    struct hin_backup_subject *subjects; /* the first is the installation's own */
    struct hin_map erased;               /* UUIDs of tenants whose keys are destroyed */
    struct hin_backup_order *order;      /* that is being carried out, or NULL */
    int64_t told_usec;                   /* monotonic; when its progress was last written */
    int64_t paced_usec;                  /* monotonic; since when paced_bytes went */
    uint64_t paced_bytes;
    size_t damaged_records; /* of the catalogue, that the last listing left out */
    int64_t state_id, kept_usec, followed_usec; /* destruction: document, its time, monotonic */
};

/* After the caller's fields are filled. Fills the catalogue from what lies at the destinations. */
HIN_RESULT hin_backup_cycle_begin(struct hin_backup_cycle *cycle) HIN_NONNULL;
void hin_backup_cycle_end(struct hin_backup_cycle *cycle) HIN_NONNULL;

/* Reads the register anew. */
HIN_RESULT hin_backup_cycle_look(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* number -1: all. Each failure is in the catalogue and counted; answered is only what concerns all
 * (CLOSED, the own store). */
HIN_RESULT hin_backup_cycle_backup(struct hin_backup_cycle *cycle, int64_t number, bool asked,
                                   int64_t *ret_failures) HIN_NONNULL;
HIN_RESULT hin_backup_cycle_verify(struct hin_backup_cycle *cycle, int64_t number,
                                   int64_t *ret_failures) HIN_NONNULL;
/* A backup of one tenant, and when it is made anywhere, all former ones are destroyed: what they
 * hold was erased. */
HIN_RESULT hin_backup_cycle_renew(struct hin_backup_cycle *cycle, int64_t number,
                                  int64_t *ret_failures) HIN_NONNULL;
/* Backups that are due by schedule. */
HIN_RESULT hin_backup_cycle_due(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* What is new since the last shipment, of tenants whose time has come (all: whatever the time). */
HIN_RESULT hin_backup_cycle_ship(struct hin_backup_cycle *cycle, bool all) HIN_NONNULL;
/* Backups whose time is over, by the wall clock and by the time that follows it slowly
 * (hin_retention_follow): their keys, then what lies at the destinations; also what was left there
 * before, and what is left of erased tenants. */
HIN_RESULT hin_backup_cycle_destroy(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* The newest backup of tenants is restored into a scratch store beside the databases and compared
 * with the tenant's own, in its present state; what came of it is a record (rehearsals.h) and, when
 * it failed, an event of severity High of the installation's own tenant. due: of those for which a
 * week has passed. */
HIN_RESULT hin_backup_cycle_rehearse(struct hin_backup_cycle *cycle, int64_t number,
                                     int64_t *ret_failures) HIN_NONNULL;
HIN_RESULT hin_backup_cycle_rehearse_due(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* A drill that was handed in and not judged yet; *ret_any false: none. */
HIN_RESULT hin_backup_cycle_judge(struct hin_backup_cycle *cycle, bool *ret_any) HIN_NONNULL;
/* The oldest order that waits; *ret_any false: none. Carries it out. */
HIN_RESULT hin_backup_cycle_serve(struct hin_backup_cycle *cycle, bool *ret_any) HIN_NONNULL;

#endif
