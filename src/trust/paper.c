#include "trust/paper.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "trust/words.h"

enum { TEXT_MAX = 64 * 1024 };

struct paper {
    const struct hin_report *report;
    const struct hin_framework *framework;
    enum hin_language language;
    enum hin_code failure; /* the first */
    struct hin_buf text;   /* a cell that is being made */
    struct hin_json_writer writer;
};

static const char *word(const struct paper *paper, enum hin_word which)
{
    return hin_word(which, paper->language);
}

static void keep(struct paper *paper, struct hin_result result)
{
    paper->failure = paper->failure == HIN_OK ? result.code : paper->failure;
}

static void begin_block(struct paper *paper, const char *kind)
{
    hin_json_begin_array(&paper->writer);
    hin_json_put_cstring(&paper->writer, kind);
}

static void end_block(struct paper *paper)
{
    hin_json_end_array(&paper->writer);
}

static void put_block(struct paper *paper, const char *kind, struct hin_view text)
{
    begin_block(paper, kind);
    hin_json_put_text(&paper->writer, text);
    end_block(paper);
}

static void put_word(struct paper *paper, const char *kind, enum hin_word which)
{
    put_block(paper, kind, hin_view_from_text(word(paper, which)));
}

/* "label: value" */
static void put_pair(struct paper *paper, const char *kind, enum hin_word label,
                     struct hin_view value)
{
    hin_buf_clear(&paper->text);
    keep(paper, hin_buf_printf(&paper->text, "%s: %.*s", word(paper, label), HIN_ARGS(value)));
    put_block(paper, kind, hin_buf_view(&paper->text));
}

static void put_columns(struct paper *paper, const int64_t *widths, size_t count)
{
    begin_block(paper, "columns");
    for (size_t i = 0; i < count; i++) {
        hin_json_put_integer(&paper->writer, widths[i]);
    }
    end_block(paper);
}

static void put_head(struct paper *paper, const enum hin_word *words, size_t count)
{
    begin_block(paper, "head");
    for (size_t i = 0; i < count; i++) {
        hin_json_put_cstring(&paper->writer, word(paper, words[i]));
    }
    end_block(paper);
}

/* ---- coverage ---- */

static void put_share(struct paper *paper, enum hin_word which, size_t count, size_t whole)
{
    char number[64];
    size_t tenths = whole > 0 ? (count * 1000 + whole / 2) / whole : 0;
    (void)snprintf(number, sizeof(number), "%zu (%zu.%zu %%)", count, tenths / 10, tenths % 10);
    begin_block(paper, "row");
    hin_json_put_cstring(&paper->writer, word(paper, which));
    hin_json_put_cstring(&paper->writer, number);
    end_block(paper);
}

static void put_coverage(struct paper *paper)
{
    static const int64_t widths[] = {500, 500};
    static const enum hin_word head[] = {HIN_WORD_DEGREE, HIN_WORD_CONTROLS};
    struct hin_coverage coverage = hin_report_coverage(paper->report, paper->framework);
    size_t whole = coverage.controls;
    put_word(paper, "p", HIN_WORD_COVERAGE_MEANS);
    put_columns(paper, widths, HIN_COUNT(widths));
    put_head(paper, head, HIN_COUNT(head));
    for (unsigned i = 0; i < HIN_DEGREE_COUNT; i++) {
        put_share(paper, hin_word_of_degree((enum hin_degree)i), coverage.by_degree[i], whole);
    }
    put_share(paper, HIN_WORD_UNMAPPED, coverage.unmapped, whole);
    put_share(paper, HIN_WORD_PROVEN_NOW, coverage.proven, whole);
    put_share(paper, HIN_WORD_FAILED_NOW, coverage.failed, whole);
}

/* ---- controls ---- */

static const struct hin_claim_mapping *
mapping_to(const struct paper *paper, const struct hin_claim *claim, struct hin_view control)
{
    for (size_t i = 0; i < claim->mapping_count; i++) {
        if (claim->mappings[i].framework == paper->framework &&
            (control.size == 0 || hin_view_equal(claim->mappings[i].control, control))) {
            return &claim->mappings[i];
        }
    }
    return NULL;
}

/* What evidence says: no control characters, which no font has. */
static void add_foreign(struct paper *paper, struct hin_view text)
{
    text = hin_view_sub(text, 0, HIN_CLAIM_REASON_MAX);
    for (size_t at = 0; at < text.size;) {
        struct hin_terminal_character character = hin_terminal_look(text, at);
        keep(paper, character.hazard
                        ? hin_buf_append_byte(&paper->text, '?')
                        : hin_buf_append(&paper->text, hin_view_sub(text, at, character.size)));
        at += character.size;
    }
}

/* The claims that answer a control, a line each. */
static void put_claims_of(struct paper *paper, struct hin_view control)
{
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(paper->report->catalogue, &count);
    hin_buf_clear(&paper->text);
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_mapping *mapping = mapping_to(paper, &claims[i], control);
        if (mapping != NULL) {
            keep(paper, hin_buf_printf(&paper->text, "%s%.*s (%s) %.*s",
                                       paper->text.size > 0 ? "\n" : "", HIN_ARGS(claims[i].id),
                                       word(paper, hin_word_of_degree(mapping->degree)),
                                       HIN_ARGS(claims[i].statement.in[paper->language])));
        }
    }
    hin_json_put_text(&paper->writer, hin_buf_view(&paper->text));
}

static void put_control(struct paper *paper, struct hin_view control)
{
    enum hin_degree degree = HIN_DEGREE_PERSON;
    enum hin_claim_status status = HIN_CLAIM_NOT_ASSESSED;
    bool mapped = hin_report_control(paper->report, paper->framework, control, &degree, &status);
    begin_block(paper, "row");
    hin_json_put_text(&paper->writer, control);
    hin_json_put_cstring(&paper->writer,
                         word(paper, mapped ? hin_word_of_degree(degree) : HIN_WORD_UNMAPPED));
    hin_json_put_cstring(&paper->writer, mapped ? word(paper, hin_word_of_status(status)) : "");
    put_claims_of(paper, control);
    end_block(paper);
}

static void put_section(struct paper *paper, const struct hin_framework_section *section)
{
    static const int64_t widths[] = {130, 155, 150, 565};
    static const enum hin_word head[] = {HIN_WORD_CONTROL, HIN_WORD_DEGREE, HIN_WORD_STATE,
                                         HIN_WORD_PROMISES};
    hin_buf_clear(&paper->text);
    keep(paper, hin_buf_printf(&paper->text, "%.*s %.*s", HIN_ARGS(section->id),
                               HIN_ARGS(section->title.in[paper->language])));
    put_block(paper, "h2", hin_buf_view(&paper->text));
    put_columns(paper, widths, HIN_COUNT(widths));
    put_head(paper, head, HIN_COUNT(head));
    for (size_t i = 0; i < section->count; i++) {
        put_control(paper, paper->framework->controls[section->first + i]);
    }
}

/* ---- claims ---- */

static void add_time(struct paper *paper, enum hin_word label, int64_t usec)
{
    char text[40];
    hin_word_time(usec, text, sizeof(text));
    keep(paper, hin_buf_printf(&paper->text, "%s%s: %s", paper->text.size > 0 ? "\n" : "",
                               word(paper, label), text));
}

/* When it was proven, until when that holds, by which evidence, or why not. */
static void put_proof(struct paper *paper, const struct hin_claim *claim,
                      const struct hin_claim_state *state)
{
    bool failed = state->status == HIN_CLAIM_FAILED;
    hin_buf_clear(&paper->text);
    if (state->status != HIN_CLAIM_NOT_ASSESSED) {
        add_time(paper, failed ? HIN_WORD_FOUND_FAILING : HIN_WORD_LAST_PROVEN,
                 state->observed_usec);
    }
    if (state->status != HIN_CLAIM_NOT_ASSESSED && !failed && state->valid_until_usec != 0) {
        add_time(paper, HIN_WORD_VALID_UNTIL, state->valid_until_usec);
    }
    if (state->reason.size > 0 && state->probe.size > 0) {
        keep(paper, hin_buf_printf(&paper->text, "%s%s: ", paper->text.size > 0 ? "\n" : "",
                                   word(paper, HIN_WORD_REASON)));
        add_foreign(paper, state->probe);
        keep(paper, hin_buf_append_text(&paper->text, ": "));
        add_foreign(paper, state->reason);
    }
    if (claim->probe_count == 0) {
        keep(paper,
             hin_buf_append_text(&paper->text, word(paper, hin_word_of_missing(claim->kind))));
    }
    for (size_t i = 0; i < state->evidence_count; i++) {
        keep(paper, hin_buf_printf(&paper->text, "\n%s: ", word(paper, HIN_WORD_EVIDENCE)));
        add_foreign(paper, state->evidence_ids[i]);
    }
    hin_json_put_text(&paper->writer, hin_buf_view(&paper->text));
}

static void put_statement(struct paper *paper, const struct hin_claim *claim)
{
    char cadence[64];
    hin_word_cadence(claim->cadence_usec, paper->language, cadence, sizeof(cadence));
    hin_buf_clear(&paper->text);
    keep(paper,
         hin_buf_printf(&paper->text, "%.*s\n%s: %.*s · %s: %s",
                        HIN_ARGS(claim->statement.in[paper->language]), word(paper, HIN_WORD_OWNER),
                        HIN_ARGS(claim->owner->title.in[paper->language]),
                        word(paper, HIN_WORD_CADENCE), cadence));
    hin_json_put_text(&paper->writer, hin_buf_view(&paper->text));
}

static void put_claims(struct paper *paper)
{
    static const int64_t widths[] = {80, 400, 150, 370};
    static const enum hin_word head[] = {HIN_WORD_NUMBER, HIN_WORD_PROMISES, HIN_WORD_STATE,
                                         HIN_WORD_EVIDENCE};
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(paper->report->catalogue, &count);
    put_word(paper, "h2", HIN_WORD_PROMISES_MAPPED);
    put_columns(paper, widths, HIN_COUNT(widths));
    put_head(paper, head, HIN_COUNT(head));
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_state *state = &paper->report->states[i];
        if (mapping_to(paper, &claims[i], HIN_VIEW_EMPTY) == NULL) {
            continue;
        }
        begin_block(paper, "row");
        hin_json_put_text(&paper->writer, claims[i].id);
        put_statement(paper, &claims[i]);
        hin_json_put_cstring(&paper->writer, word(paper, hin_word_of_status(state->status)));
        put_proof(paper, &claims[i], state);
        end_block(paper);
    }
}

/* What each probe does that one of these claims hangs on. */
static bool is_used(const struct paper *paper, struct hin_view probe)
{
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(paper->report->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        if (hin_claim_hangs_on(&claims[i], probe) &&
            mapping_to(paper, &claims[i], HIN_VIEW_EMPTY) != NULL) {
            return true;
        }
    }
    return false;
}

static void put_probes(struct paper *paper)
{
    static const int64_t widths[] = {220, 780};
    static const enum hin_word head[] = {HIN_WORD_KIND_PROBE, HIN_WORD_HOW};
    size_t count = 0;
    const struct hin_probe_text *probes = hin_catalogue_probes(paper->report->catalogue, &count);
    put_word(paper, "h2", HIN_WORD_HOW);
    put_columns(paper, widths, HIN_COUNT(widths));
    put_head(paper, head, HIN_COUNT(head));
    for (size_t i = 0; i < count; i++) {
        if (is_used(paper, probes[i].id)) {
            begin_block(paper, "row");
            hin_json_put_text(&paper->writer, probes[i].id);
            hin_json_put_text(&paper->writer, probes[i].text.in[paper->language]);
            end_block(paper);
        }
    }
}

/* ---- the whole ---- */

static void put_opening(struct paper *paper)
{
    char when[40];
    struct hin_view note = paper->framework->note.in[paper->language];
    hin_word_time(paper->report->at_usec, when, sizeof(when));
    put_block(paper, "h1", paper->framework->title.in[paper->language]);
    put_word(paper, "p", HIN_WORD_MAPPED_ONLY);
    if (note.size > 0) {
        put_block(paper, "p", note);
    }
    put_pair(paper, "p", HIN_WORD_AS_OF, hin_view_from_text(when));
    if (paper->report->installation[0] != '\0') {
        put_pair(paper, "small", HIN_WORD_FINGERPRINT,
                 hin_view_from_text(paper->report->installation));
        put_pair(paper, "small", HIN_WORD_VERIFY,
                 HIN_VIEW("hinomi evidence verify FILE --fingerprint F"));
    }
}

static void put_top(struct paper *paper)
{
    struct hin_json_writer *writer = &paper->writer;
    char digest[HIN_SHA256_HEX_BYTES], footer[128];
    hin_catalogue_digest(paper->report->catalogue, digest);
    (void)snprintf(footer, sizeof(footer), "%s " HIN_VERSION " · %s %.16s",
                   word(paper, HIN_WORD_MADE_BY), word(paper, HIN_WORD_CATALOGUE), digest);
    hin_json_field_cstring(writer, "format", HIN_PAPER_FORMAT);
    hin_json_field_integer(writer, "version", HIN_PAPER_VERSION);
    hin_json_field_cstring(writer, "language", hin_language_name(paper->language));
    hin_json_field_text(writer, "title", paper->framework->title.in[paper->language]);
    hin_json_field_integer(writer, "at", paper->report->at_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(writer, "footer", footer);
}

HIN_RESULT hin_paper_write(const struct hin_report *report, const struct hin_framework *framework,
                           enum hin_language language, struct hin_buf *out)
{
    struct paper paper = {
        .report = report, .framework = framework, .language = language, .text = {.max = TEXT_MAX}};
    hin_json_writer_init(&paper.writer, out, false);
    hin_json_begin_object(&paper.writer);
    put_top(&paper);
    hin_json_key(&paper.writer, "blocks");
    hin_json_begin_array(&paper.writer);
    put_opening(&paper);
    put_coverage(&paper);
    for (size_t i = 0; i < framework->section_count; i++) {
        put_section(&paper, &framework->sections[i]);
    }
    put_claims(&paper);
    put_probes(&paper);
    hin_json_end_array(&paper.writer);
    hin_json_end_object(&paper.writer);
    hin_buf_done(&paper.text);
    HIN_TRY(hin_fail(paper.failure));
    return hin_json_writer_finish(&paper.writer);
}
