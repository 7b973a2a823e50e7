#include "manager/worker/clock.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "manager/worker/ingest/internal.h"

HIN_RESULT hin_worker_clock_begin(struct hin_worker *worker)
{
    struct hin_worker_clock *ntp = &worker->ntp;
    HIN_TRY(hin_clock_settings_receive(worker->role, &ntp->settings));
    ntp->watch.bound_usec = ntp->settings.bound_usec;
    return hin_ok();
}

static void tell_crossing(struct hin_worker *worker, enum hin_clock_crossing crossing)
{
    const struct hin_worker_clock *ntp = &worker->ntp;
    char told[512];
    char text[640];
    bool passed = crossing == HIN_CLOCK_PASSED;
    struct hin_clock_telling telling = {
        .offset_usec = ntp->report.offset_usec,
        .bound_usec = ntp->settings.bound_usec,
        .source = ntp->report.sources[ntp->report.chosen].name,
        .agree_count = ntp->report.agree_count,
        .source_count = ntp->report.source_count,
    };
    hin_clock_tell(&telling, told, sizeof(told));
    snprintf(text, sizeof(text), "The manager's clock is %s: %s",
             passed ? "off by more than the bound" : "within the bound again", told);
    hin_log(passed ? HIN_LOG_WARNING : HIN_LOG_NOTICE, "%s", text);
    struct hin_result result = hin_ingest_state_event(
        worker->desks->ingest, passed ? HIN_STATE_CLOCK_BEYOND : HIN_STATE_CLOCK_WITHIN, 0, "",
        text);
    if (!hin_is_ok(result)) {
        hin_log_result(HIN_LOG_WARNING, result, "an event of the manager's own");
    }
}

HIN_RESULT hin_worker_clock_take(struct hin_worker *worker, struct hin_view payload)
{
    struct hin_worker_clock *ntp = &worker->ntp;
    HIN_TRY(hin_clock_report_read(payload, &ntp->report));
    if (!ntp->report.measured) {
        return hin_ok();
    }
    enum hin_clock_crossing crossing =
        hin_clock_watch_step(&ntp->watch, ntp->report.offset_usec, ntp->report.error_usec);
    if (crossing != HIN_CLOCK_STAYS && worker->instance == 0) {
        tell_crossing(worker, crossing);
    }
    return hin_ok();
}

void hin_worker_clock_lost(struct hin_worker *worker)
{
    worker->ntp.report = (struct hin_clock_report){.measured = false};
}

HIN_RESULT hin_worker_clock_stamp(const struct hin_worker *worker, struct hin_event *event)
{
    const struct hin_clock_report *report = &worker->ntp.report;
    if (!report->measured) {
        return hin_ok();
    }
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_CLOCK_OFFSET, report->offset_usec));
    return hin_event_set_text(event, HIN_FIELD_CLOCK_SOURCE,
                              hin_view_from_text(report->sources[report->chosen].name));
}

/* ---- shown ---- */

static void show_source(const struct hin_clock_source *source, struct hin_json_writer *writer)
{
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "name", source->name);
    hin_json_field_cstring(writer, "address", source->address);
    hin_json_field_cstring(writer, "state", hin_clock_state_name(source->state));
    hin_json_field_cstring(writer, "text", hin_clock_state_text(source->state));
    if (source->answer_usec != 0) {
        hin_json_field_integer(writer, "stratum", source->stratum);
        hin_json_field_integer(writer, "offsetUsec", source->offset_usec);
        hin_json_field_integer(writer, "errorUsec", source->error_usec);
        hin_json_field_integer(writer, "lastAnswer", source->answer_usec / HIN_MSEC_USEC);
    }
    hin_json_field_unsigned(writer, "requests", source->requests);
    hin_json_field_unsigned(writer, "answers", source->answers);
    hin_json_end_object(writer);
}

static const struct {
    const char *state, *advice;
} views[] = {
    {"unconfigured", "name time servers in ntpServers of manager.json (docs/CLOCKS.md)"},
    {"unmeasured", "no majority of the time servers answers and agrees: see sources"},
    {"within", ""},
    {"beyond", "set this host's clock right and keep it so (docs/CLOCKS.md)"},
};

void hin_worker_clock_show(const struct hin_worker *worker, struct hin_json_writer *writer)
{
    const struct hin_worker_clock *ntp = &worker->ntp;
    const struct hin_clock_report *report = &ntp->report;
    size_t view = ntp->settings.server_count == 0 ? 0
                  : !report->measured             ? 1
                  : !ntp->watch.beyond            ? 2
                                                  : 3;
    hin_json_key(writer, "clock");
    hin_json_begin_object(writer);
    hin_json_field_cstring(writer, "state", views[view].state);
    hin_json_field_cstring(writer, "advice", views[view].advice);
    hin_json_field_integer(writer, "boundUsec", ntp->settings.bound_usec);
    if (report->measured) {
        hin_json_field_integer(writer, "offsetUsec", report->offset_usec);
        hin_json_field_integer(writer, "errorUsec", report->error_usec);
        hin_json_field_cstring(writer, "source", report->sources[report->chosen].name);
        hin_json_field_integer(writer, "lastAnswer", report->answer_usec / HIN_MSEC_USEC);
    }
    hin_json_field_unsigned(writer, "agreeing", report->agree_count);
    hin_json_key(writer, "sources");
    hin_json_begin_array(writer);
    for (size_t i = 0; i < report->source_count; i++) {
        show_source(&report->sources[i], writer);
    }
    hin_json_end_array(writer);
    hin_json_end_object(writer);
}
