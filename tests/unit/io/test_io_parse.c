#include <string.h>

#include "base/buf.h"
#include "harness.h"
#include "io/address.h"
#include "io/http.h"
#include "io/url.h"

static unsigned refusal_of(const char *text)
{
    struct hin_http_head head;
    struct hin_http_refusal refusal = {0, ""};
    size_t scanned = 0;
    size_t size = 0;
    struct hin_view input = hin_view_from_text(text);
    struct hin_result found = hin_http_head_find(input, 4096, &scanned, &size);
    if (!hin_is_ok(found)) {
        return found.code == HIN_SYNTAX ? 400 : 0;
    }
    return hin_is_ok(hin_http_parse_request(hin_view_sub(input, 0, size), &head, &refusal))
               ? 200
               : refusal.status;
}

TEST(test_io_http__refuses_ambiguous_framing)
{
    static const struct {
        unsigned status;
        const char *text;
    } rows[] = {
        {200, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"},
        {200, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"},
        {400,
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
              "chunked\r\n\r\n"},
        {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n Host: x\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"},
        {400, "GET / HTTP/1.1\nHost: x\n\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"},
        {400, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"},
        {501, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"},
        {417, "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned status = refusal_of(rows[i].text);
        if (status != rows[i].status) {
            test_fail(__FILE__, __LINE__, "row %zu: %u, not %u: %s", i, status, rows[i].status,
                      rows[i].text);
        }
    }
}

TEST(test_io_http__chunks_are_strict)
{
    static const struct {
        enum hin_code code;
        const char *text;
    } rows[] = {
        {HIN_OK, "5\r\nhello\r\n0\r\n\r\n"},
        {HIN_OK, "5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n"},
        {HIN_AGAIN, "5\r\nhel"},
        {HIN_SYNTAX, "5\nhello\r\n0\r\n\r\n"},
        {HIN_SYNTAX, "\r\n"},
        {HIN_SYNTAX, "-5\r\nhello\r\n0\r\n\r\n"},
        {HIN_SYNTAX, "5\r\nhelloX\r\n0\r\n\r\n"},
        {HIN_SYNTAX, "0x5\r\nhello\r\n0\r\n\r\n"},
        {HIN_SYNTAX, "fffffffffffffffff\r\n"},
        {HIN_SYNTAX, "5 \r\nhello\r\n0\r\n\r\n"},
        {HIN_LIMIT, "ff\r\n012345678901234567890"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hin_http_chunks chunks = {0};
        HIN_CLEANUP(hin_buf_done) struct hin_buf body;
        hin_buf_init(&body, 16);
        size_t used = 0;
        struct hin_result result =
            hin_http_chunks_feed(&chunks, hin_view_from_text(rows[i].text), &body, &used);
        if (result.code != rows[i].code) {
            test_fail(__FILE__, __LINE__, "row %zu: %s", i, hin_code_name(result.code));
        }
    }
}

TEST(test_io_url__is_strict)
{
    static const char *const bad[] = {"",
                                      "https://",
                                      "example.org",
                                      "https://user@x/",
                                      "https://x:0/",
                                      "https://x:65536/",
                                      "https://x:/",
                                      "https://[::1/",
                                      "https://[zz]/",
                                      "https://x/ y",
                                      "https://x/%zz",
                                      "https://x/\xc3\xa9",
                                      "ht tp://x",
                                      "https://x\r\n/",
                                      "https://[::1]x/"};
    struct hin_url url;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (hin_is_ok(hin_url_parse(hin_view_from_text(bad[i]), &url, NULL))) {
            test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
        }
    }
    CHECK_OK(hin_url_parse(HIN_VIEW("HTTPS://[::1]:4119/api/events?a=b%20c#f"), &url, NULL));
    CHECK_VIEW(hin_view_from_text(url.host), "::1");
    CHECK_INT(url.port, 4119);
    CHECK_VIEW(url.path, "/api/events");
    CHECK_VIEW(url.query, "a=b%20c");
    HIN_CLEANUP(hin_buf_done) struct hin_buf buf;
    hin_buf_init(&buf, 1024);
    CHECK_OK(hin_url_format(&url, &buf));
    CHECK_VIEW(hin_buf_view(&buf), "https://[::1]:4119/api/events?a=b%20c#f");
    static const char *const paths[] = {"/a/../b", "/a/%2e%2e/b", "/a%2fb", "//a",
                                        "/a/./b",  "/%00",        "a",      "/%c0%af"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        CHECK_CODE(hin_url_decode_path(hin_view_from_text(paths[i]), &buf), SYNTAX);
    }
}

static bool keep_last(void *context, const struct hin_http_event *event)
{
    struct hin_buf *out = context;
    return hin_is_ok(hin_buf_printf(out, "[%.*s|%.*s|%.*s]", HIN_ARGS(event->id),
                                    HIN_ARGS(event->type), HIN_ARGS(event->data)));
}

TEST(test_io_sse__reads_what_it_writes)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf wire;
    HIN_CLEANUP(hin_buf_done) struct hin_buf seen;
    hin_buf_init(&wire, 1024);
    hin_buf_init(&seen, 1024);
    CHECK_OK(hin_sse_write(&wire, HIN_VIEW("7"), HIN_VIEW(""), HIN_VIEW("a\nb\r\nc")));
    CHECK_OK(hin_sse_write(&wire, HIN_VIEW(""), HIN_VIEW("x"), HIN_VIEW("")));
    CHECK_CODE(hin_sse_write(&wire, HIN_VIEW("7\n"), HIN_VIEW(""), HIN_VIEW("")), INVALID);
    struct hin_sse_reader reader;
    hin_sse_init(&reader, 256);
    for (size_t i = 0; i < wire.size; i++) {
        CHECK_OK(hin_sse_feed(&reader, hin_view_sub(hin_buf_view(&wire), i, 1), keep_last, &seen));
    }
    CHECK_VIEW(hin_buf_view(&seen), "[7|message|a\nb\nc][7|x|]");
    hin_sse_done(&reader);
}

TEST(test_io_address__mapped_reads_as_ipv4)
{
    struct hin_address a;
    struct hin_address b;
    char text[HIN_ADDRESS_TEXT_BYTES];
    CHECK_OK(hin_address_parse("::ffff:192.0.2.1", 80, &a));
    CHECK_OK(hin_address_parse("192.0.2.1", 81, &b));
    CHECK(hin_address_equal_host(&a, &b));
    hin_address_format(&a, text, sizeof(text));
    CHECK_VIEW(hin_view_from_text(text), "192.0.2.1:80");
    CHECK_OK(hin_address_parse("[2001:DB8::1]", 443, &a));
    hin_address_format(&a, text, sizeof(text));
    CHECK_VIEW(hin_view_from_text(text), "[2001:db8::1]:443");
    CHECK_CODE(hin_address_parse("localhost", 1, &a), SYNTAX);
}
