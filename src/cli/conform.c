#include "cli/conform.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/terminal.h"

#define SECTION_LINES_MAX 4096

struct section {
    struct hin_view title;
    uint32_t line;                        /* of the title */
    struct hin_view rule, alert, decoder; /* data NULL: not said */
    struct {
        struct hin_view key;
        struct hin_view text;
        bool wanted; /* pass */
        uint32_t line;
    } logs[SECTION_LINES_MAX];
    size_t count;
};

struct conform {
    struct hin_log_engine *engine;
    int64_t noon_usec;
    const char *name;
    FILE *out;
    struct hin_error *error;
    struct hin_conform_tally *tally;
    struct section section;
    struct hin_buf line;
};

/* Values write % as %%. */
static HIN_RESULT unescape(struct hin_view value, struct hin_buf *buf)
{
    hin_buf_clear(buf);
    for (size_t i = 0; i < value.size; i++) {
        HIN_TRY(hin_buf_append_byte(buf, value.data[i]));
        if (value.data[i] == '%' && i + 1 < value.size && value.data[i + 1] == '%') {
            i++;
        }
    }
    return hin_ok();
}

/* Does the whole triple hold? An empty `decoder =` means none. In a `fail` line it never holds: the
 * original takes no line without a decoder for right, and test files are written against that. */
static bool judge(const struct section *s, bool wanted, const struct hin_log_finding *f)
{
    uint64_t rule = 0, alert = 0;
    struct hin_view decoder = hin_view_from_text(f->decoder);
    if (!hin_view_equal_nocase(decoder, s->decoder) || f->rule == NULL ||
        (!wanted && f->decoder == NULL)) {
        return false;
    }
    return hin_is_ok(hin_view_to_u64(s->rule, &rule)) && rule == f->rule->id &&
           hin_is_ok(hin_view_to_u64(s->alert, &alert)) && alert == f->rule->level;
}

static void tell(const struct conform *c, size_t i, const struct hin_log_finding *f)
{
    const struct section *s = &c->section;
    char got[128] = "no rule";
    if (f->rule != NULL) {
        snprintf(got, sizeof(got), "rule %u, level %u", f->rule->id, f->rule->level);
    }
    hin_terminal_line(
        c->out,
        "%s:%u: [%.*s] %.*s: %s rule %.*s, level %.*s, decoder '%.*s'; got %s, decoder '%s'",
        c->name, s->logs[i].line, HIN_ARGS(s->title), HIN_ARGS(s->logs[i].key),
        s->logs[i].wanted ? "wanted" : "wanted anything but", HIN_ARGS(s->rule), HIN_ARGS(s->alert),
        HIN_ARGS(s->decoder), got, f->decoder != NULL ? f->decoder : "");
}

/* A section that does not say what it wants would fail for a reason that nobody sees. */
static HIN_RESULT check_section(const struct conform *c)
{
    const struct section *s = &c->section;
    const char *missing = s->rule.data == NULL      ? "rule"
                          : s->alert.data == NULL   ? "alert"
                          : s->decoder.data == NULL ? "decoder"
                                                    : NULL;
    if (s->count == 0 || missing == NULL) {
        return hin_ok();
    }
    return hin_error_set(c->error, HIN_SYNTAX, c->name, s->line > 0 ? s->line : s->logs[0].line, 1,
                         "this section has no `%s =`%s", missing,
                         strcmp(missing, "decoder") == 0 ? " (an empty one means none)" : "");
}

static HIN_RESULT run_section(struct conform *c)
{
    struct section *s = &c->section;
    HIN_TRY(check_section(c));
    for (size_t i = 0; i < s->count; i++) {
        HIN_TRY(unescape(s->logs[i].text, &c->line));
        HIN_TRY(hin_log_engine_reset(c->engine));
        const struct hin_log_line line = {
            hin_buf_view(&c->line), HIN_VIEW("stdin"), c->noon_usec, c->noon_usec, NULL, 0};
        const struct hin_log_finding *f = hin_log_engine_run(c->engine, &line);
        if (judge(s, s->logs[i].wanted, f) == s->logs[i].wanted) {
            c->tally->passed++;
        } else {
            c->tally->failed++;
            if (c->out != NULL) {
                tell(c, i, f);
            }
        }
    }
    hin_zero(s, offsetof(struct section, logs));
    s->count = 0;
    return hin_ok();
}

static bool starts_nocase(struct hin_view text, struct hin_view prefix)
{
    return hin_view_equal_nocase(hin_view_sub(text, 0, prefix.size), prefix);
}

static bool ends_nocase(struct hin_view text, struct hin_view suffix)
{
    return text.size >= suffix.size &&
           hin_view_equal_nocase(hin_view_sub(text, text.size - suffix.size, suffix.size), suffix);
}

/* `rule` and `alert` take numbers: anything else would never hold. */
static HIN_RESULT number(const struct conform *c, struct hin_view key, struct hin_view value,
                         uint32_t line, struct hin_view *out)
{
    uint64_t ignored = 0;
    if (!hin_is_ok(hin_view_to_u64(value, &ignored))) {
        return hin_error_set(c->error, HIN_SYNTAX, c->name, line, 1,
                             "%.*s = %.*s: a number is needed", HIN_ARGS(key), HIN_ARGS(value));
    }
    *out = value;
    return hin_ok();
}

static HIN_RESULT option(struct conform *c, struct hin_view key, struct hin_view value,
                         uint32_t line)
{
    struct section *s = &c->section;
    if (hin_view_equal_nocase(key, HIN_VIEW("rule"))) {
        return number(c, key, value, line, &s->rule);
    }
    if (hin_view_equal_nocase(key, HIN_VIEW("alert"))) {
        return number(c, key, value, line, &s->alert);
    }
    if (hin_view_equal_nocase(key, HIN_VIEW("decoder"))) {
        s->decoder = value;
    } else if (starts_nocase(key, HIN_VIEW("log ")) && s->count < SECTION_LINES_MAX &&
               (ends_nocase(key, HIN_VIEW("pass")) || ends_nocase(key, HIN_VIEW("fail")))) {
        s->logs[s->count].key = key;
        s->logs[s->count].text = value;
        s->logs[s->count].wanted = ends_nocase(key, HIN_VIEW("pass"));
        s->logs[s->count].line = line;
        s->count++;
    } else {
        return hin_error_set(c->error, HIN_SYNTAX, c->name, line, 1,
                             "'%.*s' is none of rule, alert, decoder, log N pass, log N fail",
                             HIN_ARGS(key));
    }
    return hin_ok();
}

static HIN_RESULT one_line(struct conform *c, struct hin_view line, uint32_t number)
{
    struct hin_view trimmed = hin_view_trim(line);
    if (trimmed.size == 0 || line.data[0] == '#' || line.data[0] == ';') {
        return hin_ok();
    }
    if (line.data[0] == '[') {
        HIN_TRY(run_section(c));
        size_t end = trimmed.size - 1;
        while (end > 0 && trimmed.data[end] != ']') {
            end--;
        }
        if (end == 0) {
            return hin_error_set(c->error, HIN_SYNTAX, c->name, number, 1,
                                 "this section title is not closed: add ]");
        }
        c->section.title = hin_view_sub(trimmed, 1, end - 1);
        c->section.line = number;
        return hin_ok();
    }
    size_t at = 0;
    while (at < line.size && line.data[at] != '=' && line.data[at] != ':') {
        at++;
    }
    if (at == line.size) {
        return hin_error_set(c->error, HIN_SYNTAX, c->name, number, 1,
                             "this line is neither [title] nor name = value");
    }
    return option(c, hin_view_trim(hin_view_sub(line, 0, at)),
                  hin_view_trim(hin_view_sub(line, at + 1, SIZE_MAX)), number);
}

static HIN_RESULT judge_all(struct conform *c, struct hin_view text)
{
    struct hin_view line = HIN_VIEW_EMPTY;
    uint32_t number = 0;
    while (hin_view_split(&text, '\n', &line)) {
        HIN_TRY(one_line(c, line, ++number));
    }
    return run_section(c);
}

HIN_RESULT hin_conform_file(struct hin_log_engine *engine, const struct hin_zone *zone,
                            const char *name, struct hin_view text, FILE *out,
                            struct hin_error *error, struct hin_conform_tally *tally)
{
    const struct hin_civil noon = {.year = 2026, .month = 11, .day = 18, .hour = 12};
    struct conform *c = malloc(sizeof(*c));
    HIN_ENSURE(c != NULL, NO_MEMORY);
    hin_zero(c, sizeof(*c));
    c->engine = engine;
    c->name = name;
    c->out = out;
    c->error = error;
    c->tally = tally;
    hin_buf_init(&c->line, (size_t)1 << 20);
    struct hin_result result = hin_zone_to_utc(zone, &noon, &c->noon_usec);
    if (hin_is_ok(result)) {
        result = judge_all(c, text);
    }
    hin_buf_done(&c->line);
    free(c);
    return result;
}
