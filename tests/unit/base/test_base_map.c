#include "base/map.h"

#include <stdio.h>

#include "harness.h"

TEST(test_base_map__siphash_vector)
{
    /* Aumasson and Bernstein, appendix A: key 00..0f, input 00..0e */
    uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t input[15];
    for (uint8_t i = 0; i < 15; i++) {
        input[i] = i;
    }
    CHECK(hin_siphash(key, hin_view_of(input, 15)) == UINT64_C(0xa129ca6149be45e5));
}

TEST(test_base_map__insert_remove_against_a_plain_table)
{
    static int cells[2000];
    bool present[2000] = {false};
    struct hin_map map;
    CHECK_OK(hin_map_init(&map, 2000));
    uint32_t random = 1;
    size_t count = 0;
    for (int step = 0; step < 40000; step++) {
        random = random * 1664525 + 1013904223;
        size_t i = (random >> 8) % 2000;
        char key[16];
        struct hin_view view = hin_view_of(key, (size_t)snprintf(key, sizeof(key), "key%zu", i));
        if ((random >> 28) < 9) {
            CHECK_OK(hin_map_put(&map, view, &cells[i]));
            count += present[i] ? 0 : 1;
            present[i] = true;
        } else {
            CHECK(hin_map_remove(&map, view) == (present[i] ? &cells[i] : NULL));
            count -= present[i] ? 1 : 0;
            present[i] = false;
        }
        CHECK(map.count == count);
        CHECK((hin_map_get(&map, view) != NULL) == present[i]);
    }
    hin_map_done(&map);
}

TEST(test_base_map__is_bounded)
{
    struct hin_map map;
    int cell = 0;
    CHECK_OK(hin_map_init(&map, 1));
    CHECK_OK(hin_map_put(&map, HIN_VIEW("a"), &cell));
    CHECK_OK(hin_map_put(&map, HIN_VIEW("a"), &cell));
    CHECK_CODE(hin_map_put(&map, HIN_VIEW("b"), &cell), LIMIT);
    hin_map_done(&map);
}
