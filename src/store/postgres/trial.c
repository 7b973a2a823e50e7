/* Trying what a tenant's role may, and looking for plain bytes in a tenant's rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "store/postgres/internal.h"
#include "store/seek.h"
#include "store/trial.h"

/* ---- another tenant's schema ---- */

/* None changes anything, even where it is permitted. */
static const struct {
    const char *before, *after;
} ways[] = {
    {"SELECT count(*) FROM ", ".meta"},        {"SELECT count(*) FROM ", ".key"},
    {"SELECT count(*) FROM ", ".segment"},     {"SELECT count(*) FROM ", ".document"},
    {"SELECT count(*) FROM ", ".audit"},       {"UPDATE ", ".meta SET number = number WHERE false"},
    {"DELETE FROM ", ".document WHERE false"},
};

static HIN_RESULT try_way(struct hin_postgres *postgres, size_t way, const char *schema,
                          struct hin_store_crossing *crossing)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf sql = {.max = 1024};
    HIN_TRY(hin_buf_printf(&sql, "%s%s%s", ways[way].before, schema, ways[way].after));
    HIN_TRY(hin_buf_append(&sql, hin_view_of("", 1)));
    struct hin_result tried = hin_postgres_exec(postgres, (const char *)sql.data);
    HIN_ENSURE(hin_is_ok(tried) || tried.code == HIN_DENIED, AGAIN);
    hin_crossing_tell(crossing, hin_is_ok(tried),
                      "the other tenant's role may: ", (const char *)sql.data);
    return hin_ok();
}

HIN_RESULT hin_postgres_trespass(struct hin_store *store, const char *other,
                                 struct hin_store_crossing *crossing)
{
    struct hin_postgres *postgres = hin_postgres_of(store);
    char role[HIN_POSTGRES_ROLE_MAX + 1];
    HIN_ENSURE(PQstatus(postgres->conn) == CONNECTION_OK, AGAIN);
    HIN_TRY(hin_postgres_role(postgres->server->user, other, role));
    char *quoted = PQescapeIdentifier(postgres->conn, role, strlen(role));
    HIN_ENSURE(quoted != NULL, NO_MEMORY);
    struct hin_result tried = hin_ok();
    for (size_t i = 0; i < HIN_COUNT(ways) && hin_is_ok(tried); i++) {
        tried = try_way(postgres, i, quoted, crossing);
    }
    PQfreemem(quoted);
    return tried;
}

/* ---- plain bytes ---- */

/* What is sought never goes to the server, whose log may show parameters: all rows come here, as
 * the bytes they are. */
static const char *const copies[] = {
    "COPY meta TO STDOUT (FORMAT binary)",     "COPY key TO STDOUT (FORMAT binary)",
    "COPY segment TO STDOUT (FORMAT binary)",  "COPY body TO STDOUT (FORMAT binary)",
    "COPY source TO STDOUT (FORMAT binary)",   "COPY span TO STDOUT (FORMAT binary)",
    "COPY agent TO STDOUT (FORMAT binary)",    "COPY certificate TO STDOUT (FORMAT binary)",
    "COPY sequence TO STDOUT (FORMAT binary)", "COPY document TO STDOUT (FORMAT binary)",
    "COPY name TO STDOUT (FORMAT binary)",     "COPY audit TO STDOUT (FORMAT binary)",
    "COPY data_key TO STDOUT (FORMAT binary)", "COPY sheaf TO STDOUT (FORMAT binary)",
    "COPY slice TO STDOUT (FORMAT binary)",
};

struct hunt {
    struct hin_seek seek;
    struct hin_store_search *search;
};

/* A name that stands in the clear in `meta`. */
static const struct hin_view control = {(const uint8_t *)"last_event", 10};

static void look(struct hunt *hunt, struct hin_view row)
{
    hunt->search->bytes += row.size;
    hin_seek_look(&hunt->seek, row);
}

/* To the end in any case: a connection in the midst of a copy is good for nothing else. */
static HIN_RESULT look_through(struct hin_postgres *postgres, const char *copy, struct hunt *hunt)
{
    PGresult *begun = PQexec(postgres->conn, copy);
    bool copying = PQresultStatus(begun) == PGRES_COPY_OUT;
    struct hin_result done = copying ? hin_ok() : hin_postgres_code(postgres, begun);
    PQclear(begun);
    HIN_TRY(done);
    HIN_ENSURE(copying, INTERNAL);
    char *row = NULL;
    int size = 0;
    while ((size = PQgetCopyData(postgres->conn, &row, 0)) > 0) {
        look(hunt, hin_view_of(row, (size_t)size));
        PQfreemem(row);
    }
    for (PGresult *end; (end = PQgetResult(postgres->conn)) != NULL; PQclear(end)) {
        struct hin_result ended = hin_postgres_code(postgres, end);
        done = hin_is_ok(done) ? ended : done;
    }
    HIN_ENSURE(size == -1, AGAIN);
    return done;
}

static HIN_RESULT search_with(struct hin_store *store, struct hunt *hunt)
{
    struct hin_postgres *postgres = hin_postgres_of(store);
    struct hin_store_stats stats;
    HIN_TRY(hin_store_stats(store, &stats)); /* it connects anew where the connection was lost */
    HIN_ENSURE(PQstatus(postgres->conn) == CONNECTION_OK, AGAIN);
    for (size_t i = 0; i < HIN_COUNT(copies); i++) {
        HIN_TRY(look_through(postgres, copies[i], hunt));
    }
    hin_seek_tell(&hunt->seek, hunt->search);
    return hin_ok();
}

HIN_RESULT hin_postgres_search_plain(struct hin_store *store,
                                     const struct hin_store_options *options,
                                     const struct hin_view *needles, size_t count,
                                     struct hin_store_search *search)
{
    struct hunt *hunt = calloc(1, sizeof(*hunt));
    HIN_ENSURE(hunt != NULL, NO_MEMORY);
    (void)options;
    hunt->search = search;
    search->where = "all rows of the tenant's schema, as its role reads them";
    struct hin_result looked = hin_seek_init(&hunt->seek, needles, count, control);
    looked = hin_is_ok(looked) ? search_with(store, hunt) : looked;
    hin_seek_done(&hunt->seek);
    free(hunt);
    return looked;
}
