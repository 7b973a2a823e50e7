#include <stdlib.h>

#include "base/buf.h"
#include "io/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool collect(void *context, const struct hin_http_event *event)
{
    struct hin_buf *out = context;
    if (!hin_is_ok(hin_buf_append(out, event->id)) || !hin_is_ok(hin_buf_append_byte(out, 0)) ||
        !hin_is_ok(hin_buf_append(out, event->type)) || !hin_is_ok(hin_buf_append_byte(out, 0)) ||
        !hin_is_ok(hin_buf_append(out, event->data)) || !hin_is_ok(hin_buf_append_byte(out, 0))) {
        abort();
    }
    return true;
}

static struct hin_result read_all(struct hin_view input, size_t step, struct hin_buf *out)
{
    struct hin_sse_reader reader;
    hin_sse_init(&reader, 1 << 20);
    struct hin_result result = hin_ok();
    for (size_t at = 0; at < input.size && hin_is_ok(result); at += step) {
        result = hin_sse_feed(&reader, hin_view_sub(input, at, step), collect, out);
    }
    hin_sse_done(&reader);
    return result;
}

/* The same bytes give the same events however they arrive; what we write is read back. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536) {
        return 0;
    }
    struct hin_view input = hin_view_of(data, size);
    struct hin_buf one;
    struct hin_buf two;
    hin_buf_init(&one, 1 << 26);
    hin_buf_init(&two, 1 << 26);
    struct hin_result first = read_all(input, size + 1, &one);
    struct hin_result second = read_all(input, 1, &two);
    if (first.code != second.code || !hin_view_equal(hin_buf_view(&one), hin_buf_view(&two))) {
        abort();
    }
    hin_buf_clear(&one);
    hin_buf_clear(&two);
    if (!hin_is_ok(hin_sse_write(&one, HIN_VIEW("7"), HIN_VIEW("event"), input)) ||
        !hin_is_ok(read_all(hin_buf_view(&one), 3, &two)) || two.size < 9) {
        abort();
    }
    hin_buf_done(&one);
    hin_buf_done(&two);
    return 0;
}
