/* The seam between what the store does and the database that it does it on: a closed list of
 * statements (sql.h), bound, stepped and read. Sealing, segments, merges, second copies, the chain
 * of the audit stand above it, once for all. Inside store/ only. */
#ifndef HIN_STORE_BACKEND_H
#define HIN_STORE_BACKEND_H

#include "base/result.h"
#include "base/view.h"

struct hin_store;
struct hin_store_options;
struct hin_statement;
struct hin_tls_tally;
struct hin_store_crossing;
struct hin_store_search;

enum hin_load {
    HIN_LOAD_BEGIN,
    HIN_LOAD_GO_ON, /* now and then */
    HIN_LOAD_END,   /* all is there, and durable */
    HIN_LOAD_DROP,  /* it failed: the store is thrown away */
};

struct hin_backend {
    const char *name;
    /* Whether the directory of segments says what they may hold: by classes and severities, and,
     * where a search has terms (then the DIRECTORY_..._TERM statements), by the first one's token.
     * It spares a database behind a socket one question for each segment. */
    bool judges;
    /* Opens for store->tenant, makes what is absent when asked to, migrates. */
    HIN_RESULT(*open)
    (struct hin_store *store, const struct hin_store_options *options, struct hin_error *error);
    void (*close)(struct hin_store *store);

    /* Prepared at first use; reset, nothing bound. */
    HIN_RESULT (*use)(struct hin_statement *statement);
    void (*bind_number)(struct hin_statement *statement, int at, int64_t value);
    void (*bind_bytes)(struct hin_statement *statement, int at, struct hin_view bytes);
    void (*bind_text)(struct hin_statement *statement, int at, const char *text);
    /* EXISTS: a unique key is taken. AGAIN: nothing was done, somebody else is in the way or the
     * database cannot be reached just now. */
    HIN_RESULT (*step)(struct hin_statement *statement, bool *ret_row);
    int64_t (*number)(struct hin_statement *statement, int column);
    struct hin_view (*bytes)(struct hin_statement *statement, int column);
    bool (*is_null)(struct hin_statement *statement, int column);
    void (*reset)(struct hin_statement *statement);

    bool (*in_transaction)(struct hin_store *store); /* as the database sees it */
    HIN_RESULT (*checkpoint)(struct hin_store *store);
    /* Around the filling of a store that nobody else has open, outside transactions. Until its end
     * nothing need be durable, nor be undone, and rows that were put need not be seen. */
    HIN_RESULT (*load)(struct hin_store *store, enum hin_load step);
    void (*overwrite)(struct hin_store *store, bool all); /* what is deleted, wherever it lay */
    uint64_t (*damage_count)(struct hin_store *store);    /* pages found damaged */
    const char *(*trouble)(const struct hin_store *store);
    /* Adds the connection's TLS session. NULL: there is none, ever. */
    void (*tally)(const struct hin_store *store, struct hin_tls_tally *tally);
    /* Tries statements on another tenant's data; see trial.h. NULL: there are no such statements.
     */
    HIN_RESULT(*trespass)
    (struct hin_store *store, const char *other, struct hin_store_crossing *crossing);
    HIN_RESULT(*search_plain)
    (struct hin_store *store, const struct hin_store_options *options,
     const struct hin_view *needles, size_t count, struct hin_store_search *search);
};

extern const struct hin_backend hin_backend_sqlite;
extern const struct hin_backend hin_backend_postgres;

#endif
