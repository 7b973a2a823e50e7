/* The page of one framework: what of it is mapped, and by which claims. */
#include <stdio.h>

#include "trust/page_internal.h"

static void put_note(struct hin_html *html, const struct hin_framework *framework)
{
    char text[40];
    struct hin_view note = framework->note.in[html->page->language];
    hin_word_time(html->page->report->at_usec, text, sizeof(text));
    if (note.size > 0) {
        hin_html_put(html, "<p>");
        hin_html_text(html, note);
        hin_html_put(html, "</p>\n");
    }
    hin_html_put(html, "<p class=\"lead\">");
    hin_html_word(html, HIN_WORD_MAPPED_ONLY);
    hin_html_put(html, "</p>\n<p>");
    hin_html_word(html, HIN_WORD_AS_OF);
    hin_html_put(html, ": ");
    hin_html_put(html, text);
    hin_html_put(html, "</p>\n");
    if (!html->page->alone) {
        hin_html_put(html, "<nav><a href=\"");
        hin_html_name(html, NULL, html->page->language);
        hin_html_put(html, "\">");
        hin_html_word(html, HIN_WORD_ALL_PROMISES);
        hin_html_put(html, "</a></nav>\n");
    }
}

/* ---- coverage ---- */

struct share {
    enum hin_word word;
    const char *name;
    size_t count;
};

static void put_bar(struct hin_html *html, const struct share *shares, size_t count, size_t whole)
{
    size_t at = 0;
    char text[128];
    hin_html_put(html, "<svg class=\"bar\" viewBox=\"0 0 1000 20\" preserveAspectRatio=\"none\" "
                       "aria-hidden=\"true\" focusable=\"false\">");
    for (size_t i = 0; i < count && whole > 0; i++) {
        size_t width = shares[i].count * 1000 / whole;
        (void)snprintf(text, sizeof(text),
                       "<rect class=\"%s\" x=\"%zu\" width=\"%zu\" height=\"20\"/>", shares[i].name,
                       at, width);
        hin_html_put(html, text);
        at += width;
    }
    hin_html_put(html, "</svg>\n");
}

static void put_share(struct hin_html *html, const struct share *share, size_t whole)
{
    char text[64];
    size_t tenths = whole > 0 ? (share->count * 1000 + whole / 2) / whole : 0;
    (void)snprintf(text, sizeof(text), "%zu (%zu.%zu %%)", share->count, tenths / 10, tenths % 10);
    hin_html_put(html, "<dt>");
    if (share->name != NULL) {
        hin_html_put(html, "<span aria-hidden=\"true\" class=\"key ");
        hin_html_put(html, share->name);
        hin_html_put(html, "\"></span> ");
    }
    hin_html_word(html, share->word);
    hin_html_put(html, "</dt><dd>");
    hin_html_put(html, text);
    hin_html_put(html, "</dd>\n");
}

static void put_coverage(struct hin_html *html, const struct hin_framework *framework)
{
    struct hin_coverage coverage = hin_report_coverage(html->page->report, framework);
    const struct share shares[] = {
        {HIN_WORD_AUTOMATED, "automated", coverage.by_degree[HIN_DEGREE_AUTOMATED]},
        {HIN_WORD_IN_PART, "part", coverage.by_degree[HIN_DEGREE_IN_PART]},
        {HIN_WORD_PERSON, "person", coverage.by_degree[HIN_DEGREE_PERSON]},
        {HIN_WORD_UNMAPPED, "unmapped", coverage.unmapped},
        {HIN_WORD_PROVEN_NOW, NULL, coverage.proven},
        {HIN_WORD_FAILED_NOW, NULL, coverage.failed},
    };
    put_bar(html, shares, 4, coverage.controls);
    hin_html_put(html, "<dl class=\"coverage\">\n<dt>");
    hin_html_word(html, HIN_WORD_CONTROLS);
    hin_html_put(html, "</dt><dd>");
    hin_html_number(html, coverage.controls);
    hin_html_put(html, "</dd>\n");
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        put_share(html, &shares[i], coverage.controls);
    }
    hin_html_put(html, "</dl>\n<p>");
    hin_html_word(html, HIN_WORD_COVERAGE_MEANS);
    hin_html_put(html, "</p>\n");
}

/* ---- controls ---- */

static const struct hin_claim_mapping *mapping_to(const struct hin_claim *claim,
                                                  const struct hin_framework *framework,
                                                  struct hin_view control)
{
    for (size_t i = 0; i < claim->mapping_count; i++) {
        if (claim->mappings[i].framework == framework &&
            (control.size == 0 || hin_view_equal(claim->mappings[i].control, control))) {
            return &claim->mappings[i];
        }
    }
    return NULL;
}

static void put_claim_link(struct hin_html *html, const struct hin_claim *claim,
                           enum hin_degree degree)
{
    hin_html_put(html, "<li><a href=\"");
    if (!html->page->alone) {
        hin_html_name(html, NULL, html->page->language);
    }
    hin_html_put(html, "#");
    hin_html_text(html, claim->id);
    hin_html_put(html, "\">");
    hin_html_text(html, claim->id);
    hin_html_put(html, "</a> (");
    hin_html_word(html, hin_word_of_degree(degree));
    hin_html_put(html, ") ");
    hin_html_text(html, claim->statement.in[html->page->language]);
    hin_html_put(html, "</li>");
}

static void put_claims_of(struct hin_html *html, const struct hin_framework *framework,
                          struct hin_view control)
{
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(html->page->report->catalogue, &count);
    hin_html_put(html, "<ul>");
    for (size_t i = 0; i < count; i++) {
        const struct hin_claim_mapping *mapping = mapping_to(&claims[i], framework, control);
        if (mapping != NULL) {
            put_claim_link(html, &claims[i], mapping->degree);
        }
    }
    hin_html_put(html, "</ul>");
}

static void put_control(struct hin_html *html, const struct hin_framework *framework,
                        struct hin_view control)
{
    enum hin_degree degree = HIN_DEGREE_PERSON;
    enum hin_claim_status status = HIN_CLAIM_NOT_ASSESSED;
    hin_html_put(html, "<tr><th scope=\"row\" id=\"c-");
    hin_html_text(html, control);
    hin_html_put(html, "\">");
    hin_html_text(html, control);
    hin_html_put(html, "</th><td>");
    if (!hin_report_control(html->page->report, framework, control, &degree, &status)) {
        hin_html_word(html, HIN_WORD_UNMAPPED);
        hin_html_put(html, "</td><td></td><td></td></tr>\n");
        return;
    }
    hin_html_word(html, hin_word_of_degree(degree));
    hin_html_put(html, "</td><td>");
    hin_html_badge(html, status);
    hin_html_put(html, "</td><td>");
    put_claims_of(html, framework, control);
    hin_html_put(html, "</td></tr>\n");
}

static void put_section(struct hin_html *html, const struct hin_framework *framework,
                        const struct hin_framework_section *section)
{
    static const enum hin_word columns[] = {HIN_WORD_CONTROL, HIN_WORD_DEGREE, HIN_WORD_STATE,
                                            HIN_WORD_PROMISES};
    hin_html_put(html, "<section>\n<h2>");
    hin_html_text(html, section->id);
    hin_html_put(html, " ");
    hin_html_text(html, section->title.in[html->page->language]);
    hin_html_put(html, "</h2>\n<table class=\"controls\">\n<thead><tr>");
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        hin_html_put(html, "<th scope=\"col\">");
        hin_html_word(html, columns[i]);
        hin_html_put(html, "</th>");
    }
    hin_html_put(html, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < section->count; i++) {
        put_control(html, framework, framework->controls[section->first + i]);
    }
    hin_html_put(html, "</tbody>\n</table>\n</section>\n");
}

/* Alone, the page holds the claims that it names. */
static void put_claims(struct hin_html *html, const struct hin_framework *framework)
{
    size_t count = 0;
    const struct hin_report *report = html->page->report;
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &count);
    hin_html_put(html, "<section>\n<h2>");
    hin_html_word(html, HIN_WORD_PROMISES_MAPPED);
    hin_html_put(html, "</h2>\n");
    for (size_t i = 0; i < count; i++) {
        if (mapping_to(&claims[i], framework, HIN_VIEW_EMPTY) != NULL) {
            hin_html_claim(html, &claims[i], &report->states[i]);
        }
    }
    hin_html_put(html, "</section>\n");
}

HIN_RESULT hin_page_framework(const struct hin_page *page, const struct hin_framework *framework,
                              struct hin_buf *out)
{
    struct hin_html html = {.page = page, .out = out};
    hin_html_begin(&html, framework);
    put_note(&html, framework);
    hin_html_put(&html, "</header>\n<main id=\"main\">\n");
    put_coverage(&html, framework);
    for (size_t i = 0; i < framework->section_count; i++) {
        put_section(&html, framework, &framework->sections[i]);
    }
    if (page->alone) {
        put_claims(&html, framework);
    }
    hin_html_end(&html);
    return hin_fail(html.failure);
}
