/* N times a rule set: usage bench_scale RULES TIMES OUT [beside]
 *
 * Copies the folder RULES to OUT with TIMES - 1 further copies of each rule file: new ids, links
 * moved with them (with `beside` the copies hang under the same parents as their originals), and in
 * nine of ten copied rules changed literals, so that a tenth still matches what its original
 * matches. For the bar of 2, 4 and 8 times the rules. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"
#include "data/xml.h"
#include "policy/ruleset.h"

#define ID_STEP         1000000U
#define TEMPLATES_UP_TO 9
#define OUT_MAX_BYTES   ((size_t)64 << 20)

struct copy {
    struct hin_buf out;
    unsigned number; /* of the copy: 1, 2, ... */
    unsigned rule;   /* counts rules */
    bool beside;     /* links stay */
};

static HIN_RESULT put_ids(struct copy *c, struct hin_view text)
{
    for (size_t i = 0; i < text.size;) {
        uint64_t id = 0;
        size_t start = i;
        while (i < text.size && text.data[i] >= '0' && text.data[i] <= '9') {
            id = id * 10 + (uint64_t)(text.data[i++] - '0');
        }
        if (i == start) {
            HIN_TRY(hin_buf_append_byte(&c->out, text.data[i++]));
        } else {
            uint64_t moved = id > TEMPLATES_UP_TO ? id + (uint64_t)c->number * ID_STEP : id;
            HIN_TRY(hin_buf_append_u64(&c->out, moved));
        }
    }
    return hin_ok();
}

static bool is_letter(uint8_t byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* Words of four letters and more get an end of their own, where that leaves the pattern whole. */
static HIN_RESULT put_changed(struct copy *c, struct hin_view text)
{
    bool in_class = false;
    for (size_t i = 0; i < text.size;) {
        size_t start = i;
        uint8_t before = i > 0 ? text.data[i - 1] : ' ';
        while (i < text.size && is_letter(text.data[i])) {
            i++;
        }
        if (i == start) {
            in_class = text.data[i] == '[' || (in_class && text.data[i] != ']');
            HIN_TRY(hin_buf_append_byte(&c->out, text.data[i++]));
            continue;
        }
        HIN_TRY(hin_buf_append(&c->out, hin_view_sub(text, start, i - start)));
        bool quantified = i < text.size && (text.data[i] == '?' || text.data[i] == '*');
        if (i - start >= 4 && !in_class && !quantified && strchr("\\$_?<", before) == NULL &&
            (i == text.size || text.data[i] != '_')) {
            HIN_TRY(hin_buf_printf(&c->out, "zq%c", (char)('a' + c->number % 26)));
        }
    }
    return hin_ok();
}

static bool ends_with(struct hin_view name, const char *end)
{
    return hin_view_ends_with(name, hin_view_from_text(end));
}

static HIN_RESULT put_node(struct copy *c, const struct hin_xml_node *node, bool changed);

static HIN_RESULT put_text(struct copy *c, const struct hin_xml_node *node, bool changed)
{
    bool link = hin_view_is(node->name, "if_sid") || hin_view_is(node->name, "if_matched_sid");
    bool pattern = ends_with(node->name, "pcre2") || hin_view_is(node->name, "match") ||
                   hin_view_is(node->name, "regex");
    if (link && !c->beside) {
        return put_ids(c, node->text);
    }
    return pattern && changed ? put_changed(c, node->text) : hin_buf_append(&c->out, node->text);
}

static HIN_RESULT put_node(struct copy *c, const struct hin_xml_node *node, bool changed)
{
    bool rule = hin_view_is(node->name, "rule");
    HIN_TRY(hin_buf_printf(&c->out, "<%.*s", HIN_ARGS(node->name)));
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct hin_xml_attribute *a = &node->attributes[i];
        HIN_TRY(hin_buf_printf(&c->out, " %.*s=\"", HIN_ARGS(a->name)));
        HIN_TRY(rule && hin_view_is(a->name, "id") ? put_ids(c, a->value)
                                                   : hin_buf_append(&c->out, a->value));
        HIN_TRY(hin_buf_append_byte(&c->out, '"'));
    }
    HIN_TRY(hin_buf_append_byte(&c->out, '>'));
    if (rule) {
        changed = ++c->rule % 10 != 0;
    }
    for (const struct hin_xml_node *child = node->children; child != NULL; child = child->next) {
        HIN_TRY(put_node(c, child, changed));
    }
    if (node->children == NULL) {
        HIN_TRY(put_text(c, node, changed));
    }
    return hin_buf_printf(&c->out, "</%.*s>\n", HIN_ARGS(node->name));
}

static HIN_RESULT write_file(const char *folder, const char *name, struct hin_view text)
{
    char path[HIN_PATH_MAX];
    HIN_TRY(hin_path_join(path, sizeof(path), folder, name));
    return hin_file_replace(AT_FDCWD, path, text, 0644);
}

static HIN_RESULT copy_rules(const struct hin_log_input *input, unsigned number, bool beside,
                             const char *rules, struct hin_buf *order)
{
    char name[512];
    struct hin_arena arena HIN_CLEANUP(hin_arena_done) = {0};
    struct copy c = {.number = number, .beside = beside};
    struct hin_xml_node *roots = NULL;
    hin_arena_init(&arena, OUT_MAX_BYTES);
    hin_buf_init(&c.out, OUT_MAX_BYTES);
    snprintf(name, sizeof(name), "%s%s",
             number > 0 ? (char[]){'x', (char)('a' + number), '_', 0} : "", input->name);
    struct hin_result result = hin_xml_parse(&arena, input->name, input->text, NULL, &roots);
    if (number == 0) {
        result = hin_buf_append(&c.out, input->text);
    }
    for (; number > 0 && roots != NULL && hin_is_ok(result); roots = roots->next) {
        result = put_node(&c, roots, false);
    }
    if (hin_is_ok(result)) {
        result = write_file(rules, name, hin_buf_view(&c.out));
    }
    hin_buf_done(&c.out);
    HIN_TRY(result);
    return hin_buf_printf(order, "%s\n", name);
}

static HIN_RESULT scale(const struct hin_ruleset *set, unsigned times, bool beside, const char *out)
{
    char rules[HIN_PATH_MAX];
    struct hin_buf order HIN_CLEANUP(hin_buf_done) = {0};
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    hin_buf_init(&order, 1 << 20);
    HIN_TRY(hin_path_join(rules, sizeof(rules), out, "rules"));
    HIN_TRY(hin_directory_make(rules, 0755));
    HIN_TRY(write_file(out, "decoder.xml", inputs->decoders[0].text));
    for (unsigned number = 0; number < times; number++) {
        for (size_t i = 0; i < inputs->rule_count; i++) {
            bool templates = strcmp(inputs->rules[i].name, "rules_config.xml") == 0;
            if (number == 0 || !templates) {
                HIN_TRY(copy_rules(&inputs->rules[i], number, beside, rules, &order));
            }
        }
    }
    return write_file(out, "order.txt", hin_buf_view(&order));
}

int main(int argc, char **argv)
{
    struct hin_ruleset *set HIN_CLEANUP(hin_ruleset_freep) = NULL;
    struct hin_error error = {HIN_OK};
    bool beside = argc == 5 && strcmp(argv[4], "beside") == 0;
    unsigned times = argc == 4 || beside ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (times < 1 || times > 16) {
        fputs("usage: bench_scale RULES TIMES OUT [beside] (TIMES: 1 to 16)\n", stderr);
        return 2;
    }
    if (!hin_is_ok(hin_ruleset_read(argv[1], &error, &set)) ||
        !hin_is_ok(scale(set, times, beside, argv[3]))) {
        fprintf(stderr, "bench_scale: %s %s\n", error.file, error.text);
        return 1;
    }
    return 0;
}
