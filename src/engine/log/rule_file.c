/* Rule files: groups and rules to `struct rule`. Element names and their meaning stand in one
 * table. */
#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "engine/log/internal.h"

#define VARIABLES_MAX  256
#define IF_SID_MAX     256
#define LISTS_MAX      16
#define CONDITIONS_MAX 24
#define MITRE_MAX      16
#define GROUP_MAX      64

struct variable {
    struct hin_view name;
    struct hin_view value;
};

/* Several elements of one name are one pattern: the texts are joined. */
struct joined {
    const char *element;
    enum subject subject;
    enum hin_pattern_kind kind;
    struct hin_view dynamic; /* of <field name=> */
    const struct hin_xml_node *node;
    struct hin_view text;
};

struct reading {
    struct hin_log_rules *rules;
    const char *file;
    struct hin_error *error;
    struct variable variables[VARIABLES_MAX];
    size_t variable_count;
    struct rule *rule;
    struct joined joined[CONDITIONS_MAX];
    size_t joined_count;
    struct list_use lists[LISTS_MAX];
    struct hin_view srcip, dstip;
    const struct hin_xml_node *srcip_node, *dstip_node;
    struct hin_view if_group, group, description, if_sid, action, info, matched_group,
        matched_regex;
    const struct hin_xml_node *if_sid_node, *matched_node, *regex_node;
    const char *mitre[MITRE_MAX];
    size_t mitre_count;
    bool context;
};

#define RULE_FAIL(r, node, format, ...)                                                            \
    hin_error_set((r)->error, HIN_SYNTAX, (r)->file, (node)->line, (node)->column,                 \
                  "rule %u: " format, (r)->rule->id, __VA_ARGS__)
#define TEXT_FAIL(r, node, format, ...)                                                            \
    hin_error_set((r)->error, HIN_SYNTAX, (r)->file, (node)->text_line, (node)->text_column,       \
                  "rule %u: " format, (r)->rule->id, __VA_ARGS__)

/* ---- variables ----------------------------------------------------------------------------- */

static const struct variable *variable_at(const struct reading *r, struct hin_view text, size_t at,
                                          size_t *ret_size)
{
    size_t end = at + 1;
    while (end < text.size &&
           (text.data[end] == '_' || (text.data[end] >= '0' && text.data[end] <= '9') ||
            ((text.data[end] | 0x20) >= 'a' && (text.data[end] | 0x20) <= 'z'))) {
        end++;
    }
    struct hin_view name = hin_view_sub(text, at + 1, end - at - 1);
    for (size_t i = 0; name.size > 0 && i < r->variable_count; i++) {
        if (hin_view_equal_nocase(r->variables[i].name, name)) {
            *ret_size = end - at;
            return &r->variables[i];
        }
    }
    return NULL;
}

/* `$NAME` of the file's variables; any other `$` stays what it is. */
static HIN_RESULT expand(struct reading *r, struct hin_view text, struct hin_view *ret_text)
{
    if (r->variable_count == 0 || hin_view_find_byte(text, '$') == SIZE_MAX) {
        *ret_text = text;
        return hin_ok();
    }
    struct hin_buf buf HIN_CLEANUP(hin_buf_done) = {0};
    hin_buf_init(&buf, 65536);
    for (size_t i = 0; i < text.size;) {
        size_t size = 0;
        const struct variable *v = text.data[i] == '$' ? variable_at(r, text, i, &size) : NULL;
        if (v != NULL) {
            HIN_TRY(hin_buf_append(&buf, v->value));
            i += size;
        } else {
            HIN_TRY(hin_buf_append_byte(&buf, text.data[i++]));
        }
    }
    return hin_arena_copy(&r->rules->arena, hin_buf_view(&buf), ret_text);
}

static HIN_RESULT join(struct reading *r, struct hin_view *text, struct hin_view more)
{
    struct hin_view expanded = HIN_VIEW_EMPTY;
    HIN_TRY(expand(r, more, &expanded));
    if (text->size == 0) {
        *text = expanded;
        return hin_ok();
    }
    return hin_arena_printf(&r->rules->arena, text, "%.*s%.*s", HIN_ARGS(*text),
                            HIN_ARGS(expanded));
}

static HIN_RESULT read_variables(struct reading *r, const struct hin_xml_node *roots)
{
    for (const struct hin_xml_node *node = roots; node != NULL; node = node->next) {
        if (!hin_view_equal_nocase(node->name, HIN_VIEW("var"))) {
            continue;
        }
        const struct hin_xml_attribute *name = hin_xml_attribute(node, "name");
        if (name == NULL || node->attribute_count != 1 || name->value.size == 0) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, node->line, node->column,
                                 "<var> needs a name=\"...\" and nothing else");
        }
        if (r->variable_count == VARIABLES_MAX) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, node->line, node->column,
                                 "more than %d variables", VARIABLES_MAX);
        }
        r->variables[r->variable_count++] = (struct variable){name->value, node->text};
    }
    return hin_ok();
}

/* ---- attributes of <rule> ------------------------------------------------------------------ */

struct attribute_numbers {
    uint64_t id, level, maxsize, timeframe, frequency, accuracy, ignore;
    bool has_id, has_level;
};

enum number {
    NUMBER_ID,
    NUMBER_LEVEL,
    NUMBER_SIZE,
    NUMBER_TIME,
    NUMBER_FREQUENCY,
    NUMBER_ACCURACY,
    NUMBER_IGNORE,
    NUMBER_COUNT
};

static const struct {
    const char *name;
    uint64_t max;
} numbers[NUMBER_COUNT] = {
    [NUMBER_ID] = {"id", 999999999},          [NUMBER_LEVEL] = {"level", HIN_LOG_LEVEL_MAX},
    [NUMBER_SIZE] = {"maxsize", 9999},        [NUMBER_TIME] = {"timeframe", 99999},
    [NUMBER_FREQUENCY] = {"frequency", 9999}, [NUMBER_ACCURACY] = {"accuracy", 9999},
    [NUMBER_IGNORE] = {"ignore", 999999},
};

static HIN_RESULT read_number(struct reading *r, const struct hin_xml_attribute *a, size_t which,
                              uint64_t *ret_value)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(expand(r, a->value, &text));
    uint64_t value = 0;
    if (!hin_is_ok(hin_view_to_u64(text, &value)) || value > numbers[which].max) {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, a->value_line, a->value_column,
                             "%s=\"%.*s\" is not a number from 0 to %llu", numbers[which].name,
                             HIN_ARGS(text), (unsigned long long)numbers[which].max);
    }
    *ret_value = value;
    return hin_ok();
}

static HIN_RESULT read_flag_attribute(struct reading *r, const struct hin_xml_attribute *a)
{
    if (hin_view_equal_nocase(a->name, HIN_VIEW("noalert"))) {
        r->rule->no_alert = true;
        return hin_ok();
    }
    if (hin_view_equal_nocase(a->name, HIN_VIEW("overwrite"))) {
        if (!hin_view_is(a->value, "yes") && !hin_view_is(a->value, "no")) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, a->value_line, a->value_column,
                                 "overwrite=\"%.*s\" is neither yes nor no", HIN_ARGS(a->value));
        }
        r->rule->overwrite = hin_view_is(a->value, "yes");
        return hin_ok();
    }
    return hin_error_set(r->error, HIN_SYNTAX, r->file, a->line, a->column,
                         "<rule> has no attribute '%.*s'", HIN_ARGS(a->name));
}

static HIN_RESULT read_attributes(struct reading *r, const struct hin_xml_node *node)
{
    uint64_t values[NUMBER_COUNT] = {
        [NUMBER_TIME] = r->rules->dialect->timeframe_default_sec, [NUMBER_ACCURACY] = 1};
    bool given[NUMBER_COUNT] = {false};
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct hin_xml_attribute *a = &node->attributes[i];
        size_t which = 0;
        while (which < NUMBER_COUNT &&
               !hin_view_equal_nocase(a->name, hin_view_from_text(numbers[which].name))) {
            which++;
        }
        if (which == NUMBER_COUNT) {
            HIN_TRY(read_flag_attribute(r, a));
            continue;
        }
        HIN_TRY(read_number(r, a, which, &values[which]));
        given[which] = true;
    }
    if (!given[NUMBER_ID] || !given[NUMBER_LEVEL] || values[NUMBER_ID] == 0) {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, node->line, node->column,
                             "<rule> needs an id (1 or more) and a level");
    }
    struct rule *rule = r->rule;
    rule->id = (uint32_t)values[NUMBER_ID];
    rule->info.id = rule->id;
    rule->info.level = (uint8_t)values[NUMBER_LEVEL];
    rule->size_min = (uint32_t)values[NUMBER_SIZE];
    rule->timeframe_sec = (uint32_t)values[NUMBER_TIME];
    rule->frequency = (uint32_t)values[NUMBER_FREQUENCY];
    rule->ignore_sec = (uint32_t)values[NUMBER_IGNORE];
    /* Level 0 stands first among siblings, then the highest; accuracy 0 puts a rule at the end. */
    rule->sort = rule->info.level == 0 ? 99 : rule->info.level;
    rule->sort *= values[NUMBER_ACCURACY] != 0 ? 100 : 1;
    return hin_ok();
}

/* ---- elements ------------------------------------------------------------------------------ */

struct element {
    const char *name;
    HIN_RESULT(*read)
    (struct reading *r, const struct hin_xml_node *node, const struct element *element);
    unsigned subject; /* or another argument */
    enum hin_pattern_kind kind;
};

static HIN_RESULT add_pattern(struct reading *r, const struct hin_xml_node *node,
                              const struct element *element, struct hin_view dynamic)
{
    struct joined *j = NULL;
    for (size_t i = 0; i < r->joined_count && j == NULL; i++) {
        if (strcmp(r->joined[i].element, element->name) == 0 &&
            hin_view_equal(r->joined[i].dynamic, dynamic)) {
            j = &r->joined[i];
        }
    }
    if (j == NULL) {
        if (r->joined_count == CONDITIONS_MAX) {
            return RULE_FAIL(r, node, "more than %d conditions", CONDITIONS_MAX);
        }
        j = &r->joined[r->joined_count++];
        *j = (struct joined){element->name, (enum subject)element->subject,
                             element->kind, dynamic,
                             node,          HIN_VIEW_EMPTY};
    }
    return join(r, &j->text, node->text);
}

static HIN_RESULT read_pattern(struct reading *r, const struct hin_xml_node *node,
                               const struct element *element)
{
    if (node->attribute_count > 0) {
        const struct hin_xml_attribute *a = &node->attributes[0];
        return hin_error_set(r->error, HIN_SYNTAX, r->file, a->line, a->column,
                             "rule %u: <%s> has no attribute '%.*s' in this dialect", r->rule->id,
                             element->name, HIN_ARGS(a->name));
    }
    return add_pattern(r, node, element, HIN_VIEW_EMPTY);
}

static HIN_RESULT read_field(struct reading *r, const struct hin_xml_node *node,
                             const struct element *element)
{
    const struct hin_xml_attribute *name = hin_xml_attribute(node, "name");
    if (name == NULL || node->attribute_count != 1 || name->value.size == 0) {
        return RULE_FAIL(r, node, "<%s> needs a name=\"...\" and nothing else", element->name);
    }
    return add_pattern(r, node, element, name->value);
}

static HIN_RESULT read_ip(struct reading *r, const struct hin_xml_node *node,
                          const struct element *element)
{
    bool src = element->subject == HIN_LOG_SRCIP;
    struct hin_view *text = src ? &r->srcip : &r->dstip;
    *(src ? &r->srcip_node : &r->dstip_node) = node;
    if (text->size > 0) {
        HIN_TRY(join(r, text, HIN_VIEW(",")));
    }
    return join(r, text, node->text);
}

static HIN_RESULT read_text(struct reading *r, const struct hin_xml_node *node,
                            const struct element *element)
{
    struct hin_view *const targets[] = {&r->group,        &r->action, &r->if_sid,
                                        &r->if_group,     &r->info,   &r->matched_group,
                                        &r->matched_regex};
    const struct hin_xml_node **const nodes[] = {
        NULL, NULL, &r->if_sid_node, NULL, NULL, &r->matched_node, &r->regex_node};
    unsigned which = element->subject;
    if (nodes[which] != NULL) {
        *nodes[which] = node;
    }
    if (which >= 5) {
        r->context = true;
        r->rule->matched = which == 5 ? MATCHED_GROUP : MATCHED_REGEX;
    }
    if (which == 4 && targets[which]->size > 0) {
        return hin_ok(); /* the first <info> is what a finding shows */
    }
    return join(r, targets[which], node->text);
}

static HIN_RESULT read_description(struct reading *r, const struct hin_xml_node *node,
                                   const struct element *element)
{
    return join(r, &r->description, node->text);
}

static HIN_RESULT read_decoded_as(struct reading *r, const struct hin_xml_node *node,
                                  const struct element *element)
{
    struct hin_view text = HIN_VIEW_EMPTY;
    HIN_TRY(expand(r, node->text, &text));
    const char *name = NULL;
    HIN_TRY(hin_arena_text(&r->rules->arena, text, &name));
    if (!r->rules->alone && !hin_is_ok(hin_log_decoder_id(r->rules, name, &r->rule->decoded_as))) {
        return TEXT_FAIL(r, node, "no decoder is named '%s'", name);
    }
    return hin_ok();
}

static HIN_RESULT read_category(struct reading *r, const struct hin_xml_node *node,
                                const struct element *element)
{
    static const struct keyword words[] = {
        {"firewall", TYPE_FIREWALL}, {"ids", TYPE_IDS},     {"syslog", TYPE_SYSLOG},
        {"web-log", TYPE_WEBLOG},    {"squid", TYPE_SQUID}, {"windows", TYPE_WINDOWS},
        {"ossec", TYPE_OSSEC},
    };
    unsigned value = 0;
    if (!hin_log_keyword(words, HIN_COUNT(words), node->text, &value)) {
        return TEXT_FAIL(r, node, "unknown category '%.*s'", HIN_ARGS(node->text));
    }
    r->rule->category = (enum decoder_type)value;
    return hin_ok();
}

static HIN_RESULT read_time(struct reading *r, const struct hin_xml_node *node,
                            const struct element *element)
{
    if (!hin_is_ok(hin_log_time_parse(node->text, r->rule))) {
        return TEXT_FAIL(r, node, "'%.*s' is no time span such as 6 pm - 8:30 am",
                         HIN_ARGS(node->text));
    }
    return hin_ok();
}

static HIN_RESULT read_weekday(struct reading *r, const struct hin_xml_node *node,
                               const struct element *element)
{
    if (!hin_is_ok(hin_log_weekday_parse(node->text, &r->rule->weekdays))) {
        return TEXT_FAIL(r, node, "'%.*s' names no days such as weekends or monday - friday",
                         HIN_ARGS(node->text));
    }
    return hin_ok();
}

static HIN_RESULT read_compiled(struct reading *r, const struct hin_xml_node *node,
                                const struct element *element)
{
    static const struct keyword words[] = {
        {"comp_srcuser_dstuser", COMPILED_SRCUSER_DSTUSER},
        {"check_id_size", COMPILED_ID_SIZE},
        {"comp_mswin_targetuser_calleruser_diff", COMPILED_MSWIN_USERS_DIFFER},
        {"is_simple_http_request", COMPILED_SIMPLE_HTTP},
        {"is_valid_crawler", COMPILED_VALID_CRAWLER},
    };
    unsigned value = 0;
    if (!hin_log_keyword(words, HIN_COUNT(words), node->text, &value)) {
        return TEXT_FAIL(r, node, "unknown compiled_rule '%.*s'", HIN_ARGS(node->text));
    }
    r->rule->compiled = (enum compiled_rule)value;
    return hin_ok();
}

static HIN_RESULT read_if_level(struct reading *r, const struct hin_xml_node *node,
                                const struct element *element)
{
    uint64_t level = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_trim(node->text), &level)) || level == 0 ||
        level > HIN_LOG_LEVEL_MAX) {
        return TEXT_FAIL(r, node, "if_level '%.*s' is not a level from 1 to %d",
                         HIN_ARGS(node->text), HIN_LOG_LEVEL_MAX);
    }
    r->rule->if_level = (uint32_t)level;
    return hin_ok();
}

static HIN_RESULT read_matched_sid(struct reading *r, const struct hin_xml_node *node,
                                   const struct element *element)
{
    uint64_t id = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_trim(node->text), &id)) || id == 0 || id > UINT32_MAX) {
        return TEXT_FAIL(r, node, "if_matched_sid '%.*s' is not a rule id", HIN_ARGS(node->text));
    }
    r->context = true;
    r->rule->matched = MATCHED_SID;
    r->rule->matched_sid = (uint32_t)id;
    r->matched_node = node;
    return hin_ok();
}

static HIN_RESULT read_same(struct reading *r, const struct hin_xml_node *node,
                            const struct element *element)
{
    r->rule->same |= element->subject;
    return hin_ok();
}

static HIN_RESULT read_not_same(struct reading *r, const struct hin_xml_node *node,
                                const struct element *element)
{
    r->rule->same &= ~element->subject; /* takes back an earlier same_*, as the original does */
    return hin_ok();
}

static HIN_RESULT read_fts(struct reading *r, const struct hin_xml_node *node,
                           const struct element *element)
{
    r->rule->if_fts = true;
    return hin_ok();
}

static HIN_RESULT read_check_diff(struct reading *r, const struct hin_xml_node *node,
                                  const struct element *element)
{
    r->rule->check_diff = true;
    r->context = true;
    return hin_ok();
}

static HIN_RESULT read_seen(struct reading *r, const struct hin_xml_node *node,
                            const struct element *element)
{
    unsigned value = 0;
    struct hin_view bad = HIN_VIEW_EMPTY;
    if (!hin_log_keywords(hin_log_seen_words, hin_log_seen_word_count, node->text, &value, &bad) ||
        value == 0) {
        return TEXT_FAIL(r, node, "<%s> does not know the field '%.*s'", element->name,
                         HIN_ARGS(bad));
    }
    *(element->subject == 0 ? &r->rule->ignore : &r->rule->check_ignored) |= value;
    return hin_ok();
}

enum option { OPTION_MAIL, OPTION_LOG, OPTION_NO_LOG, OPTION_NO_AR };

static HIN_RESULT read_options(struct reading *r, const struct hin_xml_node *node,
                               const struct element *element)
{
    static const struct keyword words[] = {
        {"alert_by_email", OPTION_MAIL}, {"no_email_alert", OPTION_MAIL},
        {"log_alert", OPTION_LOG},       {"no_log", OPTION_NO_LOG},
        {"no_ar", OPTION_NO_AR},         {"no_full_log", OPTION_NO_AR},
    };
    struct hin_view rest = node->text, part = HIN_VIEW_EMPTY;
    while (hin_view_split(&rest, ',', &part)) {
        unsigned value = 0;
        if (!hin_log_keyword(words, HIN_COUNT(words), part, &value)) {
            return TEXT_FAIL(r, node, "unknown option '%.*s'", HIN_ARGS(hin_view_trim(part)));
        }
        if (value == OPTION_NO_LOG) {
            r->rule->no_log = true;
        } else if (value == OPTION_LOG) {
            r->rule->no_log = false;
        }
    }
    return hin_ok();
}

static const struct keyword lookup_words[] = {
    {"match_key", LOOKUP_KEY},
    {"not_match_key", LOOKUP_NOT_KEY},
    {"match_key_value", LOOKUP_KEY_VALUE},
    {"address_match_key", LOOKUP_ADDRESS},
    {"not_address_match_key", LOOKUP_NOT_ADDRESS},
    {"address_match_key_value", LOOKUP_ADDRESS_VALUE},
};

static const struct keyword list_fields[] = {
    {"srcip", HIN_LOG_SRCIP},     {"srcport", HIN_LOG_SRCPORT}, {"dstip", HIN_LOG_DSTIP},
    {"dstport", HIN_LOG_DSTPORT}, {"user", SUBJECT_LIST_USER},  {"url", HIN_LOG_URL},
    {"id", HIN_LOG_ID},           {"hostname", SUBJECT_HOST},   {"program_name", SUBJECT_PROGRAM},
    {"status", HIN_LOG_STATUS},   {"action", HIN_LOG_ACTION},   {"extra_data", HIN_LOG_DATA},
};

static HIN_RESULT list_attribute(struct reading *r, const struct hin_xml_attribute *a,
                                 struct list_use *list)
{
    unsigned value = 0;
    bool known = true;
    if (hin_view_equal_nocase(a->name, HIN_VIEW("lookup"))) {
        known = hin_log_keyword(lookup_words, HIN_COUNT(lookup_words), a->value, &value);
        list->lookup = (enum lookup)value;
    } else if (hin_view_equal_nocase(a->name, HIN_VIEW("field"))) {
        known = hin_log_keyword(list_fields, HIN_COUNT(list_fields), a->value, &value);
        list->subject = (enum subject)value;
    } else if (hin_view_equal_nocase(a->name, HIN_VIEW("check_value"))) {
        struct hin_view text = HIN_VIEW_EMPTY;
        HIN_TRY(expand(r, a->value, &text));
        HIN_TRY(hin_log_pattern_add(r->rules, HIN_PATTERN_OSMATCH, text, NULL, &list->value));
    } else {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, a->line, a->column,
                             "rule %u: <list> has no attribute '%.*s'", r->rule->id,
                             HIN_ARGS(a->name));
    }
    if (!known) {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, a->value_line, a->value_column,
                             "rule %u: <list %.*s=> does not know '%.*s'", r->rule->id,
                             HIN_ARGS(a->name), HIN_ARGS(a->value));
    }
    return hin_ok();
}

/* By its name, or by the last part of a path such as etc/lists/known. */
static HIN_RESULT find_list(struct reading *r, struct hin_view name, const struct hin_map **ret_map)
{
    *ret_map = hin_map_get(&r->rules->lists, name);
    if (*ret_map != NULL) {
        return hin_ok();
    }
    size_t start = name.size;
    while (start > 0 && name.data[start - 1] != '/') {
        start--;
    }
    struct hin_view full = HIN_VIEW_EMPTY;
    HIN_TRY(hin_arena_printf(&r->rules->arena, &full, "lists/%.*s",
                             HIN_ARGS(hin_view_sub(name, start, SIZE_MAX))));
    *ret_map = hin_map_get(&r->rules->lists, full);
    return hin_ok();
}

static HIN_RESULT read_list(struct reading *r, const struct hin_xml_node *node,
                            const struct element *element)
{
    if (r->rule->list_count == LISTS_MAX) {
        return RULE_FAIL(r, node, "more than %d lists", LISTS_MAX);
    }
    struct list_use *list = &r->lists[r->rule->list_count];
    *list = (struct list_use){
        .lookup = LOOKUP_KEY, .subject = SUBJECT_NEVER, .value = {NULL, NO_PATTERN}};
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        HIN_TRY(list_attribute(r, &node->attributes[i], list));
    }
    if (list->subject == SUBJECT_NEVER) {
        return RULE_FAIL(r, node, "<list> needs field=\"%s\"", "...");
    }
    bool wants_value = list->lookup == LOOKUP_KEY_VALUE || list->lookup == LOOKUP_ADDRESS_VALUE;
    if (wants_value != (list->value.pattern != NULL)) {
        return RULE_FAIL(
            r, node, "<list> needs check_value=\"%s\" with the value lookups, only there", "...");
    }
    struct hin_view name = HIN_VIEW_EMPTY;
    HIN_TRY(expand(r, hin_view_trim(node->text), &name));
    HIN_TRY(hin_arena_text(&r->rules->arena, name, &list->name));
    HIN_TRY(find_list(r, name, &list->map));
    if (list->map == NULL && !r->rules->alone) {
        return TEXT_FAIL(r, node, "there is no list '%s'", list->name);
    }
    r->rule->list_count++;
    return hin_ok();
}

static HIN_RESULT read_mitre(struct reading *r, const struct hin_xml_node *node,
                             const struct element *element)
{
    for (const struct hin_xml_node *id = node->children; id != NULL; id = id->next) {
        if (!hin_view_equal_nocase(id->name, HIN_VIEW("id")) || r->mitre_count == MITRE_MAX) {
            return RULE_FAIL(r, id, "<mitre> holds up to %d <id>, not <%.*s>", MITRE_MAX,
                             HIN_ARGS(id->name));
        }
        HIN_TRY(
            hin_arena_text(&r->rules->arena, hin_view_trim(id->text), &r->mitre[r->mitre_count]));
        r->mitre_count++;
    }
    return hin_ok();
}

static HIN_RESULT read_nothing(struct reading *r, const struct hin_xml_node *node,
                               const struct element *element)
{
    return hin_ok();
}

#define PATTERN_PAIR(name, subject)                                                                \
    {name, read_pattern, subject, HIN_PATTERN_OSMATCH},                                            \
    {                                                                                              \
        name "_pcre2", read_pattern, subject, HIN_PATTERN_PCRE2                                    \
    }

static const struct element elements[] = {
    {"match", read_pattern, SUBJECT_LOG, HIN_PATTERN_OSMATCH},
    {"match_pcre2", read_pattern, SUBJECT_LOG, HIN_PATTERN_PCRE2},
    {"regex", read_pattern, SUBJECT_LOG, HIN_PATTERN_OSREGEX},
    {"pcre2", read_pattern, SUBJECT_LOG, HIN_PATTERN_PCRE2},
    {"decoded_as", read_decoded_as, 0, 0},
    {"category", read_category, 0, 0},
    PATTERN_PAIR("program_name", SUBJECT_PROGRAM),
    PATTERN_PAIR("hostname", SUBJECT_HOST),
    PATTERN_PAIR("id", HIN_LOG_ID),
    PATTERN_PAIR("url", HIN_LOG_URL),
    PATTERN_PAIR("user", SUBJECT_USER),
    PATTERN_PAIR("status", HIN_LOG_STATUS),
    PATTERN_PAIR("extra_data", HIN_LOG_DATA),
    PATTERN_PAIR("srcport", HIN_LOG_SRCPORT),
    PATTERN_PAIR("dstport", HIN_LOG_DSTPORT),
    PATTERN_PAIR("location", SUBJECT_LOCATION),
    PATTERN_PAIR("srcgeoip", SUBJECT_NEVER),
    PATTERN_PAIR("dstgeoip", SUBJECT_NEVER),
    {"field", read_field, SUBJECT_DYNAMIC, HIN_PATTERN_OSREGEX},
    {"field_pcre2", read_field, SUBJECT_DYNAMIC, HIN_PATTERN_PCRE2},
    {"srcip", read_ip, HIN_LOG_SRCIP, 0},
    {"dstip", read_ip, HIN_LOG_DSTIP, 0},
    {"group", read_text, 0, 0},
    {"action", read_text, 1, 0},
    {"if_sid", read_text, 2, 0},
    {"if_group", read_text, 3, 0},
    {"info", read_text, 4, 0},
    {"if_matched_group", read_text, 5, 0},
    {"if_matched_regex", read_text, 6, 0},
    {"if_matched_sid", read_matched_sid, 0, 0},
    {"if_level", read_if_level, 0, 0},
    {"if_fts", read_fts, 0, 0},
    {"description", read_description, 0, 0},
    {"cve", read_nothing, 0, 0},
    {"time", read_time, 0, 0},
    {"weekday", read_weekday, 0, 0},
    {"compiled_rule", read_compiled, 0, 0},
    {"check_diff", read_check_diff, 0, 0},
    {"same_source_ip", read_same, SAME_SRCIP, 0},
    {"same_srcip", read_same, SAME_SRCIP, 0},
    {"same_src_port", read_same, SAME_SRCPORT, 0},
    {"same_dst_port", read_same, SAME_DSTPORT, 0},
    {"same_user", read_same, SAME_USER, 0},
    {"same_location", read_same, SAME_LOCATION, 0},
    {"same_id", read_same, SAME_ID, 0},
    {"different_url", read_same, DIFFERENT_URL, 0},
    {"different_srcip", read_same, DIFFERENT_SRCIP, 0},
    {"different_srcgeoip", read_same, DIFFERENT_SRCGEOIP, 0},
    {"different_dst_port", read_same, DIFFERENT_DSTPORT, 0},
    {"not_same_source_ip", read_not_same, SAME_SRCIP, 0},
    {"not_same_user", read_not_same, SAME_USER, 0},
    {"not_same_agent", read_not_same, SAME_LOCATION, 0},
    {"not_same_id", read_not_same, SAME_ID, 0},
    {"ignore", read_seen, 0, 0},
    {"check_if_ignored", read_seen, 1, 0},
    {"options", read_options, 0, 0},
    {"list", read_list, 0, 0},
    {"mitre", read_mitre, 0, 0},
};

/* ---- putting a rule together --------------------------------------------------------------- */

static HIN_RESULT add_use(struct reading *r, const struct hin_xml_node *node, const char *element,
                          enum hin_pattern_kind kind, struct hin_view text, struct use *ret_use)
{
    struct hin_error inner = {HIN_OK};
    struct hin_result result = hin_log_pattern_add(r->rules, kind, text, &inner, ret_use);
    if (result.code != HIN_SYNTAX && result.code != HIN_LIMIT) {
        return result;
    }
    /* The column is true when the text stands in the file as it was compiled. */
    bool as_written = hin_view_equal(text, node->text);
    uint32_t inside = as_written && inner.column > 0 ? inner.column - 1 : 0;
    return hin_error_set(r->error, HIN_SYNTAX, r->file, node->text_line, node->text_column + inside,
                         "rule %u: the pattern of <%s> is wrong: %s", r->rule->id, element,
                         inner.text);
}

static HIN_RESULT compile_conditions(struct reading *r)
{
    struct rule *rule = r->rule;
    HIN_TRY(
        HIN_ARENA_ARRAY(&r->rules->arena, HIN_MAX(r->joined_count, (size_t)1), &rule->conditions));
    for (size_t i = 0; i < r->joined_count; i++) {
        struct joined *j = &r->joined[i];
        struct condition *c = &rule->conditions[i];
        HIN_TRY(add_use(r, j->node, j->element, j->kind, j->text, &c->use));
        c->subject = j->subject;
        c->element = j->element;
        if (j->subject == SUBJECT_DYNAMIC) {
            HIN_TRY(hin_arena_text(&r->rules->arena, j->dynamic, &c->dynamic));
            for (size_t f = 0; f < HIN_LOG_FIELD_COUNT; f++) {
                if (strcmp(c->dynamic, hin_log_field_name((enum hin_log_field)f)) == 0) {
                    c->subject = (enum subject)f;
                }
            }
        }
    }
    rule->condition_count = (uint32_t)r->joined_count;
    return hin_ok();
}

static HIN_RESULT compile_ips(struct reading *r)
{
    const struct {
        struct hin_view text;
        const struct hin_xml_node *node;
        struct hin_ipset **set;
    } both[] = {{r->srcip, r->srcip_node, &r->rule->srcip},
                {r->dstip, r->dstip_node, &r->rule->dstip}};
    for (size_t i = 0; i < HIN_COUNT(both); i++) {
        if (both[i].node == NULL) {
            continue;
        }
        struct hin_error inner = {HIN_OK};
        if (!hin_is_ok(hin_ipset_parse(both[i].text, &inner, both[i].set))) {
            return TEXT_FAIL(r, both[i].node, "<%.*s>: %s", HIN_ARGS(both[i].node->name),
                             inner.text);
        }
    }
    return hin_ok();
}

static HIN_RESULT compile_context(struct reading *r, const struct hin_xml_node *node)
{
    struct rule *rule = r->rule;
    const bool linked = r->if_sid.size > 0 || r->if_group.size > 0;
    if ((rule->same != 0 || rule->frequency > 0) && !r->context) {
        return RULE_FAIL(r, node, "frequency, same_* and different_* need an if_matched_%s",
                         "sid, if_matched_group or if_matched_regex");
    }
    if (rule->matched == MATCHED_GROUP || r->matched_group.size > 0) {
        HIN_TRY(hin_arena_text(&r->rules->arena, r->matched_group, &rule->matched_group));
        HIN_TRY(add_use(r, r->matched_node, "if_matched_group", HIN_PATTERN_OSMATCH,
                        r->matched_group, &rule->matched_group_use));
        if (r->if_sid.size == 0 && r->if_group.size == 0) {
            r->if_group = r->matched_group;
        }
    }
    if (r->matched_regex.size > 0) {
        HIN_TRY(add_use(r, r->regex_node, "if_matched_regex", HIN_PATTERN_OSREGEX, r->matched_regex,
                        &rule->matched_regex));
    }
    /* With several sources the original asks for the id first, then the group, then the regex. */
    if (rule->matched_sid != 0) {
        rule->matched = MATCHED_SID;
        if (r->if_sid.size == 0 && r->if_group.size == 0) {
            HIN_TRY(hin_arena_printf(&r->rules->arena, &r->if_sid, "%u", rule->matched_sid));
            r->if_sid_node = r->matched_node;
        }
    } else if (rule->matched_group != NULL) {
        rule->matched = MATCHED_GROUP;
    }
    rule->info.composite = rule->matched != MATCHED_NONE;
    rule->counts_itself = !linked && rule->info.composite;
    return hin_ok();
}

static HIN_RESULT compile_links(struct reading *r)
{
    struct rule *rule = r->rule;
    uint32_t ids[IF_SID_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < r->if_sid.size;) {
        uint8_t c = r->if_sid.data[i];
        if (c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '|') {
            i++;
            continue;
        }
        size_t end = i;
        while (end < r->if_sid.size && r->if_sid.data[end] >= '0' && r->if_sid.data[end] <= '9') {
            end++;
        }
        uint64_t id = 0;
        if (end == i || count == IF_SID_MAX ||
            !hin_is_ok(hin_view_to_u64(hin_view_sub(r->if_sid, i, end - i), &id)) ||
            id > UINT32_MAX) {
            return TEXT_FAIL(r, r->if_sid_node, "if_sid '%.*s' is no list of rule ids",
                             HIN_ARGS(r->if_sid));
        }
        ids[count++] = (uint32_t)id;
        i = end;
    }
    HIN_TRY(HIN_ARENA_ARRAY(&r->rules->arena, HIN_MAX(count, 1U), &rule->if_sid));
    hin_copy(rule->if_sid, ids, count * sizeof(ids[0]));
    rule->if_sid_count = count;
    if (r->if_group.size > 0) {
        HIN_TRY(hin_arena_text(&r->rules->arena, r->if_group, &rule->if_group));
    }
    return hin_ok();
}

static HIN_RESULT group_list(struct reading *r, struct hin_view all)
{
    const char *names[GROUP_MAX + 1];
    size_t count = 0;
    struct hin_view part = HIN_VIEW_EMPTY;
    while (hin_view_split(&all, ',', &part) && count < GROUP_MAX) {
        part = hin_view_trim(part);
        bool known = part.size == 0;
        for (size_t i = 0; i < count; i++) {
            known = known || hin_view_is(part, names[i]);
        }
        if (!known) {
            HIN_TRY(hin_arena_text(&r->rules->arena, part, &names[count]));
            count++;
        }
    }
    const char **list = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(&r->rules->arena, count + 1, &list));
    hin_copy(list, names, count * sizeof(names[0]));
    r->rule->info.groups = list;
    r->rule->info.group_count = count;
    return hin_ok();
}

static HIN_RESULT compile_texts(struct reading *r, struct hin_view outer_group)
{
    struct rule *rule = r->rule;
    struct hin_arena *arena = &r->rules->arena;
    struct hin_view group = HIN_VIEW_EMPTY;
    /* OSSEC joins the two texts as they stand; a missing comma would merge two names. */
    bool comma = outer_group.size > 0 && r->group.size > 0 &&
                 outer_group.data[outer_group.size - 1] != ',' && r->group.data[0] != ',';
    HIN_TRY(hin_arena_printf(arena, &group, "%.*s%s%.*s", HIN_ARGS(outer_group), comma ? "," : "",
                             HIN_ARGS(r->group)));
    HIN_TRY(hin_arena_text(arena, group, &rule->group_text));
    HIN_TRY(group_list(r, group));
    const char *description = NULL;
    HIN_TRY(hin_arena_text(arena, hin_view_trim(r->description), &description));
    rule->info.description = description;
    rule->fills = strstr(description, "$(") != NULL;
    HIN_TRY(hin_arena_text(arena, hin_view_trim(r->info), &rule->info.info));
    if (r->action.size > 0) {
        HIN_TRY(hin_arena_text(arena, r->action, &rule->action));
    }
    const char **mitre = NULL;
    HIN_TRY(HIN_ARENA_ARRAY(arena, r->mitre_count + 1, &mitre));
    hin_copy(mitre, r->mitre, r->mitre_count * sizeof(r->mitre[0]));
    rule->info.mitre = mitre;
    rule->info.mitre_count = r->mitre_count;
    HIN_TRY(HIN_ARENA_ARRAY(arena, HIN_MAX(rule->list_count, 1U), &rule->lists));
    hin_copy(rule->lists, r->lists, rule->list_count * sizeof(r->lists[0]));
    return hin_ok();
}

static void begin_rule(struct reading *r, struct rule *rule, const struct hin_xml_node *node)
{
    size_t keep = offsetof(struct reading, rule);
    hin_zero((uint8_t *)r + keep, sizeof(*r) - keep);
    r->rule = rule;
    rule->info.file = r->file;
    rule->info.line = node->line;
    rule->column = node->column;
    rule->gate = NO_PATTERN;
    rule->matched_group_use.id = NO_PATTERN;
    rule->matched_regex.id = NO_PATTERN;
}

static HIN_RESULT read_rule(struct reading *r, struct rule *rule, const struct hin_xml_node *node,
                            struct hin_view group)
{
    begin_rule(r, rule, node);
    HIN_TRY(read_attributes(r, node));
    for (const struct hin_xml_node *child = node->children; child != NULL; child = child->next) {
        size_t i = 0;
        while (i < HIN_COUNT(elements) &&
               !hin_view_equal_nocase(child->name, hin_view_from_text(elements[i].name))) {
            i++;
        }
        if (i == HIN_COUNT(elements)) {
            return RULE_FAIL(r, child, "unknown element <%.*s>", HIN_ARGS(child->name));
        }
        HIN_TRY(elements[i].read(r, child, &elements[i]));
    }
    if (node->children == NULL) {
        return RULE_FAIL(r, node, "it is empty: it would match every %s", "line");
    }
    HIN_TRY(compile_conditions(r));
    HIN_TRY(compile_ips(r));
    HIN_TRY(compile_context(r, node));
    HIN_TRY(compile_links(r));
    return compile_texts(r, group);
}

static HIN_RESULT group_name(struct reading *r, const struct hin_xml_node *node,
                             struct hin_view *ret_name)
{
    const struct hin_xml_attribute *name = hin_xml_attribute(node, "name");
    if (!hin_view_equal_nocase(node->name, HIN_VIEW("group"))) {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, node->line, node->column,
                             "<%.*s> stands where only <group> and <var> may stand",
                             HIN_ARGS(node->name));
    }
    if (name == NULL || node->attribute_count != 1) {
        return hin_error_set(r->error, HIN_SYNTAX, r->file, node->line, node->column,
                             "<group> needs a name=\"...\" and nothing else");
    }
    return expand(r, name->value, ret_name);
}

static bool is_var(const struct hin_xml_node *node)
{
    return hin_view_equal_nocase(node->name, HIN_VIEW("var"));
}

static HIN_RESULT read_group(struct reading *r, struct rule_file *file,
                             const struct hin_xml_node *group)
{
    struct hin_view name = HIN_VIEW_EMPTY;
    HIN_TRY(group_name(r, group, &name));
    for (const struct hin_xml_node *node = group->children; node != NULL; node = node->next) {
        if (is_var(node)) {
            continue;
        }
        if (!hin_view_equal_nocase(node->name, HIN_VIEW("rule"))) {
            return hin_error_set(r->error, HIN_SYNTAX, r->file, node->line, node->column,
                                 "<%.*s> stands in <group>, where only <rule> may stand",
                                 HIN_ARGS(node->name));
        }
        HIN_TRY(read_rule(r, &file->rules[file->rule_count], node, name));
        file->rule_count++;
    }
    return hin_ok();
}

HIN_RESULT hin_log_rule_file_read(struct hin_log_rules *rules, struct rule_file *file,
                                  struct hin_error *error)
{
    uint32_t count = 0;
    for (const struct hin_xml_node *n = file->roots; n != NULL; n = n->next) {
        count += n->child_count;
    }
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, HIN_MAX(count, 1U), &file->rules));
    file->rule_capacity = count;
    struct reading *r = NULL;
    HIN_TRY(HIN_ARENA_NEW(&rules->arena, &r));
    r->rules = rules;
    r->file = file->name;
    r->error = error;
    HIN_TRY(read_variables(r, file->roots));
    for (const struct hin_xml_node *n = file->roots; n != NULL; n = n->next) {
        HIN_TRY(read_variables(r, n->children));
    }
    for (const struct hin_xml_node *n = file->roots; n != NULL; n = n->next) {
        if (!is_var(n)) {
            HIN_TRY(read_group(r, file, n));
        }
    }
    return hin_ok();
}
