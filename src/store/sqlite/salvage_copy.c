/* What can be read of a damaged file goes into a fresh one, row by row and as it is: sealed things
 * stay sealed.
 *
 * A table with row numbers is read from the front. A row that goes on in a damaged page is stepped
 * over and costs itself. At a damaged page of the table's own tree SQLite comes no further: then
 * each page of the file that holds rows is read as if it were the table's root, and the rows that
 * are of this table are taken, so that such a page costs the rows on it and what hung below it is
 * there. Other tables are read from the front until a damaged page stops it, then from the back.
 *
 * Of events that are lost the fresh file says how many: a row of `segment` that is marked as
 * damaged stands for them, which the indexes of the damaged file tell, or else the gap in the ids.
 */
#include <stdio.h>

#include "base/bytes.h"
#include "base/time.h"
#include "store/sqlite/salvage.h"

/* How a row that was found on a page that nothing leads to is known to be of a table. */
enum proof {
    PROOF_NONE,    /* cannot be known */
    PROOF_PLACE,   /* by its columns; that it is no deleted one: by the list of freed pages */
    PROOF_COLUMNS, /* by its columns; rows of this table are never deleted */
    PROOF_HEAD,    /* by the checksum of a segment's head */
    PROOF_BODY,    /* by the checksum of a segment's body, which stands in its head */
};

struct table {
    const char *name;
    const char *forward, *backward, *insert;
    const char *probe; /* the next row number, without the row */
    const char *shape; /* what only rows of this table are */
    int columns;
    enum proof proof;
    int version; /* of the schema that has it so; 0: every one */
};

/* Row numbers: the first column of `forward` is the row's number, those of `insert` follow. */
#define ROWS(table, list, marks, count, by, like) ROWS_OF(0, table, list, marks, count, by, like)
#define ROWS_OF(schema, table, list, marks, count, by, like)                                       \
    {                                                                                              \
        .name = table,                                                                             \
        .forward = "SELECT rowid, " list " FROM " table " NOT INDEXED WHERE rowid > ?1 AND "       \
                   "(NOT ?2 OR (" like ")) ORDER BY rowid",                                        \
        .insert = "INSERT OR IGNORE INTO " table "(" list ") VALUES(" marks ")",                   \
        .probe = "SELECT rowid FROM " table " NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT "  \
                 "1",                                                                              \
        .columns = (count), .proof = (by), .version = (schema)                                     \
    }
#define SORTED(table, order, order_back, list, marks, count)                                       \
    {                                                                                              \
        .name = table, .forward = "SELECT " list " FROM " table " ORDER BY " order,                \
        .backward = "SELECT " list " FROM " table " ORDER BY " order_back,                         \
        .insert = "INSERT OR IGNORE INTO " table "(" list ") VALUES(" marks ")",                   \
        .columns = (count)                                                                         \
    }

#define SEALED(column) "typeof(" column ") = 'blob' AND substr(" column ", 1, 3) = x'485356'"

#define KEY                                                                                        \
    "typeof(id) = 'blob' AND length(id) = 16 AND typeof(version) = 'integer' AND typeof(created) " \
    "= 'integer' AND typeof(wrapped) = 'blob'"

#define DATA_KEY                                                                                   \
    "typeof(sealed) = 'blob' AND length(sealed) IN (0, 80) AND (length(sealed) = 0 OR "            \
    "substr(sealed, 1, 3) = x'485356')"

/* Each data key stands twice: what is lost of the first table comes from the second. */
static const struct table data_keys_again = {
    .name = "data_key_again",
    .forward = "SELECT rowid, number, sealed FROM data_key_again NOT INDEXED WHERE rowid > ?1 AND "
               "(NOT ?2 OR (" DATA_KEY ")) ORDER BY rowid",
    .insert = "INSERT OR IGNORE INTO data_key(number, sealed) VALUES(?,?)",
    .probe = "SELECT rowid FROM data_key_again NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1",
    .columns = 2,
    .proof = PROOF_PLACE};

/* In this order: a body is judged by its segment. */
static const struct table tables[] = {
    SORTED("meta", "name", "name DESC", "name, number, bytes", "?,?,?", 3),
    ROWS_OF(1, "key", "number, id, version, created, wrapped", "?,?,?,?,?", 5, PROOF_COLUMNS, KEY),
    ROWS_OF(2, "key", "number, id, version, created, wrapped, epoch", "?,?,?,?,?,?", 6,
            PROOF_COLUMNS, KEY),
    ROWS_OF(2, "data_key", "number, sealed", "?,?", 2, PROOF_PLACE, DATA_KEY),
    ROWS("segment",
         "id, last_id, count, level, day, created, min_time, max_time, plain_bytes, damaged, "
         "classes, severities, computers, head",
         "?,?,?,?,?,?,?,?,?,?,?,?,?,?", 14, PROOF_HEAD, "typeof(head) = 'blob'"),
    ROWS("body", "id, bytes", "?,?", 2, PROOF_BODY, "typeof(bytes) = 'blob'"),
    SORTED("source", "agent, generation", "agent DESC, generation DESC",
           "agent, generation, position, finding, floor", "?,?,?,?,?", 5),
    SORTED("span", "agent, generation, hi, segment",
           "agent DESC, generation DESC, hi DESC, segment DESC",
           "agent, generation, hi, segment, lo", "?,?,?,?,?", 5),
    ROWS("agent", "id, session, spool_generation, acked, seen, clock_offset, sealed",
         "?,?,?,?,?,?,?", 7, PROOF_PLACE,
         "typeof(session) = 'integer' AND typeof(clock_offset) = 'integer' AND (sealed IS NULL OR "
         "(" SEALED("sealed") "))"),
    SORTED("certificate", "serial", "serial DESC", "serial, agent, not_after, revoked", "?,?,?,?",
           4),
    ROWS("sequence", "kind, last", "?,?", 2, PROOF_NONE, "1"),
    ROWS("document", "kind, id, version, created, updated, owner, expires, sealed",
         "?,?,?,?,?,?,?,?", 8, PROOF_PLACE,
         "typeof(kind) = 'integer' AND typeof(expires) = 'integer' AND " SEALED("sealed")),
    SORTED("name", "kind, slot, token", "kind DESC, slot DESC, token DESC", "kind, slot, token, id",
           "?,?,?,?", 4),
    ROWS("audit", "number, time, hash, sealed", "?,?,?,?", 4, PROOF_COLUMNS,
         "typeof(time) = 'integer' AND typeof(hash) = 'blob' AND " SEALED("sealed")),
};

struct copy {
    sqlite3 *from;
    struct hin_store *to;
    int64_t now_usec;
    struct hin_error *error;
    struct hin_salvage_pages pages;
    int version; /* of the damaged file's schema */
    bool paged;  /* pages were looked for */
    struct hin_store_salvaged salvaged;
};

static HIN_RESULT to_fresh(struct copy *copy, int code)
{
    return hin_db_code(copy->to, code);
}

/* A number out of the fresh file. */
static HIN_RESULT ask(struct copy *copy, const char *text, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(hin_sqlite_db(copy->to), text, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    struct hin_result result = to_fresh(copy, code);
    if (hin_is_ok(result)) {
        *ret_number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    }
    (void)sqlite3_finalize(statement);
    return result;
}

/* --- one run over rows --- */

struct run {
    const struct table *table;
    const char *text;
    uint32_t page;        /* the table's root for this run, or 0: its own */
    int64_t after;        /* the last row number read */
    sqlite3_stmt *insert; /* into the fresh file */
    sqlite3_stmt *head;   /* of the segment that a body belongs to, in the fresh file */
    bool whole;           /* no row was left out */
};

/* Within a transaction that is undone, the table's root is elsewhere; no change for its own. */
static bool enter(struct copy *copy, const struct run *run)
{
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "BEGIN; PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = %u "
                   "WHERE name = '%s'; PRAGMA writable_schema = RESET",
                   (unsigned)run->page, run->table->name);
    return run->page == 0 || sqlite3_exec(copy->from, text, NULL, NULL, NULL) == SQLITE_OK;
}

static void leave(struct copy *copy, const struct run *run)
{
    if (run->page == 0) {
        return;
    }
    if (sqlite3_get_autocommit(copy->from) == 0) { /* a damaged page ends a transaction by itself */
        (void)sqlite3_exec(copy->from, "ROLLBACK", NULL, NULL, NULL);
    }
    (void)sqlite3_exec(copy->from, "PRAGMA writable_schema = RESET", NULL, NULL, NULL);
}

static bool body_fits(const struct run *run, sqlite3_stmt *select)
{
    (void)sqlite3_reset(run->head);
    (void)sqlite3_bind_int64(run->head, 1, sqlite3_column_int64(select, 1));
    bool fits = sqlite3_step(run->head) == SQLITE_ROW &&
                hin_segment_is_body(hin_sqlite_blob(run->head, 0), hin_sqlite_blob(select, 2));
    (void)sqlite3_reset(run->head);
    return fits;
}

static bool head_fits(sqlite3_stmt *select)
{
    struct hin_segment_head head;
    return hin_is_ok(hin_segment_read_head(hin_sqlite_blob(select, 14), &head)) &&
           head.first_sequence == (uint64_t)sqlite3_column_int64(select, 1);
}

static bool is_proven(const struct run *run, sqlite3_stmt *select)
{
    return run->page == 0 || (run->table->proof == PROOF_HEAD   ? head_fits(select)
                              : run->table->proof == PROOF_BODY ? body_fits(run, select)
                                                                : true);
}

static HIN_RESULT put_row(struct copy *copy, const struct run *run, sqlite3_stmt *select)
{
    int skip = sqlite3_column_count(select) - run->table->columns;
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < run->table->columns; i++) {
        code = sqlite3_bind_value(run->insert, i + 1, sqlite3_column_value(select, i + skip));
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(run->insert);
        (void)sqlite3_reset(run->insert);
    }
    HIN_TRY(to_fresh(copy, code));
    copy->salvaged.rows += (uint64_t)sqlite3_changes(hin_sqlite_db(copy->to));
    return hin_ok();
}

/* *ret_code: SQLITE_DONE at the end, else what stopped it. A failure to write is a failure. */
static HIN_RESULT read_rows(struct copy *copy, struct run *run, int *ret_code)
{
    sqlite3_stmt *select = NULL;
    struct hin_result result = hin_ok();
    int code = sqlite3_prepare_v2(copy->from, run->text, -1, &select, NULL);
    if (code == SQLITE_OK && run->table->probe != NULL) {
        (void)sqlite3_bind_int64(select, 1, run->after);
        (void)sqlite3_bind_int(select, 2, run->page != 0);
    }
    while (code == SQLITE_OK && hin_is_ok(result)) {
        code = sqlite3_step(select);
        if (code == SQLITE_ROW) {
            code = SQLITE_OK;
            run->after = sqlite3_column_int64(select, 0);
            if (is_proven(run, select)) {
                result = put_row(copy, run, select);
            }
        }
    }
    (void)sqlite3_finalize(select);
    *ret_code = code;
    return result;
}

/* Whether there is a next row: it is the one that could not be read, and is stepped over. */
static bool step_over(struct copy *copy, struct run *run)
{
    sqlite3_stmt *probe = NULL;
    bool row = run->table->probe != NULL &&
               sqlite3_prepare_v2(copy->from, run->table->probe, -1, &probe, NULL) == SQLITE_OK &&
               sqlite3_bind_int64(probe, 1, run->after) == SQLITE_OK &&
               sqlite3_step(probe) == SQLITE_ROW;
    if (row) {
        run->after = sqlite3_column_int64(probe, 0);
        run->whole = false;
    }
    (void)sqlite3_finalize(probe);
    return row;
}

/* *ret_end: no page of the tree itself stopped it. */
static HIN_RESULT copy_run(struct copy *copy, struct run *run, bool *ret_end)
{
    bool on = true;
    run->after = INT64_MIN;
    *ret_end = false;
    while (on) {
        int code = SQLITE_ERROR;
        struct hin_result result = enter(copy, run) ? read_rows(copy, run, &code) : hin_ok();
        leave(copy, run);
        HIN_TRY(result);
        *ret_end = code == SQLITE_DONE;
        on = !*ret_end && enter(copy, run) && step_over(copy, run);
        leave(copy, run);
    }
    return hin_ok();
}

/* --- a table --- */

static HIN_RESULT find_pages(struct copy *copy)
{
    if (copy->paged) {
        return hin_ok();
    }
    copy->paged = true;
    if (sqlite3_wal_checkpoint_v2(copy->from, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
        SQLITE_OK) {
        return hin_ok(); /* what is in the log only would be missed: none is better than stale ones
                          */
    }
    return hin_salvage_pages_init(&copy->pages, copy->from);
}

/* What nothing leads to any more. */
static HIN_RESULT copy_pages(struct copy *copy, struct run *run)
{
    if (run->table->proof == PROOF_NONE) {
        return hin_ok();
    }
    HIN_TRY(find_pages(copy));
    if (run->table->proof == PROOF_PLACE && !copy->pages.free_known) {
        return hin_ok();
    }
    for (size_t i = 0; i < copy->pages.count; i++) {
        bool end = false;
        run->page = copy->pages.leaves[i];
        HIN_TRY(copy_run(copy, run, &end));
    }
    return hin_ok();
}

static HIN_RESULT copy_rows(struct copy *copy, struct run *run)
{
    bool end = false;
    HIN_TRY(copy_run(copy, run, &end));
    if (!end || !run->whole) {
        copy->salvaged.tables_broken++;
    }
    if (end) {
        return hin_ok();
    }
    run->whole = false;
    if (run->table->backward == NULL) {
        return copy_pages(copy, run);
    }
    run->text = run->table->backward;
    return copy_run(copy, run, &end);
}

static HIN_RESULT copy_table(struct copy *copy, const struct table *table, bool *ret_whole)
{
    struct run run = {.table = table, .text = table->forward, .whole = true};
    int code = sqlite3_prepare_v2(hin_sqlite_db(copy->to), table->insert, -1, &run.insert, NULL);
    if (code == SQLITE_OK && table->proof == PROOF_BODY) {
        code = sqlite3_prepare_v2(hin_sqlite_db(copy->to), "SELECT head FROM segment WHERE id = ?1",
                                  -1, &run.head, NULL);
    }
    struct hin_result result = to_fresh(copy, code);
    if (hin_is_ok(result)) {
        result = copy_rows(copy, &run);
    }
    (void)sqlite3_finalize(run.insert);
    (void)sqlite3_finalize(run.head);
    *ret_whole = run.whole;
    return result;
}

/* --- what follows from the rest --- */

/* A mark rebuilt from spans is past every finding at its position, so that the exact way decides.
 * A name whose document is lost would keep it from being given again. */
#define MEND                                                                                       \
    "INSERT INTO meta(name, number) VALUES('last_event', (SELECT max(last_id) FROM segment)) "     \
    "ON CONFLICT(name) DO UPDATE SET number = max(coalesce(number, 0), coalesce(excluded.number, " \
    "0));"                                                                                         \
    "INSERT INTO sequence(kind, last) SELECT kind, max(id) FROM document WHERE true GROUP BY "     \
    "kind ON CONFLICT(kind) DO UPDATE SET last = max(last, excluded.last);"                        \
    "INSERT INTO source(agent, generation, position, finding, floor) SELECT agent, generation, "   \
    "max(hi), 4294967295, -1 FROM span WHERE true GROUP BY agent, generation ON CONFLICT(agent, "  \
    "generation) DO NOTHING;"                                                                      \
    "DELETE FROM name WHERE NOT EXISTS (SELECT 1 FROM document WHERE document.kind = name.kind "   \
    "AND document.id = name.id);"                                                                  \
    "DELETE FROM body WHERE id NOT IN (SELECT id FROM segment);"                                   \
    "DELETE FROM data_key WHERE number >> 56 = 1 AND number & 72057594037927935 NOT IN (SELECT "   \
    "id FROM segment);"                                                                            \
    "DELETE FROM data_key WHERE number >> 56 = 3 AND number & 72057594037927935 NOT IN (SELECT "   \
    "id FROM agent);"                                                                              \
    "DELETE FROM data_key WHERE number >> 56 > 16 AND NOT EXISTS (SELECT 1 FROM document WHERE "   \
    "kind = (number >> 56) - 16 AND id = number & 72057594037927935);"                             \
    "INSERT INTO meta(name, number) VALUES('epoch', (SELECT max(1, coalesce(max(epoch), 1)) FROM " \
    "key)) ON CONFLICT(name) DO UPDATE SET number = max(number, excluded.number);"

/* What the indexes of the damaged file know of its segments. */
#define KNOWN                                                                                      \
    "CREATE TEMP TABLE known(id INTEGER PRIMARY KEY, last_id, count, min_time, max_time, "         \
    "damaged, "                                                                                    \
    "day)"
static const struct table indexes[] = {
    {.forward = "SELECT id, last_id, count, min_time, max_time, damaged FROM segment INDEXED BY "
                "segment_directory WHERE id > 0 ORDER BY id",
     .backward = "SELECT id, last_id, count, min_time, max_time, damaged FROM segment INDEXED BY "
                 "segment_directory WHERE id > 0 ORDER BY id DESC",
     .insert = "INSERT OR IGNORE INTO known(id, last_id, count, min_time, max_time, damaged) "
               "VALUES(?,?,?,?,?,?)",
     .columns = 6},
    {.forward = "SELECT id, count, day FROM segment INDEXED BY segment_day WHERE day > "
                "-9223372036854775808 ORDER BY day, id",
     .backward = "SELECT id, count, day FROM segment INDEXED BY segment_day WHERE day > "
                 "-9223372036854775808 ORDER BY day DESC, id DESC",
     .insert = "INSERT INTO known(id, count, day, last_id, min_time, max_time, damaged) "
               "VALUES(?1, ?2, ?3, ?1 + ?2 - 1, 0, 9223372036854775807, 0) ON CONFLICT(id) DO "
               "UPDATE SET day = excluded.day",
     .columns = 3},
};

/* Rows that stand for segments that are lost whole: first those that an index knows, then the gaps.
 * Ids are given without gaps. Dropped by intent are the oldest, and, where modules are kept for
 * different times, any of days before the marks of store/retention.c and up to the event that they
 * were brought to: a gap there is taken for one of these. Of what only a gap tells no time is
 * known: it is told in every answer. */
#define INTENDED_ID  "coalesce((SELECT number FROM meta WHERE name = 'retained'), 0)"
#define INTENDED_DAY "coalesce((SELECT max(number) FROM meta WHERE name GLOB 'dropped.*'), 0)"
#define STAND_IN                                                                                   \
    "INSERT OR IGNORE INTO segment(id, last_id, count, level, day, created, min_time, max_time, "  \
    "plain_bytes, damaged, classes, severities, head) "
#define STAND_INS                                                                                  \
    STAND_IN                                                                                       \
    "SELECT id, last_id, count, 2, coalesce(day, (SELECT day FROM segment WHERE segment.id "       \
    "< known.id ORDER BY id DESC LIMIT 1), min_time / 86400000000), 0, min_time, "                 \
    "max_time, 0, damaged, 0, 0, x'' FROM known WHERE id NOT IN (SELECT id FROM "                  \
    "segment);" STAND_IN                                                                           \
    "SELECT before, id - 1, id - before, 2, day, 0, 0, 9223372036854775807, 0, 0, 0, 0, "          \
    "x'' FROM (SELECT id, day, lag(last_id) OVER (ORDER BY id) + 1 AS before, lag(day) OVER "      \
    "(ORDER BY id) AS day_before FROM segment) WHERE before < id AND NOT (id - 1 <= " INTENDED_ID  \
    " AND day_before < " INTENDED_DAY ");" STAND_IN                                                \
    "SELECT after, number, number - after + 1, 2, day, 0, 0, 9223372036854775807, 0, 0, "          \
    "0, 0, x'' FROM meta, (SELECT max(last_id) + 1 AS after, day FROM segment) WHERE "             \
    "name = 'last_event' AND after <= number AND NOT (number <= " INTENDED_ID                      \
    " AND day < " INTENDED_DAY ");"

/* The table key that a segment's own key is sealed under, or else the one that seals it directly.
 */
#define SEALED_UNDER                                                                               \
    "coalesce((SELECT substr(sealed, 5, 16) FROM data_key WHERE number = segment.id + "            \
    "72057594037927936), substr(head, 5, 16))"
#define UNREADABLE                                                                                 \
    "(id NOT IN (SELECT id FROM body) OR "                                                         \
    "EXISTS (SELECT 1 FROM temp.lost_keys WHERE lost_keys.id = " SEALED_UNDER "))"

static HIN_RESULT stand_in(struct copy *copy)
{
    bool whole = false;
    HIN_TRY(hin_db_exec(copy->to, KNOWN));
    for (size_t i = 0; i < HIN_COUNT(indexes); i++) {
        uint64_t rows = copy->salvaged.rows, broken = copy->salvaged.tables_broken;
        HIN_TRY(copy_table(copy, &indexes[i], &whole));
        copy->salvaged.rows = rows; /* an index loses nothing */
        copy->salvaged.tables_broken = broken;
    }
    return hin_db_exec(copy->to, STAND_INS "DROP TABLE known");
}

/* Those that were marked as damaged and are whole, as far as can be seen without keys. */
static HIN_RESULT clear_marks(struct copy *copy)
{
    sqlite3_stmt *select = NULL, *update = NULL;
    struct hin_result result = hin_ok();
    int code = sqlite3_prepare_v2(hin_sqlite_db(copy->to),
                                  "SELECT id, head, bytes FROM segment JOIN body USING(id) WHERE "
                                  "damaged <> 0",
                                  -1, &select, NULL);
    if (code == SQLITE_OK) {
        code =
            sqlite3_prepare_v2(hin_sqlite_db(copy->to),
                               "UPDATE segment SET damaged = 0 WHERE id = ?1", -1, &update, NULL);
    }
    while (code == SQLITE_OK && (code = sqlite3_step(select)) == SQLITE_ROW) {
        code = SQLITE_OK;
        if (hin_segment_is_body(hin_sqlite_blob(select, 1), hin_sqlite_blob(select, 2))) {
            (void)sqlite3_bind_int64(update, 1, sqlite3_column_int64(select, 0));
            code = sqlite3_step(update) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
            (void)sqlite3_reset(update);
        }
    }
    result = to_fresh(copy, code);
    (void)sqlite3_finalize(select);
    (void)sqlite3_finalize(update);
    return result;
}

/* What was marked as damaged before has been told before. */
static HIN_RESULT judge_segments(struct copy *copy, bool segments_whole, bool keys_whole)
{
    int64_t lost = 0;
    if (!segments_whole) {
        HIN_TRY(stand_in(copy));
    }
    HIN_TRY(hin_db_exec(copy->to, "CREATE TEMP TABLE lost_keys(id BLOB PRIMARY KEY)"));
    if (!keys_whole) {
        HIN_TRY(hin_db_exec(copy->to,
                            "INSERT OR IGNORE INTO lost_keys SELECT " SEALED_UNDER " FROM segment "
                            "WHERE " SEALED_UNDER " NOT IN (SELECT id FROM key)"));
    }
    HIN_TRY(ask(copy, "SELECT sum(count) FROM segment WHERE damaged = 0 AND " UNREADABLE, &lost));
    copy->salvaged.events_lost = (uint64_t)lost;
    HIN_TRY(clear_marks(copy));
    return hin_db_exec(copy->to, "UPDATE segment SET damaged = 1, level = 2 WHERE " UNREADABLE
                                 ";UPDATE segment SET level = 2 WHERE level < 2 AND id < (SELECT "
                                 "max(id) FROM segment WHERE level = 2);DROP TABLE lost_keys");
}

/* Without the key of the mark the file could not even be unlocked. */
static HIN_RESULT check_keys(struct copy *copy)
{
    int64_t lost = 0;
    HIN_TRY(ask(copy,
                "SELECT count(*) FROM meta WHERE name = 'mark' AND substr(bytes, 5, 16) NOT IN "
                "(SELECT id FROM key)",
                &lost));
    if (lost > 0) {
        return hin_error_set(copy->error, HIN_CORRUPT, copy->to->tenant, 0, 0,
                             "the pages with the wrapped data keys are damaged: nothing that was "
                             "sealed can be opened without them. The file was left as it is. "
                             "Restore the database from a backup (OPERATIONS.md, \"Damaged "
                             "database\")");
    }
    return hin_ok();
}

/* In the fresh file itself: it is known for as long as the file lives. What no event has told yet
 * is told with this. */
static HIN_RESULT remember(struct copy *copy)
{
    int64_t count = 0, told = 0, lost = 0, broken = 0, damaged = 0;
    HIN_TRY(ask(copy, "SELECT count(*) FROM segment WHERE damaged", &damaged));
    HIN_TRY(hin_db_set_number(copy->to, HIN_DAMAGE_TOLD, damaged));
    HIN_TRY(hin_db_number(copy->to, "salvages", &count));
    HIN_TRY(hin_db_number(copy->to, "salvages_told", &told));
    if (told < count) {
        HIN_TRY(hin_db_number(copy->to, "salvage_lost", &lost));
        HIN_TRY(hin_db_number(copy->to, "salvage_tables", &broken));
    }
    copy->salvaged.events_lost += (uint64_t)lost;
    copy->salvaged.tables_broken = HIN_MAX(copy->salvaged.tables_broken, (uint64_t)broken);
    HIN_TRY(hin_db_set_number(copy->to, "salvages", count + 1));
    HIN_TRY(hin_db_set_number(copy->to, "salvage_time", copy->now_usec));
    HIN_TRY(hin_db_set_number(copy->to, "salvage_rows", (int64_t)copy->salvaged.rows));
    HIN_TRY(hin_db_set_number(copy->to, "salvage_tables", (int64_t)copy->salvaged.tables_broken));
    return hin_db_set_number(copy->to, "salvage_lost", (int64_t)copy->salvaged.events_lost);
}

/* A file whose damage kept it from being migrated is of the version before. */
static int schema_of(sqlite3 *from)
{
    sqlite3_stmt *statement = NULL;
    bool found = sqlite3_prepare_v2(from, "SELECT 1 FROM sqlite_schema WHERE name = 'data_key'", -1,
                                    &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;
    (void)sqlite3_finalize(statement);
    return found ? 2 : 1;
}

static HIN_RESULT copy_data_keys_again(struct copy *copy, uint64_t broken_before, bool *ret_whole)
{
    uint64_t broken = copy->salvaged.tables_broken;
    HIN_TRY(copy_table(copy, &data_keys_again, ret_whole));
    copy->salvaged.tables_broken = *ret_whole ? broken_before : broken;
    return hin_ok();
}

static HIN_RESULT copy_tables(struct copy *copy)
{
    bool segments_whole = true, keys_whole = true;
    copy->version = schema_of(copy->from);
    HIN_TRY(hin_db_exec(copy->to, "DELETE FROM meta")); /* what a fresh file says of itself */
    for (size_t i = 0; i < HIN_COUNT(tables); i++) {
        bool whole = false;
        uint64_t broken = copy->salvaged.tables_broken;
        if (tables[i].version != 0 && tables[i].version != copy->version) {
            continue;
        }
        HIN_TRY(copy_table(copy, &tables[i], &whole));
        if (strcmp(tables[i].name, "segment") == 0) {
            segments_whole = whole;
        } else if (strcmp(tables[i].name, "key") == 0 && !whole) {
            keys_whole = false;
            HIN_TRY(check_keys(copy));
        } else if (strcmp(tables[i].name, "data_key") == 0) {
            if (!whole) {
                HIN_TRY(copy_data_keys_again(copy, broken, &whole));
            }
            keys_whole = keys_whole && whole;
        }
    }
    HIN_TRY(hin_db_exec(copy->to, MEND));
    HIN_TRY(judge_segments(copy, segments_whole, keys_whole));
    return remember(copy);
}

HIN_RESULT hin_salvage_copy(sqlite3 *from, struct hin_store *to, int64_t now_usec,
                            struct hin_store_salvaged *ret_salvaged, struct hin_error *error)
{
    struct copy copy = {.from = from, .to = to, .now_usec = now_usec, .error = error};
    HIN_TRY(hin_db_begin(to));
    struct hin_result result = hin_db_end(to, copy_tables(&copy));
    hin_salvage_pages_done(&copy.pages);
    HIN_TRY(result);
    *ret_salvaged = copy.salvaged;
    return hin_store_checkpoint(to);
}
