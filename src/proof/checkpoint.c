#include "proof/checkpoint.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/sign.h"

static const struct hin_view magic = {(const uint8_t *)"HINC", 4};

HIN_RESULT hin_checkpoint_encode(const struct hin_checkpoint *checkpoint, struct hin_buf *out)
{
    HIN_TRY(hin_buf_append(out, magic));
    HIN_TRY(hin_write_u16(out, HIN_CHECKPOINT_VERSION));
    HIN_TRY(hin_buf_append(out, hin_view_of(checkpoint->tenant, sizeof(checkpoint->tenant))));
    HIN_TRY(hin_write_u64(out, (uint64_t)checkpoint->time_usec));
    HIN_TRY(hin_write_u64(out, checkpoint->audit_number));
    HIN_TRY(
        hin_buf_append(out, hin_view_of(checkpoint->audit_hash, sizeof(checkpoint->audit_hash))));
    return hin_write_u64(out, checkpoint->last_event_id);
}

static HIN_RESULT read_statement(struct hin_view bytes, struct hin_checkpoint *checkpoint)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_view part;
    uint16_t version = 0;
    uint64_t time = 0;
    HIN_TRY(hin_read_exact(&reader, magic.size, &part));
    HIN_ENSURE(hin_view_equal(part, magic), PROTOCOL);
    HIN_TRY(hin_read_u16(&reader, &version));
    HIN_ENSURE(version == HIN_CHECKPOINT_VERSION, UNSUPPORTED);
    HIN_TRY(hin_read_exact(&reader, sizeof(checkpoint->tenant), &part));
    hin_copy(checkpoint->tenant, part.data, part.size);
    HIN_TRY(hin_read_u64(&reader, &time));
    HIN_TRY(hin_read_u64(&reader, &checkpoint->audit_number));
    HIN_TRY(hin_read_exact(&reader, sizeof(checkpoint->audit_hash), &part));
    hin_copy(checkpoint->audit_hash, part.data, part.size);
    HIN_TRY(hin_read_u64(&reader, &checkpoint->last_event_id));
    checkpoint->time_usec = (int64_t)time;
    return hin_read_end(&reader);
}

HIN_RESULT hin_checkpoint_decode(struct hin_view bytes, struct hin_checkpoint *ret_checkpoint,
                                 struct hin_view *ret_statement, struct hin_view *ret_signature)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_checkpoint checkpoint = {0};
    struct hin_view statement;
    struct hin_view signature;
    HIN_TRY(hin_read_exact(&reader, HIN_CHECKPOINT_STATEMENT_BYTES, &statement));
    HIN_TRY(hin_read_exact(&reader, HIN_CHECKPOINT_SIGNATURE_BYTES, &signature));
    HIN_TRY(hin_read_end(&reader));
    HIN_TRY(read_statement(statement, &checkpoint));
    *ret_checkpoint = checkpoint;
    *ret_statement = statement;
    *ret_signature = signature;
    return hin_ok();
}

HIN_RESULT hin_checkpoint_verify(struct hin_view public_key, struct hin_view statement,
                                 struct hin_view signature)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    HIN_TRY(hin_buf_append_text(&text, HIN_CHECKPOINT_DOMAIN));
    HIN_TRY(hin_buf_append(&text, statement));
    return hin_sign_verify(public_key, hin_buf_view(&text), signature);
}
