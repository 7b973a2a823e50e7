/* A report: every claim of a catalogue with its state at one moment. What the API answers, what
 * pages and exports are made of. GET /api/trust/claims answers
 *   {"format":"hinomi-trust","version":1,"catalogue":"HEX","at":MSEC,"installation":"HEX",
 *    "claims":[...]}
 * with the elements of claim.h in the catalogue's order; catalogue: its digest; at: the moment, in
 * milliseconds, not after HIN_CLAIM_MSEC_MAX; installation: the authority's fingerprint, by which
 * evidence is checked, in small hex digits. */
#ifndef HIN_TRUST_REPORT_H
#define HIN_TRUST_REPORT_H

#include "trust/catalogue.h"

enum {
    HIN_REPORT_VERSION = 1,
    HIN_REPORT_JSON_MAX = 4 * 1024 * 1024,
};

struct hin_report {
    const struct hin_catalogue *catalogue;   /* borrowed */
    struct hin_claim_state *states;          /* one a claim, in the catalogue's order */
    int64_t at_usec;                         /* the moment */
    char installation[HIN_SHA256_HEX_BYTES]; /* empty: not known */
    struct hin_json_document *document;      /* what a report that was read borrows from */
};

/* The states at `now` by the probes' newest records (hin_claim_state_of). installation: hex or
 * empty. Borrows catalogue and evidence. */
HIN_RESULT hin_report_make(const struct hin_catalogue *catalogue,
                           const struct hin_claim_evidence *evidence, size_t count,
                           int64_t now_usec, struct hin_view installation,
                           struct hin_report *ret_report) __attribute__((nonnull(1, 6)));
/* The JSON above, appended. */
HIN_RESULT hin_report_write(const struct hin_report *report, bool pretty,
                            struct hin_buf *out) HIN_NONNULL;
/* Reads it back beside the same catalogue. UNSUPPORTED: a newer version; CONFLICT: it was made with
 * another catalogue; INVALID, SYNTAX: what is wrong where. Borrows the catalogue. */
HIN_RESULT hin_report_read(struct hin_view json, const struct hin_catalogue *catalogue,
                           struct hin_report *ret_report, struct hin_error *error)
    __attribute__((nonnull(2, 3)));
void hin_report_done(struct hin_report *report); /* a zeroed one is fine */

/* What a stranger is told of a failure: that it is one, when, and by which record. How it came
 * about (which tenant, which port) is for those who sign in: the reasons of failures give way, and
 * what has to be known beside a proof (who acknowledged a loss) to the fact that there is
 * something. */
void hin_report_make_public(struct hin_report *report) HIN_NONNULL;

/* ---- coverage ---- */

/* How much of a framework is mapped: each control counts once, by the best degree that any claim
 * gives it. Mapped is not certified. */
struct hin_coverage {
    size_t controls;                    /* listed */
    size_t by_degree[HIN_DEGREE_COUNT]; /* mapped, so far */
    size_t unmapped;
    size_t proven; /* mapped, and one claim of that best degree at least is proven, none failed */
    size_t failed; /* mapped, and a claim that is mapped to it has failed */
};

struct hin_coverage hin_report_coverage(const struct hin_report *report,
                                        const struct hin_framework *framework) HIN_NONNULL;

/* One control. degree: the best; status: FAILED when a claim that maps to it failed; else, of the
 * claims that answer it in that degree, PROVEN when one is proven, STALE when one is stale, else
 * NOT_ASSESSED. False: nothing is mapped to it. */
bool hin_report_control(const struct hin_report *report, const struct hin_framework *framework,
                        struct hin_view control, enum hin_degree *ret_degree,
                        enum hin_claim_status *ret_status);

/* How many claims have each status. */
void hin_report_tally(const struct hin_report *report,
                      size_t ret_count[HIN_CLAIM_STATUS_COUNT]) HIN_NONNULL;

#endif
