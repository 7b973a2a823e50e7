#include <stdlib.h>

#include "base/buf.h"
#include "io/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_view input = hin_view_of(data, size);
    struct hin_url url;
    struct hin_url again;
    struct hin_buf one;
    struct hin_buf two;
    hin_buf_init(&one, 1 << 22);
    hin_buf_init(&two, 1 << 22);
    if (hin_is_ok(hin_url_parse(input, &url, NULL))) {
        if (!hin_is_ok(hin_url_format(&url, &one)) ||
            !hin_is_ok(hin_url_parse(hin_buf_view(&one), &again, NULL)) ||
            !hin_is_ok(hin_url_format(&again, &two)) ||
            !hin_view_equal(hin_buf_view(&one), hin_buf_view(&two))) {
            abort();
        }
    }
    hin_buf_clear(&one);
    hin_buf_clear(&two);
    if (!hin_is_ok(hin_url_encode(input, false, &one)) ||
        !hin_is_ok(hin_url_decode(hin_buf_view(&one), true, &two)) ||
        !hin_view_equal(input, hin_buf_view(&two))) {
        abort();
    }
    hin_buf_clear(&one);
    struct hin_result path = hin_url_decode_path(input, &one);
    if (hin_is_ok(path) && hin_view_find(hin_buf_view(&one), HIN_VIEW("/../")) != SIZE_MAX) {
        abort();
    }
    struct hin_view rest = input;
    struct hin_view name;
    struct hin_view value;
    while (hin_url_query_next(&rest, &name, &value)) {
        ;
    }
    hin_buf_done(&one);
    hin_buf_done(&two);
    return 0;
}
