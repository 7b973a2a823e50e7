/* What remake.c and remake_row.c share. */
#ifndef HIN_STORE_REMAKE_INTERNAL_H
#define HIN_STORE_REMAKE_INTERNAL_H

#include "store/internal.h"
#include "store/remake.h"

struct hin_remaker {
    char tenant[HIN_STORE_TENANT_MAX + 1];
    struct hin_segment_builder *builder;
    struct hin_segment_reader *reader;
    struct hin_opener *opener; /* one key at a time */
    struct hin_arena scratch;  /* of one event */
    struct hin_buf record;
    uint8_t computers[HIN_SUMMARY_COMPUTERS_MAX * 8];
};

#endif
