#include "data/xml.h"

#include "base/buf.h"
#include "base/bytes.h"

struct scanner {
    struct hin_arena *arena;
    const char *file;
    struct hin_error *error;
    const uint8_t *data;
    size_t size;
    size_t at;
    /* line and column of `counted`, moved forward only */
    size_t counted;
    uint32_t line;
    uint32_t column;
};

static void place(struct scanner *s, size_t at, uint32_t *ret_line, uint32_t *ret_column)
{
    if (at < s->counted) { /* only after a look back of a few bytes: rare */
        s->counted = 0;
        s->line = 1;
        s->column = 1;
    }
    for (; s->counted < at; s->counted++) {
        if (s->data[s->counted] == '\n') {
            s->line++;
            s->column = 1;
        } else {
            s->column++;
        }
    }
    *ret_line = s->line;
    *ret_column = s->column;
}

#define FAIL_AT(s, where, ...)                                                                     \
    do {                                                                                           \
        uint32_t fail_line_ = 0, fail_column_ = 0;                                                 \
        place((s), (where), &fail_line_, &fail_column_);                                           \
        return hin_error_set((s)->error, HIN_SYNTAX, (s)->file, fail_line_, fail_column_,          \
                             __VA_ARGS__);                                                         \
    } while (0)

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* `at` stands on "<!". To behind the comment's end. */
static HIN_RESULT skip_comment(struct scanner *s)
{
    size_t start = s->at;
    for (size_t i = start + 2; i < s->size; i++) {
        bool own = s->data[i] == '!' && i + 1 < s->size && s->data[i + 1] == '>';
        bool usual =
            s->data[i] == '-' && i + 2 < s->size && s->data[i + 1] == '-' && s->data[i + 2] == '>';
        if (own || usual) {
            s->at = i + (own ? 2 : 3);
            return hin_ok();
        }
    }
    FAIL_AT(s, start, "this comment is not closed: add -->");
}

static bool looking_at(const struct scanner *s, const char *two)
{
    return s->at + 1 < s->size && s->data[s->at] == (uint8_t)two[0] &&
           s->data[s->at + 1] == (uint8_t)two[1];
}

static HIN_RESULT attribute_name(struct scanner *s, struct hin_xml_attribute *attribute)
{
    size_t start = s->at;
    while (s->at < s->size && s->data[s->at] != '=' && s->data[s->at] != '>' &&
           s->data[s->at] != '/' && !is_space(s->data[s->at])) {
        s->at++;
    }
    attribute->name = hin_view_of(s->data + start, s->at - start);
    place(s, start, &attribute->line, &attribute->column);
    if (s->at >= s->size || s->data[s->at] != '=' || s->at == start) {
        FAIL_AT(s, start, "attribute '%.*s' has no value: write name=\"value\"",
                (int)HIN_MIN(attribute->name.size, 60), (const char *)attribute->name.data);
    }
    s->at++;
    return hin_ok();
}

static HIN_RESULT attribute_value(struct scanner *s, struct hin_xml_attribute *attribute)
{
    while (s->at < s->size && is_space(s->data[s->at])) {
        s->at++;
    }
    if (s->at >= s->size || (s->data[s->at] != '"' && s->data[s->at] != '\'')) {
        FAIL_AT(s, s->at, "the value of attribute '%.*s' must stand in quotes",
                (int)HIN_MIN(attribute->name.size, 60), (const char *)attribute->name.data);
    }
    uint8_t quote = s->data[s->at++];
    size_t start = s->at;
    while (s->at < s->size && s->data[s->at] != quote && s->data[s->at] != '>') {
        s->at++;
    }
    place(s, start, &attribute->value_line, &attribute->value_column);
    if (s->at >= s->size || s->data[s->at] != quote) {
        FAIL_AT(s, start, "the value of attribute '%.*s' is not closed: its quote is missing",
                (int)HIN_MIN(attribute->name.size, 60), (const char *)attribute->name.data);
    }
    attribute->value = hin_view_of(s->data + start, s->at - start);
    s->at++;
    return hin_ok();
}

/* Everything between the element's name and its `>`. */
static HIN_RESULT attributes(struct scanner *s, struct hin_xml_node *node, bool *ret_empty)
{
    struct hin_xml_attribute list[HIN_XML_ATTRIBUTE_MAX];
    uint32_t count = 0;
    bool empty = false;
    for (;;) {
        while (s->at < s->size && is_space(s->data[s->at])) {
            s->at++;
        }
        if (s->at >= s->size) {
            FAIL_AT(s, s->at, "the file ends inside element '%.*s'",
                    (int)HIN_MIN(node->name.size, 60), (const char *)node->name.data);
        }
        if (s->data[s->at] == '>') {
            s->at++;
            break;
        }
        if (looking_at(s, "/>")) {
            s->at += 2;
            empty = true;
            break;
        }
        if (count == HIN_XML_ATTRIBUTE_MAX) {
            FAIL_AT(s, s->at, "more than %d attributes", HIN_XML_ATTRIBUTE_MAX);
        }
        size_t start = s->at;
        HIN_TRY(attribute_name(s, &list[count]));
        HIN_TRY(attribute_value(s, &list[count]));
        for (uint32_t i = 0; i < count; i++) {
            if (hin_view_equal(list[i].name, list[count].name)) {
                FAIL_AT(s, start, "attribute '%.*s' is given twice",
                        (int)HIN_MIN(list[i].name.size, 60), (const char *)list[i].name.data);
            }
        }
        count++;
    }
    if (count > 0) {
        HIN_TRY(HIN_ARENA_ARRAY(s->arena, count, &node->attributes));
        hin_copy(node->attributes, list, count * sizeof(list[0]));
        node->attribute_count = count;
    }
    *ret_empty = empty;
    return hin_ok();
}

/* `at` stands on the `<` of an element. */
static HIN_RESULT open_element(struct scanner *s, struct hin_xml_node **ret_node, bool *ret_empty)
{
    struct hin_xml_node *node = NULL;
    HIN_TRY(HIN_ARENA_NEW(s->arena, &node));
    place(s, s->at, &node->line, &node->column);
    size_t open = s->at++;
    size_t start = s->at;
    while (s->at < s->size && s->data[s->at] != '>' && !is_space(s->data[s->at]) &&
           !looking_at(s, "/>")) {
        if (s->data[s->at] == '<') {
            FAIL_AT(s, open, "the name of this element runs into another '<'");
        }
        s->at++;
    }
    node->name = hin_view_of(s->data + start, s->at - start);
    if (node->name.size == 0) {
        FAIL_AT(s, open, "an element without a name");
    }
    HIN_TRY(attributes(s, node, ret_empty));
    *ret_node = node;
    return hin_ok();
}

struct level {
    struct hin_xml_node *node;
    struct hin_xml_node **tail; /* where the next child is linked */
    size_t text_start;
    size_t comment_bytes; /* inside its text */
};

/* The text of a leaf from `start` to the close tag, comments left out. */
static HIN_RESULT leaf_text(struct scanner *s, struct level *level, size_t end)
{
    struct hin_xml_node *node = level->node;
    if (level->comment_bytes == 0) {
        node->text = hin_view_of(s->data + level->text_start, end - level->text_start);
        return hin_ok();
    }
    void *room = NULL;
    HIN_TRY(hin_arena_alloc(s->arena, end - level->text_start + 1, &room));
    uint8_t *to = room;
    size_t size = 0;
    size_t keep = s->at;
    for (s->at = level->text_start; s->at < end;) {
        if (looking_at(s, "<!")) {
            HIN_TRY(skip_comment(s));
            continue;
        }
        to[size++] = s->data[s->at++];
    }
    s->at = keep;
    node->text = hin_view_of(to, size);
    return hin_ok();
}

/* `at` stands on "</". */
static HIN_RESULT close_element(struct scanner *s, struct level *level)
{
    struct hin_xml_node *node = level->node;
    size_t open = s->at;
    size_t start = s->at + 2;
    for (s->at = start; s->at < s->size && s->data[s->at] != '>'; s->at++) {
    }
    struct hin_view name = hin_view_of(s->data + start, s->at - start);
    if (s->at >= s->size || !hin_view_equal(name, node->name)) {
        FAIL_AT(s, open, "'</%.*s>' does not close element '%.*s', which was opened in line %u",
                (int)HIN_MIN(name.size, 60), (const char *)name.data,
                (int)HIN_MIN(node->name.size, 60), (const char *)node->name.data, node->line);
    }
    s->at++;
    if (node->child_count == 0) {
        HIN_TRY(leaf_text(s, level, open));
    }
    return hin_ok();
}

static HIN_RESULT skip_instruction(struct scanner *s)
{
    size_t start = s->at;
    for (; s->at + 1 < s->size; s->at++) {
        if (looking_at(s, "?>")) {
            s->at += 2;
            return hin_ok();
        }
    }
    FAIL_AT(s, start, "this '<?' is not closed: add ?>");
}

static HIN_RESULT enter(struct scanner *s, struct level *levels, size_t *depth)
{
    if (*depth == HIN_XML_DEPTH_MAX) {
        FAIL_AT(s, s->at, "elements are nested deeper than %d", HIN_XML_DEPTH_MAX);
    }
    struct hin_xml_node *node = NULL;
    bool empty = false;
    struct level *parent = &levels[*depth];
    HIN_TRY(open_element(s, &node, &empty));
    *parent->tail = node;
    parent->tail = &node->next;
    if (parent->node != NULL) {
        parent->node->child_count++;
    }
    place(s, s->at, &node->text_line, &node->text_column);
    if (!empty) {
        (*depth)++;
        levels[*depth] = (struct level){node, &node->children, s->at, 0};
    }
    return hin_ok();
}

/* A byte of the mark that some editors put in front of UTF-8. */
static bool is_mark(const struct scanner *s)
{
    return s->at < 3 && s->size >= 3 && s->data[0] == 0xef && s->data[1] == 0xbb &&
           s->data[2] == 0xbf;
}

static HIN_RESULT scan(struct scanner *s, struct hin_xml_node **ret_roots)
{
    struct hin_xml_node *roots = NULL;
    struct level levels[HIN_XML_DEPTH_MAX + 1] = {{NULL, &roots, 0, 0}};
    size_t depth = 0;
    /* Comments do not nest, and OSSEC's own files hold some that were written as if they did: what
     * is left of such a one up to the next element is passed over, as the original does. */
    bool after_comment = false;
    while (s->at < s->size) {
        if (s->data[s->at] != '<') {
            if (depth == 0 && !after_comment && !is_space(s->data[s->at]) && !is_mark(s)) {
                FAIL_AT(s, s->at, "text stands outside of all elements");
            }
            s->at++;
            continue;
        }
        if (looking_at(s, "<!")) {
            size_t start = s->at;
            HIN_TRY(skip_comment(s));
            after_comment = true;
            levels[depth].comment_bytes += s->at - start;
        } else if (s->at > 0 && s->data[s->at - 1] == '\\') {
            s->at++;
        } else if (looking_at(s, "<?")) {
            HIN_TRY(skip_instruction(s));
        } else if (looking_at(s, "</")) {
            if (depth == 0) {
                FAIL_AT(s, s->at, "a close tag, but no element is open");
            }
            HIN_TRY(close_element(s, &levels[depth]));
            depth--;
        } else {
            HIN_TRY(enter(s, levels, &depth));
            after_comment = false;
        }
    }
    if (depth > 0) {
        const struct hin_xml_node *open = levels[depth].node;
        return hin_error_set(s->error, HIN_SYNTAX, s->file, open->line, open->column,
                             "element '%.*s' is not closed", (int)HIN_MIN(open->name.size, 60),
                             (const char *)open->name.data);
    }
    *ret_roots = roots;
    return hin_ok();
}

HIN_RESULT hin_xml_parse(struct hin_arena *arena, const char *file, struct hin_view text,
                         struct hin_error *error, struct hin_xml_node **ret_roots)
{
    struct scanner s = {.arena = arena,
                        .file = file,
                        .error = error,
                        .data = text.data,
                        .size = text.size,
                        .line = 1,
                        .column = 1};
    return scan(&s, ret_roots);
}

const struct hin_xml_attribute *hin_xml_attribute(const struct hin_xml_node *node, const char *name)
{
    struct hin_view wanted = hin_view_from_text(name);
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (hin_view_equal_nocase(node->attributes[i].name, wanted)) {
            return &node->attributes[i];
        }
    }
    return NULL;
}
