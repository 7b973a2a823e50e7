/* A tolerant scanner for the XML-like files of the OSSEC rule family. No library serves: the files
 * are not XML (several roots, bare `&`, `\<` as text, `--` inside comments, comments that end in
 * `!>`), and rewriting them first would shift lines and columns.
 *
 * What holds: `<name attribute="value" other='value'>text</name>` and `<name/>`, nested. `<!` opens
 * a comment anywhere in content; the first `-->` or `!>` ends it. A `<` right after a backslash is
 * text. No entities, no CDATA; `<?...?>` is skipped. Text beside child elements is dropped, text
 * outside of all elements refused, unless it follows a comment (OSSEC's own files hold leftovers of
 * comments in comments). A close
 * tag must name the open element exactly. */
#ifndef HIN_DATA_XML_H
#define HIN_DATA_XML_H

#include "base/arena.h"
#include "base/result.h"
#include "base/view.h"

#define HIN_XML_DEPTH_MAX     16
#define HIN_XML_ATTRIBUTE_MAX 16

struct hin_xml_attribute {
    struct hin_view name;
    struct hin_view value;
    uint32_t line; /* of the name */
    uint32_t column;
    uint32_t value_line; /* of the value's first byte */
    uint32_t value_column;
};

struct hin_xml_node {
    struct hin_view name;
    struct hin_view text; /* without comments; empty when there are child elements */
    uint32_t line;        /* of the `<` */
    uint32_t column;
    uint32_t text_line; /* of the text's first byte */
    uint32_t text_column;
    struct hin_xml_attribute *attributes;
    uint32_t attribute_count;
    uint32_t child_count;
    struct hin_xml_node *children; /* the first; others by `next` */
    struct hin_xml_node *next;
};

/* All root elements of `text`, linked by `next` (NULL when there is none). Nodes stand in the
 * arena; views point into `text` or the arena. SYNTAX with file, line and column in error; LIMIT
 * from the arena. error may be NULL. */
HIN_RESULT hin_xml_parse(struct hin_arena *arena, const char *file, struct hin_view text,
                         struct hin_error *error, struct hin_xml_node **ret_roots);

/* By name, ASCII case ignored; NULL when absent. */
const struct hin_xml_attribute *hin_xml_attribute(const struct hin_xml_node *node,
                                                  const char *name);

#endif
