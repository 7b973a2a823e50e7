#include "cli/object.h"

#include <stdio.h>

#include "base/bytes.h"

HIN_RESULT hin_cli_find(struct hin_cli_api *api, const struct hin_cli_collection *collection,
                        const char *operand, int64_t *ret_id, struct hin_error *error)
{
    if (hin_is_ok(hin_view_to_i64(hin_view_from_text(operand), ret_id))) {
        return hin_ok();
    }
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(
        hin_cli_api_call(api, HIN_HTTP_GET, collection->path, HIN_VIEW_EMPTY, &document, error));
    struct hin_json objects;
    size_t count = 0;
    size_t found = 0;
    HIN_TRY(
        hin_json_get_array(hin_json_root(document), collection->member, &objects, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_view name = HIN_VIEW_EMPTY;
        struct hin_json object = hin_json_at(objects, i);
        HIN_TRY(hin_json_opt_text(object, collection->name, &name, error));
        if (hin_view_equal_nocase(name, hin_view_from_text(operand))) {
            HIN_TRY(hin_json_get_integer(object, "ID", 1, INT64_MAX, ret_id, error));
            found++;
        }
    }
    if (found == 0) {
        return hin_error_set(error, HIN_NOT_FOUND, NULL, 0, 0, "%s: no such %s", operand,
                             collection->what);
    }
    if (found > 1) {
        return hin_error_set(error, HIN_CONFLICT, NULL, 0, 0,
                             "%s: more than one %s has this name; give the ID", operand,
                             collection->what);
    }
    return hin_ok();
}

static HIN_RESULT act(struct hin_cli_api *api, const struct hin_cli_verb *verb, const char *operand,
                      bool json, struct hin_error *error)
{
    int64_t id = 0;
    char path[128];
    HIN_TRY(hin_cli_find(api, verb->collection, operand, &id, error));
    snprintf(path, sizeof(path), "%s/%lld%s", verb->collection->path, (long long)id, verb->path);
    HIN_TRY(hin_cli_api_call(api, verb->method, path, HIN_VIEW_EMPTY, NULL, error));
    if (json && api->answer.body.size > 0) {
        hin_cli_api_print(api);
    } else if (!json) {
        printf("%s %lld %s\n", verb->collection->what, (long long)id, verb->done);
    }
    return hin_ok();
}

int hin_cli_run_verb(const struct hin_cli_verb *verb, int argc, char **argv)
{
    struct {
        bool json;
    } options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(verb->usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    for (size_t i = 0; i < count && hin_is_ok(result); i++) {
        result = act(&api, verb, operands[i], options.json, &error);
    }
    return hin_cli_finish(result, &error);
}
