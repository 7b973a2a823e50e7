#include "store/agents.h"

#include <stdio.h>

#include "base/bytes.h"
#include "store/internal.h"

static void row_text(char out[32], int64_t id)
{
    (void)snprintf(out, 32, "%lld", (long long)id);
}

static struct hin_stand stand_of(char row[32], int64_t id)
{
    row_text(row, id);
    return (struct hin_stand){HIN_OWNER_AGENT, id, "agent", row, "blob"};
}

/* Columns 0..6 of AGENT_GET and AGENT_LIST. */
static HIN_RESULT read_agent(struct hin_store *store, struct hin_statement *statement, int64_t id,
                             struct hin_buf *buf, struct hin_store_agent *ret_agent)
{
    struct hin_store_agent agent = {
        .id = id,
        .session_counter = (uint64_t)hin_db_int(statement, 0),
        .spool_generation = (uint64_t)hin_db_int(statement, 1),
        .acked_sequence = (uint64_t)hin_db_int(statement, 2),
        .last_seen_usec = hin_db_int(statement, 3),
        .clock_offset_usec = hin_db_int(statement, 4),
    };
    struct hin_view sealed = hin_db_blob(statement, 5);
    if (sealed.size > 0) {
        char row[32];
        size_t begin = buf->size;
        struct hin_stand stand = stand_of(row, id);
        struct hin_data_key key = hin_data_key_column(statement, 6);
        HIN_TRY(hin_store_unseal(store, &stand, &key, sealed, buf));
        agent.blob = hin_view_of(buf->data + begin, buf->size - begin);
    }
    *ret_agent = agent;
    return hin_ok();
}

HIN_RESULT hin_store_agent_get(struct hin_store *store, int64_t id, struct hin_buf *buf,
                               struct hin_store_agent *ret_agent)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_GET, &statement));
    hin_db_bind(statement, 1, id);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    struct hin_result result = read_agent(store, statement, id, buf, ret_agent);
    hin_db_reset(statement);
    return result.code == HIN_NOT_FOUND ? hin_fail(HIN_CORRUPT) : result;
}

static HIN_RESULT take_session(struct hin_store *store, int64_t id, uint64_t counter,
                               int64_t now_usec)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_ENSURE(counter > 0 && counter <= INT64_MAX, INVALID);
    HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_GET, &statement));
    hin_db_bind(statement, 1, id);
    HIN_TRY(hin_db_step(store, statement, &row));
    uint64_t highest = row ? (uint64_t)hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    HIN_ENSURE(counter > highest, CONFLICT);
    HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_SESSION, &statement));
    hin_db_bind(statement, 3, id, (int64_t)counter, now_usec);
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_agent_session(struct hin_store *store, int64_t id, uint64_t counter,
                                   int64_t now_usec)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, take_session(store, id, counter, now_usec));
}

static HIN_RESULT run_one(struct hin_store *store, enum hin_sql sql, int64_t id)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, sql, &statement));
    hin_db_bind_int(statement, 1, id);
    return hin_db_run(store, statement);
}

static HIN_RESULT change_one(struct hin_store *store, enum hin_sql sql, int64_t id)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, run_one(store, sql, id));
}

HIN_RESULT hin_store_agent_reset(struct hin_store *store, int64_t id)
{
    return change_one(store, HIN_SQL_AGENT_RESET, id);
}

HIN_RESULT hin_store_agent_forget(struct hin_store *store, int64_t id)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    struct hin_result dropped = hin_data_key_drop(store, HIN_OWNER_AGENT, id);
    if (hin_is_ok(dropped)) {
        dropped = run_one(store, HIN_SQL_AGENT_FORGET, id);
    }
    return hin_db_end(store, dropped);
}

static HIN_RESULT put_blob(struct hin_store *store, int64_t id, struct hin_view blob)
{
    struct hin_statement *statement = NULL;
    char row[32];
    struct hin_stand stand = stand_of(row, id);
    hin_buf_clear(&store->body);
    HIN_TRY(hin_store_seal(store, &stand, blob, &store->body));
    HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_SEAL, &statement));
    hin_db_bind(statement, 1, id);
    hin_db_bind_blob(statement, 2, hin_buf_view(&store->body));
    return hin_db_run(store, statement);
}

HIN_RESULT hin_agent_reseal(struct hin_store *store, int64_t id, struct hin_buf *buf)
{
    struct hin_store_agent agent;
    hin_buf_clear(buf);
    HIN_TRY(hin_store_agent_get(store, id, buf, &agent));
    return put_blob(store, id, agent.blob);
}

HIN_RESULT hin_store_agent_blob(struct hin_store *store, int64_t id, struct hin_view blob)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, put_blob(store, id, blob));
}

static HIN_RESULT put_seen(struct hin_store *store, const struct hin_store_seen *seen, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_statement *statement = NULL;
        HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_SEEN, &statement));
        hin_db_bind(statement, 3, seen[i].agent, seen[i].seen_usec, seen[i].clock_offset_usec);
        HIN_TRY(hin_db_run(store, statement));
    }
    return hin_ok();
}

HIN_RESULT hin_store_agents_seen(struct hin_store *store, const struct hin_store_seen *seen,
                                 size_t count)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, put_seen(store, seen, count));
}

HIN_RESULT hin_store_agents_list(struct hin_store *store, int64_t after_id, size_t limit,
                                 HIN_RESULT (*visit)(void *context,
                                                     const struct hin_store_agent *agent),
                                 void *context)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, HIN_SQL_AGENT_LIST, &statement));
    hin_db_bind(statement, 2, after_id, limit == 0 ? INT64_MAX : (int64_t)limit);
    struct hin_buf buf;
    hin_buf_init(&buf, HIN_SEALED_MAX);
    struct hin_result result = hin_ok();
    bool row = true;
    while (hin_is_ok(result)) {
        struct hin_store_agent agent;
        result = hin_db_step(store, statement, &row);
        if (!hin_is_ok(result) || !row) {
            break;
        }
        hin_buf_clear(&buf);
        result = read_agent(store, statement, hin_db_int(statement, 7), &buf, &agent);
        if (hin_is_ok(result)) {
            result = visit(context, &agent);
        }
    }
    hin_db_reset(statement);
    hin_buf_done(&buf);
    return result;
}

/* --- certificates --- */

static HIN_RESULT put_certificate(struct hin_store *store,
                                  const struct hin_store_certificate *certificate)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_CERTIFICATE_PUT, &statement));
    hin_db_bind_blob(statement, 1, hin_view_of(certificate->serial, certificate->serial_bytes));
    hin_db_bind_int(statement, 2, certificate->agent);
    hin_db_bind_int(statement, 3, certificate->not_after_usec);
    hin_db_bind_int(statement, 4, certificate->revoked_usec);
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_certificate_put(struct hin_store *store,
                                     const struct hin_store_certificate *certificate)
{
    HIN_TRY(hin_store_ready(store));
    HIN_ENSURE(certificate->serial_bytes > 0 && certificate->serial_bytes <= HIN_STORE_SERIAL_MAX,
               INVALID);
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, put_certificate(store, certificate));
}

static void read_certificate(struct hin_statement *statement,
                             struct hin_store_certificate *ret_certificate)
{
    struct hin_view serial = hin_db_blob(statement, 0);
    struct hin_store_certificate certificate = {
        .serial_bytes = HIN_MIN(serial.size, (size_t)HIN_STORE_SERIAL_MAX),
        .agent = hin_db_int(statement, 1),
        .not_after_usec = hin_db_int(statement, 2),
        .revoked_usec = hin_db_int(statement, 3),
    };
    hin_copy(certificate.serial, serial.data, certificate.serial_bytes);
    *ret_certificate = certificate;
}

HIN_RESULT hin_store_certificate_get(struct hin_store *store, struct hin_view serial,
                                     struct hin_store_certificate *ret_certificate)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, HIN_SQL_CERTIFICATE_GET, &statement));
    hin_db_bind_blob(statement, 1, serial);
    HIN_TRY(hin_db_step(store, statement, &row));
    HIN_ENSURE(row, NOT_FOUND);
    read_certificate(statement, ret_certificate);
    hin_db_reset(statement);
    return hin_ok();
}

static HIN_RESULT revoke(struct hin_store *store, int64_t agent, int64_t now_usec)
{
    struct hin_statement *statement = NULL;
    HIN_TRY(hin_db_use(store, HIN_SQL_CERTIFICATE_REVOKE, &statement));
    hin_db_bind(statement, 2, agent, now_usec);
    return hin_db_run(store, statement);
}

HIN_RESULT hin_store_certificates_revoke(struct hin_store *store, int64_t agent, int64_t now_usec)
{
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_begin(store));
    return hin_db_end(store, revoke(store, agent, now_usec));
}

HIN_RESULT hin_store_certificates_revoked(
    struct hin_store *store, int64_t now_usec,
    HIN_RESULT (*visit)(void *context, const struct hin_store_certificate *c), void *context)
{
    struct hin_statement *statement = NULL;
    bool row = true;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, HIN_SQL_CERTIFICATE_REVOKED, &statement));
    hin_db_bind(statement, 1, now_usec);
    for (;;) {
        HIN_TRY(hin_db_step(store, statement, &row));
        if (!row) {
            return hin_ok();
        }
        struct hin_store_certificate certificate;
        read_certificate(statement, &certificate);
        struct hin_result result = visit(context, &certificate);
        if (!hin_is_ok(result)) {
            hin_db_reset(statement);
            return result;
        }
    }
}

HIN_RESULT hin_store_certificates_ending(struct hin_store *store, int64_t before_usec,
                                         uint64_t *ret_count)
{
    struct hin_statement *statement = NULL;
    bool row = false;
    HIN_TRY(hin_store_ready(store));
    HIN_TRY(hin_db_use(store, HIN_SQL_CERTIFICATE_ENDING, &statement));
    hin_db_bind(statement, 1, before_usec);
    HIN_TRY(hin_db_step(store, statement, &row));
    *ret_count = row ? (uint64_t)hin_db_int(statement, 0) : 0;
    hin_db_reset(statement);
    return hin_ok();
}
