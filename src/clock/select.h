/* Which of several time servers to believe (RFC 5905, 11.2.1: intersection of intervals, after
 * Marzullo). Pure. */
#ifndef HIN_CLOCK_SELECT_H
#define HIN_CLOCK_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIN_CLOCK_SOURCES_MAX 8

/* True time lies between offset - distance and offset + distance, if the server is right. */
struct hin_clock_candidate {
    int64_t offset_usec;
    int64_t distance_usec; /* at least 0 */
};

struct hin_clock_choice {
    size_t chosen;      /* the one that is believed: of those that agree, the nearest */
    uint32_t agreeing;  /* bit i: candidate i is one of them */
    size_t agree_count; /* more than half of all candidates */
};

/* False when no majority agrees: then nobody is believed. count: 0..HIN_CLOCK_SOURCES_MAX. */
bool hin_clock_select(const struct hin_clock_candidate *candidates, size_t count,
                      struct hin_clock_choice *ret_choice);

#endif
