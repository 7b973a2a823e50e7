#include <stdlib.h>

#include "base/buf.h"
#include "io/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct hin_view input, size_t step, struct hin_buf *body, enum hin_code *ret_code,
                 size_t *ret_used)
{
    struct hin_http_chunks chunks = {0};
    struct hin_result result = hin_fail(HIN_AGAIN);
    *ret_used = 0;
    while (result.code == HIN_AGAIN && *ret_used < input.size) {
        size_t used = 0;
        result = hin_http_chunks_feed(&chunks, hin_view_sub(input, *ret_used, step), body, &used);
        *ret_used += used;
    }
    *ret_code = result.code;
}

/* The same bytes must mean the same however they arrive, and a head must be whole lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view input = hin_view_of(data, size);
    struct hin_http_head head;
    struct hin_http_refusal refusal = {0};
    size_t scanned = 0;
    size_t whole = 0;
    size_t part = 0;
    struct hin_result at_once = hin_http_head_find(input, 4096, &scanned, &whole);
    struct hin_result in_parts = hin_fail(HIN_AGAIN);
    scanned = 0;
    for (size_t i = 1; i <= size && in_parts.code == HIN_AGAIN; i++) {
        in_parts = hin_http_head_find(hin_view_sub(input, 0, i), 4096, &scanned, &part);
    }
    if (at_once.code == HIN_OK && (in_parts.code != HIN_OK || whole != part)) {
        abort();
    }
    size_t offset = at_once.code == HIN_OK ? whole : 0;
    if (at_once.code == HIN_OK) {
        if (hin_is_ok(hin_http_parse_request(hin_view_sub(input, 0, whole), &head, &refusal)) &&
            head.chunked && head.has_length) {
            abort(); /* two framings at once */
        }
        struct hin_view value;
        (void)hin_http_header_find(&head, "Host", &value);
        (void)hin_http_header_find(&head, "x-none", &value);
        if (refusal.status != 0 && hin_http_status_text(refusal.status)[0] == '\0') {
            abort();
        }
        struct hin_result ignored =
            hin_http_parse_response(hin_view_sub(input, 0, whole), &head, &refusal);
        (void)ignored;
    }
    struct hin_buf one;
    struct hin_buf two;
    hin_buf_init(&one, 1 << 20);
    hin_buf_init(&two, 1 << 20);
    enum hin_code codes[2];
    size_t used[2];
    feed(hin_view_sub(input, offset, SIZE_MAX), SIZE_MAX, &one, &codes[0], &used[0]);
    feed(hin_view_sub(input, offset, SIZE_MAX), 1, &two, &codes[1], &used[1]);
    if (codes[0] != codes[1] ||
        (codes[0] == HIN_OK &&
         (used[0] != used[1] || !hin_view_equal(hin_buf_view(&one), hin_buf_view(&two))))) {
        abort();
    }
    hin_buf_done(&one);
    hin_buf_done(&two);
    return 0;
}
