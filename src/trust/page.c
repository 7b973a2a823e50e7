/* The writer of pages, their names, what stands above and below. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "trust/page_internal.h"

static void append(struct hin_html *html, struct hin_view bytes)
{
    if (html->failure == HIN_OK) {
        html->failure = hin_buf_append(html->out, bytes).code;
    }
}

void hin_html_put(struct hin_html *html, const char *markup)
{
    append(html, hin_view_from_text(markup));
}

/* What stands for a character in text and in attributes of either quotation mark; NULL: itself. */
static const char *entity_of(const struct hin_terminal_character *character)
{
    static const struct {
        unsigned number;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    if (character->hazard) {
        return character->number == '\n' || character->number == '\t' ? " " : "\xef\xbf\xbd";
    }
    for (size_t i = 0; i < HIN_COUNT(entities); i++) {
        if (entities[i].number == character->number) {
            return entities[i].entity;
        }
    }
    return NULL;
}

void hin_html_text(struct hin_html *html, struct hin_view text)
{
    size_t from = 0;
    for (size_t at = 0; at < text.size;) {
        struct hin_terminal_character character = hin_terminal_look(text, at);
        const char *entity = entity_of(&character);
        if (entity != NULL) {
            append(html, hin_view_sub(text, from, at - from));
            hin_html_put(html, entity);
            from = at + character.size;
        }
        at += character.size;
    }
    append(html, hin_view_sub(text, from, text.size));
}

void hin_html_word(struct hin_html *html, enum hin_word word)
{
    hin_html_text(html, hin_view_from_text(hin_word(word, html->page->language)));
}

void hin_html_number(struct hin_html *html, size_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%zu", number);
    hin_html_put(html, text);
}

/* ---- names ---- */

void hin_page_name(const struct hin_framework *framework, enum hin_language language,
                   char ret_name[HIN_PAGE_NAME_MAX])
{
    struct hin_view base = framework != NULL ? framework->id : HIN_VIEW("index");
    (void)snprintf(ret_name, HIN_PAGE_NAME_MAX, "%.*s.%s.html", HIN_ARGS(base),
                   hin_language_name(language));
}

bool hin_page_find(const struct hin_catalogue *catalogue, struct hin_view name,
                   const struct hin_framework **ret_framework, enum hin_language *ret_language)
{
    size_t count = 0;
    char one[HIN_PAGE_NAME_MAX];
    const struct hin_framework *frameworks = hin_catalogue_frameworks(catalogue, &count);
    for (unsigned language = 0; language < HIN_LANGUAGE_COUNT; language++) {
        for (size_t i = 0; i <= count; i++) {
            const struct hin_framework *framework = i < count ? &frameworks[i] : NULL;
            hin_page_name(framework, (enum hin_language)language, one);
            if (hin_view_is(name, one)) {
                *ret_framework = framework;
                *ret_language = (enum hin_language)language;
                return true;
            }
        }
    }
    return false;
}

void hin_html_name(struct hin_html *html, const struct hin_framework *framework,
                   enum hin_language language)
{
    char name[HIN_PAGE_NAME_MAX];
    hin_page_name(framework, language, name);
    hin_html_text(html, hin_view_from_text(html->page->prefix));
    hin_html_text(html, hin_view_from_text(name));
}

/* ---- above and below ---- */

static void put_style(struct hin_html *html)
{
    if (html->page->alone) {
        hin_html_put(html, "<style>\n");
        append(html, hin_page_style());
        hin_html_put(html, "</style>\n");
        return;
    }
    hin_html_put(html, "<link rel=\"stylesheet\" href=\"");
    hin_html_text(html, hin_view_from_text(html->page->prefix));
    hin_html_put(html, HIN_PAGE_STYLE_NAME "\">\n");
}

static void put_alternates(struct hin_html *html, const struct hin_framework *framework)
{
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT && !html->page->alone; i++) {
        hin_html_put(html, "<link rel=\"alternate\" hreflang=\"");
        hin_html_put(html, hin_language_name((enum hin_language)i));
        hin_html_put(html, "\" href=\"");
        hin_html_name(html, framework, (enum hin_language)i);
        hin_html_put(html, "\">\n");
    }
}

static void put_title(struct hin_html *html, const struct hin_framework *framework)
{
    if (framework != NULL) {
        hin_html_text(html, framework->title.in[html->page->language]);
    } else {
        hin_html_word(html, HIN_WORD_TITLE);
    }
}

static void put_languages(struct hin_html *html, const struct hin_framework *framework)
{
    static const char *const own_names[HIN_LANGUAGE_COUNT] = {"English", "日本語"};
    hin_html_put(html, "<p class=\"languages\">");
    for (unsigned i = 0; i < HIN_LANGUAGE_COUNT; i++) {
        hin_html_put(html, i > 0 ? " <a lang=\"" : "<a lang=\"");
        hin_html_put(html, hin_language_name((enum hin_language)i));
        hin_html_put(html, "\" hreflang=\"");
        hin_html_put(html, hin_language_name((enum hin_language)i));
        hin_html_put(html,
                     i == html->page->language ? "\" aria-current=\"page\" href=\"" : "\" href=\"");
        hin_html_name(html, framework, (enum hin_language)i);
        hin_html_put(html, "\">");
        hin_html_put(html, own_names[i]);
        hin_html_put(html, "</a>");
    }
    hin_html_put(html, "</p>\n");
}

void hin_html_begin(struct hin_html *html, const struct hin_framework *framework)
{
    hin_html_put(html, "<!DOCTYPE html>\n<html lang=\"");
    hin_html_put(html, hin_language_name(html->page->language));
    hin_html_put(html, "\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    put_title(html, framework);
    hin_html_put(html, "</title>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n");
    put_style(html);
    put_alternates(html, framework);
    hin_html_put(html, "</head>\n<body>\n<a class=\"skip\" href=\"#main\">");
    hin_html_word(html, HIN_WORD_SKIP);
    hin_html_put(html, "</a>\n<header>\n");
    if (!html->page->alone) {
        put_languages(html, framework);
    }
    hin_html_put(html, "<h1>");
    put_title(html, framework);
    hin_html_put(html, "</h1>\n");
}

static void put_fingerprint(struct hin_html *html)
{
    if (html->page->report->installation[0] == '\0') {
        return;
    }
    struct hin_view fingerprint = hin_view_from_text(html->page->report->installation);
    hin_html_put(html, "<p>");
    hin_html_word(html, HIN_WORD_VERIFY);
    hin_html_put(html, ": <code>hinomi evidence verify FILE --fingerprint F</code></p>\n<p>");
    hin_html_word(html, HIN_WORD_FINGERPRINT);
    hin_html_put(html, ": <code class=\"long\">");
    hin_html_text(html, fingerprint);
    hin_html_put(html, "</code></p>\n");
}

void hin_html_end(struct hin_html *html)
{
    char digest[HIN_SHA256_HEX_BYTES];
    hin_catalogue_digest(html->page->report->catalogue, digest);
    hin_html_put(html, "</main>\n<footer>\n");
    put_fingerprint(html);
    hin_html_put(html, "<p>");
    hin_html_word(html, HIN_WORD_CATALOGUE);
    hin_html_put(html, ": <code class=\"long\">");
    hin_html_put(html, digest);
    hin_html_put(html, "</code></p>\n<p>");
    if (!html->page->alone) {
        hin_html_put(html, "<a href=\"");
        hin_html_text(html, hin_view_from_text(html->page->prefix));
        hin_html_put(html, HIN_PAGE_DATA_NAME "\">");
        hin_html_word(html, HIN_WORD_AS_DATA);
        hin_html_put(html, "</a> · ");
    }
    hin_html_word(html, HIN_WORD_MADE_BY);
    hin_html_put(html, " " HIN_VERSION "</p>\n</footer>\n</body>\n</html>\n");
}
