/* Events in sealed segments: committed in batches, each exactly once, numbered in commit order,
 * searched by plain columns and blind tokens.
 *
 * A commit becomes a segment at once (the tail); small ones are merged, first 64 into one, then
 * into full segments of 1,000 events or more, never across two days of commit, so that retention
 * drops whole days.
 *
 * What a second copy is: an event of the same agent, generation, position and finding. A high-water
 * mark per (agent, generation) settles nearly every case; what lies at or below it is looked up in
 * the segments themselves. */
#ifndef HIN_STORE_EVENTS_H
#define HIN_STORE_EVENTS_H

#include "event/event.h"
#include "event/terms.h"
#include "store/store.h"

#define HIN_STORE_EVENT_MAX_BYTES  (256 * 1024)
#define HIN_STORE_CURSOR_MAX_BYTES 512
#define HIN_STORE_TOKENS_MAX       512   /* of one event */
#define HIN_STORE_COMMIT_MAX       65536 /* events in one commit */

struct hin_store_identity {
    int64_t agent;       /* computer id; 0: the manager itself */
    uint64_t generation; /* 0: no identity, no check (the manager's own events) */
    uint64_t offset;     /* offset in the file; with a cursor: 0 */
    struct hin_view
        cursor; /* journal cursor (ordered by its "i=" part where it has one), or empty */
    uint32_t finding;
};

struct hin_store_event {
    int64_t id; /* set by the store */
    int64_t time_usec;
    int64_t computer_id; /* 0..2^63-1 */
    uint32_t class_uid;
    uint8_t severity_id;
    struct hin_store_identity identity;
    struct hin_view
        bytes; /* encoded event (event/codec.h), opaque here but for the check of terms */
    const uint64_t *tokens; /* blind tokens; only for committing */
    size_t token_count;
    uint32_t index_version; /* of the index when the tokens were computed; 0: 1. Those of a former
                               key are computed anew when they are stored */
    bool erased;            /* inside a segment: only number and identity are left; never visited */
};

/* The highest batch sequence of an agent that this commit completes: stored in the same
 * transaction. */
struct hin_store_ack {
    int64_t agent;
    uint64_t generation; /* of the agent's spool; a change of it starts the sequence anew */
    uint64_t sequence;
};

struct hin_store_committed {
    int64_t first_id, last_id; /* of what was stored; 0 when nothing was new */
    size_t stored_count;
    size_t copy_count; /* refused as second copies */
};

/* All or nothing; durable when it returns OK. Sets id of each stored event in place, 0 for copies.
 * now_usec: wall time of the manager (decides the day for retention). */
HIN_RESULT hin_store_commit(struct hin_store *store, struct hin_store_event *events, size_t count,
                            const struct hin_store_ack *acks, size_t ack_count, int64_t now_usec,
                            struct hin_store_committed *ret_committed);

/* Tokens of an event's search terms (under the index's newest key: hin_index_version), into
 * tokens[HIN_STORE_TOKENS_MAX]. arena: scratch. */
HIN_RESULT hin_store_tokens(struct hin_index *index, const struct hin_event *event,
                            struct hin_arena *arena, uint64_t *tokens,
                            size_t *ret_count) HIN_NONNULL;
HIN_RESULT hin_store_token(struct hin_index *index, const struct hin_term *term,
                           uint64_t *ret_token) HIN_NONNULL;

#define HIN_STORE_TERMS_MAX     16
#define HIN_STORE_COMPUTERS_MAX 256

struct hin_store_filter {
    int64_t since_usec, until_usec; /* event time, since <= t < until; 0, 0: all */
    int64_t after_id, before_id;    /* exclusive; 0: open end */
    uint32_t class_uid;             /* 0: all */
    uint16_t severity_mask;         /* bit n: severity_id n; 0: all */
    const int64_t *computers;       /* any of these; count 0: all */
    size_t computer_count;
    const struct hin_term *terms; /* all of these hold; tokens are computed inside */
    size_t term_count;
    bool descending; /* newest id first */
    size_t limit;    /* events visited at most; 0: no limit */
    size_t
        segments_max; /* segments opened at most in this call; 0: no limit. See more, resume_id */
};

struct hin_store_report {
    uint64_t segments_opened, segments_passed_over;
    uint64_t segments_damaged,
        events_damaged; /* met and left out: a counted item, never a silent hole */
    size_t visited;
    bool more;         /* stopped by limit or segments_max */
    int64_t resume_id; /* go on with after_id (or, descending, before_id) = this */
};

/* Visits in the order of ids. A failure of `visit` ends the search and is answered; EXISTS from it
 * says that it has enough, and ends the search as the limit does (`more`). The event's bytes are
 * borrowed until the visit returns. */
HIN_RESULT hin_store_search(struct hin_store *store, const struct hin_store_filter *filter,
                            HIN_RESULT (*visit)(void *context, const struct hin_store_event *event),
                            void *context, struct hin_store_report *ret_report);

/* One event by id. NOT_FOUND; CORRUPT when its segment is damaged. Its bytes lie in buf. */
HIN_RESULT hin_store_event_get(struct hin_store *store, int64_t id, struct hin_buf *buf,
                               struct hin_store_event *ret_event) HIN_NONNULL;

/* Merges what lies in the tail longer than age_usec (wall time of commit), and makes sheaves (of
 * closed segments, for searches: sheaf.c) where they are due. */
HIN_RESULT hin_store_maintain(struct hin_store *store, int64_t now_usec,
                              int64_t age_usec) HIN_NONNULL;

/* --- rewriting what is stored --- */

enum hin_store_verdict {
    HIN_STORE_KEEP = 0,
    HIN_STORE_ERASE,   /* its number and identity stay taken, so that it is refused when it is sent
                          again; nothing else is left of it */
    HIN_STORE_REPLACE, /* by the bytes, class and severity of the replacement; tokens are computed
                          anew; number, time, computer and identity stay */
};

struct hin_store_rewrite {
    /* Says what becomes of an event. *replacement is a copy of the event; its bytes are borrowed
     * until the next call. Must not call back into the store. */
    HIN_RESULT(*judge)
    (void *context, const struct hin_store_event *event, enum hin_store_verdict *ret_verdict,
     struct hin_store_event *replacement);
    void *context;
    const struct hin_term *terms; /* only segments that may hold any of these; count 0: all */
    size_t term_count;            /* HIN_STORE_TERMS_MAX at most */
    int64_t after_id, until_id;   /* numbers above, up to and including; until 0: to the end */
    bool always;         /* also where every event is kept: a new data key, tokens computed anew */
    bool former_index;   /* only segments with tokens of a former index key; all events are kept,
                            their tokens computed anew. judge and terms are not used */
    size_t segments_max; /* opened in this call; 0: no limit */
};

struct hin_store_rewritten {
    uint64_t segments_opened, segments_passed_over, segments_rewritten;
    uint64_t segments_damaged, events_damaged; /* left as they are: they open for nobody */
    uint64_t events_erased, events_replaced;
    uint64_t events_unread; /* of a later version: kept, found by no term any more */
    bool more;              /* stopped by segments_max */
    int64_t resume_id;      /* go on with after_id = this */
};

/* One transaction a segment: it gets a new data key, the former key and body go with it. Cut off
 * anywhere, each segment is as before or as after; called again from the start it finds the rest.
 * Searches and followers see each event once throughout. On SQLite what is deleted is overwritten
 * in the file; the log beside it holds it until hin_store_checkpoint. */
HIN_RESULT hin_store_rewrite(struct hin_store *store, const struct hin_store_rewrite *rewrite,
                             struct hin_store_rewritten *ret_rewritten) HIN_NONNULL;

#endif
