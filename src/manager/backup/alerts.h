/* Troubles of backups that stand, in the installation's own store: one document each, from the
 * moment it began until it is over. What begins is an event of severity High, what is over one that
 * says so, each in the transaction that makes or removes the document; in between there is none.
 *
 * A trouble of one tenant is told in that tenant's own events, without what is the installation's
 * (names and addresses of destinations); one of several tenants, of a destination, of the clock or
 * of the drill in those of the installation's own tenant. */
#ifndef HIN_MANAGER_BACKUP_ALERTS_H
#define HIN_MANAGER_BACKUP_ALERTS_H

#include "event/state.h"
#include "manager/backup/settings.h"
#include "manager/tenant.h"

/* The number is the document's owner: append only. */
enum hin_backup_alert_kind {
    HIN_BACKUP_ALERT_FAILED = 1,    /* the last backup was made nowhere */
    HIN_BACKUP_ALERT_LATE = 2,      /* none was made when one was due */
    HIN_BACKUP_ALERT_UNSHIPPED = 3, /* what is new lies nowhere else for longer than may be lost */
    HIN_BACKUP_ALERT_DESTINATION = 4, /* gone, full, read-only, slow */
    HIN_BACKUP_ALERT_LOST = 5,        /* it acknowledged, and lost or altered */
    HIN_BACKUP_ALERT_CLOCK = 6,       /* two clocks disagree, so nothing is destroyed */
    HIN_BACKUP_ALERT_DRILL = 7,       /* a year has passed without one that counts */
    HIN_BACKUP_ALERT_COUNT
};
#define HIN_BACKUP_ALERT_ALL INT64_C(-1) /* instead of a tenant's number */

struct hin_backup_alert {
    int64_t id; /* of the document */
    enum hin_backup_alert_kind kind;
    int64_t tenant; /* its number; 0 the installation's own; ALL: of no single one */
    char destination[HIN_BACKUP_NAME_MAX];
    int64_t since_usec;
    char text[400]; /* what is wrong, for the installation's administrators */
};
/* "backup-failed": field `status` of the event. */
const char *hin_backup_alert_name(enum hin_backup_alert_kind kind);
bool hin_backup_alert_same(const struct hin_backup_alert *a,
                           const struct hin_backup_alert *b) HIN_NONNULL;

/* All that stand, oldest first; the caller frees. One that cannot be read is left out: it begins
 * anew. own: the installation's own store. */
HIN_RESULT hin_backup_alerts_read(struct hin_store *own, struct hin_backup_alert **ret_alerts,
                                  size_t *ret_count) HIN_NONNULL;

/* Events; `tenant` is awake, in no transaction that reads. */
HIN_RESULT hin_backup_tell(struct hin_tenant *tenant, enum hin_state_code state, const char *status,
                           const char *text, int64_t now_usec) __attribute__((nonnull(1, 4)));

/* Writes the document (alert->id is set) and tells. tenant: whose trouble it is, another than the
 * own, or NULL. Cut off between the two stores, the tenant is told once more. */
HIN_RESULT hin_backup_alert_begin(struct hin_tenant *own, struct hin_tenant *tenant,
                                  struct hin_backup_alert *alert, int64_t now_usec)
    __attribute__((nonnull(1, 3)));
HIN_RESULT hin_backup_alert_end(struct hin_tenant *own, struct hin_tenant *tenant,
                                const struct hin_backup_alert *alert, int64_t now_usec)
    __attribute__((nonnull(1, 3)));
/* It stands, and its reason is another: no event. */
HIN_RESULT hin_backup_alert_reword(struct hin_tenant *own, const struct hin_backup_alert *alert,
                                   int64_t now_usec) HIN_NONNULL;

#endif
