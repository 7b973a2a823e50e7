/* What is PostgreSQL's own: how it is reached, what a tenant's role may not do, a database that
 * goes away. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"
#include "fixture.h"
#include "server.h"

static void pause_msec(long msec)
{
    const struct timespec time = {.tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* As the superuser, or as what the text says. */
static bool by_hand(const char *format, const char *tenant)
{
    char sql[1024];
    const char *at = strstr(format, "@");
    (void)snprintf(sql, sizeof(sql), "%.*shinomi_%s%s", (int)(at - format), format, tenant, at + 1);
    return test_server_do("sql", sql);
}

/* --- how it is reached --- */

TEST(test_store_postgres__addresses_that_would_weaken_it_are_refused)
{
    static const char *const refused[] = {
        "sqlite://x",
        "host=/tmp user=hinomi dbname=hinomi",
        "postgres://hinomi:secret@db/hinomi?sslrootcert=/ca.pem",
        "postgres://hinomi@db/hinomi",
        "postgres://hinomi@db/hinomi?sslrootcert=ca.pem",
        "postgres://hinomi@db/hinomi?sslrootcert=/ca.pem&sslmode=require",
        "postgres://hinomi@db/hinomi?sslrootcert=/ca.pem&sslmode=disable",
        "postgres://hinomi@db/hinomi?sslrootcert=/ca.pem&requirepeer=0",
        "postgres://hinomi@db/hinomi?sslrootcert=/ca.pem&options=-cfsync%3Doff",
        "postgres://hinomi@db/hinomi?sslrootcert=/ca.pem&ssl_min_protocol_version=TLSv1",
        "postgres://hinomi@db,db2/hinomi?sslrootcert=/ca.pem",
        "postgres://hinomi@db:70000/hinomi?sslrootcert=/ca.pem",
        "postgres:///hinomi?host=/tmp&requirepeer=0",
        "postgres:///?host=/tmp&requirepeer=0&user=hinomi",
        "postgres:///hinomi?host=/tmp&requirepeer=0&user=hinomi&sslrootcert=/ca.pem",
        "postgres:///hinomi?host=/tmp&requirepeer=no-such-user-here&user=hinomi",
        "postgres://%zz",
    };
    struct hin_store_server server;
    for (size_t i = 0; i < HIN_COUNT(refused); i++) {
        struct hin_error error = {0};
        if (hin_is_ok(hin_store_server_parse(refused[i], &server, &error))) {
            test_fail(__FILE__, __LINE__, "taken: %s", refused[i]);
            return;
        }
        CHECK(strncmp(error.text, "--store: ", 9) == 0);
        CHECK(strstr(error.text, "secret") == NULL);
    }
    CHECK_OK(hin_store_server_parse(
        "postgres://u@db:6432/d?sslrootcert=/ca.pem&sslmode=verify-full", &server, NULL));
    CHECK(server.link == HIN_STORE_TLS && server.port == 6432 && strcmp(server.host, "db") == 0);
    CHECK_OK(
        hin_store_server_parse("postgresql:///d?host=/run/x&user=u&requirepeer=77", &server, NULL));
    CHECK(server.link == HIN_STORE_SOCKET && server.port == 5432 && server.peer_uid == 77);
}

static enum hin_code open_with(const struct hin_store_server *server, struct hin_error *error)
{
    struct hin_store *store = NULL;
    struct hin_store_options options = {.tenant = "reached", .server = server, .create = true};
    struct hin_result opened = hin_store_open(&store, &options, error);
    if (hin_is_ok(opened)) {
        hin_store_close(store);
    }
    return opened.code;
}

TEST(test_store_postgres__a_server_that_is_not_the_one_is_not_talked_to)
{
    struct hin_store_server server = *test_server();
    struct hin_error error = {0};
    CHECK_INT(open_with(&server, &error), HIN_OK);
    if (server.link == HIN_STORE_SOCKET) {
        server.peer_uid = 12345;
        CHECK_INT(open_with(&server, &error), HIN_AUTH);
        CHECK(strstr(error.text, "not 12345") != NULL);
        return;
    }
    (void)snprintf(server.authority, sizeof(server.authority), "%s/tls/other-ca.pem",
                   test_server_folder());
    CHECK_INT(open_with(&server, &error), HIN_NETWORK);
    CHECK(strstr(error.text, "certificate verify failed") != NULL);
    server = *test_server();
    (void)snprintf(server.host, sizeof(server.host), "localhost");
    CHECK_INT(open_with(&server, &error), HIN_NETWORK);
    CHECK(strstr(error.text, "does not match host name") != NULL);
    server = *test_server();
    CHECK_OK(hin_store_server_resolve(&server, &error)); /* has an address: nothing is asked */
    CHECK_VIEW(hin_view_from_text(server.address), "127.0.0.1");
}

TEST(test_store_postgres__wrong_passwords_and_rights_are_named)
{
    struct hin_store_server server = *test_server();
    struct hin_error error = {0};
    CHECK_OK(hin_secret_from(&server.password, HIN_VIEW("wrong")));
    CHECK_INT(open_with(&server, &error), HIN_NETWORK);
    CHECK(strstr(error.text, "password authentication failed") != NULL);
    hin_secret_done(&server.password);
    server = *test_server();
    CHECK(test_server_do("sql", "ALTER ROLE hinomi INHERIT"));
    struct hin_store *store = NULL;
    struct hin_store_options options = {.tenant = "rights", .server = &server, .create = true};
    CHECK_CODE(hin_store_open(&store, &options, &error), DENIED);
    CHECK(strstr(error.text, "inherits the rights of all tenants") != NULL);
    CHECK(test_server_do("sql", "ALTER ROLE hinomi NOINHERIT SUPERUSER"));
    CHECK_CODE(hin_store_open(&store, &options, &error), DENIED);
    CHECK(strstr(error.text, "superuser") != NULL);
    CHECK(test_server_do("sql", "ALTER ROLE hinomi NOSUPERUSER NOCREATEROLE"));
    CHECK_CODE(hin_store_open(&store, &options, &error), DENIED);
    CHECK(test_server_do("sql", "ALTER ROLE hinomi CREATEROLE"));
    options.create = false;
    CHECK_CODE(hin_store_open(&store, &options, &error), NOT_FOUND);
    CHECK(strstr(error.text, "no schema hinomi_rights") != NULL);
    options.create = true;
    CHECK_OK(hin_store_open(&store, &options, &error));
    hin_store_close(store);
}

TEST(test_store_postgres__a_server_that_loses_what_it_acknowledged_is_refused)
{
    struct hin_error error = {0};
    CHECK(test_server_do("sql", "ALTER SYSTEM SET fsync = off"));
    CHECK(test_server_do("sql", "SELECT pg_reload_conf()"));
    enum hin_code code = HIN_OK;
    for (int i = 0; i < 200 && code == HIN_OK; i++) { /* until the postmaster has read it */
        code = open_with(test_server(), &error);
        pause_msec(20);
    }
    CHECK(test_server_do("sql", "ALTER SYSTEM RESET fsync"));
    CHECK(test_server_do("sql", "SELECT pg_reload_conf()"));
    CHECK_INT(code, HIN_UNSUPPORTED);
    CHECK(strstr(error.text, "fsync = off") != NULL);
    for (int i = 0; i < 200 && code != HIN_OK; i++) {
        code = open_with(test_server(), &error);
        pause_msec(20);
    }
    CHECK_INT(code, HIN_OK);
}

/* --- a tenant's role, by hand --- */

/* Logged in as the tenant's own role: more than the product ever gives anybody. */
static PGconn *log_in(const char *tenant)
{
    const struct hin_store_server *server = test_server();
    char folder[128], port[8], role[80];
    (void)snprintf(folder, sizeof(folder), "%s/socket", test_server_folder());
    (void)snprintf(port, sizeof(port), "%u", server->port);
    (void)snprintf(role, sizeof(role), "hinomi_%s", tenant);
    const char *const names[] = {"host", "port", "dbname", "user", "password", NULL};
    const char *const values[] = {folder, port, "hinomi", role, "by-hand", NULL};
    return PQconnectdbParams(names, values, 0);
}

/* The SQLSTATE that a statement ends in; "" when it is done. ret_rows: how many it gave. */
static void try_sql(PGconn *conn, const char *format, const char *mine, const char *theirs,
                    char ret_state[6], int *ret_rows)
{
    char sql[1024];
    size_t size = 0;
    for (const char *at = format; *at != '\0' && size + 80 < sizeof(sql); at++) {
        if (*at == '@' || *at == '^') { /* @: theirs, ^: mine */
            size += (size_t)snprintf(sql + size, sizeof(sql) - size, "hinomi_%s",
                                     *at == '@' ? theirs : mine);
        } else {
            sql[size++] = *at;
        }
    }
    sql[size] = '\0';
    PGresult *result = PQexec(conn, sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    (void)snprintf(ret_state, 6, "%s", state != NULL ? state : "");
    *ret_rows = PQntuples(result);
    PQclear(result);
}

static const char *const forbidden[] = {
    "SELECT * FROM @.meta",
    "SELECT wrapped FROM @.key",
    "SELECT count(*) FROM @.segment",
    "SELECT bytes FROM @.body",
    "SELECT * FROM @.document",
    "SELECT * FROM @.audit",
    "INSERT INTO @.meta(name) VALUES('x')",
    "UPDATE @.meta SET number = 0",
    "DELETE FROM @.body",
    "TRUNCATE @.body",
    "DO $$ BEGIN LOCK TABLE @.meta IN ACCESS SHARE MODE; END $$",
    "ALTER TABLE @.meta ADD x int",
    "DROP TABLE @.meta",
    "DROP SCHEMA @ CASCADE",
    "ALTER SCHEMA @ OWNER TO ^",
    "ALTER SCHEMA @ RENAME TO x",
    "CREATE TABLE @.x(a int)",
    "CREATE INDEX ON @.body(id)",
    "CREATE TABLE x(a bigint REFERENCES @.body(id))",
    "CREATE VIEW v AS SELECT * FROM @.meta",
    "SELECT nextval('@.key_number_seq')",
    "SELECT last_value FROM @.key_number_seq",
    "COPY @.meta TO STDOUT",
    "ANALYZE @.meta; SELECT 1/count(*) FROM pg_stats WHERE schemaname = '@'",
    "GRANT SELECT ON @.meta TO ^",
    "SET ROLE @",
    "SET SESSION AUTHORIZATION @",
    "SET ROLE hinomi",
    "SET ROLE admin",
    "GRANT @ TO ^",
    "GRANT pg_read_all_data TO ^",
    "ALTER ROLE ^ CREATEROLE",
    "ALTER ROLE @ PASSWORD 'x'",
    "REASSIGN OWNED BY @ TO ^",
    "DROP OWNED BY @",
    "CREATE ROLE x",
    "CREATE DATABASE x",
    "CREATE SCHEMA x",
    "CREATE TABLE public.x(a int)",
    "CREATE TEMP TABLE x(a int)",
    "CREATE EXTENSION dblink",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc.so.6', 'getpid'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY meta TO '/tmp/hinomi-by-hand'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_statistic",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hinomi'",
    "ALTER SYSTEM SET fsync = off",
    "SET session_replication_role = replica",
    /* its own audit record is only added to */
    "UPDATE ^.audit SET time = 0",
    "DELETE FROM ^.audit",
    "TRUNCATE ^.audit",
};

/* What the catalogues show of others: no row of theirs, no statistics of their values, no
 * statement. Each must give no row. (That schemas and tables exist, their names and the counters of
 * pg_stat_user_tables are to be seen by every role of a database: docs/THREAT_MODEL.md.) */
static const char *const unseen[] = {
    "SELECT 1 FROM pg_stats WHERE schemaname = '@'",
    "SELECT 1 FROM pg_stats_ext WHERE schemaname = '@'",
    "SELECT 1 FROM information_schema.columns WHERE table_schema = '@'",
    "SELECT 1 FROM information_schema.tables WHERE table_schema = '@'",
    "SELECT 1 FROM information_schema.table_privileges WHERE table_schema = '@'",
    "SELECT 1 FROM pg_sequences WHERE schemaname = '@' AND last_value IS NOT NULL",
    "SELECT 1 FROM pg_stat_activity WHERE usename = 'hinomi' AND query <> '<insufficient "
    "privilege>'",
    "SELECT 1 FROM pg_prepared_statements",
    "SELECT 1 FROM pg_cursors WHERE name <> ''",
    "SELECT 1 FROM pg_class c, pg_namespace n WHERE n.oid = c.relnamespace AND n.nspname = '@' AND "
    "c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, "
    "REFERENCES, TRIGGER')",
    "SELECT 1 FROM pg_namespace WHERE nspname IN ('@', 'public') AND has_schema_privilege(oid, "
    "'USAGE, CREATE')",
    "SELECT 1 FROM pg_roles WHERE rolname LIKE 'hinomi%' AND rolname <> '^' AND "
    "(pg_has_role(oid, 'MEMBER') OR pg_has_role(oid, 'USAGE'))",
    "SELECT 1 FROM pg_largeobject_metadata",
    "SELECT 1 FROM pg_shdescription WHERE description LIKE '%their%'",
};

TEST(test_store_postgres__a_tenants_role_reaches_no_other_tenant)
{
    struct fixture mine = {0}, theirs = {0};
    struct hin_store_committed committed;
    struct hin_store_check check;
    CHECK_OK(fixture_start(&mine, "hand"));
    CHECK_OK(fixture_beside(&theirs, &mine));
    CHECK_OK(commit_some(&theirs, &(struct shape){1, 9, 0, NOW, NULL}, 1200, NOW, &committed));
    CHECK_OK(audit_some(&theirs, 2));
    CHECK_OK(audit_some(&mine, 2));
    CHECK(by_hand("ANALYZE @.segment", theirs.tenant));
    PGconn *conn = log_in(mine.tenant);
    CHECK(PQstatus(conn) != CONNECTION_OK); /* nobody may: the role has no login, no right to */
    PQfinish(conn);
    CHECK(by_hand("ALTER ROLE @ LOGIN PASSWORD 'by-hand'", mine.tenant));
    CHECK(by_hand("GRANT CONNECT ON DATABASE hinomi TO @", mine.tenant));
    conn = log_in(mine.tenant);
    CHECK(PQstatus(conn) == CONNECTION_OK);
    for (size_t i = 0; i < HIN_COUNT(forbidden); i++) {
        char state[6];
        int rows = 0;
        try_sql(conn, forbidden[i], mine.tenant, theirs.tenant, state, &rows);
        bool divided = strcmp(state, "22012") == 0; /* nothing to be counted */
        if (strcmp(state, "42501") != 0 && !divided) {
            test_fail(__FILE__, __LINE__, "%s: \"%s\"", forbidden[i], state);
        }
    }
    for (size_t i = 0; i < HIN_COUNT(unseen); i++) {
        char state[6];
        int rows = 0;
        try_sql(conn, unseen[i], mine.tenant, theirs.tenant, state, &rows);
        if (state[0] != '\0' || rows != 0) {
            test_fail(__FILE__, __LINE__, "%s: \"%s\", %d rows", unseen[i], state, rows);
        }
    }
    char state[6];
    int rows = 0; /* and its own it has, or the above would prove nothing */
    try_sql(conn, "SELECT * FROM ^.audit", mine.tenant, theirs.tenant, state, &rows);
    CHECK(state[0] == '\0' && rows == 2);
    PQfinish(conn);
    CHECK_OK(hin_store_check(theirs.store, &check));
    CHECK(check.structure_ok && check.segments == 1 && check.segments_damaged == 0);
    CHECK_INT(check.audit_records, 2);
    fixture_stop(&theirs);
    fixture_stop(&mine);
}

TEST(test_store_postgres__what_was_altered_or_swapped_shows)
{
    struct fixture mine = {0}, theirs = {0};
    struct hin_store_committed committed;
    struct hin_store_report report;
    struct hin_error error = {0};
    int64_t number = 0, broken = 0;
    CHECK_OK(fixture_start(&mine, "altered"));
    CHECK_OK(fixture_beside(&theirs, &mine));
    CHECK_OK(commit_some(&mine, &(struct shape){1, 9, 0, NOW, NULL}, 1200, NOW, &committed));
    CHECK_OK(commit_some(&mine, &(struct shape){1, 9, 900000, NOW, NULL}, 1000, NOW, &committed));
    CHECK_OK(commit_some(&theirs, &(struct shape){1, 9, 0, NOW, NULL}, 1200, NOW, &committed));
    CHECK_OK(audit_some(&mine, 5));
    CHECK(by_hand("UPDATE @.body SET bytes = set_byte(bytes, 500, get_byte(bytes, 500) # 1) WHERE "
                  "id = 1",
                  mine.tenant));
    CHECK_INT(search_count(&mine, &(struct hin_store_filter){0}, &report), 1000);
    CHECK_INT(report.segments_damaged, 1);
    CHECK_INT(report.events_damaged, 1200);
    CHECK(by_hand("UPDATE @.audit SET time = time + 1 WHERE number = 3", mine.tenant));
    CHECK_CODE(hin_store_audit_verify(mine.store, &number, &broken), CORRUPT);
    CHECK_INT(broken, 3);
    /* Another's data under this name. */
    fixture_close(&mine);
    CHECK(by_hand("ALTER SCHEMA @ RENAME TO aside", mine.tenant));
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "ALTER SCHEMA hinomi_%s RENAME TO hinomi_%s; GRANT ALL ON SCHEMA hinomi_%s TO "
                   "hinomi_%s; GRANT ALL ON ALL TABLES IN SCHEMA hinomi_%s TO hinomi_%s",
                   theirs.tenant, mine.tenant, mine.tenant, mine.tenant, mine.tenant, mine.tenant);
    CHECK(test_server_do("sql", sql));
    CHECK_CODE(fixture_open(&mine), AUTH);
    CHECK(test_server_do("sql", "DROP SCHEMA aside CASCADE"));
    /* A newer version's, and one that is gone. */
    CHECK(by_hand("INSERT INTO @.migration(version) VALUES(99)", mine.tenant));
    struct hin_store_options options = fixture_options(&mine);
    CHECK_CODE(hin_store_open(&mine.store, &options, &error), UNSUPPORTED);
    CHECK(strstr(error.text, "newer version") != NULL);
    CHECK_CODE(hin_store_salvage_make(&options, NOW, &(struct hin_store_salvaged){0}, &error),
               UNSUPPORTED);
    fixture_stop(&theirs);
    fixture_stop(&mine);
}

TEST(test_store_postgres__nothing_sensitive_lies_in_the_clear)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_content content = {.bytes = HIN_VIEW("pl4nted-content-9911"),
                                        .names = {HIN_VIEW("pl4nted-name-9911")}};
    int64_t id = 0;
    CHECK_OK(fixture_start(&f, "clear"));
    CHECK_OK(
        commit_some(&f, &(struct shape){1, 9, 0, NOW, "pl4nted-line-9911"}, 30, NOW, &committed));
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_OK(hin_store_audit_append(f.store, HIN_VIEW("pl4nted-audit-9911"), NOW, &id));
    CHECK_OK(hin_store_agent_blob(f.store, 1, HIN_VIEW("pl4nted-blob-9911")));
    CHECK(test_server_do("sql", "CREATE TABLE public.control(a text); INSERT INTO public.control "
                                "VALUES('pl4nted-' || 'control-9911'); CHECKPOINT"));
    char said[1024] = "";
    /* files, write-ahead log, the server's log */
    CHECK_OK(test_server_ask("grep", "pl4nted-control", said, sizeof(said)));
    CHECK(said[0] != '\0'); /* or the next would prove nothing */
    static const char *const planted[] = {"pl4nted-line",  "pl4nted-content", "pl4nted-name",
                                          "pl4nted-audit", "pl4nted-blob",    "user7",
                                          "203.0.113."};
    for (size_t i = 0; i < HIN_COUNT(planted); i++) {
        CHECK_OK(test_server_ask("grep", planted[i], said, sizeof(said)));
        CHECK_VIEW(hin_view_from_text(said), "");
    }
    CHECK(test_server_do("sql", "DROP TABLE public.control"));
    fixture_stop(&f);
}

/* --- several at once, and a database that goes away --- */

TEST(test_store_postgres__several_processes_make_and_use_one_schema)
{
    struct fixture f = {0};
    pid_t pids[4];
    CHECK_OK(fixture_start(&f, "several"));
    CHECK(by_hand("DROP SCHEMA @ CASCADE", f.tenant)); /* all four make it anew */
    fixture_close(&f);
    for (size_t p = 0; p < HIN_COUNT(pids); p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            struct hin_store_committed committed;
            struct hin_result result = test_server_forked();
            result = hin_is_ok(result) ? keys_new(&f.keys, 7) : result;
            result = hin_is_ok(result) ? fixture_open(&f) : result;
            for (uint64_t i = 0; hin_is_ok(result) && i < 25; i++) {
                result = commit_some(&f, &(struct shape){(int64_t)p + 1, 9, i * 1000, NOW, NULL}, 4,
                                     NOW, &committed);
            }
            fixture_close(&f);
            _exit(hin_is_ok(result) ? 0 : 1);
        }
    }
    for (size_t p = 0; p < HIN_COUNT(pids); p++) {
        int status = 0;
        CHECK(waitpid(pids[p], &status, 0) == pids[p] && status == 0);
    }
    CHECK_OK(fixture_open(&f));
    struct hin_store_position before, after;
    CHECK_OK(hin_store_position(f.store, &before));
    CHECK_INT(before.last_event_id, 400);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 400);
    struct fixture other = f; /* another handle's commit shows */
    struct hin_store_committed committed;
    CHECK_OK(fixture_open(&other));
    CHECK_OK(hin_store_position(f.store, &after));
    CHECK_INT(after.last_event_id, before.last_event_id);
    CHECK_OK(commit_some(&other, &(struct shape){9, 9, 0, NOW, NULL}, 1, NOW, &committed));
    before = after;
    CHECK_OK(hin_store_position(f.store, &after));
    CHECK(after.change != before.change && after.last_event_id == 401);
    fixture_close(&other);
    fixture_stop(&f);
}

TEST(test_store_postgres__a_lost_connection_is_made_again_and_a_transaction_is_whole_or_not)
{
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_content content = {.bytes = HIN_VIEW("x")};
    static const char end_all[] =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hinomi'";
    int64_t id = 0;
    uint64_t count = 0;
    CHECK_OK(fixture_start(&f, "lost"));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 0, NOW, NULL}, 5, NOW, &committed));
    CHECK(test_server_do("sql", end_all));
    /* Found out by the statement that meets it; the next one has a new connection. */
    CHECK_CODE(commit_some(&f, &(struct shape){1, 9, 500, NOW, NULL}, 5, NOW, &committed), AGAIN);
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, 500, NOW, NULL}, 5, NOW, &committed));
    CHECK_OK(hin_store_begin(f.store));
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK(test_server_do("sql", end_all));
    CHECK_CODE(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id), AGAIN);
    /* Not half of it on a new connection. */
    CHECK_CODE(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id), AGAIN);
    CHECK(!hin_is_ok(hin_store_end(f.store, true)));
    CHECK_OK(hin_store_count(f.store, HIN_STORE_COMPUTERS, &count));
    CHECK_INT(count, 0);
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), 10);
    /* Stopped: refused at once, with words; started: by itself again. */
    CHECK(test_server_do("stop", ""));
    CHECK_CODE(commit_some(&f, &(struct shape){1, 9, 1000, NOW, NULL}, 5, NOW, &committed), AGAIN);
    CHECK_CODE(commit_some(&f, &(struct shape){1, 9, 1000, NOW, NULL}, 5, NOW, &committed), AGAIN);
    CHECK(strstr(hin_store_trouble(f.store), "cannot be reached") != NULL);
    CHECK(test_server_do("start", "--tls"));
    struct hin_result again = hin_fail(HIN_AGAIN);
    for (int i = 0; i < 300 && again.code == HIN_AGAIN; i++) {
        again = commit_some(&f, &(struct shape){1, 9, 1000, NOW, NULL}, 5, NOW, &committed);
        pause_msec(50);
    }
    CHECK_OK(again);
    CHECK_INT(committed.stored_count, 5);
    fixture_stop(&f);
}

/* The server's processes of our sessions, or all of it, at a moment of chance. */
static void kill_some(unsigned round)
{
    char said[64] = "";
    pause_msec(5 + (long)(random() % 60));
    if (round % 6 == 5) {
        if (hin_is_ok(test_server_ask("pid", "", said, sizeof(said)))) {
            (void)kill((pid_t)strtol(said, NULL, 10), SIGKILL);
        }
        pause_msec(300); /* its children see it */
    } else if (hin_is_ok(test_server_ask("sql",
                                         "SELECT pid FROM pg_stat_activity WHERE usename = "
                                         "'hinomi' LIMIT 1",
                                         said, sizeof(said))) &&
               said[0] != '\0') {
        (void)kill((pid_t)strtol(said, NULL, 10), SIGKILL); /* all the server starts anew */
    }
    for (int i = 0; i < 40 && !test_server_do("start", "--tls"); i++) {
        pause_msec(250);
    }
}

/* Sent again until it is acknowledged, as agents do. */
static HIN_RESULT commit_until_done(struct fixture *f, uint64_t batch, size_t *retries)
{
    struct hin_store_committed committed;
    for (int i = 0; i < 2000; i++) {
        struct events events;
        HIN_TRY(
            events_make(&events, &f->keys, &(struct shape){1, 9, batch * 100000, NOW, NULL}, 20));
        struct hin_result done =
            hin_store_commit(f->store, events.list, 20, NULL, 0, NOW, &committed);
        events_free(&events);
        if (done.code != HIN_AGAIN && done.code != HIN_IO) {
            return done;
        }
        (*retries)++;
        pause_msec(20);
    }
    return hin_fail(HIN_TIMEOUT);
}

TEST(test_store_postgres__kills_at_random_lose_nothing_acknowledged)
{
    struct fixture f = {0};
    uint64_t batches = 0;
    size_t retries = 0;
    CHECK_OK(fixture_start(&f, "kills"));
    srandom(4119);
    for (unsigned round = 0; round < 12; round++) {
        int status = 0;
        pid_t killer = fork();
        if (killer == 0) {
            kill_some(round);
            _exit(0);
        }
        while (waitpid(killer, &status, WNOHANG) == 0) {
            CHECK_OK(commit_until_done(&f, batches, &retries));
            batches++;
        }
    }
    struct hin_store_report report;
    struct hin_store_check check;
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, &report), (long)batches * 20);
    CHECK_INT(report.segments_damaged, 0);
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK(check.structure_ok);
    printf("# %llu batches acknowledged, each stored once; %zu tries failed over 12 kills\n",
           (unsigned long long)batches, retries);
    CHECK(retries > 0);
    fixture_stop(&f);
}

/* Making a tenant, cut off at random: then it is there whole, or is made by the next. */
TEST(test_store_postgres__a_migration_that_was_cut_off_is_made_anew)
{
    size_t cut = 0;
    CHECK(test_server() != NULL);
    srandom(15);
    for (int round = 0; round < 15; round++) {
        char tenant[16];
        int status = 0;
        struct hin_store *store = NULL;
        (void)snprintf(tenant, sizeof(tenant), "cut%d", round);
        struct hin_store_options options = {
            .tenant = tenant, .server = test_server(), .create = true};
        pid_t pid = fork();
        if (pid == 0) {
            _exit(hin_is_ok(test_server_forked()) &&
                          hin_is_ok(hin_store_open(&store, &options, NULL))
                      ? 0
                      : 1);
        }
        pause_msec(random() % 70);
        (void)kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        cut += WIFSIGNALED(status);
        CHECK_OK(hin_store_open(&store, &options, NULL));
        hin_store_close(store);
        char sql[160], said[64];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT (SELECT count(*) FROM hinomi_%s.migration), (SELECT count(*) FROM "
                       "pg_tables WHERE schemaname = 'hinomi_%s')",
                       tenant, tenant);
        CHECK_OK(test_server_ask("sql", sql, said, sizeof(said)));
        CHECK_VIEW(hin_view_from_text(said), "3|16");
    }
    printf("# %zu of 15 were cut off\n", cut);
}

/* As version 2 left it: what came since is taken back by hand. */
static bool back_to_version_2(const char *tenant)
{
    return by_hand("DROP TABLE @.sheaf", tenant) && by_hand("DROP TABLE @.slice", tenant) &&
           by_hand("ALTER TABLE @.segment ALTER head SET STORAGE MAIN", tenant) &&
           by_hand("DELETE FROM @.migration WHERE version = 3", tenant);
}

static HIN_RESULT fill_days(struct fixture *f, int days)
{
    struct hin_store_committed committed;
    struct hin_result done = hin_ok();
    HIN_TRY(hin_store_begin(f->store));
    for (int day = 0; hin_is_ok(done) && day < days; day++) {
        int64_t now_usec = NOW + day * HIN_DAY_USEC;
        done = commit_some(f, &(struct shape){1, 9, (uint64_t)day * 1000, now_usec, NULL}, 3,
                           now_usec, &committed);
    }
    HIN_TRY(hin_store_end(f->store, hin_is_ok(done)));
    return done;
}

/* From version 2, with data in it, cut off at random; then what was there is found, and sheaves are
 * made of it, cut off too. */
TEST(test_store_postgres__version_2_is_migrated)
{
    struct fixture f = {0};
    struct hin_store_stats stats = {0};
    CHECK_OK(fixture_start(&f, "version2"));
    CHECK_OK(fill_days(&f, 80));
    srandom(39);
    for (int round = 0; round < 8; round++) {
        int status = 0;
        CHECK_OK(hin_store_stats(f.store, &stats));
        fixture_close(&f);
        CHECK(back_to_version_2(f.tenant));
        pid_t pid = fork();
        if (pid == 0) {
            _exit(hin_is_ok(test_server_forked()) && hin_is_ok(fixture_open(&f)) &&
                          hin_is_ok(hin_store_maintain(f.store, NOW, HIN_DAY_USEC))
                      ? 0
                      : 1);
        }
        pause_msec(random() % 60);
        (void)kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK_OK(fixture_open(&f));
        CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
        CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
        CHECK_OK(hin_store_stats(f.store, &stats));
        CHECK_INT(stats.sheaves, 1);
        CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
        CHECK_INT(search_term(&f, "log_id", "id-40100", NULL), 1);
    }
    fixture_stop(&f);
}

/* Who may write in the database, or a disk that changes a bit, hides no event by a sheaf: a bit
 * that is changed is seen by its checksum, and one with a checksum to fit by the check. */
TEST(test_store_postgres__an_altered_sheaf_is_seen)
{
    struct fixture f = {0};
    struct hin_store_check check;
    CHECK_OK(fixture_start(&f, "altered"));
    CHECK_OK(fill_days(&f, 80));
    CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
    CHECK(by_hand("UPDATE @.slice SET bytes = set_byte(bytes, 40, 255 - get_byte(bytes, 40))",
                  f.tenant));
    CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK_INT(check.sheaves_wrong, 1);
    CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK_INT(check.sheaves_wrong, 0);
    CHECK(by_hand("UPDATE @.sheaf SET severities = 0", f.tenant));
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK_INT(check.sheaves_wrong, 1);
    CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
    CHECK(by_hand("DELETE FROM @.slice", f.tenant));
    CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
    fixture_stop(&f);
}
