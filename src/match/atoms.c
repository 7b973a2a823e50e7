/* Necessary literals of a PCRE2 pattern.
 *
 * A recursive walk over the pattern text. Each part is either exact (it matches one of a few
 * strings and nothing else) or not, and knows the best set of literals of which one must stand in
 * whatever it matches. Everything is folded to lower case, so that case options need no care. What
 * is not surely understood (references, verbs, \Q, x option, ...) ends the walk with "nothing is
 * known", which costs speed and never an answer. */
#include "base/bytes.h"
#include "match/pattern_internal.h"

#define EXACT_MAX      24  /* strings of an exact part */
#define ATOMS_MAX      256 /* literals of a necessary set */
#define ATOM_MAX_BYTES 48
#define DEPTH_MAX      64
#define COPIES_MAX     4  /* {n} is unrolled up to here */
#define REPEAT_MANY    16 /* {n,m} above it counts as unbounded */

struct set {
    struct hin_view *items;
    uint32_t count;
    uint32_t score;
};

struct part {
    bool exact;         /* `strings` is all it can match */
    struct set strings; /* valid when exact */
    struct set best;    /* count 0: nothing is known */
    uint32_t unbounded; /* repetitions without a bound, along the longest path */
    bool anchored;      /* begins with ^ on every path */
};

struct walk {
    struct hin_view text;
    size_t at;
    struct hin_arena *arena;
    unsigned depth;
};

/* ---- sets ---- */

/* What flooding looks like: words that stand in most lines of ordinary logs say nothing. */
static const char *const common_words[] = {
    "http",      "https",   "/1.1\"",  "get /",      "error",  "failed", "from",        "user",
    "for",       "the",     "mozilla", "session",    "root",   "kernel", "sshd",        "systemd",
    "server",    "client",  "connect", "connection", "port",   "status", "information", "info",
    "notice",    "warning", "message", "service",    "opened", "closed", "pam_unix",    "password",
    " - - [",    "\" 200 ", ".php",    ".html",      "get",    "post",   "localhost",   "command",
    "started",   "index",   "named",   "postfix",    "cron",   "query",  "invalid",     "address",
    "127.0.0.1", "access",
};

static uint32_t literal_score(struct hin_view literal)
{
    uint32_t score = 0;
    for (size_t i = 0; i < literal.size; i++) {
        score += hin_byte_rarity(literal.data[i]);
    }
    for (size_t i = 0; i < HIN_COUNT(common_words); i++) {
        struct hin_view word = hin_view_from_text(common_words[i]);
        if (literal.size < word.size + 3 &&
            hin_view_find(word, hin_view_trim(literal)) != SIZE_MAX) {
            score = HIN_MIN(score, 16 + (uint32_t)literal.size);
        } else if (hin_view_find(literal, word) != SIZE_MAX) {
            /* a word carries less than its letters */
            score -= HIN_MIN(score, (uint32_t)word.size * 10);
        }
    }
    return score;
}

static uint32_t set_score(const struct set *set)
{
    uint32_t worst = UINT32_MAX;
    for (uint32_t i = 0; i < set->count; i++) {
        worst = HIN_MIN(worst, literal_score(set->items[i]));
    }
    uint32_t price = 0; /* four quarter bits for each doubling */
    for (uint32_t count = set->count; count > 1; count /= 2) {
        price += 4;
    }
    return worst > price ? worst - price : 0;
}

static HIN_RESULT set_single(struct walk *walk, struct hin_view bytes, struct set *ret_set)
{
    struct hin_view *items = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(walk->arena, 1, &items));
    items[0] = bytes;
    *ret_set = (struct set){items, 1, 0};
    return hin_ok();
}

static bool set_has(const struct set *set, struct hin_view item)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (hin_view_equal(set->items[i], item)) {
            return true;
        }
    }
    return false;
}

static HIN_RESULT set_union(struct walk *walk, const struct set *a, const struct set *b,
                            struct set *ret_set)
{
    struct hin_view *items = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(walk->arena, (size_t)a->count + b->count, &items));
    struct set sum = {items, 0, 0};
    for (uint32_t i = 0; i < a->count; i++) {
        items[sum.count++] = a->items[i];
    }
    for (uint32_t i = 0; i < b->count; i++) {
        if (!set_has(&sum, b->items[i])) {
            items[sum.count++] = b->items[i];
        }
    }
    *ret_set = sum;
    return hin_ok();
}

static HIN_RESULT set_product(struct walk *walk, const struct set *a, const struct set *b,
                              struct set *ret_set)
{
    struct hin_view *items = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(walk->arena, (size_t)a->count * b->count, &items));
    struct set product = {items, 0, 0};
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            size_t size = a->items[i].size + b->items[j].size;
            void *bytes = NULL;
            HIN_TRY(hin_arena_alloc(walk->arena, size + 1, &bytes));
            hin_copy(bytes, a->items[i].data, a->items[i].size);
            hin_copy((uint8_t *)bytes + a->items[i].size, b->items[j].data, b->items[j].size);
            struct hin_view item = hin_view_of(bytes, size);
            if (!set_has(&product, item)) {
                items[product.count++] = item;
            }
        }
    }
    *ret_set = product;
    return hin_ok();
}

static size_t set_longest(const struct set *set)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        longest = HIN_MAX(longest, set->items[i].size);
    }
    return longest;
}

static bool product_fits(const struct set *a, const struct set *b)
{
    return (uint64_t)a->count * b->count <= EXACT_MAX &&
           set_longest(a) + set_longest(b) <= 2 * ATOM_MAX_BYTES;
}

/* Keep the better of *best and the candidate. */
static void consider(struct set *best, const struct set *candidate)
{
    if (candidate->count == 0 || candidate->count > ATOMS_MAX) {
        return;
    }
    for (uint32_t i = 0; i < candidate->count; i++) {
        if (candidate->items[i].size == 0) {
            return;
        }
    }
    uint32_t score = set_score(candidate);
    if (best->count == 0 || score > best->score) {
        *best = *candidate;
        best->score = score;
    }
}

static void part_requirement(const struct part *part, struct set *ret_best)
{
    *ret_best = part->best;
    if (part->exact) {
        consider(ret_best, &part->strings);
    }
}

/* ---- single characters ---- */

static HIN_RESULT part_empty(struct walk *walk, struct part *ret_part)
{
    *ret_part = (struct part){.exact = true};
    return set_single(walk, HIN_VIEW_EMPTY, &ret_part->strings);
}

static HIN_RESULT part_byte(struct walk *walk, uint8_t byte, struct part *ret_part)
{
    void *copy = NULL;
    HIN_TRY(hin_arena_alloc(walk->arena, 1, &copy));
    *(uint8_t *)copy = hin_fold(byte);
    *ret_part = (struct part){.exact = true};
    return set_single(walk, hin_view_of(copy, 1), &ret_part->strings);
}

static bool hex_value(uint8_t byte, unsigned *ret_value)
{
    uint8_t folded = hin_fold(byte);
    if (byte >= '0' && byte <= '9') {
        *ret_value = byte - '0';
    } else if (folded >= 'a' && folded <= 'f') {
        *ret_value = folded - 'a' + 10U;
    } else {
        return false;
    }
    return true;
}

/* \xHH with exactly two digits; any other form is not understood */
static HIN_RESULT walk_hex(struct walk *walk, uint8_t *ret_byte)
{
    unsigned high = 0;
    unsigned low = 0;
    HIN_ENSURE(walk->text.size - walk->at >= 2 && hex_value(walk->text.data[walk->at], &high) &&
                   hex_value(walk->text.data[walk->at + 1], &low),
               UNSUPPORTED);
    walk->at += 2;
    *ret_byte = (uint8_t)(high << 4 | low);
    return hin_ok();
}

static HIN_RESULT walk_escape(struct walk *walk, struct part *ret_part)
{
    HIN_ENSURE(walk->at + 1 < walk->text.size, UNSUPPORTED);
    uint8_t letter = walk->text.data[walk->at + 1];
    walk->at += 2;
    static const char controls[] = "tnrfea";
    static const uint8_t control_bytes[] = {'\t', '\n', '\r', '\f', 0x1b, 0x07};
    const char *control = letter != 0 ? strchr(controls, letter) : NULL;
    if (control != NULL) {
        return part_byte(walk, control_bytes[control - controls], ret_part);
    }
    if (letter != 0 && strchr("dDwWsShHvVNRX", letter) != NULL) {
        /* \N{...} names a code point: only with UTF, but be sure */
        HIN_ENSURE(letter != 'N' || walk->at >= walk->text.size || walk->text.data[walk->at] != '{',
                   UNSUPPORTED);
        *ret_part = (struct part){0};
        return hin_ok();
    }
    if (letter != 0 && strchr("bBAZzGK", letter) != NULL) {
        return part_empty(walk, ret_part);
    }
    if (letter == 'x') {
        uint8_t byte = 0;
        HIN_TRY(walk_hex(walk, &byte));
        return part_byte(walk, byte, ret_part);
    }
    bool plain = letter > ' ' && letter < 0x7f &&
                 !(hin_fold(letter) >= 'a' && hin_fold(letter) <= 'z') &&
                 !(letter >= '0' && letter <= '9');
    HIN_ENSURE(plain || letter == ' ', UNSUPPORTED);
    return part_byte(walk, letter, ret_part);
}

/* ---- classes ---- */

struct class_set {
    bool has[256];
    bool wide; /* holds more than is tracked */
};

static HIN_RESULT class_member(struct walk *walk, struct class_set *set, uint8_t *ret_byte,
                               bool *ret_single)
{
    uint8_t byte = walk->text.data[walk->at++];
    *ret_single = true;
    *ret_byte = byte;
    if (byte == '[' && walk->at < walk->text.size &&
        strchr(":.=", walk->text.data[walk->at]) != NULL && walk->text.data[walk->at] != 0) {
        /* a POSIX class, if it closes as one; any other text is too odd to follow */
        size_t close = hin_view_find(hin_view_sub(walk->text, walk->at, SIZE_MAX), HIN_VIEW(":]"));
        size_t bracket = hin_view_find_byte(hin_view_sub(walk->text, walk->at, SIZE_MAX), ']');
        HIN_ENSURE(close != SIZE_MAX && walk->text.data[walk->at] == ':' && close + 1 == bracket,
                   UNSUPPORTED);
        walk->at += close + 2;
        set->wide = true;
        *ret_single = false;
    } else if (byte == '\\') {
        HIN_ENSURE(walk->at < walk->text.size, UNSUPPORTED);
        uint8_t letter = walk->text.data[walk->at++];
        HIN_ENSURE(letter > ' ' && letter < 0x7f &&
                       strchr("QEcNpPkgoXRBCKLUlu0123456789", letter) == NULL,
                   UNSUPPORTED);
        bool is_letter = hin_fold(letter) >= 'a' && hin_fold(letter) <= 'z';
        if (letter == 'x') {
            return walk_hex(walk, ret_byte);
        }
        set->wide = set->wide || is_letter;
        *ret_single = !is_letter;
        *ret_byte = letter;
    }
    return hin_ok();
}

static HIN_RESULT class_body(struct walk *walk, struct class_set *set)
{
    bool first = true;
    for (;; first = false) {
        HIN_ENSURE(walk->at < walk->text.size, UNSUPPORTED);
        if (walk->text.data[walk->at] == ']' && !first) {
            walk->at++;
            return hin_ok();
        }
        uint8_t low = 0;
        bool single = false;
        HIN_TRY(class_member(walk, set, &low, &single));
        if (!single) {
            continue;
        }
        uint8_t high = low;
        if (walk->at + 1 < walk->text.size && walk->text.data[walk->at] == '-' &&
            walk->text.data[walk->at + 1] != ']') {
            walk->at++;
            HIN_TRY(class_member(walk, set, &high, &single));
            if (!single || high < low) {
                set->wide = true;
                high = low;
            }
        }
        for (unsigned byte = low; byte <= high; byte++) {
            set->has[hin_fold((uint8_t)byte)] = true;
        }
    }
}

static HIN_RESULT walk_class(struct walk *walk, struct part *ret_part)
{
    struct class_set set = {0};
    walk->at++;
    bool negated = walk->at < walk->text.size && walk->text.data[walk->at] == '^';
    walk->at += negated ? 1 : 0;
    HIN_TRY(class_body(walk, &set));
    *ret_part = (struct part){0};
    if (negated || set.wide) {
        return hin_ok();
    }
    uint8_t members[3];
    size_t count = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        if (set.has[byte]) {
            if (count == HIN_COUNT(members)) {
                return hin_ok();
            }
            members[count++] = (uint8_t)byte;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct part one;
        HIN_TRY(part_byte(walk, members[i], &one));
        if (i == 0) {
            *ret_part = one;
        } else {
            HIN_TRY(set_union(walk, &ret_part->strings, &one.strings, &ret_part->strings));
        }
    }
    return hin_ok();
}

/* ---- groups ---- */

static HIN_RESULT walk_alternatives(struct walk *walk, struct part *ret_part);

/* Behind "(?": letters of options up to `)` or `:`. Only those that change nothing here. */
static HIN_RESULT walk_options(struct walk *walk, bool *ret_group)
{
    while (walk->at < walk->text.size) {
        uint8_t letter = walk->text.data[walk->at++];
        if (letter == ')' || letter == ':') {
            *ret_group = letter == ':';
            return hin_ok();
        }
        HIN_ENSURE(letter != 0 && strchr("ismnUJ-", letter) != NULL, UNSUPPORTED);
    }
    return hin_fail(HIN_UNSUPPORTED);
}

static HIN_RESULT walk_name(struct walk *walk, uint8_t end)
{
    size_t close = hin_view_find_byte(hin_view_sub(walk->text, walk->at, SIZE_MAX), end);
    HIN_ENSURE(close != SIZE_MAX && close > 0, UNSUPPORTED);
    walk->at += close + 1;
    return hin_ok();
}

enum group_kind { GROUP_PLAIN, GROUP_ASSERTION, GROUP_NOTHING };

static bool eat(struct walk *walk, const char *text)
{
    struct hin_view wanted = hin_view_from_text(text);
    if (!hin_view_starts_with(hin_view_sub(walk->text, walk->at, SIZE_MAX), wanted)) {
        return false;
    }
    walk->at += wanted.size;
    return true;
}

/* Everything between "(" and the body. */
static HIN_RESULT walk_group_head(struct walk *walk, enum group_kind *ret_kind)
{
    *ret_kind = GROUP_PLAIN;
    HIN_ENSURE(!eat(walk, "*"), UNSUPPORTED);
    if (!eat(walk, "?")) {
        return hin_ok();
    }
    if (eat(walk, ":") || eat(walk, ">") || eat(walk, "|")) {
        return hin_ok();
    }
    if (eat(walk, "=") || eat(walk, "!") || eat(walk, "<=") || eat(walk, "<!")) {
        *ret_kind = GROUP_ASSERTION;
        return hin_ok();
    }
    if (eat(walk, "#")) {
        *ret_kind = GROUP_NOTHING;
        return walk_name(walk, ')');
    }
    if (eat(walk, "P<") || eat(walk, "<")) {
        return walk_name(walk, '>');
    }
    if (eat(walk, "'")) {
        return walk_name(walk, '\'');
    }
    bool group = false;
    HIN_TRY(walk_options(walk, &group));
    *ret_kind = group ? GROUP_PLAIN : GROUP_NOTHING;
    return hin_ok();
}

static HIN_RESULT walk_group(struct walk *walk, struct part *ret_part)
{
    HIN_ENSURE(++walk->depth < DEPTH_MAX, UNSUPPORTED);
    walk->at++;
    enum group_kind kind = GROUP_PLAIN;
    HIN_TRY(walk_group_head(walk, &kind));
    if (kind != GROUP_NOTHING) {
        HIN_TRY(walk_alternatives(walk, ret_part));
        HIN_ENSURE(eat(walk, ")"), UNSUPPORTED);
    }
    walk->depth--;
    if (kind != GROUP_PLAIN) {
        uint32_t unbounded = kind == GROUP_ASSERTION ? ret_part->unbounded + 1 : 0;
        HIN_TRY(part_empty(walk, ret_part));
        ret_part->unbounded = unbounded;
    }
    return hin_ok();
}

/* ---- repetition ---- */

struct repeat {
    uint32_t min;
    uint32_t max; /* UINT32_MAX: none */
    bool present;
};

static bool read_number(struct walk *walk, size_t *at, uint32_t *ret_number)
{
    size_t begin = *at;
    uint32_t number = 0;
    while (*at < walk->text.size && walk->text.data[*at] >= '0' && walk->text.data[*at] <= '9' &&
           number < 100000) {
        number = number * 10 + (walk->text.data[(*at)++] - '0');
    }
    *ret_number = number;
    return *at > begin;
}

/* "{n}", "{n,}", "{n,m}"; any other brace is a plain character, except what newer PCRE2 reads as a
 * repetition. */
static HIN_RESULT walk_braces(struct walk *walk, struct repeat *ret_repeat)
{
    size_t at = walk->at + 1;
    uint32_t min = 0;
    uint32_t max = 0;
    bool numbered = read_number(walk, &at, &min);
    HIN_ENSURE(numbered || at >= walk->text.size ||
                   (walk->text.data[at] != ',' && walk->text.data[at] != ' '),
               UNSUPPORTED);
    if (!numbered) {
        return hin_ok();
    }
    max = min;
    if (at < walk->text.size && walk->text.data[at] == ',') {
        at++;
        if (!read_number(walk, &at, &max)) {
            max = UINT32_MAX;
        }
    }
    HIN_ENSURE(at < walk->text.size && walk->text.data[at] != ' ', UNSUPPORTED);
    if (walk->text.data[at] == '}') {
        *ret_repeat = (struct repeat){min, max, true};
        walk->at = at + 1;
    }
    return hin_ok();
}

static HIN_RESULT walk_repeat(struct walk *walk, struct repeat *ret_repeat)
{
    *ret_repeat = (struct repeat){1, 1, false};
    if (walk->at >= walk->text.size) {
        return hin_ok();
    }
    switch (walk->text.data[walk->at]) {
    case '?':
        *ret_repeat = (struct repeat){0, 1, true};
        walk->at++;
        break;
    case '*':
        *ret_repeat = (struct repeat){0, UINT32_MAX, true};
        walk->at++;
        break;
    case '+':
        *ret_repeat = (struct repeat){1, UINT32_MAX, true};
        walk->at++;
        break;
    case '{':
        HIN_TRY(walk_braces(walk, ret_repeat));
        break;
    default:
        break;
    }
    if (ret_repeat->present && walk->at < walk->text.size &&
        (walk->text.data[walk->at] == '?' || walk->text.data[walk->at] == '+')) {
        walk->at++; /* lazy or possessive: which, matters not */
    }
    return hin_ok();
}

/* ---- sequences ---- */

struct sequence {
    struct set run; /* every match so far ends with one of these */
    struct set best;
    bool exact; /* nothing but `run` has been seen */
    uint32_t unbounded;
    bool anchored;
    bool begun;
};

static HIN_RESULT sequence_break(struct walk *walk, struct sequence *sequence)
{
    consider(&sequence->best, &sequence->run);
    sequence->exact = false;
    return set_single(walk, HIN_VIEW_EMPTY, &sequence->run);
}

static HIN_RESULT sequence_exact(struct walk *walk, struct sequence *sequence,
                                 const struct set *strings)
{
    if (!product_fits(&sequence->run, strings)) {
        HIN_TRY(sequence_break(walk, sequence));
        sequence->run = *strings;
        return hin_ok();
    }
    return set_product(walk, &sequence->run, strings, &sequence->run);
}

static HIN_RESULT sequence_repeated(struct walk *walk, struct sequence *sequence,
                                    const struct part *part, struct repeat repeat)
{
    uint32_t copies = HIN_MIN(repeat.min, (uint32_t)COPIES_MAX);
    for (uint32_t i = 0; i < copies; i++) {
        HIN_TRY(sequence_exact(walk, sequence, &part->strings));
    }
    if (copies == repeat.min && repeat.max == repeat.min) {
        return hin_ok();
    }
    if (repeat.min == 0 && repeat.max == 1 && part->strings.count < EXACT_MAX) {
        struct set optional;
        struct part empty;
        HIN_TRY(part_empty(walk, &empty));
        HIN_TRY(set_union(walk, &part->strings, &empty.strings, &optional));
        return sequence_exact(walk, sequence, &optional);
    }
    HIN_TRY(sequence_break(walk, sequence));
    if (repeat.min > 0) {
        sequence->run = part->strings; /* the last time round ends with it */
    }
    return hin_ok();
}

static HIN_RESULT sequence_add(struct walk *walk, struct sequence *sequence,
                               const struct part *part, struct repeat repeat)
{
    bool many = repeat.max > REPEAT_MANY;
    sequence->unbounded += part->unbounded + (many ? 1 : 0) + (many && part->unbounded > 0 ? 1 : 0);
    if (!sequence->begun) {
        sequence->anchored = part->anchored && repeat.min > 0;
        sequence->begun = true;
    }
    if (part->exact) {
        return sequence_repeated(walk, sequence, part, repeat);
    }
    HIN_TRY(sequence_break(walk, sequence));
    if (repeat.min > 0) {
        consider(&sequence->best, &part->best);
    }
    return hin_ok();
}

static HIN_RESULT walk_item(struct walk *walk, struct part *ret_part)
{
    uint8_t byte = walk->text.data[walk->at];
    switch (byte) {
    case '\\':
        return walk_escape(walk, ret_part);
    case '[':
        return walk_class(walk, ret_part);
    case '(':
        return walk_group(walk, ret_part);
    case '.':
        walk->at++;
        *ret_part = (struct part){0};
        return hin_ok();
    case '^':
    case '$':
        walk->at++;
        HIN_TRY(part_empty(walk, ret_part));
        ret_part->anchored = byte == '^';
        return hin_ok();
    case '?':
    case '*':
    case '+':
        return hin_fail(HIN_UNSUPPORTED); /* nothing to repeat: PCRE2 refuses it too */
    default:
        walk->at++;
        return part_byte(walk, byte, ret_part);
    }
}

static HIN_RESULT walk_sequence(struct walk *walk, struct part *ret_part)
{
    struct sequence sequence = {.exact = true};
    HIN_TRY(set_single(walk, HIN_VIEW_EMPTY, &sequence.run));
    while (walk->at < walk->text.size && walk->text.data[walk->at] != '|' &&
           walk->text.data[walk->at] != ')') {
        struct part part = {0};
        struct repeat repeat;
        HIN_TRY(walk_item(walk, &part));
        HIN_TRY(walk_repeat(walk, &repeat));
        HIN_TRY(sequence_add(walk, &sequence, &part, repeat));
    }
    *ret_part = (struct part){
        .exact = sequence.exact, .unbounded = sequence.unbounded, .anchored = sequence.anchored};
    if (sequence.exact) {
        ret_part->strings = sequence.run;
    } else {
        consider(&sequence.best, &sequence.run);
    }
    ret_part->best = sequence.best;
    return hin_ok();
}

static HIN_RESULT part_or(struct walk *walk, const struct part *a, const struct part *b,
                          struct part *ret_part)
{
    struct part sum = {.unbounded = HIN_MAX(a->unbounded, b->unbounded),
                       .anchored = a->anchored && b->anchored};
    if (a->exact && b->exact && a->strings.count + b->strings.count <= EXACT_MAX) {
        sum.exact = true;
        HIN_TRY(set_union(walk, &a->strings, &b->strings, &sum.strings));
    } else {
        struct set left;
        struct set right;
        part_requirement(a, &left);
        part_requirement(b, &right);
        if (left.count > 0 && right.count > 0 && left.count + right.count <= ATOMS_MAX) {
            HIN_TRY(set_union(walk, &left, &right, &sum.best));
            sum.best.score = set_score(&sum.best);
        }
    }
    *ret_part = sum;
    return hin_ok();
}

static HIN_RESULT walk_alternatives(struct walk *walk, struct part *ret_part)
{
    HIN_TRY(walk_sequence(walk, ret_part));
    while (eat(walk, "|")) {
        struct part next;
        HIN_TRY(walk_sequence(walk, &next));
        HIN_TRY(part_or(walk, ret_part, &next, ret_part));
    }
    return hin_ok();
}

/* ---- the answer ---- */

static bool is_inside_other(const struct set *set, uint32_t index)
{
    for (uint32_t i = 0; i < set->count; i++) {
        /* of two equal ones the first stays */
        bool shorter = set->items[i].size < set->items[index].size ||
                       (set->items[i].size == set->items[index].size && i < index);
        if (i != index && shorter && hin_view_find(set->items[index], set->items[i]) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* Long literals are cut (a part of a necessary literal is necessary), NULs in front are dropped
 * (Vectorscan refuses them), and a literal that holds another one says nothing more than that one.
 */
static HIN_RESULT finish_set(struct walk *walk, struct set *set, struct hin_atoms *ret_atoms)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct hin_view *item = &set->items[i];
        while (item->size > 0 && item->data[0] == 0) {
            *item = hin_view_sub(*item, 1, SIZE_MAX);
        }
        item->size = HIN_MIN(item->size, (size_t)ATOM_MAX_BYTES);
        if (item->size == 0) {
            return hin_ok();
        }
    }
    struct hin_view *items = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(walk->arena, set->count, &items));
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!is_inside_other(set, i)) {
            items[count++] = set->items[i];
        }
    }
    *ret_atoms = (struct hin_atoms){items, count, set->score};
    return hin_ok();
}

static HIN_RESULT extract(struct walk *walk, struct hin_atoms *ret_atoms, bool *ret_linear)
{
    struct part all;
    HIN_TRY(walk_alternatives(walk, &all));
    HIN_ENSURE(walk->at == walk->text.size, UNSUPPORTED);
    *ret_linear = all.unbounded == 0 || (all.anchored && all.unbounded == 1);
    struct set best;
    part_requirement(&all, &best);
    if (best.count == 0) {
        return hin_ok();
    }
    struct set copy = {.score = best.score};
    HIN_TRY(set_union(walk, &best, &(struct set){0}, &copy));
    copy.score = best.score;
    return finish_set(walk, &copy, ret_atoms);
}

HIN_RESULT hin_atoms_extract(struct hin_view pcre2, struct hin_arena *arena,
                             struct hin_atoms *ret_atoms, bool *ret_linear)
{
    struct walk walk = {.text = pcre2, .arena = arena};
    *ret_atoms = (struct hin_atoms){0};
    *ret_linear = false;
    struct hin_result result = extract(&walk, ret_atoms, ret_linear);
    if (result.code == HIN_UNSUPPORTED || result.code == HIN_LIMIT) {
        *ret_atoms = (struct hin_atoms){0};
        *ret_linear = false;
        return hin_ok();
    }
    return result;
}
