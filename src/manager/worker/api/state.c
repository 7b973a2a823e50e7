/* State of the manager: health, metrics, status, the OpenAPI document. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "keys/client.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/inquiry.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/openapi.h"
#include "manager/worker/bus.h"
#include "manager/worker/ingest/ingest.h"
#include "store/events.h"

/* ---- health ---- */

/* One answer for all workers, whichever took the connection: the worst that one of them sees. */
static void on_gone(void *context, struct hin_http_exchange *exchange)
{
    struct hin_api_inquiry *inquiry = context;
    (void)exchange;
    inquiry->exchange = NULL;
}

HIN_RESULT hin_api_inquire(struct hin_api_call *call, bool health,
                           void (*done)(struct hin_gather *gather))
{
    static const struct hin_http_stream_events events = {.on_gone = on_gone};
    struct hin_api_inquiry *inquiry = calloc(1, sizeof(*inquiry));
    HIN_ENSURE(inquiry != NULL, NO_MEMORY);
    inquiry->gather.tenant = call->tenant->number;
    inquiry->gather.health = health;
    inquiry->gather.done = done;
    inquiry->gather.worker = call->worker;
    inquiry->exchange = call->exchange;
    call->taken = true;
    hin_http_exchange_watch(call->exchange, &events, inquiry);
    hin_bus_gather(call->worker->bus, &inquiry->gather);
    return hin_ok();
}

static void answer_health(struct hin_gather *gather)
{
    struct hin_api_inquiry *inquiry = (struct hin_api_inquiry *)gather;
    struct hin_desk *desk = gather->worker->desks;
    struct hin_store_position position;
    char text[128];
    bool well = hin_is_ok(hin_store_position(desk->tenant.store, &position));
    uint64_t worst = HIN_STORE_STATE_WHOLE;
    for (size_t i = 0; i < HIN_GATHER_WORKERS; i++) {
        if (gather->present[i]) {
            well = well && gather->numbers[i].blocked == 0;
            worst = HIN_MAX(worst, gather->numbers[i].store_state);
        }
    }
    snprintf(text, sizeof(text), "{\"status\":\"%s\",\"store\":\"%s\"}", well ? "ok" : "failed",
             hin_store_state_name((enum hin_store_state)worst));
    if (inquiry->exchange != NULL) {
        HIN_IGNORE(hin_http_reply(inquiry->exchange, well ? 200 : 503, "application/json",
                                  hin_view_from_text(text))); /* the peer may have gone */
    }
    free(inquiry);
}

static struct hin_result health(struct hin_api_call *call)
{
    return hin_api_inquire(call, true, answer_health);
}

/* ---- metrics: OpenMetrics 1.0 text ---- */

static HIN_RESULT gauge(struct hin_buf *out, const char *name, const char *help, double value)
{
    return hin_buf_printf(out, "# TYPE hinomi_%s gauge\n# HELP hinomi_%s %s\nhinomi_%s %.17g\n",
                          name, name, help, name, value);
}

static HIN_RESULT head(struct hin_buf *out, const char *name, const char *type, const char *help)
{
    return hin_buf_printf(out, "# TYPE hinomi_%s %s\n# HELP hinomi_%s %s\n", name, type, name,
                          help);
}

static HIN_RESULT counter(struct hin_buf *out, const char *name, const char *help, uint64_t value)
{
    HIN_TRY(head(out, name, "counter", help));
    return hin_buf_printf(out, "hinomi_%s_total %llu\n", name, (unsigned long long)value);
}

/* What each worker counts for itself starts anew when it does: a series of its own, so that a sum
 * over them never seems to go back. `offset`: of the number in struct hin_worker_numbers. */
static HIN_RESULT counters(struct hin_buf *out, const struct hin_gather *gather, const char *name,
                           const char *help, size_t offset)
{
    HIN_TRY(head(out, name, "counter", help));
    for (unsigned i = 0; i < HIN_GATHER_WORKERS; i++) {
        if (gather->present[i]) {
            const uint64_t *value =
                (const uint64_t *)(const void *)((const char *)&gather->numbers[i] + offset);
            HIN_TRY(hin_buf_printf(out, "hinomi_%s_total{worker=\"%u\"} %llu\n", name, i,
                                   (unsigned long long)*value));
        }
    }
    return hin_ok();
}
#define NUMBER(name) offsetof(struct hin_worker_numbers, name)

static HIN_RESULT write_listener(struct hin_buf *out, const struct hin_gather *gather)
{
    HIN_TRY(counters(out, gather, "api_connections", "TLS connections of the API.",
                     NUMBER(api_connections)));
    HIN_TRY(
        head(out, "api_handshake_failures", "counter", "TLS handshakes that failed, by reason."));
    for (unsigned at = 0; at < HIN_GATHER_WORKERS; at++) {
        for (int i = 0; gather->present[at] && i < HIN_HANDSHAKE_REASON_COUNT; i++) {
            HIN_TRY(hin_buf_printf(
                out, "hinomi_api_handshake_failures_total{worker=\"%u\",reason=\"%s\"} %llu\n", at,
                hin_handshake_reason_name((enum hin_handshake_reason)i),
                (unsigned long long)gather->numbers[at].api_failures[i]));
        }
    }
    return hin_ok();
}

/* Without a measurement there is no offset: the metric is absent then. */
static HIN_RESULT write_clock(struct hin_buf *out, const struct hin_worker *worker)
{
    const struct hin_worker_clock *ntp = &worker->ntp;
    HIN_TRY(gauge(out, "clock_sources", "Time servers configured for the manager.",
                  (double)ntp->settings.server_count));
    HIN_TRY(gauge(out, "clock_sources_agreeing", "Of these, how many answer and agree.",
                  (double)ntp->report.agree_count));
    HIN_TRY(gauge(out, "clock_bound_seconds", "By how much the clock may be off.",
                  (double)ntp->settings.bound_usec / 1e6));
    HIN_TRY(gauge(out, "clock_beyond_bound", "1 when it is off by more.", ntp->watch.beyond));
    if (!ntp->report.measured) {
        return hin_ok();
    }
    HIN_TRY(gauge(out, "clock_offset_seconds", "True time minus the manager's clock.",
                  (double)ntp->report.offset_usec / 1e6));
    return gauge(out, "clock_error_seconds", "By how much that may be wrong.",
                 (double)ntp->report.error_usec / 1e6);
}

/* Of the installation as a whole: for its own tenant only. */
static HIN_RESULT write_installation(struct hin_buf *out, const struct hin_gather *gather)
{
#define X(name, text) HIN_TRY(counters(out, gather, #name, text, NUMBER(counters.name)));
    HIN_WORKER_COUNTERS(X)
#undef X
    HIN_TRY(write_clock(out, gather->worker));
    return write_listener(out, gather);
}

static HIN_RESULT write_agents(struct hin_buf *out, const struct hin_gather *gather)
{
    struct hin_bus *bus = gather->worker->bus;
    uint64_t spool = 0, lag_usec = 0;
    for (size_t i = 0; i < HIN_GATHER_WORKERS; i++) {
        spool += gather->present[i] ? gather->numbers[i].spool_events : 0;
        lag_usec = gather->present[i] ? HIN_MAX(lag_usec, gather->numbers[i].lag_usec) : lag_usec;
    }
    HIN_TRY(gauge(out, "agents_connected", "Agents with an open session.",
                  (double)hin_bus_agents(bus, gather->tenant)));
    HIN_TRY(gauge(out, "agents_clock_beyond_bound",
                  "Of these, those whose clock is off by more than their bound.",
                  (double)hin_bus_clocks_beyond(bus, gather->tenant)));
    HIN_TRY(gauge(out, "agent_spool_events", "Events that wait in the spools of connected agents.",
                  (double)spool));
    HIN_TRY(counters(out, gather, "agent_events_lost", "Events that agents lost.",
                     NUMBER(events_lost)));
    return gauge(
        out, "ingest_lag_seconds",
        "From a line's receipt at the agent to its commit, last batch; of the slowest worker.",
        (double)lag_usec / 1e6);
}

static HIN_RESULT write_store(struct hin_buf *out, struct hin_tenant *tenant)
{
    struct hin_store_stats stats;
    struct hin_store_salvages salvages;
    HIN_TRY(hin_store_stats(tenant->store, &stats));
    HIN_TRY(hin_store_salvages(tenant->store, &salvages));
    HIN_TRY(gauge(out, "events", "Events stored.", (double)stats.events));
    HIN_TRY(gauge(out, "segments", "Segments stored.", (double)stats.segments));
    HIN_TRY(
        gauge(out, "segments_damaged", "Segments found damaged.", (double)stats.segments_damaged));
    HIN_TRY(
        counter(out, "store_salvages", "Times a damaged database was salvaged.", salvages.count));
    return gauge(out, "database_bytes", "Size of the database.", (double)stats.bytes);
}

static HIN_RESULT write_metrics(struct hin_buf *out, const struct hin_gather *gather)
{
    struct hin_desk *desk = hin_desk_known(gather->worker, gather->tenant);
    HIN_ENSURE(desk != NULL, NOT_FOUND); /* it is gone since */
    HIN_TRY(hin_desk_wake(desk));
    if (gather->tenant == 0) {
        HIN_TRY(write_installation(out, gather));
    }
    HIN_TRY(write_agents(out, gather));
    HIN_TRY(write_store(out, &desk->tenant));
    HIN_TRY(counters(out, gather, "key_uses", "Calls of the key service.", NUMBER(key_uses)));
    return hin_buf_append_text(out, "# EOF\n");
}

static void answer_metrics(struct hin_gather *gather)
{
    struct hin_api_inquiry *inquiry = (struct hin_api_inquiry *)gather;
    HIN_CLEANUP(hin_buf_done) struct hin_buf out = {.max = 1u << 20};
    if (inquiry->exchange != NULL) {
        struct hin_result written = write_metrics(&out, gather);
        if (hin_is_ok(written)) {
            HIN_IGNORE(hin_http_reply(inquiry->exchange, 200,
                                      "application/openmetrics-text; version=1.0.0; charset=utf-8",
                                      hin_buf_view(&out))); /* the peer may have gone */
        } else {
            HIN_IGNORE(hin_http_reply_message(inquiry->exchange, 503, hin_code_text(written.code)));
        }
    }
    free(inquiry);
}

static struct hin_result metrics(struct hin_api_call *call)
{
    return hin_api_inquire(call, false, answer_metrics);
}

/* ---- status ---- */

static void put_processes(struct hin_api_call *call, struct hin_json_writer *writer)
{
    struct hin_ipc_message reply;
    struct hin_result asked =
        hin_ipc_call(hin_role_parent_channel(call->worker->role), HIN_MESSAGE_STATUS,
                     HIN_VIEW_EMPTY, 5 * HIN_SEC_USEC, &reply);
    hin_json_key(writer, "processes");
    hin_json_begin_array(writer);
    if (hin_is_ok(asked) && reply.code == HIN_OK) {
        struct hin_view rest = reply.payload;
        struct hin_view line;
        while (hin_view_split(&rest, '\n', &line)) {
            if (line.size > 0) {
                hin_json_put_text(writer, line);
            }
        }
    }
    hin_json_end_array(writer);
}

static void put_keys(struct hin_api_call *call, struct hin_json_writer *writer)
{
    struct hin_key_provider_status status = {0};
    call->tenant->key_use_count++;
    struct hin_result asked = hin_keys_status(&call->tenant->keys, &status);
    hin_json_key(writer, "keyRing");
    hin_json_begin_object(writer);
    if (hin_is_ok(asked)) {
        hin_json_field_cstring(writer, "provider", status.name);
        hin_json_field_integer(writer, "masterKeyVersion", status.current_version);
        hin_json_field_boolean(writer, "sealed", status.sealed);
        hin_json_field_cstring(writer, "advice", status.advice);
    } else {
        hin_json_field_cstring(writer, "failure", hin_code_text(asked.code));
    }
    hin_json_end_object(writer);
}

static void put_salvages(struct hin_json_writer *writer, const struct hin_store_salvages *salvages)
{
    hin_json_field_unsigned(writer, "salvages", salvages->count);
    if (salvages->count > 0) {
        hin_json_key(writer, "lastSalvage");
        hin_json_begin_object(writer);
        hin_json_field_integer(writer, "time", salvages->last_usec / HIN_MSEC_USEC);
        hin_json_field_unsigned(writer, "rowsKept", salvages->last.rows);
        hin_json_field_unsigned(writer, "tablesBroken", salvages->last.tables_broken);
        hin_json_field_unsigned(writer, "eventsLost", salvages->last.events_lost);
        hin_json_end_object(writer);
    }
}

static struct hin_result put_one_refused(void *context, struct hin_view tenant,
                                         const struct hin_vault_judgement *judgement)
{
    struct hin_json_writer *writer = context;
    hin_json_begin_object(writer);
    hin_json_field_text(writer, "tenant", tenant);
    hin_json_field_cstring(writer, "setBack",
                           judgement->verdict == HIN_VAULT_STORE_SET_BACK ? "store" : "vault");
    hin_json_field_unsigned(writer, "storeGeneration", judgement->found);
    hin_json_field_unsigned(writer, "vaultGeneration", judgement->known);
    hin_json_end_object(writer);
    return hin_ok();
}

/* What cannot be asked is left out; the log of `keys` has it. */
static void put_refused(struct hin_api_call *call, struct hin_json_writer *writer)
{
    hin_json_key(writer, "refusedTenants");
    hin_json_begin_array(writer);
    HIN_IGNORE(hin_keys_refused(&call->tenant->keys, put_one_refused, writer));
    hin_json_end_array(writer);
}

static struct hin_result status(struct hin_api_call *call)
{
    struct hin_json_writer writer;
    struct hin_store_stats stats;
    struct hin_store_salvages salvages;
    uint64_t agents = hin_bus_agents(call->worker->bus, call->tenant->number);
    uint64_t computers = 0;
    HIN_TRY(hin_store_salvages(call->tenant->store, &salvages));
    HIN_TRY(hin_store_stats(call->tenant->store, &stats));
    HIN_TRY(hin_store_count(call->tenant->store, HIN_STORE_COMPUTERS, &computers));
    hin_json_writer_init(&writer, call->out, true);
    hin_json_begin_object(&writer);
    hin_json_field_cstring(&writer, "version", HIN_VERSION);
    hin_json_field_cstring(&writer, "tenant", call->tenant->id);
    hin_json_field_integer(&writer, "started", call->worker->started_usec / HIN_MSEC_USEC);
    hin_json_field_unsigned(&writer, "computers", computers);
    hin_json_field_unsigned(&writer, "agentsConnected", agents);
    hin_json_key(&writer, "store");
    hin_json_begin_object(&writer);
    hin_json_field_unsigned(&writer, "events", stats.events);
    hin_json_field_unsigned(&writer, "segments", stats.segments);
    hin_json_field_unsigned(&writer, "segmentsDamaged", stats.segments_damaged);
    hin_json_field_unsigned(&writer, "bytes", stats.bytes);
    hin_json_field_cstring(&writer, "state",
                           hin_store_state_name(hin_desk_store_state(call->desk)));
    put_salvages(&writer, &salvages);
    hin_json_end_object(&writer);
    hin_worker_clock_show(call->worker, &writer);
    put_keys(call, &writer);
    if (call->tenant->number == 0) {
        put_refused(call, &writer);
        put_processes(call, &writer);
    }
    hin_json_end_object(&writer);
    return hin_json_writer_finish(&writer);
}

/* ---- OpenAPI ---- */

static struct hin_result openapi(struct hin_api_call *call)
{
    return hin_openapi_write(call->out);
}

static const struct hin_api_action actions[] = {
    {HIN_HTTP_GET, "health", HIN_RIGHT_NONE, health, NULL,
     "Whether this manager serves; holds nothing secret.", true},
    {HIN_HTTP_GET, "openapi.json", HIN_RIGHT_NONE, openapi, NULL, "This document.", true},
    {HIN_HTTP_GET, "metrics", HIN_RIGHT_METRICS, metrics, NULL, "Counters in OpenMetrics text.",
     true},
    {HIN_HTTP_GET, "status", HIN_RIGHT_VIEW, status, NULL, "State of processes, keys and store.",
     false},
};
const struct hin_api_module hin_api_module_state = {NULL, actions, HIN_COUNT(actions)};
