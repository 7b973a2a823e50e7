/* Which page of a closed database is what: walks one table by the file format (sqlite.org,
 * "Database File Format"), so that a test can damage a page of one kind on purpose. */
#ifndef HIN_TESTS_STORE_PAGES_H
#define HIN_TESTS_STORE_PAGES_H

#include "fixture.h"

enum { PAGE = 8192, PAGES_MOST = 4096 };

enum page_kind { PAGE_ROOT, PAGE_INTERIOR, PAGE_LEAF, PAGE_OVERFLOW };
struct page {
    uint32_t number; /* from 1 */
    enum page_kind kind;
    int64_t first, last; /* rows on a leaf; the row that an overflow page belongs to */
};
struct pages {
    struct page list[PAGES_MOST];
    size_t count;
};
/* All pages of table `name` of t0.db; false: it has none, or too many. A root that is a leaf too is
 * listed as both. */
bool pages_of(const struct fixture *f, const char *name, struct pages *ret_pages);
/* The first page of a table or index, or 0. */
uint32_t page_root(const struct fixture *f, const char *name);
/* The n-th of a kind (from 0), or NULL. */
const struct page *page_nth(const struct pages *pages, enum page_kind kind, size_t n);
/* Flips a bit in the middle of page `number`; a second time mends it. */
bool page_flip(const struct fixture *f, uint32_t number);

#endif
