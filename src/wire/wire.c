/* One table of fields a message drives both encoding and decoding, so the two cannot drift apart;
 * what a table cannot say (ranges that depend on each other) stands in one check a message, run in
 * both directions. */
#include "wire/wire.h"

#include "base/bytes.h"
#include "base/codec.h"

static const uint8_t frame_magic[4] = {'H', 'N', 'W', '1'};

enum kind {
    KIND_U8,
    KIND_U16,
    KIND_U32,
    KIND_U64,
    KIND_VARINT,
    KIND_ZIGZAG,
    KIND_FIXED, /* limit bytes as they stand */
    KIND_TEXT,  /* a view of printable UTF-8, at most limit bytes */
    KIND_BYTES, /* a view of any bytes, at most limit */
    KIND_REST,  /* a view: all that is left; must be last */
    KIND_CERTIFICATES,
    KIND_COUNTERS,
};

struct field {
    uint8_t kind;
    uint16_t since; /* first version that has it */
    uint16_t offset;
    uint16_t count_offset; /* for lists */
    uint32_t limit;
};

#define FIELD(type, kind, member, limit)                                                           \
    {                                                                                              \
        KIND_##kind, 1, offsetof(struct hin_wire_##type, member), 0, (limit)                       \
    }
#define FIELD_SINCE(type, version, kind, member, limit)                                            \
    {                                                                                              \
        KIND_##kind, (version), offsetof(struct hin_wire_##type, member), 0, (limit)               \
    }
#define FIELD_LIST(type, version, kind, member, count)                                             \
    {                                                                                              \
        KIND_##kind, (version), offsetof(struct hin_wire_##type, member),                          \
            offsetof(struct hin_wire_##type, count), 0                                             \
    }

static const struct field hello_fields[] = {
    FIELD(hello, U16, version_oldest, 0),
    FIELD(hello, U16, version_newest, 0),
    FIELD(hello, FIXED, agent_id, HIN_WIRE_ID_BYTES),
    FIELD(hello, U64, session_counter, 0),
    FIELD(hello, U64, spool_first, 0),
    FIELD(hello, U64, spool_last, 0),
    FIELD(hello, U64, policy_serial, 0),
    FIELD(hello, ZIGZAG, wall_usec, 0),
    FIELD(hello, TEXT, agent_version, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD(hello, TEXT, host_name, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD(hello, TEXT, os_name, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD(hello, TEXT, platform, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD_SINCE(hello, 2, BYTES, checkpoint, HIN_WIRE_CHECKPOINT_MAX_BYTES),
};

static const struct field welcome_fields[] = {
    FIELD(welcome, U16, version, 0),        FIELD(welcome, U64, durable, 0),
    FIELD(welcome, ZIGZAG, wall_usec, 0),   FIELD(welcome, U32, heartbeat_sec, 0),
    FIELD(welcome, U32, window_batches, 0), FIELD(welcome, U32, batch_max_bytes, 0),
    FIELD(welcome, U64, policy_serial, 0),
};

static const struct field enrol_fields[] = {
    FIELD(enrol, U16, version_oldest, 0),
    FIELD(enrol, U16, version_newest, 0),
    FIELD(enrol, TEXT, token, HIN_WIRE_TOKEN_MAX_BYTES),
    FIELD(enrol, BYTES, csr, HIN_WIRE_CSR_MAX_BYTES),
    FIELD(enrol, TEXT, agent_version, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD(enrol, TEXT, host_name, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD(enrol, TEXT, os_name, HIN_WIRE_TEXT_MAX_BYTES),
    FIELD(enrol, TEXT, platform, HIN_WIRE_TEXT_MAX_BYTES),
};

static const struct field enrolled_fields[] = {
    FIELD(enrolled, U8, status, 0),
    FIELD(enrolled, U32, retry_sec, 0),
    FIELD(enrolled, FIXED, agent_id, HIN_WIRE_ID_BYTES),
    FIELD(enrolled, FIXED, tenant_id, HIN_WIRE_ID_BYTES),
    FIELD_LIST(enrolled, 1, CERTIFICATES, certificates, certificate_count),
    FIELD(enrolled, BYTES, policy_key, HIN_WIRE_CERTIFICATE_MAX_BYTES),
};

static const struct field renew_fields[] = {
    FIELD(renew, BYTES, csr, HIN_WIRE_CSR_MAX_BYTES),
};

static const struct field renewed_fields[] = {
    FIELD_LIST(renewed, 1, CERTIFICATES, certificates, certificate_count),
};

static const struct field batch_fields[] = {
    FIELD(batch, U64, first, 0),
    FIELD(batch, U32, count, 0),
    FIELD(batch, U8, compression, 0),
    FIELD(batch, U32, raw_bytes, 0),
    FIELD(batch, REST, body, HIN_WIRE_PAYLOAD_MAX_BYTES),
};

static const struct field ack_fields[] = {
    FIELD(ack, U64, through, 0),
};

static const struct field heartbeat_fields[] = {
    FIELD(heartbeat, ZIGZAG, wall_usec, 0),
    FIELD(heartbeat, ZIGZAG, clock_offset_usec, 0),
    FIELD(heartbeat, VARINT, spool_count, 0),
    FIELD(heartbeat, VARINT, spool_bytes, 0),
    FIELD(heartbeat, U64, policy_serial, 0),
    FIELD_LIST(heartbeat, 2, COUNTERS, counters, counter_count),
    FIELD_SINCE(heartbeat, 2, BYTES, checkpoint, HIN_WIRE_CHECKPOINT_MAX_BYTES),
};

static const struct field heartbeat_reply_fields[] = {
    FIELD(heartbeat_reply, ZIGZAG, echo_usec, 0),
    FIELD(heartbeat_reply, ZIGZAG, wall_usec, 0),
    FIELD_SINCE(heartbeat_reply, 2, BYTES, checkpoint, HIN_WIRE_CHECKPOINT_MAX_BYTES),
    FIELD_SINCE(heartbeat_reply, 3, TEXT, restore, HIN_WIRE_SENTENCE_MAX_BYTES),
};

static const struct field policy_fields[] = {
    FIELD(policy, U64, serial, 0),
    FIELD(policy, U32, total_bytes, 0),
    FIELD(policy, U32, offset, 0),
    FIELD(policy, FIXED, digest, HIN_WIRE_DIGEST_BYTES),
    FIELD(policy, BYTES, chunk, HIN_WIRE_POLICY_CHUNK_MAX_BYTES),
};

static const struct field policy_status_fields[] = {
    FIELD(policy_status, U64, serial, 0),
    FIELD(policy_status, U8, state, 0),
    FIELD(policy_status, TEXT, sentence, HIN_WIRE_SENTENCE_MAX_BYTES),
};

static const struct field ping_fields[] = {
    FIELD(ping, U64, nonce, 0),
};

static const struct field refuse_fields[] = {
    FIELD(refuse, U16, version_oldest, 0),
    FIELD(refuse, U16, version_newest, 0),
    FIELD(refuse, U16, reason, 0),
    FIELD(refuse, U32, retry_sec, 0),
    FIELD(refuse, TEXT, sentence, HIN_WIRE_SENTENCE_MAX_BYTES),
};

static const struct field held_fields[] = {
    FIELD(held, TEXT, sentence, HIN_WIRE_SENTENCE_MAX_BYTES),
};

static bool range_ok(uint16_t oldest, uint16_t newest)
{
    return oldest >= 1 && oldest <= newest;
}

static bool check_hello(const struct hin_wire_message *m)
{
    return range_ok(m->hello.version_oldest, m->hello.version_newest) &&
           m->hello.spool_last < UINT64_MAX && m->hello.spool_first <= m->hello.spool_last + 1;
}

static bool check_welcome(const struct hin_wire_message *m)
{
    return m->welcome.version >= 1 && m->welcome.heartbeat_sec >= 1 &&
           m->welcome.heartbeat_sec <= 3600 && m->welcome.window_batches >= 1 &&
           m->welcome.window_batches <= 64 && m->welcome.batch_max_bytes >= (64U << 10) &&
           m->welcome.batch_max_bytes <= HIN_WIRE_BATCH_RAW_MAX_BYTES;
}

static bool check_enrol(const struct hin_wire_message *m)
{
    return range_ok(m->enrol.version_oldest, m->enrol.version_newest) && m->enrol.csr.size > 0;
}

static bool check_enrolled(const struct hin_wire_message *m)
{
    const struct hin_wire_enrolled *e = &m->enrolled;
    if (e->status == HIN_WIRE_PENDING) {
        return e->certificate_count == 0 && e->policy_key.size == 0;
    }
    return e->status == HIN_WIRE_ISSUED && e->certificate_count >= 2 && e->policy_key.size > 0;
}

static bool check_renew(const struct hin_wire_message *m)
{
    return m->renew.csr.size > 0;
}

static bool check_renewed(const struct hin_wire_message *m)
{
    return m->renewed.certificate_count >= 2;
}

static bool check_batch(const struct hin_wire_message *m)
{
    const struct hin_wire_batch *b = &m->batch;
    if (b->first == 0 || b->count == 0 || b->count > HIN_WIRE_BATCH_RECORDS_MAX ||
        b->first > UINT64_MAX - b->count || b->raw_bytes == 0 ||
        b->raw_bytes > HIN_WIRE_BATCH_RAW_MAX_BYTES || b->body.size == 0) {
        return false;
    }
    return b->compression == HIN_WIRE_ZSTD ||
           (b->compression == HIN_WIRE_PLAIN && b->body.size == b->raw_bytes);
}

static bool check_policy(const struct hin_wire_message *m)
{
    const struct hin_wire_policy *p = &m->policy;
    return p->serial > 0 && p->total_bytes > 0 && p->total_bytes <= HIN_WIRE_POLICY_MAX_BYTES &&
           p->chunk.size > 0 && p->offset < p->total_bytes &&
           p->chunk.size <= p->total_bytes - p->offset;
}

static bool check_policy_status(const struct hin_wire_message *m)
{
    return m->policy_status.state == HIN_WIRE_POLICY_APPLIED ||
           m->policy_status.state == HIN_WIRE_POLICY_REFUSED;
}

static bool check_refuse(const struct hin_wire_message *m)
{
    return range_ok(m->refuse.version_oldest, m->refuse.version_newest) && m->refuse.reason >= 1;
}

static bool check_nothing(const struct hin_wire_message *m)
{
    (void)m;
    return true;
}

#define check_ack             check_nothing
#define check_heartbeat       check_nothing
#define check_heartbeat_reply check_nothing
#define check_ping            check_nothing
#define check_pong            check_nothing
#define check_held            check_nothing
#define pong_fields           ping_fields

struct form {
    const char *name;
    const struct field *fields;
    size_t field_count;
    bool (*check)(const struct hin_wire_message *message);
};

static const struct form forms[HIN_WIRE_TYPE_COUNT] = {
#define X(upper, lower, number, direction)                                                         \
    [number] = {#lower, lower##_fields, HIN_COUNT(lower##_fields), check_##lower},
    HIN_WIRE_TYPES(X)
#undef X
};

const char *hin_wire_type_name(uint8_t type)
{
    return type < HIN_WIRE_TYPE_COUNT && forms[type].name != NULL ? forms[type].name : "unknown";
}

const char *hin_wire_refusal_text(uint16_t reason)
{
    static const char *const texts[HIN_WIRE_REFUSAL_COUNT] = {
#define X(name, number, text) [number] = (text),
        HIN_WIRE_REFUSALS(X)
#undef X
    };
    return reason < HIN_WIRE_REFUSAL_COUNT && texts[reason] != NULL ? texts[reason] : "refused";
}

struct hin_result hin_wire_negotiate(uint16_t our_oldest, uint16_t our_newest,
                                     uint16_t their_oldest, uint16_t their_newest,
                                     uint16_t *ret_version)
{
    uint16_t newest = HIN_MIN(our_newest, their_newest);
    HIN_ENSURE(newest >= our_oldest && newest >= their_oldest && newest >= 1, UNSUPPORTED);
    *ret_version = newest;
    return hin_ok();
}

/* UTF-8 as RFC 3629 section 4 has it (no overlong forms, no surrogates), without C0 controls and
 * DEL. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80) {
        return at[0] >= 0x20 && at[0] != 0x7f ? 1 : 0;
    }
    size_t size = at[0] >= 0xc2 && at[0] <= 0xdf   ? 2
                  : at[0] >= 0xe0 && at[0] <= 0xef ? 3
                  : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                   : 0;
    if (size == 0 || size > left) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) {
        return 0;
    }
    return size;
}

static bool text_ok(struct hin_view text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_length(text.data + at, text.size - at);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

static bool counter_name_ok(struct hin_view name)
{
    if (name.size == 0 || name.size > 63) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return true;
}

static HIN_RESULT write_certificates(struct hin_buf *out, const struct hin_view *items,
                                     size_t count)
{
    HIN_ENSURE(count <= HIN_WIRE_CHAIN_MAX, INVALID);
    HIN_TRY(hin_write_varint(out, count));
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(items[i].size > 0 && items[i].size <= HIN_WIRE_CERTIFICATE_MAX_BYTES, INVALID);
        HIN_TRY(hin_write_bytes(out, items[i]));
    }
    return hin_ok();
}

static HIN_RESULT write_counters(struct hin_buf *out, const struct hin_wire_counter *items,
                                 size_t count)
{
    HIN_ENSURE(count <= HIN_WIRE_COUNTERS_MAX, INVALID);
    HIN_TRY(hin_write_varint(out, count));
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(counter_name_ok(items[i].name), INVALID);
        HIN_TRY(hin_write_bytes(out, items[i].name));
        HIN_TRY(hin_write_varint(out, items[i].value));
    }
    return hin_ok();
}

static HIN_RESULT write_field(struct hin_buf *out, const struct field *field, const uint8_t *from)
{
    const void *at = from + field->offset;
    const struct hin_view *view = at;
    switch ((enum kind)field->kind) {
    case KIND_U8:
        return hin_write_u8(out, *(const uint8_t *)at);
    case KIND_U16:
        return hin_write_u16(out, *(const uint16_t *)at);
    case KIND_U32:
        return hin_write_u32(out, *(const uint32_t *)at);
    case KIND_U64:
        return hin_write_u64(out, *(const uint64_t *)at);
    case KIND_VARINT:
        return hin_write_varint(out, *(const uint64_t *)at);
    case KIND_ZIGZAG:
        return hin_write_zigzag(out, *(const int64_t *)at);
    case KIND_FIXED:
        return hin_buf_append(out, hin_view_of(at, field->limit));
    case KIND_TEXT:
        HIN_ENSURE(view->size <= field->limit && text_ok(*view), INVALID);
        return hin_write_bytes(out, *view);
    case KIND_BYTES:
        HIN_ENSURE(view->size <= field->limit, INVALID);
        return hin_write_bytes(out, *view);
    case KIND_REST:
        return hin_buf_append(out, *view);
    case KIND_CERTIFICATES:
        return write_certificates(out, at,
                                  *(const size_t *)(const void *)(from + field->count_offset));
    case KIND_COUNTERS:
        return write_counters(out, at, *(const size_t *)(const void *)(from + field->count_offset));
    }
    return hin_fail(HIN_INTERNAL);
}

static HIN_RESULT write_frame(uint16_t version, const struct hin_wire_message *message,
                              struct hin_buf *out)
{
    const struct form *form = &forms[message->type];
    size_t start = out->size;
    HIN_TRY(hin_buf_append(out, hin_view_of(frame_magic, sizeof(frame_magic))));
    HIN_TRY(hin_write_u16(out, version));
    HIN_TRY(hin_write_u8(out, (uint8_t)message->type));
    HIN_TRY(hin_write_u8(out, 0));
    HIN_TRY(hin_write_u32(out, 0));
    for (size_t i = 0; i < form->field_count; i++) {
        if (version >= form->fields[i].since) {
            /* All members of the union begin at the same place. */
            HIN_TRY(write_field(out, &form->fields[i], (const uint8_t *)&message->hello));
        }
    }
    size_t payload = out->size - start - HIN_WIRE_FRAME_HEADER_BYTES;
    HIN_ENSURE(payload <= HIN_WIRE_PAYLOAD_MAX_BYTES, LIMIT);
    hin_store_u32(out->data + start + 8, (uint32_t)payload);
    return hin_ok();
}

struct hin_result hin_wire_encode(uint16_t version, const struct hin_wire_message *message,
                                  struct hin_buf *out)
{
    HIN_ENSURE(version >= HIN_WIRE_VERSION_OLDEST && version <= HIN_WIRE_VERSION, UNSUPPORTED);
    HIN_ENSURE(message->type > 0 && message->type < HIN_WIRE_TYPE_COUNT, INVALID);
    HIN_ENSURE(forms[message->type].check(message), INVALID);
    size_t start = out->size;
    struct hin_result result = write_frame(version, message, out);
    if (!hin_is_ok(result)) {
        out->size = start;
    }
    return result;
}

static HIN_RESULT read_certificates(struct hin_reader *reader, struct hin_view *items,
                                    size_t *ret_count)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_WIRE_CHAIN_MAX, LIMIT);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_bytes(reader, HIN_WIRE_CERTIFICATE_MAX_BYTES, &items[i]));
        HIN_ENSURE(items[i].size > 0, PROTOCOL);
    }
    *ret_count = (size_t)count;
    return hin_ok();
}

static HIN_RESULT read_counters(struct hin_reader *reader, struct hin_wire_counter *items,
                                size_t *ret_count)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= HIN_WIRE_COUNTERS_MAX, LIMIT);
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_read_bytes(reader, 63, &items[i].name));
        HIN_ENSURE(counter_name_ok(items[i].name), PROTOCOL);
        HIN_TRY(hin_read_varint(reader, &items[i].value));
    }
    *ret_count = (size_t)count;
    return hin_ok();
}

static HIN_RESULT read_fixed(struct hin_reader *reader, size_t size, void *to)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, size, &bytes));
    hin_copy(to, bytes.data, size);
    return hin_ok();
}

static HIN_RESULT read_field(struct hin_reader *reader, const struct field *field, uint8_t *to)
{
    void *at = to + field->offset;
    struct hin_view *view = at;
    switch ((enum kind)field->kind) {
    case KIND_U8:
        return hin_read_u8(reader, at);
    case KIND_U16:
        return hin_read_u16(reader, at);
    case KIND_U32:
        return hin_read_u32(reader, at);
    case KIND_U64:
        return hin_read_u64(reader, at);
    case KIND_VARINT:
        return hin_read_varint(reader, at);
    case KIND_ZIGZAG:
        return hin_read_zigzag(reader, at);
    case KIND_FIXED:
        return read_fixed(reader, field->limit, at);
    case KIND_TEXT:
        HIN_TRY(hin_read_bytes(reader, field->limit, view));
        HIN_ENSURE(text_ok(*view), PROTOCOL);
        return hin_ok();
    case KIND_BYTES:
        return hin_read_bytes(reader, field->limit, view);
    case KIND_REST:
        return hin_read_exact(reader, reader->rest.size, view);
    case KIND_CERTIFICATES:
        return read_certificates(reader, at, (size_t *)(void *)(to + field->count_offset));
    case KIND_COUNTERS:
        return read_counters(reader, at, (size_t *)(void *)(to + field->count_offset));
    }
    return hin_fail(HIN_INTERNAL);
}

struct hin_result hin_wire_decode(uint16_t version, uint8_t type, struct hin_view payload,
                                  struct hin_wire_message *ret_message)
{
    HIN_ENSURE(version >= HIN_WIRE_VERSION_OLDEST && version <= HIN_WIRE_VERSION, UNSUPPORTED);
    HIN_ENSURE(type < HIN_WIRE_TYPE_COUNT && forms[type].name != NULL, UNSUPPORTED);
    HIN_ENSURE(payload.size <= HIN_WIRE_PAYLOAD_MAX_BYTES, PROTOCOL);
    const struct form *form = &forms[type];
    struct hin_wire_message message = {.type = (enum hin_wire_type)type};
    struct hin_reader reader = hin_reader_of(payload);
    for (size_t i = 0; i < form->field_count; i++) {
        if (version >= form->fields[i].since) {
            HIN_ENSURE(hin_is_ok(read_field(&reader, &form->fields[i], (uint8_t *)&message.hello)),
                       PROTOCOL);
        }
    }
    HIN_ENSURE(hin_is_ok(hin_read_end(&reader)), PROTOCOL);
    HIN_ENSURE(form->check(&message), PROTOCOL);
    *ret_message = message;
    return hin_ok();
}

struct hin_result hin_wire_frame_next(struct hin_view input, size_t payload_max_bytes,
                                      struct hin_wire_frame *ret_frame)
{
    size_t magic = HIN_MIN(input.size, sizeof(frame_magic));
    HIN_ENSURE(hin_view_equal(hin_view_sub(input, 0, magic), hin_view_of(frame_magic, magic)),
               PROTOCOL);
    HIN_ENSURE(input.size >= HIN_WIRE_FRAME_HEADER_BYTES, AGAIN);
    HIN_ENSURE(input.data[7] == 0, PROTOCOL);
    uint32_t payload = hin_load_u32(input.data + 8);
    HIN_ENSURE(payload <= payload_max_bytes && payload <= HIN_WIRE_PAYLOAD_MAX_BYTES, LIMIT);
    HIN_ENSURE(input.size - HIN_WIRE_FRAME_HEADER_BYTES >= payload, AGAIN);
    *ret_frame = (struct hin_wire_frame){
        .type = input.data[6],
        .version = hin_load_u16(input.data + 4),
        .payload = hin_view_sub(input, HIN_WIRE_FRAME_HEADER_BYTES, payload),
        .size = HIN_WIRE_FRAME_HEADER_BYTES + (size_t)payload,
    };
    return hin_ok();
}
