/* The file of a tenant's export, as `hinomi tenant open` reads it before anything is opened: its
 * head, its records, and the lines that come out. What is read is written again byte by byte; no
 * order of lines that lacks its beginning or end is taken for whole. */
#include "proof/takeout.h"
#include "../scratch.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_head(struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_TAKEOUT_HEAD_BYTES};
    struct hin_takeout takeout;
    if (hin_is_ok(hin_takeout_head_read(bytes, &takeout))) {
        scratch_require(hin_is_ok(hin_takeout_head_write(&takeout, &again)));
        scratch_require(hin_view_equal(hin_buf_view(&again), bytes));
    }
}

static void read_records(struct hin_view bytes)
{
    struct hin_view sealed;
    while (hin_is_ok(hin_takeout_record_read(bytes, &sealed))) {
        HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_TAKEOUT_RECORD_MAX + 4};
        scratch_require(hin_is_ok(hin_takeout_record_write(sealed, &again)));
        scratch_require(hin_view_starts_with(bytes, hin_buf_view(&again)));
        bytes = hin_view_sub(bytes, again.size, bytes.size);
    }
}

static void read_lines(struct hin_view bytes)
{
    static const struct hin_takeout takeout = {.number = 1, .tenant = "t", .id = "x"};
    struct hin_takeout_tally tally = {0};
    struct hin_view line;
    int64_t fed = 0;
    while (hin_view_split(&bytes, '\n', &line)) {
        struct hin_error error = {0};
        bool ended = tally.ended;
        bool fits = hin_is_ok(hin_takeout_line(&tally, &takeout, line, &error));
        scratch_require(!fits || !ended);
        fed += fits ? 1 : 0;
    }
    scratch_require(fed ==
                    tally.documents + tally.events + tally.audit + tally.begun + tally.ended);
    scratch_require(tally.begun || fed == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    read_head(bytes);
    read_records(bytes);
    read_lines(bytes);
    /* A head of ours, with what the input says. */
    HIN_CLEANUP(hin_buf_done) struct hin_buf head = {.max = HIN_TAKEOUT_HEAD_BYTES};
    struct hin_takeout takeout = {.number = (int64_t)size,
                                  .tenant = "0b8dd1f2-0000-4000-8000-000000000001",
                                  .id = "0b8dd1f2-0000-4000-8000-000000000002"};
    struct hin_takeout again;
    hin_copy(takeout.key, data, HIN_MIN(size, sizeof(takeout.key)));
    scratch_require(hin_is_ok(hin_takeout_head_write(&takeout, &head)));
    scratch_require(hin_is_ok(hin_takeout_head_read(hin_buf_view(&head), &again)));
    if (size > 2) {
        uint8_t *byte = &head.data[data[0] % head.size];
        bool same = *byte == data[1];
        *byte = data[1];
        scratch_require(hin_is_ok(hin_takeout_head_read(hin_buf_view(&head), &again)) == same);
    }
    return 0;
}
