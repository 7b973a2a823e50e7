/* Trying what a tenant's role may, and looking for plain bytes in a tenant's rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "store/postgres/internal.h"
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

/* A row as text shows bytes in hex. */
#define IN(table)                                                                                  \
    "SELECT count(*) AS n FROM " table " AS t WHERE position($1::text in t::text) > 0 OR "         \
    "position(encode(convert_to($1::text, 'UTF8'), 'hex') in t::text) > 0"
#define AND " UNION ALL "
static const char search_sql[] =
    "SELECT sum(n)::text FROM (" IN("meta") AND IN("key") AND IN("segment") AND IN("body")
        AND IN("source") AND IN("span") AND IN("agent") AND IN("certificate") AND IN("sequence")
            AND IN("document") AND IN("name") AND IN("audit") AND IN("data_key") ") AS found";

static HIN_RESULT count_rows(struct hin_postgres *postgres, struct hin_view needle, bool *ret_found)
{
    char text[HIN_STORE_NEEDLE_MOST + 1];
    char count[24];
    HIN_TRY(hin_view_to_text(needle, text, sizeof(text)));
    HIN_TRY(hin_postgres_ask(postgres, search_sql, text, count, sizeof(count)));
    *ret_found = strcmp(count, "0") != 0;
    return hin_ok();
}

HIN_RESULT hin_postgres_search_plain(struct hin_store *store,
                                     const struct hin_store_options *options,
                                     const struct hin_view *needles, size_t count,
                                     struct hin_store_search *search)
{
    struct hin_postgres *postgres = hin_postgres_of(store);
    struct hin_store_stats stats;
    (void)options;
    HIN_TRY(hin_store_stats(store, &stats)); /* it connects anew where the connection was lost */
    HIN_ENSURE(PQstatus(postgres->conn) == CONNECTION_OK, AGAIN);
    HIN_TRY(count_rows(postgres, HIN_VIEW("last_event"), &search->control));
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        HIN_TRY(count_rows(postgres, needles[i], &found));
        search->found_first = found ? HIN_MIN(search->found_first, i) : search->found_first;
        search->found_count += found;
    }
    search->bytes = stats.bytes;
    search->where = "all rows of the tenant's schema, as its role reads them; not the server's "
                    "files and write-ahead log, which are its own";
    return hin_ok();
}
