/* Sliding windows of sightings, by key: "how many of these within the last N seconds?", bounded and
 * without eviction.
 *
 * A key is any byte string (say: rule id, then the values of the correlation fields). Each key
 * keeps the times of its newest `entries_max` sightings and, with each, an opaque number of the
 * caller's. What is older than the span that the key was added with expires. Expired sightings make
 * room; live ones never do: when a bound is reached the new sighting of a *new* key is refused and
 * counted (LIMIT), so that a flood of other keys never evicts evidence. Within one key the oldest
 * sighting gives way to the newest, which cannot make a count fall under entries_max.
 *
 * Time is an argument and never goes back: an earlier time than the last one is taken as the last
 * one. Single-threaded. Keys are hashed with SipHash under a random key. */
#ifndef HIN_MATCH_WINDOW_H
#define HIN_MATCH_WINDOW_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_WINDOW_KEY_MAX_BYTES 1024

struct hin_window;

struct hin_window_limits {
    uint32_t keys_max;    /* live keys, over the whole table */
    uint32_t entries_max; /* sightings kept for one key */
    size_t bytes_max;     /* keys and sightings together */
};

struct hin_window_entry {
    int64_t time_usec;
    uint64_t value; /* the caller's: an event number, a hash of other fields, ... */
};

struct hin_window_stats {
    uint32_t key_count;
    uint64_t entry_count;
    size_t bytes;
    uint64_t refused_count; /* sightings refused at a bound since the window was made: report when
                               it grows */
};

HIN_RESULT hin_window_new(const struct hin_window_limits *limits, struct hin_window **ret_window);
void hin_window_free(struct hin_window *window);
void hin_window_freep(struct hin_window **window); /* for HIN_CLEANUP */

/* One more sighting. *ret_count is how many live ones the key has now, this one included (at most
 * entries_max); entries and keys whose span has passed are dropped on the way. LIMIT: refused at a
 * bound, counted in the stats. */
HIN_RESULT hin_window_add(struct hin_window *window, struct hin_view key, int64_t now_usec,
                          int64_t span_usec, uint64_t value, uint32_t *ret_count);
/* Live sightings of the key, oldest first, borrowed until the next call. An unknown key has none.
 */
void hin_window_get(struct hin_window *window, struct hin_view key, int64_t now_usec,
                    const struct hin_window_entry **ret_entries, uint32_t *ret_count);
/* Forget the key: its evidence has been used. */
void hin_window_drop(struct hin_window *window, struct hin_view key);
/* Drop whatever has expired, at most `keys_max` keys a call (0: all), so that a tick stays short.
 */
void hin_window_expire(struct hin_window *window, int64_t now_usec, uint32_t keys_max);
void hin_window_stats(const struct hin_window *window, struct hin_window_stats *ret_stats);

/* A versioned image with CRC-32C. _load replaces the content: CORRUPT, TRUNCATED or LIMIT leave it
 * empty. */
HIN_RESULT hin_window_save(const struct hin_window *window, struct hin_buf *buf);
HIN_RESULT hin_window_load(struct hin_window *window, struct hin_view image);

#endif
