/* Schemas beside a tenant's own: all are its role's, so tables go from one into another, as it, in
 * one transaction. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "store/postgres/internal.h"

/* Whoever still has a table open is waited for this long, then AGAIN. */
#define PATIENCE        "SET lock_timeout = 2000; SET client_min_messages = warning"
#define SCHEMA_IS_THERE "SELECT 1 FROM pg_namespace WHERE nspname = $1"
#define NEXT_TABLE                                                                                 \
    "SELECT c.relname FROM pg_class c, pg_namespace n WHERE n.oid = c.relnamespace AND n.nspname " \
    "= $1 AND c.relkind = 'r' ORDER BY c.relname LIMIT 1"

struct aside { /* names of the three */
    struct hin_postgres postgres;
    char own[HIN_POSTGRES_ROLE_MAX + 1], next[HIN_POSTGRES_ROLE_MAX + 1],
        replaced[HIN_POSTGRES_ROLE_MAX + 1];
};

static void use_schema(struct aside *aside, const char *name)
{
    (void)snprintf(aside->postgres.schema, sizeof(aside->postgres.schema), "%s", name);
}

static HIN_RESULT begin(struct aside *aside, const struct hin_store_options *options,
                        struct hin_error *error)
{
    struct hin_postgres *postgres = &aside->postgres;
    const char *user = options->server->user;
    *aside = (struct aside){.postgres = {.server = options->server}};
    HIN_TRY(hin_postgres_name(postgres, user, options->tenant, HIN_STORE_NEXT));
    hin_copy(aside->next, postgres->schema, sizeof(aside->next));
    HIN_TRY(hin_postgres_name(postgres, user, options->tenant, HIN_STORE_REPLACED));
    hin_copy(aside->replaced, postgres->schema, sizeof(aside->replaced));
    HIN_TRY(hin_postgres_name(postgres, user, options->tenant, HIN_STORE_IN_PLACE));
    hin_copy(aside->own, postgres->schema, sizeof(aside->own));
    HIN_TRY(hin_postgres_connect_server(postgres, error));
    return hin_postgres_exec(postgres, PATIENCE);
}

static HIN_RESULT finish(struct aside *aside, struct hin_result done, struct hin_error *error)
{
    if (!hin_is_ok(done) && error->text[0] == '\0') {
        *error = aside->postgres.trouble;
    }
    hin_postgres_disconnect(&aside->postgres);
    return done;
}

static HIN_RESULT is_there(struct aside *aside, const char *sql, const char *name, bool *ret_there)
{
    char text[16];
    HIN_TRY(hin_postgres_ask(&aside->postgres, sql, name, text, sizeof(text)));
    *ret_there = text[0] != '\0';
    return hin_ok();
}

static HIN_RESULT move_table(struct aside *aside, const char *table, const char *to)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf after = {.max = 512};
    PGconn *conn = aside->postgres.conn;
    char *quoted = PQescapeIdentifier(conn, table, strlen(table));
    char *schema = PQescapeIdentifier(conn, to, strlen(to));
    struct hin_result written = hin_fail(HIN_NO_MEMORY);
    if (quoted != NULL && schema != NULL) {
        written = hin_buf_printf(&after, ".%s SET SCHEMA %s", quoted, schema);
    }
    PQfreemem(quoted);
    PQfreemem(schema);
    HIN_TRY(written);
    HIN_TRY(hin_buf_append(&after, hin_view_of("", 1)));
    return hin_postgres_exec_on_schema(&aside->postgres, "ALTER TABLE ", (const char *)after.data);
}

static HIN_RESULT move_all(struct aside *aside, const char *from, const char *to)
{
    char table[HIN_POSTGRES_ROLE_MAX + 1];
    use_schema(aside, from);
    HIN_TRY(hin_postgres_ask(&aside->postgres, NEXT_TABLE, from, table, sizeof(table)));
    while (table[0] != '\0') {
        HIN_TRY(move_table(aside, table, to));
        HIN_TRY(hin_postgres_ask(&aside->postgres, NEXT_TABLE, from, table, sizeof(table)));
    }
    return hin_ok();
}

static HIN_RESULT drop_as_owner(struct aside *aside, const char *name)
{
    use_schema(aside, name);
    return hin_postgres_exec_on_schema(&aside->postgres, "DROP SCHEMA IF EXISTS ", " CASCADE");
}

static HIN_RESULT exchange(struct aside *aside)
{
    struct hin_postgres *postgres = &aside->postgres;
    HIN_TRY(hin_postgres_exec_on_role(postgres, "SET LOCAL ROLE ", ""));
    HIN_TRY(drop_as_owner(aside, aside->replaced)); /* of one that was cut off long ago */
    HIN_TRY(hin_postgres_exec(postgres, "RESET ROLE"));
    use_schema(aside, aside->replaced);
    HIN_TRY(hin_postgres_create_schema(postgres)); /* which the tenant's role may not */
    HIN_TRY(hin_postgres_exec_on_role(postgres, "SET LOCAL ROLE ", ""));
    HIN_TRY(move_all(aside, aside->own, aside->replaced));
    HIN_TRY(move_all(aside, aside->next, aside->own));
    use_schema(aside, aside->next);
    return hin_postgres_exec_on_schema(postgres, "DROP SCHEMA ", "");
}

static HIN_RESULT take(struct aside *aside)
{
    struct hin_postgres *postgres = &aside->postgres;
    bool there = false;
    HIN_TRY(is_there(aside, SCHEMA_IS_THERE, aside->next, &there));
    if (!there) {
        return hin_ok();
    }
    HIN_TRY(hin_postgres_exec(postgres, "BEGIN"));
    struct hin_result done = exchange(aside);
    struct hin_result ended = hin_postgres_exec(postgres, hin_is_ok(done) ? "COMMIT" : "ROLLBACK");
    HIN_TRY(done);
    return ended;
}

HIN_RESULT hin_postgres_aside_take(const struct hin_store_options *options, struct hin_error *error)
{
    struct aside aside;
    struct hin_result done = begin(&aside, options, error);
    if (hin_is_ok(done)) {
        done = take(&aside);
    }
    return finish(&aside, done, error);
}

HIN_RESULT hin_postgres_aside_find(const struct hin_store_options *options,
                                   enum hin_store_aside which, bool *ret_there,
                                   struct hin_error *error)
{
    struct aside aside;
    struct hin_result done = begin(&aside, options, error);
    if (hin_is_ok(done)) {
        const char *const names[] = {aside.own, aside.next, aside.replaced};
        done = is_there(&aside, SCHEMA_IS_THERE, names[which], ret_there);
    }
    return finish(&aside, done, error);
}

static HIN_RESULT erase(struct aside *aside, const char *name)
{
    bool there = false;
    HIN_TRY(is_there(aside, SCHEMA_IS_THERE, name, &there));
    if (!there) {
        return hin_ok();
    }
    HIN_TRY(hin_postgres_exec_on_role(&aside->postgres, "SET ROLE ", ""));
    HIN_TRY(drop_as_owner(aside, name));
    return hin_postgres_exec(&aside->postgres, "RESET ROLE");
}

HIN_RESULT hin_postgres_aside_erase(const struct hin_store_options *options,
                                    enum hin_store_aside which, struct hin_error *error)
{
    struct aside aside;
    struct hin_result done = begin(&aside, options, error);
    if (hin_is_ok(done)) {
        done = erase(&aside, which == HIN_STORE_NEXT ? aside.next : aside.replaced);
    }
    return finish(&aside, done, error);
}
