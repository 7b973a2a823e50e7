/* Entries of the audit record: who did what to which object, with what outcome. One JSON object an
 * entry, sealed and chained by the store. Every sign-in, change, refusal, use of a key and read of
 * personal data is written: changes in the same transaction as their effect, so that neither stands
 * without the other, reads before anything is given out. */
#ifndef HIN_MANAGER_AUDIT_H
#define HIN_MANAGER_AUDIT_H

#include "manager/tenant.h"

struct hin_audit {
    const char *action;      /* "computer.approve", "signin" */
    const char *outcome;     /* "done", "refused" */
    struct hin_view actor;   /* "key 3 (name)", "agent 7", "init" */
    struct hin_view peer;    /* address, or empty */
    const char *kind;        /* of the object: "computers", or NULL */
    int64_t object;          /* its ID, 0: none */
    struct hin_view detail;  /* a sentence, or empty; never a secret */
    struct hin_view fields;  /* a JSON array of field names that were searched by, or empty */
    struct hin_view changes; /* a JSON array of {"attribute", "old", "new"}, or empty */
};

HIN_RESULT hin_audit_write(struct hin_tenant *tenant, const struct hin_audit *audit) HIN_NONNULL;

#endif
