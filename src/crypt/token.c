#include "crypt/token.h"

#include "base/bytes.h"

#define PREFIX_MAX        16
#define DIGITS_MAX        52
#define TENANT_DIGITS_MAX 12 /* 60 bits */

struct form {
    const char *prefix;
    size_t bytes;       /* of randomness */
    size_t digits;      /* of base32 */
    size_t group_count; /* a dash after so many digits; 0 = none */
};

static const struct form forms[HIN_TOKEN_KIND_COUNT] = {
    [HIN_TOKEN_API_KEY] = {"hin_key_", 32, 52, 0},
    [HIN_TOKEN_ENROLMENT] = {"hin_enrol_", 20, 32, 0},
    [HIN_TOKEN_PASSWORD] = {"", 13, 20, 5}, /* 104 bits, of which 100 are shown */
    [HIN_TOKEN_SESSION] = {"hin_session_", 32, 52, 0},
};

static const char alphabet[33] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Digit `i` of the base32 reading of the bytes, padded with zero bits. */
static uint8_t digit_at(const uint8_t *bytes, size_t size, size_t i)
{
    uint8_t value = 0;
    for (size_t bit = 5 * i; bit < 5 * i + 5; bit++) {
        uint8_t set = bit / 8 < size ? (bytes[bit / 8] >> (7 - bit % 8)) & 1 : 0;
        value = (uint8_t)(value << 1 | set);
    }
    return value;
}

struct hin_result hin_token_new(enum hin_token_kind kind, struct hin_secret *ret_text)
{
    HIN_ENSURE(kind < HIN_TOKEN_KIND_COUNT, INVALID);
    const struct form *form = &forms[kind];
    HIN_CLEANUP(hin_secret_done) struct hin_secret random = {0};
    HIN_TRY(hin_secret_random(&random, form->bytes));
    struct hin_view prefix = hin_view_from_text(form->prefix);
    size_t dashes = form->group_count > 0 ? (form->digits - 1) / form->group_count : 0;
    struct hin_secret text = {0};
    HIN_TRY(hin_secret_new(&text, prefix.size + form->digits + dashes));
    hin_copy(text.data, prefix.data, prefix.size);
    size_t at = prefix.size;
    for (size_t i = 0; i < form->digits; i++) {
        if (form->group_count > 0 && i > 0 && i % form->group_count == 0) {
            text.data[at++] = '-';
        }
        text.data[at++] = (uint8_t)alphabet[digit_at(random.data, random.size, i)];
    }
    *ret_text = text;
    return hin_ok();
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* What a person may have read for a digit (Crockford); 0 when it is none. */
static uint8_t canonical_digit(uint8_t byte)
{
    byte = lower(byte);
    if (byte == 'o') {
        return '0';
    }
    if (byte == 'i' || byte == 'l') {
        return '1';
    }
    return hin_view_find_byte(hin_view_of(alphabet, 32), byte) != SIZE_MAX ? byte : 0;
}

/* "...digits_TENANT": what stands before the tenant, and its number in base32, 0 when none is
 * named. */
static HIN_RESULT split_tenant(const struct form *form, struct hin_view text,
                               struct hin_view *ret_secret, uint64_t *ret_tenant)
{
    struct hin_view prefix = hin_view_from_text(form->prefix);
    uint64_t tenant = 0;
    text = hin_view_trim(text);
    HIN_ENSURE(hin_view_equal_nocase(hin_view_sub(text, 0, prefix.size), prefix), SYNTAX);
    size_t mark = hin_view_find_byte(hin_view_sub(text, prefix.size, text.size), '_');
    struct hin_view secret = mark == SIZE_MAX ? text : hin_view_sub(text, 0, prefix.size + mark);
    if (mark != SIZE_MAX) {
        struct hin_view digits = hin_view_sub(text, prefix.size + mark + 1, text.size);
        HIN_ENSURE(prefix.size > 0 && digits.size > 0 && digits.size <= TENANT_DIGITS_MAX, SYNTAX);
        for (size_t i = 0; i < digits.size; i++) {
            uint8_t digit = canonical_digit(digits.data[i]);
            HIN_ENSURE(digit != 0, SYNTAX);
            tenant = tenant << 5 | hin_view_find_byte(hin_view_of(alphabet, 32), digit);
        }
        HIN_ENSURE(tenant > 0, SYNTAX);
    }
    *ret_secret = secret;
    *ret_tenant = tenant;
    return hin_ok();
}

struct hin_result hin_token_tenant(enum hin_token_kind kind, struct hin_view text,
                                   uint64_t *ret_tenant)
{
    struct hin_view secret;
    HIN_ENSURE(kind < HIN_TOKEN_KIND_COUNT, INVALID);
    return split_tenant(&forms[kind], text, &secret, ret_tenant);
}

struct hin_result hin_token_name_tenant(struct hin_secret *text, uint64_t tenant)
{
    char digits[TENANT_DIGITS_MAX];
    size_t count = 0;
    HIN_ENSURE(tenant < UINT64_C(1) << (5 * TENANT_DIGITS_MAX), INVALID);
    for (; tenant > 0; tenant >>= 5) {
        digits[count++] = alphabet[tenant & 31];
    }
    if (count == 0) {
        return hin_ok();
    }
    struct hin_secret longer = {0};
    HIN_TRY(hin_secret_new(&longer, text->size + 1 + count));
    hin_copy(longer.data, text->data, text->size);
    longer.data[text->size] = '_';
    for (size_t i = 0; i < count; i++) {
        longer.data[text->size + 1 + i] = (uint8_t)digits[count - 1 - i];
    }
    hin_secret_done(text);
    *text = longer;
    return hin_ok();
}

struct hin_result hin_token_hash(enum hin_token_kind kind, struct hin_view text,
                                 uint8_t ret_digest[HIN_SHA256_BYTES])
{
    HIN_ENSURE(kind < HIN_TOKEN_KIND_COUNT, INVALID);
    const struct form *form = &forms[kind];
    struct hin_view prefix = hin_view_from_text(form->prefix);
    uint64_t tenant = 0;
    HIN_TRY(split_tenant(form, text, &text, &tenant));
    uint8_t canonical[PREFIX_MAX + DIGITS_MAX];
    hin_copy(canonical, prefix.data, prefix.size);
    size_t count = 0;
    for (size_t i = prefix.size; i < text.size; i++) {
        uint8_t digit = canonical_digit(text.data[i]);
        if (text.data[i] == '-') {
            continue;
        }
        if (digit == 0 || count == form->digits) {
            hin_wipe(canonical, sizeof(canonical));
            return hin_fail(HIN_SYNTAX);
        }
        canonical[prefix.size + count++] = digit;
    }
    struct hin_result result = hin_fail(HIN_SYNTAX);
    if (count == form->digits) {
        result = hin_sha256(hin_view_of(canonical, prefix.size + count), ret_digest);
    }
    hin_wipe(canonical, sizeof(canonical));
    return result;
}
