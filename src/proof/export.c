/* Writing the JSON forms of export.h. */
#include "proof/export.h"

#include "base/bytes.h"
#include "base/time.h"

static void field_hex(struct hin_json_writer *writer, const char *name, struct hin_view bytes,
                      struct hin_buf *scratch)
{
    uint8_t *at = NULL;
    hin_buf_clear(scratch);
    if (hin_is_ok(hin_buf_extend(scratch, bytes.size * 2 + 1, &at))) {
        hin_hex(bytes.data, bytes.size, (char *)at);
        hin_json_field_text(writer, name, hin_view_of(at, bytes.size * 2));
    } /* else the member is missing, which the reader refuses */
}

HIN_RESULT hin_proof_write_header(struct hin_view tenant, int64_t now_usec, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "format", "hinomi-audit");
    hin_json_field_integer(&writer, "version", HIN_PROOF_VERSION);
    hin_json_field_text(&writer, "tenant", tenant);
    hin_json_field_integer(&writer, "exported", now_usec / HIN_MSEC_USEC);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_proof_write_entry(const struct hin_chain_link *link, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf hex = {.max = HIN_PROOF_LINE_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_integer(&writer, "number", link->number);
    hin_json_field_integer(&writer, "time", link->time_usec);
    field_hex(&writer, "hash", hin_view_of(link->hash, sizeof(link->hash)), &hex);
    field_hex(&writer, "body", link->body, &hex);
    if (link->salt.size > 0) {
        field_hex(&writer, "salt", link->salt, &hex);
    }
    if (link->text.size > 0) {
        hin_json_field_text(&writer, "text", link->text);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

HIN_RESULT hin_proof_write_checkpoint(const struct hin_proof_checkpoint *checkpoint,
                                      struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf hex = {.max = HIN_PROOF_LINE_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "format", "hinomi-checkpoint");
    hin_json_field_integer(&writer, "version", HIN_PROOF_VERSION);
    field_hex(&writer, "checkpoint", checkpoint->checkpoint, &hex);
    field_hex(&writer, "key", checkpoint->key, &hex);
    field_hex(&writer, "authority", checkpoint->authority, &hex);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}
