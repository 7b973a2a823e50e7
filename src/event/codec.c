#include "event/codec.h"

#include "base/bytes.h"
#include "base/codec.h"

enum { WIRE_INTEGER = 0, WIRE_TEXT = 1, WIRE_TEXTS = 2, WIRE_EXTRAS = 3 };

#define VARINT_MAX       10
#define ENTRY_HEAD_MAX   (VARINT_MAX + VARINT_MAX) /* key, then length, count or integer */
#define KEY_OF(id, wire) ((uint64_t)(id) << 2 | (uint64_t)(wire))

static const uint8_t wire_types[] = {
    [HIN_TYPE_TEXT] = WIRE_TEXT,    [HIN_TYPE_INTEGER] = WIRE_INTEGER,
    [HIN_TYPE_TIME] = WIRE_INTEGER, [HIN_TYPE_FLAG] = WIRE_INTEGER,
    [HIN_TYPE_IP] = WIRE_TEXT,      [HIN_TYPE_TEXTS] = WIRE_TEXTS,
};

/* --- encoding: one pass for an upper bound, one pass of unchecked writes into the reserved room
 * --- */

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_bytes(uint8_t *at, struct hin_view bytes)
{
    at = put_varint(at, bytes.size);
    hin_copy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

/* Setters bound every text and list, so that the sum cannot overflow. */
static size_t bound_of(const struct hin_event *event)
{
    size_t bound = 2;
    for (uint64_t left = event->present; left != 0; left &= left - 1) {
        unsigned id = (unsigned)__builtin_ctzll(left);
        const struct hin_value *value = &event->values[id];
        uint8_t wire = wire_types[hin_field_get((uint16_t)id)->type];
        bound += ENTRY_HEAD_MAX;
        if (wire == WIRE_TEXT) {
            bound += value->text.size;
        } else if (wire == WIRE_TEXTS) {
            for (size_t i = 0; i < value->texts.count; i++) {
                bound += VARINT_MAX + value->texts.items[i].size;
            }
        }
    }
    for (size_t i = 0; i < event->extra_count; i++) {
        bound += 2 * VARINT_MAX + event->extras[i].name.size + event->extras[i].value.size;
    }
    return bound + ENTRY_HEAD_MAX;
}

static uint8_t *put_field(uint8_t *at, const struct hin_event *event, unsigned id)
{
    const struct hin_value *value = &event->values[id];
    uint8_t wire = wire_types[hin_field_get((uint16_t)id)->type];
    at = put_varint(at, KEY_OF(id, wire));
    if (wire == WIRE_INTEGER) {
        return put_varint(at, zigzag(value->integer));
    }
    if (wire == WIRE_TEXT) {
        return put_bytes(at, value->text);
    }
    at = put_varint(at, value->texts.count);
    for (size_t i = 0; i < value->texts.count; i++) {
        at = put_bytes(at, value->texts.items[i]);
    }
    return at;
}

HIN_RESULT hin_event_encode(const struct hin_event *event, struct hin_buf *buf)
{
    HIN_ENSURE(event->present < UINT64_C(1) << HIN_FIELD_LIMIT && (event->present & 1) == 0,
               INVALID);
    size_t bound = bound_of(event);
    HIN_ENSURE(bound <= HIN_EVENT_MAX_BYTES, LIMIT);
    size_t begin = buf->size;
    uint8_t *start = NULL;
    HIN_TRY(hin_buf_extend(buf, bound, &start));
    uint8_t *at = start;
    *at++ = HIN_EVENT_CODEC_VERSION;
    *at++ = 0;
    for (uint64_t left = event->present; left != 0; left &= left - 1) {
        at = put_field(at, event, (unsigned)__builtin_ctzll(left));
    }
    if (event->extra_count > 0) {
        at = put_varint(at, KEY_OF(0, WIRE_EXTRAS));
        at = put_varint(at, event->extra_count);
        for (size_t i = 0; i < event->extra_count; i++) {
            at = put_bytes(at, event->extras[i].name);
            at = put_bytes(at, event->extras[i].value);
        }
    }
    buf->size = begin + (size_t)(at - start);
    return hin_ok();
}

/* --- decoding --- */

/* One entry, judged as to its form only. */
struct entry {
    unsigned id;
    uint8_t wire;
    int64_t integer;
    struct hin_view text;
    size_t count;
};

static HIN_RESULT read_version(struct hin_reader *reader)
{
    uint8_t version = 0, zero = 0;
    HIN_TRY(hin_read_u8(reader, &version));
    HIN_ENSURE(version <= HIN_EVENT_CODEC_VERSION, UNSUPPORTED);
    HIN_ENSURE(version == HIN_EVENT_CODEC_VERSION, SYNTAX);
    HIN_TRY(hin_read_u8(reader, &zero));
    HIN_ENSURE(zero == 0, SYNTAX);
    return hin_ok();
}

/* The head of an entry; for a list or extras the items follow in the reader. `last` is the number
 * before it, or UINT64_MAX when the extras were read: nothing may follow them. */
static HIN_RESULT read_entry(struct hin_reader *reader, uint64_t *last, struct entry *ret_entry)
{
    uint64_t key = 0;
    HIN_TRY(hin_read_varint(reader, &key));
    uint64_t id = key >> 2;
    uint8_t wire = (uint8_t)(key & 3);
    HIN_ENSURE((wire == WIRE_EXTRAS) == (id == 0) && id <= UINT16_MAX, SYNTAX);
    HIN_ENSURE(*last != UINT64_MAX && (id == 0 || id > *last), SYNTAX);
    *last = id == 0 ? UINT64_MAX : id;
    struct entry entry = {.id = (unsigned)id, .wire = wire};
    if (wire == WIRE_INTEGER) {
        HIN_TRY(hin_read_zigzag(reader, &entry.integer));
    } else if (wire == WIRE_TEXT) {
        HIN_TRY(hin_read_bytes(reader, HIN_EVENT_TEXT_MAX, &entry.text));
    } else {
        uint64_t count = 0;
        HIN_TRY(hin_read_varint(reader, &count));
        HIN_ENSURE(count <= (wire == WIRE_TEXTS ? HIN_EVENT_LIST_MAX : HIN_EVENT_EXTRAS_MAX),
                   LIMIT);
        HIN_ENSURE(wire == WIRE_TEXTS || count > 0, SYNTAX);
        entry.count = (size_t)count;
    }
    const struct hin_field *field = hin_field_get((uint16_t)id);
    HIN_ENSURE(field == NULL || wire_types[field->type] == wire, SYNTAX);
    HIN_ENSURE(field == NULL || field->type != HIN_TYPE_FLAG ||
                   (entry.integer == 0 || entry.integer == 1),
               SYNTAX);
    *ret_entry = entry;
    return hin_ok();
}

static HIN_RESULT read_texts(struct hin_reader *reader, const struct entry *entry,
                             struct hin_event *event)
{
    struct hin_view *items = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(event->arena, entry->count > 0 ? entry->count : 1, &items));
    for (size_t i = 0; i < entry->count; i++) {
        HIN_TRY(hin_read_bytes(reader, HIN_EVENT_TEXT_MAX, &items[i]));
    }
    if (entry->id < HIN_FIELD_LIMIT) {
        event->values[entry->id].texts.items = items;
        event->values[entry->id].texts.count = entry->count;
    }
    return hin_ok();
}

static HIN_RESULT read_extras(struct hin_reader *reader, const struct entry *entry,
                              struct hin_event *event)
{
    for (size_t i = 0; i < entry->count; i++) {
        struct hin_view name, value;
        HIN_TRY(hin_read_bytes(reader, HIN_EVENT_NAME_MAX, &name));
        HIN_TRY(hin_read_bytes(reader, HIN_EVENT_TEXT_MAX, &value));
        size_t before = event->extra_count;
        HIN_ENSURE(name.size > 0, SYNTAX);
        HIN_TRY(hin_event_set_extra(event, name, value));
        HIN_ENSURE(event->extra_count == before + 1, SYNTAX); /* a name stands twice */
    }
    return hin_ok();
}

static HIN_RESULT read_into(struct hin_reader *reader, const struct entry *entry,
                            struct hin_event *event)
{
    if (entry->wire == WIRE_EXTRAS) {
        return read_extras(reader, entry, event);
    }
    if (entry->wire == WIRE_TEXTS) {
        HIN_TRY(read_texts(reader, entry, event));
    }
    if (entry->id >= HIN_FIELD_LIMIT) {
        return hin_ok(); /* a field of a later build */
    }
    if (entry->wire == WIRE_INTEGER) {
        event->values[entry->id].integer = entry->integer;
    } else if (entry->wire == WIRE_TEXT) {
        event->values[entry->id].text = entry->text;
    }
    event->present |= UINT64_C(1) << entry->id;
    return hin_ok();
}

HIN_RESULT hin_event_decode(struct hin_view bytes, struct hin_arena *arena,
                            struct hin_event *ret_event)
{
    HIN_ENSURE(bytes.size <= HIN_EVENT_MAX_BYTES, LIMIT);
    struct hin_reader reader = hin_reader_of(bytes);
    HIN_TRY(read_version(&reader));
    hin_event_init(ret_event, arena);
    uint64_t last = 0;
    while (reader.rest.size > 0) {
        struct entry entry;
        HIN_TRY(read_entry(&reader, &last, &entry));
        HIN_TRY(read_into(&reader, &entry, ret_event));
    }
    return hin_ok();
}

/* Skips the items of a list or of extras. */
static HIN_RESULT skip_items(struct hin_reader *reader, const struct entry *entry)
{
    size_t count = entry->wire == WIRE_EXTRAS ? 2 * entry->count : entry->count;
    for (size_t i = 0; i < count; i++) {
        bool is_name = entry->wire == WIRE_EXTRAS && i % 2 == 0;
        struct hin_view item;
        HIN_TRY(hin_read_bytes(reader, is_name ? HIN_EVENT_NAME_MAX : HIN_EVENT_TEXT_MAX, &item));
        HIN_ENSURE(!is_name || item.size > 0, SYNTAX);
    }
    return hin_ok();
}

static void note_head(const struct entry *entry, struct hin_event_head *head)
{
    switch (entry->id) {
    case HIN_FIELD_TIME:
        head->time_usec = entry->integer;
        break;
    case HIN_FIELD_CLASS:
        head->class_uid = entry->integer;
        break;
    case HIN_FIELD_SEVERITY:
        head->severity_id = entry->integer;
        break;
    case HIN_FIELD_COMPUTER_ID:
        head->computer_id = entry->integer;
        break;
    case HIN_FIELD_GENERATION:
        head->identity.generation = entry->integer > 0 ? (uint64_t)entry->integer : 0;
        break;
    case HIN_FIELD_OFFSET:
        head->identity.offset = entry->integer > 0 ? (uint64_t)entry->integer : 0;
        break;
    case HIN_FIELD_FINDING:
        head->identity.finding = (uint32_t)entry->integer;
        break;
    default:
        break;
    }
}

HIN_RESULT hin_event_peek(struct hin_view bytes, struct hin_event_head *ret_head)
{
    HIN_ENSURE(bytes.size <= HIN_EVENT_MAX_BYTES, LIMIT);
    struct hin_reader reader = hin_reader_of(bytes);
    HIN_TRY(read_version(&reader));
    struct hin_event_head head = {0};
    uint64_t last = 0;
    while (reader.rest.size > 0) {
        struct entry entry;
        HIN_TRY(read_entry(&reader, &last, &entry));
        if (entry.wire >= WIRE_TEXTS) {
            HIN_TRY(skip_items(&reader, &entry));
        } else if (entry.wire == WIRE_INTEGER) {
            note_head(&entry, &head);
        }
    }
    *ret_head = head;
    return hin_ok();
}
