#include <stdlib.h>

#include "base/buf.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every accessor on every value: one type each, and a path that names it. */
static void walk(struct hin_json value, int depth)
{
    static const char *const known[] = {"a", "b"};
    struct hin_error error = {0};
    struct hin_view text;
    struct hin_json member, list;
    int64_t integer = 0;
    double number = 0;
    bool flag = false;
    size_t count = 0;
    char path[128];
    hin_json_path(value, path, sizeof(path));
    int types = hin_is_ok(hin_json_text(value, &text, &error)) +
                hin_is_ok(hin_json_integer(value, -100, INT64_MAX, &integer, &error)) +
                hin_is_ok(hin_json_boolean(value, &flag, &error)) +
                hin_is_ok(hin_json_array(value, &count, &error)) +
                hin_is_ok(hin_json_object(value, &count, &error));
    if (types > 1 || path[0] == '\0' || hin_json_type_name(hin_json_type_of(value))[0] == '\0') {
        abort();
    }
    HIN_IGNORE(hin_json_number(value, &number, NULL));
    HIN_IGNORE(hin_json_refuse(value, &error, HIN_INVALID, "%d", types));
    HIN_IGNORE(hin_json_only(value, known, 2, &error));
    HIN_IGNORE(hin_json_member(value, "a", &member, &error));
    HIN_IGNORE(hin_json_get_text(value, "a", &text, &error));
    HIN_IGNORE(hin_json_opt_text(value, "a", &text, &error));
    HIN_IGNORE(hin_json_get_integer(value, "a", 0, 9, &integer, &error));
    HIN_IGNORE(hin_json_opt_integer(value, "a", 0, 9, &integer, &error));
    HIN_IGNORE(hin_json_get_array(value, "b", &list, &count, &error));
    struct hin_json_iterator items = hin_json_iterate(value);
    const char *key;
    for (int i = 0; i < 8 && depth < 8 && hin_json_next(&items, &key, &member); i++) {
        walk(member, depth + 1);
    }
}

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
        walk(hin_json_root(document), 0);
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
