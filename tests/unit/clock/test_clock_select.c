#include "base/bytes.h"
#include "clock/select.h"
#include "harness.h"

#define MSEC 1000

static bool select_of(const struct hin_clock_candidate *candidates, size_t count,
                      struct hin_clock_choice *choice)
{
    *choice = (struct hin_clock_choice){.chosen = 99};
    return hin_clock_select(candidates, count, choice);
}

TEST(test_clock_select__one_is_believed_and_nobody_is_not)
{
    struct hin_clock_choice choice;
    const struct hin_clock_candidate one[] = {{-7 * MSEC, 5 * MSEC}};
    CHECK(!select_of(one, 0, &choice));
    CHECK_INT(choice.chosen, 99);
    CHECK(select_of(one, 1, &choice));
    CHECK(choice.chosen == 0 && choice.agree_count == 1 && choice.agreeing == 1);
}

TEST(test_clock_select__two_that_disagree_are_not_believed)
{
    struct hin_clock_choice choice;
    const struct hin_clock_candidate two[] = {{0, 5 * MSEC}, {60000 * MSEC, 5 * MSEC}};
    CHECK(!select_of(two, 2, &choice));
    CHECK_INT(choice.chosen, 99);
    const struct hin_clock_candidate touching[] = {{0, 5 * MSEC}, {10 * MSEC, 5 * MSEC}};
    CHECK(select_of(touching, 2, &choice));
    CHECK_INT(choice.agree_count, 2);
}

/* Wherever the wrong one stands, and however exact it says it is. */
TEST(test_clock_select__one_wrong_among_three)
{
    for (size_t wrong = 0; wrong < 3; wrong++) {
        struct hin_clock_candidate three[3];
        struct hin_clock_choice choice;
        for (size_t i = 0; i < 3; i++) {
            three[i] = (struct hin_clock_candidate){(int64_t)i * MSEC, (int64_t)(9 - i) * MSEC};
        }
        three[wrong] = (struct hin_clock_candidate){60000 * MSEC, 0};
        CHECK(select_of(three, 3, &choice));
        CHECK_INT(choice.agree_count, 2);
        CHECK(choice.agreeing == (7U & ~(1U << wrong)));
        CHECK_INT(choice.chosen, wrong == 2 ? 1 : 2); /* of the right ones the nearest */
    }
}

TEST(test_clock_select__two_against_two_is_no_majority)
{
    struct hin_clock_choice choice;
    struct hin_clock_candidate five[] = {
        {0, MSEC}, {500, MSEC}, {9000 * MSEC, MSEC}, {9000 * MSEC, MSEC}, {100, MSEC}};
    CHECK(!select_of(five, 4, &choice));
    CHECK(select_of(five, 5, &choice));
    CHECK(choice.agreeing == 0x13 && choice.agree_count == 3);
}

/* One that says "anywhere" agrees with everybody; it does not carry the choice. */
TEST(test_clock_select__a_wide_interval_decides_nothing)
{
    struct hin_clock_choice choice;
    const struct hin_clock_candidate three[] = {
        {400 * MSEC, 900 * MSEC}, {0, 5 * MSEC}, {2 * MSEC, 6 * MSEC}};
    CHECK(select_of(three, 3, &choice));
    CHECK_INT(choice.agree_count, 3);
    CHECK_INT(choice.chosen, 1);
}
