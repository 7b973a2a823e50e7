#include "manager/content.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/path.h"
#include "manager/worker/api/document.h"
#include "manager/worker/api/tables.h"
#include "policy/bundle.h"
#include "policy/ruleset.h"
#include "store/documents.h"

enum { DECODERS_MAX = 64, FILES_MAX = 512 };

/* What a Debian or RHEL server writes; the journal is read where there is one. */
static const struct {
    const char *location;
    const char *format;
} default_logs[] = {
    {"/var/log/syslog", "syslog"},
    {"/var/log/messages", "syslog"},
    {"/var/log/secure", "syslog"},
    {"/var/log/maillog", "syslog"},
    {"/var/log/cron", "syslog"},
    {"/var/log/*.log", "syslog"},
    {"/var/log/*/*.log", "syslog"},
    {"/var/log/*/*_log", "syslog"},
    {HIN_POLICY_LOCATION_JOURNAL, "syslog"},
};

static bool holds(const char *folder, const char *mark)
{
    char path[HIN_PATH_MAX];
    return hin_is_ok(hin_path_join(path, sizeof(path), folder, mark)) && access(path, R_OK) == 0;
}

/* Beside the program, or installed. */
static HIN_RESULT find_shipped(const char *name, const char *mark, char *out)
{
    static const char *const places[] = {"../content", "../share/hinomi/content",
                                         "/usr/share/hinomi/content",
                                         "/usr/local/share/hinomi/content"};
    char program[HIN_PATH_MAX], folder[HIN_PATH_MAX];
    HIN_TRY(hin_path_of_program(program));
    for (size_t i = 0; i < HIN_COUNT(places); i++) {
        HIN_TRY(hin_path_join(folder, sizeof(folder), program, places[i]));
        HIN_TRY(hin_path_join(out, HIN_PATH_MAX, folder, name));
        if (holds(out, mark)) {
            return hin_ok();
        }
    }
    return hin_fail(HIN_NOT_FOUND);
}

HIN_RESULT hin_content_find(const char *wanted, char *out)
{
    if (wanted != NULL) {
        HIN_ENSURE(holds(wanted, "rules"), NOT_FOUND);
        return hin_path_join(out, HIN_PATH_MAX, wanted, "");
    }
    return find_shipped("log", "rules", out);
}

HIN_RESULT hin_content_find_trust(char *out)
{
    return find_shipped("trust", "order.txt", out);
}

static HIN_RESULT log_files_json(struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "logFiles");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < HIN_COUNT(default_logs); i++) {
        hin_json_begin_object(&writer);
        hin_json_field_cstring(&writer, "location", default_logs[i].location);
        hin_json_field_cstring(&writer, "format", default_logs[i].format);
        hin_json_end_object(&writer);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT ids_json(const int64_t *ids, size_t count, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_put_integer(&writer, ids[i]);
    }
    hin_json_end_array(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT store_document(struct hin_tenant *tenant, enum hin_store_kind kind,
                                 const struct hin_api_attributes *attributes,
                                 const struct hin_api_patches *patches, struct hin_view name,
                                 int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = HIN_STORE_DOCUMENT_BYTES};
    struct hin_store_content content = {.names = {name}};
    HIN_TRY(hin_api_merge(attributes, (struct hin_json){0}, (struct hin_json){0}, patches, &text));
    content.bytes = hin_buf_view(&text);
    return hin_store_create(tenant->store, kind, &content, hin_tenant_now_usec(tenant), ret_id);
}

static HIN_RESULT describe_file(struct hin_tenant *tenant, const char *name, size_t order,
                                struct hin_api_patches *patches)
{
    int64_t now_msec = hin_tenant_now_usec(tenant) / HIN_MSEC_USEC;
    HIN_TRY(hin_api_patch_text(patches, "name", hin_view_from_text(name)));
    HIN_TRY(hin_api_patch_text(patches, "identifier", hin_view_from_text(name)));
    HIN_TRY(hin_api_patch_text(patches, "type", HIN_VIEW("Defined")));
    HIN_TRY(hin_api_patch_int(patches, "lastUpdated", now_msec));
    return hin_api_patch_int(patches, "sortOrder", (int64_t)order);
}

static HIN_RESULT store_decoder(struct hin_tenant *tenant, const struct hin_log_input *file,
                                size_t order, int64_t *ret_id)
{
    struct hin_api_patches patches = {0};
    HIN_TRY(describe_file(tenant, file->name, order, &patches));
    HIN_TRY(hin_api_patch_text(&patches, "decoderXML", file->text));
    return store_document(tenant, HIN_STORE_LOG_DECODERS, &hin_api_decoder, &patches,
                          HIN_VIEW_EMPTY, ret_id);
}

static HIN_RESULT store_rule(struct hin_tenant *tenant, const char *name, size_t order,
                             struct hin_view xml, struct hin_view decoders, int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf logs = {.max = 65536};
    struct hin_api_patches patches = {0};
    HIN_TRY(log_files_json(&logs));
    HIN_TRY(describe_file(tenant, name, order, &patches));
    HIN_TRY(hin_api_patch_text(&patches, "template", HIN_VIEW("custom")));
    HIN_TRY(hin_api_patch_text(&patches, "ruleXML", xml));
    HIN_TRY(hin_api_patch_json(&patches, "logFiles", hin_buf_view(&logs)));
    HIN_TRY(hin_api_patch_json(&patches, "decoderIDs", decoders));
    return store_document(tenant, HIN_STORE_LOG_RULES, &hin_api_rule, &patches, HIN_VIEW_EMPTY,
                          ret_id);
}

static HIN_RESULT store_policy(struct hin_tenant *tenant, const int64_t *rules, size_t count,
                               int64_t *ret_id)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf ids = {.max = 65536};
    HIN_CLEANUP(hin_buf_done) struct hin_buf module = {.max = 65536};
    struct hin_api_patches patches = {0};
    HIN_TRY(ids_json(rules, count, &ids));
    HIN_TRY(hin_buf_printf(&module, "{\"state\":\"on\",\"ruleIDs\":%.*s}",
                           HIN_ARGS(hin_buf_view(&ids))));
    HIN_TRY(hin_api_patch_text(&patches, "name", HIN_VIEW("Base Policy")));
    HIN_TRY(hin_api_patch_text(&patches, "description",
                               HIN_VIEW("What every enrolled computer gets.")));
    HIN_TRY(hin_api_patch_text(&patches, "autoRequiresUpdate", HIN_VIEW("on")));
    HIN_TRY(hin_api_patch_json(&patches, "logInspection", hin_buf_view(&module)));
    return store_document(tenant, HIN_STORE_POLICIES, &hin_api_policy, &patches,
                          HIN_VIEW("Base Policy"), ret_id);
}

static HIN_RESULT store_decoders(struct hin_tenant *tenant, const struct hin_log_inputs *inputs,
                                 struct hin_buf *ids)
{
    int64_t decoders[DECODERS_MAX];
    HIN_ENSURE(inputs->decoder_count <= DECODERS_MAX, LIMIT);
    for (size_t i = 0; i < inputs->decoder_count; i++) {
        HIN_TRY(store_decoder(tenant, &inputs->decoders[i], i, &decoders[i]));
    }
    return ids_json(decoders, inputs->decoder_count, ids);
}

static HIN_RESULT store_files(struct hin_tenant *tenant, const struct hin_log_inputs *inputs,
                              int64_t *rules, struct hin_content_report *report)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf decoders = {.max = 4096};
    HIN_TRY(store_decoders(tenant, inputs, &decoders));
    for (size_t i = 0; i < inputs->rule_count; i++) {
        HIN_TRY(store_rule(tenant, inputs->rules[i].name, i, inputs->rules[i].text,
                           hin_buf_view(&decoders), &rules[i]));
    }
    report->decoder_count = inputs->decoder_count;
    report->rule_count = inputs->rule_count;
    return store_policy(tenant, rules, report->rule_count, &report->policy);
}

static HIN_RESULT store_inputs(struct hin_tenant *tenant, const struct hin_log_inputs *inputs,
                               struct hin_content_report *ret_report)
{
    struct hin_content_report report = {0};
    int64_t *rules = calloc(inputs->rule_count + 1, sizeof(*rules));
    HIN_ENSURE(rules != NULL, NO_MEMORY);
    struct hin_result stored = store_files(tenant, inputs, rules, &report);
    free(rules);
    HIN_TRY(stored);
    *ret_report = report;
    return hin_ok();
}

HIN_RESULT hin_content_store(struct hin_tenant *tenant, const char *folder,
                             struct hin_content_report *ret_report, struct hin_error *error)
{
    HIN_CLEANUP(hin_ruleset_freep) struct hin_ruleset *ruleset = NULL;
    struct hin_log_inputs none = {0};
    const struct hin_log_inputs *inputs = &none;
    if (folder != NULL) {
        HIN_TRY(hin_ruleset_read(folder, error, &ruleset));
        inputs = hin_ruleset_inputs(ruleset);
    }
    return store_inputs(tenant, inputs, ret_report);
}

/* ---- the same again for another tenant ---- */

struct shipped {
    struct hin_arena *arena;
    const char *text; /* member that holds the file */
    struct hin_log_input files[FILES_MAX];
    size_t count;
};

static struct hin_result take_shipped(void *context, const struct hin_store_document *document)
{
    struct shipped *shipped = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *parsed = NULL;
    struct hin_view type = HIN_VIEW_EMPTY, name = HIN_VIEW_EMPTY, text = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_parse(document->bytes, HIN_STORE_DOCUMENT_BYTES, &parsed, NULL));
    struct hin_json root = hin_json_root(parsed);
    HIN_TRY(hin_json_opt_text(root, "type", &type, NULL));
    if (!hin_view_is(type, "Defined")) {
        return hin_ok();
    }
    HIN_ENSURE(shipped->count < FILES_MAX, LIMIT);
    struct hin_log_input *file = &shipped->files[shipped->count++];
    HIN_TRY(hin_json_get_text(root, "name", &name, NULL));
    HIN_TRY(hin_json_get_text(root, shipped->text, &text, NULL));
    HIN_TRY(hin_arena_copy(shipped->arena, text, &file->text));
    return hin_arena_text(shipped->arena, name, &file->name);
}

static HIN_RESULT list_shipped(struct hin_tenant *from, enum hin_store_kind kind,
                               struct shipped *shipped)
{
    struct hin_store_page all = {0};
    struct hin_store_listed listed;
    return hin_store_list(from->store, kind, &all, take_shipped, shipped, &listed);
}

HIN_RESULT hin_content_copy(struct hin_tenant *from, struct hin_tenant *to, struct hin_arena *arena,
                            struct hin_content_report *ret_report)
{
    struct shipped *decoders = NULL;
    struct shipped *rules = NULL;
    HIN_TRY(HIN_ARENA_NEW(arena, &decoders));
    HIN_TRY(HIN_ARENA_NEW(arena, &rules));
    *decoders = (struct shipped){.arena = arena, .text = "decoderXML"};
    *rules = (struct shipped){.arena = arena, .text = "ruleXML"};
    HIN_TRY(list_shipped(from, HIN_STORE_LOG_DECODERS, decoders));
    HIN_TRY(list_shipped(from, HIN_STORE_LOG_RULES, rules));
    struct hin_log_inputs inputs = {
        .decoders = decoders->files,
        .decoder_count = decoders->count,
        .rules = rules->files,
        .rule_count = rules->count,
    };
    return store_inputs(to, &inputs, ret_report);
}
