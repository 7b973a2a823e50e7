/* Password rows and typed tokens. */
#include "base/buf.h"
#include "crypt/password.h"
#include "crypt/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    uint8_t digest[HIN_SHA256_BYTES];
    char text[256];
    for (int kind = 0; kind < HIN_TOKEN_KIND_COUNT; kind++) {
        HIN_IGNORE(hin_token_hash((enum hin_token_kind)kind, bytes, digest));
    }
    if (hin_is_ok(hin_view_to_text(bytes, text, sizeof(text)))) {
        (void)hin_password_is_outdated(text);
    }
    return 0;
}
