/* Judging certificates of erasure. */
#include "base/bytes.h"
#include "data/json.h"
#include "proof/certificate.h"
#include "proof/certificate_internal.h"

/* ---- members ---- */

static HIN_RESULT get_text(struct hin_json object, const char *name, struct hin_view *ret_text,
                           struct hin_error *error)
{
    HIN_TRY(hin_json_get_text(object, name, ret_text, error));
    return ret_text->size <= HIN_CERTIFICATE_TEXT_MAX
               ? hin_ok()
               : hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "%s: too long", name);
}

static HIN_RESULT get_count(struct hin_json object, const char *name, int64_t *ret_count,
                            struct hin_error *error)
{
    return hin_json_get_integer(object, name, 0, INT64_MAX, ret_count, error);
}

static HIN_RESULT get_rows(struct hin_json object, const char *name, struct hin_json *ret_rows,
                           size_t *ret_count, struct hin_error *error)
{
    HIN_TRY(hin_json_get_array(object, name, ret_rows, ret_count, error));
    return *ret_count <= HIN_CERTIFICATE_ROWS_MAX
               ? hin_ok()
               : hin_error_set(error, HIN_LIMIT, NULL, 0, 0, "%s: over %d rows", name,
                               (int)HIN_CERTIFICATE_ROWS_MAX);
}

static HIN_RESULT read_selected(struct hin_json object, struct hin_certificate *certificate,
                                struct hin_error *error)
{
    struct hin_json rows;
    HIN_TRY(get_rows(object, "selected", &rows, &certificate->selected_count, error));
    for (size_t i = 0; i < certificate->selected_count; i++) {
        struct hin_certificate_selected *row = &certificate->selected[i];
        struct hin_json item = hin_json_at(rows, i);
        HIN_TRY(get_text(item, "field", &row->field, error));
        HIN_TRY(get_text(item, "salt", &row->salt, error));
        HIN_TRY(get_text(item, "digest", &row->digest, error));
        HIN_TRY(hin_json_opt_text(item, "value", &row->value, error));
    }
    return hin_ok();
}

static HIN_RESULT read_keys(struct hin_json object, struct hin_certificate *certificate,
                            struct hin_error *error)
{
    struct hin_json rows;
    HIN_TRY(get_rows(object, "keys", &rows, &certificate->key_count, error));
    for (size_t i = 0; i < certificate->key_count; i++) {
        struct hin_certificate_key *row = &certificate->keys[i];
        struct hin_json item = hin_json_at(rows, i);
        HIN_TRY(get_text(item, "kind", &row->kind, error));
        HIN_TRY(get_text(item, "id", &row->id, error));
        HIN_TRY(get_count(item, "version", &row->version, error));
        HIN_TRY(get_count(item, "count", &row->count, error));
        HIN_TRY(get_text(item, "provider", &row->provider, error));
        HIN_TRY(get_count(item, "destroyed", &row->destroyed_msec, error));
        HIN_TRY(hin_json_opt_integer(item, "until", 0, INT64_MAX, &row->until_msec, error));
    }
    return hin_ok();
}

static HIN_RESULT read_remains(struct hin_json object, struct hin_certificate *certificate,
                               struct hin_error *error)
{
    struct hin_json rows;
    HIN_TRY(get_rows(object, "remains", &rows, &certificate->remains_count, error));
    for (size_t i = 0; i < certificate->remains_count; i++) {
        struct hin_json item = hin_json_at(rows, i);
        HIN_TRY(get_text(item, "what", &certificate->remains[i].what, error));
        HIN_TRY(get_text(item, "why", &certificate->remains[i].why, error));
    }
    return hin_ok();
}

static HIN_RESULT read_kind(struct hin_json object, struct hin_certificate *certificate,
                            struct hin_error *error)
{
    struct hin_view name;
    HIN_TRY(get_text(object, "kind", &name, error));
    for (unsigned kind = HIN_CERTIFICATE_TENANT; kind < HIN_CERTIFICATE_KIND_COUNT; kind++) {
        if (hin_view_is(name, hin_certificate_kind_name(kind))) {
            certificate->kind = kind;
            return hin_ok();
        }
    }
    return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "kind: neither tenant nor person");
}

static HIN_RESULT read_certificate(struct hin_json object, struct hin_certificate *certificate,
                                   struct hin_error *error)
{
    struct hin_json erased;
    HIN_TRY(read_kind(object, certificate, error));
    HIN_TRY(hin_paper_get_digest(object, "installation", certificate->installation,
                                 sizeof(certificate->installation), error));
    HIN_TRY(get_text(object, "tenant", &certificate->tenant, error));
    HIN_TRY(get_text(object, "id", &certificate->id, error));
    HIN_TRY(get_count(object, "number", &certificate->number, error));
    HIN_TRY(get_text(object, "name", &certificate->name, error));
    HIN_TRY(read_selected(object, certificate, error));
    HIN_TRY(hin_json_get_object(object, "erased", &erased, error));
    HIN_TRY(get_count(erased, "events", &certificate->events, error));
    HIN_TRY(get_count(erased, "segments", &certificate->segments, error));
    HIN_TRY(get_count(erased, "documents", &certificate->documents, error));
    HIN_TRY(get_count(erased, "exports", &certificate->exports, error));
    HIN_TRY(read_keys(object, certificate, error));
    HIN_TRY(read_remains(object, certificate, error));
    HIN_TRY(get_text(object, "requestedBy", &certificate->requested_by, error));
    HIN_TRY(get_text(object, "confirmedBy", &certificate->confirmed_by, error));
    HIN_TRY(get_count(object, "requested", &certificate->requested_msec, error));
    return get_count(object, "done", &certificate->done_msec, error);
}

/* ---- judging ---- */

static HIN_RESULT judge(struct hin_view file, const struct hin_certificate *certificate,
                        const struct hin_paper_bytes *bytes, struct hin_view fingerprint,
                        struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 2 * HIN_CERTIFICATE_FILE_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    struct hin_paper_seal seal = hin_paper_seal_of(bytes);
    struct hin_certificate_seal own = {seal.signature, seal.key, seal.authority};
    HIN_TRY(hin_certificate_write(certificate, &own, &again));
    HIN_TRY(hin_paper_check_form(&hin_certificate_paper, file, hin_buf_view(&again), error));
    HIN_TRY(hin_certificate_encode(certificate, &statement));
    return hin_paper_judge(&hin_certificate_paper, hin_buf_view(&statement),
                           certificate->installation, &seal, fingerprint, error);
}

HIN_RESULT hin_certificate_verify(struct hin_view file, struct hin_view fingerprint,
                                  struct hin_json_document **ret_document,
                                  struct hin_certificate *ret_certificate, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_paper_bytes_done) struct hin_paper_bytes bytes = {0};
    struct hin_certificate certificate = {0};
    struct hin_json statement;
    hin_paper_bytes_init(&bytes);
    HIN_TRY(hin_paper_check_frame(&hin_certificate_paper, file, error));
    HIN_TRY(hin_json_parse(file, HIN_CERTIFICATE_FILE_MAX, &document, error));
    HIN_TRY(hin_paper_read(&hin_certificate_paper, HIN_CERTIFICATE_VERSION, hin_json_root(document),
                           &statement, &bytes, error));
    HIN_TRY(read_certificate(statement, &certificate, error));
    HIN_TRY(judge(file, &certificate, &bytes, fingerprint, error));
    *ret_document = document;
    document = NULL;
    *ret_certificate = certificate;
    return hin_ok();
}
