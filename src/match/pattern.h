/* One pattern: OS_Match, OS_Regex or PCRE2, compiled once, matched often.
 *
 * A pattern is immutable after _compile and may be shared between threads; everything that a match
 * writes stands in a scratch, one per thread. Patterns that are nothing but anchored literals never
 * reach PCRE2. The others run on PCRE2's JIT, which is made on first use or, before a process
 * closes its W^X lock, by hin_pattern_prepare; without JIT the interpreter gives the same answers.
 * Subjects are bytes: any value, NUL too, no UTF mode.
 *
 * Hostile input. Each match is bounded by PCRE2's own limits, and subjects above
 * HIN_PATTERN_LONG_BYTES (or those on which the limits were reached) are matched against a budget
 * of steps that belongs to the line: see hin_pattern_scratch_begin. When a bound is reached the
 * outcome is HIN_MATCH_LIMIT, which is not "no".
 *
 * Grammars: reference in docs of the OSSEC rule language; pcre2pattern(3). */
#ifndef HIN_MATCH_PATTERN_H
#define HIN_MATCH_PATTERN_H

#include "base/result.h"
#include "base/view.h"

#define HIN_PATTERN_SPANS_MAX         64
#define HIN_PATTERN_OSREGEX_MAX_BYTES 2048
#define HIN_PATTERN_MAX_BYTES         16384
#define HIN_PATTERN_LONG_BYTES        512
/* Steps a line may cost by default: about 0.4 ms. */
#define HIN_PATTERN_BUDGET_STEPS 400000

enum hin_pattern_kind {
    /* Case-insensitive literal substring; `^` in front and `$` at the end of an alternative anchor,
       `|` separates. */
    HIN_PATTERN_OSMATCH,
    /* Case-insensitive. \w \d \s \t \p \W \D \S \. classes, `+` and `*` only behind a backslash
       class. */
    HIN_PATTERN_OSREGEX,
    /* Plain PCRE2, case-sensitive unless the pattern says (?i). */
    HIN_PATTERN_PCRE2,
    /* PCRE2 with PCRE2_CASELESS, as OSSEC compiles the `_pcre2` elements of its files. */
    HIN_PATTERN_PCRE2_CASELESS,
    HIN_PATTERN_KIND_COUNT
};

enum hin_match_outcome {
    HIN_MATCH_NO = 0,
    HIN_MATCH_YES = 1,
    HIN_MATCH_LIMIT =
        2, /* a limit was hit: nothing is known. Count it, treat it as "no", never as an error */
};

#define HIN_SPAN_UNSET UINT32_MAX
struct hin_span {
    uint32_t start; /* HIN_SPAN_UNSET: the group took no part in the match */
    uint32_t end;
};

/* OSSEC hands the fields of <order> to the groups that took part, in turn: skip spans that are
 * HIN_SPAN_UNSET. */
struct hin_match {
    uint32_t start; /* of the whole match, in the subject */
    uint32_t end;   /* one past its last byte: where after_regex / after_prematch goes on */
    uint32_t
        span_count; /* capture groups of the pattern (1-based groups at spans[0]), at most 64 */
    struct hin_span spans[HIN_PATTERN_SPANS_MAX]; /* only [0, span_count) is written */
};

/* `HIN_MATCH_LOCAL struct hin_match m;`: a local that is not zeroed first where the build zeroes
 * locals. It is half a KiB, and what hin_pattern_match did not write must not be read in any case.
 */
#define HIN_MATCH_LOCAL __attribute__((uninitialized))

struct hin_pattern;
struct hin_pattern_scratch;

/* text is copied. SYNTAX with error->column (1-based byte in text) and error->text when the pattern
 * is wrong, LIMIT when it is too long. error may be NULL. The caller frees with hin_pattern_free.
 */
HIN_RESULT hin_pattern_compile(enum hin_pattern_kind kind, struct hin_view text,
                               struct hin_error *error, struct hin_pattern **ret_pattern);
void hin_pattern_free(struct hin_pattern *pattern);
void hin_pattern_freep(struct hin_pattern **pattern); /* for HIN_CLEANUP */

/* Make the machine code now: for processes that give up the right to map executable memory. Fine to
 * call twice, and from several threads. A machine without JIT answers OK: the interpreter serves.
 */
HIN_RESULT hin_pattern_prepare(const struct hin_pattern *pattern);
HIN_RESULT hin_pattern_prepare_all(const struct hin_pattern *const *patterns, size_t count);

enum hin_pattern_kind hin_pattern_kind(const struct hin_pattern *pattern);
struct hin_view
hin_pattern_text(const struct hin_pattern *pattern); /* as given; lives as long as the pattern */
uint32_t hin_pattern_capture_count(const struct hin_pattern *pattern);
/* No PCRE2 is involved: alternatives of literals. */
bool hin_pattern_is_literal(const struct hin_pattern *pattern);

/* One per thread; serves every pattern. */
HIN_RESULT hin_pattern_scratch_new(struct hin_pattern_scratch **ret_scratch);
void hin_pattern_scratch_free(struct hin_pattern_scratch *scratch);
void hin_pattern_scratch_freep(struct hin_pattern_scratch **scratch); /* for HIN_CLEANUP */
/* A new line begins: its budget of steps is full again (HIN_PATTERN_BUDGET_STEPS is usual). Once a
 * line; costs a store. Without it the budget of the scratch's birth is used up for good. */
void hin_pattern_scratch_begin(struct hin_pattern_scratch *scratch, uint32_t budget_steps);
/* How many matches ended in HIN_MATCH_LIMIT since the scratch was made. */
uint64_t hin_pattern_scratch_limit_count(const struct hin_pattern_scratch *scratch);

/* First match at or after `start` in the subject (which must be under 4 GiB). `^` means the
 * subject's first byte, whatever `start` is: to match from the middle as OSSEC's offset="after_..."
 * does, pass a sub-view and start 0. ret_match may be NULL (yes or no is all that is wanted:
 * faster); it is written on HIN_MATCH_YES only. */
enum hin_match_outcome hin_pattern_match(const struct hin_pattern *pattern,
                                         struct hin_pattern_scratch *scratch,
                                         struct hin_view subject, size_t start,
                                         struct hin_match *ret_match);

#endif
