/* PostgreSQL behind the seam: statements with binary parameters and results, prepared once a
 * connection; a lost connection is made again between transactions, never within one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/time.h"
#include "crypt/link.h"
#include "store/postgres/internal.h"

enum { PARAMETERS_MAX = 80 };
enum { OID_BYTEA = 17, OID_BIGINT = 20, OID_TEXT = 25 }; /* pg_type.dat: fixed for ever */
#define PAUSE_FIRST_USEC (100 * HIN_MSEC_USEC)
#define PAUSE_MOST_USEC  (5 * HIN_SEC_USEC)

static const char *const statement_texts[] = {
#define SAME(name, text)             [HIN_SQL_##name] = text,
#define EACH(name, sqlite, postgres) [HIN_SQL_##name] = postgres,
    HIN_SQL(SAME, EACH)
#undef SAME
#undef EACH
};

const char *hin_postgres_text(enum hin_sql sql)
{
    return statement_texts[sql];
}

struct query {      /* a statement's `prepared` */
    int parameters; /* that the text has */
    int count;      /* of them bound, or passed over */
    int columns;    /* of the rows that it puts as they are bound, and that a load takes; or 0 */
    uint8_t numbers[PARAMETERS_MAX][8];
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
    PGresult *result; /* whole */
    int row;          /* that stands ready */
};

/* --- what went wrong --- */

static const struct {
    const char *state; /* SQLSTATE or its class; the first that fits */
    enum hin_code code;
} codes[] = {
    {"23505", HIN_EXISTS},    /* unique_violation */
    {"23", HIN_CONFLICT},     /* integrity */
    {"40", HIN_AGAIN},        /* serialization, deadlock */
    {"55P03", HIN_AGAIN},     /* lock_not_available */
    {"57014", HIN_AGAIN},     /* statement_timeout */
    {"57", HIN_AGAIN},        /* shut down, starting up */
    {"25P03", HIN_AGAIN},     /* idle in transaction too long */
    {"25006", HIN_AGAIN},     /* a standby: read only until it is promoted */
    {"53100", HIN_NO_SPACE},  /* disk_full */
    {"53200", HIN_NO_MEMORY}, /* out_of_memory */
    {"53", HIN_AGAIN},        /* too many connections */
    {"08P01", HIN_INTERNAL},  /* protocol_violation */
    {"08", HIN_AGAIN},        /* connection */
    {"26000", HIN_AGAIN},     /* a prepared statement that the server forgot */
    {"28", HIN_AUTH},         /* authorization */
    {"42501", HIN_DENIED},    /* insufficient_privilege */
    {"42P01", HIN_NOT_FOUND}, /* undefined_table */
    {"3D000", HIN_NOT_FOUND}, /* no such database */
    {"3F000", HIN_NOT_FOUND}, /* no such schema */
    {"XX001", HIN_CORRUPT},   /* data_corrupted */
    {"XX002", HIN_CORRUPT},   /* index_corrupted */
    {"54", HIN_LIMIT},        /* program limit */
    {"58", HIN_IO},           /* system error */
};

static enum hin_code code_of_state(const char *state)
{
    for (size_t i = 0; state != NULL && i < HIN_COUNT(codes); i++) {
        if (strncmp(state, codes[i].state, strlen(codes[i].state)) == 0) {
            return codes[i].code;
        }
    }
    return HIN_INTERNAL;
}

HIN_RESULT hin_postgres_code(struct hin_postgres *postgres, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        return hin_ok();
    }
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    bool lost = PQstatus(postgres->conn) != CONNECTION_OK;
    enum hin_code code = lost ? HIN_AGAIN : result == NULL ? HIN_NO_MEMORY : code_of_state(state);
    HIN_IGNORE(hin_error_set(&postgres->trouble, code, NULL, 0, 0, "the database server: %s",
                             text != NULL ? text : PQerrorMessage(postgres->conn)));
    if (state != NULL && strcmp(state, "26000") == 0) {
        hin_zero(postgres->prepared, sizeof(postgres->prepared));
    }
    return hin_fail(code);
}

HIN_RESULT hin_postgres_exec(struct hin_postgres *postgres, const char *sql)
{
    PGresult *result = PQexec(postgres->conn, sql);
    struct hin_result done = hin_postgres_code(postgres, result);
    PQclear(result);
    return done;
}

/* --- the connection --- */

/* Between transactions a lost connection is made anew, at most once a pause: whoever asks meanwhile
 * hears AGAIN at once. */
static HIN_RESULT reconnect(struct hin_postgres *postgres)
{
    int64_t now_usec = hin_clock_monotonic_usec(hin_clock_system());
    HIN_ENSURE(!postgres->open && now_usec >= postgres->next_try_usec, AGAIN);
    HIN_ENSURE(postgres->load == NULL, AGAIN); /* see load.c */
    hin_zero(postgres->prepared, sizeof(postgres->prepared));
    struct hin_result connected = hin_postgres_connect(postgres, false, &postgres->trouble);
    if (hin_is_ok(connected)) {
        postgres->pause_usec = 0;
        return hin_ok();
    }
    postgres->pause_usec =
        HIN_MIN(HIN_MAX(postgres->pause_usec * 2, PAUSE_FIRST_USEC), PAUSE_MOST_USEC);
    postgres->next_try_usec = hin_clock_monotonic_usec(hin_clock_system()) + postgres->pause_usec;
    return hin_fail(HIN_AGAIN);
}

static HIN_RESULT ensure_connection(struct hin_postgres *postgres)
{
    return PQstatus(postgres->conn) == CONNECTION_OK ? hin_ok() : reconnect(postgres);
}

static bool in_transaction(struct hin_store *store)
{
    return hin_postgres_of(store)->open;
}

/* --- control of transactions --- */

/* A COMMIT whose answer was lost may have been done: the caller must not take it for undone. */
static HIN_RESULT end_transaction(struct hin_postgres *postgres, const char *sql, bool keep)
{
    bool lost = PQstatus(postgres->conn) != CONNECTION_OK;
    postgres->open = false;
    if (lost) {
        return keep ? hin_fail(HIN_AGAIN) : hin_ok(); /* the server has undone it */
    }
    PGresult *result = PQexec(postgres->conn, sql);
    struct hin_result ended = hin_postgres_code(postgres, result);
    if (hin_is_ok(ended) && keep && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        ended = hin_fail(HIN_IO); /* a statement had failed: it answers ROLLBACK */
    } else if (ended.code == HIN_AGAIN && keep && PQstatus(postgres->conn) != CONNECTION_OK) {
        ended = hin_fail(HIN_IO);
    }
    PQclear(result);
    return ended;
}

static HIN_RESULT begin_transaction(struct hin_postgres *postgres, const char *sql)
{
    HIN_TRY(ensure_connection(postgres));
    struct hin_result begun = hin_postgres_exec(postgres, sql);
    if (hin_is_ok(begun)) {
        postgres->open = true;
    } else if (PQtransactionStatus(postgres->conn) != PQTRANS_IDLE) {
        HIN_IGNORE(hin_postgres_exec(postgres, "ROLLBACK"));
    }
    return begun;
}

static HIN_RESULT control(struct hin_postgres *postgres, enum hin_sql sql)
{
    switch (sql) {
    case HIN_SQL_BEGIN:
    case HIN_SQL_SNAPSHOT:
        return begin_transaction(postgres, statement_texts[sql]);
    case HIN_SQL_COMMIT:
    case HIN_SQL_ROLLBACK:
        return end_transaction(postgres, statement_texts[sql], sql == HIN_SQL_COMMIT);
    default:
        HIN_TRY(ensure_connection(postgres));
        return hin_postgres_exec(postgres, statement_texts[sql]);
    }
}

/* --- statements --- */

static void reset(struct hin_statement *statement)
{
    struct query *query = statement->prepared;
    PQclear(query->result);
    query->result = NULL;
}

/* The highest N of ?N. */
static int count_parameters(const char *text)
{
    int most = 0;
    for (const char *at = strchr(text, '?'); at != NULL; at = strchr(at + 1, '?')) {
        int number = at[1] - '0';
        number = at[2] >= '0' && at[2] <= '9' ? number * 10 + (at[2] - '0') : number;
        most = HIN_MAX(most, number);
    }
    return most;
}

static HIN_RESULT use(struct hin_statement *statement)
{
    struct query *query = statement->prepared;
    if (query == NULL) {
        query = calloc(1, sizeof(*query));
        HIN_ENSURE(query != NULL, NO_MEMORY);
        const char *text = statement_texts[statement->sql];
        query->parameters = count_parameters(text);
        query->columns = hin_postgres_copy_columns(text);
        statement->prepared = query;
    }
    reset(statement);
    query->count = 0;
    return hin_ok();
}

/* Parameters that are passed over are NULL. */
static int place(struct query *query, int at)
{
    for (; query->count < at; query->count++) {
        query->values[query->count] = NULL;
        query->lengths[query->count] = 0;
        query->types[query->count] = 0;
    }
    return at - 1;
}

static void bind_number(struct hin_statement *statement, int at, int64_t value)
{
    struct query *query = statement->prepared;
    int i = place(query, at);
    for (int byte = 0; byte < 8; byte++) {
        query->numbers[i][byte] = (uint8_t)((uint64_t)value >> (56 - 8 * byte));
    }
    query->values[i] = (const char *)query->numbers[i];
    query->lengths[i] = 8;
    query->types[i] = OID_BIGINT;
}

static void bind_piece(struct query *query, int i, struct hin_view bytes, Oid type)
{
    query->values[i] = bytes.size > 0 ? (const char *)bytes.data : "";
    query->lengths[i] = (int)bytes.size; /* HIN_SEALED_MAX at most */
    query->types[i] = type;
}

static void bind_bytes(struct hin_statement *statement, int at, struct hin_view bytes)
{
    struct query *query = statement->prepared;
    bind_piece(query, place(query, at), bytes, OID_BYTEA);
}

static void bind_text(struct hin_statement *statement, int at, const char *text)
{
    struct query *query = statement->prepared;
    bind_piece(query, place(query, at), hin_view_from_text(text), OID_TEXT);
}

static void name_of(enum hin_sql sql, char name[12])
{
    (void)snprintf(name, 12, "s%d", (int)sql);
}

/* In the shared list parameters are ?1; PostgreSQL writes $1. */
static HIN_RESULT prepare(struct hin_postgres *postgres, const struct hin_statement *statement)
{
    const struct query *query = statement->prepared;
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 16};
    char name[12];
    HIN_TRY(hin_buf_append_text(&text, statement_texts[statement->sql]));
    for (size_t i = 0; i < text.size; i++) {
        text.data[i] = text.data[i] == '?' ? '$' : text.data[i];
    }
    HIN_TRY(hin_buf_append(&text, hin_view_of("", 1)));
    name_of(statement->sql, name);
    PGresult *result =
        PQprepare(postgres->conn, name, (const char *)text.data, query->count, query->types);
    struct hin_result done = hin_postgres_code(postgres, result);
    PQclear(result);
    postgres->prepared[statement->sql] = hin_is_ok(done);
    return done;
}

static HIN_RESULT execute(struct hin_statement *statement)
{
    int binary[PARAMETERS_MAX];
    struct hin_postgres *postgres = hin_postgres_of(statement->store);
    struct query *query = statement->prepared;
    char name[12];
    (void)place(query, query->parameters);
    for (int i = 0; i < query->count; i++) {
        binary[i] = 1;
    }
    if (postgres->load != NULL && postgres->open && query->columns > 0) {
        const struct hin_postgres_values rows = {query->values, query->lengths, query->count};
        query->row = -1;
        return hin_postgres_load_rows(postgres, statement->sql, query->columns, &rows);
    }
    HIN_TRY(ensure_connection(postgres));
    if (!postgres->prepared[statement->sql]) {
        HIN_TRY(prepare(postgres, statement));
    }
    name_of(statement->sql, name);
    query->result = PQexecPrepared(postgres->conn, name, query->count, query->values,
                                   query->lengths, binary, 1);
    query->row = -1;
    struct hin_result done = hin_postgres_code(postgres, query->result);
    statement->store->broken = statement->store->broken || done.code == HIN_CORRUPT;
    return done;
}

static HIN_RESULT step(struct hin_statement *statement, bool *ret_row)
{
    struct query *query = statement->prepared;
    if (HIN_SQL_IS_CONTROL(statement->sql)) {
        *ret_row = false;
        return control(hin_postgres_of(statement->store), statement->sql);
    }
    if (query->result == NULL) {
        struct hin_result done = execute(statement);
        if (!hin_is_ok(done)) {
            reset(statement);
            return done;
        }
    }
    query->row++;
    *ret_row = query->row < PQntuples(query->result);
    if (!*ret_row) {
        reset(statement);
    }
    return hin_ok();
}

/* --- the row that stands ready --- */

static bool is_null(struct hin_statement *statement, int column)
{
    const struct query *query = statement->prepared;
    return query->result == NULL || PQgetisnull(query->result, query->row, column) != 0;
}

static int64_t number(struct hin_statement *statement, int column)
{
    const struct query *query = statement->prepared;
    uint64_t value = 0;
    if (is_null(statement, column)) {
        return 0;
    }
    const char *bytes = PQgetvalue(query->result, query->row, column);
    int length = PQgetlength(query->result, query->row, column);
    for (int i = 0; i < length && i < 8; i++) {
        value = value << 8 | (uint8_t)bytes[i];
    }
    return length == 4 ? (int64_t)(int32_t)value : (int64_t)value;
}

static struct hin_view bytes(struct hin_statement *statement, int column)
{
    const struct query *query = statement->prepared;
    int length = is_null(statement, column) ? 0 : PQgetlength(query->result, query->row, column);
    return length == 0 ? HIN_VIEW_EMPTY
                       : hin_view_of(PQgetvalue(query->result, query->row, column), (size_t)length);
}

/* --- the rest of the seam --- */

static const char *trouble(const struct hin_store *store)
{
    return hin_postgres_of(store)->trouble.text;
}

static HIN_RESULT checkpoint(struct hin_store *store)
{
    (void)store; /* the server's own business */
    return hin_ok();
}

static void overwrite(struct hin_store *store, bool all)
{
    (void)store, (void)all; /* dead rows stay until a vacuum: what is sealed under a dropped key */
}

static uint64_t damage_count(struct hin_store *store)
{
    (void)store;
    return 0;
}

static HIN_RESULT open_store(struct hin_store *store, const struct hin_store_options *options,
                             struct hin_error *error)
{
    struct hin_postgres *postgres = calloc(1, sizeof(*postgres));
    HIN_ENSURE(postgres != NULL, NO_MEMORY);
    store->connection = postgres;
    postgres->server = options->server;
    HIN_TRY(hin_postgres_name(postgres, options->server->user,
                              options->place != NULL ? options->place : store->tenant,
                              options->aside));
    struct hin_result opened =
        hin_postgres_connect(postgres, options->create && !options->read_only, &postgres->trouble);
    if (hin_is_ok(opened)) {
        opened = hin_postgres_migrate(store, &postgres->trouble);
    }
    if (!hin_is_ok(opened) && error != NULL) {
        *error = postgres->trouble;
    }
    return opened;
}

static void close_store(struct hin_store *store)
{
    struct hin_postgres *postgres = store->connection;
    if (postgres == NULL) {
        return;
    }
    for (size_t i = 0; i < HIN_SQL_COUNT; i++) {
        if (store->statements[i].prepared != NULL) {
            reset(&store->statements[i]);
            free(store->statements[i].prepared);
        }
    }
    hin_postgres_load_drop(postgres);
    PQfinish(postgres->conn);
    free(postgres);
}

static void tally(const struct hin_store *store, struct hin_tls_tally *into)
{
    const struct hin_postgres *postgres = hin_postgres_of(store);
    if (postgres->conn != NULL && PQstatus(postgres->conn) == CONNECTION_OK &&
        PQsslInUse(postgres->conn) != 0) {
        const char *version = PQsslAttribute(postgres->conn, "protocol");
        const char *suite = PQsslAttribute(postgres->conn, "cipher");
        hin_tls_tally_add(into, version != NULL ? version : "", suite != NULL ? suite : "", NULL,
                          false);
    }
}

const struct hin_backend hin_backend_postgres = {
    .name = "postgresql",
    .judges = true,
    .open = open_store,
    .close = close_store,
    .use = use,
    .bind_number = bind_number,
    .bind_bytes = bind_bytes,
    .bind_text = bind_text,
    .step = step,
    .number = number,
    .bytes = bytes,
    .is_null = is_null,
    .reset = reset,
    .in_transaction = in_transaction,
    .checkpoint = checkpoint,
    .load = hin_postgres_load,
    .overwrite = overwrite,
    .damage_count = damage_count,
    .trouble = trouble,
    .tally = tally,
    .trespass = hin_postgres_trespass,
    .search_plain = hin_postgres_search_plain,
};
