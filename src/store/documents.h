/* Resources as sealed documents: a kind, an integer id (per kind, from 1, never used again), a
 * version that grows with each change, up to four unique names that are stored as blind tokens
 * only, an owner and an expiry in the clear. The content (JSON or other bytes) is sealed for its
 * kind and id. */
#ifndef HIN_STORE_DOCUMENTS_H
#define HIN_STORE_DOCUMENTS_H

#include "store/store.h"

/* Numbers are stored: append only. */
enum hin_store_kind {
    HIN_STORE_COMPUTERS = 1,
    HIN_STORE_POLICIES = 2,
    HIN_STORE_LOG_RULES = 3,    /* loginspectionrules */
    HIN_STORE_LOG_DECODERS = 4, /* loginspectiondecoders */
    HIN_STORE_API_KEYS = 5,
    HIN_STORE_ADMINISTRATORS = 6,
    HIN_STORE_ENROLMENT_TOKENS = 7,
    HIN_STORE_SESSIONS = 8,
    HIN_STORE_SETTINGS = 9,
    HIN_STORE_BUNDLES = 10, /* signed policy bundles */
    HIN_STORE_CHECKPOINTS = 11,
    HIN_STORE_TENANTS = 12,         /* of the installation's own tenant: which others there are */
    HIN_STORE_CERTIFICATES = 16,    /* of erasure */
    HIN_STORE_EXPORTS = 17,         /* that were taken of the tenant: which key opens them */
    HIN_STORE_PERSON_ERASURES = 18, /* of one person's data: how far each is */
    HIN_STORE_ERRANDS = 19, /* of the installation's own tenant: which others jobs has something to
                               do for (the owner is their number) */
    HIN_STORE_RETENTION = 20, /* how long events are kept: one, ID 1 */
    HIN_STORE_EVIDENCE = 21,  /* of probes; of the installation's own tenant */
    HIN_STORE_PROBE_STATES =
        22,                    /* the newest record of each probe, and of all; a tenant's canary */
    HIN_STORE_PROBE_RUNS = 23, /* that somebody asked for */
    /* of the installation's own tenant: manager/backup/records.h */
    HIN_STORE_BACKUPS = 24,         /* the catalogue (the owner is the tenant's number) */
    HIN_STORE_BACKUP_ORDERS = 25,   /* what the process `backup` is to do, and how far it is */
    HIN_STORE_BACKUP_SETTINGS = 26, /* manager.json, so that a backup holds it */
    HIN_STORE_BACKUP_STATE = 27,    /* destinations, the time that destruction goes by */
    HIN_STORE_RESTORES = 28,        /* states that were let pass: manager/restored.h */
    HIN_STORE_MAKINGS = 29, /* of the installation's own tenant: others that are being made */
    HIN_STORE_PERSON_CORRECTIONS = 30, /* of one person's data, as its erasures are kept */
    HIN_STORE_REHEARSALS = 31,         /* each week's restore: manager/backup/rehearsals.h */
    HIN_STORE_DRILLS = 32,             /* recoveries of all; the owner is the state */
    HIN_STORE_ESCROWS = 33,            /* of the installation's own tenant: manager/escrow.h */
    HIN_STORE_BACKUP_ALERTS = 34,      /* troubles that stand: manager/backup/alerts.h */
    HIN_STORE_BACKUP_LOOKS = 35, /* how far a tenant's backups were read back at a destination (the
                                    owner is the tenant's number): manager/backup/looks.h */
    HIN_STORE_RESTORINGS = 36, /* of the installation's own tenant: restores while it runs, how far
                                  each is: manager/backup/restorings.h */
    HIN_STORE_RESTORED = 37,   /* what a tenant was restored from, and what was lost by it */
    HIN_STORE_KIND_LIMIT
};

#define HIN_STORE_NAMES_MAX      4
#define HIN_STORE_DOCUMENT_BYTES (8u << 20) /* content of one document */

struct hin_store_document {
    enum hin_store_kind kind;
    int64_t id;
    uint64_t version; /* from 1 */
    int64_t created_usec, updated_usec;
    int64_t owner; /* plain, indexed, meaning is the kind's (computer, administrator); 0: none */
    int64_t expires_usec; /* 0: never */
    struct hin_view bytes;
};

/* What a create or update writes. names: unique within kind and slot; an empty view: no name in
 * this slot. */
struct hin_store_content {
    struct hin_view bytes;
    struct hin_view names[HIN_STORE_NAMES_MAX];
    int64_t owner;
    int64_t expires_usec;
};

/* EXISTS: a name is taken. */
HIN_RESULT hin_store_create(struct hin_store *store, enum hin_store_kind kind,
                            const struct hin_store_content *content, int64_t now_usec,
                            int64_t *ret_id) HIN_NONNULL;
/* Content is appended to buf, which ret_document->bytes then points into. NOT_FOUND; CORRUPT or
 * AUTH when damaged. */
HIN_RESULT hin_store_get(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                         struct hin_buf *buf, struct hin_store_document *ret_document) HIN_NONNULL;
/* By name in a slot. */
HIN_RESULT hin_store_find(struct hin_store *store, enum hin_store_kind kind, size_t slot,
                          struct hin_view name, struct hin_buf *buf,
                          struct hin_store_document *ret_document) HIN_NONNULL;

struct hin_store_owners { /* a range of them, both included; those without have 0 */
    int64_t least, most;
};
struct hin_store_page {
    int64_t
        after_id; /* ascending: ids above; descending: ids below; 0: from the end it begins at */
    bool descending;
    int64_t owner; /* 0: all, or those of `owners` */
    const struct hin_store_owners *owners;
    size_t limit; /* 0: no limit */
    /* What is left out, without its bytes; NULL: it is counted alone. */
    HIN_RESULT (*damaged)(void *context, const struct hin_store_document *document);
};
struct hin_store_listed {
    size_t visited;
    size_t damaged; /* left out */
    bool more;
};
HIN_RESULT
hin_store_list(struct hin_store *store, enum hin_store_kind kind, const struct hin_store_page *page,
               HIN_RESULT (*visit)(void *context, const struct hin_store_document *document),
               void *context, struct hin_store_listed *ret_listed);
HIN_RESULT hin_store_count(struct hin_store *store, enum hin_store_kind kind,
                           uint64_t *ret_count) HIN_NONNULL;

/* expected_version 0: whatever it is. CONFLICT when it is another, NOT_FOUND, EXISTS (name).
 * Replaces names, owner and expiry too. */
HIN_RESULT hin_store_update(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            uint64_t expected_version, const struct hin_store_content *content,
                            int64_t now_usec, uint64_t *ret_version) HIN_NONNULL;
/* *id 0: made, and its number set; else updated, whatever its version. */
HIN_RESULT hin_store_put(struct hin_store *store, enum hin_store_kind kind,
                         const struct hin_store_content *content, int64_t now_usec,
                         int64_t *id) HIN_NONNULL;
HIN_RESULT hin_store_delete(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            uint64_t expected_version) HIN_NONNULL;

/* Read-modify-write in one transaction: `change` gets the present document, writes the new
 * content's bytes into `bytes` (empty at the call) and may set names, owner and expiry in
 * `content`; names left as they are (data NULL in all slots and keep_names true) stay. A failure of
 * `change` undoes everything and is answered. */
struct hin_store_change {
    HIN_RESULT(*change)
    (void *context, const struct hin_store_document *document, struct hin_buf *bytes,
     struct hin_store_content *content, bool *keep_names);
    void *context;
};
HIN_RESULT hin_store_modify(struct hin_store *store, enum hin_store_kind kind, int64_t id,
                            const struct hin_store_change *change, int64_t now_usec) HIN_NONNULL;

/* Delete what expired at or before now. */
HIN_RESULT hin_store_expire(struct hin_store *store, enum hin_store_kind kind, int64_t now_usec,
                            uint64_t *ret_count) HIN_NONNULL;

#endif
