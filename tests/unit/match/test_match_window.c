#include "harness.h"

#include <stdio.h>

#include "base/bytes.h"
#include "match/window.h"

#define SEC INT64_C(1000000)

static const struct hin_window_limits small = {
    .keys_max = 4, .entries_max = 3, .bytes_max = 1 << 20};

TEST(test_match_window__counts_inside_the_span_only)
{
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    uint32_t count = 0;
    CHECK_OK(hin_window_new(&small, &window));
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), 100 * SEC, 10 * SEC, 1, &count));
    CHECK_INT(count, 1);
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), 110 * SEC, 10 * SEC, 2, &count));
    CHECK_INT(count, 2); /* exactly at the edge still counts */
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), 110 * SEC + 1, 10 * SEC, 3, &count));
    CHECK_INT(count, 2);
    const struct hin_window_entry *entries = NULL;
    hin_window_get(window, HIN_VIEW("a"), 111 * SEC, &entries, &count);
    CHECK_INT(count, 2);
    CHECK_INT(entries[0].value, 2);
    CHECK_INT(entries[1].value, 3);
    hin_window_get(window, HIN_VIEW("b"), 111 * SEC, &entries, &count);
    CHECK_INT(count, 0);
}

TEST(test_match_window__a_flood_of_other_keys_never_evicts)
{
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    struct hin_window_stats stats;
    uint32_t count = 0;
    CHECK_OK(hin_window_new(&small, &window));
    CHECK_OK(hin_window_add(window, HIN_VIEW("evidence"), 0, 100 * SEC, 1, &count));
    for (int i = 0; i < 100000; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        struct hin_result result =
            hin_window_add(window, hin_view_from_text(key), SEC, 50 * SEC, 0, &count);
        CHECK(result.code == (i < 3 ? HIN_OK : HIN_LIMIT));
    }
    CHECK_OK(hin_window_add(window, HIN_VIEW("evidence"), 2 * SEC, 100 * SEC, 2, &count));
    CHECK_INT(count, 2);
    hin_window_stats(window, &stats);
    CHECK_INT(stats.refused_count, 100000 - 3);
    CHECK_INT(stats.key_count, 4);
    /* when the others have expired there is room again */
    CHECK_OK(hin_window_add(window, HIN_VIEW("new"), 52 * SEC, 50 * SEC, 2, &count));
    hin_window_stats(window, &stats);
    CHECK_INT(stats.key_count, 2);
}

TEST(test_match_window__the_newest_of_a_key_stay)
{
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    uint32_t count = 0;
    const struct hin_window_entry *entries = NULL;
    CHECK_OK(hin_window_new(&small, &window));
    for (uint64_t i = 0; i < 1000; i++) {
        CHECK_OK(hin_window_add(window, HIN_VIEW("a"), (int64_t)i, SEC, i, &count));
        CHECK_INT(count, HIN_MIN(i + 1, (uint64_t)3));
    }
    hin_window_get(window, HIN_VIEW("a"), 1000, &entries, &count);
    CHECK_INT(entries[0].value, 997);
    CHECK_INT(entries[2].value, 999);
    hin_window_drop(window, HIN_VIEW("a"));
    hin_window_get(window, HIN_VIEW("a"), 1000, &entries, &count);
    CHECK_INT(count, 0);
}

TEST(test_match_window__time_never_goes_back)
{
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    uint32_t count = 0;
    CHECK_OK(hin_window_new(&small, &window));
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), 100 * SEC, SEC, 1, &count));
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), 5 * SEC, SEC, 2, &count));
    CHECK_INT(count, 2);
    const struct hin_window_entry *entries = NULL;
    hin_window_get(window, HIN_VIEW("a"), 0, &entries, &count);
    CHECK_INT(entries[1].time_usec, 100 * SEC);
}

TEST(test_match_window__bytes_are_bounded)
{
    struct hin_window_limits limits = {.keys_max = 1000, .entries_max = 100000, .bytes_max = 4096};
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    struct hin_window_stats stats;
    uint32_t count = 0;
    struct hin_result result = hin_ok();
    CHECK_OK(hin_window_new(&limits, &window));
    for (int i = 0; i < 10000 && hin_is_ok(result); i++) {
        result = hin_window_add(window, HIN_VIEW("a"), SEC, SEC, 0, &count);
    }
    CHECK_INT(result.code, HIN_LIMIT);
    hin_window_stats(window, &stats);
    CHECK(stats.bytes <= 4096);
    CHECK_INT(stats.refused_count, 1);
}

TEST(test_match_window__survives_a_restart)
{
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    HIN_CLEANUP(hin_window_freep) struct hin_window *again = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf image;
    HIN_CLEANUP(hin_buf_done) struct hin_buf second;
    uint32_t count = 0;
    hin_buf_init(&image, 4096);
    hin_buf_init(&second, 4096);
    CHECK_OK(hin_window_new(&small, &window));
    CHECK_OK(hin_window_new(&small, &again));
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), SEC, 10 * SEC, 7, &count));
    CHECK_OK(hin_window_add(window, HIN_VIEW("a\0b"), 2 * SEC, 10 * SEC, UINT64_MAX, &count));
    CHECK_OK(hin_window_add(window, HIN_VIEW("a"), 3 * SEC, 10 * SEC, 9, &count));
    CHECK_OK(hin_window_save(window, &image));
    CHECK_OK(hin_window_load(again, hin_buf_view(&image)));
    CHECK_OK(hin_window_save(again, &second));
    CHECK(hin_view_equal(hin_buf_view(&image), hin_buf_view(&second)));
    CHECK_OK(hin_window_add(again, HIN_VIEW("a"), 4 * SEC, 10 * SEC, 1, &count));
    CHECK_INT(count, 3);
    for (size_t i = 0; i < image.size; i++) {
        struct hin_window_stats stats;
        image.data[i] ^= 0x40;
        CHECK(!hin_is_ok(hin_window_load(again, hin_buf_view(&image))));
        image.data[i] ^= 0x40;
        CHECK(!hin_is_ok(hin_window_load(again, hin_view_sub(hin_buf_view(&image), 0, i))));
        hin_window_stats(again, &stats);
        CHECK_INT(stats.key_count, 0);
    }
    struct hin_window_limits tiny = {.keys_max = 1, .entries_max = 3, .bytes_max = 1 << 20};
    HIN_CLEANUP(hin_window_freep) struct hin_window *narrow = NULL;
    CHECK_OK(hin_window_new(&tiny, &narrow));
    CHECK_CODE(hin_window_load(narrow, hin_buf_view(&image)), LIMIT);
}

TEST(test_match_window__expires_in_small_steps)
{
    struct hin_window_limits limits = {.keys_max = 1000, .entries_max = 4, .bytes_max = 1 << 20};
    HIN_CLEANUP(hin_window_freep) struct hin_window *window = NULL;
    struct hin_window_stats stats;
    uint32_t count = 0;
    CHECK_OK(hin_window_new(&limits, &window));
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        CHECK_OK(hin_window_add(window, hin_view_from_text(key), SEC, SEC, 0, &count));
    }
    hin_window_expire(window, 10 * SEC, 10);
    hin_window_stats(window, &stats);
    CHECK_INT(stats.key_count, 90);
    hin_window_expire(window, 10 * SEC, 0);
    hin_window_stats(window, &stats);
    CHECK_INT(stats.key_count, 0);
    CHECK_INT(stats.entry_count, 0);
    CHECK_INT(stats.bytes, 0);
}
