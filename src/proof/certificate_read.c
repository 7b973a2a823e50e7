/* Judging certificates of erasure. */
#include <stdio.h>

#include "base/bytes.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "data/json.h"
#include "proof/certificate.h"
#include "proof/checkpoint.h"
#include "proof/key.h"

/* ---- form ---- */

/* Bytes up to and with the brace that closes the first object; SIZE_MAX: it is cut off. */
static size_t end_of_object(struct hin_view text)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (quoted) {
            i += byte == '\\';
            quoted = byte != '"';
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '{') {
            depth++;
        } else if (byte == '}') {
            depth -= depth > 0;
            if (depth == 0) {
                return i + 1;
            }
        }
    }
    return SIZE_MAX;
}

static HIN_RESULT check_frame(struct hin_view file, struct hin_error *error)
{
    static const char begin[] = "{\n  \"format\": \"hinomi-certificate\",\n";
    if (file.size > HIN_CERTIFICATE_FILE_MAX) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0,
                             "the file is longer than any certificate (%d bytes)",
                             (int)HIN_CERTIFICATE_FILE_MAX);
    }
    size_t shared = HIN_MIN(file.size, sizeof(begin) - 1);
    if (!hin_view_equal(hin_view_sub(file, 0, shared),
                        hin_view_of((const uint8_t *)begin, shared))) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "the file does not begin as a certificate of Hinomi does");
    }
    size_t end = end_of_object(file);
    if (end == SIZE_MAX || end == file.size) {
        return hin_error_set(error, HIN_TRUNCATED, NULL, 0, 0,
                             "the certificate is cut off after %zu bytes", file.size);
    }
    if (file.size != end + 1 || file.data[end] != '\n') {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "%zu bytes stand behind the certificate's end: it was altered",
                             file.size - end);
    }
    return hin_ok();
}

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
    return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                         "kind: neither tenant nor person nor escrow");
}

static HIN_RESULT read_certificate(struct hin_json object, struct hin_certificate *certificate,
                                   struct hin_error *error)
{
    struct hin_view hex;
    struct hin_json erased;
    HIN_TRY(read_kind(object, certificate, error));
    HIN_TRY(get_text(object, "installation", &hex, error));
    if (hex.size != 2 * sizeof(certificate->installation) ||
        !hin_is_ok(hin_unhex(hex, certificate->installation, sizeof(certificate->installation)))) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "installation: not a fingerprint");
    }
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

/* Bytes of the seal, as read. */
struct seal {
    struct hin_buf signature, key, authority;
};

static void seal_done(struct seal *seal)
{
    hin_buf_done(&seal->signature);
    hin_buf_done(&seal->key);
    hin_buf_done(&seal->authority);
}

static HIN_RESULT get_hex(struct hin_json object, const char *name, struct hin_buf *out,
                          struct hin_error *error)
{
    struct hin_view text;
    uint8_t *at = NULL;
    HIN_TRY(hin_json_get_text(object, name, &text, error));
    if (text.size % 2 != 0 || text.size / 2 > out->max) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "%s: of another length", name);
    }
    HIN_TRY(hin_buf_extend(out, text.size / 2, &at));
    return hin_is_ok(hin_unhex(text, at, text.size / 2))
               ? hin_ok()
               : hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "%s: not hexadecimal", name);
}

static HIN_RESULT read_file(struct hin_json root, struct hin_certificate *certificate,
                            struct seal *seal, struct hin_error *error)
{
    struct hin_json object;
    int64_t version = 0;
    HIN_TRY(hin_json_get_integer(root, "version", 1, INT64_MAX, &version, error));
    if (version != HIN_CERTIFICATE_VERSION) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "version %lld of certificates is newer than this program: update it",
                             (long long)version);
    }
    HIN_TRY(hin_json_get_object(root, "certificate", &object, error));
    HIN_TRY(read_certificate(object, certificate, error));
    HIN_TRY(get_hex(root, "signature", &seal->signature, error));
    HIN_TRY(get_hex(root, "key", &seal->key, error));
    return get_hex(root, "authority", &seal->authority, error);
}

/* ---- judging ---- */

static HIN_RESULT check_form(struct hin_view file, const struct hin_certificate *certificate,
                             const struct hin_certificate_seal *seal, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf again = {.max = 2 * HIN_CERTIFICATE_FILE_MAX};
    HIN_TRY(hin_certificate_write(certificate, seal, &again));
    if (hin_view_equal(file, hin_buf_view(&again))) {
        return hin_ok();
    }
    return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                         "the file is not in the one form that a certificate has: it was altered");
}

static HIN_RESULT check_authority(struct hin_view authority, struct hin_view fingerprint,
                                  const struct hin_certificate *certificate,
                                  struct hin_error *error)
{
    uint8_t wanted[HIN_SHA256_BYTES], digest[HIN_SHA256_BYTES];
    if (fingerprint.size != 2 * sizeof(wanted) ||
        !hin_is_ok(hin_unhex(fingerprint, wanted, sizeof(wanted)))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the fingerprint is not usable: 64 hex digits are needed, as "
                             "`hinomi-manager init` prints them");
    }
    HIN_TRY(hin_sha256(authority, digest));
    struct hin_view own = hin_view_of(wanted, sizeof(wanted));
    if (!hin_view_equal(hin_view_of(digest, sizeof(digest)), own)) {
        char hex[HIN_SHA256_HEX_BYTES];
        hin_hex(digest, sizeof(digest), hex);
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the certificate is one of another installation, with fingerprint %s",
                             hex);
    }
    if (!hin_view_equal(hin_view_of(certificate->installation, sizeof(wanted)), own)) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the certificate states another installation than its authority's");
    }
    return hin_ok();
}

static HIN_RESULT check_signature(struct hin_view public_key, struct hin_view statement,
                                  struct hin_view signature, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * HIN_CERTIFICATE_STATEMENT_MAX};
    HIN_TRY(hin_certificate_text(statement, &text));
    if (hin_is_ok(hin_sign_verify(public_key, hin_buf_view(&text), signature))) {
        return hin_ok();
    }
    if (hin_is_ok(hin_checkpoint_verify(public_key, statement, signature))) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the signature was made for a checkpoint, not for a certificate");
    }
    return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                         "the signature is not one of the installation's key over this text: it "
                         "was altered, or signed for something else");
}

static HIN_RESULT judge(const struct hin_certificate *certificate,
                        const struct hin_certificate_seal *seal, struct hin_view fingerprint,
                        struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf statement = {.max = HIN_CERTIFICATE_STATEMENT_MAX};
    struct hin_key_statement key;
    HIN_TRY(check_authority(seal->authority, fingerprint, certificate, error));
    struct hin_result vouched = hin_key_statement_verify(seal->key, seal->authority, &key);
    if (!hin_is_ok(vouched)) {
        return hin_error_set(error, vouched.code, NULL, 0, 0,
                             "the statement about the signing key is not the authority's: %s",
                             hin_code_text(vouched.code));
    }
    HIN_TRY(hin_certificate_encode(certificate, &statement));
    return check_signature(hin_view_of(key.public_key, sizeof(key.public_key)),
                           hin_buf_view(&statement), seal->signature, error);
}

HIN_RESULT hin_certificate_verify(struct hin_view file, struct hin_view fingerprint,
                                  struct hin_json_document **ret_document,
                                  struct hin_certificate *ret_certificate, struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(seal_done)
    struct seal bytes = {.signature = {.max = HIN_SIGN_BYTES},
                         .key = {.max = HIN_KEY_STATEMENT_MAX},
                         .authority = {.max = HIN_X509_MAX_BYTES}};
    struct hin_certificate certificate = {0};
    HIN_TRY(check_frame(file, error));
    HIN_TRY(hin_json_parse(file, HIN_CERTIFICATE_FILE_MAX, &document, error));
    HIN_TRY(read_file(hin_json_root(document), &certificate, &bytes, error));
    struct hin_certificate_seal seal = {hin_buf_view(&bytes.signature), hin_buf_view(&bytes.key),
                                        hin_buf_view(&bytes.authority)};
    HIN_TRY(check_form(file, &certificate, &seal, error));
    HIN_TRY(judge(&certificate, &seal, fingerprint, error));
    *ret_document = document;
    document = NULL;
    *ret_certificate = certificate;
    return hin_ok();
}
