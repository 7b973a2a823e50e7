/* Which events were stored before. Inside store/sqlite only; lives for one commit. */
#ifndef HIN_STORE_SQLITE_DEDUP_H
#define HIN_STORE_SQLITE_DEDUP_H

#include "base/map.h"
#include "store/events.h"
#include "store/internal.h"

struct source { /* one (agent, generation) */
    int64_t agent, generation;
    bool known;                /* a mark stands */
    int64_t position, finding; /* high-water mark */
    int64_t floor; /* what lies at or below was dropped by retention: it stays refused */
    bool changed;
    bool in_segment; /* lo, hi hold positions of the segment being built */
    int64_t lo, hi;
};

struct hin_dedup {
    struct hin_store *store;
    struct hin_map sources; /* agent, generation -> struct source in the store's arena */
    struct source *last;    /* of the event before: usually the same */
    struct source **list;
    size_t count, capacity;
    struct hin_map
        seen; /* identities looked up in segments, and those of this commit once needed */
    struct hin_map loaded; /* segments whose identities are in `seen` */
    bool exact;            /* the identities of this commit are in `seen` too */
};

HIN_RESULT hin_dedup_init(struct hin_dedup *dedup, struct hin_store *store) HIN_NONNULL;
void hin_dedup_done(struct hin_dedup *dedup);
/* events[at] is judged; those before it with an id were accepted in this commit. An accepted one
 * moves the mark. */
HIN_RESULT hin_dedup_judge(struct hin_dedup *dedup, const struct hin_store_event *events, size_t at,
                           bool *ret_copy) HIN_NONNULL;
/* The accepted event went into the segment being built; the segment got its id. */
void hin_dedup_segment_add(struct hin_dedup *dedup,
                           const struct hin_store_event *event) HIN_NONNULL;
HIN_RESULT hin_dedup_segment_end(struct hin_dedup *dedup, int64_t segment) HIN_NONNULL;
/* Write the marks. */
HIN_RESULT hin_dedup_finish(struct hin_dedup *dedup) HIN_NONNULL;

#endif
