/* What the installation's own store remembers of backups: the catalogue (each backup of each
 * tenant, at each destination), orders that were given, and the state of the process. The
 * catalogue can be made anew from what lies at the destinations. */
#ifndef HIN_MANAGER_BACKUP_RECORDS_H
#define HIN_MANAGER_BACKUP_RECORDS_H

#include "data/json.h"
#include "manager/backup/settings.h"
#include "store/documents.h"

#define HIN_BACKUP_WHO_BYTES 96

/* At one destination. Stored: append only. */
enum hin_backup_place_state {
    HIN_BACKUP_ABSENT = 0, /* not there, or not yet */
    HIN_BACKUP_THERE = 1,
    HIN_BACKUP_FAILED = 2,
    HIN_BACKUP_LEFT = 3, /* its key is destroyed, what lies there is to be removed */
    HIN_BACKUP_REMOVED = 4,
    HIN_BACKUP_OWED = 5, /* it was sealed anew while this one was out of reach: to be copied from
                            another */
};

struct hin_backup_place {
    char name[HIN_BACKUP_NAME_MAX];
    enum hin_backup_place_state state;
    int64_t written_bytes, all_bytes, objects; /* written: new there; all: what it consists of */
    int64_t verified_usec, damaged;            /* when it was read back; objects amiss then */
    int64_t shipped_usec, sequence;            /* newest shipment */
    char error[240];
};

enum hin_backup_state {
    HIN_BACKUP_RUNNING = 1,
    HIN_BACKUP_DONE = 2, /* at one destination at least */
    HIN_BACKUP_FAILED_ALL = 3,
    HIN_BACKUP_DESTROYED = 4, /* its key is; places say where something is left */
};

/* As a version: its key is with another key management service, that of the installation this one
 * was restored out of (decision 40). It is never opened from here nor its key destroyed, but in
 * time it is removed like the others. */
#define HIN_BACKUP_FORMER INT64_C(0)

struct hin_backup_record {
    int64_t id; /* of the document */
    int64_t tenant;
    char uuid[37];
    int64_t begun_usec, ended_usec, destroyed_usec;
    int64_t version; /* of its wrapping key */
    int64_t last_event, last_audit, segments;
    /* Erasures of persons of the tenant, by their document: none up to `erasure` has left anything
     * in it; up to `tried` it could be read nowhere that was in reach. */
    int64_t erasure, tried;
    int64_t former;   /* document of the one in whose place it was sealed anew; 0: none */
    int64_t resealed; /* document of the one that took its place; 0: none */
    enum hin_backup_state state;
    bool asked; /* by somebody; else by schedule */
    /* Nothing of it is left and none has anything to do with it any more: it is kept to be shown,
     * for HIN_BACKUP_SHOWN_USEC, and not read by whoever looks what is to be done. */
    bool settled;
    struct hin_backup_place places[HIN_BACKUP_DESTINATIONS_MAX];
    size_t place_count;
};
/* When it was made, seen from `now`: it is named by when it was begun, and names go up even when
 * the clock was set back, so that a name that is still to come says nothing. 0: it runs, under such
 * a name. */
static inline int64_t hin_backup_made_usec(const struct hin_backup_record *record, int64_t now_usec)
{
    return record->begun_usec <= now_usec ? record->begun_usec : record->ended_usec;
}
/* Whether what was erased at `erased` may be in it. One that was made while the clock was set back
 * has a name that is later than its end; one that was made while it was ahead, and of which that is
 * not known yet, says nothing. */
static inline bool hin_backup_is_before(const struct hin_backup_record *record, int64_t erased_usec,
                                        int64_t now_usec)
{
    bool back = record->ended_usec > 0 && record->ended_usec < record->begun_usec;
    int64_t made_usec = back ? record->ended_usec : record->begun_usec;
    return made_usec < erased_usec || made_usec > now_usec;
}
/* It lies somewhere, and its key is ours. */
static inline bool hin_backup_record_opens(const struct hin_backup_record *record)
{
    return record->state == HIN_BACKUP_DONE && record->version != HIN_BACKUP_FORMER;
}
HIN_RESULT hin_backup_record_read(int64_t id, struct hin_view text,
                                  struct hin_backup_record *ret_record) HIN_NONNULL;
/* Creates (id 0) or replaces. */
HIN_RESULT hin_backup_record_write(struct hin_store *store, struct hin_backup_record *record,
                                   int64_t now_usec) HIN_NONNULL;
#define HIN_BACKUP_SHOWN_USEC (400 * HIN_DAY_USEC)
enum hin_backup_records {
    HIN_BACKUP_RECORDS_LIVING, /* all but settled ones */
    HIN_BACKUP_RECORDS_ALL,
};
/* Of the owner that stands beside a record's content. */
static inline int64_t hin_backup_owner_tenant(int64_t owner)
{
    return owner < 0 ? -1 - owner : owner;
}
/* Lists records of a tenant (number -1: of all), the settled ones last. damaged: as of
 * hin_store_page; or NULL. */
HIN_RESULT hin_backup_records_list(
    struct hin_store *own, int64_t number, enum hin_backup_records which,
    HIN_RESULT (*visit)(void *context, const struct hin_store_document *document),
    HIN_RESULT (*damaged)(void *context, const struct hin_store_document *document), void *context,
    struct hin_store_listed *ret_listed);
/* Forgets those whose time to be shown is over. */
HIN_RESULT hin_backup_records_forget(struct hin_store *own, int64_t now_usec) HIN_NONNULL;
const char *hin_backup_state_name(enum hin_backup_state state);
const char *hin_backup_place_name(enum hin_backup_place_state state);
/* The place of this destination; made when absent. NULL: no room. */
struct hin_backup_place *hin_backup_place_of(struct hin_backup_record *record,
                                             const char *name) HIN_NONNULL;

/* --- orders --- */

enum hin_backup_task {
    HIN_BACKUP_TASK_BACKUP = 1,
    HIN_BACKUP_TASK_VERIFY = 2,
    HIN_BACKUP_TASK_RENEW = 3,    /* a backup, and when it is made all former ones are destroyed */
    HIN_BACKUP_TASK_REHEARSE = 4, /* the newest backup restored into a scratch place */
    HIN_BACKUP_TASK_RESEAL = 5,   /* all of a tenant sealed anew without persons that were erased */
    HIN_BACKUP_TASK_FORGET = 6,   /* an entry of the catalogue that cannot be read goes */
    HIN_BACKUP_TASK_COUNT
};
enum hin_backup_order_state {
    HIN_BACKUP_ORDER_WAITING = 1,
    HIN_BACKUP_ORDER_RUNNING = 2,
    HIN_BACKUP_ORDER_DONE = 3,
    HIN_BACKUP_ORDER_FAILED = 4,
};
struct hin_backup_order {
    int64_t id;
    enum hin_backup_task task;
    enum hin_backup_order_state state;
    int64_t tenant; /* its number; -1: all */
    int64_t backup; /* to forget: the entry; else 0 */
    int64_t asked_usec, ended_usec;
    int64_t objects, bytes, objects_all, tenants, failures; /* so far */
    char by[HIN_BACKUP_WHO_BYTES];
    char text[512]; /* what is being done, or what went wrong */
};
HIN_RESULT hin_backup_order_read(int64_t id, struct hin_view text,
                                 struct hin_backup_order *ret_order) HIN_NONNULL;
/* For who has erased data of a tenant: whether no backup is left that was begun before a time, but
 * for what lies, with its key destroyed, where it could not be removed (*ret_left). While there is
 * one, an order to renew them stands; it is given here, again when one has failed, at most once in
 * `rest_usec`. own: the installation's own store. */
HIN_RESULT hin_backup_renewed(struct hin_store *own, int64_t number, int64_t before_usec,
                              int64_t now_usec, int64_t rest_usec, bool *ret_renewed,
                              bool *ret_left) HIN_NONNULL;
/* For who has erased a person of a tenant: whether each backup that was begun before a time is
 * sealed anew without them, or could not be. While one is not, an order stands as above. */
struct hin_backup_resealed_state {
    bool done;
    int64_t resealed;           /* backups that stand without the person */
    int64_t pending;            /* that lie only where they could not be read: their keys live */
    int64_t former;             /* under keys of before a restore: not ours to destroy */
    char owing[160];            /* destinations, "a, b": what lies there has no key any more */
    char pending_at[160];       /* where those lie that are pending */
    int64_t pending_begun_usec; /* the newest of those */
};
HIN_RESULT hin_backup_persons_resealed(struct hin_store *own, int64_t number, int64_t erasure,
                                       int64_t before_usec, int64_t now_usec, int64_t rest_usec,
                                       struct hin_backup_resealed_state *ret_state) HIN_NONNULL;
const char *hin_backup_task_name(enum hin_backup_task task);
HIN_RESULT hin_backup_order_write(struct hin_store *store, struct hin_backup_order *order,
                                  int64_t now_usec) HIN_NONNULL;

#endif
