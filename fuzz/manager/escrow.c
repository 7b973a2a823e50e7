/* The record of an escrow copy of the key ring as a document, and the receipt of one as a person
 * types it: what is read is written the same again. */
#include "manager/escrow.h"
#include "../scratch.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(struct hin_view input)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 65536}, again = {.max = 65536};
    struct hin_escrow escrow, back;
    if (!hin_is_ok(hin_escrow_decode(input, &escrow)) ||
        !hin_is_ok(hin_escrow_encode(&escrow, &text))) {
        return;
    }
    scratch_require(hin_is_ok(hin_escrow_decode(hin_buf_view(&text), &back)));
    scratch_require(hin_is_ok(hin_escrow_encode(&back, &again)));
    scratch_require(hin_view_equal(hin_buf_view(&text), hin_buf_view(&again)));
}

static void try_receipt(struct hin_view input)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 4096};
    struct hin_escrow_receipt receipt, back;
    if (!hin_is_ok(hin_escrow_receipt_read(input, &receipt))) {
        return;
    }
    scratch_require(hin_is_ok(hin_escrow_receipt_write(&receipt, &text)));
    scratch_require(hin_is_ok(hin_escrow_receipt_read(hin_buf_view(&text), &back)));
    scratch_require(receipt.generation == back.generation &&
                    receipt.written_msec == back.written_msec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view input = hin_view_of(data, size);
    try_record(input);
    try_receipt(input);
    return 0;
}
