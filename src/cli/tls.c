/* hinomi tls report: every link with what the TLS policy says of it, what the listeners really
 * accept, tried from here, and what sessions negotiated. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/terminal.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "crypt/link.h"
#include "io/address.h"
#include "io/url.h"

enum { PROBE_SECONDS = 5, REPORT_MAX = 1 << 20, LISTENERS = 2 };

struct report_options {
    const char *agents;
    bool json;
};

static const struct hin_option report_table[] = {
    {"agents", 0, HIN_OPTION_TEXT, offsetof(struct report_options, agents), "HOST:PORT",
     "Where the agents' listener is reached from here; without it, where the manager says.", NULL,
     false, false},
    {"json", 0, HIN_OPTION_FLAG, offsetof(struct report_options, json), NULL, "One JSON document.",
     NULL, false, false},
};
static const struct hin_command report_usage = {
    "hinomi tls report",
    "links, listeners and sessions beside the TLS policy",
    NULL,
    "Connects to the API and to the agents' listener with each version from TLS 1.0 on and with "
    "weak suites,\nwhich must be refused; the manager counts these among its failed handshakes. "
    "Exit status: 0 all is as\nthe policy says, 1 something is not, or could not be looked at, 2 "
    "wrong usage.",
    report_table,
    HIN_COUNT(report_table),
    0,
    0};

/* ---- listeners ---- */

struct tried {
    const struct hin_tls_offer *offer;
    struct hin_tls_probe probe;
    struct hin_result result; /* not OK: could not be tried */
};

struct listener {
    enum hin_link_id link;
    char host[HIN_URL_HOST_BYTES];
    uint16_t port;
    struct tried *tried; /* hin_tls_offer_count */
};

struct report {
    struct listener listeners[LISTENERS];
    unsigned deviations;
};

static void report_done(struct report *report)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        free(report->listeners[i].tried);
    }
}

static HIN_RESULT try_one(const struct listener *listener, const struct hin_address *address,
                          struct tried *tried)
{
    HIN_CLEANUP_FD int fd = -1;
    HIN_TRY(hin_connect_tcp(address, PROBE_SECONDS, &fd));
    return hin_tls_probe(fd, listener->host, tried->offer, &tried->probe);
}

static bool deviates(const struct listener *listener, const struct tried *tried)
{
    const struct hin_link *link = &hin_links[listener->link];
    const struct hin_tls_probe *probe = &tried->probe;
    if (!hin_is_ok(tried->result) ||
        probe->accepted != hin_link_permits_offer(link, tried->offer)) {
        return true;
    }
    return probe->accepted && !hin_link_permits(link, probe->version, probe->suite,
                                                probe->group[0] != '\0' ? probe->group : NULL);
}

static HIN_RESULT try_listener(struct report *report, struct listener *listener,
                               struct hin_error *error)
{
    struct hin_address address;
    size_t count = 0;
    listener->tried = calloc(hin_tls_offer_count, sizeof(*listener->tried));
    HIN_ENSURE(listener->tried != NULL, NO_MEMORY);
    HIN_TRY(hin_resolve(listener->host, listener->port, &address, 1, &count, error));
    for (size_t i = 0; i < hin_tls_offer_count; i++) {
        struct tried *tried = &listener->tried[i];
        tried->offer = &hin_tls_offers[i];
        tried->result = try_one(listener, &address, tried);
        report->deviations += deviates(listener, tried);
    }
    return hin_ok();
}

static HIN_RESULT aim(struct listener *listener, enum hin_link_id link, struct hin_view url,
                      struct hin_error *error)
{
    struct hin_url parsed;
    HIN_TRY(hin_url_parse(url, &parsed, error));
    listener->link = link;
    listener->port = parsed.port;
    return hin_view_to_text(hin_view_from_text(parsed.host), listener->host,
                            sizeof(listener->host));
}

static HIN_RESULT aim_at_agents(struct listener *listener, const struct report_options *options,
                                struct hin_json root, struct hin_error *error)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf url = {.max = HIN_URL_BYTES_MAX};
    struct hin_view told = HIN_VIEW_EMPTY;
    if (options->agents != NULL) {
        HIN_TRY(hin_buf_printf(&url, "https://%s", options->agents));
        return aim(listener, HIN_LINK_AGENTS, hin_buf_view(&url), error);
    }
    HIN_TRY(hin_json_get_text(root, "agentsURL", &told, error));
    return aim(listener, HIN_LINK_AGENTS, told, error);
}

/* ---- sessions ---- */

/* What of an array of counts the policy does not permit. */
static HIN_RESULT count_deviations(struct hin_json sessions, const char *key, unsigned *count,
                                   struct hin_error *error)
{
    struct hin_json rows = {0};
    size_t row_count = 0;
    HIN_TRY(hin_json_get_array(sessions, key, &rows, &row_count, error));
    for (size_t i = 0; i < row_count; i++) {
        bool permitted = false;
        HIN_TRY(hin_json_get_boolean(hin_json_at(rows, i), "permitted", &permitted, error));
        *count += !permitted;
    }
    return hin_ok();
}

static const char *const count_keys[] = {"versions", "suites", "groups"};

static HIN_RESULT judge_sessions(struct hin_json links, size_t count, unsigned *deviations,
                                 struct hin_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_json sessions = {0};
        if (!hin_is_ok(hin_json_get_object(hin_json_at(links, i), "sessions", &sessions, NULL))) {
            continue; /* not counted */
        }
        for (size_t k = 0; k < HIN_COUNT(count_keys); k++) {
            HIN_TRY(count_deviations(sessions, count_keys[k], deviations, error));
        }
    }
    return hin_ok();
}

/* ---- for people ---- */

static HIN_RESULT print_policy(struct hin_json links, size_t count)
{
    static const char *const headings[] = {"LINK", "FROM", "TO", "PROTOCOL", "LEAST", "PROOF"};
    HIN_CLEANUP(hin_table_done) struct hin_table table = {0};
    HIN_TRY(hin_table_init(&table, headings, HIN_COUNT(headings)));
    for (size_t i = 0; i < count; i++) {
        struct hin_json row = hin_json_at(links, i);
        struct hin_view cells[] = {
            hin_table_cell(&table, row, "name"),    hin_table_cell(&table, row, "from"),
            hin_table_cell(&table, row, "to"),      hin_table_cell(&table, row, "protocol"),
            hin_table_cell(&table, row, "minimum"), hin_table_cell(&table, row, "proof")};
        HIN_TRY(hin_table_add(&table, cells));
    }
    hin_table_print(&table, stdout);
    return hin_ok();
}

static void print_listener(const struct listener *listener)
{
    printf("\n%s listener, %s port %u:\n", hin_links[listener->link].name, listener->host,
           listener->port);
    for (size_t i = 0; i < hin_tls_offer_count; i++) {
        const struct tried *tried = &listener->tried[i];
        const struct hin_tls_probe *probe = &tried->probe;
        const char *mark = deviates(listener, tried) ? "   DEVIATION" : "";
        if (!hin_is_ok(tried->result)) {
            printf("  %-27s not tried: %s%s\n", tried->offer->name,
                   hin_code_text(tried->result.code), mark);
        } else if (probe->accepted) {
            printf("  %-27s accepted: %s %s %s%s\n", tried->offer->name, probe->version,
                   probe->suite, probe->group, mark);
        } else {
            printf("  %-27s refused: %s%s\n", tried->offer->name, probe->text, mark);
        }
    }
}

static HIN_RESULT print_counts(struct hin_json sessions, const char *key, struct hin_error *error)
{
    struct hin_json rows = {0};
    size_t count = 0;
    HIN_TRY(hin_json_get_array(sessions, key, &rows, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct hin_view name = HIN_VIEW_EMPTY;
        int64_t number = 0;
        bool permitted = false;
        struct hin_json row = hin_json_at(rows, i);
        HIN_TRY(hin_json_get_text(row, "name", &name, error));
        HIN_TRY(hin_json_get_integer(row, "count", 0, INT64_MAX, &number, error));
        HIN_TRY(hin_json_get_boolean(row, "permitted", &permitted, error));
        hin_terminal_line(stdout, "  %.*s: %lld%s", HIN_ARGS(name), (long long)number,
                          permitted ? "" : "   DEVIATION");
    }
    return hin_ok();
}

static HIN_RESULT print_sessions(struct hin_json links, size_t count, struct hin_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct hin_json link = hin_json_at(links, i), sessions = {0};
        struct hin_view name = HIN_VIEW_EMPTY, since = HIN_VIEW_EMPTY, least = HIN_VIEW_EMPTY;
        int64_t number = 0, resumed = 0;
        HIN_TRY(hin_json_get_text(link, "name", &name, error));
        if (!hin_is_ok(hin_json_get_object(link, "sessions", &sessions, NULL))) {
            if (hin_is_ok(hin_json_get_text(link, "minimum", &least, NULL))) {
                putchar('\n');
                hin_terminal_line(stdout, "%.*s sessions: not counted", HIN_ARGS(name));
            }
            continue;
        }
        HIN_TRY(hin_json_get_text(sessions, "since", &since, error));
        HIN_TRY(hin_json_get_integer(sessions, "count", 0, INT64_MAX, &number, error));
        HIN_TRY(hin_json_get_integer(sessions, "resumed", 0, INT64_MAX, &resumed, error));
        putchar('\n');
        hin_terminal_line(stdout, "%.*s sessions (%.*s): %lld, of these resumed: %lld",
                          HIN_ARGS(name), HIN_ARGS(since), (long long)number, (long long)resumed);
        for (size_t k = 0; k < HIN_COUNT(count_keys); k++) {
            HIN_TRY(print_counts(sessions, count_keys[k], error));
        }
    }
    return hin_ok();
}

static HIN_RESULT print_report(const struct report *report, struct hin_json links, size_t count,
                               struct hin_error *error)
{
    HIN_TRY(print_policy(links, count));
    for (size_t i = 0; i < LISTENERS; i++) {
        print_listener(&report->listeners[i]);
    }
    HIN_TRY(print_sessions(links, count, error));
    printf("\ndeviations from the policy: %u\n", report->deviations);
    return hin_ok();
}

/* ---- as JSON ---- */

static void write_listener(struct hin_json_writer *writer, const struct listener *listener)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "link", hin_links[listener->link].name);
    hin_json_field_cstring(writer, "host", listener->host);
    hin_json_field_unsigned(writer, "port", listener->port);
    hin_json_key(writer, "offers");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < hin_tls_offer_count; i++) {
        const struct tried *tried = &listener->tried[i];
        const struct hin_tls_probe *probe = &tried->probe;
        bool well = hin_is_ok(tried->result);
        hin_json_begin_object(writer);
        hin_json_field_cstring(writer, "name", tried->offer->name);
        hin_json_field_boolean(writer, "permitted",
                               hin_link_permits_offer(&hin_links[listener->link], tried->offer));
        hin_json_field_boolean(writer, "tried", well);
        hin_json_field_boolean(writer, "accepted", well && probe->accepted);
        hin_json_field_cstring(writer, "version", probe->version);
        hin_json_field_cstring(writer, "suite", probe->suite);
        hin_json_field_cstring(writer, "group", probe->group);
        hin_json_field_cstring(writer, "reason",
                               well ? probe->text : hin_code_text(tried->result.code));
        hin_json_field_boolean(writer, "deviation", deviates(listener, tried));
        hin_json_end_object(writer);
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
}

static HIN_RESULT print_json(const struct report *report, struct hin_json links)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = REPORT_MAX};
    struct hin_json_writer writer;
    hin_json_writer_init(&writer, &out, true);
    hin_json_begin_object(&writer);
    hin_json_key(&writer, "links");
    hin_json_put_value(&writer, links);
    hin_json_key(&writer, "listeners");
    hin_json_begin_array(&writer);
    for (size_t i = 0; i < LISTENERS; i++) {
        write_listener(&writer, &report->listeners[i]);
    }
    hin_json_end_array(&writer);
    hin_json_field_unsigned(&writer, "deviations", report->deviations);
    hin_json_end_object(&writer);
    HIN_TRY(hin_json_writer_finish(&writer));
    printf("%.*s\n", HIN_ARGS(hin_buf_view(&out)));
    return hin_ok();
}

/* ---- the command ---- */

static HIN_RESULT report(const struct report_options *options, unsigned *ret_deviations,
                         struct hin_error *error)
{
    HIN_CLEANUP(hin_cli_api_done) struct hin_cli_api api = {0};
    HIN_CLEANUP(hin_json_cleanup) struct hin_json_document *document = NULL;
    HIN_CLEANUP(report_done) struct report made = {0};
    struct hin_json links = {0};
    size_t count = 0;
    HIN_TRY(hin_cli_api_open(&api, error));
    HIN_TRY(hin_cli_api_call(&api, HIN_HTTP_GET, "/tls", HIN_VIEW_EMPTY, &document, error));
    struct hin_json root = hin_json_root(document);
    HIN_TRY(hin_json_get_array(root, "links", &links, &count, error));
    HIN_TRY(aim(&made.listeners[0], HIN_LINK_API, hin_view_from_text(api.profile.url), error));
    HIN_TRY(aim_at_agents(&made.listeners[1], options, root, error));
    for (size_t i = 0; i < LISTENERS; i++) {
        HIN_TRY(try_listener(&made, &made.listeners[i], error));
    }
    HIN_TRY(judge_sessions(links, count, &made.deviations, error));
    HIN_TRY(options->json ? print_json(&made, links) : print_report(&made, links, count, error));
    *ret_deviations = made.deviations;
    return hin_ok();
}

static int run_report(int argc, char **argv)
{
    struct report_options options = {0};
    struct hin_error error = {0};
    char **operands = NULL;
    size_t count = 0;
    int status = 0;
    unsigned deviations = 0;
    if (!hin_cli_parse(&report_usage, argc, argv, &options, &operands, &count, &status)) {
        return status;
    }
    struct hin_result result = report(&options, &deviations, &error);
    (void)fflush(stdout);
    return hin_is_ok(result) && deviations > 0 ? HIN_CLI_FAILED : hin_cli_finish(result, &error);
}

static const struct hin_cli_command tls_commands[] = {{&report_usage, run_report}};
const struct hin_cli_group hin_cli_group_tls = {
    "tls", "links, listeners and sessions beside the TLS policy", tls_commands,
    HIN_COUNT(tls_commands)};
