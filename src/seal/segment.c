#include "seal/segment.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/codec.h"

static const uint8_t segment_magic[3] = {'H', 'S', 'G'};

enum { VERSION_FIRST = 1, VERSION_INDEXED = 2 };

#define ZSTD_LEVEL 1
/* With 7 probes 0.02 % of false alarms: each opens a segment for nothing. Heads of before have
 * half of it, and 0.8 %. A full filter has more of them. */
#define FILTER_TOKEN_BITS 20
#define FILTER_FULL_BITS  10
#define FILTER_LEAST      64
#define TOKENS_MAX        ((size_t)HIN_SEGMENT_FILTER_MAX * 8 / FILTER_FULL_BITS)
#define RECORD_OVERHEAD   30 /* three varints */

enum at {
    AT_VERSION = 3,
    AT_KEY_ID = 4,
    AT_NONCE = 20,
    AT_COUNT = 32,
    AT_PLAIN = 36,
    AT_FIRST = 40,
    AT_LAST = 48,
    AT_MIN = 56,
    AT_MAX = 64,
    AT_BODY = 72,
    AT_BODY_CRC = 76,
    AT_FILTER = 80,
    AT_INDEX = 84,
    AT_HEAD_CRC = 88,
};

/* --- the filter: Kirsch-Mitzenmacher double hashing over tokens, which are pseudo-random already
 * --- */

static void filter_add(uint8_t *filter, size_t size, uint64_t token)
{
    uint32_t hash = (uint32_t)token, step = (uint32_t)(token >> 32) | 1;
    for (int i = 0; i < HIN_SEGMENT_PROBES; i++, hash += step) {
        uint64_t bit = (uint64_t)hash * (size * 8) >> 32;
        filter[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

bool hin_segment_may_hold(const struct hin_segment_head *head, uint64_t token)
{
    uint32_t hash = (uint32_t)token, step = (uint32_t)(token >> 32) | 1;
    if (head->filter.size == 0) {
        return false;
    }
    for (int i = 0; i < HIN_SEGMENT_PROBES; i++, hash += step) {
        uint64_t bit = (uint64_t)hash * (head->filter.size * 8) >> 32;
        if ((head->filter.data[bit / 8] >> bit % 8 & 1) == 0) {
            return false;
        }
    }
    return true;
}

void hin_segment_probes(uint64_t token, uint32_t ret_probes[HIN_SEGMENT_PROBES])
{
    uint32_t hash = (uint32_t)token, step = (uint32_t)(token >> 32) | 1;
    for (int i = 0; i < HIN_SEGMENT_PROBES; i++, hash += step) {
        ret_probes[i] = hash;
    }
}

/* --- distinct tokens of the segment being built: open addressing, 0 = free (a token 0 is kept
 * apart) --- */

struct tokens {
    uint64_t *slots;
    size_t capacity; /* a power of two */
    size_t count;
    bool zero;
};

static bool tokens_put(struct tokens *tokens, uint64_t token)
{
    size_t at = (size_t)token & (tokens->capacity - 1);
    while (tokens->slots[at] != 0) {
        if (tokens->slots[at] == token) {
            return false;
        }
        at = (at + 1) & (tokens->capacity - 1);
    }
    tokens->slots[at] = token;
    return true;
}

static HIN_RESULT tokens_grow(struct tokens *tokens)
{
    struct tokens bigger = *tokens;
    bigger.capacity = tokens->capacity > 0 ? 2 * tokens->capacity : 1024;
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    HIN_ENSURE(bigger.slots != NULL, NO_MEMORY);
    for (size_t i = 0; i < tokens->capacity; i++) {
        if (tokens->slots[i] != 0) {
            tokens_put(&bigger, tokens->slots[i]);
        }
    }
    free(tokens->slots);
    *tokens = bigger;
    return hin_ok();
}

static HIN_RESULT tokens_reserve(struct tokens *tokens, size_t extra)
{
    HIN_ENSURE(extra <= TOKENS_MAX && tokens->count + extra < TOKENS_MAX, LIMIT);
    while (2 * (tokens->count + extra) > tokens->capacity) {
        HIN_TRY(tokens_grow(tokens));
    }
    return hin_ok();
}

static void tokens_add(struct tokens *tokens, uint64_t token)
{
    if (token == 0) {
        tokens->zero = true;
    } else {
        tokens->count += tokens_put(tokens, token);
    }
}

/* --- building --- */

struct hin_segment_builder {
    size_t max_count;
    struct hin_buf plain;
    struct hin_buf body;
    struct hin_buf head;
    struct hin_buf associated;
    struct tokens tokens;
    ZSTD_CCtx *zstd;
    uint32_t count;
    uint32_t index_version; /* 0: none noted */
    uint64_t first, last, previous_sequence;
    int64_t min, max, previous_time;
};

struct hin_result hin_segment_builder_new(struct hin_segment_builder **ret_builder,
                                          size_t max_count, size_t max_bytes)
{
    HIN_ENSURE(max_count > 0 && max_count <= HIN_SEGMENT_RECORDS_MAX, INVALID);
    HIN_ENSURE(max_bytes > 0 && max_bytes <= HIN_SEGMENT_PLAIN_MAX, INVALID);
    HIN_CLEANUP(hin_segment_builder_freep)
    struct hin_segment_builder *builder = calloc(1, sizeof(*builder));
    HIN_ENSURE(builder != NULL, NO_MEMORY);
    builder->max_count = max_count;
    hin_buf_init(&builder->plain, max_bytes);
    hin_buf_init(&builder->body, ZSTD_compressBound(max_bytes) + HIN_AEAD_TAG_BYTES);
    hin_buf_init(&builder->head, HIN_SEGMENT_HEAD_BYTES + HIN_SEGMENT_FILTER_MAX);
    hin_buf_init(&builder->associated, ((size_t)1 << 20) + HIN_SEGMENT_FILTER_MAX);
    builder->zstd = ZSTD_createCCtx();
    HIN_ENSURE(builder->zstd != NULL, NO_MEMORY);
    *ret_builder = builder;
    builder = NULL;
    return hin_ok();
}

void hin_segment_builder_free(struct hin_segment_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    hin_wipe(builder->plain.data, builder->plain.size);
    hin_buf_done(&builder->plain);
    hin_buf_done(&builder->body);
    hin_buf_done(&builder->head);
    hin_buf_done(&builder->associated);
    free(builder->tokens.slots);
    ZSTD_freeCCtx(builder->zstd);
    free(builder);
}

void hin_segment_builder_clear(struct hin_segment_builder *builder)
{
    hin_buf_clear(&builder->plain);
    builder->count = 0;
    builder->index_version = 0;
    builder->previous_sequence = 0;
    builder->previous_time = 0;
    if (builder->tokens.count > 0) {
        hin_zero(builder->tokens.slots, builder->tokens.capacity * sizeof(uint64_t));
    }
    builder->tokens.count = 0;
    builder->tokens.zero = false;
}

size_t hin_segment_builder_count(const struct hin_segment_builder *builder)
{
    return builder->count;
}

size_t hin_segment_builder_bytes(const struct hin_segment_builder *builder)
{
    return builder->plain.size;
}

void hin_segment_note_index(struct hin_segment_builder *builder, uint32_t version)
{
    builder->index_version =
        builder->index_version == 0 ? version : HIN_MIN(builder->index_version, version);
}

static int64_t difference(uint64_t now, uint64_t before)
{
    return (int64_t)(now - before); /* modulo 2^64, and so is the way back */
}

struct hin_result hin_segment_add(struct hin_segment_builder *builder, uint64_t sequence,
                                  int64_t time_usec, struct hin_view record, const uint64_t *tokens,
                                  size_t token_count)
{
    size_t room = 0;
    HIN_ENSURE(builder->count < builder->max_count, LIMIT);
    HIN_TRY(hin_add_size(record.size, RECORD_OVERHEAD, &room));
    HIN_TRY(hin_buf_reserve(&builder->plain, room)); /* from here on nothing fails half-way */
    HIN_TRY(tokens_reserve(&builder->tokens, token_count));
    HIN_TRY(hin_write_zigzag(&builder->plain, difference(sequence, builder->previous_sequence)));
    HIN_TRY(hin_write_zigzag(&builder->plain,
                             difference((uint64_t)time_usec, (uint64_t)builder->previous_time)));
    HIN_TRY(hin_write_bytes(&builder->plain, record));
    for (size_t i = 0; i < token_count; i++) {
        tokens_add(&builder->tokens, tokens[i]);
    }
    bool begins = builder->count == 0;
    builder->first = begins ? sequence : HIN_MIN(builder->first, sequence);
    builder->last = begins ? sequence : HIN_MAX(builder->last, sequence);
    builder->min = begins ? time_usec : HIN_MIN(builder->min, time_usec);
    builder->max = begins ? time_usec : HIN_MAX(builder->max, time_usec);
    builder->previous_sequence = sequence;
    builder->previous_time = time_usec;
    builder->count++;
    return hin_ok();
}

static size_t filter_bytes(const struct tokens *tokens)
{
    size_t count = tokens->count + tokens->zero;
    size_t bytes = (count * FILTER_TOKEN_BITS / 8 + 8) / 8 * 8;
    return count == 0 ? 0 : HIN_MIN(HIN_MAX(bytes, FILTER_LEAST), HIN_SEGMENT_FILTER_MAX);
}

static void write_filter(const struct tokens *tokens, uint8_t *filter, size_t size)
{
    hin_zero(filter, size);
    for (size_t i = 0; i < tokens->capacity; i++) {
        if (tokens->slots[i] != 0) {
            filter_add(filter, size, tokens->slots[i]);
        }
    }
    if (tokens->zero) {
        filter_add(filter, size, 0);
    }
}

/* Everything but nonce, body size and checksums. */
static HIN_RESULT write_head(struct hin_segment_builder *builder, const uint8_t *key_id)
{
    size_t filter = filter_bytes(&builder->tokens);
    uint8_t *head = NULL;
    hin_buf_clear(&builder->head);
    HIN_TRY(hin_buf_extend(&builder->head, HIN_SEGMENT_HEAD_BYTES + filter, &head));
    hin_zero(head, HIN_SEGMENT_HEAD_BYTES);
    hin_copy(head, segment_magic, sizeof(segment_magic));
    head[AT_VERSION] = builder->index_version > 1 ? VERSION_INDEXED : VERSION_FIRST;
    hin_store_u32(head + AT_INDEX, builder->index_version > 1 ? builder->index_version : 0);
    hin_copy(head + AT_KEY_ID, key_id, HIN_SEAL_KEY_ID_BYTES);
    hin_store_u32(head + AT_COUNT, builder->count);
    hin_store_u32(head + AT_PLAIN, (uint32_t)builder->plain.size);
    hin_store_u64(head + AT_FIRST, builder->first);
    hin_store_u64(head + AT_LAST, builder->last);
    hin_store_u64(head + AT_MIN, (uint64_t)builder->min);
    hin_store_u64(head + AT_MAX, (uint64_t)builder->max);
    hin_store_u32(head + AT_FILTER, (uint32_t)filter);
    if (filter > 0) {
        write_filter(&builder->tokens, head + HIN_SEGMENT_HEAD_BYTES, filter);
    }
    return hin_ok();
}

static HIN_RESULT associate(struct hin_buf *buf, struct hin_view head,
                            const struct hin_seal_place *place)
{
    hin_buf_clear(buf);
    HIN_TRY(hin_buf_append(buf, hin_view_sub(head, 0, AT_BODY_CRC)));
    HIN_TRY(hin_buf_append(buf, hin_view_sub(head, AT_FILTER, AT_HEAD_CRC - AT_FILTER)));
    HIN_TRY(hin_buf_append(buf, hin_view_sub(head, HIN_SEGMENT_HEAD_BYTES, head.size)));
    return hin_seal_place_encode(place, buf);
}

static uint32_t head_crc(struct hin_view head)
{
    uint32_t crc = hin_crc32c(0, hin_view_sub(head, 0, AT_HEAD_CRC));
    return hin_crc32c(crc, hin_view_sub(head, HIN_SEGMENT_HEAD_BYTES, head.size));
}

static HIN_RESULT write_body(struct hin_segment_builder *builder, struct hin_sealer *sealer,
                             const struct hin_seal_place *place)
{
    uint8_t *to = NULL;
    size_t room = ZSTD_compressBound(builder->plain.size);
    hin_buf_clear(&builder->body);
    HIN_TRY(hin_buf_extend(&builder->body, room + HIN_AEAD_TAG_BYTES, &to));
    size_t size = ZSTD_compressCCtx(builder->zstd, to, room, builder->plain.data,
                                    builder->plain.size, ZSTD_LEVEL);
    HIN_ENSURE(!ZSTD_isError(size), NO_MEMORY);
    builder->body.size = size + HIN_AEAD_TAG_BYTES;
    uint8_t *head = builder->head.data;
    hin_store_u32(head + AT_BODY, (uint32_t)builder->body.size);
    HIN_TRY(hin_sealer_nonce(sealer, head + AT_NONCE));
    HIN_TRY(associate(&builder->associated, hin_buf_view(&builder->head), place));
    HIN_TRY(hin_sealer_seal(sealer, head + AT_NONCE, hin_buf_view(&builder->associated),
                            hin_view_of(to, size), to));
    hin_store_u32(head + AT_BODY_CRC, hin_crc32c(0, hin_buf_view(&builder->body)));
    hin_store_u32(head + AT_HEAD_CRC, head_crc(hin_buf_view(&builder->head)));
    return hin_ok();
}

struct hin_result hin_segment_finish(struct hin_segment_builder *builder, struct hin_sealer *sealer,
                                     const struct hin_seal_place *place, struct hin_buf *ret_head,
                                     struct hin_buf *ret_body)
{
    HIN_ENSURE(builder->count > 0, INVALID);
    HIN_TRY(write_head(builder, hin_sealer_key_id(sealer)));
    HIN_TRY(write_body(builder, sealer, place));
    size_t before = ret_head->size;
    HIN_TRY(hin_buf_append(ret_head, hin_buf_view(&builder->head)));
    struct hin_result result = hin_buf_append(ret_body, hin_buf_view(&builder->body));
    if (result.code != HIN_OK) {
        ret_head->size = before;
        return result;
    }
    hin_segment_builder_clear(builder);
    return hin_ok();
}

/* --- the head --- */

static HIN_RESULT check_magic(struct hin_view bytes)
{
    for (size_t i = 0; i < 3 && i < bytes.size; i++) {
        HIN_ENSURE(bytes.data[i] == segment_magic[i], SYNTAX);
    }
    HIN_ENSURE(bytes.size >= 4, TRUNCATED);
    HIN_ENSURE(bytes.data[AT_VERSION] != 0, SYNTAX);
    HIN_ENSURE(bytes.data[AT_VERSION] <= VERSION_INDEXED, UNSUPPORTED);
    HIN_ENSURE(bytes.size >= HIN_SEGMENT_HEAD_BYTES, TRUNCATED);
    return hin_ok();
}

static bool numbers_agree(const struct hin_segment_head *head)
{
    return head->count > 0 && head->count <= HIN_SEGMENT_RECORDS_MAX && head->plain_bytes > 0 &&
           head->plain_bytes <= HIN_SEGMENT_PLAIN_MAX &&
           head->first_sequence <= head->last_sequence &&
           head->min_time_usec <= head->max_time_usec && head->body_bytes > HIN_AEAD_TAG_BYTES &&
           head->body_bytes <= ZSTD_compressBound(HIN_SEGMENT_PLAIN_MAX) + HIN_AEAD_TAG_BYTES;
}

static bool read_index_version(const uint8_t *at, uint32_t *ret_version)
{
    uint32_t stored = hin_load_u32(at + AT_INDEX);
    *ret_version = stored > 0 ? stored : 1;
    return at[AT_VERSION] == VERSION_FIRST ? stored == 0 : stored > 1;
}

struct hin_result hin_segment_read_head(struct hin_view bytes, struct hin_segment_head *ret_head)
{
    HIN_TRY(check_magic(bytes));
    const uint8_t *at = bytes.data;
    uint32_t filter = hin_load_u32(at + AT_FILTER);
    HIN_ENSURE(filter <= HIN_SEGMENT_FILTER_MAX, CORRUPT);
    HIN_ENSURE(bytes.size - HIN_SEGMENT_HEAD_BYTES >= filter, TRUNCATED);
    struct hin_segment_head head = {
        .count = hin_load_u32(at + AT_COUNT),
        .plain_bytes = hin_load_u32(at + AT_PLAIN),
        .first_sequence = hin_load_u64(at + AT_FIRST),
        .last_sequence = hin_load_u64(at + AT_LAST),
        .min_time_usec = (int64_t)hin_load_u64(at + AT_MIN),
        .max_time_usec = (int64_t)hin_load_u64(at + AT_MAX),
        .body_bytes = hin_load_u32(at + AT_BODY),
        .filter = hin_view_sub(bytes, HIN_SEGMENT_HEAD_BYTES, filter),
        .head_bytes = HIN_SEGMENT_HEAD_BYTES + filter,
    };
    hin_copy(head.key_id, at + AT_KEY_ID, HIN_SEAL_KEY_ID_BYTES);
    HIN_ENSURE(head_crc(hin_view_sub(bytes, 0, head.head_bytes)) == hin_load_u32(at + AT_HEAD_CRC),
               CORRUPT);
    HIN_ENSURE(read_index_version(at, &head.index_version) && numbers_agree(&head), CORRUPT);
    *ret_head = head;
    return hin_ok();
}

/* --- opening --- */

struct hin_segment_reader {
    ZSTD_DCtx *zstd;
    struct hin_buf packed;
    struct hin_buf plain;
    struct hin_buf associated;
    struct hin_reader rest;
    uint64_t sequence;
    int64_t time_usec;
};

struct hin_result hin_segment_reader_new(struct hin_segment_reader **ret_reader)
{
    HIN_CLEANUP(hin_segment_reader_freep)
    struct hin_segment_reader *reader = calloc(1, sizeof(*reader));
    HIN_ENSURE(reader != NULL, NO_MEMORY);
    hin_buf_init(&reader->packed, ZSTD_compressBound(HIN_SEGMENT_PLAIN_MAX));
    hin_buf_init(&reader->plain, HIN_SEGMENT_PLAIN_MAX);
    hin_buf_init(&reader->associated, ((size_t)1 << 20) + HIN_SEGMENT_FILTER_MAX);
    reader->zstd = ZSTD_createDCtx();
    HIN_ENSURE(reader->zstd != NULL, NO_MEMORY);
    *ret_reader = reader;
    reader = NULL;
    return hin_ok();
}

void hin_segment_reader_free(struct hin_segment_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    hin_wipe(reader->plain.data, reader->plain.size);
    hin_wipe(reader->packed.data, reader->packed.size);
    hin_buf_done(&reader->packed);
    hin_buf_done(&reader->plain);
    hin_buf_done(&reader->associated);
    ZSTD_freeDCtx(reader->zstd);
    free(reader);
}

static HIN_RESULT next_record(struct hin_segment_reader *reader,
                              struct hin_segment_record *ret_record)
{
    int64_t sequence = 0, time = 0;
    HIN_TRY(hin_read_zigzag(&reader->rest, &sequence));
    HIN_TRY(hin_read_zigzag(&reader->rest, &time));
    HIN_TRY(hin_read_bytes(&reader->rest, HIN_SEGMENT_PLAIN_MAX, &ret_record->bytes));
    reader->sequence += (uint64_t)sequence;
    reader->time_usec = (int64_t)((uint64_t)reader->time_usec + (uint64_t)time);
    ret_record->sequence = reader->sequence;
    ret_record->time_usec = reader->time_usec;
    return hin_ok();
}

static void rewind_reader(struct hin_segment_reader *reader)
{
    reader->rest = hin_reader_of(hin_buf_view(&reader->plain));
    reader->sequence = 0;
    reader->time_usec = 0;
}

static HIN_RESULT check_records(struct hin_segment_reader *reader, uint32_t count)
{
    struct hin_segment_record record;
    rewind_reader(reader);
    for (uint32_t i = 0; i < count; i++) {
        HIN_ENSURE(hin_is_ok(next_record(reader, &record)), CORRUPT);
    }
    HIN_ENSURE(reader->rest.rest.size == 0, CORRUPT);
    rewind_reader(reader);
    return hin_ok();
}

static HIN_RESULT open_parts(struct hin_segment_reader *reader, struct hin_opener *opener,
                             const struct hin_seal_place *place,
                             const struct hin_segment_head *head, struct hin_view head_bytes,
                             struct hin_view body)
{
    uint8_t *to = NULL;
    HIN_TRY(associate(&reader->associated, head_bytes, place));
    hin_buf_clear(&reader->packed);
    HIN_TRY(hin_buf_extend(&reader->packed, body.size - HIN_AEAD_TAG_BYTES, &to));
    HIN_TRY(hin_opener_open(opener, head->key_id, head_bytes.data + AT_NONCE,
                            hin_buf_view(&reader->associated), body, to));
    HIN_TRY(hin_buf_extend(&reader->plain, head->plain_bytes, &to));
    size_t size = ZSTD_decompressDCtx(reader->zstd, to, head->plain_bytes, reader->packed.data,
                                      reader->packed.size);
    HIN_ENSURE(!ZSTD_isError(size) && size == head->plain_bytes, CORRUPT);
    return check_records(reader, head->count);
}

bool hin_segment_is_body(struct hin_view head, struct hin_view body)
{
    struct hin_segment_head parsed;
    return hin_is_ok(hin_segment_read_head(head, &parsed)) && body.size == parsed.body_bytes &&
           hin_crc32c(0, body) == hin_load_u32(head.data + AT_BODY_CRC);
}

struct hin_result hin_segment_open(struct hin_segment_reader *reader, struct hin_opener *opener,
                                   const struct hin_seal_place *place, struct hin_view head,
                                   struct hin_view body)
{
    struct hin_segment_head parsed;
    hin_buf_clear(&reader->plain);
    rewind_reader(reader);
    HIN_TRY(hin_segment_read_head(head, &parsed));
    HIN_ENSURE(body.size >= parsed.body_bytes, TRUNCATED);
    HIN_ENSURE(body.size == parsed.body_bytes, CORRUPT);
    HIN_ENSURE(hin_crc32c(0, body) == hin_load_u32(head.data + AT_BODY_CRC), CORRUPT);
    struct hin_result result =
        open_parts(reader, opener, place, &parsed, hin_view_sub(head, 0, parsed.head_bytes), body);
    if (result.code != HIN_OK) {
        hin_buf_clear(&reader->plain);
        rewind_reader(reader);
    }
    return result;
}

bool hin_segment_next(struct hin_segment_reader *reader, struct hin_segment_record *ret_record)
{
    return reader->rest.rest.size > 0 && hin_is_ok(next_record(reader, ret_record));
}
