/* Decoder files: elements to `struct decoder`, then into trees. */
#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

#define ORDER_MAX 64

static const struct keyword type_words[] = {
    {"syslog", TYPE_SYSLOG}, {"firewall", TYPE_FIREWALL},
    {"ids", TYPE_IDS},       {"web-log", TYPE_WEBLOG},
    {"squid", TYPE_SQUID},   {"windows", TYPE_WINDOWS},
    {"ossec", TYPE_OSSEC},   {"host-information", TYPE_HOST_INFO},
};

static const struct keyword plugin_words[] = {
    {"PF_Decoder", PLUGIN_PF},
    {"SymantecWS_Decoder", PLUGIN_SYMANTEC_WS},
    {"SonicWALL_Decoder", PLUGIN_SONICWALL},
    {"SonicWall_Decoder", PLUGIN_SONICWALL},
    {"OSSECAlert_Decoder", PLUGIN_OSSEC_ALERT},
};

static const struct keyword offset_words[] = {
    {"after_parent", OFFSET_PARENT},
    {"after_prematch", OFFSET_PREMATCH},
    {"after_regex", OFFSET_REGEX},
};

static const struct keyword order_words[] = {
    {"srcip", HIN_LOG_SRCIP},
    {"dstip", HIN_LOG_DSTIP},
    {"srcport", HIN_LOG_SRCPORT},
    {"dstport", HIN_LOG_DSTPORT},
    {"srcuser", HIN_LOG_SRCUSER},
    {"dstuser", HIN_LOG_DSTUSER},
    {"user", HIN_LOG_DSTUSER},
    {"protocol", HIN_LOG_PROTOCOL},
    {"action", HIN_LOG_ACTION},
    {"id", HIN_LOG_ID},
    {"url", HIN_LOG_URL},
    {"data", HIN_LOG_DATA},
    {"extra_data", HIN_LOG_DATA},
    {"status", HIN_LOG_STATUS},
    {"system_name", HIN_LOG_SYSTEM_NAME},
    {"filename", HIN_LOG_FILENAME},
};

/* The texts of a decoder's patterns while its elements are read: several elements of one name are
 * one pattern. */
enum part {
    PART_PROGRAM,
    PART_PROGRAM_PCRE2,
    PART_PREMATCH,
    PART_PREMATCH_PCRE2,
    PART_REGEX,
    PART_PCRE2,
    PART_COUNT
};

struct reading {
    struct hin_log_rules *rules;
    const char *file;
    struct decoder *decoder;
    struct hin_error *error;
    struct hin_buf text[PART_COUNT];
    const struct hin_xml_node *node[PART_COUNT]; /* the first element of each */
};

#define DECODER_FAIL(r, node, ...)                                                                 \
    hin_error_set((r)->error, HIN_SYNTAX, (r)->file, (node)->line, (node)->column, __VA_ARGS__)

static HIN_RESULT read_offset(struct reading *r, const struct hin_xml_node *node, bool first,
                              unsigned *ret_offset)
{
    *ret_offset = OFFSET_NONE;
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct hin_xml_attribute *a = &node->attributes[i];
        if (!hin_view_equal_nocase(a->name, HIN_VIEW("offset"))) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, a->line, a->column,
                                 "decoder '%s': <%.*s> has no attribute '%.*s', only offset",
                                 r->decoder->own_name, HIN_ARGS(node->name), HIN_ARGS(a->name));
        }
        if (!hin_log_keyword(offset_words, HIN_COUNT(offset_words), a->value, ret_offset)) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, a->value_line, a->value_column,
                                 "decoder '%s': offset '%.*s' is none of after_parent, "
                                 "after_prematch, after_regex",
                                 r->decoder->own_name, HIN_ARGS(a->value));
        }
        if (!first) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, a->line, a->column,
                                 "decoder '%s': only the first <%.*s> may have an offset",
                                 r->decoder->own_name, HIN_ARGS(node->name));
        }
    }
    return hin_ok();
}

static HIN_RESULT read_pattern(struct reading *r, const struct hin_xml_node *node, unsigned part)
{
    unsigned offset = OFFSET_NONE;
    bool first = r->node[part] == NULL;
    HIN_TRY(read_offset(r, node, first, &offset));
    if (first) {
        r->node[part] = node;
    }
    if (offset != OFFSET_NONE) {
        switch (part) {
        case PART_REGEX:
        case PART_PCRE2:
            r->decoder->regex_offset = (enum offset)offset;
            break;
        case PART_PREMATCH:
        case PART_PREMATCH_PCRE2:
            if (offset != OFFSET_PARENT) {
                return DECODER_FAIL(r, node,
                                    "decoder '%s': a prematch may only have offset after_parent",
                                    r->decoder->own_name);
            }
            r->decoder->prematch_after_parent = true;
            break;
        default:
            return DECODER_FAIL(r, node, "decoder '%s': <%.*s> has no offset", r->decoder->own_name,
                                HIN_ARGS(node->name));
        }
    }
    return hin_buf_append(&r->text[part], node->text);
}

static HIN_RESULT read_order(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    struct order_entry list[ORDER_MAX];
    uint32_t count = 0;
    struct hin_view rest = node->text, part = HIN_VIEW_EMPTY;
    while (hin_view_split(&rest, ',', &part)) {
        part = hin_view_trim(part);
        if (part.size == 0 || count == ORDER_MAX) {
            return DECODER_FAIL(r, node, "decoder '%s': <order> must name 1 to %d fields",
                                r->decoder->own_name, ORDER_MAX);
        }
        unsigned field = 0;
        list[count] = (struct order_entry){HIN_LOG_FIELD_COUNT, NULL};
        if (hin_log_keyword(order_words, HIN_COUNT(order_words), part, &field)) {
            list[count].field = (enum hin_log_field)field;
        } else {
            HIN_TRY(hin_arena_text(&r->rules->arena, part, &list[count].dynamic));
        }
        count++;
    }
    HIN_TRY(HIN_ARENA_ARRAY(&r->rules->arena, HIN_MAX(count, 1U), &r->decoder->order));
    hin_copy(r->decoder->order, list, count * sizeof(list[0]));
    r->decoder->order_count = count;
    return hin_ok();
}

static HIN_RESULT read_fts(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    struct hin_view bad = HIN_VIEW_EMPTY;
    if (!hin_log_keywords(hin_log_seen_words, hin_log_seen_word_count, node->text, &r->decoder->fts,
                          &bad)) {
        return DECODER_FAIL(r, node, "decoder '%s': <fts> does not know the field '%.*s'",
                            r->decoder->own_name, HIN_ARGS(bad));
    }
    return hin_ok();
}

static HIN_RESULT read_word(struct reading *r, const struct hin_xml_node *node,
                            const struct keyword *words, size_t count, unsigned *ret_value)
{
    if (!hin_log_keyword(words, count, node->text, ret_value)) {
        return DECODER_FAIL(r, node, "decoder '%s': <%.*s> does not know '%.*s'",
                            r->decoder->own_name, HIN_ARGS(node->name), HIN_ARGS(node->text));
    }
    return hin_ok();
}

static HIN_RESULT read_type(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    unsigned value = 0;
    HIN_TRY(read_word(r, node, type_words, HIN_COUNT(type_words), &value));
    r->decoder->type = (enum decoder_type)value;
    return hin_ok();
}

static HIN_RESULT read_plugin(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    unsigned value = 0;
    HIN_TRY(read_word(r, node, plugin_words, HIN_COUNT(plugin_words), &value));
    r->decoder->plugin = (enum plugin)value;
    return hin_ok();
}

static HIN_RESULT read_parent(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    return hin_arena_text(&r->rules->arena, node->text, &r->decoder->parent);
}

static HIN_RESULT read_own_name(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    r->decoder->use_own_name = hin_view_is(hin_view_trim(node->text), "true");
    return hin_ok();
}

static HIN_RESULT read_accumulate(struct reading *r, const struct hin_xml_node *node,
                                  unsigned unused)
{
    r->decoder->accumulate = true;
    return hin_ok();
}

static HIN_RESULT read_nothing(struct reading *r, const struct hin_xml_node *node, unsigned unused)
{
    return hin_ok();
}

static const struct {
    const char *name;
    HIN_RESULT (*read)(struct reading *r, const struct hin_xml_node *node, unsigned argument);
    unsigned argument;
} elements[] = {
    {"parent", read_parent, 0},
    {"program_name", read_pattern, PART_PROGRAM},
    {"program_name_pcre2", read_pattern, PART_PROGRAM_PCRE2},
    {"prematch", read_pattern, PART_PREMATCH},
    {"prematch_pcre2", read_pattern, PART_PREMATCH_PCRE2},
    {"regex", read_pattern, PART_REGEX},
    {"pcre2", read_pattern, PART_PCRE2},
    {"order", read_order, 0},
    {"fts", read_fts, 0},
    {"ftscomment", read_nothing, 0},
    {"type", read_type, 0},
    {"use_own_name", read_own_name, 0},
    {"accumulate", read_accumulate, 0},
    {"plugin_decoder", read_plugin, 0},
};

static HIN_RESULT compile(struct reading *r, enum part part, enum hin_pattern_kind kind,
                          struct use *ret_use)
{
    if (r->node[part] == NULL) {
        return hin_ok();
    }
    const struct hin_xml_node *node = r->node[part];
    struct hin_error inner = {HIN_OK};
    struct hin_result result =
        hin_log_pattern_add(r->rules, kind, hin_buf_view(&r->text[part]), &inner, ret_use);
    if (result.code == HIN_SYNTAX || result.code == HIN_LIMIT) {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, node->text_line,
                             node->text_column + (inner.column > 0 ? inner.column - 1 : 0),
                             "decoder '%s': the pattern of <%.*s> is wrong: %s",
                             r->decoder->own_name, HIN_ARGS(node->name), inner.text);
    }
    return result;
}

static HIN_RESULT compile_parts(struct reading *r)
{
    struct decoder *d = r->decoder;
    HIN_TRY(compile(r, PART_PROGRAM_PCRE2, HIN_PATTERN_PCRE2, &d->program));
    HIN_TRY(compile(r, PART_PROGRAM, HIN_PATTERN_OSMATCH, &d->program));
    HIN_TRY(compile(r, PART_PREMATCH_PCRE2, HIN_PATTERN_PCRE2, &d->prematch));
    HIN_TRY(compile(r, PART_PREMATCH, HIN_PATTERN_OSREGEX, &d->prematch));
    HIN_TRY(compile(r, PART_PCRE2, HIN_PATTERN_PCRE2, &d->regex));
    HIN_TRY(compile(r, PART_REGEX, HIN_PATTERN_OSREGEX, &d->regex));
    d->regex_is_pcre2 = r->node[PART_REGEX] == NULL;
    return hin_ok();
}

/* What makes no sense together. */
static HIN_RESULT check(struct reading *r, const struct hin_xml_node *node)
{
    struct decoder *d = r->decoder;
    bool prematch = r->node[PART_PREMATCH] != NULL || r->node[PART_PREMATCH_PCRE2] != NULL;
    bool program = r->node[PART_PROGRAM] != NULL || r->node[PART_PROGRAM_PCRE2] != NULL;
    bool regex = r->node[PART_REGEX] != NULL || r->node[PART_PCRE2] != NULL;
    const char *wrong = NULL;
    if (!prematch && d->parent == NULL && !program) {
        wrong = "it has neither <parent>, <program_name> nor <prematch>, so nothing selects it";
    } else if (!regex && d->order_count > 0) {
        wrong = "<order> without <regex> or <pcre2>: there is nothing to take fields from";
    } else if (!regex && d->fts != 0) {
        wrong = "<fts> without <regex> or <pcre2>";
    } else if (regex && d->order_count == 0) {
        wrong = "<regex> or <pcre2> without <order>: its captures have no names";
    } else if (d->plugin != PLUGIN_NONE && regex) {
        wrong = "<plugin_decoder> and <regex> exclude each other";
    } else if (d->regex_offset == OFFSET_PARENT && d->parent == NULL) {
        wrong = "offset after_parent without <parent>";
    } else if (d->prematch_after_parent && d->parent == NULL) {
        wrong = "prematch offset after_parent without <parent>";
    } else if (d->regex_offset == OFFSET_PREMATCH && d->parent != NULL && !prematch) {
        wrong = "offset after_prematch without <prematch>";
    } else if (d->regex_offset == OFFSET_REGEX && d->parent == NULL) {
        wrong = "offset after_regex without <parent>";
    }
    if (wrong != NULL) {
        return DECODER_FAIL(r, node, "decoder '%s': %s", d->own_name, wrong);
    }
    if (d->regex_offset == OFFSET_PREMATCH && d->parent == NULL) {
        d->regex_offset = OFFSET_PARENT; /* its own prematch is what children call the parent's */
    }
    return hin_ok();
}

static HIN_RESULT read_elements(struct reading *r, const struct hin_xml_node *decoder)
{
    for (const struct hin_xml_node *node = decoder->children; node != NULL; node = node->next) {
        size_t i = 0;
        while (i < HIN_COUNT(elements) &&
               !hin_view_equal_nocase(node->name, hin_view_from_text(elements[i].name))) {
            i++;
        }
        if (i == HIN_COUNT(elements)) {
            return DECODER_FAIL(r, node, "decoder '%s': unknown element <%.*s>",
                                r->decoder->own_name, HIN_ARGS(node->name));
        }
        HIN_TRY(elements[i].read(r, node, elements[i].argument));
    }
    return hin_ok();
}

static HIN_RESULT read_name(struct reading *r, const struct hin_xml_node *node)
{
    const struct hin_xml_attribute *name = hin_xml_attribute(node, "name");
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        struct hin_view a = node->attributes[i].name;
        if (!hin_view_equal_nocase(a, HIN_VIEW("name")) &&
            !hin_view_equal_nocase(a, HIN_VIEW("status"))) {
            return hin_error_set(
                r->error, HIN_SYNTAX, r->file, node->attributes[i].line, node->attributes[i].column,
                "<decoder> has no attribute '%.*s', only name and status", HIN_ARGS(a));
        }
    }
    if (name == NULL || name->value.size == 0) {
        return DECODER_FAIL(r, node, "<decoder> needs a name=\"...\"");
    }
    return hin_arena_text(&r->rules->arena, name->value, &r->decoder->own_name);
}

static HIN_RESULT read_decoder(struct reading *r, const struct hin_xml_node *node)
{
    HIN_TRY(read_name(r, node));
    r->decoder->file = r->file;
    r->decoder->line = node->line;
    r->decoder->column = node->column;
    r->decoder->program.id = NO_PATTERN;
    r->decoder->prematch.id = NO_PATTERN;
    r->decoder->regex.id = NO_PATTERN;
    if (node->children == NULL) {
        return DECODER_FAIL(r, node, "decoder '%s' is empty", r->decoder->own_name);
    }
    HIN_TRY(read_elements(r, node));
    HIN_TRY(check(r, node));
    return compile_parts(r);
}

HIN_RESULT hin_log_decoder_file_read(struct hin_log_rules *rules, struct rule_file *file,
                                     struct hin_error *error)
{
    uint32_t count = 0;
    for (const struct hin_xml_node *n = file->roots; n != NULL; n = n->next) {
        count++;
    }
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, HIN_MAX(count, 1U), &file->decoders));
    for (const struct hin_xml_node *n = file->roots; n != NULL; n = n->next) {
        struct reading r = {.rules = rules, .file = file->name, .error = error};
        if (!hin_view_equal_nocase(n->name, HIN_VIEW("decoder"))) {
            return DECODER_FAIL(&r, n, "<%.*s> stands where only <decoder> may stand",
                                HIN_ARGS(n->name));
        }
        for (size_t i = 0; i < PART_COUNT; i++) {
            hin_buf_init(&r.text[i], HIN_PATTERN_MAX_BYTES);
        }
        r.decoder = &file->decoders[file->decoder_count];
        struct hin_result result = read_decoder(&r, n);
        for (size_t i = 0; i < PART_COUNT; i++) {
            hin_buf_done(&r.text[i]);
        }
        HIN_TRY(result);
        file->decoder_count++;
    }
    return hin_ok();
}

/* ---- trees --------------------------------------------------------------------------------- */

struct decoder_name {
    uint16_t id;
};

HIN_RESULT hin_log_decoder_id(struct hin_log_rules *rules, const char *name, uint16_t *ret_id)
{
    struct hin_view key = hin_view_from_text(name);
    struct decoder_name *known = hin_map_get(&rules->decoder_ids, key);
    HIN_ENSURE(known != NULL, NOT_FOUND);
    *ret_id = known->id;
    return hin_ok();
}

static HIN_RESULT name_id(struct hin_log_rules *rules, const char *name, uint16_t *ret_id)
{
    if (hin_is_ok(hin_log_decoder_id(rules, name, ret_id))) {
        return hin_ok();
    }
    HIN_ENSURE(rules->decoder_id_count < UINT16_MAX, LIMIT);
    struct decoder_name *fresh = NULL;
    HIN_TRY(HIN_ARENA_NEW(&rules->arena, &fresh));
    fresh->id = (uint16_t)++rules->decoder_id_count; /* 0 means none */
    HIN_TRY(hin_map_put(&rules->decoder_ids, hin_view_from_text(name), fresh));
    *ret_id = fresh->id;
    return hin_ok();
}

/* Append to a list of siblings, under OSSEC's rules for several children of one name. */
static HIN_RESULT append(struct hin_log_rules *rules, struct decoder_node **list,
                         struct decoder *decoder, struct hin_error *error)
{
    bool continues = false;
    const char *wrong = NULL;
    struct decoder_node **tail = list;
    for (; *tail != NULL; tail = &(*tail)->next) {
        struct decoder *other = (*tail)->decoder;
        if (decoder->parent == NULL || strcmp(other->own_name, decoder->own_name) != 0) {
            continue;
        }
        continues = continues || decoder->regex_offset != OFFSET_NONE;
        if (decoder->prematch.id != NO_PATTERN) {
            wrong = "continues a child of the same name and so cannot have a prematch";
        } else if (decoder->fts != 0) {
            wrong = "continues a child of the same name and so cannot have fts";
        } else if (other->regex.id == NO_PATTERN || decoder->regex.id == NO_PATTERN ||
                   other->regex_is_pcre2 != decoder->regex_is_pcre2) {
            wrong = "continues a child of the same name, so both need <regex>, or both <pcre2>";
        } else {
            other->get_next = true;
        }
    }
    if (wrong == NULL && decoder->regex_offset == OFFSET_REGEX && !continues) {
        wrong = "has offset after_regex, but there is no earlier child of its name";
    }
    if (wrong != NULL) {
        return hin_error_set(error, HIN_SYNTAX, decoder->file, decoder->line, decoder->column,
                             "decoder '%s' %s", decoder->own_name, wrong);
    }
    struct decoder_node *node = NULL;
    HIN_TRY(HIN_ARENA_NEW(&rules->arena, &node));
    node->decoder = decoder;
    *tail = node;
    return hin_ok();
}

static HIN_RESULT link_one(struct hin_log_rules *rules, struct decoder *decoder,
                           struct hin_error *error)
{
    decoder->get_next = false;
    if (decoder->parent == NULL) {
        bool program = decoder->program.id != NO_PATTERN;
        return append(rules, program ? &rules->with_program : &rules->without_program, decoder,
                      error);
    }
    bool found = false;
    struct decoder_node *lists[] = {rules->with_program, rules->without_program};
    for (size_t i = 0; i < HIN_COUNT(lists); i++) {
        for (struct decoder_node *node = lists[i]; node != NULL; node = node->next) {
            if (strcmp(node->decoder->own_name, decoder->parent) == 0) {
                HIN_TRY(append(rules, &node->child, decoder, error));
                found = true;
            }
        }
    }
    if (!found) {
        return hin_error_set(error, HIN_NOT_FOUND, decoder->file, decoder->line, decoder->column,
                             "decoder '%s': its parent '%s' does not stand before it",
                             decoder->own_name, decoder->parent);
    }
    return hin_ok();
}

static HIN_RESULT name_list(struct hin_log_rules *rules, struct decoder_node *list)
{
    for (struct decoder_node *node = list; node != NULL; node = node->next) {
        node->decoder->name = node->decoder->own_name;
        HIN_TRY(name_id(rules, node->decoder->name, &node->decoder->id));
        for (struct decoder_node *child = node->child; child != NULL; child = child->next) {
            struct decoder *d = child->decoder;
            d->name = d->use_own_name ? d->own_name : node->decoder->name;
            HIN_TRY(name_id(rules, d->own_name, &d->id));
            HIN_TRY(name_id(rules, d->name, &d->id));
        }
    }
    return hin_ok();
}

static HIN_RESULT number_roots(struct hin_log_rules *rules)
{
    uint32_t count = 0;
    for (struct decoder_node *node = rules->with_program; node != NULL; node = node->next) {
        node->index = count++;
    }
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, HIN_MAX(count, 1U), &rules->program_roots));
    for (struct decoder_node *node = rules->with_program; node != NULL; node = node->next) {
        rules->program_roots[node->index] = node;
    }
    rules->program_root_count = count;
    return hin_ok();
}

HIN_RESULT hin_log_decoders_link(struct hin_log_rules *rules, struct hin_error *error,
                                 struct rule_file **ret_file)
{
    /* Names that sensors of the original use and no decoder file defines. */
    static const char *const built_in[] = {
        "rootcheck",
        "syscheck_integrity_changed",
        "syscheck_integrity_changed_2nd",
        "syscheck_integrity_changed_3rd",
        "syscheck_deleted",
        "syscheck_new_entry",
        "hostinfo_new",
        "hostinfo_modified",
    };
    rules->with_program = NULL;
    rules->without_program = NULL;
    rules->decoder_count = 0;
    for (size_t f = 0; f < rules->decoder_file_count; f++) {
        struct rule_file *file = &rules->decoder_files[f];
        *ret_file = file;
        for (uint32_t i = 0; !file->refused && i < file->decoder_count; i++) {
            HIN_TRY(link_one(rules, &file->decoders[i], error));
            rules->decoder_count++;
        }
    }
    *ret_file = NULL;
    HIN_TRY(name_list(rules, rules->with_program));
    HIN_TRY(name_list(rules, rules->without_program));
    for (size_t i = 0; i < HIN_COUNT(built_in); i++) {
        uint16_t id = 0;
        HIN_TRY(name_id(rules, built_in[i], &id));
    }
    return number_roots(rules);
}
