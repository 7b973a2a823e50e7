/* hinomi events: search the sealed store through the API, and follow it live. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/time.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "event/write.h"
#include "io/url.h"

#define PAGE_EVENTS 1000

struct events_options {
    bool follow;
    int64_t since_usec;
    int64_t until_usec;
    struct hin_option_texts where;
    const char *format;
    uint64_t limit;
    uint64_t after;
};

static const struct hin_option events_table[] = {
    {"follow", 'f', HIN_OPTION_FLAG, offsetof(struct events_options, follow), NULL,
     "Show events as they come, until interrupted.", NULL, false, false},
    {"since", 's', HIN_OPTION_DURATION, offsetof(struct events_options, since_usec), "TIME",
     "Only events of the last TIME: 90s, 15m, 1h, 7d.", NULL, false, false},
    {"until", 0, HIN_OPTION_DURATION, offsetof(struct events_options, until_usec), "TIME",
     "Only events older than TIME.", NULL, false, false},
    {"where", 'w', HIN_OPTION_TEXTS, offsetof(struct events_options, where), "FIELD=VALUE",
     "Only events whose field equals the value; several must all hold. Names are those of the "
     "field table, or OSSEC's.",
     NULL, false, false},
    {"format", 0, HIN_OPTION_CHOICE, offsetof(struct events_options, format), "FORMAT",
     "How each event is written; json is the API's object, ocsf the same without the ID.",
     "table|json|ocsf|cef|leef", false, false},
    {"limit", 'n', HIN_OPTION_COUNT, offsetof(struct events_options, limit), "N",
     "The N newest only.", NULL, false, false},
    {"after", 0, HIN_OPTION_COUNT, offsetof(struct events_options, after), "ID",
     "Only events after this ID.", NULL, false, false},
};
static const struct hin_command events_usage = {
    "hinomi events",
    "search events, or follow them live",
    NULL,
    "Without --follow: all events that match, oldest first. With --follow: what comes from now on, "
    "or after --since,\n"
    "--after or --limit what they select and then what comes. One event a line in every format but "
    "the table's heading.",
    events_table,
    HIN_COUNT(events_table),
    0,
    0};

/* Where an interrupt finds the client whose call it ends: a signal handler can be given nothing. */
static struct hin_http_client *volatile interrupted_client;

static void interrupt(int signal_number)
{
    (void)signal_number;
    if (interrupted_client != NULL) {
        hin_http_client_interrupt(interrupted_client);
    }
}

struct printer {
    const char *format;
    bool is_terminal; /* a program gets each byte as it is */
    int64_t last_id;
    int64_t damaged; /* events that were left out of what was printed */
    struct hin_buf line;
    struct hin_error *error;
    struct hin_result result;
};

/* json: the object as it came; ocsf: the same without its first member, the ID; else the manager's
 * text. */
static HIN_RESULT print_event(struct printer *printer, struct hin_json event)
{
    HIN_TRY(hin_json_get_integer(event, "ID", 0, INT64_MAX, &printer->last_id, printer->error));
    struct hin_view text;
    hin_buf_clear(&printer->line);
    if (strcmp(printer->format, "json") == 0) {
        struct hin_json_writer writer;
        hin_json_writer_init(&writer, &printer->line, false);
        hin_json_put_value(&writer, event);
        HIN_TRY(hin_json_writer_finish(&writer));
    } else if (strcmp(printer->format, "ocsf") == 0) {
        struct hin_json_writer writer;
        hin_json_writer_init(&writer, &printer->line, false);
        hin_json_begin_object(&writer);
        struct hin_json_iterator members = hin_json_iterate(event);
        const char *key = NULL;
        struct hin_json value;
        while (hin_json_next(&members, &key, &value)) {
            if (strcmp(key, "ID") != 0) {
                hin_json_key(&writer, key);
                hin_json_put_value(&writer, value);
            }
        }
        hin_json_end_object(&writer);
        HIN_TRY(hin_json_writer_finish(&writer));
    } else {
        HIN_TRY(hin_json_get_text(event, "text", &text, printer->error));
        HIN_TRY(hin_buf_append(&printer->line, text));
    }
    HIN_TRY(hin_buf_append_byte(&printer->line, '\n'));
    if (printer->is_terminal) {
        HIN_ENSURE(hin_table_show(hin_buf_view(&printer->line), stdout), IO);
        return hin_ok();
    }
    size_t written = fwrite(printer->line.data, 1, printer->line.size, stdout);
    HIN_ENSURE(written == printer->line.size, IO);
    return hin_ok();
}

static bool print_streamed(void *context, const struct hin_http_event *event)
{
    struct printer *printer = context;
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    if (!hin_view_is(event->type, "message") && !hin_view_is(event->type, "event")) {
        return true; /* a kind that a newer manager sends */
    }
    printer->result = hin_json_parse(event->data, (size_t)4 << 20, &document, printer->error);
    if (hin_is_ok(printer->result)) {
        printer->result = print_event(printer, hin_json_root(document));
    }
    fflush(stdout);
    return hin_is_ok(printer->result);
}

/* The query that selects: since, until, where, format. Names are checked by the manager. */
static HIN_RESULT make_query(const struct events_options *options, struct hin_buf *query,
                             struct hin_error *error)
{
    int64_t now = hin_clock_wall_usec(hin_clock_system());
    char number[32];
    const char *format = strcmp(options->format, "json") == 0 ? "ocsf" : options->format;
    HIN_TRY(hin_url_query_append(query, "format", hin_view_from_text(format)));
    if (options->since_usec > 0) {
        snprintf(number, sizeof(number), "%lld",
                 (long long)((now - options->since_usec) / HIN_MSEC_USEC));
        HIN_TRY(hin_url_query_append(query, "since", hin_view_from_text(number)));
    }
    if (options->until_usec > 0) {
        snprintf(number, sizeof(number), "%lld",
                 (long long)((now - options->until_usec) / HIN_MSEC_USEC));
        HIN_TRY(hin_url_query_append(query, "until", hin_view_from_text(number)));
    }
    for (size_t i = 0; i < options->where.count; i++) {
        if (strchr(options->where.items[i], '=') == NULL) {
            return hin_error_set(error, HIN_INVALID, NULL, 0, 0,
                                 "--where %s: FIELD=VALUE is needed", options->where.items[i]);
        }
        HIN_TRY(hin_url_query_append(query, "where", hin_view_from_text(options->where.items[i])));
    }
    return hin_ok();
}

static HIN_RESULT one_page(struct hin_cli_api *api, struct printer *printer, const char *path,
                           size_t *ret_count)
{
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_TRY(hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, printer->error));
    struct hin_json events;
    int64_t damaged = 0;
    HIN_TRY(
        hin_json_get_array(hin_json_root(document), "events", &events, ret_count, printer->error));
    HIN_TRY(hin_json_opt_integer(hin_json_root(document), "damaged", 0, INT64_MAX, &damaged,
                                 printer->error));
    printer->damaged += damaged;
    for (size_t i = 0; i < *ret_count; i++) {
        HIN_TRY(print_event(printer, hin_json_at(events, i)));
    }
    return hin_ok();
}

/* Where the N newest begin: the page is asked for from the end. */
static HIN_RESULT find_newest(struct hin_cli_api *api, struct hin_view query, uint64_t limit,
                              struct printer *printer)
{
    char path[HIN_URL_BYTES_MAX];
    while (limit > 0) {
        uint64_t step = HIN_MIN(limit, (uint64_t)PAGE_EVENTS);
        snprintf(path, sizeof(path), "/events?%.*s&limit=%llu&sort=desc%s%lld", HIN_ARGS(query),
                 (unsigned long long)step,
                 printer->last_id > 0 ? "&idTest=less-than&idValue="
                                      : "&idTest=greater-than&idValue=",
                 (long long)printer->last_id);
        HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
        HIN_TRY(
            hin_cli_api_call(api, HIN_HTTP_GET, path, HIN_VIEW_EMPTY, &document, printer->error));
        struct hin_json events;
        size_t count = 0;
        HIN_TRY(
            hin_json_get_array(hin_json_root(document), "events", &events, &count, printer->error));
        if (count == 0) {
            break;
        }
        HIN_TRY(hin_json_get_integer(hin_json_at(events, count - 1), "ID", 1, INT64_MAX,
                                     &printer->last_id, printer->error));
        limit -= count;
        if (count < step) {
            break;
        }
    }
    printer->last_id = printer->last_id > 0 ? printer->last_id - 1 : 0;
    return hin_ok();
}

static HIN_RESULT print_stored(struct hin_cli_api *api, struct hin_view query,
                               struct printer *printer)
{
    size_t count = PAGE_EVENTS;
    while (count == PAGE_EVENTS) {
        char path[HIN_URL_BYTES_MAX];
        snprintf(path, sizeof(path), "/events?%.*s&limit=%d&idTest=greater-than&idValue=%lld",
                 HIN_ARGS(query), PAGE_EVENTS, (long long)printer->last_id);
        HIN_TRY(one_page(api, printer, path, &count));
    }
    fflush(stdout);
    return hin_ok();
}

static HIN_RESULT show(struct hin_cli_api *api, const struct events_options *options,
                       struct printer *printer)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf query;
    hin_buf_init(&query, HIN_URL_BYTES_MAX - 256);
    HIN_TRY(make_query(options, &query, printer->error));
    struct hin_view selection = hin_buf_view(&query);
    bool stored =
        !options->follow || options->since_usec > 0 || options->after > 0 || options->limit > 0;
    printer->last_id = (int64_t)options->after;
    if (options->limit > 0) {
        printer->last_id = 0;
        HIN_TRY(find_newest(api, selection, options->limit, printer));
    }
    if (stored) {
        HIN_TRY(print_stored(api, selection, printer));
    }
    if (!options->follow) {
        return hin_ok();
    }
    char path[HIN_URL_BYTES_MAX];
    char last[32];
    snprintf(path, sizeof(path), "/events/stream?%.*s", HIN_ARGS(selection));
    snprintf(last, sizeof(last), "%lld", (long long)printer->last_id);
    struct hin_view resume = stored ? hin_view_from_text(last) : HIN_VIEW_EMPTY;
    struct hin_result result =
        hin_cli_api_follow(api, path, resume, print_streamed, printer, printer->error);
    HIN_TRY(printer->result);
    return result.code == HIN_CONFLICT ? hin_ok()
                                       : result; /* interrupted: that is how following ends */
}

static int run_events(int argc, char **argv)
{
    struct events_options options = {.format = "table"};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    if (!hin_cli_parse(&events_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_error error = {0};
    struct printer printer = {
        .format = options.format, .is_terminal = isatty(STDOUT_FILENO) == 1, .error = &error};
    hin_buf_init(&printer.line, (size_t)16 << 20);
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    struct hin_result result = hin_cli_api_open(&api, &error);
    if (hin_is_ok(result)) {
        interrupted_client = api.client;
        struct sigaction action = {.sa_handler = interrupt};
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        if (strcmp(options.format, "table") == 0) {
            printf("%s\n", hin_event_row_heading());
        }
        result = show(&api, &options, &printer);
        interrupted_client = NULL;
    }
    hin_buf_done(&printer.line);
    if (printer.damaged > 0) {
        hin_cli_complain_text("%lld events of this time are damaged and left out: see `hinomi "
                              "status`, and OPERATIONS.md, \"Damaged database\"",
                              (long long)printer.damaged);
    }
    return hin_cli_finish(result, &error);
}

static const struct hin_cli_command events_commands[] = {{&events_usage, run_events}};
const struct hin_cli_group hin_cli_group_events = {"events", "search and follow events",
                                                   events_commands, HIN_COUNT(events_commands)};
