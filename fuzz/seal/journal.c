/* A spool after a crash, or after somebody had it. The reader must always get to the end. First the
 * input as a file; then a file of our own with changes (u16 offset, u8 XOR; an offset behind the
 * end cuts it): every record that opens must be one that was written. */
#include "seal/journal.h"

#include <stdlib.h>

#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct hin_view bytes, bool ours)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = fuzz_opener();
    struct hin_journal_reader reader;
    struct hin_journal_item item;
    uint64_t offset = 0;
    hin_journal_reader_init(&reader, bytes, opener, &fuzz_place);
    while (hin_is_ok(hin_journal_next(&reader, &item)) && item.type != HIN_JOURNAL_END) {
        if (item.offset != offset || item.end <= item.offset || item.end > bytes.size) {
            abort(); /* every byte belongs to exactly one item */
        }
        if (ours && item.type == HIN_JOURNAL_RECORD &&
            !hin_view_equal(item.bytes, hin_view_sub(HIN_VIEW("record"), 0, item.sequence))) {
            abort();
        }
        offset = item.end;
    }
    hin_journal_reader_done(&reader);
}

static HIN_RESULT sink_write(void *context, struct hin_view bytes)
{
    return hin_buf_append(context, bytes);
}

static HIN_RESULT sink_sync(void *context)
{
    return hin_ok();
}

static HIN_RESULT sink_truncate(void *context, uint64_t size)
{
    ((struct hin_buf *)context)->size = (size_t)size;
    return hin_ok();
}

static void write_ours(struct hin_buf *file)
{
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = fuzz_sealer();
    HIN_CLEANUP(hin_journal_writer_freep) struct hin_journal_writer *writer = NULL;
    const struct hin_journal_sink sink = {sink_write, sink_sync, sink_truncate, file};
    if (!hin_is_ok(hin_journal_writer_new(&writer, &sink, sealer, &fuzz_place, HIN_VIEW("wrapped"),
                                          0, 65536))) {
        abort();
    }
    for (uint64_t i = 0; i <= 6; i++) {
        if (!hin_is_ok(hin_journal_append(writer, 1, i, hin_view_sub(HIN_VIEW("record"), 0, i))) ||
            (i % 3 == 2 && !hin_is_ok(hin_journal_commit(writer)))) {
            abort();
        }
    }
    hin_journal_discard(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hin_buf ours = {.max = 65536}; /* written once */
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 65536};
    read_all(hin_view_of(data, size), false);
    if (ours.size == 0) {
        write_ours(&ours);
    }
    if (hin_is_ok(hin_buf_append(&file, hin_buf_view(&ours)))) {
        fuzz_change(&file, data, size);
        read_all(hin_buf_view(&file), true);
    }
    return 0;
}
