#include "aws/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

HIN_RESULT hin_base64_encode(struct hin_view bytes, struct hin_buf *ret_text)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        uint8_t text[4] = {(uint8_t)digits[group >> 18], (uint8_t)digits[group >> 12 & 63],
                           left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=',
                           left > 2 ? (uint8_t)digits[group & 63] : '='};
        HIN_TRY(hin_buf_append(ret_text, hin_view_of(text, sizeof(text))));
    }
    return hin_ok();
}

static int value_of(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

HIN_RESULT hin_base64_decode(struct hin_view text, uint8_t *out, size_t out_bytes,
                             size_t *ret_bytes)
{
    size_t padding = 0, size = 0;
    HIN_ENSURE(text.size % 4 == 0, SYNTAX);
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < text.size; i += 4) {
        size_t missing = i + 4 == text.size ? padding : 0;
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            int value = j < 4 - missing ? value_of(text.data[i + j]) : 0;
            HIN_ENSURE(value >= 0, SYNTAX);
            group = group << 6 | (uint32_t)value;
        }
        HIN_ENSURE((group & ((UINT32_C(1) << 8 * missing) - 1)) == 0, SYNTAX);
        for (size_t j = 0; j < 3 - missing; j++) {
            HIN_ENSURE(size < out_bytes, LIMIT);
            out[size++] = (uint8_t)(group >> (16 - 8 * j));
        }
    }
    *ret_bytes = size;
    return hin_ok();
}
