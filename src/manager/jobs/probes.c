#include "manager/jobs/probes.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/log.h"
#include "event/state.h"
#include "manager/roles.h"

enum { EVENT_BYTES = 240 };
#define TURN_USEC (500 * HIN_MSEC_USEC)

HIN_RESULT hin_jobs_ask(struct hin_role *role, const char *name, unsigned instance,
                        struct hin_view question, struct hin_buf *ret_trial)
{
    struct hin_ipc_message reply;
    struct hin_ipc *channel = hin_role_peer(role, name, instance);
    HIN_ENSURE(channel != NULL, NOT_FOUND);
    HIN_TRY(
        hin_ipc_call(channel, HIN_MESSAGE_PROBE, question, HIN_PROBE_CALL_TIMEOUT_USEC, &reply));
    HIN_TRY((struct hin_result){reply.code});
    return hin_buf_append(ret_trial, reply.payload);
}

/* In whichever worker is there. */
static void send_event(struct hin_role *role, unsigned workers, const char *text)
{
    HIN_CLEANUP(hin_buf_done) struct hin_buf payload = {.max = 1024};
    if (!hin_is_ok(hin_write_u16(&payload, HIN_STATE_PROMISE_BROKEN)) ||
        !hin_is_ok(hin_write_bytes(&payload, hin_view_from_text(text)))) {
        return; /* the log has it, and the evidence */
    }
    for (unsigned i = 0; i < workers; i++) {
        struct hin_ipc *channel = hin_role_peer(role, "worker", i);
        if (channel != NULL &&
            hin_is_ok(hin_ipc_send(channel, HIN_MESSAGE_STATE, 0, hin_buf_view(&payload)))) {
            return;
        }
    }
}

void hin_jobs_tell_probe(struct hin_role *role, unsigned workers, const struct hin_probe *probe,
                         const struct hin_trial *trial, bool broken)
{
    enum hin_evidence_outcome outcome = hin_trial_outcome(trial);
    struct hin_view reason = hin_trial_reason(trial);
    hin_log(outcome == HIN_EVIDENCE_FAILED ? HIN_LOG_ERROR : HIN_LOG_INFO, "probe %s: %s%s%.*s",
            probe->name, hin_evidence_outcome_name(outcome), reason.size > 0 ? ": " : "",
            HIN_ARGS(reason));
    if (broken) {
        char text[EVENT_BYTES];
        snprintf(text, sizeof(text), "Probe %s: %.*s", probe->name, HIN_ARGS(reason));
        send_event(role, workers, text);
    }
}

void hin_jobs_run_probes(struct hin_jobs_probes *probes, const struct hin_probe_tools *tools)
{
    bool ran = false;
    int64_t now_usec = hin_clock_monotonic_usec(tools->clock);
    int64_t until_usec = now_usec + TURN_USEC;
    if (now_usec < probes->again_usec) {
        return;
    }
    struct hin_result done = hin_probe_run_requested(tools, &ran);
    bool more = now_usec >= probes->from_usec;
    while (hin_is_ok(done) && more) {
        done = hin_probe_run_due(tools, &more);
        more = more && hin_clock_monotonic_usec(tools->clock) < until_usec;
    }
    if (!hin_is_ok(done)) {
        hin_log_result(HIN_LOG_WARNING, done, "evidence cannot be recorded");
        probes->again_usec = hin_clock_monotonic_usec(tools->clock) + HIN_MINUTE_USEC;
    }
}
