#include "policy/bundle.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/hash.h"
#include "crypt/sign.h"

static const struct hin_view magic = {(const uint8_t *)"HINP", 4};

HIN_RESULT hin_policy_manifest_encode(const struct hin_policy_manifest *manifest,
                                      struct hin_buf *out)
{
    HIN_TRY(hin_buf_reserve(out, HIN_POLICY_MANIFEST_BYTES));
    HIN_TRY(hin_buf_append(out, magic));
    HIN_TRY(hin_write_u16(out, HIN_POLICY_FORMAT));
    HIN_TRY(hin_write_u64(out, manifest->version));
    HIN_TRY(hin_buf_append(out, hin_view_of(manifest->tenant, sizeof(manifest->tenant))));
    HIN_TRY(hin_buf_append(out, hin_view_of(manifest->agent, sizeof(manifest->agent))));
    HIN_TRY(hin_write_u64(out, manifest->policy));
    HIN_TRY(hin_write_u64(out, (uint64_t)manifest->issued_usec));
    return hin_buf_append(out,
                          hin_view_of(manifest->content_digest, sizeof(manifest->content_digest)));
}

static HIN_RESULT read_fixed(struct hin_reader *reader, uint8_t *to, size_t size)
{
    struct hin_view bytes;
    HIN_TRY(hin_read_exact(reader, size, &bytes));
    hin_copy(to, bytes.data, size);
    return hin_ok();
}

HIN_RESULT hin_policy_manifest_decode(struct hin_view bytes,
                                      struct hin_policy_manifest *ret_manifest)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_policy_manifest manifest = {0};
    struct hin_view mark;
    uint16_t format = 0;
    uint64_t issued = 0;
    HIN_TRY(hin_read_exact(&reader, magic.size, &mark));
    HIN_ENSURE(hin_view_equal(mark, magic), PROTOCOL);
    HIN_TRY(hin_read_u16(&reader, &format));
    HIN_ENSURE(format == HIN_POLICY_FORMAT, UNSUPPORTED);
    HIN_TRY(hin_read_u64(&reader, &manifest.version));
    HIN_TRY(read_fixed(&reader, manifest.tenant, sizeof(manifest.tenant)));
    HIN_TRY(read_fixed(&reader, manifest.agent, sizeof(manifest.agent)));
    HIN_TRY(hin_read_u64(&reader, &manifest.policy));
    HIN_TRY(hin_read_u64(&reader, &issued));
    HIN_TRY(read_fixed(&reader, manifest.content_digest, sizeof(manifest.content_digest)));
    HIN_TRY(hin_read_end(&reader));
    manifest.issued_usec = (int64_t)issued;
    *ret_manifest = manifest;
    return hin_ok();
}

/* Encoder and decoder share these checks, so that what one writes the other takes. */
static bool name_is_valid(struct hin_view name)
{
    if (name.size == 0 || name.size > HIN_POLICY_NAME_MAX || name.data[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '/' || name.data[i] < 0x20 || name.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool kind_is_valid(unsigned kind)
{
    return kind >= HIN_POLICY_FILE_DECODER && kind <= HIN_POLICY_FILE_LIST;
}

/* An absolute path or glob without "..", or the journal: whether it lies within the allow-list is
 * for the host. */
bool hin_policy_location_is_valid(struct hin_view location)
{
    if (hin_view_is(location, HIN_POLICY_LOCATION_JOURNAL)) {
        return true;
    }
    if (location.size < 2 || location.size > HIN_POLICY_LOCATION_MAX || location.data[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < location.size; i++) {
        if (location.data[i] < 0x20 || location.data[i] == 0x7f) {
            return false;
        }
    }
    struct hin_view rest = hin_view_sub(location, 1, location.size);
    struct hin_view part;
    while (hin_view_split(&rest, '/', &part)) {
        if (part.size == 0 || hin_view_is(part, ".") || hin_view_is(part, "..")) {
            return false;
        }
    }
    return true;
}

static bool format_is_valid(struct hin_view format)
{
    if (format.size > 64) {
        return false;
    }
    for (size_t i = 0; i < format.size; i++) {
        uint8_t c = format.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == ':')) {
            return false;
        }
    }
    return true;
}

HIN_RESULT hin_policy_content_encode(const struct hin_policy_content *content, struct hin_buf *out)
{
    HIN_ENSURE(content->file_count <= HIN_POLICY_FILES_MAX &&
                   content->log_count <= HIN_POLICY_LOGS_MAX,
               LIMIT);
    HIN_TRY(hin_write_u8(out, content->log_inspection ? 1 : 0));
    HIN_TRY(hin_write_varint(out, content->file_count));
    for (size_t i = 0; i < content->file_count; i++) {
        const struct hin_policy_file *file = &content->files[i];
        HIN_ENSURE(kind_is_valid(file->kind) && name_is_valid(file->name), INVALID);
        HIN_TRY(hin_write_u8(out, (uint8_t)file->kind));
        HIN_TRY(hin_write_bytes(out, file->name));
        HIN_TRY(hin_write_bytes(out, file->text));
    }
    HIN_TRY(hin_write_varint(out, content->log_count));
    for (size_t i = 0; i < content->log_count; i++) {
        const struct hin_policy_log *log = &content->logs[i];
        HIN_ENSURE(hin_policy_location_is_valid(log->location) && format_is_valid(log->format),
                   INVALID);
        HIN_TRY(hin_write_bytes(out, log->location));
        HIN_TRY(hin_write_bytes(out, log->format));
    }
    return hin_ok();
}

/* Each element takes at least min_bytes, so a count that the rest cannot hold is refused before
 * anything is allocated for it. */
static HIN_RESULT read_count(struct hin_reader *reader, size_t max, size_t min_bytes,
                             size_t *ret_count)
{
    uint64_t count = 0;
    HIN_TRY(hin_read_varint(reader, &count));
    HIN_ENSURE(count <= max, LIMIT);
    HIN_ENSURE(count <= reader->rest.size / min_bytes, TRUNCATED);
    *ret_count = (size_t)count;
    return hin_ok();
}

static HIN_RESULT read_files(struct hin_reader *reader, struct hin_arena *arena,
                             struct hin_policy_content *content)
{
    struct hin_policy_file *files = NULL;
    HIN_TRY(read_count(reader, HIN_POLICY_FILES_MAX, 3, &content->file_count));
    HIN_TRY(HIN_ARENA_ARRAY(arena, content->file_count, &files));
    for (size_t i = 0; i < content->file_count; i++) {
        uint8_t kind = 0;
        HIN_TRY(hin_read_u8(reader, &kind));
        HIN_TRY(hin_read_bytes(reader, HIN_POLICY_NAME_MAX, &files[i].name));
        HIN_TRY(hin_read_bytes(reader, HIN_POLICY_BUNDLE_MAX_BYTES, &files[i].text));
        HIN_ENSURE(kind_is_valid(kind) && name_is_valid(files[i].name), INVALID);
        files[i].kind = (enum hin_policy_file_kind)kind;
    }
    content->files = files;
    return hin_ok();
}

static HIN_RESULT read_logs(struct hin_reader *reader, struct hin_arena *arena,
                            struct hin_policy_content *content)
{
    struct hin_policy_log *logs = NULL;
    HIN_TRY(read_count(reader, HIN_POLICY_LOGS_MAX, 2, &content->log_count));
    HIN_TRY(HIN_ARENA_ARRAY(arena, content->log_count, &logs));
    for (size_t i = 0; i < content->log_count; i++) {
        HIN_TRY(hin_read_bytes(reader, HIN_POLICY_LOCATION_MAX, &logs[i].location));
        HIN_TRY(hin_read_bytes(reader, 64, &logs[i].format));
        HIN_ENSURE(hin_policy_location_is_valid(logs[i].location) &&
                       format_is_valid(logs[i].format),
                   INVALID);
    }
    content->logs = logs;
    return hin_ok();
}

HIN_RESULT hin_policy_content_decode(struct hin_view bytes, struct hin_arena *arena,
                                     struct hin_policy_content *ret_content)
{
    struct hin_reader reader = hin_reader_of(bytes);
    struct hin_policy_content content = {0};
    uint8_t flags = 0;
    HIN_ENSURE(bytes.size <= HIN_POLICY_BUNDLE_MAX_BYTES, LIMIT);
    HIN_TRY(hin_read_u8(&reader, &flags));
    HIN_ENSURE(flags <= 1, INVALID);
    content.log_inspection = flags == 1;
    HIN_TRY(read_files(&reader, arena, &content));
    HIN_TRY(read_logs(&reader, arena, &content));
    HIN_TRY(hin_read_end(&reader));
    *ret_content = content;
    return hin_ok();
}

HIN_RESULT hin_policy_bundle_assemble(struct hin_view manifest,
                                      const uint8_t signature[HIN_POLICY_SIGNATURE_BYTES],
                                      struct hin_view content, struct hin_buf *out)
{
    HIN_ENSURE(manifest.size == HIN_POLICY_MANIFEST_BYTES, INVALID);
    HIN_ENSURE(content.size <= HIN_POLICY_BUNDLE_MAX_BYTES, LIMIT);
    HIN_TRY(hin_buf_reserve(out, manifest.size + HIN_POLICY_SIGNATURE_BYTES + content.size));
    HIN_TRY(hin_buf_append(out, manifest));
    HIN_TRY(hin_buf_append(out, hin_view_of(signature, HIN_POLICY_SIGNATURE_BYTES)));
    return hin_buf_append(out, content);
}

HIN_RESULT hin_policy_content_digest(struct hin_view content,
                                     uint8_t ret_digest[HIN_POLICY_DIGEST_BYTES])
{
    return hin_sha256(content, ret_digest);
}

/* SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING, 32 bytes of key }: RFC 8410, sections 3
 * and 4. */
static const uint8_t key_head[HIN_POLICY_KEY_DER_BYTES - HIN_SIGN_PUBLIC_BYTES] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

HIN_RESULT hin_policy_key_encode(const uint8_t public_key[32], struct hin_buf *out)
{
    HIN_TRY(hin_buf_reserve(out, HIN_POLICY_KEY_DER_BYTES));
    HIN_TRY(hin_buf_append(out, hin_view_of(key_head, sizeof(key_head))));
    return hin_buf_append(out, hin_view_of(public_key, HIN_SIGN_PUBLIC_BYTES));
}

HIN_RESULT hin_policy_key_decode(struct hin_view der, uint8_t ret_public_key[32])
{
    HIN_ENSURE(der.size == HIN_POLICY_KEY_DER_BYTES, SYNTAX);
    HIN_ENSURE(hin_view_starts_with(der, hin_view_of(key_head, sizeof(key_head))), SYNTAX);
    hin_copy(ret_public_key, der.data + sizeof(key_head), HIN_SIGN_PUBLIC_BYTES);
    return hin_ok();
}

HIN_RESULT hin_policy_bundle_verify(struct hin_view bundle, struct hin_view public_key,
                                    struct hin_arena *arena, struct hin_policy_bundle *ret_bundle)
{
    uint8_t key[HIN_SIGN_PUBLIC_BYTES];
    HIN_TRY(hin_policy_key_decode(public_key, key));
    struct hin_reader reader = hin_reader_of(bundle);
    struct hin_view manifest;
    struct hin_view signature;
    HIN_TRY(hin_read_exact(&reader, HIN_POLICY_MANIFEST_BYTES, &manifest));
    HIN_TRY(hin_read_exact(&reader, HIN_POLICY_SIGNATURE_BYTES, &signature));
    HIN_ENSURE(reader.rest.size <= HIN_POLICY_BUNDLE_MAX_BYTES, LIMIT);
    /* Nothing that is not signed is looked at, not even the magic. */
    uint8_t message[sizeof(HIN_POLICY_SIGNING_DOMAIN) - 1 + HIN_POLICY_MANIFEST_BYTES];
    hin_copy(message, HIN_POLICY_SIGNING_DOMAIN, sizeof(HIN_POLICY_SIGNING_DOMAIN) - 1);
    hin_copy(message + sizeof(HIN_POLICY_SIGNING_DOMAIN) - 1, manifest.data, manifest.size);
    HIN_TRY(hin_sign_verify(hin_view_of(key, sizeof(key)), hin_view_of(message, sizeof(message)),
                            signature));

    struct hin_policy_bundle out = {0};
    uint8_t digest[HIN_POLICY_DIGEST_BYTES];
    HIN_TRY(hin_policy_manifest_decode(manifest, &out.manifest));
    HIN_TRY(hin_policy_content_digest(reader.rest, digest));
    HIN_ENSURE(hin_equal_constant_time(digest, out.manifest.content_digest, sizeof(digest)),
               CORRUPT);
    HIN_TRY(hin_policy_content_decode(reader.rest, arena, &out.content));
    *ret_bundle = out;
    return hin_ok();
}

HIN_RESULT hin_policy_bundle_accept(const struct hin_policy_bundle *bundle,
                                    const uint8_t tenant[HIN_POLICY_ID_BYTES],
                                    const uint8_t agent[HIN_POLICY_ID_BYTES], uint64_t last_version)
{
    HIN_ENSURE(memcmp(bundle->manifest.tenant, tenant, HIN_POLICY_ID_BYTES) == 0, DENIED);
    HIN_ENSURE(memcmp(bundle->manifest.agent, agent, HIN_POLICY_ID_BYTES) == 0, DENIED);
    HIN_ENSURE(bundle->manifest.version >= last_version, CONFLICT);
    return hin_ok();
}
