/* Salvage: what it brings back of each kind of damage, to the event; and that it may be cut off
 * anywhere. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/time.h"
#include "pages.h"

enum { SEGMENTS = 6, MANY = 24, EACH = 1000, ALL = SEGMENTS * EACH };

static HIN_RESULT fill(struct fixture *f, size_t segments)
{
    for (size_t i = 0; i < segments; i++) {
        struct hin_store_committed committed;
        HIN_TRY(commit_some(f, &(struct shape){1, 9 + i, 0, NOW, NULL}, EACH, NOW, &committed));
    }
    HIN_TRY(hin_store_checkpoint(f->store));
    fixture_close(f);
    return hin_ok();
}

/* The file as it is now, to put it back. */
struct saved {
    struct hin_buf bytes;
};
static HIN_RESULT save(const struct fixture *f, struct saved *saved)
{
    hin_buf_init(&saved->bytes, 64u << 20);
    return hin_file_read(f->directory, "t0.db", &saved->bytes);
}
static HIN_RESULT put_back(const struct fixture *f, const struct saved *saved)
{
    static const char *const beside[] = {
        "t0.db-wal",           "t0.db-shm",          "t0.db.salvaged",  "t0.db.damaged",
        "t0.db.damaged-wal",   "t0.db.damaged-shm",  "t0.db.damaged-2", "t0.db.damaged-3",
        "t0.db.damaged-2-wal", "t0.db.damaged-2-shm"};
    for (size_t i = 0; i < HIN_COUNT(beside); i++) {
        (void)unlinkat(f->directory, beside[i], 0);
    }
    return hin_file_replace(f->directory, "t0.db", hin_buf_view(&saved->bytes), 0600);
}

/* Readable, left out of the answer, told by the salvage: all agree. Then the file goes on. */
static void expect_lost(struct fixture *f, const struct hin_store_salvaged *salvaged, long all,
                        long lost)
{
    struct hin_store_report report = {0};
    struct hin_store_committed committed;
    struct hin_store_check check;
    CHECK_OK(fixture_open(f));
    CHECK_INT(search_count(f, &(struct hin_store_filter){0}, &report), all - lost);
    CHECK_INT(report.events_damaged, lost);
    CHECK_INT(salvaged->events_lost, lost);
    CHECK_OK(hin_store_check(f->store, &check));
    CHECK(check.structure_ok);
    CHECK_OK(commit_some(f, &(struct shape){1, 500, 0, NOW, NULL}, 3, NOW, &committed));
    CHECK_INT(committed.stored_count, 3);
    CHECK(committed.first_id == all + 1);
    CHECK(!hin_store_is_broken(f->store));
    fixture_close(f);
}

/* Each page in turn but the first: what is lost is told to the event, and nothing is lost that does
 * not lie on the page. */
TEST(test_store_salvage__any_page_costs_what_lies_on_it)
{
    struct fixture f = {0};
    struct saved whole;
    struct stat status;
    size_t none = 0, one = 0, several = 0, keys = 0;
    CHECK_OK(fixture_start(&f, "salvage"));
    CHECK_OK(fill(&f, SEGMENTS));
    CHECK_OK(save(&f, &whole));
    CHECK_INT(fstatat(f.directory, "t0.db", &status, 0), 0);
    for (uint32_t page = 2; page <= (uint32_t)(status.st_size / PAGE); page++) {
        struct hin_store_salvaged salvaged = {0};
        CHECK(page_flip(&f, page));
        struct hin_result result = salvage(&f, &salvaged);
        if (hin_is_ok(result)) {
            expect_lost(&f, &salvaged, ALL, (long)salvaged.events_lost);
            none += salvaged.events_lost == 0;
            one += salvaged.events_lost == EACH;
            several += salvaged.events_lost > EACH;
        } else {
            CHECK_CODE(result, CORRUPT);
            keys++;
        }
        CHECK_OK(put_back(&f, &whole));
    }
    printf("# %zu pages cost nothing, %zu a segment, %zu several, %zu the keys\n", none, one,
           several, keys);
    CHECK_INT(keys, 1);  /* the one page of the key table */
    CHECK(several <= 6); /* leaves of heads of 1,000 events, two or three on each */
    hin_buf_done(&whole.bytes);
    fixture_stop(&f);
}

static long rows_on(const struct page *page)
{
    return page->first == 0 ? 0 : (long)((page->last - page->first) / EACH + 1) * EACH;
}

/* Several pages of one kind at once. */
TEST(test_store_salvage__each_kind_of_page_of_segments)
{
    struct fixture f = {0};
    struct saved whole;
    struct hin_store_salvaged salvaged;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "kinds"));
    CHECK_OK(fill(&f, MANY));
    CHECK_OK(save(&f, &whole));
    CHECK(pages_of(&f, "body", pages));
    const struct page *last = NULL;
    for (size_t i = 0; page_nth(pages, PAGE_OVERFLOW, i) != NULL; i++) {
        last = page_nth(pages, PAGE_OVERFLOW, i);
    }
    const struct page *first = page_nth(pages, PAGE_OVERFLOW, 0);
    CHECK(first != NULL && last != NULL && first->first != last->first);
    /* Overflow pages of the first and the last: those between are not touched. */
    CHECK(page_flip(&f, first->number) && page_flip(&f, last->number));
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.tables_broken, 1);
    expect_lost(&f, &salvaged, MANY * EACH, 2 * EACH);
    CHECK_OK(put_back(&f, &whole));
    /* The root alone, which only leads to the rest: nothing is lost. */
    CHECK(page_nth(pages, PAGE_LEAF, 1) != NULL);
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number));
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.tables_broken, 1);
    expect_lost(&f, &salvaged, MANY * EACH, 0);
    CHECK_OK(put_back(&f, &whole));
    /* The root, a leaf, and an overflow page of a segment on another one. */
    const struct page *leaf = page_nth(pages, PAGE_LEAF, 0);
    CHECK(last->first > leaf->last);
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number) && page_flip(&f, leaf->number) &&
          page_flip(&f, last->number));
    CHECK_OK(salvage(&f, &salvaged));
    expect_lost(&f, &salvaged, MANY * EACH, rows_on(leaf) + EACH);
    CHECK_OK(put_back(&f, &whole));
    /* The table of the heads: a leaf, then its root with all below it. */
    CHECK(pages_of(&f, "segment", pages));
    leaf = page_nth(pages, PAGE_LEAF, 0);
    CHECK(page_nth(pages, PAGE_LEAF, 1) != NULL && leaf->first == 1);
    CHECK(page_flip(&f, leaf->number));
    CHECK_OK(salvage(&f, &salvaged));
    expect_lost(&f, &salvaged, MANY * EACH, rows_on(leaf));
    CHECK_OK(put_back(&f, &whole));
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number));
    CHECK_OK(salvage(&f, &salvaged));
    expect_lost(&f, &salvaged, MANY * EACH, 0);
    hin_buf_done(&whole.bytes);
    free(pages);
    fixture_stop(&f);
}

/* Where a module went there are gaps between the segments: they are no loss. */
TEST(test_store_salvage__what_retention_dropped_is_not_told)
{
    static const unsigned modules[2][1] = {{HIN_MODULE_LOG_INSPECTION}, {HIN_MODULE_MANAGER}};
    struct fixture f = {0};
    struct hin_retention keep = {0};
    struct hin_retention_round round = {0};
    struct hin_retained done;
    struct hin_store_salvaged salvaged;
    struct hin_store_report report;
    struct hin_store_committed committed;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "intended"));
    for (size_t i = 0; i < MANY; i++) {
        CHECK_OK(commit_modules(&f, modules[i % 2], 1, &(struct shape){1, 9 + i, 0, NOW, NULL},
                                EACH, NOW + (int64_t)i * HIN_DAY_USEC, &committed));
    }
    keep.keep_days[HIN_MODULE_MANAGER] = 1;
    CHECK_OK(hin_store_retain(f.store, NOW + (MANY + 2) * HIN_DAY_USEC, &keep, 0, &round, &done));
    CHECK_INT(done.segments_dropped, MANY / 2);
    CHECK_OK(hin_store_checkpoint(f.store));
    fixture_close(&f);
    CHECK(pages_of(&f, "segment", pages));
    const struct page *leaf = page_nth(pages, PAGE_LEAF, 0);
    CHECK(leaf != NULL);
    long lost = (long)((leaf->last - leaf->first) / (2 * EACH) + 1) * EACH;
    CHECK(lost < MANY / 2 * EACH);
    CHECK(page_flip(&f, leaf->number));
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.events_lost, lost);
    CHECK_OK(fixture_open(&f));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, &report), MANY / 2 * EACH - lost);
    CHECK_INT(report.events_damaged, lost);
    /* What stands for the lost ones may be of any module: it stays until all is over. */
    CHECK_OK(hin_store_retain(f.store, NOW + 99 * HIN_DAY_USEC, &keep, 0, &round, &done));
    CHECK_INT(done.events, 0);
    free(pages);
    fixture_stop(&f);
}

/* A second salvage tells only what is new; what the first lost and no event has said yet stays
 * told. */
TEST(test_store_salvage__what_is_lost_is_told_once)
{
    struct fixture f = {0};
    struct hin_store_salvaged salvaged;
    struct hin_store_salvages salvages;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "twice"));
    CHECK_OK(fill(&f, SEGMENTS));
    CHECK(pages_of(&f, "body", pages));
    CHECK(page_flip(&f, page_nth(pages, PAGE_OVERFLOW, 0)->number));
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.events_lost, EACH);
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.events_lost, EACH); /* no event told it */
    CHECK_OK(fixture_open(&f));
    CHECK_OK(hin_store_salvages(f.store, &salvages));
    CHECK_INT(salvages.count, 2);
    CHECK_INT(salvages.last.events_lost, EACH);
    CHECK_OK(hin_store_salvages_told(f.store, 2));
    fixture_close(&f);
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.events_lost, 0);
    CHECK_INT(salvaged.tables_broken, 0);
    CHECK_OK(fixture_open(&f));
    CHECK_OK(hin_store_salvages(f.store, &salvages));
    CHECK_INT(salvages.count, 3);
    CHECK_INT(salvages.last_usec, NOW);
    free(pages);
    fixture_stop(&f);
}

/* A page that leads to all bodies is damaged: no commit, merge or check takes that for damage of
 * the segments it cannot reach. */
TEST(test_store_salvage__what_is_only_out_of_reach_is_not_marked)
{
    struct fixture f = {0};
    struct hin_store_salvaged salvaged;
    struct hin_store_committed committed;
    struct hin_store_stats stats;
    struct hin_store_check check;
    struct hin_store_report report;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "reach"));
    for (size_t i = 0; i < MANY; i++) { /* the last ones stand in the tail */
        CHECK_OK(commit_some(&f, &(struct shape){1, 9 + i, 0, NOW, NULL}, i < MANY - 3 ? 1000 : 300,
                             NOW, &committed));
    }
    fixture_close(&f);
    CHECK(pages_of(&f, "body", pages));
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number));
    CHECK_OK(fixture_open(&f));
    CHECK(!hin_is_ok(commit_some(&f, &(struct shape){1, 99, 0, NOW, NULL}, 300, NOW, &committed)));
    CHECK(hin_store_is_broken(f.store));
    HIN_IGNORE(hin_store_maintain(f.store, NOW + 10, 5));
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK_INT(check.segments_damaged, MANY);
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.segments_damaged, 0);
    fixture_close(&f);
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.events_lost, 0);
    CHECK_OK(fixture_open(&f));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, &report), (MANY - 3) * EACH + 900);
    CHECK_INT(report.events_damaged, 0);
    free(pages);
    fixture_stop(&f);
}

/* Marked as damaged while a page of it could not be read, which now can: it is there again. */
TEST(test_store_salvage__a_mark_in_vain_goes)
{
    struct fixture f = {0};
    struct hin_store_salvaged salvaged;
    struct hin_store_check check;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "in_vain"));
    CHECK_OK(fill(&f, SEGMENTS));
    CHECK(pages_of(&f, "body", pages));
    uint32_t number = page_nth(pages, PAGE_OVERFLOW, 0)->number;
    CHECK(page_flip(&f, number));
    CHECK_OK(fixture_open(&f));
    CHECK_OK(hin_store_check(f.store, &check));
    CHECK_INT(check.segments_damaged, 1);
    CHECK(!hin_store_is_broken(f.store));
    fixture_close(&f);
    CHECK(page_flip(&f, number));
    CHECK_OK(salvage(&f, &salvaged));
    expect_lost(&f, &salvaged, ALL, 0);
    free(pages);
    fixture_stop(&f);
}

/* The one page of the key table: nothing can be opened without it, so nothing is exchanged, and the
 * reason says what to do. */
TEST(test_store_salvage__lost_keys_are_said)
{
    struct fixture f = {0};
    struct stat status;
    struct hin_error error = {0};
    struct hin_store_salvaged salvaged;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "lost_keys"));
    CHECK_OK(fill(&f, SEGMENTS));
    CHECK(pages_of(&f, "key", pages));
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number));
    struct hin_store_options options = {.directory = f.directory, .tenant = "t0"};
    CHECK_CODE(hin_store_salvage_make(&options, NOW, &salvaged, &error), CORRUPT);
    CHECK(strstr(error.text, "wrapped data keys") != NULL);
    CHECK(strstr(error.text, "backup") != NULL);
    CHECK(!hin_store_salvage_is_made(&options));
    CHECK_CODE(hin_store_salvage_take(&options), NOT_FOUND);
    CHECK(fstatat(f.directory, "t0--.db", &status, 0) != 0);
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number)); /* the backup */
    CHECK_OK(fixture_open(&f));
    CHECK_INT(search_count(&f, &(struct hin_store_filter){0}, NULL), ALL);
    free(pages);
    fixture_stop(&f);
}

/* Enough keys that the table has pages below its root, which is lost: they are there. */
TEST(test_store_salvage__keys_below_a_lost_root_come_back)
{
    struct fixture f = {0};
    struct hin_store_salvaged salvaged;
    struct pages *pages = calloc(1, sizeof(*pages));
    uint8_t id[HIN_SEAL_KEY_ID_BYTES] = {0};
    struct hin_buf wrapped;
    uint32_t version = 0;
    CHECK(pages != NULL);
    hin_buf_init(&wrapped, 1000);
    CHECK_OK(fixture_start(&f, "many_keys"));
    for (uint8_t i = 0; i < 200; i++) {
        static const uint8_t filler[100] = {1};
        id[0] = i;
        CHECK_OK(hin_store_key_put(f.store, id, 1, hin_view_of(filler, sizeof(filler)), NOW));
    }
    CHECK_OK(fill(&f, SEGMENTS));
    CHECK(pages_of(&f, "key", pages));
    CHECK(page_nth(pages, PAGE_LEAF, 1) != NULL);
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number));
    CHECK_OK(salvage(&f, &salvaged));
    expect_lost(&f, &salvaged, ALL, 0);
    CHECK_OK(fixture_open(&f));
    for (uint8_t i = 0; i < 200; i++) {
        id[0] = i;
        hin_buf_clear(&wrapped);
        CHECK_OK(hin_store_key_get(f.store, id, &wrapped, &version));
        CHECK_INT(wrapped.size, 100);
    }
    hin_buf_done(&wrapped);
    free(pages);
    fixture_stop(&f);
}

/* Each data key stands on pages of two tables: neither's pages cost anything, all of one table's at
 * once neither. */
TEST(test_store_salvage__data_keys_stand_twice)
{
    static const char *const tables[] = {"data_key", "data_key_again"};
    struct fixture f = {0};
    struct saved whole;
    struct pages *pages = calloc(1, sizeof(*pages));
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "data_keys"));
    for (size_t i = 0; i < 300; i++) { /* keys on several pages */
        CHECK_OK(hin_store_agent_blob(f.store, (int64_t)i + 1, HIN_VIEW("facts")));
    }
    CHECK_OK(fill(&f, SEGMENTS));
    CHECK_OK(save(&f, &whole));
    for (size_t t = 0; t < HIN_COUNT(tables); t++) {
        struct hin_store_salvaged salvaged;
        struct hin_store_agent agent;
        struct hin_buf blob;
        size_t leaves = 0;
        CHECK(pages_of(&f, tables[t], pages));
        for (const struct page *page; (page = page_nth(pages, PAGE_LEAF, leaves)) != NULL;
             leaves++) {
            CHECK(page_flip(&f, page->number));
        }
        CHECK(leaves > 3);
        CHECK_OK(salvage(&f, &salvaged));
        CHECK_INT(salvaged.tables_broken, 0);
        expect_lost(&f, &salvaged, ALL, 0);
        hin_buf_init(&blob, 1000);
        CHECK_OK(fixture_open(&f));
        for (int64_t id = 1; id <= 300; id++) {
            hin_buf_clear(&blob);
            CHECK_OK(hin_store_agent_get(f.store, id, &blob, &agent));
            CHECK(hin_view_equal(agent.blob, HIN_VIEW("facts")));
        }
        fixture_close(&f);
        hin_buf_done(&blob);
        CHECK_OK(put_back(&f, &whole));
    }
    hin_buf_done(&whole.bytes);
    free(pages);
    fixture_stop(&f);
}

/* A document that was deleted is not brought back from a page that was freed, and a name whose
 * document is lost can be given again. */
TEST(test_store_salvage__documents)
{
    static uint8_t text[3000];
    struct fixture f = {0};
    struct hin_store_salvaged salvaged;
    struct pages *pages = calloc(1, sizeof(*pages));
    struct hin_buf buf;
    int64_t id = 0, found = 0;
    CHECK(pages != NULL);
    hin_buf_init(&buf, 1u << 20);
    hin_fill(text, 'x', sizeof(text));
    CHECK_OK(fixture_start(&f, "documents"));
    for (int i = 0; i < 40; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", i);
        struct hin_store_content content = {.bytes = hin_view_of(text, sizeof(text)),
                                            .names = {hin_view_from_text(name)}};
        CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    }
    for (int i = 11; i <= 30; i++) {
        CHECK_OK(hin_store_delete(f.store, HIN_STORE_COMPUTERS, i, 0));
    }
    CHECK_OK(hin_store_checkpoint(f.store));
    fixture_close(&f);
    CHECK(pages_of(&f, "document", pages));
    const struct page *leaf = page_nth(pages, PAGE_LEAF, 0);
    CHECK(page_nth(pages, PAGE_LEAF, 1) != NULL && leaf->first == 1 && leaf->last < 10);
    CHECK(page_flip(&f, page_nth(pages, PAGE_ROOT, 0)->number) && page_flip(&f, leaf->number));
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.tables_broken, 1);
    CHECK_OK(fixture_open(&f));
    for (id = 1; id <= 40; id++) {
        struct hin_store_document document;
        hin_buf_clear(&buf);
        bool there = id > leaf->last && (id <= 10 || id > 30);
        struct hin_result got = hin_store_get(f.store, HIN_STORE_COMPUTERS, id, &buf, &document);
        CHECK(there ? hin_is_ok(got) : got.code == HIN_NOT_FOUND);
        found += there;
    }
    CHECK_INT(found, 20 - leaf->last);
    struct hin_store_content content = {.bytes = HIN_VIEW("{}"), .names = {HIN_VIEW("n0")}};
    CHECK_OK(hin_store_create(f.store, HIN_STORE_COMPUTERS, &content, NOW, &id));
    CHECK_INT(id, 41);
    hin_buf_done(&buf);
    free(pages);
    fixture_stop(&f);
}

/* --- cut off --- */

/* Calls that change a folder or make a change durable, counted by the functions below, which stand
 * before those of the C library (SQLite's too): the process ends in front of the last one. */
static long calls_left = -1;
static void one_call(void)
{
    if (calls_left > 0 && --calls_left == 0) {
        _exit(9);
    }
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    one_call();
    return renameat2(from_fd, from, to_fd, to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
    one_call();
    return (int)syscall(SYS_unlinkat, fd, name, flags);
}

int unlink(const char *name)
{
    one_call();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, name, 0);
}

int fsync(int fd)
{
    one_call();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    one_call();
    return (int)syscall(SYS_fdatasync, fd);
}

/* What a start of the manager does: a mark says that a salvage is due, or the finished file. */
static HIN_RESULT go_on(const struct fixture *f)
{
    struct hin_store_options options = {.directory = f->directory, .tenant = "t0"};
    struct hin_store_salvaged salvaged;
    struct hin_error error = {0};
    struct stat status;
    if (!hin_store_salvage_is_made(&options)) {
        if (fstatat(f->directory, "t0.damage", &status, 0) != 0) {
            return hin_ok();
        }
        HIN_TRY(hin_store_salvage_make(&options, NOW, &salvaged, &error));
    }
    (void)unlinkat(f->directory, "t0.damage", 0);
    HIN_TRY(hin_directory_sync(f->directory));
    return hin_store_salvage_take(&options);
}

/* In a process that ends before call `n`: 9; 0: it came to its end before that. */
static int killed_before(const struct fixture *f, long n)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        calls_left = n;
        _exit(hin_is_ok(go_on(f)) ? 0 : 1);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_all_but(struct fixture *f, long lost, uint64_t salvages)
{
    struct hin_store_report report = {0};
    struct hin_store_salvages told;
    struct hin_store_check check;
    struct stat status;
    CHECK(fstatat(f->directory, "t0.db-wal", &status, 0) != 0);
    CHECK_OK(fixture_open(f));
    CHECK_INT(search_count(f, &(struct hin_store_filter){0}, &report), ALL - lost);
    CHECK_INT(report.events_damaged, lost);
    CHECK_OK(hin_store_salvages(f->store, &told));
    CHECK_INT(told.count, salvages);
    CHECK_INT(told.last.events_lost, lost);
    CHECK_OK(hin_store_check(f->store, &check));
    CHECK(check.structure_ok);
    CHECK_INT(check.segments, SEGMENTS);
    fixture_close(f);
}

/* A file of which only the log has what came last, as a crash leaves it, with a damaged page. */
static HIN_RESULT crashed(struct fixture *f, const char *name, struct saved *file,
                          struct saved *wal)
{
    struct pages *pages = calloc(1, sizeof(*pages));
    HIN_ENSURE(pages != NULL, NO_MEMORY);
    HIN_TRY(fixture_start(f, name));
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct hin_store_committed committed;
        HIN_TRY(commit_some(f, &(struct shape){1, 9 + i, 0, NOW, NULL}, EACH, NOW, &committed));
        if (i == 3) {
            HIN_TRY(hin_store_checkpoint(f->store));
        }
    }
    hin_buf_init(&file->bytes, 64u << 20);
    hin_buf_init(&wal->bytes, 64u << 20);
    HIN_TRY(hin_file_read(f->directory, "t0.db", &file->bytes));
    HIN_TRY(hin_file_read(f->directory, "t0.db-wal", &wal->bytes));
    HIN_ENSURE(wal->bytes.size > 0, INTERNAL);
    fixture_close(f);
    HIN_TRY(put_back(f, file));
    HIN_ENSURE(pages_of(f, "body", pages), INTERNAL);
    HIN_ENSURE(page_flip(f, page_nth(pages, PAGE_OVERFLOW, 0)->number), IO);
    free(pages);
    hin_buf_done(&file->bytes);
    return save(f, file);
}

static HIN_RESULT lay_out(const struct fixture *f, const struct saved *file,
                          const struct saved *wal)
{
    HIN_TRY(put_back(f, file));
    HIN_TRY(hin_file_replace(f->directory, "t0.damage", HIN_VIEW_EMPTY, 0600));
    return hin_file_replace(f->directory, "t0.db-wal", hin_buf_view(&wal->bytes), 0600);
}

/* Killed in front of every call that changes a file's name or makes it durable, from the first page
 * read to the last rename; then gone on with. */
TEST(test_store_salvage__killed_at_every_step)
{
    struct fixture f = {0};
    struct saved file, wal;
    struct stat status;
    long steps = 0, made = 0;
    CHECK_OK(crashed(&f, "steps", &file, &wal));
    for (bool more = true; more; steps++) {
        CHECK_OK(lay_out(&f, &file, &wal));
        int ended = killed_before(&f, steps + 1);
        CHECK(ended == 0 || ended == 9);
        more = ended == 9;
        if (more) {
            struct hin_store_options options = {.directory = f.directory, .tenant = "t0"};
            made += hin_store_salvage_is_made(&options);
            CHECK_OK(go_on(&f));
        }
        expect_all_but(&f, EACH, 1);
        CHECK_INT(fstatat(f.directory, "t0.db.damaged", &status, 0), 0);
    }
    printf("# %ld steps, %ld of them in the exchange\n", steps - 1, made);
    CHECK(steps > 12 && made >= 8);
    hin_buf_done(&file.bytes);
    hin_buf_done(&wal.bytes);
    fixture_stop(&f);
}

/* The finished file is there; of the damaged one any of its three files still stands in its place,
 * as a power cut that kept only some renames leaves them, and the exchange is cut off once more. */
TEST(test_store_salvage__any_file_of_the_damaged_one_is_left_over)
{
    static const char *const parts[] = {"t0.db", "t0.db-wal", "t0.db-shm"};
    struct fixture f = {0};
    struct saved file, wal, finished;
    long steps = 0;
    CHECK_OK(crashed(&f, "left_over", &file, &wal));
    CHECK_OK(lay_out(&f, &file, &wal));
    CHECK_OK(go_on(&f));
    CHECK_OK(save(&f, &finished));
    struct hin_view contents[] = {hin_buf_view(&file.bytes), hin_buf_view(&wal.bytes),
                                  HIN_VIEW("left over")};
    for (unsigned left = 0; left < 8; left++) {
        bool more = true;
        for (long n = 1; more; n++, steps++) {
            CHECK_OK(put_back(&f, &file));
            CHECK_INT(unlinkat(f.directory, "t0.db", 0), 0);
            for (size_t i = 0; i < HIN_COUNT(parts); i++) {
                if ((left >> i & 1) != 0) {
                    CHECK_OK(hin_file_replace(f.directory, parts[i], contents[i], 0600));
                }
            }
            CHECK_OK(hin_file_replace(f.directory, "t0.db.salvaged", hin_buf_view(&finished.bytes),
                                      0600));
            int ended = killed_before(&f, n);
            CHECK(ended == 0 || ended == 9);
            more = ended == 9;
            if (more) {
                CHECK_OK(go_on(&f));
            }
            expect_all_but(&f, EACH, 1);
        }
    }
    printf("# %ld ways\n", steps);
    hin_buf_done(&file.bytes);
    hin_buf_done(&wal.bytes);
    hin_buf_done(&finished.bytes);
    fixture_stop(&f);
}

/* A large file goes piece by piece, so that nobody waits for it; so do those of earlier salvages.
 */
TEST(test_store_erase__large_and_damaged_files_go_piece_by_piece)
{
    static const char *const names[] = {"t.db",          "t.db-wal", "t.db.damaged-2",
                                        "t.db.salvaged", "t.damage", "u.db"};
    struct hin_store_options options = {.tenant = "t"};
    struct hin_error error = {0};
    int steps = 0;
    bool done = false;
    HIN_CLEANUP_FD int directory = open(test_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(directory >= 0);
    options.directory = directory;
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        HIN_CLEANUP_FD int fd = openat(directory, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        CHECK(fd >= 0 && ftruncate(fd, i == 0 ? (off_t)600 << 20 : 4096) == 0);
    }
    for (; !done && steps < 10; steps++) {
        CHECK_OK(hin_store_erase(&options, &done, &error));
    }
    CHECK_INT(steps, 3); /* 600 MiB: two pieces, then the rest */
    for (size_t i = 0; i < HIN_COUNT(names); i++) {
        bool there = faccessat(directory, names[i], F_OK, 0) == 0;
        CHECK(there == (names[i][0] == 'u'));
    }
}

/* The token of its generation stands twice: whichever page is lost, the salvaged store is not taken
 * for one that was set back. */
TEST(test_store_salvage__the_generation_survives_any_page)
{
    struct fixture f = {0};
    struct saved whole;
    struct stat status;
    struct hin_view token = HIN_VIEW("a token of forty-one bytes, as they all a");
    int meta = 0, again = 0;
    CHECK_OK(fixture_start(&f, "generation_pages"));
    CHECK_OK(hin_store_generation_move(f.store, HIN_VIEW_EMPTY, token));
    CHECK_OK(fill(&f, 1));
    CHECK_OK(save(&f, &whole));
    CHECK_INT(fstatat(f.directory, "t0.db", &status, 0), 0);
    uint32_t meta_page = page_root(&f, "meta"), again_page = page_root(&f, "sequence");
    for (uint32_t page = 2; page <= (uint32_t)(status.st_size / PAGE); page++) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf found = {.max = HIN_STORE_GENERATION_BYTES};
        struct hin_store_salvaged salvaged = {0};
        CHECK(page_flip(&f, page));
        struct hin_result result = salvage(&f, &salvaged);
        if (hin_is_ok(result)) {
            CHECK_OK(fixture_open(&f));
            CHECK_OK(hin_store_generation_get(f.store, &found));
            CHECK(hin_view_equal(hin_buf_view(&found), token));
            fixture_close(&f);
            meta += page == meta_page;
            again += page == again_page;
        }
        CHECK_OK(put_back(&f, &whole));
    }
    CHECK_INT(meta, 1);
    CHECK_INT(again, 1);
    hin_buf_done(&whole.bytes);
    fixture_stop(&f);
}
