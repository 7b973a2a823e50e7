/* Loading a rule set: files in, one immutable object out. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "engine/log/internal.h"

#define ARENA_MAX_BYTES ((size_t)512 << 20)
#define DIAGNOSTICS_MAX 1000
#define CACHE_MAGIC     UINT64_C(0x314552554c4e4948) /* "HINLURE1" */
#define CACHE_VERSION   1
#define CACHE_MAX_BYTES ((size_t)256 << 20)
#define ENGINE_VERSION  1 /* of what the literals are taken from: raise it when that changes */

static const struct hin_log_dialect *const dialects[HIN_LOG_DIALECT_COUNT] = {
    [HIN_LOG_DIALECT_OSSEC] = &hin_log_dialect_ossec,
};

HIN_RESULT hin_log_diagnose(struct hin_log_rules *rules, enum hin_log_severity severity,
                            const struct hin_error *error)
{
    if (severity == HIN_LOG_RULES_ERROR) {
        rules->error_count++;
    }
    if (rules->diagnostic_count >= DIAGNOSTICS_MAX) {
        return hin_ok();
    }
    if (rules->diagnostics == NULL) {
        HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, DIAGNOSTICS_MAX, &rules->diagnostics));
    }
    struct hin_log_diagnostic *d = &rules->diagnostics[rules->diagnostic_count];
    d->severity = severity;
    d->line = error->line;
    d->column = error->column;
    HIN_TRY(hin_arena_text(&rules->arena, hin_view_from_text(error->file), &d->file));
    HIN_TRY(hin_arena_text(&rules->arena, hin_view_from_text(error->text), &d->text));
    rules->diagnostic_count++;
    return hin_ok();
}

/* Wrong input is said and left out; anything else ends the load. */
static HIN_RESULT refuse(struct hin_log_rules *rules, struct rule_file *file,
                         struct hin_result result, struct hin_error *error)
{
    bool input = result.code == HIN_SYNTAX || result.code == HIN_NOT_FOUND ||
                 result.code == HIN_EXISTS || result.code == HIN_UNSUPPORTED ||
                 result.code == HIN_INVALID;
    if (!input) {
        return result;
    }
    if (error->text[0] == '\0') {
        HIN_IGNORE(hin_error_set(error, result.code, NULL, 0, 0, "%s", hin_code_text(result.code)));
    }
    if (error->file[0] == '\0') {
        snprintf(error->file, sizeof(error->file), "%s", file->name);
    }
    file->refused = true;
    return hin_log_diagnose(rules, HIN_LOG_RULES_ERROR, error);
}

static HIN_RESULT copy_files(struct hin_log_rules *rules, const struct hin_log_input *inputs,
                             size_t count, struct rule_file **ret_files)
{
    HIN_TRY(HIN_ARENA_ARRAY(&rules->arena, HIN_MAX(count, (size_t)1), ret_files));
    for (size_t i = 0; i < count; i++) {
        HIN_TRY(hin_arena_text(&rules->arena, hin_view_from_text(inputs[i].name),
                               &(*ret_files)[i].name));
    }
    return hin_ok();
}

typedef HIN_RESULT (*read_file)(struct hin_log_rules *rules, struct rule_file *file,
                                struct hin_error *error);
typedef HIN_RESULT (*link_files)(struct hin_log_rules *rules, struct hin_error *error,
                                 struct rule_file **ret_file);

/* A file that holds nothing is no error, but hardly what somebody wanted. */
static HIN_RESULT warn_empty(struct hin_log_rules *rules, const struct rule_file *file)
{
    struct hin_error error = {HIN_OK};
    struct hin_result said =
        hin_error_set(&error, HIN_SYNTAX, file->name, 1, 1,
                      "there is no rule and no decoder in this file: it changes nothing");
    (void)said; /* only the sentence is wanted */
    return hin_log_diagnose(rules, HIN_LOG_RULES_WARNING, &error);
}

/* Read all files, then link what is left until nothing more has to be refused. */
static HIN_RESULT load_files(struct hin_log_rules *rules, const struct hin_log_input *inputs,
                             struct rule_file *files, size_t count, read_file read, link_files link)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_error error = {HIN_OK};
        struct hin_result result =
            hin_xml_parse(&rules->arena, files[i].name, inputs[i].text, &error, &files[i].roots);
        if (hin_is_ok(result)) {
            result = read(rules, &files[i], &error);
        }
        if (!hin_is_ok(result)) {
            HIN_TRY(refuse(rules, &files[i], result, &error));
        } else if (files[i].rule_count == 0 && files[i].decoder_count == 0) {
            HIN_TRY(warn_empty(rules, &files[i]));
        }
    }
    for (;;) {
        struct hin_error error = {HIN_OK};
        struct rule_file *guilty = NULL;
        struct hin_result result = link(rules, &error, &guilty);
        if (hin_is_ok(result) || guilty == NULL) {
            return result;
        }
        HIN_TRY(refuse(rules, guilty, result, &error));
    }
}

static HIN_RESULT load_lists(struct hin_log_rules *rules, const struct hin_log_inputs *inputs)
{
    for (size_t i = 0; i < inputs->list_count; i++) {
        struct hin_map *map = NULL;
        HIN_TRY(HIN_ARENA_NEW(&rules->arena, &map));
        HIN_TRY(hin_map_init(map, 1U << 22));
        struct hin_result result =
            hin_map_put(&rules->lists, hin_view_from_text(inputs->lists[i].name), map);
        if (!hin_is_ok(result)) {
            hin_map_done(map);
            return result;
        }
        HIN_TRY(hin_log_list_parse(&rules->arena, inputs->lists[i].text, map));
    }
    if (inputs->crawlers.size > 0) {
        HIN_TRY(hin_ipset_parse(inputs->crawlers, NULL, &rules->crawlers));
    }
    return hin_ok();
}

/* ---- cache --------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t seed, struct hin_view bytes)
{
    uint64_t key[2] = {seed, bytes.size};
    return hin_siphash(key, bytes);
}

static uint64_t fingerprint(const struct hin_log_inputs *inputs,
                            const struct hin_log_load_options *options)
{
    uint64_t sum = mix(ENGINE_VERSION, HIN_VIEW("log rules"));
    sum = mix(sum + (uint64_t)options->dialect * 2 + options->in_order, HIN_VIEW("options"));
    const struct {
        const struct hin_log_input *inputs;
        size_t count;
    } all[] = {{inputs->decoders, inputs->decoder_count},
               {inputs->rules, inputs->rule_count},
               {inputs->lists, inputs->list_count}};
    for (size_t i = 0; i < HIN_COUNT(all); i++) {
        for (size_t k = 0; k < all[i].count; k++) {
            sum = mix(sum + i, hin_view_from_text(all[i].inputs[k].name));
            sum = mix(sum, all[i].inputs[k].text);
        }
    }
    return mix(sum, inputs->crawlers);
}

HIN_RESULT hin_log_rules_cache_save(const struct hin_log_rules *rules, struct hin_buf *buf)
{
    struct hin_buf image HIN_CLEANUP(hin_buf_done) = {0};
    hin_buf_init(&image, CACHE_MAX_BYTES);
    HIN_TRY(hin_prefilter_save(rules->prefilter, &image));
    HIN_TRY(hin_write_u64(buf, CACHE_MAGIC));
    HIN_TRY(hin_write_u32(buf, CACHE_VERSION));
    HIN_TRY(hin_write_u64(buf, rules->fingerprint));
    HIN_TRY(hin_write_u64(buf, image.size));
    HIN_TRY(hin_write_u32(buf, hin_crc32c(0, hin_buf_view(&image))));
    return hin_buf_append(buf, hin_buf_view(&image));
}

static HIN_RESULT cache_load(struct hin_log_rules *rules, struct hin_view image)
{
    struct hin_reader reader = hin_reader_of(image);
    uint64_t magic = 0, print = 0, size = 0;
    uint32_t version = 0, crc = 0;
    struct hin_view database = HIN_VIEW_EMPTY;
    HIN_TRY(hin_read_u64(&reader, &magic));
    HIN_TRY(hin_read_u32(&reader, &version));
    HIN_TRY(hin_read_u64(&reader, &print));
    HIN_TRY(hin_read_u64(&reader, &size));
    HIN_TRY(hin_read_u32(&reader, &crc));
    HIN_ENSURE(magic == CACHE_MAGIC && version == CACHE_VERSION, UNSUPPORTED);
    HIN_ENSURE(print == rules->fingerprint, CONFLICT);
    HIN_ENSURE(size <= CACHE_MAX_BYTES, LIMIT);
    HIN_TRY(hin_read_exact(&reader, (size_t)size, &database));
    HIN_TRY(hin_read_end(&reader));
    HIN_ENSURE(hin_crc32c(0, database) == crc, CORRUPT);
    return hin_prefilter_load(database, (const struct hin_pattern *const *)rules->patterns,
                              rules->pattern_count, &rules->prefilter);
}

static HIN_RESULT make_prefilter(struct hin_log_rules *rules, struct hin_view cache)
{
    if (cache.size > 0 && hin_is_ok(cache_load(rules, cache))) {
        rules->cache_used = true;
        return hin_ok();
    }
    return hin_prefilter_new((const struct hin_pattern *const *)rules->patterns,
                             rules->pattern_count, &rules->prefilter);
}

/* ---- the object ---------------------------------------------------------------------------- */

static HIN_RESULT load(struct hin_log_rules *rules, const struct hin_log_inputs *inputs,
                       const struct hin_log_load_options *options)
{
    rules->decoder_file_count = inputs->decoder_count;
    rules->file_count = inputs->rule_count;
    HIN_TRY(hin_map_init(&rules->pattern_ids, 1U << 20));
    HIN_TRY(hin_map_init(&rules->decoder_ids, UINT16_MAX));
    HIN_TRY(hin_map_init(&rules->rule_ids, 1U << 20));
    HIN_TRY(hin_map_init(&rules->lists, 4096));
    HIN_TRY(copy_files(rules, inputs->decoders, inputs->decoder_count, &rules->decoder_files));
    HIN_TRY(copy_files(rules, inputs->rules, inputs->rule_count, &rules->files));
    HIN_TRY(load_lists(rules, inputs));
    HIN_TRY(load_files(rules, inputs->decoders, rules->decoder_files, inputs->decoder_count,
                       hin_log_decoder_file_read, hin_log_decoders_link));
    HIN_TRY(load_files(rules, inputs->rules, rules->files, inputs->rule_count,
                       hin_log_rule_file_read, hin_log_rules_link));
    rules->fingerprint = fingerprint(inputs, options);
    HIN_TRY(make_prefilter(rules, options->cache));
    return hin_log_rules_flatten(rules);
}

HIN_RESULT hin_log_rules_load(const struct hin_log_inputs *inputs,
                              const struct hin_log_load_options *options,
                              struct hin_log_rules **ret_rules)
{
    static const struct hin_log_load_options usual = {0};
    options = options != NULL ? options : &usual;
    HIN_ENSURE(options->dialect < HIN_LOG_DIALECT_COUNT, INVALID);
    struct hin_log_rules *rules = calloc(1, sizeof(*rules));
    HIN_ENSURE(rules != NULL, NO_MEMORY);
    hin_arena_init(&rules->arena, ARENA_MAX_BYTES);
    rules->dialect = dialects[options->dialect];
    rules->in_order = options->in_order;
    struct hin_result result = load(rules, inputs, options);
    if (!hin_is_ok(result)) {
        hin_log_rules_free(rules);
        return result;
    }
    *ret_rules = rules;
    return hin_ok();
}

HIN_RESULT hin_log_rules_check(const struct hin_log_input *file, bool decoders,
                               struct hin_error *error)
{
    struct hin_log_rules *rules HIN_CLEANUP(hin_log_rules_freep) = calloc(1, sizeof(*rules));
    HIN_ENSURE(rules != NULL, NO_MEMORY);
    hin_arena_init(&rules->arena, ARENA_MAX_BYTES);
    rules->dialect = dialects[HIN_LOG_DIALECT_OSSEC];
    rules->alone = true;
    HIN_TRY(hin_map_init(&rules->pattern_ids, 1U << 20));
    HIN_TRY(hin_map_init(&rules->decoder_ids, UINT16_MAX));
    HIN_TRY(hin_map_init(&rules->rule_ids, 1U << 20));
    HIN_TRY(hin_map_init(&rules->lists, 4096));
    HIN_TRY(copy_files(rules, file, 1, &rules->files));
    rules->file_count = 1;
    struct rule_file *it = &rules->files[0];
    HIN_TRY(hin_xml_parse(&rules->arena, it->name, file->text, error, &it->roots));
    HIN_TRY(decoders ? hin_log_decoder_file_read(rules, it, error)
                     : hin_log_rule_file_read(rules, it, error));
    if (it->rule_count == 0 && it->decoder_count == 0) {
        return hin_error_set(error, HIN_SYNTAX, it->name, 1, 1, "there is no %s in it",
                             decoders ? "decoder" : "rule");
    }
    return hin_ok();
}

void hin_log_rules_free(struct hin_log_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t f = 0; rules->files != NULL && f < rules->file_count; f++) {
        for (uint32_t i = 0; i < rules->files[f].rule_capacity; i++) {
            hin_ipset_free(rules->files[f].rules[i].srcip);
            hin_ipset_free(rules->files[f].rules[i].dstip);
        }
    }
    size_t at = 0;
    struct hin_view name = HIN_VIEW_EMPTY;
    void *map = NULL;
    while (rules->lists.capacity > 0 && hin_map_next(&rules->lists, &at, &name, &map)) {
        hin_map_done(map);
    }
    hin_map_done(&rules->lists);
    hin_map_done(&rules->pattern_ids);
    hin_map_done(&rules->decoder_ids);
    hin_map_done(&rules->rule_ids);
    hin_ipset_free(rules->crawlers);
    hin_prefilter_free(rules->prefilter);
    for (uint32_t i = 0; i < rules->pattern_count; i++) {
        hin_pattern_free(rules->patterns[i]);
    }
    free(rules->patterns);
    hin_arena_done(&rules->arena);
    free(rules);
}

void hin_log_rules_freep(struct hin_log_rules **rules)
{
    hin_log_rules_free(*rules);
    *rules = NULL;
}

size_t hin_log_rules_error_count(const struct hin_log_rules *rules)
{
    return rules->error_count;
}

size_t hin_log_rules_diagnostic_count(const struct hin_log_rules *rules)
{
    return rules->diagnostic_count;
}

const struct hin_log_diagnostic *hin_log_rules_diagnostic(const struct hin_log_rules *rules,
                                                          size_t index)
{
    return index < rules->diagnostic_count ? &rules->diagnostics[index] : NULL;
}

static bool file_taken(const struct rule_file *files, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return !files[i].refused;
        }
    }
    return false;
}

bool hin_log_rules_file_loaded(const struct hin_log_rules *rules, const char *name)
{
    return file_taken(rules->files, rules->file_count, name) ||
           file_taken(rules->decoder_files, rules->decoder_file_count, name);
}

bool hin_log_rules_cache_used(const struct hin_log_rules *rules)
{
    return rules->cache_used;
}

HIN_RESULT hin_log_rules_prepare(const struct hin_log_rules *rules)
{
    return hin_pattern_prepare_all((const struct hin_pattern *const *)rules->patterns,
                                   rules->pattern_count);
}

void hin_log_rules_stats(const struct hin_log_rules *rules, struct hin_log_rules_stats *ret_stats)
{
    struct hin_prefilter_stats literals = {0};
    hin_prefilter_stats(rules->prefilter, &literals);
    *ret_stats = (struct hin_log_rules_stats){
        .decoder_count = rules->decoder_count,
        .rule_count = rules->rule_count,
        .node_count = rules->node_count,
        .pattern_count = rules->pattern_count,
        .literal_count = literals.literal_count,
        .always_count = literals.always_count,
        .memory_bytes = rules->arena.used + literals.database_bytes,
    };
}

size_t hin_log_rules_count(const struct hin_log_rules *rules)
{
    return rules->rule_count;
}

const struct hin_log_rule_info *hin_log_rules_at(const struct hin_log_rules *rules, size_t index)
{
    return index < rules->rule_count ? &rules->rules[index]->info : NULL;
}

const struct hin_log_rule_info *hin_log_rules_find(const struct hin_log_rules *rules, uint32_t id)
{
    char key[16];
    int size = snprintf(key, sizeof(key), "%u", id);
    const struct rule *rule = hin_map_get(&rules->rule_ids, hin_view_of(key, (size_t)size));
    return rule != NULL ? &rule->info : NULL;
}

const char *hin_log_field_name(enum hin_log_field field)
{
    static const char *const names[HIN_LOG_FIELD_COUNT] = {
        [HIN_LOG_SRCIP] = "srcip",
        [HIN_LOG_DSTIP] = "dstip",
        [HIN_LOG_SRCPORT] = "srcport",
        [HIN_LOG_DSTPORT] = "dstport",
        [HIN_LOG_SRCUSER] = "srcuser",
        [HIN_LOG_DSTUSER] = "dstuser",
        [HIN_LOG_PROTOCOL] = "protocol",
        [HIN_LOG_ACTION] = "action",
        [HIN_LOG_ID] = "id",
        [HIN_LOG_URL] = "url",
        [HIN_LOG_DATA] = "extra_data",
        [HIN_LOG_STATUS] = "status",
        [HIN_LOG_SYSTEM_NAME] = "system_name",
        [HIN_LOG_FILENAME] = "filename",
    };
    return field < HIN_LOG_FIELD_COUNT ? names[field] : "unknown";
}
