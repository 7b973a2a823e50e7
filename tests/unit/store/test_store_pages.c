/* One kind of page damaged at a time, each on purpose: which way it takes, and what it costs, to
 * the event. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/time.h"
#include "pages.h"

/* Every event once and every damaged segment once, through pages of 7 events. */
static void expect_paged(struct fixture *f, long found_wanted, uint64_t damaged_wanted)
{
    struct hin_store_filter filter = {.limit = 7};
    struct hin_store_report report = {.more = true};
    uint64_t damaged = 0;
    long found = 0;
    while (report.more) {
        long count = search_count(f, &filter, &report);
        CHECK(count >= 0);
        found += count;
        damaged += report.events_damaged;
        filter.after_id = report.resume_id;
    }
    CHECK_INT(found, found_wanted);
    CHECK_INT(damaged, damaged_wanted);
}

/* The n-th of three segments of the tail goes on in a page that is damaged: what is committed
 * meanwhile, a merge that meets it, and copies of what it held are all taken. */
static void damage_tail(const char *folder, size_t n, bool by_check)
{
    struct fixture f = {0};
    struct pages *pages = calloc(1, sizeof(*pages));
    struct hin_store_committed committed;
    struct hin_store_check check;
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, folder));
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(
            commit_some(&f, &(struct shape){1, 9, i * 100000, NOW, NULL}, 300, NOW, &committed));
    }
    fixture_close(&f);
    CHECK(pages_of(&f, "body", pages));
    const struct page *page = page_nth(pages, PAGE_OVERFLOW, 0);
    for (size_t i = 1; page != NULL && page->first != (int64_t)n * 300 + 1; i++) {
        page = page_nth(pages, PAGE_OVERFLOW, i);
    }
    CHECK(page != NULL);
    CHECK(page_flip(&f, page->number));
    CHECK_OK(fixture_open(&f));
    expect_paged(&f, 600, 300);
    if (by_check) {
        CHECK_OK(hin_store_check(f.store, &check));
        CHECK_INT(check.segments_damaged, 1);
    }
    for (size_t i = 0; i < 8; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, 300000 + i * 100000, NOW, NULL}, 200, NOW,
                             &committed));
        CHECK_INT(committed.stored_count, 200);
        expect_paged(&f, 600 + 200 * (long)(i + 1), 300);
    }
    CHECK_OK(hin_store_maintain(f.store, NOW + 10, 5));
    expect_paged(&f, 2200, 300);
    CHECK(!hin_store_is_broken(f.store));
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, n * 100000, NOW, NULL}, 4, NOW, &committed));
    CHECK_INT(committed.stored_count, 4); /* what was lost may come again */
    CHECK_OK(commit_some(&f, &(struct shape){1, 9, (n + 1) % 3 * 100000, NOW, NULL}, 4, NOW,
                         &committed));
    CHECK_INT(committed.copy_count, 4);
    CHECK(!hin_store_is_broken(f.store));
    expect_paged(&f, 2204, 300);
    free(pages);
    fixture_stop(&f);
}

TEST(test_store_pages__a_damaged_page_of_the_tail_stops_no_commit)
{
    damage_tail("tail_first", 0, false);
    damage_tail("tail_middle", 1, false);
    damage_tail("tail_last", 2, false);
    damage_tail("checked_middle", 1, true);
    damage_tail("checked_last", 2, true);
}

struct kind {
    const char *table;
    enum page_kind kind;
    bool isolated; /* else the handle is broken by it, and the file is salvaged */
    long lost; /* by a search, before any salvage; -1: the search fails, or only a salvage knows */
};

/* The way that each kind of page takes, once met by a search. */
TEST(test_store_pages__each_kind_has_one_way)
{
    static const struct kind kinds[] = {
        {"body", PAGE_OVERFLOW, true, 1000},
        {"body", PAGE_LEAF, false, -1},
        {"body", PAGE_ROOT, false, -1},
        {"segment", PAGE_OVERFLOW, true, 8000},
        {"segment", PAGE_LEAF, false, -1},
        {"segment", PAGE_ROOT, false, -1},
        {"segment_directory", PAGE_ROOT, false, -1},
    };
    struct fixture f = {0};
    struct pages *pages = calloc(1, sizeof(*pages));
    struct hin_store_committed committed;
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "kinds"));
    for (size_t i = 0; i < 24; i++) { /* the last with so many tokens that its head goes on */
        CHECK_OK(commit_some(&f, &(struct shape){1, 9 + i, 0, NOW, NULL}, i < 23 ? 1000 : 8000, NOW,
                             &committed));
    }
    fixture_close(&f);
    for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
        struct hin_store_report report = {0};
        bool index = strchr(kinds[i].table, '_') != NULL;
        CHECK(index || pages_of(&f, kinds[i].table, pages));
        uint32_t number =
            index ? page_root(&f, kinds[i].table) : page_nth(pages, kinds[i].kind, 0)->number;
        CHECK(page_flip(&f, number));
        CHECK_OK(fixture_open(&f));
        long count = search_count(&f, &(struct hin_store_filter){0}, &report);
        CHECK(hin_store_is_broken(f.store) == !kinds[i].isolated);
        if (kinds[i].isolated) {
            CHECK_INT(report.events_damaged, kinds[i].lost);
            CHECK_INT(count, 31000 - kinds[i].lost);
        } else {
            CHECK(count < 0 || count + (long)report.events_damaged == 31000);
        }
        fixture_close(&f);
        CHECK(page_flip(&f, number));
    }
    free(pages);
    fixture_stop(&f);
}

/* A body that cannot be freed keeps nothing from being dropped, and costs no salvage. */
TEST(test_store_pages__retention_goes_past_a_damaged_body)
{
    struct fixture f = {0};
    struct pages *pages = calloc(1, sizeof(*pages));
    struct hin_store_committed committed;
    struct hin_store_stats stats;
    uint64_t dropped = 0;
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "retain"));
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9 + i, 0, NOW, NULL}, 1000, NOW, &committed));
    }
    fixture_close(&f);
    CHECK(pages_of(&f, "body", pages));
    CHECK(page_flip(&f, page_nth(pages, PAGE_OVERFLOW, 0)->number));
    CHECK_OK(fixture_open(&f));
    CHECK_OK(retain_all(&f, NOW + 30 * INT64_C(86400000000), 10, &dropped));
    CHECK_INT(dropped, 3000);
    CHECK(!hin_store_is_broken(f.store));
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.segments, 0);
    free(pages);
    fixture_stop(&f);
}

/* Made anew are those around it; it stays until all that it may hold is over. */
TEST(test_store_pages__retention_of_a_module_goes_past_a_damaged_body)
{
    static const unsigned modules[] = {HIN_MODULE_LOG_INSPECTION, HIN_MODULE_AGENT};
    struct fixture f = {0};
    struct pages *pages = calloc(1, sizeof(*pages));
    struct hin_store_committed committed;
    struct hin_retention keep = {0};
    struct hin_retention_round round = {0};
    struct hin_retained done;
    uint64_t dropped = 0;
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "retain_module"));
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(commit_modules(&f, modules, 2, &(struct shape){1, 9 + i, 0, NOW, NULL}, 1000, NOW,
                                &committed));
    }
    fixture_close(&f);
    CHECK(pages_of(&f, "body", pages));
    CHECK(page_flip(&f, page_nth(pages, PAGE_OVERFLOW, 0)->number));
    CHECK_OK(fixture_open(&f));
    keep.keep_days[HIN_MODULE_LOG_INSPECTION] = 10;
    CHECK_OK(hin_store_retain(f.store, NOW + 30 * INT64_C(86400000000), &keep, 0, &round, &done));
    CHECK_INT(done.events, 1000);
    CHECK_INT(done.segments_rewritten, 2);
    CHECK_INT(done.segments_kept, 1);
    CHECK(!hin_store_is_broken(f.store));
    CHECK_OK(hin_store_retain(f.store, NOW + 30 * INT64_C(86400000000), &keep, 0, &round, &done));
    CHECK_INT(done.segments_rewritten + done.segments_kept, 0); /* not again each round */
    CHECK_OK(retain_all(&f, NOW + 30 * INT64_C(86400000000), 10, &dropped));
    CHECK_INT(dropped, 2000);
    CHECK(!hin_store_is_broken(f.store));
    free(pages);
    fixture_stop(&f);
}

/* A search that meets damage goes on from a new snapshot, in both directions and through pages of
 * answers, and tells each segment once. */
TEST(test_store_pages__a_search_passes_damage_in_both_directions)
{
    struct fixture f = {0};
    struct pages *pages = calloc(1, sizeof(*pages));
    struct hin_store_committed committed;
    CHECK(pages != NULL);
    CHECK_OK(fixture_start(&f, "directions"));
    for (size_t i = 0; i < 6; i++) {
        CHECK_OK(commit_some(&f, &(struct shape){1, 9 + i, 0, NOW, NULL}, 1000, NOW, &committed));
    }
    fixture_close(&f);
    CHECK(pages_of(&f, "body", pages));
    int64_t hit[6] = {0};
    size_t hits = 0;
    for (size_t i = 0; page_nth(pages, PAGE_OVERFLOW, i) != NULL; i++) {
        const struct page *page = page_nth(pages, PAGE_OVERFLOW, i);
        if ((page->first == 1001 || page->first == 3001 || page->first == 5001) &&
            (hits == 0 || hit[hits - 1] != page->first)) {
            CHECK(page_flip(&f, page->number));
            hit[hits++] = page->first;
        }
    }
    CHECK_INT(hits, 3);
    CHECK_OK(fixture_open(&f));
    for (int down = 0; down < 2; down++) {
        struct hin_store_filter filter = {.descending = down == 1, .limit = 300};
        struct hin_store_report report = {.more = true};
        long found = 0;
        uint64_t damaged = 0;
        while (report.more) {
            long count = search_count(&f, &filter, &report);
            CHECK(count >= 0);
            found += count;
            damaged += report.events_damaged;
            *(down == 1 ? &filter.before_id : &filter.after_id) = report.resume_id;
        }
        CHECK_INT(found, 3000);
        CHECK_INT(damaged, 3000);
    }
    CHECK(!hin_store_is_broken(f.store));
    free(pages);
    fixture_stop(&f);
}

/* A damaged page of sheaves costs time, never an event; the handle is broken by it, so that the
 * file is salvaged, and the fresh one makes its own. */
TEST(test_store_pages__a_damaged_sheaf_hides_nothing)
{
    static const char *const tables[] = {"sheaf", "slice"};
    struct fixture f = {0};
    struct hin_store_committed committed;
    struct hin_store_salvaged salvaged;
    struct hin_store_stats stats;
    CHECK_OK(fixture_start(&f, "sheaves"));
    CHECK_OK(hin_store_begin(f.store));
    for (int day = 0; day < 80; day++) {
        int64_t now_usec = NOW + day * HIN_DAY_USEC;
        CHECK_OK(commit_some(&f, &(struct shape){1, 9, (uint64_t)day * 1000, now_usec, NULL}, 3,
                             now_usec, &committed));
    }
    CHECK_OK(hin_store_end(f.store, true));
    CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
    fixture_close(&f);
    for (size_t i = 0; i < HIN_COUNT(tables); i++) {
        uint32_t number = page_root(&f, tables[i]);
        CHECK(number > 0 && page_flip(&f, number));
        CHECK_OK(fixture_open(&f));
        CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
        CHECK(hin_store_is_broken(f.store));
        CHECK_INT(search_term(&f, "log_id", "id-40100", NULL), 1);
        CHECK_INT(search_count(&f, &(struct hin_store_filter){.severity_mask = 0xffff}, NULL),
                  240 + (long)i);
        CHECK_OK(commit_some(&f, &(struct shape){2, 9 + i, 0, NOW, NULL}, 1, NOW, &committed));
        fixture_close(&f);
        CHECK(i + 1 == HIN_COUNT(tables) || page_flip(&f, number));
    }
    CHECK_OK(salvage(&f, &salvaged));
    CHECK_INT(salvaged.events_lost, 0);
    CHECK_OK(fixture_open(&f));
    CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.sheaves, 0);
    CHECK_OK(hin_store_maintain(f.store, NOW, HIN_DAY_USEC));
    CHECK_OK(hin_store_stats(f.store, &stats));
    CHECK_INT(stats.sheaves, 1);
    CHECK_INT(search_term(&f, "user", "user1", NULL), 80);
    fixture_stop(&f);
}
