#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "match/pattern.h"

/* One match by a fresh pattern and scratch; -1 when the pattern does not compile. */
static int try_match(enum hin_pattern_kind kind, const char *pattern, const char *subject,
                     struct hin_match *ret_match)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *compiled = NULL;
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    if (!hin_is_ok(hin_pattern_compile(kind, hin_view_from_text(pattern), NULL, &compiled)) ||
        !hin_is_ok(hin_pattern_scratch_new(&scratch))) {
        return -1;
    }
    struct hin_match match;
    int with_spans = hin_pattern_match(compiled, scratch, hin_view_from_text(subject), 0, &match);
    int without = hin_pattern_match(compiled, scratch, hin_view_from_text(subject), 0, NULL);
    if (with_spans != without) {
        return -2;
    }
    if (with_spans == HIN_MATCH_YES && ret_match != NULL) {
        *ret_match = match;
    }
    return with_spans;
}

struct sample {
    const char *pattern;
    const char *subject;
    int wanted;
};

static void check_samples(enum hin_pattern_kind kind, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = try_match(kind, samples[i].pattern, samples[i].subject, NULL);
        if (got != samples[i].wanted) {
            test_fail(__FILE__, __LINE__, "\"%s\" on \"%s\": %d, not %d", samples[i].pattern,
                      samples[i].subject, got, samples[i].wanted);
            return;
        }
    }
}

TEST(test_match_pattern__osmatch_literals_and_anchors)
{
    static const struct sample samples[] = {
        {"failed", "login FAILED now", 1},
        {"failed", "login fail ed", 0},
        {"^failed", "failed", 1},
        {"^failed", " failed", 0},
        {"done$", "all DONE", 1},
        {"done$", "done.", 0},
        {"^a b$", "A B", 1},
        {"^a b$", "a b ", 0},
        {"one|two", "xTWOx", 1},
        {"one|two", "tw o", 0},
        {"^one|two$", "one three", 1},
        {"^one|two$", "twone", 0},
        {"a.b", "a.b", 1},
        {"a.b", "axb", 0},
        {"(x)[y]{z}*+?\\w", "(x)[y]{z}*+?\\W", 1},
        {"\\d", "5", 0},
        {"", "anything", 1},
        {"", "", 1},
        {"a^b", "a^b", 0},
        {"^", "", 1},
    };
    check_samples(HIN_PATTERN_OSMATCH, samples, HIN_COUNT(samples));
}

TEST(test_match_pattern__osregex_classes_by_the_book)
{
    static const struct sample samples[] = {
        {"^\\w\\w\\w$", "a@-", 1}, {"^\\w$", ".", 0},       {"^\\W$", ".", 1},
        {"^\\W$", "_", 0},         {"^\\d$", "7", 1},       {"^\\D$", "7", 0},
        {"^\\s$", " ", 1},         {"^\\s$", "\t", 0},      {"^\\S$", "\t", 1},
        {"^\\t$", "\t", 1},        {"^\\p$", ";", 1},       {"^\\p$", "@", 0},
        {"^\\p$", "}", 1},         {"^\\p$", "<", 1},       {"^\\p$", "/", 0},
        {"^\\.$", "\n", 1},        {"^.$", ".", 1},         {"^.$", "x", 0},
        {"a+", "a+", 1},           {"a+$", "aaa", 0},       {"^\\d+$", "123", 1},
        {"^\\d*x$", "x", 1},       {"^\\d+x$", "x", 0},     {"^x*$", "x*", 1},
        {"^(a|b)$", "B", 1},       {"^\\(a\\)$", "(a)", 1}, {"\\<a", "<A", 1},
        {"a\\|b", "a|b", 1},       {"a\\|b", "a", 0},       {"\\$x", "$X", 1},
        {"x$", "x\n", 0},          {"ABC", "xabcx", 1},     {"[x]", "[x]", 1},
        {"[x]", "x", 0},           {"a{2}", "aa", 0},       {"a{2}", "a{2}", 1},
        {"a?", "a?", 1},           {"^a?$", "a", 0},        {"\\\\x", "\\x", 1},
    };
    check_samples(HIN_PATTERN_OSREGEX, samples, HIN_COUNT(samples));
}

TEST(test_match_pattern__osregex_is_greedy_only_at_the_end_of_an_alternative)
{
    struct hin_match match = {0};
    CHECK_INT(try_match(HIN_PATTERN_OSREGEX, "user (\\S+)@(\\S+)", "user a@b@c d", &match),
              HIN_MATCH_YES);
    CHECK_INT(match.span_count, 2);
    CHECK_INT(match.spans[0].start, 5);
    CHECK_INT(match.spans[0].end, 6);  /* not greedy: up to the first @ */
    CHECK_INT(match.spans[1].end, 10); /* the last one is */
    CHECK_INT(try_match(HIN_PATTERN_OSREGEX, "^(\\d+)|x", "1234", &match), HIN_MATCH_YES);
    CHECK_INT(match.end, 4); /* last of the first alternative */
    CHECK_INT(try_match(HIN_PATTERN_OSREGEX, "^(\\d+)\\d", "1234", &match), HIN_MATCH_YES);
    CHECK_INT(match.spans[0].end, 1);
}

TEST(test_match_pattern__osregex_names_the_column_of_an_error)
{
    static const struct {
        const char *pattern;
        uint32_t column;
    } samples[] = {{"ab\\x", 3}, {"abc\\", 4}, {"a)", 2}, {"(a", 3}, {"\\d\\q", 3}, {"", 1}};
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        struct hin_error error = {0};
        struct hin_pattern *pattern = NULL;
        CHECK_CODE(hin_pattern_compile(HIN_PATTERN_OSREGEX, hin_view_from_text(samples[i].pattern),
                                       &error, &pattern),
                   SYNTAX);
        CHECK_INT(error.column, samples[i].column);
        CHECK(error.text[0] != 0);
        CHECK(pattern == NULL);
    }
}

TEST(test_match_pattern__pcre2_is_case_sensitive_and_keeps_its_rules)
{
    static const struct sample samples[] = {
        {"Failed", "failed", 0}, {"(?i)Failed", "fAILED", 1},
        {"^a|b$", "xb", 1},      {"x$", "x\n", 1},
        {"^x$", "x\n", 1},       {"x$", "x\n\n", 0},
        {"\\.exe", "a.exe", 1},  {"\\.exe", "axexe", 0},
        {"^(?i)a|B", "xb", 1},   {"\\d{3}", "12 345", 1},
        {"a{2}", "aa", 1},       {"(?=a)b", "ab", 0},
        {"(", "x", -1},          {"[z", "x", -1},
        {"*", "x", -1},          {"(*UTF)a", "a", -1},
        {"a\\Cb", "axb", -1},    {"", "x", -1},
    };
    check_samples(HIN_PATTERN_PCRE2, samples, HIN_COUNT(samples));
}

TEST(test_match_pattern__pcre2_error_has_a_column)
{
    struct hin_error error = {0};
    struct hin_pattern *pattern = NULL;
    CHECK_CODE(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("abc(def"), &error, &pattern),
               SYNTAX);
    CHECK_INT(error.column, 8);
}

TEST(test_match_pattern__unset_groups_are_marked)
{
    struct hin_match match = {0};
    CHECK_INT(
        try_match(HIN_PATTERN_PCRE2, "^from (\\S+): |^from (\\S+) ", "from 1.2.3.4 x", &match),
        HIN_MATCH_YES);
    CHECK_INT(match.span_count, 2);
    CHECK_INT(match.spans[0].start, HIN_SPAN_UNSET);
    CHECK_INT(match.spans[1].start, 5);
    CHECK_INT(match.spans[1].end, 12);
    CHECK_INT(match.end, 13);
}

TEST(test_match_pattern__literals_never_reach_pcre2)
{
    static const struct {
        const char *text;
        bool literal;
    } samples[] = {{"^sshd", true}, {"a|b|c", true}, {"(?i)foo$", true},
                   {"a\\.b", true}, {"a.b", false},  {"a+", false},
                   {"(a)", false},  {"a\\d", false}, {"x$y", false}};
    for (size_t i = 0; i < HIN_COUNT(samples); i++) {
        HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *pattern = NULL;
        CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, hin_view_from_text(samples[i].text), NULL,
                                     &pattern));
        CHECK(hin_pattern_is_literal(pattern) == samples[i].literal);
    }
}

TEST(test_match_pattern__start_offset_and_leftmost)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *literal = NULL;
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *regex = NULL;
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    struct hin_match match;
    CHECK_OK(hin_pattern_scratch_new(&scratch));
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("cd|ab|abc"), NULL, &literal));
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("(?:cd|ab|abc)"), NULL, &regex));
    struct hin_view subject = HIN_VIEW("abcd abcd");
    for (size_t start = 0; start <= subject.size; start++) {
        struct hin_match other;
        int first = hin_pattern_match(literal, scratch, subject, start, &match);
        int second = hin_pattern_match(regex, scratch, subject, start, &other);
        CHECK_INT(first, second);
        CHECK(first == 0 || (match.start == other.start && match.end == other.end));
    }
    CHECK_INT(hin_pattern_match(literal, scratch, subject, 10, &match), HIN_MATCH_NO);
}

TEST(test_match_pattern__bytes_of_any_value)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *pattern = NULL;
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    CHECK_OK(hin_pattern_scratch_new(&scratch));
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("a\0.b"), NULL, &pattern));
    CHECK_INT(hin_pattern_match(pattern, scratch,
                                HIN_VIEW("xa\0\xff"
                                         "b"),
                                0, NULL),
              HIN_MATCH_YES);
    CHECK_INT(hin_pattern_match(pattern, scratch,
                                HIN_VIEW("xa\xff"
                                         "b"),
                                0, NULL),
              HIN_MATCH_NO);
    CHECK_INT(hin_pattern_match(pattern, scratch, HIN_VIEW_EMPTY, 0, NULL), HIN_MATCH_NO);
}

/* Literal search against PCRE2, over random texts of few letters. */
TEST(test_match_pattern__literal_path_agrees_with_pcre2)
{
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    CHECK_OK(hin_pattern_scratch_new(&scratch));
    uint32_t seed = 1;
    for (int round = 0; round < 400; round++) {
        char text[24] = "";
        char group[32];
        size_t size = 0;
        int alternatives = 1 + round % 3;
        for (int i = 0; i < alternatives; i++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 30 == 0) {
                text[size++] = '^';
            }
            for (uint32_t j = 0; j <= (seed >> 20) % 4; j++) {
                seed = seed * 1664525 + 1013904223;
                text[size++] = "aBc\n"[seed >> 30];
            }
            if ((seed >> 16) % 5 == 0) {
                text[size++] = '$';
            }
            text[size++] = i + 1 < alternatives ? '|' : 0;
        }
        HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *literal = NULL;
        HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *regex = NULL;
        (void)snprintf(group, sizeof(group), "(?:%s)", text);
        CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, hin_view_from_text(text), NULL, &literal));
        CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, hin_view_from_text(group), NULL, &regex));
        CHECK(hin_pattern_is_literal(literal) && !hin_pattern_is_literal(regex));
        for (int lines = 0; lines < 40; lines++) {
            uint8_t line[60];
            size_t length = (size_t)lines;
            for (size_t i = 0; i < length; i++) {
                seed = seed * 1664525 + 1013904223;
                line[i] = (uint8_t) "aBcab\nxA"[seed >> 29];
            }
            struct hin_match one;
            struct hin_match two;
            size_t start = length / 5;
            int first = hin_pattern_match(literal, scratch, hin_view_of(line, length), start, &one);
            int second = hin_pattern_match(regex, scratch, hin_view_of(line, length), start, &two);
            CHECK_INT(first, second);
            CHECK(first == 0 || (one.start == two.start && one.end == two.end));
        }
    }
}

/* 64 KiB of bait: the budget of the line is the bound, and its end is told. */
TEST(test_match_pattern__hostile_lines_end_in_limit)
{
    static const char *const bait[] = {"(a+)+\\d",         "\\S+ [fg]oo",
                                       "(a|aa)+[bc]",      "a.*[bB].*[cC].*[dD]",
                                       "(.*)(.*)(.*)[xy]", "^(\\S+)*[yz]"};
    size_t size = 65536;
    uint8_t *line = malloc(size);
    CHECK(line != NULL);
    hin_fill(line, 'a', size);
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    struct hin_result made = hin_pattern_scratch_new(&scratch);
    bool fine = hin_is_ok(made);
    for (size_t i = 0; fine && i < HIN_COUNT(bait); i++) {
        HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *pattern = NULL;
        fine = hin_is_ok(
            hin_pattern_compile(HIN_PATTERN_PCRE2, hin_view_from_text(bait[i]), NULL, &pattern));
        hin_pattern_scratch_begin(scratch, HIN_PATTERN_BUDGET_STEPS);
        fine = fine && hin_pattern_match(pattern, scratch, hin_view_of(line, size), 0, NULL) !=
                           HIN_MATCH_YES;
        /* short ones are bounded too */
        hin_pattern_scratch_begin(scratch, HIN_PATTERN_BUDGET_STEPS);
        fine = fine && hin_pattern_match(pattern, scratch, hin_view_of(line, 1000), 0, NULL) !=
                           HIN_MATCH_YES;
    }
    CHECK(fine);
    CHECK(hin_pattern_scratch_limit_count(scratch) >= 2);
    /* an empty budget is told as well, and a new line gets a new one */
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *linear = NULL;
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("a\\d\\d|zz"), NULL, &linear));
    hin_pattern_scratch_begin(scratch, 10);
    CHECK_INT(hin_pattern_match(linear, scratch, hin_view_of(line, size), 0, NULL),
              HIN_MATCH_LIMIT);
    hin_pattern_scratch_begin(scratch, HIN_PATTERN_BUDGET_STEPS);
    CHECK_INT(hin_pattern_match(linear, scratch, hin_view_of(line, size), 0, NULL), HIN_MATCH_NO);
    free(line);
}

/* On long lines that need no limit, the budgeted way gives the answers of the fast one. */
TEST(test_match_pattern__long_lines_match_as_short_ones)
{
    HIN_CLEANUP(hin_pattern_freep) struct hin_pattern *pattern = NULL;
    HIN_CLEANUP(hin_pattern_scratch_freep) struct hin_pattern_scratch *scratch = NULL;
    struct hin_match match;
    uint8_t line[4096];
    CHECK_OK(hin_pattern_scratch_new(&scratch));
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_PCRE2, HIN_VIEW("for (\\S+) from (\\S+) port"), NULL,
                                 &pattern));
    hin_fill(line, '.', sizeof(line));
    hin_copy(line + 2000, "for root from 1.2.3.4 port", 26);
    CHECK_INT(hin_pattern_match(pattern, scratch, hin_view_of(line, sizeof(line)), 0, &match),
              HIN_MATCH_YES);
    CHECK_INT(match.start, 2000);
    CHECK_INT(match.spans[1].end, 2021);
}

TEST(test_match_pattern__refuses_what_is_too_long)
{
    char text[3000];
    struct hin_pattern *pattern = NULL;
    hin_fill(text, 'a', sizeof(text));
    CHECK_CODE(hin_pattern_compile(HIN_PATTERN_OSREGEX, hin_view_of(text, 2049), NULL, &pattern),
               LIMIT);
    CHECK_OK(hin_pattern_compile(HIN_PATTERN_OSREGEX, hin_view_of(text, 2048), NULL, &pattern));
    hin_pattern_free(pattern);
    for (size_t i = 0; i < 66 * 3; i += 3) {
        hin_copy(text + i, "(a)", 3);
    }
    pattern = NULL;
    CHECK_CODE(hin_pattern_compile(HIN_PATTERN_PCRE2, hin_view_of(text, 65 * 3), NULL, &pattern),
               LIMIT);
    CHECK_CODE(hin_pattern_compile(HIN_PATTERN_OSREGEX, hin_view_of(text, 65 * 3), NULL, &pattern),
               SYNTAX);
}
