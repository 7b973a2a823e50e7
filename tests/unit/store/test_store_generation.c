/* The token by which a store that was set back is known: it moves from what was read, by one of two
 * that try at once, and stands in the store before anything is unlocked. */
#include "base/bytes.h"
#include "fixture.h"

#define BUF(name)                                                                                  \
    HIN_CLEANUP(hin_buf_done) struct hin_buf name = {.max = HIN_STORE_GENERATION_BYTES}

TEST(test_store_generation__moves_from_what_was_read)
{
    struct fixture f = {0};
    struct hin_store *other = NULL;
    BUF(token);
    struct hin_view first = HIN_VIEW("0123456789012345678901234567890123456789x");
    struct hin_view second = HIN_VIEW("short");
    uint8_t most[HIN_STORE_GENERATION_BYTES + 1];
    CHECK_OK(fixture_start(&f, "generation"));
    CHECK_OK(hin_store_generation_get(f.store, &token));
    CHECK_INT(token.size, 0);
    CHECK_CODE(hin_store_generation_move(f.store, second, first), CONFLICT);
    CHECK_OK(hin_store_generation_move(f.store, HIN_VIEW_EMPTY, first));
    CHECK_OK(hin_store_generation_get(f.store, &token));
    CHECK_VIEW(hin_buf_view(&token), "0123456789012345678901234567890123456789x");
    struct hin_store_options options = fixture_options(&f);
    CHECK_OK(hin_store_open(&other, &options, NULL)); /* not unlocked */
    hin_buf_clear(&token);
    CHECK_OK(hin_store_generation_get(other, &token));
    CHECK(hin_view_equal(hin_buf_view(&token), first));
    CHECK_OK(hin_store_generation_move(other, first, second));
    CHECK_CODE(hin_store_generation_move(f.store, first, HIN_VIEW("third")), CONFLICT);
    hin_buf_clear(&token);
    CHECK_OK(hin_store_generation_get(f.store, &token));
    CHECK_VIEW(hin_buf_view(&token), "short");
    for (size_t i = 0; i < sizeof(most); i++) {
        most[i] = (uint8_t)i;
    }
    struct hin_view large = hin_view_of(most, sizeof(most));
    CHECK_CODE(hin_store_generation_move(f.store, second, large), INVALID);
    CHECK_CODE(hin_store_generation_move(f.store, second, HIN_VIEW_EMPTY), INVALID);
    struct hin_view full = hin_view_sub(large, 0, HIN_STORE_GENERATION_BYTES);
    CHECK_OK(hin_store_generation_move(f.store, second, full));
    hin_store_close(other);
    fixture_close(&f);
    CHECK_OK(fixture_open(&f));
    hin_buf_clear(&token);
    CHECK_OK(hin_store_generation_get(f.store, &token));
    CHECK(hin_view_equal(hin_buf_view(&token), full));
    int64_t told = 0;
    CHECK_OK(hin_store_restores_told(f.store, &told));
    CHECK_INT(told, 0);
    CHECK_OK(hin_store_tell_restores(f.store, 3));
    CHECK_OK(hin_store_restores_told(f.store, &told));
    CHECK_INT(told, 3);
    fixture_stop(&f);
}
