#include <stdlib.h>

#include "base/buf.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read, written and read again must be written the same; any bytes at all make a valid
 * string. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hin_error error;
    struct hin_json_document *document = NULL;
    struct hin_buf first;
    struct hin_buf second;
    hin_buf_init(&first, 1 << 24);
    hin_buf_init(&second, 1 << 24);
    struct hin_json_writer writer;
    if (hin_is_ok(hin_json_parse(hin_view_of(data, size), 1 << 20, &document, &error))) {
        hin_json_writer_init(&writer, &first, size % 2 == 0);
        hin_json_put_value(&writer, hin_json_root(document));
        if (!hin_is_ok(hin_json_writer_finish(&writer))) {
            abort();
        }
        hin_json_free(document);
        document = NULL;
        if (!hin_is_ok(hin_json_parse(hin_buf_view(&first), 1 << 24, &document, &error))) {
            abort();
        }
        hin_json_writer_init(&writer, &second, size % 2 == 0);
        hin_json_put_value(&writer, hin_json_root(document));
        if (!hin_is_ok(hin_json_writer_finish(&writer)) ||
            !hin_view_equal(hin_buf_view(&first), hin_buf_view(&second))) {
            abort();
        }
        hin_json_cleanup(&document);
    }
    hin_buf_clear(&first);
    if (!hin_is_ok(hin_json_append_text(&first, hin_view_of(data, size))) ||
        !hin_is_ok(hin_json_parse(hin_buf_view(&first), 1 << 24, &document, &error))) {
        abort();
    }
    hin_json_free(document);
    hin_buf_done(&first);
    hin_buf_done(&second);
    return 0;
}
