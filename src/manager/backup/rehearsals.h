/* What the installation's own store remembers of recoveries that were tried: each week's restore of
 * each tenant's newest backup, and drills, in which all of an installation is recovered elsewhere.
 *
 * A drill is made by `hinomi-manager drill`, whose report is handed in (hin_drill_read), judged by
 * the process `backup` against what is here, and signed by a person. Only then it counts, and for a
 * year. Pure but for what takes a store: time is an argument. */
#ifndef HIN_MANAGER_BACKUP_REHEARSALS_H
#define HIN_MANAGER_BACKUP_REHEARSALS_H

#include "manager/backup/records.h"
#include "store/audit.h"

#define HIN_REHEARSAL_USEC  (7 * HIN_DAY_USEC)
#define HIN_DRILL_USEC      (365 * HIN_DAY_USEC) /* so long one counts */
#define HIN_REHEARSALS_KEPT 60                   /* of a tenant */
#define HIN_DRILL_TEXT_MAX  ((size_t)2 << 20)    /* of a report */
#define HIN_DRILL_TENANTS   4096

/* --- weekly restores --- */

struct hin_rehearsal {
    int64_t id; /* of the document */
    int64_t tenant;
    char uuid[37];
    char destination[HIN_BACKUP_NAME_MAX];
    int64_t backup_usec, sequence, at_usec; /* which: when it was begun, what was shipped, as of */
    int64_t begun_usec, ended_usec;
    int64_t took_usec;                  /* the restore alone, monotonic */
    int64_t bytes, bytes_per_second;    /* restored */
    int64_t events, documents, entries; /* compared */
    int64_t gone, changed; /* of them no longer here, or no longer so: by retention, erasure, use */
    int64_t lost_usec;     /* what the backup did not hold yet was so old; 0: it held all */
    bool good;
    char error[300];
};
HIN_RESULT hin_rehearsal_read(int64_t id, struct hin_view text,
                              struct hin_rehearsal *ret_rehearsal) HIN_NONNULL;
/* As a new document; the oldest of the tenant beyond HIN_REHEARSALS_KEPT go. */
HIN_RESULT hin_rehearsal_add(struct hin_store *own, struct hin_rehearsal *rehearsal,
                             int64_t now_usec) HIN_NONNULL;
/* For probes: the newest restore of a tenant, whatever came of it, as `good` and `error` say; with
 * good_only the newest that was good. It is late when begun_usec is more than HIN_REHEARSAL_USEC
 * (and six hours' grace) ago. NOT_FOUND: none was made yet. own: the installation's own store. */
HIN_RESULT hin_rehearsal_last(struct hin_store *own, int64_t tenant, bool good_only,
                              struct hin_rehearsal *ret_rehearsal) HIN_NONNULL;

/* --- drills --- */

enum hin_drill_state {
    HIN_DRILL_HANDED_IN = 1,
    HIN_DRILL_GOOD = 2,   /* all tenants, within both targets */
    HIN_DRILL_FAILED = 3, /* text says why */
};

struct hin_drill {
    int64_t id;
    enum hin_drill_state state;
    int64_t begun_usec, took_usec; /* its start; until all was restored and verified */
    int64_t handed_usec, judged_usec, signed_usec;
    int64_t lost_usec;          /* what would have been lost of the tenant that loses most */
    int64_t rto_usec, rpo_usec; /* the targets it was judged by */
    int64_t tenants, bytes;
    char host[80], from[HIN_DEPOT_URL_MAX];
    char text[300];
    char by[HIN_BACKUP_WHO_BYTES];                      /* handed in */
    char person[160], credential[HIN_BACKUP_WHO_BYTES]; /* signed */
    char digest[HIN_SHA256_HEX_BYTES];                  /* of the report */
};
HIN_RESULT hin_drill_read(int64_t id, struct hin_view text,
                          struct hin_drill *ret_drill) HIN_NONNULL;
HIN_RESULT hin_drill_write(struct hin_store *own, struct hin_drill *drill, struct hin_view report,
                           int64_t now_usec) HIN_NONNULL;
/* Appends the report that a drill was handed in with, byte for byte. */
HIN_RESULT hin_drill_report(struct hin_view text, struct hin_buf *ret_report) HIN_NONNULL;
const char *hin_drill_state_name(enum hin_drill_state state);
/* Whether it counts now; else `why` says why not, in a few words. */
bool hin_drill_counts(const struct hin_drill *drill, int64_t now_usec, char why[96]) HIN_NONNULL;
/* For probes: the newest drill that counts. NOT_FOUND: there is none. */
HIN_RESULT hin_drill_last(struct hin_store *own, int64_t now_usec,
                          struct hin_drill *ret_drill) HIN_NONNULL;

/* What `hinomi-manager drill` writes:
 *   {"hinomiDrill":1,"begun":MS,"tookMsec":MS,"host":"...","from":"...","tenants":[{"guid":"...",
 *    "restored":true,"verified":true,"at":MS,"lastEventID":N,"lastAuditID":N,"auditHash":"HEX",
 *    "bytes":N,"error":""}]} */
struct hin_drill_tenant {
    char uuid[37];
    bool restored, verified;
    int64_t at_usec, last_event, last_audit, bytes;
    uint8_t audit_hash[HIN_STORE_AUDIT_HASH_BYTES]; /* of entry last_audit */
    char error[200];
};
struct hin_drill_report {
    int64_t begun_usec, took_usec;
    char host[80], from[HIN_DEPOT_URL_MAX];
    struct hin_drill_tenant *tenants; /* hin_drill_report_done */
    size_t tenant_count;
};
HIN_RESULT hin_drill_report_read(struct hin_view text, struct hin_drill_report *ret_report,
                                 struct hin_error *error) __attribute__((nonnull(2)));
HIN_RESULT hin_drill_report_write(const struct hin_drill_report *report,
                                  struct hin_buf *ret_text) HIN_NONNULL;
void hin_drill_report_done(struct hin_drill_report *report) HIN_NONNULL;

#endif
