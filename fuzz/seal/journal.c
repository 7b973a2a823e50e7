/* A spool after a crash, or after somebody had it. The reader must always get to the end. */
#include "seal/journal.h"

#include <stdlib.h>

#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = fuzz_opener();
    struct hin_journal_reader reader;
    struct hin_journal_item item;
    uint64_t offset = 0;
    hin_journal_reader_init(&reader, hin_view_of(data, size), opener, &fuzz_place);
    while (hin_is_ok(hin_journal_next(&reader, &item)) && item.type != HIN_JOURNAL_END) {
        if (item.offset != offset || item.end <= item.offset || item.end > size) {
            abort(); /* every byte belongs to exactly one item */
        }
        offset = item.end;
    }
    hin_journal_reader_done(&reader);
    return 0;
}
