#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "data/json.h"

struct hin_json_document {
    json_t *root;
};

static const json_t *node_of(struct hin_json value)
{
    return (const json_t *)value.node;
}

/* jansson's iterators take a mutable object although reading changes nothing. */
static json_t *mutable_node(const void *node)
{
    union {
        const void *in;
        json_t *out;
    } both = {.in = node};
    return both.out;
}

static void line_and_column(struct hin_view text, size_t offset, uint32_t *ret_line,
                            uint32_t *ret_column)
{
    uint32_t line = 1;
    uint32_t column = 1;
    for (size_t i = 0; i < offset && i < text.size; i++) {
        column = text.data[i] == '\n' ? 1 : column + 1;
        line += text.data[i] == '\n' ? 1 : 0;
    }
    *ret_line = line;
    *ret_column = column;
}

/* jansson recurses up to 2,048 levels; ours is counted before, so that it never goes deeper than we
 * allow. */
static struct hin_result check_depth(struct hin_view text, struct hin_error *error)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (in_text) {
            i += byte == '\\' ? 1 : 0;
            in_text = byte != '"';
        } else if (byte == '"') {
            in_text = true;
        } else if (byte == '[' || byte == '{') {
            if (++depth > HIN_JSON_DEPTH_MAX) {
                uint32_t line = 0;
                uint32_t column = 0;
                line_and_column(text, i, &line, &column);
                return hin_error_set(error, HIN_LIMIT, NULL, line, column,
                                     "nested deeper than %d levels", HIN_JSON_DEPTH_MAX);
            }
        } else if ((byte == ']' || byte == '}') && depth > 0) {
            depth--;
        }
    }
    return hin_ok();
}

/* jansson would otherwise open /dev/urandom at its first object, which a sandboxed role must not.
 */
static struct hin_result seed_hash(void)
{
    size_t seed = 0;
    HIN_TRY(hin_random(&seed, sizeof(seed)));
    json_object_seed((seed & 0xffffffff) |
                     1); /* 0 would ask for /dev/urandom; a second call is ignored */
    return hin_ok();
}

struct hin_result hin_json_parse(struct hin_view text, size_t max_bytes,
                                 struct hin_json_document **ret_document, struct hin_error *error)
{
    if (text.size > max_bytes) {
        return hin_error_set(error, HIN_LIMIT, NULL, 0, 0,
                             "JSON of %zu bytes; at most %zu are taken", text.size, max_bytes);
    }
    HIN_TRY(check_depth(text, error));
    HIN_TRY(seed_hash());
    json_error_t fault;
    json_t *root = json_loadb(text.size > 0 ? (const char *)text.data : "", text.size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (root == NULL) {
        uint32_t line = 0;
        uint32_t column = 0;
        line_and_column(text, fault.position > 0 ? (size_t)fault.position - 1 : 0, &line, &column);
        enum hin_code code =
            json_error_code(&fault) == json_error_out_of_memory ? HIN_NO_MEMORY : HIN_SYNTAX;
        return hin_error_set(error, code, NULL, line, column, "%s", fault.text);
    }
    struct hin_json_document *document = malloc(sizeof(*document));
    if (document == NULL) {
        json_decref(root);
        return hin_fail(HIN_NO_MEMORY);
    }
    document->root = root;
    *ret_document = document;
    return hin_ok();
}

void hin_json_free(struct hin_json_document *document)
{
    if (document != NULL) {
        json_decref(document->root);
        free(document);
    }
}

void hin_json_cleanup(struct hin_json_document **document)
{
    hin_json_free(*document);
    *document = NULL;
}

struct hin_json hin_json_root(const struct hin_json_document *document)
{
    return (struct hin_json){.document = document, .node = document->root};
}

enum hin_json_type hin_json_type_of(struct hin_json value)
{
    if (value.node == NULL) {
        return HIN_JSON_NULL;
    }
    static const enum hin_json_type types[] = {
        [JSON_OBJECT] = HIN_JSON_OBJECT, [JSON_ARRAY] = HIN_JSON_ARRAY,
        [JSON_STRING] = HIN_JSON_TEXT,   [JSON_INTEGER] = HIN_JSON_INTEGER,
        [JSON_REAL] = HIN_JSON_REAL,     [JSON_TRUE] = HIN_JSON_BOOLEAN,
        [JSON_FALSE] = HIN_JSON_BOOLEAN, [JSON_NULL] = HIN_JSON_NULL,
    };
    return types[json_typeof(node_of(value))];
}

bool hin_json_is_null(struct hin_json value)
{
    return hin_json_type_of(value) == HIN_JSON_NULL;
}

const char *hin_json_type_name(enum hin_json_type type)
{
    static const char *const names[] = {
        [HIN_JSON_NULL] = "null",          [HIN_JSON_BOOLEAN] = "a boolean",
        [HIN_JSON_INTEGER] = "an integer", [HIN_JSON_REAL] = "a number",
        [HIN_JSON_TEXT] = "a string",      [HIN_JSON_ARRAY] = "an array",
        [HIN_JSON_OBJECT] = "an object",
    };
    return (size_t)type < HIN_COUNT(names) ? names[type] : "unknown";
}

/* ---- paths: computed only for messages, by looking for the container from the root ---- */

struct path_text {
    char text[256];
    size_t size;
};

static void path_add(struct path_text *path, const char *key, size_t index)
{
    size_t room = sizeof(path->text) - path->size;
    int length = key == NULL ? snprintf(path->text + path->size, room, "[%zu]", index)
                             : snprintf(path->text + path->size, room, "%s%s",
                                        path->size > 0 ? "." : "", key);
    if (length > 0) {
        path->size = HIN_MIN(path->size + (size_t)length, sizeof(path->text) - 1);
    }
}

static bool path_find(const json_t *from, const void *wanted, struct path_text *path)
{
    if (from == wanted) {
        return true;
    }
    size_t size = path->size;
    if (json_is_array(from)) {
        for (size_t i = 0; i < json_array_size(from); i++) {
            path_add(path, NULL, i);
            if (path_find(json_array_get(from, i), wanted, path)) {
                return true;
            }
            path->size = size;
        }
    } else if (json_is_object(from)) {
        json_t *object = mutable_node(from);
        for (void *at = json_object_iter(object); at != NULL;
             at = json_object_iter_next(object, at)) {
            path_add(path, json_object_iter_key(at), 0);
            if (path_find(json_object_iter_value(at), wanted, path)) {
                return true;
            }
            path->size = size;
        }
    }
    path->text[size] = '\0';
    return false;
}

void hin_json_path(struct hin_json value, char *out, size_t out_bytes)
{
    struct path_text path = {.size = 0};
    if (value.parent != NULL) {
        (void)path_find(value.document->root, value.parent, &path);
        path_add(&path, value.key, value.index);
    }
    (void)snprintf(out, out_bytes, "%s", path.size > 0 ? path.text : "(document)");
}

struct hin_result hin_json_refuse(struct hin_json value, struct hin_error *error,
                                  enum hin_code code, const char *format, ...)
{
    if (error == NULL) {
        return hin_fail(code);
    }
    char path[256];
    char text[400];
    hin_json_path(value, path, sizeof(path));
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return hin_error_set(error, code, NULL, 0, 0, "%s: %s", path, text);
}

static struct hin_result wrong_type(struct hin_json value, enum hin_json_type wanted,
                                    struct hin_error *error)
{
    return hin_json_refuse(value, error, HIN_INVALID, "not %s",
                           wanted == HIN_JSON_REAL ? "a number" : hin_json_type_name(wanted));
}

struct hin_result hin_json_text(struct hin_json value, struct hin_view *ret_text,
                                struct hin_error *error)
{
    if (hin_json_type_of(value) != HIN_JSON_TEXT) {
        return wrong_type(value, HIN_JSON_TEXT, error);
    }
    *ret_text = hin_view_of(json_string_value(node_of(value)), json_string_length(node_of(value)));
    return hin_ok();
}

struct hin_result hin_json_integer(struct hin_json value, int64_t min, int64_t max,
                                   int64_t *ret_integer, struct hin_error *error)
{
    if (hin_json_type_of(value) != HIN_JSON_INTEGER) {
        return wrong_type(value, HIN_JSON_INTEGER, error);
    }
    int64_t integer = json_integer_value(node_of(value));
    if (integer < min || integer > max) {
        return hin_json_refuse(value, error, HIN_INVALID, "%lld is outside %lld..%lld",
                               (long long)integer, (long long)min, (long long)max);
    }
    *ret_integer = integer;
    return hin_ok();
}

struct hin_result hin_json_number(struct hin_json value, double *ret_number,
                                  struct hin_error *error)
{
    enum hin_json_type type = hin_json_type_of(value);
    if (type != HIN_JSON_INTEGER && type != HIN_JSON_REAL) {
        return wrong_type(value, HIN_JSON_REAL, error);
    }
    *ret_number = json_number_value(node_of(value));
    return hin_ok();
}

struct hin_result hin_json_boolean(struct hin_json value, bool *ret_boolean,
                                   struct hin_error *error)
{
    if (hin_json_type_of(value) != HIN_JSON_BOOLEAN) {
        return wrong_type(value, HIN_JSON_BOOLEAN, error);
    }
    *ret_boolean = json_is_true(node_of(value));
    return hin_ok();
}

struct hin_result hin_json_array(struct hin_json value, size_t *ret_count, struct hin_error *error)
{
    if (hin_json_type_of(value) != HIN_JSON_ARRAY) {
        return wrong_type(value, HIN_JSON_ARRAY, error);
    }
    *ret_count = json_array_size(node_of(value));
    return hin_ok();
}

struct hin_result hin_json_object(struct hin_json value, size_t *ret_count, struct hin_error *error)
{
    if (hin_json_type_of(value) != HIN_JSON_OBJECT) {
        return wrong_type(value, HIN_JSON_OBJECT, error);
    }
    *ret_count = json_object_size(node_of(value));
    return hin_ok();
}

bool hin_json_find(struct hin_json object, const char *key, struct hin_json *ret_value)
{
    if (hin_json_type_of(object) != HIN_JSON_OBJECT) {
        return false;
    }
    const json_t *node = json_object_get(node_of(object), key);
    if (node == NULL) {
        return false;
    }
    *ret_value = (struct hin_json){
        .document = object.document, .node = node, .parent = object.node, .key = key};
    return true;
}

struct hin_result hin_json_member(struct hin_json object, const char *key,
                                  struct hin_json *ret_value, struct hin_error *error)
{
    size_t count = 0;
    HIN_TRY(hin_json_object(object, &count, error));
    if (!hin_json_find(object, key, ret_value)) {
        struct hin_json absent = {.document = object.document, .parent = object.node, .key = key};
        return hin_json_refuse(absent, error, HIN_INVALID, "missing");
    }
    return hin_ok();
}

struct hin_result hin_json_get_text(struct hin_json object, const char *key,
                                    struct hin_view *ret_text, struct hin_error *error)
{
    struct hin_json value;
    HIN_TRY(hin_json_member(object, key, &value, error));
    return hin_json_text(value, ret_text, error);
}

struct hin_result hin_json_get_integer(struct hin_json object, const char *key, int64_t min,
                                       int64_t max, int64_t *ret_integer, struct hin_error *error)
{
    struct hin_json value;
    HIN_TRY(hin_json_member(object, key, &value, error));
    return hin_json_integer(value, min, max, ret_integer, error);
}

struct hin_result hin_json_get_boolean(struct hin_json object, const char *key, bool *ret_boolean,
                                       struct hin_error *error)
{
    struct hin_json value;
    HIN_TRY(hin_json_member(object, key, &value, error));
    return hin_json_boolean(value, ret_boolean, error);
}

struct hin_result hin_json_get_array(struct hin_json object, const char *key,
                                     struct hin_json *ret_array, size_t *ret_count,
                                     struct hin_error *error)
{
    struct hin_json value;
    HIN_TRY(hin_json_member(object, key, &value, error));
    HIN_TRY(hin_json_array(value, ret_count, error));
    *ret_array = value;
    return hin_ok();
}

struct hin_result hin_json_get_object(struct hin_json object, const char *key,
                                      struct hin_json *ret_object, struct hin_error *error)
{
    struct hin_json value;
    size_t count = 0;
    HIN_TRY(hin_json_member(object, key, &value, error));
    HIN_TRY(hin_json_object(value, &count, error));
    *ret_object = value;
    return hin_ok();
}

/* Absent and null mean the same for an optional member. */
static bool present(struct hin_json object, const char *key, struct hin_json *ret_value)
{
    return hin_json_find(object, key, ret_value) && !hin_json_is_null(*ret_value);
}

struct hin_result hin_json_opt_text(struct hin_json object, const char *key, struct hin_view *value,
                                    struct hin_error *error)
{
    struct hin_json member;
    return present(object, key, &member) ? hin_json_text(member, value, error) : hin_ok();
}

struct hin_result hin_json_opt_integer(struct hin_json object, const char *key, int64_t min,
                                       int64_t max, int64_t *value, struct hin_error *error)
{
    struct hin_json member;
    return present(object, key, &member) ? hin_json_integer(member, min, max, value, error)
                                         : hin_ok();
}

struct hin_result hin_json_opt_boolean(struct hin_json object, const char *key, bool *value,
                                       struct hin_error *error)
{
    struct hin_json member;
    return present(object, key, &member) ? hin_json_boolean(member, value, error) : hin_ok();
}

struct hin_result hin_json_only(struct hin_json object, const char *const *keys, size_t key_count,
                                struct hin_error *error)
{
    size_t count = 0;
    HIN_TRY(hin_json_object(object, &count, error));
    struct hin_json_iterator it = hin_json_iterate(object);
    const char *key = NULL;
    struct hin_json value;
    while (hin_json_next(&it, &key, &value)) {
        bool known = false;
        for (size_t i = 0; i < key_count && !known; i++) {
            known = strcmp(keys[i], key) == 0;
        }
        if (!known) {
            return hin_json_refuse(value, error, HIN_INVALID, "unknown field");
        }
    }
    return hin_ok();
}

struct hin_json hin_json_at(struct hin_json array, size_t index)
{
    struct hin_json value = {.document = array.document, .parent = array.node, .index = index};
    if (hin_json_type_of(array) == HIN_JSON_ARRAY) {
        value.node = json_array_get(node_of(array), index);
    }
    return value;
}

struct hin_json_iterator hin_json_iterate(struct hin_json container)
{
    struct hin_json_iterator iterator = {.container = container};
    if (hin_json_type_of(container) == HIN_JSON_OBJECT) {
        iterator.at = json_object_iter(mutable_node(container.node));
    }
    return iterator;
}

bool hin_json_next(struct hin_json_iterator *iterator, const char **ret_key,
                   struct hin_json *ret_value)
{
    struct hin_json container = iterator->container;
    enum hin_json_type type = hin_json_type_of(container);
    if (type == HIN_JSON_ARRAY) {
        struct hin_json value = hin_json_at(container, iterator->index);
        if (value.node == NULL) {
            return false;
        }
        iterator->index++;
        *ret_key = NULL;
        *ret_value = value;
        return true;
    }
    if (type != HIN_JSON_OBJECT || iterator->at == NULL) {
        return false;
    }
    const char *key = json_object_iter_key(iterator->at);
    *ret_key = key;
    *ret_value = (struct hin_json){.document = container.document,
                                   .node = json_object_iter_value(iterator->at),
                                   .parent = container.node,
                                   .key = key};
    iterator->at = json_object_iter_next(mutable_node(container.node), iterator->at);
    return true;
}
