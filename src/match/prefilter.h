/* One pass over all literals of a set of patterns, before any of them runs.
 *
 * From each pattern a necessary condition is taken: a set of literals of which one must stand in
 * the subject (case ignored) if the pattern matches. All distinct literals go into one Hyperscan or
 * Vectorscan database; a scan marks the patterns that remain possible. It never changes an answer:
 * a pattern that is not marked does not match. Patterns without a usable literal are `always`
 * candidates.
 *
 * The subject of hin_pattern_match must be the scanned bytes or any part of them: scan the whole
 * line once, then ask for patterns over log, program name, url, user and so on, as long as these
 * are cut from the line unchanged.
 *
 * A prefilter is immutable and shareable; a scratch belongs to one thread. */
#ifndef HIN_MATCH_PREFILTER_H
#define HIN_MATCH_PREFILTER_H

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"
#include "match/pattern.h"

#define HIN_PREFILTER_PATTERNS_MAX (UINT32_C(1) << 20)

struct hin_prefilter;

/* Public only so that hin_prefilter_possible is inlined; read nothing else of it. */
struct hin_prefilter_scratch {
    const struct hin_prefilter *prefilter;
    uint64_t *possible;   /* a bit a pattern: `always` or marked by the last scan */
    uint32_t *candidates; /* marked by the last scan, each once, `always` ones not among them */
    uint32_t candidate_count;
    void *internal; /* hs_scratch_t */
};

struct hin_prefilter_stats {
    uint32_t pattern_count;
    uint32_t literal_count; /* distinct */
    uint32_t always_count;  /* patterns that every line has to try */
    uint32_t fan_out_max;   /* patterns behind the busiest literal */
    size_t database_bytes;  /* of libhs */
    double candidates_hint; /* expected candidates a line of ordinary log text: the cost ledger's
                               first guess */
};

/* Over patterns[0..count): their index is their id. NULL entries are allowed and never possible.
 * The patterns are not kept. LIMIT past HIN_PREFILTER_PATTERNS_MAX; INTERNAL when libhs refuses. */
HIN_RESULT hin_prefilter_new(const struct hin_pattern *const *patterns, size_t count,
                             struct hin_prefilter **ret_prefilter);
void hin_prefilter_free(struct hin_prefilter *prefilter);
void hin_prefilter_freep(struct hin_prefilter **prefilter); /* for HIN_CLEANUP */

/* A self-contained image (versioned, CRC-32C, bound to the libhs version and to the fingerprint of
 * the patterns). _load checks all of it: CORRUPT on damage, CONFLICT when it was made from other
 * patterns or by another version of ours or of libhs (then build anew). The checksum finds
 * accidents; who may write the file is the caller's matter. */
HIN_RESULT hin_prefilter_save(const struct hin_prefilter *prefilter, struct hin_buf *buf);
HIN_RESULT hin_prefilter_load(struct hin_view image, const struct hin_pattern *const *patterns,
                              size_t count, struct hin_prefilter **ret_prefilter);

void hin_prefilter_stats(const struct hin_prefilter *prefilter,
                         struct hin_prefilter_stats *ret_stats);
/* The ids that every line has to try. */
void hin_prefilter_always(const struct hin_prefilter *prefilter, const uint32_t **ret_ids,
                          size_t *ret_count);
/* The literals of pattern `id`, one a line, for `--explain`: "(none)" when it is `always`. */
HIN_RESULT hin_prefilter_explain(const struct hin_prefilter *prefilter, uint32_t id,
                                 struct hin_buf *buf);

/* The scratch serves this prefilter only and must be freed before it. */
HIN_RESULT hin_prefilter_scratch_new(const struct hin_prefilter *prefilter,
                                     struct hin_prefilter_scratch **ret_scratch);
void hin_prefilter_scratch_free(struct hin_prefilter_scratch *scratch);
void hin_prefilter_scratch_freep(struct hin_prefilter_scratch **scratch); /* for HIN_CLEANUP */

/* Forget the last scan, look at these bytes. Afterwards scratch->candidates lists what was marked
 * (in no order) and hin_prefilter_possible answers in constant time. Costs the scan plus the hits,
 * not the number of patterns. INTERNAL (libhs failed) leaves every pattern possible: sound, slow.
 */
HIN_RESULT hin_prefilter_scan(struct hin_prefilter_scratch *scratch, struct hin_view subject);
/* Everything is possible until the next scan: the pre-filter switched off. */
void hin_prefilter_all(struct hin_prefilter_scratch *scratch);

static inline bool hin_prefilter_possible(const struct hin_prefilter_scratch *scratch, uint32_t id)
{
    return (scratch->possible[id >> 6] >> (id & 63) & 1) != 0;
}

#endif
