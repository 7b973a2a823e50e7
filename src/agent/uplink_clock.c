/* How far this host's clock is off, as the process `clock` tells it, or the manager where no time
 * servers are configured: into events and heartbeats, and an event when the bound is passed. */
#include "agent/uplink_internal.h"
#include "base/bytes.h"
#include "base/codec.h"

HIN_RESULT uplink_clock_begin(struct uplink *u)
{
    HIN_TRY(hin_clock_settings_receive(u->role, &u->clock_settings));
    u->clock_watch.bound_usec = u->clock_settings.bound_usec;
    return hin_ok();
}

/* ---- told on ---- */

struct hin_result uplink_clock_write(const struct uplink *u, struct hin_buf *out)
{
    HIN_TRY(hin_write_u8(out, u->clock_known));
    HIN_TRY(hin_write_zigzag(out, u->clock_known ? u->clock_offset_usec : 0));
    return hin_write_bytes(out,
                           u->clock_known ? hin_view_from_text(u->clock_source) : HIN_VIEW_EMPTY);
}

/* A module that does not read now gets the next one. */
static void tell_module(const struct uplink *u, struct uplink_peer *peer)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 1024};
    struct hin_result result = uplink_clock_write(u, &payload);
    if (hin_is_ok(result)) {
        result = hin_ipc_send(peer->channel, HIN_AGENT_CLOCK, 0, hin_buf_view(&payload));
    }
    if (hin_is_ok(result)) {
        unsigned more = hin_ipc_wants_write(peer->channel) ? (unsigned)HIN_WATCH_WRITE : 0u;
        HIN_IGNORE(hin_watch_set(peer->watch, HIN_WATCH_READ | more));
    }
}

static void tell_modules(struct uplink *u)
{
    for (size_t i = 0; i < UPLINK_PEERS_MAX; i++) {
        struct uplink_peer *peer = &u->peers[i];
        if (peer->channel != NULL && peer->attached) {
            tell_module(u, peer);
        }
    }
}

HIN_RESULT uplink_clock_stamp(const struct uplink *u, struct hin_event *event)
{
    if (!u->clock_known) {
        return hin_ok();
    }
    HIN_TRY(hin_event_set_integer(event, HIN_FIELD_CLOCK_OFFSET, u->clock_offset_usec));
    return hin_event_set_text(event, HIN_FIELD_CLOCK_SOURCE, hin_view_from_text(u->clock_source));
}

static void tell_crossing(struct uplink *u, enum hin_clock_crossing crossing)
{
    char text[512];
    struct hin_clock_telling telling = {
        .offset_usec = u->clock_offset_usec,
        .bound_usec = u->clock_settings.bound_usec,
        .source = u->clock_source,
        .agree_count = u->clock_report.agree_count,
        .source_count = u->clock_settings.server_count,
    };
    bool passed = crossing == HIN_CLOCK_PASSED;
    hin_clock_tell(&telling, text, sizeof(text));
    hin_log(passed ? HIN_LOG_WARNING : HIN_LOG_NOTICE, "this host's clock is %s%s",
            passed ? "" : "within its bound again: ", text);
    uplink_event(u, passed ? HIN_STATE_CLOCK_BEYOND : HIN_STATE_CLOCK_WITHIN, HIN_VIEW("clock"),
                 hin_view_from_text(text), 0);
}

/* ---- measured ---- */

static void measured(struct uplink *u, int64_t offset_usec, int64_t error_usec, const char *source)
{
    bool news = !u->clock_known;
    u->clock_known = true;
    u->clock_offset_usec = offset_usec;
    u->clock_source = source;
    enum hin_clock_crossing crossing =
        hin_clock_watch_step(&u->clock_watch, offset_usec, error_usec);
    if (crossing != HIN_CLOCK_STAYS) {
        tell_crossing(u, crossing);
    }
    if (news || crossing != HIN_CLOCK_STAYS) {
        uplink_heartbeat(u); /* the manager need not wait for the next one */
    }
    tell_modules(u);
}

/* Nobody to be believed: better no stamp than an old one. */
static void forget(struct uplink *u)
{
    if (u->clock_known) {
        u->clock_known = false;
        tell_modules(u);
    }
}

static HIN_RESULT handle_report(void *context, struct hin_ipc *channel,
                                struct hin_ipc_message *message)
{
    struct uplink_peer *peer = context;
    struct uplink *u = peer->uplink;
    struct hin_clock_report *report = &u->clock_report;
    (void)channel;
    HIN_TRY(hin_clock_report_read(message->payload, report));
    if (report->measured) {
        measured(u, report->offset_usec, report->error_usec, report->sources[report->chosen].name);
    } else {
        forget(u);
    }
    return hin_ok();
}

void uplink_clock_lost(struct uplink *u)
{
    u->clock_report = (struct hin_clock_report){.measured = false};
    forget(u);
}

static const struct hin_ipc_permit clock_rows[] = {
    {HIN_CLOCK_REPORT, 0, 0, 0, 7, HIN_CLOCK_REPORT_MAX_BYTES, 0, handle_report},
};
const struct hin_ipc_table uplink_clock_table = {"clock -> uplink", clock_rows,
                                                 HIN_COUNT(clock_rows)};

void uplink_clock_by_manager(struct uplink *u, int64_t offset_usec, int64_t error_usec)
{
    if (u->clock_settings.server_count == 0) {
        measured(u, offset_usec, error_usec, "manager");
    }
}

/* ---- heartbeat ---- */

static void count(struct hin_wire_heartbeat *heartbeat, const char *name, int64_t value)
{
    heartbeat->counters[heartbeat->counter_count++] =
        (struct hin_wire_counter){hin_view_from_text(name), (uint64_t)HIN_MAX(value, INT64_C(0))};
}

/* Counters have no sign: one name for each direction. */
void uplink_clock_counters(const struct uplink *u, struct hin_wire_heartbeat *heartbeat)
{
    const struct hin_clock_report *report = &u->clock_report;
    int64_t now = hin_clock_wall_usec(hin_loop_clock(u->loop));
    count(heartbeat, "clock_beyond_bound", u->clock_watch.beyond);
    if (u->clock_settings.server_count == 0) {
        return;
    }
    count(heartbeat, "ntp_sources", (int64_t)u->clock_settings.server_count);
    count(heartbeat, "ntp_agreeing", (int64_t)report->agree_count);
    if (!report->measured) {
        return;
    }
    bool behind = report->offset_usec >= 0;
    count(heartbeat, behind ? "ntp_behind_usec" : "ntp_ahead_usec",
          behind ? report->offset_usec : -report->offset_usec);
    count(heartbeat, "ntp_error_usec", report->error_usec);
    count(heartbeat, "ntp_age_sec", (now - report->answer_usec) / HIN_SEC_USEC);
}
