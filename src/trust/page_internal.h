/* What the pages share: a writer whose first failure sticks, so that calls between need no check.
 */
#ifndef HIN_TRUST_PAGE_INTERNAL_H
#define HIN_TRUST_PAGE_INTERNAL_H

#include "trust/page.h"
#include "trust/words.h"

struct hin_html {
    const struct hin_page *page;
    struct hin_buf *out;
    enum hin_code failure;
};

void hin_html_put(struct hin_html *html, const char *markup);    /* ours, as it is */
void hin_html_text(struct hin_html *html, struct hin_view text); /* anybody's, escaped */
void hin_html_word(struct hin_html *html, enum hin_word word);   /* in the page's language */
void hin_html_number(struct hin_html *html, size_t number);
void hin_html_name(struct hin_html *html, const struct hin_framework *framework,
                   enum hin_language language); /* a page's address */

/* Everything before and after what is in <main>. framework NULL: the index. */
void hin_html_begin(struct hin_html *html, const struct hin_framework *framework);
void hin_html_end(struct hin_html *html);

void hin_html_badge(struct hin_html *html, enum hin_claim_status status);
/* One claim with its evidence. */
void hin_html_claim(struct hin_html *html, const struct hin_claim *claim,
                    const struct hin_claim_state *state);

#endif
