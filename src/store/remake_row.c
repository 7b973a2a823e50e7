/* Rows of a backup's pieces: which document each is of, and what it holds. */
#include "base/bytes.h"
#include "base/codec.h"
#include "store/remake_internal.h"

static HIN_RESULT read_numbers(struct hin_reader *reader, int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        HIN_ENSURE(hin_is_ok(hin_read_zigzag(reader, &numbers[i])), SYNTAX);
    }
    return hin_ok();
}

/* The columns of HIN_PART_DOCUMENT (copy.c), which never change. */
static HIN_RESULT read_document(struct hin_reader *reader, struct hin_store_document *document)
{
    int64_t numbers[7];
    HIN_TRY(read_numbers(reader, numbers, HIN_COUNT(numbers)));
    HIN_ENSURE(numbers[0] > 0 && numbers[0] <= INT32_MAX, SYNTAX);
    *document = (struct hin_store_document){.kind = (enum hin_store_kind)numbers[0],
                                            .id = numbers[1],
                                            .version = (uint64_t)numbers[2],
                                            .created_usec = numbers[3],
                                            .updated_usec = numbers[4],
                                            .owner = numbers[5],
                                            .expires_usec = numbers[6]};
    return hin_ok();
}

HIN_RESULT hin_remake_document(struct hin_view row, struct hin_store_document *ret_document)
{
    struct hin_reader reader = hin_reader_of(row);
    return read_document(&reader, ret_document);
}

static HIN_RESULT read_sealed(struct hin_reader *reader, struct hin_view *ret_sealed,
                              struct hin_secret *ret_key)
{
    uint64_t size = 0;
    uint8_t state = 0;
    struct hin_view key;
    HIN_TRY(hin_read_varint(reader, &size));
    HIN_ENSURE(size <= HIN_SEALED_MAX, CORRUPT);
    HIN_TRY(hin_read_exact(reader, size > 0 ? (size_t)size - 1 : 0, ret_sealed));
    HIN_TRY(hin_read_u8(reader, &state));
    HIN_ENSURE(state == HIN_COPY_KEY_HERE, NOT_FOUND);
    HIN_TRY(hin_read_exact(reader, HIN_SEAL_KEY_BYTES, &key));
    HIN_TRY(hin_read_end(reader));
    return hin_secret_from(ret_key, key);
}

HIN_RESULT hin_remake_open_document(struct hin_remaker *remaker, struct hin_view row,
                                    struct hin_buf *plain, struct hin_store_document *ret_document)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    struct hin_reader reader = hin_reader_of(row);
    struct hin_store_document document;
    struct hin_view sealed;
    uint8_t id[HIN_SEAL_KEY_ID_BYTES];
    char text[HIN_DOCUMENT_ROW_MAX];
    size_t begin = plain->size;
    HIN_TRY(read_document(&reader, &document));
    HIN_TRY(read_sealed(&reader, &sealed, &key));
    HIN_TRY(hin_seal_key_id(sealed, id));
    HIN_TRY(hin_opener_add(remaker->opener, id, &key));
    hin_document_row(text, (int64_t)document.kind, document.id, document.version);
    struct hin_seal_place place = {hin_view_from_text(remaker->tenant), HIN_VIEW("document"),
                                   hin_view_from_text(text), HIN_VIEW("content")};
    struct hin_result opened = hin_seal_open_value(remaker->opener, &place, sealed, plain);
    hin_opener_forget(remaker->opener, NULL);
    HIN_TRY(opened);
    document.bytes = hin_view_of(plain->data + begin, plain->size - begin);
    *ret_document = document;
    return hin_ok();
}

HIN_RESULT hin_remake_name(struct hin_view row, enum hin_store_kind *ret_kind, int64_t *ret_id)
{
    struct hin_reader reader = hin_reader_of(row);
    int64_t numbers[4];
    HIN_TRY(read_numbers(&reader, numbers, HIN_COUNT(numbers)));
    HIN_ENSURE(numbers[0] > 0 && numbers[0] <= INT32_MAX && reader.rest.size == 0, SYNTAX);
    *ret_kind = (enum hin_store_kind)numbers[0];
    *ret_id = numbers[3];
    return hin_ok();
}
