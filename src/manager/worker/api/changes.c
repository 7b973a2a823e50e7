#include "manager/worker/api/changes.h"

#include "base/bytes.h"
#include "crypt/hash.h"

enum { RENDERED_MAX = 16 << 20 };

static HIN_RESULT render(struct hin_json object, const char *name, struct hin_buf *text)
{
    struct hin_json value;
    struct hin_json_writer writer;
    if (object.node == NULL || !hin_json_find(object, name, &value)) {
        return hin_ok();
    }
    hin_json_writer_init(&writer, text, false);
    hin_json_put_value(&writer, value);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT put_value(struct hin_json_writer *writer, const char *name, struct hin_view text,
                            bool whole)
{
    uint8_t digest[HIN_SHA256_BYTES];
    char hex[HIN_SHA256_HEX_BYTES];
    if (text.size == 0) {
        return hin_ok();
    }
    hin_json_key(writer, name);
    if (whole && text.size <= HIN_CHANGES_VALUE_MAX) {
        hin_json_put_raw(writer, text);
        return hin_ok();
    }
    HIN_TRY(hin_sha256(text, digest));
    hin_hex(digest, sizeof(digest), hex);
    hin_json_begin_object(writer);
    hin_json_field_unsigned(writer, "bytes", text.size);
    hin_json_field_cstring(writer, "sha256", hex);
    hin_json_end_object(writer);
    return hin_ok();
}

struct changes {
    struct hin_json before, after, body;
    struct hin_json_writer writer;
    struct hin_buf *out;
    size_t count;
};

static void begin_change(struct changes *changes, const char *name)
{
    changes->count++;
    hin_json_begin_object(&changes->writer);
    hin_json_field_cstring(&changes->writer, "attribute", name);
}

static HIN_RESULT add(struct changes *changes, const struct hin_api_attribute *attribute)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf old = {.max = RENDERED_MAX};
    HIN_CLEANUP(hin_buf_done) struct hin_buf new = {.max = RENDERED_MAX};
    bool secret = (attribute->flags & (HIN_API_HIDDEN | HIN_API_WRITE_ONLY)) != 0;
    struct hin_json given;
    HIN_TRY(render(changes->before, attribute->name, &old));
    HIN_TRY(render(changes->after, attribute->name, &new));
    bool differs = !hin_view_equal(hin_buf_view(&old), hin_buf_view(&new));
    if ((attribute->flags & HIN_API_WRITE_ONLY) != 0 && changes->body.node != NULL) {
        differs = hin_json_find(changes->body, attribute->name, &given);
    }
    if (!differs) {
        return hin_ok();
    }
    begin_change(changes, attribute->name);
    if (secret) {
        hin_json_field_boolean(&changes->writer, "secret", true);
    } else {
        bool whole = changes->out->size < HIN_CHANGES_MAX;
        HIN_TRY(put_value(&changes->writer, "old", hin_buf_view(&old), whole));
        HIN_TRY(put_value(&changes->writer, "new", hin_buf_view(&new), whole));
    }
    hin_json_end_object(&changes->writer);
    return hin_ok();
}

HIN_RESULT hin_changes_write(const struct hin_api_attributes *attributes, struct hin_json before,
                             struct hin_json after, struct hin_json body, struct hin_buf *out)
{
    struct changes changes = {.before = before, .after = after, .body = body, .out = out};
    hin_json_writer_init(&changes.writer, out, false);
    hin_json_begin_array(&changes.writer);
    for (size_t i = 0; i < attributes->count; i++) {
        if ((attributes->items[i].flags & HIN_API_COMPUTED) == 0) {
            HIN_TRY(add(&changes, &attributes->items[i]));
        }
    }
    hin_json_end_array(&changes.writer);
    HIN_TRY(hin_json_writer_finish(&changes.writer));
    if (changes.count == 0) {
        hin_buf_clear(out);
    }
    return hin_ok();
}

HIN_RESULT hin_changes_write_stored(const struct hin_api_attributes *attributes,
                                    struct hin_view before, struct hin_view after,
                                    struct hin_buf *out)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *old = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *new = NULL;
    struct hin_json none = {0};
    if (before.size > 0) {
        HIN_TRY(hin_json_parse(before, RENDERED_MAX, &old, NULL));
    }
    HIN_TRY(hin_json_parse(after, RENDERED_MAX, &new, NULL));
    return hin_changes_write(attributes, old != NULL ? hin_json_root(old) : none,
                             hin_json_root(new), none, out);
}
