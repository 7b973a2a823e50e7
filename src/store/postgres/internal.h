/* What the files of store/postgres share. */
#ifndef HIN_STORE_POSTGRES_INTERNAL_H
#define HIN_STORE_POSTGRES_INTERNAL_H

#include <libpq-fe.h>

#include "store/internal.h"
#include "store/server.h"

enum { HIN_POSTGRES_ROLE_MAX = 63 }; /* NAMEDATALEN - 1 */

#define HIN_POSTGRES_STATEMENT_MSEC "60000" /* that a statement may take */

struct hin_postgres_load;

struct hin_postgres { /* a store's connection */
    const struct hin_store_server *server;
    PGconn *conn;                           /* NULL or CONNECTION_BAD: lost */
    char role[HIN_POSTGRES_ROLE_MAX + 1];   /* the tenant's */
    char schema[HIN_POSTGRES_ROLE_MAX + 1]; /* of the same name, or one aside */
    bool open;                      /* a transaction is, or was when the connection was lost */
    bool prepared[HIN_SQL_COUNT];   /* on this connection */
    struct hin_postgres_load *load; /* NULL, or the store is being filled: load.c */
    int64_t next_try_usec;          /* monotonic: connecting before it is not tried */
    int64_t pause_usec;
    struct hin_error trouble; /* why the last attempt failed */
};

static inline struct hin_postgres *hin_postgres_of(const struct hin_store *store)
{
    return store->connection;
}

/* What a result's SQLSTATE means; frees nothing. A lost connection is AGAIN. */
HIN_RESULT hin_postgres_code(struct hin_postgres *postgres, const PGresult *result);
/* One text without parameters or result. */
HIN_RESULT hin_postgres_exec(struct hin_postgres *postgres, const char *sql) HIN_NONNULL;

/* A statement as PostgreSQL has it; parameters are ?1. */
const char *hin_postgres_text(enum hin_sql sql);

/* --- load.c: filling a store --- */
/* How many columns the rows have that a statement puts as they are bound (INSERT ... VALUES of all
 * parameters in order); 0: it is none of these. */
int hin_postgres_copy_columns(const char *text) HIN_NONNULL;
struct hin_postgres_values { /* binary, as they are bound; NULL: null */
    const char *const *values;
    const int *lengths;
    int count; /* a row, or several */
};
/* While postgres->load: rows of such a statement, on their way to the server when it answers. What
 * any of them failed with is the failure of a later call, the end at the latest. */
HIN_RESULT hin_postgres_load_rows(struct hin_postgres *postgres, enum hin_sql sql, int columns,
                                  const struct hin_postgres_values *values) HIN_NONNULL;
/* Gives up a load, and the connection with it; nothing where there is none. */
void hin_postgres_load_drop(struct hin_postgres *postgres) HIN_NONNULL;
/* The backend's `load`. */
HIN_RESULT hin_postgres_load(struct hin_store *store, enum hin_load step) HIN_NONNULL;

/* Connects, checks server and peer, takes the tenant's role. create: makes role and schema when
 * absent (else NOT_FOUND). */
HIN_RESULT hin_postgres_connect(struct hin_postgres *postgres, bool create,
                                struct hin_error *error) HIN_NONNULL;
/* The same without a tenant: as the installation's own role. */
HIN_RESULT hin_postgres_connect_server(struct hin_postgres *postgres,
                                       struct hin_error *error) HIN_NONNULL;
void hin_postgres_disconnect(struct hin_postgres *postgres) HIN_NONNULL;
/* A statement about the role: `before`, its quoted name, `after`, or where that begins with '@' the
 * rest of it and the name once more. */
HIN_RESULT hin_postgres_exec_on_role(struct hin_postgres *postgres, const char *before,
                                     const char *after) HIN_NONNULL;
/* The same about the schema. */
HIN_RESULT hin_postgres_exec_on_schema(struct hin_postgres *postgres, const char *before,
                                       const char *after) HIN_NONNULL;
/* Makes the schema, the role's. */
HIN_RESULT hin_postgres_create_schema(struct hin_postgres *postgres) HIN_NONNULL;
/* Role and schema of a tenant. */
HIN_RESULT hin_postgres_name(struct hin_postgres *postgres, const char *user, const char *tenant,
                             enum hin_store_aside aside) HIN_NONNULL;
/* hin_store_aside_* on PostgreSQL. */
HIN_RESULT hin_postgres_aside_find(const struct hin_store_options *options,
                                   enum hin_store_aside aside, bool *ret_there,
                                   struct hin_error *error) HIN_NONNULL;
HIN_RESULT hin_postgres_aside_take(const struct hin_store_options *options,
                                   struct hin_error *error) HIN_NONNULL;
HIN_RESULT hin_postgres_aside_erase(const struct hin_store_options *options,
                                    enum hin_store_aside aside,
                                    struct hin_error *error) HIN_NONNULL;
/* One value of the first row, as text; empty when there is none. parameter: may be NULL. */
HIN_RESULT hin_postgres_ask(struct hin_postgres *postgres, const char *sql, const char *parameter,
                            char *out, size_t out_bytes);
/* hin_store_erase on PostgreSQL. */
HIN_RESULT hin_postgres_erase(const struct hin_store_options *options, bool *ret_done,
                              struct hin_error *error) HIN_NONNULL;
/* The role, and schema, of a tenant. */
HIN_RESULT hin_postgres_role(const char *user, const char *tenant,
                             char ret_role[HIN_POSTGRES_ROLE_MAX + 1]) HIN_NONNULL;
/* Forward to this build's version; only compares when read_only. */
HIN_RESULT hin_postgres_migrate(struct hin_store *store, struct hin_error *error) HIN_NONNULL;

#endif
