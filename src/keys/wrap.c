#include "keys/wrap.h"

#include "base/bytes.h"
#include "base/codec.h"
#include "crypt/aead.h"
#include "crypt/hash.h"

static const uint8_t wrap_magic[4] = {'H', 'W', 'K', 1};

#define HEAD_BYTES 40
#define AT_VERSION 4
#define AT_SALT    8
#define SALT_BYTES 32
#define NAME_MAX   256
#define ONCE_BYTES (HIN_AEAD_KEY_BYTES + HIN_AEAD_NONCE_BYTES)

static HIN_RESULT associate(struct hin_buf *buf, const uint8_t *head,
                            const struct hin_key_binding *binding)
{
    HIN_ENSURE(binding->tenant.size <= NAME_MAX && binding->key_id.size <= NAME_MAX, INVALID);
    HIN_TRY(hin_buf_append(buf, hin_view_of(head, HEAD_BYTES)));
    HIN_TRY(hin_write_u32(buf, (uint32_t)binding->purpose));
    HIN_TRY(hin_write_u32(buf, binding->version));
    HIN_TRY(hin_write_bytes(buf, binding->tenant));
    return hin_write_bytes(buf, binding->key_id);
}

/* The key and nonce of this one wrap. */
static HIN_RESULT derive_once(const struct hin_secret *wrapping, const uint8_t *head,
                              struct hin_aead **ret_aead, uint8_t nonce[HIN_AEAD_NONCE_BYTES])
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret once = {0};
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    HIN_ENSURE(wrapping->size == HIN_AEAD_KEY_BYTES, INVALID);
    HIN_TRY(hin_hkdf(hin_secret_view(wrapping), hin_view_of(head + AT_SALT, SALT_BYTES),
                     HIN_VIEW("hinomi key wrap v1"), ONCE_BYTES, &once));
    HIN_TRY(hin_secret_from(&key, hin_view_of(once.data, HIN_AEAD_KEY_BYTES)));
    hin_copy(nonce, once.data + HIN_AEAD_KEY_BYTES, HIN_AEAD_NONCE_BYTES);
    return hin_aead_new(ret_aead, &key);
}

struct hin_result hin_key_wrap(const struct hin_secret *wrapping, uint32_t wrapping_version,
                               const struct hin_key_binding *binding,
                               const struct hin_secret *plain, struct hin_buf *ret_wrapped)
{
    uint8_t head[HEAD_BYTES], nonce[HIN_AEAD_NONCE_BYTES];
    uint8_t *to = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf associated = {.max = 1024};
    HIN_CLEANUP(hin_aead_freep) struct hin_aead *aead = NULL;
    hin_copy(head, wrap_magic, sizeof(wrap_magic));
    hin_store_u32(head + AT_VERSION, wrapping_version);
    HIN_TRY(hin_random(head + AT_SALT, SALT_BYTES));
    HIN_TRY(associate(&associated, head, binding));
    HIN_TRY(derive_once(wrapping, head, &aead, nonce));
    size_t size = plain->size + HIN_WRAP_OVERHEAD_BYTES;
    HIN_TRY(hin_buf_extend(ret_wrapped, size, &to));
    hin_copy(to, head, sizeof(head));
    struct hin_result result =
        hin_aead_seal(aead, hin_view_of(nonce, sizeof(nonce)), hin_buf_view(&associated),
                      hin_secret_view(plain), to + HEAD_BYTES);
    if (result.code != HIN_OK) {
        ret_wrapped->size -= size;
    }
    return result;
}

static HIN_RESULT check_head(struct hin_view wrapped)
{
    for (size_t i = 0; i < 3 && i < wrapped.size; i++) {
        HIN_ENSURE(wrapped.data[i] == wrap_magic[i], SYNTAX);
    }
    HIN_ENSURE(wrapped.size >= 4, TRUNCATED);
    HIN_ENSURE(wrapped.data[3] != 0, SYNTAX);
    HIN_ENSURE(wrapped.data[3] == wrap_magic[3], UNSUPPORTED);
    HIN_ENSURE(wrapped.size > HIN_WRAP_OVERHEAD_BYTES, TRUNCATED);
    HIN_ENSURE(wrapped.size <= HIN_WRAP_OVERHEAD_BYTES + HIN_SECRET_MAX, SYNTAX);
    return hin_ok();
}

struct hin_result hin_key_unwrap(const struct hin_secret *wrapping,
                                 const struct hin_key_binding *binding, struct hin_view wrapped,
                                 struct hin_secret *ret_plain)
{
    uint8_t nonce[HIN_AEAD_NONCE_BYTES];
    HIN_CLEANUP(hin_buf_done) struct hin_buf associated = {.max = 1024};
    HIN_CLEANUP(hin_aead_freep) struct hin_aead *aead = NULL;
    HIN_TRY(check_head(wrapped));
    HIN_TRY(associate(&associated, wrapped.data, binding));
    HIN_TRY(derive_once(wrapping, wrapped.data, &aead, nonce));
    struct hin_secret plain = {0};
    HIN_TRY(hin_secret_new(&plain, wrapped.size - HIN_WRAP_OVERHEAD_BYTES));
    struct hin_result result =
        hin_aead_open(aead, hin_view_of(nonce, sizeof(nonce)), hin_buf_view(&associated),
                      hin_view_sub(wrapped, HEAD_BYTES, wrapped.size), plain.data);
    if (result.code != HIN_OK) {
        hin_secret_done(&plain);
        return result;
    }
    *ret_plain = plain;
    return hin_ok();
}

struct hin_result hin_key_wrapped_version(struct hin_view wrapped, uint32_t *ret_version)
{
    HIN_TRY(check_head(wrapped));
    *ret_version = hin_load_u32(wrapped.data + AT_VERSION);
    return hin_ok();
}

struct hin_result hin_key_wrapped_under(struct hin_view wrapped, uint32_t *ret_version)
{
    HIN_ENSURE(wrapped.size >= AT_SALT, TRUNCATED);
    *ret_version = hin_load_u32(wrapped.data + AT_VERSION);
    return hin_ok();
}
