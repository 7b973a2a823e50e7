/* One claim on a page. */
#include "base/time.h"
#include "trust/page_internal.h"

void hin_html_badge(struct hin_html *html, enum hin_claim_status status)
{
    static const struct {
        const char *name, *mark; /* a mark as well as a colour: not everybody sees the latter */
    } looks[HIN_CLAIM_STATUS_COUNT] = {
        [HIN_CLAIM_NOT_ASSESSED] = {"none", "○"},
        [HIN_CLAIM_PROVEN] = {"proven", "✓"},
        [HIN_CLAIM_FAILED] = {"failed", "✕"},
        [HIN_CLAIM_STALE] = {"stale", "◔"},
    };
    hin_html_put(html, "<span class=\"badge ");
    hin_html_put(html, looks[status].name);
    hin_html_put(html, "\"><span aria-hidden=\"true\">");
    hin_html_put(html, looks[status].mark);
    hin_html_put(html, "</span> ");
    hin_html_word(html, hin_word_of_status(status));
    hin_html_put(html, "</span>");
}

static void put_time(struct hin_html *html, int64_t usec)
{
    char machine[40], human[40];
    hin_time_format_rfc3339(usec, 0, machine, sizeof(machine));
    hin_word_time(usec, human, sizeof(human));
    hin_html_put(html, "<time datetime=\"");
    hin_html_put(html, machine);
    hin_html_put(html, "\">");
    hin_html_put(html, human);
    hin_html_put(html, "</time>");
}

static void begin_row(struct hin_html *html, enum hin_word word)
{
    hin_html_put(html, "<dt>");
    hin_html_word(html, word);
    hin_html_put(html, "</dt><dd>");
}

static void end_row(struct hin_html *html)
{
    hin_html_put(html, "</dd>\n");
}

static void put_when(struct hin_html *html, const struct hin_claim_state *state)
{
    bool failed = state->status == HIN_CLAIM_FAILED;
    hin_html_put(html, "<p class=\"when\">");
    if (state->status == HIN_CLAIM_NOT_ASSESSED) {
        hin_html_word(html, HIN_WORD_LAST_PROVEN);
        hin_html_put(html, ": ");
        hin_html_word(html, HIN_WORD_NEVER);
        hin_html_put(html, "</p>\n");
        return;
    }
    hin_html_word(html, failed ? HIN_WORD_FOUND_FAILING : HIN_WORD_LAST_PROVEN);
    hin_html_put(html, ": ");
    put_time(html, state->observed_usec);
    if (!failed && state->valid_until_usec != 0) {
        hin_html_put(html, " · ");
        hin_html_word(html, HIN_WORD_VALID_UNTIL);
        hin_html_put(html, ": ");
        put_time(html, state->valid_until_usec);
    }
    hin_html_put(html, "</p>\n");
}

/* Evidence speaks English, whatever the page's language. */
static void put_reason(struct hin_html *html, const struct hin_claim_state *state)
{
    if (state->reason.size == 0 || state->probe.size == 0) {
        return;
    }
    bool proven = state->status == HIN_CLAIM_PROVEN;
    hin_html_put(html, proven ? "<p class=\"remark\">" : "<p class=\"reason\">");
    hin_html_word(html, proven ? HIN_WORD_REMARK : HIN_WORD_REASON);
    hin_html_put(html, ": <span lang=\"en\"><code>");
    hin_html_text(html, state->probe);
    hin_html_put(html, "</code>: ");
    hin_html_text(html, hin_view_sub(state->reason, 0, HIN_CLAIM_REASON_MAX));
    hin_html_put(html, "</span></p>\n");
}

static void put_how(struct hin_html *html, const struct hin_claim *claim)
{
    begin_row(html, HIN_WORD_HOW);
    if (claim->probe_count == 0) {
        hin_html_word(html, hin_word_of_missing(claim->kind));
    }
    for (size_t i = 0; i < claim->probe_count; i++) {
        const struct hin_probe_text *probe =
            hin_catalogue_probe(html->page->report->catalogue, claim->probes[i]);
        hin_html_put(html, i > 0 ? "<br><code>" : "<code>");
        hin_html_text(html, claim->probes[i]);
        hin_html_put(html, "</code> ");
        hin_html_text(html, probe->text.in[html->page->language]);
    }
    end_row(html);
}

static void put_evidence(struct hin_html *html, const struct hin_claim_state *state)
{
    begin_row(html, HIN_WORD_EVIDENCE);
    if (state->evidence_count == 0) {
        hin_html_word(html, HIN_WORD_NO_EVIDENCE);
    }
    for (size_t i = 0; i < state->evidence_count; i++) {
        hin_html_put(html, i > 0 ? " <code class=\"long\">" : "<code class=\"long\">");
        hin_html_text(html, state->evidence_ids[i]);
        hin_html_put(html, "</code>");
    }
    end_row(html);
}

static void put_control(struct hin_html *html, const struct hin_claim_mapping *mapping)
{
    if (!html->page->alone) {
        hin_html_put(html, "<a href=\"");
        hin_html_name(html, mapping->framework, html->page->language);
        hin_html_put(html, "#c-");
        hin_html_text(html, mapping->control);
        hin_html_put(html, "\">");
    }
    hin_html_text(html, mapping->control);
    hin_html_put(html, html->page->alone ? " (" : "</a> (");
    hin_html_word(html, hin_word_of_degree(mapping->degree));
    hin_html_put(html, ")");
}

static void put_mappings(struct hin_html *html, const struct hin_claim *claim)
{
    const struct hin_framework *last = NULL;
    begin_row(html, HIN_WORD_MAPPED_TO);
    for (size_t i = 0; i < claim->mapping_count; i++) {
        const struct hin_claim_mapping *mapping = &claim->mappings[i];
        if (mapping->framework != last) {
            hin_html_put(html, last != NULL ? "<br>" : "");
            hin_html_text(html, mapping->framework->title.in[html->page->language]);
            hin_html_put(html, ": ");
            last = mapping->framework;
        } else {
            hin_html_put(html, ", ");
        }
        put_control(html, mapping);
    }
    end_row(html);
}

static void put_details(struct hin_html *html, const struct hin_claim *claim,
                        const struct hin_claim_state *state)
{
    char cadence[64];
    enum hin_language language = html->page->language;
    hin_word_cadence(claim->cadence_usec, language, cadence, sizeof(cadence));
    hin_html_put(html, html->page->alone ? "<details open><summary>" : "<details><summary>");
    hin_html_word(html, HIN_WORD_DETAILS);
    hin_html_put(html, "<span class=\"unseen\"> ");
    hin_html_text(html, claim->id);
    hin_html_put(html, "</span></summary>\n<dl>\n");
    put_how(html, claim);
    put_evidence(html, state);
    begin_row(html, HIN_WORD_KIND);
    hin_html_word(html, hin_word_of_kind(claim->kind));
    end_row(html);
    begin_row(html, HIN_WORD_OWNER);
    hin_html_text(html, claim->owner->title.in[language]);
    end_row(html);
    begin_row(html, HIN_WORD_CADENCE);
    hin_html_text(html, hin_view_from_text(cadence));
    end_row(html);
    put_mappings(html, claim);
    hin_html_put(html, "</dl>\n</details>\n");
}

void hin_html_claim(struct hin_html *html, const struct hin_claim *claim,
                    const struct hin_claim_state *state)
{
    hin_html_put(html, "<article id=\"");
    hin_html_text(html, claim->id);
    hin_html_put(html, "\">\n<h4><a href=\"#");
    hin_html_text(html, claim->id);
    hin_html_put(html, "\">");
    hin_html_text(html, claim->id);
    hin_html_put(html, "</a> ");
    hin_html_badge(html, state->status);
    hin_html_put(html, "</h4>\n<p>");
    hin_html_text(html, claim->statement.in[html->page->language]);
    hin_html_put(html, "</p>\n");
    put_when(html, state);
    put_reason(html, state);
    put_details(html, claim, state);
    hin_html_put(html, "</article>\n");
}
