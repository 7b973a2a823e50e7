/* A restore of one tenant into its place while the manager serves the others (decision 43), as the
 * installation's own store remembers it: asked for by a key holder, agreed to by another where
 * there is one, carried out by the process `backup`. Whatever was cut off goes on where it says. */
#ifndef HIN_MANAGER_BACKUP_RESTORINGS_H
#define HIN_MANAGER_BACKUP_RESTORINGS_H

#include "crypt/hash.h"
#include "keys/vault.h"
#include "manager/backup/records.h"
#include "manager/tenant.h"
#include "store/audit.h"

/* Stored by name. */
enum hin_restoring_state {
    HIN_RESTORING_ASKED = 1,   /* another key holder is to agree */
    HIN_RESTORING_WAITING = 2, /* for the process */
    HIN_RESTORING_RUNNING = 3, /* into a store beside the tenant's own; cut off, it starts over */
    HIN_RESTORING_CLOSING =
        4, /* nobody is to have the tenant open; its end goes into the backups */
    HIN_RESTORING_EXCHANGING = 5, /* from here on it only goes forward */
    HIN_RESTORING_OPENING = 6,    /* in place; to be opened and recorded */
    HIN_RESTORING_FAILING = 7,    /* what was made is thrown away */
    HIN_RESTORING_DONE = 8,
    HIN_RESTORING_FAILED = 9,
    HIN_RESTORING_STATE_COUNT
};
/* The owner of the document, by which they are found. */
enum { HIN_RESTORING_OPEN = 1, HIN_RESTORING_PENDING = 2, HIN_RESTORING_CLOSED = 3 };

#define HIN_RESTORING_TICKET_TEXT (2 * HIN_VAULT_TICKET_MAX + 1)

struct hin_restoring {
    int64_t id;
    enum hin_restoring_state state;
    char guid[37], uuid[37], name[HIN_TENANT_NAME_BYTES]; /* of this; of the tenant */
    int64_t tenant;
    int64_t wanted_usec, wanted_backup;     /* as of when, which of the catalogue; 0: the newest */
    char wanted_place[HIN_BACKUP_NAME_MAX]; /* from where; "": wherever it lies */
    char requested_by[HIN_BACKUP_WHO_BYTES], confirmed_by[HIN_BACKUP_WHO_BYTES];
    char tickets[HIN_VAULT_TICKETS_MAX][HIN_RESTORING_TICKET_TEXT]; /* in hex; "": none */
    int64_t asked_usec, begun_usec, ended_usec;
    int64_t quiet_usec, served_usec; /* between which nobody was served */
    char place[HIN_BACKUP_NAME_MAX]; /* where it was taken from */
    int64_t backup_usec, sequence, at_usec, last_event, last_audit, bytes; /* what was restored */
    /* What was there: shipped to the backups before it was replaced. */
    int64_t former_usec, former_event, former_audit, former_revision;
    char former_hash[2 * HIN_STORE_AUDIT_HASH_BYTES + 1]; /* of its last audit entry, in hex */
    int64_t objects, objects_all, read_bytes;             /* so far */
    char text[400];                                       /* what went wrong, or is waited for */
};

HIN_RESULT hin_restoring_read(int64_t id, struct hin_view text,
                              struct hin_restoring *ret_restoring) HIN_NONNULL;
/* Creates (id 0) or replaces. */
HIN_RESULT hin_restoring_write(struct hin_store *store, struct hin_restoring *restoring,
                               int64_t now_usec) HIN_NONNULL;
HIN_RESULT hin_restoring_get(struct hin_store *store, int64_t id,
                             struct hin_restoring *ret_restoring) HIN_NONNULL; /* NOT_FOUND */
/* The oldest that is to be carried out. NOT_FOUND. */
HIN_RESULT hin_restoring_next(struct hin_store *store,
                              struct hin_restoring *ret_restoring) HIN_NONNULL;
/* Whether one of this tenant is open, or waits for another holder. */
HIN_RESULT hin_restoring_is_open(struct hin_store *store, int64_t tenant,
                                 bool *ret_open) HIN_NONNULL;
const char *hin_restoring_state_name(enum hin_restoring_state state);

/* What key holders agree to: which tenant, as of when, out of what. */
HIN_RESULT hin_restoring_subject(const struct hin_restoring *restoring,
                                 uint8_t ret_subject[HIN_SHA256_BYTES]) HIN_NONNULL;
HIN_RESULT hin_restoring_add_ticket(struct hin_restoring *restoring,
                                    struct hin_view ticket) HIN_NONNULL; /* LIMIT */
/* Views point into *buf. */
HIN_RESULT hin_restoring_tickets(const struct hin_restoring *restoring, struct hin_buf *buf,
                                 struct hin_vault_grant *grant) HIN_NONNULL;

/* In the tenant's own store, once: an entry of its audit record and a document that say what it was
 * restored from and what was lost by it. */
HIN_RESULT hin_restoring_note(struct hin_tenant *tenant,
                              const struct hin_restoring *restoring) HIN_NONNULL;
/* "as of 2026-11-29T12:00:00Z, ...: what was there up to ... lies in the backups" */
void hin_restoring_text(const struct hin_restoring *restoring, char *out,
                        size_t out_bytes) HIN_NONNULL;

#endif
