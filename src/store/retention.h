/* How long events are kept, each module's for as long as it is told; whole days (UTC, of commit)
 * go.
 *
 * A segment whose modules are all over goes as a whole, with its key. One that also holds others is
 * made anew once without those that are over, whose identities stay in it, so that they are refused
 * when they are sent again. What a segment may hold, its plain columns say: classes, and which
 * computers. That of a day all of a module went is remembered in `meta` ("dropped.MODULE": the days
 * before), and up to which number of an event that holds ("retained"): a round with nothing to do
 * opens nothing, and what a clock that was set back commits under an old date is still met. */
#ifndef HIN_STORE_RETENTION_H
#define HIN_STORE_RETENTION_H

#include "event/module.h"
#include "store/store.h"

struct hin_retention {
    uint32_t keep_days[HIN_MODULE_COUNT]; /* whole days after the one of commit; 0: for ever */
};

/* Where a round stands, its owner's between the calls; zeroed at first. One that is lost, or whose
 * settings have changed, begins anew and finds what is left. */
struct hin_retention_round {
    int64_t limits[HIN_MODULE_COUNT];  /* days before these are over */
    int64_t dropped[HIN_MODULE_COUNT]; /* of days before these all of the module went */
    int64_t low, high;                 /* least and greatest limit */
    int64_t day, id;                   /* the next segment to look at */
    bool begun;
    bool parts; /* those that are over for some: `dropped` is read */
};

struct hin_retained {
    uint64_t events; /* that went */
    uint64_t segments_dropped, segments_rewritten;
    uint64_t segments_kept; /* could not be opened, or be dropped, for damage: they stay for now */
    bool more;              /* stopped by steps_max */
};

/* Drops what is over at now_usec (hin_store_retention_time's). steps_max: segments dropped or
 * opened at most in this call; 0: no limit. Cut off anywhere, each segment is as before or as
 * after. A module that is kept for ever, or for longer than before, gets nothing back. */
HIN_RESULT hin_store_retain(struct hin_store *store, int64_t now_usec,
                            const struct hin_retention *keep, size_t steps_max,
                            struct hin_retention_round *round,
                            struct hin_retained *ret_retained) HIN_NONNULL;

/* What a round would drop, by plain columns alone: nothing is opened. */
struct hin_retention_due {
    uint64_t events;       /* at most: all of those segments that hold anything that is over */
    uint64_t events_whole; /* of these, in segments that go as a whole */
    uint64_t segments;
    uint64_t days;
    int64_t first_day; /* since 1970; of what is over */
};
HIN_RESULT hin_store_retention_due(struct hin_store *store, int64_t now_usec,
                                   const struct hin_retention *keep,
                                   struct hin_retention_due *ret_due) HIN_NONNULL;

/* The first day of which something is stored, and the day that was stored last. NOT_FOUND: none. */
HIN_RESULT hin_store_retention_days(struct hin_store *store, int64_t *ret_first,
                                    int64_t *ret_last) HIN_NONNULL;

/* The time retention goes by, so that a wall clock that jumped forward does not drop everything. It
 * follows the wall clock, both ways, at most so many times as fast as time really passes. */
enum { HIN_RETENTION_PACE = 8 };

/* kept_usec, elapsed_usec monotonic time later. Pure; times before 1970 count as 1970. */
int64_t hin_retention_follow(int64_t kept_usec, int64_t wall_usec, int64_t elapsed_usec);

/* Moves the time this store keeps, and stores it. The first time it begins at the end of the newest
 * segment's day, or the wall clock's where there is none. elapsed_usec: monotonic, since the last
 * call or since this process cares for the store. *ret_usec, for hin_store_retain: never later than
 * wall_usec. */
HIN_RESULT hin_store_retention_time(struct hin_store *store, int64_t wall_usec,
                                    int64_t elapsed_usec, int64_t *ret_usec) HIN_NONNULL;
/* The same as it stands, moved by nothing. */
HIN_RESULT hin_store_retention_now(struct hin_store *store, int64_t wall_usec,
                                   int64_t *ret_usec) HIN_NONNULL;

#endif
