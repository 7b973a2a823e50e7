#include "base/bytes.h"

bool hin_equal_constant_time(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference = (uint8_t)(difference | (left[i] ^ right[i]));
    }
    return difference == 0;
}

void hin_hex(const void *data, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static int digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct hin_result hin_unhex(struct hin_view text, uint8_t *out, size_t size)
{
    HIN_ENSURE(size <= SIZE_MAX / 2 && text.size == 2 * size, SYNTAX);
    for (size_t i = 0; i < text.size; i++) {
        HIN_ENSURE(digit_of(text.data[i]) >= 0, SYNTAX);
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(digit_of(text.data[2 * i]) << 4 | digit_of(text.data[2 * i + 1]));
    }
    return hin_ok();
}
