/* Any bytes as the record of an event inside a segment; then as the head and body of a segment's
 * row, with the cut between them given by the first two bytes. */
#include <stdlib.h>

#include "base/bytes.h"
#include "seal/segment.h"
#include "store/events.h"
#include "store/sqlite/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_record(struct hin_view bytes)
{
    uint64_t tokens[HIN_STORE_TOKENS_MAX], again_tokens[HIN_STORE_TOKENS_MAX];
    struct hin_store_event event, again;
    if (!hin_is_ok(hin_record_read(bytes, &event, tokens))) {
        return;
    }
    struct hin_buf buf;
    hin_buf_init(&buf, 1 << 20);
    require(hin_is_ok(event.erased ? hin_record_write_erased(&event, &buf)
                                   : hin_record_write(&event, true, &buf)));
    require(hin_view_equal(hin_buf_view(&buf), bytes)); /* one encoding of a record */
    require(hin_is_ok(hin_record_read(hin_buf_view(&buf), &again, again_tokens)));
    require(again.token_count == event.token_count && again.computer_id == event.computer_id);
    hin_buf_done(&buf);
}

static void check_row(struct hin_view bytes)
{
    if (bytes.size < 2) {
        return;
    }
    struct hin_segment_head parsed;
    size_t cut = hin_load_u16(bytes.data);
    struct hin_view head = hin_view_sub(bytes, 2, cut),
                    body = hin_view_sub(bytes, 2 + cut, bytes.size);
    if (hin_is_ok(hin_segment_read_head(head, &parsed))) {
        (void)hin_segment_may_hold(&parsed, 7);
    }
    struct hin_segment_reader *reader = NULL;
    struct hin_opener *opener = NULL;
    struct hin_seal_place place = {HIN_VIEW("t0"), HIN_VIEW("event"), HIN_VIEW_EMPTY,
                                   HIN_VIEW("segment")};
    require(hin_is_ok(hin_segment_reader_new(&reader)));
    require(hin_is_ok(hin_opener_new(&opener, NULL, 2)));
    require(!hin_is_ok(hin_segment_open(reader, opener, &place, head, body))); /* no key is known */
    hin_opener_free(opener);
    hin_segment_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_record(hin_view_of(data, size));
    check_row(hin_view_of(data, size));
    return 0;
}
