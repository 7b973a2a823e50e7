/* The sealed object's bytes: pure. */
#include "base/bytes.h"
#include "base/codec.h"
#include "kms/tpm/tpm.h"

static const uint8_t magic[3] = {'H', 'T', 'P'};

static HIN_RESULT read_part(struct hin_reader *reader, struct hin_view *ret_part)
{
    uint16_t size = 0;
    HIN_TRY(hin_read_u16(reader, &size));
    HIN_ENSURE(size > 0, SYNTAX);
    return hin_read_exact(reader, size, ret_part);
}

HIN_RESULT hin_tpm_blob_read(struct hin_view bytes, struct hin_tpm_blob *ret_blob)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_tpm_blob blob = {0};
    struct hin_view head;
    HIN_ENSURE(bytes.size <= HIN_TPM_BLOB_MAX, LIMIT);
    HIN_TRY(hin_read_exact(&reader, sizeof(magic) + 1, &head));
    HIN_ENSURE(hin_view_equal(hin_view_sub(head, 0, 3), hin_view_of(magic, 3)), SYNTAX);
    HIN_ENSURE(head.data[3] == 1, UNSUPPORTED);
    HIN_TRY(read_part(&reader, &blob.parent));
    HIN_TRY(read_part(&reader, &blob.public_area));
    HIN_TRY(read_part(&reader, &blob.private_area));
    HIN_TRY(hin_read_end(&reader));
    *ret_blob = blob;
    return hin_ok();
}

HIN_RESULT hin_tpm_blob_write(const struct hin_tpm_blob *blob, struct hin_buf *out)
{
    const struct hin_view *parts[] = {&blob->parent, &blob->public_area, &blob->private_area};
    HIN_TRY(hin_buf_append(out, hin_view_of(magic, sizeof(magic))));
    HIN_TRY(hin_write_u8(out, 1));
    for (size_t i = 0; i < HIN_COUNT(parts); i++) {
        HIN_ENSURE(parts[i]->size <= UINT16_MAX, LIMIT);
        HIN_TRY(hin_write_u16(out, (uint16_t)parts[i]->size));
        HIN_TRY(hin_buf_append(out, *parts[i]));
    }
    return hin_ok();
}
