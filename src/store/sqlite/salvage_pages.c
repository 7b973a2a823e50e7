/* Which pages of a damaged file hold rows. SQLite finds rows from the root of their table down:
 * what hangs below a damaged page is whole but out of its reach. The few bytes looked at here are
 * those of "Database File Format" at sqlite.org: a page's kind, and the list of freed pages. Rows
 * themselves are read by SQLite. */
#include <stdlib.h>

#include "base/bytes.h"
#include "store/sqlite/salvage.h"

enum {
    KIND_ROWS = 13, /* a leaf of a table with row numbers */
    AT_COUNT = 3,   /* u16: rows on the page */
    AT_FREE = 32,   /* in the first page: u32, the first page of the list of freed ones */
    FREE_HEAD = 8,  /* of a page of that list: u32 next, u32 count, then as many page numbers */
    FREE_MOST = (HIN_VFS_PAGE_BYTES - HIN_VFS_CHECKSUM_BYTES - FREE_HEAD) / 4,
};

struct scan {
    sqlite3_file *file;
    uint32_t page_count;
    uint8_t *is_free; /* a byte a page */
    uint8_t page[HIN_VFS_PAGE_BYTES];
};

static uint32_t big_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* By way of our VFS: a damaged page fails. */
static bool read_page(struct scan *scan, uint32_t number)
{
    return number > 0 && number <= scan->page_count &&
           scan->file->pMethods->xRead(scan->file, scan->page, HIN_VFS_PAGE_BYTES,
                                       (sqlite3_int64)(number - 1) * HIN_VFS_PAGE_BYTES) ==
               SQLITE_OK;
}

/* False: the list is cut off by a damaged page of its own. */
static bool note_free(struct scan *scan)
{
    if (!read_page(scan, 1)) {
        return false;
    }
    uint32_t next = big_u32(scan->page + AT_FREE);
    for (uint32_t steps = 0; next != 0; steps++) {
        if (steps > scan->page_count || !read_page(scan, next)) {
            return false;
        }
        scan->is_free[next - 1] = 1;
        uint32_t count = big_u32(scan->page + 4);
        if (count > FREE_MOST) {
            return false;
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t number = big_u32(scan->page + FREE_HEAD + 4 * (size_t)i);
            if (number > 0 && number <= scan->page_count) {
                scan->is_free[number - 1] = 1;
            }
        }
        next = big_u32(scan->page);
    }
    return true;
}

static HIN_RESULT push(struct hin_salvage_pages *pages, size_t *capacity, uint32_t number)
{
    if (pages->count == *capacity) {
        size_t more = *capacity > 0 ? *capacity * 2 : 256;
        uint32_t *leaves = realloc(pages->leaves, more * sizeof(*leaves));
        HIN_ENSURE(leaves != NULL, NO_MEMORY);
        pages->leaves = leaves;
        *capacity = more;
    }
    pages->leaves[pages->count++] = number;
    return hin_ok();
}

static HIN_RESULT scan_all(struct scan *scan, struct hin_salvage_pages *pages)
{
    size_t capacity = 0;
    pages->free_known = note_free(scan);
    for (uint32_t number = 2; number <= scan->page_count; number++) {
        if (scan->is_free[number - 1] == 0 && read_page(scan, number) &&
            scan->page[0] == KIND_ROWS &&
            (scan->page[AT_COUNT] != 0 || scan->page[AT_COUNT + 1] != 0)) {
            HIN_TRY(push(pages, &capacity, number));
        }
    }
    return hin_ok();
}

HIN_RESULT hin_salvage_pages_init(struct hin_salvage_pages *pages, sqlite3 *db)
{
    sqlite3_int64 bytes = 0;
    *pages = (struct hin_salvage_pages){0};
    struct scan *scan = calloc(1, sizeof(*scan));
    HIN_ENSURE(scan != NULL, NO_MEMORY);
    struct hin_result result = hin_fail(HIN_IO);
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &scan->file) == SQLITE_OK &&
        scan->file->pMethods->xFileSize(scan->file, &bytes) == SQLITE_OK &&
        bytes / HIN_VFS_PAGE_BYTES <= UINT32_MAX - 1) {
        scan->page_count = (uint32_t)(bytes / HIN_VFS_PAGE_BYTES);
        scan->is_free = calloc((size_t)scan->page_count + 1, 1);
        result = scan->is_free != NULL ? scan_all(scan, pages) : hin_fail(HIN_NO_MEMORY);
    }
    free(scan->is_free);
    free(scan);
    if (!hin_is_ok(result)) {
        hin_salvage_pages_done(pages);
    }
    return result;
}

void hin_salvage_pages_done(struct hin_salvage_pages *pages)
{
    free(pages->leaves);
    *pages = (struct hin_salvage_pages){0};
}
