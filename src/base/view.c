#include "base/view.h"

#include <string.h>

#include "base/bytes.h"

static uint8_t fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct hin_view hin_view_from_text(const char *text)
{
    return text != NULL ? hin_view_of(text, strlen(text)) : HIN_VIEW_EMPTY;
}

bool hin_view_equal(struct hin_view a, struct hin_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool hin_view_equal_nocase(struct hin_view a, struct hin_view b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (fold(a.data[i]) != fold(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool hin_view_is(struct hin_view view, const char *text)
{
    return hin_view_equal(view, hin_view_from_text(text));
}

bool hin_view_starts_with(struct hin_view view, struct hin_view prefix)
{
    return view.size >= prefix.size && hin_view_equal(hin_view_sub(view, 0, prefix.size), prefix);
}

bool hin_view_ends_with(struct hin_view view, struct hin_view suffix)
{
    return view.size >= suffix.size &&
           hin_view_equal(hin_view_sub(view, view.size - suffix.size, suffix.size), suffix);
}

int hin_view_compare(struct hin_view a, struct hin_view b)
{
    size_t common = HIN_MIN(a.size, b.size);
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

struct hin_view hin_view_trim(struct hin_view view)
{
    while (view.size > 0 && is_blank(view.data[0])) {
        view = hin_view_sub(view, 1, view.size);
    }
    while (view.size > 0 && is_blank(view.data[view.size - 1])) {
        view.size--;
    }
    return view;
}

struct hin_view hin_view_sub(struct hin_view view, size_t offset, size_t size)
{
    if (offset >= view.size) {
        return (struct hin_view){view.data != NULL ? view.data + view.size : NULL, 0};
    }
    return (struct hin_view){view.data + offset, HIN_MIN(size, view.size - offset)};
}

size_t hin_view_find(struct hin_view haystack, struct hin_view needle)
{
    if (needle.size == 0) {
        return 0;
    }
    if (haystack.size < needle.size) {
        return SIZE_MAX;
    }
    const uint8_t *at = memmem(haystack.data, haystack.size, needle.data, needle.size);
    return at != NULL ? (size_t)(at - haystack.data) : SIZE_MAX;
}

size_t hin_view_find_byte(struct hin_view haystack, uint8_t byte)
{
    const uint8_t *at = haystack.size > 0 ? memchr(haystack.data, byte, haystack.size) : NULL;
    return at != NULL ? (size_t)(at - haystack.data) : SIZE_MAX;
}

bool hin_view_split(struct hin_view *rest, uint8_t separator, struct hin_view *ret_part)
{
    if (rest->data == NULL) {
        return false;
    }
    size_t at = hin_view_find_byte(*rest, separator);
    if (at == SIZE_MAX) {
        *ret_part = *rest;
        *rest = HIN_VIEW_EMPTY;
    } else {
        *ret_part = hin_view_sub(*rest, 0, at);
        *rest = hin_view_of(rest->data + at + 1, rest->size - at - 1);
    }
    return true;
}

struct hin_result hin_view_to_u64(struct hin_view view, uint64_t *ret_value)
{
    HIN_ENSURE(view.size > 0, SYNTAX);
    uint64_t value = 0;
    for (size_t i = 0; i < view.size; i++) {
        HIN_ENSURE(view.data[i] >= '0' && view.data[i] <= '9', SYNTAX);
        HIN_ENSURE(!__builtin_mul_overflow(value, UINT64_C(10), &value), SYNTAX);
        HIN_ENSURE(!__builtin_add_overflow(value, (uint64_t)(view.data[i] - '0'), &value), SYNTAX);
    }
    *ret_value = value;
    return hin_ok();
}

struct hin_result hin_view_to_i64(struct hin_view view, int64_t *ret_value)
{
    bool negative = view.size > 0 && view.data[0] == '-';
    uint64_t magnitude = 0;
    HIN_TRY(hin_view_to_u64(hin_view_sub(view, negative ? 1 : 0, view.size), &magnitude));
    HIN_ENSURE(magnitude <= (uint64_t)INT64_MAX + (negative ? 1 : 0), SYNTAX);
    *ret_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return hin_ok();
}

struct hin_result hin_view_to_text(struct hin_view view, char *out, size_t out_bytes)
{
    HIN_ENSURE(view.size < out_bytes, LIMIT);
    HIN_ENSURE(hin_view_find_byte(view, 0) == SIZE_MAX, INVALID);
    hin_copy(out, view.data, view.size);
    out[view.size] = '\0';
    return hin_ok();
}
