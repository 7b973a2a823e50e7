#include "pages.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"

enum { USABLE = PAGE - 8, LEAF = 13, INTERIOR = 5 };

static uint32_t number_at(const uint8_t *at, size_t bytes)
{
    uint32_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

static const uint8_t *varint(const uint8_t *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++, at++) {
        value = value << 7 | (*at & 0x7f);
        if (*at < 0x80) {
            *ret_value = value;
            return at + 1;
        }
    }
    *ret_value = value << 8 | *at;
    return at + 1;
}

static bool read_page(int fd, uint32_t number, uint8_t page[PAGE])
{
    return number > 0 && pread(fd, page, PAGE, (off_t)(number - 1) * PAGE) == PAGE;
}

static bool push(struct pages *pages, uint32_t number, enum page_kind kind, int64_t first,
                 int64_t last)
{
    if (pages->count == PAGES_MOST) {
        return false;
    }
    pages->list[pages->count++] = (struct page){number, kind, first, last};
    return true;
}

static bool walk_overflow(int fd, struct pages *pages, uint32_t number, int64_t row)
{
    uint8_t page[PAGE];
    while (number != 0) {
        if (!read_page(fd, number, page) || !push(pages, number, PAGE_OVERFLOW, row, row)) {
            return false;
        }
        number = number_at(page, 4);
    }
    return true;
}

static bool walk_leaf(int fd, struct pages *pages, uint32_t number, const uint8_t *page)
{
    size_t count = number_at(page + 3, 2), at = pages->count;
    int64_t first = 0, last = 0;
    if (!push(pages, number, PAGE_LEAF, 0, 0)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *cell = page + number_at(page + 8 + 2 * i, 2);
        uint64_t bytes = 0, row = 0;
        cell = varint(varint(cell, &bytes), &row);
        first = i == 0 ? (int64_t)row : first;
        last = (int64_t)row;
        if (bytes > USABLE - 35) {
            size_t least = (USABLE - 12) * 32 / 255 - 23;
            size_t local = least + (bytes - least) % (USABLE - 4);
            local = local <= USABLE - 35 ? local : least;
            if (!walk_overflow(fd, pages, number_at(cell + local, 4), last)) {
                return false;
            }
        }
    }
    pages->list[at].first = first;
    pages->list[at].last = last;
    return true;
}

static bool walk(int fd, struct pages *pages, uint32_t number, bool root)
{
    uint8_t page[PAGE];
    if (!read_page(fd, number, page) || (root && !push(pages, number, PAGE_ROOT, 0, 0))) {
        return false;
    }
    if (page[0] == LEAF) {
        return walk_leaf(fd, pages, number, page);
    }
    if (page[0] != INTERIOR || (!root && !push(pages, number, PAGE_INTERIOR, 0, 0))) {
        return false;
    }
    size_t count = number_at(page + 3, 2);
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = walk(fd, pages, number_at(page + number_at(page + 12 + 2 * i, 2), 4), false);
    }
    return good && walk(fd, pages, number_at(page + 8, 4), false);
}

uint32_t page_root(const struct fixture *f, const char *name)
{
    char path[600];
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    uint32_t root = 0;
    (void)snprintf(path, sizeof(path), "file:%s/t0.db?immutable=1", f->folder);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = ?1", -1, &select,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_text(select, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(select) == SQLITE_ROW) {
        root = (uint32_t)sqlite3_column_int64(select, 0);
    }
    (void)sqlite3_finalize(select);
    (void)sqlite3_close(db);
    return root;
}

bool pages_of(const struct fixture *f, const char *name, struct pages *ret_pages)
{
    int fd = openat(f->directory, "t0.db", O_RDONLY | O_CLOEXEC);
    ret_pages->count = 0;
    bool good = fd >= 0 && walk(fd, ret_pages, page_root(f, name), true);
    close(fd);
    return good;
}

const struct page *page_nth(const struct pages *pages, enum page_kind kind, size_t n)
{
    for (size_t i = 0; i < pages->count; i++) {
        if (pages->list[i].kind == kind && n-- == 0) {
            return &pages->list[i];
        }
    }
    return NULL;
}

bool page_flip(const struct fixture *f, uint32_t number)
{
    uint8_t byte = 0;
    off_t at = (off_t)(number - 1) * PAGE + 4000;
    int fd = openat(f->directory, "t0.db", O_RDWR | O_CLOEXEC);
    bool ok = fd >= 0 && pread(fd, &byte, 1, at) == 1;
    byte ^= 0x10;
    ok = ok && pwrite(fd, &byte, 1, at) == 1;
    close(fd);
    return ok;
}
