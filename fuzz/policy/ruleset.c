/* A folder with rules: the input's parts, separated by NUL, are the files named below. A part that
 * is missing or empty is a file that is not there, "/" a folder in its place. What was read must be
 * what was written, in the order that is promised; a name in order.txt must never lead outside the
 * folder; a set that loads must load again from its cache. */
#include "policy/ruleset.h"

#include <string.h>

#include "../scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum part {
    ORDER,
    DECODER,
    RULES_A,
    DECODERS_B,
    RULES_CONFIG,
    RULES_0,
    LIST,
    CRAWLERS,
    CACHE,
    PART_COUNT
};

static const char *const names[PART_COUNT] = {
    [ORDER] = "set/order.txt",
    [DECODER] = "set/decoder.xml",
    [RULES_A] = "set/rules/a.xml",
    [DECODERS_B] = "set/decoders/b.xml",
    [RULES_CONFIG] = "set/rules/rules_config.xml",
    [RULES_0] = "set/rules/0.xml",
    [LIST] = "set/lists/known",
    [CRAWLERS] = "set/crawlers.txt",
    [CACHE] = "cache",
};

static void path_of(char out[HIN_PATH_MAX], const char *name)
{
    scratch_require(hin_is_ok(hin_path_join(out, HIN_PATH_MAX, scratch_folder(), name)));
}

static void folder_make(const char *name)
{
    char path[HIN_PATH_MAX];
    path_of(path, name);
    scratch_require(hin_is_ok(hin_directory_make(path, 0700)));
}

static void write_parts(const struct hin_view *parts)
{
    static const char *const old[] = {"set", "cache"};
    char path[HIN_PATH_MAX];
    for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
        path_of(path, old[i]);
        scratch_require(hin_is_ok(hin_directory_remove(path)));
    }
    scratch_write("outside.xml", HIN_VIEW("secret"), 0600);
    folder_make("set");
    for (size_t i = 0; i < PART_COUNT; i++) {
        char folder[64];
        size_t size = (size_t)(hin_path_base(names[i]) - names[i]);
        scratch_require(
            hin_is_ok(hin_view_to_text(hin_view_of(names[i], size), folder, sizeof(folder))));
        if (parts[i].size > 0 && size > 0) {
            folder_make(folder);
        }
        if (hin_view_is(parts[i], "/")) {
            folder_make(names[i]);
        } else if (parts[i].size > 0) {
            scratch_write(names[i], parts[i], 0600);
        }
    }
}

/* These files and no others, in this order; those that are not there are left out. */
static void must_be(const struct hin_log_input *inputs, size_t count, const struct hin_view *parts,
                    const enum part *order, size_t order_count)
{
    size_t at = 0;
    for (size_t i = 0; i < order_count; i++) {
        if (parts[order[i]].size > 0) {
            scratch_require(at < count && hin_view_equal(inputs[at].text, parts[order[i]]));
            scratch_require(
                strcmp(hin_path_base(inputs[at].name), hin_path_base(names[order[i]])) == 0);
            at++;
        }
    }
    scratch_require(at == count);
}

static void check_inputs(const struct hin_ruleset *set, const struct hin_view *parts)
{
    static const enum part decoders[] = {DECODER, DECODERS_B}, lists[] = {LIST},
                           rules[] = {RULES_CONFIG, RULES_0, RULES_A};
    const struct hin_log_inputs *inputs = hin_ruleset_inputs(set);
    must_be(inputs->decoders, inputs->decoder_count, parts, decoders, 2);
    must_be(inputs->lists, inputs->list_count, parts, lists, 1);
    scratch_require(hin_view_equal(inputs->crawlers, parts[CRAWLERS]));
    scratch_require(hin_ruleset_in_order(set) == (parts[ORDER].size > 0));
    if (!hin_ruleset_in_order(set)) {
        must_be(inputs->rules, inputs->rule_count, parts, rules, 3);
    }
    for (size_t i = 0; i < inputs->rule_count; i++) {
        scratch_require(!hin_view_is(inputs->rules[i].text, "secret"));
    }
}

/* keeps: a cache may be written, for there is no folder in its place. */
static void check_load(const struct hin_ruleset *set, bool keeps)
{
    HIN_CLEANUP(hin_log_rules_freep) struct hin_log_rules *first = NULL, *again = NULL;
    char cache[HIN_PATH_MAX];
    path_of(cache, "cache");
    if (!hin_is_ok(hin_ruleset_load(set, cache, &first))) {
        scratch_require(!hin_is_ok(hin_ruleset_load(set, NULL, &again)));
        return;
    }
    scratch_require(!hin_log_rules_cache_used(first)); /* the input cannot know the set's digest */
    scratch_require(hin_is_ok(hin_ruleset_load(set, cache, &again)) &&
                    hin_log_rules_cache_used(again) == keeps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HIN_CLEANUP(hin_ruleset_freep) struct hin_ruleset *set = NULL;
    struct hin_error error = {0};
    struct hin_view rest = hin_view_of(data, size), parts[PART_COUNT] = {0};
    char folder[HIN_PATH_MAX];
    if (size > 8192 || hin_view_find(rest, HIN_VIEW("secret")) != SIZE_MAX) {
        return 0;
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        (void)hin_view_split(&rest, '\0', &parts[i]);
    }
    write_parts(parts);
    path_of(folder, "set");
    if (!hin_is_ok(hin_ruleset_read(folder, &error, &set))) {
        scratch_require(error.text[0] != '\0');
        return 0;
    }
    check_inputs(set, parts);
    check_load(set, !hin_view_is(parts[CACHE], "/"));
    return 0;
}
