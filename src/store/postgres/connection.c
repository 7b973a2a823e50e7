/* Connecting: what is asked of server and connection before anything is said to it, the tenant's
 * role and schema, and the schema's version. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/time.h"
#include "crypt/hash.h"
#include "crypt/link.h"
#include "store/postgres/internal.h"
#include "store/postgres/migrations.h"

enum { VERSION_LEAST = 140000 };
#define CONNECT_USEC (5 * HIN_SEC_USEC)

/* What a session works with. A writer waits for another as long as on SQLite; one that died is let
 * go. Plans are made once, and as if tables were large: on a young table they would be made for an
 * empty one, and kept. */
#define SESSION                                                                                    \
    "SET synchronous_commit = on; SET lock_timeout = 10000; "                                      \
    "SET statement_timeout = " HIN_POSTGRES_STATEMENT_MSEC "; "                                    \
    "SET idle_in_transaction_session_timeout = 60000; SET enable_seqscan = off; "                  \
    "SET plan_cache_mode = force_generic_plan; SET jit = off; "                                    \
    "SET standard_conforming_strings = on; SET default_transaction_isolation = 'read committed'; " \
    "SET default_transaction_read_only = off"

/* --- the way there --- */

static void drop(struct hin_postgres *postgres)
{
    PQfinish(postgres->conn);
    postgres->conn = NULL;
}

static void say_nothing(void *context, const char *message)
{
    (void)context;
    (void)message;
}

struct setting {
    const char *name, *value;
};

/* Every setting that the environment or a file of the user's could bring in is given here. */
static HIN_RESULT start(struct hin_postgres *postgres, struct hin_error *error)
{
    const struct hin_store_server *server = postgres->server;
    HIN_CLEANUP(hin_buf_done) struct hin_buf password = {.max = HIN_SECRET_MAX + 1};
    char port[8];
    bool tls = server->link == HIN_STORE_TLS;
    if (getenv("PGSERVICE") != NULL) {
        return hin_error_set(
            error, HIN_INVALID, NULL, 0, 0,
            "PGSERVICE is set, and would add settings to the connection: unset it");
    }
    HIN_TRY(hin_buf_append(&password, hin_secret_view(&server->password)));
    HIN_TRY(hin_buf_append(&password, hin_view_of("", 1)));
    (void)snprintf(port, sizeof(port), "%u", server->port);
    const struct setting settings[] = {
        {"host", server->host},
        {"hostaddr", tls ? server->address : ""},
        {"port", port},
        {"dbname", server->database},
        {"user", server->user},
        {"password", (const char *)password.data},
        {"passfile", "/dev/null/none"},
        {"sslmode", tls ? "verify-full" : "disable"},
        {"sslrootcert", tls ? server->authority : ""},
        {"sslcert", "/dev/null/none"},
        {"sslkey", ""},
        {"sslcrl", "/dev/null/none"},
        {"sslcrldir", ""},
        {"sslcompression", "0"},
        {"ssl_min_protocol_version", hin_tls_version_name(hin_links[HIN_LINK_DATABASE].minimum)},
        {"gssencmode", "disable"},
        {"channel_binding", tls ? "require" : "prefer"},
        {"requirepeer", ""},
        {"options", ""},
        {"client_encoding", "UTF8"},
        {"application_name", "hinomi"},
        {"keepalives_idle", "30"},
        {"tcp_user_timeout", "10000"},
        {"target_session_attrs", "any"},
        {"replication", ""},
    };
    const char *names[HIN_COUNT(settings) + 1] = {0}, *values[HIN_COUNT(settings) + 1] = {0};
    for (size_t i = 0; i < HIN_COUNT(settings); i++) {
        names[i] = settings[i].name;
        values[i] = settings[i].value;
    }
    postgres->conn = PQconnectStartParams(names, values, 0);
    hin_wipe(password.data, password.size);
    HIN_ENSURE(postgres->conn != NULL, NO_MEMORY);
    (void)PQsetNoticeProcessor(postgres->conn, say_nothing, NULL);
    return hin_ok();
}

/* Before a byte is sent: who listens at a socket's path may be anybody who could put it there. */
static HIN_RESULT check_peer(struct hin_postgres *postgres, struct hin_error *error)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (postgres->server->link != HIN_STORE_SOCKET || PQsocket(postgres->conn) < 0) {
        return hin_ok();
    }
    HIN_ENSURE(getsockopt(PQsocket(postgres->conn), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0,
               IO);
    if (peer.uid != postgres->server->peer_uid) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the server at the socket in %s runs as uid %u, not %u as it should: "
                             "not connecting (requirepeer in --store says which)",
                             postgres->server->host, (unsigned)peer.uid,
                             (unsigned)postgres->server->peer_uid);
    }
    return hin_ok();
}

static HIN_RESULT wait_for(PGconn *conn, short events, int64_t until_usec)
{
    for (;;) {
        int64_t left_usec = until_usec - hin_clock_monotonic_usec(hin_clock_system());
        HIN_ENSURE(left_usec > 0, TIMEOUT);
        struct pollfd fd = {.fd = PQsocket(conn), .events = events};
        int count = poll(&fd, 1, (int)(left_usec / 1000) + 1);
        if (count > 0) {
            return hin_ok();
        }
        HIN_ENSURE(count == 0 || errno == EINTR, IO);
    }
}

static HIN_RESULT finish(struct hin_postgres *postgres)
{
    int64_t until_usec = hin_clock_monotonic_usec(hin_clock_system()) + CONNECT_USEC;
    short events = POLLOUT; /* as if PQconnectPoll had asked to write */
    for (;;) {
        HIN_ENSURE(PQstatus(postgres->conn) != CONNECTION_BAD, NETWORK);
        HIN_TRY(wait_for(postgres->conn, events, until_usec));
        switch (PQconnectPoll(postgres->conn)) {
        case PGRES_POLLING_OK:
            return hin_ok();
        case PGRES_POLLING_READING:
            events = POLLIN;
            break;
        case PGRES_POLLING_WRITING:
            events = POLLOUT;
            break;
        default:
            return hin_fail(HIN_NETWORK);
        }
    }
}

/* libpq gives no SQLSTATE for a refused start: its words are all there is, without their line end.
 */
static HIN_RESULT say_why(struct hin_postgres *postgres, struct hin_result result,
                          struct hin_error *error)
{
    const char *text = PQerrorMessage(postgres->conn);
    size_t size = strcspn(text, "\n");
    return hin_error_set(error, result.code == HIN_TIMEOUT ? HIN_TIMEOUT : HIN_NETWORK, NULL, 0, 0,
                         "the database server cannot be reached: %.*s",
                         (int)HIN_MIN(size, (size_t)300),
                         result.code == HIN_TIMEOUT ? "no answer in time" : text);
}

/* --- what the server must be --- */

/* One value of the first row, as text; empty when there is none. */
static HIN_RESULT ask(struct hin_postgres *postgres, const char *sql, const char *parameter,
                      char *out, size_t out_bytes)
{
    PGresult *result =
        PQexecParams(postgres->conn, sql, parameter != NULL, NULL, &parameter, NULL, NULL, 0);
    struct hin_result done = hin_postgres_code(postgres, result);
    if (hin_is_ok(done)) {
        bool any = PQntuples(result) > 0 && PQgetisnull(result, 0, 0) == 0;
        (void)snprintf(out, out_bytes, "%s", any ? PQgetvalue(result, 0, 0) : "");
    }
    PQclear(result);
    return done;
}

/* libpq can set the least version, not the suites: what came of it is compared with the policy. */
static HIN_RESULT check_session(struct hin_postgres *postgres, struct hin_error *error)
{
    if (postgres->server->link != HIN_STORE_TLS) {
        return hin_ok();
    }
    HIN_ENSURE(PQsslInUse(postgres->conn) != 0, AUTH);
    const char *version = PQsslAttribute(postgres->conn, "protocol");
    const char *suite = PQsslAttribute(postgres->conn, "cipher");
    HIN_ENSURE(version != NULL && suite != NULL, INTERNAL);
    if (!hin_link_permits(&hin_links[HIN_LINK_DATABASE], version, suite, NULL)) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the database server chose %s with %s, which the TLS policy does not "
                             "permit: set its ssl_ciphers to AEAD suites with ECDHE, or let it "
                             "speak TLS 1.3",
                             version, suite);
    }
    return hin_ok();
}

/* An acknowledgement means that it is on disk: a server that is told otherwise is none for us. */
static HIN_RESULT check_server(struct hin_postgres *postgres, struct hin_error *error)
{
    char text[16];
    if (PQserverVersion(postgres->conn) < VERSION_LEAST) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "PostgreSQL %d is too old: 14 or newer is needed",
                             PQserverVersion(postgres->conn) / 10000);
    }
    HIN_TRY(check_session(postgres, error));
    HIN_TRY(ask(postgres, "SHOW fsync", NULL, text, sizeof(text)));
    if (strcmp(text, "on") != 0) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "the database server runs with fsync = %s, which loses what was "
                             "acknowledged: set it to on",
                             text);
    }
    return hin_ok();
}

/* --- the tenant's role and schema --- */

HIN_RESULT hin_postgres_role(const char *user, const char *tenant,
                             char ret_role[HIN_POSTGRES_ROLE_MAX + 1])
{
    size_t size = strlen(user) + 1 + strlen(tenant);
    if (size <= HIN_POSTGRES_ROLE_MAX) {
        (void)snprintf(ret_role, HIN_POSTGRES_ROLE_MAX + 1, "%s_%s", user, tenant);
        return hin_ok();
    }
    uint8_t hash[32];
    HIN_TRY(hin_sha256(hin_view_from_text(tenant), hash)); /* longer than a name may be */
    HIN_ENSURE(strlen(user) <= 30, LIMIT);
    (void)snprintf(ret_role, HIN_POSTGRES_ROLE_MAX + 1, "%s_%016llx%016llx", user,
                   (unsigned long long)hin_load_u64(hash),
                   (unsigned long long)hin_load_u64(hash + 8));
    return hin_ok();
}

HIN_RESULT hin_postgres_name(struct hin_postgres *postgres, const char *user, const char *tenant,
                             enum hin_store_aside aside)
{
    char name[HIN_STORE_TENANT_MAX + 16];
    (void)snprintf(name, sizeof(name), "%s%s", tenant, hin_store_aside_ending(aside));
    HIN_TRY(hin_postgres_role(user, tenant, postgres->role));
    return hin_postgres_role(user, name, postgres->schema);
}

/* A statement about the role, or the schema: names cannot be parameters, so they are quoted. */
static HIN_RESULT exec_on(struct hin_postgres *postgres, const char *name, const char *before,
                          const char *after)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf sql = {.max = 4096};
    char *quoted = PQescapeIdentifier(postgres->conn, name, strlen(name));
    HIN_ENSURE(quoted != NULL, NO_MEMORY);
    struct hin_result written =
        hin_buf_printf(&sql, "%s%s%s%s", before, quoted, after[0] == '@' ? after + 1 : after,
                       after[0] == '@' ? quoted : "");
    PQfreemem(quoted);
    HIN_TRY(written);
    HIN_TRY(hin_buf_append(&sql, hin_view_of("", 1)));
    return hin_postgres_exec(postgres, (const char *)sql.data);
}

static HIN_RESULT exec_on_role(struct hin_postgres *postgres, const char *before, const char *after)
{
    return exec_on(postgres, postgres->role, before, after);
}

static HIN_RESULT exec_on_schema(struct hin_postgres *postgres, const char *before,
                                 const char *after)
{
    return exec_on(postgres, postgres->schema, before, after);
}

static HIN_RESULT is_there(struct hin_postgres *postgres, const char *sql, const char *name,
                           bool *ret_there)
{
    char text[16];
    HIN_TRY(ask(postgres, sql, name, text, sizeof(text)));
    *ret_there = text[0] != '\0';
    return hin_ok();
}

/* The installation's own role must not see past the walls that it builds. */
static HIN_RESULT check_installation(struct hin_postgres *postgres, struct hin_error *error)
{
    char text[16];
    HIN_TRY(ask(postgres,
                "SELECT CASE WHEN rolsuper OR rolbypassrls THEN 'super' WHEN rolinherit THEN "
                "'inherits' WHEN NOT rolcreaterole THEN 'unable' ELSE '' END FROM pg_roles WHERE "
                "rolname = session_user",
                NULL, text, sizeof(text)));
    if (text[0] == '\0') {
        return hin_ok();
    }
    return hin_error_set(error, HIN_DENIED, NULL, 0, 0,
                         "the role %s %s: give the installation one made by CREATE ROLE %s LOGIN "
                         "NOINHERIT CREATEROLE",
                         postgres->server->user,
                         strcmp(text, "super") == 0      ? "is a superuser, whom no wall holds"
                         : strcmp(text, "inherits") == 0 ? "inherits the rights of all tenants"
                                                         : "may not create roles",
                         postgres->server->user);
}

static HIN_RESULT make_role(struct hin_postgres *postgres)
{
    bool newer = PQserverVersion(postgres->conn) >= 160000;
    HIN_TRY(exec_on_role(postgres, "CREATE ROLE ",
                         " NOLOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"));
    return exec_on_role(postgres, "GRANT ",
                        newer ? " TO SESSION_USER WITH INHERIT FALSE, SET TRUE"
                              : " TO SESSION_USER");
}

HIN_RESULT hin_postgres_create_schema(struct hin_postgres *postgres)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf after = {.max = 512};
    char *quoted = PQescapeIdentifier(postgres->conn, postgres->role, strlen(postgres->role));
    HIN_ENSURE(quoted != NULL, NO_MEMORY);
    struct hin_result written = hin_buf_printf(&after, " AUTHORIZATION %s", quoted);
    PQfreemem(quoted);
    HIN_TRY(written);
    HIN_TRY(hin_buf_append(&after, hin_view_of("", 1)));
    return exec_on_schema(postgres, "CREATE SCHEMA ", (const char *)after.data);
}

static HIN_RESULT make_schema(struct hin_postgres *postgres)
{
    bool owner = false;
    HIN_TRY(hin_postgres_create_schema(postgres));
    HIN_TRY(exec_on_role(postgres, "SET LOCAL ROLE ", "")); /* only its owner may */
    HIN_TRY(exec_on_schema(postgres, "REVOKE ALL ON SCHEMA ", " FROM PUBLIC"));
    HIN_TRY(hin_postgres_exec(postgres, "RESET ROLE"));
    HIN_TRY(is_there(postgres,
                     "SELECT 1 FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE "
                     "d.datname = current_database() AND r.rolname = session_user AND $1 <> ''",
                     postgres->role, &owner));
    if (!owner) {
        return hin_ok(); /* then it is the owner's business, see docs/OPERATIONS.md */
    }
    char *database = PQescapeIdentifier(postgres->conn, postgres->server->database,
                                        strlen(postgres->server->database));
    HIN_ENSURE(database != NULL, NO_MEMORY);
    HIN_CLEANUP(hin_buf_done) struct hin_buf sql = {.max = 1024};
    struct hin_result written =
        hin_buf_printf(&sql,
                       "REVOKE ALL ON DATABASE %s FROM PUBLIC; SET LOCAL ROLE pg_database_owner; "
                       "REVOKE ALL ON SCHEMA public FROM PUBLIC; RESET ROLE",
                       database);
    PQfreemem(database);
    HIN_TRY(written);
    HIN_TRY(hin_buf_append(&sql, hin_view_of("", 1)));
    return hin_postgres_exec(postgres, (const char *)sql.data);
}

#define ROLE_IS_THERE   "SELECT 1 FROM pg_roles WHERE rolname = $1"
#define SCHEMA_IS_THERE "SELECT 1 FROM pg_namespace WHERE nspname = $1"

static HIN_RESULT make_tenant(struct hin_postgres *postgres, struct hin_error *error)
{
    bool role = false, schema = false;
    char text[16];
    HIN_TRY(check_installation(postgres, error));
    HIN_TRY(ask(postgres, "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", postgres->role,
                text, sizeof(text)));
    HIN_TRY(is_there(postgres, ROLE_IS_THERE, postgres->role, &role));
    HIN_TRY(is_there(postgres, SCHEMA_IS_THERE, postgres->schema, &schema));
    if (!role) {
        HIN_TRY(make_role(postgres));
    }
    return schema ? hin_ok() : make_schema(postgres);
}

static HIN_RESULT take_tenant(struct hin_postgres *postgres, bool create, struct hin_error *error)
{
    bool schema = false;
    HIN_TRY(is_there(postgres, SCHEMA_IS_THERE, postgres->schema, &schema));
    if (!schema && !create) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                             "the database has no schema %s: check the address, or restore it",
                             postgres->schema);
    }
    if (!schema) {
        HIN_TRY(hin_postgres_exec(postgres, "BEGIN"));
        struct hin_result made = make_tenant(postgres, error);
        struct hin_result ended =
            hin_postgres_exec(postgres, hin_is_ok(made) ? "COMMIT" : "ROLLBACK");
        HIN_TRY(made);
        HIN_TRY(ended);
    }
    HIN_TRY(exec_on_role(postgres, "SET ROLE ", ""));
    return exec_on_schema(postgres, "SET search_path = ", "");
}

void hin_postgres_disconnect(struct hin_postgres *postgres)
{
    drop(postgres);
}

HIN_RESULT hin_postgres_ask(struct hin_postgres *postgres, const char *sql, const char *parameter,
                            char *out, size_t out_bytes)
{
    return ask(postgres, sql, parameter, out, out_bytes);
}

HIN_RESULT hin_postgres_exec_on_role(struct hin_postgres *postgres, const char *before,
                                     const char *after)
{
    return exec_on_role(postgres, before, after);
}

HIN_RESULT hin_postgres_exec_on_schema(struct hin_postgres *postgres, const char *before,
                                       const char *after)
{
    return exec_on_schema(postgres, before, after);
}

HIN_RESULT hin_postgres_connect_server(struct hin_postgres *postgres, struct hin_error *error)
{
    drop(postgres);
    *error = (struct hin_error){0};
    struct hin_result result = start(postgres, error);
    if (hin_is_ok(result)) {
        result = check_peer(postgres, error);
    }
    if (hin_is_ok(result)) {
        result = finish(postgres);
        result = hin_is_ok(result) ? result : say_why(postgres, result, error);
    }
    if (hin_is_ok(result)) {
        result = hin_postgres_exec(postgres, SESSION);
    }
    if (hin_is_ok(result)) {
        result = check_server(postgres, error);
    }
    if (!hin_is_ok(result)) {
        drop(postgres);
    }
    return result;
}

HIN_RESULT hin_postgres_connect(struct hin_postgres *postgres, bool create, struct hin_error *error)
{
    HIN_TRY(hin_postgres_connect_server(postgres, error));
    struct hin_result taken = take_tenant(postgres, create, error);
    if (!hin_is_ok(taken)) {
        drop(postgres);
    }
    return taken;
}

/* --- the schema's version --- */

static HIN_RESULT version_of(struct hin_postgres *postgres, int64_t *ret_version)
{
    char text[32];
    /* Not to_regclass: it may answer from before a lock was waited for. */
    HIN_TRY(
        ask(postgres,
            "SELECT 1 FROM pg_class c, pg_namespace n WHERE n.oid = c.relnamespace AND n.nspname "
            "= $1 AND c.relname = 'migration'",
            postgres->schema, text, sizeof(text)));
    if (text[0] != '\0') {
        HIN_TRY(ask(postgres, "SELECT max(version) FROM migration", NULL, text, sizeof(text)));
    }
    *ret_version = 0;
    return text[0] == '\0' ? hin_ok() : hin_view_to_i64(hin_view_from_text(text), ret_version);
}

static HIN_RESULT check_version(struct hin_store *store, int64_t version, struct hin_error *error)
{
    if (version > HIN_STORE_SCHEMA_VERSION) {
        return hin_error_set(error, HIN_UNSUPPORTED, store->tenant, 0, 0,
                             "the database was written by a newer version (format %lld, this "
                             "version knows %d): update Hinomi",
                             (long long)version, HIN_STORE_SCHEMA_VERSION);
    }
    HIN_ENSURE(!store->read_only || version == HIN_STORE_SCHEMA_VERSION, UNSUPPORTED);
    return hin_ok();
}

/* One step, and the version that it leads to: together, or not at all. Whoever comes second finds
 * it done. */
static HIN_RESULT migrate_one(struct hin_store *store, struct hin_error *error)
{
    static const char *const steps[HIN_STORE_SCHEMA_VERSION] = {
        HIN_STORE_POSTGRES_1, HIN_STORE_POSTGRES_2, HIN_STORE_POSTGRES_3};
    struct hin_postgres *postgres = hin_postgres_of(store);
    int64_t version = 0;
    char number[32], text[16];
    HIN_TRY(ask(postgres, "SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", postgres->schema,
                text, sizeof(text)));
    HIN_TRY(version_of(postgres, &version));
    HIN_TRY(check_version(store, version, error));
    if (version == HIN_STORE_SCHEMA_VERSION) {
        return hin_ok();
    }
    HIN_TRY(hin_postgres_exec(postgres, steps[version]));
    (void)snprintf(number, sizeof(number), "%lld", (long long)version + 1);
    return ask(postgres, "INSERT INTO migration(version) VALUES($1::bigint) RETURNING 1", number,
               text, sizeof(text));
}

HIN_RESULT hin_postgres_migrate(struct hin_store *store, struct hin_error *error)
{
    struct hin_postgres *postgres = hin_postgres_of(store);
    int64_t version = 0;
    HIN_TRY(version_of(postgres, &version));
    HIN_TRY(check_version(store, version, error));
    while (version < HIN_STORE_SCHEMA_VERSION) {
        HIN_TRY(hin_postgres_exec(postgres, "BEGIN"));
        struct hin_result done = migrate_one(store, error);
        struct hin_result ended =
            hin_postgres_exec(postgres, hin_is_ok(done) ? "COMMIT" : "ROLLBACK");
        HIN_TRY(done);
        HIN_TRY(ended);
        version++;
    }
    return hin_ok();
}
