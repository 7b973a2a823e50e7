/* First byte: a table of the API. The rest, up to a NUL: what is stored; behind it: the body of a
 * request. A body that passes is merged and given out; both must be JSON, and what was given out
 * must be taken back. A SearchFilter is tried on the stored object, whatever that is. */
#include <stdint.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "manager/worker/api/document.h"
#include "manager/worker/api/filter.h"
#include "manager/worker/api/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hin_api_attributes *const tables[] = {
    &hin_api_computer, &hin_api_apikey,        &hin_api_administrator,   &hin_api_rule,
    &hin_api_decoder,  &hin_api_policy,        &hin_api_enrolment_token, &hin_api_session,
    &hin_api_id_list,  &hin_api_search_filter,
};

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_store(const struct hin_api_attributes *table, struct hin_json stored,
                        struct hin_json body)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf merged = {.max = 1 << 22}, given = {.max = 1 << 23};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *out = NULL;
    struct hin_json_writer writer;
    struct hin_api_patches patches = {0};
    must(hin_is_ok(hin_api_patch_text(&patches, "name", HIN_VIEW("set \xff by us"))) &&
         hin_is_ok(hin_api_patch_int(&patches, "ID", 9)) &&
         hin_is_ok(hin_api_patch_bool(&patches, "active", true)) &&
         hin_is_ok(hin_api_patch_json(&patches, "logInspection", HIN_VIEW("{}"))) &&
         hin_is_ok(hin_api_patch_none(&patches, "description")));
    must(hin_is_ok(hin_api_merge(table, stored, body, &patches, &merged)));
    must(hin_is_ok(hin_json_parse(hin_buf_view(&merged), 1 << 22, &document, NULL)));
    hin_json_writer_init(&writer, &given, false);
    hin_api_render(table, hin_json_root(document), 7, &patches, &writer);
    must(hin_is_ok(hin_json_writer_finish(&writer)));
    must(hin_is_ok(hin_json_parse(hin_buf_view(&given), 1 << 23, &out, NULL)));
    hin_buf_done(&given);
}

static void check_filter(struct hin_json body, struct hin_json stored)
{
    static struct hin_api_filter filter;
    struct hin_error error = {0};
    filter = (struct hin_api_filter){0};
    if (hin_is_ok(hin_api_filter_parse(body, &filter, &error))) {
        must(filter.count <= HIN_API_CRITERIA_MAX);
        (void)hin_api_filter_matches(&filter, stored, 7);
    } else {
        must(error.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 65536) {
        return 0;
    }
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *stored = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *body = NULL;
    const struct hin_api_attributes *table = tables[data[0] % HIN_COUNT(tables)];
    struct hin_view rest = hin_view_of(data + 1, size - 1);
    size_t cut = HIN_MIN(hin_view_find_byte(rest, 0), rest.size);
    struct hin_error error = {0};
    struct hin_json before = {0};
    if (hin_is_ok(hin_json_parse(hin_view_sub(rest, 0, cut), size, &stored, NULL))) {
        before = hin_json_root(stored);
    }
    if (!hin_is_ok(hin_json_parse(hin_view_sub(rest, cut + 1, SIZE_MAX), size, &body, NULL))) {
        return 0;
    }
    bool creating = hin_json_type_of(before) != HIN_JSON_OBJECT;
    struct hin_json root = hin_json_root(body);
    if (!hin_is_ok(hin_api_validate(table, root, creating, &error))) {
        must(error.text[0] != '\0');
    } else if (table == &hin_api_search_filter) {
        check_filter(root, before);
    } else if (creating || hin_is_ok(hin_api_validate(table, before, false, &error))) {
        check_store(table, before, root);
    }
    return 0;
}
