/* The page of every claim. */
#include "trust/page_internal.h"

static void put_as_of(struct hin_html *html)
{
    char text[40];
    hin_word_time(html->page->report->at_usec, text, sizeof(text));
    hin_html_put(html, "<p>");
    hin_html_word(html, HIN_WORD_AS_OF);
    hin_html_put(html, ": ");
    hin_html_put(html, text);
    hin_html_put(html, "</p>\n");
}

static void put_legend(struct hin_html *html)
{
    static const enum hin_claim_status order[] = {HIN_CLAIM_PROVEN, HIN_CLAIM_FAILED,
                                                  HIN_CLAIM_STALE, HIN_CLAIM_NOT_ASSESSED};
    size_t tally[HIN_CLAIM_STATUS_COUNT];
    hin_report_tally(html->page->report, tally);
    hin_html_put(html, "<section aria-labelledby=\"legend\">\n<h2 id=\"legend\">");
    hin_html_word(html, HIN_WORD_LEGEND);
    hin_html_put(html, "</h2>\n<ul class=\"tally\">\n");
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        hin_html_put(html, "<li><b>");
        hin_html_number(html, tally[order[i]]);
        hin_html_put(html, "</b> ");
        hin_html_badge(html, order[i]);
        hin_html_put(html, " ");
        hin_html_word(html, hin_word_of_status_meaning(order[i]));
        hin_html_put(html, "</li>\n");
    }
    hin_html_put(html, "</ul>\n</section>\n");
}

/* ---- frameworks ---- */

static void put_head_cell(struct hin_html *html, enum hin_word word)
{
    hin_html_put(html, "<th scope=\"col\">");
    hin_html_word(html, word);
    hin_html_put(html, "</th>");
}

static void put_cell(struct hin_html *html, size_t number)
{
    hin_html_put(html, "<td>");
    hin_html_number(html, number);
    hin_html_put(html, "</td>");
}

static void put_framework_row(struct hin_html *html, const struct hin_framework *framework)
{
    struct hin_coverage coverage = hin_report_coverage(html->page->report, framework);
    hin_html_put(html, "<tr><th scope=\"row\"><a href=\"");
    hin_html_name(html, framework, html->page->language);
    hin_html_put(html, "\">");
    hin_html_text(html, framework->title.in[html->page->language]);
    hin_html_put(html, "</a></th>");
    put_cell(html, coverage.controls);
    for (unsigned i = 0; i < HIN_DEGREE_COUNT; i++) {
        put_cell(html, coverage.by_degree[i]);
    }
    put_cell(html, coverage.unmapped);
    put_cell(html, coverage.proven);
    put_cell(html, coverage.failed);
    hin_html_put(html, "</tr>\n");
}

static void put_frameworks(struct hin_html *html)
{
    static const enum hin_word columns[] = {
        HIN_WORD_FRAMEWORK, HIN_WORD_CONTROLS, HIN_WORD_AUTOMATED,  HIN_WORD_IN_PART,
        HIN_WORD_PERSON,    HIN_WORD_UNMAPPED, HIN_WORD_PROVEN_NOW, HIN_WORD_FAILED_NOW,
    };
    size_t count = 0;
    const struct hin_framework *frameworks =
        hin_catalogue_frameworks(html->page->report->catalogue, &count);
    hin_html_put(html, "<section aria-labelledby=\"frameworks\">\n<h2 id=\"frameworks\">");
    hin_html_word(html, HIN_WORD_FRAMEWORKS);
    hin_html_put(html, "</h2>\n<p>");
    hin_html_word(html, HIN_WORD_MAPPED_ONLY);
    hin_html_put(html, " ");
    hin_html_word(html, HIN_WORD_COVERAGE_MEANS);
    hin_html_put(html, "</p>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                       "aria-labelledby=\"frameworks\">\n<table>\n<thead><tr>");
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        put_head_cell(html, columns[i]);
    }
    hin_html_put(html, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++) {
        put_framework_row(html, &frameworks[i]);
    }
    hin_html_put(html, "</tbody>\n</table>\n</div>\n</section>\n");
}

/* ---- claims ---- */

static bool has(const struct hin_report *report, enum hin_claim_service service,
                enum hin_claim_pillar pillar)
{
    size_t count = 0;
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &count);
    for (size_t i = 0; i < count; i++) {
        if (claims[i].service == service &&
            (pillar == HIN_PILLAR_COUNT || claims[i].pillar == pillar)) {
            return true;
        }
    }
    return false;
}

static void put_pillar(struct hin_html *html, enum hin_claim_service service,
                       enum hin_claim_pillar pillar)
{
    size_t count = 0;
    const struct hin_report *report = html->page->report;
    const struct hin_claim *claims = hin_catalogue_claims(report->catalogue, &count);
    if (!has(report, service, pillar)) {
        return;
    }
    hin_html_put(html, "<h3>");
    hin_html_word(html, hin_word_of_pillar(pillar));
    hin_html_put(html, "</h3>\n");
    for (size_t i = 0; i < count; i++) {
        if (claims[i].service == service && claims[i].pillar == pillar) {
            hin_html_claim(html, &claims[i], &report->states[i]);
        }
    }
}

static void put_service(struct hin_html *html, enum hin_claim_service service)
{
    if (!has(html->page->report, service, HIN_PILLAR_COUNT)) {
        return;
    }
    hin_html_put(html, "<section id=\"");
    hin_html_put(html, hin_claim_service_name(service));
    hin_html_put(html, "\">\n<h2>");
    hin_html_word(html, hin_word_of_service(service));
    hin_html_put(html, "</h2>\n");
    for (unsigned i = 0; i < HIN_PILLAR_COUNT; i++) {
        put_pillar(html, service, (enum hin_claim_pillar)i);
    }
    hin_html_put(html, "</section>\n");
}

static void put_navigation(struct hin_html *html)
{
    hin_html_put(html, "<nav aria-label=\"");
    hin_html_word(html, HIN_WORD_SERVICES);
    hin_html_put(html, "\">\n<ul>\n");
    for (unsigned i = 0; i < HIN_SERVICE_COUNT; i++) {
        if (has(html->page->report, (enum hin_claim_service)i, HIN_PILLAR_COUNT)) {
            hin_html_put(html, "<li><a href=\"#");
            hin_html_put(html, hin_claim_service_name((enum hin_claim_service)i));
            hin_html_put(html, "\">");
            hin_html_word(html, hin_word_of_service((enum hin_claim_service)i));
            hin_html_put(html, "</a></li>\n");
        }
    }
    hin_html_put(html, "<li><a href=\"#frameworks\">");
    hin_html_word(html, HIN_WORD_FRAMEWORKS);
    hin_html_put(html, "</a></li>\n</ul>\n</nav>\n");
}

HIN_RESULT hin_page_index(const struct hin_page *page, struct hin_buf *out)
{
    struct hin_html html = {.page = page, .out = out};
    hin_html_begin(&html, NULL);
    hin_html_put(&html, "<p class=\"lead\">");
    hin_html_word(&html, HIN_WORD_LEAD);
    hin_html_put(&html, "</p>\n");
    put_as_of(&html);
    put_navigation(&html);
    hin_html_put(&html, "</header>\n<main id=\"main\">\n");
    put_legend(&html);
    for (unsigned i = 0; i < HIN_SERVICE_COUNT; i++) {
        put_service(&html, (enum hin_claim_service)i);
    }
    put_frameworks(&html);
    hin_html_end(&html);
    return hin_fail(html.failure);
}
