/* Filling a store: rows go as COPY, in jobs of about a megabyte, over connections of their own, so
 * that several of the server's processes work at once. One thread drives them all: each is a small
 * machine that is moved on when its socket lets it.
 *
 * A job is a transaction of its own, and no commit is waited for: what is filled is thrown away
 * unless it gets to its end. There one commit that is waited for makes all that was committed
 * before it durable too, since the server writes its log in order. So no connection may have been
 * lost in between: a server that went down and came up again may have lost what it had said was
 * done. While a store is filled none is made anew. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "store/postgres/internal.h"
#include "store/postgres/migrations.h"

enum { LANES = 2 };
#define JOB_BYTES   ((size_t)1 << 20)   /* of rows of one table; a row more at most */
#define ROWS_MAX    ((size_t)128 << 20) /* in memory: a job and the largest row */
#define SLICE_BYTES ((size_t)64 << 10)  /* handed to libpq at a time: it copies what it is given */

/* A commit that is not waited for; the index whose rows come in no order is made at the end, which
 * takes as long as it takes. */
#define BEGIN_LANE "SET synchronous_commit = off"
#define BEGIN_LOAD BEGIN_LANE "; SET statement_timeout = 0; DROP INDEX IF EXISTS span_segment"
#define END_LOAD   "SET synchronous_commit = on"
#define LEAVE_LOAD END_LOAD "; SET statement_timeout = " HIN_POSTGRES_STATEMENT_MSEC

enum state {
    IDLE,
    BEGINNING, /* COPY was sent: the server is to say that it takes rows */
    SENDING,   /* rows from bytes[sent] on */
    ENDING,    /* all sent: it is to say that it has them */
};

struct lane {
    struct hin_postgres link;
    enum state state;
    struct hin_buf bytes; /* of its job */
    size_t sent;
};

struct hin_postgres_load {
    struct lane lanes[LANES];
    size_t lane_count;
    struct hin_result failure;          /* the first: whatever comes after it fails so too */
    bool tried;                         /* to have lanes */
    size_t unmoved;                     /* bytes of rows since the lanes were last moved on */
    struct hin_buf rows[HIN_SQL_COUNT]; /* of each statement, that wait to become a job */
};

/* --- which statements, and how their rows are written --- */

/* Parameters ?N... as they are, one after the other, N rows of them: how many a row, else 0. */
static int count_columns(const char *values)
{
    int columns = 0, parameters = 0, first_row = 0;
    for (const char *at = values; *at != '\0'; at++) {
        if (*at == '?') {
            char *end;
            if (strtol(at + 1, &end, 10) != ++parameters) {
                return 0;
            }
            columns++;
            at = end - 1;
        } else if (*at == ')') {
            first_row = first_row == 0 ? columns : first_row;
            if (columns != first_row) {
                return 0;
            }
            columns = 0;
        } else if (strchr("(, ", *at) == NULL) {
            return 0;
        }
    }
    return columns == 0 ? first_row : 0;
}

#define INTO   "INSERT INTO "
#define VALUES " VALUES"

int hin_postgres_copy_columns(const char *text)
{
    const char *values = strstr(text, VALUES);
    return strncmp(text, INTO, strlen(INTO)) == 0 && values != NULL
               ? count_columns(values + strlen(VALUES))
               : 0;
}

/* "INSERT INTO t(a, b) VALUES(?1, ?2)" */
static void copy_text(const char *text, char out[1024])
{
    const char *into = text + strlen(INTO);
    (void)snprintf(out, 1024, "COPY %.*s FROM STDIN (FORMAT binary)",
                   (int)(strstr(into, VALUES) - into), into);
}

/* COPY's manual page, "Binary Format": 11 bytes of signature, flags, the size of an extension. */
static const uint8_t head[19] = "PGCOPY\n\377\r\n";
static const uint8_t tail[] = {0xff, 0xff};

static void put_number(uint8_t *at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    }
}

static HIN_RESULT write_row(struct hin_buf *rows, const struct hin_postgres_values *values,
                            int first, int columns)
{
    uint8_t number[4];
    put_number(number, (uint32_t)columns, 2);
    HIN_TRY(hin_buf_append(rows, hin_view_of(number, 2)));
    for (int i = first; i < first + columns; i++) {
        bool null = values->values[i] == NULL;
        put_number(number, null ? UINT32_MAX : (uint32_t)values->lengths[i], 4);
        HIN_TRY(hin_buf_append(rows, hin_view_of(number, 4)));
        if (!null) {
            HIN_TRY(
                hin_buf_append(rows, hin_view_of(values->values[i], (size_t)values->lengths[i])));
        }
    }
    return hin_ok();
}

/* --- a lane --- */

/* What it failed with is the store's trouble. */
static HIN_RESULT failed(struct hin_postgres *postgres, struct lane *lane, const PGresult *result)
{
    struct hin_result code = hin_postgres_code(&lane->link, result);
    if (hin_is_ok(code)) { /* an answer, and not the one that was due */
        return hin_fail(HIN_INTERNAL);
    }
    postgres->trouble = lane->link.trouble;
    return code;
}

/* *ret_result: NULL while there is no answer yet. */
static HIN_RESULT hear(struct hin_postgres *postgres, struct lane *lane, PGresult **ret_result)
{
    PGconn *conn = lane->link.conn;
    *ret_result = NULL;
    if (PQflush(conn) < 0 || PQconsumeInput(conn) != 1) {
        return failed(postgres, lane, NULL);
    }
    if (PQisBusy(conn) != 0) {
        return hin_ok();
    }
    *ret_result = PQgetResult(conn);
    return *ret_result != NULL ? hin_ok() : failed(postgres, lane, NULL);
}

static HIN_RESULT begin_copy(struct hin_postgres *postgres, struct lane *lane)
{
    PGresult *result = NULL;
    HIN_TRY(hear(postgres, lane, &result));
    if (result == NULL) {
        return hin_ok();
    }
    struct hin_result begun =
        PQresultStatus(result) == PGRES_COPY_IN ? hin_ok() : failed(postgres, lane, result);
    PQclear(result);
    lane->state = SENDING;
    return begun;
}

/* Until the socket takes no more. A server that failed says so at once: what is sent after it, it
 * passes over. */
static HIN_RESULT send_rows(struct hin_postgres *postgres, struct lane *lane)
{
    PGconn *conn = lane->link.conn;
    while (lane->sent < lane->bytes.size) {
        int left = PQflush(conn);
        if (left < 0 || PQconsumeInput(conn) != 1) {
            return failed(postgres, lane, NULL);
        }
        if (left > 0) {
            return hin_ok();
        }
        size_t size = HIN_MIN(SLICE_BYTES, lane->bytes.size - lane->sent);
        if (PQputCopyData(conn, (const char *)lane->bytes.data + lane->sent, (int)size) != 1) {
            return failed(postgres, lane, NULL);
        }
        lane->sent += size;
    }
    if (PQputCopyEnd(conn, NULL) != 1) {
        return failed(postgres, lane, NULL);
    }
    lane->state = ENDING;
    return hin_ok();
}

static HIN_RESULT end_copy(struct hin_postgres *postgres, struct lane *lane)
{
    PGresult *result = NULL;
    HIN_TRY(hear(postgres, lane, &result));
    if (result == NULL) {
        return hin_ok();
    }
    struct hin_result ended =
        PQresultStatus(result) == PGRES_COMMAND_OK ? hin_ok() : failed(postgres, lane, result);
    PQclear(result);
    HIN_TRY(ended);
    result = PQgetResult(lane->link.conn); /* NULL: it is ready for the next */
    if (result != NULL) {
        ended = failed(postgres, lane, result);
        PQclear(result);
        return ended;
    }
    hin_buf_clear(&lane->bytes);
    lane->state = IDLE;
    return hin_ok();
}

static HIN_RESULT move_on(struct hin_postgres *postgres, struct lane *lane)
{
    enum state before = IDLE;
    while (lane->state != IDLE && lane->state != before) {
        before = lane->state;
        if (before == BEGINNING) {
            HIN_TRY(begin_copy(postgres, lane));
        } else if (before == SENDING) {
            HIN_TRY(send_rows(postgres, lane));
        } else {
            HIN_TRY(end_copy(postgres, lane));
        }
    }
    return hin_ok();
}

/* --- all of them --- */

static HIN_RESULT move_all(struct hin_postgres *postgres)
{
    struct hin_postgres_load *load = postgres->load;
    load->unmoved = 0;
    for (size_t i = 0; i < load->lane_count; i++) {
        HIN_TRY(move_on(postgres, &load->lanes[i]));
    }
    return hin_ok();
}

/* Until any socket lets its lane go on. A server that died ends its connections; one that is gone
 * without a word, TCP's keep-alive does. */
static HIN_RESULT wait_for_any(const struct hin_postgres_load *load)
{
    struct pollfd fds[LANES];
    nfds_t count = 0;
    for (size_t i = 0; i < load->lane_count; i++) {
        const struct lane *lane = &load->lanes[i];
        if (lane->state != IDLE) {
            bool sending = lane->state == SENDING || PQflush(lane->link.conn) > 0;
            fds[count++] = (struct pollfd){.fd = PQsocket(lane->link.conn),
                                           .events = (short)(sending ? POLLIN | POLLOUT : POLLIN)};
        }
    }
    HIN_ENSURE(count == 0 || poll(fds, count, -1) > 0 || errno == EINTR, IO);
    return hin_ok();
}

static HIN_RESULT find_idle(struct hin_postgres *postgres, struct lane **ret_lane)
{
    struct hin_postgres_load *load = postgres->load;
    for (;;) {
        HIN_TRY(move_all(postgres));
        for (size_t i = 0; i < load->lane_count; i++) {
            if (load->lanes[i].state == IDLE) {
                *ret_lane = &load->lanes[i];
                return hin_ok();
            }
        }
        HIN_TRY(wait_for_any(load));
    }
}

static HIN_RESULT finish_all(struct hin_postgres *postgres)
{
    struct hin_postgres_load *load = postgres->load;
    for (;;) {
        bool any = false;
        HIN_TRY(move_all(postgres));
        for (size_t i = 0; i < load->lane_count; i++) {
            any = any || load->lanes[i].state != IDLE;
        }
        if (!any) {
            return hin_ok();
        }
        HIN_TRY(wait_for_any(load));
    }
}

/* As many as the server gives: where it gives none, rows go over the store's own connection. */
static void open_lanes(struct hin_postgres *postgres)
{
    struct hin_postgres_load *load = postgres->load;
    load->tried = true;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &load->lanes[load->lane_count];
        struct hin_error error = {0};
        lane->link.server = postgres->server;
        (void)snprintf(lane->link.role, sizeof(lane->link.role), "%s", postgres->role);
        (void)snprintf(lane->link.schema, sizeof(lane->link.schema), "%s", postgres->schema);
        if (!hin_is_ok(hin_postgres_connect(&lane->link, false, &error))) {
            return;
        }
        if (!hin_is_ok(hin_postgres_exec(&lane->link, BEGIN_LANE)) ||
            PQsetnonblocking(lane->link.conn, 1) != 0) {
            hin_postgres_disconnect(&lane->link);
            return;
        }
        load->lane_count++;
    }
}

/* Over the store's own connection, to the end. */
static HIN_RESULT copy_now(struct hin_postgres *postgres, const char *text,
                           const struct hin_buf *rows)
{
    PGresult *result = PQexec(postgres->conn, text);
    struct hin_result done =
        PQresultStatus(result) == PGRES_COPY_IN ? hin_ok() : hin_postgres_code(postgres, result);
    PQclear(result);
    HIN_TRY(done);
    for (size_t at = 0; hin_is_ok(done) && at < rows->size; at += SLICE_BYTES) {
        size_t size = HIN_MIN(SLICE_BYTES, rows->size - at);
        if (PQputCopyData(postgres->conn, (const char *)rows->data + at, (int)size) != 1) {
            done = hin_postgres_code(postgres, NULL);
        }
    }
    if (hin_is_ok(done) && PQputCopyEnd(postgres->conn, NULL) != 1) {
        done = hin_postgres_code(postgres, NULL);
    }
    while (hin_is_ok(done) && (result = PQgetResult(postgres->conn)) != NULL) {
        done = hin_postgres_code(postgres, result);
        PQclear(result);
    }
    return done;
}

/* Gives the rows of a statement away as a job; the lane's empty buffer takes their place. */
static HIN_RESULT give(struct hin_postgres *postgres, enum hin_sql sql)
{
    struct hin_postgres_load *load = postgres->load;
    struct hin_buf *rows = &load->rows[sql];
    char text[1024];
    struct lane *lane = NULL;
    copy_text(hin_postgres_text(sql), text);
    HIN_TRY(hin_buf_append(rows, hin_view_of(tail, sizeof(tail))));
    if (rows->size >= JOB_BYTES && !load->tried) { /* for less they are not worth the while */
        open_lanes(postgres);
    }
    if (load->lane_count == 0) {
        HIN_TRY(copy_now(postgres, text, rows));
        hin_buf_clear(rows);
        return hin_ok();
    }
    HIN_TRY(find_idle(postgres, &lane));
    struct hin_buf empty = lane->bytes;
    lane->bytes = *rows;
    *rows = empty;
    lane->sent = 0;
    if (PQsendQuery(lane->link.conn, text) != 1) {
        return failed(postgres, lane, NULL);
    }
    lane->state = BEGINNING;
    return move_on(postgres, lane);
}

static HIN_RESULT add_rows(struct hin_postgres *postgres, enum hin_sql sql, int columns,
                           const struct hin_postgres_values *values)
{
    struct hin_postgres_load *load = postgres->load;
    struct hin_buf *rows = &load->rows[sql];
    rows->max = ROWS_MAX;
    size_t before = rows->size;
    if (before == 0) {
        HIN_TRY(hin_buf_append(rows, hin_view_of(head, sizeof(head))));
    }
    for (int first = 0; first < values->count; first += columns) {
        HIN_TRY(write_row(rows, values, first, columns));
    }
    if (rows->size >= JOB_BYTES) {
        return give(postgres, sql);
    }
    load->unmoved += rows->size - before;
    return load->unmoved >= SLICE_BYTES ? move_all(postgres) : hin_ok();
}

HIN_RESULT hin_postgres_load_rows(struct hin_postgres *postgres, enum hin_sql sql, int columns,
                                  const struct hin_postgres_values *values)
{
    struct hin_postgres_load *load = postgres->load;
    HIN_TRY(load->failure);
    load->failure = add_rows(postgres, sql, columns, values);
    return load->failure;
}

/* --- its beginning and its end --- */

static void drop(struct hin_postgres *postgres)
{
    struct hin_postgres_load *load = postgres->load;
    postgres->load = NULL;
    for (size_t i = 0; i < LANES; i++) {
        hin_postgres_disconnect(&load->lanes[i].link);
        hin_buf_done(&load->lanes[i].bytes);
    }
    for (size_t i = 0; i < HIN_SQL_COUNT; i++) {
        hin_buf_done(&load->rows[i]);
    }
    free(load);
}

static HIN_RESULT begin(struct hin_postgres *postgres)
{
    HIN_TRY(hin_postgres_exec(postgres, BEGIN_LOAD));
    postgres->load = calloc(1, sizeof(*postgres->load));
    HIN_ENSURE(postgres->load != NULL, NO_MEMORY);
    return hin_ok();
}

/* In this order: what lanes have committed is durable when the index is, whose commit is waited
 * for. */
static HIN_RESULT finish(struct hin_postgres *postgres)
{
    HIN_TRY(postgres->load->failure);
    for (int sql = 0; sql < HIN_SQL_COUNT; sql++) {
        if (postgres->load->rows[sql].size > 0) {
            HIN_TRY(give(postgres, (enum hin_sql)sql));
        }
    }
    HIN_TRY(finish_all(postgres));
    HIN_TRY(hin_postgres_exec(postgres, END_LOAD));
    HIN_TRY(hin_postgres_exec(postgres, HIN_STORE_POSTGRES_SPAN_SEGMENT));
    return hin_postgres_exec(postgres, LEAVE_LOAD);
}

void hin_postgres_load_drop(struct hin_postgres *postgres)
{
    if (postgres->load == NULL) {
        return;
    }
    drop(postgres);
    /* Its settings go with the connection: whatever comes next makes one anew. */
    hin_postgres_disconnect(postgres);
}

HIN_RESULT hin_postgres_load(struct hin_store *store, enum hin_load step)
{
    struct hin_postgres *postgres = hin_postgres_of(store);
    switch (step) {
    case HIN_LOAD_BEGIN:
        return begin(postgres);
    case HIN_LOAD_GO_ON:
        HIN_TRY(postgres->load->failure);
        postgres->load->failure = move_all(postgres);
        return postgres->load->failure;
    case HIN_LOAD_END: {
        struct hin_result finished = finish(postgres);
        if (hin_is_ok(finished)) {
            drop(postgres);
        } else {
            hin_postgres_load_drop(postgres);
        }
        return finished;
    }
    default:
        hin_postgres_load_drop(postgres);
        return hin_ok();
    }
}
