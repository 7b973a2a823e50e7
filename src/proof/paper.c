#include "proof/paper.h"

#include "base/bytes.h"
#include "crypt/sign.h"
#include "crypt/x509.h"
#include "proof/checkpoint.h"
#include "proof/key.h"

/* ---- bytes and hex ---- */

void hin_paper_bytes_init(struct hin_paper_bytes *bytes)
{
    hin_buf_init(&bytes->signature, HIN_SIGN_BYTES);
    hin_buf_init(&bytes->key, HIN_KEY_STATEMENT_MAX);
    hin_buf_init(&bytes->authority, HIN_X509_MAX_BYTES);
}

void hin_paper_bytes_done(struct hin_paper_bytes *bytes)
{
    hin_buf_done(&bytes->signature);
    hin_buf_done(&bytes->key);
    hin_buf_done(&bytes->authority);
}

struct hin_paper_seal hin_paper_seal_of(const struct hin_paper_bytes *bytes)
{
    return (struct hin_paper_seal){hin_buf_view(&bytes->signature), hin_buf_view(&bytes->key),
                                   hin_buf_view(&bytes->authority)};
}

void hin_paper_put_hex(struct hin_json_writer *writer, const char *name, struct hin_view bytes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf hex = {.max = 2 * HIN_X509_MAX_BYTES + 1};
    uint8_t *at = NULL;
    if (hin_is_ok(hin_buf_extend(&hex, bytes.size * 2 + 1, &at))) {
        hin_hex(bytes.data, bytes.size, (char *)at);
        hin_json_field_text(writer, name, hin_view_of(at, bytes.size * 2));
    } /* else the member is missing, which the reader refuses */
}

HIN_RESULT hin_paper_get_hex(struct hin_json object, const char *name, struct hin_buf *out,
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

HIN_RESULT hin_paper_get_digest(struct hin_json object, const char *name, uint8_t *ret_bytes,
                                size_t size, struct hin_error *error)
{
    struct hin_view hex;
    HIN_TRY(hin_json_get_text(object, name, &hex, error));
    if (hex.size != 2 * size || !hin_is_ok(hin_unhex(hex, ret_bytes, size))) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "%s: not %zu hex digits", name,
                             2 * size);
    }
    return hin_ok();
}

/* ---- writing ---- */

void hin_paper_begin(const struct hin_paper *paper, int64_t version, struct hin_json_writer *writer)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "format", paper->format);
    hin_json_field_integer(writer, "version", version);
    hin_json_key(writer, paper->name);
}

HIN_RESULT hin_paper_end(const struct hin_paper_seal *seal, struct hin_json_writer *writer,
                         struct hin_buf *out)
{
    hin_paper_put_hex(writer, "signature", seal->signature);
    hin_paper_put_hex(writer, "key", seal->key);
    hin_paper_put_hex(writer, "authority", seal->authority);
    hin_json_end_object(writer);
    HIN_TRY(hin_json_writer_finish(writer));
    return hin_buf_append_byte(out, '\n');
}

HIN_RESULT hin_paper_text(const struct hin_paper *paper, struct hin_view statement,
                          struct hin_buf *out)
{
    HIN_TRY(hin_buf_append_text(out, paper->domain));
    return hin_buf_append(out, statement);
}

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

static HIN_RESULT check_begin(const struct hin_paper *paper, struct hin_view file,
                              struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf begin = {.max = 256};
    HIN_TRY(hin_buf_printf(&begin, "{\n  \"format\": \"%s\",\n", paper->format));
    size_t shared = HIN_MIN(file.size, begin.size);
    if (!hin_view_equal(hin_view_sub(file, 0, shared),
                        hin_view_sub(hin_buf_view(&begin), 0, shared))) {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "the file does not begin as %s of Hinomi does", paper->some);
    }
    return hin_ok();
}

HIN_RESULT hin_paper_check_frame(const struct hin_paper *paper, struct hin_view file,
                                 struct hin_error *error)
{
    if (file.size > paper->file_max) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0,
                             "the file is longer than any %s (%zu bytes)", paper->name,
                             paper->file_max);
    }
    HIN_TRY(check_begin(paper, file, error));
    size_t end = end_of_object(file);
    if (end == SIZE_MAX || end == file.size) {
        return hin_error_set(error, HIN_TRUNCATED, NULL, 0, 0, "the %s is cut off after %zu bytes",
                             paper->name, file.size);
    }
    if (file.size != end + 1 || file.data[end] != '\n') {
        return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                             "%zu bytes stand behind the end of the %s: it was altered",
                             file.size - end, paper->name);
    }
    return hin_ok();
}

HIN_RESULT hin_paper_read(const struct hin_paper *paper, int64_t version, struct hin_json root,
                          struct hin_json *ret_statement, struct hin_paper_bytes *bytes,
                          struct hin_error *error)
{
    int64_t found = 0;
    HIN_TRY(hin_json_get_integer(root, "version", 1, INT64_MAX, &found, error));
    if (found != version) {
        return hin_error_set(error, HIN_UNSUPPORTED, NULL, 0, 0,
                             "version %lld of %s is newer than this program: update it",
                             (long long)found, paper->format);
    }
    HIN_TRY(hin_json_get_object(root, paper->name, ret_statement, error));
    HIN_TRY(hin_paper_get_hex(root, "signature", &bytes->signature, error));
    HIN_TRY(hin_paper_get_hex(root, "key", &bytes->key, error));
    return hin_paper_get_hex(root, "authority", &bytes->authority, error);
}

HIN_RESULT hin_paper_check_form(const struct hin_paper *paper, struct hin_view file,
                                struct hin_view again, struct hin_error *error)
{
    return hin_view_equal(file, again)
               ? hin_ok()
               : hin_error_set(error, HIN_SYNTAX, NULL, 0, 0,
                               "the file is not in the one form that %s has: it was altered",
                               paper->some);
}

/* ---- judging ---- */

static HIN_RESULT check_authority(const struct hin_paper *paper, struct hin_view authority,
                                  struct hin_view fingerprint,
                                  const uint8_t installation[HIN_SHA256_BYTES],
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
    if (!hin_is_ok(hin_x509_succeeds(authority, wanted))) {
        char hex[HIN_SHA256_HEX_BYTES];
        hin_hex(digest, sizeof(digest), hex);
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the %s is one of another installation, with fingerprint %s; if that "
                             "is this one's before its authority was rolled over, judge by that: "
                             "it also vouches for those that followed",
                             paper->name, hex);
    }
    if (!hin_view_equal(hin_view_of(installation, sizeof(digest)),
                        hin_view_of(digest, sizeof(digest)))) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the %s states another installation than its authority's",
                             paper->name);
    }
    return hin_ok();
}

static HIN_RESULT check_signature(const struct hin_paper *paper, struct hin_view public_key,
                                  struct hin_view statement, struct hin_view signature,
                                  struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 2 * paper->statement_max};
    HIN_TRY(hin_paper_text(paper, statement, &text));
    if (hin_is_ok(hin_sign_verify(public_key, hin_buf_view(&text), signature))) {
        return hin_ok();
    }
    if (hin_is_ok(hin_checkpoint_verify(public_key, statement, signature))) {
        return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                             "the signature was made for a checkpoint, not for %s", paper->some);
    }
    return hin_error_set(error, HIN_AUTH, NULL, 0, 0,
                         "the signature is not one of the installation's key over this text: it "
                         "was altered, or signed for something else");
}

HIN_RESULT hin_paper_judge(const struct hin_paper *paper, struct hin_view statement,
                           const uint8_t installation[HIN_SHA256_BYTES],
                           const struct hin_paper_seal *seal, struct hin_view fingerprint,
                           struct hin_error *error)
{
    struct hin_key_statement key;
    HIN_TRY(check_authority(paper, seal->authority, fingerprint, installation, error));
    struct hin_result vouched =
        seal->memo != NULL
            ? hin_key_statement_verify_next(seal->memo, seal->key, seal->authority, &key)
            : hin_key_statement_verify(seal->key, seal->authority, &key);
    if (!hin_is_ok(vouched)) {
        return hin_error_set(error, vouched.code, NULL, 0, 0,
                             "the statement about the signing key is not the authority's: %s",
                             hin_code_text(vouched.code));
    }
    return check_signature(paper, hin_view_of(key.public_key, sizeof(key.public_key)), statement,
                           seal->signature, error);
}
