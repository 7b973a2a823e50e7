/* JSON (RFC 8259): reading through jansson, writing by a small fast writer of our own.
 *
 * Reading. A document owns everything that was read; values are small handles, passed by value,
 * that live as long as their document. Refused: input over the byte limit, nesting deeper than
 * HIN_JSON_DEPTH_MAX, duplicate keys, invalid UTF-8, anything after the value, integers outside
 * int64. Memory is at most about 50 times the input, so choose the byte limit with that in mind.
 * Accessors that take a `struct hin_error *` (NULL is allowed) name the path of the bad field in
 * its text: "computerIDs[3]: not an integer". A document is not thread-safe.
 *
 * Writing. Appends to a hin_buf; output is always valid JSON: control characters are escaped, each
 * maximal invalid part of UTF-8 becomes U+FFFD (Unicode 15, section 3.9, best practice). The first
 * failure (the buffer's maximum, no memory, wrong nesting) sticks and is answered by _finish, so
 * that the calls between need no check. */
#ifndef HIN_DATA_JSON_H
#define HIN_DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_JSON_DEPTH_MAX 64

struct hin_json_document;

enum hin_json_type {
    HIN_JSON_NULL,
    HIN_JSON_BOOLEAN,
    HIN_JSON_INTEGER,
    HIN_JSON_REAL,
    HIN_JSON_TEXT,
    HIN_JSON_ARRAY,
    HIN_JSON_OBJECT,
};

/* A value inside a document. The fields are private; node NULL stands for "no value". */
struct hin_json {
    const struct hin_json_document *document;
    const void *node;
    const void *parent; /* the container it was taken from, NULL at the root */
    const char *key;    /* its name there, or NULL */
    size_t index;       /* its place there when key is NULL */
};

/* Parse one whole value. LIMIT: over max_bytes or too deep; SYNTAX with line and column (bytes)
 * otherwise. *ret_document is freed with hin_json_free. */
HIN_RESULT hin_json_parse(struct hin_view text, size_t max_bytes,
                          struct hin_json_document **ret_document, struct hin_error *error);
void hin_json_free(struct hin_json_document *document); /* NULL is fine */
/* For HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL; */
void hin_json_cleanup(struct hin_json_document **document);

struct hin_json hin_json_root(const struct hin_json_document *document);
enum hin_json_type hin_json_type_of(struct hin_json value);
bool hin_json_is_null(struct hin_json value);            /* JSON null or no value */
const char *hin_json_type_name(enum hin_json_type type); /* "an integer" */

/* "policies[2].name" into out (always terminated, cut when too long); the root is "(document)". */
void hin_json_path(struct hin_json value, char *out, size_t out_bytes);
/* Report a problem of the caller's own with a value: "PATH: text", code as given. Returns the
 * failure. */
HIN_RESULT hin_json_refuse(struct hin_json value, struct hin_error *error, enum hin_code code,
                           const char *format, ...) HIN_PRINTF(4, 5);

/* The value as a type; INVALID with the path when it is another. Text is borrowed from the
 * document, valid UTF-8, may hold NUL. Integer: INVALID also outside min..max (a real such as 1.0
 * is no integer). Number: integers too. */
HIN_RESULT hin_json_text(struct hin_json value, struct hin_view *ret_text, struct hin_error *error);
HIN_RESULT hin_json_integer(struct hin_json value, int64_t min, int64_t max, int64_t *ret_integer,
                            struct hin_error *error);
HIN_RESULT hin_json_number(struct hin_json value, double *ret_number, struct hin_error *error);
HIN_RESULT hin_json_boolean(struct hin_json value, bool *ret_boolean, struct hin_error *error);
HIN_RESULT hin_json_array(struct hin_json value, size_t *ret_count, struct hin_error *error);
HIN_RESULT hin_json_object(struct hin_json value, size_t *ret_count, struct hin_error *error);

/* Members. _find: false when absent or value is no object. _member: INVALID "name: missing". */
bool hin_json_find(struct hin_json object, const char *key, struct hin_json *ret_value);
HIN_RESULT hin_json_member(struct hin_json object, const char *key, struct hin_json *ret_value,
                           struct hin_error *error);

/* Required members by type. */
HIN_RESULT hin_json_get_text(struct hin_json object, const char *key, struct hin_view *ret_text,
                             struct hin_error *error);
HIN_RESULT hin_json_get_integer(struct hin_json object, const char *key, int64_t min, int64_t max,
                                int64_t *ret_integer, struct hin_error *error);
HIN_RESULT hin_json_get_boolean(struct hin_json object, const char *key, bool *ret_boolean,
                                struct hin_error *error);
HIN_RESULT hin_json_get_array(struct hin_json object, const char *key, struct hin_json *ret_array,
                              size_t *ret_count, struct hin_error *error);
HIN_RESULT hin_json_get_object(struct hin_json object, const char *key, struct hin_json *ret_object,
                               struct hin_error *error);

/* Optional members: absent or null leaves *value as the caller set it. */
HIN_RESULT hin_json_opt_text(struct hin_json object, const char *key, struct hin_view *value,
                             struct hin_error *error);
HIN_RESULT hin_json_opt_integer(struct hin_json object, const char *key, int64_t min, int64_t max,
                                int64_t *value, struct hin_error *error);
HIN_RESULT hin_json_opt_boolean(struct hin_json object, const char *key, bool *value,
                                struct hin_error *error);

/* INVALID "colour: unknown field" when the object has a member outside `keys`. */
HIN_RESULT hin_json_only(struct hin_json object, const char *const *keys, size_t key_count,
                         struct hin_error *error);

/* Array element; no value (node NULL) past the end. */
struct hin_json hin_json_at(struct hin_json array, size_t index);

/* Iterate an object (in document order) or an array (key is NULL then); anything else yields
 * nothing. struct hin_json_iterator it = hin_json_iterate(value); while (hin_json_next(&it, &key,
 * &item)) ... */
struct hin_json_iterator {
    struct hin_json container;
    void *at;
    size_t index;
};
struct hin_json_iterator hin_json_iterate(struct hin_json container);
bool hin_json_next(struct hin_json_iterator *iterator, const char **ret_key,
                   struct hin_json *ret_value);

/* ---- writer ---- */

struct hin_json_writer {
    struct hin_buf *buf;
    uint64_t not_first; /* bit n: level n + 1 holds something already */
    uint64_t in_object; /* bit n: level n + 1 is an object */
    uint32_t depth;     /* at most HIN_JSON_DEPTH_MAX */
    bool has_root;
    bool after_key;
    bool pretty;
    enum hin_code failure;
};

/* Appends to buf, which the caller keeps. pretty: two spaces a level, one member a line. */
void hin_json_writer_init(struct hin_json_writer *writer, struct hin_buf *buf,
                          bool pretty) HIN_NONNULL;
void hin_json_begin_object(struct hin_json_writer *writer) HIN_NONNULL;
void hin_json_end_object(struct hin_json_writer *writer) HIN_NONNULL;
void hin_json_begin_array(struct hin_json_writer *writer) HIN_NONNULL;
void hin_json_end_array(struct hin_json_writer *writer) HIN_NONNULL;
void hin_json_key(struct hin_json_writer *writer, const char *key) HIN_NONNULL;
void hin_json_key_view(struct hin_json_writer *writer, struct hin_view key);
void hin_json_put_text(struct hin_json_writer *writer, struct hin_view text);
void hin_json_put_cstring(struct hin_json_writer *writer, const char *text); /* NULL writes null */
void hin_json_put_integer(struct hin_json_writer *writer, int64_t value) HIN_NONNULL;
void hin_json_put_unsigned(struct hin_json_writer *writer, uint64_t value) HIN_NONNULL;
void hin_json_put_real(struct hin_json_writer *writer,
                       double value) HIN_NONNULL; /* not finite writes null */
void hin_json_put_boolean(struct hin_json_writer *writer, bool value) HIN_NONNULL;
void hin_json_put_null(struct hin_json_writer *writer) HIN_NONNULL;
/* A value that is JSON already; the caller vouches for it. */
void hin_json_put_raw(struct hin_json_writer *writer, struct hin_view json);
/* A value read before, written again (numbers keep their value; a text keeps its characters). */
void hin_json_put_value(struct hin_json_writer *writer, struct hin_json value);
/* The first failure, or INVALID when an object or array is still open. */
HIN_RESULT hin_json_writer_finish(struct hin_json_writer *writer) HIN_NONNULL;

/* key and value in one call */
void hin_json_field_text(struct hin_json_writer *writer, const char *key, struct hin_view text);
void hin_json_field_cstring(struct hin_json_writer *writer, const char *key, const char *text);
void hin_json_field_integer(struct hin_json_writer *writer, const char *key, int64_t value);
void hin_json_field_unsigned(struct hin_json_writer *writer, const char *key, uint64_t value);
void hin_json_field_boolean(struct hin_json_writer *writer, const char *key, bool value);

/* A quoted and escaped JSON string appended to buf; what the writer uses, for hot paths that build
 * JSON by hand. */
HIN_RESULT hin_json_append_text(struct hin_buf *buf, struct hin_view text) HIN_NONNULL;

#endif
