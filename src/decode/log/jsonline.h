/* A JSON object on one line to flat fields: {"a":{"b":1},"c":["x","y"]} gives a.b = 1, c.0 = x, c.1
 * = y. true, false and null read as these words. Strings are unescaped, numbers keep their text
 * where it is exact. */
#ifndef HIN_DECODE_LOG_JSONLINE_H
#define HIN_DECODE_LOG_JSONLINE_H

#include "base/arena.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_JSONLINE_FIELDS_MAX 512
#define HIN_JSONLINE_DEPTH_MAX  16

struct hin_jsonline_field {
    struct hin_view name;
    struct hin_view value;
};

struct hin_jsonline {
    struct hin_jsonline_field *fields; /* in the arena */
    size_t count;
    bool cut; /* there were more, or deeper ones */
};

/* SYNTAX unless the trimmed line is one whole JSON object. A name given twice is refused. */
HIN_RESULT hin_jsonline_parse(struct hin_view line, struct hin_arena *arena,
                              struct hin_jsonline *ret_fields);
/* NULL when absent. */
const struct hin_jsonline_field *hin_jsonline_get(const struct hin_jsonline *fields,
                                                  struct hin_view name);

#endif
