#include "base/arena.h"
#include "base/bytes.h"
#include "harness.h"

TEST(test_base_arena__keeps_to_its_maximum)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 1024);
    void *at = NULL;
    CHECK_OK(hin_arena_alloc(&arena, 1000, &at));
    CHECK_CODE(hin_arena_alloc(&arena, 1000, &at), LIMIT);
    CHECK_CODE(hin_arena_array(&arena, SIZE_MAX, 2, &at), LIMIT);
    hin_arena_done(&arena);
}

TEST(test_base_arena__memory_is_aligned_apart_and_reusable)
{
    struct hin_arena arena;
    hin_arena_init(&arena, (size_t)1 << 20);
    for (int round = 0; round < 3; round++) {
        uint8_t *last = NULL;
        for (int i = 1; i < 200; i++) {
            uint8_t *at = NULL;
            CHECK_OK(hin_arena_alloc(&arena, (size_t)i, (void **)&at));
            CHECK((uintptr_t)at % 16 == 0);
            hin_fill(at, (uint8_t)i, (size_t)i);
            CHECK(last == NULL || last[0] == (uint8_t)(i - 1));
            last = at;
        }
        hin_arena_reset(&arena);
        CHECK_INT(arena.used, 0);
    }
    hin_arena_done(&arena);
}

TEST(test_base_arena__printf_and_text)
{
    struct hin_arena arena;
    hin_arena_init(&arena, 4096);
    struct hin_view view;
    CHECK_OK(hin_arena_printf(&arena, &view, "%d-%s", 42, "x"));
    CHECK_VIEW(view, "42-x");
    const char *text = NULL;
    CHECK_OK(hin_arena_text(&arena, HIN_VIEW("abc"), &text));
    CHECK_VIEW(hin_view_from_text(text), "abc");
    hin_arena_done(&arena);
}
