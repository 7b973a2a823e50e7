/* Where the store lies when it is a PostgreSQL server: how settings, pass word and way there come
 * from the command line to the processes that use it. Without --store all of this is empty, and the
 * store is SQLite in the state folder. */
#ifndef HIN_MANAGER_DATABASE_H
#define HIN_MANAGER_DATABASE_H

#include "manager/passphrase.h"
#include "role/parent.h"
#include "store/server.h"

#define HIN_MANAGER_STORE_MAX 6144 /* bytes of an address */

/* The canonical text of `url`, for the settings: checked, the peer as a number. */
HIN_RESULT hin_database_settle(const char *url, char *out, size_t out_bytes,
                               struct hin_error *error) __attribute__((nonnull(1, 2)));

struct hin_database {
    bool is_server;
    struct hin_store_server server;
};

/* From the settings; store: "" for SQLite. The password is read from its source, the host's address
 * is looked up. */
HIN_RESULT hin_database_open(struct hin_database *database, const char *store,
                             const struct hin_passphrase_source *password, struct hin_error *error)
    __attribute__((nonnull(1, 2, 3)));
void hin_database_close(struct hin_database *database);
/* NULL: SQLite. */
static inline const struct hin_store_server *
hin_database_server(const struct hin_database *database)
{
    return database->is_server ? &database->server : NULL;
}

/* Parent to child: the address, the password, the socket's folder or the authority's file, open. */
HIN_RESULT hin_database_hand(const struct hin_database *database,
                             struct hin_role_hand *hand) HIN_NONNULL;
/* In the child: what its profile must open, which is that server and nothing else. */
HIN_RESULT hin_database_allow(struct hin_role *role, struct hin_sandbox *sandbox) HIN_NONNULL;
/* In the child, behind the lock. */
HIN_RESULT hin_database_take(struct hin_role *role, struct hin_database *ret_database) HIN_NONNULL;

#endif
