#include "seal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/fd.h"

static const uint8_t record_magic[4] = {'H', 'J', 'R', 1};

/* The layout of the head never changes with the version, so that a newer record can be told from a
 * broken one. */
enum at {
    AT_BODY = 4,
    AT_SEQUENCE = 8,
    AT_KIND = 16,
    AT_BODY_CRC = 20,
    AT_RESERVED = 24,
    AT_HEAD_CRC = 28,
};

#define BODY_KEY_ID    0
#define BODY_NONCE     HIN_SEAL_KEY_ID_BYTES
#define BODY_SEALED    (HIN_SEAL_KEY_ID_BYTES + HIN_AEAD_NONCE_BYTES)
#define ASSOCIATED_MAX ((size_t)1 << 20)

/* --- a sink on a descriptor --- */

static HIN_RESULT fd_write(void *context, struct hin_view bytes)
{
    return hin_fd_write_all(*(int *)context, bytes);
}

static HIN_RESULT fd_sync(void *context)
{
    return hin_file_sync(*(int *)context);
}

static HIN_RESULT fd_truncate(void *context, uint64_t size)
{
    HIN_ENSURE(size <= INT64_MAX, INVALID);
    if (ftruncate(*(int *)context, (off_t)size) != 0) {
        return hin_fail(hin_code_from_errno(errno));
    }
    return hin_ok();
}

struct hin_journal_sink hin_journal_sink_fd(int *fd)
{
    return (struct hin_journal_sink){fd_write, fd_sync, fd_truncate, fd};
}

/* --- writing --- */

struct hin_journal_writer {
    struct hin_journal_sink sink;
    struct hin_sealer *sealer;
    struct hin_seal_place place;
    struct hin_buf pending;
    struct hin_buf associated;
    uint64_t size_bytes; /* durable */
    bool broken;         /* the file's end is not what we think: no more writing */
};

static void write_head(uint8_t *head, uint32_t kind, uint64_t sequence, size_t body_bytes)
{
    hin_copy(head, record_magic, sizeof(record_magic));
    hin_store_u32(head + AT_BODY, (uint32_t)body_bytes);
    hin_store_u64(head + AT_SEQUENCE, sequence);
    hin_store_u32(head + AT_KIND, kind);
    hin_store_u32(head + AT_RESERVED, 0);
}

static void write_checksums(uint8_t *head, struct hin_view body)
{
    hin_store_u32(head + AT_BODY_CRC, hin_crc32c(0, body));
    hin_store_u32(head + AT_HEAD_CRC, hin_crc32c(0, hin_view_of(head, AT_HEAD_CRC)));
}

static HIN_RESULT append_key(struct hin_journal_writer *writer, struct hin_view wrapped)
{
    uint8_t *head = NULL;
    size_t size = HIN_SEAL_KEY_ID_BYTES + wrapped.size;
    HIN_ENSURE(wrapped.size <= 4096, INVALID);
    HIN_TRY(hin_buf_extend(&writer->pending, HIN_JOURNAL_HEAD_BYTES + size, &head));
    uint8_t *body = head + HIN_JOURNAL_HEAD_BYTES;
    write_head(head, HIN_JOURNAL_KIND_KEY, 0, size);
    hin_copy(body, hin_sealer_key_id(writer->sealer), HIN_SEAL_KEY_ID_BYTES);
    hin_copy(body + HIN_SEAL_KEY_ID_BYTES, wrapped.data, wrapped.size);
    write_checksums(head, hin_view_of(body, size));
    return hin_ok();
}

struct hin_result
hin_journal_writer_new(struct hin_journal_writer **ret_writer, const struct hin_journal_sink *sink,
                       struct hin_sealer *sealer, const struct hin_seal_place *place,
                       struct hin_view wrapped_key, uint64_t size_bytes, size_t max_pending_bytes)
{
    HIN_CLEANUP(hin_journal_writer_freep)
    struct hin_journal_writer *writer = calloc(1, sizeof(*writer));
    HIN_ENSURE(writer != NULL, NO_MEMORY);
    writer->sink = *sink;
    writer->sealer = sealer;
    writer->place = *place;
    writer->size_bytes = size_bytes;
    hin_buf_init(&writer->pending, max_pending_bytes);
    hin_buf_init(&writer->associated, ASSOCIATED_MAX);
    if (wrapped_key.size > 0) {
        HIN_TRY(append_key(writer, wrapped_key));
    }
    *ret_writer = writer;
    writer = NULL;
    return hin_ok();
}

void hin_journal_writer_free(struct hin_journal_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    hin_buf_done(&writer->pending);
    hin_buf_done(&writer->associated);
    free(writer);
}

static HIN_RESULT associate(struct hin_buf *buf, const uint8_t *head, const uint8_t *body,
                            const struct hin_seal_place *place)
{
    hin_buf_clear(buf);
    HIN_TRY(hin_buf_append(buf, hin_view_of(head, AT_BODY_CRC)));
    HIN_TRY(hin_buf_append(buf, hin_view_of(body, BODY_SEALED)));
    return hin_seal_place_encode(place, buf);
}

struct hin_result hin_journal_append(struct hin_journal_writer *writer, uint32_t kind,
                                     uint64_t sequence, struct hin_view plain)
{
    uint8_t nonce[HIN_AEAD_NONCE_BYTES];
    uint8_t *head = NULL;
    HIN_ENSURE(!writer->broken, IO);
    HIN_ENSURE(kind < HIN_JOURNAL_KIND_KEY, INVALID);
    HIN_ENSURE(plain.size <= HIN_JOURNAL_BODY_MAX - BODY_SEALED - HIN_AEAD_TAG_BYTES, LIMIT);
    size_t size = BODY_SEALED + plain.size + HIN_AEAD_TAG_BYTES;
    HIN_TRY(hin_buf_reserve(&writer->pending, HIN_JOURNAL_HEAD_BYTES + size));
    HIN_TRY(hin_sealer_nonce(writer->sealer, nonce));
    HIN_TRY(hin_buf_extend(&writer->pending, HIN_JOURNAL_HEAD_BYTES + size, &head));
    uint8_t *body = head + HIN_JOURNAL_HEAD_BYTES;
    write_head(head, kind, sequence, size);
    hin_copy(body + BODY_KEY_ID, hin_sealer_key_id(writer->sealer), HIN_SEAL_KEY_ID_BYTES);
    hin_copy(body + BODY_NONCE, nonce, sizeof(nonce));
    struct hin_result result = associate(&writer->associated, head, body, &writer->place);
    if (result.code == HIN_OK) {
        result = hin_sealer_seal(writer->sealer, nonce, hin_buf_view(&writer->associated), plain,
                                 body + BODY_SEALED);
    }
    if (result.code != HIN_OK) {
        writer->pending.size -= HIN_JOURNAL_HEAD_BYTES + size;
        return result;
    }
    write_checksums(head, hin_view_of(body, size));
    return hin_ok();
}

struct hin_result hin_journal_commit(struct hin_journal_writer *writer)
{
    HIN_ENSURE(!writer->broken, IO);
    if (writer->pending.size == 0) {
        return hin_ok();
    }
    const struct hin_journal_sink *sink = &writer->sink;
    struct hin_result result = sink->write(sink->context, hin_buf_view(&writer->pending));
    if (result.code == HIN_OK) {
        result = sink->sync(sink->context);
    }
    if (result.code != HIN_OK) {
        writer->broken = !hin_is_ok(sink->truncate(sink->context, writer->size_bytes));
        return result;
    }
    writer->size_bytes += writer->pending.size;
    hin_buf_clear(&writer->pending);
    return hin_ok();
}

void hin_journal_discard(struct hin_journal_writer *writer)
{
    hin_buf_clear(&writer->pending);
}

uint64_t hin_journal_size_bytes(const struct hin_journal_writer *writer)
{
    return writer->size_bytes;
}

size_t hin_journal_pending_bytes(const struct hin_journal_writer *writer)
{
    return writer->pending.size;
}

/* --- reading --- */

struct head {
    uint64_t sequence;
    uint32_t kind;
    struct hin_view body; /* cut short when the record is torn */
    size_t body_bytes;
};

void hin_journal_reader_init(struct hin_journal_reader *reader, struct hin_view bytes,
                             struct hin_opener *opener, const struct hin_seal_place *place)
{
    *reader = (struct hin_journal_reader){.bytes = bytes, .opener = opener, .place = place};
    hin_buf_init(&reader->plain, HIN_JOURNAL_BODY_MAX);
    hin_buf_init(&reader->associated, ASSOCIATED_MAX);
}

void hin_journal_reader_done(struct hin_journal_reader *reader)
{
    hin_wipe(reader->plain.data, reader->plain.size);
    hin_buf_done(&reader->plain);
    hin_buf_done(&reader->associated);
}

/* CORRUPT: no head of ours stands here. TRUNCATED: too few bytes for one. */
static HIN_RESULT read_head(struct hin_view bytes, struct head *ret_head)
{
    HIN_ENSURE(bytes.size >= HIN_JOURNAL_HEAD_BYTES, TRUNCATED);
    const uint8_t *at = bytes.data;
    HIN_ENSURE(memcmp(at, record_magic, 3) == 0, CORRUPT);
    HIN_ENSURE(hin_crc32c(0, hin_view_of(at, AT_HEAD_CRC)) == hin_load_u32(at + AT_HEAD_CRC),
               CORRUPT);
    HIN_ENSURE(at[3] <= record_magic[3], UNSUPPORTED);
    size_t size = hin_load_u32(at + AT_BODY);
    HIN_ENSURE(at[3] == record_magic[3] && size <= HIN_JOURNAL_BODY_MAX, CORRUPT);
    *ret_head = (struct head){.sequence = hin_load_u64(at + AT_SEQUENCE),
                              .kind = hin_load_u32(at + AT_KIND),
                              .body = hin_view_sub(bytes, HIN_JOURNAL_HEAD_BYTES, size),
                              .body_bytes = size};
    return hin_ok();
}

/* Where the next head stands at or behind `from`; the end of the bytes when there is none. */
static size_t find_head(struct hin_view bytes, size_t from)
{
    struct head head;
    while (from < bytes.size) {
        struct hin_view rest = hin_view_sub(bytes, from, bytes.size);
        size_t at = hin_view_find(rest, hin_view_of(record_magic, 3));
        if (at == SIZE_MAX) {
            break;
        }
        struct hin_result result = read_head(hin_view_sub(rest, at, rest.size), &head);
        if (result.code == HIN_OK || result.code == HIN_UNSUPPORTED) {
            return from + at;
        }
        from += at + 1;
    }
    return bytes.size;
}

/* What an interrupted write leaves: the beginning of a record, or blocks that were never filled. */
static bool looks_torn(struct hin_view rest, bool head_is_whole)
{
    if (head_is_whole) {
        return true;
    }
    size_t magic = HIN_MIN(rest.size, sizeof(record_magic));
    if (rest.size < HIN_JOURNAL_HEAD_BYTES && memcmp(rest.data, record_magic, magic) == 0) {
        return true;
    }
    for (size_t i = 0; i < rest.size; i++) {
        if (rest.data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Nothing readable at the offset: everything up to the next head is damage, or, at the end, a torn
 * record. */
static void skip(struct hin_journal_reader *reader, bool head_is_whole,
                 struct hin_journal_item *item)
{
    size_t next = find_head(reader->bytes, reader->offset + 1);
    struct hin_view rest = hin_view_sub(reader->bytes, reader->offset, reader->bytes.size);
    bool torn = next == reader->bytes.size && looks_torn(rest, head_is_whole);
    *item = (struct hin_journal_item){.type = torn ? HIN_JOURNAL_TORN : HIN_JOURNAL_DAMAGE,
                                      .reason = torn ? HIN_TRUNCATED : HIN_CORRUPT,
                                      .offset = reader->offset,
                                      .end = next};
    reader->offset = next;
}

static HIN_RESULT open_body(struct hin_journal_reader *reader, const uint8_t *head,
                            struct hin_view body)
{
    uint8_t *to = NULL;
    HIN_ENSURE(body.size >= BODY_SEALED + HIN_AEAD_TAG_BYTES, CORRUPT);
    struct hin_view sealed = hin_view_sub(body, BODY_SEALED, body.size);
    hin_buf_clear(&reader->plain);
    HIN_TRY(associate(&reader->associated, head, body.data, reader->place));
    HIN_TRY(hin_buf_extend(&reader->plain, sealed.size - HIN_AEAD_TAG_BYTES, &to));
    return hin_opener_open(reader->opener, body.data + BODY_KEY_ID, body.data + BODY_NONCE,
                           hin_buf_view(&reader->associated), sealed, to);
}

/* The codes that concern one record and end with it. */
static bool is_damage(enum hin_code code)
{
    return code == HIN_CORRUPT || code == HIN_AUTH || code == HIN_NOT_FOUND;
}

static HIN_RESULT read_record(struct hin_journal_reader *reader, const struct head *head,
                              struct hin_journal_item *item)
{
    hin_copy(item->key_id, head->body.data, HIN_SEAL_KEY_ID_BYTES);
    if (head->kind == HIN_JOURNAL_KIND_KEY) {
        item->type = HIN_JOURNAL_KEY;
        item->bytes = hin_view_sub(head->body, HIN_SEAL_KEY_ID_BYTES, head->body.size);
        return hin_ok();
    }
    HIN_ENSURE(head->kind < HIN_JOURNAL_KIND_KEY, CORRUPT);
    if (reader->opener == NULL) {
        return hin_ok();
    }
    HIN_TRY(open_body(reader, reader->bytes.data + reader->offset, head->body));
    item->bytes = hin_buf_view(&reader->plain);
    return hin_ok();
}

static bool body_is_whole(const struct hin_journal_reader *reader, const struct head *head)
{
    const uint8_t *at = reader->bytes.data + reader->offset;
    return head->body.size == head->body_bytes && head->body_bytes >= HIN_SEAL_KEY_ID_BYTES &&
           hin_crc32c(0, head->body) == hin_load_u32(at + AT_BODY_CRC);
}

struct hin_result hin_journal_next(struct hin_journal_reader *reader,
                                   struct hin_journal_item *ret_item)
{
    struct head head = {0};
    struct hin_journal_item item = {
        .type = HIN_JOURNAL_END, .offset = reader->offset, .end = reader->offset};
    if (reader->offset >= reader->bytes.size) {
        *ret_item = item;
        return hin_ok();
    }
    struct hin_result result =
        read_head(hin_view_sub(reader->bytes, reader->offset, reader->bytes.size), &head);
    HIN_ENSURE(result.code != HIN_UNSUPPORTED, UNSUPPORTED);
    if (result.code != HIN_OK || !body_is_whole(reader, &head)) {
        /* "whole head, body cut off by the end of the file" is the only torn body */
        skip(reader, result.code == HIN_OK && head.body.size < head.body_bytes, ret_item);
        return hin_ok();
    }
    item.type = HIN_JOURNAL_RECORD;
    item.sequence = head.sequence;
    item.kind = head.kind;
    item.end = reader->offset + HIN_JOURNAL_HEAD_BYTES + head.body_bytes;
    result = read_record(reader, &head, &item);
    if (is_damage(result.code)) {
        item.type = HIN_JOURNAL_DAMAGE;
        item.reason = result.code;
    } else {
        HIN_TRY(result);
    }
    reader->offset = item.end;
    *ret_item = item;
    return hin_ok();
}
