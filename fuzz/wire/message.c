/* A stream of frames as one side would see it: first byte = version, start state and direction.
 * Whatever decodes must encode to the same bytes; the session table is driven along; batches are
 * unpacked and read. */
#include <stdlib.h>

#include "base/codec.h"
#include "wire/batch.h"
#include "wire/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void batch_check(struct hin_wire_packer *packer, const struct hin_wire_batch *batch)
{
    struct hin_view records;
    if (!hin_is_ok(hin_wire_unpack(packer, batch, &records))) {
        return;
    }
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_WIRE_BATCH_RAW_MAX_BYTES};
    struct hin_reader reader = hin_reader_of(records);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct hin_wire_record record;
        must(hin_is_ok(hin_wire_record_read(&reader, &record)));
        HIN_CLEANUP(hin_buf_done) struct hin_buf identity = {.max = 2 * HIN_WIRE_CURSOR_MAX_BYTES};
        must(hin_is_ok(hin_wire_record_identity(&record, &identity)) && identity.size > 0);
        must(hin_is_ok(hin_wire_record_write(&again, &record)));
    }
    must(hin_view_equal(hin_buf_view(&again), records));
    struct hin_wire_batch packed;
    must(hin_is_ok(
        hin_wire_pack(packer, batch->first, batch->count, hin_buf_view(&again), &packed)));
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = HIN_WIRE_PAYLOAD_MAX_BYTES + 64};
    must(hin_is_ok(hin_buf_append(&body, packed.body)));
    packed.body = hin_buf_view(&body); /* it was the packer's, which is used again */
    must(hin_is_ok(hin_wire_unpack(packer, &packed, &records)));
    must(hin_view_equal(hin_buf_view(&again), records));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    HIN_CLEANUP(hin_wire_packer_freep) struct hin_wire_packer *packer = NULL;
    must(hin_is_ok(hin_wire_packer_new(&packer)));
    static const enum hin_wire_state starts[4] = {HIN_WIRE_STATE_KNOWN, HIN_WIRE_STATE_ANONYMOUS,
                                                  HIN_WIRE_STATE_LAPSED, HIN_WIRE_STATE_OPEN};
    struct hin_wire_session session = hin_wire_session_begin(starts[data[0] & 3]);
    enum hin_wire_direction direction = data[0] & 4 ? HIN_WIRE_FROM_AGENT : HIN_WIRE_FROM_MANAGER;
    session.version = data[0] & 8 ? 1 : 2;
    struct hin_view rest = hin_view_of(data + 1, size - 1);
    struct hin_wire_frame frame;
    while (hin_is_ok(hin_wire_frame_next(rest, HIN_WIRE_PAYLOAD_MAX_BYTES, &frame))) {
        struct hin_wire_message message;
        HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = HIN_WIRE_PAYLOAD_MAX_BYTES + 64};
        if (hin_is_ok(hin_wire_decode(session.version, frame.type, frame.payload, &message))) {
            must(hin_is_ok(hin_wire_encode(session.version, &message, &again)));
            must(hin_view_equal(
                hin_view_sub(hin_buf_view(&again), HIN_WIRE_FRAME_HEADER_BYTES, again.size),
                frame.payload));
            must(hin_wire_state_name(session.state)[0] != '\0');
            bool allowed = hin_wire_session_allows(&session, direction, frame.type);
            must(allowed == hin_is_ok(hin_wire_session_step(&session, direction, message.type)));
            if (message.type == HIN_WIRE_BATCH) {
                batch_check(packer, &message.batch);
            }
        }
        rest = hin_view_sub(rest, frame.size, rest.size);
    }
    return 0;
}
