#include "trust/printout.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "trust/words.h"

enum { TEXT_MAX = 64 * 1024 };

struct printout {
    const struct hin_report *report;
    const struct hin_framework *framework;
    enum hin_language language;
    enum hin_code failure; /* the first */
    struct hin_buf text;   /* a cell that is being made */
    struct hin_json_writer writer;
};

static const char *word(const struct printout *printout, enum hin_word which)
{
    return hin_word(which, printout->language);
}

static void keep(struct printout *printout, struct hin_result result)
{
    printout->failure = printout->failure == HIN_OK ? result.code : printout->failure;
}

static void begin_block(struct printout *printout, const char *kind)
{
    hin_json_begin_array(&printout->writer);
    hin_json_put_cstring(&printout->writer, kind);
}

static void end_block(struct printout *printout)
{
    hin_json_end_array(&printout->writer);
}

static void put_block(struct printout *printout, const char *kind, struct hin_view text)
{
    begin_block(printout, kind);
    hin_json_put_text(&printout->writer, text);
    end_block(printout);
}

static void put_word(struct printout *printout, const char *kind, enum hin_word which)
{
    put_block(printout, kind, hin_view_from_text(word(printout, which)));
}

/* "label: value" */
static void put_pair(struct printout *printout, const char *kind, enum hin_word label,
                     struct hin_view value)
{
    hin_buf_clear(&printout->text);
    keep(printout,
         hin_buf_printf(&printout->text, "%s: %.*s", word(printout, label), HIN_ARGS(value)));
    put_block(printout, kind, hin_buf_view(&printout->text));
}

static void put_columns(struct printout *printout, const int64_t *widths, size_t count)
{
    begin_block(printout, "columns");
    for (size_t i = 0; i < count; i++) {
        hin_json_put_integer(&printout->writer, widths[i]);
    }
    end_block(printout);
}

static void put_head(struct printout *printout, const enum hin_word *words, size_t count)
{
    begin_block(printout, "head");
    for (size_t i = 0; i < count; i++) {
        hin_json_put_cstring(&printout->writer, word(printout, words[i]));
    }
    end_block(printout);
}

/* ---- coverage ---- */

static void put_share(struct printout *printout, enum hin_word which, size_t count, size_t whole)
{
    char number[64];
    size_t tenths = whole > 0 ? (count * 1000 + whole / 2) / whole : 0;
    (void)snprintf(number, sizeof(number), "%zu (%zu.%zu %%)", count, tenths / 10, tenths % 10);
    begin_block(printout, "row");
    hin_json_put_cstring(&printout->writer, word(printout, which));
    hin_json_put_cstring(&printout->writer, number);
    end_block(printout);
}

static void put_coverage(struct printout *printout)
{
    static const int64_t widths[] = {500, 500};
    static const enum hin_word head[] = {HIN_WORD_DEGREE, HIN_WORD_CONTROLS};
    struct hin_coverage coverage = hin_report_coverage(printout->report, printout->framework);
    size_t whole = coverage.controls;
    put_word(printout, "p", HIN_WORD_COVERAGE_MEANS);
    put_columns(printout, widths, HIN_COUNT(widths));
    put_head(printout, head, HIN_COUNT(head));
    for (unsigned i = 0; i < HIN_DEGREE_COUNT; i++) {
        put_share(printout, hin_word_of_degree((enum hin_degree)i), coverage.by_degree[i], whole);
    }
    put_share(printout, HIN_WORD_UNMAPPED, coverage.unmapped, whole);
    put_share(printout, HIN_WORD_PROVEN_NOW, coverage.proven, whole);
    put_share(printout, HIN_WORD_FAILED_NOW, coverage.failed, whole);
}

/* ---- controls ---- */

static const struct hin_claim_mapping *
mapping_to(const struct printout *printout, const struct hin_claim *claim, struct hin_view control)
{
    for (size_t i = 0; i < claim->mapping_count; i++) {
        if (claim->mappings[i].framework == printout->framework &&
            (control.size == 0 || hin_view_equal(claim->mappings[i].control, control))) {
            return &claim->mappings[i];
        }
    }
    return NULL;
}

/* What evidence says: no control characters, which no font has. */
static void add_foreign(struct printout *printout, struct hin_view text)
{
    text = hin_view_sub(text, 0, HIN_CLAIM_REASON_MAX);
    for (size_t at = 0; at < text.size;) {
        struct hin_terminal_character character = hin_terminal_look(text, at);
        keep(printout, character.hazard ? hin_buf_append_byte(&printout->text, '?')
                                        : hin_buf_append(&printout->text,
                                                         hin_view_sub(text, at, character.size)));
        at += character.size;
    }
}

/* The claims that answer a control, a line each. */
static void put_claims_of(struct printout *printout, struct hin_view control)
{
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(printout->report->catalogue, &count);
    hin_buf_clear(&printout->text);
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_mapping *mapping = mapping_to(printout, &claims[i], control);
        if (mapping != NULL) {
            keep(printout,
                 hin_buf_printf(&printout->text, "%s%.*s (%s) %.*s",
                                printout->text.size > 0 ? "\n" : "", HIN_ARGS(claims[i].id),
                                word(printout, hin_word_of_degree(mapping->degree)),
                                HIN_ARGS(claims[i].statement.in[printout->language])));
        }
    }
    hin_json_put_text(&printout->writer, hin_buf_view(&printout->text));
}

static void put_control(struct printout *printout, struct hin_view control)
{
    enum hin_degree degree = HIN_DEGREE_PERSON;
    enum hin_claim_status status = HIN_CLAIM_NOT_ASSESSED;
    bool mapped =
        hin_report_control(printout->report, printout->framework, control, &degree, &status);
    begin_block(printout, "row");
    hin_json_put_text(&printout->writer, control);
    hin_json_put_cstring(&printout->writer,
                         word(printout, mapped ? hin_word_of_degree(degree) : HIN_WORD_UNMAPPED));
    hin_json_put_cstring(&printout->writer,
                         mapped ? word(printout, hin_word_of_status(status)) : "");
    put_claims_of(printout, control);
    end_block(printout);
}

static void put_section(struct printout *printout, const struct hin_framework_section *section)
{
    static const int64_t widths[] = {130, 155, 150, 565};
    static const enum hin_word head[] = {HIN_WORD_CONTROL, HIN_WORD_DEGREE, HIN_WORD_STATE,
                                         HIN_WORD_PROMISES};
    hin_buf_clear(&printout->text);
    keep(printout, hin_buf_printf(&printout->text, "%.*s %.*s", HIN_ARGS(section->id),
                                  HIN_ARGS(section->title.in[printout->language])));
    put_block(printout, "h2", hin_buf_view(&printout->text));
    put_columns(printout, widths, HIN_COUNT(widths));
    put_head(printout, head, HIN_COUNT(head));
    for (size_t i = 0; i < section->count; i++) {
        put_control(printout, printout->framework->controls[section->first + i]);
    }
}

/* ---- claims ---- */

static void add_time(struct printout *printout, enum hin_word label, int64_t usec)
{
    char text[40];
    hin_word_time(usec, text, sizeof(text));
    keep(printout, hin_buf_printf(&printout->text, "%s%s: %s", printout->text.size > 0 ? "\n" : "",
                                  word(printout, label), text));
}

/* When it was proven, until when that holds, by which evidence, or why not. */
static void put_proof(struct printout *printout, const struct hin_claim *claim,
                      const struct hin_claim_state *state)
{
    bool failed = state->status == HIN_CLAIM_FAILED;
    bool proven = state->status == HIN_CLAIM_PROVEN;
    hin_buf_clear(&printout->text);
    if (state->status == HIN_CLAIM_NOT_ASSESSED) {
        keep(printout,
             hin_buf_printf(&printout->text, "%s: %s", word(printout, HIN_WORD_LAST_PROVEN),
                            word(printout, HIN_WORD_NEVER)));
    } else {
        add_time(printout, failed ? HIN_WORD_FOUND_FAILING : HIN_WORD_LAST_PROVEN,
                 state->observed_usec);
    }
    if (state->status != HIN_CLAIM_NOT_ASSESSED && !failed && state->valid_until_usec != 0) {
        add_time(printout, HIN_WORD_VALID_UNTIL, state->valid_until_usec);
    }
    if (state->reason.size > 0 && state->probe.size > 0) {
        keep(printout,
             hin_buf_printf(&printout->text, "%s%s: ", printout->text.size > 0 ? "\n" : "",
                            word(printout, proven ? HIN_WORD_REMARK : HIN_WORD_REASON)));
        add_foreign(printout, state->probe);
        keep(printout, hin_buf_append_text(&printout->text, ": "));
        add_foreign(printout, state->reason);
    }
    if (claim->probe_count == 0) {
        keep(printout, hin_buf_printf(&printout->text, "\n%s",
                                      word(printout, hin_word_of_missing(claim->kind))));
    }
    for (size_t i = 0; i < state->evidence_count; i++) {
        keep(printout,
             hin_buf_printf(&printout->text, "\n%s: ", word(printout, HIN_WORD_EVIDENCE)));
        add_foreign(printout, state->evidence_ids[i]);
    }
    hin_json_put_text(&printout->writer, hin_buf_view(&printout->text));
}

static void put_statement(struct printout *printout, const struct hin_claim *claim)
{
    char cadence[64];
    hin_word_cadence(claim->cadence_usec, printout->language, cadence, sizeof(cadence));
    hin_buf_clear(&printout->text);
    keep(printout, hin_buf_printf(&printout->text, "%.*s\n%s: %.*s · %s: %s",
                                  HIN_ARGS(claim->statement.in[printout->language]),
                                  word(printout, HIN_WORD_OWNER),
                                  HIN_ARGS(claim->owner->title.in[printout->language]),
                                  word(printout, HIN_WORD_CADENCE), cadence));
    hin_json_put_text(&printout->writer, hin_buf_view(&printout->text));
}

static void put_claims(struct printout *printout)
{
    static const int64_t widths[] = {80, 400, 150, 370};
    static const enum hin_word head[] = {HIN_WORD_NUMBER, HIN_WORD_PROMISES, HIN_WORD_STATE,
                                         HIN_WORD_EVIDENCE};
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(printout->report->catalogue, &count);
    put_word(printout, "h2", HIN_WORD_PROMISES_MAPPED);
    put_columns(printout, widths, HIN_COUNT(widths));
    put_head(printout, head, HIN_COUNT(head));
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_state *state = &printout->report->states[i];
        if (mapping_to(printout, &claims[i], HIN_VIEW_EMPTY) == NULL) {
            continue;
        }
        begin_block(printout, "row");
        hin_json_put_text(&printout->writer, claims[i].id);
        put_statement(printout, &claims[i]);
        hin_json_put_cstring(&printout->writer, word(printout, hin_word_of_status(state->status)));
        put_proof(printout, &claims[i], state);
        end_block(printout);
    }
}

/* What each probe does that one of these claims hangs on. */
static bool is_used(const struct printout *printout, struct hin_view probe)
{
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(printout->report->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        if (hin_claim_hangs_on(&claims[i], probe) &&
            mapping_to(printout, &claims[i], HIN_VIEW_EMPTY) != NULL) {
            return true;
        }
    }
    return false;
}

static void put_probes(struct printout *printout)
{
    static const int64_t widths[] = {220, 780};
    static const enum hin_word head[] = {HIN_WORD_KIND_PROBE, HIN_WORD_HOW};
    size_t count = 0;
    const struct hin_probe_text *probes = hin_catalogue_probes(printout->report->catalogue, &count);
    put_word(printout, "h2", HIN_WORD_HOW);
    put_columns(printout, widths, HIN_COUNT(widths));
    put_head(printout, head, HIN_COUNT(head));
    for (size_t i = 0; i < count; i++) {
        if (is_used(printout, probes[i].id)) {
            begin_block(printout, "row");
            hin_json_put_text(&printout->writer, probes[i].id);
            hin_json_put_text(&printout->writer, probes[i].text.in[printout->language]);
            end_block(printout);
        }
    }
}

/* ---- the whole ---- */

static void put_opening(struct printout *printout)
{
    char when[40];
    struct hin_view note = printout->framework->note.in[printout->language];
    hin_word_time(printout->report->at_usec, when, sizeof(when));
    put_block(printout, "h1", printout->framework->title.in[printout->language]);
    put_word(printout, "p", HIN_WORD_MAPPED_ONLY);
    if (note.size > 0) {
        put_block(printout, "p", note);
    }
    put_pair(printout, "p", HIN_WORD_AS_OF, hin_view_from_text(when));
    if (printout->report->installation[0] != '\0') {
        put_pair(printout, "small", HIN_WORD_FINGERPRINT,
                 hin_view_from_text(printout->report->installation));
        put_pair(printout, "small", HIN_WORD_VERIFY,
                 HIN_VIEW("hinomi evidence verify FILE --fingerprint F"));
    }
}

static void put_top(struct printout *printout)
{
    struct hin_json_writer *writer = &printout->writer;
    char digest[HIN_SHA256_HEX_BYTES], footer[128];
    hin_catalogue_digest(printout->report->catalogue, digest);
    (void)snprintf(footer, sizeof(footer), "%s " HIN_VERSION " · %s %.16s",
                   word(printout, HIN_WORD_MADE_BY), word(printout, HIN_WORD_CATALOGUE), digest);
    hin_json_field_cstring(writer, "format", HIN_PRINTOUT_FORMAT);
    hin_json_field_integer(writer, "version", HIN_PRINTOUT_VERSION);
    hin_json_field_cstring(writer, "language", hin_language_name(printout->language));
    hin_json_field_text(writer, "title", printout->framework->title.in[printout->language]);
    hin_json_field_integer(writer, "at", printout->report->at_usec / HIN_MSEC_USEC);
    hin_json_field_cstring(writer, "footer", footer);
}

HIN_RESULT hin_printout_write(const struct hin_report *report,
                              const struct hin_framework *framework, enum hin_language language,
                              struct hin_buf *out)
{
    struct printout printout = {
        .report = report, .framework = framework, .language = language, .text = {.max = TEXT_MAX}};
    hin_json_writer_init(&printout.writer, out, false);
    hin_json_begin_object(&printout.writer);
    put_top(&printout);
    hin_json_key(&printout.writer, "blocks");
    hin_json_begin_array(&printout.writer);
    put_opening(&printout);
    put_coverage(&printout);
    for (size_t i = 0; i < framework->section_count; i++) {
        put_section(&printout, &framework->sections[i]);
    }
    put_claims(&printout);
    put_probes(&printout);
    hin_json_end_array(&printout.writer);
    hin_json_end_object(&printout.writer);
    hin_buf_done(&printout.text);
    HIN_TRY(hin_fail(printout.failure));
    return hin_json_writer_finish(&printout.writer);
}
