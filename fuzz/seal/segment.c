/* A segment as it comes from the database. Each input is also tried with its checksums mended, so
 * that the fuzzer gets past them. */
#include "seal/segment.h"

#include <stdlib.h>

#include "base/codec.h"
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_all(struct hin_view bytes)
{
    HIN_CLEANUP(hin_opener_freep) struct hin_opener *opener = fuzz_opener();
    HIN_CLEANUP(hin_segment_reader_freep) struct hin_segment_reader *reader = NULL;
    struct hin_segment_head head;
    struct hin_segment_record record;
    if (!hin_is_ok(hin_segment_read_head(bytes, &head)) ||
        !hin_is_ok(hin_segment_reader_new(&reader))) {
        return;
    }
    (void)hin_segment_may_hold(&head, UINT64_C(0x123456789abcdef0));
    if (head.index_version == 0 || (head.index_version == 1) != (bytes.data[3] == 1)) {
        abort();
    }
    struct hin_view body = hin_view_sub(bytes, head.head_bytes, bytes.size);
    if (hin_is_ok(hin_segment_open(reader, opener, &fuzz_place, bytes, body))) {
        while (hin_segment_next(reader, &record)) {
        }
    }
}

static void build_ours(struct hin_buf *file)
{
    HIN_CLEANUP(hin_sealer_freep) struct hin_sealer *sealer = fuzz_sealer();
    HIN_CLEANUP(hin_segment_builder_freep) struct hin_segment_builder *builder = NULL;
    const uint64_t tokens[2] = {7, UINT64_C(0x123456789abcdef0)};
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 65536};
    if (!hin_is_ok(hin_segment_builder_new(&builder, 16, 4096))) {
        abort();
    }
    for (uint64_t i = 0; i < 5; i++) {
        struct hin_view record = hin_view_sub(HIN_VIEW("a record"), 0, i + 1);
        if (!hin_is_ok(hin_segment_add(builder, i, 1000 - (int64_t)i, record, tokens, i % 3))) {
            abort();
        }
    }
    if (!hin_is_ok(hin_segment_finish(builder, sealer, &fuzz_place, file, &body)) ||
        !hin_is_ok(hin_buf_append(file, hin_buf_view(&body)))) {
        abort();
    }
}

/* A good segment, changed as the input says. */
static void change_ours(const uint8_t *data, size_t size)
{
    static struct hin_buf ours = {.max = 65536}; /* built once */
    HIN_CLEANUP(hin_buf_done) struct hin_buf file = {.max = 65536};
    if (ours.size == 0) {
        build_ours(&ours);
    }
    if (hin_is_ok(hin_buf_append(&file, hin_buf_view(&ours)))) {
        fuzz_change(&file, data, size);
        open_all(hin_buf_view(&file));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    change_ours(data, size);
    open_all(hin_view_of(data, size));
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL && size >= HIN_SEGMENT_HEAD_BYTES) {
        hin_copy(copy, data, size);
        size_t head = HIN_SEGMENT_HEAD_BYTES + (size_t)hin_load_u32(copy + 80);
        if (head <= size) {
            struct hin_view all = hin_view_of(copy, size);
            hin_store_u32(copy + 76, hin_crc32c(0, hin_view_sub(all, head, size)));
            uint32_t crc = hin_crc32c(0, hin_view_sub(all, 0, 88));
            crc = hin_crc32c(
                crc, hin_view_sub(all, HIN_SEGMENT_HEAD_BYTES, head - HIN_SEGMENT_HEAD_BYTES));
            hin_store_u32(copy + 88, crc);
            open_all(all);
        }
    }
    free(copy);
    return 0;
}
