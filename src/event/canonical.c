/* Canonical forms: what makes two spellings of one value equal before they are searched for. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/bytes.h"
#include "event/field.h"

/* One part of a dotted quad, without leading zeros. Advances *at; false when there is none. */
static bool take_octet(struct hin_view text, size_t *at, unsigned *ret_octet)
{
    size_t begin = *at;
    unsigned value = 0;
    while (*at < text.size && *at - begin < 3 && text.data[*at] >= '0' && text.data[*at] <= '9') {
        value = value * 10 + (unsigned)(text.data[*at] - '0');
        (*at)++;
    }
    size_t digits = *at - begin;
    *ret_octet = value;
    return digits > 0 && value <= 255 && (digits == 1 || text.data[begin] != '0');
}

/* A dotted quad without leading zeros is canonical already. */
static bool is_dotted_quad(struct hin_view text)
{
    size_t at = 0;
    unsigned octet = 0;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at >= text.size || text.data[at++] != '.')) {
            return false;
        }
        if (!take_octet(text, &at, &octet)) {
            return false;
        }
    }
    return at == text.size;
}

static struct hin_view strip_brackets_and_zone(struct hin_view text)
{
    if (text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']') {
        text = hin_view_sub(text, 1, text.size - 2);
    }
    size_t zone = hin_view_find_byte(text, '%');
    return zone == SIZE_MAX ? text : hin_view_sub(text, 0, zone);
}

HIN_RESULT hin_ip_canonical(struct hin_view text, char *out, int *ret_version)
{
    if (is_dotted_quad(text)) {
        *ret_version = 4;
        return hin_view_to_text(text, out, HIN_IP_TEXT_MAX);
    }
    struct hin_view bare = strip_brackets_and_zone(text);
    HIN_ENSURE(hin_view_find_byte(bare, ':') != SIZE_MAX, SYNTAX);
    char plain[HIN_IP_TEXT_MAX];
    if (!hin_is_ok(hin_view_to_text(bare, plain, sizeof(plain)))) {
        return hin_fail(HIN_SYNTAX);
    }
    struct in6_addr address;
    HIN_ENSURE(inet_pton(AF_INET6, plain, &address) == 1, SYNTAX);
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        const uint8_t *octets = &address.s6_addr[12];
        (void)snprintf(out, HIN_IP_TEXT_MAX, "%u.%u.%u.%u", octets[0], octets[1], octets[2],
                       octets[3]);
        *ret_version = 4;
        return hin_ok();
    }
    HIN_ENSURE(inet_ntop(AF_INET6, &address, out, HIN_IP_TEXT_MAX) != NULL, SYNTAX);
    *ret_version = 6;
    return hin_ok();
}

static bool has_upper(struct hin_view value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] >= 'A' && value.data[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

static HIN_RESULT fold(struct hin_view value, struct hin_arena *arena,
                       struct hin_view *ret_canonical)
{
    if (!has_upper(value)) {
        *ret_canonical = value;
        return hin_ok();
    }
    void *memory = NULL;
    HIN_TRY(hin_arena_alloc(arena, value.size, &memory));
    uint8_t *to = memory;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        to[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
    }
    *ret_canonical = hin_view_of(to, value.size);
    return hin_ok();
}

static HIN_RESULT canonical_ip(struct hin_view value, struct hin_arena *arena,
                               struct hin_view *ret_canonical)
{
    if (is_dotted_quad(value)) {
        *ret_canonical = value;
        return hin_ok();
    }
    char text[HIN_IP_TEXT_MAX];
    int version = 0;
    if (hin_is_ok(hin_ip_canonical(value, text, &version))) {
        return hin_arena_copy(arena, hin_view_from_text(text), ret_canonical);
    }
    return fold(value, arena, ret_canonical); /* a host name stands where an address should */
}

static HIN_RESULT canonical_number(struct hin_view value, struct hin_arena *arena,
                                   struct hin_view *ret_canonical)
{
    int64_t number = 0;
    if (!hin_is_ok(hin_view_to_i64(hin_view_trim(value), &number))) {
        return hin_fail(HIN_SYNTAX);
    }
    return hin_arena_printf(arena, ret_canonical, "%lld", (long long)number);
}

HIN_RESULT hin_canonical(enum hin_field_canon canon, struct hin_view value, struct hin_arena *arena,
                         struct hin_view *ret_canonical)
{
    value = hin_view_sub(value, 0, HIN_CANONICAL_MAX);
    switch (canon) {
    case HIN_CANON_FOLD:
        return fold(value, arena, ret_canonical);
    case HIN_CANON_IP:
        return canonical_ip(value, arena, ret_canonical);
    case HIN_CANON_NUMBER:
        return canonical_number(value, arena, ret_canonical);
    case HIN_CANON_EXACT:
        break;
    }
    *ret_canonical = value;
    return hin_ok();
}
