/* hinomi rules import: a folder of OSSEC rules into the manager, one object a file. */
#include <stdio.h>

#include "base/bytes.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "policy/ruleset.h"

#define BODY_BYTES ((size_t)64 << 20)

struct import_options {
    bool json;
    struct hin_option_texts locations;
};

static const struct hin_option import_table[] = {
    {"location", 0, HIN_OPTION_TEXTS, offsetof(struct import_options, locations), "GLOB",
     "A file to watch while the rules are assigned (repeatable): an absolute glob, where ** "
     "crosses folders. Hosts read "
     "it only under their own log roots. Unless given: the usual log files under every log root.",
     NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct import_options, json), NULL,
     "One JSON document with the IDs: ruleIDs, decoderIDs.", NULL, false, false},
};
const struct hin_command hin_cli_rules_import_usage = {
    "hinomi rules import",
    "store a rule set in the manager, one entry a file, and print the IDs",
    "DIR",
    "DIR holds decoder.xml, rules/ and, if there, order.txt. A set with an error is refused before "
    "anything is stored.\n"
    "`hinomi policy set POLICY --rules IDS` assigns what was imported.",
    import_table,
    HIN_COUNT(import_table),
    1,
    1};

/* What is watched when nobody says: names that log daemons use, wherever a host keeps its logs. */
static const char *const usual_locations[] = {
    "/**/*.log", "/**/*_log",   "/**/syslog", "/**/messages", "/**/secure",
    "/**/cron",  "/**/maillog", "/**/auth",   "/**/daemon",   "/**/kern",
};

struct import {
    struct hin_cli_api api;
    struct hin_buf body;
    struct hin_buf decoder_ids; /* JSON array items, comma between */
    struct hin_buf rule_ids;
    size_t count;
};

static void put_locations(struct hin_json_writer *writer, const struct hin_option_texts *locations)
{
    hin_json_key(writer, "logFiles");
    hin_json_begin_object(writer);
    hin_json_key(writer, "logFiles");
    hin_json_begin_array(writer);
    size_t count = locations->count > 0 ? locations->count : HIN_COUNT(usual_locations);
    for (size_t i = 0; i < count; i++) {
        hin_json_begin_object(writer);
        hin_json_field_cstring(writer, "location",
                               locations->count > 0 ? locations->items[i] : usual_locations[i]);
        hin_json_field_cstring(writer, "format", "syslog");
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
}

/* POST the body and append the new object's ID to `ids`. */
static HIN_RESULT store(struct import *import, const char *path, struct hin_buf *ids,
                        struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_cli_api_call(&import->api, HIN_HTTP_POST, path, hin_buf_view(&import->body),
                             &document, error));
    int64_t id = 0;
    HIN_TRY(hin_json_get_integer(hin_json_root(document), "ID", 1, INT64_MAX, &id, error));
    if (ids->size > 0) {
        HIN_TRY(hin_buf_append_byte(ids, ','));
    }
    return hin_buf_append_i64(ids, id);
}

static HIN_RESULT import_decoder(struct import *import, const struct hin_log_input *file,
                                 size_t order, struct hin_error *error)
{
    struct hin_json_writer writer;
    hin_buf_clear(&import->body);
    hin_json_writer_init(&writer, &import->body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "name", file->name);
    hin_json_field_cstring(&writer, "identifier", file->name);
    hin_json_field_text(&writer, "decoderXML", file->text);
    hin_json_field_unsigned(&writer, "sortOrder", order);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return store(import, "/loginspectiondecoders", &import->decoder_ids, error);
}

static HIN_RESULT import_rule(struct import *import, const struct hin_log_input *file, size_t order,
                              const struct hin_option_texts *locations, struct hin_error *error)
{
    struct hin_json_writer writer;
    hin_buf_clear(&import->body);
    hin_json_writer_init(&writer, &import->body, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "name", file->name);
    hin_json_field_cstring(&writer, "identifier", file->name);
    hin_json_field_cstring(&writer, "template", "custom");
    hin_json_field_text(&writer, "ruleXML", file->text);
    hin_json_field_unsigned(&writer, "sortOrder", order);
    put_locations(&writer, locations);
    hin_json_key(&writer, "decoderIDs");
    hin_json_begin_array(&writer);
    if (import->decoder_ids.size > 0) {
        hin_json_put_raw(&writer, hin_buf_view(&import->decoder_ids));
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    return store(import, "/loginspectionrules", &import->rule_ids, error);
}

/* The whole set compiles here first, so that half a set is never stored for a typing error. */
static HIN_RESULT check_set(const struct hin_ruleset *set, struct hin_error *error)
{
    HIN_CLEANUP(hin_log_rules_freep) struct hin_log_rules *rules = NULL;
    HIN_TRY(hin_ruleset_load(set, NULL, &rules));
    for (size_t i = 0; i < hin_log_rules_diagnostic_count(rules); i++) {
        const struct hin_log_diagnostic *d = hin_log_rules_diagnostic(rules, i);
        if (d->severity == HIN_LOG_RULES_ERROR) {
            return hin_error_set(error, HIN_SYNTAX, d->file, d->line, d->column,
                                 "%s; nothing was imported", d->text);
        }
    }
    return hin_ok();
}

static HIN_RESULT import_set(struct import *import, const char *folder,
                             const struct import_options *options, struct hin_error *error)
{
    HIN_CLEANUP(hin_ruleset_freep) struct hin_ruleset *set = NULL;
    HIN_TRY(hin_ruleset_read(folder, error, &set));
    HIN_TRY(check_set(set, error));
    HIN_TRY(hin_cli_api_open(&import->api, error));
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    for (size_t i = 0; i < inputs->decoder_count; i++) {
        HIN_TRY(import_decoder(import, &inputs->decoders[i], i, error));
    }
    for (size_t i = 0; i < inputs->rule_count; i++) {
        HIN_TRY(import_rule(import, &inputs->rules[i], i, &options->locations, error));
    }
    import->count = inputs->rule_count;
    return hin_ok();
}

static void print_ids(const struct import *import, bool json)
{
    struct hin_view rules = hin_buf_view(&import->rule_ids);
    struct hin_view decoders = hin_buf_view(&import->decoder_ids);
    if (json) {
        printf("{\"ruleIDs\":[%.*s],\"decoderIDs\":[%.*s]}\n", HIN_ARGS(rules), HIN_ARGS(decoders));
        return;
    }
    printf("%zu rule files stored. Rules: %.*s. Decoders: %.*s.\n", import->count, HIN_ARGS(rules),
           HIN_ARGS(decoders));
}

static void import_done(struct import *import)
{
    hin_cli_api_done(&import->api);
    hin_buf_done(&import->body);
    hin_buf_done(&import->decoder_ids);
    hin_buf_done(&import->rule_ids);
}

int hin_cli_rules_import(int argc, char **argv)
{
    struct import_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&hin_cli_rules_import_usage, argc, argv, &options, &operands, &count,
                       &status)) {
        return status;
    }
    HIN_CLEANUP(import_done) struct import import = {0};
    hin_buf_init(&import.body, BODY_BYTES);
    hin_buf_init(&import.decoder_ids, (size_t)1 << 20);
    hin_buf_init(&import.rule_ids, (size_t)1 << 20);
    struct hin_error error = {0};
    struct hin_result result = import_set(&import, operands[0], &options, &error);
    if (hin_is_ok(result)) {
        print_ids(&import, options.json);
    }
    return hin_cli_finish(result, &error);
}
