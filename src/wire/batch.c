#include "wire/batch.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/codec.h"

#define ZSTD_LEVEL 1

struct hin_wire_packer {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
    struct hin_buf out;
};

struct hin_result hin_wire_record_write(struct hin_buf *out, const struct hin_wire_record *record)
{
    HIN_ENSURE(record->event.size >= 1 && record->event.size <= HIN_WIRE_EVENT_MAX_BYTES, INVALID);
    /* One reservation, so that the writes behind it cannot fail half-way. */
    HIN_TRY(hin_buf_reserve(out, record->event.size + record->cursor.size + 48));
    HIN_TRY(hin_write_u64(out, record->generation));
    HIN_TRY(hin_write_u8(out, record->position));
    if (record->position == HIN_WIRE_CURSOR) {
        HIN_ENSURE(record->cursor.size >= 1 && record->cursor.size <= HIN_WIRE_CURSOR_MAX_BYTES,
                   INVALID);
        HIN_TRY(hin_write_bytes(out, record->cursor));
    } else {
        HIN_ENSURE(record->position == HIN_WIRE_OFFSET, INVALID);
        HIN_TRY(hin_write_varint(out, record->offset));
    }
    HIN_TRY(hin_write_varint(out, record->finding));
    return hin_write_bytes(out, record->event);
}

static HIN_RESULT record_read(struct hin_reader *reader, struct hin_wire_record *ret_record)
{
    struct hin_wire_record record = {0};
    uint64_t finding = 0;
    HIN_TRY(hin_read_u64(reader, &record.generation));
    HIN_TRY(hin_read_u8(reader, &record.position));
    if (record.position == HIN_WIRE_CURSOR) {
        HIN_TRY(hin_read_bytes(reader, HIN_WIRE_CURSOR_MAX_BYTES, &record.cursor));
        HIN_ENSURE(record.cursor.size > 0, PROTOCOL);
    } else {
        HIN_ENSURE(record.position == HIN_WIRE_OFFSET, PROTOCOL);
        HIN_TRY(hin_read_varint(reader, &record.offset));
    }
    HIN_TRY(hin_read_varint(reader, &finding));
    HIN_ENSURE(finding <= UINT32_MAX, PROTOCOL);
    record.finding = (uint32_t)finding;
    HIN_TRY(hin_read_bytes(reader, HIN_WIRE_EVENT_MAX_BYTES, &record.event));
    HIN_ENSURE(record.event.size > 0, PROTOCOL);
    *ret_record = record;
    return hin_ok();
}

struct hin_result hin_wire_record_read(struct hin_reader *reader,
                                       struct hin_wire_record *ret_record)
{
    struct hin_reader at = *reader;
    HIN_ENSURE(hin_is_ok(record_read(&at, ret_record)), PROTOCOL);
    *reader = at;
    return hin_ok();
}

struct hin_result hin_wire_record_identity(const struct hin_wire_record *record,
                                           struct hin_buf *out)
{
    HIN_TRY(hin_buf_reserve(out, record->cursor.size + 24));
    HIN_TRY(hin_write_u64(out, record->generation));
    HIN_TRY(hin_write_u32(out, record->finding));
    HIN_TRY(hin_write_u8(out, record->position));
    if (record->position == HIN_WIRE_CURSOR) {
        return hin_buf_append(out, record->cursor);
    }
    return hin_write_u64(out, record->offset);
}

struct hin_result hin_wire_packer_new(struct hin_wire_packer **ret_packer)
{
    HIN_CLEANUP(hin_wire_packer_freep) struct hin_wire_packer *packer = calloc(1, sizeof(*packer));
    HIN_ENSURE(packer != NULL, NO_MEMORY);
    hin_buf_init(&packer->out, ZSTD_COMPRESSBOUND(HIN_WIRE_BATCH_RAW_MAX_BYTES));
    packer->compress = ZSTD_createCCtx();
    packer->decompress = ZSTD_createDCtx();
    HIN_ENSURE(packer->compress != NULL && packer->decompress != NULL, NO_MEMORY);
    *ret_packer = packer;
    packer = NULL;
    return hin_ok();
}

void hin_wire_packer_free(struct hin_wire_packer *packer)
{
    if (packer == NULL) {
        return;
    }
    ZSTD_freeCCtx(packer->compress);
    ZSTD_freeDCtx(packer->decompress);
    hin_buf_done(&packer->out);
    free(packer);
}

void hin_wire_packer_freep(struct hin_wire_packer **packer)
{
    hin_wire_packer_free(*packer);
}

struct hin_result hin_wire_pack(struct hin_wire_packer *packer, uint64_t first, uint32_t count,
                                struct hin_view raw, struct hin_wire_batch *ret_batch)
{
    HIN_ENSURE(raw.size > 0 && raw.size <= HIN_WIRE_BATCH_RAW_MAX_BYTES, INVALID);
    HIN_ENSURE(count > 0 && count <= HIN_WIRE_BATCH_RECORDS_MAX, INVALID);
    size_t bound = ZSTD_compressBound(raw.size);
    uint8_t *to = NULL;
    hin_buf_clear(&packer->out);
    HIN_TRY(hin_buf_extend(&packer->out, bound, &to));
    size_t size = ZSTD_compressCCtx(packer->compress, to, bound, raw.data, raw.size, ZSTD_LEVEL);
    HIN_ENSURE(!ZSTD_isError(size), INTERNAL);
    bool smaller = size < raw.size;
    *ret_batch = (struct hin_wire_batch){
        .first = first,
        .count = count,
        .compression = smaller ? HIN_WIRE_ZSTD : HIN_WIRE_PLAIN,
        .raw_bytes = (uint32_t)raw.size,
        .body = smaller ? hin_view_of(to, size) : raw,
    };
    return hin_ok();
}

static HIN_RESULT batch_expand(struct hin_wire_packer *packer, const struct hin_wire_batch *batch,
                               struct hin_view *ret_raw)
{
    if (batch->compression == HIN_WIRE_PLAIN) {
        *ret_raw = batch->body;
        return hin_ok();
    }
    HIN_ENSURE(batch->compression == HIN_WIRE_ZSTD, PROTOCOL);
    uint8_t *to = NULL;
    hin_buf_clear(&packer->out);
    HIN_TRY(hin_buf_extend(&packer->out, batch->raw_bytes, &to));
    size_t size = ZSTD_decompressDCtx(packer->decompress, to, batch->raw_bytes, batch->body.data,
                                      batch->body.size);
    HIN_ENSURE(!ZSTD_isError(size) && size == batch->raw_bytes, PROTOCOL);
    *ret_raw = hin_view_of(to, size);
    return hin_ok();
}

struct hin_result hin_wire_unpack(struct hin_wire_packer *packer,
                                  const struct hin_wire_batch *batch, struct hin_view *ret_records)
{
    struct hin_view raw;
    HIN_ENSURE(batch->raw_bytes <= HIN_WIRE_BATCH_RAW_MAX_BYTES, PROTOCOL);
    HIN_TRY(batch_expand(packer, batch, &raw));
    HIN_ENSURE(raw.size == batch->raw_bytes, PROTOCOL);
    struct hin_reader reader = hin_reader_of(raw);
    struct hin_wire_record record;
    for (uint32_t i = 0; i < batch->count; i++) {
        HIN_TRY(hin_wire_record_read(&reader, &record));
    }
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), PROTOCOL);
    *ret_records = raw;
    return hin_ok();
}
