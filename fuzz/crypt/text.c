/* Password rows and typed tokens. Also: a drawn token as a person types it, the input saying how,
 * must be taken for the same token; with another digit it must not. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypt/password.h"
#include "crypt/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte & ~0x20) : byte;
}

/* Another character for the same digit; the prefix knows upper case only. */
static uint8_t misread(uint8_t digit, uint8_t how)
{
    if (digit == '0' || digit == '1') {
        static const uint8_t zero[4] = {'0', 'o', 'O', '0'}, one[4] = {'1', 'i', 'L', 'l'};
        return digit == '0' ? zero[how & 3] : one[how & 3];
    }
    return how & 1 ? upper(digit) : digit;
}

/* A byte of the input for each character: bits 0-1 how it is misread, bit 2 a dash before it, bit 3
 * white space around the whole. *ret_last: where the last digit stands. */
static void type(struct hin_view token, size_t prefix, struct hin_view how, struct hin_buf *typed,
                 size_t *ret_last)
{
    uint8_t first = how.size > 0 ? how.data[0] : 0;
    must(hin_is_ok(hin_buf_append_text(typed, first & 8 ? " \t" : "")));
    for (size_t i = 0; i < token.size; i++) {
        uint8_t byte = token.data[i], way = how.size > 0 ? how.data[i % how.size] : 0;
        if (i >= prefix && (way & 4) != 0) {
            must(hin_is_ok(hin_buf_append_byte(typed, '-')));
        }
        byte = i < prefix ? (way & 1 ? upper(byte) : byte) : misread(byte, way);
        *ret_last = typed->size;
        must(hin_is_ok(hin_buf_append_byte(typed, byte)));
    }
    must(hin_is_ok(hin_buf_append_text(typed, first & 8 ? "\r\n" : "")));
}

static void draw_and_type(enum hin_token_kind kind, struct hin_view how)
{
    static const size_t prefixes[HIN_TOKEN_KIND_COUNT] = {8, 10, 0, 12};
    HIN_CLEANUP(hin_secret_done) struct hin_secret token = {0};
    HIN_CLEANUP(hin_buf_done) struct hin_buf typed = {.max = 256};
    uint8_t digest[HIN_SHA256_BYTES], again[HIN_SHA256_BYTES];
    size_t last = 0;
    must(hin_is_ok(hin_token_new(kind, &token)) &&
         hin_is_ok(hin_token_hash(kind, hin_secret_view(&token), digest)));
    type(hin_secret_view(&token), prefixes[kind], how, &typed, &last);
    must(hin_is_ok(hin_token_hash(kind, hin_buf_view(&typed), again)) &&
         memcmp(digest, again, sizeof(digest)) == 0);
    typed.data[last] = token.data[token.size - 1] == '2' ? '3' : '2';
    must(hin_is_ok(hin_token_hash(kind, hin_buf_view(&typed), again)) &&
         memcmp(digest, again, sizeof(digest)) != 0);
    typed.data[last] = 'u'; /* no digit */
    must(hin_token_hash(kind, hin_buf_view(&typed), again).code == HIN_SYNTAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view bytes = hin_view_of(data, size);
    uint8_t digest[HIN_SHA256_BYTES];
    char text[256];
    for (int kind = 0; kind < HIN_TOKEN_KIND_COUNT; kind++) {
        uint64_t tenant = 0;
        HIN_IGNORE(hin_token_hash((enum hin_token_kind)kind, bytes, digest));
        HIN_IGNORE(hin_token_tenant((enum hin_token_kind)kind, bytes, &tenant));
        draw_and_type((enum hin_token_kind)kind, bytes);
    }
    must(hin_token_hash(HIN_TOKEN_KIND_COUNT, bytes, digest).code == HIN_INVALID);
    if (hin_is_ok(hin_view_to_text(bytes, text, sizeof(text)))) {
        (void)hin_password_is_outdated(text);
    }
    return 0;
}
