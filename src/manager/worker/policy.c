#include "manager/worker/policy.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "data/json.h"
#include "engine/log/log.h"
#include "store/documents.h"

enum { POLICIES_MAX = 4096, RULES_MAX = 4096 };

/* ---- policies ---- */

HIN_RESULT hin_policy_module_read(struct hin_json *object, struct hin_arena *arena,
                                  struct hin_policy_module *ret_module)
{
    struct hin_policy_module module = {0};
    struct hin_view state = HIN_VIEW("inherited");
    struct hin_json ids;
    uint64_t *list = NULL;
    HIN_TRY(hin_json_opt_text(*object, "state", &state, NULL));
    HIN_TRY(hin_policy_state_parse(state, &module.state));
    if (hin_json_find(*object, "ruleIDs", &ids) && !hin_json_is_null(ids)) {
        HIN_TRY(hin_json_array(ids, &module.rule_count, NULL));
        HIN_TRY(HIN_ARENA_ARRAY(arena, module.rule_count + 1, &list));
        for (size_t i = 0; i < module.rule_count; i++) {
            int64_t id = 0;
            HIN_TRY(hin_json_integer(hin_json_at(ids, i), 1, INT64_MAX, &id, NULL));
            list[i] = (uint64_t)id;
        }
    }
    module.rule_ids = list;
    *ret_module = module;
    return hin_ok();
}

struct policy_list {
    struct hin_arena *arena;
    struct hin_policy *items;
    size_t count;
};

static struct hin_result add_policy(void *context, const struct hin_store_document *document)
{
    struct policy_list *list = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_json module;
    int64_t parent = 0;
    HIN_ENSURE(list->count < POLICIES_MAX, LIMIT);
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_policy *policy = &list->items[list->count];
    *policy = (struct hin_policy){.id = (uint64_t)document->id};
    HIN_TRY(hin_json_opt_integer(hin_json_root(parsed), "parentID", 0, INT64_MAX, &parent, NULL));
    policy->parent_id = (uint64_t)parent;
    if (hin_json_find(hin_json_root(parsed), "logInspection", &module)) {
        HIN_TRY(hin_policy_module_read(&module, list->arena, &policy->log_inspection));
    }
    list->count++;
    return hin_ok();
}

HIN_RESULT hin_policy_list(struct hin_tenant *tenant, struct hin_arena *arena,
                           struct hin_policy **ret_policies, size_t *ret_count)
{
    struct policy_list list = {.arena = arena};
    struct hin_store_page page = {0};
    struct hin_store_listed listed;
    HIN_TRY(HIN_ARENA_ARRAY(arena, POLICIES_MAX, &list.items));
    HIN_TRY(hin_store_list(tenant->store, HIN_STORE_POLICIES, &page, add_policy, &list, &listed));
    *ret_policies = list.items;
    *ret_count = list.count;
    return hin_ok();
}

HIN_RESULT hin_policy_default(struct hin_tenant *tenant, int64_t *ret_policy)
{
    struct hin_arena arena;
    struct hin_policy *policies = NULL;
    size_t count = 0;
    int64_t found = 0;
    hin_arena_init(&arena, 64 << 20);
    struct hin_result result = hin_policy_list(tenant, &arena, &policies, &count);
    for (size_t i = 0; hin_is_ok(result) && i < count && found == 0; i++) {
        if (policies[i].parent_id == 0) {
            found = (int64_t)policies[i].id;
        }
    }
    hin_arena_done(&arena);
    HIN_TRY(result);
    *ret_policy = found;
    return hin_ok();
}

/* ---- files ---- */

struct gathered_file {
    int64_t id;
    int64_t order;
    struct hin_policy_file file;
};

struct gather {
    struct hin_tenant *tenant;
    struct hin_arena *arena;
    struct gathered_file *files;
    size_t file_count;
    struct hin_policy_log *logs;
    size_t log_count;
    int64_t *decoders;
    size_t decoder_count;
};

static HIN_RESULT load_json(struct gather *gather, enum hin_store_kind kind, int64_t id,
                            struct hin_json_document **ret_document)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_document document;
    HIN_TRY(hin_store_get(gather->tenant->store, kind, id, &text, &document));
    return hin_json_parse(document.bytes, text.max, ret_document, NULL);
}

static HIN_RESULT add_log(struct gather *gather, struct hin_json item)
{
    struct hin_view location;
    struct hin_view format = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_get_text(item, "location", &location, NULL));
    HIN_TRY(hin_json_opt_text(item, "format", &format, NULL));
    for (size_t i = 0; i < gather->log_count; i++) {
        if (hin_view_equal(gather->logs[i].location, location)) {
            return hin_ok();
        }
    }
    HIN_ENSURE(gather->log_count < HIN_POLICY_LOGS_MAX, LIMIT);
    struct hin_policy_log *log = &gather->logs[gather->log_count];
    HIN_TRY(hin_arena_copy(gather->arena, location, &log->location));
    HIN_TRY(hin_arena_copy(gather->arena, format, &log->format));
    gather->log_count++;
    return hin_ok();
}

static HIN_RESULT add_logs(struct gather *gather, struct hin_json rule)
{
    struct hin_json object;
    struct hin_json list;
    size_t count = 0;
    if (!hin_json_find(rule, "logFiles", &object) || !hin_json_find(object, "logFiles", &list) ||
        hin_json_is_null(list)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_array(list, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(add_log(gather, hin_json_at(list, i)));
    }
    return hin_ok();
}

static void add_decoder(struct gather *gather, int64_t id)
{
    for (size_t i = 0; i < gather->decoder_count; i++) {
        if (gather->decoders[i] == id) {
            return;
        }
    }
    if (gather->decoder_count < HIN_POLICY_FILES_MAX) {
        gather->decoders[gather->decoder_count++] = id;
    }
}

static HIN_RESULT add_decoders(struct gather *gather, struct hin_json rule)
{
    struct hin_json ids;
    size_t count = 0;
    if (!hin_json_find(rule, "decoderIDs", &ids) || hin_json_is_null(ids)) {
        return hin_ok();
    }
    HIN_TRY(hin_json_array(ids, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        HIN_TRY(hin_json_integer(hin_json_at(ids, i), 1, INT64_MAX, &id, NULL));
        add_decoder(gather, id);
    }
    return hin_ok();
}

static bool name_is_taken(const struct gather *gather, enum hin_policy_file_kind kind,
                          struct hin_view name)
{
    for (size_t i = 0; i < gather->file_count; i++) {
        if (gather->files[i].file.kind == kind &&
            hin_view_equal(gather->files[i].file.name, name)) {
            return true;
        }
    }
    return false;
}

/* A file's name is what messages name it by; two of one name are told apart by their IDs. */
static HIN_RESULT name_file(struct gather *gather, enum hin_policy_file_kind kind, int64_t id,
                            struct hin_view wanted, struct hin_view *ret_name)
{
    char clean[200];
    size_t size = HIN_MIN(wanted.size, sizeof(clean) - 1);
    for (size_t i = 0; i < size; i++) {
        uint8_t c = wanted.data[i];
        clean[i] = c < 0x20 || c == '/' || c == 0x7f || (i == 0 && c == '.') ? '_' : (char)c;
    }
    clean[size] = 0;
    if (size == 0 || name_is_taken(gather, kind, hin_view_of(clean, size))) {
        return hin_arena_printf(gather->arena, ret_name, "%lld_%s", (long long)id, clean);
    }
    return hin_arena_copy(gather->arena, hin_view_of(clean, size), ret_name);
}

static HIN_RESULT add_file(struct gather *gather, enum hin_policy_file_kind kind, int64_t id,
                           struct hin_json object, struct hin_view text)
{
    struct hin_view name = HIN_VIEW_EMPTY;
    struct gathered_file *file = &gather->files[gather->file_count];
    HIN_ENSURE(gather->file_count < HIN_POLICY_FILES_MAX, LIMIT);
    *file = (struct gathered_file){.id = id};
    HIN_TRY(hin_json_opt_text(object, "identifier", &name, NULL));
    if (name.size == 0) {
        HIN_TRY(hin_json_opt_text(object, "name", &name, NULL));
    }
    HIN_TRY(hin_json_opt_integer(object, "sortOrder", 0, INT64_MAX, &file->order, NULL));
    HIN_TRY(name_file(gather, kind, id, name, &file->file.name));
    HIN_TRY(hin_arena_copy(gather->arena, text, &file->file.text));
    file->file.kind = kind;
    gather->file_count++;
    return hin_ok();
}

static HIN_RESULT put_element(struct hin_buf *xml, const char *element, struct hin_view text)
{
    return text.size == 0
               ? hin_ok()
               : hin_buf_printf(xml, "    <%s>%.*s</%s>\n", element, HIN_ARGS(text), element);
}

/* A basic rule is written out as what it stands for. */
static HIN_RESULT write_basic_rule(struct hin_json rule, struct hin_buf *xml)
{
    int64_t number = 0, level = 0, frequency = 0, time_frame = 0, parent = 0;
    struct hin_view text = HIN_VIEW_EMPTY, pattern = HIN_VIEW_EMPTY, group = HIN_VIEW_EMPTY;
    struct hin_view type = HIN_VIEW("string"), dependency = HIN_VIEW("none");
    HIN_TRY(hin_json_get_integer(rule, "ruleID", 1, INT64_MAX, &number, NULL));
    HIN_TRY(hin_json_opt_integer(rule, "level", 0, 15, &level, NULL));
    HIN_TRY(hin_json_opt_integer(rule, "frequency", 0, INT64_MAX, &frequency, NULL));
    HIN_TRY(hin_json_opt_integer(rule, "timeFrame", 0, INT64_MAX, &time_frame, NULL));
    HIN_TRY(hin_json_opt_integer(rule, "dependencyRuleID", 0, INT64_MAX, &parent, NULL));
    HIN_TRY(hin_json_opt_text(rule, "ruleDescription", &text, NULL));
    HIN_TRY(hin_json_opt_text(rule, "pattern", &pattern, NULL));
    HIN_TRY(hin_json_opt_text(rule, "patternType", &type, NULL));
    HIN_TRY(hin_json_opt_text(rule, "dependency", &dependency, NULL));
    HIN_TRY(hin_json_opt_text(rule, "dependencyGroup", &group, NULL));
    HIN_TRY(hin_buf_printf(xml, "<group name=\"custom,\">\n  <rule id=\"%lld\" level=\"%lld\"",
                           (long long)number, (long long)level));
    if (frequency > 0) {
        HIN_TRY(hin_buf_printf(xml, " frequency=\"%lld\" timeframe=\"%lld\"", (long long)frequency,
                               (long long)time_frame));
    }
    HIN_TRY(hin_buf_append_text(xml, ">\n"));
    if (hin_view_is(dependency, "rule") && parent > 0) {
        HIN_TRY(hin_buf_printf(xml, "    <if_%ssid>%lld</if_%ssid>\n",
                               frequency > 0 ? "matched_" : "", (long long)parent,
                               frequency > 0 ? "matched_" : ""));
    } else if (hin_view_is(dependency, "group")) {
        HIN_TRY(put_element(xml, frequency > 0 ? "if_matched_group" : "if_group", group));
    }
    HIN_TRY(put_element(xml, hin_view_is(type, "regex") ? "regex" : "match", pattern));
    HIN_TRY(put_element(xml, "description", text));
    return hin_buf_append_text(xml, "  </rule>\n</group>\n");
}

static HIN_RESULT add_rule(struct gather *gather, int64_t id)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf basic = {.max = 65536};
    struct hin_view text = HIN_VIEW_EMPTY;
    struct hin_view template = HIN_VIEW("custom");
    struct hin_result loaded = load_json(gather, HIN_STORE_LOG_RULES, id, &document);
    if (loaded.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(loaded);
    struct hin_json rule = hin_json_root(document);
    HIN_TRY(hin_json_opt_text(rule, "template", &template, NULL));
    if (hin_view_is(template, "basic-rule")) {
        HIN_TRY(write_basic_rule(rule, &basic));
        text = hin_buf_view(&basic);
    } else {
        HIN_TRY(hin_json_opt_text(rule, "ruleXML", &text, NULL));
    }
    HIN_TRY(add_file(gather, HIN_POLICY_FILE_RULE, id, rule, text));
    HIN_TRY(add_logs(gather, rule));
    return add_decoders(gather, rule);
}

struct decoder_choice {
    struct gather *gather;
    bool custom;
};

static struct hin_result choose_decoder(void *context, const struct hin_store_document *document)
{
    struct decoder_choice *choice = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_view type = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    HIN_TRY(hin_json_opt_text(hin_json_root(parsed), "type", &type, NULL));
    if (hin_view_is(type, "Custom") == choice->custom) {
        add_decoder(choice->gather, document->id);
    }
    return hin_ok();
}

/* Rules that name no decoders go with those imported here, else with those shipped. */
static HIN_RESULT choose_decoders(struct gather *gather)
{
    struct decoder_choice choice = {gather, true};
    struct hin_store_page page = {0};
    struct hin_store_listed listed;
    for (int i = 0; i < 2 && gather->decoder_count == 0; i++) {
        HIN_TRY(hin_store_list(gather->tenant->store, HIN_STORE_LOG_DECODERS, &page, choose_decoder,
                               &choice, &listed));
        choice.custom = false;
    }
    return hin_ok();
}

static HIN_RESULT add_decoder_file(struct gather *gather, int64_t id)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_view text = HIN_VIEW_EMPTY;
    struct hin_result loaded = load_json(gather, HIN_STORE_LOG_DECODERS, id, &document);
    if (loaded.code == HIN_NOT_FOUND) {
        return hin_ok();
    }
    HIN_TRY(loaded);
    HIN_TRY(hin_json_opt_text(hin_json_root(document), "decoderXML", &text, NULL));
    return add_file(gather, HIN_POLICY_FILE_DECODER, id, hin_json_root(document), text);
}

static int compare_files(const void *a, const void *b)
{
    const struct gathered_file *left = a;
    const struct gathered_file *right = b;
    if (left->file.kind != right->file.kind) {
        return left->file.kind < right->file.kind ? -1 : 1;
    }
    if (left->order != right->order) {
        return left->order < right->order ? -1 : 1;
    }
    return left->id < right->id ? -1 : left->id > right->id;
}

static HIN_RESULT gather_files(struct gather *gather, const struct hin_policy_effective *effective)
{
    HIN_TRY(HIN_ARENA_ARRAY(gather->arena, HIN_POLICY_FILES_MAX, &gather->files));
    HIN_TRY(HIN_ARENA_ARRAY(gather->arena, HIN_POLICY_FILES_MAX, &gather->decoders));
    HIN_TRY(HIN_ARENA_ARRAY(gather->arena, HIN_POLICY_LOGS_MAX, &gather->logs));
    HIN_ENSURE(effective->rule_count <= RULES_MAX, LIMIT);
    for (size_t i = 0; i < effective->rule_count; i++) {
        HIN_TRY(add_rule(gather, (int64_t)effective->rule_ids[i]));
    }
    if (gather->decoder_count == 0 && gather->file_count > 0) {
        HIN_TRY(choose_decoders(gather));
    }
    for (size_t i = 0; i < gather->decoder_count; i++) {
        HIN_TRY(add_decoder_file(gather, gather->decoders[i]));
    }
    qsort(gather->files, gather->file_count, sizeof(*gather->files), compare_files);
    return hin_ok();
}

HIN_RESULT hin_policy_gather(struct hin_tenant *tenant, int64_t policy,
                             const struct hin_policy_module *computer, struct hin_arena *arena,
                             struct hin_policy_content *ret_content)
{
    struct gather gather = {.tenant = tenant, .arena = arena};
    struct hin_policy_effective effective;
    struct hin_policy *policies = NULL;
    struct hin_policy_file *files = NULL;
    size_t count = 0;
    HIN_TRY(hin_policy_list(tenant, arena, &policies, &count));
    HIN_TRY(hin_policy_resolve(policies, count, (uint64_t)policy, computer, arena, &effective));
    if (effective.log_inspection) {
        HIN_TRY(gather_files(&gather, &effective));
    }
    HIN_TRY(HIN_ARENA_ARRAY(arena, gather.file_count + 1, &files));
    for (size_t i = 0; i < gather.file_count; i++) {
        files[i] = gather.files[i].file;
    }
    *ret_content = (struct hin_policy_content){
        .log_inspection = effective.log_inspection,
        .files = files,
        .file_count = gather.file_count,
        .logs = gather.logs,
        .log_count = gather.log_count,
    };
    return hin_ok();
}

/* ---- judging ---- */

static HIN_RESULT first_error(const struct hin_log_rules *rules, struct hin_error *error)
{
    for (size_t i = 0; i < hin_log_rules_diagnostic_count(rules); i++) {
        const struct hin_log_diagnostic *diagnostic = hin_log_rules_diagnostic(rules, i);
        if (diagnostic->severity == HIN_LOG_RULES_ERROR) {
            return hin_error_set(error, HIN_INVALID, diagnostic->file, diagnostic->line,
                                 diagnostic->column, "%s", diagnostic->text);
        }
    }
    return hin_fail(HIN_INVALID);
}

HIN_RESULT hin_policy_compile(const struct hin_policy_content *content, struct hin_arena *arena,
                              struct hin_error *error)
{
    struct hin_log_input *lists[3] = {NULL};
    size_t counts[3] = {0};
    for (size_t kind = 0; kind < 3; kind++) {
        HIN_TRY(HIN_ARENA_ARRAY(arena, content->file_count + 1, &lists[kind]));
    }
    for (size_t i = 0; i < content->file_count; i++) {
        const struct hin_policy_file *file = &content->files[i];
        size_t kind = (size_t)file->kind - HIN_POLICY_FILE_DECODER;
        struct hin_log_input *input = &lists[kind][counts[kind]++];
        HIN_TRY(hin_arena_text(arena, file->name, &input->name));
        input->text = file->text;
    }
    struct hin_log_inputs inputs = {
        .decoders = lists[0],
        .decoder_count = counts[0],
        .rules = lists[1],
        .rule_count = counts[1],
        .lists = lists[2],
        .list_count = counts[2],
    };
    struct hin_log_load_options options = {.dialect = HIN_LOG_DIALECT_OSSEC};
    struct hin_log_rules *rules = NULL;
    HIN_TRY(hin_log_rules_load(&inputs, &options, &rules));
    struct hin_result result =
        hin_log_rules_error_count(rules) == 0 ? hin_ok() : first_error(rules, error);
    hin_log_rules_free(rules);
    return result;
}
