#include "manager/holder_key.h"

#include "base/log.h"
#include "crypt/token.h"

static HIN_RESULT read_key(struct hin_passphrase_source *source, struct hin_secret *ret_key,
                           struct hin_error *error)
{
    source->name = "holder-key";
    HIN_TRY(hin_passphrase_read(source, ret_key, error));
    if (ret_key->size > 0) {
        return hin_ok();
    }
    struct hin_result asked = hin_secret_ask("API key of a key holder: ", ret_key);
    if (!hin_is_ok(asked)) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0,
                             "the API key of a key holder is needed: --holder-key-file or "
                             "--holder-key-fd, or typed on a terminal");
    }
    return hin_ok();
}

HIN_RESULT hin_holder_key_find(const struct hin_vault *vault, struct hin_passphrase_source *source,
                               struct hin_vault_holder *ret_holder, struct hin_error *error)
{
    HIN_CLEANUP(hin_secret_done) struct hin_secret key = {0};
    uint8_t digest[HIN_SHA256_BYTES];
    HIN_TRY(read_key(source, &key, error));
    struct hin_result found = hin_token_hash(HIN_TOKEN_API_KEY, hin_secret_view(&key), digest);
    if (hin_is_ok(found)) {
        found = hin_vault_holder_find(vault, digest, ret_holder);
    }
    if (found.code == HIN_EXPIRED) {
        return hin_error_set(error, HIN_EXPIRED, NULL, 0, 0,
                             "nobody has confirmed this key holder for a quarter");
    }
    if (!hin_is_ok(found)) {
        hin_log(HIN_LOG_WARNING, "somebody who is no key holder tried to accept an older state");
        return hin_error_set(error, HIN_DENIED, NULL, 0, 0,
                             "this is the API key of no key holder of the installation, as the "
                             "vault knows them");
    }
    return hin_ok();
}
