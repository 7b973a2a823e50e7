/* Writing certificates of erasure. */
#include "proof/certificate.h"

#include "base/bytes.h"
#include "data/json.h"
#include "proof/certificate_internal.h"

static const char *const kinds[HIN_CERTIFICATE_KIND_COUNT] = {
    [HIN_CERTIFICATE_TENANT] = "tenant", [HIN_CERTIFICATE_PERSON] = "person"};

const struct hin_paper hin_certificate_paper = {
    .format = "hinomi-certificate",
    .name = "certificate",
    .domain = HIN_CERTIFICATE_DOMAIN,
    .some = "a certificate",
    .file_max = HIN_CERTIFICATE_FILE_MAX,
    .statement_max = HIN_CERTIFICATE_STATEMENT_MAX,
};

const char *hin_certificate_kind_name(enum hin_certificate_kind kind)
{
    return kind < HIN_CERTIFICATE_KIND_COUNT && kinds[kind] != NULL ? kinds[kind] : "unknown";
}

static void put_selected(struct hin_json_writer *writer, const struct hin_certificate *certificate)
{
    hin_json_key(writer, "selected");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < certificate->selected_count; i++) {
        const struct hin_certificate_selected *row = &certificate->selected[i];
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "field", row->field);
        hin_json_field_text(writer, "salt", row->salt);
        hin_json_field_text(writer, "digest", row->digest);
        if (row->value.size > 0) {
            hin_json_field_text(writer, "value", row->value);
        }
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static void put_keys(struct hin_json_writer *writer, const struct hin_certificate *certificate)
{
    hin_json_key(writer, "keys");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < certificate->key_count; i++) {
        const struct hin_certificate_key *row = &certificate->keys[i];
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "kind", row->kind);
        hin_json_field_text(writer, "id", row->id);
        hin_json_field_integer(writer, "version", row->version);
        hin_json_field_integer(writer, "count", row->count);
        hin_json_field_text(writer, "provider", row->provider);
        hin_json_field_integer(writer, "destroyed", row->destroyed_msec);
        hin_json_field_cstring(writer, "state", row->until_msec > 0 ? "pending" : "destroyed");
        if (row->until_msec > 0) {
            hin_json_field_integer(writer, "until", row->until_msec);
        }
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static void put_remains(struct hin_json_writer *writer, const struct hin_certificate *certificate)
{
    hin_json_key(writer, "remains");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < certificate->remains_count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_text(writer, "what", certificate->remains[i].what);
        hin_json_field_text(writer, "why", certificate->remains[i].why);
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
}

static void put_certificate(struct hin_json_writer *writer,
                            const struct hin_certificate *certificate)
{
    hin_json_begin_object(writer);
    /* The first three are what hin_certificate_check compares. */
    hin_json_field_cstring(writer, "kind", hin_certificate_kind_name(certificate->kind));
    hin_paper_put_hex(writer, "installation",
                      hin_view_of(certificate->installation, sizeof(certificate->installation)));
    hin_json_field_text(writer, "tenant", certificate->tenant);
    hin_json_field_text(writer, "id", certificate->id);
    hin_json_field_integer(writer, "number", certificate->number);
    hin_json_field_text(writer, "name", certificate->name);
    put_selected(writer, certificate);
    hin_json_key(writer, "erased");
    hin_json_begin_object(writer);
    hin_json_field_integer(writer, "events", certificate->events);
    hin_json_field_integer(writer, "segments", certificate->segments);
    hin_json_field_integer(writer, "documents", certificate->documents);
    hin_json_field_integer(writer, "exports", certificate->exports);
    hin_json_end_object(writer);
    put_keys(writer, certificate);
    put_remains(writer, certificate);
    hin_json_field_text(writer, "requestedBy", certificate->requested_by);
    hin_json_field_text(writer, "confirmedBy", certificate->confirmed_by);
    hin_json_field_integer(writer, "requested", certificate->requested_msec);
    hin_json_field_integer(writer, "done", certificate->done_msec);
    hin_json_end_object(writer);
}

HIN_RESULT hin_certificate_encode(const struct hin_certificate *certificate, struct hin_buf *out)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &text, false);
    put_certificate(&writer, certificate);
    HIN_TRY(hin_json_writer_finish(&writer));
    return hin_buf_append(out, hin_buf_view(&text));
}

HIN_RESULT hin_certificate_text(struct hin_view statement, struct hin_buf *out)
{
    return hin_paper_text(&hin_certificate_paper, statement, out);
}

HIN_RESULT hin_certificate_check(struct hin_view statement, enum hin_certificate_kind kind,
                                 const uint8_t installation[HIN_SHA256_BYTES],
                                 struct hin_view tenant)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf head = {.max = 512};
    char hex[HIN_SHA256_HEX_BYTES];
    HIN_ENSURE(statement.size <= HIN_CERTIFICATE_STATEMENT_MAX, LIMIT);
    hin_hex(installation, HIN_SHA256_BYTES, hex);
    HIN_TRY(hin_buf_printf(&head,
                           "{\"kind\":\"%s\",\"installation\":\"%s\",\"tenant\":\"%.*s\",\"id\":\"",
                           hin_certificate_kind_name(kind), hex, HIN_ARGS(tenant)));
    HIN_ENSURE(hin_view_starts_with(statement, hin_buf_view(&head)), INVALID);
    HIN_ENSURE(hin_view_ends_with(statement, HIN_VIEW("}")), INVALID);
    for (size_t i = 0; i < statement.size; i++) { /* the writer escapes them */
        HIN_ENSURE(statement.data[i] >= 0x20 && statement.data[i] != 0x7f, INVALID);
    }
    return hin_ok();
}

HIN_RESULT hin_certificate_digest(struct hin_view salt, struct hin_view field,
                                  struct hin_view value, uint8_t ret_digest[HIN_SHA256_BYTES])
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 20};
    HIN_TRY(hin_buf_append_text(&text, "hinomi certificate value v1\n"));
    HIN_TRY(hin_buf_append(&text, salt));
    HIN_TRY(hin_buf_append(&text, field));
    HIN_TRY(hin_buf_append_byte(&text, 0));
    HIN_TRY(hin_buf_append(&text, value));
    return hin_sha256(hin_buf_view(&text), ret_digest);
}

HIN_RESULT hin_certificate_write(const struct hin_certificate *certificate,
                                 const struct hin_certificate_seal *seal, struct hin_buf *out)
{
    struct hin_json_writer writer;
    struct hin_paper_seal all = {seal->signature, seal->key, seal->authority};
    hin_json_writer_init(&writer, out, true);
    hin_paper_begin(&hin_certificate_paper, HIN_CERTIFICATE_VERSION, &writer);
    put_certificate(&writer, certificate);
    return hin_paper_end(&all, &writer, out);
}
