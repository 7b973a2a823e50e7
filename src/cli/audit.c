/* hinomi audit: who did what, and taking the record outside. */
#include "cli/audit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/terminal.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/table.h"
#include "io/url.h"
#include "proof/export.h"

enum { PAGE = 1000, CHAIN_PAGE = 2000 };

/* ---- list ---- */

struct list_options {
    int64_t since_usec, until_usec;
    const char *actor, *action, *outcome;
    uint64_t limit;
    bool json;
};

static const struct hin_option list_table[] = {
    {"since", 's', HIN_OPTION_DURATION, offsetof(struct list_options, since_usec), "TIME",
     "Only entries of the last TIME: 90s, 15m, 1h, 7d.", NULL, false, false},
    {"until", 0, HIN_OPTION_DURATION, offsetof(struct list_options, until_usec), "TIME",
     "Only entries older than TIME.", NULL, false, false},
    {"actor", 0, HIN_OPTION_TEXT, offsetof(struct list_options, actor), "NAME",
     "Only what this actor did: \"key 3\", \"keys\", \"manager\".", NULL, false, false},
    {"action", 0, HIN_OPTION_TEXT, offsetof(struct list_options, action), "NAME",
     "Only this action: signin, or computer.* for all that begin so.", NULL, false, false},
    {"outcome", 0, HIN_OPTION_CHOICE, offsetof(struct list_options, outcome), "OUTCOME",
     "Only what was done, or what was refused.", "done|refused", false, false},
    {"limit", 'n', HIN_OPTION_COUNT, offsetof(struct list_options, limit), "N",
     "The N newest; 100 unless given.", NULL, false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct list_options, json), NULL,
     "One JSON object a line: {\"ID\":n,\"entry\":{...}}.", NULL, false, false},
};
static const struct hin_command list_usage = {"hinomi audit list",
                                              "who did what, newest first",
                                              NULL,
                                              "Changes show old and new value with --json. An "
                                              "entry that cannot be opened any more has a null "
                                              "entry.",
                                              list_table,
                                              HIN_COUNT(list_table),
                                              0,
                                              0};

static HIN_RESULT add_text(struct hin_buf *query, const char *name, const char *text)
{
    return text == NULL ? hin_ok() : hin_url_query_append(query, name, hin_view_from_text(text));
}

static HIN_RESULT add_age(struct hin_buf *query, const char *name, int64_t age_usec)
{
    char number[32];
    int64_t now_usec = hin_clock_wall_usec(hin_clock_system());
    if (age_usec <= 0) {
        return hin_ok();
    }
    snprintf(number, sizeof(number), "%lld", (long long)((now_usec - age_usec) / HIN_MSEC_USEC));
    return hin_url_query_append(query, name, hin_view_from_text(number));
}

static HIN_RESULT make_query(const struct list_options *options, struct hin_buf *query)
{
    HIN_TRY(hin_url_query_append(query, "sort", HIN_VIEW("desc")));
    HIN_TRY(add_age(query, "since", options->since_usec));
    HIN_TRY(add_age(query, "until", options->until_usec));
    HIN_TRY(add_text(query, "actor", options->actor));
    HIN_TRY(add_text(query, "action", options->action));
    return add_text(query, "outcome", options->outcome);
}

static HIN_RESULT print_json(struct hin_json item, struct hin_buf *line)
{
    struct hin_json_writer writer;
    hin_buf_clear(line);
    hin_json_writer_init(&writer, line, false);
    hin_json_put_value(&writer, item);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_buf_append_byte(line, '\n'));
    if (isatty(STDOUT_FILENO) == 1) {
        HIN_ENSURE(hin_terminal_put(hin_buf_view(line), stdout), IO);
        return hin_ok();
    }
    HIN_ENSURE(fwrite(line->data, 1, line->size, stdout) == line->size, IO);
    return hin_ok();
}

/* "computers 7: enrolment" - the object, and what of it was changed or asked by, or the detail. */
static HIN_RESULT tell_what(struct hin_table *table, struct hin_json entry,
                            struct hin_view *ret_text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1 << 16};
    struct hin_view kind = HIN_VIEW_EMPTY, detail = HIN_VIEW_EMPTY;
    int64_t object = 0;
    struct hin_json list, item;
    const char *key;
    HIN_TRY(hin_json_opt_text(entry, "kind", &kind, NULL));
    HIN_TRY(hin_json_opt_text(entry, "detail", &detail, NULL));
    HIN_TRY(hin_json_opt_integer(entry, "object", 0, INT64_MAX, &object, NULL));
    HIN_TRY(hin_buf_append(&text, kind));
    if (object > 0) {
        HIN_TRY(hin_buf_printf(&text, " %lld", (long long)object));
    }
    if (detail.size > 0) {
        HIN_TRY(hin_buf_printf(&text, "%s%.*s", text.size > 0 ? ": " : "", HIN_ARGS(detail)));
    }
    bool changes = hin_json_find(entry, "changes", &list);
    if (changes || hin_json_find(entry, "fields", &list)) {
        struct hin_json_iterator items = hin_json_iterate(list);
        const char *before = changes ? " (changed: " : " (by: ";
        while (hin_json_next(&items, &key, &item)) {
            struct hin_view name = HIN_VIEW_EMPTY;
            HIN_TRY(changes ? hin_json_get_text(item, "attribute", &name, NULL)
                            : hin_json_text(item, &name, NULL));
            HIN_TRY(hin_buf_printf(&text, "%s%.*s", before, HIN_ARGS(name)));
            before = ", ";
        }
        HIN_TRY(hin_buf_append_byte(&text, ')'));
    }
    return hin_arena_copy(&table->arena, hin_buf_view(&text), ret_text);
}

static HIN_RESULT add_row(struct hin_table *table, struct hin_json item)
{
    struct hin_json entry = {0};
    struct hin_view cells[7];
    struct hin_view what = HIN_VIEW("(cannot be opened)");
    bool opens = hin_json_find(item, "entry", &entry) && !hin_json_is_null(entry);
    if (opens && !hin_is_ok(tell_what(table, entry, &what))) {
        what = HIN_VIEW("(not understood)");
    }
    cells[0] = hin_table_cell(table, item, "ID");
    cells[1] = hin_table_time_cell(table, entry, "time");
    cells[2] = hin_table_cell(table, entry, "actor");
    cells[3] = hin_table_cell(table, entry, "peer");
    cells[4] = hin_table_cell(table, entry, "action");
    cells[5] = hin_table_cell(table, entry, "outcome");
    cells[6] = what;
    return hin_table_add(table, cells);
}

struct lister {
    struct hin_cli_api *api;
    const struct list_options *options;
    struct hin_table *table;
    struct hin_buf line;
    uint64_t left;
    int64_t resume;
    struct hin_error *error;
};

static HIN_RESULT list_page(struct lister *lister, struct hin_view query, bool *ret_more)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    char path[HIN_URL_BYTES_MAX];
    struct hin_json items;
    size_t count = 0;
    int64_t resume = 0;
    snprintf(path, sizeof(path), "/audit?%.*s&limit=%llu&idValue=%lld", HIN_ARGS(query),
             (unsigned long long)HIN_MIN(lister->left, (uint64_t)PAGE), (long long)lister->resume);
    HIN_TRY(hin_cli_api_call(lister->api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document,
                             lister->error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_array(root, "audit", &items, &count, lister->error));
    for (size_t i = 0; i < count; i++) {
        struct hin_json item = hin_json_at(items, i);
        HIN_TRY(lister->options->json ? print_json(item, &lister->line)
                                      : add_row(lister->table, item));
    }
    lister->left -= HIN_MIN(lister->left, count);
    HIN_TRY(hin_json_opt_integer(root, "resumeID", 1, INT64_MAX, &resume, lister->error));
    lister->resume = resume;
    *ret_more = resume > 0 && lister->left > 0;
    return hin_ok();
}

static HIN_RESULT list(struct lister *lister)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf query = {.max = HIN_URL_BYTES_MAX - 256};
    bool more = true;
    HIN_TRY(make_query(lister->options, &query));
    while (more) {
        HIN_TRY(list_page(lister, hin_buf_view(&query), &more));
    }
    return hin_ok();
}

static int run_list(int argc, char **argv)
{
    static const char *const headings[] = {"ID",     "TIME",    "ACTOR", "FROM",
                                           "ACTION", "OUTCOME", "WHAT"};
    struct list_options options = {.limit = 100};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&list_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    struct lister lister = {.api = &api,
                            .options = &options,
                            .table = &table,
                            .line = {.max = 16 << 20},
                            .left = options.limit,
                            .error = &error};
    struct hin_result result = hin_table_init(&table, headings, HIN_COUNT(headings));
    if (hin_is_ok(result)) {
        result = hin_cli_api_open(&api, &error);
    }
    if (hin_is_ok(result)) {
        result = list(&lister);
    }
    hin_buf_done(&lister.line);
    if (hin_is_ok(result) && !options.json) {
        hin_table_print(&table, stdout);
    }
    return hin_cli_finish(result, &error);
}

/* ---- from the manager ---- */

HIN_RESULT hin_cli_audit_checkpoint(struct hin_cli_api *api,
                                    struct hin_json_document **ret_document,
                                    struct hin_error *error)
{
    return hin_cli_api_call(api, HIN_HTTP_GET, "/audit/checkpoint", HIN_VIEW_EMPTY, ret_document,
                            error);
}

HIN_RESULT hin_cli_audit_chain(struct hin_cli_api *api, int64_t last,
                               HIN_RESULT (*visit)(void *context, struct hin_json entry,
                                                   struct hin_error *error),
                               void *context, struct hin_error *error)
{
    int64_t after = 0;
    size_t count = 1;
    while (after < last && count > 0) {
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        char path[128];
        struct hin_json entries;
        snprintf(path, sizeof(path), "/audit/chain?after=%lld&limit=%lld", (long long)after,
                 (long long)HIN_MIN(last - after, (int64_t)CHAIN_PAGE));
        HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, error));
        HIN_TRY(hin_json_get_array(hin_json_root(document), "entries", &entries, &count, error));
        for (size_t i = 0; i < count; i++) {
            struct hin_json entry = hin_json_at(entries, i);
            HIN_TRY(hin_json_get_integer(entry, "number", after + 1, INT64_MAX, &after, error));
            if (after > last) {
                return hin_ok(); /* entries are missing before it */
            }
            HIN_TRY(visit(context, entry, error));
        }
    }
    return hin_ok();
}

/* ---- export and checkpoint: files ---- */

struct output {
    struct hin_cli_output to;
    struct hin_buf line;
    int64_t entries;
};

static HIN_RESULT output_line(struct output *output, struct hin_json value)
{
    struct hin_json_writer writer;
    hin_buf_clear(&output->line);
    hin_json_writer_init(&writer, &output->line, false);
    hin_json_put_value(&writer, value);
    HIN_TRY(hin_json_writer_finish(&writer));
    HIN_TRY(hin_buf_append_byte(&output->line, '\n'));
    return hin_cli_output_write(&output->to, hin_buf_view(&output->line));
}

/* What the manager sent last is judged before it is written: a file that does not prove anything is
 * none. */
static HIN_RESULT judge_checkpoint(struct hin_cli_api *api, struct hin_json object,
                                   struct hin_checkpoint *ret_checkpoint, struct hin_error *error)
{
    struct hin_proof proof;
    if (api->profile.ca_fingerprint[0] == '\0') {
        return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                             "the profile has no fingerprint of the authority to judge the "
                             "checkpoint by: log in with --ca-fingerprint");
    }
    HIN_TRY(hin_proof_init(&proof, hin_view_from_text(api->profile.ca_fingerprint)));
    return hin_proof_read_checkpoint(&proof, object, ret_checkpoint, error);
}

static void tell_checkpoint(const struct hin_checkpoint *checkpoint)
{
    char time[64];
    hin_time_format_rfc3339(checkpoint->time_usec, 0, time, sizeof(time));
    fprintf(stderr, "hinomi: checkpoint of %s at entry %llu\n", time,
            (unsigned long long)checkpoint->audit_number);
}

struct save_options {
    const char *output;
};
static const struct hin_option save_table[] = {HIN_CLI_OUTPUT_ROW(struct save_options, output)};

static const struct hin_command checkpoint_usage = {
    "hinomi audit checkpoint",
    "a signed statement of how far the audit record is, to be kept outside",
    "[FILE]",
    "Keep it where the manager cannot reach it. `hinomi audit verify --checkpoint FILE` proves "
    "later "
    "that the record up to then was not rewritten. Without FILE, to standard output.",
    save_table,
    HIN_COUNT(save_table),
    0,
    1};

static HIN_RESULT save_checkpoint(struct hin_cli_api *api, struct output *output,
                                  struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_checkpoint checkpoint;
    HIN_TRY(hin_cli_audit_checkpoint(api, &document, error));
    HIN_TRY(judge_checkpoint(api, hin_json_root(document), &checkpoint, error));
    HIN_TRY(output_line(output, hin_json_root(document)));
    tell_checkpoint(&checkpoint);
    return hin_ok();
}

static HIN_RESULT write_entry(void *context, struct hin_json entry, struct hin_error *error)
{
    struct output *output = context;
    (void)error;
    output->entries++;
    return output_line(output, entry);
}

static HIN_RESULT write_header(struct hin_cli_api *api, struct output *output,
                               struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *status = NULL;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *header = NULL;
    struct hin_view tenant = HIN_VIEW_EMPTY;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, "/status", HIN_VIEW_EMPTY, &status, error));
    HIN_TRY(hin_json_get_text(hin_json_root(status), "tenant", &tenant, error));
    HIN_CLEANUP(hin_buf_done) struct hin_buf text = {.max = 1024};
    HIN_TRY(hin_proof_write_header(tenant, hin_clock_wall_usec(hin_clock_system()), &text));
    HIN_TRY(hin_json_parse(hin_buf_view(&text), text.max, &header, error));
    return output_line(output, hin_json_root(header));
}

/* The checkpoint first: it says how far the export goes while the record grows on. */
static HIN_RESULT save_export(struct hin_cli_api *api, struct output *output,
                              struct hin_error *error)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    struct hin_checkpoint checkpoint;
    HIN_TRY(hin_cli_audit_checkpoint(api, &document, error));
    HIN_TRY(judge_checkpoint(api, hin_json_root(document), &checkpoint, error));
    HIN_TRY(write_header(api, output, error));
    HIN_TRY(hin_cli_audit_chain(api, (int64_t)checkpoint.audit_number, write_entry, output, error));
    HIN_TRY(output_line(output, hin_json_root(document)));
    fprintf(stderr, "hinomi: %lld entries\n", (long long)output->entries);
    tell_checkpoint(&checkpoint);
    return hin_ok();
}

static const struct hin_command export_usage = {
    "hinomi audit export",
    "the whole audit record as a file that can be verified without the manager",
    "[FILE]",
    "JSON lines: each entry with its text and with what its hash chain is computed from, then the "
    "newest signed checkpoint. The texts hold personal data: keep the file accordingly (it is made "
    "with mode 0600). Without FILE, to standard output.",
    save_table,
    HIN_COUNT(save_table),
    0,
    1};

static int save(const struct hin_command *usage, int argc, char **argv,
                struct hin_result (*write)(struct hin_cli_api *api, struct output *output,
                                           struct hin_error *error))
{
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    struct save_options options = {0};
    if (!hin_cli_parse(usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    if (!hin_cli_output_choose(options.output, operands, count, "-", &options.output)) {
        return HIN_CLI_USAGE;
    }
    struct hin_error error = {0};
    struct output output = {.line = {.max = HIN_PROOF_LINE_MAX}};
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        result = hin_cli_output_open(&output.to, options.output, HIN_CLI_OUTPUT_REPLACE, &error);
    }
    if (hin_is_ok(result)) {
        result = write(&api, &output, &error);
    }
    hin_buf_done(&output.line);
    return hin_cli_finish(hin_cli_output_close(&output.to, result, &error), &error);
}

static int run_export(int argc, char **argv)
{
    return save(&export_usage, argc, argv, save_export);
}

static int run_checkpoint(int argc, char **argv)
{
    return save(&checkpoint_usage, argc, argv, save_checkpoint);
}

static const struct hin_cli_command audit_commands[] = {
    {&list_usage, run_list},
    {&export_usage, run_export},
    {&checkpoint_usage, run_checkpoint},
    {&hin_cli_audit_verify_usage, hin_cli_audit_verify},
};
const struct hin_cli_group hin_cli_group_audit = {
    "audit", "who did what, and the proof that nobody rewrote it", audit_commands,
    HIN_COUNT(audit_commands)};
