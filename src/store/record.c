/* The record of an event inside a segment. Version 1: u8 version, zigzag agent, u64 generation,
 * varint offset, bytes cursor, varint finding, zigzag computer, varint class, u8 severity, varint
 * token count, u64 tokens, then the event to the end. Version 2 is what is left of an erased event:
 * it ends behind `finding`. Id and time are the segment's sequence and time. */
#include "base/bytes.h"
#include "base/codec.h"
#include "event/codec.h"
#include "store/events.h"
#include "store/internal.h"

enum { RECORD_VERSION = 1, RECORD_ERASED = 2 };

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

HIN_RESULT hin_record_write(const struct hin_store_event *event, bool keep_tokens,
                            struct hin_buf *buf)
{
    const struct hin_store_identity *identity = &event->identity;
    size_t token_count = keep_tokens ? event->token_count : 0;
    HIN_ENSURE(event->bytes.size <= HIN_STORE_EVENT_MAX_BYTES, LIMIT);
    HIN_ENSURE(event->token_count <= HIN_STORE_TOKENS_MAX, LIMIT);
    HIN_ENSURE(identity->cursor.size <= HIN_STORE_CURSOR_MAX_BYTES, LIMIT);
    size_t bound = 100 + identity->cursor.size + token_count * 8 + event->bytes.size;
    size_t begin = buf->size;
    uint8_t *start = NULL;
    HIN_TRY(hin_buf_extend(buf, bound, &start));
    uint8_t *at = start;
    *at++ = RECORD_VERSION;
    at = put_varint(at, zigzag(identity->agent));
    hin_store_u64(at, identity->generation);
    at = put_varint(at + 8, identity->offset);
    at = put_varint(at, identity->cursor.size);
    hin_copy(at, identity->cursor.data, identity->cursor.size);
    at = put_varint(at + identity->cursor.size, identity->finding);
    at = put_varint(at, zigzag(event->computer_id));
    at = put_varint(at, event->class_uid);
    *at++ = event->severity_id;
    at = put_varint(at, token_count);
    for (size_t i = 0; i < token_count; i++, at += 8) {
        hin_store_u64(at, event->tokens[i]);
    }
    hin_copy(at, event->bytes.data, event->bytes.size);
    buf->size = begin + (size_t)(at - start) + event->bytes.size;
    return hin_ok();
}

HIN_RESULT hin_record_write_erased(const struct hin_store_event *event, struct hin_buf *buf)
{
    const struct hin_store_identity *identity = &event->identity;
    HIN_TRY(hin_write_u8(buf, RECORD_ERASED));
    HIN_TRY(hin_write_zigzag(buf, identity->agent));
    HIN_TRY(hin_write_u64(buf, identity->generation));
    HIN_TRY(hin_write_varint(buf, identity->offset));
    HIN_TRY(hin_write_bytes(buf, identity->cursor));
    return hin_write_varint(buf, identity->finding);
}

static HIN_RESULT read_identity(struct hin_reader *reader, struct hin_store_identity *identity)
{
    uint64_t finding = 0;
    HIN_TRY(hin_read_zigzag(reader, &identity->agent));
    HIN_TRY(hin_read_u64(reader, &identity->generation));
    HIN_TRY(hin_read_varint(reader, &identity->offset));
    HIN_TRY(hin_read_bytes(reader, HIN_STORE_CURSOR_MAX_BYTES, &identity->cursor));
    HIN_TRY(hin_read_varint(reader, &finding));
    HIN_ENSURE(finding <= UINT32_MAX, SYNTAX);
    identity->finding = (uint32_t)finding;
    return hin_ok();
}

HIN_RESULT hin_record_read(struct hin_view record, struct hin_store_event *ret_event,
                           uint64_t *tokens)
{
    struct hin_reader reader = hin_reader_of(record);
    struct hin_store_event event = {0};
    uint8_t version = 0;
    uint64_t class_uid = 0, token_count = 0;
    HIN_TRY(hin_read_u8(&reader, &version));
    HIN_ENSURE(version <= RECORD_ERASED, UNSUPPORTED);
    HIN_ENSURE(version != 0, SYNTAX);
    HIN_TRY(read_identity(&reader, &event.identity));
    if (version == RECORD_ERASED) {
        HIN_ENSURE(reader.rest.size == 0, SYNTAX);
        event.erased = true;
        *ret_event = event;
        return hin_ok();
    }
    HIN_TRY(hin_read_zigzag(&reader, &event.computer_id));
    HIN_TRY(hin_read_varint(&reader, &class_uid));
    HIN_ENSURE(class_uid <= UINT32_MAX, SYNTAX);
    event.class_uid = (uint32_t)class_uid;
    HIN_TRY(hin_read_u8(&reader, &event.severity_id));
    HIN_TRY(hin_read_varint(&reader, &token_count));
    HIN_ENSURE(token_count <= HIN_STORE_TOKENS_MAX, LIMIT);
    for (uint64_t i = 0; i < token_count; i++) {
        HIN_TRY(hin_read_u64(&reader, &tokens[i]));
    }
    event.tokens = tokens;
    event.token_count = (size_t)token_count;
    event.bytes = reader.rest;
    HIN_ENSURE(event.bytes.size <= HIN_STORE_EVENT_MAX_BYTES, LIMIT);
    *ret_event = event;
    return hin_ok();
}
