/* Shared by the files of match/ only. */
#ifndef HIN_MATCH_PATTERN_INTERNAL_H
#define HIN_MATCH_PATTERN_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "match/pattern.h"

/* ---- grammar.c: the OSSEC grammars as PCRE2 text ---- */

/* Appends the PCRE2 text of an OS_Match or OS_Regex pattern. SYNTAX with the column in `text`. The
 * result is meant for PCRE2_CASELESS | PCRE2_DOLLAR_ENDONLY. */
HIN_RESULT hin_grammar_osmatch(struct hin_view text, struct hin_buf *pcre2);
HIN_RESULT hin_grammar_osregex(struct hin_view text, struct hin_error *error,
                               struct hin_buf *pcre2);

/* ASCII lower case */
static inline uint8_t hin_fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* ---- literal.c: alternatives of anchored literals, matched without PCRE2 ---- */

struct hin_literal {
    uint8_t *bytes; /* lower case when the set ignores case */
    uint32_t size;
    uint32_t probe[2]; /* offsets of the two rarest bytes */
    bool at_start;
    bool at_end;
};

struct hin_literal_set {
    struct hin_literal *items;
    uint32_t count;
    bool caseless;
    bool end_before_newline; /* `$` also holds before a last newline, as in PCRE2 */
    bool all_at_start; /* every alternative is anchored in front and begins with one of these: */
    uint64_t first_bytes[4]; /* a bit a byte, folded when case is ignored */
};

struct hin_literal_hit {
    size_t start;
    size_t end;
};

/* NOT_FOUND when the PCRE2 text is more than alternatives of literals. */
HIN_RESULT hin_literal_set_from(struct hin_view pcre2, bool caseless, bool end_only,
                                struct hin_literal_set *ret_set);
void hin_literal_set_done(struct hin_literal_set *set);
/* False when the first byte of the subject rules every alternative out. */
static inline bool hin_literal_set_may_find(const struct hin_literal_set *set,
                                            struct hin_view subject, size_t start)
{
    if (!set->all_at_start) {
        return true;
    }
    if (start > 0 || subject.size == 0) {
        return false;
    }
    uint8_t byte = set->caseless ? hin_fold(subject.data[0]) : subject.data[0];
    return (set->first_bytes[byte >> 6] >> (byte & 63) & 1) != 0;
}
/* Leftmost, then first in order; ret_hit may be NULL (any hit will do). */
bool hin_literal_set_find(const struct hin_literal_set *set, struct hin_view subject, size_t start,
                          struct hin_literal_hit *ret_hit);

/* About -log2 of how often the (folded) byte stands in log text, times 4. */
uint32_t hin_byte_rarity(uint8_t folded);

/* ---- atoms.c: what must stand in a subject for a PCRE2 pattern to match ---- */

struct hin_atoms {
    struct hin_view *items; /* folded; one of them must occur. In the arena */
    uint32_t count;         /* 0: nothing is known */
    uint32_t score;         /* rarity of the whole set, in quarter bits */
};

/* Sound for any text that PCRE2 compiles: what is not understood gives count 0. `ret_linear` tells
 * whether matching costs at most a constant times the length of the subject. */
HIN_RESULT hin_atoms_extract(struct hin_view pcre2, struct hin_arena *arena,
                             struct hin_atoms *ret_atoms, bool *ret_linear);

/* ---- pattern.c ---- */

/* The text that PCRE2 compiles: what atoms are taken from. */
struct hin_view hin_pattern_pcre2(const struct hin_pattern *pattern);

#endif
