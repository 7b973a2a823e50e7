/* A tenant's schema and role go: table by table, each in a transaction of its own, so that a large
 * tenant holds nobody up, and what was cut off goes on. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "store/postgres/internal.h"

/* Whoever still has a table open is waited for this long, then AGAIN. */
#define PATIENCE "SET lock_timeout = 2000; SET client_min_messages = warning"

static HIN_RESULT drop_table(struct hin_postgres *postgres, const char *table)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf after = {.max = 256};
    char *quoted = PQescapeIdentifier(postgres->conn, table, strlen(table));
    HIN_ENSURE(quoted != NULL, NO_MEMORY);
    struct hin_result written = hin_buf_printf(&after, ".%s CASCADE", quoted);
    PQfreemem(quoted);
    HIN_TRY(written);
    HIN_TRY(hin_buf_append(&after, hin_view_of("", 1)));
    return hin_postgres_exec_on_role(postgres, "DROP TABLE ", (const char *)after.data);
}

/* As the owner of the schema, which the role is. */
static HIN_RESULT drop_some(struct hin_postgres *postgres, bool *ret_done)
{
    char text[128];
    HIN_TRY(hin_postgres_ask(postgres, "SELECT 1 FROM pg_namespace WHERE nspname = $1",
                             postgres->role, text, sizeof(text)));
    if (text[0] == 0) {
        *ret_done = true;
        return hin_ok();
    }
    HIN_TRY(hin_postgres_ask(postgres,
                             "SELECT c.relname FROM pg_class c, pg_namespace n WHERE n.oid = "
                             "c.relnamespace AND n.nspname = $1 AND c.relkind = 'r' ORDER BY "
                             "c.relname LIMIT 1",
                             postgres->role, text, sizeof(text)));
    *ret_done = false;
    return text[0] != 0 ? drop_table(postgres, text)
                        : hin_postgres_exec_on_role(postgres, "DROP SCHEMA ", " CASCADE");
}

/* What a restore made beside it, or replaced. */
static HIN_RESULT drop_aside(struct hin_postgres *postgres, const char *tenant)
{
    for (unsigned aside = HIN_STORE_NEXT; aside < HIN_STORE_ASIDE_COUNT; aside++) {
        HIN_TRY(hin_postgres_name(postgres, postgres->server->user, tenant,
                                  (enum hin_store_aside)aside));
        HIN_TRY(hin_postgres_exec_on_schema(postgres, "DROP SCHEMA IF EXISTS ", " CASCADE"));
    }
    return hin_ok();
}

static HIN_RESULT erase(struct hin_postgres *postgres, const char *tenant, bool *ret_done)
{
    char text[16];
    bool empty = false;
    HIN_TRY(hin_postgres_exec(postgres, PATIENCE));
    HIN_TRY(hin_postgres_ask(postgres, "SELECT 1 FROM pg_roles WHERE rolname = $1", postgres->role,
                             text, sizeof(text)));
    if (text[0] == 0) {
        *ret_done = true;
        return hin_ok();
    }
    HIN_TRY(hin_postgres_exec_on_role(postgres, "SET ROLE ", ""));
    HIN_TRY(drop_aside(postgres, tenant));
    HIN_TRY(drop_some(postgres, &empty));
    HIN_TRY(hin_postgres_exec(postgres, "RESET ROLE"));
    *ret_done = empty;
    return empty ? hin_postgres_exec_on_role(postgres, "DROP ROLE ", "") : hin_ok();
}

HIN_RESULT hin_postgres_erase(const struct hin_store_options *options, bool *ret_done,
                              struct hin_error *error)
{
    struct hin_postgres postgres = {.server = options->server};
    bool done = false;
    HIN_TRY(hin_postgres_role(options->server->user, options->tenant, postgres.role));
    HIN_TRY(hin_postgres_connect_server(&postgres, error));
    struct hin_result erased = erase(&postgres, options->tenant, &done);
    if (!hin_is_ok(erased)) {
        *error = postgres.trouble;
    }
    hin_postgres_disconnect(&postgres);
    HIN_TRY(erased);
    *ret_done = done;
    return hin_ok();
}
