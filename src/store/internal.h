/* What the files of store/ share: the handle, its statements, transactions. Everything here stands
 * above the seam (backend.h): it is the same on every database. */
#ifndef HIN_STORE_INTERNAL_H
#define HIN_STORE_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "seal/segment.h"
#include "store/backend.h"
#include "store/sql.h"
#include "store/store.h"

#define HIN_SEALED_MAX (24u << 20) /* one sealed thing in memory */

/* One of the closed list of statements, on one handle. */
struct hin_statement {
    struct hin_store *store;
    enum hin_sql sql;
    void *prepared; /* the backend's; NULL until first used */
};

enum { HIN_PASTE_SPANS = 16 }; /* as many as HIN_SQL_PASTE_SPANS puts */

struct hin_store {
    const struct hin_backend *backend;
    void *connection; /* the backend's */
    char tenant[HIN_STORE_TENANT_MAX + 1];
    bool unlocked;
    bool read_only;
    bool in_transaction; /* between hin_store_begin and _end */
    unsigned depth;      /* operations begun within each other */
    struct hin_store_keys keys;
    struct hin_statement statements[HIN_SQL_COUNT];
    struct hin_segment_builder *builder;
    struct hin_segment_reader *reader;
    int64_t spans[HIN_PASTE_SPANS][5]; /* rows of the part of spans that wait to be put */
    int span_count;
    struct hin_secret own_key;            /* one data key at a time, wiped after its use */
    struct hin_opener *own;               /* holds it while a thing is opened */
    struct hin_buf wrap;                  /* a sealed data key: scratch */
    uint8_t seals[HIN_SEAL_KEY_ID_BYTES]; /* the key that may seal in this transaction */
    bool may_seal;
    bool renewing;                     /* the owner is taking a new key */
    uint32_t index_version;            /* of the index key in force in this transaction */
    uint32_t loaded_index;             /* of the oldest tokens of the segment that was loaded */
    struct hin_arena arena;            /* scratch of one operation */
    struct hin_arena scratch;          /* of one event */
    struct hin_buf head, body, record; /* scratch */
    uint64_t own_commits;
    uint64_t damage_met;
    bool broken;             /* a page that is needed is damaged: see hin_store_is_broken */
    int64_t damaged_segment; /* the last that could not be loaded, or 0 */
    size_t closed_count;     /* segments closed by this handle since it made sheaves */
};

/* What a file's or schema's name ends in: aside.c. */
const char *hin_store_aside_ending(enum hin_store_aside aside);

/* A statement of the table, reset and with no values bound. */
HIN_RESULT hin_db_use(struct hin_store *store, enum hin_sql sql,
                      struct hin_statement **ret_statement) HIN_NONNULL;
/* One step; *ret_row says whether a row stands ready. At the end and on failure the statement is
 * reset. */
HIN_RESULT hin_db_step(struct hin_store *store, struct hin_statement *statement,
                       bool *ret_row) HIN_NONNULL;
/* To the end; rows are dropped. */
HIN_RESULT hin_db_run(struct hin_store *store, struct hin_statement *statement) HIN_NONNULL;
/* A statement without parameters, to the end. */
HIN_RESULT hin_db_do(struct hin_store *store, enum hin_sql sql) HIN_NONNULL;
/* Bind parameters 1, 2, ... A run of integers in order: hin_db_bind(st, 2, a, b). */
void hin_db_bind(struct hin_statement *statement, int count, ...) HIN_NONNULL; /* int64_t each */

static inline void hin_db_bind_int(struct hin_statement *statement, int at, int64_t value)
{
    statement->store->backend->bind_number(statement, at, value);
}
/* Borrowed until the step. */
static inline void hin_db_bind_blob(struct hin_statement *statement, int at, struct hin_view bytes)
{
    statement->store->backend->bind_bytes(statement, at, bytes);
}
static inline void hin_db_bind_text(struct hin_statement *statement, int at, const char *text)
{
    statement->store->backend->bind_text(statement, at, text);
}
/* Columns of the row that stands ready, from 0. NULL reads as 0 and as no bytes. Bytes are borrowed
 * until the next step or reset. */
static inline int64_t hin_db_int(struct hin_statement *statement, int column)
{
    return statement->store->backend->number(statement, column);
}
static inline struct hin_view hin_db_blob(struct hin_statement *statement, int column)
{
    return statement->store->backend->bytes(statement, column);
}
static inline bool hin_db_is_null(struct hin_statement *statement, int column)
{
    return statement->store->backend->is_null(statement, column);
}
static inline void hin_db_reset(struct hin_statement *statement)
{
    statement->store->backend->reset(statement);
}

/* A transaction of one operation, or, within another operation or between hin_store_begin and _end,
 * a savepoint in it. */
HIN_RESULT hin_db_begin(struct hin_store *store) HIN_NONNULL;
/* Keeps what was done when `result` is OK, else undoes it. Answers the first failure. */
HIN_RESULT hin_db_end(struct hin_store *store, struct hin_result result) HIN_NONNULL;

/* meta numbers; an absent one reads 0. */
HIN_RESULT hin_db_number(struct hin_store *store, const char *name,
                         int64_t *ret_number) HIN_NONNULL;
HIN_RESULT hin_db_set_number(struct hin_store *store, const char *name, int64_t number) HIN_NONNULL;

HIN_RESULT hin_store_ready(const struct hin_store *store) HIN_NONNULL; /* CONFLICT while locked */

/* --- data_key.c: each sealed thing has a key of its own, which stands in the table data_key,
 * sealed under the key of the table `key` that is in force. --- */
enum hin_owner { /* stored: see hin_data_number */
                 HIN_OWNER_SEGMENT = 1,
                 HIN_OWNER_AUDIT = 2,
                 HIN_OWNER_AGENT = 3,
                 HIN_OWNER_DOCUMENT = 16 /* + kind */
};
static inline int64_t hin_data_number(int owner, int64_t id)
{
    return ((int64_t)owner << 56) + id;
}
/* What of the table data_key stands beside a thing. */
struct hin_data_key {
    bool there;
    struct hin_view sealed; /* empty, and there: the key was erased on purpose */
};
static inline struct hin_data_key hin_data_key_column(struct hin_statement *statement, int column)
{
    return (struct hin_data_key){!hin_db_is_null(statement, column),
                                 hin_db_blob(statement, column)};
}
/* The sealer in force, as the beginning of this transaction has found it. AGAIN: another process
 * has made all keys anew since, and this one has no new one yet. */
HIN_RESULT hin_store_sealer(struct hin_store *store, struct hin_sealer **ret_sealer) HIN_NONNULL;
/* After the begin of a transaction: whether the owner's key is of the present epoch. */
HIN_RESULT hin_store_check_sealer(struct hin_store *store) HIN_NONNULL;
/* A fresh key for a thing, put into the table in the place of the former, and the sealer of it: for
 * one message; the caller frees it. */
HIN_RESULT hin_data_key_new(struct hin_store *store, int owner, int64_t id,
                            struct hin_sealer **ret_sealer) HIN_NONNULL;
/* What opens the thing that names key_id. Where it has no key of its own, it is sealed directly
 * (version 1). NOT_FOUND: the key is gone. hin_data_key_done after its use. */
HIN_RESULT hin_data_key_open(struct hin_store *store, int owner, int64_t id,
                             const struct hin_data_key *key, const uint8_t *key_id,
                             struct hin_opener **ret_opener) HIN_NONNULL;
void hin_data_key_done(struct hin_store *store) HIN_NONNULL;
/* The parts, for who seals a key anew: store->own_key into the table under a number, and out of it.
 * The caller wipes it. */
HIN_RESULT hin_data_key_put(struct hin_store *store, int64_t number) HIN_NONNULL;
/* The same into a store that is being filled, which has none of that number. */
HIN_RESULT hin_data_key_paste(struct hin_store *store, int64_t number) HIN_NONNULL;
HIN_RESULT hin_data_key_read(struct hin_store *store, int64_t number,
                             struct hin_view sealed) HIN_NONNULL;
HIN_RESULT hin_data_key_drop(struct hin_store *store, int owner, int64_t id) HIN_NONNULL;
/* One statement with one number, to the end. */
HIN_RESULT hin_db_run_on(struct hin_store *store, enum hin_sql sql, int64_t number) HIN_NONNULL;

/* Where a thing of this tenant stands. row: decimal numbers joined by '/'. */
struct hin_stand {
    int owner;
    int64_t id;
    const char *table, *row, *field;
};
/* Appends the sealed form, under a fresh key of its own. */
HIN_RESULT hin_store_seal(struct hin_store *store, const struct hin_stand *stand,
                          struct hin_view plain, struct hin_buf *ret_sealed) HIN_NONNULL;
HIN_RESULT hin_store_unseal(struct hin_store *store, const struct hin_stand *stand,
                            const struct hin_data_key *key, struct hin_view sealed,
                            struct hin_buf *ret_plain) HIN_NONNULL;
struct hin_seal_place hin_store_place(const struct hin_store *store, const char *table,
                                      const char *row, const char *field) HIN_NONNULL;
HIN_RESULT hin_store_put_mark(struct hin_store *store) HIN_NONNULL; /* sealed by the key in force */
/* Whether a failure means that a stored thing is damaged (and not that we cannot get at it just
 * now). */
bool hin_store_is_damage(struct hin_result result);

/* Where the content of a document is sealed: the version is part of it, so that an older content
 * put back does not open. */
#define HIN_DOCUMENT_ROW_MAX 80
void hin_document_row(char out[HIN_DOCUMENT_ROW_MAX], int64_t kind, int64_t id,
                      uint64_t version) HIN_NONNULL;
struct hin_seal_place hin_segment_place(const char *tenant) HIN_NONNULL;
/* The same content under a key of its own; buf: scratch of HIN_SEALED_MAX. */
HIN_RESULT hin_document_reseal(struct hin_store *store, int kind, int64_t id,
                               struct hin_buf *buf) HIN_NONNULL;
HIN_RESULT hin_agent_reseal(struct hin_store *store, int64_t id, struct hin_buf *buf) HIN_NONNULL;

/* --- trial.c, and what the backends do for it --- */
void hin_crossing_tell(struct hin_store_crossing *crossing, bool crossed, const char *way,
                       const char *what) HIN_NONNULL;
HIN_RESULT hin_sqlite_search_plain(struct hin_store *store, const struct hin_store_options *options,
                                   const struct hin_view *needles, size_t count,
                                   struct hin_store_search *search) HIN_NONNULL;
HIN_RESULT hin_postgres_trespass(struct hin_store *store, const char *other,
                                 struct hin_store_crossing *crossing) HIN_NONNULL;
HIN_RESULT hin_postgres_search_plain(struct hin_store *store,
                                     const struct hin_store_options *options,
                                     const struct hin_view *needles, size_t count,
                                     struct hin_store_search *search) HIN_NONNULL;

/* --- between commit.c, segment.c, search.c, rewrite.c, retention.c --- */
/* UTC. */
static inline int64_t hin_day_of(int64_t usec)
{
    return usec >= 0 ? usec / HIN_DAY_USEC : -((-usec + HIN_DAY_USEC - 1) / HIN_DAY_USEC);
}
struct hin_segment_row { /* plain columns of a segment */
    int64_t id, last_id, count, level, day, plain_bytes;
    int64_t min_time, max_time;
    bool damaged;
};
enum { HIN_LEVEL_FRESH = 0, HIN_LEVEL_MERGED = 1, HIN_LEVEL_CLOSED = 2 };
#define HIN_SEGMENT_FULL_COUNT 1000
#define HIN_SEGMENT_MOST_COUNT 8192
#define HIN_SEGMENT_MOST_BYTES (16u << 20)
#define HIN_SEGMENT_TOKEN_FIELD_NAME                                                               \
    UINT32_C(0x10000) /* index field numbers above those of events: document names */

struct hin_store_event;
struct hin_store_rewrite;
struct hin_store_rewritten;
/* Appends the record of an event: identity, plain columns, tokens (kept so that a merge needs no
 * keys), bytes. */
HIN_RESULT hin_record_write(const struct hin_store_event *event, bool keep_tokens,
                            struct hin_buf *buf) HIN_NONNULL;
/* What is left of an erased event: its identity. */
HIN_RESULT hin_record_write_erased(const struct hin_store_event *event,
                                   struct hin_buf *buf) HIN_NONNULL;
/* Fills all but id and time; tokens are appended to `tokens` (HIN_STORE_TOKENS_MAX), identity and
 * bytes borrow. */
HIN_RESULT hin_record_read(struct hin_view record, struct hin_store_event *ret_event,
                           uint64_t *tokens) HIN_NONNULL;

/* --- index.c: which index key is in force, and what stands under the one before --- */
enum { /* stored */
       HIN_INDEX_SETTLED = 0,
       HIN_INDEX_NAMES = 1,
       HIN_INDEX_EVENTS = 2
};
struct hin_index_state {
    uint32_t version; /* in force */
    uint32_t former;
    uint8_t phase;
    uint64_t at; /* names: kind in the top byte, document below; events: number */
    uint64_t until, names, segments, damaged, unread, stuck;
};
HIN_RESULT hin_index_state_get(struct hin_store *store,
                               struct hin_index_state *ret_state) HIN_NONNULL;
/* After the begin of a transaction: version as the store has it; moves the store on where the index
 * knows a newer one. */
HIN_RESULT hin_store_check_index(struct hin_store *store, int64_t version) HIN_NONNULL;
/* After tokens were computed that are about to be stored: AGAIN when they are of another key than
 * the one in force in this transaction. */
HIN_RESULT hin_store_index_in_force(const struct hin_store *store) HIN_NONNULL;
/* Before tokens are computed to find by: the index learns of a key that is newer than those it
 * knows. Tokens of what was stored at the time of this look, or before, are then all known. */
HIN_RESULT hin_index_see(struct hin_store *store, struct hin_index_state *ret_state) HIN_NONNULL;
bool hin_index_may_hold(const struct hin_index_tokens *tokens,
                        const struct hin_segment_head *head) HIN_NONNULL;
/* Within a transaction: the event's tokens under the key in force, into
 * tokens[HIN_STORE_TOKENS_MAX]. */
HIN_RESULT hin_store_make_tokens(struct hin_store *store, struct hin_store_event *event,
                                 uint64_t *tokens) HIN_NONNULL;
/* documents.c */
HIN_RESULT hin_name_tokens(struct hin_store *store, int kind, size_t slot, struct hin_view name,
                           struct hin_index_tokens *ret_tokens) HIN_NONNULL;
/* search.c */
struct hin_term;
HIN_RESULT hin_term_tokens(struct hin_index *index, const struct hin_term *term,
                           struct hin_index_tokens *ret_tokens) HIN_NONNULL;

/* What the plain columns of a segment say, gathered while it is built. */
#define HIN_SUMMARY_COMPUTERS_MAX 128
struct hin_segment_summary {
    uint64_t classes, severities; /* bits */
    int64_t computers[HIN_SUMMARY_COMPUTERS_MAX];
    size_t computer_count; /* over the maximum: unknown, any */
    int64_t first_id, last_id, count, plain_bytes;
    int64_t records; /* erased ones too */
    int64_t min_time, max_time;
};
/* An erased event takes its number, and is not counted. */
void hin_summary_add(struct hin_segment_summary *summary,
                     const struct hin_store_event *event) HIN_NONNULL;
/* An event (or what is left of one) into the builder. */
HIN_RESULT hin_segment_put(struct hin_store *store, struct hin_segment_summary *summary,
                           const struct hin_store_event *event, bool keep_tokens) HIN_NONNULL;
/* A segment's rows and its data key. */
HIN_RESULT hin_segment_drop(struct hin_store *store, int64_t id) HIN_NONNULL;
/* Every number from first to last has a record, of an event or of what is left of one. */
static inline int64_t hin_row_records(const struct hin_segment_row *row)
{
    return row->last_id - row->id + 1;
}
/* The one column that `sql` answers for an id, appended. NOT_FOUND; CORRUPT when it cannot be read
 * whole (a damaged overflow page). */
HIN_RESULT hin_store_append_blob(struct hin_store *store, enum hin_sql sql, int64_t id,
                                 struct hin_buf *buf) HIN_NONNULL;
/* Within a transaction: gives every event of a segment to the judge and stores the segment anew
 * under a new key when one of them changes, or always. Counts into *done. */
HIN_RESULT hin_segment_rewrite(struct hin_store *store, const struct hin_store_rewrite *rewrite,
                               int64_t id, struct hin_store_rewritten *done) HIN_NONNULL;
uint64_t hin_summary_class_bit(uint32_t class_uid);
/* Seals what the builder holds and inserts it. Clears builder and summary. */
HIN_RESULT hin_segment_store(struct hin_store *store, struct hin_segment_summary *summary,
                             int64_t level, int64_t day, int64_t now_usec) HIN_NONNULL;
/* Opens a segment's body; then hin_segment_next over store->reader. Damage as hin_store_is_damage
 * says. */
HIN_RESULT hin_segment_load(struct hin_store *store, int64_t id) HIN_NONNULL;
/* After CORRUPT for row `id`: when the row's own page can be read (by `stands`), it goes on in a
 * page that is damaged. That is the loss of this row alone, and the handle is as broken as it was.
 */
void hin_db_isolate(struct hin_store *store, enum hin_sql stands, int64_t id,
                    bool was_broken) HIN_NONNULL;
/* SQLite ends a transaction in which a page could not be read, a reader's too. IO: that has
 * happened; what was done in it is undone, and nothing more may be done as if it were there. */
HIN_RESULT hin_db_inside(struct hin_store *store) HIN_NONNULL;
HIN_RESULT hin_segment_mark_damaged(struct hin_store *store, int64_t id) HIN_NONNULL;
/* After an operation that failed and was undone: true when a damaged segment was in its way and is
 * marked now, so that trying again meets it no more. */
bool hin_segment_step_aside(struct hin_store *store, struct hin_result result) HIN_NONNULL;
/* Merges of the tail. closing: the tail is followed by something it may not be merged with. */
HIN_RESULT hin_tail_close(struct hin_store *store, int64_t now_usec) HIN_NONNULL;
HIN_RESULT hin_tail_merge_due(struct hin_store *store, int64_t now_usec) HIN_NONNULL;
/* Whatever of the tail stands before this ID is closed as it is: nothing is merged across it. */
HIN_RESULT hin_tail_end(struct hin_store *store, int64_t id) HIN_NONNULL;
HIN_RESULT hin_tail_row(struct hin_store *store, bool *ret_any,
                        struct hin_segment_row *ret_last) HIN_NONNULL;

/* --- sheaf.c: what many closed segments in a row may hold, told at once --- */
enum { HIN_SHEAF_MEMBERS = 256, HIN_SHEAF_ROUND = 16 };
struct hin_sheaf {
    int64_t id, last_id; /* of events: the first of the first segment, the last of the last */
    size_t count;        /* of segments, those that are gone too */
    uint64_t slices, classes, severities;
    int64_t min_time, max_time;
    bool in_time; /* it may hold something of the time that was asked for; else no members */
    struct hin_view members;
};
struct hin_sheaf_range {
    int64_t low, high;              /* ids of events, both ends included */
    int64_t since_usec, until_usec; /* as in hin_store_filter */
    bool descending;
};
struct hin_sheaf_look {
    size_t count;
    int64_t ids[HIN_SHEAF_MEMBERS]; /* ascending */
    uint32_t sizes[HIN_SHEAF_MEMBERS];
    bool known[HIN_SHEAF_MEMBERS]; /* else it may hold anything */
    bool may[HIN_SHEAF_MEMBERS];
};
/* The next sheaves over the range, HIN_SHEAF_ROUND at most; members lie in the arena. */
HIN_RESULT hin_sheaf_list(struct hin_store *store, const struct hin_sheaf_range *range,
                          struct hin_arena *arena, struct hin_sheaf *list,
                          size_t *ret_count) HIN_NONNULL;
/* All of them may hold it. CORRUPT: the sheaf says nothing. */
HIN_RESULT hin_sheaf_members(const struct hin_sheaf *sheaf,
                             struct hin_sheaf_look *ret_look) HIN_NONNULL;
/* Clears look->may of those that hold none of the tokens. */
HIN_RESULT hin_sheaf_judge(struct hin_store *store, const struct hin_sheaf *sheaf,
                           const uint64_t *tokens, size_t count,
                           struct hin_sheaf_look *look) HIN_NONNULL;
/* Makes what is due, for a part of a second at most. */
HIN_RESULT hin_sheaf_make(struct hin_store *store) HIN_NONNULL;
/* After a commit: the same when this handle has closed enough segments for it. */
HIN_RESULT hin_sheaf_make_due(struct hin_store *store) HIN_NONNULL;
/* Drops those that are not what the segments' heads make: altered, or of a damaged page that is
 * readable. */
HIN_RESULT hin_sheaf_check(struct hin_store *store, uint64_t *ret_wrong) HIN_NONNULL;
/* Within the transaction that changes a closed segment, marks or drops it. */
HIN_RESULT hin_sheaf_drop_over(struct hin_store *store, int64_t segment) HIN_NONNULL;

#define HIN_GENERATION "generation" /* of meta */

#endif
