/* The probes themselves, for the table. */
#ifndef HIN_MANAGER_PROBE_PROBES_H
#define HIN_MANAGER_PROBE_PROBES_H

#include "manager/probe/probe.h"

extern const struct hin_probe hin_probe_tls_floor;          /* links.c */
extern const struct hin_probe hin_probe_tls_weak_ciphers;   /* links.c */
extern const struct hin_probe hin_probe_schema_isolation;   /* tenants.c */
extern const struct hin_probe hin_probe_tenant_keys;        /* tenants.c */
extern const struct hin_probe hin_probe_kms_aws;            /* tenants.c */
extern const struct hin_probe hin_probe_sealing_canary;     /* sealing.c */
extern const struct hin_probe hin_probe_contacts_sealed;    /* sealing.c */
extern const struct hin_probe hin_probe_kms_reach;          /* host.c */
extern const struct hin_probe hin_probe_clock_offset;       /* host.c */
extern const struct hin_probe hin_probe_audit_chain;        /* records.c */
extern const struct hin_probe hin_probe_password_hashing;   /* records.c */
extern const struct hin_probe hin_probe_backup_made;        /* backups.c */
extern const struct hin_probe hin_probe_restore_weekly;     /* backups.c */
extern const struct hin_probe hin_probe_backup_destruction; /* backups.c */
extern const struct hin_probe hin_probe_second_region;      /* backups.c */

/* records.c: what a request to acknowledge a loss ends in. */
HIN_RESULT hin_probe_acknowledge(const struct hin_probe_tools *tools,
                                 const struct hin_evidence_loss *loss, int64_t *ret_number,
                                 struct hin_error *error);

#endif
