/* Patterns: grammar, literal path, PCRE2 with JIT, and the bounds on hostile subjects. */
#include "match/pattern.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/bytes.h"
#include "match/pattern_internal.h"

#define TEXT_MAX_BYTES   (2 * HIN_PATTERN_MAX_BYTES * 16)
#define MATCH_LIMIT      2000 /* backtracks from one starting position, counted by PCRE2 */
#define MATCH_LIMIT_SLOW 1000000
#define DEPTH_LIMIT      20000
#define HEAP_LIMIT_KIB   2048
#define JIT_STACK_START  (32 * 1024)
#define JIT_STACK_MAX    (512 * 1024)
#define CALLOUT_STEPS    64 /* what one callout costs, in steps of a byte */

/* What is made on first use. `state` goes 0 (not made) -> 1 (being made) -> 2 (ready, never changes
 * again). */
struct lazy {
    atomic_int jit_state;
    bool jit;
    atomic_int slow_state;
    pcre2_code *slow; /* with callouts, for subjects that need a budget; NULL: could not be made */
};

struct hin_pattern {
    enum hin_pattern_kind kind;
    bool linear; /* one match costs at most a constant times the subject */
    bool is_literal;
    uint32_t options; /* of PCRE2 */
    uint32_t captures;
    struct hin_buf text; /* as given */
    struct hin_buf pcre2;
    struct hin_literal_set literals;
    pcre2_code *code; /* NULL when is_literal */
    struct lazy *lazy;
};

struct hin_pattern_scratch {
    pcre2_match_data *data;
    pcre2_match_context *fast;
    pcre2_match_context *slow;
    pcre2_jit_stack *stack;
    uint32_t steps_left;
    size_t slow_at; /* position of the last callout */
    uint64_t limit_count;
};

/* ---- compiling ---- */

static const char *const kind_names[HIN_PATTERN_KIND_COUNT] = {"OS_Match", "OS_Regex", "PCRE2",
                                                               "PCRE2 (caseless)"};

static HIN_RESULT convert(struct hin_pattern *pattern, struct hin_error *error)
{
    struct hin_view text = hin_buf_view(&pattern->text);
    switch (pattern->kind) {
    case HIN_PATTERN_OSMATCH:
        pattern->options = PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY;
        return hin_grammar_osmatch(text, &pattern->pcre2);
    case HIN_PATTERN_OSREGEX:
        pattern->options = PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY;
        return hin_grammar_osregex(text, error, &pattern->pcre2);
    case HIN_PATTERN_PCRE2_CASELESS:
        pattern->options = PCRE2_CASELESS;
        return hin_buf_append(&pattern->pcre2, text);
    default:
        return hin_buf_append(&pattern->pcre2, text);
    }
}

static HIN_RESULT fail_pcre2(const struct hin_pattern *pattern, int code, PCRE2_SIZE offset,
                             struct hin_error *error)
{
    char text[200];
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text)) < 0) {
        text[0] = 0;
    }
    HIN_ENSURE(code != PCRE2_ERROR_HEAP_FAILED, NO_MEMORY);
    /* what our own conversion wrote has no column in the caller's text */
    uint32_t column = pattern->kind >= HIN_PATTERN_PCRE2 ? (uint32_t)offset + 1 : 1;
    return hin_error_set(error, HIN_SYNTAX, NULL, 0, column, "%s pattern: %s",
                         kind_names[pattern->kind], text);
}

static HIN_RESULT compile_code(struct hin_pattern *pattern, struct hin_error *error)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    /* \C could split what we hand out; UTF mode would make answers depend on broken UTF-8 */
    uint32_t options = pattern->options | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
    pattern->code =
        pcre2_compile(pattern->pcre2.data, pattern->pcre2.size, options, &code, &offset, NULL);
    if (pattern->code == NULL) {
        return fail_pcre2(pattern, code, offset, error);
    }
    HIN_ENSURE(pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &pattern->captures) == 0,
               INTERNAL);
    if (pattern->captures > HIN_PATTERN_SPANS_MAX) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 1,
                             "the pattern has %u captures; at most %d are kept", pattern->captures,
                             HIN_PATTERN_SPANS_MAX);
    }
    pattern->lazy = calloc(1, sizeof(*pattern->lazy));
    HIN_ENSURE(pattern->lazy != NULL, NO_MEMORY);
    return hin_ok();
}

static HIN_RESULT examine(struct hin_pattern *pattern)
{
    struct hin_arena arena;
    struct hin_atoms atoms;
    hin_arena_init(&arena, 4 << 20);
    struct hin_result result =
        hin_atoms_extract(hin_buf_view(&pattern->pcre2), &arena, &atoms, &pattern->linear);
    hin_arena_done(&arena);
    return result;
}

static HIN_RESULT compile(struct hin_pattern *pattern, struct hin_view text,
                          struct hin_error *error)
{
    size_t max =
        pattern->kind >= HIN_PATTERN_PCRE2 ? HIN_PATTERN_MAX_BYTES : HIN_PATTERN_OSREGEX_MAX_BYTES;
    if (text.size > max) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, (uint32_t)max + 1,
                             "the pattern is longer than %zu bytes", max);
    }
    if (text.size == 0 && pattern->kind != HIN_PATTERN_OSMATCH) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 1, "the pattern is empty");
    }
    HIN_TRY(hin_buf_append(&pattern->text, text));
    HIN_TRY(convert(pattern, error));
    struct hin_result literal = hin_literal_set_from(
        hin_buf_view(&pattern->pcre2), (pattern->options & PCRE2_CASELESS) != 0,
        (pattern->options & PCRE2_DOLLAR_ENDONLY) != 0, &pattern->literals);
    if (hin_is_ok(literal)) {
        pattern->is_literal = true;
        return hin_ok();
    }
    HIN_ENSURE(literal.code == HIN_NOT_FOUND, NO_MEMORY);
    HIN_TRY(compile_code(pattern, error));
    return examine(pattern);
}

HIN_RESULT hin_pattern_compile(enum hin_pattern_kind kind, struct hin_view text,
                               struct hin_error *error, struct hin_pattern **ret_pattern)
{
    HIN_ENSURE((unsigned)kind < HIN_PATTERN_KIND_COUNT, INVALID);
    struct hin_pattern *pattern = calloc(1, sizeof(*pattern));
    HIN_ENSURE(pattern != NULL, NO_MEMORY);
    pattern->kind = kind;
    hin_buf_init(&pattern->text, HIN_PATTERN_MAX_BYTES);
    hin_buf_init(&pattern->pcre2, TEXT_MAX_BYTES);
    struct hin_result result = compile(pattern, text, error);
    if (!hin_is_ok(result)) {
        hin_pattern_free(pattern);
        return result;
    }
    *ret_pattern = pattern;
    return hin_ok();
}

void hin_pattern_free(struct hin_pattern *pattern)
{
    if (pattern == NULL) {
        return;
    }
    if (pattern->lazy != NULL) {
        pcre2_code_free(pattern->lazy->slow);
        free(pattern->lazy);
    }
    pcre2_code_free(pattern->code);
    hin_literal_set_done(&pattern->literals);
    hin_buf_done(&pattern->text);
    hin_buf_done(&pattern->pcre2);
    free(pattern);
}

void hin_pattern_freep(struct hin_pattern **pattern)
{
    hin_pattern_free(*pattern);
    *pattern = NULL;
}

enum hin_pattern_kind hin_pattern_kind(const struct hin_pattern *pattern)
{
    return pattern->kind;
}

struct hin_view hin_pattern_text(const struct hin_pattern *pattern)
{
    return hin_buf_view(&pattern->text);
}

struct hin_view hin_pattern_pcre2(const struct hin_pattern *pattern)
{
    return hin_buf_view(&pattern->pcre2);
}

uint32_t hin_pattern_capture_count(const struct hin_pattern *pattern)
{
    return pattern->captures;
}

bool hin_pattern_is_literal(const struct hin_pattern *pattern)
{
    return pattern->is_literal;
}

/* ---- what is made on first use ---- */

/* True for the one caller that has to make it; everybody else comes back when it is ready. */
static bool lazy_begin(atomic_int *state)
{
    int expected = 0;
    if (atomic_compare_exchange_strong(state, &expected, 1)) {
        return true;
    }
    while (atomic_load_explicit(state, memory_order_acquire) != 2) {
        sched_yield();
    }
    return false;
}

static bool lazy_jit(const struct hin_pattern *pattern)
{
    struct lazy *lazy = pattern->lazy;
    if (atomic_load_explicit(&lazy->jit_state, memory_order_acquire) != 2 &&
        lazy_begin(&lazy->jit_state)) {
        /* where executable memory is refused, the interpreter serves */
        lazy->jit = pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0;
        atomic_store_explicit(&lazy->jit_state, 2, memory_order_release);
    }
    return lazy->jit;
}

static pcre2_code *lazy_slow(const struct hin_pattern *pattern)
{
    struct lazy *lazy = pattern->lazy;
    if (atomic_load_explicit(&lazy->slow_state, memory_order_acquire) != 2 &&
        lazy_begin(&lazy->slow_state)) {
        int code = 0;
        PCRE2_SIZE offset = 0;
        uint32_t options =
            pattern->options | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
        lazy->slow =
            pcre2_compile(pattern->pcre2.data, pattern->pcre2.size, options, &code, &offset, NULL);
        atomic_store_explicit(&lazy->slow_state, 2, memory_order_release);
    }
    return lazy->slow;
}

HIN_RESULT hin_pattern_prepare(const struct hin_pattern *pattern)
{
    if (pattern->code != NULL) {
        (void)lazy_jit(pattern);
    }
    return hin_ok();
}

HIN_RESULT hin_pattern_prepare_all(const struct hin_pattern *const *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (patterns[i] != NULL) {
            HIN_TRY(hin_pattern_prepare(patterns[i]));
        }
    }
    return hin_ok();
}

/* ---- scratch ---- */

/* Called before each item of the pattern: charges for it and for the bytes passed since the last
 * one. */
static int charge(pcre2_callout_block *block, void *context)
{
    struct hin_pattern_scratch *scratch = context;
    size_t at = block->current_position;
    size_t moved = at > scratch->slow_at ? at - scratch->slow_at : 0;
    size_t cost = CALLOUT_STEPS + moved;
    scratch->slow_at = at;
    if (cost > scratch->steps_left) {
        scratch->steps_left = 0;
        return PCRE2_ERROR_CALLOUT;
    }
    scratch->steps_left -= (uint32_t)cost;
    return 0;
}

static HIN_RESULT scratch_fill(struct hin_pattern_scratch *scratch)
{
    scratch->data = pcre2_match_data_create(HIN_PATTERN_SPANS_MAX + 1, NULL);
    scratch->fast = pcre2_match_context_create(NULL);
    scratch->slow = pcre2_match_context_create(NULL);
    HIN_ENSURE(scratch->data != NULL && scratch->fast != NULL && scratch->slow != NULL, NO_MEMORY);
    scratch->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
    if (scratch->stack != NULL) { /* without JIT there is none */
        pcre2_jit_stack_assign(scratch->fast, NULL, scratch->stack);
    }
    (void)pcre2_set_match_limit(scratch->fast, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(scratch->fast, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(scratch->fast, HEAP_LIMIT_KIB);
    (void)pcre2_set_match_limit(scratch->slow, MATCH_LIMIT_SLOW);
    (void)pcre2_set_depth_limit(scratch->slow, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(scratch->slow, HEAP_LIMIT_KIB);
    (void)pcre2_set_callout(scratch->slow, charge, scratch);
    scratch->steps_left = HIN_PATTERN_BUDGET_STEPS;
    return hin_ok();
}

HIN_RESULT hin_pattern_scratch_new(struct hin_pattern_scratch **ret_scratch)
{
    struct hin_pattern_scratch *scratch = calloc(1, sizeof(*scratch));
    HIN_ENSURE(scratch != NULL, NO_MEMORY);
    struct hin_result result = scratch_fill(scratch);
    if (!hin_is_ok(result)) {
        hin_pattern_scratch_free(scratch);
        return result;
    }
    *ret_scratch = scratch;
    return hin_ok();
}

void hin_pattern_scratch_free(struct hin_pattern_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    pcre2_match_data_free(scratch->data);
    pcre2_match_context_free(scratch->fast);
    pcre2_match_context_free(scratch->slow);
    pcre2_jit_stack_free(scratch->stack);
    free(scratch);
}

void hin_pattern_scratch_freep(struct hin_pattern_scratch **scratch)
{
    hin_pattern_scratch_free(*scratch);
    *scratch = NULL;
}

void hin_pattern_scratch_begin(struct hin_pattern_scratch *scratch, uint32_t budget_steps)
{
    scratch->steps_left = budget_steps;
}

uint64_t hin_pattern_scratch_limit_count(const struct hin_pattern_scratch *scratch)
{
    return scratch->limit_count;
}

/* ---- matching ---- */

static bool spend(struct hin_pattern_scratch *scratch, size_t steps)
{
    if (steps > scratch->steps_left) {
        scratch->steps_left = 0;
        return false;
    }
    scratch->steps_left -= (uint32_t)steps;
    return true;
}

static enum hin_match_outcome hit_limit(struct hin_pattern_scratch *scratch)
{
    scratch->limit_count++;
    return HIN_MATCH_LIMIT;
}

static void take_spans(const struct hin_pattern *pattern, struct hin_pattern_scratch *scratch,
                       int rc, struct hin_match *match)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(scratch->data);
    match->start = (uint32_t)HIN_MIN(at[0], at[1]); /* \K in a lookahead can turn them round */
    match->end = (uint32_t)at[1];
    match->span_count = pattern->captures;
    for (uint32_t i = 0; i < pattern->captures; i++) {
        bool set = (int)i + 1 < rc && at[2 * i + 2] != PCRE2_UNSET;
        match->spans[i].start = set ? (uint32_t)at[2 * i + 2] : HIN_SPAN_UNSET;
        match->spans[i].end = set ? (uint32_t)at[2 * i + 3] : HIN_SPAN_UNSET;
    }
}

static enum hin_match_outcome match_literal(const struct hin_pattern *pattern,
                                            struct hin_pattern_scratch *scratch,
                                            struct hin_view subject, size_t start,
                                            struct hin_match *ret_match)
{
    struct hin_literal_hit hit;
    if (!hin_literal_set_may_find(&pattern->literals, subject, start)) {
        return HIN_MATCH_NO;
    }
    if (subject.size > HIN_PATTERN_LONG_BYTES && !spend(scratch, subject.size / 8)) {
        return hit_limit(scratch);
    }
    if (!hin_literal_set_find(&pattern->literals, subject, start,
                              ret_match == NULL ? NULL : &hit)) {
        return HIN_MATCH_NO;
    }
    if (ret_match != NULL) {
        ret_match->start = (uint32_t)hit.start;
        ret_match->end = (uint32_t)hit.end;
        ret_match->span_count = 0;
    }
    return HIN_MATCH_YES;
}

/* Against the line's budget, by the interpreter with callouts. */
static int match_slow(const struct hin_pattern *pattern, struct hin_pattern_scratch *scratch,
                      struct hin_view subject, size_t start)
{
    if (scratch->steps_left == 0) {
        return PCRE2_ERROR_CALLOUT;
    }
    pcre2_code *code = lazy_slow(pattern);
    if (code == NULL) {
        return PCRE2_ERROR_NOMEMORY;
    }
    scratch->slow_at = start;
    return pcre2_match(code, subject.data, subject.size, start, PCRE2_NO_JIT, scratch->data,
                       scratch->slow);
}

static int match_fast(const struct hin_pattern *pattern, struct hin_pattern_scratch *scratch,
                      struct hin_view subject, size_t start)
{
    if (lazy_jit(pattern)) {
        return pcre2_jit_match(pattern->code, subject.data, subject.size, start, 0, scratch->data,
                               scratch->fast);
    }
    return pcre2_match(pattern->code, subject.data, subject.size, start, PCRE2_NO_JIT,
                       scratch->data, scratch->fast);
}

static int match_pcre2(const struct hin_pattern *pattern, struct hin_pattern_scratch *scratch,
                       struct hin_view subject, size_t start)
{
    int rc = 0;
    if (subject.size <= HIN_PATTERN_LONG_BYTES) {
        rc = match_fast(pattern, scratch, subject, start);
    } else if (pattern->linear) {
        rc = spend(scratch, subject.size) ? match_fast(pattern, scratch, subject, start)
                                          : PCRE2_ERROR_CALLOUT;
    } else {
        return match_slow(pattern, scratch, subject, start);
    }
    bool again = rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
                 rc == PCRE2_ERROR_JIT_STACKLIMIT || rc == PCRE2_ERROR_HEAPLIMIT;
    return again ? match_slow(pattern, scratch, subject, start) : rc;
}

enum hin_match_outcome hin_pattern_match(const struct hin_pattern *pattern,
                                         struct hin_pattern_scratch *scratch,
                                         struct hin_view subject, size_t start,
                                         struct hin_match *ret_match)
{
    if (start > subject.size || subject.size >= UINT32_MAX) {
        return HIN_MATCH_NO;
    }
    if (subject.data == NULL) {
        subject.data = (const uint8_t *)""; /* PCRE2 wants an address even for nothing */
    }
    if (pattern->is_literal) {
        return match_literal(pattern, scratch, subject, start, ret_match);
    }
    int rc = match_pcre2(pattern, scratch, subject, start);
    if (rc == PCRE2_ERROR_NOMATCH) {
        return HIN_MATCH_NO;
    }
    if (rc < 0) {
        return hit_limit(scratch);
    }
    if (ret_match != NULL) {
        take_spans(pattern, scratch, rc, ret_match);
    }
    return HIN_MATCH_YES;
}
