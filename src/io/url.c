#include "io/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

/* RFC 3986: 1 unreserved, 2 sub-delims ':' '@' (path), 4 '/', 8 '?', 16 host name, 32 '%'. */
enum { UNRESERVED = 1, PATH_MORE = 2, SLASH = 4, QUESTION = 8, HOST = 16, PERCENT = 32 };

static const uint8_t classes[256] = {
    ['a' ... 'z'] = UNRESERVED | HOST,
    ['A' ... 'Z'] = UNRESERVED | HOST,
    ['0' ... '9'] = UNRESERVED | HOST,
    ['-'] = UNRESERVED | HOST,
    ['.'] = UNRESERVED | HOST,
    ['_'] = UNRESERVED | HOST,
    ['~'] = UNRESERVED,
    ['!'] = PATH_MORE,
    ['$'] = PATH_MORE,
    ['&'] = PATH_MORE,
    ['\''] = PATH_MORE,
    ['('] = PATH_MORE,
    [')'] = PATH_MORE,
    ['*'] = PATH_MORE,
    ['+'] = PATH_MORE,
    [','] = PATH_MORE,
    [';'] = PATH_MORE,
    ['='] = PATH_MORE,
    [':'] = PATH_MORE,
    ['@'] = PATH_MORE,
    ['/'] = SLASH,
    ['?'] = QUESTION,
    ['%'] = PERCENT,
};

static int hex_value(uint8_t byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

static bool is_code(struct hin_view text, size_t at)
{
    return text.size - at >= 3 && hex_value(text.data[at + 1]) >= 0 &&
           hex_value(text.data[at + 2]) >= 0;
}

static bool all_of(struct hin_view text, unsigned allowed)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned class = classes[text.data[i]];
        if ((class & allowed) == 0 || (class == PERCENT && !is_code(text, i))) {
            return false;
        }
    }
    return true;
}

static struct hin_result wrong(struct hin_error *error, const char *what)
{
    return hin_error_set(error, HIN_SYNTAX, NULL, 0, 0, "not a usable URL: %s", what);
}

static struct hin_result copy_lower(struct hin_view text, char *out, size_t out_bytes)
{
    HIN_TRY(hin_view_to_text(text, out, out_bytes));
    for (char *at = out; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    return hin_ok();
}

static struct hin_result parse_host(struct hin_view host, struct hin_url *url,
                                    struct hin_error *error)
{
    url->host_is_ipv6 = host.size > 0 && host.data[0] == '[';
    if (url->host_is_ipv6) {
        host = hin_view_sub(host, 1, host.size - 2);
    }
    if (host.size == 0 || !hin_is_ok(copy_lower(host, url->host, sizeof(url->host)))) {
        return wrong(error, "the host is empty or too long");
    }
    struct in6_addr unused;
    bool fine = url->host_is_ipv6
                    ? inet_pton(AF_INET6, url->host, &unused) == 1
                    : all_of(host, HOST) && host.data[0] != '.' && host.data[0] != '-';
    return fine ? hin_ok() : wrong(error, "the host is neither a name nor an address");
}

static struct hin_result parse_authority(struct hin_view text, struct hin_url *url,
                                         struct hin_error *error)
{
    if (hin_view_find_byte(text, '@') != SIZE_MAX) {
        return wrong(error, "it holds a user name; pass credentials another way");
    }
    size_t close = text.size > 0 && text.data[0] == '[' ? hin_view_find_byte(text, ']') : 0;
    if (close == SIZE_MAX) {
        return wrong(error, "a bracket is not closed");
    }
    size_t host_end = close > 0 ? close + 1 : HIN_MIN(hin_view_find_byte(text, ':'), text.size);
    HIN_TRY(parse_host(hin_view_sub(text, 0, host_end), url, error));
    url->port = strcmp(url->scheme, "https") == 0 ? 443 : strcmp(url->scheme, "http") == 0 ? 80 : 0;
    if (host_end < text.size) {
        uint64_t port = 0;
        struct hin_view digits = hin_view_sub(text, host_end + 1, SIZE_MAX);
        bool fine = text.data[host_end] == ':' && digits.size <= 5 &&
                    hin_is_ok(hin_view_to_u64(digits, &port)) && port >= 1 && port <= 65535;
        if (!fine) {
            return wrong(error, "the port is not a number from 1 to 65535");
        }
        url->port = (uint16_t)port;
        url->port_given = true;
    }
    return hin_ok();
}

static struct hin_view cut(struct hin_view *text, uint8_t at, bool *ret_found)
{
    size_t place = hin_view_find_byte(*text, at);
    *ret_found = place != SIZE_MAX;
    struct hin_view rest = *ret_found ? hin_view_sub(*text, place + 1, SIZE_MAX) : HIN_VIEW_EMPTY;
    *text = *ret_found ? hin_view_sub(*text, 0, place) : *text;
    return rest;
}

struct hin_result hin_url_parse(struct hin_view text, struct hin_url *ret_url,
                                struct hin_error *error)
{
    struct hin_url url = {0};
    bool found = false;
    if (text.size > HIN_URL_BYTES_MAX) {
        return wrong(error, "it is too long");
    }
    size_t colon = hin_view_find(text, HIN_VIEW("://"));
    if (colon == SIZE_MAX || colon == 0 ||
        !hin_is_ok(copy_lower(hin_view_sub(text, 0, colon), url.scheme, sizeof(url.scheme))) ||
        strspn(url.scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != colon ||
        url.scheme[0] < 'a') {
        return wrong(error, "it does not begin with a scheme such as https://");
    }
    struct hin_view rest = hin_view_sub(text, colon + 3, SIZE_MAX);
    url.fragment = cut(&rest, '#', &found);
    url.query = cut(&rest, '?', &url.has_query);
    size_t slash = HIN_MIN(hin_view_find_byte(rest, '/'), rest.size);
    url.path = hin_view_sub(rest, slash, SIZE_MAX);
    HIN_TRY(parse_authority(hin_view_sub(rest, 0, slash), &url, error));
    const unsigned path = UNRESERVED | PATH_MORE | SLASH | PERCENT;
    if (!all_of(url.path, path) || !all_of(url.query, path | QUESTION) ||
        !all_of(url.fragment, path | QUESTION)) {
        return wrong(error, "it holds a character that must be percent-coded, or a bad code");
    }
    *ret_url = url;
    return hin_ok();
}

static bool default_port(const struct hin_url *url)
{
    return (strcmp(url->scheme, "https") == 0 && url->port == 443) ||
           (strcmp(url->scheme, "http") == 0 && url->port == 80) || url->port == 0;
}

struct hin_result hin_url_format_authority(const struct hin_url *url, struct hin_buf *buf)
{
    HIN_TRY(hin_buf_printf(buf, url->host_is_ipv6 ? "[%s]" : "%s", url->host));
    return default_port(url) ? hin_ok() : hin_buf_printf(buf, ":%u", url->port);
}

struct hin_result hin_url_format(const struct hin_url *url, struct hin_buf *buf)
{
    HIN_TRY(hin_buf_printf(buf, "%s://", url->scheme));
    HIN_TRY(hin_url_format_authority(url, buf));
    HIN_TRY(hin_buf_append(buf, url->path));
    if (url->has_query) {
        HIN_TRY(hin_buf_append_byte(buf, '?'));
        HIN_TRY(hin_buf_append(buf, url->query));
    }
    if (url->fragment.size > 0) {
        HIN_TRY(hin_buf_append_byte(buf, '#'));
        HIN_TRY(hin_buf_append(buf, url->fragment));
    }
    return hin_ok();
}

struct hin_result hin_url_encode(struct hin_view text, bool keep_slash, struct hin_buf *buf)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if ((classes[byte] & UNRESERVED) != 0 || (keep_slash && byte == '/')) {
            HIN_TRY(hin_buf_append_byte(buf, byte));
        } else {
            uint8_t code[3] = {'%', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15]};
            HIN_TRY(hin_buf_append(buf, hin_view_of(code, 3)));
        }
    }
    return hin_ok();
}

struct hin_result hin_url_decode(struct hin_view text, bool plus_is_space, struct hin_buf *buf)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '%') {
            HIN_ENSURE(is_code(text, i), SYNTAX);
            byte = (uint8_t)(hex_value(text.data[i + 1]) << 4 | hex_value(text.data[i + 2]));
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        HIN_TRY(hin_buf_append_byte(buf, byte));
    }
    return hin_ok();
}

/* Well-formed UTF-8 without control characters. */
static bool is_clean_utf8(struct hin_view text)
{
    for (size_t i = 0; i < text.size;) {
        uint8_t lead = text.data[i];
        size_t more = lead < 0x80                    ? 0
                      : lead >= 0xc2 && lead <= 0xdf ? 1
                      : lead >= 0xe0 && lead <= 0xef ? 2
                      : lead >= 0xf0 && lead <= 0xf4 ? 3
                                                     : 4;
        if (more == 4 || more >= text.size - i || lead < 0x20 || lead == 0x7f) {
            return false;
        }
        for (size_t k = 1; k <= more; k++) {
            uint8_t byte = text.data[i + k];
            uint8_t low = k > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
            uint8_t high = k > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
            if (byte < low || byte > high) {
                return false;
            }
        }
        i += more + 1;
    }
    return true;
}

struct hin_result hin_url_decode_path(struct hin_view raw, struct hin_buf *buf)
{
    HIN_ENSURE(raw.size > 0 && raw.data[0] == '/', SYNTAX);
    HIN_ENSURE(all_of(raw, UNRESERVED | PATH_MORE | SLASH | PERCENT), SYNTAX);
    HIN_ENSURE(hin_view_find(raw, HIN_VIEW("%2f")) == SIZE_MAX &&
                   hin_view_find(raw, HIN_VIEW("%2F")) == SIZE_MAX,
               SYNTAX);
    size_t from = buf->size;
    HIN_TRY(hin_url_decode(raw, false, buf));
    struct hin_view path = hin_view_sub(hin_buf_view(buf), from, SIZE_MAX);
    bool fine = is_clean_utf8(path) && hin_view_find(path, HIN_VIEW("//")) == SIZE_MAX;
    struct hin_view rest = path;
    struct hin_view part;
    while (fine && hin_view_split(&rest, '/', &part)) {
        fine = !hin_view_is(part, ".") && !hin_view_is(part, "..");
    }
    if (!fine) {
        buf->size = from;
        return hin_fail(HIN_SYNTAX);
    }
    return hin_ok();
}

bool hin_url_query_next(struct hin_view *rest, struct hin_view *ret_name,
                        struct hin_view *ret_value)
{
    struct hin_view part;
    do {
        if (rest->size == 0 || !hin_view_split(rest, '&', &part)) {
            return false;
        }
    } while (part.size == 0);
    bool found = false;
    *ret_value = cut(&part, '=', &found);
    *ret_name = part;
    return true;
}

struct hin_result hin_url_query_append(struct hin_buf *buf, const char *name, struct hin_view value)
{
    if (buf->size > 0) {
        HIN_TRY(hin_buf_append_byte(buf, '&'));
    }
    HIN_TRY(hin_url_encode(hin_view_from_text(name), false, buf));
    HIN_TRY(hin_buf_append_byte(buf, '='));
    return hin_url_encode(value, false, buf);
}
