/* The storage contract: typed operations on the data of one tenant. The tenant is bound at the
 * handle; what is stored under one tenant's keys opens under no other's. Behind it stands SQLite
 * (one file per tenant: WAL, synchronous=FULL, a checksum on every page) or PostgreSQL (one schema
 * and one role per tenant: synchronous_commit=on, fsync=on), prepared statements only.
 *
 * A handle belongs to one thread; several processes may hold handles on the same file. Writers wait
 * for each other (AGAIN after HIN_STORE_BUSY_USEC). Every operation that changes something is one
 * transaction, durable when it returns OK, unless it stands between hin_store_begin and
 * hin_store_end. NO_SPACE: nothing of the operation is stored. CORRUPT: a page or row is damaged;
 * see hin_store_check. Callbacks must not call back into the same handle, except hin_store_key_get
 * from a key source.
 *
 *   open:   hin_store_open (file, migrations) -> key table usable -> hin_store_unlock (keys) ->
 * everything events: events.h     resources: documents.h     agents, certificates: agents.h audit
 * record: audit.h */
#ifndef HIN_STORE_STORE_H
#define HIN_STORE_STORE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "seal/index.h"
#include "seal/seal.h"

#define HIN_STORE_BUSY_USEC      (INT64_C(10) * 1000 * 1000)
#define HIN_STORE_TENANT_MAX     64 /* bytes of a tenant's name: [a-z0-9_-] */
#define HIN_STORE_SCHEMA_VERSION 3

struct hin_store;

/* Watches (and in tests fails) every change of the files: the seam of the crash tests. Name is that
 * of the file in the folder ("tenant.db", "tenant.db-wal"). A failure is answered to SQLite before
 * the change is made. */
struct hin_store_observer {
    HIN_RESULT (*write)(void *context, const char *name, int64_t offset, struct hin_view bytes);
    HIN_RESULT (*truncate)(void *context, const char *name, int64_t size);
    HIN_RESULT (*sync)(void *context, const char *name); /* called after fsync returned */
    HIN_RESULT (*remove)(void *context, const char *name);
    void *context;
};

struct hin_store_server; /* server.h */

/* Beside the tenant's own store: one that is made to take its place, and what was replaced by one:
 * another file, another schema of the same role. */
enum hin_store_aside {
    HIN_STORE_IN_PLACE,
    HIN_STORE_NEXT,
    HIN_STORE_REPLACED,
    HIN_STORE_ASIDE_COUNT
};

struct hin_store_options {
    int directory;      /* descriptor of the folder, borrowed for the life of the handle: nothing is
                           opened by a path from the root. Not used with a server */
    const char *tenant; /* names the file "<tenant>.db" (the schema and the role) and binds every
                           sealed value */
    const char *place;  /* whose file (or schema) is opened, where that is another's: for who tries
                           a crossing (trial.h); NULL: the tenant's own */
    enum hin_store_aside aside; /* a second store of the same tenant beside its own */
    bool create;                /* make file (role and schema) when absent (else NOT_FOUND) */
    bool read_only;
    unsigned cache_kib;                        /* SQLite: of pages, at most; 0: 8 MiB */
    const struct hin_store_server *server;     /* PostgreSQL; NULL: SQLite. Borrowed for the life of
                                                  the handle */
    const struct hin_store_observer *observer; /* NULL: none */
};

/* Opens, checks the format (UNSUPPORTED: made by a newer version, named in `error`), runs
 * migrations. */
HIN_RESULT hin_store_open(struct hin_store **ret_store, const struct hin_store_options *options,
                          struct hin_error *error);
void hin_store_close(struct hin_store *store);
void hin_store_closep(struct hin_store **store); /* for HIN_CLEANUP */

/* --- a store that takes the place of a tenant's own (aside.c); nobody has either open. Repeats are
 * harmless, and whatever was cut off goes on --- */
HIN_RESULT hin_store_aside_find(const struct hin_store_options *options, enum hin_store_aside aside,
                                bool *ret_there, struct hin_error *error) HIN_NONNULL;
/* What is NEXT becomes the tenant's own, what was that is REPLACED; durable when it returns. OK
 * when there is no NEXT (any more). On a server in one transaction; on files there is a moment in
 * which the tenant has none. */
HIN_RESULT hin_store_aside_take(const struct hin_store_options *options,
                                struct hin_error *error) HIN_NONNULL;
HIN_RESULT hin_store_aside_erase(const struct hin_store_options *options,
                                 enum hin_store_aside aside, struct hin_error *error) HIN_NONNULL;

/* Keys come in as arguments and are borrowed until the handle is closed or unlocked anew. They seal
 * data keys: each segment, document, audit entry and agent's blob has one of its own, made here and
 * kept sealed in a table of its own, so that what lost it opens no more (decision 22). */
struct hin_store_keys {
    /* The sealer in force (borrowed until the next call); its wrapped key has been put into the key
     * table. It is the same throughout a transaction. */
    HIN_RESULT (*sealer)(void *context, struct hin_sealer **ret_sealer);
    void *context;
    struct hin_opener *opener; /* whose source may call hin_store_key_get on this handle */
    struct hin_index *index;   /* for unique names; the caller uses the same for tokens of events.
                                  Renewed here when the store is under a newer key */
    /* All table keys were made anew (hin_store_reseal_begin) since the sealer's was: take another
     * one, put it into the key table (allowed here, as between operations) and answer it from then
     * on. NULL, or a failure: what seals something answers AGAIN. */
    HIN_RESULT (*renew)(void *context);
};
/* AUTH: these are not the keys of this tenant. The first unlock of a new file leaves the mark that
 * later ones are checked against. Before it only the key table may be used (CONFLICT). */
HIN_RESULT hin_store_unlock(struct hin_store *store, const struct hin_store_keys *keys) HIN_NONNULL;

/* The token by which the key service knows a store that was set back (keys/vault.h); allowed before
 * the unlock. get: appends, nothing where there is none. move: from what get has given to another;
 * CONFLICT: it is not that any more, nothing is changed. */
#define HIN_STORE_GENERATION_BYTES 64
HIN_RESULT hin_store_generation_get(struct hin_store *store, struct hin_buf *ret_token) HIN_NONNULL;
HIN_RESULT hin_store_generation_move(struct hin_store *store, struct hin_view from,
                                     struct hin_view to) HIN_NONNULL;

/* Up to which document of HIN_STORE_RESTORES events tell. */
HIN_RESULT hin_store_restores_told(struct hin_store *store, int64_t *ret_id) HIN_NONNULL;
HIN_RESULT hin_store_tell_restores(struct hin_store *store, int64_t id) HIN_NONNULL;

/* Key table: wrapped table keys, by id. One that is put is of the present epoch. */
HIN_RESULT hin_store_key_put(struct hin_store *store, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                             uint32_t version, struct hin_view wrapped,
                             int64_t now_usec) HIN_NONNULL; /* EXISTS */
HIN_RESULT hin_store_key_get(struct hin_store *store, const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES],
                             struct hin_buf *ret_wrapped,
                             uint32_t *ret_version) HIN_NONNULL; /* appends; NOT_FOUND */
/* After a rotation of the tenant key: the same data key, wrapped anew. */
HIN_RESULT hin_store_key_rewrap(struct hin_store *store,
                                const uint8_t key_id[HIN_SEAL_KEY_ID_BYTES], uint32_t version,
                                struct hin_view wrapped) HIN_NONNULL;
struct hin_store_key {
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    uint32_t version;
    int64_t created_usec;
    struct hin_view wrapped;
};
/* In the order of making, those after `after` (NULL: from the first). */
HIN_RESULT hin_store_key_list(struct hin_store *store, const uint8_t *after, size_t limit,
                              HIN_RESULT (*visit)(void *context, const struct hin_store_key *key),
                              void *context);

/* Sealing all data keys anew, under table keys that are made from now on; then those of before are
 * dropped from the key table. begin: from here on nothing is sealed under a table key of before, by
 * any process; called while one is under way it starts over. step: at most `limit` things (1 to
 * HIN_STORE_RESEAL_MOST) in one transaction; what version 1 sealed directly gets keys of its own on
 * the way, but for audit entries, which cannot change. end: CONFLICT before all is sealed. Give
 * readers of before some seconds between the last step and it. Each goes on after a crash. */
#define HIN_STORE_RESEAL_MOST 256
struct hin_store_resealed {
    uint64_t keys;    /* sealed anew */
    uint64_t things;  /* that got a key of their own */
    uint64_t damaged; /* that did not open: they never will */
    bool sealed;      /* all is under new keys */
};
HIN_RESULT hin_store_reseal_begin(struct hin_store *store) HIN_NONNULL;
/* Adds to *progress. */
HIN_RESULT hin_store_reseal_step(struct hin_store *store, size_t limit, int64_t now_usec,
                                 struct hin_store_resealed *progress) HIN_NONNULL;
/* *ret_kept: keys of version 1 that audit entries need. */
HIN_RESULT hin_store_reseal_end(struct hin_store *store, uint64_t *ret_dropped,
                                uint64_t *ret_kept) HIN_NONNULL;

/* Index keys. What is found by tokens is written under the newest key that the index knows; a store
 * under a former one is moved on by the first change that anybody makes who knows a newer one. From
 * then on hin_store_reindex re-makes what stands under the former, which must be at hand until
 * `former` is 0. Searches and hin_store_find answer the same throughout. */
struct hin_store_index {
    uint32_t version;         /* in force */
    uint32_t former;          /* 0: nothing is found by another key any more */
    bool names_done;          /* unique names are first, then segments of events: */
    int64_t at_id, until_id;  /* event numbers: how far, of how many */
    uint64_t names, segments; /* re-made */
    uint64_t damaged, unread; /* documents and segments that do not open; events of a later version
                                 (found by no term any more) */
    uint64_t stuck;           /* documents whose names the namer does not know: tried again */
};
HIN_RESULT hin_store_index(struct hin_store *store, struct hin_store_index *ret_index) HIN_NONNULL;
/* Moves the store on, should the index know a newer key. */
HIN_RESULT hin_store_index_follow(struct hin_store *store) HIN_NONNULL;
/* Only blind tokens of names are stored, so somebody must know what a document is called. */
#define HIN_STORE_CANDIDATES_MAX 64
struct hin_store_document;
struct hin_arena;
struct hin_store_namer {
    /* What may have been the name in this slot when it was stored, into
     * ret_names[HIN_STORE_CANDIDATES_MAX], which lives as long as the document and the arena. None:
     * it is not known. */
    HIN_RESULT(*names)
    (void *context, const struct hin_store_document *document, size_t slot, struct hin_arena *arena,
     struct hin_view *ret_names, size_t *ret_count);
    void *context;
};
/* A bounded step: at most `limit` documents, or segments (1 to HIN_STORE_RESEAL_MOST). Nothing to
 * do: does nothing. Goes on after a crash. */
HIN_RESULT hin_store_reindex(struct hin_store *store, const struct hin_store_namer *namer,
                             size_t limit, struct hin_store_index *ret_index) HIN_NONNULL;

/* Where a shredding of copies stands (manager/shred.h): kept here, so that it goes on after a
 * crash. Its numbers mean nothing to the store. */
struct hin_store_shred {
    int64_t stage; /* 0: none is under way */
    int64_t tenant_below, wrapping_below;
    int64_t since_usec;
};
HIN_RESULT hin_store_shred_get(struct hin_store *store,
                               struct hin_store_shred *ret_shred) HIN_NONNULL;
HIN_RESULT hin_store_shred_set(struct hin_store *store,
                               const struct hin_store_shred *shred) HIN_NONNULL;

/* Several operations in one transaction: none of them is durable (nor seen by others) until
 * hin_store_end(store, true) returns OK; false undoes them. Not nested (CONFLICT). A failed
 * operation inside leaves the earlier ones pending. */
HIN_RESULT hin_store_begin(struct hin_store *store) HIN_NONNULL;
HIN_RESULT hin_store_end(struct hin_store *store, bool keep) HIN_NONNULL;

/* How far the file is: changes with every commit of any process, so that others can follow live by
 * asking (about a microsecond when nothing has changed). */
struct hin_store_position {
    uint64_t
        change; /* differs when something was committed by anybody since this handle last looked */
    int64_t last_event_id; /* 0: none yet */
};
HIN_RESULT hin_store_position(struct hin_store *store,
                              struct hin_store_position *ret_position) HIN_NONNULL;

/* Reads every page and opens every sealed thing (unlocked handles only open). Damaged segments are
 * marked and skipped from then on. Slow: for jobs. */
struct hin_store_check {
    uint64_t segments, segments_damaged, events_damaged;
    uint64_t sheaves_wrong; /* that hid segments, or told of others: dropped, they are made anew */
    uint64_t documents, documents_damaged;
    uint64_t audit_records, audit_damaged; /* first break of the chain counts once */
    bool structure_ok;                     /* PRAGMA integrity_check */
};
HIN_RESULT hin_store_check(struct hin_store *store, struct hin_store_check *ret_check) HIN_NONNULL;

/* Whether this handle met a damaged page that it could not go around: a table's or an index's own
 * one. Not a page in which the head or body of one segment goes on: that segment alone is left out.
 * What needs the page fails (CORRUPT) until the file is salvaged. */
bool hin_store_is_broken(const struct hin_store *store) HIN_NONNULL;

/* In the database's words, why it last failed: for a log. Empty when it never did, and with SQLite,
 * whose codes say it all. Valid until the next operation. */
const char *hin_store_trouble(const struct hin_store *store) HIN_NONNULL;

/* For such a database, in two steps. Nobody else may hold the file open; no keys are needed;
 * options->create and ->observer are not used.
 *
 * _make: what can be read goes into a fresh file, "<tenant>.db.salvaged". The damaged one stays as
 * it is. CORRUPT, with the reason in `error`: the first page itself is lost, or the keys are, or
 * the file is none of ours (restore a backup). EXISTS: it was made already. _take: the fresh file
 * takes the place of the damaged one, which stays beside it as
 * "<tenant>.db.damaged" (a later one as ".damaged-2", then ".damaged-3", which is the last kept).
 * NOT_FOUND: none was made.
 *
 * Whatever was cut off goes on with the same calls: as long as one is made, "<tenant>.db" is the
 * damaged file or is not there, and _take is due; nobody may open it before. */
struct hin_store_salvaged {
    uint64_t rows;          /* copied */
    uint64_t tables_broken; /* tables of which something was lost */
    uint64_t events_lost;   /* those that were not left out of answers before */
};
HIN_RESULT hin_store_salvage_make(const struct hin_store_options *options, int64_t now_usec,
                                  struct hin_store_salvaged *ret_salvaged, struct hin_error *error)
    __attribute__((nonnull(1, 3)));
bool hin_store_salvage_is_made(const struct hin_store_options *options) HIN_NONNULL;
HIN_RESULT hin_store_salvage_take(const struct hin_store_options *options) HIN_NONNULL;

/* Gives back what the tenant's data lie in: on SQLite its files, the damaged and salvaged ones too,
 * large ones piece by piece; on PostgreSQL its tables one by one, then schema and role. Nobody may
 * have the store open. One call is one bounded step: to be repeated until *ret_done, also after it
 * was cut off. AGAIN: somebody is in the way. */
HIN_RESULT hin_store_erase(const struct hin_store_options *options, bool *ret_done,
                           struct hin_error *error) HIN_NONNULL;

/* What the file itself remembers of its salvages. */
struct hin_store_salvages {
    uint64_t count;
    uint64_t told; /* so many of them an event has said */
    int64_t last_usec;
    struct hin_store_salvaged last;
};
HIN_RESULT hin_store_salvages(struct hin_store *store,
                              struct hin_store_salvages *ret_salvages) HIN_NONNULL;
HIN_RESULT hin_store_salvages_told(struct hin_store *store, uint64_t count) HIN_NONNULL;

/* How many of the segments that are marked as damaged an event has said. Those that a salvage marks
 * are said with it. */
HIN_RESULT hin_store_damage_told(struct hin_store *store, uint64_t *ret_count) HIN_NONNULL;
HIN_RESULT hin_store_tell_damage(struct hin_store *store, uint64_t count) HIN_NONNULL;

struct hin_store_stats {
    uint64_t events; /* in segments that are not marked as damaged */
    uint64_t segments, segments_full, segments_damaged, bytes;
    uint64_t sheaves;    /* of segments, which searches ask first */
    uint64_t damage_met; /* damaged things this handle has met since it was opened */
};
HIN_RESULT hin_store_stats(struct hin_store *store, struct hin_store_stats *ret_stats) HIN_NONNULL;
/* Adds the TLS session of the store's connection, where it has one just now. */
struct hin_tls_tally;
void hin_store_tally(const struct hin_store *store, struct hin_tls_tally *tally) HIN_NONNULL;
/* Folds the write-ahead log into the file (SQLite does so by itself too); AGAIN when readers are in
 * the way. */
HIN_RESULT hin_store_checkpoint(struct hin_store *store) HIN_NONNULL;

#endif
