#include "policy/ruleset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/path.h"

#define TOTAL_MAX_BYTES ((size_t)256 << 20)
#define CACHE_MAX_BYTES ((size_t)256 << 20)

struct hin_ruleset {
    struct hin_arena arena;
    struct hin_log_inputs inputs;
    bool in_order;
    struct hin_log_input decoders[HIN_RULESET_FILES_MAX];
    struct hin_log_input rules[HIN_RULESET_FILES_MAX];
    struct hin_log_input lists[HIN_RULESET_FILES_MAX];
};

static HIN_RESULT read_text(struct hin_ruleset *set, const char *folder, const char *name,
                            struct hin_error *error, struct hin_view *ret_text)
{
    char path[HIN_PATH_MAX];
    struct hin_buf buf HIN_CLEANUP(hin_buf_done) = {0};
    hin_buf_init(&buf, HIN_RULESET_FILE_MAX_BYTES);
    HIN_TRY(hin_path_join(path, sizeof(path), folder, name));
    struct hin_result result = hin_file_read(AT_FDCWD, path, &buf);
    if (!hin_is_ok(result)) {
        return hin_error_set(error, result.code, path, 0, 0, "cannot be read: %s",
                             hin_code_text(result.code));
    }
    return hin_arena_copy(&set->arena, hin_buf_view(&buf), ret_text);
}

static HIN_RESULT add(struct hin_ruleset *set, const char *folder, const char *file,
                      const char *name, struct hin_log_input *list, size_t *count,
                      struct hin_error *error)
{
    if (*count == HIN_RULESET_FILES_MAX) {
        return hin_error_set(error, HIN_LIMIT, folder, 0, 0, "more than %d files",
                             HIN_RULESET_FILES_MAX);
    }
    struct hin_log_input *input = &list[*count];
    HIN_TRY(read_text(set, folder, file, error, &input->text));
    HIN_TRY(hin_arena_text(&set->arena, hin_view_from_text(name), &input->name));
    (*count)++;
    return hin_ok();
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_xml(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 4 && strcmp(entry->d_name + size - 4, ".xml") == 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

/* Every file of a subfolder that passes the filter, by name; `first` before all. */
static HIN_RESULT add_folder(struct hin_ruleset *set, const char *folder, const char *sub,
                             int (*filter)(const struct dirent *), const char *first,
                             const char *prefix, struct hin_log_input *list, size_t *count,
                             struct hin_error *error)
{
    char path[HIN_PATH_MAX], name[HIN_PATH_MAX];
    struct dirent **entries = NULL;
    HIN_TRY(hin_path_join(path, sizeof(path), folder, sub));
    int found = scandir(path, &entries, filter, by_name);
    if (found < 0) {
        return errno == ENOENT ? hin_fail(HIN_NOT_FOUND)
                               : hin_error_set(error, hin_code_from_errno(errno), path, 0, 0,
                                               "cannot be listed");
    }
    struct hin_result result = hin_ok();
    for (int pass = 0; pass < 2 && hin_is_ok(result); pass++) {
        for (int i = 0; i < found && hin_is_ok(result); i++) {
            bool leads = first != NULL && strcmp(entries[i]->d_name, first) == 0;
            if (leads == (pass == 0)) {
                snprintf(name, sizeof(name), "%s%s", prefix, entries[i]->d_name);
                result = add(set, path, entries[i]->d_name, name, list, count, error);
            }
        }
    }
    free_entries(entries, found);
    return result;
}

static HIN_RESULT read_decoders(struct hin_ruleset *set, const char *folder,
                                struct hin_error *error)
{
    size_t *count = &set->inputs.decoder_count;
    struct hin_result one =
        add(set, folder, "decoder.xml", "decoder.xml", set->decoders, count, error);
    if (!hin_is_ok(one) && one.code != HIN_NOT_FOUND) {
        return one;
    }
    struct hin_result more =
        add_folder(set, folder, "decoders", is_xml, NULL, "decoders/", set->decoders, count, error);
    if (!hin_is_ok(more) && more.code != HIN_NOT_FOUND) {
        return more;
    }
    if (*count == 0) {
        return hin_error_set(error, HIN_NOT_FOUND, folder, 0, 0,
                             "holds neither decoder.xml nor decoders/: it is no rule set");
    }
    return hin_ok();
}

static HIN_RESULT read_in_order(struct hin_ruleset *set, const char *folder, struct hin_view order,
                                struct hin_error *error)
{
    char rules[HIN_PATH_MAX], name[256];
    HIN_TRY(hin_path_join(rules, sizeof(rules), folder, "rules"));
    for (size_t i = 0; i < order.size;) {
        size_t end = i;
        while (end < order.size && order.data[end] > ' ') {
            end++;
        }
        if (end > i) {
            struct hin_view word = hin_view_sub(order, i, end - i);
            if (!hin_is_ok(hin_view_to_text(word, name, sizeof(name))) ||
                strchr(name, '/') != NULL) {
                return hin_error_set(error, HIN_INVALID, "order.txt", 0, 0,
                                     "'%.*s' is no file name", HIN_ARGS(word));
            }
            HIN_TRY(add(set, rules, name, name, set->rules, &set->inputs.rule_count, error));
        }
        i = end + 1;
    }
    set->in_order = true;
    return hin_ok();
}

static HIN_RESULT read_rules(struct hin_ruleset *set, const char *folder, struct hin_error *error)
{
    struct hin_view order = HIN_VIEW_EMPTY;
    struct hin_result result = read_text(set, folder, "order.txt", NULL, &order);
    if (hin_is_ok(result)) {
        return read_in_order(set, folder, order, error);
    }
    if (result.code != HIN_NOT_FOUND) {
        return hin_error_set(error, result.code, "order.txt", 0, 0, "cannot be read");
    }
    result = add_folder(set, folder, "rules", is_xml, "rules_config.xml", "", set->rules,
                        &set->inputs.rule_count, error);
    if (result.code == HIN_NOT_FOUND) {
        return hin_error_set(error, HIN_NOT_FOUND, folder, 0, 0, "holds no folder rules/");
    }
    return result;
}

static HIN_RESULT read_all(struct hin_ruleset *set, const char *folder, struct hin_error *error)
{
    HIN_TRY(read_decoders(set, folder, error));
    HIN_TRY(read_rules(set, folder, error));
    struct hin_result lists = add_folder(set, folder, "lists", is_visible, NULL, "lists/",
                                         set->lists, &set->inputs.list_count, error);
    if (!hin_is_ok(lists) && lists.code != HIN_NOT_FOUND) {
        return lists;
    }
    struct hin_result crawlers =
        read_text(set, folder, "crawlers.txt", NULL, &set->inputs.crawlers);
    if (!hin_is_ok(crawlers) && crawlers.code != HIN_NOT_FOUND) {
        return hin_error_set(error, crawlers.code, "crawlers.txt", 0, 0, "cannot be read");
    }
    set->inputs.decoders = set->decoders;
    set->inputs.rules = set->rules;
    set->inputs.lists = set->lists;
    return hin_ok();
}

HIN_RESULT hin_ruleset_read(const char *folder, struct hin_error *error,
                            struct hin_ruleset **ret_ruleset)
{
    struct hin_ruleset *set = calloc(1, sizeof(*set));
    HIN_ENSURE(set != NULL, NO_MEMORY);
    hin_arena_init(&set->arena, TOTAL_MAX_BYTES);
    struct hin_result result = read_all(set, folder, error);
    if (!hin_is_ok(result)) {
        hin_ruleset_free(set);
        return result;
    }
    *ret_ruleset = set;
    return hin_ok();
}

void hin_ruleset_free(struct hin_ruleset *ruleset)
{
    if (ruleset != NULL) {
        hin_arena_done(&ruleset->arena);
        free(ruleset);
    }
}

void hin_ruleset_freep(struct hin_ruleset **ruleset)
{
    hin_ruleset_free(*ruleset);
    *ruleset = NULL;
}

const struct hin_log_inputs *hin_ruleset_inputs(const struct hin_ruleset *ruleset)
{
    return &ruleset->inputs;
}

bool hin_ruleset_in_order(const struct hin_ruleset *ruleset)
{
    return ruleset->in_order;
}

HIN_RESULT hin_ruleset_load(const struct hin_ruleset *ruleset, const char *cache_path,
                            struct hin_log_rules **ret_rules)
{
    struct hin_buf cache HIN_CLEANUP(hin_buf_done) = {0};
    hin_buf_init(&cache, CACHE_MAX_BYTES);
    struct hin_log_load_options options = {.in_order = ruleset->in_order};
    if (cache_path != NULL && hin_is_ok(hin_file_read(AT_FDCWD, cache_path, &cache))) {
        options.cache = hin_buf_view(&cache);
    }
    HIN_TRY(hin_log_rules_load(&ruleset->inputs, &options, ret_rules));
    if (cache_path != NULL && !hin_log_rules_cache_used(*ret_rules)) {
        hin_buf_clear(&cache);
        if (hin_is_ok(hin_log_rules_cache_save(*ret_rules, &cache))) {
            /* without a cache the next load is slower, nothing else */
            HIN_IGNORE(hin_file_replace(AT_FDCWD, cache_path, hin_buf_view(&cache), 0600));
        }
    }
    return hin_ok();
}
