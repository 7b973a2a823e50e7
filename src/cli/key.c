/* hinomi key: status, rotate, rewrap, retire, holders, confirm, escrow. hinomi kms: test. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"

struct key_options {
    bool json;
};

static const struct hin_option json_table[] = {
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct key_options, json), NULL, "One JSON document.",
     NULL, false, false},
};

static const struct hin_command status_usage = {
    "hinomi key status",
    "versions of all keys, and what depends on them",
    NULL,
    "master: the installation's wrapping key, wrapping: the tenant's, both held by the provider. "
    "They wrap the tenant key, which wraps the index key and the data keys.",
    json_table,
    HIN_COUNT(json_table),
    0,
    0};
static const struct hin_command rotate_usage = {
    "hinomi key rotate",
    "a new version of a key, in force at once",
    "master|wrapping|tenant|data|index",
    "Older versions open what they wrapped or sealed until they are retired. After a new index key "
    "what is stored is made findable by it in the background, while searches go by both: hinomi "
    "key "
    "status tells how far that is.",
    json_table,
    HIN_COUNT(json_table),
    1,
    1};
static const struct hin_command rewrap_usage = {
    "hinomi key rewrap",
    "wrap all keys of the tenant under the newest versions",
    NULL,
    "In batches, while everything else goes on. Cut off, it is started again.",
    json_table,
    HIN_COUNT(json_table),
    0,
    0};
static const struct hin_command retire_usage = {
    "hinomi key retire",
    "destroy an old version of a key on which nothing depends any more",
    "master|wrapping|tenant|index VERSION",
    "Once there are two key holders, another one has to confirm it (hinomi key confirm).",
    json_table,
    HIN_COUNT(json_table),
    2,
    2};
static const struct hin_command holders_usage = {
    "hinomi key holders",
    "the people who hold the keys",
    "[list] | add NAME | remove NAME | limit N",
    "Only key holders rotate, wrap anew and retire keys. add prints an API key that carries the "
    "key "
    "verbs alone; it is shown once. Once there are two holders, what adds or removes one, changes "
    "how many there may be (3 unless set) or destroys a key waits up to a day for another one to "
    "confirm it. They confirm each other once a quarter: hinomi key review.",
    json_table,
    HIN_COUNT(json_table),
    0,
    2};
static const struct hin_command review_usage = {
    "hinomi key review",
    "confirm that these people still hold the keys",
    "NAME...",
    "Who is not confirmed by another key holder within a quarter (92 days) lapses; hinomi key "
    "holders shows when.",
    json_table,
    HIN_COUNT(json_table),
    1,
    SIZE_MAX};
static const struct hin_command confirm_usage = {
    "hinomi key confirm",
    "agree, as another key holder, to what one has asked for",
    "REQUEST",
    "hinomi key holders lists what waits.",
    json_table,
    HIN_COUNT(json_table),
    1,
    1};
static const struct hin_command escrow_usage = {
    "hinomi key escrow",
    "copies of the key ring that are kept elsewhere",
    "[list] | ask LABEL | written RECEIPT | forget ID NOTE",
    "ask: a key holder asks for a copy of a file ring, another agrees to it (hinomi key confirm). "
    "The certificate of that lets `hinomi-manager escrow` write the copy within a day, on the "
    "manager's host, under a pass phrase of its own; written notes it by the receipt that it "
    "prints. Certificates of erasure name each copy until somebody says that it is destroyed: "
    "forget, with a note. LABEL says in words where the copy is going to be kept.",
    json_table,
    HIN_COUNT(json_table),
    0,
    3};
static const struct hin_command test_usage = {
    "hinomi kms test",
    "a round trip at the provider of the wrapping keys",
    NULL,
    "A key that is thrown away is wrapped and unwrapped, and must not open when bytes, tenant, "
    "key id, purpose or version are others.",
    json_table,
    HIN_COUNT(json_table),
    0,
    0};

/* ---- status ---- */

static HIN_RESULT add_row(struct hin_table *table, const char *name, struct hin_json key,
                          struct hin_view depends)
{
    struct hin_view cells[] = {hin_view_from_text(name), hin_table_cell(table, key, "version"),
                               hin_table_time_cell(table, key, "rotated"), depends};
    return hin_table_add(table, cells);
}

static HIN_RESULT add_named(struct hin_table *table, const char *name, struct hin_json root,
                            const char *member, struct hin_error *error)
{
    struct hin_json key = {0};
    struct hin_view text = HIN_VIEW_EMPTY;
    int64_t count = 0;
    HIN_TRY(hin_json_get_object(root, member, &key, error));
    if (hin_is_ok(hin_json_get_integer(key, "versionCount", 0, UINT32_MAX, &count, NULL))) {
        HIN_TRY(hin_arena_printf(&table->arena, &text, "%lld versions unwrap", (long long)count));
    }
    return add_row(table, name, key, text);
}

static HIN_RESULT add_tenant_key(struct hin_table *table, struct hin_json root,
                                 struct hin_error *error)
{
    struct hin_json key = {0}, versions = {0};
    size_t count = 0;
    HIN_TRY(hin_json_get_object(root, "tenantKey", &key, error));
    HIN_TRY(add_row(table, "tenant", key, HIN_VIEW_EMPTY));
    HIN_TRY(hin_json_get_array(key, "versions", &versions, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json version = hin_json_at(versions, i);
        struct hin_view text;
        bool index = false;
        int64_t keys = 0;
        HIN_TRY(hin_json_get_integer(version, "dataKeys", 0, INT64_MAX, &keys, error));
        HIN_TRY(hin_json_opt_boolean(version, "indexKey", &index, error));
        HIN_TRY(hin_arena_printf(&table->arena, &text, "wraps %lld data keys%s", (long long)keys,
                                 index ? " and the index key" : ""));
        HIN_TRY(add_row(table, "", version, text));
    }
    return hin_ok();
}

static HIN_RESULT add_index_version(struct hin_table *table, struct hin_json key,
                                    struct hin_json version, struct hin_error *error)
{
    struct hin_view text, state = HIN_VIEW_EMPTY;
    bool in_force = false, needed = false;
    int64_t done = 0, of = 0, stuck = 0;
    HIN_TRY(hin_json_opt_boolean(version, "inForce", &in_force, error));
    HIN_TRY(hin_json_opt_boolean(version, "needed", &needed, error));
    HIN_TRY(hin_json_get_text(key, "state", &state, error));
    HIN_TRY(hin_json_get_integer(key, "eventsDone", 0, INT64_MAX, &done, error));
    HIN_TRY(hin_json_get_integer(key, "eventsOf", 0, INT64_MAX, &of, error));
    HIN_TRY(hin_json_get_integer(key, "stuck", 0, INT64_MAX, &stuck, error));
    if (in_force) {
        HIN_TRY(hin_arena_printf(&table->arena, &text, "in force"));
    } else if (!needed) {
        HIN_TRY(hin_arena_printf(&table->arena, &text, "nothing is found by it: may be retired"));
    } else if (stuck > 0) {
        HIN_TRY(hin_arena_printf(&table->arena, &text, "still finds %lld documents by name",
                                 (long long)stuck));
    } else if (hin_view_is(state, "names")) {
        HIN_TRY(hin_arena_printf(&table->arena, &text, "names are made anew, then %lld events",
                                 (long long)of));
    } else {
        HIN_TRY(hin_arena_printf(&table->arena, &text, "%lld of %lld events are made anew",
                                 (long long)done, (long long)of));
    }
    return add_row(table, "", version, text);
}

static HIN_RESULT add_index_key(struct hin_table *table, struct hin_json root,
                                struct hin_error *error)
{
    struct hin_json key = {0}, versions = {0};
    size_t count = 0;
    HIN_TRY(hin_json_get_object(root, "indexKey", &key, error));
    HIN_TRY(add_row(table, "index", key, HIN_VIEW_EMPTY));
    HIN_TRY(hin_json_get_array(key, "versions", &versions, &count, error));
    for (size_t i = 0; i < count && count > 1; i++) {
        HIN_TRY(add_index_version(table, key, hin_json_at(versions, i), error));
    }
    return hin_ok();
}

static HIN_RESULT add_data_keys(struct hin_table *table, struct hin_json root,
                                struct hin_error *error)
{
    struct hin_json keys = {0}, versions = {0};
    size_t count = 0;
    HIN_TRY(hin_json_get_object(root, "dataKeys", &keys, error));
    HIN_TRY(add_row(table, "data", keys, HIN_VIEW_EMPTY));
    HIN_TRY(hin_json_get_array(keys, "versions", &versions, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json version = hin_json_at(versions, i);
        struct hin_view text;
        int64_t number = 0;
        HIN_TRY(hin_json_get_integer(version, "count", 0, INT64_MAX, &number, error));
        HIN_TRY(hin_arena_printf(&table->arena, &text, "%lld keys", (long long)number));
        HIN_TRY(add_row(table, "", version, text));
    }
    return hin_ok();
}

static HIN_RESULT print_keys(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"KEY", "VERSION", "ROTATED", ""};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json provider = {0};
    struct hin_view name = HIN_VIEW_EMPTY, advice = HIN_VIEW_EMPTY;
    bool sealed = false, exportable = false;
    HIN_TRY(hin_json_get_object(root, "provider", &provider, error));
    HIN_TRY(hin_json_get_text(provider, "name", &name, error));
    HIN_TRY(hin_json_opt_text(provider, "advice", &advice, error));
    HIN_TRY(hin_json_opt_boolean(provider, "sealed", &sealed, error));
    HIN_TRY(hin_json_opt_boolean(provider, "exportable", &exportable, error));
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    HIN_TRY(add_named(&table, "master", root, "master", error));
    HIN_TRY(add_named(&table, "wrapping", root, "wrapping", error));
    HIN_TRY(add_tenant_key(&table, root, error));
    HIN_TRY(add_index_key(&table, root, error));
    HIN_TRY(add_data_keys(&table, root, error));
    printf("provider: ");
    (void)hin_terminal_put(name, stdout);
    printf(", %s, %s\n", sealed ? "sealed" : "not sealed",
           exportable ? "copies of its keys can be kept" : "its keys cannot be copied");
    hin_table_print(&table, stdout);
    if (advice.size > 0) {
        printf("advice: ");
        (void)hin_terminal_put(advice, stdout);
        printf("\n");
    }
    return hin_ok();
}

/* ---- one call, and what it answers ---- */

struct request {
    const struct hin_command *usage;
    enum hin_http_method method;
    const char *path;
    /* Writes the body; NULL: none. */
    HIN_RESULT (*body)(char **operands, size_t count, struct hin_buf *out, struct hin_error *error);
    HIN_RESULT (*print)(struct hin_json root, struct hin_error *error);
};

/* What waits for a second holder is answered with its number. */
static HIN_RESULT print_answer(const struct request *request, struct hin_json root,
                               struct hin_error *error)
{
    int64_t id = 0;
    if (hin_is_ok(hin_json_get_integer(root, "request", 1, INT64_MAX, &id, NULL))) {
        printf("request %lld waits a day for another key holder: hinomi key confirm %lld\n",
               (long long)id, (long long)id);
        return hin_ok();
    }
    return request->print(root, error);
}

static HIN_RESULT send_request(struct hin_cli_api *api, const struct request *request,
                               const struct key_options *options, char **operands, size_t count,
                               struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(hin_buf_done) struct hin_buf body = {.max = 4096};
    if (request->body != NULL) {
        HIN_TRY(request->body(operands, count, &body, error));
    }
    HIN_TRY(hin_cli_api_call(api, request->method, request->path, hin_buf_view(&body), &document,
                             error));
    if (options->json) {
        hin_cli_api_print(api);
        return hin_ok();
    }
    return print_answer(request, hin_json_root(document), error);
}

static int run_parsed(const struct request *request, const struct key_options *options,
                      char **operands, size_t count)
{
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = send_request(&api, request, options, operands, count, &error);
    }
    return hin_cli_finish(result, &error);
}

static int run_request(const struct request *request, int argc, char **argv)
{
    struct key_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(request->usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    return run_parsed(request, &options, operands, count);
}

static int run_status(int argc, char **argv)
{
    static const struct request request = {&status_usage, HIN_HTTP_GET, "/keys", NULL, print_keys};
    return run_request(&request, argc, argv);
}

static HIN_RESULT write_body(char **operands, bool versioned, struct hin_buf *out,
                             struct hin_error *error)
{
    struct hin_json_writer writer;
    uint64_t version = 0;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "key", operands[0]);
    if (versioned) {
        if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(operands[1]), &version))) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s: not a version's number",
                                 operands[1]);
        }
        hin_json_field_unsigned(&writer, "version", version);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT rotation_body(char **operands, size_t count, struct hin_buf *out,
                                struct hin_error *error)
{
    (void)count;
    return write_body(operands, false, out, error);
}

static int run_rotate(int argc, char **argv)
{
    static const struct request request = {&rotate_usage, HIN_HTTP_POST, "/keys/rotate",
                                           rotation_body, print_keys};
    return run_request(&request, argc, argv);
}

static HIN_RESULT retirement_body(char **operands, size_t count, struct hin_buf *out,
                                  struct hin_error *error)
{
    (void)count;
    return write_body(operands, true, out, error);
}

static int run_retire(int argc, char **argv)
{
    static const struct request request = {&retire_usage, HIN_HTTP_POST, "/keys/retire",
                                           retirement_body, print_keys};
    return run_request(&request, argc, argv);
}

/* ---- holders ---- */

static HIN_RESULT print_waiting(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"REQUEST", "WHAT", "", "", "ASKED BY", "UNTIL"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json requests;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "requests", &requests, &count, error));
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < count; i++) {
        struct hin_json request = hin_json_at(requests, i);
        struct hin_json found = {0};
        bool key = hin_json_find(request, "key", &found);
        bool tenant = hin_json_find(request, "tenantID", &found);
        struct hin_view cells[] = {hin_table_cell(&table, request, "ID"),
                                   hin_table_cell(&table, request, "action"),
                                   hin_table_cell(&table, request, key ? "key" : "name"),
                                   hin_table_cell(&table, request,
                                                  key      ? "version"
                                                  : tenant ? "tenantID"
                                                           : "limit"),
                                   hin_table_cell(&table, request, "by"),
                                   hin_table_time_cell(&table, request, "expires")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    if (count > 0) {
        printf("\n");
        hin_table_print(&table, stdout);
    }
    return hin_ok();
}

static HIN_RESULT print_holders(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"HOLDER", "SINCE", "CONFIRMED", "LAPSES", "IN FORCE"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json holders;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "holders", &holders, &count, error));
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < count; i++) {
        struct hin_json holder = hin_json_at(holders, i);
        bool in_force = false;
        HIN_TRY(hin_json_opt_boolean(holder, "inForce", &in_force, error));
        struct hin_view cells[] = {hin_table_cell(&table, holder, "name"),
                                   hin_table_time_cell(&table, holder, "added"),
                                   hin_table_time_cell(&table, holder, "confirmed"),
                                   hin_table_time_cell(&table, holder, "lapses"),
                                   in_force ? HIN_VIEW("yes") : HIN_VIEW("no")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    struct hin_view review = hin_table_time_cell(&table, root, "lastReview");
    struct hin_view limit = hin_table_cell(&table, root, "limit");
    printf("last review: %.*s; at most %.*s holders\n", HIN_ARGS(review), HIN_ARGS(limit));
    HIN_TRY(print_waiting(root, error));
    struct hin_view secret = HIN_VIEW_EMPTY;
    HIN_TRY(hin_json_opt_text(root, "secretKey", &secret, error));
    if (secret.size > 0) {
        printf("\nAPI key of the new holder, shown this once:\n%.*s\n", HIN_ARGS(secret));
    }
    return hin_ok();
}

static HIN_RESULT name_body(char **operands, size_t count, struct hin_buf *out,
                            struct hin_error *error)
{
    (void)count;
    struct hin_json_writer writer;
    (void)error;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "name", operands[1]);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT names_body(char **operands, size_t count, struct hin_buf *out,
                             struct hin_error *error)
{
    struct hin_json_writer writer;
    (void)error;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "names");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        hin_json_put_cstring(&writer, operands[i]);
    }
    hin_json_end_array(&writer);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT limit_body(char **operands, size_t count, struct hin_buf *out,
                             struct hin_error *error)
{
    (void)count;
    uint64_t limit = 0;
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(operands[1]), &limit))) {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0, "%s: not a number", operands[1]);
    }
    return hin_buf_printf(out, "{\"limit\":%llu}", (unsigned long long)limit);
}

struct verb {
    const char *verb;
    size_t operands_min, operands_max; /* beside the verb */
    struct request request;
};

static const struct verb holder_verbs[] = {
    {"list", 0, 0, {&holders_usage, HIN_HTTP_GET, "/keys/holders", NULL, print_holders}},
    {"add", 1, 1, {&holders_usage, HIN_HTTP_POST, "/keys/holders", name_body, print_holders}},
    {"remove",
     1,
     1,
     {&holders_usage, HIN_HTTP_POST, "/keys/holders/remove", name_body, print_holders}},
    {"limit",
     1,
     1,
     {&holders_usage, HIN_HTTP_POST, "/keys/holders/limit", limit_body, print_holders}},
};

static const struct verb *find_verb(const struct verb *verbs, size_t verb_count, char **operands,
                                    size_t count)
{
    if (count == 0) {
        return &verbs[0];
    }
    for (size_t i = 0; i < verb_count; i++) {
        if (strcmp(operands[0], verbs[i].verb) == 0 && count - 1 >= verbs[i].operands_min &&
            count - 1 <= verbs[i].operands_max) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int run_holders(int argc, char **argv)
{
    struct key_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&holders_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    const struct verb *verb = find_verb(holder_verbs, HIN_COUNT(holder_verbs), operands, count);
    if (verb == NULL) {
        (void)hin_cli_complain_text("hinomi key holders %s", holders_usage.operands);
        return HIN_CLI_USAGE;
    }
    return run_parsed(&verb->request, &options, operands, count);
}

static int run_review(int argc, char **argv)
{
    static const struct request request = {&review_usage, HIN_HTTP_POST, "/keys/holders/review",
                                           names_body, print_holders};
    return run_request(&request, argc, argv);
}

/* ---- escrow copies ---- */

static HIN_RESULT print_escrows(struct hin_json root, struct hin_error *error)
{
    static const char *const headings[] = {"ID",      "STATE",       "LABEL",  "AGREED",
                                           "WRITTEN", "CERTIFICATE", "SHA-256"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct hin_json items;
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "escrows", &items, &count, error));
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        struct hin_view cells[] = {hin_table_cell(&table, item, "ID"),
                                   hin_table_cell(&table, item, "state"),
                                   hin_table_cell(&table, item, "label"),
                                   hin_table_time_cell(&table, item, "agreed"),
                                   hin_table_time_cell(&table, item, "written"),
                                   hin_table_cell(&table, item, "certificateID"),
                                   hin_table_cell(&table, item, "digest")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static HIN_RESULT print_escrow(struct hin_json root, struct hin_error *error)
{
    struct hin_view state, label;
    int64_t id = 0, certificate = 0;
    HIN_TRY(hin_json_get_text(root, "state", &state, error));
    HIN_TRY(hin_json_get_text(root, "label", &label, error));
    HIN_TRY(hin_json_get_integer(root, "ID", 1, INT64_MAX, &id, error));
    HIN_TRY(hin_json_opt_integer(root, "certificateID", 0, INT64_MAX, &certificate, error));
    printf("escrow copy %lld (", (long long)id);
    (void)hin_terminal_put(label, stdout);
    printf("): %.*s\n", HIN_ARGS(state));
    if (hin_view_is(state, "agreed")) {
        printf("within a day: hinomi certificate show %lld --output CONSENT, then on the manager's "
               "host hinomi-manager escrow --consent CONSENT --to FILE\n",
               (long long)certificate);
    }
    return hin_ok();
}

static HIN_RESULT text_body(const char *name, const char *text, struct hin_buf *out)
{
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, out, false);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, name, text);
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

static HIN_RESULT label_body(char **operands, size_t count, struct hin_buf *out,
                             struct hin_error *error)
{
    (void)count;
    (void)error;
    return text_body("label", operands[1], out);
}

static HIN_RESULT receipt_body(char **operands, size_t count, struct hin_buf *out,
                               struct hin_error *error)
{
    (void)count;
    (void)error;
    return text_body("receipt", operands[1], out);
}

static HIN_RESULT note_body(char **operands, size_t count, struct hin_buf *out,
                            struct hin_error *error)
{
    (void)count;
    (void)error;
    return text_body("note", operands[2], out);
}

static const struct verb escrow_verbs[] = {
    {"list", 0, 0, {&escrow_usage, HIN_HTTP_GET, "/escrows", NULL, print_escrows}},
    {"ask", 1, 1, {&escrow_usage, HIN_HTTP_POST, "/escrows", label_body, print_escrow}},
    {"written",
     1,
     1,
     {&escrow_usage, HIN_HTTP_POST, "/escrows/written", receipt_body, print_escrow}},
    {"forget", 2, 2, {&escrow_usage, HIN_HTTP_POST, NULL, note_body, print_escrow}}, /* of an ID */
};

static int run_escrow(int argc, char **argv)
{
    struct key_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    uint64_t id = 0;
    char path[64];
    if (!hin_cli_parse(&escrow_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    const struct verb *verb = find_verb(escrow_verbs, HIN_COUNT(escrow_verbs), operands, count);
    if (verb == NULL || (verb->request.path == NULL &&
                         !hin_is_ok(hin_view_to_u64(hin_view_from_text(operands[1]), &id)))) {
        (void)hin_cli_complain_text("hinomi key escrow %s", escrow_usage.operands);
        return HIN_CLI_USAGE;
    }
    struct request request = verb->request;
    if (request.path == NULL) {
        snprintf(path, sizeof(path), "/escrows/%llu/forget", (unsigned long long)id);
        request.path = path;
    }
    return run_parsed(&request, &options, operands, count);
}

/* The answer is the state of the keys, the holders, a tenant that was erased or is restored, or an
 * escrow copy. */
static HIN_RESULT print_confirmed(struct hin_json root, struct hin_error *error)
{
    struct hin_json found = {0};
    struct hin_view name = HIN_VIEW_EMPTY;
    if (hin_json_find(root, "tenantState", &found)) {
        HIN_TRY(hin_json_get_text(root, "name", &name, error));
        printf("tenant ");
        (void)hin_terminal_put(name, stdout);
        printf(
            " is unreadable; its room is given back, then it is certified: hinomi tenant show\n");
        return hin_ok();
    }
    if (hin_json_find(root, "certificateID", &found)) {
        return print_escrow(root, error);
    }
    if (hin_json_find(root, "notServedFrom", &found)) {
        HIN_TRY(hin_json_get_text(root, "name", &name, error));
        printf("tenant ");
        (void)hin_terminal_put(name, stdout);
        printf(" is being put back out of a backup: hinomi backup restores\n");
        return hin_ok();
    }
    return hin_json_find(root, "holders", &found) ? print_holders(root, error)
                                                  : print_keys(root, error);
}

static int run_confirm(int argc, char **argv)
{
    struct key_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    uint64_t id = 0;
    char path[64];
    if (!hin_cli_parse(&confirm_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    if (!hin_is_ok(hin_view_to_u64(hin_view_from_text(operands[0]), &id))) {
        (void)hin_cli_complain_text("%s: not the number of a request", operands[0]);
        return HIN_CLI_USAGE;
    }
    snprintf(path, sizeof(path), "/keys/requests/%llu/confirm", (unsigned long long)id);
    struct request request = {&confirm_usage, HIN_HTTP_POST, path, NULL, print_confirmed};
    return run_parsed(&request, &options, operands, count);
}

/* ---- wrapping anew: batch after batch ---- */

static HIN_RESULT rewrap_all(struct hin_cli_api *api, const struct key_options *options,
                             struct hin_error *error)
{
    int64_t total = 0, left = 1;
    while (left > 0) {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        int64_t done = 0;
        HIN_TRY(
            hin_cli_api_call(api, HIN_HTTP_POST, "/keys/rewrap", HIN_VIEW_EMPTY, &document, error));
        struct hin_json root = hin_json_root(document);
        HIN_TRY(hin_json_get_integer(root, "rewrapped", 0, INT64_MAX, &done, error));
        HIN_TRY(hin_json_get_integer(root, "left", 0, INT64_MAX, &left, error));
        total += done;
        if (!options->json && left > 0) {
            printf("%lld data keys wrapped anew, %lld left\n", (long long)total, (long long)left);
        }
    }
    printf(options->json ? "{\"rewrapped\":%lld}\n" : "%lld data keys wrapped anew, none left\n",
           (long long)total);
    return hin_ok();
}

static int run_rewrap(int argc, char **argv)
{
    struct key_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&rewrap_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    return hin_cli_finish(hin_is_ok(result) ? rewrap_all(&api, &options, &error) : result, &error);
}

/* ---- the provider's test ---- */

static HIN_RESULT print_checks(struct hin_json root, struct hin_error *error)
{
    struct hin_json checks = {0};
    size_t count = 0;
    HIN_TRY(hin_json_get_array(root, "checks", &checks, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json check = hin_json_at(checks, i);
        struct hin_view name = HIN_VIEW_EMPTY;
        bool passed = false;
        int64_t usec = 0;
        HIN_TRY(hin_json_get_text(check, "name", &name, error));
        HIN_TRY(hin_json_opt_boolean(check, "passed", &passed, error));
        HIN_TRY(hin_json_get_integer(check, "microseconds", 0, UINT32_MAX, &usec, error));
        printf("%-28.*s %s %8lld us\n", HIN_ARGS(name), passed ? "ok    " : "FAILED",
               (long long)usec);
    }
    return hin_ok();
}

static HIN_RESULT test_provider(struct hin_cli_api *api, const struct key_options *options,
                                struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    bool passed = false;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_POST, "/keys/test", HIN_VIEW_EMPTY, &document, error));
    if (options->json) {
        hin_cli_api_print(api);
    } else {
        HIN_TRY(print_checks(hin_json_root(document), error));
    }
    HIN_TRY(hin_json_opt_boolean(hin_json_root(document), "passed", &passed, error));
    return passed ? hin_ok()
                  : hin_error_set(error, HIN_CRYPTO, NULL, 0, 0,
                                  "the provider did not pass: do not rely on it");
}

static int run_test(int argc, char **argv)
{
    struct key_options options = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&test_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    return hin_cli_finish(hin_is_ok(result) ? test_provider(&api, &options, &error) : result,
                          &error);
}

static const struct hin_cli_command key_commands[] = {
    {&status_usage, run_status},   {&rotate_usage, run_rotate},   {&rewrap_usage, run_rewrap},
    {&retire_usage, run_retire},   {&holders_usage, run_holders}, {&review_usage, run_review},
    {&confirm_usage, run_confirm}, {&escrow_usage, run_escrow},
};
const struct hin_cli_group hin_cli_group_key = {"key", "state and rotation of the keys",
                                                key_commands, HIN_COUNT(key_commands)};

static const struct hin_cli_command kms_commands[] = {{&test_usage, run_test}};
const struct hin_cli_group hin_cli_group_kms = {"kms", "the provider of the wrapping keys",
                                                kms_commands, HIN_COUNT(kms_commands)};
