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
#include "manager/backup/looks.h"
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

/* How a tenant stands at a destination. */
struct hin_backup_stand {
    int64_t safe_usec;  /* monotonic: what was there then lies at the destination; 0: not known */
    int64_t tried_usec; /* monotonic: the last shipment */
    bool behind;        /* something may be new since */
    bool failed;        /* the last shipment did not get there */
    bool lacking;       /* no backup of it lies there */
    bool unread;        /* one was written where none lay; nothing was read back since */
    bool distrusted;    /* what lies there is compared with the store at the next backup */
    char text[240];     /* why a shipment, or a backup, did not get there */
    struct hin_backup_look look;
};

/* A tenant as backups see it. */
struct hin_backup_subject {
    struct hin_backup_subject *next;
    struct hin_tenant tenant;
    bool there;                      /* at the last look into the register */
    bool due;                        /* what is new of it is shipped in this round */
    int64_t shipped_usec, used_usec; /* monotonic */
    int64_t ship_took_usec;          /* the last shipment */
    struct timespec stamp;           /* of its files, when it was shipped last */
    struct hin_backup_memory memory; /* of its store */
    struct hin_backup_chain chains[HIN_BACKUP_DESTINATIONS_MAX];
    struct hin_backup_stand stands[HIN_BACKUP_DESTINATIONS_MAX];
    int64_t met_usec;       /* monotonic */
    int64_t unshipped_usec; /* monotonic: since when a shipment is late; 0: it is not */
    int64_t late_usec;      /* a backup */
    /* By the catalogue, when it was read last (known): */
    bool known, failed;              /* failed: the newest one is nowhere */
    int64_t first_usec, newest_usec; /* begun; newest: of those that were made; 0: none */
    char text[300];                  /* why the last one failed */
};

/* How a destination has fared since the start. */
struct hin_backup_standing {
    int64_t failing_usec, good_usec; /* monotonic: since when; 0: it is not, or not known */
    int64_t again_usec;              /* monotonic: it is left alone until then */
    bool grave;                      /* a backup failed there */
    char text[240];
};

/* An entry of the catalogue that cannot be read: what stands beside its content. */
struct hin_backup_damaged {
    int64_t id;
    int64_t tenant;
    bool settled;         /* nothing is left of what it was about */
    int64_t created_usec; /* of one that was taken here: when it was begun */
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
    const struct hin_backup_subject *hurried; /* whose commits are given way to; NULL: none */
    uint64_t hurried_change;                  /* its position then */
    int64_t given_way_usec;                   /* monotonic; when it was looked at */
    uint64_t given_way_bytes;                 /* of the progress then */
    /* Of the catalogue, as the last listing of each tenant found them (cycle_mend.c). */
    struct hin_backup_damaged *damaged;
    size_t damaged_count, damaged_room;
    int64_t mended_usec; /* monotonic; when it was tried by itself; 0: never */
    bool all_noted;      /* at the start each destination was asked what lies there */
    int64_t state_id, kept_usec, followed_usec; /* destruction: document, its time, monotonic */
    struct hin_backup_standing standings[HIN_BACKUP_DESTINATIONS_MAX];
    struct hin_backup_subject *busy;   /* whose store is being read */
    bool shipping, alerting, looking;  /* so that none is begun within itself */
    int64_t alerted_usec, looked_usec; /* monotonic: the last time; not before */
    int64_t drills_usec;               /* monotonic: when drills were looked for */
    bool drill_due;
    int64_t apart_usec; /* the clocks that destruction goes by */
    bool clocks_known, clocks_agree;
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
/* An entry of the catalogue that cannot be read goes, with the key that none of the others names.
 * Not where it can be made anew from what lies at a destination, nor while one does not answer. */
HIN_RESULT hin_backup_cycle_forget(struct hin_backup_cycle *cycle, int64_t id,
                                   int64_t *ret_failures) HIN_NONNULL;
/* A backup of one tenant, and when it is made anywhere, all former ones are destroyed: what they
 * hold was erased. */
HIN_RESULT hin_backup_cycle_renew(struct hin_backup_cycle *cycle, int64_t number,
                                  int64_t *ret_failures) HIN_NONNULL;
/* All backups of one tenant are sealed anew without persons that were erased (person_erasure.h);
 * points in time stay. Failures: some are neither that nor out of reach. */
HIN_RESULT hin_backup_cycle_reseal(struct hin_backup_cycle *cycle, int64_t number,
                                   int64_t *ret_failures) HIN_NONNULL;
/* What a destination that was out of reach at that time is owed, and backups that could be read
 * nowhere. */
HIN_RESULT hin_backup_cycle_catch_up(struct hin_backup_cycle *cycle) HIN_NONNULL;
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
/* Reads back what lies at the destinations, a bounded piece of it: see looks.h. *ret_more: the look
 * of a tenant at a destination is not at its end, or another one is due. */
HIN_RESULT hin_backup_cycle_look_back(struct hin_backup_cycle *cycle, bool *ret_more) HIN_NONNULL;
/* What is in a bad way becomes an alert, and what no more is one ends (alerts.h). */
HIN_RESULT hin_backup_cycle_alert(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* For how long a destination has been alerted, over restarts; 0: none is. */
int64_t hin_backup_cycle_failing_for(struct hin_backup_cycle *cycle) HIN_NONNULL;
/* A drill that was handed in and not judged yet; *ret_any false: none. */
HIN_RESULT hin_backup_cycle_judge(struct hin_backup_cycle *cycle, bool *ret_any) HIN_NONNULL;
/* One step of a restore into a tenant's place that key holders agreed to (restorings.h), or of one
 * that was cut off; *ret_any false: there is none. */
HIN_RESULT hin_backup_cycle_restore(struct hin_backup_cycle *cycle, bool *ret_any) HIN_NONNULL;
/* The oldest order that waits; *ret_any false: none. Carries it out. */
HIN_RESULT hin_backup_cycle_serve(struct hin_backup_cycle *cycle, bool *ret_any) HIN_NONNULL;

#endif
