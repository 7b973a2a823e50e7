#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "match/prefilter.h"

/* Every construct that the literal walk knows, and many that it must not trust. */
static const char *const patterns[] = {
    "^Failed \\S+ for invalid user|^Failed \\S+ for illegal user",
    "session opened for user",
    "(?i)ACCEPTED (?:key|password)",
    "a{3}bcd",
    "xy{0,2}zzy",
    "(abc|abd)efg",
    "colou?r red",
    "foo(?=bar)bar",
    "foo(?!bar)baz",
    "[Ff]oobar",
    "[a-c]x[0-9]yz",
    "(?:one|two|three)four",
    "\\bword\\b",
    "^\\d+ items",
    "tab\\there",
    "hex\\x41\\x42C",
    "a.c.e",
    "(ab)+cdef",
    "(?:ab)*cdef",
    "(a(b(c)))def",
    "x|yz|",
    "abc\\Qd.e\\Ef",
    "(?x) a b c",
    "(\\w+) \\1 again",
    "^$",
    "\\[error\\] \\(13\\)",
    "a++bcd",
    "ab*?cde",
    "(?<name>abc)def",
    "(?P<n>xyz)",
    "(?>atomic)group",
    "(?#comment)real",
    "(?s:a.b)cde",
    "caf\xc3\xa9 noir",
    "^[^a]bcd",
    "[[:alpha:]]bcde",
    "[]x]yzw",
    "[^]x]yzw",
    "[\\]x]yzw",
    "ab{,2}cd",
    "{2}abc",
    "ab{2,}cdef",
    "lo+ng",
    "(?i:MiXed)Case",
    "(?-i)plain",
    "end$",
    "(?|(aaa)|(bbb))ccc",
    "a\\Kbcdef",
    "\\Aabc\\z",
    "\\/etc\\/passwd",
    "%2e%2e|\\.\\./",
    "(?:a|b|)cdef",
    "(?:ab?c){2}def",
    "\\101BC",
    "\\x{41}BC",
    "a\\Rbcde",
    "[a-]xyz",
    "((((deep))))er",
    "abc|(?:d(?:e|f))gh",
    "\\d{3}-\\d{4}abc",
};

#define PATTERN_COUNT HIN_COUNT(patterns)

struct fixture {
    struct hin_pattern *compiled[PATTERN_COUNT];
    size_t count;
    struct hin_prefilter *prefilter;
    struct hin_prefilter_scratch *scan;
    struct hin_pattern_scratch *match;
};

static void fixture_done(struct fixture *fixture)
{
    hin_prefilter_scratch_free(fixture->scan);
    hin_prefilter_free(fixture->prefilter);
    hin_pattern_scratch_free(fixture->match);
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        hin_pattern_free(fixture->compiled[i]);
    }
}

static const struct hin_pattern *const *fixture_patterns(struct fixture *fixture)
{
    return (const struct hin_pattern *const *)fixture->compiled;
}

static HIN_RESULT fixture_init(struct fixture *fixture)
{
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        /* a few do not compile on purpose: their places stay NULL */
        if (hin_is_ok(hin_pattern_compile(HIN_PATTERN_PCRE2, hin_view_from_text(patterns[i]), NULL,
                                          &fixture->compiled[i]))) {
            fixture->count++;
        }
    }
    HIN_TRY(hin_prefilter_new(fixture_patterns(fixture), PATTERN_COUNT, &fixture->prefilter));
    HIN_TRY(hin_prefilter_scratch_new(fixture->prefilter, &fixture->scan));
    return hin_pattern_scratch_new(&fixture->match);
}

/* The number of patterns that match although they were ruled out. */
static size_t count_losses(struct fixture *fixture, struct hin_view line)
{
    size_t losses = 0;
    if (!hin_is_ok(hin_prefilter_scan(fixture->scan, line))) {
        return 1;
    }
    for (uint32_t i = 0; i < PATTERN_COUNT; i++) {
        if (fixture->compiled[i] == NULL) {
            continue;
        }
        hin_pattern_scratch_begin(fixture->match, HIN_PATTERN_BUDGET_STEPS);
        bool matches =
            hin_pattern_match(fixture->compiled[i], fixture->match, line, 0, NULL) == HIN_MATCH_YES;
        if (matches && !hin_prefilter_possible(fixture->scan, i)) {
            (void)printf("# lost: %s on %.*s\n", patterns[i], HIN_ARGS(line));
            losses++;
        }
    }
    return losses;
}

static const char *const lines[] = {
    "Failed password for invalid user bob from 1.2.3.4",
    "session opened for user root",
    "aaabcd xyyzzy abcefg abdefg color red colour RED",
    "foobar foobaz Foobar ax1yz onefour threefour word",
    "12 items",
    "tab\there hexABC abcde ababcdef cdef abcdef yz",
    "abcd.ef abc",
    "again again again",
    "[error] (13)",
    "aaabcd acde abbbcde abcdef xyz atomicgroup real a\nbcde caf\xc3\xa9 noir xbcd",
    "xbcde ]yzw xyzw ayzw ab{,2}cd abbcdef looong mixedCase MiXedCase plain end",
    "aaaccc bbbccc abc /etc/passwd %2e%2e ../ cdef acabcdef",
    "ABC a\r\nbcde -xyz deeper degh dfgh 555-1234abc",
    "",
    "{2}abc",
    "abc",
};

TEST(test_match_prefilter__never_loses_a_match)
{
    HIN_CLEANUP(fixture_done) struct fixture fixture = {0};
    CHECK_OK(fixture_init(&fixture));
    CHECK(fixture.count > 50);
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        uint8_t line[256];
        struct hin_view base = hin_view_from_text(lines[round % HIN_COUNT(lines)]);
        struct hin_view more = hin_view_from_text(patterns[(size_t)round % PATTERN_COUNT]);
        size_t size = HIN_MIN(base.size, (size_t)120);
        hin_copy(line, base.data, size);
        hin_copy(line + size, more.data, HIN_MIN(more.size, (size_t)100));
        size += HIN_MIN(more.size, (size_t)100);
        for (int i = 0; i < round / (int)HIN_COUNT(lines) % 5 && size > 0; i++) {
            seed = seed * 1664525 + 1013904223;
            line[(seed >> 8) % size] = (uint8_t)(seed >> 24);
        }
        CHECK_INT(count_losses(&fixture, hin_view_of(line, size)), 0);
    }
}

TEST(test_match_prefilter__rules_out_and_in)
{
    HIN_CLEANUP(fixture_done) struct fixture fixture = {0};
    CHECK_OK(fixture_init(&fixture));
    CHECK_OK(hin_prefilter_scan(fixture.scan,
                                HIN_VIEW("Nov 22 host sshd: FAILED none FOR INVALID USER x")));
    CHECK(hin_prefilter_possible(fixture.scan, 0));
    CHECK(!hin_prefilter_possible(fixture.scan, 1));
    CHECK_OK(hin_prefilter_scan(fixture.scan, HIN_VIEW("Session Opened For User")));
    CHECK(!hin_prefilter_possible(fixture.scan, 0)); /* the last scan is forgotten */
    CHECK(hin_prefilter_possible(fixture.scan, 1));
    CHECK_INT(fixture.scan->candidate_count, 1);
    hin_prefilter_all(fixture.scan);
    CHECK(hin_prefilter_possible(fixture.scan, 0));
    CHECK_OK(hin_prefilter_scan(fixture.scan, HIN_VIEW_EMPTY));
    CHECK(!hin_prefilter_possible(fixture.scan, 0) && !hin_prefilter_possible(fixture.scan, 1));
    const uint32_t *always = NULL;
    size_t count = 0;
    hin_prefilter_always(fixture.prefilter, &always, &count);
    CHECK(count > 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(hin_prefilter_possible(fixture.scan, always[i]));
    }
}

TEST(test_match_prefilter__explains_its_literals)
{
    HIN_CLEANUP(fixture_done) struct fixture fixture = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf text;
    hin_buf_init(&text, 4096);
    CHECK_OK(fixture_init(&fixture));
    CHECK_OK(hin_prefilter_explain(fixture.prefilter, 1, &text));
    CHECK_VIEW(hin_buf_view(&text), "session opened for user\n");
    CHECK_CODE(hin_prefilter_explain(fixture.prefilter, 100000, &text), NOT_FOUND);
}

TEST(test_match_prefilter__image_round_trip_and_damage)
{
    HIN_CLEANUP(fixture_done) struct fixture fixture = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf image;
    hin_buf_init(&image, 8 << 20);
    CHECK_OK(fixture_init(&fixture));
    CHECK_OK(hin_prefilter_save(fixture.prefilter, &image));
    HIN_CLEANUP(hin_prefilter_freep) struct hin_prefilter *again = NULL;
    const struct hin_pattern *const *all = fixture_patterns(&fixture);
    CHECK_OK(hin_prefilter_load(hin_buf_view(&image), all, PATTERN_COUNT, &again));
    HIN_CLEANUP(hin_prefilter_scratch_freep) struct hin_prefilter_scratch *scan = NULL;
    CHECK_OK(hin_prefilter_scratch_new(again, &scan));
    for (size_t i = 0; i < HIN_COUNT(lines); i++) {
        CHECK_OK(hin_prefilter_scan(scan, hin_view_from_text(lines[i])));
        CHECK_OK(hin_prefilter_scan(fixture.scan, hin_view_from_text(lines[i])));
        CHECK_INT(memcmp(scan->possible, fixture.scan->possible, PATTERN_COUNT / 64 * 8), 0);
    }
    struct hin_prefilter *bad = NULL;
    /* other patterns, one bit, one byte less, nothing at all */
    CHECK_CODE(hin_prefilter_load(hin_buf_view(&image), all, PATTERN_COUNT - 4, &bad), CONFLICT);
    for (size_t at = 0; at < image.size; at += 101) {
        image.data[at] ^= 1;
        CHECK_CODE(hin_prefilter_load(hin_buf_view(&image), all, PATTERN_COUNT, &bad), CORRUPT);
        image.data[at] ^= 1;
    }
    for (size_t size = 0; size < image.size; size += 997) {
        CHECK_CODE(hin_prefilter_load(hin_view_sub(hin_buf_view(&image), 0, size), all,
                                      PATTERN_COUNT, &bad),
                   CORRUPT);
    }
    CHECK(bad == NULL);
}

TEST(test_match_prefilter__works_without_literals)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *pattern = NULL;
    HIN_CLEANUP(hin_prefilter_freep) struct hin_prefilter *prefilter = NULL;
    HIN_CLEANUP(hin_prefilter_scratch_freep) struct hin_prefilter_scratch *scan = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf image;
    hin_buf_init(&image, 4096);
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("\\d+"), NULL, &pattern));
    const struct hin_pattern *all[] = {NULL, pattern, NULL};
    CHECK_OK(hin_prefilter_new(all, 3, &prefilter));
    CHECK_OK(hin_prefilter_scratch_new(prefilter, &scan));
    CHECK_OK(hin_prefilter_scan(scan, HIN_VIEW("x")));
    CHECK(!hin_prefilter_possible(scan, 0) && hin_prefilter_possible(scan, 1));
    CHECK_OK(hin_prefilter_save(prefilter, &image));
    struct hin_prefilter *again = NULL;
    CHECK_OK(hin_prefilter_load(hin_buf_view(&image), all, 3, &again));
    hin_prefilter_free(again);
    CHECK_OK(hin_prefilter_new(NULL, 0, &again));
    hin_prefilter_free(again);
}
