/* State of the manager: health, metrics, status, the OpenAPI document. */
#include <stdio.h>

#include "base/bytes.h"
#include "keys/client.h"
#include "manager/worker/api/api.h"
#include "manager/worker/api/modules.h"
#include "manager/worker/api/openapi.h"
#include "manager/worker/bus.h"
#include "manager/worker/ingest/ingest.h"
#include "store/events.h"

/* ---- health ---- */

#define STORE_LOOK_USEC (5 * HIN_SEC_USEC)

/* "salvaged" for as long as the damaged file stands beside the new one: whoever has looked into it
 * takes it away. */
static const char *store_look(struct hin_tenant *tenant)
{
    struct hin_store_salvages salvages;
    struct hin_store_stats stats;
    struct hin_result looked = hin_store_salvages(tenant->store, &salvages);
    if (hin_is_ok(looked)) {
        looked = hin_store_stats(tenant->store, &stats);
    }
    if (looked.code == HIN_AGAIN) {
        return "unreachable";
    }
    if (!hin_is_ok(looked) || stats.segments_damaged > 0) {
        return "damaged";
    }
    return salvages.count > 0 && hin_tenant_keeps_damaged(tenant) ? "salvaged" : "whole";
}

/* Anybody may ask, and a look walks over all segments: one look serves for some seconds. */
static const char *store_state(struct hin_desk *desk)
{
    if (hin_store_is_broken(desk->tenant.store)) {
        return "damaged";
    }
    int64_t now = hin_clock_monotonic_usec(desk->worker->clock);
    if (desk->store_state == NULL || now - desk->store_state_usec > STORE_LOOK_USEC) {
        desk->store_state = store_look(&desk->tenant);
        desk->store_state_usec = now;
    }
    return desk->store_state;
}

static struct hin_result health(struct hin_api_call *call)
{
    struct hin_store_position position;
    struct hin_result stored = hin_store_position(call->tenant->store, &position);
    bool well = hin_is_ok(stored) && !hin_ingest_is_blocked(call->desk->ingest);
    call->status = well ? 200 : 503;
    return hin_buf_printf(call->out, "{\"status\":\"%s\",\"store\":\"%s\"}", well ? "ok" : "failed",
                          store_state(call->desk));
}

/* ---- metrics: OpenMetrics 1.0 text ---- */

static HIN_RESULT gauge(struct hin_buf *out, const char *name, const char *help, double value)
{
    return hin_buf_printf(out, "# TYPE hinomi_%s gauge\n# HELP hinomi_%s %s\nhinomi_%s %.17g\n",
                          name, name, help, name, value);
}

static HIN_RESULT counter(struct hin_buf *out, const char *name, const char *help, uint64_t value)
{
    return hin_buf_printf(out,
                          "# TYPE hinomi_%s counter\n# HELP hinomi_%s %s\nhinomi_%s_total %llu\n",
                          name, name, help, name, (unsigned long long)value);
}

static HIN_RESULT write_listener(struct hin_buf *out, const struct hin_listener_stats *stats)
{
    HIN_TRY(counter(out, "api_connections", "TLS connections of the API.", stats->handshakes));
    HIN_TRY(hin_buf_append_text(
        out, "# TYPE hinomi_api_handshake_failures counter\n"
             "# HELP hinomi_api_handshake_failures TLS handshakes that failed, by reason.\n"));
    for (int i = 0; i < HIN_HANDSHAKE_REASON_COUNT; i++) {
        HIN_TRY(hin_buf_printf(out, "hinomi_api_handshake_failures_total{reason=\"%s\"} %llu\n",
                               hin_handshake_reason_name((enum hin_handshake_reason)i),
                               (unsigned long long)stats->failed[i]));
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
static HIN_RESULT write_installation(struct hin_api_call *call)
{
    struct hin_worker_counters sum;
    hin_bus_counters(call->worker->bus, &sum);
#define X(name, text) HIN_TRY(counter(call->out, #name, text, sum.name));
    HIN_WORKER_COUNTERS(X)
#undef X
    HIN_TRY(write_clock(call->out, call->worker));
    return write_listener(call->out,
                          hin_http_server_listener_stats(hin_api_server(call->worker->api)));
}

static struct hin_result metrics(struct hin_api_call *call)
{
    struct hin_store_stats stats;
    struct hin_store_salvages salvages;
    uint64_t spool = 0;
    uint64_t lost = 0;
    hin_ingest_spool(call->desk->ingest, &spool, &lost);
    HIN_TRY(hin_store_stats(call->tenant->store, &stats));
    HIN_TRY(hin_store_salvages(call->tenant->store, &salvages));
    call->content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    if (call->tenant->number == 0) {
        HIN_TRY(write_installation(call));
    }
    HIN_TRY(gauge(call->out, "agents_connected", "Agents with an open session.",
                  (double)hin_bus_agents(call->worker->bus, call->tenant->number)));
    HIN_TRY(gauge(call->out, "agents_clock_beyond_bound",
                  "Of these, those whose clock is off by more than their bound.",
                  (double)hin_bus_clocks_beyond(call->worker->bus, call->tenant->number)));
    HIN_TRY(gauge(call->out, "agent_spool_events",
                  "Events that wait in the spools of the agents of this worker.", (double)spool));
    HIN_TRY(
        counter(call->out, "agent_events_lost", "Events that agents of this worker lost.", lost));
    HIN_TRY(gauge(call->out, "ingest_lag_seconds",
                  "From a line's receipt at the agent to its commit, last batch.",
                  (double)hin_ingest_lag_usec(call->desk->ingest) / 1e6));
    HIN_TRY(gauge(call->out, "events", "Events stored.", (double)stats.events));
    HIN_TRY(gauge(call->out, "segments", "Segments stored.", (double)stats.segments));
    HIN_TRY(gauge(call->out, "segments_damaged", "Segments found damaged.",
                  (double)stats.segments_damaged));
    HIN_TRY(counter(call->out, "store_salvages", "Times a damaged database was salvaged.",
                    salvages.count));
    HIN_TRY(gauge(call->out, "database_bytes", "Size of the database.", (double)stats.bytes));
    HIN_TRY(counter(call->out, "key_uses", "Calls of the key service by this worker.",
                    call->tenant->key_use_count));
    return hin_buf_append_text(call->out, "# EOF\n");
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
    hin_json_field_cstring(&writer, "state", store_state(call->desk));
    put_salvages(&writer, &salvages);
    hin_json_end_object(&writer);
    hin_worker_clock_show(call->worker, &writer);
    put_keys(call, &writer);
    if (call->tenant->number == 0) {
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
