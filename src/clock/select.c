#include "clock/select.h"

static bool holds(const struct hin_clock_candidate *candidate, int64_t point)
{
    return candidate->offset_usec - candidate->distance_usec <= point &&
           point <= candidate->offset_usec + candidate->distance_usec;
}

static uint32_t all_that_hold(const struct hin_clock_candidate *candidates, size_t count,
                              int64_t point, size_t *ret_count)
{
    uint32_t bits = 0;
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (holds(&candidates[i], point)) {
            bits |= UINT32_C(1) << i;
            (*ret_count)++;
        }
    }
    return bits;
}

/* Where most intervals meet there is the lower end of one of them: looking at those is enough. */
bool hin_clock_select(const struct hin_clock_candidate *candidates, size_t count,
                      struct hin_clock_choice *ret_choice)
{
    struct hin_clock_choice choice = {0};
    for (size_t i = 0; i < count; i++) {
        size_t agree_count = 0;
        uint32_t agreeing =
            all_that_hold(candidates, count,
                          candidates[i].offset_usec - candidates[i].distance_usec, &agree_count);
        if (agree_count > choice.agree_count) {
            choice.agreeing = agreeing;
            choice.agree_count = agree_count;
        }
    }
    if (choice.agree_count * 2 <= count) {
        return false; /* also when there are none */
    }
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        bool agrees = (choice.agreeing & UINT32_C(1) << i) != 0;
        if (agrees &&
            (!found || candidates[i].distance_usec < candidates[choice.chosen].distance_usec)) {
            choice.chosen = i;
            found = true;
        }
    }
    *ret_choice = choice;
    return true;
}
