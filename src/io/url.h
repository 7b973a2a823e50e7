/* URLs (RFC 3986) as we take them: https (or http, wss... when the caller allows) with a host,
 * strict. Refused: user information, control and non-ASCII characters, bad percent codes, empty
 * hosts, ports outside 1..65535. */
#ifndef HIN_IO_URL_H
#define HIN_IO_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_URL_HOST_BYTES 254
#define HIN_URL_BYTES_MAX  8192

struct hin_url {
    char scheme[16];               /* lower case */
    char host[HIN_URL_HOST_BYTES]; /* lower case; an IPv6 address without brackets */
    bool host_is_ipv6;
    uint16_t port; /* given, or of the scheme: https 443, http 80 */
    bool port_given;
    struct hin_view path;  /* raw, borrowed from the input; begins with '/', or empty */
    struct hin_view query; /* raw, without '?' */
    bool has_query;
    struct hin_view fragment; /* raw, without '#' */
};

/* SYNTAX with what is wrong in error (may be NULL). Views in *ret_url point into text. */
HIN_RESULT hin_url_parse(struct hin_view text, struct hin_url *ret_url, struct hin_error *error);
/* Appends the whole URL; the port is left out when it is the scheme's. */
HIN_RESULT hin_url_format(const struct hin_url *url, struct hin_buf *buf);
/* "host", "host:8443", "[::1]:4119": the Host header. */
HIN_RESULT hin_url_format_authority(const struct hin_url *url, struct hin_buf *buf);

/* Percent coding. _encode leaves unreserved characters (and '/' when keep_slash) as they are.
 * _decode: SYNTAX on a bad code; plus_is_space for query strings. Decoded bytes may be anything,
 * NUL included. */
HIN_RESULT hin_url_encode(struct hin_view text, bool keep_slash, struct hin_buf *buf);
HIN_RESULT hin_url_decode(struct hin_view text, bool plus_is_space, struct hin_buf *buf);

/* An origin-form path as a server may use it: decoded, begins with '/', no NUL, no "." or ".."
 * part, no empty inner part, no encoded slash, valid UTF-8. SYNTAX otherwise. */
HIN_RESULT hin_url_decode_path(struct hin_view raw, struct hin_buf *buf);

/* Query strings: walk "a=1&b=2"; name and value stay coded. False at the end. */
bool hin_url_query_next(struct hin_view *rest, struct hin_view *ret_name,
                        struct hin_view *ret_value);
/* Append "name=value" (coded), with '&' before it when buf is not empty. */
HIN_RESULT hin_url_query_append(struct hin_buf *buf, const char *name, struct hin_view value);

#endif
