/* The public pages: HTML without scripts, in each language. One page of every claim by service and
 * pillar, one a framework, one style sheet beside them; nothing is fetched from elsewhere, so
 * `Content-Security-Policy: default-src 'none'; style-src 'self'` fits. What evidence says is
 * escaped like everything else. Pure: a report in, bytes out. */
#ifndef HIN_TRUST_PAGE_H
#define HIN_TRUST_PAGE_H

#include "trust/report.h"

enum {
    HIN_PAGE_MAX = 8 * 1024 * 1024, /* what a caller's buffer should allow */
    HIN_PAGE_NAME_MAX = 96,
};
#define HIN_PAGE_STYLE_NAME "trust.css"
#define HIN_PAGE_DATA_NAME  "claims.json"

struct hin_page {
    const struct hin_report *report;
    enum hin_language language;
    const char *prefix; /* of links between pages: "" beside each other, "/trust/" on a server */
    bool alone;         /* one file by itself: its style within, every claim it names within */
};

/* "index.en.html", "pci-dss-4.0.1.ja.html"; framework NULL: the index. */
void hin_page_name(const struct hin_framework *framework, enum hin_language language,
                   char ret_name[HIN_PAGE_NAME_MAX]);
/* Which page goes by that name? *ret_framework NULL: the index. False: none. */
bool hin_page_find(const struct hin_catalogue *catalogue, struct hin_view name,
                   const struct hin_framework **ret_framework, enum hin_language *ret_language);

/* Append a page to `out`. LIMIT, NO_MEMORY. */
HIN_RESULT hin_page_index(const struct hin_page *page, struct hin_buf *out) HIN_NONNULL;
HIN_RESULT hin_page_framework(const struct hin_page *page, const struct hin_framework *framework,
                              struct hin_buf *out) HIN_NONNULL;
/* Static. */
struct hin_view hin_page_style(void);

#endif
